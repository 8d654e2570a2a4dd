/* SPDX-License-Identifier: MIT */
/* Format swim: what a row becomes, the assumptions counted, what is refused. The real sample:
 * t2150-swim.sh. */
#include <stdio.h>
#include <string.h>

#include "core/workload/trace_private.h"
#include "tests/support/check_main.h"
#include "tests/unit/core/workload/trace_fixture.h"

#define MIB (1 << 20)

static uint64_t note(const struct trace *trace, const char *part)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < trace->note_count; i++) {
        count += strstr(trace->notes[i].text, part) != NULL ? trace->notes[i].count : 0;
    }
    return count;
}

static struct trace *parse(const char *rows)
{
    struct trace *trace = trace_create(NULL);
    fixture_add(reader_swim_jobs, trace, rows);
    ck_assert_int_eq(trace_seal(trace, NULL), OMEGA_OK);
    return trace;
}

static void check_numbers(const struct omega_job *job, uint32_t maps, int64_t map_us,
                          uint32_t reduces, int64_t reduce_us, uint32_t workers)
{
    ck_assert_uint_eq(job->mapreduce.map_activities, maps);
    ck_assert_int_eq(job->mapreduce.map_mean_us, map_us);
    ck_assert_uint_eq(job->mapreduce.reduce_activities, reduces);
    ck_assert_int_eq(job->mapreduce.reduce_mean_us, reduce_us);
    ck_assert_uint_eq(job->mapreduce.workers_asked, workers);
    ck_assert_uint_eq(job->tasks, workers);
    ck_assert_int_eq(job->groups[0].duration_us,
                     omega_mapreduce_duration(&job->mapreduce, workers));
}

/* Bytes that make whole numbers at 1.3 MB/s. */
START_TEST(test_rows)
{
    struct trace *trace =
        parse("job0\t49\t49\t130000000\t2600000000\t1300000000\n" /* 2 blocks, 3 reduces */
              "job1\t101\t52\t13000000\t0\t26000000\n"            /* map-only: writes the output */
              "job2\t101\t0\t0\t0\t0\n"
              "job3\t103\t2\t67108864\t1\t0\tin\tout\n"); /* one whole block; paths are dropped */
    ck_assert_uint_eq(trace->job_count, 4);
    ck_assert_str_eq(trace->workloads[0], "mapreduce");
    const struct omega_job *job = trace->jobs[0];
    ck_assert_uint_eq(job->id, 1);
    ck_assert_int_eq(job->submit_us, 49000000);
    ck_assert_int_eq(job->precedence, 100);
    ck_assert_int_eq(job->groups[0].request.cpu_milli, 1000);
    ck_assert_int_eq(job->groups[0].request.mem_mib, 2048);
    check_numbers(job, 2, 50000000, 3, 1000000000, 1);
    ck_assert_uint_eq(job->slots, 3);
    check_numbers(trace->jobs[1], 1, 30000000, 0, 0, 1);
    check_numbers(trace->jobs[2], 1, 1000000, 0, 0, 1);
    check_numbers(trace->jobs[3], 1, 51622204, 1, 1000000, 1); /* rounded up; raised to 1 s */
    ck_assert_uint_eq(note(trace, "a MapReduce job of an unknown user"), 4);
    ck_assert_uint_eq(note(trace, "without input got one map"), 1);
    ck_assert_uint_eq(note(trace, "without shuffle"), 2);
    ck_assert_uint_eq(note(trace, "raised to 1 s"), 2);
    ck_assert_uint_eq(note(trace, "cut"), 0);
    trace_destroy(trace);
}
END_TEST

/* As many workers as is customary, not more than are of use; optional ones up to these. */
START_TEST(test_workers)
{
    static const struct {
        int64_t maps;
        uint32_t workers;
        uint32_t slots;
    } cases[] = {
        {1, 1, 1},
        {4, 1, 4},
        {5, 5, 5},
        {10, 5, 10},
        {11, 11, 11},
        {199, 11, 199},
        {200, 200, 200},
        {999, 200, 999},
        {1000, 1000, 1000},
        {10000, 1000, 10000},
        {10001, 1000, 10000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char row[80];
        snprintf(row, sizeof row, "j\t1\t1\t%lld\t0\t0\n", (long long)(cases[i].maps * 64 * MIB));
        struct trace *trace = parse(row);
        ck_assert_uint_eq(trace->jobs[0]->mapreduce.map_activities, (uint64_t)cases[i].maps);
        ck_assert_uint_eq(trace->jobs[0]->tasks, cases[i].workers);
        ck_assert_uint_eq(trace->jobs[0]->slots, cases[i].slots);
        ck_assert_uint_eq(note(trace, "optional workers cut"), cases[i].maps > 10000);
        trace_destroy(trace);
    }
}
END_TEST

START_TEST(test_limits)
{
    struct trace *trace = parse("j\t1\t1\t0\t2000000000000\t0\n"
                                "j\t2\t1\t72057594037927936\t72057594037927936\t"
                                "72057594037927936\n");
    ck_assert_uint_eq(trace->jobs[0]->mapreduce.reduce_activities, 999);
    ck_assert_uint_eq(trace->jobs[1]->mapreduce.map_activities, 1u << 30);
    ck_assert_uint_eq(note(trace, "cut to 999"), 2);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *rows;
        long line;
        const char *text;
    } cases[] = {
        {"j\t1\t1\t1\t1\t1\nj\t1\t1\t1\t1\n", 2,
         "5 fields, expected 6 with tabs between them (job, submission, gap, map input, shuffle "
         "and reduce output), or 8 with two paths"},
        {"j,1,1,1,1,1\n", 1,
         "1 fields, expected 6 with tabs between them (job, submission, gap, map input, shuffle "
         "and reduce output), or 8 with two paths"},
        {"j\t-1\t1\t1\t1\t1\n", 1, "submission '-1', expected an integer of 0 to 1000000000000"},
        {"j\t1\tx\t1\t1\t1\n", 1, "gap 'x', expected an integer of 0 to 1000000000000"},
        {"j\t1\t1\t1e9\t1\t1\n", 1,
         "map input '1e9', expected an integer of 0 to 72057594037927936"},
        {"j\t1\t1\t1\t\t1\n", 1, "shuffle '', expected an integer of 0 to 72057594037927936"},
        {"j\t1\t1\t1\t1\t72057594037927937\n", 1,
         "reduce output '72057594037927937', expected an integer of 0 to 72057594037927936"},
        {"\"j\"x\t1\t1\t1\t1\t1\n", 1,
         "text behind the closing quote of field 1, expected a tab or the end of the line"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trace *trace = trace_create(NULL);
        omega_error_t err = {0};
        ck_assert_int_eq(fixture_parse(reader_swim_jobs, trace, cases[i].rows, &err), OMEGA_EINVAL);
        ck_assert_str_eq(err.text, cases[i].text);
        ck_assert_int_eq(err.line, cases[i].line);
        trace_destroy(trace);
    }
    struct trace *trace = NULL;
    omega_error_t err = {0};
    const char *const inputs[] = {"a", "b"};
    ck_assert_int_eq(trace_import("swim", inputs, 2, &trace, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "2 input files for format swim, expected: SAMPLE.tsv");
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "rows", test_rows);
    check_case(suite, "workers", test_workers);
    check_case(suite, "limits", test_limits);
    check_case(suite, "refused", test_refused);
}

CHECK_MAIN("reader swim", add_cases)
