/* SPDX-License-Identifier: MIT */
/* Fragmentation by hand: single machines, and samples over time. */
#include "core/metrics/metrics.h"
#include "tests/support/check_main.h"

#include <math.h>

static const char *const names[] = {"only"};
static const uint32_t instances[] = {1};

/* A machine of 4 cores and 8,000 MiB that has so much in use. */
static struct omega_machine machine_with(int32_t cpu_used_milli, int32_t mem_used_mib)
{
    return (struct omega_machine){
        .state = OMEGA_MACHINE_UP,
        .cpu_limit_milli = 4000,
        .mem_limit_mib = 8000,
        .gpu_limit_milli = 1000,
        .cpu_used_milli = cpu_used_milli,
        .mem_used_mib = mem_used_mib,
    };
}

static void expect_room(const struct metrics_room *room, struct metrics_room expected)
{
    ck_assert_int_eq(room->cpu_free_milli, expected.cpu_free_milli);
    ck_assert_int_eq(room->mem_free_mib, expected.mem_free_mib);
    ck_assert_int_eq(room->gpu_free_milli, expected.gpu_free_milli);
    ck_assert_int_eq(room->cpu_stranded_milli, expected.cpu_stranded_milli);
    ck_assert_int_eq(room->mem_stranded_mib, expected.mem_stranded_mib);
    ck_assert_int_eq(room->gpu_stranded_milli, expected.gpu_stranded_milli);
}

START_TEST(test_machines)
{
    const struct omega_request task = {.cpu_milli = 1000, .mem_mib = 2000};
    struct metrics_room room = {0};
    struct omega_machine machine = machine_with(3000, 6000); /* it just fits */
    metrics_room_add(&room, &machine, &task);
    expect_room(&room, (struct metrics_room){1000, 2000, 0, 0, 0, 0});
    machine =
        machine_with(3001, 1000); /* too little CPU: memory is stranded, and what CPU there is */
    metrics_room_add(&room, &machine, &task);
    expect_room(&room, (struct metrics_room){1999, 9000, 0, 999, 7000, 0});
    machine = machine_with(0, 8000); /* no memory left */
    metrics_room_add(&room, &machine, &task);
    expect_room(&room, (struct metrics_room){5999, 9000, 0, 4999, 7000, 0});
    machine = machine_with(4000, 8000); /* full: has nothing to strand */
    metrics_room_add(&room, &machine, &task);
    machine = machine_with(100, 100);
    machine.state = OMEGA_MACHINE_DRAINING; /* takes nothing: is no room */
    metrics_room_add(&room, &machine, &task);
    machine.state = OMEGA_MACHINE_DOWN;
    metrics_room_add(&room, &machine, &task);
    machine = machine_with(5000, 100);
    machine.may_exceed = 1; /* above its limit: the same */
    metrics_room_add(&room, &machine, &task);
    expect_room(&room, (struct metrics_room){5999, 9000, 0, 4999, 7000, 0});
}
END_TEST

/* Four devices with 300, 1,000, 0 and 600 free. */
START_TEST(test_devices)
{
    struct omega_machine machine = machine_with(0, 0);
    machine.gpu_devices = 4;
    machine.band_gpu_milli[OMEGA_BAND_BATCH][0] = 700;
    machine.band_gpu_milli[OMEGA_BAND_PRODUCTION][2] = 1000;
    machine.band_gpu_milli[OMEGA_BAND_FREE][3] = 400;
    struct metrics_room room = {0};
    struct omega_request task = {.cpu_milli = 1, .gpu_devices = 1, .gpu_milli = 600};
    metrics_room_add(&room, &machine, &task); /* fits; one device has too little for it */
    expect_room(&room, (struct metrics_room){4000, 8000, 1900, 0, 0, 300});
    room = (struct metrics_room){0};
    task = (struct omega_request){.cpu_milli = 1, .gpu_devices = 2, .gpu_milli = 1000};
    metrics_room_add(&room, &machine, &task); /* two whole devices are not there */
    expect_room(&room, (struct metrics_room){4000, 8000, 1900, 4000, 8000, 1900});
    room = (struct metrics_room){0};
    task = (struct omega_request){.cpu_milli = 5000, .gpu_devices = 1, .gpu_milli = 100};
    metrics_room_add(&room, &machine, &task); /* devices enough, but no CPU */
    expect_room(&room, (struct metrics_room){4000, 8000, 1900, 4000, 8000, 1900});
    room = (struct metrics_room){0};
    task = (struct omega_request){.cpu_milli = 1};
    metrics_room_add(&room, &machine, &task); /* asks for none: whoever else may use them */
    expect_room(&room, (struct metrics_room){4000, 8000, 1900, 0, 0, 0});
}
END_TEST

static struct metrics *create(int64_t warmup_us, int64_t horizon_us, int64_t series_us,
                              int64_t step_us)
{
    struct metrics_config config = {
        .schedulers = names,
        .instances = instances,
        .scheduler_count = 1,
        .workloads = names,
        .workload_count = 1,
        .warmup_us = warmup_us,
        .horizon_us = horizon_us,
        .series_step_us = series_us,
        .fragmentation = {.task = {.cpu_milli = 7}, .step_us = step_us},
    };
    struct metrics *metrics = metrics_create(&config);
    ck_assert_ptr_nonnull(metrics);
    return metrics;
}

/* Tells the sample that is due then. */
static void tell(struct metrics *metrics, int64_t due_us, int64_t free, int64_t stranded)
{
    struct metrics_room room = {.cpu_free_milli = free, .cpu_stranded_milli = stranded};
    ck_assert_int_eq(metrics_room_due(metrics), due_us);
    metrics_room(metrics, &room);
}

static double in_step(const struct metrics *metrics, uint32_t index)
{
    struct metrics_sample sample;
    ck_assert(metrics_read_sample(metrics, index, &sample));
    ck_assert(isnan(sample.mem_fragmentation)); /* no memory was free */
    return sample.cpu_fragmentation;
}

START_TEST(test_samples)
{
    struct metrics *metrics = create(50, 350, 100, 70);
    ck_assert_int_eq(metrics_room_task(metrics)->cpu_milli, 7);
    tell(metrics, 120, 100, 50); /* steps end at 150, 250 and 350 */
    tell(metrics, 190, 300, 30);
    tell(metrics, 260, 10, 10);
    tell(metrics, 330, 10, 0);
    tell(metrics, 350, 0, 0); /* the horizon, though it comes early; nothing is free */
    ck_assert_int_eq(metrics_room_due(metrics), INT64_MAX);
    metrics_finish(metrics, 350);
    ck_assert(in_step(metrics, 0) == 0.5);
    ck_assert(in_step(metrics, 1) == 0.1);
    ck_assert(in_step(metrics, 2) == 0.5); /* 10 of 20 */
    struct metrics_cell cell;
    metrics_read_cell(metrics, &cell);
    ck_assert(cell.cpu_fragmentation == 90.0 / 420);
    ck_assert(isnan(cell.final_cpu_fragmentation));
    ck_assert(isnan(cell.gpu_fragmentation));
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_where_steps_end)
{
    struct metrics *metrics = create(0, 300, 100, 200);
    tell(metrics, 200, 100, 20); /* the end of the second step belongs to it */
    tell(metrics, 300, 100, 40);
    metrics_finish(metrics, 300);
    ck_assert(isnan(in_step(metrics, 0))); /* has no sample */
    ck_assert(in_step(metrics, 1) == 0.2);
    ck_assert(in_step(metrics, 2) == 0.4);
    struct metrics_cell cell;
    metrics_read_cell(metrics, &cell);
    ck_assert(cell.cpu_fragmentation == 0.3);
    ck_assert(cell.final_cpu_fragmentation == 0.4);
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_not_measured)
{
    struct metrics *metrics = create(0, 300, 100, 0);
    ck_assert_int_eq(metrics_room_due(metrics), INT64_MAX);
    metrics_finish(metrics, 300);
    ck_assert(isnan(in_step(metrics, 0)));
    struct metrics_cell cell;
    metrics_read_cell(metrics, &cell);
    ck_assert(isnan(cell.cpu_fragmentation) && isnan(cell.final_cpu_fragmentation));
    metrics_destroy(metrics);

    metrics = create(300, 300, 100, 10); /* there is no measured part */
    ck_assert_int_eq(metrics_room_due(metrics), INT64_MAX);
    metrics_finish(metrics, 300);
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_bounded)
{
    struct metrics *metrics = create(0, 150000, 0, 1); /* no series: the cell has it all the same */
    struct metrics_cell cell;
    tell(metrics, 2, 10, 1); /* doubled: 100,000 samples at most */
    tell(metrics, 4, 10, 2);
    metrics_finish(metrics, 150000);
    metrics_read_cell(metrics, &cell);
    ck_assert(cell.cpu_fragmentation == 0.15);
    metrics_destroy(metrics);
    metrics = create(100, 300, 0, INT64_MAX / 2); /* longer than what is measured */
    tell(metrics, 300, 10, 1);
    ck_assert_int_eq(metrics_room_due(metrics), INT64_MAX);
    metrics_destroy(metrics);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "machines", test_machines);
    check_case(suite, "devices", test_devices);
    check_case(suite, "samples", test_samples);
    check_case(suite, "where steps end", test_where_steps_end);
    check_case(suite, "not measured", test_not_measured);
    check_case(suite, "bounded", test_bounded);
}

CHECK_MAIN("fragmentation", add_cases)
