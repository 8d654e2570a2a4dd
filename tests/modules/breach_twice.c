/* SPDX-License-Identifier: MIT */
/* Claims one task twice, where there is room for two. */
#include "core/plugin/scheduler.h"

static void breach(void *state, const struct omega_pending *pending, const struct omega_view *view,
                   struct omega_txn *txn)
{
    (void)state;
    const struct omega_request *request = &pending->job->groups[0].request;
    for (uint32_t m = 0; m + 1 < view->machine_count; m++) {
        if (omega_view_fits(view, request, m) && omega_view_fits(view, request, m + 1)) {
            omega_txn_claim(txn, 0, pending->groups[0].tasks[0], m);
            omega_txn_claim(txn, 0, pending->groups[0].tasks[0], m + 1);
            return;
        }
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "breach_twice",
    .summary = "claims a task twice",
    .place = breach,
};
