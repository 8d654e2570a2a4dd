/* SPDX-License-Identifier: MIT */
/*
 * Commits to a cell on disk through the public API, beside a bare LMDB loop that looks up, compares
 * and writes the same: 1, 10 and 100 claims a commit, each mode apart. The two change cells of
 * their own by turns, a few commits each, so that both meet the same phases of the machine and the
 * disk. Releases are measured likewise, without a goal.
 *
 * usage: store [--rounds N] [--machines N] [--seed N] [--mode pwrite|fast|power]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/support/cell.h"

#define SIDES 2 /* omega and bare, in this order */
#define PLANS 3

/* How many commits of how many claims a round has, by mode. */
static const struct plan {
    uint32_t claims;
    uint32_t commits[3];
} plans[PLANS] = {
    {1, {[LMDB_PWRITE] = 4000, [LMDB_FAST] = 16000, [LMDB_POWER] = 30}},
    {10, {[LMDB_PWRITE] = 1500, [LMDB_FAST] = 5000, [LMDB_POWER] = 30}},
    {100, {[LMDB_PWRITE] = 200, [LMDB_FAST] = 600, [LMDB_POWER] = 20}},
};

static const struct cell_ops *const sides[SIDES] = {&cell_omega, &cell_bare};

struct figures {
    struct bench_row commits[PLANS];
    struct bench_row releases[PLANS];
};

typedef void (*step_fn)(const struct cell_load *load, const struct cell_ops *ops, void *cell,
                        uint32_t from, uint32_t to);

/* Takes the load through both cells by turns, `turn` commits at a time: ns per side. */
static void by_turns(const struct cell_load loads[SIDES], void *const cells[SIDES], step_fn step,
                     enum lmdb_mode mode, uint32_t round, int64_t spent_ns[SIDES])
{
    uint32_t turn = mode == LMDB_POWER ? 1 : loads[0].commits / 40;
    int64_t (*clock_ns)(void) = mode == LMDB_POWER ? bench_now_ns : bench_cpu_ns;
    spent_ns[0] = 0;
    spent_ns[1] = 0;
    for (uint32_t from = 0; from < loads[0].commits; from += turn) {
        uint32_t to = from + turn < loads[0].commits ? from + turn : loads[0].commits;
        for (uint32_t i = 0; i < SIDES; i++) {
            uint32_t side = (i + round + from / turn) % SIDES;
            int64_t start = clock_ns();
            step(&loads[side], sides[side], cells[side], from, to);
            spent_ns[side] += clock_ns() - start;
        }
    }
}

static void add(struct bench_row *row, uint32_t commits, const int64_t spent_ns[SIDES])
{
    bench_add(&row->omega, (double)spent_ns[0] / commits / 1e3);
    bench_add(&row->beside, (double)spent_ns[1] / commits / 1e3);
    bench_add(&row->ratio, (double)spent_ns[1] / (double)spent_ns[0]);
}

static void measure(void *const cells[SIDES], enum lmdb_mode mode, uint32_t machines,
                    struct omega_random *random, uint32_t round, uint32_t p,
                    struct figures *figures)
{
    struct cell_load loads[SIDES];
    uint32_t commits = plans[p].commits[mode];
    uint64_t first_job = 1 + ((uint64_t)round * PLANS + p) * 1000000;
    struct omega_random same = *random; /* the same claims on both sides */
    cell_load_init(&loads[0], random, machines, first_job, commits, plans[p].claims);
    cell_load_init(&loads[1], &same, machines, first_job, commits, plans[p].claims);
    for (uint32_t side = 0; side < SIDES; side++) {
        cell_load_submit(&loads[side], sides[side], cells[side]);
    }
    int64_t spent_ns[SIDES];
    by_turns(loads, cells, cell_load_commit, mode, round, spent_ns);
    add(&figures->commits[p], commits, spent_ns);
    if (mode != LMDB_POWER) { /* where it would be one more wait for the disk */
        by_turns(loads, cells, cell_load_release, mode, round, spent_ns);
        add(&figures->releases[p], commits, spent_ns);
    }
    cell_load_fini(&loads[0]);
    cell_load_fini(&loads[1]);
}

static void prepare(struct figures *figures, enum lmdb_mode mode, uint32_t machines)
{
    memset(figures, 0, sizeof(*figures));
    for (uint32_t p = 0; p < PLANS; p++) {
        struct bench_row *commits = &figures->commits[p];
        struct bench_row *releases = &figures->releases[p];
        commits->mode = releases->mode = lmdb_mode_name(mode);
        commits->machines = releases->machines = machines;
        commits->direction = BENCH_AT_LEAST;
        commits->goal = 0.8;
        snprintf(commits->title, sizeof(commits->title), "commit of %u claim%s, us",
                 plans[p].claims, plans[p].claims == 1 ? "" : "s");
        snprintf(releases->title, sizeof(releases->title), "release of %u placement%s, us",
                 plans[p].claims, plans[p].claims == 1 ? "" : "s");
    }
}

static void run_mode(const struct bench_options *options, const char *directory,
                     enum lmdb_mode mode)
{
    uint32_t machines = options->machines == 0 ? 10000 : options->machines;
    char paths[SIDES][BENCH_PATH];
    snprintf(paths[0], BENCH_PATH, "%.400s/omega-%s", directory, lmdb_mode_name(mode));
    snprintf(paths[1], BENCH_PATH, "%.400s/bare-%s", directory, lmdb_mode_name(mode));
    cell_create_omega(paths[0], mode, machines, 0);
    cell_create_bare(paths[1], mode, machines);
    void *cells[SIDES];
    for (uint32_t side = 0; side < SIDES; side++) {
        cells[side] = sides[side]->open(paths[side], mode, 1);
    }
    struct omega_random random;
    omega_random_init(&random, options->seed, "bench-claims", mode);
    struct figures figures;
    struct figures discarded;
    prepare(&figures, mode, machines);
    prepare(&discarded, mode, machines);
    for (uint32_t round = 0; round <= options->rounds; round++) {
        for (uint32_t p = 0; p < PLANS; p++) { /* the first round warms caches and fills the log */
            measure(cells, mode, machines, &random, round, p, round == 0 ? &discarded : &figures);
        }
    }
    for (uint32_t side = 0; side < SIDES; side++) {
        sides[side]->close(cells[side]);
    }
    for (uint32_t p = 0; p < PLANS; p++) {
        bench_print_row(&figures.commits[p]);
    }
    for (uint32_t p = 0; p < PLANS && mode != LMDB_POWER; p++) {
        bench_print_row(&figures.releases[p]);
    }
}

static void run(const struct bench_options *options, const char *directory)
{
    bench_print_head("omega", "bare loop");
    for (enum lmdb_mode mode = LMDB_PWRITE; mode <= LMDB_POWER; mode++) {
        if (options->mode == NULL || strcmp(options->mode, lmdb_mode_name(mode)) == 0) {
            run_mode(options, directory, mode);
        }
    }
}

int main(int argc, char **argv)
{
    return bench_main(argc, argv, run);
}
