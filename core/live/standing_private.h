/* SPDX-License-Identifier: MIT */
/* What standing.c (a process of a standing cell) and standing_messages.c (what it says) share. */
#ifndef OMEGA_CORE_LIVE_STANDING_PRIVATE_H
#define OMEGA_CORE_LIVE_STANDING_PRIVATE_H

#include "core/live/endpoint.h"
#include "core/live/live_private.h"
#include "core/live/standing.h"
#include "core/live/submit.h"
#include "core/messages/msg.h"

/* In memory that the process that works and its guard both map: it outlives the former. */
struct standing_told {
    atomic_bool begun;  /* it works */
    atomic_bool drains; /* it was told to take no new jobs */
    omega_error_t err;  /* that ended it */
};

struct standing {
    const struct standing_options *options;
    const struct run_scheduler *scheduler; /* NULL: an executor */
    bool fixed;                            /* its number is as it was asked for */
    struct standing_told *told;
    struct register_entry entry;
    int lock;      /* -1: not entered */
    int abandoned; /* the file (abandoned.h) of a scheduler; -1: not open */
    struct live_process process;
    struct live_options live;
    struct run_config config;
    struct run_workload workload;
    const struct runner *runner; /* of a scheduler */
    const struct events *retries;
    struct endpoint *submit; /* of a scheduler */
    char *kept;              /* a message of it that has to wait, or NULL */
    size_t kept_size;
    struct endpoint *control;
    struct endpoint *events;
    struct submitter *submitter;
    int64_t began_ns;
    bool told_to_stop;        /* by a message, whose answer is on its way */
    struct msg_status status; /* what is counted of it */
};

/* Does the work in a process of its own, which is started again if it dies once it has begun, and
 * asked to stop by SIGTERM, SIGINT and SIGHUP: standing_guard.c. */
int standing_guard(struct standing *standing, int (*work)(void *context, omega_error_t *err),
                   omega_error_t *err);

int standing_open_messages(struct standing *standing, omega_error_t *err);
void standing_close_messages(struct standing *standing);

#endif
