/* SPDX-License-Identifier: MIT */
/*
 * Days: what the paper's figures show is the median of daily values, with their median absolute
 * deviation as the error bar. Busy time is cut where a day ends, so that days add up to the whole;
 * transactions, and what the reference counts, belong to the day in which their attempt ended, an
 * end at midnight to the day before. An attempt costs one comparison unless it crosses midnight.
 */
#include "core/metrics/metrics_private.h"

#include <stdlib.h>

static int64_t day_start(const struct days *days, uint32_t day)
{
    return days->start_us + (int64_t)day * METRICS_DAY_US;
}

/* The last one ends with the measured part. */
static int64_t day_end(const struct days *days, uint32_t day)
{
    int64_t start = day_start(days, day);
    return days->end_us - start < METRICS_DAY_US ? days->end_us : start + METRICS_DAY_US;
}

int days_init(struct days *days, int64_t start_us, int64_t end_us, uint32_t schedulers)
{
    *days = (struct days){.start_us = start_us, .end_us = end_us, .schedulers = schedulers};
    int64_t span = end_us - start_us;
    int64_t count = span / METRICS_DAY_US + (span % METRICS_DAY_US != 0);
    if (count == 0 || schedulers == 0 || count > METRICS_DAYS_MAX / schedulers) {
        return 0;
    }
    days->count = (uint32_t)count;
    days->open_start_us = start_us;
    days->open_end_us = day_end(days, 0);
    days->days = calloc((size_t)count * schedulers, sizeof *days->days);
    days->values = calloc((size_t)count, sizeof *days->values);
    return days->days == NULL || days->values == NULL ? OMEGA_ENOMEM : 0; /* the caller releases */
}

void days_release(struct days *days)
{
    free(days->days);
    free(days->values);
    *days = (struct days){0};
}

static uint32_t day_of(const struct days *days, int64_t end_us)
{
    int64_t end = end_us < days->end_us ? end_us : days->end_us;
    return end <= days->start_us ? 0 : (uint32_t)((end - days->start_us - 1) / METRICS_DAY_US);
}

/* The day in which something ended. */
static uint32_t open_day(struct days *days, int64_t end_us)
{
    if (end_us > days->open_end_us || end_us <= days->open_start_us) {
        days->open = day_of(days, end_us);
        days->open_start_us = day_start(days, days->open);
        days->open_end_us = day_end(days, days->open);
    }
    return days->open;
}

static struct day *at(const struct days *days, uint32_t day, uint32_t scheduler)
{
    return &days->days[(size_t)day * days->schedulers + scheduler];
}

static void add(struct day *day, int64_t span_us, enum attempt_kind kind, bool redone)
{
    bool wasted = kind == ATTEMPT_CONFLICTING || kind == ATTEMPT_REFUSED;
    bool no_fit = kind == ATTEMPT_NO_FIT || kind == ATTEMPT_SHORT;
    day->busy_us += span_us;
    day->useful_us += kind == ATTEMPT_SUCCESSFUL ? span_us : 0;
    day->wasted_us += wasted ? span_us : 0;
    day->no_fit_us += no_fit ? span_us : 0;
    day->redone_us += redone ? span_us : 0;
}

void days_busy(struct days *days, int64_t from_us, int64_t to_us, uint32_t scheduler,
               enum attempt_kind kind, bool redone)
{
    if (days->count == 0) {
        return;
    }
    uint32_t day = open_day(days, to_us);
    while (from_us < day_start(days, day)) { /* what lies in this day, from the last one back */
        add(at(days, day, scheduler), to_us - day_start(days, day), kind, redone);
        to_us = day_start(days, day);
        day--;
    }
    add(at(days, day, scheduler), to_us - from_us, kind, redone);
}

void days_transaction(struct days *days, const struct metrics_attempt *attempt,
                      enum attempt_kind kind)
{
    if (days->count == 0) {
        return;
    }
    struct day *day = at(days, open_day(days, attempt->end_us), attempt->scheduler);
    day->reference_us += attempt->end_us - attempt->start_us;
    day->successful += kind == ATTEMPT_SUCCESSFUL;
    day->conflicting += kind == ATTEMPT_CONFLICTING;
}

void days_wait(struct days *days, int64_t start_us, uint32_t scheduler, int64_t waited_us)
{
    if (days->count > 0) {
        /* a begin at midnight is of the day behind it, where there is one */
        struct day *day = at(days, day_of(days, start_us + 1), scheduler);
        day->waited_us += waited_us;
        day->waits++;
    }
}

void days_finish(struct days *days, int64_t end_us)
{
    if (days->count > 0) {
        days->end_us = end_us;
        days->count = end_us > days->start_us ? day_of(days, end_us) + 1 : 0;
    }
}

/* ---- reading ---- */

static int64_t part_of(const struct day *day, enum metrics_daily figure)
{
    switch (figure) {
    case METRICS_DAILY_USEFUL:
        return day->useful_us;
    case METRICS_DAILY_WASTED:
        return day->wasted_us;
    case METRICS_DAILY_NO_FIT:
        return day->no_fit_us;
    case METRICS_DAILY_NO_CONFLICTS:
        return day->busy_us - day->redone_us;
    case METRICS_DAILY_REFERENCE:
        return day->reference_us;
    case METRICS_DAILY_BUSYNESS:
    case METRICS_DAILY_CONFLICT_FRACTION:
    case METRICS_DAILY_WAIT_FIRST:
    case METRICS_DAILY_FIGURES:
        break;
    }
    return day->busy_us;
}

double days_value(const struct days *days, uint32_t scheduler, uint32_t instances, uint32_t day,
                  enum metrics_daily figure)
{
    const struct day *of = at(days, day, scheduler);
    if (figure == METRICS_DAILY_CONFLICT_FRACTION) {
        return of->successful == 0 ? __builtin_nan("")
                                   : (double)of->conflicting / (double)of->successful;
    }
    if (figure == METRICS_DAILY_WAIT_FIRST) {
        return of->waits == 0 ? __builtin_nan("") : (double)of->waited_us / (double)of->waits;
    }
    int64_t span = day_end(days, day) - day_start(days, day);
    return (double)part_of(of, figure) / ((double)instances * (double)span);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts them; of an even number, the mean of the two in the middle. */
static double median_of(double *values, uint32_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

void days_spread(struct days *days, uint32_t scheduler, uint32_t instances,
                 enum metrics_daily figure, struct metrics_spread *out)
{
    uint32_t count = 0;
    *out = (struct metrics_spread){.median = __builtin_nan(""), .mad = __builtin_nan("")};
    for (uint32_t day = 0; day < days->count; day++) {
        double value = days_value(days, scheduler, instances, day, figure);
        if (value == value) { /* is a number */
            days->values[count++] = value;
        }
    }
    if (count == 0) {
        return;
    }
    out->median = median_of(days->values, count);
    for (uint32_t i = 0; i < count; i++) {
        double deviation = days->values[i] - out->median;
        days->values[i] = deviation < 0 ? -deviation : deviation;
    }
    out->mad = median_of(days->values, count);
}
