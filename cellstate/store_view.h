/* SPDX-License-Identifier: MIT */
/*
 * The host's side of a view: what modules see (`shown`), the same arrays writable, and how far each
 * machine has been synced. Claims made while planning change the arrays; taking all of them back,
 * in any order, restores every array exactly.
 */
#ifndef OMEGA_CELLSTATE_STORE_VIEW_H
#define OMEGA_CELLSTATE_STORE_VIEW_H

#include "cellstate/store.h"

struct store_view {
    struct omega_view shown; /* its pointers are the arrays below */
    enum store_view_mode mode;
    void *memory; /* in one piece, so that a large cell has it in huge pages */
    struct omega_entry *entry;
    int16_t *free_gpu_milli; /* NULL, with the two below, in a cell without GPUs */
    uint8_t *gpu_whole;
    int16_t *gpu_largest;
    uint64_t *absorbed; /* PRIVATE: version at which a machine was shown ahead of the others */
    uint64_t feed;      /* how far the backend's change feed has been read */
};

/* The version at which the view last synced a machine. */
static inline uint64_t store_view_synced(const struct store_view *view, uint32_t machine)
{
    uint64_t version = view->shown.version;
    if (view->absorbed != NULL && view->absorbed[machine] > version) {
        version = view->absorbed[machine];
    }
    return version;
}

/* Recomputes gpu_whole and gpu_largest of a machine from its devices. */
void store_view_derive_gpu(struct store_view *view, uint32_t machine);

/* Takes room on the view for one claim; the caller has checked that it fits. */
static inline void store_view_take(struct store_view *view, const struct omega_claim *claim)
{
    view->entry[claim->machine].room.cpu_milli -= claim->request.cpu_milli;
    view->entry[claim->machine].room.mem_mib -= claim->request.mem_mib;
    if (claim->devices != 0) {
        int16_t *gpu = view->free_gpu_milli + (size_t)claim->machine * OMEGA_GPU_DEVICES_MAX;
        for (uint32_t mask = claim->devices; mask != 0; mask &= mask - 1) {
            int16_t *device = gpu + __builtin_ctz(mask);
            *device = (int16_t)(*device - claim->request.gpu_milli);
        }
        store_view_derive_gpu(view, claim->machine);
    }
}

/* Gives the room of a taken claim back. */
static inline void store_view_give(struct store_view *view, const struct omega_claim *claim)
{
    view->entry[claim->machine].room.cpu_milli += claim->request.cpu_milli;
    view->entry[claim->machine].room.mem_mib += claim->request.mem_mib;
    if (claim->devices != 0) {
        int16_t *gpu = view->free_gpu_milli + (size_t)claim->machine * OMEGA_GPU_DEVICES_MAX;
        for (uint32_t mask = claim->devices; mask != 0; mask &= mask - 1) {
            int16_t *device = gpu + __builtin_ctz(mask);
            *device = (int16_t)(*device + claim->request.gpu_milli);
        }
        store_view_derive_gpu(view, claim->machine);
    }
}

/* Allocates the arrays of a private view for `machines` machines, GPU arrays only if `gpu`; the
 * static arrays platform and domain are the store's. Returns 0 or OMEGA_ENOMEM. */
int store_view_allocate(struct store_view *view, uint32_t machines, bool gpu);
void store_view_free_arrays(struct store_view *view);

/* Shows a machine's current record. */
void store_view_show(struct store_view *view, uint32_t machine, const struct omega_machine *record);

/* The same for machines [first, end), at least one, which are all like this record. */
void store_view_show_run(struct store_view *view, uint32_t first, uint32_t end,
                         const struct omega_machine *record);

/* Copies machine `machine`, or all of them, from a view of the same cell. */
void store_view_copy_machine(struct store_view *view, const struct store_view *from,
                             uint32_t machine);
void store_view_copy_all(struct store_view *view, const struct store_view *from);

/* True if a view shows of a machine what another view shows of its only one. */
bool store_view_shows(const struct store_view *view, uint32_t machine,
                      const struct store_view *expected);

/* A hash of all arrays: debug builds compare it before planning and after taking claims back. */
uint64_t store_view_hash(const struct store_view *view);

#endif
