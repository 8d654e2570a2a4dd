/* SPDX-License-Identifier: MIT */
/* The binary trace file: round trip, every truncation and every flipped bit refused, versions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/workload/trace.h"
#include "tests/support/check_main.h"
#include "tests/unit/core/workload/trace_fixture.h"

#define TEMPLATE "/tmp/check_trace_file.XXXXXX"

static char folder[] = TEMPLATE;
static char path[64];

static void set_up(void)
{
    memcpy(folder, TEMPLATE, sizeof folder); /* new for each test, also without fork */
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/t.trace", folder);
}

static void tear_down(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0); /* nothing half-written is left */
}

static struct trace *read_back(struct catalogue *catalogue)
{
    struct trace *trace = NULL;
    omega_error_t err = {0};
    ck_assert_msg(trace_read(path, catalogue, &trace, &err) == OMEGA_OK, "%s", err.text);
    return trace;
}

static uint8_t *bytes_of(const struct trace *trace, size_t *size)
{
    char *bytes = NULL;
    ck_assert_int_eq(trace_write(trace, path, NULL), OMEGA_OK);
    ck_assert_int_eq(file_read_all(path, 1 << 20, &bytes, size, NULL), OMEGA_OK);
    return (uint8_t *)bytes;
}

START_TEST(test_round_trip)
{
    struct trace *trace = fixture_full();
    trace->jobs[0]->mapreduce = (struct omega_mapreduce){1, 2, 3, 4, 5};
    trace_note(trace, "an assumption", 7);
    ck_assert_int_eq(trace_set_source(trace, "from a test", NULL), OMEGA_OK);
    ck_assert_int_eq(trace_write(trace, path, NULL), OMEGA_OK);
    struct trace *back = read_back(NULL);
    ck_assert(fixture_equal(trace, back));
    ck_assert_str_eq(back->source, "from a test");
    ck_assert_uint_eq(back->note_count, 1);
    ck_assert_str_eq(back->notes[0].text, "an assumption");
    ck_assert_uint_eq(back->notes[0].count, 7);
    ck_assert_uint_eq(back->workload_count, 2);
    ck_assert_str_eq(back->workloads[1], "service, \"x\"");
    ck_assert_uint_eq(back->jobs[0]->mapreduce.workers_asked, 5);
    trace_destroy(back);
    trace_destroy(trace);
}
END_TEST

/* The same bytes whatever the catalogue's numbers are. */
START_TEST(test_other_catalogue)
{
    struct trace *trace = fixture_full();
    size_t sizes[2];
    uint8_t *first = bytes_of(trace, &sizes[0]);
    struct catalogue *catalogue = catalogue_create();
    symbols_intern(catalogue_symbols(catalogue), "bob");
    struct trace *back = read_back(catalogue);
    uint8_t *second = bytes_of(back, &sizes[1]);
    ck_assert_uint_eq(sizes[0], sizes[1]);
    ck_assert_mem_eq(first, second, sizes[0]);
    free(first);
    free(second);
    trace_destroy(trace);
    trace_destroy(back);
    catalogue_destroy(catalogue);
}
END_TEST

/* More strings, machines, events and jobs than one block holds. */
START_TEST(test_many_blocks)
{
    enum {
        MACHINES = 100000,
        JOBS = 100000
    };
    struct trace *trace = trace_create(NULL);
    struct symbols *symbols = catalogue_symbols(trace->catalogue);
    char name[64];
    for (uint32_t i = 0; i < MACHINES; i++) {
        snprintf(name, sizeof name, "a-rather-long-machine-name-%u", i);
        struct omega_machine_spec machine = {.name = symbols_intern(symbols, name),
                                             .cpu_milli = (int32_t)i};
        ck_assert_int_eq(trace_add_machine(trace, &machine, NULL), OMEGA_OK);
        struct omega_machine_event event = {.time_us = i, .machine = i, .kind = OMEGA_EVENT_DRAIN};
        ck_assert_int_eq(trace_add_event(trace, &event, NULL), OMEGA_OK);
    }
    uint32_t workload;
    ck_assert_int_eq(trace_workload(trace, "w", &workload, NULL), OMEGA_OK);
    for (uint32_t i = 0; i < JOBS; i++) {
        const int64_t durations[] = {i, OMEGA_NEVER, OMEGA_DURATION_MAX};
        struct omega_task_group group = {.count = 3, .task_duration_us = durations};
        struct omega_job job = {.id = JOBS - i, .submit_us = i, .group_count = 1, .groups = &group};
        ck_assert_int_eq(trace_add_job(trace, &job, NULL), OMEGA_OK);
    }
    ck_assert_int_eq(trace_seal(trace, NULL), OMEGA_OK);
    ck_assert_int_eq(trace_write(trace, path, NULL), OMEGA_OK);
    struct trace *back = read_back(NULL);
    ck_assert_uint_eq(back->machine_count, MACHINES);
    ck_assert_uint_eq(back->event_count, MACHINES);
    ck_assert(fixture_equal(trace, back));
    trace_destroy(back);
    trace_destroy(trace);
}
END_TEST

static void refused(const uint8_t *bytes, size_t size, int code, const char *text)
{
    struct trace *trace = NULL;
    omega_error_t err = {0};
    uint8_t *exact = malloc(size + 1); /* of no more than that, for the sanitizers */
    memcpy(exact, bytes, size);
    ck_assert_int_eq(trace_decode(exact, size, "x.trace", NULL, &trace, &err), code);
    ck_assert_ptr_null(trace);
    ck_assert_str_eq(err.source, "x.trace");
    ck_assert_msg(strstr(err.text, text) != NULL, "%s", err.text);
    free(exact);
}

START_TEST(test_truncated)
{
    struct trace *trace = fixture_full();
    size_t size;
    uint8_t *bytes = bytes_of(trace, &size);
    for (size_t length = 0; length < size; length++) {
        refused(bytes, length, OMEGA_ECORRUPT,
                length < 12 ? "is not a trace file" : "the file ends");
    }
    free(bytes);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_flipped_bits)
{
    struct trace *trace = fixture_full();
    size_t size;
    uint8_t *bytes = bytes_of(trace, &size);
    for (size_t i = 0; i < size; i++) {
        bool in_version = i >= 8 && i < 12;
        bytes[i] ^= (uint8_t)(1u << (i % 8));
        refused(bytes, size, in_version ? OMEGA_EVERSION : OMEGA_ECORRUPT, "");
        bytes[i] ^= (uint8_t)(1u << (i % 8));
    }
    free(bytes);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_messages)
{
    struct trace *trace = fixture_full();
    ck_assert_int_eq(trace_set_source(trace, "from a test", NULL), OMEGA_OK);
    size_t size;
    uint8_t *bytes = bytes_of(trace, &size);
    bytes[8] = 2;
    refused(bytes, size, OMEGA_EVERSION, "is a trace file of version 2, expected version 1");
    bytes[8] = 1;
    bytes[40]++; /* in the payload of the first block, which starts at 32 */
    refused(bytes, size, OMEGA_ECORRUPT,
            "block 1 (about), byte 12: the block is damaged: its checksum is another");
    bytes[40]--;
    bytes[size] = 0; /* the NUL that file_read_all puts there */
    refused(bytes, size + 1, OMEGA_ECORRUPT, "bytes behind the last block, expected none");
    free(bytes);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_system_errors)
{
    struct trace *trace = fixture_full();
    struct trace *back = NULL;
    omega_error_t err = {0};
    ck_assert_int_eq(trace_read(path, NULL, &back, &err), OMEGA_EIO);
    ck_assert_str_eq(err.source, path);
    ck_assert_int_ne(trace_write(trace, "/nowhere/t.trace", NULL), OMEGA_OK);
    ck_assert_int_ne(trace_read(folder, NULL, &back, NULL), OMEGA_OK);
    trace_destroy(trace);
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *test)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
}

static void add_cases(Suite *suite)
{
    add(suite, "round trip", test_round_trip);
    add(suite, "other catalogue", test_other_catalogue);
    add(suite, "many blocks", test_many_blocks);
    add(suite, "truncated", test_truncated);
    add(suite, "flipped bits", test_flipped_bits);
    add(suite, "messages", test_messages);
    add(suite, "system errors", test_system_errors);
}

CHECK_MAIN("trace file", add_cases)
