/* SPDX-License-Identifier: MIT */
/* Jobs: what sealing computes and refuses, and that a copy stands alone. */
#include "core/model/job.h"

#include <string.h>

#include "tests/support/check_main.h"

static struct omega_task_group group_of(uint32_t count, uint32_t optional)
{
    return (struct omega_task_group){
        .count = count,
        .optional = optional,
        .request = {.cpu_milli = 500, .mem_mib = 1024},
        .duration_us = 1000,
    };
}

static struct omega_job job_of(struct omega_task_group *groups, uint32_t count)
{
    return (struct omega_job){.id = 9, .group_count = count, .groups = groups};
}

START_TEST(test_seal)
{
    struct omega_task_group groups[] = {group_of(3, 0), group_of(0, 2), group_of(1, 4)};
    struct omega_job job = job_of(groups, 3);
    ck_assert_int_eq(omega_job_seal(&job, groups, NULL), OMEGA_OK);
    ck_assert_uint_eq(groups[0].first_task, 0);
    ck_assert_uint_eq(groups[1].first_task, 3);
    ck_assert_uint_eq(groups[2].first_task, 5);
    ck_assert_uint_eq(job.tasks, 4);
    ck_assert_uint_eq(job.slots, 10);
    ck_assert(omega_job_is_elastic(&job));
    job = job_of(groups, 1);
    ck_assert_int_eq(omega_job_seal(&job, groups, NULL), OMEGA_OK);
    ck_assert(!omega_job_is_elastic(&job));
}
END_TEST

/* Seals a job of this one group, which must fail with `text`. */
static void refused(struct omega_task_group group, const char *text)
{
    omega_error_t err = {.code = OMEGA_OK};
    struct omega_job job = job_of(&group, 1);
    ck_assert_int_eq(omega_job_seal(&job, &group, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, text);
}

START_TEST(test_refuses_counts)
{
    refused(group_of(0, 0), "task group 0 has 0 tasks, expected 1 to 1048576, optional ones "
                            "included");
    refused(group_of(OMEGA_TASKS_MAX, 1),
            "task group 0 has 1048577 tasks, expected 1 to 1048576, optional ones included");
    refused(group_of(UINT32_MAX, UINT32_MAX),
            "task group 0 has 8589934590 tasks, expected 1 to 1048576, optional ones included");

    omega_error_t err = {.code = OMEGA_OK};
    struct omega_task_group two[] = {group_of(OMEGA_TASKS_MAX, 0), group_of(1, 0)};
    struct omega_job job = job_of(two, 2);
    ck_assert_int_eq(omega_job_seal(&job, two, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "job has more than 1048576 tasks, optional ones included");
    omega_error_clear(&err);
    job = job_of(two, 0);
    ck_assert_int_eq(omega_job_seal(&job, two, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "job has 0 task groups, expected 1 to 1024");
    job.group_count = OMEGA_GROUPS_MAX + 1;
    ck_assert_int_eq(omega_job_seal(&job, two, NULL), OMEGA_EINVAL);

    struct omega_task_group most = group_of(OMEGA_TASKS_MAX - 1, 1);
    job = job_of(&most, 1);
    ck_assert_int_eq(omega_job_seal(&job, &most, NULL), OMEGA_OK);
}
END_TEST

START_TEST(test_refuses_requests)
{
    struct omega_task_group group = group_of(1, 0);
    group.request.cpu_milli = -1;
    refused(group, "task group 0 asks for -1 milli-cores a task, expected 0 to 1073741824");
    group = group_of(1, 0);
    group.request.mem_mib = OMEGA_MEM_MIB_MAX + 1;
    refused(group, "task group 0 asks for 1073741825 MiB a task, expected 0 to 1073741824");
    group = group_of(1, 0);
    group.duration_us = -1;
    refused(group, "task group 0 has a duration of -1 us, expected 0 to 1000000000000000000 or "
                   "never");
    int64_t durations[] = {1, OMEGA_NEVER, OMEGA_DURATION_MAX + 1};
    group = group_of(3, 0);
    group.task_duration_us = durations;
    refused(group, "task group 0 has a duration of 1000000000000000001 us, expected 0 to "
                   "1000000000000000000 or never");
    durations[2] = 0;
    struct omega_job job = job_of(&group, 1);
    ck_assert_int_eq(omega_job_seal(&job, &group, NULL), OMEGA_OK);
    ck_assert_int_eq(omega_task_duration(&group, 1), OMEGA_NEVER);
}
END_TEST

START_TEST(test_gpu_shapes)
{
    static const struct {
        uint8_t devices;
        int16_t milli;
        int rc;
    } shapes[] = {
        {0, 0, OMEGA_OK},        {1, 1, OMEGA_OK},        {1, 999, OMEGA_OK},
        {1, 1000, OMEGA_OK},     {8, 1000, OMEGA_OK},     {0, 1, OMEGA_EINVAL},
        {1, 0, OMEGA_EINVAL},    {2, 500, OMEGA_EINVAL},  {9, 1000, OMEGA_EINVAL},
        {1, 1001, OMEGA_EINVAL}, {1, -500, OMEGA_EINVAL},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct omega_task_group group = group_of(1, 0);
        group.request.gpu_devices = shapes[i].devices;
        group.request.gpu_milli = shapes[i].milli;
        struct omega_job job = job_of(&group, 1);
        ck_assert_int_eq(omega_job_seal(&job, &group, NULL), shapes[i].rc);
    }
    struct omega_task_group group = group_of(1, 0);
    group.request.gpu_devices = 2;
    group.request.gpu_milli = 500;
    refused(group, "task group 0 asks for 2 GPU devices of 500 milli-GPU, expected 0 of 0, 1 of 1 "
                   "to 999 or 1 to 8 of 1000");
}
END_TEST

/* Checking says what sealing says of these groups, and seals nothing. */
static void checks_as_sealing(struct omega_task_group *groups, uint32_t count)
{
    omega_error_t sealing = {.code = OMEGA_OK};
    omega_error_t checking = {.code = OMEGA_OK};
    struct omega_job job = job_of(groups, count);
    int rc = omega_job_seal(&job, groups, &sealing);
    ck_assert_int_eq(omega_job_check(&job, &checking), rc);
    ck_assert_int_eq(omega_job_check(&job, NULL), rc);
    ck_assert_int_eq(checking.code, sealing.code);
    ck_assert_str_eq(checking.text, sealing.text);
}

START_TEST(test_check_is_as_sealing)
{
    int64_t durations[] = {0, OMEGA_NEVER, OMEGA_DURATION_MAX};
    struct omega_task_group groups[] = {group_of(3, 0), group_of(0, 2), group_of(1, 4)};
    checks_as_sealing(groups, 1);
    checks_as_sealing(groups, 3);
    groups[0].task_duration_us = durations;
    checks_as_sealing(groups, 3);
    struct omega_task_group most = group_of(OMEGA_TASKS_MAX - 1, 1);
    checks_as_sealing(&most, 1);
    static struct omega_task_group many[OMEGA_GROUPS_MAX];
    for (uint32_t g = 0; g < OMEGA_GROUPS_MAX; g++) {
        many[g] = group_of(1, 0);
    }
    checks_as_sealing(many, OMEGA_GROUPS_MAX);
    /* and what is wrong with one group, in the same words */
    for (int fault = 0; fault < 7; fault++) {
        struct omega_task_group group = group_of(3, 0);
        group.count = fault == 0 ? 0 : fault == 1 ? OMEGA_TASKS_MAX + 1 : 3;
        group.request.cpu_milli = fault == 2 ? -1 : 1;
        group.request.mem_mib = fault == 3 ? -1 : 1;
        group.request.gpu_milli = fault == 4 ? 500 : 0;
        group.duration_us = fault == 5 ? OMEGA_DURATION_MAX + 1 : 1;
        durations[2] = -1;
        group.task_duration_us = fault == 6 ? durations : NULL;
        struct omega_job job = job_of(&group, 1);
        ck_assert_int_eq(omega_job_seal(&job, &group, NULL), OMEGA_EINVAL);
        checks_as_sealing(&group, 1);
    }
}
END_TEST

/* A sealed job of three groups with one field changed. */
static int check_with(int fault, omega_error_t *err)
{
    struct omega_task_group groups[] = {group_of(3, 0), group_of(0, 2), group_of(1, 4)};
    struct omega_job job = job_of(groups, 3);
    ck_assert_int_eq(omega_job_seal(&job, groups, NULL), OMEGA_OK);
    job.mapreduce = (struct omega_mapreduce){.map_mean_us = 5, .reduce_mean_us = 6};
    int64_t too_long = OMEGA_DURATION_MAX + 1;
    int64_t *means[] = {&job.mapreduce.map_mean_us, &job.mapreduce.reduce_mean_us};
    struct {
        uint32_t *field;
        uint32_t value;
    } counts[] = {
        {&job.tasks, 3},
        {&job.tasks, 5},
        {&job.slots, 9},
        {&job.slots, 11},
        {&job.group_count, 0},
        {&job.group_count, 2},
        {&groups[0].first_task, 1},
        {&groups[1].first_task, 2},
        {&groups[2].first_task, 6},
        {&groups[0].count, 2},
        {&groups[0].optional, 1},
        {&groups[2].count, 0},
    };
    int number = (int)(sizeof counts / sizeof counts[0]);
    if (fault >= number + 4) {
        return omega_job_check(&job, err); /* the last one: as it was sealed */
    }
    if (fault >= number) {
        *means[(fault - number) % 2] = fault < number + 2 ? -1 : too_long;
    } else {
        *counts[fault].field = counts[fault].value;
    }
    int rc = omega_job_check(&job, err);
    ck_assert_msg(rc == OMEGA_EINVAL, "fault %d is %d", fault, rc);
    return rc;
}

START_TEST(test_check_refuses_each_field)
{
    omega_error_t err = {.code = OMEGA_OK};
    int fault = 0;
    int rc = OMEGA_EINVAL;
    for (; rc == OMEGA_EINVAL; fault++) {
        omega_error_clear(&err);
        rc = check_with(fault, &err);
        ck_assert_int_eq(err.code, rc);
        ck_assert_int_eq(err.text[0] == '\0', rc == OMEGA_OK);
    }
    ck_assert_int_eq(fault, 17); /* 16 faults, and none */
}
END_TEST

/* Sums that are right, of more than there may be. */
START_TEST(test_check_refuses_too_many)
{
    static struct omega_task_group many[OMEGA_GROUPS_MAX + 1];
    for (uint32_t g = 0; g <= OMEGA_GROUPS_MAX; g++) {
        many[g] = group_of(1, 0);
        many[g].first_task = g;
    }
    struct omega_job job = job_of(many, OMEGA_GROUPS_MAX + 1);
    job.tasks = job.slots = OMEGA_GROUPS_MAX + 1;
    ck_assert_int_eq(omega_job_check(&job, NULL), OMEGA_EINVAL);
    struct omega_task_group two[] = {group_of(OMEGA_TASKS_MAX, 0), group_of(1, 0)};
    two[1].first_task = OMEGA_TASKS_MAX;
    job = job_of(two, 2);
    job.tasks = job.slots = OMEGA_TASKS_MAX + 1;
    ck_assert_int_eq(omega_job_check(&job, NULL), OMEGA_EINVAL);
    struct omega_task_group optional = group_of(0, 3);
    job = job_of(&optional, 1);
    job.slots = 3;
    ck_assert_int_eq(omega_job_check(&job, NULL), OMEGA_EINVAL);
}
END_TEST

START_TEST(test_copy)
{
    int64_t first[] = {10, 20};
    int64_t last[] = {30};
    struct omega_task_group groups[] = {group_of(1, 1), group_of(5, 0), group_of(1, 0)};
    groups[0].task_duration_us = first;
    groups[2].task_duration_us = last;
    struct omega_job job = job_of(groups, 3);
    job.submit_us = 77;
    job.mapreduce.workers_asked = 3;
    ck_assert_int_eq(omega_job_seal(&job, groups, NULL), OMEGA_OK);
    struct omega_job *copy = omega_job_copy(&job);
    ck_assert_ptr_nonnull(copy);
    memset(first, 0xff, sizeof first); /* the copy has its own */
    memset(last, 0xff, sizeof last);
    memset(groups, 0xff, sizeof groups);
    ck_assert_uint_eq(copy->id, 9);
    ck_assert_int_eq(copy->submit_us, 77);
    ck_assert_uint_eq(copy->mapreduce.workers_asked, 3);
    ck_assert_uint_eq(copy->slots, 8);
    ck_assert_uint_eq(copy->groups[1].first_task, 2);
    ck_assert_int_eq(omega_task_duration(&copy->groups[0], 0), 10);
    ck_assert_int_eq(omega_task_duration(&copy->groups[0], 1), 20);
    ck_assert_int_eq(omega_task_duration(&copy->groups[1], 6), 1000);
    ck_assert_int_eq(omega_task_duration(&copy->groups[2], 7), 30);
    struct omega_job *again = omega_job_copy(copy);
    free(copy);
    ck_assert_int_eq(omega_task_duration(&again->groups[0], 1), 20);
    free(again);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "seal", test_seal);
    check_case(suite, "refuses counts", test_refuses_counts);
    check_case(suite, "refuses requests", test_refuses_requests);
    check_case(suite, "GPU shapes", test_gpu_shapes);
    check_case(suite, "check is as sealing", test_check_is_as_sealing);
    check_case(suite, "check refuses each field", test_check_refuses_each_field);
    check_case(suite, "check refuses too many", test_check_refuses_too_many);
    check_case(suite, "copy", test_copy);
}

CHECK_MAIN("job", add_cases)
