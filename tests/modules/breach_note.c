/* SPDX-License-Identifier: MIT */
/* Notes a claim by itself, on a machine that there is not. */
#include "core/plugin/scheduler.h"

static void breach(void *state, const struct omega_pending *pending, const struct omega_view *view,
                   struct omega_txn *txn)
{
    (void)state;
    const uint32_t *tasks = pending->groups[0].tasks;
    struct omega_txn_head *head = (struct omega_txn_head *)(void *)txn;
    if (omega_txn_claim(txn, 0, tasks[0], 0) == 0) {
        head->notes[head->note_count++] = view->machine_count;
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "breach_note",
    .summary = "claims a machine that is not there behind the back of omega_txn_claim()",
    .place = breach,
};
