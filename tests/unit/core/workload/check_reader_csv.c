/* SPDX-License-Identifier: MIT */
/* Format csv: what a row becomes, and what is refused with its line. */
#include <stdio.h>
#include <string.h>

#include "core/workload/trace_private.h"
#include "tests/support/check_main.h"
#include "tests/unit/core/workload/trace_fixture.h"

#define MAPREDUCE_HEADER                                                                           \
    "job,submit_us,workload,user,precedence,group,tasks,optional,cpu_milli,mem_mib,gpu_devices,"   \
    "gpu_milli,duration_us,constraints,map_activities,reduce_activities,map_mean_us,"              \
    "reduce_mean_us,workers_asked\n"

START_TEST(test_job)
{
    struct trace *trace = fixture_full();
    const struct omega_job *job = trace->jobs[1];
    const struct omega_task_group *group = &job->groups[0];
    ck_assert_uint_eq(job->id, 2);
    ck_assert_int_eq(job->submit_us, 50);
    ck_assert_str_eq(trace->workloads[job->workload], "service, \"x\"");
    ck_assert_uint_eq(job->user, 0);
    ck_assert_int_eq(job->precedence, -5);
    ck_assert_uint_eq(group->count, 2);
    ck_assert_uint_eq(group->optional, 1);
    ck_assert_int_eq(group->request.cpu_milli, 100);
    ck_assert_int_eq(group->request.mem_mib, 200);
    ck_assert_int_eq(group->request.gpu_devices, 1);
    ck_assert_int_eq(group->request.gpu_milli, 500);
    ck_assert_str_eq(catalogue_constraints_text(trace->catalogue, group->constraints),
                     "gpu_model=A|B");
    ck_assert(
        catalogue_constraint_set(trace->catalogue, job->groups[1].constraints)->different_machines);
    ck_assert_str_eq(trace_text(trace, trace->jobs[2]->user), "alice");
    trace_destroy(trace);
}
END_TEST

START_TEST(test_machine)
{
    struct trace *trace = fixture_full();
    const struct omega_machine_spec *machine = &trace->machines[0];
    ck_assert_str_eq(trace_text(trace, machine->name), "m0");
    ck_assert_str_eq(trace_text(trace, machine->platform), "x86");
    ck_assert_str_eq(trace_text(trace, machine->domain), "rack0");
    ck_assert_int_eq(machine->cpu_milli, 4000);
    ck_assert_int_eq(machine->mem_mib, 16384);
    ck_assert_int_eq(trace->machines[1].gpu_devices, 8);
    ck_assert_int_eq(trace->machines[2].absent, 1);
    ck_assert_int_eq(trace->events[2].cpu_milli, 1);
    ck_assert_int_eq(trace->events[2].gpu_devices, 3);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_mapreduce)
{
    struct trace *trace =
        fixture_trace(MACHINES_HEADER,
                      MAPREDUCE_HEADER "1,0,w,,0,0,1,8,1,1,0,0,1,,10,5,1000,2000,200\n"
                                       "2,0,w,,0,0,1,0,1,1,0,0,1,,,,,,\n",
                      NULL);
    const struct omega_mapreduce *numbers = &trace->jobs[0]->mapreduce;
    ck_assert_uint_eq(numbers->map_activities, 10);
    ck_assert_uint_eq(numbers->reduce_activities, 5);
    ck_assert_int_eq(numbers->map_mean_us, 1000);
    ck_assert_int_eq(numbers->reduce_mean_us, 2000);
    ck_assert_uint_eq(numbers->workers_asked, 200);
    ck_assert(!omega_job_is_mapreduce(trace->jobs[1]));
    trace_destroy(trace);
}
END_TEST

struct bad {
    const char *text;
    long line;
    const char *error;
};

static void all_refused(readers_parse *parse, const struct bad *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct trace *trace = trace_create(NULL);
        omega_error_t err = {0};
        fixture_add(reader_csv_machines, trace, MACHINES_HEADER "known,1,1,0,,,0,\n");
        int rc = fixture_parse(parse, trace, cases[i].text, &err);
        ck_assert_msg(rc == OMEGA_EINVAL, "case %zu: %d", i, rc);
        ck_assert_str_eq(err.source, "input.csv");
        ck_assert_msg(err.line == cases[i].line, "case %zu: line %ld", i, err.line);
        ck_assert_msg(strstr(err.text, cases[i].error) != NULL, "case %zu: %s", i, err.text);
        trace_destroy(trace);
    }
}

START_TEST(test_bad_jobs)
{
    static const struct bad cases[] = {
        {"", 1, "the file is empty, expected the header 'job,submit_us,workload,"},
        {"job\n", 1, "another header, expected the header 'job,submit_us,"},
        {JOBS_HEADER "1,2\n", 2, "2 fields, expected 14"},
        {JOBS_HEADER "0,0,w,,0,0,1,0,1,1,0,0,1,\n", 2, "job '0', expected an integer of 1 to"},
        {JOBS_HEADER "1,-1,w,,0,0,1,0,1,1,0,0,1,\n", 2, "submit_us '-1', expected an integer of 0"},
        {JOBS_HEADER "1,0,,,0,0,1,0,1,1,0,0,1,\n", 2, "workload name of 0 bytes, expected 1 to"},
        {JOBS_HEADER "1,0,w,,,0,1,0,1,1,0,0,1,\n", 2, "precedence '', expected an integer of"},
        {JOBS_HEADER "1,0,w,,0,1,1,0,1,1,0,0,1,\n", 2, "group 1 of job 1, expected 0"},
        {JOBS_HEADER "1,0,w,,0,0,0,0,1,1,0,0,1,\n", 2, "has 0 tasks, expected 1 to"},
        {JOBS_HEADER "1,0,w,,0,0,1048577,0,1,1,0,0,1,\n", 2, "tasks '1048577', expected"},
        {JOBS_HEADER "1,0,w,,0,0,1,0,1.5,1,0,0,1,\n", 2, "cpu_milli '1.5', expected"},
        {JOBS_HEADER "1,0,w,,0,0,1,0,1,1,2,500,1,\n", 2, "2 GPU devices of 500 milli-GPU"},
        {JOBS_HEADER "1,0,w,,0,0,1,0,1,1,9,1000,1,\n", 2, "gpu_devices '9', expected"},
        {JOBS_HEADER "1,0,w,,0,0,1,0,1,1,0,0,never,\n", 2, "duration_us 'never', expected"},
        {JOBS_HEADER "1,0,w,,0,0,3,0,1,1,0,0,1;2,\n", 2,
         "2 durations, expected one, or one for each of the 3 tasks"},
        {JOBS_HEADER "1,0,w,,0,0,2,0,1,1,0,0,1;-2,\n", 2, "duration_us of task 1 is '-2'"},
        {JOBS_HEADER "1,0,w,,0,0,1,0,1,1,0,0,1,=x\n", 2, "expected"},
        {JOBS_HEADER "1,0,w,,0,0,1,0,1,1,0,0,1,\n2,0,w,,0,0,1,0,1,1,0,0,1,\n"
                     "1,0,w,,0,1,1,0,1,1,0,0,1,\n",
         4, "job 1 again, expected its rows one behind the other"},
        {JOBS_HEADER "1,0,w,,0,0,1,0,1,1,0,0,1,\n1,0,w,,1,1,1,0,1,1,0,0,1,\n", 3,
         "job 1 differs from its row before, expected the same submit_us"},
        {JOBS_HEADER "1,0,w,,0,0,1,0,1,1,0,0,1,\n1,0,w,,0,2,1,0,1,1,0,0,1,\n", 3,
         "group 2 of job 1, expected 1"},
        {JOBS_HEADER "1,0,w,a\tb,0,0,1,0,1,1,0,0,1,\n2,0,w,,0,0,1,0,1,1,0,0,1,\n", 2,
         "user name 'a\tb' holds a control character"},
    };
    all_refused(reader_csv_jobs, cases, sizeof cases / sizeof *cases);
}
END_TEST

START_TEST(test_bad_machines)
{
    static const struct bad cases[] = {
        {MACHINES_HEADER "m,-1,1,0,,,0,\n", 2, "cpu_milli '-1', expected an integer of 0 to"},
        {MACHINES_HEADER "m,1,1,9,,,0,\n", 2, "gpu_devices '9', expected an integer of 0 to 8"},
        {MACHINES_HEADER "m,1,1,0,,,2,\n", 2, "absent '2', expected an integer of 0 to 1"},
        {MACHINES_HEADER "m,1,1,0,,,0,\nm,1,1,0,,,0,\n", 3, "machine 'm' comes twice"},
        {MACHINES_HEADER "m,1,1,0,p,,0,platform=q\n", 2, "expected"},
    };
    all_refused(reader_csv_machines, cases, sizeof cases / sizeof *cases);
}
END_TEST

START_TEST(test_bad_events)
{
    static const struct bad cases[] = {
        {EVENTS_HEADER "1,other,drain,,,\n", 2, "unknown machine 'other', expected one of"},
        {EVENTS_HEADER "1,known,break,,,\n", 2,
         "event 'break', expected add, remove, drain, undrain or capacity"},
        {EVENTS_HEADER "1,known,capacity,,1,\n", 2, "cpu_milli '', expected an integer"},
        {EVENTS_HEADER "1,known,drain,5,,\n", 2,
         "cpu_milli '5' of an event 'drain', expected empty"},
        {EVENTS_HEADER "5,known,remove,1,1,1\n", 2, "cpu_milli '1' of an event 'remove', expected"},
        {EVENTS_HEADER "1,known,add,,,\n", 2,
         "event 'add' of machine 'known' at 1 us, which is up then, expected add when down"},
        {EVENTS_HEADER "9,known,drain,,,\n3,known,drain,,,\n1,known,capacity,1,1,\n", 2,
         "event 'drain' of machine 'known' at 9 us, which is draining then"},
        {EVENTS_HEADER "-1,known,drain,,,\n", 2, "time_us '-1', expected an integer of 0 to"},
    };
    all_refused(reader_csv_events, cases, sizeof cases / sizeof *cases);
}
END_TEST

START_TEST(test_import_errors)
{
    static const char *const inputs[] = {"/nowhere/jobs.csv", "/nowhere/machines.csv"};
    struct trace *trace = NULL;
    omega_error_t err = {0};
    ck_assert_int_eq(trace_import("csv", inputs, 1, &trace, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "1 input files for format csv, expected: "
                               "JOBS.csv MACHINES.csv [EVENTS.csv]");
    omega_error_clear(&err);
    ck_assert_int_eq(trace_import("csv", inputs, 2, &trace, &err), OMEGA_EIO);
    ck_assert_str_eq(err.source, "/nowhere/machines.csv");
    omega_error_clear(&err);
    ck_assert_int_eq(trace_import("xml", inputs, 2, &trace, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "unknown trace format 'xml', expected one of: csv, openb, swim");
    ck_assert_ptr_null(trace);
}
END_TEST

START_TEST(test_events_file)
{
    char path[] = "/tmp/check_reader_csv.XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    FILE *out = fdopen(fd, "w");
    fputs(EVENTS_HEADER "30,m0,undrain,,,\n20,m0,drain,,,\n", out);
    fclose(out);
    struct trace *trace = fixture_trace(MACHINES_TEXT, JOBS_HEADER, NULL);
    omega_error_t err = {0};
    ck_assert_int_eq(trace_read_events_csv(path, trace, &err), OMEGA_OK);
    ck_assert_uint_eq(trace->event_count, 2);
    ck_assert_int_eq(trace->events[0].time_us, 20);
    trace_destroy(trace);
    remove(path);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "job", test_job);
    check_case(suite, "machine", test_machine);
    check_case(suite, "mapreduce", test_mapreduce);
    check_case(suite, "bad jobs", test_bad_jobs);
    check_case(suite, "bad machines", test_bad_machines);
    check_case(suite, "bad events", test_bad_events);
    check_case(suite, "import errors", test_import_errors);
    check_case(suite, "events file", test_events_file);
}

CHECK_MAIN("reader csv", add_cases)
