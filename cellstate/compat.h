/* SPDX-License-Identifier: MIT */
/*
 * Compatibility with the published simulator of the Omega paper
 * (google/cluster-scheduler-simulator): the defects of its commits and of its random streams that
 * its figures contain, so that a run can be held against them job by job. All of them are here, and
 * none is an option by itself: a cell has those that its configuration names, and only the
 * experiment preset `reference` names any.
 *
 * They change what claims say and what a refused transaction leaves behind. Whether a claim holds
 * is decided by rules_claim() here, too (invariant D), so that no machine exceeds its limit (A).
 */
#ifndef OMEGA_CELLSTATE_COMPAT_H
#define OMEGA_CELLSTATE_COMPAT_H

#include "cellstate/rules.h"

enum compat_rule {
    /* compat-seq-aba: a claim carries the sequence that its machine had in the plan when it was
     * placed, one more than the claim before it on that machine, instead of the one that the view
     * saw. Where rivals placed n tasks on a machine meanwhile, the first n claims there conflict
     * and those after them pass, though they are as stale. One that does not fit is refused: there
     * the published simulator ends with an assertion. */
    COMPAT_SEQ_ABA = 1u << 0,
    /* compat-seq-leak: where one claim brings a transaction of granularity `all` down, the machines
     * of the claims before it keep the sequences that these had raised. */
    COMPAT_SEQ_LEAK = 1u << 1,
    /* compat-rng-shared: all scheduler instances have the same random numbers. */
    COMPAT_RNG_SHARED = 1u << 2,
};

#define COMPAT_ALL (COMPAT_SEQ_ABA | COMPAT_SEQ_LEAK | COMPAT_RNG_SHARED)

/* Working memory of compat_decide() for a cell of so many machines. */
struct compat;
struct compat *compat_create(uint32_t rules, uint32_t machine_count); /* NULL without memory */
void compat_destroy(struct compat *compat);                           /* NULL is allowed */

/* As rules_decide(), under the compatibility rules of the cell. A claim that finds a machine's
 * sequence moved without a rival's placement, as a leak moves it, is in conflict here. */
int compat_decide(struct compat *compat, const struct omega_transaction *txn,
                  struct omega_machine *const *machines, const uint8_t *refused,
                  struct rules_scratch *scratch, struct omega_claim_result *results,
                  struct omega_result *result, omega_error_t *err);

/* How many claims of a decided transaction, from its first on, leave the sequences of their
 * machines raised by one each though nothing was installed; 0 for one that installed something. */
uint32_t compat_leaks(const struct compat *compat, const struct omega_transaction *txn,
                      const struct omega_claim_result *results, const struct omega_result *result);

/* Which of the experiment's random streams a scheduler instance has, its own being `stream`. */
static inline uint64_t compat_stream(uint32_t rules, uint64_t stream)
{
    return (rules & COMPAT_RNG_SHARED) != 0 ? 0 : stream;
}

/* The seed that an instance has for a generator of its own: `own`, or the experiment's. */
static inline uint64_t compat_seed(uint32_t rules, uint64_t seed, uint64_t own)
{
    return (rules & COMPAT_RNG_SHARED) != 0 ? seed : own;
}

#endif
