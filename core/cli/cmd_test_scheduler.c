/* SPDX-License-Identifier: MIT */
/* omega test-scheduler: runs a module through the behaviour suite and names what it does wrong. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cli/command.h"
#include "core/experiment/messages.h"
#include "core/kit/suite.h"

#define QUICK_JOBS 50000u
#define SECONDS_MAX 100000u

static const char help[] =
    "usage: omega test-scheduler [OPTIONS] MODULE\n\n"
    "Tries a scheduler module out and names what it does wrong. MODULE is the path of a shared\n"
    "object, or the name of a shipped module. Each check runs in a process of its own.\n\n"
    "  --options JSON     the module's options, such as '{\"probes\": 8}' (its defaults)\n"
    "  --only CHECK       run this check only\n"
    "  --first            stop at the first check that fails\n"
    "  --jobs N           jobs of the check for leaks (1000000)\n"
    "  --quick            the same as --jobs 50000\n"
    "  --seed N           of the random jobs (1)\n"
    "  --timeout S        one call into the module may take so long (5)\n"
    "  --limit S          a trial is cut short after so long (60)\n"
    "  --list             names and meanings of the checks\n"
    "  --json             one JSON array instead of text\n"
    "  --help             this text\n\n"
    "exit codes: 0 no check failed, 1 at least one did, 2 wrong usage\n";

enum option_code {
    OPTION_OPTIONS = 256,
    OPTION_ONLY,
    OPTION_FIRST,
    OPTION_JOBS,
    OPTION_QUICK,
    OPTION_SEED,
    OPTION_TIMEOUT,
    OPTION_LIMIT,
    OPTION_LIST,
    OPTION_JSON,
    OPTION_HELP,
};

static const struct option options[] = {
    {"options", required_argument, NULL, OPTION_OPTIONS},
    {"only", required_argument, NULL, OPTION_ONLY},
    {"first", no_argument, NULL, OPTION_FIRST},
    {"jobs", required_argument, NULL, OPTION_JOBS},
    {"quick", no_argument, NULL, OPTION_QUICK},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"limit", required_argument, NULL, OPTION_LIMIT},
    {"list", no_argument, NULL, OPTION_LIST},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

/* What the command line asks for, and what has been told so far. */
struct request {
    struct suite_options suite;
    json_t *options; /* NULL = none */
    json_t *list;    /* --json: the results; else NULL */
    bool json;
    bool list_only;
    bool help;
    uint32_t counts[3]; /* by outcome */
    const char *failed; /* the first check that did */
};

/* ---- output ---- */

static const char *const outcome_names[] = {
    [SUITE_OK] = "ok",
    [SUITE_FAILED] = "FAILED",
    [SUITE_SKIPPED] = "skipped",
};

static void add_json(struct request *request, const struct suite_result *result)
{
    static const char *const names[] = {"ok", "failed", "skipped"};
    json_array_append_new(request->list,
                          json_pack("{s:s, s:s, s:s, s:f}", "check", result->check, "outcome",
                                    names[result->outcome], "text", result->text, "wall_s",
                                    (double)result->wall_us / 1e6));
}

static void tell(void *context, const struct suite_result *result)
{
    struct request *request = context;
    request->counts[result->outcome]++;
    if (result->outcome == SUITE_FAILED && request->failed == NULL) {
        request->failed = result->check;
    }
    if (request->list != NULL) {
        add_json(request, result);
        return;
    }
    printf("%-12s %s%s", result->check, outcome_names[result->outcome],
           result->text[0] == '\0' ? "" : ": ");
    message_write(result->text, stdout);
    putchar('\n');
    fflush(stdout);
}

static void close_report(const struct request *request)
{
    if (request->list != NULL) {
        json_dumpf(request->list, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        putchar('\n');
        return;
    }
    printf("%u ok, %u failed, %u skipped\n", request->counts[SUITE_OK],
           request->counts[SUITE_FAILED], request->counts[SUITE_SKIPPED]);
    if (request->failed != NULL) {
        printf("what '%s' asks for: 'omega test-scheduler --list'; it alone: --only %s\n",
               request->failed, request->failed);
    }
}

static int list_checks(bool json)
{
    json_t *list = json_array();
    for (uint32_t i = 0; suite_check_name(i) != NULL; i++) {
        if (json) {
            json_array_append_new(list, json_pack("{s:s, s:s}", "check", suite_check_name(i),
                                                  "about", suite_check_about(i)));
        } else {
            printf("%-12s %s\n", suite_check_name(i), suite_check_about(i));
        }
    }
    if (json) {
        json_dumpf(list, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(list);
    return COMMAND_DONE;
}

/* ---- the command line ---- */

static bool parse_number(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    *value = number;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && number >= least &&
           number <= most;
}

/* Takes a number; COMMAND_USAGE with what is wrong, or COMMAND_DONE. */
static int take_number(const char *name, uint64_t least, uint64_t most, uint64_t *value)
{
    if (parse_number(optarg, least, most, value)) {
        return COMMAND_DONE;
    }
    return command_usage("test-scheduler", "%s '%.40s', expected a whole number of %llu to %llu",
                         name, optarg, (unsigned long long)least, (unsigned long long)most);
}

static int take_seconds(const char *name, uint32_t *seconds)
{
    uint64_t value = 0;
    int code = take_number(name, 1, SECONDS_MAX, &value);
    *seconds = (uint32_t)value;
    return code;
}

static int take_options(struct request *request)
{
    json_error_t error;
    json_decref(request->options);
    request->options = json_loads(optarg, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(request->options)) {
        return command_usage("test-scheduler", "--options '%.60s' is no JSON object%s%s", optarg,
                             request->options == NULL ? ": " : "",
                             request->options == NULL ? error.text : "");
    }
    request->suite.options = request->options;
    return COMMAND_DONE;
}

static int take(struct request *request, int code, char **argv)
{
    switch (code) {
    case OPTION_OPTIONS:
        return take_options(request);
    case OPTION_ONLY:
        request->suite.only = optarg;
        return COMMAND_DONE;
    case OPTION_FIRST:
        request->suite.first = true;
        return COMMAND_DONE;
    case OPTION_JOBS:
        return take_number("--jobs", 1, UINT32_MAX / 2, &request->suite.jobs);
    case OPTION_QUICK:
        request->suite.jobs = QUICK_JOBS;
        return COMMAND_DONE;
    case OPTION_SEED:
        return take_number("--seed", 0, INT64_MAX, &request->suite.seed);
    case OPTION_TIMEOUT:
        return take_seconds("--timeout", &request->suite.call_s);
    case OPTION_LIMIT:
        return take_seconds("--limit", &request->suite.total_s);
    case OPTION_LIST:
        request->list_only = true;
        return COMMAND_DONE;
    case OPTION_JSON:
        request->json = true;
        return COMMAND_DONE;
    case OPTION_HELP:
        request->help = true;
        return COMMAND_DONE;
    case ':':
        return command_usage("test-scheduler", "option '%.60s' needs a value", argv[optind - 1]);
    default:
        return command_bad_option("test-scheduler", argv);
    }
}

/* ---- the command ---- */

/* "mine.so" is the file here, as "./mine.so" is. */
static char *module_name(const char *given)
{
    size_t length = strlen(given);
    bool file = strchr(given, '/') == NULL && length > 3 && strcmp(given + length - 3, ".so") == 0;
    char *name = malloc(length + 3);
    if (name != NULL) {
        snprintf(name, length + 3, "%s%s", file ? "./" : "", given);
    }
    return name;
}

static int run_suite(struct request *request, const char *module)
{
    omega_error_t err = {0};
    char *name = module_name(module);
    int rc = OMEGA_ENOMEM;
    if (name != NULL) {
        request->suite.module = name;
        request->list = request->json ? json_array() : NULL;
        rc = suite_run(&request->suite, tell, request, &err);
    }
    if (rc == OMEGA_OK) {
        close_report(request);
    }
    json_decref(request->list);
    free(name);
    if (rc != OMEGA_OK) {
        return command_failed(&err);
    }
    return request->counts[SUITE_FAILED] > 0 ? COMMAND_FAILED : COMMAND_DONE;
}

int cmd_test_scheduler(int argc, char **argv)
{
    struct request request = {.suite = {.seed = 1, .jobs = SUITE_JOBS, .call_s = 5, .total_s = 60}};
    int result = COMMAND_DONE;
    int code;
    opterr = 0;
    while (result == COMMAND_DONE && !request.help &&
           (code = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        result = take(&request, code, argv);
    }
    if (result == COMMAND_DONE && request.help) {
        fputs(help, stdout);
    } else if (result == COMMAND_DONE && request.list_only) {
        result = list_checks(request.json);
    } else if (result == COMMAND_DONE && optind != argc - 1) {
        result = command_usage("test-scheduler", "expected one module, got %d", argc - optind);
    } else if (result == COMMAND_DONE) {
        result = run_suite(&request, argv[optind]);
    }
    json_decref(request.options);
    return result;
}
