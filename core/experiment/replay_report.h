/* SPDX-License-Identifier: MIT */
/* What replays have predicted beside what was observed, with ratios and their intervals. */
#ifndef OMEGA_CORE_EXPERIMENT_REPLAY_REPORT_H
#define OMEGA_CORE_EXPERIMENT_REPLAY_REPORT_H

#include "core/experiment/recorded_times.h"
#include "core/experiment/results.h"

struct replay_report;

struct replay_report *replay_report_create(void);         /* NULL without memory */
void replay_report_destroy(struct replay_report *report); /* NULL is allowed */

/* Adds a point: both results are of it; `counts` is where the decision times of each scheduler came
 * from. Where its log is incomplete, the point's horizon is where that begins, and `horizon_us` the
 * run's. OMEGA_ENOMEM. */
int replay_report_add(struct replay_report *report, const struct point_result *predicted,
                      const struct point_result *observed, const struct recorded_counts *counts,
                      int64_t horizon_us, omega_error_t *err);

/* Writes all points, and for each variant, scheduler and figure (and for all variants together) the
 * mean of predicted / observed over the points with its 95 % interval by Student's t, how many have
 * no such ratio (nothing was observed, or one of the values is a lower bound only), and the ratio
 * of the sums over points with both values. `experiment` is its name. */
void replay_report_write(const struct replay_report *report, FILE *out);
void replay_report_write_json(const struct replay_report *report, const char *experiment,
                              FILE *out);

#endif
