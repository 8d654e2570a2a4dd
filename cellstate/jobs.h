/* SPDX-License-Identifier: MIT */
/*
 * The jobs of a cell: what a transaction may ask of a job, which claims its job refuses, and what
 * becomes of tasks (invariant I). Existing once, for all stores, as the rules about machines are
 * (cellstate/rules.h); a store keeps the entries and brings them here.
 */
#ifndef OMEGA_CELLSTATE_JOBS_H
#define OMEGA_CELLSTATE_JOBS_H

#include "cellstate/rules.h"
#include "cellstate/store.h"
#include "core/base/spares.h"

/* What became of a task slot. */
enum slot_state {
    SLOT_UNPLACED = 0,
    SLOT_PLACED = 1,  /* runs, or has ended */
    SLOT_CLAIMED = 2, /* marks a task during the checks of one transaction */
};

/* A job in the table: its groups (without durations) and the state of its tasks. */
struct job_entry {
    uint64_t id;
    uint32_t group_count;
    uint32_t slots;
    uint32_t submitted; /* = pending + running + finished + failed + abandoned */
    uint32_t pending;
    uint32_t running;
    uint32_t finished;
    uint32_t failed;
    uint32_t abandoned;
    int32_t precedence;
    bool elastic;
    bool started;  /* an elastic job that has committed */
    bool given_up; /* abandoned: what is unplaced stays so */
    bool spreads;  /* some group asks for different machines */
    struct omega_task_group *groups;
    bool *different;      /* per group: asks for different machines; NULL unless `spreads`, but in
                             stores that read jobs into one entry after the other */
    uint8_t *state;       /* enum slot_state per slot, or NULL as long as all are alike: unplaced
                             where any is pending, otherwise placed (jobs_keep_states()). Nobody
                             looks at it once the job is given up */
    uint32_t *machine_of; /* per slot: where it runs, or UINT32_MAX; NULL unless `spreads`, and
                             always in stores that have a table of these machines */
};

/* To be used again: entries of plain jobs without optional tasks, as most are, and their states. */
struct job_spares {
    struct spares entries;
    struct spare_sizes states;
};

/* Working memory of the checks, reused from call to call. */
struct jobs_scratch {
    uint32_t machine_count;
    struct omega_machine **claimed; /* per claim: for the store to fill in */
    uint8_t *refused;               /* per claim: reasons, for rules_decide() */
    bool any_refused;               /* by jobs_check(): tasks that are placed already */
    bool *taken;                    /* per claim: see jobs_find_taken() */
    uint32_t *by_group;             /* claims by rising group, of a job that spreads */
    uint32_t claim_room;
    uint32_t *group_claims; /* per group of the job at hand */
    uint32_t group_room;
    uint32_t *stamps; /* per machine: last_stamp if the group at hand has a task there */
    uint32_t last_stamp;
};
int jobs_scratch_init(struct jobs_scratch *scratch, uint32_t machine_count); /* 0, OMEGA_ENOMEM */
void jobs_scratch_fini(struct jobs_scratch *scratch);

/* May this job be submitted, if its id is new? OMEGA_EINVAL unless its id is above 0, it is sealed
 * and its constraint sets are in the catalogue. */
int jobs_check_job(const struct omega_job *job, const struct catalogue *catalogue,
                   omega_error_t *err);
/* The entry of a job that is submitted, with its arrays in one block; one that comes from spares
 * has no `state` at first. The same spares, or NULL, for all that take some. NULL: no memory. */
struct job_entry *jobs_entry_create(const struct omega_job *job, const struct catalogue *catalogue,
                                    struct job_spares *spares);
void jobs_entry_destroy(struct job_entry *entry, struct job_spares *spares);
/* Makes the states of an entry that has none yet, before any of them changes or is looked at by
 * what follows here; OMEGA_ENOMEM. */
int jobs_keep_states(struct job_entry *entry, struct job_spares *spares);

/* Is this a transaction that a scheduler may send (store_commit() says which)? `entry` is NULL if
 * the job is not in the table. Also makes room in the scratch for its claims, notes in
 * scratch->refused those of tasks that are placed already, and orders the claims of a job that
 * spreads. */
int jobs_check(struct jobs_scratch *scratch, struct job_entry *entry,
               const struct omega_transaction *txn, omega_error_t *err);

/* Is this a transaction in short that a scheduler may send, if its tasks are ones of the job that
 * are not placed, by rising index, each on a machine? False says nothing: jobs_check() tells. */
bool jobs_takes_short(const struct job_entry *entry, const struct omega_transaction *txn);

/* True if placements of a job take the same, without devices, and no other job rule sees them. */
static inline bool jobs_is_plain(const struct job_entry *entry)
{
    return entry->group_count == 1 && entry->groups[0].request.gpu_devices == 0 && !entry->spreads;
}

/* Does a task of the claim's group run on the claim's machine already? Fills scratch->taken with
 * that, for the claims of a job that spreads, from entry->machine_of: in time proportional to the
 * tasks of the groups that are claimed. A store that knows it otherwise fills it in by itself.
 * Claims of groups that do not ask for different machines are not looked at. */
void jobs_find_taken(struct jobs_scratch *scratch, const struct job_entry *entry,
                     const struct omega_transaction *txn);

/* Adds to scratch->refused, where jobs_check() has noted the tasks that are placed already, second
 * tasks of a different_machines group on one machine (scratch->taken says where it has some
 * already). Returns whether the job refuses any claim. Between jobs_check() of a transaction and
 * this no other one may be checked in the scratch. */
bool jobs_refuse(struct jobs_scratch *scratch, const struct job_entry *entry,
                 const struct omega_transaction *txn);

/* A task has been placed; jobs_placed() then counts all of one transaction. */
static inline void jobs_place(struct job_entry *entry, const struct omega_claim *claim)
{
    entry->state[claim->task] = SLOT_PLACED;
    if (entry->machine_of != NULL) {
        entry->machine_of[claim->task] = claim->machine;
    }
}

/* The same at once where so many accepted claims leave nothing of the job, whose states go back to
 * the spares it came from, if it did; false, and nothing has changed, where they leave some. */
bool jobs_place_rest(struct job_entry *entry, uint32_t accepted, struct job_spares *spares);
/* The same of all claims of a transaction that its results accept, `accepted` of them. */
void jobs_place_all(struct job_entry *entry, const struct omega_transaction *txn,
                    const struct omega_claim_result *results, uint32_t accepted,
                    struct job_spares *spares);

/* Moves accepted tasks from pending to running. An elastic job has started: what it has placed
 * beyond its required number is submitted now, and nothing of it stays pending. */
void jobs_placed(struct job_entry *entry, struct store_counters *counters, uint32_t accepted);

/* Running tasks ended for good, or one was lost with its machine, or the rest is given up (returns
 * how many tasks that were). */
void jobs_ended(struct job_entry *entry, struct store_counters *counters, uint32_t tasks,
                enum store_release_reason reason);
void jobs_lost(struct job_entry *entry, struct store_counters *counters, uint32_t task,
               enum store_loss_policy policy);
uint32_t jobs_give_up(struct job_entry *entry, struct store_counters *counters);

/* A job enters the table; one of which nothing is pending or running any more leaves it. */
void jobs_submitted(const struct job_entry *entry, struct store_counters *counters);
static inline bool jobs_over(const struct job_entry *entry)
{
    return entry->pending == 0 && entry->running == 0;
}

/* Checks initial placements before the first change: store_preload() says what is refused.
 * machine(context, index) gives the record of a machine in the cell. */
int jobs_check_preload(const struct store_placement *placements, uint32_t count,
                       uint32_t machine_count,
                       const struct omega_machine *(*machine)(void *context, uint32_t index),
                       void *context, omega_error_t *err);

#endif
