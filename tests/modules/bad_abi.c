/* SPDX-License-Identifier: MIT */
/* A module built for an ABI that does not exist yet. */
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
    .abi = OMEGA_SCHEDULER_ABI + 41,
    .size = sizeof(struct omega_scheduler),
    .name = "bad_abi",
    .summary = "must be refused",
    .place = place_nothing,
};
