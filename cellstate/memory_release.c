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

/* Says what a run of ids of a block names, from a position on; nothing has ended yet. */
static void tell(const struct block *block, uint32_t at, uint32_t count,
                 struct store_release_result *results)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t position = at + i;
        uint64_t id = omega_placement_id(block->version, position);
        if (position >= block->count || !block_runs(block, position)) {
            results[i] = not_running(id);
            continue;
        }
        results[i] = (struct store_release_result){
            .placement = id,
            .job = block->job,
            .task = block->tasks[position],
            .machine = block->machines[position],
            .devices = block_asked(block, position)->devices,
            .released = 1,
            .instance = block->instance,
        };
    }
}

/* Takes a placement off its machine. */
static void leave_machine(struct memory *memory, uint32_t index, const struct asked *asked,
                          enum omega_band band)
{
    rules_release(memory_record(memory, index), &asked->request, asked->devices, band,
                  memory->base.release_raises_seq);
    memory_changed(memory, index);
}

/* Ends a placement on a machine that takes something new, where nobody reads the feed. */
static inline void leave_live(const struct store_view *live, uint32_t machine,
                              struct omega_room taken, bool raises_seq)
{
    struct omega_entry *entry = &live->entry[machine];
    omega_room_give(&entry->room, taken);
    entry->stamp += omega_stamp(raises_seq, 1);
}

/* The innermost loop of releases: where no machine with placements has ceased to take anything new,
 * which is then `open`, none need be looked at; elsewhere up to the first that has. */
static inline __attribute__((always_inline)) uint32_t
leave_while_open(const struct store_view *live, const struct block *block, bool open)
{
    const struct omega_room taken = rules_room_of(&block->alike.request);
    const uint32_t *machines = block->machines;
    const uint32_t count = block->count;
    const struct store_view arrays = *live; /* nothing that is written to could overlap */
    uint32_t i = 0;
    for (; i < count && (open || arrays.entry[machines[i]].room.cpu_milli >= 0); i++) {
        leave_live(&arrays, machines[i], taken, false);
    }
    return i;
}

/* Ends all placements of a block, which are alike and all run, so that no marks are needed, from
 * the first on up to one on a machine that takes nothing new. Returns how many have ended. */
static uint32_t leave_first(const struct memory *memory, const struct block *block)
{
    if (memory->feeds || memory->base.release_raises_seq) {
        return 0;
    }
    return memory->closes ? leave_while_open(&memory->live, block, false)
                          : leave_while_open(&memory->live, block, true);
}

/* Ends the placements of a block at positions from `at` to `end`, which are alike. Returns how many
 * have ended. */
static uint32_t leave_alike(struct memory *memory, struct block *block, uint32_t at, uint32_t end)
{
    const struct asked *asked = &block->alike;
    uint32_t ended = 0;
    for (uint32_t i = at; i < end; i++) {
        const uint32_t machine = block->machines[i];
        if (!block_runs(block, i)) {
            continue;
        }
        block->tasks[i] |= PLACED_ENDED;
        ended++;
        if (memory_is_closed(memory, machine) || memory->feeds) {
            leave_machine(memory, machine, asked, (enum omega_band)block->band);
        } else {
            leave_live(&memory->live, machine, rules_room_of(&asked->request),
                       memory->base.release_raises_seq);
        }
    }
    return ended;
}

/* The same of all or some placements, and of the totals. */
static uint32_t leave_run(struct memory *memory, struct block *block, uint32_t at, uint32_t end)
{
    uint32_t ended = 0;
    if (at == 0 && end == block->running && end == block->count) {
        ended = leave_first(memory, block);
    }
    ended += leave_alike(memory, block, at + ended, end);
    memory->totals.cpu_used_milli -= (int64_t)ended * block->alike.request.cpu_milli;
    memory->totals.mem_used_mib -= (int64_t)ended * block->alike.request.mem_mib;
    return ended;
}

/* The same where each placement stands for itself. */
static uint32_t leave_each(struct memory *memory, struct block *block, uint32_t at, uint32_t end)
{
    uint32_t ended = 0;
    for (uint32_t i = at; i < end; i++) {
        const struct asked *asked = &block->asked[i];
        if (!block_runs(block, i)) {
            continue;
        }
        leave_machine(memory, block->machines[i], asked, (enum omega_band)block->band);
        totals_use(&memory->totals, &asked->request, asked->devices, -1);
        if (block->spreads) {
            memory_job(memory, block->job)->machine_of[block->tasks[i]] = UINT32_MAX;
        }
        block->tasks[i] |= PLACED_ENDED;
        ended++;
    }
    return ended;
}

/* Ends a run of `count` placements of one version. Returns how many have ended; `results`, if it is
 * not NULL, says what became of each. */
static uint32_t release_run(struct memory *memory, uint64_t first, uint32_t count,
                            enum store_release_reason reason, struct store_release_result *results)
{
    struct block *block = map_get(&memory->blocks, omega_placement_version(first));
    uint32_t at = omega_placement_position(first);
    if (block == NULL) { /* nothing of that version runs */
        for (uint32_t i = 0; results != NULL && i < count; i++) {
            results[i] = not_running(first + i);
        }
        return 0;
    }
    if (results != NULL) {
        tell(block, at, count, results);
    }
    uint32_t end = at + count < block->count ? at + count : block->count;
    uint32_t ended = block->asked != NULL ? leave_each(memory, block, at, end)
                                          : leave_run(memory, block, at, end);
    block->running -= ended;
    leave_block(memory, block, ended, reason);
    return ended;
}

/* How many of the ids are a run: of one version, each position one behind the one before. */
static uint32_t run_of(const uint64_t *ids, uint32_t count)
{
    uint32_t most = OMEGA_CLAIMS_MAX - omega_placement_position(ids[0]);
    uint32_t length = 1;
    while (length < count && length < most && ids[length] == ids[0] + length) {
        length++;
    }
    return length;
}

int memory_release(struct store *store, const uint64_t *placements, uint32_t count,
                   enum store_release_reason reason, struct store_release_result *results,
                   uint64_t *version, omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    uint32_t ended = 0;
    (void)err;
    for (uint32_t i = 0; i < count;) {
        uint32_t length = run_of(&placements[i], count - i);
        ended += release_run(memory, placements[i], length, reason, &results[i]);
        i += length;
    }
    memory->counters.version += ended > 0;
    *version = memory->counters.version;
    return OMEGA_OK;
}

int memory_release_run(struct store *store, uint64_t first, uint32_t count,
                       enum store_release_reason reason, struct store_release_result *results,
                       uint32_t *ended, uint64_t *version, omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    (void)err;
    *ended = release_run(memory, first, count, reason, results);
    memory->counters.version += *ended > 0;
    *version = memory->counters.version;
    return OMEGA_OK;
}

struct store_place memory_job_place(struct store *store, uint64_t job)
{
    const struct memory *memory = memory_of(store);
    _Static_assert(sizeof(struct job_entry) + sizeof(struct omega_task_group) <= STORE_JOB_BYTES,
                   "an entry, and the first group behind it");
    if (memory->base.machine_count < CACHE_MACHINES_FAR) {
        return (struct store_place){0, 0};
    }
    return (struct store_place){(uintptr_t)memory_job(memory, job),
                                (uintptr_t)id_table_place(&memory->jobs, job)};
}

struct store_place memory_placements_place(struct store *store, uint64_t version)
{
    const struct memory *memory = memory_of(store);
    if (memory->base.machine_count < CACHE_MACHINES_FAR || version == 0) {
        return (struct store_place){0, 0};
    }
    return (struct store_place){(uintptr_t)map_get(&memory->blocks, version),
                                (uintptr_t)map_place(&memory->blocks, version)};
}

void memory_lose(struct memory *memory, uint32_t count, enum store_loss_policy policy)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct store_release_result *lost = &memory->lost[i];
        struct block *block = map_get(&memory->blocks, omega_placement_version(lost->placement));
        uint32_t position = omega_placement_position(lost->placement);
        const struct asked *asked = block_asked(block, position);
        leave_machine(memory, lost->machine, asked, (enum omega_band)block->band);
        totals_use(&memory->totals, &asked->request, asked->devices, -1);
        block->tasks[position] |= PLACED_ENDED;
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
