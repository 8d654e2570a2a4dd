/* SPDX-License-Identifier: MIT */
/* Restoring: a cell read through the lists and written into a new one is the same cell. */
#include <errno.h>
#include <sys/syscall.h>

#include "cellstate/lmdb_records.h"
#include "tests/unit/cellstate/disk_fixture.h"

#define INSTANCE_PLACING 3u

static uint32_t syncs;
static bool sync_fails;

/* Stands before the C library's, for liblmdb too. */
int fdatasync(int fd)
{
    syncs++;
    if (sync_fails) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

/* A cell with something of everything: a job that runs, one that is over, one given up, one that is
 * elastic, losses, a machine that drains, one above its limit, initial placements. */
static void fill(struct disk *disk)
{
    struct cell *cell = &disk->cell;
    struct omega_request request = {500, 64, 250, 1, 0};
    struct store_placement first = {.machine = 2, .request = {.cpu_milli = 4500}, .band = 1};
    uint64_t version = 0;
    uint32_t number = 0;
    ck_assert_int_eq(lmdb_join(cell->store, INSTANCE_PLACING, "mod", &number, &cell->err), 0);
    ck_assert_int_eq(lmdb_join(cell->store, INSTANCE_PLACING, "mod", &number, &cell->err), 0);
    ck_assert_int_eq(store_preload(cell->store, &first, 1, &version, &cell->err), 0);
    cell_submit_groups(cell, 100, 2, 3, 0, request, "different_machines;ssd!=9");
    cell_submit_groups(cell, 101, 1, 1, 3, (struct omega_request){10, 1, 0, 0, 0}, "");
    cell_begin(cell, 100, INSTANCE_PLACING);
    for (uint32_t t = 0; t < 2; t++) {
        struct omega_claim *claim = cell_claim(cell, t, t, 500);
        claim->request = request;
        claim->devices = 2;
    }
    cell->t.txn.group_count = 2;
    disk_identify(disk, 2, 1);
    cell_commit(cell);
    cell_begin(cell, 101, 4);
    cell_claim(cell, 0, 0, 10);
    cell_claim(cell, 2, 1, 10);
    cell->t.txn.granularity = OMEGA_COMMIT_AT_LEAST;
    cell->t.minimum[0] = 1;
    cell_commit(cell);
    CELL_OUTCOMES(cell, OMEGA_ACCEPTED, OMEGA_ACCEPTED);
    ck_assert(cell_release(cell, cell_put(cell, 102, 0, 300, 2)));
    cell_submit(cell, 103, 2, 50);
    cell_begin(cell, 103, 4);
    cell_claim(cell, 1, 0, 50);
    cell_commit(cell);
    ck_assert_int_eq(store_abandon(cell->store, 103, &number, NULL, &cell->err), 0);
    cell_event(cell, 3, OMEGA_EVENT_ADD, STORE_LOST_RETURN);
    cell_put(cell, 104, 3, 300, 3);
    cell_event(cell, 3, OMEGA_EVENT_REMOVE, STORE_LOST_RETURN);
    cell_event(cell, 1, OMEGA_EVENT_DRAIN, STORE_LOST_RETURN);
}

/* What is not sound by itself, though all that is counted adds up. */
enum wrong {
    NOTHING_WRONG,
    PLACED_LATER,  /* a machine, by a version that is still to come */
    PLACED_BEFORE, /* likewise, and the one before it */
    NO_SUCH_TASK,
    SAME_TASK, /* a task with two placements */
    ANOTHER_REQUEST,
    ANOTHER_BAND,
    ANOTHER_TASK,    /* is the one that is placed */
    ANOTHER_MACHINE, /* where a task runs */
    NO_MACHINE,      /* of a task that runs */
    A_MACHINE,       /* of one that does not run */
    STARTED_ONCE,
    GIVEN_UP,
    WRONGS,
    NO_SUCH_MACHINE = WRONGS, /* found at once */
};

/* What one store lists goes into the other, and is counted. */
struct copy {
    struct lmdb_restore *restore;
    omega_error_t err;
    uint32_t placements;
    uint32_t jobs;
    uint32_t instances;
    uint32_t skip_placement; /* the first so many are left out */
    enum wrong wrong;
};

static int copy_placement(void *context, const struct store_placement *placement)
{
    struct copy *copy = context;
    struct store_placement copied = *placement;
    if (copy->placements++ < copy->skip_placement) {
        return 0;
    }
    if (copied.job == 100 && copied.task == 1) {
        copied.task = copy->wrong == NO_SUCH_TASK ? 6 : copy->wrong == SAME_TASK ? 0 : 1;
    }
    return lmdb_restore_placement(copy->restore, &copied, &copy->err);
}

/* Job 100 has six tasks in two groups, of which 0 and 1 run on machines 0 and 1. */
static void spoil_job(enum wrong wrong, struct lmdb_job *told, struct omega_job *job,
                      struct omega_task_group *groups, uint8_t *placed, uint32_t *machine_of)
{
    ck_assert_uint_eq(job->slots, 6);
    memcpy(groups, job->groups, 2 * sizeof(*groups));
    memcpy(placed, told->placed, 6);
    memcpy(machine_of, told->machine_of, 6 * sizeof(*machine_of));
    groups[0].request.cpu_milli += wrong == ANOTHER_REQUEST;
    job->precedence = wrong == ANOTHER_BAND ? 100 : job->precedence;
    if (wrong == ANOTHER_TASK) {
        placed[1] = 0;
        placed[2] = 1;
    }
    machine_of[1] = wrong == ANOTHER_MACHINE ? 2 : wrong == NO_MACHINE ? UINT32_MAX : 1;
    machine_of[4] = UINT32_MAX;
    machine_of[2] = wrong == A_MACHINE ? 3 : wrong == NO_SUCH_MACHINE ? CELL_MACHINES : UINT32_MAX;
    told->started = wrong == STARTED_ONCE;
    told->given_up = wrong == GIVEN_UP;
    job->groups = groups;
    told->job = job;
    told->placed = placed;
    told->machine_of = machine_of;
}

static int copy_job(void *context, const struct lmdb_job *job)
{
    struct copy *copy = context;
    struct lmdb_job told = *job;
    struct omega_job copied = *job->job;
    struct omega_task_group groups[2];
    uint8_t placed[6];
    uint32_t machine_of[6];
    copy->jobs++;
    if (copied.id == 100) {
        spoil_job(copy->wrong, &told, &copied, groups, placed, machine_of);
    }
    return lmdb_restore_job(copy->restore, &told, &copy->err);
}

static int copy_instance(void *context, const struct lmdb_instance *instance)
{
    struct copy *copy = context;
    copy->instances++;
    return lmdb_restore_instance(copy->restore, instance->instance, instance->incarnation,
                                 instance->module, &copy->err);
}

/* Everything but lmdb_restore_commit(). */
static void copy_all(struct disk *from, const char *to, struct copy *copy)
{
    struct store *store = from->cell.store;
    int rc = lmdb_restore_open(to, &copy->restore, &copy->err);
    ck_assert_msg(rc == 0, "%s", copy->err.text);
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        struct omega_machine machine = cell_machine(&from->cell, m);
        uint64_t later = cell_counters(&from->cell).version + 1;
        machine.placed_version[0] =
            m == 1 && copy->wrong == PLACED_LATER ? later : machine.placed_version[0];
        machine.placed_version[1] =
            m == 1 && copy->wrong == PLACED_BEFORE ? later : machine.placed_version[1];
        rc = lmdb_restore_machine(copy->restore, &machine, &copy->err);
        ck_assert_msg(rc == 0, "%s", copy->err.text);
    }
    rc = store_placements(store, copy_placement, copy, &copy->err);
    ck_assert_msg(rc == 0, "%s", copy->err.text);
    rc = lmdb_jobs(store, copy_job, copy, &copy->err);
    ck_assert_msg(rc == 0, "%s", copy->err.text);
    rc = lmdb_instances(store, copy_instance, copy, &copy->err);
    ck_assert_msg(rc == 0, "%s", copy->err.text);
}

/* A second cell of the same description, in which nothing has happened. */
static void create_like(struct disk *disk, const struct disk *like)
{
    disk_describe(disk);
    disk->options = like->options;
    disk_create(disk);
}

static void expect_fresh(struct disk *disk)
{
    struct store_counters zero = {0};
    disk_start(disk);
    struct store_counters counters = cell_counters(&disk->cell);
    ck_assert_mem_eq(&counters, &zero, sizeof(zero));
    ck_assert_int_eq(cell_machine(&disk->cell, 2).cpu_used_milli, 0);
    ck_assert_int_eq(lmdb_find_job(disk->cell.store, 100, NULL, NULL, &disk->cell.err), 1);
    store_close(disk->cell.store);
}

/* The same answers from both from now on. */
static void expect_same(struct disk *a, struct disk *b)
{
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        struct omega_machine mine = cell_machine(&a->cell, m);
        struct omega_machine theirs = cell_machine(&b->cell, m);
        ck_assert_mem_eq(&theirs, &mine, sizeof(mine));
    }
    struct store_counters mine = cell_counters(&a->cell);
    struct store_counters theirs = cell_counters(&b->cell);
    ck_assert_mem_eq(&theirs, &mine, sizeof(mine));
    struct store_totals my_totals;
    struct store_totals their_totals;
    store_totals(a->cell.store, &my_totals);
    store_totals(b->cell.store, &their_totals);
    ck_assert_mem_eq(&their_totals, &my_totals, sizeof(my_totals));
}

/* Commits a task of job 100, started before the dump, and of the elastic one, which is refused. */
static void go_on(struct disk *disk)
{
    struct cell *cell = &disk->cell;
    cell_begin(cell, 100, 5);
    for (uint32_t t = 1; t < 3; t++) { /* placed; on the machine of task 0 */
        struct omega_claim *claim = cell_claim(cell, t, 0, 500);
        claim->request = (struct omega_request){500, 64, 250, 1, 0};
        claim->devices = 2;
    }
    cell->t.txn.group_count = 2;
    cell_commit(cell);
    CELL_OUTCOMES(cell, OMEGA_REFUSED_ALREADY_PLACED, OMEGA_REFUSED_CONSTRAINT);
    cell_begin(cell, 101, 4);
    cell_claim(cell, 1, 0, 10);
    cell->t.txn.granularity = OMEGA_COMMIT_AT_LEAST;
    ck_assert_int_eq(cell_try(cell), OMEGA_EINVAL);
    ck_assert(cell_release(cell, cell_put(cell, 200, 0, 10, 9)));
    struct omega_task_group group = {.count = 1};
    struct omega_job job = {.id = 100, .group_count = 1, .tasks = 1, .slots = 1, .groups = &group};
    ck_assert_int_eq(store_submit(cell->store, &job, NULL), OMEGA_EINVAL);
}

START_TEST(restored_is_the_same)
{
    struct disk from;
    struct disk to;
    struct copy copy = {.restore = NULL};
    disk_describe(&from);
    from.options.keep_jobs = _i == 1;
    disk_create(&from);
    disk_start(&from);
    fill(&from);
    create_like(&to, &from);
    struct store_counters counters = cell_counters(&from.cell);
    copy_all(&from, to.path, &copy);
    ck_assert_uint_eq(copy.placements, 6);
    ck_assert_uint_eq(copy.jobs, _i == 1 ? 5 : 4);
    ck_assert_uint_ge(copy.instances, 1);
    int rc = lmdb_restore_commit(copy.restore, &counters, &copy.err);
    ck_assert_msg(rc == 0, "%s", copy.err.text);
    disk_start(&to);
    expect_same(&from, &to);
    ck_assert_uint_eq(disk_info(&to).log_first, 0);
    go_on(&from);
    go_on(&to);
    expect_same(&from, &to);
    ck_assert_uint_eq(disk_info(&to).log_first, counters.version + 1);
    uint32_t incarnation = 0;
    ck_assert_int_eq(lmdb_join(to.cell.store, INSTANCE_PLACING, "mod", &incarnation, &to.cell.err),
                     0);
    ck_assert_uint_eq(incarnation, 3);
    /* a view moves from the restored version on */
    struct store_view *view = NULL;
    ck_assert_int_eq(store_view_open(to.cell.store, STORE_VIEW_PRIVATE, &view, &to.cell.err), 0);
    cell_put(&to.cell, 201, 0, 10, 9);
    ck_assert_int_eq(store_view_refresh(to.cell.store, view, &to.cell.err), 0);
    ck_assert_int_eq(view->shown.entry[0].room.cpu_milli,
                     4000 - cell_machine(&to.cell, 0).cpu_used_milli);
    store_view_close(to.cell.store, view);
    disk_close(&to);
    disk_close(&from);
}
END_TEST

/* What does not add up is not taken, and can be tried again. */
START_TEST(refuses_what_is_not_sound)
{
    struct disk from;
    struct disk to;
    disk_open(&from);
    fill(&from);
    create_like(&to, &from);
    struct store_counters counters = cell_counters(&from.cell);
    for (int wrong = 0; wrong < 5; wrong++) {
        struct copy copy = {.skip_placement = wrong == 0};
        struct store_counters told = counters;
        told.tasks_running += wrong == 1;
        told.tasks_pending -= wrong == 1; /* the sum is right */
        told.tasks_submitted += wrong == 2;
        told.jobs += wrong == 3;
        told.version = wrong == 4 ? 2 : told.version; /* placements are younger */
        copy_all(&from, to.path, &copy);
        ck_assert_msg(lmdb_restore_commit(copy.restore, &told, &copy.err) != 0,
                      "wrong in way %d, and taken", wrong);
        ck_assert_str_ne(copy.err.text, "");
        expect_fresh(&to);
    }
    struct copy copy = {.restore = NULL};
    copy_all(&from, to.path, &copy);
    ck_assert_int_eq(lmdb_restore_commit(copy.restore, &counters, &copy.err), 0);
    disk_start(&to);
    expect_same(&from, &to);
    disk_close(&to);
    disk_close(&from);
}
END_TEST

START_TEST(refuses_a_machine_that_is_not)
{
    struct disk from;
    struct disk to;
    struct copy copy = {.wrong = NO_SUCH_MACHINE};
    disk_open(&from);
    fill(&from);
    create_like(&to, &from);
    ck_assert_int_eq(lmdb_restore_open(to.path, &copy.restore, &copy.err), 0);
    ck_assert_int_eq(lmdb_jobs(from.cell.store, copy_job, &copy, &copy.err), OMEGA_EINVAL);
    ck_assert_str_eq(copy.err.text,
                     "job 100: task 2 runs on machine 4, which is not in the cell of "
                     "4 machines");
    lmdb_restore_abort(copy.restore);
    expect_fresh(&to);
    disk_start(&to);
    disk_close(&to);
    disk_close(&from);
}
END_TEST

/* Records that do not belong together: nothing could be done with such a cell. */
START_TEST(refuses_what_does_not_match)
{
    struct disk from;
    struct disk to;
    struct copy copy = {.wrong = (enum wrong)_i};
    disk_open(&from);
    fill(&from);
    create_like(&to, &from);
    struct store_counters counters = cell_counters(&from.cell);
    copy_all(&from, to.path, &copy);
    int rc = lmdb_restore_commit(copy.restore, &counters, &copy.err);
    ck_assert_msg(rc == (_i == NOTHING_WRONG ? 0 : OMEGA_EINVAL), "wrong in way %d: %d %s", _i, rc,
                  copy.err.text);
    if (_i != NOTHING_WRONG) {
        ck_assert_ptr_nonnull(strstr(copy.err.text, "invariants, first "));
        expect_fresh(&to);
    }
    disk_start(&to);
    disk_close(&to);
    disk_close(&from);
}
END_TEST

/* A new cell and a job that fits it, of two groups. */
struct one_job {
    struct disk disk;
    struct lmdb_restore *restore;
    struct omega_task_group groups[2];
    struct omega_job job;
    const char *constraints[2];
    uint8_t placed[2];
    struct lmdb_job told;
};

static void open_one(struct one_job *one)
{
    memset(one, 0, sizeof(*one));
    disk_describe(&one->disk);
    disk_create(&one->disk);
    int rc = lmdb_restore_open(one->disk.path, &one->restore, &one->disk.cell.err);
    ck_assert_msg(rc == 0, "%s", one->disk.cell.err.text);
    one->groups[0] = (struct omega_task_group){.count = 1, .request = {.cpu_milli = 1}};
    one->groups[1] = one->groups[0];
    one->groups[1].first_task = 1;
    one->job = (struct omega_job){
        .id = 5, .group_count = 2, .tasks = 2, .slots = 2, .groups = one->groups};
    one->constraints[0] = "";
    one->constraints[1] = "";
    one->told = (struct lmdb_job){
        .job = &one->job,
        .user = "",
        .constraints = one->constraints,
        .submitted = 2,
        .pending = 2,
        .instance = OMEGA_INSTANCE_NONE,
        .placed = one->placed,
    };
}

static int restore_one(struct one_job *one)
{
    omega_error_clear(&one->disk.cell.err);
    return lmdb_restore_job(one->restore, &one->told, &one->disk.cell.err);
}

static void close_one(struct one_job *one)
{
    struct store_counters counters = {.tasks_submitted = 2, .tasks_pending = 2, .jobs = 1};
    int rc = restore_one(one);
    ck_assert_msg(rc == 0, "%s", one->disk.cell.err.text);
    rc = lmdb_restore_commit(one->restore, &counters, &one->disk.cell.err);
    ck_assert_msg(rc == 0, "%s", one->disk.cell.err.text);
    disk_start(&one->disk);
    disk_close(&one->disk);
}

/* Texts that no record holds are refused, not written. */
START_TEST(refuses_long_texts)
{
    struct one_job one;
    open_one(&one);
    char *text = malloc(RECORD_TEXT_MAX + 2);
    ck_assert_ptr_nonnull(text);
    memset(text, ' ', RECORD_TEXT_MAX + 1);
    text[RECORD_TEXT_MAX + 1] = '\0';
    one.told.user = text;
    ck_assert_int_eq(restore_one(&one), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(one.disk.cell.err.text, "too long"));
    one.told.user = "";
    one.constraints[1] = text;
    ck_assert_int_eq(restore_one(&one), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(one.disk.cell.err.text, "too long"));
    one.constraints[1] = "";
    ck_assert_int_eq(lmdb_restore_instance(one.restore, 1, 1,
                                           text + RECORD_TEXT_MAX - RECORD_MODULE_MAX,
                                           &one.disk.cell.err),
                     OMEGA_EINVAL);
    text[RECORD_TEXT_MAX] = '\0'; /* just fits */
    one.told.user = text;
    close_one(&one);
    free(text);
}
END_TEST

START_TEST(refuses_figures_out_of_range)
{
    struct one_job one;
    open_one(&one);
    one.told.pending = 3;
    ck_assert_int_eq(restore_one(&one), OMEGA_EINVAL);
    one.told.pending = 2;
    one.told.failed = UINT32_MAX;
    ck_assert_int_eq(restore_one(&one), OMEGA_EINVAL);
    one.told.failed = 0;
    one.job.id = 0;
    ck_assert_int_eq(restore_one(&one), OMEGA_EINVAL);
    one.job.id = 5;
    one.job.slots = 3;
    ck_assert_int_eq(restore_one(&one), OMEGA_EINVAL);
    one.job.slots = 2;
    struct omega_machine machine = {.placed_version = {0, OMEGA_VERSION_MAX + 1}};
    ck_assert_int_eq(lmdb_restore_machine(one.restore, &machine, &one.disk.cell.err), OMEGA_EINVAL);
    machine.placed_version[0] = OMEGA_VERSION_MAX + 1;
    machine.placed_version[1] = 0;
    ck_assert_int_eq(lmdb_restore_machine(one.restore, &machine, &one.disk.cell.err), OMEGA_EINVAL);
    close_one(&one);
}
END_TEST

/* What was restored is on the disk when it is answered, in every mode; where it cannot be brought
 * there, nothing of it is in the cell. */
START_TEST(synced_or_not_there)
{
    struct disk from;
    struct disk to;
    struct copy copy = {.restore = NULL};
    disk_describe(&from);
    from.options.mode = (enum lmdb_mode)_i;
    disk_create(&from);
    disk_start(&from);
    fill(&from);
    create_like(&to, &from);
    struct store_counters counters = cell_counters(&from.cell);
    copy_all(&from, to.path, &copy);
    sync_fails = true;
    int rc = lmdb_restore_commit(copy.restore, &counters, &copy.err);
    sync_fails = false;
    ck_assert_int_eq(rc, OMEGA_EIO);
    expect_fresh(&to);
    copy = (struct copy){.restore = NULL};
    copy_all(&from, to.path, &copy);
    syncs = 0;
    ck_assert_int_eq(lmdb_restore_commit(copy.restore, &counters, &copy.err), 0);
    ck_assert_uint_gt(syncs, 0);
    disk_start(&to);
    expect_same(&from, &to);
    disk_close(&to);
    disk_close(&from);
}
END_TEST

START_TEST(aborted_leaves_nothing)
{
    struct disk from;
    struct disk to;
    struct copy copy = {.restore = NULL};
    disk_open(&from);
    fill(&from);
    create_like(&to, &from);
    copy_all(&from, to.path, &copy);
    lmdb_restore_abort(copy.restore);
    lmdb_restore_abort(NULL);
    expect_fresh(&to);
    disk_start(&to);
    disk_close(&to);
    disk_close(&from);
}
END_TEST

START_TEST(restores_into_a_new_cell_only)
{
    struct disk disk;
    struct lmdb_restore *restore = NULL;
    disk_open(&disk);
    cell_submit(&disk.cell, 1, 1, 10);
    store_close(disk.cell.store);
    ck_assert_int_eq(lmdb_restore_open(disk.path, &restore, &disk.cell.err), OMEGA_EINVAL);
    ck_assert(disk_is_named(&disk));
    disk_start(&disk);
    ck_assert_uint_eq(cell_counters(&disk.cell).jobs, 1);
    disk_close(&disk);
    disk_open(&disk);
    cell_event(&disk.cell, 0, OMEGA_EVENT_DRAIN, STORE_LOST_RETURN);
    store_close(disk.cell.store);
    ck_assert_int_eq(lmdb_restore_open(disk.path, &restore, NULL), OMEGA_EINVAL);
    disk_start(&disk);
    disk_close(&disk);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "not sound", refuses_what_is_not_sound);
    check_case(suite, "long texts", refuses_long_texts);
    check_case(suite, "out of range", refuses_figures_out_of_range);
    check_case(suite, "aborted", aborted_leaves_nothing);
    check_case(suite, "new cells", restores_into_a_new_cell_only);
    check_case(suite, "no such machine", refuses_a_machine_that_is_not);
    TCase *tcase = tcase_create("the same");
    tcase_add_loop_test(tcase, restored_is_the_same, 0, 2);
    tcase_add_loop_test(tcase, refuses_what_does_not_match, 0, WRONGS);
    tcase_add_loop_test(tcase, synced_or_not_there, 0, 3);
    suite_add_tcase(suite, tcase);
}

CHECK_MAIN("cellstate/lmdb_restore", add_cases)
