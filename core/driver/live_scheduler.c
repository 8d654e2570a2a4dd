/* SPDX-License-Identifier: MIT */
/*
 * A scheduler instance of a live run: finds its jobs in the cell's table of jobs, plans them one at
 * a time, and commits. An attempt is that of the simulator (attempt.c); here the time between its
 * two halves is slept.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/driver/live_private.h"

struct scheduler {
    struct live_process *process;
    struct runner runner;
    struct eligibility *eligibility;
    struct events retries; /* struct run_job, that wait to be queued again */
    uint64_t next_id;      /* jobs below it have been looked at */
    int status;            /* of what the store calls back ... */
    omega_error_t *err;    /* ... and why */
};

/* ---- the queue ---- */

static void enqueue(struct scheduler *scheduler, struct run_job *job, bool front, int64_t now_us)
{
    struct runner *runner = &scheduler->runner;
    job->queued_since_us = now_us;
    job->queue_next = front ? runner->first : NULL;
    if (front) {
        runner->last = runner->first == NULL ? job : runner->last;
        runner->first = job;
    } else {
        *(runner->first == NULL ? &runner->first : &runner->last->queue_next) = job;
        runner->last = job;
    }
}

static struct run_job *dequeue(struct scheduler *scheduler)
{
    struct runner *runner = &scheduler->runner;
    struct run_job *job = runner->first;
    runner->first = job->queue_next;
    runner->last = runner->first == NULL ? NULL : runner->last;
    return job;
}

/* Enters into a job what of it has been placed in an earlier life of this instance. */
static bool take_placed(struct run_job *job, const struct lmdb_job *said)
{
    size_t slots = job->job->slots;
    memcpy(job->placed, said->placed, slots);
    for (size_t t = 0; t < slots; t++) {
        job->placements += said->placed[t];
    }
    job->unplaced = said->pending;
    job->running = said->running;
    job->attempts = said->attempt;
    if (said->machine_of == NULL) {
        return true;
    }
    job->machine_of = malloc(slots * sizeof *job->machine_of);
    if (job->machine_of != NULL) {
        memcpy(job->machine_of, said->machine_of, slots * sizeof *job->machine_of);
    }
    return job->machine_of != NULL;
}

/* A job of the table in the numbers of a catalogue that holds all of its texts. */
static struct run_job *translate_job(const struct catalogue *catalogue, const struct lmdb_job *said)
{
    struct omega_job job = *said->job;
    struct omega_task_group *groups = malloc(job.group_count * sizeof *groups);
    bool known = groups != NULL;
    for (uint32_t g = 0; known && g < job.group_count; g++) {
        groups[g] = job.groups[g];
        known = catalogue_find_constraints(catalogue, said->constraints[g], &groups[g].constraints);
    }
    job.groups = groups;
    job.user = symbols_find(catalogue_symbols(catalogue), said->user, strlen(said->user));
    job.user = job.user == SYMBOL_NONE ? 0 : job.user;
    struct run_job *made = known ? run_job_create(&job, job.id) : NULL;
    free(groups);
    return made;
}

/* A job of the table as this process knows it. On a standing cell the store's catalogue is its own,
 * and all jobs are of one workload. */
static struct run_job *take_job(const struct scheduler *scheduler, const struct lmdb_job *said)
{
    const struct live_process *process = scheduler->process;
    struct run_job *made = process->standing == NULL
                               ? translate_job(process->config->cell.catalogue, said)
                               : run_job_create(said->job, said->job->id);
    if (made != NULL && process->standing != NULL) {
        made->job->workload = 0;
    }
    if (made != NULL && !take_placed(made, said)) {
        run_job_destroy(made);
        made = NULL;
    }
    return made;
}

/* Queues a job that is this instance's. */
static int find_job(void *context, const struct lmdb_job *said)
{
    struct scheduler *scheduler = context;
    scheduler->next_id = said->job->id + 1;
    if (said->instance != scheduler->runner.id || said->pending == 0 || said->given_up) {
        return OMEGA_OK;
    }
    struct run_job *job = take_job(scheduler, said);
    if (job == NULL) {
        return scheduler->status = omega_error_set(scheduler->err, OMEGA_ENOMEM,
                                                   "no memory for job %" PRIu64, said->job->id);
    }
    scheduler->status = eligibility_of(scheduler->eligibility, job, scheduler->err);
    enqueue(scheduler, job, false, job->job->submit_us);
    return scheduler->status;
}

static int find_jobs(struct scheduler *scheduler, omega_error_t *err)
{
    scheduler->err = err;
    struct standing *standing = scheduler->process->standing;
    if (standing != NULL) {
        standing_serve(standing);
        if (standing_drains(standing)) {
            return OMEGA_OK;
        }
    }
    return lmdb_jobs_from(scheduler->process->store, scheduler->next_id, find_job, scheduler, err);
}

static void take_retries(struct scheduler *scheduler)
{
    struct live_process *process = scheduler->process;
    struct event event;
    enum event_kind kind;
    int64_t now_us = live_now_us(process);
    while (scheduler->retries.count > 0 && scheduler->retries.heap[0].time_us <= now_us &&
           now_us < process->config->horizon_us) {
        events_pop(&scheduler->retries, &event, &kind);
        struct run_job *job = event.what;
        struct log_place place = live_place(process, now_us);
        run_log_retry(&place, job->job->id);
        enqueue(scheduler, job, scheduler->runner.config->retry.queue == RUN_QUEUE_FRONT, now_us);
    }
}

/* ---- attempts ---- */

static void add_spent(struct live_spent *spent, int64_t since_ns)
{
    uint64_t ns = (uint64_t)(live_clock_ns() - since_ns);
    spent->count++;
    spent->total_ns += ns;
    spent->max_ns = ns > spent->max_ns ? ns : spent->max_ns;
}

/* True once time, or the process, is over. */
static bool is_over(const struct live_process *process)
{
    return live_stopped() || live_now_us(process) >= process->config->horizon_us;
}

/* The first half, and the decision time. */
static int begin_attempt(struct scheduler *scheduler, int64_t now_us, omega_error_t *err)
{
    struct live_process *process = scheduler->process;
    struct runner *runner = &scheduler->runner;
    bool plans = runner->config->place != RUN_PLACE_END;
    struct log_place place = live_place(process, now_us);
    int64_t since_ns = live_clock_ns();
    int rc = attempt_begin(runner, process->store, now_us, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (plans) {
        add_spent(&process->slot->times.plan, since_ns);
        place.version =
            runner->synced_version > place.version ? runner->synced_version : place.version;
    }
    run_log_attempt(&place, runner);
    now_us = live_now_us(process);
    int64_t until_us = now_us + (process->options->emulate ? runner->decision_us : 0);
    while (!is_over(process) && live_now_us(process) < until_us) {
        live_wait(process, until_us, false);
    }
    if (plans || is_over(process)) {
        return OMEGA_OK;
    }
    since_ns = live_clock_ns();
    rc = attempt_plan(runner, process->store, live_now_us(process), err);
    add_spent(&process->slot->times.plan, since_ns);
    return rc;
}

static int settle(struct scheduler *scheduler, enum settlement settlement, int64_t now_us,
                  omega_error_t *err)
{
    struct live_process *process = scheduler->process;
    struct run_job *job = scheduler->runner.job;
    uint32_t tasks = 0;
    int rc = OMEGA_OK;
    scheduler->runner.job = NULL;
    if (settlement == SETTLED_RETRY) {
        if (events_push(&scheduler->retries, now_us + (int64_t)job->retry_delay_us, EVENT_RETRY,
                        job) == OMEGA_OK) {
            return OMEGA_OK;
        }
        rc = omega_error_set(err, OMEGA_ENOMEM, "no memory to try a job again");
    } else if (settlement == SETTLED_ABANDON) {
        int64_t then_us = live_now_us(process);
        rc = store_abandon(process->store, job->job->id, &tasks, err);
        struct log_place place = live_place(process, then_us);
        run_log_abandonment(&place, job->job->id, tasks);
        if (process->standing != NULL) {
            standing_tell_abandoned(process->standing, job->job->id, tasks);
        }
    }
    run_job_destroy(job);
    return rc;
}

/* The second half. The clock is read before the commit, whose version may then not be later. */
static int end_attempt(struct scheduler *scheduler, int64_t now_us, omega_error_t *err)
{
    struct live_process *process = scheduler->process;
    struct runner *runner = &scheduler->runner;
    struct omega_result result;
    int64_t duration_us = 0;
    enum settlement settlement = SETTLED_DONE;
    int64_t since_ns = live_clock_ns();
    int rc = attempt_end(runner, process->store, &result, &duration_us, &settlement, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (runner->claim_count > 0 && !runner->falls_short) {
        add_spent(&process->slot->times.commit, since_ns);
    }
    if (result.accepted > 0) {
        live_wake_send(process->wake, LIVE_EXECUTOR);
    }
    if (process->standing != NULL) {
        standing_tell_attempt(process->standing, runner, &result);
    }
    struct log_place place = live_place(process, now_us);
    run_log_commit(&place, runner, &result, duration_us);
    return settle(scheduler, settlement, now_us, err);
}

/* Plans the first job of the queue. An attempt that the horizon cuts is left as it is. */
static int attempt(struct scheduler *scheduler, omega_error_t *err)
{
    struct live_process *process = scheduler->process;
    int64_t now_us = live_now_us(process);
    if (now_us >= process->config->horizon_us) {
        return OMEGA_OK;
    }
    scheduler->runner.job = dequeue(scheduler);
    int rc = begin_attempt(scheduler, now_us, err);
    now_us = live_now_us(process);
    if (rc != OMEGA_OK || live_stopped() || now_us >= process->config->horizon_us) {
        return rc;
    }
    return end_attempt(scheduler, now_us, err);
}

/* ---- the whole ---- */

static int run(struct scheduler *scheduler, omega_error_t *err)
{
    struct live_process *process = scheduler->process;
    int rc = OMEGA_OK;
    while (rc == OMEGA_OK && !is_over(process)) {
        take_retries(scheduler);
        rc = find_jobs(scheduler, err);
        if (rc == OMEGA_OK && scheduler->runner.first != NULL) {
            rc = attempt(scheduler, err);
        } else if (rc == OMEGA_OK) {
            bool more = scheduler->retries.count > 0;
            live_wait(process,
                      more ? scheduler->retries.heap[0].time_us : process->config->horizon_us,
                      true);
        }
    }
    return rc;
}

static int open_scheduler(struct scheduler *scheduler, uint32_t id, omega_error_t *err)
{
    struct live_process *process = scheduler->process;
    const struct run_config *config = process->config;
    uint32_t s = 0;
    uint32_t number = process->standing == NULL ? id : 0;
    while (number >= config->schedulers[s].instances) {
        number -= config->schedulers[s++].instances;
    }
    scheduler->eligibility = eligibility_create(config);
    if (scheduler->eligibility == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for a scheduler instance");
    }
    eligibility_by_id(scheduler->eligibility);
    int rc = live_join_in(process, config->schedulers[s].name, err);
    return rc == OMEGA_OK ? runner_open(&scheduler->runner, config, process->store,
                                        process->metrics, s, number, (uint16_t)id, err)
                          : rc;
}

/* Leaves what the module has counted where it will be found. */
static void tell_counters(const struct scheduler *scheduler)
{
    struct live_slot *slot = scheduler->process->slot;
    const char *name = NULL;
    int64_t value = 0;
    while (slot->counter_count < METRICS_COUNTERS_MAX &&
           metrics_read_counter(scheduler->process->metrics, scheduler->runner.scheduler,
                                slot->counter_count, &name, &value)) {
        struct live_counter *counter = &slot->counters[slot->counter_count++];
        snprintf(counter->name, sizeof counter->name, "%s", name);
        counter->value = value;
    }
}

static void close_scheduler(struct scheduler *scheduler)
{
    struct event event;
    enum event_kind kind;
    while (events_pop(&scheduler->retries, &event, &kind)) {
        run_job_destroy(event.what);
    }
    events_release(&scheduler->retries);
    while (scheduler->runner.first != NULL) {
        run_job_destroy(dequeue(scheduler));
    }
    run_job_destroy(scheduler->runner.job);
    eligibility_destroy(scheduler->eligibility);
    if (scheduler->process->store != NULL) {
        runner_close(&scheduler->runner, scheduler->process->store);
    }
}

int live_schedule(struct live_process *process, void *context, omega_error_t *err)
{
    struct scheduler scheduler = {.process = process, .next_id = 1};
    (void)context;
    int rc = open_scheduler(&scheduler, process->number - LIVE_SCHEDULERS, err);
    if (rc == OMEGA_OK && process->standing != NULL) {
        standing_watch(process->standing, &scheduler.runner, &scheduler.retries);
    }
    if (rc == OMEGA_OK) {
        live_begin(process);
        rc = live_wake_peer(process->wake, LIVE_EXECUTOR, err);
    }
    if (rc == OMEGA_OK) {
        rc = run(&scheduler, err);
        tell_counters(&scheduler);
    }
    close_scheduler(&scheduler);
    return rc;
}
