/* SPDX-License-Identifier: MIT */
/* Forgets a list of machines now and then: in place(), or where a job has started. */
#include <stdlib.h>

#include "tests/modules/nearly.h"

struct state {
    uint32_t *machines;
    uint32_t jobs;
    bool in_started;
};

static void fini(void *state)
{
    free(((struct state *)state)->machines);
}

static void forget(struct state *own)
{
    if (own->jobs++ % 100 == 0) {
        own->machines = malloc(64);
    }
}

static void place(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn)
{
    struct state *own = state;
    if (!own->in_started && pending->attempt == 1) {
        forget(own);
    }
    nearly_place(pending, view, txn);
}

static int64_t started(void *state, const struct omega_job *job, uint32_t accepted)
{
    struct state *own = state;
    (void)accepted;
    if (own->in_started) {
        forget(own);
    }
    return omega_job_duration(job);
}

static const struct omega_option options[] = {
    {
        .name = "in_started",
        .help = "forgets in started()",
        .type = OMEGA_OPTION_BOOL,
        .offset = offsetof(struct state, in_started),
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "wrong_leaks",
    .summary = "wrong on purpose",
    .state_size = sizeof(struct state),
    .options = options,
    .option_count = 1,
    .fini = fini,
    .place = place,
    .started = started,
};
