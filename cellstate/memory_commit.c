/* SPDX-License-Identifier: MIT */
/*
 * The memory store's commit: check what no scheduler may send and what the job refuses, decide by
 * the rules, then apply. All memory is taken before the first change.
 */
#include <stdlib.h>

#include "cellstate/memory_private.h"

/* Asks the cache for the machines that are claimed, before anything is checked. */
static void prefetch(const struct memory *memory, const struct job_entry *entry,
                     const struct omega_transaction *txn)
{
    uint32_t claims = entry == NULL || txn->claim_count > entry->slots ? 0 : txn->claim_count;
    for (uint32_t i = 0; i < claims; i++) {
        if (txn->claims[i].machine < memory->base.machine_count) {
            memory_prefetch(memory, txn->claims[i].machine);
        }
    }
}

/* ---- apply ---- */

static struct block *new_block(struct memory *memory, struct job_entry *entry,
                               const struct omega_transaction *txn,
                               const struct omega_result *result)
{
    struct block *block = malloc(sizeof *block + result->accepted * sizeof block->placed[0]);
    if (block == NULL) {
        return NULL;
    }
    block->version = memory->counters.version + 1;
    block->job = txn->job;
    block->count = 0;
    block->running = result->accepted;
    block->instance = txn->instance;
    block->band = (uint8_t)omega_band_of(txn->precedence);
    block->spreads = entry->spreads;
    if (map_put(&memory->blocks, block->version, block) != OMEGA_OK) {
        free(block);
        return NULL;
    }
    return block;
}

static inline void apply_claim(struct memory *memory, struct job_entry *entry, struct block *block,
                               const struct omega_claim *claim)
{
    rules_place(&memory->machines[claim->machine], &claim->request, claim->devices,
                (enum omega_band)block->band, block->instance, block->version);
    memory_changed(memory, claim->machine, claim->devices != 0);
    jobs_place(entry, claim);
    memory->running[claim->machine]++;
    block->placed[block->count++] = (struct placed){
        .machine = claim->machine,
        .task = claim->task,
        .request = claim->request,
        .devices = claim->devices,
        .runs = 1,
        .group = claim->group,
    };
}

/* Installs the claims that hold, as one change. */
static __attribute__((flatten)) void apply(struct memory *memory, struct job_entry *entry,
                                           struct block *block, const struct omega_transaction *txn,
                                           struct omega_claim_result *results)
{
    struct store_totals used = {.cpu_used_milli = 0};
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        if (results[i].outcome == OMEGA_ACCEPTED) {
            results[i].placement = omega_placement_id(block->version, block->count);
            results[i].rival = OMEGA_INSTANCE_NONE;
            results[i].rival_version = 0;
            apply_claim(memory, entry, block, &txn->claims[i]);
            totals_use(&used, &txn->claims[i].request, txn->claims[i].devices, 1);
        }
    }
    totals_add_use(&memory->totals, &used, 1);
}

/* Decides by the rules of the cell. */
static int decide(struct memory *memory, const struct omega_transaction *txn,
                  const uint8_t *refused, struct omega_claim_result *results,
                  struct omega_result *result, omega_error_t *err)
{
    if (memory->compat != NULL) {
        return compat_decide(memory->compat, txn, memory->scratch.claimed, refused, memory->rules,
                             results, result, err);
    }
    return rules_decide(txn, memory->scratch.claimed, refused, memory->rules, results, result, err);
}

/* What a transaction that installed nothing leaves behind: no trace, but by compatibility. */
static void leave(struct memory *memory, const struct omega_transaction *txn,
                  const struct omega_claim_result *results, struct omega_result *result)
{
    result->version = memory->counters.version;
    uint32_t leaks =
        memory->compat == NULL ? 0 : compat_leaks(memory->compat, txn, results, result);
    for (uint32_t i = 0; i < leaks; i++) {
        memory->machines[txn->claims[i].machine].seq++;
        memory_changed(memory, txn->claims[i].machine, false);
    }
}

int memory_commit(struct store *store, const struct omega_transaction *txn,
                  struct omega_claim_result *results, struct omega_result *result,
                  omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    struct job_entry *entry = memory_job(memory, txn->job);
    prefetch(memory, entry, txn);
    int rc = jobs_check(&memory->scratch, entry, txn, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (entry->spreads) {
        jobs_find_taken(&memory->scratch, entry, txn);
    }
    bool refuses = jobs_refuse(&memory->scratch, entry, txn);
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        memory->scratch.claimed[i] = &memory->machines[txn->claims[i].machine];
    }
    rc = decide(memory, txn, refuses ? memory->scratch.refused : NULL, results, result, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (result->accepted == 0) {
        leave(memory, txn, results, result);
        return OMEGA_OK;
    }
    struct block *block = new_block(memory, entry, txn, result);
    if (block == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u placements", result->accepted);
    }
    apply(memory, entry, block, txn, results);
    jobs_placed(entry, &memory->counters, result->accepted);
    memory->counters.version = block->version;
    result->version = block->version;
    return OMEGA_OK;
}
