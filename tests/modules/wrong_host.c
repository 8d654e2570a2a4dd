/* SPDX-License-Identifier: MIT */
/* Corrects what the host says of the cell. */
#include "tests/modules/nearly.h"

struct state {
    const struct omega_host *host;
};

static int init(void *state, const struct omega_host *host)
{
    ((struct state *)state)->host = host;
    return 0;
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct omega_host *host = (struct omega_host *)(uintptr_t)((struct state *)state)->host;
    host->machine_count = view->machine_count + 1;
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_host",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .init = init,
    .place = place,
};
