/* SPDX-License-Identifier: MIT */
/*
 * Torn logs: transactions repaired from the cell's change log, and records behind missing ones. A
 * missing change may have done anything, so behind it only this is certain: what a record says by
 * itself, and what was placed since the newest missing version.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/runlog/runlog_check_private.h"

#define SINCE 4u   /* marks a task that was placed since, and runs */
#define CLAIMED 8u /* marks a task while a transaction is looked at */

/* Placed since the newest missing version. */
struct since_placement {
    uint64_t id;
    uint64_t job;
    uint32_t task;
    uint32_t machine;
};

void runlog_check_torn(struct runlog_check *check)
{
    check->torn = true;
}

/* ---- what was placed since ---- */

/* Takes a placement off: returns false if it is not there. */
static bool end_since(struct runlog_check *check, uint64_t id)
{
    struct since_placement *placement = map_remove(&check->since, id);
    if (placement == NULL) {
        return false;
    }
    struct runlog_job *job = runlog_check_find_job(check, placement->job);
    if (job != NULL && job->placed != NULL) {
        job->placed[placement->task] &= (uint8_t)~SINCE;
    }
    free(placement);
    return true;
}

/* Nothing is certain any more: behind a missing version, and at the end. */
static void forget_since(struct runlog_check *check, bool jobs)
{
    for (size_t i = 0; check->since.slots != NULL && i <= check->since.mask; i++) {
        struct since_placement *placement = check->since.slots[i].value;
        struct runlog_job *job =
            placement == NULL || !jobs ? NULL : runlog_check_find_job(check, placement->job);
        if (job != NULL && job->placed != NULL) {
            job->placed[placement->task] &= (uint8_t)~SINCE;
        }
        free(placement);
    }
    map_clear(&check->since);
}

void check_torn_fini(struct runlog_check *check)
{
    forget_since(check, false);
}

int runlog_check_missing(struct runlog_check *check, uint64_t count, omega_error_t *err)
{
    check->torn = true;
    check->lost = true;
    forget_since(check, true);
    for (uint64_t i = 0; i < count; i++) {
        if (naive_begin(&check->cell, 0) != OMEGA_OK) {
            return check_no_memory(err);
        }
    }
    check->lost_version = check->cell.version;
    return OMEGA_OK;
}

static int place_since(struct runlog_check *check, struct runlog_job *job, uint32_t position,
                       const struct omega_claim *claim)
{
    struct since_placement *placement = malloc(sizeof *placement);
    uint64_t id = omega_placement_id(check->cell.version, position);
    if (placement == NULL || map_put(&check->since, id, placement) != OMEGA_OK) {
        free(placement);
        return OMEGA_ENOMEM;
    }
    *placement = (struct since_placement){
        .id = id,
        .job = job == NULL ? 0 : job->job->id,
        .task = claim->task,
        .machine = claim->machine,
    };
    if (job != NULL && job->placed != NULL) {
        job->placed[claim->task] |= SINCE;
    }
    return OMEGA_OK;
}

/* ---- transactions that are repaired ---- */

/* The group of a task; the number of groups if there is none. */
static uint16_t group_of(const struct omega_job *job, uint32_t task)
{
    uint16_t group = 0;
    while (group < job->group_count &&
           (task < job->groups[group].first_task ||
            task - job->groups[group].first_task >=
                job->groups[group].count + job->groups[group].optional)) {
        group++;
    }
    return group;
}

/* Copies the claims, with their groups and requests: each is of a task that waits, once. */
static int take_claims(struct runlog_check *check, const struct runlog_record *record,
                       struct runlog_job *job)
{
    int rc = OMEGA_OK;
    uint32_t looked = 0;
    for (; rc == OMEGA_OK && looked < record->txn.claim_count; looked++) {
        struct omega_claim *claim = &check->claims[looked];
        *claim = record->txn.claims[looked];
        claim->group = group_of(job->job, claim->task);
        if (!check_is_sound(check, job, claim) || job->placed == NULL ||
            job->placed[claim->task] != 0) {
            rc = check_violated(check,
                                "C: the change log has task %" PRIu32 " of job %" PRIu64
                                " placed on machine %" PRIu32 ", expected one that waits",
                                claim->task, job->job->id, claim->machine);
            break;
        }
        job->placed[claim->task] |= CLAIMED;
        claim->request = job->job->groups[claim->group].request;
    }
    while (looked > 0) {
        job->placed[check->claims[--looked].task] &= (uint8_t)~CLAIMED;
    }
    return rc;
}

/* G: an incarnation that has been superseded does nothing any more. Which one begins may be
 * missing, so one that acts has begun. */
static void look_at_incarnation(struct runlog_check *check, const struct runlog_record *record)
{
    struct runlog_instance *instance = &check->instances[record->txn.instance];
    if (record->txn.incarnation < instance->incarnation) {
        check_violated(check,
                       "G: a transaction of incarnation %" PRIu32
                       " of instance %u, expected %" PRIu32 " or above",
                       record->txn.incarnation, record->txn.instance, instance->incarnation);
    } else {
        instance->incarnation = record->txn.incarnation;
    }
}

/* The attempt that a repaired commit ended: its begin may be missing, too. */
static void note_attempt(struct runlog_job *job, const struct runlog_attempt *attempt)
{
    uint32_t number = attempt->attempt;
    job->attempted = false;
    job->kept = number;
    job->numbered = number > job->numbered ? number : job->numbered;
    job->attempts = number > job->attempts ? number : job->attempts;
    job->instance = attempt->instance;
}

int check_repaired(struct runlog_check *check, const struct runlog_record *record,
                   omega_error_t *err)
{
    struct runlog_job *job = runlog_check_find_job(check, record->attempt.job);
    struct runlog_instance *instance = &check->instances[record->attempt.instance];
    if (record->attempt.instance >= check->instance_count) {
        return check_violated(
            check, "the change log has a commit of instance %u, expected one of %" PRIu32,
            record->attempt.instance, check->instance_count);
    }
    if (job == NULL) { /* its submission is missing, too */
        return runlog_check_missing(check, 1, err);
    }
    if (check_reserve(check, record->txn.claim_count) != OMEGA_OK) {
        return check_no_memory(err);
    }
    int rc = take_claims(check, record, job);
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct omega_transaction *txn = &check->effect.txn;
    *txn = record->txn;
    txn->claims = check->claims;
    txn->precedence = job->job->precedence;
    txn->group_count = job->job->group_count;
    check->effect.job = job;
    check->effect.result =
        (struct omega_result){.version = record->version, .accepted = record->txn.claim_count};
    if (check->opening->schedulers[instance->scheduler].granularity == OMEGA_COMMIT_GANG &&
        !job->elastic && txn->claim_count != job->pending) {
        return check_violated(check,
                              "C: the change log has %" PRIu32 " tasks of job %" PRIu64
                              " placed, expected a gang of %" PRIu32,
                              txn->claim_count, job->job->id, job->pending);
    }
    look_at_incarnation(check, record);
    instance->busy = false;
    note_attempt(job, &record->attempt);
    rc = check_apply(check, record, err);
    job->delayed = job->pending > 0;
    return rc;
}

/* ---- records behind missing ones ---- */

/* Is the instance one of the job's scheduler, and its view none of the future? */
static void look_at_attempt(struct runlog_check *check, const struct runlog_record *record,
                            const struct runlog_job *job)
{
    const struct runlog_instance *instance = &check->instances[record->attempt.instance];
    if (job != NULL &&
        check->opening->workloads[job->job->workload].scheduler != instance->scheduler) {
        check_violated(check, "an attempt by instance %u, expected one of the job's scheduler",
                       record->attempt.instance);
    }
    if (record->attempt.planned) {
        check_sync(check, record);
    }
}

/* C: what must stand or fall together does. */
static bool is_whole(const struct runlog_record *record)
{
    const struct omega_transaction *txn = &record->txn;
    uint32_t accepted = 0;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        accepted += record->results[i].outcome == OMEGA_ACCEPTED;
    }
    bool together = txn->granularity == OMEGA_COMMIT_ALL || txn->granularity == OMEGA_COMMIT_GANG;
    return accepted == 0 || accepted == txn->claim_count || !together;
}

static void look_at_mode(struct runlog_check *check, const struct runlog_record *record,
                         const struct runlog_job *job)
{
    const struct omega_transaction *txn = &record->txn;
    const struct runlog_scheduler *scheduler =
        &check->opening->schedulers[check->instances[txn->instance].scheduler];
    bool elastic = job != NULL && job->elastic;
    if (txn->detection != scheduler->detection ||
        (job != NULL &&
         txn->granularity != (elastic ? OMEGA_COMMIT_AT_LEAST : scheduler->granularity))) {
        check_violated(check, "detection %u and granularity %u, expected those of scheduler '%s'",
                       txn->detection, txn->granularity, scheduler->name);
    }
    if (!is_whole(record)) {
        check_violated(check, "C: some claims of a transaction are accepted, expected all or none");
    }
}

/* A claim of a job that is known: one that it can make, of a task that is not known to run. */
static int look_at_claim(struct runlog_check *check, const struct runlog_record *record,
                         const struct runlog_job *job, uint32_t i)
{
    const struct omega_claim *claim = &record->txn.claims[i];
    if (!check_is_sound(check, job, claim)) {
        return check_violated(check,
                              "claim %" PRIu32 ": task %" PRIu32 " on machine %" PRIu32
                              ", expected one that job %" PRIu64 " can make",
                              i, claim->task, claim->machine, job->job->id);
    }
    check_constraints(check, &job->job->groups[claim->group], claim, i);
    if (record->results[i].outcome == OMEGA_ACCEPTED && job->placed != NULL &&
        (job->placed[claim->task] & SINCE) != 0) {
        return check_violated(check,
                              "C: task %" PRIu32 " of job %" PRIu64
                              " is placed, expected one that does not run",
                              claim->task, job->job->id);
    }
    return OMEGA_OK;
}

/* G: an instance begins anew with an incarnation that it has not had. */
static void look_at_restart(struct runlog_check *check, const struct runlog_record *record)
{
    struct runlog_instance *instance = &check->instances[record->instance];
    if (record->incarnation <= instance->incarnation) {
        check_violated(check,
                       "G: instance %u begins anew as incarnation %" PRIu32
                       ", expected one above %" PRIu32,
                       record->instance, record->incarnation, instance->incarnation);
    } else {
        instance->incarnation = record->incarnation;
    }
}

static int look_at_transaction(struct runlog_check *check, const struct runlog_record *record,
                               struct runlog_job *job)
{
    uint32_t accepted = 0;
    look_at_attempt(check, record, job);
    look_at_incarnation(check, record);
    look_at_mode(check, record, job);
    for (uint32_t i = 0; i < record->txn.claim_count; i++) {
        if (job != NULL && look_at_claim(check, record, job, i) != OMEGA_OK) {
            return CHECK_STOP;
        }
        if (record->results[i].outcome == OMEGA_ACCEPTED &&
            place_since(check, job, accepted++, &record->txn.claims[i]) != OMEGA_OK) {
            return OMEGA_ENOMEM;
        }
    }
    return record->changes == (accepted > 0)
               ? OMEGA_OK
               : check_violated(check,
                                "E: a transaction that installs %" PRIu32 " claims %s a version",
                                accepted, record->changes ? "has" : "lacks");
}

/* B: what was placed since runs until it is released, once. */
static int look_at_released(struct runlog_check *check, const struct runlog_record *record)
{
    for (uint32_t i = 0; i < record->released_count; i++) {
        const struct store_release_result *said = &record->released[i];
        uint64_t version = omega_placement_version(said->placement);
        bool certain = version > check->lost_version;
        bool runs = map_get(&check->since, said->placement) != NULL;
        if (version >= record->version + !record->changes ||
            (certain && record->kind == RUNLOG_RELEASE && runs != (said->released != 0))) {
            return check_violated(
                check, "B: placement %" PRIu64 ":%" PRIu32 " is %s, expected one that %s", version,
                omega_placement_position(said->placement),
                said->released ? "released" : "said to run no more",
                said->released ? "runs" : "does not run");
        }
        end_since(check, said->placement);
    }
    return OMEGA_OK;
}

int check_loosely(struct runlog_check *check, const struct runlog_record *record,
                  omega_error_t *err)
{
    struct runlog_job *job = runlog_check_find_job(check, record->attempt.job);
    int rc = OMEGA_OK;
    if (record->repaired) {
        return runlog_check_missing(check, 1, err);
    }
    if (record->changes && naive_begin(&check->cell, 0) != OMEGA_OK) {
        return check_no_memory(err);
    }
    switch ((enum runlog_kind)record->kind) {
    case RUNLOG_ATTEMPT:
    case RUNLOG_NOTHING:
        look_at_attempt(check, record, job);
        break;
    case RUNLOG_TRANSACTION:
        rc = look_at_transaction(check, record, job);
        break;
    case RUNLOG_RELEASE:
    case RUNLOG_MACHINE:
        rc = look_at_released(check, record);
        break;
    case RUNLOG_RESTART:
        look_at_restart(check, record);
        break;
    default:
        break;
    }
    return rc == OMEGA_ENOMEM ? check_no_memory(err) : rc;
}
