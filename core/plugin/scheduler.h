/* SPDX-License-Identifier: MIT */
/*
 * THE plug-in header: all that a scheduler module includes.
 *
 * A module is a shared object that exports one symbol, `omega_scheduler_entry`: a constant
 * `struct omega_scheduler`. It links to nothing, keeps all its memory in the state that the
 * framework allocates for each instance, and sees neither store nor clock nor other schedulers.
 *
 * The life of a job, with every callback in order:
 *
 *     state = zeroed memory of scheduler.state_size       once per instance
 *     write the options into state                        defaults, then the experiment's values
 *     init(state, host)
 *     for each attempt of each job in this instance's queue:
 *         view = newest cell state (or what the sync policy allows)
 *         place(state, pending, view, txn)                claims tasks on machines
 *         ... decision time passes, rivals commit ...
 *         commit the claims; conflicts come back as pending->last_results of the next attempt
 *         if the job has optional tasks and enough were accepted:
 *             duration = started(state, job, accepted)    once per job
 *         unplaced tasks left: the framework tries again by its retry policy
 *     fini(state)
 *
 * All callbacks of one instance run on one thread, one after the other, and hold no lock; they may
 * not block, start threads, read clocks or keep pointers they were given beyond the call. What they
 * do may depend on nothing but their arguments, their own state, host->random and host->seed: the
 * same experiment must give the same result everywhere.
 *
 * A module is C; C++17 and later can include this header too.
 */
#ifndef OMEGA_CORE_PLUGIN_SCHEDULER_H
#define OMEGA_CORE_PLUGIN_SCHEDULER_H

#include "cellstate/view.h"
#include "core/base/random.h"
#include "core/model/claim.h"
#include "core/model/mapreduce.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when a struct below changes in a way that old modules cannot bear. Fields are only ever
 * appended to struct omega_host within one ABI. */
#define OMEGA_SCHEDULER_ABI 7u

enum omega_log_level {
    OMEGA_LOG_ERROR = 0,
    OMEGA_LOG_WARNING = 1,
    OMEGA_LOG_INFO = 2,
    OMEGA_LOG_DEBUG = 3,
};

/* What the framework offers an instance. The same in the simulator and live. Owned by the host;
 * valid from init() to the end of fini(). */
struct omega_host {
    uint32_t size;               /* sizeof(struct omega_host) of the running omega */
    uint32_t instance;           /* number of this instance among those of its scheduler, from 0 */
    const char *scheduler;       /* the scheduler's name in the experiment */
    struct omega_random *random; /* this instance's own stream */
    uint32_t machine_count;      /* machines known at init; a view may show more later */
    uint32_t reserved;
    void *context; /* for the functions below; not for modules */

    /* A message for the person who runs the experiment. */
    void (*log)(const struct omega_host *host, enum omega_log_level level, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
    /* Adds to a counter that the results report as `counters.<name>`. `name` is a constant string
     * of 1 to 31 letters, digits and underscores; other names, and more than 64 of them, are
     * ignored with a warning. */
    void (*count)(const struct omega_host *host, const char *name, int64_t delta);
    /* Experiment time of the current attempt's start, microseconds. */
    int64_t (*now_us)(const struct omega_host *host);
    /* Ends the run: the module cannot go on (no memory, say). The error names module, job and
     * `reason`; the first one counts. Return from the callback afterwards. */
    void (*fail)(const struct omega_host *host, const char *reason);
    /* For a module that brings a generator of its own, where that of others is to be matched: made
     * of the experiment's seed, another one for each instance. */
    uint64_t seed;
};

/* What is left to place of a job. */
struct omega_pending_group {
    uint32_t required;     /* unplaced required tasks: the first `required` entries of `tasks` */
    uint32_t optional;     /* optional tasks that may be claimed: the entries behind them */
    const uint32_t *tasks; /* job-wide task indices */
};

struct omega_pending {
    const struct omega_job *job;
    const struct omega_pending_group *groups; /* job->group_count of them */
    uint32_t attempt;                         /* 1 for the first */
    uint32_t last_count;                      /* claims of the attempt before; 0 at the first */
    const struct omega_claim *last_claims;
    const struct omega_claim_result *last_results;
};

/* The open transaction of an attempt. Opaque; only the functions below touch it. */
struct omega_txn;

struct omega_txn_ops {
    int (*claim)(struct omega_txn *txn, uint32_t group, uint32_t task, uint32_t machine,
                 uint32_t devices);
    int (*unclaim)(struct omega_txn *txn, uint32_t task);
    uint32_t (*claims)(const struct omega_txn *txn);
};

/* How a txn begins; the rest is the host's. What stands behind `ops` is for the functions below
 * alone, which take plain claims down without a call to the host: they note the machine of the task
 * whose turn it is, and take the room on the view. The host believes no note before it has checked
 * it. */
struct omega_txn_head {
    const struct omega_txn_ops *ops;
    uint32_t group;        /* the one that notes are of */
    uint32_t turn_count;   /* so many tasks of it may be noted; 0: none */
    const uint32_t *turns; /* these, which rise: the first note is of the first one, and so on */
    uint32_t *notes;       /* a machine each; there is room for all turns */
    uint32_t note_count;
    uint32_t machine_count;
    const uint64_t *eligible;
    struct omega_entry *entry; /* of the view; their room only is taken */
    struct omega_room asked;   /* what a task of the group asks for */
};

#define OMEGA_TXN_DECLINED 1 /* not claimed, and no breach: try another machine */

/* True if a claim of this task may be noted: no GPU, no different machines, and it is its turn. */
static inline bool omega_txn_notes(const struct omega_txn *txn, uint32_t group, uint32_t task)
{
    const struct omega_txn_head *head = (const struct omega_txn_head *)(const void *)txn;
    return group == head->group && head->note_count < head->turn_count &&
           task == head->turns[head->note_count];
}

/* Notes a claim of the task whose turn it is, on a machine below machine_count, if the machine is
 * eligible and has room; false, and nothing has happened, if not. */
static inline bool omega_txn_note(struct omega_txn *txn, uint32_t machine)
{
    struct omega_txn_head *head = (struct omega_txn_head *)(void *)txn;
    if (!omega_eligible(head->eligible, machine) ||
        !omega_room_take(&head->entry[machine].room, head->asked)) {
        return false;
    }
    head->notes[head->note_count++] = machine;
    return true;
}

/*
 * Claims one unplaced task of `group` on a machine. The view shows the claim at once. GPU devices
 * are chosen by the framework: for a share, the device with the least free that still fits (lowest
 * number first); whole devices from the lowest number.
 * Returns 0, or a negative number if the claim breaks the contract: unknown group, task or machine,
 * task already placed or claimed, no room in the view, machine not eligible. Such a breach ends the
 * run with an error that names module and job, so look before you claim (omega_view_fits,
 * omega_eligible); the framework never takes a breach for a conflict. One kind is no breach and
 * only returns OMEGA_TXN_DECLINED: a second task of a `different_machines` group on one machine.
 */
static inline int omega_txn_claim(struct omega_txn *txn, uint32_t group, uint32_t task,
                                  uint32_t machine)
{
    const struct omega_txn_head *head = (const struct omega_txn_head *)(const void *)txn;
    if (omega_txn_notes(txn, group, task) && machine < head->machine_count &&
        omega_txn_note(txn, machine)) {
        return 0;
    }
    return head->ops->claim(txn, group, task, machine, 0);
}

/* The same with the GPU devices chosen by the module: a mask with as many bits as the request has
 * devices. */
static inline int omega_txn_claim_devices(struct omega_txn *txn, uint32_t group, uint32_t task,
                                          uint32_t machine, uint32_t devices)
{
    const struct omega_txn_head *head = (const struct omega_txn_head *)(const void *)txn;
    return head->ops->claim(txn, group, task, machine, devices);
}

/* Takes a claim of this attempt back; the view shows the room again. O(claims made since).
 * Returns 0, or a negative number (a breach) if the task is not claimed. */
static inline int omega_txn_unclaim(struct omega_txn *txn, uint32_t task)
{
    const struct omega_txn_head *head = (const struct omega_txn_head *)(const void *)txn;
    return head->ops->unclaim(txn, task);
}

/* Claims made so far in this attempt. */
static inline uint32_t omega_txn_claims(const struct omega_txn *txn)
{
    const struct omega_txn_head *head = (const struct omega_txn_head *)(const void *)txn;
    return head->ops->claims(txn);
}

/* Options: what an experiment may set in "options", written into the instance's state before
 * init(). The field at `offset` has the type that `type` names. */
enum omega_option_type {
    OMEGA_OPTION_INT = 0,    /* int64_t field */
    OMEGA_OPTION_REAL = 1,   /* double field */
    OMEGA_OPTION_BOOL = 2,   /* bool field */
    OMEGA_OPTION_CHOICE = 3, /* int field: index into `choices` */
};

struct omega_option {
    const char *name; /* letters, digits, underscores */
    const char *help; /* one line, with the unit */
    uint8_t type;     /* enum omega_option_type */
    size_t offset;    /* offsetof(struct your_state, field) */
    double value;     /* default; for CHOICE its index, for BOOL 0 or 1 */
    double min;       /* INT, REAL: smallest and largest value allowed */
    double max;
    const char *const *choices; /* CHOICE: names, NULL at the end */
};

struct omega_scheduler {
    uint32_t abi;        /* OMEGA_SCHEDULER_ABI */
    uint32_t size;       /* sizeof(struct omega_scheduler) */
    const char *name;    /* mandatory: how experiments and messages name the module */
    const char *summary; /* mandatory: one line for `omega schedulers` */
    size_t state_size;   /* bytes per instance; 0 = no state, and `state` is NULL */
    const struct omega_option *options; /* NULL if option_count is 0 */
    size_t option_count;

    /* Called once per instance, before its first job. The host stays valid until fini() has
     * returned; keep the pointer in the state. Returns 0, or a negative number to refuse: the run
     * ends with an error that names the module (use host->log for the reason). Absent: nothing. */
    int (*init)(void *state, const struct omega_host *host);

    /* Called once per instance at its end, also after a failed run, not after a failed init().
     * Frees what init() or place() allocated. Absent: nothing. */
    void (*fini)(void *state);

    /* Mandatory. Called once in every attempt: at its start, or at its end where the experiment
     * says "place": "end". Claims as many unplaced tasks as it wants
     * and can; claiming nothing is a no-fit attempt. `pending`, `view` and `txn` are the host's and
     * end with the call. */
    void (*place)(void *state, const struct omega_pending *pending, const struct omega_view *view,
                  struct omega_txn *txn);

    /* Called once for a job with optional tasks, when its commit accepted `accepted` tasks, at
     * least its required ones. Returns how long they all run, in microseconds from now: 1 to
     * OMEGA_DURATION_MAX, or OMEGA_NEVER. Anything else, and host->fail(), ends the run.
     * Absent: the durations of the job's groups hold. */
    int64_t (*started)(void *state, const struct omega_job *job, uint32_t accepted);

    /* True: the module never looks at the attempt before. pending->last_count is 0 then, and the
     * framework keeps nothing of that attempt: 80 bytes a claim of every job that waits. */
    bool ignores_last;
};

/* The one symbol of a module. */
extern const struct omega_scheduler omega_scheduler_entry;

#ifdef __cplusplus
}
#endif

#endif
