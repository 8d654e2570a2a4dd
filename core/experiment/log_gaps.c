/* SPDX-License-Identifier: MIT */
/* What is missing from a log: see log_gaps.h. */
#include "core/experiment/log_gaps.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/experiment/experiment.h"
#include "core/experiment/messages.h"
#include "core/runlog/runlog_repair.h"

#define RANGES_TOLD 10
#define MISSING_MAX (UINT64_C(1) << 20) /* behind so many nothing is checked */

struct range {
    uint64_t first;
    uint64_t last;
};

struct log_gaps {
    const struct runlog_merge *merge;
    struct runlog_repair *repair; /* NULL: there is no cell */
    int64_t now_us;               /* time of the record before */
    struct range ranges[RANGES_TOLD];
    uint32_t range_count;
    uint64_t named; /* versions in the ranges */
    uint64_t repaired;
    uint64_t missing;
    uint64_t known_job;   /* up to it the log, or the cell, has told what was submitted ... */
    bool tells_no_more;   /* ... by the cell: there is none behind it, or there is no cell */
    uint64_t submissions; /* repaired */
    bool lost;            /* a job's submission is missing, or too many versions */
    bool endless;         /* the horizon is missing */
};

/* ---- the cell ---- */

static bool is_there(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

/* Does the cell tell the same as a record? The ids of jobs rise as they are submitted. */
static int agree(struct log_gaps *gaps, const struct runlog_record *record, omega_error_t *err)
{
    if (record->kind == RUNLOG_SUBMISSION && record->job->id > gaps->known_job) {
        gaps->known_job = record->job->id;
    }
    return record->changes ? runlog_repair_agrees(gaps->repair, record, err) : OMEGA_OK;
}

/* Does the cell tell the same as a segment of all changes that both hold? What else is wrong with
 * the segment is told when it is played. */
static int agree_segment(struct log_gaps *gaps, const char *path, omega_error_t *err)
{
    struct runlog_reader *reader = NULL;
    const struct runlog_record *record = NULL;
    int rc = OMEGA_OK;
    if (runlog_reader_open(path, &reader, NULL) != OMEGA_OK) {
        return OMEGA_OK;
    }
    while (rc == OMEGA_OK && runlog_reader_next(reader, &record, NULL) == 1) {
        rc = agree(gaps, record, err);
    }
    runlog_reader_close(reader);
    return rc;
}

/* All segments are read for this before they are played: until it is known whether the cell is that
 * of the run, and how far the log tells of submissions, nothing can be made from it. */
static int agree_all(struct log_gaps *gaps, omega_error_t *err)
{
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < runlog_merge_opening(gaps->merge)->segments; i++) {
        const struct runlog_reader *segment = runlog_merge_segment(gaps->merge, i);
        rc = segment == NULL ? OMEGA_OK : agree_segment(gaps, runlog_reader_name(segment), err);
    }
    return rc;
}

/* The cell of a point: `cells` itself, or the one in it that the run has named after the point
 * (experiment key store.dir). */
static int open_cell(struct log_gaps *gaps, const char *cells, omega_error_t *err)
{
    const struct runlog_opening *opening = runlog_merge_opening(gaps->merge);
    char *label = point_label(opening->variant, opening->assignment, opening->seed);
    char *path = NULL;
    if (label == NULL || asprintf(&path, "%s/%s", cells, label) < 0) {
        free(label);
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    int rc = runlog_repair_open(is_there(path) ? path : cells, opening, &gaps->repair, err);
    free(label);
    free(path);
    return rc == OMEGA_OK ? agree_all(gaps, err) : rc;
}

int log_gaps_open(const struct runlog_merge *merge, const char *cells, struct log_gaps **out,
                  omega_error_t *err)
{
    struct log_gaps *gaps = calloc(1, sizeof *gaps);
    *out = gaps;
    if (gaps == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    gaps->merge = merge;
    gaps->tells_no_more = cells == NULL;
    return cells != NULL && runlog_merge_opening(merge)->live ? open_cell(gaps, cells, err)
                                                              : OMEGA_OK;
}

void log_gaps_close(struct log_gaps *gaps)
{
    if (gaps != NULL) {
        runlog_repair_close(gaps->repair);
        free(gaps);
    }
}

/* ---- versions ---- */

static void note_missing(struct log_gaps *gaps, uint64_t version)
{
    struct range *last = gaps->range_count == 0 ? NULL : &gaps->ranges[gaps->range_count - 1];
    gaps->missing++;
    if (last != NULL && last->last + 1 == version) {
        last->last = version;
    } else if (gaps->range_count < RANGES_TOLD) {
        gaps->ranges[gaps->range_count++] = (struct range){.first = version, .last = version};
    } else {
        return;
    }
    gaps->named++;
}

/* Plays a version from the change log, if it is there; else tells the checker that it is not. */
static int fill(struct log_gaps *gaps, struct runlog_check *check, omega_error_t *err)
{
    const struct runlog_record *made = NULL;
    const struct runlog_effect *effect = NULL;
    uint64_t version = runlog_check_version(check) + 1;
    bool lost = runlog_check_is_lost(check);
    int rc = gaps->repair == NULL || lost
                 ? 0
                 : runlog_repair_version(gaps->repair, version, gaps->now_us, &made, err);
    if (rc == 1) {
        rc = runlog_check_record(check, made, &effect, err);
        bool played = rc == 1 && !runlog_check_is_lost(check);
        gaps->repaired += played;
        if (rc == 1 && !played) {
            note_missing(gaps, version);
        }
        return rc;
    }
    note_missing(gaps, version);
    rc = rc < 0 ? rc : runlog_check_missing(check, 1, err);
    return rc == OMEGA_OK ? 1 : rc;
}

/* ---- submissions ---- */

/* Plays the submissions that no segment tells of and the table of jobs holds, up to a time. 1; 0 if
 * nothing behind can be checked. */
static int submit(struct log_gaps *gaps, struct runlog_check *check, int64_t until_us,
                  omega_error_t *err)
{
    const struct runlog_record *made = NULL;
    const struct runlog_effect *effect = NULL;
    int rc = 1;
    while (rc == 1 && !gaps->tells_no_more) {
        rc = runlog_repair_submission(gaps->repair, gaps->known_job, &made, err);
        gaps->tells_no_more = rc == 0;
        if (rc != 1 || made->time_us > until_us) {
            return rc < 0 ? rc : 1;
        }
        struct runlog_record record = *made;
        record.version = runlog_check_version(check);
        record.time_us = record.time_us < gaps->now_us ? gaps->now_us : record.time_us;
        gaps->now_us = record.time_us;
        gaps->known_job = record.job->id;
        gaps->submissions++;
        rc = runlog_check_record(check, &record, &effect, err);
    }
    return rc;
}

/* Fills in all versions up to one. */
static int fill_to(struct log_gaps *gaps, struct runlog_check *check, uint64_t version,
                   omega_error_t *err)
{
    int rc = 1;
    while (rc == 1 && runlog_check_version(check) < version) {
        if (gaps->missing == MISSING_MAX) {
            gaps->lost = true;
            return 0;
        }
        rc = fill(gaps, check, err);
    }
    return rc;
}

int log_gaps_before(struct log_gaps *gaps, struct runlog_check *check,
                    const struct runlog_record *record, omega_error_t *err)
{
    if (!runlog_merge_opening(gaps->merge)->live) {
        return 1; /* one process wrote it all: whatever is missing is a violation */
    }
    if (runlog_merge_cuts(gaps->merge) > 0) {
        runlog_check_torn(check);
    }
    int rc = submit(gaps, check, record->time_us, err);
    rc = rc == 1 ? fill_to(gaps, check, record->version - record->changes, err) : rc;
    gaps->now_us = record->time_us;
    return rc;
}

int log_gaps_end(struct log_gaps *gaps, struct runlog_check *check, omega_error_t *err)
{
    int rc = 1;
    gaps->endless = !runlog_check_ended(check);
    if (gaps->endless && gaps->repair != NULL) {
        rc = submit(gaps, check, INT64_MAX, err);
        rc = rc == 1 ? fill_to(gaps, check, runlog_repair_newest(gaps->repair), err) : rc;
    }
    gaps->lost = gaps->lost || runlog_check_is_lost(check);
    return rc;
}

/* ---- telling ---- */

bool log_gaps_none(const struct log_gaps *gaps)
{
    return gaps->missing + gaps->repaired + gaps->submissions + runlog_merge_cuts(gaps->merge) == 0;
}

void log_gaps_counts(const struct log_gaps *gaps, struct log_gaps_counts *counts)
{
    *counts = (struct log_gaps_counts){
        .cut = runlog_merge_cuts(gaps->merge),
        .repaired = gaps->repaired,
        .submissions = gaps->submissions,
        .missing = gaps->missing,
        .incomplete = gaps->missing > 0 || gaps->lost || (gaps->endless && !log_gaps_none(gaps)),
    };
}

static void tell_segments(const struct log_gaps *gaps, FILE *out)
{
    for (uint32_t i = 0; i < runlog_merge_opening(gaps->merge)->segments; i++) {
        const struct runlog_reader *segment = runlog_merge_segment(gaps->merge, i);
        if (!runlog_merge_cut(gaps->merge, i)) {
            continue;
        }
        if (segment == NULL) {
            fprintf(out, "segment %" PRIu32 " is missing\n", i);
        } else {
            message_write(runlog_reader_name(segment), out);
            fprintf(out, ": is cut behind record %" PRIu64 "\n", runlog_reader_number(segment));
        }
    }
}

void log_gaps_tell(const struct log_gaps *gaps, FILE *out)
{
    if (log_gaps_none(gaps)) {
        return;
    }
    tell_segments(gaps, out);
    for (uint32_t i = 0; i < gaps->range_count; i++) {
        const struct range *range = &gaps->ranges[i];
        if (range->first == range->last) {
            fprintf(out, "version %" PRIu64 " is missing\n", range->first);
        } else {
            fprintf(out, "versions %" PRIu64 " to %" PRIu64 " are missing\n", range->first,
                    range->last);
        }
    }
    if (gaps->missing > gaps->named) {
        fprintf(out, "and %" PRIu64 " more\n", gaps->missing - gaps->named);
    }
    if (gaps->lost && gaps->missing == 0) {
        fputs("the submission of a job is missing\n", out);
    }
    if (gaps->endless) {
        fputs("the horizon is missing: the run may have gone on\n", out);
    }
}
