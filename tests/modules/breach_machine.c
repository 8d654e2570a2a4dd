/* SPDX-License-Identifier: MIT */
/* Claims a machine behind the last one. */
#include "core/plugin/scheduler.h"

static void breach(void *state, const struct omega_pending *pending, const struct omega_view *view,
                   struct omega_txn *txn)
{
    (void)state;
    omega_txn_claim(txn, 0, pending->groups[0].tasks[0], view->machine_count);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "breach_machine",
    .summary = "claims a machine that does not exist",
    .place = breach,
};
