/* SPDX-License-Identifier: MIT */
/* Events that are not due soon: see wheel.h. */
#include "core/driver/wheel.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/error.h"

/* So many are quicker put in order than moved once more. */
#define FEW 4u

_Static_assert(WHEEL_SLOTS == 64, "the slots of a level are the bits of a word");

int wheel_reserve(struct wheel *wheel)
{
    if (wheel->free != 0 || wheel->made < wheel->room) {
        return OMEGA_OK;
    }
    if (wheel->room > UINT32_MAX / 2) {
        return OMEGA_ENOMEM;
    }
    uint32_t room = wheel->room == 0 ? 256 : 2 * wheel->room;
    struct wheel_node *nodes = realloc(wheel->nodes, room * sizeof *nodes);
    if (nodes == NULL) {
        return OMEGA_ENOMEM;
    }
    wheel->nodes = nodes;
    wheel->room = room;
    return OMEGA_OK;
}

/* Puts a node into the slot of its time. */
static inline void put(struct wheel *wheel, uint32_t node)
{
    const uint64_t time = (uint64_t)wheel->nodes[node].event.time_us;
    assert(time >= wheel->now);
    const unsigned highest = 63u - (unsigned)__builtin_clzll((time ^ wheel->now) | 1);
    const unsigned level = highest / WHEEL_BITS;
    const unsigned at = (unsigned)(time >> level * WHEEL_BITS) % WHEEL_SLOTS;
    struct wheel_slot *slot = &wheel->slots[level][at];
    wheel->nodes[node].next = slot->first;
    slot->first = node;
    slot->count++;
    wheel->used[level] |= UINT64_C(1) << at;
    wheel->levels |= 1u << level;
}

void wheel_put(struct wheel *wheel, int64_t time_us, uint64_t order, void *what)
{
    uint32_t node = wheel->made;
    if (wheel->free != 0) {
        node = wheel->free - 1;
        wheel->free = wheel->nodes[node].next;
    } else {
        wheel->made++;
    }
    wheel->nodes[node].event = (struct event){time_us, order, what};
    wheel->count++;
    put(wheel, node);
}

/* Empties the first slot that holds anything, and comes to its time. */
static struct wheel_few empty_slot(struct wheel *wheel, unsigned level)
{
    const unsigned at = (unsigned)__builtin_ctzll(wheel->used[level]);
    const unsigned shift = level * WHEEL_BITS;
    struct wheel_slot *slot = &wheel->slots[level][at];
    wheel->used[level] &= wheel->used[level] - 1;
    wheel->levels &= ~((uint32_t)(wheel->used[level] == 0) << level);
    /* the digits above stay, those below are 0 */
    wheel->now = (wheel->now >> shift >> WHEEL_BITS << WHEEL_BITS | at) << shift;
    const struct wheel_few few = {slot->first, slot->count};
    slot->count = 0;
    return few;
}

struct wheel_few wheel_turn(struct wheel *wheel)
{
    for (;;) {
        assert(wheel->levels != 0);
        const unsigned level = (unsigned)__builtin_ctz(wheel->levels);
        const struct wheel_few few = empty_slot(wheel, level);
        if (few.count <= FEW || level == 0) {
            wheel->count -= few.count;
            return few;
        }
        uint32_t node = few.first;
        for (uint32_t i = 0; i < few.count; i++) {
            const uint32_t next = wheel->nodes[node].next;
            put(wheel, node);
            node = next;
        }
    }
}

void wheel_release(struct wheel *wheel)
{
    free(wheel->nodes);
    *wheel = (struct wheel){.nodes = NULL};
}
