/* SPDX-License-Identifier: MIT */
/*
 * Claims, transactions and results: the words a scheduler and the cell state exchange.
 */
#ifndef OMEGA_CORE_MODEL_CLAIM_H
#define OMEGA_CORE_MODEL_CLAIM_H

#include "core/model/inquiry.h"
#include "core/model/job.h"
#include "core/model/machine.h"

/* One task on one machine. */
struct omega_claim {
    uint64_t seq;    /* the machine's sequence as the view last saw it */
    uint64_t synced; /* version at which the view last synced this machine */
    uint32_t task;   /* job-wide task index */
    uint32_t machine;
    struct omega_request request;
    uint16_t group;
    uint8_t devices; /* mask of the GPU devices claimed; the commit checks exactly these */
    uint8_t reserved;
};

/* True if tasks rise, so that none comes twice, up to one below `end`. */
bool omega_tasks_rise(const uint32_t *tasks, uint32_t count, uint32_t end);

/* Sets the marks of tasks, which rise, to 1: of a run of them at once. */
void omega_tasks_mark(const uint32_t *tasks, uint32_t count, uint8_t *marks);

/* Lists the tasks from one on, below `to`, whose mark is 0; the others are 1. So many bytes behind
 * the last mark may be read, too. Returns the end of the list. */
#define OMEGA_MARKS_BEHIND 7u
uint32_t *omega_tasks_unmarked(const uint8_t *marks, uint32_t from, uint32_t to, uint32_t *tasks);

/* How many machines, from the first on, are below `machine_count`. */
uint32_t omega_machines_exist(const uint32_t *machines, uint32_t count, uint32_t machine_count);

/* A placement id names an accepted claim for ever: version of the commit and position among the
 * claims that this commit accepted. */
#define OMEGA_PLACEMENT_POSITION_BITS 20
#define OMEGA_CLAIMS_MAX (1u << OMEGA_PLACEMENT_POSITION_BITS)
#define OMEGA_VERSION_MAX ((UINT64_C(1) << 44) - 1)

/* The id of an accepted claim. */
static inline uint64_t omega_placement_id(uint64_t version, uint32_t position)
{
    return version << OMEGA_PLACEMENT_POSITION_BITS | position;
}

/* The version of the commit that made a placement. */
static inline uint64_t omega_placement_version(uint64_t placement)
{
    return placement >> OMEGA_PLACEMENT_POSITION_BITS;
}

/* Its position among the claims that this commit accepted. */
static inline uint32_t omega_placement_position(uint64_t placement)
{
    return (uint32_t)(placement & (OMEGA_CLAIMS_MAX - 1));
}

enum omega_detection {
    OMEGA_DETECT_FINE = 0,   /* refused if it does not fit now */
    OMEGA_DETECT_COARSE = 1, /* also refused if the machine's sequence moved */
};

enum omega_granularity {
    OMEGA_COMMIT_TASK = 0,     /* each claim by itself: the paper's incremental transaction */
    OMEGA_COMMIT_MACHINE = 1,  /* a machine's claims stand or fall together */
    OMEGA_COMMIT_AT_LEAST = 2, /* in every group at least so many claims, or none */
    OMEGA_COMMIT_ALL = 3,      /* all claims of the transaction or none */
    OMEGA_COMMIT_GANG = 4,     /* all unplaced tasks of the job or none */
};

/* For a caller to whom claims that hold are all alike: the others are listed, and no result but
 * theirs has to be filled in, since that of an accepted claim follows from what was claimed
 * (omega_claim_accepted()). */
struct omega_brief {
    uint32_t *others; /* the caller's, with room for all claims: gets the indices of those that were
                         not accepted, rising */
    uint32_t count;
};

struct omega_transaction {
    uint64_t job;
    uint32_t attempt;
    uint32_t incarnation; /* of the instance: rises when it restarts */
    uint16_t instance;    /* scheduler instance, unique in the cell */
    uint8_t detection;    /* enum omega_detection */
    uint8_t granularity;  /* enum omega_granularity */
    int32_t precedence;
    uint64_t synced;               /* version the view showed when the attempt began */
    const uint32_t *group_minimum; /* AT_LEAST only: claims needed of each group */
    uint32_t group_count;
    uint32_t claim_count; /* <= OMEGA_CLAIMS_MAX */
    const struct omega_claim *claims;
    /* Where claims is NULL, it comes in short: by rising task, for each claim its task, its machine
     * and the sequence that it saw, of a job of one group that asks neither for devices nor for
     * different machines. All machines were synced at `synced`. For stores that take such ones
     * (store_takes_short()). */
    const uint32_t *tasks;
    const uint32_t *machines;
    const uint64_t *seqs;
    bool proven; /* in short: that these tasks rise, below the job's last, and that the machines are
                    there has been seen, and need not be looked at again */
    struct omega_inquiry *inquiry; /* NULL, or what else is to be told; the caller's */
    struct omega_brief *brief;     /* NULL: all results are wanted; the caller's */
};

/* Who looks for claims that were not accepted finds them among so many: the k-th of them is the
 * transaction's by this index. */
static inline uint32_t omega_others(const struct omega_transaction *txn)
{
    return txn->brief == NULL ? txn->claim_count : txn->brief->count;
}

static inline uint32_t omega_other(const struct omega_transaction *txn, uint32_t k)
{
    return txn->brief == NULL ? k : txn->brief->others[k];
}

/* A claim of a transaction, in full or in short; of one in short without request. */
static inline struct omega_claim omega_transaction_claim(const struct omega_transaction *txn,
                                                         uint32_t i)
{
    struct omega_claim claim = {0, 0, 0, 0, {0, 0, 0, 0, 0}, 0, 0, 0};
    if (txn->claims != NULL) {
        return txn->claims[i];
    }
    claim.seq = txn->seqs[i];
    claim.synced = txn->synced;
    claim.task = txn->tasks[i];
    claim.machine = txn->machines[i];
    return claim;
}

/* Their names in experiments and results, by number; NULL at the end. */
extern const char *const omega_detection_names[OMEGA_DETECTIONS + 1];
extern const char *const omega_granularity_names[OMEGA_GRANULARITIES + 1];

enum omega_outcome {
    OMEGA_ACCEPTED = 0,
    /* conflicts: another instance placed something there after this view's sync of the machine */
    OMEGA_CONFLICT_NO_LONGER_FITS,
    OMEGA_CONFLICT_SEQ_CHANGED,
    /* refusals: everything else */
    OMEGA_REFUSED_MACHINE_CHANGED, /* would be a conflict, but no rival placed anything there */
    OMEGA_REFUSED_MACHINE_DOWN,    /* down or draining */
    OMEGA_REFUSED_NOT_ALLOWED,
    OMEGA_REFUSED_OVER_LIMIT,
    OMEGA_REFUSED_CONSTRAINT,
    OMEGA_REFUSED_ALREADY_PLACED,
    OMEGA_REFUSED_VICTIM_GONE,
    /* nothing wrong with this claim itself: its granularity fell with another one */
    OMEGA_ABORTED,
    OMEGA_OUTCOMES,
};

/* True if a rival was faster. */
static inline bool omega_outcome_is_conflict(uint8_t outcome)
{
    return outcome == OMEGA_CONFLICT_NO_LONGER_FITS || outcome == OMEGA_CONFLICT_SEQ_CHANGED;
}

/* True if the claim was refused for any other reason of its own. */
static inline bool omega_outcome_is_refusal(uint8_t outcome)
{
    return outcome >= OMEGA_REFUSED_MACHINE_CHANGED && outcome <= OMEGA_REFUSED_VICTIM_GONE;
}

/* The outcome's name in results and messages, such as "no_longer_fits". */
const char *omega_outcome_name(uint8_t outcome);

struct omega_claim_result {
    uint64_t placement;     /* where accepted: the placement id */
    uint64_t rival_version; /* where refused: the latest version by another instance there */
    uint16_t rival;         /* that instance; OMEGA_INSTANCE_NONE if there is none */
    uint8_t outcome;        /* enum omega_outcome */
    uint8_t other_refuses;  /* where refused: would the other detection have refused it too; coarse
                               includes the fit, so this tells spurious coarse conflicts */
    uint32_t reserved;
};

/* Who passes over all claims in turn, *other being 0 before the first: was this one not accepted?
 * Of one that was there may be no result. */
static inline bool omega_is_other(const struct omega_transaction *txn,
                                  const struct omega_claim_result *results, uint32_t i,
                                  uint32_t *other)
{
    if (*other == omega_others(txn) || omega_other(txn, *other) != i) {
        return false;
    }
    (*other)++;
    return results[i].outcome != OMEGA_ACCEPTED;
}

/* The result of an accepted claim, by its position among those that its commit accepted. */
static inline struct omega_claim_result omega_claim_accepted(uint64_t version, uint32_t position)
{
    struct omega_claim_result result = {0, 0, OMEGA_INSTANCE_NONE, OMEGA_ACCEPTED, 0, 0};
    result.placement = omega_placement_id(version, position);
    return result;
}

/* Lists in txn->brief, if there is one, the claims that were not accepted, by their results. */
void omega_brief_list(const struct omega_transaction *txn,
                      const struct omega_claim_result *results);

/* A conflict is a result, not an error. */
struct omega_result {
    uint64_t version; /* of this commit; the current one where nothing was accepted. A scheduler
                         that tries again refreshes at least to it. */
    uint32_t accepted;
    uint32_t conflicts;
    uint32_t refused;
    uint32_t aborted;
};

#endif
