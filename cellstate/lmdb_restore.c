/* SPDX-License-Identifier: MIT */
/*
 * Restoring a dump: records are written as they were, all in one LMDB transaction, which is checked
 * through itself before it is committed. The change log begins empty.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cellstate/lmdb_private.h"

struct lmdb_restore {
    struct store *store;
    uint64_t newest; /* version of the youngest placement */
};

static struct lmdb *lmdb_in(const struct lmdb_restore *restore)
{
    return lmdb_of(restore->store);
}

static int check_is_new(struct lmdb *lmdb, omega_error_t *err)
{
    const struct store_counters *counters = &lmdb->write.head.counters;
    if (counters->version == 0 && counters->tasks_submitted == 0) {
        return OMEGA_OK;
    }
    return omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                              "the cell is at version %llu, expected a new one to restore into",
                              (unsigned long long)counters->version);
}

int lmdb_restore_open(const char *path, struct lmdb_restore **restore, omega_error_t *err)
{
    struct lmdb_restore *opened = calloc(1, sizeof *opened);
    *restore = NULL;
    if (opened == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to restore the cell");
    }
    int rc = lmdb_open_cell(path, NULL, LMDB_TO_RESTORE, &opened->store, err);
    if (rc != OMEGA_OK) {
        free(opened);
        return rc;
    }
    struct lmdb *lmdb = lmdb_in(opened);
    bool died = false;
    rc = lmdb_gate_enter(lmdb->gate, OMEGA_INSTANCE_NONE, NULL, NULL, &died, err);
    if (rc != OMEGA_OK) {
        store_close(opened->store);
        free(opened);
        return rc;
    }
    rc = lmdb_write_begin(lmdb, err);
    if (rc == OMEGA_OK) {
        rc = check_is_new(lmdb, err);
    }
    if (rc != OMEGA_OK) {
        lmdb_restore_abort(opened);
        return rc;
    }
    *restore = opened;
    return OMEGA_OK;
}

void lmdb_restore_abort(struct lmdb_restore *restore)
{
    if (restore == NULL) {
        return;
    }
    struct lmdb *lmdb = lmdb_in(restore);
    lmdb_hold_as(lmdb, NULL);
    lmdb_write_abort(lmdb);
    lmdb_gate_leave(lmdb->gate);
    store_close(restore->store);
    free(restore);
}

int lmdb_restore_machine(struct lmdb_restore *restore, const struct omega_machine *machine,
                         omega_error_t *err)
{
    struct lmdb *lmdb = lmdb_in(restore);
    uint8_t bytes[RECORD_MACHINE_BYTES_MAX];
    struct omega_machine check;
    if (machine->index >= lmdb->meta.machine_count) {
        return omega_error_set(err, OMEGA_EINVAL, "machine %u is not in the cell of %u machines",
                               machine->index, lmdb->meta.machine_count);
    }
    size_t size = record_encode_machine(machine, bytes);
    if (record_decode_machine(bytes, size, machine->index, &check) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_EINVAL, "machine %u has figures out of range",
                               machine->index);
    }
    return lmdb_put(lmdb, LMDB_MACHINES, machine->index, bytes, size, err);
}

int lmdb_restore_placement(struct lmdb_restore *restore, const struct store_placement *placement,
                           omega_error_t *err)
{
    struct lmdb *lmdb = lmdb_in(restore);
    uint8_t bytes[RECORD_PLACEMENT_BYTES];
    struct store_placement check;
    record_encode_placement(placement, bytes);
    if (placement->machine >= lmdb->meta.machine_count || placement->id == 0 ||
        record_decode_placement(bytes, sizeof bytes, placement->id, &check) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "placement %llu on machine %u has figures out of range",
                               (unsigned long long)placement->id, placement->machine);
    }
    uint64_t version = omega_placement_version(placement->id);
    restore->newest = version > restore->newest ? version : restore->newest;
    return lmdb_put(lmdb, LMDB_PLACEMENTS, placement->id, bytes, sizeof bytes, err);
}

/* Which groups ask for different machines, by their constraints' texts. */
static int find_different(struct lmdb *lmdb, const struct lmdb_job *job, bool *different,
                          bool *spreads, omega_error_t *err)
{
    int rc = OMEGA_OK;
    *spreads = false;
    for (uint32_t g = 0; rc == OMEGA_OK && g < job->job->group_count; g++) {
        uint32_t set = 0;
        rc = catalogue_constraints(lmdb->own_catalogue, job->constraints[g], &set, err);
        if (rc == OMEGA_OK) {
            different[g] = catalogue_constraint_set(lmdb->own_catalogue, set)->different_machines;
            *spreads = *spreads || different[g];
        }
    }
    return rc;
}

static int put_state(struct lmdb *lmdb, const struct lmdb_job *job, omega_error_t *err)
{
    struct record_job_state state = {
        .slots = job->job->slots,
        .submitted = job->submitted,
        .pending = job->pending,
        .running = job->running,
        .finished = job->finished,
        .failed = job->failed,
        .abandoned = job->abandoned,
        .started = job->started,
        .given_up = job->given_up,
        .over = job->over,
        .instance = job->instance,
        .attempt = job->attempt,
        .given = lmdb_given(job->told, job->given_us),
    };
    size_t size = record_job_state_bytes(job->job->slots);
    int rc = lmdb_reserve_bytes(lmdb, size, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    record_encode_job_state(&state, job->placed, job->job->id, lmdb->write.bytes);
    if (record_decode_job_state(lmdb->write.bytes, size, job->job->id, &state) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_EINVAL, "job %llu has figures out of range",
                               (unsigned long long)job->job->id);
    }
    return lmdb_put(lmdb, LMDB_STATES, job->job->id, lmdb->write.bytes, size, err);
}

/* Which tasks are placed beyond those in the job's state; a part without any has no record. */
static int put_tasks(struct lmdb *lmdb, const struct lmdb_job *job, omega_error_t *err)
{
    int rc = OMEGA_OK;
    uint32_t tasks;
    for (uint32_t part = 1; rc == OMEGA_OK && (tasks = record_tasks_in(job->job->slots, part)) > 0;
         part++) {
        const uint8_t *placed = job->placed + (size_t)part * RECORD_TASKS_EACH;
        uint8_t bytes[RECORD_TASKS_BYTES];
        if (memchr(placed, 1, tasks) != NULL) {
            record_encode_tasks(placed, tasks, record_part_key(job->job->id, part), bytes);
            rc = lmdb_put_part(lmdb, LMDB_TASKS, job->job->id, part, bytes, sizeof bytes, err);
        }
    }
    return rc;
}

static int put_machine(struct lmdb *lmdb, const struct lmdb_job *job, uint32_t group, uint32_t task,
                       omega_error_t *err)
{
    uint8_t bytes[RECORD_TASK_MACHINE_BYTES];
    uint64_t id = job->job->id;
    uint32_t machine = job->machine_of[task];
    uint64_t part = lmdb_spread_part(group, machine);
    if (machine == UINT32_MAX) {
        return OMEGA_OK;
    }
    if (machine >= lmdb->meta.machine_count) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "job %llu: task %u runs on machine %u, which is not in the cell of "
                               "%u machines",
                               (unsigned long long)id, task, machine, lmdb->meta.machine_count);
    }
    record_encode_task_machine(task, record_part_key(id, part), bytes);
    return lmdb_put_part(lmdb, LMDB_SPREAD, id, part, bytes, sizeof bytes, err);
}

/* Where the tasks of groups run that ask for different machines. */
static int put_machines(struct lmdb *lmdb, const struct lmdb_job *job, const bool *different,
                        omega_error_t *err)
{
    int rc = OMEGA_OK;
    for (uint32_t g = 0; job->machine_of != NULL && g < job->job->group_count; g++) {
        const struct omega_task_group *group = &job->job->groups[g];
        uint32_t end = group->first_task + group->count + group->optional;
        for (uint32_t t = group->first_task; rc == OMEGA_OK && different[g] && t < end; t++) {
            rc = put_machine(lmdb, job, g, t, err);
        }
    }
    return rc;
}

/* No record could be read that has a longer text. */
static int check_texts(const struct lmdb_job *job, omega_error_t *err)
{
    size_t longest = strnlen(job->user, RECORD_TEXT_MAX + 1);
    for (uint32_t g = 0; g < job->job->group_count; g++) {
        size_t length = strnlen(job->constraints[g], RECORD_TEXT_MAX + 1);
        longest = length > longest ? length : longest;
    }
    return longest <= RECORD_TEXT_MAX
               ? OMEGA_OK
               : omega_error_set(err, OMEGA_EINVAL,
                                 "job %llu: user or constraints are too long, expected at most %u "
                                 "bytes each",
                                 (unsigned long long)job->job->id, RECORD_TEXT_MAX);
}

static int put_job(struct lmdb *lmdb, const struct lmdb_job *job, bool *different,
                   omega_error_t *err)
{
    bool spreads = false;
    int rc = find_different(lmdb, job, different, &spreads, err);
    if (rc == OMEGA_OK && spreads != (job->machine_of != NULL)) {
        rc = omega_error_set(err, OMEGA_EINVAL,
                             "job %llu: expected the machines of its tasks if, and only if, some "
                             "group asks for different machines",
                             (unsigned long long)job->job->id);
    }
    if (rc == OMEGA_OK) {
        rc = put_state(lmdb, job, err);
    }
    if (rc == OMEGA_OK) {
        rc = put_tasks(lmdb, job, err);
    }
    if (rc == OMEGA_OK) {
        rc = put_machines(lmdb, job, different, err);
    }
    return rc == OMEGA_OK
               ? lmdb_job_put(lmdb, job->job, job->user, job->constraints, different, err)
               : rc;
}

int lmdb_restore_job(struct lmdb_restore *restore, const struct lmdb_job *job, omega_error_t *err)
{
    int rc = job->job->id == 0 ? omega_error_set(err, OMEGA_EINVAL, "job 0: expected an id above 0")
                               : omega_job_check(job->job, err);
    if (rc == OMEGA_OK) {
        rc = check_texts(job, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    bool *different = calloc(job->job->group_count + 1u, sizeof *different);
    if (different == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for job %llu",
                               (unsigned long long)job->job->id);
    }
    rc = put_job(lmdb_in(restore), job, different, err);
    free(different);
    return rc;
}

int lmdb_restore_instance(struct lmdb_restore *restore, uint16_t instance, uint32_t incarnation,
                          const char *module, omega_error_t *err)
{
    struct record_instance record = {.incarnation = incarnation};
    if (instance == OMEGA_INSTANCE_NONE || strlen(module) > RECORD_MODULE_MAX) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "instance %u of module '%.80s', expected one below %u and a name "
                               "of at most %u bytes",
                               instance, module, OMEGA_INSTANCE_NONE, RECORD_MODULE_MAX);
    }
    (void)snprintf(record.module, sizeof record.module, "%s", module);
    return lmdb_put_instance(lmdb_in(restore), instance, &record, NULL, err);
}

/* Totals are what the machines add up to. */
static int sum_totals(struct lmdb *lmdb, omega_error_t *err)
{
    struct store_totals *totals = &lmdb->write.head.totals;
    int rc = OMEGA_OK;
    *totals = (struct store_totals){.cpu_used_milli = 0};
    for (uint32_t m = 0; rc == OMEGA_OK && m < lmdb->meta.machine_count; m++) {
        struct omega_machine machine;
        rc = lmdb_machine(&lmdb->base, m, &machine, err);
        if (rc == OMEGA_OK) {
            lmdb_add_totals(totals, &machine);
        }
    }
    return rc;
}

/* Proves what the transaction would make of the cell. */
static int prove(struct lmdb_restore *restore, omega_error_t *err)
{
    struct lmdb *lmdb = lmdb_in(restore);
    struct store_report report;
    if (restore->newest > lmdb->write.head.counters.version) {
        return omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                                  "a placement is of version %llu, the cell of %llu",
                                  (unsigned long long)restore->newest,
                                  (unsigned long long)lmdb->write.head.counters.version);
    }
    int rc = store_check(restore->store, &report, err);
    if (rc == OMEGA_OK && report.violations > 0) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                                "what was restored breaks %llu invariants, first %s",
                                (unsigned long long)report.violations, report.first);
    }
    return rc;
}

int lmdb_restore_commit(struct lmdb_restore *restore, const struct store_counters *counters,
                        omega_error_t *err)
{
    struct lmdb *lmdb = lmdb_in(restore);
    lmdb->write.head.counters = *counters;
    lmdb_hold_as(lmdb, lmdb->write.txn); /* all reading is of what has been written so far */
    int rc = sum_totals(lmdb, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_head_put(lmdb, err);
    }
    if (rc == OMEGA_OK) {
        rc = prove(restore, err);
    }
    lmdb_hold_as(lmdb, NULL);
    if (rc == OMEGA_OK) { /* the commit itself syncs, in every mode: if that fails nothing is in */
        rc = lmdb_failed(lmdb, mdb_env_set_flags(lmdb->env, MDB_NOSYNC, 0), "sync the cell", err);
    }
    if (rc == OMEGA_OK) {
        rc = lmdb_write_end(lmdb, err);
    }
    lmdb_restore_abort(restore);
    return rc;
}
