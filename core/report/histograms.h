/* SPDX-License-Identifier: MIT */
/*
 * histograms.jsonl read back: waits or speed-ups of each scheduler of each configuration, the seeds
 * pooled.
 */
#ifndef OMEGA_CORE_REPORT_HISTOGRAMS_H
#define OMEGA_CORE_REPORT_HISTOGRAMS_H

#include "core/analysis/result_set.h"

#define HISTOGRAMS_LINE_BYTES_MAX (16u << 20)
#define HISTOGRAMS_BUCKETS_MAX (1u << 24) /* kept of one distribution, before they are added up */

struct histogram_bucket {
    double value; /* the middle of the bucket, in its unit */
    uint64_t count;
};

/* Of a scheduler of a configuration: the known values by rising value, and those that are not. */
struct distribution {
    struct histogram_bucket *buckets; /* owned by the set of histograms */
    size_t size;
    size_t room;
    uint64_t count; /* of all values, censored ones included */
    uint64_t censored;
};

struct histograms;

/* Reads DIRECTORY/histograms.jsonl of each source of the set that has it and keeps the ones called
 * `name`, such as "wait_first"; lines of what was dropped from the set are passed over.
 * `*histograms` is NULL if no source has any. Errors: OMEGA_EINVAL with file and line, also for a
 * point or a scheduler that the set never had and for what comes twice; OMEGA_EIO; OMEGA_ENOMEM. */
int histograms_open(const struct result_set *set, const char *name, struct histograms **histograms,
                    omega_error_t *err);

/* The same of one stream, which stays the caller's; `file` is for messages. */
int histograms_parse(const struct result_set *set, const char *name, FILE *stream, const char *file,
                     struct histograms **histograms, omega_error_t *err);

void histograms_close(struct histograms *histograms); /* NULL is allowed */

/* Of scheduler number `scheduler` in the order of result_set_name(); NULL: there is none. */
const struct distribution *histograms_get(const struct histograms *histograms,
                                          uint32_t configuration, uint32_t scheduler);

#endif
