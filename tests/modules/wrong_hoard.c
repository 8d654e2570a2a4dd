/* SPDX-License-Identifier: MIT */
/* Takes a megabyte more at each job, for what there is no room left it does not look. */
#include <stdlib.h>
#include <string.h>

#include "tests/modules/nearly.h"

#define MORE ((size_t)1 << 20)

struct state {
    char *history;
    size_t size;
};

static void fini(void *state)
{
    free(((struct state *)state)->history);
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct state *own = state;
    own->history = realloc(own->history, own->size + MORE);
    own->history[own->size] = 1;
    own->size += MORE;
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_hoard",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .fini = fini,
    .place = place,
};
