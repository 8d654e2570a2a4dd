/* SPDX-License-Identifier: MIT */
/* Has a number for each machine that there was when it began. */
#include <stdlib.h>

#include "tests/modules/nearly.h"

struct state {
    uint64_t *seen;
};

static int init(void *state, const struct omega_host *host)
{
    ((struct state *)state)->seen = calloc(host->machine_count + 1, sizeof(uint64_t));
    return 0;
}

static void fini(void *state)
{
    free(((struct state *)state)->seen);
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct state *own = state;
    for (uint32_t m = 0; own->seen != NULL && m < view->machine_count; m++) {
        own->seen[m] = view->seq[m] * 2654435761u + 1;
    }
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_grows",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .init = init,
    .fini = fini,
    .place = place,
};
