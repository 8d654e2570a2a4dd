/* SPDX-License-Identifier: MIT */
/* Runs of one configuration, here or in workers: see probe.h. */
#include "core/analysis/probe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/driver/workers.h"
#include "core/experiment/results.h"

struct probe {
    const struct probe_options *options;
    char *setting; /* the parameter and its one value, as for --sweep: it outdoes a variant's */
    const char *sweeps[1];
    char *text; /* what results.jsonl would hold, behind `memory` */
    size_t size;
    FILE *memory;
    uint32_t seeds; /* run so far */
};

struct probe *probe_create(const struct probe_options *options, const char *parameter,
                           const char *value)
{
    struct probe *probe = calloc(1, sizeof *probe);
    if (probe == NULL) {
        return NULL;
    }
    probe->options = options;
    if (asprintf(&probe->setting, "%s=[%s]", parameter, value) < 0) {
        probe->setting = NULL;
    }
    probe->sweeps[0] = probe->setting;
    probe->memory = open_memstream(&probe->text, &probe->size);
    if (probe->setting == NULL || probe->memory == NULL) {
        probe_destroy(probe);
        return NULL;
    }
    return probe;
}

void probe_destroy(struct probe *probe)
{
    if (probe == NULL) {
        return;
    }
    if (probe->memory != NULL) {
        fclose(probe->memory);
    }
    free(probe->text);
    free(probe->setting);
    free(probe);
}

static bool is_looked_for(const struct probe *probe, const char *path)
{
    size_t length = strlen(path);
    return strncmp(probe->setting, path, length) == 0 && probe->setting[length] == '=';
}

/* The point of the variant that was chosen. */
static int find_point(const struct probe *probe, const struct experiment *experiment,
                      uint32_t *index, omega_error_t *err)
{
    const char *variant = probe->options->variant;
    uint32_t count = experiment_point_count(experiment);
    struct parameter at[PARAMETERS_MAX];
    struct parameters parameters;
    experiment_parameters(experiment, 0, at, &parameters);
    for (uint32_t i = 0; i < parameters.count; i++) {
        if (!is_looked_for(probe, parameters.at[i].path)) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "the experiment sweeps '%.60s', expected one without a sweep: "
                                   "what is looked for is the one value that changes",
                                   parameters.at[i].path);
        }
    }
    if (variant == NULL && count > 1) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "the experiment has %u variants, expected one of them to be chosen, "
                               "such as '%.60s'",
                               count, experiment_point_variant(experiment, 0));
    }
    for (*index = 0; *index < count; ++*index) {
        if (variant == NULL || strcmp(experiment_point_variant(experiment, *index), variant) == 0) {
            return 0;
        }
    }
    return omega_error_set(err, OMEGA_EINVAL, "no variant '%.60s', expected one such as '%.60s'",
                           variant, experiment_point_variant(experiment, 0));
}

/* ---- one seed ---- */

static void write_row(void *context, const struct row *row)
{
    FILE *out = context;
    row_write_json(row, out);
    fputc('\n', out);
}

static int run_point(struct point *point, const volatile sig_atomic_t *stop, FILE *out,
                     omega_error_t *err)
{
    struct point_result result = {.point = point};
    point->metrics.series_step_us = 0; /* nobody reads it */
    result.metrics = metrics_create(&point->metrics);
    if (result.metrics == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    point->config.stop = stop;
    int rc = run_simulate(&point->config, result.metrics, &result.report, &result.counters, err);
    if (rc == 0 && metrics_status(result.metrics) != 0) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "out of memory for the metrics");
    }
    rc = rc == 0 ? results_rows(&result, write_row, out, err) : rc;
    metrics_destroy(result.metrics);
    return rc;
}

static int refuse_live(const struct experiment *experiment, omega_error_t *err)
{
    return experiment_is_live(experiment)
               ? omega_error_set(err, OMEGA_EINVAL,
                                 "the experiment's driver is live, expected sim: values are looked "
                                 "for in virtual time")
               : 0;
}

/* Runs a seed and writes its rows; the first one of a probe has the head of the results, too. */
static int run_seed(const struct probe *probe, uint64_t seed, const volatile sig_atomic_t *stop,
                    bool head, FILE *out, omega_error_t *err)
{
    const struct experiment_options options = {.sets = probe->options->sets,
                                               .set_count = probe->options->set_count,
                                               .sweeps = probe->sweeps,
                                               .sweep_count = 1,
                                               .has_seed = true,
                                               .seed = seed};
    struct experiment *experiment = NULL;
    struct point *point = NULL;
    uint32_t index = 0;
    int rc = experiment_open(probe->options->file, &options, &experiment, err);
    rc = rc == 0 ? find_point(probe, experiment, &index, err) : rc;
    rc = rc == 0 ? refuse_live(experiment, err) : rc;
    rc = rc == 0 ? point_build(experiment, index, &point, err) : rc;
    if (rc == 0 && head) {
        results_head(experiment, out);
        fputc('\n', out);
    }
    rc = rc == 0 ? run_point(point, stop, out, err) : rc;
    point_destroy(point);
    experiment_close(experiment);
    return rc;
}

/* Says of which run an error is, unless it is of all of them. */
static int name_cause(const struct probe *probe, uint64_t seed, const omega_error_t *cause,
                      omega_error_t *err)
{
    if (cause->source[0] != '\0' || cause->code == OMEGA_EINTR || cause->code == OMEGA_EINVAL) {
        *err = *cause;
        return cause->code;
    }
    return omega_error_set(err, cause->code, "%.80s, seed %" PRIu64 ": %s", probe->setting, seed,
                           cause->text);
}

static int run_here(struct probe *probe, uint64_t first, uint32_t count, omega_error_t *err)
{
    for (uint32_t i = 0; i < count; i++) {
        omega_error_t cause = {0};
        bool head = probe->seeds == 0 && i == 0;
        if (run_seed(probe, first + i, probe->options->stop, head, probe->memory, &cause) != 0) {
            return name_cause(probe, first + i, &cause, err);
        }
    }
    return 0;
}

/* ---- seeds side by side ---- */

/* What a worker has told of a seed so far. */
struct seed_run {
    FILE *memory;
    char *rows;
    size_t size;
    bool ended;
    omega_error_t err;
};

struct side_by_side {
    const struct probe *probe;
    uint64_t first;
    struct seed_run *runs; /* of each seed from `first` on */
};

/* The first byte of a message says what follows. */
#define TOLD_ROWS 'r' /* bytes of rows */
#define TOLD_END 'e'  /* an error; code 0: all rows are told */
#define ROWS_TOLD_MAX (WORKERS_TELL_MAX - 1)

static void tell(struct worker *worker, char kind, const void *bytes, size_t size)
{
    char message[WORKERS_TELL_MAX];
    message[0] = kind;
    memcpy(message + 1, bytes, size);
    worker_tell(worker, message, size + 1);
}

static void work(void *context, uint32_t task, struct worker *worker)
{
    const struct side_by_side *side = context;
    bool head = side->probe->seeds == 0 && task == 0;
    char *rows = NULL;
    size_t size = 0;
    omega_error_t err = {0};
    FILE *out = open_memstream(&rows, &size);
    int rc = out == NULL
                 ? omega_error_set(&err, OMEGA_ENOMEM, "out of memory")
                 : run_seed(side->probe, side->first + task, worker_stop(worker), head, out, &err);
    if (out != NULL && fclose(out) != 0 && rc == 0) {
        rc = omega_error_set(&err, OMEGA_ENOMEM, "out of memory");
    }
    for (size_t at = 0; rc == 0 && at < size; at += ROWS_TOLD_MAX) {
        tell(worker, TOLD_ROWS, rows + at, size - at < ROWS_TOLD_MAX ? size - at : ROWS_TOLD_MAX);
    }
    tell(worker, TOLD_END, &err, sizeof err);
    free(rows);
}

static void on_prepare(void *context)
{
    const struct side_by_side *side = context;
    if (side->probe->options->in_worker != NULL) {
        side->probe->options->in_worker();
    }
}

static void on_leave(void *context)
{
    const struct side_by_side *side = context;
    side->probe->options->leave_worker();
}

static void on_begun(void *context, uint32_t task)
{
    struct seed_run *run = &((struct side_by_side *)context)->runs[task];
    run->memory = open_memstream(&run->rows, &run->size);
}

static void on_told(void *context, uint32_t task, const void *bytes, size_t size)
{
    struct seed_run *run = &((struct side_by_side *)context)->runs[task];
    const char *message = bytes;
    if (message[0] == TOLD_ROWS && run->memory != NULL) {
        fwrite(message + 1, 1, size - 1, run->memory);
    } else if (message[0] == TOLD_END && size == 1 + sizeof run->err) {
        memcpy(&run->err, message + 1, sizeof run->err);
        run->ended = true;
    }
}

static bool on_stops(void *context)
{
    const struct side_by_side *side = context;
    return side->probe->options->stop != NULL && *side->probe->options->stop != 0;
}

static void on_ended(void *context, uint32_t task, const struct isolate_end *end)
{
    struct seed_run *run = &((struct side_by_side *)context)->runs[task];
    if (run->ended) {
        return;
    }
    run->ended = true;
    if (on_stops(context)) {
        omega_error_set(&run->err, OMEGA_EINTR, "stopped");
    } else if (end != NULL && end->signal != 0) {
        omega_error_set(&run->err, OMEGA_EMODULE, "its worker ended by signal %d (%s)", end->signal,
                        strsignal(end->signal));
    } else {
        omega_error_set(&run->err, OMEGA_EMODULE, "its worker ended with exit code %d",
                        end == NULL ? 0 : end->code);
    }
}

static void on_look(void *context)
{
    (void)context;
}

/* Takes what a seed has left behind those before it. */
static int take_run(struct probe *probe, uint64_t seed, struct seed_run *run, omega_error_t *err)
{
    if (!run->ended) { /* it was not begun */
        return omega_error_set(err, OMEGA_EINTR, "stopped");
    }
    if (run->err.code != 0) {
        return name_cause(probe, seed, &run->err, err);
    }
    int failed = run->memory == NULL ? EOF : fclose(run->memory);
    run->memory = NULL;
    if (failed != 0) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory for results");
    }
    fwrite(run->rows, 1, run->size, probe->memory);
    return 0;
}

/* Whoever runs a seed, and whenever: rows are put together in the order of seeds. */
static int run_in_workers(struct probe *probe, uint64_t first, uint32_t count, omega_error_t *err)
{
    struct side_by_side side = {probe, first, calloc(count, sizeof *side.runs)};
    const struct workers workers = {
        .jobs = probe->options->jobs,
        .count = count,
        .context = &side,
        .prepare = on_prepare,
        .leave = on_leave,
        .work = work,
        .begun = on_begun,
        .told = on_told,
        .ended = on_ended,
        .look = on_look,
        .stops = on_stops,
    };
    if (side.runs == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    int rc = workers_run(&workers, err);
    for (uint32_t i = 0; i < count; i++) {
        struct seed_run *run = &side.runs[i];
        rc = rc == 0 ? take_run(probe, first + i, run, err) : rc;
        if (run->memory != NULL) {
            fclose(run->memory);
        }
        free(run->rows);
    }
    free(side.runs);
    return rc;
}

/* ---- a probe ---- */

int probe_run(struct probe *probe, uint64_t first, uint32_t count, omega_error_t *err)
{
    int rc = (probe->options->jobs > 1 ? run_in_workers : run_here)(probe, first, count, err);
    probe->seeds += count;
    return rc;
}

int probe_results(struct probe *probe, struct result_set **set, omega_error_t *err)
{
    fflush(probe->memory);
    FILE *stream = probe->size == 0 ? NULL : fmemopen(probe->text, probe->size, "r");
    if (stream == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory for results");
    }
    int rc = result_set_parse(stream, probe->options->file, set, err);
    fclose(stream);
    return rc;
}
