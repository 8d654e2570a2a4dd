/* SPDX-License-Identifier: MIT */
/*
 * Events that are not due soon, in no order but by how far off they are: a timing wheel of 64 slots
 * a level, each level 64 times as coarse as the one below it (Varghese and Lauck, SOSP 1987, scheme
 * 7). An event lies in the level of the highest of its time's digits, of 6 bits each, in which it
 * differs from the time that the wheel has come to. What a slot holds goes down level by level, but
 * only until few are left together: those are handed out, to be put in order by who asked.
 *
 * Whatever the times are, an event is moved at most once for each level.
 */
#ifndef OMEGA_CORE_DRIVER_WHEEL_H
#define OMEGA_CORE_DRIVER_WHEEL_H

#include <stddef.h>
#include <stdint.h>

#define WHEEL_BITS 6
#define WHEEL_SLOTS (1u << WHEEL_BITS)
#define WHEEL_LEVELS ((64 + WHEEL_BITS - 1) / WHEEL_BITS)

struct event {
    int64_t time_us;
    uint64_t order; /* of those at one time: kind and sequence; see events.c */
    void *what;
};

struct wheel_node {
    struct event event;
    uint32_t next; /* of its slot, or of the free ones */
};

struct wheel_slot {
    uint32_t first;
    uint32_t count; /* 0: `first` means nothing */
};

/* All 0: empty. */
struct wheel {
    struct wheel_node *nodes;
    uint32_t room;
    uint32_t made; /* of `room`, the others were never in use */
    uint32_t free; /* 1 above the first of those that are free again; 0: none */
    uint32_t count;
    uint64_t now;                /* the time that it has come to: no event is before it */
    uint32_t levels;             /* bits: which hold events */
    uint64_t used[WHEEL_LEVELS]; /* bits: which of their slots do */
    struct wheel_slot slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

/* Events that were taken out together: a list of nodes. */
struct wheel_few {
    uint32_t first;
    uint32_t count;
};

/* Makes room for one more; OMEGA_ENOMEM, also for more than fit in a count. */
int wheel_reserve(struct wheel *wheel);
/* Adds an event that room has been made for, behind all that have been taken out. */
void wheel_put(struct wheel *wheel, int64_t time_us, uint64_t order, void *what);
/* Takes out the next few events, which are before all that are left, of a wheel that is not empty;
 * more than a few only if they are at one instant. Each node is to be given back before the next
 * call. */
struct wheel_few wheel_turn(struct wheel *wheel);
/* Gives a node back; the one behind it. */
static inline uint32_t wheel_give(struct wheel *wheel, uint32_t node)
{
    const uint32_t next = wheel->nodes[node].next;
    wheel->nodes[node].next = wheel->free;
    wheel->free = node + 1;
    return next;
}
/* Frees all and makes it empty. */
void wheel_release(struct wheel *wheel);

#endif
