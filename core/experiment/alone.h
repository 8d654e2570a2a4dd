/* SPDX-License-Identifier: MIT */
/*
 * One scheduler of a standing cell: an object as in an experiment's "schedulers", read by the same
 * parser, from a file, from --module and the like, or both.
 */
#ifndef OMEGA_CORE_EXPERIMENT_ALONE_H
#define OMEGA_CORE_EXPERIMENT_ALONE_H

#include "core/driver/run.h"

struct alone_request {
    const char *file;        /* a JSON object; NULL: none */
    const char *module;      /* NULL: as the file says */
    const char *name;        /* NULL: as the file says, or the module's */
    const char *const *sets; /* "path=value", such as "retry.delay_s=1": changes of the object */
    uint32_t set_count;
};

struct alone;

/* Reads it and opens the module. Errors are file:line or name the option. It has one instance, and
 * the keys 'workloads', 'instances' and 'assignment' are refused: they say which jobs an instance
 * gets, and here whoever submits a job says so. */
int alone_read(const struct alone_request *request, struct alone **alone, omega_error_t *err);
void alone_free(struct alone *alone); /* NULL is allowed */

/* What was read, owned by it. */
const struct run_scheduler *alone_config(const struct alone *alone);

/* True if it says "decision": attempts take that besides what planning takes. */
bool alone_emulates(const struct alone *alone);

#endif
