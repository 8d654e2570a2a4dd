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

static struct block *new_block(struct memory *memory, const struct job_entry *entry,
                               const struct omega_transaction *txn, uint32_t accepted)
{
    const struct omega_request *request = &entry->groups[0].request;
    bool alike = entry->group_count == 1 && request->gpu_devices == 0;
    struct block *block = block_create(memory, accepted, alike);
    if (block != NULL) {
        block->job = txn->job;
        block->instance = txn->instance;
        block->band = (uint8_t)omega_band_of(txn->precedence);
        block->spreads = entry->spreads;
        block->alike.request = *request;
    }
    return block;
}

/* Installs the claims that hold. */
static inline __attribute__((always_inline)) void
install(struct memory *memory, struct job_entry *entry, struct block *block, bool alike,
        const struct omega_transaction *txn, struct omega_claim_result *results)
{
    const struct asked same = block->alike;
    const uint64_t version = block->version;
    const enum omega_band band = (enum omega_band)block->band;
    const uint32_t count = txn->claim_count;
    const struct omega_claim *claims = txn->claims;
    const uint16_t instance = txn->instance;
    const struct store_view live = memory->live;
    const bool feeds = memory->feeds;
    struct omega_machine *machines = memory->machines;
    struct placed *placed = block->placed;
    struct store_totals used = {.cpu_used_milli = 0};
    uint32_t position = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct omega_claim *claim = &claims[i];
        if (results[i].outcome != OMEGA_ACCEPTED) {
            continue;
        }
        const struct omega_request *request = alike ? &same.request : &claim->request;
        uint32_t devices = alike ? 0 : claim->devices;
        struct omega_machine *machine = &machines[claim->machine];
        rules_install(machine, request, devices, band, instance, version);
        machine->placements++;
        if (devices != 0) {
            store_view_show(&memory->live, claim->machine, machine);
        } else {
            memory_show_placed(&live, claim->machine, machine);
        }
        if (feeds) {
            memory_feed(memory, claim->machine);
        }
        jobs_place(entry, claim);
        totals_use(&used, request, devices, 1);
        results[i].placement = omega_placement_id(version, position);
        results[i].rival = OMEGA_INSTANCE_NONE;
        results[i].rival_version = 0;
        placed[position] = (struct placed){.machine = claim->machine, .task = claim->task};
        if (!alike) {
            block->asked[position] = (struct asked){*request, claim->devices};
        }
        position++;
    }
    totals_add_use(&memory->totals, &used, 1);
}

/* The same, as one change; a block whose placements are alike gets code of its own. */
static __attribute__((flatten)) void apply(struct memory *memory, struct job_entry *entry,
                                           struct block *block, const struct omega_transaction *txn,
                                           struct omega_claim_result *results)
{
    if (block->asked == NULL) {
        install(memory, entry, block, true, txn, results);
    } else {
        install(memory, entry, block, false, txn, results);
    }
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
        memory_changed(memory, txn->claims[i].machine);
    }
}

/* Which machine each claim names, for the rules. */
static void list_machines(struct memory *memory, const struct omega_transaction *txn)
{
    struct omega_machine *machines = memory->machines;
    struct omega_machine **claimed = memory->scratch.claimed;
    const struct omega_claim *claims = txn->claims;
    for (uint32_t i = 0, count = txn->claim_count; i < count; i++) {
        claimed[i] = &machines[claims[i].machine];
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
    list_machines(memory, txn);
    rc = decide(memory, txn, refuses ? memory->scratch.refused : NULL, results, result, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (result->accepted == 0) {
        leave(memory, txn, results, result);
        return OMEGA_OK;
    }
    struct block *block = new_block(memory, entry, txn, result->accepted);
    if (block == NULL) {
        rules_give_back(txn, memory->scratch.claimed, results);
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u placements", result->accepted);
    }
    apply(memory, entry, block, txn, results);
    jobs_placed(entry, &memory->counters, result->accepted);
    memory->counters.version = block->version;
    result->version = block->version;
    return OMEGA_OK;
}
