/* SPDX-License-Identifier: MIT */
/*
 * undecided: claims tasks, takes claims back and claims again, and counts what the view shows
 * meanwhile. Needs three machines and groups of 3 plain tasks, 2 of different_machines, and 1 with
 * two whole GPU devices.
 */
#include "core/plugin/scheduler.h"

struct undecided {
    const struct omega_host *host;
};

static int undecided_init(void *state, const struct omega_host *host)
{
    ((struct undecided *)state)->host = host;
    return 0;
}

static void tell(const struct omega_host *host, const char *name, int64_t value)
{
    host->count(host, name, value);
}

static void place_plain(const struct omega_host *host, const uint32_t *tasks,
                        const struct omega_view *view, struct omega_txn *txn)
{
    omega_txn_claim(txn, 0, tasks[0], 0);
    omega_txn_claim(txn, 0, tasks[1], 0);
    omega_txn_claim(txn, 0, tasks[2], 1);
    tell(host, "free_with_two", view->entry[0].room.cpu_milli);
    tell(host, "claims_with_three", omega_txn_claims(txn));
    tell(host, "taken_back", omega_txn_unclaim(txn, tasks[1]));
    tell(host, "free_with_one", view->entry[0].room.cpu_milli);
    tell(host, "claims_with_two", omega_txn_claims(txn));
    omega_txn_claim(txn, 0, tasks[1], 2);
}

static void place_spread(const struct omega_host *host, const uint32_t *tasks,
                         struct omega_txn *txn)
{
    omega_txn_claim(txn, 1, tasks[0], 0);
    tell(host, "declined", omega_txn_claim(txn, 1, tasks[1], 0));
    omega_txn_unclaim(txn, tasks[0]);
    tell(host, "then_taken", omega_txn_claim(txn, 1, tasks[1], 0));
    tell(host, "declined_too", omega_txn_claim(txn, 1, tasks[0], 0));
    omega_txn_claim(txn, 1, tasks[0], 1);
}

static void undecided_place(void *state, const struct omega_pending *pending,
                            const struct omega_view *view, struct omega_txn *txn)
{
    const struct omega_host *host = ((struct undecided *)state)->host;
    tell(host, "now_us", host->now_us(host));
    place_plain(host, pending->groups[0].tasks, view, txn);
    place_spread(host, pending->groups[1].tasks, txn);
    uint32_t task = pending->groups[2].tasks[0];
    omega_txn_claim_devices(txn, 2, task, 2, 0x28);
    tell(host, "whole_devices", view->gpu_whole[2]);
    omega_txn_unclaim(txn, task);
    tell(host, "whole_devices", 10 * view->gpu_whole[2]);
    omega_txn_claim_devices(txn, 2, task, 2, 0x81);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "undecided",
    .summary = "takes claims back and claims again",
    .state_size = sizeof(struct undecided),
    .init = undecided_init,
    .place = undecided_place,
};
