/* SPDX-License-Identifier: MIT */
/*
 * Distributions that generated workloads draw from. Each draw is a double; the same bits on every
 * machine and compiler, because logarithm, exponential and normal quantile are our own (fmath.h).
 */
#ifndef OMEGA_CORE_BASE_DISTRIBUTION_H
#define OMEGA_CORE_BASE_DISTRIBUTION_H

#include <stdint.h>

#include "core/base/error.h"
#include "core/base/random.h"

enum distribution_type {
    DISTRIBUTION_CONSTANT = 0,    /* value */
    DISTRIBUTION_UNIFORM = 1,     /* [min, max) */
    DISTRIBUTION_EXPONENTIAL = 2, /* mean */
    DISTRIBUTION_LOGNORMAL = 3,   /* exp(N(log median, sigma)) */
    DISTRIBUTION_EMPIRICAL = 4,   /* quantile table, linear between its points */
};

struct distribution_point {
    double quantile; /* in [0, 1], rising */
    double value;    /* not falling */
};

struct distribution {
    enum distribution_type type;
    double a; /* value, min, mean, median */
    double b; /* max, sigma */
    uint32_t point_count;
    struct distribution_point *points; /* owned; EMPIRICAL only: first at quantile 0, last at 1 */
};

/* Checks parameters: finite, exponential mean > 0, min <= max, median > 0, sigma >= 0, table shape.
 * Returns 0 or OMEGA_EINVAL. */
int distribution_check(const struct distribution *distribution, omega_error_t *err);

/* Builds an EMPIRICAL table from `count` >= 1 samples (sorted here, in place): sample i of n stands
 * at quantile i / (n - 1). The table is owned by *out until distribution_release(). */
int distribution_from_samples(double *samples, uint32_t count, struct distribution *out,
                              omega_error_t *err);

/* Reads samples from a text file, one number a line, '#' comments and blank lines ignored. Errors
 * carry file:line. */
int distribution_read_samples(const char *path, struct distribution *out, omega_error_t *err);

/* Frees the table; the struct itself is the caller's. */
void distribution_release(struct distribution *distribution);

/* One draw. Uses one 64-bit number of the stream, CONSTANT none. */
double distribution_draw(const struct distribution *distribution, struct omega_random *random);

/* The mean, exactly for all types (LOGNORMAL by exp(log m + s^2/2); EMPIRICAL by its segments). */
double distribution_mean(const struct distribution *distribution);

#endif
