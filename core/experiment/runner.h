/* SPDX-License-Identifier: MIT */
/*
 * Runs all points of an experiment in virtual time, one after the other, and writes what came out.
 */
#ifndef OMEGA_CORE_EXPERIMENT_RUNNER_H
#define OMEGA_CORE_EXPERIMENT_RUNNER_H

#include <signal.h>

#include "core/experiment/experiment.h"

struct runner_options {
    const char *directory; /* for the output files; NULL = omega-out/NAME */
    bool quiet;            /* no progress */
    bool json;             /* the summary as JSON */
    bool log;              /* a log of each point */
    bool verbose;          /* the modules' INFO and DEBUG messages, too */
    int argc;              /* the command line, for run.json */
    char *const *argv;
    const volatile sig_atomic_t *stop; /* other than 0: the user asks to stop; or NULL */
    FILE *summary;                     /* where the summary goes */
    FILE *progress;                    /* where progress and the modules' messages go */
};

/*
 * Checks the experiment, runs its points and names the output files at the end. A failure leaves
 * the files of an earlier run as they were. OMEGA_EINTR: stopped by the user; the points finished
 * until then are kept and `complete` is false in run.json. Other errors name variant and seed.
 */
int runner_run(struct experiment *experiment, const struct runner_options *options,
               omega_error_t *err);

#endif
