/* SPDX-License-Identifier: MIT */
/* Claims for a group that the job does not have. */
#include "core/plugin/scheduler.h"

static void breach(void *state, const struct omega_pending *pending, const struct omega_view *view,
                   struct omega_txn *txn)
{
    (void)state;
    (void)view;
    omega_txn_claim(txn, pending->job->group_count, pending->groups[0].tasks[0], 0);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "breach_group",
    .summary = "claims for an unknown group",
    .place = breach,
};
