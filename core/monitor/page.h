/* SPDX-License-Identifier: MIT */
/*
 * Statistics pages: what each process of a cell counts while it works, for anyone to look at.
 *
 * A page is a file `stats-NUMBER` of a fixed size in the cell's directory, for its owner only, that
 * its one writer maps. Counting is a few plain stores to memory: no lock, no system call. What has
 * been counted outlives the process, also one that is killed. Readers take a copy at any time; each
 * number in it is one that was there, the numbers of one copy need not be of one instant.
 * Nothing that decides anything is read from a page (core/monitor/README.md).
 */
#ifndef OMEGA_CORE_MONITOR_PAGE_H
#define OMEGA_CORE_MONITOR_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/claim.h"

#define PAGE_FORMAT 2u        /* of the file; no other one is read */
#define PAGE_NUMBER_MAX 65535 /* of processes of a cell: 0 to this */
#define PAGE_FILE_PREFIX "stats-"
#define PAGE_NAME_BYTES 64 /* of a module or scheduler, with the NUL; longer ones are cut */
#define PAGE_BOOT_BYTES 64
#define PAGE_RIVALS 257 /* instances 0 to 255, and all others together */
#define PAGE_BUCKETS 23 /* of a histogram of times, the one without a bound included */
#define PAGE_CONFLICTS 16

enum page_role {
    PAGE_SCHEDULER = 0, /* plans and commits: the others count only what they do */
    PAGE_FEEDER = 1,
    PAGE_EXECUTOR = 2,
    PAGE_ROLES,
};

/* What is counted; it only ever rises. What the words mean: core/metrics/README.md. */
enum page_count {
    PAGE_ATTEMPTS,         /* that have ended */
    PAGE_NO_FIT,           /* of them: without a claim */
    PAGE_SHORT,            /* of them: with fewer claims than the granularity needs */
    PAGE_SUCCESSFUL,       /* transactions by what became of them */
    PAGE_CONFLICTING,      /* ... */
    PAGE_REFUSED,          /* ... */
    PAGE_CLAIMS,           /* in transactions; by outcome: page_copy.outcomes */
    PAGE_JOBS_SCHEDULED,   /* whose last required task was placed */
    PAGE_JOBS_ABANDONED,   /* given up after the attempt limit */
    PAGE_JOBS_SUBMITTED,   /* by the feeder */
    PAGE_PLACEMENTS_ENDED, /* by the executor */
    PAGE_COUNTS,
};

/* What is said anew each time. */
enum page_gauge {
    PAGE_QUEUED,       /* jobs that wait to be planned, those that wait for a retry included */
    PAGE_VIEW_VERSION, /* of the cell, that its view shows */
    PAGE_GAUGES,
};

/* Times whose distribution is kept. */
enum page_time {
    PAGE_REFRESH, /* bringing the view up to date */
    PAGE_PLAN,    /* the module's place(), with what is checked about it */
    PAGE_COMMIT,  /* store_commit(), and what follows for the view */
    PAGE_TIMES,
};

/* Upper bounds of the buckets in ns, rising, each included in its bucket; the last one has none. */
extern const int64_t page_bucket_ns[PAGE_BUCKETS - 1];

/* Whose page it is. Texts are cut to PAGE_NAME_BYTES - 1 bytes, and what is not
 * printable ASCII in them becomes "?". */
struct page_who {
    enum page_role role;
    const char *module;    /* "" = none */
    const char *scheduler; /* its name in the experiment; "" = none */
    uint16_t instance;     /* in the cell; OMEGA_INSTANCE_NONE = none */
    uint16_t place;        /* its number among the instances of its scheduler */
    uint32_t incarnation;  /* 1 = never restarted */
};

struct page;

/*
 * Makes the page of this process, or goes on with what the one before it has counted: one of the
 * same number, role, module, scheduler and instance, in the same boot. `directory_fd` is the cell's
 * directory. All of the file is on the disk then, so that counting cannot run out of room. After
 * fork() a child makes its own.
 * OMEGA_EINVAL (the number), OMEGA_EFULL, OMEGA_EIO, OMEGA_ENOMEM.
 */
int page_create(int directory_fd, uint32_t number, const struct page_who *who, struct page **page,
                omega_error_t *err);

/* Lets go of a page; the file stays, to be looked at. NULL is allowed. */
void page_close(struct page *page);

/* Removes the pages 0 to `count` - 1 of a directory. Async-signal-safe. */
void page_unlink_all(int directory_fd, uint32_t count);

/* ---- counting: `page` NULL is allowed and counts nothing ---- */

void page_add(struct page *page, enum page_count which, uint64_t more);
void page_set(struct page *page, enum page_gauge which, uint64_t value);
void page_took(struct page *page, enum page_time which, int64_t ns);

/* A transaction's answer: counts it and its claims, by outcome and by rival, and keeps the last
 * conflicts. `claims` and `results` have txn->claim_count entries. */
void page_transaction(struct page *page, const struct omega_transaction *txn,
                      const struct omega_claim_result *results, const struct omega_result *result);

/* ---- reading ---- */

/* A claim that was lost to somebody. */
struct page_conflict {
    uint64_t order;         /* rises by 1 with each of the page's conflicts, from 1 */
    uint64_t version;       /* of the cell, when it was decided */
    uint64_t rival_version; /* that took the place */
    uint64_t job;
    uint32_t attempt;
    uint32_t task;
    uint32_t machine;
    uint16_t rival;  /* instance */
    uint8_t outcome; /* enum omega_outcome: a conflict */
};

struct page_histogram {
    uint64_t buckets[PAGE_BUCKETS]; /* each value in one: not cumulative */
    uint64_t sum_ns;
};

/* A page as it was read: every field is within its bounds, every text printable ASCII and ended. */
struct page_copy {
    uint32_t number;
    enum page_role role;
    int32_t pid;                /* > 0 */
    uint64_t start;             /* of the process (core/base/process.h) */
    char boot[PAGE_BOOT_BYTES]; /* in which it ran */
    char module[PAGE_NAME_BYTES];
    char scheduler[PAGE_NAME_BYTES];
    uint16_t instance;
    uint16_t place; /* among the instances of its scheduler */
    uint32_t incarnation;
    uint64_t counts[PAGE_COUNTS];
    uint64_t gauges[PAGE_GAUGES];
    uint64_t outcomes[OMEGA_OUTCOMES]; /* claims */
    /* claims in conflict, by who was faster (the last entry: all others), and as what: 0
     * no_longer_fits, 1 seq_changed */
    uint64_t rivals[PAGE_RIVALS][2];
    struct page_histogram times[PAGE_TIMES];
    struct page_conflict conflicts[PAGE_CONFLICTS]; /* the newest last */
    uint32_t conflict_count;
};

/* Reads a page: 0, or 1 if there is none of this number. OMEGA_EINVAL: it is no page, or not of
 * this size; OMEGA_EVERSION: another format; OMEGA_ECORRUPT: a field out of its bounds; OMEGA_EIO.
 * Whatever the file holds, and whatever is written to it meanwhile, `copy` is sound if it is 0. */
int page_read(int directory_fd, uint32_t number, struct page_copy *copy, omega_error_t *err);

/* The same from the bytes of a file. `source` names it in errors. */
int page_decode(const void *bytes, size_t size, const char *source, struct page_copy *copy,
                omega_error_t *err);

/* Bytes of the file. */
size_t page_bytes(void);

/* How many values a histogram has. */
uint64_t page_histogram_count(const struct page_histogram *histogram);

/* The q-quantile in ns, q from 0 to 1: the bound of the bucket in which it lies, -1 if there are no
 * values, INT64_MAX in the last one. */
int64_t page_quantile_ns(const struct page_histogram *histogram, double q);

/* "stats-7"; out has room for PAGE_FILE_BYTES. */
#define PAGE_FILE_BYTES 16
void page_file_name(uint32_t number, char out[PAGE_FILE_BYTES]);

#endif
