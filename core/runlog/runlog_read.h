/* SPDX-License-Identifier: MIT */
/*
 * Reading run logs: one segment, block by block, and the segments of one run merged into the one
 * order in which things happened. The bytes are not trusted: each length, number, reference and
 * checksum is checked before it is used; whether the records make sense is runlog_check.h's.
 */
#ifndef OMEGA_CORE_RUNLOG_RUNLOG_READ_H
#define OMEGA_CORE_RUNLOG_RUNLOG_READ_H

#include "core/runlog/runlog.h"

struct runlog_reader;

/* Opens a segment and reads what it opens with. `name` is for messages. OMEGA_EIO, OMEGA_ENOMEM;
 * OMEGA_EVERSION for a file of another version, OMEGA_ECORRUPT for what is none, or damaged;
 * OMEGA_ECUT for one that ends before its opening does, or, of a live run, before its machines. */
int runlog_reader_open(const char *path, struct runlog_reader **reader, omega_error_t *err);
/* The same from a stream, which the reader closes, also if it fails. */
int runlog_reader_stream(FILE *stream, const char *name, struct runlog_reader **reader,
                         omega_error_t *err);
void runlog_reader_close(struct runlog_reader *reader); /* NULL is allowed */

/* What it opens with, and what it is called; both live as long as the reader. */
const struct runlog_opening *runlog_reader_opening(const struct runlog_reader *reader);
const char *runlog_reader_name(const struct runlog_reader *reader);

/* The next record, borrowed until the next call: 1, 0 at the end of a segment that is whole, or an
 * error as above: OMEGA_ECUT behind the last whole block of a live run's that is not. Requests of
 * claims are 0, as is what else a record leaves out. */
int runlog_reader_next(struct runlog_reader *reader, const struct runlog_record **record,
                       omega_error_t *err);

/* Records read so far: the number of the last one. */
uint64_t runlog_reader_number(const struct runlog_reader *reader);

/* The segments of one run, in the order of their records: each change behind what followed the
 * version before it, and what followed the same version by time and segment. */
struct runlog_merge;

/* Takes the readers over (not the array), also if it fails. OMEGA_EINVAL unless they are all the
 * segments of one run, in any order. Of a live run some are enough: a segment that is missing, or
 * that is cut, ends there. */
int runlog_merge_open(struct runlog_reader **readers, uint32_t count, struct runlog_merge **merge,
                      omega_error_t *err);
void runlog_merge_close(struct runlog_merge *merge); /* NULL is allowed */

/* As runlog_reader_next(). Of a live run, a record that is earlier than the one before it gets the
 * time of that one. */
int runlog_merge_next(struct runlog_merge *merge, const struct runlog_record **record,
                      omega_error_t *err);

/* Of how many segments the end is missing, as far as was read; is it of this one, or is all of it
 * missing? */
uint32_t runlog_merge_cuts(const struct runlog_merge *merge);
bool runlog_merge_cut(const struct runlog_merge *merge, uint32_t segment);
/* The reader of a segment; NULL: it is missing. */
const struct runlog_reader *runlog_merge_segment(const struct runlog_merge *merge,
                                                 uint32_t segment);

/* What the first segment opens with; lives as long as the merge. */
const struct runlog_opening *runlog_merge_opening(const struct runlog_merge *merge);

/* The segment of the last record. */
const struct runlog_reader *runlog_merge_source(const struct runlog_merge *merge);

#endif
