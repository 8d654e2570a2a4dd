/* SPDX-License-Identifier: MIT */
/* Lets the address of its state decide, or that of its code or stack. */
#include "tests/modules/nearly.h"

enum of {
    OF_STATE,
    OF_CODE,
    OF_STACK,
};

struct state {
    int of;
};

static uint32_t address(const struct state *state)
{
    switch (state->of) {
    case OF_STATE:
        return (uint32_t)((uintptr_t)state >> 4);
    case OF_CODE:
        return (uint32_t)((uintptr_t)&address >> 12);
    default:
        return (uint32_t)((uintptr_t)__builtin_frame_address(0) >> 4);
    }
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct omega_view rest = *view;
    uint32_t start = address(state) % 31;
    rest.machine_count -= start < rest.machine_count ? start : 0;
    nearly_place(pending, &rest, txn);
}

static const char *const choices[] = {"state", "code", "stack", NULL};

static const struct omega_option options[] = {
    {
        .name = "of",
        .help = "whose address",
        .type = OMEGA_OPTION_CHOICE,
        .offset = offsetof(struct state, of),
        .choices = choices,
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_address",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .options = options,
    .option_count = 1,
    .place = place,
};
