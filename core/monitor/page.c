/* SPDX-License-Identifier: MIT */
/* The writer of a statistics page: see page.h. */
#include "core/monitor/page.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cellstate/lmdb_directory.h"
#include "core/base/process.h"
#include "core/monitor/page_private.h"

#define NEW_SUFFIX "~" /* of a page that is being made */

static_assert(sizeof(struct page_head) % 8 == 0, "the body begins where words do");

struct page {
    struct page_file *file;
    uint64_t order; /* of the newest conflict */
};

/* ---- names ---- */

/* "stats-7" or "stats-7~". Async-signal-safe. */
static void name_file(uint32_t number, const char *suffix, char out[PAGE_FILE_BYTES])
{
    char digits[10];
    size_t count = 0;
    size_t at = sizeof PAGE_FILE_PREFIX - 1;
    memcpy(out, PAGE_FILE_PREFIX, at);
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0) {
        out[at++] = digits[--count];
    }
    memcpy(out + at, suffix, strlen(suffix) + 1);
}

void page_file_name(uint32_t number, char out[PAGE_FILE_BYTES])
{
    name_file(number <= PAGE_NUMBER_MAX ? number : PAGE_NUMBER_MAX, "", out);
}

void page_unlink_all(int directory_fd, uint32_t count)
{
    char name[PAGE_FILE_BYTES];
    for (uint32_t number = 0; number < count && number <= PAGE_NUMBER_MAX; number++) {
        name_file(number, "", name);
        unlinkat(directory_fd, name, 0);
        name_file(number, NEW_SUFFIX, name);
        unlinkat(directory_fd, name, 0);
    }
}

/* ---- making ---- */

/* A text as a page holds it: printable ASCII, cut to its room. */
static void put_text(char *out, size_t size, const char *text)
{
    size_t i = 0;
    for (; text != NULL && text[i] != '\0' && i + 1 < size; i++) {
        out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    }
    out[i] = '\0';
}

static int fill_head(struct page_head *head, const struct page_who *who, omega_error_t *err)
{
    char boot[LMDB_BOOT_BYTES];
    int rc = lmdb_boot_id(boot, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    memcpy(head->magic, PAGE_MAGIC, sizeof head->magic);
    head->format = PAGE_FORMAT;
    head->bytes = sizeof(struct page_file);
    put_text(head->boot, sizeof head->boot, boot);
    put_text(head->module, sizeof head->module, who->module);
    put_text(head->scheduler, sizeof head->scheduler, who->scheduler);
    head->pid = (int32_t)getpid();
    head->role = (uint32_t)who->role;
    head->instance = who->instance;
    head->place = who->place;
    head->incarnation = who->incarnation == 0 ? 1 : who->incarnation;
    return process_look(head->pid, &head->start) == PROCESS_THERE
               ? OMEGA_OK
               : omega_error_set_at(err, OMEGA_EIO, "/proc/self/stat", 0,
                                    "cannot read when this process was started, expected /proc");
}

/* What the one before this has counted, if it was the same: true. */
static bool goes_on(const struct page_head *head, const struct page_copy *before)
{
    return before->role == head->role && before->instance == head->instance &&
           strcmp(before->boot, head->boot) == 0 && strcmp(before->module, head->module) == 0 &&
           strcmp(before->scheduler, head->scheduler) == 0;
}

static void store(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_relaxed);
}

static void put_conflict(struct page *page, const struct page_conflict *conflict)
{
    uint64_t words[CONFLICT_WORDS] = {
        [CONFLICT_ORDER] = conflict->order,
        [CONFLICT_VERSION] = conflict->version,
        [CONFLICT_RIVAL_VERSION] = conflict->rival_version,
        [CONFLICT_JOB] = conflict->job,
        [CONFLICT_TASK] = (uint64_t)conflict->attempt << 32 | conflict->task,
        [CONFLICT_MACHINE] =
            (uint64_t)conflict->machine << 32 | (uint64_t)conflict->rival << 16 | conflict->outcome,
    };
    words[CONFLICT_CHECK] = page_conflict_check(words);
    _Atomic uint64_t *into = page->file->body.conflicts[conflict->order % PAGE_CONFLICTS];
    for (size_t i = 0; i < CONFLICT_WORDS; i++) {
        store(&into[i], words[i]);
    }
    page->order = conflict->order;
    store(&page->file->body.conflict_order, conflict->order);
}

static void take_over(struct page *page, const struct page_copy *before)
{
    struct page_body *body = &page->file->body;
    for (size_t i = 0; i < PAGE_COUNTS; i++) {
        store(&body->counts[i], before->counts[i]);
    }
    for (size_t i = 0; i < OMEGA_OUTCOMES; i++) {
        store(&body->outcomes[i], before->outcomes[i]);
    }
    for (size_t i = 0; i < PAGE_RIVALS; i++) {
        store(&body->rivals[i][0], before->rivals[i][0]);
        store(&body->rivals[i][1], before->rivals[i][1]);
    }
    for (size_t t = 0; t < PAGE_TIMES; t++) {
        for (size_t b = 0; b < PAGE_BUCKETS; b++) {
            store(&body->buckets[t][b], before->times[t].buckets[b]);
        }
        store(&body->sums_ns[t], before->times[t].sum_ns);
    }
    for (uint32_t i = 0; i < before->conflict_count; i++) {
        put_conflict(page, &before->conflicts[i]);
    }
}

/* Makes the file `name` with all of its bytes on the disk, and maps it. */
static int map_new(int directory_fd, const char *name, struct page_file **file, omega_error_t *err)
{
    unlinkat(directory_fd, name, 0); /* left by one that was killed here */
    int fd = openat(directory_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return omega_error_set_errno(err, name, "cannot make a statistics page");
    }
    int failed = posix_fallocate(fd, 0, sizeof **file);
    void *bytes = MAP_FAILED;
    if (failed == 0) {
        bytes = mmap(NULL, sizeof **file, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        failed = bytes == MAP_FAILED ? errno : 0;
    }
    close(fd);
    if (failed != 0) {
        unlinkat(directory_fd, name, 0);
        return omega_error_set_at(err, failed == ENOSPC ? OMEGA_EFULL : OMEGA_EIO, name, 0,
                                  "cannot make a statistics page: %s", strerror(failed));
    }
    *file = bytes;
    return OMEGA_OK;
}

int page_create(int directory_fd, uint32_t number, const struct page_who *who, struct page **out,
                omega_error_t *err)
{
    char name[PAGE_FILE_BYTES];
    char new_name[PAGE_FILE_BYTES];
    struct page_head head = {.pid = 0};
    *out = NULL;
    if (number > PAGE_NUMBER_MAX) {
        return omega_error_set(err, OMEGA_EINVAL, "process number %" PRIu32 ", expected 0 to %d",
                               number, PAGE_NUMBER_MAX);
    }
    struct page_copy *before = malloc(sizeof *before);
    struct page *page = calloc(1, sizeof *page);
    int rc = before == NULL || page == NULL
                 ? omega_error_set(err, OMEGA_ENOMEM, "no memory for a statistics page")
                 : fill_head(&head, who, err);
    name_file(number, "", name);
    name_file(number, NEW_SUFFIX, new_name);
    rc = rc == OMEGA_OK ? map_new(directory_fd, new_name, &page->file, err) : rc;
    if (rc == OMEGA_OK) {
        page->file->head = head;
        if (page_read(directory_fd, number, before, NULL) == 0 && goes_on(&head, before)) {
            take_over(page, before);
        }
        if (renameat(directory_fd, new_name, directory_fd, name) != 0) {
            rc = omega_error_set_errno(err, name, "cannot make a statistics page");
            unlinkat(directory_fd, new_name, 0);
        }
    }
    free(before);
    if (rc != OMEGA_OK) {
        page_close(page);
        return rc;
    }
    *out = page;
    return OMEGA_OK;
}

void page_close(struct page *page)
{
    if (page != NULL && page->file != NULL) {
        munmap(page->file, sizeof *page->file);
    }
    free(page);
}

/* ---- counting ---- */

/* There is one writer: a load and a store do, and nothing is locked. */
static void add(_Atomic uint64_t *word, uint64_t more)
{
    store(word, atomic_load_explicit(word, memory_order_relaxed) + more);
}

void page_add(struct page *page, enum page_count which, uint64_t more)
{
    if (page != NULL) {
        add(&page->file->body.counts[which], more);
    }
}

void page_set(struct page *page, enum page_gauge which, uint64_t value)
{
    if (page != NULL) {
        store(&page->file->body.gauges[which], value);
    }
}

void page_took(struct page *page, enum page_time which, int64_t ns)
{
    if (page == NULL) {
        return;
    }
    ns = ns < 0 ? 0 : ns;
    size_t bucket = 0;
    while (bucket < PAGE_BUCKETS - 1 && ns > page_bucket_ns[bucket]) {
        bucket++;
    }
    add(&page->file->body.buckets[which][bucket], 1);
    add(&page->file->body.sums_ns[which], (uint64_t)ns);
}

static void count_conflict(struct page *page, const struct omega_transaction *txn, uint32_t i,
                           const struct omega_claim_result *result, uint64_t version)
{
    size_t rival = result->rival < PAGE_RIVALS - 1 ? result->rival : PAGE_RIVALS - 1;
    add(&page->file->body.rivals[rival][result->outcome == OMEGA_CONFLICT_SEQ_CHANGED], 1);
    const struct page_conflict conflict = {
        .order = page->order + 1,
        .version = version,
        .rival_version = result->rival_version,
        .job = txn->job,
        .attempt = txn->attempt,
        .task = txn->claims[i].task,
        .machine = txn->claims[i].machine,
        .rival = result->rival,
        .outcome = result->outcome,
    };
    put_conflict(page, &conflict);
}

void page_transaction(struct page *page, const struct omega_transaction *txn,
                      const struct omega_claim_result *results, const struct omega_result *result)
{
    if (page == NULL) {
        return;
    }
    uint64_t outcomes[OMEGA_OUTCOMES] = {0};
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        outcomes[results[i].outcome]++;
        if (omega_outcome_is_conflict(results[i].outcome)) {
            count_conflict(page, txn, i, &results[i], result->version);
        }
    }
    for (size_t i = 0; i < OMEGA_OUTCOMES; i++) {
        if (outcomes[i] > 0) {
            add(&page->file->body.outcomes[i], outcomes[i]);
        }
    }
    enum page_count became = result->accepted > 0 ? PAGE_SUCCESSFUL : PAGE_REFUSED;
    page_add(page, result->conflicts > 0 ? PAGE_CONFLICTING : became, 1);
    page_add(page, PAGE_CLAIMS, txn->claim_count);
}
