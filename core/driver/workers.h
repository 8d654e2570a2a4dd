/* SPDX-License-Identifier: MIT */
/*
 * Tasks that are done side by side, by processes: workers are copies of this process that take one
 * task after the other. What a worker finds out it writes to files, or tells in short messages. One
 * that dies takes nothing with it but its task.
 */
#ifndef OMEGA_CORE_DRIVER_WORKERS_H
#define OMEGA_CORE_DRIVER_WORKERS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/driver/isolate.h"

#define WORKERS_MAX 1024u      /* processes at one time */
#define WORKERS_TELL_MAX 4096u /* bytes of a message */
#define WORKERS_LOOK_S 0.2     /* `look` is called at least so often */

struct worker; /* in a worker: itself */

struct workers {
    uint32_t jobs;  /* processes at most, 1 or more */
    uint32_t count; /* tasks 0 to count - 1, taken in this order */
    void *context;  /* for all of these: */
    /* in a worker: before its first task, or NULL; behind its last one, to end the process */
    void (*prepare)(void *context);
    void (*leave)(void *context);
    /* in a worker: does a task */
    void (*work)(void *context, uint32_t task, struct worker *worker);
    /* here: a task has begun; a worker tells of its task; it has ended, by itself or with its
     * worker (`end` is then how that ended; else NULL) */
    void (*begun)(void *context, uint32_t task);
    void (*told)(void *context, uint32_t task, const void *bytes, size_t size);
    void (*ended)(void *context, uint32_t task, const struct isolate_end *end);
    /* here: now and then */
    void (*look)(void *context);
    /* here: nothing more is to be begun, and what runs is to stop */
    bool (*stops)(void *context);
};

/* Does the tasks. This process must have no other threads. Returns when no worker is left: 0, even
 * if it was stopped or workers have died with their tasks; OMEGA_EIO if no process could be made,
 * or one has died before it could say which task it had taken; OMEGA_ENOMEM. */
int workers_run(const struct workers *workers, omega_error_t *err);

/* In a worker: sends at most WORKERS_TELL_MAX bytes to `told`. */
void worker_tell(struct worker *worker, const void *bytes, size_t size);

/* In a worker: becomes other than 0 when what runs is to stop. */
const volatile sig_atomic_t *worker_stop(const struct worker *worker);

/* How many CPUs this process may use, at least 1. */
uint32_t workers_cpus(void);

#endif
