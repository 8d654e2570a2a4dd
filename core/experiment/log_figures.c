/* SPDX-License-Identifier: MIT */
/* Figures counted again from a run log: see log_figures.h. */
#include "core/experiment/log_figures.h"

#include <stdlib.h>

#include "core/metrics/conflicts.h"
#include "core/model/mapreduce.h"

struct log_figures {
    const struct runlog_opening *opening;
    struct metrics *metrics;
    uint32_t *queued; /* per scheduler: jobs in its queues */
};

static struct metrics *make_metrics(const struct runlog_opening *opening,
                                    const struct log_figures_options *options)
{
    const char **schedulers = calloc(opening->scheduler_count + 1u, sizeof *schedulers);
    const char **workloads = calloc(opening->workload_count + 1u, sizeof *workloads);
    uint32_t *instances = calloc(opening->scheduler_count + 1u, sizeof *instances);
    struct metrics *metrics = NULL;
    if (schedulers != NULL && workloads != NULL && instances != NULL) {
        for (uint32_t i = 0; i < opening->scheduler_count; i++) {
            schedulers[i] = opening->schedulers[i].name;
            instances[i] = opening->schedulers[i].instances;
        }
        for (uint32_t i = 0; i < opening->workload_count; i++) {
            workloads[i] = opening->workloads[i].name;
        }
        struct metrics_config config = {
            .schedulers = schedulers,
            .instances = instances,
            .scheduler_count = opening->scheduler_count,
            .workloads = workloads,
            .workload_count = opening->workload_count,
            .warmup_us = opening->warmup_us,
            .horizon_us = opening->horizon_us,
            .series_step_us = options->series_step_us,
            .fragmentation = options->fragmentation,
            .jobs = options->jobs,
            .histograms = true,
            .digest = true,
            .conflicts = true,
            .machines = options->machines,
            .refused = options->refused,
            .refused_context = options->refused_context,
            .counterfactuals = options->counterfactuals,
            .machine_count = opening->machine_count,
        };
        metrics = metrics_create(&config);
    }
    free((void *)schedulers);
    free((void *)workloads);
    free(instances);
    return metrics;
}

struct log_figures *log_figures_create(const struct runlog_opening *opening,
                                       const struct log_figures_options *options)
{
    struct log_figures *figures = calloc(1, sizeof *figures);
    if (figures == NULL) {
        return NULL;
    }
    figures->opening = opening;
    figures->metrics = make_metrics(opening, options);
    figures->queued = calloc(opening->scheduler_count + 1u, sizeof *figures->queued);
    if (figures->metrics == NULL || figures->queued == NULL) {
        log_figures_destroy(figures);
        return NULL;
    }
    return figures;
}

void log_figures_destroy(struct log_figures *figures)
{
    if (figures != NULL) {
        metrics_destroy(figures->metrics);
        free(figures->queued);
        free(figures);
    }
}

struct metrics *log_figures_metrics(struct log_figures *figures)
{
    return figures->metrics;
}

struct metrics *log_figures_take_metrics(struct log_figures *figures)
{
    struct metrics *metrics = figures->metrics;
    figures->metrics = NULL;
    return metrics;
}

void log_figures_begin(struct log_figures *figures, const struct runlog_check *check)
{
    metrics_totals(figures->metrics, 0, runlog_check_totals(check));
}

void log_figures_before(struct log_figures *figures, const struct runlog_check *check,
                        int64_t before_us)
{
    struct metrics_room room = {0};
    const struct omega_request *task = metrics_room_task(figures->metrics);
    if (metrics_room_due(figures->metrics) >= before_us) {
        return;
    }
    for (uint32_t m = 0; m < figures->opening->machine_count; m++) {
        struct omega_machine machine;
        runlog_check_machine(check, m, &machine);
        metrics_room_add(&room, &machine, task);
    }
    while (metrics_room_due(figures->metrics) < before_us) { /* nothing has changed in between */
        metrics_room(figures->metrics, &room);
    }
}

/* ---- attempts ---- */

static struct metrics_attempt attempt_of(const struct runlog_opening *opening,
                                         const struct runlog_check *check,
                                         const struct runlog_attempt *attempt,
                                         const struct runlog_job *job)
{
    uint32_t workload = job->job->workload;
    return (struct metrics_attempt){
        .scheduler = opening->workloads[workload].scheduler,
        .instance = runlog_check_instance(check, attempt->instance)->number,
        .workload = workload,
        .attempt = job->attempts,
        .redone = job->asked <= job->taken,
    };
}

static void add_attempt(struct metrics *metrics, const struct runlog_opening *opening,
                        const struct runlog_check *check, const struct runlog_record *record,
                        const struct runlog_effect *effect)
{
    struct metrics_attempt attempt = attempt_of(opening, check, &record->attempt, effect->job);
    bool sent = record->kind == RUNLOG_TRANSACTION;
    attempt.start_us = effect->start_us;
    attempt.end_us = record->time_us;
    attempt.claims = sent ? record->txn.claim_count : record->attempt.claims;
    attempt.gang_short = !sent && attempt.claims > 0;
    attempt.enough = effect->job->elastic && effect->result.accepted > 0;
    attempt.result = effect->result;
    attempt.view_age_us = record->time_us - record->attempt.synced_us;
    attempt.view_age_versions = record->version - record->changes - record->attempt.synced;
    metrics_attempt(metrics, &attempt, effect->job->job->submit_us);
    effect->job->taken += metrics_claims_taken(&effect->result);
    effect->job->taken = effect->job->pending == 0 ? 0 : effect->job->taken;
    effect->job->conflicts += effect->result.conflicts;
    effect->job->accepted += effect->result.accepted;
    if (sent) {
        struct metrics_commit commit = {
            .txn = &effect->txn,
            .results = record->results,
            .elastic = effect->job->elastic,
            .whole = effect->txn.claim_count >= effect->job->pending + effect->result.accepted,
        };
        metrics_commit(metrics, &attempt, &commit);
    }
}

static void add_transaction(struct metrics *metrics, const struct runlog_opening *opening,
                            const struct runlog_record *record, const struct runlog_effect *effect)
{
    const struct omega_job *job = effect->job->job;
    uint32_t scheduler = opening->workloads[job->workload].scheduler;
    uint32_t accepted = effect->result.accepted;
    metrics_digest_commit(metrics, record->time_us, &effect->txn, record->results, &effect->result);
    if (omega_job_is_elastic(job) && accepted > job->tasks) {
        metrics_optional(metrics, scheduler, job->workload, job->submit_us, accepted - job->tasks);
    }
    if (effect->fully_scheduled) {
        metrics_fully_scheduled(metrics, scheduler, job->workload, job->submit_us, record->time_us);
    }
}

/* ---- queues ---- */

static void move(struct log_figures *figures, struct runlog_job *job, bool queued, int64_t now_us)
{
    uint32_t scheduler = figures->opening->workloads[job->job->workload].scheduler;
    uint32_t *length = &figures->queued[scheduler];
    *length = queued ? *length + 1 : *length - 1;
    job->queued = queued;
    metrics_queue(figures->metrics, now_us, scheduler, *length);
}

/* An attempt that ended with the process that made it. */
static void add_lost_attempt(struct metrics *metrics, const struct runlog_opening *opening,
                             const struct runlog_check *check, const struct runlog_record *record,
                             const struct runlog_effect *effect)
{
    if (effect->job != NULL) {
        struct runlog_attempt made = {.instance = record->instance};
        struct metrics_attempt attempt = attempt_of(opening, check, &made, effect->job);
        attempt.start_us = effect->start_us;
        attempt.end_us = record->time_us;
        metrics_attempt_lost(metrics, &attempt, effect->job->job->submit_us);
    }
}

/* What an instance that begins anew finds: all that is its own and has tasks left. */
static void queue_found(struct log_figures *figures, const struct runlog_check *check,
                        const struct runlog_record *record)
{
    struct runlog_job *job = NULL;
    for (uint64_t number = 1; (job = runlog_check_job(check, number)) != NULL; number++) {
        if (job->instance == record->instance && job->attempts > 0 && job->pending > 0 &&
            !job->given_up && !job->queued) {
            move(figures, job, true, record->time_us);
        }
    }
}

/* Jobs that had nothing left to place and lost a task are queued again. */
static void queue_losers(struct log_figures *figures, const struct runlog_check *check,
                         const struct runlog_record *record, const struct runlog_effect *effect)
{
    for (uint32_t i = 0; i < effect->released_count; i++) {
        struct runlog_job *job = runlog_check_find_job(check, effect->released[i].job);
        if (job != NULL && job->pending > 0 && !job->given_up && !job->attempted && !job->delayed &&
            !job->queued) {
            move(figures, job, true, record->time_us);
        }
    }
}

static void add_to_queues(struct log_figures *figures, const struct runlog_check *check,
                          const struct runlog_record *record, const struct runlog_effect *effect)
{
    struct runlog_job *job = effect->job;
    switch ((enum runlog_kind)record->kind) {
    case RUNLOG_SUBMISSION:
    case RUNLOG_RETRY:
        if (job != NULL) {
            move(figures, job, true, record->time_us);
        }
        break;
    case RUNLOG_ATTEMPT:
        job->asked = job->pending;
        job->task_attempts += job->pending;
        move(figures, job, false, record->time_us);
        break;
    case RUNLOG_MACHINE:
        queue_losers(figures, check, record, effect);
        break;
    case RUNLOG_RESTART:
        queue_found(figures, check, record);
        break;
    default:
        break;
    }
}

/* ---- tasks and jobs ---- */

static void tell_tasks(struct metrics *metrics, const struct runlog_opening *opening,
                       const struct runlog_job *job, enum metrics_job_outcome outcome,
                       uint32_t tasks)
{
    metrics_tasks(metrics, opening->workloads[job->job->workload].scheduler, job->job->workload,
                  job->job->submit_us, outcome, tasks);
}

static enum metrics_job_outcome outcome_of(const struct runlog_job *job)
{
    if (job->given_up) {
        return METRICS_JOB_ABANDONED;
    }
    if (job->pending > 0) {
        return METRICS_JOB_PENDING;
    }
    if (job->running > 0) {
        return METRICS_JOB_RUNNING;
    }
    return job->failed > 0 ? METRICS_JOB_FAILED : METRICS_JOB_FINISHED;
}

/* How a job ended, or stands at the horizon. */
static void tell_job(struct metrics *metrics, const struct runlog_opening *opening,
                     const struct runlog_job *job)
{
    bool dropped = job->attempted && opening->drops_cut_attempts;
    uint32_t attempts = job->attempts - dropped;
    bool mapreduce = omega_job_is_mapreduce(job->job);
    struct metrics_job record = {
        .job = job->job->id,
        .workload = job->job->workload,
        .scheduler = opening->workloads[job->job->workload].scheduler,
        .submitted_us = job->job->submit_us,
        .first_attempt_us = attempts == 0 ? -1 : job->first_attempt_us,
        .fully_scheduled_us = job->fully_scheduled_us,
        .queued_us = job->queued_us,
        .attempts = attempts,
        .task_attempts = job->task_attempts - (dropped ? job->asked : 0),
        .conflicts = job->conflicts,
        .tasks = job->job->tasks,
        .placed = job->accepted,
        .unplaced = job->pending + job->abandoned,
        .outcome = (uint8_t)outcome_of(job),
        .mapreduce = mapreduce,
        .asked_us = mapreduce ? omega_job_duration(job->job) : 0,
        .given_us = job->given_us,
    };
    tell_tasks(metrics, opening, job, METRICS_JOB_FINISHED, job->finished);
    tell_tasks(metrics, opening, job, METRICS_JOB_FAILED, job->failed);
    tell_tasks(metrics, opening, job, METRICS_JOB_ABANDONED, job->abandoned);
    tell_tasks(metrics, opening, job, METRICS_JOB_RUNNING, job->running);
    tell_tasks(metrics, opening, job, METRICS_JOB_PENDING, job->pending);
    metrics_job(metrics, &record);
}

static void finish(struct metrics *metrics, const struct runlog_opening *opening,
                   const struct runlog_check *check, int64_t now_us)
{
    for (uint32_t i = 0; !opening->drops_cut_attempts && i < runlog_check_instances(check); i++) {
        const struct runlog_instance *instance = runlog_check_instance(check, (uint16_t)i);
        if (instance->busy) {
            const struct runlog_job *job = runlog_check_find_job(check, instance->attempt.job);
            struct metrics_attempt attempt = attempt_of(opening, check, &instance->attempt, job);
            attempt.start_us = instance->start_us;
            metrics_attempt_cut(metrics, &attempt, job->job->submit_us);
        }
    }
    const struct runlog_job *job;
    for (uint64_t number = 1; (job = runlog_check_job(check, number)) != NULL; number++) {
        tell_job(metrics, opening, job);
    }
    metrics_finish(metrics, now_us);
}

/* ---- records ---- */

/* Which records are events of the driver: all but the initial state, what comes along with another
 * one (abandonments), and the horizon. */
static bool is_event(const struct runlog_record *record)
{
    return record->kind != RUNLOG_PRELOAD && record->kind != RUNLOG_ABANDONMENT &&
           record->kind != RUNLOG_COUNTER && record->kind != RUNLOG_HORIZON;
}

static void add_submission(struct metrics *metrics, const struct runlog_opening *opening,
                           const struct omega_job *job)
{
    metrics_submitted(metrics, opening->workloads[job->workload].scheduler, job->workload,
                      job->submit_us, job->tasks);
}

static void add_machine_event(struct metrics *metrics, const struct runlog_record *record,
                              const struct runlog_effect *effect)
{
    metrics_machine_event(metrics, (enum omega_machine_event_kind)record->event.kind);
    metrics_digest_machine(metrics, record->time_us, record->version, &record->event);
    metrics_losses(metrics, effect->released_count);
    metrics_digest_release(metrics, record->time_us, record->version, effect->released,
                           effect->released_count, true);
}

void log_figures_add(struct log_figures *figures, const struct runlog_check *check,
                     const struct runlog_record *record, const struct runlog_effect *effect)
{
    struct metrics *metrics = figures->metrics;
    const struct runlog_opening *opening = figures->opening;
    if (is_event(record)) {
        metrics_event(metrics);
    }
    switch ((enum runlog_kind)record->kind) {
    case RUNLOG_PRELOAD:
        metrics_digest_preload(metrics, record->version, effect->placements,
                               record->placement_count);
        break;
    case RUNLOG_SUBMISSION:
        add_submission(metrics, opening, record->job);
        break;
    case RUNLOG_NOTHING:
        add_attempt(metrics, opening, check, record, effect);
        break;
    case RUNLOG_TRANSACTION:
        add_attempt(metrics, opening, check, record, effect);
        add_transaction(metrics, opening, record, effect);
        break;
    case RUNLOG_RELEASE:
        metrics_digest_release(metrics, record->time_us, record->version, effect->released,
                               effect->released_count, false);
        break;
    case RUNLOG_MACHINE:
        add_machine_event(metrics, record, effect);
        break;
    case RUNLOG_RESTART:
        add_lost_attempt(metrics, opening, check, record, effect);
        break;
    case RUNLOG_COUNTER:
        metrics_count(metrics, record->scheduler, record->name, record->value);
        break;
    default:
        break;
    }
    add_to_queues(figures, check, record, effect);
    if (record->changes) {
        metrics_totals(metrics, record->time_us, runlog_check_totals(check));
    }
    if (record->kind == RUNLOG_HORIZON) {
        log_figures_before(figures, check, INT64_MAX);
        finish(metrics, opening, check, record->time_us);
    }
}
