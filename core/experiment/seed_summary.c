/* SPDX-License-Identifier: MIT */
/* What schedulers did over seeds: see seed_summary.h. */
#include "core/experiment/seed_summary.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/statistics.h"
#include "core/experiment/table.h"

#define CONFIDENCE 0.95
#define NAME_BYTES 80

enum figure {
    WAIT_MEAN = 0,
    WAIT_P90,
    BUSYNESS,
    CONFLICT_FRACTION,
    FIGURES,
};

static const char *const headings[] = {"variant", "scheduler",         "seeds", "wait mean [s]",
                                       "+-",      "wait p90 [s]",      "+-",    "busyness",
                                       "+-",      "conflict fraction", "+-",    NULL};

/* A scheduler in one point. */
struct entry {
    const char *variant;
    uint64_t seed;
    char name[NAME_BYTES];
    double figures[FIGURES];
    bool bounds[FIGURES]; /* the figure is a lower bound */
    bool taken;
};

struct seed_summary {
    struct entry *entries;
    size_t count;
    size_t room;
};

struct seed_summary *seed_summary_create(void)
{
    return calloc(1, sizeof(struct seed_summary));
}

void seed_summary_destroy(struct seed_summary *summary)
{
    if (summary != NULL) {
        free(summary->entries);
        free(summary);
    }
}

static struct entry *next_entry(struct seed_summary *summary)
{
    if (summary->count == summary->room) {
        size_t room = summary->room == 0 ? 16 : 2 * summary->room;
        struct entry *grown = realloc(summary->entries, room * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        summary->entries = grown;
        summary->room = room;
    }
    return &summary->entries[summary->count++];
}

static void fill(struct entry *entry, const struct metrics_scope *scope, int64_t measured_us)
{
    const struct histogram *wait = scope->wait_first;
    bool none = histogram_count(wait) == 0;
    bool censored = false;
    double p90 = none ? __builtin_nan("") : (double)histogram_quantile(wait, 0.9, &censored);
    snprintf(entry->name, sizeof entry->name, "%s", scope->name);
    entry->figures[WAIT_MEAN] = none ? __builtin_nan("") : histogram_mean(wait) / 1e6;
    entry->figures[WAIT_P90] = p90 / 1e6;
    entry->figures[BUSYNESS] = metrics_busyness(scope, measured_us);
    entry->figures[CONFLICT_FRACTION] = metrics_conflict_fraction(scope);
    entry->bounds[WAIT_MEAN] = histogram_censored(wait) > 0;
    entry->bounds[WAIT_P90] = censored;
}

int seed_summary_point(struct seed_summary *summary, const struct point_result *result)
{
    struct metrics_cell cell;
    metrics_read_cell(result->metrics, &cell);
    for (uint32_t i = 0; i < metrics_scheduler_count(result->metrics); i++) {
        struct metrics_scope scope;
        struct entry *entry = next_entry(summary);
        if (entry == NULL) {
            return OMEGA_ENOMEM;
        }
        metrics_read_scheduler(result->metrics, i, &scope);
        *entry = (struct entry){.variant = result->point->variant, .seed = result->point->seed};
        fill(entry, &scope, cell.measured_us);
    }
    return 0;
}

/* Marks what belongs to an entry: the same scheduler with further seeds, up to another variant or
 * to the first seed again. Returns how many. */
static uint32_t gather(struct seed_summary *summary, size_t first, const struct entry **group)
{
    struct entry *begin = &summary->entries[first];
    uint32_t count = 0;
    for (size_t i = first; i < summary->count; i++) {
        struct entry *entry = &summary->entries[i];
        bool same = strcmp(entry->name, begin->name) == 0;
        if (strcmp(entry->variant, begin->variant) != 0 ||
            (i > first && same && entry->seed == begin->seed)) {
            break;
        }
        if (same) {
            entry->taken = true;
            group[count++] = entry;
        }
    }
    return count;
}

static void add_row(struct table *table, const struct entry *const *group, uint32_t count,
                    double *values)
{
    table_cell(table, "%s", group[0]->variant[0] == '\0' ? "-" : group[0]->variant);
    table_cell(table, "%s", group[0]->name);
    table_cell(table, "%u", count);
    for (int figure = 0; figure < FIGURES; figure++) {
        struct interval mean;
        uint32_t known = 0;
        bool bound = false;
        for (uint32_t i = 0; i < count; i++) {
            double value = group[i]->figures[figure];
            bound |= group[i]->bounds[figure];
            if (value == value) {
                values[known++] = value;
            }
        }
        interval_of_mean(values, known, CONFIDENCE, &mean);
        table_figure_as(table, bound ? "> " : "", mean.estimate, "");
        table_figure(table, mean.half);
    }
}

void seed_summary_write(struct seed_summary *summary, FILE *out)
{
    const struct entry **group = calloc(summary->count + 1, sizeof(*group));
    double *values = calloc(summary->count + 1, sizeof *values);
    struct table *table = table_create(headings, 2);
    bool several = false;
    if (group != NULL && values != NULL && table != NULL) {
        for (size_t i = 0; i < summary->count; i++) {
            uint32_t count = summary->entries[i].taken ? 0 : gather(summary, i, group);
            several |= count > 1;
            if (count > 0) {
                add_row(table, group, count, values);
            }
        }
    }
    if (several) {
        fputc('\n', out);
        table_write(table, out);
        fputs("\n  means over seeds, each run one value (days are not); +-: half the width of the "
              "95 % t-interval\n",
              out);
    }
    table_destroy(table);
    free(group);
    free(values);
}
