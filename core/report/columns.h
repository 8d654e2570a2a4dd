/* SPDX-License-Identifier: MIT */
/*
 * Result tables read back: the CSV files of runs that have a row for a point and something of it
 * (series.csv, conflicts.csv, machines.csv). Columns are found by name; those that this version
 * does not know are passed over. A row belongs to a configuration and a seed of a result set.
 */
#ifndef OMEGA_CORE_REPORT_COLUMNS_H
#define OMEGA_CORE_REPORT_COLUMNS_H

#include "core/analysis/result_set.h"
#include "core/workload/csv.h"

#define COLUMNS_MAX 16u /* of one table that are asked for */

struct columns {
    const struct result_set *set;
    struct csv csv;
    const char *const *names; /* asked for, NULL at the end; constant */
    uint32_t at[COLUMNS_MAX]; /* where each of them is */
    uint32_t parameter_count; /* columns between seed and the first one asked for */
    uint32_t configuration;   /* of the row read last */
    uint32_t seed;            /* index among the seeds of the configuration */
    uint32_t dropped;         /* configuration of the row passed over last, among those dropped */
    char *head;               /* owned: the first line, whose names csv keeps */
};

/* Reads the first line: variant, seed, a column for each parameter, then columns that hold all of
 * `names`, of which the first one comes first. columns_fini() is due either way. OMEGA_EINVAL with
 * file and line, OMEGA_EIO, OMEGA_ENOMEM. The stream stays the caller's; `file` is for messages. */
int columns_init(struct columns *columns, const struct result_set *set, FILE *stream,
                 const char *file, const char *const *names, omega_error_t *err);
void columns_fini(struct columns *columns);

/* The next row: 1, 0 at the end, or a negative code. Rows of what was dropped from the set are
 * passed over; one of a point that it never had is an error. */
int columns_next(struct columns *columns, omega_error_t *err);

/* Of the row read last, the column asked for as `column`: its text, lent until the next row; */
const char *columns_text(const struct columns *columns, uint32_t column);
/* a number, NaN where it is empty; */
int columns_number(const struct columns *columns, uint32_t column, double *value,
                   omega_error_t *err);
/* a count. */
int columns_count(const struct columns *columns, uint32_t column, uint64_t *value,
                  omega_error_t *err);

/* Opens DIRECTORY/FILE of each source of the set that has it and calls `each` with every row.
 * *found, how many there were, may be 0. */
int columns_each(const struct result_set *set, const char *file, const char *const *names,
                 int (*each)(void *context, const struct columns *columns, omega_error_t *err),
                 void *context, uint32_t *found, omega_error_t *err);

/* The configuration and the index of the seed of a point; false: the set has none such. */
bool columns_find_seed(const struct result_set *set, uint32_t configuration, uint64_t seed,
                       uint32_t *index);

#endif
