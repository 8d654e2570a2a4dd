/* SPDX-License-Identifier: MIT */
/* Workers that load one cell, and write down what they do. */
#include "tests/support/kill_load.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cellstate/store_view.h"

#define JOBS_OPEN 4u
#define OWN_MAX 64u
#define ATTEMPTS_MAX 3u

/* A job that its worker still places. */
struct open_job {
    uint64_t id; /* 0: none */
    struct omega_task_group groups[2];
    uint32_t group_count;
    uint32_t tasks;
    uint32_t slots;
    uint32_t attempts;
    bool placed[KILL_CLAIMS_MAX];
    uint32_t placed_count;
};

struct work {
    struct kill_load *load;
    struct kill_worker *me;
    struct store *store;
    struct store_view *view;
    struct omega_random random;
    uint16_t instance;
    uint32_t incarnation;
    struct open_job jobs[JOBS_OPEN];
    uint64_t own[OWN_MAX]; /* placements to release some day */
    uint32_t own_count;
    bool failed;
    omega_error_t err;
};

int64_t kill_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- writing down ---- */

static struct kill_act *begin(struct work *work, enum kill_kind kind)
{
    struct kill_act *act = &work->me->acts[atomic_load(&work->me->act_count)];
    memset(act, 0, sizeof *act);
    act->kind = (uint8_t)kind;
    act->instance = work->instance;
    act->incarnation = work->incarnation;
    return act;
}

/* It is meant from here on. */
static void mean(struct work *work, struct kill_act *act)
{
    if (work->load->early && (act->kind == KILL_SUBMIT || act->kind == KILL_RELEASE)) {
        memset(act->released, 1, act->count);
        act->accepted = act->count;
        atomic_store(&act->answered, true);
    }
    atomic_fetch_add(&work->me->act_count, 1);
    omega_error_clear(&work->err);
    if (work->load->noted != NULL) {
        work->load->noted(work->load, false);
    }
}

static void answered(struct work *work, struct kill_act *act, int rc)
{
    if (rc != 0) {
        trouble_add(&work->load->trouble, "worker %u, kind %u, granularity %u: %d, %s",
                    work->instance, act->kind, act->granularity, rc, disk_message(&work->err));
        work->failed = true;
        return;
    }
    atomic_store(&act->answered, true);
    if (work->load->noted != NULL) {
        work->load->noted(work->load, true);
    }
}

static uint32_t below(struct work *work, uint32_t bound)
{
    return omega_random_below(&work->random, bound);
}

/* ---- jobs ---- */

static void describe(struct work *work, struct open_job *job)
{
    memset(job, 0, sizeof *job);
    bool elastic = below(work, 6) == 0;
    job->id = ++work->me->next_job;
    job->group_count = 1 + below(work, 2);
    for (uint32_t g = 0; g < job->group_count; g++) {
        struct omega_task_group *group = &job->groups[g];
        bool gpu = below(work, 4) == 0;
        group->count = 1 + below(work, 3);
        group->optional = elastic ? 1 : 0;
        group->duration_us = 1000;
        group->first_task = job->slots;
        group->request = (struct omega_request){
            .cpu_milli = 500 + 250 * (int32_t)below(work, 5),
            .mem_mib = 64,
            .gpu_milli = gpu ? 250 : 0,
            .gpu_devices = gpu ? 1 : 0,
        };
        job->tasks += group->count;
        job->slots += group->count + group->optional;
    }
}

static void submit(struct work *work, struct open_job *job)
{
    struct kill_act *act = begin(work, KILL_SUBMIT);
    describe(work, job);
    act->job = job->id;
    act->tasks = job->tasks;
    act->slots = job->slots;
    struct omega_job asked = {
        .id = job->id,
        .precedence = 120,
        .group_count = job->group_count,
        .tasks = job->tasks,
        .slots = job->slots,
        .groups = job->groups,
    };
    mean(work, act);
    answered(work, act, store_submit(work->store, &asked, &work->err));
}

/* Forgets a job; half of those with tasks left are given up. */
static void drop(struct work *work, struct open_job *job)
{
    uint32_t tasks = 0;
    if (job->placed_count < job->tasks && below(work, 2) == 0) {
        struct kill_act *act = begin(work, KILL_ABANDON);
        act->job = job->id;
        mean(work, act);
        answered(work, act, store_abandon(work->store, job->id, &tasks, NULL, &work->err));
    }
    job->id = 0;
}

/* ---- commits ---- */

static uint8_t choose_granularity(struct work *work, const struct open_job *job)
{
    if (job->slots > job->tasks) {
        return OMEGA_COMMIT_AT_LEAST;
    }
    /* a gang must name every task that is not placed: certain only before the first */
    return (uint8_t)below(work, job->attempts == 0 ? OMEGA_COMMIT_GANG + 1 : OMEGA_COMMIT_GANG);
}

static void claim(struct work *work, struct kill_act *act, const struct omega_task_group *group,
                  uint16_t g, uint32_t task)
{
    const struct omega_view *view = &work->view->shown;
    uint32_t machine = below(work, KILL_MACHINES);
    if (act->count > 0 && act->granularity == OMEGA_COMMIT_MACHINE && below(work, 2) == 0) {
        machine = act->claims[0].machine;
    }
    act->claims[act->count++] = (struct omega_claim){
        .seq = omega_seq(view->entry[machine].stamp),
        .synced = store_view_synced(work->view, machine),
        .task = task,
        .machine = machine,
        .request = group->request,
        .group = g,
        .devices = group->request.gpu_devices == 0 ? 0 : (uint8_t)(1 + below(work, 2)),
    };
}

static void plan_group(struct work *work, struct kill_act *act, const struct open_job *job,
                       uint16_t g)
{
    const struct omega_task_group *group = &job->groups[g];
    bool all = act->granularity == OMEGA_COMMIT_GANG || job->slots > job->tasks;
    uint32_t before = act->count;
    for (uint32_t i = 0; i < group->count + group->optional; i++) {
        uint32_t task = group->first_task + i;
        bool last = g + 1u == job->group_count && i + 1 == group->count && act->count == 0;
        if (all || (!job->placed[task] && (last || below(work, 4) != 0))) {
            claim(work, act, group, g, task);
        }
    }
    if (act->granularity == OMEGA_COMMIT_AT_LEAST) {
        act->minimum[g] = all ? group->count : below(work, act->count - before + 1);
    }
}

/* An act to commit what is left of a job, not yet meant; NULL if nothing is claimed. */
static struct kill_act *plan(struct work *work, struct open_job *job)
{
    struct kill_act *act = begin(work, KILL_COMMIT);
    act->job = job->id;
    act->granularity = choose_granularity(work, job);
    act->detection = below(work, 3) == 0 ? OMEGA_DETECT_COARSE : OMEGA_DETECT_FINE;
    act->groups = job->group_count;
    act->synced = work->view->shown.version;
    act->tasks = job->tasks;
    act->slots = job->slots;
    for (uint16_t g = 0; g < job->group_count; g++) {
        plan_group(work, act, job, g);
    }
    if (act->count == 0) {
        return NULL;
    }
    act->attempt = ++job->attempts;
    return act;
}

struct omega_transaction kill_transaction(const struct kill_act *act)
{
    return (struct omega_transaction){
        .job = act->job,
        .attempt = act->attempt,
        .incarnation = act->incarnation,
        .instance = act->instance,
        .detection = act->detection,
        .granularity = act->granularity,
        .precedence = 120,
        .synced = act->synced,
        .group_minimum = act->minimum,
        .group_count = act->groups,
        .claim_count = act->count,
        .claims = act->claims,
    };
}

/* Writes the answer to a commit down; the caller then follows it. */
static void commit_answered(struct work *work, struct kill_act *act, int rc)
{
    act->version = act->result.version;
    act->accepted = act->result.accepted;
    answered(work, act, rc);
    if (rc == 0) {
        atomic_store(&work->me->committed_ns, kill_now_ns());
    }
}

static void follow(struct work *work, const struct kill_act *act, struct open_job *job)
{
    for (uint32_t i = 0; i < act->count; i++) {
        if (act->results[i].outcome == OMEGA_ACCEPTED) {
            job->placed[act->claims[i].task] = true;
            job->placed_count++;
            if (work->own_count < OWN_MAX) {
                work->own[work->own_count++] = act->results[i].placement;
            }
        }
    }
    bool elastic = job->slots > job->tasks;
    if (job->placed_count >= job->tasks || (elastic && act->accepted > 0)) {
        job->id = 0;
    } else if (job->attempts == ATTEMPTS_MAX) {
        drop(work, job);
    }
}

static void commit_one(struct work *work, struct open_job *job)
{
    struct kill_act *act = plan(work, job);
    if (act != NULL) {
        struct omega_transaction txn = kill_transaction(act);
        mean(work, act);
        int rc = store_commit(work->store, &txn, act->results, &act->result, &work->err);
        commit_answered(work, act, rc);
        if (rc == 0) {
            follow(work, act, job);
        }
    }
}

/* All open jobs in one batch. */
static void commit_batch(struct work *work)
{
    struct kill_act *acts[JOBS_OPEN];
    struct open_job *jobs[JOBS_OPEN];
    struct omega_transaction txns[JOBS_OPEN];
    struct lmdb_commit commits[JOBS_OPEN];
    uint32_t count = 0;
    memset(commits, 0, sizeof commits);
    for (uint32_t j = 0; j < JOBS_OPEN; j++) {
        struct kill_act *act = work->jobs[j].id == 0 ? NULL : plan(work, &work->jobs[j]);
        if (act == NULL) {
            continue;
        }
        acts[count] = act;
        jobs[count] = &work->jobs[j];
        txns[count] = kill_transaction(act);
        commits[count].txn = &txns[count];
        commits[count].results = act->results;
        count++;
        mean(work, act);
    }
    if (count == 0) {
        return;
    }
    lmdb_commit_all(work->store, commits, count, &work->err);
    for (uint32_t i = 0; i < count; i++) {
        acts[i]->result = commits[i].result;
        commit_answered(work, acts[i], commits[i].code);
    }
    for (uint32_t i = 0; i < count && !work->failed; i++) {
        follow(work, acts[i], jobs[i]);
    }
}

/* ---- releases and machine events ---- */

static void release(struct work *work)
{
    struct store_release_result results[KILL_CLAIMS_MAX];
    struct kill_act *act = begin(work, KILL_RELEASE);
    uint32_t most = work->own_count < KILL_CLAIMS_MAX ? work->own_count : KILL_CLAIMS_MAX;
    act->count = 1 + below(work, most);
    for (uint32_t i = 0; i < act->count; i++) {
        uint32_t chosen = below(work, work->own_count);
        act->placements[i] = work->own[chosen];
        work->own[chosen] = work->own[--work->own_count];
    }
    uint64_t version = 0;
    mean(work, act);
    int rc = store_release(work->store, act->placements, act->count,
                           below(work, 8) == 0 ? STORE_FAILED : STORE_FINISHED, results, &version,
                           &work->err);
    /* only now: a version that was found inside the call, and died with it, is given again */
    act->version = version;
    act->accepted = 0;
    for (uint32_t i = 0; rc == 0 && i < act->count; i++) {
        act->released[i] = results[i].released != 0;
        act->accepted += act->released[i];
    }
    answered(work, act, rc);
}

static uint8_t choose_event(struct work *work, uint8_t state)
{
    static const uint8_t up[] = {OMEGA_EVENT_REMOVE, OMEGA_EVENT_DRAIN, OMEGA_EVENT_CAPACITY};
    if (state == OMEGA_MACHINE_UP) {
        return up[below(work, 3)];
    }
    return state == OMEGA_MACHINE_DOWN ? OMEGA_EVENT_ADD : OMEGA_EVENT_UNDRAIN;
}

/* Each worker has four machines whose state it alone changes. */
static void machine_event(struct work *work)
{
    struct kill_act *act = begin(work, KILL_EVENT);
    struct omega_machine machine = {.state = OMEGA_MACHINE_DOWN};
    act->machine = below(work, 4) * KILL_WORKERS + work->instance;
    int rc = store_machine(work->store, act->machine, &machine, &work->err);
    act->event = choose_event(work, machine.state);
    struct omega_machine_event event = {
        .machine = act->machine,
        .kind = act->event,
        .gpu_devices = act->event == OMEGA_EVENT_CAPACITY ? 2 : 0,
        .cpu_milli = act->event == OMEGA_EVENT_CAPACITY ? 2000 + 2000 * (int)below(work, 2) : 0,
        .mem_mib = act->event == OMEGA_EVENT_CAPACITY ? 4096 : 0,
    };
    const struct store_release_result *lost = NULL;
    mean(work, act);
    if (rc == 0) {
        rc = store_machine_event(work->store, &event,
                                 below(work, 2) == 0 ? STORE_LOST_RETURN : STORE_LOST_FAIL, &lost,
                                 &act->accepted, &act->version, &work->err);
    }
    for (uint32_t i = 0; rc == 0 && i < act->accepted && i < KILL_LOST_MAX; i++) {
        act->placements[i] = lost[i].placement;
    }
    answered(work, act, rc);
}

/* ---- the worker ---- */

static void park(struct work *work)
{
    const struct timespec moment = {.tv_nsec = 50000};
    bool full = atomic_load(&work->me->act_count) + 2 * JOBS_OPEN > KILL_ACTS_MAX;
    while (atomic_load(&work->load->pause) || full) {
        atomic_store(&work->me->parked, 1);
        nanosleep(&moment, NULL);
        full = atomic_load(&work->me->act_count) + 2 * JOBS_OPEN > KILL_ACTS_MAX;
        atomic_store(&work->me->parked, 0);
    }
}

static void act_once(struct work *work)
{
    struct open_job *job = &work->jobs[below(work, JOBS_OPEN)];
    uint32_t dice = below(work, 100);
    if (dice < 3) {
        machine_event(work);
    } else if (work->own_count > 0 && (dice < 20 || work->own_count > OWN_MAX / 2)) {
        release(work);
    } else if (job->id == 0) {
        submit(work, job);
    } else if (dice < 30) {
        commit_batch(work);
    } else {
        commit_one(work, job);
    }
    if (dice % 2 == 0 && !work->failed) {
        omega_error_clear(&work->err);
        int rc = store_view_refresh(work->store, work->view, &work->err);
        if (rc != 0) {
            trouble_add(&work->load->trouble, "refresh: %s", disk_message(&work->err));
            work->failed = true;
        }
    }
}

/* What a killed predecessor has left running is this one's to release. */
static int adopt(void *context, const struct store_placement *placement)
{
    struct work *work = context;
    if (placement->instance == work->instance && work->own_count < OWN_MAX) {
        work->own[work->own_count++] = placement->id;
    }
    return 0;
}

static bool start(struct work *work)
{
    struct lmdb_use use = {
        .module = "loader",
        .group = work->load->group && work->instance >= 2,
    };
    struct kill_act *act = begin(work, KILL_JOIN);
    mean(work, act);
    int rc = lmdb_open(work->load->path, &use, &work->store, &work->err);
    if (rc == 0) {
        rc = lmdb_join(work->store, work->instance, "loader", &work->incarnation, &work->err);
    }
    act->incarnation = work->incarnation;
    answered(work, act, rc);
    if (rc == 0) {
        rc = store_placements(work->store, adopt, work, &work->err);
    }
    if (rc == 0) {
        rc = store_view_open(work->store, STORE_VIEW_PRIVATE, &work->view, &work->err);
    }
    return TROUBLE_EXPECT(&work->load->trouble, rc == 0, "worker cannot start: %s",
                          disk_message(&work->err));
}

void kill_work(void *given, struct trouble *trouble)
{
    const struct kill_start *told = given;
    struct work work = {
        .load = told->load,
        .me = &told->load->workers[told->slot],
        .instance = (uint16_t)told->slot,
    };
    (void)trouble;
    omega_random_init(&work.random, told->seed, "kill", told->slot);
    if (!start(&work)) {
        return;
    }
    while (!work.failed && !atomic_load(&work.load->stop)) {
        park(&work);
        act_once(&work);
    }
    store_view_close(work.store, work.view);
    store_close(work.store);
}
