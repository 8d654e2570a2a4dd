/* SPDX-License-Identifier: MIT */
/* Figures by day in the row of a scheduler: median, MAD and the list of the daily values. */
#ifndef OMEGA_CORE_EXPERIMENT_RESULTS_DAYS_H
#define OMEGA_CORE_EXPERIMENT_RESULTS_DAYS_H

#include "core/experiment/row.h"
#include "core/metrics/metrics.h"

/* The lists as text, "[0.1,0.2]", which a row borrows. */
struct results_days {
    char *lists[METRICS_DAILY_FIGURES];
};

/* Makes the lists of a scheduler; OMEGA_ENOMEM, and none is left to be freed. */
int results_days_make(const struct metrics *metrics, uint32_t scheduler, struct results_days *days);
void results_days_free(struct results_days *days);

/* Adds all figures to a row. */
void results_days_add(struct row *row, struct metrics *metrics, uint32_t scheduler,
                      const struct results_days *days);

#endif
