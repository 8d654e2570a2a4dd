/* SPDX-License-Identifier: MIT */
/*
 * Errors: one code and one sentence for a human.
 *
 * Every function that can fail returns 0 (or a count) on success and a negative `enum omega_err`
 * otherwise, and takes an `omega_error_t *` as its last parameter. That may be NULL. The first
 * error wins: a holder that is already set is left alone, so clean-up code cannot hide the cause.
 * Messages have no capital and no full stop, and put the subject in 'single quotes'.
 */
#ifndef OMEGA_CORE_BASE_ERROR_H
#define OMEGA_CORE_BASE_ERROR_H

#include <stdarg.h>

enum omega_err {
    OMEGA_OK = 0,
    OMEGA_EINVAL = -1,      /* the caller or an input file broke a rule */
    OMEGA_ENOMEM = -2,      /* no memory */
    OMEGA_EIO = -3,         /* the operating system refused; text carries strerror */
    OMEGA_ECORRUPT = -4,    /* a file of ours is truncated or damaged */
    OMEGA_EVERSION = -5,    /* a file or module of another version */
    OMEGA_EMODULE = -6,     /* a scheduler module broke its contract */
    OMEGA_EINTR = -7,       /* the user asked to stop */
    OMEGA_ESUPERSEDED = -8, /* of an earlier incarnation or attempt: somebody has taken over */
    OMEGA_EFULL = -9,       /* no room on the disk or in the map; nothing was changed */
    OMEGA_ECUT = -10,       /* a file of ours ends too early, as where its writer was killed */
};

typedef struct omega_error {
    int code;         /* enum omega_err; 0 while unset */
    long line;        /* 1-based line in `source`; 0 when there is none */
    char source[192]; /* the file the error is about; "" when there is none */
    char text[400];   /* what is wrong, and what was expected */
} omega_error_t;

/* Clears the holder. `err` may be NULL. */
void omega_error_clear(omega_error_t *err);

/* Records code and text unless an error is already recorded. Returns `code`, so that callers can
 * write `return omega_error_set(err, OMEGA_EINVAL, ...)`. `err` may be NULL. Cold, as are the two
 * below: what leads there is laid apart from the code that runs each time. */
int omega_error_set(omega_error_t *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

/* The same for an error at a place in a file. `line` 0 means the whole file. */
int omega_error_set_at(omega_error_t *err, int code, const char *source, long line,
                       const char *format, ...) __attribute__((format(printf, 5, 6), cold));

/* The same for a failed system call: appends strerror(errno). Returns OMEGA_EIO. */
int omega_error_set_errno(omega_error_t *err, const char *source, const char *action)
    __attribute__((cold));

/* Writes "file:line: text", "file: text" or "text" into `out`, cut to `size` bytes with the NUL. */
void omega_error_format(const omega_error_t *err, char *out, unsigned long size);

#endif
