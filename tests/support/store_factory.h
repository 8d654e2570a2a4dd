/* SPDX-License-Identifier: MIT */
/*
 * The stores that the conformance suite and the random histories run over, by number and by name.
 * A new store gets a line in store_factory.c, and passes the same tests unchanged.
 *
 *   memory          cellstate/memory.c
 *   lmdb            cellstate/lmdb.c on a cell of its own, removed when the store is closed
 *   lmdb-fast       in mode `fast`, with a short change log
 *   lmdb-group      with group commit
 *   lmdb-reopened   closed and opened again now and then, under views that stay
 *   lmdb-processes  each change made by one of three processes at random, all reading done here
 *
 * The last two draw the options of their cells and what they do when from the cell's machines, so
 * that a history that fails there comes back with its seed.
 */
#ifndef OMEGA_TESTS_SUPPORT_STORE_FACTORY_H
#define OMEGA_TESTS_SUPPORT_STORE_FACTORY_H

#include "cellstate/store.h"

struct store_factory {
    const char *name;
    bool live_views; /* store_view_open() takes STORE_VIEW_LIVE */
    bool slow;       /* histories of it are fewer or shorter */
    int (*open)(const struct store_config *config, struct store **store, omega_error_t *err);
};

/* How many stores there are: the end of a loop test over them. */
int store_factory_count(void);

/* Store number `index`, from 0 to the count. */
const struct store_factory *store_factory_at(int index);

/* The store of that name, or NULL. */
const struct store_factory *store_factory_find(const char *name);

#endif
