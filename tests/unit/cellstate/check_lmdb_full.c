/* SPDX-License-Identifier: MIT */
/*
 * No room: a full disk in every mode (on a small file system of the test's own), a full map.
 * Each change is made whole or refused with a clear message; the cell stays intact, and goes on
 * once there is room.
 */
#include "tests/support/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/disk_cell.h"

#define BIG_TASKS 2000u
#define MIB ((uint64_t)1 << 20)

/* ---- filling a cell ---- */

/* Submits a job whose durations take some 16 KiB. */
static int submit_big(struct store *store, uint64_t id, omega_error_t *err)
{
    static int64_t durations[BIG_TASKS];
    struct omega_task_group group = {
        .count = BIG_TASKS,
        .request = {.cpu_milli = 100, .mem_mib = 16},
        .duration_us = 1000,
        .task_duration_us = durations,
    };
    struct omega_job job = {.id = id, .precedence = 120, .group_count = 1, .groups = &group};
    for (uint32_t i = 0; i < BIG_TASKS; i++) {
        durations[i] = 1 + (int64_t)(i * id);
    }
    omega_error_clear(err);
    int rc = omega_job_seal(&job, &group, err);
    return rc == 0 ? store_submit(store, &job, err) : rc;
}

/* Submits big jobs until one is refused; returns its id, with its error in *err. */
static uint64_t submit_until_full(struct store *store, uint64_t first, omega_error_t *err,
                                  struct trouble *trouble)
{
    uint64_t id = first;
    int rc = 0;
    while (rc == 0 && id < first + 100000) {
        rc = submit_big(store, id++, err);
    }
    TROUBLE_EXPECT(trouble, rc == OMEGA_EFULL, "full: code %d after %lu jobs: %s", rc,
                   (unsigned long)(id - first), disk_message(err));
    return id - 1;
}

/* A message that names the cell, and says what there is none of. */
static void expect_message(const omega_error_t *err, const char *path, const char *part,
                           struct trouble *trouble)
{
    const char *message = disk_message(err);
    TROUBLE_EXPECT(trouble, strstr(message, path) != NULL && strcasestr(message, part) != NULL,
                   "no '%s' and '%s' in '%s'", path, part, message);
}

/* Every kind of change on a full cell: done, or refused as full with nothing changed. */
static void change_when_full(struct store *store, uint64_t placement, uint64_t round,
                             struct trouble *trouble)
{
    for (int kind = 0; kind < 7; kind++) {
        omega_error_t err = {.code = 0};
        struct store_counters before;
        struct store_counters after;
        struct disk_txn t;
        struct omega_machine machine = {.state = OMEGA_MACHINE_UP};
        struct omega_machine_event event = {.machine = 9};
        const struct store_release_result *lost = NULL;
        struct store_placement preload = {.machine = 4, .request = {.cpu_milli = 1}};
        uint64_t version = 0;
        uint32_t count = 0;
        int rc = 0;
        store_counters(store, &before);
        store_machine(store, 9, &machine, NULL);
        event.kind = machine.state == OMEGA_MACHINE_UP ? OMEGA_EVENT_DRAIN : OMEGA_EVENT_UNDRAIN;
        disk_begin(&t, store, 2, 1);
        disk_claim(&t, 0, 5);
        switch (kind) {
        case 0:
            rc = disk_commit(&t, store, &err);
            break;
        case 1:
            rc = store_machine_event(store, &event, STORE_LOST_RETURN, &lost, &count, &version,
                                     &err);
            break;
        case 2:
            rc = lmdb_join(store, 5, "any", &count, &err);
            break;
        case 3:
            rc = store_abandon(store, 3 + round, &count, NULL, &err);
            break;
        case 4:
            rc = store_preload(store, &preload, 1, &version, &err);
            break;
        case 5:
            rc = disk_end(store, placement, &err);
            break;
        default:
            rc = submit_big(store, 50 + round, &err);
            break;
        }
        store_counters(store, &after);
        TROUBLE_EXPECT(trouble, rc == 0 || rc == OMEGA_EFULL, "change %d is %d: %s", kind, rc,
                       disk_message(&err));
        TROUBLE_EXPECT(trouble, rc == 0 || memcmp(&before, &after, sizeof before) == 0,
                       "change %d was refused, and counters moved", kind);
        TROUBLE_EXPECT(trouble, rc == 0 || err.text[0] != '\0', "change %d: no message", kind);
        disk_check(store, trouble);
    }
}

#define ROUNDS 3u

/* Jobs 1, with a task that runs, 2, and one more for each round; returns the placement. */
static uint64_t begin(struct store *store, struct trouble *trouble)
{
    omega_error_t err = {.code = 0};
    uint64_t placement = 0;
    int rc = disk_put(store, 1, 3, &placement, &err);
    rc = rc != 0 ? rc : disk_submit(store, 2, 1, &err);
    for (uint64_t r = 0; r < ROUNDS && rc == 0; r++) {
        rc = disk_submit(store, 3 + r, 1, &err);
    }
    TROUBLE_EXPECT(trouble, rc == 0, "%d: %s", rc, disk_message(&err));
    return placement;
}

static void read_when_full(struct store *store, struct trouble *trouble)
{
    omega_error_t err = {.code = 0};
    struct store_view *view = NULL;
    struct omega_machine machine;
    int rc = store_machine(store, 7, &machine, &err);
    rc = rc != 0 ? rc : store_view_open(store, STORE_VIEW_PRIVATE, &view, &err);
    rc = rc != 0 ? rc : store_view_refresh(store, view, &err);
    TROUBLE_EXPECT(trouble, rc == 0, "reading when full is %d: %s", rc, disk_message(&err));
    if (view != NULL) {
        store_view_close(store, view);
    }
}

static void look_when_full(void *context, struct trouble *trouble)
{
    omega_error_t err = {.code = 0};
    struct store *store = NULL;
    int rc = lmdb_open(context, NULL, &store, &err);
    if (TROUBLE_EXPECT(trouble, rc == 0, "opening when full: %s", disk_message(&err))) {
        disk_check(store, trouble);
        read_when_full(store, trouble);
        store_close(store);
    }
}

/* ---- a disk of our own ---- */

struct disk_test {
    struct disk_cell cell;
    char disk[DISK_PATH_BYTES];
    char filler[DISK_PATH_BYTES];
    enum lmdb_mode mode;
    uint64_t bytes;
};

/* A file system of so many bytes, in a mount namespace that ends with this process. */
static bool mount_disk(const struct disk_test *test, struct trouble *trouble)
{
    char options[64];
    snprintf(options, sizeof options, "size=%lu", (unsigned long)test->bytes);
    return TROUBLE_EXPECT(trouble,
                          unshare(CLONE_NEWNS) == 0 &&
                              mount("none", "/", "none", MS_REC | MS_PRIVATE, "") == 0 &&
                              mount("omega", test->disk, "tmpfs", 0, options) == 0,
                          "no disk: %s", strerror(errno));
}

/* Takes all room but so many bytes. */
static void fill(const struct disk_test *test, uint64_t left)
{
    static const char zeros[4096];
    struct stat status;
    int fd = open(test->filler, O_CREAT | O_WRONLY | O_APPEND, 0644);
    while (write(fd, zeros, sizeof zeros) == (ssize_t)sizeof zeros) {
    }
    fstat(fd, &status);
    uint64_t size = (uint64_t)status.st_size;
    if (ftruncate(fd, (off_t)(size > left ? size - left : 0)) != 0) {
        close(fd);
        return;
    }
    close(fd);
}

static int any_job(void *context, const struct lmdb_job *job)
{
    (void)context;
    (void)job;
    return 0;
}

static void fill_and_go_on(void *context, struct trouble *trouble)
{
    struct disk_test *test = context;
    struct lmdb_options options = {.mode = test->mode, .map_bytes = 256 * MIB};
    omega_error_t err = {.code = 0};
    struct store *store = NULL;
    if (!mount_disk(test, trouble)) {
        return;
    }
    int rc = lmdb_create(test->cell.path, &test->cell.config, &options, &err);
    rc = rc != 0 ? rc : lmdb_open(test->cell.path, NULL, &store, &err);
    if (!TROUBLE_EXPECT(trouble, rc == 0, "%s", disk_message(&err))) {
        return;
    }
    uint64_t placement = begin(store, trouble);
    for (uint32_t round = 0; round < ROUNDS && trouble->count == 0; round++) {
        fill(test, (uint64_t)round * 100000); /* with a little room, and none */
        uint64_t refused = submit_until_full(store, 1000 + 100000 * (uint64_t)round, &err, trouble);
        expect_message(&err, test->cell.path, "disk", trouble);
        TROUBLE_EXPECT(trouble, lmdb_find_job(store, refused, any_job, NULL, NULL) == 1,
                       "a refused job is in the table");
        change_when_full(store, placement, (uint64_t)round, trouble);
        read_when_full(store, trouble);
        store_close(store);
        child_run(look_when_full, test->cell.path, trouble);
        rc = lmdb_open(test->cell.path, NULL, &store, &err);
        if (!TROUBLE_EXPECT(trouble, rc == 0, "opening again: %s", disk_message(&err))) {
            return;
        }
        refused = submit_until_full(store, refused, &err, trouble);
        unlink(test->filler);
        rc = submit_big(store, refused, &err);
        TROUBLE_EXPECT(trouble, rc == 0, "with room again: %s", disk_message(&err));
        disk_check(store, trouble);
    }
    store_close(store);
    disk_prove(test->cell.path, trouble);
}

/* A cell that finds no room while it is made leaves nothing. */
static void create_without_room(void *context, struct trouble *trouble)
{
    struct disk_test *test = context;
    struct lmdb_options options = {.mode = test->mode, .map_bytes = 256 * MIB};
    static const uint64_t left[] = {0, 4096, 16384, 65536, 131072};
    if (!mount_disk(test, trouble)) {
        return;
    }
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        omega_error_t err = {.code = 0};
        fill(test, left[i]);
        int rc = lmdb_create(test->cell.path, &test->cell.config, &options, &err);
        unlink(test->filler);
        TROUBLE_EXPECT(trouble, rc == 0 || rc == OMEGA_EFULL || rc == OMEGA_EIO,
                       "%lu bytes left: %d, %s", (unsigned long)left[i], rc, disk_message(&err));
        TROUBLE_EXPECT(trouble, rc == 0 || strstr(disk_message(&err), test->cell.path) != NULL,
                       "no path in '%s'", disk_message(&err));
        TROUBLE_EXPECT(trouble, rc == 0 || access(test->cell.path, F_OK) != 0,
                       "%lu bytes left: something is left of it", (unsigned long)left[i]);
        if (rc == 0) {
            disk_prove(test->cell.path, trouble);
            lmdb_remove(test->cell.path, NULL);
        }
    }
}

/* `fast` on a disk that never has 64 MiB: it cannot be made, or no change is; no signal. */
static void fast_on_a_small_disk(void *context, struct trouble *trouble)
{
    struct disk_test *test = context;
    struct lmdb_options options = {.mode = LMDB_FAST, .map_bytes = 256 * MIB};
    omega_error_t err = {.code = 0};
    struct store *store = NULL;
    if (!mount_disk(test, trouble)) {
        return;
    }
    int rc = lmdb_create(test->cell.path, &test->cell.config, &options, &err);
    rc = rc != 0 ? rc : lmdb_open(test->cell.path, NULL, &store, &err);
    rc = rc != 0 ? rc : disk_submit(store, 1, 1, &err);
    TROUBLE_EXPECT(trouble, rc == OMEGA_EFULL, "code %d: %s", rc, disk_message(&err));
    expect_message(&err, test->cell.path, "disk", trouble);
    store_close(store);
}

static void can_mount(void *context, struct trouble *trouble)
{
    mount_disk(context, trouble);
}

static void run_on_disk(const char *name, child_body *body, enum lmdb_mode mode, uint64_t bytes)
{
    static struct disk_test test;
    struct trouble *trouble = shared_memory(sizeof *trouble);
    memset(&test, 0, sizeof test);
    test.mode = mode;
    test.bytes = bytes;
    disk_describe(&test.cell, "disk/cell", 50);
    disk_path(test.disk, disk_folder(), "disk");
    disk_path(test.filler, test.disk, "filler");
    ck_assert_int_eq(mkdir(test.disk, 0755), 0);
    child_run(can_mount, &test, trouble);
    if (trouble->count > 0) {
        printf("skip - %s, %s (%s)\n", name, lmdb_mode_name(mode), trouble->first);
    } else {
        child_run(body, &test, trouble);
        ck_assert_msg(trouble->count == 0, "%s, %s: %s", name, lmdb_mode_name(mode),
                      trouble->first);
    }
    disk_forget(&test.cell);
    shared_memory_free(trouble, sizeof *trouble);
}

static const enum lmdb_mode modes[] = {LMDB_PWRITE, LMDB_FAST, LMDB_POWER};

START_TEST(full_disk)
{
    run_on_disk("full disk", fill_and_go_on, modes[_i],
                modes[_i] == LMDB_FAST ? 72 * MIB : 8 * MIB);
}
END_TEST

START_TEST(create_on_a_full_disk)
{
    run_on_disk("create on a full disk", create_without_room, modes[_i],
                modes[_i] == LMDB_FAST ? 68 * MIB : 4 * MIB);
}
END_TEST

START_TEST(fast_never_has_its_room)
{
    run_on_disk("fast on a small disk", fast_on_a_small_disk, LMDB_FAST, 8 * MIB);
}
END_TEST

/* ---- a full map ---- */

static int restore_job(void *context, const struct lmdb_job *job)
{
    omega_error_t err = {.code = 0};
    int rc = lmdb_restore_job(context, job, &err);
    ck_assert_msg(rc == 0, "%s", disk_message(&err));
    return 0;
}

static int restore_placement(void *context, const struct store_placement *placement)
{
    omega_error_t err = {.code = 0};
    int rc = lmdb_restore_placement(context, placement, &err);
    ck_assert_msg(rc == 0, "%s", disk_message(&err));
    return 0;
}

/* What `omega cell export` and `load --map-size` do, without the file between them. */
static void move_over(struct store *store, const char *path)
{
    omega_error_t err = {.code = 0};
    struct lmdb_restore *restore = NULL;
    struct store_counters counters;
    ck_assert_int_eq(lmdb_restore_open(path, &restore, &err), 0);
    for (uint32_t m = 0; m < store->machine_count; m++) {
        struct omega_machine machine;
        ck_assert_int_eq(store_machine(store, m, &machine, &err), 0);
        ck_assert_int_eq(lmdb_restore_machine(restore, &machine, &err), 0);
    }
    ck_assert_int_eq(store_placements(store, restore_placement, restore, &err), 0);
    ck_assert_int_eq(lmdb_jobs(store, restore_job, restore, &err), 0);
    store_counters(store, &counters);
    int rc = lmdb_restore_commit(restore, &counters, &err);
    ck_assert_msg(rc == 0, "%s", disk_message(&err));
}

START_TEST(full_map)
{
    struct lmdb_options options = {.mode = modes[_i], .map_bytes = MIB};
    struct disk_cell cell;
    char larger[DISK_PATH_BYTES];
    omega_error_t err = {.code = 0};
    struct trouble *trouble = shared_memory(sizeof *trouble);
    disk_create(&cell, "cell", 50, &options);
    struct store *store = disk_open(cell.path, NULL);
    uint64_t placement = begin(store, trouble);
    uint64_t refused = submit_until_full(store, 1000, &err, trouble);
    expect_message(&err, cell.path, "omega cell export", trouble);
    expect_message(&err, cell.path, "omega cell load --map-size", trouble);
    change_when_full(store, placement, 0, trouble);
    read_when_full(store, trouble);
    child_run(look_when_full, cell.path, trouble);
    store_close(store);
    store = disk_open(cell.path, NULL);
    disk_check(store, trouble);
    ck_assert_msg(trouble->count == 0, "%s", trouble->first);
    /* a larger cell takes it all, and goes on */
    disk_path(larger, disk_folder(), "larger");
    options.map_bytes = 64 * MIB;
    ck_assert_int_eq(lmdb_create(larger, &cell.config, &options, &err), 0);
    move_over(store, larger);
    store_close(store);
    store = disk_open(larger, NULL);
    int rc = submit_big(store, refused, &err);
    ck_assert_msg(rc == 0, "%s", disk_message(&err));
    disk_check(store, trouble);
    store_close(store);
    disk_prove(larger, trouble);
    ck_assert_msg(trouble->count == 0, "%s", trouble->first);
    disk_forget(&cell);
    shared_memory_free(trouble, sizeof *trouble);
}
END_TEST

static void add_cases(Suite *suite)
{
    disk_loop_case(suite, "full disk", full_disk, 3);
    disk_loop_case(suite, "create on a full disk", create_on_a_full_disk, 3);
    disk_case(suite, "fast on a small disk", fast_never_has_its_room);
    disk_loop_case(suite, "full map", full_map, 3);
}

CHECK_MAIN("lmdb full", add_cases)
