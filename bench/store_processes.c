/* SPDX-License-Identifier: MIT */
/*
 * Two processes that commit 10 claims each time to one cell, as fast as they can, against one
 * alone: commits a second in total, through the public API; and the same of bare LMDB loops, to
 * tell what the write lock itself costs. Every process opens the cell after its fork.
 *
 * usage: store_processes [--rounds N] [--machines N] [--seed N] [--mode pwrite|fast]
 */
#include <stdio.h>
#include <string.h>

#include "bench/support/crew.h"

#define PROCESSES 2
#define WARM_NS INT64_C(200000000) /* commits that do not count */
#define RUN_NS INT64_C(200000000)
#define TRIES 3 /* a round; the best counts, since others on the machine only slow it down */

/* Jobs that are ready for each process: more than it can place in that time. */
static const uint32_t jobs_ready[] = {[LMDB_PWRITE] = 16000, [LMDB_FAST] = 60000};

static void measure(struct crew *crew, uint32_t rounds, struct bench_row *row)
{
    for (uint32_t round = 0; round <= rounds; round++) {
        double rates[PROCESSES] = {0, 0};
        for (uint32_t i = 0; i < TRIES * PROCESSES; i++) {
            uint32_t processes = 1 + (i + round) % PROCESSES;
            crew->seed++;
            double rate = crew_run(crew, processes);
            rates[processes - 1] = rate > rates[processes - 1] ? rate : rates[processes - 1];
        }
        if (round > 0) { /* the first one warms caches */
            bench_add(&row->omega, rates[1]);
            bench_add(&row->beside, rates[0]);
            bench_add(&row->ratio, rates[1] / rates[0]);
        }
    }
    bench_print_row(row);
}

static void run_mode(const struct bench_options *options, const char *directory,
                     enum lmdb_mode mode, bool bare)
{
    char path[BENCH_PATH];
    snprintf(path, sizeof(path), "%.400s/%s-%s", directory, bare ? "bare" : "omega",
             lmdb_mode_name(mode));
    uint32_t machines = options->machines == 0 ? 10000 : options->machines;
    struct crew crew = {
        .ops = bare ? &cell_bare : &cell_omega,
        .path = path,
        .mode = mode,
        .machines = machines,
        .seed = options->seed,
        .claims = 10,
        .jobs = jobs_ready[mode],
        .warm_ns = WARM_NS,
        .run_ns = RUN_NS,
    };
    struct bench_row row = {
        .mode = lmdb_mode_name(mode),
        .machines = machines,
        .direction = bare ? BENCH_NO_GOAL : BENCH_AT_LEAST,
        .goal = 0.7,
    };
    snprintf(row.title, sizeof(row.title), "%s: commits of 10 a second", bare ? "bare" : "omega");
    measure(&crew, options->rounds, &row);
}

static void run(const struct bench_options *options, const char *directory)
{
    bench_print_head("two processes", "one process");
    for (enum lmdb_mode mode = LMDB_PWRITE; mode <= LMDB_FAST; mode++) {
        if (options->mode == NULL || strcmp(options->mode, lmdb_mode_name(mode)) == 0) {
            run_mode(options, directory, mode, false);
            run_mode(options, directory, mode, true);
        }
    }
}

int main(int argc, char **argv)
{
    return bench_main(argc, argv, run);
}
