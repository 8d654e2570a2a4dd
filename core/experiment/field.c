/* SPDX-License-Identifier: MIT */
/* Typed reading of JSON: see field.h. */
#include "core/experiment/field.h"

#include <stdio.h>
#include <string.h>

#include "core/experiment/locate.h"

struct field field_member(const struct field *field, const char *key)
{
    return (struct field){
        .source = field->source,
        .parent = field,
        .key = key,
        .value = json_object_get(field->value, key),
    };
}

struct field field_entry(const struct field *field, size_t index)
{
    return (struct field){
        .source = field->source,
        .parent = field,
        .index = index,
        .value = json_array_get(field->value, index),
    };
}

const char *field_kind(const json_t *value)
{
    if (value == NULL) {
        return "nothing";
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

int64_t field_microseconds(double seconds)
{
    return (int64_t)(seconds * 1e6 + 0.5);
}

int field_array(const struct field *field, size_t min, size_t max, size_t *count,
                omega_error_t *err)
{
    if (!json_is_array(field->value)) {
        return field_fail(field, err, "%s, expected an array", field_kind(field->value));
    }
    *count = json_array_size(field->value);
    if (min == max && *count != min) {
        return field_fail(field, err, "%zu entries, expected %zu", *count, min);
    }
    if (*count < min || *count > max) {
        return field_fail(field, err, "%zu entries, expected %zu to %zu", *count, min, max);
    }
    return 0;
}

int field_real(const struct field *field, double min, double max, double *out, omega_error_t *err)
{
    if (!json_is_number(field->value)) {
        return field_fail(field, err, "%s, expected a number from %.12g to %.12g",
                          field_kind(field->value), min, max);
    }
    double value = json_number_value(field->value);
    if (!(value >= min && value <= max)) {
        return field_fail(field, err, "%.12g is out of range, expected %.12g to %.12g", value, min,
                          max);
    }
    *out = value;
    return 0;
}

static int read_integer(const struct field *field, double min, double max, int64_t *out,
                        omega_error_t *err)
{
    if (!json_is_integer(field->value)) {
        return field_fail(field, err, "%s, expected a whole number from %.0f to %.0f",
                          json_is_real(field->value) ? "a fraction" : field_kind(field->value), min,
                          max);
    }
    json_int_t value = json_integer_value(field->value);
    if ((double)value < min || (double)value > max) {
        return field_fail(field, err, "%lld is out of range, expected %.0f to %.0f",
                          (long long)value, min, max);
    }
    *out = value;
    return 0;
}

static bool is_name(const char *text)
{
    size_t length = strlen(text);
    size_t good = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789._-+:");
    return length >= 1 && length <= FIELD_NAME_MAX && good == length && text[0] != '.';
}

int field_text(const struct field *field, bool name, const char **out, omega_error_t *err)
{
    const char *text = json_string_value(field->value);
    if (text == NULL) {
        return field_fail(field, err, "%s, expected a string", field_kind(field->value));
    }
    if (name && !is_name(text)) {
        return field_fail(field, err,
                          "'%.40s' is no name, expected 1 to %d letters, digits and . _ - + :, "
                          "no dot first",
                          text, FIELD_NAME_MAX);
    }
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 127) {
            return field_fail(field, err, "a control character, expected text without any");
        }
    }
    *out = text;
    return 0;
}

/* Writes "a, b or c". */
static void list_choices(const char *const *choices, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; choices[i] != NULL && used < size; i++) {
        const char *between = i == 0 ? "" : choices[i + 1] == NULL ? " or " : ", ";
        int n = snprintf(out + used, size - used, "%s'%s'", between, choices[i]);
        used += n < 0 ? 0 : (size_t)n;
    }
}

int field_choice(const struct field *field, const char *const *choices, int *out,
                 omega_error_t *err)
{
    char known[160];
    list_choices(choices, known, sizeof known);
    const char *text = json_string_value(field->value);
    if (text == NULL) {
        return field_fail(field, err, "%s, expected %s", field_kind(field->value), known);
    }
    for (int i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0) {
            *out = i;
            return 0;
        }
    }
    return field_fail(field, err, "'%.40s' is unknown, expected %s", text, known);
}

static int read_number(const struct field *field, const struct field_spec *spec, void *at,
                       omega_error_t *err)
{
    double real = 0;
    int64_t whole = 0;
    if (spec->type == FIELD_REAL || spec->type == FIELD_TIME) {
        if (field_real(field, spec->min, spec->max, &real, err) != 0) {
            return err->code;
        }
    } else if (read_integer(field, spec->min, spec->max, &whole, err) != 0) {
        return err->code;
    }
    if (spec->type == FIELD_REAL) {
        *(double *)at = real;
    } else if (spec->type == FIELD_TIME) {
        *(int64_t *)at = field_microseconds(real);
    } else if (spec->type == FIELD_INT64) {
        *(int64_t *)at = whole;
    } else if (spec->type == FIELD_INT32) {
        *(int32_t *)at = (int32_t)whole;
    } else {
        *(uint32_t *)at = (uint32_t)whole;
    }
    return 0;
}

static int read_one(const struct field *field, const struct field_spec *spec, void *out,
                    omega_error_t *err)
{
    void *at = (char *)out + spec->offset;
    switch (spec->type) {
    case FIELD_TIME:
    case FIELD_REAL:
    case FIELD_INT64:
    case FIELD_INT32:
    case FIELD_UINT32:
        return read_number(field, spec, at, err);
    case FIELD_BOOL:
        if (!json_is_boolean(field->value)) {
            return field_fail(field, err, "%s, expected true or false", field_kind(field->value));
        }
        *(bool *)at = json_is_true(field->value);
        return 0;
    case FIELD_TEXT:
    case FIELD_NAME:
        return field_text(field, spec->type == FIELD_NAME, (const char **)at, err);
    case FIELD_CHOICE:
        return field_choice(field, spec->choices, (int *)at, err);
    case FIELD_VALUE:
        *(json_t **)at = field->value;
        return 0;
    }
    return field_fail(field, err, "field of unknown type");
}

static const struct field_spec *find_spec(const struct field_spec *specs, const char *key)
{
    for (const struct field_spec *spec = specs; spec->key != NULL; spec++) {
        if (strcmp(spec->key, key) == 0) {
            return spec;
        }
    }
    return NULL;
}

static int fail_unknown(const struct field *member, const struct field_spec *specs,
                        omega_error_t *err)
{
    char known[256];
    size_t used = 0;
    known[0] = '\0';
    for (const struct field_spec *spec = specs; spec->key != NULL && used < sizeof known; spec++) {
        int n = snprintf(known + used, sizeof known - used, "%s%s", spec == specs ? "" : ", ",
                         spec->key);
        used += n < 0 ? 0 : (size_t)n;
    }
    return field_fail(member, err, "unknown key, expected one of: %s", known);
}

int field_read(const struct field *field, const struct field_spec *specs, void *out,
               omega_error_t *err)
{
    if (!json_is_object(field->value)) {
        return field_fail(field, err, "%s, expected an object", field_kind(field->value));
    }
    const char *key;
    json_t *value;
    json_object_foreach(field->value, key, value)
    {
        struct field member = field_member(field, key);
        const struct field_spec *spec = find_spec(specs, key);
        if (spec == NULL) {
            return fail_unknown(&member, specs, err);
        }
        if (read_one(&member, spec, out, err) != 0) {
            return err->code;
        }
    }
    for (const struct field_spec *spec = specs; spec->key != NULL; spec++) {
        if (spec->required && json_object_get(field->value, spec->key) == NULL) {
            return field_fail(field, err, "has no '%s', which is required", spec->key);
        }
    }
    return 0;
}
