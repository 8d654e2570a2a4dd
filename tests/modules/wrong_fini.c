/* SPDX-License-Identifier: MIT */
/* Has no fini() to free what init() allocates. */
#include <stdlib.h>

#include "tests/modules/nearly.h"

struct state {
    uint32_t *machines;
};

static int init(void *state, const struct omega_host *host)
{
    struct state *own = state;
    own->machines = calloc(host->machine_count + 1, sizeof(uint32_t));
    return own->machines == NULL ? -1 : 0;
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    (void)state;
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_fini",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .init = init,
    .place = place,
};
