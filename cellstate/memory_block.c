/* SPDX-License-Identifier: MIT */
/* The memory store's placements: one block for each version that made some. */
#include <stdlib.h>
#include <string.h>

#include "cellstate/memory_private.h"
#include "core/base/large.h"

#define SPARE_LEAST (1u << MEMORY_SPARE_BITS)

/* A new block with room for so many placements, each of which takes `extra` bytes besides; NULL
 * without memory. */
static struct block *allocate(uint32_t room, size_t extra)
{
    struct block *block = NULL;
    size_t each = sizeof block->machines[0] + sizeof block->tasks[0] + extra;
    block = malloc(sizeof *block + room * each);
    if (block != NULL) {
        *block = (struct block){.tasks = &block->machines[room]};
    }
    return block;
}

/* Which spare blocks hold so many placements, and how many they hold: four sizes between one power
 * of two and the next, since more room than is used is memory that has to be fetched. */
static uint32_t which_spare(uint32_t count, uint32_t *room)
{
    if (count <= SPARE_LEAST) {
        *room = SPARE_LEAST;
        return 0;
    }
    const uint32_t bits = 31u - (uint32_t)__builtin_clz(count - 1);
    const uint32_t quarters = (count - 1) >> (bits - 2); /* 4 to 7: of the power of two below */
    *room = (quarters + 1) << (bits - 2);
    return 4 * (bits - MEMORY_SPARE_BITS) + quarters - 3;
}

/* A block for so many alike placements, used again or new; NULL without memory. */
static struct block *take_spare(struct memory *memory, uint32_t count)
{
    uint32_t room;
    const uint32_t spare = which_spare(count, &room);
    struct block *block = memory->spares[spare];
    if (block != NULL) {
        memory->spares[spare] = block->next;
        return block;
    }
    block = allocate(room, 0);
    if (block != NULL) {
        block->spare = spare;
    }
    return block;
}

static struct block *new_block(uint32_t count)
{
    struct block *block = allocate(count, sizeof *block->asked);
    if (block != NULL) {
        block->asked = (struct asked *)(void *)&block->tasks[count];
    }
    return block;
}

/* Frees a block, or keeps it to use it again. */
static void spare(struct memory *memory, struct block *block)
{
    if (block->asked != NULL) {
        free(block);
        return;
    }
    block->next = memory->spares[block->spare];
    memory->spares[block->spare] = block;
}

struct block *block_create(struct memory *memory, uint32_t count, bool alike)
{
    struct block *block = alike ? take_spare(memory, count) : new_block(count);
    if (block == NULL) {
        return NULL;
    }
    block->version = memory->counters.version + 1;
    block->count = count;
    block->running = count;
    if (map_put(&memory->blocks, block->version, block) != OMEGA_OK) {
        spare(memory, block);
        return NULL;
    }
    return block;
}

void block_forget(struct memory *memory, struct block *block)
{
    map_remove(&memory->blocks, block->version);
    spare(memory, block);
}

void block_free_spares(struct memory *memory)
{
    for (uint32_t i = 0; i < MEMORY_SPARES; i++) {
        while (memory->spares[i] != NULL) {
            struct block *block = memory->spares[i];
            memory->spares[i] = block->next;
            free(block);
        }
    }
}

/* ---- what runs on one machine ---- */

static int compare_placements(const void *a, const void *b)
{
    const struct store_release_result *x = a;
    const struct store_release_result *y = b;
    return (x->placement > y->placement) - (x->placement < y->placement);
}

static bool reserve_lost(struct memory *memory, uint32_t count)
{
    if (count < memory->lost_room) {
        return true;
    }
    uint32_t room = memory->lost_room == 0 ? 64 : memory->lost_room * 2;
    struct store_release_result *lost = realloc(memory->lost, room * sizeof *lost);
    if (lost == NULL) {
        return false;
    }
    memory->lost = lost;
    memory->lost_room = room;
    return true;
}

/* Appends what runs of a block on a machine to memory->lost. */
static int list_block(struct memory *memory, const struct block *block, uint32_t machine,
                      uint32_t *count)
{
    for (uint32_t i = 0; i < block->count; i++) {
        if (block->machines[i] != machine || !block_runs(block, i)) {
            continue;
        }
        if (!reserve_lost(memory, *count)) {
            return OMEGA_ENOMEM;
        }
        memory->lost[(*count)++] = (struct store_release_result){
            .placement = omega_placement_id(block->version, i),
            .job = block->job,
            .task = block->tasks[i],
            .machine = machine,
            .devices = block_asked(block, i)->devices,
            .released = 1,
            .instance = block->instance,
        };
    }
    return OMEGA_OK;
}

int block_list_machine(struct memory *memory, uint32_t machine, uint32_t *count)
{
    *count = 0;
    for (size_t i = 0; memory->blocks.slots != NULL && i <= memory->blocks.mask; i++) {
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

/* ---- everything that runs ---- */

/* What `each` and `run` are, and `context`: see store_ops.placements_in_runs. */
struct teller {
    int (*each)(void *context, const struct store_placement *placement);
    int (*run)(void *context, const struct store_placement *first, const uint32_t *machines,
               uint32_t count);
    void *context;
};

#define DIGIT_BITS 8u
#define DIGITS (1u << DIGIT_BITS)
_Static_assert(OMEGA_PLACEMENT_POSITION_BITS >= 2 * DIGIT_BITS, "no version has all digits");

/* Brings `count` slots in the order of a digit of their keys, and otherwise in that they have. */
static void sort_by_digit(const struct map_slot *slots, size_t count, unsigned shift,
                          struct map_slot *sorted)
{
    size_t begin[DIGITS + 1] = {0};
    for (size_t i = 0; i < count; i++) {
        begin[(slots[i].key >> shift) % DIGITS + 1]++;
    }
    for (unsigned d = 1; d < DIGITS; d++) {
        begin[d] += begin[d - 1];
    }
    for (size_t i = 0; i < count; i++) {
        sorted[begin[(slots[i].key >> shift) % DIGITS]++] = slots[i];
    }
}

/* All blocks, by rising version, in a new array; NULL without memory. In a large cell there are
 * tens of thousands, whose versions differ in few digits. */
static struct map_slot *sorted_blocks(const struct memory *memory)
{
    const size_t count = memory->blocks.count;
    struct map_slot *blocks = malloc((2 * count + 1) * sizeof *blocks);
    if (blocks == NULL) {
        return NULL;
    }
    size_t n = 0;
    for (size_t i = 0; memory->blocks.slots != NULL && i <= memory->blocks.mask; i++) {
        if (memory->blocks.slots[i].key != 0) {
            blocks[n++] = memory->blocks.slots[i];
        }
    }
    for (unsigned shift = 0; memory->counters.version >> shift != 0; shift += 2 * DIGIT_BITS) {
        sort_by_digit(blocks, n, shift, blocks + n);
        sort_by_digit(blocks + n, n, shift + DIGIT_BITS, blocks);
    }
    return blocks;
}

/* Tells what runs of a block. */
static int tell_block(const struct block *block, const struct teller *teller)
{
    struct store_placement placement = {
        .id = omega_placement_id(block->version, 0),
        .job = block->job,
        .task = block->tasks[0],
        .machine = block->machines[0],
        .request = block->alike.request,
        .instance = block->instance,
        .devices = block->alike.devices,
        .band = block->band,
    };
    if (teller->run != NULL && block->asked == NULL && block->running == block->count) {
        return teller->run(teller->context, &placement, block->machines, block->count);
    }
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < block->count; i++) {
        if (!block_runs(block, i)) {
            continue;
        }
        placement.id = omega_placement_id(block->version, i);
        placement.task = block->tasks[i];
        placement.machine = block->machines[i];
        placement.request = block_asked(block, i)->request;
        placement.devices = block_asked(block, i)->devices;
        rc = teller->each(teller->context, &placement);
    }
    return rc;
}

int memory_placements_in_runs(struct store *store,
                              int (*each)(void *context, const struct store_placement *placement),
                              int (*run)(void *context, const struct store_placement *first,
                                         const uint32_t *machines, uint32_t count),
                              void *context, omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    const struct teller teller = {.each = each, .run = run, .context = context};
    struct map_slot *blocks = sorted_blocks(memory);
    if (blocks == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to list the placements");
    }
    int rc = OMEGA_OK;
    for (size_t b = 0; rc == OMEGA_OK && b < memory->blocks.count; b++) {
        if (b + 1 < memory->blocks.count) {
            cache_ask(blocks[b + 1].value, STORE_PLACEMENTS_BYTES);
        }
        rc = tell_block(blocks[b].value, &teller);
    }
    free(blocks);
    return rc;
}

int memory_placements(struct store *store,
                      int (*each)(void *context, const struct store_placement *placement),
                      void *context, omega_error_t *err)
{
    return memory_placements_in_runs(store, each, NULL, context, err);
}

/* ---- use by band ---- */

static int add_to_band(struct memory *memory, const struct block *block)
{
    struct store_use **band = &memory->bands[block->band];
    if (*band == NULL) {
        *band = large_calloc(memory->base.machine_count, sizeof **band);
    }
    if (*band == NULL) {
        return OMEGA_ENOMEM;
    }
    for (uint32_t i = 0; i < block->count; i++) {
        if (block_runs(block, i)) {
            const struct omega_request *request = &block_asked(block, i)->request;
            struct store_use *use = &(*band)[block->machines[i]];
            use->cpu_milli += request->cpu_milli;
            use->mem_mib += request->mem_mib;
            use->placements++;
        }
    }
    return OMEGA_OK;
}

int memory_sum_bands(struct memory *memory)
{
    const uint64_t version = memory->counters.version + 1;
    int rc = OMEGA_OK;
    if (memory->bands_version == version) {
        return rc;
    }
    memory->bands_version = 0;
    memory_free_bands(memory);
    for (size_t b = 0; memory->blocks.slots != NULL && b <= memory->blocks.mask; b++) {
        if (rc == OMEGA_OK && memory->blocks.slots[b].value != NULL) {
            rc = add_to_band(memory, memory->blocks.slots[b].value);
        }
    }
    memory->bands_version = rc == OMEGA_OK ? version : 0;
    return rc;
}

void memory_free_bands(struct memory *memory)
{
    for (int band = 0; band < OMEGA_BANDS; band++) {
        large_free(memory->bands[band]);
        memory->bands[band] = NULL;
    }
}

struct store_use memory_use_in(const struct memory *memory, uint32_t machine, int band)
{
    const struct store_use *uses = memory->bands[band];
    return uses == NULL ? (struct store_use){.placements = 0} : uses[machine];
}
