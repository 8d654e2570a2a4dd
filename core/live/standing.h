/* SPDX-License-Identifier: MIT */
/*
 * A standing cell: a cell on disk on which processes come and go, in real time and without an end.
 * Its schedulers find their jobs in the table of jobs, its executor plays the machines. They are
 * those of a live run (core/live/live.h), started one by one (core/live/README.md).
 */
#ifndef OMEGA_CORE_LIVE_STANDING_H
#define OMEGA_CORE_LIVE_STANDING_H

#include "core/live/register.h"
#include "core/driver/run.h"

struct standing_options {
    const char *directory; /* of the cell */
    uint64_t seed;         /* of a scheduler's random streams */
    const char *listen; /* an address at which it can be controlled besides, tcp://...; or NULL */
    bool emulate;       /* an attempt takes its decision time besides what planning takes */
    /* Called once everything is open, before the first attempt, or NULL. */
    void (*started)(void *context, const struct register_entry *entry);
    void (*log)(void *context, const char *scheduler, enum omega_log_level level,
                const char *message);                                 /* or NULL */
    void (*blocked)(void *context, const struct lmdb_writer *writer); /* as in struct lmdb_use */
    void *context;
};

/*
 * Works as a scheduler of the cell until SIGINT, SIGTERM or SIGHUP, then ends in order: what it was
 * deciding is dropped, and its jobs wait in the table. `scheduler` is one with one instance and a
 * decision time for one workload; all jobs are of that one. `instance`: -1, or its number in the
 * cell. OMEGA_EINVAL: `scheduler->name` or its instance works there already; otherwise what opening
 * a cell, the module and the store answer. The work is done in a process of its own, which is
 * started again if it dies; this one waits for it, and for the signals.
 */
int standing_schedule(const struct standing_options *options, const struct run_scheduler *scheduler,
                      int32_t instance, omega_error_t *err);

/* Works as the executor of the cell in the same way: ends each task when its duration has passed
 * since an executor first saw it run. There is one executor at a time. */
int standing_execute(const struct standing_options *options, omega_error_t *err);

#endif
