/* SPDX-License-Identifier: MIT */
/* Takes a claim back that it never made. */
#include "core/plugin/scheduler.h"

static void breach(void *state, const struct omega_pending *pending, const struct omega_view *view,
                   struct omega_txn *txn)
{
    (void)state;
    (void)view;
    omega_txn_unclaim(txn, pending->groups[0].tasks[0]);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "breach_unclaim",
    .summary = "takes back what it never claimed",
    .place = breach,
};
