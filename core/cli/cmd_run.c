/* SPDX-License-Identifier: MIT */
/* omega run: runs an experiment and writes its results. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/cli/command.h"
#include "core/cli/signals.h"
#include "core/live/metrics_server.h"
#include "core/driver/workers.h"
#include "core/experiment/runner.h"

static const char help[] =
    "usage: omega run [OPTIONS] EXPERIMENT.json\n\n"
    "Runs every variant of an experiment with every value of its sweep and every seed, in virtual\n"
    "time unless it says otherwise, prints a summary and writes results.jsonl, results.csv,\n"
    "run.json and what the experiment records.\n"
    "The file's keys and the results' columns: core/experiment/README.md in the folder that\n"
    "'omega config --documents' names.\n\n"
    "  --out DIR          where the files go (omega-out/NAME)\n"
    "  --set PATH=VALUE   change the experiment first, as often as you like; PATH such as\n"
    "                     horizon_s or schedulers.0.instances, VALUE is JSON or else a string\n"
    "  --sweep PATH=LIST  give a field several values, as often as you like: 1,2,4 or 1..8, a\n"
    "                     JSON list, or a range such as {\"from\":0.1,\"to\":1,\"step\":0.1}\n"
    "  --seed N           run this seed only\n"
    "  --jobs N           worker processes that run points side by side (one for each CPU); the\n"
    "                     results are the same, byte for byte\n"
    "  --resume           go on with the run in DIR that was stopped, failed or killed\n"
    "  --fresh            drop what such a run has finished\n"
    "  --shard I/N        run the points of one of N shards only, from 1, for 'omega merge'\n"
    "  --live             in real time, each scheduler instance a process: as --set driver=live;\n"
    "                     points run one after the other\n"
    "  --metrics ADDRESS  serve figures of live runs for Prometheus: :PORT, which is on this\n"
    "                     machine only, HOST:PORT or [HOST]:PORT; see 'omega cell metrics'\n"
    "  --log              everything that happens, for 'omega check-log': DIR/log/*.omlog\n"
    "  --json             the summary as JSON instead of a table\n"
    "  --quiet            no progress\n"
    "  --verbose          what modules tell as information, too, not only warnings and errors\n"
    "  --help             this text\n\n"
    "Ctrl-C stops; the points finished by then are kept, and --resume runs the others.\n"
    "exit codes: 0 done, 1 failed or stopped, 2 wrong usage\n";

enum option_code {
    OPTION_OUT = 256,
    OPTION_SET,
    OPTION_SWEEP,
    OPTION_SEED,
    OPTION_JOBS,
    OPTION_RESUME,
    OPTION_FRESH,
    OPTION_SHARD,
    OPTION_LIVE,
    OPTION_METRICS,
    OPTION_LOG,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_VERBOSE,
    OPTION_HELP,
};

static const struct option options[] = {
    {"out", required_argument, NULL, OPTION_OUT},
    {"set", required_argument, NULL, OPTION_SET},
    {"sweep", required_argument, NULL, OPTION_SWEEP},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"jobs", required_argument, NULL, OPTION_JOBS},
    {"resume", no_argument, NULL, OPTION_RESUME},
    {"fresh", no_argument, NULL, OPTION_FRESH},
    {"shard", required_argument, NULL, OPTION_SHARD},
    {"live", no_argument, NULL, OPTION_LIVE},
    {"metrics", required_argument, NULL, OPTION_METRICS},
    {"log", no_argument, NULL, OPTION_LOG},
    {"json", no_argument, NULL, OPTION_JSON},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"verbose", no_argument, NULL, OPTION_VERBOSE},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static volatile sig_atomic_t stop;

static bool parse_seed(const char *text, uint64_t *seed)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *seed = value;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && value <= INT64_MAX;
}

static int run_file(const char *path, const struct experiment_options *changes,
                    const struct runner_options *how)
{
    omega_error_t err = {0};
    struct experiment *experiment;
    int rc = experiment_open(path, changes, &experiment, &err);
    if (rc == 0) {
        command_warnings(experiment);
        signals_catch_stop(&stop);
        rc = runner_run(experiment, how, &err);
    }
    experiment_close(experiment);
    return rc == 0 ? COMMAND_DONE : command_failed(&err);
}

static void tell(const char *text)
{
    fprintf(stderr, "omega: %s\n", text);
}

/* The same, while figures are served at the address `metrics` (NULL: they are not). */
static int run_and_serve(const char *path, const char *metrics,
                         const struct experiment_options *changes, struct runner_options *how)
{
    struct metrics_server server = {.process = 0};
    omega_error_t err = {0};
    int socket = 0;
    int code = metrics == NULL ? COMMAND_DONE : command_listen("run", metrics, &socket);
    if (socket > 0 && metrics_server_start(socket, tell, &server, &err) != OMEGA_OK) {
        code = command_failed(&err);
    }
    if (socket > 0) {
        close(socket); /* the server's */
    }
    how->metrics = server.cells;
    code = code == COMMAND_DONE ? run_file(path, changes, how) : code;
    metrics_server_stop(&server);
    return code;
}

/* "3", from 1 to `max`, up to the end or a character that follows. */
static bool parse_count(const char *text, char follows, uint32_t max, uint32_t *count,
                        const char **rest)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    *count = (uint32_t)value;
    *rest = end;
    return text[0] >= '0' && text[0] <= '9' && *end == follows && errno == 0 && value >= 1 &&
           value <= max;
}

/* "2/5" */
static bool parse_shard(const char *text, struct parts_shard *shard)
{
    const char *rest;
    return parse_count(text, '/', PARTS_SHARDS_MAX, &shard->number, &rest) &&
           parse_count(rest + 1, '\0', PARTS_SHARDS_MAX, &shard->count, &rest) &&
           shard->number <= shard->count;
}

/* Goes on with the points of an earlier run, or drops them. */
static int take_start(enum parts_start start, struct runner_options *how)
{
    if (how->start != PARTS_NEW && how->start != start) {
        return command_usage("run", "--resume and --fresh exclude each other, expected one");
    }
    how->start = start;
    return COMMAND_DONE;
}

/* What the options with numbers say; COMMAND_DONE, or a usage error. */
static int take_number(int code, const char *value, struct experiment_options *changes,
                       struct runner_options *how)
{
    const char *rest;
    if (code == OPTION_SEED) {
        changes->has_seed = true;
        return parse_seed(value, &changes->seed)
                   ? COMMAND_DONE
                   : command_usage("run", "'%.60s' is no seed, expected a whole number", value);
    }
    if (code == OPTION_JOBS) {
        return parse_count(value, '\0', WORKERS_MAX, &how->jobs, &rest)
                   ? COMMAND_DONE
                   : command_usage("run", "--jobs '%.60s': expected a number from 1 to %u", value,
                                   WORKERS_MAX);
    }
    return parse_shard(value, &how->shard)
               ? COMMAND_DONE
               : command_usage("run", "--shard '%.60s': expected such as 1/3, at most %u", value,
                               PARTS_SHARDS_MAX);
}

/* What the options without a value say; false: it has one, or is none. */
static bool take_flag(int code, struct runner_options *how)
{
    switch (code) {
    case OPTION_LOG:
        how->log = true;
        return true;
    case OPTION_JSON:
        how->json = true;
        return true;
    case OPTION_QUIET:
        how->quiet = true;
        return true;
    case OPTION_VERBOSE:
        how->verbose = true;
        return true;
    default:
        return false;
    }
}

static void leave_worker(void)
{
    _exit(COMMAND_DONE);
}

/* Room for the values of options that may come often. */
struct lists {
    const char **sets;
    const char **sweeps;
};

/* What the options say that may come often. */
static void take_change(int code, const char *value, const struct lists *lists,
                        struct experiment_options *changes)
{
    if (code == OPTION_SWEEP) {
        lists->sweeps[changes->sweep_count++] = value;
    } else {
        lists->sets[changes->set_count++] = code == OPTION_LIVE ? "driver=live" : value;
    }
}

/* `argv` is reordered by getopt; `line` is the command line as it was given. */
static int run_with(int argc, char **argv, char *const *line, const struct lists *lists)
{
    struct experiment_options changes = {.sets = lists->sets, .sweeps = lists->sweeps};
    struct runner_options how = {.argc = argc,
                                 .argv = line,
                                 .stop = &stop,
                                 .in_worker = signals_in_worker,
                                 .leave_worker = leave_worker,
                                 .summary = stdout,
                                 .progress = stderr};
    const char *metrics = NULL;
    int code;
    int usage = COMMAND_DONE;
    opterr = 0;
    while (usage == COMMAND_DONE && (code = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (take_flag(code, &how)) {
            continue;
        }
        switch (code) {
        case OPTION_OUT:
            how.directory = optarg;
            break;
        case OPTION_SET:
        case OPTION_SWEEP:
        case OPTION_LIVE:
            take_change(code, optarg, lists, &changes);
            break;
        case OPTION_RESUME:
        case OPTION_FRESH:
            usage = take_start(code == OPTION_FRESH ? PARTS_FRESH : PARTS_RESUME, &how);
            break;
        case OPTION_METRICS:
            metrics = optarg;
            break;
        case OPTION_SEED:
        case OPTION_JOBS:
        case OPTION_SHARD:
            usage = take_number(code, optarg, &changes, &how);
            break;
        case OPTION_HELP:
            fputs(help, stdout);
            return COMMAND_DONE;
        case ':':
            return command_usage("run", "option '%.60s' needs a value", argv[optind - 1]);
        default:
            return command_bad_option("run", argv);
        }
    }
    if (usage != COMMAND_DONE) {
        return usage;
    }
    if (optind != argc - 1) {
        return command_usage("run", "expected one experiment file, got %d", argc - optind);
    }
    return run_and_serve(argv[optind], metrics, &changes, &how);
}

int cmd_run(int argc, char **argv)
{
    struct lists lists = {calloc((size_t)argc, sizeof(char *)),
                          calloc((size_t)argc, sizeof(char *))};
    char **copy = calloc((size_t)argc + 1, sizeof *copy);
    int code = COMMAND_FAILED;
    if (lists.sets != NULL && lists.sweeps != NULL && copy != NULL) {
        for (int i = 0; i < argc; i++) {
            copy[i] = argv[i];
        }
        code = run_with(argc, copy, argv, &lists);
    }
    free(copy);
    free((void *)lists.sets);
    free((void *)lists.sweeps);
    return code;
}
