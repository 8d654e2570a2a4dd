/* SPDX-License-Identifier: MIT */
/* The performance model of MapReduce jobs: cases computed by hand, its limits, and what it means
 * for a job whose recorded duration is another one. */
#include "core/model/mapreduce.h"
#include "tests/support/check_main.h"

/* Two phases: 40 maps of 3 s and 10 reduces of 8 s. */
static const struct omega_mapreduce numbers = {40, 10, 3000000, 8000000, 5};

START_TEST(test_linear)
{
    static const struct {
        uint32_t workers;
        int64_t us;
    } cases[] = {
        {1, 120000000 + 80000000}, /* all work, one after the other */
        {4, 30000000 + 20000000},  {5, 24000000 + 16000000},
        {10, 12000000 + 8000000}, /* all reduces at once */
        {16, 7500000 + 8000000},  /* linear, not in waves: 40 / 16 = 2.5 */
        {20, 6000000 + 8000000},   {40, 3000000 + 8000000}, /* all maps at once, too */
        {4000, 3000000 + 8000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(omega_mapreduce_duration(&numbers, cases[i].workers), cases[i].us);
    }
    ck_assert_uint_eq(omega_mapreduce_useful(&numbers), 40);
}
END_TEST

START_TEST(test_phases)
{
    struct omega_mapreduce maps_only = {7, 0, 1000000, 9000000, 2};
    ck_assert_int_eq(omega_mapreduce_duration(&maps_only, 2), 3500000);
    ck_assert_int_eq(omega_mapreduce_duration(&maps_only, 3), 2333334); /* rounded up */
    ck_assert_uint_eq(omega_mapreduce_useful(&maps_only), 7);
    struct omega_mapreduce reduces = {3, 100, 1000000, 1000000, 2};
    ck_assert_uint_eq(omega_mapreduce_useful(&reduces), 100);
    reduces.reduce_mean_us = 0; /* a phase that takes no time needs nobody */
    ck_assert_uint_eq(omega_mapreduce_useful(&reduces), 3);
    ck_assert_int_eq(omega_mapreduce_duration(&reduces, 1), 3000000);
    struct omega_mapreduce nothing = {.workers_asked = 9};
    ck_assert_uint_eq(omega_mapreduce_useful(&nothing), 0);
    ck_assert_int_eq(omega_mapreduce_duration(&nothing, 9), 1);
}
END_TEST

START_TEST(test_limits)
{
    struct omega_mapreduce huge = {UINT32_MAX, UINT32_MAX, OMEGA_DURATION_MAX, OMEGA_DURATION_MAX,
                                   1};
    ck_assert_int_eq(omega_mapreduce_duration(&huge, 1), OMEGA_DURATION_MAX);
    ck_assert_int_eq(omega_mapreduce_duration(&huge, UINT32_MAX), OMEGA_DURATION_MAX);
}
END_TEST

START_TEST(test_optional)
{
    ck_assert_uint_eq(omega_mapreduce_optional(&numbers, 1000), 35);
    ck_assert_uint_eq(omega_mapreduce_optional(&numbers, 12), 7);
    ck_assert_uint_eq(omega_mapreduce_optional(&numbers, 5), 0);
    ck_assert_uint_eq(omega_mapreduce_optional(&numbers, 1), 0); /* fewer than asked for */
    struct omega_mapreduce small = {3, 2, 1, 1, 5};
    ck_assert_uint_eq(omega_mapreduce_optional(&small, 1000), 0);
}
END_TEST

static struct omega_job sealed(struct omega_task_group *groups, uint32_t count)
{
    struct omega_job job = {.mapreduce = numbers, .group_count = count, .groups = groups};
    ck_assert_int_eq(omega_job_seal(&job, groups, NULL), OMEGA_OK);
    return job;
}

START_TEST(test_predict)
{
    struct omega_task_group group = {.count = 5, .optional = 35, .duration_us = 40000000};
    struct omega_job job = sealed(&group, 1);
    ck_assert(omega_job_is_mapreduce(&job));
    ck_assert_int_eq(omega_mapreduce_predict(&job, 5), 40000000); /* the model's own */
    ck_assert_int_eq(omega_mapreduce_predict(&job, 10), 20000000);
    ck_assert_int_eq(omega_mapreduce_predict(&job, 40), 11000000);
    group.duration_us = 4; /* recorded: the model tells the ratio, 11 / 40 */
    job = sealed(&group, 1);
    ck_assert_int_eq(omega_mapreduce_predict(&job, 5), 4);
    ck_assert_int_eq(omega_mapreduce_predict(&job, 40), 2); /* 1.1, rounded up */
    group.duration_us = 0;
    job = sealed(&group, 1);
    ck_assert_int_eq(omega_mapreduce_predict(&job, 40), 1);
    group.duration_us = OMEGA_NEVER;
    job = sealed(&group, 1);
    ck_assert_int_eq(omega_mapreduce_predict(&job, 40), OMEGA_NEVER);
    job.mapreduce = (struct omega_mapreduce){0};
    ck_assert(!omega_job_is_mapreduce(&job));
}
END_TEST

START_TEST(test_job_duration)
{
    static const int64_t listed[] = {3, 9, 100}; /* the last one's task is optional */
    struct omega_task_group groups[] = {
        {.count = 2, .duration_us = 5},
        {.count = 2, .optional = 1, .task_duration_us = listed},
        {.count = 0, .optional = 4, .duration_us = 1000},
    };
    struct omega_job job = sealed(groups, 3);
    ck_assert_int_eq(omega_job_duration(&job), 9);
    groups[0].duration_us = OMEGA_NEVER;
    ck_assert_int_eq(omega_job_duration(&job), OMEGA_NEVER);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "linear up to the activities of a phase", test_linear);
    check_case(suite, "phases", test_phases);
    check_case(suite, "limits", test_limits);
    check_case(suite, "optional workers", test_optional);
    check_case(suite, "predict", test_predict);
    check_case(suite, "duration of a job", test_job_duration);
}

CHECK_MAIN("mapreduce", add_cases)
