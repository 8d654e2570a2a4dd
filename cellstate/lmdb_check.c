/* SPDX-License-Identifier: MIT */
/*
 * What store_check() proves of the lmdb store besides A, B and I of what it shows: every record of
 * every table can be read; each job's tasks add up and match its placements, slot by slot (I, B);
 * totals match the machines (B); the change log has no gap, ends where the machines are now, and
 * accounts for every placement that is younger than it (E).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cellstate/lmdb_private.h"

struct checker {
    struct lmdb *lmdb;
    MDB_txn *txn;
    struct store_report *report;
    struct record_head head;
    struct store_placement *ran; /* placements of jobs, by job and task */
    size_t ran_count;
    size_t ran_room;
    size_t ran_seen;    /* so many have met their job, or have none */
    uint64_t log_first; /* 0: the log is empty */
    uint64_t young;     /* placements that run and were made since log_first */
    uint64_t made;      /* by the changes of the log */
    uint64_t ended;     /* by the changes of the log, of those made since log_first */
    uint64_t next;      /* key expected */
    uint64_t pending;
    uint64_t jobs;
    uint8_t *seen; /* per machine: what younger changes have told of it */
};

/* ---- placements ---- */

static int note_placement(void *context, uint64_t key, const MDB_val *data, omega_error_t *err)
{
    struct checker *checker = context;
    struct store_placement placement;
    int rc = record_decode_placement(data->mv_data, data->mv_size, key, &placement);
    if (rc != OMEGA_OK) {
        return lmdb_bad_record(checker->lmdb, rc, LMDB_PLACEMENTS, key, err);
    }
    uint64_t version = omega_placement_version(key);
    if (version > checker->head.counters.version) {
        store_violated(checker->report,
                       "E: placement %" PRIu64 " is of version %" PRIu64 ", the cell of %" PRIu64,
                       key, version, checker->head.counters.version);
    }
    checker->young += checker->log_first > 0 && version >= checker->log_first;
    if (placement.job == 0) {
        return OMEGA_OK;
    }
    if (checker->ran_count == checker->ran_room) {
        size_t room = checker->ran_room == 0 ? 1024 : checker->ran_room * 2;
        struct store_placement *ran = realloc(checker->ran, room * sizeof *ran);
        if (ran == NULL) {
            return omega_error_set(err, OMEGA_ENOMEM, "no memory to check the cell");
        }
        checker->ran = ran;
        checker->ran_room = room;
    }
    checker->ran[checker->ran_count++] = placement;
    return OMEGA_OK;
}

static int by_job_and_task(const void *left, const void *right)
{
    const struct store_placement *a = left;
    const struct store_placement *b = right;
    if (a->job != b->job) {
        return a->job < b->job ? -1 : 1;
    }
    if (a->task != b->task) {
        return a->task < b->task ? -1 : 1;
    }
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Passes over the placements that are left of jobs up to `last`, none of which is in the table. */
static void pass_orphans(struct checker *checker, uint64_t last)
{
    for (; checker->ran_seen < checker->ran_count; checker->ran_seen++) {
        const struct store_placement *placement = &checker->ran[checker->ran_seen];
        if (placement->job > last) {
            return;
        }
        store_violated(checker->report,
                       "I: placement %" PRIu64 " is of job %" PRIu64 ", which is not in the table",
                       placement->id, placement->job);
    }
}

static bool asks_for_different(const struct lmdb_job *job, uint32_t group)
{
    return job->different != NULL && job->different[group];
}

/* What keeps this placement from being one of the job, or NULL, and the invariant's letter. `group`
 * is moved on to the one of its task: tasks come by rising number. */
static const char *find_fault(const struct lmdb_job *job, const struct store_placement *placement,
                              uint32_t *group, char *letter)
{
    uint32_t task = placement->task;
    *letter = 'I';
    if (task >= job->job->slots) {
        return "which the job does not have";
    }
    const struct omega_task_group *of = &job->job->groups[*group];
    while (task - of->first_task >= of->count + of->optional) {
        of = &job->job->groups[++*group];
    }
    if (job->placed[task] == 0) {
        return "which the job takes for unplaced";
    }
    if (asks_for_different(job, *group) && job->machine_of[task] != placement->machine) {
        return "which the job takes to be on another machine";
    }
    *letter = 'B';
    if (memcmp(&placement->request, &of->request, sizeof of->request) != 0) {
        return "which asks for something else than its group";
    }
    return placement->band == omega_band_of(job->job->precedence)
               ? NULL
               : "which is in another band than its job";
}

/* Compares a job's placements with it; says how many there are, and how many of them are of groups
 * that ask for different machines. */
static uint64_t check_placements(struct checker *checker, const struct lmdb_job *job,
                                 uint64_t *spread)
{
    *spread = 0;
    if (checker->ran_count == 0) {
        return 0; /* there is no array either */
    }
    const struct store_placement *first = checker->ran + checker->ran_seen;
    const struct store_placement *end = checker->ran + checker->ran_count;
    const struct store_placement *at = first;
    uint32_t group = 0;
    for (; at < end && at->job == job->job->id; at++) {
        char letter = 'I';
        const char *fault = at > first && at[-1].task == at->task
                                ? "which has another placement"
                                : find_fault(job, at, &group, &letter);
        if (fault != NULL) {
            store_violated(checker->report,
                           "%c: placement %" PRIu64 " is of task %u of job %" PRIu64 ", %s", letter,
                           at->id, at->task, at->job, fault);
        }
        *spread += at->task < job->job->slots && asks_for_different(job, group);
    }
    checker->ran_seen += (size_t)(at - first);
    return (uint64_t)(at - first);
}

/* ---- jobs ---- */

/* Tasks by what became of them: they add up, and a job can come to them. */
static void check_tasks(struct checker *checker, const struct lmdb_job *job)
{
    uint64_t ended = (uint64_t)job->finished + job->failed;
    uint64_t sum = ended + job->pending + job->running + job->abandoned;
    bool elastic = omega_job_is_elastic(job->job);
    bool untouched = job->running == 0 && ended == 0;
    if (sum != job->submitted) {
        store_violated(checker->report,
                       "I: job %" PRIu64 " has %u tasks submitted, %" PRIu64 " accounted for",
                       job->job->id, job->submitted, sum);
    }
    if (job->submitted < job->job->tasks ||
        job->submitted > (job->started ? job->job->slots : job->job->tasks)) {
        store_violated(checker->report, "I: job %" PRIu64 " has %u tasks, %u submitted",
                       job->job->id, job->job->tasks, job->submitted);
    }
    if ((job->given_up ? job->pending : job->abandoned) > 0) {
        store_violated(checker->report,
                       "I: job %" PRIu64 " is %s with %u tasks pending and %u abandoned",
                       job->job->id, job->given_up ? "given up" : "not given up", job->pending,
                       job->abandoned);
    }
    if (job->started ? !elastic || job->pending > 0 : elastic && !untouched) {
        store_violated(
            checker->report, "I: job %" PRIu64 " is %s with %u tasks pending and %u running",
            job->job->id, job->started ? "started" : "not started", job->pending, job->running);
    }
    if ((job->pending > 0 || job->running > 0) == job->over) {
        store_violated(checker->report, "I: job %" PRIu64 " is %s with %u tasks pending or running",
                       job->job->id, job->over ? "over" : "in the table",
                       job->pending + job->running);
    }
}

/* The slots of a job, of which `runs` have a placement, and `spread` of them are of groups that ask
 * for different machines. A task that was lost with its machine after the job was given up counts
 * as abandoned, and stays placed. */
static void check_slots(struct checker *checker, const struct lmdb_job *job, uint64_t runs,
                        uint64_t spread)
{
    uint64_t least = (uint64_t)job->running + job->finished + job->failed;
    uint64_t placed = 0;
    uint64_t located = 0;
    for (uint32_t t = 0; t < job->job->slots; t++) {
        placed += job->placed[t];
        located += job->machine_of != NULL && job->machine_of[t] != UINT32_MAX;
    }
    if (runs != job->running) {
        store_violated(checker->report,
                       "I: job %" PRIu64 " has %u tasks running, %" PRIu64 " placements",
                       job->job->id, job->running, runs);
    }
    if (placed < least || placed > least + job->abandoned) {
        store_violated(checker->report,
                       "I: job %" PRIu64 " has %" PRIu64 " tasks placed, %" PRIu64
                       " that run or have ended",
                       job->job->id, placed, least);
    }
    if (located != spread) {
        store_violated(checker->report,
                       "I: job %" PRIu64 " knows machines of %" PRIu64 " tasks, %" PRIu64 " run",
                       job->job->id, located, spread);
    }
}

static int check_job(void *context, const struct lmdb_job *job)
{
    struct checker *checker = context;
    pass_orphans(checker, job->job->id - 1);
    check_tasks(checker, job);
    uint64_t spread;
    uint64_t runs = check_placements(checker, job, &spread);
    check_slots(checker, job, runs, spread);
    checker->pending += job->pending;
    checker->jobs += !job->over;
    return OMEGA_OK;
}

/* Does what was submitted say the same of different machines as the constraints' text does? */
static int check_group(struct checker *checker, uint64_t job, uint32_t g,
                       const struct record_group *group, omega_error_t *err)
{
    struct catalogue *catalogue = checker->lmdb->own_catalogue;
    uint32_t set = 0;
    char *text = strndup(group->constraints, group->constraints_length);
    int rc = text == NULL ? omega_error_set(err, OMEGA_ENOMEM, "no memory to check the cell")
                          : catalogue_constraints(catalogue, text, &set, err);
    free(text);
    if (rc == OMEGA_OK &&
        catalogue_constraint_set(catalogue, set)->different_machines != group->different) {
        store_violated(checker->report,
                       "I: group %u of job %" PRIu64 " is %s to ask for different machines, its "
                       "constraints are not",
                       g, job, group->different ? "said" : "said not");
    }
    return rc;
}

static int check_groups(void *context, uint64_t key, const MDB_val *data, omega_error_t *err)
{
    struct checker *checker = context;
    struct record_job job;
    struct record_group_cursor cursor = {.durations = 0};
    int rc =
        lmdb_bad_record(checker->lmdb, record_decode_job(data->mv_data, data->mv_size, key, &job),
                        LMDB_JOBS, key, err);
    for (uint32_t g = 0; rc == OMEGA_OK && g < job.job.group_count; g++) {
        struct record_group group;
        record_job_group(&job, g, &cursor, &group);
        rc = check_group(checker, key, g, &group, err);
    }
    return rc;
}

static int expect_job(void *context, uint64_t key, const MDB_val *data, omega_error_t *err)
{
    const struct checker *checker = context;
    MDB_val job;
    (void)data;
    int rc = lmdb_get(checker->lmdb, checker->txn, LMDB_JOBS, key, &job, err);
    if (rc == OMEGA_OK && job.mv_data == NULL) {
        store_violated(checker->report, "I: job %" PRIu64 " has records but is not in the table",
                       key);
    }
    return rc;
}

/* Durations, further tasks and machines of jobs that are in the table are read with the job. */
static int expect_job_of_part(void *context, uint64_t job, uint64_t part, const MDB_val *data,
                              omega_error_t *err)
{
    (void)part;
    return expect_job(context, job, data, err);
}

/* No record says what became of a job that is not in the table. */
static int check_orphans(struct checker *checker, omega_error_t *err)
{
    struct lmdb *lmdb = checker->lmdb;
    int rc = lmdb_walk(lmdb, checker->txn, LMDB_STATES, 0, expect_job, checker, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_walk(lmdb, checker->txn, LMDB_DURATIONS, 0, expect_job, checker, err);
    }
    if (rc == OMEGA_OK) {
        rc = lmdb_walk_parts(lmdb, checker->txn, LMDB_TASKS, 0, expect_job_of_part, checker, err);
    }
    return rc == OMEGA_OK ? lmdb_walk_parts(lmdb, checker->txn, LMDB_SPREAD, 0, expect_job_of_part,
                                            checker, err)
                          : rc;
}

static int check_jobs(struct checker *checker, omega_error_t *err)
{
    struct lmdb *lmdb = checker->lmdb;
    const struct store_counters *counters = &checker->head.counters;
    int rc = lmdb_walk(lmdb, checker->txn, LMDB_PLACEMENTS, 0, note_placement, checker, err);
    if (rc == OMEGA_OK) {
        if (checker->ran_count > 0) {
            qsort(checker->ran, checker->ran_count, sizeof *checker->ran, by_job_and_task);
        }
        rc = lmdb_jobs(&lmdb->base, check_job, checker, err);
    }
    if (rc == OMEGA_OK) {
        rc = check_orphans(checker, err);
    }
    if (rc == OMEGA_OK && lmdb->own_catalogue != NULL) { /* only that one may learn new texts */
        rc = lmdb_walk(lmdb, checker->txn, LMDB_JOBS, 0, check_groups, checker, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    pass_orphans(checker, UINT64_MAX);
    if (checker->pending != counters->tasks_pending || checker->jobs != counters->jobs) {
        store_violated(checker->report,
                       "I: %" PRIu64 " jobs with %" PRIu64 " tasks pending are in the table, "
                       "%" PRIu64 " with %" PRIu64 " counted",
                       checker->jobs, checker->pending, counters->jobs, counters->tasks_pending);
    }
    return OMEGA_OK;
}

/* ---- machines ---- */

static int check_spec(void *context, uint64_t key, const MDB_val *data, omega_error_t *err)
{
    struct checker *checker = context;
    struct omega_machine_spec spec;
    int rc = record_decode_spec(data->mv_data, data->mv_size, key, &spec);
    if (rc == OMEGA_OK && key != checker->next++) {
        rc = OMEGA_ECORRUPT;
    }
    return lmdb_bad_record(checker->lmdb, rc, LMDB_SPECS, key, err);
}

void lmdb_add_totals(struct store_totals *totals, const struct omega_machine *machine)
{
    totals_capacity(totals, machine, 1);
    totals->cpu_used_milli += machine->cpu_used_milli;
    totals->mem_used_mib += machine->mem_used_mib;
    for (int band = 0; band < OMEGA_BANDS; band++) {
        for (int device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
            totals->gpu_used_milli += machine->band_gpu_milli[band][device];
        }
    }
}

static void check_versions(struct checker *checker, const struct omega_machine *machine)
{
    for (int i = 0; i < 2; i++) {
        if (machine->placed_version[i] > checker->head.counters.version) {
            store_violated(checker->report,
                           "B: machine %u was placed on by version %" PRIu64
                           ", the cell is at version %" PRIu64,
                           machine->index, machine->placed_version[i],
                           checker->head.counters.version);
        }
    }
}

static int check_machines(struct checker *checker, omega_error_t *err)
{
    struct lmdb *lmdb = checker->lmdb;
    struct store_totals totals = {.cpu_used_milli = 0};
    MDB_stat about;
    checker->next = 0;
    int rc = lmdb_walk(lmdb, checker->txn, LMDB_SPECS, 0, check_spec, checker, err);
    for (uint32_t m = 0; rc == OMEGA_OK && m < lmdb->meta.machine_count; m++) {
        struct omega_machine machine;
        rc = lmdb_machine(&lmdb->base, m, &machine, err);
        if (rc == OMEGA_OK) {
            lmdb_add_totals(&totals, &machine);
            check_versions(checker, &machine);
        }
    }
    if (rc == OMEGA_OK) {
        rc = lmdb_failed(lmdb, mdb_stat(checker->txn, lmdb->tables[LMDB_MACHINES], &about),
                         "read the machines", err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (about.ms_entries != lmdb->meta.machine_count || checker->next != lmdb->meta.machine_count) {
        store_violated(checker->report,
                       "B: the cell has %u machines, %zu records and %" PRIu64 " specs",
                       lmdb->meta.machine_count, about.ms_entries, checker->next);
    }
    if (memcmp(&totals, &checker->head.totals, sizeof totals) != 0) {
        store_violated(checker->report,
                       "B: the cell's totals are not the sums over its machines (CPU used %" PRId64
                       ", sum %" PRId64 ")",
                       checker->head.totals.cpu_used_milli, totals.cpu_used_milli);
    }
    return OMEGA_OK;
}

/* ---- the change log ---- */

/* What a change may carry of a machine, as bits. */
enum {
    CARRIES_ROOM = 1,
    CARRIES_SEQ = 2,
    CARRIES_RELEASES = 4,
    CARRIES_LIMITS = 8,
};

static uint8_t carried(const struct record_change *change)
{
    return (uint8_t)(CARRIES_ROOM | (change->seqs ? CARRIES_SEQ : 0) |
                     (change->releases ? CARRIES_RELEASES : 0) |
                     (change->limits ? CARRIES_LIMITS : 0));
}

static bool same_room(const struct record_change *change, const struct record_change_machine *shown,
                      const struct omega_machine *machine)
{
    bool same = shown->free_cpu_milli == rules_free_cpu(machine) &&
                shown->free_mem_mib == rules_free_mem(machine);
    for (uint32_t d = 0; change->gpus && d < OMEGA_GPU_DEVICES_MAX; d++) {
        same = same && shown->free_gpu_milli[d] == rules_free_gpu(machine, d);
    }
    return same;
}

/* Of a machine, does the change show this as it is? */
static bool shows(const struct record_change *change, const struct record_change_machine *shown,
                  const struct omega_machine *machine, uint8_t what)
{
    bool limits = shown->cpu_limit_milli == machine->cpu_limit_milli &&
                  shown->mem_limit_mib == machine->mem_limit_mib;
    return ((what & CARRIES_ROOM) == 0 || same_room(change, shown, machine)) &&
           ((what & CARRIES_SEQ) == 0 || shown->seq == machine->seq) &&
           ((what & CARRIES_RELEASES) == 0 || shown->releases == machine->releases) &&
           ((what & CARRIES_LIMITS) == 0 || limits);
}

/* The youngest change that carries something of a machine shows it as it is. */
static int check_shown_machine(struct checker *checker, const struct record_change *change,
                               uint32_t i, omega_error_t *err)
{
    struct record_change_machine shown;
    struct omega_machine machine;
    record_change_machine(change, i, &shown);
    if (shown.index >= checker->lmdb->meta.machine_count) {
        store_violated(checker->report, "E: version %" PRIu64 " lists machine %u of %u",
                       change->version, shown.index, checker->lmdb->meta.machine_count);
        return OMEGA_OK;
    }
    uint8_t *seen = &checker->seen[shown.index];
    uint8_t told = carried(change) & (uint8_t) ~*seen;
    *seen |= told;
    if (told == 0) {
        return OMEGA_OK;
    }
    int rc = lmdb_machine(&checker->lmdb->base, shown.index, &machine, err);
    if (rc == OMEGA_OK && !shows(change, &shown, &machine, told)) {
        store_violated(checker->report,
                       "E: machine %u is not as version %" PRIu64 ", its last change, shows it",
                       shown.index, change->version);
    }
    return rc;
}

static void count_items(struct checker *checker, const struct record_change *change)
{
    if (change->kind == RECORD_CHANGE_COMMIT || change->kind == RECORD_CHANGE_PRELOAD) {
        checker->made += change->item_count;
        return;
    }
    for (uint32_t i = 0; i < change->item_count; i++) {
        struct record_change_item item;
        record_change_item(change, i, &item);
        checker->ended += omega_placement_version(item.placement) >= checker->log_first;
    }
}

static int check_change(struct checker *checker, uint64_t version, omega_error_t *err)
{
    struct lmdb *lmdb = checker->lmdb;
    uint64_t key = version % lmdb->meta.log_changes;
    MDB_val data;
    struct record_change change;
    int rc = lmdb_get(lmdb, checker->txn, LMDB_LOG, key, &data, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (data.mv_data == NULL) {
        store_violated(checker->report, "E: version %" PRIu64 " is not in the change log", version);
        return OMEGA_OK;
    }
    rc = lmdb_bad_record(lmdb, record_decode_change(data.mv_data, data.mv_size, key, &change),
                         LMDB_LOG, key, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (change.version != version) {
        store_violated(checker->report,
                       "E: the change log has version %" PRIu64 " in the place of %" PRIu64,
                       change.version, version);
        return OMEGA_OK;
    }
    for (uint32_t i = 0; rc == OMEGA_OK && i < change.machine_count; i++) {
        rc = check_shown_machine(checker, &change, i, err);
    }
    count_items(checker, &change);
    return rc;
}

static int check_log(struct checker *checker, omega_error_t *err)
{
    int rc = OMEGA_OK;
    uint64_t newest = checker->head.counters.version;
    for (uint64_t version = newest;
         rc == OMEGA_OK && checker->log_first > 0 && version >= checker->log_first; version--) {
        rc = check_change(checker, version, err);
    }
    if (rc == OMEGA_OK && checker->log_first > 0 &&
        checker->young != checker->made - checker->ended) {
        store_violated(checker->report,
                       "E: the log made %" PRIu64 " placements and ended %" PRIu64
                       " of them, %" PRIu64 " run",
                       checker->made, checker->ended, checker->young);
    }
    return rc;
}

/* ---- all of it ---- */

static int read_instance(void *context, const struct lmdb_instance *instance)
{
    (void)context;
    (void)instance;
    return OMEGA_OK;
}

int lmdb_check(struct store *store, struct store_report *report, omega_error_t *err)
{
    struct checker checker = {.lmdb = lmdb_of(store), .report = report};
    struct lmdb_info info;
    int rc = lmdb_info(store, &info, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_read_begin(checker.lmdb, &checker.txn, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    checker.log_first = info.log_first;
    checker.seen = calloc(store->machine_count + 1u, sizeof *checker.seen);
    rc = checker.seen == NULL ? omega_error_set(err, OMEGA_ENOMEM, "no memory to check the cell")
                              : lmdb_get_head(checker.lmdb, checker.txn, &checker.head, err);
    if (rc == OMEGA_OK) {
        rc = check_machines(&checker, err);
    }
    if (rc == OMEGA_OK) {
        rc = check_jobs(&checker, err);
    }
    if (rc == OMEGA_OK) {
        rc = check_log(&checker, err);
    }
    if (rc == OMEGA_OK) {
        rc = lmdb_instances(store, read_instance, NULL, err);
    }
    lmdb_read_end(checker.lmdb, checker.txn);
    free(checker.ran);
    free(checker.seen);
    return rc;
}
