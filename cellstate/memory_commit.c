/* SPDX-License-Identifier: MIT */
/*
 * The memory store's commit: check what no scheduler may send, find the reasons that need the jobs
 * table, decide by the rules, then apply. All memory is taken before the first change.
 */
#include <stdlib.h>
#include <string.h>

#include "cellstate/memory_private.h"

static int reserve(struct memory *memory, uint32_t claims)
{
    if (claims <= memory->claim_room) {
        return OMEGA_OK;
    }
    uint32_t room = claims < 256 ? 256 : claims * 2;
    const struct omega_machine **claimed = realloc(memory->claimed, room * sizeof *claimed);
    if (claimed == NULL) {
        return OMEGA_ENOMEM;
    }
    memory->claimed = claimed;
    uint8_t *refused = realloc(memory->refused, room);
    if (refused == NULL) {
        return OMEGA_ENOMEM;
    }
    memory->refused = refused;
    memory->claim_room = room;
    return OMEGA_OK;
}

static int reserve_groups(struct memory *memory, uint32_t groups)
{
    if (groups <= memory->group_room) {
        return OMEGA_OK;
    }
    uint32_t *claims = realloc(memory->group_claims, groups * sizeof *claims);
    if (claims == NULL) {
        return OMEGA_ENOMEM;
    }
    memory->group_claims = claims;
    memory->group_room = groups;
    return OMEGA_OK;
}

/* ---- what no scheduler may send ---- */

static bool claim_is_sound(const struct memory *memory, const struct job_entry *entry,
                           const struct omega_claim *claim)
{
    if (claim->group >= entry->group_count || claim->machine >= memory->base.machine_count) {
        return false;
    }
    const struct omega_task_group *group = &entry->groups[claim->group];
    return claim->task - group->first_task < group->count + group->optional &&
           claim->task >= group->first_task &&
           memcmp(&claim->request, &group->request, sizeof claim->request) == 0 &&
           (claim->devices == 0 ? claim->request.gpu_devices == 0
                                : __builtin_popcount(claim->devices) == claim->request.gpu_devices);
}

static bool is_required(const struct job_entry *entry, const struct omega_claim *claim)
{
    const struct omega_task_group *group = &entry->groups[claim->group];
    return claim->task - group->first_task < group->count;
}

/* Checks every claim by itself and that no task comes twice; counts the unplaced required tasks. */
static int check_claims(const struct memory *memory, struct job_entry *entry,
                        const struct omega_transaction *txn, uint32_t *required, omega_error_t *err)
{
    uint32_t checked = 0;
    int rc = OMEGA_OK;
    *required = 0;
    for (; checked < txn->claim_count; checked++) {
        const struct omega_claim *claim = &txn->claims[checked];
        if (!claim_is_sound(memory, entry, claim) ||
            (entry->state[claim->task] & SLOT_CLAIMED) != 0) {
            rc =
                omega_error_set(err, OMEGA_EINVAL,
                                "claim %u of job %llu (task %u on machine %u) is not one that "
                                "this job can make",
                                checked, (unsigned long long)txn->job, claim->task, claim->machine);
            break;
        }
        memory_prefetch(memory, claim->machine);
        *required += entry->state[claim->task] == SLOT_UNPLACED && is_required(entry, claim);
        entry->state[claim->task] |= SLOT_CLAIMED;
    }
    while (checked > 0) {
        entry->state[txn->claims[--checked].task] &= (uint8_t)~SLOT_CLAIMED;
    }
    return rc;
}

static int check_minimum(struct memory *memory, const struct job_entry *entry,
                         const struct omega_transaction *txn, omega_error_t *err)
{
    if (txn->group_count != entry->group_count) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "'at_least' needs a minimum for each of %u groups",
                               entry->group_count);
    }
    if (reserve_groups(memory, txn->group_count) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u groups", txn->group_count);
    }
    memset(memory->group_claims, 0, txn->group_count * sizeof *memory->group_claims);
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        memory->group_claims[txn->claims[i].group]++;
    }
    for (uint32_t g = 0; g < txn->group_count; g++) {
        if (memory->group_claims[g] < txn->group_minimum[g]) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "group %u has %u claims, 'at_least' asks for %u", g,
                                   memory->group_claims[g], txn->group_minimum[g]);
        }
        if (entry->elastic && txn->group_minimum[g] != entry->groups[g].count) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "group %u of a job with optional tasks has minimum %u, "
                                   "expected %u",
                                   g, txn->group_minimum[g], entry->groups[g].count);
        }
    }
    return OMEGA_OK;
}

static int check(struct memory *memory, struct job_entry *entry,
                 const struct omega_transaction *txn, omega_error_t *err)
{
    if (entry == NULL || entry->abandoned || entry->started) {
        return omega_error_set(err, OMEGA_EINVAL, "job %llu takes no commit: it is %s",
                               (unsigned long long)txn->job,
                               entry == NULL      ? "not in the table"
                               : entry->abandoned ? "abandoned"
                                                  : "started already");
    }
    if (txn->claim_count == 0 || txn->claim_count > OMEGA_CLAIMS_MAX) {
        return omega_error_set(err, OMEGA_EINVAL, "a transaction has %u claims, expected 1 to %u",
                               txn->claim_count, OMEGA_CLAIMS_MAX);
    }
    if (txn->detection > OMEGA_DETECT_COARSE || txn->granularity > OMEGA_COMMIT_GANG ||
        txn->instance == OMEGA_INSTANCE_NONE || txn->precedence != entry->precedence) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "a transaction of instance %u, precedence %d, detection %u and "
                               "granularity %u is none of job %llu",
                               txn->instance, txn->precedence, txn->detection, txn->granularity,
                               (unsigned long long)txn->job);
    }
    uint32_t required = 0;
    int rc = check_claims(memory, entry, txn, &required, err);
    if (rc == OMEGA_OK && txn->granularity == OMEGA_COMMIT_AT_LEAST) {
        rc = check_minimum(memory, entry, txn, err);
    } else if (rc == OMEGA_OK && entry->elastic) {
        rc = omega_error_set(err, OMEGA_EINVAL,
                             "job %llu has optional tasks: expected granularity 'at_least'",
                             (unsigned long long)txn->job);
    }
    if (rc == OMEGA_OK && txn->granularity == OMEGA_COMMIT_GANG && required != entry->pending) {
        rc = omega_error_set(err, OMEGA_EINVAL, "a gang claims %u of %u unplaced tasks", required,
                             entry->pending);
    }
    return rc;
}

/* ---- reasons that need the jobs table ---- */

static bool spreads(const struct memory *memory, const struct job_entry *entry, uint32_t group)
{
    return entry->spreads &&
           catalogue_constraint_set(memory->base.catalogue, entry->groups[group].constraints)
               ->different_machines;
}

/* A stamp that no machine bears. */
static uint32_t new_stamp(struct memory *memory)
{
    if (++memory->last_stamp == 0) {
        memset(memory->stamps, 0, memory->base.machine_count * sizeof *memory->stamps);
        memory->last_stamp = 1;
    }
    return memory->last_stamp;
}

/* Refuses the claims of a different_machines group on machines that one of its tasks has already:
 * the stamp marks where they run, and where earlier claims go. */
static uint8_t refuse_shared(struct memory *memory, const struct job_entry *entry,
                             const struct omega_transaction *txn, uint32_t group)
{
    uint8_t any = OMEGA_ACCEPTED;
    uint32_t stamp = new_stamp(memory);
    const struct omega_task_group *wanted = &entry->groups[group];
    uint32_t end = wanted->first_task + wanted->count + wanted->optional;
    for (uint32_t t = wanted->first_task; t < end; t++) {
        if (entry->machine_of[t] != UINT32_MAX) {
            memory->stamps[entry->machine_of[t]] = stamp;
        }
    }
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        if (claim->group != group) {
            continue;
        }
        if (memory->refused[i] == OMEGA_ACCEPTED && memory->stamps[claim->machine] == stamp) {
            memory->refused[i] = OMEGA_REFUSED_CONSTRAINT;
            any = OMEGA_REFUSED_CONSTRAINT;
        }
        memory->stamps[claim->machine] = stamp;
    }
    return any;
}

/* Fills the machines that are claimed and the reasons found here; returns whether there are any. */
static bool find_reasons(struct memory *memory, const struct job_entry *entry,
                         const struct omega_transaction *txn)
{
    uint8_t any = OMEGA_ACCEPTED;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        bool placed = entry->state[claim->task] != SLOT_UNPLACED;
        memory->claimed[i] = &memory->machines[claim->machine];
        memory->refused[i] = placed ? OMEGA_REFUSED_ALREADY_PLACED : OMEGA_ACCEPTED;
        any |= memory->refused[i];
    }
    for (uint32_t g = 0; entry->spreads && g < entry->group_count; g++) {
        if (spreads(memory, entry, g)) {
            any |= refuse_shared(memory, entry, txn, g);
        }
    }
    return any != OMEGA_ACCEPTED;
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

static void apply_claim(struct memory *memory, struct job_entry *entry, struct block *block,
                        const struct omega_claim *claim)
{
    rules_place(&memory->machines[claim->machine], &claim->request, claim->devices,
                (enum omega_band)block->band, block->instance, block->version);
    memory_changed(memory, claim->machine, claim->devices != 0);
    memory_use(memory, &claim->request, claim->devices, 1);
    entry->state[claim->task] = SLOT_PLACED;
    memory->running[claim->machine]++;
    if (entry->spreads) {
        entry->machine_of[claim->task] = claim->machine;
    }
    block->placed[block->count++] = (struct placed){
        .machine = claim->machine,
        .task = claim->task,
        .request = claim->request,
        .devices = claim->devices,
        .runs = 1,
        .group = claim->group,
    };
}

/* Moves the accepted tasks from pending to running. An elastic job has started: what it has placed
 * beyond its required number is submitted now, and nothing of it stays pending. */
static void count_tasks(struct memory *memory, struct job_entry *entry, uint32_t accepted)
{
    struct store_counters *counters = &memory->counters;
    uint32_t from_pending = accepted < entry->pending ? accepted : entry->pending;
    entry->pending -= from_pending;
    entry->running += accepted;
    entry->started = entry->elastic;
    counters->tasks_pending -= from_pending;
    counters->tasks_running += accepted;
    counters->tasks_submitted += accepted - from_pending;
}

int memory_commit(struct store *store, const struct omega_transaction *txn,
                  struct omega_claim_result *results, struct omega_result *result,
                  omega_error_t *err)
{
    struct memory *memory = memory_of(store);
    struct job_entry *entry = memory_job(memory, txn->job);
    int rc = check(memory, entry, txn, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (reserve(memory, txn->claim_count) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u claims", txn->claim_count);
    }
    bool reasons = find_reasons(memory, entry, txn);
    rc = rules_decide(txn, memory->claimed, reasons ? memory->refused : NULL, memory->scratch,
                      results, result, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (result->accepted == 0) {
        result->version = memory->counters.version;
        return OMEGA_OK;
    }
    struct block *block = new_block(memory, entry, txn, result);
    if (block == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u placements", result->accepted);
    }
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        if (results[i].outcome == OMEGA_ACCEPTED) {
            results[i].placement = omega_placement_id(block->version, block->count);
            results[i].rival = OMEGA_INSTANCE_NONE;
            results[i].rival_version = 0;
            apply_claim(memory, entry, block, &txn->claims[i]);
        }
    }
    count_tasks(memory, entry, result->accepted);
    memory->counters.version = block->version;
    result->version = block->version;
    return OMEGA_OK;
}
