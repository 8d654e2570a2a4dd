/* SPDX-License-Identifier: MIT */
/* Whole files: see file.h. */
#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_TRIED 100 /* temporaries of a killed process with our id may be in the way */
#define TEMPORARIES_LISTED 64u

struct file_out {
    FILE *stream;
    char *path;
    char *temporary; /* in the same directory, so that rename() is atomic */
};

/* Temporaries on disk, for a signal handler to find; NULL = a free slot. */
static _Atomic(const char *) listed[TEMPORARIES_LISTED];

/* Puts `to` in the place of `from`; does nothing if `from` is not listed. */
static void relist(const char *from, const char *to)
{
    for (size_t i = 0; i < TEMPORARIES_LISTED; i++) {
        const char *expected = from;
        if (atomic_compare_exchange_strong(&listed[i], &expected, to)) {
            return;
        }
    }
}

void file_out_unlink_all(void)
{
    for (size_t i = 0; i < TEMPORARIES_LISTED; i++) {
        const char *path = atomic_load(&listed[i]);
        if (path != NULL) {
            unlink(path);
        }
    }
}

void file_out_forget_all(void)
{
    for (size_t i = 0; i < TEMPORARIES_LISTED; i++) {
        atomic_store(&listed[i], NULL);
    }
}

static void free_out(struct file_out *out)
{
    if (out != NULL) {
        if (out->temporary != NULL) {
            relist(out->temporary, NULL);
        }
        free(out->path);
        free(out->temporary);
        free(out);
    }
}

/* Creates a file of a name that nobody has, "path.PID-N.tmp", and names it in `out`. */
static int create_temporary(struct file_out *out)
{
    for (int n = 0; n < NAMES_TRIED; n++) {
        free(out->temporary);
        if (asprintf(&out->temporary, "%s.%ld-%d.tmp", out->path, (long)getpid(), n) < 0) {
            out->temporary = NULL;
            errno = ENOMEM;
            return -1;
        }
        int fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) {
            return fd;
        }
    }
    return -1;
}

/* Creates it and lists it, without a signal in between, whose handler would not find it. */
static int create_listed(struct file_out *out)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int fd = create_temporary(out);
    int kept = errno;
    if (fd >= 0) {
        relist(NULL, out->temporary);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = kept;
    return fd;
}

/* Opens the stream of `out`, whose path is set. Leaves no file behind if it fails. */
static int open_temporary(struct file_out *out, omega_error_t *err)
{
    int fd = create_listed(out);
    if (fd < 0) {
        return omega_error_set_errno(err, out->path, "cannot create a file in this directory");
    }
    out->stream = fdopen(fd, "w");
    if (out->stream == NULL) {
        int rc = omega_error_set_errno(err, out->path, "cannot open for writing");
        close(fd);
        unlink(out->temporary);
        return rc;
    }
    return OMEGA_OK;
}

int file_out_open(const char *path, struct file_out **result, omega_error_t *err)
{
    struct stat status;
    *result = NULL;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        return omega_error_set_at(err, OMEGA_EINVAL, path, 0,
                                  "is not a regular file, expected one or a new name");
    }
    struct file_out *out = calloc(1, sizeof *out);
    if (out == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to write '%s'", path);
    }
    out->path = strdup(path);
    if (out->path == NULL) {
        free_out(out);
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to write '%s'", path);
    }
    int rc = open_temporary(out, err);
    if (rc != OMEGA_OK) {
        free_out(out);
        return rc;
    }
    *result = out;
    return OMEGA_OK;
}

FILE *file_out_stream(struct file_out *out)
{
    return out->stream;
}

const char *file_out_temporary(const struct file_out *out)
{
    return out->temporary;
}

/* Brings everything to the disk. A write that failed earlier has left an error flag but no errno:
 * one more byte is tried for its sake, since the file is thrown away in any case. */
static int sync_stream(struct file_out *out, omega_error_t *err)
{
    if (ferror(out->stream)) {
        clearerr(out->stream);
        errno = 0;
        if ((putc('\n', out->stream) == EOF || fflush(out->stream) != 0) && errno != 0) {
            return omega_error_set_errno(err, out->path, "cannot write");
        }
        return omega_error_set_at(err, OMEGA_EIO, out->path, 0,
                                  "cannot write: an earlier write failed");
    }
    if (fflush(out->stream) != 0) {
        return omega_error_set_errno(err, out->path, "cannot write");
    }
    if (fsync(fileno(out->stream)) != 0) {
        return omega_error_set_errno(err, out->path, "cannot sync");
    }
    return OMEGA_OK;
}

int file_out_settle(struct file_out *out, omega_error_t *err)
{
    int rc = sync_stream(out, err);
    if (fclose(out->stream) != 0 && rc == OMEGA_OK) {
        rc = omega_error_set_errno(err, out->path, "cannot close");
    }
    out->stream = NULL;
    return rc;
}

int file_out_commit(struct file_out *out, omega_error_t *err)
{
    int rc = out->stream == NULL ? OMEGA_OK : file_out_settle(out, err);
    if (rc == OMEGA_OK && rename(out->temporary, out->path) != 0) {
        rc = omega_error_set_errno(err, out->path, "cannot rename the finished file to this name");
    }
    if (rc != OMEGA_OK) {
        unlink(out->temporary);
    }
    free_out(out);
    return rc;
}

void file_out_abort(struct file_out *out)
{
    if (out != NULL) {
        int kept = errno;
        if (out->stream != NULL) {
            fclose(out->stream);
        }
        unlink(out->temporary);
        free_out(out);
        errno = kept;
    }
}

/* Opens a regular file of at most `max` bytes and tells its size. */
static int open_regular(const char *path, size_t max, int *fd, size_t *size, omega_error_t *err)
{
    /* O_NONBLOCK: opening a FIFO must not wait for its writer; without effect on regular files */
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0) {
        return omega_error_set_errno(err, path, "cannot open");
    }
    struct stat status;
    int rc = OMEGA_OK;
    if (fstat(*fd, &status) != 0) {
        rc = omega_error_set_errno(err, path, "cannot read");
    } else if (!S_ISREG(status.st_mode)) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, path, 0, "is not a regular file");
    } else if ((uintmax_t)status.st_size > max) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, path, 0, "holds %jd bytes, expected at most %zu",
                                (intmax_t)status.st_size, max);
    }
    if (rc != OMEGA_OK) {
        close(*fd);
        return rc;
    }
    *size = (size_t)status.st_size;
    return OMEGA_OK;
}

/* Reads up to `size` bytes; the file may have shrunk, then *got tells how many there were. */
static int read_bytes(int fd, char *bytes, size_t size, size_t *got)
{
    *got = 0;
    while (*got < size) {
        ssize_t n = read(fd, bytes + *got, size - *got);
        if (n == 0) {
            break;
        }
        if (n < 0 && errno != EINTR) {
            return -1;
        }
        *got += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int file_read_all(const char *path, size_t max, char **bytes, size_t *size, omega_error_t *err)
{
    *bytes = NULL;
    *size = 0;
    int fd;
    size_t expected = 0;
    int rc = open_regular(path, max, &fd, &expected, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    char *buffer = malloc(expected + 1);
    if (buffer == NULL) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "no memory for the %zu bytes of '%s'", expected,
                             path);
        goto done;
    }
    if (read_bytes(fd, buffer, expected, size) != 0) {
        rc = omega_error_set_errno(err, path, "cannot read");
        free(buffer);
        *size = 0;
        goto done;
    }
    buffer[*size] = '\0';
    *bytes = buffer;
done:
    close(fd);
    return rc;
}

/* Makes one directory, or finds it there. */
static int make_one(const char *part, const char *path, omega_error_t *err)
{
    if (mkdir(part, 0777) == 0) {
        return OMEGA_OK;
    }
    int cause = errno;
    struct stat status;
    if (stat(part, &status) == 0) {
        if (S_ISDIR(status.st_mode)) {
            return OMEGA_OK;
        }
        cause = ENOTDIR;
    }
    errno = cause;
    return omega_error_set_errno(err, path, "cannot make this directory");
}

int file_make_directory(const char *path, omega_error_t *err)
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part) {
        return omega_error_set(err, OMEGA_EINVAL, "'%.80s' is no path, expected 1 to %d bytes",
                               path, PATH_MAX - 1);
    }
    memcpy(part, path, length + 1);
    for (size_t i = 1; i < length; i++) {
        if (part[i] == '/' && part[i - 1] != '/') {
            part[i] = '\0';
            int rc = make_one(part, path, err);
            if (rc != OMEGA_OK) {
                return rc;
            }
            part[i] = '/';
        }
    }
    return make_one(part, path, err);
}
