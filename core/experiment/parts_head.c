/* SPDX-License-Identifier: MIT */
/* What tells which run the points of a folder belong to: see parts_private.h. */
#include <string.h>

#include "core/base/sha256.h"
#include "core/experiment/parts_private.h"
#include "core/experiment/results.h"

static json_t *describe_files(const struct experiment *experiment,
                              const struct experiment_input *(*get)(const struct experiment *,
                                                                    uint32_t))
{
    json_t *files = json_array();
    const struct experiment_input *file;
    for (uint32_t i = 0; (file = get(experiment, i)) != NULL; i++) {
        json_t *path = json_string(file->name);
        json_array_append_new(files,
                              json_pack("{s:o,s:s}", "path", path == NULL ? json_null() : path,
                                        "sha256", file->sha256));
    }
    return files;
}

/* A name of the run that its points repeat: SHA-256 of all that the head says but for its shard,
 * and for the places of modules, which may be others on another host. */
static int add_name(json_t *about)
{
    char sha256[SHA256_HEX];
    struct sha256 sha;
    size_t i;
    json_t *module;
    json_t *copy = json_deep_copy(about);
    json_array_foreach(json_object_get(copy, "modules"), i, module)
    {
        json_object_del(module, "path");
    }
    char *text = copy == NULL ? NULL : json_dumps(copy, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(copy);
    if (text == NULL) {
        return OMEGA_ENOMEM;
    }
    sha256_init(&sha);
    sha256_add(&sha, text, strlen(text));
    sha256_finish(&sha, sha256);
    free(text);
    return json_object_set_new(about, "run", json_string(sha256)) == 0 ? OMEGA_OK : OMEGA_ENOMEM;
}

json_t *parts_head_describe(const struct parts_run *run)
{
    const struct experiment *experiment = run->experiment;
    char outputs[65];
    if (experiment_outputs_sha256(experiment, outputs, NULL) != OMEGA_OK) {
        return NULL;
    }
    json_t *about =
        json_pack("{s:s,s:i,s:s,s:s,s:s,s:I,s:b,s:o,s:o}", "omega", OMEGA_VERSION, "schema",
                  RESULTS_SCHEMA, "experiment", experiment_name(experiment), "experiment_sha256",
                  experiment_sha256(experiment), "outputs_sha256", outputs, "points",
                  (json_int_t)experiment_point_count(experiment), "log", run->log, "inputs",
                  describe_files(experiment, experiment_input), "modules",
                  describe_files(experiment, experiment_module));
    if (about == NULL || add_name(about) != OMEGA_OK ||
        json_object_set_new(about, "shard", json_integer(run->shard.number)) != 0 ||
        json_object_set_new(about, "shards", json_integer(run->shard.count)) != 0) {
        json_decref(about);
        return NULL;
    }
    return about;
}

const char *parts_text_at(const json_t *about, const char *key)
{
    const char *text = json_string_value(json_object_get(about, key));
    return text == NULL ? "" : text;
}

/* The first file of two lists that is not the same in both; NULL: there is none. */
static const char *other_file(const json_t *a, const json_t *b)
{
    size_t i;
    json_t *file;
    json_array_foreach(a, i, file)
    {
        if (strcmp(parts_text_at(file, "sha256"), parts_text_at(json_array_get(b, i), "sha256")) !=
            0) {
            return parts_text_at(file, "path");
        }
    }
    return json_array_size(a) == json_array_size(b) ? NULL : "another number of files";
}

int parts_head_check_same(const json_t *found, const json_t *expected, const char *where,
                          omega_error_t *err)
{
    static const struct {
        const char *key;
        const char *text;
    } keys[] = {
        {"omega", "another version of omega"},
        {"experiment", "an experiment of another name"},
        {"experiment_sha256", "another experiment, by its SHA-256"},
        {"outputs_sha256", "a run with another 'record' or 'series_step_s', by the SHA-256"},
    };
    static const char *const lists[] = {"inputs", "modules"};
    if (strcmp(parts_text_at(found, "run"), parts_text_at(expected, "run")) == 0) {
        return OMEGA_OK;
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(parts_text_at(found, keys[i].key), parts_text_at(expected, keys[i].key)) != 0) {
            return omega_error_set_at(err, OMEGA_EINVAL, where, 0,
                                      "holds points of %s: %.16s, expected %.16s", keys[i].text,
                                      parts_text_at(found, keys[i].key),
                                      parts_text_at(expected, keys[i].key));
        }
    }
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const char *other =
            other_file(json_object_get(found, lists[i]), json_object_get(expected, lists[i]));
        if (other != NULL) {
            return omega_error_set_at(err, OMEGA_EINVAL, where, 0,
                                      "holds points of a run with other %s, expected the same: "
                                      "%.100s",
                                      lists[i], other);
        }
    }
    return omega_error_set_at(err, OMEGA_EINVAL, where, 0,
                              "holds points of a run %s logs, expected one %s",
                              json_is_true(json_object_get(found, "log")) ? "with" : "without",
                              json_is_true(json_object_get(expected, "log")) ? "with" : "without");
}
