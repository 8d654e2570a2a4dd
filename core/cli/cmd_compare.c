/* SPDX-License-Identifier: MIT */
/* omega compare: two configurations on the same jobs. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/analysis/compare.h"
#include "core/analysis/selection.h"
#include "core/cli/command.h"
#include "core/experiment/row.h"
#include "core/experiment/table.h"

static const char help[] =
    "usage: omega compare [OPTIONS] A B\n\n"
    "Compares two configurations seed by seed: the same seed gives the same jobs, so what differs\n"
    "is due to the configurations. A and B are output directories of 'omega run' that hold one\n"
    "configuration, or DIR:VARIANT, or in a sweep DIR:VARIANT,PATH=VALUE,...\n"
    "Of each metric: its means, B less A with an interval by Student's t over the pairs, the same\n"
    "as a share of A, p, and what differs in words. With several metrics p is corrected by Holm's\n"
    "method, and says whether something differs in any of them. Waits that are lower bounds make\n"
    "a statement one-sided, or are refused.\n\n" COMMAND_HELP_METRIC
    "  --confidence P     of the intervals and the verdicts, in per cent (95)\n"
    "  --unpaired         the jobs differ: independent samples, Welch's interval\n"
    "  --json             one JSON object instead of text\n"
    "  --help             this text\n\n"
    "exit codes: 0 done, whatever differs; 1 failed, 2 wrong usage\n";

enum option_code {
    OPTION_METRIC = 256,
    OPTION_CONFIDENCE,
    OPTION_UNPAIRED,
    OPTION_JSON,
    OPTION_HELP,
};

static const struct option options[] = {
    {"metric", required_argument, NULL, OPTION_METRIC},
    {"confidence", required_argument, NULL, OPTION_CONFIDENCE},
    {"unpaired", no_argument, NULL, OPTION_UNPAIRED},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static const char *const headings[] = {"metric", "seeds",    "mean A", "mean B",    "B - A",
                                       "+-",     "B - A, %", "p",      "corrected", NULL};

struct request {
    const char **texts; /* metrics asked for */
    uint32_t text_count;
    bool json;
    struct compare_options how;
    struct selection selections[2];
    struct compare_side sides[2];
    struct metric metrics[COMPARE_METRICS_MAX];
    struct comparison comparisons[COMPARE_METRICS_MAX];
    uint32_t count;
};

/* ---- as text ---- */

static void add_p(struct table *table, double p)
{
    if (p < 0.0001) {
        table_cell(table, "< 0.0001");
    } else {
        table_figure(table, p);
    }
}

static void add_cells(struct table *table, const struct comparison *comparison)
{
    char text[METRIC_BYTES];
    metric_text(&comparison->metric, text, sizeof text);
    table_cell(table, "%s", text);
    table_cell(table, "%u", comparison->seeds);
    table_figure_as(table, comparison->bounds_a > 0 ? "> " : "", comparison->mean_a, "");
    table_figure_as(table, comparison->bounds_b > 0 ? "> " : "", comparison->mean_b, "");
    table_figure(table, comparison->difference.estimate);
    table_figure(table, comparison->difference.half);
    table_figure(table, comparison->relative * 100);
    add_p(table, comparison->difference.p);
    add_p(table, comparison->adjusted);
}

static void print_correction(uint32_t tests, double confidence)
{
    double percent = 100 - confidence * 100;
    if (tests > 1) {
        printf("  corrected: p by Holm's method for %u metrics; what is said to differ does at "
               "%.3g %% for all of them together.\n"
               "  The intervals are of each metric alone.\n",
               tests, percent);
    } else {
        printf("  one metric, so p needs no correction; what is said to differ does at %.3g %%\n",
               percent);
    }
}

static void print_text(const struct request *request)
{
    struct table *table = table_create(headings, 1);
    for (uint32_t i = 0; table != NULL && i < request->count; i++) {
        add_cells(table, &request->comparisons[i]);
    }
    printf("A: %s\nB: %s\n\n", request->sides[0].label, request->sides[1].label);
    if (table != NULL) {
        table_write(table, stdout);
        table_destroy(table);
    }
    putchar('\n');
    for (uint32_t i = 0; i < request->count; i++) {
        char sentence[COMPARE_SENTENCE_BYTES];
        compare_sentence(&request->comparisons[i], &request->sides[0], &request->sides[1],
                         sentence);
        puts(sentence);
    }
    printf("\n  +-: half the width of the %.4g %% t-interval over %s; (a to b): that interval\n",
           request->how.confidence * 100,
           request->how.unpaired ? "independent seeds (Welch)" : "pairs with the same seed");
    print_correction(compare_tests(request->comparisons, request->count), request->how.confidence);
}

/* ---- as JSON ---- */

static void write_row(const struct request *request, const struct comparison *comparison)
{
    struct row row = {0};
    char text[METRIC_BYTES];
    char sentence[COMPARE_SENTENCE_BYTES];
    const struct interval *difference = &comparison->difference;
    metric_text(&comparison->metric, text, sizeof text);
    compare_sentence(comparison, &request->sides[0], &request->sides[1], sentence);
    row_text(&row, "metric", text);
    row_text(&row, "verdict", compare_verdict_names[comparison->verdict]);
    row_count(&row, "seeds", comparison->seeds);
    row_count(&row, "dropped", comparison->dropped);
    row_real(&row, "mean_a", comparison->mean_a);
    row_real(&row, "mean_b", comparison->mean_b);
    row_count(&row, "bounds_a", comparison->bounds_a);
    row_count(&row, "bounds_b", comparison->bounds_b);
    row_real(&row, "difference", difference->estimate);
    row_real(&row, "low", difference->low);
    row_real(&row, "high", difference->high);
    row_real(&row, "relative", comparison->relative);
    row_real(&row, "relative_low", comparison->relative_low);
    row_real(&row, "relative_high", comparison->relative_high);
    row_real(&row, "p", difference->p);
    row_real(&row, "p_corrected", comparison->adjusted);
    row_text(&row, "sentence", sentence);
    row_write_json(&row, stdout);
}

static void print_json(const struct request *request)
{
    struct row row = {0};
    uint32_t tests = compare_tests(request->comparisons, request->count);
    row_text(&row, "a", request->sides[0].label);
    row_text(&row, "b", request->sides[1].label);
    row_real(&row, "confidence", request->how.confidence);
    row_bool(&row, "paired", !request->how.unpaired);
    row_text(&row, "correction", tests > 1 ? "holm" : "none");
    row_count(&row, "tests", tests);
    row_begin_json(&row, stdout);
    fputs(",\"metrics\":[", stdout);
    for (uint32_t i = 0; i < request->count; i++) {
        fputs(i == 0 ? "\n" : ",\n", stdout);
        write_row(request, &request->comparisons[i]);
    }
    fputs("\n]}\n", stdout);
}

/* ---- running ---- */

static int choose_metrics(struct request *request, omega_error_t *err)
{
    const struct result_set *set = request->sides[0].set;
    if (request->text_count == 0) {
        request->count = metric_defaults(set, request->metrics, COMPARE_METRICS_MAX);
        return 0;
    }
    return metric_find_all(set, request->texts, request->text_count, request->metrics,
                           COMPARE_METRICS_MAX, &request->count, err);
}

/* What was not asked for, and one side does not have, says nothing. */
static void drop_empty(struct request *request)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; request->text_count == 0 && i < request->count; i++) {
        if (request->comparisons[i].verdict != COMPARE_NO_VALUE) {
            request->comparisons[kept++] = request->comparisons[i];
        }
    }
    request->count = request->text_count == 0 ? kept : request->count;
}

static int compare(struct request *request, char *const *names, omega_error_t *err)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < 2; i++) {
        struct selection *selection = &request->selections[i];
        rc = selection_open(names[i], selection, err);
        request->sides[i] =
            (struct compare_side){selection->set, selection->configuration, selection->label};
        if (rc == 0 && selection->label[0] == '-' && selection->label[1] == '\0') {
            request->sides[i].label = names[i];
        }
    }
    rc = rc == 0 ? choose_metrics(request, err) : rc;
    if (rc == 0) {
        rc = compare_run(&request->sides[0], &request->sides[1], request->metrics, request->count,
                         &request->how, request->comparisons, err);
    }
    if (rc == 0) {
        drop_empty(request);
        (request->json ? print_json : print_text)(request);
    }
    selection_close(&request->selections[0]);
    selection_close(&request->selections[1]);
    return rc;
}

static int run_with(int argc, char **argv, struct request *request)
{
    omega_error_t err = {0};
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        switch (code) {
        case OPTION_METRIC:
            request->texts[request->text_count++] = optarg;
            break;
        case OPTION_CONFIDENCE:
            if (command_confidence("compare", optarg, &request->how.confidence) != COMMAND_DONE) {
                return COMMAND_USAGE;
            }
            break;
        case OPTION_UNPAIRED:
            request->how.unpaired = true;
            break;
        case OPTION_JSON:
            request->json = true;
            break;
        case OPTION_HELP:
            fputs(help, stdout);
            return COMMAND_DONE;
        case ':':
            return command_usage("compare", "option '%.60s' needs a value", argv[optind - 1]);
        default:
            return command_bad_option("compare", argv);
        }
    }
    if (optind != argc - 2) {
        return command_usage("compare", "expected two configurations, got %d", argc - optind);
    }
    return compare(request, &argv[optind], &err) == 0 ? COMMAND_DONE : command_failed(&err);
}

int cmd_compare(int argc, char **argv)
{
    int code = COMMAND_FAILED;
    struct request *request = calloc(1, sizeof *request);
    if (request != NULL) {
        request->how =
            (struct compare_options){.confidence = 0.95, .censored_max = METRIC_CENSORED_MAX};
        request->texts = calloc((size_t)argc, sizeof *request->texts);
        if (request->texts != NULL) {
            code = run_with(argc, argv, request);
        }
        free(request->texts);
    }
    free(request);
    return code;
}
