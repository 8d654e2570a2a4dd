/* SPDX-License-Identifier: MIT */
/* The set of indices against a plain array of flags, at bounds around its words. */
#include "core/base/index_set.h"

#include <stdio.h>
#include <string.h>

#include "core/base/random.h"
#include "tests/support/check_main.h"

#define SEED UINT64_C(20240611)
#define STEPS 20000u

static const uint32_t bounds[] = {1, 2, 63, 64, 65, 128, 4095, 4096, 4097, 8193, 1000000};
#define BOUNDS ((int)(sizeof(bounds) / sizeof(bounds[0])))

/* The set under test, and what is in it. */
struct pair {
    struct index_set set;
    uint8_t *in;
    uint32_t bound;
    uint32_t count;
};

static void pair_init(struct pair *pair, uint32_t bound)
{
    *pair = (struct pair){.bound = bound, .in = calloc(bound + 1u, 1)};
    ck_assert_ptr_nonnull(pair->in);
    ck_assert_int_eq(index_set_init(&pair->set, bound), OMEGA_OK);
    ck_assert_uint_eq(pair->set.count, 0);
}

static void pair_fini(struct pair *pair)
{
    index_set_fini(&pair->set);
    free(pair->in);
}

static void add(struct pair *pair, uint32_t index)
{
    ck_assert_int_eq(index_set_add(&pair->set, index), pair->in[index] == 0);
    pair->count += pair->in[index] == 0;
    pair->in[index] = 1;
    ck_assert_uint_eq(pair->set.count, pair->count);
}

/* The lowest one comes out, or none; returns whether one did. */
static bool take(struct pair *pair)
{
    uint32_t index = UINT32_MAX;
    const uint8_t *lowest = memchr(pair->in, 1, pair->bound);
    bool taken = index_set_take(&pair->set, &index);
    ck_assert_msg(taken == (lowest != NULL), "bound %u: %s was taken of %u", pair->bound,
                  taken ? "one" : "none", pair->count);
    if (taken) {
        uint32_t want = (uint32_t)(lowest - pair->in);
        ck_assert_msg(index == want, "bound %u: %u was taken, %u is the lowest", pair->bound, index,
                      want);
        pair->in[index] = 0;
        pair->count--;
    }
    ck_assert_uint_eq(pair->set.count, pair->count);
    return taken;
}

static void take_all(struct pair *pair)
{
    while (take(pair)) {
    }
    ck_assert_uint_eq(pair->count, 0);
}

START_TEST(empty)
{
    struct index_set none = {.count = 0};
    struct pair pair;
    uint32_t index = 0;
    ck_assert(!index_set_take(&none, &index));
    index_set_clear(&none);
    index_set_fini(&none);
    pair_init(&pair, 0); /* no index is below 0 */
    ck_assert(!take(&pair));
    index_set_clear(&pair.set);
    ck_assert(!take(&pair));
    pair_fini(&pair);
}
END_TEST

/* Each index alone, and the first and the last of each word together (of the largest bound, of each
 * hundredth). */
START_TEST(one_by_one)
{
    struct pair pair;
    uint32_t bound = bounds[_i];
    uint32_t wrong = 0;
    pair_init(&pair, bound);
    for (uint32_t i = bound; i-- > 0;) {
        uint32_t index = UINT32_MAX;
        index_set_add(&pair.set, i);
        wrong += !index_set_take(&pair.set, &index) || index != i;
        wrong += index_set_take(&pair.set, &index);
    }
    ck_assert_uint_eq(wrong, 0);
    for (uint32_t i = 0; i < bound; i += bound < 10000 ? 64 : 6400) {
        add(&pair, i + 63 < bound ? i + 63 : bound - 1);
        add(&pair, i);
        add(&pair, i);
    }
    take_all(&pair);
    pair_fini(&pair);
}
END_TEST

START_TEST(all_at_once)
{
    struct pair pair;
    pair_init(&pair, bounds[_i]);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = pair.bound; i-- > 0;) {
            index_set_add(&pair.set, i);
        }
        ck_assert_uint_eq(pair.set.count, pair.bound);
        uint32_t wrong = 0;
        for (uint32_t want = 0; want < pair.bound; want++) {
            uint32_t index = UINT32_MAX;
            wrong += !index_set_take(&pair.set, &index) || index != want;
        }
        ck_assert_uint_eq(wrong, 0);
        ck_assert(!take(&pair));
    }
    pair_fini(&pair);
}
END_TEST

/* An index near the border of a word, of a word of the summary, or anywhere. */
static uint32_t draw(struct omega_random *random, uint32_t bound)
{
    static const uint32_t borders[] = {64, 4096};
    uint32_t dice = omega_random_below(random, 3);
    uint32_t any = omega_random_below(random, bound);
    if (dice == 2) {
        return any;
    }
    uint32_t near = any / borders[dice] * borders[dice] + omega_random_below(random, 3) - 1;
    return near < bound ? near : any;
}

/* Adding and taking in turns, more of the one for a while, then more of the other. */
START_TEST(random_against_flags)
{
    struct omega_random random;
    struct pair pair;
    printf("index set: seed %ju, bound %u\n", (uintmax_t)SEED, bounds[_i]);
    omega_random_init(&random, SEED, "index set", bounds[_i]);
    pair_init(&pair, bounds[_i]);
    uint32_t steps = pair.bound > 10000 ? STEPS / 10 : STEPS; /* looking through flags is slow */
    for (uint32_t step = 0; step < steps; step++) {
        uint32_t adds = step / 500 % 2 == 0 ? 70 : 30;
        if (omega_random_below(&random, 1000) == 0) {
            index_set_clear(&pair.set);
            memset(pair.in, 0, pair.bound);
            pair.count = 0;
            ck_assert_uint_eq(pair.set.count, 0);
        } else if (omega_random_below(&random, 100) < adds) {
            add(&pair, draw(&random, pair.bound));
        } else {
            take(&pair);
        }
    }
    take_all(&pair);
    pair_fini(&pair);
}
END_TEST

/* What is added after a clearing, lower or higher than before, is all there is. */
START_TEST(cleared)
{
    struct pair pair;
    pair_init(&pair, bounds[_i]);
    for (uint32_t i = 0; i < pair.bound; i += 1 + pair.bound / 100) {
        index_set_add(&pair.set, i);
    }
    index_set_clear(&pair.set);
    ck_assert_uint_eq(pair.set.count, 0);
    ck_assert(!take(&pair));
    add(&pair, pair.bound - 1);
    add(&pair, 0);
    take_all(&pair);
    add(&pair, pair.bound / 2);
    index_set_clear(&pair.set);
    index_set_clear(&pair.set);
    memset(pair.in, 0, pair.bound);
    pair.count = 0;
    ck_assert(!take(&pair));
    pair_fini(&pair);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "empty", empty);
    TCase *tcase = tcase_create("bounds");
    tcase_add_loop_test(tcase, one_by_one, 0, BOUNDS);
    tcase_add_loop_test(tcase, all_at_once, 0, BOUNDS);
    tcase_add_loop_test(tcase, random_against_flags, 0, BOUNDS);
    tcase_add_loop_test(tcase, cleared, 0, BOUNDS);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
}

CHECK_MAIN("index_set", add_cases)
