/* SPDX-License-Identifier: MIT */
/* Compatibility with the published simulator: see compat.h. */
#include "cellstate/compat.h"

#include <stdlib.h>
#include <string.h>

struct compat {
    uint32_t rules;
    uint32_t *earlier; /* per machine: claims of the transaction so far; 0 between transactions */
    struct omega_claim *claims;
    uint32_t room;
};

struct compat *compat_create(uint32_t rules, uint32_t machine_count)
{
    struct compat *compat = calloc(1, sizeof *compat);
    if (compat == NULL) {
        return NULL;
    }
    compat->rules = rules;
    compat->earlier = calloc((size_t)machine_count + 1, sizeof *compat->earlier);
    if (compat->earlier == NULL) {
        free(compat);
        return NULL;
    }
    return compat;
}

void compat_destroy(struct compat *compat)
{
    if (compat != NULL) {
        free(compat->earlier);
        free(compat->claims);
        free(compat);
    }
}

static int reserve(struct compat *compat, uint32_t claims)
{
    if (claims > compat->room) {
        struct omega_claim *grown = realloc(compat->claims, claims * sizeof *grown);
        if (grown == NULL) {
            return OMEGA_ENOMEM;
        }
        compat->claims = grown;
        compat->room = claims;
    }
    return OMEGA_OK;
}

/*
 * What the claims say under compat-seq-aba. The i-th claim on a machine (from 0) carries seq + i,
 * and meets the machine's sequence plus the claims accepted before it. If the machine has moved by
 * n, the first n claims fail and each later one meets just what it carries: so a claim passes if it
 * carries at least the machine's sequence, and is then made to say so in the words of
 * rules_claim().
 */
static void carry_sequences(struct compat *compat, const struct omega_transaction *txn,
                            struct omega_machine *const *machines)
{
    memcpy(compat->claims, txn->claims, txn->claim_count * sizeof *compat->claims);
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        struct omega_claim *claim = &compat->claims[i];
        const struct omega_machine *machine = machines[i];
        if (machine != NULL && claim->seq + compat->earlier[claim->machine]++ >= machine->seq) {
            claim->seq = machine->seq;
        }
    }
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        if (machines[i] != NULL) {
            compat->earlier[txn->claims[i].machine] = 0;
        }
    }
}

/* The published simulator knows no other reason for a sequence that has moved than a conflict. */
static void call_conflicts(const struct omega_transaction *txn,
                           struct omega_machine *const *machines,
                           struct omega_claim_result *results, struct omega_result *result)
{
    for (uint32_t i = 0; txn->detection == OMEGA_DETECT_COARSE && i < txn->claim_count; i++) {
        if (results[i].outcome == OMEGA_REFUSED_MACHINE_CHANGED &&
            txn->claims[i].seq != machines[i]->seq) {
            results[i].outcome = OMEGA_CONFLICT_SEQ_CHANGED;
            result->refused--;
            result->conflicts++;
        }
    }
}

int compat_decide(struct compat *compat, const struct omega_transaction *txn,
                  struct omega_machine *const *machines, const uint8_t *refused,
                  struct rules_scratch *scratch, struct omega_claim_result *results,
                  struct omega_result *result, omega_error_t *err)
{
    struct omega_transaction said = *txn;
    if ((compat->rules & COMPAT_SEQ_ABA) != 0) {
        if (reserve(compat, txn->claim_count) != OMEGA_OK) {
            return omega_error_set(err, OMEGA_ENOMEM, "no memory to decide %u claims",
                                   txn->claim_count);
        }
        carry_sequences(compat, txn, machines);
        said.claims = compat->claims;
    }
    int rc = rules_decide(&said, machines, refused, scratch, results, result, err);
    if (rc == OMEGA_OK) {
        call_conflicts(&said, machines, results, result);
    }
    return rc;
}

uint32_t compat_leaks(const struct compat *compat, const struct omega_transaction *txn,
                      const struct omega_claim_result *results, const struct omega_result *result)
{
    uint32_t leaks = 0;
    if ((compat->rules & COMPAT_SEQ_LEAK) == 0 || txn->granularity != OMEGA_COMMIT_ALL ||
        result->accepted > 0) {
        return 0;
    }
    while (leaks < txn->claim_count && results[leaks].outcome == OMEGA_ABORTED) {
        leaks++;
    }
    return leaks;
}
