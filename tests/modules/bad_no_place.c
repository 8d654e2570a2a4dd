/* SPDX-License-Identifier: MIT */
/* A module that cannot place. */
#include "core/plugin/scheduler.h"

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "bad_no_place",
    .summary = "must be refused",
};
