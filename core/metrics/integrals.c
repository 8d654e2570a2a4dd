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

void metrics_advance(struct metrics *metrics, int64_t now_us)
{
    int64_t from = metrics->totals_since_us;
    int64_t to = metrics_clamp(metrics, now_us);
    assert(to >= from);
    if (to == from) {
        return;
    }
    metrics_use_add(&metrics->use, &metrics->totals, to - from);
    series_use(&metrics->series, from, to, &metrics->totals);
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
    struct scheduler *queue = &metrics->schedulers[scheduler];
    int64_t now = metrics_clamp(metrics, now_us);
    if (now > queue->queue_since_us) { /* a length that does not last is none */
        queue->queue_area += (metrics_area)queue->queue_length * (now - queue->queue_since_us);
        queue->queue_since_us = now;
        queue->queue_max =
            queue->queue_length > queue->queue_max ? queue->queue_length : queue->queue_max;
    }
    queue->queue_length = length;
    series_queue(&metrics->series, now, scheduler, length);
}

static void finish_queues(struct metrics *metrics)
{
    double measured = (double)(metrics->horizon_us - metrics->warmup_us);
    for (uint32_t s = 0; s < metrics->scheduler_count; s++) {
        struct scheduler *queue = &metrics->schedulers[s];
        metrics_queue(metrics, metrics->horizon_us, s, 0);
        queue->scope.figures.queue_max = queue->queue_max;
        queue->scope.figures.queue_mean =
            measured > 0 ? (double)queue->queue_area / measured : __builtin_nan("");
    }
}

void metrics_finish(struct metrics *metrics, int64_t now_us)
{
    assert(!metrics->finished);
    metrics_advance(metrics, now_us);
    metrics->horizon_us = metrics_clamp(metrics, now_us);
    finish_queues(metrics);
    days_finish(&metrics->days, metrics->horizon_us);
    series_finish(&metrics->series, metrics->horizon_us, metrics->schedulers);
    if (scopes_sum(metrics) != 0) {
        metrics->status = OMEGA_ENOMEM;
    }
    metrics_sort_jobs(metrics);
    conflicts_finish(metrics);
    metrics->finished = true;
}
