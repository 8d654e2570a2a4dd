/* SPDX-License-Identifier: MIT */
/*
 * Results of a point: one row per scheduler, per workload, and one of the cell. The keys are
 * documented in core/experiment/README.md; they never change their meaning.
 */
#ifndef OMEGA_CORE_EXPERIMENT_RESULTS_H
#define OMEGA_CORE_EXPERIMENT_RESULTS_H

#include "core/experiment/experiment.h"
#include "core/experiment/row.h"

#define RESULTS_SCHEMA 1

/* What a run of a point left. */
struct point_result {
    const struct point *point;
    struct metrics *metrics;
    struct store_report report;
    struct store_counters counters;
    double wall_s; /* host-bound: for run.json and progress only */
    json_t *live;  /* the same: what a live point tells of real time, borrowed; NULL: it is none */
};

/* All columns of results.csv in their order, NULL at the end. */
extern const char *const results_columns[];

/* Those behind them, where an experiment has MapReduce jobs. */
#define RESULTS_MAPREDUCE_COLUMNS 7
extern const char *const results_mapreduce_columns[RESULTS_MAPREDUCE_COLUMNS];

/* Calls `each` with every row of a point in order. */
int results_rows(const struct point_result *result,
                 void (*each)(void *context, const struct row *row), void *context,
                 omega_error_t *err);

/* The line that begins results.jsonl. */
void results_head(const struct experiment *experiment, FILE *out);

#endif
