/* SPDX-License-Identifier: MIT */
/* Cannot go on with the second attempt: says so by host->fail(). */
#include "core/plugin/scheduler.h"

struct gives_up {
    const struct omega_host *host;
};

static int gives_up_init(void *state, const struct omega_host *host)
{
    ((struct gives_up *)state)->host = host;
    return 0;
}

static void gives_up_place(void *state, const struct omega_pending *pending,
                           const struct omega_view *view, struct omega_txn *txn)
{
    const struct gives_up *self = state;
    (void)view;
    (void)txn;
    if (pending->attempt == 2) {
        self->host->fail(self->host, "out of ideas");
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "gives_up",
    .summary = "fails at the second attempt",
    .state_size = sizeof(struct gives_up),
    .init = gives_up_init,
    .place = gives_up_place,
};
