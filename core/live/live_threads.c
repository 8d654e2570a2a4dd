/* SPDX-License-Identifier: MIT */
/*
 * A live run whose feeder, executor and scheduler instances are threads of the process that runs
 * it. They share one store, opened with `group`, so what they change at the same time is committed
 * together. A thread cannot be ended from outside: one that fails ends the run, and there is
 * nothing to be started again.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "core/live/live_private.h"

struct live_thread {
    pthread_t id;
    bool runs; /* it was started, and has not been joined */
    atomic_bool ended;
    int rc;
    struct live_process process;
    live_work *work;
    const struct live *live;
};

static pthread_mutex_t telling = PTHREAD_MUTEX_INITIALIZER;

/* What modules tell comes from several threads, and goes on one by one. */
static void tell_one_by_one(void *context, const char *scheduler, enum omega_log_level level,
                            const char *message)
{
    const struct run_config *config = context;
    pthread_mutex_lock(&telling);
    config->log(config->context, scheduler, level, message);
    pthread_mutex_unlock(&telling);
}

static void *run_thread(void *context)
{
    struct live_thread *thread = context;
    struct live_process *process = &thread->process;
    omega_error_t *err = &process->slot->err;
    struct run_config config = *process->config;
    prctl(PR_SET_TIMERSLACK, 1UL);
    if (config.log != NULL) {
        config.log = tell_one_by_one;
        config.context = (void *)process->config;
    }
    process->config = &config;
    process->metrics = live_counters(&config);
    runlog_follow(process->log, &process->slot->mark);
    thread->rc = process->metrics == NULL
                     ? omega_error_set(err, OMEGA_ENOMEM, "no memory for a thread")
                     : thread->work(process, (void *)&thread->live->prefilled, err);
    live_wake_close(process->wake);
    metrics_destroy(process->metrics);
    if (thread->rc == OMEGA_OK) {
        thread->rc = runlog_finish(process->log, err);
    }
    atomic_store(&thread->ended, true);
    return NULL;
}

static int start_one(struct live *live, uint32_t number, omega_error_t *err)
{
    struct live_thread *thread = &live->threads[number];
    thread->live = live;
    thread->work = live_work_of(number);
    live_process_init(live, number, &thread->process);
    thread->process.store = live->store;
    thread->process.slot->starts = 1;
    int rc = pthread_create(&thread->id, NULL, run_thread, thread);
    thread->runs = rc == 0;
    return rc == 0 ? OMEGA_OK : omega_error_set(err, OMEGA_ENOMEM, "cannot start a thread");
}

/* Signals are for the process's first thread, which asks the others. */
int live_threads_start(struct live *live, omega_error_t *err)
{
    struct lmdb_use use = {.module = "omega run", .group = true, .config = &live->config->cell};
    sigset_t all;
    sigset_t before;
    live->threads = calloc(live->count, sizeof *live->threads);
    if (live->threads == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to start threads");
    }
    int rc = lmdb_open(live->directory, &use, &live->store, err);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    live_ask_to_stop(false);
    for (uint32_t i = 0; rc == OMEGA_OK && i < live->count; i++) {
        live_name(live, i);
        rc = start_one(live, i, err);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* Joins a thread that has ended; says why, if it was not in order. */
static int join(struct live *live, uint32_t number, omega_error_t *err)
{
    struct live_thread *thread = &live->threads[number];
    const omega_error_t *why = &live->shared->slots[number].err;
    pthread_join(thread->id, NULL);
    thread->runs = false;
    return thread->rc == OMEGA_OK ? OMEGA_OK
                                  : omega_error_set(err, thread->rc, "%s: %s",
                                                    live->restarts[number].process, why->text);
}

int live_threads_look(struct live *live, uint32_t *left, omega_error_t *err)
{
    int rc = OMEGA_OK;
    *left = 0;
    for (uint32_t i = 0; i < live->count; i++) {
        if (live->threads[i].runs && atomic_load(&live->threads[i].ended)) {
            int ended = join(live, i, err);
            rc = rc == OMEGA_OK ? ended : rc;
        }
        *left += live->threads[i].runs;
    }
    return rc;
}

int live_threads_end(struct live *live, omega_error_t *err)
{
    int rc = OMEGA_OK;
    live_ask_to_stop(true);
    for (uint32_t i = 0; live->threads != NULL && i < live->count; i++) {
        if (live->threads[i].runs) {
            int ended = join(live, i, err);
            rc = rc == OMEGA_OK ? ended : rc;
        }
    }
    live_ask_to_stop(false);
    free(live->threads);
    live->threads = NULL;
    store_close(live->store);
    live->store = NULL;
    return rc;
}
