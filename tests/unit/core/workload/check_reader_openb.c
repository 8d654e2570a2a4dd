/* SPDX-License-Identifier: MIT */
/* Format openb: what a row becomes, the assumptions counted, what is refused; and the real trace,
 * where it is there ($OMEGA_TRACES, else ../shared/traces). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/workload/trace_private.h"
#include "core/workload/trace_summary.h"
#include "tests/support/check_main.h"
#include "tests/unit/core/workload/trace_fixture.h"

#define NODES "sn,cpu_milli,memory_mib,gpu,model\n"
#define PODS                                                                                       \
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,"            \
    "deletion_time,scheduled_time\n"

static uint64_t note(const struct trace *trace, const char *part)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < trace->note_count; i++) {
        count += strstr(trace->notes[i].text, part) != NULL ? trace->notes[i].count : 0;
    }
    return count;
}

static struct trace *parse(const char *nodes, const char *pods)
{
    struct trace *trace = trace_create(NULL);
    fixture_add(reader_openb_nodes, trace, nodes);
    fixture_add(reader_openb_pods, trace, pods);
    ck_assert_int_eq(trace_seal(trace, NULL), OMEGA_OK);
    return trace;
}

START_TEST(test_nodes)
{
    struct trace *trace = parse(
        "model,gpu,sn,cpu_milli,memory_mib\n,0,n0,32000,262144\nG3,8,n1,96000,786432\n", PODS);
    ck_assert_uint_eq(trace->machine_count, 2);
    ck_assert_str_eq(trace_text(trace, trace->machines[1].name), "n1");
    ck_assert_int_eq(trace->machines[1].cpu_milli, 96000);
    ck_assert_int_eq(trace->machines[1].mem_mib, 786432);
    ck_assert_int_eq(trace->machines[1].gpu_devices, 8);
    ck_assert_uint_eq(trace->machines[0].attributes, 0);
    ck_assert_str_eq(catalogue_attributes_text(trace->catalogue, trace->machines[1].attributes),
                     "gpu_model=G3");
    ck_assert_uint_eq(note(trace, "gpu_model"), 1);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_pods)
{
    struct trace *trace =
        parse(NODES "n,1,1,8,G2\n", PODS "a,1000,2000,1,460,G2|T4,LS,Running,10,100,12\n"
                                         "b,1,2,4,1000,,BE,Pending,5,60,\n"
                                         "c,1,2,0,0,T4,Burstable,Failed,6.5,,\n"
                                         "d,1,2,0,7,,Guaranteed,Succeeded,7,7,7\n");
    const struct omega_job *b = trace->jobs[0];
    const struct omega_job *c = trace->jobs[1];
    const struct omega_job *d = trace->jobs[2];
    const struct omega_job *a = trace->jobs[3];
    ck_assert_uint_eq(a->id, 1);
    ck_assert_uint_eq(b->id, 2);
    ck_assert_int_eq(a->submit_us, 10000000);
    ck_assert_int_eq(c->submit_us, 6500000);
    ck_assert_int_eq(a->precedence, 200);
    ck_assert_int_eq(b->precedence, 100);
    ck_assert_str_eq(trace->workloads[a->workload], "LS");
    ck_assert_str_eq(trace->workloads[d->workload], "Guaranteed");
    ck_assert_int_eq(a->groups[0].duration_us, 88000000);
    ck_assert_int_eq(b->groups[0].duration_us, 55000000);
    ck_assert_int_eq(c->groups[0].duration_us, OMEGA_NEVER);
    ck_assert_int_eq(d->groups[0].duration_us, 1);
    ck_assert_int_eq(a->groups[0].request.gpu_milli, 460);
    ck_assert_int_eq(b->groups[0].request.gpu_devices, 4);
    ck_assert_int_eq(b->groups[0].request.gpu_milli, 1000);
    ck_assert_int_eq(d->groups[0].request.gpu_milli, 0);
    ck_assert(
        catalogue_meets(trace->catalogue, a->groups[0].constraints, trace->machines[0].attributes));
    ck_assert_uint_eq(b->groups[0].constraints, 0);
    ck_assert_uint_eq(c->groups[0].constraints, 0);
    ck_assert_uint_eq(note(trace, "raised to 1 us"), 1);
    ck_assert_uint_eq(note(trace, "never ends"), 1);
    ck_assert_uint_eq(note(trace, "gpu_milli of a pod with num_gpu 0 ignored"), 1);
    ck_assert_uint_eq(note(trace, "gpu_spec of a pod without GPUs ignored"), 1);
    ck_assert_uint_eq(note(trace, "a job of one task"), 4);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_times)
{
    struct trace *trace =
        parse(NODES, PODS "a,1,1,0,0,,LS,Running,0.1234567,1,0\nb,1,1,1,0,,LS,Running,1.5,2,1.5\n");
    ck_assert_int_eq(trace->jobs[0]->submit_us, 123456);
    ck_assert_int_eq(trace->jobs[1]->groups[0].duration_us, 500000);
    ck_assert_int_eq(trace->jobs[1]->groups[0].request.gpu_milli, 1);
    ck_assert_uint_eq(note(trace, "cut to whole microseconds"), 1);
    ck_assert_uint_eq(note(trace, "gpu_milli 0"), 1);
    trace_destroy(trace);
}
END_TEST

START_TEST(test_refused)
{
    static const struct {
        const char *text;
        long line;
        const char *error;
    } cases[] = {
        {"name\n", 1, "column 'cpu_milli' is missing, expected the header 'name,cpu_milli,"},
        {PODS "a,1,1,0,0,,Gold,Running,0,1,0\n", 2,
         "qos 'Gold', expected LS, BE, Burstable or Guaranteed"},
        {PODS "a,1,1,0,0,,LS,Asleep,0,1,0\n", 2,
         "pod_phase 'Asleep', expected Running, Succeeded, Failed or Pending"},
        {PODS "a,x,1,0,0,,LS,Running,0,1,0\n", 2, "cpu_milli 'x', expected an integer of 0 to"},
        {PODS "a,1,1,9,0,,LS,Running,0,1,0\n", 2, "num_gpu '9', expected an integer of 0 to 8"},
        {PODS "a,1,1,0,0,,LS,Running,,1,0\n", 2, "creation_time '', expected seconds of 0 to"},
        {PODS "a,1,1,0,0,,LS,Running,1.x,1,0\n", 2, "creation_time '1.x', expected seconds"},
        {PODS "a,1,1,0,0,,LS,Running,1,-1,0\n", 2, "deletion_time '-1', expected seconds of 0 to"},
        {PODS "a,1,1,0,0,,LS,Running,9999999999999,1,0\n", 2, "creation_time '9999999999999'"},
        {PODS "a,1,1,1,1,a;b,LS,Running,0,1,0\n", 2, "gpu_spec 'a;b', expected GPU models"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trace *trace = trace_create(NULL);
        omega_error_t err = {0};
        ck_assert_int_eq(fixture_parse(reader_openb_pods, trace, cases[i].text, &err),
                         OMEGA_EINVAL);
        ck_assert_msg(strstr(err.text, cases[i].error) != NULL, "case %zu: %s", i, err.text);
        ck_assert_int_eq(err.line, cases[i].line);
        trace_destroy(trace);
    }
}
END_TEST

START_TEST(test_real_trace)
{
    const char *folder = getenv("OMEGA_TRACES");
    char nodes[512];
    char pods[512];
    folder = folder == NULL ? "../shared/traces" : folder;
    snprintf(nodes, sizeof nodes, "%s/openb2023/openb_node_list_all_node.csv", folder);
    snprintf(pods, sizeof pods, "%s/openb2023/openb_pod_list_default.csv", folder);
    if (access(nodes, R_OK) != 0 || access(pods, R_OK) != 0) {
        printf("skip - the real openb trace (not in '%s')\n", folder);
        return;
    }
    const char *const inputs[] = {nodes, pods};
    struct trace *trace = NULL;
    struct summary summary;
    omega_error_t err = {0};
    ck_assert_msg(trace_import("openb", inputs, 2, &trace, &err) == OMEGA_OK, "%s", err.text);
    ck_assert_int_eq(summary_of(trace, &summary, NULL), OMEGA_OK);
    ck_assert_uint_eq(trace->machine_count, 1523);
    ck_assert_uint_eq(trace->job_count, 8152);
    ck_assert_uint_eq(summary.gpu_devices, 6212);
    ck_assert_double_eq(summary.demand[REPLAY_GPU], 6086800);
    ck_assert_uint_eq(note(trace, "pod without scheduled_time"), 897);
    ck_assert_uint_eq(note(trace, "qos BE"), 3398);
    trace_destroy(trace);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "nodes", test_nodes);
    check_case(suite, "pods", test_pods);
    check_case(suite, "times", test_times);
    check_case(suite, "refused", test_refused);
    check_case(suite, "real trace", test_real_trace);
}

CHECK_MAIN("reader openb", add_cases)
