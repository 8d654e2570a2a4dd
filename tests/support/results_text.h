/* SPDX-License-Identifier: MIT */
/* Result sets for tests, from text or from a few numbers. */
#ifndef OMEGA_TESTS_SUPPORT_RESULTS_TEXT_H
#define OMEGA_TESTS_SUPPORT_RESULTS_TEXT_H

#include "core/analysis/result_set.h"

/* The set that a text of rows is, its head put before; fails the running test where it is none. */
struct result_set *results_text(const char *rows);

/* Rows of workload "jobs" and scheduler "s" of one configuration, seeds from `first` on, the text
 * of a row's further keys for each seed: ",\"x\":1". */
struct result_set *results_seeds(const char *variant, int first, int count,
                                 const char *const *workload, const char *const *scheduler);

#endif
