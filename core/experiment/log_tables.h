/* SPDX-License-Identifier: MIT */
/*
 * The tables beside a run's log (output_tables.h), held against tables that are made again from the
 * log. Rows are held one by one as they are made and none is kept; a point's rows are found by what
 * they begin with, so that the work grows with the tables and not with points times rows.
 */
#ifndef OMEGA_CORE_EXPERIMENT_LOG_TABLES_H
#define OMEGA_CORE_EXPERIMENT_LOG_TABLES_H

#include "core/experiment/log_results.h"
#include "core/experiment/output_tables.h"

struct log_tables;

/* Reads the tables that are in DIRECTORY. OMEGA_EIO, OMEGA_EINVAL (no regular file, or too large),
 * OMEGA_ENOMEM. */
int log_tables_open(const char *directory, struct log_tables **tables, omega_error_t *err);
void log_tables_close(struct log_tables *tables); /* NULL is allowed */

/* Without any table, for a directory that is only named; and with one more: `bytes` of `size` and a
 * NUL, for free(), are the tables' from then on, errors or not. OMEGA_ENOMEM. */
int log_tables_create(const char *directory, struct log_tables **tables, omega_error_t *err);
int log_tables_add(struct log_tables *tables, enum output_file file, char *bytes, size_t size,
                   omega_error_t *err);

/* Whether a table is there. */
bool log_tables_has(const struct log_tables *tables, enum output_file file);

/* Whether the run's tables have the columns of MapReduce jobs; from the start they have not. */
void log_tables_mapreduce(struct log_tables *tables, bool mapreduce);

/* Begins a point, which lives until log_tables_compare(); before it, refused claims are told in
 * their order: `context` of the sink is the tables. */
void log_tables_begin(struct log_tables *tables, const struct point *point);
metrics_refused_sink log_tables_refused;

/* Holds the heads and the rows of the point that has begun against the tables that are there, but
 * for those of `skip` (1 << enum output_file, or-ed), and tells the first line of each that
 * differs; *fields is raised by what was compared. Each text begins with a file's path.
 * OMEGA_ENOMEM. */
int log_tables_compare(struct log_tables *tables, const struct point_result *result, uint32_t skip,
                       uint64_t *fields, log_results_differ *differ, void *context,
                       omega_error_t *err);

/* Of the tables that are `known` to be recorded or not, tells of each that is there and should not
 * be, or the other way round: `files` are those that should (masks as above). */
void log_tables_missed(const struct log_tables *tables, uint32_t known, uint32_t files,
                       log_results_differ *differ, void *context);

/* Behind all points, tells of the rows that nothing was held against. */
void log_tables_rest(const struct log_tables *tables, uint32_t skip, log_results_differ *differ,
                     void *context);

#endif
