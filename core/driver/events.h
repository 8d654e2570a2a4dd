/* SPDX-License-Identifier: MIT */
/*
 * The event queue of the simulator: a total order by (time, kind, sequence of creation), so that a
 * run is the same whatever it is kept in. The few that come next are in a 4-ary implicit heap, all
 * others in a wheel, in no order. Attempts, which are made in the order in which they happen, have
 * a lane: first in, first out.
 */
#ifndef OMEGA_CORE_DRIVER_EVENTS_H
#define OMEGA_CORE_DRIVER_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/driver/wheel.h"

/* In the order in which simultaneous events happen. */
enum event_kind {
    EVENT_MACHINE = 0,
    EVENT_TASKS_END = 1,
    EVENT_COMMIT = 2,
    EVENT_ARRIVAL = 3, /* of a new job */
    EVENT_RETRY = 4,   /* a job returns to its queue; ordered among arrivals by creation */
    EVENT_ATTEMPT = 5, /* an instance looks at its queue */
};

struct events {
    struct event *heap; /* those up to near_us */
    size_t heap_count;
    size_t heap_room; /* for all in heap and wheel; mostly never touched */
    int64_t near_us;
    struct wheel far;   /* those behind near_us */
    struct event *lane; /* a ring of lane_room entries, a power of two */
    size_t lane_room;
    size_t lane_first;
    size_t lane_count;
    uint64_t created;
};

/* Adds an event. Returns 0 or OMEGA_ENOMEM. */
int events_push(struct events *events, int64_t time_us, enum event_kind kind, void *what);

/* Removes the first event; `kind` and *event are filled. Returns 0 if there is none, else 1. */
int events_pop(struct events *events, struct event *event, enum event_kind *kind);

/* What is probably the first event, attempts apart, to prepare for it; NULL: that is not known.
 * Valid until the queue changes. */
const struct event *events_ahead(const struct events *events, enum event_kind *kind);

/* How many events there are. */
static inline size_t events_count(const struct events *events)
{
    return events->heap_count + events->lane_count + events->far.count;
}

/* The time of the first event, or INT64_MAX. Brings it near: what comes before it is so, too. */
int64_t events_next_us(struct events *events);

/* Frees the queue and makes it empty. What the events point to is the caller's. */
void events_release(struct events *events);

#endif
