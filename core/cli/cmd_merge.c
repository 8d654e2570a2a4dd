/* SPDX-License-Identifier: MIT */
/* omega merge: puts the shards of a run together. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "core/cli/command.h"
#include "core/experiment/merge.h"

static const char help[] =
    "usage: omega merge [OPTIONS] DIR...\n\n"
    "Puts the shards of a run ('omega run --shard I/N --out DIR') together: checks that they are\n"
    "of one run and that every point is there once, and writes the same bytes as a whole run.\n"
    "The shards stay.\n\n"
    "  --out DIR  where the files go (omega-out/NAME)\n"
    "  --json     the summary as JSON instead of a table\n"
    "  --help     this text\n\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

static int merge_with(int argc, char **argv, char *const *line)
{
    omega_error_t err = {0};
    struct merge_options how = {.argc = argc, .argv = line, .summary = stdout, .messages = stderr};
    const struct command_option options[] = {{.name = "out", .value = &how.directory},
                                             {.name = "json", .given = &how.json},
                                             {.name = NULL}};
    int code;
    if (!command_options("merge", help, options, argc, argv, &code)) {
        return code;
    }
    if (optind == argc) {
        return command_usage("merge", "expected the output directories of shards");
    }
    how.shards = argv + optind;
    how.shard_count = (uint32_t)(argc - optind);
    return merge_shards(&how, &err) == 0 ? COMMAND_DONE : command_failed(&err);
}

int cmd_merge(int argc, char **argv)
{
    return command_with_line(argc, argv, merge_with);
}
