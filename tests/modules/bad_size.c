/* SPDX-License-Identifier: MIT */
/* A module built against a shorter struct omega_scheduler. */
#include "core/plugin/scheduler.h"

static void place_nothing(void *state, const struct omega_pending *pending,
                          const struct omega_view *view, struct omega_txn *txn)
{
    (void)state;
    (void)pending;
    (void)view;
    (void)txn;
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler) - 8,
    .name = "bad_size",
    .summary = "must be refused",
    .place = place_nothing,
};
