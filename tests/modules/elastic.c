/* SPDX-License-Identifier: MIT */
/*
 * elastic: uses optional tasks. Claims all required ones, then as many optional ones as fit up to
 * an option, and shortens the job's duration by the number that started: the work stays the same.
 */
#include "schedulers/placement.h"

#ifndef ELASTIC_NAME
#define ELASTIC_NAME "elastic"
#define ELASTIC_STEPS 0 /* that it takes to say how long a job runs */
#endif

struct elastic {
    const struct omega_host *host;
    int64_t extra;
};

static int elastic_init(void *state, const struct omega_host *host)
{
    ((struct elastic *)state)->host = host;
    return 0;
}

/* Claims up to `count` tasks from machine 0 upwards; returns how many. */
static uint32_t claim_tasks(const struct omega_place *place, uint32_t group, const uint32_t *tasks,
                            uint32_t count, struct omega_txn *txn)
{
    uint32_t claimed = 0;
    uint32_t machine = 0;
    while (claimed < count) {
        machine = omega_place_first(place, machine, place->machine_count);
        if (machine == OMEGA_NO_MACHINE) {
            break;
        }
        if (omega_txn_claim(txn, group, tasks[claimed], machine) == 0) {
            claimed++;
        } else {
            machine++;
        }
    }
    return claimed;
}

static void elastic_place(void *state, const struct omega_pending *pending,
                          const struct omega_view *view, struct omega_txn *txn)
{
    const struct elastic *elastic = state;
    uint32_t left = (uint32_t)elastic->extra;
    struct omega_tasks run = {0};
    while (omega_tasks_next(&run, pending, true)) {
        struct omega_place place = omega_place_group(pending, view, run.group);
        uint32_t count = run.optional && run.count > left ? left : run.count;
        uint32_t claimed = claim_tasks(&place, run.group, run.tasks, count, txn);
        if (!run.optional && claimed < run.count) {
            return; /* not even the required tasks fit */
        }
        left -= run.optional ? claimed : 0;
    }
    elastic->host->count(elastic->host, "planned_extra", elastic->extra - left);
}

static int64_t elastic_started(void *state, const struct omega_job *job, uint32_t accepted)
{
    int64_t work = 0;
    (void)state;
    for (volatile int64_t i = 0; i < ELASTIC_STEPS; i++) {
    }
    for (uint32_t g = 0; g < job->group_count; g++) {
        int64_t part = job->groups[g].duration_us / accepted * job->groups[g].count;
        if (part > OMEGA_DURATION_MAX - work) {
            return OMEGA_NEVER;
        }
        work += part;
    }
    return work > 0 ? work : 1;
}

static const struct omega_option elastic_options[] = {
    {
        .name = "extra",
        .help = "optional tasks to add to a job at most",
        .type = OMEGA_OPTION_INT,
        .offset = offsetof(struct elastic, extra),
        .value = 1000,
        .min = 0,
        .max = OMEGA_TASKS_MAX,
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = ELASTIC_NAME,
    .summary = "adds optional tasks and shortens the job by their number",
    .state_size = sizeof(struct elastic),
    .options = elastic_options,
    .option_count = sizeof(elastic_options) / sizeof(elastic_options[0]),
    .init = elastic_init,
    .place = elastic_place,
    .started = elastic_started,
};
