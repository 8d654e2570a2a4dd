/* SPDX-License-Identifier: MIT */
/*
 * Selections: one configuration, named on a command line as DIR[:[VARIANT][,PATH=VALUE]...], such
 * as `omega-out/first:shared` or `omega-out/sweep:,schedulers.0.instances=4`; or several of a set.
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

/* Keeps the configurations of a set that fit one of `count` texts, VARIANT[,PATH=VALUE]... as
 * behind DIR: above; several may fit one. A count of 0 keeps all. OMEGA_EINVAL where a text fits
 * none: it lists what there is; OMEGA_ENOMEM. */
int selection_keep(struct result_set *set, const char *const *texts, uint32_t count,
                   omega_error_t *err);

#endif
