/* SPDX-License-Identifier: MIT */
/* Takes more room for a noted claim than there is. */
#include "core/plugin/scheduler.h"

static void breach(void *state, const struct omega_pending *pending, const struct omega_view *view,
                   struct omega_txn *txn)
{
    (void)state;
    (void)view;
    struct omega_txn_head *head = (struct omega_txn_head *)(void *)txn;
    uint32_t i = 0;
    while (i < pending->groups[0].required &&
           omega_view_fits(view, &pending->job->groups[0].request, 0)) {
        omega_txn_claim(txn, 0, pending->groups[0].tasks[i++], 0);
    }
    if (i > 0 && i < pending->groups[0].required) { /* the next one, with what is not there */
        head->notes[head->note_count++] = 0;
        head->entry[0].room.cpu_milli -= head->asked.cpu_milli;
        head->entry[0].room.mem_mib -= head->asked.mem_mib;
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "breach_overdraw",
    .summary = "claims where there is no room, behind the back of omega_txn_claim()",
    .place = breach,
};
