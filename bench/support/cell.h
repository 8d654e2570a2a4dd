/* SPDX-License-Identifier: MIT */
/*
 * A cell to measure: machines that are all alike, jobs of equal tasks, and claims drawn at random;
 * through the public API, or by a bare LMDB loop of the same tables, records and calls
 * (bench/support/bare.c), behind one set of functions.
 */
#ifndef OMEGA_BENCH_SUPPORT_CELL_H
#define OMEGA_BENCH_SUPPORT_CELL_H

#include "bench/support/bench.h"
#include "cellstate/lmdb.h"
#include "core/base/random.h"

#define CELL_MACHINE_CPU 64000
#define CELL_MACHINE_MEM 262144
#define CELL_TASK_CPU 100
#define CELL_TASK_MEM 256
#define CELL_PRECEDENCE 100

/* What is done to a cell. Whatever fails ends the process. */
struct cell_ops {
    /* Opens the cell at `path` for scheduler instance `instance`. */
    void *(*open)(const char *path, enum lmdb_mode mode, uint16_t instance);
    /* A job with one group of `tasks` tasks. */
    void (*submit)(void *cell, uint64_t job, uint32_t tasks);
    /* Commits claims, all of which hold; placements[i] is the id of claim i. */
    void (*commit)(void *cell, uint64_t job, uint32_t attempt, const struct omega_claim *claims,
                   uint32_t count, uint64_t *placements);
    /* Ends the placements of one job. */
    void (*release)(void *cell, const uint64_t *placements, uint32_t count);
    void (*close)(void *cell);
};
extern const struct cell_ops cell_omega;
extern const struct cell_ops cell_bare;

/* Makes a cell in the directory `path`, which does not exist. `log_changes` 0: the default. */
void cell_create_omega(const char *path, enum lmdb_mode mode, uint32_t machines,
                       uint32_t log_changes);
void cell_create_bare(const char *path, enum lmdb_mode mode, uint32_t machines);

/* Commits of a bare cell between these two are one LMDB transaction. */
void cell_bare_batch_begin(void *cell);
void cell_bare_batch_end(void *cell);

/* The store behind a cell_omega. */
struct store *cell_store(void *cell);
/* The incarnation that it joined with. */
uint32_t cell_incarnation(void *cell);
/* A transaction of claims; fine-grained, claim by claim. */
struct omega_transaction cell_transaction(uint16_t instance, uint32_t incarnation, uint64_t job,
                                          uint32_t attempt, const struct omega_claim *claims,
                                          uint32_t count);
/* Submits a job as cell_ops.submit does. */
void cell_submit(struct store *store, uint64_t job, uint32_t tasks);

/* Fills entries, as a store's private view holds them, from all machines of a bare cell, in one
 * read transaction. `checksums`: also makes the checksum of each record, as the store does. */
void cell_bare_copy(void *cell, struct omega_entry *entries, bool checksums);

/* ---- claims ---- */

/* Draws `count` claims of the tasks first_task.. on different machines. */
void cell_draw(struct omega_random *random, uint32_t machines, uint32_t first_task, uint32_t count,
               struct omega_claim *claims);

/* A series of jobs that are each placed by one commit. */
struct cell_load {
    uint64_t first_job;
    uint32_t commits;
    uint32_t claims;           /* of each */
    struct omega_claim *claim; /* commits x claims */
    uint64_t *placement;       /* likewise */
};
void cell_load_init(struct cell_load *load, struct omega_random *random, uint32_t machines,
                    uint64_t first_job, uint32_t commits, uint32_t claims);
void cell_load_fini(struct cell_load *load);
void cell_load_submit(const struct cell_load *load, const struct cell_ops *ops, void *cell);
/* Commits, or releases, jobs [from, to) of the load. */
void cell_load_commit(const struct cell_load *load, const struct cell_ops *ops, void *cell,
                      uint32_t from, uint32_t to);
void cell_load_release(const struct cell_load *load, const struct cell_ops *ops, void *cell,
                       uint32_t from, uint32_t to);

#endif
