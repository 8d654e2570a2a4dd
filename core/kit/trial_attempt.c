/* SPDX-License-Identifier: MIT */
/* One attempt of a trial: what is shown, the call of the module, the commit. */
#include <inttypes.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/kit/trial_private.h"

#define MODULE 1u            /* the instance that the module commits as */
#define STACK_PAINTED 32768u /* bytes below a call that hold the plan's pattern */

/* What one call of place() is given. */
struct call {
    struct omega_pending pending;
    struct omega_pending_group groups[TRIAL_GROUPS];
    const uint64_t *eligible[TRIAL_GROUPS];
    struct instance_job given;
    struct store_view *view;
    struct omega_view shown; /* what view->shown was before */
};

/* ---- what is left ---- */

static void list_pending(struct trial *trial, struct call *call)
{
    const struct trial_job *job = &trial->job;
    uint32_t *next = trial->tasks;
    bool all = false;
    for (uint32_t g = 0; g < job->job.group_count; g++) {
        const struct omega_task_group *group = &job->groups[g];
        struct omega_pending_group *left = &call->groups[g];
        *left = (struct omega_pending_group){.tasks = next};
        for (uint32_t i = 0; i < group->count + group->optional; i++) {
            if (trial->placed[group->first_task + i] == 0) {
                *next++ = group->first_task + i;
                left->required += i < group->count;
                left->optional += i >= group->count;
            }
        }
        call->eligible[g] = job->eligible[g];
        all = all || job->eligible[g] != NULL;
    }
    call->pending = (struct omega_pending){
        .job = &job->job,
        .groups = call->groups,
        .attempt = job->attempt,
        .last_count = job->last_count,
        .last_claims = job->last_count == 0 ? NULL : trial->last_claims,
        .last_results = job->last_count == 0 ? NULL : trial->last_results,
    };
    call->given = (struct instance_job){
        .pending = &call->pending,
        .now_us = trial->now_us,
        .eligible = all ? call->eligible : NULL,
        .placed = trial->placed,
        .machine_of = trial->machine_of,
    };
    call->view = trial->view;
}

/* ---- lending ---- */

/* Lends the job and what is left of it. */
static bool lend_pending(struct trial *trial, struct call *call)
{
    struct lender *lender = trial->lender;
    struct omega_job job = trial->job.job;
    struct omega_pending *pending = &call->pending;
    uint32_t groups = job.group_count;
    job.groups = lender_put(lender, job.groups, groups * sizeof *job.groups, "job->groups");
    pending->job = lender_put(lender, &job, sizeof job, "pending->job");
    const uint32_t *tasks =
        lender_put(lender, trial->tasks, job.slots * sizeof *tasks, "pending->groups[].tasks");
    for (uint32_t g = 0; tasks != NULL && g < groups; g++) {
        call->groups[g].tasks = tasks + (call->groups[g].tasks - trial->tasks);
    }
    pending->groups =
        lender_put(lender, call->groups, groups * sizeof *call->groups, "pending->groups");
    if (pending->last_count > 0) {
        pending->last_claims =
            lender_put(lender, trial->last_claims, pending->last_count * sizeof *trial->last_claims,
                       "pending->last_claims");
        pending->last_results =
            lender_put(lender, trial->last_results,
                       pending->last_count * sizeof *trial->last_results, "pending->last_results");
    }
    call->given.pending = lender_put(lender, pending, sizeof *pending, "pending");
    return job.groups != NULL && pending->job != NULL && tasks != NULL && pending->groups != NULL &&
           (pending->last_count == 0 ||
            (pending->last_claims != NULL && pending->last_results != NULL)) &&
           call->given.pending != NULL;
}

static bool lend_eligible(struct trial *trial, struct call *call)
{
    size_t bytes = (trial->plan.machines / 64u + 1) * sizeof(uint64_t);
    uint32_t groups = trial->job.job.group_count;
    bool good = true;
    if (call->given.eligible == NULL) {
        return true;
    }
    for (uint32_t g = 0; g < groups; g++) {
        if (call->eligible[g] != NULL) {
            call->eligible[g] =
                lender_put(trial->lender, call->eligible[g], bytes, "view->eligible[]");
            good = good && call->eligible[g] != NULL;
        }
    }
    call->given.eligible = lender_put(trial->lender, call->eligible,
                                      groups * sizeof *call->eligible, "view->eligible");
    return good && call->given.eligible != NULL;
}

/* Lends a copy of one array of the view: for the module to read and for the host to write. */
static bool lend_array(struct lender *lender, const char *name, const void *from, size_t bytes,
                       const void *shown, void *own)
{
    const void *lent = lender_put(lender, from, bytes, name);
    if (lent != NULL) {
        void *writable = lender_writable(lender, lent);
        memcpy((void *)(uintptr_t)shown, &lent, sizeof lent);
        memcpy(own, &writable, sizeof writable);
    }
    return lent != NULL;
}

#define LEND(field)                                                                                \
    lend_array(lender, "view->" #field, live->field, n * sizeof *live->field, &view->shown.field,  \
               &view->field)
#define LEND_STATIC(field)                                                                         \
    ((view->shown.field = lender_put(lender, live->shown.field, n * sizeof *live->shown.field,     \
                                     "view->" #field)) != NULL)

/* Lends a copy of the view; the struct itself lies where the host must write to it. */
static bool lend_view(struct trial *trial, struct call *call)
{
    struct lender *lender = trial->lender;
    const struct store_view *live = trial->view;
    size_t n = live->shown.machine_count;
    const void *lent = lender_put(lender, live, sizeof *live, "the view");
    if (lent == NULL) {
        return false;
    }
    struct store_view *view = lender_writable(lender, lent);
    view->absorbed = NULL;
    bool good = LEND(entry) && LEND_STATIC(platform) && LEND_STATIC(domain);
    if (live->free_gpu_milli != NULL) {
        good = good && LEND(gpu_whole) && LEND(gpu_largest);
        n *= OMEGA_GPU_DEVICES_MAX;
        good = good && LEND(free_gpu_milli);
    }
    call->view = view;
    return good;
}

static int lend_call(struct trial *trial, struct call *call)
{
    omega_error_t err = {0};
    if (trial->lender == NULL) {
        return 0;
    }
    if (lender_begin(trial->lender, &err) != OMEGA_OK) {
        return finding_unable(trial->finding, "%s", err.text);
    }
    if (!lend_pending(trial, call) || !lend_eligible(trial, call) || !lend_view(trial, call)) {
        return finding_unable(trial->finding, "a job of %u tasks is too large to lend",
                              trial->job.job.slots);
    }
    return 0;
}

/* ---- the call ---- */

/* Leaves a pattern where the module's variables will lie: what it does not set, it reads. */
static __attribute__((noinline)) void paint_stack(uint8_t pattern)
{
    uint8_t painted[STACK_PAINTED];
    memset(painted, pattern, sizeof painted);
    __asm__ volatile("" : : "r"(painted) : "memory"); /* it is read, as far as the compiler knows */
}

static void mark(struct trial *trial)
{
    struct finding *finding = trial->finding;
    uint32_t job = trial->planned; /* from 1 on, in each trial that tells the same finding */
    if (job > FINDING_JOBS || trial->plan.number != 0) {
        return;
    }
    bool later = finding->marks == job; /* attempt of the same job */
    uint64_t hash = later ? finding->mark[job - 1] : job == 1 ? 0 : finding->mark[job - 2];
    for (uint32_t i = 0; i < trial->claim_count; i++) {
        const struct omega_claim *claim = &trial->claims[i];
        uint32_t all[4] = {claim->task, claim->machine, claim->devices, trial->job.attempt};
        hash = XXH3_64bits_withSeed(all, sizeof all, hash);
    }
    finding->mark[job - 1] = hash;
    finding->marks = job;
}

/* The host must stay as it was given to init(). */
static int look_at_host(const struct trial *trial)
{
    return memcmp(&trial->host, instance_host(trial->instance), sizeof trial->host) == 0
               ? 0
               : finding_wrong(trial->finding, "job %" PRIu64 ": wrote to the struct of the host",
                               trial->job.job.id);
}

static int call_place(struct trial *trial, struct call *call)
{
    omega_error_t err = {0};
    if (lend_call(trial, call) != 0) {
        return -1;
    }
    call->shown = call->view->shown;
    call->shown.eligible = NULL;
    call->shown.group_count = trial->job.job.group_count;
    trial->finding->calls++;
    paint_stack(trial->plan.pattern);
    int rc = instance_place(trial->instance, &call->given, call->view, &trial->claims,
                            &trial->claim_count, &err);
    bool same = memcmp(&call->shown, &call->view->shown, sizeof call->shown) == 0;
    if (trial->lender != NULL) {
        lender_end(trial->lender);
    }
    if (rc != OMEGA_OK) {
        const char *text = strstr(err.text, "), job ");
        return finding_wrong(trial->finding, "%s, attempt %u", text == NULL ? err.text : text + 3,
                             trial->job.attempt);
    }
    if (!same) {
        return finding_wrong(trial->finding, "job %" PRIu64 ": wrote to the struct of the view",
                             trial->job.job.id);
    }
    mark(trial);
    return look_at_host(trial);
}

/* ---- the commit ---- */

/* True if there are too few claims for a job that commits once. */
static bool falls_short(const struct trial *trial, const struct call *call,
                        uint32_t minimum[TRIAL_GROUPS])
{
    uint32_t made[TRIAL_GROUPS] = {0};
    for (uint32_t i = 0; i < trial->claim_count; i++) {
        made[trial->claims[i].group]++;
    }
    for (uint32_t g = 0; g < trial->job.job.group_count; g++) {
        minimum[g] = call->groups[g].required;
        if (made[g] < minimum[g]) {
            return true;
        }
    }
    return false;
}

/* Enters what was accepted. */
static int take_in(struct trial *trial, const struct omega_result *result, bool elastic)
{
    struct trial_job *job = &trial->job;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < trial->claim_count; i++) {
        const struct omega_claim *claim = &trial->claims[i];
        if (trial->results[i].outcome == OMEGA_ACCEPTED) {
            trial->placed[claim->task] = 1;
            if (trial_job_spreads(trial, claim->group)) {
                trial->machine_of[claim->task] = claim->machine;
            }
            rc = trial_cell_placed(trial, trial->results[i].placement);
        }
    }
    trial->finding->placed += result->accepted;
    job->unplaced = elastic && result->accepted > 0 ? 0 : job->unplaced - result->accepted;
    if (module_scheduler(trial->module)->ignores_last) {
        return rc;
    }
    job->last_count = trial->claim_count;
    memcpy(trial->last_claims, trial->claims, trial->claim_count * sizeof *trial->last_claims);
    memcpy(trial->last_results, trial->results, trial->claim_count * sizeof *trial->last_results);
    return rc;
}

static int call_started(struct trial *trial, uint32_t accepted)
{
    omega_error_t err = {0};
    int64_t duration_us;
    trial->finding->calls++;
    paint_stack(trial->plan.pattern);
    if (instance_started(trial->instance, &trial->job.job, accepted, &duration_us, &err) !=
        OMEGA_OK) {
        const char *text = strstr(err.text, "), job ");
        return finding_wrong(trial->finding, "%s", text == NULL ? err.text : text + 3);
    }
    return look_at_host(trial);
}

/* Copies the claims that are committed, every other one or so, to the front of `sent`. */
static uint32_t hold_back(struct trial *trial)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < trial->claim_count; i++) {
        if (omega_random_below(&trial->random, 2) == 0) {
            trial->sent[count++] = trial->claims[i];
        }
    }
    return count;
}

/* Brings the store's answers, at the front of the results, behind those held back. */
static void spread_results(struct trial *trial, uint32_t sent)
{
    for (uint32_t i = trial->claim_count; i-- > 0;) {
        bool answered = sent > 0 && trial->sent[sent - 1].task == trial->claims[i].task;
        trial->results[i] = answered ? trial->results[--sent]
                                     : (struct omega_claim_result){
                                           .outcome = OMEGA_REFUSED_OVER_LIMIT,
                                           .rival = OMEGA_INSTANCE_NONE,
                                       };
    }
}

static int commit(struct trial *trial, const struct call *call, uint64_t synced)
{
    uint32_t minimum[TRIAL_GROUPS] = {0};
    bool elastic = omega_job_is_elastic(&trial->job.job);
    omega_error_t err = {0};
    struct omega_result result = {0};
    struct omega_transaction txn = {
        .job = trial->job.job.id,
        .attempt = trial->job.attempt,
        .incarnation = 1,
        .instance = MODULE,
        .granularity = elastic ? OMEGA_COMMIT_AT_LEAST : OMEGA_COMMIT_TASK,
        .precedence = trial->job.job.precedence,
        .synced = synced,
        .group_minimum = elastic ? minimum : NULL,
        .group_count = trial->job.job.group_count,
        .claim_count = trial->plan.picks ? hold_back(trial) : trial->claim_count,
        .claims = trial->plan.picks ? trial->sent : trial->claims,
    };
    trial->job.last_count = 0;
    if (trial->claim_count == 0 || (elastic && falls_short(trial, call, minimum))) {
        return 0;
    }
    if (txn.claim_count > 0 &&
        store_commit(trial->store, &txn, trial->results, &result, &err) != OMEGA_OK) {
        return finding_unable(trial->finding, "%s", err.text);
    }
    if (trial->plan.picks) {
        spread_results(trial, txn.claim_count);
    }
    int rc = take_in(trial, &result, elastic);
    return rc == 0 && elastic && result.accepted > 0 ? call_started(trial, result.accepted) : rc;
}

int trial_attempt(struct trial *trial)
{
    struct call call = {0};
    omega_error_t err = {0};
    trial->job.attempt++;
    trial->now_us++;
    if (store_view_refresh(trial->store, trial->view, &err) != OMEGA_OK) {
        return finding_unable(trial->finding, "%s", err.text);
    }
    trial->view->shown.synced_us = trial->now_us;
    list_pending(trial, &call);
    if (call_place(trial, &call) != 0) {
        return -1;
    }
    uint64_t synced = trial->view->shown.version;
    if (trial->plan.rivals && trial->claim_count > 0 &&
        omega_random_below(&trial->random, 2) == 0) {
        uint32_t claim = omega_random_below(&trial->random, trial->claim_count);
        if (trial_cell_rival(trial, trial->claims[claim].machine) != 0) {
            return -1;
        }
    }
    return commit(trial, &call, synced);
}
