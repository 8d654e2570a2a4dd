/* SPDX-License-Identifier: MIT */
/*
 * The experiment as a log tells it. All points of a run have the same text, which grows with them,
 * so it is read when it differs from the one before.
 */
#ifndef OMEGA_CORE_EXPERIMENT_LOG_TEXT_H
#define OMEGA_CORE_EXPERIMENT_LOG_TEXT_H

#include "core/base/sha256.h"
#include "core/experiment/experiment.h"
#include "core/runlog/runlog.h"

/* Starts all zero. */
struct log_text {
    char *text; /* NULL: none was read so far */
    char sha256[SHA256_HEX];
    bool counterfactuals;          /* whether it asks for them */
    struct experiment *experiment; /* NULL: none of its variants measures fragmentation */
};

/* Reads the text that a log opens with. OMEGA_ECORRUPT if it has not the SHA-256 that the log
 * names, OMEGA_EINVAL if it is no experiment, OMEGA_ENOMEM. */
int log_text_read(struct log_text *text, const struct runlog_opening *opening, omega_error_t *err);

/* What the log's variant says about fragmentation, as fragmentation_of_variant(). */
int log_text_fragmentation(const struct log_text *text, const struct runlog_opening *opening,
                           struct metrics_fragmentation *out, omega_error_t *err);

/* Frees what was read. */
void log_text_clear(struct log_text *text);

#endif
