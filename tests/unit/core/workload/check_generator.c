/* SPDX-License-Identifier: MIT */
/* The generator: times, rounding, limits, independent streams, and refused configurations. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/workload/workload.h"
#include "tests/support/check_main.h"

#define SEED UINT64_C(7)

#define CONSTANT(x)                                                                                \
    {                                                                                              \
        .type = DISTRIBUTION_CONSTANT, .a = (x)                                                    \
    }
#define EXPONENTIAL(mean)                                                                          \
    {                                                                                              \
        .type = DISTRIBUTION_EXPONENTIAL, .a = (mean)                                              \
    }

static struct generator_config plain(void)
{
    return (struct generator_config){
        .workload = 1,
        .user = 5,
        .precedence = 200,
        .constraints = 3,
        .interarrival_s = CONSTANT(1.5),
        .tasks = CONSTANT(2.1),
        .duration_s = CONSTANT(0.25),
        .cpu_milli = CONSTANT(100.0),
        .mem_mib = CONSTANT(0.0),
        .rate_factor = 1.0,
        .first_us = 1000,
        .end_us = 4501001,
    };
}

static struct job_source *open_source(const struct generator_config *config)
{
    struct job_source *source;
    omega_error_t err = {.code = OMEGA_OK};
    ck_assert_msg(generator_open(config, SEED, &source, &err) == OMEGA_OK, "%s", err.text);
    return source;
}

START_TEST(test_job)
{
    struct generator_config config = plain();
    config.gpu_devices = 1;
    config.gpu_milli = 250;
    config.optional_factor = 1.9;
    struct job_source *source = open_source(&config);
    const struct omega_job *job;
    ck_assert_int_eq(job_source_next(source, &job, NULL), 1);
    ck_assert_uint_eq(job->id, 0);
    ck_assert_int_eq(job->submit_us, 1501000);
    ck_assert_uint_eq(job->workload, 1);
    ck_assert_uint_eq(job->user, 5);
    ck_assert_int_eq(job->precedence, 200);
    ck_assert_uint_eq(job->group_count, 1);
    ck_assert_uint_eq(job->tasks, 3); /* rounded up */
    ck_assert_uint_eq(job->slots, 8); /* 5.7 optional ones, rounded down */
    ck_assert_uint_eq(job->groups[0].count, 3);
    ck_assert_uint_eq(job->groups[0].optional, 5);
    ck_assert_uint_eq(job->groups[0].constraints, 3);
    ck_assert_int_eq(job->groups[0].duration_us, 250000);
    ck_assert_int_eq(job->groups[0].request.cpu_milli, 100);
    ck_assert_int_eq(job->groups[0].request.mem_mib, 1); /* at least 1 */
    ck_assert_int_eq(job->groups[0].request.gpu_milli, 250);
    ck_assert_uint_eq(job->groups[0].request.gpu_devices, 1);
    job_source_close(source);
    job_source_close(NULL);
}
END_TEST

/* Counts the jobs up to the end and tells the time of the last one. */
static uint64_t run(const struct generator_config *config, int64_t *last_us)
{
    struct job_source *source = open_source(config);
    const struct omega_job *job;
    uint64_t count = 0;
    *last_us = 0;
    while (job_source_next(source, &job, NULL) == 1) {
        ck_assert_int_ge(job->submit_us, *last_us);
        *last_us = job->submit_us;
        count++;
    }
    ck_assert_int_eq(job_source_next(source, &job, NULL), 0); /* the end stays the end */
    job_source_close(source);
    return count;
}

START_TEST(test_times)
{
    int64_t last_us;
    struct generator_config config = plain();
    ck_assert_uint_eq(run(&config, &last_us), 3); /* one just before the end counts */
    ck_assert_int_eq(last_us, 4501000);
    config.end_us = 4501000; /* one at the end does not */
    ck_assert_uint_eq(run(&config, &last_us), 2);
    config.rate_factor = 2.0;
    ck_assert_uint_eq(run(&config, &last_us), 5);
    ck_assert_int_eq(last_us, 3751000);
    config.jobs_max = 4;
    ck_assert_uint_eq(run(&config, &last_us), 4);
    config.end_us = 0;
    ck_assert_uint_eq(run(&config, &last_us), 0);
    config = plain();
    config.interarrival_s.a = 1e300;
    ck_assert_uint_eq(run(&config, &last_us), 0);
    config.interarrival_s.a = 0.0; /* all at once, where their number is limited */
    config.jobs_max = 10;
    ck_assert_uint_eq(run(&config, &last_us), 10);
    ck_assert_int_eq(last_us, 1000);
}
END_TEST

START_TEST(test_rounding)
{
    int64_t last_us;
    struct generator_config config = plain();
    config.first_us = 0;
    config.jobs_max = 1000;
    config.interarrival_s.a = 2.6e-6; /* 3 us each: gaps are rounded one by one */
    config.duration_s.a = 0.0;
    ck_assert_uint_eq(run(&config, &last_us), 1000);
    ck_assert_int_eq(last_us, 3000);
    config.interarrival_s.a = -1.0;
    struct job_source *source = open_source(&config);
    const struct omega_job *job;
    ck_assert_int_eq(job_source_next(source, &job, NULL), 1);
    ck_assert_int_eq(job->submit_us, 0); /* no gap is below 0 */
    ck_assert_int_eq(job->groups[0].duration_us, 1);
    job_source_close(source);
    config.duration_s.a = 1e300;
    source = open_source(&config);
    ck_assert_int_eq(job_source_next(source, &job, NULL), 1);
    ck_assert_int_eq(job->groups[0].duration_us, OMEGA_DURATION_MAX);
    job_source_close(source);
}
END_TEST

/* A draw of the stream of this purpose, rounded up and at least 1. */
static int64_t whole(const struct distribution *distribution, struct omega_random *random)
{
    double drawn = ceil(distribution_draw(distribution, random));
    return drawn < 1.0 ? 1 : (int64_t)drawn;
}

/* Each property comes from the stream of its name. */
START_TEST(test_purposes)
{
    enum {
        TASKS,
        DURATION,
        CPU,
        MEMORY,
        PURPOSES
    };
    static const char *const purposes[PURPOSES] = {"tasks", "duration", "cpu", "memory"};
    struct omega_random streams[PURPOSES];
    struct generator_config config = plain();
    config.tasks = (struct distribution)EXPONENTIAL(20.0);
    config.duration_s = (struct distribution)EXPONENTIAL(60.0);
    config.cpu_milli = (struct distribution)EXPONENTIAL(500.0);
    config.mem_mib = (struct distribution)EXPONENTIAL(500.0);
    config.end_us = INT64_MAX;
    for (int i = 0; i < PURPOSES; i++) {
        omega_random_init(&streams[i], SEED, purposes[i], config.workload);
    }
    struct job_source *source = open_source(&config);
    for (int i = 0; i < 100; i++) {
        const struct omega_job *job;
        ck_assert_int_eq(job_source_next(source, &job, NULL), 1);
        const struct omega_task_group *group = &job->groups[0];
        double seconds = distribution_draw(&config.duration_s, &streams[DURATION]);
        ck_assert_int_eq(group->duration_us, (int64_t)(seconds * 1e6 + 0.5));
        ck_assert_int_eq(group->count, whole(&config.tasks, &streams[TASKS]));
        ck_assert_int_eq(group->request.cpu_milli, whole(&config.cpu_milli, &streams[CPU]));
        ck_assert_int_eq(group->request.mem_mib, whole(&config.mem_mib, &streams[MEMORY]));
    }
    job_source_close(source);
}
END_TEST

/* Changing one distribution leaves what the others draw as it was; so does another workload's. */
START_TEST(test_streams)
{
    struct generator_config config = plain();
    config.interarrival_s = (struct distribution)EXPONENTIAL(1.0);
    config.tasks = (struct distribution)EXPONENTIAL(20.0);
    config.duration_s = (struct distribution)EXPONENTIAL(60.0);
    config.cpu_milli = (struct distribution)EXPONENTIAL(500.0);
    config.mem_mib = (struct distribution)EXPONENTIAL(800.0);
    config.end_us = INT64_MAX;
    struct generator_config other = config;
    other.tasks.a = 7.0;
    other.cpu_milli = (struct distribution)CONSTANT(1.0);
    struct generator_config third = config;
    third.workload = 2;
    struct job_source *a = open_source(&config);
    struct job_source *b = open_source(&other);
    struct job_source *c = open_source(&third);
    struct omega_random gaps;
    omega_random_init(&gaps, SEED, "interarrival", 1);
    printf("generator: seed %llu\n", (unsigned long long)SEED);
    int64_t now_us = config.first_us;
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        const struct omega_job *x;
        const struct omega_job *y;
        const struct omega_job *z;
        ck_assert_int_eq(job_source_next(a, &x, NULL), 1);
        ck_assert_int_eq(job_source_next(b, &y, NULL), 1);
        ck_assert_int_eq(job_source_next(c, &z, NULL), 1);
        now_us += (int64_t)(distribution_draw(&config.interarrival_s, &gaps) * 1e6 + 0.5);
        ck_assert_int_eq(x->submit_us, now_us);
        ck_assert_int_eq(x->submit_us, y->submit_us);
        ck_assert_int_eq(x->groups[0].duration_us, y->groups[0].duration_us);
        ck_assert_int_eq(x->groups[0].request.mem_mib, y->groups[0].request.mem_mib);
        same += x->groups[0].duration_us == z->groups[0].duration_us;
    }
    ck_assert_int_lt(same, 10);
    job_source_close(a);
    job_source_close(b);
    job_source_close(c);
}
END_TEST

static void open_refused(const struct generator_config *config, const char *text)
{
    struct job_source *source;
    omega_error_t err = {.code = OMEGA_OK};
    ck_assert_int_eq(generator_open(config, SEED, &source, &err), OMEGA_EINVAL);
    ck_assert_ptr_null(source);
    ck_assert_str_eq(err.text, text);
}

START_TEST(test_refused)
{
    struct generator_config config = plain();
    config.duration_s = (struct distribution)EXPONENTIAL(-1.0);
    open_refused(&config, "'duration_s': mean is -1, expected above 0");
    config = plain();
    config.rate_factor = 0.0;
    open_refused(&config, "rate factor is 0, expected above 0");
    config.rate_factor = NAN;
    open_refused(&config, "rate factor is nan, expected above 0");
    config = plain();
    config.optional_factor = -0.5;
    open_refused(&config, "optional factor is -0.5, expected 0 or more");
    config = plain();
    config.first_us = -1;
    open_refused(&config, "first gap starts at -1 us, expected 0 or more");
    config = plain();
    config.interarrival_s.a = 1e-7; /* time would never advance */
    open_refused(&config, "mean gap between submissions is 0.1 us, expected at least 1 unless the "
                          "number of jobs is limited");
}
END_TEST

static void next_refused(const struct generator_config *config, const char *text)
{
    struct job_source *source = open_source(config);
    const struct omega_job *job;
    omega_error_t err = {.code = OMEGA_OK};
    ck_assert_int_eq(job_source_next(source, &job, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, text);
    job_source_close(source);
}

START_TEST(test_draws_out_of_range)
{
    struct generator_config config = plain();
    config.tasks.a = 2e6;
    next_refused(&config, "workload '1' draws 2e+06 for the tasks of a job, expected at most "
                          "1048576");
    config = plain();
    config.cpu_milli.a = 1e300;
    next_refused(&config, "workload '1' draws 1e+300 for the milli-cores of a job, expected at "
                          "most 1073741824");
    config = plain();
    config.mem_mib.a = 1073741824.5;
    next_refused(&config, "workload '1' draws 1.07374e+09 for the MiB of a job, expected at most "
                          "1073741824");
    config = plain();
    config.optional_factor = 1e9;
    next_refused(&config, "workload '1' adds 3e+09 optional tasks to a job of 3, expected at most "
                          "1048576 together");
    config = plain();
    config.gpu_devices = 2;
    config.gpu_milli = 500;
    next_refused(&config, "task group 0 asks for 2 GPU devices of 500 milli-GPU, expected 0 of 0, "
                          "1 of 1 to 999 or 1 to 8 of 1000");
}
END_TEST

/* Jobs of 3 workers with 7 maps of 2 s and 5 reduces of 3 s. */
static struct generator_config mapreduce(void)
{
    struct generator_config config = plain();
    config.duration_s = (struct distribution){.type = DISTRIBUTION_EXPONENTIAL}; /* not looked at */
    config.mapreduce = (struct generator_mapreduce){
        .enabled = true,
        .maps = CONSTANT(6.5),
        .reduces = CONSTANT(1.5),
        .reduces_per_worker = true,
        .map_s = CONSTANT(2),
        .reduce_s = CONSTANT(3),
        .workers_max = 100,
    };
    return config;
}

static struct omega_job first_job(const struct generator_config *config)
{
    struct job_source *source = open_source(config);
    const struct omega_job *job;
    ck_assert_int_eq(job_source_next(source, &job, NULL), 1);
    static struct omega_task_group group;
    struct omega_job copy = *job;
    group = job->groups[0];
    copy.groups = &group;
    job_source_close(source);
    return copy;
}

START_TEST(test_mapreduce)
{
    struct generator_config config = mapreduce();
    struct omega_job job = first_job(&config);
    ck_assert_uint_eq(job.tasks, 3);
    ck_assert_uint_eq(job.slots, 7); /* as many as there are maps */
    ck_assert_uint_eq(job.mapreduce.workers_asked, 3);
    ck_assert_uint_eq(job.mapreduce.map_activities, 7);
    ck_assert_uint_eq(job.mapreduce.reduce_activities, 5); /* 1.5 x 3, rounded up */
    ck_assert_int_eq(job.mapreduce.map_mean_us, 2000000);
    ck_assert_int_eq(job.mapreduce.reduce_mean_us, 3000000);
    ck_assert_int_eq(job.groups[0].duration_us, 4666667 + 5000000);
    config.mapreduce.workers_max = 4;
    ck_assert_uint_eq(first_job(&config).slots, 4);
    config.mapreduce.workers_max = 1; /* what is asked for stays */
    ck_assert_uint_eq(first_job(&config).slots, 3);
    config = mapreduce();
    config.mapreduce.maps_per_worker = true;
    ck_assert_uint_eq(first_job(&config).mapreduce.map_activities, 20); /* 19.5 */
    config.mapreduce.maps.a = 0;
    config.mapreduce.reduces.a = 0;
    job = first_job(&config);
    ck_assert_uint_eq(job.mapreduce.map_activities, 1); /* a job has something to do */
    ck_assert_uint_eq(job.mapreduce.reduce_activities, 0);
    ck_assert_uint_eq(job.slots, 3);
    config = mapreduce();
    config.mapreduce.maps.a = 4e8;
    config.mapreduce.maps_per_worker = true;
    next_refused(&config, "workload '1' draws 1.2e+09 for the map activities of a job, expected at "
                          "most 1000000000");
    config = mapreduce();
    config.mapreduce.map_s.a = NAN;
    open_refused(&config, "'map_s': value is not finite, expected a number");
}
END_TEST

/* MapReduce numbers come from streams of their own: the other properties stay what they were. */
START_TEST(test_mapreduce_streams)
{
    struct generator_config config = plain();
    config.tasks = (struct distribution){.type = DISTRIBUTION_EXPONENTIAL, .a = 20};
    config.cpu_milli = (struct distribution){.type = DISTRIBUTION_EXPONENTIAL, .a = 500};
    struct generator_config other = mapreduce();
    other.tasks = config.tasks;
    other.cpu_milli = config.cpu_milli;
    other.mapreduce.maps = (struct distribution){.type = DISTRIBUTION_EXPONENTIAL, .a = 50};
    struct job_source *a = open_source(&config);
    struct job_source *b = open_source(&other);
    const struct omega_job *x;
    const struct omega_job *y;
    uint32_t jobs = 0;
    while (job_source_next(a, &x, NULL) == 1) {
        ck_assert_int_eq(job_source_next(b, &y, NULL), 1);
        ck_assert_uint_eq(x->tasks, y->tasks);
        ck_assert_int_eq(x->submit_us, y->submit_us);
        ck_assert_int_eq(x->groups[0].request.cpu_milli, y->groups[0].request.cpu_milli);
        jobs++;
    }
    ck_assert_uint_eq(jobs, 3);
    job_source_close(a);
    job_source_close(b);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "mapreduce", test_mapreduce);
    check_case(suite, "streams of mapreduce", test_mapreduce_streams);
    check_case(suite, "job", test_job);
    check_case(suite, "times", test_times);
    check_case(suite, "rounding", test_rounding);
    check_case(suite, "purposes", test_purposes);
    check_case(suite, "streams", test_streams);
    check_case(suite, "refused", test_refused);
    check_case(suite, "draws out of range", test_draws_out_of_range);
}

CHECK_MAIN("generator", add_cases)
