/* SPDX-License-Identifier: MIT */
/*
 * batch: fast placement for many short tasks. Randomised first fit: a few random probes, then one
 * scan of all machines from a random start. The first task of a group that fits nowhere ends the
 * group, since its other tasks are alike.
 */
#include "schedulers/placement.h"

struct batch {
    const struct omega_host *host;
    int64_t probes;
    bool use_optional;
};

static int batch_init(void *state, const struct omega_host *host)
{
    struct batch *batch = state;
    batch->host = host;
    return 0;
}

static void batch_place(void *state, const struct omega_pending *pending,
                        const struct omega_view *view, struct omega_txn *txn)
{
    const struct batch *batch = state;
    bool use_optional = batch->use_optional;
    struct omega_tasks run = {0};
    while (omega_tasks_next(&run, pending, use_optional)) {
        struct omega_place place = omega_place_group(pending, view, run.group);
        uint32_t placed = omega_place_run(&place, batch->host->random, (uint32_t)batch->probes, txn,
                                          &run, run.count);
        if (placed < run.count && !run.optional) {
            use_optional = false; /* optional tasks need all required ones beside them */
        }
    }
}

static const struct omega_option batch_options[] = {
    {
        .name = "probes",
        .help = "random machines to look at for a task before all are scanned",
        .type = OMEGA_OPTION_INT,
        .offset = offsetof(struct batch, probes),
        .value = 32,
        .min = 1,
        .max = 100000,
    },
    {
        .name = "use_optional",
        .help = "place optional tasks too, as many as fit",
        .type = OMEGA_OPTION_BOOL,
        .offset = offsetof(struct batch, use_optional),
        .value = 1,
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "batch",
    .summary = "fast: randomised first fit by bounded probing, then a scan",
    .state_size = sizeof(struct batch),
    .options = batch_options,
    .option_count = sizeof(batch_options) / sizeof(batch_options[0]),
    .init = batch_init,
    .place = batch_place,
    .ignores_last = true,
};
