/* SPDX-License-Identifier: MIT */
/*
 * The feeder of a live run: draws jobs from their sources and submits each to an instance of its
 * scheduler. What a job is, and to whom it goes, is as in the simulator; when it comes is when the
 * clock has reached its time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/live/live_private.h"

struct feeder {
    struct live_process *process;
    struct assigner assigner;
    struct job_source **sources;
    struct omega_job **next; /* per source: a copy; NULL: it has no more before the horizon */
    uint64_t *fetched;       /* per source: when its next job was fetched, counted ... */
    uint64_t fetches;        /* ... from 1 */
    uint32_t count;
    uint64_t submitted;
};

static int fetch(struct feeder *feeder, uint32_t source, omega_error_t *err)
{
    const struct omega_job *job = NULL;
    free(feeder->next[source]);
    feeder->next[source] = NULL;
    int rc = job_source_next(feeder->sources[source], &job, err);
    if (rc <= 0 || job->submit_us >= feeder->process->config->horizon_us) {
        return rc < 0 ? rc : OMEGA_OK;
    }
    feeder->next[source] = omega_job_copy(job);
    feeder->fetched[source] = ++feeder->fetches;
    return feeder->next[source] == NULL ? omega_error_set(err, OMEGA_ENOMEM, "no memory for a job")
                                        : OMEGA_OK;
}

static int open_feeder(struct feeder *feeder, omega_error_t *err)
{
    struct live_process *process = feeder->process;
    const struct run_config *config = process->config;
    feeder->sources = calloc(config->workload_count + 1u, sizeof *feeder->sources);
    feeder->next = calloc(config->workload_count + 1u, sizeof *feeder->next);
    feeder->fetched = calloc(config->workload_count + 1u, sizeof *feeder->fetched);
    if (assigner_init(&feeder->assigner, config) != OMEGA_OK || feeder->sources == NULL ||
        feeder->next == NULL || feeder->fetched == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for the jobs' sources");
    }
    const struct page_who who = {
        .role = PAGE_FEEDER, .instance = OMEGA_INSTANCE_NONE, .incarnation = process->slot->starts};
    int rc = live_join_in(process, "feeder", err);
    rc = rc == OMEGA_OK ? live_page_open(process, &who, err) : rc;
    for (uint32_t w = 0; rc == OMEGA_OK && w < config->workload_count; w++) {
        if (config->workloads[w].source != NULL) {
            feeder->sources[feeder->count] = config->workloads[w].source;
            rc = fetch(feeder, feeder->count++, err);
        }
    }
    return rc;
}

static void close_feeder(struct feeder *feeder)
{
    for (uint32_t i = 0; feeder->next != NULL && i < feeder->count; i++) {
        free(feeder->next[i]);
    }
    free(feeder->next);
    free(feeder->fetched);
    free(feeder->sources);
    assigner_fini(&feeder->assigner);
}

/* Does a source's job come before another's? At one time the one that was fetched first does, as in
 * the simulator, so that jobs have the same numbers. */
static bool comes_before(const struct feeder *feeder, uint32_t source, uint32_t other)
{
    int64_t submit_us = feeder->next[source]->submit_us;
    int64_t other_us = feeder->next[other]->submit_us;
    return submit_us != other_us ? submit_us < other_us
                                 : feeder->fetched[source] < feeder->fetched[other];
}

/* The source whose job comes first; `count` if there is none. */
static uint32_t first_source(const struct feeder *feeder)
{
    uint32_t first = feeder->count;
    for (uint32_t i = 0; i < feeder->count; i++) {
        if (feeder->next[i] != NULL && (first == feeder->count || comes_before(feeder, i, first))) {
            first = i;
        }
    }
    return first;
}

/* Submits a job now, and wakes the instance that is to plan it. */
static int submit(struct feeder *feeder, struct omega_job *job, int64_t now_us, omega_error_t *err)
{
    struct live_process *process = feeder->process;
    const struct run_config *config = process->config;
    job->id = ++feeder->submitted;
    job->submit_us = now_us;
    if (omega_job_is_elastic(job)) {
        atomic_store(&process->slot->elastic, true);
    }
    uint32_t scheduler = config->workloads[job->workload].scheduler;
    uint32_t instance = run_instance_id(config, scheduler, assigner_next(&feeder->assigner, job));
    struct store_counters counters;
    store_counters(process->store, &counters);
    struct log_place place = {.log = process->log, .version = counters.version, .time_us = now_us};
    live_intend_submission(process, job->id, counters.tasks_submitted, &place);
    int rc = lmdb_submit_to(process->store, job, (uint16_t)instance, err);
    if (rc == OMEGA_OK) {
        run_log_submission(&place, job);
        live_sync(process);
        atomic_store(&process->slot->jobs, feeder->submitted);
        page_add(process->page, PAGE_JOBS_SUBMITTED, 1);
        live_intended(process);
        atomic_fetch_add(&process->slot->done, 1);
        live_wake_up(process, LIVE_SCHEDULERS + instance);
    }
    return rc;
}

static int feed(struct feeder *feeder, omega_error_t *err)
{
    struct live_process *process = feeder->process;
    int64_t now_us = 0;
    uint32_t source = 0;
    int rc = OMEGA_OK;
    while (rc == OMEGA_OK && !live_stopped() && (source = first_source(feeder)) < feeder->count &&
           (now_us = live_now_us(process)) < process->config->horizon_us) {
        live_beat(process);
        if (feeder->next[source]->submit_us > now_us) {
            live_wait(process, feeder->next[source]->submit_us, false);
            continue;
        }
        rc = submit(feeder, feeder->next[source], now_us, err);
        rc = rc == OMEGA_OK ? fetch(feeder, source, err) : rc;
    }
    return rc;
}

/* ---- going on where another feeder died ---- */

static int is_there(void *context, const struct lmdb_job *job)
{
    (void)context;
    (void)job;
    return OMEGA_OK;
}

static int is_of_job(void *context, const struct lmdb_change *change)
{
    return change->job == *(const uint64_t *)context;
}

/* Was the job submitted that the intent is about? The jobs table forgets jobs that are over; but
 * the cell counts all tasks. Optional ones count when they are placed: where there are some, the
 * count may have risen by them, and the table and the change log are asked for the job. */
static bool was_submitted(const struct live_process *process)
{
    const struct live_intent *intent = &process->slot->intent;
    struct store_counters counters;
    uint64_t job = intent->job;
    store_counters(process->store, &counters);
    if (counters.tasks_submitted <= intent->tasks || !atomic_load(&process->slot->elastic)) {
        return counters.tasks_submitted > intent->tasks;
    }
    return lmdb_find_job(process->store, job, is_there, NULL, NULL) == OMEGA_OK ||
           lmdb_changes(process->store, intent->version + 1, is_of_job, &job, NULL) == 1;
}

/* How many jobs it submitted, and whether the log was told of the last one. */
static uint64_t find_submitted(const struct live_process *process, bool *told)
{
    const struct live_intent *intent = &process->slot->intent;
    uint64_t jobs = atomic_load(&process->slot->jobs);
    *told = true;
    if (atomic_load(&intent->kind) != LIVE_INTENDS_SUBMISSION || intent->job <= jobs) {
        return jobs;
    }
    if (!live_intends(process, LIVE_INTENDS_SUBMISSION)) {
        return intent->job;
    }
    *told = !was_submitted(process); /* of the one before, else */
    return *told ? jobs : intent->job;
}

/* Draws the jobs that were submitted once more, since the ones behind them depend on it. */
static int catch_up(struct feeder *feeder, omega_error_t *err)
{
    struct live_process *process = feeder->process;
    const struct live_intent *intent = &process->slot->intent;
    bool told = true;
    uint64_t jobs = find_submitted(process, &told);
    int rc = OMEGA_OK;
    while (rc == OMEGA_OK && feeder->submitted < jobs) {
        uint32_t source = first_source(feeder);
        if (source == feeder->count) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "%" PRIu64 " jobs were drawn again, expected the %" PRIu64
                                   " that were submitted",
                                   feeder->submitted, jobs);
        }
        struct omega_job *job = feeder->next[source];
        job->id = ++feeder->submitted;
        assigner_next(&feeder->assigner, job);
        if (feeder->submitted == jobs && !told) {
            struct log_place place = {
                .log = process->log, .version = intent->version, .time_us = intent->time_us};
            job->submit_us = intent->time_us;
            run_log_submission(&place, job);
            live_sync(process);
        }
        rc = fetch(feeder, source, err);
    }
    atomic_store(&process->slot->jobs, feeder->submitted);
    live_intended(process);
    return rc;
}

/* Says so if the horizon came before the last job: submitting takes real time, too. */
static void tell_left(const struct feeder *feeder)
{
    const struct run_config *config = feeder->process->config;
    uint32_t source = first_source(feeder);
    char text[160];
    if (source < feeder->count && !live_stopped() && config->log != NULL) {
        snprintf(text, sizeof text,
                 "jobs from %.3f s on came too late to be submitted before the horizon, expected a "
                 "lower live.speedup",
                 (double)feeder->next[source]->submit_us / 1e6);
        config->log(config->context, "feeder", OMEGA_LOG_WARNING, text);
    }
}

int live_feed(struct live_process *process, void *context, omega_error_t *err)
{
    struct feeder feeder = {.process = process};
    (void)context;
    int rc = open_feeder(&feeder, err);
    if (rc == OMEGA_OK) {
        live_begin(process);
        rc = live_greet(process, err);
    }
    if (rc == OMEGA_OK && live_is_successor(process)) {
        rc = catch_up(&feeder, err);
    }
    if (rc == OMEGA_OK) {
        rc = feed(&feeder, err);
        tell_left(&feeder);
    }
    close_feeder(&feeder);
    live_page_close(process);
    return rc;
}
