/* SPDX-License-Identifier: MIT */
/*
 * Conflicts explained, as files and as columns of the results: conflicts.csv, counterfactuals.csv,
 * machines.csv and refused.csv. The columns are documented in core/experiment/README.md. What is
 * written depends on the metrics of a point and on its configuration's names only, so that
 * `omega check-log` makes the same bytes from a log.
 */
#ifndef OMEGA_CORE_EXPERIMENT_CONFLICT_RECORDS_H
#define OMEGA_CORE_EXPERIMENT_CONFLICT_RECORDS_H

#include "core/experiment/results.h"
#include "core/metrics/conflicts.h"

enum conflict_table {
    CONFLICT_TABLE_MATRIX = 0,
    CONFLICT_TABLE_WOULD,
    CONFLICT_TABLE_MACHINES,
    CONFLICT_TABLE_REFUSED,
    CONFLICT_TABLES,
};

/* The first line of a table; and its rows of a point, in a fixed order, none of refused.csv. */
void conflict_table_head(enum conflict_table table, const struct parameters *parameters, FILE *out);
void conflict_table_rows(enum conflict_table table, const struct point_result *result, FILE *out);

/* The row of a claim, told while the point runs (struct metrics_config). */
void conflict_refused_row(const struct point *point, const struct metrics *metrics,
                          const struct metrics_refused *claim, FILE *out);

/* What the row of a scheduler or workload says of conflicts. */
void conflict_row_scheduler(struct row *row, const struct point_result *result, uint32_t index);
void conflict_row_workload(struct row *row, const struct point_result *result, uint32_t index);

/* What a machine is called. */
const char *conflict_machine_name(const struct point *point, uint32_t machine);

#endif
