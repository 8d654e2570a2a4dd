/* SPDX-License-Identifier: MIT */
/* Points: what an experiment says arrives in the run_config, and defaults are as documented. */
#include "core/experiment/experiment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cellstate/compat.h"
#include "core/workload/trace.h"
#include "tests/support/check_main.h"
#include "tests/support/run_here.h"

#define WORKLOAD(name)                                                                             \
    "{\"name\":\"" name "\",\"interarrival_s\":1,\"tasks\":2,\"duration_s\":3,\"cpu_milli\":4,"    \
    "\"mem_mib\":5}"
#define MACHINES "\"machines\":[{\"count\":2,\"cpu_milli\":1000,\"mem_mib\":2000}]"
#define SMALL                                                                                      \
    "\"name\":\"t\",\"horizon_s\":10,\"cell\":{" MACHINES "},"                                     \
    "\"workloads\":[" WORKLOAD("w") "],"                                                           \
                                    "\"architecture\":\"shared_state\",\"schedulers\":[{\"name\":" \
                                    "\"s\",\"module\":\"batch\"}]"

static char directory[] = "/tmp/omega-point-XXXXXX";

/* Modules are found in the build folder, other files in a directory of their own. */
static void set_up(void)
{
    run_here_modules();
    snprintf(directory, sizeof directory, "/tmp/omega-point-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void tear_down(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

static struct experiment *parse(const char *text)
{
    omega_error_t err = {0};
    struct experiment *experiment = NULL;
    int rc = experiment_parse(text, strlen(text), "t.json", directory, NULL, &experiment, &err);
    ck_assert_msg(rc == 0, "%s:%ld: %s", err.source, err.line, err.text);
    return experiment;
}

static struct point *build(struct experiment *experiment, uint32_t index)
{
    omega_error_t err = {0};
    struct point *point = NULL;
    int rc = point_build(experiment, index, &point, &err);
    ck_assert_msg(rc == 0, "%s:%ld: %s", err.source, err.line, err.text);
    return point;
}

static void build_fails(const char *text, const char *message)
{
    char formatted[600];
    omega_error_t err = {0};
    struct point *point;
    struct experiment *experiment = parse(text);
    ck_assert_int_ne(experiment_check(experiment, &err), 0);
    omega_error_format(&err, formatted, sizeof formatted);
    ck_assert_msg(strstr(formatted, message) != NULL, "'%s' is not in '%s'", message, formatted);
    ck_assert_int_eq(point_build(experiment, 0, &point, NULL), err.code);
    ck_assert_ptr_null(point);
    experiment_close(experiment);
}

/* ---- defaults ---- */

START_TEST(test_defaults)
{
    struct experiment *experiment = parse("{" SMALL "}");
    struct point *point = build(experiment, 0);
    const struct run_config *config = &point->config;
    const struct run_scheduler *scheduler = &config->schedulers[0];
    ck_assert_str_eq(point->variant, "");
    ck_assert_uint_eq(point->seed, 1);
    ck_assert_uint_eq(config->seed, 1);
    ck_assert_int_eq(config->horizon_us, 10000000);
    ck_assert_int_eq(config->warmup_us, 0);
    ck_assert_int_eq(config->cell.overcommit.cpu_permille, 1000);
    ck_assert_int_eq(config->cell.overcommit.mem_permille, 1000);
    ck_assert_int_eq(config->cell.overcommit.gpu_permille, 1000);
    ck_assert(!config->cell.release_raises_seq);
    ck_assert_uint_eq(config->event_count, 0);
    ck_assert_ptr_null(config->failures.up_s);
    ck_assert_int_eq(config->lost, STORE_LOST_RETURN);
    ck_assert_int_eq(config->cut, RUN_CUT_COUNTED);
    ck_assert_uint_eq(config->cell.compat, 0);
    ck_assert_ptr_null(config->prefill.module);
    ck_assert_int_eq(config->store.kind, RUN_STORE_MEMORY);
    ck_assert(config->prefill.cpu_utilisation == 0);
    ck_assert(config->workloads[0].pickiness == 1);
    ck_assert_uint_eq(config->workloads[0].scheduler, 0);
    ck_assert_uint_eq(scheduler->instances, 1);
    ck_assert_int_eq(scheduler->assignment, RUN_ASSIGN_ROUND_ROBIN);
    ck_assert_int_eq(scheduler->place, RUN_PLACE_START);
    ck_assert_int_eq(scheduler->decisions[0].job_us, 100000);
    ck_assert_int_eq(scheduler->decisions[0].task_us, 5000);
    ck_assert_int_eq(scheduler->detection, OMEGA_DETECT_FINE);
    ck_assert_int_eq(scheduler->granularity, OMEGA_COMMIT_TASK);
    ck_assert_int_eq(scheduler->sync, RUN_SYNC_ATTEMPT);
    ck_assert_int_eq(scheduler->retry.delay_us, 1000000);
    ck_assert(scheduler->retry.backoff == 1);
    ck_assert_int_eq(scheduler->retry.delay_max_us, INT64_C(3600000000));
    ck_assert_int_eq(scheduler->retry.queue, RUN_QUEUE_BACK);
    ck_assert_uint_eq(scheduler->retry.attempts_max, 1000);
    ck_assert_uint_eq(scheduler->retry.attempts_unplaced_max, 100);
    ck_assert_int_eq(point->metrics.series_step_us, 1000000);
    ck_assert_int_eq(point->metrics.fragmentation.step_us, 0);
    ck_assert(point->metrics.histograms);
    ck_assert(point->metrics.digest);
    ck_assert(!point->metrics.jobs);
    point_destroy(point);
    point_destroy(NULL);
    experiment_close(experiment);
}
END_TEST

/* ---- the preset ---- */

#define PREFILL "\"prefill\":{\"cpu_utilisation\":0.5,\"cpu_milli\":1,\"mem_mib\":1}"

START_TEST(test_preset)
{
    struct experiment *experiment =
        parse("{" SMALL ",\"preset\":\"reference\",\"variants\":[{\"name\":\"shared\"},"
              "{\"name\":\"single\",\"set\":{\"architecture\":\"monolithic_single_path\","
              "\"cell\":{" PREFILL "}}},"
              "{\"name\":\"multi\",\"set\":{\"architecture\":\"monolithic_multi_path\"}},"
              "{\"name\":\"without\",\"set\":{\"preset\":null,\"cell\":{" PREFILL "}}}]}");
    for (uint32_t i = 0; i < 4; i++) {
        bool with = i < 3;
        struct point *point = build(experiment, i);
        const struct run_config *config = &point->config;
        const struct run_scheduler *scheduler = &config->schedulers[0];
        ck_assert_uint_eq(config->cell.compat, (with ? COMPAT_ALL : 0));
        ck_assert_int_eq(config->cut, with ? RUN_CUT_DROPPED : RUN_CUT_COUNTED);
        ck_assert_int_eq(scheduler->place, i == 1 || i == 2 ? RUN_PLACE_END : RUN_PLACE_START);
        ck_assert_int_eq(scheduler->assignment, with ? RUN_ASSIGN_COUNTED : RUN_ASSIGN_ROUND_ROBIN);
        ck_assert_int_eq(scheduler->retry.delay_us, 1000000);
        ck_assert(scheduler->retry.backoff == 1);
        ck_assert_uint_eq(scheduler->retry.attempts_max, (with ? 1001 : 1000));
        ck_assert_uint_eq(scheduler->retry.attempts_unplaced_max, (with ? 101 : 100));
        ck_assert((config->prefill.module != NULL) == (i == 1));
        point_destroy(point);
    }
    experiment_close(experiment);
}
END_TEST

/* Its options are ordinary ones: the file may set them, with the preset and without. */
START_TEST(test_preset_gives_defaults)
{
    struct experiment *experiment =
        parse("{" SMALL ",\"preset\":\"reference\",\"cut_attempts\":\"count\","
              "\"variants\":[{\"name\":\"with\",\"set\":{"
              "\"architecture\":\"monolithic_single_path\","
              "\"schedulers.0.place\":\"start\",\"schedulers.0.assignment\":\"hash\","
              "\"schedulers.0.retry.attempts\":5}},"
              "{\"name\":\"without\",\"set\":{\"preset\":null,\"cut_attempts\":\"drop\","
              "\"cell.prefill\":{\"cpu_utilisation\":0.5,\"cpu_milli\":1,\"mem_mib\":1,"
              "\"module\":\"first_fit\"},"
              "\"schedulers.0.place\":\"end\",\"schedulers.0.assignment\":\"counted\"}}]}");
    struct point *with = build(experiment, 0);
    struct point *without = build(experiment, 1);
    ck_assert_uint_eq(with->config.cell.compat, COMPAT_ALL);
    ck_assert_int_eq(with->config.cut, RUN_CUT_COUNTED);
    ck_assert_int_eq(with->config.schedulers[0].place, RUN_PLACE_START);
    ck_assert_int_eq(with->config.schedulers[0].assignment, RUN_ASSIGN_HASH);
    ck_assert_uint_eq(with->config.schedulers[0].retry.attempts_max, 5);
    ck_assert_uint_eq(with->config.schedulers[0].retry.attempts_unplaced_max, 101);
    ck_assert_uint_eq(without->config.cell.compat, 0);
    ck_assert_int_eq(without->config.cut, RUN_CUT_DROPPED);
    ck_assert_int_eq(without->config.schedulers[0].place, RUN_PLACE_END);
    ck_assert_int_eq(without->config.schedulers[0].assignment, RUN_ASSIGN_COUNTED);
    ck_assert_str_eq(module_scheduler(without->config.prefill.module)->name, "first_fit");
    point_destroy(with);
    point_destroy(without);
    experiment_close(experiment);
}
END_TEST

/* Jobs at 1, 2, ... 9 s, and of the third workload at 2, 4, ... 8 s: only what comes before a
 * workload whose jobs are dealt by number is counted. */
START_TEST(test_jobs_before)
{
    struct experiment *experiment = parse(
        "{\"name\":\"t\",\"horizon_s\":10,\"cell\":{" MACHINES
        "},\"workloads\":[" WORKLOAD("a") "," WORKLOAD(
            "b") ",{\"name\":\"c\",\"interarrival_s\":2,"
                 "\"tasks\":1,\"duration_s\":1,\"cpu_milli\":1,\"mem_mib\":1}," WORKLOAD(
                     "d") "],"
                          "\"architecture\":\"shared_state\",\"schedulers\":["
                          "{\"name\":\"ab\",\"module\":\"batch\",\"workloads\":[\"a\",\"b\"]},"
                          "{\"name\":\"cd\",\"module\":\"batch\",\"workloads\":[\"c\",\"d\"],"
                          "\"instances\":2}],\"variants\":[{\"name\":\"in-turn\"},{\"name\":"
                          "\"counted\","
                          "\"set\":{\"schedulers.1.assignment\":\"counted\"}}]}");
    static const uint64_t expected[2][4] = {{0, 0, 0, 0}, {0, 9, 18, 22}};
    for (uint32_t i = 0; i < 2; i++) {
        struct point *point = build(experiment, i);
        for (uint32_t w = 0; w < 4; w++) {
            ck_assert_uint_eq(point->config.workloads[w].jobs_before, expected[i][w]);
        }
        point_destroy(point);
    }
    experiment_close(experiment);
}
END_TEST

/* ---- machines ---- */

START_TEST(test_machines)
{
    struct experiment *experiment = parse(
        "{\"name\":\"t\",\"horizon_s\":10,\"architecture\":\"shared_state\","
        "\"cell\":{\"overcommit\":{\"cpu\":1.5,\"gpu\":2},\"release_raises_seq\":true,"
        "\"machines\":[{\"count\":3,\"cpu_milli\":1000,\"mem_mib\":2000,\"domains\":2,"
        "\"platform\":\"p\",\"attributes\":\"rank=7\"},"
        "{\"count\":1,\"cpu_milli\":9,\"mem_mib\":8,\"gpu_devices\":8,\"name_prefix\":\"gpu\"}]},"
        "\"workloads\":[" WORKLOAD("w") "],"
                                        "\"schedulers\":[{\"name\":\"s\",\"module\":\"batch\"}]}");
    struct point *point = build(experiment, 0);
    const struct store_config *cell = &point->config.cell;
    const struct symbols *symbols = catalogue_symbols(cell->catalogue);
    static const char *const names[] = {"m-0", "m-1", "m-2", "gpu-3"};
    static const char *const domains[] = {"d0", "d1", "d0", ""};
    static const char *const platforms[] = {"p", "p", "p", ""};
    ck_assert_uint_eq(cell->machine_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        ck_assert_str_eq(symbols_text(symbols, cell->machines[i].name), names[i]);
        ck_assert_str_eq(symbols_text(symbols, cell->machines[i].domain), domains[i]);
        ck_assert_str_eq(symbols_text(symbols, cell->machines[i].platform), platforms[i]);
        ck_assert_int_eq(cell->machines[i].absent, 0);
    }
    ck_assert_int_eq(cell->machines[2].cpu_milli, 1000);
    ck_assert_int_eq(cell->machines[2].mem_mib, 2000);
    ck_assert_int_eq(cell->machines[2].gpu_devices, 0);
    ck_assert_int_eq(cell->machines[3].cpu_milli, 9);
    ck_assert_int_eq(cell->machines[3].gpu_devices, 8);
    ck_assert_uint_eq(catalogue_attribute_set(cell->catalogue, cell->machines[1].attributes)->count,
                      3);
    ck_assert_uint_eq(cell->machines[0].attributes, cell->machines[2].attributes);
    ck_assert_uint_ne(cell->machines[0].attributes, cell->machines[1].attributes);
    ck_assert_uint_eq(cell->machines[3].attributes, 0);
    ck_assert_int_eq(cell->overcommit.cpu_permille, 1500);
    ck_assert_int_eq(cell->overcommit.gpu_permille, 2000);
    ck_assert(cell->release_raises_seq);
    point_destroy(point);
    experiment_close(experiment);
}
END_TEST

START_TEST(test_events)
{
    struct experiment *experiment = parse(
        "{" SMALL ",\"lost_tasks\":\"fail\",\"machine_events\":["
        "{\"time_s\":5,\"machine\":\"m-1\",\"event\":\"add\",\"cpu_milli\":7,\"mem_mib\":8},"
        "{\"time_s\":0.0000015,\"machine\":\"m-1\",\"event\":\"remove\"},"
        "{\"time_s\":5,\"machine\":\"m-0\",\"event\":\"drain\"},"
        "{\"time_s\":3,\"machine\":\"m-0\",\"event\":\"capacity\",\"cpu_milli\":5,\"mem_mib\":6,"
        "\"gpu_devices\":2}]}");
    struct point *point = build(experiment, 0);
    static const struct omega_machine_event expected[] = {
        {.time_us = 2, .machine = 1, .kind = OMEGA_EVENT_REMOVE},
        {.time_us = 3000000,
         .machine = 0,
         .kind = OMEGA_EVENT_CAPACITY,
         .gpu_devices = 2,
         .cpu_milli = 5,
         .mem_mib = 6},
        {.time_us = 5000000, .machine = 1, .kind = OMEGA_EVENT_ADD, .cpu_milli = 7, .mem_mib = 8},
        {.time_us = 5000000, .machine = 0, .kind = OMEGA_EVENT_DRAIN},
    };
    ck_assert_uint_eq(point->config.event_count, 4);
    ck_assert_mem_eq(point->config.events, expected, sizeof expected);
    ck_assert_int_eq(point->config.lost, STORE_LOST_FAIL);
    point_destroy(point);
    experiment_close(experiment);
}
END_TEST

/* ---- schedulers ---- */

START_TEST(test_schedulers)
{
    struct experiment *experiment = parse(
        "{\"name\":\"t\",\"horizon_s\":10,\"warmup_s\":2.5,\"architecture\":\"shared_state\","
        "\"series_step_s\":0.5,\"record\":[\"series\",\"jobs\"],\"cell\":{" MACHINES "},"
        "\"fragmentation\":{\"cpu_milli\":3,\"mem_mib\":4,\"gpu_devices\":2,\"step_s\":0.25},"
        "\"workloads\":[" WORKLOAD("a") "," WORKLOAD("b") "," WORKLOAD(
            "c") "],"
                 "\"schedulers\":[{\"name\":\"s\",\"module\":\"batch\",\"workloads\":[\"c\",\"a\"],"
                 "\"instances\":3,\"assignment\":\"hash\",\"options\":{},"
                 "\"decision\":{\"c\":{\"job_s\":2}},\"sync\":{\"interval_s\":4},"
                 "\"commit\":{\"detection\":\"coarse\",\"granularity\":\"at_least\",\"at_least\":2}"
                 ","
                 "\"retry\":{\"delay_s\":2,\"backoff\":1.5,\"delay_max_s\":8,\"queue\":\"front\","
                 "\"attempts\":0,\"attempts_unplaced\":3}},"
                 "{\"name\":\"z\",\"module\":\"service\",\"workloads\":[\"b\"],\"sync\":"
                 "\"private\","
                 "\"decision\":{\"task_s\":1}}]}");
    struct point *point = build(experiment, 0);
    const struct run_scheduler *s = point->config.schedulers;
    ck_assert_uint_eq(point->config.scheduler_count, 2);
    ck_assert_str_eq(s[0].name, "s");
    ck_assert_str_eq(module_scheduler(s[0].module)->name, "batch");
    ck_assert_str_eq(module_scheduler(s[1].module)->name, "service");
    ck_assert_uint_eq(point->config.workloads[0].scheduler, 0);
    ck_assert_uint_eq(point->config.workloads[1].scheduler, 1);
    ck_assert_uint_eq(point->config.workloads[2].scheduler, 0);
    ck_assert_uint_eq(s[0].instances, 3);
    ck_assert_int_eq(s[0].assignment, RUN_ASSIGN_HASH);
    ck_assert_int_eq(s[0].decisions[0].job_us, 100000);
    ck_assert_int_eq(s[0].decisions[2].job_us, 2000000);
    ck_assert_int_eq(s[0].decisions[2].task_us, 5000);
    ck_assert_int_eq(s[1].decisions[1].task_us, 1000000);
    ck_assert_int_eq(s[0].sync, RUN_SYNC_INTERVAL);
    ck_assert_int_eq(s[0].interval_us, 4000000);
    ck_assert_int_eq(s[1].sync, RUN_SYNC_PRIVATE);
    ck_assert_int_eq(s[0].detection, OMEGA_DETECT_COARSE);
    ck_assert_int_eq(s[0].granularity, OMEGA_COMMIT_AT_LEAST);
    ck_assert_uint_eq(s[0].at_least, 2);
    ck_assert_int_eq(s[0].retry.delay_us, 2000000);
    ck_assert(s[0].retry.backoff == 1.5);
    ck_assert_int_eq(s[0].retry.delay_max_us, 8000000);
    ck_assert_int_eq(s[0].retry.queue, RUN_QUEUE_FRONT);
    ck_assert_uint_eq(s[0].retry.attempts_max, 0);
    ck_assert_uint_eq(s[0].retry.attempts_unplaced_max, 3);
    ck_assert_int_eq(point->config.warmup_us, 2500000);
    ck_assert_int_eq(point->metrics.warmup_us, 2500000);
    ck_assert_int_eq(point->metrics.series_step_us, 500000);
    const struct metrics_fragmentation fragmentation = {
        .task = {.cpu_milli = 3, .mem_mib = 4, .gpu_devices = 2, .gpu_milli = 1000},
        .step_us = 250000,
    };
    ck_assert_mem_eq(&point->metrics.fragmentation, &fragmentation, sizeof fragmentation);
    ck_assert(point->metrics.jobs);
    ck_assert_uint_eq(point->metrics.instances[0], 3);
    ck_assert_str_eq(point->metrics.schedulers[1], "z");
    ck_assert_str_eq(point->metrics.workloads[2], "c");
    point_destroy(point);
    experiment_close(experiment);
}
END_TEST

/* ---- generated workloads: two points with one seed give the same jobs ---- */

START_TEST(test_same_jobs)
{
    struct experiment *experiment =
        parse("{" SMALL ",\"variants\":[{\"name\":\"a\"},{\"name\":\"b\",\"set\":{"
              "\"schedulers\":[{\"name\":\"x\",\"module\":\"service\",\"instances\":2}]}},"
              "{\"name\":\"c\",\"set\":{\"seed\":2}}]}");
    struct point *points[2] = {build(experiment, 0), build(experiment, 1)};
    uint32_t count = 0;
    for (;; count++) {
        const struct omega_job *jobs[2];
        int rc[2];
        for (int i = 0; i < 2; i++) {
            rc[i] = job_source_next(points[i]->config.workloads[0].source, &jobs[i], NULL);
        }
        ck_assert_int_eq(rc[0], rc[1]);
        if (rc[0] == 0) {
            break;
        }
        ck_assert_int_eq(rc[0], 1);
        ck_assert_int_eq(jobs[0]->submit_us, jobs[1]->submit_us);
        ck_assert_int_eq(jobs[0]->submit_us, (int64_t)(count + 1) * 1000000);
        ck_assert_uint_eq(jobs[0]->tasks, 2);
        ck_assert_int_eq(jobs[0]->precedence, 100);
        ck_assert_int_eq(jobs[0]->groups[0].duration_us, 3000000);
        ck_assert_int_eq(jobs[0]->groups[0].request.cpu_milli, 4);
        ck_assert_int_eq(jobs[0]->groups[0].request.mem_mib, 5);
    }
    ck_assert_uint_eq(count, 9); /* at 1 s .. 9 s; the horizon is at 10 s */
    point_destroy(points[0]);
    point_destroy(points[1]);
    experiment_close(experiment);
}
END_TEST

START_TEST(test_gpu_requests)
{
    static const struct {
        const char *fields;
        int devices;
        int milli;
    } requests[] = {{"", 0, 0},
                    {",\"gpu_milli\":250", 1, 250},
                    {",\"gpu_devices\":1,\"gpu_milli\":250", 1, 250},
                    {",\"gpu_devices\":3", 3, 1000},
                    {",\"gpu_devices\":2,\"gpu_milli\":1000", 2, 1000}};
    char text[1024];
    snprintf(text, sizeof text,
             "{\"name\":\"t\",\"horizon_s\":10,\"architecture\":\"shared_state\","
             "\"cell\":{" MACHINES
             "},\"schedulers\":[{\"name\":\"s\",\"module\":\"batch\"}],\"workloads\":["
             "{\"name\":\"w\",\"interarrival_s\":1,\"tasks\":2,\"duration_s\":3,\"cpu_milli\":4,"
             "\"mem_mib\":5%s}]}",
             requests[_i].fields);
    struct experiment *experiment = parse(text);
    struct point *point = build(experiment, 0);
    const struct omega_job *job;
    ck_assert_int_eq(job_source_next(point->config.workloads[0].source, &job, NULL), 1);
    ck_assert_int_eq(job->groups[0].request.gpu_devices, requests[_i].devices);
    ck_assert_int_eq(job->groups[0].request.gpu_milli, requests[_i].milli);
    point_destroy(point);
    experiment_close(experiment);
}
END_TEST

/* ---- traces ---- */

static void write_trace(void)
{
    char path[128];
    omega_error_t err = {0};
    struct trace *trace = trace_create(NULL);
    struct symbols *symbols = catalogue_symbols(trace->catalogue);
    uint32_t workload;
    for (int i = 0; i < 2; i++) {
        struct omega_machine_spec machine = {.cpu_milli = 1000, .mem_mib = 1000, .gpu_devices = 1};
        machine.name = symbols_intern(symbols, i == 0 ? "north" : "south");
        ck_assert_int_eq(trace_add_machine(trace, &machine, &err), 0);
        ck_assert_int_eq(trace_workload(trace, i == 0 ? "LS" : "BE", &workload, &err), 0);
    }
    struct omega_machine_event event = {
        .time_us = 4000000, .machine = 1, .kind = OMEGA_EVENT_DRAIN};
    ck_assert_int_eq(trace_add_event(trace, &event, &err), 0);
    for (uint32_t i = 0; i < 4; i++) {
        struct omega_task_group group = {
            .count = 1, .request = {.cpu_milli = 500, .mem_mib = 10}, .duration_us = 1000};
        struct omega_job job = {.id = i + 1,
                                .submit_us = (int64_t)(i + 1) * 1000000,
                                .workload = i % 2,
                                .group_count = 1,
                                .groups = &group};
        ck_assert_int_eq(omega_job_seal(&job, &group, &err), 0);
        ck_assert_int_eq(trace_add_job(trace, &job, &err), 0);
    }
    ck_assert_int_eq(trace_seal(trace, &err), 0);
    snprintf(path, sizeof path, "%s/a.trace", directory);
    ck_assert_msg(trace_write(trace, path, &err) == 0, "%s", err.text);
    trace_destroy(trace);
}

#define REPLAY(more, events)                                                                       \
    "{\"name\":\"t\",\"architecture\":\"shared_state\",\"cell\":{\"trace\":\"a.trace\","           \
    "\"time_scale\":0.5}," events "\"workloads\":[{\"name\":\"w\",\"trace\":\"a.trace\","          \
    "\"time_scale\":2" more "}],\"schedulers\":[{\"name\":\"s\",\"module\":\"batch\"}]}"

START_TEST(test_replay)
{
    write_trace();
    struct experiment *experiment = parse(REPLAY(
        ",\"trace_workloads\":[\"BE\"]", "\"machine_events\":[{\"time_s\":1,\"machine\":\"north\","
                                         "\"event\":\"remove\"}],"));
    struct point *point = build(experiment, 0);
    const struct run_config *config = &point->config;
    const struct omega_job *job;
    ck_assert_int_eq(config->horizon_us, 2 * 4000000 + INT64_C(3600000000));
    ck_assert_uint_eq(config->cell.machine_count, 2);
    ck_assert_uint_eq(config->event_count, 2);
    ck_assert_int_eq(config->events[0].kind, OMEGA_EVENT_REMOVE);
    ck_assert_uint_eq(config->events[0].machine, 0);
    ck_assert_uint_eq(config->events[1].machine, 1);
    ck_assert_int_eq(config->events[1].time_us, 2000000);
    for (int64_t second = 4; second <= 8; second += 4) {
        ck_assert_int_eq(job_source_next(config->workloads[0].source, &job, NULL), 1);
        ck_assert_int_eq(job->submit_us, second * 1000000);
        ck_assert_uint_eq(job->workload, 0);
    }
    ck_assert_int_eq(job_source_next(config->workloads[0].source, &job, NULL), 0);
    ck_assert_str_eq(experiment_input(experiment, 0)->name, "a.trace");
    ck_assert_uint_eq(strlen(experiment_input(experiment, 0)->sha256), 64);
    ck_assert_ptr_null(experiment_input(experiment, 1));
    point_destroy(point);
    experiment_close(experiment);
}
END_TEST

/* A demand is a share of the cell's capacity: 2 x 1000 milli, 500 a task. */
START_TEST(test_demand)
{
    const struct omega_job *job;
    uint32_t jobs = 0;
    write_trace();
    struct experiment *experiment =
        parse(REPLAY(",\"no_departures\":true,\"demand\":{\"resource\":\"cpu\",\"share\":3}", ""));
    struct point *point = build(experiment, 0);
    while (job_source_next(point->config.workloads[0].source, &job, NULL) == 1) {
        ck_assert_int_eq(job->groups[0].duration_us, OMEGA_NEVER);
        jobs++;
    }
    ck_assert_uint_eq(jobs, 12);
    point_destroy(point);
    experiment_close(experiment);
}
END_TEST

START_TEST(test_files_wrong)
{
    write_trace();
    write_file("bad.trace", "OMEGATRC and nothing good");
    write_file("samples.txt", "1\n2\n-3\n");
    build_fails(REPLAY(",\"trace_workloads\":[\"XX\"]", ""),
                "workloads[0].trace_workloads[0]: the trace has no workload 'XX', expected one of: "
                "'LS', 'BE'");
    build_fails("{\"name\":\"t\",\"architecture\":\"shared_state\",\"cell\":{\"trace\":"
                "\"bad.trace\"},\"workloads\":[{\"name\":\"w\",\"trace\":\"a.trace\"}],"
                "\"schedulers\":[{\"name\":\"s\",\"module\":\"batch\"}]}",
                "bad.trace");
    build_fails("{" SMALL ",\"variants\":[{\"name\":\"v\",\"set\":{\"machine_events\":"
                "\"none.csv\"}}]}",
                "none.csv: cannot open: No such file or directory (t.json, "
                "variants[0].set.machine_events)");
    build_fails("{" SMALL ",\"variants\":[{\"name\":\"v\",\"set\":{\"cell\":{\"prefill\":{"
                "\"cpu_utilisation\":0.5,\"cpu_milli\":1,\"mem_mib\":{\"type\":\"empirical\","
                "\"file\":\"samples.txt\"}}}}}]}",
                "variants[0].set.cell.prefill.mem_mib.file: holds the sample -3, expected none "
                "below 0");
    build_fails("{" SMALL ",\"machine_events\":[{\"time_s\":1,\"machine\":\"m-2\","
                "\"event\":\"drain\"}]}",
                "machine_events[0].machine: there is no machine 'm-2', expected a name such as "
                "'m-0'");
    build_fails("{" SMALL ",\"variants\":[{\"name\":\"v\",\"set\":{\"schedulers\":[{\"name\":\"s\","
                "\"module\":\"./none.so\"}]}}]}",
                "none.so");
    build_fails("{" SMALL ",\"variants\":[{\"name\":\"v\",\"set\":{\"schedulers\":[{\"name\":\"s\","
                "\"module\":\"batch\",\"options\":{\"frob\":1}}]}}]}",
                "variants[0].set.schedulers[0].options: ");
    build_fails("{" SMALL ",\"variants\":[{\"name\":\"v\",\"set\":{\"cell\":{\"overcommit\":{"
                "\"cpu\":30},\"machines\":[{\"count\":1,\"cpu_milli\":1073741824,\"mem_mib\":1}]}"
                "}}]}",
                "cell.overcommit: a machine's limit becomes more than 2147483647");
}
END_TEST

/* Events in an order that no machine can follow; the entry at fault is named by its place in the
 * file, which need not be its place in time. */
START_TEST(test_event_order)
{
#define EVENT(time, kind) "{\"time_s\":" time ",\"machine\":\"m-1\",\"event\":\"" kind "\"}"
    write_trace();
    build_fails("{" SMALL
                ",\"machine_events\":[" EVENT("1", "drain") ",\n" EVENT("2", "drain") "]}",
                "t.json:2: machine_events[1]: 'drain' of machine 'm-1' at 2 s, which is draining "
                "then, expected add when down, drain when up");
    build_fails("{" SMALL ",\"machine_events\":[\n" EVENT("3", "add") "," EVENT(
                    "2", "remove") ",\n" EVENT("1", "undrain") "]}",
                "t.json:3: machine_events[2]: 'undrain' of machine 'm-1' at 1 s, which is up then");
    build_fails(REPLAY("", "\"machine_events\":[{\"time_s\":1,\"machine\":\"south\","
                           "\"event\":\"remove\"}],"),
                "t.json:1: machine_events: 'drain' of machine 'south' at 2 s, which is down then");
    struct experiment *experiment = parse("{" SMALL ",\"machine_events\":[" EVENT(
        "3", "add") "," EVENT("2", "remove") "," EVENT("1", "drain") "]}");
    point_destroy(build(experiment, 0));
    experiment_close(experiment);
}
END_TEST

/* Paths among the keys of "set", also under what a patch has made; errors name key and line. */
START_TEST(test_set_paths)
{
    struct experiment *experiment =
        parse("{" SMALL ",\"variants\":[{\"name\":\"v\",\"set\":{\"schedulers[0].instances\":4,"
              "\"cell.overcommit.cpu\":2,\"schedulers.0.retry\":{\"delay_s\":5},"
              "\"schedulers.0.retry.delay_s\":6,\"horizon_s\":11,\"schedulers\":[{\"name\":\"x\","
              "\"module\":\"batch\"}]}},{\"name\":\"w\",\"set\":{\"schedulers.0.instances\":4e0,"
              "\"schedulers.0.retry\":{\"delay_s\":5},\"schedulers.0.retry.delay_s\":null}}]}");
    struct point *point = build(experiment, 0);
    ck_assert_uint_eq(point->config.schedulers[0].instances, 4);
    ck_assert_str_eq(point->config.schedulers[0].name, "x");
    ck_assert_int_eq(point->config.schedulers[0].retry.delay_us, 6000000);
    ck_assert_int_eq(point->config.cell.overcommit.cpu_permille, 2000);
    ck_assert_int_eq(point->config.horizon_us, 11000000);
    point_destroy(point);
    point = build(experiment, 1);
    ck_assert_uint_eq(point->config.schedulers[0].instances, 4);
    ck_assert_int_eq(point->config.schedulers[0].retry.delay_us, 1000000);
    ck_assert_int_eq(point->config.cell.overcommit.cpu_permille, 1000);
    point_destroy(point);
    experiment_close(experiment);
}
END_TEST

/* ---- the store ---- */

START_TEST(test_store)
{
    struct experiment *experiment =
        parse("{" SMALL ",\"store\":\"lmdb\",\"variants\":[{\"name\":\"a\"},"
              "{\"name\":\"b\",\"set\":{\"store\":\"memory\"}},"
              "{\"name\":\"c\",\"set\":{\"store\":{\"kind\":\"lmdb\",\"map_mib\":5e0,"
              "\"log_changes\":7,\"dir\":\"x/y\"},\"seeds\":[3,9223372036854775807]}}]}");
    struct point *point = build(experiment, 0);
    ck_assert_int_eq(point->config.store.kind, RUN_STORE_LMDB);
    ck_assert_int_eq(point->config.store.options.mode, LMDB_PWRITE);
    ck_assert_uint_eq(point->config.store.options.map_bytes, 0);
    ck_assert_uint_eq(point->config.store.options.log_changes, 0);
    ck_assert(!point->config.store.options.keep_jobs);
    ck_assert_ptr_null(point->config.store.directory);
    point_destroy(point);
    point = build(experiment, 1);
    ck_assert_int_eq(point->config.store.kind, RUN_STORE_MEMORY);
    point_destroy(point);
    point = build(experiment, 3);
    ck_assert_int_eq(point->config.store.kind, RUN_STORE_LMDB);
    ck_assert_uint_eq(point->config.store.options.map_bytes, 5 << 20);
    ck_assert_uint_eq(point->config.store.options.log_changes, 7);
    ck_assert_str_eq(point->config.store.directory, "x/y/c-seed-9223372036854775807");
    point_destroy(point);
    experiment_close(experiment);
}
END_TEST

/* Every mode has the name that the store gives it. */
START_TEST(test_store_modes)
{
    int modes = 0;
    const char *name;
    for (; (name = lmdb_mode_name((enum lmdb_mode)modes)) != NULL; modes++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "{" SMALL ",\"store\":{\"kind\":\"lmdb\",\"mode\":\"%s\",\"dir\":\".\"}}", name);
        struct experiment *experiment = parse(text);
        struct point *point = build(experiment, 0);
        ck_assert_int_eq(point->config.store.options.mode, modes);
        ck_assert_str_eq(point->config.store.directory, "./seed-1");
        point_destroy(point);
        experiment_close(experiment);
    }
    ck_assert_int_eq(modes, 3);
}
END_TEST

/* What is in the way of any point's cell is found before the first one runs. */
START_TEST(test_store_directories)
{
    char text[1024];
    char path[128];
    char formatted[600];
    omega_error_t err = {0};
    snprintf(text, sizeof text,
             "{" SMALL ",\"seeds\":[1,2],\"variants\":[{\"name\":\"a\"},{\"name\":\"b\",\"set\":{"
             "\"store\":{\"kind\":\"lmdb\",\"dir\":\"%s/cells\"}}}]}",
             directory);
    struct experiment *experiment = parse(text);
    ck_assert_int_eq(experiment_check_cells(experiment, NULL, NULL, NULL), 0);
    write_file("cells", "x");
    ck_assert_int_eq(experiment_check_cells(experiment, NULL, NULL, NULL), OMEGA_EIO);
    snprintf(path, sizeof path, "%s/cells", directory);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0777), 0);
    snprintf(path, sizeof path, "%s/cells/b-seed-2", directory);
    ck_assert_int_eq(mkdir(path, 0777), 0);
    ck_assert_int_eq(experiment_check_cells(experiment, NULL, NULL, &err), 0);
    write_file("cells/b-seed-2/some.txt", "x");
    ck_assert_int_eq(experiment_check_cells(experiment, NULL, NULL, &err), OMEGA_EINVAL);
    omega_error_format(&err, formatted, sizeof formatted);
    snprintf(text, sizeof text,
             "%s: holds 'some.txt' already, expected no such directory or an empty one for a cell: "
             "remove it, or choose another store.dir",
             path);
    ck_assert_str_eq(formatted, text);
    experiment_close(experiment);
}
END_TEST

START_TEST(test_modules)
{
    struct experiment *experiment = parse("{" SMALL "}");
    point_destroy(build(experiment, 0));
    point_destroy(build(experiment, 0));
    ck_assert_ptr_nonnull(experiment_module(experiment, 0));
    ck_assert_ptr_nonnull(strstr(experiment_module(experiment, 0)->name, "batch.so"));
    ck_assert_uint_eq(strlen(experiment_module(experiment, 0)->sha256), 64);
    ck_assert_ptr_null(experiment_module(experiment, 1));
    experiment_close(experiment);
}
END_TEST

/* What a workload draws too large is said by its name. */
START_TEST(test_draw_names_workload)
{
    const struct omega_job *job;
    omega_error_t err = {0};
    struct experiment *experiment = parse(
        "{\"name\":\"t\",\"horizon_s\":10,\"architecture\":\"shared_state\",\"cell\":{\"machines\":"
        "["
        "{\"count\":1,\"cpu_milli\":1,\"mem_mib\":1}]},\"workloads\":[{\"name\":\"wide\","
        "\"interarrival_s\":1,\"tasks\":1,\"duration_s\":1,\"cpu_milli\":1e10,\"mem_mib\":1}],"
        "\"schedulers\":[{\"name\":\"s\",\"module\":\"batch\"}]}");
    struct point *point = build(experiment, 0);
    ck_assert_int_eq(job_source_next(point->config.workloads[0].source, &job, &err), OMEGA_EINVAL);
    ck_assert_msg(strncmp(err.text, "workload 'wide' draws 1e+10 for", 31) == 0, "%s", err.text);
    point_destroy(point);
    experiment_close(experiment);
}
END_TEST

static void add_case(Suite *suite, const char *name, const TTest *test, int loops)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test, 0, loops);
    suite_add_tcase(suite, tcase);
}

static void add_cases(Suite *suite)
{
    add_case(suite, "defaults", test_defaults, 1);
    add_case(suite, "preset", test_preset, 1);
    add_case(suite, "defaults of the preset", test_preset_gives_defaults, 1);
    add_case(suite, "jobs before", test_jobs_before, 1);
    add_case(suite, "machines", test_machines, 1);
    add_case(suite, "events", test_events, 1);
    add_case(suite, "schedulers", test_schedulers, 1);
    add_case(suite, "same jobs", test_same_jobs, 1);
    add_case(suite, "gpu requests", test_gpu_requests, 5);
    add_case(suite, "replay", test_replay, 1);
    add_case(suite, "demand", test_demand, 1);
    add_case(suite, "files", test_files_wrong, 1);
    add_case(suite, "event order", test_event_order, 1);
    add_case(suite, "paths in set", test_set_paths, 1);
    add_case(suite, "store", test_store, 1);
    add_case(suite, "store modes", test_store_modes, 1);
    add_case(suite, "store directories", test_store_directories, 1);
    add_case(suite, "modules", test_modules, 1);
    add_case(suite, "names in draws", test_draw_names_workload, 1);
}

CHECK_MAIN("point", add_cases)
