/* SPDX-License-Identifier: MIT */
/* A module that loads well and then refuses to start. */
#include "core/plugin/scheduler.h"

static int refuse(void *state, const struct omega_host *host)
{
    (void)state;
    host->log(host, OMEGA_LOG_ERROR, "this module never starts");
    return -1;
}

static void place_nothing(void *state, const struct omega_pending *pending,
                          const struct omega_view *view, struct omega_txn *txn)
{
    (void)state;
    (void)pending;
    (void)view;
    (void)txn;
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "bad_init",
    .summary = "refuses to start",
    .init = refuse,
    .place = place_nothing,
};
