/* SPDX-License-Identifier: MIT */
/* A shared object that is no module: it has another symbol than the one asked for. */
#include "core/plugin/scheduler.h"

extern const struct omega_scheduler omega_scheduler_other;

const struct omega_scheduler omega_scheduler_other = {.abi = OMEGA_SCHEDULER_ABI};
