/* SPDX-License-Identifier: MIT */
/*
 * Selections: one configuration, named on a command line as DIR[:[VARIANT][,PATH=VALUE]...], such
 * as `omega-out/first:shared` or `omega-out/sweep:,schedulers.0.instances=4`.
 */
#ifndef OMEGA_CORE_ANALYSIS_SELECTION_H
#define OMEGA_CORE_ANALYSIS_SELECTION_H

#include "core/analysis/result_set.h"

#define SELECTION_LABEL_BYTES 160

struct selection {
    struct result_set *set; /* owned */
    uint32_t configuration;
    char label[SELECTION_LABEL_BYTES]; /* what the configuration is called; "-" if it has no name */
};

/* Reads the directory and finds the only configuration that fits: that has the variant, if one is
 * given, and each parameter that is given with that value. Errors as result_set_open();
 * OMEGA_EINVAL where none fits, or several do: it lists them. */
int selection_open(const char *text, struct selection *selection, omega_error_t *err);
void selection_close(struct selection *selection); /* zeroed ones are allowed */

#endif
