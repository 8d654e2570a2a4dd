/* SPDX-License-Identifier: MIT */
/*
 * The files of a run: results.jsonl, results.csv, and as recorded histograms.jsonl, series.csv,
 * jobs.csv and those of conflicts; run.json for what depends on the host. All are written to
 * temporaries in the output directory and get their names together at the end: a failed run leaves
 * nothing half-written.
 * Files of these names are replaced or removed only where run.json says that a run of omega has
 * left them; otherwise the directory is refused before anything runs.
 */
#ifndef OMEGA_CORE_EXPERIMENT_OUTPUTS_H
#define OMEGA_CORE_EXPERIMENT_OUTPUTS_H

#include "core/experiment/results.h"

enum output_file {
    OUTPUT_RESULTS_JSONL = 0,
    OUTPUT_RESULTS_CSV,
    OUTPUT_HISTOGRAMS,
    OUTPUT_SERIES,
    OUTPUT_JOBS,
    OUTPUT_CONFLICTS, /* and those behind it: in the order of enum conflict_table */
    OUTPUT_COUNTERFACTUALS,
    OUTPUT_MACHINES,
    OUTPUT_REFUSED,
    OUTPUT_RUN,
    OUTPUT_FILES,
};

struct outputs;

/* Makes the directory where it is missing and opens the temporaries. The experiment, checked by
 * experiment_check(), outlives the outputs. */
int outputs_open(const char *directory, const struct experiment *experiment,
                 struct outputs **outputs, omega_error_t *err);

/* Begins the log of a point that is about to run, and ends it when it has run: run_logs.h. */
int outputs_log_begin(struct outputs *outputs, struct point *point, omega_error_t *err);
int outputs_log_end(struct outputs *outputs, struct point *point, omega_error_t *err);

/* Writes what a point left. OMEGA_EIO as soon as a file cannot take more. */
int outputs_point(struct outputs *outputs, const struct point_result *result, omega_error_t *err);

/* Writes run.json and names all files; removes those of an earlier run that are not recorded now.
 * Frees `outputs` either way. `argv` is the command line. */
int outputs_commit(struct outputs *outputs, bool complete, int argc, char *const *argv,
                   omega_error_t *err);

/* Drops everything, and the directory where it was made for this and is empty; NULL is allowed. */
void outputs_abort(struct outputs *outputs);

/* ---- the writers, by file ---- */

/* histograms.jsonl: a line for each scheduler and histogram. */
void records_histograms(const struct point_result *result, FILE *out);
/* series.csv: its first line. */
void records_series_head(FILE *out);
/* A row of the cell and one of each scheduler for every sample. */
void records_series(const struct point_result *result, FILE *out);
/* jobs.csv: its first line; `mapreduce`: with the columns of MapReduce jobs. */
void records_jobs_head(bool mapreduce, FILE *out);
/* A row for each job of a point, in the order in which they ended. */
void records_jobs(const struct point_result *result, bool mapreduce, FILE *out);

/* How one point ran, for run.json. */
struct run_point {
    const char *variant;
    uint64_t seed;
    double wall_s;
    long max_rss_kib;  /* of the process, so far */
    const char *store; /* "memory" or "lmdb" */
    const char *mode;  /* of a store on disk; NULL: it has none */
};

/* The whole of run.json. OMEGA_EIO. */
int run_json_write(const struct experiment *experiment, const struct run_point *points,
                   uint32_t count, bool complete, double wall_s, int argc, char *const *argv,
                   FILE *out, omega_error_t *err);

#endif
