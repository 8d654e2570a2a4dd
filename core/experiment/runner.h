/* SPDX-License-Identifier: MIT */
/*
 * Runs the points of an experiment in virtual time, side by side in worker processes, and writes
 * what came out. Every finished point is kept (parts.h) until the run is whole.
 */
#ifndef OMEGA_CORE_EXPERIMENT_RUNNER_H
#define OMEGA_CORE_EXPERIMENT_RUNNER_H

#include <signal.h>

#include "core/experiment/experiment.h"
#include "core/experiment/parts.h"

struct runner_options {
    const char *directory;    /* for the output files; NULL = omega-out/NAME */
    bool quiet;               /* no progress */
    bool json;                /* the summary as JSON */
    bool log;                 /* a log of each point */
    bool verbose;             /* the modules' INFO and DEBUG messages, too */
    int metrics;              /* of a metrics_server: where it is told of cells; 0: nowhere */
    uint32_t jobs;            /* worker processes; 0 = as many as there are CPUs */
    struct parts_shard shard; /* count 0 or 1: the whole run */
    enum parts_start start;
    int argc; /* the command line, for run.json */
    char *const *argv;
    const volatile sig_atomic_t *stop; /* other than 0: the user asks to stop; or NULL */
    void (*in_worker)(void);           /* called first in each worker process; or NULL */
    void (*leave_worker)(void);        /* called last there: ends the process */
    FILE *summary;                     /* where the summary goes */
    FILE *progress;                    /* where progress and the modules' messages go */
};

/*
 * Checks the experiment, runs its points and names the output files at the end; a shard leaves its
 * points only. A single point runs in this process. A failure leaves the files of an earlier run as
 * they were. OMEGA_EINTR: stopped by the user; the files hold the points finished until then, and
 * `complete` is false in run.json. Other errors name the point. After both, what is finished stays
 * to be resumed.
 */
int runner_run(struct experiment *experiment, const struct runner_options *options,
               omega_error_t *err);

#endif
