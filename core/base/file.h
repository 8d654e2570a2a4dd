/* SPDX-License-Identifier: MIT */
/*
 * Whole files: outputs that appear complete or not at all, inputs read in one piece, directories.
 * Errors of the system are OMEGA_EIO with the path as source and strerror in the text.
 */
#ifndef OMEGA_CORE_BASE_FILE_H
#define OMEGA_CORE_BASE_FILE_H

#include <stddef.h>
#include <stdio.h>

#include "core/base/error.h"

/* A file being written under a temporary name in the directory of its final one. */
struct file_out;

/* Opens an output for `path`, whose directory must exist. Nothing is visible at `path` before
 * file_out_commit(). Returns 0, OMEGA_EINVAL, OMEGA_EIO or OMEGA_ENOMEM; *out is NULL on error. */
int file_out_open(const char *path, struct file_out **out, omega_error_t *err);

/* The stream to write to, owned by `out`. Failed writes may be ignored: the commit sees them. */
FILE *file_out_stream(struct file_out *out);

/* The path until it gets its own: what was flushed can be read there. Owned by `out`. */
const char *file_out_temporary(const struct file_out *out);

/* Flushes, syncs and closes the file; its name comes by file_out_commit() later. For those who keep
 * many outputs. If it fails, file_out_abort() is what is left to do. */
int file_out_settle(struct file_out *out, omega_error_t *err);

/* Flushes, syncs and closes the file, unless it is settled, and gives it its name, replacing a file
 * of that name. On failure the temporary is removed and `path` is as it was. Frees `out` either
 * way. */
int file_out_commit(struct file_out *out, omega_error_t *err);

/* Drops the output: removes the temporary and frees `out`. NULL is allowed. */
void file_out_abort(struct file_out *out);

/* Removes the temporaries of all outputs that are open, for a process that is about to end: those
 * of the first 64 open at one time. Async-signal-safe; the outputs may not be used afterwards. */
void file_out_unlink_all(void);

/* Lists none of them any more, in a copy of the process that made them. */
void file_out_forget_all(void);

/* Reads a regular file of at most `max` bytes. *bytes is owned by the caller (free()) and has a NUL
 * behind its *size bytes. A larger file or one that is not regular is OMEGA_EINVAL. */
int file_read_all(const char *path, size_t max, char **bytes, size_t *size, omega_error_t *err);

/* Makes a directory and those above it where they are missing. A directory that is there already is
 * fine. */
int file_make_directory(const char *path, omega_error_t *err);

#endif
