/* SPDX-License-Identifier: MIT */
/* Has room for so many tasks, and no more. */
#include "tests/modules/nearly.h"

#define TASKS 4096

struct state {
    uint32_t tasks[TASKS];
    uint32_t *end;
};

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct state *own = state;
    own->end = own->tasks;
    for (uint32_t i = 0; i < pending->groups[0].required; i++) {
        *own->end++ = pending->groups[0].tasks[i];
    }
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_huge",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .place = place,
};
