/* SPDX-License-Identifier: MIT */
/* What a cell on disk lists: jobs and what became of them, scheduler instances, the change log. */
#include <dlfcn.h>

#include "cellstate/lmdb_records.h"
#include "tests/unit/cellstate/raw_fixture.h"

#define SEEN_MAX 16u
#define SLOTS_MAX 16u

struct seen_job {
    struct lmdb_job job;
    struct omega_job copy;
    struct omega_task_group groups[2];
    int64_t durations[SLOTS_MAX];
    char user[32];
    char constraints[2][64];
    uint8_t placed[SLOTS_MAX];
    uint32_t machine_of[SLOTS_MAX];
};

struct seen {
    struct seen_job jobs[SEEN_MAX];
    struct lmdb_instance instances[SEEN_MAX];
    char modules[SEEN_MAX][64];
    struct lmdb_change changes[SEEN_MAX];
    uint32_t count;
    uint32_t stop_after; /* 0: never */
};

static int see_job(void *context, const struct lmdb_job *job)
{
    struct seen *seen = context;
    ck_assert_uint_lt(seen->count, SEEN_MAX);
    struct seen_job *to = &seen->jobs[seen->count++];
    to->job = *job;
    to->copy = *job->job;
    ck_assert_uint_le(job->job->group_count, 2);
    ck_assert_uint_le(job->job->slots, SLOTS_MAX);
    (void)snprintf(to->user, sizeof(to->user), "%s", job->user);
    for (uint32_t g = 0; g < job->job->group_count; g++) {
        const struct omega_task_group *group = &job->job->groups[g];
        to->groups[g] = *group;
        (void)snprintf(to->constraints[g], sizeof(to->constraints[g]), "%s", job->constraints[g]);
        if (group->task_duration_us != NULL) {
            memcpy(to->durations + group->first_task, group->task_duration_us,
                   (group->count + group->optional) * sizeof(int64_t));
        }
    }
    memcpy(to->placed, job->placed, job->job->slots);
    if (job->machine_of != NULL) {
        memcpy(to->machine_of, job->machine_of, job->job->slots * sizeof(uint32_t));
    }
    return seen->count == seen->stop_after ? 42 : 0;
}

static int see_instance(void *context, const struct lmdb_instance *instance)
{
    struct seen *seen = context;
    ck_assert_uint_lt(seen->count, SEEN_MAX);
    (void)snprintf(seen->modules[seen->count], sizeof(seen->modules[0]), "%s", instance->module);
    seen->instances[seen->count++] = *instance;
    return seen->count == seen->stop_after ? 42 : 0;
}

static int see_change(void *context, const struct lmdb_change *change)
{
    struct seen *seen = context;
    ck_assert_uint_lt(seen->count, SEEN_MAX);
    seen->changes[seen->count++] = *change;
    return seen->count == seen->stop_after ? 42 : 0;
}

static struct seen_job find(struct disk *disk, uint64_t id)
{
    static struct seen seen;
    memset(&seen, 0, sizeof(seen));
    int rc = lmdb_find_job(disk->cell.store, id, see_job, &seen, &disk->cell.err);
    ck_assert_msg(rc == 0, "job %ju: %d %s", (uintmax_t)id, rc, disk->cell.err.text);
    ck_assert_uint_eq(seen.count, 1);
    ck_assert_uint_eq(seen.jobs[0].copy.id, id);
    return seen.jobs[0];
}

static void expect_tasks(const struct seen_job *seen, uint32_t pending, uint32_t running,
                         uint32_t finished, uint32_t failed, uint32_t abandoned)
{
    const struct lmdb_job *job = &seen->job;
    ck_assert_uint_eq(job->pending, pending);
    ck_assert_uint_eq(job->running, running);
    ck_assert_uint_eq(job->finished, finished);
    ck_assert_uint_eq(job->failed, failed);
    ck_assert_uint_eq(job->abandoned, abandoned);
    ck_assert_uint_eq(job->submitted, pending + running + finished + failed + abandoned);
}

/* Two groups: one that asks for different machines and an attribute, one with optional tasks and a
 * duration for each. */
static void submit_rich(struct disk *disk, uint64_t id)
{
    static const int64_t durations[] = {5, OMEGA_NEVER, 7};
    struct cell *cell = &disk->cell;
    struct omega_task_group groups[] = {
        {.count = 2, .request = {100, 10, 0, 0, 0}, .duration_us = 1000},
        {.first_task = 2,
         .count = 1,
         .optional = 2,
         .request = {200, 20, 500, 1, 0},
         .task_duration_us = durations},
    };
    struct omega_job job = {
        .id = id,
        .submit_us = -3,
        .workload = 1,
        .user = symbols_intern(catalogue_symbols(cell->catalogue), "alice"),
        .precedence = 120,
        .group_count = 2,
        .tasks = 3,
        .slots = 5,
        .mapreduce = {1, 2, 3, 4, 5},
        .groups = groups,
    };
    int rc = catalogue_constraints(cell->catalogue, "different_machines; ssd?",
                                   &groups[0].constraints, &cell->err);
    ck_assert_int_eq(rc, 0);
    rc = store_submit(cell->store, &job, &cell->err);
    ck_assert_msg(rc == 0, "%s", cell->err.text);
}

static void expect_rich(struct disk *disk, uint64_t id)
{
    struct seen_job seen = find(disk, id);
    const struct catalogue *catalogue = disk->cell.store->catalogue;
    ck_assert_int_eq(seen.copy.submit_us, -3);
    ck_assert_uint_eq(seen.copy.workload, 1);
    ck_assert_str_eq(seen.user, "alice");
    ck_assert_int_eq(seen.copy.precedence, 120);
    ck_assert_uint_eq(seen.copy.tasks, 3);
    ck_assert_uint_eq(seen.copy.slots, 5);
    ck_assert_uint_eq(seen.copy.mapreduce.workers_asked, 5);
    ck_assert_int_eq(seen.copy.mapreduce.reduce_mean_us, 4);
    ck_assert_uint_eq(seen.copy.group_count, 2);
    ck_assert_str_eq(seen.constraints[0], "different_machines;ssd?");
    ck_assert_str_eq(seen.constraints[1], "");
    if (lmdb_catalogue(disk->cell.store) != NULL) { /* which the store may add to */
        const struct omega_constraint_set *set =
            catalogue_constraint_set(catalogue, seen.groups[0].constraints);
        ck_assert(set->different_machines);
        ck_assert_uint_eq(set->term_count, 1);
        ck_assert_str_eq(symbols_text(catalogue_symbols(catalogue), seen.copy.user), "alice");
    }
    ck_assert_uint_eq(seen.groups[1].constraints, 0);
    ck_assert_int_eq(seen.groups[0].duration_us, 1000);
    ck_assert_ptr_null(seen.groups[0].task_duration_us);
    ck_assert_ptr_nonnull(seen.groups[1].task_duration_us);
    ck_assert_int_eq(seen.durations[2], 5);
    ck_assert_int_eq(seen.durations[3], OMEGA_NEVER);
    ck_assert_int_eq(seen.durations[4], 7);
    ck_assert_uint_eq(seen.groups[1].first_task, 2);
    ck_assert_uint_eq(seen.groups[1].optional, 2);
    ck_assert_int_eq(seen.groups[1].request.gpu_milli, 500);
}

/* Commits the elastic job: tasks 0, 2 and 4. */
static void start_rich(struct disk *disk, uint64_t id)
{
    struct cell *cell = &disk->cell;
    cell_begin(cell, id, 6);
    cell_claim(cell, 0, 1, 100)->request.mem_mib = 10;
    cell_claim(cell, 1, 2, 100)->request.mem_mib = 10;
    for (uint32_t t = 2; t < 5; t += 2) {
        struct omega_claim *claim = cell_claim(cell, t, 0, 200);
        claim->group = 1;
        claim->request = (struct omega_request){200, 20, 500, 1, 0};
        claim->devices = 1;
    }
    cell->t.txn.granularity = OMEGA_COMMIT_AT_LEAST;
    cell->t.txn.group_count = 2;
    cell->t.minimum[0] = 2;
    cell->t.minimum[1] = 1;
    disk_identify(disk, 1, 33);
    cell_commit(cell);
    CELL_OUTCOMES(cell, OMEGA_ACCEPTED, OMEGA_ACCEPTED, OMEGA_ACCEPTED, OMEGA_ACCEPTED);
}

START_TEST(shows_a_job)
{
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    submit_rich(&disk, 7);
    expect_rich(&disk, 7);
    struct seen_job seen = find(&disk, 7);
    expect_tasks(&seen, 3, 0, 0, 0, 0);
    ck_assert(!seen.job.started && !seen.job.given_up && !seen.job.over);
    ck_assert_uint_eq(seen.job.instance, OMEGA_INSTANCE_NONE);
    ck_assert_mem_eq(seen.placed, "\0\0\0\0\0", 5);
    ck_assert_ptr_nonnull(seen.job.machine_of);
    ck_assert_uint_eq(seen.machine_of[0], UINT32_MAX);
    ck_assert_int_eq(lmdb_tell_duration(disk.cell.store, 7, 5, NULL), OMEGA_EINVAL);
    ck_assert_int_eq(lmdb_tell_duration(disk.cell.store, 8, 5, NULL), 1);
    start_rich(&disk, 7);
    ck_assert(!find(&disk, 7).job.told);
    uint64_t first = cell->t.results[0].placement;
    ck_assert(cell_release(cell, first));
    static const int64_t told_us[][2] = {
        {0, 0}, {1, 1}, {OMEGA_NEVER, LMDB_DURATION_MAX}, {12345, 12345}};
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(lmdb_tell_duration(disk.cell.store, 7, told_us[i][0], NULL), OMEGA_OK);
        ck_assert(find(&disk, 7).job.told);
        ck_assert_int_eq(find(&disk, 7).job.given_us, told_us[i][1]);
    }
    disk_reopen(&disk);
    seen = find(&disk, 7);
    ck_assert_int_eq(seen.job.given_us, 12345);
    expect_tasks(&seen, 0, 3, 1, 0, 0);
    ck_assert(seen.job.started && !seen.job.given_up && !seen.job.over);
    ck_assert_uint_eq(seen.job.instance, 6);
    ck_assert_uint_eq(seen.job.attempt, 33);
    ck_assert_mem_eq(seen.placed, "\1\1\1\0\1", 5);
    ck_assert_uint_eq(seen.machine_of[0], UINT32_MAX); /* has ended */
    ck_assert_uint_eq(seen.machine_of[1], 2);
    expect_rich(&disk, 7);
    disk.use.config = NULL; /* with a catalogue of its own */
    disk_reopen(&disk);
    expect_rich(&disk, 7);
    disk_close(&disk);
}
END_TEST

START_TEST(counts_what_became_of_tasks)
{
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    cell_submit(cell, 3, 5, 100);
    cell_begin(cell, 3, 2);
    for (uint32_t t = 0; t < 4; t++) {
        cell_claim(cell, t, t == 2 ? 2 : 0, 100);
    }
    cell_commit(cell);
    uint64_t ids[] = {cell->t.results[0].placement, cell->t.results[1].placement};
    struct store_release_result released;
    uint64_t version = 0;
    ck_assert_int_eq(
        store_release(cell->store, &ids[0], 1, STORE_FAILED, &released, &version, &cell->err), 0);
    ck_assert(cell_release(cell, ids[1]));
    cell_event(cell, 2, OMEGA_EVENT_REMOVE, STORE_LOST_RETURN);
    struct seen_job seen = find(&disk, 3);
    expect_tasks(&seen, 2, 1, 1, 1, 0);
    ck_assert_ptr_null(seen.job.machine_of);
    ck_assert_mem_eq(seen.placed, "\1\1\0\1\0", 5);
    uint32_t given_up = 0;
    ck_assert_int_eq(store_abandon(cell->store, 3, &given_up, NULL, &cell->err), 0);
    seen = find(&disk, 3);
    expect_tasks(&seen, 0, 1, 1, 1, 2);
    ck_assert(seen.job.given_up && !seen.job.over);
    disk_close(&disk);
}
END_TEST

START_TEST(lists_jobs_by_rising_id)
{
    static struct seen seen;
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    static const uint64_t ids[] = {300, 2, UINT64_C(1) << 40, 255, 256};
    static const uint64_t sorted[] = {2, 255, 256, 300, UINT64_C(1) << 40};
    seen = (struct seen){.count = 0};
    ck_assert_int_eq(lmdb_jobs(cell->store, see_job, &seen, &cell->err), 0);
    ck_assert_uint_eq(seen.count, 0);
    for (int i = 0; i < 5; i++) {
        cell_submit(cell, ids[i], 2, 100);
    }
    ck_assert_int_eq(lmdb_jobs(cell->store, see_job, &seen, &cell->err), 0);
    ck_assert_uint_eq(seen.count, 5);
    for (int i = 0; i < 5; i++) {
        ck_assert_uint_eq(seen.jobs[i].copy.id, sorted[i]);
    }
    seen = (struct seen){.stop_after = 2};
    ck_assert_int_eq(lmdb_jobs(cell->store, see_job, &seen, &cell->err), 42);
    ck_assert_uint_eq(seen.count, 2);
    seen = (struct seen){.count = 0};
    ck_assert_int_eq(lmdb_find_job(cell->store, 3, see_job, &seen, &cell->err), 1);
    ck_assert_int_eq(lmdb_find_job(cell->store, 0, see_job, &seen, &cell->err), 1);
    ck_assert_uint_eq(seen.count, 0);
    disk_close(&disk);
}
END_TEST

/* The table as a queue: whose a job is, jobs behind an id, and what a commit placed. */
static int see_placements(void *context, const struct lmdb_change *change)
{
    struct lmdb_change_placement *placements = context;
    for (uint32_t i = 0; i < change->items; i++) {
        lmdb_change_placement(change, i, &placements[i]);
    }
    return 0;
}

static void submit_to(struct cell *cell, uint64_t id, uint16_t instance)
{
    struct omega_task_group group = {
        .count = 2, .request = {.cpu_milli = 100, .mem_mib = 1}, .duration_us = 1};
    struct omega_job job = {.id = id, .precedence = 120, .group_count = 1, .groups = &group};
    ck_assert_int_eq(omega_job_seal(&job, &group, &cell->err), 0);
    ck_assert_int_eq(lmdb_submit_to(cell->store, &job, instance, &cell->err), 0);
}

START_TEST(jobs_are_submitted_to_an_instance)
{
    static struct seen seen;
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    cell_submit(cell, 1, 2, 100);
    submit_to(cell, 2, 7);
    submit_to(cell, 3, 7);
    ck_assert_uint_eq(find(&disk, 1).job.instance, OMEGA_INSTANCE_NONE);
    ck_assert_uint_eq(find(&disk, 2).job.instance, 7);
    ck_assert_uint_eq(find(&disk, 2).job.attempt, 0);
    seen = (struct seen){.count = 0};
    ck_assert_int_eq(lmdb_jobs_from(cell->store, 2, see_job, &seen, &cell->err), 0);
    ck_assert_uint_eq(seen.count, 2);
    ck_assert_uint_eq(seen.jobs[0].copy.id, 2);
    cell_begin(cell, 2, 3);
    cell_claim(cell, 1, 0, 100);
    cell_commit(cell);
    uint64_t first = cell->t.results[0].placement;
    struct lmdb_change_placement placement = {.id = 0};
    uint64_t version = omega_placement_version(first);
    ck_assert_int_eq(lmdb_changes(cell->store, version, see_placements, &placement, &cell->err), 0);
    ck_assert_uint_eq(placement.id, first);
    ck_assert_uint_eq(placement.task, 1);
    disk_close(&disk);
}
END_TEST

/* What an instance finds at a look at its queue. */
static void expect_queue(struct cell *cell, uint16_t instance, uint64_t *next, uint32_t count,
                         const uint64_t ids[])
{
    static struct seen seen;
    seen = (struct seen){.count = 0};
    ck_assert_int_eq(lmdb_queue(cell->store, instance, next, see_job, &seen, &cell->err), 0);
    ck_assert_uint_eq(seen.count, count);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_uint_eq(seen.jobs[i].copy.id, ids[i]);
    }
}

/* Its own jobs, while they have tasks to place; others are passed over, and none is told twice. */
START_TEST(an_instance_finds_its_queue)
{
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    uint64_t next = 1;
    expect_queue(cell, 7, &next, 0, NULL);
    ck_assert_uint_eq(next, 1);
    cell_submit(cell, 1, 2, 100);
    for (uint64_t id = 2; id <= 5; id++) {
        submit_to(cell, id, 7);
    }
    submit_to(cell, 6, 8);
    cell_begin(cell, 3, 7);
    cell_claim(cell, 0, 0, 100);
    cell_claim(cell, 1, 0, 100);
    cell_commit(cell);
    uint32_t tasks = 0;
    ck_assert_int_eq(store_abandon(cell->store, 4, &tasks, NULL, &cell->err), 0);
    expect_queue(cell, 7, &next, 2, (const uint64_t[]){2, 5});
    ck_assert_uint_eq(next, 7);
    submit_to(cell, 9, 7);
    expect_queue(cell, 7, &next, 1, (const uint64_t[]){9});
    expect_queue(cell, 7, &next, 0, NULL);
    ck_assert_uint_eq(next, 10);
    next = 6;
    expect_queue(cell, 8, &next, 1, (const uint64_t[]){6});
    cell_begin(cell, 2, 8);
    cell_claim(cell, 0, 1, 100);
    cell_commit(cell);
    next = 1;
    expect_queue(cell, 8, &next, 2, (const uint64_t[]){2, 6});
    disk_close(&disk);
}
END_TEST

/* A queue with a damaged record, or without one that belongs to another, says which. */
START_TEST(a_damaged_queue_is_told)
{
    static struct seen seen;
    static const char *const tables[] = {"jobs", "job_states"};
    char bytes[] = "no state";
    struct raw raw;
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    submit_to(cell, 1, 7);
    submit_to(cell, 2, 7);
    store_close(cell->store);
    raw_open(&raw, disk.path);
    if (_i == 0) {
        raw_delete(&raw, tables[_i], 2);
    } else {
        raw_put(&raw, tables[_i], 2, bytes, sizeof(bytes));
    }
    raw_close(&raw);
    disk_start(&disk);
    seen = (struct seen){.count = 0};
    uint64_t next = 1;
    ck_assert_int_eq(lmdb_queue(cell->store, 7, &next, see_job, &seen, &cell->err),
                     OMEGA_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(cell->err.text, tables[_i]));
    ck_assert_uint_eq(seen.count, 1);
    store_close(cell->store);
    ck_assert_int_eq(lmdb_remove(disk.path, &cell->err), 0);
    catalogue_destroy(cell->catalogue);
}
END_TEST

/* A job that is over: gone, or kept and of no use to anybody. */
START_TEST(keeps_jobs_if_asked)
{
    struct disk disk;
    disk_describe(&disk);
    bool keep = _i == 1;
    disk.options.keep_jobs = keep;
    disk_create(&disk);
    disk_start(&disk);
    struct cell *cell = &disk.cell;
    static struct seen seen;
    ck_assert(cell_release(cell, cell_put(cell, 5, 0, 100, 1)));
    cell_submit(cell, 6, 1, 100);
    ck_assert_uint_eq(cell_counters(cell).jobs, 1);
    seen = (struct seen){.count = 0};
    ck_assert_int_eq(lmdb_jobs(cell->store, see_job, &seen, &cell->err), 0);
    ck_assert_uint_eq(seen.count, keep ? 2 : 1);
    if (keep) {
        struct seen_job over = find(&disk, 5);
        expect_tasks(&over, 0, 0, 1, 0, 0);
        ck_assert(over.job.over);
        ck_assert(!find(&disk, 6).job.over);
        struct omega_task_group group = {.count = 1};
        struct omega_job job = {
            .id = 5, .group_count = 1, .tasks = 1, .slots = 1, .groups = &group};
        ck_assert_int_eq(store_submit(cell->store, &job, NULL), OMEGA_EINVAL);
    } else {
        ck_assert_int_eq(lmdb_find_job(cell->store, 5, see_job, &seen, &cell->err), 1);
    }
    uint32_t tasks = 0;
    ck_assert_int_eq(store_abandon(cell->store, 5, &tasks, NULL, NULL), OMEGA_EINVAL);
    cell_begin(cell, 5, 1);
    cell_claim(cell, 0, 0, 100);
    ck_assert_int_eq(cell_try(cell), OMEGA_EINVAL);
    struct store_counters counters = cell_counters(cell);
    disk_reopen(&disk);
    struct store_counters now = cell_counters(cell);
    ck_assert_mem_eq(&now, &counters, sizeof(now));
    ck_assert_uint_eq(now.tasks_finished, 1);
    disk_close(&disk);
}
END_TEST

START_TEST(lists_instances)
{
    static struct seen seen;
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    uint32_t incarnation = 0;
    ck_assert_int_eq(lmdb_join(cell->store, 300, "late", &incarnation, &cell->err), 0);
    ck_assert_int_eq(lmdb_join(cell->store, 6, "early", &incarnation, &cell->err), 0);
    submit_rich(&disk, 7);
    start_rich(&disk, 7);
    struct omega_result result = cell->t.result;
    ck_assert_int_eq(lmdb_join(cell->store, 300, "later", &incarnation, &cell->err), 0);
    seen = (struct seen){.count = 0};
    ck_assert_int_eq(lmdb_instances(cell->store, see_instance, &seen, &cell->err), 0);
    ck_assert_uint_eq(seen.count, 2);
    const struct lmdb_instance *instances = seen.instances;
    ck_assert_uint_eq(instances[0].instance, 6);
    ck_assert_uint_eq(instances[0].incarnation, 1);
    ck_assert_str_eq(seen.modules[0], "early");
    ck_assert_uint_eq(instances[0].job, 7);
    ck_assert_uint_eq(instances[0].attempt, 33);
    ck_assert_mem_eq(&instances[0].result, &result, sizeof(result));
    ck_assert_uint_eq(instances[1].instance, 300);
    ck_assert_uint_eq(instances[1].incarnation, 2);
    ck_assert_str_eq(seen.modules[1], "later");
    ck_assert_uint_eq(instances[1].job, 0);
    seen = (struct seen){.stop_after = 1};
    ck_assert_int_eq(lmdb_instances(cell->store, see_instance, &seen, &cell->err), 42);
    ck_assert_uint_eq(seen.count, 1);
    disk_close(&disk);
}
END_TEST

static void expect_change(const struct lmdb_change *change, enum record_change_kind kind,
                          uint8_t detail, uint32_t machines, uint32_t items)
{
    ck_assert_msg(change->kind == kind && change->detail == detail &&
                      change->machines == machines && change->items == items,
                  "version %ju: kind %u detail %u, %u machines, %u items",
                  (uintmax_t)change->version, change->kind, change->detail, change->machines,
                  change->items);
    if (kind != RECORD_CHANGE_COMMIT) {
        ck_assert_uint_eq(change->instance, OMEGA_INSTANCE_NONE);
        ck_assert_uint_eq(change->job, 0);
    }
}

START_TEST(lists_changes)
{
    static struct seen seen;
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    struct store_placement first[2] = {{.machine = 2, .request = {.cpu_milli = 5}},
                                       {.machine = 2, .request = {.cpu_milli = 6}}};
    uint64_t version = 0;
    ck_assert_int_eq(store_preload(cell->store, first, 2, &version, &cell->err), 0);
    submit_rich(&disk, 7); /* no version */
    start_rich(&disk, 7);
    struct store_release_result released[2];
    uint64_t ids[2] = {cell->t.results[2].placement, cell->t.results[3].placement};
    ck_assert_int_eq(
        store_release(cell->store, ids, 2, STORE_FAILED, released, &version, &cell->err), 0);
    cell_event(cell, 2, OMEGA_EVENT_REMOVE, STORE_LOST_RETURN);
    ck_assert_int_eq(lmdb_changes(cell->store, 0, see_change, &seen, &cell->err), 0);
    ck_assert_uint_eq(seen.count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(seen.changes[i].version, i + 1);
    }
    expect_change(&seen.changes[0], RECORD_CHANGE_PRELOAD, 0, 1, 2);
    expect_change(&seen.changes[1], RECORD_CHANGE_COMMIT, (uint8_t)omega_band_of(120), 3, 4);
    ck_assert_uint_eq(seen.changes[1].instance, 6);
    ck_assert_uint_eq(seen.changes[1].incarnation, 1);
    ck_assert_uint_eq(seen.changes[1].attempt, 33);
    ck_assert_uint_eq(seen.changes[1].job, 7);
    expect_change(&seen.changes[2], RECORD_CHANGE_RELEASE, STORE_FAILED, 1, 2);
    expect_change(&seen.changes[3], RECORD_CHANGE_EVENT, OMEGA_EVENT_REMOVE, 1, 3);
    seen = (struct seen){.stop_after = 1};
    ck_assert_int_eq(lmdb_changes(cell->store, 3, see_change, &seen, &cell->err), 42);
    ck_assert_uint_eq(seen.changes[0].version, 3);
    seen = (struct seen){.count = 0};
    ck_assert_int_eq(lmdb_changes(cell->store, 5, see_change, &seen, &cell->err), 0);
    ck_assert_uint_eq(seen.count, 0);
    disk_close(&disk);
}
END_TEST

/* What a reader list says instead of the truth, or NULL. */
static const char *readers_told;

/* Stands before liblmdb's. */
int mdb_reader_list(MDB_env *env, MDB_msg_func *each, void *context)
{
    union {
        void *found;
        int (*list)(MDB_env *env, MDB_msg_func *each, void *context);
    } real = {.found = dlsym(RTLD_NEXT, "mdb_reader_list")};
    ck_assert_ptr_nonnull(real.found);
    return readers_told == NULL ? real.list(env, each, context) : each(readers_told, context);
}

/* A reader that began while the cell was being described is not behind it. */
START_TEST(has_young_readers)
{
    struct disk disk;
    disk_open(&disk);
    ck_assert_uint_eq(disk_info(&disk).oldest_reader, 0);
    readers_told = "       123 7f0000000000 4000000000\n";
    struct lmdb_info info = disk_info(&disk);
    ck_assert_uint_eq(info.readers, 1);
    ck_assert_uint_eq(info.oldest_reader, 0);
    readers_told = "       123 7f0000000000 1\n";
    uint64_t before = disk_info(&disk).oldest_reader;
    cell_put(&disk.cell, 1, 0, 100, 1); /* two transactions */
    ck_assert_uint_eq(disk_info(&disk).oldest_reader, before + 2);
    readers_told = NULL;
    disk_close(&disk);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "a job", shows_a_job);
    check_case(suite, "tasks", counts_what_became_of_tasks);
    check_case(suite, "jobs", lists_jobs_by_rising_id);
    check_case(suite, "queue", jobs_are_submitted_to_an_instance);
    check_case(suite, "queue of an instance", an_instance_finds_its_queue);
    check_case(suite, "instances", lists_instances);
    check_case(suite, "changes", lists_changes);
    check_case(suite, "young readers", has_young_readers);
    TCase *damaged = tcase_create("damaged queue");
    tcase_add_loop_test(damaged, a_damaged_queue_is_told, 0, 2);
    suite_add_tcase(suite, damaged);
    TCase *tcase = tcase_create("keeping jobs");
    tcase_add_loop_test(tcase, keeps_jobs_if_asked, 0, 2);
    suite_add_tcase(suite, tcase);
}

CHECK_MAIN("cellstate/lmdb_lists", add_cases)
