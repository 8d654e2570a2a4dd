/* SPDX-License-Identifier: MIT */
/*
 * Replaying a run from its logs: what the simulator predicts for the same experiment if each
 * attempt takes as long as it was recorded to take (recorded_times.h), beside what was observed.
 */
#ifndef OMEGA_CORE_EXPERIMENT_REPLAY_H
#define OMEGA_CORE_EXPERIMENT_REPLAY_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "core/base/error.h"

struct replay_options {
    const char *paths; /* where relative paths of the experiment start */
    const char *out;   /* folder for the predicted results; NULL: they are not written */
    bool json;         /* the comparison as JSON instead of tables */
    int argc;          /* the command line, for run.json */
    char *const *argv;
    const volatile sig_atomic_t *stop; /* other than 0: the user asks to stop; or NULL */
    FILE *comparison;                  /* where it goes */
    FILE *messages;                    /* where warnings and errors of modules go */
};

/*
 * Replays each point whose log log_points_open() finds in DIRECTORY. The observed figures are
 * counted from the log, which is proved on the way; everything else is taken from the experiment
 * that the log holds. Of the log of a live run that is incomplete, what is there before something
 * is missing is replayed, as if the horizon came then, and the report says so. OMEGA_EINVAL where
 * there is no log, where `out` is DIRECTORY itself, whose logs it would replace, or where the
 * experiment's jobs are not those of the log (a trace has changed, say); OMEGA_ECORRUPT for a log
 * that is damaged or breaks a rule, or of which too little is known; OMEGA_EINTR: stopped. Errors
 * of the simulation name variant and seed. Nothing is written unless all went well.
 */
int replay_run(const char *directory, const struct replay_options *options, omega_error_t *err);

#endif
