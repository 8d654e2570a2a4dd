/* SPDX-License-Identifier: MIT */
/* --set path=value: one value of an experiment, changed from the command line. */
#include <stdlib.h>
#include <string.h>

#include "core/experiment/experiment_private.h"

/* The value: JSON where it is JSON, else the text itself. */
static json_t *parse_value(const char *text)
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

static int wrong_step(json_t *at, const char *path, const char *step, omega_error_t *err)
{
    if (json_is_array(at)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "--set %.80s: '%.60s' is no entry, expected an index below %zu",
                               path, step, json_array_size(at));
    }
    if (json_is_object(at)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "--set %.80s: there is no '%.60s', expected a key of the experiment",
                               path, step);
    }
    return omega_error_set(err, OMEGA_EINVAL,
                           "--set %.80s: '%.60s' is below %s, expected an object or an array", path,
                           step, field_kind(at));
}

static json_t *step_into(json_t *at, const char *step)
{
    return json_is_array(at) ? json_array_get(at, parse_index(step)) : json_object_get(at, step);
}

/* Puts the value at the last step; takes it over. Only a key of an object may be new. */
static int put(json_t *at, const char *path, const char *step, json_t *value, omega_error_t *err)
{
    if (json_is_object(at) && step[0] != '\0') {
        if (json_object_set_new(at, step, value) != 0) {
            return omega_error_set(err, OMEGA_EINVAL, "--set %.80s: cannot be set, expected UTF-8",
                                   path);
        }
        return 0;
    }
    if (json_is_array(at) && parse_index(step) < json_array_size(at)) {
        return json_array_set_new(at, parse_index(step), value) == 0 ? 0 : out_of_memory(err);
    }
    json_decref(value);
    return wrong_step(at, path, step, err);
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

int settings_apply(json_t *doc, const char *setting, struct pool *pool, const char **path,
                   omega_error_t *err)
{
    const char *equals = strchr(setting, '=');
    if (equals == NULL || equals == setting) {
        return omega_error_set(err, OMEGA_EINVAL, "--set '%.80s': expected path=value", setting);
    }
    char *whole = pool_format(pool, "%.*s", (int)(equals - setting), setting);
    char *steps = pool_format(pool, "%.*s", (int)(equals - setting), setting);
    json_t *value = parse_value(equals + 1);
    if (whole == NULL || steps == NULL || value == NULL) {
        json_decref(value);
        return omega_error_set(err, OMEGA_EINVAL, "--set '%.80s': expected UTF-8 text", setting);
    }
    dots_only(whole);
    dots_only(steps);
    *path = whole;
    json_t *at = doc;
    char *dot;
    for (char *step = steps;; step = dot + 1) {
        dot = strchr(step, '.');
        if (dot == NULL) {
            return put(at, whole, step, value, err);
        }
        *dot = '\0';
        json_t *next = step_into(at, step);
        if (next == NULL) {
            json_decref(value);
            return wrong_step(at, whole, step, err);
        }
        at = next;
    }
}
