/* SPDX-License-Identifier: MIT */
/* Keeps a pointer into the first view that it gets. */
#include "tests/modules/nearly.h"

struct state {
    const struct omega_entry *entry;
    uint64_t sum;
};

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct state *own = state;
    if (own->entry == NULL) {
        own->entry = view->entry;
    }
    own->sum += view->machine_count > 0 ? own->entry[0].stamp : 0;
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_keeps",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .place = place,
};
