/* SPDX-License-Identifier: MIT */
/* A metric over the seeds of a configuration. */
#ifndef OMEGA_CORE_ANALYSIS_SEEDS_H
#define OMEGA_CORE_ANALYSIS_SEEDS_H

#include "core/analysis/metric.h"
#include "core/base/statistics.h"

struct seeds_summary {
    struct interval mean; /* over the seeds that have a value */
    double min;
    double max;
    uint32_t missing; /* seeds without a value */
    uint32_t bounds;  /* values that are lower bounds: with any, so is the mean */
    bool tolerated;   /* means count jobs that had not begun with what they had waited */
};

/* A run with one seed is one value, whatever it lists by day. Errors: OMEGA_ENOMEM. */
int seeds_summarise(const struct result_set *set, uint32_t configuration,
                    const struct metric *metric, double confidence, double censored_max,
                    struct seeds_summary *out, omega_error_t *err);

#endif
