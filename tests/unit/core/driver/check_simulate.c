/* SPDX-License-Identifier: MIT */
/* The simulator: times, ends, losses, the horizon, assignment, and an oracle from the literature.
 * What attempts and views do is in check_attempt.c and check_views.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/check_main.h"
#include "tests/support/fixture.h"

/* Decision 100 ms + 5 ms x 3: the second job waits for the first one's attempt. */
START_TEST(times_follow_the_formula)
{
    struct fixture f;
    fixture_open(&f, 2, 4000, 100, "batch", 100 * S);
    struct fixture_job jobs[] = {a_job(0, 3, 1000, 10 * S), a_job(15 * MS, 1, 1000, 10 * S)};
    fixture_run_ok(&f, jobs, 2);
    const struct metrics_job *first = metrics_read_job(f.metrics, 0);
    const struct metrics_job *second = metrics_read_job(f.metrics, 1);
    ck_assert_int_eq(first->first_attempt_us, 0);
    ck_assert_int_eq(first->fully_scheduled_us, 115 * MS);
    ck_assert_int_eq(second->first_attempt_us, 115 * MS);
    ck_assert_int_eq(second->fully_scheduled_us, 220 * MS);
    ck_assert_int_eq(second->queued_us, 100 * MS);
    ck_assert_uint_eq(first->outcome, METRICS_JOB_FINISHED);
    ck_assert_int_eq(f.scope[0].busy_us, 220 * MS);
    ck_assert_uint_eq(f.scope[0].transactions_successful, 2);
    ck_assert_uint_eq(f.counters.tasks_finished, 4);
    ck_assert_uint_eq(f.counters.tasks_submitted, 4);
    /* 3 tasks for 10 s and 1 for 10 s, of 8 CPUs over 100 s */
    ck_assert_double_eq_tol(f.cell.cpu_utilisation, 40.0 / 800.0, 1e-12);
    fixture_close(&f);
}
END_TEST

/* A task that ends at t makes room for an attempt that starts at t: ends come before starts. */
START_TEST(ends_come_before_starts)
{
    struct fixture f;
    fixture_open(&f, 1, 1000, 100, "batch", 100 * S);
    f.decisions[0][0] = (struct run_decision){.job_us = 1 * S};
    struct fixture_job jobs[] = {a_job(0, 1, 1000, 9 * S), a_job(10 * S, 1, 1000, 9 * S)};
    fixture_run_ok(&f, jobs, 2);
    ck_assert_int_eq(metrics_read_job(f.metrics, 1)->fully_scheduled_us, 11 * S);
    ck_assert_uint_eq(f.scope[0].attempts_no_fit, 0);
    fixture_close(&f);
}
END_TEST

START_TEST(durations_per_task)
{
    struct fixture f;
    fixture_open(&f, 4, 1000, 100, "batch", 100 * S);
    int64_t durations[] = {10 * S, 20 * S, 10 * S, OMEGA_NEVER};
    struct fixture_job jobs[] = {a_job(0, 4, 1000, 0)};
    jobs[0].task_duration_us = durations;
    fixture_run_ok(&f, jobs, 1);
    ck_assert_uint_eq(f.counters.tasks_finished, 3);
    ck_assert_uint_eq(f.counters.tasks_running, 1);
    ck_assert_uint_eq(f.counters.version, 1 + 2); /* one commit, two ends */
    ck_assert_uint_eq(metrics_read_job(f.metrics, 0)->outcome, METRICS_JOB_RUNNING);
    fixture_close(&f);
}
END_TEST

/* Nobody else places anything: whatever changes meanwhile is a refusal, never a conflict. */
START_TEST(one_instance_never_conflicts)
{
    for (int coarse = 0; coarse < 2; coarse++) {
        struct fixture f;
        fixture_open(&f, 4, 2000, 100, "batch", 300 * S);
        f.schedulers[0].detection = coarse ? OMEGA_DETECT_COARSE : OMEGA_DETECT_FINE;
        f.decisions[0][0] = (struct run_decision){.job_us = 1 * S};
        struct omega_machine_event events[120];
        uint32_t n = 0;
        for (uint32_t i = 0; i < 30; i++) {
            static const uint8_t kinds[] = {OMEGA_EVENT_REMOVE, OMEGA_EVENT_ADD, OMEGA_EVENT_DRAIN,
                                            OMEGA_EVENT_UNDRAIN};
            for (int k = 0; k < 4; k++) {
                events[n++] = (struct omega_machine_event){
                    .time_us = (8 * (int64_t)i + 2 * k) * S + 500 * MS,
                    .machine = i % 4,
                    .kind = kinds[k],
                };
            }
        }
        f.config.events = events;
        f.config.event_count = n;
        struct fixture_job jobs[100];
        for (int i = 0; i < 100; i++) {
            jobs[i] = a_job(i * 2 * S, 5, 900, 7 * S + 300 * MS * (i % 5));
        }
        fixture_run_ok(&f, jobs, 100);
        ck_assert_uint_gt(f.scope[0].claims_refused, 0);
        ck_assert_uint_gt(f.counters.losses, 0);
        ck_assert_uint_eq(f.scope[0].claims_conflicting, 0);
        fixture_close(&f);
    }
}
END_TEST

/* In a cell so large that what will be looked at is asked for ahead, all happens as in a small one:
 * here nothing fits on the machines that it has more. */
START_TEST(large_cells_are_no_other)
{
    struct store_counters counters[2];
    int64_t waited[2] = {0, 0};
    for (int large = 0; large < 2; large++) {
        struct fixture f;
        fixture_open(&f, large ? 40001 : 4, 2000, 100, "first_fit", 300 * S);
        for (uint32_t m = 4; m < f.config.cell.machine_count; m++) {
            f.machines[m].cpu_milli = 1;
        }
        f.schedulers[0].instances = 3;
        f.decisions[0][0] = (struct run_decision){.job_us = 1 * S};
        struct omega_machine_event events[60];
        for (uint32_t i = 0; i < 60; i++) {
            events[i] = (struct omega_machine_event){
                .time_us = 4 * (int64_t)i * S + 500 * MS,
                .machine = i / 2 % 4,
                .kind = i % 2 == 0 ? OMEGA_EVENT_REMOVE : OMEGA_EVENT_ADD,
            };
        }
        f.config.events = events;
        f.config.event_count = 60;
        struct fixture_job jobs[100];
        for (int i = 0; i < 100; i++) {
            jobs[i] = a_job(i * 2 * S, 5, 900, 7 * S + 300 * MS * (i % 5));
        }
        fixture_run_ok(&f, jobs, 100);
        ck_assert_uint_gt(f.counters.losses, 0);
        ck_assert_uint_gt(f.scope[0].claims_conflicting, 0);
        counters[large] = f.counters;
        for (uint32_t i = 0; i < 100; i++) {
            waited[large] += metrics_read_job(f.metrics, i)->queued_us;
        }
        fixture_close(&f);
    }
    ck_assert_mem_eq(&counters[0], &counters[1], sizeof counters[0]);
    ck_assert_int_eq(waited[0], waited[1]);
}
END_TEST

START_TEST(lost_tasks_return_or_fail)
{
    for (int fails = 0; fails < 2; fails++) {
        struct fixture f;
        fixture_open(&f, 2, 1000, 100, "batch", 100 * S);
        f.config.lost = fails ? STORE_LOST_FAIL : STORE_LOST_RETURN;
        struct omega_machine_event events[] = {
            {.time_us = 5 * S, .machine = 0, .kind = OMEGA_EVENT_REMOVE},
            {.time_us = 6 * S, .machine = 0, .kind = OMEGA_EVENT_ADD},
        };
        f.config.events = events;
        f.config.event_count = 2;
        struct fixture_job jobs[] = {a_job(0, 2, 1000, 10 * S)};
        fixture_run_ok(&f, jobs, 1);
        const struct metrics_job *record = metrics_read_job(f.metrics, 0);
        ck_assert_uint_eq(f.counters.losses, 1);
        ck_assert_uint_eq(f.counters.tasks_failed, (fails ? 1 : 0));
        ck_assert_uint_eq(f.counters.tasks_finished, (fails ? 1 : 2));
        ck_assert_uint_eq(record->outcome, (fails ? METRICS_JOB_FAILED : METRICS_JOB_FINISHED));
        ck_assert_uint_eq(record->placed, (fails ? 2 : 3));
        ck_assert_int_eq(record->fully_scheduled_us, 110 * MS);
        fixture_close(&f);
    }
}
END_TEST

START_TEST(elastic_jobs_start_once)
{
    struct fixture f;
    fixture_open(&f, 4, 1000, 100, "elastic", 100 * S);
    struct fixture_job jobs[] = {a_job(0, 2, 1000, 10 * S)};
    jobs[0].optional = 8;
    fixture_run_ok(&f, jobs, 1);
    const struct metrics_job *record = metrics_read_job(f.metrics, 0);
    ck_assert_uint_eq(record->tasks, 2);
    ck_assert_uint_eq(record->placed, 4);
    ck_assert_uint_eq(record->attempts, 1);
    ck_assert_uint_eq(f.counters.tasks_submitted, 4);
    ck_assert_uint_eq(f.counters.tasks_finished, 4);
    ck_assert_uint_eq(record->outcome, METRICS_JOB_FINISHED);
    fixture_close(&f);
}
END_TEST

/* The module says 10 s / 4 x 2: four tasks run for 5 s. */
START_TEST(started_says_how_long)
{
    struct fixture f;
    fixture_open(&f, 4, 1000, 100, "elastic", 100 * S);
    struct fixture_job jobs[] = {a_job(0, 2, 1000, 10 * S), a_job(5 * S, 1, 1000, 1 * S)};
    jobs[0].optional = 8;
    fixture_run_ok(&f, jobs, 2);
    ck_assert_double_eq_tol(f.cell.cpu_utilisation, (4 * 5.0 + 1.0) / 400.0, 1e-12);
    /* job 2's attempt at 5 s finds no room; job 1 ends at 110 ms + 5 s, before the next one */
    ck_assert_uint_eq(f.scope[0].attempts_no_fit, 1);
    ck_assert_int_eq(fixture_record(&f, 2)->fully_scheduled_us, 6210 * MS);
    fixture_close(&f);
}
END_TEST

/* One end for each group, also where all end together. */
START_TEST(ends_of_groups)
{
    struct fixture f;
    struct fixture_job third = a_job(0, 2, 400, 10 * S);
    struct fixture_job second = a_job(0, 2, 200, 5 * S);
    struct fixture_job jobs[] = {a_job(0, 2, 100, 10 * S)};
    second.group = &third;
    jobs[0].group = &second;
    fixture_open(&f, 2, 4000, 100, "recorder", 100 * S);
    fixture_run_ok(&f, jobs, 1);
    ck_assert_uint_eq(f.counters.tasks_finished, 6);
    ck_assert_uint_eq(f.counters.version, 1 + 3); /* one commit, three ends */
    ck_assert_double_eq_tol(f.cell.cpu_utilisation, (2 * 0.1 + 2 * 0.2 / 2 + 2 * 0.4) / 80.0,
                            1e-12);
    fixture_close(&f);
    /* started() gives all groups of an elastic job one duration */
    jobs[0].optional = 1;
    fixture_open(&f, 2, 4000, 100, "elastic", 100 * S);
    fixture_run_ok(&f, jobs, 1);
    ck_assert_uint_eq(f.counters.tasks_finished, 7);
    ck_assert_uint_eq(f.counters.version, 1 + 3);
    fixture_close(&f);
}
END_TEST

/* An elastic job has started with what it got: a task that is lost does not return. */
START_TEST(lost_elastic_tasks_fail)
{
    struct fixture f;
    fixture_open(&f, 4, 1000, 100, "elastic", 100 * S);
    struct omega_machine_event remove = {
        .time_us = 2 * S, .machine = 1, .kind = OMEGA_EVENT_REMOVE};
    f.config.events = &remove;
    f.config.event_count = 1;
    struct fixture_job jobs[] = {a_job(0, 2, 1000, 10 * S)};
    jobs[0].optional = 8;
    fixture_run_ok(&f, jobs, 1);
    ck_assert_uint_eq(f.counters.tasks_failed, 1);
    ck_assert_uint_eq(f.counters.tasks_finished, 3);
    ck_assert_uint_eq(fixture_record(&f, 1)->outcome, METRICS_JOB_FAILED);
    ck_assert_uint_eq(fixture_record(&f, 1)->attempts, 1);
    fixture_close(&f);
}
END_TEST

/* A machine that a task of a different_machines group has left, by its end or with the machine,
 * may take the group's next task. */
START_TEST(different_machines_are_free_again)
{
    struct fixture f;
    fixture_open(&f, 1, 4000, 100, "recorder", 100 * S);
    struct fixture_job jobs[] = {a_job(0, 2, 1000, 5 * S)};
    jobs[0].constraints = "different_machines";
    fixture_run_ok(&f, jobs, 1);
    ck_assert_uint_eq(f.counters.tasks_finished, 2);
    ck_assert_uint_eq(f.scope[0].claims, 2);
    fixture_close(&f);
    fixture_open(&f, 2, 4000, 100, "recorder", 100 * S);
    struct omega_machine_event events[] = {
        {.time_us = 3 * S, .machine = 0, .kind = OMEGA_EVENT_REMOVE},
        {.time_us = 4 * S, .machine = 0, .kind = OMEGA_EVENT_ADD},
    };
    f.config.events = events;
    f.config.event_count = 2;
    jobs[0].duration_us = 50 * S;
    fixture_run_ok(&f, jobs, 1);
    ck_assert_uint_eq(f.counters.tasks_finished, 2);
    ck_assert_uint_eq(f.scope[0].attempts_no_fit, 1); /* while machine 1 was the only one */
    ck_assert_uint_eq(f.scope[0].claims, 3);
    fixture_close(&f);
}
END_TEST

/* ---- the horizon ---- */

START_TEST(what_happens_at_the_horizon_happens)
{
    struct fixture f;
    fixture_open(&f, 2, 1000, 100, "recorder", 10 * S);
    f.decisions[0][0] = (struct run_decision){.job_us = 1 * S};
    /* job 1 ends at 10 s, job 2's commit is at 10 s, and job 3 arrives at 10 s */
    struct fixture_job jobs[] = {a_job(0, 1, 1000, 9 * S), a_job(9 * S, 1, 1000, 9 * S),
                                 a_job(10 * S, 1, 1000, 9 * S)};
    fixture_run_ok(&f, jobs, 3);
    ck_assert_uint_eq(f.counters.tasks_finished, 1);
    ck_assert_uint_eq(f.counters.tasks_running, 1);
    ck_assert_uint_eq(f.counters.tasks_pending, 1);
    ck_assert_uint_eq(fixture_record(&f, 1)->outcome, METRICS_JOB_FINISHED);
    ck_assert_int_eq(fixture_record(&f, 2)->fully_scheduled_us, 10 * S);
    ck_assert_int_eq(fixture_record(&f, 3)->first_attempt_us, 10 * S);
    ck_assert_uint_eq(f.scope[0].jobs_submitted, 3);
    fixture_close(&f);
}
END_TEST

/* An attempt that the horizon cuts is busy time and a first wait, but no attempt. */
START_TEST(the_horizon_cuts_an_attempt)
{
    struct fixture f;
    fixture_open(&f, 1, 1000, 100, "recorder", 1 * S);
    f.decisions[0][0] = (struct run_decision){.job_us = 400 * MS};
    struct fixture_job jobs[] = {a_job(100 * MS, 1, 1000, OMEGA_NEVER),
                                 a_job(200 * MS, 1, 0, OMEGA_NEVER),
                                 a_job(300 * MS, 1, 0, OMEGA_NEVER)};
    fixture_run_ok(&f, jobs, 3);
    ck_assert_int_eq(f.scope[0].busy_us, 900 * MS);
    ck_assert_uint_eq(f.scope[0].attempts, 2);
    ck_assert_uint_eq(histogram_count(f.scope[0].wait_first), 3);
    ck_assert_uint_eq(histogram_censored(f.scope[0].wait_first), 0);
    ck_assert_double_eq(histogram_mean(f.scope[0].wait_first), (0 + 300 + 600) * 1000.0 / 3);
    ck_assert_uint_eq(histogram_censored(f.scope[0].wait_full), 1);
    ck_assert_int_eq(fixture_record(&f, 3)->first_attempt_us, 900 * MS);
    ck_assert_uint_eq(fixture_record(&f, 3)->outcome, METRICS_JOB_PENDING);
    fixture_close(&f);
}
END_TEST

/* As if the third one had not begun, but for the time that its job has queued. */
START_TEST(the_horizon_drops_an_attempt)
{
    struct fixture f;
    fixture_open(&f, 1, 1000, 100, "recorder", 1 * S);
    f.config.cut = RUN_CUT_DROPPED;
    f.decisions[0][0] = (struct run_decision){.job_us = 400 * MS};
    struct fixture_job jobs[] = {a_job(100 * MS, 1, 1000, OMEGA_NEVER),
                                 a_job(200 * MS, 1, 2000, OMEGA_NEVER),
                                 a_job(300 * MS, 1, 0, OMEGA_NEVER)};
    fixture_run_ok(&f, jobs, 3);
    ck_assert_int_eq(f.scope[0].busy_us, 800 * MS);
    ck_assert_uint_eq(f.scope[0].attempts, 2);
    ck_assert_uint_eq(f.scope[0].attempts_begun, 2);
    ck_assert_uint_eq(f.scope[0].jobs_begun, 2);
    ck_assert_uint_eq(histogram_censored(f.scope[0].wait_first), 1);
    const struct metrics_job *third = fixture_record(&f, 3);
    ck_assert_uint_eq(third->attempts, 0);
    ck_assert_uint_eq(third->task_attempts, 0);
    ck_assert_uint_eq(third->unplaced, 1);
    ck_assert_int_eq(third->first_attempt_us, -1);
    ck_assert_int_eq(third->queued_us, 600 * MS);
    f.schedulers[0].retry.delay_us = 100 * MS; /* now the second one is in its second attempt */
    fixture_run_ok(&f, jobs, 2);
    const struct metrics_job *second = fixture_record(&f, 2);
    ck_assert_uint_eq(second->attempts, 1);
    ck_assert_uint_eq(second->task_attempts, 1);
    ck_assert_int_eq(second->first_attempt_us, 500 * MS);
    fixture_close(&f);
}
END_TEST

/* ---- which instance takes a job ---- */

static uint32_t instance_of(const struct fixture *f, uint64_t job)
{
    char text[32];
    snprintf(text, sizeof text, " job %lu #1", (unsigned long)job);
    const char *at = strstr(f->log, text);
    ck_assert_msg(at != NULL && at[-2] == '/', "%s", f->log);
    return (uint32_t)(at[-1] - '0');
}

/* The same user goes to the same instance, whatever was interned before; jobs without a user
 * spread. */
START_TEST(assignment)
{
    enum {
        JOBS = 48
    };
    static const char *const users[] = {"ann", "bob", "cyd", "dan", "eve", "flo"};
    uint32_t of_user[2][6];
    uint32_t alone[8] = {0};
    for (int run = 0; run < 2; run++) {
        struct fixture f;
        struct fixture_job jobs[JOBS];
        fixture_open(&f, 1, 1000, 100, "recorder", 100 * S);
        if (run == 1) {
            symbols_intern(catalogue_symbols(f.catalogue), "flo");
        }
        f.schedulers[0].instances = 8;
        f.schedulers[0].assignment = RUN_ASSIGN_HASH;
        for (int i = 0; i < JOBS; i++) {
            jobs[i] = a_job(i * S, 1, 0, 1 * S);
            jobs[i].user = i % 2 == 0 ? users[i / 2 % 6] : NULL;
        }
        fixture_run_ok(&f, jobs, JOBS);
        for (uint64_t i = 0; i < JOBS; i++) {
            uint32_t instance = instance_of(&f, i + 1);
            if (i % 2 == 1) {
                alone[instance]++;
            } else if (i < 12) {
                of_user[run][i / 2] = instance;
            } else {
                ck_assert_uint_eq(instance, of_user[run][i / 2 % 6]);
            }
        }
        f.schedulers[0].assignment = RUN_ASSIGN_ROUND_ROBIN;
        fixture_run_ok(&f, jobs, JOBS);
        for (uint64_t i = 0; i < JOBS; i++) {
            ck_assert_uint_eq(instance_of(&f, i + 1), i % 8);
        }
        fixture_close(&f);
    }
    uint32_t used = 0;
    for (int i = 0; i < 8; i++) {
        used += alone[i] > 0;
    }
    ck_assert_uint_ge(used, 6);
    ck_assert_mem_eq(of_user[0], of_user[1], sizeof of_user[0]);
    ck_assert(of_user[0][0] != of_user[0][1] || of_user[0][0] != of_user[0][2]);
}
END_TEST

/* Jobs of both workloads go to the three instances of one scheduler: job n of a workload to
 * n + jobs_before modulo 3, whatever came between. */
START_TEST(counted_assignment)
{
    struct fixture f;
    struct fixture_job jobs[8];
    fixture_open(&f, 1, 1000, 100, "recorder", 100 * S);
    f.schedulers[0].instances = 3;
    f.schedulers[0].assignment = RUN_ASSIGN_COUNTED;
    f.workloads[1].jobs_before = 4;
    for (uint32_t i = 0; i < 8; i++) {
        jobs[i] = a_job(i * S, 1, 0, 1 * S);
        jobs[i].workload = i % 2;
    }
    static const uint32_t expected[] = {1, 5 % 3, 2, 6 % 3, 3 % 3, 7 % 3, 4 % 3, 8 % 3};
    fixture_run_ok(&f, jobs, 8);
    for (uint32_t i = 0; i < 8; i++) {
        ck_assert_uint_eq(instance_of(&f, i + 1), expected[i]);
    }
    fixture_close(&f);
}
END_TEST

/* ---- progress ---- */

struct progress {
    uint32_t calls;
    uint32_t stop_at;
    int64_t last_us;
};

static struct progress progress;

static int count_progress(void *context, int64_t now_us, uint64_t jobs)
{
    (void)context;
    ck_assert_int_ge(now_us, progress.last_us);
    ck_assert_uint_gt(jobs, 0);
    progress.last_us = now_us;
    return ++progress.calls == progress.stop_at ? 1 : 0;
}

START_TEST(progress_may_stop_the_run)
{
    enum {
        JOBS = 20000
    };
    static struct fixture_job jobs[JOBS];
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = a_job(i * S, 1, 0, 1 * S);
    }
    struct fixture f;
    fixture_open(&f, 1, 1000, 100, "batch", (JOBS + 10) * S);
    f.config.progress = count_progress;
    progress = (struct progress){.calls = 0};
    fixture_run_ok(&f, jobs, JOBS);
    ck_assert_uint_eq(progress.calls, f.cell.events / 16384);
    ck_assert_uint_ge(progress.calls, 4);
    progress = (struct progress){.stop_at = 2};
    ck_assert_int_eq(fixture_run(&f, jobs, JOBS), OMEGA_EINTR);
    ck_assert_str_eq(f.err.text, "interrupted");
    ck_assert_uint_eq(progress.calls, 2);
    /* a stop that is asked for otherwise does not wait for the next progress */
    volatile sig_atomic_t stop = 1;
    progress = (struct progress){.calls = 0};
    f.config.stop = &stop;
    ck_assert_int_eq(fixture_run(&f, jobs, JOBS), OMEGA_EINTR);
    ck_assert_uint_eq(progress.calls, 0);
    stop = 0;
    fixture_run_ok(&f, jobs, JOBS);
    fixture_close(&f);
}
END_TEST

/* N instances each pick K of S equal one-slot machines from one snapshot: expected conflicts are
 * N K - S + S (1 - K/S)^N (ParSync, ATC 2021). */
START_TEST(oracle)
{
    enum {
        N = 8,
        K = 20,
        SLOTS = 200,
        ROUNDS = 4000
    };
    static struct fixture_job jobs[N * ROUNDS];
    struct fixture f;
    fixture_open(&f, SLOTS, 1000, 100, "random_one", ROUNDS * 10 * S);
    f.schedulers[0].instances = N;
    f.schedulers[0].retry.attempts_max = 1;
    for (int i = 0; i < N * ROUNDS; i++) {
        jobs[i] = a_job((i / N) * 10 * S, K, 1000, 1 * S);
    }
    fixture_run_ok(&f, jobs, N * ROUNDS);
    double expected = (double)N * K - SLOTS + SLOTS * pow(1 - (double)K / SLOTS, N);
    double measured = (double)f.scope[0].claims_conflicting / ROUNDS;
    printf("oracle: expected %.3f conflicts a round, measured %.3f\n", expected, measured);
    ck_assert_double_eq_tol(measured / expected, 1.0, 0.01);
    ck_assert_uint_eq(f.scope[0].claims, (uint64_t)N * K * ROUNDS);
    fixture_close(&f);
}
END_TEST

START_TEST(same_seed_same_digest)
{
    char digest[3][33];
    for (int i = 0; i < 3; i++) {
        struct fixture f;
        static struct omega_machine_event events[FIXTURE_BUSY_EVENTS];
        static struct fixture_job jobs[FIXTURE_BUSY_JOBS];
        fixture_busy(&f, "batch", false, events, jobs);
        f.config.seed = i < 2 ? 7 : 8;
        fixture_run_ok(&f, jobs, FIXTURE_BUSY_JOBS);
        memcpy(digest[i], f.cell.digest, sizeof f.cell.digest);
        fixture_close(&f);
    }
    ck_assert_str_eq(digest[0], digest[1]);
    ck_assert_str_ne(digest[0], digest[2]);
}
END_TEST

/* Schedulers with other dice meet the same jobs, and place them elsewhere. */
START_TEST(scheduler_stream_leaves_jobs)
{
    struct metrics_scope scope[3];
    char digest[3][33];
    for (uint32_t i = 0; i < 3; i++) {
        struct fixture f;
        static struct omega_machine_event events[FIXTURE_BUSY_EVENTS];
        static struct fixture_job jobs[FIXTURE_BUSY_JOBS];
        fixture_busy(&f, "batch", false, events, jobs);
        f.config.scheduler_stream = i;
        fixture_run_ok(&f, jobs, FIXTURE_BUSY_JOBS);
        memcpy(digest[i], f.cell.digest, sizeof f.cell.digest);
        scope[i] = f.scope[0];
        fixture_close(&f);
    }
    ck_assert_str_ne(digest[0], digest[1]);
    ck_assert_str_ne(digest[0], digest[2]);
    ck_assert_str_ne(digest[1], digest[2]);
    ck_assert_uint_eq(scope[0].jobs_submitted, scope[1].jobs_submitted);
    ck_assert_uint_eq(scope[0].tasks_submitted, scope[2].tasks_submitted);
}
END_TEST

/* Four machines with two devices each, two of them of model A. */
START_TEST(gpus_by_model_and_share)
{
    struct fixture f;
    fixture_open(&f, 4, 8000, 100, "batch", 100 * S);
    for (uint32_t i = 0; i < 4; i++) {
        f.machines[i].gpu_devices = 2;
        ck_assert_int_eq(catalogue_attributes(f.catalogue, i < 2 ? "gpu_model=A" : "gpu_model=B",
                                              &f.machines[i].attributes, NULL),
                         OMEGA_OK);
    }
    f.schedulers[0].retry.attempts_max = 1;
    struct fixture_job jobs[] = {a_job(0, 3, 0, OMEGA_NEVER), a_job(10 * S, 9, 0, OMEGA_NEVER),
                                 a_job(20 * S, 9, 0, OMEGA_NEVER),
                                 a_job(30 * S, 9, 0, OMEGA_NEVER)};
    for (int i = 0; i < 4; i++) {
        jobs[i].gpu_devices = 1;
        jobs[i].gpu_milli = i == 0 ? 400 : 1000;
        jobs[i].constraints = i == 3 ? NULL : "gpu_model=A";
    }
    jobs[2].gpu_milli = 200;
    fixture_run_ok(&f, jobs, 4);
    uint32_t placed[5] = {0};
    for (uint64_t i = 0; i < 4; i++) {
        const struct metrics_job *record = metrics_read_job(f.metrics, i);
        placed[record->job] = record->placed;
    }
    /* three shares of 400 land anywhere on A; whole devices take what is wholly free of A; shares
     * of 200 fill the rest of A's 4,000; whole devices without a model take all of B and nothing of
     * A */
    ck_assert_uint_eq(placed[1], 3);
    ck_assert_uint_ge(placed[2], 1);
    ck_assert_uint_le(placed[2], 2);
    ck_assert_uint_eq(placed[3], (4000 - 1200 - 1000 * placed[2]) / 200);
    ck_assert_uint_eq(placed[4], 4);
    ck_assert_int_eq(f.cell.final.gpu_used_milli, 8000);
    ck_assert_uint_eq(f.report.violations, 0);
    fixture_close(&f);
}
END_TEST

START_TEST(random_failures_hold_the_invariants)
{
    struct fixture f;
    fixture_open(&f, 50, 4000, 100, "batch", 1000 * S);
    struct distribution up = {.type = DISTRIBUTION_EXPONENTIAL, .a = 100};
    struct distribution down = {.type = DISTRIBUTION_EXPONENTIAL, .a = 10};
    f.config.failures = (struct run_failures){.up_s = &up, .down_s = &down};
    static struct fixture_job jobs[500];
    for (int i = 0; i < 500; i++) {
        jobs[i] = a_job(i * S, 10, 500, 30 * S);
    }
    fixture_run_ok(&f, jobs, 500);
    ck_assert_uint_gt(f.cell.machine_events[OMEGA_EVENT_REMOVE], 300);
    ck_assert_uint_gt(f.counters.losses, 100);
    ck_assert_uint_eq(f.report.violations, 0);
    ck_assert_uint_eq(f.scope[0].claims_conflicting, 0);
    fixture_close(&f);
}
END_TEST

START_TEST(errors_name_the_cause)
{
    struct fixture f;
    fixture_open(&f, 2, 1000, 100, "batch", 100 * S);
    struct omega_machine_event events[] = {
        {.time_us = 5 * S, .machine = 1, .kind = OMEGA_EVENT_ADD},
    };
    f.config.events = events;
    f.config.event_count = 1;
    struct fixture_job jobs[] = {a_job(0, 2, 1000, 10 * S)};
    ck_assert_int_eq(fixture_run(&f, jobs, 1), OMEGA_EINVAL);
    ck_assert_str_eq(f.err.text, "machine 1 is up, so it cannot take event 'add'");
    fixture_close(&f);
    static const char *const bad[][2] = {
        {"breach_twice", "which is claimed already"},
        {"breach_machine", "claimed machine"},
        {"breach_room", "where the view shows no room"},
        {"breach_foreign", "claimed"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fixture_open(&f, 2, 1000, 100, bad[i][0], 100 * S);
        ck_assert_int_eq(fixture_run(&f, jobs, 1), OMEGA_EMODULE);
        ck_assert_msg(strstr(f.err.text, bad[i][1]) != NULL, "%s: %s", bad[i][0], f.err.text);
        ck_assert_msg(strstr(f.err.text, "job 1") != NULL, "%s", f.err.text);
        ck_assert_msg(strstr(f.err.text, bad[i][0]) != NULL, "%s", f.err.text);
        fixture_close(&f);
    }
}
END_TEST

/* More placements end on one machine than its stamp counts: with and without raising its sequence
 * the check finds that this counts them all. */
START_TEST(more_ends_than_a_stamp_counts)
{
    enum {
        TASKS = 1 << 20,
        JOBS = (int)(OMEGA_RELEASES_MODULUS / TASKS) + 1
    };
    struct fixture_job jobs[JOBS];
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = a_job(10 * i * S, TASKS, 1, 2 * S);
    }
    for (int raises = 0; getenv("OMEGA_SLOW") == NULL && raises < 2; raises++) {
        struct fixture f;
        fixture_open(&f, 1, TASKS, TASKS, "batch", 1000 * S);
        f.decisions[0][0] = (struct run_decision){.job_us = 1 * S};
        f.config.cell.release_raises_seq = raises == 1;
        fixture_run_ok(&f, jobs, JOBS);
        ck_assert_uint_gt(f.counters.tasks_finished, OMEGA_RELEASES_MODULUS);
        ck_assert_msg(f.report.violations == 0, "%s", f.report.first);
        fixture_close(&f);
    }
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "times follow the formula", times_follow_the_formula);
    check_case(suite, "ends come before starts", ends_come_before_starts);
    check_case(suite, "durations per task", durations_per_task);
    check_case(suite, "one instance never conflicts", one_instance_never_conflicts);
    check_case(suite, "large cells", large_cells_are_no_other);
    check_case(suite, "lost tasks return or fail", lost_tasks_return_or_fail);
    check_case(suite, "elastic jobs start once", elastic_jobs_start_once);
    check_case(suite, "started", started_says_how_long);
    check_case(suite, "ends of groups", ends_of_groups);
    check_case(suite, "lost elastic tasks", lost_elastic_tasks_fail);
    check_case(suite, "different machines", different_machines_are_free_again);
    check_case(suite, "at the horizon", what_happens_at_the_horizon_happens);
    check_case(suite, "cut by the horizon", the_horizon_cuts_an_attempt);
    check_case(suite, "dropped at the horizon", the_horizon_drops_an_attempt);
    check_case(suite, "assignment", assignment);
    check_case(suite, "counted assignment", counted_assignment);
    check_case(suite, "progress", progress_may_stop_the_run);
    check_case(suite, "oracle", oracle);
    check_case(suite, "same seed, same digest", same_seed_same_digest);
    check_case(suite, "scheduler stream leaves jobs", scheduler_stream_leaves_jobs);
    check_case(suite, "GPUs by model and share", gpus_by_model_and_share);
    check_case(suite, "more ends than a stamp", more_ends_than_a_stamp_counts);
    check_case(suite, "random failures", random_failures_hold_the_invariants);
    check_case(suite, "errors name the cause", errors_name_the_cause);
}

CHECK_MAIN("core/driver/simulate", add_cases)
