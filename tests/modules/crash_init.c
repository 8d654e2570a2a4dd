/* SPDX-License-Identifier: MIT */
/* Runs out of stack in init(): its signal handler needs a stack of its own. */
#include <string.h>

#include "core/plugin/scheduler.h"

static int dig(volatile char *above, uint32_t depth)
{
    char room[4096];
    memset(room, above[0] + 1, sizeof room);
    return depth == 0 ? room[1] : dig(room, depth - 1) + room[2];
}

static int init(void *state, const struct omega_host *host)
{
    volatile char top[1] = {0};
    (void)state;
    return dig(top, UINT32_MAX - host->instance) == 1 ? 1 : 0;
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    (void)state;
    (void)pending;
    (void)view;
    (void)txn;
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "crash_init",
    .summary = "runs out of stack in init()",
    .init = init,
    .place = place,
};
