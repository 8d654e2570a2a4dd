/* SPDX-License-Identifier: MIT */
/* What claims in short have to be. */
#include "core/model/claim.h"
#include "tests/support/check_main.h"

#define MANY 10u
#define END 20u
#define MACHINES 3u

/* Tasks that rise up to one below END; machines that exist. */
static void fill(uint32_t *tasks, uint32_t *machines)
{
    for (uint32_t i = 0; i < MANY; i++) {
        tasks[i] = END - 2 * MANY + 2 * i + 1;
        machines[i] = i % MACHINES;
    }
}

START_TEST(none)
{
    ck_assert(omega_tasks_rise(NULL, 0, 0));
    ck_assert_uint_eq(omega_machines_exist(NULL, 0, 0), 0);
}
END_TEST

/* Each number of them is sound, but with one that is wrong, wherever it stands. */
START_TEST(tasks_rise)
{
    static const uint32_t never[] = {END, INT32_MAX, UINT32_C(1) << 31, UINT32_MAX};
    uint32_t tasks[MANY];
    uint32_t machines[MANY];
    fill(tasks, machines);
    for (uint32_t count = 1; count <= MANY; count++) {
        ck_assert(omega_tasks_rise(tasks, count, END));
        ck_assert(omega_tasks_rise(tasks, count, tasks[count - 1] + 1));
        ck_assert(!omega_tasks_rise(tasks, count, tasks[count - 1]));
        for (uint32_t i = 0; i < count; i++) {
            uint32_t good = tasks[i];
            for (size_t n = 0; n < sizeof never / sizeof *never; n++) {
                tasks[i] = never[n];
                ck_assert_msg(!omega_tasks_rise(tasks, count, END), "%u of %u", i, count);
            }
            if (i > 0) {
                tasks[i] = tasks[i - 1]; /* twice */
                ck_assert_msg(!omega_tasks_rise(tasks, count, END), "%u of %u", i, count);
                tasks[i] = tasks[i - 1] - 1; /* falling */
                ck_assert_msg(!omega_tasks_rise(tasks, count, END), "%u of %u", i, count);
            }
            tasks[i] = good;
        }
    }
}
END_TEST

START_TEST(machines_exist)
{
    static const uint32_t never[] = {MACHINES, INT32_MAX, UINT32_C(1) << 31,
                                     (UINT32_C(1) << 31) + MACHINES, UINT32_MAX};
    uint32_t tasks[MANY];
    uint32_t machines[MANY];
    fill(tasks, machines);
    for (uint32_t count = 1; count <= MANY; count++) {
        ck_assert_uint_eq(omega_machines_exist(machines, count, MACHINES), count);
        ck_assert_uint_eq(omega_machines_exist(machines, count, 0), 0);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t good = machines[i];
            for (size_t n = 0; n < sizeof never / sizeof *never; n++) {
                machines[i] = never[n];
                ck_assert_uint_eq(omega_machines_exist(machines, count, MACHINES), i);
            }
            machines[i] = good;
        }
    }
}
END_TEST

START_TEST(others_are_listed)
{
    static const uint8_t outcomes[] = {OMEGA_ABORTED,  OMEGA_ACCEPTED, OMEGA_CONFLICT_SEQ_CHANGED,
                                       OMEGA_ACCEPTED, OMEGA_ACCEPTED, OMEGA_REFUSED_MACHINE_DOWN};
    enum {
        CLAIMS = sizeof outcomes
    };
    struct omega_claim_result results[CLAIMS] = {{.outcome = 0}};
    uint32_t others[CLAIMS];
    struct omega_brief brief = {others, 77};
    struct omega_transaction txn = {.claim_count = CLAIMS};
    for (uint32_t i = 0; i < CLAIMS; i++) {
        results[i].outcome = outcomes[i];
    }
    omega_brief_list(&txn, results); /* nobody asks */
    ck_assert_uint_eq(omega_others(&txn), CLAIMS);
    ck_assert_uint_eq(omega_other(&txn, 4), 4);
    txn.brief = &brief;
    omega_brief_list(&txn, results);
    ck_assert_uint_eq(omega_others(&txn), 3);
    ck_assert_uint_eq(omega_other(&txn, 0), 0);
    ck_assert_uint_eq(omega_other(&txn, 1), 2);
    ck_assert_uint_eq(omega_other(&txn, 2), 5);
    txn.claim_count = 0;
    omega_brief_list(&txn, results);
    ck_assert_uint_eq(omega_others(&txn), 0);
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *brief = tcase_create("brief");
    tcase_add_test(brief, others_are_listed);
    suite_add_tcase(suite, brief);
    TCase *in_short = tcase_create("in short");
    tcase_add_test(in_short, none);
    tcase_add_test(in_short, tasks_rise);
    tcase_add_test(in_short, machines_exist);
    suite_add_tcase(suite, in_short);
}

CHECK_MAIN("model/claim", add_cases)
