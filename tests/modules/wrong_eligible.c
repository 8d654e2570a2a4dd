/* SPDX-License-Identifier: MIT */
/* Does not look at which machines a group may use. */
#include "tests/modules/nearly.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct omega_view all = *view;
    (void)state;
    all.eligible = NULL;
    nearly_place(pending, &all, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_eligible",
    .summary = "wrong on purpose",
    .place = place,
};
