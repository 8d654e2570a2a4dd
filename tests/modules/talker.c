/* SPDX-License-Identifier: MIT */
/* Tells the same information and the same warning, of two lines, at every attempt. */
#include "core/plugin/scheduler.h"

struct talker {
    const struct omega_host *host;
};

static int init(void *state, const struct omega_host *host)
{
    struct talker *talker = state;
    talker->host = host;
    host->log(host, OMEGA_LOG_INFO, "begins");
    return 0;
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    const struct talker *talker = state;
    (void)pending;
    (void)view;
    (void)txn;
    talker->host->log(talker->host, OMEGA_LOG_WARNING, "places\n%s", "nothing");
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "talker",
    .summary = "tells the same again and again",
    .state_size = sizeof(struct talker),
    .init = init,
    .place = place,
};
