/* SPDX-License-Identifier: MIT */
/* What an experiment records besides its results: histograms, series, jobs. See outputs.h. */
#include <inttypes.h>

#include "core/experiment/outputs.h"
#include "core/metrics/conflicts.h"

/* ---- histograms.jsonl ---- */

struct bucket_writer {
    FILE *out;
    bool any;
};

static void put_bucket(void *context, int64_t low, int64_t high, uint64_t count)
{
    struct bucket_writer *writer = context;
    fprintf(writer->out, "%s[%" PRId64 ",%" PRId64 ",%" PRIu64 "]", writer->any ? "," : "", low,
            high, count);
    writer->any = true;
}

static void put_histogram(const struct point *point, const char *scheduler, const char *name,
                          const char *unit, const struct histogram *histogram, FILE *out)
{
    struct bucket_writer writer = {.out = out};
    struct row row = {0};
    row_text(&row, "variant", point->variant);
    row_count(&row, "seed", point->seed);
    row_parameters(&row, &point->parameters);
    row_text(&row, "scheduler", scheduler);
    row_text(&row, "histogram", name);
    row_text(&row, "unit", unit);
    row_count(&row, "count", histogram_count(histogram));
    row_count(&row, "censored", histogram_censored(histogram));
    row_begin_json(&row, out);
    fputs(",\"buckets\":[", out);
    histogram_each(histogram, put_bucket, &writer);
    writer.any = false;
    fputs("],\"censored_buckets\":[", out);
    histogram_each_censored(histogram, put_bucket, &writer);
    fputs("]}\n", out);
}

void records_histograms(const struct point_result *result, FILE *out)
{
    for (uint32_t i = 0; i < metrics_scheduler_count(result->metrics); i++) {
        struct metrics_scope scope;
        metrics_read_scheduler(result->metrics, i, &scope);
        const struct point *point = result->point;
        put_histogram(point, scope.name, "wait_first", "us", scope.wait_first, out);
        put_histogram(point, scope.name, "wait_full", "us", scope.wait_full, out);
        put_histogram(point, scope.name, "queued", "us", scope.queued, out);
        put_histogram(point, scope.name, "attempts_settled", "attempts", scope.attempts_settled,
                      out);
        put_histogram(point, scope.name, "view_age", "us", scope.view_age, out);
        put_histogram(point, scope.name, "view_age_versions", "versions", scope.view_age_versions,
                      out);
        if (scope.mapreduce_jobs > 0) {
            put_histogram(point, scope.name, "speedup", "thousandths", scope.speedup, out);
        }
        struct metrics_conflicts conflicts;
        metrics_read_scheduler_conflicts(result->metrics, i, &conflicts);
        put_histogram(point, scope.name, "view_age_conflicting", "us", conflicts.view_age, out);
        put_histogram(point, scope.name, "view_age_conflicting_versions", "versions",
                      conflicts.view_age_versions, out);
    }
}

/* ---- series.csv: a row of the cell and one of each scheduler for every step ---- */

static const char *const series_columns[] = {"variant",
                                             "seed",
                                             ROW_PARAMETERS_COLUMN,
                                             "start_s",
                                             "end_s",
                                             "scope",
                                             "name",
                                             "cpu_utilisation",
                                             "mem_utilisation",
                                             "gpu_utilisation",
                                             "queue",
                                             "busyness",
                                             "queue_max",
                                             "cpu_fragmentation",
                                             "mem_fragmentation",
                                             "gpu_fragmentation",
                                             NULL};

void records_series_head(const struct parameters *parameters, FILE *out)
{
    row_write_head(series_columns, parameters, out);
}

static void begin_sample(struct row *row, const struct point *point,
                         const struct metrics_sample *sample, const char *scope, const char *name)
{
    row->size = 0;
    row_text(row, "variant", point->variant);
    row_count(row, "seed", point->seed);
    row_parameters(row, &point->parameters);
    row_seconds(row, "start_s", (double)sample->start_us);
    row_seconds(row, "end_s", (double)sample->end_us);
    row_text(row, "scope", scope);
    row_text(row, "name", name);
}

void records_series(const struct point_result *result, FILE *out)
{
    struct metrics_sample sample;
    struct row row;
    for (uint32_t i = 0; metrics_read_sample(result->metrics, i, &sample); i++) {
        begin_sample(&row, result->point, &sample, "cell", "cell");
        row_real(&row, "cpu_utilisation", sample.cpu_utilisation);
        row_real(&row, "mem_utilisation", sample.mem_utilisation);
        row_real(&row, "gpu_utilisation", sample.gpu_utilisation);
        row_real(&row, "cpu_fragmentation", sample.cpu_fragmentation);
        row_real(&row, "mem_fragmentation", sample.mem_fragmentation);
        row_real(&row, "gpu_fragmentation", sample.gpu_fragmentation);
        row_write_csv(&row, series_columns, out);
        for (uint32_t s = 0; s < metrics_scheduler_count(result->metrics); s++) {
            begin_sample(&row, result->point, &sample, "scheduler",
                         result->point->metrics.schedulers[s]);
            row_real(&row, "queue", sample.queue[s]);
            row_real(&row, "busyness", sample.busyness[s]);
            row_count(&row, "queue_max", sample.queue_max[s]);
            row_write_csv(&row, series_columns, out);
        }
    }
}

/* ---- jobs.csv ---- */

#define JOB_COLUMNS                                                                                \
    "variant", "seed", ROW_PARAMETERS_COLUMN, "job", "workload", "scheduler", "submitted_us",      \
        "first_attempt_us", "fully_scheduled_us", "attempts", "conflicts", "tasks", "placed",      \
        "outcome", "task_attempts", "unplaced", "queued_us"

static const char *const job_columns[] = {JOB_COLUMNS, NULL};
static const char *const mapreduce_job_columns[] = {JOB_COLUMNS, "asked_us", "got_us", "speedup",
                                                    NULL};

void records_jobs_head(bool mapreduce, const struct parameters *parameters, FILE *out)
{
    row_write_head(mapreduce ? mapreduce_job_columns : job_columns, parameters, out);
}

/* A time that never came is empty. */
static void add_time(struct row *row, const char *key, int64_t time_us)
{
    if (time_us >= 0) {
        row_whole(row, key, time_us);
    }
}

static void add_speedup(struct row *row, const struct metrics_job *job)
{
    int64_t got_us = metrics_job_got_us(job);
    if (got_us > 0) {
        row_whole(row, "asked_us", job->asked_us);
        row_whole(row, "got_us", got_us);
        row_real(row, "speedup", (double)job->asked_us / (double)got_us);
    }
}

void records_jobs(const struct point_result *result, bool mapreduce, FILE *out)
{
    static const char *const outcomes[] = {"finished", "running", "pending", "abandoned", "failed"};
    const struct metrics_config *names = &result->point->metrics;
    const struct metrics_job *job;
    struct row row;
    for (uint64_t i = 0; (job = metrics_read_job(result->metrics, i)) != NULL; i++) {
        row.size = 0;
        row_text(&row, "variant", result->point->variant);
        row_count(&row, "seed", result->point->seed);
        row_parameters(&row, &result->point->parameters);
        row_count(&row, "job", job->job);
        row_text(&row, "workload", names->workloads[job->workload]);
        row_text(&row, "scheduler", names->schedulers[job->scheduler]);
        row_whole(&row, "submitted_us", job->submitted_us);
        add_time(&row, "first_attempt_us", job->first_attempt_us);
        add_time(&row, "fully_scheduled_us", job->fully_scheduled_us);
        row_count(&row, "attempts", job->attempts);
        row_count(&row, "conflicts", job->conflicts);
        row_count(&row, "tasks", job->tasks);
        row_count(&row, "placed", job->placed);
        row_text(&row, "outcome", outcomes[job->outcome]);
        row_count(&row, "task_attempts", job->task_attempts);
        row_count(&row, "unplaced", job->unplaced);
        row_whole(&row, "queued_us", job->queued_us);
        add_speedup(&row, job);
        row_write_csv(&row, mapreduce ? mapreduce_job_columns : job_columns, out);
    }
}
