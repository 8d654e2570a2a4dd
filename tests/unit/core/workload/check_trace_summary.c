/* SPDX-License-Identifier: MIT */
/* The figures of `omega trace info`, against ones worked out by hand, and that they are printed. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/workload/trace_summary.h"
#include "tests/support/check_main.h"
#include "tests/unit/core/workload/trace_fixture.h"

START_TEST(test_counts)
{
    struct trace *trace = fixture_full();
    struct summary summary;
    ck_assert_int_eq(summary_of(trace, &summary, NULL), OMEGA_OK);
    ck_assert_uint_eq(summary.groups, 4);
    ck_assert_uint_eq(summary.tasks, 10);
    ck_assert_uint_eq(summary.optional, 5);
    ck_assert_uint_eq(summary.users, 2);
    ck_assert_uint_eq(summary.absent, 1);
    ck_assert_uint_eq(summary.gpu_devices, 8);
    ck_assert_uint_eq(summary.events[OMEGA_EVENT_CAPACITY], 1);
    ck_assert_int_eq(summary.first_us, 10);
    ck_assert_int_eq(summary.last_us, 50);
    ck_assert_uint_eq(summary.workloads[0].jobs, 2);
    ck_assert_uint_eq(summary.workloads[0].tasks, 7);
    ck_assert_int_eq(summary.capacity[REPLAY_CPU], 12000);
    ck_assert_double_eq(summary.demand[REPLAY_CPU], 3 * 100 + 2 * 100 + 7 + 4 * 1);
    ck_assert_double_eq(summary.demand[REPLAY_GPU], 2 * 500 + 2000);
    trace_destroy(trace);
}
END_TEST

/* 100 jobs of i tasks (i = 1..100), 5,050 tasks of i milli-cores. */
START_TEST(test_quantiles)
{
    struct trace *trace = trace_create(NULL);
    uint32_t workload;
    trace_workload(trace, "w", &workload, NULL);
    for (uint32_t i = 100; i >= 1; i--) {
        struct omega_task_group group = {.count = i, .duration_us = i == 1 ? OMEGA_NEVER : 1000};
        group.request.cpu_milli = (int32_t)i;
        struct omega_job job = {
            .id = i, .submit_us = 7 * i, .group_count = 1, .groups = &group, .workload = workload};
        if (i <= 4) { /* the only MapReduce jobs */
            job.mapreduce = (struct omega_mapreduce){10 * i, i / 4, 1, 1, 1};
        }
        ck_assert_int_eq(trace_add_job(trace, &job, NULL), OMEGA_OK);
    }
    trace_seal(trace, NULL);
    struct summary summary;
    ck_assert_int_eq(summary_of(trace, &summary, NULL), OMEGA_OK);
    ck_assert_uint_eq(summary.values[SUMMARY_MAPS].count, 4);
    ck_assert_int_eq(summary.values[SUMMARY_MAPS].p50, 20);
    ck_assert_int_eq(summary.values[SUMMARY_MAPS].max, 40);
    ck_assert_uint_eq(summary.values[SUMMARY_REDUCES].count, 4);
    ck_assert_double_eq(summary.values[SUMMARY_REDUCES].mean, 0.25);
    const struct summary_values *tasks = &summary.values[SUMMARY_TASKS];
    ck_assert_uint_eq(tasks->count, 100);
    ck_assert_int_eq(tasks->p50, 50);
    ck_assert_int_eq(tasks->p90, 90);
    ck_assert_int_eq(tasks->p99, 99);
    ck_assert_int_eq(tasks->max, 100);
    ck_assert_double_eq(tasks->mean, 50.5);
    const struct summary_values *cpu = &summary.values[SUMMARY_CPU];
    ck_assert_uint_eq(cpu->count, 5050);
    ck_assert_int_eq(cpu->p50, 71); /* 1 + ... + 71 = 2,556 reaches rank 2,525; ... + 70 = 2,485 */
    ck_assert_int_eq(cpu->p99, 100);
    ck_assert_double_eq(cpu->mean, 67); /* sum of squares 338,350 / 5,050 */
    ck_assert_uint_eq(summary.values[SUMMARY_DURATION].never, 1);
    ck_assert_uint_eq(summary.values[SUMMARY_DURATION].count, 5049);
    ck_assert_int_eq(summary.values[SUMMARY_INTERARRIVAL].max, 7);
    ck_assert_uint_eq(summary.values[SUMMARY_INTERARRIVAL].count, 99);
    trace_destroy(trace);
}
END_TEST

/* A task of half the cell in the first half of the span, and one of all memory that never ends. */
START_TEST(test_load)
{
    struct trace *trace = fixture_trace(MACHINES_HEADER "m,1000,100,0,,,0,\n",
                                        JOBS_HEADER "1,0,w,,0,0,1,0,500,0,0,0,1000,\n"
                                                    "2,1000,w,,0,0,1,0,0,100,0,0,,\n"
                                                    "3,2000,w,,0,0,1,0,1,1,0,0,5,\n",
                                        NULL);
    struct summary summary;
    ck_assert_int_eq(summary_of(trace, &summary, NULL), OMEGA_OK);
    ck_assert_uint_eq(summary.slices, 20);
    ck_assert_int_eq(summary.slice_us[20], 2000);
    for (int s = 0; s < 20; s++) {
        ck_assert_double_eq(summary.load[s][REPLAY_CPU], s < 10 ? 0.5 : 0);
        ck_assert_double_eq(summary.load[s][REPLAY_MEM], s < 10 ? 0 : 1);
        ck_assert_double_eq(summary.load[s][REPLAY_GPU], 0);
    }
    trace_destroy(trace);
}
END_TEST

static char *print(const struct trace *trace, int as_json)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_int_eq(trace_info(trace, out, as_json, NULL), OMEGA_OK);
    fclose(out);
    return text;
}

START_TEST(test_json)
{
    struct trace *trace = fixture_full();
    char *text = print(trace, 1);
    json_t *root = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(root);
    json_t *distributions = json_object_get(root, "distributions");
    json_t *values = json_object_get(distributions, "duration_us_per_task");
    ck_assert_int_eq(json_integer_value(json_object_get(root, "jobs")), 3);
    ck_assert_int_eq(json_integer_value(json_object_get(values, "max")), 1000);
    ck_assert_int_eq(json_integer_value(json_object_get(values, "never")), 2);
    ck_assert_uint_eq(json_array_size(json_object_get(root, "load")), 20);
    ck_assert_uint_eq(json_array_size(json_object_get(root, "workloads")), 2);
    json_decref(root);
    free(text);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_text)
{
    struct trace *trace = fixture_full();
    trace_note(trace, "something assumed", 3);
    char *text = print(trace, 0);
    static const char *const parts[] = {
        "jobs        3 of 2 workloads and 2 known users\n",
        "tasks       10 required, 5 optional, in 4 groups\n",
        "events      5: add 1, remove 1, drain 1, undrain 1, capacity 1\n",
        "           3  something assumed\n",
        "and 2 that never end\n",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        ck_assert_msg(strstr(text, parts[i]) != NULL, "'%s' is not in:\n%s", parts[i], text);
    }
    free(text);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_empty)
{
    struct trace *trace = trace_create(NULL);
    char *text = print(trace, 0);
    ck_assert_ptr_nonnull(strstr(text, "jobs        0 of 0 workloads"));
    free(text);
    text = print(trace, 1);
    ck_assert_ptr_nonnull(strstr(text, "\"load\": []"));
    free(text);
    trace_destroy(trace);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "counts", test_counts);
    check_case(suite, "quantiles", test_quantiles);
    check_case(suite, "load", test_load);
    check_case(suite, "json", test_json);
    check_case(suite, "text", test_text);
    check_case(suite, "empty", test_empty);
}

CHECK_MAIN("trace summary", add_cases)
