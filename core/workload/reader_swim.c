/* SPDX-License-Identifier: MIT */
/*
 * Format swim: samples of Facebook's MapReduce traces as SWIM publishes them (workloadSuite), one
 * row a job with the bytes that it moves. How many activities those were, how long they took and
 * how many workers the job asked for is not there; what is assumed is described in
 * core/workload/README.md, and counted as notes of the trace.
 */
#include <inttypes.h>
#include <string.h>

#include "core/workload/csv.h"
#include "core/workload/readers.h"
#include "core/workload/trace_private.h"

#define SECOND_US INT64_C(1000000)
#define SECONDS_MAX (TRACE_TIME_MAX / SECOND_US)
#define BYTES_MAX (INT64_C(1) << 56)

#define MAP_BYTES (INT64_C(1) << 26)     /* of input: a block of HDFS in 2009 */
#define REDUCE_BYTES INT64_C(1000000000) /* of shuffle: Hive's default */
#define REDUCES_MAX 999                  /* Hive's default */
#define BYTES_PER_S INT64_C(1300000)     /* that an activity moves */
#define ACTIVITY_MIN_US SECOND_US
#define WORKERS_MAX 10000u /* of a job, optional ones included */
#define WORKER_CPU_MILLI 1000
#define WORKER_MEM_MIB 2048

enum column {
    COLUMN_JOB,
    COLUMN_SUBMIT,
    COLUMN_GAP,
    COLUMN_INPUT,
    COLUMN_SHUFFLE,
    COLUMN_OUTPUT,
    COLUMN_INPUT_PATH, /* in the samples that have paths */
    COLUMN_OUTPUT_PATH,
    COLUMNS,
};

#define COLUMNS_WITHOUT_PATHS COLUMN_INPUT_PATH

/* For messages: the rows have no header. */
static const char *const columns[COLUMNS] = {"job",        "submission", "gap",
                                             "map input",  "shuffle",    "reduce output",
                                             "input path", "output path"};

struct row {
    int64_t submit_s;
    int64_t input;
    int64_t shuffle;
    int64_t output;
};

static int read_row(struct csv *csv, struct row *row, omega_error_t *err)
{
    int64_t gap;
    if (csv->count != COLUMNS_WITHOUT_PATHS && csv->count != COLUMNS) {
        return csv_fail(csv, OMEGA_EINVAL, err,
                        "%" PRIu32 " fields, expected 6 with tabs between them (job, submission, "
                        "gap, map input, shuffle and reduce output), or 8 with two paths",
                        csv->count);
    }
    int rc = csv_integer(csv, COLUMN_SUBMIT, 0, SECONDS_MAX, &row->submit_s, err);
    rc = rc == OMEGA_OK ? csv_integer(csv, COLUMN_GAP, 0, SECONDS_MAX, &gap, err) : rc;
    rc = rc == OMEGA_OK ? csv_integer(csv, COLUMN_INPUT, 0, BYTES_MAX, &row->input, err) : rc;
    rc = rc == OMEGA_OK ? csv_integer(csv, COLUMN_SHUFFLE, 0, BYTES_MAX, &row->shuffle, err) : rc;
    return rc == OMEGA_OK ? csv_integer(csv, COLUMN_OUTPUT, 0, BYTES_MAX, &row->output, err) : rc;
}

static int64_t quotient_up(int64_t number, int64_t by)
{
    return number / by + (number % by != 0);
}

/* The mean duration of activities that move so many bytes together. */
static int64_t mean_us(struct trace *trace, int64_t bytes, uint32_t activities)
{
    omega_mapreduce_work us = (omega_mapreduce_work)bytes * (omega_mapreduce_work)SECOND_US;
    int64_t mean = omega_mapreduce_share(us, (uint64_t)BYTES_PER_S * activities);
    if (mean < ACTIVITY_MIN_US) {
        trace_note(trace, "mean duration of the activities of a phase raised to 1 s", 1);
        return ACTIVITY_MIN_US;
    }
    return mean;
}

static void set_activities(struct trace *trace, const struct row *row,
                           struct omega_mapreduce *numbers)
{
    int64_t maps = quotient_up(row->input, MAP_BYTES);
    int64_t reduces = quotient_up(row->shuffle, REDUCE_BYTES);
    trace_note(trace, "map activities are map input bytes / 64 MiB, rounded up", 1);
    if (maps == 0) {
        trace_note(trace, "job without input got one map activity", 1);
        maps = 1;
    }
    if (reduces == 0) {
        trace_note(trace, "job without shuffle has no reduce activities; its maps write the output",
                   1);
    } else {
        trace_note(trace, "reduce activities are shuffle bytes / 10^9, rounded up", 1);
    }
    if (reduces > REDUCES_MAX) {
        trace_note(trace, "more reduce activities cut to 999", 1);
        reduces = REDUCES_MAX;
    }
    numbers->map_activities = (uint32_t)maps;
    numbers->reduce_activities = (uint32_t)reduces;
    numbers->map_mean_us =
        mean_us(trace, row->input + (reduces == 0 ? row->output : 0), numbers->map_activities);
    if (reduces > 0) {
        numbers->reduce_mean_us =
            mean_us(trace, row->shuffle + row->output, numbers->reduce_activities);
    }
    trace_note(trace, "an activity moves 1.3 MB/s of input, shuffle and output", 1);
}

/* The numbers of workers that are asked for most often, after the Omega paper, and one alone. */
static uint32_t customary_workers(const struct omega_mapreduce *numbers)
{
    static const uint32_t customary[] = {1000, 200, 11, 5};
    uint32_t useful = omega_mapreduce_useful(numbers);
    for (size_t i = 0; i < sizeof customary / sizeof *customary; i++) {
        if (customary[i] <= useful) {
            return customary[i];
        }
    }
    return 1;
}

static void set_workers(struct trace *trace, struct omega_mapreduce *numbers,
                        struct omega_task_group *group)
{
    numbers->workers_asked = customary_workers(numbers);
    trace_note(trace,
               "workers asked for are the largest of 1, 5, 11, 200 and 1000 that is not above the "
               "activities of the larger phase",
               1);
    group->count = numbers->workers_asked;
    group->optional = omega_mapreduce_optional(numbers, WORKERS_MAX);
    if (omega_mapreduce_useful(numbers) > WORKERS_MAX) {
        trace_note(trace, "optional workers cut to 10000 in all", 1);
    }
    group->duration_us = omega_mapreduce_duration(numbers, numbers->workers_asked);
    trace_note(trace, "duration is the performance model's for the workers asked for", 1);
    trace_note(trace, "a worker asks for 1 core and 2 GiB", 1);
}

static int add_job(struct trace *trace, struct csv *csv, uint64_t number, omega_error_t *err)
{
    struct row row;
    struct omega_task_group group = {
        .request = {.cpu_milli = WORKER_CPU_MILLI, .mem_mib = WORKER_MEM_MIB}};
    struct omega_job job = {.id = number, .precedence = 100, .group_count = 1, .groups = &group};
    omega_error_t cause = {0};
    int rc = read_row(csv, &row, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    job.submit_us = row.submit_s * SECOND_US;
    set_activities(trace, &row, &job.mapreduce);
    set_workers(trace, &job.mapreduce, &group);
    trace_note(trace, "row became a MapReduce job of an unknown user with its number as its id", 1);
    rc = trace_workload(trace, "mapreduce", &job.workload, &cause);
    rc = rc == OMEGA_OK ? trace_add_job(trace, &job, &cause) : rc;
    return rc == OMEGA_OK ? rc : csv_fail_with(csv, &cause, err);
}

int reader_swim_jobs(struct trace *trace, FILE *stream, const char *name, omega_error_t *err)
{
    struct csv csv;
    uint64_t rows = 0;
    int rc = 1;
    csv_init(&csv, stream, name);
    csv.separator = '\t';
    memcpy(csv.columns, columns, sizeof columns);
    while (rc > 0) {
        rc = csv_next(&csv, err);
        if (rc > 0) {
            int added = add_job(trace, &csv, ++rows, err);
            rc = added == OMEGA_OK ? 1 : added;
        }
    }
    csv_release(&csv);
    return rc;
}

static int read_swim(struct trace *trace, const char *const *inputs, uint32_t count,
                     omega_error_t *err)
{
    if (count != 1) {
        return omega_error_set(err, OMEGA_EINVAL, "%u input files for format swim, expected: %s",
                               count, reader_swim.inputs);
    }
    return readers_parse_file(reader_swim_jobs, trace, inputs[0], err);
}

const struct trace_reader reader_swim = {
    .format = "swim",
    .inputs = "SAMPLE.tsv",
    .summary = "SWIM's samples of Facebook's MapReduce traces (FB-2009, FB-2010)",
    .read = read_swim,
};
