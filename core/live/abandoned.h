/* SPDX-License-Identifier: MIT */
/*
 * Which jobs a scheduler of a standing cell has abandoned last: an abandoned job of which nothing
 * runs leaves the table of jobs as one that has ended does, and whoever waits for it must tell the
 * two apart. A file `abandoned-NUMBER` in the cell's directory, written by that scheduler alone:
 * how many there ever were, and the ids of the newest ones in a ring, in 64-bit words.
 * One thread writes; any number of threads and processes may read meanwhile.
 */
#ifndef OMEGA_CORE_LIVE_ABANDONED_H
#define OMEGA_CORE_LIVE_ABANDONED_H

#include <stdbool.h>
#include <stdint.h>

#include "cellstate/lmdb.h"

#define ABANDONED_KEPT 1023u /* ids: the file has 8 KiB */

struct abandoned {
    uint64_t count; /* ever */
    uint64_t jobs[ABANDONED_KEPT];
};

/* Opens the file of process `number` for its scheduler, *fd, and takes back what the one before it
 * announced and did not do: that job is in the table. OMEGA_ECORRUPT; OMEGA_EIO. */
int abandoned_open(int directory_fd, uint32_t number, struct store *store, int *fd,
                   omega_error_t *err);

/* Announces that a job is about to be abandoned: before it can leave the table, so that whoever
 * does not find it there finds it here. OMEGA_EIO. */
int abandoned_announce(int fd, uint64_t job, omega_error_t *err);

/* Reads the file of process `number`; where there is none, none was abandoned. What is torn or
 * damaged shows as ids that nobody has. OMEGA_EIO. */
int abandoned_read(int directory_fd, uint32_t number, struct abandoned *abandoned,
                   omega_error_t *err);

/* What became of a job that has left the table, by a file read after it was seen to be gone and the
 * count that was read before it was submitted. */
enum abandoned_fate {
    ABANDONED_NOT = 0,
    ABANDONED_YES,
    ABANDONED_UNKNOWN, /* so many have been abandoned since that it may have been forgotten */
};
enum abandoned_fate abandoned_fate(const struct abandoned *abandoned, uint64_t since, uint64_t job);

#endif
