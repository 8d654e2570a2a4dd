/* SPDX-License-Identifier: MIT */
/* Several processes that commit to one cell as fast as they can, through the public API or by bare
 * LMDB loops (bench/support/cell.h). Every process opens the cell after its fork. */
#ifndef OMEGA_BENCH_SUPPORT_CREW_H
#define OMEGA_BENCH_SUPPORT_CREW_H

#include "bench/support/cell.h"

#define CREW_MAX 16

struct crew {
    const struct cell_ops *ops;
    const char *path; /* of the cell, which is made and removed */
    enum lmdb_mode mode;
    uint32_t machines;
    uint32_t claims; /* of a commit */
    uint32_t jobs;   /* ready for each process: more than its share in that time */
    int64_t warm_ns; /* commits that do not count: each process meets its machines */
    int64_t run_ns;  /* those that do */
    uint64_t seed;
};

/* Runs so many processes at once, 1 to CREW_MAX, on a fresh cell: commits a second in total. */
double crew_run(const struct crew *crew, uint32_t processes);

#endif
