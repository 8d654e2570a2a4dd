/* SPDX-License-Identifier: MIT */
/* Figures about a trace: see trace_summary.h. Sums are 128-bit integers, so no figure depends on
 * the order in which they are added. */
#include "core/workload/trace_summary.h"

#include <stdlib.h>
#include <string.h>

#include "core/workload/trace_private.h"

typedef __int128 int128;

/* A value that several tasks have. */
struct sample {
    int64_t value;
    uint64_t weight;
};

struct samples {
    struct sample *items;
    size_t count;
    size_t room;
    uint64_t never;
};

double summary_share(double amount, int64_t capacity)
{
    return capacity == 0 ? 0 : amount / (double)capacity;
}

static int add_sample(struct samples *samples, int64_t value, uint64_t weight, omega_error_t *err)
{
    if (weight == 0) {
        return OMEGA_OK;
    }
    if (samples->count > 0 && samples->items[samples->count - 1].value == value) {
        samples->items[samples->count - 1].weight += weight;
        return OMEGA_OK;
    }
    if (samples->count == samples->room) {
        size_t room = samples->room == 0 ? 1024 : 2 * samples->room;
        struct sample *grown = realloc(samples->items, room * sizeof *grown);
        if (grown == NULL) {
            return trace_no_memory(err);
        }
        samples->items = grown;
        samples->room = room;
    }
    samples->items[samples->count++] = (struct sample){value, weight};
    return OMEGA_OK;
}

static int compare_samples(const void *a, const void *b)
{
    const struct sample *x = a;
    const struct sample *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

/* The value at rank ceil(percent / 100 x count) of sorted samples. */
static int64_t quantile(const struct samples *samples, uint64_t count, uint64_t percent)
{
    uint64_t rank = (count / 100) * percent + ((count % 100) * percent + 99) / 100;
    uint64_t passed = 0;
    for (size_t i = 0; i < samples->count; i++) {
        passed += samples->items[i].weight;
        if (passed >= rank) {
            return samples->items[i].value;
        }
    }
    return 0;
}

/* Sorts the samples and takes their figures; frees them. */
static void take_values(struct samples *samples, struct summary_values *values)
{
    int128 sum = 0;
    memset(values, 0, sizeof *values);
    values->never = samples->never;
    if (samples->count > 0) {
        qsort(samples->items, samples->count, sizeof *samples->items, compare_samples);
        for (size_t i = 0; i < samples->count; i++) {
            values->count += samples->items[i].weight;
            sum += (int128)samples->items[i].value * samples->items[i].weight;
        }
        values->mean = (double)sum / (double)values->count;
        values->p50 = quantile(samples, values->count, 50);
        values->p90 = quantile(samples, values->count, 90);
        values->p99 = quantile(samples, values->count, 99);
        values->max = samples->items[samples->count - 1].value;
    }
    free(samples->items);
    memset(samples, 0, sizeof *samples);
}

static int64_t request_value(const struct omega_task_group *group, int distribution)
{
    switch (distribution) {
    case SUMMARY_CPU:
        return trace_request_of(&group->request, REPLAY_CPU);
    case SUMMARY_MEM:
        return trace_request_of(&group->request, REPLAY_MEM);
    default:
        return trace_request_of(&group->request, REPLAY_GPU);
    }
}

static int add_durations(struct samples *samples, const struct omega_task_group *group,
                         omega_error_t *err)
{
    bool single = group->task_duration_us == NULL;
    uint32_t items = single ? 1 : group->count;
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < items; i++) {
        int64_t duration = omega_task_duration(group, group->first_task + i);
        uint64_t weight = single ? group->count : 1;
        if (duration == OMEGA_NEVER) {
            samples->never += weight;
        } else {
            rc = add_sample(samples, duration, weight, err);
        }
    }
    return rc;
}

/* Adds what one job gives to a distribution. */
static int add_job(struct samples *samples, const struct trace *trace, uint32_t index,
                   int distribution, omega_error_t *err)
{
    const struct omega_job *job = trace->jobs[index];
    if (distribution == SUMMARY_TASKS) {
        return add_sample(samples, job->tasks, 1, err);
    }
    if (distribution == SUMMARY_INTERARRIVAL) {
        return index == 0 ? OMEGA_OK
                          : add_sample(samples, job->submit_us - trace->jobs[index - 1]->submit_us,
                                       1, err);
    }
    if (distribution == SUMMARY_MAPS || distribution == SUMMARY_REDUCES) {
        const struct omega_mapreduce *numbers = &job->mapreduce;
        return !omega_job_is_mapreduce(job)
                   ? OMEGA_OK
                   : add_sample(samples,
                                distribution == SUMMARY_MAPS ? numbers->map_activities
                                                             : numbers->reduce_activities,
                                1, err);
    }
    int rc = OMEGA_OK;
    for (uint32_t g = 0; rc == OMEGA_OK && g < job->group_count; g++) {
        const struct omega_task_group *group = &job->groups[g];
        rc = distribution == SUMMARY_DURATION
                 ? add_durations(samples, group, err)
                 : add_sample(samples, request_value(group, distribution), group->count, err);
    }
    return rc;
}

static int add_distributions(const struct trace *trace, struct summary *summary, omega_error_t *err)
{
    struct samples samples = {0};
    for (int d = 0; d < SUMMARY_DISTRIBUTIONS; d++) {
        int rc = OMEGA_OK;
        for (uint32_t i = 0; rc == OMEGA_OK && i < trace->job_count; i++) {
            rc = add_job(&samples, trace, i, d, err);
        }
        take_values(&samples, &summary->values[d]);
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    return OMEGA_OK;
}

static int count_users(const struct trace *trace, uint64_t *users, omega_error_t *err)
{
    uint8_t *seen = calloc(symbols_count(catalogue_symbols(trace->catalogue)), 1);
    if (seen == NULL) {
        return trace_no_memory(err);
    }
    seen[0] = 1; /* unknown */
    for (uint32_t i = 0; i < trace->job_count; i++) {
        uint8_t *user = &seen[trace->jobs[i]->user];
        *users += *user == 0;
        *user = 1;
    }
    free(seen);
    return OMEGA_OK;
}

static void count_jobs(const struct trace *trace, struct summary *summary)
{
    int128 demand[SUMMARY_RESOURCES] = {0};
    for (uint32_t i = 0; i < trace->job_count; i++) {
        const struct omega_job *job = trace->jobs[i];
        summary->groups += job->group_count;
        summary->tasks += job->tasks;
        summary->optional += job->slots - job->tasks;
        summary->workloads[job->workload].jobs++;
        summary->workloads[job->workload].tasks += job->tasks;
        for (uint32_t g = 0; g < job->group_count; g++) {
            for (int r = 0; r < SUMMARY_RESOURCES; r++) {
                demand[r] +=
                    (int128)job->groups[g].count * trace_request_of(&job->groups[g].request, r);
            }
        }
    }
    for (int r = 0; r < SUMMARY_RESOURCES; r++) {
        summary->demand[r] = (double)demand[r];
    }
    if (trace->job_count > 0) {
        summary->first_us = trace->jobs[0]->submit_us;
        summary->last_us = trace->jobs[trace->job_count - 1]->submit_us;
    }
}

static void count_cell(const struct trace *trace, struct summary *summary)
{
    for (uint32_t i = 0; i < trace->machine_count; i++) {
        summary->absent += trace->machines[i].absent != 0;
        summary->gpu_devices += trace->machines[i].absent ? 0 : trace->machines[i].gpu_devices;
    }
    for (uint32_t i = 0; i < trace->event_count; i++) {
        summary->events[trace->events[i].kind]++;
    }
    for (int r = 0; r < SUMMARY_RESOURCES; r++) {
        summary->capacity[r] = trace_capacity(trace, r);
    }
}

/* Resource x time of the slices. */
struct integrals {
    int128 amount[SUMMARY_SLICES][SUMMARY_RESOURCES];
};

/* Adds `count` tasks that run from `start_us` for `duration_us`. */
static void add_running(struct integrals *integrals, const struct summary *summary,
                        const struct omega_request *request, uint64_t count, int64_t start_us,
                        int64_t duration_us)
{
    int64_t end_us = duration_us > TRACE_TIME_MAX ? INT64_MAX : start_us + duration_us;
    for (uint32_t s = 0; s < summary->slices; s++) {
        int64_t from = start_us > summary->slice_us[s] ? start_us : summary->slice_us[s];
        int64_t to = end_us < summary->slice_us[s + 1] ? end_us : summary->slice_us[s + 1];
        for (int r = 0; from < to && r < SUMMARY_RESOURCES; r++) {
            int128 amount = (int128)trace_request_of(request, r) * count;
            integrals->amount[s][r] += amount * (to - from);
        }
    }
}

static void add_load_of(struct integrals *integrals, const struct summary *summary,
                        const struct omega_job *job)
{
    for (uint32_t g = 0; g < job->group_count; g++) {
        const struct omega_task_group *group = &job->groups[g];
        if (group->task_duration_us == NULL) {
            add_running(integrals, summary, &group->request, group->count, job->submit_us,
                        group->duration_us);
            continue;
        }
        for (uint32_t i = 0; i < group->count; i++) {
            add_running(integrals, summary, &group->request, 1, job->submit_us,
                        group->task_duration_us[i]);
        }
    }
}

static void add_load(const struct trace *trace, struct summary *summary)
{
    struct integrals integrals = {0};
    int64_t span_us = summary->last_us - summary->first_us;
    if (span_us < SUMMARY_SLICES) {
        return;
    }
    summary->slices = SUMMARY_SLICES;
    for (uint32_t s = 0; s <= SUMMARY_SLICES; s++) {
        summary->slice_us[s] = summary->first_us + (int64_t)((int128)span_us * s / SUMMARY_SLICES);
    }
    for (uint32_t i = 0; i < trace->job_count; i++) {
        add_load_of(&integrals, summary, trace->jobs[i]);
    }
    for (uint32_t s = 0; s < SUMMARY_SLICES; s++) {
        double width = (double)(summary->slice_us[s + 1] - summary->slice_us[s]);
        for (int r = 0; r < SUMMARY_RESOURCES; r++) {
            double mean = (double)integrals.amount[s][r] / width;
            summary->load[s][r] = summary_share(mean, summary->capacity[r]);
        }
    }
}

int summary_of(const struct trace *trace, struct summary *summary, omega_error_t *err)
{
    memset(summary, 0, sizeof *summary);
    count_jobs(trace, summary);
    count_cell(trace, summary);
    int rc = count_users(trace, &summary->users, err);
    if (rc == OMEGA_OK) {
        rc = add_distributions(trace, summary, err);
    }
    if (rc == OMEGA_OK) {
        rc = trace_digest(trace, summary->digest, err);
    }
    if (rc == OMEGA_OK) {
        add_load(trace, summary);
    }
    return rc;
}
