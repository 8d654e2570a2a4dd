/* SPDX-License-Identifier: MIT */
/* Whole files: complete or absent, errors with the path in them, nothing left behind. */
#include "core/base/file.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/check_main.h"

static char folder[200];
static char path[300];
static omega_error_t err;

/* A fresh folder, and the path "out" in it. */
static void setup(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/omega-XXXXXX", parent == NULL ? P_tmpdir : parent);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/out", folder);
    omega_error_clear(&err);
}

/* How many files the folder holds. */
static int files(void)
{
    int count = 0;
    DIR *directory = opendir(folder);
    ck_assert_ptr_nonnull(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(directory);
    return count;
}

static void teardown(void)
{
    unlink(path);
    ck_assert_int_eq(files(), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void write_file(const char *text)
{
    struct file_out *out;
    ck_assert_int_eq(file_out_open(path, &out, &err), OMEGA_OK);
    ck_assert_int_ge(fputs(text, file_out_stream(out)), 0);
    ck_assert_int_eq(file_out_commit(out, &err), OMEGA_OK);
}

static void holds(const char *text)
{
    char *bytes;
    size_t size;
    ck_assert_int_eq(file_read_all(path, 1000000, &bytes, &size, &err), OMEGA_OK);
    ck_assert_uint_eq(size, strlen(text));
    ck_assert_str_eq(bytes, text);
    free(bytes);
}

START_TEST(test_commit)
{
    setup();
    struct file_out *out;
    ck_assert_int_eq(file_out_open(path, &out, &err), OMEGA_OK);
    fputs("first", file_out_stream(out));
    ck_assert_int_ne(access(path, F_OK), 0); /* not before the commit */
    ck_assert_int_eq(file_out_commit(out, &err), OMEGA_OK);
    holds("first");
    write_file("second"); /* replaces */
    holds("second");
    ck_assert_int_eq(files(), 1);
    mode_t mask = umask(0);
    umask(mask);
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0666 & ~mask);
    teardown();
}
END_TEST

START_TEST(test_abort)
{
    setup();
    write_file("kept");
    struct file_out *out;
    ck_assert_int_eq(file_out_open(path, &out, &err), OMEGA_OK);
    fputs("dropped", file_out_stream(out));
    file_out_abort(out);
    holds("kept");
    ck_assert_int_eq(files(), 1);
    file_out_abort(NULL);
    teardown();
}
END_TEST

/* A file size limit fails writes as a full disk does. */
static void limit_size(rlim_t size, struct rlimit *old)
{
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, old), 0);
    struct rlimit limit = {.rlim_cur = size, .rlim_max = old->rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void commit_fails(const char *text, size_t times)
{
    struct rlimit old;
    struct file_out *out;
    ck_assert_int_eq(file_out_open(path, &out, &err), OMEGA_OK);
    limit_size(4096, &old);
    for (size_t i = 0; i < times; i++) {
        fputs(text, file_out_stream(out));
    }
    ck_assert_int_eq(file_out_commit(out, &err), OMEGA_EIO);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    ck_assert_str_eq(err.source, path);
    ck_assert_str_eq(err.text, "cannot write: File too large");
    omega_error_clear(&err);
    holds("kept");
    ck_assert_int_eq(files(), 1);
}

/* A disk that was full for a while: later writes work, the file has a hole all the same. */
START_TEST(test_passing_write_error)
{
    struct rlimit old;
    struct file_out *out;
    setup();
    ck_assert_int_eq(file_out_open(path, &out, &err), OMEGA_OK);
    limit_size(0, &old);
    fputs("lost", file_out_stream(out));
    ck_assert_int_ne(fflush(file_out_stream(out)), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    fputs("written", file_out_stream(out));
    ck_assert_int_eq(file_out_commit(out, &err), OMEGA_EIO);
    ck_assert_str_eq(err.text, "cannot write: an earlier write failed");
    ck_assert_int_eq(files(), 0);
    teardown();
}
END_TEST

START_TEST(test_write_error)
{
    setup();
    write_file("kept");
    commit_fails("0123456789abcdef", 100000); /* fails while it is written */
    commit_fails("x", 4097);                  /* fails at the last flush */
    teardown();
}
END_TEST

START_TEST(test_open_errors)
{
    struct file_out *out = (struct file_out *)folder;
    setup();
    snprintf(path, sizeof path, "%s/no/out", folder);
    ck_assert_int_eq(file_out_open(path, &out, &err), OMEGA_EIO);
    ck_assert_ptr_null(out);
    ck_assert_str_eq(err.source, path);
    ck_assert_str_eq(err.text, "cannot create a file in this directory: No such file or directory");
    omega_error_clear(&err);
    ck_assert_int_eq(file_out_open(folder, &out, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "is not a regular file, expected one or a new name");
    teardown();
}
END_TEST

START_TEST(test_rename_error)
{
    setup();
    struct file_out *out;
    ck_assert_int_eq(file_out_open(path, &out, &err), OMEGA_OK);
    ck_assert_int_eq(mkdir(path, 0777), 0); /* somebody takes the name meanwhile */
    ck_assert_int_eq(file_out_commit(out, &err), OMEGA_EIO);
    ck_assert_str_eq(err.text, "cannot rename the finished file to this name: Is a directory");
    ck_assert_int_eq(rmdir(path), 0);
    teardown();
}
END_TEST

START_TEST(test_read)
{
    char *bytes;
    size_t size;
    setup();
    write_file("");
    holds("");
    write_file("five5");
    ck_assert_int_eq(file_read_all(path, 5, &bytes, &size, &err), OMEGA_OK);
    ck_assert_mem_eq(bytes, "five5", 6);
    free(bytes);
    ck_assert_int_eq(file_read_all(path, 4, &bytes, &size, &err), OMEGA_EINVAL);
    ck_assert_ptr_null(bytes);
    ck_assert_str_eq(err.text, "holds 5 bytes, expected at most 4");
    omega_error_clear(&err);
    ck_assert_int_eq(file_read_all(folder, 100, &bytes, &size, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "is not a regular file");
    omega_error_clear(&err);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(file_read_all(path, 100, &bytes, &size, &err), OMEGA_EIO);
    ck_assert_str_eq(err.text, "cannot open: No such file or directory");
    ck_assert_int_eq(mkfifo(path, 0600), 0); /* nobody writes to it: must not wait */
    ck_assert_int_eq(file_read_all(path, 100, &bytes, &size, NULL), OMEGA_EINVAL);
    teardown();
}
END_TEST

START_TEST(test_make_directory)
{
    char deep[400];
    setup();
    snprintf(deep, sizeof deep, "%s/a//b/c/", folder);
    ck_assert_int_eq(file_make_directory(deep, &err), OMEGA_OK);
    ck_assert_int_eq(file_make_directory(deep, &err), OMEGA_OK); /* there already */
    ck_assert_int_eq(access(deep, W_OK), 0);
    for (int i = 0; i < 3; i++) {
        static const char *const parts[] = {"a/b/c", "a/b", "a"};
        snprintf(deep, sizeof deep, "%s/%s", folder, parts[i]);
        ck_assert_int_eq(rmdir(deep), 0);
    }
    write_file("a file");
    snprintf(deep, sizeof deep, "%s/below", path);
    ck_assert_int_eq(file_make_directory(deep, &err), OMEGA_EIO);
    ck_assert_str_eq(err.source, deep);
    ck_assert_str_eq(err.text, "cannot make this directory: Not a directory");
    omega_error_clear(&err);
    ck_assert_int_eq(file_make_directory("", &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "'' is no path, expected 1 to 4095 bytes");
    teardown();
}
END_TEST

START_TEST(open_outputs_are_removed_at_the_end_of_a_process)
{
    char other[320];
    struct file_out *a;
    struct file_out *b;
    setup();
    snprintf(other, sizeof other, "%s.other", path);
    write_file("kept");
    ck_assert_int_eq(file_out_open(path, &a, &err), OMEGA_OK);
    ck_assert_int_eq(file_out_open(other, &b, &err), OMEGA_OK);
    ck_assert_int_eq(files(), 3);
    file_out_unlink_all();
    ck_assert_int_eq(files(), 1);
    holds("kept");
    file_out_abort(a);
    file_out_abort(b);
    for (int i = 0; i < 200; i++) { /* far more than are listed at one time */
        ck_assert_int_eq(file_out_open(path, &a, &err), OMEGA_OK);
        file_out_abort(a);
    }
    ck_assert_int_eq(file_out_open(path, &a, &err), OMEGA_OK);
    file_out_unlink_all();
    ck_assert_int_eq(files(), 1);
    file_out_abort(a);
    ck_assert_int_eq(file_out_open(path, &a, &err), OMEGA_OK);
    file_out_forget_all();
    file_out_unlink_all();
    ck_assert_int_eq(files(), 2);
    file_out_abort(a);
    teardown();
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "dying process", open_outputs_are_removed_at_the_end_of_a_process);
    check_case(suite, "commit", test_commit);
    check_case(suite, "abort", test_abort);
    check_case(suite, "write error", test_write_error);
    check_case(suite, "passing write error", test_passing_write_error);
    check_case(suite, "open errors", test_open_errors);
    check_case(suite, "rename error", test_rename_error);
    check_case(suite, "read", test_read);
    check_case(suite, "make directory", test_make_directory);
}

CHECK_MAIN("file", add_cases)
