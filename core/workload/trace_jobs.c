/* SPDX-License-Identifier: MIT */
/* Traces in memory: jobs, sorting, and what several readers and writers ask of a trace. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/workload/trace_private.h"

const char *trace_text(const struct trace *trace, uint32_t symbol)
{
    return symbols_text(catalogue_symbols(trace->catalogue), symbol);
}

int64_t trace_request_of(const struct omega_request *request, int resource)
{
    switch (resource) {
    case REPLAY_CPU:
        return request->cpu_milli;
    case REPLAY_MEM:
        return request->mem_mib;
    default:
        return (int64_t)request->gpu_devices * request->gpu_milli;
    }
}

int64_t trace_capacity(const struct trace *trace, int resource)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < trace->machine_count; i++) {
        const struct omega_machine_spec *machine = &trace->machines[i];
        struct omega_request all = {
            .cpu_milli = machine->cpu_milli,
            .mem_mib = machine->mem_mib,
            .gpu_devices = machine->gpu_devices,
            .gpu_milli = OMEGA_GPU_DEVICE_MILLI,
        };
        sum += machine->absent ? 0 : trace_request_of(&all, resource);
    }
    return sum;
}

/* True for an attribute that has a column of its own: platform or domain. */
static bool has_column(const struct trace *trace, const struct omega_machine_spec *machine,
                       const struct omega_attribute *attribute)
{
    const char *name = trace_text(trace, attribute->name);
    if (attribute->value == 0) {
        return false;
    }
    return (attribute->value == machine->platform && strcmp(name, "platform") == 0) ||
           (attribute->value == machine->domain && strcmp(name, "domain") == 0);
}

int trace_machine_attributes(const struct trace *trace, const struct omega_machine_spec *machine,
                             char *out, size_t size, omega_error_t *err)
{
    const struct omega_attribute_set *set =
        catalogue_attribute_set(trace->catalogue, machine->attributes);
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < set->count; i++) {
        const struct omega_attribute *attribute = &set->attributes[i];
        if (has_column(trace, machine, attribute)) {
            continue;
        }
        const char *value = trace_text(trace, attribute->value);
        int n = snprintf(out + used, size - used, "%s%s%s%s", used == 0 ? "" : ";",
                         trace_text(trace, attribute->name), *value == '\0' ? "" : "=", value);
        if (n < 0 || (size_t)n >= size - used) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "attributes of machine '%s' are longer than %zu bytes",
                                   trace_text(trace, machine->name), size - 1);
        }
        used += (size_t)n;
    }
    return OMEGA_OK;
}

/* True if a group's tasks all last equally long. */
static bool is_uniform(const struct omega_task_group *group)
{
    uint64_t slots = (uint64_t)group->count + group->optional;
    for (uint64_t i = 1; i < slots; i++) {
        if (group->task_duration_us[i] != group->task_duration_us[0]) {
            return false;
        }
    }
    return true;
}

/* Brings the durations of a sealed copy into the one form described in trace.h. Returns the job,
 * or a smaller copy where a list is no longer needed; NULL without memory. */
static struct omega_job *normalise(struct omega_job *job, struct omega_task_group *groups)
{
    bool smaller = false;
    for (uint32_t g = 0; g < job->group_count; g++) {
        if (groups[g].task_duration_us == NULL) {
            continue;
        }
        bool uniform = is_uniform(&groups[g]);
        groups[g].duration_us = uniform ? groups[g].task_duration_us[0] : 0;
        if (uniform) {
            groups[g].task_duration_us = NULL;
            smaller = true;
        }
    }
    if (!smaller) {
        return job;
    }
    struct omega_job *copy = omega_job_copy(job);
    free(job);
    return copy;
}

static int check_mapreduce(const struct omega_mapreduce *mapreduce, omega_error_t *err)
{
    if (mapreduce->map_mean_us < 0 || mapreduce->map_mean_us > OMEGA_DURATION_MAX ||
        mapreduce->reduce_mean_us < 0 || mapreduce->reduce_mean_us > OMEGA_DURATION_MAX) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "mean durations of %" PRId64 " us (map) and %" PRId64
                               " us (reduce), expected 0 to %" PRId64,
                               mapreduce->map_mean_us, mapreduce->reduce_mean_us,
                               OMEGA_DURATION_MAX);
    }
    return OMEGA_OK;
}

static int check_job(const struct trace *trace, const struct omega_job *job, omega_error_t *err)
{
    if (job->id == 0 || job->id > INT64_MAX) {
        return omega_error_set(err, OMEGA_EINVAL, "job id %" PRIu64 ", expected 1 to %" PRId64,
                               job->id, INT64_MAX);
    }
    if (job->submit_us < 0 || job->submit_us > TRACE_TIME_MAX) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "job submitted at %" PRId64 " us, expected 0 to %" PRId64,
                               job->submit_us, TRACE_TIME_MAX);
    }
    if (job->workload >= trace->workload_count) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "job of workload %" PRIu32 ", expected one below %" PRIu32,
                               job->workload, trace->workload_count);
    }
    if (job->group_count == 0 || job->group_count > OMEGA_GROUPS_MAX) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "job has %" PRIu32 " task groups, expected 1 to %u",
                               job->group_count, OMEGA_GROUPS_MAX);
    }
    for (uint32_t g = 0; g < job->group_count; g++) {
        size_t length =
            strlen(catalogue_constraints_text(trace->catalogue, job->groups[g].constraints));
        if (length > TRACE_NAME_MAX) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "constraints of %zu bytes, expected at most %u", length,
                                   TRACE_NAME_MAX);
        }
    }
    int rc = check_mapreduce(&job->mapreduce, err);
    return rc != OMEGA_OK ? rc : trace_check_name("user", trace_text(trace, job->user), true, err);
}

int trace_add_job(struct trace *trace, const struct omega_job *job, omega_error_t *err)
{
    int rc = check_job(trace, job, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    void *items = trace->jobs;
    rc = trace_grow(&items, trace->job_count, &trace->job_room, TRACE_JOBS_MAX, sizeof *trace->jobs,
                    "jobs", err);
    trace->jobs = items;
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct omega_job *copy = omega_job_copy(job);
    if (copy == NULL) {
        return trace_no_memory(err);
    }
    /* ours, as we have just made it */
    struct omega_task_group *groups = (struct omega_task_group *)(uintptr_t)copy->groups;
    rc = omega_job_seal(copy, groups, err);
    if (rc != OMEGA_OK) {
        free(copy);
        return rc;
    }
    copy = normalise(copy, groups);
    if (copy == NULL) {
        return trace_no_memory(err);
    }
    trace->jobs[trace->job_count++] = copy;
    return OMEGA_OK;
}

static bool events_are_sorted(const struct trace *trace)
{
    for (uint32_t i = 1; i < trace->event_count; i++) {
        if (trace->events[i].time_us < trace->events[i - 1].time_us) {
            return false;
        }
    }
    return true;
}

/* One pass of a merge sort: merges pairs of sorted runs of `width` events. */
static void merge_runs(const struct omega_machine_event *from, struct omega_machine_event *to,
                       size_t count, size_t width)
{
    for (size_t start = 0; start < count; start += 2 * width) {
        size_t middle = start + width < count ? start + width : count;
        size_t end = start + 2 * width < count ? start + 2 * width : count;
        size_t a = start;
        size_t b = middle;
        for (size_t i = start; i < end; i++) {
            bool first = a < middle && (b >= end || from[a].time_us <= from[b].time_us);
            to[i] = first ? from[a++] : from[b++];
        }
    }
}

int trace_sort_events(struct trace *trace, omega_error_t *err)
{
    if (events_are_sorted(trace)) {
        return OMEGA_OK;
    }
    struct omega_machine_event *other = calloc(trace->event_room, sizeof *other);
    if (other == NULL) {
        return trace_no_memory(err);
    }
    for (size_t width = 1; width < trace->event_count; width *= 2) {
        struct omega_machine_event *from = trace->events;
        merge_runs(from, other, trace->event_count, width);
        trace->events = other;
        other = from;
    }
    free(other);
    return OMEGA_OK;
}

int trace_check_events(const struct trace *trace, uint32_t *bad, omega_error_t *err)
{
    uint8_t *state = calloc((size_t)trace->machine_count + 1, 1);
    if (state == NULL) {
        return trace_no_memory(err);
    }
    for (uint32_t i = 0; i < trace->machine_count; i++) {
        state[i] = trace->machines[i].absent ? OMEGA_MACHINE_DOWN : OMEGA_MACHINE_UP;
    }
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < trace->event_count; i++) {
        const struct omega_machine_event *event = &trace->events[i];
        int after = omega_machine_state_after(state[event->machine], event->kind);
        if (after < 0) {
            *bad = i;
            rc = omega_error_set(err, OMEGA_EINVAL,
                                 "event '%s' of machine '%s' at %" PRId64 " us, which is %s then, "
                                 "expected add when down, drain when up, undrain when draining, "
                                 "remove or capacity when not down",
                                 omega_machine_event_name(event->kind),
                                 trace_text(trace, trace->machines[event->machine].name),
                                 event->time_us, omega_machine_state_name(state[event->machine]));
        } else {
            state[event->machine] = (uint8_t)after;
        }
    }
    free(state);
    return rc;
}

static int compare_ids(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return (*x > *y) - (*x < *y);
}

static int check_ids(const struct trace *trace, omega_error_t *err)
{
    uint64_t *ids = malloc(((size_t)trace->job_count + 1) * sizeof *ids);
    if (ids == NULL) {
        return trace_no_memory(err);
    }
    for (uint32_t i = 0; i < trace->job_count; i++) {
        ids[i] = trace->jobs[i]->id;
    }
    qsort(ids, trace->job_count, sizeof *ids, compare_ids);
    int rc = OMEGA_OK;
    for (uint32_t i = 1; rc == OMEGA_OK && i < trace->job_count; i++) {
        if (ids[i] == ids[i - 1]) {
            rc = omega_error_set(err, OMEGA_EINVAL,
                                 "job %" PRIu64 " comes twice, expected one of an id", ids[i]);
        }
    }
    free(ids);
    return rc;
}

static int compare_jobs(const void *a, const void *b)
{
    const struct omega_job *x = *(struct omega_job *const *)a;
    const struct omega_job *y = *(struct omega_job *const *)b;
    if (x->submit_us != y->submit_us) {
        return x->submit_us < y->submit_us ? -1 : 1;
    }
    return (x->id > y->id) - (x->id < y->id);
}

int trace_seal(struct trace *trace, omega_error_t *err)
{
    int rc = check_ids(trace, err);
    if (rc == OMEGA_OK) {
        rc = trace_sort_events(trace, err);
    }
    if (rc == OMEGA_OK) {
        uint32_t bad;
        rc = trace_check_events(trace, &bad, err);
    }
    if (rc == OMEGA_OK && trace->job_count > 0) {
        qsort(trace->jobs, trace->job_count, sizeof *trace->jobs, compare_jobs);
    }
    return rc;
}
