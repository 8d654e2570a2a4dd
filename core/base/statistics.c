/* SPDX-License-Identifier: MIT */
/* Statistics of independent values: see statistics.h. */
#include "core/base/statistics.h"

#include <stdbool.h>

#include "core/base/fmath.h"
#include "core/base/student.h"

#define NONE __builtin_nan("")

/* Neumaier's compensated sum (1974). */
struct sum {
    double total;
    double lost;
};

static double size_of(double x)
{
    return x < 0 ? -x : x;
}

static void add(struct sum *sum, double value)
{
    double total = sum->total + value;
    sum->lost += size_of(sum->total) >= size_of(value) ? (sum->total - total) + value
                                                       : (value - total) + sum->total;
    sum->total = total;
}

double statistics_mean(const double *values, uint32_t count)
{
    struct sum sum = {0, 0};
    for (uint32_t i = 0; i < count; i++) {
        add(&sum, values[i]);
    }
    return count == 0 ? NONE : (sum.total + sum.lost) / count;
}

double statistics_sd(const double *values, uint32_t count)
{
    struct sum sum = {0, 0};
    double mean = statistics_mean(values, count);
    for (uint32_t i = 0; i < count; i++) {
        add(&sum, (values[i] - mean) * (values[i] - mean));
    }
    return count < 2 ? NONE : fmath_sqrt((sum.total + sum.lost) / (count - 1));
}

/* Fills in what follows from an estimate, its standard error and its degrees of freedom. */
static void spread(struct interval *out, double error, double df, double confidence)
{
    df = df < 1 ? 1 : df; /* Welch's may be, by a rounding */
    out->df = df;
    out->half = student_quantile((1 - confidence) / 2, df) * error;
    if (error == 0) { /* all values are the same: nothing is left to chance */
        out->half = 0;
        out->p = out->estimate == 0 ? 1 : 0;
    } else {
        out->p = 2 * student_upper(size_of(out->estimate) / error, df);
    }
    out->low = out->estimate - out->half;
    out->high = out->estimate + out->half;
}

static void without_spread(struct interval *out)
{
    out->df = NONE;
    out->half = NONE;
    out->low = NONE;
    out->high = NONE;
    out->p = NONE;
}

void interval_of_mean(const double *values, uint32_t count, double confidence, struct interval *out)
{
    out->n = count;
    out->estimate = statistics_mean(values, count);
    out->sd = statistics_sd(values, count);
    if (count < 2) {
        without_spread(out);
    } else {
        spread(out, out->sd / fmath_sqrt(count), count - 1, confidence);
    }
}

void interval_of_pairs(const double *a, const double *b, uint32_t count, double confidence,
                       struct interval *out)
{
    struct sum sum = {0, 0};
    struct sum squares = {0, 0};
    for (uint32_t i = 0; i < count; i++) {
        add(&sum, b[i] - a[i]);
    }
    out->n = count;
    out->estimate = count == 0 ? NONE : (sum.total + sum.lost) / count;
    for (uint32_t i = 0; i < count; i++) {
        double distance = b[i] - a[i] - out->estimate;
        add(&squares, distance * distance);
    }
    out->sd = count < 2 ? NONE : fmath_sqrt((squares.total + squares.lost) / (count - 1));
    if (count < 2) {
        without_spread(out);
    } else {
        spread(out, out->sd / fmath_sqrt(count), count - 1, confidence);
    }
}

void interval_of_samples(const double *a, uint32_t a_count, const double *b, uint32_t b_count,
                         double confidence, struct interval *out)
{
    double a_sd = statistics_sd(a, a_count);
    double b_sd = statistics_sd(b, b_count);
    out->n = a_count + b_count;
    out->estimate = statistics_mean(b, b_count) - statistics_mean(a, a_count);
    out->sd = NONE;
    if (a_count < 2 || b_count < 2) {
        without_spread(out);
        return;
    }
    double a_part = a_sd * a_sd / a_count;
    double b_part = b_sd * b_sd / b_count;
    double both = a_part + b_part;
    double df = both == 0 ? a_count + b_count - 2
                          : both * both /
                                (a_part * a_part / (a_count - 1) + b_part * b_part / (b_count - 1));
    out->sd = fmath_sqrt(both);
    spread(out, out->sd, df, confidence);
}

/* The smallest p that was not taken yet, the first of equal ones; `count`: there is none. */
static uint32_t smallest(const double *p, const bool *taken, uint32_t count)
{
    uint32_t best = count;
    for (uint32_t i = 0; i < count; i++) {
        if (!taken[i] && p[i] == p[i] && (best == count || p[i] < p[best])) {
            best = i;
        }
    }
    return best;
}

void statistics_holm(const double *p, uint32_t count, double *adjusted)
{
    bool taken[STATISTICS_TESTS_MAX] = {false};
    double before = 0;
    uint32_t left = 0;
    for (uint32_t i = 0; i < count; i++) {
        adjusted[i] = count > STATISTICS_TESTS_MAX ? NONE : p[i];
        left += adjusted[i] == adjusted[i];
    }
    for (; left > 0; left--) {
        uint32_t i = smallest(adjusted, taken, count);
        double value = adjusted[i] * left;
        taken[i] = true;
        before = value > before ? value : before;
        adjusted[i] = before < 1 ? before : 1;
    }
}
