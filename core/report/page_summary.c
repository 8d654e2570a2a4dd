/* SPDX-License-Identifier: MIT */
/* The page's tables of figures, and what they mean. */
#include <math.h>

#include "core/report/html.h"
#include "core/report/page_private.h"

#define ROWS_MAX 2000u /* of a table: a page is for reading */

struct column {
    const char *key;
    const char *heading;
    const char *meaning;
};

static const struct column scheduler_columns[] = {
    {"jobs_submitted", "jobs", "jobs submitted after the warm-up"},
    {"jobs_scheduled", "scheduled", "of these, all tasks placed at some time"},
    {"wait_first_mean_s", "wait mean [s]", "from submission to the start of the first attempt"},
    {"wait_first_p90_s", "wait p90 [s]", "the 90th percentile of that"},
    {"busyness", "busyness", "share of the instances' time in attempts; near 1 jobs queue"},
    {"busyness_no_conflicts", "without conflicts",
     "busyness without attempts that conflicts made necessary"},
    {"conflict_fraction", "conflict fraction", "transactions with a conflict, per successful one"},
    {"attempts_per_job", "attempts/job", "how often a job was planned"},
    {"queue_mean", "queue [jobs]", "jobs waiting in queues, mean over time"},
    {"jobs_abandoned", "abandoned", "jobs given up at the attempt limit"},
    {NULL, NULL, NULL},
};

static const struct column workload_columns[] = {
    {"jobs_submitted", "jobs", NULL},
    {"jobs_scheduled", "scheduled", NULL},
    {"wait_first_mean_s", "wait mean [s]", NULL},
    {"wait_first_p90_s", "wait p90 [s]", NULL},
    {"wait_full_mean_s", "scheduled mean [s]", "from submission until all tasks are placed"},
    {"wait_full_p90_s", "scheduled p90 [s]", "the 90th percentile of that"},
    {"attempts_per_job", "attempts/job", NULL},
    {"jobs_abandoned", "abandoned", NULL},
    {NULL, NULL, NULL},
};

static const struct column cell_columns[] = {
    {"cpu_utilisation", "CPU use", "share of the cell's capacity in use, mean over time"},
    {"mem_utilisation", "memory use", NULL},
    {"gpu_utilisation", "GPU use", NULL},
    {"cpu_fragmentation", "CPU stranded", "share of what is free and of no use to a further task"},
    {"mem_fragmentation", "memory stranded", NULL},
    {"tasks_submitted", "tasks", "tasks submitted to the cell"},
    {"losses", "lost", "placements that ended with their machine"},
    {NULL, NULL, NULL},
};

static const struct {
    enum result_scope scope;
    const char *title;
    const struct column *columns;
} tables[] = {
    {RESULT_SCHEDULER, "Schedulers", scheduler_columns},
    {RESULT_WORKLOAD, "Workloads", workload_columns},
    {RESULT_CELL, "Cell", cell_columns},
};

#define TABLES (sizeof tables / sizeof tables[0])

/* A key without any value (no GPU fragmentation was measured, ...) has no column. */
static bool has_values(const struct report *report, enum result_scope scope, const char *key)
{
    const char *name;
    for (uint32_t i = 0; (name = result_set_name(report->set, scope, i)) != NULL; i++) {
        for (uint32_t c = 0; c < report->configuration_count; c++) {
            struct report_estimate estimate;
            report_estimate(report, c, scope, name, key, &estimate);
            if (estimate.n > 0) {
                return true;
            }
        }
    }
    return false;
}

static void put_estimate(const struct report_estimate *estimate, FILE *out)
{
    fputs("<td>", out);
    fputs(estimate->bounds > 0 ? "&gt; " : "", out);
    html_number(out, estimate->mean);
    if (isfinite(estimate->half) && estimate->half > 0) {
        fputs(" &#177; ", out);
        html_number(out, estimate->half);
    }
    fputs("</td>", out);
}

static bool is_there(const struct report *report, uint32_t configuration, enum result_scope scope,
                     const char *name)
{
    const struct result_configuration *of = result_set_configuration(report->set, configuration);
    for (uint32_t i = 0; i < of->seed_count; i++) {
        if (result_set_row(report->set, configuration, i, scope, name) != NULL) {
            return true;
        }
    }
    return false;
}

static void put_row(const struct report *report, uint32_t table, uint32_t configuration,
                    const char *name, const bool *kept, FILE *out)
{
    fputs("<tr><td class=\"l\">", out);
    html_text(out, report->labels[configuration]);
    fputs("</td><td class=\"l\">", out);
    html_text(out, name);
    fprintf(out, "</td><td>%u</td>",
            result_set_configuration(report->set, configuration)->seed_count);
    for (uint32_t i = 0; tables[table].columns[i].key != NULL; i++) {
        struct report_estimate estimate;
        if (kept[i]) {
            report_estimate(report, configuration, tables[table].scope, name,
                            tables[table].columns[i].key, &estimate);
            put_estimate(&estimate, out);
        }
    }
    fputs("</tr>\n", out);
}

static void put_table(const struct report *report, uint32_t table, FILE *out)
{
    bool kept[16] = {false};
    uint32_t rows = 0;
    const char *name;
    fprintf(out,
            "<h3>%s</h3>\n<div class=\"scroll\"><table>\n<thead><tr>"
            "<th class=\"l\">configuration</th><th class=\"l\">name</th><th>seeds</th>",
            tables[table].title);
    for (uint32_t i = 0; tables[table].columns[i].key != NULL; i++) {
        kept[i] = has_values(report, tables[table].scope, tables[table].columns[i].key);
        if (kept[i]) {
            fprintf(out, "<th>%s</th>", tables[table].columns[i].heading);
        }
    }
    fputs("</tr></thead>\n<tbody>\n", out);
    for (uint32_t c = 0; c < report->configuration_count; c++) {
        for (uint32_t i = 0; (name = result_set_name(report->set, tables[table].scope, i)) != NULL;
             i++) {
            if (is_there(report, c, tables[table].scope, name) && rows++ < ROWS_MAX) {
                put_row(report, table, c, name, kept, out);
            }
        }
    }
    fputs("</tbody></table></div>\n", out);
    if (rows > ROWS_MAX) {
        fprintf(out, "<p>%u more rows: see results.csv.</p>\n", rows - ROWS_MAX);
    }
}

void page_summary(const struct report *report, FILE *out)
{
    fputs("<h2 id=\"summary\">Summary</h2>\n<p>Means over the seeds, &#177; half the width of the "
          "95 % confidence interval (Student's t) where there are several. &gt;: a lower bound in "
          "at least one seed.</p>\n",
          out);
    for (uint32_t i = 0; i < TABLES; i++) {
        put_table(report, i, out);
    }
}

void page_notes(FILE *out)
{
    fputs("<h2 id=\"notes\">What the figures mean</h2>\n<dl>\n", out);
    for (uint32_t table = 0; table < TABLES; table++) {
        for (const struct column *column = tables[table].columns; column->key != NULL; column++) {
            if (column->meaning != NULL) {
                fprintf(out, "<dt>%s <code>%s</code></dt><dd>%s</dd>\n", column->heading,
                        column->key, column->meaning);
            }
        }
    }
    fputs("<dt>lower bounds</dt><dd>A job that had not begun (or was not fully scheduled) when "
          "the run ended has waited longer than is known. In percentiles it ranks behind all "
          "others, in means it counts with what it had waited; what depends on such jobs is "
          "marked: &gt; in tables, a triangle in figures, and curves of distributions that end "
          "below 1.</dd>\n"
          "<dt>measured part</dt><dd>Everything is counted from the end of the warm-up to the end "
          "of the run.</dd>\n</dl>\n"
          "<p>Each figure is defined, with the reasons, in <code>core/metrics/README.md</code> of "
          "omega's source tree; each column of the result files in "
          "<code>core/experiment/README.md</code>.</p>\n",
          out);
}
