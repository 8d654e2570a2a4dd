/* SPDX-License-Identifier: MIT */
/* The simulator: times, retries, losses, views and the two oracles that need no second simulator.
 * */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/check_main.h"
#include "tests/support/fixture.h"

#define MS INT64_C(1000)
#define S INT64_C(1000000)

static struct fixture_job job(int64_t submit_us, uint32_t tasks, int32_t cpu_milli,
                              int64_t duration_us)
{
    return (struct fixture_job){
        .submit_us = submit_us,
        .tasks = tasks,
        .cpu_milli = cpu_milli,
        .mem_mib = 1,
        .duration_us = duration_us,
    };
}

#define RUN_OK(fixture, jobs, count)                                                               \
    ck_assert_msg(fixture_run(fixture, jobs, count) == OMEGA_OK, "%s", (fixture)->err.text)

/* Decision 100 ms + 5 ms x 3: the second job waits for the first one's attempt. */
START_TEST(times_follow_the_formula)
{
    struct fixture f;
    fixture_open(&f, 2, 4000, 100, "batch", 100 * S);
    struct fixture_job jobs[] = {job(0, 3, 1000, 10 * S), job(15 * MS, 1, 1000, 10 * S)};
    RUN_OK(&f, jobs, 2);
    const struct metrics_job *first = metrics_read_job(f.metrics, 0);
    const struct metrics_job *second = metrics_read_job(f.metrics, 1);
    ck_assert_int_eq(first->first_attempt_us, 0);
    ck_assert_int_eq(first->fully_scheduled_us, 115 * MS);
    ck_assert_int_eq(second->first_attempt_us, 115 * MS);
    ck_assert_int_eq(second->fully_scheduled_us, 220 * MS);
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
    struct fixture_job jobs[] = {job(0, 1, 1000, 9 * S), job(10 * S, 1, 1000, 9 * S)};
    RUN_OK(&f, jobs, 2);
    ck_assert_int_eq(metrics_read_job(f.metrics, 1)->fully_scheduled_us, 11 * S);
    ck_assert_uint_eq(f.scope[0].attempts_no_fit, 0);
    fixture_close(&f);
}
END_TEST

START_TEST(no_fit_retries_and_gives_up)
{
    struct fixture f;
    fixture_open(&f, 1, 1000, 100, "batch", 1000 * S);
    f.decisions[0][0] = (struct run_decision){.job_us = 1 * S};
    f.schedulers[0].retry.backoff = 2;
    f.schedulers[0].retry.delay_max_us = 3 * S;
    f.schedulers[0].retry.attempts_unplaced_max = 4;
    struct fixture_job jobs[] = {job(0, 1, 2000, 9 * S)};
    RUN_OK(&f, jobs, 1);
    const struct metrics_job *record = metrics_read_job(f.metrics, 0);
    ck_assert_uint_eq(record->outcome, METRICS_JOB_ABANDONED);
    ck_assert_uint_eq(record->attempts, 4);
    ck_assert_uint_eq(f.scope[0].attempts_no_fit, 4);
    ck_assert_int_eq(f.scope[0].busy_no_fit_us, 4 * S);
    ck_assert_uint_eq(f.counters.tasks_abandoned, 1);
    /* attempts at 0, 2 (1 + 1 s), 5 (3 + 2 s) and 9 (6 + min(4, 3) s) end at 10 s: 8 events more
     * than the horizon would see if the delay were constant */
    ck_assert_uint_eq(f.cell.events, 1 + 4 + 4 + 3);
    fixture_close(&f);
}
END_TEST

START_TEST(abandoned_jobs_keep_what_they_placed)
{
    struct fixture f;
    fixture_open(&f, 1, 3000, 100, "batch", 50 * S);
    f.schedulers[0].retry.attempts_max = 3;
    struct fixture_job jobs[] = {job(0, 5, 1000, 20 * S)};
    RUN_OK(&f, jobs, 1);
    ck_assert_uint_eq(f.counters.tasks_finished, 3);
    ck_assert_uint_eq(f.counters.tasks_abandoned, 2);
    const struct metrics_job *record = metrics_read_job(f.metrics, 0);
    ck_assert_uint_eq(record->outcome, METRICS_JOB_ABANDONED);
    ck_assert_uint_eq(record->placed, 3);
    ck_assert_int_eq(record->fully_scheduled_us, -1);
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
        struct fixture_job jobs[] = {job(0, 1, 1000, 4 * S), job(1 * S, 1, 900, 1 * S),
                                     job(1 * S, 1, 0, 1 * S)};
        RUN_OK(&f, jobs, 3);
        int64_t third = 0;
        for (uint64_t i = 0; i < 3; i++) {
            const struct metrics_job *record = metrics_read_job(f.metrics, i);
            third = record->job == 3 ? record->first_attempt_us : third;
        }
        ck_assert_int_eq(third, front ? 6 * S : 2 * S);
        fixture_close(&f);
    }
}
END_TEST

START_TEST(durations_per_task)
{
    struct fixture f;
    fixture_open(&f, 4, 1000, 100, "batch", 100 * S);
    int64_t durations[] = {10 * S, 20 * S, 10 * S, OMEGA_NEVER};
    struct fixture_job jobs[] = {job(0, 4, 1000, 0)};
    jobs[0].task_duration_us = durations;
    RUN_OK(&f, jobs, 1);
    ck_assert_uint_eq(f.counters.tasks_finished, 3);
    ck_assert_uint_eq(f.counters.tasks_running, 1);
    ck_assert_uint_eq(f.counters.version, 1 + 2); /* one commit, two ends */
    ck_assert_uint_eq(metrics_read_job(f.metrics, 0)->outcome, METRICS_JOB_RUNNING);
    fixture_close(&f);
}
END_TEST

/* Two schedulers plan on the same free slot: one conflict, and the loser tries again. */
START_TEST(rivals_conflict)
{
    struct fixture f;
    fixture_open(&f, 1, 1000, 100, "batch", 100 * S);
    fixture_second(&f, "batch");
    struct fixture_job jobs[] = {job(0, 1, 1000, 5 * S), job(0, 1, 1000, 5 * S)};
    jobs[1].workload = 1;
    RUN_OK(&f, jobs, 2);
    ck_assert_uint_eq(f.scope[0].claims_conflicting, 0);
    ck_assert_uint_eq(f.scope[1].claims_conflicting, 1);
    ck_assert_uint_eq(f.scope[1].transactions_conflicting, 1);
    ck_assert_uint_eq(f.scope[1].transactions_successful, 1);
    ck_assert_double_eq(metrics_conflict_fraction(&f.scope[1]), 1.0);
    ck_assert_uint_eq(f.counters.tasks_finished, 2);
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
            jobs[i] = job(i * 2 * S, 5, 900, 7 * S + 300 * MS * (i % 5));
        }
        RUN_OK(&f, jobs, 100);
        ck_assert_uint_gt(f.scope[0].claims_refused, 0);
        ck_assert_uint_gt(f.counters.losses, 0);
        ck_assert_uint_eq(f.scope[0].claims_conflicting, 0);
        fixture_close(&f);
    }
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
        struct fixture_job jobs[] = {job(0, 2, 1000, 10 * S)};
        RUN_OK(&f, jobs, 1);
        const struct metrics_job *record = metrics_read_job(f.metrics, 0);
        ck_assert_uint_eq(f.counters.losses, 1);
        ck_assert_uint_eq(f.counters.tasks_failed, fails ? 1 : 0);
        ck_assert_uint_eq(f.counters.tasks_finished, fails ? 1 : 2);
        ck_assert_uint_eq(record->outcome, fails ? METRICS_JOB_FAILED : METRICS_JOB_FINISHED);
        ck_assert_uint_eq(record->placed, fails ? 2 : 3);
        ck_assert_int_eq(record->fully_scheduled_us, 110 * MS);
        fixture_close(&f);
    }
}
END_TEST

/* A gang whose members were lost while it planned the rest does not commit the rest alone. */
START_TEST(gangs_are_whole)
{
    struct fixture f;
    fixture_open(&f, 3, 1000, 100, "batch", 100 * S);
    f.schedulers[0].granularity = OMEGA_COMMIT_GANG;
    struct fixture_job jobs[] = {job(0, 2, 1000, 20 * S), job(1 * S, 2, 1000, 5 * S)};
    RUN_OK(&f, jobs, 2);
    ck_assert_uint_gt(f.scope[0].attempts_short, 0);
    const struct metrics_job *second = metrics_read_job(f.metrics, 1);
    ck_assert_uint_eq(second->placed, 2);
    ck_assert_int_gt(second->fully_scheduled_us, 20 * S);
    fixture_close(&f);
}
END_TEST

START_TEST(elastic_jobs_start_once)
{
    struct fixture f;
    fixture_open(&f, 4, 1000, 100, "elastic", 100 * S);
    struct fixture_job jobs[] = {job(0, 2, 1000, 10 * S)};
    jobs[0].optional = 8;
    RUN_OK(&f, jobs, 1);
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
        jobs[i] = job((i / N) * 10 * S, K, 1000, 1 * S);
    }
    RUN_OK(&f, jobs, N * ROUNDS);
    double expected = (double)N * K - SLOTS + SLOTS * pow(1 - (double)K / SLOTS, N);
    double measured = (double)f.scope[0].claims_conflicting / ROUNDS;
    printf("oracle: expected %.3f conflicts a round, measured %.3f\n", expected, measured);
    ck_assert_double_eq_tol(measured / expected, 1.0, 0.01);
    ck_assert_uint_eq(f.scope[0].claims, (uint64_t)N * K * ROUNDS);
    fixture_close(&f);
}
END_TEST

/* A cell under ends, removals, drains and capacity changes during decisions. */
static void busy_cell(struct fixture *f, const char *module, enum omega_detection detection,
                      struct omega_machine_event *events, struct fixture_job *jobs)
{
    fixture_open(f, 20, 4000, 64, module, 400 * S);
    fixture_second(f, module);
    for (int s = 0; s < 2; s++) {
        f->schedulers[s].instances = 2;
        f->schedulers[s].detection = detection;
        f->decisions[s][0] = (struct run_decision){.job_us = 900 * MS, .task_us = 10 * MS};
        f->decisions[s][1] = (struct run_decision){.job_us = 2 * S, .task_us = 10 * MS};
    }
    for (uint32_t i = 0; i < 20; i++) {
        f->machines[i].gpu_devices = i % 3 == 0 ? 4 : 0;
        f->machines[i].domain = 1 + i % 4;
    }
    for (uint32_t i = 0; i < 80; i++) {
        static const uint8_t kinds[] = {OMEGA_EVENT_REMOVE, OMEGA_EVENT_ADD, OMEGA_EVENT_DRAIN,
                                        OMEGA_EVENT_UNDRAIN};
        events[i] = (struct omega_machine_event){
            .time_us = (4 * (int64_t)i + 3) * S + 500 * MS,
            .machine = (i / 4) % 20,
            .kind = kinds[i % 4],
        };
    }
    f->config.events = events;
    f->config.event_count = 80;
    for (int i = 0; i < 300; i++) {
        jobs[i] = job(i * S, 1 + (uint32_t)i % 9, 300 + 100 * (i % 7), 5 * S + (i % 11) * 700 * MS);
        jobs[i].workload = (uint32_t)i % 3 == 0;
        jobs[i].mem_mib = 1 + i % 8;
        if (i % 5 == 0) {
            jobs[i].gpu_devices = 1;
            jobs[i].gpu_milli = (int16_t)(i % 2 == 0 ? 400 : 1000);
        }
        if (i % 7 == 0) {
            jobs[i].constraints = "different_machines";
        }
    }
}

START_TEST(live_and_private_views_agree)
{
    static const char *const modules[] = {"batch", "service", "first_fit", "random_one",
                                          "stateful"};
    for (size_t m = 0; m < sizeof modules / sizeof modules[0]; m++) {
        for (int coarse = 0; coarse < 2; coarse++) {
            char digest[2][33];
            for (int sync = 0; sync < 2; sync++) {
                struct fixture f;
                static struct omega_machine_event events[80];
                static struct fixture_job jobs[300];
                busy_cell(&f, modules[m], coarse ? OMEGA_DETECT_COARSE : OMEGA_DETECT_FINE, events,
                          jobs);
                f.schedulers[0].sync = sync == 0 ? RUN_SYNC_ATTEMPT : RUN_SYNC_PRIVATE;
                f.schedulers[1].sync = f.schedulers[0].sync;
                RUN_OK(&f, jobs, 300);
                ck_assert_uint_gt(f.scope[0].claims_conflicting + f.scope[1].claims_conflicting, 0);
                ck_assert_uint_gt(f.counters.losses, 0);
                memcpy(digest[sync], f.cell.digest, sizeof f.cell.digest);
                fixture_close(&f);
            }
            ck_assert_msg(strcmp(digest[0], digest[1]) == 0, "module %s", modules[m]);
        }
    }
}
END_TEST

/* An interval of 0 is a refresh at each attempt, and so the same as a live view. */
START_TEST(interval_views)
{
    char digest[3][33];
    uint64_t conflicts[3];
    for (int i = 0; i < 3; i++) {
        struct fixture f;
        static struct omega_machine_event events[80];
        static struct fixture_job jobs[300];
        busy_cell(&f, "batch", OMEGA_DETECT_FINE, events, jobs);
        for (int s = 0; s < 2 && i > 0; s++) {
            f.schedulers[s].sync = RUN_SYNC_INTERVAL;
            f.schedulers[s].interval_us = i == 1 ? 0 : 60 * S;
        }
        RUN_OK(&f, jobs, 300);
        memcpy(digest[i], f.cell.digest, sizeof f.cell.digest);
        conflicts[i] = f.scope[0].claims_conflicting + f.scope[1].claims_conflicting;
        fixture_close(&f);
    }
    ck_assert_str_eq(digest[0], digest[1]);
    ck_assert_str_ne(digest[0], digest[2]);
    ck_assert_uint_gt(conflicts[2], conflicts[0]);
}
END_TEST

START_TEST(same_seed_same_digest)
{
    char digest[3][33];
    for (int i = 0; i < 3; i++) {
        struct fixture f;
        static struct omega_machine_event events[80];
        static struct fixture_job jobs[300];
        busy_cell(&f, "batch", OMEGA_DETECT_FINE, events, jobs);
        f.config.seed = i < 2 ? 7 : 8;
        RUN_OK(&f, jobs, 300);
        memcpy(digest[i], f.cell.digest, sizeof f.cell.digest);
        fixture_close(&f);
    }
    ck_assert_str_eq(digest[0], digest[1]);
    ck_assert_str_ne(digest[0], digest[2]);
}
END_TEST

/* A picky workload fills its own machines only: one job may use a quarter of them. */
START_TEST(pickiness_limits_machines)
{
    struct fixture f;
    fixture_open(&f, 8, 1000, 100, "batch", 100 * S);
    f.workloads[0].pickiness = 0.25;
    struct fixture_job jobs[] = {job(0, 8, 1000, 10 * S)};
    f.schedulers[0].retry.attempts_max = 1;
    RUN_OK(&f, jobs, 1);
    ck_assert_uint_eq(f.counters.tasks_finished, 2);
    ck_assert_uint_eq(f.counters.tasks_abandoned, 6);
    fixture_close(&f);
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
    struct fixture_job jobs[] = {job(0, 3, 0, OMEGA_NEVER), job(10 * S, 9, 0, OMEGA_NEVER),
                                 job(20 * S, 9, 0, OMEGA_NEVER), job(30 * S, 9, 0, OMEGA_NEVER)};
    for (int i = 0; i < 4; i++) {
        jobs[i].gpu_devices = 1;
        jobs[i].gpu_milli = i == 0 ? 400 : 1000;
        jobs[i].constraints = i == 3 ? NULL : "gpu_model=A";
    }
    jobs[2].gpu_milli = 200;
    RUN_OK(&f, jobs, 4);
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

START_TEST(prefill_reaches_its_target)
{
    struct fixture f;
    fixture_open(&f, 100, 4000, 100, "batch", 100 * S);
    struct distribution cpu = {.type = DISTRIBUTION_CONSTANT, .a = 1000};
    struct distribution mem = {.type = DISTRIBUTION_CONSTANT, .a = 1};
    struct distribution duration = {.type = DISTRIBUTION_CONSTANT, .a = 50};
    f.config.prefill = (struct run_prefill){
        .cpu_utilisation = 0.6,
        .cpu_milli = &cpu,
        .mem_mib = &mem,
        .precedence = 200,
    };
    struct fixture_job jobs[] = {job(0, 1, 1000, 10 * S)};
    RUN_OK(&f, jobs, 1);
    ck_assert_int_eq(f.cell.final.cpu_used_milli, 240000);
    f.config.prefill.duration_s = &duration;
    RUN_OK(&f, jobs, 1);
    ck_assert_int_eq(f.cell.final.cpu_used_milli, 0);
    ck_assert_double_eq_tol(f.cell.cpu_utilisation, 0.3 + 10.0 / 40000.0, 1e-6);
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
        jobs[i] = job(i * S, 10, 500, 30 * S);
    }
    RUN_OK(&f, jobs, 500);
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
    struct fixture_job jobs[] = {job(0, 2, 1000, 10 * S)};
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

static void add_cases(Suite *suite)
{
    check_case(suite, "times follow the formula", times_follow_the_formula);
    check_case(suite, "ends come before starts", ends_come_before_starts);
    check_case(suite, "no-fit retries and gives up", no_fit_retries_and_gives_up);
    check_case(suite, "abandoned jobs keep placements", abandoned_jobs_keep_what_they_placed);
    check_case(suite, "front of the queue", front_of_the_queue);
    check_case(suite, "durations per task", durations_per_task);
    check_case(suite, "rivals conflict", rivals_conflict);
    check_case(suite, "one instance never conflicts", one_instance_never_conflicts);
    check_case(suite, "lost tasks return or fail", lost_tasks_return_or_fail);
    check_case(suite, "gangs are whole", gangs_are_whole);
    check_case(suite, "elastic jobs start once", elastic_jobs_start_once);
    check_case(suite, "oracle", oracle);
    check_case(suite, "live and private views agree", live_and_private_views_agree);
    check_case(suite, "interval views", interval_views);
    check_case(suite, "same seed, same digest", same_seed_same_digest);
    check_case(suite, "pickiness", pickiness_limits_machines);
    check_case(suite, "GPUs by model and share", gpus_by_model_and_share);
    check_case(suite, "prefill", prefill_reaches_its_target);
    check_case(suite, "random failures", random_failures_hold_the_invariants);
    check_case(suite, "errors name the cause", errors_name_the_cause);
}

CHECK_MAIN("core/driver/simulate", add_cases)
