/* SPDX-License-Identifier: MIT */
/*
 * The event queue of the simulator: a total order by (time, kind, sequence of creation), so that a
 * run is the same whatever it is kept in: a 4-ary implicit heap of 24-byte entries and, for
 * attempts, which are made in the order in which they happen, a lane: first in, first out.
 */
#ifndef OMEGA_CORE_DRIVER_EVENTS_H
#define OMEGA_CORE_DRIVER_EVENTS_H

#include <stddef.h>
#include <stdint.h>

/* In the order in which simultaneous events happen. */
enum event_kind {
    EVENT_MACHINE = 0,
    EVENT_TASKS_END = 1,
    EVENT_COMMIT = 2,
    EVENT_ARRIVAL = 3, /* of a new job */
    EVENT_RETRY = 4,   /* a job returns to its queue; ordered among arrivals by creation */
    EVENT_ATTEMPT = 5, /* an instance looks at its queue */
};

struct event {
    int64_t time_us;
    uint64_t order; /* kind and sequence; see events.c */
    void *what;
};

struct events {
    struct event *heap;
    size_t count;
    size_t room;
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

/* Frees the queue and makes it empty. What the events point to is the caller's. */
void events_release(struct events *events);

#endif
