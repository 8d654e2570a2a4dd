/* SPDX-License-Identifier: MIT */
/*
 * How many placements a second schedulers commit to one cell, 1 to 16 processes:
 *
 *  - commit-bound, no planning, through the public API beside bare LMDB loops of as many processes;
 *  - with a module, a view and 200 us of planning an attempt: on a CPU, as planning is, and slept,
 *    as an emulated decision time is. More processes than CPUs must not get less done.
 *
 * The former are short and differ by half from each other: they take COMMIT_ROUNDS times as many
 * rounds as --rounds says, BENCH_ROUNDS_MAX at most.
 *
 * usage: live_rate [--rounds N] [--machines N] [--seed N] [--mode pwrite|fast]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/support/crew.h"
#include "bench/support/live_run.h"

#define CLAIMS 10 /* of a commit; tasks of a job, on average */
#define COUNTS 5
#define WARM_NS INT64_C(400000000)
#define WARM_EACH_NS INT64_C(50000000) /* more for each process: they take turns */
#define RUN_NS INT64_C(400000000)
#define COMMIT_ROUNDS 3
#define PLAN_US 200
#define PLAN_S 1.5
#define BASE 1 /* index of the 2 processes that 4, 8 and 16 are held against */

static const uint32_t counts[COUNTS] = {1, 2, 4, 8, 16};

/* Jobs that are ready for all processes together: more than can be placed meanwhile. */
static const uint32_t jobs_ready[] = {[LMDB_PWRITE] = 32000, [LMDB_FAST] = 90000};

/* ---- commit-bound ---- */

static double placements(const struct bench_options *options, const char *directory,
                         enum lmdb_mode mode, bool bare, uint32_t processes, uint32_t round)
{
    char path[BENCH_PATH];
    snprintf(path, sizeof(path), "%.400s/%s", directory, bare ? "bare" : "omega");
    const struct crew crew = {
        .ops = bare ? &cell_bare : &cell_omega,
        .path = path,
        .mode = mode,
        .machines = options->machines == 0 ? 10000 : options->machines,
        .claims = CLAIMS,
        .jobs = processes <= 2 ? jobs_ready[mode] : 2 * jobs_ready[mode] / processes,
        .warm_ns = WARM_NS + processes * WARM_EACH_NS,
        .run_ns = RUN_NS,
        .seed = options->seed + round,
    };
    return crew_run(&crew, processes) * CLAIMS;
}

static void run_commits(const struct bench_options *options, const char *directory,
                        enum lmdb_mode mode)
{
    struct bench_row rows[COUNTS];
    memset(rows, 0, sizeof(rows));
    for (uint32_t c = 0; c < COUNTS; c++) {
        snprintf(rows[c].title, sizeof(rows[c].title), "%u process%s, commit-bound", counts[c],
                 counts[c] == 1 ? "" : "es");
        rows[c].mode = lmdb_mode_name(mode);
        rows[c].machines = options->machines == 0 ? 10000 : options->machines;
        rows[c].direction = BENCH_AT_LEAST;
        rows[c].goal = 0.85;
    }
    uint32_t rounds = COMMIT_ROUNDS * options->rounds;
    rounds = rounds < BENCH_ROUNDS_MAX ? rounds : BENCH_ROUNDS_MAX;
    for (uint32_t round = 0; round <= rounds; round++) {
        for (uint32_t c = 0; c < COUNTS; c++) {
            double rate[2];
            for (uint32_t i = 0; i < 2; i++) {
                bool bare = (i + round) % 2 == 1;
                rate[bare] = placements(options, directory, mode, bare, counts[c], round);
            }
            if (round > 0) { /* the first one warms caches */
                bench_add(&rows[c].omega, rate[0]);
                bench_add(&rows[c].beside, rate[1]);
                bench_add(&rows[c].ratio, rate[0] / rate[1]);
            }
        }
    }
    for (uint32_t c = 0; c < COUNTS; c++) {
        bench_print_row(&rows[c]);
    }
}

/* ---- with planning ---- */

struct planning {
    double rate; /* placements a second */
    double conflict_fraction;
    double commit_us[2]; /* median, p99 */
    double refresh_us[2];
};

static struct planning plan(const struct bench_options *options, const char *directory,
                            enum lmdb_mode mode, bool busy, uint32_t processes, uint32_t round)
{
    char path[BENCH_PATH];
    struct live_summary summary;
    const struct live_options live = {
        .processes = processes,
        .seconds = PLAN_S,
        .machines = options->machines == 0 ? 1000 : options->machines,
        .tasks = CLAIMS,
        .fill = 60,
        .think_us = PLAN_US,
        .busy = busy,
        .detection = OMEGA_DETECT_FINE,
        .mode = mode,
        .modules = {"batch"},
        .module_count = 1,
        .seed = options->seed + round,
    };
    snprintf(path, sizeof(path), "%.400s/planning", directory);
    struct live_shared *shared = live_run(&live, path);
    live_summary_open(&summary);
    for (uint32_t p = 0; p < processes; p++) {
        live_summary_add(&summary, &shared->reports[p]);
    }
    const struct planning planning = {
        .rate = (double)summary.counts.claims_accepted / summary.seconds,
        .conflict_fraction = live_conflict_fraction(&summary.counts),
        .commit_us = {live_quantile_us(&summary, LIVE_COMMIT, 0.5),
                      live_quantile_us(&summary, LIVE_COMMIT, 0.99)},
        .refresh_us = {live_quantile_us(&summary, LIVE_REFRESH, 0.5),
                       live_quantile_us(&summary, LIVE_REFRESH, 0.99)},
    };
    live_summary_close(&summary);
    munmap(shared, sizeof(*shared));
    bench_remove(path);
    return planning;
}

/* Medians of what the rounds gave besides the rate. */
struct besides {
    struct bench_series series[5];
};

static void add_besides(struct besides *besides, const struct planning *planning)
{
    const double values[] = {planning->commit_us[0], planning->commit_us[1],
                             planning->refresh_us[0], planning->refresh_us[1],
                             planning->conflict_fraction};
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        bench_add(&besides->series[i], values[i]);
    }
}

static void print_besides(const struct besides *besides)
{
    printf("%-42s commit %.1f / %.1f us, refresh %.1f / %.1f us, conflict fraction %.4f\n", "",
           bench_median(&besides->series[0]), bench_median(&besides->series[1]),
           bench_median(&besides->series[2]), bench_median(&besides->series[3]),
           bench_median(&besides->series[4]));
}

static void run_planning(const struct bench_options *options, const char *directory,
                         enum lmdb_mode mode, bool busy)
{
    struct bench_row rows[COUNTS];
    struct besides besides[COUNTS];
    memset(rows, 0, sizeof(rows));
    memset(besides, 0, sizeof(besides));
    for (uint32_t round = 0; round <= options->rounds; round++) {
        struct planning planned[COUNTS];
        for (uint32_t i = 0; i < COUNTS; i++) {
            uint32_t c = (i + round) % COUNTS;
            planned[c] = plan(options, directory, mode, busy, counts[c], round);
        }
        for (uint32_t c = 0; round > 0 && c < COUNTS; c++) {
            bench_add(&rows[c].omega, planned[c].rate);
            bench_add(&rows[c].beside, planned[BASE].rate);
            bench_add(&rows[c].ratio, planned[c].rate / planned[BASE].rate);
            add_besides(&besides[c], &planned[c]);
        }
    }
    for (uint32_t c = 0; c < COUNTS; c++) {
        snprintf(rows[c].title, sizeof(rows[c].title), "%u process%s, %u us %s", counts[c],
                 counts[c] == 1 ? "" : "es", PLAN_US, busy ? "of CPU" : "slept");
        rows[c].mode = lmdb_mode_name(mode);
        rows[c].machines = options->machines == 0 ? 1000 : options->machines;
        rows[c].direction = c > BASE ? BENCH_AT_LEAST : BENCH_NO_GOAL;
        rows[c].goal = 0.85;
        bench_print_row(&rows[c]);
        print_besides(&besides[c]);
    }
}

static void run(const struct bench_options *options, const char *directory)
{
    live_find_modules();
    for (enum lmdb_mode mode = LMDB_PWRITE; mode <= LMDB_FAST; mode++) {
        if (options->mode == NULL || strcmp(options->mode, lmdb_mode_name(mode)) == 0) {
            bench_print_head("placements/s", "bare loops");
            run_commits(options, directory, mode);
            bench_print_head("placements/s", "2 processes");
            run_planning(options, directory, mode, true);
            run_planning(options, directory, mode, false);
        }
    }
}

int main(int argc, char **argv)
{
    return bench_main(argc, argv, run);
}
