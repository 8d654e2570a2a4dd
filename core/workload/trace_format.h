/* SPDX-License-Identifier: MIT */
/* The binary trace file's numbers; the layout is described in core/workload/README.md. */
#ifndef OMEGA_CORE_WORKLOAD_TRACE_FORMAT_H
#define OMEGA_CORE_WORKLOAD_TRACE_FORMAT_H

#define TRACE_MAGIC "OMEGATRC"
#define TRACE_MAGIC_SIZE 8
#define TRACE_HEADER_SIZE (TRACE_MAGIC_SIZE + 4) /* magic, version */
#define TRACE_BLOCK_HEADER_SIZE 20               /* type, length, checksum */
#define TRACE_BLOCK_SIZE (1u << 20)              /* a block is closed when it has reached this */
#define TRACE_BLOCK_MAX (1u << 25)               /* largest block: one job with 2^20 durations */

/* In this order; strings, machines, events and jobs as often as needed, the others once. */
enum trace_block {
    TRACE_BLOCK_ABOUT = 1,     /* source, notes */
    TRACE_BLOCK_STRINGS = 2,   /* numbered from 1; 0 is "" */
    TRACE_BLOCK_WORKLOADS = 3, /* string of each */
    TRACE_BLOCK_MACHINES = 4,
    TRACE_BLOCK_EVENTS = 5,
    TRACE_BLOCK_JOBS = 6,
    TRACE_BLOCK_END = 7, /* counts of strings, workloads, machines, events, jobs */
};

/* A duration is written as 0 = never, 1 = a list follows, else the duration + 2. */
#define TRACE_DURATION_NEVER 0
#define TRACE_DURATION_LIST 1
#define TRACE_DURATION_FIRST 2

#endif
