/* SPDX-License-Identifier: MIT */
/* Who blocks whom, for people: see conflict_summary.h. */
#include "core/experiment/conflict_summary.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/experiment/conflict_records.h"
#include "core/experiment/table.h"

#define PAIRS_SHOWN 6u    /* of schedulers, for each point */
#define MACHINES_SHOWN 3u /* for each point */

struct conflict_summary {
    struct table *pairs;
    struct table *machines;
    bool seeds;
    bool any;
};

/* A scheduler, all its instances together, and one that it met. */
struct pair {
    uint32_t scheduler;
    uint32_t rival; /* as many as there are schedulers: nobody */
    uint64_t claims;
    uint64_t spurious;
    int64_t lost_us;
};

#define PAIR_FIGURES "scheduler", "blocked by", "claims", "spurious", "time lost [s]", NULL
#define MACHINE_FIGURES "hottest machines", "", "", NULL

struct conflict_summary *conflict_summary_create(bool seeds)
{
    static const char *const pair_headings[] = {"variant", PAIR_FIGURES};
    static const char *const pair_seed_headings[] = {"variant", "seed", PAIR_FIGURES};
    static const char *const machine_headings[] = {"variant", MACHINE_FIGURES};
    static const char *const machine_seed_headings[] = {"variant", "seed", MACHINE_FIGURES};
    struct conflict_summary *summary = calloc(1, sizeof *summary);
    if (summary == NULL) {
        return NULL;
    }
    summary->seeds = seeds;
    summary->pairs = table_create(seeds ? pair_seed_headings : pair_headings, seeds ? 4 : 3);
    summary->machines =
        table_create(seeds ? machine_seed_headings : machine_headings, seeds ? 5 : 4);
    if (summary->pairs == NULL || summary->machines == NULL) {
        conflict_summary_destroy(summary);
        return NULL;
    }
    return summary;
}

void conflict_summary_destroy(struct conflict_summary *summary)
{
    if (summary != NULL) {
        table_destroy(summary->pairs);
        table_destroy(summary->machines);
        free(summary);
    }
}

static void begin(const struct conflict_summary *summary, struct table *table,
                  const struct point *point)
{
    table_cell(table, "%s", point->variant[0] == '\0' ? "-" : point->variant);
    if (summary->seeds) {
        table_cell(table, "%" PRIu64, point->seed);
    }
}

/* The most time lost first; equal ones by number, so that the order is one. */
static int by_loss(const void *a, const void *b)
{
    const struct pair *x = a;
    const struct pair *y = b;
    if (x->lost_us != y->lost_us) {
        return x->lost_us > y->lost_us ? -1 : 1;
    }
    if (x->claims != y->claims) {
        return x->claims > y->claims ? -1 : 1;
    }
    if (x->scheduler != y->scheduler) {
        return x->scheduler < y->scheduler ? -1 : 1;
    }
    return (x->rival > y->rival) - (x->rival < y->rival);
}

/* Adds the matrix of instances up by schedulers. */
static void add_up(const struct metrics *metrics, uint32_t schedulers, struct pair *pairs)
{
    const struct metrics_block *block;
    for (uint32_t i = 0; (block = metrics_read_block(metrics, i)) != NULL; i++) {
        uint32_t scheduler;
        uint32_t rival = schedulers;
        uint32_t number;
        metrics_instance(metrics, block->instance, &scheduler, &number);
        if (block->rival != OMEGA_INSTANCE_NONE) {
            metrics_instance(metrics, block->rival, &rival, &number);
        }
        struct pair *pair = &pairs[scheduler * (schedulers + 1) + rival];
        pair->scheduler = scheduler;
        pair->rival = rival;
        pair->claims += block->claims;
        pair->spurious += block->claims_spurious;
        pair->lost_us += block->lost_us;
    }
}

static int add_pairs(struct conflict_summary *summary, const struct point_result *result)
{
    uint32_t schedulers = metrics_scheduler_count(result->metrics);
    const char *const *names = result->point->metrics.schedulers;
    uint32_t count = schedulers * (schedulers + 1);
    struct pair *pairs = calloc(count + 1u, sizeof *pairs);
    if (pairs == NULL) {
        return OMEGA_ENOMEM;
    }
    add_up(result->metrics, schedulers, pairs);
    qsort(pairs, count, sizeof *pairs, by_loss);
    for (uint32_t i = 0; i < count && i < PAIRS_SHOWN; i++) {
        const struct pair *pair = &pairs[i];
        if (pair->claims == 0) {
            continue;
        }
        begin(summary, summary->pairs, result->point);
        table_cell(summary->pairs, "%s", names[pair->scheduler]);
        table_cell(summary->pairs, "%s", pair->rival < schedulers ? names[pair->rival] : "nobody");
        table_cell(summary->pairs, "%" PRIu64, pair->claims);
        table_cell(summary->pairs, "%" PRIu64 " %%", pair->spurious * 100 / pair->claims);
        table_figure(summary->pairs, (double)pair->lost_us / 1e6);
        summary->any = true;
    }
    free(pairs);
    return OMEGA_OK;
}

static void add_machines(struct conflict_summary *summary, const struct point_result *result)
{
    uint32_t machines[MACHINES_SHOWN];
    uint32_t count = metrics_hottest(result->metrics, machines, MACHINES_SHOWN);
    if (count == 0) {
        return;
    }
    begin(summary, summary->machines, result->point);
    for (uint32_t i = 0; i < MACHINES_SHOWN; i++) {
        struct metrics_machine machine;
        if (i >= count) {
            table_cell(summary->machines, "%s", "");
            continue;
        }
        metrics_read_machine(result->metrics, machines[i], &machine);
        table_cell(summary->machines, "%s (%" PRIu64 ")",
                   conflict_machine_name(result->point, machines[i]), machine.conflicting);
    }
}

int conflict_summary_point(struct conflict_summary *summary, const struct point_result *result)
{
    add_machines(summary, result);
    return add_pairs(summary, result);
}

json_t *conflict_summary_save(const struct conflict_summary *summary)
{
    json_t *pairs = json_array();
    json_t *machines = json_array();
    table_save(summary->pairs, pairs);
    table_save(summary->machines, machines);
    return json_pack("[o,o]", pairs, machines);
}

void conflict_summary_load(struct conflict_summary *summary, const json_t *saved)
{
    table_load(summary->pairs, json_array_get(saved, 0));
    table_load(summary->machines, json_array_get(saved, 1));
    summary->any |= json_array_size(json_array_get(saved, 0)) > 0;
}

void conflict_summary_write(const struct conflict_summary *summary, FILE *out)
{
    if (!summary->any) {
        return;
    }
    fputs("\n", out);
    table_write(summary->pairs, out);
    fputs("\n  claims: in conflict, by the scheduler that had placed there last; spurious: would "
          "have\n"
          "  fit all the same; time lost: of attempts in conflict, shared out by claims\n\n",
          out);
    table_write(summary->machines, out);
    fputs("\n  in brackets: claims in conflict on that machine\n", out);
}
