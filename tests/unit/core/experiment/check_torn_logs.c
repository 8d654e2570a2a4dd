/* SPDX-License-Identifier: MIT */
/*
 * Logs of a live run that are cut: wherever that is, they are repaired or incomplete, and no rule
 * is broken; unless one is, by what is there.
 */
#include "core/experiment/check_log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/random.h"
#include "tests/support/check_main.h"
#include "tests/support/rewrite_log.h"
#include "tests/support/run_here.h"
#include "tests/support/scratch.h"

#define SEGMENTS 6
#define FEEDER 0
#define EXECUTOR 1
#define PARENT (SEGMENTS - 1)
#define PLACES 6 /* where each segment is cut */
#define END_BLOCK_BYTES 36
#define PATH_MAX_HERE (SCRATCH_PATH_MAX + 64)

/* Machines fail; jobs end, or outlive the run. */
static const char definition[] =
    "{\"name\":\"torn\",\"horizon_s\":30,"
    "\"machine_events\":{\"time_to_failure_s\":{\"type\":\"uniform\",\"min\":5,\"max\":60},"
    "\"time_to_repair_s\":2},"
    "\"cell\":{\"machines\":[{\"count\":12,\"cpu_milli\":4000,\"mem_mib\":16384}],"
    "\"prefill\":{\"cpu_utilisation\":0.2,\"cpu_milli\":500,\"mem_mib\":256,\"duration_s\":9}},"
    "\"workloads\":[{\"name\":\"b\",\"interarrival_s\":0.3,\"tasks\":4,\"duration_s\":3,"
    "\"cpu_milli\":1000,\"mem_mib\":512}],\"architecture\":\"shared_state\","
    "\"schedulers\":[{\"name\":\"b\",\"module\":\"batch\",\"instances\":3,"
    "\"decision\":{\"job_s\":0.4}}],\"record\":[\"summary\"],"
    "\"driver\":\"live\",\"live\":{\"speedup\":30}}";

static char base[SCRATCH_PATH_MAX];
static char cells[PATH_MAX_HERE];
static char run[PATH_MAX_HERE];
static struct omega_random places;

static void path_of(char *out, const char *folder, uint32_t segment)
{
    snprintf(out, PATH_MAX_HERE, "%s/%s/seed-1.%" PRIu32 ".omlog", base, folder, segment);
}

/* Does what runs here take much longer than elsewhere? */
static bool is_slow(void)
{
    return getenv("OMEGA_SLOW") != NULL;
}

/* Runs the experiment once, into base/run, with its cell in base/cells; its log is then moved to
 * base/whole, to be cut from there. */
static void run_live_once(const char *duration)
{
    char store[PATH_MAX_HERE + 16];
    char whole[PATH_MAX_HERE];
    char log[PATH_MAX_HERE + 8];
    omega_error_t err = {0};
    struct experiment *experiment = NULL;
    run_here_modules();
    scratch_path(base);
    snprintf(run, sizeof run, "%s/run", base);
    snprintf(cells, sizeof cells, "%s/cells", base);
    snprintf(store, sizeof store, "store.dir=%s", cells);
    const char *sets[] = {"store.kind=lmdb", store, duration, "live.speedup=10"};
    struct experiment_options changes = {.sets = sets, .set_count = is_slow() ? 4 : 3};
    ck_assert_msg(experiment_parse(definition, strlen(definition), "torn", ".", &changes,
                                   &experiment, &err) == 0,
                  "%s", err.text);
    run_here_logged(experiment, run);
    snprintf(log, sizeof log, "%s/log", run);
    snprintf(whole, sizeof whole, "%s/whole", base);
    ck_assert_int_eq(rename(log, whole), 0);
    ck_assert_int_eq(mkdir(log, 0700), 0);
}

/* ---- cutting ---- */

struct cut {
    uint64_t keep;    /* records */
    uint64_t events;  /* machine events there were */
    uint64_t twice;   /* the number of a record that is written twice; 0: none */
    uint64_t records; /* there were */
    uint64_t commits;
    uint64_t commit_at; /* the number of the last one */
    uint64_t job;       /* the last one that an attempt was made for */
};

static void shorten(void *context, struct rewritten *rewritten)
{
    struct cut *cut = context;
    bool commit = rewritten->record.kind == RUNLOG_TRANSACTION && rewritten->record.changes;
    cut->records = rewritten->number;
    cut->events += rewritten->record.kind == RUNLOG_MACHINE;
    cut->commits += commit;
    cut->commit_at = commit ? rewritten->number : cut->commit_at;
    if (rewritten->record.kind == RUNLOG_ATTEMPT && rewritten->record.attempt.job > cut->job) {
        cut->job = rewritten->record.attempt.job;
    }
    rewritten->copies = rewritten->number > cut->keep ? 0 : rewritten->number == cut->twice ? 2 : 1;
}

/* Writes a segment with so many of its records, and without its end if it is cut. */
static void write_segment(uint32_t segment, struct cut *cut, bool ends)
{
    char from[PATH_MAX_HERE];
    char to[PATH_MAX_HERE];
    struct stat status;
    path_of(from, "whole", segment);
    path_of(to, "run/log", segment);
    rewrite_log(from, to, segment, SEGMENTS, shorten, cut);
    ck_assert_int_eq(stat(to, &status), 0);
    ck_assert_int_eq(truncate(to, status.st_size - (ends ? 0 : END_BLOCK_BYTES)), 0);
}

static void write_all(void)
{
    for (uint32_t segment = 0; segment < SEGMENTS; segment++) {
        struct cut cut = {.keep = UINT64_MAX};
        write_segment(segment, &cut, true);
    }
}

/* Checks; returns what was told, for free(). */
static char *check_it(const char *from, struct check_log_report *report)
{
    char *told = NULL;
    size_t size = 0;
    omega_error_t err = {0};
    FILE *out = open_memstream(&told, &size);
    int rc = check_log(run, from, 10, out, report, &err);
    ck_assert_msg(rc == OMEGA_OK, "%s: %s", err.source, err.text);
    ck_assert_int_eq(fclose(out), 0);
    return told;
}

/* Cut behind so many records, a segment breaks no rule; the cell repairs what it can. */
static void cut_at(uint32_t segment, uint64_t keep)
{
    struct check_log_report report;
    struct cut cut = {.keep = keep};
    write_segment(segment, &cut, false);
    char *told = check_it(NULL, &report);
    ck_assert_msg(report.violations == 0, "segment %" PRIu32 " behind %" PRIu64 ": %s", segment,
                  keep, told);
    ck_assert_uint_eq(report.cut, 1);
    ck_assert(report.missing == 0 || report.incomplete);
    ck_assert(report.missing == 0 || strstr(told, " missing\n") != NULL);
    uint64_t missing = report.missing;
    free(told);
    told = check_it(cells, &report);
    ck_assert_msg(report.violations == 0, "segment %" PRIu32 " behind %" PRIu64 ": %s", segment,
                  keep, told);
    ck_assert_uint_eq(report.missing + report.repaired, missing);
    if (segment != FEEDER && segment != PARENT) { /* jobs that are over, initial state */
        ck_assert_msg(report.missing == 0 && !report.incomplete, "%s", told);
    }
    free(told);
    struct cut whole = {.keep = UINT64_MAX};
    write_segment(segment, &whole, true);
}

START_TEST(a_cut_log_breaks_no_rule)
{
    struct check_log_report report;
    run_live_once("workloads.0.duration_s=3");
    write_all();
    char *told = check_it(NULL, &report);
    ck_assert_msg(report.violations == 0 && !report.incomplete && report.fields > 100, "%s", told);
    free(told);
    for (uint32_t segment = 0; segment < SEGMENTS; segment++) {
        struct cut all = {.keep = UINT64_MAX};
        write_segment(segment, &all, true);
        ck_assert_uint_gt(all.records, 0);
        ck_assert(segment != EXECUTOR || all.events > 0);
        for (int i = 0; i < (is_slow() ? 1 : PLACES); i++) {
            cut_at(segment, omega_random_below(&places, (uint32_t)all.records));
        }
        cut_at(segment, 0);
    }
}
END_TEST

/* What was submitted and is not over stands in the table of jobs. Missing is only what others tell
 * of: here a job that a scheduler has made an attempt for. */
START_TEST(submissions_are_made_from_the_cell)
{
    struct check_log_report report;
    run_live_once("workloads.0.duration_s=100");
    write_all();
    struct cut all = {.keep = UINT64_MAX};
    write_segment(2, &all, true);
    uint64_t attempted = all.job;
    ck_assert_uint_gt(attempted, 0); /* however slow the machine is */
    write_segment(FEEDER, &all, true);
    ck_assert_uint_ge(all.records, attempted);
    for (int half = 0; half < 2; half++) {
        const uint64_t keep = half == 0 ? 0 : attempted / 2;
        struct cut cut = {.keep = keep};
        write_segment(FEEDER, &cut, false);
        char *told = check_it(NULL, &report);
        ck_assert_msg(report.violations == 0 && report.incomplete, "%s", told);
        ck_assert_msg(strstr(told, "the submission of a job is missing\n") != NULL, "%s", told);
        free(told);
        told = check_it(cells, &report);
        ck_assert_msg(report.violations == 0 && !report.incomplete, "%s", told);
        ck_assert_uint_eq(report.submissions, all.records - keep);
        free(told);
    }
}
END_TEST

/* ---- rules that are broken all the same ---- */

static void expect_illegal(const char *what)
{
    struct check_log_report report;
    char *told = check_it(NULL, &report);
    ck_assert_msg(report.violations > 0, "not found");
    ck_assert_msg(strstr(told, what) != NULL, "%s", told);
    free(told);
}

START_TEST(a_cut_log_that_breaks_a_rule_is_illegal)
{
    run_live_once("workloads.0.duration_s=3");
    write_all();
    struct cut none = {.keep = 0};
    struct cut all = {.keep = UINT64_MAX};
    write_segment(3, &all, true);
    ck_assert_uint_gt(all.commits, 0); /* however slow the machine is */
    write_segment(2, &none, false);    /* from its first version on nothing is sure */
    struct cut twice = {.keep = UINT64_MAX, .twice = all.commit_at};
    write_segment(3, &twice, true);
    expect_illegal("there is none twice");
}
END_TEST

START_TEST(a_version_that_is_missing_is_named)
{
    struct check_log_report report;
    run_live_once("workloads.0.duration_s=3");
    write_all();
    struct cut all = {.keep = UINT64_MAX};
    write_segment(4, &all, true);
    struct cut cut = {.keep = all.commit_at - 1};
    write_segment(4, &cut, false);
    char *told = check_it(NULL, &report);
    ck_assert_uint_eq(report.missing, 1);
    ck_assert_ptr_nonnull(strstr(told, "version "));
    ck_assert_ptr_nonnull(strstr(told, "seed-1.4.omlog: is cut behind record"));
    ck_assert(report.incomplete && report.violations == 0);
    free(told);
    told = check_it(cells, &report);
    ck_assert_uint_eq(report.repaired, 1);
    ck_assert(!report.incomplete && report.violations == 0);
    free(told);
}
END_TEST

static void add_cases(Suite *suite)
{
    omega_random_init(&places, 1, "places", 0);
    check_case(suite, "cut", a_cut_log_breaks_no_rule);
    check_case(suite, "submissions", submissions_are_made_from_the_cell);
    check_case(suite, "illegal", a_cut_log_that_breaks_a_rule_is_illegal);
    check_case(suite, "named", a_version_that_is_missing_is_named);
}

CHECK_MAIN("torn_logs", add_cases)
