/* SPDX-License-Identifier: MIT */
/* Never ends to plan. */
#include <stdbool.h>

#include "core/plugin/scheduler.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    volatile bool wait = true;
    (void)state;
    (void)pending;
    (void)view;
    (void)txn;
    while (wait) {
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "hang_place",
    .summary = "never ends to plan",
    .place = place,
};
