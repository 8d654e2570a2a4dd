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

/* Claims a task where the scan finds room; false if it fits nowhere. */
static bool place_by_scan(const struct omega_place *place, struct omega_random *random,
                          struct omega_txn *txn, uint32_t group, uint32_t task)
{
    if (place->machine_count == 0) {
        return false;
    }
    struct omega_scan scan = omega_scan_begin(omega_random_below(random, place->machine_count));
    uint32_t machine = omega_scan_next(&scan, place);
    while (machine != OMEGA_NO_MACHINE) {
        int rc = omega_txn_claim(txn, group, task, machine);
        if (rc != OMEGA_TXN_DECLINED) {
            return rc == 0;
        }
        machine = omega_scan_next(&scan, place);
    }
    return false;
}

/* Claims a task on one of a few random machines; false if none of them suits. */
static inline bool place_by_probes(const struct omega_place *place, struct omega_random *random,
                                   uint32_t probes, struct omega_txn *txn, uint32_t group,
                                   uint32_t task)
{
    uint32_t machine = omega_place_probe(place, random, &probes);
    while (machine != OMEGA_NO_MACHINE) {
        if (omega_txn_claim(txn, group, task, machine) == 0) {
            return true;
        }
        machine = omega_place_probe(place, random, &probes);
    }
    return false;
}

/* Places the tasks of one run; false if one of them fits nowhere. */
static bool place_run(const struct batch *batch, const struct omega_tasks *run,
                      const struct omega_place *place, struct omega_txn *txn)
{
    struct omega_random *random = batch->host->random;
    uint32_t probes = (uint32_t)batch->probes;
    for (uint32_t i = 0; i < run->count; i++) {
        uint32_t task = run->tasks[i];
        if (!place_by_probes(place, random, probes, txn, run->group, task) &&
            !place_by_scan(place, random, txn, run->group, task)) {
            return false;
        }
    }
    return true;
}

static void batch_place(void *state, const struct omega_pending *pending,
                        const struct omega_view *view, struct omega_txn *txn)
{
    const struct batch *batch = state;
    bool use_optional = batch->use_optional;
    struct omega_tasks run = {0};
    while (omega_tasks_next(&run, pending, use_optional)) {
        struct omega_place place = omega_place_group(pending, view, run.group);
        if (!place_run(batch, &run, &place, txn) && !run.optional) {
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
