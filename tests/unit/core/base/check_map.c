/* SPDX-License-Identifier: MIT */
/* The hash map against a plain array, under random insertions and removals. */
#include "core/base/map.h"

#include <stdio.h>

#include "core/base/error.h"
#include "core/base/random.h"
#include "tests/support/check_main.h"

#define KEYS 3000
#define STEPS 200000
#define SEED UINT64_C(20130415)

START_TEST(test_empty)
{
    struct map map = {.slots = NULL, .mask = 0, .count = 0};
    ck_assert_ptr_null(map_get(&map, 1));
    ck_assert_ptr_null(map_remove(&map, 1));
    map_clear(&map);
    ck_assert_uint_eq(map.count, 0);
}
END_TEST

START_TEST(test_put_get_remove)
{
    struct map map = {.slots = NULL, .mask = 0, .count = 0};
    int a;
    int b;
    ck_assert_int_eq(map_put(&map, 1, &a), OMEGA_OK);
    ck_assert_int_eq(map_put(&map, UINT64_MAX, &b), OMEGA_OK);
    ck_assert_ptr_eq(map_get(&map, 1), &a);
    ck_assert_ptr_eq(map_get(&map, UINT64_MAX), &b);
    ck_assert_ptr_null(map_get(&map, 2));
    ck_assert_ptr_eq(map_remove(&map, 1), &a);
    ck_assert_ptr_null(map_get(&map, 1));
    ck_assert_ptr_null(map_remove(&map, 1));
    ck_assert_uint_eq(map.count, 1);
    map_clear(&map);
    ck_assert_ptr_null(map_get(&map, UINT64_MAX));
    ck_assert_int_eq(map_put(&map, 5, &a), OMEGA_OK); /* usable again */
    ck_assert_ptr_eq(map_get(&map, 5), &a);
    map_clear(&map);
}
END_TEST

/* Key i of the pool: many of them share a home, so that runs are long and wrap around. */
static uint64_t key_of(uint32_t i)
{
    return i % 2 == 0 ? i + 1 : (uint64_t)i << 44;
}

START_TEST(test_random_against_array)
{
    static int things[KEYS];
    static void *expected[KEYS];
    struct map map = {.slots = NULL, .mask = 0, .count = 0};
    struct omega_random random;
    size_t count = 0;
    printf("map: seed %llu\n", (unsigned long long)SEED);
    omega_random_init(&random, SEED, "map", 0);
    for (int step = 0; step < STEPS; step++) {
        uint32_t i = omega_random_below(&random, KEYS);
        ck_assert_ptr_eq(map_get(&map, key_of(i)), expected[i]);
        if (expected[i] != NULL) {
            ck_assert_ptr_eq(map_remove(&map, key_of(i)), expected[i]);
            expected[i] = NULL;
            count--;
        } else {
            ck_assert_int_eq(map_put(&map, key_of(i), &things[i]), OMEGA_OK);
            expected[i] = &things[i];
            count++;
        }
        ck_assert_uint_eq(map.count, count);
        ck_assert_uint_le(count * 2, map.mask + 1); /* at most half full */
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        ck_assert_ptr_eq(map_get(&map, key_of(i)), expected[i]);
    }
    map_clear(&map);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "empty", test_empty);
    check_case(suite, "put, get, remove", test_put_get_remove);
    check_case(suite, "random, against an array", test_random_against_array);
}

CHECK_MAIN("map", add_cases)
