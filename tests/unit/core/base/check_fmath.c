/* SPDX-License-Identifier: MIT */
/*
 * The functions of fmath.h against 80-bit libm to their promised bounds, at known values and edges,
 * and against a hash of their own results: the same bits with every compiler, level and CPU.
 */
#include "core/base/fmath.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/random.h"
#include "tests/support/check_main.h"

#define SEED UINT64_C(754)
#define POINTS 1000000

typedef double function(double x);
typedef long double reference(long double x);

/* 80-bit numbers are the reference; valgrind computes them in 64 bits, which can bound nothing. */
static bool has_reference(void)
{
    volatile long double one = 1.0L;
    volatile long double sum = one + 0x1p-60L;
    if (sum == one) {
        printf("fmath: no long double beyond double here, bounds are not checked\n");
    }
    return sum != one;
}

static double ulp_of(double x)
{
    double size = fabs(x);
    return nextafter(size, INFINITY) - size;
}

/* Arguments: logarithms over all magnitudes and around 1, exponentials up to overflow. */
static double log_argument(struct omega_random *random)
{
    uint64_t bits = omega_random_u64(random);
    if (bits % 2 == 0) {
        return 0.5 + 1.5 * omega_random_unit(random);
    }
    double x;
    bits = (bits >> 2) % (UINT64_C(0x7ff) << 52); /* any positive finite number */
    memcpy(&x, &bits, sizeof x);
    return x == 0 ? 1 : x;
}

static double exp_argument(struct omega_random *random)
{
    double unit = omega_random_unit(random);
    return omega_random_u64(random) % 2 == 0 ? 2 * unit - 1 : 1416 * unit - 708;
}

static void check_bound(const char *name, function *own, reference *exact,
                        double (*argument)(struct omega_random *random))
{
    struct omega_random random;
    double worst = 0.0;
    double worst_at = 0.0;
    omega_random_init(&random, SEED, name, 0);
    for (int i = 0; i < POINTS; i++) {
        double x = argument(&random);
        long double expected = exact((long double)x);
        long double difference = fabsl((long double)own(x) - expected);
        double error = (double)(difference / (long double)ulp_of((double)expected));
        if (error > worst) {
            worst = error;
            worst_at = x;
        }
    }
    printf("fmath: seed %llu, %s: worst error %.3f ulp at %a\n", (unsigned long long)SEED, name,
           worst, worst_at);
    ck_assert_msg(worst < 1.0, "%s(%a) is %g ulp off", name, worst_at, worst);
}

START_TEST(test_log_bound)
{
    if (has_reference()) {
        check_bound("log", fmath_log, logl, log_argument);
    }
}
END_TEST

START_TEST(test_exp_bound)
{
    if (has_reference()) {
        check_bound("exp", fmath_exp, expl, exp_argument);
    }
}
END_TEST

/* One Newton step from z towards the exact quantile, by 80-bit erf: the size of the step over z. */
static double quantile_error(double p, double z)
{
    long double root = sqrtl(2.0L);
    long double x = z;
    long double density = expl(-x * x / 2) / sqrtl(2.0L * acosl(-1.0L));
    long double q = (long double)p - 0.5L; /* exact; the middle through erf, the tails by erfc */
    long double difference;
    if (fabsl(q) < 0.4L) {
        difference = erfl(x / root) / 2 - q;
    } else if (q < 0) {
        difference = erfcl(-x / root) / 2 - (long double)p;
    } else {
        difference = (1.0L - (long double)p) - erfcl(x / root) / 2;
    }
    return (double)fabsl(difference / density / x);
}

START_TEST(test_quantile_bound)
{
    struct omega_random random;
    double worst = 0.0;
    double worst_at = 0.0;
    if (!has_reference()) {
        return;
    }
    omega_random_init(&random, SEED, "quantile", 0);
    for (int i = 0; i < POINTS; i++) {
        double p = omega_random_unit_positive(&random);
        if (i % 2 == 0) { /* the tails: down to 1e-300 and up to 1 - 2^-53 */
            p = fmath_exp(-690 * omega_random_unit(&random));
            p = i % 4 == 0 && p > 0x1p-53 ? 1 - p : p;
        }
        if (!(p < 1) || p == 0.5) {
            continue;
        }
        double error = quantile_error(p, fmath_normal_quantile(p));
        if (!(error <= worst)) {
            worst = error;
            worst_at = p;
        }
    }
    printf("fmath: seed %llu, quantile: worst relative error %.3g at %a\n",
           (unsigned long long)SEED, worst, worst_at);
    ck_assert_msg(worst < 1e-14, "quantile(%a) is %g off", worst_at, worst);
}
END_TEST

START_TEST(test_known_values)
{
    ck_assert(fmath_log(1.0) == 0.0);
    ck_assert(fmath_log(2.0) == 0x1.62e42fefa39efp-1);
    ck_assert(fmath_log(10.0) == 0x1.26bb1bbb55516p+1);
    ck_assert(fmath_exp(0.0) == 1.0);
    ck_assert(fmath_exp(1.0) == 0x1.5bf0a8b145769p+1);
    ck_assert(fmath_normal_quantile(0.5) == 0.0);
    ck_assert_double_eq_tol(fmath_normal_quantile(0.975), 1.959963984540054, 1e-14);
    ck_assert_double_eq_tol(fmath_normal_quantile(0.25), -0.6744897501960817, 1e-15);
    ck_assert_double_eq_tol(fmath_normal_quantile(1e-10), -6.361340902404056, 1e-13);
    ck_assert_double_eq_tol(fmath_normal_quantile(0.001), -3.090232306167814, 1e-14);
}
END_TEST

START_TEST(test_edges)
{
    ck_assert(fmath_log(0.0) == -INFINITY);
    ck_assert(isnan(fmath_log(-1.0)));
    ck_assert(isnan(fmath_log(NAN)));
    ck_assert(fmath_log(INFINITY) == INFINITY);
    ck_assert_double_eq_tol(fmath_log(0x1p-1074), -744.4400719213812, 1e-12);
    ck_assert_double_eq_tol(fmath_log(DBL_MAX), 709.782712893384, 1e-12);
    ck_assert(fmath_exp(1000.0) == INFINITY);
    ck_assert(fmath_exp(INFINITY) == INFINITY);
    ck_assert(fmath_exp(709.7827128933841) == INFINITY);
    ck_assert(fmath_exp(709.7827128933840) < INFINITY);
    ck_assert(fmath_exp(-1000.0) == 0.0);
    ck_assert(fmath_exp(-INFINITY) == 0.0);
    ck_assert(fmath_exp(-745.0) == 0x1p-1074); /* subnormal */
    ck_assert(isnan(fmath_exp(NAN)));
    ck_assert(fmath_normal_quantile(0.0) == -INFINITY);
    ck_assert(fmath_normal_quantile(1.0) == INFINITY);
    ck_assert(isnan(fmath_normal_quantile(-0.1)));
    ck_assert(isnan(fmath_normal_quantile(1.1)));
    ck_assert(isnan(fmath_normal_quantile(NAN)));
    ck_assert(isfinite(fmath_normal_quantile(0x1p-1074)));
}
END_TEST

START_TEST(test_sqrt)
{
    struct omega_random random;
    omega_random_init(&random, SEED, "sqrt", 0);
    for (int i = 0; i < 100000; i++) {
        double x = log_argument(&random);
        ck_assert(fmath_sqrt(x) == sqrt(x));
    }
    ck_assert(fmath_sqrt(0.0) == 0.0);
    ck_assert(fmath_sqrt(4.0) == 2.0);
    ck_assert(isnan(fmath_sqrt(-1.0)));
}
END_TEST

/* The hash of many results. If it differs, results of experiments differ between machines. */
START_TEST(test_same_bits)
{
    static double results[4 * 100000];
    struct omega_random random;
    omega_random_init(&random, SEED, "bits", 0);
    for (int i = 0; i < 100000; i++) {
        double x = log_argument(&random);
        results[4 * i] = fmath_log(x);
        results[4 * i + 1] = fmath_exp(exp_argument(&random));
        results[4 * i + 2] = fmath_normal_quantile(omega_random_unit_positive(&random) * 0.75);
        results[4 * i + 3] = fmath_sqrt(x);
    }
    XXH64_hash_t hash = XXH3_64bits(results, sizeof results);
    printf("fmath: hash of the results %016llx\n", (unsigned long long)hash);
    ck_assert_uint_eq(hash, UINT64_C(0x37dcbd35415911d3));
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "log, bound", test_log_bound);
    check_case(suite, "exp, bound", test_exp_bound);
    check_case(suite, "quantile, bound", test_quantile_bound);
    check_case(suite, "known values", test_known_values);
    check_case(suite, "edges", test_edges);
    check_case(suite, "sqrt", test_sqrt);
    check_case(suite, "same bits", test_same_bits);
}

CHECK_MAIN("fmath", add_cases)
