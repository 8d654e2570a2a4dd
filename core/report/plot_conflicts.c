/* SPDX-License-Identifier: MIT */
/* Who blocks whom, from conflicts.csv: a matrix of instances for each configuration. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/report/columns.h"
#include "core/report/heat.h"
#include "core/report/report_private.h"

#define ENTRIES_MAX (1u << 22)
#define SIDE_MAX 24u    /* with more instances, they are taken together by scheduler */
#define NUMBERS_MAX 10u /* instances up to which cells have numbers */

enum column {
    SCHEDULER,
    INSTANCE,
    RIVAL_SCHEDULER,
    RIVAL,
    CLAIMS
};

static const char *const names[] = {"scheduler", "instance", "rival_scheduler",
                                    "rival",     "claims",   NULL};

struct party {
    uint32_t scheduler;
    uint32_t instance;
};

struct entry {
    uint32_t shown;
    struct party who;
    struct party rival;
    double claims;
};

struct conflicts {
    struct report *report;
    struct entry *entries;
    size_t count;
    size_t room;
};

/* A square of one configuration. */
struct square {
    struct party *parties; /* rising; owned */
    uint32_t side;
    bool by_scheduler;
    double *claims; /* [who][rival], a mean over the seeds; owned */
};

/* ---- reading ---- */

static int read_party(const struct columns *columns, uint32_t column, struct party *party,
                      omega_error_t *err)
{
    const char *scheduler = columns_text(columns, column);
    const char *name;
    uint64_t instance;
    int rc = columns_count(columns, column + 1, &instance, err);
    if (rc != 0) {
        return rc;
    }
    party->scheduler = 0;
    while ((name = result_set_name(columns->set, RESULT_SCHEDULER, party->scheduler)) != NULL &&
           strcmp(name, scheduler) != 0) {
        party->scheduler++;
    }
    if (name == NULL || instance >= UINT32_MAX) {
        return csv_fail(&columns->csv, OMEGA_EINVAL, err,
                        "'%.64s' is no scheduler of results.jsonl, expected one", scheduler);
    }
    party->instance = (uint32_t)instance;
    return 0;
}

static int read_row(void *context, const struct columns *columns, omega_error_t *err)
{
    struct conflicts *conflicts = context;
    struct entry entry = {.shown = report_shown(conflicts->report, columns->configuration)};
    uint64_t claims;
    int rc = read_party(columns, SCHEDULER, &entry.who, err);
    rc = rc == 0 ? read_party(columns, RIVAL_SCHEDULER, &entry.rival, err) : rc;
    rc = rc == 0 ? columns_count(columns, CLAIMS, &claims, err) : rc;
    if (rc != 0 || entry.shown == UINT32_MAX) {
        return rc;
    }
    entry.claims = (double)claims;
    if (conflicts->count == conflicts->room) {
        size_t room = conflicts->room == 0 ? 1024 : 2 * conflicts->room;
        struct entry *grown =
            room > ENTRIES_MAX ? NULL : realloc(conflicts->entries, room * sizeof *grown);
        if (grown == NULL) {
            return report_no_memory(err);
        }
        conflicts->entries = grown;
        conflicts->room = room;
    }
    conflicts->entries[conflicts->count++] = entry;
    return 0;
}

/* ---- squares ---- */

static int by_party(const void *a, const void *b)
{
    const struct party *left = a;
    const struct party *right = b;
    int scheduler = (left->scheduler > right->scheduler) - (left->scheduler < right->scheduler);
    int instance = (left->instance > right->instance) - (left->instance < right->instance);
    return scheduler != 0 ? scheduler : instance;
}

/* Sorts parties and keeps one of each; returns how many. */
static uint32_t unique(struct party *parties, uint32_t count)
{
    uint32_t kept = 0;
    qsort(parties, count, sizeof *parties, by_party);
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || by_party(&parties[i], &parties[kept - 1]) != 0) {
            parties[kept++] = parties[i];
        }
    }
    return kept;
}

static int find_parties(const struct conflicts *conflicts, uint32_t shown, struct square *square,
                        omega_error_t *err)
{
    uint32_t count = 0;
    square->parties = calloc(2 * conflicts->count + 1, sizeof *square->parties);
    if (square->parties == NULL) {
        return report_no_memory(err);
    }
    for (size_t i = 0; i < conflicts->count; i++) {
        if (conflicts->entries[i].shown == shown) {
            square->parties[count++] = conflicts->entries[i].who;
            square->parties[count++] = conflicts->entries[i].rival;
        }
    }
    square->side = unique(square->parties, count);
    if (square->side > SIDE_MAX) {
        square->by_scheduler = true;
        for (uint32_t i = 0; i < square->side; i++) {
            square->parties[i].instance = 0;
        }
        square->side = unique(square->parties, square->side);
    }
    square->side = square->side > SIDE_MAX ? SIDE_MAX : square->side;
    return 0;
}

static uint32_t place_of(const struct square *square, struct party party)
{
    uint32_t i = 0;
    party.instance = square->by_scheduler ? 0 : party.instance;
    while (i < square->side && by_party(&square->parties[i], &party) != 0) {
        i++;
    }
    return i;
}

static int fill_square(const struct conflicts *conflicts, uint32_t shown, struct square *square,
                       struct heat_scale *scale, omega_error_t *err)
{
    const struct report *report = conflicts->report;
    uint32_t seeds = result_set_configuration(report->set, report->shown[shown])->seed_count;
    int rc = find_parties(conflicts, shown, square, err);
    if (rc != 0) {
        return rc;
    }
    square->claims = calloc((size_t)square->side * square->side + 1, sizeof *square->claims);
    if (square->claims == NULL) {
        return report_no_memory(err);
    }
    for (size_t i = 0; i < conflicts->count; i++) {
        const struct entry *entry = &conflicts->entries[i];
        if (entry->shown != shown) {
            continue;
        }
        uint32_t who = place_of(square, entry->who);
        uint32_t rival = place_of(square, entry->rival);
        if (who < square->side && rival < square->side) {
            square->claims[who * square->side + rival] += entry->claims / seeds;
        }
    }
    for (uint32_t i = 0; i < square->side * square->side; i++) {
        heat_take(scale, square->claims[i]);
    }
    return 0;
}

/* ---- panels ---- */

static void put_tics(const struct report *report, const struct square *square, const char *axis,
                     const char *more, FILE *out)
{
    fprintf(out, "set %stics (", axis);
    for (uint32_t i = 0; i < square->side; i++) {
        char text[96];
        const char *name =
            result_set_name(report->set, RESULT_SCHEDULER, square->parties[i].scheduler);
        snprintf(text, sizeof text, square->by_scheduler ? "%s" : "%s/%u", name,
                 square->parties[i].instance);
        fputs(i > 0 ? ", " : "", out);
        figure_put_text(out, text);
        fprintf(out, " %u", i);
    }
    fprintf(out, ") nomirror scale 0%s\n", more);
}

static int draw_panel(struct report *report, struct figure *figure, const struct square *square,
                      uint32_t shown, const struct heat_scale *scale, omega_error_t *err)
{
    const char *label = report->labels[report->shown[shown]];
    struct figure_panel *panel = figure_panel(figure, label, "blocked");
    if (panel == NULL) {
        return report_no_memory(err);
    }
    uint32_t block =
        figure_block(figure, "%s: rival, who was blocked, claims in conflict (mean over seeds)",
                     *label == '\0' ? "all" : label);
    for (uint32_t i = 0; i < square->side * square->side; i++) {
        fprintf(figure->data, " %u %u %.12g\n", i % square->side, i / square->side,
                square->claims[i]);
    }
    heat_settings(scale, "claims in conflict", panel);
    fprintf(panel->settings,
            "least = %.12g\nmost = %.12g\n"
            "set xrange [-0.5:%g]\nset yrange [%g:-0.5]\n"
            "set xlabel 'rival'\n",
            scale->least, scale->most, square->side - 0.5, square->side - 0.5);
    put_tics(report, square, "x", " rotate by 35 right", panel->settings);
    put_tics(report, square, "y", "", panel->settings);
    heat_plot(scale, block, square->side <= NUMBERS_MAX, panel);
    return 0;
}

static int draw(struct conflicts *conflicts, const struct square *squares,
                const struct heat_scale *scale, omega_error_t *err)
{
    struct report *report = conflicts->report;
    struct figure figure;
    int rc = figure_begin(&figure, &report->pool, report->drawing, "conflicts", err);
    if (rc != 0) {
        return rc;
    }
    figure.left_in = 0.95;
    figure.bottom_in = 0.8;
    figure.panel_height_in = 1.7;
    figure.title = "Who blocks whom";
    figure.caption = pool_format(
        &report->pool,
        "Claims in conflict by the instance that made them (down) and the rival whose placements "
        "they met (across), SCHEDULER/INSTANCE; a mean over the seeds. One scale for all panels; "
        "cells without conflicts are white.%s",
        report_shown_note(report));
    for (uint32_t i = 0; rc == 0 && i < report->shown_count; i++) {
        if (squares[i].side > 0) {
            rc = draw_panel(report, &figure, &squares[i], i, scale, err);
        }
    }
    if (rc != 0) {
        figure_abort(&figure);
        return rc;
    }
    return report_add(report, &figure, err);
}

int report_plot_conflicts(struct report *report, omega_error_t *err)
{
    struct conflicts conflicts = {.report = report};
    struct square squares[REPORT_SHOWN_MAX] = {0};
    struct heat_scale scale = {.least = INFINITY};
    uint32_t found;
    int rc = columns_each(report->set, "conflicts.csv", names, read_row, &conflicts, &found, err);
    for (uint32_t i = 0; rc == 0 && i < report->shown_count; i++) {
        rc = fill_square(&conflicts, i, &squares[i], &scale, err);
    }
    if (rc == 0 && scale.most > 0) {
        heat_close(&scale);
        rc = draw(&conflicts, squares, &scale, err);
    }
    for (uint32_t i = 0; i < REPORT_SHOWN_MAX; i++) {
        free(squares[i].parties);
        free(squares[i].claims);
    }
    free(conflicts.entries);
    return rc;
}
