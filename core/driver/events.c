/* SPDX-License-Identifier: MIT */
/* The event queue: see events.h. */
#include "core/driver/events.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/base/error.h"

#define ARITY 4
#define KIND_SHIFT 60

/* Kind, then sequence, then one bit that tells a retry from an arrival: the sequence above it has
 * ordered them already. */
static uint64_t order_of(enum event_kind kind, uint64_t sequence)
{
    bool retry = kind == EVENT_RETRY;
    enum event_kind rank = retry ? EVENT_ARRIVAL : kind;
    return (uint64_t)rank << KIND_SHIFT | sequence << 1 | retry;
}

static bool before(const struct event *a, const struct event *b)
{
    return a->time_us < b->time_us || (a->time_us == b->time_us && a->order < b->order);
}

int events_push(struct events *events, int64_t time_us, enum event_kind kind, void *what)
{
    if (events->count == events->room) {
        size_t room = events->room == 0 ? 1024 : events->room * 2;
        struct event *heap = realloc(events->heap, room * sizeof *heap);
        if (heap == NULL) {
            return OMEGA_ENOMEM;
        }
        events->heap = heap;
        events->room = room;
    }
    struct event event = {
        .time_us = time_us,
        .order = order_of(kind, events->created++),
        .what = what,
    };
    size_t i = events->count++;
    while (i > 0 && before(&event, &events->heap[(i - 1) / ARITY])) {
        events->heap[i] = events->heap[(i - 1) / ARITY];
        i = (i - 1) / ARITY;
    }
    events->heap[i] = event;
    return OMEGA_OK;
}

/* The child of `i` that comes first, or `i` if it has none. */
static size_t first_child(const struct events *events, size_t i)
{
    size_t first = i * ARITY + 1;
    size_t end = first + ARITY < events->count ? first + ARITY : events->count;
    size_t best = i;
    for (size_t child = first; child < end; child++) {
        if (best == i || before(&events->heap[child], &events->heap[best])) {
            best = child;
        }
    }
    return best;
}

int events_pop(struct events *events, struct event *event, enum event_kind *kind)
{
    if (events->count == 0) {
        return 0;
    }
    *event = events->heap[0];
    *kind = (enum event_kind)(event->order >> KIND_SHIFT);
    if (*kind == EVENT_ARRIVAL && (event->order & 1) != 0) {
        *kind = EVENT_RETRY;
    }
    struct event last = events->heap[--events->count];
    size_t i = 0;
    for (;;) {
        size_t child = events->count == 0 ? 0 : first_child(events, i);
        if (child == i || !before(&events->heap[child], &last)) {
            break;
        }
        events->heap[i] = events->heap[child];
        i = child;
    }
    events->heap[i] = last;
    return 1;
}

void events_release(struct events *events)
{
    free(events->heap);
    *events = (struct events){.heap = NULL};
}
