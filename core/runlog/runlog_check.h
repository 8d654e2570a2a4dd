/* SPDX-License-Identifier: MIT */
/*
 * Proving a run log: its records in order are played on a naive cell (naive.h), and everything that
 * they say is held against what that cell, its own rule and the pure rule (cellstate/rules.h) say.
 * What is proved, and what is not, stands in core/runlog/README.md.
 */
#ifndef OMEGA_CORE_RUNLOG_RUNLOG_CHECK_H
#define OMEGA_CORE_RUNLOG_RUNLOG_CHECK_H

#include "core/runlog/naive.h"

/* A job as the log tells of it. */
struct runlog_job {
    struct omega_job *job;
    uint8_t *placed; /* per slot: runs, or has ended; NULL once nothing of the job is left */
    uint32_t pending;
    uint32_t running;
    uint32_t finished;
    uint32_t failed;
    uint32_t abandoned;
    uint32_t attempts;          /* begun */
    uint32_t numbered;          /* number of the last one, and ... */
    uint32_t kept;              /* ... of the last one that placed something */
    uint16_t instance;          /* that made the last one */
    int64_t first_attempt_us;   /* -1: never */
    int64_t fully_scheduled_us; /* -1: never */
    int64_t queued_since_us;    /* when it was queued last */
    int64_t queued_us;          /* before each attempt that began, summed up */
    int64_t given_us;           /* elastic: how long it runs, by its module; 0: not said */
    bool elastic;
    bool started; /* elastic: has committed */
    bool given_up;
    bool attempted; /* an attempt goes on */
    bool delayed;   /* waits for a retry to come */
    /* kept by those who count figures */
    bool queued;            /* waits in a queue */
    uint32_t asked;         /* pending at the start of its last attempt */
    uint64_t taken;         /* claims taken by conflicts since it last had nothing pending */
    uint64_t task_attempts; /* pending at the start of each of its attempts, summed up */
    uint32_t conflicts;     /* claims in conflict, over all attempts */
    uint32_t accepted;      /* claims */
};

/* A scheduler instance, and the attempt that it is making. */
struct runlog_instance {
    uint32_t scheduler;
    uint32_t number; /* among its scheduler's */
    bool busy;
    uint32_t incarnation; /* the newest that is known */
    int64_t start_us;
    struct runlog_attempt attempt;
    /* versions at the ends of its transactions since its view was synced: what a claim may have
     * seen besides the view's own */
    uint64_t answers_synced;
    uint64_t *answers;
    uint32_t answer_count;
    uint32_t answer_room;
};

/* What a record did: for those who count. */
struct runlog_effect {
    struct runlog_job *job; /* SUBMISSION, attempts, ABANDONMENT, RETRY, the one of the attempt that
                               a RESTART has cut; or NULL */
    /* TRANSACTION: requests and precedence filled in, and an inquiry that has been answered */
    struct omega_transaction txn;
    struct omega_result result; /* TRANSACTION */
    int64_t start_us;           /* of the attempt that ended */
    bool fully_scheduled;       /* for the first time */
    /* RELEASE, MACHINE: as the store answers */
    const struct store_release_result *released;
    uint32_t released_count;
    uint32_t ended;                           /* of them, those that ran */
    const struct store_placement *placements; /* PRELOAD */
};

struct runlog_check;

/* The checker of the run that the opening describes, which outlives it. `violated` is told of each
 * violation: a text that begins with the letter of an invariant where it is about one. OMEGA_ENOMEM
 */
int runlog_check_create(const struct runlog_opening *opening,
                        void (*violated)(void *context, const char *text), void *context,
                        struct runlog_check **check, omega_error_t *err);
void runlog_check_destroy(struct runlog_check *check); /* NULL is allowed */

/* From now on transactions are asked for counterfactuals, too: both rules have to agree on them. */
void runlog_check_counterfactuals(struct runlog_check *check);

/*
 * Of a live run segments may be cut, so that records are missing. Before the first record:
 * runlog_check_torn() says that some may be. Where versions are missing, and cannot be repaired
 * (record->repaired), runlog_check_missing() says so of the next `count` ones before the record
 * that shows it. From then on the checker is *lost*, since it does not know what the cell holds:
 * it tells as a violation only what no missing record can explain, and effects have no meaning. So
 * it is, too, where an attempt or a repaired transaction is of a job whose submission is missing.
 * OMEGA_ENOMEM.
 */
void runlog_check_torn(struct runlog_check *check);
int runlog_check_missing(struct runlog_check *check, uint64_t count, omega_error_t *err);
bool runlog_check_is_lost(const struct runlog_check *check);
/* Has the record of the horizon come? One that is missing from a torn log is no violation. */
bool runlog_check_ended(const struct runlog_check *check);

/* The newest version so far. */
uint64_t runlog_check_version(const struct runlog_check *check);

/* Plays the next record; *effect is what it did, valid until the next call. Returns 1, or 0 if the
 * record makes so little sense that nothing behind it can be checked: the violation has been told.
 * OMEGA_ENOMEM. */
int runlog_check_record(struct runlog_check *check, const struct runlog_record *record,
                        const struct runlog_effect **effect, omega_error_t *err);

/* At the end: was the last record the horizon's, and is what is left sound? Tells violations. */
void runlog_check_end(struct runlog_check *check);

/* What the cell holds now, and what became of all tasks. */
const struct store_totals *runlog_check_totals(const struct runlog_check *check);
void runlog_check_counters(const struct runlog_check *check, struct store_counters *counters);
/* The same as a store's own check at the end; `violations` are 0. */
void runlog_check_report(const struct runlog_check *check, struct store_report *report);

/* The record of a machine, which exists, as its placements and events leave it. */
void runlog_check_machine(const struct runlog_check *check, uint32_t machine,
                          struct omega_machine *out);

/* An instance, which exists. */
const struct runlog_instance *runlog_check_instance(const struct runlog_check *check,
                                                    uint16_t instance);
uint32_t runlog_check_instances(const struct runlog_check *check);

/* The job of a number from 1, in the order of submission; NULL past the end. */
struct runlog_job *runlog_check_job(const struct runlog_check *check, uint64_t number);
/* The job of an id; NULL: there is none. */
struct runlog_job *runlog_check_find_job(const struct runlog_check *check, uint64_t id);

#endif
