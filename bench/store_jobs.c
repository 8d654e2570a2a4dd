/* SPDX-License-Identifier: MIT */
/*
 * What the size of a job costs those who commit to it, and all who wait behind them: commits of 10
 * claims to large jobs, beside the same to jobs of a hundred tasks, by turns on one cell.
 *
 * usage: store_jobs [--rounds N] [--machines N] [--seed N] [--mode pwrite|fast]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/support/cell.h"

#define CLAIMS 10u
#define COMMITS 2000u /* a round, of each side */
#define TURN 50u      /* of them before the other side has its turn */
#define SMALL 100u

/* What a job is, beside one of SMALL tasks of which the first unplaced ones are claimed. */
static const struct shape {
    const char *title;
    uint32_t tasks;
    bool scattered; /* claims tasks from all over the job */
    bool durations; /* a duration for each task */
} shapes[] = {
    {"10 of 10,000 tasks | of 100, us", 10000, false, false},
    {"10 of 1,000,000 tasks | of 100, us", 1000000, false, false},
    {"the same, a duration each", 1000000, false, true},
    {"10 from all over 1,000,000 | of 100, us", 1000000, true, false},
};

/* A series of jobs of equal size, each claimed to the end before the next is submitted. */
struct series {
    struct store *store;
    uint32_t incarnation;
    uint16_t instance;
    uint32_t tasks;
    uint32_t stride; /* from the task of one claim to that of the next */
    int64_t *durations;
    uint64_t job;
    uint32_t claimed; /* of the job's tasks */
    uint32_t attempt;
};

static void submit(struct series *series, uint64_t job)
{
    omega_error_t err;
    omega_error_clear(&err);
    struct omega_task_group group = {
        .count = series->tasks,
        .request = {.cpu_milli = CELL_TASK_CPU, .mem_mib = CELL_TASK_MEM},
        .task_duration_us = series->durations,
    };
    struct omega_job form = {
        .id = job,
        .precedence = CELL_PRECEDENCE,
        .group_count = 1,
        .groups = &group,
    };
    bench_check(omega_job_seal(&form, &group, &err), &err, "omega_job_seal");
    bench_check(store_submit(series->store, &form, &err), &err, "store_submit");
    series->job = job;
    series->claimed = 0;
    series->attempt = 0;
}

/* One commit, and the release of what it placed: ns of the commit. */
static int64_t commit_next(struct series *series, struct omega_random *random, uint32_t machines,
                           uint64_t *next_job)
{
    struct omega_claim claims[CLAIMS];
    struct omega_claim_result results[CLAIMS];
    struct store_release_result released[CLAIMS];
    struct omega_result result;
    uint64_t placements[CLAIMS];
    uint64_t version;
    omega_error_t err;
    omega_error_clear(&err);
    if (series->job == 0 || series->claimed + CLAIMS > series->tasks) {
        submit(series, (*next_job)++);
    }
    cell_draw(random, machines, 0, CLAIMS, claims);
    for (uint32_t i = 0; i < CLAIMS; i++) {
        claims[i].task =
            series->claimed / CLAIMS * (series->stride == 1 ? CLAIMS : 1) + i * series->stride;
    }
    struct omega_transaction txn = cell_transaction(series->instance, series->incarnation,
                                                    series->job, ++series->attempt, claims, CLAIMS);
    int64_t start_ns = bench_cpu_ns();
    bench_check(store_commit(series->store, &txn, results, &result, &err), &err, "store_commit");
    int64_t spent_ns = bench_cpu_ns() - start_ns;
    if (result.accepted != CLAIMS) {
        bench_fail("a claim does not hold");
    }
    for (uint32_t i = 0; i < CLAIMS; i++) {
        placements[i] = results[i].placement;
    }
    series->claimed += CLAIMS;
    bench_check(
        store_release(series->store, placements, CLAIMS, STORE_FINISHED, released, &version, &err),
        &err, "store_release");
    return spent_ns;
}

/* us of one commit, of the large jobs and of the small ones. */
static void measure(struct series *large, struct series *small, struct omega_random *random,
                    uint32_t machines, uint64_t *next_job, double us[2])
{
    int64_t spent_ns[2] = {0, 0};
    for (uint32_t turn = 0; turn < COMMITS / TURN * 2; turn++) {
        struct series *series = turn % 2 == 0 ? large : small;
        for (uint32_t i = 0; i < TURN; i++) {
            spent_ns[turn % 2] += commit_next(series, random, machines, next_job);
        }
    }
    us[0] = (double)spent_ns[0] / COMMITS / 1e3;
    us[1] = (double)spent_ns[1] / COMMITS / 1e3;
}

static struct series series_of(void *cell, uint16_t instance, const struct shape *shape)
{
    struct series series = {
        .store = cell_store(cell),
        .incarnation = cell_incarnation(cell),
        .instance = instance,
        .tasks = shape == NULL ? SMALL : shape->tasks,
        .stride = shape != NULL && shape->scattered ? shape->tasks / CLAIMS : 1,
    };
    if (shape != NULL && shape->durations) {
        series.durations = bench_memory(calloc(shape->tasks, sizeof(*series.durations)));
    }
    return series;
}

static void run_shape(const struct bench_options *options, void *cell, enum lmdb_mode mode,
                      uint32_t machines, const struct shape *shape, uint64_t *next_job)
{
    struct omega_random random;
    omega_random_init(&random, options->seed, "bench-jobs", mode);
    struct series large = series_of(cell, 1, shape);
    struct series small = series_of(cell, 1, NULL);
    struct bench_row row = {
        .mode = lmdb_mode_name(mode),
        .machines = machines,
        .direction = BENCH_AT_MOST,
        .goal = shape->scattered ? 2.5 : 1.3,
    };
    snprintf(row.title, sizeof(row.title), "%s", shape->title);
    for (uint32_t round = 0; round <= options->rounds; round++) {
        double us[2];
        measure(&large, &small, &random, machines, next_job, us);
        if (round > 0) { /* the first warms caches */
            bench_add(&row.omega, us[0]);
            bench_add(&row.beside, us[1]);
            bench_add(&row.ratio, us[0] / us[1]);
        }
    }
    bench_print_row(&row);
    free(large.durations);
}

static void run_mode(const struct bench_options *options, const char *directory,
                     enum lmdb_mode mode)
{
    char path[BENCH_PATH];
    uint32_t machines = options->machines == 0 ? 10000 : options->machines;
    snprintf(path, sizeof(path), "%.400s/%s", directory, lmdb_mode_name(mode));
    cell_create_omega(path, mode, machines, 0);
    void *cell = cell_omega.open(path, mode, 1);
    uint64_t next_job = 1;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        run_shape(options, cell, mode, machines, &shapes[i], &next_job);
    }
    cell_omega.close(cell);
}

static void run(const struct bench_options *options, const char *directory)
{
    bench_print_head("large jobs", "small jobs");
    for (enum lmdb_mode mode = LMDB_PWRITE; mode <= LMDB_FAST; mode++) {
        if (options->mode == NULL || strcmp(options->mode, lmdb_mode_name(mode)) == 0) {
            run_mode(options, directory, mode);
        }
    }
}

int main(int argc, char **argv)
{
    return bench_main(argc, argv, run);
}
