/* SPDX-License-Identifier: MIT */
/*
 * Rewriting a run log record by record, with checksums that are right again: what a forger does.
 */
#ifndef OMEGA_TESTS_SUPPORT_REWRITE_LOG_H
#define OMEGA_TESTS_SUPPORT_REWRITE_LOG_H

#include "core/runlog/runlog_read.h"

/* A record on its way into the new log; what it points to may be changed. */
struct rewritten {
    uint64_t number; /* of it, from 1 */
    struct runlog_record record;
    struct omega_claim *claims;
    struct omega_claim_result *results;
    struct store_release_result *released;
    uint32_t copies; /* how often it is to be written: 1 */
};

/* Copies the log at `from` to `to`, a segment of `segments`: `alter`, if it is not NULL, is shown
 * each record first. Fails the running test if anything goes wrong. */
void rewrite_log(const char *from, const char *to, uint32_t segment, uint32_t segments,
                 void (*alter)(void *context, struct rewritten *rewritten), void *context);

#endif
