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
    struct runlog_record record;
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

static void make_release(struct runlog_repair *repair, const struct lmdb_change *change)
{
    repair->record.kind = RUNLOG_RELEASE;
    repair->record.released = repair->released;
    repair->record.released_count = change->items;
    for (uint32_t i = 0; i < change->items; i++) {
        struct lmdb_change_placement placement;
        lmdb_change_placement(change, i, &placement);
        repair->released[i] =
            (struct store_release_result){.placement = placement.id, .released = 1};
    }
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
           (held->kind != RUNLOG_TRANSACTION ||
            (held->attempt.job == change->job && held->attempt.attempt == change->attempt &&
             held->attempt.instance == change->instance));
}

static int on_change(void *context, const struct lmdb_change *change)
{
    struct runlog_repair *repair = context;
    bool may = change->kind == RECORD_CHANGE_COMMIT || change->kind == RECORD_CHANGE_RELEASE;
    if (change->version != repair->wanted) {
        return FOUND;
    }
    if (repair->held != NULL) {
        repair->same = is_same(repair->held, change);
    } else if (may) {
        repair->no_memory = reserve(repair, change->items) != OMEGA_OK;
        if (!repair->no_memory) {
            (change->kind == RECORD_CHANGE_COMMIT ? make_commit : make_release)(repair, change);
        }
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
