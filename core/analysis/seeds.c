/* SPDX-License-Identifier: MIT */
/* A metric over seeds: see seeds.h. */
#include "core/analysis/seeds.h"

int seeds_summarise(const struct result_set *set, uint32_t configuration,
                    const struct metric *metric, double confidence, double censored_max,
                    struct seeds_summary *out, omega_error_t *err)
{
    struct metric_values values;
    int rc = metric_values_read(set, configuration, metric, censored_max, &values, err);
    if (rc != 0) {
        return rc;
    }
    uint32_t count = 0;
    *out = (struct seeds_summary){.min = __builtin_nan(""),
                                  .max = __builtin_nan(""),
                                  .missing = values.count - values.known,
                                  .bounds = values.bounds,
                                  .tolerated = values.tolerated > 0};
    for (uint32_t i = 0; i < values.count; i++) {
        double value = values.values[i];
        if (value != value) {
            continue;
        }
        out->min = count == 0 || value < out->min ? value : out->min;
        out->max = count == 0 || value > out->max ? value : out->max;
        values.values[count++] = value;
    }
    interval_of_mean(values.values, count, confidence, &out->mean);
    metric_values_free(&values);
    return 0;
}
