/* SPDX-License-Identifier: MIT */
/*
 * Sees every write and sync that liblmdb makes to a data.mdb. This header defines pwrite() and
 * its kin in the program that includes it, in one file, and so stands before the C library's for
 * liblmdb too. What a mapping writes (mode `fast`) is not seen.
 */
#ifndef OMEGA_TESTS_SUPPORT_DISK_HOOKS_H
#define OMEGA_TESTS_SUPPORT_DISK_HOOKS_H

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/support/disk_event.h"

/* Told about each event of any data.mdb of this process, or NULL. Must not touch such a file. */
static void (*disk_hook)(const struct disk_event *event);

/* Syncs are told of and not made: for tests that keep what is on the disk by themselves. */
static bool disk_hook_no_sync;

static bool disk_hook_sees(int fd)
{
    char link[40];
    char path[PATH_MAX];
    if (disk_hook == NULL) {
        return false;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path);
    static const char name[] = "/data.mdb";
    size_t tail = sizeof name - 1;
    return length > (ssize_t)tail && memcmp(path + length - tail, name, tail) == 0;
}

static void disk_hook_tell(enum disk_event_kind kind, int64_t offset, size_t size,
                           const void *bytes)
{
    struct disk_event event = {.kind = kind, .offset = offset, .size = size, .bytes = bytes};
    disk_hook(&event);
}

static void disk_hook_begin(const struct iovec *parts, int count, int64_t offset)
{
    for (int i = 0; i < count; i++) {
        disk_hook_tell(DISK_WRITE, offset, parts[i].iov_len, parts[i].iov_base);
        offset += (int64_t)parts[i].iov_len;
    }
}

static void disk_hook_end(int fd)
{
    bool durable = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
    disk_hook_tell(durable ? DISK_DURABLE : DISK_WRITTEN, 0, 0, NULL);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    bool seen = disk_hook_sees(fd);
    if (seen) {
        struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
        disk_hook_begin(&part, 1, offset);
    }
    ssize_t written = syscall(SYS_pwrite64, fd, bytes, size, offset);
    if (seen) {
        disk_hook_end(fd);
    }
    return written;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    bool seen = disk_hook_sees(fd);
    if (seen) {
        disk_hook_begin(parts, count, lseek(fd, 0, SEEK_CUR));
    }
    ssize_t written = syscall(SYS_writev, fd, parts, count);
    if (seen) {
        disk_hook_end(fd);
    }
    return written;
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    if (!disk_hook_sees(fd)) {
        return syscall(SYS_write, fd, bytes, size);
    }
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    return writev(fd, &part, 1);
}

int fdatasync(int fd)
{
    int rc = disk_hook_no_sync ? 0 : (int)syscall(SYS_fdatasync, fd);
    if (rc == 0 && disk_hook_sees(fd)) {
        disk_hook_tell(DISK_SYNC, 0, 0, NULL);
    }
    return rc;
}

int fsync(int fd)
{
    int rc = disk_hook_no_sync ? 0 : (int)syscall(SYS_fsync, fd);
    if (rc == 0 && disk_hook_sees(fd)) {
        disk_hook_tell(DISK_SYNC, 0, 0, NULL);
    }
    return rc;
}

#endif
