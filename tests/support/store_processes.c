/* SPDX-License-Identifier: MIT */
/*
 * The lmdb store of one cell in several processes: each change is made by one of them, drawn at
 * random, while everything is read in the first, which learns of the others' changes from the cell
 * alone. A commit that has an identity is sometimes sent once more, through another process, as by
 * somebody who has not got the answer: it has to get the same one, and change nothing.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/lmdb_cell.h"
#include "tests/support/wire.h"

#define WORKERS 2u
#define REPEAT_ONE_IN 4

/* What a worker is asked to do. */
enum call {
    CALL_SUBMIT,
    CALL_COMMIT,
    CALL_RELEASE,
    CALL_EVENT,
    CALL_ABANDON,
    CALL_PRELOAD,
};

struct worker {
    pid_t pid;
    int socket;
};

/* The lmdb store itself, with the changing functions of its table replaced. */
struct processes {
    struct store_ops ops; /* first: store->ops leads back here */
    const struct store_ops *real;
    struct lmdb_cell cell;
    struct worker workers[WORKERS];
    struct wire wire;
    struct store_release_result *lost; /* of the last machine event */
};

static struct processes *processes_of(struct store *store)
{
    return (struct processes *)(uintptr_t)store->ops;
}

/* ---- the workers ---- */

/* The answer's head: how it went. */
static void answer(struct wire *wire, int rc, const omega_error_t *err)
{
    wire_clear(wire);
    WIRE_PUT(wire, rc);
    WIRE_PUT(wire, *err);
}

static void *room_for(size_t count, size_t size)
{
    void *room = calloc(count + 1, size);
    if (room == NULL) {
        abort();
    }
    return room;
}

/* The job's sets and user came as texts: this process has a catalogue of its own. */
static void do_submit(struct store *store, struct wire *wire)
{
    struct omega_job job;
    omega_error_t err = {0};
    struct catalogue *catalogue = (struct catalogue *)(uintptr_t)store->catalogue;
    WIRE_GET(wire, job);
    const char *user = wire_get_text(wire);
    job.user = symbols_intern(catalogue_symbols(catalogue), user);
    struct omega_task_group *groups = room_for(job.group_count, sizeof(*groups));
    int64_t **durations = room_for(job.group_count, sizeof(*durations));
    for (uint32_t g = 0; g < job.group_count; g++) {
        WIRE_GET(wire, groups[g]);
        if (catalogue_constraints(catalogue, wire_get_text(wire), &groups[g].constraints, &err)) {
            abort();
        }
        if (groups[g].task_duration_us != NULL) {
            size_t tasks = groups[g].count + groups[g].optional;
            durations[g] = room_for(tasks, sizeof(**durations));
            wire_get(wire, durations[g], tasks * sizeof(**durations));
            groups[g].task_duration_us = durations[g];
        }
    }
    job.groups = groups;
    int rc = store_submit(store, &job, &err);
    answer(wire, rc, &err);
    for (uint32_t g = 0; g < job.group_count; g++) {
        free(durations[g]);
    }
    free(durations);
    free(groups);
}

static void do_commit(struct store *store, struct wire *wire)
{
    struct omega_transaction txn;
    omega_error_t err = {0};
    struct omega_result result = {0};
    uint32_t sent = 0;
    WIRE_GET(wire, txn);
    txn.brief = NULL; /* is another process's */
    WIRE_GET(wire, sent);
    struct omega_claim *claims = room_for(sent, sizeof(*claims));
    uint32_t *minimum = room_for(txn.group_count, sizeof(*minimum));
    struct omega_claim_result *results = room_for(sent, sizeof(*results));
    wire_get(wire, claims, sent * sizeof(*claims));
    wire_get(wire, minimum, txn.group_count * sizeof(*minimum));
    txn.claims = claims;
    txn.group_minimum = minimum;
    int rc = store_commit(store, &txn, results, &result, &err);
    answer(wire, rc, &err);
    WIRE_PUT(wire, result);
    wire_put(wire, results, sent * sizeof(*results));
    free(claims);
    free(minimum);
    free(results);
}

static void do_release(struct store *store, struct wire *wire)
{
    uint32_t count = 0;
    enum store_release_reason reason = STORE_FINISHED;
    uint64_t version = 0;
    omega_error_t err = {0};
    WIRE_GET(wire, count);
    WIRE_GET(wire, reason);
    uint64_t *placements = room_for(count, sizeof(*placements));
    struct store_release_result *results = room_for(count, sizeof(*results));
    wire_get(wire, placements, count * sizeof(*placements));
    int rc = store_release(store, placements, count, reason, results, &version, &err);
    answer(wire, rc, &err);
    WIRE_PUT(wire, version);
    wire_put(wire, results, count * sizeof(*results));
    free(placements);
    free(results);
}

static void do_event(struct store *store, struct wire *wire)
{
    struct omega_machine_event event;
    enum store_loss_policy policy = STORE_LOST_RETURN;
    const struct store_release_result *lost = NULL;
    uint32_t count = 0;
    uint64_t version = 0;
    omega_error_t err = {0};
    WIRE_GET(wire, event);
    WIRE_GET(wire, policy);
    int rc = store_machine_event(store, &event, policy, &lost, &count, &version, &err);
    answer(wire, rc, &err);
    WIRE_PUT(wire, version);
    WIRE_PUT(wire, count);
    wire_put(wire, lost, count * sizeof(*lost));
}

static void do_abandon(struct store *store, struct wire *wire)
{
    uint64_t job = 0;
    uint32_t tasks = 0;
    uint64_t version = 0;
    omega_error_t err = {0};
    WIRE_GET(wire, job);
    int rc = store_abandon(store, job, &tasks, &version, &err);
    answer(wire, rc, &err);
    WIRE_PUT(wire, tasks);
    WIRE_PUT(wire, version);
}

static void do_preload(struct store *store, struct wire *wire)
{
    uint32_t count = 0;
    uint64_t version = 0;
    omega_error_t err = {0};
    WIRE_GET(wire, count);
    struct store_placement *placements = room_for(count, sizeof(*placements));
    wire_get(wire, placements, count * sizeof(*placements));
    int rc = store_preload(store, placements, count, &version, &err);
    answer(wire, rc, &err);
    WIRE_PUT(wire, version);
    wire_put(wire, placements, count * sizeof(*placements));
    free(placements);
}

/* A worker's life: ends well when nobody asks any more. */
static _Noreturn void work(struct lmdb_cell *cell, int socket)
{
    static void (*const calls[])(struct store *, struct wire *) = {
        [CALL_SUBMIT] = do_submit, [CALL_COMMIT] = do_commit,   [CALL_RELEASE] = do_release,
        [CALL_EVENT] = do_event,   [CALL_ABANDON] = do_abandon, [CALL_PRELOAD] = do_preload,
    };
    struct wire wire = {0};
    struct store *store = NULL;
    omega_error_t err = {0};
    struct lmdb_use use = {.module = "worker", .config = &cell->config};
    use.group = omega_random_below(&cell->random, 2) == 0;
    int rc = lmdb_open(cell->path, &use, &store, &err);
    answer(&wire, rc, &err);
    if (!wire_send(socket, &wire) || rc != 0) {
        _exit(EXIT_FAILURE);
    }
    while (wire_receive(socket, &wire)) {
        enum call call = CALL_SUBMIT;
        WIRE_GET(&wire, call);
        calls[call](store, &wire);
        if (!wire_send(socket, &wire)) {
            break;
        }
    }
    store_close(store);
    wire_free(&wire);
    _exit(EXIT_SUCCESS);
}

static void stop_workers(struct processes *p)
{
    for (uint32_t w = 0; w < WORKERS; w++) {
        struct worker *worker = &p->workers[w];
        if (worker->pid > 0) {
            int status = 0;
            (void)close(worker->socket);
            while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR) {
            }
            worker->pid = 0;
            ck_assert_msg(WIFEXITED(status), "a worker ended by signal %d", WTERMSIG(status));
        }
    }
}

/* Asks a worker and waits for the answer, of which the head is read. */
static int ask(struct processes *p, struct worker *worker, omega_error_t *err)
{
    omega_error_t theirs = {0};
    int rc = 0;
    ck_assert_msg(wire_send(worker->socket, &p->wire) && wire_receive(worker->socket, &p->wire),
                  "a worker is gone");
    WIRE_GET(&p->wire, rc);
    WIRE_GET(&p->wire, theirs);
    return rc == 0 ? 0 : omega_error_set(err, rc, "%s", theirs.text);
}

/* Forks worker `w` and waits until it has opened the cell. */
static int start_worker(struct processes *p, uint32_t w, omega_error_t *err)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        (void)close(ends[0]);
        for (uint32_t other = 0; other < w; other++) { /* or they would never see the end */
            (void)close(p->workers[other].socket);
        }
        work(&p->cell, ends[1]);
    }
    (void)close(ends[1]);
    p->workers[w] = (struct worker){.pid = pid, .socket = ends[0]};
    omega_error_t theirs = {0};
    int rc = 0;
    ck_assert_msg(wire_receive(ends[0], &p->wire), "a worker did not come up");
    WIRE_GET(&p->wire, rc);
    WIRE_GET(&p->wire, theirs);
    return rc == 0 ? 0 : omega_error_set(err, rc, "%s", theirs.text);
}

/* ---- the store ---- */

/* Who makes this change: a worker, or NULL for this process. */
static struct worker *choose(struct processes *p)
{
    uint32_t chosen = omega_random_below(&p->cell.random, WORKERS + 1);
    return chosen == WORKERS ? NULL : &p->workers[chosen];
}

static void begin(struct processes *p, enum call call)
{
    wire_clear(&p->wire);
    WIRE_PUT(&p->wire, call);
}

static int processes_submit(struct store *store, const struct omega_job *job, omega_error_t *err)
{
    struct processes *p = processes_of(store);
    struct worker *worker = choose(p);
    if (worker == NULL) {
        return p->real->submit(store, job, err);
    }
    begin(p, CALL_SUBMIT);
    WIRE_PUT(&p->wire, *job);
    wire_put_text(&p->wire, symbols_text(catalogue_symbols(store->catalogue), job->user));
    for (uint32_t g = 0; g < job->group_count; g++) {
        const struct omega_task_group *group = &job->groups[g];
        WIRE_PUT(&p->wire, *group);
        wire_put_text(&p->wire, catalogue_constraints_text(store->catalogue, group->constraints));
        if (group->task_duration_us != NULL) {
            wire_put(&p->wire, group->task_duration_us,
                     ((size_t)group->count + group->optional) * sizeof(int64_t));
        }
    }
    return ask(p, worker, err);
}

/* Commits in one of the processes. */
static int commit_in(struct store *store, struct worker *worker,
                     const struct omega_transaction *txn, struct omega_claim_result *results,
                     struct omega_result *result, omega_error_t *err)
{
    struct processes *p = processes_of(store);
    if (worker == NULL) {
        return p->real->commit(store, txn, results, result, err);
    }
    /* too many claims to be looked at: none of them is there */
    uint32_t sent = txn->claim_count > OMEGA_CLAIMS_MAX ? 0 : txn->claim_count;
    begin(p, CALL_COMMIT);
    WIRE_PUT(&p->wire, *txn);
    WIRE_PUT(&p->wire, sent);
    wire_put(&p->wire, txn->claims, sent * sizeof(*txn->claims));
    uint32_t none = 0;
    for (uint32_t g = 0; g < txn->group_count; g++) {
        wire_put(&p->wire, txn->group_minimum == NULL ? &none : &txn->group_minimum[g],
                 sizeof(none));
    }
    int rc = ask(p, worker, err);
    if (rc == 0) {
        WIRE_GET(&p->wire, *result);
        wire_get(&p->wire, results, sent * sizeof(*results));
    }
    return rc;
}

/* Sends a transaction that was answered once more. */
static void repeat(struct store *store, const struct omega_transaction *txn,
                   const struct omega_claim_result *results, const struct omega_result *result)
{
    struct processes *p = processes_of(store);
    struct store_counters before;
    struct store_counters after;
    struct omega_result again = {0};
    omega_error_t err = {0};
    struct omega_claim_result *same = room_for(txn->claim_count, sizeof(*same));
    store_counters(store, &before);
    int rc = commit_in(store, choose(p), txn, same, &again, &err);
    store_counters(store, &after);
    ck_assert_msg(rc == 0, "a repeated transaction (instance %u, job %ju, attempt %u): %s",
                  txn->instance, (uintmax_t)txn->job, txn->attempt, err.text);
    ck_assert_mem_eq(&before, &after, sizeof(before));
    ck_assert_mem_eq(&again, result, sizeof(again));
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        const struct omega_claim_result *want = &results[i];
        ck_assert_msg(
            same[i].outcome == want->outcome &&
                (want->outcome != OMEGA_ACCEPTED || same[i].placement == want->placement) &&
                (want->outcome == OMEGA_ACCEPTED || want->outcome == OMEGA_ABORTED ||
                 (same[i].rival == want->rival && same[i].rival_version == want->rival_version &&
                  same[i].other_refuses == want->other_refuses)),
            "claim %u of a repeated transaction (instance %u, job %ju, attempt %u) is %s "
            "(rival %u at %ju), first it was %s (rival %u at %ju)",
            i, txn->instance, (uintmax_t)txn->job, txn->attempt,
            omega_outcome_name(same[i].outcome), same[i].rival, (uintmax_t)same[i].rival_version,
            omega_outcome_name(want->outcome), want->rival, (uintmax_t)want->rival_version);
    }
    free(same);
}

static int processes_commit(struct store *store, const struct omega_transaction *txn,
                            struct omega_claim_result *results, struct omega_result *result,
                            omega_error_t *err)
{
    struct processes *p = processes_of(store);
    int rc = commit_in(store, choose(p), txn, results, result, err);
    if (rc == 0) {
        omega_brief_list(txn, results); /* the worker has no list */
    }
    if (rc == 0 && result->accepted > 0 && txn->incarnation > 0 &&
        omega_random_below(&p->cell.random, REPEAT_ONE_IN) == 0) {
        repeat(store, txn, results, result);
    }
    return rc;
}

static int processes_release(struct store *store, const uint64_t *placements, uint32_t count,
                             enum store_release_reason reason, struct store_release_result *results,
                             uint64_t *version, omega_error_t *err)
{
    struct processes *p = processes_of(store);
    struct worker *worker = choose(p);
    if (worker == NULL) {
        return p->real->release(store, placements, count, reason, results, version, err);
    }
    begin(p, CALL_RELEASE);
    WIRE_PUT(&p->wire, count);
    WIRE_PUT(&p->wire, reason);
    wire_put(&p->wire, placements, count * sizeof(*placements));
    int rc = ask(p, worker, err);
    if (rc == 0) {
        WIRE_GET(&p->wire, *version);
        wire_get(&p->wire, results, count * sizeof(*results));
    }
    return rc;
}

static int processes_machine_event(struct store *store, const struct omega_machine_event *event,
                                   enum store_loss_policy policy,
                                   const struct store_release_result **lost, uint32_t *lost_count,
                                   uint64_t *version, omega_error_t *err)
{
    struct processes *p = processes_of(store);
    struct worker *worker = choose(p);
    if (worker == NULL) {
        return p->real->machine_event(store, event, policy, lost, lost_count, version, err);
    }
    begin(p, CALL_EVENT);
    WIRE_PUT(&p->wire, *event);
    WIRE_PUT(&p->wire, policy);
    int rc = ask(p, worker, err);
    if (rc == 0) {
        WIRE_GET(&p->wire, *version);
        WIRE_GET(&p->wire, *lost_count);
        free(p->lost);
        p->lost = room_for(*lost_count, sizeof(*p->lost));
        wire_get(&p->wire, p->lost, *lost_count * sizeof(*p->lost));
        *lost = p->lost;
    }
    return rc;
}

static int processes_abandon(struct store *store, uint64_t job, uint32_t *tasks, uint64_t *version,
                             omega_error_t *err)
{
    struct processes *p = processes_of(store);
    struct worker *worker = choose(p);
    if (worker == NULL) {
        return p->real->abandon(store, job, tasks, version, err);
    }
    begin(p, CALL_ABANDON);
    WIRE_PUT(&p->wire, job);
    int rc = ask(p, worker, err);
    if (rc == 0) {
        WIRE_GET(&p->wire, *tasks);
        WIRE_GET(&p->wire, *version);
    }
    return rc;
}

static int processes_preload(struct store *store, struct store_placement *placements,
                             uint32_t count, uint64_t *version, omega_error_t *err)
{
    struct processes *p = processes_of(store);
    struct worker *worker = choose(p);
    if (worker == NULL || count > OMEGA_CLAIMS_MAX) {
        return p->real->preload(store, placements, count, version, err);
    }
    begin(p, CALL_PRELOAD);
    WIRE_PUT(&p->wire, count);
    wire_put(&p->wire, placements, count * sizeof(*placements));
    int rc = ask(p, worker, err);
    if (rc == 0) {
        WIRE_GET(&p->wire, *version);
        wire_get(&p->wire, placements, count * sizeof(*placements));
    }
    return rc;
}

static void release_all(struct processes *p)
{
    stop_workers(p);
    lmdb_cell_remove(&p->cell);
    wire_free(&p->wire);
    free(p->lost);
    free(p);
}

/* The others close it first or last. */
static void processes_close(struct store *store)
{
    struct processes *p = processes_of(store);
    if (omega_random_below(&p->cell.random, 2) == 0) {
        stop_workers(p);
    }
    store->ops = p->real;
    store_close(store);
    release_all(p);
}

static void replace_ops(struct processes *p, struct store *store)
{
    p->real = store->ops;
    p->ops = *p->real;
    p->ops.name = "lmdb-processes";
    p->ops.submit = processes_submit;
    p->ops.commit = processes_commit;
    p->ops.release = processes_release;
    p->ops.machine_event = processes_machine_event;
    p->ops.abandon = processes_abandon;
    p->ops.preload = processes_preload;
    p->ops.close = processes_close;
    store->ops = &p->ops;
}

int store_open_lmdb_processes(const struct store_config *config, struct store **store,
                              omega_error_t *err)
{
    struct processes *p = room_for(1, sizeof(*p));
    int rc = lmdb_cell_create(&p->cell, config, NULL, err);
    if (rc != 0) {
        free(p);
        return rc;
    }
    for (uint32_t w = 0; rc == 0 && w < WORKERS; w++) { /* before the cell is open here */
        rc = start_worker(p, w, err);
    }
    if (rc == 0) {
        struct lmdb_use use = {.module = "first", .config = &p->cell.config};
        use.group = omega_random_below(&p->cell.random, 2) == 0;
        rc = lmdb_open(p->cell.path, &use, store, err);
    }
    if (rc != 0) {
        release_all(p);
        return rc;
    }
    replace_ops(p, *store);
    return 0;
}
