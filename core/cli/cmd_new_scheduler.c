/* SPDX-License-Identifier: MIT */
/* omega new-scheduler: writes the folder of a new scheduler module. */
#include <getopt.h>
#include <stdio.h>

#include "core/cli/command.h"
#include "core/kit/template.h"

static const char help[] =
    "usage: omega new-scheduler [OPTIONS] NAME\n\n"
    "Writes a folder with a module that works, its Makefile, a test, and an experiment that\n"
    "compares it with 'batch'. NAME is that of the module: lower-case letters, digits and '_'.\n\n"
    "  --dir DIR          the folder, which must not exist (NAME)\n"
    "  --help             this text\n\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

static int write_folder(const char *name, const char *directory)
{
    omega_error_t err = {0};
    char file[64];
    if (template_write(name, directory, &err) != OMEGA_OK) {
        return command_failed(&err);
    }
    for (uint32_t i = 0; template_file(i, name, file) != NULL; i++) {
        printf("%s/%s\n", directory, file);
    }
    printf("next: cd %s && make && make test && make run\n", directory);
    return COMMAND_DONE;
}

int cmd_new_scheduler(int argc, char **argv)
{
    const char *directory = NULL;
    const struct command_option options[] = {{.name = "dir", .value = &directory}, {.name = NULL}};
    int code;
    if (!command_options("new-scheduler", help, options, argc, argv, &code)) {
        return code;
    }
    if (optind != argc - 1) {
        return command_usage("new-scheduler", "expected one name, got %d", argc - optind);
    }
    return write_folder(argv[optind], directory == NULL ? argv[optind] : directory);
}
