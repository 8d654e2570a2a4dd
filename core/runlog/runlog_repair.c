/* SPDX-License-Identifier: MIT */
/* Repairing a torn log from a cell's change log: see runlog_repair.h. */
#include "core/runlog/runlog_repair.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cellstate/lmdb.h"
#include "cellstate/lmdb_records.h"

#define FOUND 1 /* ends the walk through the change log */

struct runlog_repair {
    char *path;
    struct store *store;
    const struct runlog_opening *opening;
    struct runlog_record record;
    struct omega_job *job; /* that the record submits */
    struct omega_claim *claims;
    struct omega_claim_result *results;
    struct store_release_result *released;
    uint32_t room;
    /* of the walk */
    uint64_t wanted;
    const struct runlog_record *held; /* agreeing: what is held against it; NULL: making */
    bool same;
    bool no_memory;
};

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory to repair the run log");
}

int runlog_repair_open(const char *path, const struct runlog_opening *opening,
                       struct runlog_repair **out, omega_error_t *err)
{
    struct runlog_repair *repair = calloc(1, sizeof *repair);
    struct lmdb_use use = {.module = "check-log", .read_only = true};
    *out = NULL;
    if (repair == NULL || (repair->path = strdup(path)) == NULL) {
        free(repair);
        return no_memory(err);
    }
    repair->opening = opening;
    int rc = lmdb_open(path, &use, &repair->store, err);
    if (rc == OMEGA_OK && repair->store->machine_count != opening->machine_count) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                "is a cell of %" PRIu32 " machines, expected the cell of the run, "
                                "with %" PRIu32,
                                repair->store->machine_count, opening->machine_count);
    }
    if (rc != OMEGA_OK) {
        runlog_repair_close(repair);
        return rc;
    }
    *out = repair;
    return OMEGA_OK;
}

void runlog_repair_close(struct runlog_repair *repair)
{
    if (repair != NULL) {
        if (repair->store != NULL) {
            store_close(repair->store);
        }
        free(repair->path);
        free(repair->job);
        free(repair->claims);
        free(repair->results);
        free(repair->released);
        free(repair);
    }
}

/* ---- records ---- */

static int reserve(struct runlog_repair *repair, uint32_t items)
{
    if (items <= repair->room) {
        return OMEGA_OK;
    }
    struct omega_claim *claims = reallocarray(repair->claims, items, sizeof *claims);
    repair->claims = claims == NULL ? repair->claims : claims;
    struct omega_claim_result *results = reallocarray(repair->results, items, sizeof *results);
    repair->results = results == NULL ? repair->results : results;
    struct store_release_result *released = reallocarray(repair->released, items, sizeof *released);
    repair->released = released == NULL ? repair->released : released;
    if (claims == NULL || results == NULL || released == NULL) {
        return OMEGA_ENOMEM;
    }
    repair->room = items;
    return OMEGA_OK;
}

static void make_commit(struct runlog_repair *repair, const struct lmdb_change *change)
{
    struct runlog_record *record = &repair->record;
    record->kind = RUNLOG_TRANSACTION;
    record->attempt = (struct runlog_attempt){.job = change->job,
                                              .attempt = change->attempt,
                                              .instance = change->instance,
                                              .claims = change->items};
    record->txn = (struct omega_transaction){.job = change->job,
                                             .attempt = change->attempt,
                                             .incarnation = change->incarnation,
                                             .instance = change->instance,
                                             .claim_count = change->items,
                                             .claims = repair->claims};
    record->results = repair->results;
    for (uint32_t i = 0; i < change->items; i++) {
        struct record_change_item item;
        record_change_item(change->record, i, &item);
        repair->claims[i] = (struct omega_claim){
            .task = item.task, .machine = item.machine, .devices = item.devices};
        repair->results[i] =
            (struct omega_claim_result){.outcome = OMEGA_ACCEPTED, .rival = OMEGA_INSTANCE_NONE};
    }
}

static void take_released(struct runlog_repair *repair, const struct lmdb_change *change)
{
    repair->record.released = repair->released;
    repair->record.released_count = change->items;
    for (uint32_t i = 0; i < change->items; i++) {
        struct lmdb_change_placement placement;
        lmdb_change_placement(change, i, &placement);
        repair->released[i] =
            (struct store_release_result){.placement = placement.id, .released = 1};
    }
}

static void make_release(struct runlog_repair *repair, const struct lmdb_change *change)
{
    repair->record.kind = RUNLOG_RELEASE;
    take_released(repair, change);
}

/* A capacity with this limit: the one that the machine began with, if that has it, else the lowest.
 * -1: there is none. */
static int32_t capacity_of(int32_t limit, int32_t permille, int32_t began)
{
    if ((int64_t)began * permille / 1000 == limit) {
        return began;
    }
    int64_t capacity = permille == 0 ? -1 : ((int64_t)limit * 1000 + permille - 1) / permille;
    return capacity > INT32_MAX || capacity * permille / 1000 != limit ? -1 : (int32_t)capacity;
}

/* The change log tells the limits behind an event, which follow from what the machine has. How many
 * devices it has is not told. */
static void make_event(struct runlog_repair *repair, const struct lmdb_change *change)
{
    struct record_change_machine machine = {.index = UINT32_MAX};
    const struct omega_overcommit *overcommit = &repair->opening->overcommit;
    if (change->machines == 1) {
        record_change_machine(change->record, 0, &machine);
    }
    if (machine.index >= repair->opening->machine_count || !change->record->limits) {
        return;
    }
    const struct omega_machine_spec *began = &repair->opening->machines[machine.index];
    bool changes = change->detail == OMEGA_EVENT_CAPACITY || change->detail == OMEGA_EVENT_ADD;
    struct omega_machine_event event = {.machine = machine.index, .kind = change->detail};
    if (changes) {
        event.cpu_milli =
            capacity_of(machine.cpu_limit_milli, overcommit->cpu_permille, began->cpu_milli);
        event.mem_mib =
            capacity_of(machine.mem_limit_mib, overcommit->mem_permille, began->mem_mib);
    }
    if (event.cpu_milli < 0 || event.mem_mib < 0 ||
        (change->detail == OMEGA_EVENT_CAPACITY && began->gpu_devices > 0)) {
        return;
    }
    repair->record.kind = RUNLOG_MACHINE;
    repair->record.event = event;
    take_released(repair, change);
}

/* Is a record of the log about the same change? */
static bool is_same(const struct runlog_record *held, const struct lmdb_change *change)
{
    static const uint8_t kinds[RUNLOG_KINDS] = {
        [RUNLOG_PRELOAD] = RECORD_CHANGE_PRELOAD,
        [RUNLOG_TRANSACTION] = RECORD_CHANGE_COMMIT,
        [RUNLOG_RELEASE] = RECORD_CHANGE_RELEASE,
        [RUNLOG_MACHINE] = RECORD_CHANGE_EVENT,
    };
    return kinds[held->kind] == change->kind &&
           (held->kind != RUNLOG_MACHINE || held->event.kind == change->detail) &&
           (held->kind != RUNLOG_TRANSACTION ||
            (held->attempt.job == change->job && held->attempt.attempt == change->attempt &&
             held->attempt.instance == change->instance));
}

static void make(struct runlog_repair *repair, const struct lmdb_change *change)
{
    switch ((enum record_change_kind)change->kind) {
    case RECORD_CHANGE_COMMIT:
        make_commit(repair, change);
        break;
    case RECORD_CHANGE_RELEASE:
        make_release(repair, change);
        break;
    case RECORD_CHANGE_EVENT:
        make_event(repair, change);
        break;
    case RECORD_CHANGE_PRELOAD:
    case RECORD_CHANGE_KINDS:
        break;
    }
}

static int on_change(void *context, const struct lmdb_change *change)
{
    struct runlog_repair *repair = context;
    if (change->version != repair->wanted) {
        return FOUND;
    }
    if (repair->held != NULL) {
        repair->same = is_same(repair->held, change);
        return FOUND;
    }
    repair->no_memory = reserve(repair, change->items) != OMEGA_OK;
    if (!repair->no_memory) {
        make(repair, change);
    }
    return FOUND;
}

/* Looks at one version of the change log, if it is there. */
static int look(struct runlog_repair *repair, uint64_t version, const struct runlog_record *held,
                omega_error_t *err)
{
    repair->wanted = version;
    repair->held = held;
    repair->same = true;
    repair->no_memory = false;
    int rc = lmdb_changes(repair->store, version, on_change, repair, err);
    return rc < 0 ? rc : repair->no_memory ? no_memory(err) : OMEGA_OK;
}

int runlog_repair_version(struct runlog_repair *repair, uint64_t version, int64_t time_us,
                          const struct runlog_record **record, omega_error_t *err)
{
    repair->record = (struct runlog_record){
        .changes = true, .repaired = true, .version = version, .time_us = time_us};
    int rc = look(repair, version, NULL, err);
    *record = &repair->record;
    return rc == OMEGA_OK ? repair->record.kind != 0 : rc;
}

uint64_t runlog_repair_newest(const struct runlog_repair *repair)
{
    struct store_counters counters;
    store_counters(repair->store, &counters);
    return counters.version;
}

static int on_job(void *context, const struct lmdb_job *job)
{
    struct runlog_repair *repair = context;
    repair->job = lmdb_job_translate(job, repair->opening->catalogue);
    return FOUND;
}

int runlog_repair_submission(struct runlog_repair *repair, uint64_t job,
                             const struct runlog_record **record, omega_error_t *err)
{
    free(repair->job);
    repair->job = NULL;
    int rc = lmdb_jobs_from(repair->store, job + 1, on_job, repair, err);
    if (rc == FOUND && repair->job == NULL) {
        return omega_error_set_at(err, OMEGA_EINVAL, repair->path, 0,
                                  "has a job behind job %" PRIu64
                                  " with constraints that are none of the run's, expected the cell "
                                  "of the run",
                                  job);
    }
    if (rc == FOUND) {
        repair->record = (struct runlog_record){.kind = RUNLOG_SUBMISSION,
                                                .repaired = true,
                                                .time_us = repair->job->submit_us,
                                                .job = repair->job};
        *record = &repair->record;
    }
    return rc;
}

int runlog_repair_agrees(struct runlog_repair *repair, const struct runlog_record *record,
                         omega_error_t *err)
{
    int rc = look(repair, record->version, record, err);
    return rc != OMEGA_OK || repair->same
               ? rc
               : omega_error_set_at(err, OMEGA_EINVAL, repair->path, 0,
                                    "has another change of version %" PRIu64
                                    " than the log, expected the cell of the run",
                                    record->version);
}
