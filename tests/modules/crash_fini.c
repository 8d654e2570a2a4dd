/* SPDX-License-Identifier: MIT */
/* Writes to no address of its own when it is told that its instance ends. */
#include "core/plugin/scheduler.h"

static void fini(void *state)
{
    volatile uintptr_t nowhere = 64; /* not 0, which a sanitizer would catch first */
    (void)state;
    *(volatile int *)nowhere = 1;
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    (void)state;
    (void)pending;
    (void)view;
    (void)txn;
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "crash_fini",
    .summary = "writes where nothing is in fini()",
    .fini = fini,
    .place = place,
};
