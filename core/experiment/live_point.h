/* SPDX-License-Identifier: MIT */
/*
 * A live point: its processes write a segment of the run log each, and its figures are counted from
 * these segments, by the code that proves logs. So they mean what those of the simulator mean, and
 * a run whose log breaks a rule has no results.
 */
#ifndef OMEGA_CORE_EXPERIMENT_LIVE_POINT_H
#define OMEGA_CORE_EXPERIMENT_LIVE_POINT_H

#include "core/experiment/results.h"
#include "core/experiment/runner_point.h"

/* Runs the point and fills in the result's metrics and live object (the caller's), report and
 * counters. With run->log the segments are kept beside the point's part. OMEGA_ECORRUPT: the log
 * says something that cannot be. */
int live_point_run(const struct runner_point *run, struct point *point, struct point_result *result,
                   omega_error_t *err);

#endif
