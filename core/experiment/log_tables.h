/* SPDX-License-Identifier: MIT */
/* The tables of conflicts beside a run's log (conflict_records.h), to be held against tables that
 * were made again from the log. Only tables that are there can be looked at: what was recorded is
 * no part of a log, but for counterfactuals, which the experiment asks for. */
#ifndef OMEGA_CORE_EXPERIMENT_LOG_TABLES_H
#define OMEGA_CORE_EXPERIMENT_LOG_TABLES_H

#include "core/experiment/conflict_records.h"
#include "core/experiment/log_results.h"

struct log_tables;

/* Reads the tables that are in DIRECTORY. OMEGA_EIO, OMEGA_EINVAL (no regular file, or too large),
 * OMEGA_ENOMEM. */
int log_tables_open(const char *directory, struct log_tables **tables, omega_error_t *err);
void log_tables_close(struct log_tables *tables); /* NULL is allowed */

/* Whether a table is there. */
bool log_tables_has(const struct log_tables *tables, enum conflict_table table);

/* Holds the rows of a point, and the heads, against the files; *fields is raised by what was
 * compared. Each text begins with a file's path. OMEGA_ENOMEM. */
int log_tables_compare(struct log_tables *tables, const struct point_result *result,
                       uint64_t *fields, log_results_differ *differ, void *context,
                       omega_error_t *err);

/* Tells of the rows that nothing was held against, and of NUL bytes, behind all points. */
void log_tables_rest(const struct log_tables *tables, log_results_differ *differ, void *context);

#endif
