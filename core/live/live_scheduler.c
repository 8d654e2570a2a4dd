/* SPDX-License-Identifier: MIT */
/*
 * A scheduler instance of a live run: finds its jobs in the cell's table of jobs, plans them one at
 * a time, and commits. An attempt is that of the simulator (attempt.c); here the time between its
 * two halves is slept.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "core/live/live_scheduler_private.h"

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
static int begin_attempt(struct live_scheduler *scheduler, int64_t now_us, omega_error_t *err)
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

/* Gives a job up, at the time of the attempt that was its last: by now the horizon may have passed.
 * The log is told behind which version that was: others may have changed the cell since, and taken
 * tasks of the job off with a machine. */
static int abandon(struct live_process *process, const struct run_job *job, int64_t now_us,
                   omega_error_t *err)
{
    struct log_place place = {.log = process->log, .time_us = now_us};
    uint32_t tasks = 0;
    live_intend_abandonment(process, job->job->id, job->unplaced, place.time_us);
    int rc = process->standing == NULL ? OMEGA_OK
                                       : standing_abandon(process->standing, job->job->id, err);
    rc = rc == OMEGA_OK ? store_abandon(process->store, job->job->id, &tasks, &place.version, err)
                        : rc;
    if (rc != OMEGA_OK) {
        return rc;
    }
    run_log_abandonment(&place, job->job->id, tasks);
    live_intended(process);
    if (process->standing != NULL) {
        standing_tell_abandoned(process->standing, job->job->id, tasks);
    }
    return OMEGA_OK;
}

static int settle(struct live_scheduler *scheduler, enum settlement settlement, int64_t now_us,
                  omega_error_t *err)
{
    struct live_process *process = scheduler->process;
    struct run_job *job = scheduler->runner.job;
    int rc = OMEGA_OK;
    scheduler->runner.job = NULL;
    if (settlement == SETTLED_RETRY) {
        if (events_push(&scheduler->retries, now_us + (int64_t)job->retry_delay_us, EVENT_RETRY,
                        job) == OMEGA_OK) {
            return OMEGA_OK;
        }
        rc = omega_error_set(err, OMEGA_ENOMEM, "no memory to try a job again");
    } else if (settlement == SETTLED_ABANDON) {
        rc = abandon(process, job, now_us, err);
    }
    live_drop_job(scheduler, job);
    return rc;
}

/* Commits and settles. A gang of which tasks were lost since the table was looked at is none any
 * more, which the store says: then it is one that falls short. */
static int commit(struct live_scheduler *scheduler, struct omega_result *result,
                  int64_t *duration_us, enum settlement *settlement, omega_error_t *err)
{
    struct runner *runner = &scheduler->runner;
    struct store *store = scheduler->process->store;
    omega_error_t own = {0};
    int rc = attempt_end(runner, store, result, duration_us, settlement, &own);
    if (rc == OMEGA_EINVAL && live_has_lost(scheduler)) {
        rc = live_look_again(scheduler, err);
        if (rc == OMEGA_OK && runner->plan.count < runner->job->unplaced) {
            return attempt_end(runner, store, result, duration_us, settlement, err);
        }
        rc = rc == OMEGA_OK ? OMEGA_EINVAL : rc;
    }
    return rc == OMEGA_OK ? rc : omega_error_set(err, rc, "%s", own.text);
}

/* The second half. The clock is read before the commit, whose version may then not be later. */
static int end_attempt(struct live_scheduler *scheduler, int64_t now_us, omega_error_t *err)
{
    struct live_process *process = scheduler->process;
    struct runner *runner = &scheduler->runner;
    struct omega_result result;
    int64_t duration_us = 0;
    enum settlement settlement = SETTLED_DONE;
    int rc = live_has_lost(scheduler) ? live_look_again(scheduler, err) : OMEGA_OK;
    if (rc != OMEGA_OK) {
        return rc;
    }
    bool sends = runner->plan.count > 0 && !runner->falls_short;
    if (sends) {
        live_intend_commit(process, runner, now_us);
    }
    int64_t since_ns = live_clock_ns();
    rc = commit(scheduler, &result, &duration_us, &settlement, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    live_page_attempt(process, runner, &result, settlement, live_clock_ns() - since_ns);
    if (result.accepted > 0 && omega_job_is_elastic(runner->job->job)) {
        live_intend_duration(process, duration_us);
        rc = live_tell_duration(process, runner->job->job->id, duration_us, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (runner->plan.count > 0 && !runner->falls_short) {
        add_spent(&process->slot->times.commit, since_ns);
    }
    if (result.accepted > 0) {
        live_wake_up(process, LIVE_EXECUTOR);
    }
    if (process->standing != NULL) {
        standing_tell_attempt(process->standing, runner, &result);
    }
    struct log_place place = live_place(process, now_us);
    run_log_commit(&place, runner, &result, duration_us);
    if (sends) {
        live_intended(process);
    }
    atomic_fetch_add(&process->slot->done, 1);
    atomic_fetch_add(&process->slot->placed, result.accepted);
    return settle(scheduler, settlement, now_us, err);
}

/* Plans the first job of the queue. An attempt that the horizon cuts is left as it is. */
static int attempt(struct live_scheduler *scheduler, omega_error_t *err)
{
    struct live_process *process = scheduler->process;
    lmdb_give_way(process->store, &scheduler->since_us);
    int64_t now_us = live_now_us(process);
    if (now_us >= process->config->horizon_us) {
        return OMEGA_OK;
    }
    scheduler->runner.job = live_dequeue(scheduler);
    int rc = begin_attempt(scheduler, now_us, err);
    now_us = live_now_us(process);
    if (rc != OMEGA_OK || live_stopped() || now_us >= process->config->horizon_us) {
        return rc;
    }
    return end_attempt(scheduler, now_us, err);
}

/* ---- the whole ---- */

static int run(struct live_scheduler *scheduler, omega_error_t *err)
{
    struct live_process *process = scheduler->process;
    int rc = OMEGA_OK;
    while (rc == OMEGA_OK && !is_over(process)) {
        live_beat(process);
        live_take_retries(scheduler);
        if (scheduler->runner.first == NULL) {
            live_listen(process);
        }
        rc = live_find_jobs(scheduler, err);
        page_set(process->page, PAGE_QUEUED,
                 scheduler->runner.queued + events_count(&scheduler->retries));
        if (rc == OMEGA_OK && scheduler->runner.first != NULL) {
            rc = attempt(scheduler, err);
        } else if (rc == OMEGA_OK) {
            int64_t retry_us = events_next_us(&scheduler->retries);
            int64_t horizon_us = process->config->horizon_us;
            live_wait(process, retry_us < horizon_us ? retry_us : horizon_us, true);
            scheduler->since_us = 0;
        }
    }
    return rc;
}

static int open_scheduler(struct live_scheduler *scheduler, uint32_t id, omega_error_t *err)
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
    if (rc == OMEGA_OK && live_is_successor(process)) {
        rc = live_finish_attempt(process, err);
    }
    rc = rc == OMEGA_OK ? runner_open(&scheduler->runner, config, process->store, process->metrics,
                                      s, number, (uint16_t)id, err)
                        : rc;
    scheduler->runner.memory = &scheduler->memory;
    if (rc == OMEGA_OK) {
        rc = attempt_memory_open(&scheduler->memory, process->metrics, false, err);
    }
    if (rc == OMEGA_OK && process->standing != NULL) {
        rc = live_tell_untold(process, scheduler->runner.id, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    const struct page_who who = {
        .role = PAGE_SCHEDULER,
        .module = module_scheduler(config->schedulers[s].module)->name,
        .scheduler = config->schedulers[s].name,
        .instance = scheduler->runner.id,
        .place = (uint16_t)number,
        .incarnation = scheduler->runner.incarnation,
    };
    return live_page_open(process, &who, err);
}

/* Tells that this process goes on where another one was ended; it finds its jobs in the table. */
static void tell_restart(const struct live_scheduler *scheduler)
{
    struct live_process *process = scheduler->process;
    int64_t now_us = live_now_us(process);
    if (now_us >= process->config->horizon_us) {
        return;
    }
    struct log_place place = live_place(process, now_us);
    run_log_restart(&place, scheduler->runner.id, scheduler->runner.incarnation);
}

/* Leaves what the module has counted where it will be found. */
static void tell_counters(const struct live_scheduler *scheduler)
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

static void close_scheduler(struct live_scheduler *scheduler)
{
    live_drop_jobs(scheduler);
    eligibility_destroy(scheduler->eligibility);
    if (scheduler->process->store != NULL) {
        runner_close(&scheduler->runner, scheduler->process->store);
    }
    attempt_memory_close(&scheduler->memory);
}

int live_schedule(struct live_process *process, void *context, omega_error_t *err)
{
    struct live_scheduler scheduler = {.process = process, .next_id = 1};
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
        if (live_is_successor(process)) {
            tell_restart(&scheduler);
        }
        rc = run(&scheduler, err);
        tell_counters(&scheduler);
    }
    close_scheduler(&scheduler);
    live_page_close(process);
    return rc;
}
