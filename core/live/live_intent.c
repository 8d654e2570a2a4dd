/* SPDX-License-Identifier: MIT */
/*
 * What a process of a live run is about to do. Between the store's answer and the log that is told
 * of it a process may die, and what it did would be missing. So it notes in shared memory what it
 * means to do; its successor finds out from the cell what came of it, and tells the log.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/live/journal.h"
#include "core/live/live_private.h"

static void intend(struct live_process *process, enum live_intent_kind kind,
                   const struct log_place *place)
{
    struct live_intent *intent = &process->slot->intent;
    if (process->log == NULL) {
        return; /* of a standing cell: nobody is to be told */
    }
    intent->records = runlog_records(process->log);
    intent->version = place->version;
    intent->time_us = place->time_us;
    atomic_store(&intent->kind, kind);
}

void live_intended(struct live_process *process)
{
    live_sync(process);
    atomic_store(&process->slot->intent.kind, LIVE_INTENDS_NOTHING);
}

bool live_intends(const struct live_process *process, enum live_intent_kind kind)
{
    const struct live_intent *intent = &process->slot->intent;
    return atomic_load(&intent->kind) == kind &&
           runlog_mark_records(&process->slot->mark) <= intent->records;
}

/* ---- scheduler instances ---- */

static_assert(LIVE_ROOM_BYTES >= OMEGA_CLAIMS_MAX * sizeof(struct omega_claim) +
                                     OMEGA_GROUPS_MAX * sizeof(uint32_t),
              "any transaction can be sent again");
static_assert(LIVE_ROOM_BYTES >= JOURNAL_BYTES, "an executor's journal lies in its room");

/* Claims and minima in the room, one behind the other: there is enough for any transaction. */
static void keep_transaction(struct live_process *process, const struct omega_transaction *txn)
{
    size_t claims = txn->claim_count * sizeof *txn->claims;
    size_t minima = txn->group_minimum == NULL ? 0 : txn->group_count * sizeof *txn->group_minimum;
    memcpy(process->room, txn->claims, claims);
    if (minima > 0) {
        memcpy((uint8_t *)process->room + claims, txn->group_minimum, minima);
    }
}

void live_intend_commit(struct live_process *process, const struct runner *runner, int64_t now_us)
{
    struct live_intent *intent = &process->slot->intent;
    struct log_place place = {.time_us = now_us};
    if (process->log == NULL) {
        return;
    }
    attempt_transaction(runner, &intent->txn);
    intent->txn.inquiry = NULL;
    intent->attempt = run_log_attempt_of(runner, true);
    atomic_store(&intent->tells, false);
    keep_transaction(process, &intent->txn);
    intend(process, LIVE_INTENDS_COMMIT, &place);
}

void live_intend_duration(struct live_process *process, int64_t duration_us)
{
    process->slot->intent.duration_us = duration_us;
    atomic_store(&process->slot->intent.tells, true);
}

void live_intend_abandonment(struct live_process *process, uint64_t job, uint32_t tasks,
                             int64_t now_us)
{
    struct log_place place = live_place(process, now_us);
    process->slot->intent.job = job;
    process->slot->intent.tasks = tasks;
    intend(process, LIVE_INTENDS_ABANDONMENT, &place);
}

/* ---- the others ---- */

void live_intend_change(struct live_process *process, enum live_intent_kind kind,
                        const struct omega_machine_event *event, int64_t now_us)
{
    struct log_place place = live_place(process, now_us);
    if (event != NULL) {
        process->slot->intent.event = *event;
    }
    intend(process, kind, &place);
}

void live_intend_submission(struct live_process *process, uint64_t job, uint64_t tasks,
                            const struct log_place *place)
{
    process->slot->intent.job = job;
    process->slot->intent.tasks = tasks;
    intend(process, LIVE_INTENDS_SUBMISSION, place);
}

/* ---- what came of it ---- */

int live_tell_duration(struct live_process *process, uint64_t job, int64_t duration_us,
                       omega_error_t *err)
{
    int rc = lmdb_tell_duration(process->store, job, duration_us, err);
    return rc > 0 ? OMEGA_OK : rc; /* what it had placed was lost meanwhile */
}

/* Of a job with optional tasks, how long they run. */
struct given {
    bool elastic;
    bool told;
    int64_t duration_us;
};

static int read_given(void *context, const struct lmdb_job *job)
{
    *(struct given *)context =
        (struct given){.elastic = job->started, .told = job->told, .duration_us = job->given_us};
    return OMEGA_OK;
}

/* How long the tasks of a job run whose process died behind its commit: as its module has said, or
 * else as the job says; the cell is told, unless it has been. The table of jobs does not tell it
 * once all tasks have ended, as short ones may have before this process came. */
static int finish_duration(struct live_process *process, uint64_t job, int64_t *duration_us,
                           omega_error_t *err)
{
    const struct live_intent *intent = &process->slot->intent;
    struct given given = {.told = false};
    int rc = lmdb_find_job(process->store, job, read_given, &given, err);
    *duration_us = atomic_load(&intent->tells) ? intent->duration_us : given.duration_us;
    return rc < 0                         ? rc
           : given.elastic && !given.told ? live_tell_duration(process, job, *duration_us, err)
                                          : OMEGA_OK;
}

/* Of an instance, the next job that has started and of which nobody has told how long it runs. */
struct untold {
    uint16_t instance;
    uint64_t job;
};

static int find_untold(void *context, const struct lmdb_job *job)
{
    struct untold *untold = context;
    untold->job = job->job->id;
    return job->instance == untold->instance && job->started && !job->told;
}

int live_tell_untold(struct live_process *process, uint16_t instance, omega_error_t *err)
{
    struct untold untold = {.instance = instance};
    int rc = 1;
    while (rc > 0) {
        rc = lmdb_jobs_from(process->store, untold.job + 1, find_untold, &untold, err);
        int told = rc > 0 ? live_tell_duration(process, untold.job, 0, err) : OMEGA_OK;
        rc = told == OMEGA_OK ? rc : told;
    }
    return rc;
}

static int finish_commit(struct live_process *process, omega_error_t *err)
{
    const struct live_intent *intent = &process->slot->intent;
    struct omega_transaction txn = intent->txn;
    struct omega_result result = {0};
    struct omega_claim_result *results = calloc(txn.claim_count + 1u, sizeof *results);
    omega_error_t answer = {0};
    if (results == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for the results of a job");
    }
    txn.claims = process->room;
    txn.group_minimum =
        txn.group_minimum == NULL ? NULL : (const uint32_t *)(txn.claims + txn.claim_count);
    int rc = store_commit(process->store, &txn, results, &result, &answer);
    int64_t duration_us = 0;
    if (rc == OMEGA_OK && result.accepted > 0) {
        rc = finish_duration(process, txn.job, &duration_us, &answer);
    }
    if (rc == OMEGA_OK) {
        struct log_place place = {.log = process->log, .time_us = intent->time_us};
        run_log_transaction(&place, &intent->attempt, &txn, results, &result, duration_us);
    } else if (rc != OMEGA_EINVAL && rc != OMEGA_ESUPERSEDED) {
        omega_error_set(err, rc, "%s", answer.text); /* these two: it was never decided */
    }
    free(results);
    return rc == OMEGA_EINVAL || rc == OMEGA_ESUPERSEDED ? OMEGA_OK : rc;
}

static int is_given_up(void *context, const struct lmdb_job *job)
{
    *(bool *)context = job->given_up;
    return OMEGA_OK;
}

/* A job that had tasks left is given up, or gone: only an abandonment does either. */
static int finish_abandonment(struct live_process *process, omega_error_t *err)
{
    const struct live_intent *intent = &process->slot->intent;
    bool given_up = false;
    int rc = lmdb_find_job(process->store, intent->job, is_given_up, &given_up, err);
    if (rc >= 0 && (rc > 0 || given_up)) {
        struct log_place place = {
            .log = process->log, .version = intent->version, .time_us = intent->time_us};
        run_log_abandonment(&place, intent->job, (uint32_t)intent->tasks);
    }
    return rc > 0 ? OMEGA_OK : rc;
}

int live_finish_attempt(struct live_process *process, omega_error_t *err)
{
    int rc = OMEGA_OK;
    if (live_intends(process, LIVE_INTENDS_COMMIT)) {
        rc = finish_commit(process, err);
    } else if (live_intends(process, LIVE_INTENDS_ABANDONMENT)) {
        rc = finish_abandonment(process, err);
    }
    if (rc == OMEGA_OK) {
        live_intended(process);
    }
    return rc;
}
