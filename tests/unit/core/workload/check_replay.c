/* SPDX-License-Identifier: MIT */
/* Replay: scaling, copies, shuffling, demand, choice of workloads, and what is refused. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/workload/trace.h"
#include "tests/support/check_main.h"
#include "tests/unit/core/workload/trace_fixture.h"

#define SEED UINT64_C(11)
#define SMALL_JOBS 40

/* SMALL_JOBS jobs of one task of 100 milli-cores, 10 us apart, each with a memory of its own, on a
 * cell of 5,000 milli-cores: all of them ask for 80 %. */
static struct trace *small_trace(void)
{
    struct trace *trace =
        fixture_trace(MACHINES_HEADER "m,5000,1000,0,,,0,\nn,9,9,0,,,1,\n", JOBS_HEADER, NULL);
    uint32_t workload[2];
    trace_workload(trace, "a", &workload[0], NULL);
    trace_workload(trace, "b", &workload[1], NULL);
    for (int i = 0; i < SMALL_JOBS; i++) {
        struct omega_task_group group = {.count = 1, .duration_us = 100};
        group.request.cpu_milli = 100;
        group.request.mem_mib = i + 1;
        struct omega_job job = {.id = (uint64_t)i + 1,
                                .submit_us = 1000 + 10 * i,
                                .workload = workload[i % 4 == 0],
                                .group_count = 1,
                                .groups = &group};
        ck_assert_int_eq(trace_add_job(trace, &job, NULL), OMEGA_OK);
    }
    ck_assert_int_eq(trace_seal(trace, NULL), OMEGA_OK);
    return trace;
}

static struct replay_config plain(void)
{
    return (struct replay_config){
        .time_scale = 1, .duration_scale = 1, .copies = 1, .end_us = INT64_MAX};
}

struct seen {
    int count;
    int64_t submit_us[1000];
    int32_t mem_mib[1000];
    uint32_t workload[1000];
    int64_t duration_us[1000];
};

static void replay(const struct trace *trace, const struct replay_config *config, uint64_t seed,
                   struct seen *seen)
{
    struct job_source *source = NULL;
    const struct omega_job *job;
    omega_error_t err = {0};
    int got;
    memset(seen, 0, sizeof *seen);
    ck_assert_msg(replay_open(trace, config, seed, &source, &err) == OMEGA_OK, "%s", err.text);
    while ((got = job_source_next(source, &job, &err)) == 1) {
        int i = seen->count++;
        ck_assert_int_lt(i, 1000);
        ck_assert_uint_eq(job->id, 0);
        seen->submit_us[i] = job->submit_us;
        seen->mem_mib[i] = job->groups[0].request.mem_mib;
        seen->workload[i] = job->workload;
        seen->duration_us[i] = omega_task_duration(&job->groups[0], 0);
        ck_assert(i == 0 || seen->submit_us[i - 1] <= job->submit_us);
    }
    ck_assert_int_eq(got, 0);
    ck_assert_int_eq(job_source_next(source, &job, &err), 0);
    job_source_close(source);
}

START_TEST(test_as_recorded)
{
    struct trace *trace = small_trace();
    struct replay_config config = plain();
    struct seen seen;
    replay(trace, &config, SEED, &seen);
    ck_assert_int_eq(seen.count, SMALL_JOBS);
    for (int i = 0; i < SMALL_JOBS; i++) {
        ck_assert_int_eq(seen.submit_us[i], 1000 + 10 * i);
        ck_assert_int_eq(seen.mem_mib[i], i + 1);
        ck_assert_int_eq(seen.duration_us[i], 100);
        ck_assert_uint_eq(seen.workload[i], i % 4 == 0);
    }
    config.end_us = 1050;
    replay(trace, &config, SEED, &seen);
    ck_assert_int_eq(seen.count, 5);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_scaled)
{
    struct trace *trace = small_trace();
    struct replay_config config = plain();
    struct seen seen;
    config.time_scale = 0.25;
    config.duration_scale = 0.001;
    config.copies = 3;
    replay(trace, &config, SEED, &seen);
    ck_assert_int_eq(seen.count, 3 * SMALL_JOBS);
    ck_assert_int_eq(seen.submit_us[0], 250);
    ck_assert_int_eq(seen.submit_us[2], 250);
    ck_assert_int_eq(seen.submit_us[3], 253); /* 252.5 rounded */
    ck_assert_int_eq(seen.mem_mib[5], 2);
    ck_assert_int_eq(seen.duration_us[0], 1); /* 0.1, never 0 */
    trace_destroy(trace);
}
END_TEST

START_TEST(test_duration_lists)
{
    struct trace *trace = fixture_full();
    struct replay_config config = plain();
    struct job_source *source;
    const struct omega_job *job;
    config.duration_scale = 10;
    ck_assert_int_eq(replay_open(trace, &config, SEED, &source, NULL), OMEGA_OK);
    ck_assert_int_eq(job_source_next(source, &job, NULL), 1);
    ck_assert_int_eq(omega_task_duration(&job->groups[0], 7), 50);
    ck_assert_int_eq(job_source_next(source, &job, NULL), 1);
    ck_assert_int_eq(omega_task_duration(&job->groups[0], 0), 10);
    ck_assert_int_eq(omega_task_duration(&job->groups[0], 1), OMEGA_NEVER);
    ck_assert_int_eq(omega_task_duration(&job->groups[0], 2), 30);
    ck_assert_int_eq(omega_task_duration(&job->groups[1], 3), OMEGA_NEVER);
    ck_assert_uint_eq(job->slots, 4);
    job_source_close(source);
    trace_destroy(trace);
}
END_TEST

static bool is_permutation(const struct seen *seen, int from, int count)
{
    bool found[SMALL_JOBS + 1] = {false};
    for (int i = from; i < from + count; i++) {
        if (found[seen->mem_mib[i]]) {
            return false;
        }
        found[seen->mem_mib[i]] = true;
    }
    return true;
}

START_TEST(test_no_departures)
{
    struct trace *trace = small_trace();
    struct replay_config config = plain();
    struct seen a;
    struct seen b;
    struct seen other;
    config.no_departures = true;
    replay(trace, &config, SEED, &a);
    replay(trace, &config, SEED, &b);
    replay(trace, &config, SEED + 1, &other);
    ck_assert_int_eq(a.count, SMALL_JOBS);
    ck_assert_mem_eq(&a, &b, sizeof a);
    ck_assert_mem_ne(a.mem_mib, other.mem_mib, sizeof a.mem_mib);
    ck_assert(is_permutation(&a, 0, SMALL_JOBS));
    for (int i = 0; i < SMALL_JOBS; i++) {
        ck_assert_int_eq(a.submit_us[i], 1000 + 10 * i);
        ck_assert_int_eq(a.duration_us[i], OMEGA_NEVER);
    }
    config.copies = 2;
    replay(trace, &config, SEED, &a);
    ck_assert_int_eq(a.count, 2 * SMALL_JOBS);
    ck_assert_int_eq(a.submit_us[1], 1000);
    ck_assert_int_eq(a.submit_us[2], 1010);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_demand)
{
    struct trace *trace = small_trace();
    struct replay_config config = plain();
    struct seen one;
    struct seen seen;
    config.no_departures = true;
    replay(trace, &config, SEED, &one);
    config.demand = 2.0; /* 10,000 milli-cores: 100 jobs, two lists and a half */
    replay(trace, &config, SEED, &seen);
    ck_assert_int_eq(seen.count, 100);
    ck_assert_mem_eq(seen.mem_mib, one.mem_mib, SMALL_JOBS * sizeof *one.mem_mib);
    ck_assert(is_permutation(&seen, SMALL_JOBS, SMALL_JOBS));
    ck_assert(is_permutation(&seen, 2 * SMALL_JOBS, 20));
    ck_assert_mem_ne(&seen.mem_mib[SMALL_JOBS], one.mem_mib, SMALL_JOBS * sizeof *one.mem_mib);
    ck_assert_int_eq(seen.submit_us[0], 1000); /* three spans of 390 us in the time of one */
    ck_assert_int_eq(seen.submit_us[1], 1003);
    ck_assert_int_eq(seen.submit_us[SMALL_JOBS], 1130);
    ck_assert_int_eq(seen.submit_us[99], 1000 + (2 * 390 + 190) / 3);
    config.demand = 0.5; /* 25 jobs at their own times */
    replay(trace, &config, SEED, &seen);
    ck_assert_int_eq(seen.count, 25);
    ck_assert_int_eq(seen.submit_us[24], 1240);
    config.capacity = 400; /* of a cell other than the trace's */
    replay(trace, &config, SEED, &seen);
    ck_assert_int_eq(seen.count, 2);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_workload_map)
{
    static const uint32_t map[] = {UINT32_MAX, 6};
    struct trace *trace = small_trace();
    struct replay_config config = plain();
    struct seen seen;
    config.workload_map = map;
    replay(trace, &config, SEED, &seen);
    ck_assert_int_eq(seen.count, SMALL_JOBS / 4);
    ck_assert_uint_eq(seen.workload[0], 6);
    ck_assert_int_eq(seen.mem_mib[1], 5);
    config.no_departures = true;
    config.demand = 0.4; /* 2,000 milli-cores: two lists of 10 */
    replay(trace, &config, SEED, &seen);
    ck_assert_int_eq(seen.count, 20);
    trace_destroy(trace);
}
END_TEST

static void refused(const struct trace *trace, const struct replay_config *config, const char *text)
{
    struct job_source *source;
    omega_error_t err = {0};
    ck_assert_int_eq(replay_open(trace, config, SEED, &source, &err), OMEGA_EINVAL);
    ck_assert_msg(strstr(err.text, text) != NULL, "%s", err.text);
    ck_assert_ptr_null(source);
}

START_TEST(test_refused)
{
    struct trace *trace = small_trace();
    struct replay_config config = plain();
    config.time_scale = 0;
    refused(trace, &config, "time scale 0 and duration scale 1, expected numbers above 0");
    config.time_scale = NAN;
    refused(trace, &config, "expected numbers above 0");
    config.time_scale = 1e300;
    refused(trace, &config, "brings the submission of job 1 beyond");
    config = plain();
    config.duration_scale = 1e17;
    refused(trace, &config, "brings a task of job 1 beyond");
    config = plain();
    config.copies = 0;
    refused(trace, &config, "0 copies, expected 1 to");
    config = plain();
    config.demand = 1;
    refused(trace, &config, "with no_departures");
    config.no_departures = true;
    config.demand_resource = REPLAY_GPU;
    refused(trace, &config, "cannot be reached");
    config.capacity = 1000;
    refused(trace, &config, "cannot be reached by jobs that ask for 0 in all");
    trace_destroy(trace);
}
END_TEST

START_TEST(test_empty)
{
    struct trace *trace = fixture_trace(MACHINES_TEXT, JOBS_HEADER, NULL);
    struct replay_config config = plain();
    struct seen seen;
    replay(trace, &config, SEED, &seen);
    ck_assert_int_eq(seen.count, 0);
    config.no_departures = true;
    config.demand = 1;
    replay(trace, &config, SEED, &seen);
    ck_assert_int_eq(seen.count, 0);
    trace_destroy(trace);
}
END_TEST

static void add_cases(Suite *suite)
{
    printf("seed %llu\n", (unsigned long long)SEED);
    check_case(suite, "as recorded", test_as_recorded);
    check_case(suite, "scaled", test_scaled);
    check_case(suite, "duration lists", test_duration_lists);
    check_case(suite, "no departures", test_no_departures);
    check_case(suite, "demand", test_demand);
    check_case(suite, "workload map", test_workload_map);
    check_case(suite, "refused", test_refused);
    check_case(suite, "empty", test_empty);
}

CHECK_MAIN("replay", add_cases)
