/* SPDX-License-Identifier: MIT */
/*
 * Two processes that commit 10 claims each time to one cell, as fast as they can, against one
 * alone: commits a second in total, through the public API; and the same of bare LMDB loops, to
 * tell what the write lock itself costs. Every process opens the cell after its fork.
 *
 * usage: store_processes [--rounds N] [--machines N] [--seed N] [--mode pwrite|fast]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/support/cell.h"

#define CLAIMS 10
#define PROCESSES 2
#define RUN_NS INT64_C(100000000)
#define TRIES 3 /* a round; the best counts, since others on the machine only slow it down */

/* Jobs that are ready for each process: more than it can place in RUN_NS. */
static const uint32_t jobs_ready[] = {[LMDB_PWRITE] = 8000, [LMDB_FAST] = 24000};

/* What the processes of one run share. */
struct shared {
    int64_t deadline_ns;
    struct {
        uint32_t commits;
        int64_t end_ns; /* of the last one */
    } by_process[PROCESSES];
};

struct crew {
    const struct cell_ops *ops;
    const char *path;
    enum lmdb_mode mode;
    uint32_t machines;
    uint64_t seed;
    struct shared *shared;
    struct bench_start start;
};

static void work(struct crew *crew, uint32_t number)
{
    struct cell_load load;
    struct omega_random random;
    omega_random_init(&random, crew->seed, "bench-process", number);
    uint32_t jobs = jobs_ready[crew->mode];
    cell_load_init(&load, &random, crew->machines, 1 + number * UINT64_C(1000000), jobs, CLAIMS);
    void *cell = crew->ops->open(crew->path, crew->mode, (uint16_t)(number + 1));
    cell_load_submit(&load, crew->ops, cell);
    bench_start_wait(&crew->start);
    uint32_t done = 0;
    int64_t now_ns = bench_now_ns();
    while (done < jobs && now_ns < crew->shared->deadline_ns) {
        cell_load_commit(&load, crew->ops, cell, done, done + 1);
        done++;
        now_ns = bench_now_ns();
    }
    crew->shared->by_process[number].commits = done;
    crew->shared->by_process[number].end_ns = now_ns;
    crew->ops->close(cell);
    cell_load_fini(&load);
    exit(EXIT_SUCCESS);
}

/* Runs so many processes at once on a fresh cell: commits a second in total. */
static double run_crew(struct crew *crew, uint32_t processes)
{
    if (crew->ops == &cell_bare) {
        cell_create_bare(crew->path, crew->mode, crew->machines);
    } else {
        cell_create_omega(crew->path, crew->mode, crew->machines, 0);
    }
    bench_start_init(&crew->start);
    int children[PROCESSES];
    for (uint32_t number = 0; number < processes; number++) {
        children[number] = bench_fork();
        if (children[number] == 0) {
            work(crew, number);
        }
    }
    bench_start_ready(&crew->start, processes);
    int64_t start_ns = bench_now_ns();
    crew->shared->deadline_ns = start_ns + RUN_NS;
    bench_start_go(&crew->start);
    double rate = 0;
    for (uint32_t number = 0; number < processes; number++) {
        bench_wait(children[number]);
        int64_t spent_ns = crew->shared->by_process[number].end_ns - start_ns;
        rate += 1e9 * crew->shared->by_process[number].commits / (double)spent_ns;
    }
    bench_remove(crew->path);
    return rate;
}

static void measure(struct crew *crew, uint32_t rounds, struct bench_row *row)
{
    for (uint32_t round = 0; round <= rounds; round++) {
        double rates[PROCESSES] = {0, 0};
        for (uint32_t i = 0; i < TRIES * PROCESSES; i++) {
            uint32_t processes = 1 + (i + round) % PROCESSES;
            crew->seed++;
            double rate = run_crew(crew, processes);
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
        .shared = bench_share(sizeof(struct shared)),
    };
    struct bench_row row = {
        .mode = lmdb_mode_name(mode),
        .machines = machines,
        .direction = bare ? BENCH_NO_GOAL : BENCH_AT_LEAST,
        .goal = 0.7,
    };
    snprintf(row.title, sizeof(row.title), "%s: commits of 10 a second", bare ? "bare" : "omega");
    measure(&crew, options->rounds, &row);
    munmap(crew.shared, sizeof(*crew.shared));
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
