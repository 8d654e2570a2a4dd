/* SPDX-License-Identifier: MIT */
/*
 * A job of the lmdb store: two records, what was submitted (never changed) and what became of it
 * (rewritten by every commit), and struct job_entry, on which the shared checks work.
 */
#include <stdlib.h>
#include <string.h>

#include "cellstate/lmdb_private.h"

static int no_memory(uint64_t id, omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory for job %llu", (unsigned long long)id);
}

/* Makes room in the entry that is used for every job in turn. */
static int reserve(struct lmdb_write *write, uint32_t groups, uint32_t slots)
{
    struct job_entry *entry = &write->entry;
    if (groups <= write->group_room && slots <= write->slot_room) {
        return OMEGA_OK;
    }
    write->group_room = groups > write->group_room ? groups + 8 : write->group_room;
    write->slot_room = slots > write->slot_room ? slots * 2 + 64 : write->slot_room;
    jobs_entry_free_arrays(entry);
    struct job_entry roomy = {
        .group_count = write->group_room,
        .slots = write->slot_room,
        .spreads = true,
    };
    if (jobs_entry_allocate(&roomy) != OMEGA_OK) {
        write->group_room = 0;
        write->slot_room = 0;
        return OMEGA_ENOMEM;
    }
    entry->groups = roomy.groups;
    entry->different = roomy.different;
    entry->state = roomy.state;
    entry->machine_of = roomy.machine_of;
    return OMEGA_OK;
}

static void fill_groups(struct job_entry *entry, const struct record_job *job)
{
    struct record_group_cursor cursor = {.durations = 0};
    for (uint32_t g = 0; g < job->job.group_count; g++) {
        struct record_group group;
        record_job_group(job, g, &cursor, &group);
        entry->groups[g] = group.group;
        entry->different[g] = group.different;
    }
}

/* False if a task is on a machine that the cell does not have. */
static bool machines_are_known(const struct job_entry *entry, uint32_t machine_count)
{
    for (uint32_t t = 0; entry->spreads && t < entry->slots; t++) {
        if (entry->machine_of[t] >= machine_count && entry->machine_of[t] != UINT32_MAX) {
            return false;
        }
    }
    return true;
}

static void fill_entry(struct lmdb_write *write, const struct record_job *job,
                       const struct record_job_state *state)
{
    struct job_entry *entry = &write->entry;
    entry->id = job->job.id;
    entry->group_count = job->job.group_count;
    entry->slots = job->job.slots;
    entry->submitted = state->submitted;
    entry->pending = state->pending;
    entry->running = state->running;
    entry->finished = state->finished;
    entry->failed = state->failed;
    entry->abandoned = state->abandoned;
    entry->precedence = job->job.precedence;
    entry->elastic = omega_job_is_elastic(&job->job);
    entry->started = state->started;
    entry->given_up = state->given_up;
    entry->spreads = job->spreads;
    write->state = *state;
    fill_groups(entry, job);
    record_job_state_slots(state, entry->state, job->spreads ? entry->machine_of : NULL);
}

int lmdb_entry_load(struct lmdb *lmdb, uint64_t id, struct job_entry **entry, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    MDB_val data;
    MDB_val state_data;
    *entry = NULL;
    int rc = lmdb_get(lmdb, write->txn, LMDB_JOBS, id, &data, err);
    if (rc != OMEGA_OK || data.mv_data == NULL) {
        return rc;
    }
    rc = lmdb_get(lmdb, write->txn, LMDB_STATES, id, &state_data, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct record_job job;
    struct record_job_state state;
    rc = lmdb_bad_record(lmdb, record_decode_job(data.mv_data, data.mv_size, id, &job), LMDB_JOBS,
                         id, err);
    if (rc == OMEGA_OK) {
        rc = state_data.mv_data == NULL
                 ? OMEGA_ECORRUPT
                 : record_decode_job_state(state_data.mv_data, state_data.mv_size, id, &state);
        if (rc == OMEGA_OK &&
            (state.slots != job.job.slots || (state.machine_of != NULL) != job.spreads)) {
            rc = OMEGA_ECORRUPT;
        }
        rc = lmdb_bad_record(lmdb, rc, LMDB_STATES, id, err);
    }
    if (rc != OMEGA_OK || state.over) {
        return rc;
    }
    if (reserve(write, job.job.group_count, job.job.slots) != OMEGA_OK) {
        return no_memory(id, err);
    }
    fill_entry(write, &job, &state);
    if (!machines_are_known(&write->entry, lmdb->meta.machine_count)) {
        return lmdb_bad_record(lmdb, OMEGA_ECORRUPT, LMDB_STATES, id, err);
    }
    *entry = &write->entry;
    return OMEGA_OK;
}

/* Writes what became of a job. */
static int put_state(struct lmdb *lmdb, const struct job_entry *entry,
                     const struct record_job_state *rest, omega_error_t *err)
{
    struct record_job_state state = {
        .slots = entry->slots,
        .submitted = entry->submitted,
        .pending = entry->pending,
        .running = entry->running,
        .finished = entry->finished,
        .failed = entry->failed,
        .abandoned = entry->abandoned,
        .started = entry->started,
        .given_up = entry->given_up,
        .over = rest->over,
        .instance = rest->instance,
        .attempt = rest->attempt,
    };
    size_t size = record_job_state_bytes(entry->slots, entry->spreads);
    int rc = lmdb_reserve_bytes(lmdb, size, err);
    if (rc != OMEGA_OK) {
        lmdb->write.broken = true; /* counters and machines have changed */
        return rc;
    }
    record_encode_job_state(&state, entry->state, entry->spreads ? entry->machine_of : NULL,
                            entry->id, lmdb->write.bytes);
    return lmdb_put(lmdb, LMDB_STATES, entry->id, lmdb->write.bytes, size, err);
}

int lmdb_entry_store(struct lmdb *lmdb, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    const struct job_entry *entry = &write->entry;
    if (!jobs_over(entry)) {
        return put_state(lmdb, entry, &write->state, err);
    }
    write->head.counters.jobs--;
    if (lmdb->meta.keep_jobs) {
        write->state.over = true;
        return put_state(lmdb, entry, &write->state, err);
    }
    int rc = lmdb_delete(lmdb, LMDB_JOBS, entry->id, err);
    return rc == OMEGA_OK ? lmdb_delete(lmdb, LMDB_STATES, entry->id, err) : rc;
}

int lmdb_job_put(struct lmdb *lmdb, const struct omega_job *job, const char *user,
                 const char *const *constraints, const bool *different, omega_error_t *err)
{
    size_t size = record_job_bytes(job, user, constraints);
    int rc = lmdb_reserve_bytes(lmdb, size, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    record_encode_job(job, user, constraints, different, lmdb->write.bytes);
    return lmdb_put(lmdb, LMDB_JOBS, job->id, lmdb->write.bytes, size, err);
}

int lmdb_entry_insert(struct lmdb *lmdb, const struct job_entry *entry, omega_error_t *err)
{
    struct record_job_state fresh = {.instance = OMEGA_INSTANCE_NONE};
    return put_state(lmdb, entry, &fresh, err);
}

/* ---- showing a job to those who list them ---- */

struct shown_job {
    struct omega_job job;
    struct omega_task_group *groups;
    int64_t *durations;
    const char **constraints;
    char *texts; /* user and constraints, each terminated */
    uint8_t *placed;
    uint32_t *machine_of;
};

static void free_shown(struct shown_job *shown)
{
    free(shown->groups);
    free(shown->durations);
    free((void *)shown->constraints);
    free(shown->texts);
    free(shown->placed);
    free(shown->machine_of);
}

static int allocate_shown(struct shown_job *shown, const struct record_job *job, size_t texts,
                          size_t durations)
{
    shown->groups = calloc(job->job.group_count, sizeof *shown->groups);
    shown->durations = malloc((durations + 1) * sizeof *shown->durations);
    shown->constraints = calloc(job->job.group_count, sizeof *shown->constraints);
    shown->texts = malloc(texts);
    shown->placed = calloc(job->job.slots + 1u, 1);
    shown->machine_of = job->spreads ? malloc((job->job.slots + 1u) * sizeof(uint32_t)) : NULL;
    return shown->groups == NULL || shown->durations == NULL || shown->constraints == NULL ||
                   shown->texts == NULL || shown->placed == NULL ||
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
        shown->constraints[g] = add_text(&texts, group.constraints, group.constraints_length);
        if (group.durations != NULL) {
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

/* Bytes of all texts and number of all durations. */
static void measure(const struct record_job *job, size_t *texts, size_t *durations)
{
    struct record_group_cursor cursor = {.durations = 0};
    *texts = job->user_length + 1;
    *durations = 0;
    for (uint32_t g = 0; g < job->job.group_count; g++) {
        struct record_group group;
        record_job_group(job, g, &cursor, &group);
        *texts += group.constraints_length + 1;
        *durations += group.durations == NULL ? 0 : group.group.count + group.group.optional;
    }
}

static int show_job(struct lmdb *lmdb, const struct record_job *job,
                    const struct record_job_state *state, struct shown_job *shown,
                    int (*each)(void *context, const struct lmdb_job *job), void *context,
                    omega_error_t *err)
{
    size_t texts;
    size_t durations;
    measure(job, &texts, &durations);
    if (allocate_shown(shown, job, texts, durations) != OMEGA_OK) {
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
    record_job_state_slots(state, shown->placed, shown->machine_of);
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
        .placed = shown->placed,
        .machine_of = shown->machine_of,
    };
    return each(context, &told);
}

int lmdb_job_show(struct lmdb *lmdb, uint64_t id, const MDB_val *job, const MDB_val *state,
                  int (*each)(void *context, const struct lmdb_job *job), void *context,
                  omega_error_t *err)
{
    struct record_job decoded;
    struct record_job_state became;
    int rc = lmdb_bad_record(lmdb, record_decode_job(job->mv_data, job->mv_size, id, &decoded),
                             LMDB_JOBS, id, err);
    if (rc == OMEGA_OK) {
        rc = state->mv_data == NULL
                 ? OMEGA_ECORRUPT
                 : record_decode_job_state(state->mv_data, state->mv_size, id, &became);
        if (rc == OMEGA_OK &&
            (became.slots != decoded.job.slots || (became.machine_of != NULL) != decoded.spreads)) {
            rc = OMEGA_ECORRUPT;
        }
        rc = lmdb_bad_record(lmdb, rc, LMDB_STATES, id, err);
    }
    if (rc == OMEGA_OK) {
        struct shown_job shown = {.groups = NULL};
        rc = show_job(lmdb, &decoded, &became, &shown, each, context, err);
        free_shown(&shown);
    }
    return rc;
}
