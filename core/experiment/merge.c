/* SPDX-License-Identifier: MIT */
/* The shards of a run put together: see merge.h. */
#include "core/experiment/merge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/experiment/messages.h"
#include "core/experiment/progress.h"
#include "core/experiment/whole.h"

struct merge {
    const struct merge_options *options;
    struct parts **shards; /* by number; NULL: not there yet */
    uint32_t count;        /* of shards that the run has */
    struct experiment *experiment;
    struct timespec began;
};

/* Opens the shard of a directory and puts it into its place. */
static int take_shard(struct merge *merge, const char *directory, omega_error_t *err)
{
    struct parts *parts;
    int rc = parts_open(directory, &parts, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct parts_shard shard = parts_shard(parts);
    if (merge->shards == NULL) {
        merge->count = shard.count;
        merge->shards = calloc(merge->count, sizeof *merge->shards);
    }
    if (merge->shards == NULL) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    } else if (shard.count != merge->count) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, directory, 0,
                                "is shard %" PRIu32 "/%" PRIu32 ", expected one of %" PRIu32
                                " like those before it",
                                shard.number, shard.count, merge->count);
    } else if (merge->shards[shard.number - 1] != NULL) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, directory, 0,
                                "is a second shard %" PRIu32 "/%" PRIu32 ", expected each once",
                                shard.number, shard.count);
    } else {
        merge->shards[shard.number - 1] = parts;
        return OMEGA_OK;
    }
    parts_close(parts);
    return rc;
}

static int check_shards(const struct merge *merge, omega_error_t *err)
{
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < merge->count; i++) {
        if (merge->shards[i] == NULL) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "shard %" PRIu32 "/%" PRIu32 " is missing, expected all of them",
                                   i + 1, merge->count);
        }
    }
    for (uint32_t i = 1; rc == OMEGA_OK && i < merge->count; i++) {
        rc = parts_same_run(merge->shards[0], merge->shards[i], err);
    }
    return rc;
}

/* The experiment as the head of the shards has it, which names the points. */
static int read_experiment(struct merge *merge, omega_error_t *err)
{
    struct part *head;
    char *text = NULL;
    int rc = parts_open_head(merge->shards[0], &head, err);
    rc = rc == OMEGA_OK ? part_text(head, OUTPUT_EXPERIMENT_NAME, &text, err) : rc;
    if (rc == OMEGA_OK) {
        rc = experiment_parse(text, strlen(text), part_name(head), ".", NULL, &merge->experiment,
                              err);
    }
    if (rc == OMEGA_OK &&
        (experiment_point_count(merge->experiment) != parts_points(merge->shards[0]) ||
         !parts_is_of(merge->shards[0], merge->experiment))) {
        rc = omega_error_set_at(err, OMEGA_ECORRUPT, part_name(head), 0,
                                "has an experiment that is not the one that it names");
    }
    free(text);
    part_close(head);
    return rc;
}

static int check_points(const struct merge *merge, omega_error_t *err)
{
    uint32_t missing = 0;
    uint32_t points = experiment_point_count(merge->experiment);
    char name[200];
    for (uint32_t i = 0; i < points; i++) {
        if (!parts_has(merge->shards[i % merge->count], i)) {
            missing++;
            experiment_name_point(merge->experiment, i, name, sizeof name);
            fprintf(merge->options->messages, "missing in shard %" PRIu32 "/%" PRIu32 ": ",
                    i % merge->count + 1, merge->count);
            message_write(name, merge->options->messages);
            fputc('\n', merge->options->messages);
        }
    }
    return missing == 0 ? OMEGA_OK
                        : omega_error_set(err, OMEGA_EINVAL,
                                          "%" PRIu32 " of %" PRIu32
                                          " points are missing, expected all: run their shards "
                                          "with --resume",
                                          missing, points);
}

static int write_whole(const struct merge *merge, const char *directory, omega_error_t *err)
{
    const struct merge_options *options = merge->options;
    const struct whole whole = {merge->experiment, merge->shards, merge->count};
    const struct run_json run = {
        .experiment = merge->experiment,
        .modules = parts_modules(merge->shards[0]),
        .complete = true,
        .wall_s = progress_since(&merge->began),
        .argc = options->argc,
        .argv = options->argv,
    };
    const struct summary_options summary = {
        .experiment = merge->experiment, .directory = directory, .json = options->json};
    struct outputs *outputs;
    int rc = outputs_open(directory, &outputs, err);
    rc = rc == OMEGA_OK ? whole_write(&whole, outputs, &run, err) : rc;
    return rc == OMEGA_OK ? whole_summary(&whole, &summary, options->summary, err) : rc;
}

int merge_shards(const struct merge_options *options, omega_error_t *err)
{
    omega_error_t own = {0};
    omega_error_t *e = err == NULL ? &own : err;
    struct merge merge = {.options = options};
    char *directory = NULL;
    int rc = OMEGA_OK;
    clock_gettime(CLOCK_MONOTONIC, &merge.began);
    for (uint32_t i = 0; rc == OMEGA_OK && i < options->shard_count; i++) {
        rc = take_shard(&merge, options->shards[i], e);
    }
    rc = rc == OMEGA_OK ? check_shards(&merge, e) : rc;
    rc = rc == OMEGA_OK ? read_experiment(&merge, e) : rc;
    rc = rc == OMEGA_OK ? check_points(&merge, e) : rc;
    if (rc == OMEGA_OK &&
        asprintf(&directory, "omega-out/%s", experiment_name(merge.experiment)) < 0) {
        directory = NULL;
        rc = omega_error_set(e, OMEGA_ENOMEM, "out of memory");
    }
    if (rc == OMEGA_OK) {
        rc = write_whole(&merge, options->directory != NULL ? options->directory : directory, e);
    }
    for (uint32_t i = 0; merge.shards != NULL && i < merge.count; i++) {
        parts_close(merge.shards[i]);
    }
    free(merge.shards);
    experiment_close(merge.experiment);
    free(directory);
    return rc;
}
