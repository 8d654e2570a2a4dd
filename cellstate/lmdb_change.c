/* SPDX-License-Identifier: MIT */
/*
 * The other changes of the lmdb store: submissions, releases, machine events, jobs given up and
 * initial placements. What a caller can do wrong is found before the first change; a failure after
 * it (a full disk, a damaged record) ends the whole batch.
 */
#include <stdlib.h>
#include <string.h>

#include "cellstate/lmdb_private.h"

/* ---- jobs in, and given up ---- */

struct submission {
    const struct omega_job *job;
    uint8_t *bytes; /* the records: made before the gate is taken */
    size_t size;
    uint8_t *durations; /* NULL: no group lists them */
    size_t durations_size;
    struct job_entry *entry;
    uint16_t instance; /* whose it is; OMEGA_INSTANCE_NONE */
};

static int run_submit(struct lmdb *lmdb, void *arguments, omega_error_t *err)
{
    struct submission *submission = arguments;
    const struct omega_job *job = submission->job;
    MDB_val data;
    int rc = lmdb_get(lmdb, lmdb->write.txn, LMDB_JOBS, job->id, &data, err);
    if (rc == OMEGA_OK && data.mv_data != NULL) {
        rc = omega_error_set(err, OMEGA_EINVAL,
                             "job %llu cannot be submitted: expected an id above 0 that is new",
                             (unsigned long long)job->id);
    }
    if (rc == OMEGA_OK) {
        rc = lmdb_put(lmdb, LMDB_JOBS, job->id, submission->bytes, submission->size, err);
    }
    if (rc == OMEGA_OK && submission->durations != NULL) {
        rc = lmdb_put(lmdb, LMDB_DURATIONS, job->id, submission->durations,
                      submission->durations_size, err);
    }
    if (rc == OMEGA_OK) {
        rc = lmdb_entry_insert(lmdb, submission->entry, submission->instance, err);
    }
    if (rc == OMEGA_OK) {
        jobs_submitted(submission->entry, &lmdb->write.head.counters);
    }
    return rc;
}

/* Makes the record of durations, if there are any; false without memory. */
static bool list_durations(struct submission *submission)
{
    size_t listed = record_encode_durations(submission->job, NULL);
    if (listed == 0) {
        return true;
    }
    submission->durations_size = record_durations_bytes(listed);
    submission->durations = malloc(submission->durations_size);
    if (submission->durations != NULL) {
        (void)record_encode_durations(submission->job, submission->durations);
    }
    return submission->durations != NULL;
}

/* Makes the records and the entry of a job. */
static int prepare(struct submission *submission, const struct store *store, omega_error_t *err)
{
    const struct omega_job *job = submission->job;
    const char *user = symbols_text(catalogue_symbols(store->catalogue), job->user);
    const char **texts = malloc((job->group_count + 1u) * sizeof *texts);
    if (strlen(user) > RECORD_TEXT_MAX) {
        free((void *)texts);
        return omega_error_set(err, OMEGA_EINVAL,
                               "job %llu cannot be submitted: its user's name has %zu bytes, "
                               "expected at most %u",
                               (unsigned long long)job->id, strlen(user), RECORD_TEXT_MAX);
    }
    for (uint32_t g = 0; texts != NULL && g < job->group_count; g++) {
        texts[g] = catalogue_constraints_text(store->catalogue, job->groups[g].constraints);
    }
    submission->entry = texts == NULL ? NULL : jobs_entry_create(job, store->catalogue, NULL);
    bool entered = submission->entry != NULL;
    submission->size = entered ? record_job_bytes(job, user, texts) : 0;
    submission->bytes = entered ? malloc(submission->size) : NULL;
    if (submission->bytes != NULL) {
        record_encode_job(job, user, texts, submission->entry->different, submission->bytes);
    }
    free((void *)texts);
    bool made = submission->bytes != NULL && list_durations(submission);
    return made ? OMEGA_OK
                : omega_error_set(err, OMEGA_ENOMEM, "no memory for job %llu",
                                  (unsigned long long)job->id);
}

int lmdb_submit(struct store *store, const struct omega_job *job, omega_error_t *err)
{
    return lmdb_submit_to(store, job, OMEGA_INSTANCE_NONE, err);
}

int lmdb_submit_to(struct store *store, const struct omega_job *job, uint16_t instance,
                   omega_error_t *err)
{
    struct submission submission = {.job = job, .instance = instance};
    int rc = jobs_check_job(job, store->catalogue, err);
    if (rc == OMEGA_OK) {
        rc = prepare(&submission, store, err);
    }
    if (rc == OMEGA_OK) {
        rc = lmdb_execute_one(lmdb_of(store), run_submit, &submission, OMEGA_INSTANCE_NONE, err);
    }
    free(submission.bytes);
    free(submission.durations);
    jobs_entry_destroy(submission.entry, NULL);
    return rc;
}

struct abandonment {
    uint64_t job;
    uint32_t *tasks;
    uint64_t *version;
};

static int run_abandon(struct lmdb *lmdb, void *arguments, omega_error_t *err)
{
    const struct abandonment *abandonment = arguments;
    struct job_entry *entry = NULL;
    int rc = lmdb_entry_load(lmdb, abandonment->job, &entry, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (entry == NULL || entry->given_up) {
        return omega_error_set(err, OMEGA_EINVAL, "job %llu cannot be abandoned: it is %s",
                               (unsigned long long)abandonment->job,
                               entry == NULL ? "not in the table" : "abandoned already");
    }
    *abandonment->tasks = jobs_give_up(entry, &lmdb->write.head.counters);
    *abandonment->version = lmdb->write.head.counters.version;
    return lmdb_entry_store(lmdb, err);
}

int lmdb_abandon(struct store *store, uint64_t job, uint32_t *tasks, uint64_t *version,
                 omega_error_t *err)
{
    struct abandonment abandonment = {.job = job, .tasks = tasks, .version = version};
    return lmdb_execute_one(lmdb_of(store), run_abandon, &abandonment, OMEGA_INSTANCE_NONE, err);
}

struct telling {
    uint64_t job;
    int64_t duration_us;
    bool there;
};

static int run_tell(struct lmdb *lmdb, void *arguments, omega_error_t *err)
{
    struct telling *telling = arguments;
    struct job_entry *entry = NULL;
    int rc = lmdb_entry_load(lmdb, telling->job, &entry, err);
    telling->there = entry != NULL;
    if (rc != OMEGA_OK || entry == NULL) {
        return rc;
    }
    if (!entry->started) {
        return omega_error_set(
            err, OMEGA_EINVAL,
            "job %llu has not started, expected one with optional tasks that has",
            (unsigned long long)telling->job);
    }
    lmdb->write.state.given = lmdb_given(true, telling->duration_us);
    return lmdb_entry_store(lmdb, err);
}

int lmdb_tell_duration(struct store *store, uint64_t job, int64_t duration_us, omega_error_t *err)
{
    struct telling telling = {.job = job, .duration_us = duration_us};
    int rc = lmdb_execute_one(lmdb_of(store), run_tell, &telling, OMEGA_INSTANCE_NONE, err);
    return rc == OMEGA_OK && !telling.there ? 1 : rc;
}

/* ---- placements that end ---- */

/* Takes one placement off its machine and out of the table, in which it was just found. */
static int end_placement(struct lmdb *lmdb, const struct store_placement *placement,
                         omega_error_t *err)
{
    struct omega_machine *machine = NULL;
    int rc = lmdb_machine_at_hand(lmdb, placement->machine, &machine, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rules_release(machine, &placement->request, placement->devices,
                  (enum omega_band)placement->band, lmdb->meta.release_raises_seq);
    lmdb_change_machine(lmdb, machine);
    lmdb_change_item(lmdb, placement->id, placement->task, placement->machine, placement->devices);
    totals_use(&lmdb->write.head.totals, &placement->request, placement->devices, -1);
    return lmdb_delete(lmdb, LMDB_PLACEMENTS, placement->id, err);
}

/* Puts the cursor on a placement and decodes it; *runs is false if there is none of this id. */
static int find_placement(struct lmdb *lmdb, uint64_t id, struct store_placement *placement,
                          bool *runs, omega_error_t *err)
{
    MDB_val data;
    int rc = lmdb_find(lmdb, LMDB_PLACEMENTS, id, &data, err);
    *runs = rc == OMEGA_OK && data.mv_data != NULL;
    if (!*runs) {
        return rc;
    }
    rc = record_decode_placement(data.mv_data, data.mv_size, id, placement);
    if (rc == OMEGA_OK && placement->machine >= lmdb->meta.machine_count) {
        rc = OMEGA_ECORRUPT;
    }
    return lmdb_bad_record(lmdb, rc, LMDB_PLACEMENTS, id, err);
}

/* What ended placements do to their jobs: consecutive ones mostly belong to the same. */
struct ending {
    struct job_entry *entry; /* at hand, not written back yet */
    uint32_t ended;
    enum store_release_reason reason;
};

static int leave_job(struct lmdb *lmdb, struct ending *ending, omega_error_t *err)
{
    if (ending->entry == NULL) {
        return OMEGA_OK;
    }
    if (ending->ended > 0) {
        jobs_ended(ending->entry, &lmdb->write.head.counters, ending->ended, ending->reason);
    }
    ending->entry = NULL;
    ending->ended = 0;
    return lmdb_entry_store(lmdb, err);
}

static int turn_to_job(struct lmdb *lmdb, struct ending *ending, uint64_t job, omega_error_t *err)
{
    if (ending->entry != NULL && ending->entry->id == job) {
        return OMEGA_OK;
    }
    int rc = leave_job(lmdb, ending, err);
    if (rc == OMEGA_OK && job != 0) {
        rc = lmdb_entry_load(lmdb, job, &ending->entry, err);
        if (rc == OMEGA_OK && ending->entry == NULL) {
            rc = lmdb_bad_record(lmdb, OMEGA_ECORRUPT, LMDB_JOBS, job, err);
        }
    }
    return rc;
}

struct release {
    const uint64_t *placements;
    uint32_t count;
    enum store_release_reason reason;
    struct store_release_result *results;
    uint64_t *version;
};

static struct store_release_result result_of(const struct store_placement *placement)
{
    return (struct store_release_result){
        .placement = placement->id,
        .job = placement->job,
        .task = placement->task,
        .machine = placement->machine,
        .devices = placement->devices,
        .released = 1,
        .instance = placement->instance,
    };
}

/* Proves that a placement can be of its job before anything of it changes. */
static int check_task(struct lmdb *lmdb, const struct job_entry *entry,
                      const struct store_placement *placement, omega_error_t *err)
{
    if (placement->task >= entry->slots) {
        return lmdb_bad_record(lmdb, OMEGA_ECORRUPT, LMDB_PLACEMENTS, placement->id, err);
    }
    return entry->spreads ? lmdb_spread_expect(lmdb, placement->task, placement->machine, err)
                          : OMEGA_OK;
}

/* Ends a placement: off its machine, out of the tables. Its job is at hand, or it has none. */
static int end_task(struct lmdb *lmdb, const struct ending *ending,
                    const struct store_placement *placement, omega_error_t *err)
{
    const struct job_entry *entry = ending->entry;
    int rc = placement->job != 0 ? check_task(lmdb, entry, placement, err) : OMEGA_OK;
    if (rc == OMEGA_OK) {
        rc = end_placement(lmdb, placement, err);
    }
    return rc == OMEGA_OK && placement->job != 0 && entry->spreads
               ? lmdb_spread_end(lmdb, placement->task, placement->machine, err)
               : rc;
}

static int release_one(struct lmdb *lmdb, struct ending *ending, uint64_t id,
                       struct store_release_result *result, omega_error_t *err)
{
    struct store_placement placement;
    bool runs = false;
    int rc = find_placement(lmdb, id, &placement, &runs, err);
    if (rc != OMEGA_OK || !runs) {
        *result = (struct store_release_result){.placement = id, .instance = OMEGA_INSTANCE_NONE};
        return rc;
    }
    *result = result_of(&placement);
    rc = turn_to_job(lmdb, ending, placement.job, err);
    if (rc == OMEGA_OK) {
        rc = end_task(lmdb, ending, &placement, err);
    }
    ending->ended += rc == OMEGA_OK && placement.job != 0;
    return rc;
}

static int run_release(struct lmdb *lmdb, void *arguments, omega_error_t *err)
{
    const struct release *release = arguments;
    struct ending ending = {.reason = release->reason};
    struct lmdb_write *write = &lmdb->write;
    uint32_t machines =
        release->count < lmdb->meta.machine_count ? release->count : lmdb->meta.machine_count;
    int rc = lmdb_change_begin(lmdb, RECORD_CHANGE_RELEASE, machines, release->count, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    write->change.detail = (uint8_t)release->reason;
    for (uint32_t i = 0; rc == OMEGA_OK && i < release->count; i++) {
        rc = release_one(lmdb, &ending, release->placements[i], &release->results[i], err);
    }
    if (rc == OMEGA_OK) {
        rc = leave_job(lmdb, &ending, err);
    }
    if (rc == OMEGA_OK && write->change.item_count > 0) {
        rc = lmdb_change_end(lmdb, err);
    }
    write->broken = write->broken || (rc != OMEGA_OK && write->change.item_count > 0);
    *release->version = write->head.counters.version;
    return rc;
}

int lmdb_release(struct store *store, const uint64_t *placements, uint32_t count,
                 enum store_release_reason reason, struct store_release_result *results,
                 uint64_t *version, omega_error_t *err)
{
    struct release release = {
        .placements = placements,
        .count = count,
        .reason = reason,
        .results = results,
        .version = version,
    };
    return lmdb_execute_one(lmdb_of(store), run_release, &release, OMEGA_INSTANCE_NONE, err);
}

/* ---- machine events ---- */

struct event {
    const struct omega_machine_event *event;
    enum store_loss_policy policy;
    uint64_t scanned; /* lmdb->lost lists what ran on the machine at this version */
    uint32_t lost;
    uint64_t *version;
};

/* Context of the walks that look for what runs on a machine. */
struct search {
    struct lmdb *lmdb;
    uint32_t machine;
    uint32_t count;
};

static int note_placement(void *context, uint64_t key, const MDB_val *data, omega_error_t *err)
{
    struct search *search = context;
    struct lmdb *lmdb = search->lmdb;
    struct store_placement placement;
    int rc = record_decode_placement(data->mv_data, data->mv_size, key, &placement);
    if (rc != OMEGA_OK || placement.machine != search->machine) {
        return lmdb_bad_record(lmdb, rc, LMDB_PLACEMENTS, key, err);
    }
    if (search->count == lmdb->lost_room) {
        uint32_t room = lmdb->lost_room == 0 ? 64 : lmdb->lost_room * 2;
        struct store_release_result *lost = realloc(lmdb->lost, room * sizeof *lost);
        if (lost == NULL) {
            return omega_error_set(err, OMEGA_ENOMEM, "no memory to remove machine %u",
                                   search->machine);
        }
        lmdb->lost = lost;
        lmdb->lost_room = room;
    }
    lmdb->lost[search->count++] = result_of(&placement);
    return OMEGA_OK;
}

/* Lists what runs on a machine before the gate is taken: a walk over all placements, which nobody
 * should have to wait for. Inside, only what has been placed since is walked over. */
static int scan_before(struct lmdb *lmdb, struct event *event, omega_error_t *err)
{
    struct search search = {.lmdb = lmdb, .machine = event->event->machine};
    struct record_head head = {.counters.version = 0};
    MDB_txn *txn = NULL;
    int rc = lmdb_read_newest(lmdb, &txn, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = lmdb_get_head(lmdb, txn, &head, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_walk(lmdb, txn, LMDB_PLACEMENTS, 0, note_placement, &search, err);
    }
    lmdb_read_end(lmdb, txn);
    event->scanned = head.counters.version;
    event->lost = search.count;
    return rc;
}

/* Takes one lost placement off; one that has ended since the scan is left out of the list. */
static int lose_one(struct lmdb *lmdb, struct ending *ending, const struct event *event,
                    uint32_t index, uint32_t *kept, omega_error_t *err)
{
    struct store_placement placement;
    bool runs = false;
    int rc = find_placement(lmdb, lmdb->lost[index].placement, &placement, &runs, err);
    if (rc != OMEGA_OK || !runs) {
        return rc;
    }
    lmdb->lost[(*kept)++] = result_of(&placement);
    rc = turn_to_job(lmdb, ending, placement.job, err);
    if (rc == OMEGA_OK) {
        rc = end_task(lmdb, ending, &placement, err);
    }
    if (rc == OMEGA_OK && placement.job != 0) {
        rc = lmdb_entry_task(lmdb, placement.task, err);
        if (rc == OMEGA_OK) {
            jobs_lost(ending->entry, &lmdb->write.head.counters, placement.task, event->policy);
            lmdb_entry_task_changed(lmdb, placement.task);
        }
    }
    return rc;
}

/* Takes all placements off a machine that is removed. */
static int lose_all(struct lmdb *lmdb, struct event *event, omega_error_t *err)
{
    struct ending ending = {.reason = STORE_FAILED};
    struct search search = {
        .lmdb = lmdb,
        .machine = event->event->machine,
        .count = event->lost,
    };
    int rc = lmdb_walk(lmdb, lmdb->write.txn, LMDB_PLACEMENTS,
                       omega_placement_id(event->scanned + 1, 0), note_placement, &search, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_change_begin(lmdb, RECORD_CHANGE_EVENT, 1, search.count, err);
    }
    uint32_t kept = 0;
    lmdb->write.broken = rc == OMEGA_OK; /* from here until all of it is done */
    for (uint32_t i = 0; rc == OMEGA_OK && i < search.count; i++) {
        rc = lose_one(lmdb, &ending, event, i, &kept, err);
    }
    if (rc == OMEGA_OK) {
        rc = leave_job(lmdb, &ending, err);
    }
    lmdb->write.head.counters.losses += kept;
    event->lost = kept;
    return rc;
}

/* The event itself: what the machine becomes. */
static int change_machine(struct lmdb *lmdb, const struct event *event, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    const struct omega_machine_spec *spec = &lmdb->specs[event->event->machine];
    struct omega_machine *machine = NULL;
    int rc = lmdb_machine_at_hand(lmdb, event->event->machine, &machine, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    totals_capacity(&write->head.totals, machine, -1);
    (void)rules_machine_event(machine, spec, event->event, &lmdb->meta.overcommit, NULL);
    totals_capacity(&write->head.totals, machine, 1);
    lmdb_change_machine(lmdb, machine);
    write->change.detail = event->event->kind;
    return lmdb_change_end(lmdb, err);
}

static int run_event(struct lmdb *lmdb, void *arguments, omega_error_t *err)
{
    struct event *event = arguments;
    struct lmdb_write *write = &lmdb->write;
    struct omega_machine *machine = NULL;
    uint32_t index = event->event->machine;
    int rc = lmdb_machine_at_hand(lmdb, index, &machine, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct omega_machine next = *machine;
    rc = rules_machine_event(&next, &lmdb->specs[index], event->event, &lmdb->meta.overcommit, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (event->event->kind == OMEGA_EVENT_REMOVE) {
        rc = lose_all(lmdb, event, err);
    } else {
        rc = lmdb_change_begin(lmdb, RECORD_CHANGE_EVENT, 1, 0, err);
    }
    if (rc == OMEGA_OK) {
        write->broken = true;
        rc = change_machine(lmdb, event, err);
        write->broken = rc != OMEGA_OK;
    }
    *event->version = write->head.counters.version;
    return rc;
}

int lmdb_machine_event(struct store *store, const struct omega_machine_event *happens,
                       enum store_loss_policy policy, const struct store_release_result **lost,
                       uint32_t *lost_count, uint64_t *version, omega_error_t *err)
{
    struct lmdb *lmdb = lmdb_of(store);
    struct event event = {.event = happens, .policy = policy, .version = version};
    if (happens->machine >= store->machine_count) {
        return omega_error_set(err, OMEGA_EINVAL, "machine %u is not in the cell of %u machines",
                               happens->machine, store->machine_count);
    }
    int rc = happens->kind == OMEGA_EVENT_REMOVE ? scan_before(lmdb, &event, err) : OMEGA_OK;
    if (rc == OMEGA_OK) {
        rc = lmdb_execute_one(lmdb, run_event, &event, OMEGA_INSTANCE_NONE, err);
    }
    if (rc == OMEGA_OK) {
        *lost = lmdb->lost;
        *lost_count = event.lost;
    }
    return rc;
}

/* ---- the initial state ---- */

struct preload {
    struct store_placement *placements;
    uint32_t count;
    uint64_t *version;
    struct lmdb *lmdb;
    int code; /* why a machine could not be read */
    omega_error_t *err;
};

static const struct omega_machine *record_of(void *context, uint32_t index)
{
    struct preload *preload = context;
    struct omega_machine *machine = NULL;
    int rc = lmdb_machine_at_hand(preload->lmdb, index, &machine, preload->err);
    preload->code = preload->code == OMEGA_OK ? rc : preload->code;
    return rc == OMEGA_OK ? machine : NULL;
}

static int run_preload(struct lmdb *lmdb, void *arguments, omega_error_t *err)
{
    struct preload *preload = arguments;
    struct lmdb_write *write = &lmdb->write;
    uint32_t machines =
        preload->count < lmdb->meta.machine_count ? preload->count : lmdb->meta.machine_count;
    preload->err = err;
    int rc = jobs_check_preload(preload->placements, preload->count, lmdb->meta.machine_count,
                                record_of, preload, err);
    rc = preload->code != OMEGA_OK ? preload->code : rc;
    if (rc == OMEGA_OK) {
        rc = lmdb_change_begin(lmdb, RECORD_CHANGE_PRELOAD, machines, preload->count, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    write->broken = true; /* until all of it is done */
    for (uint32_t i = 0; rc == OMEGA_OK && i < preload->count; i++) {
        preload->placements[i].instance = OMEGA_INSTANCE_NONE;
        rc = lmdb_place(lmdb, &preload->placements[i], err);
    }
    if (rc == OMEGA_OK) {
        rc = lmdb_change_end(lmdb, err);
    }
    write->broken = rc != OMEGA_OK;
    *preload->version = write->head.counters.version;
    return rc;
}

int lmdb_preload(struct store *store, struct store_placement *placements, uint32_t count,
                 uint64_t *version, omega_error_t *err)
{
    struct preload preload = {
        .placements = placements,
        .count = count,
        .version = version,
        .lmdb = lmdb_of(store),
    };
    return lmdb_execute_one(preload.lmdb, run_preload, &preload, OMEGA_INSTANCE_NONE, err);
}
