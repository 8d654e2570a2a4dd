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
    runner->queued++;
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
    runner->queued--;
    runner->first = job->queue_next;
    runner->last = runner->first == NULL ? NULL : runner->last;
    return job;
}

/* A job of the table as this process knows it: its texts as numbers of the catalogue. */
static struct run_job *take_job(struct scheduler *scheduler, const struct lmdb_job *said)
{
    const struct catalogue *catalogue = scheduler->process->config->cell.catalogue;
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
    live_page_plans(process, runner, since_ns);
    int rc = attempt_begin(runner, process->store, now_us, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (plans) {
        live_page_planned(process, runner, live_clock_ns());
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
    live_page_plans(process, runner, since_ns);
    rc = attempt_plan(runner, process->store, live_now_us(process), err);
    live_page_planned(process, runner, live_clock_ns());
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
    live_page_attempt(process, runner, &result, settlement, live_clock_ns() - since_ns);
    if (runner->claim_count > 0 && !runner->falls_short) {
        add_spent(&process->slot->times.commit, since_ns);
    }
    if (result.accepted > 0) {
        live_wake_send(process->wake, LIVE_EXECUTOR);
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
        page_set(scheduler->process->page, PAGE_QUEUED,
                 scheduler->runner.queued + scheduler->retries.count);
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
    uint32_t number = id;
    while (number >= config->schedulers[s].instances) {
        number -= config->schedulers[s++].instances;
    }
    scheduler->eligibility = eligibility_create(config);
    if (scheduler->eligibility == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for a scheduler instance");
    }
    eligibility_by_id(scheduler->eligibility);
    int rc = live_join_in(process, config->schedulers[s].name, err);
    rc = rc == OMEGA_OK ? runner_open(&scheduler->runner, config, process->store, process->metrics,
                                      s, number, (uint16_t)id, err)
                        : rc;
    if (rc != OMEGA_OK) {
        return rc;
    }
    const struct page_who who = {
        .role = PAGE_SCHEDULER,
        .module = module_scheduler(config->schedulers[s].module)->name,
        .scheduler = config->schedulers[s].name,
        .instance = scheduler->runner.id,
        .incarnation = scheduler->runner.incarnation,
    };
    return live_page_open(process, &who, err);
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
    if (rc == OMEGA_OK) {
        live_begin(process);
        rc = live_wake_peer(process->wake, LIVE_EXECUTOR, err);
    }
    if (rc == OMEGA_OK) {
        rc = run(&scheduler, err);
        tell_counters(&scheduler);
    }
    close_scheduler(&scheduler);
    live_page_close(process);
    return rc;
}
