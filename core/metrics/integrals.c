/* SPDX-License-Identifier: MIT */
/*
 * The cell's use over time: totals are constant between two changes, so the integral is a sum of
 * products of integers, exact in 128 bits; doubles appear only where a figure is read.
 */
#include "core/metrics/metrics_private.h"

#include <assert.h>

void metrics_use_add(struct metrics_use *use, const struct store_totals *totals, int64_t span_us)
{
    use->used[METRICS_CPU] += (metrics_area)totals->cpu_used_milli * span_us;
    use->used[METRICS_MEM] += (metrics_area)totals->mem_used_mib * span_us;
    use->used[METRICS_GPU] += (metrics_area)totals->gpu_used_milli * span_us;
    use->capacity[METRICS_CPU] += (metrics_area)totals->cpu_capacity_milli * span_us;
    use->capacity[METRICS_MEM] += (metrics_area)totals->mem_capacity_mib * span_us;
    use->capacity[METRICS_GPU] += (metrics_area)totals->gpu_capacity_milli * span_us;
}

double metrics_use_ratio(const struct metrics_use *use, enum metrics_resource resource)
{
    if (use->capacity[resource] == 0) {
        return 0;
    }
    return (double)use->used[resource] / (double)use->capacity[resource];
}

void metrics_use_merge(struct metrics_use *use, const struct metrics_use *other)
{
    for (int r = 0; r < METRICS_RESOURCES; r++) {
        use->used[r] += other->used[r];
        use->capacity[r] += other->capacity[r];
    }
}

void metrics_advance(struct metrics *metrics, int64_t now_us)
{
    int64_t from = metrics->totals_since_us;
    int64_t to = metrics_clamp(metrics, now_us);
    assert(to >= from);
    if (to == from) {
        return;
    }
    if (metrics->series.count > 0) {
        series_use(&metrics->series, from, to, &metrics->totals);
    } else {
        metrics_use_add(&metrics->use, &metrics->totals, to - from);
    }
    metrics->totals_since_us = to;
}

void metrics_totals(struct metrics *metrics, int64_t now_us, const struct store_totals *totals)
{
    metrics_advance(metrics, now_us);
    metrics->totals = *totals;
}

void metrics_queue(struct metrics *metrics, int64_t now_us, uint32_t scheduler, uint32_t length)
{
    assert(scheduler < metrics->scheduler_count);
    struct queue_level *level = &metrics->schedulers[scheduler].queue;
    int64_t now = metrics_clamp(metrics, now_us);
    assert(now >= level->since_us);
    while (level->since_us < now) { /* a length that does not last is none */
        int64_t stop = now < level->end_us ? now : level->end_us;
        level->area += (metrics_area)level->length * (stop - level->since_us);
        level->max = level->length > level->max ? level->length : level->max;
        level->since_us = stop;
        if (stop == level->end_us && metrics->series.count > 0) {
            series_queue_close(&metrics->series, scheduler, level);
        }
    }
    level->length = length;
}

/* Once the series is finished. */
static void tell_queues(struct metrics *metrics)
{
    double measured = (double)(metrics->horizon_us - metrics->warmup_us);
    for (uint32_t s = 0; s < metrics->scheduler_count; s++) {
        const struct queue_level *level = &metrics->schedulers[s].queue;
        struct metrics_scope *figures = &metrics->schedulers[s].scope.figures;
        const metrics_area area = level->area_before + level->area;
        figures->queue_max = level->max > level->max_before ? level->max : level->max_before;
        figures->queue_mean = measured > 0 ? (double)area / measured : __builtin_nan("");
    }
}

void metrics_finish(struct metrics *metrics, int64_t now_us)
{
    assert(!metrics->finished);
    metrics_advance(metrics, now_us);
    metrics->horizon_us = metrics_clamp(metrics, now_us);
    for (uint32_t s = 0; s < metrics->scheduler_count; s++) {
        metrics_queue(metrics, metrics->horizon_us, s, 0);
    }
    days_finish(&metrics->days, metrics->horizon_us);
    series_finish(&metrics->series, metrics->horizon_us, metrics->schedulers);
    metrics_use_merge(&metrics->use, &metrics->series.before);
    tell_queues(metrics);
    if (scopes_sum(metrics) != 0) {
        metrics->status = OMEGA_ENOMEM;
    }
    metrics_sort_jobs(metrics);
    conflicts_finish(metrics);
    metrics->finished = true;
}
