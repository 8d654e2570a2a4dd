/* SPDX-License-Identifier: MIT */
/* What every process of a live run has: a clock, a way to wait, and an orderly end. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/live/live_private.h"

#define READY_PAUSE_NS 200000
#define WAIT_NS_MAX 1e9          /* at one time */
#define NEVER_US (INT64_MAX / 2) /* so that sums of times do not overflow */

static atomic_bool stop; /* of this process */

int64_t live_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void live_pause(int64_t ns)
{
    struct timespec pause = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    nanosleep(&pause, NULL);
}

struct metrics *live_counters(const struct run_config *config)
{
    const char **names =
        calloc(config->scheduler_count + config->workload_count + 1u, sizeof *names);
    uint32_t *instances = calloc(config->scheduler_count + 1u, sizeof *instances);
    struct metrics *metrics = NULL;
    if (names != NULL && instances != NULL) {
        for (uint32_t i = 0; i < config->scheduler_count; i++) {
            names[i] = config->schedulers[i].name;
            instances[i] = config->schedulers[i].instances;
        }
        for (uint32_t i = 0; i < config->workload_count; i++) {
            names[config->scheduler_count + i] = config->workloads[i].name;
        }
        metrics = metrics_create(&(struct metrics_config){
            .schedulers = names,
            .instances = instances,
            .scheduler_count = config->scheduler_count,
            .workloads = names + config->scheduler_count,
            .workload_count = config->workload_count,
            .horizon_us = config->horizon_us < NEVER_US ? config->horizon_us : NEVER_US,
        });
    }
    free((void *)names);
    free(instances);
    return metrics;
}

/* ---- beginning and end ---- */

static void on_stop(int number)
{
    (void)number;
    atomic_store(&stop, true);
}

bool live_stopped(void)
{
    return atomic_load_explicit(&stop, memory_order_relaxed);
}

void live_ask_to_stop(bool on)
{
    atomic_store(&stop, on);
}

/* Ctrl-C reaches all processes of a terminal: the one that started this one tells it what to do.
 * SIGTERM is blocked but while it waits, so that none comes between looking and waiting. */
static void set_signals(void)
{
    struct sigaction action = {.sa_handler = on_stop};
    sigset_t blocked;
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
}

static void on_catch(int number)
{
    if (live_stopped()) {
        signal(number, SIG_DFL);
        raise(number);
    }
    live_ask_to_stop(true);
}

void live_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_catch, .sa_flags = SA_RESTART | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGINT, SIG_IGN); /* of a terminal, as is the next: the guard passes on what they mean */
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

static int finish_log(struct live_process *process, omega_error_t *err)
{
    int rc = runlog_finish(process->log, err);
    runlog_destroy(process->log);
    process->log = NULL;
    return rc;
}

pid_t live_fork(struct live_process *process, live_work *work, void *context)
{
    pid_t original = getpid();
    pid_t child = fork();
    if (child != 0) {
        return child;
    }
    set_signals();
    prctl(PR_SET_TIMERSLACK, 1UL);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would look at what it does, and the cell bears it */
    if (getppid() != original) {
        _exit(EXIT_FAILURE);
    }
    file_out_forget_all(); /* the other's, as are its cells */
    run_scratch_forget_all();
    omega_error_t *err = &process->slot->err;
    runlog_follow(process->log, &process->slot->mark);
    int rc = work(process, context, err);
    live_wake_close(process->wake);
    store_close(process->store);
    if (rc == OMEGA_OK) {
        rc = finish_log(process, err);
    }
    _exit(rc == OMEGA_OK ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* What a process committed that died inside LMDB's commit is shown to readers by the next writer
 * only. So this one writes before it reads: it ends a placement that there never was. */
static int see_all(const struct live_process *process, omega_error_t *err)
{
    uint64_t nothing = omega_placement_id(0, 0);
    struct store_release_result released;
    uint64_t version = 0;
    return store_release(process->store, &nothing, 1, STORE_FINISHED, &released, &version, err);
}

int live_join_in(struct live_process *process, const char *module, omega_error_t *err)
{
    struct lmdb_use use = {.module = module, .config = &process->config->cell};
    int rc = process->store != NULL ? OMEGA_OK
                                    : lmdb_open(process->directory, &use, &process->store, err);
    rc = rc == OMEGA_OK && live_is_successor(process) ? see_all(process, err) : rc;
    return rc == OMEGA_OK
               ? live_wake_open(process->directory_fd, process->number, &process->wake, err)
               : rc;
}

bool live_is_successor(const struct live_process *process)
{
    return process->slot->starts > 1;
}

int live_greet(struct live_process *process, omega_error_t *err)
{
    uint32_t processes = live_segments(process->config) - 1;
    int rc = OMEGA_OK;
    for (uint32_t i = LIVE_SCHEDULERS; rc == OMEGA_OK && i < processes; i++) {
        rc = live_wake_peer(process->wake, i, err);
    }
    return rc;
}

/* ---- progress ---- */

void live_sync(struct live_process *process)
{
    if (process->log != NULL) {
        runlog_sync(process->log);
    }
    process->synced_ns = live_clock_ns();
}

void live_beat(struct live_process *process)
{
    int64_t now_ns = live_clock_ns();
    atomic_store_explicit(&process->slot->due_ns, now_ns, memory_order_relaxed);
    if (now_ns - process->synced_ns >= LIVE_SYNC_NS) {
        live_sync(process);
    }
}

/* ---- time ---- */

/* Waits for so long, one of these files to become readable, or a signal. */
static void wait_ns(const struct live_process *process, struct pollfd *files, nfds_t count,
                    int64_t ns)
{
    struct timespec pause = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    sigset_t open;
    atomic_store_explicit(&process->slot->due_ns, live_clock_ns() + ns, memory_order_relaxed);
    pthread_sigmask(SIG_SETMASK, NULL, &open);
    sigdelset(&open, SIGTERM);
    ppoll(files, count, &pause, &open);
}

void live_begin(struct live_process *process)
{
    atomic_store(&process->slot->ready, true);
    if (process->standing != NULL) {
        standing_begin(process->standing);
        return;
    }
    while (!live_stopped() && (process->epoch_ns = atomic_load(&process->shared->epoch_ns)) == 0) {
        wait_ns(process, NULL, 0, READY_PAUSE_NS);
    }
}

int64_t live_now_us(const struct live_process *process)
{
    int64_t since_ns = live_clock_ns() - process->epoch_ns;
    return (int64_t)((double)since_ns * process->options->speedup / 1e3);
}

void live_wait(struct live_process *process, int64_t until_us, bool woken)
{
    double ns = (double)until_us * 1e3 / process->options->speedup + 1;
    double left = ns - (double)(live_clock_ns() - process->epoch_ns);
    bool looks = woken || process->options->threads; /* no signal tells a thread to stop */
    double most = looks ? (double)LIVE_POLL_NS : WAIT_NS_MAX;
    struct pollfd files[1 + STANDING_FILES];
    nfds_t count = 0;
    if (woken) {
        files[count++] = (struct pollfd){.fd = live_wake_fd(process->wake), .events = POLLIN};
    }
    if (process->standing != NULL) {
        count += standing_files(process->standing, files + count);
    }
    if (left > 0 && !live_stopped()) {
        live_sync(process);
        wait_ns(process, files, count, (int64_t)(left < most ? left : most));
        live_beat(process);
    }
    if (process->standing != NULL) {
        standing_serve(process->standing);
    }
    if (woken) {
        live_wake_take(process->wake);
    }
}

/* Sequentially consistent, as the exchange below: either the look that follows sees what another
 * has done, or that one sees this. */
void live_listen(struct live_process *process)
{
    atomic_store(&process->slot->listens, true);
}

void live_wake_up(struct live_process *process, uint32_t number)
{
    if (process->shared == NULL) { /* on a standing cell nobody sees the slots of others */
        live_wake_send(process->wake, number);
        return;
    }
    atomic_bool *listens = &process->shared->slots[number].listens;
    if (atomic_exchange(listens, false) && !live_wake_send(process->wake, number)) {
        atomic_store(listens, true); /* so that the next one tries */
    }
}

struct log_place live_place(const struct live_process *process, int64_t time_us)
{
    struct store_counters counters;
    store_counters(process->store, &counters);
    return (struct log_place){.log = process->log, .version = counters.version, .time_us = time_us};
}
