/* SPDX-License-Identifier: MIT */
/*
 * first_fit: the smallest useful module. Each task goes to the first machine with room; the tasks
 * of a group are alike, so the search for the next one goes on where the last one ended.
 */
#include "core/plugin/scheduler.h"

static void first_fit_place(void *state, const struct omega_pending *pending,
                            const struct omega_view *view, struct omega_txn *txn)
{
    (void)state;
    for (uint32_t g = 0; g < pending->job->group_count; g++) {
        const struct omega_pending_group *group = &pending->groups[g];
        const struct omega_request *request = &pending->job->groups[g].request;
        const uint64_t *eligible = omega_view_eligible(view, g);
        uint32_t placed = 0;
        for (uint32_t m = 0; m < view->machine_count && placed < group->required;) {
            if (omega_eligible(eligible, m) && omega_view_fits(view, request, m) &&
                omega_txn_claim(txn, g, group->tasks[placed], m) == 0) {
                placed++; /* and look at the same machine again */
            } else {
                m++;
            }
        }
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "first_fit",
    .summary = "the smallest useful module: the first machine with room",
    .place = first_fit_place,
    .ignores_last = true,
};
