/* SPDX-License-Identifier: MIT */
/*
 * Inside of the live driver: live.c (the process that starts all others, and what comes before and
 * behind), live_supervise.c (watching them), live_condemn.c (those that do not go on),
 * live_process.c (what every process has: clock, waiting, log), live_feeder.c, live_executor.c,
 * live_scheduler.c, live_queue.c (its jobs), live_intent.c (what a process was about to do when it
 * died), live_wake.c (wake-ups), live_page.c (statistics); live_threads.c has all of them in one
 * process.
 */
#ifndef OMEGA_CORE_LIVE_LIVE_PRIVATE_H
#define OMEGA_CORE_LIVE_LIVE_PRIVATE_H

#include <poll.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "core/driver/driver.h"
#include "core/driver/events.h"
#include "core/live/live.h"
#include "core/monitor/page.h"

#define LIVE_LOOK_NS 20000000             /* how often processes are looked at */
#define LIVE_GRACE_NS INT64_C(5000000000) /* from the horizon, or a request, to the end of all */
#define LIVE_POLL_NS 20000000 /* a wake-up that is lost costs at most so much real time */
#define LIVE_SYNC_NS 50000000 /* what is told is written out at the latest then */
/* Room for what an intent is about: the largest transaction, in whole pages. */
#define LIVE_ROOM_BYTES                                                                            \
    ((OMEGA_CLAIMS_MAX * sizeof(struct omega_claim) + OMEGA_GROUPS_MAX * sizeof(uint32_t) +        \
      4095) /                                                                                      \
     4096 * 4096)

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

/* ---- intents: what a process is about to change in the cell, and has not told the log yet ---- */

enum live_intent_kind {
    LIVE_INTENDS_NOTHING = 0,
    LIVE_INTENDS_COMMIT = 1,
    LIVE_INTENDS_ABANDONMENT = 2,
    LIVE_INTENDS_SUBMISSION = 3,
    LIVE_INTENDS_RELEASE = 4,
    LIVE_INTENDS_EVENT = 5,
};

/* In memory that outlives the process, so that its successor can find out whether it was done, and
 * tell the log in its place. */
struct live_intent {
    atomic_uint kind; /* enum live_intent_kind: set last, and back when it has been told */
    uint64_t records; /* of the segment before */
    uint64_t version; /* behind which it comes, or came when it was meant */
    int64_t time_us;
    struct runlog_attempt attempt; /* COMMIT */
    struct omega_transaction txn;  /* COMMIT: its claims and minima are in the room */
    int64_t duration_us;           /* COMMIT: how long its tasks run, if ... */
    atomic_bool tells;             /* ... its module has said so */
    uint64_t job;                  /* ABANDONMENT, SUBMISSION */
    uint64_t tasks;                /* ABANDONMENT: of the job; SUBMISSION: in the cell before it */
    struct omega_machine_event event; /* EVENT */
};

/* What a process tells the one that started it, in memory that both map. */
struct live_slot {
    atomic_bool ready;           /* everything is open: it waits for the start */
    atomic_bool listens;         /* wake-ups are of use to it: see live_listen() */
    atomic_int_fast64_t due_ns;  /* of the monotonic clock: it shows progress by then, or hangs */
    atomic_uint_fast64_t done;   /* attempts that ended, jobs submitted, looks at the cell ... */
    atomic_uint_fast64_t placed; /* ... and tasks placed */
    atomic_uint_fast64_t jobs;   /* feeder: submitted; executor: machine events played */
    atomic_bool elastic;         /* feeder: jobs with optional tasks were submitted */
    atomic_uint_fast64_t losses; /* instance: how often tasks of its jobs were lost */
    uint32_t starts;             /* of the process: its incarnation */
    omega_error_t err;           /* why it ended with exit code 1 */
    struct runlog_mark mark;     /* of its segment */
    struct live_intent intent;
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
    void *room; /* LIVE_ROOM_BYTES in shared memory: for its intents; an executor's journal */
    uint32_t number;
    const char *directory; /* of the cell */
    int directory_fd;
    struct store *store;
    struct runlog *log; /* NULL on a standing cell */
    int64_t synced_ns;  /* when the log was written out last */
    struct metrics *metrics;
    struct live_wake *wake; /* NULL until it is opened */
    struct page *page;      /* NULL until it is opened */
    int64_t plan_ns;        /* for the page: since when a refresh, or a plan, goes on */
    int64_t epoch_ns;
    struct standing *standing; /* NULL: a live run */
};

/* What a process, or a thread, does from its start to its end. */
typedef int live_work(struct live_process *process, void *context, omega_error_t *err);

/* ---- live_process.c ---- */

int64_t live_clock_ns(void);

/* Sleeps for so long in real time, or until a signal comes. */
void live_pause(int64_t ns);

/* Where a module's own counters go, of a process that counts nothing else; NULL without memory. */
struct metrics *live_counters(const struct run_config *config);

/* Runs `work` in a process of its own, which ends with it: returns its id, or -1 with errno. The
 * process has `process->number` filled in, and tells of a failure in its slot. */
pid_t live_fork(struct live_process *process, live_work *work, void *context);

/* From now on SIGTERM asks this process to stop, the second one ends it. */
void live_catch_signals(void);

/* Opens the process's wake-ups and, unless it is open, its store; `module` names it to others. */
int live_join_in(struct live_process *process, const char *module, omega_error_t *err);

/* Prepares to wake all scheduler instances. */
int live_greet(struct live_process *process, omega_error_t *err);

/* Is this the successor of a process that ended before its time? */
bool live_is_successor(const struct live_process *process);

/* Says that everything is open, and waits until all others have said so and time begins, or for a
 * request to stop. */
void live_begin(struct live_process *process);

/* Was the process asked to stop? */
bool live_stopped(void);
/* Asks this process, with all of its threads, to stop, or takes that back. */
void live_ask_to_stop(bool stop);

/* Experiment time by the clock. */
int64_t live_now_us(const struct live_process *process);

/* Shows progress, and writes the log out if that is due. */
void live_beat(struct live_process *process);

/* Writes out what the log has been told. */
void live_sync(struct live_process *process);

/* Waits until experiment time `until_us`, or less: until a wake-up comes, if `woken` (or for
 * LIVE_POLL_NS, since one may be lost), or a request to stop. Callers look at the time again. */
void live_wait(struct live_process *process, int64_t until_us, bool woken);

/* Says that this process is about to look for work, and to wait if it finds none: before the look,
 * so that what comes behind it is told. */
void live_listen(struct live_process *process);

/* Wakes another process, unless it is at work, or has been woken since it listened last: it looks
 * for more before it waits. */
void live_wake_up(struct live_process *process, uint32_t number);

/* A place in the log, at a time that was read before: behind the newest version. */
struct log_place live_place(const struct live_process *process, int64_t time_us);

/* ---- live_intent.c ---- */

/* Notes what is about to be done; before the store is asked. */
void live_intend_commit(struct live_process *process, const struct runner *runner, int64_t now_us);
/* How long the tasks run that it has placed: before the executor is told, who may have ended them
 * by the time that somebody asks the table of jobs. */
void live_intend_duration(struct live_process *process, int64_t duration_us);
void live_intend_abandonment(struct live_process *process, uint64_t job, uint32_t tasks,
                             int64_t now_us);

/* A release of tasks that are due, or a machine event. */
void live_intend_change(struct live_process *process, enum live_intent_kind kind,
                        const struct omega_machine_event *event, int64_t now_us);
/* The submission of a job, when the cell had so many tasks. */
void live_intend_submission(struct live_process *process, uint64_t job, uint64_t tasks,
                            const struct log_place *place);

/* It is done, and the log has been told: writes that out, and forgets the intent. */
void live_intended(struct live_process *process);

/* Did the process before this one leave an intent of this kind that the log was not told of? */
bool live_intends(const struct live_process *process, enum live_intent_kind kind);

/* Sends the transaction that a scheduler instance was ended in once more, under the identity that
 * it had: the store gives the answer that it recorded, or decides it now; the log is told. Before
 * the instance joins the cell anew. Also an abandonment that the log was not told of. */
int live_finish_attempt(struct live_process *process, omega_error_t *err);

/* Tells the executor, by the table of jobs, how long the tasks of a job with optional ones run: 0,
 * as submitted. */
int live_tell_duration(struct live_process *process, uint64_t job, int64_t duration_us,
                       omega_error_t *err);

/* The same, as submitted, of all jobs of an instance of which nobody has told: of a standing cell,
 * where it died in between. */
int live_tell_untold(struct live_process *process, uint16_t instance, omega_error_t *err);

/* ---- live_wake.c: hints that there is something to do, over nanomsg ---- */

/* Makes the endpoint of a process: a socket `wake-NUMBER` in the cell's directory, for its owner
 * only. */
int live_wake_open(int directory_fd, uint32_t number, struct live_wake **wake, omega_error_t *err);
/* Prepares to wake a process, whose endpoint is there. */
int live_wake_peer(struct live_wake *wake, uint32_t number, omega_error_t *err);
void live_wake_close(struct live_wake *wake); /* NULL is allowed */
/* Removes what processes of a live run have put into the directory of their cell, by system calls
 * only. */
void live_wake_unlink(int directory_fd);
/* Tells a peer that there is something for it; false: a hint that cannot be sent at once is
 * dropped. */
bool live_wake_send(struct live_wake *wake, uint32_t number);
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

/* Before a job is given up: it may leave the table with that, and somebody may wait for it. */
int standing_abandon(struct standing *standing, uint64_t job, omega_error_t *err);
/* Tells of an attempt, of a job given up, of tasks that have ended. */
void standing_tell_attempt(struct standing *standing, const struct runner *runner,
                           const struct omega_result *result);
void standing_tell_abandoned(struct standing *standing, uint64_t job, uint32_t tasks);
void standing_tell_ended(struct standing *standing, uint64_t version, uint32_t tasks);

/* Counts in its slot what the cell says of lost tasks. */
void standing_count_losses(struct standing *standing);

/* Does a scheduler instance work on the cell? */
bool standing_works(const struct standing *standing, uint16_t instance);

/* ---- live_supervise.c, live_condemn.c: the process that starts all others ---- */

/* One of the others. */
struct live_child {
    pid_t pid;              /* 0: does not run */
    bool over;              /* has ended in order */
    uint8_t cause;          /* enum live_cause: of its end, if it was killed from here ... */
    bool condemned;         /* ... which it was */
    int64_t start_ns;       /* pid 0: when it is to be started again */
    int64_t stopped_ns;     /* since when it is stopped; 0: it is not */
    double delay_s;         /* before it is started again the next time */
    uint32_t in_row;        /* restarts since something was done */
    uint64_t done;          /* by its slot, when it was started */
    int64_t window_ns;      /* floods: since when attempts are counted ... */
    uint64_t window_done;   /* ... how many there were ... */
    uint64_t window_placed; /* ... and what they had placed */
};

struct lmdb_gate;
struct live_thread;

struct live {
    const struct run_config *config;
    const struct live_options *options;
    const struct live_segment *segments;
    struct metrics *metrics;
    struct store *store; /* open before the others start, and after they have ended */
    char *directory;     /* of the cell */
    int directory_fd;
    struct runlog_mark mark; /* of this process's segment */
    struct lmdb_gate *gate;  /* who writes to it */
    int32_t stranger;        /* a writer that is none of this run's and has been named */
    struct live_prefilled prefilled;
    struct live_shared *shared;
    size_t shared_bytes;
    uint8_t *rooms; /* of all processes, in shared memory */
    struct live_child *children;
    struct live_thread *threads;    /* instead of children; NULL: none were started */
    struct live_restarts *restarts; /* of each: the caller's */
    uint32_t count;                 /* of processes, without this one */
};

/* Tells whoever started the run. */
void live_tell(const struct live *live, const char *text);

/* Writes the name of a process to its live->restarts. */
void live_name(struct live *live, uint32_t number);
/* Fills in a process that is to be started, but for what it opens; and what it has to do. */
void live_process_init(struct live *live, uint32_t number, struct live_process *process);
live_work *live_work_of(uint32_t number);

/* Starts all processes, whose names go to live->restarts. */
int live_start_all(struct live *live, omega_error_t *err);

/* Looks at all processes: *left counts those that have not ended in order. One that ended otherwise
 * is told of and, if `again`, started anew when its delay is over; one that hangs, floods or blocks
 * the cell is killed. An error ends the run: a process was started too often. */
int live_look(struct live *live, bool again, uint32_t *left, omega_error_t *err);

/* Kills those that hang, flood or block the cell: their ends say so. */
void live_condemn(struct live *live, int64_t now_ns);

/* Ends all that still run: asks, waits, and names and kills who does not answer. */
int live_end_all(struct live *live, omega_error_t *err);

/* ---- live_threads.c: the same with threads of this process, and one store for all ---- */

int live_threads_start(struct live *live, omega_error_t *err);
/* *left counts those that run. An error, of the first that failed, ends the run. */
int live_threads_look(struct live *live, uint32_t *left, omega_error_t *err);
/* Asks all to stop, waits until they have, and closes the store. */
int live_threads_end(struct live *live, omega_error_t *err);

#endif
