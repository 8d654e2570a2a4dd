/* SPDX-License-Identifier: MIT */
/* Counts under good names, but too many of them. */
#include <stdio.h>

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
    const struct omega_host *host = ((struct state *)state)->host;
    char name[32];
    snprintf(name, sizeof name, "job_%u", (unsigned)(pending->job->id % 1000));
    host->count(host, name, 1);
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_names",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .init = init,
    .place = place,
};
