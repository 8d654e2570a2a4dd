/* SPDX-License-Identifier: MIT */
/* Eligible machines: subsets of picky workloads, alone and together with constraints. */
#include <string.h>

#include "core/driver/driver.h"
#include "tests/support/check_main.h"
#include "tests/support/fixture.h"

enum {
    MACHINES = 100,
    GROUPS = 3
};

static struct run_job *make_job(uint32_t workload, const uint32_t *constraints)
{
    struct omega_task_group groups[GROUPS];
    for (int g = 0; g < GROUPS; g++) {
        groups[g] = (struct omega_task_group){
            .count = 1,
            .constraints = constraints[g],
            .request = {.cpu_milli = 1, .mem_mib = 1},
            .duration_us = 1,
        };
    }
    struct omega_job job = {.id = 1, .workload = workload, .group_count = GROUPS, .groups = groups};
    ck_assert_int_eq(omega_job_seal(&job, groups, NULL), 0);
    struct run_job *made = run_job_create(&job, 1, NULL);
    ck_assert_ptr_nonnull(made);
    return made;
}

static uint32_t count_bits(const uint64_t *bits)
{
    uint32_t count = 0;
    for (uint32_t m = 0; m < MACHINES; m++) {
        count += omega_eligible(bits, m);
    }
    return count;
}

/* Machines 0 to 49 are in zone a; workload 0 may use 30 %, workload 1 all. */
static void open_zones(struct fixture *f, uint32_t constraints[GROUPS])
{
    fixture_open(f, MACHINES, 1000, 100, "batch", 100 * S);
    for (uint32_t m = 0; m < MACHINES; m++) {
        ck_assert_int_eq(catalogue_attributes(f->catalogue, m < 50 ? "zone=a" : "zone=b",
                                              &f->machines[m].attributes, NULL),
                         OMEGA_OK);
    }
    f->workloads[0].pickiness = 0.3;
    constraints[0] = 0;
    ck_assert_int_eq(catalogue_constraints(f->catalogue, "zone=a", &constraints[1], NULL), 0);
    ck_assert_int_eq(catalogue_constraints(f->catalogue, "zone=b", &constraints[2], NULL), 0);
}

START_TEST(subsets_and_constraints)
{
    struct fixture f;
    uint32_t constraints[GROUPS];
    open_zones(&f, constraints);
    struct eligibility *eligibility = eligibility_create(&f.config);
    uint32_t differ = 0;
    uint64_t first[2] = {0};
    for (int i = 0; i < 200; i++) {
        struct run_job *job = make_job(0, constraints);
        ck_assert_int_eq(eligibility_of(eligibility, job, NULL), 0);
        ck_assert_uint_eq(count_bits(job->eligible[0]), 30);
        for (uint32_t m = 0; m < MACHINES; m++) {
            bool chosen = omega_eligible(job->eligible[0], m);
            ck_assert_int_eq(omega_eligible(job->eligible[1], m), chosen && m < 50);
            ck_assert_int_eq(omega_eligible(job->eligible[2], m), chosen && m >= 50);
        }
        first[0] = i == 0 ? job->eligible[0][0] : first[0];
        first[1] = i == 0 ? job->eligible[0][1] : first[1];
        differ += job->eligible[0][0] != first[0] || job->eligible[0][1] != first[1];
        run_job_destroy(job, NULL);
    }
    ck_assert_uint_gt(differ, 150);
    eligibility_destroy(eligibility);
    fixture_close(&f);
}
END_TEST

/* Two processes that see different jobs, in another order, give each job the same machines. */
START_TEST(a_job_may_draw_by_its_id)
{
    struct fixture f;
    static const uint32_t none[GROUPS];
    uint64_t first[64][2];
    uint32_t differ = 0;
    fixture_open(&f, MACHINES, 1000, 100, "batch", 100 * S);
    f.workloads[0].pickiness = 0.3;
    for (uint32_t step = 1; step <= 2; step++) {
        struct eligibility *eligibility = eligibility_create(&f.config);
        eligibility_by_id(eligibility);
        for (uint32_t i = 64; i > 0; i -= step) {
            struct run_job *job = make_job(0, none);
            job->job->id = i;
            ck_assert_int_eq(eligibility_of(eligibility, job, NULL), 0);
            const uint64_t *bits = job->eligible[0];
            ck_assert(step == 1 || memcmp(first[i - 1], bits, sizeof first[0]) == 0);
            memcpy(first[i - 1], bits, sizeof first[0]);
            differ += step == 1 && memcmp(first[63], bits, sizeof first[0]) != 0;
            run_job_destroy(job, NULL);
        }
        eligibility_destroy(eligibility);
    }
    ck_assert_uint_gt(differ, 48);
    fixture_close(&f);
}
END_TEST

START_TEST(constraints_alone)
{
    struct fixture f;
    uint32_t constraints[GROUPS];
    open_zones(&f, constraints);
    struct eligibility *eligibility = eligibility_create(&f.config);
    struct run_job *job = make_job(1, constraints);
    ck_assert_int_eq(eligibility_of(eligibility, job, NULL), 0);
    ck_assert_ptr_null(job->eligible[0]);
    for (uint32_t m = 0; m < MACHINES; m++) {
        ck_assert_int_eq(omega_eligible(job->eligible[1], m), m < 50);
        ck_assert_int_eq(omega_eligible(job->eligible[2], m), m >= 50);
    }
    run_job_destroy(job, NULL);
    static const uint32_t none[GROUPS];
    job = make_job(1, none);
    ck_assert_int_eq(eligibility_of(eligibility, job, NULL), 0);
    ck_assert_ptr_null(job->eligible);
    run_job_destroy(job, NULL);
    eligibility_destroy(eligibility);
    fixture_close(&f);
}
END_TEST

/* 0.29 x 100 is 28.999999999999996 in binary: a share that is meant to be whole is. */
START_TEST(subset_sizes)
{
    static const struct {
        double share;
        uint32_t machines;
    } cases[] = {{0.29, 29}, {0.57, 57}, {0.07, 7}, {0.299, 29}, {0.999, 99}, {0.001, 1}};
    struct fixture f;
    fixture_open(&f, MACHINES, 1000, 100, "batch", 100 * S);
    static const uint32_t none[GROUPS];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f.workloads[0].pickiness = cases[i].share;
        struct eligibility *eligibility = eligibility_create(&f.config);
        struct run_job *job = make_job(0, none);
        ck_assert_int_eq(eligibility_of(eligibility, job, NULL), 0);
        ck_assert_uint_eq(count_bits(job->eligible[0]), cases[i].machines);
        run_job_destroy(job, NULL);
        eligibility_destroy(eligibility);
    }
    fixture_close(&f);
}
END_TEST

/* In a run: one job may use a quarter of eight one-slot machines. */
START_TEST(a_picky_job_uses_its_own_machines)
{
    struct fixture f;
    fixture_open(&f, 8, 1000, 100, "batch", 100 * S);
    f.workloads[0].pickiness = 0.25;
    f.schedulers[0].retry.attempts_max = 1;
    struct fixture_job jobs[] = {a_job(0, 8, 1000, 10 * S)};
    fixture_run_ok(&f, jobs, 1);
    ck_assert_uint_eq(f.counters.tasks_finished, 2);
    ck_assert_uint_eq(f.counters.tasks_abandoned, 6);
    fixture_close(&f);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "subsets and constraints", subsets_and_constraints);
    check_case(suite, "constraints alone", constraints_alone);
    check_case(suite, "by id", a_job_may_draw_by_its_id);
    check_case(suite, "subset sizes", subset_sizes);
    check_case(suite, "a picky job", a_picky_job_uses_its_own_machines);
}

CHECK_MAIN("core/driver/eligibility", add_cases)
