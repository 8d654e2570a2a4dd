/* SPDX-License-Identifier: MIT */
/*
 * Inside of the live driver: live.c (the process that starts and watches all others),
 * live_process.c (what every process has: clock, waiting, log), live_feeder.c, live_executor.c,
 * live_scheduler.c, live_wake.c (wake-ups).
 */
#ifndef OMEGA_CORE_DRIVER_LIVE_PRIVATE_H
#define OMEGA_CORE_DRIVER_LIVE_PRIVATE_H

#include <poll.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "core/driver/driver_private.h"
#include "core/driver/events.h"
#include "core/driver/live.h"

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
struct standing;

/* One process, as it sees itself. */
struct live_process {
    const struct run_config *config;
    const struct live_options *options;
    struct live_shared *shared; /* NULL on a standing cell */
    struct live_slot *slot;
    uint32_t number;
    const char *directory; /* of the cell */
    int directory_fd;
    struct store *store;
    struct runlog *log; /* NULL on a standing cell */
    struct metrics *metrics;
    struct live_wake *wake; /* NULL until it is opened */
    int64_t epoch_ns;
    struct standing *standing; /* NULL: a live run */
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

/* From now on SIGTERM and SIGINT ask this process to stop, the second one ends it. */
void live_catch_signals(void);

/* Opens the process's store and wake-ups, unless they are open; `module` names it to others. */
int live_join_in(struct live_process *process, const char *module, omega_error_t *err);

/* Says that everything is open, and waits until all others have said so and time begins, or for a
 * request to stop. */
void live_begin(struct live_process *process);

/* Asks this process to stop. */
void live_stop(void);

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

/* ---- standing.c, standing_messages.c: what a process of a standing cell does besides ---- */

/* Says that everything is open. */
void standing_begin(struct standing *standing);

/* Whose queue the process has to tell of: jobs that wait for an attempt, and for another try. */
void standing_watch(struct standing *standing, const struct runner *runner,
                    const struct events *retries);

/* What becomes readable when somebody asks something; standing_serve() answers. Returns how many
 * there are. */
#define STANDING_FILES 2
nfds_t standing_files(const struct standing *standing, struct pollfd files[STANDING_FILES]);
void standing_serve(struct standing *standing);

/* True while the scheduler takes no new jobs. */
bool standing_drains(const struct standing *standing);

/* Tells of an attempt, of a job given up, of tasks that have ended. */
void standing_tell_attempt(struct standing *standing, const struct runner *runner,
                           const struct omega_result *result);
void standing_tell_abandoned(struct standing *standing, uint64_t job, uint32_t tasks);
void standing_tell_ended(struct standing *standing, uint64_t version, uint32_t tasks);

#endif
