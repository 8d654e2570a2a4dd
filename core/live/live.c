/* SPDX-License-Identifier: MIT */
/*
 * The process of a live run that starts all others: it makes the cell, begins time when everybody
 * is ready, and proves what is left. Meanwhile it watches them (live_supervise.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cellstate/lmdb_directory.h"
#include "cellstate/lmdb_writer.h"
#include "core/live/live_private.h"
#include "core/live/metrics_server.h"

#define PAGE_BYTES 4096u
#define START_NS_MAX INT64_C(60000000000) /* for all to be ready */

static uint32_t instances_of(const struct run_config *config)
{
    return run_instance_id(config, config->scheduler_count, 0);
}

uint32_t live_segments(const struct run_config *config)
{
    return LIVE_SCHEDULERS + instances_of(config) + 1;
}

/* ---- before ---- */

static int check_config(const struct run_config *config, omega_error_t *err)
{
    if (config->store.kind != RUN_STORE_LMDB) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "a live run with its cell in memory, expected a store 'lmdb'");
    }
    if (instances_of(config) > LIVE_INSTANCES_MAX) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "%" PRIu32 " scheduler instances, expected at most %u in a live run",
                               instances_of(config), LIVE_INSTANCES_MAX);
    }
    return OMEGA_OK;
}

/* The supervisor sees who writes, without opening the cell. */
static int look_at_writers(struct live *live, omega_error_t *err)
{
    char boot[LMDB_BOOT_BYTES];
    char *path = NULL;
    int rc = lmdb_boot_id(boot, err);
    if (rc == OMEGA_OK && asprintf(&path, "%s/writer", live->directory) < 0) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to watch the cell");
    }
    rc = rc == OMEGA_OK ? lmdb_gate_look(path, boot, &live->gate, err) : rc;
    free(path);
    return rc;
}

/* Makes the cell as it is at time 0, and lets go of it: each process opens it for itself. What the
 * log is told of it is written out, for those who find the log of a run that was killed. */
static int make_cell(struct live *live, omega_error_t *err)
{
    const struct live_segment *segment = &live->segments[live->count];
    struct run_config config = *live->config;
    config.runlog = segment->log;
    int rc = runlog_mark_init(&live->mark, segment->stream, err);
    rc = rc == OMEGA_OK ? run_store_open(&config, &live->store, &live->directory, err) : rc;
    if (rc == OMEGA_OK) {
        runlog_follow(segment->log, &live->mark);
        rc = prefill_cell(&config, live->store, live->metrics, &live->prefilled.ends,
                          &live->prefilled.count, err);
        runlog_sync(segment->log);
    }
    store_close(live->store);
    live->store = NULL;
    if (rc != OMEGA_OK) {
        return rc;
    }
    live->directory_fd = open(live->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return live->directory_fd < 0
               ? omega_error_set_errno(err, live->directory, "cannot open the cell")
               : look_at_writers(live, err);
}

static int make_shared(struct live *live, omega_error_t *err)
{
    size_t slots = sizeof *live->shared + live->count * sizeof live->shared->slots[0];
    slots = (slots + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    live->shared_bytes = slots + live->count * LIVE_ROOM_BYTES;
    /* most of the rooms is never touched */
    void *bytes = mmap(NULL, live->shared_bytes, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    live->children = calloc(live->count, sizeof *live->children);
    if (bytes == MAP_FAILED || live->children == NULL) {
        live->shared_bytes = 0;
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to start processes");
    }
    live->shared = bytes;
    live->rooms = (uint8_t *)bytes + slots;
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < live->count; i++) {
        rc = runlog_mark_init(&live->shared->slots[i].mark, live->segments[i].stream, err);
    }
    return rc;
}

/* ---- while time passes ---- */

static bool asked_to_stop(const struct live *live, int64_t now_us)
{
    const struct run_config *config = live->config;
    uint64_t jobs = atomic_load(&live->shared->slots[LIVE_FEEDER].jobs);
    return (config->stop != NULL && *config->stop != 0) ||
           (config->progress != NULL && config->progress(config->context, now_us, jobs) != 0);
}

static int interrupted(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_EINTR, "interrupted");
}

static int look(struct live *live, uint32_t *left, omega_error_t *err)
{
    return live->options->threads ? live_threads_look(live, left, err)
                                  : live_look(live, true, left, err);
}

/* Waits until everybody is ready. */
static int wait_ready(struct live *live, omega_error_t *err)
{
    int64_t until_ns = live_clock_ns() + START_NS_MAX;
    for (uint32_t ready = 0; ready < live->count;) {
        uint32_t left = 0;
        int rc = look(live, &left, err);
        if (rc != OMEGA_OK || asked_to_stop(live, 0)) {
            return rc == OMEGA_OK ? interrupted(err) : rc;
        }
        if (left < live->count || live_clock_ns() > until_ns) {
            return omega_error_set(err, OMEGA_EIO,
                                   "%" PRIu32 " of %" PRIu32 " processes were ready to start",
                                   ready, live->count);
        }
        for (ready = 0; ready < live->count && atomic_load(&live->shared->slots[ready].ready);) {
            ready++;
        }
        live_pause(ready < live->count ? LIVE_LOOK_NS / 20 : 0);
    }
    return OMEGA_OK;
}

/* Lets time pass until the horizon, when all others end by themselves. */
static int watch(struct live *live, omega_error_t *err)
{
    double horizon_ns = (double)live->config->horizon_us * 1e3 / live->options->speedup;
    int64_t epoch_ns = live_clock_ns();
    uint32_t left = live->count;
    atomic_store(&live->shared->epoch_ns, epoch_ns);
    if (live->config->store.directory != NULL) {
        run_scratch_unlist(live->directory); /* it stays, whatever ends this process */
    }
    while (left > 0) {
        double passed_ns = (double)(live_clock_ns() - epoch_ns);
        if (passed_ns > horizon_ns + LIVE_GRACE_NS) {
            return OMEGA_OK; /* live_end_all() names those that are left */
        }
        int64_t now_us = (int64_t)(passed_ns * live->options->speedup / 1e3);
        if (asked_to_stop(live, now_us)) {
            return interrupted(err);
        }
        live_pause(LIVE_LOOK_NS);
        int rc = look(live, &left, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    return OMEGA_OK;
}

/* ---- behind it ---- */

static int check_cell(struct live *live, struct store_report *report,
                      struct store_counters *counters, omega_error_t *err)
{
    struct lmdb_use use = {.module = "omega run", .config = &live->config->cell};
    int rc = lmdb_open(live->directory, &use, &live->store, err);
    rc = rc == OMEGA_OK ? store_check(live->store, report, err) : rc;
    if (rc != OMEGA_OK) {
        return rc;
    }
    store_counters(live->store, counters);
    return report->violations == 0
               ? OMEGA_OK
               : omega_error_set(err, OMEGA_ECORRUPT,
                                 "the cell breaks %" PRIu64 " invariants, first %s",
                                 report->violations, report->first);
}

/* Ends the segment of this process: counters, and the horizon, behind all that has happened. */
static int finish_segment(const struct live *live, uint64_t version, omega_error_t *err)
{
    struct log_place place = {
        .log = live->segments[live->count].log,
        .version = version,
        .time_us = live->config->horizon_us,
    };
    for (uint32_t i = LIVE_SCHEDULERS; i < live->count; i++) {
        const struct live_slot *slot = &live->shared->slots[i];
        uint32_t s = 0;
        while (i - LIVE_SCHEDULERS >= run_instance_id(live->config, s + 1, 0)) {
            s++;
        }
        for (uint32_t c = 0; c < slot->counter_count; c++) {
            run_log_counter(&place, s, slot->counters[c].name, slot->counters[c].value);
        }
    }
    run_log_horizon(&place);
    return runlog_finish(place.log, err);
}

static int finish(struct live *live, struct store_report *report, struct store_counters *counters,
                  struct live_report *times, omega_error_t *err)
{
    int64_t epoch_ns = atomic_load(&live->shared->epoch_ns);
    times->wall_s = (double)(live_clock_ns() - epoch_ns) / 1e9;
    for (uint32_t i = LIVE_SCHEDULERS; i < live->count; i++) {
        times->times[i - LIVE_SCHEDULERS] = live->shared->slots[i].times;
    }
    int rc = check_cell(live, report, counters, err);
    return rc == OMEGA_OK ? finish_segment(live, counters->version, err) : rc;
}

/* A cell with a place of its own stays once time has begun, however the run ends: it is in order,
 * and may be looked at. */
static int close_live(struct live *live, int result, omega_error_t *err)
{
    bool begun = live->shared != NULL && atomic_load(&live->shared->epoch_ns) != 0;
    bool keep = live->config->store.directory != NULL && begun;
    if (live->directory_fd >= 0) {
        live_wake_unlink(live->directory_fd);
        close(live->directory_fd);
    }
    int rc = run_store_close(live->store, live->directory, keep, err);
    if (live->shared != NULL) {
        munmap(live->shared, live->shared_bytes);
    }
    lmdb_gate_close(live->gate);
    free(live->children);
    free(live->prefilled.ends);
    return result == OMEGA_OK ? rc : result;
}

static int run_all(struct live *live, omega_error_t *err)
{
    bool threads = live->options->threads;
    int rc = threads ? live_threads_start(live, err) : live_start_all(live, err);
    rc = rc == OMEGA_OK ? wait_ready(live, err) : rc;
    rc = rc == OMEGA_OK ? watch(live, err) : rc;
    int ended = threads ? live_threads_end(live, err) : live_end_all(live, err);
    return rc == OMEGA_OK ? ended : rc;
}

int run_live(const struct run_config *config, const struct live_options *options,
             const struct live_segment *segments, struct metrics *metrics,
             struct store_report *report, struct store_counters *counters,
             struct live_report *times, omega_error_t *err)
{
    omega_error_t own = {0};
    struct live live = {
        .config = config,
        .options = options,
        .segments = segments,
        .metrics = metrics,
        .directory_fd = -1,
        .restarts = times->restarts,
        .count = live_segments(config) - 1,
    };
    err = err == NULL ? &own : err;
    int rc = check_config(config, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    signal(SIGPIPE, SIG_IGN);
    run_scratch_clean_with(live_wake_unlink);
    rc = make_cell(&live, err);
    rc = rc == OMEGA_OK ? make_shared(&live, err) : rc;
    if (rc == OMEGA_OK) {
        metrics_tell(options->metrics, live.directory, true);
        rc = run_all(&live, err);
        metrics_tell(options->metrics, live.directory, false);
    }
    rc = rc == OMEGA_OK ? finish(&live, report, counters, times, err) : rc;
    return close_live(&live, rc, err);
}
