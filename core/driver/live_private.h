/* SPDX-License-Identifier: MIT */
/*
 * Inside of the live driver: live.c (the process that starts and watches all others),
 * live_process.c (what every process has: clock, waiting, log), live_feeder.c, live_executor.c,
 * live_scheduler.c, live_wake.c (wake-ups), live_page.c (statistics).
 */
#ifndef OMEGA_CORE_DRIVER_LIVE_PRIVATE_H
#define OMEGA_CORE_DRIVER_LIVE_PRIVATE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "core/driver/driver_private.h"
#include "core/driver/events.h"
#include "core/driver/live.h"
#include "core/monitor/page.h"

#define LIVE_POLL_NS 20000000 /* a wake-up that is lost costs at most so much real time */

/* The numbers of processes: those of their segments. */
enum {
    LIVE_FEEDER = 0,
    LIVE_EXECUTOR = 1,
    LIVE_SCHEDULERS = 2, /* the first of them */
};

struct live_counter {
    char name[METRICS_COUNTER_NAME_MAX + 1];
    int64_t value;
};

/* What a process tells the one that started it, in memory that both map. */
struct live_slot {
    atomic_bool ready;         /* everything is open: it waits for the start */
    atomic_uint_fast64_t jobs; /* feeder: submitted */
    omega_error_t err;         /* why it ended with exit code 1 */
    struct live_times times;
    uint32_t counter_count;
    struct live_counter counters[METRICS_COUNTERS_MAX];
};

struct live_shared {
    atomic_int_fast64_t epoch_ns; /* of the monotonic clock: experiment time 0; 0: not yet */
    struct live_slot slots[];
};

struct live_wake;

/* One process, as it sees itself. */
struct live_process {
    const struct run_config *config;
    const struct live_options *options;
    struct live_shared *shared;
    struct live_slot *slot;
    uint32_t number;
    const char *directory; /* of the cell */
    int directory_fd;
    struct store *store;
    struct runlog *log;
    struct metrics *metrics;
    struct live_wake *wake; /* NULL until it is opened */
    struct page *page;      /* NULL until it is opened */
    int64_t plan_ns;        /* for the page: since when a refresh, or a plan, goes on */
    int64_t epoch_ns;
};

/* ---- live_process.c ---- */

int64_t live_clock_ns(void);

/* Sleeps for so long in real time, or until a signal comes. */
void live_pause(int64_t ns);

/* Runs `work` in a process of its own, which ends with it: returns its id, or -1 with errno. The
 * process has `process->number` filled in, and tells of a failure in its slot. */
pid_t live_fork(struct live_process *process,
                int (*work)(struct live_process *process, void *context, omega_error_t *err),
                void *context);

/* Opens the process's store and wake-ups; `module` names it to others. */
int live_join_in(struct live_process *process, const char *module, omega_error_t *err);

/* Says that everything is open, and waits until all others have said so and time begins, or for a
 * request to stop. */
void live_begin(struct live_process *process);

/* Was the process asked to stop? */
bool live_stopped(void);

/* Experiment time by the clock. */
int64_t live_now_us(const struct live_process *process);

/* Waits until experiment time `until_us`, or less: until a wake-up comes, if `woken` (or for
 * LIVE_POLL_NS, since one may be lost), or a request to stop. Callers look at the time again. */
void live_wait(struct live_process *process, int64_t until_us, bool woken);

/* A place in the log, at a time that was read before: behind the newest version. */
struct log_place live_place(const struct live_process *process, int64_t time_us);

/* ---- live_wake.c: hints that there is something to do, over nanomsg ---- */

/* Makes the endpoint of a process: a socket `wake-NUMBER` in the cell's directory, for its owner
 * only. */
int live_wake_open(int directory_fd, uint32_t number, struct live_wake **wake, omega_error_t *err);
/* Prepares to wake a process, whose endpoint is there. */
int live_wake_peer(struct live_wake *wake, uint32_t number, omega_error_t *err);
void live_wake_close(struct live_wake *wake); /* NULL is allowed */
/* Tells a peer that there is something for it; a hint that cannot be sent at once is dropped. */
void live_wake_send(struct live_wake *wake, uint32_t number);
/* Becomes readable when a hint has come; live_wake_take() takes all that have. */
int live_wake_fd(const struct live_wake *wake);
void live_wake_take(struct live_wake *wake);

/* ---- live_page.c: statistics ---- */

/* Opens the process's page; live_page_close() lets go of it. */
int live_page_open(struct live_process *process, const struct page_who *who, omega_error_t *err);
void live_page_close(struct live_process *process);

/* An attempt's planning begins, and has ended. */
void live_page_plans(struct live_process *process, struct runner *runner, int64_t now_ns);
void live_page_planned(struct live_process *process, const struct runner *runner, int64_t now_ns);

/* An attempt has ended; its commit, if there was one, took so long. */
void live_page_attempt(struct live_process *process, const struct runner *runner,
                       const struct omega_result *result, enum settlement settlement, int64_t ns);

/* ---- live_metrics.c ---- */

/* Starts a process that serves figures of the cell at a socket (0: none) until live_metrics_stop():
 * its id, or 0. What it cannot do is told to config->log and stops nothing. */
pid_t live_metrics_start(const struct run_config *config, const char *directory, int socket);
void live_metrics_stop(pid_t process);

/* ---- the work of processes ---- */

/* Submits all jobs at their times. */
int live_feed(struct live_process *process, void *context, omega_error_t *err);

struct live_prefilled {
    struct prefill_end *ends;
    uint32_t count;
};

/* Ends tasks when they are due; `context` is a struct live_prefilled. */
int live_execute(struct live_process *process, void *context, omega_error_t *err);

/* Plans and commits the jobs of the instance process->number - LIVE_SCHEDULERS. */
int live_schedule(struct live_process *process, void *context, omega_error_t *err);

#endif
