/* SPDX-License-Identifier: MIT */
/*
 * stateful: next fit. Keeps a cursor over the machines from attempt to attempt and a table by
 * (machine, stamp) that must name what a view shows for ever: if that changes while its key stays,
 * the host broke its word: it is logged and counted as "stale".
 */
#include <stdlib.h>

#include "schedulers/placement.h"

struct entry {
    uint64_t stamp;
    int32_t free_cpu_milli;
    int32_t precedence; /* free room is that of a precedence */
    bool known;
};

struct stateful {
    const struct omega_host *host;
    uint32_t cursor;
    uint32_t room;
    struct entry *entries;
};

static int stateful_init(void *state, const struct omega_host *host)
{
    ((struct stateful *)state)->host = host;
    return 0;
}

static void stateful_fini(void *state)
{
    free(((struct stateful *)state)->entries);
}

static bool prepare(struct stateful *self, uint32_t machines)
{
    if (machines > self->room) {
        free(self->entries);
        self->entries = calloc(machines, sizeof(*self->entries));
        self->room = self->entries == NULL ? 0 : machines;
    }
    return machines <= self->room;
}

/* Compares what is cached with what is shown, at the attempt's start. */
static void check_entries(struct stateful *self, const struct omega_view *view, int32_t precedence)
{
    for (uint32_t m = 0; m < view->machine_count; m++) {
        struct entry *entry = &self->entries[m];
        bool same = entry->known && entry->stamp == view->entry[m].stamp &&
                    entry->precedence == precedence;
        if (same && entry->free_cpu_milli != view->entry[m].room.cpu_milli) {
            self->host->log(self->host, OMEGA_LOG_ERROR, "machine %u changed behind its key", m);
            self->host->count(self->host, "stale", 1);
        }
        *entry = (struct entry){view->entry[m].stamp, view->entry[m].room.cpu_milli, precedence,
                                true};
    }
}

static void stateful_place(void *state, const struct omega_pending *pending,
                           const struct omega_view *view, struct omega_txn *txn)
{
    struct stateful *self = state;
    if (view->machine_count == 0 || !prepare(self, view->machine_count)) {
        return;
    }
    check_entries(self, view, pending->job->precedence);
    struct omega_tasks run = {0};
    while (omega_tasks_next(&run, pending, false)) {
        struct omega_place place = omega_place_group(pending, view, run.group);
        struct omega_scan scan = omega_scan_begin(self->cursor % view->machine_count);
        uint32_t placed = 0;
        while (placed < run.count) {
            uint32_t machine = omega_scan_next(&scan, &place);
            if (machine == OMEGA_NO_MACHINE) {
                break;
            }
            if (omega_txn_claim(txn, run.group, run.tasks[placed], machine) == 0) {
                placed++;
                self->cursor = machine + 1;
            }
        }
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "stateful",
    .summary = "next fit with a cursor, and a cache by (machine, stamp)",
    .state_size = sizeof(struct stateful),
    .init = stateful_init,
    .fini = stateful_fini,
    .place = stateful_place,
};
