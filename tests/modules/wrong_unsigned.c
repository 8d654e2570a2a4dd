/* SPDX-License-Identifier: MIT */
/* Takes what a machine that is down shows, less than 0, for a lot of room. */
#include "tests/modules/nearly.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    const struct omega_request *request = &pending->job->groups[0].request;
    const uint64_t *eligible = omega_view_eligible(view, 0);
    uint32_t placed = 0;
    (void)state;
    for (uint32_t m = 0; m < view->machine_count && placed < pending->groups[0].required; m++) {
        if (omega_eligible(eligible, m) && request->gpu_devices == 0 &&
            (uint32_t)view->entry[m].room.cpu_milli >= (uint32_t)request->cpu_milli &&
            (uint32_t)view->entry[m].room.mem_mib >= (uint32_t)request->mem_mib) {
            omega_txn_claim(txn, 0, pending->groups[0].tasks[placed++], m);
        }
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_unsigned",
    .summary = "wrong on purpose",
    .place = place,
};
