/* SPDX-License-Identifier: MIT */
/*
 * Batches of the lmdb store: what a batch that is rolled back tells each of its requests, what
 * waits for the gate and is committed together, and what threads of a group see that hold or check
 * the cell meanwhile.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>

#include "cellstate/lmdb_private.h"
#include "tests/support/child.h"
#include "tests/support/tsan.h"
#include "tests/unit/cellstate/disk_fixture.h"

#define MIB (UINT64_C(1) << 20)

/* Machines that have room for all that these tests place. */
static void describe_large(struct disk *disk)
{
    disk_describe(disk);
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        disk->cell.specs[m].cpu_milli = 1000000;
        disk->cell.specs[m].mem_mib = 1000000;
    }
}

/* For any thread: without an assertion. */
static uint64_t version_of(struct store *store)
{
    struct store_counters counters;
    store_counters(store, &counters);
    return counters.version;
}

/* ---- a batch that is rolled back ---- */

#define BIG_TASKS 60000u /* placed at once: more than the cell has room for */

static const uint32_t no_minimum[1];

static struct omega_transaction txn_of(uint64_t job, const struct omega_claim *claims,
                                       uint32_t count)
{
    return (struct omega_transaction){
        .job = job,
        .attempt = 1,
        .instance = 1,
        .precedence = 120,
        .group_count = 1,
        .group_minimum = no_minimum,
        .claims = claims,
        .claim_count = count,
    };
}

static struct omega_claim claim_of(uint32_t task)
{
    return (struct omega_claim){.task = task, .machine = task % 3, .request = {1, 1, 0, 0, 0}};
}

enum {
    OWN_FAULT,
    NEWER,
    OLDER,
    LATE_FAULT,
    BIG,
    REQUESTS
};

/* The requests of a batch that its last one is too big for. */
struct batch {
    struct omega_transaction txns[REQUESTS];
    struct omega_claim small[2];
    struct omega_claim big[BIG_TASKS];
    struct omega_claim_result results[REQUESTS][2];
    struct omega_claim_result big_results[BIG_TASKS];
    struct lmdb_commit commits[REQUESTS];
};

static void make_batch(struct batch *batch, uint32_t incarnation)
{
    memset(batch, 0, sizeof *batch);
    for (uint32_t i = 0; i < BIG_TASKS; i++) {
        batch->big[i] = claim_of(i);
    }
    batch->small[0] = claim_of(0);
    batch->small[1] = claim_of(1);
    batch->txns[OWN_FAULT] = txn_of(77, &batch->small[0], 1); /* no such job */
    batch->txns[NEWER] = txn_of(1, &batch->small[0], 1);
    batch->txns[NEWER].incarnation = incarnation;
    batch->txns[NEWER].attempt = 2;
    batch->txns[OLDER] = txn_of(1, &batch->small[1], 1);
    batch->txns[OLDER].incarnation = incarnation;
    batch->txns[LATE_FAULT] = txn_of(77, &batch->small[1], 1);
    batch->txns[BIG] = txn_of(2, batch->big, BIG_TASKS);
    batch->txns[BIG].instance = 2;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        batch->commits[i] = (struct lmdb_commit){
            .txn = &batch->txns[i],
            .results = i == BIG ? batch->big_results : batch->results[i],
        };
    }
}

static uint64_t last_txn(const struct store *store)
{
    MDB_envinfo info;
    ck_assert_int_eq(mdb_env_info(lmdb_of(store)->env, &info), 0);
    return info.me_last_txnid;
}

/* Jobs 1 and 2 in a cell with too little room to place all of 2. */
static uint32_t begin_small_map(struct disk *disk, bool group)
{
    uint32_t incarnation = 0;
    describe_large(disk);
    disk->options.map_bytes = 3 * MIB;
    disk->use.group = group;
    disk_create(disk);
    disk_start(disk);
    cell_submit(&disk->cell, 1, 100, 1);
    cell_submit(&disk->cell, 2, BIG_TASKS, 1);
    ck_assert_int_eq(lmdb_join(disk->cell.store, 1, "a", &incarnation, &disk->cell.err), 0);
    return incarnation;
}

static void expect_codes(const struct batch *batch)
{
    static const int want[REQUESTS] = {OMEGA_EINVAL, OMEGA_EFULL, OMEGA_EFULL, OMEGA_EFULL,
                                       OMEGA_EFULL};
    const struct lmdb_commit *commits = batch->commits;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        ck_assert_msg(commits[i].code == want[i], "request %u is %d: %s", i, commits[i].code,
                      commits[i].err.text);
        ck_assert_int_eq(commits[i].err.code, want[i]);
    }
    ck_assert_ptr_nonnull(strstr(commits[OWN_FAULT].err.text, "77"));
    for (uint32_t i = NEWER; i < BIG; i++) {
        ck_assert_str_eq(commits[i].err.text, commits[BIG].err.text);
    }
    ck_assert_ptr_nonnull(strstr(commits[BIG].err.text, "map"));
}

/* _i: with a group or without. What comes after a change was decided by what is no more. */
START_TEST(rolled_back)
{
    static struct batch batch;
    struct disk disk;
    struct cell *cell = &disk.cell;
    make_batch(&batch, begin_small_map(&disk, _i == 1));
    struct store_counters before = cell_counters(cell);
    uint64_t txn = last_txn(cell->store);
    ck_assert_int_eq(lmdb_commit_all(cell->store, batch.commits, REQUESTS, &cell->err),
                     OMEGA_EINVAL);
    expect_codes(&batch);
    ck_assert_str_eq(cell->err.text, batch.commits[OWN_FAULT].err.text);
    struct store_counters after = cell_counters(cell);
    ck_assert_mem_eq(&before, &after, sizeof before);
    ck_assert_uint_eq(last_txn(cell->store), txn);
    /* the older attempt was not superseded: the newer one has never been */
    omega_error_clear(&cell->err);
    struct omega_result result;
    int rc =
        store_commit(cell->store, &batch.txns[OLDER], batch.results[OLDER], &result, &cell->err);
    ck_assert_msg(rc == 0, "%s", cell->err.text);
    ck_assert_uint_eq(result.accepted, 1);
    ck_assert_uint_eq(result.version, before.version + 1);
    /* and without the big one all of it holds */
    rc = lmdb_commit_all(cell->store, &batch.commits[NEWER], 1, &cell->err);
    ck_assert_msg(rc == 0, "%s", cell->err.text);
    ck_assert_uint_eq(batch.commits[NEWER].result.accepted, 1);
    disk_close(&disk);
}
END_TEST

/* An error that the caller has recorded before says why, whatever comes after it. */
START_TEST(recorded_errors_stay)
{
    static struct batch batch;
    struct disk disk;
    struct omega_result result;
    make_batch(&batch, begin_small_map(&disk, _i == 1));
    struct store *store = disk.cell.store;
    omega_error_t err = {.code = OMEGA_OK};
    omega_error_set(&err, OMEGA_EIO, "the first one");
    ck_assert_int_eq(lmdb_commit_all(store, batch.commits, REQUESTS, &err), OMEGA_EINVAL);
    expect_codes(&batch);
    ck_assert_int_eq(err.code, OMEGA_EIO);
    ck_assert_str_eq(err.text, "the first one");
    for (uint32_t i = OWN_FAULT; i <= BIG; i += BIG - OWN_FAULT) {
        struct lmdb_commit *commit = &batch.commits[i];
        int rc = store_commit(store, commit->txn, commit->results, &result, &err);
        ck_assert_int_eq(rc, commit->code);
        ck_assert_int_eq(err.code, OMEGA_EIO);
        ck_assert_str_eq(err.text, "the first one");
    }
    disk_close(&disk);
}
END_TEST

/* ---- batches without room, in mode `fast` ---- */

#define FULL_JOBS 20u
#define FULL_TASKS 1000u   /* of each: `fast` reserves two pages for any of them */
#define FULL_DISK_MIB 110u /* 64 MiB ahead, and less than all that they place */

/* A file system of our own, in a mount namespace that ends with this process. */
static bool mount_disk(const char *path, struct trouble *trouble)
{
    char options[64];
    (void)snprintf(options, sizeof options, "size=%um", FULL_DISK_MIB);
    return TROUBLE_EXPECT(trouble,
                          unshare(CLONE_NEWNS) == 0 &&
                              mount("none", "/", "none", MS_REC | MS_PRIVATE, "") == 0 &&
                              mount("omega", path, "tmpfs", 0, options) == 0,
                          "no disk: %s", strerror(errno));
}

static void can_mount(void *context, struct trouble *trouble)
{
    mount_disk(context, trouble);
}

/* Jobs for each of which some 8 MiB are reserved when all of it is placed. */
static int submit_largest(struct disk *disk)
{
    struct cell *cell = &disk->cell;
    int rc = 0;
    for (uint64_t id = 1; rc == 0 && id <= FULL_JOBS; id++) {
        struct omega_task_group group = {.count = FULL_TASKS, .request = {1, 1, 0, 0, 0}};
        struct omega_job job = {.id = id, .precedence = 120, .group_count = 1, .groups = &group};
        rc = omega_job_seal(&job, &group, &cell->err);
        rc = rc == 0 ? store_submit(cell->store, &job, &cell->err) : rc;
    }
    return rc;
}

static void find_violations(struct store *store, struct trouble *trouble)
{
    struct store_report report = {.violations = 0};
    omega_error_t err = {.code = OMEGA_OK};
    int rc = store_check(store, &report, &err);
    TROUBLE_EXPECT(trouble, rc == 0 && report.violations == 0, "check is %d: %s%s", rc, err.text,
                   report.first);
}

/* All of them are one batch, which there is no room for; any of them alone has it. */
static void commit_without_room(struct store *store, struct trouble *trouble)
{
    static struct omega_claim claims[FULL_TASKS]; /* the same of each job */
    static struct omega_claim_result results[FULL_TASKS];
    struct omega_transaction txns[FULL_JOBS];
    struct lmdb_commit commits[FULL_JOBS];
    omega_error_t err = {.code = OMEGA_OK};
    for (uint32_t i = 0; i < FULL_TASKS; i++) {
        claims[i] = claim_of(i);
    }
    for (uint32_t i = 0; i < FULL_JOBS; i++) {
        txns[i] = txn_of(i + 1, claims, FULL_TASKS);
        commits[i] = (struct lmdb_commit){.txn = &txns[i], .results = results};
    }
    (void)lmdb_commit_all(store, commits, FULL_JOBS, &err);
    for (uint32_t i = 0; i < FULL_JOBS; i++) {
        TROUBLE_EXPECT(trouble, commits[i].code == OMEGA_EFULL, "request %u is %d: %s", i,
                       commits[i].code, commits[i].err.text);
    }
    TROUBLE_EXPECT(trouble, version_of(store) == 0, "something of the batch was kept");
    find_violations(store, trouble);
    omega_error_clear(&err);
    int rc = lmdb_commit_all(store, commits, 1, &err);
    TROUBLE_EXPECT(trouble, rc == 0 && commits[0].result.accepted == FULL_TASKS,
                   "one alone is %d: %s", rc, err.text);
}

/* A cell in a folder for the file system. */
struct full {
    struct disk disk;
    char folder[SCRATCH_PATH_MAX];
};

static void fill_by_batches(void *context, struct trouble *trouble)
{
    struct full *full = context;
    struct disk *disk = &full->disk;
    struct cell *cell = &disk->cell;
    if (!mount_disk(full->folder, trouble)) {
        return;
    }
    int rc = lmdb_create(disk->path, &cell->config, &disk->options, &cell->err);
    rc = rc != 0 ? rc : lmdb_open(disk->path, &disk->use, &cell->store, &cell->err);
    rc = rc != 0 ? rc : submit_largest(disk);
    if (!TROUBLE_EXPECT(trouble, rc == 0, "%s", cell->err.text)) {
        return;
    }
    commit_without_room(cell->store, trouble);
    store_close(cell->store);
    rc = lmdb_open(disk->path, &disk->use, &cell->store, &cell->err);
    if (TROUBLE_EXPECT(trouble, rc == 0, "opening again: %s", cell->err.text)) {
        find_violations(cell->store, trouble);
        TROUBLE_EXPECT(trouble, version_of(cell->store) == 1, "the one commit is gone");
        store_close(cell->store);
    }
}

START_TEST(batches_on_a_full_disk)
{
    struct full full;
    struct trouble *trouble = shared_memory(sizeof *trouble);
    describe_large(&full.disk);
    full.disk.options.mode = LMDB_FAST;
    full.disk.options.map_bytes = 512 * MIB;
    scratch_path(full.folder);
    (void)snprintf(full.disk.path, sizeof full.disk.path, "%.240s/cell", full.folder);
    ck_assert_int_eq(mkdir(full.folder, 0755), 0);
    child_run(can_mount, full.folder, trouble);
    if (trouble->count > 0) {
        printf("skip - batches on a full disk (%s)\n", trouble->first);
    } else {
        child_run(fill_by_batches, &full, trouble);
        ck_assert_msg(trouble->count == 0, "%s", trouble->first);
    }
    ck_assert_int_eq(scratch_entries(full.folder), 0); /* all there was went with its mount */
    scratch_remove(full.folder);
    catalogue_destroy(full.disk.cell.catalogue);
    shared_memory_free(trouble, sizeof *trouble);
}
END_TEST

/* ---- threads of a group ---- */

static pthread_t start(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, function, argument), 0);
    return thread;
}

static void open_group(struct disk *disk)
{
    describe_large(disk);
    disk->use.group = true;
    disk_create(disk);
    disk_start(disk);
}

/* Commits one task; returns the version, or 0 if it was not accepted. For any thread. */
static uint64_t commit_one(struct store *store, uint64_t job, uint32_t task, omega_error_t *err)
{
    struct omega_claim claim = claim_of(task);
    struct omega_transaction txn = txn_of(job, &claim, 1);
    struct omega_claim_result claimed;
    struct omega_result result = {.accepted = 0};
    int rc = store_commit(store, &txn, &claimed, &result, err);
    return rc == 0 && result.accepted == 1 ? result.version : 0;
}

struct checker {
    struct store *store;
    atomic_uint checks;
    atomic_int stop;
    struct store_report report;
    omega_error_t err;
    int rc;
};

static void *check_often(void *argument)
{
    struct checker *checker = argument;
    while (checker->rc == 0 && checker->report.violations == 0 && !atomic_load(&checker->stop)) {
        checker->rc = store_check(checker->store, &checker->report, &checker->err);
        atomic_fetch_add(&checker->checks, 1);
    }
    atomic_fetch_add(&checker->checks, 1000); /* nobody waits for one that has ended */
    return NULL;
}

#define COMMITS 300u
#define CHECKS 20u

/* Each refresh shows what its thread was told before, whatever version others look at. */
START_TEST(views_beside_checks)
{
    struct disk disk;
    struct store_view *view = NULL;
    uint32_t behind = 0;
    open_group(&disk);
    struct cell *cell = &disk.cell;
    struct checker checker = {.store = cell->store};
    cell_submit(cell, 1, 100000, 1);
    ck_assert_int_eq(store_view_open(cell->store, STORE_VIEW_PRIVATE, &view, &cell->err), 0);
    pthread_t thread = start(check_often, &checker);
    for (uint32_t i = 0; i < COMMITS || atomic_load(&checker.checks) < CHECKS; i++) {
        uint64_t version = commit_one(cell->store, 1, i, &cell->err);
        int rc = store_view_refresh(cell->store, view, &cell->err);
        if (version == 0 || rc != 0) {
            break;
        }
        behind += view->shown.version < version;
    }
    atomic_store(&checker.stop, 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_msg(cell->err.code == 0, "%s", cell->err.text);
    ck_assert_msg(checker.rc == 0, "%s", checker.err.text);
    ck_assert_msg(checker.report.violations == 0, "%s", checker.report.first);
    ck_assert_uint_eq(behind, 0);
    store_view_close(cell->store, view);
    disk_close(&disk);
}
END_TEST

/* ---- holding ---- */

/* What a thread saw of a store that it held, while others changed it. */
struct holder {
    struct store *store;
    pthread_barrier_t *barrier;
    uint64_t held[2];   /* version: at once, after a change by another thread */
    uint64_t refreshed; /* version of a view that was refreshed meanwhile */
    uint64_t after;     /* when it had let go */
    omega_error_t err;
};

static void *hold_and_look(void *argument)
{
    struct holder *holder = argument;
    struct store *store = holder->store;
    struct store_view *view = NULL;
    int rc = lmdb_hold(store, &holder->err);
    rc = rc == 0 ? store_view_open(store, STORE_VIEW_PRIVATE, &view, &holder->err) : rc;
    holder->held[0] = version_of(store);
    (void)pthread_barrier_wait(holder->barrier); /* the other one changes, and holds */
    (void)pthread_barrier_wait(holder->barrier);
    holder->held[1] = version_of(store);
    if (rc == 0 && store_view_refresh(store, view, &holder->err) == 0) {
        holder->refreshed = view->shown.version;
    }
    lmdb_let_go(store);
    holder->after = version_of(store);
    store_view_close(store, view);
    (void)pthread_barrier_wait(holder->barrier); /* the other one still holds */
    return NULL;
}

START_TEST(threads_hold_what_they_saw)
{
    struct disk disk;
    pthread_barrier_t barrier;
    open_group(&disk);
    struct cell *cell = &disk.cell;
    struct holder holder = {.store = cell->store, .barrier = &barrier};
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    cell_submit(cell, 1, 10, 1);
    ck_assert_uint_eq(commit_one(cell->store, 1, 0, &cell->err), 1);
    pthread_t thread = start(hold_and_look, &holder);
    (void)pthread_barrier_wait(&barrier);
    uint64_t second = commit_one(cell->store, 1, 1, &cell->err);
    int rc = lmdb_hold(cell->store, &cell->err);
    uint64_t own = version_of(cell->store);
    uint64_t third = commit_one(cell->store, 1, 2, &cell->err);
    (void)pthread_barrier_wait(&barrier);
    (void)pthread_barrier_wait(&barrier);
    uint64_t still = version_of(cell->store); /* the other one has let go of its own */
    lmdb_let_go(cell->store);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_msg(rc == 0 && cell->err.code == 0, "%s", cell->err.text);
    ck_assert_msg(holder.err.code == 0, "%s", holder.err.text);
    ck_assert_uint_eq(second, 2);
    ck_assert_uint_eq(third, 3);
    ck_assert_uint_eq(own, 2);
    ck_assert_uint_eq(still, 2);
    ck_assert_uint_eq(holder.held[0], 1);
    ck_assert_uint_eq(holder.held[1], 1);
    ck_assert_uint_eq(holder.refreshed, 3);
    ck_assert_uint_eq(holder.after, 3);
    ck_assert_uint_eq(version_of(cell->store), 3);
    (void)pthread_barrier_destroy(&barrier);
    disk_close(&disk);
}
END_TEST

/* _i: with a group or without. A thread that holds commits on, and its views show that. */
START_TEST(holds_nest)
{
    struct disk disk;
    struct store_view *view = NULL;
    struct store_report report = {.violations = 0};
    describe_large(&disk);
    disk.use.group = _i == 1;
    disk_create(&disk);
    disk_start(&disk);
    struct cell *cell = &disk.cell;
    cell_submit(cell, 1, 10, 1);
    ck_assert_int_eq(store_view_open(cell->store, STORE_VIEW_PRIVATE, &view, &cell->err), 0);
    ck_assert_int_eq(lmdb_hold(cell->store, &cell->err), 0);
    ck_assert_uint_eq(commit_one(cell->store, 1, 0, &cell->err), 1);
    ck_assert_int_eq(store_view_refresh(cell->store, view, &cell->err), 0);
    ck_assert_uint_eq(view->shown.version, 1);
    ck_assert_uint_eq(version_of(cell->store), 0);
    ck_assert_int_eq(lmdb_hold(cell->store, &cell->err), 0);
    ck_assert_uint_eq(version_of(cell->store), 0); /* the same, though there is a newer one */
    ck_assert_int_eq(store_check(cell->store, &report, &cell->err), 0);
    ck_assert_msg(report.violations == 0, "%s", report.first);
    lmdb_let_go(cell->store);
    ck_assert_uint_eq(version_of(cell->store), 0);
    lmdb_let_go(cell->store);
    ck_assert_uint_eq(version_of(cell->store), 1);
    store_view_close(cell->store, view);
    disk_close(&disk);
}
END_TEST

START_TEST(holds_one_store)
{
    struct disk disks[2];
    for (int d = 0; d < 2; d++) {
        open_group(&disks[d]);
        cell_submit(&disks[d].cell, 1, 10, 1);
    }
    struct store *first = disks[0].cell.store;
    struct store *second = disks[1].cell.store;
    ck_assert_int_eq(lmdb_hold(first, &disks[0].cell.err), 0);
    ck_assert_int_eq(lmdb_hold(second, &disks[1].cell.err), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(disks[1].cell.err.text, disks[0].path));
    ck_assert(disk_is_named(&disks[1]));
    for (int d = 0; d < 2; d++) {
        omega_error_clear(&disks[d].cell.err);
        ck_assert_uint_eq(commit_one(disks[d].cell.store, 1, 0, &disks[d].cell.err), 1);
    }
    lmdb_let_go(second); /* it is not held: nothing */
    ck_assert_uint_eq(version_of(first), 0);
    ck_assert_uint_eq(version_of(second), 1);
    lmdb_let_go(first);
    ck_assert_uint_eq(version_of(first), 1);
    ck_assert_int_eq(lmdb_hold(second, &disks[1].cell.err), 0);
    lmdb_let_go(second);
    disk_close(&disks[0]);
    disk_close(&disks[1]);
}
END_TEST

/* ---- what waits for the gate ---- */

#define WAITING 8u

static void take_gate(struct disk *disk)
{
    bool died = false;
    int rc =
        lmdb_gate_enter(lmdb_of(disk->cell.store)->gate, 9, NULL, NULL, &died, &disk->cell.err);
    ck_assert_msg(rc == 0, "%s", disk->cell.err.text);
}

static void leave_gate(struct disk *disk)
{
    lmdb_gate_leave(lmdb_of(disk->cell.store)->gate);
}

static void (*const gate_keeper[])(struct disk *) = {take_gate, leave_gate};

static void tell_blocked(void *context, const struct lmdb_writer *writer)
{
    atomic_int *blocked = context;
    atomic_store(blocked, writer->instance == 9 ? 1 : 2);
}

struct waiting {
    struct store *store;
    uint64_t job;
    uint64_t version;
    pthread_t thread;
    omega_error_t err;
};

static void *commit_and_wait(void *argument)
{
    struct waiting *waiting = argument;
    waiting->version = commit_one(waiting->store, waiting->job, 0, &waiting->err);
    return NULL;
}

/* How many wait in the queue: nobody takes from it while the leader cannot have the gate. */
static uint32_t queued(struct store *store)
{
    struct rcu_queue *queue = &lmdb_of(store)->combine.queue;
    uint32_t count = 0;
    for (struct rcu_queue_node *link = rcu_queue_first(queue); link != NULL;
         link = rcu_queue_next(queue, link)) {
        count++;
    }
    return count;
}

/* A leader that waits at the gate, and then all others behind it. */
static void gather(struct store *store, struct waiting *waiting, atomic_int *blocked)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < WAITING; i++) {
        waiting[i] = (struct waiting){.store = store, .job = 10 + i};
        waiting[i].thread = start(commit_and_wait, &waiting[i]);
        while (i == 0 && atomic_load(blocked) == 0) {
            (void)sched_yield();
        }
        before = i == 0 ? queued(store) : before;
    }
    while (queued(store) < before + WAITING - 1) {
        (void)sched_yield();
    }
}

START_TEST(what_waits_is_one_batch)
{
    struct disk disk;
    struct disk_other other;
    struct waiting waiting[WAITING];
    atomic_int blocked = 0;
    describe_large(&disk);
    disk_create(&disk);
    disk_other_start(&other, &disk, gate_keeper);
    disk.use.group = true;
    disk.use.blocked = tell_blocked;
    disk.use.context = &blocked;
    disk_start(&disk);
    struct store *store = disk.cell.store;
    for (uint32_t i = 0; i < WAITING; i++) {
        cell_submit(&disk.cell, 10 + i, 1, 1);
    }
    uint64_t txn = last_txn(store);
    struct combine_counts before = combine_counts(&lmdb_of(store)->combine);
    disk_other_does(&other, 0);
    gather(store, waiting, &blocked);
    ck_assert_uint_eq(last_txn(store), txn);
    disk_other_does(&other, 1);
    uint64_t versions = 0; /* a bit each */
    for (uint32_t i = 0; i < WAITING; i++) {
        ck_assert_int_eq(pthread_join(waiting[i].thread, NULL), 0);
        ck_assert_msg(waiting[i].err.code == 0, "%s", waiting[i].err.text);
        versions |= UINT64_C(1) << waiting[i].version;
    }
    struct combine_counts after = combine_counts(&lmdb_of(store)->combine);
    ck_assert_int_eq(atomic_load(&blocked), 1);
    ck_assert_uint_eq(versions, 0x1fe); /* 1 to 8 */
    ck_assert_uint_eq(last_txn(store), txn + 1);
    ck_assert_uint_eq(after.batches, before.batches + 1);
    ck_assert_uint_eq(after.largest, WAITING);
    disk_other_stop(&other);
    disk_close(&disk);
}
END_TEST

/* ---- names of users ---- */

static int find_user(void *context, const struct lmdb_job *job)
{
    *(size_t *)context = strlen(job->user);
    return 0;
}

/* A record can hold so long a name and no longer: it is refused before it cannot be read. */
START_TEST(long_user)
{
    struct disk disk;
    char *name = malloc(RECORD_TEXT_MAX + 2);
    ck_assert_ptr_nonnull(name);
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    for (size_t more = 0; more < 2; more++) {
        struct omega_task_group group = {.count = 1, .request = {.cpu_milli = 1}};
        struct omega_job job = {.id = 1 + more, .precedence = 120, .group_count = 1};
        struct store_counters before = cell_counters(cell);
        uint64_t txn = last_txn(cell->store);
        size_t found = 0;
        memset(name, 'u', RECORD_TEXT_MAX + more);
        name[RECORD_TEXT_MAX + more] = '\0';
        job.groups = &group;
        job.user = symbols_intern(catalogue_symbols(cell->catalogue), name);
        ck_assert_int_eq(omega_job_seal(&job, &group, &cell->err), 0);
        int rc = store_submit(cell->store, &job, &cell->err);
        ck_assert_msg(rc == (more == 0 ? 0 : OMEGA_EINVAL), "%d: %s", rc, cell->err.text);
        rc = lmdb_find_job(cell->store, job.id, find_user, &found, NULL);
        ck_assert_int_eq(rc, more == 0 ? 0 : 1);
        ck_assert_uint_eq(found, more == 0 ? RECORD_TEXT_MAX : 0);
        if (more > 0) {
            struct store_counters after = cell_counters(cell);
            ck_assert_mem_eq(&before, &after, sizeof before);
            ck_assert_uint_eq(last_txn(cell->store), txn);
            ck_assert_ptr_nonnull(strstr(cell->err.text, "1048577"));
            ck_assert_ptr_nonnull(strstr(cell->err.text, "user"));
        }
    }
    free(name);
    disk_close(&disk);
}
END_TEST

/* With and without a group. */
static void both_cases(Suite *suite, const char *name, const TTest *test)
{
    TCase *tcase = tcase_create(name);
    tcase_add_loop_test(tcase, test, 0, 2);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
}

static void add_cases(Suite *suite)
{
    both_cases(suite, "rolled back", rolled_back);
    both_cases(suite, "recorded errors", recorded_errors_stay);
    check_case(suite, "full disk", batches_on_a_full_disk);
    check_case(suite, "views beside checks", views_beside_checks);
    check_case(suite, "threads hold", threads_hold_what_they_saw);
    both_cases(suite, "holds nest", holds_nest);
    check_case(suite, "one hold", holds_one_store);
    check_case(suite, "waiting", what_waits_is_one_batch);
    check_case(suite, "long user", long_user);
}

CHECK_MAIN("cellstate/lmdb_batch", add_cases)
