/* SPDX-License-Identifier: MIT */
/* Student's t against closed forms, a published table, the density integrated, and its own bits. */
#include "core/base/student.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <xxhash.h>

#include "tests/support/check_main.h"

static void close_to(double value, double expected, double relative)
{
    ck_assert_msg(fabs(value - expected) <= relative * fabs(expected), "%.17g, expected %.17g",
                  value, expected);
}

/* One and two degrees of freedom have closed forms (Abramowitz and Stegun 26.7.3, 26.7.4). */
START_TEST(test_closed_forms)
{
    for (double t = 0.001; t < 1e6; t *= 1.7) {
        close_to(student_upper(t, 1), atan2(1, t) / M_PI, 1e-12);
        double root = sqrt(2 + t * t);
        close_to(student_upper(t, 2), 1 / (root * (root + t)), 1e-12);
        ck_assert_double_eq_tol(student_upper(-t, 2), 1 - student_upper(t, 2), 1e-15);
    }
    ck_assert_double_eq(student_upper(0, 7), 0.5);
    ck_assert_double_eq(student_upper(INFINITY, 7), 0);
    ck_assert(isnan(student_upper(NAN, 7)));
    ck_assert(isnan(student_upper(1, 0.5)));
    ck_assert(isnan(student_upper(1, 1e7)));
}
END_TEST

/* NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.6.7.2, to its three digits; but
 * 318.309 for the printed 318.313, as the closed form gives. */
START_TEST(test_table)
{
    static const struct {
        double df;
        double at[5]; /* upper shares 0.10, 0.05, 0.025, 0.005, 0.001 */
    } rows[] = {
        {1, {3.078, 6.314, 12.706, 63.657, 318.309}}, {2, {1.886, 2.920, 4.303, 9.925, 22.327}},
        {5, {1.476, 2.015, 2.571, 4.032, 5.893}},     {9, {1.383, 1.833, 2.262, 3.250, 4.297}},
        {19, {1.328, 1.729, 2.093, 2.861, 3.579}},    {30, {1.310, 1.697, 2.042, 2.750, 3.385}},
        {100, {1.290, 1.660, 1.984, 2.626, 3.174}},
    };
    static const double shares[] = {0.10, 0.05, 0.025, 0.005, 0.001};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int k = 0; k < 5; k++) {
            ck_assert_double_eq_tol(student_quantile(shares[k], rows[i].df), rows[i].at[k], 6e-4);
            ck_assert_double_eq_tol(student_quantile(1 - shares[k], rows[i].df), -rows[i].at[k],
                                    6e-4);
        }
    }
    ck_assert_double_eq_tol(student_quantile(0.025, 1e6), 1.959966, 1e-6);
    ck_assert_double_eq(student_quantile(0.5, 3), 0);
    ck_assert(isnan(student_quantile(0, 3)));
    ck_assert(isnan(student_quantile(1, 3)));
    ck_assert(isnan(student_quantile(0.1, 0)));
}
END_TEST

/* The upper tail by Simpson's rule over u = 1 / (1 + x - t), from the density by libm. */
static double integral(double t, double df)
{
    enum {
        STEPS = 20000
    };
    double log_front = lgamma((df + 1) / 2) - lgamma(df / 2) - log(df * M_PI) / 2;
    double sum = 0;
    for (int i = 1; i <= STEPS; i++) { /* the density is 0 at u = 0 for df > 1 */
        double u = (double)i / STEPS;
        double x = t + 1 / u - 1;
        double density = exp(log_front - (df + 1) / 2 * log1p(x * x / df)) / (u * u);
        sum += density * (i == STEPS ? 1 : i % 2 == 1 ? 4 : 2);
    }
    return sum / STEPS / 3;
}

START_TEST(test_integral)
{
    static const double dfs[] = {3, 4.5, 9, 17.776, 50, 100};
    for (size_t i = 0; i < sizeof dfs / sizeof dfs[0]; i++) {
        for (double t = 0; t < 12; t += 0.75) {
            close_to(student_upper(t, dfs[i]), integral(t, dfs[i]), 1e-9);
        }
    }
}
END_TEST

START_TEST(test_inverse)
{
    for (double df = 1; df < 1e6; df *= 3.3) {
        for (double q = 1e-12; q < 0.5; q *= 7) {
            close_to(student_upper(student_quantile(q, df), df), q, 1e-8);
        }
    }
}
END_TEST

START_TEST(test_same_bits)
{
    XXH64_hash_t hash = 0;
    for (double df = 1; df < 1000; df *= 1.9) {
        for (double t = -3; t < 9; t += 0.37) {
            double values[2] = {student_upper(t, df), student_quantile((t + 3.01) / 13, df)};
            uint8_t bytes[sizeof values];
            memcpy(bytes, values, sizeof values);
            hash = XXH64(bytes, sizeof bytes, hash);
        }
    }
    ck_assert_uint_eq(hash, UINT64_C(5680950870579548266));
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "closed forms", test_closed_forms);
    check_case(suite, "table", test_table);
    check_case(suite, "integral", test_integral);
    check_case(suite, "inverse", test_inverse);
    check_case(suite, "same bits", test_same_bits);
}

CHECK_MAIN("student", add_cases)
