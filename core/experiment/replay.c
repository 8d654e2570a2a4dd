/* SPDX-License-Identifier: MIT */
/* Replaying a run from its logs: see replay.h. */
#include "core/experiment/replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/experiment/log_known.h"
#include "core/experiment/log_play.h"
#include "core/experiment/log_points.h"
#include "core/experiment/messages.h"
#include "core/experiment/replay_outputs.h"
#include "core/experiment/replay_report.h"

struct replay {
    const char *directory;
    const struct replay_options *options;
    struct log_points *points;
    struct experiment *experiment;  /* that of the first log */
    struct replay_outputs *outputs; /* or NULL */
    struct replay_report *report;
    struct messages messages;
};

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
}

static bool asked_to_stop(const struct replay *replay)
{
    return replay->options->stop != NULL && *replay->options->stop != 0;
}

static void on_log(void *context, const char *scheduler, enum omega_log_level level,
                   const char *message)
{
    struct replay *replay = context;
    FILE *to = replay->options->messages;
    if (level <= OMEGA_LOG_WARNING &&
        messages_differs(&replay->messages, scheduler, (int)level, message)) {
        messages_end(&replay->messages, to);
        messages_put(&replay->messages, scheduler, (int)level,
                     level == OMEGA_LOG_ERROR ? "error" : "warning", message, to);
    }
}

/* ---- the experiment ---- */

/* Reads the experiment that a log holds, and begins the outputs. */
static int open_experiment(struct replay *replay, const struct runlog_opening *opening,
                           omega_error_t *err)
{
    int rc = experiment_parse(opening->text, strlen(opening->text), "the log's experiment",
                              replay->options->paths, NULL, &replay->experiment, err);
    rc = rc == 0 ? experiment_check(replay->experiment, err) : rc;
    if (rc == 0 && replay->options->out != NULL) {
        rc = replay_outputs_open(replay->options->out, replay->experiment, &replay->outputs, err);
    }
    return rc;
}

/* The point of the experiment that a log is of. */
static int find_point(const struct replay *replay, const struct runlog_opening *opening,
                      uint32_t *index, omega_error_t *err)
{
    const struct experiment *experiment = replay->experiment;
    for (*index = 0; *index < experiment_point_count(experiment); ++*index) {
        if (strcmp(opening->sha256, experiment_sha256(experiment)) == 0 &&
            strcmp(opening->variant, experiment_point_variant(experiment, *index)) == 0 &&
            opening->assignment == experiment_point_assignment(experiment, *index) &&
            opening->seed == experiment_point_seed(experiment, *index)) {
            return OMEGA_OK;
        }
    }
    return omega_error_set_at(err, OMEGA_EINVAL, replay->directory, 0,
                              "holds a log of variant '%s' and seed %" PRIu64
                              " of another experiment, expected logs of one",
                              opening->variant, opening->seed);
}

/* The place of a log's point in the experiment, which the first log gives; unless the user asks to
 * stop. */
static int rank(void *context, const struct runlog_opening *opening, uint32_t *index,
                omega_error_t *err)
{
    struct replay *replay = context;
    if (asked_to_stop(replay)) {
        return omega_error_set(err, OMEGA_EINTR, "stopped: nothing is written");
    }
    int rc = replay->experiment == NULL ? open_experiment(replay, opening, err) : OMEGA_OK;
    return rc == OMEGA_OK ? find_point(replay, opening, index, err) : rc;
}

/* ---- one point ---- */

struct recording {
    struct recorded_times *times;
    uint64_t submitted;
};

/* Notes how long each attempt took that ended. */
static int note(void *context, const struct runlog_record *record,
                const struct runlog_effect *effect, omega_error_t *err)
{
    struct recording *recording = context;
    if (record->kind == RUNLOG_SUBMISSION && record->job->id != ++recording->submitted) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "job %" PRIu64 " is submitted, expected %" PRIu64
                               ": jobs of a replay are numbered as they come",
                               record->job->id, recording->submitted);
    }
    if (record->kind != RUNLOG_TRANSACTION && record->kind != RUNLOG_NOTHING) {
        return OMEGA_OK;
    }
    struct recorded_time time = {
        .job = record->attempt.job,
        .attempt = record->attempt.attempt,
        .instance = record->attempt.instance,
        .unplaced = effect->job->asked,
        .us = record->time_us - effect->start_us,
    };
    return recorded_times_add(recording->times, &time, err);
}

/* Counts what was observed until the point's horizon, and how long attempts took. */
static int observe(const struct replay *replay, struct runlog_merge *merge,
                   const struct point *point, struct recorded_times *times,
                   struct point_result *observed, omega_error_t *err)
{
    int64_t horizon_us = point->config.horizon_us;
    bool whole = horizon_us == runlog_merge_opening(merge)->horizon_us;
    struct log_figures_options options = {.fragmentation = {.step_us = 0}};
    struct recording recording = {.times = times};
    struct log_played played;
    int rc = log_play(merge, &options, whole ? 0 : horizon_us, note, &recording,
                      replay->options->stop, &played, err);
    *observed = (struct point_result){
        .point = point,
        .metrics = played.metrics,
        .report = played.report,
        .counters = played.counters,
    };
    return rc;
}

static int predict(struct replay *replay, struct point *point,
                   const struct run_recording *recording, struct point_result *predicted,
                   omega_error_t *err)
{
    struct run_config *config = &point->config;
    predicted->point = point;
    if (replay->outputs != NULL && replay_outputs_begin(replay->outputs, point, err) != OMEGA_OK) {
        return err->code;
    }
    predicted->metrics = metrics_create(&point->metrics);
    if (predicted->metrics == NULL) {
        return no_memory(err);
    }
    config->store = (struct run_store){.kind = RUN_STORE_MEMORY};
    config->recording = recording;
    config->stop = replay->options->stop;
    config->log = on_log;
    config->context = replay;
    int rc =
        run_simulate(config, predicted->metrics, &predicted->report, &predicted->counters, err);
    messages_end(&replay->messages, replay->options->messages);
    return rc == OMEGA_OK && metrics_status(predicted->metrics) != OMEGA_OK ? no_memory(err) : rc;
}

/* Where the times of each scheduler came from; the jobs must be those that were recorded. */
static int count_times(const struct point *point, const struct recorded_times *times,
                       struct recorded_counts *counts, omega_error_t *err)
{
    uint16_t instance = 0;
    uint64_t strange = 0;
    for (uint32_t s = 0; s < point->config.scheduler_count; s++) {
        for (uint32_t i = 0; i < point->config.schedulers[s].instances; i++) {
            struct recorded_counts of;
            recorded_times_counts(times, instance++, &of);
            counts[s].known += of.known;
            counts[s].recorded += of.recorded;
            counts[s].drawn += of.drawn;
            counts[s].formula += of.formula;
            strange += of.strange;
        }
    }
    return strange == 0 ? OMEGA_OK
                        : omega_error_set(err, OMEGA_EINVAL,
                                          "%" PRIu64 " jobs are not those that were recorded, "
                                          "expected the experiment's inputs as they were then",
                                          strange);
}

/* Tells the report, and the outputs, if there are any. */
static int tell(struct replay *replay, const struct point_result *predicted,
                const struct point_result *observed, const struct recorded_times *times,
                int64_t horizon_us, omega_error_t *err)
{
    const struct point *point = predicted->point;
    struct recorded_counts *counts = calloc(point->config.scheduler_count + 1u, sizeof *counts);
    int rc = counts == NULL ? no_memory(err) : count_times(point, times, counts, err);
    rc = rc == OMEGA_OK
             ? replay_report_add(replay->report, predicted, observed, counts, horizon_us, err)
             : rc;
    if (rc == OMEGA_OK && replay->outputs != NULL) {
        rc = replay_outputs_end(replay->outputs, predicted, err);
    }
    free(counts);
    return rc;
}

/* Of a log that is incomplete, what is known of it is replayed: the horizon comes where something
 * may be missing. */
static int cut_horizon(const struct replay *replay, const struct runlog_merge *merge,
                       struct point *point, omega_error_t *err)
{
    int64_t until_us = INT64_MAX;
    int rc = runlog_merge_opening(merge)->live
                 ? log_known_until(merge, replay->options->stop, &until_us, err)
                 : OMEGA_OK;
    if (rc != OMEGA_OK || until_us >= point->config.horizon_us) {
        return rc;
    }
    if (until_us <= point->config.warmup_us) {
        return omega_error_set(
            err, OMEGA_ECORRUPT,
            "the log of this run is incomplete, and known until %.3f s, expected "
            "more than the warm-up of %.3f s",
            (double)until_us / 1e6, (double)point->config.warmup_us / 1e6);
    }
    if (replay->outputs != NULL) {
        return omega_error_set(
            err, OMEGA_ECORRUPT,
            "the log of this run is incomplete, and known until %.3f s, expected "
            "a whole one for results to be written (without --out what is known "
            "is replayed)",
            (double)until_us / 1e6);
    }
    point->config.horizon_us = until_us;
    point->metrics.horizon_us = until_us;
    return OMEGA_OK;
}

static int replay_point(struct replay *replay, struct point *point, struct runlog_merge *merge,
                        omega_error_t *err)
{
    struct recorded_times *times = NULL;
    struct run_recording recording = {.live = runlog_merge_opening(merge)->live};
    struct point_result observed = {.point = point};
    struct point_result predicted = {.point = point};
    int rc = cut_horizon(replay, merge, point, err);
    rc = rc == OMEGA_OK ? recorded_times_create(point->seed, &times, err) : rc;
    rc = rc == OMEGA_OK ? observe(replay, merge, point, times, &observed, err) : rc;
    rc = rc == OMEGA_OK ? recorded_times_seal(times, &recording, err) : rc;
    rc = rc == OMEGA_OK ? predict(replay, point, &recording, &predicted, err) : rc;
    rc = rc == OMEGA_OK ? tell(replay, &predicted, &observed, times,
                               runlog_merge_opening(merge)->horizon_us, err)
                        : rc;
    metrics_destroy(observed.metrics);
    metrics_destroy(predicted.metrics);
    recorded_times_destroy(times);
    return rc;
}

/* Says which point an error belongs to, unless it is about a file. */
static int with_point(const struct replay *replay, uint32_t index, const omega_error_t *cause,
                      omega_error_t *err)
{
    char name[200];
    if (cause->source[0] != '\0' || cause->code == OMEGA_EINTR) {
        *err = *cause;
        return err->code;
    }
    experiment_name_point(replay->experiment, index, name, sizeof name);
    return omega_error_set(err, cause->code, "%s: %s", name, cause->text);
}

/* ---- all points ---- */

static int replay_log(struct replay *replay, struct runlog_merge *merge, omega_error_t *err)
{
    const struct runlog_opening *opening = runlog_merge_opening(merge);
    struct point *point = NULL;
    omega_error_t cause = {0};
    uint32_t index = 0;
    int rc = rank(replay, opening, &index, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = point_build(replay->experiment, index, &point, &cause);
    rc = rc == OMEGA_OK ? replay_point(replay, point, merge, &cause) : rc;
    point_destroy(point);
    return rc == OMEGA_OK ? rc : with_point(replay, index, &cause, err);
}

static int replay_all(struct replay *replay, omega_error_t *err)
{
    int more = 1;
    while (more == 1) {
        struct runlog_merge *merge = NULL;
        uint32_t segments = 0;
        more = log_points_next(replay->points, &merge, &segments, err);
        if (more == 1 && replay_log(replay, merge, err) != OMEGA_OK) {
            more = err->code;
        }
        runlog_merge_close(merge);
    }
    return more;
}

static int write_out(struct replay *replay, omega_error_t *err)
{
    const struct replay_options *options = replay->options;
    int rc = OMEGA_OK;
    if (replay->outputs != NULL) {
        rc = replay_outputs_commit(replay->outputs, options->argc, options->argv, err);
        replay->outputs = NULL;
    }
    if (rc == OMEGA_OK && options->json) {
        replay_report_write_json(replay->report, experiment_name(replay->experiment),
                                 options->comparison);
    } else if (rc == OMEGA_OK) {
        replay_report_write(replay->report, options->comparison);
    }
    return rc;
}

/* The results of a replay would take the place of the run that it is of. */
static int check_out(const char *directory, const struct replay_options *options,
                     omega_error_t *err)
{
    struct stat run;
    struct stat out;
    bool same = options->out != NULL && stat(directory, &run) == 0 &&
                stat(options->out, &out) == 0 && run.st_dev == out.st_dev &&
                run.st_ino == out.st_ino;
    return same ? omega_error_set_at(err, OMEGA_EINVAL, options->out, 0,
                                     "is the run that is replayed, expected another folder")
                : OMEGA_OK;
}

int replay_run(const char *directory, const struct replay_options *options, omega_error_t *err)
{
    omega_error_t own = {0};
    err = err == NULL ? &own : err;
    struct replay replay = {.directory = directory, .options = options};
    replay.report = replay_report_create();
    int rc = replay.report == NULL ? no_memory(err) : check_out(directory, options, err);
    rc = rc == OMEGA_OK ? log_points_open(directory, &replay.points, err) : rc;
    rc = rc == OMEGA_OK ? log_points_order(replay.points, rank, &replay, err) : rc;
    rc = rc == OMEGA_OK ? replay_all(&replay, err) : rc;
    rc = rc == OMEGA_OK ? write_out(&replay, err) : rc;
    replay_outputs_abort(replay.outputs);
    replay_report_destroy(replay.report);
    experiment_close(replay.experiment);
    log_points_close(replay.points);
    return rc;
}
