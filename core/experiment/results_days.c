/* SPDX-License-Identifier: MIT */
/* Figures by day: see results_days.h. */
#include "core/experiment/results_days.h"

#include <stdlib.h>

struct keys {
    const char *median;
    const char *mad;
    const char *list;
    double unit; /* so many of the metrics' units make one of the file's */
};

#define KEYS(figure)                                                                               \
    {                                                                                              \
        figure "_day_median", figure "_day_mad", figure "_days", 1                                 \
    }

static const struct keys keys[METRICS_DAILY_FIGURES] = {
    [METRICS_DAILY_BUSYNESS] = KEYS("busyness"),
    [METRICS_DAILY_USEFUL] = KEYS("busyness_useful"),
    [METRICS_DAILY_WASTED] = KEYS("busyness_wasted"),
    [METRICS_DAILY_NO_FIT] = KEYS("busyness_no_fit"),
    [METRICS_DAILY_NO_CONFLICTS] = KEYS("busyness_no_conflicts"),
    [METRICS_DAILY_REFERENCE] = KEYS("busyness_reference"),
    [METRICS_DAILY_CONFLICT_FRACTION] = KEYS("conflict_fraction"),
    [METRICS_DAILY_WAIT_FIRST] = {"wait_first_day_median_s", "wait_first_day_mad_s",
                                  "wait_first_days_s", 1e6},
};

static char *list_text(const struct metrics *metrics, uint32_t scheduler, enum metrics_daily figure)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    fputc('[', out);
    for (uint32_t day = 0; day < metrics_day_count(metrics); day++) {
        double value = metrics_read_day(metrics, scheduler, day, figure) / keys[figure].unit;
        fputs(day == 0 ? "" : ",", out);
        row_put_real(value, "null", out);
    }
    fputc(']', out);
    return fclose(out) == 0 ? text : NULL;
}

int results_days_make(const struct metrics *metrics, uint32_t scheduler, struct results_days *days)
{
    *days = (struct results_days){{NULL}};
    for (int i = 0; i < METRICS_DAILY_FIGURES; i++) {
        days->lists[i] = list_text(metrics, scheduler, (enum metrics_daily)i);
        if (days->lists[i] == NULL) {
            results_days_free(days);
            return OMEGA_ENOMEM;
        }
    }
    return 0;
}

void results_days_free(struct results_days *days)
{
    for (int i = 0; i < METRICS_DAILY_FIGURES; i++) {
        free(days->lists[i]);
        days->lists[i] = NULL;
    }
}

void results_days_add(struct row *row, struct metrics *metrics, uint32_t scheduler,
                      const struct results_days *days)
{
    for (int i = 0; i < METRICS_DAILY_FIGURES; i++) {
        struct metrics_spread spread;
        metrics_read_spread(metrics, scheduler, (enum metrics_daily)i, &spread);
        row_real(row, keys[i].median, spread.median / keys[i].unit);
        row_real(row, keys[i].mad, spread.mad / keys[i].unit);
        row_json(row, keys[i].list, days->lists[i]);
    }
}
