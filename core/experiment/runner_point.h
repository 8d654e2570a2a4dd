/* SPDX-License-Identifier: MIT */
/* One point of a run: built, run, and its part written. */
#ifndef OMEGA_CORE_EXPERIMENT_RUNNER_POINT_H
#define OMEGA_CORE_EXPERIMENT_RUNNER_POINT_H

#include "core/experiment/parts.h"

/* Where a point runs, and whom it tells. */
struct runner_point {
    struct experiment *experiment;
    struct parts *parts;
    uint32_t index;
    bool log;
    bool verbose;
    int metrics; /* where a server of figures is told of the cell of a live point; 0: nowhere */
    bool head; /* nobody has written the head of the parts yet: do it before the part */
    const volatile sig_atomic_t *stop;            /* other than 0: stop; or NULL */
    void *context;                                /* for both: */
    void (*share)(void *context, double share);   /* how far it has come, now and then */
    void (*say)(void *context, const char *text); /* what its modules tell, whole lines */
};

/* Runs it; *wall_s is how long that took. Errors name the point, but for OMEGA_EINTR. */
int runner_point_run(const struct runner_point *run, double *wall_s, omega_error_t *err);

#endif
