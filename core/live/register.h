/* SPDX-License-Identifier: MIT */
/*
 * Who works on a standing cell: each of its processes (its executor, its schedulers) has a number
 * and a file `process-NUMBER` in the cell's directory, which it locks while it lives and which
 * stays when it ends. So a name keeps its number from one life to the next, and with it the jobs
 * that were submitted to it. The file `jobs` beside them holds the highest job id ever given out.
 */
#ifndef OMEGA_CORE_LIVE_REGISTER_H
#define OMEGA_CORE_LIVE_REGISTER_H

#include <stdbool.h>
#include <stdint.h>

#include "cellstate/lmdb.h"

#define REGISTER_NAME_MAX 64u /* bytes of a name, without its NUL */
#define REGISTER_NUMBERS 258u /* of processes: as many as a live run can have */
#define REGISTER_EXECUTOR 1u
#define REGISTER_SCHEDULERS 2u /* number of scheduler instance 0 */

struct register_entry {
    uint32_t number;
    int32_t pid; /* of the last life */
    bool lives;  /* somebody holds it */
    char name[REGISTER_NAME_MAX + 1];
    char module[REGISTER_NAME_MAX + 1]; /* "" of the executor */
};

/* True if a text can be a name: 1 to REGISTER_NAME_MAX letters, digits and . _ - + : */
bool register_is_name(const char *text);

/*
 * Enters this process as `entry` says, and fills in number and pid. `number` is taken as it is if
 * `fixed`; else the one that the name had before, or the first one that nobody had, neither here
 * nor in the cell's table of instances. *lock is to be closed at the end of the process's work, and
 * so does its death. OMEGA_EINVAL: the number, or the name, is another living process's, or all
 * numbers are taken; OMEGA_EIO.
 */
int register_enter(int directory_fd, struct store *store, struct register_entry *entry, bool fixed,
                   int *lock, omega_error_t *err);

/* The process of a number. Returns 1 if there has never been one, or is not yet: its file is still
 * empty. OMEGA_ECORRUPT: its file, which is named with the directory, is not one of these. */
int register_read(int directory_fd, uint32_t number, struct register_entry *entry,
                  omega_error_t *err);

/* False if no process of that number lives now, or one has not written yet who it is; true also of
 * a file that cannot be read. */
bool register_lives(int directory_fd, uint32_t number);

/* The process of a name. Returns 1 if there is none; a file that cannot be read is nobody's. */
int register_find(int directory_fd, const char *name, struct register_entry *entry);

/*
 * Gives out `count` ids of jobs, each above all that were given out before and all that are in the
 * table: *first and those behind it. Others get none until *lock is closed, which is when the jobs
 * have been submitted, so that ids rise in the order in which jobs come. Whoever `waits` waits for
 * them, for as long as it takes; else 1 is returned. OMEGA_EINVAL: there are not so many left;
 * OMEGA_ECORRUPT; OMEGA_EIO.
 */
int register_job_ids(int directory_fd, struct store *store, uint64_t count, bool waits,
                     uint64_t *first, int *lock, omega_error_t *err);

#endif
