/* SPDX-License-Identifier: MIT */
/* Runs of one configuration, in this process: see probe.h. */
#include "core/analysis/probe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/experiment/results.h"

struct probe {
    const struct probe_options *options;
    char *setting; /* the parameter and its one value, as for --sweep: it outdoes a variant's */
    const char *sweeps[1];
    char *text; /* what results.jsonl would hold, behind `memory` */
    size_t size;
    FILE *memory;
    bool headed;
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

static void write_row(void *context, const struct row *row)
{
    FILE *out = context;
    row_write_json(row, out);
    fputc('\n', out);
}

static int run_point(struct probe *probe, struct point *point, omega_error_t *err)
{
    struct point_result result = {.point = point};
    point->metrics.series_step_us = 0; /* nobody reads it */
    result.metrics = metrics_create(&point->metrics);
    if (result.metrics == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    point->config.stop = probe->options->stop;
    int rc = run_simulate(&point->config, result.metrics, &result.report, &result.counters, err);
    if (rc == 0 && metrics_status(result.metrics) != 0) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "out of memory for the metrics");
    }
    rc = rc == 0 ? results_rows(&result, write_row, probe->memory, err) : rc;
    metrics_destroy(result.metrics);
    return rc;
}

static int run_seed(struct probe *probe, uint64_t seed, omega_error_t *err)
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
    rc = rc == 0 ? point_build(experiment, index, &point, err) : rc;
    if (rc == 0 && !probe->headed) {
        results_head(experiment, probe->memory);
        fputc('\n', probe->memory);
        probe->headed = true;
    }
    rc = rc == 0 ? run_point(probe, point, err) : rc;
    point_destroy(point);
    experiment_close(experiment);
    return rc;
}

int probe_run(struct probe *probe, uint64_t first, uint32_t count, omega_error_t *err)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        omega_error_t cause = {0};
        rc = run_seed(probe, first + i, &cause);
        if (rc != 0 && (cause.source[0] != '\0' || rc == OMEGA_EINTR || rc == OMEGA_EINVAL)) {
            *err = cause;
        } else if (rc != 0) {
            omega_error_set(err, rc, "%.80s, seed %" PRIu64 ": %s", probe->setting, first + i,
                            cause.text);
        }
    }
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
