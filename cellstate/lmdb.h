/* SPDX-License-Identifier: MIT */
/*
 * The lmdb store: a cell in a directory, transactional, shared by any number of processes.
 *
 * lmdb_create() makes a cell, lmdb_open() opens it behind the store interface (cellstate/store.h);
 * the rest of this header is what only a cell on disk has: modes, the writer, jobs and instances to
 * list, dumps to restore, recovery. Each change is one LMDB write transaction of a few microseconds
 * taken by whoever makes it; no view holds a read transaction while its scheduler plans.
 *
 * Threads: a store belongs to one thread at a time, unless it was opened with `group`; then
 * commits, releases, submissions and views of several threads may run side by side, each view by
 * one thread at a time. Processes: every process opens the cell for itself, after fork(), and once:
 * a second store on the same cell in one process is refused, and one that was opened before a
 * fork() answers OMEGA_EINVAL in the child.
 *
 * Durability: what was acknowledged survives the death of any process in every mode, and the loss
 * of power in mode `power`. A cell in another mode that was last used before the machine was
 * started anew is refused until lmdb_recover() has proved it.
 */
#ifndef OMEGA_CELLSTATE_LMDB_H
#define OMEGA_CELLSTATE_LMDB_H

#include "cellstate/store.h"

#define LMDB_SCHEMA 4u /* of the tables and records; no other one is read */
#define LMDB_MAP_BYTES (UINT64_C(16) << 30)
#define LMDB_LOG_CHANGES 16384u

enum lmdb_mode {
    LMDB_PWRITE = 0, /* written by system calls, not synced: the default */
    LMDB_FAST = 1,   /* through a writable map, not synced: several times quicker, and a stray
                        pointer in a module can write the cell */
    LMDB_POWER = 2,  /* synced before it is acknowledged */
};

/* "pwrite", "fast", "power"; NULL for an unknown mode. */
const char *lmdb_mode_name(enum lmdb_mode mode);
/* The mode of a name; false if there is none. */
bool lmdb_mode_of(const char *name, enum lmdb_mode *mode);

/* What is fixed when a cell is made. All 0: the defaults. */
struct lmdb_options {
    enum lmdb_mode mode;
    uint64_t map_bytes;   /* largest size of the cell, a sparse reservation; 0: LMDB_MAP_BYTES */
    uint32_t log_changes; /* the change log holds so many of the newest; 0: LMDB_LOG_CHANGES */
    bool keep_jobs;       /* jobs that are over stay in the table */
};

/* Who is writing: from the record that all processes of a cell map. */
struct lmdb_writer {
    int32_t pid;
    uint16_t instance; /* OMEGA_INSTANCE_NONE: no scheduler instance */
    int64_t since_us;  /* how long it has been writing, to within a tick of the clock (4 ms) */
    char module[48];   /* as given in struct lmdb_use */
};

/* How one process uses a cell. All 0: alone in its thread, nothing told. */
struct lmdb_use {
    const char *module; /* names this process to others while it writes; NULL: "" */
    bool read_only;     /* opens without changing anything; every change is OMEGA_EINVAL */
    bool group; /* several threads use the store, and their changes are committed together */
    /* The configuration that the cell was created with, which is compared with what it holds, and
     * whose catalogue and machines are then used (it outlives the store). NULL: the store reads
     * them into a catalogue of its own. */
    const struct store_config *config;
    /* Called while a change waits for another process that has been writing for a second, and again
     * every second, or NULL. Must not use the store. */
    void (*blocked)(void *context, const struct lmdb_writer *writer);
    void *context;
};

/*
 * Makes a cell at version 0 in the directory `path`, which must not exist or be empty. On failure
 * nothing is left of it. OMEGA_EINVAL (there is something already, or machines that cannot be),
 * OMEGA_EIO, OMEGA_ENOMEM.
 */
int lmdb_create(const char *path, const struct store_config *config,
                const struct lmdb_options *options, omega_error_t *err);

/*
 * Opens a cell; `use` may be NULL. Readers that died are cleared. OMEGA_EINVAL: not a cell, open in
 * this process already, or another use.config than it was created with; OMEGA_EVERSION: of a newer
 * omega; OMEGA_ECORRUPT: a damaged record, or last used before this machine was started anew;
 * OMEGA_EIO; OMEGA_ENOMEM. Messages name the directory.
 */
int lmdb_open(const char *path, const struct lmdb_use *use, struct store **store,
              omega_error_t *err);

/* Removes a cell: the files that lmdb_create() makes, and the directory if it is empty then.
 * OMEGA_EINVAL if `path` is no cell. The caller sees to it that nobody uses it. */
int lmdb_remove(const char *path, omega_error_t *err);

/*
 * Proves a cell that lmdb_open() refuses because it was last used in another boot: reads every
 * record, checks all invariants, and if they hold marks the cell as good; *report says what was
 * found. A cell whose pages are damaged can end the process by a signal while it is read: call it
 * in a process of its own, while nobody uses it: a lost file `writer` is made anew. Errors as of
 * lmdb_open(); one that needs no recovery is checked likewise.
 */
int lmdb_recover(const char *path, struct store_report *report, omega_error_t *err);

/* ---- only for stores opened by lmdb_open() ---- */

/* What the cell is: fixed since it was made. */
struct lmdb_info {
    char identity[33]; /* 32 hexadecimal digits, drawn when the cell was made */
    enum lmdb_mode mode;
    uint64_t map_bytes;
    uint64_t used_bytes; /* of the map, by the newest version */
    uint32_t log_changes;
    bool keep_jobs;
    bool release_raises_seq;
    struct omega_overcommit overcommit;
    uint32_t readers;       /* reader slots in use */
    uint64_t oldest_reader; /* how many LMDB transactions the oldest reader is behind; 0: none */
    uint64_t log_first;     /* oldest version in the change log; 0: it is empty */
};

/* Describes the cell now. */
int lmdb_info(struct store *store, struct lmdb_info *info, omega_error_t *err);

/* The machines, owned by the store; names are symbols of store->catalogue. */
const struct omega_machine_spec *lmdb_machines(const struct store *store);

/* The catalogue of a store opened without use.config, for those who read more names into it (such
 * as constraints of jobs to submit). NULL if the catalogue is the configuration's. */
struct catalogue *lmdb_catalogue(struct store *store);

/* From now on store_machine(), store_placements(), store_counters(), store_totals() and the lists
 * below show this thread one version of the cell, whatever others change, until as many calls of
 * lmdb_let_go(); views go on. One store is held in a thread at a time, and not for long: the cell's
 * file grows meanwhile. store_check() holds by itself. */
int lmdb_hold(struct store *store, omega_error_t *err);
void lmdb_let_go(struct store *store);

/* One transaction among several that are committed together. */
struct lmdb_commit {
    const struct omega_transaction *txn;
    struct omega_claim_result *results; /* room for txn->claim_count */
    struct omega_result result;
    int code;          /* 0, or why this one was not decided: enum omega_err */
    omega_error_t err; /* its text */
};

/*
 * Commits several transactions, in order, each decided against what the ones before it left: one
 * LMDB transaction and one sync for up to LMDB_BATCH_MAX of them. Returns 0 if all were decided, or
 * the first code that is not 0; if LMDB itself fails (disk full, ...) none of a batch is kept, and
 * all of it carry that code.
 */
#define LMDB_BATCH_MAX 256u
int lmdb_commit_all(struct store *store, struct lmdb_commit *commits, uint32_t count,
                    omega_error_t *err);

/*
 * Announces a scheduler instance: *incarnation is one more than it ever was. A transaction with an
 * incarnation above 0 has an identity (instance, incarnation, job, attempt), and the store keeps
 * the last result of each instance: the same transaction again gets that result and changes
 * nothing, one of an earlier incarnation or an earlier attempt at the same job is
 * OMEGA_ESUPERSEDED. One that installed nothing left no trace, and is decided anew; so is an older
 * one at another job, since an instance has one transaction outstanding and sends no older ones.
 * Joining is not needed before the first transaction; incarnation 0: no identity, nothing kept.
 */
int lmdb_join(struct store *store, uint16_t instance, const char *module, uint32_t *incarnation,
              omega_error_t *err);

/* What the cell knows of a scheduler instance. */
struct lmdb_instance {
    uint16_t instance;
    uint32_t incarnation;
    const char *module; /* valid during the call */
    uint64_t job;       /* of its last transaction that installed something; 0: none */
    uint32_t attempt;
    struct omega_result result;
};

/* As store_submit(), to a scheduler instance: the jobs table is its queue, where it finds the job
 * by lmdb_queue(). */
int lmdb_submit_to(struct store *store, const struct omega_job *job, uint16_t instance,
                   omega_error_t *err);

/* Tells how long all tasks of an elastic job that has started run, from their commit on: 0, as
 * submitted. Above LMDB_DURATION_MAX it counts as that. Not a change. 1: the job is not in the
 * table any more; OMEGA_EINVAL: it has not started. */
#define LMDB_DURATION_MAX ((INT64_C(1) << 48) - 3) /* some nine years */
int lmdb_tell_duration(struct store *store, uint64_t job, int64_t duration_us, omega_error_t *err);

/* What became of a job's tasks so far. */
struct lmdb_job {
    const struct omega_job *job; /* user and constraints are symbols and sets of lmdb_catalogue(), 0
                                    where that is NULL; valid during the call */
    const char *user;            /* "" = unknown */
    const char *const *constraints; /* text per group */
    uint32_t submitted;             /* = pending + running + finished + failed + abandoned */
    uint32_t pending;
    uint32_t running;
    uint32_t finished;
    uint32_t failed;
    uint32_t abandoned;
    bool started;      /* elastic: its one commit held */
    bool told;         /* started: lmdb_tell_duration() has told how long all its tasks run ... */
    int64_t given_us;  /* ... 0: as submitted */
    bool given_up;     /* abandoned: what is unplaced stays so */
    bool over;         /* kept by keep_jobs only */
    uint16_t instance; /* that placed something last, else the one that the job was submitted to;
                          OMEGA_INSTANCE_NONE: neither */
    uint32_t attempt;  /* of that transaction; 0: nothing was placed yet */
    /* Per slot: 1 = runs, has ended, or was lost after the job was given up. */
    const uint8_t *placed;
    const bool *different; /* per group: asks for different machines; NULL if none does */
    /* Per slot of these groups: where it runs, or UINT32_MAX, as for all slots of the others; NULL
     * if there are none. */
    const uint32_t *machine_of;
};

/* One change of the log. */
struct lmdb_change {
    uint64_t version;
    uint8_t kind;   /* enum record_change_kind (cellstate/lmdb_records.h) */
    uint8_t detail; /* of a commit: enum omega_band; of a release: enum store_release_reason; of a
                       machine event: its kind */
    uint16_t instance;
    uint32_t incarnation;
    uint32_t attempt;
    uint64_t job;
    uint32_t machines;                  /* whose records changed */
    uint32_t items;                     /* placements made or ended */
    const struct record_change *record; /* for lmdb_change_placement(); valid during the call */
};

/* One of the placements that a change made or ended, by rising position: its id, and its task. */
struct lmdb_change_placement {
    uint64_t id;
    uint32_t task;
};
void lmdb_change_placement(const struct lmdb_change *change, uint32_t index,
                           struct lmdb_change_placement *placement);

/* Call `each` for every job by rising id, every instance by rising id, every change that the log
 * still holds from version `from` on; each stops early when `each` returns other than 0 and returns
 * that. A damaged record is OMEGA_ECORRUPT and names table and key. */
int lmdb_jobs(struct store *store, int (*each)(void *context, const struct lmdb_job *job),
              void *context, omega_error_t *err);
/* The same for jobs from an id on, in the order in which they were submitted if ids rise. */
int lmdb_jobs_from(struct store *store, uint64_t first,
                   int (*each)(void *context, const struct lmdb_job *job), void *context,
                   omega_error_t *err);
/* The queue of a scheduler instance: of the jobs from id *next on, those that are its own, have
 * tasks to place and were not given up. *next then lies behind all that were looked at, the one
 * where `each` stopped included, so that the next call finds new ones only. */
int lmdb_queue(struct store *store, uint16_t instance, uint64_t *next,
               int (*each)(void *context, const struct lmdb_job *job), void *context,
               omega_error_t *err);
int lmdb_instances(struct store *store,
                   int (*each)(void *context, const struct lmdb_instance *instance), void *context,
                   omega_error_t *err);
int lmdb_changes(struct store *store, uint64_t from,
                 int (*each)(void *context, const struct lmdb_change *change), void *context,
                 omega_error_t *err);
/* One job; 1 if it is not in the table. */
int lmdb_find_job(struct store *store, uint64_t id,
                  int (*each)(void *context, const struct lmdb_job *job), void *context,
                  omega_error_t *err);

/* A job of the table in the numbers of a catalogue, for free(): NULL without memory, or where a
 * constraint is none of the catalogue's. A user that it does not know is 0. */
struct omega_job *lmdb_job_translate(const struct lmdb_job *job, const struct catalogue *catalogue);

/*
 * For who makes one attempt after the other, between two of them: gives way to others on this CPU
 * if this thread has gone on for a millisecond since it last did; not if who wrote last comes back
 * at once each time, since such writers had better stay. Nothing is held here and no plan grows
 * old, while the kernel would take the CPU in the middle of a change as likely as not. *since_us,
 * since when the thread has gone on (us of the monotonic clock), is its own; 0: from now on, as
 * behind a wait. Any thread, also without `group`; cannot fail.
 */
void lmdb_give_way(struct store *store, int64_t *since_us);

/* Who is writing at this moment; false: nobody. */
bool lmdb_writer_now(struct store *store, struct lmdb_writer *writer);

/* ---- restoring a dump into a cell that lmdb_create() has just made ---- */

/* Restoring writes records as they were, ids and versions included, and nothing can be seen of it
 * before lmdb_restore_commit(), which proves the cell (A, B, I) first. */
struct lmdb_restore;

/* Opens the cell at `path` for restoring: OMEGA_EINVAL unless it is at version 0, without jobs. */
int lmdb_restore_open(const char *path, struct lmdb_restore **restore, omega_error_t *err);
/* A machine as it was, with what its placements use. */
int lmdb_restore_machine(struct lmdb_restore *restore, const struct omega_machine *machine,
                         omega_error_t *err);
/* A placement that ran. */
int lmdb_restore_placement(struct lmdb_restore *restore, const struct store_placement *placement,
                           omega_error_t *err);
/* A job and what became of it; job->constraints texts are taken from `constraints`. */
int lmdb_restore_job(struct lmdb_restore *restore, const struct lmdb_job *job, omega_error_t *err);
/* A scheduler instance's incarnation; its last result is not restored. */
int lmdb_restore_instance(struct lmdb_restore *restore, uint16_t instance, uint32_t incarnation,
                          const char *module, omega_error_t *err);
/* Proves what was restored against the counters and makes it the cell. Frees `restore`, also on
 * failure; the cell is then as lmdb_create() made it. */
int lmdb_restore_commit(struct lmdb_restore *restore, const struct store_counters *counters,
                        omega_error_t *err);
/* Drops what was restored; NULL is allowed. */
void lmdb_restore_abort(struct lmdb_restore *restore);

#endif
