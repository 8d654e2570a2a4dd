/* SPDX-License-Identifier: MIT */
/* Experiments run by tests: see run_here.h. */
#include "tests/support/run_here.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/experiment/runner.h"

void run_here_modules(void)
{
    char modules[512];
    const char *build = getenv("B");
    snprintf(modules, sizeof modules, "%s/schedulers", build == NULL ? "build" : build);
    setenv("OMEGA_MODULES", modules, 0);
}

void run_here_logged(struct experiment *experiment, const char *directory)
{
    omega_error_t err = {0};
    char name[] = "omega";
    char *argv[] = {name, NULL};
    FILE *nowhere = fopen("/dev/null", "w");
    struct runner_options options = {.directory = directory,
                                     .quiet = true,
                                     .log = true,
                                     .argc = 1,
                                     .argv = argv,
                                     .summary = nowhere,
                                     .progress = nowhere};
    ck_assert_msg(runner_run(experiment, &options, &err) == 0, "%s", err.text);
    fclose(nowhere);
    experiment_close(experiment);
}
