/* SPDX-License-Identifier: MIT */
/*
 * LMDB fails at any of its calls, the commit itself among them: the operation fails with nothing
 * changed, and the same again, or any other after it, does what it does in memory. This program's
 * own definitions of LMDB's functions come before the library's, which they call.
 */
#include <dlfcn.h>
#include <errno.h>
#include <lmdb.h>

#include "core/base/random.h"
#include "tests/unit/cellstate/disk_fixture.h"

#define STEPS 1500
#define JOBS_MAX 100u
#define JOB_TASKS 6u
#define CALLS_MAX 40u    /* of an operation, of which one fails */
#define RUNNING_MAX 256u /* more than the machines have room for */

/* ---- LMDB, failing ---- */

static uint32_t calls_left; /* until one fails; 0: none does */
static bool has_failed;

static bool fails_now(void)
{
    bool fails = calls_left > 0 && --calls_left == 0;
    has_failed = has_failed || fails;
    return fails;
}

/* The library's own function of a name. */
#define NEXT(name)                                                                                 \
    union {                                                                                        \
        void *found;                                                                               \
        __typeof__(&(name)) call;                                                                  \
    } next = {.found = dlsym(RTLD_NEXT, #name)}

int mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned flags)
{
    NEXT(mdb_put);
    return fails_now() ? MDB_MAP_FULL : next.call(txn, dbi, key, data, flags);
}

int mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
    NEXT(mdb_del);
    return fails_now() ? MDB_MAP_FULL : next.call(txn, dbi, key, data);
}

int mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
    NEXT(mdb_get);
    return fails_now() ? EIO : next.call(txn, dbi, key, data);
}

int mdb_cursor_put(MDB_cursor *cursor, MDB_val *key, MDB_val *data, unsigned flags)
{
    NEXT(mdb_cursor_put);
    return fails_now() ? MDB_MAP_FULL : next.call(cursor, key, data, flags);
}

int mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *data, MDB_cursor_op op)
{
    NEXT(mdb_cursor_get);
    return fails_now() ? EIO : next.call(cursor, key, data, op);
}

int mdb_cursor_del(MDB_cursor *cursor, unsigned flags)
{
    NEXT(mdb_cursor_del);
    return fails_now() ? MDB_MAP_FULL : next.call(cursor, flags);
}

int mdb_txn_commit(MDB_txn *txn)
{
    NEXT(mdb_txn_commit);
    if (fails_now()) {
        mdb_txn_abort(txn);
        return EIO;
    }
    return next.call(txn);
}

/* ---- one cell on disk and in memory ---- */

struct twins {
    struct disk disk;
    struct store *memory;
    struct store_view *view;
    struct omega_random random;
    uint64_t jobs;
    uint32_t failures;
    uint64_t running[RUNNING_MAX];
    uint32_t running_count;
};

static uint32_t below(struct twins *twins, uint32_t bound)
{
    return (uint32_t)omega_random_below(&twins->random, bound);
}

/* What both stores are asked to do; returns the code. */
typedef int (*operation)(struct store *store, void *arguments, omega_error_t *err);

static struct store_counters counters_of(struct store *store)
{
    struct store_counters counters;
    store_counters(store, &counters);
    return counters;
}

/* Does it on disk with a call that fails, again without if it came to that, and in memory. */
static void both(struct twins *twins, operation does, void *on_disk, void *in_memory)
{
    omega_error_t err = {.code = OMEGA_OK};
    struct store *store = twins->disk.cell.store;
    struct store_counters before = counters_of(store);
    has_failed = false;
    calls_left = below(twins, 4) == 0 ? 0 : 1 + below(twins, CALLS_MAX);
    int rc = does(store, on_disk, &err);
    calls_left = 0;
    if (has_failed && rc < 0) { /* else it was one that only publishes for readers */
        struct store_counters after = counters_of(store);
        ck_assert_str_ne(err.text, "");
        ck_assert_mem_eq(&after, &before, sizeof(before));
        omega_error_clear(&err);
        rc = does(store, on_disk, &err);
        twins->failures++;
    }
    omega_error_clear(&err);
    int expected = does(twins->memory, in_memory, &err);
    ck_assert_int_eq(rc, expected);
}

/* ---- operations ---- */

static int submit(struct store *store, void *arguments, omega_error_t *err)
{
    return store_submit(store, arguments, err);
}

static void submit_one(struct twins *twins)
{
    static const int64_t durations[JOB_TASKS] = {1, 2, 3, 4, 5, 6};
    uint32_t set = 0;
    struct cell *cell = &twins->disk.cell;
    const char *constraints = below(twins, 2) == 0 ? "different_machines" : "";
    ck_assert_int_eq(catalogue_constraints(cell->catalogue, constraints, &set, &cell->err), 0);
    struct omega_task_group group = {
        .count = JOB_TASKS,
        .request = {.cpu_milli = 100, .mem_mib = 10},
        .constraints = set,
        .task_duration_us = below(twins, 2) == 0 ? durations : NULL,
    };
    struct omega_job job = {
        .id = ++twins->jobs, .precedence = 120, .group_count = 1, .groups = &group};
    ck_assert_int_eq(omega_job_seal(&job, &group, &cell->err), 0);
    both(twins, submit, &job, &job);
}

struct commit {
    struct omega_transaction txn;
    struct omega_claim claims[JOB_TASKS];
    struct omega_claim_result results[JOB_TASKS];
    struct omega_result result;
};

static int commit(struct store *store, void *arguments, omega_error_t *err)
{
    struct commit *asked = arguments;
    return store_commit(store, &asked->txn, asked->results, &asked->result, err);
}

static void commit_one(struct twins *twins)
{
    static struct commit sides[2];
    uint32_t first = below(twins, JOB_TASKS);
    uint32_t count = 1 + below(twins, JOB_TASKS - first);
    memset(sides, 0, sizeof(sides));
    for (uint32_t i = 0; i < count; i++) {
        sides[0].claims[i] = (struct omega_claim){
            .task = first + i,
            .machine = below(twins, CELL_MACHINES),
            .request = {.cpu_milli = 100, .mem_mib = 10},
        };
    }
    sides[0].txn = (struct omega_transaction){
        .job = 1 + below(twins, (uint32_t)twins->jobs),
        .attempt = 1,
        .precedence = 120,
        .group_count = 1,
        .claim_count = count,
    };
    sides[1] = sides[0];
    sides[0].txn.claims = sides[0].claims;
    sides[1].txn.claims = sides[1].claims;
    both(twins, commit, &sides[0], &sides[1]);
    ck_assert_uint_eq(sides[0].result.accepted, sides[1].result.accepted);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_int_eq(sides[0].results[i].outcome, sides[1].results[i].outcome);
        ck_assert_uint_eq(sides[0].results[i].placement, sides[1].results[i].placement);
        if (sides[0].results[i].placement != 0) {
            ck_assert_uint_lt(twins->running_count, RUNNING_MAX);
            twins->running[twins->running_count++] = sides[0].results[i].placement;
        }
    }
}

struct release {
    uint64_t placements[2];
    struct store_release_result results[2];
    uint64_t version;
};

static int release(struct store *store, void *arguments, omega_error_t *err)
{
    struct release *asked = arguments;
    return store_release(store, asked->placements, 2, STORE_FINISHED, asked->results,
                         &asked->version, err);
}

static void release_two(struct twins *twins)
{
    struct release sides[2] = {{.version = 0}};
    for (int i = 0; i < 2 && twins->running_count > 0; i++) {
        uint32_t at = below(twins, twins->running_count);
        sides[0].placements[i] = twins->running[at];
        twins->running[at] = twins->running[--twins->running_count];
    }
    sides[1] = sides[0];
    both(twins, release, &sides[0], &sides[1]);
    ck_assert_uint_eq(sides[0].version, sides[1].version);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(sides[0].results[i].released, sides[1].results[i].released);
    }
}

struct event {
    struct omega_machine_event event;
    uint32_t lost;
};

static int event(struct store *store, void *arguments, omega_error_t *err)
{
    struct event *asked = arguments;
    const struct store_release_result *lost;
    uint64_t version;
    return store_machine_event(store, &asked->event, STORE_LOST_RETURN, &lost, &asked->lost,
                               &version, err);
}

static void event_one(struct twins *twins)
{
    struct omega_machine machine;
    struct event sides[2] = {{.event = {.machine = below(twins, CELL_MACHINES)}}};
    struct cell *cell = &twins->disk.cell;
    ck_assert_int_eq(store_machine(twins->memory, sides[0].event.machine, &machine, &cell->err), 0);
    sides[0].event.kind = machine.state == OMEGA_MACHINE_UP ? OMEGA_EVENT_REMOVE : OMEGA_EVENT_ADD;
    sides[1] = sides[0];
    both(twins, event, &sides[0], &sides[1]);
    ck_assert_uint_eq(sides[0].lost, sides[1].lost);
}

static int refresh(struct store *store, void *arguments, omega_error_t *err)
{
    return arguments == NULL ? 0 : store_view_refresh(store, arguments, err);
}

/* Machines, view and counters are the same, and the cell on disk is sound. */
static void compare(struct twins *twins)
{
    struct cell *cell = &twins->disk.cell;
    struct store_report report = {.violations = 0};
    struct store_counters on_disk = counters_of(cell->store);
    struct store_counters in_memory = counters_of(twins->memory);
    ck_assert_mem_eq(&on_disk, &in_memory, sizeof(on_disk));
    both(twins, refresh, twins->view, NULL);
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        struct omega_machine mine = cell_machine(cell, m);
        struct omega_machine theirs;
        ck_assert_int_eq(store_machine(twins->memory, m, &theirs, &cell->err), 0);
        ck_assert_mem_eq(&mine, &theirs, sizeof(mine));
        ck_assert_uint_eq(omega_seq(twins->view->shown.entry[m].stamp), mine.seq);
        ck_assert_uint_eq(omega_releases(twins->view->shown.entry[m].stamp), mine.releases);
    }
    ck_assert_int_eq(store_check(cell->store, &report, &cell->err), 0);
    ck_assert_msg(report.violations == 0, "%s", report.first);
}

/* ---- all of it ---- */

static void step(struct twins *twins)
{
    uint32_t kind = below(twins, 10);
    if (twins->jobs == 0 || (kind == 0 && twins->jobs < JOBS_MAX)) {
        submit_one(twins);
    } else if (kind < 6) {
        commit_one(twins);
    } else if (kind < 9) {
        release_two(twins);
    } else {
        event_one(twins);
    }
}

static const struct {
    enum lmdb_mode mode;
    bool group;
    uint32_t log_changes; /* 0: the default */
} variants[] = {{LMDB_PWRITE, false, 0}, {LMDB_FAST, false, 3}, {LMDB_PWRITE, true, 8}};

START_TEST(a_failed_call_changes_nothing)
{
    static struct twins twins;
    memset(&twins, 0, sizeof(twins));
    struct cell *cell = &twins.disk.cell;
    omega_random_init(&twins.random, 1, "faults", (uint64_t)_i);
    disk_describe(&twins.disk);
    twins.disk.options.mode = variants[_i].mode;
    twins.disk.options.log_changes = variants[_i].log_changes;
    twins.disk.use.group = variants[_i].group;
    disk_create(&twins.disk);
    disk_start(&twins.disk);
    ck_assert_int_eq(store_open_memory(&cell->config, &twins.memory, &cell->err), 0);
    ck_assert_int_eq(store_view_open(cell->store, STORE_VIEW_PRIVATE, &twins.view, &cell->err), 0);
    for (int i = 0; i < STEPS; i++) {
        step(&twins);
        if (i % 5 == 4) {
            compare(&twins);
        }
    }
    ck_assert_uint_gt(twins.failures, STEPS / 10); /* it did fail */
    store_view_close(cell->store, twins.view);
    store_close(twins.memory);
    disk_close(&twins.disk);
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *tcase = tcase_create("faults");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, a_failed_call_changes_nothing, 0,
                        (int)(sizeof(variants) / sizeof(variants[0])));
    suite_add_tcase(suite, tcase);
}

CHECK_MAIN("lmdb faults", add_cases)
