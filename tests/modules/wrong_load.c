/* SPDX-License-Identifier: MIT */
/* Crashes while it is loaded. */
#include "tests/modules/nearly.h"

static __attribute__((constructor)) void on_load(void)
{
    volatile uintptr_t nowhere = 64; /* not 0, which a sanitizer would catch first */
    *(volatile int *)nowhere = 1;
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    (void)state;
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_load",
    .summary = "wrong on purpose",
    .place = place,
};
