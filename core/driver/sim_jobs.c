/* SPDX-License-Identifier: MIT */
/* Jobs in the simulator: arrivals, queues, attempts and commits, until nothing of one is left. */
#include <stddef.h>

#include "core/driver/simulate_private.h"
#include "core/metrics/conflicts.h"

/* ---- the life of a job ---- */

void sim_tell_job(struct simulation *sim, struct run_job *job, enum metrics_job_outcome outcome)
{
    if (job->reported) {
        return;
    }
    job->reported = true;
    bool mapreduce = omega_job_is_mapreduce(job->job);
    struct metrics_job record = {
        .job = job->job->id,
        .workload = job->job->workload,
        .scheduler = job->runner->scheduler,
        .submitted_us = job->job->submit_us,
        .first_attempt_us = job->first_attempt_us,
        .fully_scheduled_us = job->fully_scheduled_us,
        .queued_us = job->queued_us,
        .attempts = job->attempts,
        .task_attempts = job->task_attempts,
        .conflicts = job->conflicts,
        .tasks = job->job->tasks,
        .placed = job->placements,
        .unplaced = job->unplaced + job->given_up,
        .outcome = (uint8_t)outcome,
        .mapreduce = mapreduce,
        .asked_us = mapreduce ? omega_job_duration(job->job) : 0,
        .given_us = job->given_us,
    };
    metrics_job(sim->metrics, &record);
}

void sim_release_hold(struct simulation *sim, struct run_job *job)
{
    if (--job->holds == 0) {
        run_job_destroy(job, &sim->spare_jobs);
    }
}

/* Lets a job go when nothing of it waits or runs any more. */
void sim_let_go_if_done(struct simulation *sim, struct run_job *job)
{
    if (job->waiting || job->running > 0) {
        return;
    }
    enum metrics_job_outcome outcome = METRICS_JOB_FINISHED;
    if (job->abandoned) {
        outcome = METRICS_JOB_ABANDONED;
    } else if (job->failed > 0) {
        outcome = METRICS_JOB_FAILED;
    }
    sim_tell_job(sim, job, outcome);
    if (sim->machines_change) {
        map_remove(&sim->jobs, job->job->id);
    }
    *(job->live_previous == NULL ? &sim->live_first : &job->live_previous->live_next) =
        job->live_next;
    *(job->live_next == NULL ? &sim->live_last : &job->live_next->live_previous) =
        job->live_previous;
    sim_release_hold(sim, job);
}

void sim_tell_tasks(struct simulation *sim, const struct run_job *job,
                    enum metrics_job_outcome outcome, uint32_t tasks)
{
    metrics_tasks(sim->metrics, job->runner->scheduler, job->job->workload, job->job->submit_us,
                  outcome, tasks);
}

/* ---- queues ---- */

/* Makes an idle instance look at its queue at the end of this instant. */
static int wake(struct simulation *sim, struct runner *runner, omega_error_t *err)
{
    if (runner->awake || runner->first == NULL) {
        return OMEGA_OK;
    }
    runner->awake = true;
    return sim_push(sim, sim->now_us, EVENT_ATTEMPT, runner, err);
}

int sim_enqueue(struct simulation *sim, struct run_job *job, bool front, omega_error_t *err)
{
    struct runner *runner = job->runner;
    job->waiting = true;
    job->queued_since_us = sim->now_us;
    job->queue_next = front ? runner->first : NULL;
    if (front) {
        runner->last = runner->first == NULL ? job : runner->last;
        runner->first = job;
    } else {
        *(runner->first == NULL ? &runner->first : &runner->last->queue_next) = job;
        runner->last = job;
    }
    runner->queued++;
    metrics_queue(sim->metrics, sim->now_us, runner->scheduler, ++sim->queued[runner->scheduler]);
    return wake(sim, runner, err);
}

static struct run_job *dequeue(struct simulation *sim, struct runner *runner)
{
    struct run_job *job = runner->first;
    runner->first = job->queue_next;
    runner->last = runner->first == NULL ? NULL : runner->last;
    runner->queued--;
    run_job_prefetch(runner->first);
    metrics_queue(sim->metrics, sim->now_us, runner->scheduler, --sim->queued[runner->scheduler]);
    return job;
}

/* ---- arrivals ---- */

/* Fetches a source's next job and plans its arrival. */
int sim_fetch(struct simulation *sim, struct arrival *arrival, omega_error_t *err)
{
    const struct omega_job *job = NULL;
    int rc = job_source_next(arrival->source, &job, err);
    if (rc <= 0) {
        return rc;
    }
    if (job->submit_us > sim->config->horizon_us) {
        return OMEGA_OK;
    }
    arrival->next = run_job_create(job, 0, &sim->spare_jobs);
    if (arrival->next == NULL) {
        return sim_no_memory(err);
    }
    return sim_push(sim, job->submit_us, EVENT_ARRIVAL, arrival, err);
}

int sim_on_arrival(struct simulation *sim, struct arrival *arrival, omega_error_t *err)
{
    struct run_job *job = arrival->next;
    arrival->next = NULL;
    job->job->id = ++sim->submitted;
    uint32_t scheduler = sim->config->workloads[job->job->workload].scheduler;
    uint32_t number = assigner_next(&sim->assigner, job->job);
    job->runner = &sim->runners[sim->first_runner[scheduler] + number];
    if (sim->machines_change && map_put(&sim->jobs, job->job->id, job) != OMEGA_OK) {
        run_job_destroy(job, &sim->spare_jobs);
        return sim_no_memory(err);
    }
    job->live_previous = sim->live_last;
    *(sim->live_last == NULL ? &sim->live_first : &sim->live_last->live_next) = job;
    sim->live_last = job;
    int rc = eligibility_of(sim->eligibility, job, err);
    if (rc == OMEGA_OK) {
        rc = store_submit(sim->store, job->job, err);
    }
    if (rc == OMEGA_OK) {
        job->in_table = store_job_place(sim->store, job->job->id);
        metrics_submitted(sim->metrics, job->runner->scheduler, job->job->workload,
                          job->job->submit_us, job->job->tasks);
        sim_log_submission(sim, job->job);
        rc = sim_enqueue(sim, job, false, err);
    }
    return rc == OMEGA_OK ? sim_fetch(sim, arrival, err) : rc;
}

/* ---- attempts ---- */

int sim_on_attempt(struct simulation *sim, struct runner *runner, omega_error_t *err)
{
    runner->job = dequeue(sim, runner);
    int rc = attempt_begin(runner, sim->store, sim->now_us, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    runner->in_table = runner->job->in_table;
    sim_log_attempt(sim, runner);
    return sim_push(sim, sim_later(sim->now_us, runner->decision_us), EVENT_COMMIT, runner, err);
}

/* ---- commits ---- */

bool sim_redoes(const struct runner *runner)
{
    return runner->asked <= runner->job->taken;
}

/* Tells the metrics what became of the claims of an attempt, if anybody looks at it. */
static void tell_claims(struct simulation *sim, const struct runner *runner,
                        const struct metrics_attempt *attempt)
{
    const struct run_job *job = runner->job;
    if (runner->plan.count == 0 || runner->falls_short ||
        !metrics_looks_into(sim->metrics, attempt)) {
        return;
    }
    struct omega_transaction txn;
    attempt_planned(runner, &txn);
    struct metrics_commit commit = {
        .txn = &txn,
        .results = attempt_results(runner),
        .elastic = omega_job_is_elastic(job->job),
        /* what was accepted is not among the unplaced any more */
        .whole = runner->plan.count >= job->unplaced + attempt->result.accepted,
    };
    metrics_commit(sim->metrics, attempt, &commit);
}

static void tell_attempt(struct simulation *sim, const struct runner *runner,
                         const struct omega_result *result)
{
    const struct omega_job *job = runner->job->job;
    bool sent = runner->plan.count > 0 && !runner->falls_short;
    struct metrics_attempt attempt = {
        .scheduler = runner->scheduler,
        .instance = runner->number,
        .workload = job->workload,
        .attempt = runner->job->attempts,
        .start_us = runner->start_us,
        .end_us = sim->now_us,
        .claims = runner->plan.count,
        .gang_short = runner->falls_short,
        .redone = sim_redoes(runner),
        .enough = omega_job_is_elastic(job) && result->accepted > 0,
        .result = *result,
        .view_age_us = sim->now_us - runner->synced_us,
        /* versions that rivals made meanwhile: not the one of this commit itself */
        .view_age_versions =
            sent ? result->version - (result->accepted > 0) - runner->synced_version : 0,
    };
    metrics_attempt(sim->metrics, &attempt, job->submit_us);
    tell_claims(sim, runner, &attempt);
    runner->job->taken += metrics_claims_taken(result);
    runner->job->taken = runner->job->unplaced == 0 ? 0 : runner->job->taken;
}

/* Tells what the commit changed, in the order of the digest. */
static int tell_commit(struct simulation *sim, const struct runner *runner,
                       const struct omega_result *result, int64_t duration_us, omega_error_t *err)
{
    struct run_job *job = runner->job;
    if (runner->plan.count == 0 || runner->falls_short) {
        return OMEGA_OK;
    }
    if (metrics_wants_digest(sim->metrics)) {
        struct omega_transaction txn;
        attempt_planned(runner, &txn);
        metrics_digest_commit(sim->metrics, sim->now_us, &txn, attempt_results(runner), result);
    }
    if (result->accepted == 0) {
        return OMEGA_OK;
    }
    sim_tell_totals(sim);
    if (omega_job_is_elastic(job->job) && result->accepted > job->job->tasks) {
        metrics_optional(sim->metrics, runner->scheduler, job->job->workload, job->job->submit_us,
                         result->accepted - job->job->tasks);
    }
    if (job->unplaced == 0 && job->fully_scheduled_us < 0) {
        job->fully_scheduled_us = sim->now_us;
        metrics_fully_scheduled(sim->metrics, runner->scheduler, job->job->workload,
                                job->job->submit_us, sim->now_us);
    }
    return sim_plan_ends(sim, runner, result, duration_us, err);
}

static int abandon(struct simulation *sim, struct run_job *job, omega_error_t *err)
{
    uint32_t tasks = 0;
    int rc = store_abandon(sim->store, job->job->id, &tasks, NULL, err);
    job->abandoned = true;
    job->given_up = job->unplaced;
    job->unplaced = 0;
    sim_log_abandonment(sim, job->job->id, tasks);
    sim_tell_tasks(sim, job, METRICS_JOB_ABANDONED, tasks);
    return rc;
}

int sim_on_commit(struct simulation *sim, struct runner *runner, omega_error_t *err)
{
    struct run_job *job = runner->job;
    struct omega_result result;
    int64_t duration_us = 0;
    enum settlement settlement = SETTLED_DONE;
    int rc = OMEGA_OK;
    if (runner->config->place == RUN_PLACE_END) {
        rc = attempt_plan(runner, sim->store, sim->now_us, err);
    }
    if (rc == OMEGA_OK) {
        rc = attempt_end(runner, sim->store, &result, &duration_us, &settlement, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    tell_attempt(sim, runner, &result);
    sim_log_commit(sim, runner, &result, duration_us);
    rc = tell_commit(sim, runner, &result, duration_us, err);
    if (rc == OMEGA_OK && settlement == SETTLED_ABANDON) {
        rc = abandon(sim, job, err);
    }
    if (rc == OMEGA_OK && settlement == SETTLED_RETRY) {
        rc = sim_push(sim, sim_later(sim->now_us, (int64_t)job->retry_delay_us), EVENT_RETRY, job,
                      err);
    } else {
        job->waiting = false;
    }
    runner->job = NULL;
    runner->awake = false;
    if (rc == OMEGA_OK) {
        sim_let_go_if_done(sim, job);
        rc = wake(sim, runner, err);
    }
    return rc;
}

int sim_on_retry(struct simulation *sim, struct run_job *job, omega_error_t *err)
{
    sim_log_retry(sim, job->job->id);
    return sim_enqueue(sim, job, job->runner->config->retry.queue == RUN_QUEUE_FRONT, err);
}
