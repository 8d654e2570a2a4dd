/* SPDX-License-Identifier: MIT */
/*
 * A job of the lmdb store between its records and struct job_entry, on which the shared checks
 * work. What was submitted never changes. What became of it is rewritten by every commit, of a
 * large job only the part that the commit touches, so that nobody waits for the size of a job (H).
 */
#include <stdlib.h>
#include <string.h>

#include "cellstate/lmdb_private.h"

static int no_memory(uint64_t id, omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory for job %llu", (unsigned long long)id);
}

/* Makes room for so many groups. */
static int reserve_groups(struct lmdb_write *write, uint32_t groups)
{
    if (groups <= write->group_room) {
        return OMEGA_OK;
    }
    struct job_entry *entry = &write->entry;
    struct omega_task_group *more = realloc(entry->groups, groups * sizeof *more);
    if (more == NULL) {
        return OMEGA_ENOMEM;
    }
    entry->groups = more;
    bool *different = realloc(entry->different, groups * sizeof *different);
    if (different == NULL) {
        return OMEGA_ENOMEM;
    }
    entry->different = different;
    write->group_room = groups;
    return OMEGA_OK;
}

/* Makes room for so many tasks. Their bytes are not looked at before they are filled in. */
static int reserve_tasks(struct lmdb_write *write, uint32_t slots)
{
    if (slots <= write->slot_room) {
        return OMEGA_OK;
    }
    uint8_t *state = malloc((size_t)slots * 2);
    if (state == NULL) {
        return OMEGA_ENOMEM;
    }
    free(write->entry.state);
    write->entry.state = state;
    write->slot_room = slots * 2;
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

/* Words of bits that tell something of each part of a job's tasks. */
static uint32_t part_words(const struct job_entry *entry)
{
    return (entry->slots + RECORD_TASKS_EACH * 64 - 1) / (RECORD_TASKS_EACH * 64);
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
    write->lists_durations = job->listed > 0;
    fill_groups(entry, job);
    record_job_state_placed(state, entry->state);
    memset(write->parts_read, 0, part_words(entry) * sizeof *write->parts_read);
    memset(write->parts_changed, 0, part_words(entry) * sizeof *write->parts_changed);
    write->parts_read[0] = 1;
}

/* Checks and decodes what was found of what has become of a job. */
static int decode_state(struct lmdb *lmdb, const struct record_job *job, const MDB_val *data,
                        struct record_job_state *state, omega_error_t *err)
{
    uint64_t id = job->job.id;
    int rc = data->mv_data == NULL
                 ? OMEGA_ECORRUPT
                 : record_decode_job_state(data->mv_data, data->mv_size, id, state);
    if (rc == OMEGA_OK && state->slots != job->job.slots) {
        rc = OMEGA_ECORRUPT;
    }
    return lmdb_bad_record(lmdb, rc, LMDB_STATES, id, err);
}

int lmdb_entry_load(struct lmdb *lmdb, uint64_t id, struct job_entry **entry, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    MDB_val data;
    struct record_job job;
    struct record_job_state state;
    *entry = NULL;
    int rc = lmdb_get(lmdb, write->txn, LMDB_JOBS, id, &data, err);
    if (rc != OMEGA_OK || data.mv_data == NULL) {
        return rc;
    }
    rc = lmdb_bad_record(lmdb, record_decode_job(data.mv_data, data.mv_size, id, &job), LMDB_JOBS,
                         id, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_find(lmdb, LMDB_STATES, id, &data, err);
    }
    if (rc == OMEGA_OK) {
        rc = decode_state(lmdb, &job, &data, &state, err);
    }
    if (rc != OMEGA_OK || state.over) {
        return rc;
    }
    if (reserve_groups(write, job.job.group_count) != OMEGA_OK ||
        reserve_tasks(write, job.job.slots) != OMEGA_OK) {
        return no_memory(id, err);
    }
    fill_entry(write, &job, &state);
    *entry = &write->entry;
    return OMEGA_OK;
}

int lmdb_state_get(struct lmdb *lmdb, MDB_txn *txn, const struct record_job *job,
                   struct record_job_state *state, omega_error_t *err)
{
    MDB_val data;
    int rc = lmdb_get(lmdb, txn, LMDB_STATES, job->job.id, &data, err);
    return rc == OMEGA_OK ? decode_state(lmdb, job, &data, state, err) : rc;
}

/* ---- tasks ---- */

static bool bit_of(const uint64_t *bits, uint32_t i)
{
    return (bits[i / 64] >> i % 64 & 1) != 0;
}

int lmdb_entry_task(struct lmdb *lmdb, uint32_t task, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    uint32_t part = task / RECORD_TASKS_EACH;
    if (bit_of(write->parts_read, part)) {
        return OMEGA_OK;
    }
    MDB_val data;
    uint64_t id = write->entry.id;
    uint8_t *placed = write->entry.state + (size_t)part * RECORD_TASKS_EACH;
    uint32_t tasks = record_tasks_in(write->entry.slots, part);
    int rc = lmdb_get_part(lmdb, write->txn, LMDB_TASKS, id, part, &data, err);
    if (rc == OMEGA_OK && data.mv_data == NULL) {
        memset(placed, 0, tasks);
    } else if (rc == OMEGA_OK) {
        rc = record_decode_tasks(data.mv_data, data.mv_size, record_part_key(id, part), tasks,
                                 placed);
        rc = lmdb_bad_part(lmdb, rc, LMDB_TASKS, id, part, err);
    }
    write->parts_read[part / 64] |= rc == OMEGA_OK ? UINT64_C(1) << part % 64 : 0;
    return rc;
}

void lmdb_entry_task_changed(struct lmdb *lmdb, uint32_t task)
{
    uint32_t part = task / RECORD_TASKS_EACH;
    lmdb->write.parts_changed[part / 64] |= UINT64_C(1) << part % 64;
}

/* Writes the parts that have changed but the first, which lies in the job's state. */
static int put_parts(struct lmdb *lmdb, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    uint64_t id = write->entry.id;
    uint32_t words = part_words(&write->entry);
    int rc = OMEGA_OK;
    write->parts_changed[0] &= ~UINT64_C(1);
    for (uint32_t word = 0; rc == OMEGA_OK && word < words; word++) {
        for (uint64_t bits = write->parts_changed[word]; rc == OMEGA_OK && bits != 0;
             bits &= bits - 1) {
            uint32_t part = word * 64 + (uint32_t)__builtin_ctzll(bits);
            uint8_t bytes[RECORD_TASKS_BYTES];
            record_encode_tasks(write->entry.state + (size_t)part * RECORD_TASKS_EACH,
                                record_tasks_in(write->entry.slots, part),
                                record_part_key(id, part), bytes);
            rc = lmdb_put_part(lmdb, LMDB_TASKS, id, part, bytes, sizeof bytes, err);
        }
    }
    return rc;
}

/* ---- machines of groups that ask for different ones ---- */

/* The task of a group that runs on a machine, by the table; UINT32_MAX: none does. */
static int spread_get(struct lmdb *lmdb, uint32_t group, uint32_t machine, uint32_t *task,
                      omega_error_t *err)
{
    MDB_val data;
    uint64_t id = lmdb->write.entry.id;
    uint64_t part = lmdb_spread_part(group, machine);
    int rc = lmdb_get_part(lmdb, lmdb->write.txn, LMDB_SPREAD, id, part, &data, err);
    *task = UINT32_MAX;
    if (rc != OMEGA_OK || data.mv_data == NULL) {
        return rc;
    }
    rc = record_decode_task_machine(data.mv_data, data.mv_size, record_part_key(id, part), task);
    return lmdb_bad_part(lmdb, rc, LMDB_SPREAD, id, part, err);
}

int lmdb_spread_look(struct lmdb *lmdb, uint32_t group, uint32_t machine, bool *runs,
                     omega_error_t *err)
{
    uint32_t task;
    int rc = spread_get(lmdb, group, machine, &task, err);
    *runs = rc == OMEGA_OK && task != UINT32_MAX;
    return rc;
}

int lmdb_spread_place(struct lmdb *lmdb, uint32_t group, uint32_t machine, uint32_t task,
                      omega_error_t *err)
{
    uint8_t bytes[RECORD_TASK_MACHINE_BYTES];
    uint64_t id = lmdb->write.entry.id;
    uint64_t part = lmdb_spread_part(group, machine);
    record_encode_task_machine(task, record_part_key(id, part), bytes);
    return lmdb_put_part(lmdb, LMDB_SPREAD, id, part, bytes, sizeof bytes, err);
}

static uint32_t group_of(const struct job_entry *entry, uint32_t task)
{
    uint32_t group = entry->group_count - 1;
    while (group > 0 && entry->groups[group].first_task > task) {
        group--;
    }
    return group;
}

int lmdb_spread_expect(struct lmdb *lmdb, uint32_t task, uint32_t machine, omega_error_t *err)
{
    const struct job_entry *entry = &lmdb->write.entry;
    uint32_t group = group_of(entry, task);
    uint32_t runs = task;
    int rc = entry->different[group] ? spread_get(lmdb, group, machine, &runs, err) : OMEGA_OK;
    return rc != OMEGA_OK || runs == task
               ? rc
               : lmdb_bad_part(lmdb, OMEGA_ECORRUPT, LMDB_SPREAD, entry->id,
                               lmdb_spread_part(group, machine), err);
}

int lmdb_spread_end(struct lmdb *lmdb, uint32_t task, uint32_t machine, omega_error_t *err)
{
    const struct job_entry *entry = &lmdb->write.entry;
    uint32_t group = group_of(entry, task);
    return entry->different[group] ? lmdb_delete_part(lmdb, LMDB_SPREAD, entry->id,
                                                      lmdb_spread_part(group, machine), err)
                                   : OMEGA_OK;
}

/* ---- writing ---- */

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
        .given = rest->given,
    };
    size_t size = record_job_state_bytes(entry->slots);
    int rc = lmdb_reserve_bytes(lmdb, size, err);
    if (rc != OMEGA_OK) {
        lmdb->write.broken = true; /* counters and machines have changed */
        return rc;
    }
    record_encode_job_state(&state, entry->state, entry->id, lmdb->write.bytes);
    return lmdb_put(lmdb, LMDB_STATES, entry->id, lmdb->write.bytes, size, err);
}

/* Takes a job that is over out of the tables. Of its machines none is left. */
static int delete_job(struct lmdb *lmdb, omega_error_t *err)
{
    const struct lmdb_write *write = &lmdb->write;
    uint64_t id = write->entry.id;
    int rc = lmdb_delete(lmdb, LMDB_JOBS, id, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_delete(lmdb, LMDB_STATES, id, err);
    }
    if (rc == OMEGA_OK && write->lists_durations) {
        rc = lmdb_delete(lmdb, LMDB_DURATIONS, id, err);
    }
    return rc == OMEGA_OK && write->entry.slots > RECORD_TASKS_EACH
               ? lmdb_delete_parts(lmdb, LMDB_TASKS, id, err)
               : rc;
}

int lmdb_entry_store(struct lmdb *lmdb, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    bool over = jobs_over(&write->entry);
    write->head.counters.jobs -= over;
    if (over && !lmdb->meta.keep_jobs) {
        return delete_job(lmdb, err);
    }
    write->state.over = over;
    int rc = put_state(lmdb, &write->entry, &write->state, err);
    return rc == OMEGA_OK ? put_parts(lmdb, err) : rc;
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
    rc = lmdb_put(lmdb, LMDB_JOBS, job->id, lmdb->write.bytes, size, err);
    size_t listed = record_encode_durations(job, NULL);
    if (rc != OMEGA_OK || listed == 0) {
        return rc;
    }
    rc = lmdb_reserve_bytes(lmdb, record_durations_bytes(listed), err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    record_encode_durations(job, lmdb->write.bytes);
    return lmdb_put(lmdb, LMDB_DURATIONS, job->id, lmdb->write.bytes,
                    record_durations_bytes(listed), err);
}

int lmdb_entry_insert(struct lmdb *lmdb, const struct job_entry *entry, uint16_t instance,
                      omega_error_t *err)
{
    struct record_job_state fresh = {.instance = instance};
    return put_state(lmdb, entry, &fresh, err);
}
