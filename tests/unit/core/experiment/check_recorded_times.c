/* SPDX-License-Identifier: MIT */
/* Decision times that a run has recorded, and those that are drawn where it has not. */
#include "core/experiment/recorded_times.h"

#include "tests/support/check_main.h"

#define FORMULA 77777

static struct recorded_times *times;
static struct run_recording recording;

static void add(uint64_t job, uint32_t attempt, uint16_t instance, uint32_t unplaced, int64_t us)
{
    struct recorded_time time = {job, attempt, instance, unplaced, us};
    ck_assert_int_eq(recorded_times_add(times, &time, NULL), OMEGA_OK);
}

static int64_t ask(uint16_t instance, uint64_t job, uint32_t attempt, uint32_t unplaced)
{
    return recording.decision_us(recording.context, instance, job, attempt, unplaced, FORMULA);
}

static void begin(void)
{
    ck_assert_int_eq(recorded_times_create(5, &times, NULL), OMEGA_OK);
}

static void seal(void)
{
    ck_assert_int_eq(recorded_times_seal(times, &recording, NULL), OMEGA_OK);
}

START_TEST(an_attempt_takes_its_own_time)
{
    struct recorded_counts counts;
    begin();
    add(2, 1, 0, 4, 200);
    add(1, 2, 0, 1, 120);
    add(1, 1, 0, 3, 100);
    add(1, 1, 0, 3, 999); /* the first one counts */
    add(3, 1, 1, 3, 300);
    seal();
    ck_assert_int_eq(ask(0, 1, 1, 3), 100);
    ck_assert_int_eq(ask(0, 1, 2, 1), 120);
    ck_assert_int_eq(ask(0, 1, 2, 2), 120); /* another number of tasks is left than then */
    ck_assert_int_eq(ask(0, 2, 1, 4), 200);
    ck_assert_int_eq(ask(1, 3, 1, 3), 300);
    recorded_times_counts(times, 0, &counts);
    ck_assert_uint_eq(counts.recorded, 4);
    ck_assert_uint_eq(counts.drawn + counts.formula + counts.strange, 0);
    recorded_times_destroy(times);
}
END_TEST

START_TEST(another_attempt_takes_one_of_the_nearest_number_of_tasks)
{
    struct recorded_counts counts;
    begin();
    add(1, 1, 0, 2, 20);
    add(2, 1, 0, 6, 60);
    add(3, 1, 0, 9, 90);
    add(4, 1, 1, 5, 1);
    seal();
    ck_assert_int_eq(ask(0, 9, 1, 1), 20);
    ck_assert_int_eq(ask(0, 9, 1, 2), 20);
    ck_assert_int_eq(ask(0, 9, 1, 3), 20);
    ck_assert_int_eq(ask(0, 9, 1, 4), 20); /* as near to 6: the smaller one */
    ck_assert_int_eq(ask(0, 9, 1, 5), 60);
    ck_assert_int_eq(ask(0, 9, 1, 7), 60);
    ck_assert_int_eq(ask(0, 9, 1, 8), 90);
    ck_assert_int_eq(ask(0, 1, 2, 1000), 90);
    ck_assert_int_eq(ask(1, 9, 1, 2), 1); /* of its own instance */
    ck_assert_int_eq(ask(2, 9, 1, 2), FORMULA);
    recorded_times_counts(times, 0, &counts);
    ck_assert_uint_eq(counts.known, 3);
    ck_assert_uint_eq(counts.drawn, 8);
    ck_assert_uint_eq(counts.recorded + counts.formula, 0);
    recorded_times_counts(times, 2, &counts);
    ck_assert_uint_eq(counts.formula, 1);
    recorded_times_destroy(times);
}
END_TEST

/* How often each of the times 10, 20 and 30 of 4 tasks is drawn. */
static void draw_all(uint16_t instance, uint32_t counts[3])
{
    for (int i = 0; i < 3000; i++) {
        int64_t us = ask(instance, 99, 1, 4);
        ck_assert(us == 10 || us == 20 || us == 30);
        counts[us / 10 - 1]++;
    }
}

/* Times of two instances, of which the first may draw one of three. */
static void begin_draws(void)
{
    begin();
    for (uint16_t instance = 0; instance < 2; instance++) {
        for (uint64_t i = 0; i < 3; i++) {
            add(1 + i + 10u * instance, 1, instance, 4, 10 * (int64_t)(i + 1));
        }
        add(5 + 10u * instance, 1, instance, 5, 1000);
    }
    seal();
}

START_TEST(draws_are_even_and_the_same_again)
{
    int64_t drawn[20];
    uint32_t counts[3] = {0, 0, 0};
    begin_draws();
    for (int i = 0; i < 20; i++) {
        drawn[i] = ask(0, 99, 1, 4);
    }
    draw_all(0, counts);
    recorded_times_destroy(times);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_gt(counts[i], 900);
        ck_assert_uint_lt(counts[i], 1100);
    }
    begin_draws();
    for (int i = 0; i < 20; i++) {
        ask(1, 99, 1, 4); /* another instance has another stream */
        ck_assert_int_eq(ask(0, 99, 1, 4), drawn[i]);
    }
    recorded_times_destroy(times);
}
END_TEST

START_TEST(a_job_of_another_run_is_strange)
{
    struct recorded_counts counts;
    begin();
    add(1, 1, 0, 3, 100);
    seal();
    ask(0, 1, 1, 4);
    recorded_times_counts(times, 0, &counts);
    ck_assert_uint_eq(counts.strange, 1);
    ask(1, 1, 1, 3);
    recorded_times_counts(times, 1, &counts);
    ck_assert_uint_eq(counts.strange, 1);
    recorded_times_destroy(times);
    recorded_times_destroy(NULL);
}
END_TEST

START_TEST(without_times_all_are_the_formulas)
{
    begin();
    seal();
    ck_assert_int_eq(ask(0, 1, 1, 4), FORMULA);
    recorded_times_destroy(times);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "own times", an_attempt_takes_its_own_time);
    check_case(suite, "nearest", another_attempt_takes_one_of_the_nearest_number_of_tasks);
    check_case(suite, "draws", draws_are_even_and_the_same_again);
    check_case(suite, "another run", a_job_of_another_run_is_strange);
    check_case(suite, "no times", without_times_all_are_the_formulas);
}

CHECK_MAIN("recorded_times", add_cases)
