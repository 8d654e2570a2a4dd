/* SPDX-License-Identifier: MIT */
/*
 * The logs of a run, one file a point in the folder `log` of the outputs: VARIANT-seed-N.omlog, or
 * seed-N.omlog without variants. Like all outputs they get their names when the run is complete.
 */
#ifndef OMEGA_CORE_EXPERIMENT_RUN_LOGS_H
#define OMEGA_CORE_EXPERIMENT_RUN_LOGS_H

#include "core/experiment/experiment.h"

#define RUN_LOGS_FOLDER "log"
#define RUN_LOGS_SUFFIX ".omlog"

struct run_logs;

/* For the outputs in a directory; nothing is made before the first log begins. OMEGA_ENOMEM. */
int run_logs_create(const char *directory, const struct experiment *experiment,
                    struct run_logs **logs, omega_error_t *err);

/* Begins the log of a point, which point->config.runlog is then; run_logs_end() ends it, all of it
 * being on the disk. One at a time. OMEGA_EINVAL for an experiment beyond the log's limits
 * (core/runlog/runlog.h); OMEGA_EIO, OMEGA_ENOMEM. */
int run_logs_begin(struct run_logs *logs, struct point *point, omega_error_t *err);
int run_logs_end(struct run_logs *logs, struct point *point, omega_error_t *err);

/* Names all logs that have ended, and removes those that an earlier run has left. OMEGA_EIO,
 * OMEGA_ENOMEM. */
int run_logs_commit(struct run_logs *logs, omega_error_t *err);

/* Drops what has no name yet, and frees all; NULL is allowed. */
void run_logs_destroy(struct run_logs *logs);

/* The paths of all logs in a folder, sorted, to be freed by run_logs_free_list(). A folder that is
 * not there has none. OMEGA_EIO, OMEGA_ENOMEM. */
int run_logs_list(const char *directory, char ***paths, uint32_t *count, omega_error_t *err);
void run_logs_free_list(char **paths, uint32_t count);

#endif
