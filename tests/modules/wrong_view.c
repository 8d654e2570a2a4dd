/* SPDX-License-Identifier: MIT */
/* Keeps book of its claims in the view. */
#include "tests/modules/nearly.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    volatile struct omega_entry *entry = (volatile struct omega_entry *)(uintptr_t)view->entry;
    (void)state;
    nearly_place(pending, view, txn);
    if (view->machine_count > 0) {
        entry[0].room.cpu_milli -= 1;
        entry[0].room.cpu_milli += 1; /* nobody would notice */
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_view",
    .summary = "wrong on purpose",
    .place = place,
};
