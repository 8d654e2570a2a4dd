/* SPDX-License-Identifier: MIT */
/* omega run: runs an experiment and writes its results. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/cli/command.h"
#include "core/cli/signals.h"
#include "core/experiment/runner.h"

static const char help[] =
    "usage: omega run [OPTIONS] EXPERIMENT.json\n\n"
    "Runs every variant of an experiment with every seed in virtual time, prints a summary\n"
    "and writes results.jsonl, results.csv, run.json and what the experiment records.\n"
    "The file's keys and the results' columns: core/experiment/README.md in the source tree\n\n"
    "  --out DIR          where the files go (omega-out/NAME)\n"
    "  --set PATH=VALUE   change the experiment first, as often as you like; PATH such as\n"
    "                     horizon_s or schedulers.0.instances, VALUE is JSON or else a string\n"
    "  --seed N           run this seed only\n"
    "  --log              everything that happens, for 'omega check-log': DIR/log/*.omlog\n"
    "  --json             the summary as JSON instead of a table\n"
    "  --quiet            no progress\n"
    "  --verbose          what modules tell as information, too, not only warnings and errors\n"
    "  --help             this text\n\n"
    "Ctrl-C stops; the points finished by then are kept.\n"
    "exit codes: 0 done, 1 failed or stopped, 2 wrong usage\n";

enum option_code {
    OPTION_OUT = 256,
    OPTION_SET,
    OPTION_SEED,
    OPTION_LOG,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_VERBOSE,
    OPTION_HELP,
};

static const struct option options[] = {
    {"out", required_argument, NULL, OPTION_OUT},
    {"set", required_argument, NULL, OPTION_SET},
    {"seed", required_argument, NULL, OPTION_SEED},
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

/* `argv` is reordered by getopt; `line` is the command line as it was given. */
static int run_with(int argc, char **argv, char *const *line, const char **sets)
{
    struct experiment_options changes = {.sets = sets};
    struct runner_options how = {
        .argc = argc, .argv = line, .stop = &stop, .summary = stdout, .progress = stderr};
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        switch (code) {
        case OPTION_OUT:
            how.directory = optarg;
            break;
        case OPTION_SET:
            sets[changes.set_count++] = optarg;
            break;
        case OPTION_SEED:
            changes.has_seed = true;
            if (!parse_seed(optarg, &changes.seed)) {
                return command_usage("run", "'%.60s' is no seed, expected a whole number", optarg);
            }
            break;
        case OPTION_LOG:
            how.log = true;
            break;
        case OPTION_JSON:
            how.json = true;
            break;
        case OPTION_QUIET:
            how.quiet = true;
            break;
        case OPTION_VERBOSE:
            how.verbose = true;
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
    if (optind != argc - 1) {
        return command_usage("run", "expected one experiment file, got %d", argc - optind);
    }
    return run_file(argv[optind], &changes, &how);
}

int cmd_run(int argc, char **argv)
{
    const char **sets = calloc((size_t)argc, sizeof *sets);
    char **copy = calloc((size_t)argc + 1, sizeof *copy);
    int code = COMMAND_FAILED;
    if (sets != NULL && copy != NULL) {
        for (int i = 0; i < argc; i++) {
            copy[i] = argv[i];
        }
        code = run_with(argc, copy, argv, sets);
    }
    free(copy);
    free(sets);
    return code;
}
