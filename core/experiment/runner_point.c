/* SPDX-License-Identifier: MIT */
/* One point of a run: see runner_point.h. */
#include "core/experiment/runner_point.h"

#include <stdlib.h>

#include "core/experiment/live_point.h"
#include "core/experiment/messages.h"
#include "core/experiment/outputs.h"
#include "core/experiment/progress.h"
#include "core/experiment/run_logs.h"
#include "core/experiment/summary.h"

/* What the driver calls back with. */
struct running_point {
    const struct runner_point *run;
    int64_t horizon_us;
    struct timespec told; /* when the share was told last */
    struct messages messages;
};

static int on_progress(void *context, int64_t now_us, uint64_t jobs)
{
    struct running_point *running = context;
    const struct runner_point *run = running->run;
    (void)jobs;
    if (progress_since(&running->told) >= PROGRESS_REDRAW_S) {
        clock_gettime(CLOCK_MONOTONIC, &running->told);
        run->share(run->context, (double)now_us / (double)running->horizon_us);
    }
    return run->stop != NULL && *run->stop != 0;
}

/* Says how often the last message came, and the next one; NULL: there is none. */
static void say(struct running_point *running, const char *scheduler, enum omega_log_level level,
                const char *message)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return;
    }
    messages_end(&running->messages, out);
    if (message != NULL) {
        messages_put(&running->messages, scheduler, (int)level, names[level], message, out);
    }
    if (fclose(out) == 0 && size > 0) {
        running->run->say(running->run->context, text);
    }
    free(text);
}

static void on_log(void *context, const char *scheduler, enum omega_log_level level,
                   const char *message)
{
    struct running_point *running = context;
    if (level <= (running->run->verbose ? OMEGA_LOG_DEBUG : OMEGA_LOG_WARNING) &&
        messages_differs(&running->messages, scheduler, (int)level, message)) {
        say(running, scheduler, level, message);
    }
}

/* ---- running ---- */

static int simulate(const struct runner_point *run, struct point *point,
                    struct point_result *result, omega_error_t *err)
{
    struct run_log *log = NULL;
    char *path = parts_log_path(run->parts, run->index, 0);
    result->metrics = metrics_create(&point->metrics);
    int rc = path == NULL || result->metrics == NULL
                 ? omega_error_set(err, OMEGA_ENOMEM, "out of memory")
                 : 0;
    if (rc == 0 && run->log) {
        rc = run_log_begin(run->experiment, point, path, &log, err);
    }
    if (rc == 0) {
        rc = run_simulate(&point->config, result->metrics, &result->report, &result->counters, err);
    }
    if (rc == 0 && log != NULL) {
        rc = run_log_end(log, point, err);
        log = NULL;
    }
    run_log_abort(log);
    free(path);
    return rc;
}

static int drive(const struct runner_point *run, struct point *point, struct point_result *result,
                 omega_error_t *err)
{
    struct running_point running = {.run = run, .horizon_us = point->config.horizon_us};
    clock_gettime(CLOCK_MONOTONIC, &running.told);
    point->config.stop = run->stop;
    point->config.progress = on_progress;
    point->config.log = on_log;
    point->config.context = &running;
    point->live.metrics = run->metrics;
    int rc = point->lives ? live_point_run(run, point, result, err)
                          : simulate(run, point, result, err);
    say(&running, NULL, OMEGA_LOG_ERROR, NULL);
    if (rc == 0 && metrics_status(result->metrics) != 0) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "out of memory for the metrics");
    }
    return rc;
}

/* What a point has to say goes into its part, the summary last. */
static int write_part(const struct runner_point *run, const struct point_result *result,
                      struct part_writer *part, omega_error_t *err)
{
    int rc = outputs_point(run->experiment, result, part, err);
    if (rc == 0) {
        rc = summary_point(run->experiment, result, part_section(part, OUTPUTS_SUMMARY), err);
    }
    if (rc == 0 && run->head) {
        rc = parts_write_head(run->parts, err);
    }
    if (rc != 0) {
        part_abort(part);
        return rc;
    }
    return part_commit(part, parts_about(run->parts, run->index, run_json_point(result)), err);
}

static int run_built(const struct runner_point *run, struct point *point, double *wall_s,
                     omega_error_t *err)
{
    struct point_result result = {.point = point};
    struct outputs_refused refused;
    struct timespec began;
    struct part_writer *part = NULL;
    char *path = parts_path(run->parts, run->index);
    clock_gettime(CLOCK_MONOTONIC, &began);
    int rc = path == NULL ? omega_error_set(err, OMEGA_ENOMEM, "out of memory")
                          : part_create(path, &part, err);
    if (rc == 0) {
        outputs_point_begin(run->experiment, point, &refused, part);
        rc = drive(run, point, &result, err);
    }
    result.wall_s = progress_since(&began);
    *wall_s = result.wall_s;
    if (rc == 0) {
        rc = write_part(run, &result, part, err);
    } else {
        part_abort(part);
    }
    free(path);
    metrics_destroy(result.metrics);
    json_decref(result.live);
    return rc;
}

/* Says which point an error belongs to, unless it is about a file. What the store says of a full
 * disk or map is for those who keep a cell, not for experiments. */
static int with_point(const struct runner_point *run, const omega_error_t *cause,
                      omega_error_t *err)
{
    char name[160];
    char text[sizeof *cause];
    experiment_name_point(run->experiment, run->index, name, sizeof name);
    if (cause->code == OMEGA_EFULL) {
        omega_error_format(cause, text, sizeof text);
        return omega_error_set(err, cause->code,
                               "%s: no room for the cell, expected a larger store.map_mib, or a "
                               "store.dir or TMPDIR on a disk with more: %s",
                               name, text);
    }
    if (cause->source[0] != '\0' || cause->code == OMEGA_EINTR) {
        *err = *cause;
        return err->code;
    }
    return omega_error_set(err, cause->code, "%s: %s", name, cause->text);
}

int runner_point_run(const struct runner_point *run, double *wall_s, omega_error_t *err)
{
    struct point *point;
    omega_error_t cause = {0};
    int rc = point_build(run->experiment, run->index, &point, &cause);
    if (rc == 0) {
        rc = run_built(run, point, wall_s, &cause);
        point_destroy(point);
    }
    return rc == 0 ? 0 : with_point(run, &cause, err);
}
