/* SPDX-License-Identifier: MIT */
/* omega executor: works as the executor of a cell on disk. */
#include <getopt.h>
#include <stdio.h>

#include "core/cli/standing_private.h"

static const char help[] =
    "usage: omega executor --cell DIR\n\n"
    "Plays the machines of a cell until Ctrl-C: ends each task when its duration has passed since\n"
    "the executor saw it run. A cell has one executor at a time; without one tasks run on. One "
    "that\n"
    "is started again goes on counting where the one before it was.\n\n"
    "  --cell DIR         the cell\n"
    "  --listen ADDRESS   answer 'omega control --address' there, too, such as "
    "tcp://127.0.0.1:7000:\n"
    "                     whoever can connect can ask and stop it\n"
    "  --help             this text\n\n"
    "exit codes: 0 ended by Ctrl-C or 'omega control', 1 failed, 2 wrong usage\n";

int cmd_executor(int argc, char **argv)
{
    struct standing_options how = {.seed = 0};
    const char *cell = NULL;
    const struct command_option options[] = {
        {.name = "cell", .value = &cell}, {.name = "listen", .value = &how.listen}, {.name = NULL}};
    omega_error_t err = {0};
    int code;
    if (!command_options("executor", help, options, argc, argv, &code)) {
        return code;
    }
    if (!standing_is_address(how.listen)) {
        return command_usage("executor", "'%.60s' is no address, expected tcp://HOST:PORT",
                             how.listen);
    }
    if (cell == NULL || optind != argc) {
        return command_usage("executor", "expected --cell and nothing else");
    }
    standing_tell(&how, cell);
    return standing_execute(&how, &err) == OMEGA_OK ? COMMAND_DONE : command_failed(&err);
}
