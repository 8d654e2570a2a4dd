/* SPDX-License-Identifier: MIT */
/*
 * recorder: first fit that logs each attempt as one line: when and where it began, what was left,
 * which state the view showed, and what became of the attempt before. Driver tests compare lines:
 *
 *     MS NAME/INSTANCE job J #ATTEMPT left N view VERSION@MS: FREE CPU...[; last A C R X]
 *
 * A, C, R, X: accepted, conflicting, refused and aborted claims of the attempt before.
 */
#include <inttypes.h>
#include <stdio.h>

#include "schedulers/placement.h"

#define MACHINES_SHOWN 8
#ifndef RECORDER_NAME /* forgetful.c is the same with others */
#define RECORDER_NAME "recorder"
#define RECORDER_IGNORES_LAST false
#endif

struct recorder {
    const struct omega_host *host;
    int64_t most;
};

static int recorder_init(void *state, const struct omega_host *host)
{
    ((struct recorder *)state)->host = host;
    return 0;
}

static int put_view(const struct omega_view *view, char *text, size_t size)
{
    int length = snprintf(text, size, "view %" PRIu64 "@%" PRId64 ":", view->version,
                          view->synced_us / 1000);
    for (uint32_t m = 0; m < view->machine_count && m < MACHINES_SHOWN; m++) {
        length +=
            snprintf(text + length, size - (size_t)length, " %d", view->entry[m].room.cpu_milli);
    }
    return length;
}

static void put_last(const struct omega_pending *pending, char *text, size_t size)
{
    uint32_t counts[4] = {0};
    for (uint32_t i = 0; i < pending->last_count; i++) {
        uint8_t outcome = pending->last_results[i].outcome;
        bool refused = omega_outcome_is_refusal(outcome);
        int other = outcome == OMEGA_ABORTED ? 3 : 0;
        counts[omega_outcome_is_conflict(outcome) ? 1 : refused ? 2 : other]++;
    }
    if (pending->last_count > 0) {
        snprintf(text, size, "; last %u %u %u %u", counts[0], counts[1], counts[2], counts[3]);
    }
}

static void record(const struct recorder *self, const struct omega_pending *pending,
                   const struct omega_view *view)
{
    char text[256];
    uint32_t left = 0;
    for (uint32_t g = 0; g < pending->job->group_count; g++) {
        left += pending->groups[g].required;
    }
    int length = put_view(view, text, sizeof(text));
    put_last(pending, text + length, sizeof(text) - (size_t)length);
    self->host->log(self->host, OMEGA_LOG_INFO, "%" PRId64 " %s/%u job %" PRIu64 " #%u left %u %s",
                    self->host->now_us(self->host) / 1000, self->host->scheduler,
                    self->host->instance, pending->job->id, pending->attempt, left, text);
}

static void recorder_place(void *state, const struct omega_pending *pending,
                           const struct omega_view *view, struct omega_txn *txn)
{
    const struct recorder *self = state;
    record(self, pending, view);
    struct omega_tasks run = {0};
    while (omega_tasks_next(&run, pending, false)) {
        struct omega_place place = omega_place_group(pending, view, run.group);
        uint32_t machine = 0;
        for (uint32_t i = 0; i < run.count && omega_txn_claims(txn) < self->most;) {
            machine = omega_place_first(&place, machine, place.machine_count);
            if (machine == OMEGA_NO_MACHINE) {
                break;
            }
            if (omega_txn_claim(txn, run.group, run.tasks[i], machine) == 0) {
                i++;
            } else {
                machine++;
            }
        }
    }
}

static const struct omega_option recorder_options[] = {
    {
        .name = "most",
        .help = "claims in one attempt at most",
        .type = OMEGA_OPTION_INT,
        .offset = offsetof(struct recorder, most),
        .value = OMEGA_TASKS_MAX,
        .min = 0,
        .max = OMEGA_TASKS_MAX,
    },
};

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = RECORDER_NAME,
    .summary = "first fit that logs what each attempt saw",
    .state_size = sizeof(struct recorder),
    .options = recorder_options,
    .option_count = 1,
    .init = recorder_init,
    .place = recorder_place,
    .ignores_last = RECORDER_IGNORES_LAST,
};
