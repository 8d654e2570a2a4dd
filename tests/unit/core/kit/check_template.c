/* SPDX-License-Identifier: MIT */
/* Tests of a new module's folder: names, contents, and nothing left where it fails. */
#include "core/kit/template.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "tests/support/check_main.h"
#include "tests/support/scratch.h"

START_TEST(names)
{
    static const char *const good[] = {"a", "mine", "x86_64", "int",
                                       "abcdefghijklmnopqrstuvwxyzabcdefghijklmn"};
    static const char *const bad[] = {"",
                                      "_a",
                                      "1a",
                                      "A",
                                      "aB",
                                      "a-b",
                                      "a.b",
                                      "a/b",
                                      "a b",
                                      "\xc3\xa4",
                                      "abcdefghijklmnopqrstuvwxyzabcdefghijklmno"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ck_assert_msg(template_check_name(good[i], NULL) == 0, "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        omega_error_t err = {0};
        ck_assert_msg(template_check_name(bad[i], &err) == OMEGA_EINVAL, "%s", bad[i]);
        ck_assert_ptr_nonnull(strstr(err.text, "is no name for a module, expected 1 to 40"));
    }
}
END_TEST

static char *read_file(const char *directory, const char *name)
{
    char path[PATH_MAX];
    char *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    ck_assert_int_eq(file_read_all(path, 1 << 20, &bytes, &size, NULL), 0);
    return bytes;
}

START_TEST(files_carry_the_name)
{
    char directory[SCRATCH_PATH_MAX];
    char script[SCRATCH_PATH_MAX + 10];
    char name[64];
    struct stat info;
    uint32_t count = 0;
    scratch_path(directory);
    ck_assert_int_eq(template_write("quick", directory, NULL), 0);
    for (; template_file(count, "quick", name) != NULL; count++) {
        char *text = read_file(directory, name);
        ck_assert_msg(strstr(text, "quick") != NULL, "%s", name);
        ck_assert_msg(strstr(text, "my_scheduler") == NULL, "%s", name);
        ck_assert_msg(strstr(text, "SPDX") == NULL, "%s", name);
        free(text);
    }
    ck_assert_uint_eq(count, 5);
    ck_assert_str_eq(template_file(0, "quick", name), "quick.c");
    snprintf(script, sizeof script, "%s/test.sh", directory);
    ck_assert_int_eq(stat(script, &info), 0);
    ck_assert_uint_ne(info.st_mode & S_IXUSR, 0);
}
END_TEST

START_TEST(what_is_there_stays)
{
    char directory[SCRATCH_PATH_MAX];
    omega_error_t err = {0};
    scratch_path(directory);
    ck_assert_int_eq(mkdir(directory, 0700), 0);
    ck_assert_int_eq(template_write("quick", directory, &err), OMEGA_EIO);
    ck_assert_ptr_nonnull(strstr(err.text, "File exists"));
    ck_assert_int_eq(scratch_entries(directory), 0);
    ck_assert_int_eq(template_write("Quick", "/nonexistent/x", NULL), OMEGA_EINVAL);
    ck_assert_int_eq(template_write("quick", "/nonexistent/x", NULL), OMEGA_EIO);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "names", names);
    check_case(suite, "files", files_carry_the_name);
    check_case(suite, "what is there", what_is_there_stays);
}

CHECK_MAIN("template", add_cases)
