/* SPDX-License-Identifier: MIT */
/*
 * Scopes: what is read, per scheduler and per workload. They are made at the start, so that names
 * and instances are there, and filled at the end from the tallies, each of which belongs to one
 * scheduler and one workload.
 */
#include "core/metrics/metrics_private.h"

#include <stdlib.h>
#include <string.h>

int histograms_init(struct metrics_histograms *histograms)
{
    *histograms = (struct metrics_histograms){
        .wait_first = histogram_create(),
        .wait_full = histogram_create(),
        .queued = histogram_create(),
        .attempts_settled = histogram_create(),
        .view_age = histogram_create(),
        .view_age_versions = histogram_create(),
        .speedup = histogram_create(),
    };
    if (histograms->wait_first == NULL || histograms->wait_full == NULL ||
        histograms->queued == NULL || histograms->attempts_settled == NULL ||
        histograms->view_age == NULL || histograms->view_age_versions == NULL ||
        histograms->speedup == NULL) {
        histograms_release(histograms);
        return OMEGA_ENOMEM;
    }
    return 0;
}

void histograms_release(struct metrics_histograms *histograms)
{
    histogram_destroy(histograms->wait_first);
    histogram_destroy(histograms->wait_full);
    histogram_destroy(histograms->queued);
    histogram_destroy(histograms->attempts_settled);
    histogram_destroy(histograms->view_age);
    histogram_destroy(histograms->view_age_versions);
    histogram_destroy(histograms->speedup);
    *histograms = (struct metrics_histograms){0};
}

static int histograms_merge(struct metrics_histograms *into, const struct metrics_histograms *from)
{
    if (histogram_merge(into->wait_first, from->wait_first) != 0 ||
        histogram_merge(into->wait_full, from->wait_full) != 0 ||
        histogram_merge(into->queued, from->queued) != 0 ||
        histogram_merge(into->attempts_settled, from->attempts_settled) != 0 ||
        histogram_merge(into->view_age, from->view_age) != 0 ||
        histogram_merge(into->view_age_versions, from->view_age_versions) != 0 ||
        histogram_merge(into->speedup, from->speedup) != 0) {
        return OMEGA_ENOMEM;
    }
    return 0;
}

/* Makes these histograms the ones that are read. */
static void show_histograms(struct scope *scope, const struct metrics_histograms *shown)
{
    struct metrics_scope *figures = &scope->figures;
    figures->wait_first = shown->wait_first;
    figures->wait_full = shown->wait_full;
    figures->queued = shown->queued;
    figures->attempts_settled = shown->attempts_settled;
    figures->view_age = shown->view_age;
    figures->view_age_versions = shown->view_age_versions;
    figures->speedup = shown->speedup;
}

static int scope_init(struct scope *scope, const char *name)
{
    scope->name = strdup(name);
    if (scope->name == NULL || histograms_init(&scope->histograms) != 0) {
        return OMEGA_ENOMEM;
    }
    scope->figures.name = scope->name;
    show_histograms(scope, &scope->histograms);
    return 0;
}

static void scope_release(struct scope *scope)
{
    free(scope->name);
    histograms_release(&scope->histograms);
}

static int init_schedulers(struct metrics *metrics, const struct metrics_config *config)
{
    for (uint32_t s = 0; s < config->scheduler_count; s++) {
        struct scheduler *scheduler = &metrics->schedulers[s];
        if (scope_init(&scheduler->scope, config->schedulers[s]) != 0) {
            return OMEGA_ENOMEM;
        }
        uint32_t instances = config->instances[s];
        scheduler->instance_busy_us = calloc((size_t)instances + 1, sizeof(int64_t));
        if (scheduler->instance_busy_us == NULL) {
            return OMEGA_ENOMEM;
        }
        scheduler->scope.figures.instances = instances;
        scheduler->queue.since_us = config->warmup_us;
        scheduler->scope.figures.instance_busy_us = scheduler->instance_busy_us;
    }
    return 0;
}

int scopes_init(struct metrics *metrics, const struct metrics_config *config)
{
    size_t tallies = (size_t)config->scheduler_count * config->workload_count;
    metrics->schedulers = calloc((size_t)config->scheduler_count + 1, sizeof(struct scheduler));
    metrics->workloads = calloc((size_t)config->workload_count + 1, sizeof(struct scope));
    metrics->tallies = calloc(tallies + 1, sizeof(struct tally *));
    if (metrics->schedulers == NULL || metrics->workloads == NULL || metrics->tallies == NULL) {
        return OMEGA_ENOMEM;
    }
    metrics->scheduler_count = config->scheduler_count;
    metrics->workload_count = config->workload_count;
    if (init_schedulers(metrics, config) != 0) {
        return OMEGA_ENOMEM;
    }
    for (uint32_t w = 0; w < config->workload_count; w++) {
        if (scope_init(&metrics->workloads[w], config->workloads[w]) != 0) {
            return OMEGA_ENOMEM;
        }
        metrics->workloads[w].figures.queue_mean = __builtin_nan("");
    }
    return 0;
}

void scopes_release(struct metrics *metrics)
{
    size_t tallies = (size_t)metrics->scheduler_count * metrics->workload_count;
    for (size_t t = 0; t < tallies; t++) {
        if (metrics->tallies[t] != NULL) {
            histograms_release(&metrics->tallies[t]->histograms);
            free(metrics->tallies[t]);
        }
    }
    for (uint32_t s = 0; s < metrics->scheduler_count; s++) {
        scope_release(&metrics->schedulers[s].scope);
        free(metrics->schedulers[s].instance_busy_us);
    }
    for (uint32_t w = 0; w < metrics->workload_count; w++) {
        scope_release(&metrics->workloads[w]);
    }
    free(metrics->tallies);
    free(metrics->schedulers);
    free(metrics->workloads);
}

static void sum_figures(struct metrics_scope *into, const struct metrics_scope *from)
{
    for (int outcome = 0; outcome <= METRICS_JOB_FAILED; outcome++) {
        into->jobs_by_outcome[outcome] += from->jobs_by_outcome[outcome];
    }
    into->jobs_submitted += from->jobs_submitted;
    into->jobs_begun += from->jobs_begun;
    into->attempts_begun += from->attempts_begun;
    into->tasks_submitted += from->tasks_submitted;
    into->tasks_pending += from->tasks_pending;
    into->tasks_running += from->tasks_running;
    into->tasks_finished += from->tasks_finished;
    into->tasks_failed += from->tasks_failed;
    into->tasks_abandoned += from->tasks_abandoned;
    into->attempts += from->attempts;
    into->attempts_no_fit += from->attempts_no_fit;
    into->attempts_short += from->attempts_short;
    into->transactions += from->transactions;
    into->transactions_successful += from->transactions_successful;
    into->transactions_conflicting += from->transactions_conflicting;
    into->transactions_refused += from->transactions_refused;
    into->claims += from->claims;
    into->claims_accepted += from->claims_accepted;
    into->claims_conflicting += from->claims_conflicting;
    into->claims_refused += from->claims_refused;
    into->claims_aborted += from->claims_aborted;
    into->busy_us += from->busy_us;
    into->busy_useful_us += from->busy_useful_us;
    into->busy_conflicting_us += from->busy_conflicting_us;
    into->busy_refused_us += from->busy_refused_us;
    into->busy_no_fit_us += from->busy_no_fit_us;
    into->busy_cut_us += from->busy_cut_us;
    into->busy_redone_us += from->busy_redone_us;
    into->mapreduce_jobs += from->mapreduce_jobs;
    into->mapreduce_gained += from->mapreduce_gained;
}

/* Fills a scope from `count` tallies, `step` apart, of which some may be NULL. Histograms of a
 * single one are read where they are, and not copied. */
static int fill(struct scope *scope, struct tally *const *tallies, uint32_t count, uint32_t step)
{
    const struct tally *single = NULL;
    uint32_t found = 0;
    int rc = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct tally *tally = tallies[(size_t)i * step];
        if (tally != NULL) {
            sum_figures(&scope->figures, &tally->figures);
            single = tally;
            found++;
        }
    }
    if (found == 1) {
        show_histograms(scope, &single->histograms);
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct tally *tally = tallies[(size_t)i * step];
        if (tally != NULL && histograms_merge(&scope->histograms, &tally->histograms) != 0) {
            rc = OMEGA_ENOMEM;
        }
    }
    return rc;
}

int scopes_sum(struct metrics *metrics)
{
    const uint32_t schedulers = metrics->scheduler_count;
    const uint32_t workloads = metrics->workload_count;
    int rc = 0;
    for (uint32_t s = 0; s < schedulers; s++) {
        rc |= fill(&metrics->schedulers[s].scope, &metrics->tallies[(size_t)s * workloads],
                   workloads, 1);
    }
    for (uint32_t w = 0; w < workloads; w++) {
        rc |= fill(&metrics->workloads[w], &metrics->tallies[w], schedulers, workloads);
    }
    return rc == 0 ? 0 : OMEGA_ENOMEM;
}
