/* SPDX-License-Identifier: MIT */
/* Distributions: checks and their texts, means and quantiles of many draws, sample files. */
#include "core/base/distribution.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/fmath.h"
#include "tests/support/check_main.h"

#define SEED UINT64_C(1964)
#define DRAWS 200000

static struct distribution_point table[] = {{0.0, 10.0}, {0.5, 20.0}, {1.0, 100.0}};

static const struct distribution empirical = {
    .type = DISTRIBUTION_EMPIRICAL, .point_count = 3, .points = table};

static void refused(struct distribution distribution, const char *text)
{
    omega_error_t err = {.code = OMEGA_OK};
    ck_assert_int_eq(distribution_check(&distribution, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, text);
}

#define OF(kind, x, y) ((struct distribution){.type = DISTRIBUTION_##kind, .a = (x), .b = (y)})

START_TEST(test_check)
{
    struct distribution good[] = {
        OF(CONSTANT, -1, 0),   OF(UNIFORM, 1, 1),     OF(UNIFORM, -1, 1),
        OF(EXPONENTIAL, 3, 0), OF(LOGNORMAL, 0.1, 0), empirical,
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ck_assert_int_eq(distribution_check(&good[i], NULL), OMEGA_OK);
    }
    refused(OF(CONSTANT, NAN, 0), "value is not finite, expected a number");
    refused(OF(UNIFORM, 2, 1), "min is 2, expected at most the max, 1");
    refused(OF(UNIFORM, -1.7e308, 1.7e308), "max - min is not finite, expected a number");
    refused(OF(UNIFORM, 0, INFINITY), "max is not finite, expected a number");
    refused(OF(EXPONENTIAL, 0, 0), "mean is 0, expected above 0");
    refused(OF(LOGNORMAL, -1, 0), "median is -1, expected above 0");
    refused(OF(LOGNORMAL, 1, -1), "sigma is -1, expected 0 or more");
    refused((struct distribution){.type = (enum distribution_type)9},
            "unknown distribution type 9");
}
END_TEST

static void table_refused(struct distribution_point *points, uint32_t count, const char *text)
{
    refused((struct distribution){.type = DISTRIBUTION_EMPIRICAL,
                                  .point_count = count,
                                  .points = points},
            text);
}

START_TEST(test_check_table)
{
    struct distribution_point bad[] = {{0.0, 1.0}, {0.5, 2.0}, {1.0, 3.0}};
    table_refused(bad, 1, "quantile table has 1 points, expected at least 2");
    table_refused(bad, 2, "quantile table runs from 0 to 0.5, expected from 0 to 1");
    bad[1].quantile = 0.0;
    table_refused(bad, 3, "quantile 0 at point 1 of the table, expected one above 0");
    bad[1] = (struct distribution_point){0.5, 4.0};
    table_refused(bad, 3, "value 3 at point 2 of the quantile table, expected 4 or more");
    bad[1].value = NAN;
    table_refused(bad, 3, "value nan at point 1 of the quantile table, expected 1 or more");
    bad[2].value = INFINITY;
    table_refused(bad, 3, "quantile table holds a value that is not finite");
}
END_TEST

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Draws many and compares their mean with `mean` and three of their quantiles with `exact`. */
static void check_draws(const struct distribution *distribution, double mean, double spread,
                        const double exact[3])
{
    static double draws[DRAWS];
    struct omega_random random;
    omega_random_init(&random, SEED, "draws", (uint64_t)distribution->type);
    double sum = 0.0;
    for (int i = 0; i < DRAWS; i++) {
        draws[i] = distribution_draw(distribution, &random);
        sum += draws[i];
    }
    printf("distribution: seed %llu, type %d: mean %g, expected %g\n", (unsigned long long)SEED,
           (int)distribution->type, sum / DRAWS, mean);
    /* five standard errors */
    ck_assert_double_eq_tol(sum / DRAWS, mean, 5 * spread / sqrt(DRAWS));
    ck_assert_double_eq_tol(distribution_mean(distribution), mean, 1e-12 * mean);
    qsort(draws, DRAWS, sizeof *draws, compare);
    for (int q = 0; q < 3; q++) {
        double got = draws[DRAWS / 4 * (q + 1)];
        ck_assert_msg(fabs(got - exact[q]) < 0.02 * exact[q], "quantile %d / 4 is %g, expected %g",
                      q + 1, got, exact[q]);
    }
}

START_TEST(test_draws)
{
    struct distribution uniform = OF(UNIFORM, 10, 30);
    check_draws(&uniform, 20.0, 6.0, (double[]){15.0, 20.0, 25.0});
    struct distribution exponential = OF(EXPONENTIAL, 8, 0);
    check_draws(&exponential, 8.0, 8.0, (double[]){8 * log(4.0 / 3), 8 * log(2), 8 * log(4)});
    struct distribution lognormal = OF(LOGNORMAL, 5, 0.5);
    double z = 0.6744897501960817;
    check_draws(&lognormal, 5 * exp(0.125), 3.1,
                (double[]){5 * exp(-0.5 * z), 5.0, 5 * exp(0.5 * z)});
    /* half between 10 and 20, half between 20 and 100 */
    check_draws(&empirical, 37.5, 27.5, (double[]){15.0, 20.0, 60.0});
}
END_TEST

/* Each draw takes one number of the stream, whatever the type; a constant takes none. */
START_TEST(test_numbers_used)
{
    struct distribution all[] = {OF(UNIFORM, 0, 1), OF(EXPONENTIAL, 1, 0), OF(LOGNORMAL, 1, 1),
                                 empirical, OF(CONSTANT, 7, 0)};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct omega_random used;
        struct omega_random counted;
        omega_random_init(&used, SEED, "numbers", 0);
        counted = used;
        for (int draw = 0; draw < 100; draw++) {
            double value = distribution_draw(&all[i], &used);
            if (all[i].type == DISTRIBUTION_CONSTANT) {
                ck_assert(value == 7.0);
            } else {
                omega_random_u64(&counted);
            }
        }
        ck_assert_mem_eq(&used, &counted, sizeof used);
    }
}
END_TEST

/* Streams of only zeros and only ones: the ends of each range. */
START_TEST(test_ends)
{
    struct omega_random zeros = {.s = {0, 0, 0, 0}};
    const struct omega_random ones = {.s = {0, 0, 0, UINT64_MAX}};
    struct omega_random random = ones;
    struct distribution uniform = OF(UNIFORM, 1, 1 + 0x1p-52);
    ck_assert(distribution_draw(&uniform, &zeros) == 1.0);
    ck_assert(distribution_draw(&uniform, &random) == 1.0); /* never the open end */
    struct distribution exponential = OF(EXPONENTIAL, 1, 0);
    random = ones;
    ck_assert(distribution_draw(&exponential, &random) == 0.0);
    ck_assert(!signbit(distribution_draw(&exponential, (random = ones, &random))));
    ck_assert(distribution_draw(&exponential, &zeros) == -fmath_log(0x1p-53));
    struct distribution lognormal = OF(LOGNORMAL, 1, 1);
    random = ones;
    double high = distribution_draw(&lognormal, &random);
    double low = distribution_draw(&lognormal, &zeros);
    ck_assert(isfinite(high) && high > 3000);
    ck_assert_double_eq_tol(high * low, 1.0, 1e-12); /* symmetric */
    random = ones;
    ck_assert(distribution_draw(&empirical, &zeros) == 10.0);
    ck_assert(distribution_draw(&empirical, &random) < 100.0 + 1e-9);
}
END_TEST

START_TEST(test_from_samples)
{
    double samples[] = {3.0, -0.0, 1.0, 0.0, 2.0};
    struct distribution out;
    ck_assert_int_eq(distribution_from_samples(samples, 5, &out, NULL), OMEGA_OK);
    ck_assert_int_eq(out.type, DISTRIBUTION_EMPIRICAL);
    ck_assert_uint_eq(out.point_count, 5);
    static const double values[] = {0.0, 0.0, 1.0, 2.0, 3.0};
    for (uint32_t i = 0; i < 5; i++) {
        ck_assert(out.points[i].quantile == i / 4.0);
        ck_assert(out.points[i].value == values[i]);
        ck_assert(!signbit(out.points[i].value));
    }
    ck_assert(distribution_mean(&out) == 1.125);
    distribution_release(&out);
    ck_assert_ptr_null(out.points);
    distribution_release(&out);
    distribution_release(NULL);

    double one = 7.0;
    struct omega_random random = {.s = {1, 2, 3, 4}};
    ck_assert_int_eq(distribution_from_samples(&one, 1, &out, NULL), OMEGA_OK);
    ck_assert(distribution_draw(&out, &random) == 7.0);
    distribution_release(&out);

    omega_error_t err = {.code = OMEGA_OK};
    ck_assert_int_eq(distribution_from_samples(&one, 0, &out, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "0 samples, expected 1 to 16777216");
    omega_error_clear(&err);
    samples[3] = INFINITY;
    ck_assert_int_eq(distribution_from_samples(samples, 5, &out, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "sample 3 is not finite");
}
END_TEST

/* Reads `text` as a sample file. */
static int read_text(const char *text, struct distribution *out, omega_error_t *err)
{
    char path[300];
    const char *parent = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/omega-samples-XXXXXX", parent == NULL ? P_tmpdir : parent);
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    int rc = distribution_read_samples(path, out, err);
    if (rc != OMEGA_OK && err != NULL) {
        ck_assert_str_eq(err->source, path);
    }
    unlink(path);
    return rc;
}

static void text_refused(const char *text, long line, const char *message)
{
    struct distribution out;
    omega_error_t err = {.code = OMEGA_OK};
    ck_assert_int_eq(read_text(text, &out, &err), OMEGA_EINVAL);
    ck_assert_int_eq(err.line, line);
    ck_assert_str_eq(err.text, message);
    ck_assert_ptr_null(out.points);
}

START_TEST(test_read_samples)
{
    struct distribution out;
    ck_assert_int_eq(read_text("# a comment\n\n 3.5 \r\n1e1\n   # more\n-2", &out, NULL), OMEGA_OK);
    ck_assert_uint_eq(out.point_count, 3);
    ck_assert(out.points[0].value == -2.0);
    ck_assert(out.points[1].value == 3.5);
    ck_assert(out.points[2].value == 10.0);
    distribution_release(&out);

    text_refused("", 0, "holds no sample, expected one number a line");
    text_refused("1\n2 3\n", 2, "'2 3' is no sample, expected one decimal number a line");
    text_refused("1\n\nnan\n", 3, "'nan' is no sample, expected one decimal number a line");
    text_refused("0x10", 1, "'0x10' is no sample, expected one decimal number a line");
    text_refused("1e999", 1, "'1e999' is no sample, expected one decimal number a line");
    text_refused("1.5.5", 1, "'1.5.5' is no sample, expected one decimal number a line");

    omega_error_t err = {.code = OMEGA_OK};
    ck_assert_int_eq(distribution_read_samples("no/such/file", &out, &err), OMEGA_EIO);
    ck_assert_str_eq(err.text, "cannot open: No such file or directory");
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "check", test_check);
    check_case(suite, "check, table", test_check_table);
    check_case(suite, "draws", test_draws);
    check_case(suite, "numbers used", test_numbers_used);
    check_case(suite, "ends", test_ends);
    check_case(suite, "from samples", test_from_samples);
    check_case(suite, "read samples", test_read_samples);
}

CHECK_MAIN("distribution", add_cases)
