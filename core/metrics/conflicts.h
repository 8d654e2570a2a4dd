/* SPDX-License-Identifier: MIT */
/*
 * Conflicts explained: who blocks whom, what was short, how old views were, which machines are hot,
 * how much decision time each rival cost, and what commits would have got in other modes. Part of
 * metrics (metrics.h); each figure is defined in core/metrics/README.md.
 *
 * An instance is named by its number in the cell: those of the first scheduler, then those of the
 * second, and so on, as transactions name it.
 */
#ifndef OMEGA_CORE_METRICS_CONFLICTS_H
#define OMEGA_CORE_METRICS_CONFLICTS_H

#include "core/metrics/metrics.h"

/* One transaction, told when it has been decided. */
struct metrics_commit {
    const struct omega_transaction *txn; /* with its inquiry, where metrics ask for one */
    const struct omega_claim_result *results;
    bool elastic; /* its job commits AT_LEAST, whatever its scheduler's granularity is */
    bool whole;   /* it claims all unplaced tasks of its job: what a gang needs */
};

/* What metrics want commits to tell: causes of refused claims; what would have come of it in other
 * modes. */
bool metrics_wants_causes(const struct metrics *metrics);
bool metrics_wants_counterfactuals(const struct metrics *metrics);

/* Is there anything to be told of the transaction of an attempt? Only of one in which a claim was
 * refused, unless machines or counterfactuals are asked for. */
bool metrics_looks_into(const struct metrics *metrics, const struct metrics_attempt *attempt);
/* Tells a transaction, behind metrics_attempt() of its attempt. */
void metrics_commit(struct metrics *metrics, const struct metrics_attempt *attempt,
                    const struct metrics_commit *commit);

/* ---- reading, after metrics_finish() ---- */

/* Conflicts of a scheduler or workload. */
struct metrics_conflicts {
    uint64_t claims_no_longer_fits; /* these two add up to claims_conflicting */
    uint64_t claims_seq_changed;
    uint64_t claims_spurious;         /* of seq_changed: fine detection would have accepted them */
    uint64_t claims_sole_rival;       /* nobody but the rival named placed anything there */
    uint64_t transactions_spurious;   /* conflicting, and every conflict in them spurious */
    const struct histogram *view_age; /* microseconds, per conflicting transaction */
    const struct histogram *view_age_versions;
};
void metrics_read_scheduler_conflicts(const struct metrics *metrics, uint32_t scheduler,
                                      struct metrics_conflicts *out);
void metrics_read_workload_conflicts(const struct metrics *metrics, uint32_t workload,
                                     struct metrics_conflicts *out);

/* Which instance blocked which: one entry of the matrix that is not empty. */
struct metrics_block {
    uint16_t instance;
    uint16_t rival; /* OMEGA_INSTANCE_NONE: nobody, under compatibility rules only */
    uint64_t claims;
    uint64_t claims_no_longer_fits;
    uint64_t claims_seq_changed;
    uint64_t claims_spurious;
    uint64_t claims_sole_rival;
    uint64_t claims_short_cpu; /* of all claims in conflict: CPU was missing, too, or only */
    uint64_t claims_short_mem;
    uint64_t claims_short_gpu;
    uint64_t transactions; /* with at least one such claim */
    int64_t lost_us; /* decision time; over all rivals the instance's part of busy_conflicting_us */
};
/* By instance, then rival; NULL past the end. */
const struct metrics_block *metrics_read_block(const struct metrics *metrics, uint32_t index);

/* Scheduler and number among its instances of an instance of the cell. */
void metrics_instance(const struct metrics *metrics, uint16_t instance, uint32_t *scheduler,
                      uint32_t *number);

/* Claims on one machine. Without config.machines only those in conflict are counted. */
struct metrics_machine {
    uint64_t accepted;
    uint64_t conflicting;
    uint64_t spurious; /* of those in conflict */
    uint64_t refused;
    uint64_t aborted;
};
void metrics_read_machine(const struct metrics *metrics, uint32_t machine,
                          struct metrics_machine *out);

/* The `count` machines with most claims in conflict, hottest first, lower index first among equals;
 * returns how many there are with any, at most `count`. */
uint32_t metrics_hottest(const struct metrics *metrics, uint32_t *machines, uint32_t count);

/* A claim that was refused, or in conflict: not one that was aborted. config.refused is told of
 * them in the order of commits and claims, so that nobody has to keep them. */
struct metrics_refused {
    int64_t time_us;  /* of the commit */
    uint64_t version; /* newest before it */
    uint64_t job;
    uint64_t synced; /* version at which the view last synced the machine */
    uint64_t seq_seen;
    uint64_t rival_version;
    int64_t view_age_us;
    struct omega_cause cause;
    uint32_t attempt;
    uint32_t task;
    uint32_t machine;
    uint16_t instance;
    uint16_t rival; /* OMEGA_INSTANCE_NONE: there is none */
    uint8_t detection;
    uint8_t outcome;
    uint8_t other_refuses;
};

/* One-step counterfactuals: what the transactions that were sent would have got in another mode,
 * each as of the state that it met. No conflict fraction of that mode: in it other transactions
 * would have been sent. */
struct metrics_would {
    uint64_t transactions; /* that would have been sent: a gang is not unless it is whole */
    uint64_t conflicting;  /* of them, those with a claim in conflict */
    uint64_t claims;
    uint64_t claims_conflicting;
    uint64_t claims_accepted;
    uint64_t unknown; /* transactions left out: AT_LEAST, where no minimum is configured */
};
/* With config.counterfactuals; all 0 without. */
void metrics_read_scheduler_would(const struct metrics *metrics, uint32_t scheduler,
                                  uint8_t detection, uint8_t granularity,
                                  struct metrics_would *out);

#endif
