/* SPDX-License-Identifier: MIT */
/*
 * The memory store: the cell state in arrays, for one thread. Machine records are the truth; the
 * live arrays beside them hold what views show and change with every record. Commits are in
 * memory_commit.c, the table of jobs in memory_jobs.c.
 */
#include <stdlib.h>
#include <string.h>

#include "cellstate/memory_private.h"

/* ---- releases ---- */

#define PREFETCH_AHEAD 8 /* records asked for before they are needed, when many change in a row */

/* Tells the table of jobs how many placements of a block ended, and frees a block of which nothing
 * runs; NULL is allowed. */
static void leave_block(struct memory *memory, struct block *block, uint32_t ended,
                        enum store_release_reason reason)
{
    if (ended > 0 && block->job != 0) {
        struct job_entry *entry = memory_job(memory, block->job);
        jobs_ended(entry, &memory->counters, ended, reason);
        memory_forget_if_over(memory, entry);
    }
    if (block != NULL && block->running == 0) {
        map_remove(&memory->blocks, block->version);
        free(block);
    }
}

/* The placement of an id in its block (NULL: there is none), or NULL if it does not run. */
static inline struct placed *find_running(const struct memory *memory, struct block *block,
                                          uint64_t id)
{
    uint32_t position = omega_placement_position(id);
    if (block == NULL || position >= block->count || !block->placed[position].runs) {
        return NULL;
    }
    if (position + PREFETCH_AHEAD < block->count) {
        memory_prefetch(memory, block->placed[position + PREFETCH_AHEAD].machine);
    }
    return &block->placed[position];
}

/* Takes one placement off its machine; *freed is what is used no more. */
static inline void end_placement(struct memory *memory, struct block *block, struct placed *placed,
                                 struct store_totals *freed)
{
    struct omega_machine *machine = &memory->machines[placed->machine];
    bool exceeded = machine->may_exceed != 0;
    rules_release(machine, &placed->request, placed->devices, (enum omega_band)block->band,
                  memory->release_raises_seq);
    totals_use(freed, &placed->request, placed->devices, 1);
    memory_changed(memory, placed->machine, exceeded || placed->devices != 0);
    placed->runs = 0;
    block->running--;
    memory->running[placed->machine]--;
    if (block->spreads) {
        memory_job(memory, block->job)->machine_of[placed->task] = UINT32_MAX;
    }
}

/* Ends the placements of one block (NULL: nothing of that version runs) that stand in `ids`, from
 * the first on; returns how many ids were of that version. */
static __attribute__((flatten)) uint32_t release_run(struct memory *memory, struct block *block,
                                                     const uint64_t *ids, uint32_t count,
                                                     struct store_release_result *results,
                                                     uint32_t *ended)
{
    uint64_t version = omega_placement_version(ids[0]);
    struct store_totals freed = {.cpu_used_milli = 0};
    uint32_t i = 0;
    for (; i < count && omega_placement_version(ids[i]) == version; i++) {
        struct placed *placed = find_running(memory, block, ids[i]);
        if (placed == NULL) {
            results[i] = (struct store_release_result){
                .placement = ids[i],
                .instance = OMEGA_INSTANCE_NONE,
            };
            continue;
        }
        results[i] = (struct store_release_result){
            .placement = ids[i],
            .job = block->job,
            .task = placed->task,
            .machine = placed->machine,
            .devices = placed->devices,
            .released = 1,
            .instance = block->instance,
        };
        end_placement(memory, block, placed, &freed);
        (*ended)++;
    }
    totals_add_use(&memory->totals, &freed, -1);
    return i;
}

static int memory_release(struct store *store, const uint64_t *placements, uint32_t count,
                          enum store_release_reason reason, struct store_release_result *results,
                          uint64_t *version, omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    bool any = false;
    (void)err;
    for (uint32_t i = 0; i < count;) {
        struct block *block = map_get(&memory->blocks, omega_placement_version(placements[i]));
        uint32_t ended = 0;
        i += release_run(memory, block, &placements[i], count - i, &results[i], &ended);
        any = any || ended > 0;
        leave_block(memory, block, ended, reason);
    }
    memory->counters.version += any;
    *version = memory->counters.version;
    return OMEGA_OK;
}

/* ---- machine events ---- */

static int compare_placements(const void *a, const void *b)
{
    const struct store_release_result *x = a;
    const struct store_release_result *y = b;
    return (x->placement > y->placement) - (x->placement < y->placement);
}

/* Appends what runs of a block on a machine to memory->lost. */
static int list_block(struct memory *memory, const struct block *block, uint32_t machine,
                      uint32_t *count)
{
    for (uint32_t i = 0; i < block->count; i++) {
        if (block->placed[i].machine != machine || !block->placed[i].runs) {
            continue;
        }
        if (*count == memory->lost_room) {
            uint32_t room = memory->lost_room == 0 ? 64 : memory->lost_room * 2;
            struct store_release_result *lost = realloc(memory->lost, room * sizeof *lost);
            if (lost == NULL) {
                return OMEGA_ENOMEM;
            }
            memory->lost = lost;
            memory->lost_room = room;
        }
        memory->lost[(*count)++] = (struct store_release_result){
            .placement = omega_placement_id(block->version, i),
            .job = block->job,
            .task = block->placed[i].task,
            .machine = machine,
            .devices = block->placed[i].devices,
            .released = 1,
            .instance = block->instance,
        };
    }
    return OMEGA_OK;
}

/* Lists what runs on a machine, by rising placement id, in memory->lost. */
static int list_running(struct memory *memory, uint32_t machine, uint32_t *count)
{
    *count = 0;
    for (size_t i = 0; *count < memory->running[machine] && i <= memory->blocks.mask; i++) {
        const struct block *block = memory->blocks.slots[i].value;
        if (block != NULL && list_block(memory, block, machine, count) != OMEGA_OK) {
            return OMEGA_ENOMEM;
        }
    }
    if (*count > 1) {
        qsort(memory->lost, *count, sizeof *memory->lost, compare_placements);
    }
    return OMEGA_OK;
}

/* Takes the placements in memory->lost off their machine. */
static void lose(struct memory *memory, uint32_t count, enum store_loss_policy policy)
{
    struct store_totals freed = {.cpu_used_milli = 0};
    for (uint32_t i = 0; i < count; i++) {
        const struct store_release_result *lost = &memory->lost[i];
        struct block *block = map_get(&memory->blocks, omega_placement_version(lost->placement));
        end_placement(memory, block, find_running(memory, block, lost->placement), &freed);
        if (lost->job != 0) {
            struct job_entry *entry = memory_job(memory, lost->job);
            jobs_lost(entry, &memory->counters, lost->task, policy);
            memory_forget_if_over(memory, entry);
        }
        if (block->running == 0) {
            map_remove(&memory->blocks, block->version);
            free(block);
        }
    }
    totals_add_use(&memory->totals, &freed, -1);
    memory->counters.losses += count;
}

static int memory_machine_event(struct store *store, const struct omega_machine_event *event,
                                enum store_loss_policy policy,
                                const struct store_release_result **lost, uint32_t *lost_count,
                                uint64_t *version, omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    if (event->machine >= store->machine_count) {
        return omega_error_set(err, OMEGA_EINVAL, "machine %u is not in the cell of %u machines",
                               event->machine, store->machine_count);
    }
    struct omega_machine *machine = &memory->machines[event->machine];
    struct omega_machine next = *machine;
    int rc =
        rules_machine_event(&next, &memory->specs[event->machine], event, &memory->overcommit, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    *lost_count = 0;
    if (event->kind == OMEGA_EVENT_REMOVE) {
        if (list_running(memory, event->machine, lost_count) != OMEGA_OK) {
            return omega_error_set(err, OMEGA_ENOMEM, "no memory to remove machine %u",
                                   event->machine);
        }
        lose(memory, *lost_count, policy);
    }
    totals_capacity(&memory->totals, machine, -1);
    rules_machine_event(machine, &memory->specs[event->machine], event, &memory->overcommit, NULL);
    totals_capacity(&memory->totals, machine, 1);
    memory_changed(memory, event->machine, true);
    *lost = memory->lost;
    *version = ++memory->counters.version;
    return OMEGA_OK;
}

/* ---- the initial state ---- */

static const struct omega_machine *record_of(void *context, uint32_t index)
{
    return &((struct memory *)context)->machines[index];
}

static int memory_preload(struct store *store, struct store_placement *placements, uint32_t count,
                          uint64_t *version, omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    int rc = jobs_check_preload(placements, count, store->machine_count, record_of, memory, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct block *block = malloc(sizeof *block + count * sizeof block->placed[0]);
    if (block == NULL ||
        map_put(&memory->blocks, memory->counters.version + 1, block) != OMEGA_OK) {
        free(block);
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u initial placements", count);
    }
    *version = ++memory->counters.version;
    *block = (struct block){
        .version = *version,
        .count = count,
        .running = count,
        .instance = OMEGA_INSTANCE_NONE,
        .band = placements[0].band,
    };
    for (uint32_t i = 0; i < count; i++) {
        struct store_placement *placement = &placements[i];
        struct omega_machine *machine = &memory->machines[placement->machine];
        placement->id = omega_placement_id(*version, i);
        placement->instance = OMEGA_INSTANCE_NONE;
        rules_place(machine, &placement->request, placement->devices,
                    (enum omega_band)placement->band, OMEGA_INSTANCE_NONE, *version);
        totals_use(&memory->totals, &placement->request, placement->devices, 1);
        memory_changed(memory, placement->machine, true);
        memory->running[placement->machine]++;
        block->placed[i] = (struct placed){
            .machine = placement->machine,
            .task = placement->task,
            .request = placement->request,
            .devices = placement->devices,
            .runs = 1,
        };
    }
    return OMEGA_OK;
}

/* ---- views ---- */

static void memory_view_close(struct store_view *view)
{
    if (view->mode == STORE_VIEW_PRIVATE) {
        store_view_free_arrays(view);
    }
    free(view);
}

static int memory_view_open(struct store *store, enum store_view_mode mode,
                            struct store_view **view, omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    struct store_view *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for a view");
    }
    if (mode == STORE_VIEW_LIVE) {
        *opened = memory->live;
    } else {
        opened->mode = mode;
        size_t n = store->machine_count == 0 ? 1 : store->machine_count;
        opened->absorbed = calloc(n, sizeof *opened->absorbed);
        if (opened->absorbed == NULL ||
            store_view_allocate(opened, store->machine_count,
                                memory->live.free_gpu_milli != NULL) != OMEGA_OK) {
            free(opened);
            return omega_error_set(err, OMEGA_ENOMEM, "no memory for a view of %u machines",
                                   store->machine_count);
        }
        store_view_copy_all(opened, &memory->live);
    }
    opened->mode = mode;
    opened->shown.platform = memory->platforms;
    opened->shown.domain = memory->domains;
    opened->shown.version = memory->counters.version;
    opened->feed = memory->feed_end;
    *view = opened;
    return OMEGA_OK;
}

static int memory_view_refresh(struct store *store, struct store_view *view, omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    (void)err;
    if (view->mode == STORE_VIEW_PRIVATE) {
        if (memory->feed_end - view->feed > memory->feed_mask) {
            store_view_copy_all(view, &memory->live);
        } else {
            for (uint64_t i = view->feed; i != memory->feed_end; i++) {
                store_view_copy_machine(view, &memory->live, memory->feed[i & memory->feed_mask]);
            }
        }
        view->feed = memory->feed_end;
    }
    view->shown.version = memory->counters.version;
    return OMEGA_OK;
}

static int memory_view_absorb(struct store *store, struct store_view *view,
                              const uint32_t *machines, uint32_t count, omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    (void)err;
    for (uint32_t i = 0; view->mode == STORE_VIEW_PRIVATE && i < count; i++) {
        store_view_copy_machine(view, &memory->live, machines[i]);
        view->absorbed[machines[i]] = memory->counters.version;
    }
    return OMEGA_OK;
}

/* ---- reading ---- */

static int memory_machine(struct store *store, uint32_t index, struct omega_machine *out,
                          omega_error_t *err)
{
    if (index >= store->machine_count) {
        return omega_error_set(err, OMEGA_EINVAL, "machine %u is not in the cell of %u machines",
                               index, store->machine_count);
    }
    *out = memory_of(store)->machines[index];
    return OMEGA_OK;
}

static int compare_versions(const void *a, const void *b)
{
    const struct block *const *x = a;
    const struct block *const *y = b;
    return ((*x)->version > (*y)->version) - ((*x)->version < (*y)->version);
}

/* All blocks, by rising version, in a new array; NULL without memory. */
static struct block **sorted_blocks(const struct memory *memory)
{
    struct block **blocks = malloc((memory->blocks.count + 1) * sizeof *blocks);
    if (blocks == NULL) {
        return NULL;
    }
    size_t n = 0;
    for (size_t i = 0; memory->blocks.slots != NULL && i <= memory->blocks.mask; i++) {
        if (memory->blocks.slots[i].key != 0) {
            blocks[n++] = memory->blocks.slots[i].value;
        }
    }
    qsort(blocks, n, sizeof *blocks, compare_versions);
    return blocks;
}

static int memory_placements(struct store *store,
                             int (*each)(void *context, const struct store_placement *placement),
                             void *context, omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    struct block **blocks = sorted_blocks(memory);
    if (blocks == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to list the placements");
    }
    int rc = OMEGA_OK;
    for (size_t b = 0; rc == OMEGA_OK && b < memory->blocks.count; b++) {
        const struct block *block = blocks[b];
        for (uint32_t i = 0; rc == OMEGA_OK && i < block->count; i++) {
            if (!block->placed[i].runs) {
                continue;
            }
            struct store_placement placement = {
                .id = omega_placement_id(block->version, i),
                .job = block->job,
                .task = block->placed[i].task,
                .machine = block->placed[i].machine,
                .request = block->placed[i].request,
                .instance = block->instance,
                .devices = block->placed[i].devices,
                .band = block->band,
            };
            rc = each(context, &placement);
        }
    }
    free(blocks);
    return rc;
}

static void memory_counters(struct store *store, struct store_counters *out)
{
    *out = memory_of(store)->counters;
}

static void memory_totals(struct store *store, struct store_totals *out)
{
    *out = memory_of(store)->totals;
}

/* ---- opening and closing ---- */

static void memory_close(struct store *store)
{
    struct memory *memory = memory_of(store);
    for (size_t i = 0; memory->blocks.slots != NULL && i <= memory->blocks.mask; i++) {
        free(memory->blocks.slots[i].value);
    }
    for (size_t i = 0; memory->jobs.slots != NULL && i <= memory->jobs.mask; i++) {
        memory_free_job(memory->jobs.slots[i].value);
    }
    map_clear(&memory->blocks);
    map_clear(&memory->jobs);
    store_view_free_arrays(&memory->live);
    rules_scratch_destroy(memory->rules);
    compat_destroy(memory->compat);
    jobs_scratch_fini(&memory->scratch);
    free(memory->specs);
    free(memory->machines);
    free(memory->platforms);
    free(memory->domains);
    free(memory->feed);
    free(memory->lost);
    free(memory->running);
    free(memory);
}

static const struct store_ops memory_ops;

static int allocate(struct memory *memory, const struct store_config *config, bool gpu)
{
    uint32_t machines = config->machine_count;
    size_t n = machines == 0 ? 1 : machines;
    uint64_t feed = 1024; /* a power of two; beyond the number of machines copying all is quicker */
    while (feed < n) {
        feed *= 2;
    }
    memory->feed_mask = feed - 1;
    memory->feed = malloc(feed * sizeof *memory->feed);
    memory->specs = malloc(n * sizeof *memory->specs);
    memory->machines = aligned_alloc(64, n * sizeof *memory->machines);
    memory->platforms = malloc(n * sizeof *memory->platforms);
    memory->domains = malloc(n * sizeof *memory->domains);
    memory->running = calloc(n, sizeof *memory->running);
    memory->rules = rules_scratch_create();
    if (memory->feed == NULL || memory->specs == NULL || memory->machines == NULL ||
        memory->platforms == NULL || memory->domains == NULL || memory->running == NULL ||
        memory->rules == NULL || jobs_scratch_init(&memory->scratch, machines) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    if (config->compat != 0 && (memory->compat = compat_create(config->compat, machines)) == NULL) {
        return OMEGA_ENOMEM;
    }
    return store_view_allocate(&memory->live, machines, gpu);
}

int store_open_memory(const struct store_config *config, struct store **store, omega_error_t *err)
{
    bool gpu = false;
    for (uint32_t i = 0; i < config->machine_count; i++) {
        gpu = gpu || config->machines[i].gpu_devices > 0;
    }
    struct memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL || allocate(memory, config, gpu) != OMEGA_OK) {
        if (memory != NULL) {
            memory_close(&memory->base);
        }
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for a cell of %u machines",
                               config->machine_count);
    }
    memory->base = (struct store){
        .ops = &memory_ops,
        .catalogue = config->catalogue,
        .machine_count = config->machine_count,
    };
    memory->overcommit = config->overcommit;
    memory->release_raises_seq = config->release_raises_seq;
    for (uint32_t i = 0; i < config->machine_count; i++) {
        const struct omega_machine_spec *spec = &config->machines[i];
        memory->specs[i] = *spec;
        memory->platforms[i] = spec->platform;
        memory->domains[i] = spec->domain;
        rules_machine_init(&memory->machines[i], i, spec, &config->overcommit);
        totals_capacity(&memory->totals, &memory->machines[i], 1);
        store_view_show(&memory->live, i, &memory->machines[i]);
    }
    *store = &memory->base;
    return OMEGA_OK;
}

static const struct store_ops memory_ops = {
    .name = "memory",
    .live_views = true,
    .submit = memory_submit,
    .commit = memory_commit,
    .release = memory_release,
    .machine_event = memory_machine_event,
    .abandon = memory_abandon,
    .preload = memory_preload,
    .view_open = memory_view_open,
    .view_refresh = memory_view_refresh,
    .view_absorb = memory_view_absorb,
    .view_close = memory_view_close,
    .machine = memory_machine,
    .placements = memory_placements,
    .counters = memory_counters,
    .totals = memory_totals,
    .close = memory_close,
};
