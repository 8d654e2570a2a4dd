/* SPDX-License-Identifier: MIT */
/* Statistics pages: what is counted is read, restarts go on, damaged pages are refused. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/monitor/page_private.h"
#include "tests/support/check_main.h"
#include "tests/support/scratch.h"

static int directory_fd(char path[SCRATCH_PATH_MAX])
{
    scratch_path(path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static struct page_who batch(uint32_t incarnation)
{
    return (struct page_who){.role = PAGE_SCHEDULER,
                             .module = "batch",
                             .scheduler = "fast ones",
                             .instance = 3,
                             .incarnation = incarnation};
}

static struct page *make(int fd, uint32_t number, const struct page_who *who)
{
    struct page *page = NULL;
    omega_error_t err = {0};
    ck_assert_msg(page_create(fd, number, who, &page, &err) == OMEGA_OK, "%s", err.text);
    return page;
}

static void read_page(int fd, uint32_t number, struct page_copy *copy)
{
    omega_error_t err = {0};
    ck_assert_msg(page_read(fd, number, copy, &err) == OMEGA_OK, "%s", err.text);
}

/* A transaction of `count` claims on machines 100, 101, ...: claim i is lost to instance rivals[i],
 * or accepted where that is OMEGA_INSTANCE_NONE. */
static void transact(struct page *page, const uint16_t *rivals, uint32_t count, uint64_t version)
{
    struct omega_claim claims[64] = {{0}};
    struct omega_claim_result results[64] = {{0}};
    struct omega_result result = {.version = version};
    ck_assert_uint_le(count, 64);
    for (uint32_t i = 0; i < count; i++) {
        claims[i].machine = 100 + i;
        claims[i].task = i;
        results[i].rival = rivals[i];
        results[i].rival_version = version - 1;
        if (rivals[i] != OMEGA_INSTANCE_NONE) {
            results[i].outcome = OMEGA_CONFLICT_NO_LONGER_FITS;
            result.conflicts++;
        } else {
            result.accepted++;
        }
    }
    struct omega_transaction txn = {.job = 9, .attempt = 2, .claim_count = count, .claims = claims};
    page_transaction(page, &txn, results, &result);
}

START_TEST(test_counts)
{
    char path[SCRATCH_PATH_MAX];
    static const uint16_t rivals[] = {OMEGA_INSTANCE_NONE, 5, OMEGA_INSTANCE_NONE, 300};
    int fd = directory_fd(path);
    struct page_who who = batch(2);
    struct page *page = make(fd, 7, &who);
    struct page_copy copy;
    page_add(page, PAGE_ATTEMPTS, 3);
    page_set(page, PAGE_QUEUED, 11);
    page_took(page, PAGE_PLAN, 1000);
    page_took(page, PAGE_PLAN, 1001);
    page_took(page, PAGE_PLAN, INT64_C(11000000000));
    page_took(page, PAGE_PLAN, -1);
    transact(page, rivals, 4, 50);
    read_page(fd, 7, &copy);
    ck_assert_uint_eq(copy.number, 7);
    ck_assert_str_eq(copy.module, "batch");
    ck_assert_str_eq(copy.scheduler, "fast ones");
    ck_assert_int_eq(copy.pid, getpid());
    ck_assert_uint_eq(copy.instance, 3);
    ck_assert_uint_eq(copy.incarnation, 2);
    ck_assert_uint_eq(copy.counts[PAGE_ATTEMPTS], 3);
    ck_assert_uint_eq(copy.gauges[PAGE_QUEUED], 11);
    ck_assert_uint_eq(copy.counts[PAGE_CONFLICTING], 1);
    ck_assert_uint_eq(copy.counts[PAGE_SUCCESSFUL], 0);
    ck_assert_uint_eq(copy.counts[PAGE_CLAIMS], 4);
    ck_assert_uint_eq(copy.outcomes[OMEGA_ACCEPTED], 2);
    ck_assert_uint_eq(copy.outcomes[OMEGA_CONFLICT_NO_LONGER_FITS], 2);
    ck_assert_uint_eq(copy.rivals[5][0], 1);
    ck_assert_uint_eq(copy.rivals[PAGE_RIVALS - 1][0], 1);
    ck_assert_uint_eq(copy.times[PAGE_PLAN].buckets[0], 2); /* bounds belong to their bucket */
    ck_assert_uint_eq(copy.times[PAGE_PLAN].buckets[1], 1);
    ck_assert_uint_eq(copy.times[PAGE_PLAN].buckets[PAGE_BUCKETS - 1], 1);
    ck_assert_uint_eq(copy.times[PAGE_PLAN].sum_ns, UINT64_C(11000002001));
    ck_assert_uint_eq(copy.conflict_count, 2);
    ck_assert_uint_eq(copy.conflicts[0].machine, 101);
    ck_assert_uint_eq(copy.conflicts[1].machine, 103);
    ck_assert_uint_eq(copy.conflicts[1].rival, 300);
    ck_assert_uint_eq(copy.conflicts[1].job, 9);
    ck_assert_uint_eq(copy.conflicts[1].attempt, 2);
    ck_assert_uint_eq(copy.conflicts[1].version, 50);
    ck_assert_uint_eq(copy.conflicts[1].rival_version, 49);
    page_close(page);
    page_close(NULL);
    page_add(NULL, PAGE_ATTEMPTS, 1);
    ck_assert_int_eq(page_read(fd, 8, &copy, NULL), 1);
    close(fd);
}
END_TEST

START_TEST(test_quantiles)
{
    struct page_histogram histogram = {.sum_ns = 0};
    ck_assert_int_eq(page_quantile_ns(&histogram, 0.5), -1);
    histogram.buckets[2] = 99;
    histogram.buckets[4] = 1;
    ck_assert_int_eq(page_quantile_ns(&histogram, 0.5), 5000);
    ck_assert_int_eq(page_quantile_ns(&histogram, 0.99), 5000);
    ck_assert_int_eq(page_quantile_ns(&histogram, 1), 20000);
    histogram.buckets[PAGE_BUCKETS - 1] = 100;
    ck_assert_int_eq(page_quantile_ns(&histogram, 1), INT64_MAX);
    ck_assert_uint_eq(page_histogram_count(&histogram), 200);
}
END_TEST

/* Only the newest are kept, in order. */
START_TEST(test_ring)
{
    char path[SCRATCH_PATH_MAX];
    static const uint16_t rivals[40] = {1};
    int fd = directory_fd(path);
    struct page_who who = batch(1);
    struct page *page = make(fd, 0, &who);
    struct page_copy copy;
    transact(page, rivals, 40, 77);
    read_page(fd, 0, &copy);
    ck_assert_uint_eq(copy.conflict_count, PAGE_CONFLICTS);
    for (uint32_t i = 0; i < PAGE_CONFLICTS; i++) {
        ck_assert_uint_eq(copy.conflicts[i].machine, 140 - PAGE_CONFLICTS + i);
        ck_assert_uint_eq(copy.conflicts[i].order, 40 - PAGE_CONFLICTS + i + 1);
    }
    page_close(page);
    close(fd);
}
END_TEST

/* A process that was killed leaves what it counted, and its successor goes on. */
START_TEST(test_restart)
{
    char path[SCRATCH_PATH_MAX];
    static const uint16_t rivals[] = {1};
    int fd = directory_fd(path);
    struct page_copy copy;
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct page_who first = batch(1);
        struct page *page = make(fd, 2, &first);
        page_add(page, PAGE_ATTEMPTS, 5);
        page_took(page, PAGE_COMMIT, 1500);
        page_set(page, PAGE_QUEUED, 4);
        transact(page, rivals, 1, 10);
        raise(SIGKILL);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    struct page_who second = batch(2);
    struct page *page = make(fd, 2, &second);
    page_add(page, PAGE_ATTEMPTS, 1);
    transact(page, rivals, 1, 11);
    read_page(fd, 2, &copy);
    ck_assert_uint_eq(copy.incarnation, 2);
    ck_assert_int_eq(copy.pid, getpid());
    ck_assert_uint_eq(copy.counts[PAGE_ATTEMPTS], 6);
    ck_assert_uint_eq(copy.times[PAGE_COMMIT].buckets[1], 1);
    ck_assert_uint_eq(copy.times[PAGE_COMMIT].sum_ns, 1500);
    ck_assert_uint_eq(copy.gauges[PAGE_QUEUED], 0);
    ck_assert_uint_eq(copy.rivals[1][0], 2);
    ck_assert_uint_eq(copy.conflict_count, 2);
    ck_assert_uint_eq(copy.conflicts[1].version, 11);
    page_close(page);
    struct page_who other = batch(1);
    other.scheduler = "others";
    page = make(fd, 2, &other); /* not its successor */
    read_page(fd, 2, &copy);
    ck_assert_uint_eq(copy.counts[PAGE_ATTEMPTS], 0);
    page_close(page);
    ck_assert_int_eq(scratch_entries(path), 1);
    page_unlink_all(fd, 3);
    ck_assert_int_eq(scratch_entries(path), 0);
    close(fd);
}
END_TEST

/* Names are cut and made printable; the file is its owner's. */
START_TEST(test_names)
{
    char path[SCRATCH_PATH_MAX];
    char name[200];
    struct stat status;
    int fd = directory_fd(path);
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    name[1] = '\n';
    struct page_who who = batch(1);
    who.module = name;
    who.scheduler = NULL;
    struct page *page = make(fd, PAGE_NUMBER_MAX, &who);
    struct page_copy copy;
    read_page(fd, PAGE_NUMBER_MAX, &copy);
    ck_assert_uint_eq(strlen(copy.module), PAGE_NAME_BYTES - 1);
    ck_assert_int_eq(copy.module[1], '?');
    ck_assert_str_eq(copy.scheduler, "");
    ck_assert_int_eq(fstatat(fd, "stats-65535", &status, 0), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    ck_assert_uint_eq((size_t)status.st_size, page_bytes());
    page_close(page);
    ck_assert_int_eq(page_create(fd, PAGE_NUMBER_MAX + 1, &who, &page, NULL), OMEGA_EINVAL);
    ck_assert_ptr_null(page);
    close(fd);
}
END_TEST

/* Decodes a page whose bytes were changed by `spoil`: the code. */
static int decode_spoilt(void (*spoil)(struct page_file *file))
{
    static struct page_file file;
    static struct page_copy copy;
    memset((void *)&file, 0, sizeof file);
    memcpy(file.head.magic, PAGE_MAGIC, sizeof file.head.magic);
    file.head.format = PAGE_FORMAT;
    file.head.bytes = sizeof file;
    file.head.pid = 1;
    file.head.incarnation = 1;
    if (spoil != NULL) {
        spoil(&file);
    }
    omega_error_t err = {0};
    int rc = page_decode(&file, sizeof file, "stats-0", &copy, &err);
    ck_assert_int_eq(rc, err.code);
    return rc;
}

static void spoil_magic(struct page_file *file)
{
    file->head.magic[0] = 'O';
}

static void spoil_format(struct page_file *file)
{
    file->head.format++;
}

static void spoil_size(struct page_file *file)
{
    file->head.bytes--;
}

static void spoil_name(struct page_file *file)
{
    memset(file->head.module, 'x', sizeof file->head.module); /* does not end */
}

static void spoil_letter(struct page_file *file)
{
    file->head.scheduler[0] = '\033';
}

static void spoil_role(struct page_file *file)
{
    file->head.role = PAGE_ROLES;
}

static void spoil_incarnation(struct page_file *file)
{
    file->head.incarnation = 0;
}

static void spoil_pid(struct page_file *file)
{
    file->head.pid = -1;
}

static void spoil_count(struct page_file *file)
{
    file->body.counts[PAGE_COUNTS - 1] = PAGE_COUNT_MAX + 1;
}

static void spoil_rival(struct page_file *file)
{
    file->body.rivals[PAGE_RIVALS - 1][1] = UINT64_MAX;
}

static void spoil_bucket(struct page_file *file)
{
    file->body.buckets[PAGE_TIMES - 1][PAGE_BUCKETS - 1] = UINT64_MAX;
}

START_TEST(test_bounds)
{
    static void (*const spoilers[])(struct page_file *) = {
        spoil_name, spoil_letter, spoil_role,  spoil_incarnation, spoil_size,
        spoil_pid,  spoil_count,  spoil_rival, spoil_bucket,
    };
    ck_assert_int_eq(decode_spoilt(NULL), OMEGA_OK);
    ck_assert_int_eq(decode_spoilt(spoil_magic), OMEGA_EINVAL);
    ck_assert_int_eq(decode_spoilt(spoil_format), OMEGA_EVERSION);
    for (size_t i = 0; i < sizeof spoilers / sizeof *spoilers; i++) {
        ck_assert_msg(decode_spoilt(spoilers[i]) == OMEGA_ECORRUPT, "spoiler %zu", i);
    }
}
END_TEST

/* A conflict that is half another one, or no conflict, is left out. */
START_TEST(test_torn)
{
    char path[SCRATCH_PATH_MAX];
    static const uint16_t rivals[3] = {1, 1, 1};
    int fd = directory_fd(path);
    struct page_who who = batch(1);
    struct page *page = make(fd, 0, &who);
    struct page_copy copy;
    transact(page, rivals, 3, 77);
    page_close(page);
    int file = openat(fd, "stats-0", O_WRONLY);
    uint64_t other = 12345;
    size_t at = offsetof(struct page_file, body.conflicts) +
                (2 * CONFLICT_WORDS + CONFLICT_JOB) * sizeof other;
    ck_assert_int_eq(pwrite(file, &other, sizeof other, (off_t)at), sizeof other);
    read_page(fd, 0, &copy);
    ck_assert_uint_eq(copy.conflict_count, 2);
    ck_assert_uint_eq(copy.conflicts[0].order, 1);
    ck_assert_uint_eq(copy.conflicts[1].order, 3);
    ck_assert_int_eq(ftruncate(file, 100), 0);
    ck_assert_int_eq(page_read(fd, 0, &copy, NULL), OMEGA_EINVAL);
    ck_assert_int_eq(ftruncate(file, (off_t)page_bytes() + 1), 0);
    ck_assert_int_eq(page_read(fd, 0, &copy, NULL), OMEGA_EINVAL);
    close(file);
    ck_assert_int_eq(mkdirat(fd, "stats-1", 0700), 0);
    ck_assert_int_eq(page_read(fd, 1, &copy, NULL), OMEGA_EINVAL);
    close(fd);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "counts", test_counts);
    check_case(suite, "quantiles", test_quantiles);
    check_case(suite, "ring", test_ring);
    check_case(suite, "restart", test_restart);
    check_case(suite, "names", test_names);
    check_case(suite, "bounds", test_bounds);
    check_case(suite, "torn", test_torn);
}

CHECK_MAIN("page", add_cases)
