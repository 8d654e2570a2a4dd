/* SPDX-License-Identifier: MIT */
/*
 * The tables that a run leaves beside results.jsonl, each with its head and its rows of a point.
 * What is written depends on the metrics of a point and on its configuration's names only, so that
 * `omega check-log` makes the same bytes from a log.
 */
#ifndef OMEGA_CORE_EXPERIMENT_OUTPUT_TABLES_H
#define OMEGA_CORE_EXPERIMENT_OUTPUT_TABLES_H

#include "core/experiment/outputs.h"

/* The tables are the files from the first to the last of these. */
#define OUTPUT_TABLE_FIRST OUTPUT_RESULTS_CSV
#define OUTPUT_TABLE_LAST OUTPUT_REFUSED

/* The name of any file of a run, such as "conflicts.csv", which is also its section in parts. */
const char *output_name(enum output_file file);

/* Whether a file is written where this is recorded. */
bool output_is_recorded(enum output_file file, const struct experiment_record *record);

/* The first line of a table, nothing where it has no head; `mapreduce`: with the columns of
 * MapReduce jobs. */
void output_table_head(enum output_file file, bool mapreduce, const struct parameters *parameters,
                       FILE *out);

/* The rows of a point, in a fixed order. None of refused.csv: these come as the run goes on
 * (conflict_refused_row()). OMEGA_ENOMEM. */
int output_table_rows(enum output_file file, bool mapreduce, const struct point_result *result,
                      FILE *out, omega_error_t *err);

/* What a log says of the tables that its run records. */
struct output_recorded {
    uint32_t files; /* 1 << enum output_file, or-ed */
    int64_t series_step_us;
    bool mapreduce; /* with the columns of MapReduce jobs */
};

/* As JSON, {"files":["results.csv",...],"series_step_us":7,"mapreduce":false}, to be freed; NULL
 * without memory. */
char *output_recorded_text(const struct experiment_record *record, const struct point *point);
/* Reads that. OMEGA_ECORRUPT, OMEGA_ENOMEM. */
int output_recorded_read(const char *text, struct output_recorded *out, omega_error_t *err);

#endif
