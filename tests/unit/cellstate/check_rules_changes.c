/* SPDX-License-Identifier: MIT */
/* The rules about changes: placements, releases, machine events, free room, choice of devices. */

#include "tests/support/check_main.h"
#include "tests/unit/cellstate/rules_fixture.h"

START_TEST(places_and_releases)
{
    struct omega_machine machine = half_full();
    struct omega_machine before = machine;
    struct omega_request whole = {100, 200, 1000, 2, 0};
    struct omega_request share = {1, 2, 300, 1, 0};
    machine.band_gpu_milli[OMEGA_BAND_PRODUCTION][0] = 0;
    before.band_gpu_milli[OMEGA_BAND_PRODUCTION][0] = 0;
    rules_place(&machine, &whole, 3, OMEGA_BAND_BATCH, MINE, 6);
    rules_place(&machine, &share, 2, OMEGA_BAND_MONITORING, MINE, 6);
    ck_assert_int_eq(machine.cpu_used_milli, 2101);
    ck_assert_int_eq(machine.mem_used_mib, 2250);
    ck_assert_int_eq(machine.band_cpu_milli[OMEGA_BAND_BATCH], 100);
    ck_assert_int_eq(machine.band_mem_mib[OMEGA_BAND_BATCH], 200);
    ck_assert_int_eq(machine.band_cpu_milli[OMEGA_BAND_MONITORING], 1);
    ck_assert_int_eq(machine.band_gpu_milli[OMEGA_BAND_BATCH][0], 1000);
    ck_assert_int_eq(machine.band_gpu_milli[OMEGA_BAND_BATCH][1], 1000);
    ck_assert_int_eq(machine.band_gpu_milli[OMEGA_BAND_MONITORING][0], 0);
    ck_assert_int_eq(machine.band_gpu_milli[OMEGA_BAND_MONITORING][1], 300);
    ck_assert_uint_eq(machine.seq, 11);
    ck_assert_uint_eq(machine.releases, 0);
    rules_release(&machine, &whole, 3, OMEGA_BAND_BATCH, false);
    ck_assert_uint_eq(machine.seq, 11);
    ck_assert_uint_eq(machine.releases, 1);
    rules_release(&machine, &share, 2, OMEGA_BAND_MONITORING, true);
    ck_assert_uint_eq(machine.seq, 12);
    ck_assert_uint_eq(machine.releases, 2);
    ck_assert_mem_eq(machine.band_cpu_milli, before.band_cpu_milli, sizeof(before.band_cpu_milli));
    ck_assert_mem_eq(machine.band_mem_mib, before.band_mem_mib, sizeof(before.band_mem_mib));
    ck_assert_mem_eq(machine.band_gpu_milli, before.band_gpu_milli, sizeof(before.band_gpu_milli));
    ck_assert_int_eq(machine.cpu_used_milli, before.cpu_used_milli);
    ck_assert_int_eq(machine.mem_used_mib, before.mem_used_mib);
}
END_TEST

struct event_row {
    uint8_t from; /* enum omega_machine_state */
    uint8_t kind;
    int rc;
    uint8_t to;
};

static const struct event_row event_rows[] = {
    {OMEGA_MACHINE_DOWN, OMEGA_EVENT_ADD, 0, OMEGA_MACHINE_UP},
    {OMEGA_MACHINE_UP, OMEGA_EVENT_ADD, OMEGA_EINVAL, 0},
    {OMEGA_MACHINE_DRAINING, OMEGA_EVENT_ADD, OMEGA_EINVAL, 0},
    {OMEGA_MACHINE_DOWN, OMEGA_EVENT_REMOVE, OMEGA_EINVAL, 0},
    {OMEGA_MACHINE_UP, OMEGA_EVENT_REMOVE, 0, OMEGA_MACHINE_DOWN},
    {OMEGA_MACHINE_DRAINING, OMEGA_EVENT_REMOVE, 0, OMEGA_MACHINE_DOWN},
    {OMEGA_MACHINE_DOWN, OMEGA_EVENT_DRAIN, OMEGA_EINVAL, 0},
    {OMEGA_MACHINE_UP, OMEGA_EVENT_DRAIN, 0, OMEGA_MACHINE_DRAINING},
    {OMEGA_MACHINE_DRAINING, OMEGA_EVENT_DRAIN, OMEGA_EINVAL, 0},
    {OMEGA_MACHINE_DOWN, OMEGA_EVENT_UNDRAIN, OMEGA_EINVAL, 0},
    {OMEGA_MACHINE_UP, OMEGA_EVENT_UNDRAIN, OMEGA_EINVAL, 0},
    {OMEGA_MACHINE_DRAINING, OMEGA_EVENT_UNDRAIN, 0, OMEGA_MACHINE_UP},
    {OMEGA_MACHINE_DOWN, OMEGA_EVENT_CAPACITY, OMEGA_EINVAL, 0},
    {OMEGA_MACHINE_UP, OMEGA_EVENT_CAPACITY, 0, OMEGA_MACHINE_UP},
    {OMEGA_MACHINE_DRAINING, OMEGA_EVENT_CAPACITY, 0, OMEGA_MACHINE_DRAINING},
    {OMEGA_MACHINE_UP, 5, OMEGA_EINVAL, 0},
};

/* A machine with nothing on it, brought into a state by events. */
static struct omega_machine in_state(uint8_t state, const struct omega_machine_spec *spec)
{
    struct omega_machine machine;
    struct omega_machine_spec started = *spec;
    started.absent = state == OMEGA_MACHINE_DOWN;
    rules_machine_init(&machine, 7, &started, &exactly);
    struct omega_machine_event drain = {.kind = OMEGA_EVENT_DRAIN};
    if (state == OMEGA_MACHINE_DRAINING) {
        ck_assert_int_eq(rules_machine_event(&machine, spec, &drain, &exactly, NULL), 0);
    }
    ck_assert_uint_eq(machine.state, state);
    return machine;
}

START_TEST(events)
{
    const struct event_row *row = &event_rows[_i];
    struct omega_machine_spec spec = {.cpu_milli = 4000, .mem_mib = 4096, .gpu_devices = 2};
    struct omega_machine machine = in_state(row->from, &spec);
    struct omega_machine before = machine;
    struct omega_machine_event event = {.kind = row->kind,
                                        .cpu_milli = 3000,
                                        .mem_mib = 3072,
                                        .gpu_devices = row->kind == OMEGA_EVENT_CAPACITY ? 1 : 0};
    omega_error_t err = {0};
    ck_assert_int_eq(rules_machine_event(&machine, &spec, &event, &exactly, &err), row->rc);
    if (row->rc != 0) {
        ck_assert_int_eq(err.code, row->rc);
        ck_assert_str_ne(err.text, "");
        ck_assert_mem_eq(&machine, &before, sizeof(machine));
        return;
    }
    ck_assert_uint_eq(machine.state, row->to);
    ck_assert_uint_eq(machine.seq, before.seq + 1);
    ck_assert_uint_eq(machine.index, 7);
    bool resized = row->kind == OMEGA_EVENT_ADD || row->kind == OMEGA_EVENT_CAPACITY;
    if (row->to != OMEGA_MACHINE_DOWN) {
        ck_assert_int_eq(machine.cpu_capacity_milli, resized ? 3000 : 4000);
        ck_assert_int_eq(machine.cpu_limit_milli, resized ? 3000 : 4000);
        ck_assert_int_eq(machine.mem_capacity_mib, resized ? 3072 : 4096);
        ck_assert_uint_eq(machine.gpu_devices, row->kind == OMEGA_EVENT_CAPACITY ? 1 : 2);
    }
}
END_TEST

START_TEST(add_without_capacity_takes_the_spec)
{
    struct omega_machine_spec spec = {
        .cpu_milli = 4000, .mem_mib = 4096, .gpu_devices = 3, .absent = 1};
    struct omega_overcommit twice = {2000, 1500, 1200};
    struct omega_machine machine;
    rules_machine_init(&machine, 1, &spec, &twice);
    ck_assert_uint_eq(machine.state, OMEGA_MACHINE_DOWN);
    ck_assert_int_lt(rules_free_cpu(&machine), 0);
    ck_assert_int_lt(rules_free_mem(&machine), 0);
    struct omega_machine_event add = {.kind = OMEGA_EVENT_ADD, .mem_mib = 1000};
    ck_assert_int_eq(rules_machine_event(&machine, &spec, &add, &twice, NULL), 0);
    ck_assert_int_eq(machine.cpu_capacity_milli, 4000);
    ck_assert_int_eq(machine.cpu_limit_milli, 8000);
    ck_assert_int_eq(machine.mem_capacity_mib, 1000);
    ck_assert_int_eq(machine.mem_limit_mib, 1500);
    ck_assert_int_eq(machine.gpu_limit_milli, 1200);
    ck_assert_int_eq(rules_free_cpu(&machine), 8000);
    ck_assert_int_eq(rules_free_mem(&machine), 1500);
    ck_assert_int_eq(rules_free_gpu(&machine, 2), 1200);
}
END_TEST

/* A capacity event may leave a machine above its limit: it takes nothing until below. */
START_TEST(above_its_limit)
{
    struct omega_machine machine = half_full();
    struct omega_machine_spec spec = {.cpu_milli = 4000, .mem_mib = 4096, .gpu_devices = 2};
    struct omega_machine_event shrink = {
        .kind = OMEGA_EVENT_CAPACITY, .cpu_milli = 1999, .mem_mib = 4096, .gpu_devices = 2};
    ck_assert_int_eq(rules_machine_event(&machine, &spec, &shrink, &exactly, NULL), 0);
    ck_assert_int_eq(rules_free_cpu(&machine), -1);
    struct omega_claim nothing = {.seq = machine.seq, .synced = 5};
    ck_assert_uint_eq(rules_claim(&machine, &nothing, OMEGA_DETECT_FINE, MINE),
                      OMEGA_REFUSED_MACHINE_CHANGED);
    shrink.cpu_milli = 2000;
    ck_assert_int_eq(rules_machine_event(&machine, &spec, &shrink, &exactly, NULL), 0);
    ck_assert_int_eq(rules_free_cpu(&machine), 0);
    ck_assert_uint_eq(rules_claim(&machine, &nothing, OMEGA_DETECT_FINE, MINE), OMEGA_ACCEPTED);
}
END_TEST

START_TEST(free_room)
{
    struct omega_machine machine = half_full();
    ck_assert_int_eq(rules_free_cpu(&machine), 2000);
    ck_assert_int_eq(rules_free_mem(&machine), 2048);
    ck_assert_int_eq(rules_free_gpu(&machine, 0), 500);
    ck_assert_int_eq(rules_free_gpu(&machine, 1), 1000);
    ck_assert_int_le(rules_free_gpu(&machine, 2), 0);
    machine.state = OMEGA_MACHINE_DRAINING;
    ck_assert_int_lt(rules_free_cpu(&machine), 0);
    ck_assert_int_lt(rules_free_mem(&machine), 0);
}
END_TEST

struct devices_row {
    int16_t free_milli[OMEGA_GPU_DEVICES_MAX];
    int16_t gpu_milli;
    uint8_t gpu_devices;
    uint32_t mask;
};

static const struct devices_row devices_rows[] = {
    {{1000, 1000, 1000}, 0, 0, 0},
    {{1000, 400, 600}, 300, 1, 1u << 1},
    {{1000, 400, 600}, 400, 1, 1u << 1},
    {{1000, 400, 600}, 401, 1, 1u << 2},
    {{1000, 400, 600}, 601, 1, 1u << 0},
    {{999, 400, 600}, 999, 1, 1u << 0},
    {{500, 400, 600}, 601, 1, 0},
    {{700, 600, 600, 700}, 500, 1, 1u << 1},
    {{1000, 999, 1000, 1000}, 1000, 1, 1u << 0},
    {{999, 999, 1000, 1000}, 1000, 1, 1u << 2},
    {{1000, 999, 1000, 1000}, 1000, 2, 1u << 0 | 1u << 2},
    {{1000, 999, 1000, 1000}, 1000, 3, 1u << 0 | 1u << 2 | 1u << 3},
    {{1000, 999, 1000, 1000}, 1000, 4, 0},
    {{1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000}, 1000, 8, 255},
    {{1000, 1000, 1000, 1000, 1000, 1000, 1000, 999}, 1000, 8, 0},
    {{-100, -200, 0, 0, 0, 0, 0, 50}, 50, 1, 1u << 7},
    {{1500, 1200}, 1000, 2, 3},
    {{0}, 1, 1, 0},
};

START_TEST(chooses_devices)
{
    const struct devices_row *row = &devices_rows[_i];
    struct omega_request request = {.gpu_milli = row->gpu_milli, .gpu_devices = row->gpu_devices};
    ck_assert_uint_eq(rules_choose_devices(row->free_milli, &request), row->mask);
}
END_TEST

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void loop_case(Suite *suite, const char *name, const TTest *test, int rows)
{
    TCase *tcase = tcase_create(name);
    tcase_add_loop_test(tcase, test, 0, rows);
    suite_add_tcase(suite, tcase);
}

static void add_cases(Suite *suite)
{
    loop_case(suite, "events", events, ROWS(event_rows));
    loop_case(suite, "devices", chooses_devices, ROWS(devices_rows));
    check_case(suite, "places", places_and_releases);
    check_case(suite, "add", add_without_capacity_takes_the_spec);
    check_case(suite, "above limit", above_its_limit);
    check_case(suite, "free room", free_room);
}

CHECK_MAIN("cellstate/rules_changes", add_cases)
