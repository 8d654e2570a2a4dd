/* SPDX-License-Identifier: MIT */
/*
 * What a run writes: rows calculated by hand for an experiment of five jobs, and rows recalculated
 * from jobs.csv, series.csv and histograms.jsonl for a larger one.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/experiment/runner.h"
#include "core/workload/trace.h"
#include "tests/support/check_main.h"
#include "tests/support/run_here.h"

enum {
    TEXT_MAX = 4096,
    RECORDS_MAX = 4000
};

/* ---- running an experiment in a directory of its own ---- */

static char directory[64];
static json_t *rows; /* of results.jsonl but the first */

static void set_up(void)
{
    run_here_modules();
    snprintf(directory, sizeof directory, "/tmp/omega-results-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    rows = NULL;
}

static void tear_down(void)
{
    char command[128];
    json_decref(rows);
    snprintf(command, sizeof command, "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

/* The whole text of an output; free() it. */
static char *read_output(const char *name)
{
    char path[128];
    char *bytes = NULL;
    size_t size = 0;
    omega_error_t err = {0};
    snprintf(path, sizeof path, "%s/%s", directory, name);
    ck_assert_msg(file_read_all(path, 1 << 26, &bytes, &size, &err) == 0, "%s: %s", path, err.text);
    char *text = malloc(size + 1);
    ck_assert_ptr_nonnull(text);
    memcpy(text, bytes, size);
    text[size] = '\0';
    free(bytes);
    return text;
}

/* The lines of an output of JSON, but the first `skip`, as an array. */
static json_t *read_lines(const char *name, int skip)
{
    char *text = read_output(name);
    json_t *lines = json_array();
    char *rest = text;
    for (char *line = strtok_r(rest, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        json_t *value = json_loads(line, 0, NULL);
        ck_assert_msg(value != NULL, "%s: %s", name, line);
        if (skip-- > 0) {
            json_decref(value);
        } else {
            json_array_append_new(lines, value);
        }
    }
    free(text);
    return lines;
}

static void run(const char *text)
{
    omega_error_t err = {0};
    struct experiment *experiment = NULL;
    int rc = experiment_parse(text, strlen(text), "t.json", directory, NULL, &experiment, &err);
    ck_assert_msg(rc == 0, "%ld: %s", err.line, err.text);
    FILE *nowhere = fopen("/dev/null", "w");
    char name[] = "omega";
    char *argv[] = {name, NULL};
    struct runner_options options = {
        .directory = directory,
        .quiet = true,
        .argc = 1,
        .argv = argv,
        .summary = nowhere,
        .progress = nowhere,
    };
    ck_assert_msg(runner_run(experiment, &options, &err) == 0, "%s", err.text);
    fclose(nowhere);
    experiment_close(experiment);
    json_decref(rows);
    rows = read_lines("results.jsonl", 1);
}

static const json_t *row_of(const char *scope, const char *name)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "scope")), scope) == 0 &&
            strcmp(json_string_value(json_object_get(row, "name")), name) == 0) {
            return row;
        }
    }
    ck_abort_msg("no row of %s %s", scope, name);
    return NULL;
}

static double figure(const char *scope, const char *name, const char *key)
{
    const json_t *value = json_object_get(row_of(scope, name), key);
    ck_assert_msg(json_is_number(value), "%s %s has no number %s", scope, name, key);
    return json_number_value(value);
}

static void expect(const char *scope, const char *name, const char *key, double expected)
{
    double value = figure(scope, name, key);
    ck_assert_msg(fabs(value - expected) <= 1e-9 * fmax(1, fabs(expected)),
                  "%s %s: %s is %.12g, expected %.12g", scope, name, key, value, expected);
}

struct expected {
    const char *key;
    double value;
};

static void expect_all(const char *scope, const char *name, const struct expected *expected)
{
    for (; expected->key != NULL; expected++) {
        expect(scope, name, expected->key, expected->value);
    }
}

/* ---- five jobs by hand ---- */

#define JOBS(name, gap, more, duration)                                                            \
    "{\"name\":\"" name "\",\"interarrival_s\":" gap more ",\"tasks\":2,\"duration_s\":" duration  \
    ",\"cpu_milli\":1000,\"mem_mib\":100}"
#define SCHEDULER(name, workload, instances, seconds)                                              \
    "{\"name\":\"" name "\",\"module\":\"first_fit\",\"workloads\":[\"" workload                   \
    "\"],\"instances\":" instances ",\"decision\":{\"job_s\":" seconds ",\"task_s\":0}}"

/* One machine that holds the two tasks of one job. Attempts, with their ends:
 *   a: job 1 (at 10 s) 10-12, runs to 27; job 2 (at 20 s) 20-22, 23-25 and 26-28 without room,
 *      29-31, runs to 46; job 3 (at 30 s) 31-33, 34-36, 37-39, 40-42, 43-45 without room, 46-48,
 *      runs to 63
 *   b: job 4 (at 70 s) 70-72, runs to 77
 *   c: job 5 (at 70 s) 70-74 in conflict with job 4, 75-79 without room, 80-84, runs on */
static const char five_jobs[] =
    "{\"name\":\"five\",\"horizon_s\":100,\"series_step_s\":50,"
    "\"record\":[\"histograms\",\"series\",\"jobs\"],"
    "\"cell\":{\"machines\":[{\"count\":1,\"cpu_milli\":2000,\"mem_mib\":1000}]},"
    "\"workloads\":[" JOBS("a", "20", ",\"rate_factor\":2,\"jobs\":3", "15") "," JOBS(
        "b", "70", "",
        "5") "," JOBS("c", "70", "",
                      "1000") "],"
                              "\"architecture\":\"shared_state\",\"schedulers\":[" SCHEDULER(
                                  "sa", "a", "1",
                                  "2") "," SCHEDULER("sb", "b", "1",
                                                     "2") "," SCHEDULER("sc", "c", "2", "4") "]}";

static const struct expected row_a[] = {
    {"jobs_submitted", 3},
    {"jobs_finished", 3},
    {"tasks_finished", 6},
    {"wait_first_mean_s", 1.0 / 3},
    {"wait_first_p50_s", 0},
    {"wait_first_p99_s", 1},
    {"wait_first_max_s", 1},
    {"wait_full_mean_s", 31.0 / 3},
    {"wait_full_max_s", 18},
    {"queued_mean_s", 1.0 / 3},
    {"queued_p90_s", 1},
    {"queued_max_s", 1},
    {"attempts", 11},
    {"attempts_no_fit", 8},
    {"transactions", 3},
    {"claims", 6},
    {"claims_conflicting", 0},
    {"view_age_mean_s", 2},
    {"wait_full_never", 0},
    {"conflict_fraction", 0},
    {NULL, 0},
};

static const struct expected row_sa[] = {
    {"busy_s", 22},
    {"busy_useful_s", 6},
    {"busy_wasted_s", 0},
    {"busy_no_fit_s", 16},
    {"busy_cut_s", 0},
    {"busy_redone_s", 0},
    {"busyness", 0.22},
    {"busyness_useful", 0.06},
    {"busyness_no_fit", 0.16},
    {"busyness_conflicting", 0},
    {"busyness_no_conflicts", 0.22},
    {"busyness_reference", 0.06},
    {"wait_first_day_median_s", 1.0 / 3},
    {"queue_mean", 0.01},
    {"queue_max", 1},
    {NULL, 0},
};

static const struct expected row_c[] = {
    {"jobs_submitted", 1},
    {"jobs_running", 1},
    {"tasks_running", 2},
    {"wait_first_mean_s", 0},
    {"wait_full_mean_s", 14},
    {"queued_mean_s", 0},
    {"attempts", 3},
    {"attempts_no_fit", 1},
    {"transactions", 2},
    {"transactions_successful", 1},
    {"transactions_conflicting", 1},
    {"claims", 4},
    {"claims_accepted", 2},
    {"claims_conflicting", 2},
    {"conflict_fraction", 1},
    {"claim_conflict_fraction", 0.5},
    {"view_age_mean_s", 4},
    {"view_age_mean_versions", 0.5},
    {NULL, 0},
};

static const struct expected row_sc[] = {
    {"instances", 2},
    {"busy_s", 12},
    {"busy_useful_s", 4},
    {"busy_wasted_s", 4},
    {"busy_no_fit_s", 4},
    {"busy_redone_s", 8}, /* but for the conflict, its first attempt would have been its last */
    {"busyness", 0.06},
    {"busyness_useful", 0.02},
    {"busyness_wasted", 0.02},
    {"busyness_no_fit", 0.02},
    {"busyness_cut", 0},
    {"busyness_conflicting", 0.02},
    {"busyness_no_conflicts", 0.02},
    {"busyness_reference", 0.04},
    {"busyness_day_median", 0.06}, /* one day, of 100 s */
    {"busyness_day_mad", 0},
    {"busyness_useful_day_median", 0.02},
    {"busyness_wasted_day_median", 0.02},
    {"busyness_no_fit_day_median", 0.02},
    {"busyness_no_conflicts_day_median", 0.02},
    {"busyness_reference_day_median", 0.04},
    {"conflict_fraction_day_median", 1},
    {"wait_first_day_median_s", 0},
    {"queue_mean", 0},
    {"queue_max", 0}, /* it goes to an idle instance at once */
    {NULL, 0},
};

/* used: two tasks for 15 s three times, for 5 s, and from 84 s on */
static const struct expected row_cell[] = {
    {"tasks_submitted", 10},
    {"tasks_finished", 8},
    {"tasks_running", 2},
    {"measured_s", 100},
    {"cpu_utilisation", 0.66},
    {"mem_utilisation", 0.132},
    {"final_cpu_used_milli", 2000},
    {"final_mem_used_mib", 200},
    {"final_cpu_capacity_milli", 2000},
    {"final_mem_capacity_mib", 1000},
    {"version", 5 + 4},
    {"check_placements", 2},
    {NULL, 0},
};

START_TEST(five_jobs_by_hand)
{
    run(five_jobs);
    expect_all("workload", "a", row_a);
    expect_all("scheduler", "sa", row_a);
    expect_all("scheduler", "sa", row_sa);
    expect_all("workload", "c", row_c);
    expect_all("scheduler", "sc", row_c);
    expect_all("scheduler", "sc", row_sc);
    expect_all("cell", "cell", row_cell);
    char *busy = json_dumps(json_object_get(row_of("scheduler", "sc"), "busyness_instances"),
                            JSON_REAL_PRECISION(6));
    ck_assert_str_eq(busy, "[0.12, 0]");
    free(busy);
    char *days = json_dumps(json_object_get(row_of("scheduler", "sc"), "busyness_days"),
                            JSON_REAL_PRECISION(6));
    ck_assert_str_eq(days, "[0.06]");
    free(days);
    char *jobs = read_output("jobs.csv");
    ck_assert_str_eq(jobs, "variant,seed,job,workload,scheduler,submitted_us,first_attempt_us,"
                           "fully_scheduled_us,attempts,conflicts,tasks,placed,outcome,"
                           "task_attempts,unplaced,queued_us\n"
                           ",1,1,a,sa,10000000,10000000,12000000,1,0,2,2,finished,2,0,0\n"
                           ",1,2,a,sa,20000000,20000000,31000000,4,0,2,2,finished,8,0,0\n"
                           ",1,3,a,sa,30000000,31000000,48000000,6,0,2,2,finished,12,0,1000000\n"
                           ",1,4,b,sb,70000000,70000000,72000000,1,0,2,2,finished,2,0,0\n"
                           ",1,5,c,sc,70000000,70000000,84000000,3,2,2,2,running,6,0,0\n");
    free(jobs);
    char *series = read_output("series.csv");
    ck_assert_str_eq(series,
                     "variant,seed,start_s,end_s,scope,name,cpu_utilisation,"
                     "mem_utilisation,gpu_utilisation,queue,busyness,queue_max,cpu_fragmentation,"
                     "mem_fragmentation,gpu_fragmentation\n"
                     ",1,0,50,cell,cell,0.64,0.128,0,,,,,,\n"
                     ",1,0,50,scheduler,sa,,,,0.02,0.44,1,,,\n"
                     ",1,0,50,scheduler,sb,,,,0,0,0,,,\n"
                     ",1,0,50,scheduler,sc,,,,0,0,0,,,\n"
                     ",1,50,100,cell,cell,0.68,0.136,0,,,,,,\n"
                     ",1,50,100,scheduler,sa,,,,0,0,0,,,\n"
                     ",1,50,100,scheduler,sb,,,,0,0.04,0,,,\n"
                     ",1,50,100,scheduler,sc,,,,0,0.12,0,,,\n");
    free(series);
}
END_TEST

/* ---- busyness had there been no conflicts ---- */

/* One machine for so many milli-cores. b places a task that never ends, 10-12. c has a job of some
 * tasks whose attempts take 4 s, from 10 s on, with 1 s in between; its first one finds the machine
 * empty and loses a claim to b. */
#define RIVALS(cpu_milli, tasks, events)                                                           \
    "{\"name\":\"rivals\",\"horizon_s\":40,\"lost_tasks\":\"return\"," events                      \
    "\"cell\":{\"machines\":[{\"count\":1,\"cpu_milli\":" cpu_milli ",\"mem_mib\":1000}]},"        \
    "\"workloads\":[" RIVAL("b", "1") "," RIVAL(                                                   \
        "c", tasks) "],\"architecture\":\"shared_state\",\"schedulers\":"                          \
                    "[" SCHEDULER("b", "b", "1", "2") "," SCHEDULER("c", "c", "1", "4") "]}"
#define RIVAL(name, tasks)                                                                         \
    "{\"name\":\"" name "\",\"interarrival_s\":10,\"jobs\":1,\"duration_s\":1e6,\"tasks\":" tasks  \
    ",\"cpu_milli\":1000,\"mem_mib\":100}"

/* Three tasks, and room for three: two are placed, 10-14; the third finds no machine in 15-19,
 * 20-24, 25-29, 30-34 and 35-39. Without the conflict the first attempt would have been enough. */
START_TEST(all_later_attempts_are_redone)
{
    run(RIVALS("3000", "3", ""));
    expect("scheduler", "c", "claims_conflicting", 1);
    expect("scheduler", "c", "busy_s", 24);
    expect("scheduler", "c", "busy_wasted_s", 4);
    expect("scheduler", "c", "busy_no_fit_s", 20);
    expect("scheduler", "c", "busy_redone_s", 20);
    expect("scheduler", "c", "busyness_no_conflicts", 0.1);
}
END_TEST

/* Four tasks and room for three: the fourth would have been left over in any case, and every later
 * attempt made. */
START_TEST(what_had_to_be_done_is_not_redone)
{
    run(RIVALS("3000", "4", ""));
    expect("scheduler", "c", "claims_conflicting", 1);
    expect("scheduler", "c", "busy_s", 24);
    expect("scheduler", "c", "busy_redone_s", 0);
    expect("scheduler", "c", "busyness_no_conflicts", 0.6);
}
END_TEST

/* One task, and room for one. Capacity comes at 16 s: it finds room in 20-24, redone. At 30 s the
 * machine is gone and the task returns: attempts for it, 30-34 and 35-39, have nothing to do with
 * the conflict. */
START_TEST(lost_tasks_are_not_redone)
{
    run(RIVALS("1000", "1",
               "\"machine_events\":["
               "{\"time_s\":16,\"machine\":\"m-0\",\"event\":\"capacity\",\"cpu_milli\":9000,"
               "\"mem_mib\":1000},"
               "{\"time_s\":30,\"machine\":\"m-0\",\"event\":\"remove\"}],"));
    expect("scheduler", "c", "claims_conflicting", 1);
    expect("scheduler", "c", "claims_accepted", 1);
    expect("scheduler", "c", "busy_useful_s", 4);
    expect("scheduler", "c", "busy_s", 20);
    expect("scheduler", "c", "busy_redone_s", 8);
}
END_TEST

/* ---- fragmentation ---- */

/* Two machines of 2,000 milli-cores and 1,000 MiB; one task of 1,500 and 100 is placed on the first
 * at 20 s and ends at 30 s. Is there room for 1,000 and 500? Samples at 20 s, when it is placed, at
 * 30 s, when it has ended, and at 25, 35 and 40 s. */
START_TEST(fragmentation_by_hand)
{
    run("{\"name\":\"holes\",\"horizon_s\":40,\"warmup_s\":15,\"series_step_s\":5,"
        "\"record\":[\"series\"],"
        "\"fragmentation\":{\"cpu_milli\":1000,\"mem_mib\":500,\"step_s\":5},"
        "\"cell\":{\"machines\":[{\"count\":2,\"cpu_milli\":2000,\"mem_mib\":1000}]},"
        "\"workloads\":[{\"name\":\"a\",\"interarrival_s\":10,\"jobs\":1,\"duration_s\":10,"
        "\"tasks\":1,\"cpu_milli\":1500,\"mem_mib\":100}],"
        "\"architecture\":\"shared_state\",\"schedulers\":[" SCHEDULER("a", "a", "1", "10") "]}");
    expect("cell", "cell", "cpu_fragmentation", 1000.0 / (2 * 2500 + 3 * 4000));
    expect("cell", "cell", "mem_fragmentation", 1800.0 / (2 * 1900 + 3 * 2000));
    expect("cell", "cell", "final_cpu_fragmentation", 0);
    expect("cell", "cell", "final_mem_fragmentation", 0);
    ck_assert(json_is_null(json_object_get(row_of("cell", "cell"), "gpu_fragmentation")));
    char *series = read_output("series.csv");
    ck_assert_ptr_nonnull(strstr(series, ",1,15,20,cell,cell,0,0,0,,,,0.2,0.473684210526,\n"));
    ck_assert_ptr_nonnull(strstr(series, ",1,20,25,cell,cell,0.375,0.05,0,,,,0.2,0.473684210526,"));
    ck_assert_ptr_nonnull(strstr(series, ",1,25,30,cell,cell,0.375,0.05,0,,,,0,0,\n"));
    free(series);
}
END_TEST

/* ---- recalculated from the records ---- */

/* Old views, conflicts, waits of all lengths; everything is fully scheduled in the end. */
static const char larger[] =
    "{\"name\":\"larger\",\"horizon_s\":4000,\"warmup_s\":100,\"series_step_s\":100,"
    "\"record\":[\"histograms\",\"series\",\"jobs\"],"
    "\"cell\":{\"machines\":[{\"count\":12,\"cpu_milli\":4000,\"mem_mib\":8000}]},"
    "\"workloads\":["
    "{\"name\":\"a\",\"interarrival_s\":{\"type\":\"exponential\",\"mean\":3},\"jobs\":900,"
    "\"tasks\":{\"type\":\"exponential\",\"mean\":4},\"duration_s\":{\"type\":\"exponential\","
    "\"mean\":18},\"cpu_milli\":{\"type\":\"uniform\",\"min\":100,\"max\":1500},\"mem_mib\":50},"
    "{\"name\":\"b\",\"interarrival_s\":{\"type\":\"exponential\",\"mean\":10},\"jobs\":250,"
    "\"tasks\":3,\"duration_s\":30,\"cpu_milli\":500,\"mem_mib\":100}],"
    "\"architecture\":\"shared_state\",\"schedulers\":["
    "{\"name\":\"sa\",\"module\":\"first_fit\",\"workloads\":[\"a\"],\"instances\":2,"
    "\"decision\":{\"job_s\":2,\"task_s\":0.5},\"sync\":{\"interval_s\":40}},"
    "{\"name\":\"sb\",\"module\":\"first_fit\",\"workloads\":[\"b\"],"
    "\"decision\":{\"job_s\":6,\"task_s\":0.1}}]}";

struct record {
    char scheduler[8];
    char outcome[16];
    double wait[2]; /* seconds: first, full */
    double attempts;
    double conflicts;
};

static struct record records[RECORDS_MAX];
static size_t record_count;

static void read_records(void)
{
    char *text = read_output("jobs.csv");
    char *rest = text;
    record_count = 0;
    strtok_r(rest, "\n", &rest);
    for (char *line = strtok_r(NULL, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        struct record *record = &records[record_count++];
        double submitted;
        ck_assert_uint_lt(record_count, RECORDS_MAX);
        int fields = sscanf(line, ",1,%*u,%*[^,],%7[^,],%lf,%lf,%lf,%lf,%lf,%*u,%*u,%15[^,]",
                            record->scheduler, &submitted, &record->wait[0], &record->wait[1],
                            &record->attempts, &record->conflicts, record->outcome);
        ck_assert_msg(fields == 7, "%s", line);
        record->wait[0] = (record->wait[0] - submitted) / 1e6;
        record->wait[1] = (record->wait[1] - submitted) / 1e6;
    }
    free(text);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The figure's column must be within a histogram's precision of what the records say. */
static void expect_about(const char *scheduler, const char *wait, const char *what, double expected)
{
    char key[64];
    snprintf(key, sizeof key, "%s_%s_s", wait, what);
    double value = figure("scheduler", scheduler, key);
    ck_assert_msg(fabs(value - expected) <= 1e-3 * expected + 1e-9,
                  "%s: %s is %.12g, expected about %.12g", scheduler, key, value, expected);
}

static void check_waits(const char *scheduler)
{
    static const char *const waits[] = {"wait_first", "wait_full"};
    static double sorted[RECORDS_MAX];
    for (int w = 0; w < 2; w++) {
        size_t n = 0;
        double sum = 0;
        for (size_t i = 0; i < record_count; i++) {
            if (strcmp(records[i].scheduler, scheduler) == 0) {
                sorted[n++] = records[i].wait[w];
                sum += records[i].wait[w];
            }
        }
        ck_assert_uint_gt(n, 100);
        qsort(sorted, n, sizeof sorted[0], compare);
        expect_about(scheduler, waits[w], "mean", sum / (double)n);
        expect_about(scheduler, waits[w], "p50", sorted[(size_t)ceil(0.5 * (double)n) - 1]);
        expect_about(scheduler, waits[w], "p90", sorted[(size_t)ceil(0.9 * (double)n) - 1]);
        expect_about(scheduler, waits[w], "p99", sorted[(size_t)ceil(0.99 * (double)n) - 1]);
        expect_about(scheduler, waits[w], "max", sorted[n - 1]);
    }
}

static void check_counts(const char *scheduler)
{
    struct record sum = {.attempts = 0};
    double jobs = 0;
    double finished = 0;
    for (size_t i = 0; i < record_count; i++) {
        if (strcmp(records[i].scheduler, scheduler) == 0) {
            sum.attempts += records[i].attempts;
            sum.conflicts += records[i].conflicts;
            finished += strcmp(records[i].outcome, "finished") == 0;
            jobs++;
        }
    }
    expect("scheduler", scheduler, "jobs_submitted", jobs);
    expect("scheduler", scheduler, "jobs_finished", finished);
    expect("scheduler", scheduler, "wait_full_never", 0);
    /* jobs and attempts from before the warm-up are counted apart */
    double attempts = figure("scheduler", scheduler, "attempts");
    ck_assert_msg(fabs(attempts - sum.attempts) <= 60, "%g, %g", attempts, sum.attempts);
    double conflicts = figure("scheduler", scheduler, "claims_conflicting");
    ck_assert_msg(fabs(conflicts - sum.conflicts) <= 60, "%g, %g", conflicts, sum.conflicts);
    ck_assert_double_gt(conflicts, 0);
}

/* The mean of a series' column, weighted with the steps. */
static double series_mean(const char *name, int column)
{
    char *text = read_output("series.csv");
    char *rest = text;
    double sum = 0;
    strtok_r(rest, "\n", &rest);
    for (char *line = strtok_r(NULL, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *fields[16] = {NULL};
        size_t n = 0;
        for (char *field = strsep(&line, ","); field != NULL && n < 16;
             field = strsep(&line, ",")) {
            fields[n++] = field;
        }
        ck_assert_uint_eq(n, 15);
        if (strcmp(fields[5], name) == 0) {
            sum +=
                (strtod(fields[3], NULL) - strtod(fields[2], NULL)) * strtod(fields[column], NULL);
        }
    }
    free(text);
    return sum / figure("cell", "cell", "measured_s");
}

static const json_t *buckets_of(const json_t *histograms, const char *scheduler, const char *name)
{
    size_t i;
    json_t *line;
    json_array_foreach(histograms, i, line)
    {
        if (strcmp(json_string_value(json_object_get(line, "scheduler")), scheduler) == 0 &&
            strcmp(json_string_value(json_object_get(line, "histogram")), name) == 0) {
            return json_object_get(line, "buckets");
        }
    }
    ck_abort_msg("no histogram %s of %s", name, scheduler);
    return NULL;
}

/* A quantile of a histogram's buckets, as the middle of the bucket, in seconds. */
static double bucket_quantile(const json_t *buckets, double q)
{
    double total = 0;
    double below = 0;
    size_t i;
    json_t *bucket;
    json_array_foreach(buckets, i, bucket)
    {
        total += json_number_value(json_array_get(bucket, 2));
    }
    json_array_foreach(buckets, i, bucket)
    {
        below += json_number_value(json_array_get(bucket, 2));
        if (below >= ceil(q * total)) {
            return (json_number_value(json_array_get(bucket, 0)) +
                    json_number_value(json_array_get(bucket, 1))) /
                   2e6;
        }
    }
    ck_abort_msg("no buckets");
    return 0;
}

START_TEST(recalculated_from_records)
{
    static const char *const schedulers[] = {"sa", "sb"};
    run(larger);
    read_records();
    json_t *histograms = read_lines("histograms.jsonl", 0);
    for (int s = 0; s < 2; s++) {
        check_waits(schedulers[s]);
        check_counts(schedulers[s]);
        static const char *const named[] = {"wait_first", "wait_full", "view_age"};
        for (int h = 0; h < 3; h++) {
            const json_t *buckets = buckets_of(histograms, schedulers[s], named[h]);
            expect_about(schedulers[s], named[h], "p90", bucket_quantile(buckets, 0.9));
        }
        ck_assert_double_eq_tol(series_mean(schedulers[s], 10),
                                figure("scheduler", schedulers[s], "busyness"), 1e-9);
        ck_assert_double_eq_tol(series_mean(schedulers[s], 9),
                                figure("scheduler", schedulers[s], "queue_mean"), 1e-9);
    }
    ck_assert_double_gt(figure("scheduler", "sa", "view_age_p90_s"),
                        1.2 * figure("scheduler", "sa", "view_age_mean_s"));
    ck_assert_double_eq_tol(series_mean("cell", 6), figure("cell", "cell", "cpu_utilisation"),
                            1e-9);
    ck_assert_double_eq_tol(series_mean("cell", 7), figure("cell", "cell", "mem_utilisation"),
                            1e-9);
    json_decref(histograms);
}
END_TEST

/* ---- what reaches the cell ---- */

/* Memory holds 3 tasks of 500 MiB with its own over-commit of 1.5; CPU's would hold 4. */
START_TEST(overcommit_and_prefill)
{
    run("{\"name\":\"t\",\"horizon_s\":100,\"cell\":{\"machines\":[{\"count\":1,\"cpu_milli\":4000,"
        "\"mem_mib\":1000}],\"overcommit\":{\"cpu\":2,\"mem\":1.5}},\"workloads\":[{\"name\":\"w\","
        "\"interarrival_s\":60,\"tasks\":9,\"duration_s\":1000,\"cpu_milli\":1,\"mem_mib\":500}],"
        "\"architecture\":\"shared_state\",\"schedulers\":[{\"name\":\"s\",\"module\":"
        "\"first_fit\"}]}");
    expect("cell", "cell", "final_mem_used_mib", 1500);
    run("{\"name\":\"t\",\"horizon_s\":100,\"cell\":{\"machines\":[{\"count\":10,\"cpu_milli\":"
        "4000,\"mem_mib\":1000}],\"prefill\":{\"cpu_utilisation\":0.8,\"mem_utilisation\":0.3,"
        "\"cpu_milli\":100,\"mem_mib\":100}},\"workloads\":[{\"name\":\"w\",\"interarrival_s\":"
        "1000,\"tasks\":1,\"duration_s\":1,\"cpu_milli\":1,\"mem_mib\":1}],"
        "\"architecture\":\"shared_state\",\"schedulers\":[{\"name\":\"s\",\"module\":"
        "\"first_fit\"}]}");
    expect("cell", "cell", "final_mem_used_mib", 3000);
    expect("cell", "cell", "final_cpu_used_milli", 3000);
}
END_TEST

/* One replayed job of 20 s at 10 s, with times x 2 and durations x 1.5, is 30 of 100 s at 20 s. */
START_TEST(replayed_durations)
{
    char path[128];
    omega_error_t err = {0};
    uint32_t workload;
    struct trace *trace = trace_create(NULL);
    struct omega_machine_spec machine = {.cpu_milli = 1000, .mem_mib = 1000};
    machine.name = symbols_intern(catalogue_symbols(trace->catalogue), "m");
    ck_assert_int_eq(trace_add_machine(trace, &machine, &err), 0);
    ck_assert_int_eq(trace_workload(trace, "w", &workload, &err), 0);
    struct omega_task_group group = {
        .count = 1, .request = {.cpu_milli = 500, .mem_mib = 10}, .duration_us = 20000000};
    struct omega_job job = {
        .id = 1, .submit_us = 10000000, .workload = workload, .group_count = 1, .groups = &group};
    ck_assert_int_eq(omega_job_seal(&job, &group, &err), 0);
    ck_assert_int_eq(trace_add_job(trace, &job, &err), 0);
    ck_assert_int_eq(trace_seal(trace, &err), 0);
    snprintf(path, sizeof path, "%s/a.trace", directory);
    ck_assert_msg(trace_write(trace, path, &err) == 0, "%s", err.text);
    trace_destroy(trace);
    run("{\"name\":\"t\",\"horizon_s\":100,\"record\":[\"jobs\"],\"cell\":{\"trace\":\"a.trace\"},"
        "\"workloads\":[{\"name\":\"w\",\"trace\":\"a.trace\",\"time_scale\":2,"
        "\"duration_scale\":1.5}],\"architecture\":\"shared_state\",\"schedulers\":[{\"name\":"
        "\"s\",\"module\":\"first_fit\"}]}");
    expect("cell", "cell", "cpu_utilisation", 0.5 * 30 / 100);
    char *jobs = read_output("jobs.csv");
    ck_assert_ptr_nonnull(
        strstr(jobs, "\n,1,1,w,s,20000000,20000000,20105000,1,0,1,1,finished,1,0,0\n"));
    free(jobs);
}
END_TEST

static void add_case(Suite *suite, const char *name, const TTest *test)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
}

static void add_cases(Suite *suite)
{
    add_case(suite, "five jobs by hand", five_jobs_by_hand);
    add_case(suite, "all later attempts are redone", all_later_attempts_are_redone);
    add_case(suite, "what had to be done is not redone", what_had_to_be_done_is_not_redone);
    add_case(suite, "lost tasks are not redone", lost_tasks_are_not_redone);
    add_case(suite, "fragmentation by hand", fragmentation_by_hand);
    add_case(suite, "recalculated from records", recalculated_from_records);
    add_case(suite, "over-commit and prefill", overcommit_and_prefill);
    add_case(suite, "replayed durations", replayed_durations);
}

CHECK_MAIN("core/experiment/results", add_cases)
