/* SPDX-License-Identifier: MIT */
/* The module mapreduce: how many workers each policy claims beyond those asked for, and what it
 * says about the duration of a job. */
#include "tests/support/check_main.h"
#include "tests/support/planning.h"

#include <stdio.h>

#define MACHINES 100
#define MACHINE_CPU 1000 /* a worker fills a machine, unless a test says otherwise */

static const struct omega_mapreduce numbers = {40, 10, 3000000, 8000000, 5};

/* A job of 5 workers that has use for 35 more, planned on a cell of 100 machines of which the first
 * `used` are full. Returns the claims. */
static uint32_t plan(struct planning *p, const char *options, uint32_t used)
{
    struct omega_request worker = {.cpu_milli = MACHINE_CPU, .mem_mib = 1};
    planning_open(p, "mapreduce", options, MACHINES, MACHINE_CPU, 1000, false);
    planning_group(p, 5, 35, worker, "");
    p->groups[0].duration_us = 40000000;
    p->job.mapreduce = numbers;
    for (uint32_t m = 0; m < used; m++) {
        p->view.entry[m].room.cpu_milli = 0;
    }
    ck_assert_int_eq(planning_place(p), OMEGA_OK);
    return p->count;
}

static uint32_t planned(const char *options, uint32_t used)
{
    struct planning p;
    uint32_t claims = plan(&p, options, used);
    planning_close(&p);
    return claims;
}

START_TEST(test_none)
{
    ck_assert_uint_eq(planned("{\"policy\": \"none\"}", 0), 5);
    ck_assert_uint_eq(planned("{\"policy\": \"none\"}", 97), 3);
}
END_TEST

START_TEST(test_max_parallelism)
{
    const char *options = "{\"policy\": \"max_parallelism\"}";
    ck_assert_uint_eq(planned(options, 0), 40);  /* all that is of use, not all that is free */
    ck_assert_uint_eq(planned(options, 80), 20); /* all that is free */
    ck_assert_uint_eq(planned(options, 95), 5);
    ck_assert_uint_eq(planned(options, 97), 3); /* not all it asks for: no more either */
    ck_assert_uint_eq(planned(NULL, 0), 40);    /* the default */
}
END_TEST

START_TEST(test_global_cap)
{
    const char *options = "{\"policy\": \"global_cap\"}";
    ck_assert_uint_eq(planned(options, 0), 40);
    ck_assert_uint_eq(planned(options, 30), 30); /* up to 60 of 100, its own 5 among them */
    ck_assert_uint_eq(planned(options, 55), 5);
    ck_assert_uint_eq(planned(options, 90), 5); /* what it asks for, it may have */
    ck_assert_uint_eq(planned("{\"policy\": \"global_cap\", \"cap\": 0.75}", 60), 15);
    ck_assert_uint_eq(planned("{\"policy\": \"global_cap\", \"cap\": 0}", 0), 5);
    ck_assert_uint_eq(planned("{\"policy\": \"global_cap\", \"cap\": 1}", 70), 30);
    /* up to the cap means up to it: 0.29 x 100,000 is 28,999.999999999996 for the processor */
    ck_assert_uint_eq(planned("{\"policy\": \"global_cap\", \"cap\": 0.29}", 0), 29);
    ck_assert_uint_eq(planned("{\"policy\": \"global_cap\", \"cap\": 0.2899}", 0), 28);
}
END_TEST

/* Whichever is nearer to its cap, CPU or memory, ends it; machines that take nothing do not
 * count. */
START_TEST(test_global_cap_of_what)
{
    struct planning p;
    struct omega_request worker = {.cpu_milli = 10, .mem_mib = 100};
    planning_open(&p, "mapreduce", "{\"policy\": \"global_cap\"}", MACHINES, MACHINE_CPU, 1000,
                  false);
    planning_group(&p, 5, 1000, worker, "");
    p.job.mapreduce = (struct omega_mapreduce){2000, 0, 1000000, 0, 5};
    ck_assert_int_eq(planning_place(&p), OMEGA_OK);
    ck_assert_uint_eq(p.count, 600); /* of 100,000 MiB 60 % */
    planning_close(&p);

    planning_open(&p, "mapreduce", "{\"policy\": \"global_cap\"}", MACHINES, MACHINE_CPU, 1000,
                  false);
    planning_group(&p, 5, 1000, worker, "");
    p.job.mapreduce = (struct omega_mapreduce){2000, 0, 1000000, 0, 5};
    for (uint32_t m = 0; m < 50; m++) { /* down */
        p.view.entry[m].room.cpu_milli = -1;
        p.view.entry[m].room.mem_mib = -1;
    }
    ck_assert_int_eq(planning_place(&p), OMEGA_OK);
    ck_assert_uint_eq(p.count, 300);
    planning_close(&p);
}
END_TEST

/* Up to `factor` times the workers asked for means up to that: 1.15 x 100 is 114.99999999999999 for
 * the processor. */
START_TEST(test_relative_job_size_exactly)
{
    struct planning p;
    struct omega_request worker = {.cpu_milli = 1, .mem_mib = 1};
    planning_open(&p, "mapreduce", "{\"policy\": \"relative_job_size\", \"factor\": 1.15}",
                  MACHINES, MACHINE_CPU, 1000, false);
    planning_group(&p, 100, 100, worker, "");
    p.job.mapreduce = (struct omega_mapreduce){1000, 0, 1000000, 0, 100};
    ck_assert_int_eq(planning_place(&p), OMEGA_OK);
    ck_assert_uint_eq(p.count, 115);
    planning_close(&p);
}
END_TEST

START_TEST(test_relative_job_size)
{
    const char *options = "{\"policy\": \"relative_job_size\"}";
    ck_assert_uint_eq(planned(options, 0), 20); /* 4 times 5 */
    ck_assert_uint_eq(planned(options, 90), 10);
    ck_assert_uint_eq(planned("{\"policy\": \"relative_job_size\", \"factor\": 2.5}", 0), 12);
    ck_assert_uint_eq(planned("{\"policy\": \"relative_job_size\", \"factor\": 1}", 0), 5);
    ck_assert_uint_eq(planned("{\"policy\": \"relative_job_size\", \"factor\": 100}", 0), 40);
}
END_TEST

/* What is of no use is not claimed, though the job would let it: the model decides. */
START_TEST(test_useful)
{
    struct planning p;
    struct omega_request worker = {.cpu_milli = 1, .mem_mib = 1};
    static const struct {
        struct omega_mapreduce numbers;
        uint32_t claims;
    } cases[] = {
        {{12, 8, 1000000, 1000000, 5}, 12},
        {{8, 12, 1000000, 1000000, 5}, 12},
        {{8, 12, 1000000, 0, 5}, 8},
        {{4, 3, 1000000, 1000000, 5}, 5},
        {{0, 0, 0, 0, 0}, 5}, /* no MapReduce job: nothing is known of it */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        planning_open(&p, "mapreduce", NULL, MACHINES, MACHINE_CPU, 1000, false);
        planning_group(&p, 5, 100, worker, "");
        p.job.mapreduce = cases[i].numbers;
        ck_assert_int_eq(planning_place(&p), OMEGA_OK);
        ck_assert_uint_eq(p.count, cases[i].claims);
        planning_close(&p);
    }
}
END_TEST

/* The groups of a job share what it may have beyond its required tasks. */
START_TEST(test_groups)
{
    struct planning p;
    struct omega_request worker = {.cpu_milli = 1, .mem_mib = 1};
    planning_open(&p, "mapreduce", "{\"policy\": \"relative_job_size\"}", MACHINES, MACHINE_CPU,
                  1000, false);
    planning_group(&p, 2, 10, worker, "");
    planning_group(&p, 3, 10, worker, "");
    p.job.mapreduce = numbers;
    ck_assert_int_eq(planning_place(&p), OMEGA_OK);
    ck_assert_uint_eq(p.count, 20);
    planning_close(&p);

    planning_open(&p, "mapreduce", NULL, MACHINES, MACHINE_CPU, 1000, false);
    planning_group(&p, 1, 0, (struct omega_request){.cpu_milli = MACHINE_CPU + 1}, "");
    planning_group(&p, 3, 10, worker, "");
    p.job.mapreduce = numbers;
    ck_assert_int_eq(planning_place(&p), OMEGA_OK);
    ck_assert_uint_eq(p.count, 3); /* not all that it asks for: no more either */
    planning_close(&p);
}
END_TEST

START_TEST(test_started)
{
    struct planning p;
    int64_t duration_us;
    plan(&p, NULL, 80);
    ck_assert_int_eq(instance_started(p.instance, &p.job, 5, &duration_us, NULL), OMEGA_OK);
    ck_assert_int_eq(duration_us, 40000000);
    ck_assert_int_eq(instance_started(p.instance, &p.job, 20, &duration_us, NULL), OMEGA_OK);
    ck_assert_int_eq(duration_us, 14000000);
    ck_assert_int_eq(instance_started(p.instance, &p.job, 40, &duration_us, NULL), OMEGA_OK);
    ck_assert_int_eq(duration_us, 11000000);
    ck_assert_int_eq(planning_counter(&p, "workers_asked"), 15);
    ck_assert_int_eq(planning_counter(&p, "workers_added"), 50);
    p.job.mapreduce = (struct omega_mapreduce){0}; /* its own duration holds */
    ck_assert_int_eq(instance_started(p.instance, &p.job, 40, &duration_us, NULL), OMEGA_OK);
    ck_assert_int_eq(duration_us, 40000000);
    planning_close(&p);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "none", test_none);
    check_case(suite, "max_parallelism", test_max_parallelism);
    check_case(suite, "global_cap", test_global_cap);
    check_case(suite, "global_cap: of what", test_global_cap_of_what);
    check_case(suite, "relative_job_size", test_relative_job_size);
    check_case(suite, "relative_job_size, exactly", test_relative_job_size_exactly);
    check_case(suite, "what is of use", test_useful);
    check_case(suite, "groups", test_groups);
    check_case(suite, "started", test_started);
}

CHECK_MAIN("mapreduce module", add_cases)
