/* SPDX-License-Identifier: MIT */
/* The series of metrics, by hand: one scheduler of 2 instances, samples of 100 us. */
#include "core/metrics/metrics.h"
#include "tests/support/check_main.h"

static const char *const names[] = {"only"};
static const uint32_t instances[] = {2};

static struct metrics *create(int64_t warmup_us, int64_t horizon_us, int64_t step_us)
{
    struct metrics_config config = {
        .schedulers = names,
        .instances = instances,
        .scheduler_count = 1,
        .workloads = names,
        .workload_count = 1,
        .warmup_us = warmup_us,
        .horizon_us = horizon_us,
        .series_step_us = step_us,
        .histograms = true,
    };
    struct metrics *metrics = metrics_create(&config);
    ck_assert_ptr_nonnull(metrics);
    return metrics;
}

static struct metrics_sample sample(const struct metrics *metrics, uint32_t index)
{
    struct metrics_sample out;
    ck_assert(metrics_read_sample(metrics, index, &out));
    return out;
}

static uint32_t samples(const struct metrics *metrics)
{
    uint32_t count = 0;
    struct metrics_sample out;
    while (metrics_read_sample(metrics, count, &out)) {
        count++;
    }
    return count;
}

static void busy(struct metrics *metrics, uint32_t instance, int64_t from_us, int64_t to_us)
{
    struct metrics_attempt attempt = {
        .instance = instance, .attempt = 1, .start_us = from_us, .end_us = to_us};
    metrics_attempt(metrics, &attempt, from_us);
}

START_TEST(test_none)
{
    struct metrics *metrics = create(0, 1000, 0);
    struct store_totals totals = {.cpu_capacity_milli = 1};
    metrics_totals(metrics, 500, &totals);
    metrics_queue(metrics, 500, 0, 7);
    busy(metrics, 0, 100, 900);
    metrics_finish(metrics, 1000);
    ck_assert_uint_eq(samples(metrics), 0);
    struct metrics_scope scope;
    metrics_read_scheduler(metrics, 0, &scope); /* the whole part has its queue all the same */
    ck_assert(scope.queue_mean == 3.5 && scope.queue_max == 7);
    metrics_destroy(metrics);
}
END_TEST

/* To the end of all time. */
START_TEST(test_none_for_ever)
{
    struct metrics *metrics = create(INT64_MAX - 1000, INT64_MAX, 0);
    struct metrics_scope scope;
    metrics_queue(metrics, 0, 0, 3);
    metrics_finish(metrics, INT64_MAX);
    metrics_read_scheduler(metrics, 0, &scope);
    ck_assert(scope.queue_mean == 3 && scope.queue_max == 3);
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_utilisation)
{
    struct metrics *metrics = create(50, 300, 100); /* samples 50-150, 150-250, 250-300 */
    struct store_totals totals = {
        .cpu_used_milli = 10,
        .mem_used_mib = 30,
        .gpu_used_milli = 1,
        .cpu_capacity_milli = 40,
        .mem_capacity_mib = 40,
        .gpu_capacity_milli = 4,
    };
    metrics_totals(metrics, 0, &totals);
    totals.cpu_used_milli = 20;
    metrics_totals(metrics, 100, &totals);
    totals.cpu_used_milli = 40;
    totals.mem_capacity_mib = 0;
    totals.mem_used_mib = 0;
    metrics_totals(metrics, 250, &totals); /* at a boundary */
    struct metrics_sample out;
    ck_assert(!metrics_read_sample(metrics, 0, &out)); /* not before the end */
    metrics_finish(metrics, 300);
    ck_assert_uint_eq(samples(metrics), 3);
    out = sample(metrics, 0);
    ck_assert_int_eq(out.start_us, 50);
    ck_assert_int_eq(out.end_us, 150);
    ck_assert(out.cpu_utilisation == (10.0 * 50 + 20.0 * 50) / (40.0 * 100));
    ck_assert(out.mem_utilisation == 0.75);
    ck_assert(out.gpu_utilisation == 0.25);
    out = sample(metrics, 1);
    ck_assert(out.cpu_utilisation == 0.5);
    out = sample(metrics, 2);
    ck_assert_int_eq(out.start_us, 250);
    ck_assert_int_eq(out.end_us, 300);
    ck_assert(out.cpu_utilisation == 1);
    ck_assert(out.mem_utilisation == 0);
    metrics_destroy(metrics);
}
END_TEST

/* The whole measured part is the sum of its samples, or of none, wherever the run stops. */
START_TEST(test_utilisation_of_all)
{
    static const int64_t steps[] = {0, 100, 70, 1000};
    static const struct {
        int64_t us;
        double used;
    } ends[] = {
        {300, 10.0 * 50 + 20 * 150 + 40 * 50},
        {260, 10.0 * 50 + 20 * 150 + 40 * 10},
        {250, 10.0 * 50 + 20 * 150},
        {200, 10.0 * 50 + 20 * 100},
    };
    for (size_t i = 0; i < 4 * sizeof ends / sizeof *ends; i++) {
        struct metrics *metrics = create(50, 300, steps[i % 4]);
        struct store_totals totals = {.cpu_used_milli = 10, .cpu_capacity_milli = 40};
        struct metrics_cell cell;
        metrics_totals(metrics, 0, &totals);
        totals.cpu_used_milli = 20;
        metrics_totals(metrics, 100, &totals);
        totals.cpu_used_milli = 40;
        if (ends[i / 4].us >= 250) {
            metrics_totals(metrics, 250, &totals);
        }
        metrics_finish(metrics, ends[i / 4].us);
        metrics_read_cell(metrics, &cell);
        ck_assert(cell.cpu_utilisation ==
                  ends[i / 4].used / (40.0 * (double)(ends[i / 4].us - 50)));
        ck_assert(cell.mem_utilisation == 0);
        metrics_destroy(metrics);
    }
}
END_TEST

START_TEST(test_queue)
{
    struct metrics *metrics = create(0, 400, 100);
    metrics_queue(metrics, 20, 0, 10);
    metrics_queue(metrics, 70, 0, 4);
    metrics_queue(metrics, 350, 0, 2); /* 4 throughout the second and third sample */
    metrics_finish(metrics, 400);
    ck_assert(sample(metrics, 0).queue[0] == (10 * 50 + 4 * 30) / 100.0);
    ck_assert(sample(metrics, 1).queue[0] == 4);
    ck_assert(sample(metrics, 2).queue[0] == 4);
    ck_assert(sample(metrics, 3).queue[0] == 3);
    metrics_destroy(metrics);
}
END_TEST

/* The most that waited at once for some time, in a step and in all. */
START_TEST(test_longest_queue)
{
    struct metrics *metrics = create(50, 350, 100); /* steps from 50, 150 and 250 */
    struct metrics_scope scope;
    metrics_queue(metrics, 0, 0, 9);
    metrics_queue(metrics, 50, 0, 3); /* 9 lasted to the end of the warm-up and no longer */
    metrics_queue(metrics, 60, 0, 4);
    metrics_queue(metrics, 60, 0, 20); /* for no time at all */
    metrics_queue(metrics, 60, 0, 2);
    metrics_queue(metrics, 150, 0, 6); /* where steps meet: of the second */
    metrics_queue(metrics, 170, 0, 1);
    metrics_read_scheduler(metrics, 0, &scope);
    ck_assert_uint_eq(scope.queue_max, 0); /* not before the end */
    metrics_finish(metrics, 350);
    ck_assert_uint_eq(sample(metrics, 0).queue_max[0], 3);
    ck_assert_uint_eq(sample(metrics, 1).queue_max[0], 6);
    ck_assert_uint_eq(sample(metrics, 2).queue_max[0], 1);
    metrics_read_scheduler(metrics, 0, &scope);
    ck_assert_uint_eq(scope.queue_max, 6);
    ck_assert(scope.queue_mean == (3 * 10 + 2 * 90 + 6 * 20 + 1 * 180) / 300.0);
    metrics_read_workload(metrics, 0, &scope);
    ck_assert(scope.queue_mean != scope.queue_mean); /* has no queue */
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_busyness)
{
    struct metrics *metrics = create(100, 450, 100); /* the last sample has 50 us */
    busy(metrics, 0, 20, 150);  /* cut at the warm-up: 50 in the first sample */
    busy(metrics, 1, 180, 420); /* 20, 100, 100, 20 */
    struct metrics_attempt cut = {.attempt = 1, .start_us = 440};
    metrics_attempt_cut(metrics, &cut, 440); /* 10 in the last */
    metrics_finish(metrics, 450);
    ck_assert_uint_eq(samples(metrics), 4);
    ck_assert(sample(metrics, 0).busyness[0] == 70 / 200.0);
    ck_assert(sample(metrics, 1).busyness[0] == 0.5);
    ck_assert(sample(metrics, 2).busyness[0] == 0.5);
    ck_assert(sample(metrics, 3).busyness[0] == 30 / 100.0);
    struct metrics_scope scope;
    metrics_read_scheduler(metrics, 0, &scope);
    ck_assert_int_eq(scope.busy_us, 70 + 100 + 100 + 30);
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_stopped_early)
{
    struct metrics *metrics = create(0, 1000, 100);
    struct store_totals totals = {.cpu_used_milli = 1, .cpu_capacity_milli = 2};
    metrics_totals(metrics, 0, &totals);
    metrics_queue(metrics, 0, 0, 6);
    busy(metrics, 0, 200, 225);
    metrics_finish(metrics, 250);
    ck_assert_uint_eq(samples(metrics), 3);
    struct metrics_sample out = sample(metrics, 2);
    ck_assert_int_eq(out.start_us, 200);
    ck_assert_int_eq(out.end_us, 250);
    ck_assert(out.cpu_utilisation == 0.5);
    ck_assert(out.queue[0] == 6);
    ck_assert(out.busyness[0] == 0.25);
    metrics_destroy(metrics);

    metrics = create(100, 1000, 100);
    metrics_finish(metrics, 60);
    ck_assert_uint_eq(samples(metrics), 0);
    metrics_destroy(metrics);
}
END_TEST

/* 10^6 samples of 1 us are too many: the step doubles to 16 us, 62,500 samples. */
START_TEST(test_bounded)
{
    struct metrics *metrics = create(0, 1000000, 1);
    metrics_queue(metrics, 0, 0, 3);
    metrics_finish(metrics, 1000000);
    ck_assert_uint_eq(samples(metrics), 62500);
    ck_assert_int_eq(sample(metrics, 0).end_us, 16);
    ck_assert_int_eq(sample(metrics, 62499).end_us, 1000000);
    ck_assert(sample(metrics, 62499).queue[0] == 3);
    metrics_destroy(metrics);

    metrics = create(0, 1000, INT64_MAX); /* longer than the run: one sample */
    metrics_finish(metrics, 1000);
    ck_assert_uint_eq(samples(metrics), 1);
    ck_assert_int_eq(sample(metrics, 0).end_us, 1000);
    metrics_destroy(metrics);
}
END_TEST

/* Many schedulers: samples x schedulers is bounded too. */
START_TEST(test_bounded_by_schedulers)
{
    enum {
        SCHEDULERS = 250
    };
    static const char *many[SCHEDULERS];
    static uint32_t ones[SCHEDULERS];
    for (int s = 0; s < SCHEDULERS; s++) {
        many[s] = "one";
        ones[s] = 1;
    }
    struct metrics_config config = {
        .schedulers = many,
        .instances = ones,
        .scheduler_count = SCHEDULERS,
        .workloads = names,
        .workload_count = 1,
        .horizon_us = 10000,
        .series_step_us = 1,
    };
    struct metrics *metrics = metrics_create(&config);
    metrics_finish(metrics, 10000);
    ck_assert_uint_eq(samples(metrics), 2500); /* 4,000 at most */
    metrics_destroy(metrics);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "none", test_none);
    check_case(suite, "none for ever", test_none_for_ever);
    check_case(suite, "utilisation", test_utilisation);
    check_case(suite, "utilisation of all", test_utilisation_of_all);
    check_case(suite, "queue", test_queue);
    check_case(suite, "longest queue", test_longest_queue);
    check_case(suite, "busyness", test_busyness);
    check_case(suite, "stopped early", test_stopped_early);
    check_case(suite, "bounded", test_bounded);
    check_case(suite, "bounded by schedulers", test_bounded_by_schedulers);
}

CHECK_MAIN("series", add_cases)
