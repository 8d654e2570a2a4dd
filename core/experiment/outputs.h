/* SPDX-License-Identifier: MIT */
/*
 * The files of a run: results.jsonl, results.csv, and as recorded histograms.jsonl, series.csv,
 * jobs.csv and those of conflicts; SHA256SUMS of these; run.json for what depends on the host. They
 * are put together from the parts of the points (parts.h), in temporaries in the output directory,
 * and get their names together at the end: a failed run leaves nothing half-written.
 * Files of these names are replaced or removed only where run.json says that a run of omega has
 * left them; otherwise the directory is refused before anything runs.
 */
#ifndef OMEGA_CORE_EXPERIMENT_OUTPUTS_H
#define OMEGA_CORE_EXPERIMENT_OUTPUTS_H

#include "core/experiment/part.h"
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
    OUTPUT_EXPERIMENT, /* the normalised experiment: what experiment_sha256 is over */
    OUTPUT_SUMS,       /* what tells that the files before it are whole */
    OUTPUT_RUN,
    OUTPUT_FILES,
};

#define OUTPUT_EXPERIMENT_NAME "experiment.json"
#define OUTPUT_SUMS_NAME "SHA256SUMS"

struct outputs;
struct run_json;

/* Makes the directory where it is missing; refuses one with files of somebody else. */
int outputs_open(const char *directory, struct outputs **outputs, omega_error_t *err);

/* Opens the temporaries of the files that the head of a run has, and begins them with it. */
int outputs_begin(struct outputs *outputs, struct part *head, omega_error_t *err);

/* Adds what a point has to each file; and a log of it, with what it is to be called. */
int outputs_add(struct outputs *outputs, struct part *part, omega_error_t *err);
int outputs_add_log(struct outputs *outputs, const char *path, const char *label,
                    omega_error_t *err);

/* Writes SHA256SUMS and run.json, and names all files; removes those of an earlier run that are not
 * recorded now. Frees `outputs` either way. */
int outputs_commit(struct outputs *outputs, const struct run_json *run, omega_error_t *err);

/* Drops everything, and the directory where it was made for this and is empty; NULL is allowed. */
void outputs_abort(struct outputs *outputs);

/* ---- the sections of parts, one for each file ---- */

/* The sections of a run's head: how each file begins, and the normalised experiment. */
int outputs_heads(const struct experiment *experiment, struct part_writer *head,
                  omega_error_t *err);

/* Where the refused claims of a point go while it runs. */
struct outputs_refused {
    const struct point *point;
    FILE *out;
};

/* Before the metrics of a point are made: begins the section of refused.csv, if it is recorded,
 * which takes the claims as they are told; other sections begin when the point has run. `refused`
 * lives until then. */
void outputs_point_begin(const struct experiment *experiment, struct point *point,
                         struct outputs_refused *refused, struct part_writer *part);

/* The other sections of a point: its rows of each file. */
int outputs_point(const struct experiment *experiment, const struct point_result *result,
                  struct part_writer *part, omega_error_t *err);

/* What run.json says of a point. NULL without memory. */
json_t *run_json_point(const struct point_result *result);

#define OUTPUTS_RESULTS "results.jsonl" /* the section whose lines are the rows */
#define OUTPUTS_SUMMARY "summary"       /* of a point: what it adds to the summary */

/* ---- the writers, by file ---- */

/* histograms.jsonl: a line for each scheduler and histogram. */
void records_histograms(const struct point_result *result, FILE *out);
/* series.csv: its first line. */
void records_series_head(const struct parameters *parameters, FILE *out);
/* A row of the cell and one of each scheduler for every sample. */
void records_series(const struct point_result *result, FILE *out);
/* jobs.csv: its first line; `mapreduce`: with the columns of MapReduce jobs. */
void records_jobs_head(bool mapreduce, const struct parameters *parameters, FILE *out);
/* A row for each job of a point, in the order in which they ended. */
void records_jobs(const struct point_result *result, bool mapreduce, FILE *out);

/* What run.json is made of, besides the host. */
struct run_json {
    const struct experiment *experiment;
    const json_t *modules;
    json_t *points; /* what run_json_point() has said of each; outputs_commit() fills it in */
    bool complete;
    double wall_s;
    int argc; /* the command line */
    char *const *argv;
};

/* The whole of run.json. OMEGA_EIO. */
int run_json_write(const struct run_json *run, FILE *out, omega_error_t *err);

#endif
