/* SPDX-License-Identifier: MIT */
/* Compares a cell with what its workers wrote down. */
#include "tests/support/kill_check.h"

#include <stdlib.h>
#include <string.h>

#include "cellstate/lmdb_records.h"
#include "core/base/map.h"

/* One placement that somebody was told of, or that the log has. */
struct known {
    uint64_t job;
    uint32_t task;
    uint32_t machine;
    bool ended;
    bool found; /* in the cell, this time */
};

struct known_job {
    uint64_t id;
    uint32_t tasks;
    uint32_t slots;
    uint32_t running;
    bool placed; /* something once was */
    bool given_up;
    bool may_be_given_up; /* its worker was killed while it abandoned it */
    bool gone;            /* over, and out of the table */
};

/* The list of every value in a map, which has no order. */
struct values {
    struct map map;
    uint64_t *keys;
    size_t room;
};

struct kill_model {
    struct values placements;
    struct values jobs;
    uint64_t version;
    struct kill_act last[KILL_WORKERS];   /* that installed something; kind KILL_COMMIT if any */
    struct kill_act flying[KILL_WORKERS]; /* killed in it, and not installed */
    struct kill_act before[KILL_WORKERS]; /* `last` of a worker that was killed */
    uint32_t incarnation[KILL_WORKERS];
    uint64_t acts;
    uint64_t changes;
    uint64_t unanswered_found;
};

struct logged {
    struct lmdb_change change;
    bool explained;
};

struct fold {
    struct kill_model *model;
    struct kill_load *load;
    struct store *store;
    struct trouble *trouble;
    struct logged *log; /* of versions first .. first + count - 1 */
    uint64_t first;
    uint64_t count;
    uint64_t room;
};

typedef unsigned long ul;

/* ---- what is known ---- */

static void *values_add(struct values *values, uint64_t key, size_t size)
{
    void *value = calloc(1, size);
    if (values->map.count == values->room) {
        values->room = values->room == 0 ? 1024 : 2 * values->room;
        values->keys = realloc(values->keys, values->room * sizeof *values->keys);
    }
    ck_assert(value != NULL && values->keys != NULL);
    values->keys[values->map.count] = key;
    ck_assert_int_eq(map_put(&values->map, key, value), 0);
    return value;
}

static void values_free(struct values *values)
{
    for (size_t i = 0; i < values->map.count; i++) {
        free(map_get(&values->map, values->keys[i]));
    }
    free(values->keys);
    map_clear(&values->map);
}

struct kill_model *kill_model_create(void)
{
    struct kill_model *model = calloc(1, sizeof *model);
    ck_assert_ptr_nonnull(model);
    return model;
}

void kill_model_destroy(struct kill_model *model)
{
    if (model != NULL) {
        values_free(&model->placements);
        values_free(&model->jobs);
        free(model);
    }
}

void kill_model_count(const struct kill_model *model, uint64_t *acts, uint64_t *changes,
                      uint64_t *unanswered_found)
{
    *acts += model->acts;
    *changes += model->changes;
    *unanswered_found += model->unanswered_found;
}

static struct known *know(struct kill_model *model, uint64_t id)
{
    struct known *known = map_get(&model->placements.map, id);
    return known != NULL ? known : values_add(&model->placements, id, sizeof *known);
}

static struct known_job *know_job(struct kill_model *model, const struct kill_act *act)
{
    struct known_job *job = map_get(&model->jobs.map, act->job);
    if (job == NULL) {
        job = values_add(&model->jobs, act->job, sizeof *job);
        *job = (struct known_job){.id = act->job, .tasks = act->tasks, .slots = act->slots};
    }
    return job;
}

/* ---- the log ---- */

static int log_one(void *context, const struct lmdb_change *change)
{
    struct fold *fold = context;
    TROUBLE_EXPECT(fold->trouble, change->version == fold->first + fold->count,
                   "E: the log goes on with version %lu, expected %lu", (ul)change->version,
                   (ul)(fold->first + fold->count));
    if (fold->count == fold->room) {
        fold->room = fold->room == 0 ? 1024 : 2 * fold->room;
        fold->log = realloc(fold->log, fold->room * sizeof *fold->log);
        ck_assert_ptr_nonnull(fold->log);
    }
    fold->log[fold->count++] = (struct logged){.change = *change};
    return 0;
}

static void log_read(struct fold *fold)
{
    omega_error_t err = {.code = 0};
    int rc = lmdb_changes(fold->store, fold->first, log_one, fold, &err);
    uint64_t version = disk_version(fold->store);
    TROUBLE_EXPECT(fold->trouble, rc == 0, "log: %s", disk_message(&err));
    TROUBLE_EXPECT(fold->trouble, fold->first + fold->count == version + 1,
                   "E: the log ends with version %lu, the cell is at %lu",
                   (ul)(fold->first + fold->count - 1), (ul)version);
}

/* The change of a version, of this kind; marks it as explained. */
static const struct lmdb_change *log_at(struct fold *fold, uint64_t version, uint8_t kind,
                                        uint32_t items)
{
    if (!TROUBLE_EXPECT(fold->trouble,
                        version >= fold->first && version < fold->first + fold->count,
                        "G: acknowledged version %lu is not in the log, which has %lu to %lu",
                        (ul)version, (ul)fold->first, (ul)(fold->first + fold->count) - 1)) {
        return NULL;
    }
    struct logged *logged = &fold->log[version - fold->first];
    TROUBLE_EXPECT(fold->trouble, !logged->explained, "E: version %lu was given twice",
                   (ul)version);
    TROUBLE_EXPECT(fold->trouble, logged->change.kind == kind && logged->change.items == items,
                   "G: version %lu is of kind %u with %u items, acknowledged was %u with %u",
                   (ul)version, logged->change.kind, logged->change.items, kind, items);
    logged->explained = true;
    return &logged->change;
}

static bool same_identity(const struct lmdb_change *change, const struct kill_act *act)
{
    return change->kind == RECORD_CHANGE_COMMIT && change->instance == act->instance &&
           change->incarnation == act->incarnation && change->attempt == act->attempt &&
           change->job == act->job;
}

/* The commit of an identity, or NULL. */
static struct logged *log_find(struct fold *fold, const struct kill_act *act)
{
    for (uint64_t i = 0; i < fold->count; i++) {
        if (same_identity(&fold->log[i].change, act)) {
            return &fold->log[i];
        }
    }
    return NULL;
}

#define ANY_DETAIL UINT8_MAX

/* A change that nobody has explained yet, or NULL; one with so many items where there is one. */
static struct logged *log_unexplained(struct fold *fold, uint8_t kind, uint8_t detail,
                                      uint32_t items)
{
    struct logged *found = NULL;
    for (uint64_t i = 0; i < fold->count; i++) {
        const struct lmdb_change *change = &fold->log[i].change;
        if (fold->log[i].explained || change->kind != kind ||
            (detail != ANY_DETAIL && change->detail != detail)) {
            continue;
        }
        if (change->items == items) {
            return &fold->log[i];
        }
        found = &fold->log[i];
    }
    return found;
}

/* ---- what was acknowledged ---- */

/* C: exactly what the granularity says. */
static void check_granularity(const struct kill_act *act, const bool *accepted,
                              struct trouble *trouble)
{
    uint32_t total = 0;
    uint32_t of_group[2] = {0, 0};
    bool sound = true;
    for (uint32_t i = 0; i < act->count; i++) {
        total += accepted[i];
        of_group[act->claims[i].group] += accepted[i];
        for (uint32_t j = 0; j < i && act->granularity == OMEGA_COMMIT_MACHINE; j++) {
            sound = sound && (act->claims[i].machine != act->claims[j].machine ||
                              accepted[i] == accepted[j]);
        }
    }
    if (act->granularity == OMEGA_COMMIT_ALL || act->granularity == OMEGA_COMMIT_GANG) {
        sound = total == 0 || total == act->count;
    } else if (act->granularity == OMEGA_COMMIT_AT_LEAST) {
        sound = total == 0 || (of_group[0] >= act->minimum[0] && of_group[1] >= act->minimum[1]);
    }
    TROUBLE_EXPECT(trouble, sound, "C: %u of %u claims were installed under granularity %u", total,
                   act->count, act->granularity);
}

static void keep_placement(struct kill_model *model, uint64_t id, const struct kill_act *act,
                           uint32_t i)
{
    struct known *known = know(model, id);
    known->job = act->job;
    known->task = act->claims[i].task;
    known->machine = act->claims[i].machine;
    know_job(model, act)->placed = true;
}

/* Takes over the results of a commit that was answered; checks that they agree among themselves. */
static void keep_commit(struct kill_model *model, const struct kill_act *act,
                        struct trouble *trouble)
{
    bool accepted[KILL_CLAIMS_MAX] = {false};
    uint32_t total = 0;
    const struct omega_result *result = &act->result;
    for (uint32_t i = 0; i < act->count; i++) {
        accepted[i] = act->results[i].outcome == OMEGA_ACCEPTED;
        if (accepted[i]) {
            uint64_t id = omega_placement_id(act->version, total++);
            TROUBLE_EXPECT(trouble, act->results[i].placement == id,
                           "placement %lu of version %lu, expected %lu",
                           (ul)act->results[i].placement, (ul)act->version, (ul)id);
            keep_placement(model, id, act, i);
        }
    }
    TROUBLE_EXPECT(trouble,
                   result->accepted == total &&
                       total + result->conflicts + result->refused + result->aborted == act->count,
                   "a result counts %u accepted of %u, its claims say %u", result->accepted,
                   act->count, total);
    check_granularity(act, accepted, trouble);
}

static void fold_commit(struct fold *fold, const struct kill_act *act)
{
    if (act->accepted == 0) {
        TROUBLE_EXPECT(fold->trouble, log_find(fold, act) == NULL,
                       "C: a commit that accepted nothing is in the log");
        return;
    }
    const struct lmdb_change *change =
        log_at(fold, act->version, RECORD_CHANGE_COMMIT, act->accepted);
    TROUBLE_EXPECT(fold->trouble, change == NULL || same_identity(change, act),
                   "G: version %lu is of another transaction", (ul)act->version);
    keep_commit(fold->model, act, fold->trouble);
    fold->model->last[act->instance] = *act;
}

static void fold_release(struct fold *fold, const struct kill_act *act)
{
    for (uint32_t i = 0; i < act->count; i++) {
        if (act->released[i]) {
            know(fold->model, act->placements[i])->ended = true;
        }
    }
    /* one that is acknowledged too early knows no version */
    if (act->accepted > 0 && act->version > 0) {
        log_at(fold, act->version, RECORD_CHANGE_RELEASE, act->accepted);
    }
}

static void fold_event(struct fold *fold, const struct kill_act *act)
{
    for (uint32_t i = 0; i < act->accepted && i < KILL_LOST_MAX; i++) {
        know(fold->model, act->placements[i])->ended = true;
    }
    const struct lmdb_change *change =
        log_at(fold, act->version, RECORD_CHANGE_EVENT, act->accepted);
    TROUBLE_EXPECT(fold->trouble, change == NULL || change->detail == act->event,
                   "G: version %lu is another machine event", (ul)act->version);
}

static void fold_answered(struct fold *fold, const struct kill_act *act)
{
    struct kill_model *model = fold->model;
    switch (act->kind) {
    case KILL_JOIN:
        TROUBLE_EXPECT(fold->trouble, act->incarnation > model->incarnation[act->instance],
                       "incarnation %u after %u", act->incarnation,
                       model->incarnation[act->instance]);
        model->incarnation[act->instance] = act->incarnation;
        break;
    case KILL_SUBMIT:
        know_job(model, act);
        break;
    case KILL_COMMIT:
        fold_commit(fold, act);
        break;
    case KILL_RELEASE:
        fold_release(fold, act);
        break;
    case KILL_EVENT:
        fold_event(fold, act);
        break;
    default:
        know_job(model, act)->given_up = true;
        break;
    }
}

/* ---- what its worker was killed in: it happened, or it did not ---- */

static int placement_found(void *context, const struct store_placement *placement)
{
    struct fold *fold = context;
    struct known *known = know(fold->model, placement->id);
    known->found = true;
    if (known->job == 0) { /* nobody was told of it */
        known->job = placement->job;
        known->task = placement->task;
        known->machine = placement->machine;
    }
    TROUBLE_EXPECT(fold->trouble,
                   known->job == placement->job && known->task == placement->task &&
                       known->machine == placement->machine,
                   "G: placement %lu is task %u of job %lu on machine %u, "
                   "acknowledged was task %u of job %lu on machine %u",
                   (ul)placement->id, placement->task, (ul)placement->job, placement->machine,
                   known->task, (ul)known->job, known->machine);
    struct known_job *job = map_get(&fold->model->jobs.map, placement->job);
    if (job != NULL) {
        job->running++;
    }
    return 0;
}

/* True if a placement was on the machine of an unanswered removal, and has gone without another
 * reason. */
static bool went_with(const struct known *known, const struct kill_act *act)
{
    return act->event == OMEGA_EVENT_REMOVE && known->machine == act->machine && known->job != 0 &&
           !known->found && !known->ended;
}

/* A removal that happened has ended everything on its machine. */
static void fold_unanswered_event(struct fold *fold, const struct kill_act *act)
{
    const struct values *all = &fold->model->placements;
    uint32_t gone = 0;
    for (size_t i = 0; i < all->map.count; i++) {
        gone += went_with(map_get(&all->map, all->keys[i]), act);
    }
    struct logged *logged = log_unexplained(fold, RECORD_CHANGE_EVENT, act->event, gone);
    if (logged == NULL) {
        return;
    }
    logged->explained = true;
    fold->model->unanswered_found++;
    for (size_t i = 0; i < all->map.count; i++) {
        struct known *known = map_get(&all->map, all->keys[i]);
        if (went_with(known, act)) {
            known->ended = true;
        }
    }
}

/* The placements of a commit that was not answered: the cell says which claims they are. */
static void fold_unanswered_commit(struct fold *fold, const struct kill_act *act)
{
    struct logged *logged = log_find(fold, act);
    if (logged == NULL) {
        fold->model->flying[act->instance] = *act;
        return;
    }
    bool accepted[KILL_CLAIMS_MAX] = {false};
    uint32_t found = 0;
    uint32_t next = 0;
    for (uint32_t p = 0; p < logged->change.items; p++) {
        uint64_t id = omega_placement_id(logged->change.version, p);
        const struct known *known = map_get(&fold->model->placements.map, id);
        if (known == NULL || known->job == 0) {
            continue; /* a removal by somebody else was quicker than this look */
        }
        while (next < act->count && act->claims[next].task != known->task) {
            next++;
        }
        if (TROUBLE_EXPECT(fold->trouble,
                           next < act->count && act->claims[next].machine == known->machine,
                           "C: placement %lu was never claimed", (ul)id)) {
            accepted[next] = true;
            found++;
        }
    }
    if (found == logged->change.items) {
        check_granularity(act, accepted, fold->trouble);
    }
    TROUBLE_EXPECT(fold->trouble, logged->change.items >= 1 && logged->change.items <= act->count,
                   "C: %u of %u claims were installed", logged->change.items, act->count);
    logged->explained = true;
    know_job(fold->model, act)->placed = true;
    fold->model->unanswered_found++;
    fold->model->last[act->instance] = *act;
    fold->model->last[act->instance].version = logged->change.version;
    fold->model->last[act->instance].accepted = logged->change.items;
}

/* All of the batch that still ran has ended, or nothing. */
static void fold_unanswered_release(struct fold *fold, const struct kill_act *act)
{
    uint32_t running = 0;
    uint32_t found = 0;
    for (uint32_t i = 0; i < act->count; i++) {
        const struct known *known = know(fold->model, act->placements[i]);
        running += !known->ended;
        found += !known->ended && known->found;
    }
    TROUBLE_EXPECT(fold->trouble, found == 0 || found == running,
                   "C: a release ended %u of %u placements", running - found, running);
    if (running == 0 || found != 0) {
        return;
    }
    struct logged *logged = log_unexplained(fold, RECORD_CHANGE_RELEASE, ANY_DETAIL, running);
    if (logged != NULL) {
        logged->explained = true;
        fold->model->unanswered_found++;
        for (uint32_t i = 0; i < act->count; i++) {
            know(fold->model, act->placements[i])->ended = true;
        }
    }
}

static void fold_unanswered(struct fold *fold, const struct kill_act *act, uint8_t kind)
{
    if (act->kind != kind) {
        return;
    }
    if (kind == KILL_EVENT) {
        fold_unanswered_event(fold, act);
    } else if (kind == KILL_COMMIT) {
        fold_unanswered_commit(fold, act);
    } else if (kind == KILL_RELEASE) {
        fold_unanswered_release(fold, act);
    }
}

/* ---- the comparison ---- */

/* A commit or release that ended nothing known (all of it lost before) may be left over from an
 * unanswered act; what is left then has nobody who meant it. */
static void check_explained(struct fold *fold, uint32_t unanswered)
{
    uint32_t left = 0;
    for (uint64_t i = 0; i < fold->count; i++) {
        const struct lmdb_change *change = &fold->log[i].change;
        left += !fold->log[i].explained;
        TROUBLE_EXPECT(fold->trouble,
                       fold->log[i].explained || change->kind != RECORD_CHANGE_COMMIT,
                       "E: version %lu is a commit of job %lu that nobody made",
                       (ul)change->version, (ul)change->job);
    }
    TROUBLE_EXPECT(fold->trouble, left <= unanswered, "E: %u changes that nobody made", left);
}

static void check_placements(struct fold *fold)
{
    const struct values *all = &fold->model->placements;
    for (size_t i = 0; i < all->map.count; i++) {
        struct known *known = map_get(&all->map, all->keys[i]);
        TROUBLE_EXPECT(fold->trouble, known->found || known->ended,
                       "G: placement %lu of job %lu was acknowledged, never ended, and is gone",
                       (ul)all->keys[i], (ul)known->job);
        TROUBLE_EXPECT(fold->trouble, !known->found || !known->ended,
                       "G: placement %lu of job %lu was ended, and runs", (ul)all->keys[i],
                       (ul)known->job);
    }
}

struct seen_job {
    struct known_job *known;
    struct trouble *trouble;
};

static int compare_job(void *context, const struct lmdb_job *job)
{
    const struct seen_job *seen = context;
    const struct known_job *known = seen->known;
    ul id = (ul)known->id;
    TROUBLE_EXPECT(seen->trouble,
                   job->submitted ==
                       job->pending + job->running + job->finished + job->failed + job->abandoned,
                   "I: job %lu does not add up", id);
    TROUBLE_EXPECT(seen->trouble,
                   known->slots > known->tasks ? job->submitted >= known->tasks
                                               : job->submitted == known->tasks,
                   "G: job %lu has %u tasks, submitted were %u", id, job->submitted, known->tasks);
    TROUBLE_EXPECT(seen->trouble, job->running == known->running,
                   "B: job %lu says that %u of its tasks run, the cell has %u", id, job->running,
                   known->running);
    TROUBLE_EXPECT(seen->trouble, job->given_up || !known->given_up,
                   "G: job %lu was abandoned, and is not", id);
    return 0;
}

static void check_jobs(struct fold *fold)
{
    const struct values *all = &fold->model->jobs;
    for (size_t i = 0; i < all->map.count; i++) {
        struct known_job *known = map_get(&all->map, all->keys[i]);
        struct seen_job seen = {.known = known, .trouble = fold->trouble};
        omega_error_t err = {.code = 0};
        if (known->gone) {
            continue;
        }
        int rc = lmdb_find_job(fold->store, known->id, compare_job, &seen, &err);
        TROUBLE_EXPECT(fold->trouble, rc >= 0, "job %lu: %s", (ul)known->id, disk_message(&err));
        if (rc == 1) {
            known->gone =
                known->running == 0 && (known->placed || known->given_up || known->may_be_given_up);
            TROUBLE_EXPECT(fold->trouble, known->gone,
                           "G: acknowledged job %lu with %u tasks, %u of them running, is gone",
                           (ul)known->id, known->tasks, known->running);
        }
    }
}

static int compare_instance(void *context, const struct lmdb_instance *instance)
{
    struct fold *fold = context;
    if (!TROUBLE_EXPECT(fold->trouble, instance->instance < KILL_WORKERS, "instance %u",
                        instance->instance)) {
        return 0;
    }
    const struct kill_act *last = &fold->model->last[instance->instance];
    uint32_t known = fold->model->incarnation[instance->instance];
    TROUBLE_EXPECT(fold->trouble,
                   instance->incarnation == known || instance->incarnation == known + 1,
                   "instance %u is at incarnation %u, joined as %u", instance->instance,
                   instance->incarnation, known);
    fold->model->incarnation[instance->instance] = instance->incarnation;
    if (last->kind == KILL_COMMIT && last->incarnation == instance->incarnation) {
        TROUBLE_EXPECT(fold->trouble,
                       instance->job == last->job && instance->attempt == last->attempt &&
                           instance->result.version == last->version &&
                           instance->result.accepted == last->accepted,
                       "C: instance %u last committed job %lu at %lu, recorded is job %lu at %lu",
                       instance->instance, (ul)last->job, (ul)last->version, (ul)instance->job,
                       (ul)instance->result.version);
    }
    return 0;
}

static void each_act(struct fold *fold,
                     void (*look)(struct fold *, const struct kill_act *, uint8_t), bool answered,
                     uint8_t kind)
{
    for (uint32_t w = 0; w < KILL_WORKERS; w++) {
        const struct kill_worker *worker = &fold->load->workers[w];
        uint32_t count = atomic_load(&worker->act_count);
        for (uint32_t i = 0; i < count; i++) {
            if (atomic_load(&worker->acts[i].answered) == answered) {
                look(fold, &worker->acts[i], kind);
            }
        }
    }
}

static void look_answered(struct fold *fold, const struct kill_act *act, uint8_t kind)
{
    (void)kind;
    fold->model->acts++;
    fold_answered(fold, act);
}

/* What was not answered may have happened all the same. */
static void look_submitted(struct fold *fold, const struct kill_act *act, uint8_t kind)
{
    struct kill_model *model = fold->model;
    struct known_job probe = {.id = act->job, .tasks = act->tasks, .slots = act->slots};
    struct seen_job seen = {.known = &probe, .trouble = fold->trouble};
    if (act->kind == kind && kind == KILL_SUBMIT &&
        lmdb_find_job(fold->store, act->job, compare_job, &seen, NULL) == 0) {
        know_job(model, act);
        model->unanswered_found++;
    }
    if (act->kind == KILL_ABANDON) {
        know_job(model, act)->may_be_given_up = true;
    }
}

static void count_one(struct fold *fold, const struct kill_act *act, uint8_t kind)
{
    (void)kind;
    fold->room += act->kind == KILL_RELEASE || act->kind == KILL_EVENT;
}

static void forget(struct fold *fold)
{
    struct kill_model *model = fold->model;
    for (uint32_t w = 0; w < KILL_WORKERS; w++) {
        atomic_store(&fold->load->workers[w].act_count, 0);
    }
    model->version = disk_version(fold->store);
    model->changes += fold->count;
    free(fold->log);
}

void kill_model_fold(struct kill_model *model, struct kill_load *load, struct store *store,
                     struct trouble *trouble)
{
    struct fold fold = {
        .model = model,
        .load = load,
        .store = store,
        .trouble = trouble,
        .first = model->version + 1,
    };
    omega_error_t err = {.code = 0};
    disk_check(store, trouble);
    log_read(&fold);
    for (size_t i = 0; i < model->placements.map.count; i++) {
        ((struct known *)map_get(&model->placements.map, model->placements.keys[i]))->found = false;
    }
    for (size_t i = 0; i < model->jobs.map.count; i++) {
        ((struct known_job *)map_get(&model->jobs.map, model->jobs.keys[i]))->running = 0;
    }
    memset(model->flying, 0, sizeof model->flying);
    each_act(&fold, look_answered, true, 0);
    each_act(&fold, look_submitted, false, KILL_SUBMIT);
    int rc = store_placements(store, placement_found, &fold, &err);
    TROUBLE_EXPECT(trouble, rc == 0, "placements: %s", disk_message(&err));
    each_act(&fold, fold_unanswered, false, KILL_EVENT);
    each_act(&fold, fold_unanswered, false, KILL_COMMIT);
    each_act(&fold, fold_unanswered, false, KILL_RELEASE);
    fold.room = 0;
    each_act(&fold, count_one, false, 0);
    check_explained(&fold, (uint32_t)fold.room);
    check_placements(&fold);
    check_jobs(&fold);
    rc = lmdb_instances(store, compare_instance, &fold, &err);
    TROUBLE_EXPECT(trouble, rc == 0, "instances: %s", disk_message(&err));
    forget(&fold);
}

/* ---- sending again ---- */

static bool same_results(const struct kill_act *a, const struct kill_act *b)
{
    bool same = a->result.version == b->result.version &&
                a->result.accepted == b->result.accepted &&
                a->result.conflicts == b->result.conflicts &&
                a->result.refused == b->result.refused && a->result.aborted == b->result.aborted;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct omega_claim_result *x = &a->results[i];
        const struct omega_claim_result *y = &b->results[i];
        same = same && x->outcome == y->outcome && x->placement == y->placement &&
               x->rival == y->rival && x->rival_version == y->rival_version &&
               x->other_refuses == y->other_refuses;
    }
    return same;
}

/* Sends `act` again; the answer is in *again. */
static int send(const struct kill_act *act, struct store *store, struct kill_act *again,
                omega_error_t *err)
{
    *again = *act;
    memset(again->results, 0, sizeof again->results);
    memset(&again->result, 0, sizeof again->result);
    omega_error_clear(err);
    struct omega_transaction txn = kill_transaction(again);
    int rc = store_commit(store, &txn, again->results, &again->result, err);
    again->version = again->result.version;
    again->accepted = again->result.accepted;
    return rc;
}

/* What is recorded comes back, and nothing changes. */
static void expect_recorded(const struct kill_act *act, bool answered, struct store *store,
                            struct trouble *trouble)
{
    struct kill_act again;
    omega_error_t err = {.code = 0};
    uint64_t before = disk_version(store);
    int rc = send(act, store, &again, &err);
    TROUBLE_EXPECT(trouble, rc == 0, "C: sent again: %s", disk_message(&err));
    TROUBLE_EXPECT(trouble, rc != 0 || again.version == act->version,
                   "C: sent again, version %lu, recorded was %lu", (ul)again.version,
                   (ul)act->version);
    TROUBLE_EXPECT(trouble, rc != 0 || again.accepted == act->accepted,
                   "C: sent again, %u accepted, recorded were %u", again.accepted, act->accepted);
    TROUBLE_EXPECT(trouble, rc != 0 || !answered || same_results(act, &again),
                   "C: sent again, another result than was acknowledged");
    TROUBLE_EXPECT(trouble, disk_version(store) == before, "C: sent again, and the cell moved");
}

static void expect_superseded(const struct kill_act *act, struct store *store,
                              struct trouble *trouble)
{
    struct kill_act again;
    omega_error_t err = {.code = 0};
    uint64_t before = disk_version(store);
    int rc = send(act, store, &again, &err);
    TROUBLE_EXPECT(trouble, rc == OMEGA_ESUPERSEDED && err.text[0] != '\0',
                   "C: incarnation %u, attempt %u sent again is %d, expected superseded",
                   act->incarnation, act->attempt, rc);
    TROUBLE_EXPECT(trouble, disk_version(store) == before, "C: superseded, and the cell moved");
}

/* The one it was killed in was not installed: it is now, once. */
static void send_flying(struct kill_model *model, uint32_t slot, struct store *store,
                        struct trouble *trouble)
{
    struct kill_act again;
    omega_error_t err = {.code = 0};
    uint64_t before = disk_version(store);
    int rc = send(&model->flying[slot], store, &again, &err);
    TROUBLE_EXPECT(trouble, rc == 0, "sent for the first time: %s", disk_message(&err));
    uint64_t moved = disk_version(store) - before;
    TROUBLE_EXPECT(trouble, moved == (again.accepted > 0 ? 1 : 0),
                   "E: %lu versions for one transaction", (ul)moved);
    if (rc == 0 && again.accepted > 0) {
        keep_commit(model, &again, trouble);
        model->last[slot] = again;
        model->version = disk_version(store);
        expect_recorded(&again, true, store, trouble);
    }
}

void kill_model_resend(struct kill_model *model, uint32_t slot, struct store *store,
                       struct trouble *trouble)
{
    struct kill_act *last = &model->last[slot];
    if (last->kind == KILL_COMMIT && last->incarnation == model->incarnation[slot]) {
        expect_recorded(last, atomic_load(&last->answered), store, trouble);
        struct kill_act earlier = *last;
        earlier.attempt--;
        expect_superseded(&earlier, store, trouble);
    }
    if (model->flying[slot].kind == KILL_COMMIT) {
        send_flying(model, slot, store, trouble);
    }
    model->before[slot] = *last;
    memset(last, 0, sizeof *last);
}

void kill_model_resend_old(struct kill_model *model, uint32_t slot, struct store *store,
                           struct trouble *trouble)
{
    const struct kill_act *before = &model->before[slot];
    if (before->kind == KILL_COMMIT && before->incarnation < model->incarnation[slot]) {
        expect_superseded(before, store, trouble);
    }
}
