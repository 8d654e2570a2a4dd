/* SPDX-License-Identifier: MIT */
/* Jobs as JSON: what becomes of each key, what is refused and at which line. */
#include <stdlib.h>
#include <string.h>

#include "core/workload/job_json.h"
#include "core/workload/readers.h"
#include "tests/support/check_main.h"

static int read_lines(const char *text, struct trace **trace, omega_error_t *err)
{
    FILE *stream = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    *trace = trace_create(NULL);
    int rc = reader_json_jobs(*trace, stream, "jobs", err);
    fclose(stream);
    return rc;
}

START_TEST(one_group)
{
    struct trace *trace;
    ck_assert_int_eq(read_lines("{\"tasks\":3,\"cpu_milli\":500,\"mem_mib\":64,\"duration_us\":7,"
                                "\"user\":\"me\",\"precedence\":-2}\n \n{}",
                                &trace, NULL),
                     OMEGA_OK);
    ck_assert_uint_eq(trace->job_count, 2);
    const struct omega_job *job = trace->jobs[0];
    ck_assert_uint_eq(job->id, 1);
    ck_assert_uint_eq(job->tasks, 3);
    ck_assert_int_eq(job->precedence, -2);
    ck_assert_str_eq(symbols_text(catalogue_symbols(trace->catalogue), job->user), "me");
    ck_assert_int_eq(job->groups[0].request.cpu_milli, 500);
    ck_assert_int_eq(job->groups[0].request.mem_mib, 64);
    ck_assert_int_eq(job->groups[0].duration_us, 7);
    ck_assert_uint_eq(trace->jobs[1]->tasks, 1); /* one task that asks for nothing and never ends */
    ck_assert_int_eq(trace->jobs[1]->groups[0].duration_us, OMEGA_NEVER);
    trace_destroy(trace);
}
END_TEST

START_TEST(groups)
{
    struct trace *trace;
    ck_assert_int_eq(
        read_lines("{\"groups\":[{\"tasks\":2,\"duration_us\":[5,null],\"constraints\":\"z=a\"},"
                   "{\"gpu_devices\":2,\"optional\":1}],\"mapreduce\":{\"map_mean_us\":9}}",
                   &trace, NULL),
        OMEGA_OK);
    const struct omega_job *job = trace->jobs[0];
    ck_assert_uint_eq(job->group_count, 2);
    ck_assert_uint_eq(job->slots, 4);
    ck_assert_int_eq(job->mapreduce.map_mean_us, 9);
    ck_assert_int_eq(job->groups[0].task_duration_us[0], 5);
    ck_assert_int_eq(job->groups[0].task_duration_us[1], OMEGA_NEVER);
    ck_assert_str_eq(catalogue_constraints_text(trace->catalogue, job->groups[0].constraints),
                     "z=a");
    ck_assert_int_eq(job->groups[1].request.gpu_milli, 1000);
    trace_destroy(trace);
}
END_TEST

START_TEST(refused)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"{\"tasks\":1}\n{\"cpu_mili\":1}", "'cpu_mili' is no key"},
        {"{}\n{\"tasks\":1.5}", "'tasks'"},
        {"{}\n{\"mem_mib\":-1}", "'mem_mib'"},
        {"{}\n{\"tasks\":0}", ""},
        {"{}\n{\"duration_us\":-1}", "'duration_us'"},
        {"{}\n{\"tasks\":2,\"duration_us\":[1]}", "another length"},
        {"{}\n{\"constraints\":\"=\"}", ""},
        {"{}\n{\"user\":\"a\\nb\"}", "control character"},
        {"{}\n{\"groups\":[]}", "1 to 1024"},
        {"{}\n{\"groups\":[7]}", "groups[0]: 'groups' has an entry that is no object"},
        {"{}\n{\"groups\":[{\"user\":\"x\"}]}", "groups[0]: 'user' is no key"},
        {"{}\n{\"tasks\":1,\"groups\":[{}]}", "'tasks' is no key"},
        {"{}\n{\"gpu_milli\":500}", ""},
        {"{}\n[]", "is no object"},
        {"{}\n{\"tasks\":1", "is no JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trace *trace;
        omega_error_t err = {0};
        ck_assert_int_eq(read_lines(cases[i].text, &trace, &err), OMEGA_EINVAL);
        ck_assert_str_eq(err.source, "jobs");
        ck_assert_int_eq(err.line, 2);
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s: %s", cases[i].text, err.text);
        ck_assert_uint_eq(trace->job_count, 1);
        trace_destroy(trace);
    }
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "one group", one_group);
    check_case(suite, "groups", groups);
    check_case(suite, "refused", refused);
}

CHECK_MAIN("job_json", add_cases)
