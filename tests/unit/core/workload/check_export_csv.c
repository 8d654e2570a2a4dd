/* SPDX-License-Identifier: MIT */
/* Exporting as CSV and importing again gives an equal trace. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/workload/trace.h"
#include "tests/support/check_main.h"
#include "tests/unit/core/workload/trace_fixture.h"

#define TEMPLATE "/tmp/check_export_csv.XXXXXX"

static char folder[] = TEMPLATE;
static char paths[3][128];

static void set_up(void)
{
    static const char *const names[] = {"jobs.csv", "machines.csv", "events.csv"};
    memcpy(folder, TEMPLATE, sizeof folder); /* new for each test, also without fork */
    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (int i = 0; i < 3; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/sub/%s", folder, names[i]);
    }
}

static void tear_down(void)
{
    char sub[128];
    snprintf(sub, sizeof sub, "%s/sub", folder);
    for (int i = 0; i < 3; i++) {
        unlink(paths[i]);
    }
    rmdir(sub);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void export_to_sub(const struct trace *trace)
{
    char sub[128];
    omega_error_t err = {0};
    snprintf(sub, sizeof sub, "%s/sub", folder);
    ck_assert_msg(trace_export_csv(trace, sub, &err) == OMEGA_OK, "%s", err.text);
}

static struct trace *import(uint32_t count)
{
    const char *const inputs[] = {paths[0], paths[1], paths[2]};
    struct trace *trace = NULL;
    omega_error_t err = {0};
    ck_assert_msg(trace_import("csv", inputs, count, &trace, &err) == OMEGA_OK, "%s:%ld %s",
                  err.source, err.line, err.text);
    return trace;
}

START_TEST(test_round_trip)
{
    struct trace *trace = fixture_full();
    export_to_sub(trace);
    struct trace *back = import(3);
    ck_assert(fixture_equal(trace, back));
    ck_assert_str_eq(back->source, "csv: jobs.csv machines.csv events.csv");
    trace_destroy(back);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_mapreduce)
{
    struct trace *trace = fixture_trace(MACHINES_TEXT, JOBS_TEXT, NULL);
    trace->jobs[0]->mapreduce = (struct omega_mapreduce){10, 5, 1000, 2000, 200};
    export_to_sub(trace);
    ck_assert_int_ne(access(paths[2], F_OK), 0);
    struct trace *back = import(2);
    ck_assert(fixture_equal(trace, back));
    ck_assert_uint_eq(back->jobs[0]->mapreduce.workers_asked, 200);
    trace_destroy(back);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_text)
{
    struct trace *trace = fixture_full();
    char *bytes = NULL;
    size_t size;
    export_to_sub(trace);
    ck_assert_int_eq(file_read_all(paths[0], 1 << 20, &bytes, &size, NULL), OMEGA_OK);
    ck_assert_str_eq(bytes, JOBS_HEADER
                     "9,10,batch,bob,400,0,4,4,1,2,0,0,5,\n"
                     "2,50,\"service, \"\"x\"\"\",,-5,0,2,1,100,200,1,500,1;;3,gpu_model=A|B\n"
                     "2,50,\"service, \"\"x\"\"\",,-5,1,1,0,7,0,2,1000,,ssd?;different_machines\n"
                     "7,50,batch,alice,100,0,3,0,100,200,0,0,1000,\n");
    free(bytes);
    ck_assert_int_eq(file_read_all(paths[1], 1 << 20, &bytes, &size, NULL), OMEGA_OK);
    ck_assert_str_eq(bytes, MACHINES_TEXT);
    free(bytes);
    ck_assert_int_eq(file_read_all(paths[2], 1 << 20, &bytes, &size, NULL), OMEGA_OK);
    ck_assert_str_eq(bytes, EVENTS_HEADER "20,m0,drain,,,\n30,m0,undrain,,,\n30,m0,capacity,1,2,3\n"
                                          "40,m2,add,,,\n50,\"m,\"\"1\",remove,,,\n");
    free(bytes);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_refused)
{
    struct trace *full = fixture_full();
    struct trace *still = fixture_trace(MACHINES_TEXT, JOBS_TEXT, NULL);
    omega_error_t err = {0};
    char sub[128];
    snprintf(sub, sizeof sub, "%s/sub", folder);
    export_to_sub(full);
    ck_assert_int_eq(trace_export_csv(still, sub, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.source, paths[2]);
    ck_assert_int_ne(trace_export_csv(full, "/proc/nowhere", NULL), OMEGA_OK);
    ck_assert_int_ne(trace_export_csv(full, paths[0], NULL), OMEGA_OK); /* a file */
    trace_destroy(full);
    trace_destroy(still);
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *test)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test);
    suite_add_tcase(suite, tcase);
}

static void add_cases(Suite *suite)
{
    add(suite, "round trip", test_round_trip);
    add(suite, "mapreduce", test_mapreduce);
    add(suite, "text", test_text);
    add(suite, "refused", test_refused);
}

CHECK_MAIN("export csv", add_cases)
