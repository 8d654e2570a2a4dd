/* SPDX-License-Identifier: MIT */
/* The file of the jobs that a scheduler of a standing cell has abandoned last. */
#include "core/live/abandoned.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void name_file(uint32_t number, char out[32])
{
    snprintf(out, 32, "abandoned-%" PRIu32, number);
}

static off_t place_of(uint64_t entry)
{
    return (off_t)(offsetof(struct abandoned, jobs) + entry % ABANDONED_KEPT * sizeof(uint64_t));
}

static int put(int fd, off_t at, uint64_t word, omega_error_t *err)
{
    return pwrite(fd, &word, sizeof word, at) == (ssize_t)sizeof word
               ? OMEGA_OK
               : omega_error_set_errno(err, "abandoned-N", "cannot write");
}

static int note_waits(void *context, const struct lmdb_job *job)
{
    bool *waits = context;
    *waits = !job->given_up;
    return 0;
}

/* Only the last one can have been announced in vain. */
static int take_back(int fd, struct store *store, const struct abandoned *abandoned,
                     omega_error_t *err)
{
    bool waits = false;
    if (abandoned->count == 0) {
        return OMEGA_OK;
    }
    uint64_t last = abandoned->count - 1;
    int rc = lmdb_find_job(store, abandoned->jobs[last % ABANDONED_KEPT], note_waits, &waits, err);
    return rc < 0 ? rc : waits ? put(fd, place_of(last), 0, err) : OMEGA_OK;
}

int abandoned_open(int directory_fd, uint32_t number, struct store *store, int *fd,
                   omega_error_t *err)
{
    char name[32];
    struct abandoned abandoned;
    name_file(number, name);
    *fd = openat(directory_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (*fd < 0) {
        return omega_error_set_errno(err, name, "cannot open");
    }
    int rc = abandoned_read(directory_fd, number, &abandoned, err);
    rc = rc == OMEGA_OK ? take_back(*fd, store, &abandoned, err) : rc;
    if (rc != OMEGA_OK) {
        close(*fd);
        *fd = -1;
    }
    return rc;
}

int abandoned_announce(int fd, uint64_t job, omega_error_t *err)
{
    uint64_t count = 0;
    if (pread(fd, &count, sizeof count, 0) < 0) {
        return omega_error_set_errno(err, "abandoned-N", "cannot read");
    }
    int rc = put(fd, place_of(count), job, err);
    return rc == OMEGA_OK ? put(fd, 0, count + 1, err) : rc;
}

int abandoned_read(int directory_fd, uint32_t number, struct abandoned *abandoned,
                   omega_error_t *err)
{
    char name[32];
    name_file(number, name);
    *abandoned = (struct abandoned){.count = 0};
    int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT ? OMEGA_OK : omega_error_set_errno(err, name, "cannot open");
    }
    int rc = pread(fd, abandoned, sizeof *abandoned, 0) < 0
                 ? omega_error_set_errno(err, name, "cannot read")
                 : OMEGA_OK;
    close(fd);
    return rc;
}

enum abandoned_fate abandoned_fate(const struct abandoned *abandoned, uint64_t since, uint64_t job)
{
    /* the oldest one may be being overwritten */
    if (abandoned->count < since || abandoned->count - since >= ABANDONED_KEPT) {
        return ABANDONED_UNKNOWN;
    }
    for (uint64_t i = since; i < abandoned->count; i++) {
        if (abandoned->jobs[i % ABANDONED_KEPT] == job) {
            return ABANDONED_YES;
        }
    }
    return ABANDONED_NOT;
}
