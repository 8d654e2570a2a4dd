/* SPDX-License-Identifier: MIT */
/*
 * What a caller may want to know about a commit besides its results: why each claim was refused,
 * and what the same claims would have got had they been decided in another way. All of it is as of
 * the state that the commit met, whichever store decides. Asked for by omega_transaction.inquiry;
 * where that is NULL, none of it is computed.
 */
#ifndef OMEGA_CORE_MODEL_INQUIRY_H
#define OMEGA_CORE_MODEL_INQUIRY_H

#include <stdbool.h>
#include <stdint.h>

#define OMEGA_DETECTIONS 2    /* of enum omega_detection */
#define OMEGA_GRANULARITIES 5 /* of enum omega_granularity */

/* Why a claim was refused. Missing is what the machine lacked for it to fit, after the good claims
 * of its transaction before it; 0: there was enough. All 0 for a machine that does not exist. */
struct omega_cause {
    uint64_t seq_found; /* the machine's sequence before the transaction; the claim carries the one
                           that its view saw */
    int64_t missing_cpu_milli;
    int64_t missing_mem_mib;
    int32_t missing_gpu_milli; /* summed over the devices claimed */
    uint8_t above_limit;       /* 1: the machine takes nothing until it is below its limit again */
    uint8_t sole_rival; /* 1: since the view's sync of the machine nobody but the rival named in the
                           result has placed anything there */
    uint16_t reserved;
};

/* What all claims of a transaction get under one detection. Which of them are good depends on the
 * detection alone; granularity then decides how many of the good ones are installed. */
struct omega_judgement {
    uint32_t conflicts; /* claims */
    uint32_t refused;   /* claims, for reasons of their own that are no conflict */
    uint32_t accepted[OMEGA_GRANULARITIES]; /* claims installed, by granularity. AT_LEAST only in a
                                               transaction of that granularity: others have no
                                               minima */
};

struct omega_inquiry {
    struct omega_cause
        *causes;          /* NULL, or room for the transaction's claims: [i] is filled in where
                                   claim i is refused or in conflict (not where it is aborted) */
    bool counterfactuals; /* asks for `judged` */
    bool answered;        /* the store sets it when it decides; it stays false where a
                                   transaction is known already and gets its recorded result */
    struct omega_judgement judged[OMEGA_DETECTIONS]; /* by detection, the one in use included */
};

#endif
