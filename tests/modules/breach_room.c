/* SPDX-License-Identifier: MIT */
/* Claims machine 0 for all tasks, whatever the view shows. */
#include "core/plugin/scheduler.h"

static void breach(void *state, const struct omega_pending *pending, const struct omega_view *view,
                   struct omega_txn *txn)
{
    (void)state;
    (void)view;
    for (uint32_t i = 0; i < pending->groups[0].required; i++) {
        omega_txn_claim(txn, 0, pending->groups[0].tasks[i], 0);
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "breach_room",
    .summary = "claims where there is no room",
    .place = breach,
};
