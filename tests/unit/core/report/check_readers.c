/* SPDX-License-Identifier: MIT */
/* Unit tests of core/report/columns.c and core/report/histograms.c: what is read, what is not. */
#include <math.h>
#include <string.h>

#include "core/report/columns.h"
#include "core/report/histograms.h"
#include "tests/support/check_main.h"

static const char results[] =
    "{\"schema\":1,\"omega\":\"0\",\"experiment\":\"e\",\"experiment_sha256\":\""
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\",\"inputs\":[]}\n"
    "{\"scope\":\"scheduler\",\"variant\":\"a\",\"seed\":1,\"parameters\":{\"n\":1,\"k\":\"x\"},"
    "\"name\":\"s\",\"busyness\":0.5}\n"
    "{\"scope\":\"scheduler\",\"variant\":\"a\",\"seed\":2,\"parameters\":{\"n\":1,\"k\":\"x\"},"
    "\"name\":\"s\",\"busyness\":0.7}\n"
    "{\"scope\":\"scheduler\",\"variant\":\"a\",\"seed\":1,\"parameters\":{\"n\":2,\"k\":\"x\"},"
    "\"name\":\"s\",\"busyness\":0.9}\n";

static FILE *stream_of(const char *text)
{
    FILE *stream = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    ck_assert_ptr_nonnull(stream);
    return stream;
}

static struct result_set *set_of(const char *text)
{
    struct result_set *set;
    omega_error_t err = {0};
    FILE *stream = stream_of(text);
    ck_assert_msg(result_set_parse(stream, "r", &set, &err) == 0, "%s", err.text);
    fclose(stream);
    return set;
}

/* ---- columns ---- */

static const char *const names[] = {"start_s", "value", NULL};

/* Reads a table to its end; the code of its error, with its text in *err. */
static int read_table(const char *text, uint32_t *rows, double *last, omega_error_t *err)
{
    struct result_set *set = set_of(results);
    struct columns columns;
    FILE *stream = stream_of(text);
    *rows = 0;
    int rc = columns_init(&columns, set, stream, "t.csv", names, err);
    while (rc == 0 && (rc = columns_next(&columns, err)) == 1) {
        rc = columns_number(&columns, 1, last, err);
        *rows += rc == 0;
    }
    columns_fini(&columns);
    fclose(stream);
    result_set_close(set);
    return rc;
}

START_TEST(rows_belong_to_points)
{
    struct result_set *set = set_of(results);
    struct columns columns;
    double value;
    /* parameters in another order, a column that nobody asks for, a number written otherwise */
    FILE *stream = stream_of("variant,seed,k,n,start_s,new,value\n"
                             "a,2,x,1,0,?,2.5\na,1,x,2.0,0,?,\n");
    ck_assert_int_eq(columns_init(&columns, set, stream, "t.csv", names, NULL), 0);
    ck_assert_int_eq(columns_next(&columns, NULL), 1);
    ck_assert_uint_eq(columns.configuration, 0);
    ck_assert_uint_eq(columns.seed, 1);
    ck_assert_int_eq(columns_number(&columns, 1, &value, NULL), 0);
    ck_assert(value == 2.5);
    ck_assert_int_eq(columns_next(&columns, NULL), 1);
    ck_assert_uint_eq(columns.configuration, 1);
    ck_assert_uint_eq(columns.seed, 0);
    ck_assert_int_eq(columns_number(&columns, 1, &value, NULL), 0);
    ck_assert(isnan(value));
    ck_assert_int_eq(columns_next(&columns, NULL), 0);
    columns_fini(&columns);
    fclose(stream);
    result_set_close(set);
}
END_TEST

static const struct {
    const char *text;
    long line;
    const char *message;
} bad_tables[] = {
    {"seed,variant,n,k,start_s,value\n", 1, "does not begin with variant,seed"},
    {"variant,seed,n,k,start_s\n", 1, "there is no column 'value', expected one"},
    {"start_s,value\n", 1, "does not begin with variant,seed"},
    {"variant,seed,n,k,start_s,value\na,3,1,x,0,1\n", 2, "with seed 3 and these parameters is not"},
    {"variant,seed,n,k,start_s,value\nb,1,1,x,0,1\n", 2, "variant 'b' with seed 1"},
    {"variant,seed,n,k,start_s,value\na,1,3,x,0,1\n", 2, "is not in results.jsonl"},
    {"variant,seed,n,start_s,value\na,1,1,0,1\n", 2, "is not in results.jsonl"},
    {"variant,seed,n,k,start_s,value\na,1,1,x,0,0x10\n", 2, "value: is '0x10', expected a number"},
    {"variant,seed,n,k,start_s,value\na,1,1,x,0,1e999\n", 2, "expected a number"},
    {"variant,seed,n,k,start_s,value\na,-1,1,x,0,1\n", 2, "seed"},
};

START_TEST(bad_tables_are_refused)
{
    omega_error_t err = {0};
    uint32_t rows;
    double last;
    ck_assert_int_eq(read_table(bad_tables[_i].text, &rows, &last, &err), OMEGA_EINVAL);
    ck_assert_msg(strstr(err.text, bad_tables[_i].message) != NULL, "%s", err.text);
    ck_assert_str_eq(err.source, "t.csv");
    ck_assert_int_eq(err.line, bad_tables[_i].line);
}
END_TEST

/* ---- histograms ---- */

#define LINE(seed, rest)                                                                           \
    "{\"variant\":\"a\",\"seed\":" seed ",\"parameters\":{\"k\":\"x\",\"n\":1},"                   \
    "\"scheduler\":\"s\",\"histogram\":\"wait_first\",\"unit\":\"us\"," rest "}\n"

static int read_histograms(const char *text, struct histograms **histograms,
                           struct result_set **set, omega_error_t *err)
{
    FILE *stream = stream_of(text);
    *set = set_of(results);
    int rc = histograms_parse(*set, "wait_first", stream, "h.jsonl", histograms, err);
    fclose(stream);
    return rc;
}

START_TEST(seeds_are_pooled)
{
    struct result_set *set;
    struct histograms *histograms;
    ck_assert_int_eq(
        read_histograms(LINE("2", "\"count\":4,\"censored\":1,\"buckets\":[[5,5,1],[8,10,2]]")
                            LINE("1", "\"count\":3,\"censored\":1,\"buckets\":[[0,0,1],[9,9,1]]"),
                        &histograms, &set, NULL),
        0);
    const struct distribution *pooled = histograms_get(histograms, 0, 0);
    ck_assert_ptr_nonnull(pooled);
    ck_assert_uint_eq(pooled->count, 7);
    ck_assert_uint_eq(pooled->censored, 2);
    ck_assert_uint_eq(pooled->size, 3); /* 0, 5, and 9 of both: the middle of 8 to 10 is 9 */
    ck_assert(pooled->buckets[0].value == 0 && pooled->buckets[0].count == 1);
    ck_assert(pooled->buckets[1].value == 5 && pooled->buckets[1].count == 1);
    ck_assert(pooled->buckets[2].value == 9 && pooled->buckets[2].count == 3);
    ck_assert_ptr_null(histograms_get(histograms, 1, 0));
    histograms_close(histograms);
    histograms_close(NULL);
    result_set_close(set);
}
END_TEST

static const struct {
    const char *text;
    const char *message;
} bad_histograms[] = {
    {"[]\n", "no JSON object"},
    {"{}", "ends in the middle of a line"},
    {"{}\n", "expected variant, seed, scheduler and histogram"},
    {LINE("3", "\"count\":0,\"censored\":0,\"buckets\":[]"), "is not in results.jsonl"},
    {LINE("1", "\"count\":2,\"censored\":0,\"buckets\":[[1,1,1]]"), "do not add up"},
    {LINE("1", "\"count\":1,\"censored\":2,\"buckets\":[]"), "expected count, censored"},
    {LINE("1", "\"count\":2,\"censored\":0,\"buckets\":[[3,3,1],[2,2,1]]"), "by rising value"},
    {LINE("1", "\"count\":1,\"censored\":0,\"buckets\":[[1,1]]"), "[low, high, count]"},
    {LINE("1", "\"count\":0,\"censored\":0,\"buckets\":[]")
         LINE("1", "\"count\":0,\"censored\":0,\"buckets\":[]"),
     "comes twice"},
};

START_TEST(bad_histograms_are_refused)
{
    struct result_set *set;
    struct histograms *histograms;
    omega_error_t err = {0};
    ck_assert_int_eq(read_histograms(bad_histograms[_i].text, &histograms, &set, &err),
                     OMEGA_EINVAL);
    ck_assert_ptr_null(histograms);
    ck_assert_msg(strstr(err.text, bad_histograms[_i].message) != NULL, "%s", err.text);
    result_set_close(set);
}
END_TEST

/* Rows and lines of what was dropped from the set are passed over; of another seed they are not. */
START_TEST(dropped_points_are_passed_over)
{
    static const bool keep[] = {true, false};
    static const char table[] = "variant,seed,k,n,start_s,value\na,1,x,2,0,9\na,1,x,1,0,7\n"
                                "a,1,x,2,1,9\na,3,x,2,0,9\n";
    struct result_set *set = set_of(results);
    struct columns columns;
    double value;
    omega_error_t err = {0};
    result_set_keep(set, keep);
    FILE *stream = stream_of(table);
    ck_assert_int_eq(columns_init(&columns, set, stream, "t.csv", names, &err), 0);
    ck_assert_int_eq(columns_next(&columns, &err), 1);
    ck_assert_int_eq(columns_number(&columns, 1, &value, &err), 0);
    ck_assert_double_eq(value, 7);
    ck_assert_int_eq(columns_next(&columns, &err), OMEGA_EINVAL);
    ck_assert_int_eq(err.line, 5);
    columns_fini(&columns);
    fclose(stream);
    result_set_close(set);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "dropped", dropped_points_are_passed_over);
    check_case(suite, "rows belong to points", rows_belong_to_points);
    TCase *tables = tcase_create("bad tables are refused");
    tcase_add_loop_test(tables, bad_tables_are_refused, 0,
                        sizeof bad_tables / sizeof bad_tables[0]);
    suite_add_tcase(suite, tables);
    check_case(suite, "seeds are pooled", seeds_are_pooled);
    TCase *histograms = tcase_create("bad histograms are refused");
    tcase_add_loop_test(histograms, bad_histograms_are_refused, 0,
                        sizeof bad_histograms / sizeof bad_histograms[0]);
    suite_add_tcase(suite, histograms);
}

CHECK_MAIN("report readers", add_cases)
