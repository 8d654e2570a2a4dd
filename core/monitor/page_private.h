/* SPDX-License-Identifier: MIT */
/* The bytes of a statistics page: native words, since a page is read on the machine that wrote it
 * and in the same boot or as a relic of one. */
#ifndef OMEGA_CORE_MONITOR_PAGE_PRIVATE_H
#define OMEGA_CORE_MONITOR_PAGE_PRIVATE_H

#include <stdatomic.h>

#include "core/monitor/page.h"

#define PAGE_MAGIC "omegast\n"

/* Bounds of what a page may say: sums over all pages of a cell stay within 63 bits. */
#define PAGE_COUNT_MAX (UINT64_C(1) << 47)
#define PAGE_SUM_NS_MAX (UINT64_C(1) << 62)

/* Words of a conflict. The last one is a hash of the others: a reader that sees half of an entry
 * sees that it is none. */
enum {
    CONFLICT_ORDER,
    CONFLICT_VERSION,
    CONFLICT_RIVAL_VERSION,
    CONFLICT_JOB,
    CONFLICT_TASK,    /* attempt << 32 | task */
    CONFLICT_MACHINE, /* machine << 32 | rival << 16 | outcome */
    CONFLICT_CHECK,
    CONFLICT_WORDS,
};

/* Fixed from when the file gets its name. */
struct page_head {
    char magic[8];
    uint32_t format;
    uint32_t bytes; /* of the file */
    char boot[PAGE_BOOT_BYTES];
    char module[PAGE_NAME_BYTES];
    char scheduler[PAGE_NAME_BYTES];
    uint64_t start;
    int32_t pid;
    uint32_t role;
    uint16_t instance;
    uint16_t place;
    uint32_t incarnation;
};

/* Written by one process with relaxed stores. */
struct page_body {
    _Atomic uint64_t counts[PAGE_COUNTS];
    _Atomic uint64_t gauges[PAGE_GAUGES];
    _Atomic uint64_t outcomes[OMEGA_OUTCOMES];
    _Atomic uint64_t rivals[PAGE_RIVALS][2];
    _Atomic uint64_t buckets[PAGE_TIMES][PAGE_BUCKETS];
    _Atomic uint64_t sums_ns[PAGE_TIMES];
    _Atomic uint64_t conflict_order; /* of the newest conflict */
    _Atomic uint64_t conflicts[PAGE_CONFLICTS][CONFLICT_WORDS];
};

struct page_file {
    struct page_head head;
    struct page_body body;
};

/* The hash of a conflict's other words. */
uint64_t page_conflict_check(const uint64_t words[CONFLICT_WORDS]);

#endif
