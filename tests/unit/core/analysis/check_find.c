/* SPDX-License-Identifier: MIT */
/*
 * Finding boundaries: conditions, an M/D/1 queue whose boundary is known, ends that agree, noise
 * that decides nothing, and waits that are lower bounds.
 */
#include "core/analysis/find.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/check_main.h"
#include "tests/support/run_here.h"

#define EXPERIMENT "bench/experiments/md1.json"

START_TEST(test_conditions)
{
    struct find_condition condition;
    omega_error_t err = {0};
    static const char *const bad[] = {"",         "x",       "x.y = 3",  "<= 3",    "x.y <=",
                                      "x.y <= z", "x <= 3s", "x >= nan", "x < inf", "x <=> 3"};
    ck_assert_int_eq(find_condition_parse("a.b_s <= 30", &condition, NULL), 0);
    ck_assert_str_eq(condition.metric, "a.b_s");
    ck_assert(!condition.at_least && !condition.strict);
    ck_assert_double_eq(condition.limit, 30);
    ck_assert_int_eq(find_condition_parse("a.b>-1e3", &condition, NULL), 0);
    ck_assert_str_eq(condition.metric, "a.b");
    ck_assert(condition.at_least && condition.strict);
    ck_assert_double_eq(condition.limit, -1000);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        omega_error_clear(&err);
        ck_assert_msg(find_condition_parse(bad[i], &condition, &err) == OMEGA_EINVAL, "'%s'",
                      bad[i]);
        ck_assert_ptr_nonnull(strstr(err.text, "expected METRIC <= NUMBER"));
    }
}
END_TEST

/* ---- runs ---- */

static struct find_result result;

static struct find_options options_of(const char *condition, const char *const *sets,
                                      uint32_t set_count)
{
    struct find_options options = {
        .runs = {.file = EXPERIMENT, .sets = sets, .set_count = set_count},
        .parameter = "workloads.0.rate_factor",
        .from = 0.5,
        .to = 0.9,
        .precision = 0.02,
        .confidence = 0.95,
        .seed = 1,
        .seeds = 10,
        .seeds_max = 40,
        .probes = 20,
        .censored_max = METRIC_CENSORED_MAX,
    };
    run_here_modules();
    ck_assert_int_eq(find_condition_parse(condition, &options.condition, NULL), 0);
    return options;
}

static void find(const struct find_options *options)
{
    omega_error_t err = {0};
    ck_assert_msg(find_run(options, NULL, NULL, &result, &err) == 0, "%s", err.text);
}

/* The mean wait rho / (2 (1 - rho)) of an M/D/1 queue with service 1 s is 7/6 s at rho = 0.7
 * (Pollaczek and Khinchine): found within 2 %. */
START_TEST(test_md1)
{
    static const char *const sets[] = {"horizon_s=24000"};
    struct find_options options =
        options_of("jobs.wait_first_mean_s <= 1.1666666666666667", sets, 1);
    if (getenv("OMEGA_SLOW") != NULL) {
        return;
    }
    find(&options);
    printf("M/D/1: holds at %g, fails at %g, crosses at %g, expected 0.7; %u runs\n", result.holds,
           result.fails, result.estimate, result.runs);
    ck_assert_double_le(result.holds, 0.7);
    ck_assert_double_ge(result.fails, 0.7);
    ck_assert_double_eq_tol(result.estimate, 0.7, 0.02 * 0.7);
    ck_assert_double_le(result.fails - result.holds, 0.05 * 0.7);
    ck_assert_int_eq((int)result.outcome,
                     result.fails - result.holds <= 0.02 * result.fails ? FIND_FOUND : FIND_NOISE);
    ck_assert_uint_eq(result.looks, 3);
    ck_assert_double_eq_tol(result.error, 0.05 / 60, 1e-15);
}
END_TEST

/* A limit on the other side gives the same boundary, and a range that is given backwards. */
START_TEST(test_directions)
{
    static const char *const sets[] = {"horizon_s=8000"};
    struct find_options options = options_of("jobs.wait_first_mean_s >= 1.17", sets, 1);
    options.from = 0.9;
    options.to = 0.5;
    options.seeds = options.seeds_max = 4;
    options.precision = 0.2;
    find(&options);
    ck_assert_double_gt(result.holds, result.fails);
    ck_assert_double_le(result.fails, 0.7);
    ck_assert_double_ge(result.holds, 0.7);
    for (uint32_t i = 1; i < result.probe_count; i++) {
        ck_assert_double_lt(result.probes[i - 1].value, result.probes[i].value);
    }
}
END_TEST

START_TEST(test_ends)
{
    static const char *const sets[] = {"horizon_s=20000"};
    struct find_options options = options_of("jobs.wait_first_mean_s <= 100", sets, 1);
    options.seeds = options.seeds_max = 4;
    find(&options);
    ck_assert_int_eq((int)result.outcome, FIND_HOLDS_AT_BOTH);
    ck_assert_uint_eq(result.probe_count, 2);
    ck_assert_uint_eq(result.runs, 8);
    ck_assert(isnan(result.holds) && isnan(result.estimate));
    options = options_of("jobs.wait_first_mean_s > 100", sets, 1);
    options.seeds = options.seeds_max = 4;
    find(&options);
    ck_assert_int_eq((int)result.outcome, FIND_FAILS_AT_BOTH);
}
END_TEST

/* Few and short runs: the middle is not decided, and it is said so. */
START_TEST(test_noise)
{
    static const char *const sets[] = {"horizon_s=14000"};
    struct find_options options = options_of("jobs.wait_first_mean_s <= 1.1666666667", sets, 1);
    options.from = 0.1;
    options.to = 0.95;
    options.seeds = options.seeds_max = 4;
    options.precision = 0.01;
    find(&options);
    ck_assert_int_eq((int)result.outcome, FIND_NOISE);
    ck_assert(result.grey);
    ck_assert_double_lt(result.holds, result.grey_low);
    ck_assert_double_gt(result.fails, result.grey_high);
    options.probes = 3;
    find(&options);
    ck_assert_int_eq((int)result.outcome, FIND_PROBES_USED);
    ck_assert_uint_eq(result.probe_count, 3);
}
END_TEST

/* Above saturation most jobs never begin: p90 is a lower bound in every run. It can show that waits
 * are too long, but not that they are short, and so not that they are long enough. */
START_TEST(test_bounds)
{
    static const char *const sets[] = {"horizon_s=4500", "warmup_s=0"};
    struct find_options options = options_of("jobs.wait_first_p90_s <= 100", sets, 2);
    options.to = 2;
    options.seeds = options.seeds_max = 4;
    options.precision = 0.5;
    find(&options);
    ck_assert_int_eq((int)result.probes[result.probe_count - 1].decision, FIND_FAILS);
    ck_assert_uint_eq(result.probes[result.probe_count - 1].bounds, 4);
    options.condition.limit = 1e6;
    find(&options);
    ck_assert_int_eq((int)result.outcome, FIND_END_UNDECIDED);
    ck_assert_int_eq((int)result.probes[1].decision, FIND_UNDECIDED);
}
END_TEST

START_TEST(test_whole)
{
    static const char *const sets[] = {"horizon_s=5000", "workloads.0.rate_factor=2.5"};
    struct find_options options = options_of("jobs.wait_first_p90_s <= 1", sets, 2);
    options.parameter = "schedulers.0.instances";
    options.from = 1;
    options.to = 9;
    options.whole = true;
    options.seeds = options.seeds_max = 10;
    find(&options);
    ck_assert_int_eq((int)result.outcome, FIND_FOUND);
    ck_assert_double_eq(result.holds, 4);
    ck_assert_double_eq(result.fails, 3);
}
END_TEST

START_TEST(test_refused)
{
    static const char *const sets[] = {"horizon_s=4100"};
    omega_error_t err = {0};
    struct find_options options = options_of("jobs.nothing <= 1", sets, 1);
    ck_assert_int_eq(find_run(&options, NULL, NULL, &result, &err), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.text, "no such key"));
    omega_error_clear(&err);
    options = options_of("jobs.wait_first_mean_s <= 1", sets, 1);
    options.parameter = "workloads.0.rate";
    ck_assert_int_eq(find_run(&options, NULL, NULL, &result, &err), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.text, "workloads.0.rate[0]: unknown key"));
    omega_error_clear(&err);
    options.parameter = "workloads.0.rate_factor";
    options.runs.variant = "x";
    ck_assert_int_eq(find_run(&options, NULL, NULL, &result, &err), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.text, "no variant 'x'"));
    omega_error_clear(&err);
    options.runs.variant = NULL;
    options.runs.file = "bench/experiments/compare.json";
    ck_assert_int_eq(find_run(&options, NULL, NULL, &result, &err), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.text, "3 variants, expected one of them to be chosen"));
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "conditions", test_conditions);
    check_case(suite, "M/D/1", test_md1);
    check_case(suite, "directions", test_directions);
    check_case(suite, "ends", test_ends);
    check_case(suite, "noise", test_noise);
    check_case(suite, "bounds", test_bounds);
    check_case(suite, "whole", test_whole);
    check_case(suite, "refused", test_refused);
}

CHECK_MAIN("find", add_cases)
