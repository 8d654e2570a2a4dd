/* SPDX-License-Identifier: MIT */
/* Claims the first machine that constraints or pickiness exclude. */
#include "core/plugin/scheduler.h"

static void breach(void *state, const struct omega_pending *pending, const struct omega_view *view,
                   struct omega_txn *txn)
{
    (void)state;
    const uint64_t *eligible = omega_view_eligible(view, 0);
    for (uint32_t m = 0; m < view->machine_count; m++) {
        if (!omega_eligible(eligible, m)) {
            omega_txn_claim(txn, 0, pending->groups[0].tasks[0], m);
            return;
        }
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "breach_ineligible",
    .summary = "claims a machine that is not eligible",
    .place = breach,
};
