/* SPDX-License-Identifier: MIT */
/* Lets the address of its state decide. */
#include "tests/modules/nearly.h"

struct state {
    uint64_t jobs;
};

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct omega_view rest = *view;
    uint32_t start = (uint32_t)((uintptr_t)state >> 4) % 31;
    rest.machine_count -= start < rest.machine_count ? start : 0;
    nearly_place(pending, &rest, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_address",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .place = place,
};
