/* SPDX-License-Identifier: MIT */
/* Ends in bulk, in a large cell: hints of what will be looked at next, and machines that take
 * nothing new any more. */
#include "cellstate/store_view.h"
#include "core/base/large.h"
#include "tests/unit/cellstate/plain_fixture.h"

enum {
    MACHINES = 50000,
    TASKS = 500
};

static struct catalogue *catalogue;
static struct omega_machine_spec *specs;
static struct store *store;
static omega_error_t err;

static void begin(void)
{
    catalogue = catalogue_create();
    specs = large_calloc(MACHINES, sizeof *specs);
    ck_assert(catalogue != NULL && specs != NULL);
    for (uint32_t m = 0; m < MACHINES; m++) {
        specs[m] = (struct omega_machine_spec){.name = m + 1, .cpu_milli = 4000, .mem_mib = 4096};
    }
    const struct store_config config = {
        .catalogue = catalogue,
        .machines = specs,
        .machine_count = MACHINES,
        .overcommit = {1000, 1000, 1000},
    };
    ck_assert_int_eq(store_open_memory(&config, &store, &err), OMEGA_OK);
}

static void end(void)
{
    store_close(store);
    large_free(specs);
    catalogue_destroy(catalogue);
}

static void hint(uint64_t job, uint64_t version)
{
    store_expect_job(store_job_place(store, job));
    store_expect_placements(store_placements_place(store, version));
}

/* What has been placed on the machines ends at once. */
static void release(const struct omega_result *placed)
{
    const uint64_t first = omega_placement_id(placed->version, 0);
    struct store_release_result released[TASKS];
    uint32_t ended = 0;
    uint64_t version = 0;
    ck_assert_int_eq(
        store_release_run(store, first, TASKS, STORE_FINISHED, released, &ended, &version, &err),
        OMEGA_OK);
    ck_assert_uint_eq(ended, TASKS);
}

static void check_view(const struct store_view *view)
{
    struct store_report report;
    ck_assert_int_eq(store_check_view(store, view, &report, &err), OMEGA_OK);
    ck_assert_msg(report.violations == 0, "%s", report.first);
}

/* Where they are: true, false, old or of nothing there is, they change nothing. */
START_TEST(hints_change_nothing)
{
    static uint32_t machines[TASKS];
    struct store_view *view = NULL;
    ck_assert_int_eq(store_view_open(store, STORE_VIEW_LIVE, &view, &err), OMEGA_OK);
    for (uint32_t t = 0; t < TASKS; t++) {
        machines[t] = MACHINES - 1 - 97 * t;
    }
    plain_submit(store, 1, TASKS, (struct omega_request){.cpu_milli = 1000, .mem_mib = 1000});
    const uint64_t at_first = store_view_hash(view);
    hint(1, 1); /* nothing runs yet */
    hint(0, 0);
    ck_assert_uint_eq(store_view_hash(view), at_first);
    const struct omega_result result = plain_commit(store, 1, TASKS, machines, 3);
    ck_assert_uint_eq(result.accepted, TASKS);
    const uint64_t placed = store_view_hash(view);
    const struct store_place job = store_job_place(store, 1);
    const struct store_place placements = store_placements_place(store, result.version);
    ck_assert(job.at != 0 && job.entry != 0 && placements.at != 0 && placements.entry != 0);
    hint(1, result.version);
    hint(7, result.version);
    hint(1, result.version + 1);
    ck_assert_uint_eq(store_view_hash(view), placed);
    release(&result);
    hint(1, result.version); /* runs no more */
    store_expect_job(job);
    store_expect_placements(placements);
    check_view(view);
    store_view_close(store, view);
}
END_TEST

/* What ends on a machine that has begun to drain is not shown as room until it takes something new
 * again, though it ends among others. */
START_TEST(a_machine_that_drains_shows_no_room)
{
    static uint32_t machines[TASKS];
    struct store_view *view = NULL;
    struct omega_machine_event event = {.kind = OMEGA_EVENT_DRAIN, .machine = 7};
    const struct store_release_result *lost;
    uint32_t lost_count;
    uint64_t version;
    ck_assert_int_eq(store_view_open(store, STORE_VIEW_LIVE, &view, &err), OMEGA_OK);
    for (uint32_t t = 0; t < TASKS; t++) {
        machines[t] = t / 2;
    }
    plain_submit(store, 1, TASKS, (struct omega_request){.cpu_milli = 1000, .mem_mib = 1000});
    const struct omega_result result = plain_commit(store, 1, TASKS, machines, 3);
    ck_assert_uint_eq(result.accepted, TASKS);
    ck_assert_int_eq(
        store_machine_event(store, &event, STORE_LOST_RETURN, &lost, &lost_count, &version, &err),
        OMEGA_OK);
    release(&result);
    ck_assert_int_lt(view->entry[7].room.cpu_milli, 0);
    ck_assert_int_eq(view->entry[8].room.cpu_milli, 4000);
    check_view(view);
    event.kind = OMEGA_EVENT_UNDRAIN;
    ck_assert_int_eq(
        store_machine_event(store, &event, STORE_LOST_RETURN, &lost, &lost_count, &version, &err),
        OMEGA_OK);
    ck_assert_int_eq(view->entry[7].room.cpu_milli, 4000);
    check_view(view);
    store_view_close(store, view);
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *tcase = tcase_create("memory_release");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, hints_change_nothing);
    tcase_add_test(tcase, a_machine_that_drains_shows_no_room);
    suite_add_tcase(suite, tcase);
}

CHECK_MAIN("cellstate/memory_release", add_cases)
