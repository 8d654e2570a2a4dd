/* SPDX-License-Identifier: MIT */
/*
 * Commits of the lmdb store: is it known already (identity), may it be sent and what does its job
 * refuse (cellstate/jobs.h), what do the rules say, then apply. Until the first change to a machine
 * at hand a failure concerns this transaction alone, unless LMDB itself fails; after it, the whole
 * batch.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cellstate/lmdb_private.h"

/* ---- identities ---- */

/* Reads what the cell knows of an instance, results included; all 0 if nothing. */
static int get_instance(struct lmdb *lmdb, uint16_t number, struct record_instance *instance,
                        omega_error_t *err)
{
    MDB_val data;
    int rc = lmdb_find(lmdb, LMDB_INSTANCES, number, &data, err);
    *instance = (struct record_instance){.incarnation = 0};
    if (rc == OMEGA_OK && data.mv_data != NULL) {
        rc = lmdb_bad_record(lmdb,
                             record_decode_instance(data.mv_data, data.mv_size, number, instance),
                             LMDB_INSTANCES, number, err);
    }
    return rc;
}

static int superseded(const struct omega_transaction *txn, const char *what, uint32_t by,
                      omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ESUPERSEDED,
                           "attempt %u at job %llu by incarnation %u of instance %u is superseded "
                           "by %s %u",
                           txn->attempt, (unsigned long long)txn->job, txn->incarnation,
                           txn->instance, what, by);
}

/* Is the instance at hand, and the transaction plainly one that it has not sent yet? */
static bool is_new(const struct lmdb_write *write, const struct omega_transaction *txn)
{
    const struct record_instance *last = &write->instance_record;
    return write->instance == txn->instance && last->incarnation == txn->incarnation &&
           (last->job != txn->job || last->attempt < txn->attempt);
}

/* Looks the transaction up: *known if its result is recorded, and then given back. */
static int look_up(struct lmdb *lmdb, const struct omega_transaction *txn,
                   struct record_instance *instance, struct omega_claim_result *results,
                   struct omega_result *result, bool *known, omega_error_t *err)
{
    *known = false;
    if (is_new(&lmdb->write, txn)) {
        *instance = lmdb->write.instance_record;
        return OMEGA_OK;
    }
    int rc = get_instance(lmdb, txn->instance, instance, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (txn->incarnation < instance->incarnation) {
        return superseded(txn, "incarnation", instance->incarnation, err);
    }
    bool same = instance->job != 0 && txn->incarnation == instance->incarnation &&
                txn->job == instance->job;
    if (same && txn->attempt < instance->attempt) {
        return superseded(txn, "attempt", instance->attempt, err);
    }
    if (same && txn->attempt == instance->attempt) {
        if (txn->claim_count != instance->claim_count) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "attempt %u at job %llu comes again with %u claims, expected "
                                   "the %u that it had",
                                   txn->attempt, (unsigned long long)txn->job, txn->claim_count,
                                   instance->claim_count);
        }
        record_instance_results(instance, results);
        *result = instance->result;
        *known = true;
    }
    return OMEGA_OK;
}

int lmdb_put_instance(struct lmdb *lmdb, uint16_t number, const struct record_instance *instance,
                      const struct omega_claim_result *results, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    size_t size = record_instance_bytes(instance, results);
    int rc = lmdb_reserve_bytes(lmdb, size, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    record_encode_instance(instance, results, number, write->bytes);
    rc = lmdb_put(lmdb, LMDB_INSTANCES, number, write->bytes, size, err);
    write->instance = rc == OMEGA_OK ? number : OMEGA_INSTANCE_NONE;
    write->instance_record = *instance;
    write->instance_record.outcomes = NULL; /* they lie in the table */
    write->instance_record.rivals = NULL;
    return rc;
}

/* Records the result of a transaction that has an identity; of the instance the module stays. */
static int record_result(struct lmdb *lmdb, const struct omega_transaction *txn,
                         struct record_instance *instance, const struct omega_claim_result *results,
                         const struct omega_result *result, omega_error_t *err)
{
    instance->incarnation = txn->incarnation;
    instance->attempt = txn->attempt;
    instance->job = txn->job;
    instance->result = *result;
    instance->claim_count = txn->claim_count;
    int rc = lmdb_put_instance(lmdb, txn->instance, instance, results, err);
    lmdb->write.broken |= rc != OMEGA_OK; /* the claims are in */
    return rc;
}

struct join {
    uint16_t instance;
    const char *module;
    uint32_t *incarnation;
};

static int run_join(struct lmdb *lmdb, void *arguments, omega_error_t *err)
{
    const struct join *join = arguments;
    struct record_instance instance;
    int rc = get_instance(lmdb, join->instance, &instance, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (instance.incarnation == UINT32_MAX) {
        return omega_error_set(err, OMEGA_EINVAL, "instance %u has no incarnations left",
                               join->instance);
    }
    struct record_instance next = {.incarnation = instance.incarnation + 1};
    (void)snprintf(next.module, sizeof next.module, "%s", join->module);
    rc = lmdb_put_instance(lmdb, join->instance, &next, NULL, err);
    *join->incarnation = next.incarnation;
    return rc;
}

int lmdb_join(struct store *store, uint16_t instance, const char *module, uint32_t *incarnation,
              omega_error_t *err)
{
    if (instance == OMEGA_INSTANCE_NONE) {
        return omega_error_set(err, OMEGA_EINVAL, "instance %u is none, expected below it",
                               instance);
    }
    struct join join = {
        .instance = instance,
        .module = module == NULL ? "" : module,
        .incarnation = incarnation,
    };
    return lmdb_execute_one(lmdb_of(store), run_join, &join, instance, err);
}

/* ---- one transaction ---- */

#define CLAIMS_AHEAD 4u /* whose machines are on their way from memory */

/* All that a commit without GPUs needs of a machine. (GCC takes out a call of a function that does
 * no more than this: hence inline, always.) */
static inline __attribute__((always_inline)) void
prefetch_machine(const struct omega_machine *machine)
{
    __builtin_prefetch(machine);
    __builtin_prefetch(&machine->seq);
}

/* The first machines, while the job is looked up. Nothing is checked yet. */
static inline __attribute__((always_inline)) void
prefetch_first(const struct lmdb *lmdb, const struct omega_transaction *txn)
{
    bool sound = txn->claims != NULL && txn->claim_count <= OMEGA_CLAIMS_MAX;
    uint32_t count = sound ? txn->claim_count : 0;
    for (uint32_t i = 0; i < count && i < CLAIMS_AHEAD; i++) {
        uint32_t machine = txn->claims[i].machine;
        if (machine < lmdb->meta.machine_count) {
            prefetch_machine(&lmdb->write.machines[machine]);
        }
    }
}

/* Brings the machines that are claimed to hand, for the rules. */
static int bring_machines(struct lmdb *lmdb, const struct omega_transaction *txn,
                          omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        uint32_t machine = txn->claims[i].machine;
        if (i + CLAIMS_AHEAD < txn->claim_count) {
            prefetch_machine(&write->machines[txn->claims[i + CLAIMS_AHEAD].machine]);
        }
        write->scratch.claimed[i] = &write->machines[machine];
        if (!lmdb_is_at_hand(write, machine)) {
            index_set_add(&write->wanted, machine);
        }
    }
    return lmdb_bring_wanted(lmdb, err);
}

int lmdb_place(struct lmdb *lmdb, struct store_placement *placement, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    struct omega_machine *machine = NULL;
    int rc = lmdb_machine_at_hand(lmdb, placement->machine, &machine, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    placement->id = omega_placement_id(write->change.version, write->change.item_count);
    rules_place(machine, &placement->request, placement->devices, (enum omega_band)placement->band,
                placement->instance, write->change.version);
    lmdb_change_machine(lmdb, machine);
    lmdb_change_item(lmdb, placement->id, placement->task, placement->machine, placement->devices);
    totals_use(&write->head.totals, &placement->request, placement->devices, 1);
    return lmdb_put_placement(lmdb, placement, err);
}

/* What a claim that holds does to its job. */
static int place_task(struct lmdb *lmdb, struct job_entry *entry, const struct omega_claim *claim,
                      omega_error_t *err)
{
    jobs_place(entry, claim);
    lmdb_entry_task_changed(lmdb, claim->task);
    return entry->spreads && entry->different[claim->group]
               ? lmdb_spread_place(lmdb, claim->group, claim->machine, claim->task, err)
               : OMEGA_OK;
}

/* Applies the claims that hold, as one change. */
static int apply(struct lmdb *lmdb, struct job_entry *entry, const struct omega_transaction *txn,
                 struct omega_claim_result *results, omega_error_t *err)
{
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < txn->claim_count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        if (results[i].outcome != OMEGA_ACCEPTED) {
            continue;
        }
        struct store_placement placement = {
            .job = txn->job,
            .task = claim->task,
            .machine = claim->machine,
            .request = claim->request,
            .instance = txn->instance,
            .devices = claim->devices,
            .band = (uint8_t)omega_band_of(txn->precedence),
        };
        rc = lmdb_place(lmdb, &placement, err);
        if (rc == OMEGA_OK) {
            rc = place_task(lmdb, entry, claim, err);
        }
        results[i].placement = placement.id;
        results[i].rival = OMEGA_INSTANCE_NONE;
        results[i].rival_version = 0;
    }
    return rc;
}

/* Which claims go to machines that their groups have a task on. */
static int find_taken(struct lmdb *lmdb, const struct job_entry *entry,
                      const struct omega_transaction *txn, omega_error_t *err)
{
    bool *taken = lmdb->write.scratch.taken;
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < txn->claim_count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        if (entry->different[claim->group]) {
            rc = lmdb_spread_look(lmdb, claim->group, claim->machine, &taken[i], err);
        }
    }
    return rc;
}

/* Decides, and applies what holds. */
static int decide_and_apply(struct lmdb *lmdb, struct job_entry *entry,
                            const struct omega_transaction *txn, struct omega_claim_result *results,
                            struct omega_result *result, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    int rc = entry->spreads ? find_taken(lmdb, entry, txn, err) : OMEGA_OK;
    if (rc == OMEGA_OK) {
        rc = bring_machines(lmdb, txn, err);
    }
    if (rc == OMEGA_OK) {
        bool refuses = jobs_refuse(&write->scratch, entry, txn);
        rc = rules_decide(txn, write->scratch.claimed, refuses ? write->scratch.refused : NULL,
                          write->rules, results, result, err);
    }
    if (rc == OMEGA_OK) { /* lmdb_place() takes it, as it does for the initial state */
        rules_give_back(txn, write->scratch.claimed, results);
    }
    if (rc != OMEGA_OK || result->accepted == 0) {
        result->version = write->head.counters.version;
        return rc;
    }
    rc = lmdb_change_begin(lmdb, RECORD_CHANGE_COMMIT, result->accepted, result->accepted, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct record_change *change = &write->change;
    change->detail = (uint8_t)omega_band_of(txn->precedence);
    change->job = txn->job;
    change->instance = txn->instance;
    change->incarnation = txn->incarnation;
    change->attempt = txn->attempt;
    result->version = change->version;
    write->broken = true; /* until all of it is done */
    rc = apply(lmdb, entry, txn, results, err);
    if (rc == OMEGA_OK) {
        jobs_placed(entry, &write->head.counters, result->accepted);
        write->state.instance = txn->instance;
        write->state.attempt = txn->attempt;
        rc = lmdb_entry_store(lmdb, err);
    }
    if (rc == OMEGA_OK) {
        rc = lmdb_change_end(lmdb, err);
    }
    write->broken = rc != OMEGA_OK;
    return rc;
}

/* Loads the job of a transaction, with what has become of the tasks that are claimed; tasks that
 * the job does not have are refused later. */
static int load_job(struct lmdb *lmdb, const struct omega_transaction *txn,
                    struct job_entry **entry, omega_error_t *err)
{
    int rc = lmdb_entry_load(lmdb, txn->job, entry, err);
    bool large = *entry != NULL && (*entry)->slots > RECORD_TASKS_EACH;
    for (uint32_t i = 0; rc == OMEGA_OK && large && i < txn->claim_count; i++) {
        if (txn->claims[i].task < (*entry)->slots) {
            rc = lmdb_entry_task(lmdb, txn->claims[i].task, err);
        }
    }
    return rc;
}

struct commit {
    const struct omega_transaction *txn;
    struct omega_claim_result *results;
    struct omega_result *result;
};

static int run_commit(struct lmdb *lmdb, void *arguments, omega_error_t *err)
{
    const struct commit *commit = arguments;
    const struct omega_transaction *txn = commit->txn;
    struct record_instance instance; /* of those with an identity */
    bool known = false;
    int rc = OMEGA_OK;
    prefetch_first(lmdb, txn);
    if (txn->incarnation > 0) {
        rc = look_up(lmdb, txn, &instance, commit->results, commit->result, &known, err);
    }
    if (rc != OMEGA_OK || known) {
        return rc;
    }
    struct job_entry *entry = NULL;
    rc = load_job(lmdb, txn, &entry, err);
    if (rc == OMEGA_OK) {
        rc = jobs_check(&lmdb->write.scratch, entry, txn, err);
    }
    if (rc == OMEGA_OK) {
        rc = decide_and_apply(lmdb, entry, txn, commit->results, commit->result, err);
    }
    if (rc == OMEGA_OK && txn->incarnation > 0 && commit->result->accepted > 0) {
        rc = record_result(lmdb, txn, &instance, commit->results, commit->result, err);
    }
    return rc;
}

int lmdb_commit(struct store *store, const struct omega_transaction *txn,
                struct omega_claim_result *results, struct omega_result *result, omega_error_t *err)
{
    struct commit commit = {.txn = txn, .results = results, .result = result};
    int rc = lmdb_execute_one(lmdb_of(store), run_commit, &commit, txn->instance, err);
    if (rc == OMEGA_OK) {
        omega_brief_list(txn, results);
    }
    return rc;
}

int lmdb_commit_all(struct store *store, struct lmdb_commit *commits, uint32_t count,
                    omega_error_t *err)
{
    struct lmdb_request *requests = calloc(count + 1u, sizeof *requests);
    struct commit *arguments = calloc(count + 1u, sizeof *arguments);
    int rc = OMEGA_OK;
    if (requests == NULL || arguments == NULL) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "no memory for %u transactions", count);
    }
    for (uint32_t i = 0; rc == OMEGA_OK && i < count; i++) {
        struct lmdb_commit *commit = &commits[i];
        omega_error_clear(&commit->err);
        arguments[i] = (struct commit){
            .txn = commit->txn,
            .results = commit->results,
            .result = &commit->result,
        };
        requests[i] = (struct lmdb_request){
            .run = run_commit,
            .arguments = &arguments[i],
            .instance = commit->txn->instance,
            .err = &commit->err,
        };
    }
    if (rc == OMEGA_OK) {
        rc = lmdb_execute(lmdb_of(store), requests, count);
        for (uint32_t i = 0; i < count; i++) {
            commits[i].code = requests[i].code;
            if (commits[i].code == OMEGA_OK) {
                omega_brief_list(commits[i].txn, commits[i].results);
            } else if (err != NULL && err->code == OMEGA_OK) {
                *err = commits[i].err;
            }
        }
    }
    free(requests);
    free(arguments);
    return rc;
}
