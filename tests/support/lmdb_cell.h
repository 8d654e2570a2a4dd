/* SPDX-License-Identifier: MIT */
/*
 * Cells on disk behind struct store_factory: what the lmdb stores under test have in common, and
 * their open functions.
 */
#ifndef OMEGA_TESTS_SUPPORT_LMDB_CELL_H
#define OMEGA_TESTS_SUPPORT_LMDB_CELL_H

#include "cellstate/lmdb.h"
#include "core/base/random.h"
#include "tests/support/scratch.h"

/* A cell in a scratch folder, and a copy of its configuration: tests spoil theirs once the store is
 * open. */
struct lmdb_cell {
    char path[SCRATCH_PATH_MAX];
    struct store_config config;
    struct omega_machine_spec *specs;
    struct omega_random random; /* seeded by the configuration */
};

/* Makes a cell; `options` NULL: drawn from cell->random, with a change log that wraps often in
 * every second cell. */
int lmdb_cell_create(struct lmdb_cell *cell, const struct store_config *config,
                     const struct lmdb_options *options, omega_error_t *err);

/* Removes it, and fails the running test if anything of it stays. Every store on it is closed. */
void lmdb_cell_remove(struct lmdb_cell *cell);

int store_open_lmdb(const struct store_config *config, struct store **store, omega_error_t *err);
int store_open_lmdb_fast(const struct store_config *config, struct store **store,
                         omega_error_t *err);
int store_open_lmdb_group(const struct store_config *config, struct store **store,
                          omega_error_t *err);
/* store_reopened.c */
int store_open_lmdb_reopened(const struct store_config *config, struct store **store,
                             omega_error_t *err);
/* store_processes.c */
int store_open_lmdb_processes(const struct store_config *config, struct store **store,
                              omega_error_t *err);

#endif
