/* SPDX-License-Identifier: MIT */
/* The memory store's ends of placements: released by id, or lost with their machine. */
#include "cellstate/memory_private.h"

/* Tells the table of jobs how many placements of a block ended, and frees a block of which nothing
 * runs. */
static void leave_block(struct memory *memory, struct block *block, uint32_t ended,
                        enum store_release_reason reason)
{
    if (ended > 0 && block->job != 0) {
        struct job_entry *entry = memory_job(memory, block->job);
        jobs_ended(entry, &memory->counters, ended, reason);
        memory_forget_if_over(memory, entry);
    }
    if (block->running == 0) {
        block_forget(memory, block);
    }
}

/* What is said of a placement that does not run. */
static struct store_release_result not_running(uint64_t placement)
{
    return (struct store_release_result){
        .placement = placement,
        .instance = OMEGA_INSTANCE_NONE,
    };
}

/* Asks the cache for what a release changes of a view; of a large cell it is long gone. */
static inline void prefetch_shown(const struct store_view *live, uint32_t machine)
{
    __builtin_prefetch(&live->free_cpu_milli[machine], 1);
    __builtin_prefetch(&live->free_mem_mib[machine], 1);
    __builtin_prefetch(&live->releases[machine], 1);
}

/* Notes what of a block ends by `ids`, from the first on; returns how many ids were of its version.
 * `block` is a copy of its head, so that the compiler knows that it stands still. */
static uint32_t end_tasks(const struct memory *memory, const struct block block,
                          struct placed *placed, const uint64_t *ids, uint32_t count,
                          struct store_release_result *results, uint32_t *ended)
{
    const uint64_t first = omega_placement_id(block.version, 0);
    uint32_t i = 0;
    *ended = 0;
    for (; i < count && ids[i] - first < OMEGA_CLAIMS_MAX; i++) {
        uint64_t at = ids[i] - first;
        if (at >= block.count || (placed[at].task & PLACED_ENDED) != 0) {
            results[i] = not_running(ids[i]);
            continue;
        }
        results[i] = (struct store_release_result){
            .placement = ids[i],
            .job = block.job,
            .task = placed[at].task,
            .machine = placed[at].machine,
            .devices = block.asked == NULL ? 0 : block.asked[at].devices,
            .released = 1,
            .instance = block.instance,
        };
        placed[at].task |= PLACED_ENDED;
        memory_prefetch(memory, placed[at].machine);
        prefetch_shown(&memory->live, placed[at].machine);
        (*ended)++;
    }
    return i;
}

/* Takes a placement off its machine. */
static inline void leave_machine(struct memory *memory, uint32_t index, const struct asked *asked,
                                 enum omega_band band)
{
    struct omega_machine *machine = &memory->machines[index];
    bool exceeded = machine->may_exceed != 0;
    rules_release(machine, &asked->request, asked->devices, band, memory->release_raises_seq);
    machine->placements--;
    if (exceeded || asked->devices != 0) {
        store_view_show(&memory->live, index, machine);
    } else {
        memory_show_released(&memory->live, index, machine, memory->release_raises_seq);
    }
    memory_feed(memory, index);
    totals_use(&memory->totals, &asked->request, asked->devices, -1);
}

/* Takes what has ended of a block whose placements are alike off the machines: the innermost loop
 * of releases. */
static __attribute__((flatten)) void leave_alike(struct memory *memory, const struct block *block,
                                                 const struct store_release_result *results,
                                                 uint32_t count)
{
    const struct asked asked = block->alike;
    const enum omega_band band = (enum omega_band)block->band;
    const struct store_view live = memory->live;
    const bool raises_seq = memory->release_raises_seq;
    const bool feeds = memory->feeds;
    struct omega_machine *machines = memory->machines;
    struct store_totals freed = {.cpu_used_milli = 0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = results[i].machine;
        struct omega_machine *machine = &machines[index];
        if (!results[i].released) {
            continue;
        }
        if (machine->may_exceed || feeds) {
            leave_machine(memory, index, &asked, band);
        } else {
            rules_release(machine, &asked.request, 0, band, raises_seq);
            machine->placements--;
            memory_show_released(&live, index, machine, raises_seq);
            totals_use(&freed, &asked.request, 0, 1);
        }
    }
    totals_add_use(&memory->totals, &freed, -1);
}

/* Takes what has ended of a block off the machines. */
static void leave_machines(struct memory *memory, const struct block *block,
                           const struct store_release_result *results, uint32_t count)
{
    if (block->asked == NULL) {
        leave_alike(memory, block, results, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (results[i].released) {
            uint32_t position = omega_placement_position(results[i].placement);
            leave_machine(memory, results[i].machine, &block->asked[position],
                          (enum omega_band)block->band);
        }
    }
}

/* Forgets where tasks of a job with different_machines groups have run. */
static void vacate(struct memory *memory, const struct block *block,
                   const struct store_release_result *results, uint32_t count)
{
    uint32_t *machine_of = memory_job(memory, block->job)->machine_of;
    for (uint32_t i = 0; i < count; i++) {
        if (results[i].released) {
            machine_of[results[i].task] = UINT32_MAX;
        }
    }
}

/* Ends placements of one block, as far as `ids` go on naming its version; returns how far. */
static uint32_t release_run(struct memory *memory, struct block *block, const uint64_t *ids,
                            uint32_t count, struct store_release_result *results,
                            enum store_release_reason reason, bool *any)
{
    uint32_t ended = 0;
    uint32_t named = end_tasks(memory, *block, block->placed, ids, count, results, &ended);
    if (ended == 0) {
        return named;
    }
    *any = true;
    leave_machines(memory, block, results, named);
    if (block->spreads) {
        vacate(memory, block, results, named);
    }
    block->running -= ended;
    leave_block(memory, block, ended, reason);
    return named;
}

int memory_release(struct store *store, const uint64_t *placements, uint32_t count,
                   enum store_release_reason reason, struct store_release_result *results,
                   uint64_t *version, omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    bool any = false;
    (void)err;
    for (uint32_t i = 0; i < count;) {
        struct block *block = map_get(&memory->blocks, omega_placement_version(placements[i]));
        if (block == NULL) { /* nothing of that version runs */
            results[i] = not_running(placements[i]);
            i++;
        } else {
            i += release_run(memory, block, &placements[i], count - i, &results[i], reason, &any);
        }
    }
    memory->counters.version += any;
    *version = memory->counters.version;
    return OMEGA_OK;
}

void memory_lose(struct memory *memory, uint32_t count, enum store_loss_policy policy)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct store_release_result *lost = &memory->lost[i];
        struct block *block = map_get(&memory->blocks, omega_placement_version(lost->placement));
        uint32_t position = omega_placement_position(lost->placement);
        leave_machine(memory, lost->machine, block_asked(block, position),
                      (enum omega_band)block->band);
        block->placed[position].task |= PLACED_ENDED;
        if (lost->job != 0) {
            struct job_entry *entry = memory_job(memory, lost->job);
            jobs_lost(entry, &memory->counters, lost->task, policy);
            memory_forget_if_over(memory, entry);
        }
        if (--block->running == 0) {
            block_forget(memory, block);
        }
    }
    memory->counters.losses += count;
}
