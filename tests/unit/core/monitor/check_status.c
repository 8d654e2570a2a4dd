/* SPDX-License-Identifier: MIT */
/* A status: what the cell says, queues by instance, pages by number, conflicts of all of them by
 * version; and how Prometheus is told. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/monitor/prometheus.h"
#include "tests/support/check_main.h"
#include "tests/support/scratch.h"

/* A cell of four machines m0 to m3. */
static void make_cell(char path[SCRATCH_PATH_MAX])
{
    struct catalogue *catalogue = catalogue_create();
    struct omega_machine_spec specs[4] = {{0}};
    omega_error_t err = {0};
    for (uint32_t m = 0; m < 4; m++) {
        char name[8];
        snprintf(name, sizeof name, "m%u", m);
        specs[m].name = symbols_intern(catalogue_symbols(catalogue), name);
        specs[m].cpu_milli = 4000;
        specs[m].mem_mib = 1024;
    }
    const struct store_config config = {.catalogue = catalogue,
                                        .machines = specs,
                                        .machine_count = 4,
                                        .overcommit = {1000, 1000, 1000}};
    const struct lmdb_options options = {.map_bytes = 4u << 20};
    scratch_path(path);
    ck_assert_msg(lmdb_create(path, &config, &options, &err) == OMEGA_OK, "%s", err.text);
    catalogue_destroy(catalogue);
}

static void submit(struct store *store, uint64_t id, uint32_t tasks, uint16_t instance)
{
    struct omega_task_group group = {.count = tasks, .request = {.cpu_milli = 1, .mem_mib = 1}};
    struct omega_job job = {.id = id, .group_count = 1, .groups = &group};
    omega_error_t err = {0};
    ck_assert_int_eq(omega_job_seal(&job, &group, NULL), OMEGA_OK);
    ck_assert_msg(lmdb_submit_to(store, &job, instance, &err) == OMEGA_OK, "%s", err.text);
}

static void fill_cell(const char *path)
{
    struct store *store = NULL;
    omega_error_t err = {0};
    ck_assert_msg(lmdb_open(path, NULL, &store, &err) == OMEGA_OK, "%s", err.text);
    submit(store, 1, 3, 7);
    submit(store, 2, 5, 1);
    submit(store, 3, 2, 7);
    store_close(store);
}

/* The page of an instance of scheduler "s" that lost one claim at each of two versions. */
static struct page *make_page(int fd, uint32_t number, uint16_t instance, uint64_t first,
                              uint64_t second)
{
    struct page *page = NULL;
    omega_error_t err = {0};
    const struct page_who who = {.role = PAGE_SCHEDULER,
                                 .scheduler = "s",
                                 .instance = instance,
                                 .place = (uint16_t)(instance / 2), /* there are pages missing */
                                 .incarnation = 1};
    ck_assert_msg(page_create(fd, number, &who, &page, &err) == OMEGA_OK, "%s", err.text);
    for (int i = 0; i < 2; i++) {
        struct omega_claim claim = {.machine = 2};
        struct omega_claim_result lost = {.outcome = OMEGA_CONFLICT_SEQ_CHANGED, .rival = 1};
        struct omega_result result = {.version = i == 0 ? first : second, .conflicts = 1};
        struct omega_transaction txn = {.job = 1, .claim_count = 1, .claims = &claim};
        page_transaction(page, &txn, &lost, &result);
    }
    return page;
}

static struct status_source *open_source(const char *path)
{
    struct status_source *source = NULL;
    omega_error_t err = {0};
    ck_assert_msg(status_open(path, &source, &err) == OMEGA_OK, "%s", err.text);
    return source;
}

START_TEST(test_status)
{
    char path[SCRATCH_PATH_MAX];
    char name[STATUS_NAME_BYTES];
    struct status status = {.queues = NULL};
    struct status_conflict conflicts[3];
    make_cell(path);
    fill_cell(path);
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    struct page *late = make_page(fd, 12, 7, 20, 40);
    struct page *early = make_page(fd, 3, 1, 10, 30);
    struct status_source *source = open_source(path);
    ck_assert_int_eq(status_take(source, &status, NULL), OMEGA_OK);
    ck_assert_int_eq(status_take(source, &status, NULL), OMEGA_OK); /* again, over what was there */
    ck_assert_uint_eq(status.process_count, 2);
    ck_assert_uint_eq(status.processes[0].page.number, 3);
    ck_assert(status.processes[0].runs);
    ck_assert_uint_eq(status.queue_count, 2);
    ck_assert_uint_eq(status_queue(&status, 1).jobs, 1);
    ck_assert_uint_eq(status_queue(&status, 7).jobs, 2);
    ck_assert_uint_eq(status_queue(&status, 7).tasks, 5);
    ck_assert_uint_eq(status_queue(&status, 2).jobs, 0);
    ck_assert_uint_eq(status.counters.tasks_pending, 10);
    ck_assert_int_eq(status.totals.cpu_capacity_milli, 16000);
    ck_assert(!status.writing);
    ck_assert_str_eq(status_name(&status, 1, name), "s/0");
    ck_assert_str_eq(status_name(&status, 7, name), "s/3");
    ck_assert_str_eq(status_name(&status, 9, name), "instance 9");
    ck_assert_str_eq(status_machine(source, 2), "m2");
    ck_assert_str_eq(status_machine(source, 4), "?");
    ck_assert_uint_eq(status_count(&status, PAGE_CONFLICTING), 4);
    ck_assert_uint_eq(status_conflicts(&status, conflicts, 3), 3);
    ck_assert_uint_eq(conflicts[0].conflict->version, 40);
    ck_assert_uint_eq(conflicts[1].conflict->version, 30);
    ck_assert_uint_eq(conflicts[2].conflict->version, 20);
    ck_assert_uint_eq(conflicts[1].loser->page.instance, 1);
    ck_assert_uint_eq(status_conflicts(&status, conflicts, 0), 0);
    page_close(late);
    page_close(early);
    status_fini(&status);
    status_close(source);
    status_close(NULL);
    close(fd);
}
END_TEST

/* A page that cannot be read is told; one of another boot is of a process that is gone; a cell that
 * was removed is an error. */
START_TEST(test_relics)
{
    char path[SCRATCH_PATH_MAX];
    char file[SCRATCH_PATH_MAX + 16];
    struct status status = {.queues = NULL};
    make_cell(path);
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    page_close(make_page(fd, 1, 1, 1, 2));
    ck_assert_int_eq(setenv("OMEGA_BOOT_ID", "another", 1), 0);
    page_close(make_page(fd, 2, 2, 1, 2));
    ck_assert_int_eq(unsetenv("OMEGA_BOOT_ID"), 0);
    int spoilt = openat(fd, "stats-9", O_WRONLY | O_CREAT, 0600);
    ck_assert_int_eq(write(spoilt, "x", 1), 1);
    close(spoilt);
    struct status_source *source = open_source(path);
    ck_assert_int_eq(status_take(source, &status, NULL), OMEGA_OK);
    ck_assert_uint_eq(status.process_count, 2);
    ck_assert(status.processes[0].runs);
    ck_assert(!status.processes[1].runs);
    ck_assert_uint_eq(status.damaged, 1);
    ck_assert_str_eq(status.first.source, "stats-9");
    snprintf(file, sizeof file, "%s/cell", path);
    ck_assert_int_eq(unlink(file), 0);
    omega_error_t err = {0};
    ck_assert_int_eq(status_take(source, &status, &err), OMEGA_EIO);
    ck_assert_ptr_nonnull(strstr(err.text, "gone"));
    status_fini(&status);
    status_close(source);
    close(fd);
}
END_TEST

START_TEST(test_fractions)
{
    struct page_copy now = {.number = 0};
    struct page_copy before = {.number = 0};
    now.counts[PAGE_SUCCESSFUL] = 10;
    now.counts[PAGE_CONFLICTING] = 5;
    before.counts[PAGE_SUCCESSFUL] = 8;
    before.counts[PAGE_CONFLICTING] = 2;
    ck_assert_double_eq(status_conflict_fraction(&now, NULL), 0.5);
    ck_assert_double_eq(status_conflict_fraction(&now, &before), 1.5);
    ck_assert_double_eq(status_conflict_fraction(&now, &now), 0);
    ck_assert_uint_eq(status_rise(&before, &now, PAGE_SUCCESSFUL), 0); /* never below 0 */
}
END_TEST

/* Labels are escaped, buckets add up. */
/* A process that has just been started has no view yet: it is not all of the cell's versions
 * behind. */
START_TEST(test_view_age)
{
    struct status status = {.counters = {.version = 100}};
    struct page_copy page = {.number = 2};
    ck_assert_uint_eq(status_view_age(&status, &page), 0);
    page.gauges[PAGE_VIEW_VERSION] = 60;
    ck_assert_uint_eq(status_view_age(&status, &page), 40);
    page.gauges[PAGE_VIEW_VERSION] = 101; /* written since the cell was looked at */
    ck_assert_uint_eq(status_view_age(&status, &page), 0);
}
END_TEST

START_TEST(test_prometheus)
{
    static struct status_process process;
    const struct status status = {
        .processes = &process, .process_count = 1, .counters = {.tasks_submitted = 8}};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    snprintf(process.page.scheduler, sizeof process.page.scheduler, "a\"b\\c");
    process.page.instance = 4;
    process.page.gauges[PAGE_QUEUED] = 9;   /* it is gone: nobody knows of them */
    process.page.counts[PAGE_ATTEMPTS] = 3; /* read before the transactions of the newest ones */
    process.page.counts[PAGE_SUCCESSFUL] = 4;
    process.page.counts[PAGE_CONFLICTING] = 2;
    process.page.counts[PAGE_REFUSED] = 1;
    process.page.rivals[2][1] = 6;
    process.page.times[PAGE_COMMIT].buckets[0] = 3;
    process.page.times[PAGE_COMMIT].buckets[1] = 2;
    process.page.times[PAGE_COMMIT].sum_ns = 2500000000;
    prometheus_write(&status, out);
    fclose(out);
#define WHO "scheduler=\"a\\\"b\\\\c\",instance=\"4\""
    ck_assert_ptr_nonnull(strstr(text, "omega_conflicts_total{" WHO ",rival=\"\",rival_instance="
                                       "\"2\",reason=\"seq_changed\"} 6\n"));
    ck_assert_ptr_nonnull(strstr(text, "omega_attempts_total{" WHO ",result=\"committed\"} 7\n"));
    ck_assert_ptr_nonnull(strstr(text, "# TYPE omega_cell_tasks_total counter\n"));
    ck_assert_ptr_nonnull(strstr(text, "omega_cell_tasks_total{state=\"submitted\"} 8\n"));
    ck_assert_ptr_nonnull(strstr(text, "omega_scheduler_queue_jobs{" WHO "} 0\n"));
    ck_assert_ptr_nonnull(strstr(text, "omega_commit_seconds_bucket{" WHO ",le=\"1e-06\"} 3\n"));
    ck_assert_ptr_nonnull(strstr(text, "omega_commit_seconds_bucket{" WHO ",le=\"2e-06\"} 5\n"));
    ck_assert_ptr_nonnull(strstr(text, "omega_commit_seconds_bucket{" WHO ",le=\"+Inf\"} 5\n"));
    ck_assert_ptr_nonnull(strstr(text, "omega_commit_seconds_sum{" WHO "} 2.5\n"));
    ck_assert_ptr_nonnull(strstr(text, "omega_commit_seconds_count{" WHO "} 5\n"));
    ck_assert_ptr_null(strstr(text, "omega_jobs_submitted_total")); /* there is no feeder */
    free(text);
    out = open_memstream(&text, &size);
    prometheus_label("x\ny", out);
    fclose(out);
    ck_assert_str_eq(text, "x\\ny");
    free(text);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "status", test_status);
    check_case(suite, "relics", test_relics);
    check_case(suite, "fractions", test_fractions);
    check_case(suite, "view age", test_view_age);
    check_case(suite, "prometheus", test_prometheus);
}

CHECK_MAIN("status", add_cases)
