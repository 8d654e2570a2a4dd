/* SPDX-License-Identifier: MIT */
/* Means, intervals and Holm's correction: by hand, and on the data that Student used. */
#include "core/base/statistics.h"

#include <math.h>

#include "tests/support/check_main.h"

#define COUNT(list) ((uint32_t)(sizeof(list) / sizeof(list)[0]))

/* Hours of sleep gained by ten patients under two drugs (Student, "The probable error of a mean",
 * 1908); intervals and p-values as R 4 gives them for its data set `sleep`. */
static const double first[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
static const double second[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};

START_TEST(test_mean)
{
    static const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    static const double cancel[] = {1e17, 1, -1e17};
    struct interval interval;
    ck_assert_double_eq(statistics_mean(values, 8), 5);
    ck_assert_double_eq_tol(statistics_sd(values, 8), sqrt(32.0 / 7), 1e-15);
    ck_assert_double_eq_tol(statistics_mean(cancel, 3), 1.0 / 3, 1e-15);
    ck_assert(isnan(statistics_mean(values, 0)));
    ck_assert(isnan(statistics_sd(values, 1)));
    interval_of_mean(values, 8, 0.95, &interval);
    ck_assert_uint_eq(interval.n, 8);
    ck_assert_double_eq(interval.df, 7);
    ck_assert_double_eq_tol(interval.half, 2.364624 * sqrt(32.0 / 7 / 8), 1e-6);
    ck_assert_double_eq(interval.high, interval.estimate + interval.half);
    interval_of_mean(values, 1, 0.95, &interval);
    ck_assert_double_eq(interval.estimate, 2);
    ck_assert(isnan(interval.half) && isnan(interval.low) && isnan(interval.p));
}
END_TEST

START_TEST(test_pairs)
{
    struct interval interval;
    interval_of_pairs(first, second, 10, 0.95, &interval);
    ck_assert_double_eq_tol(interval.estimate, 1.58, 1e-12);
    ck_assert_double_eq_tol(interval.low, 0.7001142, 5e-8);
    ck_assert_double_eq_tol(interval.high, 2.4598858, 5e-8);
    ck_assert_double_eq_tol(interval.p, 0.00283289, 5e-9);
    interval_of_pairs(first, second, 1, 0.95, &interval);
    ck_assert_double_eq_tol(interval.estimate, 1.2, 1e-12);
    ck_assert(isnan(interval.low));
}
END_TEST

START_TEST(test_samples)
{
    struct interval interval;
    interval_of_samples(first, 10, second, 10, 0.95, &interval);
    ck_assert_double_eq_tol(interval.estimate, 1.58, 1e-12);
    ck_assert_double_eq_tol(interval.df, 17.77647, 5e-6);
    ck_assert_double_eq_tol(interval.low, -0.2054832, 5e-8);
    ck_assert_double_eq_tol(interval.high, 3.3654832, 5e-8);
    ck_assert_double_eq_tol(interval.p, 0.07939414, 5e-9);
    interval_of_samples(first, 10, second, 1, 0.95, &interval);
    ck_assert(isnan(interval.low) && isnan(interval.p));
}
END_TEST

START_TEST(test_no_spread)
{
    static const double a[] = {1, 2, 3};
    static const double b[] = {2, 3, 4};
    static const double same[] = {5, 5, 5};
    struct interval interval;
    interval_of_pairs(a, a, 3, 0.95, &interval);
    ck_assert_double_eq(interval.p, 1);
    ck_assert_double_eq(interval.high, 0);
    interval_of_pairs(a, b, 3, 0.95, &interval);
    ck_assert_double_eq(interval.p, 0);
    ck_assert_double_eq(interval.low, 1);
    interval_of_samples(same, 3, same, 3, 0.95, &interval);
    ck_assert_double_eq(interval.p, 1);
    ck_assert_double_eq(interval.df, 4);
}
END_TEST

/* As R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm"). */
START_TEST(test_holm)
{
    double p[] = {0.01, 0.04, 0.03, 0.005, NAN};
    static const double expected[] = {0.03, 0.06, 0.06, 0.02};
    double adjusted[5];
    static double many[STATISTICS_TESTS_MAX + 1];
    statistics_holm(p, 5, adjusted);
    for (int i = 0; i < 4; i++) {
        ck_assert_double_eq_tol(adjusted[i], expected[i], 1e-15);
    }
    ck_assert(isnan(adjusted[4]));
    statistics_holm(p, 5, p);
    ck_assert_double_eq(p[1], adjusted[1]);
    double high[] = {0.6, 0.9};
    statistics_holm(high, 2, high);
    ck_assert_double_eq(high[0], 1);
    ck_assert_double_eq(high[1], 1);
    double one = 0.04;
    statistics_holm(&one, 1, &one);
    ck_assert_double_eq(one, 0.04);
    statistics_holm(many, COUNT(many), many);
    ck_assert(isnan(many[0]) && isnan(many[STATISTICS_TESTS_MAX]));
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "mean", test_mean);
    check_case(suite, "pairs", test_pairs);
    check_case(suite, "samples", test_samples);
    check_case(suite, "no spread", test_no_spread);
    check_case(suite, "holm", test_holm);
}

CHECK_MAIN("statistics", add_cases)
