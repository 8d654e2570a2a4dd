/* SPDX-License-Identifier: MIT */
/* The digest's records: each test builds the expected digest record by record. */
#include "core/base/digest.h"
#include "core/metrics/metrics.h"
#include "tests/support/check_main.h"

static const char *const names[] = {"only"};
static const uint32_t instances[] = {1};

static struct metrics *create(bool digest)
{
    struct metrics_config config = {
        .schedulers = names,
        .instances = instances,
        .scheduler_count = 1,
        .workloads = names,
        .workload_count = 1,
        .horizon_us = 1000,
        .digest = digest,
    };
    struct metrics *metrics = metrics_create(&config);
    ck_assert_ptr_nonnull(metrics);
    return metrics;
}

/* Both digests are the same; both are destroyed. */
static void expect(struct metrics *metrics, struct digest *digest)
{
    struct metrics_cell cell;
    char text[33];
    metrics_read_cell(metrics, &cell);
    digest_text(digest, text);
    ck_assert_str_eq(cell.digest, text);
    metrics_destroy(metrics);
    digest_destroy(digest);
}

static const struct omega_claim claims[] = {
    {.task = 10, .machine = 3, .devices = 1},
    {.task = 11, .machine = 4, .devices = 0},
    {.task = 12, .machine = 5, .devices = 6},
};

static const struct omega_transaction txn = {.job = 77, .claim_count = 3, .claims = claims};

START_TEST(test_commit)
{
    static const struct omega_claim_result results[] = {
        {.outcome = OMEGA_ACCEPTED},
        {.outcome = OMEGA_CONFLICT_NO_LONGER_FITS},
        {.outcome = OMEGA_ACCEPTED},
    };
    struct omega_result result = {.version = 8, .accepted = 2, .conflicts = 1};
    struct metrics *metrics = create(true);
    metrics_digest_commit(metrics, 500, &txn, results, &result);
    struct digest *digest = digest_create();
    digest_add(digest, 8, 500, DIGEST_CLAIM, 77, 10, 3, 1, 1);
    digest_add(digest, 8, 500, DIGEST_CLAIM, 77, 12, 5, 6, 1);
    digest_add(digest, 8, 500, DIGEST_CLAIM, 77, 11, 4, 0, 0);
    expect(metrics, digest);
}
END_TEST

START_TEST(test_commit_of_nothing)
{
    static const struct omega_claim_result results[] = {
        {.outcome = OMEGA_ABORTED},
        {.outcome = OMEGA_REFUSED_MACHINE_DOWN},
        {.outcome = OMEGA_ABORTED},
    };
    struct omega_result result = {.version = 5, .refused = 1, .aborted = 2};
    struct metrics *metrics = create(true);
    metrics_digest_commit(metrics, 500, &txn, results, &result);
    struct digest *digest = digest_create();
    for (int i = 0; i < 3; i++) {
        digest_add(digest, 5, 500, DIGEST_CLAIM, 77, claims[i].task, claims[i].machine,
                   claims[i].devices, 0);
    }
    expect(metrics, digest);
}
END_TEST

START_TEST(test_releases)
{
    static const struct store_release_result results[] = {
        {.job = 1, .task = 2, .machine = 3, .devices = 4, .released = 1},
        {.job = 5, .task = 6, .machine = 7, .devices = 8, .released = 0}, /* no record */
        {.job = 9, .task = 10, .machine = 11, .devices = 12, .released = 1},
    };
    struct metrics *metrics = create(true);
    metrics_digest_release(metrics, 600, 20, results, 3, false);
    metrics_digest_release(metrics, 700, 21, results, 1, true);
    struct digest *digest = digest_create();
    digest_add(digest, 20, 600, DIGEST_RELEASE, 1, 2, 3, 4, 1);
    digest_add(digest, 20, 600, DIGEST_RELEASE, 9, 10, 11, 12, 1);
    digest_add(digest, 21, 700, DIGEST_LOSS, 1, 2, 3, 4, 1);
    expect(metrics, digest);
}
END_TEST

START_TEST(test_machine_and_preload)
{
    struct omega_machine_event event = {
        .time_us = 300,
        .machine = 6,
        .kind = OMEGA_EVENT_CAPACITY,
        .gpu_devices = 2,
        .cpu_milli = 4000,
        .mem_mib = 16384,
    };
    struct store_placement placement = {.job = 0, .task = 1, .machine = 2, .devices = 3};
    struct metrics *metrics = create(true);
    metrics_digest_preload(metrics, 1, &placement, 1);
    metrics_digest_machine(metrics, 300, 2, &event);
    struct digest *digest = digest_create();
    digest_add(digest, 1, 0, DIGEST_PRELOAD, 0, 1, 2, 3, 1);
    digest_add(digest, 2, 300, DIGEST_MACHINE_EVENT, UINT64_C(4000) << 32 | 16384,
               OMEGA_EVENT_CAPACITY, 6, 2, 1);
    expect(metrics, digest);
}
END_TEST

START_TEST(test_off)
{
    static const struct omega_claim_result results[3];
    struct omega_result result = {.accepted = 3};
    struct omega_machine_event event = {0};
    struct store_placement placement = {0};
    struct store_release_result release = {.released = 1};
    struct metrics *metrics = create(false);
    metrics_digest_commit(metrics, 1, &txn, results, &result);
    metrics_digest_release(metrics, 1, 1, &release, 1, false);
    metrics_digest_machine(metrics, 1, 1, &event);
    metrics_digest_preload(metrics, 1, &placement, 1);
    struct metrics_cell cell;
    metrics_read_cell(metrics, &cell);
    ck_assert_str_eq(cell.digest, "");
    metrics_destroy(metrics);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "commit", test_commit);
    check_case(suite, "commit of nothing", test_commit_of_nothing);
    check_case(suite, "releases", test_releases);
    check_case(suite, "machine and preload", test_machine_and_preload);
    check_case(suite, "off", test_off);
}

CHECK_MAIN("records", add_cases)
