/* SPDX-License-Identifier: MIT */
/* The results of a run, row by row, to be held against rows that were made again from its log. */
#ifndef OMEGA_CORE_EXPERIMENT_LOG_RESULTS_H
#define OMEGA_CORE_EXPERIMENT_LOG_RESULTS_H

#include "core/experiment/results.h"
#include "core/runlog/runlog.h"

struct log_results;

/* Tells a difference: of which row, and what is wrong. */
typedef void log_results_differ(void *context, const char *text);

/* Reads DIRECTORY/results.jsonl. OMEGA_EIO, OMEGA_EINVAL (no regular file, or too large),
 * OMEGA_ENOMEM. */
int log_results_open(const char *directory, struct log_results **results, omega_error_t *err);
void log_results_close(struct log_results *results); /* NULL is allowed */
const char *log_results_path(const struct log_results *results);

/* Holds the head against what a log opens with; and each row of a point against the file's. *fields
 * is raised by the fields compared. OMEGA_ENOMEM. */
int log_results_head(struct log_results *results, const struct runlog_opening *opening,
                     log_results_differ *differ, void *context, omega_error_t *err);
int log_results_compare(struct log_results *results, const struct point_result *result,
                        uint64_t *fields, log_results_differ *differ, void *context,
                        omega_error_t *err);

/* Tells of the rows that nothing was held against. */
void log_results_rest(const struct log_results *results, log_results_differ *differ, void *context);

#endif
