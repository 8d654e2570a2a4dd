/* SPDX-License-Identifier: MIT */
/*
 * Attempts: decision times, retries and their order, granularities, what a module is told of the
 * attempt before, and the age of views. Most cases compare what the module "recorder" logged.
 */
#include <stdio.h>
#include <string.h>

#include "cellstate/compat.h"
#include "tests/support/check_main.h"
#include "tests/support/fixture.h"

/* ---- decision times and retries ---- */

/* Attempts of 1 s at 0, 2 (1 + 1), 5 (3 + 2), 9 (6 + the limit of 3) and 13 (10 + 3). */
START_TEST(the_delay_grows_up_to_its_limit)
{
    struct fixture f;
    fixture_open(&f, 1, 1000, 100, "recorder", 1000 * S);
    f.decisions[0][0] = (struct run_decision){.job_us = 1 * S};
    f.schedulers[0].retry.backoff = 2;
    f.schedulers[0].retry.delay_max_us = 3 * S;
    f.schedulers[0].retry.attempts_unplaced_max = 5;
    struct fixture_job jobs[] = {a_job(0, 1, 2000, 9 * S)};
    fixture_run_ok(&f, jobs, 1);
    ck_assert_str_eq(f.log, "0 first/0 job 1 #1 left 1 view 0@0: 1000\n"
                            "2000 first/0 job 1 #2 left 1 view 0@2000: 1000\n"
                            "5000 first/0 job 1 #3 left 1 view 0@5000: 1000\n"
                            "9000 first/0 job 1 #4 left 1 view 0@9000: 1000\n"
                            "13000 first/0 job 1 #5 left 1 view 0@13000: 1000\n");
    const struct metrics_job *record = fixture_record(&f, 1);
    ck_assert_uint_eq(record->outcome, METRICS_JOB_ABANDONED);
    ck_assert_uint_eq(record->attempts, 5);
    ck_assert_uint_eq(f.scope[0].attempts_no_fit, 5);
    ck_assert_int_eq(f.scope[0].busy_no_fit_us, 5 * S);
    ck_assert_uint_eq(f.counters.tasks_abandoned, 1);
    fixture_close(&f);
}
END_TEST

/* After a job had nothing unplaced, a task that is lost is tried as if it were new. */
START_TEST(tries_begin_anew_after_a_loss)
{
    struct fixture f;
    fixture_open(&f, 1, 1000, 100, "recorder", 1000 * S);
    f.decisions[0][0] = (struct run_decision){.job_us = 1 * S};
    f.schedulers[0].retry.backoff = 2;
    f.schedulers[0].retry.attempts_max = 3;
    struct omega_machine_event events[] = {
        {.time_us = 0, .machine = 0, .kind = OMEGA_EVENT_DRAIN},
        {.time_us = 2500 * MS, .machine = 0, .kind = OMEGA_EVENT_UNDRAIN},
        {.time_us = 10 * S, .machine = 0, .kind = OMEGA_EVENT_REMOVE},
    };
    f.config.events = events;
    f.config.event_count = 3;
    struct fixture_job jobs[] = {a_job(0, 1, 1000, OMEGA_NEVER)};
    fixture_run_ok(&f, jobs, 1);
    ck_assert_str_eq(f.log, "0 first/0 job 1 #1 left 1 view 1@0: -1\n"
                            "2000 first/0 job 1 #2 left 1 view 1@2000: -1\n"
                            "5000 first/0 job 1 #3 left 1 view 2@5000: 1000\n"
                            "10000 first/0 job 1 #4 left 1 view 4@10000: -1\n"
                            "12000 first/0 job 1 #5 left 1 view 4@12000: -1\n"
                            "15000 first/0 job 1 #6 left 1 view 4@15000: -1\n");
    ck_assert_uint_eq(fixture_record(&f, 1)->outcome, METRICS_JOB_ABANDONED);
    ck_assert_int_eq(fixture_record(&f, 1)->fully_scheduled_us, 6 * S);
    fixture_close(&f);
}
END_TEST

/* A decision takes 100 ms + 5 ms for each task that is left, not for each of the job. */
START_TEST(abandoned_jobs_keep_what_they_placed)
{
    struct fixture f;
    fixture_open(&f, 1, 3000, 100, "recorder", 50 * S);
    f.schedulers[0].retry.attempts_max = 3;
    struct fixture_job jobs[] = {a_job(0, 5, 1000, 20 * S)};
    fixture_run_ok(&f, jobs, 1);
    ck_assert_str_eq(f.log, "0 first/0 job 1 #1 left 5 view 0@0: 3000\n"
                            "1125 first/0 job 1 #2 left 2 view 1@1125: 0; last 3 0 0 0\n"
                            "2235 first/0 job 1 #3 left 2 view 1@2235: 0\n");
    ck_assert_int_eq(f.scope[0].busy_us, (125 + 110 + 110) * MS);
    ck_assert_uint_eq(f.counters.tasks_finished, 3);
    ck_assert_uint_eq(f.counters.tasks_abandoned, 2);
    ck_assert_uint_eq(f.scope[0].tasks_abandoned, 2);
    const struct metrics_job *record = fixture_record(&f, 1);
    ck_assert_uint_eq(record->outcome, METRICS_JOB_ABANDONED);
    ck_assert_uint_eq(record->placed, 3);
    ck_assert_uint_eq(record->task_attempts, 5 + 2 + 2);
    ck_assert_uint_eq(record->unplaced, 2);
    ck_assert_int_eq(record->queued_us, 0);
    ck_assert_int_eq(record->fully_scheduled_us, -1);
    fixture_close(&f);
}
END_TEST

/* Wherever an attempt ends among a job's tasks, the next one is given all that are left. */
START_TEST(the_rest_comes_again)
{
    for (int room = 1; room < 20; room++) {
        struct fixture f;
        fixture_open(&f, 1, room * 1000, 100, "batch", 1000 * S);
        struct fixture_job jobs[] = {a_job(0, 20, 1000, 10 * S)};
        fixture_run_ok(&f, jobs, 1);
        ck_assert_uint_eq(fixture_record(&f, 1)->outcome, METRICS_JOB_FINISHED);
        ck_assert_uint_eq(f.counters.tasks_finished, 20);
        fixture_close(&f);
    }
}
END_TEST

/* A job of which all tasks are lost is listed whole again, in a list that is as long as there is
 * room: for twice the tasks of the first job. Then others come, which all tasks are left of. */
START_TEST(a_lost_job_fills_the_list)
{
    struct fixture f;
    fixture_open(&f, 2, 3000, 100, "batch", 1000 * S);
    struct omega_machine_event events[] = {
        {.time_us = 20 * S, .machine = 0, .kind = OMEGA_EVENT_REMOVE},
        {.time_us = 20 * S, .machine = 1, .kind = OMEGA_EVENT_REMOVE},
        {.time_us = 21 * S, .machine = 0, .kind = OMEGA_EVENT_ADD},
        {.time_us = 21 * S, .machine = 1, .kind = OMEGA_EVENT_ADD},
    };
    f.config.events = events;
    f.config.event_count = 4;
    struct fixture_job jobs[] = {a_job(0, 3, 1000, 2 * S), a_job(10 * S, 6, 1000, 100 * S),
                                 a_job(300 * S, 6, 1000, 10 * S), a_job(400 * S, 2, 1000, 10 * S)};
    fixture_run_ok(&f, jobs, 4);
    ck_assert_uint_eq(f.counters.losses, 6);
    ck_assert_uint_eq(f.counters.tasks_finished, 3 + 6 + 6 + 2);
    fixture_close(&f);
}
END_TEST

START_TEST(abandoned_tasks_may_be_lost)
{
    struct fixture f;
    fixture_open(&f, 2, 2000, 100, "recorder", 50 * S);
    f.schedulers[0].retry.attempts_max = 1;
    struct omega_machine_event events[] = {
        {.time_us = 5 * S, .machine = 0, .kind = OMEGA_EVENT_REMOVE},
    };
    f.config.events = events;
    f.config.event_count = 1;
    struct fixture_job jobs[] = {a_job(0, 5, 1000, 20 * S)};
    fixture_run_ok(&f, jobs, 1);
    ck_assert_uint_eq(f.counters.losses, 2);
    ck_assert_uint_eq(f.counters.tasks_abandoned, 3);
    ck_assert_uint_eq(fixture_record(&f, 1)->unplaced, 3);
    ck_assert_uint_eq(f.counters.tasks_finished, 2);
    ck_assert_uint_eq(fixture_record(&f, 1)->attempts, 1);
    fixture_close(&f);
}
END_TEST

START_TEST(front_of_the_queue)
{
    for (int front = 0; front < 2; front++) {
        struct fixture f;
        fixture_open(&f, 1, 1000, 100, "batch", 60 * S);
        f.decisions[0][0] = (struct run_decision){.job_us = 1 * S};
        f.schedulers[0].retry.delay_us = 0;
        f.schedulers[0].retry.queue = front ? RUN_QUEUE_FRONT : RUN_QUEUE_BACK;
        /* job 2 does not fit before 5 s; job 3 always would */
        struct fixture_job jobs[] = {a_job(0, 1, 1000, 4 * S), a_job(1 * S, 1, 900, 1 * S),
                                     a_job(1 * S, 1, 0, 1 * S)};
        fixture_run_ok(&f, jobs, 3);
        ck_assert_int_eq(fixture_record(&f, 3)->first_attempt_us, (front ? 6 * S : 2 * S));
        fixture_close(&f);
    }
}
END_TEST

/* Job 1's retry at 3 s is planned at 1 s, before the arrival of job 3 at 3 s is known (at 2 s). */
START_TEST(retries_and_arrivals_by_creation)
{
    struct fixture f;
    fixture_open(&f, 1, 1000, 100, "recorder", 5 * S);
    f.decisions[0][0] = (struct run_decision){.job_us = 1 * S};
    f.schedulers[0].retry.delay_us = 2 * S;
    struct fixture_job jobs[] = {a_job(0, 1, 2000, 1 * S), a_job(2 * S, 1, 0, 1 * S),
                                 a_job(3 * S, 1, 0, 1 * S)};
    fixture_run_ok(&f, jobs, 3);
    ck_assert_str_eq(f.log, "0 first/0 job 1 #1 left 1 view 0@0: 1000\n"
                            "2000 first/0 job 2 #1 left 1 view 0@2000: 1000\n"
                            "3000 first/0 job 1 #2 left 1 view 1@3000: 1000\n"
                            "4000 first/0 job 3 #1 left 1 view 2@4000: 1000\n");
    /* an arrival at 3 s that is known from 0 on comes before that retry */
    jobs[1].submit_us = 3 * S;
    fixture_run_ok(&f, jobs, 2);
    ck_assert_str_eq(f.log, "0 first/0 job 1 #1 left 1 view 0@0: 1000\n"
                            "3000 first/0 job 2 #1 left 1 view 0@3000: 1000\n"
                            "4000 first/0 job 1 #2 left 1 view 1@4000: 1000\n");
    fixture_close(&f);
}
END_TEST

/* ---- granularities ---- */

START_TEST(gangs_are_whole)
{
    struct fixture f;
    fixture_open(&f, 3, 1000, 100, "batch", 100 * S);
    f.schedulers[0].granularity = OMEGA_COMMIT_GANG;
    struct fixture_job jobs[] = {a_job(0, 2, 1000, 20 * S), a_job(1 * S, 2, 1000, 5 * S)};
    fixture_run_ok(&f, jobs, 2);
    ck_assert_uint_gt(f.scope[0].attempts_short, 0);
    ck_assert_uint_eq(fixture_record(&f, 2)->placed, 2);
    ck_assert_int_gt(fixture_record(&f, 2)->fully_scheduled_us, 20 * S);
    fixture_close(&f);
}
END_TEST

/* The gang's first task is lost at 5 s; while its return is planned, the second is lost too: the
 * one claim does not commit alone. */
START_TEST(gangs_that_lose_members_meanwhile)
{
    struct fixture f;
    fixture_open(&f, 3, 1000, 100, "recorder", 100 * S);
    f.schedulers[0].granularity = OMEGA_COMMIT_GANG;
    struct omega_machine_event events[] = {
        {.time_us = 5 * S, .machine = 0, .kind = OMEGA_EVENT_REMOVE},
        {.time_us = 5050 * MS, .machine = 1, .kind = OMEGA_EVENT_REMOVE},
        {.time_us = 6 * S, .machine = 0, .kind = OMEGA_EVENT_ADD},
    };
    f.config.events = events;
    f.config.event_count = 3;
    struct fixture_job jobs[] = {a_job(0, 2, 1000, OMEGA_NEVER)};
    fixture_run_ok(&f, jobs, 1);
    ck_assert_str_eq(f.log, "0 first/0 job 1 #1 left 2 view 0@0: 1000 1000 1000\n"
                            "5000 first/0 job 1 #2 left 1 view 2@5000: -1 0 1000\n"
                            "6105 first/0 job 1 #3 left 2 view 4@6105: 1000 -1 1000\n");
    ck_assert_uint_eq(f.scope[0].attempts_short, 1);
    ck_assert_uint_eq(f.scope[0].transactions_successful, 2);
    ck_assert_uint_eq(fixture_record(&f, 1)->placed, 4);
    ck_assert_uint_eq(f.counters.tasks_running, 2);
    fixture_close(&f);
}
END_TEST

START_TEST(at_least_so_many_of_each_group)
{
    struct fixture f;
    fixture_open(&f, 2, 1000, 100, "recorder", 100 * S);
    f.schedulers[0].granularity = OMEGA_COMMIT_AT_LEAST;
    f.schedulers[0].retry.attempts_max = 1;
    struct fixture_job other = a_job(0, 2, 1000, OMEGA_NEVER);
    struct fixture_job jobs[] = {a_job(0, 5, 1000, OMEGA_NEVER)};
    for (uint32_t least = 1; least <= 3; least++) {
        f.schedulers[0].at_least = least;
        fixture_run_ok(&f, jobs, 1);
        ck_assert_uint_eq(f.counters.tasks_running, (least <= 2 ? 2 : 0));
        ck_assert_uint_eq(f.scope[0].attempts_short, (least <= 2 ? 0 : 1));
    }
    /* the first group takes both machines and leaves none to the other */
    jobs[0].group = &other;
    f.schedulers[0].at_least = 1;
    fixture_run_ok(&f, jobs, 1);
    ck_assert_uint_eq(f.counters.tasks_running, 0);
    ck_assert_uint_eq(f.scope[0].attempts_short, 1);
    other.cpu_milli = 0;
    fixture_run_ok(&f, jobs, 1);
    ck_assert_uint_eq(f.counters.tasks_running, 4);
    fixture_close(&f);
}
END_TEST

/* Three of four tasks, then the one that is left, though it is fewer than "at least three". */
START_TEST(at_least_at_most_what_is_left)
{
    struct fixture f;
    fixture_open(&f, 3, 1000, 100, "recorder", 100 * S);
    f.schedulers[0].granularity = OMEGA_COMMIT_AT_LEAST;
    f.schedulers[0].at_least = 3;
    struct fixture_job jobs[] = {a_job(0, 4, 1000, 5 * S)};
    fixture_run_ok(&f, jobs, 1);
    ck_assert_uint_eq(f.counters.tasks_finished, 4);
    ck_assert_uint_eq(f.scope[0].attempts_short, 0);
    ck_assert_uint_eq(f.scope[0].transactions_successful, 2);
    fixture_close(&f);
}
END_TEST

/* ---- rivals, and what the next attempt is told ---- */

/* Two schedulers plan on the same free slot: one conflict, and the loser tries again. */
START_TEST(rivals_conflict)
{
    struct fixture f;
    fixture_open(&f, 1, 1000, 100, "recorder", 100 * S);
    fixture_second(&f, "recorder");
    struct fixture_job jobs[] = {a_job(0, 1, 1000, 2 * S), a_job(0, 1, 1000, 2 * S)};
    jobs[1].workload = 1;
    fixture_run_ok(&f, jobs, 2);
    ck_assert_str_eq(f.log, "0 first/0 job 1 #1 left 1 view 0@0: 1000\n"
                            "0 second/0 job 2 #1 left 1 view 0@0: 1000\n"
                            "1105 second/0 job 2 #2 left 1 view 1@1105: 0; last 0 1 0 0\n"
                            "2210 second/0 job 2 #3 left 1 view 2@2210: 1000\n");
    ck_assert_uint_eq(f.scope[0].claims_conflicting, 0);
    ck_assert_uint_eq(f.scope[1].claims_conflicting, 1);
    ck_assert_uint_eq(f.scope[1].transactions_conflicting, 1);
    ck_assert_uint_eq(f.scope[1].transactions_successful, 1);
    ck_assert_double_eq(metrics_conflict_fraction(&f.scope[1]), 1.0);
    ck_assert_uint_eq(fixture_record(&f, 2)->conflicts, 1);
    ck_assert_uint_eq(f.counters.tasks_finished, 2);
    fixture_close(&f);
}
END_TEST

START_TEST(the_last_results_are_given)
{
    struct fixture f;
    fixture_open(&f, 3, 1000, 100, "recorder", 3 * S);
    fixture_second(&f, "recorder");
    struct omega_machine_event events[] = {
        {.time_us = 50 * MS, .machine = 1, .kind = OMEGA_EVENT_DRAIN},
    };
    f.config.events = events;
    f.config.event_count = 1;
    struct fixture_job jobs[] = {a_job(0, 1, 1000, OMEGA_NEVER), a_job(0, 3, 1000, OMEGA_NEVER)};
    jobs[1].workload = 1;
    /* machine 0 has gone to the rival, machine 1 drains, machine 2 is free */
    static const char *const told[] = {"last 1 1 1 0", "last 0 1 1 1"};
    for (int all = 0; all < 2; all++) {
        f.schedulers[1].granularity = all ? OMEGA_COMMIT_ALL : OMEGA_COMMIT_TASK;
        fixture_run_ok(&f, jobs, 2);
        ck_assert_msg(strstr(f.log, told[all]) != NULL, "%s", f.log);
        ck_assert_uint_eq(f.scope[1].claims_refused, 1);
        ck_assert_uint_eq(f.scope[1].claims_aborted, (all ? 1 : 0));
        ck_assert_uint_eq(f.counters.tasks_running, 2);
    }
    fixture_close(&f);
}
END_TEST

/* One that says it does not look gets nothing, in the attempt that recorder gets "last 0 1 0 0". */
START_TEST(last_results_that_are_ignored)
{
    struct fixture f;
    fixture_open(&f, 1, 1000, 100, "recorder", 100 * S);
    fixture_second(&f, "forgetful");
    struct fixture_job jobs[] = {a_job(0, 1, 1000, 2 * S), a_job(0, 1, 1000, 2 * S)};
    jobs[1].workload = 1;
    fixture_run_ok(&f, jobs, 2);
    ck_assert_msg(strstr(f.log, "1105 second/0 job 2 #2 left 1 view 1@1105: 0\n") != NULL, "%s",
                  f.log);
    fixture_close(&f);
}
END_TEST

/* While "second" decides for 1 s, three commits of "first" happen; its own one is none of them. */
START_TEST(the_age_of_a_view)
{
    struct fixture f;
    fixture_open(&f, 1, 100000, 100, "recorder", 10 * S);
    fixture_second(&f, "recorder");
    f.decisions[1][1] = (struct run_decision){.job_us = 1 * S};
    struct fixture_job jobs[4];
    for (int i = 0; i < 4; i++) {
        jobs[i] = a_job(0, 1, 1000, OMEGA_NEVER);
    }
    jobs[3].workload = 1;
    fixture_run_ok(&f, jobs, 4);
    ck_assert_uint_eq(f.scope[1].transactions, 1);
    ck_assert_double_eq(histogram_mean(f.scope[1].view_age_versions), 3);
    ck_assert_double_eq(histogram_mean(f.scope[1].view_age), 1e6);
    ck_assert_uint_eq(f.scope[0].transactions, 3);
    ck_assert_double_eq(histogram_mean(f.scope[0].view_age_versions), 0);
    ck_assert_double_eq(histogram_mean(f.scope[0].view_age), 105e3);
    /* a refused transaction has no version of its own */
    struct omega_machine_event drain = {.time_us = 500 * MS, .kind = OMEGA_EVENT_DRAIN};
    f.config.events = &drain;
    f.config.event_count = 1;
    f.schedulers[1].retry.attempts_max = 1;
    fixture_run_ok(&f, &jobs[3], 1);
    ck_assert_uint_eq(f.scope[1].transactions_refused, 1);
    ck_assert_double_eq(histogram_mean(f.scope[1].view_age_versions), 1);
    fixture_close(&f);
}
END_TEST

/* ---- placing at the end ---- */

/* "first" decides for 1 s. While it does, "second" takes machine 0, and the task on machine 1 ends:
 * placing at the end sees both. */
START_TEST(placing_at_the_end)
{
    for (int end = 0; end < 2; end++) {
        struct fixture f;
        fixture_open(&f, 3, 1000, 100, "recorder", 10 * S);
        fixture_second(&f, "recorder");
        f.schedulers[0].place = end ? RUN_PLACE_END : RUN_PLACE_START;
        f.schedulers[0].retry.attempts_max = 1;
        f.decisions[0][0] = (struct run_decision){.job_us = 500 * MS, .task_us = 250 * MS};
        f.decisions[1][1] = (struct run_decision){.job_us = 100 * MS};
        struct fixture_job jobs[] = {a_job(0, 2, 1000, 1 * S), a_job(1 * S, 2, 1000, OMEGA_NEVER),
                                     a_job(1 * S, 1, 1000, OMEGA_NEVER)};
        jobs[0].workload = 1;
        jobs[2].workload = 1;
        jobs[2].submit_us = 1150 * MS;
        fixture_run_ok(&f, jobs, 3);
        ck_assert_msg(strstr(f.log, end ? "1000 first/0 job 2 #1 left 2 view 3@2000: 0 1000 1000\n"
                                        : "1000 first/0 job 2 #1 left 2 view 1@1000: 0 0 1000\n"),
                      "%s", f.log);
        const struct metrics_job *record = fixture_record(&f, 2);
        ck_assert_int_eq(record->first_attempt_us, 1 * S);
        ck_assert_uint_eq(record->placed, (end ? 2 : 1));
        ck_assert_uint_eq(record->unplaced, (end ? 0 : 1));
        ck_assert_uint_eq(record->task_attempts, 2);
        ck_assert_int_eq(f.scope[0].busy_us, 1 * S);
        ck_assert_uint_eq(f.scope[0].claims_conflicting, 0);
        ck_assert_double_eq(histogram_mean(f.scope[0].view_age), end ? 0 : 1e6);
        fixture_close(&f);
    }
}
END_TEST

/* ---- random numbers ---- */

/* Each of two schedulers places a task on a machine at random, of which each has room for one. */
START_TEST(shared_random_numbers)
{
    for (int shared = 0; shared < 2; shared++) {
        struct fixture f;
        fixture_open(&f, 1000, 1000, 100, "random_one", 10 * S);
        fixture_second(&f, "random_one");
        f.config.cell.compat = shared ? COMPAT_RNG_SHARED : 0;
        struct fixture_job jobs[] = {a_job(0, 1, 1000, OMEGA_NEVER),
                                     a_job(0, 1, 1000, OMEGA_NEVER)};
        jobs[1].workload = 1;
        fixture_run_ok(&f, jobs, 2);
        ck_assert_uint_eq(f.scope[0].claims_conflicting + f.scope[1].claims_conflicting,
                          (shared ? 1 : 0));
        fixture_close(&f);
    }
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "the delay grows", the_delay_grows_up_to_its_limit);
    check_case(suite, "tries begin anew", tries_begin_anew_after_a_loss);
    check_case(suite, "abandoned jobs keep placements", abandoned_jobs_keep_what_they_placed);
    check_case(suite, "the rest", the_rest_comes_again);
    check_case(suite, "the rest", a_lost_job_fills_the_list);
    check_case(suite, "abandoned tasks may be lost", abandoned_tasks_may_be_lost);
    check_case(suite, "front of the queue", front_of_the_queue);
    check_case(suite, "retries and arrivals", retries_and_arrivals_by_creation);
    check_case(suite, "gangs are whole", gangs_are_whole);
    check_case(suite, "gangs lose members", gangs_that_lose_members_meanwhile);
    check_case(suite, "at least", at_least_so_many_of_each_group);
    check_case(suite, "at least what is left", at_least_at_most_what_is_left);
    check_case(suite, "rivals conflict", rivals_conflict);
    check_case(suite, "last results", the_last_results_are_given);
    check_case(suite, "last results ignored", last_results_that_are_ignored);
    check_case(suite, "age of a view", the_age_of_a_view);
    check_case(suite, "placing at the end", placing_at_the_end);
    check_case(suite, "shared random numbers", shared_random_numbers);
}

CHECK_MAIN("core/driver/attempt", add_cases)
