/* SPDX-License-Identifier: MIT */
/* Distributions in an experiment: a number, or an object with "type" and its parameters. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/experiment/experiment_private.h"

#define QUANTILES_MAX 100000u
#define SIGMA_MAX 20

struct distribution_fields {
    int type;
    double value;
    double min;
    double max;
    double mean;
    double median;
    double sigma;
    json_t *quantiles;
    json_t *file;
};

static const char *const types[] = {"constant",  "uniform",   "exponential",
                                    "lognormal", "empirical", NULL};

#define AT(member) offsetof(struct distribution_fields, member)
#define TYPE                                                                                       \
    {                                                                                              \
        "type", FIELD_CHOICE, AT(type), true, 0, 0, types                                          \
    }
#define NUMBER(key, member, most)                                                                  \
    {                                                                                              \
        key, FIELD_REAL, AT(member), true, 0, most, NULL                                           \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, FIELD_VALUE, 0, false, 0, 0, NULL                                                    \
    }

static const struct field_spec constant_fields[] = {TYPE, NUMBER("value", value, AMOUNT_MAX), END};
static const struct field_spec uniform_fields[] = {TYPE, NUMBER("min", min, AMOUNT_MAX),
                                                   NUMBER("max", max, AMOUNT_MAX), END};
static const struct field_spec exponential_fields[] = {TYPE, NUMBER("mean", mean, AMOUNT_MAX), END};
static const struct field_spec lognormal_fields[] = {TYPE, NUMBER("median", median, AMOUNT_MAX),
                                                     NUMBER("sigma", sigma, SIGMA_MAX), END};
static const struct field_spec empirical_fields[] = {
    TYPE,
    {"quantiles", FIELD_VALUE, AT(quantiles), false, 0, 0, NULL},
    {"file", FIELD_VALUE, AT(file), false, 0, 0, NULL},
    END,
};

static const struct field_spec *const fields_of[] = {
    [DISTRIBUTION_CONSTANT] = constant_fields,       [DISTRIBUTION_UNIFORM] = uniform_fields,
    [DISTRIBUTION_EXPONENTIAL] = exponential_fields, [DISTRIBUTION_LOGNORMAL] = lognormal_fields,
    [DISTRIBUTION_EMPIRICAL] = empirical_fields,
};

static int read_quantile(const struct field *pair, struct distribution_point *point,
                         omega_error_t *err)
{
    size_t two;
    if (field_array(pair, 2, 2, &two, err) != 0) {
        return err->code;
    }
    struct field quantile = field_entry(pair, 0);
    struct field value = field_entry(pair, 1);
    if (field_real(&quantile, 0, 1, &point->quantile, err) != 0 ||
        field_real(&value, 0, AMOUNT_MAX, &point->value, err) != 0) {
        return err->code;
    }
    return 0;
}

static int read_quantiles(const struct field *table, struct distribution *out, omega_error_t *err)
{
    size_t count;
    if (field_array(table, 2, QUANTILES_MAX, &count, err) != 0) {
        return err->code;
    }
    out->points = calloc(count, sizeof *out->points); /* distribution_release() frees it */
    if (out->points == NULL) {
        return out_of_memory(err);
    }
    out->point_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        struct field pair = field_entry(table, i);
        if (read_quantile(&pair, &out->points[i], err) != 0) {
            return err->code;
        }
    }
    return 0;
}

static int read_samples(struct point_parts *parts, const struct field *file,
                        struct distribution *out, omega_error_t *err)
{
    const char *path;
    omega_error_t cause = {0};
    if (files_resolve(parts, file, &path, err) != 0) {
        return err->code;
    }
    if (!parts->files) {
        *out = (struct distribution){.type = DISTRIBUTION_CONSTANT, .a = 1};
        return 0;
    }
    if (distribution_read_samples(path, out, &cause) != 0) {
        return field_fail_with(file, &cause, err);
    }
    if (out->point_count > 0 && out->points[0].value < 0) {
        return field_fail(file, err, "holds the sample %.12g, expected none below 0",
                          out->points[0].value);
    }
    return 0;
}

static int read_empirical(struct point_parts *parts, const struct field *field,
                          const struct distribution_fields *given, struct distribution *out,
                          omega_error_t *err)
{
    if ((given->quantiles == NULL) == (given->file == NULL)) {
        return field_fail(field, err, "expected one of 'quantiles' and 'file'");
    }
    struct field member = field_member(field, given->file == NULL ? "quantiles" : "file");
    return given->file == NULL ? read_quantiles(&member, out, err)
                               : read_samples(parts, &member, out, err);
}

static int read_object(struct point_parts *parts, const struct field *field,
                       struct distribution *out, omega_error_t *err)
{
    struct distribution_fields given = {0};
    if (!json_is_object(field->value)) {
        return field_fail(field, err, "%s, expected a number or an object with 'type'",
                          field_kind(field->value));
    }
    struct field type = field_member(field, "type");
    if (type.value == NULL) {
        return field_fail(field, err, "has no 'type', which is required");
    }
    if (field_choice(&type, types, &given.type, err) != 0 ||
        field_read(field, fields_of[given.type], &given, err) != 0) {
        return err->code;
    }
    out->type = (enum distribution_type)given.type;
    switch (out->type) {
    case DISTRIBUTION_CONSTANT:
        out->a = given.value;
        return 0;
    case DISTRIBUTION_UNIFORM:
        out->a = given.min;
        out->b = given.max;
        return 0;
    case DISTRIBUTION_EXPONENTIAL:
        out->a = given.mean;
        return 0;
    case DISTRIBUTION_LOGNORMAL:
        out->a = given.median;
        out->b = given.sigma;
        return 0;
    case DISTRIBUTION_EMPIRICAL:
        break;
    }
    return read_empirical(parts, field, &given, out, err);
}

int distribution_read(struct point_parts *parts, const struct field *field,
                      const struct distribution **out, omega_error_t *err)
{
    omega_error_t cause = {0};
    *out = NULL;
    if (field->value == NULL) {
        return 0;
    }
    struct part_distribution *part = pool_alloc(&parts->pool, 1, sizeof *part);
    if (part == NULL) {
        return out_of_memory(err);
    }
    part->next = parts->distributions;
    parts->distributions = part;
    struct distribution *distribution = &part->distribution;
    int rc = json_is_number(field->value) ? field_real(field, 0, AMOUNT_MAX, &distribution->a, err)
                                          : read_object(parts, field, distribution, err);
    if (rc != 0) {
        return rc;
    }
    if (distribution_check(distribution, &cause) != 0) {
        return field_fail_with(field, &cause, err);
    }
    *out = distribution;
    return 0;
}

int distribution_copy(struct point_parts *parts, const struct field *field,
                      struct distribution *out, omega_error_t *err)
{
    const struct distribution *read;
    int rc = distribution_read(parts, field, &read, err);
    if (rc == 0 && read != NULL) {
        *out = *read;
    }
    return rc;
}
