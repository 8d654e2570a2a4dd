/* SPDX-License-Identifier: MIT */
/* CSV: fields, quotes, line ends, headers, strict integers, and errors with their line. */
#include <string.h>

#include "core/workload/csv.h"
#include "tests/support/check_main.h"

static FILE *stream_of(const char *text)
{
    FILE *stream = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    ck_assert_ptr_nonnull(stream);
    return stream;
}

START_TEST(test_fields)
{
    FILE *stream = stream_of("a,,\"b,c\",\"d\"\"e\"\"\"\r\n\"\"\nlast");
    struct csv csv;
    csv_init(&csv, stream, "f.csv");
    ck_assert_int_eq(csv_next(&csv, NULL), 1);
    ck_assert_uint_eq(csv.count, 4);
    ck_assert_str_eq(csv.fields[0], "a");
    ck_assert_str_eq(csv.fields[1], "");
    ck_assert_str_eq(csv.fields[2], "b,c");
    ck_assert_str_eq(csv.fields[3], "d\"e\"");
    ck_assert_int_eq(csv_next(&csv, NULL), 1);
    ck_assert_uint_eq(csv.count, 1);
    ck_assert_str_eq(csv.fields[0], "");
    ck_assert_int_eq(csv_next(&csv, NULL), 1);
    ck_assert_str_eq(csv.fields[0], "last");
    ck_assert_int_eq(csv.line, 3);
    ck_assert_int_eq(csv_next(&csv, NULL), 0);
    csv_release(&csv);
    fclose(stream);
}
END_TEST

START_TEST(test_bad_lines)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"ok\n\"open\n", "field 1 has no closing quote, expected one on this line"},
        {"ok\na,b\"c\n", "a quote within field 2, expected the whole field in quotes"},
        {"ok\n\"a\"b\n", "text behind the closing quote of field 1, expected a comma"},
        {"ok\n,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\n", "more than 32 fields, expected fewer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FILE *stream = stream_of(cases[i].text);
        struct csv csv;
        omega_error_t err = {0};
        csv_init(&csv, stream, "f.csv");
        ck_assert_int_eq(csv_next(&csv, &err), 1);
        ck_assert_int_eq(csv_next(&csv, &err), OMEGA_EINVAL);
        ck_assert_msg(strstr(err.text, cases[i].error) != NULL, "%s", err.text);
        ck_assert_str_eq(err.source, "f.csv");
        ck_assert_int_eq(err.line, 2);
        csv_release(&csv);
        fclose(stream);
    }
}
END_TEST

START_TEST(test_nul_byte)
{
    char bytes[] = "ab\0c\n";
    FILE *stream = fmemopen(bytes, sizeof bytes - 1, "r");
    struct csv csv;
    omega_error_t err = {0};
    csv_init(&csv, stream, "f.csv");
    ck_assert_int_eq(csv_next(&csv, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "the line holds a NUL byte, expected text");
    csv_release(&csv);
    fclose(stream);
}
END_TEST

static const char *const columns[] = {"one", "two", "three"};

static int read_header(const char *text, int any_order, uint32_t *at, omega_error_t *err)
{
    FILE *stream = stream_of(text);
    struct csv csv;
    csv_init(&csv, stream, "f.csv");
    int rc = any_order ? csv_header_any_order(&csv, columns, 3, at, err)
                       : csv_header(&csv, columns, 2, 3, err);
    csv_release(&csv);
    fclose(stream);
    return rc;
}

START_TEST(test_header)
{
    omega_error_t err = {0};
    ck_assert_int_eq(read_header("one,two\n", 0, NULL, &err), OMEGA_OK);
    ck_assert_int_eq(read_header("one,two,three\n", 0, NULL, &err), OMEGA_OK);
    ck_assert_int_eq(read_header("two,one\n", 0, NULL, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "another header, expected the header 'one,two'");
    ck_assert_int_eq(err.line, 1);
    ck_assert_int_eq(read_header("one\n", 0, NULL, NULL), OMEGA_EINVAL);
}
END_TEST

START_TEST(test_header_any_order)
{
    uint32_t at[3];
    omega_error_t err = {0};
    ck_assert_int_eq(read_header("three,one,two\n", 1, at, &err), OMEGA_OK);
    ck_assert_uint_eq(at[0], 1);
    ck_assert_uint_eq(at[1], 2);
    ck_assert_uint_eq(at[2], 0);
    ck_assert_int_eq(read_header("three,one,four\n", 1, at, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "unknown column 'four', expected the header 'one,two,three'");
    omega_error_clear(&err);
    ck_assert_int_eq(read_header("three,one\n", 1, at, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "column 'two' is missing, expected the header 'one,two,three'");
    omega_error_clear(&err);
    ck_assert_int_eq(read_header("one,one,two,three\n", 1, at, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "second column 'one', expected the header 'one,two,three'");
}
END_TEST

START_TEST(test_integers)
{
    static const struct {
        const char *text;
        int64_t min;
        int64_t max;
        bool right;
        int64_t value;
    } cases[] = {
        {"0", 0, 9, true, 0},
        {"9", 0, 9, true, 9},
        {"10", 0, 9, false, 0},
        {"-5", -5, 9, true, -5},
        {"-6", -5, 9, false, 0},
        {"-0", 0, 9, false, 0},
        {"", 0, 9, false, 0},
        {"-", -5, 9, false, 0},
        {" 1", 0, 9, false, 0},
        {"1 ", 0, 9, false, 0},
        {"+1", 0, 9, false, 0},
        {"0x1", 0, 9, false, 0},
        {"1.0", 0, 9, false, 0},
        {"9223372036854775807", 0, INT64_MAX, true, INT64_MAX},
        {"9223372036854775808", 0, INT64_MAX, false, 0},
        {"99999999999999999999", 0, INT64_MAX, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t value = 0;
        bool right = csv_parse_integer(cases[i].text, strlen(cases[i].text), cases[i].min,
                                       cases[i].max, &value);
        ck_assert_msg(right == cases[i].right, "'%s'", cases[i].text);
        ck_assert(!right || value == cases[i].value);
    }
}
END_TEST

START_TEST(test_field_integer)
{
    FILE *stream = stream_of("one,two\n1x,\n3\n");
    struct csv csv;
    omega_error_t err = {0};
    int64_t value = 0;
    csv_init(&csv, stream, "f.csv");
    ck_assert_int_eq(csv_header(&csv, columns, 2, 3, &err), OMEGA_OK);
    ck_assert_int_eq(csv_next(&csv, &err), 1);
    ck_assert_int_eq(csv_integer(&csv, 0, 0, 7, &value, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "one '1x', expected an integer of 0 to 7");
    ck_assert_int_eq(err.line, 2);
    ck_assert_int_eq(csv_integer_or(&csv, 1, 0, 7, 42, &value, NULL), OMEGA_OK);
    ck_assert_int_eq(value, 42);
    omega_error_clear(&err);
    ck_assert_int_eq(csv_next(&csv, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "1 fields, expected 2");
    csv_release(&csv);
    fclose(stream);
}
END_TEST

START_TEST(test_write)
{
    char buffer[64] = "";
    FILE *out = fmemopen(buffer, sizeof buffer, "w");
    csv_write_text(out, "plain");
    putc('|', out);
    csv_write_text(out, "a,b");
    putc('|', out);
    csv_write_text(out, "say \"x\"");
    fclose(out);
    ck_assert_str_eq(buffer, "plain|\"a,b\"|\"say \"\"x\"\"\"");
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "fields", test_fields);
    check_case(suite, "bad lines", test_bad_lines);
    check_case(suite, "NUL byte", test_nul_byte);
    check_case(suite, "header", test_header);
    check_case(suite, "header in any order", test_header_any_order);
    check_case(suite, "integers", test_integers);
    check_case(suite, "integer of a field", test_field_integer);
    check_case(suite, "write", test_write);
}

CHECK_MAIN("csv", add_cases)
