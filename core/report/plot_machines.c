/* SPDX-License-Identifier: MIT */
/* Heat maps of machines, from machines.csv: where claims went, and where they met conflicts. */
#include <math.h>
#include <stdlib.h>

#include "core/report/columns.h"
#include "core/report/heat.h"
#include "core/report/report_private.h"

#define MACHINES_MAX (1u << 24)
#define CELLS_MAX 1024u /* of a panel: with more machines, neighbours share one */
#define VALUES 2u

enum column {
    MACHINE,
    ACCEPTED,
    CONFLICTING
};

static const char *const names[] = {"machine", "accepted", "conflicting", NULL};

struct machines {
    struct report *report;
    double *sums[REPORT_SHOWN_MAX]; /* [machine][value], over the seeds; owned */
    uint32_t room[REPORT_SHOWN_MAX];
    uint32_t count; /* one more than the largest index */
};

static const struct {
    const char *file;
    const char *title;
    const char *label;
    const char *caption;
} views[VALUES] = {
    {"machines-claims", "Claims accepted by machine", "claims per machine",
     "Claims that were accepted on each machine, a mean over the seeds."},
    {"machines-conflicts", "Conflicts by machine", "conflicts per machine",
     "Claims in conflict on each machine, a mean over the seeds."},
};

/* ---- reading ---- */

static int grow(struct machines *machines, uint32_t shown, uint32_t machine, omega_error_t *err)
{
    uint32_t room = machines->room[shown] == 0 ? 1024 : machines->room[shown];
    while (room <= machine) {
        room *= 2;
    }
    if (room > machines->room[shown]) {
        double *grown = realloc(machines->sums[shown], (size_t)room * VALUES * sizeof *grown);
        if (grown == NULL) {
            return report_no_memory(err);
        }
        for (size_t i = (size_t)machines->room[shown] * VALUES; i < (size_t)room * VALUES; i++) {
            grown[i] = 0;
        }
        machines->sums[shown] = grown;
        machines->room[shown] = room;
    }
    return 0;
}

static int read_row(void *context, const struct columns *columns, omega_error_t *err)
{
    struct machines *machines = context;
    uint32_t shown = report_shown(machines->report, columns->configuration);
    uint64_t machine;
    uint64_t values[VALUES] = {0};
    int rc = columns_count(columns, MACHINE, &machine, err);
    if (rc == 0 && machine >= MACHINES_MAX) {
        rc = csv_fail(&columns->csv, OMEGA_EINVAL, err, "machine: is %llu, expected one below %u",
                      (unsigned long long)machine, MACHINES_MAX);
    }
    for (uint32_t i = 0; rc == 0 && i < VALUES; i++) {
        rc = columns_count(columns, ACCEPTED + i, &values[i], err);
    }
    if (rc != 0 || shown == UINT32_MAX) {
        return rc;
    }
    rc = grow(machines, shown, (uint32_t)machine, err);
    for (uint32_t i = 0; rc == 0 && i < VALUES; i++) {
        machines->sums[shown][machine * VALUES + i] += (double)values[i];
    }
    machines->count = machine >= machines->count ? (uint32_t)machine + 1 : machines->count;
    return rc;
}

/* ---- drawing ---- */

struct grid {
    uint32_t together; /* machines that share a cell */
    uint32_t cells;
    uint32_t columns;
};

static struct grid grid_of(uint32_t machines)
{
    struct grid grid = {.together = (machines + CELLS_MAX - 1) / CELLS_MAX};
    grid.cells = (machines + grid.together - 1) / grid.together;
    grid.columns = 1;
    while (grid.columns * grid.columns < 2 * grid.cells) { /* about twice as wide as high */
        grid.columns++;
    }
    return grid;
}

/* The mean of a cell's machines, and of the seeds. */
static double cell_value(const struct machines *machines, uint32_t shown, const struct grid *grid,
                         uint32_t cell, uint32_t value)
{
    const struct report *report = machines->report;
    uint32_t seeds = result_set_configuration(report->set, report->shown[shown])->seed_count;
    uint32_t first = cell * grid->together;
    uint32_t end =
        first + grid->together < machines->count ? first + grid->together : machines->count;
    double sum = 0;
    for (uint32_t i = first; i < end && i < machines->room[shown]; i++) {
        sum += machines->sums[shown][(size_t)i * VALUES + value];
    }
    return sum / seeds / (end - first);
}

static int draw_panel(struct machines *machines, struct figure *figure, uint32_t shown,
                      uint32_t value, const struct heat_scale *scale, omega_error_t *err)
{
    const struct report *report = machines->report;
    const char *label = report->labels[report->shown[shown]];
    struct figure_panel *panel = figure_panel(figure, label, "machine");
    struct grid grid = grid_of(machines->count);
    if (panel == NULL) {
        return report_no_memory(err);
    }
    uint32_t block = figure_block(figure, "%s: column, row, %s", *label == '\0' ? "all" : label,
                                  views[value].label);
    for (uint32_t cell = 0; cell < grid.cells; cell++) {
        fprintf(figure->data, " %u %u", cell % grid.columns, cell / grid.columns);
        figure_number(figure, cell_value(machines, shown, &grid, cell, value));
        fputc('\n', figure->data);
    }
    heat_settings(scale, views[value].label, panel);
    uint32_t rows = (grid.cells + grid.columns - 1) / grid.columns;
    fprintf(panel->settings,
            "set xrange [-0.5:%g]\nset yrange [%g:-0.5]\nunset xtics\nset ytics nomirror scale 0 (",
            grid.columns - 0.5, rows - 0.5);
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t row = (rows - 1) * i / 2;
        fprintf(panel->settings, "%s'%u' %u", i > 0 ? ", " : "", row * grid.columns * grid.together,
                row);
    }
    fprintf(panel->settings, ")\nset xlabel '%u machines a row'\n", grid.columns * grid.together);
    heat_plot(scale, block, false, panel);
    return 0;
}

static int draw(struct machines *machines, uint32_t value, omega_error_t *err)
{
    struct report *report = machines->report;
    struct grid grid = grid_of(machines->count);
    struct heat_scale scale = {.least = INFINITY};
    struct figure figure;
    for (uint32_t i = 0; i < report->shown_count; i++) {
        for (uint32_t cell = 0; cell < grid.cells; cell++) {
            heat_take(&scale, cell_value(machines, i, &grid, cell, value));
        }
    }
    if (!(scale.most > 0)) {
        return 0;
    }
    int rc = figure_begin(&figure, &report->pool, report->drawing, views[value].file, err);
    if (rc != 0) {
        return rc;
    }
    figure.title = views[value].title;
    figure.bottom_in = 0.28;
    figure.caption = pool_format(
        &report->pool,
        "%s Machines by their index, row by row, %u to a cell; one scale for all panels; cells "
        "without any are white.%s",
        views[value].caption, grid.together, report_shown_note(report));
    for (uint32_t i = 0; rc == 0 && i < report->shown_count; i++) {
        if (machines->room[i] > 0) {
            rc = draw_panel(machines, &figure, i, value, &scale, err);
        }
    }
    if (rc != 0) {
        figure_abort(&figure);
        return rc;
    }
    return report_add(report, &figure, err);
}

int report_plot_machines(struct report *report, omega_error_t *err)
{
    struct machines machines = {.report = report};
    uint32_t found;
    int rc = columns_each(report->set, "machines.csv", names, read_row, &machines, &found, err);
    for (uint32_t value = 0; rc == 0 && machines.count > 0 && value < VALUES; value++) {
        rc = draw(&machines, value, err);
    }
    for (uint32_t i = 0; i < REPORT_SHOWN_MAX; i++) {
        free(machines.sums[i]);
    }
    return rc;
}
