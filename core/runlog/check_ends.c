/* SPDX-License-Identifier: MIT */
/* Initial placements, releases and machine events of a run log. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/runlog/runlog_check_private.h"

/* ---- the initial state ---- */

static bool is_sound(const struct runlog_check *check, const struct store_placement *placement)
{
    if (placement->machine >= check->opening->machine_count) {
        return false;
    }
    struct naive_use use = naive_used(&check->cell.machines[placement->machine]);
    int64_t gpu_milli = 0;
    for (int device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
        gpu_milli += use.gpu_milli[device];
    }
    return use.cpu_milli + placement->request.cpu_milli <= INT32_MAX &&
           use.mem_mib + placement->request.mem_mib <= INT32_MAX &&
           gpu_milli + placement->request.gpu_milli <= INT16_MAX &&
           check->cell.machines[placement->machine].state == OMEGA_MACHINE_UP &&
           __builtin_popcount(placement->devices) == placement->request.gpu_devices &&
           placement->devices >> check->cell.machines[placement->machine].gpu_devices == 0;
}

int check_preload(struct runlog_check *check, const struct runlog_record *record,
                  omega_error_t *err)
{
    if (check->job_count > 0 || record->time_us != 0 || record->placement_count == 0) {
        return check_violated(check,
                              "initial placements come late, expected them at the beginning");
    }
    if (record->placement_count > check->placement_room) {
        struct store_placement *grown =
            reallocarray(check->placements, record->placement_count, sizeof *check->placements);
        if (grown == NULL) {
            return check_no_memory(err);
        }
        check->placements = grown;
        check->placement_room = record->placement_count;
    }
    int rc = naive_begin(&check->cell, record->placement_count);
    for (uint32_t i = 0; rc == OMEGA_OK && i < record->placement_count; i++) {
        const struct store_placement *placement = &record->placements[i];
        if (!is_sound(check, placement)) {
            return check_violated(
                check,
                "initial placement %" PRIu32 " on machine %" PRIu32
                ", expected a machine that is up, has its devices and can hold it",
                i, placement->machine);
        }
        struct naive_placement placed = {
            .request = placement->request,
            .instance = OMEGA_INSTANCE_NONE,
            .devices = placement->devices,
            .band = placement->band,
            .due_us = record->ends_us[i],
        };
        check->placements[i] = *placement;
        rc = naive_place(&check->cell, placement->machine, i, &placed);
    }
    check->effect.placements = check->placements;
    return rc == OMEGA_OK ? rc : check_no_memory(err);
}

/* ---- ends ---- */

static int reserve(struct runlog_check *check, uint32_t count)
{
    if (count > check->released_room) {
        struct store_release_result *grown =
            reallocarray(check->released, (size_t)count * 2, sizeof *grown);
        if (grown == NULL) {
            return OMEGA_ENOMEM;
        }
        check->released = grown;
        check->released_room = count * 2;
    }
    return OMEGA_OK;
}

/* Ends one placement that runs, and fills in the answer of a store. */
static int end(struct runlog_check *check, uint32_t i, struct naive_placement *ended)
{
    struct store_release_result *result = &check->released[i];
    result->machine = naive_find(&check->cell, result->placement);
    if (naive_end(&check->cell, result->placement, ended) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    result->job = ended->job;
    result->task = ended->task;
    result->devices = ended->devices;
    result->instance = ended->instance;
    check->effect.ended++;
    return OMEGA_OK;
}

/* Copies the answers; room is made. */
static int take_over(struct runlog_check *check, const struct runlog_record *record,
                     omega_error_t *err)
{
    if (reserve(check, record->released_count) != OMEGA_OK) {
        return check_no_memory(err);
    }
    if (record->released_count > 0) {
        memcpy(check->released, record->released, record->released_count * sizeof *check->released);
    }
    check->effect.released = check->released;
    check->effect.released_count = record->released_count;
    return OMEGA_OK;
}

/* ---- what was lost before it was due ---- */

/* Remembers a lost placement, since its release, which will find nothing, must still come; a live
 * executor does not tell of it. */
static int remember_lost(struct runlog_check *check, const struct naive_placement *lost)
{
    if (lost->due_us > check->opening->horizon_us || check->opening->live) {
        return OMEGA_OK;
    }
    int64_t *due_us = malloc(sizeof *due_us);
    if (due_us == NULL || map_put(&check->lost_placements, lost->id, due_us) != OMEGA_OK) {
        free(due_us);
        return OMEGA_ENOMEM;
    }
    *due_us = lost->due_us;
    return OMEGA_OK;
}

/* Was this placement lost, and is it due now? */
static bool is_lost(struct runlog_check *check, uint64_t placement, int64_t now_us)
{
    int64_t *due_us = map_remove(&check->lost_placements, placement);
    bool due = due_us != NULL && *due_us == now_us;
    free(due_us);
    return due;
}

/* ---- releases ---- */

static void finish(struct runlog_check *check, const struct runlog_record *record,
                   const struct naive_placement *ended)
{
    struct runlog_job *job = runlog_check_find_job(check, ended->job);
    bool live = check->opening->live; /* an executor is never ahead, but may be late */
    bool wrong = live ? ended->due_us > record->time_us : ended->due_us != record->time_us;
    if (wrong && !record->repaired) { /* the change log tells no time */
        check_violated(
            check,
            "I: task %" PRIu32 " of job %" PRIu64 " ends at %" PRId64 " us, expected %" PRId64 "%s",
            ended->task, ended->job, record->time_us, ended->due_us, live ? " or later" : "");
    }
    if (job != NULL) {
        job->running--;
        job->finished++;
        check->counters.tasks_running--;
        check->counters.tasks_finished++;
        check->effect.job = job;
        check_let_go(job);
    }
}

/* The answers must be those that the naive cell would give, each behind those before it. */
int check_release(struct runlog_check *check, const struct runlog_record *record,
                  omega_error_t *err)
{
    int rc = take_over(check, record, err);
    if (rc == OMEGA_OK && record->changes && naive_begin(&check->cell, 0) != OMEGA_OK) {
        rc = check_no_memory(err);
    }
    for (uint32_t i = 0; rc == OMEGA_OK && i < record->released_count; i++) {
        const struct store_release_result *said = &record->released[i];
        bool runs = naive_find(&check->cell, said->placement) != UINT32_MAX;
        if (runs != (said->released != 0) || (runs && !record->changes)) {
            return check_violated(
                check, "B: placement %" PRIu64 ":%" PRIu32 " is %s, expected one that %s",
                omega_placement_version(said->placement), omega_placement_position(said->placement),
                said->released ? "released" : "said to run no more",
                said->released ? "runs" : "does not run");
        }
        if (!runs && !is_lost(check, said->placement, record->time_us)) {
            return check_violated(check,
                                  "B: placement %" PRIu64 ":%" PRIu32
                                  " runs no more, expected one that was lost and is due now",
                                  omega_placement_version(said->placement),
                                  omega_placement_position(said->placement));
        }
        struct naive_placement ended;
        if (runs && end(check, i, &ended) != OMEGA_OK) {
            return check_no_memory(err);
        }
        if (runs) {
            finish(check, record, &ended);
        }
    }
    if (rc == OMEGA_OK && record->changes != (check->effect.ended > 0)) {
        rc = check_violated(check, "E: a release of %" PRIu32 " placements %s a version",
                            check->effect.ended, record->changes ? "has" : "lacks");
    }
    return rc;
}

/* ---- machine events ---- */

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = ((const struct naive_placement *)a)->id;
    uint64_t y = ((const struct naive_placement *)b)->id;
    return (x > y) - (x < y);
}

/* What is lost is all that runs on a machine that is removed, by rising id, and nothing else. */
static int check_lost(struct runlog_check *check, const struct runlog_record *record)
{
    struct naive_machine *machine = &check->cell.machines[record->event.machine];
    uint32_t expected = record->event.kind == OMEGA_EVENT_REMOVE ? machine->running_count : 0;
    bool equal = record->released_count == expected;
    if (expected > 0) {
        qsort(machine->running, expected, sizeof *machine->running, compare_ids);
    }
    for (uint32_t i = 0; equal && i < expected; i++) {
        equal = record->released[i].placement == machine->running[i].id &&
                record->released[i].released != 0;
    }
    return equal ? OMEGA_OK
                 : check_violated(check,
                                  "B: machine %" PRIu32 " loses %" PRIu32
                                  " placements, expected the %" PRIu32 " that run there",
                                  record->event.machine, record->released_count, expected);
}

/* A lost task returns to its job, or has failed, or was given up before. A job that had nothing
 * left to place is queued again. */
static void lose(struct runlog_check *check, const struct naive_placement *lost, int64_t now_us)
{
    struct runlog_job *job = runlog_check_find_job(check, lost->job);
    struct store_counters *counters = &check->counters;
    if (job == NULL) {
        return;
    }
    job->running--;
    counters->tasks_running--;
    if (job->given_up) {
        job->abandoned++;
        counters->tasks_abandoned++;
    } else if (check->opening->lost == STORE_LOST_FAIL || job->elastic) {
        job->failed++;
        counters->tasks_failed++;
    } else {
        bool waits = job->pending > 0 || job->attempted || job->delayed;
        job->queued_since_us = waits ? job->queued_since_us : now_us;
        job->placed[lost->task] = 0;
        job->pending++;
        counters->tasks_pending++;
    }
    check_let_go(job);
}

int check_machine_event(struct runlog_check *check, const struct runlog_record *record,
                        omega_error_t *err)
{
    if (record->event.machine >= check->opening->machine_count) {
        return check_violated(check, "machine %" PRIu32 ", expected one of %" PRIu32,
                              record->event.machine, check->opening->machine_count);
    }
    int rc = check_lost(check, record);
    rc = rc == OMEGA_OK ? take_over(check, record, err) : rc;
    if (rc == OMEGA_OK && naive_begin(&check->cell, 0) != OMEGA_OK) {
        rc = check_no_memory(err);
    }
    for (uint32_t i = 0; rc == OMEGA_OK && i < record->released_count; i++) {
        struct naive_placement ended;
        if (end(check, i, &ended) != OMEGA_OK || remember_lost(check, &ended) != OMEGA_OK) {
            return check_no_memory(err);
        }
        lose(check, &ended, record->time_us);
        check->counters.losses++;
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = naive_event(&check->cell, &record->event);
    if (rc == OMEGA_EINVAL) {
        return check_violated(
            check, "event '%s' on machine %" PRIu32 ", expected one that makes sense in its state",
            omega_machine_event_name(record->event.kind), record->event.machine);
    }
    return rc == OMEGA_OK ? rc : check_no_memory(err);
}
