/* SPDX-License-Identifier: MIT */
/* The values of one axis of a sweep: see sweep_values.h. */
#include "core/experiment/sweep_values.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fmath.h"
#include "core/experiment/experiment_private.h"

#define BOUND_MAX 1e15 /* of ranges; whole numbers up to it are exact */
#define DIGITS "%.12g" /* of values of ranges: 3 x 0.1 is 0.3 */

enum scale {
    SCALE_LINEAR = 0,
    SCALE_LOG = 1,
};

struct range {
    double from;
    double to;
    double step; /* 0: not given */
    uint32_t count;
    int scale;
};

#define AT(member) offsetof(struct range, member)

static const char *const scales[] = {"linear", "log", NULL};

static const struct field_spec range_fields[] = {
    {"from", FIELD_REAL, AT(from), true, -BOUND_MAX, BOUND_MAX, NULL},
    {"to", FIELD_REAL, AT(to), true, -BOUND_MAX, BOUND_MAX, NULL},
    {"step", FIELD_REAL, AT(step), false, -BOUND_MAX, BOUND_MAX, NULL},
    {"count", FIELD_UINT32, AT(count), false, 2, SWEEP_VALUES_MAX, NULL},
    {"scale", FIELD_CHOICE, AT(scale), false, 0, 0, scales},
    {NULL, FIELD_VALUE, 0, false, 0, 0, NULL},
};

/* How many values a step gives; the last may miss `to` by what adding up would have rounded. */
static int count_steps(const struct field *field, struct range *range, omega_error_t *err)
{
    double steps = (range->to - range->from) / range->step;
    if (range->step == 0 || !(steps >= 0)) {
        struct field step = field_member(field, "step");
        return field_fail(&step, err, "is %.12g, expected a step that leads from %.12g to %.12g",
                          range->step, range->from, range->to);
    }
    if (steps >= SWEEP_VALUES_MAX) {
        return field_fail(field, err, "too many values, expected at most %u", SWEEP_VALUES_MAX);
    }
    range->count = (uint32_t)(steps + 1e-9) + 1;
    return 0;
}

static int check_range(const struct field *field, struct range *range, omega_error_t *err)
{
    bool steps = json_object_get(field->value, "step") != NULL;
    if (steps == (range->count > 0)) {
        return field_fail(field, err, "a range with %s, expected one of them",
                          steps ? "'step' and 'count'" : "neither 'step' nor 'count'");
    }
    if (range->scale == SCALE_LOG && (steps || range->from <= 0 || range->to <= 0)) {
        return field_fail(field, err,
                          "a range of scale 'log' %s, expected 'count' and bounds above 0",
                          steps ? "with 'step'" : "that touches 0");
    }
    return steps ? count_steps(field, range, err) : 0;
}

static double value_at(const struct range *range, uint32_t i)
{
    if (range->step != 0) {
        return range->from + i * range->step;
    }
    if (i == 0 || i == range->count - 1) {
        return i == 0 ? range->from : range->to;
    }
    double share = (double)i / (double)(range->count - 1);
    return range->scale == SCALE_LOG
               ? range->from * fmath_exp(fmath_log(range->to / range->from) * share)
               : range->from + (range->to - range->from) * share;
}

/* Rounded to 12 digits, but whole numbers as they are. */
static json_t *number(double value)
{
    char text[40];
    if (value != (double)(int64_t)value) {
        snprintf(text, sizeof text, DIGITS, value);
        value = strtod(text, NULL);
    }
    return whole_numbers(json_real(value));
}

static int read_range(const struct field *field, json_t **values, omega_error_t *err)
{
    struct range range = {0};
    if (field_read(field, range_fields, &range, err) != 0 || check_range(field, &range, err) != 0) {
        return err->code;
    }
    *values = json_array();
    for (uint32_t i = 0; i < range.count; i++) {
        if (json_array_append_new(*values, number(value_at(&range, i))) != 0) {
            json_decref(*values);
            *values = NULL;
            return out_of_memory(err);
        }
    }
    return 0;
}

int sweep_values_read(const struct field *field, json_t **values, bool *range, omega_error_t *err)
{
    size_t count;
    *values = NULL;
    *range = json_is_object(field->value);
    if (*range) {
        return read_range(field, values, err);
    }
    if (!json_is_array(field->value)) {
        return field_fail(field, err, "%s, expected a list of values or a range {\"from\", \"to\"}",
                          field_kind(field->value));
    }
    if (field_array(field, 1, SWEEP_VALUES_MAX, &count, err) != 0) {
        return err->code;
    }
    *values = json_deep_copy(field->value);
    return *values == NULL ? out_of_memory(err) : 0;
}

/* ---- the command line ---- */

/* "1..8": the whole numbers from 1 to 8, or back. */
static json_t *parse_span(const char *text)
{
    char *end;
    errno = 0;
    long long from = strtoll(text, &end, 10);
    if (end == text || strncmp(end, "..", 2) != 0) {
        return NULL;
    }
    const char *second = end + 2;
    long long to = strtoll(second, &end, 10);
    if (end == second || *end != '\0' || errno != 0) {
        return NULL;
    }
    return json_pack("{s:I,s:I,s:i}", "from", (json_int_t)from, "to", (json_int_t)to, "step",
                     to < from ? -1 : 1);
}

/* Where a value of a list ends: at the next comma that is in no text and no brackets. */
static size_t value_length(const char *text)
{
    size_t depth = 0;
    size_t i = 0;
    for (bool quoted = false; text[i] != '\0' && (text[i] != ',' || quoted || depth > 0); i++) {
        if (quoted && text[i] == '\\' && text[i + 1] != '\0') {
            i++;
        } else if (text[i] == '"') {
            quoted = !quoted;
        } else if (!quoted) {
            depth += strchr("[{", text[i]) != NULL;
            depth -= strchr("]}", text[i]) != NULL && depth > 0;
        }
    }
    return i;
}

/* "1,2,four": each JSON or else a string. */
static json_t *parse_list(const char *text)
{
    char *copy = strdup(text);
    json_t *list = copy == NULL ? NULL : json_array();
    char *rest = copy;
    while (list != NULL && rest != NULL) {
        char *part = rest;
        rest += value_length(part);
        rest = *rest == '\0' ? NULL : rest;
        if (rest != NULL) {
            *rest++ = '\0';
        }
        if (json_array_append_new(list, settings_value(part)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    free(copy);
    return list;
}

json_t *sweep_values_parse(const char *text)
{
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    value = value != NULL ? value : parse_span(text);
    return whole_numbers(value != NULL ? value : parse_list(text));
}
