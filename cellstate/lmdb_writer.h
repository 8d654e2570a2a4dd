/* SPDX-License-Identifier: MIT */
/*
 * The gate before LMDB's write lock, in a file that all processes of a cell map: a robust lock with
 * a record of who holds it. LMDB's own lock cannot be waited for with a limit, so a stopped writer
 * would block all others in silence; here they wait with a limit and can name it. A holder that
 * died leaves the lock to the next one.
 */
#ifndef OMEGA_CELLSTATE_LMDB_WRITER_H
#define OMEGA_CELLSTATE_LMDB_WRITER_H

#include "cellstate/lmdb.h"

#define LMDB_WRITER_WAIT_US INT64_C(1000000) /* between two calls of `blocked` */

struct lmdb_gate;

/* Makes the file (for lmdb_create()). OMEGA_EINVAL if it is there: of several that make a cell in
 * one directory at the same time, one gets past here. OMEGA_EIO. */
int lmdb_gate_create(const char *path, omega_error_t *err);

/*
 * Maps the file. The first process after the machine was started anew (`boot` is its boot id), or
 * after the file was copied (it holds its own device and inode), makes lock and record anew, under
 * flock(): their bytes are worthless then. `module` may be NULL. Not to be used in a child that
 * fork() makes later. OMEGA_EINVAL for a file that is none of ours, OMEGA_EVERSION, OMEGA_EIO,
 * OMEGA_ENOMEM.
 */
int lmdb_gate_open(const char *path, const char *boot, const char *module, struct lmdb_gate **gate,
                   omega_error_t *err);
/* The same for lmdb_gate_writer() only, without a need to write: nothing is made anew, and while a
 * record is of another boot or file, nobody writes. */
int lmdb_gate_look(const char *path, const char *boot, struct lmdb_gate **gate, omega_error_t *err);
/* For a cell whose changes take longer than a few microseconds: who waits stays awake for longer.
 * Before the first lmdb_gate_enter(), alike in all processes. */
void lmdb_gate_watch(struct lmdb_gate *gate);
/* Unmaps; the file stays. No thread of this process may hold the lock. NULL is allowed. */
void lmdb_gate_close(struct lmdb_gate *gate);

/*
 * Takes the lock for `instance` and fills the record. While another thread or process holds it:
 * waits awake for a few microseconds, or some hundred (not at first if both come back at once each
 * time), then sleeps, and calls blocked(context, writer) (unless NULL) each time that the same
 * holder has written for another second; writer->pid is 0 for one that was stopped within the
 * nanoseconds between the lock and its record. *died: the holder before died while it held the
 * lock. OMEGA_EIO if the lock is beyond use, or held by this thread.
 */
int lmdb_gate_enter(struct lmdb_gate *gate, uint16_t instance,
                    void (*blocked)(void *context, const struct lmdb_writer *writer), void *context,
                    bool *died, omega_error_t *err);
/* Clears the record, gives the lock back, and wakes one of those who sleep; only every few
 * milliseconds if others are awake, or if the caller takes it again and again. */
void lmdb_gate_leave(struct lmdb_gate *gate);

/* See lmdb_give_way(). */
void lmdb_gate_give_way(const struct lmdb_gate *gate, int64_t *since_us);

/* Who holds the lock, from any process, without it; false: nobody. A writer whose process is gone
 * (its pid is free, or belongs to a process that was started later) counts as nobody. */
bool lmdb_gate_writer(const struct lmdb_gate *gate, struct lmdb_writer *writer);

#endif
