/* SPDX-License-Identifier: MIT */
/* The files of a replay: see replay_outputs.h. */
#include "core/experiment/replay_outputs.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/experiment/progress.h"

struct replay_outputs {
    const struct experiment *experiment;
    struct outputs *files;
    char *path;               /* of the part at hand */
    struct part_writer *part; /* NULL: there is none */
    struct outputs_refused refused;
    struct timespec began;
};

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
}

/* Ends the part at hand and hands it to `take`. */
static int pass_part(struct replay_outputs *outputs, json_t *about,
                     int (*take)(struct outputs *files, struct part *part, omega_error_t *err),
                     omega_error_t *err)
{
    struct part *part = NULL;
    struct part_writer *writer = outputs->part;
    outputs->part = NULL;
    int rc = part_commit(writer, about, err);
    rc = rc == OMEGA_OK ? part_open(outputs->path, &part, err) : rc;
    rc = rc == OMEGA_OK ? take(outputs->files, part, err) : rc;
    part_close(part);
    unlink(outputs->path);
    return rc;
}

int replay_outputs_open(const char *directory, const struct experiment *experiment,
                        struct replay_outputs **out, omega_error_t *err)
{
    struct replay_outputs *outputs = calloc(1, sizeof *outputs);
    *out = outputs;
    if (outputs == NULL || asprintf(&outputs->path, "%s/replay.part", directory) < 0) {
        free(outputs);
        *out = NULL;
        return no_memory(err);
    }
    outputs->experiment = experiment;
    clock_gettime(CLOCK_MONOTONIC, &outputs->began);
    int rc = outputs_open(directory, &outputs->files, err);
    rc = rc == OMEGA_OK ? part_create(outputs->path, &outputs->part, err) : rc;
    rc = rc == OMEGA_OK ? outputs_heads(experiment, outputs->part, err) : rc;
    return rc == OMEGA_OK ? pass_part(outputs, json_object(), outputs_begin, err) : rc;
}

int replay_outputs_begin(struct replay_outputs *outputs, struct point *point, omega_error_t *err)
{
    int rc = part_create(outputs->path, &outputs->part, err);
    if (rc == OMEGA_OK) {
        outputs_point_begin(outputs->experiment, point, &outputs->refused, outputs->part);
    }
    return rc;
}

int replay_outputs_end(struct replay_outputs *outputs, const struct point_result *result,
                       omega_error_t *err)
{
    int rc = outputs_point(outputs->experiment, result, outputs->part, err);
    return rc == OMEGA_OK ? pass_part(outputs, json_pack("{s:o}", "ran", run_json_point(result)),
                                      outputs_add, err)
                          : rc;
}

int replay_outputs_commit(struct replay_outputs *outputs, int argc, char *const *argv,
                          omega_error_t *err)
{
    json_t *modules = json_array();
    const struct experiment_input *module = NULL;
    for (uint32_t i = 0; (module = experiment_module(outputs->experiment, i)) != NULL; i++) {
        json_array_append_new(
            modules, json_pack("{s:s, s:s}", "path", module->name, "sha256", module->sha256));
    }
    struct run_json run = {
        .experiment = outputs->experiment,
        .modules = modules,
        .complete = true,
        .wall_s = progress_since(&outputs->began),
        .argc = argc,
        .argv = argv,
    };
    int rc = outputs_commit(outputs->files, &run, err);
    outputs->files = NULL;
    json_decref(modules);
    replay_outputs_abort(outputs);
    return rc;
}

void replay_outputs_abort(struct replay_outputs *outputs)
{
    if (outputs != NULL) {
        part_abort(outputs->part);
        outputs_abort(outputs->files);
        free(outputs->path);
        free(outputs);
    }
}
