/* SPDX-License-Identifier: MIT */
/*
 * The simulator: virtual time, one thread, totally ordered events. Simultaneous events happen in
 * the order machine events, task ends, commits, arrivals and retries, attempt starts; within a kind
 * by creation. So a view at t shows every commit at t.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "core/driver/simulate_private.h"

#define PROGRESS_EVENTS 16384        /* events between two calls of config->progress */
#define INSTANT_EVENTS_MAX 50000000u /* at one instant: more only if nothing lets time pass */

int sim_no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory to go on with the simulation");
}

int sim_push(struct simulation *sim, int64_t time_us, enum event_kind kind, void *what,
             omega_error_t *err)
{
    if (time_us > sim->config->horizon_us) {
        return OMEGA_OK; /* never happens; whoever needs it at the horizon looks elsewhere */
    }
    return events_push(&sim->events, time_us, kind, what) == OMEGA_OK ? OMEGA_OK
                                                                      : sim_no_memory(err);
}

int64_t sim_later(int64_t now_us, int64_t delay_us)
{
    return delay_us > INT64_MAX - now_us ? INT64_MAX : now_us + delay_us;
}

void sim_tell_totals(struct simulation *sim)
{
    struct store_totals totals;
    store_totals(sim->store, &totals);
    metrics_totals(sim->metrics, sim->now_us, &totals);
}

/* ---- setting up ---- */

static int start_runners(struct simulation *sim, omega_error_t *err)
{
    const struct run_config *config = sim->config;
    uint32_t id = 0;
    int rc = attempt_memory_open(&sim->attempt_memory, sim->metrics, true, err);
    for (uint32_t s = 0; rc == OMEGA_OK && s < config->scheduler_count; s++) {
        sim->first_runner[s] = id;
        for (uint32_t number = 0; rc == OMEGA_OK && number < config->schedulers[s].instances;
             number++, id++) {
            rc = runner_open(&sim->runners[id], config, sim->store, sim->metrics, s, number,
                             (uint16_t)id, err);
            sim->runners[id].memory = &sim->attempt_memory;
            sim->runners[id].spares = &sim->spare_jobs;
        }
    }
    return rc;
}

static int start_arrivals(struct simulation *sim, omega_error_t *err)
{
    int rc = OMEGA_OK;
    for (uint32_t w = 0; rc == OMEGA_OK && w < sim->config->workload_count; w++) {
        if (sim->config->workloads[w].source != NULL) {
            struct arrival *arrival = &sim->arrivals[sim->arrival_count++];
            arrival->source = sim->config->workloads[w].source;
            rc = sim_fetch(sim, arrival, err);
        }
    }
    return rc;
}

static int start_machine_events(struct simulation *sim, omega_error_t *err)
{
    const struct run_config *config = sim->config;
    int rc = OMEGA_OK;
    sim->changes = calloc(config->event_count + 1u, sizeof *sim->changes);
    if (sim->changes == NULL) {
        return sim_no_memory(err);
    }
    for (uint32_t i = 0; rc == OMEGA_OK && i < config->event_count; i++) {
        sim->changes[i].event = config->events[i];
        rc = sim_push(sim, config->events[i].time_us, EVENT_MACHINE, &sim->changes[i], err);
    }
    if (rc != OMEGA_OK || config->failures.up_s == NULL) {
        return rc;
    }
    size_t n = config->cell.machine_count + 1u;
    sim->failures = calloc(n, sizeof *sim->failures);
    sim->failing = calloc(n, sizeof *sim->failing);
    if (sim->failures == NULL || sim->failing == NULL) {
        return sim_no_memory(err);
    }
    for (uint32_t m = 0; rc == OMEGA_OK && m < config->cell.machine_count; m++) {
        omega_random_init(&sim->failures[m], config->seed, RUN_FAILURES_STREAM, m);
        rc = config->cell.machines[m].absent ? OMEGA_OK : sim_plan_failure(sim, m, true, err);
    }
    return rc;
}

static int start_prefill(struct simulation *sim, omega_error_t *err)
{
    int rc = prefill_cell(sim->config, sim->store, sim->metrics, &sim->prefill_ends,
                          &sim->prefill_end_count, err);
    for (uint32_t i = 0; rc == OMEGA_OK && i < sim->prefill_end_count; i++) {
        const struct prefill_end *end = &sim->prefill_ends[i];
        rc = sim_push_end(sim, NULL, omega_placement_version(end->placement), end->time_us, 1,
                          omega_placement_position(end->placement), NULL, err);
    }
    if (rc == OMEGA_OK) {
        sim_tell_totals(sim);
    }
    return rc;
}

static int start(struct simulation *sim, omega_error_t *err)
{
    const struct run_config *config = sim->config;
    for (uint32_t s = 0; s < config->scheduler_count; s++) {
        sim->runner_count += config->schedulers[s].instances;
    }
    sim->runners = calloc(sim->runner_count + 1u, sizeof *sim->runners);
    sim->first_runner = calloc(config->scheduler_count + 1u, sizeof *sim->first_runner);
    sim->queued = calloc(config->scheduler_count + 1u, sizeof *sim->queued);
    sim->arrivals = calloc(config->workload_count + 1u, sizeof *sim->arrivals);
    sim->eligibility = eligibility_create(config);
    int assigned = assigner_init(&sim->assigner, config);
    if (sim->runners == NULL || sim->first_runner == NULL || sim->queued == NULL ||
        sim->arrivals == NULL || sim->eligibility == NULL || assigned != OMEGA_OK) {
        return sim_no_memory(err);
    }
    sim->is_far = config->cell.machine_count >= CACHE_MACHINES_FAR;
    sim->machines_change = config->event_count > 0 || config->failures.up_s != NULL;
    if (config->recording != NULL && config->recording->live) {
        eligibility_by_id(sim->eligibility);
    }
    int rc = run_store_open(config, &sim->store, &sim->scratch, err);
    rc = rc == OMEGA_OK ? start_prefill(sim, err) : rc;
    rc = rc == OMEGA_OK ? start_runners(sim, err) : rc;
    rc = rc == OMEGA_OK ? start_machine_events(sim, err) : rc;
    sim->room_due_us = metrics_room_due(sim->metrics);
    return rc == OMEGA_OK ? start_arrivals(sim, err) : rc;
}

/* ---- the loop ---- */

/* Apart: gcc takes run_simulate(), which is called in one place, for cold, and copies structures in
 * it by string instructions. */
static __attribute__((noinline)) int handle(struct simulation *sim, enum event_kind kind,
                                            void *what, omega_error_t *err)
{
    switch (kind) {
    case EVENT_MACHINE:
        return sim_on_machine(sim, what, err);
    case EVENT_TASKS_END:
        return sim_on_tasks_end(sim, what, err);
    case EVENT_COMMIT:
        return sim_on_commit(sim, what, err);
    case EVENT_ARRIVAL:
        return sim_on_arrival(sim, what, err);
    case EVENT_RETRY:
        return sim_on_retry(sim, what, err);
    case EVENT_ATTEMPT:
        return sim_on_attempt(sim, what, err);
    }
    return OMEGA_OK;
}

/* Whether the run has been asked to stop; progress is told now and then. */
static bool stopped(const struct run_config *config, const struct simulation *sim, uint64_t handled)
{
    if (config->stop != NULL && *config->stop != 0) {
        return true;
    }
    return handled % PROGRESS_EVENTS == 0 && config->progress != NULL &&
           config->progress(config->context, sim->now_us, sim->submitted) != 0;
}

/* Asks in a large cell for what the next event will look at, which was last touched long ago: of
 * tasks that end, when they were placed; of an attempt, before all that have begun meanwhile. */
static void look_ahead(struct simulation *sim)
{
    enum event_kind kind;
    if (!sim->is_far) {
        return;
    }
    const struct event *event = events_ahead(&sim->events, &kind);
    if (event == NULL || event->order == sim->prepared) {
        return;
    }
    sim->prepared = event->order;
    if (kind == EVENT_TASKS_END) {
        const struct tasks_end *end = event->what;
        run_job_prefetch(end->job);
        store_expect_job(end->in_table);
        store_expect_placements(end->placements);
    } else if (kind == EVENT_COMMIT) {
        const struct runner *runner = event->what;
        run_job_prefetch(runner->job);
        store_expect_job(runner->in_table);
    }
}

static int loop(struct simulation *sim, omega_error_t *err)
{
    struct event event;
    enum event_kind kind;
    uint64_t handled = 0;
    uint64_t instant = 0; /* events handled before this instant */
    int rc = OMEGA_OK;
    while (rc == OMEGA_OK && events_pop(&sim->events, &event, &kind)) {
        instant = event.time_us == sim->now_us ? instant : handled;
        sim->now_us = event.time_us;
        metrics_event(sim->metrics);
        look_ahead(sim);
        int measured =
            event.time_us > sim->room_due_us ? sim_measure_room(sim, event.time_us, err) : OMEGA_OK;
        rc = handle(sim, kind, event.what, err); /* in any case: it owns what came with it */
        rc = rc == OMEGA_OK ? measured : rc;
        handled++;
        if (rc == OMEGA_OK && handled - instant > INSTANT_EVENTS_MAX) {
            rc = omega_error_set(err, OMEGA_EINVAL,
                                 "time stands still at %" PRId64 " us: %u events at one instant, "
                                 "expected a decision time, a retry delay or an attempt limit",
                                 sim->now_us, INSTANT_EVENTS_MAX);
        }
        if (rc == OMEGA_OK && stopped(sim->config, sim, handled)) {
            rc = omega_error_set(err, OMEGA_EINTR, "interrupted");
        }
    }
    return rc == OMEGA_OK ? sim_measure_room(sim, INT64_MAX, err) : rc;
}

static void cut_attempt(struct simulation *sim, struct runner *runner)
{
    if (sim->config->cut == RUN_CUT_DROPPED) {
        attempt_drop(runner);
        return;
    }
    struct metrics_attempt attempt = {
        .scheduler = runner->scheduler,
        .instance = runner->number,
        .workload = runner->job->job->workload,
        .attempt = runner->job->attempts,
        .start_us = runner->start_us,
        .redone = sim_redoes(runner),
    };
    metrics_attempt_cut(sim->metrics, &attempt, runner->job->job->submit_us);
}

/* The horizon: attempts in progress are cut, jobs that have not ended are told as they stand. */
static void finish(struct simulation *sim)
{
    sim->now_us = sim->config->horizon_us;
    for (uint32_t i = 0; i < sim->runner_count; i++) {
        if (sim->runners[i].job != NULL) {
            cut_attempt(sim, &sim->runners[i]);
        }
    }
    for (struct run_job *job = sim->live_first; job != NULL; job = sim->live_first) {
        enum metrics_job_outcome outcome = METRICS_JOB_RUNNING;
        if (job->abandoned) {
            outcome = METRICS_JOB_ABANDONED;
        } else if (job->unplaced > 0) {
            outcome = METRICS_JOB_PENDING;
        }
        sim_tell_tasks(sim, job, METRICS_JOB_RUNNING, job->running);
        sim_tell_tasks(sim, job, METRICS_JOB_PENDING, job->unplaced);
        sim_tell_job(sim, job, outcome);
        sim->live_first = job->live_next;
        sim_release_hold(sim, job); /* now that it is at hand; nobody looks at queues any more */
    }
    sim->live_last = NULL;
    map_clear(&sim->jobs);
    metrics_finish(sim->metrics, sim->now_us);
    sim_log_horizon(sim);
}

/* A live view, or NULL if no instance has one: all show the same arrays. */
static const struct store_view *live_view(const struct simulation *sim)
{
    for (uint32_t i = 0; i < sim->runner_count; i++) {
        if (sim->runners[i].view->mode == STORE_VIEW_LIVE) {
            return sim->runners[i].view;
        }
    }
    return NULL;
}

/* The run has proved itself only if the cell it leaves is sound. */
static int check_cell(struct simulation *sim, struct store_report *report, omega_error_t *err)
{
    struct store_report own;
    struct store_report *checked = report == NULL ? &own : report;
    const struct store_view *live = live_view(sim);
    int rc = live == NULL ? store_check(sim->store, checked, err)
                          : store_check_view(sim->store, live, checked, err);
    if (rc == OMEGA_OK && checked->violations > 0) {
        rc =
            omega_error_set(err, OMEGA_ECORRUPT, "the cell breaks %" PRIu64 " invariants, first %s",
                            checked->violations, checked->first);
    }
    return rc;
}

/* A cell with a place of its own stays if the run came to its end, and if it broke an invariant, to
 * be looked at; half a run is of no use. One that should go and stays behind takes nothing from the
 * results: it is told, no more. */
static void close_store(struct simulation *sim, int result)
{
    bool keep =
        sim->config->store.directory != NULL && (result == OMEGA_OK || result == OMEGA_ECORRUPT);
    char text[sizeof(omega_error_t)];
    omega_error_t err = {0};
    if (run_store_close(sim->store, sim->scratch, keep, &err) != OMEGA_OK &&
        sim->config->log != NULL) {
        omega_error_format(&err, text, sizeof text);
        sim->config->log(sim->config->context, "store", OMEGA_LOG_WARNING, text);
    }
}

/* `result` is what the run returns. */
static void close_simulation(struct simulation *sim, int result)
{
    struct event event;
    enum event_kind kind;
    while (events_pop(&sim->events, &event, &kind)) {
        if (kind == EVENT_TASKS_END) {
            struct tasks_end *end = event.what;
            if (end->job != NULL) {
                sim_release_hold(sim, end->job);
            }
            sim_drop_end(sim, end);
        }
    }
    events_release(&sim->events);
    struct run_job *next = NULL;
    for (struct run_job *job = sim->live_first; job != NULL; job = next) {
        next = job->live_next;
        sim_release_hold(sim, job);
    }
    for (uint32_t i = 0; i < sim->arrival_count; i++) {
        run_job_destroy(sim->arrivals[i].next, &sim->spare_jobs);
    }
    for (uint32_t i = 0; sim->runners != NULL && i < sim->runner_count; i++) {
        runner_close(&sim->runners[i], sim->store);
    }
    eligibility_destroy(sim->eligibility);
    map_clear(&sim->jobs);
    close_store(sim, result);
    free(sim->runners);
    free(sim->first_runner);
    assigner_fini(&sim->assigner);
    free(sim->queued);
    free(sim->arrivals);
    free(sim->changes);
    free(sim->failures);
    free(sim->failing);
    free(sim->prefill_ends);
    attempt_memory_close(&sim->attempt_memory);
    spares_free(&sim->spare_jobs.jobs);
    spare_sizes_free(&sim->spare_jobs.placed);
    spares_free(&sim->spare_ends);
    free(sim->ids);
    free(sim->released);
}

int run_simulate(const struct run_config *config, struct metrics *metrics,
                 struct store_report *report, struct store_counters *counters, omega_error_t *err)
{
    struct simulation sim = {.config = config, .metrics = metrics};
    int rc = start(&sim, err);
    if (rc == OMEGA_OK) {
        rc = loop(&sim, err);
    }
    if (rc == OMEGA_OK) {
        finish(&sim);
        rc = check_cell(&sim, report, err);
        if (counters != NULL) {
            store_counters(sim.store, counters);
        }
    }
    if (rc == OMEGA_OK && metrics_status(metrics) != OMEGA_OK) {
        rc = sim_no_memory(err);
    }
    close_simulation(&sim, rc);
    return rc;
}
