/* SPDX-License-Identifier: MIT */
/*
 * The feeder of a live run: draws jobs from their sources and submits each to an instance of its
 * scheduler. What a job is, and to whom it goes, is as in the simulator; when it comes is when the
 * clock has reached its time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/driver/live_private.h"

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
    int rc = live_join_in(process, "feeder", err);
    for (uint32_t w = 0; rc == OMEGA_OK && w < config->workload_count; w++) {
        if (config->workloads[w].source != NULL) {
            feeder->sources[feeder->count] = config->workloads[w].source;
            rc = fetch(feeder, feeder->count++, err);
        }
    }
    return rc;
}

static int greet(struct live_process *process, omega_error_t *err)
{
    uint32_t processes = live_segments(process->config) - 1;
    int rc = OMEGA_OK;
    for (uint32_t i = LIVE_SCHEDULERS; rc == OMEGA_OK && i < processes; i++) {
        rc = live_wake_peer(process->wake, i, err);
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
        return omega_error_set(err, OMEGA_EINVAL,
                               "job %" PRIu64 " of workload '%s' has optional tasks, expected "
                               "none in a live run",
                               job->id, config->workloads[job->workload].name);
    }
    uint32_t scheduler = config->workloads[job->workload].scheduler;
    uint32_t instance = run_instance_id(config, scheduler, assigner_next(&feeder->assigner, job));
    struct log_place place = live_place(process, now_us);
    int rc = lmdb_submit_to(process->store, job, (uint16_t)instance, err);
    if (rc == OMEGA_OK) {
        run_log_submission(&place, job);
        atomic_store(&process->slot->jobs, feeder->submitted);
        live_wake_send(process->wake, LIVE_SCHEDULERS + instance);
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
        if (feeder->next[source]->submit_us > now_us) {
            live_wait(process, feeder->next[source]->submit_us, false);
            continue;
        }
        rc = submit(feeder, feeder->next[source], now_us, err);
        rc = rc == OMEGA_OK ? fetch(feeder, source, err) : rc;
    }
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
        rc = greet(process, err);
    }
    if (rc == OMEGA_OK) {
        rc = feed(&feeder, err);
        tell_left(&feeder);
    }
    close_feeder(&feeder);
    return rc;
}
