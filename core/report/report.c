/* SPDX-License-Identifier: MIT */
/* A report, from the result files to the folder that gets its name: see report.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/analysis/selection.h"
#include "core/base/file.h"
#include "core/report/draw.h"
#include "core/report/folder.h"
#include "core/report/report_private.h"

bool report_has_file(const struct report *report, uint32_t source, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", result_set_source(report->set, source)->directory, name) < 0) {
        return false;
    }
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

int report_no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
}

int report_add(struct report *report, struct figure *figure, omega_error_t *err)
{
    if (figure->title == NULL || figure->caption == NULL) {
        figure_abort(figure);
        return report_no_memory(err);
    }
    if (figure->panel_count == 0 || report->figure_count == REPORT_FIGURES_MAX) {
        figure_abort(figure);
        unlink(figure->data_path);
        return 0;
    }
    report->figures[report->figure_count++] = (struct report_figure){
        .name = figure->name,
        .title = figure->title,
        .caption = figure->caption,
        .wide = figure->panel_count > 1,
    };
    return figure_end(figure, report->drawing, err);
}

static int write_figures(struct report *report, omega_error_t *err)
{
    int rc = report_plot_metrics(report, err);
    rc = rc == 0 ? report_plot_distributions(report, err) : rc;
    rc = rc == 0 ? report_plot_series(report, err) : rc;
    rc = rc == 0 ? report_plot_conflicts(report, err) : rc;
    return rc == 0 ? report_plot_machines(report, err) : rc;
}

/* Has the user asked to stop? Then that is why, and not what gnuplot says that was stopped, too. */
static bool stopped(const struct report *report, omega_error_t *err)
{
    const volatile sig_atomic_t *stop = report->options->stop;
    if (stop == NULL || *stop == 0) {
        return false;
    }
    omega_error_clear(err);
    omega_error_set(err, OMEGA_EINTR, "stopped: nothing is written");
    return true;
}

/* Draws every figure in the formats that are wanted, and as SVG for the page. */
static int draw_figures(const struct report *report, omega_error_t *err)
{
    unsigned formats = report->options->formats | 1u << REPORT_SVG;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < report->figure_count; i++) {
        for (int f = 0; rc == 0 && f < REPORT_FORMATS; f++) {
            if ((formats >> f & 1) != 0) {
                rc = draw_figure(report->drawing, report->figures[i].name, (enum report_format)f,
                                 err);
                rc = stopped(report, err) ? OMEGA_EINTR : rc;
            }
        }
    }
    return rc;
}

/* What was drawn for the page only goes again. */
static int drop_unwanted(const struct report *report, omega_error_t *err)
{
    for (uint32_t i = 0; i < report->figure_count; i++) {
        char *path;
        if ((report->options->formats >> REPORT_SVG & 1) != 0) {
            continue;
        }
        if (asprintf(&path, "%s/%s.svg", report->drawing, report->figures[i].name) < 0) {
            return report_no_memory(err);
        }
        unlink(path);
        free(path);
    }
    return 0;
}

static int fill_folder(struct report *report, omega_error_t *err)
{
    report->drawing = pool_format(&report->pool, "%s/figures", report->folder);
    if (report->drawing == NULL) {
        return report_no_memory(err);
    }
    int rc = file_make_directory(report->drawing, err);
    rc = rc == 0 ? write_figures(report, err) : rc;
    rc = rc == 0 ? draw_figures(report, err) : rc;
    rc = rc == 0 ? report_write_page(report, err) : rc;
    return rc == 0 ? drop_unwanted(report, err) : rc;
}

static void count_done(const struct report *report, struct report_done *done)
{
    *done = (struct report_done){.figures = report->figure_count,
                                 .configurations = report->configuration_count,
                                 .mixed = result_set_mixed(report->set),
                                 .points = report->points,
                                 .missing = report->missing};
    for (uint32_t c = 0; c < report->configuration_count; c++) {
        done->runs += result_set_configuration(report->set, c)->seed_count;
    }
}

int report_write(const struct report_options *options, struct report_done *done, omega_error_t *err)
{
    omega_error_t own = {0};
    err = err == NULL ? &own : err;
    struct report *report = calloc(1, sizeof *report);
    if (report == NULL) {
        return report_no_memory(err);
    }
    report->options = options;
    int rc = result_set_open(options->directories, options->count, &report->set, err);
    rc = rc == 0 ? report_read_sources(report, err) : rc;
    rc = rc == 0 ? selection_keep(report->set, options->only, options->only_count, err) : rc;
    rc = rc == 0 ? report_choose(report, err) : rc;
    rc = rc == 0 ? folder_begin(options->out, &report->folder, err) : rc;
    rc = rc == 0 ? fill_folder(report, err) : rc;
    rc = rc == 0 ? folder_commit(report->folder, options->out, err) : rc;
    if (rc == 0) {
        count_done(report, done);
    } else {
        folder_abort(report->folder);
    }
    free(report->folder);
    result_set_close(report->set);
    pool_release(&report->pool);
    free(report);
    return rc;
}
