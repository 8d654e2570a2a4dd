/* SPDX-License-Identifier: MIT */
/*
 * Random histories over every store, compared with the second model after each step.
 *
 * 20 histories by default; OMEGA_SOAK=1: 2,000 longer ones; OMEGA_SEED=N: the one with that seed,
 * as a failure's message names it; with OMEGA_SOAK=1 too if a longer one has failed. Histories of
 * one seed begin alike, however long they are.
 */
#include <stdio.h>

#include "tests/model/history.h"
#include "tests/support/check_main.h"

#define SHORT_HISTORIES 20
#define SHORT_STEPS 1500u
#define LONG_HISTORIES 2000
#define LONG_STEPS 4000u
#define PER_TEST 20 /* histories of one test, so that none runs into its time limit */

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

static void run_seed(uint64_t seed, uint64_t outcomes[OMEGA_OUTCOMES])
{
    for (int s = 0; s < store_factory_count(); s++) {
        history_run(seed, soak() ? LONG_STEPS : SHORT_STEPS, store_factory_at(s), outcomes);
    }
}

/* A history proves nothing if a kind of answer never comes up in it. */
static void expect_all(const uint64_t outcomes[OMEGA_OUTCOMES])
{
    for (uint8_t o = 0; o < OMEGA_OUTCOMES; o++) {
        bool unused = o == OMEGA_REFUSED_NOT_ALLOWED || o == OMEGA_REFUSED_OVER_LIMIT ||
                      o == OMEGA_REFUSED_VICTIM_GONE;
        ck_assert_msg(unused || outcomes[o] >= 50, "only %ju claims were %s",
                      (uintmax_t)outcomes[o], omega_outcome_name(o));
    }
}

START_TEST(store_and_model_agree)
{
    uint64_t outcomes[OMEGA_OUTCOMES] = {0};
    uint64_t only = environment("OMEGA_SEED");
    if (only != 0) {
        run_seed(only, outcomes);
        return;
    }
    uint64_t first = (uint64_t)_i * PER_TEST + 1;
    for (uint64_t seed = first; seed < first + PER_TEST; seed++) {
        run_seed(seed, outcomes);
    }
    expect_all(outcomes);
}
END_TEST

static void add_cases(Suite *suite)
{
    uint64_t only = environment("OMEGA_SEED");
    int histories = soak() ? LONG_HISTORIES : SHORT_HISTORIES;
    if (only != 0) {
        printf("histories: seed %ju\n", (uintmax_t)only);
        histories = PER_TEST;
    } else {
        printf("histories: seeds 1 to %d\n", histories);
    }
    (void)fflush(stdout);
    TCase *tcase = tcase_create("histories");
    tcase_add_loop_test(tcase, store_and_model_agree, 0, histories / PER_TEST);
    tcase_set_timeout(tcase, 1200);
    suite_add_tcase(suite, tcase);
}

CHECK_MAIN("histories", add_cases)
