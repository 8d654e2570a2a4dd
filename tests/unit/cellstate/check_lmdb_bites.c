/* SPDX-License-Identifier: MIT */
/*
 * What LMDB and the world around a cell bite with: the same path twice, fork, readers that died,
 * directories that may not be written, files that are no cell, cells of a newer omega. Each has a
 * clear message, and leaves an intact cell.
 */
#include "tests/support/check_main.h"

#include <errno.h>
#include <lmdb.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cellstate/lmdb_directory.h"
#include "cellstate/lmdb_records.h"
#include "cellstate/store_view.h"
#include "tests/support/disk_cell.h"

static struct disk_cell cell;
static struct trouble *trouble;

static void open_test(const struct lmdb_options *options)
{
    trouble = shared_memory(sizeof *trouble);
    disk_create(&cell, "cell", 50, options);
}

static void close_test(void)
{
    if (trouble->count == 0) {
        disk_prove(cell.path, trouble);
    }
    ck_assert_msg(trouble->count == 0, "%s", trouble->first);
    shared_memory_free(trouble, sizeof *trouble);
    disk_forget(&cell);
}

/* Opening `path` fails with one of two codes, and a message that names it and holds `part`. */
static void expect_refused(const char *path, int code, int or_code, const char *part)
{
    omega_error_t err = {.code = 0};
    struct store *store = NULL;
    int rc = lmdb_open(path, NULL, &store, &err);
    const char *message = disk_message(&err);
    ck_assert_msg(rc == code || rc == or_code, "%s: code %d, expected %d or %d: %s", path, rc, code,
                  or_code, message);
    ck_assert_ptr_null(store);
    ck_assert_msg(strstr(message, path) != NULL, "no path in '%s'", message);
    ck_assert_msg(strstr(message, part) != NULL, "no '%s' in '%s'", part, message);
}

static void change(struct store *store, uint64_t job)
{
    omega_error_t err = {.code = 0};
    uint64_t placement = 0;
    int rc = disk_put(store, job, (uint32_t)(job % 50), &placement, &err);
    ck_assert_msg(rc == 0, "%d: %s", rc, disk_message(&err));
}

/* ---- the same path twice ---- */

START_TEST(same_path_twice)
{
    char link[DISK_PATH_BYTES];
    char relative[2 * DISK_PATH_BYTES];
    open_test(NULL);
    disk_path(link, disk_folder(), "link");
    ck_assert_int_eq(symlink(cell.path, link), 0);
    snprintf(relative, sizeof relative, "%s/../cell/.", cell.path);
    const char *const names[] = {cell.path, link, relative, "cell", "./cell/"};
    ck_assert_int_eq(chdir(disk_folder()), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct store *store = disk_open(names[i], NULL);
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++) {
            expect_refused(names[j], OMEGA_EINVAL, OMEGA_EINVAL, "open");
        }
        change(store, 1 + i);
        store_close(store);
    }
    ck_assert_int_eq(chdir("/"), 0);
    close_test();
}
END_TEST

/* A second store that was refused does not hurt the first one's readers and locks. */
static void churn(void *context, struct trouble *found)
{
    const char *path = context;
    omega_error_t err = {.code = 0};
    struct store *store = NULL;
    int rc = lmdb_open(path, NULL, &store, &err);
    for (uint64_t i = 0; i < 50 && rc == 0; i++) {
        uint64_t placement = 0;
        rc = disk_put(store, UINT64_C(1000) + i, (uint32_t)i, &placement, &err);
        if (rc == 0) {
            rc = disk_end(store, placement, &err);
        }
    }
    struct lmdb_info info = {.readers = 0};
    rc = rc != 0 ? rc : lmdb_info(store, &info, &err);
    TROUBLE_EXPECT(found, rc == 0, "churn: %d, %s", rc, disk_message(&err));
    TROUBLE_EXPECT(found, info.oldest_reader >= 100, "the reader is %lu behind, expected 100",
                   (unsigned long)info.oldest_reader);
    store_close(store);
}

static int count_one(void *context, const struct store_placement *placement)
{
    (void)placement;
    ++*(uint32_t *)context;
    return 0;
}

/* A store that holds a version still shows that version, whatever others do. */
static void expect_held(struct store *store, uint32_t placements)
{
    omega_error_t err = {.code = 0};
    uint32_t count = 0;
    ck_assert_int_eq(store_placements(store, count_one, &count, &err), 0);
    ck_assert_uint_eq(count, placements);
    ck_assert_uint_eq(disk_version(store), placements);
    disk_check(store, trouble);
    ck_assert_msg(trouble->count == 0, "%s", trouble->first);
}

START_TEST(refused_second_store_harms_nothing)
{
    omega_error_t err = {.code = 0};
    open_test(NULL);
    struct store *store = disk_open(cell.path, NULL);
    for (uint64_t i = 0; i < 10; i++) {
        change(store, 1 + i);
    }
    ck_assert_int_eq(lmdb_hold(store, &err), 0);
    expect_refused(cell.path, OMEGA_EINVAL, OMEGA_EINVAL, "open");
    child_run(churn, cell.path, trouble);
    expect_held(store, 10);
    lmdb_let_go(store);
    ck_assert_uint_eq(disk_version(store), 110);
    change(store, 100);
    store_close(store);
    close_test();
}
END_TEST

/* ---- fork ---- */

/* Every way to change a cell; each has to be refused with this code and a text. */
static void expect_no_change(struct store *store, int code, struct trouble *found)
{
    omega_error_t err[9] = {{.code = 0}};
    int rc[9];
    struct disk_txn t;
    struct store_release_result released;
    const struct store_release_result *lost = NULL;
    struct omega_machine_event event = {.machine = 3, .kind = OMEGA_EVENT_DRAIN};
    struct store_placement preload = {.machine = 4, .request = {.cpu_milli = 1}};
    struct lmdb_commit commit = {.txn = &t.txn, .results = t.results};
    uint64_t placement = omega_placement_id(1, 0);
    uint64_t version = 0;
    uint32_t count = 0;
    disk_begin(&t, store, 2, 1);
    disk_claim(&t, 0, 5);
    rc[0] = disk_submit(store, 90, 1, &err[0]);
    rc[1] = disk_commit(&t, store, &err[1]);
    rc[2] = store_release(store, &placement, 1, STORE_FINISHED, &released, &version, &err[2]);
    rc[3] = store_machine_event(store, &event, STORE_LOST_RETURN, &lost, &count, &version, &err[3]);
    rc[4] = store_abandon(store, 2, &count, NULL, &err[4]);
    rc[5] = store_preload(store, &preload, 1, &version, &err[5]);
    rc[6] = lmdb_join(store, 5, "any", &count, &err[6]);
    rc[7] = lmdb_commit_all(store, &commit, 1, &err[7]);
    rc[8] = commit.code;
    err[8] = commit.err;
    for (int i = 0; i < 9; i++) {
        TROUBLE_EXPECT(found, rc[i] == code, "change %d is %d, expected %d: %s", i, rc[i], code,
                       disk_message(&err[i]));
        TROUBLE_EXPECT(found, err[i].text[0] != '\0', "change %d has no message", i);
    }
}

static void after_fork(void *context, struct trouble *found)
{
    struct store *store = context;
    struct store_view *view = NULL;
    struct omega_machine machine;
    struct store_report report;
    struct lmdb_info info;
    uint32_t count = 0;
    omega_error_t err = {.code = 0};
    expect_no_change(store, OMEGA_EINVAL, found);
    int rc[] = {
        store_machine(store, 0, &machine, &err),
        store_placements(store, count_one, &count, NULL),
        store_view_open(store, STORE_VIEW_PRIVATE, &view, NULL),
        store_check(store, &report, NULL),
        lmdb_hold(store, NULL),
        lmdb_info(store, &info, NULL),
    };
    for (size_t i = 0; i < sizeof rc / sizeof rc[0]; i++) {
        TROUBLE_EXPECT(found, rc[i] == OMEGA_EINVAL, "reading %zu is %d after a fork", i, rc[i]);
    }
    TROUBLE_EXPECT(found, strstr(disk_message(&err), "fork") != NULL, "no fork in '%s'",
                   disk_message(&err));
    store_close(store);
    /* LMDB's memory is left alone on purpose: exec() lest valgrind call it a leak */
    execl("/bin/true", "true", (char *)NULL);
}

START_TEST(fork_of_an_open_store)
{
    omega_error_t err = {.code = 0};
    struct lmdb_use use = {.group = _i == 1};
    open_test(NULL);
    struct store *store = disk_open(cell.path, &use);
    for (uint64_t i = 0; i < 10; i++) {
        change(store, 1 + i);
    }
    ck_assert_int_eq(disk_submit(store, 20, 2, &err), 0);
    ck_assert_int_eq(lmdb_hold(store, &err), 0);
    child_run(after_fork, store, trouble);
    /* the parent's reader is still seen by others, and nothing has moved */
    child_run(churn, cell.path, trouble);
    expect_held(store, 10);
    lmdb_let_go(store);
    change(store, 100);
    disk_check(store, trouble);
    store_close(store);
    close_test();
}
END_TEST

/* A child may open the cell for itself, beside the store that it cannot use. */
START_TEST(fork_and_open)
{
    open_test(NULL);
    struct store *store = disk_open(cell.path, NULL);
    disk_prove(cell.path, trouble);
    change(store, 1);
    disk_check(store, trouble);
    store_close(store);
    close_test();
}
END_TEST

/* ---- a reader that died ---- */

struct reader {
    const char *path;
    _Atomic bool ready;
};

static void hold_for_ever(void *context, struct trouble *found)
{
    struct reader *reader = context;
    omega_error_t err = {.code = 0};
    struct store *store = NULL;
    struct store_view *view = NULL;
    int rc = lmdb_open(reader->path, NULL, &store, &err);
    rc = rc != 0 ? rc : store_view_open(store, STORE_VIEW_PRIVATE, &view, &err);
    rc = rc != 0 ? rc : lmdb_hold(store, &err);
    TROUBLE_EXPECT(found, rc == 0, "%s", disk_message(&err));
    atomic_store(&reader->ready, true);
    for (;;) {
        pause();
    }
}

static struct lmdb_info churn_here(struct store *store, uint64_t first, uint32_t changes)
{
    omega_error_t err = {.code = 0};
    struct lmdb_info info;
    for (uint32_t i = 0; i < changes; i++) {
        uint64_t placement = 0;
        ck_assert_int_eq(disk_put(store, first + i, i % 50, &placement, &err), 0);
        ck_assert_int_eq(disk_end(store, placement, &err), 0);
    }
    ck_assert_int_eq(lmdb_info(store, &info, &err), 0);
    return info;
}

/* Starts a reader, waits until it holds a version, leaves it behind by `store` (or NULL), and kills
 * it. */
static void kill_a_reader(struct store *store, uint64_t first)
{
    struct reader *reader = shared_memory(sizeof *reader);
    const struct timespec moment = {.tv_nsec = 100000};
    reader->path = cell.path;
    pid_t pid = child_start(hold_for_ever, reader, trouble);
    while (!atomic_load(&reader->ready)) {
        nanosleep(&moment, NULL);
    }
    ck_assert_msg(trouble->count == 0, "%s", trouble->first);
    if (store != NULL) {
        struct lmdb_info info = churn_here(store, first, 20);
        ck_assert_uint_ge(info.oldest_reader, 20);
    }
    child_kill(pid);
    shared_memory_free(reader, sizeof *reader);
}

START_TEST(dead_reader)
{
    /* a log that is full soon: its growth is not the reader's */
    struct lmdb_options options = {.map_bytes = UINT64_C(1) << 30, .log_changes = 64};
    omega_error_t err = {.code = 0};
    struct lmdb_info info;
    open_test(&options);
    struct store *other = disk_open(cell.path, NULL);
    churn_here(other, 1, 200);
    ck_assert_int_eq(lmdb_info(other, &info, &err), 0);
    uint32_t readers = info.readers;
    store_close(other);
    kill_a_reader(NULL, 0);
    other = disk_open(cell.path, NULL);
    ck_assert_int_eq(lmdb_info(other, &info, &err), 0);
    ck_assert_uint_le(info.readers, readers);
    info = churn_here(other, 10000, 200);
    ck_assert_uint_eq(info.oldest_reader, 0);
    uint64_t used = info.used_bytes;
    info = churn_here(other, 20000, 600);
    ck_assert_msg(info.used_bytes <= used + 16 * 4096, "grew from %lu to %lu bytes",
                  (unsigned long)used, (unsigned long)info.used_bytes);
    store_close(other);
    close_test();
}
END_TEST

static void open_and_close(void *context, struct trouble *found)
{
    omega_error_t err = {.code = 0};
    struct store *store = NULL;
    int rc = lmdb_open(context, NULL, &store, &err);
    TROUBLE_EXPECT(found, rc == 0, "%s", disk_message(&err));
    store_close(store);
}

/* Somebody has the cell open all the time: the next one who opens it clears the slot. */
START_TEST(dead_reader_beside_a_store)
{
    omega_error_t err = {.code = 0};
    struct lmdb_info info;
    open_test(NULL);
    struct store *store = disk_open(cell.path, NULL);
    kill_a_reader(store, 1);
    ck_assert_int_eq(lmdb_info(store, &info, &err), 0);
    ck_assert_uint_ge(info.oldest_reader, 20); /* its slot holds old pages still */
    child_run(open_and_close, cell.path, trouble);
    ck_assert_int_eq(lmdb_info(store, &info, &err), 0);
    ck_assert_uint_eq(info.oldest_reader, 0);
    store_close(store);
    close_test();
}
END_TEST

/* Nobody opens it: who writes clears the slot now and then, about once a second. */
START_TEST(dead_reader_beside_a_writer)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    struct lmdb_info info = {.oldest_reader = 1};
    open_test(NULL);
    struct store *store = disk_open(cell.path, NULL);
    kill_a_reader(store, 1);
    for (uint64_t i = 0; i < 60000 && info.oldest_reader > 0; i++) {
        info = churn_here(store, 1000 + i, 1);
        nanosleep(&moment, NULL);
    }
    ck_assert_uint_eq(info.oldest_reader, 0);
    store_close(store);
    close_test();
}
END_TEST

/* The number of readers goes down again. */
START_TEST(reader_slots_in_use)
{
    omega_error_t err = {.code = 0};
    struct lmdb_info before;
    struct lmdb_info info;
    open_test(NULL);
    struct store *store = disk_open(cell.path, NULL);
    change(store, 1);
    ck_assert_int_eq(lmdb_info(store, &before, &err), 0);
    kill_a_reader(NULL, 0);
    ck_assert_int_eq(lmdb_info(store, &info, &err), 0);
    ck_assert_uint_gt(info.readers, before.readers);
    child_run(open_and_close, cell.path, trouble);
    ck_assert_int_eq(lmdb_info(store, &info, &err), 0);
    ck_assert_uint_eq(info.readers, before.readers);
    store_close(store);
    close_test();
}
END_TEST

/* ---- read only ---- */

START_TEST(read_only_store)
{
    omega_error_t err = {.code = 0};
    struct lmdb_use use = {.read_only = true};
    struct store_view *view = NULL;
    open_test(NULL);
    struct store *store = disk_open(cell.path, NULL);
    change(store, 1);
    ck_assert_int_eq(disk_submit(store, 2, 2, &err), 0);
    store_close(store);
    store = disk_open(cell.path, &use);
    expect_no_change(store, OMEGA_EINVAL, trouble);
    ck_assert_msg(trouble->count == 0, "%s", trouble->first);
    ck_assert_uint_eq(disk_version(store), 1);
    disk_check(store, trouble);
    ck_assert_int_eq(store_view_open(store, STORE_VIEW_PRIVATE, &view, &err), 0);
    ck_assert_uint_eq(view->shown.version, 1);
    store_view_close(store, view);
    ck_assert_int_eq(disk_submit(store, 90, 1, &err), OMEGA_EINVAL);
    ck_assert_msg(strstr(disk_message(&err), "read") != NULL, "%s", disk_message(&err));
    store_close(store);
    close_test();
}
END_TEST

static bool drop_root(void)
{
    return geteuid() != 0 ||
           (setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
}

/* Somebody who may not write: changes are refused with the system's reason; looking works, or says
 * what it lacks. */
static void without_rights(void *context, struct trouble *found)
{
    const char *path = context;
    omega_error_t err = {.code = 0};
    struct store *store = NULL;
    if (!TROUBLE_EXPECT(found, drop_root(), "cannot drop root: %s", strerror(errno))) {
        return;
    }
    int rc = lmdb_open(path, NULL, &store, &err);
    const char *message = disk_message(&err);
    TROUBLE_EXPECT(found, rc == OMEGA_EIO, "writing: %d, %s", rc, message);
    TROUBLE_EXPECT(found,
                   strstr(message, path) != NULL && strcasestr(message, "permission") != NULL,
                   "writing: %s", message);
    struct lmdb_use use = {.read_only = true};
    omega_error_clear(&err);
    rc = lmdb_open(path, &use, &store, &err);
    message = disk_message(&err);
    if (rc == 0) {
        TROUBLE_EXPECT(found, disk_version(store) == 1, "reading: version %lu",
                       (unsigned long)disk_version(store));
        disk_check(store, found);
        store_close(store);
    } else {
        TROUBLE_EXPECT(found, rc == OMEGA_EIO, "reading: %d, %s", rc, message);
        TROUBLE_EXPECT(found,
                       strstr(message, path) != NULL && strcasestr(message, "permission") != NULL,
                       "reading: %s", message);
    }
}

static void create_without_rights(void *context, struct trouble *found)
{
    char path[DISK_PATH_BYTES];
    omega_error_t err = {.code = 0};
    disk_path(path, context, "new");
    TROUBLE_EXPECT(found, drop_root(), "cannot drop root: %s", strerror(errno));
    int rc = lmdb_create(path, &cell.config, NULL, &err);
    TROUBLE_EXPECT(found, rc == OMEGA_EIO, "creating: %d, %s", rc, disk_message(&err));
    TROUBLE_EXPECT(found, strcasestr(disk_message(&err), "permission") != NULL, "creating: %s",
                   disk_message(&err));
    TROUBLE_EXPECT(found, access(path, F_OK) != 0, "creating left something");
}

static const char *const files[] = {"cell", "writer", "data.mdb", "lock.mdb"};

static void set_rights(mode_t file, mode_t directory)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[DISK_PATH_BYTES];
        disk_path(path, cell.path, files[i]);
        ck_assert_int_eq(chmod(path, file), 0);
    }
    ck_assert_int_eq(chmod(cell.path, directory), 0);
}

START_TEST(read_only_directory)
{
    open_test(NULL);
    struct store *store = disk_open(cell.path, NULL);
    change(store, 1);
    store_close(store);
    set_rights(0444, 0555);
    child_run(without_rights, cell.path, trouble);
    child_run(create_without_rights, cell.path, trouble);
    set_rights(0644, 0755);
    close_test();
}
END_TEST

/* Somebody who may read the cell and write lock.mdb, not `writer` nor data.mdb. */
static void read_without_rights(void *context, struct trouble *found)
{
    omega_error_t err = {.code = 0};
    struct store *store = NULL;
    struct lmdb_use use = {.read_only = true};
    struct lmdb_writer writer;
    TROUBLE_EXPECT(found, drop_root(), "cannot drop root: %s", strerror(errno));
    int rc = lmdb_open(context, &use, &store, &err);
    if (TROUBLE_EXPECT(found, rc == 0, "%d, %s", rc, disk_message(&err))) {
        TROUBLE_EXPECT(found, disk_version(store) == 1, "version %lu",
                       (unsigned long)disk_version(store));
        TROUBLE_EXPECT(found, !lmdb_writer_now(store, &writer), "somebody writes");
        disk_check(store, found);
        store_close(store);
    }
}

/* The same without lock.mdb: the message says what is needed. */
static void read_without_lock(void *context, struct trouble *found)
{
    omega_error_t err = {.code = 0};
    struct store *store = NULL;
    struct lmdb_use use = {.read_only = true};
    TROUBLE_EXPECT(found, drop_root(), "cannot drop root: %s", strerror(errno));
    int rc = lmdb_open(context, &use, &store, &err);
    const char *message = disk_message(&err);
    TROUBLE_EXPECT(found, rc == OMEGA_EIO && store == NULL, "%d, %s", rc, message);
    TROUBLE_EXPECT(found, strstr(message, "permission to write lock.mdb") != NULL, "%s", message);
}

START_TEST(read_without_writing)
{
    char lock[DISK_PATH_BYTES];
    open_test(NULL);
    struct store *store = disk_open(cell.path, NULL);
    change(store, 1);
    store_close(store);
    disk_path(lock, cell.path, "lock.mdb");
    set_rights(0444, 0555);
    child_run(read_without_lock, cell.path, trouble);
    ck_assert_int_eq(chmod(lock, 0666), 0);
    child_run(read_without_rights, cell.path, trouble);
    store = disk_open(cell.path, NULL); /* beside one who writes, too */
    child_run(read_without_rights, cell.path, trouble);
    store_close(store);
    set_rights(0644, 0755);
    close_test();
}
END_TEST

/* ---- what cannot be a cell ---- */

enum impossible {
    LESS_CPU,
    LESS_MEMORY,
    NINE_DEVICES,
    ABSENT_TWICE,
    LONG_NAME,
    LONG_DOMAIN,
    MACHINE_CASES,
    LESS_OVERCOMMIT = MACHINE_CASES,
    GPU_OVERCOMMIT,
    HUGE_MAP,
    IMPOSSIBLE,
};

static uint32_t long_text(void)
{
    char *text = calloc(RECORD_TEXT_MAX + 2u, 1);
    ck_assert_ptr_nonnull(text);
    memset(text, 'n', RECORD_TEXT_MAX + 1u);
    uint32_t symbol = symbols_intern(catalogue_symbols(cell.catalogue), text);
    free(text);
    ck_assert_uint_ne(symbol, SYMBOL_NONE);
    return symbol;
}

static const char *make_impossible(enum impossible what, struct omega_machine_spec *spec,
                                   struct lmdb_options *options)
{
    switch (what) {
    case LESS_CPU:
        spec->cpu_milli = -1;
        return "'m7', has -1 milli-CPU";
    case LESS_MEMORY:
        spec->mem_mib = INT32_MIN;
        return "'m7', has 4000 milli-CPU, -2147483648 MiB";
    case NINE_DEVICES:
        spec->gpu_devices = OMEGA_GPU_DEVICES_MAX + 1;
        return "expected at most 8 GPU devices";
    case ABSENT_TWICE:
        spec->absent = 2;
        return "'m7'";
    case LONG_NAME:
        spec->name = long_text();
        return "'nnnn";
    case LONG_DOMAIN:
        spec->domain = long_text();
        return "'m7'";
    case LESS_OVERCOMMIT:
        cell.config.overcommit.mem_permille = -1;
        return "over-commit of 1000 (CPU), -1 (memory)";
    case GPU_OVERCOMMIT:
        cell.config.overcommit.gpu_permille = INT16_MAX + 1;
        return "32768 (GPU)";
    default:
        options->map_bytes = (UINT64_C(1) << 62) + 1;
        return "a map of 4611686018427387905 bytes, expected at most 4611686018427387904";
    }
}

/* What lmdb_open() could not read back is refused, and nothing is left of it. */
START_TEST(impossible_cell)
{
    omega_error_t err = {.code = 0};
    struct lmdb_options options = {.map_bytes = UINT64_C(1) << 26};
    disk_describe(&cell, "cell", 10);
    const char *part = make_impossible((enum impossible)_i, &cell.specs[7], &options);
    ck_assert_int_eq(lmdb_create(cell.path, &cell.config, &options, &err), OMEGA_EINVAL);
    const char *message = disk_message(&err);
    ck_assert_msg(strstr(message, cell.path) != NULL, "%s", message);
    ck_assert_msg(strstr(message, part) != NULL, "no '%s' in '%s'", part, message);
    ck_assert_msg(_i >= MACHINE_CASES || strstr(message, "machine 7") != NULL, "%s", message);
    ck_assert_int_ne(access(cell.path, F_OK), 0);
    disk_forget(&cell);
}
END_TEST

/* And the largest of everything is opened. */
START_TEST(possible_cell)
{
    struct lmdb_options options = {.map_bytes = UINT64_C(1) << 26, .log_changes = UINT32_MAX};
    omega_error_t err = {.code = 0};
    trouble = shared_memory(sizeof *trouble);
    disk_describe(&cell, "cell", 10);
    cell.config.overcommit = (struct omega_overcommit){INT32_MAX, 0, INT16_MAX};
    cell.specs[7] = (struct omega_machine_spec){
        .name = cell.specs[6].name, .cpu_milli = INT32_MAX, .gpu_devices = 8, .absent = 1};
    int rc = lmdb_create(cell.path, &cell.config, &options, &err);
    ck_assert_msg(rc == 0, "%s", disk_message(&err));
    struct store *store = disk_open(cell.path, NULL);
    disk_check(store, trouble);
    ck_assert_msg(trouble->count == 0, "%s", trouble->first);
    store_close(store);
    shared_memory_free(trouble, sizeof *trouble);
    disk_forget(&cell);
}
END_TEST

/* ---- what is no cell ---- */

static void expect_unchanged(const char *path, const char *bytes, size_t size)
{
    size_t now_size = 0;
    char *now = disk_read(path, &now_size);
    ck_assert_uint_eq(now_size, size);
    ck_assert_mem_eq(now, bytes, size);
    free(now);
}

START_TEST(no_cell_at_all)
{
    static const char text[] = "not a cell\n";
    char path[DISK_PATH_BYTES];
    char file[DISK_PATH_BYTES];
    omega_error_t err = {.code = 0};
    open_test(NULL);
    disk_path(path, disk_folder(), "nothing");
    expect_refused(path, OMEGA_EINVAL, OMEGA_EINVAL, "cell");
    ck_assert_int_eq(mkdir(path, 0755), 0);
    expect_refused(path, OMEGA_EINVAL, OMEGA_EINVAL, "cell");
    ck_assert_int_eq(rmdir(path), 0); /* it is still empty */
    disk_write(path, text, sizeof text);
    expect_refused(path, OMEGA_EINVAL, OMEGA_EINVAL, "cell");
    expect_unchanged(path, text, sizeof text);
    ck_assert_int_eq(lmdb_remove(path, &err), OMEGA_EINVAL);
    omega_error_clear(&err);
    ck_assert_int_eq(lmdb_create(path, &cell.config, NULL, &err), OMEGA_EINVAL);
    ck_assert_msg(strstr(disk_message(&err), path) != NULL, "%s", disk_message(&err));
    expect_unchanged(path, text, sizeof text);
    ck_assert_int_eq(unlink(path), 0);
    /* a folder with somebody's files */
    ck_assert_int_eq(mkdir(path, 0755), 0);
    disk_path(file, path, "thesis.tex");
    disk_write(file, text, sizeof text);
    expect_refused(path, OMEGA_EINVAL, OMEGA_EINVAL, "cell");
    omega_error_clear(&err);
    ck_assert_int_eq(lmdb_create(path, &cell.config, NULL, &err), OMEGA_EINVAL);
    omega_error_clear(&err);
    ck_assert_int_eq(lmdb_remove(path, &err), OMEGA_EINVAL);
    expect_unchanged(file, text, sizeof text);
    close_test();
}
END_TEST

START_TEST(create_and_remove)
{
    omega_error_t err = {.code = 0};
    open_test(NULL);
    ck_assert_int_eq(lmdb_create(cell.path, &cell.config, NULL, &err), OMEGA_EINVAL);
    ck_assert_msg(strstr(disk_message(&err), cell.path) != NULL, "%s", disk_message(&err));
    disk_prove(cell.path, trouble);
    ck_assert_int_eq(lmdb_remove(cell.path, NULL), 0);
    ck_assert_int_ne(access(cell.path, F_OK), 0);
    /* an empty directory may become one; what is not a cell's stays */
    ck_assert_int_eq(mkdir(cell.path, 0755), 0);
    ck_assert_int_eq(lmdb_create(cell.path, &cell.config, NULL, NULL), 0);
    char file[DISK_PATH_BYTES];
    disk_path(file, cell.path, "notes");
    disk_write(file, "x", 1);
    ck_assert_int_eq(lmdb_remove(cell.path, NULL), 0);
    expect_unchanged(file, "x", 1);
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(lmdb_create(cell.path, &cell.config, NULL, NULL), 0);
    close_test();
}
END_TEST

/* Makes an LMDB environment of somebody else's. */
static void foreign_environment(const char *path)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    MDB_val key = {.mv_data = (void *)(uintptr_t) "key", .mv_size = 3};
    ck_assert_int_eq(mkdir(path, 0755), 0);
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_open(env, path, 0, 0644), 0);
    ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    ck_assert_int_eq(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    ck_assert_int_eq(mdb_put(txn, dbi, &key, &key, 0), 0);
    ck_assert_int_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

START_TEST(foreign_lmdb)
{
    char path[DISK_PATH_BYTES];
    char data[DISK_PATH_BYTES];
    size_t size = 0;
    open_test(NULL);
    disk_path(path, disk_folder(), "foreign");
    disk_path(data, path, "data.mdb");
    foreign_environment(path);
    char *bytes = disk_read(data, &size);
    expect_refused(path, OMEGA_EINVAL, OMEGA_EINVAL, "cell");
    expect_unchanged(data, bytes, size);
    omega_error_t err = {.code = 0};
    ck_assert_int_eq(lmdb_remove(path, &err), OMEGA_EINVAL);
    expect_unchanged(data, bytes, size);
    free(bytes);
    close_test();
}
END_TEST

enum swap {
    SWAP_FOREIGN,
    SWAP_OTHER_CELL,
    SWAP_TEXT,
    SWAP_EMPTY,
    SWAP_ZEROS,
    SWAP_SHORT,
    SWAP_GONE,
    SWAPS,
};

#define DATA_FILE 2 /* of `files` */
#define LOCK_FILE 3
static int swapped;

static void swap_bytes(enum swap swap, const char *good, size_t good_size, const char *path)
{
    static const char zeros[64 * 1024];
    char *bytes = NULL;
    size_t size = 0;
    char other[DISK_PATH_BYTES];
    if (swap == SWAP_FOREIGN || swap == SWAP_OTHER_CELL) {
        disk_path(other, disk_folder(),
                  swap == SWAP_FOREIGN ? "foreign/data.mdb" : "cell2/data.mdb");
        bytes = disk_read(other, &size);
        disk_write(path, bytes, size);
        free(bytes);
    } else if (swap == SWAP_TEXT) {
        disk_write(path, "dear diary\n", 11);
    } else if (swap == SWAP_EMPTY) {
        disk_write(path, "", 0);
    } else if (swap == SWAP_ZEROS) {
        disk_write(path, zeros, sizeof zeros);
    } else if (swap == SWAP_SHORT) {
        disk_write(path, good, good_size < 8192 ? good_size / 2 : 4096);
    } else {
        ck_assert_int_eq(unlink(path), 0);
    }
}

/* Another file in the place of a cell's own one; nothing may crash, so children open it. */
static void open_swapped(void *context, struct trouble *found)
{
    const char *path = context;
    omega_error_t err = {.code = 0};
    struct store *store = NULL;
    int rc = lmdb_open(path, NULL, &store, &err);
    const char *message = disk_message(&err);
    if (rc == 0 && swapped == LOCK_FILE) {
        disk_check(store, found); /* LMDB makes a new one for who comes first */
        return;
    }
    TROUBLE_EXPECT(found, rc == OMEGA_ECORRUPT || rc == OMEGA_EINVAL || rc == OMEGA_EIO,
                   "code %d: %s", rc, message);
    TROUBLE_EXPECT(found, rc == 0 || strstr(message, path) != NULL, "no path in '%s'", message);
}

START_TEST(foreign_file)
{
    char path[DISK_PATH_BYTES];
    struct disk_cell second;
    size_t size = 0;
    open_test(NULL);
    disk_create(&second, "cell2", 40, NULL);
    disk_path(path, disk_folder(), "foreign");
    foreign_environment(path);
    swapped = _i;
    disk_path(path, cell.path, files[_i]);
    char *good = disk_read(path, &size);
    for (int swap = 0; swap < SWAPS; swap++) {
        if (_i != DATA_FILE && swap <= SWAP_OTHER_CELL) {
            continue;
        }
        struct trouble *found = shared_memory(sizeof *found);
        swap_bytes((enum swap)swap, good, size, path);
        child_run(open_swapped, cell.path, found);
        ck_assert_msg(found->count == 0, "%s, swap %d: %s", files[_i], swap, found->first);
        shared_memory_free(found, sizeof *found);
        disk_write(path, good, size);
        disk_prove(cell.path, trouble);
        ck_assert_msg(trouble->count == 0, "%s, swap %d put back: %s", files[_i], swap,
                      trouble->first);
        free(good);
        good = disk_read(path, &size);
    }
    free(good);
    disk_forget(&second);
    close_test();
}
END_TEST

/* ---- a newer omega, and an older one ---- */

START_TEST(other_cell_file)
{
    struct lmdb_cell_file file;
    omega_error_t err = {.code = 0};
    char number[32];
    open_test(NULL);
    ck_assert_int_eq(lmdb_cell_file_read(cell.path, &file, &err), 0);
    ck_assert_uint_eq(file.schema, LMDB_SCHEMA);
    file.schema = LMDB_SCHEMA + 41;
    ck_assert_int_eq(lmdb_cell_file_write(cell.path, &file, &err), 0);
    snprintf(number, sizeof number, "%u", LMDB_SCHEMA + 41);
    expect_refused(cell.path, OMEGA_EVERSION, OMEGA_EVERSION, number);
    file.schema = LMDB_SCHEMA - 1;
    ck_assert_int_eq(lmdb_cell_file_write(cell.path, &file, &err), 0);
    expect_refused(cell.path, OMEGA_EVERSION, OMEGA_EVERSION, "an older omega");
    file.schema = LMDB_SCHEMA;
    ck_assert_int_eq(lmdb_cell_file_write(cell.path, &file, &err), 0);
    close_test();
}
END_TEST

/* Finds the meta record in the main table and gives it another schema. */
static void set_meta_schema(uint32_t schema)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val data;
    uint32_t found = 0;
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_set_mapsize(env, (size_t)1 << 30), 0);
    ck_assert_int_eq(mdb_env_set_maxdbs(env, 32), 0);
    ck_assert_int_eq(mdb_env_open(env, cell.path, 0, 0644), 0);
    ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    ck_assert_int_eq(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    ck_assert_int_eq(mdb_cursor_open(txn, dbi, &cursor), 0);
    while (mdb_cursor_get(cursor, &key, &data, MDB_NEXT) == 0) {
        struct record_meta meta;
        uint8_t bytes[RECORD_META_BYTES];
        int rc = record_decode_meta(data.mv_data, data.mv_size, &meta);
        if (rc != 0 && rc != OMEGA_EVERSION) {
            continue;
        }
        meta.schema = schema;
        record_encode_meta(&meta, bytes);
        data = (MDB_val){.mv_data = bytes, .mv_size = sizeof bytes};
        ck_assert_int_eq(mdb_cursor_put(cursor, &key, &data, MDB_CURRENT), 0);
        found++;
    }
    mdb_cursor_close(cursor);
    ck_assert_uint_eq(found, 1);
    ck_assert_int_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

START_TEST(other_meta_record)
{
    open_test(NULL);
    set_meta_schema(LMDB_SCHEMA + 41);
    expect_refused(cell.path, OMEGA_EVERSION, OMEGA_EVERSION, "newer");
    set_meta_schema(LMDB_SCHEMA - 1);
    expect_refused(cell.path, OMEGA_EVERSION, OMEGA_EVERSION, "an older");
    set_meta_schema(LMDB_SCHEMA);
    close_test();
}
END_TEST

/* ---- another configuration ---- */

START_TEST(other_configuration)
{
    struct disk_cell other;
    omega_error_t err = {.code = 0};
    struct store *store = NULL;
    open_test(NULL);
    disk_describe(&other, "other", 49);
    struct lmdb_use use = {.config = &other.config};
    ck_assert_int_eq(lmdb_open(cell.path, &use, &store, &err), OMEGA_EINVAL);
    ck_assert_msg(strstr(disk_message(&err), cell.path) != NULL, "%s", disk_message(&err));
    disk_forget(&other);
    disk_describe(&other, "other", 50);
    other.specs[20].cpu_milli++;
    use.config = &other.config;
    omega_error_clear(&err);
    ck_assert_int_eq(lmdb_open(cell.path, &use, &store, &err), OMEGA_EINVAL);
    disk_forget(&other);
    use.config = &cell.config;
    store = disk_open(cell.path, &use);
    change(store, 1);
    store_close(store);
    close_test();
}
END_TEST

static void add_cases(Suite *suite)
{
    disk_case(suite, "same path twice", same_path_twice);
    disk_case(suite, "refused second store", refused_second_store_harms_nothing);
    disk_loop_case(suite, "fork", fork_of_an_open_store, 2);
    disk_case(suite, "fork and open", fork_and_open);
    disk_case(suite, "dead reader", dead_reader);
    disk_case(suite, "dead reader beside a store", dead_reader_beside_a_store);
    disk_case(suite, "dead reader beside a writer", dead_reader_beside_a_writer);
    disk_case(suite, "reader slots in use", reader_slots_in_use);
    disk_case(suite, "read-only store", read_only_store);
    disk_case(suite, "read-only directory", read_only_directory);
    disk_case(suite, "read without writing", read_without_writing);
    disk_loop_case(suite, "impossible cell", impossible_cell, IMPOSSIBLE);
    disk_case(suite, "possible cell", possible_cell);
    disk_case(suite, "no cell", no_cell_at_all);
    disk_case(suite, "create and remove", create_and_remove);
    disk_case(suite, "foreign lmdb", foreign_lmdb);
    disk_loop_case(suite, "foreign file", foreign_file, 4);
    disk_case(suite, "newer and older cell file", other_cell_file);
    disk_case(suite, "newer and older meta record", other_meta_record);
    disk_case(suite, "other configuration", other_configuration);
}

CHECK_MAIN("lmdb bites", add_cases)
