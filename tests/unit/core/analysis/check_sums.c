/* SPDX-License-Identifier: MIT */
/* Unit tests of core/analysis/sums.c: what SHA256SUMS may say, and what it tells of files. */
#include "core/analysis/sums.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/check_main.h"
#include "tests/support/scratch.h"

/* Of "abc", by FIPS 180-4, and of no bytes. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static int parse(const char *text, struct sums **sums, omega_error_t *err)
{
    FILE *stream = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    ck_assert_ptr_nonnull(stream);
    int rc = sums_parse(stream, "d", sums, err);
    ck_assert_int_eq(rc == 0, *sums != NULL);
    fclose(stream);
    return rc;
}

static void expect_refused(const char *text, long line, const char *says)
{
    omega_error_t err = {0};
    struct sums *sums;
    ck_assert_int_eq(parse(text, &sums, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.source, "d/SHA256SUMS");
    ck_assert_int_eq(err.line, line);
    ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
}

START_TEST(lines_are_those_of_sha256sum)
{
    omega_error_t err = {0};
    struct sums *sums;
    ck_assert_int_eq(parse(ABC "  a.csv\n" EMPTY "  b c\n", &sums, &err), 0);
    ck_assert_uint_eq(sums->count, 2);
    ck_assert_str_eq(sums->entries[0].name, "a.csv");
    ck_assert_str_eq(sums->entries[0].sha256, ABC);
    ck_assert_str_eq(sums->entries[1].name, "b c");
    sums_close(sums);
    sums_close(NULL);
    expect_refused(ABC " a.csv\n", 1, "is no line of sha256sum, expected 64 hex digits");
    expect_refused(ABC "  \n", 1, "is no line of sha256sum");
    expect_refused(ABC "  a\nx" EMPTY "  b\n", 2, "is no line of sha256sum");
    expect_refused("G" EMPTY "  b\n", 1, "is no line of sha256sum");
    expect_refused(ABC "  ../a\n", 1, "is no line of sha256sum");
    expect_refused(ABC "  a\n\n", 2, "is no line of sha256sum");
    expect_refused(ABC "  a\n" ABC "  a\n", 2, "names 'a' a second time");
    expect_refused(ABC "  a", 1, "ends in the middle of a line");
    expect_refused(ABC "  0123456789012345678901234567890123456789012345678901234567890123\n", 1,
                   "is no line of sha256sum");
    expect_refused(ABC ABC "  a\n", 1, "longer than");
}
END_TEST

START_TEST(there_is_a_limit)
{
    char text[80 * (SUMS_FILES_MAX + 1)];
    size_t length = 0;
    for (uint32_t i = 0; i <= SUMS_FILES_MAX; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length, ABC "  f%u\n", i);
    }
    expect_refused(text, SUMS_FILES_MAX + 1, "names more than 64 files");
}
END_TEST

static void expect_check(const struct sums *sums, const char *name, long line, const char *says)
{
    omega_error_t err = {0};
    ck_assert_int_eq(sums_check(sums, name, &err), OMEGA_EINVAL);
    ck_assert_msg(strstr(err.source, name) != NULL, "%s", err.source);
    ck_assert_int_eq(err.line, line);
    ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
}

static void put(const char *folder, const char *name, const char *text)
{
    char path[SCRATCH_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    ck_assert_int_eq(fclose(out), 0);
}

START_TEST(files_are_what_they_were)
{
    char folder[SCRATCH_PATH_MAX];
    omega_error_t err = {0};
    struct sums *sums;
    scratch_path(folder);
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    ck_assert_int_eq(sums_open(folder, &sums, &err), 0);
    ck_assert_ptr_null(sums);
    put(folder, "SHA256SUMS", ABC "  same\n" ABC "  cut\n" EMPTY "  gone\n");
    put(folder, "same", "abc");
    put(folder, "cut", "a\nb\n");
    put(folder, "other", "");
    ck_assert_int_eq(sums_open(folder, &sums, &err), 0);
    ck_assert_int_eq(sums_check(sums, "same", &err), 0);
    ck_assert_int_eq(sums_check(sums, "neither", &err), 0);
    expect_check(sums, "cut", 2, "ends here, and was cut or changed: SHA-256 ");
    expect_check(sums, "cut", 2, "expected ba7816bf8f01cfea...");
    expect_check(sums, "gone", 0, "is missing, expected it");
    expect_check(sums, "other", 0, "is not of this run");
    sums_close(sums);
    scratch_remove(folder);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "lines", lines_are_those_of_sha256sum);
    check_case(suite, "limit", there_is_a_limit);
    check_case(suite, "files", files_are_what_they_were);
}

CHECK_MAIN("sums", add_cases)
