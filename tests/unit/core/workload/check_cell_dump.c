/* SPDX-License-Identifier: MIT */
/* Cell dumps: reading and writing, every truncation, and every kind of wrong line with its
 * message. */
#include "tests/support/check_main.h"
#include "tests/unit/core/workload/cell_dump_fixture.h"

static struct cell_dump *read_text(const char *text)
{
    struct cell_dump *dump = NULL;
    omega_error_t err = {0};
    ck_assert_msg(fixture_dump_read(text, strlen(text), &dump, &err) == OMEGA_OK, "line %ld: %s",
                  err.line, err.text);
    return dump;
}

static struct cell_dump *read_whole(void)
{
    char *text = fixture_dump_text(0, NULL, NULL);
    struct cell_dump *dump = read_text(text);
    free(text);
    return dump;
}

START_TEST(test_same_bytes)
{
    char *text = fixture_dump_text(0, NULL, NULL);
    struct cell_dump *dump = read_text(text);
    char *again = fixture_dump_write(dump);
    ck_assert_int_eq(strcmp(text, again), 0);
    free(again);
    free(text);
    cell_dump_destroy(dump);
    cell_dump_destroy(NULL);
}
END_TEST

START_TEST(test_head)
{
    struct cell_dump *dump = read_whole();
    ck_assert_uint_eq(dump->counters.version, 12);
    ck_assert_uint_eq(dump->counters.tasks_submitted, 23);
    ck_assert_uint_eq(dump->counters.losses, 3);
    ck_assert_uint_eq(dump->log_changes, 64);
    ck_assert(dump->keep_jobs);
    ck_assert(dump->release_raises_seq);
    ck_assert_int_eq(dump->overcommit.cpu_permille, 1500);
    ck_assert_uint_eq(dump->instance_count, 2);
    ck_assert_uint_eq(dump->instances[0].incarnation, 3);
    ck_assert_str_eq(dump->instances[0].module, "batch");
    cell_dump_destroy(dump);
}
END_TEST

/* What machines use is the sum of their placements; limits follow from capacity and over-commit. */
START_TEST(test_machines)
{
    struct cell_dump *dump = read_whole();
    const struct omega_machine *m0 = &dump->machines[0];
    const struct omega_machine *m1 = &dump->machines[1];
    const struct symbols *symbols = catalogue_symbols(dump->catalogue);
    ck_assert_uint_eq(dump->machine_count, 3);
    ck_assert_uint_eq(m0->seq, OMEGA_SEQ_MAX);
    ck_assert_int_eq(m0->cpu_limit_milli, 12000);
    ck_assert_int_eq(m0->cpu_used_milli, 100 + 500 + 3 * 10 + 10);
    ck_assert_int_eq(m0->band_mem_mib[OMEGA_BAND_FREE], 30);
    ck_assert_int_eq(m0->placed_by[0], 1);
    ck_assert_uint_eq(m0->placed_version[1], 9);
    ck_assert_uint_eq(m0->releases, 2);
    ck_assert_int_eq(dump->specs[0].cpu_milli, 4000);
    ck_assert_str_eq(symbols_text(symbols, dump->specs[1].name), "m\xff");
    ck_assert_str_eq(catalogue_attributes_text(dump->catalogue, dump->specs[1].attributes),
                     "gpu_model=\xc3\xa9");
    ck_assert_int_eq(m1->state, OMEGA_MACHINE_DRAINING);
    ck_assert_int_eq(m1->band_gpu_milli[OMEGA_BAND_PRODUCTION][2], 500);
    ck_assert_int_eq(m1->band_gpu_milli[OMEGA_BAND_PRODUCTION][0], 1000);
    ck_assert_int_eq(m1->placed_by[1], OMEGA_INSTANCE_NONE);
    ck_assert_uint_eq(m1->seq, 7);
    ck_assert_uint_eq(m1->index, 1);
    ck_assert_int_eq(dump->machines[2].state, OMEGA_MACHINE_DOWN);
    ck_assert_int_eq(dump->specs[2].absent, 1);
    cell_dump_destroy(dump);
}
END_TEST

START_TEST(test_jobs)
{
    struct cell_dump *dump = read_whole();
    const struct lmdb_job *job = &dump->jobs[1];
    ck_assert_uint_eq(dump->job_count, 6);
    ck_assert_str_eq(dump->jobs[0].user, "alice \"a\"");
    ck_assert_int_eq(dump->jobs[0].job->groups[0].duration_us == OMEGA_NEVER, 1);
    ck_assert_ptr_null(dump->jobs[0].machine_of);
    ck_assert_uint_eq(dump->jobs[0].placed[1], 0);
    ck_assert_uint_eq(dump->jobs[0].placed[2], 1);
    ck_assert_int_eq(job->job->submit_us, -1);
    ck_assert_uint_eq(job->job->slots, 7);
    ck_assert_int_eq(job->job->groups[1].task_duration_us[1] == OMEGA_NEVER, 1);
    ck_assert_int_eq(job->job->groups[1].task_duration_us[2], 3);
    ck_assert_str_eq(job->constraints[1], "different_machines;n<7");
    ck_assert_uint_eq(job->machine_of[0], 1);
    ck_assert_uint_eq(job->machine_of[1], 1);
    ck_assert_uint_eq(job->machine_of[2], UINT32_MAX);
    ck_assert_uint_eq(job->attempt, UINT32_MAX);
    ck_assert_uint_eq(dump->jobs[2].job->mapreduce.workers_asked, 5);
    ck_assert_uint_eq(dump->jobs[5].job->id, UINT64_MAX);
    ck_assert_int_eq(dump->jobs[5].instance, OMEGA_INSTANCE_NONE);
    cell_dump_destroy(dump);
}
END_TEST

/* A machine above its limit may be so by a preload or an event: it takes nothing until it is
 * not. */
START_TEST(test_above_limit)
{
    char *text = fixture_dump_text(2, "\"cpu_milli\":8000,\"mem_mib\":16384",
                                   "\"cpu_milli\":100,\"mem_mib\":16384");
    struct cell_dump *dump = read_text(text);
    ck_assert_int_eq(dump->machines[0].may_exceed, 1);
    ck_assert_int_eq(dump->machines[1].may_exceed, 0);
    free(text);
    cell_dump_destroy(dump);
}
END_TEST

START_TEST(test_smallest)
{
    struct cell_dump *dump = calloc(1, sizeof *dump);
    ck_assert_ptr_nonnull(dump);
    dump->catalogue = catalogue_create();
    char *text = fixture_dump_write(dump);
    struct cell_dump *back = read_text(text);
    ck_assert_uint_eq(back->machine_count, 0);
    free(text);
    cell_dump_destroy(back);
    cell_dump_destroy(dump);
}
END_TEST

/* However much of the end is missing, it is noticed. */
START_TEST(test_truncations)
{
    char *text = fixture_dump_text(0, NULL, NULL);
    size_t size = strlen(text);
    for (size_t i = 1; i < size; i += i + 400 < size ? 97 : 1) {
        struct cell_dump *dump = NULL;
        omega_error_t err = {0};
        ck_assert_int_eq(fixture_dump_read(text, i, &dump, &err), OMEGA_ECORRUPT);
        ck_assert_ptr_null(dump);
        ck_assert_msg(strstr(err.text, "it is cut off") != NULL, "%zu bytes: %s", i, err.text);
    }
    free(text);
}
END_TEST

/* A digit changed so that every line still makes sense is found by the checksum. */
START_TEST(test_checksum)
{
    char *text = fixture_dump_text(0, NULL, NULL);
    struct cell_dump *dump = NULL;
    omega_error_t err = {0};
    *strstr(strstr(text, "\"seq\":7"), "7") = '8';
    ck_assert_int_eq(fixture_dump_read(text, strlen(text), &dump, &err), OMEGA_ECORRUPT);
    ck_assert_int_eq(err.line, 22);
    ck_assert_ptr_nonnull(strstr(err.text, "another checksum"));
    free(text);
}
END_TEST

START_TEST(test_missing_file)
{
    struct cell_dump *dump = NULL;
    omega_error_t err = {0};
    ck_assert_int_eq(cell_dump_read_file("/nowhere/cell.dump", &dump, &err), OMEGA_EIO);
    ck_assert_ptr_null(dump);
    ck_assert_str_eq(err.source, "/nowhere/cell.dump");
    ck_assert_int_eq(cell_dump_read_file("/", &dump, NULL), OMEGA_EIO);
}
END_TEST

#define HEAVY(id)                                                                                  \
    "{\"type\":\"placement\",\"id\":" id                                                           \
    ",\"job\":0,\"task\":0,\"machine\":0,\"cpu_milli\":1073741824,"                                \
    "\"mem_mib\":0,\"gpu_devices\":0,\"gpu_milli\":0,\"devices\":0,\"band\":0,\"instance\":null}"  \
    "\n"
#define SHARED(id)                                                                                 \
    "{\"type\":\"placement\",\"id\":" id ",\"job\":0,\"task\":0,\"machine\":1,\"cpu_milli\":0,"    \
    "\"mem_mib\":0,\"gpu_devices\":1,\"gpu_milli\":1000,\"devices\":1,\"band\":0,\"instance\":"    \
    "null}\n"
#define FOUR(id) SHARED(id "0") SHARED(id "1") SHARED(id "2") SHARED(id "3")

/* `from` in line `line` is replaced by `to`: the message that must come, at `at` if not there. */
static const struct wrong {
    long line;
    const char *from;
    const char *to;
    long at;
    int code;
    const char *message;
} wrongs[] = {
    {1, "{\"omega_cell_dump\":1,", "{", 1, OMEGA_EINVAL, "is not the first line of a cell dump"},
    {1, "_dump\":1,", "_dump\":2,", 1, OMEGA_EVERSION,
     "is a cell dump of version 2, expected version 1"},
    {1, "\"version\":12", "\"version\":17592186044416", 1, OMEGA_EINVAL,
     "cell: 'version' is 17592186044416, expected 0 to 17592186044415"},
    {1, "\"version\":12", "\"version\":1.5", 1, OMEGA_EINVAL,
     "cell: 'version' is no whole number, expected 0 to"},
    {1, "\"version\":12", "\"version\":10", 2, OMEGA_EINVAL,
     "machine: a placement of version 11, expected at most the cell's version 10"},
    {1, "\"keep_jobs\":true,", "", 1, OMEGA_EINVAL, "cell: 'keep_jobs' is missing, expected it"},
    {1, "\"keep_jobs\":true", "\"keep_jobs\":1", 1, OMEGA_EINVAL,
     "cell: 'keep_jobs' is neither true nor false"},
    {1, "\"losses\"", "\"more\":1,\"losses\"", 1, OMEGA_EINVAL, "cell: unknown key 'more'"},
    {1, "\"losses\"", "\"jobs\":1,\"losses\"", 1, OMEGA_EINVAL, "is no JSON (duplicate object key"},
    {1, "\"tasks_pending\":5", "\"tasks_pending\":6", 1, OMEGA_EINVAL,
     "cell: 'tasks_pending' is 6, expected 5: the jobs come to that"},
    {1, "\"tasks_running\":8", "\"tasks_running\":7", 1, OMEGA_EINVAL,
     "cell: 'tasks_running' is 7, expected 8"},
    {1, "\"jobs\":5", "\"jobs\":6", 1, OMEGA_EINVAL, "cell: 'jobs' is 6, expected 5"},
    {1, "\"tasks_finished\":6", "\"tasks_finished\":5", 1, OMEGA_EINVAL,
     "cell: 'tasks_finished' is 5, expected at least 6"},
    {1, "\"tasks_failed\":2", "\"tasks_failed\":1", 1, OMEGA_EINVAL,
     "cell: 'tasks_failed' is 1, expected at least 2"},
    {1, "\"tasks_abandoned\":2", "\"tasks_abandoned\":1", 1, OMEGA_EINVAL,
     "cell: 'tasks_abandoned' is 1, expected at least 2"},
    {1, "\"tasks_submitted\":23", "\"tasks_submitted\":24", 1, OMEGA_EINVAL,
     "cell: 'tasks_submitted' is 24, expected 23"},
    {1, "\"jobs\":5}", "\"jobs\":5", 1, OMEGA_EINVAL, "is no JSON ('}' expected"},
    {1, "\"keep_jobs\":true", "\"keep_jobs\":false", 18, OMEGA_EINVAL,
     "job 15: 'over' is true, expected true, and that only in a cell that keeps such jobs"},
    {2, "{\"type\"", "[{\"type\"", 2, OMEGA_EINVAL, "is no JSON"},
    {3, "{\"type\":\"machine\"", "{\"type\":\"pod\"", 3, OMEGA_EINVAL,
     "'type' is 'pod', expected first lines: machine, placement, job"},
    {3, "{\"type\":\"machine\"", "{\"type\":7", 3, OMEGA_EINVAL, "'type' is no text, expected"},
    {6, "\"placement\"", "\"machine\"", 6, OMEGA_EINVAL,
     "'type' is 'machine', expected further lines: machine, placement, job"},
    {2, "\"m0\"", "7", 2, OMEGA_EINVAL, "machine: 'name' is no text, expected a string, or {\"hex"},
    {3, "\"6dff\"", "\"6dfg\"", 3, OMEGA_EINVAL, "machine: 'name' is no text"},
    {3, "\"6dff\"", "\"6df\"", 3, OMEGA_EINVAL, "machine: 'name' is no text"},
    {3, "\"6dff\"", "\"6d00\"", 3, OMEGA_EINVAL, "machine: 'name' is no text"},
    {3, "\"6dff\"", "\"6d6d\"", 3, OMEGA_EINVAL, "machine: 'name' is no text"},
    {3, "\"6dff\"", "\"6dff\",\"b\":1", 3, OMEGA_EINVAL, "machine: 'name' is no text"},
    {2, "\"ssd=;", "\"=;", 2, OMEGA_EINVAL, "attribute"},
    {2, "\"spec_cpu_milli\":4000", "\"spec_cpu_milli\":-1", 2, OMEGA_EINVAL,
     "machine: 'spec_cpu_milli' is -1, expected 0 to 1073741824"},
    {2, "\"up\"", "\"off\"", 2, OMEGA_EINVAL,
     "machine: 'state' is 'off', expected up, down or draining"},
    {2, "\"gpu_devices\":0,\"seq\"", "\"gpu_devices\":9,\"seq\"", 2, OMEGA_EINVAL,
     "machine: 'gpu_devices' is 9, expected 0 to 8"},
    {2, "1099511627775", "1099511627776", 2, OMEGA_EINVAL,
     "machine: 'seq' is 1099511627776, expected 0 to 1099511627775"},
    {2, "1099511627775", "\"1099511627775\"", 2, OMEGA_EINVAL, "machine: 'seq' is no whole number"},
    {19, "\"18446744073709551615\"", "\"9223372036854775807\"", 19, OMEGA_EINVAL,
     "job: 'id' is no whole number"},
    {19, "\"18446744073709551615\"", "\"18446744073709551616\"", 19, OMEGA_EINVAL,
     "job: 'id' is no whole number"},
    {19, "\"18446744073709551615\"", "9223372036854775808", 19, OMEGA_EINVAL,
     "is no JSON (too big"},
    {2, "\"placed_by\":1", "\"placed_by\":65535", 2, OMEGA_EINVAL,
     "machine: 'placed_by' is 65535, expected 0 to 65534"},
    {2, "\"placed_version\":11", "\"placed_version\":13", 2, OMEGA_EINVAL,
     "machine: a placement of version 13"},
    {5, "\"id\":1048576", "\"id\":1", 5, OMEGA_EINVAL, "placement: id 1 of version 0, expected"},
    {6, "\"id\":2097152", "\"id\":1048576", 6, OMEGA_EINVAL,
     "placement: id 1048576 of version 1, expected one above 1048576 of version 1 to 12"},
    {13, "\"id\":11534336", "\"id\":13631488", 13, OMEGA_EINVAL, "of version 13, expected"},
    {6, "\"machine\":0", "\"machine\":3", 6, OMEGA_EINVAL,
     "placement 2097152 is on machine 3, expected one of the 3 machines"},
    {6, "\"machine\":0", "\"machine\":2", 6, OMEGA_EINVAL, "is on machine 2, expected"},
    {8, "\"devices\":4", "\"devices\":5", 8, OMEGA_EINVAL,
     "holds GPU devices 5 of 1 that ask for 500 milli-GPU each"},
    {8, "\"gpu_milli\":500", "\"gpu_milli\":0", 8, OMEGA_EINVAL, "holds GPU devices 4 of 1"},
    {9, "\"gpu_milli\":1000", "\"gpu_milli\":999", 9, OMEGA_EINVAL, "holds GPU devices 3 of 2"},
    {6, "\"instance\":0", "\"instance\":null", 6, OMEGA_EINVAL,
     "placement 2097152 is of job 7 and no instance"},
    {5, "\"instance\":null", "\"instance\":3", 5, OMEGA_EINVAL, "is of job 0 and an instance"},
    {6, "\"band\":1", "\"band\":5", 6, OMEGA_EINVAL, "placement: 'band' is 5, expected 0 to 4"},
    {5, "{", HEAVY("1048570") HEAVY("1048571") "{", 5, OMEGA_EINVAL,
     "placement: id 1048570 of version 0"},
    {5, "{", HEAVY("1048576") HEAVY("1048577") HEAVY("1048578"), 6, OMEGA_EINVAL,
     "placement 1048577 is too much for machine 0, expected placements whose sum a record can "
     "hold"},
    {5, "{",
     FOUR("104858") FOUR("104859") FOUR("104860") FOUR("104861") FOUR("104862") FOUR("104863")
         FOUR("104864") FOUR("104865") FOUR("104866"),
     37, OMEGA_EINVAL, "placement 1048660 is too much for machine 1"},
    {14, "\"id\":7", "\"id\":0", 14, OMEGA_EINVAL, "job: 'id' is 0, expected 1 to"},
    {14, "\"id\":7", "\"id\":6", 14, OMEGA_EINVAL, "job 6: 'running' is 2, expected 0"},
    {14, "\"id\":7", "\"id\":8", 14, OMEGA_EINVAL,
     "placement 2097152 is of job 7, expected that job before this line"},
    {15, "\"id\":9", "\"id\":7", 15, OMEGA_EINVAL, "job 7, expected one above 7"},
    {14, "\"groups\":[{", "\"groups\":[7,{", 14, OMEGA_EINVAL, "group: is no object, expected one"},
    {14, "\"tasks\":3", "\"tasks\":0", 14, OMEGA_EINVAL, "task group 0 has 0 tasks"},
    {15, "\"gpu_milli\":500", "\"gpu_milli\":0", 15, OMEGA_EINVAL, "task group 0 asks for 1 GPU"},
    {14, "\"duration_us\":null", "\"duration_us\":-1", 14, OMEGA_EINVAL,
     "group: 'duration_us' is none"},
    {14, "\"duration_us\":null", "\"duration_us\":1000000000000000001", 14, OMEGA_EINVAL,
     "group: 'duration_us' is none"},
    {15, "[1,null,", "[1,\"\",", 15, OMEGA_EINVAL, "group: 'duration_us' is none"},
    {15, "[1,null,", "[1,", 15, OMEGA_EINVAL, "group: 'duration_us' is none"},
    {15, "n<7", "n<x", 15, OMEGA_EINVAL, "n<x"},
    {16, "\"workers_asked\":5", "\"workers\":5", 16, OMEGA_EINVAL,
     "mapreduce: 'workers_asked' is missing"},
    {16, "\"told_us\":77", "\"told_us\":-1", 16, OMEGA_EINVAL,
     "job 11: 'told_us' is none, expected 0 (as submitted) to 281474976710653"},
    {16, "\"told_us\":77", "\"told_us\":281474976710654", 16, OMEGA_EINVAL,
     "job 11: 'told_us' is none"},
    {16, "\"told_us\":77", "\"told_us\":true", 16, OMEGA_EINVAL, "job 11: 'told_us' is none"},
    {14, "\"started\":false", "\"started\":false,\"told_us\":0", 14, OMEGA_EINVAL,
     "job 7: 'told_us' is none"},
    {14, "\"placed\":\"101\"", "\"placed\":\"10\"", 14, OMEGA_EINVAL,
     "job 7: 'placed' is none, expected 3 times 0 or 1"},
    {14, "\"placed\":\"101\"", "\"placed\":\"121\"", 14, OMEGA_EINVAL, "job 7: 'placed' is none"},
    {14, "\"placed\":\"101\"", "\"placed\":\"011\"", 14, OMEGA_EINVAL,
     "job 7: placement 2097152 of task 0 is none of it"},
    {7, "\"task\":2", "\"task\":3", 14, OMEGA_EINVAL, "placement 2097153 of task 3 is none of it"},
    {7, "\"task\":2", "\"task\":0", 14, OMEGA_EINVAL, "placement 2097153 of task 0 is none of it"},
    {7, "\"mem_mib\":100", "\"mem_mib\":101", 14, OMEGA_EINVAL, "placement 2097153 of task 2"},
    {7, "\"band\":1", "\"band\":2", 14, OMEGA_EINVAL, "placement 2097153 of task 2"},
    {14, "\"running\":2", "\"running\":1", 14, OMEGA_EINVAL,
     "job 7: 'running' is 1, expected 2: so many placements are of it"},
    {14, "\"submitted\":3", "\"submitted\":4", 14, OMEGA_EINVAL,
     "job 7: 'submitted' is 4 and what became of them comes to 3"},
    {14, "\"submitted\":3,\"pending\":1", "\"submitted\":4,\"pending\":2", 14, OMEGA_EINVAL,
     "job 7: 'submitted' is 4 and what became of them comes to 4"},
    {14, "\"pending\":1,\"running\":2,\"finished\":0", "\"pending\":0,\"running\":2,\"finished\":1",
     14, OMEGA_EINVAL, "job 7: 'pending' is 0, expected 1 by its placed tasks"},
    {14, "\"started\":false", "\"started\":true", 14, OMEGA_EINVAL, "job 7: 'pending' is 1"},
    {17, "\"started\":false", "\"started\":true", 17, OMEGA_EINVAL,
     "job 13: 'started' is true, expected true for a job with optional tasks"},
    {19, "\"placed\":\"00000\"", "\"placed\":\"00001\"", 19, OMEGA_EINVAL,
     "'started' is false, expected true for a job with optional tasks"},
    {14, "\"over\":false", "\"over\":true", 14, OMEGA_EINVAL, "job 7: 'over' is true"},
    {18, "\"over\":true", "\"over\":false", 18, OMEGA_EINVAL, "job 15: 'over' is false"},
    {16, "", NULL, 16, OMEGA_EINVAL, "placement 9437184 is of job 11"},
    {20, "\"instance\":0", "\"instance\":1", 21, OMEGA_EINVAL, "instance 1, expected one above 1"},
    {20, "\"incarnation\":3", "\"incarnation\":0", 20, OMEGA_EINVAL,
     "instance: 'incarnation' is 0, expected 1 to 4294967295"},
    {20, "\"batch\"", "\"0123456789012345678901234567890123456789012345678901234567890123\"", 20,
     OMEGA_EINVAL, "instance: 'module' has 64 bytes, expected 0 to 63"},
};

START_TEST(test_wrong_lines)
{
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        const struct wrong *wrong = &wrongs[i];
        char *text = fixture_dump_text(wrong->line, wrong->from, wrong->to);
        struct cell_dump *dump = NULL;
        omega_error_t err = {0};
        int rc = fixture_dump_read(text, strlen(text), &dump, &err);
        ck_assert_msg(rc == wrong->code && dump == NULL, "case %zu (%s): code %d", i,
                      wrong->message, rc);
        ck_assert_msg(err.line == wrong->at, "case %zu: line %ld, expected %ld: %s", i, err.line,
                      wrong->at, err.text);
        ck_assert_msg(strstr(err.text, wrong->message) != NULL, "case %zu: '%s', expected '%s'", i,
                      err.text, wrong->message);
        ck_assert_str_eq(err.source, "cell.dump");
        free(text);
    }
}
END_TEST

/* Whole texts that are no dump. */
START_TEST(test_wrong_texts)
{
    static const struct {
        const char *text;
        long line;
        const char *message;
    } texts[] = {
        {"", 1, "the file is empty, expected a cell dump"},
        {"\n", 1, "is no JSON (an empty line), expected an object"},
        {"[]\n", 1, "is no JSON object, expected one"},
        {"{}\n", 1, "is not the first line of a cell dump"},
        {"OMEGATRC\n", 1, "is no JSON ("},
        {"{\"omega_cell_dump\":\"1\"}\n", 1, "is not the first line of a cell dump"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct cell_dump *dump = NULL;
        omega_error_t err = {0};
        ck_assert_int_eq(fixture_dump_read(texts[i].text, strlen(texts[i].text), &dump, &err),
                         OMEGA_EINVAL);
        ck_assert_int_eq(err.line, texts[i].line);
        ck_assert_msg(strstr(err.text, texts[i].message) != NULL, "%s", err.text);
    }
}
END_TEST

/* What comes behind the end, or says that lines are missing. */
START_TEST(test_wrong_end)
{
    char *text = fixture_dump_text(0, NULL, NULL);
    char *longer = NULL;
    struct cell_dump *dump = NULL;
    omega_error_t err = {0};
    ck_assert_int_gt(asprintf(&longer, "%s\n", text), 0);
    ck_assert_int_eq(fixture_dump_read(longer, strlen(longer), &dump, &err), OMEGA_EINVAL);
    ck_assert_int_eq(err.line, 23);
    ck_assert_ptr_nonnull(strstr(err.text, "text behind the last line"));
    omega_error_clear(&err);
    memcpy(strstr(text, "\"lines\":21"), "\"lines\":22", 10);
    ck_assert_int_eq(fixture_dump_read(text, strlen(text), &dump, &err), OMEGA_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(err.text, "the dump had 22 lines before this one"));
    free(longer);
    free(text);
}
END_TEST

/* A line without an end is refused before it fills the memory. */
START_TEST(test_endless_line)
{
    size_t size = CELL_DUMP_LINE_MAX + 2;
    char *text = malloc(size);
    struct cell_dump *dump = NULL;
    omega_error_t err = {0};
    ck_assert_ptr_nonnull(text);
    memset(text, ' ', size);
    ck_assert_int_eq(fixture_dump_read(text, size, &dump, &err), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.text, "the line is longer than 33554432 bytes"));
    free(text);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "same bytes", test_same_bytes);
    check_case(suite, "head", test_head);
    check_case(suite, "machines", test_machines);
    check_case(suite, "jobs", test_jobs);
    check_case(suite, "above limit", test_above_limit);
    check_case(suite, "smallest", test_smallest);
    check_case(suite, "truncations", test_truncations);
    check_case(suite, "checksum", test_checksum);
    check_case(suite, "missing file", test_missing_file);
    check_case(suite, "wrong lines", test_wrong_lines);
    check_case(suite, "wrong texts", test_wrong_texts);
    check_case(suite, "wrong end", test_wrong_end);
    check_case(suite, "endless line", test_endless_line);
}

CHECK_MAIN("cell_dump", add_cases)
