/* SPDX-License-Identifier: MIT */
/*
 * Eligible machines as bitmaps. A constraint set is looked at once for the whole cell: attributes
 * do not change. Pickiness: a workload that may use a share s of the machines has SUBSETS random
 * subsets of exactly floor(s x machines) (at least one) machines, and each job draws one of them,
 * so that jobs differ in what they may use and no bitmap is made per job.
 */
#include <stdlib.h>
#include <string.h>

#include "core/driver/driver.h"

#define SUBSETS 64

struct picky {
    struct omega_random random; /* draws a subset per job */
    uint64_t **subsets;         /* NULL: the workload may use all machines */
};

struct eligibility {
    const struct run_config *config;
    size_t words;
    struct map constraints; /* set -> its bitmap, made at first use */
    struct picky *workloads;
    struct map both; /* (set, workload, subset) -> the two bitmaps together */
    bool by_id;      /* a job's subset depends on its id only */
};

struct eligibility *eligibility_create(const struct run_config *config)
{
    struct eligibility *eligibility = calloc(1, sizeof *eligibility);
    if (eligibility == NULL) {
        return NULL;
    }
    eligibility->config = config;
    eligibility->words = config->cell.machine_count / 64 + 1;
    eligibility->workloads = calloc(config->workload_count + 1u, sizeof *eligibility->workloads);
    if (eligibility->workloads == NULL) {
        eligibility_destroy(eligibility);
        return NULL;
    }
    for (uint32_t w = 0; w < config->workload_count; w++) {
        omega_random_init(&eligibility->workloads[w].random, config->seed, "pickiness", w);
    }
    return eligibility;
}

void eligibility_by_id(struct eligibility *eligibility)
{
    eligibility->by_id = true;
}

static void free_bitmaps(struct map *map)
{
    for (size_t i = 0; map->slots != NULL && i <= map->mask; i++) {
        free(map->slots[i].value);
    }
    map_clear(map);
}

void eligibility_destroy(struct eligibility *eligibility)
{
    if (eligibility == NULL) {
        return;
    }
    for (uint32_t w = 0; eligibility->workloads != NULL && w < eligibility->config->workload_count;
         w++) {
        uint64_t **subsets = eligibility->workloads[w].subsets;
        for (int i = 0; subsets != NULL && i < SUBSETS; i++) {
            free(subsets[i]);
        }
        free(subsets);
    }
    free_bitmaps(&eligibility->constraints);
    free_bitmaps(&eligibility->both);
    free(eligibility->workloads);
    free(eligibility);
}

/* The machines that meet a constraint set other than the empty one. NULL without memory. */
static const uint64_t *by_constraints(struct eligibility *eligibility, uint32_t set)
{
    const struct store_config *cell = &eligibility->config->cell;
    uint64_t *bits = map_get(&eligibility->constraints, set);
    if (bits != NULL) {
        return bits;
    }
    bits = calloc(eligibility->words, sizeof *bits);
    if (bits == NULL || map_put(&eligibility->constraints, set, bits) != OMEGA_OK) {
        free(bits);
        return NULL;
    }
    for (uint32_t m = 0; m < cell->machine_count; m++) {
        if (catalogue_meets(cell->catalogue, set, cell->machines[m].attributes)) {
            bits[m / 64] |= UINT64_C(1) << (m % 64);
        }
    }
    return bits;
}

/* A random subset of exactly `count` machines: the front of a Fisher-Yates shuffle. */
static uint64_t *draw_subset(struct eligibility *eligibility, uint32_t count,
                             struct omega_random *random, uint32_t *order)
{
    uint32_t machines = eligibility->config->cell.machine_count;
    uint64_t *bits = calloc(eligibility->words, sizeof *bits);
    for (uint32_t i = 0; bits != NULL && i < count; i++) {
        uint32_t j = i + omega_random_below(random, machines - i);
        uint32_t machine = order[j];
        order[j] = order[i];
        order[i] = machine;
        bits[machine / 64] |= UINT64_C(1) << (machine % 64);
    }
    return bits;
}

static int draw_subsets(struct eligibility *eligibility, uint32_t workload)
{
    struct picky *picky = &eligibility->workloads[workload];
    uint32_t machines = eligibility->config->cell.machine_count;
    double share = eligibility->config->workloads[workload].pickiness;
    /* the factor mends products such as 0.29 x 100 = 28.999... */
    uint32_t count = (uint32_t)(share * (double)machines * (1 + 1e-12));
    count = count == 0 && machines > 0 ? 1 : count;
    uint32_t *order = malloc(((size_t)machines + 1) * sizeof *order);
    picky->subsets = calloc(SUBSETS, sizeof *picky->subsets);
    int rc = order == NULL || picky->subsets == NULL ? OMEGA_ENOMEM : OMEGA_OK;
    for (uint32_t m = 0; rc == OMEGA_OK && m < machines; m++) {
        order[m] = m;
    }
    struct omega_random random;
    omega_random_init(&random, eligibility->config->seed, "pickiness-subsets", workload);
    for (int i = 0; rc == OMEGA_OK && i < SUBSETS; i++) {
        picky->subsets[i] = draw_subset(eligibility, count, &random, order);
        rc = picky->subsets[i] == NULL ? OMEGA_ENOMEM : OMEGA_OK;
    }
    free(order);
    return rc;
}

/* The machines that meet a constraint set and are in a subset. NULL without memory. */
static const uint64_t *both(struct eligibility *eligibility, uint32_t set, uint32_t workload,
                            uint32_t subset)
{
    uint64_t key = ((uint64_t)set << 32 | workload << 8 | subset) + 1;
    uint64_t *bits = map_get(&eligibility->both, key);
    const uint64_t *constrained = by_constraints(eligibility, set);
    if (bits != NULL || constrained == NULL) {
        return bits;
    }
    bits = malloc(eligibility->words * sizeof *bits);
    if (bits == NULL || map_put(&eligibility->both, key, bits) != OMEGA_OK) {
        free(bits);
        return NULL;
    }
    for (size_t i = 0; i < eligibility->words; i++) {
        bits[i] = constrained[i] & eligibility->workloads[workload].subsets[subset][i];
    }
    return bits;
}

int eligibility_of(struct eligibility *eligibility, struct run_job *job, omega_error_t *err)
{
    uint32_t workload = job->job->workload;
    bool picky = eligibility->config->workloads[workload].pickiness < 1;
    bool constrained = false;
    for (uint32_t g = 0; g < job->job->group_count; g++) {
        constrained = constrained || job->job->groups[g].constraints != 0;
    }
    if (!picky && !constrained) {
        return OMEGA_OK;
    }
    uint32_t subset = 0;
    job->eligible = calloc(job->job->group_count, sizeof *job->eligible);
    bool complete = job->eligible != NULL;
    if (complete && picky) {
        complete = eligibility->workloads[workload].subsets != NULL ||
                   draw_subsets(eligibility, workload) == OMEGA_OK;
        struct omega_random *random = &eligibility->workloads[workload].random;
        if (eligibility->by_id) {
            omega_random_init(random, eligibility->config->seed, "pickiness-by-id", job->job->id);
        }
        subset = omega_random_below(random, SUBSETS);
    }
    for (uint32_t g = 0; complete && g < job->job->group_count; g++) {
        uint32_t set = job->job->groups[g].constraints;
        if (picky && set != 0) {
            job->eligible[g] = both(eligibility, set, workload, subset);
            complete = job->eligible[g] != NULL;
        } else if (picky) {
            job->eligible[g] = eligibility->workloads[workload].subsets[subset];
        } else if (set != 0) {
            job->eligible[g] = by_constraints(eligibility, set);
            complete = job->eligible[g] != NULL;
        }
    }
    return complete ? OMEGA_OK
                    : omega_error_set(err, OMEGA_ENOMEM, "no memory for the machines of a job");
}
