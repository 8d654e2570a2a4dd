/* SPDX-License-Identifier: MIT */
/* The event queue: see events.h. */
#include "core/driver/events.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/base/error.h"

#define ARITY 4
#define KIND_SHIFT 60
#define NEAR 4u /* so many are near, or all there are, so that they can be prepared for */

/* Kind, then sequence, then one bit that tells a retry from an arrival: the sequence above it has
 * ordered them already. */
static uint64_t order_of(enum event_kind kind, uint64_t sequence)
{
    bool retry = kind == EVENT_RETRY;
    enum event_kind rank = retry ? EVENT_ARRIVAL : kind;
    return (uint64_t)rank << KIND_SHIFT | sequence << 1 | retry;
}

/* Time, and among equals the order, as one number: made of unsigned ones, since a time below 0 must
 * not be shifted. */
__extension__ typedef __int128 event_key;
__extension__ typedef unsigned __int128 event_bits;

static inline event_key key(int64_t time_us, uint64_t order)
{
    return (event_key)((event_bits)(uint64_t)time_us << 64 | order);
}

static inline event_key key_of(const struct event *event)
{
    return key(event->time_us, event->order);
}

static inline bool before(const struct event *a, const struct event *b)
{
    return key_of(a) < key_of(b);
}

/* ---- the heap ---- */

/* Makes room for one more in heap and wheel together: all may be at one instant, and come from the
 * wheel to the heap when events are taken out, which must not fail. */
static int reserve_heap(struct events *events)
{
    if (events->heap_count + events->far.count < events->heap_room) {
        return OMEGA_OK;
    }
    size_t room = events->heap_room == 0 ? 1024 : events->heap_room * 2;
    struct event *heap = realloc(events->heap, room * sizeof *heap);
    if (heap == NULL) {
        return OMEGA_ENOMEM;
    }
    events->heap = heap;
    events->heap_room = room;
    return OMEGA_OK;
}

/* Puts an event into a hole, or above it. Its fields come one by one, here and wherever one is
 * made: a structure that has just been stored field by field stalls who loads it as a vector. */
static void fill_hole(struct event *heap, size_t hole, int64_t time_us, uint64_t order, void *what)
{
    while (hole > 0 && key(time_us, order) < key_of(&heap[(hole - 1) / ARITY])) {
        heap[hole] = heap[(hole - 1) / ARITY];
        hole = (hole - 1) / ARITY;
    }
    heap[hole] = (struct event){time_us, order, what};
}

static void heap_push(struct events *events, int64_t time_us, uint64_t order, void *what)
{
    fill_hole(events->heap, events->heap_count++, time_us, order, what);
}

/* The earlier one of two entries: by a mask, since compilers make a branch of a choice, and nobody
 * can foresee it. */
static inline size_t earlier(const struct event *heap, size_t a, size_t b)
{
    const size_t second = -(size_t)before(&heap[b], &heap[a]);
    return a ^ ((a ^ b) & second);
}

/* The first of the entries from `first` on that have one parent. */
static inline size_t first_child(const struct event *heap, size_t first, size_t count)
{
    _Static_assert(ARITY == 4, "a whole family is two pairs");
    if (first + ARITY <= count) {
        return earlier(heap, earlier(heap, first, first + 1), earlier(heap, first + 2, first + 3));
    }
    size_t best = first;
    for (size_t child = first + 1; child < count; child++) {
        best = earlier(heap, best, child);
    }
    return best;
}

/* Takes the first entry out. The hole goes down to a leaf, where the last entry fills it, which
 * mostly belongs there: it need not be looked at on the way. */
static void heap_pop(struct events *events, struct event *event)
{
    struct event *heap = events->heap;
    *event = heap[0];
    const size_t count = --events->heap_count;
    const struct event *last = &heap[count]; /* where nothing is written here */
    size_t hole = 0;
    for (size_t first = 1; first < count; first = hole * ARITY + 1) {
        size_t best = first_child(heap, first, count);
        heap[hole] = heap[best];
        hole = best;
    }
    fill_hole(heap, hole, last->time_us, last->order, last->what);
}

/* ---- the lane ---- */

static struct event *lane_at(const struct events *events, size_t place)
{
    return &events->lane[(events->lane_first + place) & (events->lane_room - 1)];
}

static int reserve_lane(struct events *events)
{
    size_t room = events->lane_room == 0 ? 64 : events->lane_room * 2;
    struct event *lane = malloc(room * sizeof *lane);
    if (lane == NULL) {
        return OMEGA_ENOMEM;
    }
    for (size_t i = 0; i < events->lane_count; i++) {
        lane[i] = *lane_at(events, i);
    }
    free(events->lane);
    events->lane = lane;
    events->lane_room = room;
    events->lane_first = 0;
    return OMEGA_OK;
}

/* True if an event may go behind all that is in the lane. */
static bool lane_takes(const struct events *events, int64_t time_us, uint64_t order)
{
    return events->lane_count == 0 ||
           key_of(lane_at(events, events->lane_count - 1)) < key(time_us, order);
}

static int lane_push(struct events *events, int64_t time_us, uint64_t order, void *what)
{
    if (events->lane_count == events->lane_room && reserve_lane(events) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    *lane_at(events, events->lane_count++) = (struct event){time_us, order, what};
    return OMEGA_OK;
}

/* ---- near and far ---- */

/* Brings the next few near. Asks for what the first ones point to, where it is a pointer: mostly it
 * has not been looked at since they were made. */
static void bring_few(struct events *events)
{
    const struct wheel_few few = wheel_turn(&events->far);
    uint32_t node = few.first;
    for (uint32_t i = 0; i < few.count; i++) {
        const struct event *event = &events->far.nodes[node].event;
        events->near_us = event->time_us > events->near_us ? event->time_us : events->near_us;
        if (i < NEAR) {
            __builtin_prefetch(event->what);
        }
        heap_push(events, event->time_us, event->order, event->what);
        node = wheel_give(&events->far, node);
    }
}

/* Sees to it that some are near, no more, however empty the time behind them is: it may fill. */
static inline void bring_near(struct events *events)
{
    while (events->heap_count < NEAR && events->far.count > 0) {
        bring_few(events);
    }
}

/* Adds one that has no lane. */
static int enter(struct events *events, int64_t time_us, uint64_t order, void *what)
{
    if (reserve_heap(events) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    if (time_us <= events->near_us) {
        heap_push(events, time_us, order, what);
        return OMEGA_OK;
    }
    if (wheel_reserve(&events->far) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    wheel_put(&events->far, time_us, order, what);
    return OMEGA_OK;
}

/* ---- all ---- */

int events_push(struct events *events, int64_t time_us, enum event_kind kind, void *what)
{
    const uint64_t order = order_of(kind, events->created++);
    return kind == EVENT_ATTEMPT && lane_takes(events, time_us, order)
               ? lane_push(events, time_us, order, what)
               : enter(events, time_us, order, what);
}

/* Is the first one of the lane the first of all? If not, that is the first of the heap. */
static bool lane_is_first(struct events *events)
{
    bring_near(events);
    return events->lane_count > 0 &&
           (events->heap_count == 0 || before(lane_at(events, 0), &events->heap[0]));
}

int64_t events_next_us(struct events *events)
{
    if (lane_is_first(events)) {
        return lane_at(events, 0)->time_us;
    }
    return events->heap_count > 0 ? events->heap[0].time_us : INT64_MAX;
}

static enum event_kind kind_of(const struct event *event)
{
    const enum event_kind rank = (enum event_kind)(event->order >> KIND_SHIFT);
    return rank == EVENT_ARRIVAL && (event->order & 1) != 0 ? EVENT_RETRY : rank;
}

const struct event *events_ahead(const struct events *events, enum event_kind *kind)
{
    if (events->heap_count == 0) {
        return NULL;
    }
    *kind = kind_of(&events->heap[0]);
    return &events->heap[0];
}

int events_pop(struct events *events, struct event *event, enum event_kind *kind)
{
    if (lane_is_first(events)) {
        *event = *lane_at(events, 0);
        events->lane_first++;
        events->lane_count--;
    } else if (events->heap_count > 0) {
        heap_pop(events, event);
    } else {
        return 0;
    }
    *kind = kind_of(event);
    return 1;
}

void events_release(struct events *events)
{
    free(events->heap);
    free(events->lane);
    wheel_release(&events->far);
    *events = (struct events){.heap = NULL};
}
