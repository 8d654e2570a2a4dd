/* SPDX-License-Identifier: MIT */
/* The part of a run's summary that tells what schedulers did over the seeds of a variant. */
#ifndef OMEGA_CORE_EXPERIMENT_SEED_SUMMARY_H
#define OMEGA_CORE_EXPERIMENT_SEED_SUMMARY_H

#include "core/experiment/results.h"

struct seed_summary;

/* NULL without memory; destroying NULL is allowed. */
struct seed_summary *seed_summary_create(void);
void seed_summary_destroy(struct seed_summary *summary);

/* Adds a point. Its variant outlives the summary; the points of a variant come one after the other.
 * OMEGA_ENOMEM. */
int seed_summary_point(struct seed_summary *summary, const struct point_result *result);

/* Writes the table of means and intervals, if anything was run with two seeds or more. Once. */
void seed_summary_write(struct seed_summary *summary, FILE *out);

#endif
