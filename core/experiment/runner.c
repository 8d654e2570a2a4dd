/* SPDX-License-Identifier: MIT */
/* Running the points of an experiment: see runner.h. Reads the clock for progress only. */
#include "core/experiment/runner.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/experiment/messages.h"
#include "core/experiment/outputs.h"
#include "core/experiment/summary.h"

#define REDRAW_S 0.2  /* at most so often is the progress line drawn */
#define ETA_FROM 0.02 /* share done before a remaining time is guessed */

struct runner {
    struct experiment *experiment;
    const struct runner_options *options;
    struct outputs *outputs;
    struct summary *summary;
    struct timespec began;
    double drawn_s; /* when the line was drawn last; 0 = it is not there */
    bool terminal;
    uint32_t index; /* the point that runs */
    int64_t horizon_us;
    uint32_t finished;
    struct messages messages;
};

static double elapsed(const struct timespec *since)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - since->tv_sec) + (double)(now.tv_nsec - since->tv_nsec) / 1e9;
}

/* "variant shared, seed 1" */
static void name_point(const struct runner *runner, uint32_t index, char *out, size_t size)
{
    const char *variant = experiment_point_variant(runner->experiment, index);
    uint64_t seed = experiment_point_seed(runner->experiment, index);
    if (variant[0] == '\0') {
        snprintf(out, size, "seed %" PRIu64, seed);
    } else {
        snprintf(out, size, "%s, seed %" PRIu64, variant, seed);
    }
}

/* ---- progress ---- */

static void erase_line(struct runner *runner)
{
    if (runner->drawn_s > 0) {
        fputs("\r\033[K", runner->options->progress);
        runner->drawn_s = 0;
    }
}

static void draw_line(struct runner *runner, int64_t now_us)
{
    char name[160];
    double now_s = elapsed(&runner->began);
    if (!runner->terminal || now_s - runner->drawn_s < REDRAW_S) {
        return;
    }
    uint32_t points = experiment_point_count(runner->experiment);
    double share = (double)now_us / (double)runner->horizon_us;
    double done = ((double)runner->index + (share < 1 ? share : 1)) / points;
    name_point(runner, runner->index, name, sizeof name);
    fprintf(runner->options->progress, "\r\033[K%3.0f %%  %s (%u of %u)", done * 100, name,
            runner->index + 1, points);
    if (done > ETA_FROM) {
        fprintf(runner->options->progress, "  %.0f s left", now_s / done - now_s);
    }
    fflush(runner->options->progress);
    runner->drawn_s = now_s;
}

static bool asked_to_stop(const struct runner *runner)
{
    return runner->options->stop != NULL && *runner->options->stop != 0;
}

static int on_progress(void *context, int64_t now_us, uint64_t jobs)
{
    struct runner *runner = context;
    (void)jobs;
    draw_line(runner, now_us);
    return asked_to_stop(runner);
}

static void say_finished(struct runner *runner, double wall_s)
{
    char name[160];
    if (runner->options->quiet || runner->terminal) {
        return;
    }
    name_point(runner, runner->index, name, sizeof name);
    fprintf(runner->options->progress, "point %u of %u: %s: %.2f s\n", runner->index + 1,
            experiment_point_count(runner->experiment), name, wall_s);
    fflush(runner->options->progress);
}

static void on_log(void *context, const char *scheduler, enum omega_log_level level,
                   const char *message)
{
    struct runner *runner = context;
    static const char *const names[] = {"error", "warning", "info", "debug"};
    if (level > (runner->options->verbose ? OMEGA_LOG_DEBUG : OMEGA_LOG_WARNING)) {
        return;
    }
    if (messages_differs(&runner->messages, scheduler, (int)level, message)) {
        erase_line(runner);
        messages_end(&runner->messages, runner->options->progress);
        messages_put(&runner->messages, scheduler, (int)level, names[level], message,
                     runner->options->progress);
    }
}

/* ---- points ---- */

static int simulate(struct runner *runner, struct point *point, omega_error_t *err)
{
    struct point_result result = {.point = point};
    struct timespec began;
    clock_gettime(CLOCK_MONOTONIC, &began);
    result.metrics = metrics_create(&point->metrics);
    if (result.metrics == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    point->config.stop = runner->options->stop;
    point->config.progress = on_progress;
    point->config.log = on_log;
    point->config.context = runner;
    runner->horizon_us = point->config.horizon_us;
    int rc = runner->options->log ? outputs_log_begin(runner->outputs, point, err) : 0;
    if (rc == 0) {
        rc = run_simulate(&point->config, result.metrics, &result.report, &result.counters, err);
    }
    if (rc == 0 && runner->options->log) {
        rc = outputs_log_end(runner->outputs, point, err);
    }
    result.wall_s = elapsed(&began);
    if (rc == 0 && metrics_status(result.metrics) != 0) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "out of memory for the metrics");
    }
    if (rc == 0) {
        rc = outputs_point(runner->outputs, &result, err);
    }
    if (rc == 0) {
        rc = summary_point(runner->summary, &result, err);
    }
    erase_line(runner);
    messages_end(&runner->messages, runner->options->progress);
    if (rc == 0) {
        say_finished(runner, result.wall_s);
        runner->finished++;
    }
    metrics_destroy(result.metrics);
    return rc;
}

/* Says which point an error belongs to, unless it is about a file. What the store says of a full
 * disk or map is for those who keep a cell, not for experiments. */
static int with_point(const struct runner *runner, const omega_error_t *cause, omega_error_t *err)
{
    char name[160];
    char text[sizeof *cause];
    if (cause->code == OMEGA_EFULL) {
        name_point(runner, runner->index, name, sizeof name);
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
    name_point(runner, runner->index, name, sizeof name);
    return omega_error_set(err, cause->code, "%s: %s", name, cause->text);
}

static int run_points(struct runner *runner, omega_error_t *err)
{
    uint32_t points = experiment_point_count(runner->experiment);
    for (runner->index = 0; runner->index < points; runner->index++) {
        struct point *point;
        omega_error_t cause = {0};
        if (asked_to_stop(runner)) {
            return omega_error_set(err, OMEGA_EINTR, "stopped");
        }
        int rc = point_build(runner->experiment, runner->index, &point, &cause);
        if (rc == 0) {
            rc = simulate(runner, point, &cause);
            point_destroy(point);
        }
        if (rc != 0) {
            return with_point(runner, &cause, err);
        }
    }
    return 0;
}

static int run_into(struct runner *runner, const char *directory, omega_error_t *err)
{
    const struct runner_options *options = runner->options;
    omega_error_t stopped = {0};
    int rc = outputs_open(directory, runner->experiment, &runner->outputs, err);
    if (rc != 0) {
        return rc;
    }
    runner->summary = summary_create(runner->experiment, options->json);
    rc = runner->summary == NULL ? omega_error_set(&stopped, OMEGA_ENOMEM, "out of memory")
                                 : run_points(runner, &stopped);
    if (rc == OMEGA_EINTR && runner->finished == 0) {
        omega_error_clear(&stopped);
        omega_error_set(&stopped, rc, "stopped before a point was finished: nothing is written");
    }
    if (rc != 0 && (rc != OMEGA_EINTR || runner->finished == 0)) {
        outputs_abort(runner->outputs);
        *err = stopped;
        return rc;
    }
    int committed = outputs_commit(runner->outputs, rc == 0, options->argc, options->argv, err);
    if (committed != 0) {
        return committed;
    }
    if (runner->finished > 0 && (options->json || experiment_record(runner->experiment)->summary)) {
        summary_write(runner->summary, directory, options->argc, options->argv, options->summary);
    }
    if (rc == OMEGA_EINTR) {
        return omega_error_set(err, rc, "stopped, %u of %u points are finished and kept in '%s'",
                               runner->finished, experiment_point_count(runner->experiment),
                               directory);
    }
    return 0;
}

int runner_run(struct experiment *experiment, const struct runner_options *options,
               omega_error_t *err)
{
    omega_error_t own = {0};
    omega_error_t *e = err == NULL ? &own : err;
    struct runner runner = {.experiment = experiment, .options = options};
    char *directory = NULL;
    runner.terminal = !options->quiet && isatty(fileno(options->progress));
    clock_gettime(CLOCK_MONOTONIC, &runner.began);
    if (asprintf(&directory, "omega-out/%s", experiment_name(experiment)) < 0) {
        return omega_error_set(e, OMEGA_ENOMEM, "out of memory");
    }
    int rc = experiment_check(experiment, e);
    rc = rc == 0 ? experiment_check_cells(experiment, e) : rc;
    if (rc == 0) {
        rc = run_into(&runner, options->directory != NULL ? options->directory : directory, e);
    }
    summary_destroy(runner.summary);
    free(directory);
    return rc;
}
