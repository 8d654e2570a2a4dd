/* SPDX-License-Identifier: MIT */
/* Machine events in the simulator: those of the experiment, and random failures and repairs. */
#include <stddef.h>

#include "core/driver/simulate_private.h"

/* A task of a removed machine: it returns to its job, or has failed. */
static int lose_task(struct simulation *sim, const struct store_release_result *lost,
                     omega_error_t *err)
{
    struct run_job *job = map_get(&sim->jobs, lost->job);
    if (sim_tell_instance(sim, lost) != OMEGA_OK) {
        return sim_no_memory(err);
    }
    if (job == NULL) {
        return OMEGA_OK; /* pre-filled */
    }
    job->running--;
    run_job_vacate(job, lost->task);
    bool returns = sim->config->lost == STORE_LOST_RETURN && !omega_job_is_elastic(job->job);
    if (job->abandoned) {
        job->given_up++;
        sim_tell_tasks(sim, job, METRICS_JOB_ABANDONED, 1);
    } else if (returns) {
        if (run_job_keep_placed(job, &sim->spare_jobs) != OMEGA_OK) {
            return sim_no_memory(err);
        }
        job->placed[lost->task] = 0;
        job->unplaced++;
        return job->waiting ? OMEGA_OK : sim_enqueue(sim, job, false, err);
    } else {
        job->failed++;
        sim_tell_tasks(sim, job, METRICS_JOB_FAILED, 1);
    }
    sim_let_go_if_done(sim, job);
    return OMEGA_OK;
}

static int apply_machine_event(struct simulation *sim, const struct omega_machine_event *event,
                               omega_error_t *err)
{
    const struct store_release_result *lost = NULL;
    uint32_t lost_count = 0;
    uint64_t version = 0;
    int rc = store_machine_event(sim->store, event, sim->config->lost, &lost, &lost_count, &version,
                                 err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    metrics_machine_event(sim->metrics, (enum omega_machine_event_kind)event->kind);
    metrics_digest_machine(sim->metrics, sim->now_us, version, event);
    sim_log_machine(sim, event, version, lost, lost_count);
    if (lost_count > 0) {
        metrics_losses(sim->metrics, lost_count);
        metrics_digest_release(sim->metrics, sim->now_us, version, lost, lost_count, true);
    }
    sim_tell_totals(sim);
    for (uint32_t i = 0; rc == OMEGA_OK && i < lost_count; i++) {
        rc = lose_task(sim, &lost[i], err);
    }
    return rc;
}

int64_t run_failure_delay_us(const struct distribution *distribution, struct omega_random *random)
{
    double us = distribution_draw(distribution, random) * 1e6;
    if (us >= (double)OMEGA_DURATION_MAX) {
        return OMEGA_DURATION_MAX;
    }
    return us < 1 ? 1 : (int64_t)us;
}

/* Plans the next random failure or repair of a machine. */
int sim_plan_failure(struct simulation *sim, uint32_t machine, bool fails, omega_error_t *err)
{
    const struct run_failures *failures = &sim->config->failures;
    int64_t delay =
        run_failure_delay_us(fails ? failures->up_s : failures->down_s, &sim->failures[machine]);
    struct machine_change *change = &sim->failing[machine];
    *change = (struct machine_change){
        .event =
            {
                .time_us = sim_later(sim->now_us, delay),
                .machine = machine,
                .kind = fails ? OMEGA_EVENT_REMOVE : OMEGA_EVENT_ADD,
            },
        .random = true,
    };
    return sim_push(sim, change->event.time_us, EVENT_MACHINE, change, err);
}

int sim_on_machine(struct simulation *sim, const struct machine_change *change, omega_error_t *err)
{
    int rc = apply_machine_event(sim, &change->event, err);
    if (rc == OMEGA_OK && change->random) {
        rc = sim_plan_failure(sim, change->event.machine, change->event.kind == OMEGA_EVENT_ADD,
                              err);
    }
    return rc;
}
