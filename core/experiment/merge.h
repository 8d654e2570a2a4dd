/* SPDX-License-Identifier: MIT */
/* The shards of a run put together to what one run would have written. */
#ifndef OMEGA_CORE_EXPERIMENT_MERGE_H
#define OMEGA_CORE_EXPERIMENT_MERGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/error.h"

struct merge_options {
    const char *directory; /* for the output files; NULL = omega-out/NAME */
    char *const *shards;   /* output directories of shards, in any order */
    uint32_t shard_count;
    bool json; /* the summary as JSON */
    int argc;  /* the command line, for run.json */
    char *const *argv;
    FILE *summary;  /* where the summary goes */
    FILE *messages; /* where missing points are named */
};

/* Writes the files of the run. Shards must be of one run, each of them there once, and every point
 * finished: OMEGA_EINVAL otherwise, and nothing is written. The shards stay. OMEGA_ECORRUPT,
 * OMEGA_EVERSION, OMEGA_EIO, OMEGA_ENOMEM. */
int merge_shards(const struct merge_options *options, omega_error_t *err);

#endif
