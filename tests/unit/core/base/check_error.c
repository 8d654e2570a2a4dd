/* SPDX-License-Identifier: MIT */
/* Errors: the first one wins, holders may be NULL, texts are cut and never run over. */
#include "core/base/error.h"

#include <errno.h>
#include <string.h>

#include "tests/support/check_main.h"

START_TEST(test_first_wins)
{
    omega_error_t err = {.code = OMEGA_OK};
    ck_assert_int_eq(omega_error_set(&err, OMEGA_EINVAL, "'%s' is %d", "x", 7), OMEGA_EINVAL);
    ck_assert_int_eq(omega_error_set(&err, OMEGA_ENOMEM, "second"), OMEGA_ENOMEM);
    ck_assert_int_eq(omega_error_set_at(&err, OMEGA_EIO, "file", 3, "third"), OMEGA_EIO);
    ck_assert_int_eq(err.code, OMEGA_EINVAL);
    ck_assert_int_eq(err.line, 0);
    ck_assert_str_eq(err.source, "");
    ck_assert_str_eq(err.text, "'x' is 7");
    omega_error_clear(&err);
    ck_assert_int_eq(err.code, OMEGA_OK);
    omega_error_set(&err, OMEGA_ENOMEM, "second");
    ck_assert_str_eq(err.text, "second");
}
END_TEST

START_TEST(test_null_holder)
{
    omega_error_clear(NULL);
    ck_assert_int_eq(omega_error_set(NULL, OMEGA_EINVAL, "x"), OMEGA_EINVAL);
    ck_assert_int_eq(omega_error_set_at(NULL, OMEGA_ECORRUPT, "f", 1, "x"), OMEGA_ECORRUPT);
    ck_assert_int_eq(omega_error_set_errno(NULL, "f", "open"), OMEGA_EIO);
}
END_TEST

START_TEST(test_format)
{
    char out[600];
    omega_error_t err = {.code = OMEGA_OK};
    omega_error_set_at(&err, OMEGA_EINVAL, "a.json", 12, "bad");
    omega_error_format(&err, out, sizeof out);
    ck_assert_str_eq(out, "a.json:12: bad");
    omega_error_clear(&err);
    omega_error_set_at(&err, OMEGA_EINVAL, "a.json", 0, "bad");
    omega_error_format(&err, out, sizeof out);
    ck_assert_str_eq(out, "a.json: bad");
    omega_error_clear(&err);
    omega_error_set(&err, OMEGA_EINVAL, "bad");
    omega_error_format(&err, out, sizeof out);
    ck_assert_str_eq(out, "bad");
    omega_error_format(&err, out, 3);
    ck_assert_str_eq(out, "ba");
}
END_TEST

START_TEST(test_errno)
{
    omega_error_t err = {.code = OMEGA_OK};
    errno = ENOSPC;
    ck_assert_int_eq(omega_error_set_errno(&err, "out", "cannot write"), OMEGA_EIO);
    ck_assert_str_eq(err.text, "cannot write: No space left on device");
    ck_assert_str_eq(err.source, "out");
}
END_TEST

START_TEST(test_long_texts_are_cut)
{
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    omega_error_t err = {.code = OMEGA_OK};
    omega_error_set_at(&err, OMEGA_EINVAL, text, 1, "%s", text);
    ck_assert_uint_eq(strlen(err.source), sizeof err.source - 1);
    ck_assert_uint_eq(strlen(err.text), sizeof err.text - 1);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "first wins", test_first_wins);
    check_case(suite, "null holder", test_null_holder);
    check_case(suite, "format", test_format);
    check_case(suite, "errno", test_errno);
    check_case(suite, "long texts are cut", test_long_texts_are_cut);
}

CHECK_MAIN("error", add_cases)
