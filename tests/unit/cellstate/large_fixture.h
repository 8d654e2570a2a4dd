/* SPDX-License-Identifier: MIT */
/*
 * Jobs of thousands of tasks in two cells side by side, one in memory and one on disk: each change
 * is made to both, which have to answer alike, and as a list of the tasks says. Between changes the
 * cell on disk can be closed, looked at table by table, and opened again.
 */
#ifndef OMEGA_TESTS_UNIT_CELLSTATE_LARGE_FIXTURE_H
#define OMEGA_TESTS_UNIT_CELLSTATE_LARGE_FIXTURE_H

#include <lmdb.h>
#include <stdio.h>
#include <string.h>

#include "cellstate/lmdb.h"
#include "cellstate/lmdb_records.h"
#include "core/base/random.h"
#include "tests/support/check_main.h"
#include "tests/support/scratch.h"

#define LARGE_MACHINES 64u
#define LARGE_GROUPS 3u
#define LARGE_JOBS 3u
#define LARGE_MAP_BYTES (UINT64_C(1) << 30)

enum large_task {
    LARGE_UNPLACED = 0, /* pending, optional or given up */
    LARGE_RUNNING,
    LARGE_FINISHED,
    LARGE_FAILED,
    LARGE_LOST, /* after its job was given up: abandoned, and stays placed */
};

/* A group as a test describes it. */
struct large_group {
    uint32_t count;
    uint32_t optional;
    bool different; /* asks for different machines */
    bool listed;    /* has a duration per task */
};

/* A job, and what must have become of each of its tasks. */
struct large_job {
    struct omega_job job;
    struct omega_task_group groups[LARGE_GROUPS];
    bool different[LARGE_GROUPS];
    int64_t *durations;   /* per task */
    uint8_t *state;       /* enum large_task, per task */
    uint32_t *machine_of; /* per task that runs */
    uint64_t *placement;  /* per task that was placed */
    uint32_t *order;      /* all tasks, shuffled again and again */
    bool elastic;
    bool given_up;
    uint32_t accepted; /* of an elastic job that has started; else 0 */
};

struct large {
    struct catalogue *catalogue;
    struct omega_machine_spec specs[LARGE_MACHINES];
    struct store_config config;
    struct lmdb_options options;
    char path[SCRATCH_PATH_MAX];
    struct store *memory;
    struct store *disk;
    struct large_job *jobs[LARGE_JOBS];
    struct omega_random random;
    omega_error_t err;
    /* the transaction at hand */
    struct omega_transaction txn;
    uint32_t minimum[LARGE_GROUPS];
    struct omega_claim *claims;
    uint32_t room;
};

/* ---- opening and closing ---- */

static inline void large_start(struct large *large)
{
    struct lmdb_use use = {.module = "large", .config = &large->config};
    int rc = lmdb_open(large->path, &use, &large->disk, &large->err);
    ck_assert_msg(rc == 0, "%s", large->err.text);
}

/* Both cells; `large->options` is set already. Machines have room for everything. */
static inline void large_open(struct large *large, uint64_t seed)
{
    omega_random_init(&large->random, seed, "large jobs", 0);
    large->catalogue = catalogue_create();
    ck_assert_ptr_nonnull(large->catalogue);
    struct symbols *symbols = catalogue_symbols(large->catalogue);
    for (uint32_t m = 0; m < LARGE_MACHINES; m++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "m%u", m);
        large->specs[m] = (struct omega_machine_spec){
            .name = symbols_intern(symbols, name),
            .cpu_milli = OMEGA_CPU_MILLI_MAX,
            .mem_mib = OMEGA_MEM_MIB_MAX,
        };
        ck_assert_int_eq(catalogue_machine_attributes(large->catalogue, "", 0, 0,
                                                      &large->specs[m].attributes, &large->err),
                         0);
    }
    large->config = (struct store_config){
        .catalogue = large->catalogue,
        .machines = large->specs,
        .machine_count = LARGE_MACHINES,
        .overcommit = {1000, 1000, 1000},
    };
    large->options.map_bytes = LARGE_MAP_BYTES;
    scratch_path(large->path);
    int rc = lmdb_create(large->path, &large->config, &large->options, &large->err);
    ck_assert_msg(rc == 0, "%s", large->err.text);
    ck_assert_int_eq(store_open_memory(&large->config, &large->memory, &large->err), 0);
    large_start(large);
}

static inline void large_job_free(struct large_job *job)
{
    free(job->durations);
    free(job->state);
    free(job->machine_of);
    free(job->placement);
    free(job->order);
    free(job);
}

static inline void large_close(struct large *large)
{
    store_close(large->memory);
    store_close(large->disk);
    ck_assert_int_eq(lmdb_remove(large->path, &large->err), 0);
    for (uint32_t j = 0; j < LARGE_JOBS; j++) {
        if (large->jobs[j] != NULL) {
            large_job_free(large->jobs[j]);
        }
    }
    free(large->claims);
    catalogue_destroy(large->catalogue);
}

/* ---- jobs ---- */

static inline void large_fill_groups(struct large *large, struct large_job *job,
                                     const struct large_group *groups)
{
    uint32_t first = 0;
    uint32_t apart = 0;
    ck_assert_int_eq(
        catalogue_constraints(large->catalogue, "different_machines", &apart, &large->err), 0);
    for (uint32_t g = 0; g < job->job.group_count; g++) {
        job->different[g] = groups[g].different;
        job->groups[g] = (struct omega_task_group){
            .count = groups[g].count,
            .optional = groups[g].optional,
            .constraints = groups[g].different ? apart : 0,
            .request = {.cpu_milli = 1 + (int32_t)g, .mem_mib = 2 - (int32_t)g % 2},
            .duration_us = 1000 + g,
            .task_duration_us = groups[g].listed ? job->durations + first : NULL,
        };
        first += groups[g].count + groups[g].optional;
        job->elastic = job->elastic || groups[g].optional > 0;
    }
}

/* Submits a job of these groups, up to the first empty one, to both. */
static inline struct large_job *large_submit(struct large *large, uint64_t id,
                                             const struct large_group groups[LARGE_GROUPS])
{
    uint32_t at = 0;
    while (large->jobs[at] != NULL) {
        at++;
        ck_assert_uint_lt(at, LARGE_JOBS);
    }
    struct large_job *job = calloc(1, sizeof(*job));
    ck_assert_ptr_nonnull(job);
    large->jobs[at] = job;
    job->job = (struct omega_job){.id = id, .precedence = 120, .groups = job->groups};
    uint32_t slots = 0;
    for (uint32_t g = 0; g < LARGE_GROUPS && groups[g].count + groups[g].optional > 0; g++) {
        slots += groups[g].count + groups[g].optional;
        job->job.group_count++;
    }
    job->durations = calloc(slots, sizeof(*job->durations));
    job->state = calloc(slots, sizeof(*job->state));
    job->machine_of = calloc(slots, sizeof(*job->machine_of));
    job->placement = calloc(slots, sizeof(*job->placement));
    job->order = calloc(slots, sizeof(*job->order));
    ck_assert(job->durations != NULL && job->state != NULL && job->machine_of != NULL &&
              job->placement != NULL && job->order != NULL);
    for (uint32_t t = 0; t < slots; t++) {
        job->durations[t] = t % 1000 == 7 ? OMEGA_NEVER : 1 + (int64_t)t * 3;
        job->order[t] = t;
    }
    large_fill_groups(large, job, groups);
    int rc = omega_job_seal(&job->job, job->groups, &large->err);
    ck_assert_msg(rc == 0, "%s", large->err.text);
    rc = store_submit(large->disk, &job->job, &large->err);
    ck_assert_msg(rc == 0, "%s", large->err.text);
    ck_assert_int_eq(store_submit(large->memory, &job->job, &large->err), 0);
    return job;
}

static inline uint32_t large_group_of(const struct large_job *job, uint32_t task)
{
    uint32_t g = 0;
    while (task >= job->groups[g].first_task + job->groups[g].count + job->groups[g].optional) {
        g++;
    }
    return g;
}

static inline uint32_t large_count(const struct large_job *job, enum large_task state)
{
    uint32_t count = 0;
    for (uint32_t t = 0; t < job->job.slots; t++) {
        count += job->state[t] == state;
    }
    return count;
}

/* Pending tasks, by the list. */
static inline uint32_t large_pending(const struct large_job *job)
{
    bool none = job->given_up || job->accepted > 0;
    return none ? 0 : job->elastic ? job->job.tasks : large_count(job, LARGE_UNPLACED);
}

static inline bool large_over(const struct large_job *job)
{
    return large_pending(job) == 0 && large_count(job, LARGE_RUNNING) == 0;
}

/* ---- claims ---- */

static inline uint32_t large_below(struct large *large, uint32_t bound)
{
    return omega_random_below(&large->random, bound);
}

/* Begins a transaction on a job: fine, as given by `granularity`, by one of three instances. */
static inline void large_begin(struct large *large, const struct large_job *job,
                               enum omega_granularity granularity)
{
    memset(large->minimum, 0, sizeof(large->minimum));
    large->txn = (struct omega_transaction){
        .job = job->job.id,
        .attempt = 1,
        .instance = (uint16_t)(1 + large_below(large, 3)),
        .granularity = (uint8_t)granularity,
        .precedence = 120,
        .group_minimum = large->minimum,
        .group_count = job->job.group_count,
    };
}

static inline void large_claim(struct large *large, const struct large_job *job, uint32_t task,
                               uint32_t machine)
{
    if (large->txn.claim_count == large->room) {
        large->room = large->room == 0 ? 1024 : large->room * 2;
        large->claims = realloc(large->claims, large->room * sizeof(*large->claims));
        ck_assert_ptr_nonnull(large->claims);
    }
    uint32_t group = large_group_of(job, task);
    large->claims[large->txn.claim_count++] = (struct omega_claim){
        .task = task,
        .machine = machine,
        .request = job->groups[group].request,
        .group = (uint16_t)group,
    };
    large->txn.claims = large->claims;
}

/* Puts `count` tasks drawn at random before the others of job->order. */
static inline void large_shuffle(struct large *large, struct large_job *job, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t other = i + large_below(large, job->job.slots - i);
        uint32_t task = job->order[i];
        job->order[i] = job->order[other];
        job->order[other] = task;
    }
}

/* Where tasks of each group run, and whether a transaction has named the machine before. */
struct large_taken {
    bool runs[LARGE_GROUPS][LARGE_MACHINES];
    bool named[LARGE_GROUPS][LARGE_MACHINES];
};

static inline uint8_t large_expected(const struct large_job *job, const struct omega_claim *claim,
                                     struct large_taken *taken)
{
    bool named = taken->named[claim->group][claim->machine];
    taken->named[claim->group][claim->machine] = true;
    if (job->state[claim->task] != LARGE_UNPLACED) {
        return OMEGA_REFUSED_ALREADY_PLACED;
    }
    if (job->different[claim->group] && (named || taken->runs[claim->group][claim->machine])) {
        return OMEGA_REFUSED_CONSTRAINT;
    }
    return OMEGA_ACCEPTED;
}

/* What falls with others. */
static inline void large_expect_aborted(const struct omega_transaction *txn, uint8_t *want)
{
    uint32_t bad_on[LARGE_MACHINES] = {0};
    uint32_t good_of[LARGE_GROUPS] = {0};
    uint32_t bad = 0;
    bool enough = true;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        bool good = want[i] == OMEGA_ACCEPTED;
        bad += !good;
        bad_on[txn->claims[i].machine] += !good;
        good_of[txn->claims[i].group] += good;
    }
    for (uint32_t g = 0; g < txn->group_count; g++) {
        enough = enough && good_of[g] >= txn->group_minimum[g];
    }
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        bool falls = false;
        switch (txn->granularity) {
        case OMEGA_COMMIT_TASK:
            break;
        case OMEGA_COMMIT_MACHINE:
            falls = bad_on[txn->claims[i].machine] > 0;
            break;
        case OMEGA_COMMIT_AT_LEAST:
            falls = !enough;
            break;
        default:
            falls = bad > 0;
            break;
        }
        want[i] = want[i] == OMEGA_ACCEPTED && falls ? (uint8_t)OMEGA_ABORTED : want[i];
    }
}

static inline void large_expect(const struct large_job *job, const struct omega_transaction *txn,
                                uint8_t *want)
{
    struct large_taken taken = {.runs = {{false}}};
    for (uint32_t t = 0; t < job->job.slots; t++) {
        if (job->state[t] == LARGE_RUNNING) {
            taken.runs[large_group_of(job, t)][job->machine_of[t]] = true;
        }
    }
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        want[i] = large_expected(job, &txn->claims[i], &taken);
    }
    large_expect_aborted(txn, want);
}

/* One claim's results: alike, and as expected. Returns what is wrong, or NULL. */
static inline const char *large_differs(const struct omega_claim_result *disk,
                                        const struct omega_claim_result *memory, uint8_t want)
{
    if (disk->outcome != want || memory->outcome != want) {
        return "outcome";
    }
    if (want == OMEGA_ACCEPTED) {
        return disk->placement != memory->placement ? "placement" : NULL;
    }
    if (want == OMEGA_ABORTED) {
        return NULL;
    }
    return disk->rival != memory->rival || disk->rival_version != memory->rival_version ? "rival"
           : disk->other_refuses != memory->other_refuses ? "other_refuses"
                                                          : NULL;
}

/* Brings an answer into the list; returns how many were accepted. */
static inline uint32_t large_apply(struct large *large, struct large_job *job,
                                   const struct omega_claim_result *disk,
                                   const struct omega_claim_result *memory, const uint8_t *want,
                                   uint64_t version)
{
    uint32_t accepted = 0;
    for (uint32_t i = 0; i < large->txn.claim_count; i++) {
        const struct omega_claim *claim = &large->claims[i];
        const char *wrong = large_differs(&disk[i], &memory[i], want[i]);
        ck_assert_msg(wrong == NULL, "claim %u of task %u: %s: %s on disk, %s in memory, not %s", i,
                      claim->task, wrong, omega_outcome_name(disk[i].outcome),
                      omega_outcome_name(memory[i].outcome), omega_outcome_name(want[i]));
        if (want[i] == OMEGA_ACCEPTED) {
            job->placement[claim->task] = omega_placement_id(version, accepted++);
            job->state[claim->task] = LARGE_RUNNING;
            job->machine_of[claim->task] = claim->machine;
            if (disk[i].placement != job->placement[claim->task]) {
                ck_abort_msg("task %u is placement %jx, expected %jx", claim->task,
                             (uintmax_t)disk[i].placement, (uintmax_t)job->placement[claim->task]);
            }
        }
    }
    return accepted;
}

/* Commits the transaction to both; returns how many claims were accepted. */
static inline uint32_t large_commit(struct large *large, struct large_job *job)
{
    uint32_t count = large->txn.claim_count;
    struct omega_claim_result *disk = calloc(count, sizeof(*disk));
    struct omega_claim_result *memory = calloc(count, sizeof(*memory));
    uint8_t *want = calloc(count, 1);
    struct omega_result results[2] = {{0}};
    struct store_counters before;
    ck_assert(disk != NULL && memory != NULL && want != NULL);
    store_counters(large->memory, &before);
    large_expect(job, &large->txn, want);
    omega_error_clear(&large->err);
    int rc = store_commit(large->disk, &large->txn, disk, &results[0], &large->err);
    ck_assert_msg(rc == 0, "%s", large->err.text);
    rc = store_commit(large->memory, &large->txn, memory, &results[1], &large->err);
    ck_assert_msg(rc == 0, "%s", large->err.text);
    ck_assert_mem_eq(&results[0], &results[1], sizeof(results[0]));
    uint32_t accepted = large_apply(large, job, disk, memory, want, before.version + 1);
    ck_assert_uint_eq(results[0].accepted, accepted);
    ck_assert_uint_eq(results[0].version, before.version + (accepted > 0));
    job->accepted += job->elastic ? accepted : 0;
    free(disk);
    free(memory);
    free(want);
    return accepted;
}

/* Neither takes the transaction, and nothing changes. */
static inline void large_refused(struct large *large)
{
    uint32_t count = large->txn.claim_count;
    struct omega_claim_result *results = calloc(count + 1u, sizeof(*results));
    struct omega_result result;
    ck_assert_ptr_nonnull(results);
    ck_assert_int_eq(store_commit(large->disk, &large->txn, results, &result, NULL), OMEGA_EINVAL);
    ck_assert_int_eq(store_commit(large->memory, &large->txn, results, &result, NULL),
                     OMEGA_EINVAL);
    free(results);
}

/* ---- releases, losses, giving up ---- */

/* Releases the first `count` tasks of job->order that run. */
static inline void large_release(struct large *large, struct large_job *job, uint32_t count,
                                 enum store_release_reason reason)
{
    uint64_t *ids = calloc(count, sizeof(*ids));
    struct store_release_result *disk = calloc(count, sizeof(*disk));
    struct store_release_result *memory = calloc(count, sizeof(*memory));
    uint64_t versions[2] = {0};
    uint32_t found = 0;
    ck_assert(ids != NULL && disk != NULL && memory != NULL);
    for (uint32_t i = 0; i < job->job.slots && found < count; i++) {
        uint32_t task = job->order[i];
        if (job->state[task] == LARGE_RUNNING) {
            ids[found++] = job->placement[task];
            job->state[task] = reason == STORE_FINISHED ? LARGE_FINISHED : LARGE_FAILED;
        }
    }
    int rc = store_release(large->disk, ids, found, reason, disk, &versions[0], &large->err);
    ck_assert_msg(rc == 0, "%s", large->err.text);
    rc = store_release(large->memory, ids, found, reason, memory, &versions[1], &large->err);
    ck_assert_msg(rc == 0, "%s", large->err.text);
    ck_assert_uint_eq(versions[0], versions[1]);
    for (uint32_t i = 0; i < found; i++) {
        if (memcmp(&disk[i], &memory[i], sizeof(disk[i])) != 0 || disk[i].released != 1 ||
            disk[i].job != job->job.id || job->placement[disk[i].task] != ids[i]) {
            ck_abort_msg("release %u of task %u differs, or is not of that task", i, disk[i].task);
        }
    }
    free(ids);
    free(disk);
    free(memory);
}

static inline void large_event(struct large *large, uint32_t machine,
                               enum omega_machine_event_kind kind, enum store_loss_policy policy)
{
    struct omega_machine_event event = {.machine = machine, .kind = (uint8_t)kind};
    const struct store_release_result *lost[2] = {NULL, NULL};
    uint32_t counts[2] = {0};
    uint64_t versions[2] = {0};
    int rc = store_machine_event(large->disk, &event, policy, &lost[0], &counts[0], &versions[0],
                                 &large->err);
    ck_assert_msg(rc == 0, "%s", large->err.text);
    rc = store_machine_event(large->memory, &event, policy, &lost[1], &counts[1], &versions[1],
                             &large->err);
    ck_assert_msg(rc == 0, "%s", large->err.text);
    ck_assert_uint_eq(versions[0], versions[1]);
    ck_assert_uint_eq(counts[0], counts[1]);
    for (uint32_t i = 0; i < counts[0]; i++) {
        ck_assert_mem_eq(&lost[0][i], &lost[1][i], sizeof(lost[0][i]));
    }
}

/* Removes a machine, with what runs there, and brings it back. */
static inline void large_lose(struct large *large, uint32_t machine, enum store_loss_policy policy)
{
    large_event(large, machine, OMEGA_EVENT_REMOVE, policy);
    for (uint32_t j = 0; j < LARGE_JOBS; j++) {
        struct large_job *job = large->jobs[j];
        for (uint32_t t = 0; job != NULL && t < job->job.slots; t++) {
            if (job->state[t] == LARGE_RUNNING && job->machine_of[t] == machine) {
                bool fails = job->elastic || policy == STORE_LOST_FAIL;
                job->state[t] = job->given_up ? LARGE_LOST : fails ? LARGE_FAILED : LARGE_UNPLACED;
            }
        }
    }
    large_event(large, machine, OMEGA_EVENT_ADD, policy);
}

static inline void large_abandon(struct large *large, struct large_job *job)
{
    uint32_t tasks[2] = {0};
    uint32_t pending = large_pending(job);
    ck_assert_int_eq(store_abandon(large->disk, job->job.id, &tasks[0], NULL, &large->err), 0);
    ck_assert_int_eq(store_abandon(large->memory, job->job.id, &tasks[1], NULL, &large->err), 0);
    ck_assert_uint_eq(tasks[0], pending);
    ck_assert_uint_eq(tasks[1], pending);
    job->given_up = true;
}

/* ---- comparing ---- */

/* A job as the cell on disk lists it. */
static inline int large_compare_listed(void *context, const struct lmdb_job *listed)
{
    const struct large_job *job = context;
    uint32_t running = large_count(job, LARGE_RUNNING);
    uint32_t finished = large_count(job, LARGE_FINISHED);
    uint32_t failed = large_count(job, LARGE_FAILED);
    uint32_t submitted = job->accepted > 0 ? job->accepted : job->job.tasks;
    uint32_t pending = large_pending(job);
    ck_assert_uint_eq(listed->job->id, job->job.id);
    ck_assert_uint_eq(listed->job->slots, job->job.slots);
    ck_assert_uint_eq(listed->submitted, submitted);
    ck_assert_uint_eq(listed->running, running);
    ck_assert_uint_eq(listed->finished, finished);
    ck_assert_uint_eq(listed->failed, failed);
    ck_assert_uint_eq(listed->pending, pending);
    ck_assert_uint_eq(listed->abandoned, submitted - running - finished - failed - pending);
    ck_assert_int_eq(listed->given_up, job->given_up);
    ck_assert_int_eq(listed->started, job->accepted > 0);
    ck_assert_int_eq(listed->over, large_over(job));
    for (uint32_t g = 0; g < job->job.group_count; g++) {
        const struct omega_task_group *mine = &job->groups[g];
        const struct omega_task_group *theirs = &listed->job->groups[g];
        uint32_t slots = mine->count + mine->optional;
        bool different = listed->different != NULL && listed->different[g];
        ck_assert_int_eq(different, job->different[g]);
        ck_assert_uint_eq(theirs->first_task, mine->first_task);
        ck_assert_uint_eq(theirs->count, mine->count);
        ck_assert_uint_eq(theirs->optional, mine->optional);
        ck_assert_int_eq(theirs->task_duration_us != NULL, mine->task_duration_us != NULL);
        ck_assert(mine->task_duration_us == NULL ||
                  memcmp(theirs->task_duration_us, mine->task_duration_us, slots * 8) == 0);
        for (uint32_t t = mine->first_task; t < mine->first_task + slots; t++) {
            uint32_t runs_on = listed->machine_of != NULL ? listed->machine_of[t] : UINT32_MAX;
            bool known = different && job->state[t] == LARGE_RUNNING;
            if (listed->placed[t] != (job->state[t] != LARGE_UNPLACED) ||
                runs_on != (known ? job->machine_of[t] : UINT32_MAX)) {
                ck_abort_msg("task %u is listed as %u, on %u; it is %u, on %u", t,
                             listed->placed[t], runs_on, job->state[t], job->machine_of[t]);
            }
        }
    }
    return 0;
}

struct large_walk {
    const struct large *large;
    uint64_t seen;
};

static inline int large_compare_placement(void *context, const struct store_placement *got)
{
    struct large_walk *walk = context;
    const struct large_job *job = NULL;
    for (uint32_t j = 0; j < LARGE_JOBS; j++) {
        const struct large_job *other = walk->large->jobs[j];
        job = other != NULL && other->job.id == got->job ? other : job;
    }
    if (job == NULL || got->task >= job->job.slots || job->state[got->task] != LARGE_RUNNING ||
        job->placement[got->task] != got->id || job->machine_of[got->task] != got->machine) {
        ck_abort_msg("placement %jx of task %u of job %ju on %u is not in the list",
                     (uintmax_t)got->id, got->task, (uintmax_t)got->job, got->machine);
    }
    walk->seen++;
    return 0;
}

static inline void large_compare_machines(struct large *large)
{
    for (uint32_t m = 0; m < LARGE_MACHINES; m++) {
        struct omega_machine disk;
        struct omega_machine memory;
        ck_assert_int_eq(store_machine(large->disk, m, &disk, &large->err), 0);
        ck_assert_int_eq(store_machine(large->memory, m, &memory, &large->err), 0);
        ck_assert_msg(memcmp(&disk, &memory, sizeof(disk)) == 0,
                      "machine %u: CPU %d, seq %ju, %u releases on disk; CPU %d, seq %ju, %u "
                      "releases in memory",
                      m, disk.cpu_used_milli, (uintmax_t)disk.seq, disk.releases,
                      memory.cpu_used_milli, (uintmax_t)memory.seq, memory.releases);
    }
}

static inline void large_check_store(struct large *large, struct store *store, uint64_t running)
{
    struct store_report report = {0};
    struct large_walk walk = {.large = large};
    int rc = store_check(store, &report, &large->err);
    ck_assert_msg(rc == 0, "%s", large->err.text);
    ck_assert_msg(report.violations == 0, "%s", report.first);
    ck_assert_uint_eq(report.placements, running);
    ck_assert_int_eq(store_placements(store, large_compare_placement, &walk, &large->err), 0);
    ck_assert_uint_eq(walk.seen, running);
}

/* Both cells are what the list says. */
static inline void large_compare(struct large *large)
{
    struct store_counters disk;
    struct store_counters memory;
    struct store_totals totals[2];
    uint64_t running = 0;
    uint64_t jobs = 0;
    for (uint32_t j = 0; j < LARGE_JOBS; j++) {
        struct large_job *job = large->jobs[j];
        if (job == NULL) {
            continue;
        }
        bool there = !large_over(job) || large->options.keep_jobs;
        int rc = lmdb_find_job(large->disk, job->job.id, large_compare_listed, job, &large->err);
        ck_assert_msg(rc == (there ? 0 : 1), "job %ju: %d %s", (uintmax_t)job->job.id, rc,
                      large->err.text);
        running += large_count(job, LARGE_RUNNING);
        jobs += !large_over(job);
    }
    store_counters(large->disk, &disk);
    store_counters(large->memory, &memory);
    ck_assert_mem_eq(&disk, &memory, sizeof(disk));
    ck_assert_uint_eq(disk.tasks_running, running);
    ck_assert_uint_eq(disk.jobs, jobs);
    store_totals(large->disk, &totals[0]);
    store_totals(large->memory, &totals[1]);
    ck_assert_mem_eq(&totals[0], &totals[1], sizeof(totals[0]));
    large_compare_machines(large);
    large_check_store(large, large->disk, running);
    large_check_store(large, large->memory, running);
}

/* ---- the tables of the cell on disk ---- */

struct large_tables {
    uint64_t jobs;
    uint64_t durations;
    uint64_t states;
    uint64_t parts_least; /* further parts in which some task is placed */
    uint64_t parts_most;  /* further parts */
    uint64_t machines;    /* tasks of groups that ask for different machines, and run */
    uint64_t placements;
};

static inline void large_expect_job(const struct large_job *job, struct large_tables *want)
{
    bool listed = false;
    uint32_t slots = job->job.slots;
    for (uint32_t g = 0; g < job->job.group_count; g++) {
        listed = listed || job->groups[g].task_duration_us != NULL;
    }
    want->jobs++;
    want->states++;
    want->durations += listed;
    for (uint32_t part = 1; part * RECORD_TASKS_EACH < slots; part++) {
        bool placed = false;
        for (uint32_t i = 0; i < record_tasks_in(slots, part); i++) {
            placed = placed || job->state[part * RECORD_TASKS_EACH + i] != LARGE_UNPLACED;
        }
        want->parts_least += placed;
        want->parts_most++;
    }
    for (uint32_t t = 0; t < slots; t++) {
        bool runs = job->state[t] == LARGE_RUNNING;
        want->placements += runs;
        want->machines += runs && job->different[large_group_of(job, t)];
    }
}

static inline uint64_t large_entries(MDB_txn *txn, const char *table)
{
    MDB_dbi dbi;
    MDB_stat stat;
    ck_assert_int_eq(mdb_dbi_open(txn, table, 0, &dbi), 0);
    ck_assert_int_eq(mdb_stat(txn, dbi, &stat), 0);
    return stat.ms_entries;
}

/* Closes the cell on disk, counts the records of its tables, and opens it again. */
static inline void large_reopen(struct large *large)
{
    struct large_tables want = {0};
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    for (uint32_t j = 0; j < LARGE_JOBS; j++) {
        const struct large_job *job = large->jobs[j];
        if (job != NULL && (!large_over(job) || large->options.keep_jobs)) {
            large_expect_job(job, &want);
        }
    }
    store_close(large->disk);
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_set_maxdbs(env, 16), 0);
    ck_assert_int_eq(mdb_env_open(env, large->path, MDB_RDONLY, 0644), 0);
    ck_assert_int_eq(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
    ck_assert_uint_eq(large_entries(txn, "jobs"), want.jobs);
    ck_assert_uint_eq(large_entries(txn, "durations"), want.durations);
    ck_assert_uint_eq(large_entries(txn, "job_states"), want.states);
    ck_assert_uint_ge(large_entries(txn, "job_tasks"), want.parts_least);
    ck_assert_uint_le(large_entries(txn, "job_tasks"), want.parts_most);
    ck_assert_uint_eq(large_entries(txn, "job_machines"), want.machines);
    ck_assert_uint_eq(large_entries(txn, "placements"), want.placements);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    large_start(large);
}

#endif
