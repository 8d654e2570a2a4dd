/* SPDX-License-Identifier: MIT */
/*
 * The executor of a live run plays the machines: it follows the cell's change log, begins to count
 * a task's duration when it sees its placement, and releases placements when they are due, by id,
 * together with all others that are due then.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "core/driver/live_private.h"

#define BATCH (1u << 16) /* placements released at a time */

/* A commit that has been seen, with what it placed. */
struct seen {
    uint64_t job;
    uint32_t first; /* in placements */
    uint32_t count;
};

struct executor {
    struct live_process *process;
    struct events ends; /* `what` is a placement id */
    uint64_t version;   /* all changes up to it have been seen */
    struct seen *seen;
    uint32_t seen_count;
    uint32_t seen_room;
    struct lmdb_change_placement *placements;
    uint32_t placement_count;
    uint32_t placement_room;
    const struct seen *looked_at;
    int64_t seen_us; /* experiment time */
    int status;      /* of what the store calls back */
    uint64_t *ids;
    struct store_release_result *released;
};

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory for the tasks that run");
}

/* ---- what has been placed ---- */

static int reserve(struct executor *executor, uint32_t placements)
{
    if (executor->seen_count == executor->seen_room) {
        uint32_t room = executor->seen_room == 0 ? 64 : 2 * executor->seen_room;
        struct seen *grown = reallocarray(executor->seen, room, sizeof *grown);
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
    struct executor *executor = context;
    if (change->version != executor->version + 1) {
        return executor->status = OMEGA_EINVAL; /* the log does not reach back to it any more */
    }
    executor->version++;
    if (change->job == 0) {
        return OMEGA_OK;
    }
    if (reserve(executor, change->items) != OMEGA_OK) {
        return executor->status = OMEGA_ENOMEM;
    }
    executor->seen[executor->seen_count++] = (struct seen){
        .job = change->job, .first = executor->placement_count, .count = change->items};
    for (uint32_t i = 0; i < change->items; i++) {
        lmdb_change_placement(change, i, &executor->placements[executor->placement_count++]);
    }
    return OMEGA_OK;
}

/* ---- planning ends ---- */

static int plan_end(struct executor *executor, uint64_t placement, int64_t due_us)
{
    if (due_us >= executor->process->config->horizon_us) {
        return OMEGA_OK;
    }
    return events_push(&executor->ends, due_us, EVENT_TASKS_END, (void *)(uintptr_t)placement);
}

/* The placements of the commit that is looked at end when their durations have passed from now. */
static int plan_ends(void *context, const struct lmdb_job *job)
{
    struct executor *executor = context;
    const struct seen *seen = executor->looked_at;
    for (uint32_t i = 0; i < seen->count; i++) {
        const struct lmdb_change_placement *placement = &executor->placements[seen->first + i];
        uint32_t g = 0;
        while (g + 1 < job->job->group_count &&
               placement->task >= job->job->groups[g + 1].first_task) {
            g++;
        }
        int64_t duration_us = omega_task_duration(&job->job->groups[g], placement->task);
        int64_t due_us = duration_us > INT64_MAX - executor->seen_us
                             ? INT64_MAX
                             : executor->seen_us + duration_us;
        if (plan_end(executor, placement->id, due_us) != OMEGA_OK) {
            return executor->status = OMEGA_ENOMEM;
        }
    }
    return OMEGA_OK;
}

/* Takes in what has been committed since the last time. The clock is read when all of it has been
 * seen, so that no task ends before its commit and its duration have passed. */
static int follow(struct executor *executor, omega_error_t *err)
{
    struct live_process *process = executor->process;
    executor->seen_count = 0;
    executor->placement_count = 0;
    executor->status = OMEGA_OK;
    int rc = lmdb_changes(process->store, executor->version + 1, see, executor, err);
    executor->seen_us = live_now_us(process);
    for (uint32_t i = 0; rc == OMEGA_OK && i < executor->seen_count; i++) {
        executor->looked_at = &executor->seen[i];
        rc = lmdb_find_job(process->store, executor->seen[i].job, plan_ends, executor, err);
        if (rc > 0) {
            rc =
                omega_error_set(err, OMEGA_ECORRUPT, "job %" PRIu64 " runs and is not in the table",
                                executor->seen[i].job);
        }
    }
    if (executor->status == OMEGA_EINVAL) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "the executor has fallen behind the change log at version %" PRIu64
                               ", expected a lower live.speedup or a larger store.log_changes",
                               executor->version);
    }
    return rc == OMEGA_OK || executor->status == OMEGA_OK ? rc : no_memory(err);
}

/* ---- ends ---- */

/* Releases all that is due by now. */
static int release_due(struct executor *executor, omega_error_t *err)
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
    while (count < BATCH && executor->ends.count > 0 && executor->ends.heap[0].time_us <= now_us) {
        events_pop(&executor->ends, &event, &kind);
        executor->ids[count++] = (uint64_t)(uintptr_t)event.what;
    }
    if (count == 0) {
        return OMEGA_OK;
    }
    int rc = store_release(process->store, executor->ids, count, STORE_FINISHED, executor->released,
                           &version, err);
    for (uint32_t i = 0; rc == OMEGA_OK && i < count; i++) {
        ended += executor->released[i].released;
    }
    page_add(process->page, PAGE_PLACEMENTS_ENDED, ended);
    if (rc == OMEGA_OK) {
        struct log_place place = {.log = process->log, .version = version, .time_us = now_us};
        run_log_release(&place, executor->released, count, ended > 0);
    }
    return rc;
}

static int execute(struct executor *executor, omega_error_t *err)
{
    struct live_process *process = executor->process;
    int64_t horizon_us = process->config->horizon_us;
    int rc = OMEGA_OK;
    while (rc == OMEGA_OK && !live_stopped() && live_now_us(process) < horizon_us) {
        rc = follow(executor, err);
        rc = rc == OMEGA_OK ? release_due(executor, err) : rc;
        if (rc == OMEGA_OK) {
            bool more = executor->ends.count > 0;
            live_wait(process, more ? executor->ends.heap[0].time_us : horizon_us, true);
        }
    }
    return rc;
}

static int open_executor(struct executor *executor, const struct live_prefilled *prefilled,
                         omega_error_t *err)
{
    struct store_counters counters;
    const struct page_who who = {.role = PAGE_EXECUTOR, .instance = OMEGA_INSTANCE_NONE};
    executor->ids = malloc(BATCH * sizeof *executor->ids);
    executor->released = malloc(BATCH * sizeof *executor->released);
    int rc = executor->ids == NULL || executor->released == NULL
                 ? no_memory(err)
                 : live_join_in(executor->process, "executor", err);
    rc = rc == OMEGA_OK ? live_page_open(executor->process, &who, err) : rc;
    for (uint32_t i = 0; rc == OMEGA_OK && i < prefilled->count; i++) {
        const struct prefill_end *end = &prefilled->ends[i];
        rc = plan_end(executor, end->placement, end->time_us) == OMEGA_OK ? OMEGA_OK
                                                                          : no_memory(err);
    }
    if (rc == OMEGA_OK) {
        store_counters(executor->process->store, &counters);
        executor->version = counters.version;
    }
    return rc;
}

int live_execute(struct live_process *process, void *context, omega_error_t *err)
{
    struct executor executor = {.process = process};
    int rc = open_executor(&executor, context, err);
    if (rc == OMEGA_OK) {
        live_begin(process);
        rc = execute(&executor, err);
    }
    events_release(&executor.ends);
    free(executor.seen);
    free(executor.placements);
    free(executor.ids);
    free(executor.released);
    live_page_close(process);
    return rc;
}
