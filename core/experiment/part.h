/* SPDX-License-Identifier: MIT */
/*
 * Part files: what one point adds to each file of a run, kept until all points are there. A part is
 * complete or not there at all; a checksum tells one that was damaged since. The format is
 * described in core/experiment/README.md.
 */
#ifndef OMEGA_CORE_EXPERIMENT_PART_H
#define OMEGA_CORE_EXPERIMENT_PART_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/error.h"

#define PART_SECTIONS_MAX 16u
#define PART_INDEX_MAX (64u << 20) /* bytes of an index */

/* ---- writing ---- */

struct part_writer;

/* Opens a part for writing under a temporary name. OMEGA_EIO, OMEGA_ENOMEM. */
int part_create(const char *path, struct part_writer **part, omega_error_t *err);

/* Begins a section, of at most PART_SECTIONS_MAX, and ends the one before: what is written to the
 * stream is in it. Failed writes may be ignored: part_commit() sees them. */
FILE *part_section(struct part_writer *part, const char *name);

/* Ends the part with what there is to say about it (taken over) and gives it its name. Frees `part`
 * either way. OMEGA_EIO, OMEGA_ENOMEM. */
int part_commit(struct part_writer *part, json_t *about, omega_error_t *err);

/* Drops it; NULL is allowed. */
void part_abort(struct part_writer *part);

/* ---- reading ---- */

struct part;

/* Opens a part and checks all of it. OMEGA_ECORRUPT: it is damaged, or none; OMEGA_EVERSION;
 * OMEGA_EIO, OMEGA_ENOMEM. */
int part_open(const char *path, struct part **part, omega_error_t *err);

/* The same from a seekable stream, which it takes over and closes; `name` is for messages. */
int part_open_stream(FILE *stream, const char *name, struct part **part, omega_error_t *err);

void part_close(struct part *part); /* NULL is allowed */

/* The path that it was opened by, and what it says about itself: an object. */
const char *part_name(const struct part *part);
const json_t *part_about(const struct part *part);

/* Bytes of a section; -1: it has none of that name. */
int64_t part_size(const struct part *part, const char *section);

/* Copies a section to a stream, which may fail silently; OMEGA_EIO if it cannot be read. Nothing
 * for a section that it does not have. */
int part_copy(struct part *part, const char *section, FILE *out, omega_error_t *err);

/* A section as text, for free(): "" for one that it does not have. OMEGA_EIO, OMEGA_ENOMEM. */
int part_text(struct part *part, const char *section, char **text, omega_error_t *err);

#endif
