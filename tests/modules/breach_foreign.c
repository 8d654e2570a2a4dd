/* SPDX-License-Identifier: MIT */
/* Claims a task behind the last one of the job. */
#include "core/plugin/scheduler.h"

static void breach(void *state, const struct omega_pending *pending, const struct omega_view *view,
                   struct omega_txn *txn)
{
    (void)state;
    (void)view;
    omega_txn_claim(txn, 0, pending->job->slots, 0);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "breach_foreign",
    .summary = "claims a task of no job",
    .place = breach,
};
