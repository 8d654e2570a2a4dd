/* SPDX-License-Identifier: MIT */
/* What the drivers tell the run log (core/runlog/runlog.h), where there is one. */
#include <string.h>

#include "core/driver/simulate_private.h"

void run_log_opening(const struct run_config *config, struct runlog_scheduler *schedulers,
                     struct runlog_workload *workloads, struct runlog_opening *opening)
{
    for (uint32_t i = 0; i < config->scheduler_count; i++) {
        const struct run_scheduler *scheduler = &config->schedulers[i];
        schedulers[i] = (struct runlog_scheduler){
            .name = scheduler->name,
            .instances = scheduler->instances,
            .detection = (uint8_t)scheduler->detection,
            .granularity = (uint8_t)scheduler->granularity,
            .places_at_end = scheduler->place == RUN_PLACE_END,
            .at_least = scheduler->at_least,
        };
    }
    for (uint32_t i = 0; i < config->workload_count; i++) {
        workloads[i] = (struct runlog_workload){
            .name = config->workloads[i].name,
            .scheduler = config->workloads[i].scheduler,
        };
    }
    *opening = (struct runlog_opening){
        .seed = config->seed,
        .segments = 1,
        .warmup_us = config->warmup_us,
        .horizon_us = config->horizon_us,
        .overcommit = config->cell.overcommit,
        .release_raises_seq = config->cell.release_raises_seq,
        .drops_cut_attempts = config->cut == RUN_CUT_DROPPED,
        .lost = (uint8_t)config->lost,
        .compat = config->cell.compat,
        .schedulers = schedulers,
        .scheduler_count = config->scheduler_count,
        .workloads = workloads,
        .workload_count = config->workload_count,
        .catalogue = config->cell.catalogue,
        .machines = config->cell.machines,
        .machine_count = config->cell.machine_count,
    };
}

void run_log_preload(const struct run_config *config, uint64_t version,
                     const struct store_placement *placements, const int64_t *ends_us,
                     uint32_t count)
{
    if (config->runlog != NULL) {
        struct runlog_record record = {
            .kind = RUNLOG_PRELOAD,
            .changes = true,
            .version = version,
            .placements = placements,
            .placement_count = count,
            .ends_us = ends_us,
        };
        runlog_put(config->runlog, &record);
    }
}

/* ---- records of a place in the order of a run ---- */

static struct runlog_record record_at(const struct log_place *place, enum runlog_kind kind)
{
    return (struct runlog_record){
        .kind = (uint8_t)kind,
        .version = place->version,
        .time_us = place->time_us,
    };
}

/* A process of a standing cell has no log. */
static void put(const struct log_place *place, const struct runlog_record *record)
{
    if (place->log != NULL) {
        runlog_put(place->log, record);
    }
}

void run_log_submission(const struct log_place *place, const struct omega_job *job)
{
    struct runlog_record record = record_at(place, RUNLOG_SUBMISSION);
    record.job = job;
    put(place, &record);
}

struct runlog_attempt run_log_attempt_of(const struct runner *runner, bool planned)
{
    return (struct runlog_attempt){
        .job = runner->job->job->id,
        .attempt = runner->job->attempts,
        .instance = runner->id,
        .planned = planned,
        .claims = runner->plan.count,
        .synced = runner->synced_version,
        .synced_us = runner->synced_us,
    };
}

void run_log_attempt(const struct log_place *place, const struct runner *runner)
{
    struct runlog_record record = record_at(place, RUNLOG_ATTEMPT);
    record.attempt = run_log_attempt_of(runner, runner->config->place != RUN_PLACE_END);
    put(place, &record);
}

void run_log_commit(const struct log_place *place, const struct runner *runner,
                    const struct omega_result *result, int64_t duration_us)
{
    bool sent = runner->plan.count > 0 && !runner->falls_short;
    struct runlog_record record = record_at(place, sent ? RUNLOG_TRANSACTION : RUNLOG_NOTHING);
    record.attempt = run_log_attempt_of(runner, true);
    if (sent) {
        record.changes = result->accepted > 0;
        record.version = result->version;
        record.results = attempt_results(runner);
        record.duration_us = duration_us;
        attempt_planned(runner, &record.txn);
    }
    put(place, &record);
}

void run_log_transaction(const struct log_place *place, const struct runlog_attempt *attempt,
                         const struct omega_transaction *txn,
                         const struct omega_claim_result *results,
                         const struct omega_result *result, int64_t duration_us)
{
    struct runlog_record record = record_at(place, RUNLOG_TRANSACTION);
    record.attempt = *attempt;
    record.changes = result->accepted > 0;
    record.version = result->version;
    record.results = results;
    record.duration_us = duration_us;
    record.txn = *txn;
    put(place, &record);
}

void run_log_restart(const struct log_place *place, uint16_t instance, uint32_t incarnation)
{
    struct runlog_record record = record_at(place, RUNLOG_RESTART);
    record.instance = instance;
    record.incarnation = incarnation;
    put(place, &record);
}

void run_log_release(const struct log_place *place, const struct store_release_result *released,
                     uint32_t count, bool changes)
{
    struct runlog_record record = record_at(place, RUNLOG_RELEASE);
    record.changes = changes;
    record.released = released;
    record.released_count = count;
    put(place, &record);
}

void run_log_release_run(const struct log_place *place, uint64_t first, uint32_t count)
{
    struct runlog_record record = record_at(place, RUNLOG_RELEASE);
    record.changes = true;
    record.first_released = first;
    record.released_count = count;
    put(place, &record);
}

void run_log_machine(const struct log_place *place, const struct omega_machine_event *event,
                     const struct store_release_result *lost, uint32_t count)
{
    struct runlog_record record = record_at(place, RUNLOG_MACHINE);
    record.changes = true;
    record.event = *event;
    record.released = lost;
    record.released_count = count;
    put(place, &record);
}

void run_log_abandonment(const struct log_place *place, uint64_t job, uint32_t tasks)
{
    struct runlog_record record = record_at(place, RUNLOG_ABANDONMENT);
    record.job_id = job;
    record.tasks = tasks;
    put(place, &record);
}

void run_log_retry(const struct log_place *place, uint64_t job)
{
    struct runlog_record record = record_at(place, RUNLOG_RETRY);
    record.job_id = job;
    put(place, &record);
}

void run_log_counter(const struct log_place *place, uint32_t scheduler, const char *name,
                     int64_t value)
{
    struct runlog_record record = record_at(place, RUNLOG_COUNTER);
    record.scheduler = scheduler;
    record.name = name;
    record.value = value;
    put(place, &record);
}

void run_log_horizon(const struct log_place *place)
{
    struct runlog_record record = record_at(place, RUNLOG_HORIZON);
    put(place, &record);
}

/* ---- the simulator's ---- */

/* Behind the newest version, now. */
static struct log_place place_of(const struct simulation *sim)
{
    struct store_counters counters;
    store_counters(sim->store, &counters);
    return (struct log_place){
        .log = sim->config->runlog,
        .version = counters.version,
        .time_us = sim->now_us,
    };
}

void sim_log_submission(const struct simulation *sim, const struct omega_job *job)
{
    if (sim->config->runlog != NULL) {
        struct log_place place = place_of(sim);
        run_log_submission(&place, job);
    }
}

void sim_log_attempt(const struct simulation *sim, const struct runner *runner)
{
    if (sim->config->runlog != NULL) {
        struct log_place place = place_of(sim);
        run_log_attempt(&place, runner);
    }
}

void sim_log_commit(const struct simulation *sim, const struct runner *runner,
                    const struct omega_result *result, int64_t duration_us)
{
    if (sim->config->runlog != NULL) {
        struct log_place place = place_of(sim);
        run_log_commit(&place, runner, result, duration_us);
    }
}

void sim_log_release(const struct simulation *sim, uint64_t version, uint32_t count, bool changes)
{
    if (sim->config->runlog != NULL) {
        struct log_place place = {
            .log = sim->config->runlog, .version = version, .time_us = sim->now_us};
        run_log_release(&place, sim->released, count, changes);
    }
}

void sim_log_release_run(const struct simulation *sim, uint64_t version, uint64_t first,
                         uint32_t count)
{
    if (sim->config->runlog != NULL) {
        struct log_place place = {
            .log = sim->config->runlog, .version = version, .time_us = sim->now_us};
        run_log_release_run(&place, first, count);
    }
}

void sim_log_machine(const struct simulation *sim, const struct omega_machine_event *event,
                     uint64_t version, const struct store_release_result *lost, uint32_t count)
{
    if (sim->config->runlog != NULL) {
        struct log_place place = {
            .log = sim->config->runlog, .version = version, .time_us = sim->now_us};
        run_log_machine(&place, event, lost, count);
    }
}

void sim_log_abandonment(const struct simulation *sim, uint64_t job, uint32_t tasks)
{
    if (sim->config->runlog != NULL) {
        struct log_place place = place_of(sim);
        run_log_abandonment(&place, job, tasks);
    }
}

void sim_log_retry(const struct simulation *sim, uint64_t job)
{
    if (sim->config->runlog != NULL) {
        struct log_place place = place_of(sim);
        run_log_retry(&place, job);
    }
}

void sim_log_horizon(const struct simulation *sim)
{
    if (sim->config->runlog == NULL) {
        return;
    }
    struct log_place place = place_of(sim);
    const char *name = NULL;
    int64_t value = 0;
    for (uint32_t s = 0; s < sim->config->scheduler_count; s++) {
        for (uint32_t i = 0; metrics_read_counter(sim->metrics, s, i, &name, &value); i++) {
            run_log_counter(&place, s, name, value);
        }
    }
    run_log_horizon(&place);
}
