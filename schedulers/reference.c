/* SPDX-License-Identifier: MIT */
/*
 * reference: the placement of the published simulator of the Omega paper, number by number. Random
 * first fit: a machine is drawn from a pool; one with room takes a task and stays in the pool, one
 * without is swapped behind its end until the job is over. The pool keeps its order for the life of
 * the instance. The generator is that of java.util.Random, seeded with host->seed.
 */
#include <stdlib.h>

#include "schedulers/placement.h"

#define JAVA_MULTIPLIER UINT64_C(0x5DEECE66D)
#define JAVA_INCREMENT UINT64_C(0xB)
#define JAVA_MASK ((UINT64_C(1) << 48) - 1)

struct reference {
    const struct omega_host *host;
    uint64_t random; /* the generator's 48 bits */
    uint32_t *pool;  /* a permutation of all machines */
    uint32_t machines;
};

/* ---- java.util.Random ---- */

/* The next 31 bits. */
static uint32_t next_bits(struct reference *reference)
{
    reference->random = (reference->random * JAVA_MULTIPLIER + JAVA_INCREMENT) & JAVA_MASK;
    return (uint32_t)(reference->random >> 17);
}

/* From 0 to below a bound of 1 to 2^31 - 1, as nextInt(bound) draws it. */
static uint32_t next_below(struct reference *reference, uint32_t bound)
{
    if ((bound & (bound - 1)) == 0) {
        return (uint32_t)((uint64_t)bound * next_bits(reference) >> 31);
    }
    for (;;) {
        uint32_t bits = next_bits(reference);
        uint32_t value = bits % bound;
        if (bits - value + (bound - 1) <= INT32_MAX) { /* else the last bound numbers are cut off */
            return value;
        }
    }
}

/* ---- the pool ---- */

/* Appends machines that the pool does not have yet. False without memory. */
static bool extend_pool(struct reference *reference, uint32_t machines)
{
    if (machines <= reference->machines) {
        return true;
    }
    uint32_t *pool = realloc(reference->pool, machines * sizeof *pool);
    if (pool == NULL) {
        return false;
    }
    for (uint32_t i = reference->machines; i < machines; i++) {
        pool[i] = i;
    }
    reference->pool = pool;
    reference->machines = machines;
    return true;
}

static int reference_init(void *state, const struct omega_host *host)
{
    struct reference *reference = state;
    reference->host = host;
    reference->random = (host->seed ^ JAVA_MULTIPLIER) & JAVA_MASK;
    if (!extend_pool(reference, host->machine_count)) {
        host->fail(host, "no memory for its pool of machines");
        return -1;
    }
    return 0;
}

static void reference_fini(void *state)
{
    struct reference *reference = state;
    free(reference->pool);
}

/* Places tasks of one group until all are placed or the pool is empty. */
static void place_group(struct reference *reference, const struct omega_place *place,
                        const struct omega_pending_group *group, uint32_t index,
                        struct omega_txn *txn)
{
    uint32_t *pool = reference->pool;
    uint32_t left = place->machine_count;
    uint32_t placed = 0;
    while (placed < group->required && left > 0) {
        uint32_t drawn = next_below(reference, left);
        uint32_t machine = pool[drawn];
        if (omega_place_suits(place, machine) &&
            omega_txn_claim(txn, index, group->tasks[placed], machine) == 0) {
            placed++;
        } else {
            left--;
            pool[drawn] = pool[left];
            pool[left] = machine;
        }
    }
}

static void reference_place(void *state, const struct omega_pending *pending,
                            const struct omega_view *view, struct omega_txn *txn)
{
    struct reference *reference = state;
    if (!extend_pool(reference, view->machine_count)) {
        reference->host->fail(reference->host, "no memory for its pool of machines");
        return;
    }
    for (uint32_t g = 0; g < pending->job->group_count; g++) {
        struct omega_place place = omega_place_group(pending, view, g);
        place_group(reference, &place, &pending->groups[g], g, txn);
    }
}

const struct omega_scheduler omega_scheduler_entry = {
    .abi = OMEGA_SCHEDULER_ABI,
    .size = sizeof(struct omega_scheduler),
    .name = "reference",
    .summary = "random first fit, draw by draw as the published simulator of Omega does it",
    .state_size = sizeof(struct reference),
    .init = reference_init,
    .fini = reference_fini,
    .place = reference_place,
    .ignores_last = true,
};
