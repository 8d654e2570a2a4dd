/* SPDX-License-Identifier: MIT */
/* The segments of one run in one order: see runlog_read.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/runlog/runlog_read.h"

struct source {
    struct runlog_reader *reader;     /* NULL: the segment is missing */
    const struct runlog_record *head; /* its next record; NULL: none is left */
    bool cut;                         /* its end is missing */
};

struct runlog_merge {
    struct source *sources; /* by segment */
    uint32_t count;
    struct source **heap;        /* those that have a head, the earliest at its top */
    uint32_t left;               /* so many */
    uint32_t cuts;               /* segments whose end is missing, so far */
    struct source *last;         /* whose head was given last */
    int64_t now_us;              /* time of the record given last */
    struct runlog_record raised; /* a record with another time than its segment gives it ... */
    struct omega_job job;        /* ... and its job */
};

void runlog_merge_close(struct runlog_merge *merge)
{
    if (merge == NULL) {
        return;
    }
    for (uint32_t i = 0; i < merge->count; i++) {
        runlog_reader_close(merge->sources[i].reader);
    }
    free((void *)merge->heap);
    free(merge->sources);
    free(merge);
}

/* Do two segments say that they are of one run? */
static bool belong_together(const struct runlog_opening *a, const struct runlog_opening *b)
{
    return strcmp(a->sha256, b->sha256) == 0 && strcmp(a->variant, b->variant) == 0 &&
           a->assignment == b->assignment && a->seed == b->seed && a->live == b->live &&
           a->segments == b->segments && a->machine_count == b->machine_count &&
           a->scheduler_count == b->scheduler_count && a->workload_count == b->workload_count;
}

/* Puts each reader into the place of its segment. Of a live run segments may be missing. */
static int take_readers(struct runlog_merge *merge, struct runlog_reader **readers, uint32_t count,
                        omega_error_t *err)
{
    const struct runlog_opening *first = runlog_reader_opening(readers[0]);
    for (uint32_t i = 0; i < count; i++) {
        const struct runlog_opening *opening = runlog_reader_opening(readers[i]);
        if (!belong_together(first, opening) ||
            (opening->live ? opening->segments < count : opening->segments != count) ||
            merge->sources[opening->segment].reader != NULL) {
            return omega_error_set_at(err, OMEGA_EINVAL, runlog_reader_name(readers[i]), 0,
                                      "is segment %" PRIu32 " of %" PRIu32
                                      ", expected one of each of the %" PRIu32
                                      " segments of one run",
                                      opening->segment, opening->segments, count);
        }
        merge->sources[opening->segment].reader = readers[i];
    }
    for (uint32_t i = 0; i < merge->count; i++) {
        merge->sources[i].cut = merge->sources[i].reader == NULL;
        merge->cuts += merge->sources[i].cut;
    }
    return OMEGA_OK;
}

static int advance(struct runlog_merge *merge, struct source *source, omega_error_t *err)
{
    omega_error_t cause = {0};
    int rc = source->cut ? 0 : runlog_reader_next(source->reader, &source->head, &cause);
    if (rc == OMEGA_ECUT) {
        source->cut = true;
        merge->cuts++;
        rc = 0;
    }
    if (rc == 0) {
        source->head = NULL;
    }
    if (rc < 0 && err != NULL) {
        *err = cause;
    }
    return rc < 0 ? rc : OMEGA_OK;
}

/* What follows version v comes before the change that makes v + 1, and by time and segment. */
static bool before(const struct source *a, const struct source *b)
{
    uint64_t version_a = a->head->version - a->head->changes;
    uint64_t version_b = b->head->version - b->head->changes;
    if (version_a != version_b) {
        return version_a < version_b;
    }
    if (a->head->changes != b->head->changes) {
        return b->head->changes;
    }
    return a->head->time_us != b->head->time_us ? a->head->time_us < b->head->time_us : a < b;
}

/* Moves the source at a place of the heap down to where it belongs. */
static void sink(struct runlog_merge *merge, uint32_t place)
{
    struct source *source = merge->heap[place];
    uint32_t child = 2 * place + 1;
    while (child < merge->left) {
        child += child + 1 < merge->left && before(merge->heap[child + 1], merge->heap[child]);
        if (before(source, merge->heap[child])) {
            break;
        }
        merge->heap[place] = merge->heap[child];
        place = child;
        child = 2 * place + 1;
    }
    merge->heap[place] = source;
}

/* Reads the first record of each segment. */
static int begin(struct runlog_merge *merge, omega_error_t *err)
{
    for (uint32_t i = 0; i < merge->count; i++) {
        int rc = advance(merge, &merge->sources[i], err);
        if (rc != OMEGA_OK) {
            return rc;
        }
        if (merge->sources[i].head != NULL) {
            merge->heap[merge->left++] = &merge->sources[i];
        }
    }
    for (uint32_t place = merge->left / 2; place > 0; place--) {
        sink(merge, place - 1);
    }
    return OMEGA_OK;
}

int runlog_merge_open(struct runlog_reader **readers, uint32_t count, struct runlog_merge **out,
                      omega_error_t *err)
{
    struct runlog_merge *merge = calloc(1, sizeof *merge);
    uint32_t segments = runlog_reader_opening(readers[0])->segments;
    segments = segments > count ? segments : count;
    struct source *sources = calloc(segments, sizeof *sources);
    struct source **heap = (struct source **)calloc(segments, sizeof(struct source *));
    int rc = OMEGA_OK;
    *out = NULL;
    if (merge == NULL || sources == NULL || heap == NULL) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "no memory to read the run log");
    } else {
        *merge = (struct runlog_merge){.sources = sources, .count = segments, .heap = heap};
        rc = take_readers(merge, readers, count, err);
    }
    if (rc != OMEGA_OK) {
        for (uint32_t i = 0; i < count; i++) {
            runlog_reader_close(readers[i]);
        }
        free((void *)heap);
        free(sources);
        free(merge);
        return rc;
    }
    rc = begin(merge, err);
    if (rc != OMEGA_OK) {
        runlog_merge_close(merge);
        return rc;
    }
    *out = merge;
    return OMEGA_OK;
}

/* Of a live run: where times fall in the order of versions, a record gets the time of the one
 * before it. Each process reads the clock before it asks the store, so that the times of all
 * records up to a version lie before it was there: a raised time is never one still to come. */
static const struct runlog_record *raise_time(struct runlog_merge *merge,
                                              const struct runlog_record *record)
{
    if (record->time_us >= merge->now_us || !runlog_reader_opening(merge->last->reader)->live) {
        merge->now_us = record->time_us;
        return record;
    }
    merge->raised = *record;
    merge->raised.time_us = merge->now_us;
    if (record->kind == RUNLOG_SUBMISSION) {
        merge->job = *record->job;
        merge->job.submit_us = merge->now_us;
        merge->raised.job = &merge->job;
    }
    return &merge->raised;
}

int runlog_merge_next(struct runlog_merge *merge, const struct runlog_record **record,
                      omega_error_t *err)
{
    if (merge->last != NULL) {
        int rc = advance(merge, merge->last, err);
        if (rc != OMEGA_OK) {
            return rc;
        }
        if (merge->last->head == NULL) {
            merge->heap[0] = merge->heap[--merge->left];
        }
        sink(merge, 0);
    }
    merge->last = merge->left == 0 ? NULL : merge->heap[0];
    *record = merge->last == NULL ? NULL : raise_time(merge, merge->last->head);
    return merge->last != NULL;
}

const struct runlog_reader *runlog_merge_source(const struct runlog_merge *merge)
{
    return merge->last->reader;
}

const struct runlog_opening *runlog_merge_opening(const struct runlog_merge *merge)
{
    uint32_t first = 0;
    while (merge->sources[first].reader == NULL) {
        first++;
    }
    return runlog_reader_opening(merge->sources[first].reader);
}

uint32_t runlog_merge_cuts(const struct runlog_merge *merge)
{
    return merge->cuts;
}

bool runlog_merge_cut(const struct runlog_merge *merge, uint32_t segment)
{
    return merge->sources[segment].cut;
}

const struct runlog_reader *runlog_merge_segment(const struct runlog_merge *merge, uint32_t segment)
{
    return merge->sources[segment].reader;
}
