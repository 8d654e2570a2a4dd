/* SPDX-License-Identifier: MIT */
/* Calls that wait for the disk, counted and then made: see syncs.h. */
#include "bench/support/syncs.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_uint_fast64_t data_syncs;
static atomic_uint_fast64_t meta_syncs;

struct bench_syncs bench_syncs(void)
{
    return (struct bench_syncs){.data = data_syncs, .meta = meta_syncs};
}

int fdatasync(int fd)
{
    data_syncs++;
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    data_syncs++;
    return (int)syscall(SYS_fsync, fd);
}

int msync(void *address, size_t length, int flags)
{
    data_syncs += (flags & MS_SYNC) != 0;
    return (int)syscall(SYS_msync, address, length, flags);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    int flags = fcntl(fd, F_GETFL);
    meta_syncs += flags >= 0 && (flags & (O_DSYNC | O_SYNC)) != 0;
    return syscall(SYS_pwrite64, fd, bytes, size, offset);
}
