/* SPDX-License-Identifier: MIT */
/* Work that may end its process by a signal, in a process of its own. */
#ifndef OMEGA_CORE_DRIVER_ISOLATE_H
#define OMEGA_CORE_DRIVER_ISOLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

/* How a process ended. */
struct isolate_end {
    int code;        /* its exit code */
    int signal;      /* or the signal that ended it; else 0 */
    bool overdue;    /* isolate_work(): it had to be killed, since its time was up */
    int64_t wall_us; /* isolate_work(): from its start to its end */
};

/*
 * Splits a copy off this process, which must have no other threads and nothing in its output
 * buffers. Returns 1 in the copy, which does the work and ends the process with an exit code, and
 * gets SIGTERM if the original ends before; 0 in the original, once the copy has ended, with *end
 * filled; or OMEGA_EIO.
 */
int isolate(struct isolate_end *end, omega_error_t *err);

/*
 * Runs work(context) in a copy of this process, which ends behind it without running exit handlers,
 * and waits: `limit_s` seconds at most, then kills it. The copy is killed if this process ends
 * before. Returns 0 with *end filled, or OMEGA_EIO.
 */
int isolate_work(void (*work)(void *context), void *context, uint32_t limit_s,
                 struct isolate_end *end, omega_error_t *err);

#endif
