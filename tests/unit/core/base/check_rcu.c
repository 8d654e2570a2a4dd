/* SPDX-License-Identifier: MIT */
/* What core/base/rcu.h makes of liburcu: grace periods, forks, and the queue. */
#include "core/base/rcu.h"

#include <malloc.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/check_main.h"

#define READERS 3
#define REPLACEMENTS 100
#define PUSHERS 4
#define PUSHES 5000
#define YIELDS 2000

static pthread_t start(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, function, argument), 0);
    return thread;
}

/* ---- grace periods ---- */

/* Relaxed, so that it orders nothing that rcu.h should. */
static void raise_flag(atomic_int *flag)
{
    atomic_store_explicit(flag, 1, memory_order_relaxed);
}

static void await_flag(atomic_int *flag)
{
    while (atomic_load_explicit(flag, memory_order_relaxed) == 0) {
        sched_yield();
    }
}

static atomic_int inside;
static atomic_int waiting;
static atomic_int waited;
static atomic_int leave;
static atomic_int too_early;

/* Stays in nested read sections for a while after somebody has begun to wait for their end. */
static void *linger(void *unused)
{
    rcu_read_lock();
    rcu_read_lock();
    raise_flag(&inside);
    await_flag(&waiting);
    rcu_read_unlock(); /* the outer one goes on */
    for (int i = 0; i < YIELDS; i++) {
        sched_yield();
        if (atomic_load_explicit(&waited, memory_order_relaxed) != 0) {
            raise_flag(&too_early);
        }
    }
    rcu_read_unlock();
    return unused;
}

START_TEST(test_synchronize_waits)
{
    pthread_t reader = start(linger, NULL);
    await_flag(&inside);
    raise_flag(&waiting);
    rcu_synchronize();
    raise_flag(&waited);
    pthread_join(reader, NULL);
    ck_assert_int_eq(atomic_load(&too_early), 0);
}
END_TEST

struct pair {
    uint64_t first;
    uint64_t second; /* ~first, as long as it may be read */
};

static struct pair *shared;
static atomic_int stop;
static atomic_uint torn;
static atomic_uint reads;

static void *read_pairs(void *unused)
{
    do {
        rcu_read_lock();
        const struct pair *pair = rcu_load_pointer(&shared);
        uint64_t first = pair->first;
        sched_yield();
        if (pair->second != ~first) {
            atomic_fetch_add_explicit(&torn, 1, memory_order_relaxed);
        }
        rcu_read_unlock();
        atomic_fetch_add_explicit(&reads, 1, memory_order_relaxed);
    } while (atomic_load_explicit(&stop, memory_order_relaxed) == 0);
    return unused;
}

static struct pair *new_pair(uint64_t value)
{
    struct pair *pair = malloc(sizeof *pair);
    ck_assert_ptr_nonnull(pair);
    pair->first = value;
    pair->second = ~value;
    return pair;
}

START_TEST(test_replacing_and_freeing)
{
    pthread_t readers[READERS];
    shared = new_pair(0);
    for (int i = 0; i < READERS; i++) {
        readers[i] = start(read_pairs, NULL);
    }
    for (uint64_t value = 1; value <= REPLACEMENTS; value++) {
        struct pair *old = shared;
        rcu_store_pointer(&shared, new_pair(value));
        rcu_synchronize();
        old->first = old->second = 0; /* seen by a reader, should one be there still */
        free(old);
    }
    raise_flag(&stop);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i], NULL);
    }
    ck_assert_uint_eq(atomic_load(&torn), 0);
    ck_assert_uint_ge(atomic_load(&reads), READERS);
    ck_assert_uint_eq(shared->first, REPLACEMENTS);
    free(shared);
}
END_TEST

static void *read_until_told(void *unused)
{
    rcu_read_lock();
    raise_flag(&inside);
    await_flag(&leave);
    rcu_read_unlock();
    return unused;
}

/* The child has no such thread, and must not wait for the end of its read section. */
START_TEST(test_fork_while_others_read)
{
    int status = 0;
    ck_assert_int_eq(rcu_at_fork(), 0);
    pthread_t reader = start(read_until_told, NULL);
    await_flag(&inside);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        alarm(60);
        rcu_synchronize();
        _exit(7);
    }
    waitpid(child, &status, 0);
    raise_flag(&leave);
    pthread_join(reader, NULL);
    rcu_synchronize(); /* the parent goes on as before */
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 7, "status %d", status);
}
END_TEST

/* ---- the queue ---- */

struct item {
    int before;
    struct rcu_queue_node link;
    int pusher;
    int number;
};

static struct item *item_of(struct rcu_queue_node *link)
{
    return (struct item *)(void *)((char *)link - offsetof(struct item, link));
}

START_TEST(test_queue_order)
{
    struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    struct rcu_queue queue;
    struct rcu_queue taken;
    rcu_queue_init(&queue);
    rcu_queue_init(&taken);
    ck_assert_ptr_null(rcu_queue_first(&queue));
    ck_assert(!rcu_queue_splice(&taken, &queue));
    ck_assert(rcu_queue_push(&queue, &items[0].link));
    ck_assert(!rcu_queue_push(&queue, &items[1].link));
    ck_assert(rcu_queue_splice(&taken, &queue));
    ck_assert_ptr_null(rcu_queue_first(&queue));
    ck_assert(rcu_queue_push(&queue, &items[2].link)); /* empty again */
    ck_assert(!rcu_queue_push(&queue, &items[3].link));
    ck_assert(rcu_queue_splice(&taken, &queue));
    struct rcu_queue_node *link = rcu_queue_first(&taken);
    for (int i = 0; i < 4; i++) {
        ck_assert_ptr_eq(link, &items[i].link);
        ck_assert_int_eq(item_of(link)->number, i);
        link = rcu_queue_next(&taken, link);
    }
    ck_assert_ptr_null(link);
}
END_TEST

static struct rcu_queue line;
static atomic_uint found_empty;
static struct item pool[PUSHERS][PUSHES];

static void *push_all(void *argument)
{
    int pusher = (int)(intptr_t)argument;
    for (int i = 0; i < PUSHES; i++) {
        pool[pusher][i].pusher = pusher;
        pool[pusher][i].number = i;
        if (rcu_queue_push(&line, &pool[pusher][i].link)) {
            atomic_fetch_add_explicit(&found_empty, 1, memory_order_relaxed);
        }
    }
    return argument;
}

/* Takes what there is, checks each pusher's order, returns how many. */
static int take(int *next)
{
    struct rcu_queue taken;
    int count = 0;
    rcu_queue_init(&taken);
    rcu_queue_splice(&taken, &line);
    struct rcu_queue_node *link = rcu_queue_first(&taken);
    while (link != NULL) {
        struct item *item = item_of(link);
        link = rcu_queue_next(&taken, link);
        ck_assert_int_eq(item->number, next[item->pusher]);
        next[item->pusher]++;
        item->number = -1; /* ours now */
        count++;
    }
    return count;
}

START_TEST(test_queue_of_many)
{
    pthread_t pushers[PUSHERS];
    int next[PUSHERS] = {0};
    unsigned takes = 0;
    rcu_queue_init(&line);
    for (int i = 0; i < PUSHERS; i++) {
        pushers[i] = start(push_all, (void *)(intptr_t)i);
    }
    for (int total = 0; total < PUSHERS * PUSHES;) {
        int count = take(next);
        total += count;
        takes += count > 0;
        if (count == 0) {
            sched_yield();
        }
    }
    for (int i = 0; i < PUSHERS; i++) {
        pthread_join(pushers[i], NULL);
        ck_assert_int_eq(next[i], PUSHES);
    }
    ck_assert_uint_eq(atomic_load(&found_empty), takes); /* one pusher for each filling */
}
END_TEST

static void add_cases(Suite *suite)
{
    mallopt(M_PERTURB, 0xa5); /* freed memory does not keep its contents */
    check_case(suite, "synchronize waits", test_synchronize_waits);
    check_case(suite, "replacing and freeing", test_replacing_and_freeing);
    check_case(suite, "fork while others read", test_fork_while_others_read);
    check_case(suite, "queue order", test_queue_order);
    check_case(suite, "a queue of many threads", test_queue_of_many);
}

CHECK_MAIN("rcu", add_cases)
