/* SPDX-License-Identifier: MIT */
/* Starts at a machine modulo their number. */
#include "tests/modules/nearly.h"

struct state {
    uint64_t next;
};

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct state *own = state;
    own->next = (own->next + 1) % view->machine_count;
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_empty",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .place = place,
};
