/* SPDX-License-Identifier: MIT */
/*
 * The memory store's commit: check what no scheduler may send and what the job refuses, decide by
 * the rules, then apply. All memory is taken before the first change.
 */
#include <stdlib.h>

#include "cellstate/memory_private.h"

/* ---- decide ---- */

/* Judges each claim on the live arrays: only one that does not hold needs its machine's record. */
static void judge_each(const struct memory *memory, const struct omega_transaction *txn,
                       struct omega_claim_result *results)
{
    const struct store_view live = memory->live;
    const uint8_t detection = txn->detection;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        int32_t *free_cpu_milli = &live.free_cpu_milli[claim->machine];
        int32_t *free_mem_mib = &live.free_mem_mib[claim->machine];
        if (rules_is_stale(live.seq[claim->machine], claim->seq, detection) ||
            !rules_has_room(*free_cpu_milli, *free_mem_mib, &claim->request)) {
            rules_refuse(txn, memory_record(memory, claim->machine), claim, &results[i]);
            continue;
        }
        *free_cpu_milli -= claim->request.cpu_milli;
        *free_mem_mib -= claim->request.mem_mib;
        results[i].outcome = OMEGA_ACCEPTED;
        results[i].other_refuses = 0;
    }
}

/* Decides on the live arrays what can be decided there: transactions of plain jobs whose claims
 * stand each for itself. The room of what holds is taken then. False, and nothing has changed, for
 * any other. */
static bool decide_live(const struct memory *memory, const struct omega_transaction *txn,
                        struct omega_claim_result *results, struct omega_result *result)
{
    if (txn->granularity != OMEGA_COMMIT_TASK ||
        (txn->inquiry != NULL && txn->inquiry->counterfactuals)) {
        return false;
    }
    judge_each(memory, txn, results);
    rules_conclude(txn, results, result);
    return true;
}

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
                               const struct omega_transaction *txn, uint32_t accepted)
{
    struct block *block = block_create(memory, accepted, jobs_is_plain(entry));
    if (block != NULL) {
        block->job = txn->job;
        block->instance = txn->instance;
        block->band = (uint8_t)omega_band_of(txn->precedence);
        block->spreads = entry->spreads;
        block->alike.request = entry->groups[0].request;
    }
    return block;
}

/* Enters the claims that the results accept, of a plain job, whose room is taken. */
static void enter(struct memory *memory, struct block *block, const struct omega_transaction *txn,
                  const struct omega_claim_result *results)
{
    struct placed *placed = block->placed;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        if (results[i].outcome == OMEGA_ACCEPTED) {
            rules_enter_placer(&memory->placers[claim->machine], txn->instance, block->version);
            memory->live.seq[claim->machine]++;
            *placed++ = (struct placed){.task = claim->task, .machine = claim->machine};
        }
    }
}

/* The same of any job, on the records that decide() has taken the room of. */
static void install(struct memory *memory, struct block *block, const struct omega_transaction *txn,
                    const struct omega_claim_result *results)
{
    uint32_t position = 0;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        if (results[i].outcome == OMEGA_ACCEPTED) {
            rules_install(&memory->machines[claim->machine], &claim->request, claim->devices,
                          (enum omega_band)block->band, txn->instance, block->version);
            memory_show(memory, claim->machine);
            block->placed[position] =
                (struct placed){.task = claim->task, .machine = claim->machine};
            block->asked[position++] = (struct asked){claim->request, claim->devices};
        }
    }
}

/* Takes (sign 1) the room of claims without devices that the results accept off the live arrays, or
 * gives it back (-1). */
static void take_accepted(const struct store_view live, const struct omega_transaction *txn,
                          const struct omega_claim_result *results, int sign)
{
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        if (results[i].outcome == OMEGA_ACCEPTED) {
            live.free_cpu_milli[claim->machine] -= sign * claim->request.cpu_milli;
            live.free_mem_mib[claim->machine] -= sign * claim->request.mem_mib;
        }
    }
}

/* Gives back what was taken for claims that cannot be entered: without memory. */
static void undo(struct memory *memory, const struct job_entry *entry,
                 const struct omega_transaction *txn, const struct omega_claim_result *results)
{
    if (jobs_is_plain(entry)) {
        take_accepted(memory->live, txn, results, -1);
    } else {
        rules_give_back(txn, memory->scratch.claimed, results);
    }
}

/* Tells who reads the feed of the machines of a new block. */
static void feed(struct memory *memory, const struct block *block)
{
    for (uint32_t i = 0; memory->feeds && i < block->count; i++) {
        memory_feed(memory, block->placed[i].machine);
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

/* Fills in what the rules leave open in the results of claims that hold. */
static void tell(const struct block *block, const struct omega_transaction *txn,
                 struct omega_claim_result *results)
{
    uint32_t position = 0;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        if (results[i].outcome == OMEGA_ACCEPTED) {
            results[i] = omega_claim_accepted(block->version, position++);
        }
    }
}

void memory_settle(struct memory *memory, struct job_entry *entry, const struct block *block)
{
    feed(memory, block);
    use(memory, block);
    jobs_placed(entry, &memory->counters, block->count);
    memory->counters.version = block->version;
}

/* Makes what was decided, as one change. */
static void apply(struct memory *memory, struct job_entry *entry, struct block *block,
                  const struct omega_transaction *txn, struct omega_claim_result *results)
{
    if (block->asked == NULL) {
        enter(memory, block, txn, results);
    } else {
        install(memory, block, txn, results);
    }
    tell(block, txn, results);
    jobs_place_all(entry, txn, results, block->count);
    memory_settle(memory, entry, block);
}

/* Commits a transaction in full. */
static int commit(struct memory *memory, struct job_entry *entry,
                  const struct omega_transaction *txn, struct omega_claim_result *results,
                  struct omega_result *result, omega_error_t *err)
{
    int rc = jobs_check(&memory->scratch, entry, txn, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (entry->spreads) {
        jobs_find_taken(&memory->scratch, entry, txn);
    }
    bool refuses = jobs_refuse(&memory->scratch, entry, txn);
    bool live = !refuses && jobs_is_plain(entry) && memory->compat == NULL &&
                decide_live(memory, txn, results, result);
    if (!live) {
        rc = decide(memory, txn, refuses ? memory->scratch.refused : NULL, results, result, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (result->accepted == 0) {
        leave(memory, txn, results, result);
        return OMEGA_OK;
    }
    if (!live && jobs_is_plain(entry)) {
        take_accepted(memory->live, txn, results, 1);
    }
    struct block *block = memory_new_block(memory, entry, txn, result->accepted);
    if (block == NULL) {
        undo(memory, entry, txn, results);
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u placements", result->accepted);
    }
    apply(memory, entry, block, txn, results);
    result->version = block->version;
    return OMEGA_OK;
}

int memory_commit(struct store *store, const struct omega_transaction *txn,
                  struct omega_claim_result *results, struct omega_result *result,
                  omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    struct job_entry *entry = memory_job(memory, txn->job);
    if (txn->claims != NULL) {
        return commit(memory, entry, txn, results, result, err);
    }
    struct omega_transaction full;
    int rc = memory_commit_notes(memory, entry, txn, results, result, err);
    if (rc == 0) {
        rc = memory_expand(memory, entry, txn, &full, err);
        return rc == OMEGA_OK ? commit(memory, entry, &full, results, result, err) : rc;
    }
    return rc > 0 ? OMEGA_OK : rc;
}
