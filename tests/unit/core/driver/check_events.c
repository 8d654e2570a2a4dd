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

/* The index of the first of the events that are left. */
static int first_of(const struct given *given, const bool *left, int count)
{
    int first = -1;
    for (int i = 0; i < count; i++) {
        if (left[i] && (first < 0 || !in_order(&given[first], &given[i]))) {
            first = i;
        }
    }
    return first;
}

/* A time around the one that has come: at any distance, before it as well, and right where a level
 * of the wheel begins. */
static int64_t draw_time(struct omega_random *random, int64_t now_us)
{
    const uint32_t digits = omega_random_below(random, 63);
    uint64_t off = omega_random_u64(random) >> (63 - digits);
    switch (omega_random_below(random, 8)) {
    case 0:
        return now_us - (int64_t)(off % 100000);
    case 1:
        off = (UINT64_C(1) << 6 * (digits % 10)) - 1 + digits % 3;
        break;
    case 2:
        off = (uint64_t)now_us % 64; /* several of the same */
        break;
    default:
        break;
    }
    const uint64_t most = (uint64_t)INT64_MAX - (uint64_t)(now_us > 0 ? now_us : 0);
    return off > most ? INT64_MAX : now_us + (int64_t)off;
}

/* Whatever the times are, from below 0 up to the last one there is, and many at one instant: the
 * first of all comes next, whether it was far or near; and again in a queue that was released. */
START_TEST(far_and_near)
{
    static struct given given[EVENTS / 2];
    static bool left[EVENTS / 2];
    struct events events = {.heap = NULL};
    struct omega_random random;
    omega_random_init(&random, 7, "events", (uint64_t)_i);
    int64_t now_us = _i % 2 == 0 ? -1000000 : 0;
    int made = 0;
    int gone = 0;
    events_push(&events, 1, EVENT_ARRIVAL, NULL);
    events_push(&events, INT64_MAX, EVENT_ARRIVAL, NULL);
    events_release(&events);
    while (gone < EVENTS / 2) {
        const uint32_t pushes = omega_random_below(&random, 8) == 0 ? 40 : 1;
        for (uint32_t i = 0; made < EVENTS / 2 && i < pushes; i++, made++) {
            given[made].time_us = i % 4 == 3 ? given[made - 1].time_us : draw_time(&random, now_us);
            given[made].kind = (enum event_kind)omega_random_below(&random, 6);
            left[made] = true;
            ck_assert_int_eq(
                events_push(&events, given[made].time_us, given[made].kind, &given[made]), 0);
        }
        ck_assert_uint_eq(events_count(&events), (size_t)(made - gone));
        const uint32_t pops = made < EVENTS / 2 ? omega_random_below(&random, 9) : 100;
        for (uint32_t i = 0; gone < made && i < pops; i++, gone++) {
            struct event event;
            enum event_kind kind;
            const int first = first_of(given, left, made);
            if (i % 2 == 0) { /* looking at it changes nothing */
                ck_assert_int_eq(events_next_us(&events), given[first].time_us);
            }
            ck_assert_int_eq(events_pop(&events, &event, &kind), 1);
            ck_assert_ptr_eq(event.what, &given[first]);
            ck_assert_int_eq(event.time_us, given[first].time_us);
            ck_assert_int_eq(kind, given[first].kind);
            left[first] = false;
            now_us = event.time_us < INT64_MAX / 2 ? event.time_us : now_us;
        }
    }
    ck_assert_int_eq(events_next_us(&events), INT64_MAX);
    ck_assert_uint_eq(events_count(&events), 0);
    events_release(&events);
}
END_TEST

/* After a quiet day as before it: those that come next are few, however long the slot of the wheel
 * is that the first of them lay in. */
START_TEST(few_are_near)
{
    struct events events = {.heap = NULL};
    struct omega_random random;
    omega_random_init(&random, 9, "events", 0);
    struct event event = {.time_us = INT64_C(86400000000)};
    enum event_kind kind;
    ck_assert_int_eq(events_push(&events, event.time_us, EVENT_ARRIVAL, NULL), 0);
    for (int i = 0; i < EVENTS; i++) {
        ck_assert_int_eq(events_pop(&events, &event, &kind), 1);
        ck_assert_uint_lt(events.heap_count, 64);
        for (uint32_t ends = 0; ends < 2; ends++) { /* one comes, one more waits */
            int64_t end_us = event.time_us + 1 + omega_random_below(&random, 7200000000 / 2);
            ck_assert_int_eq(events_push(&events, end_us, EVENT_TASKS_END, NULL), 0);
        }
    }
    ck_assert_uint_eq(events_count(&events), EVENTS + 1);
    events_release(&events);
}
END_TEST

/* Nothing is near of an empty queue, or of one that holds attempts alone. */
START_TEST(nothing_ahead)
{
    struct events events = {.heap = NULL};
    struct event event;
    enum event_kind kind;
    ck_assert_ptr_null(events_ahead(&events, &kind));
    ck_assert_int_eq(events_push(&events, 5, EVENT_ATTEMPT, NULL), 0);
    ck_assert_ptr_null(events_ahead(&events, &kind));
    ck_assert_int_eq(events_push(&events, 4, EVENT_RETRY, &event), 0);
    ck_assert_int_eq(events_push(&events, 6, EVENT_COMMIT, NULL), 0);
    ck_assert_int_eq(events_pop(&events, &event, &kind), 1);
    ck_assert_int_eq(kind, EVENT_RETRY);
    ck_assert_int_eq(events_ahead(&events, &kind)->time_us, 6); /* but for the attempt */
    ck_assert_int_eq(kind, EVENT_COMMIT);
    ck_assert_uint_eq(events_count(&events), 2);
    events_release(&events);
}
END_TEST

/* What is ahead comes next, or an attempt does; and as long as there is anything but attempts,
 * something is ahead. */
START_TEST(what_is_ahead_comes)
{
    struct events events = {.heap = NULL};
    struct omega_random random;
    omega_random_init(&random, 11, "events", 0);
    struct event event = {.time_us = 0};
    enum event_kind kind;
    static const enum event_kind kinds[] = {EVENT_TASKS_END, EVENT_COMMIT, EVENT_ARRIVAL,
                                            EVENT_RETRY};
    for (uint32_t i = 0; i < EVENTS; i++) {
        const int64_t time_us = omega_random_below(&random, 100000000);
        ck_assert_int_eq(events_push(&events, time_us, kinds[i % 4], NULL), 0);
    }
    uint32_t ahead_count = 0;
    uint32_t attempts = 0;
    for (uint32_t i = 0; i < EVENTS + attempts; i++) {
        enum event_kind ahead_kind = EVENT_MACHINE;
        const struct event *next = events_ahead(&events, &ahead_kind);
        const struct event ahead = next == NULL ? (struct event){.time_us = -1} : *next;
        ck_assert_int_eq(events_pop(&events, &event, &kind), 1);
        if (kind == EVENT_ATTEMPT) {
            ck_assert(next != NULL || i == EVENTS + attempts - 1);
            continue;
        }
        if (next != NULL) {
            ck_assert_uint_eq(ahead.order, event.order);
            ck_assert_int_eq(ahead_kind, kind);
            ahead_count++;
        }
        if (omega_random_below(&random, 3) == 0) { /* at that time, or some events later */
            int64_t later_us = event.time_us + omega_random_below(&random, 2) * 50000;
            ck_assert_int_eq(events_push(&events, later_us, EVENT_ATTEMPT, NULL), 0);
            attempts++;
        }
    }
    ck_assert_uint_eq(ahead_count, EVENTS - 1); /* all but the first */
    events_release(&events);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "a total order", a_total_order);
    check_case(suite, "attempts in their lane", attempts_in_their_lane);
    TCase *tcase = tcase_create("far and near");
    tcase_add_loop_test(tcase, far_and_near, 0, 20);
    suite_add_tcase(suite, tcase);
    check_case(suite, "few are near", few_are_near);
    check_case(suite, "nothing ahead", nothing_ahead);
    check_case(suite, "what is ahead comes", what_is_ahead_comes);
}

CHECK_MAIN("core/driver/events", add_cases)
