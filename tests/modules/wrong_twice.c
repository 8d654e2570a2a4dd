/* SPDX-License-Identifier: MIT */
/* Claims the last task of a job a second time. */
#include "tests/modules/nearly.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    const struct omega_pending_group *group = &pending->groups[0];
    (void)state;
    nearly_place(pending, view, txn);
    if (group->required > 0 && omega_txn_claims(txn) > 0) {
        omega_txn_claim(txn, 0, group->tasks[0], 0);
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_twice",
    .summary = "wrong on purpose",
    .place = place,
};
