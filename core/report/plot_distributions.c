/* SPDX-License-Identifier: MIT */
/* Distributions: what share of a scheduler's jobs has waited at most so long, or has been sped up
 * at most so much. */
#include <string.h>

#include "core/report/histograms.h"
#include "core/report/report_private.h"

#define SHARE_STEP 0.002 /* a point is kept if the curve has risen so much since the one before, */
#define RATIO_STEP 1.02  /* or the value has grown by that factor */
#define FEW_TICKS 32     /* an axis up to there has a tick at each doubling */

/* A figure. */
struct kind {
    const char *histogram; /* in histograms.jsonl */
    const char *file;
    const char *title;
    const char *meaning; /* of a point of a curve */
    const char *axis;
    const char *column; /* of the data file */
    double one;         /* a unit of the axis, as the histogram counts */
    double least;       /* where the axis begins: smaller values stand there */
    double tick;        /* factor between ticks of a long axis */
};

static const struct kind kinds[] = {
    {"wait_first", "waits", "Distribution of job wait times",
     "Share of a scheduler's jobs whose first attempt began within that time of their submission. "
     "The jobs of all seeds together; waits below 1 ms stand at the left edge.",
     "wait [s]", "wait_s", 1e6, 0.001, 100},
    {"wait_full", "waits-full", "Distribution of times until scheduled",
     "Share of a scheduler's jobs all of whose tasks were placed within that time of their "
     "submission. The jobs of all seeds together; waits below 1 ms stand at the left edge.",
     "wait [s]", "wait_s", 1e6, 0.001, 100},
    {"speedup", "speedups", "Speed-up of MapReduce jobs",
     "Share of a scheduler's MapReduce jobs that ran at most so many times as fast as with the "
     "workers that they asked for. The jobs of all seeds together; those that gained nothing stand "
     "at the left edge.",
     "speed-up [times]", "speedup", 1000, 1, 10},
};

struct curve {
    const char *label;
    const struct distribution *distribution;
    uint32_t scheduler;
    uint32_t block;
    uint32_t style;
};

struct curves {
    const struct kind *kind;
    struct report *report;
    struct curve curves[REPORT_SHOWN_MAX * FIGURE_PANELS_MAX];
    uint32_t count;
    double most;
    bool censored;
};

/* ---- curves ---- */

static int add_curve(struct curves *curves, const struct histograms *histograms,
                     uint32_t configuration, uint32_t scheduler, omega_error_t *err)
{
    struct report *report = curves->report;
    const struct distribution *distribution = histograms_get(histograms, configuration, scheduler);
    const char *name = result_set_name(report->set, RESULT_SCHEDULER, scheduler);
    const char *of = report->labels[configuration];
    if (distribution == NULL || curves->count == sizeof curves->curves / sizeof curves->curves[0]) {
        return 0;
    }
    const char *label = *of == '\0' ? name : pool_format(&report->pool, "%s: %s", of, name);
    if (label == NULL) {
        return report_no_memory(err);
    }
    curves->curves[curves->count++] =
        (struct curve){.label = label, .distribution = distribution, .scheduler = scheduler};
    curves->censored = curves->censored || distribution->censored > 0;
    if (distribution->size > 0) {
        double most = distribution->buckets[distribution->size - 1].value / curves->kind->one;
        curves->most = most > curves->most ? most : curves->most;
    }
    return 0;
}

/* Where the axis ends. */
static double end_of(const struct curves *curves)
{
    double least = curves->kind->least;
    return curves->most > least ? curves->most : 10 * least;
}

/* The steps of a curve: value, share of all jobs, those included that have not begun. */
static void put_curve(struct figure *figure, const struct curves *curves, struct curve *curve)
{
    const struct distribution *from = curve->distribution;
    const struct kind *kind = curves->kind;
    uint64_t sum = 0;
    double kept_share = -1;
    double kept = 0;
    double share = 0;
    bool from_edge = from->size > 0 && from->buckets[0].value > kind->least * kind->one;
    curve->block = figure_block(figure, "%s: %s, share of %llu jobs", curve->label, kind->column,
                                (unsigned long long)from->count);
    if (from_edge) {
        fprintf(figure->data, " %g 0\n", kind->least);
    }
    for (size_t i = 0; i < from->size; i++) {
        double value = from->buckets[i].value / kind->one;
        sum += from->buckets[i].count;
        share = (double)sum / (double)from->count;
        value = value < kind->least ? kind->least : value;
        if (i + 1 == from->size || share - kept_share >= SHARE_STEP || value >= kept * RATIO_STEP) {
            figure_number(figure, value);
            figure_number(figure, share);
            fputc('\n', figure->data);
            kept_share = share;
            kept = value;
        }
    }
    /* the curve stays where it ends: what is missing to 1 has not begun */
    figure_number(figure, end_of(curves));
    figure_number(figure, share);
    fputc('\n', figure->data);
}

/* ---- panels ---- */

/* All curves in one panel if they can be told apart, else those of each scheduler in its own. */
static int draw_panel(struct curves *curves, struct figure *figure, uint32_t scheduler, bool all,
                      omega_error_t *err)
{
    const struct kind *kind = curves->kind;
    double end = end_of(curves);
    const char *title =
        all ? NULL : result_set_name(curves->report->set, RESULT_SCHEDULER, scheduler);
    struct figure_panel *panel = figure_panel(figure, title, "share of jobs");
    bool any = false;
    if (panel == NULL) {
        return report_no_memory(err);
    }
    fprintf(panel->settings,
            "set logscale x\nset xrange [%g:%.12g]\nset xtics %g\nset yrange [0:1.02]\n"
            "set ytics 0.2\n"
            "set xlabel '%s' offset 0,0.4\n",
            kind->least, end, end > FEW_TICKS * kind->least ? kind->tick : 2, kind->axis);
    for (uint32_t i = 0; i < curves->count; i++) {
        const struct curve *curve = &curves->curves[i];
        if (all || curve->scheduler == scheduler) {
            fprintf(panel->plot, "%sdata index %u using 1:2 with steps ls %u notitle",
                    any ? ", \\\n     " : "", curve->block, curve->style % FIGURE_STYLES + 1);
            any = true;
        }
    }
    return 0;
}

static bool has_curve(const struct curves *curves, uint32_t scheduler)
{
    for (uint32_t i = 0; i < curves->count; i++) {
        if (curves->curves[i].scheduler == scheduler) {
            return true;
        }
    }
    return false;
}

/* The legend: of curves, or, where each scheduler has a panel, of configurations. */
static void put_keys(struct curves *curves, struct figure *figure, bool all)
{
    const struct report *report = curves->report;
    for (uint32_t i = 0; all && i < curves->count; i++) {
        curves->curves[i].style = i;
        figure_key(figure, "lines", i, curves->curves[i].label);
    }
    for (uint32_t i = 0; !all && i < report->shown_count; i++) {
        figure_key(figure, "lines", i, report->labels[report->shown[i]]);
    }
}

static int draw(struct curves *curves, struct figure *figure, omega_error_t *err)
{
    bool all = curves->count <= FIGURE_STYLES;
    int rc = 0;
    put_keys(curves, figure, all);
    for (uint32_t i = 0; i < curves->count; i++) {
        put_curve(figure, curves, &curves->curves[i]);
    }
    if (all) {
        return draw_panel(curves, figure, 0, true, err);
    }
    for (uint32_t s = 0;
         rc == 0 && result_set_name(curves->report->set, RESULT_SCHEDULER, s) != NULL; s++) {
        if (has_curve(curves, s) && figure->panel_count < FIGURE_PANELS_MAX) {
            rc = draw_panel(curves, figure, s, false, err);
        }
    }
    return rc;
}

/* ---- the figures ---- */

static int collect(struct curves *curves, const struct histograms *histograms, omega_error_t *err)
{
    const struct report *report = curves->report;
    int rc = 0;
    for (uint32_t i = 0; i < report->shown_count; i++) {
        for (uint32_t s = 0; rc == 0 && result_set_name(report->set, RESULT_SCHEDULER, s) != NULL;
             s++) {
            uint32_t before = curves->count;
            rc = add_curve(curves, histograms, report->shown[i], s, err);
            if (curves->count > before) {
                curves->curves[before].style = i;
            }
        }
    }
    return rc;
}

static int draw_kind(struct report *report, const struct kind *kind, omega_error_t *err)
{
    struct curves curves = {.kind = kind, .report = report};
    struct histograms *histograms = NULL;
    struct figure figure;
    int rc = histograms_open(report->set, kind->histogram, &histograms, err);
    if (rc != 0 || histograms == NULL) {
        return rc;
    }
    rc = collect(&curves, histograms, err);
    if (rc != 0 || curves.count == 0) {
        histograms_close(histograms);
        return rc;
    }
    rc = figure_begin(&figure, &report->pool, report->drawing, kind->file, err);
    if (rc == 0) {
        figure.title = kind->title;
        figure.caption = pool_format(
            &report->pool, "%s%s%s", kind->meaning,
            curves.censored ? " Curves that end below 1 belong to schedulers some of whose jobs "
                              "had not got so far when the run ended."
                            : "",
            report_shown_note(report));
        rc = draw(&curves, &figure, err);
        rc = rc == 0 ? report_add(report, &figure, err) : (figure_abort(&figure), rc);
    }
    histograms_close(histograms);
    return rc;
}

int report_plot_distributions(struct report *report, omega_error_t *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof kinds / sizeof kinds[0]; i++) {
        rc = draw_kind(report, &kinds[i], err);
    }
    return rc;
}
