/* SPDX-License-Identifier: MIT */
/*
 * Random histories over every store, compared with the second model after each step.
 *
 * 20 histories of each store by default; OMEGA_SOAK=1: 2,000 longer ones, and 200 of each slow
 * store; OMEGA_SEED=N: the one with that seed, as a failure's message names it; with OMEGA_SOAK=1
 * too if a longer one has failed. Histories of one seed begin alike, however long they are, and
 * take the same steps over every store. OMEGA_STORE=NAME: over that store only.
 */
#include <stdio.h>
#include <string.h>

#include "tests/model/history.h"
#include "tests/support/check_main.h"

#define SHORT_HISTORIES 20
#define SHORT_STEPS 1500u
#define LONG_HISTORIES 2000
#define LONG_STEPS 4000u
#define PER_TEST 20 /* histories of one test, so that none runs into its time limit */
#define TESTS_MAX 1000

/* 0 where it is not set. */
static uint64_t environment(const char *name)
{
    const char *text = getenv(name);
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

static bool soak(void)
{
    return environment("OMEGA_SOAK") != 0;
}

/* How many histories of a store there are. */
static int histories_of(const struct store_factory *factory)
{
    if (!soak()) {
        return SHORT_HISTORIES;
    }
    return factory->slow ? LONG_HISTORIES / 10 : LONG_HISTORIES;
}

/* Under valgrind, which makes everything slower, the short ones are shorter. */
static uint32_t steps_of(const struct store_factory *factory)
{
    if (soak()) {
        return LONG_STEPS;
    }
    return environment("OMEGA_SLOW") != 0 && factory->slow ? SHORT_STEPS / 10 : SHORT_STEPS;
}

/* A history proves nothing if a kind of answer never comes up in it. */
static void expect_all(const uint64_t outcomes[OMEGA_OUTCOMES], uint64_t least)
{
    for (uint8_t o = 0; o < OMEGA_OUTCOMES; o++) {
        bool unused = o == OMEGA_REFUSED_NOT_ALLOWED || o == OMEGA_REFUSED_OVER_LIMIT ||
                      o == OMEGA_REFUSED_VICTIM_GONE;
        ck_assert_msg(unused || outcomes[o] >= least, "only %ju claims were %s",
                      (uintmax_t)outcomes[o], omega_outcome_name(o));
    }
}

/* _i: number of the store and number of its test. */
START_TEST(store_and_model_agree)
{
    const struct store_factory *factory = store_factory_at(_i / TESTS_MAX);
    uint64_t outcomes[OMEGA_OUTCOMES] = {0};
    uint64_t only = environment("OMEGA_SEED");
    if (only != 0) {
        history_run(only, steps_of(factory), factory, outcomes);
        return;
    }
    uint64_t first = (uint64_t)(_i % TESTS_MAX) * PER_TEST + 1;
    for (uint64_t seed = first; seed < first + PER_TEST; seed++) {
        history_run(seed, steps_of(factory), factory, outcomes);
    }
    expect_all(outcomes, 50u * steps_of(factory) / SHORT_STEPS);
}
END_TEST

/* One case a store, so that the report of a crash names it. */
static void add_store(Suite *suite, int index)
{
    const struct store_factory *factory = store_factory_at(index);
    uint64_t only = environment("OMEGA_SEED");
    int histories = only != 0 ? PER_TEST : histories_of(factory);
    if (only != 0) {
        printf("histories of %s: seed %ju\n", factory->name, (uintmax_t)only);
    } else {
        printf("histories of %s: seeds 1 to %d\n", factory->name, histories);
    }
    int first = index * TESTS_MAX;
    TCase *tcase = tcase_create(factory->name);
    tcase_add_loop_test(tcase, store_and_model_agree, first, first + histories / PER_TEST);
    tcase_set_timeout(tcase, 1200);
    suite_add_tcase(suite, tcase);
}

static void add_cases(Suite *suite)
{
    const char *only = getenv("OMEGA_STORE");
    for (int index = 0; index < store_factory_count(); index++) {
        if (only == NULL || strcmp(only, store_factory_at(index)->name) == 0) {
            add_store(suite, index);
        }
    }
    (void)fflush(stdout);
}

CHECK_MAIN("histories", add_cases)
