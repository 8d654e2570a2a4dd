/* SPDX-License-Identifier: MIT */
/* Says that it never looks at the attempt before, and does. */
#include "tests/modules/nearly.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    (void)state;
    if (pending->attempt == 1 || pending->last_claims[0].machine < view->machine_count) {
        nearly_place(pending, view, txn);
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_last",
    .summary = "wrong on purpose",
    .place = place,
    .ignores_last = true,
};
