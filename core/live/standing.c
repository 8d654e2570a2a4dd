/* SPDX-License-Identifier: MIT */
/*
 * A process of a standing cell: what a live run gives each of its processes, made for one alone.
 * There is no horizon, no log and no speed-up; experiment time is the time of day.
 */
#include "core/live/standing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/live/abandoned.h"
#include "core/live/journal.h"
#include "core/live/standing_private.h"

#define DYING_NS INT64_C(500000000)
#define EXECUTOR_NAME "executor"

/* ---- before ---- */

/* The configuration that the cell itself holds, with one scheduler and one workload. */
static int configure(struct standing *standing, const struct run_scheduler *scheduler,
                     omega_error_t *err)
{
    struct store *store = standing->process.store;
    struct lmdb_info info;
    int rc = lmdb_info(store, &info, err);
    standing->workload = (struct run_workload){.name = "jobs", .pickiness = 1};
    standing->config = (struct run_config){
        .seed = standing->options->seed,
        .horizon_us = INT64_MAX,
        .cell = {.catalogue = lmdb_catalogue(store),
                 .machines = lmdb_machines(store),
                 .machine_count = store->machine_count,
                 .overcommit = info.overcommit,
                 .release_raises_seq = info.release_raises_seq},
        .store = {.kind = RUN_STORE_LMDB, .directory = standing->options->directory},
        .workloads = &standing->workload,
        .workload_count = 1,
        .schedulers = scheduler,
        .scheduler_count = scheduler == NULL ? 0 : 1,
        .log = standing->options->log,
        .context = standing->options->context,
    };
    return rc;
}

/* Where a module's own counters go, and what would be shared with others. */
static int make_room(struct standing *standing, omega_error_t *err)
{
    standing->process.metrics = live_counters(&standing->config);
    standing->process.slot = calloc(1, sizeof *standing->process.slot);
    return standing->process.metrics == NULL || standing->process.slot == NULL
               ? omega_error_set(err, OMEGA_ENOMEM, "no memory to work on the cell")
               : OMEGA_OK;
}

/* An executor keeps in a file when it saw what begin, and goes on where the one before it was. */
static int open_journal(struct standing *standing, omega_error_t *err)
{
    struct live_process *process = &standing->process;
    int fd = openat(process->directory_fd, "journal", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                    S_IRUSR | S_IWUSR);
    int full = fd < 0 ? errno : posix_fallocate(fd, 0, (off_t)JOURNAL_BYTES);
    if (full != 0) {
        errno = full;
        int rc = omega_error_set_errno(err, "journal", "cannot make");
        close(fd);
        return rc;
    }
    void *room = mmap(NULL, JOURNAL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (room == MAP_FAILED) {
        return omega_error_set_errno(err, "journal", "cannot map");
    }
    process->room = room;
    process->slot->starts = 2; /* a successor, if only of nobody */
    return OMEGA_OK;
}

/* Enters the register. Whoever was killed just now may be there still for a moment. */
static int enter(struct standing *standing, bool fixed, omega_error_t *err)
{
    struct live_process *process = &standing->process;
    int64_t until_ns = live_clock_ns() + DYING_NS;
    for (;;) {
        omega_error_t cause = {.code = OMEGA_OK};
        int rc = register_enter(process->directory_fd, process->store, &standing->entry, fixed,
                                &standing->lock, &cause);
        if (rc != OMEGA_EINVAL || live_clock_ns() > until_ns) {
            return rc == OMEGA_OK
                       ? OMEGA_OK
                       : omega_error_set_at(err, rc, cause.source, cause.line, "%s", cause.text);
        }
        live_pause(LIVE_POLL_NS);
    }
}

/* Opens the cell, enters its register, and prepares the process. */
static int open_standing(struct standing *standing, const struct run_scheduler *scheduler,
                         bool fixed, omega_error_t *err)
{
    const struct standing_options *options = standing->options;
    struct live_process *process = &standing->process;
    struct lmdb_use use = {
        .module = standing->entry.name, .blocked = options->blocked, .context = options->context};
    int rc = lmdb_open(options->directory, &use, &process->store, err);
    if (rc == OMEGA_OK) {
        process->directory_fd = open(options->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = process->directory_fd < 0
                 ? omega_error_set_errno(err, options->directory, "cannot open the cell")
                 : OMEGA_OK;
    }
    if (rc == OMEGA_OK) {
        rc = enter(standing, fixed, err);
    }
    rc = rc == OMEGA_OK ? configure(standing, scheduler, err) : rc;
    rc = rc == OMEGA_OK ? make_room(standing, err) : rc;
    if (rc == OMEGA_OK) {
        rc = scheduler == NULL ? open_journal(standing, err)
                               : abandoned_open(process->directory_fd, standing->entry.number,
                                                process->store, &standing->abandoned, err);
    }
    standing->live = (struct live_options){.speedup = 1, .emulate = options->emulate};
    process->config = &standing->config;
    process->options = &standing->live;
    process->number = standing->entry.number;
    process->directory = options->directory;
    process->standing = standing;
    /* a clock that is set meanwhile moves nothing */
    process->epoch_ns = live_clock_ns() - standing_now_us() * 1000;
    return rc == OMEGA_OK ? standing_open_messages(standing, err) : rc;
}

static void close_standing(struct standing *standing)
{
    struct live_process *process = &standing->process;
    standing_close_messages(standing);
    if (process->wake != NULL) {
        char name[32];
        snprintf(name, sizeof name, "wake-%u", process->number);
        live_wake_close(process->wake);
        unlinkat(process->directory_fd, name, 0);
    }
    store_close(process->store);
    metrics_destroy(process->metrics);
    if (process->room != NULL) {
        munmap(process->room, JOURNAL_BYTES);
    }
    free(process->slot);
    if (standing->abandoned >= 0) {
        close(standing->abandoned);
    }
    if (process->directory_fd >= 0) {
        close(process->directory_fd);
    }
    if (standing->lock >= 0) {
        close(standing->lock);
    }
}

/* In the process that works: all that it has is made anew each time. */
static int work(void *context, omega_error_t *err)
{
    struct standing *standing = context;
    struct live_prefilled nothing = {.ends = NULL};
    standing->lock = -1;
    standing->abandoned = -1;
    standing->process.directory_fd = -1;
    int rc = open_standing(standing, standing->scheduler, standing->fixed, err);
    if (rc == OMEGA_OK) {
        rc = standing->scheduler == NULL ? live_execute(&standing->process, &nothing, err)
                                         : live_schedule(&standing->process, &nothing, err);
    }
    close_standing(standing);
    return rc;
}

/* ---- the work ---- */

void standing_count_losses(struct standing *standing)
{
    struct store_counters counters;
    store_counters(standing->process.store, &counters);
    atomic_store(&standing->process.slot->losses, counters.losses);
}

bool standing_works(const struct standing *standing, uint16_t instance)
{
    struct register_entry entry;
    uint32_t number = REGISTER_SCHEDULERS + instance;
    return register_read(standing->process.directory_fd, number, &entry, NULL) == OMEGA_OK &&
           entry.lives;
}

int standing_abandon(struct standing *standing, uint64_t job, omega_error_t *err)
{
    return abandoned_announce(standing->abandoned, job, err);
}

void standing_begin(struct standing *standing)
{
    if (standing->began_ns != 0) {
        return;
    }
    atomic_store(&standing->told->begun, true);
    standing->began_ns = live_clock_ns();
    if (standing->options->started != NULL) {
        standing->options->started(standing->options->context, &standing->entry);
    }
}

int standing_schedule(const struct standing_options *options, const struct run_scheduler *scheduler,
                      int32_t instance, omega_error_t *err)
{
    struct standing standing = {.options = options, .scheduler = scheduler, .fixed = instance >= 0};
    if (strcmp(scheduler->name, EXECUTOR_NAME) == 0) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "'%s' is the name of a cell's executor, expected another one for a "
                               "scheduler",
                               scheduler->name);
    }
    const char *module = module_scheduler(scheduler->module)->name;
    snprintf(standing.entry.name, sizeof standing.entry.name, "%s", scheduler->name);
    snprintf(standing.entry.module, sizeof standing.entry.module, "%s", module);
    standing.entry.number = REGISTER_SCHEDULERS + (uint32_t)(instance < 0 ? 0 : instance);
    return standing_guard(&standing, work, err);
}

int standing_execute(const struct standing_options *options, omega_error_t *err)
{
    struct standing standing = {.options = options,
                                .fixed = true,
                                .entry = {.number = REGISTER_EXECUTOR, .name = EXECUTOR_NAME}};
    return standing_guard(&standing, work, err);
}
