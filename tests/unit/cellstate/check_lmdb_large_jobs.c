/* SPDX-License-Identifier: MIT */
/*
 * Jobs whose tasks do not fit one record: a cell on disk answers as one in memory does, whichever
 * tasks of them are claimed, lost, ended or given up, across openings, processes and a dump; and
 * nothing of a job that is over stays in any table.
 */
#include "tests/support/child.h"
#include "tests/unit/cellstate/disk_fixture.h"
#include "tests/unit/cellstate/large_fixture.h"

#define PARTS (RECORD_TASKS_EACH) /* tasks of one */

/* Groups whose borders fall on no part; the last tasks of a part are in one that asks for different
 * machines, or the first ones, or all are in groups that do not. */
static const uint32_t sizes[] = {2047, 2048, 2049, 4096, 4097, 10007};
#define SIZES ((int)(sizeof(sizes) / sizeof(sizes[0])))
#define SHAPES 3
#define ALL_SHAPES (SIZES * SHAPES)

/* Shape i % SHAPES of size i / SHAPES. */
static void describe(int i, struct large_group groups[LARGE_GROUPS])
{
    uint32_t size = sizes[i / SHAPES];
    uint32_t third = size / 3;
    memset(groups, 0, LARGE_GROUPS * sizeof(*groups));
    switch (i % SHAPES) {
    case 0: /* apart in the middle */
        groups[0] = (struct large_group){.count = third, .listed = true};
        groups[1] = (struct large_group){.count = size - third - 3, .different = true};
        groups[2] = (struct large_group){.count = 3, .listed = true};
        break;
    case 1: /* apart at both ends, of the last group some lie before the last part */
        groups[0] = (struct large_group){.count = 5, .different = true};
        groups[1] = (struct large_group){.count = size - 75};
        groups[2] = (struct large_group){.count = 70, .different = true, .listed = true};
        break;
    default:
        groups[0] = (struct large_group){.count = size - third};
        groups[1] = (struct large_group){.count = third, .listed = true};
        break;
    }
}

static bool spreads(int i)
{
    return i % SHAPES != 2;
}

/* Claims the first and the last task of each part and group, the last ones first, each on a machine
 * of its own as long as there are some. */
static void claim_borders(struct large *large, const struct large_job *job)
{
    uint32_t slots = job->job.slots;
    for (uint32_t t = slots; t-- > 0;) {
        uint32_t group = large_group_of(job, t);
        bool border = t % PARTS == 0 || t % PARTS == PARTS - 1 || t == slots - 1 ||
                      t == job->groups[group].first_task;
        if (border) {
            large_claim(large, job, t, large->txn.claim_count % LARGE_MACHINES);
        }
    }
}

/* Claims `count` tasks at random, on machines at random. */
static void claim_any(struct large *large, struct large_job *job, uint32_t count)
{
    large_shuffle(large, job, count);
    for (uint32_t i = 0; i < count; i++) {
        large_claim(large, job, job->order[i], large_below(large, LARGE_MACHINES));
    }
}

/* Ends what runs and gives up the rest, and looks at what is left. */
static void end(struct large *large, struct large_job *job)
{
    uint32_t running = large_count(job, LARGE_RUNNING);
    if (large_pending(job) > 0) {
        large_abandon(large, job);
        large_compare(large);
    }
    if (running > 0) {
        large_release(large, job, running, STORE_FINISHED);
    }
    ck_assert(large_over(job));
    large_compare(large);
    large_reopen(large);
    large_compare(large);
    if (large->options.keep_jobs) {
        ck_assert_int_eq(store_submit(large->disk, &job->job, NULL), OMEGA_EINVAL);
    }
}

/* ---- borders ---- */

/* Claims at borders, again after opening the cell anew, and ends there. Every other cell keeps its
 * jobs. */
START_TEST(borders)
{
    struct large large = {.options = {.keep_jobs = _i / SHAPES % 2 == 1}};
    struct large_group groups[LARGE_GROUPS];
    describe(_i, groups);
    large_open(&large, (uint64_t)_i);
    struct large_job *job = large_submit(&large, 255, groups);
    large_compare(&large);
    large_reopen(&large);
    large_begin(&large, job, OMEGA_COMMIT_TASK);
    claim_borders(&large, job);
    ck_assert_uint_eq(large_commit(&large, job), large.txn.claim_count);
    large_compare(&large);
    for (int again = 0; again < 2; again++) { /* before and after */
        large_begin(&large, job, OMEGA_COMMIT_TASK);
        claim_borders(&large, job);
        ck_assert_uint_eq(large_commit(&large, job), 0);
        large_reopen(&large);
        large_compare(&large);
    }
    large_release(&large, job, 2, STORE_FAILED);
    large_begin(&large, job, OMEGA_COMMIT_TASK);
    claim_borders(&large, job);
    ck_assert_uint_eq(large_commit(&large, job), 0); /* what has ended was placed, too */
    large_compare(&large);
    end(&large, job);
    large_close(&large);
}
END_TEST

/* One claim at a time, each of which writes a record of its own or one that is there. */
START_TEST(one_by_one)
{
    struct large large = {.options = {.mode = LMDB_FAST}};
    struct large_group groups[LARGE_GROUPS];
    describe(_i, groups);
    large_open(&large, (uint64_t)_i);
    struct large_job *job = large_submit(&large, 256, groups);
    uint32_t slots = job->job.slots;
    for (uint32_t t = 0; t < slots; t += t % PARTS == 0 ? PARTS - 1 : 1) {
        large_begin(&large, job, OMEGA_COMMIT_TASK);
        large_claim(&large, job, slots - 1 - t, t / PARTS * 2 + t % 2);
        ck_assert_uint_eq(large_commit(&large, job), 1);
        large_compare(&large);
        large_reopen(&large);
        if (t + PARTS >= slots) {
            break;
        }
    }
    end(&large, job);
    large_close(&large);
}
END_TEST

/* ---- granularity ---- */

/* A claim that is refused in the last part brings down those in the first ones. */
START_TEST(all_or_none)
{
    struct large large = {.options = {.keep_jobs = false}};
    struct large_group groups[LARGE_GROUPS];
    describe(_i, groups);
    large_open(&large, (uint64_t)_i);
    struct large_job *job = large_submit(&large, 7, groups);
    uint32_t last = job->job.slots - 1;
    large_begin(&large, job, OMEGA_COMMIT_TASK);
    large_claim(&large, job, last, 9);
    ck_assert_uint_eq(large_commit(&large, job), 1);
    for (int round = 0; round < 2; round++) {
        static const enum omega_granularity whole[] = {OMEGA_COMMIT_ALL, OMEGA_COMMIT_MACHINE,
                                                       OMEGA_COMMIT_AT_LEAST};
        for (int i = 0; i < 3; i++) {
            large_begin(&large, job, whole[i]);
            large.minimum[large_group_of(job, last)] = 1;
            large_claim(&large, job, 0, 1);
            large_claim(&large, job, last, 1); /* placed */
            ck_assert_uint_eq(large_commit(&large, job), 0);
        }
        large_compare(&large);
        large_reopen(&large);
    }
    large_begin(&large, job, OMEGA_COMMIT_MACHINE);
    large_claim(&large, job, 1, 2);
    large_claim(&large, job, last, 1);
    large_claim(&large, job, 0, 1);
    ck_assert_uint_eq(large_commit(&large, job), 1);
    large_begin(&large, job, OMEGA_COMMIT_ALL);
    for (uint32_t t = PARTS - 3; t + 1 < job->job.slots && t < PARTS + 3; t++) {
        large_claim(&large, job, t, t % LARGE_MACHINES);
    }
    ck_assert_uint_eq(large_commit(&large, job), large.txn.claim_count);
    large_compare(&large);
    end(&large, job);
    large_close(&large);
}
END_TEST

/* All that is not placed, in any order, but the task `but`. */
static void claim_gang(struct large *large, struct large_job *job, uint32_t but)
{
    large_begin(large, job, OMEGA_COMMIT_GANG);
    large_shuffle(large, job, job->job.slots);
    for (uint32_t i = 0; i < job->job.slots; i++) {
        if (job->order[i] != but && job->state[job->order[i]] == LARGE_UNPLACED) {
            large_claim(large, job, job->order[i], i % LARGE_MACHINES);
        }
    }
}

START_TEST(gang)
{
    struct large large = {.options = {.keep_jobs = _i % 2 == 1}};
    struct large_group groups[LARGE_GROUPS];
    describe(_i, groups);
    large_open(&large, (uint64_t)_i);
    struct large_job *job = large_submit(&large, 1, groups);
    uint32_t slots = job->job.slots;
    const uint32_t left_out[] = {slots - 1, 0, slots / PARTS * PARTS, PARTS - 1};
    large_begin(&large, job, OMEGA_COMMIT_TASK);
    claim_any(&large, job, 20);
    (void)large_commit(&large, job);
    for (int i = 0; i < 4; i++) {
        uint32_t but = left_out[i] < slots ? left_out[i] : slots - 1;
        claim_gang(&large, job, but);
        if (job->state[but] == LARGE_UNPLACED) {
            large_refused(&large);
        }
    }
    large_compare(&large);
    large_reopen(&large);
    claim_gang(&large, job, slots);
    uint32_t all = large.txn.claim_count;
    ck_assert_uint_eq(large_commit(&large, job), spreads(_i) ? 0 : all);
    large_compare(&large);
    large_reopen(&large);
    end(&large, job);
    large_close(&large);
}
END_TEST

/* ---- different machines ---- */

/* A group of more tasks than machines fills them up; no more is taken until something ends, also
 * when the cell has been opened anew. */
START_TEST(more_tasks_than_machines)
{
    const struct large_group groups[LARGE_GROUPS] = {
        {.count = 2000}, {.count = 5000, .different = true}, {.count = 90, .different = true}};
    struct large large = {.options = {.keep_jobs = _i == 1}};
    large_open(&large, 1);
    struct large_job *job = large_submit(&large, 300, groups);
    for (uint32_t m = 0; m < LARGE_MACHINES; m++) {
        large_begin(&large, job, OMEGA_COMMIT_TASK);
        large_claim(&large, job, 2000 + m * 78, LARGE_MACHINES - 1 - m);
        large_claim(&large, job, 2001 + m * 78, LARGE_MACHINES - 1 - m); /* named before */
        large_claim(&large, job, 7000 + m, m);
        large_claim(&large, job, m, m);
        ck_assert_uint_eq(large_commit(&large, job), 3);
    }
    large_compare(&large);
    large_reopen(&large);
    for (uint32_t m = 0; m < LARGE_MACHINES; m++) { /* none has room for either group */
        large_begin(&large, job, OMEGA_COMMIT_TASK);
        large_claim(&large, job, 6900 + m, m);
        large_claim(&large, job, 7064 + m % 26, m);
        ck_assert_uint_eq(large_commit(&large, job), 0);
    }
    job->order[0] = 2000;
    job->order[2000] = 0;
    large_release(&large, job, 1, STORE_FINISHED); /* frees the last machine, of group 1 only */
    large_lose(&large, 5, STORE_LOST_RETURN);
    large_lose(&large, 6, STORE_LOST_FAIL);
    large_compare(&large);
    large_reopen(&large);
    const uint32_t free_again[] = {LARGE_MACHINES - 1, 5, 6};
    for (uint32_t i = 0; i < 3; i++) {
        for (int again = 0; again < 2; again++) {
            large_begin(&large, job, OMEGA_COMMIT_TASK);
            large_claim(&large, job, 6900 + i + 10 * (uint32_t)again, free_again[i]);
            large_claim(&large, job, 7064 + i + 10 * (uint32_t)again, free_again[i]);
            ck_assert_uint_eq(large_commit(&large, job), again == 1 ? 0 : i == 0 ? 1 : 2);
            large_reopen(&large);
        }
    }
    large_compare(&large);
    end(&large, job);
    large_close(&large);
}
END_TEST

/* ---- losses ---- */

/* Tasks in every part are lost, and placed again elsewhere if they return; then the job is given up
 * and the rest is lost. */
START_TEST(losses)
{
    enum store_loss_policy policy = _i % 2 == 0 ? STORE_LOST_RETURN : STORE_LOST_FAIL;
    struct large large = {.options = {.keep_jobs = _i / 2 % 2 == 1}};
    struct large_group groups[LARGE_GROUPS];
    describe(_i / 2, groups);
    large_open(&large, (uint64_t)_i);
    struct large_job *job = large_submit(&large, 70000, groups);
    for (int round = 0; round < 3; round++) {
        large_begin(&large, job, OMEGA_COMMIT_TASK);
        claim_any(&large, job, job->job.slots / 2);
        ck_assert_uint_gt(large_commit(&large, job), 0);
        large_reopen(&large);
        large_lose(&large, 3, policy);
        large_compare(&large);
        large_lose(&large, 4, policy);
        large_reopen(&large);
        large_compare(&large);
    }
    large_release(&large, job, large_count(job, LARGE_RUNNING) / 3, STORE_FINISHED);
    large_abandon(&large, job);
    large_compare(&large);
    for (uint32_t m = 0; m < LARGE_MACHINES; m++) { /* until the job is over */
        large_lose(&large, m, policy);
        large_begin(&large, job, OMEGA_COMMIT_TASK);
        large_claim(&large, job, 0, m);
        large_refused(&large);
    }
    large_compare(&large);
    ck_assert(large_over(job));
    large_reopen(&large);
    large_compare(&large);
    large_close(&large);
}
END_TEST

/* All of a job is lost at once and returns, part for part: it is as if it had just been submitted.
 */
START_TEST(all_lost)
{
    struct large large = {.options = {.keep_jobs = false}};
    struct large_group groups[LARGE_GROUPS] = {{.count = 3000, .listed = true}, {.count = 7000}};
    large_open(&large, 1);
    struct large_job *job = large_submit(&large, 5, groups);
    for (int round = 0; round < 2; round++) {
        large_begin(&large, job, OMEGA_COMMIT_GANG);
        for (uint32_t t = 10000; t-- > 0;) {
            large_claim(&large, job, t, 8);
        }
        ck_assert_uint_eq(large_commit(&large, job), 10000);
        large_compare(&large);
        large_reopen(&large);
        large_lose(&large, 8, STORE_LOST_RETURN);
        ck_assert_uint_eq(large_pending(job), 10000);
        large_compare(&large);
        large_reopen(&large);
    }
    large_abandon(&large, job);
    large_compare(&large);
    large_reopen(&large);
    large_close(&large);
}
END_TEST

/* ---- elastic jobs ---- */

/* Optional tasks of further parts are placed in the one commit; what is lost has failed. */
START_TEST(elastic)
{
    const struct large_group groups[LARGE_GROUPS] = {
        {.count = 100, .optional = 2500, .listed = true},
        {.count = 5, .optional = 3000, .different = true, .listed = true},
        {.optional = 1000}};
    struct large large = {.options = {.keep_jobs = _i == 1}};
    large_open(&large, 2);
    struct large_job *job = large_submit(&large, 258, groups);
    large_begin(&large, job, OMEGA_COMMIT_AT_LEAST);
    claim_any(&large, job, 1000);
    large.minimum[0] = 100;
    large.minimum[1] = 4;
    large_refused(&large); /* not what is required */
    large_begin(&large, job, OMEGA_COMMIT_AT_LEAST);
    large.minimum[0] = 100;
    large.minimum[1] = 5;
    for (uint32_t m = 0; m < LARGE_MACHINES; m++) { /* half of them on the same machine */
        large_claim(&large, job, 5604 - m * 40, m / 2);
        large_claim(&large, job, 6604 - m, m);
        large_claim(&large, job, m, m);
        large_claim(&large, job, 2599 - m, m);
    }
    ck_assert_uint_eq(large_commit(&large, job), LARGE_MACHINES * 7 / 2);
    large_compare(&large);
    large_reopen(&large);
    large_refused(&large); /* it has started */
    large_lose(&large, 0, STORE_LOST_RETURN);
    large_compare(&large);
    large_release(&large, job, 50, STORE_FAILED);
    large_compare(&large);
    if (_i == 1) {
        large_abandon(&large, job);
        large_lose(&large, 1, STORE_LOST_RETURN);
        large_compare(&large);
    }
    large_reopen(&large);
    end(&large, job);
    large_close(&large);
}
END_TEST

/* ---- neighbours ---- */

/* Jobs end one after another, in any order: each takes its own records with it, and no others. */
START_TEST(neighbours)
{
    static const int orders[][LARGE_JOBS] = {{0, 1, 2}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}};
    struct large large = {.options = {.keep_jobs = false}};
    struct large_job *jobs[LARGE_JOBS];
    large_open(&large, (uint64_t)_i);
    for (int j = 0; j < (int)LARGE_JOBS; j++) {
        struct large_group groups[LARGE_GROUPS];
        describe((SIZES - 1) * SHAPES + (j + _i) % 2, groups);
        jobs[j] = large_submit(&large, 255 + (uint64_t)j, groups);
        large_begin(&large, jobs[j], OMEGA_COMMIT_TASK);
        claim_any(&large, jobs[j], 2000);
        (void)large_commit(&large, jobs[j]);
    }
    large_lose(&large, 3, STORE_LOST_RETURN);
    large_compare(&large);
    large_reopen(&large);
    for (int i = 0; i < (int)LARGE_JOBS; i++) {
        end(&large, jobs[orders[_i][i]]);
    }
    ck_assert_uint_eq(large.jobs[0]->job.id, 255);
    large_close(&large);
}
END_TEST

/* ---- any order ---- */

#define RANDOM_STEPS 40

static void random_commit(struct large *large, struct large_job *job)
{
    static const enum omega_granularity some[] = {OMEGA_COMMIT_TASK,     OMEGA_COMMIT_TASK,
                                                  OMEGA_COMMIT_MACHINE,  OMEGA_COMMIT_MACHINE,
                                                  OMEGA_COMMIT_AT_LEAST, OMEGA_COMMIT_ALL};
    large_begin(large, job, some[large_below(large, 6)]);
    bool whole = large->txn.granularity >= OMEGA_COMMIT_AT_LEAST;
    claim_any(large, job, 1 + large_below(large, whole ? 5 : 500));
    uint32_t of[LARGE_GROUPS] = {0};
    for (uint32_t i = 0; i < large->txn.claim_count; i++) {
        of[large->claims[i].group]++;
    }
    for (uint32_t g = 0; g < LARGE_GROUPS; g++) {
        large->minimum[g] = large_below(large, of[g] + 1);
    }
    (void)large_commit(large, job);
}

static void random_step(struct large *large, struct large_job *job)
{
    uint32_t dice = large_below(large, 10);
    if (dice < 5) {
        random_commit(large, job);
    } else if (dice < 7) {
        large_shuffle(large, job, job->job.slots);
        large_release(large, job, 1 + large_below(large, 60),
                      large_below(large, 3) > 0 ? STORE_FINISHED : STORE_FAILED);
    } else if (dice < 9) {
        large_lose(large, large_below(large, LARGE_MACHINES),
                   large_below(large, 3) > 0 ? STORE_LOST_RETURN : STORE_LOST_FAIL);
    } else {
        large_reopen(large);
    }
    large_compare(large);
}

START_TEST(any_order)
{
    struct large large = {.options = {.mode = _i % 2 == 0 ? LMDB_PWRITE : LMDB_FAST,
                                      .log_changes = _i % 3 == 0 ? 8 : 0,
                                      .keep_jobs = _i % 5 == 0}};
    struct large_group groups[LARGE_GROUPS];
    describe(_i, groups);
    printf("large jobs in any order: seed %d\n", _i);
    large_open(&large, (uint64_t)_i);
    struct large_job *job = large_submit(&large, 1 + (uint64_t)_i, groups);
    for (int step = 0; step < RANDOM_STEPS && !large_over(job); step++) {
        random_step(&large, job);
    }
    end(&large, job);
    large_close(&large);
}
END_TEST

/* ---- the largest job ---- */

START_TEST(largest)
{
    const struct large_group groups[LARGE_GROUPS] = {
        {.count = 1000001},
        {.count = 30000, .listed = true},
        {.count = OMEGA_TASKS_MAX - 1030001, .different = true}};
    struct large large = {.options = {.keep_jobs = false}};
    large_open(&large, 3);
    struct large_job *job = large_submit(&large, 9, groups);
    ck_assert_uint_eq(job->job.slots, OMEGA_TASKS_MAX);
    large_begin(&large, job, OMEGA_COMMIT_TASK);
    for (uint32_t m = 0; m < LARGE_MACHINES; m++) {
        large_claim(&large, job, OMEGA_TASKS_MAX - 1 - m * 200, m);
        large_claim(&large, job, m * 16000, m);
    }
    ck_assert_uint_eq(large_commit(&large, job), 2 * LARGE_MACHINES);
    large_reopen(&large);
    uint32_t common = 1030001;
    uint32_t step = getenv("OMEGA_SLOW") == NULL ? 1 : 64;
    large_begin(&large, job, OMEGA_COMMIT_TASK);
    for (uint32_t t = 0; t < common; t += step) { /* a prime: out of order over all parts */
        large_claim(&large, job, (uint32_t)((uint64_t)t * 700001 % common), t % LARGE_MACHINES);
    }
    large_claim(&large, job, OMEGA_TASKS_MAX - 2, 5); /* where one runs */
    ck_assert_uint_ge(large_commit(&large, job), common / step - LARGE_MACHINES);
    large_reopen(&large);
    large_lose(&large, 5, STORE_LOST_RETURN);
    large_begin(&large, job, OMEGA_COMMIT_TASK);
    large_claim(&large, job, OMEGA_TASKS_MAX - 2, 5);
    large_claim(&large, job, OMEGA_TASKS_MAX - 3, 6);
    ck_assert_uint_eq(large_commit(&large, job), 1);
    large_compare(&large);
    end(&large, job);
    large_close(&large);
}
END_TEST

/* ---- dumps ---- */

static int restore_placement(void *context, const struct store_placement *placement)
{
    return lmdb_restore_placement(context, placement, NULL);
}

static int restore_job(void *context, const struct lmdb_job *job)
{
    return lmdb_restore_job(context, job, NULL);
}

/* Moves the cell on disk into a new one, as `omega cell export` and `load` do. */
static void move_over(struct large *large)
{
    char path[SCRATCH_PATH_MAX];
    struct lmdb_restore *restore = NULL;
    struct store_counters counters;
    store_counters(large->disk, &counters);
    scratch_path(path);
    ck_assert_int_eq(lmdb_create(path, &large->config, &large->options, &large->err), 0);
    ck_assert_int_eq(lmdb_restore_open(path, &restore, &large->err), 0);
    for (uint32_t m = 0; m < LARGE_MACHINES; m++) {
        struct omega_machine machine;
        ck_assert_int_eq(store_machine(large->disk, m, &machine, &large->err), 0);
        ck_assert_int_eq(lmdb_restore_machine(restore, &machine, &large->err), 0);
    }
    ck_assert_int_eq(store_placements(large->disk, restore_placement, restore, &large->err), 0);
    ck_assert_int_eq(lmdb_jobs(large->disk, restore_job, restore, &large->err), 0);
    int rc = lmdb_restore_commit(restore, &counters, &large->err);
    ck_assert_msg(rc == 0, "%s", large->err.text);
    store_close(large->disk);
    ck_assert_int_eq(lmdb_remove(large->path, &large->err), 0);
    memcpy(large->path, path, sizeof(path));
    large_start(large);
}

/* The cell of a dump goes on as the one that was dumped would have. */
START_TEST(moved_over)
{
    const struct large_group elastic_groups[LARGE_GROUPS] = {
        {.count = 10, .optional = 5000, .different = true, .listed = true}};
    struct large large = {.options = {.keep_jobs = _i % 2 == 1}};
    struct large_group groups[LARGE_GROUPS];
    describe(_i, groups);
    large_open(&large, 100 + (uint64_t)_i);
    struct large_job *over = large_submit(&large, 3, groups);
    large_begin(&large, over, OMEGA_COMMIT_TASK);
    claim_borders(&large, over);
    (void)large_commit(&large, over);
    end(&large, over);
    struct large_job *started = large_submit(&large, 4, elastic_groups);
    large_begin(&large, started, OMEGA_COMMIT_AT_LEAST);
    large.minimum[0] = 10;
    for (uint32_t m = 0; m < 40; m++) {
        large_claim(&large, started, 5009 - m * 100, m);
    }
    ck_assert_uint_eq(large_commit(&large, started), 40);
    struct large_job *job = large_submit(&large, 5, groups);
    for (int step = 0; step < RANDOM_STEPS / 2 && !large_over(job); step++) {
        random_step(&large, job);
        if (step % 8 == 7) {
            move_over(&large);
            large_compare(&large);
        }
    }
    large_reopen(&large);
    end(&large, job);
    end(&large, started);
    large_close(&large);
}
END_TEST

/* ---- another process ---- */

#define APART_TASKS 5000u

static struct {
    uint32_t task;
    uint32_t machine;
    uint8_t outcome;
    uint64_t placement;
} * told; /* shared: what is asked of the other process, and its answer */

/* Whoever runs it claims told->task on told->machine. */
static void claim_told(struct disk *disk)
{
    struct cell *cell = &disk->cell;
    cell_begin(cell, 1, 1);
    cell_claim(cell, told->task, told->machine, 1);
    cell_commit(cell);
    told->outcome = cell->t.results[0].outcome;
    told->placement = cell->t.results[0].placement;
}

static void release_told(struct disk *disk)
{
    ck_assert(cell_release(&disk->cell, told->placement));
}

static void lose_told(struct disk *disk)
{
    cell_event(&disk->cell, told->machine, OMEGA_EVENT_REMOVE, STORE_LOST_RETURN);
    cell_event(&disk->cell, told->machine, OMEGA_EVENT_ADD, STORE_LOST_RETURN);
}

enum {
    CLAIM,
    RELEASE,
    LOSE
};
static void (*const of_others[])(struct disk *) = {claim_told, release_told, lose_told};

static uint8_t outcome_of(uint32_t task, uint32_t machine, struct disk *disk,
                          struct disk_other *other)
{
    told->task = task;
    told->machine = machine;
    if (other == NULL) {
        claim_told(disk);
    } else {
        disk_other_does(other, CLAIM);
    }
    return told->outcome;
}

/* A group with more tasks than machines, claimed by two processes in turn. */
START_TEST(different_machines_of_processes)
{
    struct disk disk;
    struct disk_other other;
    told = shared_memory(sizeof(*told));
    disk_describe(&disk);
    disk_create(&disk);
    disk_other_start(&other, &disk, of_others);
    disk_start(&disk);
    cell_submit_groups(&disk.cell, 1, 1, APART_TASKS, 0, (struct omega_request){1, 1, 0, 0, 0},
                       "different_machines");
    for (uint32_t round = 0; round < 3; round++) {
        uint32_t from = round * 900;
        ck_assert_uint_eq(outcome_of(from, 0, &disk, &other), OMEGA_ACCEPTED);
        uint64_t theirs = told->placement;
        ck_assert_uint_eq(outcome_of(from, 1, &disk, NULL), OMEGA_REFUSED_ALREADY_PLACED);
        ck_assert_uint_eq(outcome_of(4999 - from, 0, &disk, NULL), OMEGA_REFUSED_CONSTRAINT);
        ck_assert_uint_eq(outcome_of(4999 - from, 1, &disk, NULL), OMEGA_ACCEPTED);
        uint64_t mine = told->placement;
        ck_assert_uint_eq(outcome_of(2500, 1, &disk, &other), OMEGA_REFUSED_CONSTRAINT);
        ck_assert_uint_eq(outcome_of(4999 - from, 2, &disk, &other), OMEGA_REFUSED_ALREADY_PLACED);
        told->placement = mine; /* the other one ends what this one placed */
        disk_other_does(&other, RELEASE);
        ck_assert_uint_eq(outcome_of(4998 - from, 1, &disk, NULL), OMEGA_ACCEPTED);
        disk_reopen(&disk);
        told->machine = 1;
        disk_other_does(&other, LOSE);
        ck_assert_uint_eq(outcome_of(4999 - from, 1, &disk, NULL), OMEGA_REFUSED_ALREADY_PLACED);
        ck_assert_uint_eq(outcome_of(4998 - from, 1, &disk, NULL), OMEGA_ACCEPTED);
        ck_assert(cell_release(&disk.cell, told->placement));
        ck_assert(cell_release(&disk.cell, theirs));
    }
    disk_other_stop(&other);
    shared_memory_free(told, sizeof(*told));
    disk_close(&disk);
}
END_TEST

static void loop_case(Suite *suite, const char *name, const TTest *test, int count)
{
    TCase *tcase = tcase_create(name);
    tcase_add_loop_test(tcase, test, 0, count);
    tcase_set_timeout(tcase, 600);
    suite_add_tcase(suite, tcase);
}

static void add_cases(Suite *suite)
{
    loop_case(suite, "borders", borders, ALL_SHAPES);
    loop_case(suite, "one by one", one_by_one, ALL_SHAPES);
    loop_case(suite, "all or none", all_or_none, ALL_SHAPES);
    loop_case(suite, "gang", gang, ALL_SHAPES);
    loop_case(suite, "different machines", more_tasks_than_machines, 2);
    loop_case(suite, "losses", losses, ALL_SHAPES * 2);
    loop_case(suite, "all lost", all_lost, 1);
    loop_case(suite, "elastic", elastic, 2);
    loop_case(suite, "neighbours", neighbours, 4);
    loop_case(suite, "any order", any_order, ALL_SHAPES);
    loop_case(suite, "largest", largest, 1);
    loop_case(suite, "moved over", moved_over, ALL_SHAPES);
    loop_case(suite, "processes", different_machines_of_processes, 1);
}

CHECK_MAIN("cellstate/lmdb_large_jobs", add_cases)
