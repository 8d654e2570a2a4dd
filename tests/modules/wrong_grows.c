/* SPDX-License-Identifier: MIT */
/* Has a number for each machine that there was when it began, and ends where there are more: what
 * writing past its memory would do depends on what lies there. */
#include <stdlib.h>

#include "tests/modules/nearly.h"

struct state {
    uint64_t *seen;
    uint32_t count;
};

static int init(void *state, const struct omega_host *host)
{
    struct state *own = state;
    own->seen = calloc(host->machine_count, sizeof *own->seen);
    own->count = host->machine_count;
    return own->seen == NULL ? -1 : 0;
}

static void fini(void *state)
{
    free(((struct state *)state)->seen);
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct state *own = state;
    for (uint32_t m = 0; m < view->machine_count; m++) {
        if (m >= own->count) {
            __builtin_trap();
        }
        own->seen[m] = omega_seq(view->entry[m].stamp) * 2654435761u + 1;
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
