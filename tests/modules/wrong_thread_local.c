/* SPDX-License-Identifier: MIT */
/* Counts its jobs in a variable of its thread, which all instances share; nothing depends on it. */
#include "tests/modules/nearly.h"

static _Thread_local volatile uint64_t jobs;

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    (void)state;
    jobs = jobs + 1;
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_thread_local",
    .summary = "wrong on purpose",
    .place = place,
};
