/* SPDX-License-Identifier: MIT */
/*
 * Figures counted again from a run log: what its records did (runlog_check.h) is told to metrics as
 * the driver told it while the run went on.
 */
#ifndef OMEGA_CORE_EXPERIMENT_LOG_FIGURES_H
#define OMEGA_CORE_EXPERIMENT_LOG_FIGURES_H

#include "core/metrics/metrics.h"
#include "core/runlog/runlog_check.h"

struct log_figures;

/* What is counted besides (struct metrics_config): what the experiment says of it, or what there is
 * to be compared. */
struct log_figures_options {
    struct metrics_fragmentation fragmentation;
    int64_t series_step_us; /* 0: no series */
    bool jobs;
    bool machines;
    metrics_refused_sink *refused; /* NULL: not asked for */
    void *refused_context;
    bool counterfactuals;
};

/* Figures of the run that the opening, which outlives them, describes. NULL without memory. */
struct log_figures *log_figures_create(const struct runlog_opening *opening,
                                       const struct log_figures_options *options);
void log_figures_destroy(struct log_figures *figures); /* NULL is allowed */

/* Before the first record: the cell as it is then. */
void log_figures_begin(struct log_figures *figures, const struct runlog_check *check);

/* Before each record is played: what is to be seen of the cell before its time. */
void log_figures_before(struct log_figures *figures, const struct runlog_check *check,
                        int64_t before_us);

/* Tells what a record did. */
void log_figures_add(struct log_figures *figures, const struct runlog_check *check,
                     const struct runlog_record *record, const struct runlog_effect *effect);

/* What they are told to, for reading when the horizon has come. */
struct metrics *log_figures_metrics(struct log_figures *figures);
/* The same, for the caller to keep and to destroy. */
struct metrics *log_figures_take_metrics(struct log_figures *figures);

#endif
