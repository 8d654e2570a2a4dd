/* SPDX-License-Identifier: MIT */
/* Traces in memory: what is refused, the order after sealing, normal forms, notes, digest. */
#include <stdio.h>
#include <string.h>

#include "core/workload/trace_private.h"
#include "tests/support/check_main.h"
#include "tests/unit/core/workload/trace_fixture.h"

/* Of fixture_full(): it must be the same on every machine and for ever. */
#define FULL_DIGEST "9b61092212d506561129a6be70cd88a9"

START_TEST(test_sealed_order)
{
    struct trace *trace = fixture_full();
    ck_assert_uint_eq(trace->job_count, 3);
    ck_assert_uint_eq(trace->jobs[0]->id, 9);
    ck_assert_uint_eq(trace->jobs[1]->id, 2); /* by id where the time is the same */
    ck_assert_uint_eq(trace->jobs[2]->id, 7);
    static const uint8_t kinds[] = {OMEGA_EVENT_DRAIN, OMEGA_EVENT_UNDRAIN, OMEGA_EVENT_CAPACITY,
                                    OMEGA_EVENT_ADD, OMEGA_EVENT_REMOVE};
    ck_assert_uint_eq(trace->event_count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(trace->events[i].kind, kinds[i]);
    }
    ck_assert_uint_eq(trace_find_machine(trace, "m,\"1"), 1);
    ck_assert_uint_eq(trace_find_machine(trace, "alice"), UINT32_MAX);
    ck_assert_uint_eq(trace_find_machine(trace, "nobody"), UINT32_MAX);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_durations_normalised)
{
    struct trace *trace = fixture_full();
    const struct omega_job *elastic = trace->jobs[0];
    ck_assert_uint_eq(elastic->tasks, 4);
    ck_assert_uint_eq(elastic->slots, 8);
    ck_assert_ptr_null(elastic->groups[0].task_duration_us);
    ck_assert_int_eq(elastic->groups[0].duration_us, 5);
    const struct omega_job *job = trace->jobs[1];
    ck_assert_uint_eq(job->group_count, 2);
    ck_assert_uint_eq(job->groups[1].first_task, 3);
    ck_assert_int_eq(job->groups[0].duration_us, 0);
    ck_assert_int_eq(omega_task_duration(&job->groups[0], 0), 1);
    ck_assert_int_eq(omega_task_duration(&job->groups[0], 1), OMEGA_NEVER);
    ck_assert_int_eq(omega_task_duration(&job->groups[0], 2), 3);
    ck_assert_int_eq(omega_task_duration(&job->groups[1], 3), OMEGA_NEVER);
    trace_destroy(trace);
}
END_TEST

static struct omega_task_group group = {.count = 1, .duration_us = 5};

static struct omega_job good_job(void)
{
    return (struct omega_job){.id = 1, .group_count = 1, .groups = &group};
}

static void job_refused(struct trace *trace, const struct omega_job *job, const char *text)
{
    omega_error_t err = {0};
    ck_assert_int_eq(trace_add_job(trace, job, &err), OMEGA_EINVAL);
    ck_assert_msg(strstr(err.text, text) != NULL, "%s", err.text);
    ck_assert_uint_eq(trace->job_count, 1);
}

START_TEST(test_bad_jobs)
{
    struct trace *trace = trace_create(NULL);
    uint32_t workload;
    ck_assert_int_eq(trace_workload(trace, "w", &workload, NULL), OMEGA_OK);
    struct omega_job job = good_job();
    ck_assert_int_eq(trace_add_job(trace, &job, NULL), OMEGA_OK);
    ck_assert_uint_eq(trace->jobs[0]->tasks, 1); /* sealed here */
    job.id = 0;
    job_refused(trace, &job, "job id 0, expected 1 to");
    job = good_job();
    job.submit_us = -1;
    job_refused(trace, &job, "job submitted at -1 us, expected 0 to");
    job = good_job();
    job.workload = 1;
    job_refused(trace, &job, "job of workload 1, expected one below 1");
    job = good_job();
    job.group_count = 0;
    job_refused(trace, &job, "job has 0 task groups, expected 1 to 1024");
    job = good_job();
    job.mapreduce.map_mean_us = -1;
    job_refused(trace, &job, "mean durations of -1 us (map)");
    job = good_job();
    job.user = symbols_intern(catalogue_symbols(trace->catalogue), "two\nlines");
    job_refused(trace, &job, "holds a control character, expected none");
    struct omega_task_group bad = {.count = 1, .duration_us = -2};
    job = good_job();
    job.groups = &bad;
    job_refused(trace, &job, "duration of -2 us");
    trace_destroy(trace);
}
END_TEST

START_TEST(test_bad_machines)
{
    struct trace *trace = trace_create(NULL);
    omega_error_t err = {0};
    struct omega_machine_spec machine = {.cpu_milli = 1};
    ck_assert_int_eq(trace_add_machine(trace, &machine, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "machine name of 0 bytes, expected 1 to 4096");
    machine.name = symbols_intern(catalogue_symbols(trace->catalogue), "m");
    ck_assert_int_eq(trace_add_machine(trace, &machine, NULL), OMEGA_OK);
    omega_error_clear(&err);
    ck_assert_int_eq(trace_add_machine(trace, &machine, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "machine 'm' comes twice, expected one of a name");
    machine.name = symbols_intern(catalogue_symbols(trace->catalogue), "n");
    machine.gpu_devices = 9;
    ck_assert_int_eq(trace_add_machine(trace, &machine, NULL), OMEGA_EINVAL);
    ck_assert_uint_eq(trace->machine_count, 1);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_bad_events)
{
    struct trace *trace = fixture_trace(MACHINES_TEXT, JOBS_HEADER, NULL);
    struct omega_machine_event event = {.machine = 3};
    ck_assert_int_eq(trace_add_event(trace, &event, NULL), OMEGA_EINVAL);
    event = (struct omega_machine_event){.kind = 5};
    ck_assert_int_eq(trace_add_event(trace, &event, NULL), OMEGA_EINVAL);
    event = (struct omega_machine_event){.time_us = -1};
    ck_assert_int_eq(trace_add_event(trace, &event, NULL), OMEGA_EINVAL);
    ck_assert_uint_eq(trace->event_count, 0);
    event = (struct omega_machine_event){.time_us = 7, .kind = OMEGA_EVENT_UNDRAIN};
    ck_assert_int_eq(trace_add_event(trace, &event, NULL), OMEGA_OK);
    omega_error_t err = {0};
    ck_assert_int_eq(trace_seal(trace, &err), OMEGA_EINVAL);
    ck_assert_msg(strstr(err.text, "event 'undrain' of machine 'm0' at 7 us, which is up then") !=
                      NULL,
                  "%s", err.text);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_twice)
{
    struct trace *trace = trace_create(NULL);
    uint32_t workload;
    omega_error_t err = {0};
    trace_workload(trace, "w", &workload, NULL);
    struct omega_job job = good_job();
    ck_assert_int_eq(trace_add_job(trace, &job, NULL), OMEGA_OK);
    job.submit_us = 4;
    ck_assert_int_eq(trace_add_job(trace, &job, NULL), OMEGA_OK);
    ck_assert_int_eq(trace_seal(trace, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "job 1 comes twice, expected one of an id");
    trace_destroy(trace);
}
END_TEST

START_TEST(test_notes)
{
    struct trace *trace = trace_create(NULL);
    trace_note(trace, "never", 0);
    ck_assert_uint_eq(trace->note_count, 0);
    trace_note(trace, "a", 2);
    trace_note(trace, "a", 3);
    ck_assert_uint_eq(trace->note_count, 1);
    ck_assert_uint_eq(trace->notes[0].count, 5);
    for (int i = 0; i < 100; i++) {
        char text[16];
        snprintf(text, sizeof text, "note %d", i);
        trace_note(trace, text, 1);
    }
    ck_assert_uint_eq(trace->note_count, TRACE_NOTES_MAX);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < trace->note_count; i++) {
        sum += trace->notes[i].count;
    }
    ck_assert_uint_eq(sum, 105);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_digest)
{
    struct trace *a = fixture_full();
    struct trace *b = fixture_full();
    char before[33];
    char after[33];
    ck_assert(fixture_equal(a, b));
    ck_assert_int_eq(trace_digest(b, before, NULL), OMEGA_OK);
    ck_assert_str_eq(before, FULL_DIGEST);
    b->jobs[0]->precedence++;
    trace_digest(b, after, NULL);
    ck_assert_str_ne(before, after);
    b->jobs[0]->precedence--;
    b->machines[1].absent = 1;
    trace_digest(b, after, NULL);
    ck_assert_str_ne(before, after);
    b->machines[1].absent = 0;
    b->events[0].time_us++;
    trace_digest(b, after, NULL);
    ck_assert_str_ne(before, after);
    b->events[0].time_us--;
    trace_digest(b, after, NULL);
    ck_assert_str_eq(before, after);
    trace_destroy(a);
    trace_destroy(b);
}
END_TEST

/* Neither the order of names in the catalogue nor a workload without jobs changes the digest. */
START_TEST(test_digest_names)
{
    struct catalogue *catalogue = catalogue_create();
    symbols_intern(catalogue_symbols(catalogue), "bob");
    symbols_intern(catalogue_symbols(catalogue), "rack0");
    struct trace *a = fixture_full();
    struct trace *b = trace_create(catalogue);
    uint32_t workload;
    ck_assert_int_eq(trace_workload(b, "empty", &workload, NULL), OMEGA_OK);
    fixture_add(reader_csv_machines, b, MACHINES_TEXT);
    fixture_add(reader_csv_jobs, b, JOBS_TEXT);
    fixture_add(reader_csv_events, b, EVENTS_TEXT);
    ck_assert_int_eq(trace_seal(b, NULL), OMEGA_OK);
    ck_assert(fixture_equal(a, b));
    trace_destroy(a);
    trace_destroy(b);
    catalogue_destroy(catalogue);
}
END_TEST

START_TEST(test_machine_attributes)
{
    struct trace *trace = fixture_full();
    char text[64];
    static const char *const expected[] = {"", "gpu_model=A;ssd", "n=3"};
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_int_eq(
            trace_machine_attributes(trace, &trace->machines[i], text, sizeof text, NULL),
            OMEGA_OK);
        ck_assert_str_eq(text, expected[i]);
    }
    ck_assert_int_eq(trace_machine_attributes(trace, &trace->machines[1], text, 5, NULL),
                     OMEGA_EINVAL);
    uint32_t constraints;
    ck_assert_int_eq(
        catalogue_constraints(trace->catalogue, "platform=x86;domain=rack0", &constraints, NULL),
        OMEGA_OK);
    ck_assert(catalogue_meets(trace->catalogue, constraints, trace->machines[0].attributes));
    ck_assert(!catalogue_meets(trace->catalogue, constraints, trace->machines[2].attributes));
    ck_assert_int_eq(trace_capacity(trace, REPLAY_CPU), 12000); /* m2 is absent */
    ck_assert_int_eq(trace_capacity(trace, REPLAY_GPU), 8000);
    trace_destroy(trace);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "sealed order", test_sealed_order);
    check_case(suite, "durations", test_durations_normalised);
    check_case(suite, "bad jobs", test_bad_jobs);
    check_case(suite, "bad machines", test_bad_machines);
    check_case(suite, "bad events", test_bad_events);
    check_case(suite, "job twice", test_twice);
    check_case(suite, "notes", test_notes);
    check_case(suite, "digest", test_digest);
    check_case(suite, "digest of names", test_digest_names);
    check_case(suite, "machine attributes", test_machine_attributes);
}

CHECK_MAIN("trace", add_cases)
