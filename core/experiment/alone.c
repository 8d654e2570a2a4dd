/* SPDX-License-Identifier: MIT */
/* One scheduler of a standing cell, read as an experiment's. */
#include "core/experiment/alone.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/experiment/experiment_private.h"
#include "core/experiment/locate.h"

#define COMMAND_LINE "the command line"

/* The parts of a point that has this one scheduler and one workload. */
struct alone {
    struct experiment experiment;
    struct point_parts parts;
    struct run_workload workload;
    struct run_scheduler scheduler;
    struct module *module;
    bool emulates;
};

static int parse(struct alone *alone, const char *text, size_t size, omega_error_t *err)
{
    struct experiment *experiment = &alone->experiment;
    json_error_t error;
    long deep = locate_too_deep(text, size);
    if (deep != 0) {
        return omega_error_set_at(err, OMEGA_EINVAL, experiment->file, deep,
                                  "nested too deeply, expected at most %d levels",
                                  LOCATE_DEPTH_MAX);
    }
    experiment->base = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (experiment->base == NULL) {
        return omega_error_set_at(err, OMEGA_EINVAL, experiment->file,
                                  error.line < 1 ? 1 : error.line, "not valid JSON: %s",
                                  error.text);
    }
    if (!json_is_object(experiment->base)) {
        return omega_error_set_at(err, OMEGA_EINVAL, experiment->file, 1,
                                  "%s, expected an object that describes a scheduler",
                                  field_kind(experiment->base));
    }
    experiment->base = whole_numbers(experiment->base);
    return 0;
}

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL   ? strdup(".")
           : slash == path ? strdup("/")
                           : strndup(path, (size_t)(slash - path));
}

static int read_file(struct alone *alone, const char *path, omega_error_t *err)
{
    struct experiment *experiment = &alone->experiment;
    size_t size = 2;
    if (path == NULL) {
        experiment->text = strdup("{}");
        experiment->directory = strdup(".");
        experiment->file = strdup(COMMAND_LINE);
    } else {
        int rc = file_read_all(path, EXPERIMENT_BYTES_MAX, &experiment->text, &size, err);
        if (rc != 0) {
            return rc;
        }
        experiment->directory = directory_of(path);
        experiment->file = strdup(path);
    }
    if (experiment->text == NULL || experiment->directory == NULL || experiment->file == NULL) {
        return out_of_memory(err);
    }
    experiment->source = (struct field_source){
        .file = experiment->file, .text = experiment->text, .size = size, .variant = -1};
    return parse(alone, experiment->text, size, err);
}

/* --module is as --set module=, but always a text. */
static int apply(struct alone *alone, const struct alone_request *request, omega_error_t *err)
{
    struct experiment *experiment = &alone->experiment;
    json_t *base = experiment->base;
    const char **paths = pool_alloc(&experiment->pool, request->set_count, sizeof *paths);
    if (paths == NULL) {
        return out_of_memory(err);
    }
    if ((request->module != NULL &&
         json_object_set_new(base, "module", json_string(request->module)) != 0) ||
        (request->name != NULL &&
         json_object_set_new(base, "name", json_string(request->name)) != 0)) {
        return omega_error_set(err, OMEGA_EINVAL, "--module or --name: expected UTF-8 text");
    }
    for (uint32_t i = 0; i < request->set_count; i++) {
        if (settings_apply(base, request->sets[i], &experiment->pool, &paths[i], err) != 0) {
            return err->code;
        }
    }
    experiment->source.sets = paths;
    experiment->source.set_count = request->set_count;
    return 0;
}

/* A scheduler without a name is called as its module: the last part of a path, without .so. */
static int give_name(struct alone *alone, omega_error_t *err)
{
    json_t *base = alone->experiment.base;
    const char *module = json_string_value(json_object_get(base, "module"));
    if (module == NULL || json_object_get(base, "name") != NULL) {
        return 0;
    }
    const char *slash = strrchr(module, '/');
    const char *start = slash == NULL ? module : slash + 1;
    size_t length = strlen(start);
    if (length > 3 && strcmp(start + length - 3, ".so") == 0) {
        length -= 3;
    }
    return json_object_set_new(base, "name", json_stringn(start, length)) == 0 ? 0
                                                                               : out_of_memory(err);
}

static int read_object(struct alone *alone, omega_error_t *err)
{
    static const char *const none[] = {"workloads", "instances", "assignment"};
    struct point_parts *parts = &alone->parts;
    struct field root = {.source = &alone->experiment.source, .value = alone->experiment.base};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        struct field field = field_member(&root, none[i]);
        if (field.value != NULL) {
            return field_fail(&field, err,
                              "expected none on a standing cell, where jobs name their scheduler");
        }
    }
    struct field module = field_member(&root, "module");
    if (module.value == NULL) {
        return field_fail(&root, err, "names no module, expected --module, or 'module' in a file");
    }
    alone->emulates = field_member(&root, "decision").value != NULL;
    alone->workload =
        (struct run_workload){.name = "jobs", .scheduler = UINT32_MAX, .pickiness = 1};
    parts->experiment = &alone->experiment;
    parts->files = true;
    parts->preset = preset_get(PRESET_NONE);
    parts->workloads = &alone->workload;
    parts->workload_count = 1;
    parts->schedulers = &alone->scheduler;
    parts->modules = &alone->module;
    parts->scheduler_count = 1;
    return scheduler_read(parts, &root, 0, ARCHITECTURE_SHARED_STATE, err);
}

int alone_read(const struct alone_request *request, struct alone **out, omega_error_t *err)
{
    omega_error_t own = {0};
    struct alone *alone = calloc(1, sizeof *alone);
    err = err == NULL ? &own : err;
    *out = NULL;
    if (alone == NULL) {
        return out_of_memory(err);
    }
    if (read_file(alone, request->file, err) != 0 || apply(alone, request, err) != 0 ||
        give_name(alone, err) != 0 || read_object(alone, err) != 0) {
        alone_free(alone);
        return err->code;
    }
    *out = alone;
    return 0;
}

void alone_free(struct alone *alone)
{
    if (alone == NULL) {
        return;
    }
    struct experiment *experiment = &alone->experiment;
    module_close(alone->module);
    pool_release(&alone->parts.pool);
    json_decref(experiment->base);
    pool_release(&experiment->pool);
    free(experiment->text);
    free(experiment->directory);
    free(experiment->file);
    free(alone);
}

const struct run_scheduler *alone_config(const struct alone *alone)
{
    return &alone->scheduler;
}

bool alone_emulates(const struct alone *alone)
{
    return alone->emulates;
}
