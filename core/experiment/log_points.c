/* SPDX-License-Identifier: MIT */
/* The points of a run and their segments: see log_points.h. */
#include "core/experiment/log_points.h"

#include <stdlib.h>
#include <string.h>

#include "core/experiment/parts.h"
#include "core/experiment/run_logs.h"

struct log_points {
    char **paths; /* of all segments */
    bool *taken;
    uint32_t count;
    uint32_t next; /* paths before it have been looked at */
    bool unfinished;
};

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
}

/* Lists the logs of a folder of the directory; "": its own. */
static int look_in(struct log_points *points, const char *directory, const char *folder, bool last,
                   omega_error_t *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", directory, folder) < 0) {
        return no_memory(err);
    }
    int rc = run_logs_list(path, &points->paths, &points->count, err);
    if (rc == OMEGA_OK && points->count == 0 && last) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                "holds no log, expected the outputs of 'omega run --log'");
    }
    free(path);
    return rc;
}

/* Those of a finished run, or of one that was ended before it was whole. */
static int look_for_logs(struct log_points *points, const char *directory, omega_error_t *err)
{
    static const char *const folders[] = {RUN_LOGS_FOLDER, PARTS_FOLDER, "", RUN_LOGS_FOLDER};
    int rc = OMEGA_OK;
    for (size_t i = 0; rc == OMEGA_OK && points->count == 0 && i < 4; i++) {
        run_logs_free_list(points->paths, points->count);
        points->unfinished = i > 0;
        rc = look_in(points, directory, folders[i], i == 3, err);
    }
    return rc;
}

int log_points_open(const char *directory, struct log_points **out, omega_error_t *err)
{
    struct log_points *points = calloc(1, sizeof *points);
    *out = NULL;
    if (points == NULL) {
        return no_memory(err);
    }
    int rc = look_for_logs(points, directory, err);
    if (rc == OMEGA_OK) {
        points->taken = calloc(points->count, sizeof *points->taken);
        rc = points->taken == NULL ? no_memory(err) : OMEGA_OK;
    }
    if (rc != OMEGA_OK) {
        log_points_close(points);
        return rc;
    }
    *out = points;
    return OMEGA_OK;
}

bool log_points_unfinished(const struct log_points *points)
{
    return points->unfinished;
}

void log_points_close(struct log_points *points)
{
    if (points != NULL) {
        run_logs_free_list(points->paths, points->count);
        free(points->taken);
        free(points);
    }
}

struct ranked {
    char *path;
    uint32_t rank;  /* 0: it cannot be opened */
    uint32_t place; /* among the names */
};

static int compare_ranks(const void *left, const void *right)
{
    const struct ranked *a = left;
    const struct ranked *b = right;
    int by_rank = (a->rank > b->rank) - (a->rank < b->rank);
    return by_rank != 0 ? by_rank : (a->place > b->place) - (a->place < b->place);
}

int log_points_order(struct log_points *points,
                     int (*rank)(void *context, const struct runlog_opening *opening,
                                 uint32_t *rank, omega_error_t *err),
                     void *context, omega_error_t *err)
{
    struct ranked *ranked = calloc(points->count, sizeof *ranked);
    int rc = ranked == NULL ? no_memory(err) : OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < points->count; i++) {
        struct runlog_reader *reader = NULL;
        ranked[i] = (struct ranked){.path = points->paths[i], .place = i};
        if (runlog_reader_open(points->paths[i], &reader, NULL) == OMEGA_OK) {
            rc = rank(context, runlog_reader_opening(reader), &ranked[i].rank, err);
            ranked[i].rank++;
            runlog_reader_close(reader);
        }
    }
    if (rc == OMEGA_OK) {
        qsort(ranked, points->count, sizeof *ranked, compare_ranks);
    }
    for (uint32_t i = 0; rc == OMEGA_OK && i < points->count; i++) {
        points->paths[i] = ranked[i].path;
    }
    free(ranked);
    return rc;
}

static bool is_same_point(const struct runlog_opening *a, const struct runlog_opening *b)
{
    return strcmp(a->variant, b->variant) == 0 && a->assignment == b->assignment &&
           a->seed == b->seed;
}

/* Opens the segments that belong to the first one, which is readers[0] of path `first`. */
static void open_rest(struct log_points *points, uint32_t first, struct runlog_reader **readers,
                      uint32_t *count)
{
    const struct runlog_opening *opening = runlog_reader_opening(readers[0]);
    for (uint32_t i = first + 1; opening->segments > *count && i < points->count; i++) {
        struct runlog_reader *reader = NULL;
        if (points->taken[i] || runlog_reader_open(points->paths[i], &reader, NULL) != 0) {
            continue; /* told when its turn comes */
        }
        if (is_same_point(opening, runlog_reader_opening(reader))) {
            readers[(*count)++] = reader;
            points->taken[i] = true;
        } else {
            runlog_reader_close(reader);
        }
    }
}

int log_points_next(struct log_points *points, struct runlog_merge **merge, uint32_t *segments,
                    omega_error_t *err)
{
    *merge = NULL;
    *segments = 0;
    while (points->next < points->count && points->taken[points->next]) {
        points->next++;
    }
    if (points->next == points->count) {
        return 0;
    }
    struct runlog_reader **readers = calloc(RUNLOG_SEGMENTS_MAX, sizeof(struct runlog_reader *));
    uint32_t first = points->next;
    points->taken[first] = true;
    int rc = readers == NULL ? no_memory(err)
                             : runlog_reader_open(points->paths[first], &readers[0], err);
    if (rc == OMEGA_OK) {
        *segments = 1;
        open_rest(points, first, readers, segments);
        rc = runlog_merge_open(readers, *segments, merge, err);
    }
    free(readers);
    return rc == OMEGA_OK ? 1 : rc;
}
