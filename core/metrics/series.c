/* SPDX-License-Identifier: MIT */
/*
 * The series: means over steps of equal length. The cell's use and the queues' lengths arrive in
 * the order of time, so each has one open sample; busy time is told when an attempt has ended and
 * is spread over the samples that the attempt crossed.
 */
#include "core/metrics/metrics_private.h"

#include <assert.h>
#include <stdlib.h>

static uint32_t sample_of(const struct series *series, int64_t time_us)
{
    return (uint32_t)((time_us - series->start_us) / series->step_us);
}

static int64_t sample_end(const struct series *series, uint32_t sample)
{
    int64_t end = series->start_us + ((int64_t)sample + 1) * series->step_us;
    return end < series->end_us ? end : series->end_us;
}

static int64_t samples_in(int64_t span_us, int64_t step_us)
{
    return span_us / step_us + (span_us % step_us != 0);
}

int64_t series_step(int64_t span_us, int64_t step_us, int64_t limit)
{
    int64_t step = step_us < span_us ? step_us : span_us;
    while (samples_in(span_us, step) > limit) {
        step *= 2;
    }
    return step < span_us ? step : span_us;
}

/* The step, doubled until the number of samples is within the limits. */
static int64_t bounded_step(int64_t span_us, int64_t step_us, uint32_t schedulers)
{
    int64_t limit = METRICS_SERIES_MAX / (schedulers > 0 ? schedulers : 1);
    if (limit > METRICS_SAMPLES_MAX) {
        limit = METRICS_SAMPLES_MAX;
    }
    return series_step(span_us, step_us, limit < 1 ? 1 : limit);
}

/* One value for each sample and resource, none being known. */
static double *fragmentation_create(uint32_t samples)
{
    size_t count = (size_t)samples * METRICS_RESOURCES;
    double *values = calloc(count, sizeof *values);
    for (size_t i = 0; values != NULL && i < count; i++) {
        values[i] = __builtin_nan("");
    }
    return values;
}

int series_init(struct series *series, int64_t start_us, int64_t end_us, int64_t step_us,
                uint32_t schedulers, bool fragmentation)
{
    *series = (struct series){.start_us = start_us, .end_us = end_us, .schedulers = schedulers};
    if (step_us <= 0 || end_us <= start_us) {
        return 0;
    }
    series->step_us = bounded_step(end_us - start_us, step_us, schedulers);
    series->count = (uint32_t)samples_in(end_us - start_us, series->step_us);
    size_t cells = (size_t)series->count * schedulers + 1;
    series->utilisation = calloc((size_t)series->count * METRICS_RESOURCES, sizeof(double));
    series->queue = calloc(cells, sizeof(double));
    series->queue_max = calloc(cells, sizeof(uint32_t));
    series->busy_us = calloc(cells, sizeof(int64_t));
    series->busyness = calloc(cells, sizeof(double));
    if (series->utilisation == NULL || series->queue == NULL || series->queue_max == NULL ||
        series->busy_us == NULL || series->busyness == NULL) {
        return OMEGA_ENOMEM; /* the caller releases */
    }
    series->fragmentation = fragmentation ? fragmentation_create(series->count) : NULL;
    return fragmentation && series->fragmentation == NULL ? OMEGA_ENOMEM : 0;
}

void series_release(struct series *series)
{
    free(series->utilisation);
    free(series->fragmentation);
    free(series->queue);
    free(series->queue_max);
    free(series->busy_us);
    free(series->busyness);
    *series = (struct series){0};
}

static void close_use(struct series *series)
{
    double *out = &series->utilisation[(size_t)series->cell_sample * METRICS_RESOURCES];
    for (int r = 0; r < METRICS_RESOURCES; r++) {
        out[r] = metrics_use_ratio(&series->use, (enum metrics_resource)r);
    }
    metrics_use_merge(&series->before, &series->use);
    series->use = (struct metrics_use){0};
    series->cell_sample++;
}

void series_use(struct series *series, int64_t from_us, int64_t to_us,
                const struct store_totals *totals)
{
    while (from_us < to_us) {
        int64_t end = sample_end(series, series->cell_sample);
        int64_t stop = to_us < end ? to_us : end;
        metrics_use_add(&series->use, totals, stop - from_us);
        from_us = stop;
        if (stop == end) {
            close_use(series);
        }
    }
}

static void close_room(struct series *series)
{
    double *out = &series->fragmentation[(size_t)series->room_sample * METRICS_RESOURCES];
    for (int r = 0; r < METRICS_RESOURCES; r++) {
        out[r] = metrics_room_ratio(&series->room, (enum metrics_resource)r);
    }
    series->room = (struct metrics_use){0};
}

void series_room(struct series *series, int64_t now_us, const struct metrics_use *room)
{
    if (series->count == 0) {
        return;
    }
    uint32_t sample = sample_of(series, now_us - 1); /* the end of a step is of it */
    if (sample != series->room_sample) {
        close_room(series);
        series->room_sample = sample;
    }
    for (int r = 0; r < METRICS_RESOURCES; r++) {
        series->room.used[r] += room->used[r];
        series->room.capacity[r] += room->capacity[r];
    }
}

void series_queue_open(const struct series *series, struct queue_level *level)
{
    level->end_us = series->count == 0 ? INT64_MAX : sample_end(series, level->sample);
}

void series_queue_close(struct series *series, uint32_t scheduler, struct queue_level *level)
{
    int64_t start = series->start_us + level->sample * series->step_us;
    int64_t span = sample_end(series, level->sample) - start;
    size_t cell = (size_t)level->sample * series->schedulers + scheduler;
    series->queue[cell] = (double)level->area / (double)span;
    series->queue_max[cell] = level->max;
    level->area_before += level->area;
    level->max_before = level->max > level->max_before ? level->max : level->max_before;
    level->area = 0;
    level->max = 0;
    level->sample++;
    series_queue_open(series, level);
}

void series_busy(struct series *series, int64_t from_us, int64_t to_us, uint32_t scheduler)
{
    if (series->count == 0 || to_us <= from_us) {
        return;
    }
    for (uint32_t sample = sample_of(series, from_us); from_us < to_us; sample++) {
        int64_t end = sample_end(series, sample);
        int64_t stop = to_us < end ? to_us : end;
        series->busy_us[(size_t)sample * series->schedulers + scheduler] += stop - from_us;
        from_us = stop;
    }
}

static void fill_busyness(struct series *series, const struct scheduler *schedulers)
{
    for (uint32_t sample = 0; sample < series->count; sample++) {
        int64_t start = series->start_us + sample * series->step_us;
        double span = (double)(sample_end(series, sample) - start);
        for (uint32_t s = 0; s < series->schedulers; s++) {
            size_t i = (size_t)sample * series->schedulers + s;
            double instances = schedulers[s].scope.figures.instances;
            series->busyness[i] = (double)series->busy_us[i] / (span * instances);
        }
    }
}

void series_finish(struct series *series, int64_t end_us, struct scheduler *schedulers)
{
    if (series->count == 0) {
        return;
    }
    series->end_us = end_us;
    series->count = (uint32_t)samples_in(end_us - series->start_us, series->step_us);
    if (series->cell_sample < series->count) {
        close_use(series); /* the run stopped within this sample */
    }
    for (uint32_t s = 0; s < series->schedulers; s++) {
        if (schedulers[s].queue.sample < series->count) {
            series_queue_close(series, s, &schedulers[s].queue);
        }
    }
    if (series->fragmentation != NULL) {
        close_room(series);
    }
    fill_busyness(series, schedulers);
}
