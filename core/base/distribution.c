/* SPDX-License-Identifier: MIT */
/* Distributions: see distribution.h. */
#include "core/base/distribution.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/fmath.h"

#define SAMPLES_MAX (1u << 24)
#define SAMPLE_FILE_MAX ((size_t)1 << 30)

static int check_table(const struct distribution *distribution, omega_error_t *err)
{
    uint32_t count = distribution->point_count;
    const struct distribution_point *points = distribution->points;
    if (count < 2 || points == NULL) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "quantile table has %u points, expected at least 2", count);
    }
    if (points[0].quantile != 0.0 || points[count - 1].quantile != 1.0) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "quantile table runs from %g to %g, expected from 0 to 1",
                               points[0].quantile, points[count - 1].quantile);
    }
    if (!isfinite(points[0].value) || !isfinite(points[count - 1].value) ||
        !isfinite(points[count - 1].value - points[0].value)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "quantile table holds a value that is not finite");
    }
    for (uint32_t i = 1; i < count; i++) {
        if (!(points[i].quantile > points[i - 1].quantile)) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "quantile %g at point %u of the table, expected one above %g",
                                   points[i].quantile, i, points[i - 1].quantile);
        }
        if (!(points[i].value >= points[i - 1].value)) {
            return omega_error_set(
                err, OMEGA_EINVAL,
                "value %g at point %u of the quantile table, expected %g or more", points[i].value,
                i, points[i - 1].value);
        }
    }
    return OMEGA_OK;
}

static int check_finite(double value, const char *name, omega_error_t *err)
{
    return isfinite(value)
               ? OMEGA_OK
               : omega_error_set(err, OMEGA_EINVAL, "%s is not finite, expected a number", name);
}

static int check_uniform(const struct distribution *distribution, omega_error_t *err)
{
    int rc = check_finite(distribution->a, "min", err);
    if (rc == OMEGA_OK) {
        rc = check_finite(distribution->b, "max", err);
    }
    if (rc == OMEGA_OK && distribution->a > distribution->b) {
        rc = omega_error_set(err, OMEGA_EINVAL, "min is %g, expected at most the max, %g",
                             distribution->a, distribution->b);
    }
    return rc != OMEGA_OK ? rc : check_finite(distribution->b - distribution->a, "max - min", err);
}

static int check_positive(double value, const char *name, omega_error_t *err)
{
    int rc = check_finite(value, name, err);
    if (rc == OMEGA_OK && !(value > 0.0)) {
        rc = omega_error_set(err, OMEGA_EINVAL, "%s is %g, expected above 0", name, value);
    }
    return rc;
}

static int check_lognormal(const struct distribution *distribution, omega_error_t *err)
{
    int rc = check_positive(distribution->a, "median", err);
    if (rc == OMEGA_OK) {
        rc = check_finite(distribution->b, "sigma", err);
    }
    if (rc == OMEGA_OK && distribution->b < 0.0) {
        rc = omega_error_set(err, OMEGA_EINVAL, "sigma is %g, expected 0 or more", distribution->b);
    }
    return rc;
}

int distribution_check(const struct distribution *distribution, omega_error_t *err)
{
    switch (distribution->type) {
    case DISTRIBUTION_CONSTANT:
        return check_finite(distribution->a, "value", err);
    case DISTRIBUTION_UNIFORM:
        return check_uniform(distribution, err);
    case DISTRIBUTION_EXPONENTIAL:
        return check_positive(distribution->a, "mean", err);
    case DISTRIBUTION_LOGNORMAL:
        return check_lognormal(distribution, err);
    case DISTRIBUTION_EMPIRICAL:
        return check_table(distribution, err);
    }
    return omega_error_set(err, OMEGA_EINVAL, "unknown distribution type %d",
                           (int)distribution->type);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

int distribution_from_samples(double *samples, uint32_t count, struct distribution *out,
                              omega_error_t *err)
{
    *out = (struct distribution){.type = DISTRIBUTION_EMPIRICAL};
    if (count == 0 || count > SAMPLES_MAX) {
        return omega_error_set(err, OMEGA_EINVAL, "%u samples, expected 1 to %u", count,
                               SAMPLES_MAX);
    }
    for (uint32_t i = 0; i < count; i++) {
        samples[i] += 0.0; /* -0 becomes 0: the two compare equal, so sorting could not tell them */
        if (!isfinite(samples[i])) {
            return omega_error_set(err, OMEGA_EINVAL, "sample %u is not finite", i);
        }
    }
    qsort(samples, count, sizeof *samples, compare_doubles);
    uint32_t points = count == 1 ? 2 : count;
    out->points = malloc(points * sizeof *out->points);
    if (out->points == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u samples", count);
    }
    for (uint32_t i = 0; i < points; i++) {
        out->points[i] = (struct distribution_point){
            .quantile = (double)i / (double)(points - 1),
            .value = samples[i < count ? i : count - 1],
        };
    }
    out->point_count = points;
    int rc = distribution_check(out, err);
    if (rc != OMEGA_OK) {
        distribution_release(out);
    }
    return rc;
}

/* Samples that are being read. */
struct samples {
    double *values;
    uint32_t count;
    uint32_t room;
};

static int add_sample(struct samples *samples, double value, const char *path, omega_error_t *err)
{
    if (samples->count == SAMPLES_MAX) {
        return omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                  "holds more samples than expected, which is at most %u",
                                  SAMPLES_MAX);
    }
    if (samples->count == samples->room) {
        uint32_t room = samples->room == 0 ? 1024 : samples->room * 2;
        double *values = realloc(samples->values, room * sizeof *values);
        if (values == NULL) {
            return omega_error_set_at(err, OMEGA_ENOMEM, path, 0, "no memory for %u samples", room);
        }
        samples->values = values;
        samples->room = room;
    }
    samples->values[samples->count++] = value;
    return OMEGA_OK;
}

/* Reads the number of a line that ends at `end` with a NUL; false if it has none, or more. */
static bool read_number(const char *line, const char *end, double *value)
{
    size_t length = strspn(line, "+-.0123456789eE"); /* neither nan nor hexadecimal */
    char *rest;
    *value = strtod(line, &rest);
    return length > 0 && rest == line + length && rest + strspn(rest, " \t\r") == end &&
           isfinite(*value);
}

static int read_samples(char *bytes, size_t size, const char *path, struct samples *samples,
                        omega_error_t *err)
{
    long number = 1;
    for (char *line = bytes; line < bytes + size; number++) {
        char *end = memchr(line, '\n', (size_t)(bytes + size - line));
        if (end == NULL) {
            end = bytes + size;
        }
        *end = '\0';
        const char *text = line + strspn(line, " \t\r");
        line = end + 1;
        if (text == end || *text == '#') {
            continue;
        }
        double value;
        if (!read_number(text, end, &value)) {
            return omega_error_set_at(err, OMEGA_EINVAL, path, number,
                                      "'%.40s' is no sample, expected one decimal number a line",
                                      text);
        }
        int rc = add_sample(samples, value, path, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    return OMEGA_OK;
}

int distribution_read_samples(const char *path, struct distribution *out, omega_error_t *err)
{
    struct samples samples = {.values = NULL, .count = 0, .room = 0};
    char *bytes;
    size_t size;
    *out = (struct distribution){.type = DISTRIBUTION_EMPIRICAL};
    int rc = file_read_all(path, SAMPLE_FILE_MAX, &bytes, &size, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = read_samples(bytes, size, path, &samples, err);
    if (rc == OMEGA_OK && samples.count == 0) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                "holds no sample, expected one number a line");
    }
    if (rc == OMEGA_OK) {
        omega_error_t cause = {.code = OMEGA_OK};
        rc = distribution_from_samples(samples.values, samples.count, out, &cause);
        if (rc != OMEGA_OK) {
            omega_error_set_at(err, rc, path, 0, "%s", cause.text);
        }
    }
    free(samples.values);
    free(bytes);
    return rc;
}

void distribution_release(struct distribution *distribution)
{
    if (distribution != NULL) {
        free(distribution->points);
        distribution->points = NULL;
        distribution->point_count = 0;
    }
}

static double draw_uniform(double min, double max, double unit)
{
    double value = min + (max - min) * unit;
    return value < max ? value : min; /* rounded up to the open end, or min = max */
}

/* A uniform double in (0, 1), both ends out: what the normal quantile can take. */
static double unit_open(struct omega_random *random)
{
    return ((double)(omega_random_u64(random) >> 12) + 0.5) * 0x1p-52;
}

static double draw_table(const struct distribution *distribution, double unit)
{
    const struct distribution_point *points = distribution->points;
    uint32_t below = 0; /* the last point whose quantile is not above `unit` */
    uint32_t above = distribution->point_count - 1;
    while (above - below > 1) {
        uint32_t middle = below + (above - below) / 2;
        if (points[middle].quantile <= unit) {
            below = middle;
        } else {
            above = middle;
        }
    }
    double f = (unit - points[below].quantile) / (points[above].quantile - points[below].quantile);
    return points[below].value + f * (points[above].value - points[below].value);
}

double distribution_draw(const struct distribution *distribution, struct omega_random *random)
{
    switch (distribution->type) {
    case DISTRIBUTION_CONSTANT:
        break;
    case DISTRIBUTION_UNIFORM:
        return draw_uniform(distribution->a, distribution->b, omega_random_unit(random));
    case DISTRIBUTION_EXPONENTIAL:
        return 0.0 - distribution->a * fmath_log(omega_random_unit_positive(random));
    case DISTRIBUTION_LOGNORMAL:
        return distribution->a *
               fmath_exp(distribution->b * fmath_normal_quantile(unit_open(random)));
    case DISTRIBUTION_EMPIRICAL:
        return draw_table(distribution, omega_random_unit(random));
    }
    return distribution->a;
}

static double mean_of_table(const struct distribution *distribution)
{
    double sum = 0.0;
    for (uint32_t i = 1; i < distribution->point_count; i++) {
        const struct distribution_point *point = &distribution->points[i];
        sum +=
            (point->quantile - point[-1].quantile) * (0.5 * point->value + 0.5 * point[-1].value);
    }
    return sum;
}

double distribution_mean(const struct distribution *distribution)
{
    switch (distribution->type) {
    case DISTRIBUTION_CONSTANT:
    case DISTRIBUTION_EXPONENTIAL:
        break;
    case DISTRIBUTION_UNIFORM:
        return 0.5 * distribution->a + 0.5 * distribution->b;
    case DISTRIBUTION_LOGNORMAL:
        return distribution->a * fmath_exp(0.5 * distribution->b * distribution->b);
    case DISTRIBUTION_EMPIRICAL:
        return mean_of_table(distribution);
    }
    return distribution->a;
}
