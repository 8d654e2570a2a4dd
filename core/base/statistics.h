/* SPDX-License-Identifier: MIT */
/*
 * Statistics of independent values, such as one figure of runs with different seeds: mean and
 * spread, intervals by Student's t, and several tests at once. The formulas and where they are
 * from: core/analysis/README.md. The same bits on every CPU and compiler.
 */
#ifndef OMEGA_CORE_BASE_STATISTICS_H
#define OMEGA_CORE_BASE_STATISTICS_H

#include <stdint.h>

/* An estimate and how sure it is. NaN where there is none: an interval needs two values. */
struct interval {
    uint32_t n;      /* values, or pairs; of Welch's: of both samples */
    double estimate; /* a mean, or a difference of means */
    double sd;       /* of the values or of the pairs' differences; Welch's: standard error */
    double df;       /* degrees of freedom */
    double half;     /* half the width */
    double low;      /* estimate - half */
    double high;     /* estimate + half */
    double p;        /* two-sided, of the hypothesis that what is estimated is 0 */
};

/* The mean, by a compensated sum in the given order; NaN without values. */
double statistics_mean(const double *values, uint32_t count);

/* The standard deviation with divisor count - 1; NaN below two values. */
double statistics_sd(const double *values, uint32_t count);

/* The interval of a mean at a confidence such as 0.95: mean +- t(n - 1) sd / sqrt(n). */
void interval_of_mean(const double *values, uint32_t count, double confidence,
                      struct interval *out);

/* The interval of the mean of b[i] - a[i]: values that belong together in pairs. */
void interval_of_pairs(const double *a, const double *b, uint32_t count, double confidence,
                       struct interval *out);

/* The interval of mean(b) - mean(a) of independent samples whose spreads may differ (Welch). */
void interval_of_samples(const double *a, uint32_t a_count, const double *b, uint32_t b_count,
                         double confidence, struct interval *out);

/* Holm's correction: p-values such that to reject where one is at most alpha errs with a
 * probability of at most alpha in any of them. NaN stays NaN and counts as no test. `adjusted` may
 * be `p`. At most STATISTICS_TESTS_MAX; more are left as NaN. */
#define STATISTICS_TESTS_MAX 4096u
void statistics_holm(const double *p, uint32_t count, double *adjusted);

#endif
