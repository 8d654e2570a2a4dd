/* SPDX-License-Identifier: MIT */
/* Traces for tests, built from the text of the CSV tables. */
#ifndef OMEGA_TESTS_UNIT_CORE_WORKLOAD_TRACE_FIXTURE_H
#define OMEGA_TESTS_UNIT_CORE_WORKLOAD_TRACE_FIXTURE_H

#include <check.h>
#include <string.h>

#include "core/workload/readers.h"

#define MACHINES_HEADER "machine,cpu_milli,mem_mib,gpu_devices,platform,domain,absent,attributes\n"
#define JOBS_HEADER                                                                                \
    "job,submit_us,workload,user,precedence,group,tasks,optional,cpu_milli,mem_mib,gpu_devices,"   \
    "gpu_milli,duration_us,constraints\n"
#define EVENTS_HEADER "time_us,machine,event,cpu_milli,mem_mib,gpu_devices\n"

/* A small cell that has everything a trace can hold. */
#define MACHINES_TEXT                                                                              \
    MACHINES_HEADER "m0,4000,16384,0,x86,rack0,0,\n"                                               \
                    "\"m,\"\"1\",8000,32768,8,,,0,gpu_model=A;ssd\n"                               \
                    "m2,1000,1024,0,arm,,1,n=3\n"
#define JOBS_TEXT                                                                                  \
    JOBS_HEADER "7,50,batch,alice,100,0,3,0,100,200,0,0,1000,\n"                                   \
                "2,50,\"service, \"\"x\"\"\",,-5,0,2,1,100,200,1,500,1;;3,gpu_model=A|B\n"         \
                "2,50,\"service, \"\"x\"\"\",,-5,1,1,0,7,0,2,1000,,ssd?;different_machines\n"      \
                "9,10,batch,bob,400,0,4,4,1,2,0,0,5;5;5;5;5;5;5;5,\n"
#define EVENTS_TEXT                                                                                \
    EVENTS_HEADER "30,m0,undrain,,,\n"                                                             \
                  "20,m0,drain,,,\n"                                                               \
                  "30,m0,capacity,1,2,3\n"                                                         \
                  "40,m2,add,,,\n"                                                                 \
                  "50,\"m,\"\"1\",remove,,,\n"

static inline int fixture_parse(readers_parse *parse, struct trace *trace, const char *text,
                                omega_error_t *err)
{
    FILE *stream = text[0] == '\0' ? fopen("/dev/null", "r")
                                   : fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    ck_assert_ptr_nonnull(stream);
    int rc = parse(trace, stream, "input.csv", err);
    fclose(stream);
    return rc;
}

static inline void fixture_add(readers_parse *parse, struct trace *trace, const char *text)
{
    omega_error_t err = {0};
    ck_assert_msg(fixture_parse(parse, trace, text, &err) == OMEGA_OK, "line %ld: %s", err.line,
                  err.text);
}

/* A sealed trace of these tables; events may be NULL. */
static inline struct trace *fixture_trace(const char *machines, const char *jobs,
                                          const char *events)
{
    omega_error_t err = {0};
    struct trace *trace = trace_create(NULL);
    ck_assert_ptr_nonnull(trace);
    fixture_add(reader_csv_machines, trace, machines);
    fixture_add(reader_csv_jobs, trace, jobs);
    if (events != NULL) {
        fixture_add(reader_csv_events, trace, events);
    }
    ck_assert_msg(trace_seal(trace, &err) == OMEGA_OK, "%s", err.text);
    return trace;
}

static inline struct trace *fixture_full(void)
{
    return fixture_trace(MACHINES_TEXT, JOBS_TEXT, EVENTS_TEXT);
}

/* True if two traces have equal digests. */
static inline int fixture_equal(const struct trace *a, const struct trace *b)
{
    char digests[2][33];
    ck_assert_int_eq(trace_digest(a, digests[0], NULL), OMEGA_OK);
    ck_assert_int_eq(trace_digest(b, digests[1], NULL), OMEGA_OK);
    return strcmp(digests[0], digests[1]) == 0;
}

#endif
