/* SPDX-License-Identifier: MIT */
/* The directory of a cell: made, read strictly, removed; and in which boot it was last used. */
#include "cellstate/lmdb_directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/check_main.h"

#define ID "0123456789abcdef0123456789abcdef"
#define BOOT "7a1c9a52-33f4-4f0c-8f64-a5a1d5a3a111"
#define HEAD "omega-cell 4\nmode pwrite\nmap_bytes 17179869184\nidentity " ID "\n"

static char folder[200];
static char path[300]; /* folder/cell-1, which setup() does not make */
static omega_error_t err;

#define SYNCS_SEEN 32
static ino_t synced[SYNCS_SEEN];
static int sync_count;
static bool sync_fails;

/* Stands before the C library's: notes which files and directories are brought to the disk. */
int fsync(int fd)
{
    struct stat status;
    if (fstat(fd, &status) == 0 && sync_count < SYNCS_SEEN) {
        synced[sync_count++] = status.st_ino;
    }
    if (sync_fails && S_ISDIR(status.st_mode)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

static bool was_synced(const char *name)
{
    struct stat status;
    ck_assert_int_eq(stat(name, &status), 0);
    for (int i = 0; i < sync_count; i++) {
        if (synced[i] == status.st_ino) {
            return true;
        }
    }
    return false;
}

static void setup(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/omega-XXXXXX", parent == NULL ? P_tmpdir : parent);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/cell-1", folder);
    omega_error_clear(&err);
    unsetenv("OMEGA_BOOT_ID");
}

/* The name of a file in the cell. */
static const char *in(const char *name)
{
    static char out[400];
    snprintf(out, sizeof out, "%s/%s", path, name);
    return out;
}

static void put(const char *name, const char *bytes, size_t size)
{
    FILE *file = fopen(in(name), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static void text_of(const char *name, char *out, size_t size)
{
    FILE *file = fopen(in(name), "r");
    ck_assert_ptr_nonnull(file);
    out[fread(out, 1, size - 1, file)] = '\0';
    fclose(file);
}

static bool there(const char *name)
{
    return access(in(name), F_OK) == 0;
}

/* Makes the directory at `path`, which is not there. */
static void make(void)
{
    bool made = false;
    ck_assert_int_eq(lmdb_directory_make(path, &made, &err), OMEGA_OK);
    ck_assert(made);
}

static void teardown(void)
{
    ck_assert_int_eq(rmdir(folder), 0); /* nothing was left behind */
}

static void remove_all(void)
{
    omega_error_clear(&err);
    ck_assert_int_eq(lmdb_directory_remove(path, true, &err), OMEGA_OK);
    ck_assert_int_ne(access(path, F_OK), 0);
    teardown();
}

/* ---- the file ---- */

static const struct lmdb_cell_file sample = {
    .schema = LMDB_SCHEMA,
    .mode = LMDB_PWRITE,
    .map_bytes = LMDB_MAP_BYTES,
    .identity = ID,
};

START_TEST(test_round_trip)
{
    setup();
    make();
    struct lmdb_cell_file file = sample;
    struct lmdb_cell_file back;
    char text[500];
    ck_assert_int_eq(lmdb_cell_file_write(path, &file, &err), OMEGA_OK);
    text_of("cell", text, sizeof text);
    ck_assert_str_eq(text, HEAD "boot\n");
    for (int mode = LMDB_PWRITE; mode <= LMDB_POWER; mode++) {
        file.mode = (enum lmdb_mode)mode;
        file.map_bytes = mode == LMDB_FAST ? 1 : INT64_MAX;
        snprintf(file.boot, sizeof file.boot, "%s", mode == LMDB_POWER ? "" : BOOT);
        ck_assert_int_eq(lmdb_cell_file_write(path, &file, &err), OMEGA_OK);
        memset(&back, 'x', sizeof back);
        ck_assert_int_eq(lmdb_cell_file_read(path, &back, &err), OMEGA_OK);
        ck_assert_uint_eq(back.schema, LMDB_SCHEMA);
        ck_assert_int_eq((int)back.mode, mode);
        ck_assert_uint_eq(back.map_bytes, file.map_bytes);
        ck_assert_str_eq(back.identity, ID);
        ck_assert_str_eq(back.boot, file.boot);
    }
    remove_all(); /* no temporary file is left */
}
END_TEST

START_TEST(test_write_fails)
{
    setup();
    ck_assert_int_eq(lmdb_cell_file_write(path, &sample, &err), OMEGA_EIO);
    ck_assert_str_eq(err.text, "cannot create a file in this directory: No such file or directory");
    ck_assert_str_eq(err.source, in("cell"));
    teardown();
}
END_TEST

#define LINE_1 "expected 'omega-cell' and the number of a schema"
#define LINE_2 "expected 'mode' and pwrite, fast or power"
#define LINE_3 "expected 'map_bytes' and a number above 0"
#define LINE_4 "expected 'identity' and 32 hexadecimal digits"
#define LINE_5 "expected 'boot' and the id of a boot or nothing"
#define NO_LINE "is no whole line of text, "

static const struct bad {
    const char *bytes;
    long line;
    const char *text;
    int code; /* 0: OMEGA_EINVAL */
} bads[] = {
    {"", 1, NO_LINE LINE_1, 0},
    {"omega-cell 4", 1, NO_LINE LINE_1, 0},
    {"\x7f"
     "ELF\n",
     1, NO_LINE LINE_1, 0},
    {"omega-cell\t1\n", 1, NO_LINE LINE_1, 0},
    {"{}\n", 1, "'{}', " LINE_1, 0},
    {"omega-cells 1\n", 1, "'omega-cells 1', " LINE_1, 0},
    {"omega-cell \n", 1, "'omega-cell ', " LINE_1, 0},
    {"omega-cell\n", 1, "'omega-cell' is '', expected the number of a schema", 0},
    {"omega-cell 0\n", 1, "'omega-cell' is '0', expected the number of a schema", 0},
    {"omega-cell 01\n", 1, "'omega-cell' is '01', expected the number of a schema", 0},
    {"omega-cell -1\n", 1, "'omega-cell' is '-1', expected the number of a schema", 0},
    {"omega-cell 4 \n", 1, "'omega-cell' is '4 ', expected the number of a schema", 0},
    {"omega-cell 4294967296\n", 1, "'omega-cell' is '4294967296', expected the number of a schema",
     0},
    {"omega-cell 3\n", 1, "schema 3, expected 4: made by an older omega", OMEGA_EVERSION},
    {"omega-cell 5\n", 1, "schema 5, expected 4: made by a newer omega", OMEGA_EVERSION},
    {"omega-cell 4294967295\nwhatever", 1, "schema 4294967295, expected 4: made by a newer omega",
     OMEGA_EVERSION},
    {"omega-cell 4\n", 2, NO_LINE LINE_2, 0},
    {"omega-cell 4\nmode slow\n", 2, "'mode' is 'slow', expected pwrite, fast or power", 0},
    {"omega-cell 4\nmode  fast\n", 2, "'mode' is ' fast', expected pwrite, fast or power", 0},
    {"omega-cell 4\nmap_bytes 1\n", 2, "'map_bytes 1', " LINE_2, 0},
    {"omega-cell 4\nmode fast\nmap_bytes 0\n", 3, "'map_bytes' is '0', expected a number above 0",
     0},
    {"omega-cell 4\nmode fast\nmap_bytes 1G\n", 3, "'map_bytes' is '1G', expected a number above 0",
     0},
    {"omega-cell 4\nmode fast\nmap_bytes 9223372036854775808\n", 3,
     "'map_bytes' is '9223372036854775808', expected a number above 0", 0},
    {"omega-cell 4\nmode fast\nmap_bytes 99999999999999999999\n", 3,
     "'map_bytes' is '99999999999999999999', expected a number above 0", 0},
    {"omega-cell 4\nmode fast\nmap_bytes 1\nidentity 0123456789ABCDEF0123456789ABCDEF\n", 4,
     "'identity' is '0123456789ABCDEF0123456789ABCDEF', expected 32 hexadecimal digits", 0},
    {"omega-cell 4\nmode fast\nmap_bytes 1\nidentity 0123\n", 4,
     "'identity' is '0123', expected 32 hexadecimal digits", 0},
    {"omega-cell 4\nmode fast\nmap_bytes 1\nidentity " ID "0\n", 4,
     "'identity' is '" ID "0', expected 32 hexadecimal digits", 0},
    {HEAD, 5, NO_LINE LINE_5, 0},
    {HEAD "boot " BOOT, 5, NO_LINE LINE_5, 0},
    {HEAD "boot \n", 5, "'boot ', " LINE_5, 0},
    {HEAD "boot a b\n", 5, "'boot' is 'a b', expected the id of a boot or nothing", 0},
    {HEAD "boot aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 5,
     "'boot' is 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', expected the id of a boot or nothing",
     0},
    {HEAD "booth\n", 5, "'booth', " LINE_5, 0},
    {HEAD "boot\ncolour red\n", 6, "is one line too many, expected the end of the file", 0},
    {HEAD "boot\n\n", 6, "is one line too many, expected the end of the file", 0},
};

static void refused(int code, const char *source, long line, const char *text)
{
    struct lmdb_cell_file file;
    omega_error_clear(&err);
    ck_assert_int_eq(lmdb_cell_file_read(path, &file, &err), code);
    ck_assert_str_eq(err.text, text);
    ck_assert_int_eq(err.code, code);
    ck_assert_int_eq(err.line, line);
    ck_assert_str_eq(err.source, source);
    ck_assert_int_eq(lmdb_cell_file_read(path, &file, NULL), code);
}

START_TEST(test_bad_lines)
{
    setup();
    make();
    const struct bad *bad = &bads[_i];
    put("cell", bad->bytes, strlen(bad->bytes));
    refused(bad->code == 0 ? OMEGA_EINVAL : bad->code, in("cell"), bad->line, bad->text);
    remove_all();
}
END_TEST

START_TEST(test_bad_bytes)
{
    setup();
    make();
    put("cell", "omega-cell 3\0\nmode fast\n", 24);
    refused(OMEGA_EINVAL, in("cell"), 1, NO_LINE LINE_1);
    char big[4097];
    memset(big, '\n', sizeof big);
    put("cell", big, sizeof big);
    refused(OMEGA_EINVAL, in("cell"), 0, "holds 4097 bytes, expected at most 4096");
    remove_all();
}
END_TEST

START_TEST(test_foreign_directories)
{
    setup();
    refused(OMEGA_EINVAL, path, 0,
            "there is no such directory, expected a cell made by 'omega cell init'");
    make();
    refused(OMEGA_EINVAL, path, 0, "is empty, expected a cell made by 'omega cell init'");
    put("data.mdb", "", 0);
    refused(OMEGA_EINVAL, path, 0,
            "holds 'data.mdb' and no file 'cell', expected a cell made by 'omega cell init'");
    put("z", "", 0);
    put("lock.mdb", "", 0);
    put("a\n", "", 0);
    put("b", "", 0);
    refused(OMEGA_EINVAL, path, 0,
            "holds '?', 'b', 'data.mdb' and 2 more and no file 'cell', expected a cell made by "
            "'omega cell init'");
    unlink(in("z"));
    unlink(in("a\n"));
    unlink(in("b"));
    ck_assert_int_eq(mkdir(in("cell"), 0700), 0);
    refused(OMEGA_EINVAL, path, 0,
            "holds 'cell', 'data.mdb', 'lock.mdb' and no file 'cell', expected a cell made by "
            "'omega cell init'");
    ck_assert_int_eq(rmdir(in("cell")), 0);
    remove_all();
}
END_TEST

START_TEST(test_not_a_directory)
{
    setup();
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    refused(OMEGA_EINVAL, path, 0, "is no directory, expected a cell made by 'omega cell init'");
    bool made = true;
    omega_error_clear(&err);
    ck_assert_int_eq(lmdb_directory_make(path, &made, &err), OMEGA_EINVAL);
    ck_assert(!made);
    ck_assert_str_eq(err.text, "is no directory, expected an empty one or a new name");
    ck_assert_str_eq(err.source, path);
    ck_assert_int_eq(unlink(path), 0);
    teardown();
}
END_TEST

/* ---- directories ---- */

START_TEST(test_make)
{
    setup();
    make();
    bool made = true;
    ck_assert_int_eq(lmdb_directory_make(path, &made, &err), OMEGA_OK);
    ck_assert(!made); /* it was there, and empty */
    put("cell", "", 0);
    put("note", "", 0);
    ck_assert_int_eq(lmdb_directory_make(path, &made, &err), OMEGA_EINVAL);
    ck_assert(!made);
    ck_assert_str_eq(err.text, "holds 'cell', 'note', expected an empty directory or a new name");
    ck_assert_str_eq(err.source, path);
    unlink(in("note"));
    omega_error_clear(&err);
    ck_assert_int_eq(lmdb_directory_make("", &made, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "'' is no path, expected 1 to 4095 bytes");
    remove_all();
}
END_TEST

START_TEST(test_make_above)
{
    setup();
    static const char *const below[] = {"a/b/c", "a/b/c/", "a//b///c//"};
    char deep[600];
    bool made;
    for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
        snprintf(deep, sizeof deep, "%s/%s", folder, below[i]);
        ck_assert_int_eq(lmdb_directory_make(deep, &made, &err), OMEGA_OK);
        ck_assert(made);
        ck_assert_int_eq(lmdb_directory_remove(deep, true, &err), OMEGA_OK);
        ck_assert_int_ne(access(deep, F_OK), 0);
    }
    snprintf(deep, sizeof deep, "%s/a/b", folder);
    ck_assert_int_eq(rmdir(deep), 0);
    snprintf(deep, sizeof deep, "%s/a", folder);
    ck_assert_int_eq(rmdir(deep), 0);
    ck_assert_int_eq(chdir(folder), 0);
    ck_assert_int_eq(lmdb_directory_make("here", &made, &err), OMEGA_OK);
    ck_assert(made);
    ck_assert_int_eq(rmdir("here"), 0);
    ck_assert_int_eq(chdir("/"), 0);
    teardown();
}
END_TEST

/* A directory's name is on the disk before it is used: its parent was synced. */
START_TEST(test_make_syncs)
{
    setup();
    char parts[3][600];
    bool made;
    snprintf(parts[0], sizeof parts[0], "%s/a", folder);
    snprintf(parts[1], sizeof parts[1], "%s/a/b", folder);
    snprintf(parts[2], sizeof parts[2], "%s/a/b//c/", folder);
    sync_count = 0;
    ck_assert_int_eq(lmdb_directory_make(parts[2], &made, &err), OMEGA_OK);
    ck_assert(was_synced(folder));
    ck_assert(was_synced(parts[0]));
    ck_assert(was_synced(parts[1]));
    sync_count = 0; /* found empty: it may have been made just now */
    ck_assert_int_eq(lmdb_directory_make(parts[2], &made, &err), OMEGA_OK);
    ck_assert(was_synced(parts[1]));
    ck_assert(!was_synced(folder));
    ck_assert_int_eq(chdir(parts[1]), 0);
    sync_count = 0;
    ck_assert_int_eq(lmdb_directory_make("d", &made, &err), OMEGA_OK);
    ck_assert(was_synced("."));
    ck_assert_int_eq(rmdir("d"), 0);
    sync_fails = true; /* then nothing is left of it */
    ck_assert_int_eq(lmdb_directory_make("d", &made, &err), OMEGA_EIO);
    ck_assert_str_eq(err.text, "cannot sync this directory: Input/output error");
    ck_assert(!made);
    ck_assert_int_ne(access("d", F_OK), 0);
    sync_fails = false;
    ck_assert_int_eq(chdir("/"), 0);
    for (int i = 2; i >= 0; i--) {
        ck_assert_int_eq(rmdir(parts[i]), 0);
    }
    teardown();
}
END_TEST

static bool drop_root(void)
{
    return geteuid() != 0 ||
           (setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
}

/* Where one may make directories and not look: what cannot be synced is no error. */
START_TEST(test_make_in_unreadable)
{
    setup();
    ck_assert_int_eq(chmod(folder, 0733), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        bool made = false;
        bool good = drop_root() && lmdb_directory_make(path, &made, NULL) == OMEGA_OK && made;
        _exit(good ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(rmdir(path), 0);
    teardown();
}
END_TEST

/* ---- what was interrupted ---- */

#define UNFINISHED "holds a cell that was not made to its end (no file 'cell'), expected "
#define REMOVE_IT ": remove it if nobody is making it now"

/* Fails, as a cell that was not made to its end does (or otherwise). */
static void expect_unfinished(bool unfinished)
{
    struct lmdb_cell_file file;
    bool made = true;
    omega_error_clear(&err);
    ck_assert_int_eq(lmdb_directory_make(path, &made, &err), OMEGA_EINVAL);
    ck_assert(!made);
    ck_assert_str_eq(err.source, path);
    ck_assert_msg((strcmp(err.text, UNFINISHED "an empty directory or a new name" REMOVE_IT) ==
                   0) == unfinished,
                  "%s", err.text);
    omega_error_clear(&err);
    ck_assert_int_eq(lmdb_cell_file_read(path, &file, &err), OMEGA_EINVAL);
    ck_assert_msg((strcmp(err.text, UNFINISHED "a cell made by 'omega cell init'" REMOVE_IT) ==
                   0) == unfinished,
                  "%s", err.text);
}

START_TEST(test_unfinished)
{
    static const char *const rest[] = {"writer", "lock.mdb", "data.mdb", "cell.123-0.tmp"};
    setup();
    make();
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) { /* in the order of making */
        put(rest[i], "", 0);
        expect_unfinished(true);
    }
    put("notes", "", 0); /* is somebody's */
    expect_unfinished(false);
    unlink(in("notes"));
    put("cell", "", 0); /* damaged, but made */
    expect_unfinished(false);
    unlink(in("cell"));
    expect_unfinished(true);
    unlink(in("writer")); /* somebody else's LMDB files */
    expect_unfinished(false);
    remove_all();
}
END_TEST

/* What a killed process left of a new file `cell`; names that are only like it stay. */
START_TEST(test_remove_temporaries)
{
    static const char *const gone[] = {"cell.1-0.tmp", "cell.4194304-99.tmp"};
    static const char *const kept[] = {"cell.tmp",     "cell.1.tmp",    "cell.1-.tmp",
                                       "cell.-1.tmp",  "cell.1-0.tmp2", "cell.1-0",
                                       "cell.a-0.tmp", "cells.1-0.tmp", "data.mdb.1-0.tmp"};
    setup();
    make();
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        put(gone[i], "x", 1);
    }
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        put(kept[i], "x", 1);
    }
    put("cell", "x", 1);
    ck_assert_int_eq(lmdb_directory_remove(path, true, &err), OMEGA_OK);
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        ck_assert_msg(!there(gone[i]), "%s", gone[i]);
    }
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        ck_assert_msg(there(kept[i]), "%s", kept[i]);
        unlink(in(kept[i]));
    }
    ck_assert(!there("cell"));
    ck_assert_int_eq(mkdir(in("cell.1-0.tmp"), 0700), 0);
    put("cell", "x", 1);
    ck_assert_int_eq(lmdb_directory_remove(path, true, &err), OMEGA_EIO);
    ck_assert_str_eq(err.source, in("cell.1-0.tmp"));
    ck_assert(!there("cell"));
    ck_assert_int_eq(rmdir(in("cell.1-0.tmp")), 0);
    remove_all();
}
END_TEST

/* A file `cell` that is written anew is still whose it was. */
START_TEST(test_keeps_rights)
{
    static const mode_t modes[] = {0644, 0660, 0600, 0664};
    struct stat before;
    struct stat after;
    setup();
    make();
    ck_assert_int_eq(lmdb_cell_file_write(path, &sample, &err), OMEGA_OK);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        ck_assert_int_eq(chmod(in("cell"), modes[i]), 0);
        if (geteuid() == 0) {
            ck_assert_int_eq(chown(in("cell"), 65534, 65534), 0);
        }
        ck_assert_int_eq(stat(in("cell"), &before), 0);
        ck_assert_int_eq(lmdb_cell_file_write(path, &sample, &err), OMEGA_OK);
        ck_assert_int_eq(stat(in("cell"), &after), 0);
        ck_assert_uint_ne(after.st_ino, before.st_ino);
        ck_assert_uint_eq(after.st_mode, before.st_mode);
        ck_assert_uint_eq(after.st_uid, before.st_uid);
        ck_assert_uint_eq(after.st_gid, before.st_gid);
    }
    remove_all();
}
END_TEST

/* One that may not give files away writes it all the same, with the same rights. */
START_TEST(test_keeps_rights_of_another)
{
    setup();
    make();
    ck_assert_int_eq(lmdb_cell_file_write(path, &sample, &err), OMEGA_OK);
    ck_assert_int_eq(chmod(in("cell"), 0664), 0);
    ck_assert_int_eq(chmod(path, 0777), 0);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        _exit(drop_root() && lmdb_cell_file_write(path, &sample, NULL) == OMEGA_OK ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    struct stat after;
    ck_assert_int_eq(stat(in("cell"), &after), 0);
    ck_assert_uint_eq(after.st_mode & 07777, 0664);
    remove_all();
}
END_TEST

START_TEST(test_remove)
{
    static const char *const names[] = {"cell", "writer", "data.mdb", "lock.mdb"};
    setup();
    make();
    for (int keep = 0; keep < 2; keep++) { /* the directory */
        for (size_t i = 0; i < 4; i++) {
            put(names[i], "x", 1);
        }
        if (keep == 0) {
            put("note", "mine", 4);
        }
        ck_assert_int_eq(lmdb_directory_remove(path, keep == 0, &err), OMEGA_OK);
        for (size_t i = 0; i < 4; i++) {
            ck_assert(!there(names[i]));
        }
        ck_assert(there(keep == 0 ? "note" : "."));
        unlink(in("note"));
    }
    /* an error of one file stops nothing */
    ck_assert_int_eq(mkdir(in("data.mdb"), 0700), 0);
    put("cell", "x", 1);
    ck_assert_int_eq(lmdb_directory_remove(path, true, &err), OMEGA_EIO);
    ck_assert_str_eq(err.text, "cannot remove: Is a directory");
    ck_assert_str_eq(err.source, in("data.mdb"));
    ck_assert(!there("cell"));
    ck_assert_int_eq(rmdir(in("data.mdb")), 0);
    remove_all();
}
END_TEST

/* ---- the boot ---- */

START_TEST(test_boot_id)
{
    setup();
    char boot[LMDB_BOOT_BYTES];
    char again[LMDB_BOOT_BYTES];
    ck_assert_int_eq(lmdb_boot_id(boot, &err), OMEGA_OK);
    ck_assert_uint_eq(strlen(boot), 36);
    ck_assert_uint_eq(strspn(boot, "0123456789abcdef-"), 36);
    setenv("OMEGA_BOOT_ID", "", 1); /* as if it were not set */
    ck_assert_int_eq(lmdb_boot_id(again, &err), OMEGA_OK);
    ck_assert_str_eq(boot, again);
    setenv("OMEGA_BOOT_ID", "other", 1);
    ck_assert_int_eq(lmdb_boot_id(again, &err), OMEGA_OK);
    ck_assert_str_eq(again, "other");
    static const char *const wrong[] = {
        "two words", "new\nline",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[200];
        setenv("OMEGA_BOOT_ID", wrong[i], 1);
        omega_error_clear(&err);
        ck_assert_int_eq(lmdb_boot_id(again, &err), OMEGA_EINVAL);
        snprintf(text, sizeof text,
                 "OMEGA_BOOT_ID is '%s', expected 1 to 63 letters, digits or any of '-_.'",
                 wrong[i]);
        ck_assert_str_eq(err.text, text);
    }
    teardown();
}
END_TEST

START_TEST(test_stale)
{
    setup();
    static const struct {
        enum lmdb_mode mode;
        const char *boot;
        bool stale;
    } cases[] = {
        {LMDB_PWRITE, "", false},  {LMDB_PWRITE, "now", false}, {LMDB_PWRITE, "then", true},
        {LMDB_FAST, "", false},    {LMDB_FAST, "now", false},   {LMDB_FAST, "then", true},
        {LMDB_POWER, "", false},   {LMDB_POWER, "now", false},  {LMDB_POWER, "then", false},
        {LMDB_PWRITE, "no", true}, {LMDB_PWRITE, "nowt", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lmdb_cell_file file = sample;
        file.mode = cases[i].mode;
        snprintf(file.boot, sizeof file.boot, "%s", cases[i].boot);
        ck_assert(lmdb_cell_file_is_stale(&file, "now") == cases[i].stale);
    }
    teardown();
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "round trip", test_round_trip);
    check_case(suite, "write fails", test_write_fails);
    TCase *lines = tcase_create("bad lines");
    tcase_add_loop_test(lines, test_bad_lines, 0, sizeof bads / sizeof bads[0]);
    suite_add_tcase(suite, lines);
    check_case(suite, "bad bytes", test_bad_bytes);
    check_case(suite, "foreign directories", test_foreign_directories);
    check_case(suite, "not a directory", test_not_a_directory);
    check_case(suite, "make", test_make);
    check_case(suite, "make above", test_make_above);
    check_case(suite, "make syncs", test_make_syncs);
    check_case(suite, "make in unreadable", test_make_in_unreadable);
    check_case(suite, "unfinished", test_unfinished);
    check_case(suite, "remove temporaries", test_remove_temporaries);
    check_case(suite, "keeps rights", test_keeps_rights);
    check_case(suite, "keeps rights of another", test_keeps_rights_of_another);
    check_case(suite, "remove", test_remove);
    check_case(suite, "boot id", test_boot_id);
    check_case(suite, "stale", test_stale);
}

CHECK_MAIN("lmdb_directory", add_cases)
