/* SPDX-License-Identifier: MIT */
/*
 * The store of a run: in memory, or a cell on disk that is made for the run. One without a place
 * of its own is made in a fresh directory and removed with the store; one with a place stays if the
 * run comes to its end. Also the list of cells that go if the process ends before.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cellstate/lmdb_directory.h"
#include "core/driver/driver.h"

#define SCRATCH_LISTED 64u

/* Directories of such cells, for a signal handler to find; NULL = a free slot. */
static _Atomic(const char *) listed[SCRATCH_LISTED];

/* What else lies in such a cell; NULL = nothing. */
static void (*_Atomic clean_more)(int directory_fd);

/* Puts `to` in the place of `from`; does nothing if `from` is not listed. */
static void relist(const char *from, const char *to)
{
    for (size_t i = 0; i < SCRATCH_LISTED; i++) {
        const char *expected = from;
        if (atomic_compare_exchange_strong(&listed[i], &expected, to)) {
            return;
        }
    }
}

void run_scratch_list(const char *path)
{
    relist(NULL, path);
}

void run_scratch_unlist(const char *path)
{
    relist(path, NULL);
}

void run_scratch_clean_with(void (*clean)(int directory_fd))
{
    atomic_store(&clean_more, clean);
}

void run_scratch_forget_all(void)
{
    for (size_t i = 0; i < SCRATCH_LISTED; i++) {
        atomic_store(&listed[i], NULL);
    }
}

/* Removes a cell by system calls only. */
static void unlink_cell(const char *path)
{
    static const char *const names[] = LMDB_FILES;
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0) {
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unlinkat(directory, names[i], 0);
    }
    void (*clean)(int) = atomic_load(&clean_more);
    if (clean != NULL) {
        clean(directory);
    }
    close(directory);
    rmdir(path);
}

void run_scratch_unlink_all(void)
{
    for (size_t i = 0; i < SCRATCH_LISTED; i++) {
        const char *path = atomic_load(&listed[i]);
        if (path != NULL) {
            unlink_cell(path);
        }
    }
}

/* ---- scratch directories ---- */

static int make_scratch(char **scratch, omega_error_t *err)
{
    const char *place = getenv("TMPDIR");
    place = place == NULL || place[0] == '\0' ? "/tmp" : place;
    if (asprintf(scratch, "%s/omega-cell-XXXXXX", place) < 0) {
        *scratch = NULL;
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for the directory of a cell");
    }
    if (mkdtemp(*scratch) == NULL) {
        int rc = omega_error_set_errno(err, place, "cannot make a directory for the cell here");
        free(*scratch);
        *scratch = NULL;
        return rc;
    }
    run_scratch_list(*scratch);
    return OMEGA_OK;
}

/* A cell that was never made leaves an empty directory, or none. */
static int remove_scratch(char *scratch, bool made, omega_error_t *err)
{
    int rc = made ? lmdb_remove(scratch, err) : OMEGA_OK;
    if (rc != OMEGA_OK || !made) {
        unlink_cell(scratch);
    }
    run_scratch_unlist(scratch);
    free(scratch);
    return rc;
}

/* ---- opening and closing ---- */

static int open_cell(const struct run_config *config, const char *path, struct store **store,
                     omega_error_t *err)
{
    struct lmdb_use use = {.module = "omega run", .config = &config->cell};
    return lmdb_open(path, &use, store, err);
}

/* Makes the cell in the place that the experiment gives. Only then is it ours, to be listed. */
static int make_in_place(const struct run_config *config, char **scratch, omega_error_t *err)
{
    const struct run_store *where = &config->store;
    *scratch = strdup(where->directory);
    if (*scratch == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for the directory of a cell");
    }
    int rc = lmdb_create(where->directory, &config->cell, &where->options, err);
    if (rc == OMEGA_OK) {
        run_scratch_list(*scratch);
    } else {
        free(*scratch);
        *scratch = NULL;
    }
    return rc;
}

static int make_cell(const struct run_config *config, char **scratch, omega_error_t *err)
{
    if (config->store.directory != NULL) {
        return make_in_place(config, scratch, err);
    }
    int rc = make_scratch(scratch, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_create(*scratch, &config->cell, &config->store.options, err);
        if (rc != OMEGA_OK) {
            remove_scratch(*scratch, false, NULL);
            *scratch = NULL;
        }
    }
    return rc;
}

int run_store_open(const struct run_config *config, struct store **store, char **scratch,
                   omega_error_t *err)
{
    *store = NULL;
    *scratch = NULL;
    if (config->store.kind == RUN_STORE_MEMORY) {
        return store_open_memory(&config->cell, store, err);
    }
    int rc = make_cell(config, scratch, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = open_cell(config, *scratch, store, err);
    if (rc != OMEGA_OK) {
        remove_scratch(*scratch, true, NULL);
        *scratch = NULL;
    }
    return rc;
}

int run_store_close(struct store *store, char *scratch, bool keep, omega_error_t *err)
{
    store_close(store);
    if (scratch == NULL) {
        return OMEGA_OK;
    }
    if (keep) {
        run_scratch_unlist(scratch);
        free(scratch);
        return OMEGA_OK;
    }
    return remove_scratch(scratch, true, err);
}
