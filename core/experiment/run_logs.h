/* SPDX-License-Identifier: MIT */
/*
 * The logs of a run, one file a point, or one a process of a live one: written beside its part, and
 * put into the folder `log` of the outputs with all other files: VARIANT-seed-N.omlog,
 * seed-N.omlog without variants, and with a sweep the number of the assignment,
 * VARIANT-sweep-3-seed-N.omlog; of a live point VARIANT-seed-N.SEGMENT.omlog.
 */
#ifndef OMEGA_CORE_EXPERIMENT_RUN_LOGS_H
#define OMEGA_CORE_EXPERIMENT_RUN_LOGS_H

#include "core/experiment/experiment.h"

#define RUN_LOGS_FOLDER "log"
#define RUN_LOGS_SUFFIX ".omlog"

/* ---- the log of one point ---- */

struct run_log;

/* Begins the log of a point, which point->config.runlog is then. OMEGA_EINVAL for an experiment
 * beyond the log's limits (core/runlog/runlog.h); OMEGA_EIO, OMEGA_ENOMEM. */
int run_log_begin(const struct experiment *experiment, struct point *point, const char *path,
                  struct run_log **log, omega_error_t *err);

/* Ends it; it has its name then. Frees `log` either way. */
int run_log_end(struct run_log *log, struct point *point, omega_error_t *err);

void run_log_abort(struct run_log *log); /* drops it; NULL is allowed */

/* Begins one segment of a point's log on a stream: runlog_create(). */
int run_log_segment(const struct experiment *experiment, const struct point *point,
                    uint32_t segment, uint32_t segments, FILE *stream, struct runlog **log,
                    omega_error_t *err);

/* ---- those of a run ---- */

struct run_logs;

/* For the outputs in a directory. OMEGA_ENOMEM. */
int run_logs_create(const char *directory, struct run_logs **logs, omega_error_t *err);

/* Takes note of the log of a point (label as point_label() makes it) that lies at `path`. */
int run_logs_add(struct run_logs *logs, const char *path, const char *label, omega_error_t *err);

/* Gives all of them their places, and removes those that an earlier run has left. The files that
 * they come from stay. OMEGA_EIO, OMEGA_ENOMEM. */
int run_logs_commit(struct run_logs *logs, omega_error_t *err);

void run_logs_destroy(struct run_logs *logs); /* NULL is allowed */

/* The paths of all logs in a folder, sorted, to be freed by run_logs_free_list(). A folder that is
 * not there has none. OMEGA_EIO, OMEGA_ENOMEM. */
int run_logs_list(const char *directory, char ***paths, uint32_t *count, omega_error_t *err);
void run_logs_free_list(char **paths, uint32_t count);

#endif
