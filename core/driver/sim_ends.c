/* SPDX-License-Identifier: MIT */
/* Ends of tasks in the simulator: planned at a commit, carried out by placement id. */
#include <assert.h>
#include <stdlib.h>

#include "core/driver/simulate_private.h"

static int compare_endings(const void *a, const void *b)
{
    const struct ending *x = a;
    const struct ending *y = b;
    if (x->time_us != y->time_us) {
        return x->time_us < y->time_us ? -1 : 1;
    }
    if (x->group != y->group) {
        return x->group < y->group ? -1 : 1;
    }
    return (x->position > y->position) - (x->position < y->position);
}

/* Is an end one of positions behind each other? */
static bool lists_none(const struct tasks_end *end)
{
    return end->first != UINT32_MAX;
}

void sim_drop_end(struct simulation *sim, struct tasks_end *end)
{
    if (lists_none(end)) {
        spares_give(&sim->spare_ends, end);
    } else {
        free(end);
    }
}

/* Plans one end of `count` placements: positions from `first` on, or those of `endings`. */
int sim_push_end(struct simulation *sim, struct run_job *job, uint64_t version, int64_t time_us,
                 uint32_t count, uint32_t first, const struct ending *endings, omega_error_t *err)
{
    if (time_us > sim->config->horizon_us) {
        return OMEGA_OK;
    }
    size_t positions = endings == NULL ? 0 : count;
    size_t bytes = sizeof(struct tasks_end) + positions * sizeof(uint32_t);
    struct tasks_end *end = endings == NULL ? spares_take(&sim->spare_ends, bytes) : malloc(bytes);
    if (end == NULL) {
        return sim_no_memory(err);
    }
    *end = (struct tasks_end){
        .job = job,
        .in_table = job == NULL ? (struct store_place){0, 0} : job->in_table,
        .placements = store_placements_place(sim->store, version),
        .version = version,
        .count = count,
        .first = endings == NULL ? first : UINT32_MAX,
    };
    for (size_t i = 0; i < positions; i++) {
        end->positions[i] = endings[i].position;
    }
    int rc = sim_push(sim, time_us, EVENT_TASKS_END, end, err);
    if (rc != OMEGA_OK) {
        sim_drop_end(sim, end);
    } else if (job != NULL) {
        job->holds++;
    }
    return rc;
}

/* Plans the ends of tasks that do not all end together: one event per (group, end time). */
static int plan_single_ends(struct simulation *sim, const struct runner *runner,
                            const struct omega_result *result, int64_t duration_us,
                            omega_error_t *err)
{
    const struct omega_job *job = runner->job->job;
    struct ending *endings = malloc(result->accepted * sizeof *endings);
    if (endings == NULL) {
        return sim_no_memory(err);
    }
    uint32_t n = 0;
    const struct omega_claim *claims = attempt_claims(runner);
    const struct omega_claim_result *results = attempt_results(runner);
    attempt_tell_results(runner, result);
    for (uint32_t i = 0; i < runner->plan.count; i++) {
        const struct omega_claim *claim = &claims[i];
        if (results[i].outcome == OMEGA_ACCEPTED) {
            int64_t duration = duration_us > 0
                                   ? duration_us
                                   : omega_task_duration(&job->groups[claim->group], claim->task);
            endings[n] = (struct ending){
                .time_us = sim_later(sim->now_us, duration),
                .group = claim->group,
                .position = n,
            };
            n++;
        }
    }
    qsort(endings, n, sizeof *endings, compare_endings);
    int rc = OMEGA_OK;
    for (uint32_t from = 0, to = 0; rc == OMEGA_OK && from < n; from = to) {
        while (to < n && endings[to].time_us == endings[from].time_us &&
               endings[to].group == endings[from].group) {
            to++;
        }
        rc = sim_push_end(sim, runner->job, result->version, endings[from].time_us, to - from, 0,
                          &endings[from], err);
    }
    free(endings);
    return rc;
}

/* Plans when accepted tasks end: one event per (attempt, group, end time). `duration_us` above 0 is
 * what started() returned for all of them. */
int sim_plan_ends(struct simulation *sim, const struct runner *runner,
                  const struct omega_result *result, int64_t duration_us, omega_error_t *err)
{
    const struct omega_job *job = runner->job->job;
    bool together =
        job->group_count == 1 && (duration_us > 0 || job->groups[0].task_duration_us == NULL);
    if (!together) {
        return plan_single_ends(sim, runner, result, duration_us, err);
    }
    int64_t duration = duration_us > 0 ? duration_us : job->groups[0].duration_us;
    return sim_push_end(sim, runner->job, result->version, sim_later(sim->now_us, duration),
                        result->accepted, 0, NULL, err);
}

static int reserve_releases(struct simulation *sim, uint32_t count)
{
    if (count <= sim->release_room) {
        return OMEGA_OK;
    }
    uint32_t room = count * 2;
    uint64_t *ids = realloc(sim->ids, room * sizeof *ids);
    sim->ids = ids == NULL ? sim->ids : ids;
    struct store_release_result *released = realloc(sim->released, room * sizeof *released);
    sim->released = released == NULL ? sim->released : released;
    if (ids == NULL || released == NULL) {
        return OMEGA_ENOMEM;
    }
    sim->release_room = room;
    return OMEGA_OK;
}

/* Notes for the instance that placed it where one of its placements ended. */
int sim_tell_instance(struct simulation *sim, const struct store_release_result *released)
{
    return released->instance == OMEGA_INSTANCE_NONE
               ? OMEGA_OK
               : runner_tell(&sim->runners[released->instance], released->machine);
}

/* Does anybody want to know of each placement that ends, and not only how many did? A log only
 * where some may have been lost before. */
static bool is_watched(const struct simulation *sim, const struct run_job *job)
{
    return metrics_wants_digest(sim->metrics) ||
           (sim->config->runlog != NULL && sim->machines_change) ||
           (job != NULL &&
            (job->machine_of != NULL || job->runner->config->sync == RUN_SYNC_INTERVAL));
}

/* Tells those who keep track of where it ran what was released. */
static int tell_released(struct simulation *sim, struct run_job *job, uint32_t count,
                         omega_error_t *err)
{
    bool tracked =
        job != NULL && (job->machine_of != NULL || job->runner->config->sync == RUN_SYNC_INTERVAL);
    for (uint32_t i = 0; tracked && i < count; i++) {
        const struct store_release_result *released = &sim->released[i];
        if (released->released) {
            run_job_vacate(job, released->task);
            if (sim_tell_instance(sim, released) != OMEGA_OK) {
                return sim_no_memory(err);
            }
        }
    }
    return OMEGA_OK;
}

/* Ends placements each by its id. */
static int release_each(struct simulation *sim, const struct tasks_end *end, uint32_t *ended,
                        uint64_t *version, omega_error_t *err)
{
    for (uint32_t i = 0; i < end->count; i++) {
        uint32_t position = lists_none(end) ? end->first + i : end->positions[i];
        sim->ids[i] = omega_placement_id(end->version, position);
    }
    int rc = store_release(sim->store, sim->ids, end->count, STORE_FINISHED, sim->released, version,
                           err);
    for (uint32_t i = 0; rc == OMEGA_OK && i < end->count; i++) {
        *ended += sim->released[i].released;
    }
    return rc;
}

/* Ends placements, and tells who wants to know of each. */
static int release(struct simulation *sim, const struct tasks_end *end, uint32_t *ended,
                   omega_error_t *err)
{
    const bool is_run = lists_none(end) && store_releases_runs(sim->store);
    const uint64_t first = is_run ? omega_placement_id(end->version, end->first) : 0;
    const bool watched = !is_run || is_watched(sim, end->job);
    uint64_t version = 0;
    if (watched && reserve_releases(sim, end->count) != OMEGA_OK) {
        return sim_no_memory(err);
    }
    int rc = is_run ? store_release_run(sim->store, first, end->count, STORE_FINISHED,
                                        watched ? sim->released : NULL, ended, &version, err)
                    : release_each(sim, end, ended, &version, err);
    assert(watched || *ended == end->count || sim->config->runlog == NULL);
    if (rc == OMEGA_OK && is_run && *ended == end->count) {
        sim_log_release_run(sim, version, first, end->count);
    } else if (rc == OMEGA_OK) {
        sim_log_release(sim, version, end->count, *ended > 0);
    }
    if (rc == OMEGA_OK && watched) {
        metrics_digest_release(sim->metrics, sim->now_us, version, sim->released, end->count,
                               false);
        rc = tell_released(sim, end->job, end->count, err);
    }
    return rc;
}

int sim_on_tasks_end(struct simulation *sim, struct tasks_end *end, omega_error_t *err)
{
    struct run_job *job = end->job;
    uint32_t ended = 0;
    int rc = release(sim, end, &ended, err);
    if (rc == OMEGA_OK && ended > 0) {
        sim_tell_totals(sim);
    }
    sim_drop_end(sim, end);
    if (job != NULL) {
        if (rc == OMEGA_OK && ended > 0) {
            job->running -= ended;
            sim_tell_tasks(sim, job, METRICS_JOB_FINISHED, ended);
            sim_let_go_if_done(sim, job);
        }
        sim_release_hold(sim, job);
    }
    return rc;
}
