/* SPDX-License-Identifier: MIT */
/*
 * The memory store's commits of plain jobs, as nearly all are: of one group, without devices and
 * without different machines. Of their claims nothing but task, machine and sequence has to be
 * looked at, and the arrays tell why one does not hold, if its machine takes something new. Claims
 * that stand or fall with one that does not hold are decided on records, with all others
 * (memory_commit.c).
 */
#include <stdlib.h>
#include <string.h>

#include "cellstate/memory_private.h"

/* True if the tasks are ones of the job, none of them twice, and the machines are there: what has
 * been proven is believed, but in debug builds. */
static bool is_proven(const struct memory *memory, const struct job_entry *entry,
                      const struct omega_transaction *txn)
{
#ifndef OMEGA_DEBUG
    if (txn->proven) {
        return true;
    }
#endif
    const uint32_t count = txn->claim_count;
    return omega_tasks_rise(txn->tasks, count, entry->slots) &&
           omega_machines_exist(txn->machines, count, memory->base.machine_count) == count;
}

/* True if none of the job's tasks is placed. */
static bool are_unplaced(const struct job_entry *entry, const struct omega_transaction *txn)
{
    uint8_t any = SLOT_UNPLACED;
    if (entry->state == NULL) {
        return entry->pending > 0;
    }
    for (uint32_t i = 0; entry->pending < entry->slots && i < txn->claim_count; i++) {
        any |= entry->state[txn->tasks[i]];
    }
    return any == SLOT_UNPLACED;
}

/* Judges the claims from one on, on the live arrays, each after those before it, whose room is
 * taken; the first that does not hold ends it. Returns which one that is. */
static inline __attribute__((always_inline)) uint32_t
judge(const struct store_view *live, struct omega_room asked, const struct omega_transaction *txn,
      uint32_t from, enum omega_detection detection)
{
    const uint32_t *machines = txn->machines;
    const uint64_t *seqs = txn->seqs;
    const size_t count = txn->claim_count;
    struct omega_entry *entries = live->entry;
    size_t i = from;
    for (; i < count; i++) {
        const uint32_t machine = machines[i];
        if (rules_is_stale(omega_seq(entries[machine].stamp), seqs[i], (uint8_t)detection) ||
            !omega_room_take(&entries[machine].room, asked)) {
            break;
        }
    }
    return (uint32_t)i;
}

/* The same for each kind of detection, in a loop of its own. */
static __attribute__((noinline)) uint32_t judge_fine(const struct store_view *live,
                                                     struct omega_room asked,
                                                     const struct omega_transaction *txn,
                                                     uint32_t from)
{
    return judge(live, asked, txn, from, OMEGA_DETECT_FINE);
}

static __attribute__((noinline)) uint32_t judge_coarse(const struct store_view *live,
                                                       struct omega_room asked,
                                                       const struct omega_transaction *txn,
                                                       uint32_t from)
{
    return judge(live, asked, txn, from, OMEGA_DETECT_COARSE);
}

static uint32_t judge_from(const struct store_view *live, const struct omega_request *request,
                           const struct omega_transaction *txn, uint32_t from)
{
    const struct omega_room asked = rules_room_of(request);
    return txn->detection == OMEGA_DETECT_FINE ? judge_fine(live, asked, txn, from)
                                               : judge_coarse(live, asked, txn, from);
}

/* Gives back the room of the first `count` claims. */
static void give_back(const struct store_view *live, const struct omega_request *request,
                      const struct omega_transaction *txn, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        omega_room_give(&live->entry[txn->machines[i]].room, rules_room_of(request));
    }
}

/* A claim in full. */
static struct omega_claim claim_of(const struct omega_transaction *txn,
                                   const struct omega_request *request, uint32_t i)
{
    struct omega_claim claim = omega_transaction_claim(txn, i);
    claim.request = *request;
    return claim;
}

/* What a claim of a plain job is judged by, where it does not hold: on a machine that takes nothing
 * new its record, otherwise the same but for the limits: those show what is free, and nothing is
 * used. */
static void look(struct memory *memory, uint32_t index, struct omega_machine *machine)
{
    if (memory_is_closed(memory, index)) {
        *machine = *memory_look(memory, index);
        return;
    }
    const struct omega_entry *entry = &memory->live.entry[index];
    *machine = (struct omega_machine){
        .index = index,
        .state = OMEGA_MACHINE_UP,
        .cpu_limit_milli = entry->room.cpu_milli,
        .mem_limit_mib = entry->room.mem_mib,
        .seq = omega_seq(entry->stamp),
    };
    memory_put_placers(memory, index, machine);
}

static bool is_asked(const struct omega_transaction *txn)
{
    return txn->inquiry != NULL && txn->inquiry->counterfactuals;
}

/* Appends the claims from one on, up to another, to a block; NULL: to none. */
static void append(struct block *block, const struct omega_transaction *txn, uint32_t from,
                   uint32_t to)
{
    if (block != NULL) {
        const size_t bytes = (to - from) * sizeof(uint32_t);
        memcpy(&block->machines[block->count], &txn->machines[from], bytes);
        memcpy(&block->tasks[block->count], &txn->tasks[from], bytes);
        block->count += to - from;
    }
}

static void accept(struct omega_claim_result *results, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        results[i].outcome = OMEGA_ACCEPTED;
    }
}

/* Does anybody look at the results of claims that hold? */
static bool wants_all(const struct omega_transaction *txn)
{
    return txn->brief == NULL || is_asked(txn);
}

/* Lists a claim that does not hold. */
static void list(const struct omega_transaction *txn, uint32_t i)
{
    if (txn->brief != NULL) {
        txn->brief->others[txn->brief->count++] = i;
    }
}

/* Judges all claims, of which the first `good` hold and have taken their room, and fills in all
 * that is said of them; the room of those that hold is taken, and they are appended to a block. */
static void judge_each(struct memory *memory, const struct omega_request *request,
                       const struct omega_transaction *txn, uint32_t good, struct block *block,
                       struct omega_claim_result *results, struct omega_result *result)
{
    const bool all = wants_all(txn);
    uint32_t from = 0; /* claims up to `to` hold */
    uint32_t to = good;
    *result = (struct omega_result){.version = 0};
    while (to < txn->claim_count) {
        struct omega_claim claim = claim_of(txn, request, to);
        if (all) {
            accept(results, from, to);
        }
        append(block, txn, from, to);
        struct omega_machine machine;
        look(memory, claim.machine, &machine);
        rules_refuse(txn, &machine, &claim, to, &results[to], result);
        list(txn, to);
        from = to + 1;
        to = judge_from(&memory->live, request, txn, from);
    }
    if (all) {
        accept(results, from, to);
    }
    append(block, txn, from, to);
    rules_conclude(txn, result);
}

/* Takes (sign -1) the room of the claims that the results accept, or gives it back (1). */
static void lend(const struct store_view *live, const struct omega_request *request,
                 const struct omega_transaction *txn, const struct omega_claim_result *results,
                 int sign)
{
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        int32_t times = results[i].outcome == OMEGA_ACCEPTED ? sign : 0;
        struct omega_room *room = &live->entry[txn->machines[i]].room;
        room->cpu_milli += times * request->cpu_milli;
        room->mem_mib += times * request->mem_mib;
    }
}

/* Of a transaction all of whose claims hold: true if no machine's sequence has moved since it was
 * seen, so that coarse detection makes the same of them as fine detection. */
static bool are_unmoved(const struct memory *memory, const struct omega_transaction *txn)
{
    bool moved = false;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        moved |= rules_is_stale(omega_seq(memory->live.entry[txn->machines[i]].stamp), txn->seqs[i],
                                OMEGA_DETECT_COARSE);
    }
    return !moved;
}

/* Judges the claims under the detection that is not in use, with the room of those that `results`
 * accept given back meanwhile. */
static int judge_otherwise(struct memory *memory, const struct omega_request *request,
                           const struct omega_transaction *txn,
                           const struct omega_claim_result *results, omega_error_t *err)
{
    const struct store_view *live = &memory->live;
    struct omega_transaction other = *txn;
    struct omega_result total;
    other.inquiry = NULL;
    other.brief = NULL;
    other.detection =
        txn->detection == OMEGA_DETECT_COARSE ? OMEGA_DETECT_FINE : OMEGA_DETECT_COARSE;
    lend(live, request, txn, results, 1);
    judge_each(memory, request, &other, judge_from(live, request, &other, 0), NULL, memory->others,
               &total);
    lend(live, request, &other, memory->others, 1);
    lend(live, request, txn, results, -1);
    return rules_judgement(&other, total.accepted, memory->rules, memory->others,
                           &txn->inquiry->judged[other.detection], err);
}

/* Answers what else would have come of claims that have been judged. Fine detection refuses none
 * where coarse detection has refused none, and the two are one where no machine has moved. */
static int answer(struct memory *memory, const struct omega_request *request,
                  const struct omega_transaction *txn, const struct omega_claim_result *results,
                  uint32_t good, omega_error_t *err)
{
    struct omega_judgement *judged = txn->inquiry->judged;
    int rc = rules_judgement(txn, good, memory->rules, results, &judged[txn->detection], err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (good == txn->claim_count &&
        (txn->detection == OMEGA_DETECT_COARSE || are_unmoved(memory, txn))) {
        judged[txn->detection == OMEGA_DETECT_FINE] = judged[txn->detection];
        return OMEGA_OK;
    }
    return judge_otherwise(memory, request, txn, results, err);
}

/* Decides a transaction, as far as it can be done here; the room of what holds is taken then, and
 * it stands in the block. *decided is false, and nothing has changed, if it cannot. */
static int decide(struct memory *memory, const struct omega_request *request,
                  const struct omega_transaction *txn, struct block *block,
                  struct omega_claim_result *results, struct omega_result *result, bool *decided,
                  omega_error_t *err)
{
    uint32_t good = judge_from(&memory->live, request, txn, 0);
    bool whole = good == txn->claim_count;
    *decided = whole || txn->granularity == OMEGA_COMMIT_TASK;
    if (!*decided) {
        give_back(&memory->live, request, txn, good);
        return OMEGA_OK;
    }
    if (!whole) {
        judge_each(memory, request, txn, good, block, results, result);
    } else {
        append(block, txn, 0, good);
        rules_conclude_whole(txn, result);
    }
    if (!is_asked(txn)) {
        return OMEGA_OK;
    }
    accept(results, 0, whole ? txn->claim_count : 0);
    int rc = answer(memory, request, txn, results, result->accepted, err);
    if (rc != OMEGA_OK) {
        lend(&memory->live, request, txn, results, 1);
    }
    return rc;
}

/* Enters the placements of a block, whose room is taken, each by itself. */
static __attribute__((noinline, cold)) void enter_each(struct memory *memory,
                                                       const struct block *block)
{
    for (uint32_t i = 0; i < block->count; i++) {
        placers_enter(&memory->placers, block->machines[i], block->instance, block->version);
        memory->live.entry[block->machines[i]].stamp++;
    }
}

/* The same of recent placers: the innermost loop of commits. */
static __attribute__((noinline)) void enter(struct memory *memory, const struct block *block)
{
    const uint32_t half = placers_half(&memory->placers, block->instance, block->version);
    const uint32_t *machines = block->machines;
    const uint32_t count = half == 0 ? 0 : block->count;
    struct omega_entry *entries = memory->live.entry;
    for (uint32_t i = 0; i < count; i++) {
        placers_enter_recent(&entries[machines[i]], half);
        entries[machines[i]].stamp++;
    }
    if (half == 0) {
        enter_each(memory, block);
    }
}

/* Fills in the results of accepted claims. */
static void tell_accepted(const struct omega_transaction *txn, uint64_t version, bool whole,
                          struct omega_claim_result *results)
{
    uint32_t position = 0;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        if (whole || results[i].outcome == OMEGA_ACCEPTED) {
            results[i] = omega_claim_accepted(version, position++);
        }
    }
}

/* Gives back the room of the placements of a block. */
static void give_back_block(const struct store_view *live, const struct block *block)
{
    for (uint32_t i = 0; i < block->count; i++) {
        omega_room_give(&live->entry[block->machines[i]].room,
                        rules_room_of(&block->alike.request));
    }
}

/* Makes what was decided, as one change. */
static void apply(struct memory *memory, struct job_entry *entry, struct block *block,
                  const struct omega_transaction *txn, struct omega_claim_result *results,
                  const struct omega_result *result)
{
    bool whole = result->accepted == txn->claim_count;
    block->running = block->count;
    enter(memory, block);
    if (txn->brief == NULL) {
        tell_accepted(txn, block->version, whole, results);
    }
    bool rest = jobs_place_rest(entry, block->count, &memory->spare_jobs);
    const uint32_t placed = rest ? 0 : block->count;
    const uint32_t *tasks = block->tasks;
    uint8_t *state = entry->state;
    for (uint32_t i = 0; i < placed; i++) {
        state[tasks[i]] = SLOT_PLACED;
    }
    memory_settle(memory, entry, block);
}

bool memory_short_is_sound(const struct memory *memory, const struct job_entry *entry,
                           const struct omega_transaction *txn)
{
    return jobs_takes_short(entry, txn) && is_proven(memory, entry, txn) &&
           are_unplaced(entry, txn);
}

/* Makes room for what claims get under the detection that is not in use. */
static int reserve_others(struct memory *memory, const struct omega_transaction *txn)
{
    if (!is_asked(txn) || txn->claim_count <= memory->others_room) {
        return OMEGA_OK;
    }
    free(memory->others);
    memory->others_room = 2 * txn->claim_count;
    memory->others = malloc(memory->others_room * sizeof *memory->others);
    memory->others_room = memory->others == NULL ? 0 : memory->others_room;
    return memory->others == NULL ? OMEGA_ENOMEM : OMEGA_OK;
}

int memory_commit_plain(struct memory *memory, struct job_entry *entry,
                        const struct omega_transaction *txn, struct omega_claim_result *results,
                        struct omega_result *result, bool *decided, omega_error_t *err)
{
    struct block *block = memory_new_block(memory, entry, txn, txn->claim_count, true);
    if (block == NULL || reserve_others(memory, txn) != OMEGA_OK) {
        if (block != NULL) {
            block_forget(memory, block);
        }
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u placements", txn->claim_count);
    }
    block->count = 0;
    if (txn->brief != NULL) {
        txn->brief->count = 0;
    }
    int rc = decide(memory, &entry->groups[0].request, txn, block, results, result, decided, err);
    if (rc != OMEGA_OK || !*decided || result->accepted == 0) {
        result->version = memory->counters.version;
        block_forget(memory, block);
        return rc;
    }
    if (result->accepted < entry->pending &&
        jobs_keep_states(entry, &memory->spare_jobs) != OMEGA_OK) {
        give_back_block(&memory->live, block);
        block_forget(memory, block);
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for the tasks of job %llu",
                               (unsigned long long)entry->id);
    }
    result->version = block->version;
    apply(memory, entry, block, txn, results, result);
    return OMEGA_OK;
}
