/* SPDX-License-Identifier: MIT */
/*
 * Records: one per job on request, and the digest's, one per claim, release and machine event.
 * The digest is the only thing here that costs per task.
 */
#include "core/metrics/metrics_private.h"

#include <stdlib.h>

#define JOBS_ROOM_FIRST 1024

int metrics_keep_job(struct metrics *metrics, const struct metrics_job *job)
{
    if (metrics->job_count == metrics->job_room) {
        uint64_t room = metrics->job_room == 0 ? JOBS_ROOM_FIRST : metrics->job_room * 2;
        struct metrics_job *jobs = reallocarray(metrics->jobs, room, sizeof(*jobs));
        if (jobs == NULL) {
            return OMEGA_ENOMEM;
        }
        metrics->jobs = jobs;
        metrics->job_room = room;
    }
    metrics->jobs[metrics->job_count++] = *job;
    return 0;
}

static int by_job(const void *a, const void *b)
{
    uint64_t x = ((const struct metrics_job *)a)->job;
    uint64_t y = ((const struct metrics_job *)b)->job;
    return (x > y) - (x < y);
}

void metrics_sort_jobs(struct metrics *metrics)
{
    if (metrics->job_count > 0) {
        qsort(metrics->jobs, metrics->job_count, sizeof(*metrics->jobs), by_job);
    }
}

bool metrics_wants_digest(const struct metrics *metrics)
{
    return metrics->digest != NULL;
}

static void digest_claim(struct digest *digest, uint64_t version, int64_t now_us,
                         const struct omega_transaction *txn, uint32_t i, uint8_t accepted)
{
    const struct omega_claim claim = omega_transaction_claim(txn, i);
    digest_add(digest, version, now_us, DIGEST_CLAIM, txn->job, claim.task, claim.machine,
               claim.devices, accepted);
}

void metrics_digest_commit(struct metrics *metrics, int64_t now_us,
                           const struct omega_transaction *txn,
                           const struct omega_claim_result *results,
                           const struct omega_result *result)
{
    if (metrics->digest == NULL) {
        return;
    }
    uint32_t other = 0;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        if (!omega_is_other(txn, results, i, &other)) {
            digest_claim(metrics->digest, result->version, now_us, txn, i, 1);
        }
    }
    for (uint32_t k = 0; result->accepted < txn->claim_count && k < omega_others(txn); k++) {
        uint32_t i = omega_other(txn, k);
        if (results[i].outcome != OMEGA_ACCEPTED) {
            digest_claim(metrics->digest, result->version, now_us, txn, i, 0);
        }
    }
}

void metrics_digest_release(struct metrics *metrics, int64_t now_us, uint64_t version,
                            const struct store_release_result *results, uint32_t count, bool lost)
{
    if (metrics->digest == NULL) {
        return;
    }
    enum digest_kind kind = lost ? DIGEST_LOSS : DIGEST_RELEASE;
    for (uint32_t i = 0; i < count; i++) {
        const struct store_release_result *one = &results[i];
        if (one->released != 0) {
            digest_add(metrics->digest, version, now_us, kind, one->job, one->task, one->machine,
                       one->devices, 1);
        }
    }
}

void metrics_digest_machine(struct metrics *metrics, int64_t now_us, uint64_t version,
                            const struct omega_machine_event *event)
{
    if (metrics->digest == NULL) {
        return;
    }
    uint64_t capacity = (uint64_t)(uint32_t)event->cpu_milli << 32 | (uint32_t)event->mem_mib;
    digest_add(metrics->digest, version, now_us, DIGEST_MACHINE_EVENT, capacity, event->kind,
               event->machine, event->gpu_devices, 1);
}

void metrics_digest_preload(struct metrics *metrics, uint64_t version,
                            const struct store_placement *placements, uint32_t count)
{
    if (metrics->digest == NULL) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct store_placement *one = &placements[i];
        digest_add(metrics->digest, version, 0, DIGEST_PRELOAD, one->job, one->task, one->machine,
                   one->devices, 1);
    }
}
