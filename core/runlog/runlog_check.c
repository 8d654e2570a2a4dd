/* SPDX-License-Identifier: MIT */
/*
 * Proving a run log: see runlog_check.h. Each kind of record has a function that says what is wrong
 * with it and then does what it says. A violation that leaves no sense in going on stops it.
 */
#include "core/runlog/runlog_check_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int check_no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory to check the run log");
}

int check_violated(struct runlog_check *check, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    check->violations++;
    check->violated(check->context, text);
    return CHECK_STOP;
}

/* ---- setting up ---- */

static int make_instances(struct runlog_check *check)
{
    const struct runlog_opening *opening = check->opening;
    uint32_t id = 0;
    check->instances = calloc(RUNLOG_INSTANCES_MAX, sizeof *check->instances);
    if (check->instances == NULL) {
        return OMEGA_ENOMEM;
    }
    for (uint32_t s = 0; s < opening->scheduler_count; s++) {
        for (uint32_t n = 0; n < opening->schedulers[s].instances; n++) {
            check->instances[id++] = (struct runlog_instance){.scheduler = s, .number = n};
        }
    }
    check->instance_count = id;
    return OMEGA_OK;
}

int runlog_check_create(const struct runlog_opening *opening,
                        void (*violated)(void *context, const char *text), void *context,
                        struct runlog_check **out, omega_error_t *err)
{
    struct runlog_check *check = calloc(1, sizeof *check);
    *out = NULL;
    if (check == NULL) {
        return check_no_memory(err);
    }
    check->opening = opening;
    check->violated = violated;
    check->context = context;
    check->rules = rules_scratch_create();
    check->compat = compat_create(opening->compat, opening->machine_count);
    check->record_of = calloc(opening->machine_count + 1u, sizeof *check->record_of);
    if (check->rules == NULL || check->compat == NULL || check->record_of == NULL ||
        make_instances(check) != OMEGA_OK || naive_init(&check->cell, opening) != OMEGA_OK ||
        naive_scratch_init(&check->scratch, opening->machine_count) != OMEGA_OK) {
        runlog_check_destroy(check);
        return check_no_memory(err);
    }
    *out = check;
    return OMEGA_OK;
}

void runlog_check_counterfactuals(struct runlog_check *check)
{
    check->inquiry.counterfactuals = true;
}

static void free_job(struct runlog_job *job)
{
    if (job != NULL) {
        free(job->job);
        free(job->placed);
        free(job);
    }
}

void runlog_check_destroy(struct runlog_check *check)
{
    if (check == NULL) {
        return;
    }
    if (check->cell.opening != NULL) {
        naive_fini(&check->cell);
    }
    naive_scratch_fini(&check->scratch);
    for (uint64_t i = 0; i < check->job_count; i++) {
        free_job(check->jobs[i]);
    }
    for (size_t i = 0; check->lost_placements.slots != NULL && i <= check->lost_placements.mask;
         i++) {
        free(check->lost_placements.slots[i].value);
    }
    map_clear(&check->lost_placements);
    map_clear(&check->job_of);
    check_torn_fini(check);
    for (uint32_t i = 0; check->instances != NULL && i < RUNLOG_INSTANCES_MAX; i++) {
        free(check->instances[i].answers);
    }
    rules_scratch_destroy(check->rules);
    compat_destroy(check->compat);
    free(check->jobs);
    free(check->instances);
    free(check->record_of);
    free(check->claims);
    free(check->results);
    free(check->outcomes);
    free(check->inquiry.causes);
    free(check->refused);
    free((void *)check->machines);
    free(check->records);
    free(check->released);
    free(check->placements);
    free(check);
}

/* ---- jobs ---- */

struct runlog_job *runlog_check_find_job(const struct runlog_check *check, uint64_t id)
{
    return id == 0 ? NULL : map_get(&check->job_of, id);
}

static int keep_job(struct runlog_check *check, struct runlog_job *job)
{
    if (check->job_count == check->job_room) {
        uint64_t room = check->job_room == 0 ? 1024 : 2 * check->job_room;
        struct runlog_job **grown = reallocarray(check->jobs, room, sizeof *grown);
        if (grown == NULL) {
            return OMEGA_ENOMEM;
        }
        check->jobs = grown;
        check->job_room = room;
    }
    int rc = map_put(&check->job_of, job->job->id, job);
    if (rc == OMEGA_OK) {
        check->jobs[check->job_count++] = job;
    }
    return rc;
}

static int on_submission(struct runlog_check *check, const struct runlog_record *record,
                         omega_error_t *err)
{
    const struct omega_job *said = record->job;
    if (said->id == 0 || runlog_check_find_job(check, said->id) != NULL) {
        return check_violated(check, "job %" PRIu64 " is submitted, expected an id that is new",
                              said->id);
    }
    if (said->workload >= check->opening->workload_count) {
        return check_violated(check, "workload %" PRIu32 ", expected one of %" PRIu32,
                              said->workload, check->opening->workload_count);
    }
    for (uint32_t g = 0; g < said->group_count; g++) {
        if (said->groups[g].constraints >= catalogue_constraints_count(check->opening->catalogue)) {
            return check_violated(check, "constraint set %" PRIu32 ", expected one of the opening",
                                  said->groups[g].constraints);
        }
    }
    struct runlog_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        return check_no_memory(err);
    }
    job->job = omega_job_copy(said);
    job->placed = calloc(said->slots, 1);
    if (job->job == NULL || job->placed == NULL || keep_job(check, job) != OMEGA_OK) {
        free_job(job);
        return check_no_memory(err);
    }
    job->elastic = omega_job_is_elastic(said);
    job->pending = said->tasks;
    job->first_attempt_us = -1;
    job->fully_scheduled_us = -1;
    job->queued_since_us = record->time_us;
    check->counters.tasks_submitted += said->tasks;
    check->counters.tasks_pending += said->tasks;
    check->effect.job = job;
    return OMEGA_OK;
}

void check_let_go(struct runlog_job *job)
{
    if (job->pending == 0 && job->running == 0 && !job->attempted) {
        free(job->placed);
        job->placed = NULL;
    }
}

/* ---- attempts ---- */

static int on_attempt(struct runlog_check *check, const struct runlog_record *record)
{
    const struct runlog_attempt *attempt = &record->attempt;
    struct runlog_instance *instance = &check->instances[attempt->instance];
    struct runlog_job *job = runlog_check_find_job(check, attempt->job);
    if (job == NULL && check->torn) { /* its submission is missing */
        runlog_check_missing(check, 0, NULL);
        return check_loosely(check, record, NULL);
    }
    if (job == NULL || job->pending == 0 || job->given_up || job->attempted || job->delayed) {
        return check_violated(
            check, "an attempt for job %" PRIu64 ", expected one that waits to be planned",
            attempt->job);
    }
    uint32_t scheduler = check->opening->workloads[job->job->workload].scheduler;
    if (instance->busy || instance->scheduler != scheduler) {
        return check_violated(check,
                              "an attempt by instance %u, expected an idle one of scheduler '%s'",
                              attempt->instance, check->opening->schedulers[scheduler].name);
    }
    if (attempt->attempt != job->numbered + 1) {
        check_violated(check, "attempt %" PRIu32 " of job %" PRIu64 ", expected attempt %" PRIu32,
                       attempt->attempt, attempt->job, job->numbered + 1);
    }
    if (attempt->planned == check->opening->schedulers[scheduler].places_at_end) {
        check_violated(check, "an attempt that %s at its begin, expected the other",
                       attempt->planned ? "syncs" : "does not sync");
    }
    if (attempt->planned) {
        check_sync(check, record);
    }
    instance->busy = true;
    instance->start_us = record->time_us;
    instance->attempt = *attempt;
    job->attempts++;
    job->numbered = attempt->attempt;
    job->instance = attempt->instance;
    job->queued_us += record->time_us - job->queued_since_us;
    job->attempted = true;
    job->first_attempt_us = job->attempts == 1 ? record->time_us : job->first_attempt_us;
    check->effect.job = job;
    return OMEGA_OK;
}

void check_sync(struct runlog_check *check, const struct runlog_record *record)
{
    const struct runlog_attempt *attempt = &record->attempt;
    if (attempt->synced > check->cell.version || attempt->synced_us > record->time_us ||
        attempt->synced_us < 0) {
        check_violated(check,
                       "E: a view of version %" PRIu64 " and time %" PRId64
                       " us, expected none of the future",
                       attempt->synced, attempt->synced_us);
    }
}

int check_attempt_end(struct runlog_check *check, const struct runlog_record *record)
{
    const struct runlog_attempt *attempt = &record->attempt;
    struct runlog_instance *instance = &check->instances[attempt->instance];
    const struct runlog_attempt *begun = &instance->attempt;
    struct runlog_job *job = runlog_check_find_job(check, attempt->job);
    if (job == NULL || !instance->busy || begun->job != attempt->job ||
        begun->attempt != attempt->attempt) {
        return check_violated(check,
                              "attempt %" PRIu32 " of job %" PRIu64
                              " by instance %u ends, expected one that it has begun",
                              attempt->attempt, attempt->job, attempt->instance);
    }
    if (!attempt->planned || (begun->planned && (begun->synced != attempt->synced ||
                                                 begun->synced_us != attempt->synced_us))) {
        check_violated(check,
                       "a view of version %" PRIu64 ", expected version %" PRIu64
                       ", which the attempt began with",
                       attempt->synced, begun->synced);
    }
    check_sync(check, record);
    instance->busy = false;
    job->attempted = false;
    check->effect.job = job;
    check->effect.start_us = instance->start_us;
    return OMEGA_OK;
}

static int on_nothing(struct runlog_check *check, const struct runlog_record *record)
{
    int rc = check_attempt_end(check, record);
    if (rc == OMEGA_OK) {
        struct runlog_job *job = check->effect.job;
        job->delayed = job->pending > 0;
        if (record->attempt.claims > job->job->slots) {
            check_violated(check,
                           "%" PRIu32 " claims, expected at most the job's %" PRIu32 " tasks",
                           record->attempt.claims, job->job->slots);
        }
    }
    return rc;
}

static int on_retry(struct runlog_check *check, const struct runlog_record *record)
{
    struct runlog_job *job = runlog_check_find_job(check, record->job_id);
    if (job != NULL && check->opening->live && !job->delayed && !job->attempted &&
        job->pending > 0 && !job->given_up) {
        return OMEGA_OK; /* a loss has queued it, and its instance has seen that now */
    }
    if (job == NULL || !job->delayed || job->given_up) {
        return check_violated(check,
                              "job %" PRIu64
                              " is queued again, expected one with tasks left by its last attempt",
                              record->job_id);
    }
    job->delayed = false;
    job->queued_since_us = record->time_us;
    check->effect.job = job;
    return OMEGA_OK;
}

static int on_abandonment(struct runlog_check *check, const struct runlog_record *record)
{
    struct runlog_job *job = runlog_check_find_job(check, record->job_id);
    if (job == NULL || !job->delayed || job->given_up) {
        return check_violated(
            check, "job %" PRIu64 " is abandoned, expected one with tasks left by its last attempt",
            record->job_id);
    }
    if (record->tasks != job->pending) {
        check_violated(check, "I: %" PRIu32 " tasks are abandoned, expected %" PRIu32,
                       record->tasks, job->pending);
    }
    check->counters.tasks_pending -= job->pending;
    check->counters.tasks_abandoned += job->pending;
    job->abandoned += job->pending;
    job->pending = 0;
    job->given_up = true;
    job->delayed = false;
    check->effect.job = job;
    check_let_go(job);
    return OMEGA_OK;
}

/* An instance begins anew: the attempt that its last process was making is cut, and what waited for
 * a retry is queued. Attempts go on from the number that the cell keeps. */
static int on_restart(struct runlog_check *check, const struct runlog_record *record)
{
    struct runlog_instance *instance = &check->instances[record->instance];
    if (!check->opening->live || record->incarnation <= instance->incarnation) {
        return check_violated(check,
                              "G: instance %u begins anew as incarnation %" PRIu32
                              ", expected one above %" PRIu32 " in a live run",
                              record->instance, record->incarnation, instance->incarnation);
    }
    instance->incarnation = record->incarnation;
    if (instance->busy) {
        check->effect.job = runlog_check_find_job(check, instance->attempt.job);
        check->effect.job->attempted = false;
        check->effect.start_us = instance->start_us;
        instance->busy = false;
    }
    for (uint64_t i = 0; i < check->job_count; i++) {
        struct runlog_job *job = check->jobs[i];
        if (job->instance == record->instance && job->attempts > 0) {
            job->numbered = job->kept;
            job->delayed = false;
            job->queued_since_us = job->pending > 0 ? record->time_us : job->queued_since_us;
        }
    }
    return OMEGA_OK;
}

static int on_counter(struct runlog_check *check, const struct runlog_record *record)
{
    if (record->time_us != check->opening->horizon_us) {
        check_violated(check, "a counter at %" PRId64 " us, expected it at the horizon",
                       record->time_us);
    }
    return OMEGA_OK;
}

static int on_horizon(struct runlog_check *check, const struct runlog_record *record)
{
    if (record->time_us != check->opening->horizon_us) {
        check_violated(check, "the horizon is at %" PRId64 " us, expected %" PRId64,
                       record->time_us, check->opening->horizon_us);
    }
    check->ended = true;
    return OMEGA_OK;
}

/* ---- all records ---- */

/* E: each change has the version behind the last one, all else names the last one; time goes on. */
static int check_order(struct runlog_check *check, const struct runlog_record *record)
{
    uint64_t expected = check->cell.version + record->changes;
    if (check->ended) {
        return check_violated(check, "a record behind the horizon, expected none");
    }
    if (record->version != expected) {
        return check_violated(check,
                              "E: the %s %s version %" PRIu64 ", expected version %" PRIu64
                              ": there is none twice and none is left out",
                              runlog_kind_name(record->kind), record->changes ? "has" : "follows",
                              record->version, expected);
    }
    if (record->time_us < check->now_us || record->time_us > check->opening->horizon_us) {
        return check_violated(check, "time %" PRId64 " us, expected %" PRId64 " to %" PRId64,
                              record->time_us, check->now_us, check->opening->horizon_us);
    }
    check->now_us = record->time_us;
    return OMEGA_OK;
}

/* Do only those records have a version of their own that may? */
static int check_change(struct runlog_check *check, const struct runlog_record *record)
{
    bool may = record->kind == RUNLOG_TRANSACTION || record->kind == RUNLOG_RELEASE;
    bool must = record->kind == RUNLOG_PRELOAD || record->kind == RUNLOG_MACHINE;
    if (must ? !record->changes : record->changes && !may) {
        return check_violated(check, "E: a %s %s a version of its own, expected %s",
                              runlog_kind_name(record->kind), record->changes ? "has" : "lacks",
                              must ? "one" : "none");
    }
    return OMEGA_OK;
}

/* Records that mean the same whatever is missing. */
static bool stands_alone(const struct runlog_record *record)
{
    return record->kind == RUNLOG_SUBMISSION || record->kind == RUNLOG_COUNTER ||
           record->kind == RUNLOG_HORIZON;
}

static int play(struct runlog_check *check, const struct runlog_record *record, omega_error_t *err)
{
    if (check->lost && !stands_alone(record)) {
        return check_loosely(check, record, err);
    }
    switch ((enum runlog_kind)record->kind) {
    case RUNLOG_PRELOAD:
        return check_preload(check, record, err);
    case RUNLOG_SUBMISSION:
        return on_submission(check, record, err);
    case RUNLOG_ATTEMPT:
        return on_attempt(check, record);
    case RUNLOG_NOTHING:
        return on_nothing(check, record);
    case RUNLOG_TRANSACTION:
        return check_transaction(check, record, err);
    case RUNLOG_RELEASE:
        return check_release(check, record, err);
    case RUNLOG_MACHINE:
        return check_machine_event(check, record, err);
    case RUNLOG_ABANDONMENT:
        return on_abandonment(check, record);
    case RUNLOG_RETRY:
        return on_retry(check, record);
    case RUNLOG_COUNTER:
        return on_counter(check, record);
    case RUNLOG_HORIZON:
        return on_horizon(check, record);
    case RUNLOG_RESTART:
        return on_restart(check, record);
    case RUNLOG_KINDS:
        break;
    }
    return check_violated(check, "a record of no known kind");
}

int runlog_check_record(struct runlog_check *check, const struct runlog_record *record,
                        const struct runlog_effect **effect, omega_error_t *err)
{
    check->effect = (struct runlog_effect){0};
    *effect = &check->effect;
    int rc = check_order(check, record);
    rc = rc == OMEGA_OK ? check_change(check, record) : rc;
    rc = rc == OMEGA_OK ? play(check, record, err) : rc;
    return rc == OMEGA_OK ? 1 : rc == CHECK_STOP ? 0 : rc;
}

/* I, and that nothing still runs that was due. */
void runlog_check_end(struct runlog_check *check)
{
    const struct store_counters *c = &check->counters;
    uint64_t placements = 0;
    if (!check->ended && !check->torn) {
        check_violated(check, "the log ends before the horizon");
    }
    if (!check->ended || check->lost) {
        return;
    }
    for (uint32_t i = 0; i < check->opening->machine_count; i++) {
        const struct naive_machine *machine = &check->cell.machines[i];
        for (uint32_t p = 0; p < machine->running_count; p++) {
            const struct naive_placement *placement = &machine->running[p];
            placements += placement->job != 0;
            if (placement->due_us <= check->opening->horizon_us && !check->opening->live) {
                check_violated(check,
                               "I: task %" PRIu32 " of job %" PRIu64
                               " still runs at the horizon, expected its end at %" PRId64 " us",
                               placement->task, placement->job, placement->due_us);
            }
        }
    }
    if (check->lost_placements.count > 0) {
        check_violated(check, "I: %zu placements that were lost came to no end that found nothing",
                       check->lost_placements.count);
    }
    uint64_t sum = c->tasks_pending + c->tasks_running + c->tasks_finished + c->tasks_abandoned +
                   c->tasks_failed;
    if (sum != c->tasks_submitted || placements != c->tasks_running) {
        check_violated(check,
                       "I: %" PRIu64 " tasks submitted and %" PRIu64 " accounted for, %" PRIu64
                       " running and %" PRIu64 " placed",
                       c->tasks_submitted, sum, c->tasks_running, placements);
    }
    struct store_totals anew = naive_totals(&check->cell);
    if (memcmp(&anew, &check->cell.totals, sizeof anew) != 0) {
        check_violated(check, "B: what the cell has used is not the sum of its placements");
    }
}

/* ---- reading ---- */

const struct store_totals *runlog_check_totals(const struct runlog_check *check)
{
    return &check->cell.totals;
}

void runlog_check_counters(const struct runlog_check *check, struct store_counters *counters)
{
    *counters = check->counters;
    counters->version = check->cell.version;
}

void runlog_check_report(const struct runlog_check *check, struct store_report *report)
{
    *report = (struct store_report){.machines = check->opening->machine_count};
    for (uint32_t i = 0; i < check->opening->machine_count; i++) {
        const struct naive_machine *machine = &check->cell.machines[i];
        struct naive_use use = naive_used(machine);
        report->placements += machine->running_count;
        report->above_limit += !naive_within(&check->cell, machine, &use);
    }
}

void runlog_check_machine(const struct runlog_check *check, uint32_t machine,
                          struct omega_machine *out)
{
    naive_record(&check->cell, machine, out);
}

const struct runlog_instance *runlog_check_instance(const struct runlog_check *check,
                                                    uint16_t instance)
{
    return &check->instances[instance];
}

bool runlog_check_is_lost(const struct runlog_check *check)
{
    return check->lost;
}

bool runlog_check_ended(const struct runlog_check *check)
{
    return check->ended;
}

uint64_t runlog_check_version(const struct runlog_check *check)
{
    return check->cell.version;
}

uint32_t runlog_check_instances(const struct runlog_check *check)
{
    return check->instance_count;
}

struct runlog_job *runlog_check_job(const struct runlog_check *check, uint64_t number)
{
    return number == 0 || number > check->job_count ? NULL : check->jobs[number - 1];
}
