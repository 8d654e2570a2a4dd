/* SPDX-License-Identifier: MIT */
/*
 * Group commit: several threads of one process plan, commit and release on one store, and another
 * process does so too. Nothing is lost, nothing happens twice, and no two commits take one room.
 */
#include <pthread.h>

#include "core/base/random.h"
#include "tests/support/tsan.h"
#include "tests/unit/cellstate/disk_fixture.h"

#define THREADS 4u
#define TASKS 20u /* of each job */

/* Failed assertions are for the main thread: others tell what went wrong. */
struct member {
    struct store *store;
    uint32_t number;
    uint32_t jobs; /* to run */
    omega_error_t err;
    uint64_t accepted;
    uint64_t released;
    uint64_t conflicts;
    uint64_t last_version; /* of its commits */
    bool fell;             /* a version did not rise */
};

static uint64_t job_id(const struct member *member, uint32_t job)
{
    return (uint64_t)(member->number + 1) << 32 | (job + 1);
}

static int submit(struct member *member, uint32_t job)
{
    struct omega_task_group group = {.count = TASKS, .request = {10, 1, 0, 0, 0}};
    struct omega_job j = {.id = job_id(member, job),
                          .precedence = 120,
                          .group_count = 1,
                          .tasks = TASKS,
                          .slots = TASKS,
                          .groups = &group};
    return store_submit(member->store, &j, &member->err);
}

struct plan {
    struct omega_transaction txn;
    struct omega_claim claims[TASKS];
    struct omega_claim_result results[TASKS];
    uint8_t placed[TASKS];
    uint32_t attempt;
};

/* Claims every task that is not placed, on machines that the view shows with room. */
static void make_plan(struct member *member, const struct store_view *view,
                      struct omega_random *random, uint32_t job, struct plan *plan)
{
    plan->txn = (struct omega_transaction){
        .job = job_id(member, job),
        .attempt = ++plan->attempt,
        .incarnation = 1,
        .instance = (uint16_t)member->number,
        .detection = OMEGA_DETECT_COARSE,
        .precedence = 120,
        .synced = view->shown.version,
        .group_count = 1,
        .claims = plan->claims,
    };
    for (uint32_t t = 0; t < TASKS; t++) {
        uint32_t machine = omega_random_below(random, 3);
        if (plan->placed[t] == 0 && view->shown.entry[machine].room.cpu_milli >= 10) {
            plan->claims[plan->txn.claim_count++] = (struct omega_claim){
                .seq = omega_seq(view->shown.entry[machine].stamp),
                .synced = store_view_synced(view, machine),
                .task = t,
                .machine = machine,
                .request = {10, 1, 0, 0, 0},
            };
        }
    }
}

/* Counts a commit's answer; releases what it placed. */
static int settle(struct member *member, struct plan *plan, const struct omega_result *result)
{
    uint64_t ids[TASKS];
    struct store_release_result released[TASKS];
    uint64_t version = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->txn.claim_count; i++) {
        if (plan->results[i].outcome == OMEGA_ACCEPTED) {
            ids[count++] = plan->results[i].placement;
            plan->placed[plan->claims[i].task] = 1;
        }
    }
    member->accepted += count;
    member->conflicts += result->conflicts;
    if (count == 0) {
        return 0;
    }
    member->fell = member->fell || result->version <= member->last_version;
    member->last_version = result->version;
    int rc = store_release(member->store, ids, count - 1, STORE_FINISHED, released, &version,
                           &member->err);
    for (uint32_t i = 0; rc == 0 && i + 1 < count; i++) {
        member->released += released[i].released;
    }
    return rc;
}

static bool all_placed(const struct plan *plan)
{
    return memchr(plan->placed, 0, TASKS) == NULL;
}

/* Until each task of the job has been placed. */
static int run_job(struct member *member, struct store_view *view, struct omega_random *random,
                   uint32_t job)
{
    struct plan plan = {.attempt = 0};
    int rc = submit(member, job);
    while (rc == 0 && !all_placed(&plan)) {
        struct omega_result result = {0};
        rc = store_view_refresh(member->store, view, &member->err);
        if (rc == 0) {
            make_plan(member, view, random, job, &plan);
            rc = plan.txn.claim_count == 0
                     ? 0
                     : store_commit(member->store, &plan.txn, plan.results, &result, &member->err);
        }
        if (rc == 0 && plan.txn.claim_count > 0) {
            rc = settle(member, &plan, &result);
        }
    }
    return rc;
}

/* Two jobs in one call: the second is decided against what the first left. */
static int run_two_jobs(struct member *member, struct store_view *view, struct omega_random *random,
                        uint32_t job)
{
    struct plan plans[2] = {{.attempt = 0}, {.attempt = 0}};
    int rc = submit(member, job);
    rc = rc == 0 ? submit(member, job + 1) : rc;
    while (rc == 0 && !(all_placed(&plans[0]) && all_placed(&plans[1]))) {
        struct lmdb_commit commits[2];
        uint32_t count = 0;
        struct plan *planned[2];
        rc = store_view_refresh(member->store, view, &member->err);
        for (uint32_t i = 0; rc == 0 && i < 2; i++) {
            make_plan(member, view, random, job + i, &plans[i]);
            if (plans[i].txn.claim_count > 0) {
                planned[count] = &plans[i];
                commits[count++] =
                    (struct lmdb_commit){.txn = &plans[i].txn, .results = plans[i].results};
            }
        }
        rc = rc == 0 ? lmdb_commit_all(member->store, commits, count, &member->err) : rc;
        for (uint32_t i = 0; rc == 0 && i < count; i++) {
            rc = settle(member, planned[i], &commits[i].result);
        }
    }
    return rc;
}

static void *run_member(void *context)
{
    struct member *member = context;
    struct store_view *view = NULL;
    struct omega_random random;
    omega_random_init(&random, member->number, "member", 0);
    int rc = store_view_open(member->store, STORE_VIEW_PRIVATE, &view, &member->err);
    for (uint32_t job = 0; rc == 0 && job < member->jobs; job += 2) {
        if (member->number % 2 == 0) {
            rc = run_two_jobs(member, view, &random, job);
        } else {
            rc = run_job(member, view, &random, job);
            rc = rc == 0 ? run_job(member, view, &random, job + 1) : rc;
        }
    }
    store_view_close(member->store, view);
    return NULL;
}

static uint32_t jobs_each(void)
{
    return getenv("OMEGA_SLOW") != NULL ? 4 : 100;
}

static void run_threads(struct disk *disk, struct member *members)
{
    pthread_t threads[THREADS];
    for (uint32_t t = 0; t < THREADS; t++) {
        members[t] = (struct member){.store = disk->cell.store, .number = t, .jobs = jobs_each()};
        ck_assert_int_eq(pthread_create(&threads[t], NULL, run_member, &members[t]), 0);
    }
    for (uint32_t t = 0; t < THREADS; t++) {
        ck_assert_int_eq(pthread_join(threads[t], NULL), 0);
    }
}

/* Of each commit with something accepted one placement still runs: the others were released. */
static void expect_totals(struct disk *disk, const struct member *members, uint32_t processes)
{
    struct store_counters counters = cell_counters(&disk->cell);
    uint64_t accepted = 0;
    uint64_t released = 0;
    for (uint32_t t = 0; t < THREADS; t++) {
        const struct member *member = &members[t];
        ck_assert_msg(member->err.code == 0, "thread %u: %s", t, member->err.text);
        ck_assert_msg(!member->fell, "thread %u: a commit got an older version", t);
        ck_assert_uint_eq(member->accepted, (uint64_t)jobs_each() * TASKS);
        accepted += member->accepted;
        released += member->released;
    }
    if (processes == 1) {
        ck_assert_uint_eq(counters.tasks_submitted, accepted);
        ck_assert_uint_eq(counters.tasks_finished, released);
        ck_assert_uint_eq(counters.tasks_running, accepted - released);
    }
    ck_assert_uint_eq(counters.tasks_submitted,
                      (uint64_t)processes * THREADS * jobs_each() * TASKS);
    ck_assert_uint_eq(counters.tasks_pending, 0);
    ck_assert_uint_eq(counters.tasks_failed + counters.tasks_abandoned, 0);
}

/* Every version once, in order: what the log says is what the threads were told. */
struct log {
    uint64_t versions;
    uint64_t last;
    bool gap;
};

static int read_log(void *context, const struct lmdb_change *change)
{
    struct log *log = context;
    log->gap = log->gap || (log->versions > 0 && change->version != log->last + 1);
    log->last = change->version;
    log->versions++;
    return 0;
}

static void expect_log(struct disk *disk)
{
    struct log log = {.versions = 0};
    ck_assert_int_eq(lmdb_changes(disk->cell.store, 0, read_log, &log, &disk->cell.err), 0);
    ck_assert(!log.gap);
    ck_assert_uint_eq(log.last, cell_counters(&disk->cell).version);
}

static void describe_group(struct disk *disk, int mode, uint32_t log_changes)
{
    disk_describe(disk);
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        disk->cell.specs[m].cpu_milli = 1000000;
        disk->cell.specs[m].mem_mib = 1000000;
    }
    disk->options.mode = (enum lmdb_mode)mode;
    disk->options.log_changes = log_changes;
    disk->use.group = true;
}

/* _i: mode, and with 3 added a log that is too short for views that wait a little. */
START_TEST(threads_share_a_store)
{
    struct disk disk;
    struct member members[THREADS];
    describe_group(&disk, _i % 3, _i < 3 ? 0 : 8);
    disk_create(&disk);
    disk_start(&disk);
    run_threads(&disk, members);
    expect_totals(&disk, members, 1);
    expect_log(&disk);
    /* a view of now is what the records say */
    struct store_view *view = NULL;
    struct cell *cell = &disk.cell;
    ck_assert_int_eq(store_view_open(cell->store, STORE_VIEW_PRIVATE, &view, &cell->err), 0);
    for (uint32_t m = 0; m < 3; m++) {
        struct omega_machine machine = cell_machine(cell, m);
        ck_assert_int_eq(view->shown.entry[m].room.cpu_milli, 1000000 - machine.cpu_used_milli);
        ck_assert_uint_eq(omega_seq(view->shown.entry[m].stamp), machine.seq);
    }
    store_view_close(cell->store, view);
    disk_close(&disk);
}
END_TEST

static void other_runs_threads(struct disk *disk)
{
    struct member members[THREADS];
    pthread_t threads[THREADS];
    for (uint32_t t = 0; t < THREADS; t++) {
        members[t] =
            (struct member){.store = disk->cell.store, .number = 100 + t, .jobs = jobs_each()};
        ck_assert_int_eq(pthread_create(&threads[t], NULL, run_member, &members[t]), 0);
    }
    for (uint32_t t = 0; t < THREADS; t++) {
        ck_assert_int_eq(pthread_join(threads[t], NULL), 0);
        ck_assert_msg(members[t].err.code == 0, "%s", members[t].err.text);
        ck_assert(!members[t].fell);
        ck_assert_uint_eq(members[t].accepted, (uint64_t)jobs_each() * TASKS);
    }
}

static void (*const others[])(struct disk *) = {other_runs_threads};

START_TEST(two_processes_of_threads)
{
    struct disk disk;
    struct disk_other other;
    struct member members[THREADS];
    uint8_t number = 0;
    describe_group(&disk, LMDB_FAST, 64);
    disk_create(&disk);
    disk_other_start(&other, &disk, others);
    disk_start(&disk);
    ck_assert_int_eq(send(other.socket, &number, 1, MSG_NOSIGNAL), 1);
    run_threads(&disk, members);
    ck_assert_msg(recv(other.socket, &number, 1, 0) == 1, "the other process failed");
    expect_totals(&disk, members, 2);
    expect_log(&disk);
    disk_other_stop(&other);
    disk_close(&disk);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "two processes", two_processes_of_threads);
    TCase *tcase = tcase_create("threads");
    tcase_add_loop_test(tcase, threads_share_a_store, 0, 6);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
}

CHECK_MAIN("cellstate/lmdb_group", add_cases)
