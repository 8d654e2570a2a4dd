/* SPDX-License-Identifier: MIT */
/*
 * Metrics: one figure of one scheduler, workload or the cell, over the seeds of a configuration. A
 * metric is written [SCOPE:]NAME.KEY, such as `batch.wait_first_p90_s`, `scheduler:batch.busyness`
 * or `cell.cpu_utilisation`; without SCOPE it is the workload's of that name if that has the key,
 * else the scheduler's, else the cell's.
 */
#ifndef OMEGA_CORE_ANALYSIS_METRIC_H
#define OMEGA_CORE_ANALYSIS_METRIC_H

#include "core/analysis/result_set.h"

#define METRIC_BYTES 512

/* A mean whose jobs had not all begun (been scheduled) by the horizon is a lower bound. Up to this
 * share of them it is taken as it is: they count with what they had waited. */
#define METRIC_CENSORED_MAX 0.001

struct metric {
    enum result_scope scope;
    char name[METRIC_BYTES];
    char key[METRIC_BYTES];
};

/* The values of a metric, one a seed of the configuration, in the order of its seeds. */
struct metric_values {
    uint32_t count;
    double *values;     /* NaN: that run has none */
    bool *censored;     /* the value is a lower bound */
    uint32_t known;     /* how many are no NaN */
    uint32_t bounds;    /* how many of these are censored */
    uint32_t tolerated; /* how many means count some jobs with what they had waited */
};

/* Finds a metric by its text in a set. OMEGA_EINVAL, which says what names or keys there are. */
int metric_find(const struct result_set *set, const char *text, struct metric *metric,
                omega_error_t *err);

/* The same with a list of texts. A metric that is named again, be it in another form, is left out,
 * so that no statement is made, or corrected for, twice. OMEGA_EINVAL also where there are more
 * than `room`. */
int metric_find_all(const struct result_set *set, const char *const *texts, uint32_t text_count,
                    struct metric *metrics, uint32_t room, uint32_t *count, omega_error_t *err);

/* "workload:batch.wait_first_p90_s": what metric_find() takes, in its one form. */
void metric_text(const struct metric *metric, char *out, size_t size);

/* Reads the values of a configuration; what they lie in is freed by metric_values_free().
 * `censored_max` as METRIC_CENSORED_MAX. OMEGA_ENOMEM. */
int metric_values_read(const struct result_set *set, uint32_t configuration,
                       const struct metric *metric, double censored_max,
                       struct metric_values *values, omega_error_t *err);
void metric_values_free(struct metric_values *values); /* zeroed ones are allowed */

/* The metrics that are shown unless others are asked for, those that a set has: of each workload
 * mean and p90 of the first wait and jobs scheduled, of each scheduler busyness and conflict
 * fraction, of the cell the use of its CPU. Fills at most `room` and returns how many. */
uint32_t metric_defaults(const struct result_set *set, struct metric *metrics, uint32_t room);

/* Every number that rows of a set have, in their order; the same way. */
uint32_t metric_all(const struct result_set *set, struct metric *metrics, uint32_t room);

#endif
