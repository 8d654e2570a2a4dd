/* SPDX-License-Identifier: MIT */
/*
 * Recovering a cell, and files of one that were lost, emptied or cut; and how lock.mdb is allocated
 * where the file system cannot do it by itself.
 */
#include "tests/support/check_main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cellstate/lmdb_directory.h"
#include "tests/support/disk_cell.h"

static struct disk_cell cell;
static struct trouble *trouble;

static bool cannot_allocate;
static int allocations;

/* Stand before the C library's. */
int fallocate(int fd, int mode, off_t at, off_t length)
{
    allocations++;
    if (cannot_allocate) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, at, length);
}

/* What reads and writes bytes of a file that others use. */
int posix_fallocate(int fd, off_t at, off_t length)
{
    (void)fd;
    (void)at;
    (void)length;
    abort();
}

static void open_test(const struct lmdb_options *options)
{
    trouble = shared_memory(sizeof *trouble);
    disk_create(&cell, "cell", 200, options);
    struct store *store = disk_open(cell.path, NULL);
    omega_error_t err = {.code = 0};
    for (uint64_t job = 1; job <= 20; job++) {
        uint64_t placement = 0;
        ck_assert_int_eq(disk_put(store, job, (uint32_t)job, &placement, &err), 0);
    }
    store_close(store);
}

static void close_test(void)
{
    ck_assert_msg(trouble->count == 0, "%s", trouble->first);
    shared_memory_free(trouble, sizeof *trouble);
    disk_forget(&cell);
}

static void file_of(char *path, const char *name)
{
    disk_path(path, cell.path, name);
}

static void recover(int code, const char *part)
{
    struct store_report report = {.violations = 1};
    omega_error_t err = {.code = 0};
    int rc = lmdb_recover(cell.path, &report, &err);
    ck_assert_msg(rc == code, "%d: %s", rc, disk_message(&err));
    ck_assert_msg(rc == 0 || strstr(disk_message(&err), part) != NULL, "%s", disk_message(&err));
    ck_assert(rc != 0 || report.violations == 0);
}

static struct stat about(const char *name)
{
    char path[DISK_PATH_BYTES];
    struct stat status;
    file_of(path, name);
    ck_assert_int_eq(stat(path, &status), 0);
    return status;
}

static void expect_same(const struct stat *a, const struct stat *b)
{
    ck_assert_uint_eq(a->st_ino, b->st_ino);
    ck_assert_int_eq(a->st_mtim.tv_sec, b->st_mtim.tv_sec);
    ck_assert_int_eq(a->st_mtim.tv_nsec, b->st_mtim.tv_nsec);
}

/* ---- the file `writer` ---- */

enum loss {
    LOST,
    EMPTIED,
    FOREIGN,
    ZEROS,
    LOSSES,
};

static void lose(enum loss loss, const char *path)
{
    static const char zeros[4096];
    if (loss == LOST) {
        ck_assert_int_eq(unlink(path), 0);
    } else if (loss == EMPTIED) {
        disk_write(path, "", 0);
    } else if (loss == FOREIGN) {
        disk_write(path, "dear diary\n", 11);
    } else {
        disk_write(path, zeros, sizeof zeros);
    }
}

START_TEST(lost_writer)
{
    char path[DISK_PATH_BYTES];
    struct store *store = NULL;
    omega_error_t err = {.code = 0};
    open_test(NULL);
    file_of(path, "writer");
    lose((enum loss)_i, path);
    ck_assert_int_ne(lmdb_open(cell.path, NULL, &store, &err), 0);
    ck_assert_msg(strstr(disk_message(&err), path) != NULL, "%s", disk_message(&err));
    struct stat before = about("cell");
    recover(0, "");
    struct stat after = about("cell");
    expect_same(&before, &after); /* it was of this boot */
    ck_assert_int_eq(about("writer").st_size, 4096);
    disk_prove(cell.path, trouble);
    close_test();
}
END_TEST

/* A good one stays, and so does one that is not ours to judge. */
START_TEST(kept_writer)
{
    char path[DISK_PATH_BYTES];
    uint32_t version = 2;
    open_test(NULL);
    struct stat before = about("writer");
    recover(0, "");
    ck_assert_uint_eq(about("writer").st_ino, before.st_ino);
    file_of(path, "writer");
    int fd = open(path, O_WRONLY);
    ck_assert_int_eq(pwrite(fd, &version, sizeof version, 8), (ssize_t)sizeof version);
    recover(OMEGA_EVERSION, "newer omega");
    ck_assert_uint_eq(about("writer").st_ino, before.st_ino);
    version = 1;
    ck_assert_int_eq(pwrite(fd, &version, sizeof version, 8), (ssize_t)sizeof version);
    close(fd);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    recover(OMEGA_EIO, path);
    ck_assert_int_eq(rmdir(path), 0);
    recover(0, "");
    disk_prove(cell.path, trouble);
    close_test();
}
END_TEST

/* ---- another boot ---- */

START_TEST(another_boot)
{
    struct store *store = NULL;
    struct lmdb_cell_file file;
    omega_error_t err = {.code = 0};
    char path[DISK_PATH_BYTES];
    setenv("OMEGA_BOOT_ID", "boot-1", 1);
    open_test(NULL);
    file_of(path, "writer");
    setenv("OMEGA_BOOT_ID", "boot-2", 1);
    ck_assert_int_eq(lmdb_open(cell.path, NULL, &store, &err), OMEGA_ECORRUPT);
    ck_assert_msg(strstr(disk_message(&err), "--recover") != NULL, "%s", disk_message(&err));
    if (_i < LOSSES) {
        lose((enum loss)_i, path);
    }
    struct stat before = about("cell");
    recover(0, "");
    ck_assert_uint_ne(about("cell").st_ino, before.st_ino);
    ck_assert_int_eq(lmdb_cell_file_read(cell.path, &file, &err), 0);
    ck_assert_str_eq(file.boot, "boot-2");
    disk_prove(cell.path, trouble);
    before = about("cell");
    recover(0, "");
    struct stat after = about("cell");
    expect_same(&before, &after);
    close_test();
}
END_TEST

/* ---- data.mdb ---- */

static void open_cut(void *context, struct trouble *found)
{
    struct store *store = NULL;
    omega_error_t err = {.code = 0};
    int rc = lmdb_open(context, NULL, &store, &err);
    const char *message = disk_message(&err);
    TROUBLE_EXPECT(found, rc == OMEGA_ECORRUPT || rc == OMEGA_EINVAL, "%d: %s", rc, message);
    TROUBLE_EXPECT(found, strstr(message, "data.mdb") != NULL, "no data.mdb: %s", message);
    TROUBLE_EXPECT(found, strstr(message, "restores an export") != NULL, "no advice: %s", message);
    TROUBLE_EXPECT(found, strstr(message, context) != NULL, "no path: %s", message);
}

/* Empty, or cut to a tenth: refused, and no signal ends who tries. */
START_TEST(cut_data)
{
    char path[DISK_PATH_BYTES];
    struct lmdb_options options = {.map_bytes = UINT64_C(1) << 30,
                                   .mode = _i % 2 == 0 ? LMDB_PWRITE : LMDB_POWER};
    open_test(&options);
    file_of(path, "data.mdb");
    off_t size = about("data.mdb").st_size;
    ck_assert_int_ge(size, 30 * 4096);
    ck_assert_int_eq(truncate(path, _i < 2 ? 0 : size / 10), 0);
    child_run(open_cut, cell.path, trouble);
    close_test();
}
END_TEST

/* ---- lock.mdb ---- */

#define LOCK_BYTES (80 << 10)

/* A file system that cannot allocate: a new file is written, one that is there is not. */
START_TEST(lock_without_fallocate)
{
    char path[DISK_PATH_BYTES];
    cannot_allocate = true;
    open_test(NULL);
    ck_assert_int_ge(allocations, 1);
    struct stat status = about("lock.mdb");
    ck_assert_int_eq(status.st_size, LOCK_BYTES);
    ck_assert_int_ge(status.st_blocks, LOCK_BYTES / 512);
    allocations = 0; /* it needs no more */
    store_close(disk_open(cell.path, NULL));
    ck_assert_int_eq(allocations, 0);
    file_of(path, "lock.mdb"); /* as made by others, with holes: left to them */
    ck_assert_int_eq(truncate(path, 0), 0);
    ck_assert_int_eq(truncate(path, LOCK_BYTES), 0);
    store_close(disk_open(cell.path, NULL));
    ck_assert_int_eq(allocations, 1);
    ck_assert_int_lt(about("lock.mdb").st_blocks, LOCK_BYTES / 512);
    disk_prove(cell.path, trouble);
    close_test();
}
END_TEST

START_TEST(lock_with_fallocate)
{
    char path[DISK_PATH_BYTES];
    open_test(NULL);
    ck_assert_int_ge(about("lock.mdb").st_blocks, LOCK_BYTES / 512);
    allocations = 0;
    store_close(disk_open(cell.path, NULL));
    ck_assert_int_eq(allocations, 0);
    file_of(path, "lock.mdb");
    ck_assert_int_eq(truncate(path, 0), 0); /* holes are filled */
    ck_assert_int_eq(truncate(path, LOCK_BYTES), 0);
    store_close(disk_open(cell.path, NULL));
    ck_assert_int_ge(about("lock.mdb").st_blocks, LOCK_BYTES / 512);
    disk_prove(cell.path, trouble);
    close_test();
}
END_TEST

static void add_cases(Suite *suite)
{
    disk_loop_case(suite, "lost writer", lost_writer, LOSSES);
    disk_case(suite, "kept writer", kept_writer);
    disk_loop_case(suite, "another boot", another_boot, LOSSES + 1);
    disk_loop_case(suite, "cut data", cut_data, 4);
    disk_case(suite, "lock without fallocate", lock_without_fallocate);
    disk_case(suite, "lock with fallocate", lock_with_fallocate);
}

CHECK_MAIN("lmdb recover", add_cases)
