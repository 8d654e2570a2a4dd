/* SPDX-License-Identifier: MIT */
/* Distributions of waits: what share of a scheduler's jobs has waited at most so long. */
#include <string.h>

#include "core/report/histograms.h"
#include "core/report/report_private.h"

#define SHARE_STEP 0.002 /* a point is kept if the curve has risen so much since the one before, */
#define RATIO_STEP 1.02  /* or the wait has grown by that factor */
#define LEAST_S 0.001    /* shorter waits stand at the left edge */
#define US 1000000.0

struct curve {
    const char *label;
    const struct distribution *distribution;
    uint32_t scheduler;
    uint32_t block;
    uint32_t style;
};

struct waits {
    struct report *report;
    struct curve curves[REPORT_SHOWN_MAX * FIGURE_PANELS_MAX];
    uint32_t count;
    double most_s;
    bool censored;
};

/* ---- curves ---- */

static int add_curve(struct waits *waits, const struct histograms *histograms,
                     uint32_t configuration, uint32_t scheduler, omega_error_t *err)
{
    struct report *report = waits->report;
    const struct distribution *distribution = histograms_get(histograms, configuration, scheduler);
    const char *name = result_set_name(report->set, RESULT_SCHEDULER, scheduler);
    const char *of = report->labels[configuration];
    if (distribution == NULL || waits->count == sizeof waits->curves / sizeof waits->curves[0]) {
        return 0;
    }
    const char *label = *of == '\0' ? name : pool_format(&report->pool, "%s: %s", of, name);
    if (label == NULL) {
        return report_no_memory(err);
    }
    waits->curves[waits->count++] =
        (struct curve){.label = label, .distribution = distribution, .scheduler = scheduler};
    waits->censored = waits->censored || distribution->censored > 0;
    if (distribution->size > 0) {
        double most = distribution->buckets[distribution->size - 1].value / US;
        waits->most_s = most > waits->most_s ? most : waits->most_s;
    }
    return 0;
}

/* The steps of a curve: wait in seconds, share of all jobs, those included that have not begun. */
static void put_curve(struct figure *figure, struct curve *curve, double most_s)
{
    const struct distribution *from = curve->distribution;
    uint64_t sum = 0;
    double kept_share = -1;
    double kept_s = 0;
    double share = 0;
    bool from_edge = from->size > 0 && from->buckets[0].value > LEAST_S * US;
    curve->block = figure_block(figure, "%s: wait_s, share of %llu jobs", curve->label,
                                (unsigned long long)from->count);
    if (from_edge) {
        fprintf(figure->data, " %g 0\n", LEAST_S);
    }
    for (size_t i = 0; i < from->size; i++) {
        double wait_s = from->buckets[i].value / US;
        sum += from->buckets[i].count;
        share = (double)sum / (double)from->count;
        wait_s = wait_s < LEAST_S ? LEAST_S : wait_s;
        if (i + 1 == from->size || share - kept_share >= SHARE_STEP ||
            wait_s >= kept_s * RATIO_STEP) {
            figure_number(figure, wait_s);
            figure_number(figure, share);
            fputc('\n', figure->data);
            kept_share = share;
            kept_s = wait_s;
        }
    }
    /* the curve stays where it ends: what is missing to 1 has not begun */
    figure_number(figure, most_s > LEAST_S ? most_s : 10 * LEAST_S);
    figure_number(figure, share);
    fputc('\n', figure->data);
}

/* ---- panels ---- */

/* All curves in one panel if they can be told apart, else those of each scheduler in its own. */
static int draw_panel(struct waits *waits, struct figure *figure, uint32_t scheduler, bool all,
                      const char *axis, omega_error_t *err)
{
    const char *title =
        all ? NULL : result_set_name(waits->report->set, RESULT_SCHEDULER, scheduler);
    struct figure_panel *panel = figure_panel(figure, title);
    bool any = false;
    if (panel == NULL) {
        return report_no_memory(err);
    }
    fprintf(panel->settings,
            "set logscale x\nset xrange [%g:%.12g]\nset xtics 100\nset yrange [0:1.02]\n"
            "set ytics 0.2\n"
            "set xlabel 'wait [s]' offset 0,0.4\nset ylabel '%s' offset 0.5,0\n",
            LEAST_S, waits->most_s > LEAST_S ? waits->most_s : 10 * LEAST_S, axis);
    for (uint32_t i = 0; i < waits->count; i++) {
        const struct curve *curve = &waits->curves[i];
        if (all || curve->scheduler == scheduler) {
            fprintf(panel->plot, "%sdata index %u using 1:2 with steps ls %u notitle",
                    any ? ", \\\n     " : "", curve->block, curve->style % FIGURE_STYLES + 1);
            any = true;
        }
    }
    return 0;
}

static bool has_curve(const struct waits *waits, uint32_t scheduler)
{
    for (uint32_t i = 0; i < waits->count; i++) {
        if (waits->curves[i].scheduler == scheduler) {
            return true;
        }
    }
    return false;
}

/* The legend: of curves, or, where each scheduler has a panel, of configurations. */
static void put_keys(struct waits *waits, struct figure *figure, bool all)
{
    const struct report *report = waits->report;
    for (uint32_t i = 0; all && i < waits->count; i++) {
        waits->curves[i].style = i;
        figure_key(figure, "lines", i, waits->curves[i].label);
    }
    for (uint32_t i = 0; !all && i < report->shown_count; i++) {
        figure_key(figure, "lines", i, report->labels[report->shown[i]]);
    }
}

static int draw(struct waits *waits, struct figure *figure, const char *axis, omega_error_t *err)
{
    bool all = waits->count <= FIGURE_STYLES;
    int rc = 0;
    put_keys(waits, figure, all);
    for (uint32_t i = 0; i < waits->count; i++) {
        put_curve(figure, &waits->curves[i], waits->most_s);
    }
    if (all) {
        return draw_panel(waits, figure, 0, true, axis, err);
    }
    for (uint32_t s = 0;
         rc == 0 && result_set_name(waits->report->set, RESULT_SCHEDULER, s) != NULL; s++) {
        if (has_curve(waits, s) && figure->panel_count < FIGURE_PANELS_MAX) {
            rc = draw_panel(waits, figure, s, false, axis, err);
        }
    }
    return rc;
}

/* ---- the figures ---- */

static int collect(struct waits *waits, const struct histograms *histograms, omega_error_t *err)
{
    const struct report *report = waits->report;
    int rc = 0;
    for (uint32_t i = 0; i < report->shown_count; i++) {
        for (uint32_t s = 0; rc == 0 && result_set_name(report->set, RESULT_SCHEDULER, s) != NULL;
             s++) {
            uint32_t before = waits->count;
            rc = add_curve(waits, histograms, report->shown[i], s, err);
            if (waits->count > before) {
                waits->curves[before].style = i;
            }
        }
    }
    return rc;
}

static int draw_waits(struct report *report, const char *histogram, const char *file,
                      const char *title, const char *meaning, omega_error_t *err)
{
    struct waits waits = {.report = report};
    struct histograms *histograms = NULL;
    struct figure figure;
    int rc = histograms_open(report->set, histogram, &histograms, err);
    if (rc != 0 || histograms == NULL) {
        return rc;
    }
    rc = collect(&waits, histograms, err);
    if (rc != 0 || waits.count == 0) {
        histograms_close(histograms);
        return rc;
    }
    rc = figure_begin(&figure, &report->pool, report->drawing, file, err);
    if (rc == 0) {
        figure.title = title;
        figure.caption = pool_format(
            &report->pool,
            "%s The jobs of all seeds together; waits below 1 ms stand at the left "
            "edge.%s%s",
            meaning,
            waits.censored ? " Curves that end below 1 belong to schedulers some of whose jobs "
                             "had not got so far when the run ended."
                           : "",
            report_shown_note(report));
        rc = draw(&waits, &figure, "share of jobs", err);
        rc = rc == 0 ? report_add(report, &figure, err) : (figure_abort(&figure), rc);
    }
    histograms_close(histograms);
    return rc;
}

int report_plot_waits(struct report *report, omega_error_t *err)
{
    int rc = draw_waits(report, "wait_first", "waits", "Distribution of job wait times",
                        "Share of a scheduler's jobs whose first attempt began within that time "
                        "of their submission.",
                        err);
    if (rc == 0) {
        rc = draw_waits(report, "wait_full", "waits-full", "Distribution of times until scheduled",
                        "Share of a scheduler's jobs all of whose tasks were placed within that "
                        "time of their submission.",
                        err);
    }
    return rc;
}
