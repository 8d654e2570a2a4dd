/* SPDX-License-Identifier: MIT */
/* Has one cursor for all its instances. */
#include "tests/modules/nearly.h"

static uint32_t cursor;

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct omega_view rest = *view;
    (void)state;
    cursor = (cursor + 1) % 5;
    rest.machine_count -= cursor < rest.machine_count ? cursor : 0;
    nearly_place(pending, &rest, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_shared",
    .summary = "wrong on purpose",
    .place = place,
};
