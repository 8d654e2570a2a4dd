/* SPDX-License-Identifier: MIT */
/* omega find: how far a parameter may go until a condition no longer holds. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/analysis/find.h"
#include "core/cli/command.h"
#include "core/cli/signals.h"
#include "core/driver/workers.h"
#include "core/experiment/row.h"
#include "core/experiment/table.h"

static const char help[] =
    "usage: omega find [OPTIONS] --parameter PATH --from A --to B --condition C EXPERIMENT.json\n\n"
    "Finds where between A and B a condition ceases to hold, such as the highest arrival rate at\n"
    "which 90 % of batch jobs start within 30 s:\n\n"
    "  omega find --parameter workloads.0.rate_factor --from 1 --to 8 \\\n"
    "      --condition 'batch.wait_first_p90_s <= 30' EXPERIMENT.json\n\n"
    "Each value that is tried is run with several seeds, until an interval of the mean over seeds\n"
    "decides the condition or there are no more. Waits that are lower bounds can show that it\n"
    "fails, never that it holds. That it holds on one side only is taken for granted.\n\n"
    "  --parameter PATH   a number of the experiment, as for --sweep of 'omega run'\n"
    "  --from A, --to B   the range\n"
    "  --whole            whole numbers only\n"
    "  --condition C      METRIC <= NUMBER, or with <, >= or >; the metric as for 'omega compare'\n"
    "  --variant NAME     of the experiment's variants; needed if it has several\n"
    "  --set PATH=VALUE   change the experiment first, as often as you like\n"
    "  --precision P      per cent of the boundary that it is to be known to (1)\n"
    "  --confidence P     that it lies where it is said to, in per cent (95)\n"
    "  --seeds N..M       N seeds at first, doubled up to M where they do not decide (10..160)\n"
    "  --seed S           the first seed (1)\n"
    "  --probes N         at most so many values are tried (20)\n"
    "  --jobs N           worker processes that run seeds side by side (one for each CPU); the\n"
    "                     answer is the same, byte for byte\n"
    "  --json             one JSON object instead of text\n"
    "  --quiet            no progress\n"
    "  --help             this text\n\n"
    "exit codes: 0 found, 1 failed or not found, 2 wrong usage\n";

enum option_code {
    OPTION_PARAMETER = 256,
    OPTION_FROM,
    OPTION_TO,
    OPTION_WHOLE,
    OPTION_CONDITION,
    OPTION_VARIANT,
    OPTION_SET,
    OPTION_PRECISION,
    OPTION_CONFIDENCE,
    OPTION_SEEDS,
    OPTION_SEED,
    OPTION_PROBES,
    OPTION_JOBS,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_HELP,
};

static const struct option options[] = {
    {"parameter", required_argument, NULL, OPTION_PARAMETER},
    {"from", required_argument, NULL, OPTION_FROM},
    {"to", required_argument, NULL, OPTION_TO},
    {"whole", no_argument, NULL, OPTION_WHOLE},
    {"condition", required_argument, NULL, OPTION_CONDITION},
    {"variant", required_argument, NULL, OPTION_VARIANT},
    {"set", required_argument, NULL, OPTION_SET},
    {"precision", required_argument, NULL, OPTION_PRECISION},
    {"confidence", required_argument, NULL, OPTION_CONFIDENCE},
    {"seeds", required_argument, NULL, OPTION_SEEDS},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"probes", required_argument, NULL, OPTION_PROBES},
    {"jobs", required_argument, NULL, OPTION_JOBS},
    {"json", no_argument, NULL, OPTION_JSON},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static const char *const headings[] = {"value",     "seeds", "mean over seeds", "+-", "bounds",
                                       "condition", NULL};

static volatile sig_atomic_t stop;

struct request {
    struct find_options how;
    struct find_result result;
    const char **sets;
    const char *condition; /* as it was given */
    bool has_from;
    bool has_to;
    bool json;
    bool quiet;
};

/* ---- options ---- */

static bool parse_number(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && *value - *value == 0;
}

static bool parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *value, char **end)
{
    errno = 0;
    *value = strtoull(text, end, 10);
    return text[0] >= '0' && text[0] <= '9' && errno == 0 && *value >= min && *value <= max;
}

/* "10..160", or "10" */
static bool parse_seeds(const char *text, struct find_options *how)
{
    char *end;
    uint64_t first;
    uint64_t most;
    if (!parse_count(text, 2, PROBE_SEEDS_MAX, &first, &end)) {
        return false;
    }
    most = first;
    if (strncmp(end, "..", 2) == 0 && !parse_count(end + 2, first, PROBE_SEEDS_MAX, &most, &end)) {
        return false;
    }
    how->seeds = (uint32_t)first;
    how->seeds_max = (uint32_t)most;
    return *end == '\0';
}

static int bad_value(const char *option, const char *expected)
{
    return command_usage("find", "'%.60s' for --%s, expected %s", optarg, option, expected);
}

/* The options that are numbers. 0, or an exit code. */
static int take_number(struct request *request, int code)
{
    struct find_options *how = &request->how;
    uint64_t count;
    char *end;
    switch (code) {
    case OPTION_FROM:
        request->has_from = true;
        return parse_number(optarg, &how->from) ? 0 : bad_value("from", "a number");
    case OPTION_TO:
        request->has_to = true;
        return parse_number(optarg, &how->to) ? 0 : bad_value("to", "a number");
    case OPTION_PRECISION:
        return command_percent(optarg, 1e-6, &how->precision)
                   ? 0
                   : bad_value("precision", "per cent above 0 and below 100");
    case OPTION_CONFIDENCE:
        return command_confidence("find", optarg, &how->confidence);
    case OPTION_SEEDS:
        return parse_seeds(optarg, how) ? 0 : bad_value("seeds", "N..M, from 2 to 4096");
    case OPTION_SEED:
        return parse_count(optarg, 0, INT64_MAX - PROBE_SEEDS_MAX, &how->seed, &end) && *end == '\0'
                   ? 0
                   : bad_value("seed", "a whole number");
    case OPTION_JOBS:
        if (!parse_count(optarg, 1, WORKERS_MAX, &count, &end) || *end != '\0') {
            return command_usage("find", "'%.60s' for --jobs, expected a whole number from 1 to %u",
                                 optarg, WORKERS_MAX);
        }
        how->runs.jobs = (uint32_t)count;
        return 0;
    default:
        if (!parse_count(optarg, 2, FIND_PROBES_MAX, &count, &end) || *end != '\0') {
            return bad_value("probes", "a whole number from 2 to 200");
        }
        how->probes = (uint32_t)count;
        return 0;
    }
}

/* The others. -1: go on; else an exit code. */
static int take_option(struct request *request, int code, char **argv)
{
    omega_error_t err = {0};
    switch (code) {
    case OPTION_PARAMETER:
        request->how.parameter = optarg;
        return -1;
    case OPTION_WHOLE:
        request->how.whole = true;
        return -1;
    case OPTION_CONDITION:
        request->condition = optarg;
        return find_condition_parse(optarg, &request->how.condition, &err) == 0
                   ? -1
                   : command_usage("find", "%s", err.text);
    case OPTION_VARIANT:
        request->how.runs.variant = optarg;
        return -1;
    case OPTION_SET:
        request->sets[request->how.runs.set_count++] = optarg;
        return -1;
    case OPTION_JSON:
        request->json = true;
        return -1;
    case OPTION_QUIET:
        request->quiet = true;
        return -1;
    case OPTION_HELP:
        fputs(help, stdout);
        return COMMAND_DONE;
    case ':':
        return command_usage("find", "option '%.60s' needs a value", argv[optind - 1]);
    default:
        return command_bad_option("find", argv);
    }
}

/* The limit first: what lies far beyond it is no int64. */
static bool is_whole(double value)
{
    return value >= -FIND_WHOLE_MAX && value <= FIND_WHOLE_MAX && value == (double)(int64_t)value;
}

static int check_request(const struct request *request, int files)
{
    const struct find_options *how = &request->how;
    if (how->parameter == NULL || !request->has_from || !request->has_to ||
        request->condition == NULL) {
        return command_usage("find", "expected --parameter, --from, --to and --condition");
    }
    if (how->from == how->to) {
        return command_usage("find", "--from and --to are the same, expected a range");
    }
    if (how->whole && !(is_whole(how->from) && is_whole(how->to))) {
        return command_usage("find",
                             "--whole: expected whole numbers from -10^12 to 10^12 for --from and "
                             "--to");
    }
    return files == 1 ? 0 : command_usage("find", "expected one experiment file, got %d", files);
}

/* ---- text ---- */

static void print_probes(const struct find_result *result)
{
    struct table *table = table_create(headings, 0);
    for (uint32_t i = 0; table != NULL && i < result->probe_count; i++) {
        const struct find_probe *probe = &result->probes[i];
        table_cell(table, "%s", probe->text);
        table_cell(table, "%u", probe->mean.n);
        table_figure_as(table, probe->bounds > 0 ? "> " : "", probe->mean.estimate, "");
        table_figure(table, probe->mean.half);
        table_cell(table, "%u", probe->bounds);
        table_cell(table, "%s", find_decision_names[probe->decision]);
    }
    if (table != NULL) {
        table_write(table, stdout);
        table_destroy(table);
    }
}

/* How narrow it is, and where in it the boundary seems to be. */
static void print_width(const struct request *request)
{
    const struct find_result *result = &request->result;
    double width = result->holds - result->fails;
    double end = result->holds > result->fails ? result->holds : result->fails;
    width = width < 0 ? -width : width;
    if (request->how.whole) {
        puts(width == 1 ? ": they are neighbours" : "");
        return;
    }
    printf(", known to %.2g %%\n", width / (end < 0 ? -end : end) * 100);
    if (result->estimate == result->estimate) {
        printf("best guess: %.5g, where the means over seeds cross the limit\n", result->estimate);
    }
}

static void print_boundary(const struct request *request)
{
    const struct find_result *result = &request->result;
    printf("holds at %.12g, fails at %.12g: with %.4g %% confidence the boundary lies between",
           result->holds, result->fails, request->how.confidence * 100);
    print_width(request);
    if (result->grey && result->grey_low < result->grey_high) {
        printf("noise: not decided from %.12g to %.12g with %u seeds\n", result->grey_low,
               result->grey_high, request->how.seeds << (result->looks - 1));
    } else if (result->grey) {
        printf("noise: not decided at %.12g with %u seeds\n", result->grey_low,
               request->how.seeds << (result->looks - 1));
    }
    if (result->outcome == FIND_NOISE) {
        puts("wider than asked for: more seeds or a longer horizon would narrow it");
    } else if (result->outcome == FIND_PROBES_USED) {
        puts("wider than asked for: all probes are used up (--probes)");
    }
}

static void print_text(const struct request *request)
{
    const struct find_result *result = &request->result;
    const char *parameter = request->how.parameter;
    printf("%s, %s\n\n", parameter, request->condition);
    print_probes(result);
    printf(
        "\n  +-: half the width of the interval of one look (%.4g %%, so that all looks together "
        "are wrong with at most %.3g %%);\n"
        "  bounds: runs whose value is a lower bound, which can show that a wait is too long, "
        "not that it is short\n\n",
        100 - 200 * result->error, 100 - request->how.confidence * 100);
    switch (result->outcome) {
    case FIND_HOLDS_AT_BOTH:
        puts("not found: it holds at both ends of the range");
        break;
    case FIND_FAILS_AT_BOTH:
        puts("not found: it fails at both ends of the range");
        break;
    case FIND_END_UNDECIDED:
        puts("not found: noise or lower bounds leave it undecided at an end of the range");
        break;
    default:
        print_boundary(request);
    }
    printf("taken for granted: it holds on one side of one boundary; %u runs\n", result->runs);
}

/* ---- JSON ---- */

static void print_json(const struct request *request)
{
    const struct find_result *result = &request->result;
    struct row row = {0};
    row_text(&row, "parameter", request->how.parameter);
    row_text(&row, "condition", request->condition);
    row_text(&row, "outcome", find_outcome_names[result->outcome]);
    row_real(&row, "holds", result->holds);
    row_real(&row, "fails", result->fails);
    row_real(&row, "estimate", result->estimate);
    row_real(&row, "confidence", request->how.confidence);
    row_real(&row, "look_error", result->error);
    row_real(&row, "grey_low", result->grey ? result->grey_low : __builtin_nan(""));
    row_real(&row, "grey_high", result->grey ? result->grey_high : __builtin_nan(""));
    row_count(&row, "runs", result->runs);
    row_begin_json(&row, stdout);
    fputs(",\"probes\":[", stdout);
    for (uint32_t i = 0; i < result->probe_count; i++) {
        const struct find_probe *probe = &result->probes[i];
        struct row at = {0};
        row_real(&at, "value", probe->value);
        row_count(&at, "seeds", probe->mean.n);
        row_real(&at, "mean", probe->mean.estimate);
        row_real(&at, "low", probe->mean.low);
        row_real(&at, "high", probe->mean.high);
        row_count(&at, "bounds", probe->bounds);
        row_text(&at, "decision", find_decision_names[probe->decision]);
        fputs(i == 0 ? "\n" : ",\n", stdout);
        row_write_json(&at, stdout);
    }
    fputs("\n]}\n", stdout);
}

/* ---- running ---- */

static void tell(void *context, const struct find_probe *probe)
{
    const struct request *request = context;
    if (!request->quiet) {
        fprintf(stderr, "%s=%s: %s with %u seeds\n", request->how.parameter, probe->text,
                find_decision_names[probe->decision], probe->mean.n);
    }
}

static void leave_worker(void)
{
    _exit(COMMAND_DONE);
}

static int find(struct request *request, const char *file)
{
    omega_error_t err = {0};
    request->how.runs.file = file;
    request->how.runs.sets = request->sets;
    request->how.runs.stop = &stop;
    request->how.runs.in_worker = signals_in_worker;
    request->how.runs.leave_worker = leave_worker;
    signals_catch_stop(&stop);
    if (find_run(&request->how, tell, request, &request->result, &err) != 0) {
        return command_failed(&err);
    }
    (request->json ? print_json : print_text)(request);
    return request->result.outcome <= FIND_PROBES_USED ? COMMAND_DONE : COMMAND_FAILED;
}

static int run_with(int argc, char **argv, struct request *request)
{
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        bool number = code == OPTION_FROM || code == OPTION_TO || code == OPTION_PRECISION ||
                      code == OPTION_CONFIDENCE || code == OPTION_SEEDS || code == OPTION_SEED ||
                      code == OPTION_PROBES || code == OPTION_JOBS;
        int rc = number ? take_number(request, code) : take_option(request, code, argv);
        if (rc > 0 || (rc == COMMAND_DONE && !number)) {
            return rc;
        }
    }
    int rc = check_request(request, argc - optind);
    return rc != 0 ? rc : find(request, argv[optind]);
}

int cmd_find(int argc, char **argv)
{
    int code = COMMAND_FAILED;
    struct request *request = calloc(1, sizeof *request);
    if (request != NULL) {
        request->how = (struct find_options){
            .precision = 0.01,
            .confidence = 0.95,
            .seed = 1,
            .seeds = 10,
            .seeds_max = 160,
            .probes = 20,
            .censored_max = METRIC_CENSORED_MAX,
            .runs = {.jobs = workers_cpus()},
        };
        request->sets = calloc((size_t)argc, sizeof *request->sets);
        if (request->sets != NULL) {
            code = run_with(argc, argv, request);
        }
        free(request->sets);
    }
    free(request);
    return code;
}
