/* SPDX-License-Identifier: MIT */
/* index.html: one page that needs no other file and no network. */
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/report/html.h"
#include "core/report/page_private.h"

#define FIGURE_BYTES_MAX ((size_t)64 << 20)

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--soft:#f4f5f7;--line:#d4d8dd;"
    "--link:#0b57a4}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e4e6e9;--paper:#16191d;--soft:#20252b;"
    "--line:#3b424b;--link:#8ec1f5}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:70rem;padding:1rem;background:var(--paper);color:var(--ink);"
    "font:16px/1.5 system-ui,sans-serif}\n"
    "h1{line-height:1.2;margin:.5rem 0}h2{margin:2.5rem 0 .5rem;border-bottom:1px solid "
    "var(--line)}h3{margin:1.5rem 0 .5rem}\n"
    "a{color:var(--link)}\n"
    "nav{background:var(--soft);padding:.5rem 1rem;border-radius:.4rem}nav ul{margin:.2rem 0;"
    "padding-left:1.2rem}nav ul ul{columns:20rem}nav ul ul li{break-inside:avoid}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,28rem),1fr));"
    "gap:1.2rem;align-items:start}\n"
    "figure{margin:0;border:1px solid var(--line);border-radius:.4rem;padding:.6rem;"
    "overflow:hidden}figure.wide{grid-column:1/-1}\n"
    "figure img{display:block;width:100%;height:auto;background:#fff;border-radius:.2rem}\n"
    ".wide img{min-width:42rem}\n"
    "figcaption{font-size:.9rem;padding-top:.4rem}figcaption b{display:block}\n"
    ".caution{border-left:.3rem solid #d55e00;padding-left:.6rem}\n"
    ".scroll{overflow-x:auto}\n"
    "table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.2rem .6rem;border-bottom:1px solid var(--line);text-align:right;"
    "white-space:nowrap}th{vertical-align:bottom}th.l,td.l{text-align:left}\n"
    "thead th{background:var(--soft)}\n"
    "pre{background:var(--soft);padding:.8rem;overflow-x:auto;font-size:.8rem;border-radius:.4rem}"
    "\n"
    "code{font-size:.9em;overflow-wrap:anywhere}summary{cursor:pointer}dt{font-weight:600}"
    "dd{margin:0 0 .6rem 1rem}\n"
    "@media print{nav{display:none}figure,tr{break-inside:avoid}}\n";

/* ---- head ---- */

static const char *title_of(const struct report *report)
{
    return report->options->title != NULL ? report->options->title
                                          : result_set_source(report->set, 0)->experiment;
}

/* What a reader has to know of results that are not all of one run. */
static void put_cautions(const struct report *report, FILE *out)
{
    const struct report_options *options = report->options;
    if (report->missing > 0) {
        fprintf(
            out,
            "<p class=\"caution\">%u of %u points are missing: the run was stopped, or parts of "
            "it are not here. Configurations may differ in their seeds.</p>\n",
            report->missing, report->points);
    }
    if (result_set_mixed(report->set) != NULL) {
        fprintf(out, "<p class=\"caution\">The results are of %s.</p>\n",
                result_set_mixed(report->set));
    }
    for (uint32_t i = 0; i < options->only_count; i++) {
        fputs(i == 0 ? "<p>Only configurations that fit <code>" : "</code> or <code>", out);
        html_text(out, options->only[i]);
    }
    fputs(options->only_count > 0 ? "</code>.</p>\n" : "", out);
}

static void put_head(const struct report *report, FILE *out)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>",
          out);
    html_text(out, title_of(report));
    fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", style);
    html_text(out, title_of(report));
    fputs("</h1>\n<p>Experiment <code>", out);
    html_text(out, result_set_source(report->set, 0)->experiment);
    uint64_t runs = 0;
    for (uint32_t c = 0; c < report->configuration_count; c++) {
        runs += result_set_configuration(report->set, c)->seed_count;
    }
    fprintf(out, "</code>: %u configuration%s, %llu run%s%s; omega ", report->configuration_count,
            report->configuration_count == 1 ? "" : "s", (unsigned long long)runs,
            runs == 1 ? "" : "s",
            page_tells_live(report) ? ", live ones among them" : " in virtual time");
    html_text(out, result_set_source(report->set, 0)->omega);
    fputs(".</p>\n", out);
    put_cautions(report, out);
}

static void put_contents(const struct report *report, FILE *out)
{
    fputs("<nav aria-label=\"contents\">\n<ul>\n<li><a href=\"#figures\">Figures</a><ul>\n", out);
    for (uint32_t i = 0; i < report->figure_count; i++) {
        fputs("<li><a href=\"#fig-", out);
        html_text(out, report->figures[i].name);
        fputs("\">", out);
        html_text(out, report->figures[i].title);
        fputs("</a></li>\n", out);
    }
    fputs("</ul></li>\n<li><a href=\"#summary\">Summary</a></li>\n"
          "<li><a href=\"#configuration\">Configuration</a></li>\n"
          "<li><a href=\"#reproduce\">How to reproduce it</a></li>\n"
          "<li><a href=\"#notes\">What the figures mean</a></li>\n</ul>\n</nav>\n",
          out);
}

/* ---- figures ---- */

/* The file of a figure, for free(). */
static int read_figure(const struct report *report, const char *name, enum report_format format,
                       char **bytes, size_t *size, omega_error_t *err)
{
    char *path;
    if (asprintf(&path, "%s/%s.%s", report->drawing, name, report_format_names[format]) < 0) {
        return report_no_memory(err);
    }
    int rc = file_read_all(path, FIGURE_BYTES_MAX, bytes, size, err);
    free(path);
    return rc;
}

static void put_links(const struct report *report, const char *name, FILE *out)
{
    fputs(" <small>", out);
    for (int f = 0; f < REPORT_FORMATS; f++) {
        if ((report->options->formats >> f & 1) != 0) {
            fputs("<a href=\"figures/", out);
            html_format(out, "%s.%s", name, report_format_names[f]);
            fprintf(out, "\">%s</a> ", report_format_names[f]);
        }
    }
    fputs("<a href=\"figures/", out);
    html_format(out, "%s.dat", name);
    fputs("\">data</a> <a href=\"figures/", out);
    html_format(out, "%s.gp", name);
    fputs("\">gnuplot</a></small>", out);
}

/* Wide figures, of several panels, take the whole width: their picture is wider than high. */
static int put_figure(const struct report *report, const struct report_figure *figure, FILE *out,
                      omega_error_t *err)
{
    char *bytes = NULL;
    size_t size = 0;
    int rc = read_figure(report, figure->name, REPORT_SVG, &bytes, &size, err);
    if (rc != 0) {
        return rc;
    }
    fprintf(out, "<figure id=\"fig-");
    html_text(out, figure->name);
    fprintf(out, "\"%s>\n<div class=\"scroll\"><img alt=\"", figure->wide ? " class=\"wide\"" : "");
    html_text(out, figure->caption);
    fputs("\" src=\"data:image/svg+xml;base64,", out);
    html_base64(out, bytes, size);
    fputs("\"></div>\n<figcaption><b>", out);
    html_text(out, figure->title);
    fputs("</b>", out);
    html_text(out, figure->caption);
    put_links(report, figure->name, out);
    fputs("</figcaption>\n</figure>\n", out);
    free(bytes);
    return 0;
}

static int put_figures(const struct report *report, FILE *out, omega_error_t *err)
{
    int rc = 0;
    fputs("<h2 id=\"figures\">Figures</h2>\n<div class=\"figures\">\n", out);
    for (uint32_t i = 0; rc == 0 && i < report->figure_count; i++) {
        rc = put_figure(report, &report->figures[i], out, err);
    }
    fputs("</div>\n", out);
    return rc;
}

int report_write_page(struct report *report, omega_error_t *err)
{
    struct file_out *file;
    char *path = pool_format(&report->pool, "%s/index.html", report->folder);
    if (path == NULL) {
        return report_no_memory(err);
    }
    int rc = file_out_open(path, &file, err);
    if (rc != 0) {
        return rc;
    }
    FILE *out = file_out_stream(file);
    put_head(report, out);
    put_contents(report, out);
    rc = put_figures(report, out, err);
    if (rc == 0) {
        page_summary(report, out);
        page_origin(report, out);
    }
    page_notes(out);
    fputs("</body>\n</html>\n", out);
    if (rc != 0) {
        file_out_abort(file);
        return rc;
    }
    return file_out_commit(file, err);
}
