/* SPDX-License-Identifier: MIT */
/*
 * Counting: what concerns a job is added to the tally of its scheduler and workload. Nothing here
 * happens per task, so that metrics cost a simulation next to nothing.
 */
#include "core/metrics/metrics_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void init_fragmentation(struct metrics *metrics, const struct metrics_fragmentation *asked)
{
    int64_t span = metrics->horizon_us - metrics->warmup_us;
    metrics->room_due_us = INT64_MAX;
    metrics->fragmentation = *asked;
    if (asked->step_us > 0 && span > 0) {
        metrics->fragmentation.step_us = series_step(span, asked->step_us, METRICS_SAMPLES_MAX);
        metrics->room_due_us = metrics->warmup_us + metrics->fragmentation.step_us;
    }
}

struct metrics *metrics_create(const struct metrics_config *config)
{
    assert(config->warmup_us >= 0 && config->horizon_us >= config->warmup_us);
    struct metrics *metrics = calloc(1, sizeof(*metrics));
    if (metrics == NULL) {
        return NULL;
    }
    metrics->warmup_us = config->warmup_us;
    metrics->horizon_us = config->horizon_us;
    metrics->totals_since_us = config->warmup_us;
    metrics->histograms = config->histograms;
    metrics->keep_jobs = config->jobs;
    init_fragmentation(metrics, &config->fragmentation);
    if (scopes_init(metrics, config) != 0 ||
        series_init(&metrics->series, config->warmup_us, config->horizon_us, config->series_step_us,
                    config->scheduler_count, config->fragmentation.step_us > 0) != 0 ||
        days_init(&metrics->days, config->warmup_us, config->horizon_us, config->scheduler_count) !=
            0 ||
        conflicts_init(metrics, config) != 0) {
        goto error;
    }
    for (uint32_t s = 0; s < config->scheduler_count; s++) {
        series_queue_open(&metrics->series, &metrics->schedulers[s].queue);
    }
    if (config->digest) {
        metrics->digest = digest_create();
        if (metrics->digest == NULL) {
            goto error;
        }
    }
    return metrics;

error:
    metrics_destroy(metrics);
    return NULL;
}

void metrics_destroy(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    conflicts_release(metrics);
    scopes_release(metrics);
    series_release(&metrics->series);
    days_release(&metrics->days);
    digest_destroy(metrics->digest);
    free(metrics->jobs);
    free(metrics);
}

int metrics_status(const struct metrics *metrics)
{
    return metrics->status;
}

/* Where a scheduler's work for a workload is counted; NULL without memory. */
static struct tally *tally_of(struct metrics *metrics, uint32_t scheduler, uint32_t workload)
{
    assert(scheduler < metrics->scheduler_count && workload < metrics->workload_count);
    struct tally **tally =
        &metrics->tallies[(size_t)scheduler * metrics->workload_count + workload];
    if (*tally != NULL) {
        return *tally;
    }
    *tally = calloc(1, sizeof(**tally));
    if (*tally == NULL || histograms_init(&(*tally)->histograms) != 0) {
        free(*tally);
        *tally = NULL;
        metrics->status = OMEGA_ENOMEM;
    }
    return *tally;
}

/* The same for something that began at a time: NULL if that was before the measured part. */
static struct tally *measured(struct metrics *metrics, uint32_t scheduler, uint32_t workload,
                              int64_t began_us)
{
    return began_us < metrics->warmup_us ? NULL : tally_of(metrics, scheduler, workload);
}

static void add(struct metrics *metrics, struct histogram *histogram, int64_t value)
{
    if (metrics->histograms && histogram_add(histogram, value) != 0) {
        metrics->status = OMEGA_ENOMEM;
    }
}

static void add_censored(struct metrics *metrics, struct histogram *histogram, int64_t above)
{
    if (metrics->histograms && histogram_add_censored(histogram, above) != 0) {
        metrics->status = OMEGA_ENOMEM;
    }
}

void metrics_submitted(struct metrics *metrics, uint32_t scheduler, uint32_t workload,
                       int64_t submitted_us, uint32_t tasks)
{
    struct tally *tally = measured(metrics, scheduler, workload, submitted_us);
    if (tally != NULL) {
        tally->figures.jobs_submitted++;
        tally->figures.tasks_submitted += tasks;
    }
}

void metrics_optional(struct metrics *metrics, uint32_t scheduler, uint32_t workload,
                      int64_t submitted_us, uint32_t tasks)
{
    struct tally *tally = measured(metrics, scheduler, workload, submitted_us);
    if (tally != NULL) {
        tally->figures.tasks_submitted += tasks;
    }
}

static enum attempt_kind attempt_kind(const struct metrics_attempt *attempt)
{
    if (attempt->claims == 0) {
        return ATTEMPT_NO_FIT;
    }
    if (attempt->gang_short) {
        return ATTEMPT_SHORT;
    }
    if (attempt->result.conflicts > 0 && !attempt->enough) {
        return ATTEMPT_CONFLICTING;
    }
    return attempt->result.accepted > 0 ? ATTEMPT_SUCCESSFUL : ATTEMPT_REFUSED;
}

/* Each kind of attempt has its part of the busy time, so that they add up. */
static int64_t *busy_of(struct metrics_scope *figures, enum attempt_kind kind)
{
    switch (kind) {
    case ATTEMPT_SUCCESSFUL:
        return &figures->busy_useful_us;
    case ATTEMPT_CONFLICTING:
        return &figures->busy_conflicting_us;
    case ATTEMPT_REFUSED:
        return &figures->busy_refused_us;
    case ATTEMPT_CUT:
        return &figures->busy_cut_us;
    case ATTEMPT_NO_FIT:
    case ATTEMPT_SHORT:
        break;
    }
    return &figures->busy_no_fit_us;
}

/* The part of [start, end) within the measured time is busy time, whenever the attempt began. */
static void count_busy(struct metrics *metrics, struct tally *tally,
                       const struct metrics_attempt *attempt, int64_t end_us,
                       enum attempt_kind kind)
{
    int64_t from = metrics_clamp(metrics, attempt->start_us);
    int64_t to = metrics_clamp(metrics, end_us);
    if (to <= from) {
        return;
    }
    struct scheduler *scheduler = &metrics->schedulers[attempt->scheduler];
    assert(attempt->instance < scheduler->scope.figures.instances);
    scheduler->instance_busy_us[attempt->instance] += to - from;
    tally->figures.busy_us += to - from;
    *busy_of(&tally->figures, kind) += to - from;
    tally->figures.busy_redone_us += attempt->redone ? to - from : 0;
    series_busy(&metrics->series, from, to, attempt->scheduler);
    days_busy(&metrics->days, from, to, attempt->scheduler, kind, attempt->redone);
}

static void count_transaction(struct metrics *metrics, struct tally *tally,
                              const struct metrics_attempt *attempt, enum attempt_kind kind)
{
    struct metrics_scope *figures = &tally->figures;
    figures->transactions++;
    figures->transactions_successful += kind == ATTEMPT_SUCCESSFUL;
    figures->transactions_conflicting += kind == ATTEMPT_CONFLICTING;
    figures->transactions_refused += kind == ATTEMPT_REFUSED;
    figures->claims += attempt->claims;
    figures->claims_accepted += attempt->result.accepted;
    figures->claims_conflicting += attempt->result.conflicts;
    figures->claims_refused += attempt->result.refused;
    figures->claims_aborted += attempt->result.aborted;
    days_transaction(&metrics->days, attempt, kind);
    add(metrics, tally->histograms.view_age, attempt->view_age_us);
    add(metrics, tally->histograms.view_age_versions, (int64_t)attempt->view_age_versions);
}

static void count_first_wait(struct metrics *metrics, struct tally *tally,
                             const struct metrics_attempt *attempt, int64_t submitted_us)
{
    if (attempt->attempt == 1 && submitted_us >= metrics->warmup_us) {
        int64_t waited = attempt->start_us - submitted_us;
        add(metrics, tally->histograms.wait_first, waited);
        days_wait(&metrics->days, attempt->start_us, attempt->scheduler, waited);
    }
}

void metrics_attempt(struct metrics *metrics, const struct metrics_attempt *attempt,
                     int64_t submitted_us)
{
    struct tally *tally = tally_of(metrics, attempt->scheduler, attempt->workload);
    if (tally == NULL) {
        return;
    }
    enum attempt_kind kind = attempt_kind(attempt);
    bool without_transaction = kind == ATTEMPT_NO_FIT || kind == ATTEMPT_SHORT;
    count_busy(metrics, tally, attempt, attempt->end_us, kind);
    if (attempt->start_us < metrics->warmup_us) {
        return;
    }
    tally->figures.attempts++;
    tally->figures.attempts_no_fit += kind == ATTEMPT_NO_FIT;
    tally->figures.attempts_short += kind == ATTEMPT_SHORT;
    if (!without_transaction) {
        count_transaction(metrics, tally, attempt, kind);
    }
    count_first_wait(metrics, tally, attempt, submitted_us);
}

void metrics_attempt_lost(struct metrics *metrics, const struct metrics_attempt *attempt,
                          int64_t submitted_us)
{
    struct tally *tally = tally_of(metrics, attempt->scheduler, attempt->workload);
    if (tally != NULL) {
        count_busy(metrics, tally, attempt, attempt->end_us, ATTEMPT_CUT);
        count_first_wait(metrics, tally, attempt, submitted_us);
    }
}

void metrics_attempt_cut(struct metrics *metrics, const struct metrics_attempt *attempt,
                         int64_t submitted_us)
{
    struct metrics_attempt cut = *attempt;
    cut.end_us = metrics->horizon_us;
    metrics_attempt_lost(metrics, &cut, submitted_us);
}

void metrics_fully_scheduled(struct metrics *metrics, uint32_t scheduler, uint32_t workload,
                             int64_t submitted_us, int64_t now_us)
{
    struct tally *tally = measured(metrics, scheduler, workload, submitted_us);
    if (tally != NULL) {
        add(metrics, tally->histograms.wait_full, now_us - submitted_us);
    }
}

static void count_speedup(struct metrics *metrics, struct tally *tally,
                          const struct metrics_job *job)
{
    int64_t speedup = metrics_speedup(job);
    tally->figures.mapreduce_jobs += job->mapreduce;
    if (speedup >= 0) {
        tally->figures.mapreduce_gained += metrics_job_got_us(job) < job->asked_us;
        add(metrics, tally->histograms.speedup, speedup);
    }
}

void metrics_job(struct metrics *metrics, const struct metrics_job *job)
{
    assert(job->outcome <= METRICS_JOB_FAILED);
    struct tally *tally = measured(metrics, job->scheduler, job->workload, job->submitted_us);
    if (tally == NULL) {
        return;
    }
    int64_t waited = metrics->horizon_us - job->submitted_us;
    tally->figures.jobs_by_outcome[job->outcome]++;
    tally->figures.jobs_begun += job->attempts > 0;
    tally->figures.attempts_begun += job->attempts;
    if (job->first_attempt_us < 0) {
        add_censored(metrics, tally->histograms.wait_first, waited);
    }
    if (job->fully_scheduled_us < 0) {
        add_censored(metrics, tally->histograms.wait_full, waited);
    }
    if (job->attempts > 0) {
        add(metrics, tally->histograms.queued, job->queued_us);
    }
    if (job->fully_scheduled_us >= 0 || job->outcome == METRICS_JOB_ABANDONED) {
        add(metrics, tally->histograms.attempts_settled, job->attempts);
    }
    count_speedup(metrics, tally, job);
    if (metrics->keep_jobs && metrics_keep_job(metrics, job) != 0) {
        metrics->status = OMEGA_ENOMEM;
    }
}

static uint64_t *tasks_of(struct metrics_scope *figures, enum metrics_job_outcome outcome)
{
    switch (outcome) {
    case METRICS_JOB_FINISHED:
        return &figures->tasks_finished;
    case METRICS_JOB_RUNNING:
        return &figures->tasks_running;
    case METRICS_JOB_PENDING:
        return &figures->tasks_pending;
    case METRICS_JOB_ABANDONED:
        return &figures->tasks_abandoned;
    case METRICS_JOB_FAILED:
        break;
    }
    return &figures->tasks_failed;
}

void metrics_tasks(struct metrics *metrics, uint32_t scheduler, uint32_t workload,
                   int64_t submitted_us, enum metrics_job_outcome outcome, uint64_t tasks)
{
    struct tally *tally = measured(metrics, scheduler, workload, submitted_us);
    if (tally != NULL) {
        *tasks_of(&tally->figures, outcome) += tasks;
    }
}

void metrics_losses(struct metrics *metrics, uint64_t tasks)
{
    metrics->losses += tasks;
}

void metrics_machine_event(struct metrics *metrics, enum omega_machine_event_kind kind)
{
    assert(kind <= OMEGA_EVENT_CAPACITY);
    metrics->machine_events[kind]++;
}

void metrics_event(struct metrics *metrics)
{
    metrics->events++;
}

/* The scheduler's counter of that name, made if there is room; NULL if there is none. */
static struct counter *counter_of(struct scheduler *scheduler, const char *name)
{
    uint32_t count = scheduler->counter_count;
    if (count > 0 && strcmp(scheduler->counters[scheduler->counter_last].name, name) == 0) {
        return &scheduler->counters[scheduler->counter_last];
    }
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(scheduler->counters[i].name, name) == 0) {
            scheduler->counter_last = i;
            return &scheduler->counters[i];
        }
    }
    size_t length = strlen(name);
    if (count == METRICS_COUNTERS_MAX || length > METRICS_COUNTER_NAME_MAX) {
        return NULL;
    }
    struct counter *counter = &scheduler->counters[count];
    memcpy(counter->name, name, length + 1);
    scheduler->counter_last = count;
    scheduler->counter_count++;
    return counter;
}

bool metrics_count(struct metrics *metrics, uint32_t scheduler, const char *name, int64_t delta)
{
    assert(scheduler < metrics->scheduler_count);
    struct counter *counter = counter_of(&metrics->schedulers[scheduler], name);
    if (counter == NULL) {
        return false;
    }
    if (__builtin_add_overflow(counter->value, delta, &counter->value)) {
        counter->value = delta > 0 ? INT64_MAX : INT64_MIN; /* stays at the limit */
    }
    return true;
}
