/* SPDX-License-Identifier: MIT */
/*
 * What store_check() proves of a cell on disk by the records of its tables: each way in which they
 * can disagree, all checksums being right, is found and named, and a sound cell is sound.
 */
#include <endian.h>

#include "cellstate/lmdb_records.h"
#include "tests/unit/cellstate/raw_fixture.h"

#define SLOTS 6u

/* Job 100: two groups of three tasks of which the first asks for different machines, tasks 0 and 3
 * run on machines 0 and 1, task 4 has finished. Job 101: elastic and started, task 0 runs. Job 102:
 * given up, task 1 of two runs. */
static void fill(struct disk *disk)
{
    struct cell *cell = &disk->cell;
    uint32_t given_up = 0;
    struct omega_task_group groups[2] = {
        {.count = 3, .request = {.cpu_milli = 500, .mem_mib = 1}},
        {.first_task = 3, .count = 3, .request = {.cpu_milli = 500, .mem_mib = 1}},
    };
    struct omega_job job = {.id = 100,
                            .precedence = 120,
                            .group_count = 2,
                            .tasks = SLOTS,
                            .slots = SLOTS,
                            .groups = groups};
    ck_assert_int_eq(catalogue_constraints(cell->catalogue, "different_machines",
                                           &groups[0].constraints, &cell->err),
                     0);
    ck_assert_int_eq(store_submit(cell->store, &job, &cell->err), 0);
    cell_begin(cell, 100, 1);
    cell_claim(cell, 0, 0, 500);
    cell_claim(cell, 3, 1, 500)->group = 1;
    cell_claim(cell, 4, 1, 500)->group = 1;
    cell_commit(cell);
    ck_assert(cell_release(cell, cell->t.results[2].placement));
    cell_submit_groups(cell, 101, 1, 1, 2, (struct omega_request){.cpu_milli = 10, .mem_mib = 1},
                       "");
    cell_begin(cell, 101, 1);
    cell_claim(cell, 0, 0, 10);
    cell->t.txn.granularity = OMEGA_COMMIT_AT_LEAST;
    cell->t.minimum[0] = 1;
    cell_commit(cell);
    cell_submit(cell, 102, 2, 50);
    cell_begin(cell, 102, 1);
    cell_claim(cell, 1, 0, 50);
    cell_commit(cell);
    ck_assert_int_eq(store_abandon(cell->store, 102, &given_up, NULL, &cell->err), 0);
}

/* ---- the tables, by LMDB's own calls ---- */

static MDB_val raw_get(struct raw *raw, const char *table, uint64_t id)
{
    MDB_val key = {.mv_size = sizeof(id), .mv_data = &id};
    MDB_val data;
    ck_assert_int_eq(mdb_get(raw->txn, raw_table(raw, table), &key, &data), 0);
    return data;
}

/* ---- tables of several records for each job ---- */

static MDB_dbi raw_parts(struct raw *raw, const char *table)
{
    MDB_dbi dbi;
    ck_assert_int_eq(mdb_dbi_open(raw->txn, table, 0, &dbi), 0);
    return dbi;
}

static void raw_put_part(struct raw *raw, const char *table, uint64_t job, uint64_t part,
                         void *bytes, size_t size)
{
    uint64_t keys[2] = {htobe64(job), htobe64(part)};
    MDB_val key = {.mv_size = sizeof(keys), .mv_data = keys};
    MDB_val data = {.mv_size = size, .mv_data = bytes};
    ck_assert_int_eq(mdb_put(raw->txn, raw_parts(raw, table), &key, &data, 0), 0);
}

static void raw_delete_part(struct raw *raw, const char *table, uint64_t job, uint64_t part)
{
    uint64_t keys[2] = {htobe64(job), htobe64(part)};
    MDB_val key = {.mv_size = sizeof(keys), .mv_data = keys};
    ck_assert_int_eq(mdb_del(raw->txn, raw_parts(raw, table), &key, NULL), 0);
}

/* ---- what the damage is made of: records to change and to write back ---- */

/* The record that a task of a group that asks for different machines runs on one. */
struct spread {
    bool there;
    uint64_t job;
    uint32_t group;
    uint32_t machine;
    uint32_t task;
};

struct damage {
    struct store_placement placement; /* of task 3 of job 100 */
    struct omega_machine machine;     /* machine 1 */
    struct record_job_state state;    /* of job `of` */
    uint64_t of;
    uint8_t placed[SLOTS];
    struct spread spread[2];           /* the one of job 100, and one that is not there */
    uint64_t tasks_of;                 /* a job that gets a record of further tasks; 0: none */
    uint64_t durations_of;             /* likewise, of durations */
    struct omega_task_group groups[2]; /* of job 100 */
    struct omega_job job;
    bool different[2];
};

static const uint64_t damaged_placement = (UINT64_C(1) << OMEGA_PLACEMENT_POSITION_BITS) + 1;

struct way {
    uint64_t of; /* the job whose state is changed; 0: 100 */
    void (*damage)(struct damage *damage);
    const char *expected; /* part of the first violation; NULL: a record that cannot be read */
};

static void read_records(struct raw *raw, struct damage *damage)
{
    static const char *constraints[2] = {"different_machines", ""};
    MDB_val data = raw_get(raw, "placements", damage->placement.id);
    ck_assert_int_eq(record_decode_placement(data.mv_data, data.mv_size, damage->placement.id,
                                             &damage->placement),
                     0);
    ck_assert_uint_eq(damage->placement.task, 3);
    data = raw_get(raw, "machines", 1);
    ck_assert_int_eq(record_decode_machine(data.mv_data, data.mv_size, 1, &damage->machine), 0);
    data = raw_get(raw, "job_states", damage->of);
    ck_assert_int_eq(
        record_decode_job_state(data.mv_data, data.mv_size, damage->of, &damage->state), 0);
    ck_assert_uint_le(damage->state.slots, SLOTS);
    record_job_state_placed(&damage->state, damage->placed);
    damage->spread[0] = (struct spread){.there = true, .job = 100};
    damage->spread[1] = (struct spread){.job = 100, .machine = 1, .task = 1};
    struct record_job job;
    data = raw_get(raw, "jobs", 100);
    ck_assert_int_eq(record_decode_job(data.mv_data, data.mv_size, 100, &job), 0);
    struct record_group_cursor cursor = {.durations = 0};
    for (uint32_t g = 0; g < 2; g++) {
        struct record_group group;
        record_job_group(&job, g, &cursor, &group);
        damage->groups[g] = group.group;
        damage->different[g] = group.different;
        ck_assert_uint_eq(group.constraints_length, strlen(constraints[g]));
    }
    damage->job = job.job;
    damage->job.groups = damage->groups;
}

static void write_parts(struct raw *raw, const struct damage *damage)
{
    uint8_t bytes[RECORD_TASKS_BYTES];
    uint8_t placed[RECORD_TASKS_EACH] = {0};
    raw_delete_part(raw, "job_machines", 100, 0);
    for (int i = 0; i < 2; i++) {
        const struct spread *spread = &damage->spread[i];
        uint64_t part = (uint64_t)spread->group << 32 | spread->machine;
        record_encode_task_machine(spread->task, record_part_key(spread->job, part), bytes);
        if (spread->there) {
            raw_put_part(raw, "job_machines", spread->job, part, bytes, RECORD_TASK_MACHINE_BYTES);
        }
    }
    if (damage->tasks_of != 0) {
        record_encode_tasks(placed, 1, record_part_key(damage->tasks_of, 1), bytes);
        raw_put_part(raw, "job_tasks", damage->tasks_of, 1, bytes, RECORD_TASKS_BYTES);
    }
    if (damage->durations_of != 0) {
        struct omega_task_group group = {.count = 1, .task_duration_us = (int64_t[]){5}};
        struct omega_job job = {.id = damage->durations_of, .group_count = 1, .groups = &group};
        record_encode_durations(&job, bytes);
        raw_put(raw, "durations", job.id, bytes, record_durations_bytes(1));
    }
}

static void write_records(struct raw *raw, struct damage *damage)
{
    static const char *const constraints[2] = {"different_machines", ""};
    uint8_t bytes[512];
    record_encode_placement(&damage->placement, bytes);
    raw_put(raw, "placements", damage->placement.id, bytes, RECORD_PLACEMENT_BYTES);
    raw_put(raw, "machines", 1, bytes, record_encode_machine(&damage->machine, bytes));
    record_encode_job_state(&damage->state, damage->placed, damage->of, bytes);
    raw_put(raw, "job_states", damage->of, bytes, record_job_state_bytes(damage->state.slots));
    write_parts(raw, damage);
    size_t size = record_job_bytes(&damage->job, "", constraints);
    ck_assert_uint_le(size, sizeof(bytes));
    record_encode_job(&damage->job, "", constraints, damage->different, bytes);
    raw_put(raw, "jobs", 100, bytes, size);
}

/* ---- the ways ---- */

static void none(struct damage *damage)
{
    (void)damage;
}

static void no_such_task(struct damage *damage)
{
    damage->placement.task = SLOTS;
}

static void same_task(struct damage *damage)
{
    damage->placement.task = 0;
}

static void unplaced(struct damage *damage)
{
    damage->placed[3] = 0;
    damage->placed[5] = 1;
}

static void another_machine(struct damage *damage)
{
    damage->spread[0].machine = 2;
}

static void no_machine(struct damage *damage)
{
    damage->spread[0].there = false;
}

static void a_machine(struct damage *damage)
{
    damage->spread[1].there = true;
}

static void a_machine_of_the_same_task(struct damage *damage)
{
    a_machine(damage);
    damage->spread[1].task = 0;
}

static void a_machine_that_is_not(struct damage *damage)
{
    a_machine(damage);
    damage->spread[1].machine = CELL_MACHINES;
}

static void a_machine_of_another_group(struct damage *damage)
{
    a_machine(damage);
    damage->spread[1].task = 3;
}

static void a_machine_of_any_group(struct damage *damage)
{
    a_machine(damage);
    damage->spread[1].group = 1;
    damage->spread[1].task = 3;
}

static void a_machine_of_no_group(struct damage *damage)
{
    a_machine(damage);
    damage->spread[1].group = 2;
}

static void a_machine_of_no_job(struct damage *damage)
{
    a_machine(damage);
    damage->spread[1].job = 99;
}

static void a_machine_of_another_job(struct damage *damage)
{
    a_machine(damage);
    damage->spread[1].job = 102;
}

static void further_tasks(struct damage *damage)
{
    damage->tasks_of = 100;
}

static void further_tasks_of_no_job(struct damage *damage)
{
    damage->tasks_of = 98;
}

static void durations(struct damage *damage)
{
    damage->durations_of = 101;
}

static void durations_of_no_job(struct damage *damage)
{
    damage->durations_of = 97;
}

static void another_request(struct damage *damage)
{
    damage->groups[1].request.mem_mib++;
}

static void another_band(struct damage *damage)
{
    damage->job.precedence = 100;
}

static void different_too(struct damage *damage)
{
    damage->different[1] = true;
    damage->spread[1] = (struct spread){true, 100, 1, 1, 3};
}

static void same_machines(struct damage *damage)
{
    damage->different[0] = false;
    damage->spread[0].there = false;
    different_too(damage);
}

static void no_such_job(struct damage *damage)
{
    damage->placement.job = 99;
}

static void the_last_job(struct damage *damage)
{
    damage->placement.job = UINT64_MAX;
}

static void one_placed_more(struct damage *damage)
{
    damage->placed[5] = 1;
}

static void one_placed_less(struct damage *damage)
{
    damage->placed[4] = 0;
}

static void given_up(struct damage *damage)
{
    damage->state.given_up = !damage->state.given_up;
}

static void started(struct damage *damage)
{
    damage->state.started = !damage->state.started;
}

static void too_few(struct damage *damage)
{
    damage->state.submitted--;
    damage->state.pending--;
}

static void too_many(struct damage *damage)
{
    damage->state.submitted++;
    damage->state.finished++;
    damage->state.started = false;
}

static void over(struct damage *damage)
{
    damage->state.over = true;
}

static void placed_later(struct damage *damage)
{
    damage->machine.placed_version[0] = 5;
}

static void placed_before(struct damage *damage)
{
    damage->machine.placed_version[1] = 5;
}

static void placed_never(struct damage *damage)
{
    damage->machine.placed_version[1] = OMEGA_VERSION_MAX + 1;
}

static const struct way ways[] = {
    {0, none, ""},
    {101, none, ""},
    {102, none, ""},
    {0, no_such_task, "I: placement"},
    {0, same_task, "which has another placement"},
    {0, unplaced, "which the job takes for unplaced"},
    {0, another_machine, "which the job takes to be on another machine"},
    {0, no_machine, "which the job takes to be on another machine"},
    {0, a_machine, "I: job 100 knows machines of 2 tasks, 1 run"},
    {0, a_machine_of_the_same_task, NULL},
    {0, a_machine_that_is_not, NULL},
    {0, a_machine_of_another_group, NULL},
    {0, a_machine_of_any_group, NULL},
    {0, a_machine_of_no_group, NULL},
    {0, a_machine_of_another_job, NULL},
    {0, a_machine_of_no_job, "I: job 99 has records but is not in the table"},
    {0, further_tasks, NULL},
    {0, further_tasks_of_no_job, "I: job 98 has records but is not in the table"},
    {0, durations, NULL},
    {0, durations_of_no_job, "I: job 97 has records but is not in the table"},
    {0, another_request, "which asks for something else than its group"},
    {0, another_band, "which is in another band than its job"},
    {0, same_machines, "I: group 0 of job 100 is said not to ask for different machines"},
    {0, different_too, "I: group 1 of job 100 is said to ask for different machines"},
    {0, no_such_job, "of job 99, which is not in the table"},
    {0, the_last_job, "I: job 100 has 2 tasks running, 1 placements"},
    {0, one_placed_more, "I: job 100 has 4 tasks placed, 3 that run or have ended"},
    {0, one_placed_less, "I: job 100 has 2 tasks placed, 3 that run or have ended"},
    {0, given_up, "I: job 100 is given up with 3 tasks pending"},
    {102, given_up, "I: job 102 is not given up with 0 tasks pending and 1 abandoned"},
    {0, started, "I: job 100 is started with 3 tasks pending"},
    {101, started, "I: job 101 is not started with 0 tasks pending and 1 running"},
    {0, too_few, "I: job 100 has 6 tasks, 5 submitted"},
    {101, too_many, "I: job 101 has 1 tasks, 2 submitted"},
    {0, over, "I: job 100 is over with 5 tasks pending or running"},
    {0, placed_later, "B: machine 1 was placed on by version 5, the cell is at version 4"},
    {0, placed_before, "B: machine 1 was placed on by version 5, the cell is at version 4"},
    {0, placed_never, NULL},
};
#define WAYS ((int)(sizeof(ways) / sizeof(ways[0])))

START_TEST(finds_what_does_not_match)
{
    struct disk disk;
    struct raw raw;
    struct damage damage = {.of = ways[_i].of == 0 ? 100 : ways[_i].of};
    disk_open(&disk);
    fill(&disk);
    ck_assert_uint_eq(cell_counters(&disk.cell).version, 4);
    store_close(disk.cell.store);
    damage.placement.id = damaged_placement;
    raw_open(&raw, disk.path);
    read_records(&raw, &damage);
    ways[_i].damage(&damage);
    write_records(&raw, &damage);
    raw_close(&raw);
    disk.use.config = NULL; /* with a catalogue of its own all is checked */
    disk_start(&disk);
    struct store_report report;
    int rc = store_check(disk.cell.store, &report, &disk.cell.err);
    if (ways[_i].expected == NULL) {
        ck_assert_int_eq(rc, OMEGA_ECORRUPT);
    } else {
        ck_assert_msg(rc == 0, "%s", disk.cell.err.text);
        ck_assert_msg((report.violations > 0) == (ways[_i].expected[0] != '\0') &&
                          strstr(report.first, ways[_i].expected) != NULL,
                      "way %d: '%s', expected '%s'", _i, report.first, ways[_i].expected);
    }
    store_close(disk.cell.store);
    ck_assert_int_eq(lmdb_remove(disk.path, &disk.cell.err), 0);
    catalogue_destroy(disk.cell.catalogue);
}
END_TEST

/* Tasks that are lost with their machine, in each state of a job, leave nothing to complain of. */
START_TEST(takes_losses)
{
    struct disk disk;
    disk_describe(&disk);
    disk.options.keep_jobs = true;
    disk_create(&disk);
    disk_start(&disk);
    fill(&disk);
    cell_event(&disk.cell, 0, OMEGA_EVENT_REMOVE, _i == 0 ? STORE_LOST_RETURN : STORE_LOST_FAIL);
    cell_event(&disk.cell, 1, OMEGA_EVENT_REMOVE, _i == 0 ? STORE_LOST_FAIL : STORE_LOST_RETURN);
    disk.use.config = NULL;
    disk_reopen(&disk);
    ck_assert_uint_eq(cell_counters(&disk.cell).losses, 4);
    ck_assert_uint_eq(cell_counters(&disk.cell).jobs, 1); /* job 100 */
    disk_close(&disk);
}
END_TEST

/* The record that task 0 of job 100 runs on machine 0 is missing, of another task, or flipped: its
 * release is told so and changes nothing, others go on. */
START_TEST(tells_a_machine_of_a_task)
{
    struct disk disk;
    struct raw raw;
    uint8_t bytes[RECORD_TASK_MACHINE_BYTES];
    struct store_release_result result;
    uint64_t version = 0;
    uint64_t placement = omega_placement_id(1, 0);
    disk_open(&disk);
    fill(&disk);
    store_close(disk.cell.store);
    raw_open(&raw, disk.path);
    raw_delete_part(&raw, "job_machines", 100, 0);
    record_encode_task_machine(_i == 1 ? 1 : 0, record_part_key(100, 0), bytes);
    bytes[8] ^= _i == 2 ? 0x10 : 0;
    if (_i > 0) {
        raw_put_part(&raw, "job_machines", 100, 0, bytes, sizeof(bytes));
    }
    raw_close(&raw);
    disk_start(&disk);
    struct cell *cell = &disk.cell;
    struct store_counters before = cell_counters(cell);
    ck_assert_int_eq(
        store_release(cell->store, &placement, 1, STORE_FINISHED, &result, &version, &cell->err),
        OMEGA_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(cell->err.text, "table 'job_machines', key 100/0"));
    struct store_counters after = cell_counters(cell);
    ck_assert_mem_eq(&before, &after, sizeof(before));
    ck_assert_int_eq(cell_machine(cell, 0).releases, 0);
    omega_error_clear(&cell->err);
    ck_assert(cell_release(cell, damaged_placement));
    store_close(cell->store);
    ck_assert_int_eq(lmdb_remove(disk.path, &cell->err), 0);
    catalogue_destroy(cell->catalogue);
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *tcase = tcase_create("the records");
    tcase_add_loop_test(tcase, finds_what_does_not_match, 0, WAYS);
    tcase_add_loop_test(tcase, takes_losses, 0, 2);
    tcase_add_loop_test(tcase, tells_a_machine_of_a_task, 0, 3);
    suite_add_tcase(suite, tcase);
}

CHECK_MAIN("cellstate/lmdb_check", add_cases)
