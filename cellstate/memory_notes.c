/* SPDX-License-Identifier: MIT */
/*
 * The memory store's short way to commit: claims that come as notes (struct omega_transaction), of
 * which nothing but task, machine and sequence has to be looked at. One that does not hold, or is
 * none that its job can make, sends the transaction the long way (memory_commit.c), in full.
 */
#include <stdlib.h>

#include "cellstate/memory_private.h"

/* Machines from which on the arrays are more than a processor's own cache holds. */
#define MACHINES_FAR 40000u

/* Asks for what a commit changes of its machines before it is needed: in a large cell it comes from
 * afar. */
static void prefetch(const struct memory *memory, const struct omega_transaction *txn)
{
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        uint32_t machine = txn->notes[i].machine;
        __builtin_prefetch(&memory->live.seq[machine], 1);
        __builtin_prefetch(&memory->live.free_cpu_milli[machine], 1);
        __builtin_prefetch(&memory->live.free_mem_mib[machine], 1);
        __builtin_prefetch(&memory->placers[machine], 1);
    }
}

/* True if the notes are of tasks of the job that are not placed, none of them twice, each on a
 * machine. */
static bool are_of_job(const struct job_entry *entry, const struct omega_transaction *txn,
                       uint32_t machines)
{
    const struct omega_txn_note *notes = txn->notes;
    const uint32_t count = txn->claim_count;
    uint32_t least = 0; /* tasks rise, so that none comes twice and the last is the highest */
    for (uint32_t i = 0; i < count; i++) {
        if (notes[i].task < least || notes[i].machine >= machines) {
            return false;
        }
        least = notes[i].task + 1;
    }
    if (least > entry->slots || least == 0) {
        return false;
    }
    uint8_t any = SLOT_UNPLACED;
    for (uint32_t i = 0; entry->pending < entry->slots && i < count; i++) {
        any |= entry->state[notes[i].task];
    }
    return any == SLOT_UNPLACED;
}

/* Judges the claims on the live arrays, each after those before it, whose room is taken; the first
 * that does not hold ends it. Returns how many hold. */
static inline __attribute__((always_inline)) uint32_t judge(const struct store_view *live,
                                                            const struct omega_request request,
                                                            const struct omega_transaction *txn,
                                                            enum omega_detection detection)
{
    const struct omega_txn_note *notes = txn->notes;
    const uint64_t *seqs = txn->seqs;
    const uint32_t count = txn->claim_count;
    const uint64_t *seq = live->seq;
    int32_t *free_cpu_milli = live->free_cpu_milli;
    int32_t *free_mem_mib = live->free_mem_mib;
    uint32_t i = 0;
    for (; i < count; i++) {
        uint32_t machine = notes[i].machine;
        if (rules_is_stale(seq[machine], seqs[i], (uint8_t)detection) ||
            !rules_has_room(free_cpu_milli[machine], free_mem_mib[machine], &request)) {
            break;
        }
        free_cpu_milli[machine] -= request.cpu_milli;
        free_mem_mib[machine] -= request.mem_mib;
    }
    return i;
}

/* The same for each kind of detection, in a loop of its own. */
static __attribute__((noinline)) uint32_t judge_fine(const struct store_view *live,
                                                     const struct omega_request *request,
                                                     const struct omega_transaction *txn)
{
    return judge(live, *request, txn, OMEGA_DETECT_FINE);
}

static __attribute__((noinline)) uint32_t judge_coarse(const struct store_view *live,
                                                       const struct omega_request *request,
                                                       const struct omega_transaction *txn)
{
    return judge(live, *request, txn, OMEGA_DETECT_COARSE);
}

/* Gives back the room of the first `count` claims. */
static void give_back(const struct memory *memory, const struct job_entry *entry,
                      const struct omega_transaction *txn, uint32_t count)
{
    const struct omega_request *request = &entry->groups[0].request;
    for (uint32_t i = 0; i < count; i++) {
        memory->live.free_cpu_milli[txn->notes[i].machine] += request->cpu_milli;
        memory->live.free_mem_mib[txn->notes[i].machine] += request->mem_mib;
    }
}

/* Enters all claims, whose room is taken. */
static __attribute__((noinline)) void enter(struct memory *memory, struct block *block,
                                            const struct omega_transaction *txn)
{
    const uint64_t version = block->version;
    const uint16_t instance = txn->instance;
    const struct omega_txn_note *notes = txn->notes;
    const uint32_t count = txn->claim_count;
    struct rules_placers *placers = memory->placers;
    uint64_t *seq = memory->live.seq;
    struct placed *placed = block->placed;
    for (uint32_t i = 0; i < count; i++) {
        const struct omega_txn_note note = notes[i];
        rules_enter_placer(&placers[note.machine], instance, version);
        seq[note.machine]++;
        placed[i] = (struct placed){.task = note.task, .machine = note.machine};
    }
}

int memory_commit_notes(struct memory *memory, struct job_entry *entry,
                        const struct omega_transaction *txn, struct omega_claim_result *results,
                        struct omega_result *result, omega_error_t *err)
{
    if (memory->compat != NULL || !jobs_takes_notes(entry, txn) ||
        !are_of_job(entry, txn, memory->base.machine_count)) {
        return 0;
    }
    if (memory->base.machine_count >= MACHINES_FAR) {
        prefetch(memory, txn);
    }
    uint32_t good = (txn->detection == OMEGA_DETECT_FINE ? judge_fine : judge_coarse)(
        &memory->live, &entry->groups[0].request, txn);
    if (good < txn->claim_count || !rules_decide_whole(txn, result)) {
        give_back(memory, entry, txn, good);
        return 0;
    }
    struct block *block = memory_new_block(memory, entry, txn, txn->claim_count);
    if (block == NULL) {
        give_back(memory, entry, txn, good);
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u placements", txn->claim_count);
    }
    enter(memory, block, txn);
    jobs_place_notes(entry, txn);
    memory_settle(memory, entry, block);
    for (uint32_t i = 0; !txn->brief && i < txn->claim_count; i++) {
        results[i] = omega_claim_accepted(block->version, i);
    }
    result->version = block->version;
    return 1;
}

int memory_expand(struct memory *memory, const struct job_entry *entry,
                  const struct omega_transaction *txn, struct omega_transaction *full,
                  omega_error_t *err)
{
    if (memory->claims_room < txn->claim_count) {
        struct omega_claim *claims =
            reallocarray(memory->claims, txn->claim_count, sizeof *memory->claims);
        if (claims == NULL) {
            return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u claims", txn->claim_count);
        }
        memory->claims = claims;
        memory->claims_room = txn->claim_count;
    }
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        memory->claims[i] = (struct omega_claim){
            .seq = txn->seqs[i],
            .synced = txn->synced,
            .task = txn->notes[i].task,
            .machine = txn->notes[i].machine,
        };
        if (entry != NULL) {
            memory->claims[i].request = entry->groups[0].request;
        }
    }
    *full = *txn;
    full->claims = memory->claims;
    return OMEGA_OK;
}
