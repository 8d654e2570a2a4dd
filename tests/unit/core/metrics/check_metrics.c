/* SPDX-License-Identifier: MIT */
/*
 * Metrics: counts, waits, busy time and integrals of small cases worked out by hand. One cell has
 * schedulers "batch" (2 instances) and "service" (1), workloads "short" and "long", a warm-up of
 * 100 us and a horizon of 1,100 us, so that 1,000 us are measured.
 */
#include "core/metrics/metrics.h"

#include "core/base/random.h"
#include "tests/support/check_main.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    BATCH = 0,
    SERVICE = 1,
    SHORT = 0,
    LONG = 1
};

static const char *const schedulers[] = {"batch", "service"};
static const uint32_t instances[] = {2, 1};
static const char *const workloads[] = {"short", "long"};

static struct metrics_config base_config(void)
{
    return (struct metrics_config){
        .schedulers = schedulers,
        .instances = instances,
        .scheduler_count = 2,
        .workloads = workloads,
        .workload_count = 2,
        .warmup_us = 100,
        .horizon_us = 1100,
        .histograms = true,
        .digest = true,
    };
}

static struct metrics *create(void)
{
    struct metrics_config config = base_config();
    struct metrics *metrics = metrics_create(&config);
    ck_assert_ptr_nonnull(metrics);
    return metrics;
}

static struct metrics_scope scheduler_scope(const struct metrics *metrics, uint32_t scheduler)
{
    struct metrics_scope scope;
    metrics_read_scheduler(metrics, scheduler, &scope);
    return scope;
}

static struct metrics_scope workload_scope(const struct metrics *metrics, uint32_t workload)
{
    struct metrics_scope scope;
    metrics_read_workload(metrics, workload, &scope);
    return scope;
}

static struct metrics_attempt attempt_of(uint32_t scheduler, uint32_t workload, int64_t start_us,
                                         int64_t end_us)
{
    return (struct metrics_attempt){
        .scheduler = scheduler,
        .workload = workload,
        .attempt = 1,
        .start_us = start_us,
        .end_us = end_us,
    };
}

START_TEST(test_names_and_empty)
{
    metrics_destroy(NULL);
    struct metrics *metrics = create();
    ck_assert_uint_eq(metrics_scheduler_count(metrics), 2);
    ck_assert_uint_eq(metrics_workload_count(metrics), 2);
    ck_assert_int_eq(metrics_status(metrics), 0);
    metrics_finish(metrics, 1100);

    struct metrics_scope scope = scheduler_scope(metrics, SERVICE);
    ck_assert_str_eq(scope.name, "service");
    ck_assert_uint_eq(scope.instances, 1);
    ck_assert_ptr_nonnull(scope.instance_busy_us);
    ck_assert_uint_eq(histogram_count(scope.wait_first), 0);
    ck_assert(isnan(metrics_conflict_fraction(&scope)));
    ck_assert(isnan(metrics_claim_conflict_fraction(&scope)));
    ck_assert(isnan(metrics_attempts_per_job(&scope)));
    ck_assert(metrics_busyness(&scope, 1000) == 0);

    scope = workload_scope(metrics, LONG);
    ck_assert_str_eq(scope.name, "long");
    ck_assert_uint_eq(scope.instances, 0);
    ck_assert_ptr_null(scope.instance_busy_us);
    ck_assert(isnan(metrics_busyness(&scope, 1000)));
    ck_assert_ptr_null(metrics_read_job(metrics, 0));

    struct metrics_cell cell;
    metrics_read_cell(metrics, &cell);
    ck_assert_int_eq(cell.measured_us, 1000);
    ck_assert(cell.cpu_utilisation == 0 && cell.mem_utilisation == 0 && cell.gpu_utilisation == 0);
    ck_assert_uint_eq(strlen(cell.digest), 32);
    metrics_destroy(metrics);
}
END_TEST

/* A MapReduce job: asked for 60 s, and got `given_us` (0: its module says nothing). */
static struct metrics_job mapreduce_job(uint64_t id, int64_t given_us)
{
    return (struct metrics_job){
        .job = id,
        .scheduler = BATCH,
        .workload = LONG,
        .submitted_us = 200,
        .first_attempt_us = 200,
        .fully_scheduled_us = 300,
        .attempts = 1,
        .mapreduce = true,
        .asked_us = 60000000,
        .given_us = given_us,
    };
}

START_TEST(test_speedups)
{
    struct metrics *metrics = create();
    static const int64_t given_us[] = {0, 60000000, 59999999, 40000000, 24000000, 7000000};
    for (size_t i = 0; i < sizeof given_us / sizeof *given_us; i++) {
        struct metrics_job job = mapreduce_job(i + 1, given_us[i]);
        metrics_job(metrics, &job);
    }
    struct metrics_job others[] = {
        mapreduce_job(10, 30000000), /* in the warm-up */
        mapreduce_job(11, 30000000), /* no MapReduce job, though its module says how long */
        mapreduce_job(12, 0),        /* never had all its workers */
        mapreduce_job(13, 0),        /* has no end */
    };
    others[0].submitted_us = 99;
    others[1].mapreduce = false;
    others[2].fully_scheduled_us = -1;
    others[3].asked_us = OMEGA_NEVER;
    for (size_t i = 0; i < 4; i++) {
        metrics_job(metrics, &others[i]);
        ck_assert_int_eq(metrics_speedup(&others[i]), i == 0 ? 2000 : -1);
    }
    metrics_finish(metrics, 1100);
    struct metrics_scope scope = scheduler_scope(metrics, BATCH);
    bool censored;
    ck_assert_uint_eq(scope.mapreduce_jobs, 8);
    ck_assert_uint_eq(scope.mapreduce_gained, 4);
    ck_assert_uint_eq(histogram_count(scope.speedup), 6);
    ck_assert_int_eq(histogram_quantile(scope.speedup, 0.5, &censored), 1000); /* 1.00000002 is 1 */
    ck_assert_int_eq(histogram_quantile(scope.speedup, 0.6, &censored), 1500);
    ck_assert_int_eq(histogram_max(scope.speedup), 8571); /* 60 / 7 */
    ck_assert_uint_eq(workload_scope(metrics, LONG).mapreduce_gained, 4);
    ck_assert_uint_eq(workload_scope(metrics, SHORT).mapreduce_jobs, 0);
    ck_assert_uint_eq(scheduler_scope(metrics, SERVICE).mapreduce_jobs, 0);
    metrics_destroy(metrics);
}
END_TEST

/* A job with optional tasks that has got enough: claims in conflict, but no conflict. */
START_TEST(test_enough)
{
    struct metrics *metrics = create();
    struct metrics_attempt attempt = attempt_of(BATCH, LONG, 200, 250);
    attempt.claims = 5;
    attempt.result = (struct omega_result){.accepted = 3, .conflicts = 2};
    metrics_attempt(metrics, &attempt, 200);
    attempt.start_us = 300;
    attempt.end_us = 370;
    attempt.enough = true;
    metrics_attempt(metrics, &attempt, 200);
    metrics_finish(metrics, 1100);
    struct metrics_scope scope = scheduler_scope(metrics, BATCH);
    ck_assert_uint_eq(scope.transactions, 2);
    ck_assert_uint_eq(scope.transactions_conflicting, 1);
    ck_assert_uint_eq(scope.transactions_successful, 1);
    ck_assert_uint_eq(scope.claims_conflicting, 4);
    ck_assert_int_eq(scope.busy_conflicting_us, 50);
    ck_assert_int_eq(scope.busy_useful_us, 70);
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_submitted_and_tasks)
{
    struct metrics *metrics = create();
    metrics_submitted(metrics, BATCH, SHORT, 99, 1000); /* in the warm-up: not counted */
    metrics_submitted(metrics, BATCH, SHORT, 100, 10);
    metrics_submitted(metrics, BATCH, LONG, 200, 20);
    metrics_submitted(metrics, SERVICE, LONG, 300, 40);
    metrics_optional(metrics, BATCH, LONG, 99, 1000);
    metrics_optional(metrics, BATCH, LONG, 200, 3);
    metrics_tasks(metrics, BATCH, SHORT, 99, METRICS_JOB_FINISHED, 1000);
    metrics_tasks(metrics, BATCH, SHORT, 100, METRICS_JOB_FINISHED, 6);
    metrics_tasks(metrics, BATCH, SHORT, 100, METRICS_JOB_FAILED, 4);
    metrics_tasks(metrics, BATCH, LONG, 200, METRICS_JOB_FINISHED, 11);
    metrics_tasks(metrics, BATCH, LONG, 200, METRICS_JOB_ABANDONED, 12);
    metrics_tasks(metrics, SERVICE, LONG, 300, METRICS_JOB_RUNNING, 33);
    metrics_tasks(metrics, SERVICE, LONG, 300, METRICS_JOB_PENDING, 7);
    metrics_finish(metrics, 1100);

    struct metrics_scope batch = scheduler_scope(metrics, BATCH);
    ck_assert_uint_eq(batch.jobs_submitted, 2);
    ck_assert_uint_eq(batch.tasks_submitted, 33);
    ck_assert_uint_eq(batch.tasks_finished, 17);
    ck_assert_uint_eq(batch.tasks_failed, 4);
    ck_assert_uint_eq(batch.tasks_abandoned, 12);
    ck_assert_uint_eq(batch.tasks_submitted,
                      batch.tasks_finished + batch.tasks_failed + batch.tasks_abandoned);
    struct metrics_scope last = workload_scope(metrics, LONG);
    ck_assert_uint_eq(last.jobs_submitted, 2);
    ck_assert_uint_eq(last.tasks_submitted, 63);
    ck_assert_uint_eq(last.tasks_finished, 11);
    ck_assert_uint_eq(last.tasks_running, 33);
    ck_assert_uint_eq(last.tasks_pending, 7);
    ck_assert_uint_eq(last.tasks_abandoned, 12);
    metrics_destroy(metrics);
}
END_TEST

/* Six attempts of 10 us or more on batch/short, one of each kind and one short of its gang. */
static void tell_attempts(struct metrics *metrics)
{
    struct metrics_attempt a = attempt_of(BATCH, SHORT, 200, 210); /* successful */
    a.claims = 5;
    a.result = (struct omega_result){.version = 1, .accepted = 5};
    a.view_age_us = 10;
    a.view_age_versions = 3;
    metrics_attempt(metrics, &a, 150);

    a = attempt_of(BATCH, SHORT, 210, 230); /* conflicting, though most is accepted */
    a.instance = 1;
    a.claims = 10;
    a.result = (struct omega_result){.accepted = 7, .conflicts = 2, .refused = 1};
    a.view_age_us = 20;
    a.view_age_versions = 7;
    metrics_attempt(metrics, &a, 180);

    a.attempt = 2; /* conflicting: all fall; had there been no conflict it would not have been */
    a.redone = true;
    a.start_us = 300;
    a.end_us = 330;
    a.claims = 4;
    a.result = (struct omega_result){.conflicts = 1, .aborted = 3};
    metrics_attempt(metrics, &a, 180);

    a.attempt = 3; /* refused: nothing accepted, nothing in conflict */
    a.redone = false;
    a.start_us = 400;
    a.end_us = 440;
    a.claims = 2;
    a.result = (struct omega_result){.refused = 1, .aborted = 1};
    metrics_attempt(metrics, &a, 180);

    a.attempt = 4; /* no-fit, and not needed but for conflicts */
    a.redone = true;
    a.start_us = 500;
    a.end_us = 550;
    a.claims = 0;
    a.result = (struct omega_result){0};
    metrics_attempt(metrics, &a, 180);

    a.attempt = 5; /* found some, too few to send */
    a.redone = false;
    a.start_us = 600;
    a.end_us = 660;
    a.claims = 3;
    a.gang_short = true;
    metrics_attempt(metrics, &a, 180);
}

START_TEST(test_attempts)
{
    struct metrics *metrics = create();
    tell_attempts(metrics);
    metrics_finish(metrics, 1100);
    struct metrics_scope scopes[2] = {scheduler_scope(metrics, BATCH),
                                      workload_scope(metrics, SHORT)};
    for (int i = 0; i < 2; i++) {
        const struct metrics_scope *scope = &scopes[i];
        ck_assert_uint_eq(scope->attempts, 6);
        ck_assert_uint_eq(scope->attempts_no_fit, 1);
        ck_assert_uint_eq(scope->attempts_short, 1);
        ck_assert_uint_eq(scope->transactions, 4);
        ck_assert_uint_eq(scope->transactions_successful, 1);
        ck_assert_uint_eq(scope->transactions_conflicting, 2);
        ck_assert_uint_eq(scope->transactions_refused, 1);
        ck_assert_uint_eq(scope->claims, 21);
        ck_assert_uint_eq(scope->claims_accepted, 12);
        ck_assert_uint_eq(scope->claims_conflicting, 3);
        ck_assert_uint_eq(scope->claims_refused, 2);
        ck_assert_uint_eq(scope->claims_aborted, 4);
        ck_assert_int_eq(scope->busy_us, 210);
        ck_assert_int_eq(scope->busy_no_fit_us, 110);
        ck_assert_int_eq(scope->busy_conflicting_us, 50);
        ck_assert_int_eq(scope->busy_useful_us, 10);
        ck_assert_int_eq(scope->busy_refused_us, 40);
        ck_assert_int_eq(metrics_busy_wasted(scope), 90);
        ck_assert_int_eq(scope->busy_cut_us, 0);
        ck_assert_int_eq(scope->busy_redone_us, 30 + 50);
        ck_assert_uint_eq(histogram_count(scope->view_age), 4);
        ck_assert_int_eq(histogram_max(scope->view_age), 20);
        ck_assert(histogram_mean(scope->view_age) == 17.5);
        ck_assert_uint_eq(histogram_count(scope->view_age_versions), 4);
        ck_assert(histogram_mean(scope->view_age_versions) == 6);
        ck_assert_uint_eq(histogram_count(scope->wait_first), 2);
        ck_assert(histogram_mean(scope->wait_first) == 40); /* 50 and 30 */
        ck_assert(metrics_conflict_fraction(scope) == 2);
        ck_assert(metrics_claim_conflict_fraction(scope) == 3.0 / 21);
    }
    ck_assert_int_eq(scopes[0].instance_busy_us[0], 10);
    ck_assert_int_eq(scopes[0].instance_busy_us[1], 200);
    ck_assert(metrics_busyness(&scopes[0], 1000) == 210.0 / 2000);
    ck_assert(metrics_busyness_no_conflicts(&scopes[0], 1000) == 130.0 / 2000);
    ck_assert(isnan(metrics_busyness_no_conflicts(&scopes[1], 1000)));
    ck_assert_uint_eq(scheduler_scope(metrics, SERVICE).attempts, 0);
    ck_assert_uint_eq(workload_scope(metrics, LONG).attempts, 0);
    metrics_destroy(metrics);
}
END_TEST

/* Busy time is an integral and is cut at both ends; attempts belong where they began. */
START_TEST(test_attempts_in_the_warm_up)
{
    struct metrics *metrics = create();
    struct metrics_attempt a = attempt_of(SERVICE, LONG, 20, 80); /* before its end */
    a.claims = 1;
    a.result.conflicts = 1;
    metrics_attempt(metrics, &a, 10);
    a = attempt_of(SERVICE, LONG, 80, 150); /* across it: 50 are measured */
    a.claims = 1;
    a.result.conflicts = 1;
    metrics_attempt(metrics, &a, 10);
    a = attempt_of(SERVICE, SHORT, 90, 105); /* the same without a claim */
    metrics_attempt(metrics, &a, 10);
    a = attempt_of(SERVICE, LONG, 160, 170); /* measured, but its job was submitted before */
    a.claims = 1;
    a.result.accepted = 1;
    metrics_attempt(metrics, &a, 90);
    metrics_finish(metrics, 1100);
    struct metrics_scope scope = scheduler_scope(metrics, SERVICE);
    ck_assert_uint_eq(scope.attempts, 1);
    ck_assert_uint_eq(scope.transactions, 1);
    ck_assert_uint_eq(scope.transactions_conflicting, 0);
    ck_assert_int_eq(scope.busy_us, 50 + 5 + 10);
    ck_assert_int_eq(scope.busy_useful_us, 10);
    ck_assert_int_eq(scope.busy_conflicting_us, 50);
    ck_assert_int_eq(scope.busy_no_fit_us, 5);
    ck_assert_uint_eq(histogram_count(scope.wait_first), 0);
    ck_assert_int_eq(workload_scope(metrics, LONG).busy_us, 60);
    ck_assert_int_eq(workload_scope(metrics, SHORT).busy_us, 5);
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_attempts_at_the_horizon)
{
    struct metrics *metrics = create();
    struct metrics_attempt a = attempt_of(SERVICE, LONG, 1000, 5000); /* a job's first */
    metrics_attempt_cut(metrics, &a, 900);
    a.attempt = 2;
    a.start_us = 1090;
    a.redone = true;
    metrics_attempt_cut(metrics, &a, 900);
    metrics_finish(metrics, 1100);
    struct metrics_scope scope = scheduler_scope(metrics, SERVICE);
    ck_assert_uint_eq(scope.attempts, 0);
    ck_assert_uint_eq(scope.attempts_no_fit, 0);
    ck_assert_int_eq(scope.busy_us, 100 + 10);
    ck_assert_int_eq(scope.busy_cut_us, 100 + 10); /* what it would have come to is not known */
    ck_assert_int_eq(scope.busy_redone_us, 10);
    ck_assert_int_eq(scope.busy_no_fit_us, 0);
    ck_assert_int_eq(scope.instance_busy_us[0], 110);
    ck_assert_uint_eq(histogram_count(scope.wait_first), 1);
    ck_assert_int_eq(histogram_max(scope.wait_first), 100);
    metrics_destroy(metrics);
}
END_TEST

/* Two schedulers share a workload, and one has two: each scope is the sum of its parts. */
START_TEST(test_scopes_are_sums)
{
    struct metrics *metrics = create();
    static const struct {
        uint32_t scheduler;
        uint32_t workload;
        int64_t waited_us;
    } parts[] = {{BATCH, SHORT, 1}, {BATCH, LONG, 20}, {SERVICE, LONG, 300}};
    for (int i = 0; i < 3; i++) {
        struct metrics_attempt a = attempt_of(parts[i].scheduler, parts[i].workload, 500, 510);
        metrics_attempt(metrics, &a, 500 - parts[i].waited_us);
    }
    struct metrics_scope scope = scheduler_scope(metrics, BATCH);
    ck_assert_uint_eq(scope.attempts, 0); /* not before the end */
    metrics_finish(metrics, 1100);
    scope = scheduler_scope(metrics, BATCH);
    ck_assert_uint_eq(scope.attempts, 2);
    ck_assert(histogram_mean(scope.wait_first) == 10.5);
    scope = workload_scope(metrics, LONG);
    ck_assert_uint_eq(scope.attempts, 2);
    ck_assert(histogram_mean(scope.wait_first) == 160);
    ck_assert_uint_eq(scheduler_scope(metrics, SERVICE).attempts, 1);
    ck_assert_uint_eq(workload_scope(metrics, SHORT).attempts, 1);
    metrics_destroy(metrics);
}
END_TEST

static struct metrics_job job_of(uint64_t id, int64_t submitted_us, int64_t first_us,
                                 int64_t full_us, enum metrics_job_outcome outcome)
{
    return (struct metrics_job){
        .job = id,
        .workload = SHORT,
        .scheduler = BATCH,
        .submitted_us = submitted_us,
        .first_attempt_us = first_us,
        .fully_scheduled_us = full_us,
        .attempts = first_us < 0 ? 0 : (uint32_t)id,
        .queued_us = 10 * (int64_t)id,
        .outcome = (uint8_t)outcome,
    };
}

START_TEST(test_jobs_and_censoring)
{
    struct metrics_config config = base_config();
    config.jobs = true;
    struct metrics *metrics = metrics_create(&config);
    struct metrics_job jobs[] = {
        job_of(9, 50, -1, -1, METRICS_JOB_PENDING), /* submitted in the warm-up */
        job_of(1, 100, 110, 150, METRICS_JOB_FINISHED),
        job_of(2, 200, 210, 260, METRICS_JOB_RUNNING),
        job_of(3, 300, 310, -1, METRICS_JOB_PENDING),
        job_of(4, 400, -1, -1, METRICS_JOB_PENDING),
        job_of(5, 500, 510, -1, METRICS_JOB_ABANDONED),
        job_of(6, 600, 610, -1, METRICS_JOB_FAILED),
    };
    struct metrics_attempt a = attempt_of(BATCH, SHORT, 0, 0);
    for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        if (jobs[i].first_attempt_us >= 0) {
            a.start_us = jobs[i].first_attempt_us;
            a.end_us = a.start_us + 1;
            metrics_attempt(metrics, &a, jobs[i].submitted_us);
        }
        if (jobs[i].fully_scheduled_us >= 0) {
            metrics_fully_scheduled(metrics, BATCH, SHORT, jobs[i].submitted_us,
                                    jobs[i].fully_scheduled_us);
        }
        metrics_job(metrics, &jobs[i]);
    }
    metrics_fully_scheduled(metrics, BATCH, SHORT, 50, 1050); /* in the warm-up: not counted */
    metrics_finish(metrics, 1100);

    struct metrics_scope scopes[2] = {scheduler_scope(metrics, BATCH),
                                      workload_scope(metrics, SHORT)};
    for (int i = 0; i < 2; i++) {
        const struct metrics_scope *scope = &scopes[i];
        static const uint64_t outcomes[] = {1, 1, 2, 1, 1};
        for (int o = 0; o <= METRICS_JOB_FAILED; o++) {
            ck_assert_uint_eq(scope->jobs_by_outcome[o], outcomes[o]);
        }
        ck_assert_uint_eq(histogram_count(scope->wait_first), 6);
        ck_assert_uint_eq(histogram_censored(scope->wait_first), 1);
        ck_assert(histogram_mean(scope->wait_first) == (5 * 10 + 700) / 6.0);
        /* all but job 4 have begun: 1 + 2 + 3 + 5 + 6 attempts */
        ck_assert_uint_eq(scope->jobs_begun, 5);
        ck_assert_uint_eq(scope->attempts_begun, 17);
        ck_assert(metrics_attempts_per_job(scope) == 17.0 / 5);
        ck_assert_uint_eq(histogram_count(scope->wait_full), 6);
        ck_assert_uint_eq(histogram_censored(scope->wait_full), 4);
        ck_assert(histogram_mean(scope->wait_full) == (50 + 60 + 800 + 700 + 600 + 500) / 6.0);
        /* all but job 4 have begun: 10 + 20 + 30 + 50 + 60 */
        ck_assert_uint_eq(histogram_count(scope->queued), 5);
        ck_assert_uint_eq(histogram_censored(scope->queued), 0);
        ck_assert(histogram_mean(scope->queued) == 170 / 5.0);
        ck_assert_int_eq(histogram_max(scope->queued), 60);
        /* of jobs 1, 2 (fully scheduled) and 5 (abandoned) */
        ck_assert_uint_eq(histogram_count(scope->attempts_settled), 3);
        ck_assert_int_eq(histogram_max(scope->attempts_settled), 5);
        bool censored = false;
        ck_assert_int_eq(histogram_quantile(scope->wait_first, 5.0 / 6, &censored), 10);
        ck_assert(!censored);
        ck_assert_int_eq(histogram_quantile(scope->wait_first, 0.99, &censored), 700);
        ck_assert(censored);
    }
    ck_assert_uint_eq(metrics_read_job(metrics, 0)->job, 1);
    ck_assert_uint_eq(metrics_read_job(metrics, 5)->job, 6);
    ck_assert_int_eq(metrics_read_job(metrics, 5)->first_attempt_us, 610);
    ck_assert_ptr_null(metrics_read_job(metrics, 6));
    metrics_destroy(metrics);
}
END_TEST

/* 2,000 jobs come one a second; the only attempt lasts beyond the horizon of 2,000 s. Nearly all of
 * them still wait, and what they have waited by then says how long the waits are at least. */
START_TEST(test_waits_of_an_overloaded_scheduler)
{
    struct metrics_config config = base_config();
    config.warmup_us = 0;
    config.horizon_us = INT64_C(2000000000);
    struct metrics *metrics = metrics_create(&config);
    for (uint64_t i = 0; i < 2000; i++) {
        int64_t submitted = (int64_t)i * 1000000;
        struct metrics_job job = job_of(i + 1, submitted, -1, -1, METRICS_JOB_PENDING);
        if (i == 0) {
            struct metrics_attempt a = attempt_of(BATCH, SHORT, 0, 0);
            metrics_attempt_cut(metrics, &a, 0);
            job.first_attempt_us = 0;
            job.attempts = 1;
        }
        metrics_job(metrics, &job);
    }
    metrics_finish(metrics, config.horizon_us);
    struct metrics_scope scope = scheduler_scope(metrics, BATCH);
    bool censored = false;
    ck_assert_uint_eq(histogram_count(scope.wait_first), 2000);
    ck_assert_uint_eq(histogram_censored(scope.wait_first), 1999);
    /* 0, and 1 to 1,999 s */
    ck_assert_double_eq_tol(histogram_mean(scope.wait_first) / 1e6, 999.5, 1e-9);
    double p90 = (double)histogram_quantile(scope.wait_first, 0.9, &censored) / 1e6;
    ck_assert(censored);
    ck_assert_double_eq_tol(p90, 1799, 1);
    ck_assert_int_eq(histogram_max(scope.wait_first), INT64_C(1999000000));
    ck_assert(metrics_attempts_per_job(&scope) == 1);
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_many_job_records)
{
    struct metrics_config config = base_config();
    config.jobs = true;
    struct metrics *metrics = metrics_create(&config);
    for (uint64_t id = 5000; id >= 1; id--) { /* told as they end, read by job */
        struct metrics_job job = job_of(id, 100, 100, 100, METRICS_JOB_FINISHED);
        metrics_job(metrics, &job);
    }
    ck_assert_uint_eq(metrics_read_job(metrics, 0)->job, 5000);
    metrics_finish(metrics, 1100);
    for (uint64_t id = 1; id <= 5000; id++) {
        ck_assert_uint_eq(metrics_read_job(metrics, id - 1)->job, id);
    }
    ck_assert_ptr_null(metrics_read_job(metrics, 5000));
    ck_assert_int_eq(metrics_status(metrics), 0);
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_histograms_off)
{
    struct metrics_config config = base_config();
    config.histograms = false;
    struct metrics *metrics = metrics_create(&config);
    tell_attempts(metrics);
    struct metrics_job job = job_of(1, 100, -1, -1, METRICS_JOB_PENDING);
    metrics_job(metrics, &job);
    metrics_finish(metrics, 1100);
    struct metrics_scope scope = scheduler_scope(metrics, BATCH);
    ck_assert_uint_eq(scope.attempts, 6);
    ck_assert_uint_eq(histogram_count(scope.wait_first), 0);
    ck_assert_uint_eq(histogram_count(scope.view_age), 0);
    ck_assert_ptr_null(metrics_read_job(metrics, 0)); /* config.jobs is off */
    metrics_destroy(metrics);
}
END_TEST

/* ---- the sum over schedulers is the sum over workloads, figure by figure ---- */

static void tell_anything(struct metrics *metrics, struct omega_random *random, uint64_t id)
{
    uint32_t scheduler = omega_random_below(random, 2);
    uint32_t workload = omega_random_below(random, 2);
    int64_t submitted = omega_random_below(random, 1000);
    struct metrics_attempt a =
        attempt_of(scheduler, workload, submitted + omega_random_below(random, 50), 0);
    a.end_us = a.start_us + omega_random_below(random, 50);
    a.claims = omega_random_below(random, 5);
    a.gang_short = omega_random_below(random, 8) == 0;
    a.result.accepted = omega_random_below(random, a.claims + 1);
    a.result.conflicts = omega_random_below(random, a.claims - a.result.accepted + 1);
    a.result.refused = a.claims - a.result.accepted - a.result.conflicts;
    a.result.aborted = id % 3 == 0 ? a.result.refused : 0;
    a.result.refused -= a.result.aborted;
    a.redone = id % 4 == 0;
    a.view_age_us = a.end_us - a.start_us;
    a.view_age_versions = omega_random_below(random, 9);
    struct metrics_job job = job_of(id, submitted, a.start_us, a.end_us,
                                    (enum metrics_job_outcome)(omega_random_below(random, 5)));
    job.scheduler = scheduler;
    job.workload = workload;
    metrics_submitted(metrics, scheduler, workload, submitted, 7);
    metrics_tasks(metrics, scheduler, workload, submitted, (enum metrics_job_outcome)job.outcome,
                  7);
    if (omega_random_below(random, 5) == 0) {
        job.first_attempt_us = -1;
        job.fully_scheduled_us = -1;
        job.attempts = 0;
    } else if (omega_random_below(random, 8) == 0) {
        metrics_attempt_cut(metrics, &a, submitted);
    } else {
        metrics_attempt(metrics, &a, submitted);
        metrics_fully_scheduled(metrics, scheduler, workload, submitted, a.end_us);
    }
    metrics_job(metrics, &job);
}

/* The difference, which must be 0 for each figure, and how much there was of it, which must not. */
struct balance {
    double difference;
    double amount;
};

#define FIGURES_MAX 64

static void weigh(struct balance *balances, const struct metrics_scope *scope, double sign)
{
    const struct histogram *const histograms[] = {scope->wait_first, scope->wait_full,
                                                  scope->queued,     scope->attempts_settled,
                                                  scope->view_age,   scope->view_age_versions};
    double figures[FIGURES_MAX] = {
        (double)scope->jobs_submitted,
        (double)scope->jobs_begun,
        (double)scope->tasks_submitted,
        (double)scope->tasks_pending,
        (double)scope->tasks_running,
        (double)scope->tasks_finished,
        (double)scope->tasks_failed,
        (double)scope->tasks_abandoned,
        (double)scope->attempts_begun,
        (double)scope->attempts,
        (double)scope->attempts_no_fit,
        (double)scope->attempts_short,
        (double)scope->transactions,
        (double)scope->transactions_successful,
        (double)scope->transactions_conflicting,
        (double)scope->transactions_refused,
        (double)scope->claims,
        (double)scope->claims_accepted,
        (double)scope->claims_conflicting,
        (double)scope->claims_refused,
        (double)scope->claims_aborted,
        (double)scope->busy_us,
        (double)scope->busy_no_fit_us,
        (double)scope->busy_conflicting_us,
        (double)scope->busy_useful_us,
        (double)scope->busy_refused_us,
        (double)scope->busy_cut_us,
        (double)scope->busy_redone_us,
    };
    int count = 28;
    for (int o = 0; o <= METRICS_JOB_FAILED; o++) {
        figures[count++] = (double)scope->jobs_by_outcome[o];
    }
    for (int h = 0; h < 6; h++) {
        double size = (double)histogram_count(histograms[h]);
        figures[count++] = size;
        figures[count++] = floor(histogram_mean(histograms[h]) * size + 0.5);
    }
    figures[count++] = (double)histogram_censored(scope->wait_first);
    figures[count++] = (double)histogram_censored(scope->wait_full);
    for (int f = 0; f < count; f++) {
        balances[f].difference += sign * figures[f];
        balances[f].amount += figures[f];
    }
}

START_TEST(test_all_figures_sum_up)
{
    struct metrics *metrics = create();
    struct omega_random random;
    struct balance balances[FIGURES_MAX] = {{0, 0}};
    omega_random_init(&random, 7, "scopes", 0);
    for (uint64_t id = 1; id <= 3000; id++) {
        tell_anything(metrics, &random, id);
    }
    metrics_finish(metrics, 1100);
    for (uint32_t i = 0; i < 2; i++) {
        struct metrics_scope scheduler = scheduler_scope(metrics, i);
        struct metrics_scope workload = workload_scope(metrics, i);
        weigh(balances, &scheduler, 1);
        weigh(balances, &workload, -1);
        int64_t by_instance = 0;
        for (uint32_t n = 0; n < scheduler.instances; n++) {
            by_instance += scheduler.instance_busy_us[n];
        }
        ck_assert_int_eq(by_instance, scheduler.busy_us);
        ck_assert_uint_eq(scheduler.attempts, scheduler.attempts_no_fit + scheduler.attempts_short +
                                                  scheduler.transactions);
        ck_assert_uint_eq(histogram_count(scheduler.view_age), scheduler.transactions);
        ck_assert_uint_eq(histogram_count(scheduler.wait_first), scheduler.jobs_submitted);
    }
    for (int f = 0; f < 24 + 5 + 10 + 2; f++) {
        ck_assert_msg(balances[f].difference == 0, "figure %d differs by %g", f,
                      balances[f].difference);
        ck_assert_msg(balances[f].amount > 0, "figure %d was never told", f);
    }
    metrics_destroy(metrics);
}
END_TEST

/* Half of 8 cores from 0 to 300, all of them to 700, then 4 of 16: measured from 100 to 1,100. */
START_TEST(test_integrals)
{
    struct metrics *metrics = create();
    struct store_totals totals = {
        .cpu_used_milli = 4000,
        .mem_used_mib = 10,
        .cpu_capacity_milli = 8000,
        .mem_capacity_mib = 100,
    };
    metrics_totals(metrics, 0, &totals);
    totals.cpu_used_milli = 8000;
    totals.mem_used_mib = 20;
    metrics_totals(metrics, 300, &totals);
    totals.cpu_used_milli = 4000;
    totals.cpu_capacity_milli = 16000;
    totals.mem_used_mib = 0;
    metrics_totals(metrics, 700, &totals);
    metrics_finish(metrics, 1100);
    struct metrics_cell cell;
    metrics_read_cell(metrics, &cell);
    double used = 4000.0 * 200 + 8000.0 * 400 + 4000.0 * 400;
    double capacity = 8000.0 * 600 + 16000.0 * 400;
    ck_assert(cell.cpu_utilisation == used / capacity);
    ck_assert(cell.mem_utilisation == (10.0 * 200 + 20.0 * 400) / (100.0 * 1000));
    ck_assert(cell.gpu_utilisation == 0);
    ck_assert_int_eq(cell.final.cpu_used_milli, 4000);
    ck_assert_int_eq(cell.final.cpu_capacity_milli, 16000);
    metrics_destroy(metrics);
}
END_TEST

/* Products beyond 64 bits: a cell of 10^15 milli-GPU for 10^13 us. */
START_TEST(test_integrals_are_wide)
{
    struct metrics_config config = base_config();
    config.warmup_us = 0;
    config.horizon_us = INT64_C(10000000000000);
    struct metrics *metrics = metrics_create(&config);
    struct store_totals totals = {
        .gpu_used_milli = INT64_C(250000000000000),
        .gpu_capacity_milli = INT64_C(1000000000000000),
    };
    metrics_totals(metrics, 0, &totals);
    metrics_finish(metrics, config.horizon_us);
    struct metrics_cell cell;
    metrics_read_cell(metrics, &cell);
    ck_assert(cell.gpu_utilisation == 0.25);
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_stopped_early)
{
    struct metrics *metrics = create();
    struct store_totals totals = {.cpu_used_milli = 1, .cpu_capacity_milli = 2};
    metrics_totals(metrics, 0, &totals);
    metrics_finish(metrics, 350);
    struct metrics_cell cell;
    metrics_read_cell(metrics, &cell);
    ck_assert_int_eq(cell.measured_us, 250);
    ck_assert(cell.cpu_utilisation == 0.5);
    metrics_destroy(metrics);

    metrics = create();
    metrics_finish(metrics, 50); /* still warming up */
    metrics_read_cell(metrics, &cell);
    ck_assert_int_eq(cell.measured_us, 0);
    struct metrics_scope scope = scheduler_scope(metrics, BATCH);
    ck_assert(isnan(metrics_busyness(&scope, cell.measured_us)));
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_whole_run_counts)
{
    struct metrics *metrics = create();
    metrics_event(metrics);
    metrics_event(metrics);
    metrics_losses(metrics, 3);
    metrics_losses(metrics, 4);
    metrics_machine_event(metrics, OMEGA_EVENT_ADD);
    metrics_machine_event(metrics, OMEGA_EVENT_CAPACITY);
    metrics_machine_event(metrics, OMEGA_EVENT_CAPACITY);
    struct metrics_cell cell;
    metrics_read_cell(metrics, &cell);
    ck_assert_uint_eq(cell.events, 2);
    ck_assert_uint_eq(cell.losses, 7);
    ck_assert_uint_eq(cell.machine_events[OMEGA_EVENT_ADD], 1);
    ck_assert_uint_eq(cell.machine_events[OMEGA_EVENT_REMOVE], 0);
    ck_assert_uint_eq(cell.machine_events[OMEGA_EVENT_CAPACITY], 2);
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_counters)
{
    struct metrics *metrics = create();
    const char *name = NULL;
    int64_t value = 0;
    ck_assert(!metrics_read_counter(metrics, BATCH, 0, &name, &value));
    ck_assert(metrics_count(metrics, BATCH, "probes", 5));
    ck_assert(metrics_count(metrics, BATCH, "scans", 1));
    ck_assert(metrics_count(metrics, BATCH, "probes", -7));
    ck_assert(metrics_count(metrics, SERVICE, "probes", 100));
    ck_assert(metrics_read_counter(metrics, BATCH, 0, &name, &value));
    ck_assert_str_eq(name, "probes");
    ck_assert_int_eq(value, -2);
    ck_assert(metrics_read_counter(metrics, BATCH, 1, &name, &value));
    ck_assert_str_eq(name, "scans");
    ck_assert_int_eq(value, 1);
    ck_assert(!metrics_read_counter(metrics, BATCH, 2, &name, &value));

    ck_assert(metrics_count(metrics, BATCH, "a_name_of_31_letters_abcdefghij", 1));
    ck_assert(!metrics_count(metrics, BATCH, "a_name_of_32_letters_abcdefghijk", 1));
    char text[16];
    for (int i = 3; i < METRICS_COUNTERS_MAX; i++) {
        snprintf(text, sizeof(text), "name_%d", i);
        ck_assert(metrics_count(metrics, BATCH, text, i));
    }
    ck_assert(!metrics_count(metrics, BATCH, "one_too_many", 1));
    ck_assert(metrics_count(metrics, BATCH, "name_40", 2));
    ck_assert(metrics_read_counter(metrics, BATCH, 40, &name, &value));
    ck_assert_str_eq(name, "name_40");
    ck_assert_int_eq(value, 42);

    ck_assert(metrics_count(metrics, SERVICE, "big", INT64_MAX));
    ck_assert(metrics_count(metrics, SERVICE, "big", 1)); /* stays at the limit */
    ck_assert(metrics_read_counter(metrics, SERVICE, 1, &name, &value));
    ck_assert_int_eq(value, INT64_MAX);
    metrics_destroy(metrics);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "names and empty", test_names_and_empty);
    check_case(suite, "submitted and tasks", test_submitted_and_tasks);
    check_case(suite, "speed-ups", test_speedups);
    check_case(suite, "enough", test_enough);
    check_case(suite, "attempts", test_attempts);
    check_case(suite, "attempts in the warm-up", test_attempts_in_the_warm_up);
    check_case(suite, "attempts at the horizon", test_attempts_at_the_horizon);
    check_case(suite, "scopes are sums", test_scopes_are_sums);
    check_case(suite, "jobs and censoring", test_jobs_and_censoring);
    check_case(suite, "waits of an overloaded scheduler", test_waits_of_an_overloaded_scheduler);
    check_case(suite, "many job records", test_many_job_records);
    check_case(suite, "all figures sum up", test_all_figures_sum_up);
    check_case(suite, "histograms off", test_histograms_off);
    check_case(suite, "integrals", test_integrals);
    check_case(suite, "integrals are wide", test_integrals_are_wide);
    check_case(suite, "stopped early", test_stopped_early);
    check_case(suite, "whole run counts", test_whole_run_counts);
    check_case(suite, "counters", test_counters);
}

CHECK_MAIN("metrics", add_cases)
