/* SPDX-License-Identifier: MIT */
/* Results read back: configurations, seeds, rows, values; several files as one; refusals. */
#include "core/analysis/result_set.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/analysis/selection.h"
#include "tests/support/check_main.h"
#include "tests/support/scratch.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD_OF(name, sha)                                                                         \
    "{\"schema\":1,\"omega\":\"0.1.0\",\"experiment\":\"" name "\",\"experiment_sha256\":\"" sha   \
    "\",\"inputs\":[]}\n"
#define HEAD HEAD_OF("mine", SHA)
#define ROW(scope, variant, seed, name, rest)                                                      \
    "{\"scope\":\"" scope "\",\"variant\":\"" variant "\",\"seed\":" seed ",\"name\":\"" name      \
    "\"" rest "}\n"

static struct result_set *parse(const char *text, omega_error_t *err)
{
    struct result_set *set = NULL;
    FILE *stream = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    ck_assert_ptr_nonnull(stream);
    int rc = result_set_parse(stream, "r.jsonl", &set, err);
    ck_assert_int_eq(rc, err->code);
    ck_assert_int_eq(rc == 0, set != NULL);
    fclose(stream);
    return set;
}

static struct result_set *good(const char *text)
{
    omega_error_t err = {0};
    struct result_set *set = parse(text, &err);
    ck_assert_msg(set != NULL, "%ld: %s", err.line, err.text);
    return set;
}

static double number(const struct result_set *set, uint32_t configuration, uint32_t seed,
                     const char *key)
{
    const struct result_row *row =
        result_set_row(set, configuration, seed, RESULT_SCHEDULER, "batch");
    ck_assert_ptr_nonnull(row);
    return result_row_number(set, row, key);
}

START_TEST(test_rows)
{
    struct result_set *set = good(
        HEAD ROW("scheduler", "a", "2", "batch", ",\"busyness\":0.25,\"wait\":null,\"n\":7")
            ROW("workload", "a", "2", "batch", ",\"jobs\":5,\"censored\":true")
                ROW("cell", "a", "2", "cell", ",\"digest\":\"abc\",\"events\":9,\"days\":[1,2]")
                    ROW("scheduler", "a", "1", "batch", ",\"busyness\":0.5,\"counters\":{\"x\":3}")
                        ROW("scheduler", "b", "1", "batch", ",\"later\":1e300"));
    ck_assert_uint_eq(result_set_configuration_count(set), 2);
    ck_assert_str_eq(result_set_configuration(set, 0)->variant, "a");
    ck_assert_uint_eq(result_set_configuration(set, 0)->seed_count, 2);
    ck_assert_uint_eq(result_set_configuration(set, 0)->seeds[0], 1);
    ck_assert_uint_eq(result_set_configuration(set, 0)->seeds[1], 2);
    ck_assert_uint_eq(result_set_configuration(set, 1)->seed_count, 1);
    ck_assert_ptr_null(result_set_configuration(set, 2));
    ck_assert_double_eq(number(set, 0, 0, "busyness"), 0.5);
    ck_assert_double_eq(number(set, 0, 0, "counters.x"), 3);
    ck_assert_double_eq(number(set, 0, 1, "busyness"), 0.25);
    ck_assert_double_eq(number(set, 0, 1, "n"), 7);
    ck_assert(isnan(number(set, 0, 1, "wait")));
    ck_assert(isnan(number(set, 0, 1, "counters.x")));
    ck_assert(isnan(number(set, 0, 1, "unknown")));
    ck_assert_double_eq(number(set, 1, 0, "later"), 1e300);
    ck_assert(isnan(number(set, 1, 0, "busyness")));
    const struct result_row *cell = result_set_row(set, 0, 1, RESULT_CELL, "cell");
    ck_assert_str_eq(result_row_text(set, cell, "digest"), "abc");
    ck_assert_ptr_null(result_row_text(set, cell, "events"));
    ck_assert(isnan(result_row_number(set, cell, "days")));
    const struct result_row *workload = result_set_run_row(set, 0, 1, 1);
    ck_assert_int_eq((int)result_row_scope(workload), RESULT_WORKLOAD);
    ck_assert_str_eq(result_row_name(set, workload), "batch");
    ck_assert_double_eq(result_row_number(set, workload, "censored"), 1);
    ck_assert_ptr_null(result_set_run_row(set, 0, 1, 3));
    ck_assert_ptr_null(result_set_row(set, 0, 2, RESULT_SCHEDULER, "batch"));
    ck_assert_ptr_null(result_set_row(set, 0, 1, RESULT_SCHEDULER, "nobody"));
    ck_assert_str_eq(result_set_key(set, RESULT_SCHEDULER, 0), "busyness");
    ck_assert_str_eq(result_set_name(set, RESULT_WORKLOAD, 0), "batch");
    ck_assert_ptr_null(result_set_name(set, RESULT_WORKLOAD, 1));
    result_set_close(set);
    result_set_close(NULL);
}
END_TEST

START_TEST(test_parameters)
{
    char name[64];
    struct result_set *set =
        good(HEAD ROW("cell", "v", "1", "cell", ",\"parameters\":{\"z\":2,\"a\":\"x\"}")
                 ROW("cell", "v", "2", "cell", ",\"parameters\":{\"a\":\"x\",\"z\":2}")
                     ROW("cell", "v", "1", "cell", ",\"parameters\":{\"z\":3,\"a\":\"x\"}"));
    const struct result_configuration *first = result_set_configuration(set, 0);
    ck_assert_uint_eq(result_set_configuration_count(set), 2);
    ck_assert_uint_eq(first->seed_count, 2);
    ck_assert_str_eq(first->parameters, "{\"a\":\"x\",\"z\":2}");
    ck_assert_uint_eq(first->parameter_count, 2);
    ck_assert_str_eq(first->parameter_list[0].path, "z");
    ck_assert_str_eq(first->parameter_list[0].value, "2");
    ck_assert_str_eq(first->parameter_list[1].value, "\"x\"");
    result_configuration_name(first, name, sizeof name);
    ck_assert_str_eq(name, "v z=2 a=\"x\"");
    result_configuration_name(first, name, 6);
    ck_assert_str_eq(name, "v z=2");
    result_set_close(set);
}
END_TEST

static void refuse(const char *text, int code, long line, const char *message)
{
    omega_error_t err = {0};
    ck_assert_ptr_null(parse(text, &err));
    ck_assert_int_eq(err.code, code);
    ck_assert_int_eq(err.line, line);
    ck_assert_msg(strstr(err.text, message) != NULL, "'%s', expected '%s'", err.text, message);
}

START_TEST(test_refused)
{
    refuse("\n", OMEGA_EINVAL, 1, "not valid JSON");
    refuse("[]\n", OMEGA_EINVAL, 1, "no JSON object");
    refuse("{}\n", OMEGA_EINVAL, 1, "no number 'schema'");
    refuse("{\"schema\":2}\n", OMEGA_EVERSION, 1, "schema 2, expected 1");
    refuse("{\"schema\":1}\n", OMEGA_EINVAL, 1, "no text 'omega'");
    refuse(HEAD_OF("mine", "12"), OMEGA_EINVAL, 1, "expected 64 hex digits");
    refuse(HEAD "{\"scope\":1}", OMEGA_EINVAL, 2, "ends in the middle of a line");
    refuse(HEAD "{\"a\":1,\"a\":1}\n", OMEGA_EINVAL, 2, "not valid JSON: duplicate");
    refuse(HEAD "{\"scope\":\"cell\"}\n", OMEGA_EINVAL, 2, "name: expected a name");
    refuse(HEAD ROW("cell", "", "1", "", ""), OMEGA_EINVAL, 2, "name: expected a name");
    refuse(HEAD ROW("cell", "\\u0007", "1", "cell", ""), OMEGA_EINVAL, 2, "variant: expected");
    refuse(HEAD ROW("job", "", "1", "x", ""), OMEGA_EINVAL, 2, "scope: expected scheduler");
    refuse(HEAD ROW("cell", "", "-1", "cell", ""), OMEGA_EINVAL, 2, "seed: expected");
    refuse(HEAD ROW("cell", "", "1.5", "cell", ""), OMEGA_EINVAL, 2, "seed: expected");
    refuse(HEAD ROW("cell", "", "1", "cell", ",\"parameters\":[]"), OMEGA_EINVAL, 2,
           "parameters: expected an object");
    refuse(HEAD ROW("cell", "v", "1", "cell", "") ROW("workload", "v", "1", "cell", "")
               ROW("cell", "v", "1", "cell", ""),
           OMEGA_EINVAL, 4, "a second row of cell 'cell', configuration v, seed 1");
}
END_TEST

/* ---- several directories ---- */

static char *make_directory(const char *top, const char *name, const char *text)
{
    char *path = NULL;
    char *file = NULL;
    ck_assert_int_gt(asprintf(&path, "%s/%s", top, name), 0);
    ck_assert_int_gt(asprintf(&file, "%s/results.jsonl", path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    FILE *out = fopen(file, "w");
    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    fclose(out);
    free(file);
    return path;
}

static int open_all(const char *first, const char *second, struct result_set **set,
                    omega_error_t *err)
{
    const char *const directories[] = {first, second};
    return result_set_open(directories, 2, set, err);
}

START_TEST(test_directories)
{
    static const char other[] = "f123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    char top[SCRATCH_PATH_MAX];
    scratch_path(top);
    ck_assert_int_eq(mkdir(top, 0700), 0);
    char *a = make_directory(top, "a", HEAD ROW("cell", "v", "2", "cell", ",\"events\":2"));
    char *b = make_directory(top, "b", HEAD ROW("cell", "v", "1", "cell", ",\"events\":1"));
    char *c = make_directory(top, "c", HEAD_OF("else", SHA));
    char text[1024];
    snprintf(text, sizeof text, "%s", HEAD ROW("cell", "v", "3", "cell", ""));
    memcpy(strstr(text, SHA), other, 64);
    char *d = make_directory(top, "d", text);
    struct result_set *set = NULL;
    omega_error_t err = {0};
    ck_assert_int_eq(open_all(a, b, &set, &err), 0);
    ck_assert_uint_eq(result_set_configuration(set, 0)->seed_count, 2);
    ck_assert_double_eq(
        result_row_number(set, result_set_row(set, 0, 0, RESULT_CELL, "cell"), "events"), 1);
    ck_assert(!result_set_mixed(set));
    ck_assert_str_eq(result_set_source(set, 1)->directory, b);
    ck_assert_ptr_null(result_set_source(set, 2));
    result_set_close(set);
    ck_assert_int_eq(open_all(a, d, &set, &err), 0);
    ck_assert(result_set_mixed(set));
    result_set_close(set);
    ck_assert_int_eq(open_all(a, a, &set, &err), OMEGA_EINVAL);
    ck_assert_ptr_null(set);
    ck_assert_ptr_nonnull(strstr(err.text, "a second row of cell 'cell'"));
    omega_error_clear(&err);
    ck_assert_int_eq(open_all(a, c, &set, &err), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.text, "of experiment 'else', expected 'mine'"));
    ck_assert_int_eq(open_all(a, top, &set, NULL), OMEGA_EIO);
    free(a);
    free(b);
    free(c);
    free(d);
}
END_TEST

/* What is kept keeps its order and its runs; what is dropped is known, and no longer counted. */
START_TEST(test_keep)
{
    static const bool keep[] = {false, true, false, true};
    struct result_set *set =
        good(HEAD ROW("scheduler", "a", "1", "batch", ",\"busyness\":0.1")
                 ROW("scheduler", "b", "1", "batch", ",\"busyness\":0.2")
                     ROW("scheduler", "c", "1", "batch", ",\"busyness\":0.3")
                         ROW("scheduler", "d", "2", "batch", ",\"busyness\":0.4"));
    ck_assert_ptr_null(result_set_dropped(set, 0));
    result_set_keep(set, keep);
    ck_assert_uint_eq(result_set_configuration_count(set), 2);
    ck_assert_str_eq(result_set_configuration(set, 0)->variant, "b");
    ck_assert_str_eq(result_set_configuration(set, 1)->variant, "d");
    ck_assert_uint_eq(result_set_configuration(set, 1)->seeds[0], 2);
    ck_assert_ptr_null(result_set_configuration(set, 2));
    ck_assert_double_eq(number(set, 0, 0, "busyness"), 0.2);
    ck_assert_double_eq(number(set, 1, 0, "busyness"), 0.4);
    const char *first = result_set_dropped(set, 0)->variant;
    const char *second = result_set_dropped(set, 1)->variant;
    ck_assert(strcmp(first, second) != 0 && strpbrk(first, "ac") && strpbrk(second, "ac"));
    ck_assert_ptr_null(result_set_dropped(set, 2));
    result_set_close(set);
}
END_TEST

/* Texts fit as behind a directory: each has to fit something, and may fit several. */
START_TEST(test_selection)
{
    static const char *const both[] = {"n=2", "a,n=1"};
    static const char *const none[] = {"a", "b,n=2"};
    omega_error_t err = {0};
    struct result_set *set =
        good(HEAD ROW("scheduler", "a", "1", "s", ",\"parameters\":{\"n\":1}")
                 ROW("scheduler", "a", "1", "s", ",\"parameters\":{\"n\":2}")
                     ROW("scheduler", "b", "1", "s", ",\"parameters\":{\"n\":1}"));
    ck_assert_int_eq(selection_keep(set, NULL, 0, &err), 0);
    ck_assert_uint_eq(result_set_configuration_count(set), 3);
    ck_assert_int_eq(selection_keep(set, none, 2, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "'b,n=2' fits no configuration, expected VARIANT[,PATH=VALUE] of "
                               "one of 'a,n=1', 'a,n=2', 'b,n=1'");
    ck_assert_uint_eq(result_set_configuration_count(set), 3);
    ck_assert_int_eq(selection_keep(set, both, 2, NULL), 0);
    ck_assert_uint_eq(result_set_configuration_count(set), 2);
    ck_assert_str_eq(result_set_configuration(set, 1)->parameters, "{\"n\":2}");
    result_set_close(set);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "keep", test_keep);
    check_case(suite, "selection", test_selection);
    check_case(suite, "rows", test_rows);
    check_case(suite, "parameters", test_parameters);
    check_case(suite, "refused", test_refused);
    check_case(suite, "directories", test_directories);
}

CHECK_MAIN("result_set", add_cases)
