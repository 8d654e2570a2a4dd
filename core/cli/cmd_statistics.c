/* SPDX-License-Identifier: MIT */
/* omega statistics: means over seeds, with intervals. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/analysis/seeds.h"
#include "core/cli/command.h"
#include "core/experiment/row.h"
#include "core/experiment/table.h"

#define METRICS_MAX 4096u
#define NAME_BYTES 256

static const char help[] =
    "usage: omega statistics [OPTIONS] DIR...\n\n"
    "Mean over seeds of figures in results.jsonl of output directories of 'omega run', with the\n"
    "half-width of an interval by Student's t. A run is one value: what it lists by day is not\n"
    "taken for independent samples, since a day begins with what the day before left.\n"
    "Several directories are taken as one: parts of a sweep, or the same with other "
    "seeds.\n\n" COMMAND_HELP_METRIC "  --all              every figure that is a number\n"
    "  --confidence P     of the intervals, in per cent (95)\n"
    "  --csv              rows of CSV instead of a table\n"
    "  --json             one JSON object instead of a table\n"
    "  --help             this text\n\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

enum option_code {
    OPTION_METRIC = 256,
    OPTION_ALL,
    OPTION_CONFIDENCE,
    OPTION_CSV,
    OPTION_JSON,
    OPTION_HELP,
};

static const struct option options[] = {
    {"metric", required_argument, NULL, OPTION_METRIC},
    {"all", no_argument, NULL, OPTION_ALL},
    {"confidence", required_argument, NULL, OPTION_CONFIDENCE},
    {"csv", no_argument, NULL, OPTION_CSV},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static const char *const columns[] = {"variant", "parameters", "metric",     "n",      "missing",
                                      "mean",    "sd",         "half_width", "low",    "high",
                                      "minimum", "maximum",    "confidence", "bounds", NULL};

static const char *const headings[] = {
    "configuration", "metric", "n", "mean", "+-", "sd", "min", "max", "lower bounds", NULL};

struct request {
    const char **texts; /* metrics asked for */
    uint32_t text_count;
    bool all;
    bool csv;
    bool json;
    double confidence;
    struct metric *metrics;
    uint32_t count;
    struct table *table;
    uint32_t rows;
    bool bounds;
    bool tolerated;
};

/* ---- one figure ---- */

static void write_row(struct request *request, const struct result_configuration *configuration,
                      const char *metric, const struct seeds_summary *summary)
{
    struct row row = {0};
    const struct interval *mean = &summary->mean;
    row_text(&row, "variant", configuration->variant);
    row_json(&row, "parameters", configuration->parameters);
    row_text(&row, "metric", metric);
    row_count(&row, "n", mean->n);
    row_count(&row, "missing", summary->missing);
    row_real(&row, "mean", mean->estimate);
    row_real(&row, "sd", mean->sd);
    row_real(&row, "half_width", mean->half);
    row_real(&row, "low", mean->low);
    row_real(&row, "high", mean->high);
    row_real(&row, "minimum", summary->min);
    row_real(&row, "maximum", summary->max);
    row_real(&row, "confidence", request->confidence);
    row_count(&row, "bounds", summary->bounds);
    if (request->csv) {
        row_write_csv(&row, columns, stdout);
    } else {
        fputs(request->rows++ == 0 ? "\n" : ",\n", stdout);
        row_write_json(&row, stdout);
    }
}

static void add_cells(struct request *request, const struct result_configuration *configuration,
                      const char *metric, const struct seeds_summary *summary)
{
    char name[NAME_BYTES];
    const char *bound = summary->bounds > 0 ? "> " : "";
    result_configuration_name(configuration, name, sizeof name);
    table_cell(request->table, "%s", name);
    table_cell(request->table, "%s", metric);
    table_cell(request->table, "%u", summary->mean.n);
    table_figure_as(request->table, bound, summary->mean.estimate, "");
    table_figure(request->table, summary->mean.half);
    table_figure(request->table, summary->mean.sd);
    table_figure(request->table, summary->min);
    table_figure_as(request->table, bound, summary->max, "");
    table_cell(request->table, "%u", summary->bounds);
    request->bounds |= summary->bounds > 0;
    request->tolerated |= summary->tolerated;
}

static int show(struct request *request, const struct result_set *set, uint32_t index,
                const struct metric *metric, omega_error_t *err)
{
    char text[METRIC_BYTES];
    struct seeds_summary summary;
    const struct result_configuration *configuration = result_set_configuration(set, index);
    int rc = seeds_summarise(set, index, metric, request->confidence, METRIC_CENSORED_MAX, &summary,
                             err);
    if (rc != 0 || (summary.mean.n == 0 && request->text_count == 0)) {
        return rc; /* not a row of every configuration */
    }
    metric_text(metric, text, sizeof text);
    if (request->csv || request->json) {
        write_row(request, configuration, text, &summary);
    } else {
        add_cells(request, configuration, text, &summary);
    }
    return 0;
}

/* ---- all of them ---- */

static void begin(const struct request *request, const struct result_set *set)
{
    if (request->csv) {
        for (int i = 0; columns[i] != NULL; i++) {
            printf("%s%s", i == 0 ? "" : ",", columns[i]);
        }
        putchar('\n');
    } else if (request->json) {
        fputs("{\"experiment\":", stdout);
        row_put_json_text(result_set_source(set, 0)->experiment, stdout);
        fputs(",\"rows\":[", stdout);
    }
}

static void end(const struct request *request)
{
    if (request->json) {
        fputs("\n]}\n", stdout);
    } else if (!request->csv) {
        table_write(request->table, stdout);
        printf("\n  n: seeds, each one value; +-: half the width of the %.4g %% t-interval of the "
               "mean over seeds\n",
               request->confidence * 100);
        fputs(request->bounds ? "  > x, lower bounds: so many of the values are lower bounds, and "
                                "so is their mean\n"
                              : "",
              stdout);
        fputs(request->tolerated ? "  means of waits count the few jobs that had not begun with "
                                   "what they had waited\n"
                                 : "",
              stdout);
    }
}

static int choose_metrics(struct request *request, const struct result_set *set, omega_error_t *err)
{
    if (request->text_count == 0) {
        request->count =
            (request->all ? metric_all : metric_defaults)(set, request->metrics, METRICS_MAX);
        return 0;
    }
    return metric_find_all(set, request->texts, request->text_count, request->metrics, METRICS_MAX,
                           &request->count, err);
}

static int show_all(struct request *request, const struct result_set *set, omega_error_t *err)
{
    int rc = choose_metrics(request, set, err);
    if (rc != 0) {
        return rc;
    }
    begin(request, set);
    for (uint32_t i = 0; i < result_set_configuration_count(set); i++) {
        for (uint32_t m = 0; rc == 0 && m < request->count; m++) {
            rc = show(request, set, i, &request->metrics[m], err);
        }
    }
    if (rc == 0) {
        end(request);
    }
    return rc;
}

static int run(struct request *request, const char *const *directories, uint32_t count)
{
    omega_error_t err = {0};
    struct result_set *set = NULL;
    request->metrics = calloc(METRICS_MAX, sizeof *request->metrics);
    request->table = table_create(headings, 2);
    int rc = request->metrics == NULL || request->table == NULL
                 ? omega_error_set(&err, OMEGA_ENOMEM, "out of memory")
                 : result_set_open(directories, count, &set, &err);
    if (rc == 0) {
        command_warn_mixed(result_set_mixed(set));
        rc = show_all(request, set, &err);
    }
    result_set_close(set);
    table_destroy(request->table);
    free(request->metrics);
    return rc == 0 ? COMMAND_DONE : command_failed(&err);
}

static int run_with(int argc, char **argv, struct request *request)
{
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        switch (code) {
        case OPTION_METRIC:
            request->texts[request->text_count++] = optarg;
            break;
        case OPTION_ALL:
            request->all = true;
            break;
        case OPTION_CONFIDENCE:
            if (command_confidence("statistics", optarg, &request->confidence) != COMMAND_DONE) {
                return COMMAND_USAGE;
            }
            break;
        case OPTION_CSV:
            request->csv = true;
            break;
        case OPTION_JSON:
            request->json = true;
            break;
        case OPTION_HELP:
            fputs(help, stdout);
            return COMMAND_DONE;
        case ':':
            return command_usage("statistics", "option '%.60s' needs a value", argv[optind - 1]);
        default:
            return command_bad_option("statistics", argv);
        }
    }
    if (request->csv && request->json) {
        return command_usage("statistics", "--csv and --json exclude each other, expected one");
    }
    if (optind == argc) {
        return command_usage("statistics", "expected at least one directory of results");
    }
    return run(request, (const char *const *)&argv[optind], (uint32_t)(argc - optind));
}

int cmd_statistics(int argc, char **argv)
{
    struct request request = {.confidence = 0.95};
    request.texts = calloc((size_t)argc, sizeof *request.texts);
    int code = request.texts == NULL ? COMMAND_FAILED : run_with(argc, argv, &request);
    free(request.texts);
    return code;
}
