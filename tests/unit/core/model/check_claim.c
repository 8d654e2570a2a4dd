/* SPDX-License-Identifier: MIT */
/* What claims in short have to be. */
#include <stdlib.h>

#include "core/base/random.h"
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

/* Marks of all lengths, looked at from any of them on, few and many, with others behind the end. */
START_TEST(unmarked_tasks)
{
    static const uint32_t counts[] = {0, 1, 7, 8, 9, 63, 64, 65, 127, 128, 130, 300};
    const uint32_t count = counts[_i];
    struct omega_random random;
    omega_random_init(&random, 3, "marks", (uint64_t)_i);
    uint8_t *marks = malloc(count + OMEGA_MARKS_BEHIND);
    uint32_t *tasks = malloc((count + 1) * sizeof *tasks);
    ck_assert(marks != NULL && tasks != NULL);
    for (uint32_t round = 0; round < 200; round++) {
        for (uint32_t t = 0; t < count + OMEGA_MARKS_BEHIND; t++) {
            marks[t] = omega_random_below(&random, 8) < round % 10; /* none, then more, all */
        }
        const uint32_t from = omega_random_below(&random, count + 1);
        const uint32_t to = from + omega_random_below(&random, count - from + 1);
        const uint32_t *end = omega_tasks_unmarked(marks, from, to, tasks);
        const uint32_t *next = tasks;
        for (uint32_t t = from; t < to; t++) {
            if (marks[t] == 0) {
                ck_assert(next < end);
                ck_assert_uint_eq(*next++, t);
            }
        }
        ck_assert_ptr_eq(next, end);
    }
    free(marks);
    free(tasks);
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
    tcase_add_loop_test(in_short, unmarked_tasks, 0, 12);
    suite_add_tcase(suite, in_short);
}

CHECK_MAIN("model/claim", add_cases)
