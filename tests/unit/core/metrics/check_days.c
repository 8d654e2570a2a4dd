/* SPDX-License-Identifier: MIT */
/*
 * Daily values by hand: one scheduler of 2 instances and one of 1, a warm-up of an hour, and 2.5
 * days behind it. Hours are h, days of the measured part begin at hour 1, 25 and 49.
 */
#include "core/metrics/metrics.h"
#include "tests/support/check_main.h"

#include <math.h>

#define HOUR INT64_C(3600000000)

enum {
    TWO = 0, /* the scheduler with two instances */
    ONE = 1
};

static const char *const names[] = {"two", "one"};
static const uint32_t instances[] = {2, 1};

static struct metrics *create(int64_t warmup_us, int64_t horizon_us)
{
    struct metrics_config config = {
        .schedulers = names,
        .instances = instances,
        .scheduler_count = 2,
        .workloads = names,
        .workload_count = 1,
        .warmup_us = warmup_us,
        .horizon_us = horizon_us,
    };
    struct metrics *metrics = metrics_create(&config);
    ck_assert_ptr_nonnull(metrics);
    return metrics;
}

/* Tells an attempt of a number of hours, with what became of its claims. */
static void tell(struct metrics *metrics, uint32_t scheduler, double from_h, double to_h,
                 struct omega_result result)
{
    struct metrics_attempt attempt = {
        .scheduler = scheduler,
        .attempt = 1,
        .start_us = (int64_t)(from_h * HOUR),
        .end_us = (int64_t)(to_h * HOUR),
        .claims = result.accepted + result.conflicts + result.refused,
        .redone = result.aborted == 77,
        .result = result,
    };
    metrics_attempt(metrics, &attempt, attempt.start_us);
}

static const struct omega_result succeeds = {.accepted = 2};
static const struct omega_result conflicts = {.accepted = 1, .conflicts = 1};
static const struct omega_result refused = {.refused = 2};
static const struct omega_result no_fit = {.accepted = 0};
static const struct omega_result redone = {.accepted = 1, .aborted = 77};

/* A day's figure in hours of all instances. */
static void expect_hours(const struct metrics *metrics, uint32_t scheduler, uint32_t day,
                         enum metrics_daily figure, double hours)
{
    double all = (day == 2 ? 12.0 : 24.0) * instances[scheduler];
    double value = metrics_read_day(metrics, scheduler, day, figure) * all;
    ck_assert_msg(fabs(value - hours) < 1e-9, "day %u, figure %d: %.12g, expected %.12g h", day,
                  (int)figure, value, hours);
}

START_TEST(test_attempts_are_cut_where_days_end)
{
    struct metrics *metrics = create(HOUR, 61 * HOUR);
    tell(metrics, TWO, 0, 0.75, conflicts); /* within the warm-up */
    tell(metrics, TWO, 0.5, 1.5, succeeds); /* across its end: half an hour counts, on day 0 */
    tell(metrics, TWO, 24, 25, refused);    /* ends at midnight: of day 0 */
    tell(metrics, TWO, 23, 28, conflicts);  /* 2 hours on day 0, 3 on day 1 */
    tell(metrics, TWO, 20, 50, no_fit);     /* 5, 24 and 1 hours */
    tell(metrics, TWO, 50, 51.5, redone);   /* of day 2 */
    tell(metrics, ONE, 49, 50, conflicts);  /* begins at midnight */
    struct metrics_attempt cut = {.scheduler = TWO, .attempt = 2, .start_us = 58 * HOUR};
    metrics_attempt_cut(metrics, &cut, 0); /* 3 hours up to the horizon */
    ck_assert_uint_eq(metrics_day_count(metrics), 0);
    metrics_finish(metrics, 61 * HOUR);
    ck_assert_uint_eq(metrics_day_count(metrics), 3);
    static const double hours[3][METRICS_DAILY_CONFLICT_FRACTION] = {
        /* busy, useful, wasted, no-fit, no conflicts, reference */
        {0.5 + 1 + 2 + 5, 0.5, 1 + 2, 5, 8.5, 1},
        {3 + 24, 0, 3, 24, 27, 5},
        {1 + 1.5 + 3, 1.5, 0, 1, 4, 1.5},
    };
    for (uint32_t day = 0; day < 3; day++) {
        for (int figure = 0; figure < METRICS_DAILY_CONFLICT_FRACTION; figure++) {
            expect_hours(metrics, TWO, day, (enum metrics_daily)figure, hours[day][figure]);
        }
    }
    expect_hours(metrics, ONE, 0, METRICS_DAILY_BUSYNESS, 0);
    expect_hours(metrics, ONE, 2, METRICS_DAILY_WASTED, 1);
    ck_assert(isnan(metrics_read_day(metrics, TWO, 0, METRICS_DAILY_CONFLICT_FRACTION)));
    ck_assert(isnan(metrics_read_day(metrics, TWO, 1, METRICS_DAILY_CONFLICT_FRACTION)));
    ck_assert(metrics_read_day(metrics, TWO, 2, METRICS_DAILY_CONFLICT_FRACTION) == 0);
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_days_and_kinds_add_up)
{
    struct metrics *metrics = create(HOUR, 61 * HOUR);
    const struct omega_result kinds[] = {succeeds, conflicts, refused, no_fit, redone};
    for (int i = 0; i < 200; i++) {
        double from = 0.29 * i;
        tell(metrics, TWO, from, from + (i % 7) * 0.9, kinds[i % 5]);
    }
    metrics_finish(metrics, 61 * HOUR);
    struct metrics_scope scope;
    metrics_read_scheduler(metrics, TWO, &scope);
    ck_assert_int_eq(scope.busy_us, scope.busy_useful_us + metrics_busy_wasted(&scope) +
                                        scope.busy_no_fit_us + scope.busy_cut_us);
    const int64_t whole[] = {scope.busy_us, scope.busy_useful_us, metrics_busy_wasted(&scope),
                             scope.busy_no_fit_us, scope.busy_us - scope.busy_redone_us};
    for (int figure = 0; figure <= METRICS_DAILY_NO_CONFLICTS; figure++) {
        double sum = 0;
        for (uint32_t day = 0; day < 3; day++) {
            sum += metrics_read_day(metrics, TWO, day, (enum metrics_daily)figure) *
                   (day == 2 ? 24.0 : 48.0) * HOUR;
        }
        ck_assert_int_gt(whole[figure], 0);
        ck_assert_msg(fabs(sum - (double)whole[figure]) < 1, "figure %d: %f", figure, sum);
    }
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_median_and_deviation)
{
    struct metrics *metrics = create(0, 96 * HOUR);
    tell(metrics, ONE, 1, 7, succeeds);   /* 0.25 of day 0 */
    tell(metrics, ONE, 24, 42, succeeds); /* 0.75 */
    tell(metrics, ONE, 50, 56, conflicts);
    tell(metrics, ONE, 56, 62, succeeds); /* 0.5 in all */
    metrics_finish(metrics, 96 * HOUR);   /* 0 of day 3 */
    struct metrics_spread spread;
    metrics_read_spread(metrics, ONE, METRICS_DAILY_BUSYNESS, &spread);
    ck_assert(spread.median == 0.375);            /* between 0.25 and 0.5 */
    ck_assert(spread.mad == (0.125 + 0.375) / 2); /* 0.125, 0.125, 0.375, 0.375 */
    metrics_read_spread(metrics, ONE, METRICS_DAILY_WASTED, &spread);
    ck_assert(spread.median == 0 && spread.mad == 0); /* 0, 0, 0, 0.25 */
    metrics_read_spread(metrics, ONE, METRICS_DAILY_CONFLICT_FRACTION, &spread);
    ck_assert(spread.median == 0 && spread.mad == 0); /* 0, 0, 1, and a day without a value */
    metrics_read_spread(metrics, TWO, METRICS_DAILY_CONFLICT_FRACTION, &spread);
    ck_assert(isnan(spread.median) && isnan(spread.mad));
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_waits_by_day)
{
    struct metrics *metrics = create(HOUR, 49 * HOUR);
    static const double starts_h[] = {2, 24.5, 25, 49}; /* 25 is the first of day 1 */
    for (int i = 0; i < 4; i++) {
        struct metrics_attempt attempt = {
            .scheduler = ONE,
            .attempt = 1,
            .start_us = (int64_t)(starts_h[i] * HOUR),
            .end_us = (int64_t)(starts_h[i] * HOUR) + 2 * HOUR, /* may end on another day */
        };
        metrics_attempt(metrics, &attempt, attempt.start_us - (i + 1) * 100);
        attempt.attempt = 2; /* no first one: no wait */
        metrics_attempt(metrics, &attempt, attempt.start_us - 5000);
    }
    struct metrics_attempt early = {.scheduler = ONE, .attempt = 1, .start_us = 2 * HOUR};
    metrics_attempt(metrics, &early, HOUR - 1); /* submitted in the warm-up */
    metrics_finish(metrics, 49 * HOUR);
    struct metrics_spread spread;
    ck_assert(metrics_read_day(metrics, ONE, 0, METRICS_DAILY_WAIT_FIRST) == 150);
    ck_assert(metrics_read_day(metrics, ONE, 1, METRICS_DAILY_WAIT_FIRST) == 350);
    ck_assert(isnan(metrics_read_day(metrics, TWO, 1, METRICS_DAILY_WAIT_FIRST)));
    metrics_read_spread(metrics, ONE, METRICS_DAILY_WAIT_FIRST, &spread);
    ck_assert(spread.median == 250 && spread.mad == 100);
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_how_many_days)
{
    struct metrics *metrics = create(HOUR, 49 * HOUR); /* no third day of no length */
    struct metrics_spread spread;
    tell(metrics, ONE, 48, 49, succeeds);
    metrics_finish(metrics, 49 * HOUR);
    ck_assert_uint_eq(metrics_day_count(metrics), 2);
    metrics_destroy(metrics);

    metrics = create(0, 49 * HOUR); /* stopped early: the day is as long as it lasted */
    tell(metrics, ONE, 0, 1, succeeds);
    metrics_finish(metrics, 4 * HOUR);
    ck_assert_uint_eq(metrics_day_count(metrics), 1);
    ck_assert(metrics_read_day(metrics, ONE, 0, METRICS_DAILY_BUSYNESS) == 0.25);
    metrics_destroy(metrics);

    metrics = create(HOUR, HOUR); /* nothing is measured */
    metrics_finish(metrics, HOUR);
    ck_assert_uint_eq(metrics_day_count(metrics), 0);
    metrics_destroy(metrics);

    metrics = create(0, METRICS_DAY_US * (METRICS_DAYS_MAX / 2 + 1)); /* too many */
    tell(metrics, ONE, 0, 1, succeeds);
    metrics_finish(metrics, 24 * HOUR);
    ck_assert_uint_eq(metrics_day_count(metrics), 0);
    metrics_read_spread(metrics, ONE, METRICS_DAILY_BUSYNESS, &spread);
    ck_assert(isnan(spread.median));
    metrics_destroy(metrics);
}
END_TEST

START_TEST(test_claims_taken)
{
    struct omega_result result = {.refused = 1, .aborted = 5};
    ck_assert_uint_eq(metrics_claims_taken(&result), 0);
    result = (struct omega_result){.accepted = 3, .conflicts = 2, .refused = 1};
    ck_assert_uint_eq(metrics_claims_taken(&result), 2);
    result = (struct omega_result){.conflicts = 2, .aborted = 5};
    ck_assert_uint_eq(metrics_claims_taken(&result), 7);
    result.refused = 1; /* those that fell would have fallen without the conflicts */
    ck_assert_uint_eq(metrics_claims_taken(&result), 2);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "attempts are cut where days end", test_attempts_are_cut_where_days_end);
    check_case(suite, "days and kinds add up", test_days_and_kinds_add_up);
    check_case(suite, "median and deviation", test_median_and_deviation);
    check_case(suite, "waits by day", test_waits_by_day);
    check_case(suite, "how many days", test_how_many_days);
    check_case(suite, "claims taken", test_claims_taken);
}

CHECK_MAIN("days", add_cases)
