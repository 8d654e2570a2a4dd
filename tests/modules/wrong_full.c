/* SPDX-License-Identifier: MIT */
/* Divides by the free CPU of the cell. */
#include "tests/modules/nearly.h"

struct state {
    int64_t share;
};

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct state *own = state;
    int64_t sum = 0;
    int64_t down = 0;
    for (uint32_t m = 0; m < view->machine_count; m++) {
        sum += view->entry[m].room.cpu_milli > 0 ? view->entry[m].room.cpu_milli : 0;
        down += view->entry[m].room.cpu_milli < 0;
    }
    if (view->machine_count > down) {
        own->share = 1000000 / sum;
    }
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_full",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .place = place,
};
