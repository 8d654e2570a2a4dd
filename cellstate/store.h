/* SPDX-License-Identifier: MIT */
/*
 * The cell state behind one interface: machines, placements and jobs, changed by transactions,
 * releases and machine events, each change with one version. Backends: memory (arrays, one thread,
 * what the simulator uses) and lmdb (a directory, shared by processes: cellstate/lmdb.h). All obey
 * the same rules (cellstate/rules.h, cellstate/jobs.h) and pass one suite.
 *
 * Invariants, cited by letter in tests, assertions and messages (see cellstate/README.md):
 *  A  no commit makes a machine exceed its limit, per dimension and per GPU device
 *  B  what a machine has used equals the sum of its placements, per band and device
 *  C  a commit is atomic and isolated, and installs exactly what its granularity says
 *  D  one rule decides conflicts
 *  E  every change has one version; a view at v plus the changes since v is the newest state
 *  I  submitted = pending + running + finished + abandoned + failed, in tasks
 *
 * Functions return 0 or a negative enum omega_err and fill `err`. A conflict is a result.
 */
#ifndef OMEGA_CELLSTATE_STORE_H
#define OMEGA_CELLSTATE_STORE_H

#include "cellstate/view.h"
#include "core/base/cache.h"
#include "core/base/error.h"
#include "core/model/catalogue.h"
#include "core/model/claim.h"

/* How a cell is set up. */
struct store_config {
    const struct catalogue *catalogue;         /* outlives the store */
    const struct omega_machine_spec *machines; /* outlive it, too, and do not change */
    uint32_t machine_count;
    struct omega_overcommit overcommit;
    bool release_raises_seq; /* off: a release does not move the sequence */
    uint32_t compat; /* enum compat_rule, or-ed (cellstate/compat.h); 0: none. In memory only */
};

/* Tasks by what became of them (invariant I), and where the cell stands. */
struct store_counters {
    uint64_t version; /* of the newest change; 0 = as loaded */
    uint64_t tasks_submitted;
    uint64_t tasks_pending;
    uint64_t tasks_running;
    uint64_t tasks_finished;
    uint64_t tasks_abandoned;
    uint64_t tasks_failed;
    uint64_t losses; /* events, not tasks: a lost task returns to its job or fails; those of job 0
                        too */
    uint64_t jobs;   /* in the table: submitted and not yet finished, abandoned or failed in all
                        their tasks */
};

/* Room and use of the whole cell, over machines that are up or draining. Sums of int32. */
struct store_totals {
    int64_t cpu_used_milli;
    int64_t mem_used_mib;
    int64_t gpu_used_milli;
    int64_t cpu_capacity_milli; /* capacity, not limit */
    int64_t mem_capacity_mib;
    int64_t gpu_capacity_milli;
};

/* One accepted claim that still runs. */
struct store_placement {
    uint64_t id;
    uint64_t job;
    uint32_t task;
    uint32_t machine;
    struct omega_request request;
    uint16_t instance; /* OMEGA_INSTANCE_NONE: initial state */
    uint8_t devices;
    uint8_t band;
};

/* Where in memory a store keeps something, and where it looks that up: for hints; 0 is nowhere.
 * Only the store knows what is there, or whether it still is. */
struct store_place {
    uintptr_t at;
    uintptr_t entry;
};

#define STORE_JOB_BYTES 128u        /* of a job that may be looked at */
#define STORE_PLACEMENTS_BYTES 256u /* of placements: the processor sees how it goes on */

/* What placements take of a machine. */
struct store_use {
    int32_t cpu_milli;
    int32_t mem_mib;
    uint32_t placements;
};

/* Why placements are released. */
enum store_release_reason {
    STORE_FINISHED = 0,
    STORE_FAILED = 1, /* does not run again */
};

/* What a release, or a removal's loss, did with one placement. */
struct store_release_result {
    uint64_t placement;
    uint64_t job;
    uint32_t task;
    uint32_t machine;
    uint8_t devices;
    uint8_t released; /* 0: not_running, and nothing changed */
    uint16_t instance;
    uint32_t reserved;
};

/* What becomes of the tasks of a machine that is removed. */
enum store_loss_policy {
    STORE_LOST_RETURN = 0, /* they become pending again */
    STORE_LOST_FAIL = 1,
    /* in both cases those of an abandoned job are abandoned, those of job 0 gone */
};

struct store;

/* A view of the store: what modules see (`shown`) and what the host needs to keep it. */
enum store_view_mode {
    STORE_VIEW_LIVE = 0,    /* the store's own arrays: always newest, no copy. Memory store only;
                               whoever claims on it must take all claims back before any change */
    STORE_VIEW_PRIVATE = 1, /* a copy, moved forward by store_view_refresh() */
};
struct store_view; /* see cellstate/store_view.h */
struct store_report;

struct store_ops {
    const char *name;
    bool live_views;  /* view_open() takes STORE_VIEW_LIVE */
    bool takes_short; /* commit() takes transactions in short */
    int (*submit)(struct store *store, const struct omega_job *job, omega_error_t *err);
    int (*commit)(struct store *store, const struct omega_transaction *txn,
                  struct omega_claim_result *results, struct omega_result *result,
                  omega_error_t *err);
    int (*release)(struct store *store, const uint64_t *placements, uint32_t count,
                   enum store_release_reason reason, struct store_release_result *results,
                   uint64_t *version, omega_error_t *err);
    /* NULL where the store has none: see store_release_run() */
    int (*release_run)(struct store *store, uint64_t first, uint32_t count,
                       enum store_release_reason reason, struct store_release_result *results,
                       uint32_t *ended, uint64_t *version, omega_error_t *err);
    int (*machine_event)(struct store *store, const struct omega_machine_event *event,
                         enum store_loss_policy policy, const struct store_release_result **lost,
                         uint32_t *lost_count, uint64_t *version, omega_error_t *err);
    int (*abandon)(struct store *store, uint64_t job, uint32_t *tasks, uint64_t *version,
                   omega_error_t *err);
    int (*preload)(struct store *store, struct store_placement *placements, uint32_t count,
                   uint64_t *version, omega_error_t *err);
    int (*view_open)(struct store *store, enum store_view_mode mode, struct store_view **view,
                     omega_error_t *err);
    int (*view_refresh)(struct store *store, struct store_view *view, omega_error_t *err);
    int (*view_absorb)(struct store *store, struct store_view *view, const uint32_t *machines,
                       uint32_t count, omega_error_t *err);
    void (*view_close)(struct store_view *view);
    int (*machine)(struct store *store, uint32_t index, struct omega_machine *out,
                   omega_error_t *err);
    /* NULL, or the same without CPU and memory by band, of a store that does not keep them, but
     * adds up for machine() what runs; its last placers may be out of date. What a machine uses in
     * all is what the store keeps of it. For store_check() alone, which asks for machines that are
     * there. The store's, valid until its next call. */
    const struct omega_machine *(*kept)(struct store *store, uint32_t index);
    /* NULL, or, for store_check() alone, of how many machines from one on, none or more, but all
     * before `end`, two things hold: they were made alike, and up, which *made says then, and
     * nothing has happened to them since but that something without devices was placed or ended
     * there. Their limits in live views are proven by that; room and stamp are not. */
    uint32_t (*untouched)(struct store *store, uint32_t first, uint32_t end,
                          struct omega_machine *made);
    int (*placements)(struct store *store,
                      int (*each)(void *context, const struct store_placement *placement),
                      void *context, omega_error_t *err);
    /* NULL, or the same for store_check() alone: placements that are alike but for task and
     * machine, with ids one behind the other, may come in one call of `run`: the first one, and the
     * machines of all; their tasks are not told. */
    int (*placements_in_runs)(struct store *store,
                              int (*each)(void *context, const struct store_placement *placement),
                              int (*run)(void *context, const struct store_placement *first,
                                         const uint32_t *machines, uint32_t count),
                              void *context, omega_error_t *err);
    void (*counters)(struct store *store, struct store_counters *out);
    void (*totals)(struct store *store, struct store_totals *out);
    /* For store_check(), or NULL: hold() makes all reading show one version until let_go(); check()
     * proves what only this backend has, such as E over its change log. */
    int (*hold)(struct store *store, omega_error_t *err);
    void (*let_go)(struct store *store);
    int (*check)(struct store *store, struct store_report *report, omega_error_t *err);
    /* For store_job_place() and store_placements_place(), or NULL. */
    struct store_place (*job_place)(struct store *store, uint64_t job);
    struct store_place (*placements_place)(struct store *store, uint64_t version);
    void (*close)(struct store *store);
};

/* Every store begins with this. */
struct store {
    const struct store_ops *ops;
    const struct catalogue *catalogue;
    uint32_t machine_count;
    bool release_raises_seq; /* as in its configuration */
};

/* Opens a cell in memory, at version 0, with all machines as their specs say. */
int store_open_memory(const struct store_config *config, struct store **store, omega_error_t *err);

/* Closes a store and everything in it but its views; NULL is allowed. */
static inline void store_close(struct store *store)
{
    if (store != NULL) {
        store->ops->close(store);
    }
}

/* True if the store takes transactions in short (struct omega_transaction). */
static inline bool store_takes_short(const struct store *store)
{
    return store->ops->takes_short;
}

/* Puts a job into the table, all required tasks pending. The job is copied as far as it is needed.
 * OMEGA_EINVAL if the id is 0 or in the table, the job is not sealed (omega_job_seal()) or a
 * constraint set is not in the catalogue. Gets no version. */
static inline int store_submit(struct store *store, const struct omega_job *job, omega_error_t *err)
{
    return store->ops->submit(store, job, err);
}

/*
 * Commits a transaction: decides it, then applies what holds (invariant C). `results` has room for
 * txn->claim_count; of a brief transaction (omega_transaction.brief) results may stay as they were.
 * Claims of tasks that are or were placed (and not lost since) are refused as already_placed; a
 * second task of a different_machines group on one machine as constraint: one whose group has a
 * placement there that runs, or an earlier claim in this transaction, whatever becomes of that one.
 * A job with optional tasks commits once: only AT_LEAST is taken, with every group's minimum its
 * count of required tasks. If it holds, the job has started; required tasks that were refused while
 * optional ones took their place are not asked for any more: in I such a group counts the larger
 * of its required and its accepted tasks as submitted. Its tasks that are lost have failed,
 * whatever the loss policy.
 * OMEGA_EINVAL, and nothing changes, for what no scheduler may send: no instance, another
 * precedence than the job's, an unknown detection or granularity, an unknown, abandoned or
 * started job, a task, group or machine that does not exist, a request other than its group's, a
 * device mask that does not fit the request, one task twice, no claim or more than
 * OMEGA_CLAIMS_MAX, a gang that leaves out an unplaced required task, fewer claims of a group than
 * AT_LEAST asks for. OMEGA_ENOMEM likewise changes nothing.
 */
static inline int store_commit(struct store *store, const struct omega_transaction *txn,
                               struct omega_claim_result *results, struct omega_result *result,
                               omega_error_t *err)
{
    return store->ops->commit(store, txn, results, result, err);
}

/* Ends placements by id, as one change. An id that no longer runs is answered released = 0 and
 * changes nothing; if none runs there is no new version. `results` has room for `count`; *version
 * is the change's, or the current one. */
static inline int store_release(struct store *store, const uint64_t *placements, uint32_t count,
                                enum store_release_reason reason,
                                struct store_release_result *results, uint64_t *version,
                                omega_error_t *err)
{
    return store->ops->release(store, placements, count, reason, results, version, err);
}

/* True if the store has store_release_run(). */
static inline bool store_releases_runs(const struct store *store)
{
    return store->ops->release_run != NULL;
}

/* As store_release(), for `count` placements with ids one behind the other, from `first` on.
 * *ended says how many have ended; where nobody wants to know more, `results` is NULL. */
static inline int store_release_run(struct store *store, uint64_t first, uint32_t count,
                                    enum store_release_reason reason,
                                    struct store_release_result *results, uint32_t *ended,
                                    uint64_t *version, omega_error_t *err)
{
    return store->ops->release_run(store, first, count, reason, results, ended, version, err);
}

/* Where the store keeps a job, and the placements of a version: to be kept by whoever knows that
 * commits or ends will come, since looking it up then would be waiting for memory, too. */
static inline struct store_place store_job_place(struct store *store, uint64_t job)
{
    return store->ops->job_place == NULL ? (struct store_place){0, 0}
                                         : store->ops->job_place(store, job);
}

static inline struct store_place store_placements_place(struct store *store, uint64_t version)
{
    return store->ops->placements_place == NULL ? (struct store_place){0, 0}
                                                : store->ops->placements_place(store, version);
}

/* Hints: soon something of the job will be committed or ends; placements end. They ask for what the
 * store will look at then, change nothing and cannot fail, however old the place is. */
CACHE_ASKS store_expect_job(struct store_place place)
{
    if (place.at != 0) {
        cache_ask((const void *)place.entry, 1);
        cache_ask((const void *)place.at, STORE_JOB_BYTES);
    }
}

CACHE_ASKS store_expect_placements(struct store_place place)
{
    if (place.at != 0) {
        cache_ask((const void *)place.entry, 1);
        cache_ask((const void *)place.at, STORE_PLACEMENTS_BYTES);
    }
}

/* Applies a machine event as one change. A removal's lost placements come back in *lost, by rising
 * id, owned by the store and valid until its next call. OMEGA_EINVAL if the event makes no sense in
 * the machine's state, and nothing changes. */
static inline int store_machine_event(struct store *store, const struct omega_machine_event *event,
                                      enum store_loss_policy policy,
                                      const struct store_release_result **lost,
                                      uint32_t *lost_count, uint64_t *version, omega_error_t *err)
{
    return store->ops->machine_event(store, event, policy, lost, lost_count, version, err);
}

/* Gives a job's pending tasks up; those placed keep running. *tasks says how many. It is no change,
 * and has no version: *version (unless NULL) is that of the change which it followed. OMEGA_EINVAL
 * for a job that is not in the table or abandoned already. */
static inline int store_abandon(struct store *store, uint64_t job, uint32_t *tasks,
                                uint64_t *version, omega_error_t *err)
{
    uint64_t followed = 0;
    return store->ops->abandon(store, job, tasks, version == NULL ? &followed : version, err);
}

/* Adds placements of the initial state as one change, 1 to OMEGA_CLAIMS_MAX at a time: fills in
 * their ids; instance becomes OMEGA_INSTANCE_NONE, and job 0 belongs to no job and is counted
 * nowhere in I. They may leave a machine above its limit, and may be released like others.
 * OMEGA_EINVAL, and nothing changes, for a machine that is unknown or not up, a job other than 0, a
 * device mask that does not fit the request, several bands, or use that would overflow a record. */
static inline int store_preload(struct store *store, struct store_placement *placements,
                                uint32_t count, uint64_t *version, omega_error_t *err)
{
    return store->ops->preload(store, placements, count, version, err);
}

/* Opens a view at the newest version. OMEGA_EINVAL where the store has no live views. */
static inline int store_view_open(struct store *store, enum store_view_mode mode,
                                  struct store_view **view, omega_error_t *err)
{
    return store->ops->view_open(store, mode, view, err);
}

/* Moves a view to the newest version: by the change feed, or by a full copy where the feed does not
 * reach back far enough. All claims made on the view must have been taken back. */
static inline int store_view_refresh(struct store *store, struct store_view *view,
                                     omega_error_t *err)
{
    return store->ops->view_refresh(store, view, err);
}

/* Shows a private view the newest state of these machines only, as the answer to a commit does;
 * the view's version stays. Does nothing on a live view. */
static inline int store_view_absorb(struct store *store, struct store_view *view,
                                    const uint32_t *machines, uint32_t count, omega_error_t *err)
{
    return store->ops->view_absorb(store, view, machines, count, err);
}

/* NULL is allowed. Before store_close(). */
void store_view_close(struct store *store, struct store_view *view);

/* Copies one machine's record. OMEGA_EINVAL for an unknown index. */
static inline int store_machine(struct store *store, uint32_t index, struct omega_machine *out,
                                omega_error_t *err)
{
    return store->ops->machine(store, index, out, err);
}

/* Calls `each` for every placement that runs, by rising id; stops early when it returns other than
 * 0 and returns that. */
static inline int store_placements(struct store *store,
                                   int (*each)(void *context,
                                               const struct store_placement *placement),
                                   void *context, omega_error_t *err)
{
    return store->ops->placements(store, each, context, err);
}

/* Where the cell stands: versions, and tasks by what became of them. */
static inline void store_counters(struct store *store, struct store_counters *out)
{
    store->ops->counters(store, out);
}

/* Room and use of the whole cell. O(1). */
static inline void store_totals(struct store *store, struct store_totals *out)
{
    store->ops->totals(store, out);
}

/* What store_check() found. */
struct store_report {
    uint64_t machines;
    uint64_t placements;
    uint64_t violations;  /* 0 = the cell is sound */
    uint64_t above_limit; /* machines above their limit by preload or machine event: allowed */
    char first[256];      /* the first violation, with its letter; "" if there is none */
};

/* Proves A, B and I of a store from its machines and placements (cellstate/check.c), E of the
 * memory store, and what other backends prove besides (E, where there is a change log). The memory
 * store must be quiet; others are looked at as of one version. A violation is reported, not an
 * error. OMEGA_ENOMEM; OMEGA_ECORRUPT for a damaged record, and what reading can fail with. */
int store_check(struct store *store, struct store_report *report, omega_error_t *err);

/* The same, and proves that every array of a live view, as this one has to be, shows what the
 * records say, so that no module has written to it (letter B). */
int store_check_view(struct store *store, const struct store_view *view,
                     struct store_report *report, omega_error_t *err);

/* Counts a violation, and keeps the text of the first: for the check() of a backend. The text
 * begins with the letter of the invariant. */
void store_violated(struct store_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
