/* SPDX-License-Identifier: MIT */
/* Rows as JSON and CSV, tables for people. */
#include "core/experiment/row.h"

#include <stdlib.h>
#include <string.h>

#include "core/experiment/table.h"
#include "tests/support/check_main.h"

static char *written;
static size_t written_size;

static FILE *capture(void)
{
    FILE *out = open_memstream(&written, &written_size);
    ck_assert_ptr_nonnull(out);
    return out;
}

static void assert_written(FILE *out, const char *expected)
{
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_str_eq(written, expected);
    free(written);
}

static void fill(struct row *row)
{
    row->size = 0;
    row_text(row, "name", "a \"b\", c\\d\n\x01");
    row_whole(row, "whole", INT64_MIN);
    row_count(row, "count", UINT64_MAX);
    row_real(row, "third", 1.0 / 3);
    row_real(row, "none", __builtin_nan(""));
    row_real(row, "endless", __builtin_inf());
    row_real(row, "minus zero", -0.0);
    row_bool(row, "yes", true);
    row_json(row, "list", "[1,2]");
    row_seconds(row, "wait_s", 1500000);
}

START_TEST(test_json)
{
    struct row row;
    fill(&row);
    FILE *out = capture();
    row_write_json(&row, out);
    assert_written(out, "{\"name\":\"a \\\"b\\\", c\\\\d\\u000a\\u0001\","
                        "\"whole\":-9223372036854775808,\"count\":18446744073709551615,"
                        "\"third\":0.333333333333,\"none\":null,\"endless\":null,\"minus zero\":0,"
                        "\"yes\":true,\"list\":[1,2],\"wait_s\":1.5}");
}
END_TEST

START_TEST(test_csv)
{
    static const char *const columns[] = {"wait_s", "absent", "name", "none", "list", "yes", NULL};
    struct row row;
    fill(&row);
    FILE *out = capture();
    row_write_csv(&row, columns, out);
    assert_written(out, "1.5,,\"a \"\"b\"\", c\\d\n\x01\",,\"[1,2]\",true\n");
}
END_TEST

START_TEST(test_table)
{
    static const char *const headings[] = {"name", "n", "figure", NULL};
    struct table *table = table_create(headings, 1);
    ck_assert_ptr_nonnull(table);
    table_cell(table, "%s", "longer name");
    table_cell(table, "%d", 7);
    table_figure(table, 0.012345);
    table_cell(table, "b");
    table_cell(table, "%d", 12345);
    table_figure_as(table, "> ", 123456, " %");
    FILE *out = capture();
    table_write(table, out);
    assert_written(out, "name             n      figure\n"
                        "longer name      7      0.0123\n"
                        "b            12345  > 123456 %\n");
    table_destroy(table);
    table_destroy(NULL);
}
END_TEST

START_TEST(test_figures)
{
    static const struct {
        double value;
        const char *text;
    } figures[] = {{0, "0"},     {0.000001, "0.000001"}, {0.5, "0.500"},
                   {1, "1.00"},  {-4.567, "-4.57"},      {45.67, "45.7"},
                   {100, "100"}, {1e7, "10000000"},      {__builtin_nan(""), "-"}};
    static const char *const headings[] = {"x", NULL};
    struct table *table = table_create(headings, 1);
    char expected[256] = "x\n";
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        table_figure(table, figures[i].value);
        strncat(expected, figures[i].text, sizeof expected - strlen(expected) - 1);
        strncat(expected, "\n", sizeof expected - strlen(expected) - 1);
    }
    FILE *out = capture();
    table_write(table, out);
    assert_written(out, expected);
    table_destroy(table);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "json", test_json);
    check_case(suite, "csv", test_csv);
    check_case(suite, "table", test_table);
    check_case(suite, "figures", test_figures);
}

CHECK_MAIN("row", add_cases)
