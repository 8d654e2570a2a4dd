/* SPDX-License-Identifier: MIT */
/*
 * Counts how often this process waits for the disk: a program that calls bench_syncs() has its own
 * fdatasync(), fsync(), msync() and pwrite() before those of the C library, and LMDB calls them.
 */
#ifndef OMEGA_BENCH_SUPPORT_SYNCS_H
#define OMEGA_BENCH_SUPPORT_SYNCS_H

#include <stdint.h>

struct bench_syncs {
    uint64_t data; /* fdatasync(), fsync(), msync(MS_SYNC) */
    uint64_t meta; /* writes to a file that was opened with O_DSYNC or O_SYNC */
};

/* All so far, of all threads. */
struct bench_syncs bench_syncs(void);

#endif
