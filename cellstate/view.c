/* SPDX-License-Identifier: MIT */
/* Views: arrays that several stores share. See store_view.h. */
#include "cellstate/store_view.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cellstate/rules.h"
#include "core/base/cache.h"
#include "core/base/large.h"

void store_view_close(struct store *store, struct store_view *view)
{
    if (view != NULL) {
        store->ops->view_close(view);
    }
}

void store_view_derive_gpu(struct store_view *view, uint32_t machine)
{
    const int16_t *gpu = view->free_gpu_milli + (size_t)machine * OMEGA_GPU_DEVICES_MAX;
    uint8_t whole = 0;
    int16_t largest = gpu[0];
    for (int device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
        whole = (uint8_t)(whole + (gpu[device] >= OMEGA_GPU_DEVICE_MILLI));
        largest = gpu[device] > largest ? gpu[device] : largest;
    }
    view->gpu_whole[machine] = whole;
    view->gpu_largest[machine] = largest;
}

static void publish(struct store_view *view, uint32_t machines)
{
    struct omega_view *shown = &view->shown;
    shown->machine_count = machines;
    shown->entry = view->entry;
    shown->free_gpu_milli = view->free_gpu_milli;
    shown->gpu_whole = view->gpu_whole;
    shown->gpu_largest = view->gpu_largest;
}

/* Cuts an array off the memory at *next, whole lines of it: each begins with one. */
static void *cut(uint8_t **next, size_t count, size_t size)
{
    void *array = *next;
    *next += (count * size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    return array;
}

int store_view_allocate(struct store_view *view, uint32_t machines, bool gpu)
{
    size_t n = machines == 0 ? 1 : machines;
    size_t gpu_each = OMEGA_GPU_DEVICES_MAX * sizeof *view->free_gpu_milli +
                      sizeof *view->gpu_whole + sizeof *view->gpu_largest;
    view->memory =
        large_calloc(n * (sizeof *view->entry + (gpu ? gpu_each : 0)) + 8 * CACHE_LINE, 1);
    if (view->memory == NULL) {
        store_view_free_arrays(view);
        return OMEGA_ENOMEM;
    }
    uint8_t *next = view->memory;
    view->entry = cut(&next, n, sizeof *view->entry);
    if (gpu) {
        view->free_gpu_milli = cut(&next, n * OMEGA_GPU_DEVICES_MAX, sizeof *view->free_gpu_milli);
        view->gpu_whole = cut(&next, n, sizeof *view->gpu_whole);
        view->gpu_largest = cut(&next, n, sizeof *view->gpu_largest);
    }
    publish(view, machines);
    return OMEGA_OK;
}

void store_view_free_arrays(struct store_view *view)
{
    large_free(view->memory);
    free(view->absorbed);
    *view = (struct store_view){.mode = view->mode};
}

void store_view_show(struct store_view *view, uint32_t machine, const struct omega_machine *record)
{
    struct omega_entry *entry = &view->entry[machine];
    entry->room = (struct omega_room){rules_free_cpu(record), rules_free_mem(record)};
    entry->stamp = omega_stamp(record->seq, record->releases);
    entry->limit = (struct omega_room){record->cpu_limit_milli, record->mem_limit_mib};
    if (view->free_gpu_milli != NULL) {
        int16_t *gpu = view->free_gpu_milli + (size_t)machine * OMEGA_GPU_DEVICES_MAX;
        for (uint32_t device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
            gpu[device] = rules_free_gpu(record, device);
        }
        store_view_derive_gpu(view, machine);
    }
}

void store_view_show_run(struct store_view *view, uint32_t first, uint32_t end,
                         const struct omega_machine *record)
{
    store_view_show(view, first, record);
    const struct omega_entry shown = view->entry[first];
    if (view->free_gpu_milli != NULL) {
        for (uint32_t machine = first + 1; machine < end; machine++) {
            store_view_show(view, machine, record);
        }
        return;
    }
    for (uint32_t machine = first + 1; machine < end; machine++) { /* all but the store's word */
        struct omega_entry *entry = &view->entry[machine];
        entry->room = shown.room;
        entry->stamp = shown.stamp;
        entry->limit = shown.limit;
    }
}

void store_view_copy_machine(struct store_view *view, const struct store_view *from,
                             uint32_t machine)
{
    view->entry[machine] = from->entry[machine];
    if (view->free_gpu_milli != NULL) {
        size_t first = (size_t)machine * OMEGA_GPU_DEVICES_MAX;
        memcpy(view->free_gpu_milli + first, from->free_gpu_milli + first,
               OMEGA_GPU_DEVICES_MAX * sizeof *view->free_gpu_milli);
        view->gpu_whole[machine] = from->gpu_whole[machine];
        view->gpu_largest[machine] = from->gpu_largest[machine];
    }
}

void store_view_copy_all(struct store_view *view, const struct store_view *from)
{
    size_t n = view->shown.machine_count;
    memcpy(view->entry, from->entry, n * sizeof *view->entry);
    if (view->free_gpu_milli != NULL) {
        memcpy(view->free_gpu_milli, from->free_gpu_milli,
               n * OMEGA_GPU_DEVICES_MAX * sizeof *view->free_gpu_milli);
        memcpy(view->gpu_whole, from->gpu_whole, n * sizeof *view->gpu_whole);
        memcpy(view->gpu_largest, from->gpu_largest, n * sizeof *view->gpu_largest);
    }
}

/* Field by field: the one expected has just been written so. */
static bool shows_entry(const struct omega_entry *entry, const struct omega_entry *expected)
{
    return entry->room.cpu_milli == expected->room.cpu_milli &&
           entry->room.mem_mib == expected->room.mem_mib && entry->stamp == expected->stamp &&
           entry->limit.cpu_milli == expected->limit.cpu_milli &&
           entry->limit.mem_mib == expected->limit.mem_mib;
}

bool store_view_shows(const struct store_view *view, uint32_t machine,
                      const struct store_view *expected)
{
    bool same = shows_entry(&view->entry[machine], &expected->entry[0]);
    if (view->free_gpu_milli == NULL) {
        return same;
    }
    return same && view->gpu_whole[machine] == expected->gpu_whole[0] &&
           view->gpu_largest[machine] == expected->gpu_largest[0] &&
           memcmp(view->free_gpu_milli + (size_t)machine * OMEGA_GPU_DEVICES_MAX,
                  expected->free_gpu_milli,
                  OMEGA_GPU_DEVICES_MAX * sizeof *view->free_gpu_milli) == 0;
}

uint64_t store_view_hash(const struct store_view *view)
{
    size_t n = view->shown.machine_count;
    uint64_t hash = XXH3_64bits(view->entry, n * sizeof *view->entry);
    if (view->free_gpu_milli != NULL) {
        hash = XXH3_64bits_withSeed(view->free_gpu_milli,
                                    n * OMEGA_GPU_DEVICES_MAX * sizeof *view->free_gpu_milli, hash);
        hash = XXH3_64bits_withSeed(view->gpu_whole, n * sizeof *view->gpu_whole, hash);
        hash = XXH3_64bits_withSeed(view->gpu_largest, n * sizeof *view->gpu_largest, hash);
    }
    return hash;
}
