/* SPDX-License-Identifier: MIT */
/* Draws its random numbers from the kernel. */
#include <sys/random.h>

#include "tests/modules/nearly.h"

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    uint32_t number = 0;
    (void)state;
    if (getrandom(&number, sizeof(number), 0) >= 0) {
        nearly_place(pending, view, txn);
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_random",
    .summary = "wrong on purpose",
    .place = place,
};
