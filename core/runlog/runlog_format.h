/* SPDX-License-Identifier: MIT */
/* The run log's numbers; the layout is described in core/runlog/README.md. */
#ifndef OMEGA_CORE_RUNLOG_RUNLOG_FORMAT_H
#define OMEGA_CORE_RUNLOG_RUNLOG_FORMAT_H

#define RUNLOG_MAGIC "OMEGALOG"
#define RUNLOG_MAGIC_SIZE 8
#define RUNLOG_VERSION 2u
#define RUNLOG_VERSION_OLDEST 1u /* without what was recorded, sweeps and live runs */
#define RUNLOG_HEADER_SIZE (RUNLOG_MAGIC_SIZE + 4) /* magic, version */
#define RUNLOG_BLOCK_HEADER_SIZE 20                /* type, length, checksum */
#define RUNLOG_BLOCK_SIZE (1u << 20)               /* a block is closed when it has reached this */
#define RUNLOG_BLOCK_MAX (1u << 27)                /* largest block: one record of 2^20 claims */

/* In this order; machines and records as often as needed, the others once. */
enum runlog_block {
    RUNLOG_BLOCK_OPENING = 1,
    RUNLOG_BLOCK_MACHINES = 2,
    RUNLOG_BLOCK_RECORDS = 3,
    RUNLOG_BLOCK_END = 4, /* counts of machines and records */
};

/* The first number of a claim: its group, and what else follows. */
#define RUNLOG_CLAIM_DEVICES 1u /* a device mask */
#define RUNLOG_CLAIM_REFUSED 2u /* the result, which is not accepted */
#define RUNLOG_CLAIM_GROUP_SHIFT 2

/* A duration is written as 0 = never, 1 = a list follows, else the duration + 2. */
#define RUNLOG_DURATION_NEVER 0
#define RUNLOG_DURATION_LIST 1
#define RUNLOG_DURATION_FIRST 2

#endif
