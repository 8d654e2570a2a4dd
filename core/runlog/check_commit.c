/* SPDX-License-Identifier: MIT */
/*
 * Transactions of a run log: may this instance send this, was the view of each claim one that there
 * was, and does what became of each claim agree with the naive rule and with the pure one?
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/runlog/runlog_check_private.h"

#define PLACED 1u
#define CLAIMED 2u /* marks a task while a transaction is looked at */

/* ---- room ---- */

int check_reserve(struct runlog_check *check, uint32_t claims)
{
    if (claims <= check->claim_room) {
        return OMEGA_OK;
    }
    uint32_t room = claims * 2;
    struct omega_claim *copy = reallocarray(check->claims, room, sizeof *copy);
    check->claims = copy == NULL ? check->claims : copy;
    struct omega_claim_result *results = reallocarray(check->results, room, sizeof *results);
    check->results = results == NULL ? check->results : results;
    uint8_t *outcomes = realloc(check->outcomes, room);
    check->outcomes = outcomes == NULL ? check->outcomes : outcomes;
    uint8_t *refused = realloc(check->refused, room);
    check->refused = refused == NULL ? check->refused : refused;
    struct omega_machine **machines = reallocarray((void *)check->machines, room, sizeof *machines);
    check->machines = machines == NULL ? check->machines : machines;
    struct omega_machine *records = reallocarray(check->records, room, sizeof *records);
    check->records = records == NULL ? check->records : records;
    struct omega_cause *causes = reallocarray(check->inquiry.causes, room, sizeof *causes);
    check->inquiry.causes = causes == NULL ? check->inquiry.causes : causes;
    if (copy == NULL || results == NULL || outcomes == NULL || refused == NULL ||
        machines == NULL || records == NULL || causes == NULL) {
        return OMEGA_ENOMEM;
    }
    check->claim_room = room;
    return OMEGA_OK;
}

/* ---- what may be sent ---- */

static uint32_t pending_of(const struct runlog_job *job, const struct omega_task_group *group)
{
    uint32_t pending = 0;
    for (uint32_t t = 0; t < group->count; t++) {
        pending += (job->placed[group->first_task + t] & PLACED) == 0;
    }
    return pending;
}

/* AT_LEAST: the minimum of each group is that of the scheduler, or all that was unplaced; tasks
 * that were lost during the decision may have returned. */
static int check_minimum(struct runlog_check *check, const struct omega_transaction *txn,
                         const struct runlog_scheduler *scheduler)
{
    const struct runlog_job *job = check->effect.job;
    if (txn->group_count != job->job->group_count) {
        return check_violated(check, "minima for %" PRIu32 " groups, expected %" PRIu32,
                              txn->group_count, job->job->group_count);
    }
    for (uint32_t g = 0; g < txn->group_count; g++) {
        const struct omega_task_group *group = &job->job->groups[g];
        uint32_t minimum = txn->group_minimum[g];
        uint32_t claims = 0;
        for (uint32_t i = 0; i < txn->claim_count; i++) {
            claims += txn->claims[i].group == g;
        }
        bool legal = job->elastic
                         ? minimum == group->count
                         : minimum <= scheduler->at_least && minimum <= pending_of(job, group);
        if (!legal || claims < minimum) {
            return check_violated(check,
                                  "C: group %" PRIu32 " has minimum %" PRIu32 " and %" PRIu32
                                  " claims, expected the granularity of scheduler '%s'",
                                  g, minimum, claims, scheduler->name);
        }
    }
    return OMEGA_OK;
}

/* Detection and granularity are the scheduler's; a gang is whole. */
static int check_mode(struct runlog_check *check, const struct omega_transaction *txn)
{
    const struct runlog_job *job = check->effect.job;
    const struct runlog_scheduler *scheduler =
        &check->opening->schedulers[check->instances[txn->instance].scheduler];
    uint8_t granularity = job->elastic ? OMEGA_COMMIT_AT_LEAST : scheduler->granularity;
    if (txn->detection != scheduler->detection || txn->granularity != granularity) {
        return check_violated(
            check, "detection %u and granularity %u, expected %u and %u of scheduler '%s'",
            txn->detection, txn->granularity, scheduler->detection, granularity, scheduler->name);
    }
    struct runlog_instance *instance = &check->instances[txn->instance];
    if (txn->incarnation < instance->incarnation) {
        return check_violated(check,
                              "G: a transaction of incarnation %" PRIu32
                              " of instance %u, expected %" PRIu32 ", which supersedes it",
                              txn->incarnation, txn->instance, instance->incarnation);
    }
    instance->incarnation = txn->incarnation;
    if (job->given_up || job->started || txn->claim_count == 0) {
        return check_violated(check,
                              "a transaction of %" PRIu32 " claims for job %" PRIu64
                              ", expected claims for one that is neither abandoned nor started",
                              txn->claim_count, txn->job);
    }
    if (txn->granularity == OMEGA_COMMIT_GANG && txn->claim_count != job->pending) {
        return check_violated(check,
                              "C: a gang of %" PRIu32 " claims, expected all %" PRIu32
                              " unplaced tasks of job %" PRIu64,
                              txn->claim_count, job->pending, txn->job);
    }
    return txn->granularity == OMEGA_COMMIT_AT_LEAST ? check_minimum(check, txn, scheduler)
                                                     : OMEGA_OK;
}

bool check_is_sound(const struct runlog_check *check, const struct runlog_job *job,
                    const struct omega_claim *claim)
{
    if (claim->group >= job->job->group_count || claim->machine >= check->opening->machine_count) {
        return false;
    }
    const struct omega_task_group *group = &job->job->groups[claim->group];
    return claim->task >= group->first_task &&
           claim->task - group->first_task < group->count + group->optional &&
           __builtin_popcount(claim->devices) == group->request.gpu_devices;
}

/* Did the instance see a machine in this version: its view's, or, as the answer to one of its
 * commits since, that of their end? */
static bool has_seen(const struct runlog_instance *instance, const struct omega_transaction *txn,
                     uint64_t version)
{
    bool seen = version == txn->synced;
    for (uint32_t i = instance->answer_count; !seen && i > 0; i--) {
        seen = instance->answers_synced == txn->synced && instance->answers[i - 1] == version;
    }
    return seen;
}

/* Notes the version at the end of a transaction. */
static int note_answer(struct runlog_check *check, const struct runlog_record *record)
{
    struct runlog_instance *instance = &check->instances[record->attempt.instance];
    if (instance->answers_synced != record->attempt.synced) {
        instance->answers_synced = record->attempt.synced;
        instance->answer_count = 0;
    }
    if (instance->answer_count == instance->answer_room) {
        uint32_t room = instance->answer_room == 0 ? 16 : 2 * instance->answer_room;
        uint64_t *grown = reallocarray(instance->answers, room, sizeof *grown);
        if (grown == NULL) {
            return OMEGA_ENOMEM;
        }
        instance->answers = grown;
        instance->answer_room = room;
    }
    instance->answers[instance->answer_count++] = record->version;
    return OMEGA_OK;
}

/* Is what the claim has seen of its machine what there was, in the version that it names? */
static void check_view(struct runlog_check *check, const struct omega_transaction *txn, uint32_t i)
{
    const struct omega_claim *claim = &txn->claims[i];
    const struct naive_machine *machine = &check->cell.machines[claim->machine];
    if (!has_seen(&check->instances[txn->instance], txn, claim->synced)) {
        check_violated(check,
                       "E: claim %" PRIu32 " saw machine %" PRIu32 " in version %" PRIu64
                       ", expected %" PRIu64 ", or the answer to a later commit",
                       i, claim->machine, claim->synced, txn->synced);
        return;
    }
    uint64_t seq = naive_seq_at(machine, claim->synced);
    bool leaks = (check->opening->compat & COMPAT_SEQ_LEAK) != 0; /* no version tells when */
    if (leaks ? claim->seq > machine->seq : claim->seq != seq) {
        check_violated(check,
                       "claim %" PRIu32 " saw sequence %" PRIu64 " on machine %" PRIu32
                       " in version %" PRIu64 ", expected %" PRIu64,
                       i, claim->seq, claim->machine, claim->synced, seq);
    }
}

/* Does the machine have what the task's group asks for? */
void check_constraints(struct runlog_check *check, const struct omega_task_group *group,
                       const struct omega_claim *claim, uint32_t i)
{
    uint32_t attributes = check->opening->machines[claim->machine].attributes;
    if (group->constraints != 0 &&
        !catalogue_meets(check->opening->catalogue, group->constraints, attributes)) {
        check_violated(check,
                       "claim %" PRIu32 " is on machine %" PRIu32 ", expected one that meets '%s'",
                       i, claim->machine,
                       catalogue_constraints_text(check->opening->catalogue, group->constraints));
    }
}

/* Each claim by itself; copies them with the requests of their groups. */
static int check_claims(struct runlog_check *check, const struct omega_transaction *txn)
{
    struct runlog_job *job = check->effect.job;
    uint32_t looked = 0;
    int rc = OMEGA_OK;
    for (; rc == OMEGA_OK && looked < txn->claim_count; looked++) {
        struct omega_claim *claim = &check->claims[looked];
        *claim = txn->claims[looked];
        if (!check_is_sound(check, job, claim) || (job->placed[claim->task] & CLAIMED) != 0) {
            rc = check_violated(
                check,
                "claim %" PRIu32 ": task %" PRIu32 " of group %u on machine %" PRIu32
                ", devices %u, expected one that job %" PRIu64 " can make",
                looked, claim->task, claim->group, claim->machine, claim->devices, txn->job);
            break;
        }
        job->placed[claim->task] |= CLAIMED;
        claim->request = job->job->groups[claim->group].request;
        check_view(check, txn, looked);
        check_constraints(check, &job->job->groups[claim->group], claim, looked);
    }
    while (looked > 0) {
        job->placed[check->claims[--looked].task] &= PLACED;
    }
    return rc;
}

/* ---- what the job refuses ---- */

/* Is a task of this group on this machine, or an earlier claim of this transaction? */
static bool is_shared(const struct runlog_check *check, const struct omega_transaction *txn,
                      uint32_t i)
{
    const struct omega_claim *claim = &txn->claims[i];
    const struct naive_machine *machine = &check->cell.machines[claim->machine];
    for (uint32_t p = 0; p < machine->running_count; p++) {
        const struct naive_placement *placement = &machine->running[p];
        if (placement->job == txn->job && placement->group == claim->group) {
            return true;
        }
    }
    for (uint32_t k = 0; k < i; k++) {
        if (txn->claims[k].group == claim->group && txn->claims[k].machine == claim->machine) {
            return true;
        }
    }
    return false;
}

static uint8_t refusal(const struct runlog_check *check, const struct omega_transaction *txn,
                       uint32_t i)
{
    const struct runlog_job *job = check->effect.job;
    const struct omega_claim *claim = &txn->claims[i];
    const struct omega_task_group *group = &job->job->groups[claim->group];
    if ((job->placed[claim->task] & PLACED) != 0) {
        return OMEGA_REFUSED_ALREADY_PLACED;
    }
    bool different =
        group->constraints != 0 &&
        catalogue_constraint_set(check->opening->catalogue, group->constraints)->different_machines;
    return different && is_shared(check, txn, i) ? OMEGA_REFUSED_CONSTRAINT : OMEGA_ACCEPTED;
}

/* ---- both rules ---- */

/* What the pure rule says: its machines are made from the lists of the naive cell. */
static int decide_purely(struct runlog_check *check, const struct omega_transaction *txn,
                         omega_error_t *err)
{
    check->record_count = 0;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        uint32_t machine = txn->claims[i].machine;
        if (check->record_of[machine] == 0) {
            naive_record(&check->cell, machine, &check->records[check->record_count]);
            check->record_of[machine] = ++check->record_count;
        }
        check->machines[i] = &check->records[check->record_of[machine] - 1];
    }
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        check->record_of[txn->claims[i].machine] = 0;
    }
    if (check->opening->compat != 0) {
        return compat_decide(check->compat, txn, check->machines, check->refused, check->rules,
                             check->results, &check->effect.result, err);
    }
    return rules_decide(txn, check->machines, check->refused, check->rules, check->results,
                        &check->effect.result, err);
}

/* Do the log and both rules agree about a claim? */
static bool agrees(struct runlog_check *check, const struct omega_claim_result *said, uint32_t i)
{
    const struct omega_claim *claim = &check->claims[i];
    const struct omega_claim_result *pure = &check->results[i];
    if (said->outcome != check->outcomes[i] || said->outcome != pure->outcome) {
        check_violated(check,
                       "claim %" PRIu32 " (task %" PRIu32 " on machine %" PRIu32
                       ") is %s, expected %s by the naive rule and %s by the pure one",
                       i, claim->task, claim->machine, omega_outcome_name(said->outcome),
                       omega_outcome_name(check->outcomes[i]), omega_outcome_name(pure->outcome));
        return false;
    }
    if (said->outcome != OMEGA_ACCEPTED &&
        (said->rival != pure->rival || said->rival_version != pure->rival_version ||
         said->other_refuses != pure->other_refuses)) {
        check_violated(check,
                       "claim %" PRIu32 " on machine %" PRIu32 " names rival %u of version %" PRIu64
                       "%s, expected rival %u of version %" PRIu64 "%s",
                       i, claim->machine, said->rival, said->rival_version,
                       said->other_refuses ? ", refused by both detections" : "", pure->rival,
                       pure->rival_version,
                       pure->other_refuses ? ", refused by both detections" : "");
        return false;
    }
    return true;
}

/* Do both rules agree about what the claims would have got in one mode? */
static int agree_in_mode(struct runlog_check *check, const struct omega_transaction *txn)
{
    const struct omega_judgement *pure = &check->inquiry.judged[txn->detection];
    uint32_t conflicts = 0;
    uint32_t accepted = 0;
    if (naive_decide(&check->cell, &check->scratch, txn, check->refused, check->outcomes) !=
        OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        conflicts += omega_outcome_is_conflict(check->outcomes[i]);
        accepted += check->outcomes[i] == OMEGA_ACCEPTED;
    }
    if (conflicts != pure->conflicts || accepted != pure->accepted[txn->granularity]) {
        check_violated(check,
                       "D: with detection %u and granularity %u %" PRIu32 " claims would conflict "
                       "and %" PRIu32 " be accepted by the naive rule, %" PRIu32 " and %" PRIu32
                       " by the pure one",
                       txn->detection, txn->granularity, conflicts, accepted, pure->conflicts,
                       pure->accepted[txn->granularity]);
    }
    return OMEGA_OK;
}

static int agree_otherwise(struct runlog_check *check, const struct omega_transaction *txn,
                           omega_error_t *err)
{
    struct omega_transaction other = *txn;
    int rc = OMEGA_OK;
    for (uint8_t d = 0; d < OMEGA_DETECTIONS; d++) {
        for (uint8_t g = 0; rc == OMEGA_OK && g < OMEGA_GRANULARITIES; g++) {
            other.detection = d;
            other.granularity = g;
            if (g != OMEGA_COMMIT_AT_LEAST || txn->granularity == OMEGA_COMMIT_AT_LEAST) {
                rc = agree_in_mode(check, &other);
            }
        }
    }
    return rc == OMEGA_OK ? rc : check_no_memory(err);
}

static int decide(struct runlog_check *check, const struct runlog_record *record,
                  const struct omega_transaction *txn, omega_error_t *err)
{
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        check->refused[i] = refusal(check, txn, i);
    }
    int rc = decide_purely(check, txn, err);
    if (rc == OMEGA_OK && naive_decide(&check->cell, &check->scratch, txn, check->refused,
                                       check->outcomes) != OMEGA_OK) {
        rc = check_no_memory(err);
    }
    uint32_t wrong = 0;
    for (uint32_t i = 0; rc == OMEGA_OK && i < txn->claim_count; i++) {
        wrong += !agrees(check, &record->results[i], i);
    }
    if (rc == OMEGA_OK && wrong == 0 && check->inquiry.counterfactuals) {
        rc = agree_otherwise(check, txn, err);
    }
    return rc == OMEGA_OK && wrong > 0 ? CHECK_STOP : rc;
}

/* ---- what it did ---- */

static int place(struct runlog_check *check, const struct runlog_record *record,
                 const struct omega_transaction *txn, uint32_t position, uint32_t i)
{
    struct runlog_job *job = check->effect.job;
    const struct omega_claim *claim = &txn->claims[i];
    int64_t lasts = record->duration_us > 0
                        ? record->duration_us
                        : omega_task_duration(&job->job->groups[claim->group], claim->task);
    lasts = record->repaired && job->elastic ? 0 : lasts; /* what its module said is not known */
    struct naive_placement placement = {
        .job = txn->job,
        .task = claim->task,
        .group = claim->group,
        .request = claim->request,
        .instance = txn->instance,
        .devices = claim->devices,
        .band = (uint8_t)omega_band_of(txn->precedence),
        .due_us = lasts > INT64_MAX - record->time_us ? INT64_MAX : record->time_us + lasts,
    };
    job->placed[claim->task] |= PLACED;
    if (naive_place(&check->cell, claim->machine, position, &placement) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    const struct naive_machine *machine = &check->cell.machines[claim->machine];
    struct naive_use use = naive_used(machine);
    if (!naive_within(&check->cell, machine, &use)) {
        check_violated(check, "A: claim %" PRIu32 " makes machine %" PRIu32 " exceed its limit", i,
                       claim->machine);
    }
    return OMEGA_OK;
}

/* Counts what was placed: I. */
static void count(struct runlog_check *check, uint32_t accepted, int64_t given_us, int64_t now_us)
{
    struct runlog_job *job = check->effect.job;
    uint32_t from_pending = accepted < job->pending ? accepted : job->pending;
    job->pending -= from_pending;
    job->running += accepted;
    job->started = job->elastic;
    job->given_us = given_us;
    check->counters.tasks_pending -= from_pending;
    check->counters.tasks_running += accepted;
    check->counters.tasks_submitted += accepted - from_pending;
    if (job->pending == 0 && job->fully_scheduled_us < 0) {
        job->fully_scheduled_us = now_us;
        check->effect.fully_scheduled = true;
    }
}

int check_apply(struct runlog_check *check, const struct runlog_record *record, omega_error_t *err)
{
    const struct omega_transaction *txn = &check->effect.txn;
    uint32_t accepted = check->effect.result.accepted;
    uint32_t position = 0;
    int rc = naive_begin(&check->cell, accepted);
    for (uint32_t i = 0; rc == OMEGA_OK && i < txn->claim_count; i++) {
        if (record->results[i].outcome == OMEGA_ACCEPTED) {
            rc = place(check, record, txn, position++, i);
        }
    }
    if (rc == OMEGA_OK) {
        count(check, accepted, record->duration_us, record->time_us);
    }
    return rc == OMEGA_OK ? rc : check_no_memory(err);
}

/* compat-seq-leak: sequences that an aborted transaction leaves raised. */
static int leak(struct runlog_check *check, const struct omega_transaction *txn, omega_error_t *err)
{
    bool leaks =
        (check->opening->compat & COMPAT_SEQ_LEAK) != 0 && txn->granularity == OMEGA_COMMIT_ALL;
    for (uint32_t i = 0; leaks && i < txn->claim_count; i++) {
        leaks = check->outcomes[i] == OMEGA_ABORTED;
        if (leaks && naive_leak(&check->cell, txn->claims[i].machine) != OMEGA_OK) {
            return check_no_memory(err);
        }
    }
    return OMEGA_OK;
}

int check_transaction(struct runlog_check *check, const struct runlog_record *record,
                      omega_error_t *err)
{
    if (record->repaired) {
        return check_repaired(check, record, err);
    }
    int rc = check_attempt_end(check, record);
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct runlog_job *job = check->effect.job;
    struct omega_transaction *txn = &check->effect.txn;
    if (check_reserve(check, record->txn.claim_count) != OMEGA_OK) {
        return check_no_memory(err);
    }
    rc = check_mode(check, &record->txn);
    rc = rc == OMEGA_OK ? check_claims(check, &record->txn) : rc;
    *txn = record->txn;
    txn->claims = check->claims;
    txn->inquiry = &check->inquiry;
    txn->precedence = job->job->precedence;
    txn->group_count = job->job->group_count;
    rc = rc == OMEGA_OK ? decide(check, record, txn, err) : rc;
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (record->changes != (check->effect.result.accepted > 0)) {
        return check_violated(check,
                              "E: a transaction that installs %" PRIu32 " claims %s a version",
                              check->effect.result.accepted, record->changes ? "has" : "lacks");
    }
    check->effect.result.version = record->version;
    job->kept = record->changes ? txn->attempt : job->kept;
    rc = record->changes ? check_apply(check, record, err) : leak(check, txn, err);
    job->delayed = job->pending > 0;
    return rc == OMEGA_OK && note_answer(check, record) != OMEGA_OK ? check_no_memory(err) : rc;
}
