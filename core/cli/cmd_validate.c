/* SPDX-License-Identifier: MIT */
/* omega validate: reads experiment files and everything they name, runs nothing. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/cli/command.h"
#include "core/experiment/experiment.h"

static const char help[] =
    "usage: omega validate [OPTIONS] EXPERIMENT.json...\n\n"
    "Checks experiments as 'omega run' would, with their modules, traces and other files.\n\n"
    "  --set PATH=VALUE   change the experiments first, as 'omega run' does\n"
    "  --sweep PATH=LIST  give a field several values, as 'omega run' does\n"
    "  --help             this text\n\n"
    "exit codes: 0 all are good, 1 at least one is not, 2 wrong usage\n";

static const struct option options[] = {
    {"set", required_argument, NULL, 's'},
    {"sweep", required_argument, NULL, 'w'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int describe(struct experiment *experiment, const char *path, omega_error_t *err)
{
    struct point *point;
    int rc = point_build(experiment, 0, &point, err);
    if (rc != 0) {
        return rc;
    }
    const struct run_config *config = &point->config;
    printf("%s: ok: '%s', %u variant%s, %u point%s; the first: %u machines, %u workload%s, "
           "%u scheduler%s, %.12g s\n",
           path, experiment_name(experiment), experiment_variant_count(experiment),
           experiment_variant_count(experiment) == 1 ? "" : "s", experiment_point_count(experiment),
           experiment_point_count(experiment) == 1 ? "" : "s", config->cell.machine_count,
           config->workload_count, config->workload_count == 1 ? "" : "s", config->scheduler_count,
           config->scheduler_count == 1 ? "" : "s", (double)config->horizon_us / 1e6);
    point_destroy(point);
    return 0;
}

static int validate(const char *path, const struct experiment_options *changes)
{
    omega_error_t err = {0};
    struct experiment *experiment;
    int rc = experiment_open(path, changes, &experiment, &err);
    if (rc == 0) {
        command_warnings(experiment);
        rc = experiment_check(experiment, &err);
    }
    if (rc == 0) {
        rc = describe(experiment, path, &err);
    }
    experiment_close(experiment);
    return rc == 0 ? COMMAND_DONE : command_failed(&err);
}

/* The lists have room for every argument. */
static int validate_all(int argc, char **argv, const char **sets, const char **sweeps)
{
    struct experiment_options changes = {.sets = sets, .sweeps = sweeps};
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        switch (code) {
        case 's':
            sets[changes.set_count++] = optarg;
            break;
        case 'w':
            sweeps[changes.sweep_count++] = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return COMMAND_DONE;
        case ':':
            return command_usage("validate", "option '%.60s' needs a value", argv[optind - 1]);
        default:
            return command_bad_option("validate", argv);
        }
    }
    if (optind == argc) {
        return command_usage("validate", "expected at least one experiment file");
    }
    int worst = COMMAND_DONE;
    for (int i = optind; i < argc; i++) {
        int rc = validate(argv[i], &changes);
        worst = rc > worst ? rc : worst;
    }
    return worst;
}

int cmd_validate(int argc, char **argv)
{
    const char **lists = calloc(2 * (size_t)argc, sizeof *lists);
    int code = lists == NULL ? COMMAND_FAILED : validate_all(argc, argv, lists, lists + argc);
    free((void *)lists);
    return code;
}
