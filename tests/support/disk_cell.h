/* SPDX-License-Identifier: MIT */
/*
 * Cells on disk for tests: a folder of the test's own, small cells in it, short ways to submit and
 * commit, copies of a cell's directory, and a look at what a cell says.
 */
#ifndef OMEGA_TESTS_SUPPORT_DISK_CELL_H
#define OMEGA_TESTS_SUPPORT_DISK_CELL_H

#include <check.h>

#include "cellstate/lmdb.h"
#include "tests/support/child.h"

#define DISK_MACHINES_MAX 200u
#define DISK_CLAIMS_MAX 16u
#define DISK_PATH_BYTES 256

/* A test's own folder, removed when the test has ended, also when it failed. */
void disk_case(Suite *suite, const char *name, const TTest *test);
/* The same for a test function that finds its number, from 0 to `count`, in _i. */
void disk_loop_case(Suite *suite, const char *name, const TTest *test, int count);
/* The folder. */
const char *disk_folder(void);
/* PATH/NAME; `path` of DISK_PATH_BYTES. */
void disk_path(char *path, const char *folder, const char *name);
/* Removes what is at `path`, on its file system only. */
void disk_remove(const char *path);
/* Copies the files of a directory into a new one. */
void disk_copy(const char *from, const char *to);
/* Writes a file of these bytes. */
void disk_write(const char *path, const void *bytes, size_t size);
/* Reads a file of at most 64 MiB; the caller frees. */
char *disk_read(const char *path, size_t *size);

/* What a cell is made of: machines of 4 cores, 4096 MiB and 2 GPU devices, all up. */
struct disk_cell {
    char path[DISK_PATH_BYTES];
    struct catalogue *catalogue;
    struct omega_machine_spec specs[DISK_MACHINES_MAX];
    struct store_config config;
};

/* Describes a cell NAME in the test's folder, and makes it. `options` may be NULL. */
void disk_describe(struct disk_cell *cell, const char *name, uint32_t machines);
void disk_create(struct disk_cell *cell, const char *name, uint32_t machines,
                 const struct lmdb_options *options);
void disk_forget(struct disk_cell *cell);

/* Opens a cell that has to open; `use` may be NULL. */
struct store *disk_open(const char *path, const struct lmdb_use *use);

/* Submits a job of one group of `tasks` tasks. */
int disk_submit(struct store *store, uint64_t job, uint32_t tasks, omega_error_t *err);

/* A transaction with its claims and results. */
struct disk_txn {
    struct omega_transaction txn;
    struct omega_claim claims[DISK_CLAIMS_MAX];
    struct omega_claim_result results[DISK_CLAIMS_MAX];
    struct omega_result result;
};
/* Begins a transaction without an identity: fine, per task, at the newest version. */
void disk_begin(struct disk_txn *t, struct store *store, uint64_t job, uint16_t instance);
/* Claims the next task (or one by number) on a machine. */
struct omega_claim *disk_claim(struct disk_txn *t, uint32_t task, uint32_t machine);
int disk_commit(struct disk_txn *t, struct store *store, omega_error_t *err);
/* One task of a new job on a machine; *placement says which. 0, an error, or 1: not accepted. */
int disk_put(struct store *store, uint64_t job, uint32_t machine, uint64_t *placement,
             omega_error_t *err);
/* Ends one placement. 0, an error, or 1: it did not run. */
int disk_end(struct store *store, uint64_t placement, omega_error_t *err);

/* Version of the newest change. */
uint64_t disk_version(struct store *store);
/* Finds what store_check() has to say. */
void disk_check(struct store *store, struct trouble *trouble);
/* Opens the cell in a child of its own, checks it, and makes one more change. */
void disk_prove(const char *path, struct trouble *trouble);
/* The whole message of an error, as a user sees it; a static buffer. */
const char *disk_message(const omega_error_t *err);

#endif
