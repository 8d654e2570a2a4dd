/* SPDX-License-Identifier: MIT */
/*
 * The memory store: the cell state in arrays, for one thread. The entries of the live arrays, which
 * views show, hold room, stamp, limits and last placers of each machine. All else is in its record,
 * which it has from when something first changes that they do not hold; memory_record() brings all
 * together.
 * Commits are in memory_commit.c, placements in memory_block.c, their ends in memory_release.c,
 * the table of jobs in memory_jobs.c.
 */
#include <stdlib.h>
#include <string.h>

#include "cellstate/memory_private.h"
#include "core/base/large.h"

/* ---- records ---- */

void memory_make_record(struct memory *memory, uint32_t index)
{
    rules_machine_init(&memory->machines[index], index, &memory->specs[index], &memory->overcommit);
    memory->recorded[index / 64] |= UINT64_C(1) << index % 64;
}

/* Does a spec make the same machine as another? By what rules_machine_init() looks at. */
static bool are_alike(const struct omega_machine_spec *a, const struct omega_machine_spec *b)
{
    return a->cpu_milli == b->cpu_milli && a->mem_mib == b->mem_mib &&
           a->gpu_devices == b->gpu_devices && a->absent == b->absent;
}

/* A machine as its spec makes it, but for what memory_update() brings up to date: for one after the
 * other, which are mostly alike. Valid until the next one. */
static struct omega_machine *made_by_spec(struct memory *memory, uint32_t index)
{
    const struct omega_machine_spec *spec = &memory->specs[index];
    if (!are_alike(spec, &memory->specs[memory->last_made.index])) {
        rules_machine_init(&memory->last_made, index, spec, &memory->overcommit);
    }
    memory->last_made.index = index;
    return &memory->last_made;
}

/* The same as memory_look() but for who placed something there last. */
static struct omega_machine *look_at_use(struct memory *memory, uint32_t index)
{
    struct omega_machine *machine =
        memory_has_record(memory, index) ? &memory->machines[index] : made_by_spec(memory, index);
    memory_update_use(memory, index, machine);
    return machine;
}

const struct omega_machine *memory_look(struct memory *memory, uint32_t index)
{
    struct omega_machine *machine = look_at_use(memory, index);
    memory_put_placers(memory, index, machine);
    return machine;
}

/* ---- machine events ---- */

/* Makes the states of tasks that will return to their jobs. */
static int keep_lost(struct memory *memory, uint32_t count, enum store_loss_policy policy)
{
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && policy == STORE_LOST_RETURN && i < count; i++) {
        const uint64_t job = memory->lost[i].job;
        rc = job == 0 ? OMEGA_OK : jobs_keep_states(memory_job(memory, job), &memory->spare_jobs);
    }
    return rc;
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
    struct omega_machine *machine = memory_record(memory, event->machine);
    struct omega_machine next = *machine;
    int rc =
        rules_machine_event(&next, &memory->specs[event->machine], event, &memory->overcommit, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    *lost_count = 0;
    if (event->kind == OMEGA_EVENT_REMOVE) {
        if (block_list_machine(memory, event->machine, lost_count) != OMEGA_OK ||
            keep_lost(memory, *lost_count, policy) != OMEGA_OK) {
            return omega_error_set(err, OMEGA_ENOMEM, "no memory to remove machine %u",
                                   event->machine);
        }
        memory_lose(memory, *lost_count, policy);
    }
    memory_record(memory, event->machine);
    totals_capacity(&memory->totals, machine, -1);
    rules_machine_event(machine, &memory->specs[event->machine], event, &memory->overcommit, NULL);
    totals_capacity(&memory->totals, machine, 1);
    machine->changes++;
    memory_changed(memory, event->machine);
    *lost = memory->lost;
    *version = ++memory->counters.version;
    return OMEGA_OK;
}

/* ---- the initial state ---- */

static const struct omega_machine *record_of(void *context, uint32_t index)
{
    return memory_record(context, index);
}

static int memory_preload(struct store *store, struct store_placement *placements, uint32_t count,
                          uint64_t *version, omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    int rc = jobs_check_preload(placements, count, store->machine_count, record_of, memory, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct block *block = block_create(memory, count, false);
    if (block == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u initial placements", count);
    }
    *version = ++memory->counters.version;
    block->instance = OMEGA_INSTANCE_NONE;
    block->band = placements[0].band;
    for (uint32_t i = 0; i < count; i++) {
        struct store_placement *placement = &placements[i];
        struct omega_machine *machine = memory_record(memory, placement->machine);
        placement->id = omega_placement_id(*version, i);
        placement->instance = OMEGA_INSTANCE_NONE;
        rules_place(machine, &placement->request, placement->devices,
                    (enum omega_band)placement->band, OMEGA_INSTANCE_NONE, *version);
        totals_use(&memory->totals, &placement->request, placement->devices, 1);
        memory_changed(memory, placement->machine);
        block->machines[i] = placement->machine;
        block->tasks[i] = placement->task;
        block->asked[i] = (struct asked){placement->request, placement->devices};
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
        memory->feeds = true;
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
    struct memory *memory = memory_of(store);
    if (memory_sum_bands(memory) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to add up what runs on machines");
    }
    *out = *memory_look(memory, index);
    out->cpu_used_milli = 0;
    out->mem_used_mib = 0;
    for (int band = 0; band < OMEGA_BANDS; band++) {
        const struct store_use use = memory_use_in(memory, index, band);
        out->band_cpu_milli[band] = use.cpu_milli;
        out->band_mem_mib[band] = use.mem_mib;
        out->cpu_used_milli += use.cpu_milli;
        out->mem_used_mib += use.mem_mib;
    }
    out->changes = 0; /* ours alone */
    return OMEGA_OK;
}

static const struct omega_machine *memory_kept(struct store *store, uint32_t index)
{
    return look_at_use(memory_of(store), index);
}

static uint32_t memory_untouched(struct store *store, uint32_t first, uint32_t end,
                                 struct omega_machine *made)
{
    const struct memory *memory = memory_of(store);
    if (memory_has_record(memory, first) || memory->specs[first].absent) {
        return 0;
    }
    rules_machine_init(made, first, &memory->specs[first], &memory->overcommit);
    uint32_t m = first + 1;
    while (m < end && !memory_has_record(memory, m) && memory_bit(memory->alike, m)) {
        m++;
    }
    return m - first;
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
    size_t at = 0;
    for (struct job_entry *entry; (entry = id_table_next(&memory->jobs, &at)) != NULL;) {
        jobs_entry_destroy(entry, &memory->spare_jobs);
    }
    spares_free(&memory->spare_jobs.entries);
    spare_sizes_free(&memory->spare_jobs.states);
    block_free_spares(memory);
    map_clear(&memory->blocks);
    id_table_clear(&memory->jobs);
    store_view_free_arrays(&memory->live);
    rules_scratch_destroy(memory->rules);
    compat_destroy(memory->compat);
    jobs_scratch_fini(&memory->scratch);
    large_free(memory->machines);
    placers_close(&memory->placers);
    free(memory->recorded);
    free(memory->alike);
    memory_free_bands(memory);
    large_free(memory->platforms);
    free(memory->feed);
    free(memory->claims);
    free(memory->short_tasks);
    free(memory->short_machines);
    free(memory->short_seqs);
    free(memory->others);
    free(memory->lost);
    free(memory);
}

static const struct store_ops memory_ops;

static int no_memory(uint32_t machines, omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory for a cell of %u machines", machines);
}

/* All but the live arrays, for which the specs have to be read. */
static int allocate(struct memory *memory, const struct store_config *config)
{
    uint32_t machines = config->machine_count;
    size_t n = machines == 0 ? 1 : machines;
    uint64_t feed = 1024; /* a power of two; beyond the number of machines copying all is quicker */
    while (feed < n) {
        feed *= 2;
    }
    memory->feed_mask = feed - 1;
    memory->feed = malloc(feed * sizeof *memory->feed);
    memory->machines = large_calloc(n, sizeof *memory->machines);
    memory->recorded = calloc(n / 64 + 1, sizeof *memory->recorded);
    memory->alike = calloc(n / 64 + 1, sizeof *memory->alike);
    memory->platforms = large_calloc(n, sizeof *memory->platforms + sizeof *memory->domains);
    memory->rules = rules_scratch_create();
    if (memory->feed == NULL || memory->machines == NULL || memory->recorded == NULL ||
        memory->alike == NULL || memory->platforms == NULL || memory->rules == NULL ||
        jobs_scratch_init(&memory->scratch, machines) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    memory->domains = memory->platforms + n;
    if (config->compat != 0 && (memory->compat = compat_create(config->compat, machines)) == NULL) {
        return OMEGA_ENOMEM;
    }
    return OMEGA_OK;
}

/* Takes from the specs, which are read once, since in a large cell they are far away, what does not
 * change: which are as the one before, and what views show of all. True if any has a GPU. */
static bool read_specs(struct memory *memory)
{
    bool gpu = false;
    for (uint32_t i = 0; i < memory->base.machine_count; i++) {
        const struct omega_machine_spec *spec = &memory->specs[i];
        const bool alike = i > 0 && are_alike(spec, spec - 1);
        memory->alike[i / 64] |= (uint64_t)alike << i % 64;
        if (spec->platform != 0 || spec->domain != 0) { /* else the arrays stay untouched */
            memory->platforms[i] = spec->platform;
            memory->domains[i] = spec->domain;
        }
        gpu = gpu || spec->gpu_devices > 0;
    }
    return gpu;
}

/* Shows the machines as their specs make them, those that are alike at once. */
static void show_machines(struct memory *memory)
{
    const uint32_t count = memory->base.machine_count;
    struct omega_machine *machine = &memory->last_made;
    uint32_t first = 0;
    while (first < count) {
        uint32_t end = first + 1;
        while (end < count && memory_bit(memory->alike, end)) {
            end++;
        }
        rules_machine_init(machine, first, &memory->specs[first], &memory->overcommit);
        totals_capacity(&memory->totals, machine, end - first);
        store_view_show_run(&memory->live, first, end, machine);
        first = end;
    }
}

int store_open_memory(const struct store_config *config, struct store **store, omega_error_t *err)
{
    const uint32_t machines = config->machine_count;
    struct memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL) {
        return no_memory(machines, err);
    }
    memory->base = (struct store){
        .ops = &memory_ops,
        .catalogue = config->catalogue,
        .machine_count = machines,
        .release_raises_seq = config->release_raises_seq,
    };
    memory->specs = config->machines;
    memory->overcommit = config->overcommit;
    int rc = allocate(memory, config);
    if (rc == OMEGA_OK) {
        const bool gpu = read_specs(memory);
        rc = store_view_allocate(&memory->live, machines, gpu);
    }
    if (rc != OMEGA_OK) {
        memory_close(&memory->base);
        return no_memory(machines, err);
    }
    placers_open(&memory->placers, memory->live.entry, machines);
    show_machines(memory);
    *store = &memory->base;
    return OMEGA_OK;
}

static const struct store_ops memory_ops = {
    .name = "memory",
    .live_views = true,
    .takes_short = true,
    .submit = memory_submit,
    .commit = memory_commit,
    .release = memory_release,
    .release_run = memory_release_run,
    .machine_event = memory_machine_event,
    .abandon = memory_abandon,
    .preload = memory_preload,
    .view_open = memory_view_open,
    .view_refresh = memory_view_refresh,
    .view_absorb = memory_view_absorb,
    .view_close = memory_view_close,
    .machine = memory_machine,
    .kept = memory_kept,
    .untouched = memory_untouched,
    .placements = memory_placements,
    .placements_in_runs = memory_placements_in_runs,
    .counters = memory_counters,
    .totals = memory_totals,
    .job_place = memory_job_place,
    .placements_place = memory_placements_place,
    .close = memory_close,
};
