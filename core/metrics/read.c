/* SPDX-License-Identifier: MIT */
/* Reading: figures out of what was counted. Definitions in core/metrics/README.md. */
#include "core/metrics/metrics_private.h"

#include <assert.h>

uint32_t metrics_scheduler_count(const struct metrics *metrics)
{
    return metrics->scheduler_count;
}

uint32_t metrics_workload_count(const struct metrics *metrics)
{
    return metrics->workload_count;
}

void metrics_read_scheduler(const struct metrics *metrics, uint32_t scheduler,
                            struct metrics_scope *out)
{
    assert(scheduler < metrics->scheduler_count);
    *out = metrics->schedulers[scheduler].scope.figures;
}

void metrics_read_workload(const struct metrics *metrics, uint32_t workload,
                           struct metrics_scope *out)
{
    assert(workload < metrics->workload_count);
    *out = metrics->workloads[workload].figures;
}

void metrics_read_cell(struct metrics *metrics, struct metrics_cell *out)
{
    *out = (struct metrics_cell){
        .measured_us = metrics->horizon_us - metrics->warmup_us,
        .events = metrics->events,
        .losses = metrics->losses,
        .cpu_utilisation = metrics_use_ratio(&metrics->use, METRICS_CPU),
        .mem_utilisation = metrics_use_ratio(&metrics->use, METRICS_MEM),
        .gpu_utilisation = metrics_use_ratio(&metrics->use, METRICS_GPU),
        .cpu_fragmentation = metrics_room_ratio(&metrics->room, METRICS_CPU),
        .mem_fragmentation = metrics_room_ratio(&metrics->room, METRICS_MEM),
        .gpu_fragmentation = metrics_room_ratio(&metrics->room, METRICS_GPU),
        .final_cpu_fragmentation = metrics_room_ratio(&metrics->room_last, METRICS_CPU),
        .final_mem_fragmentation = metrics_room_ratio(&metrics->room_last, METRICS_MEM),
        .final_gpu_fragmentation = metrics_room_ratio(&metrics->room_last, METRICS_GPU),
        .final = metrics->totals,
    };
    for (int kind = 0; kind <= OMEGA_EVENT_CAPACITY; kind++) {
        out->machine_events[kind] = metrics->machine_events[kind];
    }
    if (metrics->digest != NULL) {
        digest_text(metrics->digest, out->digest);
    }
}

bool metrics_read_counter(const struct metrics *metrics, uint32_t scheduler, uint32_t index,
                          const char **name, int64_t *value)
{
    assert(scheduler < metrics->scheduler_count);
    const struct scheduler *from = &metrics->schedulers[scheduler];
    if (index >= from->counter_count) {
        return false;
    }
    *name = from->counters[index].name;
    *value = from->counters[index].value;
    return true;
}

uint32_t metrics_day_count(const struct metrics *metrics)
{
    return metrics->finished ? metrics->days.count : 0;
}

double metrics_read_day(const struct metrics *metrics, uint32_t scheduler, uint32_t day,
                        enum metrics_daily figure)
{
    assert(scheduler < metrics->scheduler_count && day < metrics_day_count(metrics));
    return days_value(&metrics->days, scheduler,
                      metrics->schedulers[scheduler].scope.figures.instances, day, figure);
}

void metrics_read_spread(struct metrics *metrics, uint32_t scheduler, enum metrics_daily figure,
                         struct metrics_spread *out)
{
    assert(scheduler < metrics->scheduler_count && metrics->finished);
    days_spread(&metrics->days, scheduler, metrics->schedulers[scheduler].scope.figures.instances,
                figure, out);
}

static double fragmentation_in(const struct series *series, uint32_t sample,
                               enum metrics_resource resource)
{
    return series->fragmentation == NULL
               ? __builtin_nan("")
               : series->fragmentation[(size_t)sample * METRICS_RESOURCES + resource];
}

bool metrics_read_sample(const struct metrics *metrics, uint32_t index, struct metrics_sample *out)
{
    const struct series *series = &metrics->series;
    if (!metrics->finished || index >= series->count) {
        return false;
    }
    const double *utilisation = &series->utilisation[(size_t)index * METRICS_RESOURCES];
    int64_t start = series->start_us + index * series->step_us;
    int64_t end = start + series->step_us;
    *out = (struct metrics_sample){
        .start_us = start,
        .end_us = end < series->end_us ? end : series->end_us,
        .cpu_utilisation = utilisation[METRICS_CPU],
        .mem_utilisation = utilisation[METRICS_MEM],
        .gpu_utilisation = utilisation[METRICS_GPU],
        .cpu_fragmentation = fragmentation_in(series, index, METRICS_CPU),
        .mem_fragmentation = fragmentation_in(series, index, METRICS_MEM),
        .gpu_fragmentation = fragmentation_in(series, index, METRICS_GPU),
        .queue = &series->queue[(size_t)index * series->schedulers],
        .queue_max = &series->queue_max[(size_t)index * series->schedulers],
        .busyness = &series->busyness[(size_t)index * series->schedulers],
    };
    return true;
}

const struct metrics_job *metrics_read_job(const struct metrics *metrics, uint64_t index)
{
    return index < metrics->job_count ? &metrics->jobs[index] : NULL;
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : __builtin_nan("");
}

double metrics_conflict_fraction(const struct metrics_scope *scope)
{
    return ratio((double)scope->transactions_conflicting, (double)scope->transactions_successful);
}

double metrics_claim_conflict_fraction(const struct metrics_scope *scope)
{
    return ratio((double)scope->claims_conflicting, (double)scope->claims);
}

double metrics_attempts_per_job(const struct metrics_scope *scope)
{
    return ratio((double)scope->attempts_begun, (double)scope->jobs_begun);
}

double metrics_busy_share(const struct metrics_scope *scope, int64_t busy_us, int64_t measured_us)
{
    return ratio((double)busy_us, (double)scope->instances * (double)measured_us);
}

double metrics_busyness(const struct metrics_scope *scope, int64_t measured_us)
{
    return metrics_busy_share(scope, scope->busy_us, measured_us);
}

int64_t metrics_busy_wasted(const struct metrics_scope *scope)
{
    return scope->busy_conflicting_us + scope->busy_refused_us;
}

double metrics_busyness_no_conflicts(const struct metrics_scope *scope, int64_t measured_us)
{
    return metrics_busy_share(scope, scope->busy_us - scope->busy_redone_us, measured_us);
}

int64_t metrics_job_got_us(const struct metrics_job *job)
{
    if (!job->mapreduce || job->fully_scheduled_us < 0 || job->asked_us == OMEGA_NEVER) {
        return -1;
    }
    return job->given_us > 0 ? job->given_us : job->asked_us;
}

int64_t metrics_speedup(const struct metrics_job *job)
{
    int64_t got_us = metrics_job_got_us(job);
    if (got_us <= 0) {
        return -1;
    }
    metrics_area speedup =
        ((metrics_area)job->asked_us * METRICS_SPEEDUP_ONE + got_us / 2) / got_us;
    return speedup < INT64_MAX ? (int64_t)speedup : INT64_MAX;
}

uint32_t metrics_claims_taken(const struct omega_result *result)
{
    if (result->conflicts == 0) {
        return 0;
    }
    return result->conflicts + (result->refused == 0 ? result->aborted : 0);
}
