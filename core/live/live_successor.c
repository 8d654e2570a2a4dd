/* SPDX-License-Identifier: MIT */
/*
 * An executor that goes on where another one died, or that has not looked for so long that the
 * change log has forgotten what it has not seen. What runs stands in the cell. Since when it runs
 * does not: the executor keeps a journal (journal.h). A task older than that counts from the oldest
 * time in it, so that it ends late, never early.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cellstate/lmdb_records.h"
#include "core/live/live_executor_private.h"

/* The journal tells times by the machine's monotonic clock, which is the same for all executors of
 * a boot: on a standing cell each begins with the time of day, which may be set between two. */
static int64_t clock_offset_us(const struct live_process *process)
{
    return process->epoch_ns / 1000;
}

void live_journal(struct live_executor *executor, uint64_t version, int64_t seen_us)
{
    journal_note(executor->process->room, executor->boot, version,
                 seen_us + clock_offset_us(executor->process));
}

/* When all that was found running had been seen; what the journal does not reach, or what cannot
 * be, counts from now. */
static void find_begins(struct live_executor *executor, int64_t now_us)
{
    struct journal_range range;
    int64_t offset_us = clock_offset_us(executor->process);
    journal_read(executor->process->room, executor->boot, &range);
    for (uint32_t i = 0; i < executor->seen_count; i++) {
        struct live_seen *seen = &executor->seen[i];
        uint64_t version = omega_placement_version(executor->placements[seen->first].id);
        int64_t clock_us = journal_seen_us(&range, version);
        bool known = clock_us >= 0 && clock_us <= now_us + offset_us;
        seen->seen_us = known ? clock_us - offset_us : now_us;
    }
}

/* ---- what runs ---- */

static int compare_ends(const void *a, const void *b)
{
    uint64_t x = ((const struct prefill_end *)a)->placement;
    uint64_t y = ((const struct prefill_end *)b)->placement;
    return (x > y) - (x < y);
}

/* A placement that runs: of a job, or of the initial state, whose ends are known. */
static int find_running(void *context, const struct store_placement *placement)
{
    struct live_executor *executor = context;
    const struct live_prefilled *prefilled = executor->prefilled;
    if (placement->job == 0) {
        struct prefill_end key = {.placement = placement->id};
        const struct prefill_end *end = prefilled->count == 0
                                            ? NULL
                                            : bsearch(&key, prefilled->ends, prefilled->count,
                                                      sizeof *prefilled->ends, compare_ends);
        return executor->status =
                   end == NULL ? OMEGA_OK : live_plan_end(executor, end->placement, end->time_us);
    }
    struct live_seen *last =
        executor->seen_count == 0 ? NULL : &executor->seen[executor->seen_count - 1];
    uint64_t version = omega_placement_version(placement->id);
    bool same =
        last != NULL && omega_placement_version(executor->placements[last->first].id) == version;
    if (live_see_more(executor, 1) != OMEGA_OK) {
        return executor->status = OMEGA_ENOMEM;
    }
    if (!same) {
        executor->seen[executor->seen_count++] =
            (struct live_seen){.job = placement->job, .first = executor->placement_count};
    }
    executor->seen[executor->seen_count - 1].count++;
    executor->placements[executor->placement_count++] =
        (struct lmdb_change_placement){.id = placement->id, .task = placement->task};
    return OMEGA_OK;
}

static int find_all_running(struct live_executor *executor, omega_error_t *err)
{
    struct live_process *process = executor->process;
    struct store_counters counters;
    int rc = lmdb_hold(process->store, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    store_counters(process->store, &counters);
    executor->version = counters.version;
    rc = store_placements(process->store, find_running, executor, err);
    lmdb_let_go(process->store);
    return executor->status == OMEGA_ENOMEM ? live_executor_no_memory(err) : rc;
}

/* ---- what the log was not told of ---- */

struct untold {
    struct live_process *process;
    enum record_change_kind kind;
    uint64_t version; /* 0: there is none */
    struct store_release_result *ended;
    uint32_t count;
    bool no_memory;
};

/* Only an executor ends tasks and changes machines: the first such change is the one. */
static int find_untold(void *context, const struct lmdb_change *change)
{
    struct untold *untold = context;
    if (change->kind != untold->kind) {
        return 0;
    }
    untold->version = change->version;
    untold->count = change->items;
    untold->ended = calloc(change->items + 1u, sizeof *untold->ended);
    untold->no_memory = untold->ended == NULL;
    for (uint32_t i = 0; !untold->no_memory && i < change->items; i++) {
        struct lmdb_change_placement placement;
        lmdb_change_placement(change, i, &placement);
        untold->ended[i] =
            (struct store_release_result){.placement = placement.id, .released = true};
    }
    return 1;
}

/* Whose tasks were lost is not known any more: everybody looks. */
static void lose_all(const struct live_process *process)
{
    for (uint32_t i = LIVE_SCHEDULERS; i < live_segments(process->config) - 1; i++) {
        atomic_fetch_add(&process->shared->slots[i].losses, 1);
    }
}

/* An event that was played, whether the log was told by the one before or is now, counts. */
static void count_events(struct live_process *process, bool played)
{
    const struct live_intent *intent = &process->slot->intent;
    if (played && atomic_load(&intent->kind) == LIVE_INTENDS_EVENT &&
        intent->job > atomic_load(&process->slot->jobs)) {
        live_sync(process);
        atomic_store(&process->slot->jobs, intent->job);
    }
}

static int tell_untold(struct live_executor *executor, omega_error_t *err)
{
    struct live_process *process = executor->process;
    const struct live_intent *intent = &process->slot->intent;
    bool event = live_intends(process, LIVE_INTENDS_EVENT);
    struct untold untold = {.kind = event ? RECORD_CHANGE_EVENT : RECORD_CHANGE_RELEASE};
    if (!event && !live_intends(process, LIVE_INTENDS_RELEASE)) {
        count_events(process, true);
        return OMEGA_OK;
    }
    int rc = lmdb_changes(process->store, intent->version + 1, find_untold, &untold, err);
    if (untold.no_memory) {
        return live_executor_no_memory(err);
    }
    if (rc >= 0 && untold.version > 0) {
        struct log_place place = {
            .log = process->log, .version = untold.version, .time_us = intent->time_us};
        if (event) {
            lose_all(process);
            run_log_machine(&place, &intent->event, untold.ended, untold.count);
        } else {
            run_log_release(&place, untold.ended, untold.count, true);
        }
    }
    free(untold.ended);
    count_events(process, event && untold.version > 0);
    live_intended(process);
    return rc < 0 ? rc : OMEGA_OK;
}

int live_take_over(struct live_executor *executor, omega_error_t *err)
{
    struct live_process *process = executor->process;
    events_release(&executor->ends);
    executor->seen_count = 0;
    executor->placement_count = 0;
    executor->untold_count = 0;
    executor->status = OMEGA_OK;
    int rc = tell_untold(executor, err);
    if (executor->prefilled->count > 0) {
        qsort(executor->prefilled->ends, executor->prefilled->count,
              sizeof *executor->prefilled->ends, compare_ends);
    }
    rc = rc == OMEGA_OK ? find_all_running(executor, err) : rc;
    int64_t now_us = live_now_us(process);
    if (rc == OMEGA_OK) {
        find_begins(executor, now_us);
        live_journal(executor, executor->version, now_us);
        rc = live_plan_seen(executor, err);
    }
    return rc;
}
