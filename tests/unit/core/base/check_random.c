/* SPDX-License-Identifier: MIT */
/* Random streams: published vectors, the streams' own first numbers, ranges and evenness. */
#include "core/base/random.h"

#include <stdio.h>

#include "tests/support/check_main.h"

#define SEED UINT64_C(42)

/* The vector that other implementations of xoshiro256++ are tested with: state 1, 2, 3, 4. */
START_TEST(test_xoshiro_vector)
{
    static const uint64_t expected[] = {
        UINT64_C(41943041),
        UINT64_C(58720359),
        UINT64_C(3588806011781223),
        UINT64_C(3591011842654386),
        UINT64_C(9228616714210784205),
        UINT64_C(9973669472204895162),
        UINT64_C(14011001112246962877),
        UINT64_C(12406186145184390807),
        UINT64_C(15849039046786891736),
        UINT64_C(10450023813501588000),
    };
    struct omega_random random = {.s = {1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        ck_assert_uint_eq(omega_random_u64(&random), expected[i]);
    }
}
END_TEST

START_TEST(test_splitmix_vector)
{
    static const uint64_t expected[] = {
        UINT64_C(6457827717110365317), UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
        UINT64_C(4593380528125082431), UINT64_C(16408922859458223821)};
    uint64_t x = 1234567;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        ck_assert_uint_eq(omega_random_mix(&x), expected[i]);
    }
}
END_TEST

static uint64_t first_of(uint64_t seed, const char *purpose, uint64_t index)
{
    struct omega_random random;
    omega_random_init(&random, seed, purpose, index);
    return omega_random_u64(&random);
}

/* A stream is named by all three parts, and its numbers never change: published results hang on
 * them. */
START_TEST(test_streams)
{
    ck_assert_uint_eq(first_of(1, "tasks", 0), UINT64_C(515399800199010324));
    ck_assert_uint_eq(first_of(1, "tasks", 0), first_of(1, "tasks", 0));
    ck_assert_uint_ne(first_of(1, "tasks", 0), first_of(2, "tasks", 0));
    ck_assert_uint_ne(first_of(1, "tasks", 0), first_of(1, "tasks", 1));
    ck_assert_uint_ne(first_of(1, "tasks", 0), first_of(1, "duration", 0));
    ck_assert_uint_ne(first_of(1, "", 0), first_of(0, "", 1));
}
END_TEST

START_TEST(test_unit_ranges)
{
    struct omega_random zeros = {.s = {0, 0, 0, 0}};
    ck_assert(omega_random_unit(&zeros) == 0.0);
    ck_assert(omega_random_unit_positive(&zeros) == 0x1p-53);
    struct omega_random ones = {.s = {0, 0, 0, UINT64_MAX}}; /* gives a number of 64 ones */
    ck_assert(omega_random_unit(&ones) == 1.0 - 0x1p-53);
    ones = (struct omega_random){.s = {0, 0, 0, UINT64_MAX}};
    ck_assert(omega_random_unit_positive(&ones) == 1.0);
}
END_TEST

/* Chi-squared over the counts of `bound` values: the 1e-6 quantiles of 9 degrees of freedom are at
 * 0.17 and 46. */
START_TEST(test_below_is_even)
{
    enum {
        BOUND = 10,
        DRAWS = 1000000
    };
    double expected = (double)DRAWS / BOUND;
    uint32_t counts[BOUND] = {0};
    struct omega_random random;
    printf("random: seed %llu\n", (unsigned long long)SEED);
    omega_random_init(&random, SEED, "below", 0);
    for (int i = 0; i < DRAWS; i++) {
        uint32_t drawn = omega_random_below(&random, BOUND);
        ck_assert_uint_lt(drawn, BOUND);
        counts[drawn]++;
    }
    double chi2 = 0.0;
    for (int i = 0; i < BOUND; i++) {
        chi2 += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    ck_assert_msg(chi2 > 0.17 && chi2 < 46.0, "chi squared is %g", chi2);
}
END_TEST

START_TEST(test_below_bounds)
{
    struct omega_random random;
    omega_random_init(&random, SEED, "bounds", 0);
    uint32_t high = 0;
    for (int i = 0; i < 10000; i++) {
        ck_assert_uint_eq(omega_random_below(&random, 1), 0);
        /* just above 2^31: half of the raw numbers are thrown away */
        uint32_t drawn = omega_random_below(&random, (1u << 31) + 1);
        ck_assert_uint_le(drawn, 1u << 31);
        high += drawn >= 1u << 30;
    }
    ck_assert_uint_gt(high, 4700);
    ck_assert_uint_lt(high, 5300);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "xoshiro256++ vector", test_xoshiro_vector);
    check_case(suite, "splitmix64 vector", test_splitmix_vector);
    check_case(suite, "streams", test_streams);
    check_case(suite, "unit ranges", test_unit_ranges);
    check_case(suite, "below is even", test_below_is_even);
    check_case(suite, "below, bounds", test_below_bounds);
}

CHECK_MAIN("random", add_cases)
