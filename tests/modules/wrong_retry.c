/* SPDX-License-Identifier: MIT */
/* Takes the number of tasks that are left for their indices: right at the first attempt only. */
#include "tests/modules/nearly.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    (void)state;
    for (uint32_t g = 0; g < pending->job->group_count; g++) {
        struct omega_place place = omega_place_group(pending, view, g);
        for (uint32_t i = 0; i < pending->groups[g].required; i++) {
            uint32_t machine = omega_place_first(&place, 0, place.machine_count);
            if (machine != OMEGA_NO_MACHINE) {
                omega_txn_claim(txn, g, pending->job->groups[g].first_task + i, machine);
            }
        }
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_retry",
    .summary = "wrong on purpose",
    .place = place,
};
