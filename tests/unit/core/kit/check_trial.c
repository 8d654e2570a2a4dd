/* SPDX-License-Identifier: MIT */
/* Tests of trials: that they do what their plan says, and the same whatever memory is lent. */
#include "core/kit/trial.h"

#include <string.h>

#include "tests/support/check_main.h"
#include "tests/support/planning.h"

static const struct trial_plan simple = {
    .seed = 1, .machines = 20, .jobs = 100, .groups = 2, .tasks = 5, .attempts = 3, .fill = 60};

static const struct trial_plan everything = {
    .seed = 1,
    .machines = 20,
    .jobs = 200,
    .groups = 3,
    .tasks = 6,
    .attempts = 3,
    .fill = 80,
    .gpus = true,
    .constraints = true,
    .optional = true,
    .rivals = true,
    .events = true,
};

/* A trial of a module; returns what trial_all() does. The finding is valid until the next call. */
static int try_out(const char *name, const struct trial_plan *plan, const struct finding **found)
{
    static struct finding finding;
    struct module *module;
    omega_error_t err = {0};
    int rc = planning_module(name, &module, &err);
    ck_assert_msg(rc == 0, "%s", err.text);
    memset(&finding, 0, sizeof finding);
    rc = trial_all(module, NULL, plan, &finding);
    ck_assert_msg(!finding.unable, "%s", finding.text);
    ck_assert_int_eq(rc != 0, finding.wrong);
    module_close(module);
    *found = &finding;
    return rc;
}

START_TEST(jobs_are_planned)
{
    const struct finding *found;
    struct trial_plan plan = simple;
    ck_assert_int_eq(try_out("batch", &plan, &found), 0);
    ck_assert_uint_eq(found->jobs, 100);
    ck_assert_uint_eq(found->marks, 100);
    ck_assert_uint_ge(found->asked, 100);
    ck_assert_uint_le(found->asked, 1000);
    ck_assert_uint_eq(found->calls, 102); /* init() and fini(), and one attempt of each job */
    plan.all_tasks = true;
    plan.groups = 1;
    plan.roomy = true;
    ck_assert_int_eq(try_out("batch", &plan, &found), 0);
    ck_assert_uint_eq(found->asked, 500);
    ck_assert_uint_eq(found->placed, 500);
}
END_TEST

START_TEST(cells_without_room)
{
    const struct finding *found;
    struct trial_plan plan = simple;
    plan.absent = true;
    ck_assert_int_eq(try_out("batch", &plan, &found), 0);
    ck_assert_uint_eq(found->placed, 0);
    ck_assert_uint_eq(found->calls, 302); /* all three attempts */
    plan.absent = false;
    plan.machines = 0;
    ck_assert_int_eq(try_out("batch", &plan, &found), 0);
    ck_assert_uint_eq(found->placed, 0);
    plan = simple;
    plan.stuffed = true;
    plan.fill = 100;
    plan.machines = 2;
    plan.attempts = 1;
    ck_assert_int_eq(try_out("batch", &plan, &found), 0);
    ck_assert_uint_lt(found->placed, found->asked / 2);
}
END_TEST

START_TEST(conflicts_and_refusals_come_back)
{
    const struct finding *found;
    struct trial_plan plan = simple;
    plan.rivals = true;
    ck_assert_int_eq(try_out("batch", &plan, &found), 0);
    ck_assert_uint_gt(found->calls, 102);
    plan = simple;
    plan.picks = true;
    plan.roomy = true;
    ck_assert_int_eq(try_out("batch", &plan, &found), 0);
    ck_assert_uint_gt(found->calls, 202); /* nearly each job has claims held back */
    ck_assert_uint_gt(found->placed, found->asked / 2);
    ck_assert_uint_lt(found->placed, found->asked);
}
END_TEST

START_TEST(memory_makes_no_difference)
{
    static const char *const modules[] = {"batch",     "service",  "mapreduce",
                                          "first_fit", "stateful", "elastic"};
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        const struct finding *found;
        struct trial_plan plan = everything;
        ck_assert_int_eq(try_out(modules[i], &plan, &found), 0);
        struct finding first = *found;
        ck_assert_uint_eq(first.marks, 200);
        ck_assert_uint_gt(first.placed, 50);
        for (int memory = TRIAL_LENT; memory <= TRIAL_RETIRED; memory++) {
            plan.memory = (enum trial_memory)memory;
            plan.pattern = (uint8_t)(100 + memory);
            ck_assert_int_eq(try_out(modules[i], &plan, &found), 0);
            ck_assert_uint_eq(found->placed, first.placed);
            ck_assert_int_eq(memcmp(found->mark, first.mark, sizeof first.mark), 0);
        }
        plan.seed = 2;
        ck_assert_int_eq(try_out(modules[i], &plan, &found), 0);
        ck_assert_int_ne(memcmp(found->mark, first.mark, sizeof first.mark), 0);
    }
}
END_TEST

START_TEST(faults_are_told)
{
    const struct finding *found;
    struct trial_plan plan = simple;
    ck_assert_int_eq(try_out("wrong_twice", &plan, &found), -1);
    ck_assert_str_eq(found->text, "job 1: claimed task 0, which is claimed already, attempt 1");
    ck_assert_int_eq(try_out("bad_init", &plan, &found), -1);
    ck_assert_str_eq(found->text, "init refused: this module never starts");
    plan.optional = true;
    ck_assert_int_eq(try_out("wrong_started", &plan, &found), -1);
    ck_assert_ptr_nonnull(strstr(found->text, "started() returned 0 us, expected 1 to 1000000000000"
                                              "000000, or OMEGA_NEVER"));
}
END_TEST

START_TEST(instances_can_be_renewed)
{
    struct finding finding = {.ended = false};
    struct module *module;
    struct trial *trial;
    omega_error_t err = {0};
    ck_assert_int_eq(planning_module("batch", &module, &err), 0);
    ck_assert_int_eq(trial_create(module, NULL, &simple, &finding, &trial), 0);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(trial_step(trial), 1);
        ck_assert_int_eq(trial_renew(trial), 0);
    }
    ck_assert_int_eq(trial_drain(trial), 0);
    ck_assert_int_eq(trial_run(trial), 0);
    ck_assert_int_eq(trial_step(trial), 0);
    ck_assert_uint_eq(finding.jobs, 100);
    trial_destroy(trial);
    trial_destroy(NULL);
    module_close(module);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "jobs", jobs_are_planned);
    check_case(suite, "no room", cells_without_room);
    check_case(suite, "conflicts", conflicts_and_refusals_come_back);
    check_case(suite, "memory", memory_makes_no_difference);
    check_case(suite, "faults", faults_are_told);
    check_case(suite, "instances", instances_can_be_renewed);
}

CHECK_MAIN("trial", add_cases)
