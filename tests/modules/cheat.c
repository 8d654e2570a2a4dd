/* SPDX-License-Identifier: MIT */
/* Breaks the contract: writes to the view it was given. Option `array` says where. */
#include "core/plugin/scheduler.h"

struct cheat {
    int array; /* index into `arrays` */
};

static void cheat_place(void *state, const struct omega_pending *pending,
                        const struct omega_view *view, struct omega_txn *txn)
{
    const struct cheat *cheat = state;
    (void)pending;
    (void)txn;
    if (cheat->array == 0) {
        ((struct omega_entry *)(uintptr_t)view->entry)[0].room.cpu_milli = 0;
    } else {
        ((int16_t *)(uintptr_t)view->free_gpu_milli)[0] = 1;
    }
}

static const char *const arrays[] = {"cpu", "gpu", NULL};

static const struct omega_option options[] = {
    {
        .name = "array",
        .help = "what to write to",
        .type = OMEGA_OPTION_CHOICE,
        .offset = offsetof(struct cheat, array),
        .choices = arrays,
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "cheat",
    .summary = "writes to its view",
    .state_size = sizeof(struct cheat),
    .options = options,
    .option_count = 1,
    .place = cheat_place,
};
