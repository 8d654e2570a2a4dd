/* SPDX-License-Identifier: MIT */
/*
 * The combining queue. Its source is compiled into this program with an allocator that can be made
 * to fail; the tests look into the queue to wait until threads are where they should be.
 */
#include <stdlib.h>

static int no_memory;

static void *scarce_malloc(size_t size)
{
    return no_memory ? NULL : malloc(size);
}

#define malloc scarce_malloc
#include "core/base/combine.c"
#undef malloc

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>

#include "core/base/random.h"
#include "tests/support/check_main.h"

#define CROWD 150 /* more than twice COMBINE_FIXED */
#define THREADS 8
#define CALLS 1500

static pthread_t start(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, function, argument), 0);
    return thread;
}

/* ---- a crowd that gathers while one is served ---- */

struct request {
    int number;
    struct combine_node node; /* on its thread's stack, as the two below */
    int served;               /* how often; plain: ordered by the queue or not at all */
    int answer;
};

static struct request *request_of(struct combine_node *node)
{
    return (struct request *)(void *)((char *)node - offsetof(struct request, node));
}

struct hall {
    struct combine combine;
    atomic_int entered;         /* the first one is being served */
    atomic_int open;            /* until this is set */
    atomic_int gone[CROWD + 1]; /* by number: has returned */
    atomic_int wrong;
    bool sleepers; /* serve the crowd when all but its leader sleep */
    int calls;
    size_t counts[CROWD];
    int order[CROWD + 1];
    int total;
};

static void wait_for(atomic_int *flag)
{
    while (atomic_load_explicit(flag, memory_order_relaxed) == 0) {
        sched_yield();
    }
}

static void wait_for_sleep(struct combine_node *node)
{
    while (atomic_load_explicit(&node->state, memory_order_relaxed) != SLEEPING) {
        sched_yield();
    }
}

static void serve_hall(void *context, struct combine_node *const *nodes, size_t count)
{
    struct hall *hall = context;
    if (hall->calls == 0) {
        atomic_store(&hall->entered, 1);
        wait_for(&hall->open);
    } else if (hall->sleepers) {
        for (size_t i = hall->calls == 1; i < count; i++) {
            wait_for_sleep(nodes[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct request *request = request_of(nodes[i]);
        request->served++;
        request->answer = request->number * 2;
        hall->order[hall->total++] = request->number;
    }
    hall->counts[hall->calls++] = count;
    for (size_t i = 0; i < count; i++) { /* of this batch nobody has been let go */
        if (atomic_load(&hall->gone[request_of(nodes[i])->number]) != 0) {
            atomic_store(&hall->wrong, 1);
        }
    }
}

struct visitor {
    struct hall *hall;
    int number;
    pthread_t thread;
};

static void *visit(void *argument)
{
    const struct visitor *visitor = argument;
    struct request request = {.number = visitor->number};
    combine_run(&visitor->hall->combine, &request.node);
    if (request.served != 1 || request.answer != 2 * request.number) {
        atomic_store(&visitor->hall->wrong, 1);
    }
    atomic_store(&visitor->hall->gone[request.number], 1);
    return NULL;
}

/* How many wait in the queue, while somebody else leads and so nobody takes. */
static int queued(struct combine *combine)
{
    int count = 0;
    struct rcu_queue_node *link = rcu_queue_first(&combine->queue);
    while (link != NULL) {
        count++;
        link = rcu_queue_next(&combine->queue, link);
    }
    return count;
}

/* One is being served; `crowd` others queue up one after the other; then all goes on. */
static void gather_crowd(struct hall *hall, int crowd)
{
    struct visitor visitors[CROWD + 1];
    combine_init(&hall->combine, serve_hall, hall);
    for (int i = 0; i <= crowd; i++) {
        visitors[i] = (struct visitor){.hall = hall, .number = i};
        visitors[i].thread = start(visit, &visitors[i]);
        if (i == 0) {
            wait_for(&hall->entered);
        } else {
            while (queued(&hall->combine) != i) {
                sched_yield();
            }
        }
    }
    atomic_store(&hall->open, 1);
    for (int i = 0; i <= crowd; i++) {
        pthread_join(visitors[i].thread, NULL);
    }
    ck_assert_int_eq(atomic_load(&hall->wrong), 0);
    ck_assert_int_eq(hall->total, crowd + 1);
    for (int i = 0; i <= crowd; i++) {
        ck_assert_int_eq(hall->order[i], i);
        ck_assert_int_eq(atomic_load(&hall->gone[i]), 1);
    }
}

START_TEST(test_crowd_is_served_at_once)
{
    static struct hall hall = {.sleepers = true};
    gather_crowd(&hall, CROWD);
    ck_assert_int_eq(hall.calls, 2);
    ck_assert_uint_eq(hall.counts[0], 1);
    ck_assert_uint_eq(hall.counts[1], CROWD);
    struct combine_counts counts = combine_counts(&hall.combine);
    ck_assert_uint_eq(counts.batches, 2);
    ck_assert_uint_eq(counts.served, CROWD + 1);
    ck_assert_uint_eq(counts.largest, CROWD);
    ck_assert_uint_eq(counts.wakes, CROWD - 1); /* all slept but the leader: once each */
    combine_fini(&hall.combine);
}
END_TEST

START_TEST(test_without_memory_in_pieces)
{
    static struct hall hall = {.sleepers = true};
    no_memory = 1;
    gather_crowd(&hall, CROWD);
    ck_assert_int_eq(hall.calls, 4);
    ck_assert_uint_eq(hall.counts[1], COMBINE_FIXED);
    ck_assert_uint_eq(hall.counts[2], COMBINE_FIXED);
    ck_assert_uint_eq(hall.counts[3], CROWD - 2 * COMBINE_FIXED);
    struct combine_counts counts = combine_counts(&hall.combine);
    ck_assert_uint_eq(counts.served, CROWD + 1);
    ck_assert_uint_eq(counts.wakes, CROWD - 1);
    combine_fini(&hall.combine);
    no_memory = 0;
}
END_TEST

START_TEST(test_exactly_as_many_as_fixed)
{
    static struct hall hall = {.sleepers = true};
    no_memory = 1;
    gather_crowd(&hall, COMBINE_FIXED);
    ck_assert_int_eq(hall.calls, 2);
    ck_assert_uint_eq(hall.counts[1], COMBINE_FIXED);
    combine_fini(&hall.combine);
    no_memory = 0;
}
END_TEST

START_TEST(test_alone)
{
    static struct hall hall;
    atomic_store(&hall.open, 1);
    combine_init(&hall.combine, serve_hall, &hall);
    for (int i = 0; i < 5; i++) {
        struct request request = {.number = i};
        combine_run(&hall.combine, &request.node);
        ck_assert_int_eq(request.served, 1);
        ck_assert_int_eq(request.answer, 2 * i);
        ck_assert_uint_eq(hall.counts[i], 1);
    }
    struct combine_counts counts = combine_counts(&hall.combine);
    ck_assert_uint_eq(counts.batches, 5);
    ck_assert_uint_eq(counts.largest, 1);
    ck_assert_uint_eq(counts.wakes, 0);
    combine_fini(&hall.combine);
}
END_TEST

/* ---- before a batch is taken ---- */

static struct hall lobby;
static atomic_int befores; /* calls so far */
static atomic_int led_by;  /* number of the leader of the last one */

static void wait_before(void *context, struct combine_node *leader)
{
    struct hall *hall = context;
    atomic_store(&led_by, request_of(leader)->number);
    atomic_fetch_add(&befores, 1);
    wait_for(&hall->open);
}

/* Number 7 leads; `crowd` others queue up while it is not let in. */
static void gather_before(int crowd)
{
    struct visitor visitors[CROWD];
    combine_init(&lobby.combine, serve_hall, &lobby);
    combine_set_before(&lobby.combine, wait_before);
    int waiting = 0;
    for (int i = 0; i <= crowd; i++) {
        visitors[i] = (struct visitor){.hall = &lobby, .number = 7 + i};
        visitors[i].thread = start(visit, &visitors[i]);
        if (i == 0) {
            wait_for(&befores);
            waiting = queued(&lobby.combine);
        }
        while (i > 0 && queued(&lobby.combine) != waiting + i) {
            sched_yield();
        }
    }
    ck_assert_int_eq(atomic_load(&led_by), 7);
    atomic_store(&lobby.open, 1);
    for (int i = 0; i <= crowd; i++) {
        pthread_join(visitors[i].thread, NULL);
    }
    ck_assert_int_eq(atomic_load(&lobby.wrong), 0);
    ck_assert_int_eq(lobby.total, crowd + 1);
    ck_assert_int_eq(atomic_load(&befores), 1);
}

/* What comes meanwhile is in the batch, and the next lead is preceded by another call. */
START_TEST(test_before_a_batch_is_taken)
{
    gather_before(5);
    ck_assert_int_eq(lobby.calls, 1);
    ck_assert_uint_eq(lobby.counts[0], 6);
    for (int i = 0; i < 3; i++) {
        struct request request = {.number = 20 + i};
        combine_run(&lobby.combine, &request.node);
        ck_assert_int_eq(request.served, 1);
        ck_assert_int_eq(atomic_load(&befores), 2 + i);
        ck_assert_int_eq(atomic_load(&led_by), 20 + i);
    }
    combine_fini(&lobby.combine);
}
END_TEST

/* Once for each time that somebody leads, however many calls of `serve` that takes. */
START_TEST(test_before_a_batch_in_pieces)
{
    no_memory = 1;
    gather_before(2 * COMBINE_FIXED);
    ck_assert_int_eq(lobby.calls, 3);
    ck_assert_uint_eq(lobby.counts[2], 1);
    no_memory = 0;
    combine_fini(&lobby.combine);
}
END_TEST

/* ---- many threads, many calls ---- */

struct call {
    struct combine_node node; /* first: a cast is enough */
    int thread;
    uint64_t number;
    uint64_t after; /* the sum of all calls served by then */
};

static struct combine counter;
static uint64_t last[THREADS]; /* plain: guarded by being served one batch at a time */
static uint64_t sum;
static atomic_uint faults;

static void count_up(void *context, struct combine_node *const *nodes, size_t count)
{
    struct omega_random *random = context;
    for (size_t i = 0; i < count; i++) {
        struct call *call = (struct call *)(void *)nodes[i];
        if (call->number != last[call->thread] + 1) {
            atomic_fetch_add(&faults, 1);
        }
        last[call->thread] = call->number;
        call->after = ++sum;
    }
    if (omega_random_below(random, 4) == 0) {
        sched_yield(); /* so that others gather */
    }
}

static void *call_often(void *argument)
{
    int thread = (int)(intptr_t)argument;
    uint64_t before = 0;
    for (uint64_t number = 1; number <= CALLS; number++) {
        struct call call = {.thread = thread, .number = number};
        combine_run(&counter, &call.node);
        if (call.after <= before) {
            atomic_fetch_add(&faults, 1);
        }
        before = call.after;
    }
    return NULL;
}

START_TEST(test_many_threads)
{
    pthread_t threads[THREADS];
    struct omega_random random;
    omega_random_init(&random, 1, "combine", 0);
    combine_init(&counter, count_up, &random);
    for (int i = 0; i < THREADS; i++) {
        threads[i] = start(call_often, (void *)(intptr_t)i);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    struct combine_counts counts = combine_counts(&counter);
    ck_assert_uint_eq(atomic_load(&faults), 0);
    ck_assert_uint_eq(sum, THREADS * CALLS);
    ck_assert_uint_eq(counts.served, THREADS * CALLS);
    ck_assert_uint_le(counts.largest, THREADS);
    ck_assert_uint_le(counts.wakes, counts.served - counts.batches);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_uint_eq(last[i], CALLS);
    }
    printf("combine: %llu calls in %llu batches, largest %llu, %llu wakes\n",
           (unsigned long long)counts.served, (unsigned long long)counts.batches,
           (unsigned long long)counts.largest, (unsigned long long)counts.wakes);
    combine_fini(&counter);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "alone", test_alone);
    check_case(suite, "a crowd is served at once", test_crowd_is_served_at_once);
    check_case(suite, "without memory, in pieces", test_without_memory_in_pieces);
    check_case(suite, "exactly as many as need no memory", test_exactly_as_many_as_fixed);
    check_case(suite, "before a batch is taken", test_before_a_batch_is_taken);
    check_case(suite, "before a batch in pieces", test_before_a_batch_in_pieces);
    check_case(suite, "many threads", test_many_threads);
}

CHECK_MAIN("combine", add_cases)
