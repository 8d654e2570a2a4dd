/* SPDX-License-Identifier: MIT */
/* Means over seeds and their intervals: see report_private.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/statistics.h"
#include "core/report/report_private.h"

/* Is the value of a key such as wait_first_p90_s said to be a lower bound? */
static bool is_bound(const struct report *report, const struct result_row *row, const char *key)
{
    char flag[80];
    size_t length = strlen(key);
    if (length < 3 || length > 60 || strcmp(key + length - 2, "_s") != 0) {
        return false;
    }
    snprintf(flag, sizeof flag, "%.*s_censored", (int)(length - 2), key);
    return result_row_number(report->set, row, flag) == 1;
}

void report_estimate(const struct report *report, uint32_t configuration, enum result_scope scope,
                     const char *name, const char *key, struct report_estimate *out)
{
    const struct result_configuration *of = result_set_configuration(report->set, configuration);
    struct interval interval;
    *out = (struct report_estimate){.mean = NAN, .half = NAN};
    double *values = calloc(of->seed_count, sizeof *values);
    for (uint32_t i = 0; values != NULL && i < of->seed_count; i++) {
        const struct result_row *row = result_set_row(report->set, configuration, i, scope, name);
        double value = row == NULL ? NAN : result_row_number(report->set, row, key);
        if (isfinite(value)) {
            out->bounds += is_bound(report, row, key);
            values[out->n++] = value;
        }
    }
    if (out->n > 0) {
        interval_of_mean(values, out->n, REPORT_CONFIDENCE, &interval);
        out->mean = interval.estimate;
        out->half = interval.half;
    }
    free(values);
}
