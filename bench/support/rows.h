/* SPDX-License-Identifier: MIT */
/*
 * The rows of `make bench-sim`: cells, workloads and schedulers that the simulator and the bare
 * loop both run, and the line that both print.
 */
#ifndef OMEGA_BENCH_SUPPORT_ROWS_H
#define OMEGA_BENCH_SUPPORT_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#define ROW_KINDS 2u /* batch and service: a workload and a scheduler each */
#define ROW_SECOND INT64_C(1000000)
#define ROW_CPU_MILLI 4000 /* of each machine */
#define ROW_MEM_MIB 16384
#define ROW_FILL_CPU_MILLI 1000 /* of each never-ending task that pre-fills the cell */
#define ROW_FILL_MEM_MIB 2048
#define ROW_PROBES 32 /* of the module batch, and of the pre-fill */
#define ROW_RETRY_US ROW_SECOND
#define ROW_ATTEMPTS_MAX 1001u         /* as in the published simulator: abandoned after so many, */
#define ROW_ATTEMPTS_UNPLACED_MAX 101u /* or after so many without any task placed */

/* A workload, exponential in gaps, tasks and durations, and the scheduler of its jobs. */
struct row_kind {
    double gap_s;
    double tasks;
    double duration_s;
    int32_t cpu_milli; /* of each task */
    int32_t mem_mib;
    uint32_t instances; /* that its jobs go to in turn */
    int64_t job_us;     /* decision time */
    int64_t task_us;
};

struct row {
    const char *name;
    uint32_t machines;
    int64_t horizon_s;
    double prefill; /* share of CPU taken before time 0 */
    bool fine;      /* detection; granularity is by task */
    struct row_kind kinds[ROW_KINDS];
};

/* NULL if there is none of this name. */
const struct row *row_find(const char *name);

/* Prints the names, one a line. */
void row_list(void);

/* What both programs count; equal if both did the same work. */
struct row_figures {
    uint64_t tasks; /* placed */
    uint64_t attempts;
    uint64_t conflicting; /* transactions */
    uint64_t events;
    int64_t ns;
    const char *digest; /* "": was not asked for */
};

/* Prints the line "program=... row=... key=value ...", without its end. */
void row_print(const char *program, const struct row *row, const struct row_figures *figures);

#endif
