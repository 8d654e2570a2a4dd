/* SPDX-License-Identifier: MIT */
/* Tests of instances: claims, devices, breaches by name, host services, roll-back of the view. */
#include "tests/support/check_main.h"
#include "tests/support/planning.h"

#include <string.h>

static const struct omega_request small = {.cpu_milli = 1000, .mem_mib = 100};

/* The breach of a module that claims one group of two tasks on two machines with room for one. */
static void assert_breach(const char *module, const char *expected)
{
    struct planning p;
    planning_open(&p, module, NULL, 2, 1000, 1000, true);
    struct omega_request request = {
        .cpu_milli = 600, .mem_mib = 100, .gpu_devices = 1, .gpu_milli = 1000};
    planning_group(&p, 2, 0, request, NULL);
    uint64_t none = 0;
    if (strcmp(module, "breach_ineligible") == 0) {
        p.eligible[0] = &none;
    }
    ck_assert_int_eq(planning_place(&p), OMEGA_EMODULE);
    char text[300];
    snprintf(text, sizeof(text), "module '%s' (scheduler 'tested'), job 7: %s", module, expected);
    ck_assert_str_eq(p.err.text, text);
    ck_assert_uint_eq(p.count, 0);
    planning_close(&p);
}

START_TEST(breaches_are_named)
{
    assert_breach("breach_twice", "claimed task 0, which is claimed already");
    assert_breach("breach_machine", "claimed machine 2 of 2");
    assert_breach("breach_room", "claimed machine 0, where the view shows no room for task 1");
    assert_breach("breach_foreign", "claimed task 2, which is not in group 0");
    assert_breach("breach_group", "claimed for group 1 of 1");
    assert_breach("breach_ineligible", "claimed machine 0, which is not eligible for group 0");
    assert_breach("breach_unclaim", "took back task 0, which is not claimed");
    assert_breach("breach_devices", "claimed device mask 0x3 for a request of 1 devices");
}
END_TEST

START_TEST(a_breach_ends_only_its_attempt)
{
    struct planning p;
    planning_open(&p, "breach_room", NULL, 2, 1000, 1000, false);
    planning_group(&p, 2, 0, small, NULL);
    ck_assert_int_eq(planning_place(&p), OMEGA_EMODULE);
    p.view.entry[0].room.cpu_milli = 2000;
    ck_assert_int_eq(planning_place(&p), 0);
    ck_assert_uint_eq(p.count, 2);
    planning_close(&p);
}
END_TEST

START_TEST(a_claim_carries_what_the_view_showed)
{
    struct planning p;
    planning_open(&p, "first_fit", NULL, 3, 1000, 1000, false);
    planning_group(&p, 2, 0, small, NULL);
    p.view.entry[0].room.cpu_milli = -1;
    p.view.entry[1].stamp = omega_stamp(11, 0);
    p.view.entry[2].stamp = omega_stamp(12, 0);
    p.view.shown.version = 40;
    ck_assert_int_eq(planning_place(&p), 0);
    ck_assert_uint_eq(p.count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        ck_assert_uint_eq(p.claims[i].task, i);
        ck_assert_uint_eq(p.claims[i].machine, i + 1);
        ck_assert_uint_eq(p.claims[i].seq, 11 + i);
        ck_assert_uint_eq(p.claims[i].synced, 40);
        ck_assert_uint_eq(p.claims[i].group, 0);
        ck_assert_int_eq(p.claims[i].request.cpu_milli, 1000);
        ck_assert_uint_eq(p.claims[i].devices, 0);
    }
    planning_close(&p);
}
END_TEST

/* A plan in short says the same, also when the view has gone on since. */
START_TEST(a_plan_in_short)
{
    struct planning p;
    struct instance_plan plan;
    planning_open(&p, "first_fit", NULL, 3, 1000, 1000, false);
    planning_group(&p, 3, 0, small, NULL);
    p.placed[1] = 1;
    p.view.entry[1].stamp = omega_stamp(11, 0);
    p.view.shown.version = 40;
    ck_assert_int_eq(planning_place(&p), 0); /* fills in what is given */
    for (int none_placed = 0; none_placed < 2; none_placed++) {
        p.given.placed = none_placed ? NULL : p.placed;
        ck_assert_int_eq(instance_plan(p.instance, &p.given, &p.view, &plan, &p.err), 0);
        ck_assert_uint_eq(plan.count, 2);
        ck_assert_ptr_null(plan.claims);
        ck_assert_uint_eq(plan.tasks[1], 2);
        ck_assert_uint_eq(plan.machines[1], 1);
        ck_assert_uint_eq(plan.seqs[1], 11);
    }
    p.view.entry[1].stamp = omega_stamp(12, 0);
    p.view.shown.version = 41;
    for (int again = 0; again < 2; again++) {
        struct omega_claim claims[2];
        instance_fill_claims(p.instance, claims);
        ck_assert_uint_eq(claims[1].task, 2);
        ck_assert_uint_eq(claims[1].machine, 1);
        ck_assert_uint_eq(claims[1].seq, 11);
        ck_assert_uint_eq(claims[1].synced, 40);
        ck_assert_int_eq(claims[1].request.cpu_milli, 1000);
    }
    planning_close(&p);
}
END_TEST

/* Claims of a second group, or on a view that is ahead in places, are more than notes can say. */
START_TEST(a_plan_in_full)
{
    struct planning p;
    struct instance_plan plan;
    uint64_t absorbed[3] = {0, 50, 0};
    planning_open(&p, "first_fit", NULL, 3, 1000, 1000, false);
    planning_group(&p, 2, 0, small, NULL);
    p.view.shown.version = 40;
    p.view.absorbed = absorbed;
    ck_assert_int_eq(planning_place(&p), 0);
    ck_assert_int_eq(instance_plan(p.instance, &p.given, &p.view, &plan, &p.err), 0);
    ck_assert_ptr_nonnull(plan.claims);
    ck_assert_uint_eq(plan.claims[1].synced, 50);
    p.view.absorbed = NULL;
    planning_group(&p, 1, 0, small, NULL);
    ck_assert_int_eq(planning_place(&p), 0);
    ck_assert_int_eq(instance_plan(p.instance, &p.given, &p.view, &plan, &p.err), 0);
    ck_assert_uint_eq(plan.count, 3);
    ck_assert_ptr_nonnull(plan.claims);
    ck_assert_uint_eq(plan.claims[2].group, 1);
    planning_close(&p);
}
END_TEST

START_TEST(devices_are_chosen_by_the_host)
{
    struct planning p;
    planning_open(&p, "first_fit", NULL, 1, 8000, 8000, true);
    p.view.free_gpu_milli[0] = 400;
    p.view.free_gpu_milli[3] = 250;
    store_view_derive_gpu(&p.view, 0);
    struct omega_request share = {.gpu_devices = 1, .gpu_milli = 200};
    struct omega_request whole = {.gpu_devices = 2, .gpu_milli = 1000};
    planning_group(&p, 4, 0, share, NULL);
    planning_group(&p, 1, 0, whole, NULL);
    ck_assert_int_eq(planning_place(&p), 0);
    ck_assert_uint_eq(p.count, 5);
    static const uint8_t expected[] = {1 << 3, 1 << 0, 1 << 0, 1 << 1, 1 << 2 | 1 << 4};
    for (uint32_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(p.claims[i].devices, expected[i]);
    }
    planning_close(&p);
}
END_TEST

START_TEST(different_machines_are_declined)
{
    struct planning p;
    planning_open(&p, "first_fit", NULL, 3, 8000, 8000, false);
    planning_group(&p, 3, 0, small, "different_machines");
    planning_group(&p, 2, 0, small, NULL);
    uint32_t machine_of[16];
    memset(machine_of, 0xff, sizeof machine_of);
    machine_of[2] = 1;
    p.given.machine_of = machine_of;
    p.placed[2] = 1;
    ck_assert_int_eq(planning_place(&p), 0);
    ck_assert_uint_eq(p.count, 4);
    ck_assert_uint_eq(p.claims[0].machine, 0);
    ck_assert_uint_eq(p.claims[1].machine, 2);
    ck_assert_uint_eq(p.claims[2].machine, 0);
    ck_assert_uint_eq(p.claims[3].machine, 0);
    planning_close(&p);
}
END_TEST

START_TEST(claims_are_taken_back)
{
    struct planning p;
    planning_open(&p, "undecided", NULL, 3, 8000, 8000, true);
    struct omega_request devices = {.cpu_milli = 1, .gpu_devices = 2, .gpu_milli = 1000};
    planning_group(&p, 3, 0, small, NULL);
    planning_group(&p, 2, 0, small, "different_machines");
    planning_group(&p, 1, 0, devices, NULL);
    p.given.now_us = 42000001;
    ck_assert_msg(planning_place(&p) == 0, "%s", p.err.text);
    static const uint32_t expected[][3] = {/* task, machine, devices */
                                           {0, 0, 0}, {2, 1, 0}, {1, 2, 0},
                                           {4, 0, 0}, {3, 1, 0}, {5, 2, 0x81}};
    ck_assert_uint_eq(p.count, 6);
    for (uint32_t i = 0; i < 6; i++) {
        ck_assert_uint_eq(p.claims[i].task, expected[i][0]);
        ck_assert_uint_eq(p.claims[i].machine, expected[i][1]);
        ck_assert_uint_eq(p.claims[i].devices, expected[i][2]);
    }
    static const struct planning_counter counters[] = {
        {"now_us", 42000001},
        {"free_with_two", 6000},
        {"claims_with_three", 3},
        {"taken_back", 0},
        {"free_with_one", 7000},
        {"claims_with_two", 2},
        {"declined", OMEGA_TXN_DECLINED},
        {"then_taken", 0},
        {"declined_too", OMEGA_TXN_DECLINED},
        {"whole_devices", 6 + 10 * 8},
    };
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        ck_assert_int_eq(planning_counter(&p, counters[i].name), counters[i].value);
    }
    planning_close(&p);
}
END_TEST

START_TEST(placed_tasks_are_not_offered)
{
    struct planning p;
    planning_open(&p, "first_fit", NULL, 1, 8000, 8000, false);
    planning_group(&p, 4, 0, small, NULL);
    p.placed[0] = 1;
    p.placed[2] = 1;
    ck_assert_int_eq(planning_place(&p), 0);
    ck_assert_uint_eq(p.count, 2);
    ck_assert_uint_eq(p.claims[0].task, 1);
    ck_assert_uint_eq(p.claims[1].task, 3);
    planning_close(&p);
}
END_TEST

/* Who claims a task before its turn ends the turns of those before it, which are claimed all the
 * same; the view shows what it did before. */
START_TEST(claims_out_of_turn)
{
    static const uint32_t order[] = {0, 3, 4, 1, 5, 2};
    struct planning p;
    planning_open(&p, "out_of_turn", NULL, 6, 1000, 1000, false);
    planning_group(&p, 6, 0, small, NULL);
    ck_assert_msg(planning_place(&p) == 0, "%s", p.err.text);
    ck_assert_uint_eq(p.count, 6);
    for (uint32_t i = 0; i < p.count; i++) {
        ck_assert_uint_eq(p.claims[i].task, order[i]);
        ck_assert_uint_eq(p.claims[i].machine, order[i]);
        ck_assert_int_eq(p.view.entry[i].room.cpu_milli, 1000);
        ck_assert_int_eq(p.view.entry[i].room.mem_mib, 1000);
    }
    ck_assert_int_eq(planning_counter(&p, "noted"), 1 << 0 | 1 << 4 | 1 << 5);
    ck_assert_int_eq(planning_counter(&p, "failed"), 0);
    ck_assert_int_eq(planning_counter(&p, "claims"), 6);
    planning_close(&p);
}
END_TEST

START_TEST(a_refusing_init_is_an_error)
{
    struct module *module;
    omega_error_t err = {0};
    ck_assert_int_eq(planning_module("bad_init", &module, &err), 0);
    struct instance_config config = {.module = module, .scheduler = "s"};
    struct instance *instance = NULL;
    ck_assert_int_eq(instance_create(&config, &instance, &err), OMEGA_EMODULE);
    ck_assert_ptr_null(instance);
    ck_assert_str_eq(err.text, "module 'bad_init' (scheduler 's'): init refused");
    instance_destroy(NULL);
    module_close(module);
}
END_TEST

START_TEST(optional_tasks_and_started)
{
    struct planning p;
    planning_open(&p, "elastic", "{\"extra\": 3}", 2, 5000, 8000, false);
    planning_group(&p, 4, 10, small, NULL);
    ck_assert_int_eq(planning_place(&p), 0);
    ck_assert_uint_eq(p.count, 7);
    ck_assert_uint_eq(p.claims[6].task, 6);
    ck_assert_int_eq(planning_counter(&p, "planned_extra"), 3);
    int64_t duration = 0;
    ck_assert_int_eq(instance_started(p.instance, &p.job, 8, &duration, &p.err), 0);
    ck_assert_int_eq(duration, 500000);
    p.view.entry[1].room.cpu_milli = 0;
    p.view.entry[0].room.cpu_milli = 3000;
    ck_assert_int_eq(planning_place(&p), 0);
    ck_assert_uint_eq(p.count, 3);
    planning_close(&p);
}
END_TEST

START_TEST(state_lives_from_attempt_to_attempt)
{
    struct planning p;
    planning_open(&p, "stateful", NULL, 3, 1000, 8000, false);
    planning_group(&p, 1, 0, small, NULL);
    for (uint32_t i = 0; i < 5; i++) {
        ck_assert_int_eq(planning_place(&p), 0);
        ck_assert_uint_eq(p.count, 1);
        ck_assert_uint_eq(p.claims[0].machine, i % 3);
    }
    ck_assert_int_eq(planning_counter(&p, "stale"), 0);
    p.view.entry[2].room.cpu_milli = 500; /* behind its key */
    ck_assert_int_eq(planning_place(&p), 0);
    ck_assert_int_eq(planning_counter(&p, "stale"), 1);
    ck_assert_str_eq(p.log, "0: machine 2 changed behind its key");
    planning_close(&p);
}
END_TEST

START_TEST(without_started_the_duration_is_the_groups)
{
    struct planning p;
    planning_open(&p, "batch", NULL, 1, 1000, 1000, false);
    planning_group(&p, 1, 1, small, NULL);
    int64_t duration = 99;
    ck_assert_int_eq(instance_started(p.instance, &p.job, 1, &duration, &p.err), 0);
    ck_assert_int_eq(duration, 0);
    planning_close(&p);
}
END_TEST

/* What a module does wrong in started(): the text of the error, without module and job. */
static const char *late(struct planning *p, const char *options)
{
    static const char prefix[] = "module 'wrong_late' (scheduler 'tested'), job 7: ";
    int64_t duration;
    planning_open(p, "wrong_late", options, 2, 1000, 1000, false);
    planning_group(p, 1, 1, small, NULL);
    ck_assert_int_eq(planning_place(p), 0);
    int32_t room = p->view.entry[0].room.cpu_milli;
    ck_assert_int_eq(instance_started(p->instance, &p->job, 2, &duration, &p->err), OMEGA_EMODULE);
    ck_assert_int_eq(p->view.entry[0].room.cpu_milli, room);
    ck_assert_int_eq(strncmp(p->err.text, prefix, strlen(prefix)), 0);
    return p->err.text + strlen(prefix);
}

START_TEST(started_may_neither_claim_nor_give_up)
{
    struct planning p;
    ck_assert_str_eq(late(&p, NULL), "claimed task 1 outside place()");
    planning_close(&p);
    ck_assert_str_eq(late(&p, "{\"what\": \"unclaims\"}"),
                     "took back task 0, which is not claimed");
    planning_close(&p);
    ck_assert_str_eq(late(&p, "{\"what\": \"fails\"}"), "gave up: no model of such a job");
    planning_close(&p);
    ck_assert_str_eq(late(&p, "{\"what\": \"returns_too_much\"}"),
                     "started() returned 9223372036854775806 us, expected 1 to "
                     "1000000000000000000, or OMEGA_NEVER");
    planning_close(&p);
}
END_TEST

START_TEST(counters_beyond_the_limit_are_told)
{
    struct planning p;
    planning_open(&p, "wrong_names", NULL, 1, 1000, 1000, false);
    planning_group(&p, 1, 0, small, NULL);
    for (uint64_t id = 1; id <= PLANNING_COUNTERS; id++) {
        p.job.id = id;
        ck_assert_int_eq(planning_place(&p), 0);
    }
    ck_assert_str_eq(p.log, "");
    p.job.id++;
    ck_assert_int_eq(planning_place(&p), 0);
    ck_assert_str_eq(p.log, "1: counter 'job_17' is ignored: expected at most 64 names of "
                            "counters");
    planning_close(&p);
}
END_TEST

START_TEST(counters_of_bad_names_are_ignored)
{
    struct planning p;
    planning_open(&p, "counters", NULL, 1, 1000, 1000, false);
    planning_group(&p, 1, 0, small, NULL);
    ck_assert_int_eq(planning_place(&p), 0);
    ck_assert_str_eq(p.log, "1: counter 'new\nline' is ignored: expected a name of 1 to 31 "
                            "letters, digits and underscores");
    p.log[0] = '\0';
    ck_assert_int_eq(planning_place(&p), 0);
    ck_assert_str_eq(p.log, ""); /* one warning by name */
    ck_assert_int_eq(planning_counter(&p, "good_1"), 2);
    ck_assert_int_eq(planning_counter(&p, "31_letters_and_no_single_one_xx"), 2);
    ck_assert_int_eq(planning_counter(&p, "32_letters_and_not_a_single_one_x"), 0);
    ck_assert_int_eq(planning_counter(&p, "with space"), 0);
    ck_assert_int_eq(planning_counter(&p, ""), 0);
    planning_close(&p);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "counters of bad names", counters_of_bad_names_are_ignored);
    check_case(suite, "breaches are named", breaches_are_named);
    check_case(suite, "a breach ends only its attempt", a_breach_ends_only_its_attempt);
    check_case(suite, "a claim carries what the view showed", a_claim_carries_what_the_view_showed);
    check_case(suite, "a plan in short", a_plan_in_short);
    check_case(suite, "a plan in full", a_plan_in_full);
    check_case(suite, "devices are chosen by the host", devices_are_chosen_by_the_host);
    check_case(suite, "different machines are declined", different_machines_are_declined);
    check_case(suite, "claims are taken back", claims_are_taken_back);
    check_case(suite, "placed tasks are not offered", placed_tasks_are_not_offered);
    check_case(suite, "claims out of turn", claims_out_of_turn);
    check_case(suite, "a refusing init is an error", a_refusing_init_is_an_error);
    check_case(suite, "optional tasks and started", optional_tasks_and_started);
    check_case(suite, "state lives on", state_lives_from_attempt_to_attempt);
    check_case(suite, "started, and then", started_may_neither_claim_nor_give_up);
    check_case(suite, "too many counters", counters_beyond_the_limit_are_told);
    check_case(suite, "no started", without_started_the_duration_is_the_groups);
}

CHECK_MAIN("instance", add_cases)
