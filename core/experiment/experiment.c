/* SPDX-License-Identifier: MIT */
/* Opening an experiment: text, JSON, --set, variants, and one look at each variant. */
#include "core/experiment/experiment.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/experiment/experiment_private.h"
#include "core/experiment/locate.h"

static int parse_json(struct experiment *experiment, size_t size, omega_error_t *err)
{
    json_error_t error;
    long deep = locate_too_deep(experiment->text, size);
    if (deep != 0) {
        return omega_error_set_at(err, OMEGA_EINVAL, experiment->file, deep,
                                  "nested too deeply, expected at most %d levels",
                                  LOCATE_DEPTH_MAX);
    }
    experiment->base = json_loadb(experiment->text, size, JSON_REJECT_DUPLICATES, &error);
    if (experiment->base == NULL) {
        return omega_error_set_at(err, OMEGA_EINVAL, experiment->file,
                                  error.line < 1 ? 1 : error.line, "not valid JSON: %s",
                                  error.text);
    }
    experiment->base = whole_numbers(experiment->base);
    return 0;
}

static int apply_settings(struct experiment *experiment, const struct experiment_options *options,
                          omega_error_t *err)
{
    const char **paths = pool_alloc(
        &experiment->pool, (size_t)options->set_count + options->sweep_count, sizeof *paths);
    if (paths == NULL) {
        return out_of_memory(err);
    }
    for (uint32_t i = 0; i < options->set_count; i++) {
        if (settings_apply(experiment->base, options->sets[i], &experiment->pool, &paths[i], err) !=
            0) {
            return err->code;
        }
    }
    for (uint32_t i = 0; i < options->sweep_count; i++) {
        if (sweep_add(experiment->base, options->sweeps[i], &experiment->pool,
                      &paths[options->set_count + i], err) != 0) {
            return err->code;
        }
    }
    experiment->source.sets = paths;
    experiment->source.set_count = options->set_count + options->sweep_count;
    return 0;
}

static int read_record(struct experiment *experiment, const struct field *root, omega_error_t *err)
{
    static const char *const names[] = {"summary",   "histograms", "series",  "jobs",
                                        "conflicts", "machines",   "refused", NULL};
    struct experiment_record *record = &experiment->record;
    bool *const flags[] = {&record->summary,   &record->histograms, &record->series, &record->jobs,
                           &record->conflicts, &record->machines,   &record->refused};
    struct field list = field_member(root, "record");
    size_t count;
    if (list.value == NULL) {
        record->summary = true;
        record->histograms = true;
        record->series = true;
        record->conflicts = true;
        return 0;
    }
    if (field_array(&list, 0, 7, &count, err) != 0) {
        return err->code;
    }
    for (size_t i = 0; i < count; i++) {
        int choice;
        struct field entry = field_entry(&list, i);
        if (field_choice(&entry, names, &choice, err) != 0) {
            return err->code;
        }
        if (*flags[choice]) {
            return field_fail(&entry, err, "a second '%s', expected different entries",
                              names[choice]);
        }
        *flags[choice] = true;
    }
    return 0;
}

/* Whether a point is another one's but for its seed, and that one comes before it. */
static bool is_repetition(const struct experiment *experiment, uint32_t index)
{
    const struct point_key *key = &experiment->points[index];
    return index > 0 && key[-1].variant == key->variant && key[-1].assignment == key->assignment;
}

/* Looks at each variant and assignment without opening any other file. */
static int check_text(struct experiment *experiment, omega_error_t *err)
{
    for (uint32_t i = 0; i < experiment->point_count; i++) {
        struct point *point;
        if (is_repetition(experiment, i)) {
            continue;
        }
        if (point_make(experiment, i, false, &point, err) != 0) {
            return err->code;
        }
        point_destroy(point);
    }
    return 0;
}

/* Reads the sweep and puts it into the base in its one form. */
static int read_sweep(struct experiment *experiment, const struct field *root, omega_error_t *err)
{
    struct field field = field_member(root, "sweep");
    if (json_is_null(field.value)) { /* --set sweep=null */
        json_object_del(experiment->base, "sweep");
        field.value = NULL;
    }
    if (sweep_read(&experiment->sweep, &field, &experiment->pool, err) != 0) {
        return err->code;
    }
    if (field.value != NULL &&
        json_object_set_new(experiment->base, "sweep", sweep_normal(&experiment->sweep)) != 0) {
        return out_of_memory(err);
    }
    return 0;
}

/* A --set of a field that is swept, or of one within it, would have no effect: each assignment
 * gives it a value. */
static int refuse_swept_settings(const struct experiment *experiment, uint32_t set_count,
                                 omega_error_t *err)
{
    for (uint32_t i = 0; i < set_count; i++) {
        const char *path = experiment->source.sets[i];
        const char *swept = sweep_field_above(&experiment->sweep, path);
        if (swept != NULL) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "--set %.80s: '%.80s' is swept, so this has no effect, expected "
                                   "--sweep %.80s=VALUE,... for other values, or --set sweep=null",
                                   path, swept, swept);
        }
    }
    return 0;
}

/* The command's seed. Beside a sweep "seed" would stand for ten. */
static void fix_seed(json_t *base, uint64_t seed)
{
    bool swept = json_object_get(base, "sweep") != NULL;
    json_t *value = json_integer((json_int_t)seed);
    json_object_del(base, "seeds");
    json_object_del(base, "seed");
    json_object_set_new(base, swept ? "seeds" : "seed", swept ? json_pack("[o]", value) : value);
}

static int read_base(struct experiment *experiment, const struct experiment_options *options,
                     omega_error_t *err)
{
    struct top top;
    if (!json_is_object(experiment->base)) {
        return omega_error_set_at(err, OMEGA_EINVAL, experiment->file, 1,
                                  "%s, expected an object that describes an experiment",
                                  field_kind(experiment->base));
    }
    if (apply_settings(experiment, options, err) != 0) {
        return err->code;
    }
    if (options->has_seed) {
        fix_seed(experiment->base, options->seed);
    }
    struct field root = {.source = &experiment->source, .value = experiment->base};
    if (top_read(&root, false, &top, err) != 0 || read_record(experiment, &root, err) != 0 ||
        read_sweep(experiment, &root, err) != 0 ||
        refuse_swept_settings(experiment, options->set_count, err) != 0 ||
        normalised_sha256(experiment->base, experiment->sha256, err) != 0) {
        return err->code;
    }
    experiment->name = top.name;
    experiment->record.counterfactuals = top.counterfactuals;
    return variants_make(experiment, &top, options, err);
}

static int fill(struct experiment *experiment, const char *bytes, size_t size, const char *name,
                const char *directory, const struct experiment_options *options, omega_error_t *err)
{
    static const struct experiment_options none = {0};
    experiment->file = pool_text(&experiment->pool, name);
    experiment->directory = pool_text(&experiment->pool, directory);
    experiment->text = pool_alloc(&experiment->pool, size + 1, 1);
    if (experiment->file == NULL || experiment->directory == NULL || experiment->text == NULL) {
        return out_of_memory(err);
    }
    memcpy(experiment->text, bytes, size);
    experiment->source = (struct field_source){
        .file = experiment->file, .text = experiment->text, .size = size, .variant = -1};
    if (parse_json(experiment, size, err) != 0 ||
        read_base(experiment, options == NULL ? &none : options, err) != 0) {
        return err->code;
    }
    return check_text(experiment, err);
}

int experiment_parse(const char *bytes, size_t size, const char *name, const char *directory,
                     const struct experiment_options *options, struct experiment **out,
                     omega_error_t *err)
{
    omega_error_t own = {0};
    omega_error_t *e = err == NULL ? &own : err;
    *out = NULL;
    if (size > EXPERIMENT_BYTES_MAX) {
        return omega_error_set_at(e, OMEGA_EINVAL, name, 0, "%zu bytes, expected at most %u", size,
                                  EXPERIMENT_BYTES_MAX);
    }
    struct experiment *experiment = calloc(1, sizeof *experiment);
    if (experiment == NULL) {
        return out_of_memory(e);
    }
    if (fill(experiment, bytes, size, name, directory, options, e) != 0) {
        experiment_close(experiment);
        return e->code;
    }
    *out = experiment;
    return 0;
}

int experiment_open(const char *path, const struct experiment_options *options,
                    struct experiment **experiment, omega_error_t *err)
{
    char *bytes = NULL;
    size_t size = 0;
    *experiment = NULL;
    int rc = file_read_all(path, EXPERIMENT_BYTES_MAX, &bytes, &size, err);
    if (rc != 0) {
        return rc;
    }
    const char *slash = strrchr(path, '/');
    char *directory = slash == NULL   ? strdup(".")
                      : slash == path ? strdup("/")
                                      : strndup(path, (size_t)(slash - path));
    rc = directory == NULL
             ? omega_error_set(err, OMEGA_ENOMEM, "out of memory")
             : experiment_parse(bytes, size, path, directory, options, experiment, err);
    free(directory);
    free(bytes);
    return rc;
}

void experiment_close(struct experiment *experiment)
{
    if (experiment == NULL) {
        return;
    }
    for (uint32_t i = 0; i < experiment->variant_count; i++) {
        json_decref(experiment->variants[i].doc);
    }
    sweep_release(&experiment->sweep);
    json_decref(experiment->base);
    pool_release(&experiment->pool);
    free(experiment);
}

int experiment_check(struct experiment *experiment, omega_error_t *err)
{
    for (uint32_t i = 0; i < experiment->point_count; i++) {
        struct point *point;
        if (is_repetition(experiment, i) ||
            !sweep_is_probe(&experiment->sweep, experiment->points[i].assignment)) {
            continue;
        }
        int rc = point_build(experiment, i, &point, err);
        if (rc != 0) {
            return rc;
        }
        point_destroy(point);
    }
    return 0;
}

const char *experiment_name(const struct experiment *experiment)
{
    return experiment->name;
}

const char *experiment_file(const struct experiment *experiment)
{
    return experiment->file;
}

const struct experiment_record *experiment_record(const struct experiment *experiment)
{
    return &experiment->record;
}

uint32_t experiment_variant_count(const struct experiment *experiment)
{
    return experiment->variant_count;
}

uint32_t experiment_point_count(const struct experiment *experiment)
{
    return experiment->point_count;
}

const char *experiment_point_variant(const struct experiment *experiment, uint32_t point)
{
    return experiment->variants[experiment->points[point].variant].name;
}

uint32_t experiment_assignment_count(const struct experiment *experiment)
{
    return experiment->sweep.assignments;
}

uint32_t experiment_point_assignment(const struct experiment *experiment, uint32_t point)
{
    return experiment->sweep.axis_count == 0 ? 0 : experiment->points[point].assignment + 1;
}

void experiment_parameters(const struct experiment *experiment, uint32_t point,
                           struct parameter at[PARAMETERS_MAX], struct parameters *parameters)
{
    sweep_parameters(&experiment->sweep, experiment->points[point].assignment, at, parameters);
}

void experiment_name_point(const struct experiment *experiment, uint32_t point, char *out,
                           size_t size)
{
    struct parameter at[PARAMETERS_MAX];
    struct parameters parameters;
    experiment_parameters(experiment, point, at, &parameters);
    point_name(experiment_point_variant(experiment, point), &parameters,
               experiment_point_seed(experiment, point), out, size);
}

uint64_t experiment_point_seed(const struct experiment *experiment, uint32_t point)
{
    return experiment->points[point].seed;
}

const char *experiment_sha256(const struct experiment *experiment)
{
    return experiment->sha256;
}

bool experiment_is_live(const struct experiment *experiment)
{
    return experiment->is_live;
}

int experiment_text(const struct experiment *experiment, char **text, omega_error_t *err)
{
    omega_error_t own = {0};
    return normalised_text(experiment->base, text, err == NULL ? &own : err);
}

int experiment_outputs_sha256(const struct experiment *experiment, char out[65], omega_error_t *err)
{
    omega_error_t own = {0};
    return outputs_sha256(experiment->base, out, err == NULL ? &own : err);
}

const struct experiment_input *experiment_input(const struct experiment *experiment, uint32_t index)
{
    return index < experiment->inputs.count ? &experiment->inputs.at[index] : NULL;
}

const struct experiment_input *experiment_module(const struct experiment *experiment,
                                                 uint32_t index)
{
    return index < experiment->modules.count ? &experiment->modules.at[index] : NULL;
}

const char *experiment_warning(const struct experiment *experiment, uint32_t index)
{
    return index < experiment->warning_count ? experiment->warnings[index] : NULL;
}
