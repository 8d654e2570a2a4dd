/* SPDX-License-Identifier: MIT */
/* Figures over time, from series.csv: use of the cell, queues and busyness of schedulers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/report/columns.h"
#include "core/report/report_private.h"

#define SAMPLES_MAX (1u << 24)
#define STEPS_MAX 400u /* of a line; with more, neighbours are taken together */
#define CELL UINT32_MAX
#define FIGURES 3u /* of a row that are read: of the cell CPU, memory, GPU; else queue, busyness */

enum column {
    START,
    END,
    SCOPE,
    NAME,
    CPU,
    MEM,
    GPU,
    QUEUE,
    BUSYNESS
};

static const char *const names[] = {
    "start_s",         "end_s",           "scope", "name",     "cpu_utilisation",
    "mem_utilisation", "gpu_utilisation", "queue", "busyness", NULL};

struct sample {
    uint32_t shown; /* number of its configuration among those shown */
    uint32_t of;    /* CELL, or which scheduler */
    double middle_s;
    double values[FIGURES];
};

struct series {
    struct report *report;
    struct sample *samples; /* once read: by configuration, what it is of, and time */
    size_t count;
    size_t room;
    bool several; /* some time has several seeds */
};

/* A line of a figure: which samples, and which of their values. */
struct view {
    const char *file;
    const char *title;
    const char *axis;
    const char *caption;
    const char *panels[FIGURES]; /* of the cell: a panel for each value */
    uint32_t value;              /* of schedulers: the only one */
    bool of_cell;
    bool share;
};

static const struct view views[] = {
    {.file = "use-time",
     .title = "Use of the cell over time",
     .axis = "in use [share]",
     .caption = "Share of the cell's capacity that placements use, a mean over each step.",
     .panels = {"CPU", "memory", "GPU"},
     .of_cell = true,
     .share = true},
    {.file = "queue-time",
     .title = "Queue length over time",
     .axis = "queue [jobs]",
     .caption = "Jobs that wait in the queues of a scheduler's instances, a mean over each step.",
     .value = 0},
    {.file = "busyness-time",
     .title = "Busyness over time",
     .axis = "busyness [share]",
     .caption = "Share of each step that a scheduler's instances spend in attempts.",
     .value = 1,
     .share = true},
};

/* ---- reading ---- */

static struct sample *new_sample(struct series *series)
{
    if (series->count == series->room) {
        size_t room = series->room == 0 ? 4096 : 2 * series->room;
        struct sample *grown = realloc(series->samples, room * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        series->samples = grown;
        series->room = room;
    }
    return &series->samples[series->count++];
}

static int find_scope(const struct columns *columns, uint32_t *of, omega_error_t *err)
{
    const char *scope = columns_text(columns, SCOPE);
    const char *name;
    if (strcmp(scope, "cell") == 0) {
        *of = CELL;
        return 0;
    }
    for (*of = 0; (name = result_set_name(columns->set, RESULT_SCHEDULER, *of)) != NULL; ++*of) {
        if (strcmp(scope, "scheduler") == 0 && strcmp(name, columns_text(columns, NAME)) == 0) {
            return 0;
        }
    }
    return csv_fail(&columns->csv, OMEGA_EINVAL, err,
                    "is of '%.20s' '%.64s', expected the cell or a scheduler of results.jsonl",
                    scope, columns_text(columns, NAME));
}

static int read_row(void *context, const struct columns *columns, omega_error_t *err)
{
    struct series *series = context;
    uint32_t shown = report_shown(series->report, columns->configuration);
    double start_s;
    double end_s;
    uint32_t of;
    int rc = find_scope(columns, &of, err);
    rc = rc == 0 ? columns_number(columns, START, &start_s, err) : rc;
    rc = rc == 0 ? columns_number(columns, END, &end_s, err) : rc;
    if (rc == 0 && !(start_s <= end_s)) {
        rc = csv_fail(&columns->csv, OMEGA_EINVAL, err, "start_s is not before end_s, expected it");
    }
    if (rc != 0 || shown == UINT32_MAX) {
        return rc;
    }
    struct sample *sample = series->count == SAMPLES_MAX ? NULL : new_sample(series);
    if (sample == NULL) {
        return report_no_memory(err);
    }
    *sample = (struct sample){.shown = shown, .of = of, .middle_s = (start_s + end_s) / 2};
    sample->values[2] = NAN;
    uint32_t first = of == CELL ? CPU : QUEUE;
    for (uint32_t i = 0; rc == 0 && i < (of == CELL ? 3u : 2u); i++) {
        rc = columns_number(columns, first + i, &sample->values[i], err);
    }
    return rc;
}

static int by_place(const void *a, const void *b)
{
    const struct sample *left = a;
    const struct sample *right = b;
    int shown = (left->shown > right->shown) - (left->shown < right->shown);
    int of = (left->of > right->of) - (left->of < right->of);
    int time = (left->middle_s > right->middle_s) - (left->middle_s < right->middle_s);
    return shown != 0 ? shown : of != 0 ? of : time;
}

/* ---- lines ---- */

/* The samples of a configuration and a scheduler (or the cell): from *first so many. */
static size_t find_samples(const struct series *series, uint32_t shown, uint32_t of, size_t *first)
{
    size_t i = 0;
    while (i < series->count &&
           (series->samples[i].shown != shown || series->samples[i].of != of)) {
        i++;
    }
    *first = i;
    while (i < series->count && series->samples[i].shown == shown && series->samples[i].of == of) {
        i++;
    }
    return i - *first;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

struct step {
    double middle_s;
    double median;
    double least;
    double most;
};

/* One time: what the seeds have there. `values` is scratch for as many as there are samples. */
static struct step step_of(const struct sample *samples, size_t count, uint32_t value,
                           double *values)
{
    struct step step = {samples[0].middle_s, NAN, NAN, NAN};
    size_t known = 0;
    for (size_t i = 0; i < count; i++) {
        if (isfinite(samples[i].values[value])) {
            values[known++] = samples[i].values[value];
        }
    }
    if (known > 0) {
        qsort(values, known, sizeof *values, by_size);
        step.median = (values[(known - 1) / 2] + values[known / 2]) / 2;
        step.least = values[0];
        step.most = values[known - 1];
    }
    return step;
}

static void put_step(struct figure *figure, const struct step *sum, uint32_t count, double unit_s)
{
    figure_number(figure, sum->middle_s / count / unit_s);
    figure_number(figure, sum->median / count);
    figure_number(figure, sum->least / count);
    figure_number(figure, sum->most / count);
    fputc('\n', figure->data);
}

/* How many seeds the time at `at` has. */
static size_t seeds_at(const struct sample *samples, size_t count, size_t at)
{
    size_t seeds = 1;
    while (at + seeds < count && samples[at + seeds].middle_s == samples[at].middle_s) {
        seeds++;
    }
    return seeds;
}

/* Writes a line's block of data: steps, neighbours taken together where there are too many. */
static int put_line(struct series *series, struct figure *figure, const struct sample *samples,
                    size_t count, uint32_t value, double unit_s, omega_error_t *err)
{
    double *values = calloc(count, sizeof *values);
    struct step sum = {0};
    uint32_t steps = 0;
    uint32_t summed = 0;
    if (values == NULL) {
        return report_no_memory(err);
    }
    for (size_t i = 0; i < count; i += seeds_at(samples, count, i)) {
        steps++;
    }
    uint32_t together = (steps + STEPS_MAX - 1) / STEPS_MAX;
    for (size_t i = 0; i < count;) {
        size_t seeds = seeds_at(samples, count, i);
        struct step step = step_of(samples + i, seeds, value, values);
        series->several = series->several || seeds > 1;
        sum.middle_s += step.middle_s;
        sum.median += step.median;
        sum.least += step.least;
        sum.most += step.most;
        i += seeds;
        if (++summed == together || i == count) {
            put_step(figure, &sum, summed, unit_s);
            sum = (struct step){0};
            summed = 0;
        }
    }
    free(values);
    return 0;
}

/* ---- panels ---- */

struct unit {
    const char *name;
    double s;
};

static struct unit time_unit(const struct series *series)
{
    static const struct unit units[] = {{"min", 60}, {"h", 3600}, {"days", 86400}};
    double most = 0;
    for (size_t i = 0; i < series->count; i++) {
        most = series->samples[i].middle_s > most ? series->samples[i].middle_s : most;
    }
    return units[most <= 2 * 3600 ? 0 : most <= 3 * 86400 ? 1 : 2];
}

/* Has a view something above 0 to show? */
static bool has_values(const struct series *series, uint32_t of, uint32_t value)
{
    for (size_t i = 0; i < series->count; i++) {
        if (series->samples[i].of == of && series->samples[i].values[value] > 0) {
            return true;
        }
    }
    return false;
}

static int draw_panel(struct series *series, const struct view *view, struct figure *figure,
                      const char *title, uint32_t of, uint32_t value, omega_error_t *err)
{
    const struct report *report = series->report;
    struct unit unit = time_unit(series);
    struct figure_panel *panel = figure_panel(figure, title, view->axis);
    int rc = 0;
    if (panel == NULL) {
        return report_no_memory(err);
    }
    fprintf(panel->settings,
            "set xlabel 'time [%s]' offset 0,0.4\n"
            "set yrange [0:%s]\nset xrange [0:*]\n",
            unit.name, view->share ? "1.03" : "*");
    for (uint32_t i = 0; rc == 0 && i < report->shown_count; i++) {
        size_t first;
        size_t count = find_samples(series, i, of, &first);
        if (count == 0) {
            continue;
        }
        uint32_t block = figure_block(figure, "%s, %s: time_%s, median, least, most of the seeds",
                                      title == NULL ? "cell" : title,
                                      report->labels[report->shown[i]], unit.name);
        rc = put_line(series, figure, series->samples + first, count, value, unit.s, err);
        fprintf(panel->plot, "%s", ftell(panel->plot) > 0 ? ", \\\n     " : "");
        if (series->several) {
            fprintf(panel->plot,
                    "data index %u using 1:3:4 with filledcurves ls %u fs transparent solid 0.2 "
                    "noborder notitle, \\\n     ",
                    block, i + 1);
        }
        fprintf(panel->plot, "data index %u using 1:2 with lines ls %u lw 1 notitle", block, i + 1);
    }
    return rc;
}

static int draw_panels(struct series *series, const struct view *view, struct figure *figure,
                       omega_error_t *err)
{
    const struct report *report = series->report;
    const char *name;
    int rc = 0;
    for (uint32_t i = 0; view->of_cell && rc == 0 && i < FIGURES; i++) {
        if (has_values(series, CELL, i)) {
            rc = draw_panel(series, view, figure, view->panels[i], CELL, i, err);
        }
    }
    for (uint32_t s = 0; !view->of_cell && rc == 0 && figure->panel_count < FIGURE_PANELS_MAX &&
                         (name = result_set_name(report->set, RESULT_SCHEDULER, s)) != NULL;
         s++) {
        if (has_values(series, s, view->value)) {
            rc = draw_panel(series, view, figure, name, s, view->value, err);
        }
    }
    return rc;
}

static int draw(struct series *series, const struct view *view, omega_error_t *err)
{
    struct report *report = series->report;
    struct figure figure;
    int rc = figure_begin(&figure, &report->pool, report->drawing, view->file, err);
    if (rc != 0) {
        return rc;
    }
    for (uint32_t i = 0; report->configuration_count > 1 && i < report->shown_count; i++) {
        figure_key(&figure, "lines", i, report->labels[report->shown[i]]);
    }
    rc = draw_panels(series, view, &figure, err);
    figure.title = view->title;
    figure.caption =
        pool_format(&report->pool, "%s%s%s", view->caption,
                    series->several ? " Lines: the median of the seeds; bands: from the least to "
                                      "the most of them."
                                    : "",
                    report_shown_note(report));
    if (rc != 0) {
        figure_abort(&figure);
        return rc;
    }
    return report_add(report, &figure, err);
}

int report_plot_series(struct report *report, omega_error_t *err)
{
    struct series series = {.report = report};
    uint32_t found;
    int rc = columns_each(report->set, "series.csv", names, read_row, &series, &found, err);
    if (rc == 0 && series.count > 0) {
        qsort(series.samples, series.count, sizeof *series.samples, by_place);
    }
    for (size_t i = 0; rc == 0 && series.count > 0 && i < sizeof views / sizeof views[0]; i++) {
        rc = draw(&series, &views[i], err);
    }
    free(series.samples);
    return rc;
}
