/* SPDX-License-Identifier: MIT */
/*
 * One attempt, as two functions that every driver calls: sync and place, then commit and settle.
 * Also the two things an attempt is about: the driver's job and the scheduler instance.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/driver/driver.h"

/* ---- the job ---- */

/* What job->placed takes. */
static size_t placed_bytes(const struct run_job *job)
{
    return (size_t)job->job->slots + OMEGA_MARKS_BEHIND;
}

/* Does a job take as much memory as most? */
static bool is_usual(const struct omega_job *job)
{
    return job->group_count == 1 && job->groups[0].task_duration_us == NULL;
}

struct run_job *run_job_create(const struct omega_job *job, uint64_t id,
                               struct run_job_spares *spares)
{
    size_t bytes = sizeof(struct run_job) + omega_job_copy_bytes(job);
    struct run_job *made =
        spares != NULL && is_usual(job) ? spares_take(&spares->jobs, bytes) : malloc(bytes);
    if (made == NULL) {
        return NULL;
    }
    *made = (struct run_job){.placed = NULL};
    made->job = omega_job_copy_to(job, made + 1);
    made->job->id = id;
    made->unplaced = job->tasks;
    made->first_attempt_us = -1;
    made->fully_scheduled_us = -1;
    made->holds = 1;
    return made;
}

/* Has no marks any more: all tasks are alike, or nobody will ask. */
static void forget_placed(struct run_job *job, struct run_job_spares *spares)
{
    spare_sizes_give(spares == NULL ? NULL : &spares->placed, job->placed, placed_bytes(job));
    job->placed = NULL;
}

void run_job_destroy(struct run_job *job, struct run_job_spares *spares)
{
    if (job == NULL) {
        return;
    }
    free(job->eligible);
    forget_placed(job, spares);
    free(job->machine_of);
    free(job->last_claims);
    free(job->last_results);
    if (spares != NULL && is_usual(job->job)) {
        spares_give(&spares->jobs, job);
    } else {
        free(job);
    }
}

int run_job_keep_placed(struct run_job *job, struct run_job_spares *spares)
{
    if (job->placed != NULL) {
        return OMEGA_OK;
    }
    job->placed = spare_sizes_take(spares == NULL ? NULL : &spares->placed, placed_bytes(job));
    if (job->placed == NULL) {
        return OMEGA_ENOMEM;
    }
    memset(job->placed, job->placements > 0, placed_bytes(job));
    return OMEGA_OK;
}

void run_job_vacate(struct run_job *job, uint32_t task)
{
    if (job->machine_of != NULL) {
        job->machine_of[task] = UINT32_MAX;
    }
}

static bool is_different(const struct catalogue *catalogue, const struct omega_task_group *group)
{
    return group->constraints != 0 &&
           catalogue_constraint_set(catalogue, group->constraints)->different_machines;
}

/* True if a group of the job asks for different machines. */
static bool spreads(const struct run_job *job, const struct catalogue *catalogue)
{
    for (uint32_t g = 0; g < job->job->group_count; g++) {
        if (is_different(catalogue, &job->job->groups[g])) {
            return true;
        }
    }
    return false;
}

/* Notes where the accepted tasks of different_machines groups run. */
static int occupy(struct run_job *job, const struct catalogue *catalogue,
                  const struct runner *runner)
{
    if (job->machine_of == NULL) {
        job->machine_of = malloc(job->job->slots * sizeof *job->machine_of);
        if (job->machine_of == NULL) {
            return OMEGA_ENOMEM;
        }
        memset(job->machine_of, 0xff, job->job->slots * sizeof *job->machine_of);
    }
    const struct omega_claim *claims = attempt_claims(runner);
    const struct omega_claim_result *results = attempt_results(runner);
    for (uint32_t i = 0; i < runner->plan.count; i++) {
        const struct omega_claim *claim = &claims[i];
        if (results[i].outcome == OMEGA_ACCEPTED &&
            is_different(catalogue, &job->job->groups[claim->group])) {
            job->machine_of[claim->task] = claim->machine;
        }
    }
    return OMEGA_OK;
}

/* ---- the instance ---- */

static void forward_log(void *context, enum omega_log_level level, const char *message)
{
    const struct runner *runner = context;
    if (runner->run->log != NULL) {
        runner->run->log(runner->run->context, runner->config->name, level, message);
    }
}

static bool forward_count(void *context, const char *name, int64_t delta)
{
    const struct runner *runner = context;
    return metrics_count(runner->metrics, runner->scheduler, name, delta);
}

/* A live view is the store's own arrays: where there are none, a private one shows the same, since
 * it is refreshed at each attempt. */
static enum store_view_mode view_mode(const struct runner *runner, const struct store *store)
{
    return runner->config->sync == RUN_SYNC_ATTEMPT && store->ops->live_views ? STORE_VIEW_LIVE
                                                                              : STORE_VIEW_PRIVATE;
}

/* Makes the instance known to a cell on disk, which keeps its incarnation and last result. */
static int join(struct runner *runner, struct store *store, omega_error_t *err)
{
    runner->incarnation = 1;
    if (runner->run->store.kind != RUN_STORE_LMDB) {
        return OMEGA_OK;
    }
    return lmdb_join(store, runner->id, module_scheduler(runner->config->module)->name,
                     &runner->incarnation, err);
}

/* What the random streams of schedulers begin with. */
static uint64_t scheduler_seed(const struct run_config *config)
{
    struct omega_random random;
    if (config->scheduler_stream == 0) {
        return config->seed;
    }
    omega_random_init(&random, config->seed, "scheduler-stream", config->scheduler_stream);
    return omega_random_u64(&random);
}

int runner_open(struct runner *runner, const struct run_config *config, struct store *store,
                struct metrics *metrics, uint32_t scheduler, uint32_t number, uint16_t id,
                omega_error_t *err)
{
    *runner = (struct runner){
        .config = &config->schedulers[scheduler],
        .scheduler = scheduler,
        .number = number,
        .id = id,
        .must_refresh = true,
        .run = config,
        .metrics = metrics,
    };
    struct instance_config instance = {
        .module = runner->config->module,
        .scheduler = runner->config->name,
        .options = runner->config->options,
        .catalogue = config->cell.catalogue,
        .seed = scheduler_seed(config),
        .stream = id,
        .compat = config->cell.compat,
        .number = number,
        .machine_count = config->cell.machine_count,
        .context = runner,
        .log = forward_log,
        .count = forward_count,
    };
    int rc = instance_create(&instance, &runner->instance, err);
    if (rc == OMEGA_OK) {
        rc = join(runner, store, err);
    }
    if (rc == OMEGA_OK) {
        rc = store_view_open(store, view_mode(runner, store), &runner->view, err);
    }
    return rc;
}

void runner_close(struct runner *runner, struct store *store)
{
    instance_destroy(runner->instance);
    store_view_close(store, runner->view);
    free(runner->told);
    free(runner->tasks);
    free(runner->groups);
    free(runner->minimum);
    free(runner->group_claims);
    *runner = (struct runner){.instance = NULL};
}

int runner_tell(struct runner *runner, uint32_t machine)
{
    if (runner->config->sync != RUN_SYNC_INTERVAL || runner->must_refresh) {
        return OMEGA_OK; /* a refresh will show it anyway */
    }
    if (runner->told_count == runner->run->cell.machine_count) {
        runner->must_refresh = true; /* copying all is quicker than so many */
        return OMEGA_OK;
    }
    if (runner->told_count == runner->told_room) {
        uint32_t room = runner->told_room == 0 ? 256 : runner->told_room * 2;
        uint32_t *told = realloc(runner->told, room * sizeof *told);
        if (told == NULL) {
            return OMEGA_ENOMEM;
        }
        runner->told = told;
        runner->told_room = room;
    }
    runner->told[runner->told_count++] = machine;
    return OMEGA_OK;
}

/* Makes room for a job's groups, and for what will be said of its claims. */
static int reserve(struct runner *runner, const struct omega_job *job)
{
    if (job->group_count > runner->groups_room) {
        uint32_t room = job->group_count * 2;
        struct omega_pending_group *groups = realloc(runner->groups, room * sizeof *groups);
        runner->groups = groups == NULL ? runner->groups : groups;
        uint32_t *minimum = realloc(runner->minimum, room * sizeof *minimum);
        runner->minimum = minimum == NULL ? runner->minimum : minimum;
        uint32_t *claims = realloc(runner->group_claims, room * sizeof *claims);
        runner->group_claims = claims == NULL ? runner->group_claims : claims;
        if (groups == NULL || minimum == NULL || claims == NULL) {
            return OMEGA_ENOMEM;
        }
        runner->groups_room = room;
    }
    return attempt_memory_reserve(runner->memory, job->slots);
}

/* Makes room for the list of what is left of a job. */
static int reserve_tasks(struct runner *runner, uint32_t slots)
{
    if (slots <= runner->tasks_room) {
        return OMEGA_OK;
    }
    uint32_t room = slots * 2;
    free(runner->tasks);
    runner->tasks = malloc(room * sizeof *runner->tasks);
    runner->tasks_room = runner->tasks == NULL ? 0 : room;
    return runner->tasks == NULL ? OMEGA_ENOMEM : OMEGA_OK;
}

/* ---- sync ---- */

static int sync_view(struct runner *runner, struct store *store, int64_t now_us, omega_error_t *err)
{
    if (runner->config->sync == RUN_SYNC_INTERVAL && !runner->must_refresh &&
        now_us - runner->view->shown.synced_us < runner->config->interval_us) {
        return OMEGA_OK;
    }
    int rc = store_view_refresh(store, runner->view, err);
    runner->view->shown.synced_us = now_us;
    runner->must_refresh = false;
    runner->told_count = 0;
    if (runner->synced != NULL) {
        runner->synced(runner->synced_context);
    }
    return rc;
}

/* ---- place ---- */

/* Lists what is left of a job none of whose tasks has been placed: they stand in order. */
static int list_all(struct runner *runner, const struct run_job *job)
{
    const uint32_t *tasks = attempt_memory_in_order(runner->memory, job->job->slots);
    if (tasks == NULL) {
        return OMEGA_ENOMEM;
    }
    for (uint32_t g = 0; g < job->job->group_count; g++) {
        const struct omega_task_group *group = &job->job->groups[g];
        runner->groups[g] = (struct omega_pending_group){
            .required = group->count,
            .optional = group->optional,
            .tasks = &tasks[group->first_task],
        };
    }
    return OMEGA_OK;
}

/* Lists what is left of each group: required tasks first, optional ones behind them. */
static int list_unplaced(struct runner *runner, const struct run_job *job)
{
    if (job->placements == 0) {
        return list_all(runner, job);
    }
    if (reserve_tasks(runner, job->job->slots) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    uint32_t *tasks = runner->tasks;
    for (uint32_t g = 0; g < job->job->group_count; g++) {
        const struct omega_task_group *group = &job->job->groups[g];
        struct omega_pending_group *pending = &runner->groups[g];
        uint32_t required_end = group->first_task + group->count;
        pending->tasks = tasks;
        tasks = omega_tasks_unmarked(job->placed, group->first_task, required_end, tasks);
        pending->required = (uint32_t)(tasks - pending->tasks);
        tasks =
            omega_tasks_unmarked(job->placed, required_end, required_end + group->optional, tasks);
        pending->optional = (uint32_t)(tasks - pending->tasks) - pending->required;
    }
    return OMEGA_OK;
}

/* The granularity that holds for a job: one with optional tasks commits at least its required. */
static enum omega_granularity granularity_of(const struct runner *runner)
{
    return omega_job_is_elastic(runner->job->job) ? OMEGA_COMMIT_AT_LEAST
                                                  : runner->config->granularity;
}

/* Fills in runner->group_claims. Claims in short are all of one group. */
static void count_by_group(struct runner *runner, const struct omega_job *job)
{
    const struct instance_plan *plan = &runner->plan;
    memset(runner->group_claims, 0, job->group_count * sizeof *runner->group_claims);
    if (plan->claims == NULL) {
        assert(plan->count == 0 || job->group_count == 1);
        runner->group_claims[0] = plan->count;
        return;
    }
    for (uint32_t i = 0; i < plan->count; i++) {
        runner->group_claims[plan->claims[i].group]++;
    }
}

/* True if the claims are fewer than the granularity needs, so that committing them is pointless. */
static bool claims_fall_short(struct runner *runner)
{
    const struct omega_job *job = runner->job->job;
    enum omega_granularity granularity = granularity_of(runner);
    if (granularity == OMEGA_COMMIT_GANG) {
        return runner->plan.count < runner->job->unplaced;
    }
    if (granularity != OMEGA_COMMIT_AT_LEAST) {
        return false;
    }
    for (uint32_t g = 0; g < job->group_count; g++) {
        uint32_t unplaced = runner->groups[g].required;
        bool all = omega_job_is_elastic(job) || unplaced < runner->config->at_least;
        runner->minimum[g] = all ? unplaced : runner->config->at_least;
    }
    count_by_group(runner, job);
    bool short_of = false;
    for (uint32_t g = 0; g < job->group_count; g++) {
        short_of = short_of || runner->group_claims[g] < runner->minimum[g];
    }
    return short_of;
}

static void forget_last(struct run_job *job)
{
    free(job->last_claims);
    free(job->last_results);
    job->last_claims = NULL;
    job->last_results = NULL;
    job->last_count = 0;
}

int attempt_plan(struct runner *runner, struct store *store, int64_t now_us, omega_error_t *err)
{
    struct run_job *job = runner->job;
    int rc = sync_view(runner, store, now_us, err);
    if (rc == OMEGA_OK &&
        (reserve(runner, job->job) != OMEGA_OK || list_unplaced(runner, job) != OMEGA_OK)) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "no memory to plan a job of %u tasks",
                             job->job->slots);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct omega_pending pending = {
        .job = job->job,
        .groups = runner->groups,
        .attempt = job->attempts,
        .last_count = job->last_count,
        .last_claims = job->last_claims,
        .last_results = job->last_results,
    };
    struct instance_job given = {
        .pending = &pending,
        .now_us = runner->start_us,
        .eligible = job->eligible,
        .placed = job->placements == 0 ? NULL : job->placed,
        .machine_of = job->machine_of,
    };
    if (runner->memory->claims_of == runner) {
        runner->memory->claims_of = NULL; /* those of its last plan */
    }
    rc = instance_plan(runner->instance, &given, runner->view, &runner->plan, err);
    forget_last(job);
    runner->synced_version = runner->view->shown.version;
    runner->synced_us = runner->view->shown.synced_us;
    runner->falls_short = rc == OMEGA_OK && claims_fall_short(runner);
    return rc;
}

/* How long the attempt that begins will take. */
static int64_t decision_time(const struct runner *runner, const struct run_job *job)
{
    const struct run_decision *decision = &runner->config->decisions[job->job->workload];
    const struct run_recording *recording = runner->run->recording;
    int64_t formula_us = decision->job_us + decision->task_us * (int64_t)job->unplaced;
    return recording == NULL ? formula_us
                             : recording->decision_us(recording->context, runner->id, job->job->id,
                                                      job->attempts, job->unplaced, formula_us);
}

int attempt_begin(struct runner *runner, struct store *store, int64_t now_us, omega_error_t *err)
{
    struct run_job *job = runner->job;
    job->attempts++;
    job->tries++;
    job->first_attempt_us = job->attempts == 1 ? now_us : job->first_attempt_us;
    job->queued_us += now_us - job->queued_since_us;
    job->task_attempts += job->unplaced;
    runner->asked = job->unplaced;
    runner->start_us = now_us;
    runner->decision_us = decision_time(runner, job);
    return runner->config->place == RUN_PLACE_END ? OMEGA_OK
                                                  : attempt_plan(runner, store, now_us, err);
}

void attempt_drop(struct runner *runner)
{
    struct run_job *job = runner->job;
    job->attempts--;
    job->task_attempts -= runner->asked;
    job->first_attempt_us = job->attempts == 0 ? -1 : job->first_attempt_us;
}

/* ---- commit ---- */

const struct omega_claim *attempt_claims(const struct runner *runner)
{
    if (runner->plan.claims != NULL) {
        return runner->plan.claims;
    }
    struct attempt_memory *memory = runner->memory;
    if (memory->claims_of != runner) {
        instance_fill_claims(runner->instance, memory->claims);
        memory->claims_of = runner;
    }
    return memory->claims;
}

void attempt_planned(const struct runner *runner, struct omega_transaction *txn)
{
    enum omega_granularity granularity = granularity_of(runner);
    *txn = (struct omega_transaction){
        .job = runner->job->job->id,
        .attempt = runner->job->attempts,
        .incarnation = runner->incarnation,
        .instance = runner->id,
        .detection = (uint8_t)runner->config->detection,
        .granularity = (uint8_t)granularity,
        .precedence = runner->job->job->precedence,
        .synced = runner->synced_version,
        .group_minimum = granularity == OMEGA_COMMIT_AT_LEAST ? runner->minimum : NULL,
        .group_count = runner->job->job->group_count,
        .claim_count = runner->plan.count,
        .claims = runner->plan.claims,
        .tasks = runner->plan.tasks,
        .machines = runner->plan.machines,
        .seqs = runner->plan.seqs,
        .proven = true, /* the host has looked at its notes */
        .inquiry = runner->memory->inquiry,
        .brief = runner->memory->is_brief ? &runner->memory->brief : NULL,
    };
}

void attempt_transaction(const struct runner *runner, struct omega_transaction *txn)
{
    attempt_planned(runner, txn);
    txn->claims = attempt_claims(runner);
}

const struct omega_claim_result *attempt_results(const struct runner *runner)
{
    assert(runner->memory->results_of == runner);
    return runner->memory->results;
}

void attempt_tell_results(const struct runner *runner, const struct omega_result *result)
{
    const struct omega_brief *brief = &runner->memory->brief;
    struct omega_claim_result *results = runner->memory->results;
    uint32_t other = 0;
    assert(runner->memory->results_of == runner);
    for (uint32_t i = 0; runner->memory->is_brief && i < runner->plan.count; i++) {
        if (other < brief->count && brief->others[other] == i) {
            other++;
        } else {
            results[i] = omega_claim_accepted(result->version, i - other);
        }
    }
}

/* Shows a private view what the answer to a commit tells: the machines it placed on, and those
 * where own placements ended since the last one. */
static int absorb(struct runner *runner, struct store *store, const struct omega_result *result,
                  omega_error_t *err)
{
    if (runner->config->sync != RUN_SYNC_INTERVAL) {
        return OMEGA_OK;
    }
    const struct omega_claim *claims = attempt_claims(runner);
    const struct omega_claim_result *results = attempt_results(runner);
    attempt_tell_results(runner, result);
    for (uint32_t i = 0; result->accepted > 0 && i < runner->plan.count; i++) {
        if (results[i].outcome == OMEGA_ACCEPTED &&
            runner_tell(runner, claims[i].machine) != OMEGA_OK) {
            return omega_error_set(err, OMEGA_ENOMEM, "no memory to keep a view");
        }
    }
    int rc = store_view_absorb(store, runner->view, runner->told, runner->told_count, err);
    runner->told_count = 0;
    /* a refresh that is due already, since too many own placements ended, stays due */
    runner->must_refresh = runner->must_refresh || result->conflicts + result->refused > 0;
    return rc;
}

/* Marks the tasks of all claims. */
static void mark_claimed(const struct instance_plan *plan, uint8_t *placed)
{
    if (plan->claims == NULL) {
        omega_tasks_mark(plan->tasks, plan->count, placed);
        return;
    }
    for (uint32_t i = 0; i < plan->count; i++) {
        placed[plan->claims[i].task] = 1;
    }
}

/* Marks the accepted tasks of the job: all of them, where it has nothing unplaced any more. */
static int mark_placed(const struct runner *runner, const struct omega_transaction *txn,
                       const struct omega_result *result)
{
    struct run_job *job = runner->job;
    if (omega_job_is_elastic(job->job)) {
        return OMEGA_OK; /* commits once: nobody will ask */
    }
    if (result->accepted == job->unplaced) {
        forget_placed(job, runner->spares); /* the next job that needs some finds them at hand */
        return OMEGA_OK;
    }
    if (run_job_keep_placed(job, runner->spares) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    mark_claimed(&runner->plan, job->placed);
    const struct omega_claim_result *results = attempt_results(runner);
    const uint32_t others = result->accepted == txn->claim_count ? 0 : omega_others(txn);
    for (uint32_t k = 0; k < others; k++) {
        uint32_t i = omega_other(txn, k);
        if (results[i].outcome != OMEGA_ACCEPTED) {
            /* as before: only what is not placed is claimed */
            job->placed[omega_transaction_claim(txn, i).task] = 0;
        }
    }
    return OMEGA_OK;
}

/* Enters what was accepted into the job. */
static int take_in(struct runner *runner, const struct omega_transaction *txn,
                   const struct omega_result *result, omega_error_t *err)
{
    struct run_job *job = runner->job;
    const struct catalogue *catalogue = runner->run->cell.catalogue;
    if (result->accepted > 0 && mark_placed(runner, txn, result) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for the tasks of a job");
    }
    if (result->accepted > 0 && spreads(job, catalogue)) {
        attempt_tell_results(runner, result);
        if (occupy(job, catalogue, runner) != OMEGA_OK) {
            return omega_error_set(err, OMEGA_ENOMEM, "no memory for the machines of a job");
        }
    }
    job->placements += result->accepted;
    job->running += result->accepted;
    job->conflicts += result->conflicts;
    if (omega_job_is_elastic(job->job) && result->accepted > 0) {
        job->unplaced = 0;
    } else {
        job->unplaced -= result->accepted;
    }
    return OMEGA_OK;
}

/* Keeps claims and results for the next attempt, if the module looks at them. */
static int keep_last(struct runner *runner, const struct omega_result *result, omega_error_t *err)
{
    struct run_job *job = runner->job;
    uint32_t count = runner->plan.count;
    if (count == 0 || runner->falls_short ||
        module_scheduler(runner->config->module)->ignores_last) {
        return OMEGA_OK;
    }
    job->last_claims = malloc(count * sizeof *job->last_claims);
    job->last_results = malloc(count * sizeof *job->last_results);
    if (job->last_claims == NULL || job->last_results == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for the results of a job");
    }
    attempt_tell_results(runner, result);
    memcpy(job->last_claims, attempt_claims(runner), count * sizeof *job->last_claims);
    memcpy(job->last_results, attempt_results(runner), count * sizeof *job->last_results);
    job->last_count = count;
    return OMEGA_OK;
}

/* ---- settle ---- */

static enum settlement settle(struct runner *runner)
{
    struct run_job *job = runner->job;
    const struct run_retry *retry = &runner->config->retry;
    if (job->unplaced == 0) {
        job->tries = 0; /* a task that is lost later begins anew */
        return SETTLED_DONE;
    }
    if ((retry->attempts_max != 0 && job->tries >= retry->attempts_max) ||
        (retry->attempts_unplaced_max != 0 && job->placements == 0 &&
         job->tries >= retry->attempts_unplaced_max)) {
        return SETTLED_ABANDON;
    }
    double limit = (double)retry->delay_max_us;
    double next = job->tries == 1 ? (double)retry->delay_us : job->retry_delay_us * retry->backoff;
    job->retry_delay_us = next > limit ? limit : next;
    return SETTLED_RETRY;
}

int attempt_end(struct runner *runner, struct store *store, struct omega_result *result,
                int64_t *duration_us, enum settlement *settlement, omega_error_t *err)
{
    struct run_job *job = runner->job;
    *result = (struct omega_result){.version = 0};
    *duration_us = 0;
    runner->memory->results_of = NULL;
    int rc = OMEGA_OK;
    /* tasks that were lost during the decision have returned: a gang must have them too */
    if (granularity_of(runner) == OMEGA_COMMIT_GANG && runner->plan.count < job->unplaced) {
        runner->falls_short = true;
    }
    if (runner->plan.count > 0 && !runner->falls_short) {
        struct omega_transaction txn;
        attempt_planned(runner, &txn);
        txn.claims = store_takes_short(store) ? txn.claims : attempt_claims(runner);
        if (txn.inquiry != NULL) {
            txn.inquiry->answered = false;
        }
        rc = store_commit(store, &txn, runner->memory->results, result, err);
        if (rc == OMEGA_OK) {
            runner->memory->results_of = runner;
            rc = absorb(runner, store, result, err);
        }
        if (rc == OMEGA_OK) {
            rc = take_in(runner, &txn, result, err);
        }
        if (rc == OMEGA_OK && omega_job_is_elastic(job->job) && result->accepted > 0) {
            rc = instance_started(runner->instance, job->job, result->accepted, duration_us, err);
            job->given_us = *duration_us;
        }
    }
    *settlement = settle(runner);
    if (rc == OMEGA_OK && *settlement == SETTLED_RETRY) {
        rc = keep_last(runner, result, err);
    }
    return rc;
}
