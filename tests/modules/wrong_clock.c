/* SPDX-License-Identifier: MIT */
/* Reads the clock, for a job that looks as if it had waited for long. */
#include <time.h>

#include "tests/modules/nearly.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    (void)state;
    if (time(NULL) > 0) {
        nearly_place(pending, view, txn);
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_clock",
    .summary = "wrong on purpose",
    .place = place,
};
