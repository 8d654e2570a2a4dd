/* SPDX-License-Identifier: MIT */
/* Forgets a list of machines now and then. */
#include <stdlib.h>

#include "tests/modules/nearly.h"

struct state {
    uint32_t *machines;
    uint32_t jobs;
};

static void fini(void *state)
{
    free(((struct state *)state)->machines);
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct state *own = state;
    if (own->jobs++ % 100 == 0) {
        own->machines = malloc(64);
    }
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_leaks",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .fini = fini,
    .place = place,
};
