/* SPDX-License-Identifier: MIT */
/* Reading a log to its end, unless the user asks to stop: then no record more is played. */
#include "core/experiment/log_play.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/experiment/log_known.h"
#include "core/experiment/log_points.h"
#include "core/experiment/replay.h"
#include "tests/support/check_main.h"
#include "tests/support/run_here.h"
#include "tests/support/scratch.h"

#define STOP_BEHIND 100 /* records */

static char directory[SCRATCH_PATH_MAX];
static volatile sig_atomic_t stop;

/* Runs an experiment with a log. */
static void run_logged(void)
{
    static const char *const sets[] = {"horizon_s=500", "record=[\"summary\"]"};
    omega_error_t err = {0};
    struct experiment *experiment = NULL;
    struct experiment_options changes = {.sets = sets, .set_count = 2};
    run_here_modules();
    scratch_path(directory);
    ck_assert_msg(experiment_open("tests/data/valid/eventful.json", &changes, &experiment, &err) ==
                      0,
                  "%s", err.text);
    run_here_logged(experiment, directory);
    stop = 0;
}

static struct runlog_merge *open_log(struct log_points **points)
{
    struct runlog_merge *merge = NULL;
    uint32_t segments = 0;
    omega_error_t err = {0};
    ck_assert_int_eq(log_points_open(directory, points, &err), OMEGA_OK);
    ck_assert_msg(log_points_next(*points, &merge, &segments, &err) == 1, "%s", err.text);
    return merge;
}

/* Counts records, and asks to stop behind so many. */
static int count(void *context, const struct runlog_record *record,
                 const struct runlog_effect *effect, omega_error_t *err)
{
    uint64_t *seen = context;
    (void)record;
    (void)effect;
    (void)err;
    stop = ++*seen == STOP_BEHIND ? 1 : stop;
    return OMEGA_OK;
}

static int play(const volatile sig_atomic_t *asked, uint64_t *seen, omega_error_t *err)
{
    struct log_points *points = NULL;
    struct runlog_merge *merge = open_log(&points);
    struct log_figures_options options = {.fragmentation = {.step_us = 0}};
    struct log_played played;
    *seen = 0;
    int rc = log_play(merge, &options, 0, count, seen, asked, &played, err);
    metrics_destroy(played.metrics);
    runlog_merge_close(merge);
    log_points_close(points);
    return rc;
}

START_TEST(playing_stops)
{
    omega_error_t err = {0};
    uint64_t all = 0;
    uint64_t seen = 0;
    run_logged();
    ck_assert_msg(play(NULL, &all, &err) == OMEGA_OK, "%s", err.text);
    ck_assert_uint_gt(all, STOP_BEHIND);
    stop = 0;
    ck_assert_int_eq(play(&stop, &seen, &err), OMEGA_EINTR);
    ck_assert_uint_eq(seen, STOP_BEHIND);
    ck_assert_str_eq(err.text, "stopped: nothing is written");
    scratch_remove(directory);
}
END_TEST

START_TEST(looking_for_what_is_known_stops)
{
    omega_error_t err = {0};
    struct log_points *points = NULL;
    int64_t until_us = 0;
    run_logged();
    struct runlog_merge *merge = open_log(&points);
    ck_assert_msg(log_known_until(merge, &stop, &until_us, &err) == OMEGA_OK, "%s", err.text);
    ck_assert_int_eq(until_us, INT64_MAX);
    stop = 1;
    ck_assert_int_eq(log_known_until(merge, &stop, &until_us, &err), OMEGA_EINTR);
    runlog_merge_close(merge);
    log_points_close(points);
    scratch_remove(directory);
}
END_TEST

START_TEST(replaying_stops)
{
    omega_error_t err = {0};
    char *told = NULL;
    size_t size = 0;
    run_logged();
    FILE *out = open_memstream(&told, &size);
    struct replay_options options = {
        .paths = "tests/data/valid", .stop = &stop, .comparison = out, .messages = out};
    stop = 1;
    ck_assert_int_eq(replay_run(directory, &options, &err), OMEGA_EINTR);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_uint_eq(size, 0);
    free(told);
    scratch_remove(directory);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "playing", playing_stops);
    check_case(suite, "what is known", looking_for_what_is_known_stops);
    check_case(suite, "replaying", replaying_stops);
}

CHECK_MAIN("log_play", add_cases)
