/* SPDX-License-Identifier: MIT */
/* A job of the lmdb store as those see it who list jobs: gathered from all its records. */
#include <stdlib.h>
#include <string.h>

#include "cellstate/lmdb_private.h"

struct shown_job {
    struct lmdb *lmdb;
    struct omega_job job;
    struct omega_task_group *groups;
    int64_t *durations;
    const char **constraints;
    bool *different;
    char *texts; /* user and constraints, each terminated */
    uint8_t *placed;
    uint32_t *machine_of;
};

static int no_memory(uint64_t id, omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory for job %llu", (unsigned long long)id);
}

static void free_shown(struct shown_job *shown)
{
    free(shown->groups);
    free(shown->durations);
    free((void *)shown->constraints);
    free(shown->different);
    free(shown->texts);
    free(shown->placed);
    free(shown->machine_of);
}

static int allocate_shown(struct shown_job *shown, const struct record_job *job, size_t texts)
{
    shown->groups = calloc(job->job.group_count, sizeof *shown->groups);
    shown->durations = malloc((job->listed + 1) * sizeof *shown->durations);
    shown->constraints = calloc(job->job.group_count, sizeof *shown->constraints);
    shown->different = calloc(job->job.group_count, sizeof *shown->different);
    shown->texts = malloc(texts);
    shown->placed = calloc(job->job.slots + 1u, 1);
    shown->machine_of = job->spreads ? malloc((job->job.slots + 1u) * sizeof(uint32_t)) : NULL;
    return shown->groups == NULL || shown->durations == NULL || shown->constraints == NULL ||
                   shown->different == NULL || shown->texts == NULL || shown->placed == NULL ||
                   (job->spreads && shown->machine_of == NULL)
               ? OMEGA_ENOMEM
               : OMEGA_OK;
}

static char *add_text(char **at, const char *text, uint32_t length)
{
    char *begin = *at;
    memcpy(begin, text, length);
    begin[length] = '\0';
    *at = begin + length + 1;
    return begin;
}

/* Bytes of all texts. */
static size_t measure(const struct record_job *job)
{
    struct record_group_cursor cursor = {.durations = 0};
    size_t texts = job->user_length + 1;
    for (uint32_t g = 0; g < job->job.group_count; g++) {
        struct record_group group;
        record_job_group(job, g, &cursor, &group);
        texts += group.constraints_length + 1;
    }
    return texts;
}

/* ---- as submitted ---- */

/* Points the job at the durations of its tasks, which are there if groups list them. */
static int find_durations(struct lmdb *lmdb, MDB_txn *txn, struct record_job *job,
                          omega_error_t *err)
{
    MDB_val data;
    uint64_t id = job->job.id;
    int rc = lmdb_get(lmdb, txn, LMDB_DURATIONS, id, &data, err);
    if (rc != OMEGA_OK || (data.mv_data == NULL && job->listed == 0)) {
        return rc;
    }
    rc =
        data.mv_data == NULL || job->listed == 0
            ? OMEGA_ECORRUPT
            : record_decode_durations(data.mv_data, data.mv_size, id, job->listed, &job->durations);
    return lmdb_bad_record(lmdb, rc, LMDB_DURATIONS, id, err);
}

/* Copies the groups; constraint sets are looked up in the store's own catalogue, if it has one. */
static int show_groups(struct lmdb *lmdb, struct shown_job *shown, const struct record_job *job,
                       char *texts, omega_error_t *err)
{
    struct record_group_cursor cursor = {.durations = 0};
    int64_t *durations = shown->durations;
    int rc = OMEGA_OK;
    for (uint32_t g = 0; rc == OMEGA_OK && g < job->job.group_count; g++) {
        struct record_group group;
        record_job_group(job, g, &cursor, &group);
        shown->groups[g] = group.group;
        shown->different[g] = group.different;
        shown->constraints[g] = add_text(&texts, group.constraints, group.constraints_length);
        if (group.listed) {
            shown->groups[g].task_duration_us = durations;
            for (uint32_t i = 0; i < group.group.count + group.group.optional; i++) {
                *durations++ = record_group_duration(&group, i);
            }
        }
        if (lmdb->own_catalogue != NULL) {
            rc = catalogue_constraints(lmdb->own_catalogue, shown->constraints[g],
                                       &shown->groups[g].constraints, err);
        }
    }
    return rc;
}

/* ---- what became of it ---- */

static int show_part(void *context, uint64_t id, uint64_t part, const MDB_val *data,
                     omega_error_t *err)
{
    struct shown_job *shown = context;
    uint32_t tasks = part < LMDB_PARTS ? record_tasks_in(shown->job.slots, (uint32_t)part) : 0;
    int rc = part == 0 || tasks == 0
                 ? OMEGA_ECORRUPT
                 : record_decode_tasks(data->mv_data, data->mv_size, record_part_key(id, part),
                                       tasks, shown->placed + part * RECORD_TASKS_EACH);
    return lmdb_bad_part(shown->lmdb, rc, LMDB_TASKS, id, part, err);
}

/* Is there such a task in such a group, which asks for different machines, on such a machine, and
 * said to be on no other? */
static bool spread_is_sound(const struct shown_job *shown, uint64_t part, uint32_t task)
{
    uint32_t group = lmdb_spread_group(part);
    if (group >= shown->job.group_count || !shown->different[group] ||
        lmdb_spread_machine(part) >= shown->lmdb->meta.machine_count) {
        return false;
    }
    const struct omega_task_group *of = &shown->groups[group];
    return task >= of->first_task && task - of->first_task < of->count + of->optional &&
           shown->machine_of[task] == UINT32_MAX;
}

static int show_machine(void *context, uint64_t id, uint64_t part, const MDB_val *data,
                        omega_error_t *err)
{
    struct shown_job *shown = context;
    uint32_t task = 0;
    int rc =
        record_decode_task_machine(data->mv_data, data->mv_size, record_part_key(id, part), &task);
    if (rc == OMEGA_OK && !spread_is_sound(shown, part, task)) {
        rc = OMEGA_ECORRUPT;
    }
    if (rc == OMEGA_OK) {
        shown->machine_of[task] = lmdb_spread_machine(part);
    }
    return lmdb_bad_part(shown->lmdb, rc, LMDB_SPREAD, id, part, err);
}

static int show_tasks(MDB_txn *txn, const struct record_job_state *state, struct shown_job *shown,
                      omega_error_t *err)
{
    uint64_t id = shown->job.id;
    record_job_state_placed(state, shown->placed);
    if (shown->machine_of != NULL) {
        memset(shown->machine_of, 0xff, shown->job.slots * sizeof *shown->machine_of);
    }
    int rc = lmdb_walk_parts(shown->lmdb, txn, LMDB_TASKS, id, show_part, shown, err);
    return rc == OMEGA_OK
               ? lmdb_walk_parts(shown->lmdb, txn, LMDB_SPREAD, id, show_machine, shown, err)
               : rc;
}

/* ---- all of it ---- */

static int show_job(MDB_txn *txn, const struct record_job *job,
                    const struct record_job_state *state, struct shown_job *shown,
                    int (*each)(void *context, const struct lmdb_job *job), void *context,
                    omega_error_t *err)
{
    struct lmdb *lmdb = shown->lmdb;
    if (allocate_shown(shown, job, measure(job)) != OMEGA_OK) {
        return no_memory(job->job.id, err);
    }
    char *at = shown->texts;
    const char *user = add_text(&at, job->user, job->user_length);
    int rc = show_groups(lmdb, shown, job, at, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    shown->job = job->job;
    shown->job.groups = shown->groups;
    if (lmdb->own_catalogue != NULL && *user != '\0') {
        shown->job.user = symbols_intern(catalogue_symbols(lmdb->own_catalogue), user);
    }
    rc = show_tasks(txn, state, shown, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct lmdb_job told = {
        .job = &shown->job,
        .user = user,
        .constraints = shown->constraints,
        .submitted = state->submitted,
        .pending = state->pending,
        .running = state->running,
        .finished = state->finished,
        .failed = state->failed,
        .abandoned = state->abandoned,
        .started = state->started,
        .given_up = state->given_up,
        .over = state->over,
        .instance = state->instance,
        .attempt = state->attempt,
        .told = state->given > 0,
        .given_us = state->given <= 1 ? 0 : (int64_t)state->given - 2,
        .placed = shown->placed,
        .different = job->spreads ? shown->different : NULL,
        .machine_of = shown->machine_of,
    };
    return each(context, &told);
}

int lmdb_job_show(struct lmdb *lmdb, MDB_txn *txn, uint64_t id, const MDB_val *job,
                  int (*each)(void *context, const struct lmdb_job *job), void *context,
                  omega_error_t *err)
{
    struct record_job decoded;
    struct record_job_state state;
    int rc = lmdb_bad_record(lmdb, record_decode_job(job->mv_data, job->mv_size, id, &decoded),
                             LMDB_JOBS, id, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_state_get(lmdb, txn, &decoded, &state, err);
    }
    if (rc == OMEGA_OK) {
        rc = find_durations(lmdb, txn, &decoded, err);
    }
    if (rc == OMEGA_OK) {
        struct shown_job shown = {.lmdb = lmdb};
        rc = show_job(txn, &decoded, &state, &shown, each, context, err);
        free_shown(&shown);
    }
    return rc;
}
