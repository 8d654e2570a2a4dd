/* SPDX-License-Identifier: MIT */
/* Metrics and selections: what a text names, and which values are lower bounds. */
#include "core/analysis/metric.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "core/analysis/seeds.h"
#include "core/analysis/selection.h"
#include "tests/support/check_main.h"
#include "tests/support/results_text.h"
#include "tests/support/scratch.h"

#define ROW(scope, variant, seed, name, rest)                                                      \
    "{\"scope\":\"" scope "\",\"variant\":\"" variant "\",\"seed\":" seed ",\"name\":\"" name      \
    "\"" rest "}\n"

static void expect(const struct result_set *set, const char *text, const char *form)
{
    struct metric metric;
    char out[METRIC_BYTES];
    omega_error_t err = {0};
    ck_assert_msg(metric_find(set, text, &metric, &err) == 0, "%s", err.text);
    metric_text(&metric, out, sizeof out);
    ck_assert_str_eq(out, form);
}

static void refuse(const struct result_set *set, const char *text, const char *message)
{
    struct metric metric;
    omega_error_t err = {0};
    ck_assert_int_eq(metric_find(set, text, &metric, &err), OMEGA_EINVAL);
    ck_assert_msg(strstr(err.text, message) != NULL, "'%s'", err.text);
}

START_TEST(test_names)
{
    struct result_set *set = results_text(
        ROW("scheduler", "", "1", "a", ",\"both\":1,\"mine\":2,\"counters\":{\"x.y\":3}")
            ROW("workload", "", "1", "a", ",\"both\":4")
                ROW("workload", "", "1", "a.b", ",\"both\":5")
                    ROW("cell", "", "1", "cell", ",\"use\":6"));
    expect(set, "a.both", "workload:a.both");
    expect(set, "workload:a.both", "workload:a.both");
    expect(set, "scheduler:a.both", "scheduler:a.both");
    expect(set, "a.mine", "scheduler:a.mine");
    expect(set, "a.b.both", "workload:a.b.both");
    expect(set, "a.counters.x.y", "scheduler:a.counters.x.y");
    expect(set, "cell.use", "cell.use");
    refuse(set, "a.use", "no such key");
    refuse(set, "workload:a.mine", "no such key");
    refuse(set, "b.both", "a NAME of scheduler:a, workload:a, workload:a.b, cell:cell");
    refuse(set, "both", "expected [SCOPE:]NAME.KEY");
    refuse(set, "", "expected [SCOPE:]NAME.KEY");
    result_set_close(set);
}
END_TEST

#define WAITS(mean, never, p90, flag)                                                              \
    ",\"jobs_submitted\":1000,\"wait_first_mean_s\":" mean ",\"wait_first_mean_censored\":true,"   \
    "\"wait_first_never\":" never ",\"wait_first_p90_s\":" p90                                     \
    ",\"wait_first_p90_censored\":" flag

/* One job of 1,000 that had not begun is let through in a mean, two are not, none in a quantile. */
START_TEST(test_bounds)
{
    struct result_set *set =
        results_text(ROW("workload", "", "1", "w", WAITS("1", "1", "7", "false"))
                         ROW("workload", "", "2", "w", WAITS("3", "2", "9", "true"))
                             ROW("workload", "", "3", "w", ",\"jobs_submitted\":0"));
    struct metric metric;
    struct metric_values values;
    struct seeds_summary summary;
    ck_assert_int_eq(metric_find(set, "w.wait_first_mean_s", &metric, NULL), 0);
    ck_assert_int_eq(metric_values_read(set, 0, &metric, 0.001, &values, NULL), 0);
    ck_assert_uint_eq(values.count, 3);
    ck_assert_uint_eq(values.known, 2);
    ck_assert_uint_eq(values.bounds, 1);
    ck_assert_uint_eq(values.tolerated, 1);
    ck_assert(!values.censored[0] && values.censored[1]);
    ck_assert(isnan(values.values[2]));
    metric_values_free(&values);
    ck_assert_ptr_null(values.values);
    metric_values_free(&values);
    ck_assert_int_eq(seeds_summarise(set, 0, &metric, 0.95, 0.001, &summary, NULL), 0);
    ck_assert_uint_eq(summary.mean.n, 2);
    ck_assert_uint_eq(summary.missing, 1);
    ck_assert_double_eq(summary.mean.estimate, 2);
    ck_assert_double_eq_tol(summary.mean.half, 12.7062 * sqrt(2) / sqrt(2), 1e-4);
    ck_assert_double_eq(summary.min, 1);
    ck_assert_double_eq(summary.max, 3);
    ck_assert_int_eq(metric_find(set, "w.wait_first_p90_s", &metric, NULL), 0);
    ck_assert_int_eq(metric_values_read(set, 0, &metric, 0.5, &values, NULL), 0);
    ck_assert(!values.censored[0] && values.censored[1]);
    metric_values_free(&values);
    result_set_close(set);
}
END_TEST

START_TEST(test_lists)
{
    struct metric metrics[8];
    struct result_set *set =
        results_text(ROW("scheduler", "", "1", "s", ",\"busyness\":1,\"other\":2")
                         ROW("workload", "", "1", "w", ",\"jobs_scheduled\":4"));
    ck_assert_uint_eq(metric_defaults(set, metrics, 8), 2);
    ck_assert_str_eq(metrics[0].key, "jobs_scheduled");
    ck_assert_str_eq(metrics[1].key, "busyness");
    ck_assert_uint_eq(metric_defaults(set, metrics, 1), 1);
    ck_assert_uint_eq(metric_all(set, metrics, 8), 3);
    ck_assert_uint_eq(metric_all(set, metrics, 2), 2);
    result_set_close(set);
}
END_TEST

/* A directory, its variants and parameters; a colon in its name is part of it. */
START_TEST(test_selections)
{
    char top[SCRATCH_PATH_MAX];
    char text[2 * SCRATCH_PATH_MAX];
    struct selection selection = {0};
    omega_error_t err = {0};
    scratch_path(top);
    snprintf(text, sizeof text, "%s:1", top);
    ck_assert_int_eq(mkdir(text, 0700), 0);
    snprintf(text, sizeof text, "%s:1/results.jsonl", top);
    FILE *out = fopen(text, "w");
    ck_assert_ptr_nonnull(out);
    fputs("{\"schema\":1,\"omega\":\"0\",\"experiment\":\"e\",\"experiment_sha256\":\""
          "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}\n" ROW(
              "cell", "v", "1", "cell", ",\"parameters\":{\"p\":1}")
              ROW("cell", "v", "1", "cell", ",\"parameters\":{\"p\":2}"),
          out);
    fclose(out);
    snprintf(text, sizeof text, "%s:1:v,p=2", top);
    ck_assert_int_eq(selection_open(text, &selection, &err), 0);
    ck_assert_uint_eq(selection.configuration, 1);
    ck_assert_str_eq(selection.label, "v p=2");
    selection_close(&selection);
    selection_close(&selection);
    snprintf(text, sizeof text, "%s:1:v", top);
    ck_assert_int_eq(selection_open(text, &selection, &err), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.text, "fits several configurations"));
    ck_assert_ptr_nonnull(strstr(err.text, "with one of 'v,p=1', 'v,p=2'"));
    omega_error_clear(&err);
    snprintf(text, sizeof text, "%s:1:,p=3", top);
    ck_assert_int_eq(selection_open(text, &selection, &err), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.text,
                                 "fits no configuration, expected DIR:VARIANT[,PATH=VALUE] "
                                 "with one of 'v,p=1'"));
    snprintf(text, sizeof text, "%s:1", top);
    scratch_remove(text);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "names", test_names);
    check_case(suite, "bounds", test_bounds);
    check_case(suite, "lists", test_lists);
    check_case(suite, "selections", test_selections);
}

CHECK_MAIN("metric", add_cases)
