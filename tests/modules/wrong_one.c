/* SPDX-License-Identifier: MIT */
/* Draws one of the other machines, which there need not be. */
#include "tests/modules/nearly.h"

struct state {
    const struct omega_host *host;
    uint64_t sum;
};

static int init(void *state, const struct omega_host *host)
{
    ((struct state *)state)->host = host;
    return 0;
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct state *own = state;
    if (view->machine_count > 0) {
        own->sum += omega_random_u64(own->host->random) % (view->machine_count - 1);
    }
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_one",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .init = init,
    .place = place,
};
