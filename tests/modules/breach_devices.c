/* SPDX-License-Identifier: MIT */
/* Claims one GPU device more than was asked for. */
#include "core/plugin/scheduler.h"

static void breach(void *state, const struct omega_pending *pending, const struct omega_view *view,
                   struct omega_txn *txn)
{
    (void)state;
    const struct omega_request *request = &pending->job->groups[0].request;
    for (uint32_t m = 0; m < view->machine_count; m++) {
        if (omega_view_fits(view, request, m)) {
            uint32_t devices = (1u << (request->gpu_devices + 1)) - 1;
            omega_txn_claim_devices(txn, 0, pending->groups[0].tasks[0], m, devices);
            return;
        }
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "breach_devices",
    .summary = "claims the wrong GPU devices",
    .place = breach,
};
