/* SPDX-License-Identifier: MIT */
/* Cells on disk with something of everything in them: for tests of what reads whole cells. */
#ifndef OMEGA_TESTS_SUPPORT_CELL_CONTENT_H
#define OMEGA_TESTS_SUPPORT_CELL_CONTENT_H

#include "cellstate/lmdb.h"

#define CELL_CONTENT_MACHINES 12u

/* Makes a cell of CELL_CONTENT_MACHINES machines, m0 to m11: every third has GPUs, the last one is
 * absent. Ends the test on failure, as does what follows. */
void cell_content_create(const char *path, const struct lmdb_options *options);

/* Submits jobs of every kind, numbered from 1, commits, releases, abandons, loses and changes
 * machines at random, `steps` times: the same for the same seed and store. Users are alice and bob,
 * instances 1 to 3. */
void cell_content_fill(struct store *store, uint64_t seed, uint32_t steps);

#endif
