/* SPDX-License-Identifier: MIT */
/*
 * The memory store's commit: check what no scheduler may send and what the job refuses, decide by
 * the rules, then apply. All memory is taken before the first change. Transactions of plain jobs
 * are decided on the live arrays wherever that can be done (memory_plain.c), all others on records.
 */
#include <stdlib.h>

#include "cellstate/memory_private.h"

/* ---- decide ---- */

/* Decides any transaction, on the records of its machines. */
static int decide(struct memory *memory, const struct omega_transaction *txn,
                  const uint8_t *refused, struct omega_claim_result *results,
                  struct omega_result *result, omega_error_t *err)
{
    struct omega_machine **claimed = memory->scratch.claimed;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        claimed[i] = memory_record(memory, txn->claims[i].machine);
    }
    if (memory->compat != NULL) {
        return compat_decide(memory->compat, txn, claimed, refused, memory->rules, results, result,
                             err);
    }
    return rules_decide(txn, claimed, refused, memory->rules, results, result, err);
}

/* What a transaction that installed nothing leaves behind: no trace, but by compatibility. */
static void leave(struct memory *memory, const struct omega_transaction *txn,
                  const struct omega_claim_result *results, struct omega_result *result)
{
    result->version = memory->counters.version;
    uint32_t leaks =
        memory->compat == NULL ? 0 : compat_leaks(memory->compat, txn, results, result);
    for (uint32_t i = 0; i < leaks; i++) {
        struct omega_machine *machine = memory_record(memory, txn->claims[i].machine);
        machine->seq++;
        machine->changes++;
        memory_changed(memory, txn->claims[i].machine);
    }
}

/* ---- apply ---- */

struct block *memory_new_block(struct memory *memory, const struct job_entry *entry,
                               const struct omega_transaction *txn, uint32_t count, bool alike)
{
    const uint64_t version = memory->counters.version + 1;
    if (placers_reserve(&memory->placers, txn->instance, version) != OMEGA_OK) {
        return NULL;
    }
    struct block *block = block_create(memory, count, alike);
    if (block != NULL) {
        block->job = txn->job;
        block->instance = txn->instance;
        block->band = (uint8_t)omega_band_of(txn->precedence);
        block->spreads = entry->spreads;
        block->alike.request = entry->groups[0].request;
    }
    return block;
}

/* Enters the claims that the results accept, on the records that decide() has taken the room of. */
static void install(struct memory *memory, struct block *block, const struct omega_transaction *txn,
                    struct omega_claim_result *results)
{
    uint32_t position = 0;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        if (results[i].outcome == OMEGA_ACCEPTED) {
            rules_install(&memory->machines[claim->machine], &claim->request, claim->devices,
                          (enum omega_band)block->band, txn->instance, block->version);
            memory_show(memory, claim->machine);
            results[i] = omega_claim_accepted(block->version, position);
            block->machines[position] = claim->machine;
            block->tasks[position] = claim->task;
            block->asked[position++] = (struct asked){claim->request, claim->devices};
        }
    }
}

/* Tells who reads the feed of the machines of a new block. */
static void feed(struct memory *memory, const struct block *block)
{
    for (uint32_t i = 0; memory->feeds && i < block->count; i++) {
        memory_feed(memory, block->machines[i]);
    }
}

/* Adds what a new block takes to the totals. */
static void use(struct memory *memory, const struct block *block)
{
    struct store_totals used = {.cpu_used_milli = 0};
    if (block->asked == NULL) {
        used.cpu_used_milli = (int64_t)block->count * block->alike.request.cpu_milli;
        used.mem_used_mib = (int64_t)block->count * block->alike.request.mem_mib;
    }
    for (uint32_t i = 0; block->asked != NULL && i < block->count; i++) {
        totals_use(&used, &block->asked[i].request, block->asked[i].devices, 1);
    }
    totals_add_use(&memory->totals, &used, 1);
}

void memory_settle(struct memory *memory, struct job_entry *entry, const struct block *block)
{
    feed(memory, block);
    use(memory, block);
    jobs_placed(entry, &memory->counters, block->count);
    memory->counters.version = block->version;
}

/* Decides a transaction on records, and makes of it one change. */
static int commit_records(struct memory *memory, struct job_entry *entry,
                          const struct omega_transaction *txn, const uint8_t *refused,
                          struct omega_claim_result *results, struct omega_result *result,
                          omega_error_t *err)
{
    int rc = decide(memory, txn, refused, results, result, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    omega_brief_list(txn, results);
    if (result->accepted == 0) {
        leave(memory, txn, results, result);
        return OMEGA_OK;
    }
    struct block *block = memory_new_block(memory, entry, txn, result->accepted, false);
    if (block == NULL) {
        rules_give_back(txn, memory->scratch.claimed, results);
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u placements", result->accepted);
    }
    install(memory, block, txn, results);
    jobs_place_all(entry, txn, results, block->count, &memory->spare_jobs);
    memory_settle(memory, entry, block);
    result->version = block->version;
    return OMEGA_OK;
}

/* ---- in full and in short ---- */

/* Makes room for so many claims in both forms. */
static int reserve(struct memory *memory, uint32_t count, omega_error_t *err)
{
    if (count <= memory->forms_room) {
        return OMEGA_OK;
    }
    uint32_t room = count < OMEGA_CLAIMS_MAX / 2 ? count * 2 : OMEGA_CLAIMS_MAX;
    free(memory->claims);
    free(memory->short_tasks);
    free(memory->short_machines);
    free(memory->short_seqs);
    memory->claims = malloc(room * sizeof *memory->claims);
    memory->short_tasks = malloc(room * sizeof *memory->short_tasks);
    memory->short_machines = malloc(room * sizeof *memory->short_machines);
    memory->short_seqs = malloc(room * sizeof *memory->short_seqs);
    bool complete = memory->claims != NULL && memory->short_tasks != NULL &&
                    memory->short_machines != NULL && memory->short_seqs != NULL;
    memory->forms_room = complete ? room : 0;
    return complete ? OMEGA_OK
                    : omega_error_set(err, OMEGA_ENOMEM, "no memory for %u claims", count);
}

/* The same transaction in full, where its job is in the table, with what its tasks ask for. */
static int write_out(struct memory *memory, const struct job_entry *entry,
                     const struct omega_transaction *txn, struct omega_transaction *full,
                     omega_error_t *err)
{
    *full = *txn;
    if (entry == NULL || txn->claim_count > OMEGA_CLAIMS_MAX) {
        return OMEGA_OK; /* no claim of it will be looked at */
    }
    int rc = reserve(memory, txn->claim_count, err);
    for (uint32_t i = 0; rc == OMEGA_OK && i < txn->claim_count; i++) {
        memory->claims[i] = omega_transaction_claim(txn, i);
        memory->claims[i].request = entry->groups[0].request;
    }
    full->claims = memory->claims;
    return rc;
}

/* The same transaction in short, too. */
static int shorten(struct memory *memory, const struct omega_transaction *txn,
                   struct omega_transaction *shortened, omega_error_t *err)
{
    int rc = reserve(memory, txn->claim_count, err);
    for (uint32_t i = 0; rc == OMEGA_OK && i < txn->claim_count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        memory->short_tasks[i] = claim->task;
        memory->short_machines[i] = claim->machine;
        memory->short_seqs[i] = claim->seq;
    }
    *shortened = *txn;
    shortened->tasks = memory->short_tasks;
    shortened->machines = memory->short_machines;
    shortened->seqs = memory->short_seqs;
    return rc;
}

/* Commits a transaction in full. */
static int commit_full(struct memory *memory, struct job_entry *entry,
                       const struct omega_transaction *txn, struct omega_claim_result *results,
                       struct omega_result *result, omega_error_t *err)
{
    if (entry != NULL && jobs_keep_states(entry, &memory->spare_jobs) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for the tasks of job %llu",
                               (unsigned long long)entry->id);
    }
    int rc = jobs_check(&memory->scratch, entry, txn, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (entry->spreads) {
        jobs_find_taken(&memory->scratch, entry, txn);
    }
    if (jobs_refuse(&memory->scratch, entry, txn)) {
        return commit_records(memory, entry, txn, memory->scratch.refused, results, result, err);
    }
    if (jobs_is_plain(entry) && memory->compat == NULL) {
        struct omega_transaction shortened;
        bool decided = true;
        rc = shorten(memory, txn, &shortened, err);
        if (rc == OMEGA_OK) {
            rc = memory_commit_plain(memory, entry, &shortened, results, result, &decided, err);
        }
        if (rc != OMEGA_OK || decided) {
            return rc;
        }
    }
    return commit_records(memory, entry, txn, NULL, results, result, err);
}

int memory_commit(struct store *store, const struct omega_transaction *txn,
                  struct omega_claim_result *results, struct omega_result *result,
                  omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    struct job_entry *entry = memory_job(memory, txn->job);
    if (txn->claims != NULL) {
        return commit_full(memory, entry, txn, results, result, err);
    }
    bool decided = false;
    int rc = OMEGA_OK;
    if (memory->compat == NULL && memory_short_is_sound(memory, entry, txn)) {
        rc = memory_commit_plain(memory, entry, txn, results, result, &decided, err);
    }
    if (rc == OMEGA_OK && !decided) {
        struct omega_transaction full;
        rc = write_out(memory, entry, txn, &full, err);
        rc = rc == OMEGA_OK ? commit_full(memory, entry, &full, results, result, err) : rc;
    }
    return rc;
}
