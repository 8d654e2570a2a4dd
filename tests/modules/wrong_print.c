/* SPDX-License-Identifier: MIT */
/* Prints what it does. */
#include <stdio.h>

#include "tests/modules/nearly.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    (void)state;
    puts("placing a job");
    fflush(stdout);
    nearly_place(pending, view, txn);
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_print",
    .summary = "wrong on purpose",
    .place = place,
};
