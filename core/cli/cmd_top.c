/* SPDX-License-Identifier: MIT */
/* omega top: what happens on a cell, while it happens. */
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/cli/command.h"
#include "core/cli/signals.h"
#include "core/cli/top_private.h"

#define TEXT_COLUMNS 500 /* where there is no terminal */
#define SLICE_S 0.1      /* how soon a request to stop is seen */

static const char help[] =
    "usage: omega top [OPTIONS] --cell DIR\n\n"
    "Shows a cell while schedulers work on it: how full it is, what waits, how many commits and\n"
    "placements a second, and who loses which machine to whom. Reads only.\n\n"
    "  --cell DIR      the cell's directory; of a live run: that of --set store.dir=... and\n"
    "                  below it one for each variant and seed\n"
    "  --interval S    seconds between two looks (1), 0.05 to 3600\n"
    "  --once          one text and no more, as also where the output is no terminal\n"
    "  --json          one JSON object in a line for each interval; keys carry units\n"
    "  --help          this text\n\n"
    "Keys: q ends, up and down move through schedulers where not all have room.\n\n"
    "Columns: process and state (runs, or gone); inc, its incarnation: how often it was started;\n"
    "jobs and tasks of it that are pending; commits a second; conflict, the conflict fraction so\n"
    "far: conflicting per successful transactions; plan and commit, the time within which 99 % of\n"
    "them are done; behind, by how many versions its view is. Below: the last claims in conflict,\n"
    "the newest first.\n\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

enum option_code {
    OPTION_CELL = 256,
    OPTION_INTERVAL,
    OPTION_ONCE,
    OPTION_JSON,
    OPTION_HELP,
};

static const struct option options[] = {
    {"cell", required_argument, NULL, OPTION_CELL},
    {"interval", required_argument, NULL, OPTION_INTERVAL},
    {"once", no_argument, NULL, OPTION_ONCE},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static volatile sig_atomic_t stop;

struct top_arguments {
    const char *cell;
    double interval_s;
    bool once;
    bool json;
};

static bool parse_interval(const char *text, double *seconds)
{
    char *end = NULL;
    *seconds = strtod(text, &end);
    return end != text && *end == '\0' && *seconds >= 0.05 && *seconds <= 3600;
}

/* Prints a text or an object for each interval: a rate needs two looks. */
static int print_looks(const struct top_arguments *arguments, struct watch *watch,
                       omega_error_t *err)
{
    bool once = arguments->once || !arguments->json;
    int rc = watch_look(watch, err);
    while (rc == OMEGA_OK) {
        /* in slices: a signal that comes just before a wait does not end it */
        for (double left_s = arguments->interval_s; left_s > 0 && stop == 0; left_s -= SLICE_S) {
            watch_pause(left_s < SLICE_S ? left_s : SLICE_S);
        }
        if (stop != 0) {
            break;
        }
        rc = watch_look(watch, err);
        if (rc == OMEGA_OK && arguments->json) {
            rc = top_json(watch, stdout, err);
        } else if (rc == OMEGA_OK) {
            top_text(watch, TEXT_COLUMNS, TOP_ALL, 0, stdout);
        }
        if (rc != OMEGA_OK || once || fflush(stdout) != 0) {
            break;
        }
    }
    return rc;
}

static int top(const struct top_arguments *arguments)
{
    struct watch watch;
    omega_error_t err = {0};
    bool terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && !arguments->once &&
                    !arguments->json;
    int rc = watch_open(arguments->cell, &watch, &err);
    signals_catch_stop(&stop);
    if (rc == OMEGA_OK) {
        rc = terminal ? top_screen(&watch, arguments->interval_s, &stop, &err) : 1;
        rc = rc == 1 ? print_looks(arguments, &watch, &err) : rc;
    }
    watch_close(&watch);
    return rc == OMEGA_OK ? COMMAND_DONE : command_failed(&err);
}

int cmd_top(int argc, char **argv)
{
    struct top_arguments arguments = {.interval_s = 1};
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        switch (code) {
        case OPTION_CELL:
            arguments.cell = optarg;
            break;
        case OPTION_INTERVAL:
            if (!parse_interval(optarg, &arguments.interval_s)) {
                return command_usage("top", "'%.60s' is no interval, expected 0.05 to 3600 seconds",
                                     optarg);
            }
            break;
        case OPTION_ONCE:
            arguments.once = true;
            break;
        case OPTION_JSON:
            arguments.json = true;
            break;
        case OPTION_HELP:
            fputs(help, stdout);
            return COMMAND_DONE;
        case ':':
            return command_usage("top", "option '%.60s' needs a value", argv[optind - 1]);
        default:
            return command_bad_option("top", argv);
        }
    }
    if (optind < argc) {
        return command_usage("top", "unexpected '%.60s', expected the cell behind --cell",
                             argv[optind]);
    }
    return arguments.cell == NULL ? command_usage("top", "no cell, expected --cell DIR")
                                  : top(&arguments);
}
