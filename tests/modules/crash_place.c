/* SPDX-License-Identifier: MIT */
/* Writes to no address of its own while it plans. */
#include "core/plugin/scheduler.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    volatile uintptr_t nowhere = 64; /* not 0, which a sanitizer would catch first */
    (void)state;
    (void)pending;
    (void)view;
    (void)txn;
    *(volatile int *)nowhere = 1;
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "crash_place",
    .summary = "writes where nothing is while it plans",
    .place = place,
};
