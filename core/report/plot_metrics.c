/* SPDX-License-Identifier: MIT */
/* Figures with error bars: one metric over a parameter of the sweep, or by variant. */
#include <math.h>
#include <string.h>

#include "core/report/report_private.h"

#define LOG_RATIO 50.0 /* values that are further apart are shown on a logarithmic scale */
#define NAMES_FIT 40   /* characters below an axis that fit side by side */
#define NAME_SHOWN_MAX 30
#define DECADES_MAX 1e6 /* up to here each has a label */
#define DODGE 0.14      /* from one series to the next, where all stand beside a variant's name */

struct kind {
    enum result_scope scope;
    const char *key;
    const char *file;
    const char *title;
    const char *axis;
    const char *meaning;
    bool share; /* from 0 to 1 */
};

static const struct kind kinds[] = {
    {RESULT_SCHEDULER, "busyness", "busyness", "Scheduler busyness", "busyness [share of time]",
     "Share of time that the instances of a scheduler spend in attempts.", true},
    {RESULT_SCHEDULER, "conflict_fraction", "conflict-fraction", "Conflict fraction",
     "conflicts per success",
     "Transactions with a conflict, per successful transaction, of a scheduler.", false},
    {RESULT_WORKLOAD, "wait_first_mean_s", "wait-mean", "Job wait time, mean", "mean wait [s]",
     "From a job's submission to the start of its first attempt, by workload: the mean.", false},
    {RESULT_WORKLOAD, "wait_first_p90_s", "wait-p90", "Job wait time, 90th percentile",
     "90th percentile of wait [s]",
     "From a job's submission to the start of its first attempt, by workload: the 90th percentile.",
     false},
    {RESULT_WORKLOAD, "wait_full_p90_s", "wait-full-p90",
     "Time until fully scheduled, 90th percentile", "90th percentile of time [s]",
     "From a job's submission until all its tasks are placed, by workload: the 90th percentile.",
     false},
    {RESULT_WORKLOAD, "attempts_per_job", "attempts", "Attempts per job", "attempts per job",
     "How often a job was planned, by workload.", false},
    {RESULT_SCHEDULER, "queue_mean", "queue-mean", "Queue length", "queue length [jobs]",
     "Jobs that wait in the queues of a scheduler, mean over time.", false},
    {RESULT_CELL, "cpu_utilisation", "cpu-use", "CPU utilisation", "CPU in use [share]",
     "Share of the cell's CPU that placements use, mean over time.", true},
    {RESULT_CELL, "mem_utilisation", "mem-use", "Memory utilisation", "memory in use [share]",
     "Share of the cell's memory that placements use, mean over time.", true},
    {RESULT_CELL, "gpu_utilisation", "gpu-use", "GPU utilisation", "GPU in use [share]",
     "Share of the cell's GPUs that placements use, mean over time.", true},
};

#define KINDS (sizeof kinds / sizeof kinds[0])

/* ---- a figure ---- */

/* A line: the configurations of a variant with certain values of the other parameters. */
struct line {
    const char *label;
    const char *panel;     /* what of it stands in the panel's title */
    uint32_t panel_number; /* of the panels of a name */
    uint32_t style;
};

struct drawing {
    struct report *report;
    const struct kind *kind;
    uint32_t parameter; /* UINT32_MAX: by variant */
    struct line *lines;
    uint32_t line_count;
    uint32_t *line_of; /* of each configuration */
    uint32_t panels;   /* of a name */
    struct figure figure;
    double least; /* above 0, of what is drawn */
    double most;
    double top; /* of all intervals */
    bool log;
    bool zeros;  /* some value is 0 */
    bool open;   /* some interval reaches 0 or goes below it */
    bool bounds; /* some value is a lower bound */
    uint32_t seeds;
};

static double x_of(const struct drawing *drawing, uint32_t configuration)
{
    const struct report *report = drawing->report;
    if (drawing->parameter == UINT32_MAX) {
        return report->variant_of[configuration];
    }
    uint32_t value =
        report->values[(size_t)configuration * report->parameter_count + drawing->parameter];
    return value == UINT32_MAX ? NAN : report->parameters[drawing->parameter].numbers[value];
}

static double half_of(const struct report_estimate *estimate)
{
    return isfinite(estimate->half) ? estimate->half : 0;
}

static void look_at(struct drawing *drawing, const struct report_estimate *estimate)
{
    double half = half_of(estimate);
    double mean = estimate->mean;
    drawing->least = mean > 0 && mean < drawing->least ? mean : drawing->least;
    drawing->most = mean > drawing->most ? mean : drawing->most;
    drawing->top = mean + half > drawing->top ? mean + half : drawing->top;
    drawing->zeros = drawing->zeros || mean <= 0;
    drawing->open = drawing->open || (half > 0 && mean - half <= 0);
    drawing->bounds = drawing->bounds || estimate->bounds > 0;
    drawing->seeds = estimate->n > drawing->seeds ? estimate->n : drawing->seeds;
}

/* Looks at all values: their range, and whether there are any. */
static bool measure(struct drawing *drawing)
{
    const struct report *report = drawing->report;
    const struct kind *kind = drawing->kind;
    const char *name;
    drawing->least = INFINITY;
    drawing->most = -INFINITY;
    drawing->top = -INFINITY;
    for (uint32_t i = 0; (name = result_set_name(report->set, kind->scope, i)) != NULL; i++) {
        for (uint32_t c = 0; c < report->configuration_count; c++) {
            struct report_estimate estimate;
            report_estimate(report, c, kind->scope, name, kind->key, &estimate);
            if (estimate.n > 0) {
                look_at(drawing, &estimate);
            }
        }
    }
    drawing->log = !kind->share && drawing->most > LOG_RATIO * drawing->least;
    return drawing->most > 0;
}

/* A row of data: x, seeds, mean, its interval, how many values are lower bounds. */
static void put_row(struct drawing *drawing, double x, const struct report_estimate *estimate)
{
    double half = half_of(estimate);
    figure_number(&drawing->figure, x);
    fprintf(drawing->figure.data, " %u", estimate->n);
    figure_number(&drawing->figure, estimate->mean);
    figure_number(&drawing->figure, estimate->mean - half);
    figure_number(&drawing->figure, estimate->mean + half);
    fprintf(drawing->figure.data, " %u\n", estimate->bounds);
}

/* The configurations of a line by rising x: those that have x_of() == each value in turn. */
static uint32_t put_block(struct drawing *drawing, uint32_t line, const char *name, double shift,
                          bool *bounds)
{
    const struct report *report = drawing->report;
    bool sweep = drawing->parameter != UINT32_MAX;
    uint32_t steps = sweep ? report->parameters[drawing->parameter].count : report->variant_count;
    uint32_t rows = 0;
    *bounds = false;
    for (uint32_t step = 0; step < steps; step++) {
        double x = sweep ? report->parameters[drawing->parameter].numbers[step] : step;
        for (uint32_t c = 0; c < report->configuration_count; c++) {
            struct report_estimate estimate;
            if (drawing->line_of[c] != line || x_of(drawing, c) != x) {
                continue;
            }
            report_estimate(report, c, drawing->kind->scope, name, drawing->kind->key, &estimate);
            if (estimate.n == 0) {
                continue;
            }
            if (rows++ == 0) {
                figure_block(&drawing->figure, "%s, %s: x, seeds, mean, low, high, lower bounds",
                             name, drawing->lines[line].label);
            }
            put_row(drawing, x + shift, &estimate);
            *bounds = *bounds || estimate.bounds > 0;
        }
    }
    return rows;
}

static void put_elements(struct drawing *drawing, struct figure_panel *panel, uint32_t style,
                         bool bounds)
{
    uint32_t block = drawing->figure.blocks - 1;
    static const char mean[] = "($3 > floor ? $3 : floor)";
    uint32_t line = style % FIGURE_STYLES + 1;
    fputs(ftell(panel->plot) > 0 ? ", \\\n     " : "", panel->plot);
    if (drawing->parameter != UINT32_MAX) {
        fprintf(panel->plot, "data index %u using 1:%s with lines ls %u notitle, \\\n     ", block,
                mean, line);
    }
    fprintf(panel->plot, "data index %u using 1:%s:%s:%s with yerrorbars ls %u dt 1 notitle", block,
            mean, "($4 > floor ? $4 : floor)", "($5 > floor ? $5 : floor)", line);
    if (bounds) {
        fprintf(panel->plot,
                ", \\\n     data index %u using ($6 > 0 ? $1 : NaN):3 with points "
                "pt 8 ps 1.1 lw 0.8 lc rgb '#000000' notitle",
                block);
    }
}

/* ---- axes ---- */

/* The power of ten at or below a number above 0. */
static double decade(double value)
{
    double power = 1;
    while (power > value) {
        power /= 10;
    }
    while (power * 10 <= value) {
        power *= 10;
    }
    return power;
}

/* Room for names below the x axis that stand aslant, in inches; 0: they fit as they are. */
static double tics_height(const struct drawing *drawing)
{
    const struct report *report = drawing->report;
    bool sweep = drawing->parameter != UINT32_MAX;
    const struct report_parameter *parameter =
        sweep ? &report->parameters[drawing->parameter] : NULL;
    uint32_t count = sweep ? parameter->count : report->variant_count;
    const char *const *texts = sweep ? parameter->texts : report->variants;
    size_t longest = 0;
    for (uint32_t i = 0; i < count; i++) {
        longest = strlen(texts[i]) > longest ? strlen(texts[i]) : longest;
    }
    longest = longest > NAME_SHOWN_MAX ? NAME_SHOWN_MAX : longest;
    bool named = !sweep || !parameter->numeric;
    return named && (double)(longest + 1) * count > NAMES_FIT ? 0.035 * (double)longest : 0;
}

static void put_x_axis(const struct drawing *drawing, FILE *out)
{
    const struct report *report = drawing->report;
    bool sweep = drawing->parameter != UINT32_MAX;
    const struct report_parameter *parameter =
        sweep ? &report->parameters[drawing->parameter] : NULL;
    uint32_t count = sweep ? parameter->count : report->variant_count;
    const char *const *texts = sweep ? parameter->texts : report->variants;
    bool named = !sweep || !parameter->numeric;
    if (named || count <= 8) {
        fputs("set xtics (", out);
        for (uint32_t i = 0; i < count; i++) {
            fputs(i > 0 ? ", " : "", out);
            char text[NAME_SHOWN_MAX + 1];
            snprintf(text, sizeof text, "%s", *texts[i] == '\0' ? "all" : texts[i]);
            figure_put_text(out, text);
            fprintf(out, " %.12g", sweep ? parameter->numbers[i] : i);
        }
        fprintf(out, ")%s\n", tics_height(drawing) > 0 ? " rotate by 30 right" : "");
    }
    if (named) {
        fprintf(out, "set xrange [-0.5:%g]\n", count - 0.5);
    }
    if (sweep) {
        fputs("set xlabel ", out);
        figure_put_text(out, parameter->path);
        fputs(" offset 0,0.4\n", out);
        double pad =
            parameter->log ? 0 : 0.04 * (parameter->numbers[count - 1] - parameter->numbers[0]);
        if (parameter->log) {
            fprintf(out, "set logscale x\nset xrange [%.12g:%.12g]\n", parameter->numbers[0] / 1.2,
                    parameter->numbers[count - 1] * 1.2);
        } else if (!named) {
            fprintf(out, "set xrange [%.12g:%.12g]\n", parameter->numbers[0] - pad,
                    parameter->numbers[count - 1] + pad);
        }
    }
}

static void put_y_axis(const struct drawing *drawing, FILE *out)
{
    if (drawing->log) {
        double low = decade(drawing->least);
        double high = decade(drawing->top) * 10;
        low = drawing->least < 1.5 * low ? low / 10 : low;
        fprintf(out, "set logscale y\nset ytics %u\nfloor = %.12g\nset yrange [floor:%.12g]\n",
                high > DECADES_MAX * low ? 100 : 10, low, high);
    } else if (drawing->kind->share) {
        fputs("floor = 0\nset yrange [floor:1.03]\nset ytics 0.2\n", out);
    } else {
        fputs("floor = 0\nset yrange [floor:*]\n", out);
    }
}

/* ---- lines ---- */

/* What a configuration has of the other parameters, and of the variant: in the pool; NULL without
 * memory. */
static const char *others_of(struct report *report, uint32_t configuration, uint32_t parameter)
{
    const uint32_t *values = report->values + (size_t)configuration * report->parameter_count;
    const char *text = "";
    for (uint32_t p = 0; p < report->parameter_count && text != NULL; p++) {
        if (p != parameter && values[p] != UINT32_MAX) {
            text = pool_format(&report->pool, "%s%s%s=%s", text, *text == '\0' ? "" : " ",
                               report->parameters[p].name, report->parameters[p].texts[values[p]]);
        }
    }
    return text;
}

static int add_line(struct drawing *drawing, uint32_t configuration, omega_error_t *err)
{
    struct report *report = drawing->report;
    const char *variant = report->variants[report->variant_of[configuration]];
    const char *others = others_of(report, configuration, drawing->parameter);
    const char *label = others == NULL
                            ? NULL
                            : pool_format(&report->pool, "%s%s%s", variant,
                                          *variant != '\0' && *others != '\0' ? " " : "", others);
    uint32_t line = 0;
    if (label == NULL) {
        return report_no_memory(err);
    }
    while (line < drawing->line_count && strcmp(drawing->lines[line].label, label) != 0) {
        line++;
    }
    if (line == drawing->line_count) {
        drawing->lines[drawing->line_count++] = (struct line){
            .label = label,
            .panel = others,
            .style = report->variant_of[configuration],
        };
    }
    drawing->line_of[configuration] = line;
    return 0;
}

/* Few lines share a panel; with more, each combination of the other parameters has one. */
static void split_panels(struct drawing *drawing)
{
    drawing->panels = 1;
    if (drawing->line_count <= FIGURE_STYLES) {
        for (uint32_t i = 0; i < drawing->line_count; i++) {
            drawing->lines[i].panel = "";
            drawing->lines[i].style = i;
        }
        return;
    }
    drawing->panels = 0;
    for (uint32_t i = 0; i < drawing->line_count; i++) {
        struct line *line = &drawing->lines[i];
        line->panel_number = drawing->panels;
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(drawing->lines[k].panel, line->panel) == 0) {
                line->panel_number = drawing->lines[k].panel_number;
                break;
            }
        }
        drawing->panels += line->panel_number == drawing->panels;
        line->label = drawing->report->variants[line->style];
    }
}

static int make_lines(struct drawing *drawing, omega_error_t *err)
{
    struct report *report = drawing->report;
    uint32_t count = report->configuration_count;
    drawing->line_of = pool_alloc(&report->pool, count, sizeof *drawing->line_of);
    drawing->lines = pool_alloc(&report->pool, count + 1, sizeof *drawing->lines);
    if (drawing->line_of == NULL || drawing->lines == NULL) {
        return report_no_memory(err);
    }
    if (drawing->parameter == UINT32_MAX) { /* all variants beside each other */
        drawing->lines[0] = (struct line){.label = "by variant", .panel = ""};
        drawing->line_count = 1;
        drawing->panels = 1;
        return 0;
    }
    int rc = 0;
    for (uint32_t c = 0; rc == 0 && c < count; c++) {
        rc = add_line(drawing, c, err);
    }
    if (rc == 0) {
        split_panels(drawing);
    }
    return rc;
}

/* ---- the two kinds of figures ---- */

static void add_bound_key(struct drawing *drawing)
{
    if (drawing->bounds) {
        figure_key_as(&drawing->figure, "with points pt 8 ps 1.1 lw 0.8 lc rgb '#000000'",
                      "lower bound");
    }
}

/* One panel: a place on the x axis for each variant, a colour for each name. */
static int draw_by_variant(struct drawing *drawing, omega_error_t *err)
{
    struct report *report = drawing->report;
    struct figure_panel *panel = figure_panel(&drawing->figure, NULL, drawing->kind->axis);
    const char *name;
    uint32_t names = 0;
    if (panel == NULL) {
        return report_no_memory(err);
    }
    while (result_set_name(report->set, drawing->kind->scope, names) != NULL) {
        names++;
    }
    put_x_axis(drawing, panel->settings);
    put_y_axis(drawing, panel->settings);
    for (uint32_t i = 0; (name = result_set_name(report->set, drawing->kind->scope, i)) != NULL;
         i++) {
        bool bounds;
        double shift = DODGE * (i - 0.5 * (names - 1)) * (names > 5 ? 5.0 / names : 1);
        if (put_block(drawing, 0, name, shift, &bounds) > 0) {
            put_elements(drawing, panel, i, bounds);
            if (names > 1) {
                figure_key(&drawing->figure, "points", i, name);
            }
        }
    }
    add_bound_key(drawing);
    return 0;
}

static int draw_panel(struct drawing *drawing, const char *name, uint32_t number, bool titled,
                      omega_error_t *err)
{
    struct report *report = drawing->report;
    const char *others = "";
    for (uint32_t i = 0; i < drawing->line_count; i++) {
        others = drawing->lines[i].panel_number == number ? drawing->lines[i].panel : others;
    }
    const char *title = pool_format(&report->pool, "%s%s%s", titled ? name : "",
                                    titled && *others != '\0' ? ", " : "", others);
    struct figure_panel *panel =
        title == NULL ? NULL : figure_panel(&drawing->figure, title, drawing->kind->axis);
    if (panel == NULL) {
        return report_no_memory(err);
    }
    put_x_axis(drawing, panel->settings);
    put_y_axis(drawing, panel->settings);
    for (uint32_t i = 0; i < drawing->line_count; i++) {
        bool bounds;
        if (drawing->lines[i].panel_number == number &&
            put_block(drawing, i, name, 0, &bounds) > 0) {
            put_elements(drawing, panel, drawing->lines[i].style, bounds);
        }
    }
    return 0;
}

/* Does a name have a value in any line of this panel? */
static bool panel_has_values(const struct drawing *drawing, const char *name, uint32_t number)
{
    for (uint32_t c = 0; c < drawing->report->configuration_count; c++) {
        struct report_estimate estimate;
        if (drawing->lines[drawing->line_of[c]].panel_number == number &&
            !isnan(x_of(drawing, c))) {
            report_estimate(drawing->report, c, drawing->kind->scope, name, drawing->kind->key,
                            &estimate);
            if (estimate.n > 0) {
                return true;
            }
        }
    }
    return false;
}

static void add_line_keys(struct drawing *drawing)
{
    uint32_t styles = 0;
    for (uint32_t i = 0; i < drawing->line_count; i++) {
        if (drawing->lines[i].style == styles && *drawing->lines[i].label != '\0') {
            figure_key(&drawing->figure, "linespoints", styles++, drawing->lines[i].label);
        }
    }
    add_bound_key(drawing);
}

static int draw_over_parameter(struct drawing *drawing, omega_error_t *err)
{
    const struct report *report = drawing->report;
    const char *name;
    int rc = 0;
    bool titled = result_set_name(report->set, drawing->kind->scope, 1) != NULL;
    add_line_keys(drawing);
    for (uint32_t i = 0;
         rc == 0 && (name = result_set_name(report->set, drawing->kind->scope, i)) != NULL; i++) {
        for (uint32_t number = 0;
             rc == 0 && number < drawing->panels && drawing->figure.panel_count < FIGURE_PANELS_MAX;
             number++) {
            if (panel_has_values(drawing, name, number)) {
                rc = draw_panel(drawing, name, number, titled, err);
            }
        }
    }
    return rc;
}

/* What stands at the lower edge and is not what it seems. Gnuplot would scale an axis by nothing of
 * a bar that begins below it, so they are cut there. */
static const char *edge_note(const struct drawing *drawing)
{
    if (drawing->log && drawing->zeros) {
        return " Values of 0, and bars that reach it, end at the lower edge.";
    }
    return drawing->open ? " Bars that end at the lower edge go on to 0 or below." : "";
}

static int begin(struct drawing *drawing, omega_error_t *err)
{
    struct report *report = drawing->report;
    const struct kind *kind = drawing->kind;
    bool sweep = drawing->parameter != UINT32_MAX;
    const char *name = kind->file;
    if (sweep) {
        name = pool_format(&report->pool, "%s-over-%s", kind->file,
                           report->parameters[drawing->parameter].name);
    }
    if (name == NULL) {
        return report_no_memory(err);
    }
    int rc = figure_begin(&drawing->figure, &report->pool, report->drawing, name, err);
    if (rc != 0) {
        return rc;
    }
    drawing->figure.title = sweep ? pool_format(&report->pool, "%s over %s", kind->title,
                                                report->parameters[drawing->parameter].path)
                                  : kind->title;
    drawing->figure.caption = pool_format(
        &report->pool, "%s %s%s%s", kind->meaning,
        drawing->seeds > 1
            ? "Mean over the seeds; bars are 95 % confidence intervals (Student's t)."
            : "One seed: no interval.",
        drawing->bounds ? " A triangle marks values that are lower bounds: some jobs had not "
                          "got so far when the run ended."
                        : "",
        edge_note(drawing));
    if (drawing->figure.title == NULL || drawing->figure.caption == NULL) {
        return report_no_memory(err);
    }
    return 0;
}

static int draw(struct report *report, const struct kind *kind, uint32_t parameter,
                omega_error_t *err)
{
    struct drawing drawing = {.report = report, .kind = kind, .parameter = parameter};
    if (!measure(&drawing)) {
        return 0;
    }
    int rc = make_lines(&drawing, err);
    rc = rc == 0 ? begin(&drawing, err) : rc;
    if (rc == 0) {
        drawing.figure.bottom_in = (parameter == UINT32_MAX ? 0.26 : 0.44) + tics_height(&drawing);
        rc = parameter == UINT32_MAX ? draw_by_variant(&drawing, err)
                                     : draw_over_parameter(&drawing, err);
    }
    if (rc != 0) {
        figure_abort(&drawing.figure);
        return rc;
    }
    return report_add(report, &drawing.figure, err);
}

int report_plot_metrics(struct report *report, omega_error_t *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < KINDS; i++) {
        if (report->parameter_count == 0) {
            rc = draw(report, &kinds[i], UINT32_MAX, err);
        }
        for (uint32_t p = 0; rc == 0 && p < report->parameter_count; p++) {
            rc = draw(report, &kinds[i], p, err);
        }
    }
    return rc;
}
