/* SPDX-License-Identifier: MIT */
/* The second model's commit: its own naive rule, claim by claim. */
#include "tests/model/model.h"

#include <stdlib.h>
#include <string.h>

static uint32_t bits(uint32_t mask)
{
    uint32_t count = 0;
    for (uint32_t d = 0; d < OMEGA_GPU_DEVICES_MAX; d++) {
        count += mask >> d & 1;
    }
    return count;
}

static bool same_request(const struct omega_request *a, const struct omega_request *b)
{
    return a->cpu_milli == b->cpu_milli && a->mem_mib == b->mem_mib &&
           a->gpu_milli == b->gpu_milli && a->gpu_devices == b->gpu_devices;
}

static bool sound_claim(const struct model *model, const struct model_job *job,
                        const struct omega_claim *claim)
{
    if (claim->group >= job->group_count || claim->machine >= model->machine_count) {
        return false;
    }
    const struct omega_task_group *group = &job->groups[claim->group];
    return claim->task >= group->first_task &&
           claim->task < group->first_task + group->count + group->optional &&
           same_request(&claim->request, &group->request) &&
           bits(claim->devices) == group->request.gpu_devices;
}

static bool claims_task(const struct omega_transaction *txn, uint32_t task, uint32_t before)
{
    for (uint32_t i = 0; i < before; i++) {
        if (txn->claims[i].task == task) {
            return true;
        }
    }
    return false;
}

static uint32_t claims_of_group(const struct omega_transaction *txn, uint32_t group)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        count += txn->claims[i].group == group;
    }
    return count;
}

static bool sound_granularity(const struct model_job *job, const struct omega_transaction *txn)
{
    if (job->elastic && txn->granularity != OMEGA_COMMIT_AT_LEAST) {
        return false;
    }
    for (uint32_t t = 0; txn->granularity == OMEGA_COMMIT_GANG && t < job->slots; t++) {
        if (job->tasks[t] == MODEL_PENDING && !claims_task(txn, t, txn->claim_count)) {
            return false;
        }
    }
    if (txn->granularity != OMEGA_COMMIT_AT_LEAST) {
        return true;
    }
    for (uint32_t g = 0; g < job->group_count; g++) {
        if (claims_of_group(txn, g) < txn->group_minimum[g] ||
            (job->elastic && txn->group_minimum[g] != job->groups[g].count)) {
            return false;
        }
    }
    return true;
}

/* What no scheduler may send is OMEGA_EINVAL. */
static bool sound(const struct model *model, const struct model_job *job,
                  const struct omega_transaction *txn)
{
    if (job == NULL || job->abandoned || job->started || txn->claim_count == 0 ||
        txn->claim_count > 1u << 20) {
        return false;
    }
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        if (!sound_claim(model, job, &txn->claims[i]) || claims_task(txn, txn->claims[i].task, i)) {
            return false;
        }
    }
    return sound_granularity(job, txn);
}

/* Does claim i break different_machines: by a task of its group that runs on the machine, or that
 * this transaction named for it before? */
static bool breaks_constraint(const struct model *model, const struct model_job *job,
                              const struct omega_transaction *txn, uint32_t i)
{
    const struct omega_claim *claim = &txn->claims[i];
    const struct omega_task_group *group = &job->groups[claim->group];
    if (!catalogue_constraint_set(model->catalogue, group->constraints)->different_machines) {
        return false;
    }
    for (uint32_t e = 0; e < i; e++) {
        if (txn->claims[e].machine == claim->machine && txn->claims[e].group == claim->group) {
            return true;
        }
    }
    for (size_t p = 0; p < model->running_count; p++) {
        const struct store_placement *other = &model->running[p];
        if (other->job == job->id && other->machine == claim->machine &&
            other->task >= group->first_task &&
            other->task < group->first_task + group->count + group->optional) {
            return true;
        }
    }
    return false;
}

/* Does claim i fit beside what runs on its machine and the claims before it that hold? */
static bool fits(const struct model *model, const struct omega_transaction *txn, uint32_t i,
                 const struct omega_claim_result *results)
{
    const struct omega_claim *claim = &txn->claims[i];
    struct model_figures use;
    model_figures(model, claim->machine, &use);
    if (use.above_limit) {
        return false; /* accepts nothing until it is below */
    }
    for (uint32_t e = 0; e <= i; e++) {
        const struct omega_claim *other = &txn->claims[e];
        if (other->machine != claim->machine || (e < i && results[e].outcome != OMEGA_ACCEPTED)) {
            continue;
        }
        use.cpu_used += other->request.cpu_milli;
        use.mem_used += other->request.mem_mib;
        for (uint32_t d = 0; d < OMEGA_GPU_DEVICES_MAX; d++) {
            use.gpu_used[d] += (other->devices >> d & 1) != 0 ? other->request.gpu_milli : 0;
        }
    }
    bool room = use.cpu_used <= use.cpu_limit && use.mem_used <= use.mem_limit;
    for (uint32_t d = 0; d < OMEGA_GPU_DEVICES_MAX; d++) {
        if ((claim->devices >> d & 1) != 0) {
            room = room && d < use.gpu_devices && use.gpu_used[d] <= use.gpu_limit;
        }
    }
    return room;
}

/* The naive rule. Only whether the claims before it hold is read from results[0..i). */
static void judge(const struct model *model, const struct model_job *job,
                  const struct omega_transaction *txn, uint32_t i,
                  struct omega_claim_result *results)
{
    const struct omega_claim *claim = &txn->claims[i];
    const struct model_machine *machine = &model->machines[claim->machine];
    struct omega_claim_result *result = &results[i];
    bool coarse = txn->detection == OMEGA_DETECT_COARSE;
    bool moved = machine->seq != claim->seq;
    bool room = fits(model, txn, i, results);
    *result = (struct omega_claim_result){.rival = OMEGA_INSTANCE_NONE};
    if (machine->state != OMEGA_MACHINE_UP) {
        result->outcome = OMEGA_REFUSED_MACHINE_DOWN;
    } else if (job->tasks[claim->task] != MODEL_PENDING &&
               job->tasks[claim->task] != MODEL_OPTIONAL) {
        result->outcome = OMEGA_REFUSED_ALREADY_PLACED;
    } else if (breaks_constraint(model, job, txn, i)) {
        result->outcome = OMEGA_REFUSED_CONSTRAINT;
    } else if (coarse && moved) {
        result->outcome = OMEGA_CONFLICT_SEQ_CHANGED;
    } else if (!room) {
        result->outcome = OMEGA_CONFLICT_NO_LONGER_FITS;
    } else {
        return;
    }
    bool by_rule = omega_outcome_is_conflict(result->outcome);
    result->other_refuses = !by_rule || !room || (!coarse && moved);
    result->rival_version = model_rival(model, claim->machine, txn->instance, &result->rival);
    if (omega_outcome_is_conflict(result->outcome) && result->rival_version <= claim->synced) {
        result->outcome = OMEGA_REFUSED_MACHINE_CHANGED;
    }
}

static bool holds(const struct omega_claim_result *result)
{
    return result->outcome == OMEGA_ACCEPTED;
}

/* Does claim i fall although nothing is wrong with it? */
static bool falls(const struct omega_transaction *txn, const struct omega_claim_result *results,
                  uint32_t i)
{
    uint32_t group_holds[OMEGA_GROUPS_MAX] = {0};
    bool all = true;
    bool machine = true;
    for (uint32_t e = 0; e < txn->claim_count; e++) {
        all = all && holds(&results[e]);
        machine =
            machine && (txn->claims[e].machine != txn->claims[i].machine || holds(&results[e]));
        group_holds[txn->claims[e].group] += holds(&results[e]);
    }
    switch (txn->granularity) {
    case OMEGA_COMMIT_TASK:
        return false;
    case OMEGA_COMMIT_MACHINE:
        return !machine;
    case OMEGA_COMMIT_AT_LEAST:
        for (uint32_t g = 0; g < txn->group_count; g++) {
            if (group_holds[g] < txn->group_minimum[g]) {
                return true;
            }
        }
        return false;
    default:
        return !all;
    }
}

static void abort_claims(const struct omega_transaction *txn, struct omega_claim_result *results)
{
    bool *fallen = calloc(txn->claim_count, sizeof(*fallen));
    if (fallen == NULL) {
        abort();
    }
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        fallen[i] = holds(&results[i]) && falls(txn, results, i);
    }
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        if (fallen[i]) {
            results[i].outcome = OMEGA_ABORTED;
        }
    }
    free(fallen);
}

static void count(const struct omega_transaction *txn, const struct omega_claim_result *results,
                  struct omega_result *result)
{
    *result = (struct omega_result){0};
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        switch (results[i].outcome) {
        case OMEGA_ACCEPTED:
            result->accepted++;
            break;
        case OMEGA_CONFLICT_NO_LONGER_FITS:
        case OMEGA_CONFLICT_SEQ_CHANGED:
            result->conflicts++;
            break;
        case OMEGA_ABORTED:
            result->aborted++;
            break;
        default:
            result->refused++;
            break;
        }
    }
}

static void apply(struct model *model, struct model_job *job, const struct omega_transaction *txn,
                  struct omega_claim_result *results)
{
    uint64_t position = 0;
    model->version++;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        if (!holds(&results[i])) {
            continue;
        }
        results[i].placement = model->version << 20 | position++;
        job->tasks[claim->task] = MODEL_RUNNING;
        model_place(model, &(struct store_placement){
                               .id = results[i].placement,
                               .job = txn->job,
                               .task = claim->task,
                               .machine = claim->machine,
                               .request = claim->request,
                               .instance = txn->instance,
                               .devices = claim->devices,
                               .band = (uint8_t)omega_band_of(txn->precedence),
                           });
    }
    job->started = job->elastic;
    for (uint32_t t = 0; job->elastic && t < job->slots; t++) {
        if (job->tasks[t] == MODEL_PENDING) {
            job->tasks[t] = MODEL_OPTIONAL; /* an optional one took its place */
        }
    }
}

int model_commit(struct model *model, const struct omega_transaction *txn,
                 struct omega_claim_result *results, struct omega_result *result)
{
    struct model_job *job = model_job(model, txn->job);
    if (!sound(model, job, txn)) {
        return OMEGA_EINVAL;
    }
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        judge(model, job, txn, i, results);
    }
    abort_claims(txn, results);
    count(txn, results, result);
    if (result->accepted > 0) {
        apply(model, job, txn, results);
    }
    result->version = model->version;
    return 0;
}
