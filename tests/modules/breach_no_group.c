/* SPDX-License-Identifier: MIT */
/* Claims a task as it should, then, at its next attempt, where there is room, for a group number
 * that no job can have: what is known of the group before must not pass for it. */
#include "core/plugin/scheduler.h"

struct state {
    bool claimed_one;
};

static void breach(void *state, const struct omega_pending *pending, const struct omega_view *view,
                   struct omega_txn *txn)
{
    struct state *own = state;
    (void)view;
    uint32_t group = own->claimed_one ? UINT32_MAX : 0;
    uint32_t machine = own->claimed_one ? 1 : 0;
    omega_txn_claim(txn, group, pending->groups[0].tasks[0], machine);
    own->claimed_one = true;
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "breach_no_group",
    .summary = "claims for a group that no job can have",
    .state_size = sizeof(struct state),
    .place = breach,
};
