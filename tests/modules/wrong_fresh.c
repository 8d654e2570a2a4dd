/* SPDX-License-Identifier: MIT */
/* Starts where memory that it has not set tells. */
#include <stdlib.h>

#include "tests/modules/nearly.h"

struct state {
    uint32_t *start;
};

static int init(void *state, const struct omega_host *host)
{
    struct state *own = state;
    (void)host;
    own->start = malloc(64 * sizeof(uint32_t));
    return own->start == NULL ? -1 : 0;
}

static void fini(void *state)
{
    free(((struct state *)state)->start);
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    const struct state *own = state;
    struct omega_view rest = *view;
    uint32_t start = own->start[32] % 7;
    rest.machine_count -= start < rest.machine_count ? start : 0;
    nearly_place(pending, &rest, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_fresh",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .init = init,
    .fini = fini,
    .place = place,
};
