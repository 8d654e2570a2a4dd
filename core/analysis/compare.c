/* SPDX-License-Identifier: MIT */
/* Comparing two configurations: see compare.h. */
#include "core/analysis/compare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/fmath.h"
#include "core/base/student.h"

/* Results have 12 significant digits: what differs by less than this share is rounding. */
#define ROUNDING 1e-11
#define NONE __builtin_nan("")

const char *const compare_verdict_names[] = {
    [COMPARE_NO_VALUE] = "no_value",   [COMPARE_ONE_SEED] = "one_seed",
    [COMPARE_BOUNDS] = "not_decided",  [COMPARE_EQUAL] = "equal",
    [COMPARE_CONSTANT] = "constant",   [COMPARE_NOT_DIFFERENT] = "not_different",
    [COMPARE_DIFFERENT] = "different", [COMPARE_AT_LEAST] = "at_least",
};

static const struct result_configuration *side_configuration(const struct compare_side *side)
{
    return result_set_configuration(side->set, side->configuration);
}

static double size_of(double x)
{
    return x < 0 ? -x : x;
}

/* ---- pairs ---- */

/* The next seed that both have, from the positions on; false: there is none. */
static bool next_common(const struct result_configuration *a, const struct result_configuration *b,
                        uint32_t *at_a, uint32_t *at_b)
{
    while (*at_a < a->seed_count && *at_b < b->seed_count) {
        if (a->seeds[*at_a] == b->seeds[*at_b]) {
            return true;
        }
        ++*(a->seeds[*at_a] < b->seeds[*at_b] ? at_a : at_b);
    }
    return false;
}

uint32_t compare_common_seeds(const struct compare_side *a, const struct compare_side *b)
{
    uint32_t count = 0;
    for (uint32_t i = 0, k = 0; next_common(side_configuration(a), side_configuration(b), &i, &k);
         i++, k++) {
        count++;
    }
    return count;
}

static double jobs_of(const struct compare_side *side, uint32_t seed_index, const char *workload)
{
    const struct result_row *row =
        result_set_row(side->set, side->configuration, seed_index, RESULT_WORKLOAD, workload);
    return row == NULL ? -1 : result_row_number(side->set, row, "jobs_submitted");
}

/* Refuses a seed in which a workload of A is not the same one in B. */
static int check_workloads(const struct compare_side *a, uint32_t at_a,
                           const struct compare_side *b, uint32_t at_b, omega_error_t *err)
{
    const char *name;
    for (uint32_t i = 0; (name = result_set_name(a->set, RESULT_WORKLOAD, i)) != NULL; i++) {
        double jobs_a = jobs_of(a, at_a, name);
        double jobs_b = jobs_of(b, at_b, name);
        if (jobs_a != jobs_b) {
            return omega_error_set(
                err, OMEGA_EINVAL,
                "workload '%.60s', seed %" PRIu64 ": %.12g jobs under '%.60s' and %.12g under "
                "'%.60s' (-1: none), expected the same jobs; --unpaired compares what differs",
                name, side_configuration(a)->seeds[at_a], jobs_a, a->label, jobs_b, b->label);
        }
    }
    return 0;
}

static int check_jobs(const struct compare_side *a, const struct compare_side *b,
                      omega_error_t *err)
{
    uint32_t count = 0;
    for (uint32_t i = 0, k = 0; next_common(side_configuration(a), side_configuration(b), &i, &k);
         i++, k++) {
        count++;
        if (check_workloads(a, i, b, k, err) != 0 || check_workloads(b, k, a, i, err) != 0) {
            return OMEGA_EINVAL;
        }
    }
    return count > 0 ? 0
                     : omega_error_set(err, OMEGA_EINVAL,
                                       "'%.60s' and '%.60s' have no seed in common, expected pairs "
                                       "with the same jobs; --unpaired compares without",
                                       a->label, b->label);
}

/* ---- one metric ---- */

/* What a metric is in all seeds that count, B beside A where they are paired. */
struct pairs {
    double *a;
    double *b;
    uint32_t a_count;
    uint32_t b_count;
};

static void take_pairs(const struct compare_side *a, const struct compare_side *b,
                       const struct metric_values *of_a, const struct metric_values *of_b,
                       struct pairs *pairs, struct comparison *out)
{
    for (uint32_t i = 0, k = 0; next_common(side_configuration(a), side_configuration(b), &i, &k);
         i++, k++) {
        double value_a = of_a->values[i];
        double value_b = of_b->values[k];
        if (value_a != value_a || value_b != value_b) {
            out->dropped++;
            continue;
        }
        pairs->a[pairs->a_count++] = value_a;
        pairs->b[pairs->b_count++] = value_b;
        out->bounds_a += of_a->censored[i];
        out->bounds_b += of_b->censored[k];
    }
}

static void take_side(const struct metric_values *values, double *to, uint32_t *count,
                      uint32_t *bounds, uint32_t *dropped)
{
    for (uint32_t i = 0; i < values->count; i++) {
        if (values->values[i] != values->values[i]) {
            ++*dropped;
        } else {
            to[(*count)++] = values->values[i];
            *bounds += values->censored[i];
        }
    }
}

/* Are all differences the same, but for the rounding of results? */
static bool is_constant(const struct pairs *pairs, double difference)
{
    for (uint32_t i = 0; i < pairs->a_count; i++) {
        double scale = size_of(pairs->a[i]) + size_of(pairs->b[i]);
        if (size_of(pairs->b[i] - pairs->a[i] - difference) > ROUNDING * scale) {
            return false;
        }
    }
    return true;
}

static void settle_constant(const struct pairs *pairs, struct comparison *out)
{
    struct interval *difference = &out->difference;
    double scale = size_of(out->mean_a) + size_of(out->mean_b);
    bool equal = size_of(difference->estimate) <= ROUNDING * scale;
    difference->estimate = equal ? 0 : difference->estimate;
    difference->half = 0;
    difference->low = difference->estimate;
    difference->high = difference->estimate;
    difference->p = equal ? 1 : 0;
    out->verdict = pairs->a_count < 2 && !equal ? COMPARE_ONE_SEED
                   : equal                      ? COMPARE_EQUAL
                                                : COMPARE_CONSTANT;
}

/* Lower bounds on the side that seems to be the larger one understate the difference; on the other
 * side they could turn it round. */
static bool bounds_forbid(const struct comparison *out)
{
    return (out->bounds_a > 0 && out->bounds_b > 0) ||
           (out->bounds_a > 0 && out->difference.estimate >= 0) ||
           (out->bounds_b > 0 && out->difference.estimate <= 0);
}

static void judge(const struct pairs *pairs, const struct compare_options *options,
                  struct comparison *out)
{
    struct interval *difference = &out->difference;
    out->mean_a = statistics_mean(pairs->a, pairs->a_count);
    out->mean_b = statistics_mean(pairs->b, pairs->b_count);
    out->seeds = pairs->a_count < pairs->b_count ? pairs->a_count : pairs->b_count;
    if (out->seeds == 0) {
        out->verdict = COMPARE_NO_VALUE;
        difference->estimate = difference->low = difference->high = difference->p = NONE;
        difference->half = NONE;
        return;
    }
    if (options->unpaired) {
        interval_of_samples(pairs->a, pairs->a_count, pairs->b, pairs->b_count, options->confidence,
                            difference);
    } else {
        interval_of_pairs(pairs->a, pairs->b, pairs->a_count, options->confidence, difference);
    }
    out->verdict = out->seeds < 2 ? COMPARE_ONE_SEED : COMPARE_NOT_DIFFERENT;
    if (!options->unpaired && is_constant(pairs, difference->estimate)) {
        settle_constant(pairs, out);
    }
    if (bounds_forbid(out)) {
        out->verdict = COMPARE_BOUNDS;
        difference->p = NONE;
    }
}

static double squared(double x)
{
    return x * x;
}

/* The interval of the ratio of the means, less 1, by Fieller's theorem (1940, 1954): the ratios R
 * for which b - R a is not known to differ from 0. R = 1 is in it just where the difference of the
 * means is not known to differ from 0. Without an interval where A's mean could be 0. */
static void set_relative(const struct pairs *pairs, const struct compare_options *options,
                         struct comparison *out)
{
    double a = out->mean_a;
    double b = out->mean_b;
    bool any = a != 0 && out->seeds > 0;
    double sign = a < 0 ? -1 : 1;
    double t = student_quantile((1 - options->confidence) / 2, out->difference.df);
    double of_a = squared(statistics_sd(pairs->a, pairs->a_count)) / pairs->a_count;
    double of_b = squared(statistics_sd(pairs->b, pairs->b_count)) / pairs->b_count;
    double both =
        options->unpaired ? 0 : (of_a + of_b - squared(out->difference.sd) / pairs->a_count) / 2;
    double square = a * a - t * t * of_a;
    double middle = a * b - t * t * both;
    double root = fmath_sqrt(squared(middle) - square * (b * b - t * t * of_b));
    out->relative = any ? sign * (b / a - 1) : NONE;
    out->relative_low = any && square > 0 ? sign * ((middle - sign * root) / square - 1) : NONE;
    out->relative_high = any && square > 0 ? sign * ((middle + sign * root) / square - 1) : NONE;
}

static int compare_metric(const struct compare_side *a, const struct compare_side *b,
                          const struct compare_options *options, struct comparison *out,
                          omega_error_t *err)
{
    struct metric_values of_a = {0};
    struct metric_values of_b = {0};
    struct pairs pairs = {0};
    int rc = metric_values_read(a->set, a->configuration, &out->metric, options->censored_max,
                                &of_a, err);
    rc = rc != 0 ? rc
                 : metric_values_read(b->set, b->configuration, &out->metric, options->censored_max,
                                      &of_b, err);
    pairs.a = malloc((of_a.count + 1) * sizeof *pairs.a);
    pairs.b = malloc((of_b.count + 1) * sizeof *pairs.b);
    if (rc == 0 && (pairs.a == NULL || pairs.b == NULL)) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    if (rc == 0 && options->unpaired) {
        take_side(&of_a, pairs.a, &pairs.a_count, &out->bounds_a, &out->dropped);
        take_side(&of_b, pairs.b, &pairs.b_count, &out->bounds_b, &out->dropped);
    } else if (rc == 0) {
        take_pairs(a, b, &of_a, &of_b, &pairs, out);
    }
    if (rc == 0) {
        out->tolerated = of_a.tolerated + of_b.tolerated > 0;
        judge(&pairs, options, out);
        set_relative(&pairs, options, out);
    }
    free(pairs.a);
    free(pairs.b);
    metric_values_free(&of_a);
    metric_values_free(&of_b);
    return rc;
}

/* ---- all metrics ---- */

/* Is a comparison a test: could it have come out by chance? */
static bool is_test(const struct comparison *comparison)
{
    return comparison->verdict >= COMPARE_EQUAL;
}

uint32_t compare_tests(const struct comparison *comparisons, uint32_t count)
{
    uint32_t tests = 0;
    for (uint32_t i = 0; i < count; i++) {
        tests += is_test(&comparisons[i]);
    }
    return tests;
}

/* Corrects the p-values for their number, and decides. */
static void correct(struct comparison *comparisons, uint32_t count, double confidence)
{
    double p[COMPARE_METRICS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        p[i] = is_test(&comparisons[i]) ? comparisons[i].difference.p : NONE;
    }
    statistics_holm(p, count, p);
    for (uint32_t i = 0; i < count; i++) {
        struct comparison *at = &comparisons[i];
        at->adjusted = p[i];
        if ((at->verdict == COMPARE_NOT_DIFFERENT || at->verdict == COMPARE_CONSTANT) &&
            p[i] <= 1 - confidence) {
            bool bound = at->bounds_a + at->bounds_b > 0;
            at->verdict = bound                             ? COMPARE_AT_LEAST
                          : at->verdict == COMPARE_CONSTANT ? COMPARE_CONSTANT
                                                            : COMPARE_DIFFERENT;
        }
    }
}

int compare_run(const struct compare_side *a, const struct compare_side *b,
                const struct metric *metrics, uint32_t count, const struct compare_options *options,
                struct comparison *out, omega_error_t *err)
{
    int rc = count > COMPARE_METRICS_MAX
                 ? omega_error_set(err, OMEGA_EINVAL, "%u metrics, expected at most %u", count,
                                   COMPARE_METRICS_MAX)
             : options->unpaired ? 0
                                 : check_jobs(a, b, err);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        out[i] = (struct comparison){.metric = metrics[i]};
        rc = compare_metric(a, b, options, &out[i], err);
    }
    if (rc == 0) {
        correct(out, count, options->confidence);
    }
    return rc;
}
