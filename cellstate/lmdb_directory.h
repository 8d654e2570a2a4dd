/* SPDX-License-Identifier: MIT */
/*
 * The directory of a cell: `cell` (a few lines of text: what this is, which schema, which mode, in
 * which boot it was last used), `writer` (cellstate/lmdb_writer.h), `data.mdb` and `lock.mdb`
 * (LMDB's). The text file is read before LMDB touches a byte, since pages of a cell that lost power
 * may end the process that reads them.
 */
#ifndef OMEGA_CELLSTATE_LMDB_DIRECTORY_H
#define OMEGA_CELLSTATE_LMDB_DIRECTORY_H

#include "cellstate/lmdb.h"

#define LMDB_BOOT_BYTES 64
/* The files of a cell, in the order in which they are removed: what makes them a cell is last. */
#define LMDB_FILES                                                                                 \
    {                                                                                              \
        "data.mdb", "lock.mdb", "writer", "cell"                                                   \
    }

struct lmdb_cell_file {
    uint32_t schema;
    enum lmdb_mode mode;
    uint64_t map_bytes;
    char identity[33];          /* of the cell, as in its meta record */
    char boot[LMDB_BOOT_BYTES]; /* in which it was last used; "" = never */
};

/* This boot's id from /proc/sys/kernel/random/boot_id; OMEGA_BOOT_ID overrides it (tests of cells
 * that were used before the machine was started anew). OMEGA_EINVAL: that is no word; OMEGA_EIO. */
int lmdb_boot_id(char boot[LMDB_BOOT_BYTES], omega_error_t *err);

/* Makes the directory (and those above it) or takes an empty one; *made says which. Their names are
 * on the disk then. OMEGA_EINVAL if there is something in it; OMEGA_EIO. */
int lmdb_directory_make(const char *path, bool *made, omega_error_t *err);
/* Removes what a killed process left of a new `cell`, the files of a cell, `cell` last, and, if
 * `directory`, the directory if it is empty then. Errors of single files do not stop it.
 * OMEGA_EIO. */
int lmdb_directory_remove(const char *path, bool directory, omega_error_t *err);

/* Writes `cell`, atomically (temporary file, fsync, rename, fsync of the directory). One that
 * replaces another keeps its rights, and its owner where this process may give files away. */
int lmdb_cell_file_write(const char *path, const struct lmdb_cell_file *file, omega_error_t *err);
/*
 * Reads `cell`. OMEGA_EINVAL: there is no directory, or it is no cell (it says what was found), or
 * a line that is wrong (with its number); OMEGA_EVERSION: a newer schema, by number.
 */
int lmdb_cell_file_read(const char *path, struct lmdb_cell_file *file, omega_error_t *err);

/* True if the file was last used in another boot and its mode does not outlive one. */
bool lmdb_cell_file_is_stale(const struct lmdb_cell_file *file, const char *boot);

#endif
