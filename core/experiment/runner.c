/* SPDX-License-Identifier: MIT */
/* Running the points of an experiment: see runner.h. */
#include "core/experiment/runner.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/driver/workers.h"
#include "core/experiment/outputs.h"
#include "core/experiment/progress.h"
#include "core/experiment/runner_point.h"
#include "core/experiment/whole.h"

#define PATIENCE_S 2.0 /* after which a user who waits for points to stop is told */

struct runner {
    struct experiment *experiment;
    const struct runner_options *options;
    const char *directory;
    struct parts_shard shard;
    struct outputs *outputs;
    struct parts *parts;
    struct progress progress;
    uint32_t *todo; /* points, in order */
    uint32_t todo_count;
    omega_error_t failure; /* of the first point in order that has failed */
    uint32_t failed;       /* that point */
    double stopping_s;     /* when the user asked to stop; 0: not yet */
    bool patience;         /* has been asked for */
};

static bool asked_to_stop(const struct runner *runner)
{
    return runner->options->stop != NULL && *runner->options->stop != 0;
}

/* ---- what points tell ---- */

static void show(struct runner *runner, const char *text)
{
    progress_erase(&runner->progress);
    fputs(text, runner->options->progress);
}

static void fail(struct runner *runner, uint32_t point, const omega_error_t *err)
{
    if (runner->failure.code == OMEGA_OK || point < runner->failed) {
        runner->failure = *err;
        runner->failed = point;
    }
}

static void end_point(struct runner *runner, uint32_t point, double wall_s,
                      const omega_error_t *err)
{
    progress_erase(&runner->progress);
    progress_ended(&runner->progress, point, err->code == OMEGA_OK ? wall_s : -1);
    if (err->code == OMEGA_OK) {
        parts_add(runner->parts, point);
    } else if (err->code != OMEGA_EINTR) {
        fail(runner, point, err);
    }
}

/* ---- one point in this process ---- */

static void here_share(void *context, double share)
{
    struct runner *runner = context;
    progress_share(&runner->progress, 0, share);
    progress_draw(&runner->progress);
}

static void here_say(void *context, const char *text)
{
    show(context, text);
}

static void run_here(struct runner *runner)
{
    double wall_s = 0;
    omega_error_t err = {0};
    const struct runner_point run = {
        .experiment = runner->experiment,
        .parts = runner->parts,
        .log = runner->options->log,
        .verbose = runner->options->verbose,
        .head = true,
        .stop = runner->options->stop,
        .metrics = runner->options->metrics,
        .context = runner,
        .share = here_share,
        .say = here_say,
    };
    progress_begun(&runner->progress, 0);
    runner_point_run(&run, &wall_s, &err);
    end_point(runner, 0, wall_s, &err);
}

/* ---- points in workers ---- */

enum told_kind {
    TOLD_SHARE,
    TOLD_TEXT,
    TOLD_END,
};

/* A message from a worker. */
struct told {
    enum told_kind kind;
    double number; /* SHARE: how far; END: wall time */
    union {
        char text[2048];   /* TEXT */
        omega_error_t err; /* END: code 0 where the point is finished */
    };
};

#define TOLD_SIZE(member) (offsetof(struct told, member) + sizeof((struct told){0}.member))

static void worker_share(void *context, double share)
{
    const struct told told = {.kind = TOLD_SHARE, .number = share};
    worker_tell(context, &told, offsetof(struct told, text));
}

/* One line a message: what is longer is cut. */
static void worker_say(void *context, const char *text)
{
    while (*text != '\0') {
        struct told told = {.kind = TOLD_TEXT};
        size_t length = strcspn(text, "\n");
        snprintf(told.text, sizeof told.text, "%.*s\n",
                 (int)(length < sizeof told.text - 2 ? length : sizeof told.text - 2), text);
        worker_tell(context, &told, offsetof(struct told, text) + strlen(told.text) + 1);
        text += length + (text[length] == '\n');
    }
}

static void work(void *context, uint32_t task, struct worker *worker)
{
    const struct runner *runner = context;
    struct told told = {.kind = TOLD_END};
    omega_error_t err = {0};
    const struct runner_point run = {
        .experiment = runner->experiment,
        .parts = runner->parts,
        .index = runner->todo[task],
        .log = runner->options->log,
        .verbose = runner->options->verbose,
        .stop = worker_stop(worker),
        .metrics = runner->options->metrics,
        .context = worker,
        .share = worker_share,
        .say = worker_say,
    };
    runner_point_run(&run, &told.number, &err);
    told.err = err;
    worker_tell(worker, &told, TOLD_SIZE(err));
}

static void on_prepare(void *context)
{
    const struct runner *runner = context;
    if (runner->options->in_worker != NULL) {
        runner->options->in_worker();
    }
}

static void on_leave(void *context)
{
    const struct runner *runner = context;
    runner->options->leave_worker();
}

static void on_begun(void *context, uint32_t task)
{
    struct runner *runner = context;
    progress_begun(&runner->progress, runner->todo[task]);
}

static void on_told(void *context, uint32_t task, const void *bytes, size_t size)
{
    struct runner *runner = context;
    struct told told = {.kind = TOLD_SHARE};
    memcpy(&told, bytes, size < sizeof told ? size : sizeof told);
    if (told.kind == TOLD_SHARE) {
        progress_share(&runner->progress, runner->todo[task], told.number);
    } else if (told.kind == TOLD_TEXT) {
        show(runner, told.text);
    } else {
        end_point(runner, runner->todo[task], told.number, &told.err);
    }
}

/* A worker that died before its point had ended. */
static void on_ended(void *context, uint32_t task, const struct isolate_end *end)
{
    struct runner *runner = context;
    uint32_t point = runner->todo[task];
    char name[160];
    omega_error_t err = {0};
    if (end == NULL) {
        return;
    }
    experiment_name_point(runner->experiment, point, name, sizeof name);
    if (asked_to_stop(runner)) {
        omega_error_set(&err, OMEGA_EINTR, "stopped");
    } else if (end->signal != 0) {
        omega_error_set(&err, OMEGA_EMODULE, "%s: its worker ended by signal %d (%s)", name,
                        end->signal, strsignal(end->signal));
    } else {
        omega_error_set(&err, OMEGA_EMODULE, "%s: its worker ended with exit code %d", name,
                        end->code);
    }
    end_point(runner, point, -1, &err);
}

static void on_look(void *context)
{
    struct runner *runner = context;
    double now_s = progress_elapsed(&runner->progress);
    progress_draw(&runner->progress);
    if (!asked_to_stop(runner)) {
        return;
    }
    if (runner->stopping_s <= 0) {
        runner->stopping_s = now_s;
    } else if (!runner->patience && now_s - runner->stopping_s > PATIENCE_S) {
        runner->patience = true;
        show(runner, "omega: stopping after the current attempts; press Ctrl-C again to end at "
                     "once\n");
    }
}

static bool on_stops(void *context)
{
    const struct runner *runner = context;
    return asked_to_stop(runner) || runner->failure.code != OMEGA_OK;
}

static void run_in_workers(struct runner *runner)
{
    omega_error_t err = {0};
    const struct workers workers = {
        .jobs = runner->progress.jobs,
        .count = runner->todo_count,
        .context = runner,
        .prepare = on_prepare,
        .leave = on_leave,
        .work = work,
        .begun = on_begun,
        .told = on_told,
        .ended = on_ended,
        .look = on_look,
        .stops = on_stops,
    };
    if (parts_write_head(runner->parts, &err) != OMEGA_OK ||
        workers_run(&workers, &err) != OMEGA_OK) {
        fail(runner, 0, &err);
    }
}

/* ---- before and behind the points ---- */

static int list_todo(struct runner *runner, omega_error_t *err)
{
    uint32_t points = experiment_point_count(runner->experiment);
    runner->todo = calloc(points, sizeof *runner->todo);
    if (runner->todo == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    for (uint32_t i = 0; i < points; i++) {
        if (parts_is_due(runner->parts, i) && !parts_has(runner->parts, i)) {
            runner->todo[runner->todo_count++] = i;
        }
    }
    return OMEGA_OK;
}

static void say_resumed(const struct runner *runner)
{
    FILE *out = runner->options->progress;
    uint32_t damaged = parts_damaged(runner->parts);
    if (runner->options->quiet || runner->options->start != PARTS_RESUME) {
        return;
    }
    fprintf(out, "%" PRIu32 " of %" PRIu32 " points are finished already\n",
            parts_finished(runner->parts), parts_due(runner->parts));
    if (damaged > 0) {
        fprintf(out, "%" PRIu32 " were damaged and run again\n", damaged);
    }
}

static void run_points(struct runner *runner)
{
    if (experiment_point_count(runner->experiment) == 1) {
        if (runner->todo_count > 0) {
            run_here(runner);
        }
    } else {
        run_in_workers(runner);
    }
    progress_erase(&runner->progress);
}

/* Writes the files from what is finished, and the summary. */
static int write_files(struct runner *runner, bool complete, omega_error_t *err)
{
    const struct runner_options *options = runner->options;
    const struct whole whole = {runner->experiment, &runner->parts, 1};
    const struct run_json run = {
        .experiment = runner->experiment,
        .modules = parts_modules(runner->parts),
        .complete = complete,
        .wall_s = progress_elapsed(&runner->progress),
        .argc = options->argc,
        .argv = options->argv,
    };
    const struct summary_options summary = {
        .experiment = runner->experiment,
        .directory = runner->directory,
        .json = options->json,
        .argc = options->argc,
        .argv = options->argv,
    };
    struct outputs *outputs = runner->outputs;
    runner->outputs = NULL;
    int rc = whole_write(&whole, outputs, &run, err);
    if (rc == OMEGA_OK && (options->json || experiment_record(runner->experiment)->summary)) {
        rc = whole_summary(&whole, &summary, options->summary, err);
    }
    return rc;
}

static bool is_shard(const struct runner *runner)
{
    return runner->shard.count > 1;
}

static int end_stopped(struct runner *runner, omega_error_t *err)
{
    uint32_t finished = parts_finished(runner->parts);
    if (finished == 0) {
        return omega_error_set(err, OMEGA_EINTR,
                               "stopped before a point was finished: nothing is written");
    }
    if (!is_shard(runner) && write_files(runner, false, err) != OMEGA_OK) {
        return err->code;
    }
    return omega_error_set(err, OMEGA_EINTR,
                           "stopped, %" PRIu32 " of %" PRIu32
                           " points are finished and kept in '%s': --resume goes on",
                           finished, parts_due(runner->parts), runner->directory);
}

static int end_failed(struct runner *runner, omega_error_t *err)
{
    uint32_t finished = parts_finished(runner->parts);
    if (finished > 0) {
        fprintf(runner->options->progress,
                "%" PRIu32 " of %" PRIu32
                " points are finished and kept in '%s': --resume goes on\n",
                finished, parts_due(runner->parts), runner->directory);
    }
    *err = runner->failure;
    return err->code;
}

static int end_shard(struct runner *runner)
{
    const struct parts_shard *shard = &runner->shard;
    if (!runner->options->quiet) {
        fprintf(runner->options->progress,
                "shard %" PRIu32 "/%" PRIu32 ": %" PRIu32 " points in '%s/" PARTS_FOLDER
                "'; with those of all shards: omega merge\n",
                shard->number, shard->count, parts_due(runner->parts), runner->directory);
    }
    return OMEGA_OK;
}

/* Runs the points that are missing, and says what has become of the run. Only what nobody can go on
 * with is removed. */
static int run_all(struct runner *runner, omega_error_t *err)
{
    say_resumed(runner);
    run_points(runner);
    if (runner->failure.code == OMEGA_OK &&
        parts_finished(runner->parts) < parts_due(runner->parts)) {
        return end_stopped(runner, err);
    }
    if (runner->failure.code != OMEGA_OK) {
        return end_failed(runner, err);
    }
    if (is_shard(runner)) {
        return end_shard(runner);
    }
    int rc = write_files(runner, true, err);
    if (rc == OMEGA_OK) {
        parts_remove(runner->parts);
    }
    return rc;
}

static bool is_finished(const void *parts, uint32_t point)
{
    return !parts_is_due(parts, point) || parts_has(parts, point);
}

static int begin(struct runner *runner, omega_error_t *err)
{
    const struct runner_options *options = runner->options;
    const struct parts_run run = {runner->experiment, runner->shard, options->log, options->start};
    bool live = experiment_is_live(runner->experiment);
    uint32_t jobs = options->jobs > 0 ? options->jobs : live ? 1 : workers_cpus();
    if (live && jobs > 1) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "--jobs %" PRIu32 " for live points, expected 1: side by side they "
                               "would take each other's time",
                               jobs);
    }
    int rc = experiment_check(runner->experiment, err);
    if (rc == OMEGA_OK && options->metrics > 0 && !experiment_is_live(runner->experiment)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "--metrics without a live point, expected --live");
    }
    rc = rc == OMEGA_OK ? outputs_open(runner->directory, &runner->outputs, err) : rc;
    rc = rc == OMEGA_OK ? parts_begin(runner->directory, &run, &runner->parts, err) : rc;
    rc = rc == OMEGA_OK ? list_todo(runner, err) : rc;
    if (rc == OMEGA_OK) {
        rc = experiment_check_cells(runner->experiment, is_finished, runner->parts, err);
    }
    if (rc == OMEGA_OK && progress_init(&runner->progress, runner->experiment, jobs,
                                        parts_due(runner->parts), parts_finished(runner->parts),
                                        options->quiet, options->progress) != OMEGA_OK) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    return rc;
}

int runner_run(struct experiment *experiment, const struct runner_options *options,
               omega_error_t *err)
{
    omega_error_t own = {0};
    omega_error_t *e = err == NULL ? &own : err;
    struct runner runner = {.experiment = experiment,
                            .options = options,
                            .directory = options->directory,
                            .shard = options->shard};
    char *directory = NULL;
    if (asprintf(&directory, "omega-out/%s", experiment_name(experiment)) < 0) {
        return omega_error_set(e, OMEGA_ENOMEM, "out of memory");
    }
    if (runner.directory == NULL) {
        runner.directory = directory;
    }
    if (runner.shard.count == 0) {
        runner.shard = (struct parts_shard){1, 1};
    }
    int rc = begin(&runner, e);
    rc = rc == OMEGA_OK ? run_all(&runner, e) : rc;
    if (runner.parts != NULL && parts_finished(runner.parts) == 0 && !is_shard(&runner)) {
        parts_remove(runner.parts);
    }
    parts_close(runner.parts);
    outputs_abort(runner.outputs);
    progress_fini(&runner.progress);
    free(runner.todo);
    free(directory);
    return rc;
}
