/* SPDX-License-Identifier: MIT */
/*
 * Format csv: jobs.csv. A row is a task group; rows of one job follow each other, as groups 0, 1, 2
 * and so on, and repeat what they say about the job.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/map.h"
#include "core/workload/csv.h"
#include "core/workload/readers.h"
#include "core/workload/trace_private.h"

enum column {
    COLUMN_JOB,
    COLUMN_SUBMIT_US,
    COLUMN_WORKLOAD,
    COLUMN_USER,
    COLUMN_PRECEDENCE,
    COLUMN_GROUP,
    COLUMN_TASKS,
    COLUMN_OPTIONAL,
    COLUMN_CPU_MILLI,
    COLUMN_MEM_MIB,
    COLUMN_GPU_DEVICES,
    COLUMN_GPU_MILLI,
    COLUMN_DURATION_US,
    COLUMN_CONSTRAINTS,
    COLUMN_MAP_ACTIVITIES, /* from here on only where some job has them */
    COLUMN_REDUCE_ACTIVITIES,
    COLUMN_MAP_MEAN_US,
    COLUMN_REDUCE_MEAN_US,
    COLUMN_WORKERS_ASKED,
};

const char *const reader_csv_job_columns[] = {
    [COLUMN_JOB] = "job",
    [COLUMN_SUBMIT_US] = "submit_us",
    [COLUMN_WORKLOAD] = "workload",
    [COLUMN_USER] = "user",
    [COLUMN_PRECEDENCE] = "precedence",
    [COLUMN_GROUP] = "group",
    [COLUMN_TASKS] = "tasks",
    [COLUMN_OPTIONAL] = "optional",
    [COLUMN_CPU_MILLI] = "cpu_milli",
    [COLUMN_MEM_MIB] = "mem_mib",
    [COLUMN_GPU_DEVICES] = "gpu_devices",
    [COLUMN_GPU_MILLI] = "gpu_milli",
    [COLUMN_DURATION_US] = "duration_us",
    [COLUMN_CONSTRAINTS] = "constraints",
    [COLUMN_MAP_ACTIVITIES] = "map_activities",
    [COLUMN_REDUCE_ACTIVITIES] = "reduce_activities",
    [COLUMN_MAP_MEAN_US] = "map_mean_us",
    [COLUMN_REDUCE_MEAN_US] = "reduce_mean_us",
    [COLUMN_WORKERS_ASKED] = "workers_asked",
};

/* The job whose rows are being read. */
struct pending {
    struct trace *trace;
    struct csv *csv;
    struct omega_job job; /* id 0: none */
    long line;            /* of its last row */
    struct omega_task_group *groups;
    uint32_t group_room;
    int64_t *durations; /* of all groups that have a list, one behind the other */
    size_t duration_count;
    size_t duration_room;
    size_t listed[OMEGA_GROUPS_MAX]; /* where a group's list starts; SIZE_MAX without one */
    struct map seen;                 /* ids of jobs read */
};

static int read_mapreduce(const struct csv *csv, struct omega_mapreduce *mapreduce,
                          omega_error_t *err)
{
    static const int64_t max[] = {UINT32_MAX, UINT32_MAX, OMEGA_DURATION_MAX, OMEGA_DURATION_MAX,
                                  UINT32_MAX};
    int64_t value[sizeof max / sizeof *max];
    if (csv->count <= COLUMN_MAP_ACTIVITIES) {
        return OMEGA_OK;
    }
    for (uint32_t i = 0; i < sizeof max / sizeof *max; i++) {
        int rc = csv_integer_or(csv, COLUMN_MAP_ACTIVITIES + i, 0, max[i], 0, &value[i], err);
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    mapreduce->map_activities = (uint32_t)value[0];
    mapreduce->reduce_activities = (uint32_t)value[1];
    mapreduce->map_mean_us = value[2];
    mapreduce->reduce_mean_us = value[3];
    mapreduce->workers_asked = (uint32_t)value[4];
    return OMEGA_OK;
}

/* Reads what a row says about its job. */
static int read_job_fields(struct pending *pending, struct omega_job *job, omega_error_t *err)
{
    const struct csv *csv = pending->csv;
    omega_error_t cause = {0};
    int64_t id;
    int64_t precedence;
    int rc = csv_integer(csv, COLUMN_JOB, 1, INT64_MAX, &id, err);
    if (rc == OMEGA_OK) {
        rc = csv_integer(csv, COLUMN_SUBMIT_US, 0, TRACE_TIME_MAX, &job->submit_us, err);
    }
    if (rc == OMEGA_OK) {
        rc = csv_integer(csv, COLUMN_PRECEDENCE, INT32_MIN, INT32_MAX, &precedence, err);
    }
    if (rc == OMEGA_OK) {
        rc = read_mapreduce(csv, &job->mapreduce, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    job->id = (uint64_t)id;
    job->precedence = (int32_t)precedence;
    job->user =
        symbols_intern(catalogue_symbols(pending->trace->catalogue), csv->fields[COLUMN_USER]);
    if (job->user == SYMBOL_NONE) {
        return trace_no_memory(err);
    }
    rc = trace_workload(pending->trace, csv->fields[COLUMN_WORKLOAD], &job->workload, &cause);
    return rc == OMEGA_OK ? rc : csv_fail_with(csv, &cause, err);
}

static int add_duration(struct pending *pending, int64_t duration_us, omega_error_t *err)
{
    if (pending->duration_count == pending->duration_room) {
        size_t room = pending->duration_room == 0 ? 64 : 2 * pending->duration_room;
        int64_t *grown = realloc(pending->durations, room * sizeof *grown);
        if (grown == NULL) {
            return trace_no_memory(err);
        }
        pending->durations = grown;
        pending->duration_room = room;
    }
    pending->durations[pending->duration_count++] = duration_us;
    return OMEGA_OK;
}

static bool parse_duration(const char *text, size_t length, int64_t *duration_us)
{
    *duration_us = OMEGA_NEVER;
    return length == 0 || csv_parse_integer(text, length, 0, OMEGA_DURATION_MAX, duration_us);
}

/* "a;b;c": one for each task, where an empty one never ends. */
static int read_duration_list(struct pending *pending, uint64_t slots, omega_error_t *err)
{
    const char *at = pending->csv->fields[COLUMN_DURATION_US];
    uint64_t count = 0;
    for (bool last = false; !last; count++) {
        size_t length = strcspn(at, ";");
        int64_t duration_us;
        if (!parse_duration(at, length, &duration_us)) {
            return csv_fail(pending->csv, OMEGA_EINVAL, err,
                            "duration_us of task %" PRIu64 " is '%.*s', expected an integer of 0 "
                            "to %" PRId64 ", or nothing where it never ends",
                            count, length < 40 ? (int)length : 40, at, OMEGA_DURATION_MAX);
        }
        int rc = count < slots ? add_duration(pending, duration_us, err) : OMEGA_OK;
        if (rc != OMEGA_OK) {
            return rc;
        }
        last = at[length] == '\0';
        at += length + 1;
    }
    if (count != slots) {
        return csv_fail(pending->csv, OMEGA_EINVAL, err,
                        "%" PRIu64 " durations, expected one, or one for each of the %" PRIu64
                        " tasks, optional ones included",
                        count, slots);
    }
    return OMEGA_OK;
}

static int read_durations(struct pending *pending, struct omega_task_group *group, size_t *listed,
                          omega_error_t *err)
{
    const char *text = pending->csv->fields[COLUMN_DURATION_US];
    *listed = SIZE_MAX;
    if (strchr(text, ';') != NULL) {
        *listed = pending->duration_count;
        return read_duration_list(pending, (uint64_t)group->count + group->optional, err);
    }
    return csv_integer_or(pending->csv, COLUMN_DURATION_US, 0, OMEGA_DURATION_MAX, OMEGA_NEVER,
                          &group->duration_us, err);
}

static int read_request(const struct csv *csv, struct omega_request *request, omega_error_t *err)
{
    static const int64_t max[] = {OMEGA_CPU_MILLI_MAX, OMEGA_MEM_MIB_MAX, OMEGA_GPU_DEVICES_MAX,
                                  OMEGA_GPU_DEVICE_MILLI};
    int64_t value[4];
    for (uint32_t i = 0; i < 4; i++) {
        int rc = csv_integer(csv, COLUMN_CPU_MILLI + i, 0, max[i], &value[i], err);
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    request->cpu_milli = (int32_t)value[0];
    request->mem_mib = (int32_t)value[1];
    request->gpu_devices = (uint8_t)value[2];
    request->gpu_milli = (int16_t)value[3];
    return OMEGA_OK;
}

/* Reads what a row says about its group, behind the groups read before. */
static int read_group(struct pending *pending, omega_error_t *err)
{
    const struct csv *csv = pending->csv;
    struct omega_task_group group = {0};
    omega_error_t cause = {0};
    int64_t tasks;
    int64_t optional;
    int rc = csv_integer(csv, COLUMN_TASKS, 0, OMEGA_TASKS_MAX, &tasks, err);
    if (rc == OMEGA_OK) {
        rc = csv_integer(csv, COLUMN_OPTIONAL, 0, OMEGA_TASKS_MAX, &optional, err);
    }
    if (rc == OMEGA_OK) {
        rc = read_request(csv, &group.request, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    group.count = (uint32_t)tasks;
    group.optional = (uint32_t)optional;
    if (catalogue_constraints(pending->trace->catalogue, csv->fields[COLUMN_CONSTRAINTS],
                              &group.constraints, &cause) != OMEGA_OK) {
        return csv_fail_with(csv, &cause, err);
    }
    uint32_t g = pending->job.group_count;
    void *items = pending->groups;
    rc = trace_grow(&items, g, &pending->group_room, OMEGA_GROUPS_MAX, sizeof group, "task groups",
                    &cause);
    pending->groups = items;
    if (rc != OMEGA_OK) {
        return csv_fail_with(csv, &cause, err);
    }
    rc = read_durations(pending, &group, &pending->listed[g], err);
    pending->groups[g] = group;
    pending->job.group_count++;
    return rc;
}

/* Adds the job whose rows have been read to the trace. */
static int finish_job(struct pending *pending, omega_error_t *err)
{
    if (pending->job.id == 0) {
        return OMEGA_OK;
    }
    for (uint32_t g = 0; g < pending->job.group_count; g++) {
        if (pending->listed[g] != SIZE_MAX) {
            pending->groups[g].task_duration_us = pending->durations + pending->listed[g];
        }
    }
    omega_error_t cause = {0};
    pending->job.groups = pending->groups;
    if (trace_add_job(pending->trace, &pending->job, &cause) != OMEGA_OK) {
        return omega_error_set_at(err, cause.code, pending->csv->name, pending->line, "%s",
                                  cause.text);
    }
    return OMEGA_OK;
}

static int start_job(struct pending *pending, const struct omega_job *job, omega_error_t *err)
{
    if (map_get(&pending->seen, job->id) != NULL) {
        return csv_fail(pending->csv, OMEGA_EINVAL, err,
                        "job %" PRIu64 " again, expected its rows one behind the other", job->id);
    }
    pending->job = *job;
    pending->duration_count = 0;
    return map_put(&pending->seen, job->id, pending) == 0 ? OMEGA_OK : trace_no_memory(err);
}

/* A further row of the same job must say the same about it. */
static int check_same_job(const struct pending *pending, const struct omega_job *job,
                          omega_error_t *err)
{
    const struct omega_job *first = &pending->job;
    const struct omega_mapreduce *a = &first->mapreduce;
    const struct omega_mapreduce *b = &job->mapreduce;
    bool same = first->submit_us == job->submit_us && first->workload == job->workload &&
                first->user == job->user && first->precedence == job->precedence &&
                a->map_activities == b->map_activities &&
                a->reduce_activities == b->reduce_activities && a->map_mean_us == b->map_mean_us &&
                a->reduce_mean_us == b->reduce_mean_us && a->workers_asked == b->workers_asked;
    if (!same) {
        return csv_fail(pending->csv, OMEGA_EINVAL, err,
                        "job %" PRIu64 " differs from its row before, expected the same submit_us, "
                        "workload, user, precedence and MapReduce numbers",
                        job->id);
    }
    return OMEGA_OK;
}

static int read_row(struct pending *pending, omega_error_t *err)
{
    struct omega_job job = {0};
    int64_t group;
    int rc = read_job_fields(pending, &job, err);
    if (rc == OMEGA_OK) {
        rc = csv_integer(pending->csv, COLUMN_GROUP, 0, OMEGA_GROUPS_MAX - 1, &group, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (job.id == pending->job.id) {
        rc = check_same_job(pending, &job, err);
    } else {
        rc = finish_job(pending, err);
        rc = rc == OMEGA_OK ? start_job(pending, &job, err) : rc;
    }
    if (rc == OMEGA_OK && group != (int64_t)pending->job.group_count) {
        rc = csv_fail(pending->csv, OMEGA_EINVAL, err,
                      "group %" PRId64 " of job %" PRIu64 ", expected %" PRIu32, group, job.id,
                      pending->job.group_count);
    }
    pending->line = pending->csv->line;
    return rc == OMEGA_OK ? read_group(pending, err) : rc;
}

int reader_csv_jobs(struct trace *trace, FILE *stream, const char *name, omega_error_t *err)
{
    struct csv csv;
    csv_init(&csv, stream, name);
    struct pending *pending = calloc(1, sizeof *pending);
    if (pending == NULL) {
        return trace_no_memory(err);
    }
    pending->trace = trace;
    pending->csv = &csv;
    int rc = csv_header(&csv, reader_csv_job_columns, READER_CSV_JOB_COLUMNS,
                        READER_CSV_JOB_COLUMNS_MAPREDUCE, err);
    while (rc == OMEGA_OK) {
        int got = csv_next(&csv, err);
        if (got != 1) {
            rc = got == 0 ? finish_job(pending, err) : got;
            break;
        }
        rc = read_row(pending, err);
    }
    map_clear(&pending->seen);
    free(pending->groups);
    free(pending->durations);
    free(pending);
    csv_release(&csv);
    return rc;
}
