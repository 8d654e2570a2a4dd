/* SPDX-License-Identifier: MIT */
/* --set path=value: one value of an experiment, changed from the command line. */
#include <stdlib.h>
#include <string.h>

#include "core/experiment/experiment_private.h"

json_t *settings_value(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    return value != NULL ? value : json_string(text);
}

/* An array index: digits only; SIZE_MAX for anything else. */
static size_t parse_index(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > 9 || strspn(text, "0123456789") != length) {
        return SIZE_MAX;
    }
    return (size_t)strtoul(text, NULL, 10);
}

static int wrong_step(json_t *at, const char *step, omega_error_t *err)
{
    if (json_is_array(at)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "'%.60s' is no entry, expected an index below %zu", step,
                               json_array_size(at));
    }
    if (json_is_object(at)) {
        return omega_error_set(err, OMEGA_EINVAL, "an empty step, expected keys between the dots");
    }
    return omega_error_set(err, OMEGA_EINVAL, "'%.60s' is below %s, expected an object or an array",
                           step, field_kind(at));
}

static json_t *step_into(json_t *at, const char *step)
{
    return json_is_array(at) ? json_array_get(at, parse_index(step)) : json_object_get(at, step);
}

/* Puts the value at the last step; takes it over. Only a key of an object may be new. */
static int put(json_t *at, const char *step, json_t *value, omega_error_t *err)
{
    if (json_is_object(at) && step[0] != '\0') {
        if (json_object_set_new(at, step, value) != 0) {
            return omega_error_set(err, OMEGA_EINVAL, "cannot be set, expected UTF-8");
        }
        return 0;
    }
    if (json_is_array(at) && parse_index(step) < json_array_size(at)) {
        return json_array_set_new(at, parse_index(step), value) == 0 ? 0 : out_of_memory(err);
    }
    json_decref(value);
    return wrong_step(at, step, err);
}

/* "store": "lmdb" is short for {"kind": "lmdb"}, which it becomes to be given more keys. */
static json_t *widen_store(json_t *doc, json_t *store, omega_error_t *err)
{
    json_t *object = json_pack("{s:O}", "kind", store);
    if (object == NULL || json_object_set_new(doc, "store", object) != 0) {
        out_of_memory(err);
        return NULL;
    }
    return object;
}

/* What is at a step; a key that an object does not have becomes an object. */
static json_t *enter(json_t *doc, json_t *at, const char *step, omega_error_t *err)
{
    json_t *next = step_into(at, step);
    if (next != NULL) {
        return at == doc && json_is_string(next) && strcmp(step, "store") == 0
                   ? widen_store(doc, next, err)
                   : next;
    }
    return put(at, step, json_object(), err) == 0 ? step_into(at, step) : NULL;
}

int settings_put(json_t *doc, const char *path, json_t *value, omega_error_t *err)
{
    char *steps = strdup(path);
    json_t *at = doc;
    char *dot;
    if (steps == NULL) {
        json_decref(value);
        return out_of_memory(err);
    }
    char *step = steps;
    while (at != NULL && (dot = strchr(step, '.')) != NULL) {
        *dot = '\0';
        at = enter(doc, at, step, err);
        step = dot + 1;
    }
    if (at != NULL) {
        put(at, step, value, err);
    } else {
        json_decref(value);
    }
    free(steps);
    return err->code;
}

void settings_remove(json_t *doc, const char *path)
{
    const char *dot = strrchr(path, '.');
    char *parent = dot == NULL ? NULL : strndup(path, (size_t)(dot - path));
    json_t *at = parent == NULL ? NULL : settings_find(doc, parent);
    json_object_del(at, dot == NULL ? path : dot + 1);
    free(parent);
}

json_t *settings_find(json_t *doc, const char *path)
{
    char *steps = strdup(path);
    json_t *at = steps == NULL ? NULL : doc;
    char *rest = NULL;
    for (char *step = steps == NULL ? NULL : strtok_r(steps, ".", &rest);
         at != NULL && step != NULL; step = strtok_r(NULL, ".", &rest)) {
        at = step_into(at, step);
    }
    free(steps);
    return at;
}

/* "schedulers[0].retry" and "schedulers.0.retry" mean the same: makes the first the second. */
static void dots_only(char *path)
{
    char *to = path;
    for (const char *from = path; *from != '\0'; from++) {
        if (*from == '[') {
            *to++ = '.';
        } else if (*from != ']') {
            *to++ = *from;
        }
    }
    *to = '\0';
}

char *settings_path(struct pool *pool, const char *text, size_t length)
{
    char *path = pool_format(pool, "%.*s", (int)length, text);
    if (path != NULL) {
        dots_only(path);
    }
    return path;
}

int settings_apply(json_t *doc, const char *setting, struct pool *pool, const char **path,
                   omega_error_t *err)
{
    omega_error_t cause = {0};
    const char *equals = strchr(setting, '=');
    if (equals == NULL || equals == setting) {
        return omega_error_set(err, OMEGA_EINVAL, "--set '%.80s': expected path=value", setting);
    }
    *path = settings_path(pool, setting, (size_t)(equals - setting));
    json_t *value = whole_numbers(settings_value(equals + 1));
    if (*path == NULL || value == NULL) {
        json_decref(value);
        return omega_error_set(err, OMEGA_EINVAL, "--set '%.80s': expected UTF-8 text", setting);
    }
    if (settings_put(doc, *path, value, &cause) != 0) {
        return omega_error_set(err, cause.code, "--set %.80s: %s", *path, cause.text);
    }
    return 0;
}
