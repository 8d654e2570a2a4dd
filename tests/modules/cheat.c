/* SPDX-License-Identifier: MIT */
/* Breaks the contract: writes to the view it was given, so that a machine looks full. */
#include "core/plugin/scheduler.h"

static void cheat_place(void *state, const struct omega_pending *pending,
                        const struct omega_view *view, struct omega_txn *txn)
{
    (void)state;
    (void)pending;
    (void)txn;
    ((int32_t *)(uintptr_t)view->free_cpu_milli)[0] = 0;
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "cheat",
    .summary = "writes to its view",
    .place = cheat_place,
};
