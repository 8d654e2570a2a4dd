/* SPDX-License-Identifier: MIT */
/*
 * The conformance suite, third part: releases, machine events and what they lose, abandoned jobs,
 * the initial state, and what all of these do to invariant I, over every store.
 */
#include "tests/unit/cellstate/cell_fixture.h"

static void expect_tasks(struct cell *cell, uint64_t pending, uint64_t running, uint64_t finished,
                         uint64_t abandoned, uint64_t failed)
{
    struct store_counters counters = cell_counters(cell);
    ck_assert_uint_eq(counters.tasks_pending, pending);
    ck_assert_uint_eq(counters.tasks_running, running);
    ck_assert_uint_eq(counters.tasks_finished, finished);
    ck_assert_uint_eq(counters.tasks_abandoned, abandoned);
    ck_assert_uint_eq(counters.tasks_failed, failed);
    ck_assert_uint_eq(counters.tasks_submitted, pending + running + finished + abandoned + failed);
}

/* Job `id` of `count` tasks with 100 milli-cores each, all on one machine; ids in `placements`. */
static void run_job(struct cell *cell, uint64_t id, uint32_t count, uint32_t machine,
                    uint64_t *placements)
{
    cell_submit(cell, id, count, 100);
    cell_begin(cell, id, 4);
    for (uint32_t t = 0; t < count; t++) {
        cell_claim(cell, t, machine, 100);
    }
    cell_commit(cell);
    ck_assert_uint_eq(cell->t.result.accepted, count);
    for (uint32_t t = 0; t < count; t++) {
        placements[t] = cell->t.results[t].placement;
    }
}

START_TEST(releases)
{
    struct cell cell;
    uint64_t placements[3];
    struct store_release_result results[4];
    uint64_t version = 0;
    cell_open(&cell, _i);
    run_job(&cell, 1, 3, 2, placements);
    /* one that never was, one twice: one change for all */
    const uint64_t batch[] = {placements[1], UINT64_C(99) << 20, placements[0], placements[1]};
    ck_assert_int_eq(
        store_release(cell.store, batch, 4, STORE_FINISHED, results, &version, &cell.err), 0);
    ck_assert_uint_eq(version, 2);
    ck_assert_uint_eq(cell_counters(&cell).version, 2);
    const uint8_t released[] = {1, 0, 1, 0};
    for (uint32_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(results[i].placement, batch[i]);
        ck_assert_uint_eq(results[i].released, released[i]);
    }
    ck_assert_uint_eq(results[0].job, 1);
    ck_assert_uint_eq(results[0].task, 1);
    ck_assert_uint_eq(results[0].machine, 2);
    ck_assert_uint_eq(results[0].instance, 4);
    ck_assert_uint_eq(results[0].devices, 0);
    expect_tasks(&cell, 0, 1, 2, 0, 0);
    ck_assert_int_eq(cell_machine(&cell, 2).cpu_used_milli, 100);
    ck_assert_uint_eq(cell_machine(&cell, 2).releases, 2);
    /* nothing of it runs any more: no version */
    ck_assert_int_eq(
        store_release(cell.store, batch, 4, STORE_FAILED, results, &version, &cell.err), 0);
    ck_assert_uint_eq(version, 2);
    ck_assert_int_eq(results[0].released + results[1].released + results[2].released, 0);
    ck_assert_uint_eq(cell_counters(&cell).version, 2);
    /* a failed one does not run again, and the job is over */
    ck_assert_uint_eq(cell_counters(&cell).jobs, 1);
    ck_assert_int_eq(
        store_release(cell.store, &placements[2], 1, STORE_FAILED, results, &version, &cell.err),
        0);
    expect_tasks(&cell, 0, 0, 2, 0, 1);
    ck_assert_uint_eq(cell_counters(&cell).jobs, 0);
    cell_close(&cell);
}
END_TEST

/* Parts of a commit end by runs of ids: behind its end, over a gap, twice, and the rest. */
START_TEST(releases_of_runs)
{
    static const struct {
        uint32_t first;
        uint32_t count;
        uint32_t ended;
    } runs[] = {{0, 2, 2}, {0, 2, 0}, {3, 1, 1}, {2, 2, 1}, {4, 9, 2}, {0, 6, 0}};
    struct cell cell;
    uint64_t placements[6];
    cell_open(&cell, _i);
    run_job(&cell, 1, 6, 2, placements);
    uint64_t want = 1;
    uint64_t finished = 0;
    for (size_t i = 0; store_releases_runs(cell.store) && i < sizeof runs / sizeof *runs; i++) {
        uint32_t ended = 7;
        uint64_t version = 0;
        ck_assert_int_eq(store_release_run(cell.store, placements[0] + runs[i].first, runs[i].count,
                                           STORE_FINISHED, NULL, &ended, &version, &cell.err),
                         0);
        want += runs[i].ended > 0;
        finished += runs[i].ended;
        ck_assert_uint_eq(ended, runs[i].ended);
        ck_assert_uint_eq(version, want);
        expect_tasks(&cell, 0, 6 - finished, finished, 0, 0);
        ck_assert_uint_eq(cell_machine(&cell, 2).releases, finished);
        ck_assert_int_eq(cell_machine(&cell, 2).cpu_used_milli, 600 - 100 * (int32_t)finished);
    }
    cell_close(&cell);
}
END_TEST

/* The position of a placement that ended is not given to another: ids are never reused. */
START_TEST(ids_are_never_reused)
{
    struct cell cell;
    uint64_t last = 0;
    cell_open(&cell, _i);
    for (uint64_t job = 1; job <= 200; job++) {
        uint64_t placement = cell_put(&cell, job, (uint32_t)(job % 3), 10, 1);
        ck_assert_uint_gt(placement, last);
        ck_assert(last == 0 || !cell_release(&cell, last));
        ck_assert(cell_release(&cell, placement));
        last = placement;
    }
    expect_tasks(&cell, 0, 0, 200, 0, 0);
    cell_close(&cell);
}
END_TEST

static int remove_machine(struct cell *cell, uint32_t machine, enum store_loss_policy policy,
                          const struct store_release_result **lost, uint32_t *count)
{
    struct omega_machine_event event = {.machine = machine, .kind = OMEGA_EVENT_REMOVE};
    uint64_t version = 0;
    int rc = store_machine_event(cell->store, &event, policy, lost, count, &version, &cell->err);
    ck_assert(rc != 0 || version == cell_counters(cell).version);
    return rc;
}

START_TEST(removal_loses_by_rising_id)
{
    for (int policy = STORE_LOST_RETURN; policy <= STORE_LOST_FAIL; policy++) {
        struct cell cell;
        uint64_t a[4];
        uint64_t b[4];
        struct store_placement first = {.machine = 0, .request = {.cpu_milli = 5}, .band = 1};
        const struct store_release_result *lost = NULL;
        uint32_t count = 0;
        uint64_t version = 0;
        cell_open(&cell, _i);
        ck_assert_int_eq(store_preload(cell.store, &first, 1, &version, &cell.err), 0);
        run_job(&cell, 1, 4, 0, a);
        run_job(&cell, 2, 4, 0, b);
        run_job(&cell, 3, 1, 1, (uint64_t[1]){0});
        ck_assert(cell_release(&cell, a[1]));
        ck_assert(cell_release(&cell, b[0]));
        uint64_t seq = cell_machine(&cell, 0).seq;
        ck_assert_int_eq(remove_machine(&cell, 0, (enum store_loss_policy)policy, &lost, &count),
                         0);
        const uint64_t want[] = {first.id, a[0], a[2], a[3], b[1], b[2], b[3]};
        ck_assert_uint_eq(count, 7);
        for (uint32_t i = 0; i < 7; i++) {
            ck_assert_uint_eq(lost[i].placement, want[i]);
            ck_assert_uint_eq(lost[i].released, 1);
            ck_assert_uint_eq(lost[i].machine, 0);
            ck_assert_uint_eq(lost[i].job, i == 0 ? 0 : i < 4 ? 1 : 2);
        }
        ck_assert_uint_eq(lost[2].task, 2);
        ck_assert_uint_eq(cell_counters(&cell).losses, 7); /* events: the initial one too */
        if (policy == STORE_LOST_RETURN) {
            expect_tasks(&cell, 6, 1, 2, 0, 0);
        } else {
            expect_tasks(&cell, 0, 1, 2, 0, 6);
        }
        struct omega_machine machine = cell_machine(&cell, 0);
        ck_assert_uint_eq(machine.state, OMEGA_MACHINE_DOWN);
        ck_assert_int_eq(machine.cpu_used_milli, 0);
        ck_assert_uint_eq(machine.seq, seq + 1);
        cell_close(&cell);
    }
}
END_TEST

/* A lost task may be placed again; its old placement is not running. */
START_TEST(lost_task_returns)
{
    struct cell cell;
    uint64_t placement[1];
    cell_open(&cell, _i);
    run_job(&cell, 1, 1, 0, placement);
    ck_assert_uint_eq(cell_event(&cell, 0, OMEGA_EVENT_REMOVE, STORE_LOST_RETURN), 1);
    ck_assert(!cell_release(&cell, placement[0]));
    cell_begin(&cell, 1, 4);
    cell_claim(&cell, 0, 1, 100);
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_ACCEPTED);
    expect_tasks(&cell, 0, 1, 0, 0, 0);
    /* the machine returns with its index, and its sequence goes on */
    uint64_t seq = cell_machine(&cell, 0).seq;
    ck_assert_uint_eq(cell_event(&cell, 0, OMEGA_EVENT_ADD, STORE_LOST_RETURN), 0);
    ck_assert_uint_eq(cell_machine(&cell, 0).seq, seq + 1);
    ck_assert_int_eq(cell_machine(&cell, 0).cpu_limit_milli, 4000);
    cell_close(&cell);
}
END_TEST

START_TEST(draining_lets_tasks_finish)
{
    struct cell cell;
    uint64_t placement[2];
    cell_open(&cell, _i);
    run_job(&cell, 1, 2, 0, placement);
    ck_assert_uint_eq(cell_event(&cell, 0, OMEGA_EVENT_DRAIN, STORE_LOST_FAIL), 0);
    expect_tasks(&cell, 0, 2, 0, 0, 0);
    struct store_totals totals;
    store_totals(cell.store, &totals); /* draining machines count */
    ck_assert_int_eq(totals.cpu_used_milli, 200);
    ck_assert_int_eq(totals.cpu_capacity_milli, 12000);
    ck_assert(cell_release(&cell, placement[0]));
    ck_assert_uint_eq(cell_event(&cell, 0, OMEGA_EVENT_UNDRAIN, STORE_LOST_FAIL), 0);
    ck_assert_uint_eq(cell_event(&cell, 0, OMEGA_EVENT_REMOVE, STORE_LOST_FAIL), 1);
    expect_tasks(&cell, 0, 0, 1, 0, 1);
    store_totals(cell.store, &totals); /* down ones do not */
    ck_assert_int_eq(totals.cpu_used_milli, 0);
    ck_assert_int_eq(totals.cpu_capacity_milli, 8000);
    ck_assert_int_eq(totals.gpu_capacity_milli, 4000);
    cell_close(&cell);
}
END_TEST

START_TEST(senseless_events_change_nothing)
{
    static const struct {
        uint32_t machine;
        uint8_t kind;
    } senseless[] = {
        {0, OMEGA_EVENT_ADD},      {0, OMEGA_EVENT_UNDRAIN},
        {3, OMEGA_EVENT_REMOVE},   {3, OMEGA_EVENT_DRAIN},
        {3, OMEGA_EVENT_CAPACITY}, {3, OMEGA_EVENT_UNDRAIN},
        {4, OMEGA_EVENT_REMOVE},   {0, 5},
    };
    struct cell cell;
    cell_open(&cell, _i);
    for (size_t i = 0; i < sizeof(senseless) / sizeof(senseless[0]); i++) {
        struct omega_machine_event event = {
            .machine = senseless[i].machine, .kind = senseless[i].kind, .cpu_milli = 1};
        const struct store_release_result *lost = NULL;
        uint32_t count = 0;
        uint64_t version = 0;
        omega_error_clear(&cell.err);
        ck_assert_int_eq(store_machine_event(cell.store, &event, STORE_LOST_RETURN, &lost, &count,
                                             &version, &cell.err),
                         OMEGA_EINVAL);
        ck_assert_str_ne(cell.err.text, "");
        ck_assert_uint_eq(cell_counters(&cell).version, 0);
        ck_assert_uint_eq(cell_machine(&cell, 0).seq, 0);
        ck_assert_uint_eq(cell_machine(&cell, 3).seq, 0);
    }
    cell_close(&cell);
}
END_TEST

START_TEST(abandons)
{
    struct cell cell;
    uint32_t tasks = 9;
    cell_open(&cell, _i);
    cell_submit(&cell, 1, 5, 100);
    cell_begin(&cell, 1, 1);
    cell_claim(&cell, 1, 0, 100);
    cell_claim(&cell, 3, 1, 100);
    cell_commit(&cell);
    uint64_t kept = cell.t.results[0].placement;
    ck_assert_int_eq(store_abandon(cell.store, 1, &tasks, NULL, &cell.err), 0);
    ck_assert_uint_eq(tasks, 3);
    expect_tasks(&cell, 0, 2, 0, 3, 0); /* those placed keep running */
    ck_assert_uint_eq(cell_counters(&cell).jobs, 1);
    /* what an abandoned job loses is abandoned, whatever the policy */
    ck_assert_uint_eq(cell_event(&cell, 1, OMEGA_EVENT_REMOVE, STORE_LOST_RETURN), 1);
    expect_tasks(&cell, 0, 1, 0, 4, 0);
    ck_assert(cell_release(&cell, kept));
    expect_tasks(&cell, 0, 0, 1, 4, 0);
    ck_assert_uint_eq(cell_counters(&cell).jobs, 0);
    ck_assert_int_eq(store_abandon(cell.store, 77, &tasks, NULL, &cell.err), OMEGA_EINVAL);
    ck_assert_str_ne(cell.err.text, "");
    cell_close(&cell);
}
END_TEST

/* A job of which nothing is pending may be abandoned too, once, and stays in the table while it
 * runs. */
START_TEST(abandons_a_running_job)
{
    struct cell cell;
    uint64_t placement[2];
    uint32_t tasks = 9;
    cell_open(&cell, _i);
    run_job(&cell, 1, 2, 0, placement);
    ck_assert_int_eq(store_abandon(cell.store, 1, &tasks, NULL, &cell.err), 0);
    ck_assert_uint_eq(tasks, 0);
    ck_assert_int_eq(store_abandon(cell.store, 1, &tasks, NULL, &cell.err), OMEGA_EINVAL);
    ck_assert_str_ne(cell.err.text, "");
    ck_assert_uint_eq(cell_counters(&cell).jobs, 1);
    expect_tasks(&cell, 0, 2, 0, 0, 0);
    ck_assert(cell_release(&cell, placement[0]));
    ck_assert_uint_eq(cell_counters(&cell).jobs, 1);
    ck_assert(cell_release(&cell, placement[1]));
    ck_assert_uint_eq(cell_counters(&cell).jobs, 0);
    expect_tasks(&cell, 0, 0, 2, 0, 0);
    cell_close(&cell);
}
END_TEST

START_TEST(abandons_what_never_ran)
{
    struct cell cell;
    uint32_t tasks = 0;
    cell_open(&cell, _i);
    cell_submit_groups(&cell, 1, 2, 2, 3, (struct omega_request){.cpu_milli = 1}, "");
    ck_assert_int_eq(store_abandon(cell.store, 1, &tasks, NULL, &cell.err), 0);
    ck_assert_uint_eq(tasks, 4);
    expect_tasks(&cell, 0, 0, 0, 4, 0);
    ck_assert_uint_eq(cell_counters(&cell).jobs, 0);
    cell_close(&cell);
}
END_TEST

START_TEST(preloads)
{
    struct cell cell;
    uint64_t version = 0;
    struct store_placement placements[3] = {
        {.id = 5, .machine = 1, .request = {3000, 100, 400, 1, 0}, .devices = 2, .band = 3},
        {.task = 8, .machine = 1, .request = {3000, 100, 0, 0, 0}, .band = 3},
        {.machine = 2, .request = {1, 1, 0, 0, 0}, .band = 3, .instance = 6},
    };
    cell_open(&cell, _i);
    ck_assert_int_eq(store_preload(cell.store, placements, 3, &version, &cell.err), 0);
    ck_assert_uint_eq(version, 1);
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(placements[i].id, omega_placement_id(1, i));
        ck_assert_uint_eq(placements[i].instance, OMEGA_INSTANCE_NONE);
    }
    struct omega_machine machine = cell_machine(&cell, 1);
    ck_assert_int_eq(machine.cpu_used_milli, 6000); /* above its limit */
    ck_assert_int_eq(machine.band_cpu_milli[3], 6000);
    ck_assert_int_eq(machine.band_gpu_milli[3][1], 400);
    ck_assert_uint_eq(machine.seq, 2);
    expect_tasks(&cell, 0, 0, 0, 0, 0); /* counted nowhere in I */
    ck_assert_uint_eq(cell_counters(&cell).jobs, 0);
    struct store_report report = {0};
    ck_assert_int_eq(store_check(cell.store, &report, &cell.err), 0);
    ck_assert_uint_eq(report.violations, 0);
    ck_assert_uint_eq(report.above_limit, 1);
    ck_assert_uint_eq(report.placements, 3);
    /* accepts nothing until below */
    cell_submit(&cell, 1, 1, 0);
    cell_begin(&cell, 1, 1);
    cell_claim(&cell, 0, 1, 0);
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_REFUSED_MACHINE_CHANGED);
    ck_assert(cell_release(&cell, placements[0].id));
    cell_begin(&cell, 1, 1);
    cell_claim(&cell, 0, 1, 0);
    cell_commit(&cell);
    CELL_OUTCOMES(&cell, OMEGA_ACCEPTED);
    expect_tasks(&cell, 0, 1, 0, 0, 0);
    cell_close(&cell);
}
END_TEST

START_TEST(preload_refuses)
{
    static const struct store_placement good = {
        .request = {1, 1, 500, 1, 0}, .devices = 1, .band = 2};
    struct cell cell;
    cell_open(&cell, _i);
    for (int wrong = 0; wrong < 5; wrong++) {
        struct store_placement placements[2] = {good, good};
        uint32_t count = wrong == 4 ? 0 : 2;
        uint64_t version = 0;
        switch (wrong) {
        case 0:
            placements[1].machine = CELL_MACHINES;
            break;
        case 1:
            placements[1].job = 3;
            break;
        case 2:
            placements[1].machine = 3; /* down */
            break;
        case 3:
            placements[1].devices = 3;
            break;
        default:
            break;
        }
        omega_error_clear(&cell.err);
        ck_assert_int_eq(store_preload(cell.store, placements, count, &version, &cell.err),
                         OMEGA_EINVAL);
        ck_assert_str_ne(cell.err.text, "");
        ck_assert_uint_eq(cell_counters(&cell).version, 0);
        ck_assert_int_eq(cell_machine(&cell, 0).cpu_used_milli, 0);
    }
    cell_close(&cell);
}
END_TEST

static void add_cases(Suite *suite)
{
    cell_case(suite, "release", releases);
    cell_case(suite, "release of runs", releases_of_runs);
    cell_case(suite, "ids", ids_are_never_reused);
    cell_case(suite, "removal", removal_loses_by_rising_id);
    cell_case(suite, "return", lost_task_returns);
    cell_case(suite, "drain", draining_lets_tasks_finish);
    cell_case(suite, "senseless events", senseless_events_change_nothing);
    cell_case(suite, "abandon", abandons);
    cell_case(suite, "abandon running", abandons_a_running_job);
    cell_case(suite, "abandon unplaced", abandons_what_never_ran);
    cell_case(suite, "preload", preloads);
    cell_case(suite, "preload refuses", preload_refuses);
}

CHECK_MAIN("cellstate/store_changes", add_cases)
