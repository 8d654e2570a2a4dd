/* SPDX-License-Identifier: MIT */
/*
 * The feed: what readers see, alone and beside a writer. Its source is compiled into this program
 * with an allocator that can be made to fail.
 */
#include <stdlib.h>

static int no_memory;

static void *scarce_malloc(size_t size)
{
    return no_memory ? NULL : malloc(size);
}

#define malloc scarce_malloc
#include "cellstate/feed.c"
#undef malloc

#include <malloc.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/random.h"
#include "tests/support/check_main.h"

#define SLOTS 8
#define READERS 3
#define WRITERS 2
#define VERSIONS 20000
#define STRESS_SLOTS 64

/* ---- entries that can be told: the version, then bytes that follow from it ---- */

#define ENTRY_MAX 100

static size_t entry_size(uint64_t version)
{
    return sizeof version + version * 7 % (ENTRY_MAX - sizeof version);
}

static uint64_t stamp_of(uint64_t version)
{
    return version * 3 + 1;
}

static size_t make_entry(uint64_t version, unsigned char *bytes)
{
    size_t size = entry_size(version);
    memcpy(bytes, &version, sizeof version);
    for (size_t i = sizeof version; i < size; i++) {
        bytes[i] = (unsigned char)(version + i);
    }
    return size;
}

static void publish(struct feed *feed, uint64_t version)
{
    unsigned char bytes[ENTRY_MAX];
    size_t size = make_entry(version, bytes);
    omega_error_t err = {.code = 0};
    ck_assert_msg(feed_publish(feed, version, bytes, size, &err) == 0, "%s", err.text);
    memset(bytes, 0, sizeof bytes); /* it has been copied */
}

static void publish_to(struct feed *feed, uint64_t from, uint64_t to)
{
    for (uint64_t version = from; version <= to; version++) {
        publish(feed, version);
    }
}

/* What a reader keeps: `next` is the version that must come now. */
struct follower {
    uint64_t next;
    uint64_t calls;
    uint64_t wrong;
    uint64_t stop_at; /* answers -77 at this version; 0: never */
    bool yields;
};

static int follow(void *context, const void *bytes, size_t size)
{
    struct follower *follower = context;
    unsigned char expected[ENTRY_MAX];
    if (follower->yields && follower->next % 5 == 0) {
        sched_yield(); /* lets the writer run on */
    }
    size_t length = make_entry(follower->next, expected);
    follower->wrong += size != length || memcmp(bytes, expected, length) != 0;
    follower->calls++;
    return follower->next++ == follower->stop_at ? -77 : 0;
}

/* Reads from `position`: expects the result, the calls, and where it leaves position and stamp. */
static void expect(struct feed *feed, uint64_t position, int result, uint64_t calls, uint64_t to,
                   uint64_t stamp)
{
    struct follower follower = {.next = position + 1};
    uint64_t now = position;
    uint64_t seen = 12345;
    ck_assert_int_eq(feed_read(feed, &now, &seen, follow, &follower), result);
    ck_assert_uint_eq(follower.calls, calls);
    ck_assert_uint_eq(follower.wrong, 0);
    ck_assert_uint_eq(now, to);
    ck_assert_uint_eq(seen, stamp);
}

START_TEST(test_create)
{
    static const uint32_t bad[] = {0, 3, 6, 12, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_ptr_null(feed_create(bad[i]));
    }
    feed_destroy(NULL);
    struct feed *feed = feed_create(SLOTS);
    ck_assert_ptr_nonnull(feed);
    expect(feed, 0, 0, 0, 0, 0);
    expect(feed, 1, 0, 0, 1, 0); /* ahead */
    feed_destroy(feed);
}
END_TEST

START_TEST(test_visible_after_advance)
{
    struct feed *feed = feed_create(SLOTS);
    publish_to(feed, 1, 3);
    expect(feed, 0, 0, 0, 0, 0);
    feed_advance(feed, 2, 22);
    expect(feed, 0, 0, 2, 2, 22);
    expect(feed, 1, 0, 1, 2, 22);
    expect(feed, 2, 0, 0, 2, 22);
    expect(feed, 3, 0, 0, 3, 0);
    expect(feed, UINT64_MAX, 0, 0, UINT64_MAX, 0);
    feed_advance(feed, 3, 33);
    expect(feed, 0, 0, 3, 3, 33);
    feed_advance(feed, 3, 34); /* another stamp */
    expect(feed, 3, 0, 0, 3, 34);
    feed_destroy(feed);
}
END_TEST

START_TEST(test_too_short)
{
    struct feed *feed = feed_create(SLOTS);
    publish_to(feed, 1, 20);
    feed_advance(feed, 20, 5);
    expect(feed, 20 - SLOTS, 0, SLOTS, 20, 5);
    expect(feed, 20 - SLOTS - 1, 1, 0, 20 - SLOTS - 1, 12345);
    expect(feed, 0, 1, 0, 0, 12345);
    publish_to(feed, 21, 23); /* not visible, but displaces */
    expect(feed, 20 - SLOTS + 3, 0, SLOTS - 3, 20, 5);
    expect(feed, 20 - SLOTS + 2, 1, 0, 20 - SLOTS + 2, 12345);
    publish_to(feed, 24, 40); /* nothing that is visible is left */
    expect(feed, 20, 0, 0, 20, 5);
    expect(feed, 19, 1, 0, 19, 12345);
    feed_destroy(feed);
}
END_TEST

START_TEST(test_one_slot)
{
    struct feed *feed = feed_create(1);
    publish_to(feed, 1, 2);
    feed_advance(feed, 2, 9);
    expect(feed, 1, 0, 1, 2, 9);
    expect(feed, 0, 1, 0, 0, 12345);
    feed_destroy(feed);
}
END_TEST

START_TEST(test_reset)
{
    struct feed *feed = feed_create(SLOTS);
    feed_reset(feed, 100, 7);
    expect(feed, 100, 0, 0, 100, 7);
    expect(feed, 99, 1, 0, 99, 12345);
    expect(feed, 101, 0, 0, 101, 0);
    publish_to(feed, 101, 104);
    feed_advance(feed, 104, 8);
    expect(feed, 100, 0, 4, 104, 8);
    publish(feed, 105); /* never seen */
    feed_reset(feed, 110, 9);
    expect(feed, 104, 1, 0, 104, 12345);
    expect(feed, 109, 1, 0, 109, 12345);
    expect(feed, 110, 0, 0, 110, 9);
    publish(feed, 111);
    feed_advance(feed, 111, 10);
    expect(feed, 110, 0, 1, 111, 10);
    expect(feed, 104, 1, 0, 104, 12345);
    feed_reset(feed, 111, 11); /* the same version: only forgets */
    expect(feed, 110, 1, 0, 110, 12345);
    expect(feed, 111, 0, 0, 111, 11);
    feed_destroy(feed);
}
END_TEST

START_TEST(test_results_of_each)
{
    struct feed *feed = feed_create(SLOTS);
    struct follower follower = {.next = 3, .stop_at = 5};
    uint64_t position = 2;
    uint64_t stamp = 12345;
    publish_to(feed, 1, 8);
    feed_advance(feed, 8, 1);
    ck_assert_int_eq(feed_read(feed, &position, &stamp, follow, &follower), -77);
    ck_assert_uint_eq(follower.calls, 3);
    ck_assert_uint_eq(position, 2);
    ck_assert_uint_eq(stamp, 12345);
    follower = (struct follower){.next = 3, .stop_at = 8}; /* the last one */
    ck_assert_int_eq(feed_read(feed, &position, &stamp, follow, &follower), -77);
    ck_assert_uint_eq(position, 2);
    feed_destroy(feed);
}
END_TEST

static int count_empty(void *context, const void *bytes, size_t size)
{
    (void)bytes;
    *(int *)context += size == 0 ? 1 : 1000;
    return 0;
}

START_TEST(test_wrong_versions_and_sizes)
{
    struct feed *feed = feed_create(SLOTS);
    static const uint64_t bad[] = {0, 2, UINT64_MAX};
    uint64_t position = 0;
    uint64_t stamp = 0;
    int empty = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        omega_error_t err = {.code = 0};
        ck_assert_int_eq(feed_publish(feed, bad[i], "x", 1, &err), OMEGA_EINVAL);
        ck_assert_ptr_nonnull(strstr(err.text, ", expected 1"));
        ck_assert_int_eq(feed_publish(feed, bad[i], "x", 1, NULL), OMEGA_EINVAL);
    }
    ck_assert_int_eq(feed_publish(feed, 1, "x", SIZE_MAX, NULL), OMEGA_ENOMEM);
    ck_assert_int_eq(feed_publish(feed, 1, NULL, 0, NULL), 0);
    feed_advance(feed, 1, 1);
    ck_assert_int_eq(feed_read(feed, &position, &stamp, count_empty, &empty), 0);
    ck_assert_int_eq(empty, 1);
    feed_destroy(feed);
}
END_TEST

START_TEST(test_without_memory)
{
    struct feed *feed = feed_create(SLOTS);
    omega_error_t err = {.code = 0};
    publish_to(feed, 1, 3);
    no_memory = 1;
    feed_advance(feed, 1, 10);
    expect(feed, 0, 0, 1, 1, 10);
    feed_advance(feed, 2, 20); /* the spare head again */
    expect(feed, 0, 0, 2, 2, 20);
    ck_assert_int_eq(feed_publish(feed, 4, "x", 1, &err), OMEGA_ENOMEM);
    ck_assert_str_eq(err.text, "feed: no memory for a change of 1 bytes");
    feed_advance(feed, 3, 30);
    expect(feed, 0, 0, 3, 3, 30);
    feed_reset(feed, 4, 40); /* what remains to the writer */
    expect(feed, 3, 1, 0, 3, 12345);
    expect(feed, 4, 0, 0, 4, 40);
    no_memory = 0;
    publish(feed, 5);
    feed_advance(feed, 5, 50);
    expect(feed, 4, 0, 1, 5, 50);
    feed_destroy(feed);
}
END_TEST

START_TEST(test_reclaiming)
{
    struct feed *feed = feed_create(SLOTS);
    publish_to(feed, 1, 10 + SLOTS);
    ck_assert_uint_eq(atomic_load(&feed->displaced_count), 10);
    feed_reclaim(feed); /* too few to be worth it */
    ck_assert_uint_eq(atomic_load(&feed->displaced_count), 10);
    publish_to(feed, 11 + SLOTS, RECLAIM_BATCH + SLOTS);
    ck_assert_uint_eq(atomic_load(&feed->displaced_count), RECLAIM_BATCH);
    feed_reclaim(feed);
    ck_assert_uint_eq(atomic_load(&feed->displaced_count), 0);
    for (uint64_t i = 1; i <= 3 * RECLAIM_LATEST; i++) { /* nobody else does it */
        publish(feed, RECLAIM_BATCH + SLOTS + i);
        ck_assert_uint_lt(atomic_load(&feed->displaced_count), RECLAIM_LATEST);
    }
    feed_destroy(feed);
}
END_TEST

/* ---- readers beside writers ---- */

static struct feed *shared;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t written; /* guarded by the mutex */
static atomic_uint_fast64_t newest;
static atomic_int stop;
static atomic_uint failures;
static atomic_uint followed;
static atomic_uint reloads;

/* Under the mutex: some versions at once, now and then a gap. */
static void write_some(struct omega_random *random)
{
    uint64_t count = 1 + omega_random_below(random, 5);
    if (omega_random_below(random, 200) == 0) {
        written += count;
        feed_reset(shared, written, stamp_of(written));
    } else {
        publish_to(shared, written + 1, written + count);
        written += count;
        feed_advance(shared, written, stamp_of(written));
    }
    atomic_store_explicit(&newest, written, memory_order_relaxed);
}

static void *write_feed(void *argument)
{
    struct omega_random random;
    omega_random_init(&random, 3, "feed", (uint64_t)(intptr_t)argument);
    for (bool more = true; more;) {
        pthread_mutex_lock(&mutex);
        write_some(&random);
        more = written < VERSIONS;
        pthread_mutex_unlock(&mutex);
        feed_reclaim(shared);
        if (omega_random_below(&random, 4) == 0) {
            sched_yield();
        }
    }
    return NULL;
}

/* One reading: gapless, whole, and the stamp of its version. */
static void read_once(uint64_t *position, struct omega_random *random)
{
    struct follower follower = {.next = *position + 1,
                                .yields = omega_random_below(random, 4) == 0};
    uint64_t before = *position;
    uint64_t stamp = 0;
    int result = feed_read(shared, position, &stamp, follow, &follower);
    unsigned bad = follower.wrong != 0;
    if (result == 0) {
        bad += *position != before + follower.calls;
        bad += stamp != stamp_of(*position) && (stamp != 0 || follower.calls > 0);
        atomic_fetch_add_explicit(&followed, (unsigned)follower.calls, memory_order_relaxed);
    } else {
        bad += result != 1 || follower.calls != 0 || *position != before;
        *position = atomic_load_explicit(&newest, memory_order_relaxed); /* loads elsewhere */
        atomic_fetch_add_explicit(&reloads, 1, memory_order_relaxed);
    }
    atomic_fetch_add_explicit(&failures, bad, memory_order_relaxed);
}

static void *read_feed(void *argument)
{
    struct omega_random random;
    uint64_t position = 0;
    omega_random_init(&random, 4, "feed", (uint64_t)(intptr_t)argument);
    while (atomic_load_explicit(&stop, memory_order_relaxed) == 0) {
        read_once(&position, &random);
        if (omega_random_below(&random, 8) == 0) {
            sched_yield();
        }
    }
    return NULL;
}

START_TEST(test_readers_beside_writers)
{
    pthread_t readers[READERS];
    pthread_t writers[WRITERS];
    shared = feed_create(STRESS_SLOTS);
    for (intptr_t i = 0; i < READERS; i++) {
        ck_assert_int_eq(pthread_create(&readers[i], NULL, read_feed, (void *)i), 0);
    }
    for (intptr_t i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(pthread_create(&writers[i], NULL, write_feed, (void *)i), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i], NULL);
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i], NULL);
    }
    printf("feed: %llu versions, %u followed, %u reloads\n", (unsigned long long)written,
           atomic_load(&followed), atomic_load(&reloads));
    ck_assert_uint_eq(atomic_load(&failures), 0);
    ck_assert_uint_gt(atomic_load(&followed), 0);
    feed_destroy(shared);
}
END_TEST

/* ---- a reader that sleeps in its section while everything is displaced ---- */

static atomic_int in_section;
static atomic_int displaced_all;

static int dawdle(void *context, const void *bytes, size_t size)
{
    const struct follower *follower = context;
    if (follower->calls == 1) { /* in the middle of the chain */
        atomic_store_explicit(&in_section, 1, memory_order_relaxed);
        while (atomic_load_explicit(&displaced_all, memory_order_relaxed) == 0) {
            sched_yield();
        }
    }
    return follow(context, bytes, size);
}

static void *read_slowly(void *argument)
{
    struct follower *follower = argument;
    uint64_t position = 0;
    uint64_t stamp = 0;
    follower->next = 1;
    int result = feed_read(shared, &position, &stamp, dawdle, follower);
    follower->wrong += result != 0 || position != SLOTS || stamp != 70;
    return NULL;
}

START_TEST(test_slow_reader)
{
    for (int reset = 0; reset < 2; reset++) {
        struct follower follower = {.calls = 0};
        pthread_t reader;
        atomic_store(&in_section, 0);
        atomic_store(&displaced_all, 0);
        shared = feed_create(SLOTS);
        publish_to(shared, 1, SLOTS);
        feed_advance(shared, SLOTS, 70);
        ck_assert_int_eq(pthread_create(&reader, NULL, read_slowly, &follower), 0);
        while (atomic_load_explicit(&in_section, memory_order_relaxed) == 0) {
            sched_yield();
        }
        if (reset) {
            feed_reset(shared, SLOTS, 80);
        }
        publish_to(shared, SLOTS + 1, 5 * SLOTS);
        feed_advance(shared, 5 * SLOTS, 90);
        atomic_store_explicit(&displaced_all, 1, memory_order_relaxed);
        pthread_join(reader, NULL);
        ck_assert_uint_eq(follower.calls, SLOTS); /* those of its head, without a gap */
        ck_assert_uint_eq(follower.wrong, 0);
        feed_destroy(shared);
    }
}
END_TEST

/* The child makes a feed of its own while a thread that it does not have reads in the parent. */
START_TEST(test_fork)
{
    struct follower follower = {.calls = 0};
    pthread_t reader;
    int status = 0;
    shared = feed_create(SLOTS);
    publish_to(shared, 1, SLOTS);
    feed_advance(shared, SLOTS, 70);
    ck_assert_int_eq(pthread_create(&reader, NULL, read_slowly, &follower), 0);
    while (atomic_load_explicit(&in_section, memory_order_relaxed) == 0) {
        sched_yield();
    }
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        alarm(60);
        struct feed *own = feed_create(SLOTS);
        publish_to(own, 1, RECLAIM_BATCH + SLOTS);
        feed_reclaim(own);
        feed_destroy(own);
        _exit(7);
    }
    waitpid(child, &status, 0);
    atomic_store_explicit(&displaced_all, 1, memory_order_relaxed);
    pthread_join(reader, NULL);
    feed_destroy(shared);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 7, "status %d", status);
    ck_assert_uint_eq(follower.wrong, 0);
}
END_TEST

static void add_cases(Suite *suite)
{
    mallopt(M_PERTURB, 0xa5); /* freed memory does not keep its contents */
    check_case(suite, "create", test_create);
    check_case(suite, "visible after advance", test_visible_after_advance);
    check_case(suite, "too short", test_too_short);
    check_case(suite, "one slot", test_one_slot);
    check_case(suite, "reset", test_reset);
    check_case(suite, "results of each", test_results_of_each);
    check_case(suite, "wrong versions and sizes", test_wrong_versions_and_sizes);
    check_case(suite, "without memory", test_without_memory);
    check_case(suite, "reclaiming", test_reclaiming);
    check_case(suite, "readers beside writers", test_readers_beside_writers);
    check_case(suite, "a slow reader", test_slow_reader);
    check_case(suite, "fork", test_fork);
}

CHECK_MAIN("feed", add_cases)
