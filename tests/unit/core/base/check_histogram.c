/* SPDX-License-Identifier: MIT */
/* Histograms against sorted arrays: quantiles, means, censored values, merging, walking. */
#include "core/base/histogram.h"

#include <stdio.h>

#include "core/base/error.h"
#include "core/base/random.h"
#include "tests/support/check_main.h"

#define SEED UINT64_C(1998)
#define VALUES 20000

static const double quantiles[] = {0.0, 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0};

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

START_TEST(test_empty)
{
    struct histogram *histogram = histogram_create();
    bool censored = true;
    ck_assert_uint_eq(histogram_count(histogram), 0);
    ck_assert_uint_eq(histogram_censored(histogram), 0);
    ck_assert(histogram_mean(histogram) == 0.0);
    ck_assert_int_eq(histogram_max(histogram), 0);
    ck_assert_int_eq(histogram_quantile(histogram, 0.5, &censored), 0);
    ck_assert(!censored);
    histogram_destroy(histogram);
    histogram_destroy(NULL);
}
END_TEST

START_TEST(test_ranks)
{
    struct histogram *histogram = histogram_create();
    for (int64_t i = 1; i <= 100; i++) {
        ck_assert_int_eq(histogram_add(histogram, i), OMEGA_OK);
    }
    ck_assert_int_eq(histogram_quantile(histogram, 0.0, NULL), 1);
    ck_assert_int_eq(histogram_quantile(histogram, 0.001, NULL), 1);
    ck_assert_int_eq(histogram_quantile(histogram, 0.01, NULL), 1);
    ck_assert_int_eq(histogram_quantile(histogram, 0.011, NULL), 2);
    for (int64_t i = 1; i <= 100; i++) { /* 0.07 * 100 > 7 in doubles: still the seventh */
        ck_assert_int_eq(histogram_quantile(histogram, (double)i / 100, NULL), i);
    }
    ck_assert(histogram_mean(histogram) == 50.5);
    ck_assert_int_eq(histogram_max(histogram), 100);
    histogram_destroy(histogram);
}
END_TEST

/* Values over all magnitudes: a random number of random bits. */
static void fill(struct histogram *histogram, int64_t *values, uint32_t count, uint64_t index)
{
    struct omega_random random;
    printf("histogram: seed %llu, index %llu\n", (unsigned long long)SEED,
           (unsigned long long)index);
    omega_random_init(&random, SEED, "histogram", index);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t bits = omega_random_below(&random, 64);
        values[i] = (int64_t)(bits == 0 ? 0 : omega_random_u64(&random) >> (64 - bits));
        ck_assert_int_eq(histogram_add(histogram, values[i]), OMEGA_OK);
    }
}

/* Compares quantiles with those of the sorted values: exact below 2048, else within 0.05 %. */
static void compare_quantiles(const struct histogram *histogram, int64_t *values, uint32_t count)
{
    qsort(values, count, sizeof *values, compare);
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        uint32_t rank = (uint32_t)(quantiles[i] * count);
        rank += rank < quantiles[i] * count;
        int64_t exact = values[rank == 0 ? 0 : rank - 1];
        int64_t got = histogram_quantile(histogram, quantiles[i], NULL);
        int64_t allowed = exact < 2048 ? 0 : exact / 2000;
        ck_assert_msg(got >= exact - allowed && got <= exact + allowed,
                      "quantile %g is %lld, expected %lld", quantiles[i], (long long)got,
                      (long long)exact);
    }
    ck_assert_int_eq(histogram_quantile(histogram, 1.0, NULL), values[count - 1]);
    ck_assert_int_eq(histogram_max(histogram), values[count - 1]);
}

START_TEST(test_quantiles)
{
    static int64_t values[VALUES];
    struct histogram *histogram = histogram_create();
    fill(histogram, values, VALUES, 0);
    compare_quantiles(histogram, values, VALUES);
    histogram_destroy(histogram);
}
END_TEST

START_TEST(test_merge)
{
    static int64_t values[VALUES];
    struct histogram *a = histogram_create();
    struct histogram *b = histogram_create();
    fill(a, values, VALUES / 2, 1);
    fill(b, values + VALUES / 2, VALUES / 2, 2);
    ck_assert_int_eq(histogram_add_censored(b, 77), OMEGA_OK);
    double sum = histogram_mean(a) * (VALUES / 2) + histogram_mean(b) * (VALUES / 2 + 1);
    double mean = sum / (VALUES + 1);
    ck_assert_int_eq(histogram_merge(a, b), OMEGA_OK);
    ck_assert_uint_eq(histogram_count(a), VALUES + 1);
    ck_assert_uint_eq(histogram_censored(a), 1);
    ck_assert_double_eq_tol(histogram_mean(a) / mean, 1.0, 1e-12);
    struct histogram *c = histogram_create(); /* an empty one in and out changes nothing */
    ck_assert_int_eq(histogram_merge(a, c), OMEGA_OK);
    ck_assert_int_eq(histogram_merge(c, a), OMEGA_OK);
    ck_assert_uint_eq(histogram_count(c), VALUES + 1);
    ck_assert_uint_eq(histogram_count(b), VALUES / 2 + 1);
    qsort(values, VALUES, sizeof *values, compare);
    ck_assert_int_eq(histogram_max(c), values[VALUES - 1]);
    histogram_destroy(a);
    histogram_destroy(b);
    histogram_destroy(c);
}
END_TEST

START_TEST(test_mean_is_exact)
{
    struct histogram *histogram = histogram_create();
    for (int i = 0; i < 1000; i++) { /* the sum needs more than 64 bits */
        ck_assert_int_eq(histogram_add(histogram, INT64_MAX - 1), OMEGA_OK);
        ck_assert_int_eq(histogram_add(histogram, 1), OMEGA_OK);
    }
    ck_assert(histogram_mean(histogram) == 0x1p62);
    histogram_destroy(histogram);

    histogram = histogram_create(); /* a small rest survives a large count */
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(histogram_add(histogram, 1000000 + (i == 0)), OMEGA_OK);
    }
    ck_assert(histogram_mean(histogram) == 1000000.0 + 1.0 / 3);
    histogram_destroy(histogram);
}
END_TEST

START_TEST(test_negative_is_zero)
{
    struct histogram *histogram = histogram_create();
    ck_assert_int_eq(histogram_add(histogram, -5), OMEGA_OK);
    ck_assert_int_eq(histogram_add(histogram, INT64_MIN), OMEGA_OK);
    ck_assert_int_eq(histogram_quantile(histogram, 1.0, NULL), 0);
    ck_assert(histogram_mean(histogram) == 0.0);
    ck_assert_uint_eq(histogram_count(histogram), 2);
    histogram_destroy(histogram);
}
END_TEST

START_TEST(test_censored)
{
    struct histogram *histogram = histogram_create();
    bool censored;
    for (int64_t i = 1; i <= 6; i++) {
        ck_assert_int_eq(histogram_add(histogram, i * 10), OMEGA_OK);
    }
    for (int64_t i = 0; i < 4; i++) {
        ck_assert_int_eq(histogram_add_censored(histogram, 100 - i), OMEGA_OK);
    }
    ck_assert_uint_eq(histogram_count(histogram), 10);
    ck_assert_uint_eq(histogram_censored(histogram), 4);
    ck_assert(histogram_mean(histogram) == (210 + 394) / 10.0);
    ck_assert_int_eq(histogram_max(histogram), 100);
    ck_assert_int_eq(histogram_quantile(histogram, 0.6, &censored), 60);
    ck_assert(!censored);
    for (int64_t i = 0; i < 4; i++) { /* by what they have reached */
        double q = (double)(7 + i) / 10;
        ck_assert_int_eq(histogram_quantile(histogram, q, &censored), 97 + i);
        ck_assert(censored);
    }
    ck_assert_int_eq(histogram_add(histogram, 5000), OMEGA_OK); /* longer than what they reached */
    ck_assert_int_eq(histogram_quantile(histogram, 0.8, &censored), 5000);
    ck_assert(censored);
    ck_assert_int_eq(histogram_quantile(histogram, 1.0, &censored), 5000);
    ck_assert(censored);
    ck_assert_int_eq(histogram_max(histogram), 5000);
    histogram_destroy(histogram);
}
END_TEST

START_TEST(test_all_censored)
{
    struct histogram *histogram = histogram_create();
    bool censored = false;
    ck_assert_int_eq(histogram_add_censored(histogram, 8), OMEGA_OK);
    ck_assert_int_eq(histogram_add_censored(histogram, -1), OMEGA_OK);
    ck_assert_int_eq(histogram_quantile(histogram, 0.0, &censored), 0);
    ck_assert(censored);
    ck_assert_int_eq(histogram_quantile(histogram, 1.0, &censored), 8);
    ck_assert(censored);
    ck_assert(histogram_mean(histogram) == 4.0);
    ck_assert_int_eq(histogram_max(histogram), 8);
    histogram_destroy(histogram);
}
END_TEST

/* Quantiles that fall on a censored value, against sorted arrays: at least the largest known value,
 * and otherwise the quantile of all values together. Half of it comes by merging. */
START_TEST(test_censored_quantiles)
{
    static int64_t values[VALUES];
    struct histogram *halves[2] = {histogram_create(), histogram_create()};
    struct omega_random random;
    int64_t known_max = 0;
    uint32_t known = 0;
    omega_random_init(&random, SEED, "censored", 0);
    for (uint32_t i = 0; i < VALUES; i++) {
        bool is_known = omega_random_below(&random, 4) == 0;
        values[i] = (int64_t)omega_random_below(&random, is_known ? 1000000 : 4000000);
        known += is_known;
        known_max = is_known && values[i] > known_max ? values[i] : known_max;
        ck_assert_int_eq(is_known ? histogram_add(halves[i % 2], values[i])
                                  : histogram_add_censored(halves[i % 2], values[i]),
                         OMEGA_OK);
    }
    ck_assert_int_eq(histogram_merge(halves[0], halves[1]), OMEGA_OK);
    ck_assert_uint_eq(histogram_censored(halves[0]), VALUES - known);
    qsort(values, VALUES, sizeof *values, compare);
    for (uint32_t rank = known + 1; rank <= VALUES; rank += 100) {
        bool censored = false;
        int64_t together = values[rank - 1];
        int64_t bound = together > known_max ? together : known_max;
        int64_t got = histogram_quantile(halves[0], (double)rank / VALUES, &censored);
        ck_assert(censored);
        ck_assert_msg(got >= bound - bound / 2000 && got <= bound + bound / 2000,
                      "rank %u is %lld, expected %lld", rank, (long long)got, (long long)bound);
    }
    histogram_destroy(halves[0]);
    histogram_destroy(halves[1]);
}
END_TEST

struct walk {
    int64_t previous_high;
    uint64_t count;
    uint32_t buckets;
};

static void walk_bucket(void *context, int64_t low, int64_t high, uint64_t count)
{
    struct walk *walk = context;
    ck_assert_int_gt(low, walk->previous_high);
    ck_assert_int_ge(high, low);
    ck_assert_uint_gt(count, 0);
    if (high < 2048) {
        ck_assert_int_eq(low, high);
    } else {
        ck_assert_int_le((high - low + 1) * (int64_t)1 << 10, low); /* a 1024th at most */
    }
    walk->previous_high = high;
    walk->count += count;
    walk->buckets++;
}

START_TEST(test_each)
{
    static int64_t values[VALUES];
    struct histogram *histogram = histogram_create();
    fill(histogram, values, VALUES, 3);
    ck_assert_int_eq(histogram_add_censored(histogram, 1), OMEGA_OK);
    struct walk walk = {.previous_high = -1, .count = 0, .buckets = 0};
    histogram_each(histogram, walk_bucket, &walk);
    ck_assert_uint_eq(walk.count, VALUES);
    ck_assert_uint_gt(walk.buckets, 1000);
    walk = (struct walk){.previous_high = -1, .count = 0, .buckets = 0};
    histogram_each_censored(histogram, walk_bucket, &walk);
    ck_assert_uint_eq(walk.count, 1);
    ck_assert_int_eq(walk.previous_high, 1);
    histogram_destroy(histogram);
}
END_TEST

/* Neighbours of each power of two fall into a bucket that holds them. */
static void holds(void *context, int64_t low, int64_t high, uint64_t count)
{
    int64_t value = *(int64_t *)context;
    ck_assert_int_le(low, value);
    ck_assert_int_ge(high, value);
    ck_assert_uint_eq(count, 1);
}

START_TEST(test_bucket_edges)
{
    for (int bit = 1; bit < 63; bit++) {
        for (int64_t step = -1; step <= 1; step++) {
            int64_t value = ((int64_t)1 << bit) + step;
            struct histogram *histogram = histogram_create();
            ck_assert_int_eq(histogram_add(histogram, value), OMEGA_OK);
            histogram_each(histogram, holds, &value);
            ck_assert_int_eq(histogram_quantile(histogram, 0.5, NULL), value);
            histogram_destroy(histogram);
        }
    }
    int64_t value = INT64_MAX;
    struct histogram *histogram = histogram_create();
    ck_assert_int_eq(histogram_add(histogram, value), OMEGA_OK);
    histogram_each(histogram, holds, &value);
    histogram_destroy(histogram);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "empty", test_empty);
    check_case(suite, "ranks", test_ranks);
    check_case(suite, "quantiles", test_quantiles);
    check_case(suite, "merge", test_merge);
    check_case(suite, "mean is exact", test_mean_is_exact);
    check_case(suite, "negative is zero", test_negative_is_zero);
    check_case(suite, "censored", test_censored);
    check_case(suite, "all censored", test_all_censored);
    check_case(suite, "censored quantiles", test_censored_quantiles);
    check_case(suite, "each", test_each);
    check_case(suite, "bucket edges", test_bucket_edges);
}

CHECK_MAIN("histogram", add_cases)
