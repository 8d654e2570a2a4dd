/* SPDX-License-Identifier: MIT */
/* What the tests of rules share: a machine that is half full, and what else is taken of it. */
#ifndef OMEGA_TESTS_UNIT_CELLSTATE_RULES_FIXTURE_H
#define OMEGA_TESTS_UNIT_CELLSTATE_RULES_FIXTURE_H

#include "cellstate/rules.h"

enum {
    MINE = 1,
    RIVAL = 2
};

static const struct omega_overcommit exactly = {1000, 1000, 1000};

/* Up, 4 cores, 4096 MiB, 2 devices; half of it used, by RIVAL at version 5; seq 9. */
static inline struct omega_machine half_full(void)
{
    struct omega_machine_spec spec = {.cpu_milli = 4000, .mem_mib = 4096, .gpu_devices = 2};
    struct omega_request half = {
        .cpu_milli = 2000, .mem_mib = 2048, .gpu_milli = 500, .gpu_devices = 1};
    struct omega_machine machine;
    rules_machine_init(&machine, 0, &spec, &exactly);
    rules_place(&machine, &half, 1, OMEGA_BAND_PRODUCTION, RIVAL, 5);
    machine.seq = 9;
    return machine;
}

/* What a transaction's own claims have taken of a machine. */
struct taken {
    int32_t cpu_milli;
    int32_t mem_mib;
    int16_t gpu_milli[OMEGA_GPU_DEVICES_MAX];
};

/* Lends it, as rules_decide() does for the claims behind them: the sequence does not move. */
static inline void lend(struct omega_machine *machine, const struct taken *taken)
{
    machine->cpu_used_milli += taken->cpu_milli;
    machine->mem_used_mib += taken->mem_mib;
    for (int device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
        int16_t *used = &machine->band_gpu_milli[0][device];
        *used = (int16_t)(*used + taken->gpu_milli[device]);
    }
}

#endif
