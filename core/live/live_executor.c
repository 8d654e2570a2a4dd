/* SPDX-License-Identifier: MIT */
/*
 * The executor of a live run plays the machines: it follows the cell's change log, begins to count
 * a task's duration when it sees its placement, and releases placements when they are due, by id,
 * together with all others that are due then.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "cellstate/lmdb_directory.h"
#include "core/live/live_executor_private.h"

#define BATCH (1u << 16) /* placements released at a time */

int live_executor_no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory for the tasks that run");
}

/* ---- what has been placed ---- */

int live_see_more(struct live_executor *executor, uint32_t placements)
{
    if (executor->seen_count == executor->seen_room) {
        uint32_t room = executor->seen_room == 0 ? 64 : 2 * executor->seen_room;
        struct live_seen *grown = reallocarray(executor->seen, room, sizeof *grown);
        if (grown == NULL) {
            return OMEGA_ENOMEM;
        }
        executor->seen = grown;
        executor->seen_room = room;
    }
    if (executor->placement_count + placements > executor->placement_room) {
        uint32_t room = 2 * (executor->placement_count + placements);
        struct lmdb_change_placement *grown =
            reallocarray(executor->placements, room, sizeof *grown);
        if (grown == NULL) {
            return OMEGA_ENOMEM;
        }
        executor->placements = grown;
        executor->placement_room = room;
    }
    return OMEGA_OK;
}

/* Notes a commit. */
static int see(void *context, const struct lmdb_change *change)
{
    struct live_executor *executor = context;
    if (change->version != executor->version + 1) {
        return executor->status = OMEGA_EINVAL; /* the log does not reach back to it any more */
    }
    executor->version++;
    if (change->job == 0) {
        return OMEGA_OK;
    }
    if (live_see_more(executor, change->items) != OMEGA_OK) {
        return executor->status = OMEGA_ENOMEM;
    }
    executor->seen[executor->seen_count++] = (struct live_seen){
        .job = change->job, .first = executor->placement_count, .count = change->items};
    for (uint32_t i = 0; i < change->items; i++) {
        lmdb_change_placement(change, i, &executor->placements[executor->placement_count++]);
    }
    return OMEGA_OK;
}

/* ---- planning ends ---- */

int live_plan_end(struct live_executor *executor, uint64_t placement, int64_t due_us)
{
    if (due_us >= executor->process->config->horizon_us) {
        return OMEGA_OK;
    }
    return events_push(&executor->ends, due_us, EVENT_TASKS_END, (void *)(uintptr_t)placement);
}

static int64_t end_of(int64_t seen_us, int64_t duration_us)
{
    return duration_us > INT64_MAX - seen_us ? INT64_MAX : seen_us + duration_us;
}

/* How long a task of a job runs. */
static int64_t duration_of(const struct lmdb_job *job, uint32_t task)
{
    uint32_t g = 0;
    while (g + 1 < job->job->group_count && task >= job->job->groups[g + 1].first_task) {
        g++;
    }
    return job->given_us > 0 ? job->given_us : omega_task_duration(&job->job->groups[g], task);
}

static int note_untold(struct live_executor *executor,
                       const struct lmdb_change_placement *placement)
{
    if (executor->untold_count == executor->untold_room) {
        uint32_t room = executor->untold_room == 0 ? 64 : 2 * executor->untold_room;
        struct live_untold *grown = reallocarray(executor->untold, room, sizeof *grown);
        if (grown == NULL) {
            return OMEGA_ENOMEM;
        }
        executor->untold = grown;
        executor->untold_room = room;
    }
    executor->untold[executor->untold_count++] =
        (struct live_untold){.job = executor->looked_at->job,
                             .placement = placement->id,
                             .task = placement->task,
                             .seen_us = executor->looked_at->seen_us};
    return OMEGA_OK;
}

/* The placements of the commit that is looked at end when their durations have passed since it was
 * seen. How long a job with optional tasks runs its scheduler tells behind the commit. */
static int plan_ends(void *context, const struct lmdb_job *job)
{
    struct live_executor *executor = context;
    const struct live_seen *seen = executor->looked_at;
    bool untold = job->started && !job->told;
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < seen->count; i++) {
        const struct lmdb_change_placement *placement = &executor->placements[seen->first + i];
        int64_t due_us = end_of(seen->seen_us, duration_of(job, placement->task));
        rc = untold ? note_untold(executor, placement)
                    : live_plan_end(executor, placement->id, due_us);
    }
    return rc == OMEGA_OK ? rc : (executor->status = OMEGA_ENOMEM);
}

/* Plans the ends of a job's placements if it has been told by now how long they run, or if nobody
 * will tell: 1. */
static int plan_told(void *context, const struct lmdb_job *job)
{
    struct live_executor *executor = context;
    const struct live_untold *end = executor->untold + executor->untold_count;
    bool known = job->told || executor->orphaned;
    executor->owner = job->instance;
    for (const struct live_untold *untold = executor->asked;
         known && untold < end && untold->job == job->job->id; untold++) {
        int64_t due_us = end_of(untold->seen_us, duration_of(job, untold->task));
        if (live_plan_end(executor, untold->placement, due_us) != OMEGA_OK) {
            return executor->status = OMEGA_ENOMEM;
        }
    }
    return known;
}

/* On a standing cell a scheduler may die before it has told, and stay away: then its tasks run as
 * long as the job says. That it is gone has to be known before the table is looked at, which it may
 * have told last of all. */
static int ask(struct live_executor *executor, uint64_t job, omega_error_t *err)
{
    const struct live_process *process = executor->process;
    executor->orphaned = false;
    int rc = lmdb_find_job(process->store, job, plan_told, executor, err);
    if (rc == OMEGA_OK && process->standing != NULL &&
        !standing_works(process->standing, executor->owner)) {
        executor->orphaned = true;
        rc = lmdb_find_job(process->store, job, plan_told, executor, err);
    }
    return rc;
}

/* Looks at the jobs of which nobody had told how long they run. One that is gone was lost. */
static int plan_untold(struct live_executor *executor, omega_error_t *err)
{
    uint32_t kept = 0;
    int rc = OMEGA_OK;
    for (uint32_t i = 0, next = 0; rc >= 0 && i < executor->untold_count; i = next) {
        executor->asked = &executor->untold[i];
        uint64_t job = executor->asked->job;
        rc = ask(executor, job, err);
        for (next = i; next < executor->untold_count && executor->untold[next].job == job; next++) {
            if (rc == OMEGA_OK) {
                executor->untold[kept++] = executor->untold[next];
            }
        }
    }
    executor->untold_count = rc < 0 ? executor->untold_count : kept;
    return executor->status == OMEGA_ENOMEM ? live_executor_no_memory(err) : rc < 0 ? rc : OMEGA_OK;
}

int live_plan_seen(struct live_executor *executor, omega_error_t *err)
{
    struct live_process *process = executor->process;
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < executor->seen_count; i++) {
        executor->looked_at = &executor->seen[i];
        rc = lmdb_find_job(process->store, executor->seen[i].job, plan_ends, executor, err);
        if (rc > 0) {
            rc =
                omega_error_set(err, OMEGA_ECORRUPT, "job %" PRIu64 " runs and is not in the table",
                                executor->seen[i].job);
        }
    }
    return executor->status == OMEGA_ENOMEM ? live_executor_no_memory(err) : rc;
}

/* Takes in what has been committed since the last time. The clock is read when all of it has been
 * seen, so that no task ends before its commit and its duration have passed. */
static int follow(struct live_executor *executor, omega_error_t *err)
{
    struct live_process *process = executor->process;
    executor->seen_count = 0;
    executor->placement_count = 0;
    executor->status = OMEGA_OK;
    int rc = lmdb_changes(process->store, executor->version + 1, see, executor, err);
    int64_t seen_us = live_now_us(process);
    for (uint32_t i = 0; i < executor->seen_count; i++) {
        executor->seen[i].seen_us = seen_us;
    }
    if (executor->seen_count > 0) {
        live_journal(executor, executor->version, seen_us);
    }
    if (executor->status == OMEGA_EINVAL) {
        return live_take_over(executor, err); /* it was late: all that runs stands in the cell */
    }
    return rc == OMEGA_OK                 ? live_plan_seen(executor, err)
           : executor->status == OMEGA_OK ? rc
                                          : live_executor_no_memory(err);
}

/* ---- ends ---- */

/* Releases all that is due by now. */
static int release_due(struct live_executor *executor, omega_error_t *err)
{
    struct live_process *process = executor->process;
    struct event event;
    enum event_kind kind;
    uint32_t count = 0;
    uint64_t version = 0;
    uint32_t ended = 0;
    int64_t now_us = live_now_us(process);
    if (now_us >= process->config->horizon_us) {
        return OMEGA_OK;
    }
    while (count < BATCH && events_next_us(&executor->ends) <= now_us) {
        events_pop(&executor->ends, &event, &kind);
        executor->ids[count++] = (uint64_t)(uintptr_t)event.what;
    }
    if (count == 0) {
        return OMEGA_OK;
    }
    live_intend_change(process, LIVE_INTENDS_RELEASE, NULL, now_us);
    int rc = store_release(process->store, executor->ids, count, STORE_FINISHED, executor->released,
                           &version, err);
    for (uint32_t i = 0; rc == OMEGA_OK && i < count; i++) {
        if (executor->released[i].released) { /* the others were lost with their machines */
            executor->released[ended++] = executor->released[i];
        }
    }
    page_add(process->page, PAGE_PLACEMENTS_ENDED, ended);
    if (rc == OMEGA_OK && ended > 0) {
        struct log_place place = {.log = process->log, .version = version, .time_us = now_us};
        run_log_release(&place, executor->released, ended, true);
        live_intended(process);
        if (process->standing != NULL) {
            standing_tell_ended(process->standing, version, ended);
        }
    }
    return rc;
}

static int execute(struct live_executor *executor, omega_error_t *err)
{
    struct live_process *process = executor->process;
    int64_t horizon_us = process->config->horizon_us;
    int rc = OMEGA_OK;
    while (rc == OMEGA_OK && !live_stopped() && live_now_us(process) < horizon_us) {
        live_beat(process);
        atomic_fetch_add(&process->slot->done, 1);
        live_listen(process);
        rc = follow(executor, err);
        rc = rc == OMEGA_OK && executor->untold_count > 0 ? plan_untold(executor, err) : rc;
        rc = rc == OMEGA_OK ? live_play_events(executor, err) : rc;
        rc = rc == OMEGA_OK ? release_due(executor, err) : rc;
        if (rc == OMEGA_OK) {
            int64_t end_us = events_next_us(&executor->ends);
            int64_t event_us = live_next_event_us(executor);
            end_us = end_us < horizon_us ? end_us : horizon_us;
            live_wait(process, end_us < event_us ? end_us : event_us, true);
        }
    }
    return rc;
}

static int open_executor(struct live_executor *executor, omega_error_t *err)
{
    const struct live_prefilled *prefilled = executor->prefilled;
    struct store_counters counters;
    const struct live_process *process = executor->process;
    const struct page_who who = {.role = PAGE_EXECUTOR,
                                 .instance = OMEGA_INSTANCE_NONE,
                                 .incarnation =
                                     process->standing == NULL ? process->slot->starts : 0};
    executor->ids = malloc(BATCH * sizeof *executor->ids);
    executor->released = malloc(BATCH * sizeof *executor->released);
    char boot[LMDB_BOOT_BYTES];
    int rc = executor->ids == NULL || executor->released == NULL
                 ? live_executor_no_memory(err)
                 : live_join_in(executor->process, "executor", err);
    rc = rc == OMEGA_OK ? lmdb_boot_id(boot, err) : rc;
    executor->boot = rc == OMEGA_OK ? journal_boot(boot) : 0;
    rc = rc == OMEGA_OK ? live_page_open(executor->process, &who, err) : rc;
    if (rc == OMEGA_OK && live_is_successor(executor->process)) {
        live_begin(executor->process);
        rc = live_take_over(executor, err);
        return rc == OMEGA_OK ? live_open_machines(executor, err) : rc;
    }
    for (uint32_t i = 0; rc == OMEGA_OK && i < prefilled->count; i++) {
        const struct prefill_end *end = &prefilled->ends[i];
        rc = live_plan_end(executor, end->placement, end->time_us) == OMEGA_OK
                 ? OMEGA_OK
                 : live_executor_no_memory(err);
    }
    rc = rc == OMEGA_OK ? live_open_machines(executor, err) : rc;
    if (rc == OMEGA_OK) {
        store_counters(executor->process->store, &counters);
        executor->version = counters.version;
    }
    return rc;
}

int live_execute(struct live_process *process, void *context, omega_error_t *err)
{
    struct live_executor executor = {.process = process, .prefilled = context};
    int rc = open_executor(&executor, err);
    if (rc == OMEGA_OK) {
        live_begin(process);
        rc = live_greet(process, err);
    }
    if (rc == OMEGA_OK) {
        rc = execute(&executor, err);
    }
    events_release(&executor.ends);
    live_close_machines(&executor);
    free(executor.seen);
    free(executor.untold);
    free(executor.placements);
    free(executor.ids);
    free(executor.released);
    live_page_close(process);
    return rc;
}
