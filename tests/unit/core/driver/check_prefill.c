/* SPDX-License-Identifier: MIT */
/* Pre-fill: its targets, its draws, full batches, and what happens to what was pre-filled. */
#include <string.h>

#include "cellstate/compat.h"
#include "core/base/random.h"
#include "core/driver/driver.h"
#include "tests/support/check_main.h"
#include "tests/support/fixture.h"

static const struct distribution one = {.type = DISTRIBUTION_CONSTANT, .a = 1};

/* A cell to pre-fill with placements of 1 MiB and so much CPU. */
static void open_filled(struct fixture *f, uint32_t machines, int32_t cpu_milli,
                        const struct distribution *cpu, double target)
{
    fixture_open(f, machines, cpu_milli, 1000, "recorder", 100 * S);
    f->config.prefill = (struct run_prefill){
        .cpu_utilisation = target,
        .cpu_milli = cpu,
        .mem_mib = &one,
        .precedence = 200,
    };
}

START_TEST(cpu_target)
{
    struct fixture f;
    static const struct distribution cpu = {.type = DISTRIBUTION_CONSTANT, .a = 1000};
    static const struct distribution duration = {.type = DISTRIBUTION_CONSTANT, .a = 50};
    open_filled(&f, 100, 4000, &cpu, 0.6);
    struct fixture_job jobs[] = {a_job(0, 1, 1000, 10 * S)};
    fixture_run_ok(&f, jobs, 1);
    ck_assert_int_eq(f.cell.final.cpu_used_milli, 240000);
    ck_assert_int_eq(f.cell.final.mem_used_mib, 240);
    f.config.prefill.duration_s = &duration;
    fixture_run_ok(&f, jobs, 1);
    ck_assert_int_eq(f.cell.final.cpu_used_milli, 0);
    ck_assert_double_eq_tol(f.cell.cpu_utilisation, 0.3 + 10.0 / 40000.0, 1e-6);
    fixture_close(&f);
}
END_TEST

START_TEST(memory_target)
{
    struct fixture f;
    static const struct distribution cpu = {.type = DISTRIBUTION_CONSTANT, .a = 100};
    static const struct distribution memory = {.type = DISTRIBUTION_CONSTANT, .a = 100};
    open_filled(&f, 50, 1000, &cpu, 0);
    f.config.prefill.mem_mib = &memory;
    f.config.prefill.mem_utilisation = 0.5;
    struct fixture_job jobs[] = {a_job(0, 1, 0, 10 * S)};
    fixture_run_ok(&f, jobs, 1);
    ck_assert_int_eq(f.cell.final.mem_used_mib, 25000);
    /* with both, whichever is reached first */
    f.config.prefill.cpu_utilisation = 0.2;
    fixture_run_ok(&f, jobs, 1);
    ck_assert_int_eq(f.cell.final.cpu_used_milli, 10000);
    ck_assert_int_eq(f.cell.final.mem_used_mib, 10000);
    f.config.prefill.mem_utilisation = 0.1;
    fixture_run_ok(&f, jobs, 1);
    ck_assert_int_eq(f.cell.final.mem_used_mib, 5000);
    fixture_close(&f);
}
END_TEST

/* One machine of 2000 has room: probing hardly meets it, the scan does. No draw is left out, so use
 * is the sum of the draws up to the target. */
START_TEST(the_scan_finds_the_only_machine)
{
    struct fixture f;
    static const struct distribution cpu = {.type = DISTRIBUTION_UNIFORM, .a = 10, .b = 1000};
    open_filled(&f, 2000, 1, &cpu, 0.9);
    f.machines[1777].cpu_milli = 30000;
    struct omega_random random;
    omega_random_init(&random, f.config.seed, "prefill-cpu", 0);
    int64_t target = (int64_t)(0.9 * (30000 + 1999));
    int64_t sum = 0;
    for (;;) {
        double value = distribution_draw(&cpu, &random);
        int64_t milli = (int64_t)value + (value > (double)(int64_t)value);
        if (sum + milli > target) {
            break;
        }
        sum += milli;
    }
    struct fixture_job jobs[] = {a_job(0, 1, 0, 10 * S)};
    fixture_run_ok(&f, jobs, 1);
    ck_assert_int_eq(f.cell.final.cpu_used_milli, sum);
    fixture_close(&f);
}
END_TEST

/* Draws above a machine's size are left out; a cell that takes nothing more is an error. */
START_TEST(draws_that_fit_nowhere)
{
    struct fixture f;
    static const struct distribution cpu = {.type = DISTRIBUTION_UNIFORM, .a = 100, .b = 3000};
    static const struct distribution large = {.type = DISTRIBUTION_CONSTANT, .a = 600};
    open_filled(&f, 100, 1000, &cpu, 0.8);
    struct fixture_job jobs[] = {a_job(0, 1, 0, 10 * S)};
    fixture_run_ok(&f, jobs, 1);
    /* the draw that ended it may have been of any size */
    ck_assert_int_gt(f.cell.final.cpu_used_milli, 80000 - 3000);
    ck_assert_int_le(f.cell.final.cpu_used_milli, 80000);
    f.config.prefill.cpu_milli = &large;
    f.config.prefill.cpu_utilisation = 0.6;
    fixture_run_ok(&f, jobs, 1);
    ck_assert_int_eq(f.cell.final.cpu_used_milli, 60000);
    f.config.prefill.cpu_utilisation = 0.7;
    ck_assert_int_eq(fixture_run(&f, jobs, 1), OMEGA_EINVAL);
    ck_assert_str_eq(f.err.text, "the pre-fill stands at 0.600 of CPU and 0.001 of memory, and "
                                 "1000 placements in a row fit no machine: expected a lower "
                                 "target or smaller placements");
    fixture_close(&f);
}
END_TEST

/* 80,000 placements are two batches: two versions, and each placement ends by itself. */
START_TEST(two_batches)
{
    struct fixture f;
    static const struct distribution cpu = {.type = DISTRIBUTION_CONSTANT, .a = 10};
    static const struct distribution duration = {.type = DISTRIBUTION_CONSTANT, .a = 50};
    open_filled(&f, 1000, 1000, &cpu, 0.8);
    struct fixture_job jobs[] = {a_job(60 * S, 1, 1000, 10 * S)};
    fixture_run_ok(&f, jobs, 1);
    ck_assert_int_eq(f.cell.final.cpu_used_milli, 800000);
    ck_assert_uint_eq(f.report.placements, 80000);
    ck_assert_uint_eq(f.counters.version, 2);
    f.config.prefill.duration_s = &duration;
    fixture_run_ok(&f, jobs, 1);
    ck_assert_int_eq(f.cell.final.cpu_used_milli, 0);
    ck_assert_uint_eq(f.counters.version, 2 + 80000 + 2);
    ck_assert_uint_eq(f.counters.tasks_finished, 1);
    fixture_close(&f);
}
END_TEST

/* What was pre-filled is lost with its machine and belongs to no job; its end, later, is none. */
START_TEST(losses)
{
    struct fixture f;
    static const struct distribution cpu = {.type = DISTRIBUTION_CONSTANT, .a = 1000};
    static const struct distribution duration = {.type = DISTRIBUTION_CONSTANT, .a = 50};
    open_filled(&f, 2, 1000, &cpu, 1);
    f.config.prefill.duration_s = &duration;
    struct omega_machine_event events[] = {
        {.time_us = 10 * S, .machine = 1, .kind = OMEGA_EVENT_REMOVE},
        {.time_us = 20 * S, .machine = 1, .kind = OMEGA_EVENT_ADD},
    };
    f.config.events = events;
    f.config.event_count = 2;
    struct fixture_job jobs[] = {a_job(30 * S, 1, 1000, OMEGA_NEVER)};
    fixture_run_ok(&f, jobs, 1);
    ck_assert_str_eq(f.log, "30000 first/0 job 1 #1 left 1 view 3@30000: 0 1000\n");
    ck_assert_uint_eq(f.counters.losses, 1);
    ck_assert_uint_eq(f.counters.tasks_submitted, 1);
    ck_assert_uint_eq(f.counters.tasks_running, 1);
    ck_assert_uint_eq(f.counters.version, 1 + 2 + 1 + 1); /* preload, events, commit, one end */
    ck_assert_int_eq(f.cell.final.cpu_used_milli, 1000);
    fixture_close(&f);
}
END_TEST

/* Placements are of the band that the precedence says. */
START_TEST(bands)
{
    static const struct distribution cpu = {.type = DISTRIBUTION_CONSTANT, .a = 100};
    static const int32_t precedences[] = {0, 100, 200, 360};
    for (int i = 0; i < 4; i++) {
        struct fixture f;
        struct store *store = NULL;
        struct prefill_end *ends = NULL;
        uint32_t end_count = 0;
        struct omega_machine machine;
        struct metrics_config measured = {.digest = true};
        struct metrics *metrics = metrics_create(&measured);
        open_filled(&f, 1, 1000, &cpu, 0.5);
        f.config.prefill.precedence = precedences[i];
        ck_assert_int_eq(store_open_memory(&f.config.cell, &store, NULL), 0);
        ck_assert_int_eq(prefill_cell(&f.config, store, metrics, &ends, &end_count, NULL), 0);
        ck_assert_int_eq(store_machine(store, 0, &machine, NULL), 0);
        ck_assert_int_eq(machine.cpu_used_milli, 500);
        ck_assert_int_eq(machine.band_cpu_milli[omega_band_of(precedences[i])], 500);
        ck_assert_uint_eq(end_count, 0);
        free(ends);
        store_close(store);
        metrics_destroy(metrics);
        fixture_close(&f);
    }
}
END_TEST

/* ---- a store without live views ---- */

static struct store_ops private_ops; /* those of the memory store, but for views */
static const struct store_ops *memory_ops;

static int open_private_view(struct store *store, enum store_view_mode mode,
                             struct store_view **view, omega_error_t *err)
{
    ck_assert_int_eq(mode, STORE_VIEW_PRIVATE);
    return memory_ops->view_open(store, mode, view, err);
}

/* Pre-fills a cell of three batches and gives its digest. */
static uint64_t fill(struct fixture *f, bool live, char digest[33])
{
    struct store *store = NULL;
    struct prefill_end *ends = NULL;
    struct metrics_cell cell;
    struct store_report report;
    uint32_t end_count = 0;
    struct metrics_config measured = {.digest = true, .horizon_us = 1};
    struct metrics *metrics = metrics_create(&measured);
    ck_assert_int_eq(store_open_memory(&f->config.cell, &store, NULL), 0);
    memory_ops = store->ops;
    private_ops = *memory_ops;
    private_ops.live_views = false;
    private_ops.view_open = open_private_view;
    store->ops = live ? memory_ops : &private_ops;
    ck_assert_int_eq(prefill_cell(&f->config, store, metrics, &ends, &end_count, NULL), 0);
    ck_assert_int_eq(store_check(store, &report, NULL), 0);
    ck_assert_uint_eq(report.violations + report.above_limit, 0);
    metrics_finish(metrics, 1);
    metrics_read_cell(metrics, &cell);
    memcpy(digest, cell.digest, sizeof cell.digest);
    free(ends);
    store_close(store);
    metrics_destroy(metrics);
    return report.placements;
}

/* What is taken on a private view stays taken when its batch has become part of the cell. */
START_TEST(private_views)
{
    struct fixture f;
    static const struct distribution cpu = {.type = DISTRIBUTION_UNIFORM, .a = 5, .b = 12};
    char digest[2][33];
    open_filled(&f, 1000, 1700, &cpu, 0.99);
    ck_assert_uint_gt(fill(&f, true, digest[0]), 2 * 65536);
    ck_assert_uint_gt(fill(&f, false, digest[1]), 2 * 65536);
    ck_assert_str_eq(digest[0], digest[1]);
    fixture_close(&f);
}
END_TEST

/* ---- by a module ---- */

/* First fit by the module "recorder": two on machine 0, one on machine 1; then it is gone. */
START_TEST(a_module_places)
{
    struct fixture f;
    static const struct distribution cpu = {.type = DISTRIBUTION_CONSTANT, .a = 500};
    static const struct distribution duration = {.type = DISTRIBUTION_CONSTANT, .a = 50};
    open_filled(&f, 4, 1000, &cpu, 0.4);
    f.config.prefill.module = f.modules[0];
    struct fixture_job jobs[] = {a_job(0, 1, 500, 10 * S)};
    fixture_run_ok(&f, jobs, 1);
    ck_assert_str_eq(f.log, "0 first/0 job 1 #1 left 1 view 1@0: 0 500 1000 1000\n");
    ck_assert_int_eq(f.cell.final.cpu_used_milli, 1500);
    f.config.prefill.duration_s = &duration;
    fixture_run_ok(&f, jobs, 1);
    ck_assert_int_eq(f.cell.final.cpu_used_milli, 0);
    f.config.prefill.cpu_utilisation = 0;
    fixture_run_ok(&f, jobs, 1);
    ck_assert_str_eq(f.log, "0 first/0 job 1 #1 left 1 view 0@0: 1000 1000 1000 1000\n");
    fixture_close(&f);
}
END_TEST

/* The module's draws are the schedulers' own only where all share their random numbers. */
START_TEST(a_module_has_its_own_random_numbers)
{
    static const struct distribution cpu = {.type = DISTRIBUTION_CONSTANT, .a = 500};
    char digest[2][33];
    for (int shared = 0; shared < 2; shared++) {
        struct fixture f;
        fixture_open(&f, 1000, 1000, 1000, "random_one", 100 * S);
        f.config.cell.compat = shared ? COMPAT_RNG_SHARED : 0;
        f.config.prefill = (struct run_prefill){
            .cpu_utilisation = 0.1, .cpu_milli = &cpu, .mem_mib = &one, .module = f.modules[0]};
        ck_assert_uint_gt(fill(&f, true, digest[shared]), 100);
        fixture_close(&f);
    }
    ck_assert_str_ne(digest[0], digest[1]);
}
END_TEST

START_TEST(a_module_that_cannot)
{
    struct fixture f;
    static const struct distribution cpu = {.type = DISTRIBUTION_CONSTANT, .a = 1500};
    static const struct distribution small = {.type = DISTRIBUTION_CONSTANT, .a = 100};
    open_filled(&f, 4, 1000, &cpu, 1);
    f.config.prefill.module = f.modules[0];
    struct fixture_job jobs[] = {a_job(0, 1, 500, 10 * S)};
    ck_assert_int_eq(fixture_run(&f, jobs, 1), OMEGA_EINVAL);
    ck_assert_msg(strstr(f.err.text, "1000 placements in a row fit no machine") != NULL, "%s",
                  f.err.text);
    fixture_close(&f);
    fixture_open(&f, 4, 1000, 1000, "breach_machine", 100 * S);
    f.config.prefill = (struct run_prefill){
        .cpu_utilisation = 1, .cpu_milli = &small, .mem_mib = &one, .module = f.modules[0]};
    ck_assert_int_eq(fixture_run(&f, jobs, 1), OMEGA_EMODULE);
    ck_assert_msg(strstr(f.err.text, "module 'breach_machine' (scheduler 'pre-fill'), job 0: "
                                     "claimed machine 4 of 4") != NULL,
                  "%s", f.err.text);
    fixture_close(&f);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "CPU target", cpu_target);
    check_case(suite, "memory target", memory_target);
    check_case(suite, "the scan", the_scan_finds_the_only_machine);
    check_case(suite, "draws that fit nowhere", draws_that_fit_nowhere);
    check_case(suite, "two batches", two_batches);
    check_case(suite, "losses", losses);
    check_case(suite, "bands", bands);
    check_case(suite, "private views", private_views);
    check_case(suite, "by a module", a_module_places);
    check_case(suite, "a module's random numbers", a_module_has_its_own_random_numbers);
    check_case(suite, "a module that cannot", a_module_that_cannot);
}

CHECK_MAIN("core/driver/prefill", add_cases)
