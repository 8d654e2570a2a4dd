/* SPDX-License-Identifier: MIT */
/* The store of a run: scratch cells come and go, cells with a place stay, a full one ends it. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/driver/driver.h"
#include "tests/support/check_main.h"
#include "tests/support/fixture.h"

static char directory[] = "/tmp/omega-run-store-XXXXXX"; /* also $TMPDIR */
static char path[128];                                   /* something in there */

static void set_up(void)
{
    snprintf(directory, sizeof directory, "/tmp/omega-run-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(setenv("TMPDIR", directory, 1), 0);
    snprintf(path, sizeof path, "%s/cell", directory);
}

static void tear_down(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf --one-file-system %s", directory);
    ck_assert_int_eq(system(command), 0);
}

/* How many entries there are in the directory. */
static int entries(void)
{
    int count = 0;
    DIR *open = opendir(directory);
    ck_assert_ptr_nonnull(open);
    while (readdir(open) != NULL) {
        count++;
    }
    closedir(open);
    return count - 2; /* "." and ".." */
}

static volatile sig_atomic_t stop;
static int seen; /* entries while a run went on */

static int look(void *context, int64_t now_us, uint64_t jobs)
{
    (void)context;
    (void)now_us;
    (void)jobs;
    seen = entries();
    return 0;
}

/* A cell of 10 machines on disk and 3 jobs; events enough for one look. */
static void open_run(struct fixture *f, struct fixture_job *jobs)
{
    fixture_open(f, 10, 4000, 100, "batch", 100000 * S);
    fixture_options(f, 0, "{}");
    f->config.store.kind = RUN_STORE_LMDB;
    f->config.store.options.map_bytes = 64u << 20;
    f->config.stop = &stop;
    f->config.progress = look;
    for (int i = 0; i < 3; i++) {
        jobs[i] = a_job(i * S, 4, 500, 10 * S);
    }
    /* never fits, and is tried again until the horizon */
    jobs[2].cpu_milli = 4001;
    f->schedulers[0].retry.attempts_max = 0;
    f->schedulers[0].retry.attempts_unplaced_max = 0;
    stop = 0;
    seen = -1;
}

START_TEST(a_scratch_cell_comes_and_goes)
{
    struct fixture f;
    struct fixture_job jobs[3];
    open_run(&f, jobs);
    fixture_run_ok(&f, jobs, 3);
    ck_assert_int_eq(seen, 1);
    ck_assert_int_eq(entries(), 0);
    ck_assert_uint_eq(f.counters.tasks_finished, 8);
    fixture_close(&f);
}
END_TEST

/* Whatever ends a run: the user, what is wrong with it, or a place that cannot be. */
START_TEST(none_is_left_behind)
{
    struct fixture f;
    struct fixture_job jobs[3];
    open_run(&f, jobs);
    stop = 1;
    ck_assert_int_eq(fixture_run(&f, jobs, 3), OMEGA_EINTR);
    ck_assert_int_eq(entries(), 0);
    stop = 0;
    static const struct distribution large = {.type = DISTRIBUTION_CONSTANT, .a = 5000};
    static const struct distribution one = {.type = DISTRIBUTION_CONSTANT, .a = 1};
    f.config.prefill =
        (struct run_prefill){.cpu_utilisation = 0.5, .cpu_milli = &large, .mem_mib = &one};
    ck_assert_int_eq(fixture_run(&f, jobs, 3), OMEGA_EINVAL);
    ck_assert_int_eq(entries(), 0);
    f.config.prefill.cpu_utilisation = 0;
    setenv("TMPDIR", "/nonexistent/place", 1);
    ck_assert_int_eq(fixture_run(&f, jobs, 3), OMEGA_EIO);
    ck_assert_str_eq(f.err.source, "/nonexistent/place");
    ck_assert_str_eq(f.err.text,
                     "cannot make a directory for the cell here: No such file or directory");
    fixture_close(&f);
}
END_TEST

START_TEST(a_full_cell_ends_the_run)
{
    struct fixture f;
    struct fixture_job jobs[3];
    static const struct distribution one = {.type = DISTRIBUTION_CONSTANT, .a = 1};
    open_run(&f, jobs);
    f.config.store.options.map_bytes = 1u << 20;
    f.config.prefill = /* 20,000 placements of more than 50 bytes */
        (struct run_prefill){.cpu_utilisation = 0.5, .cpu_milli = &one, .mem_mib = &one};
    for (uint32_t i = 0; i < 10; i++) {
        f.machines[i].mem_mib = 1 << 20;
    }
    ck_assert_int_eq(fixture_run(&f, jobs, 3), OMEGA_EFULL);
    ck_assert_str_ne(f.err.text, "");
    ck_assert_int_eq(entries(), 0);
    f.config.store.options.map_bytes = 64u << 20;
    fixture_run_ok(&f, jobs, 3);
    ck_assert_uint_eq(f.report.placements, 20000);
    fixture_close(&f);
}
END_TEST

/* A cell with a place of its own can be looked at when the run is over, and nothing replaces it. */
START_TEST(a_cell_with_a_place_stays)
{
    struct fixture f;
    struct fixture_job jobs[3];
    struct store *store = NULL;
    struct store_counters counters;
    open_run(&f, jobs);
    f.config.store.directory = path;
    fixture_run_ok(&f, jobs, 3);
    ck_assert_int_eq(entries(), 1);
    omega_error_t err = {0};
    ck_assert_msg(lmdb_open(path, NULL, &store, &err) == 0, "%s", err.text);
    store_counters(store, &counters);
    ck_assert_uint_eq(counters.version, f.counters.version);
    ck_assert_uint_eq(counters.tasks_finished, 8);
    store_close(store);
    ck_assert_int_eq(fixture_run(&f, jobs, 3), OMEGA_EINVAL);
    ck_assert_int_eq(lmdb_open(path, NULL, &store, NULL), 0);
    store_close(store);
    fixture_close(&f);
}
END_TEST

static void unlink_beside(int directory_fd)
{
    unlinkat(directory_fd, "beside", 0);
}

/* Half a run is of no use: its cell goes, also when a signal ends the process. */
START_TEST(an_unfinished_one_goes)
{
    struct fixture f;
    struct fixture_job jobs[3];
    struct store *store;
    char *scratch;
    omega_error_t err = {0};
    open_run(&f, jobs);
    f.config.store.directory = path;
    stop = 1;
    ck_assert_int_eq(fixture_run(&f, jobs, 3), OMEGA_EINTR);
    ck_assert_int_eq(entries(), 0);
    ck_assert_int_eq(run_store_open(&f.config, &store, &scratch, &err), 0);
    ck_assert_int_eq(entries(), 1);
    char name[400];
    snprintf(name, sizeof name, "%s/beside", scratch);
    FILE *file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    run_scratch_unlink_all();
    ck_assert_int_eq(entries(), 1); /* not ours */
    run_scratch_clean_with(unlink_beside);
    run_scratch_unlink_all();
    ck_assert_int_eq(entries(), 0);
    ck_assert_int_eq(run_store_close(store, scratch, true, &err), 0);
    /* one that is there already is not ours */
    stop = 0;
    fixture_run_ok(&f, jobs, 3);
    ck_assert_int_eq(run_store_open(&f.config, &store, &scratch, NULL), OMEGA_EINVAL);
    ck_assert_ptr_null(scratch);
    run_scratch_unlink_all();
    ck_assert_int_eq(entries(), 1);
    fixture_close(&f);
}
END_TEST

/* The instances of a run are in the cell that it leaves. */
static int count_instance(void *context, const struct lmdb_instance *instance)
{
    uint32_t *count = context;
    ck_assert_uint_eq(instance->instance, (*count)++);
    ck_assert_uint_eq(instance->incarnation, 1);
    ck_assert_str_eq(instance->module, "batch");
    return 0;
}

START_TEST(instances_join)
{
    struct fixture f;
    struct fixture_job jobs[3];
    struct store *store = NULL;
    uint32_t count = 0;
    open_run(&f, jobs);
    f.config.store.directory = path;
    f.schedulers[0].instances = 3;
    fixture_run_ok(&f, jobs, 3);
    ck_assert_int_eq(lmdb_open(path, NULL, &store, NULL), 0);
    ck_assert_int_eq(lmdb_instances(store, count_instance, &count, NULL), 0);
    ck_assert_uint_eq(count, 3);
    store_close(store);
    fixture_close(&f);
}
END_TEST

/* What a signal handler does before the process ends. */
START_TEST(unlinking_all)
{
    struct fixture f;
    struct fixture_job jobs[3];
    struct store *stores[2];
    char *scratch[2];
    omega_error_t err = {0};
    open_run(&f, jobs);
    run_scratch_unlink_all();
    for (int i = 0; i < 2; i++) {
        int rc = run_store_open(&f.config, &stores[i], &scratch[i], &err);
        ck_assert_msg(rc == 0, "%s", err.text);
        ck_assert_ptr_nonnull(scratch[i]);
    }
    ck_assert_int_eq(entries(), 2);
    ck_assert_int_eq(run_store_close(stores[0], scratch[0], false, &err), 0);
    ck_assert_int_eq(entries(), 1);
    run_scratch_unlink_all();
    ck_assert_int_eq(entries(), 0);
    /* a cell that somebody has removed meanwhile is said */
    ck_assert_int_ne(run_store_close(stores[1], scratch[1], false, &err), 0);
    ck_assert_ptr_nonnull(strstr(err.source[0] != '\0' ? err.source : err.text, directory));
    ck_assert_int_eq(run_store_close(NULL, NULL, false, NULL), 0);
    fixture_close(&f);
}
END_TEST

static void add_case(Suite *suite, const char *name, const TTest *test)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
}

static void add_cases(Suite *suite)
{
    add_case(suite, "scratch", a_scratch_cell_comes_and_goes);
    add_case(suite, "nothing is left behind", none_is_left_behind);
    add_case(suite, "full", a_full_cell_ends_the_run);
    add_case(suite, "with a place", a_cell_with_a_place_stays);
    add_case(suite, "unfinished", an_unfinished_one_goes);
    add_case(suite, "instances", instances_join);
    add_case(suite, "unlinking all", unlinking_all);
}

CHECK_MAIN("core/driver/run_store", add_cases)
