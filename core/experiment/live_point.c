/* SPDX-License-Identifier: MIT */
/* Live points: see live_point.h. */
#include "core/experiment/live_point.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/experiment/log_play.h"
#include "core/experiment/run_logs.h"

struct live_log {
    struct live_segment *segments;
    char **paths; /* of the segments; NULL: they have no names */
    uint32_t count;
};

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
}

/* ---- the segments ---- */

/* The file of a segment. With a path it is written where it is going to stay, so that a run that is
 * killed leaves it; one of an earlier run may have another name, too, and is let go of. */
static FILE *make_file(const char *path)
{
    return path == NULL                           ? tmpfile()
           : unlink(path) != 0 && errno != ENOENT ? NULL
                                                  : fopen(path, "w+xe");
}

static int begin_segment(struct live_log *log, uint32_t i, const struct runner_point *run,
                         const struct point *point, omega_error_t *err)
{
    struct live_segment *segment = &log->segments[i];
    if (run->log && (log->paths[i] = parts_log_path(run->parts, run->index, i)) == NULL) {
        return no_memory(err);
    }
    segment->stream = make_file(log->paths[i]);
    if (segment->stream == NULL) {
        return omega_error_set_errno(err, log->paths[i], "cannot make a file for the run log");
    }
    int rc =
        run_log_segment(run->experiment, point, i, log->count, segment->stream, &segment->log, err);
    return rc == OMEGA_OK && fflush(segment->stream) != 0
               ? omega_error_set_errno(err, log->paths[i], "cannot write the run log")
               : rc;
}

static int begin(struct live_log *log, const struct runner_point *run, const struct point *point,
                 omega_error_t *err)
{
    log->count = live_segments(&point->config);
    log->segments = calloc(log->count, sizeof *log->segments);
    log->paths = (char **)calloc(log->count, sizeof *log->paths);
    int rc = log->segments == NULL || log->paths == NULL ? no_memory(err) : OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < log->count; i++) {
        rc = begin_segment(log, i, run, point, err);
    }
    return rc;
}

/* Whoever reads the point's part finds the log on the disk. */
static int settle(const struct live_log *log, omega_error_t *err)
{
    for (uint32_t i = 0; i < log->count; i++) {
        if (log->paths[i] != NULL && fsync(fileno(log->segments[i].stream)) != 0) {
            return omega_error_set_errno(err, log->paths[i], "cannot write the run log");
        }
    }
    return OMEGA_OK;
}

/* Lets go of all segments, whose files go, too, unless they are to stay. */
static void end(struct live_log *log, bool keep)
{
    for (uint32_t i = 0; log->segments != NULL && log->paths != NULL && i < log->count; i++) {
        runlog_destroy(log->segments[i].log);
        if (log->segments[i].stream != NULL) {
            fclose(log->segments[i].stream);
            if (log->paths[i] != NULL && !keep) {
                unlink(log->paths[i]);
            }
        }
        free(log->paths[i]);
    }
    free((void *)log->paths);
    free(log->segments);
}

/* A reader of a segment, whose stream stays open. */
static int open_segment(const struct live_segment *segment, uint32_t number,
                        struct runlog_reader **reader, omega_error_t *err)
{
    char name[32];
    snprintf(name, sizeof name, "segment %" PRIu32, number);
    int fd = dup(fileno(segment->stream));
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "r");
    if (stream == NULL || fseek(stream, 0, SEEK_SET) != 0) {
        int rc = omega_error_set_errno(err, name, "cannot read");
        if (stream != NULL) {
            fclose(stream);
        } else if (fd >= 0) {
            close(fd);
        }
        return rc;
    }
    return runlog_reader_stream(stream, name, reader, err);
}

/* All segments in one order. */
static int merge(const struct live_log *log, struct runlog_merge **merged, omega_error_t *err)
{
    struct runlog_reader **readers = calloc(log->count, sizeof *readers);
    int rc = readers == NULL ? no_memory(err) : OMEGA_OK;
    uint32_t opened = 0;
    while (rc == OMEGA_OK && opened < log->count) {
        rc = open_segment(&log->segments[opened], opened, &readers[opened], err);
        opened += rc == OMEGA_OK;
    }
    if (rc == OMEGA_OK) {
        rc = runlog_merge_open(readers, log->count, merged, err);
    } else {
        for (uint32_t i = 0; readers != NULL && i < opened; i++) {
            runlog_reader_close(readers[i]);
        }
    }
    free(readers);
    return rc;
}

/* ---- figures ---- */

/* The log accounts for what the cell holds. */
static int compare(const struct store_counters *said, const struct store_counters *cell,
                   omega_error_t *err)
{
    bool equal =
        said->version == cell->version && said->tasks_submitted == cell->tasks_submitted &&
        said->tasks_pending == cell->tasks_pending && said->tasks_running == cell->tasks_running &&
        said->tasks_finished == cell->tasks_finished &&
        said->tasks_abandoned == cell->tasks_abandoned && said->tasks_failed == cell->tasks_failed;
    return equal ? OMEGA_OK
                 : omega_error_set(err, OMEGA_ECORRUPT,
                                   "I: the cell is at version %" PRIu64 " with %" PRIu64
                                   " tasks running, expected version %" PRIu64 " and %" PRIu64
                                   ", as its processes have told",
                                   cell->version, cell->tasks_running, said->version,
                                   said->tasks_running);
}

static int count(struct runlog_merge *merged, const struct point *point,
                 struct point_result *result, omega_error_t *err)
{
    struct log_figures_options options = {
        .fragmentation = point->metrics.fragmentation,
        .series_step_us = point->metrics.series_step_us,
        .jobs = point->metrics.jobs,
        .machines = point->metrics.machines,
        .refused = point->metrics.refused,
        .refused_context = point->metrics.refused_context,
        .counterfactuals = point->metrics.counterfactuals,
    };
    struct log_played played;
    /* whoever asks to stop now, when the run has come to its end, does not lose it */
    int rc = log_play(merged, &options, 0, NULL, NULL, NULL, &played, err);
    rc = rc == OMEGA_OK ? compare(&played.counters, &result->counters, err) : rc;
    if (rc == OMEGA_OK) {
        result->metrics = played.metrics;
    } else {
        metrics_destroy(played.metrics);
    }
    return rc;
}

static int count_all(struct live_log *log, const struct point *point, struct point_result *result,
                     omega_error_t *err)
{
    struct runlog_merge *merged = NULL;
    int rc = merge(log, &merged, err);
    rc = rc == OMEGA_OK ? count(merged, point, result, err) : rc;
    runlog_merge_close(merged);
    return rc;
}

/* What the driver tells metrics: the pre-fill, and what modules count. */
static struct metrics *make_metrics(const struct point *point)
{
    struct metrics_config config = point->metrics;
    config.series_step_us = 0;
    config.fragmentation = (struct metrics_fragmentation){0};
    config.jobs = false;
    config.digest = false;
    config.histograms = false;
    config.conflicts = false;
    config.machines = false;
    config.refused = NULL;
    config.counterfactuals = false;
    return metrics_create(&config);
}

/* ---- real time ---- */

static void add_spent(struct live_spent *sum, const struct live_spent *spent)
{
    sum->count += spent->count;
    sum->total_ns += spent->total_ns;
    sum->max_ns = spent->max_ns > sum->max_ns ? spent->max_ns : sum->max_ns;
}

static void put_spent(json_t *object, const char *name, const struct live_spent *spent)
{
    char key[32];
    double mean_us = spent->count == 0 ? 0 : (double)spent->total_ns / (double)spent->count / 1e3;
    snprintf(key, sizeof key, "%ss", name);
    json_object_set_new(object, key, json_integer((json_int_t)spent->count));
    snprintf(key, sizeof key, "%s_mean_us", name);
    json_object_set_new(object, key, json_real(mean_us));
    snprintf(key, sizeof key, "%s_max_us", name);
    json_object_set_new(object, key, json_real((double)spent->max_ns / 1e3));
}

/* Each process that was started again: how often, why, and why the last time. */
static json_t *describe_restarts(const struct live_report *report, uint32_t processes)
{
    static const char *const causes[LIVE_CAUSES] = {
        [LIVE_KILLED] = "killed",   [LIVE_FAILED] = "failed",   [LIVE_HUNG] = "hung",
        [LIVE_FLOODED] = "flooded", [LIVE_BLOCKED] = "blocked",
    };
    json_t *list = json_array();
    for (uint32_t i = 0; i < processes; i++) {
        const struct live_restarts *restarts = &report->restarts[i];
        json_t *entry = json_pack("{s:s}", "process", restarts->process);
        uint32_t sum = 0;
        for (int c = 0; c < LIVE_CAUSES; c++) {
            sum += restarts->by_cause[c];
            if (restarts->by_cause[c] > 0) {
                json_object_set_new(entry, causes[c], json_integer(restarts->by_cause[c]));
            }
        }
        json_object_set_new(entry, "last", json_string(restarts->last));
        if (sum > 0) {
            json_array_append(list, entry);
        }
        json_decref(entry);
    }
    return list;
}

/* The times of each scheduler, all its instances together. */
static json_t *describe(const struct point *point, const struct live_report *report,
                        uint32_t processes)
{
    json_t *schedulers = json_array();
    const struct live_times *times = report->times;
    for (uint32_t s = 0; s < point->config.scheduler_count; s++) {
        const struct run_scheduler *scheduler = &point->config.schedulers[s];
        struct live_times sum = {{0}, {0}};
        for (uint32_t i = 0; i < scheduler->instances; i++, times++) {
            add_spent(&sum.plan, &times->plan);
            add_spent(&sum.commit, &times->commit);
        }
        json_t *entry = json_pack("{s:s}", "scheduler", scheduler->name);
        put_spent(entry, "plan", &sum.plan);
        put_spent(entry, "commit", &sum.commit);
        json_array_append_new(schedulers, entry);
    }
    return json_pack("{s:f, s:b, s:b, s:f, s:o, s:o}", "speedup", point->live.speedup,
                     "emulate_decisions", point->live.emulate, "threads", point->live.threads,
                     "passed_s", report->wall_s, "restarts", describe_restarts(report, processes),
                     "schedulers", schedulers);
}

static int drive(const struct live_log *log, const struct point *point, struct metrics *metrics,
                 struct point_result *result, omega_error_t *err)
{
    struct live_report report = {
        .times = calloc(log->count, sizeof *report.times),
        .restarts = calloc(log->count, sizeof *report.restarts),
    };
    bool room = report.times != NULL && report.restarts != NULL;
    int rc = !room ? no_memory(err)
                   : run_live(&point->config, &point->live, log->segments, metrics, &result->report,
                              &result->counters, &report, err);
    if (rc == OMEGA_OK) {
        result->live = describe(point, &report, log->count - 1);
        rc = result->live == NULL ? no_memory(err) : OMEGA_OK;
    }
    free(report.times);
    free(report.restarts);
    return rc;
}

int live_point_run(const struct runner_point *run, struct point *point, struct point_result *result,
                   omega_error_t *err)
{
    struct live_log log = {0};
    struct metrics *metrics = make_metrics(point);
    int rc = metrics == NULL ? no_memory(err) : begin(&log, run, point, err);
    rc = rc == OMEGA_OK ? drive(&log, point, metrics, result, err) : rc;
    rc = rc == OMEGA_OK ? count_all(&log, point, result, err) : rc;
    rc = rc == OMEGA_OK ? settle(&log, err) : rc;
    end(&log, rc == OMEGA_OK);
    metrics_destroy(metrics);
    return rc;
}
