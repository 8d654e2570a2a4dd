/* SPDX-License-Identifier: MIT */
/* Sweeps: see sweep.h. */
#include "core/experiment/sweep.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/experiment/experiment_private.h"
#include "core/experiment/sweep_values.h"

/* ---- reading ---- */

/* What belongs to the whole experiment, or to a point by itself. */
static int check_key(const struct field *field, const char *path, omega_error_t *err)
{
    static const char *const fixed[] = {"name",   "description",     "variants",
                                        "record", "counterfactuals", "sweep"};
    static const char *const seeds[] = {"seed", "seeds"};
    size_t length = strcspn(path, ".");
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (strlen(fixed[i]) == length && memcmp(fixed[i], path, length) == 0) {
            return field_fail(field, err, "cannot differ between points, expected another field");
        }
    }
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
        if (strlen(seeds[i]) == length && memcmp(seeds[i], path, length) == 0) {
            return field_fail(field, err,
                              "is no field to sweep, expected the experiment's 'seeds': each "
                              "assignment runs with all of them");
        }
    }
    return 0;
}

/* True if one path is the other, or leads to it. */
static bool overlap(const char *a, const char *b)
{
    size_t length = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
    return strncmp(a, b, length) == 0 && (a[length] == '\0' || a[length] == '.') &&
           (b[length] == '\0' || b[length] == '.');
}

static int check_new_path(const struct sweep *sweep, const struct field *field, const char *path,
                          omega_error_t *err)
{
    for (uint32_t i = 0; i < sweep->axis_count; i++) {
        if (overlap(sweep->axes[i].path, path)) {
            return field_fail(field, err, "overlaps '%.80s', expected each field once",
                              sweep->axes[i].path);
        }
    }
    return 0;
}

/* A value as results show it: 12 digits as everywhere, objects with sorted keys. */
static int show(const json_t *value, struct parameter *shown, struct pool *pool)
{
    char *json = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS |
                                       JSON_REAL_PRECISION(12));
    if (json == NULL) {
        return OMEGA_ENOMEM;
    }
    shown->json = pool_text(pool, json);
    shown->text = json_is_string(value) ? pool_text(pool, json_string_value(value)) : shown->json;
    free(json);
    return shown->json == NULL || shown->text == NULL ? OMEGA_ENOMEM : OMEGA_OK;
}

static int show_values(struct sweep_axis *axis, struct pool *pool, omega_error_t *err)
{
    size_t count = json_array_size(axis->values);
    axis->shown = pool_alloc(pool, count, sizeof *axis->shown);
    if (axis->shown == NULL) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        axis->shown[i].path = axis->path;
        if (show(json_array_get(axis->values, i), &axis->shown[i], pool) != OMEGA_OK) {
            return out_of_memory(err);
        }
    }
    return 0;
}

static int read_axis(struct sweep *sweep, const struct field *field, long entry, struct pool *pool,
                     omega_error_t *err)
{
    if (sweep->axis_count == PARAMETERS_MAX) {
        return field_fail(field, err, "too many fields, expected at most %u", PARAMETERS_MAX);
    }
    struct sweep_axis *axis = &sweep->axes[sweep->axis_count];
    *axis = (struct sweep_axis){.entry = entry, .group = sweep->group_count};
    axis->key = pool_text(pool, field->key);
    axis->path = settings_path(pool, field->key, strlen(field->key));
    if (axis->key == NULL || axis->path == NULL) {
        return out_of_memory(err);
    }
    if (check_key(field, axis->path, err) != 0 ||
        check_new_path(sweep, field, axis->path, err) != 0 ||
        sweep_values_read(field, &axis->values, &axis->range, err) != 0) {
        return err->code;
    }
    sweep->axis_count++;
    uint32_t count = (uint32_t)json_array_size(axis->values);
    uint32_t *values = &sweep->group_values[axis->group];
    if (*values != 0 && *values != count) {
        return field_fail(field, err,
                          "%u values, expected %u as in '%.60s', with which it moves together",
                          count, *values, axis[-1].path);
    }
    *values = count;
    return show_values(axis, pool, err);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What the axes of a group show at each of their values: two alike would be one point twice. */
static int check_different(const struct sweep *sweep, uint32_t first, const struct field *field,
                           omega_error_t *err)
{
    struct pool pool = {0};
    uint32_t count = sweep->group_values[sweep->axes[first].group];
    const char **texts = pool_alloc(&pool, count, sizeof *texts);
    int rc = texts == NULL ? out_of_memory(err) : 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        texts[i] = "";
        for (uint32_t a = first; texts[i] != NULL && a < sweep->axis_count; a++) {
            texts[i] = pool_format(&pool, "%s%s%s", texts[i], a == first ? "" : " with ",
                                   sweep->axes[a].shown[i].json);
        }
        rc = texts[i] == NULL ? out_of_memory(err) : 0;
    }
    if (rc == 0) {
        qsort(texts, count, sizeof *texts, compare_texts);
    }
    for (uint32_t i = 1; rc == 0 && i < count; i++) {
        if (strcmp(texts[i - 1], texts[i]) == 0) {
            rc = field_fail(field, err, "has %.100s twice, expected different values", texts[i]);
        }
    }
    pool_release(&pool);
    return rc;
}

/* Closes the group whose axes begin with `first`. */
static int end_group(struct sweep *sweep, uint32_t first, const struct field *field,
                     omega_error_t *err)
{
    uint64_t assignments = (uint64_t)sweep->assignments * sweep->group_values[sweep->group_count];
    if (check_different(sweep, first, field, err) != 0) {
        return err->code;
    }
    if (assignments > EXPERIMENT_POINTS_MAX) {
        return field_fail(field, err, "too many assignments, expected at most %u points",
                          EXPERIMENT_POINTS_MAX);
    }
    sweep->assignments = (uint32_t)assignments;
    sweep->group_count++;
    return 0;
}

/* An object whose keys are crossed. */
static int read_crossed(struct sweep *sweep, const struct field *field, struct pool *pool,
                        omega_error_t *err)
{
    const char *key;
    json_t *value;
    json_object_foreach(field->value, key, value)
    {
        struct field member = field_member(field, key);
        uint32_t first = sweep->axis_count;
        if (read_axis(sweep, &member, -1, pool, err) != 0 ||
            end_group(sweep, first, &member, err) != 0) {
            return err->code;
        }
    }
    return 0;
}

/* An object whose keys move together. Their order means nothing and is that of their names, so that
 * it outlives being sorted. */
static int read_zipped(struct sweep *sweep, const struct field *field, struct pool *pool,
                       omega_error_t *err)
{
    const char *keys[PARAMETERS_MAX + 1];
    size_t count = 0;
    uint32_t first = sweep->axis_count;
    const char *key;
    json_t *value;
    if (!json_is_object(field->value)) {
        return field_fail(field, err, "%s, expected an object of fields that move together",
                          field_kind(field->value));
    }
    json_object_foreach(field->value, key, value)
    {
        if (count <= PARAMETERS_MAX) {
            keys[count++] = key;
        }
    }
    if (count == 0) {
        return field_fail(field, err, "is empty, expected at least one field");
    }
    qsort(keys, count, sizeof *keys, compare_texts);
    for (size_t i = 0; i < count; i++) {
        struct field member = field_member(field, keys[i]);
        if (read_axis(sweep, &member, (long)field->index, pool, err) != 0) {
            return err->code;
        }
    }
    return end_group(sweep, first, field, err);
}

int sweep_read(struct sweep *sweep, const struct field *field, struct pool *pool,
               omega_error_t *err)
{
    size_t count;
    sweep->assignments = 1;
    if (field->value == NULL) {
        return 0;
    }
    if (json_is_object(field->value)) {
        return json_object_size(field->value) == 0
                   ? field_fail(field, err, "is empty, expected at least one field")
                   : read_crossed(sweep, field, pool, err);
    }
    if (!json_is_array(field->value)) {
        return field_fail(field, err, "%s, expected an object of fields, or a list of such objects",
                          field_kind(field->value));
    }
    if (field_array(field, 1, PARAMETERS_MAX, &count, err) != 0) {
        return err->code;
    }
    for (size_t i = 0; i < count; i++) {
        struct field entry = field_entry(field, i);
        if (read_zipped(sweep, &entry, pool, err) != 0) {
            return err->code;
        }
    }
    return 0;
}

void sweep_release(struct sweep *sweep)
{
    for (uint32_t i = 0; i < PARAMETERS_MAX; i++) {
        json_decref(sweep->axes[i].values);
        sweep->axes[i].values = NULL;
    }
}

const char *sweep_field_above(const struct sweep *sweep, const char *path)
{
    for (uint32_t i = 0; i < sweep->axis_count; i++) {
        const char *swept = sweep->axes[i].path;
        if (strlen(path) >= strlen(swept) && overlap(swept, path)) {
            return swept;
        }
    }
    return NULL;
}

json_t *sweep_normal(const struct sweep *sweep)
{
    json_t *list = json_array();
    for (uint32_t i = 0; list != NULL && i < sweep->axis_count; i++) {
        const struct sweep_axis *axis = &sweep->axes[i];
        if (axis->group == json_array_size(list)) {
            json_array_append_new(list, json_object());
        }
        json_t *object = json_array_get(list, axis->group);
        if (json_object_set(object, axis->path, axis->values) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* ---- the command line ---- */

/* The object of a sweep in which a path stands already, else the one to put it in; NULL: it is no
 * sweep. */
static json_t *object_for(json_t *doc, const char *path, struct pool *pool, const char **key)
{
    if (json_is_null(json_object_get(doc, "sweep"))) { /* --set sweep=null */
        json_object_del(doc, "sweep");
    }
    json_t *sweep = json_object_get(doc, "sweep");
    size_t count = json_is_array(sweep) ? json_array_size(sweep) : 1;
    *key = path;
    for (size_t i = 0; i < count; i++) {
        json_t *object = json_is_array(sweep) ? json_array_get(sweep, i) : sweep;
        const char *name;
        json_t *value;
        json_object_foreach(object, name, value)
        {
            const char *other = settings_path(pool, name, strlen(name));
            if (other != NULL && strcmp(other, path) == 0) {
                *key = name;
                return object;
            }
        }
    }
    if (json_is_array(sweep)) {
        json_array_append_new(sweep, json_object());
        return json_array_get(sweep, json_array_size(sweep) - 1);
    }
    if (sweep == NULL) {
        json_object_set_new(doc, "sweep", json_object());
    }
    return json_object_get(doc, "sweep");
}

int sweep_add(json_t *doc, const char *setting, struct pool *pool, const char **place,
              omega_error_t *err)
{
    const char *key;
    const char *equals = strchr(setting, '=');
    if (equals == NULL || equals == setting || equals[1] == '\0') {
        return omega_error_set(err, OMEGA_EINVAL, "--sweep '%.80s': expected path=values", setting);
    }
    const char *path = settings_path(pool, setting, (size_t)(equals - setting));
    json_t *values = path == NULL ? NULL : sweep_values_parse(equals + 1);
    json_t *object = values == NULL ? NULL : object_for(doc, path, pool, &key);
    if (object == NULL) {
        json_decref(values);
        return omega_error_set(err, OMEGA_EINVAL, "--sweep '%.80s': expected UTF-8 text", setting);
    }
    *place = pool_format(pool, "sweep.%s", path);
    if (json_object_set_new(object, key, values) != 0 || *place == NULL) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "--sweep '%.80s': expected 'sweep' to be an object of fields, or a "
                               "list of such objects",
                               setting);
    }
    return 0;
}

/* ---- assignments ---- */

uint32_t sweep_index(const struct sweep *sweep, uint32_t axis, uint32_t assignment)
{
    uint32_t group = sweep->axes[axis].group;
    for (uint32_t g = sweep->group_count - 1; g > group; g--) {
        assignment /= sweep->group_values[g];
    }
    return assignment % sweep->group_values[group];
}

bool sweep_is_probe(const struct sweep *sweep, uint32_t assignment)
{
    uint32_t moved = 0;
    for (uint32_t g = sweep->group_count; g > 0; g--) {
        moved += assignment % sweep->group_values[g - 1] != 0;
        assignment /= sweep->group_values[g - 1];
    }
    return moved <= 1;
}

int sweep_apply(const struct sweep *sweep, uint32_t assignment, json_t *doc, uint32_t *axis,
                omega_error_t *err)
{
    for (uint32_t i = 0; i < sweep->axis_count; i++) {
        const struct sweep_axis *at = &sweep->axes[i];
        const json_t *value = json_array_get(at->values, sweep_index(sweep, i, assignment));
        *axis = i;
        if (json_is_null(value)) {
            settings_remove(doc, at->path);
        } else if (settings_put(doc, at->path, json_deep_copy(value), err) != 0) {
            return err->code;
        }
    }
    return 0;
}

void sweep_places(const struct sweep *sweep, uint32_t assignment,
                  struct field_swept out[PARAMETERS_MAX])
{
    for (uint32_t i = 0; i < sweep->axis_count; i++) {
        const struct sweep_axis *axis = &sweep->axes[i];
        out[i] = (struct field_swept){
            .path = axis->path,
            .key = axis->key,
            .entry = axis->entry,
            .index = axis->range ? -1 : (long)sweep_index(sweep, i, assignment),
        };
    }
}

void sweep_parameters(const struct sweep *sweep, uint32_t assignment,
                      struct parameter out[PARAMETERS_MAX], struct parameters *parameters)
{
    for (uint32_t i = 0; i < sweep->axis_count; i++) {
        out[i] = sweep->axes[i].shown[sweep_index(sweep, i, assignment)];
    }
    *parameters = (struct parameters){.count = sweep->axis_count, .at = out};
}

__attribute__((format(printf, 4, 5))) static size_t add(char *out, size_t size, size_t used,
                                                        const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(out + used, size - used, format, list);
    va_end(list);
    return n < 0 || (size_t)n >= size - used ? size - 1 : used + (size_t)n;
}

void point_name(const char *variant, const struct parameters *parameters, uint64_t seed, char *out,
                size_t size)
{
    size_t used = add(out, size, 0, "%s%s", variant, variant[0] == '\0' ? "" : ", ");
    for (uint32_t i = 0; i < parameters->count; i++) {
        const struct parameter *parameter = &parameters->at[i];
        used = add(out, size, used, "%s=%.40s, ", parameter->path, parameter->text);
    }
    add(out, size, used, "seed %" PRIu64, seed);
}

int parameters_of_text(const char *text, uint32_t assignment, struct pool *pool,
                       struct parameters *parameters, omega_error_t *err)
{
    omega_error_t own = {0};
    omega_error_t *e = err == NULL ? &own : err;
    struct sweep sweep = {0};
    *parameters = (struct parameters){0};
    if (assignment == 0) {
        return 0;
    }
    json_t *doc = json_loads(text, 0, NULL);
    struct field_source source = {
        .file = "the experiment", .text = text, .size = strlen(text), .variant = -1};
    struct field root = {.source = &source, .value = doc};
    struct field field = field_member(&root, "sweep");
    struct parameter *at = pool_alloc(pool, PARAMETERS_MAX, sizeof *at);
    int rc = at == NULL ? out_of_memory(e) : sweep_read(&sweep, &field, pool, e);
    if (rc == 0 && (assignment > sweep.assignments || sweep.axis_count == 0)) {
        rc = omega_error_set(e, OMEGA_EINVAL, "the experiment's sweep has no assignment %" PRIu32,
                             assignment);
    }
    if (rc == 0) {
        sweep_parameters(&sweep, assignment - 1, at, parameters);
    }
    sweep_release(&sweep);
    json_decref(doc);
    return rc;
}

char *point_label(const char *variant, uint32_t assignment, uint64_t seed)
{
    char *label = NULL;
    char sweep[32] = "";
    if (assignment > 0) {
        snprintf(sweep, sizeof sweep, "sweep-%" PRIu32 "-", assignment);
    }
    int n = asprintf(&label, "%s%s%sseed-%" PRIu64, variant, variant[0] == '\0' ? "" : "-", sweep,
                     seed);
    return n < 0 ? NULL : label;
}
