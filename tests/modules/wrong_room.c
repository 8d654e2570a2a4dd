/* SPDX-License-Identifier: MIT */
/* Looks at CPU alone. */
#include "tests/modules/nearly.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    (void)state;
    for (uint32_t g = 0; g < pending->job->group_count; g++) {
        const struct omega_request *request = &pending->job->groups[g].request;
        const uint64_t *eligible = omega_view_eligible(view, g);
        uint32_t placed = 0;
        for (uint32_t m = 0; m < view->machine_count && placed < pending->groups[g].required;) {
            if (omega_eligible(eligible, m) &&
                view->entry[m].room.cpu_milli >= request->cpu_milli &&
                omega_txn_claim(txn, g, pending->groups[g].tasks[placed], m) == 0) {
                placed++;
            } else {
                m++;
            }
        }
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_room",
    .summary = "wrong on purpose",
    .place = place,
};
