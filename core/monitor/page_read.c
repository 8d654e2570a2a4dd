/* SPDX-License-Identifier: MIT */
/* The reader of statistics pages, to which they are bytes from outside: see page.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "core/monitor/page_private.h"

/* 1, 2 and 5 times each power of ten, from a microsecond to ten seconds. */
const int64_t page_bucket_ns[PAGE_BUCKETS - 1] = {
    1000,      2000,      5000,       10000,      20000,      50000,       100000,   200000,
    500000,    1000000,   2000000,    5000000,    10000000,   20000000,    50000000, 100000000,
    200000000, 500000000, 1000000000, 2000000000, 5000000000, 10000000000,
};

size_t page_bytes(void)
{
    return sizeof(struct page_file);
}

uint64_t page_conflict_check(const uint64_t words[CONFLICT_WORDS])
{
    return XXH3_64bits(words, CONFLICT_CHECK * sizeof words[0]);
}

/* ---- histograms ---- */

uint64_t page_histogram_count(const struct page_histogram *histogram)
{
    uint64_t count = 0;
    for (size_t i = 0; i < PAGE_BUCKETS; i++) {
        count += histogram->buckets[i];
    }
    return count;
}

int64_t page_quantile_ns(const struct page_histogram *histogram, double q)
{
    uint64_t count = page_histogram_count(histogram);
    double rank = q * (double)count;
    uint64_t seen = 0;
    if (count == 0) {
        return -1;
    }
    for (size_t i = 0; i < PAGE_BUCKETS - 1; i++) {
        seen += histogram->buckets[i];
        if (seen > 0 && (double)seen >= rank) {
            return page_bucket_ns[i];
        }
    }
    return INT64_MAX;
}

/* ---- decoding ---- */

static bool is_text(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    for (size_t i = 0; i < length; i++) {
        if (text[i] < ' ' || text[i] > '~') {
            return false;
        }
    }
    return length < size;
}

static int corrupt(const char *source, const char *what, omega_error_t *err)
{
    return omega_error_set_at(err, OMEGA_ECORRUPT, source, 0,
                              "%s is not what it may be, expected the statistics page of a process",
                              what);
}

static int check_head(const struct page_head *head, const char *source, omega_error_t *err)
{
    if (memcmp(head->magic, PAGE_MAGIC, sizeof head->magic) != 0) {
        return omega_error_set_at(err, OMEGA_EINVAL, source, 0, "is no statistics page");
    }
    if (head->format != PAGE_FORMAT) {
        return omega_error_set_at(err, OMEGA_EVERSION, source, 0,
                                  "a statistics page of format %" PRIu32 ", expected %u",
                                  head->format, PAGE_FORMAT);
    }
    if (head->bytes != sizeof(struct page_file)) {
        return corrupt(source, "the size", err);
    }
    if (!is_text(head->boot, sizeof head->boot) || !is_text(head->module, sizeof head->module) ||
        !is_text(head->scheduler, sizeof head->scheduler)) {
        return corrupt(source, "a name", err);
    }
    if (head->role >= PAGE_ROLES || head->pid <= 0 || head->incarnation == 0) {
        return corrupt(source, "who wrote it", err);
    }
    return OMEGA_OK;
}

/* Copies words, none of which may be above `max`. */
static bool take(uint64_t *into, const _Atomic uint64_t *from, size_t count, uint64_t max)
{
    for (size_t i = 0; i < count; i++) {
        into[i] = atomic_load_explicit(&from[i], memory_order_relaxed);
        if (into[i] > max) {
            return false;
        }
    }
    return true;
}

static bool take_body(struct page_copy *copy, const struct page_body *body)
{
    bool good = take(copy->counts, body->counts, PAGE_COUNTS, PAGE_COUNT_MAX) &&
                take(copy->gauges, body->gauges, PAGE_GAUGES, PAGE_COUNT_MAX) &&
                take(copy->outcomes, body->outcomes, OMEGA_OUTCOMES, PAGE_COUNT_MAX) &&
                take(copy->rivals[0], body->rivals[0], (size_t)PAGE_RIVALS * 2, PAGE_COUNT_MAX);
    for (size_t t = 0; good && t < PAGE_TIMES; t++) {
        good = take(copy->times[t].buckets, body->buckets[t], PAGE_BUCKETS, PAGE_COUNT_MAX) &&
               take(&copy->times[t].sum_ns, &body->sums_ns[t], 1, PAGE_SUM_NS_MAX);
    }
    return good;
}

/* False: half of an entry, or none. */
static bool take_conflict(struct page_conflict *into, const _Atomic uint64_t *from, uint64_t order)
{
    uint64_t words[CONFLICT_WORDS];
    (void)take(words, from, CONFLICT_WORDS, UINT64_MAX);
    *into = (struct page_conflict){
        .order = words[CONFLICT_ORDER],
        .version = words[CONFLICT_VERSION],
        .rival_version = words[CONFLICT_RIVAL_VERSION],
        .job = words[CONFLICT_JOB],
        .attempt = (uint32_t)(words[CONFLICT_TASK] >> 32),
        .task = (uint32_t)words[CONFLICT_TASK],
        .machine = (uint32_t)(words[CONFLICT_MACHINE] >> 32),
        .rival = (uint16_t)(words[CONFLICT_MACHINE] >> 16),
        .outcome = (uint8_t)words[CONFLICT_MACHINE],
    };
    return into->order == order && words[CONFLICT_CHECK] == page_conflict_check(words) &&
           into->version <= OMEGA_VERSION_MAX && into->rival_version <= OMEGA_VERSION_MAX &&
           into->job <= INT64_MAX && (words[CONFLICT_MACHINE] & 0xffff) <= UINT8_MAX &&
           omega_outcome_is_conflict(into->outcome);
}

static void take_conflicts(struct page_copy *copy, const struct page_body *body)
{
    uint64_t newest = atomic_load_explicit(&body->conflict_order, memory_order_relaxed);
    copy->conflict_count = 0;
    if (newest > PAGE_COUNT_MAX) {
        return;
    }
    uint64_t order = newest > PAGE_CONFLICTS ? newest - PAGE_CONFLICTS : 0;
    while (order++ < newest) {
        struct page_conflict *into = &copy->conflicts[copy->conflict_count];
        copy->conflict_count += take_conflict(into, body->conflicts[order % PAGE_CONFLICTS], order);
    }
}

int page_decode(const void *bytes, size_t size, const char *source, struct page_copy *copy,
                omega_error_t *err)
{
    const struct page_file *file = bytes;
    *copy = (struct page_copy){.number = 0};
    if (size != sizeof *file) {
        return omega_error_set_at(err, OMEGA_EINVAL, source, 0,
                                  "is no statistics page: %zu bytes, expected %zu", size,
                                  sizeof *file);
    }
    int rc = check_head(&file->head, source, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    copy->role = (enum page_role)file->head.role;
    copy->pid = file->head.pid;
    copy->start = file->head.start;
    copy->instance = file->head.instance;
    copy->place = file->head.place;
    copy->incarnation = file->head.incarnation;
    memcpy(copy->boot, file->head.boot, sizeof copy->boot);
    memcpy(copy->module, file->head.module, sizeof copy->module);
    memcpy(copy->scheduler, file->head.scheduler, sizeof copy->scheduler);
    if (!take_body(copy, &file->body)) {
        return corrupt(source, "a count", err);
    }
    take_conflicts(copy, &file->body);
    return OMEGA_OK;
}

/* ---- files ---- */

/* Reads up to `room` bytes: the number, or -1 with errno. */
static ssize_t read_all(int fd, uint8_t *bytes, size_t room)
{
    size_t size = 0;
    while (size < room) {
        ssize_t got = read(fd, bytes + size, room - size);
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        size += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)size;
}

/* A copy by read(), not a map: another process may cut the file at any moment. */
int page_read(int directory_fd, uint32_t number, struct page_copy *copy, omega_error_t *err)
{
    char name[PAGE_FILE_BYTES];
    struct stat status;
    page_file_name(number, name);
    int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? 1 : omega_error_set_errno(err, name, "cannot open");
    }
    size_t room = page_bytes() + 1; /* one more shows a file that is too long */
    uint8_t *bytes = malloc(room);
    int rc = OMEGA_OK;
    if (bytes == NULL) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "no memory for a statistics page");
    } else if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, name, 0, "is no file, expected one");
    } else {
        ssize_t size = read_all(fd, bytes, room);
        rc = size < 0 ? omega_error_set_errno(err, name, "cannot read")
                      : page_decode(bytes, (size_t)size, name, copy, err);
    }
    copy->number = number;
    free(bytes);
    close(fd);
    return rc;
}
