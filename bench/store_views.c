/* SPDX-License-Identifier: MIT */
/*
 * Views of a cell on disk: refreshing one that is ten commits behind, of one claim and of ten each,
 * against copying all machines anew; copying all machines, against a bare cursor that fills the
 * same arrays from records of the same size; and opening a cell, against reading its file.
 *
 * usage: store_views [--rounds N] [--machines N] [--seed N]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/support/cell.h"
#include "cellstate/store_view.h"

#define CLAIMS 10 /* of a commit, where nothing else is said */
#define SIZES 2
#define BEHIND 10       /* commits */
#define LOG_CHANGES 64u /* few, so that a view is soon too old for the log */
#define TOO_OLD 70      /* commits */
#define REFRESHES 40    /* a round */
#define COPIES 9        /* a round */
#define OPENINGS 3      /* a round */

static const uint32_t sizes[SIZES] = {1, CLAIMS}; /* of the commits that are refreshed */

struct cell {
    uint32_t machines;
    char path[BENCH_PATH];
    char bare_path[BENCH_PATH];
    void *omega;
    void *bare;
    struct store_view *view;
    struct omega_entry *entries; /* that the bare cell is copied to */
    struct omega_random random;
    uint64_t next_job;
};

struct figures {
    struct bench_row refresh[SIZES];
    struct bench_row copy;
    struct bench_row copy_checked;
    struct bench_row opening;
};

static void refresh_view(struct cell *cell)
{
    omega_error_t err;
    omega_error_clear(&err);
    bench_check(store_view_refresh(cell_store(cell->omega), cell->view, &err), &err,
                "store_view_refresh");
}

/* Places and ends `commits` jobs on both sides, so that their pages lie about as in a cell that is
 * used. */
static void stir(struct cell *cell, uint32_t commits)
{
    struct cell_load load;
    cell_load_init(&load, &cell->random, cell->machines, cell->next_job, commits, CLAIMS);
    cell->next_job += commits;
    cell_load_submit(&load, &cell_omega, cell->omega);
    cell_load_commit(&load, &cell_omega, cell->omega, 0, commits);
    cell_load_release(&load, &cell_omega, cell->omega, 0, commits);
    cell_load_submit(&load, &cell_bare, cell->bare);
    cell_load_commit(&load, &cell_bare, cell->bare, 0, commits);
    cell_load_release(&load, &cell_bare, cell->bare, 0, commits);
    cell_load_fini(&load);
    refresh_view(cell);
}

/* Reads all entries, as planning does: a scheduler that refreshes has them at hand. */
static void look_at(const struct omega_entry *entries, uint32_t machines)
{
    uint64_t sum = 0;
    for (uint32_t m = 0; m < machines; m++) {
        sum +=
            omega_room_word(entries[m].room) + entries[m].stamp + omega_room_word(entries[m].limit);
    }
    __asm__ volatile("" : : "r"(sum)); /* or none of it would be read */
}

/* Refreshes the view `commits` commits of `claims` claims later: ns. */
static double refresh(struct cell *cell, uint32_t commits, uint32_t claims)
{
    struct cell_load load;
    cell_load_init(&load, &cell->random, cell->machines, cell->next_job, commits, claims);
    cell->next_job += commits;
    cell_load_submit(&load, &cell_omega, cell->omega);
    cell_load_commit(&load, &cell_omega, cell->omega, 0, commits);
    look_at(cell->view->shown.entry, cell->machines);
    uint64_t before = cell->view->shown.version;
    /* reading the CPU clock takes a part of a microsecond */
    int64_t (*clock_ns)(void) = commits == BEHIND ? bench_now_ns : bench_cpu_ns;
    int64_t start_ns = clock_ns();
    refresh_view(cell);
    double spent_ns = (double)(clock_ns() - start_ns);
    if (cell->view->shown.version != before + commits) {
        bench_fail("the view is not at the newest version");
    }
    cell_load_release(&load, &cell_omega, cell->omega, 0, commits);
    cell_load_fini(&load);
    refresh_view(cell); /* past the releases */
    return spent_ns;
}

/* Copies the machines of the bare cell after as many commits: ns. */
static double copy_bare(struct cell *cell, uint32_t commits, bool checksums)
{
    struct cell_load load;
    cell_load_init(&load, &cell->random, cell->machines, cell->next_job, commits, CLAIMS);
    cell->next_job += commits;
    cell_load_submit(&load, &cell_bare, cell->bare);
    cell_load_commit(&load, &cell_bare, cell->bare, 0, commits);
    look_at(cell->entries, cell->machines);
    int64_t start_ns = bench_cpu_ns();
    cell_bare_copy(cell->bare, cell->entries, checksums);
    double spent_ns = (double)(bench_cpu_ns() - start_ns);
    cell_load_release(&load, &cell_bare, cell->bare, 0, commits);
    cell_load_fini(&load);
    return spent_ns;
}

static void measure_copies(struct cell *cell, struct figures *figures)
{
    double quick[SIZES][REFRESHES];
    double full[COPIES];
    double bare[COPIES];
    double checked[COPIES];
    for (uint32_t i = 0; i < REFRESHES; i++) {
        for (uint32_t s = 0; s < SIZES; s++) {
            quick[s][i] = refresh(cell, BEHIND, sizes[s]);
        }
    }
    for (uint32_t i = 0; i < COPIES; i++) {
        full[i] = refresh(cell, TOO_OLD, CLAIMS);
        bare[i] = copy_bare(cell, TOO_OLD, false);
        checked[i] = copy_bare(cell, TOO_OLD, true);
    }
    double full_us = bench_middle(full, COPIES) / 1e3;
    double bare_us = bench_middle(bare, COPIES) / 1e3;
    double checked_us = bench_middle(checked, COPIES) / 1e3;
    for (uint32_t s = 0; s < SIZES; s++) {
        double quick_us = bench_middle(quick[s], REFRESHES) / 1e3;
        bench_add(&figures->refresh[s].omega, quick_us);
        bench_add(&figures->refresh[s].beside, full_us);
        bench_add(&figures->refresh[s].ratio, full_us / quick_us);
    }
    bench_add(&figures->copy.omega, full_us);
    bench_add(&figures->copy.beside, bare_us);
    bench_add(&figures->copy.ratio, full_us / bare_us);
    bench_add(&figures->copy_checked.omega, full_us);
    bench_add(&figures->copy_checked.beside, checked_us);
    bench_add(&figures->copy_checked.ratio, full_us / checked_us);
}

/* Reads the bytes of a file that are allocated, holes left out: ns. */
static double read_file(const char *directory)
{
    char path[BENCH_PATH + 16];
    snprintf(path, sizeof(path), "%s/data.mdb", directory);
    static char bytes[1 << 20];
    int64_t start_ns = bench_cpu_ns();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    off_t data = end < 0 ? -1 : lseek(fd, 0, SEEK_DATA);
    while (data >= 0 && data < end) {
        off_t hole = lseek(fd, data, SEEK_HOLE);
        while (data < hole) {
            size_t size =
                (size_t)(hole - data) < sizeof(bytes) ? (size_t)(hole - data) : sizeof(bytes);
            ssize_t got = pread(fd, bytes, size, data);
            if (got <= 0) {
                bench_fail(path);
            }
            data += got;
        }
        data = lseek(fd, hole, SEEK_DATA);
    }
    if (end < 0) {
        bench_fail(path);
    }
    close(fd);
    return (double)(bench_cpu_ns() - start_ns);
}

/* The cell must be closed: reading its file by other means drops LMDB's locks. */
static void measure_openings(const struct cell *cell, struct figures *figures)
{
    double opening[OPENINGS];
    double reading[OPENINGS];
    for (uint32_t i = 0; i < OPENINGS; i++) {
        reading[i] = read_file(cell->path);
        struct store *store = NULL;
        omega_error_t err;
        omega_error_clear(&err);
        int64_t start_ns = bench_cpu_ns();
        bench_check(lmdb_open(cell->path, NULL, &store, &err), &err, "lmdb_open");
        opening[i] = (double)(bench_cpu_ns() - start_ns);
        store_close(store);
    }
    double opening_ms = bench_middle(opening, OPENINGS) / 1e6;
    double reading_ms = bench_middle(reading, OPENINGS) / 1e6;
    bench_add(&figures->opening.omega, opening_ms);
    bench_add(&figures->opening.beside, reading_ms);
    bench_add(&figures->opening.ratio, opening_ms / reading_ms);
}

static void open_cell(struct cell *cell)
{
    omega_error_t err;
    omega_error_clear(&err);
    cell->omega = cell_omega.open(cell->path, LMDB_PWRITE, 1);
    cell->bare = cell_bare.open(cell->bare_path, LMDB_PWRITE, 1);
    int rc = store_view_open(cell_store(cell->omega), STORE_VIEW_PRIVATE, &cell->view, &err);
    bench_check(rc, &err, "store_view_open");
}

static void close_cell(struct cell *cell)
{
    store_view_close(cell_store(cell->omega), cell->view);
    cell_omega.close(cell->omega);
    cell_bare.close(cell->bare);
}

static void run_size(const struct bench_options *options, const char *directory, uint32_t machines)
{
    struct cell cell = {.machines = machines, .next_job = 1};
    snprintf(cell.path, sizeof(cell.path), "%.400s/omega-%u", directory, machines);
    snprintf(cell.bare_path, sizeof(cell.bare_path), "%.400s/bare-%u", directory, machines);
    cell_create_omega(cell.path, LMDB_PWRITE, machines, LOG_CHANGES);
    cell_create_bare(cell.bare_path, LMDB_PWRITE, machines);
    cell.entries = bench_memory(calloc(machines, sizeof(*cell.entries)));
    omega_random_init(&cell.random, options->seed, "bench-views", machines);
    struct figures figures = {
        .copy = {.title = "full copy | bare cursor copy, us",
                 .mode = "pwrite",
                 .machines = machines,
                 .direction = BENCH_AT_MOST,
                 .goal = 1.3},
        .copy_checked = {.title = "the same with bare checksums, us",
                         .mode = "pwrite",
                         .machines = machines,
                         .direction = BENCH_AT_MOST,
                         .goal = 1.3},
        .opening = {.title = "opening | reading the file, ms",
                    .mode = "pwrite",
                    .machines = machines,
                    .direction = machines < 100000 ? BENCH_NO_GOAL : BENCH_AT_MOST,
                    .goal = 20},
    };
    for (uint32_t s = 0; s < SIZES; s++) {
        figures.refresh[s] = (struct bench_row){.mode = "pwrite",
                                                .machines = machines,
                                                .direction = BENCH_AT_LEAST,
                                                .goal = machines < 100000 ? 100 : 1000};
        snprintf(figures.refresh[s].title, sizeof(figures.refresh[s].title),
                 "refresh %u commits of %u | full copy, us", BEHIND, sizes[s]);
    }
    for (uint32_t round = 0; round < options->rounds; round++) {
        open_cell(&cell);
        stir(&cell, round == 0 ? machines / 50 : 100);
        measure_copies(&cell, &figures);
        close_cell(&cell);
        measure_openings(&cell, &figures);
    }
    free(cell.entries);
    for (uint32_t s = 0; s < SIZES; s++) {
        bench_print_row(&figures.refresh[s]);
    }
    bench_print_row(&figures.copy);
    bench_print_row(&figures.copy_checked);
    bench_print_row(&figures.opening);
}

static void run(const struct bench_options *options, const char *directory)
{
    bench_print_head("omega", "beside it");
    if (options->machines != 0) {
        run_size(options, directory, options->machines);
        return;
    }
    run_size(options, directory, 10000);
    run_size(options, directory, 100000);
}

int main(int argc, char **argv)
{
    return bench_main(argc, argv, run);
}
