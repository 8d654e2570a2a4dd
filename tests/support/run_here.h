/* SPDX-License-Identifier: MIT */
/*
 * Experiments that a test runs in its own process, with the modules of the build under test.
 */
#ifndef OMEGA_TESTS_SUPPORT_RUN_HERE_H
#define OMEGA_TESTS_SUPPORT_RUN_HERE_H

#include "core/experiment/experiment.h"

/* Lets modules be found in the build folder ($B), unless the environment names others. */
void run_here_modules(void);

/* Runs an experiment into `directory`, which is not there yet, with a log and without a word on the
 * terminal, and closes it. Fails the running test where that does not succeed. */
void run_here_logged(struct experiment *experiment, const char *directory);

#endif
