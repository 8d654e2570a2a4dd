/* SPDX-License-Identifier: MIT */
/* What standing.c (a process of a standing cell) and standing_messages.c (what it says) share. */
#ifndef OMEGA_CORE_DRIVER_STANDING_PRIVATE_H
#define OMEGA_CORE_DRIVER_STANDING_PRIVATE_H

#include "core/driver/endpoint.h"
#include "core/driver/live_private.h"
#include "core/driver/standing.h"
#include "core/driver/submit.h"
#include "core/messages/msg.h"

struct standing {
    const struct standing_options *options;
    const struct run_scheduler *scheduler; /* NULL: an executor */
    bool fixed;                            /* its number is as it was asked for */
    atomic_bool *begun;                    /* to tell that it works */
    struct register_entry entry;
    int lock; /* -1: not entered */
    struct live_process process;
    struct live_options live;
    struct run_config config;
    struct run_workload workload;
    const struct runner *runner; /* of a scheduler */
    const struct events *retries;
    struct endpoint *submit; /* of a scheduler */
    struct endpoint *control;
    struct endpoint *events;
    struct submitter *submitter;
    int64_t began_ns;
    bool told_to_stop;        /* by a message, whose answer is on its way */
    struct msg_status status; /* what is counted of it */
};

/* Does the work in a process of its own, which is started again if it dies once it has begun, and
 * asked to stop by SIGTERM and SIGINT: standing_guard.c. */
int standing_guard(struct standing *standing, int (*work)(void *context, omega_error_t *err),
                   omega_error_t *err);

int standing_open_messages(struct standing *standing, omega_error_t *err);
void standing_close_messages(struct standing *standing);

#endif
