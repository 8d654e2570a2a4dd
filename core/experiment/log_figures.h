/* SPDX-License-Identifier: MIT */
/*
 * Figures counted again from a run log: what its records did (runlog_check.h) is told to metrics as
 * the driver told it while the run went on.
 */
#ifndef OMEGA_CORE_EXPERIMENT_LOG_FIGURES_H
#define OMEGA_CORE_EXPERIMENT_LOG_FIGURES_H

#include "core/metrics/metrics.h"
#include "core/runlog/runlog_check.h"

/* Metrics for the run that the opening describes; NULL without memory. */
struct metrics *log_figures_create(const struct runlog_opening *opening);

/* Tells what a record did. */
void log_figures_add(struct metrics *metrics, const struct runlog_opening *opening,
                     const struct runlog_check *check, const struct runlog_record *record,
                     const struct runlog_effect *effect);

#endif
