/* SPDX-License-Identifier: MIT */
/* The sums over a cell's machines that every store keeps: capacity and use, counted in one way. */
#ifndef OMEGA_CELLSTATE_TOTALS_H
#define OMEGA_CELLSTATE_TOTALS_H

#include "cellstate/store.h"

/* Adds the capacity of so many machines like this one, or takes it (-1 of them, for one); one that
 * is down has none. */
static inline void totals_capacity(struct store_totals *totals, const struct omega_machine *machine,
                                   int64_t machines)
{
    if (machine->state != OMEGA_MACHINE_DOWN) {
        totals->cpu_capacity_milli += machines * machine->cpu_capacity_milli;
        totals->mem_capacity_mib += machines * machine->mem_capacity_mib;
        totals->gpu_capacity_milli += machines * machine->gpu_devices * OMEGA_GPU_DEVICE_MILLI;
    }
}

/* Adds (sign 1) or takes (-1) what a placement uses. */
static inline void totals_use(struct store_totals *totals, const struct omega_request *request,
                              uint32_t devices, int sign)
{
    totals->cpu_used_milli += sign * request->cpu_milli;
    totals->mem_used_mib += sign * request->mem_mib;
    if (devices != 0) {
        totals->gpu_used_milli += (int64_t)sign * request->gpu_milli * __builtin_popcount(devices);
    }
}

/* Adds (sign 1) or takes (-1) use that has been summed up: sums of many placements are made apart
 * from the totals, which would be read and written for each. */
static inline void totals_add_use(struct store_totals *totals, const struct store_totals *use,
                                  int sign)
{
    totals->cpu_used_milli += sign * use->cpu_used_milli;
    totals->mem_used_mib += sign * use->mem_used_mib;
    totals->gpu_used_milli += sign * use->gpu_used_milli;
}

#endif
