/* SPDX-License-Identifier: MIT */
/*
 * The jobs of a scheduler instance of a live run. Its queue is the cell's table of jobs; what is
 * kept here is their order, and what the table says of them in the form that planning needs.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/live/live_scheduler_private.h"

static void enqueue(struct live_scheduler *scheduler, struct run_job *job, bool front,
                    int64_t now_us)
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

struct run_job *live_dequeue(struct live_scheduler *scheduler)
{
    struct runner *runner = &scheduler->runner;
    struct run_job *job = runner->first;
    runner->queued--;
    runner->first = job->queue_next;
    runner->last = runner->first == NULL ? NULL : runner->last;
    return job;
}

/* What has become of its tasks so far, by this instance or its predecessors. */
static bool take_state(struct run_job *job, const struct lmdb_job *said)
{
    uint32_t slots = job->job->slots;
    if (run_job_keep_placed(job, NULL) != OMEGA_OK) {
        return false;
    }
    job->unplaced = said->pending;
    job->running = said->running;
    job->placements = said->submitted - said->pending;
    memcpy(job->placed, said->placed, slots);
    if (said->machine_of == NULL) {
        return true;
    }
    if (job->machine_of == NULL) {
        job->machine_of = malloc(slots * sizeof *job->machine_of);
    }
    if (job->machine_of != NULL) {
        memcpy(job->machine_of, said->machine_of, slots * sizeof *job->machine_of);
    }
    return job->machine_of != NULL;
}

/* The same in the numbers of the run's catalogue, which holds all of its texts. */
static struct run_job *translate_job(const struct catalogue *catalogue, const struct lmdb_job *said)
{
    struct omega_job *job = lmdb_job_translate(said, catalogue);
    struct run_job *made = job == NULL ? NULL : run_job_create(job, job->id, NULL);
    free(job);
    return made;
}

/* A job of the table as this process knows it. On a standing cell the store's catalogue is its own,
 * and all jobs are of one workload. */
static struct run_job *take_job(struct live_scheduler *scheduler, const struct lmdb_job *said)
{
    const struct live_process *process = scheduler->process;
    struct run_job *made = process->standing == NULL
                               ? translate_job(process->config->cell.catalogue, said)
                               : run_job_create(said->job, said->job->id, NULL);
    if (made != NULL && process->standing != NULL) {
        made->job->workload = 0;
    }
    if (made != NULL) {
        made->attempts = said->attempt;
    }
    if (made != NULL && !take_state(made, said)) {
        run_job_destroy(made, NULL);
        return NULL;
    }
    return made;
}

static int no_memory(uint64_t job, omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory for job %" PRIu64, job);
}

/* A job that is this instance's: known, or found. */
static int find_job(void *context, const struct lmdb_job *said)
{
    struct live_scheduler *scheduler = context;
    uint64_t id = said->job->id;
    struct run_job *job = map_get(&scheduler->jobs, id);
    if (job != NULL) {
        return scheduler->status = take_state(job, said) ? OMEGA_OK : no_memory(id, scheduler->err);
    }
    job = take_job(scheduler, said);
    if (job == NULL || map_put(&scheduler->jobs, id, job) != OMEGA_OK) {
        run_job_destroy(job, NULL);
        return scheduler->status = no_memory(id, scheduler->err);
    }
    *scheduler->found_end = job;
    scheduler->found_end = &job->queue_next;
    return scheduler->status = eligibility_of(scheduler->eligibility, job, scheduler->err);
}

bool live_has_lost(const struct live_scheduler *scheduler)
{
    if (scheduler->process->standing != NULL) {
        standing_count_losses(scheduler->process->standing);
    }
    return atomic_load(&scheduler->process->slot->losses) != scheduler->losses;
}

static void tell_return(const struct live_process *process, const struct run_job *job,
                        int64_t now_us)
{
    if (now_us < process->config->horizon_us) {
        struct log_place place = live_place(process, now_us);
        run_log_retry(&place, job->job->id);
    }
}

/* Queues what was found. A job that was looked at before has come back by a loss, which is not told
 * behind the horizon: looking takes time. */
static void enqueue_found(struct live_scheduler *scheduler)
{
    struct live_process *process = scheduler->process;
    while (scheduler->found != NULL) {
        struct run_job *job = scheduler->found;
        int64_t now_us = job->job->submit_us;
        scheduler->found = job->queue_next;
        if (job->job->id < scheduler->known_id) {
            now_us = live_now_us(process);
            tell_return(process, job, now_us);
        }
        enqueue(scheduler, job, false, now_us);
    }
}

int live_find_jobs(struct live_scheduler *scheduler, omega_error_t *err)
{
    struct standing *standing = scheduler->process->standing;
    scheduler->err = err;
    if (standing != NULL) {
        standing_serve(standing);
        if (standing_drains(standing)) {
            return OMEGA_OK;
        }
    }
    if (live_has_lost(scheduler)) {
        scheduler->losses = atomic_load(&scheduler->process->slot->losses);
        scheduler->known_id =
            scheduler->next_id > scheduler->known_id ? scheduler->next_id : scheduler->known_id;
        scheduler->next_id = 1;
    }
    scheduler->found_end = &scheduler->found;
    int rc = lmdb_queue(scheduler->process->store, scheduler->runner.id, &scheduler->next_id,
                        find_job, scheduler, err);
    *scheduler->found_end = NULL;
    enqueue_found(scheduler);
    return rc;
}

static int look_again(void *context, const struct lmdb_job *said)
{
    const struct live_scheduler *scheduler = context;
    return take_state(scheduler->runner.job, said) ? OMEGA_OK : OMEGA_ENOMEM;
}

int live_look_again(struct live_scheduler *scheduler, omega_error_t *err)
{
    uint64_t id = scheduler->runner.job->job->id;
    int rc = lmdb_find_job(scheduler->process->store, id, look_again, scheduler, err);
    return rc == OMEGA_ENOMEM ? no_memory(id, err) : rc > 0 ? OMEGA_OK : rc;
}

void live_take_retries(struct live_scheduler *scheduler)
{
    struct live_process *process = scheduler->process;
    struct event event;
    enum event_kind kind;
    int64_t now_us = live_now_us(process);
    while (events_next_us(&scheduler->retries) <= now_us &&
           now_us < process->config->horizon_us) {
        events_pop(&scheduler->retries, &event, &kind);
        struct run_job *job = event.what;
        struct log_place place = live_place(process, now_us);
        run_log_retry(&place, job->job->id);
        enqueue(scheduler, job, scheduler->runner.config->retry.queue == RUN_QUEUE_FRONT, now_us);
    }
}

void live_drop_job(struct live_scheduler *scheduler, struct run_job *job)
{
    if (job != NULL) {
        map_remove(&scheduler->jobs, job->job->id);
        run_job_destroy(job, NULL);
    }
}

void live_drop_jobs(struct live_scheduler *scheduler)
{
    struct event event;
    enum event_kind kind;
    while (events_pop(&scheduler->retries, &event, &kind)) {
        live_drop_job(scheduler, event.what);
    }
    events_release(&scheduler->retries);
    while (scheduler->runner.first != NULL) {
        live_drop_job(scheduler, live_dequeue(scheduler));
    }
    live_drop_job(scheduler, scheduler->runner.job);
    map_clear(&scheduler->jobs);
}
