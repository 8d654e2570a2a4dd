/* SPDX-License-Identifier: MIT */
/* What schedulers did over seeds: see seed_summary.h. Seeds change fastest, so that the points of a
 * line come one after the other and one line is made at a time. */
#include "core/experiment/seed_summary.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/statistics.h"
#include "core/experiment/table.h"

#define CONFIDENCE 0.95

enum figure {
    FIGURE_JOBS = 0,
    FIGURE_SCHEDULED,
    FIGURE_WAIT_MEAN,
    FIGURE_WAIT_P90,
    FIGURE_BUSYNESS,
    FIGURE_CONFLICTS,
    FIGURES,
};

/* Where a figure comes from; `lower` tells of a value that it is a lower bound only. */
static const struct {
    const char *heading;
    const char *key;
    const char *share_of; /* NULL: the value itself */
    const char *lower;
    bool interval; /* with a column for half the width of its interval */
} figures[FIGURES] = {
    [FIGURE_JOBS] = {"jobs", "jobs_submitted", NULL, NULL, false},
    [FIGURE_SCHEDULED] = {"scheduled", "jobs_scheduled", "jobs_submitted", NULL, false},
    [FIGURE_WAIT_MEAN] = {"wait mean [s]", "wait_first_mean_s", NULL, "wait_first_mean_censored",
                          true},
    [FIGURE_WAIT_P90] = {"wait p90 [s]", "wait_first_p90_s", NULL, "wait_first_p90_censored", true},
    [FIGURE_BUSYNESS] = {"busyness", "busyness", NULL, NULL, true},
    [FIGURE_CONFLICTS] = {"conflict fraction", "conflict_fraction", NULL, NULL, true},
};

#define COLUMNS_BEFORE 3 /* variant, seeds, scheduler: besides the parameters */

/* A figure in all seeds of a line that have a value. */
struct sample {
    double *values;
    uint32_t count;
    uint32_t room;
    bool lower;
};

/* A scheduler in all seeds of one variant and assignment. */
struct line {
    json_t *first; /* its row with the first seed */
    uint32_t seeds;
    struct sample samples[FIGURES];
};

struct seed_summary {
    struct parameters parameters;
    const char *headings[PARAMETERS_MAX + COLUMNS_BEFORE + 2 * FIGURES + 1];
    struct table *table;
    struct line *lines; /* of the schedulers at hand */
    size_t count;
    size_t room;
};

struct seed_summary *seed_summary_create(const struct parameters *parameters)
{
    struct seed_summary *summary = calloc(1, sizeof *summary);
    if (summary == NULL) {
        return NULL;
    }
    size_t column = 0;
    summary->headings[column++] = "variant";
    for (uint32_t i = 0; i < parameters->count; i++) {
        summary->headings[column++] = parameters->at[i].path;
    }
    summary->headings[column++] = "seeds";
    summary->headings[column++] = "scheduler";
    for (size_t i = 0; i < FIGURES; i++) {
        summary->headings[column++] = figures[i].heading;
        if (figures[i].interval) {
            summary->headings[column++] = "+-";
        }
    }
    summary->parameters = *parameters;
    summary->table = table_create(summary->headings, (int)(parameters->count + COLUMNS_BEFORE));
    if (summary->table == NULL) {
        seed_summary_destroy(summary);
        return NULL;
    }
    return summary;
}

static void forget_lines(struct seed_summary *summary)
{
    for (size_t i = 0; i < summary->count; i++) {
        json_decref(summary->lines[i].first);
        for (size_t figure = 0; figure < FIGURES; figure++) {
            free(summary->lines[i].samples[figure].values);
        }
    }
    summary->count = 0;
}

void seed_summary_destroy(struct seed_summary *summary)
{
    if (summary != NULL) {
        forget_lines(summary);
        free(summary->lines);
        table_destroy(summary->table);
        free(summary);
    }
}

/* ---- taking rows ---- */

static bool same(const json_t *a, const json_t *b, const char *key)
{
    const json_t *in_a = json_object_get(a, key);
    const json_t *in_b = json_object_get(b, key);
    return in_a == in_b || json_equal(in_a, in_b); /* NULL: neither has it */
}

/* Whether a row belongs to the lines at hand. */
static bool continues(const struct seed_summary *summary, const json_t *row)
{
    return summary->count == 0 || (same(summary->lines[0].first, row, "variant") &&
                                   same(summary->lines[0].first, row, ROW_PARAMETERS_COLUMN));
}

static struct line *line_of(struct seed_summary *summary, json_t *row)
{
    for (size_t i = 0; i < summary->count; i++) {
        if (same(summary->lines[i].first, row, "name")) {
            return &summary->lines[i];
        }
    }
    if (summary->count == summary->room) {
        size_t room = summary->room == 0 ? 8 : 2 * summary->room;
        struct line *grown = reallocarray(summary->lines, room, sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        summary->lines = grown;
        summary->room = room;
    }
    struct line *line = &summary->lines[summary->count++];
    *line = (struct line){.first = json_incref(row)};
    return line;
}

static bool add_value(struct sample *sample, double value)
{
    if (sample->count == sample->room) {
        uint32_t room = sample->room == 0 ? 16 : 2 * sample->room;
        double *grown = reallocarray(sample->values, room, sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        sample->values = grown;
        sample->room = room;
    }
    sample->values[sample->count++] = value;
    return true;
}

/* False without memory. */
static bool add_row(struct line *line, const json_t *row)
{
    bool added = true;
    line->seeds++;
    for (size_t i = 0; i < FIGURES; i++) {
        struct sample *sample = &line->samples[i];
        const json_t *value = json_object_get(row, figures[i].key);
        double whole = 1;
        if (figures[i].share_of != NULL) {
            whole = json_number_value(json_object_get(row, figures[i].share_of));
        }
        if (json_is_number(value) && whole > 0) {
            added = added && add_value(sample, json_number_value(value) / whole);
        }
        sample->lower |=
            figures[i].lower != NULL && json_is_true(json_object_get(row, figures[i].lower));
    }
    return added;
}

/* ---- writing lines ---- */

static void put_figure(struct table *table, size_t figure, const struct sample *sample)
{
    struct interval mean;
    interval_of_mean(sample->values, sample->count, CONFIDENCE, &mean);
    if (figure == FIGURE_SCHEDULED) {
        table_figure_as(table, "", mean.estimate * 100, " %");
    } else {
        table_figure_as(table, sample->lower ? "> " : "", mean.estimate, "");
    }
    if (figures[figure].interval) {
        table_figure(table, mean.half);
    }
}

static void put_line(const struct seed_summary *summary, const struct line *line)
{
    struct table *table = summary->table;
    const char *variant = json_string_value(json_object_get(line->first, "variant"));
    const json_t *values = json_object_get(line->first, ROW_PARAMETERS_COLUMN);
    const char *name = json_string_value(json_object_get(line->first, "name"));
    json_int_t instances = json_integer_value(json_object_get(line->first, "instances"));
    table_cell(table, "%s", variant == NULL || variant[0] == '\0' ? "-" : variant);
    for (uint32_t i = 0; i < summary->parameters.count; i++) {
        const json_t *value = json_object_get(values, summary->parameters.at[i].path);
        char *text =
            json_is_string(value)
                ? strdup(json_string_value(value))
                : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
        table_cell(table, "%.40s", text == NULL ? "" : text);
        free(text);
    }
    table_cell(table, "%u", line->seeds);
    if (instances > 1) {
        table_cell(table, "%s x%lld", name == NULL ? "?" : name, (long long)instances);
    } else {
        table_cell(table, "%s", name == NULL ? "?" : name);
    }
    for (size_t i = 0; i < FIGURES; i++) {
        put_figure(table, i, &line->samples[i]);
    }
}

static void put_lines(struct seed_summary *summary)
{
    for (size_t i = 0; i < summary->count; i++) {
        put_line(summary, &summary->lines[i]);
    }
    forget_lines(summary);
}

static int take_row(struct seed_summary *summary, const char *text, size_t length,
                    omega_error_t *err)
{
    json_t *row = json_loadb(text, length, 0, NULL);
    const char *scope = json_string_value(json_object_get(row, "scope"));
    int rc = scope == NULL ? omega_error_set(err, OMEGA_ECORRUPT, "no row of results in a part")
                           : OMEGA_OK;
    if (rc == OMEGA_OK && strcmp(scope, "scheduler") == 0) {
        if (!continues(summary, row)) {
            put_lines(summary);
        }
        struct line *line = line_of(summary, row);
        if (line == NULL || !add_row(line, row)) {
            rc = omega_error_set(err, OMEGA_ENOMEM, "out of memory");
        }
    }
    json_decref(row);
    return rc;
}

int seed_summary_add(struct seed_summary *summary, const char *rows, omega_error_t *err)
{
    int rc = OMEGA_OK;
    for (const char *at = rows; rc == OMEGA_OK && *at != '\0';) {
        size_t length = strcspn(at, "\n");
        rc = take_row(summary, at, length, err);
        at += length + (at[length] == '\n');
    }
    return rc;
}

void seed_summary_write(struct seed_summary *summary, FILE *out)
{
    put_lines(summary);
    table_write(summary->table, out);
    fputs("\n  means over seeds, each run one value (days are not); +-: half the width of the 95 % "
          "t-interval;\n  > x: some jobs wait still\n",
          out);
}
