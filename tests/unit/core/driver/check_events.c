/* SPDX-License-Identifier: MIT */
/* The event queue: (time, kind, creation), with arrivals and retries as one kind. */
#include <stdbool.h>

#include "core/base/random.h"
#include "core/driver/events.h"
#include "tests/support/check_main.h"

enum {
    EVENTS = 5000
};

struct given {
    int64_t time_us;
    enum event_kind kind;
};

static int rank(enum event_kind kind)
{
    return (int)(kind == EVENT_RETRY ? EVENT_ARRIVAL : kind);
}

/* True if event `a` must not come after `b`. */
static bool in_order(const struct given *a, const struct given *b)
{
    if (a->time_us != b->time_us) {
        return a->time_us < b->time_us;
    }
    return rank(a->kind) != rank(b->kind) ? rank(a->kind) < rank(b->kind) : a < b;
}

START_TEST(a_total_order)
{
    static struct given given[EVENTS];
    struct events events = {.heap = NULL};
    struct omega_random random;
    omega_random_init(&random, 5, "events", 0);
    struct event event;
    enum event_kind kind;
    int next = 0;
    while (next < EVENTS) {
        for (int i = 0; i < 100; i++, next++) {
            given[next].time_us = (int64_t)omega_random_below(&random, 50);
            given[next].kind = (enum event_kind)omega_random_below(&random, 6);
            ck_assert_int_eq(
                events_push(&events, given[next].time_us, given[next].kind, &given[next]), 0);
        }
        /* take half of them out again: the rest stays in order */
        const struct given *last = NULL;
        for (int i = 0; i < 50; i++) {
            ck_assert_int_eq(events_pop(&events, &event, &kind), 1);
            const struct given *popped = event.what;
            ck_assert_int_eq(event.time_us, popped->time_us);
            ck_assert_int_eq(kind, popped->kind);
            ck_assert(last == NULL || in_order(last, popped));
            last = popped;
        }
    }
    const struct given *last = NULL;
    for (int i = 0; i < EVENTS / 2; i++) {
        ck_assert_int_eq(events_pop(&events, &event, &kind), 1);
        ck_assert(last == NULL || in_order(last, event.what));
        last = event.what;
    }
    ck_assert_int_eq(events_pop(&events, &event, &kind), 0);
    events_release(&events);
    ck_assert_int_eq(events_pop(&events, &event, &kind), 0);
}
END_TEST

/* Attempts that are made in the order of time, more at a time than the lane has had room for, with
 * other events between them. */
START_TEST(attempts_in_their_lane)
{
    static struct given given[EVENTS];
    struct events events = {.heap = NULL};
    struct event event;
    enum event_kind kind;
    const struct given *last = NULL;
    int made = 0;
    int popped = 0;
    for (int round = 1; made < EVENTS; round++) {
        for (int i = 0; i < round && made < EVENTS; i++, made++) {
            given[made].time_us = round + (i % 3 == 2 ? i : 0);
            given[made].kind = i % 3 == 2 ? EVENT_COMMIT : EVENT_ATTEMPT;
            ck_assert_int_eq(
                events_push(&events, given[made].time_us, given[made].kind, &given[made]), 0);
        }
        for (int i = 0; i < round - 1; i++, popped++) {
            ck_assert_int_eq(events_pop(&events, &event, &kind), 1);
            last = event.what;
            ck_assert_int_eq(kind, last->kind);
        }
    }
    for (; popped < EVENTS; popped++) { /* nothing comes after what is left any more */
        ck_assert_int_eq(events_pop(&events, &event, &kind), 1);
        ck_assert(in_order(last, event.what));
        last = event.what;
    }
    ck_assert_int_eq(events_pop(&events, &event, &kind), 0);
    events_release(&events);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "a total order", a_total_order);
    check_case(suite, "attempts in their lane", attempts_in_their_lane);
}

CHECK_MAIN("core/driver/events", add_cases)
