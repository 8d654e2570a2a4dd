/* SPDX-License-Identifier: MIT */
/* Calls exit() while it plans, as if all were well. */
#include <stdlib.h>

#include "core/plugin/scheduler.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    (void)state;
    (void)pending;
    (void)view;
    (void)txn;
    exit(0);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "exit_place",
    .summary = "calls exit() while it plans, as if all were well",
    .place = place,
};
