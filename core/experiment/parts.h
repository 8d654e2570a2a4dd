/* SPDX-License-Identifier: MIT */
/*
 * The finished points of a run or of a shard of it, each in a part file of its own in the folder
 * `points` of the output directory, beside a part `head` that says which run they belong to and how
 * the files begin. They stay until the run is whole, so that it can go on after whatever ended it.
 */
#ifndef OMEGA_CORE_EXPERIMENT_PARTS_H
#define OMEGA_CORE_EXPERIMENT_PARTS_H

#include "core/experiment/experiment.h"
#include "core/experiment/part.h"

#define PARTS_FOLDER "points"
#define PARTS_SHARDS_MAX 10000u

/* What becomes of the points that are there already. */
enum parts_start {
    PARTS_NEW = 0, /* there must be none */
    PARTS_RESUME,  /* they stay, if they are of this run */
    PARTS_FRESH,   /* they go */
};

/* One of several runs that share the points of an experiment: those whose index modulo `count` is
 * number - 1. A whole run is 1 of 1. */
struct parts_shard {
    uint32_t number;
    uint32_t count;
};

struct parts_run {
    const struct experiment *experiment; /* checked by experiment_check() */
    struct parts_shard shard;
    bool log;
    enum parts_start start;
};

struct parts;

/* Opens the folder in a directory, which is made, and takes stock of it; other runs are kept out
 * until it is closed. OMEGA_EINVAL with the reason where the points there forbid it; OMEGA_EIO,
 * OMEGA_ENOMEM. */
int parts_begin(const char *directory, const struct parts_run *run, struct parts **parts,
                omega_error_t *err);

/* Writes the head, without which the points are of no use. */
int parts_write_head(struct parts *parts, omega_error_t *err);

/* Opens what a run or shard has left in a directory. OMEGA_EINVAL, OMEGA_ECORRUPT, OMEGA_EVERSION,
 * OMEGA_EIO, OMEGA_ENOMEM. */
int parts_open(const char *directory, struct parts **parts, omega_error_t *err);

void parts_close(struct parts *parts); /* NULL is allowed */

/* Removes what the run has left there, and the folder if nothing else is in it. */
void parts_remove(struct parts *parts);

/* Whether a point is finished, and how many are; how many the shard has. */
bool parts_has(const struct parts *parts, uint32_t point);
uint32_t parts_finished(const struct parts *parts);
uint32_t parts_due(const struct parts *parts);
bool parts_is_due(const struct parts *parts, uint32_t point);

/* How many of the points that were there were damaged, and have been removed. */
uint32_t parts_damaged(const struct parts *parts);

/* Counts a point as finished. */
void parts_add(struct parts *parts, uint32_t point);

/* The paths of a point's part and of a segment of its log, for free(); NULL without memory. */
char *parts_path(const struct parts *parts, uint32_t point);
char *parts_log_path(const struct parts *parts, uint32_t point, uint32_t segment);

/* How many segments of a point's log are there, from 0 on. */
uint32_t parts_log_segments(const struct parts *parts, uint32_t point);

/* What a point's part says of itself: this run and this point, how many segments of its log lie
 * there, with what belongs into run.json (taken over). NULL without memory. */
json_t *parts_about(const struct parts *parts, uint32_t point, json_t *ran);

/* The head as it lies there, for part_close(). */
int parts_open_head(const struct parts *parts, struct part **head, omega_error_t *err);

/* Opens a point's part and checks that it is this run's, for part_close(). */
int parts_open_point(const struct parts *parts, uint32_t point, struct part **part,
                     omega_error_t *err);

/* What the head says: the shard, how many points the run has in all, whether they have logs, and
 * the modules and inputs of the run. */
struct parts_shard parts_shard(const struct parts *parts);
uint32_t parts_points(const struct parts *parts);
bool parts_has_logs(const struct parts *parts);
const json_t *parts_modules(const struct parts *parts);

/* Whether the head names this experiment. */
bool parts_is_of(const struct parts *parts, const struct experiment *experiment);

/* Whether two are of one run; if not, says what differs. OMEGA_EINVAL. */
int parts_same_run(const struct parts *a, const struct parts *b, omega_error_t *err);

#endif
