/* SPDX-License-Identifier: MIT */
/* Claims the six tasks of group 0 in a strange order, task t on machine t, and tells, a bit each,
 * which of them could be noted. */
#include "core/plugin/scheduler.h"

struct out_of_turn {
    const struct omega_host *host;
};

static int out_of_turn_init(void *state, const struct omega_host *host)
{
    ((struct out_of_turn *)state)->host = host;
    return 0;
}

static void out_of_turn_place(void *state, const struct omega_pending *pending,
                              const struct omega_view *view, struct omega_txn *txn)
{
    static const uint32_t order[] = {0, 3, 4, 1, 5, 2};
    const struct omega_host *host = ((struct out_of_turn *)state)->host;
    (void)view;
    for (uint32_t i = 0; i < sizeof order / sizeof *order; i++) {
        uint32_t task = pending->groups[0].tasks[order[i]];
        host->count(host, "noted", omega_txn_notes(txn, 0, task) ? 1 << order[i] : 0);
        host->count(host, "failed", omega_txn_claim(txn, 0, task, order[i]) != 0);
    }
    host->count(host, "claims", omega_txn_claims(txn));
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "out_of_turn",
    .summary = "claims tasks in a strange order",
    .state_size = sizeof(struct out_of_turn),
    .init = out_of_turn_init,
    .place = out_of_turn_place,
};
