/* SPDX-License-Identifier: MIT */
/*
 * my_scheduler: random first fit. Each task goes to the first of a few random machines that has
 * room for it; if none of them has, to the first one behind them in the order of the cell.
 *
 * What the module may do and gets: core/plugin/scheduler.h. Helpers: schedulers/placement.h.
 */
#include "schedulers/placement.h"

/* The memory of one instance. All of it lies here: an experiment may run many instances. */
struct my_scheduler_state {
    const struct omega_host *host; /* random numbers, messages, counters */
    int64_t probes;                /* an option: see below */
};

static int my_scheduler_init(void *state, const struct omega_host *host)
{
    struct my_scheduler_state *self = state;
    self->host = host;
    return 0;
}

/* Claims one task on a machine that suits; false if there is none. */
static bool place_task(const struct my_scheduler_state *self, const struct omega_place *place,
                       uint32_t group, uint32_t task, struct omega_txn *txn)
{
    uint32_t probes = (uint32_t)self->probes;
    uint32_t machine = omega_place_probe(place, self->host->random, &probes);
    if (machine == OMEGA_NO_MACHINE) {
        self->host->count(self->host, "scans", 1); /* appears in the results */
        machine = omega_place_first(place, 0, place->machine_count);
    }
    /* Declined: the tasks of this group must be on different machines. Try the next one. */
    while (machine != OMEGA_NO_MACHINE &&
           omega_txn_claim(txn, group, task, machine) == OMEGA_TXN_DECLINED) {
        machine = omega_place_first(place, machine + 1, place->machine_count);
    }
    return machine != OMEGA_NO_MACHINE;
}

/* Called for each attempt of each job. What is claimed here, the view shows at once. */
static void my_scheduler_place(void *state, const struct omega_pending *pending,
                               const struct omega_view *view, struct omega_txn *txn)
{
    struct omega_tasks run = {0};
    while (omega_tasks_next(&run, pending, false)) { /* tasks that are alike; required ones only */
        struct omega_place place = omega_place_group(pending, view, run.group);
        uint32_t placed = 0;
        while (placed < run.count && place_task(state, &place, run.group, run.tasks[placed], txn)) {
            placed++;
        }
    }
}

static const struct omega_option my_scheduler_options[] = {
    {
        .name = "probes",
        .help = "random machines to look at for a task before all are looked at",
        .type = OMEGA_OPTION_INT,
        .offset = offsetof(struct my_scheduler_state, probes),
        .value = 8, /* the default */
        .min = 0,
        .max = 1000,
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "my_scheduler",
    .summary = "random first fit",
    .state_size = sizeof(struct my_scheduler_state),
    .options = my_scheduler_options,
    .option_count = sizeof(my_scheduler_options) / sizeof(my_scheduler_options[0]),
    .init = my_scheduler_init,
    .place = my_scheduler_place,
};
