/* SPDX-License-Identifier: MIT */
/* Lines of result files: whole ones, empty ones, one that is too long or cut. */
#include "core/analysis/lines.h"

#include <stdint.h>
#include <string.h>

#include "tests/support/check_main.h"

static struct lines open_text(const char *text, size_t size, size_t max)
{
    FILE *stream = fmemopen((void *)(uintptr_t)text, size, "r");
    ck_assert_ptr_nonnull(stream);
    return (struct lines){.stream = stream, .file = "f", .of = "a line", .max = max};
}

static void expect(struct lines *lines, const char *text)
{
    ck_assert_int_eq(lines_next(lines, NULL), 1);
    ck_assert_uint_eq(lines->size, strlen(text));
    ck_assert_mem_eq(lines->line, text, strlen(text));
}

static void end(struct lines *lines)
{
    lines_release(lines);
    lines_release(lines);
    fclose(lines->stream);
}

START_TEST(test_lines)
{
    struct lines lines = open_text("one\n\neight-88\n", 14, 8);
    expect(&lines, "one");
    expect(&lines, "");
    expect(&lines, "eight-88");
    ck_assert_int_eq(lines.number, 3);
    ck_assert_int_eq(lines_next(&lines, NULL), 0);
    end(&lines);
}
END_TEST

/* What is too long is refused where the limit is, and not behind it: memory stays bounded. */
START_TEST(test_refused)
{
    static char endless[1 << 20];
    omega_error_t err = {0};
    memset(endless, 'x', sizeof endless);
    struct lines lines = open_text(endless, sizeof endless, 10000);
    ck_assert_int_eq(lines_next(&lines, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "longer than 10000 bytes, expected a line");
    ck_assert_int_eq(err.line, 1);
    ck_assert_uint_le(lines.room, 20000);
    end(&lines);
    omega_error_clear(&err);
    lines = open_text("a\nb", 3, 8);
    expect(&lines, "a");
    ck_assert_int_eq(lines_next(&lines, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "ends in the middle of a line, expected a whole one");
    ck_assert_int_eq(err.line, 2);
    end(&lines);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "lines", test_lines);
    check_case(suite, "refused", test_refused);
}

CHECK_MAIN("lines", add_cases)
