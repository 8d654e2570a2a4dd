/* SPDX-License-Identifier: MIT */
/* How much of a log is known: see log_known.h. */
#include "core/experiment/log_known.h"

#include <stdlib.h>

/* Merges the segments anew. */
static int merge_again(const struct runlog_merge *merge, struct runlog_merge **again,
                       omega_error_t *err)
{
    uint32_t segments = runlog_merge_opening(merge)->segments;
    struct runlog_reader **readers = (struct runlog_reader **)calloc(segments, sizeof *readers);
    uint32_t opened = 0;
    int rc = readers == NULL ? omega_error_set(err, OMEGA_ENOMEM, "out of memory") : OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < segments; i++) {
        const struct runlog_reader *segment = runlog_merge_segment(merge, i);
        if (segment != NULL) {
            rc = runlog_reader_open(runlog_reader_name(segment), &readers[opened], err);
            opened += rc == OMEGA_OK;
        }
    }
    if (rc == OMEGA_OK) {
        rc = runlog_merge_open(readers, opened, again, err);
    } else {
        for (uint32_t i = 0; i < opened; i++) {
            runlog_reader_close(readers[i]);
        }
    }
    free((void *)readers);
    return rc;
}

/* The first time at which something may be missing: behind the last record of a segment that is
 * cut, or before a record of a version that does not follow. `last_us` is per segment. */
static int find(struct runlog_merge *merge, const volatile sig_atomic_t *stop, int64_t *last_us,
                int64_t *until_us, omega_error_t *err)
{
    const struct runlog_record *record = NULL;
    uint64_t version = 0;
    int rc = 1;
    *until_us = INT64_MAX;
    while ((rc = runlog_merge_next(merge, &record, err)) == 1) {
        if (stop != NULL && *stop != 0) {
            return omega_error_set(err, OMEGA_EINTR, "stopped: nothing is written");
        }
        if (record->version > version + record->changes && record->time_us < *until_us) {
            *until_us = record->time_us;
        }
        version = record->version;
        last_us[runlog_reader_opening(runlog_merge_source(merge))->segment] = record->time_us;
    }
    uint32_t last = runlog_merge_opening(merge)->segments - 1;
    for (uint32_t i = 0; rc == 0 && i <= last; i++) {
        /* the last one tells of the initial state, and of the horizon: of nothing in between */
        bool told = i == last && runlog_merge_segment(merge, i) != NULL;
        bool cut = runlog_merge_cut(merge, i) && !told;
        *until_us = cut && last_us[i] < *until_us ? last_us[i] : *until_us;
    }
    return rc;
}

int log_known_until(const struct runlog_merge *merge, const volatile sig_atomic_t *stop,
                    int64_t *until_us, omega_error_t *err)
{
    struct runlog_merge *again = NULL;
    int64_t *last_us = calloc(runlog_merge_opening(merge)->segments, sizeof *last_us);
    int rc = last_us == NULL ? omega_error_set(err, OMEGA_ENOMEM, "out of memory")
                             : merge_again(merge, &again, err);
    rc = rc == OMEGA_OK ? find(again, stop, last_us, until_us, err) : rc;
    runlog_merge_close(again);
    free(last_us);
    return rc;
}
