/* SPDX-License-Identifier: MIT */
/*
 * Cells exported, loaded and exported again: the same bytes across modes, the same cell, which goes
 * on where the other one stood; and what fails leaves nothing behind.
 *
 * System tests use the program for what they need: with OMEGA_TEST_CELL=DIR it makes a cell with
 * real content there and ends; with OMEGA_TEST_UNSOUND=DIR the counters of the cell there become
 * wrong by a task; with OMEGA_TEST_WRITER=DIR it writes in that (new) cell until its standard input
 * ends, having said so by a line; with OMEGA_TEST_JSON=1 it fails unless each line of its standard
 * input is a JSON object.
 */
#include <jansson.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cellstate/lmdb_records.h"
#include "core/workload/cell_dump.h"
#include "tests/support/cell_content.h"
#include "tests/support/check_main.h"

#define TEMPLATE "/tmp/check_cell_load.XXXXXX"

static char folder[] = TEMPLATE;
static char paths[3][64];

static void set_up(void)
{
    memcpy(folder, TEMPLATE, sizeof folder);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (int i = 0; i < 3; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/%d", folder, i);
    }
}

static void tear_down(void)
{
    for (int i = 0; i < 3; i++) {
        lmdb_remove(paths[i], NULL);
    }
    ck_assert_int_eq(rmdir(folder), 0); /* nothing else is left */
}

static struct store *open_cell(const char *path)
{
    struct store *store = NULL;
    omega_error_t err = {0};
    ck_assert_msg(lmdb_open(path, NULL, &store, &err) == OMEGA_OK, "%s", err.text);
    return store;
}

/* A cell with content, open. */
static struct store *make_cell(const char *path, bool keep_jobs, uint64_t seed, uint32_t steps)
{
    const struct lmdb_options options = {
        .map_bytes = 64 << 20, .log_changes = 100, .keep_jobs = keep_jobs};
    cell_content_create(path, &options);
    struct store *store = open_cell(path);
    cell_content_fill(store, seed, steps);
    return store;
}

static char *export(struct store *store, size_t *size)
{
    static char *text;
    static size_t length;
    omega_error_t err = {0};
    FILE *out = open_memstream(&text, &length);
    ck_assert_ptr_nonnull(out);
    ck_assert_msg(cell_dump_export(store, out, &err) == OMEGA_OK, "%s", err.text);
    fclose(out);
    *size = length;
    return text;
}

static struct cell_dump *read_dump(const char *text, size_t size)
{
    struct cell_dump *dump = NULL;
    omega_error_t err = {0};
    FILE *in = fmemopen((void *)(uintptr_t)text, size, "r");
    ck_assert_ptr_nonnull(in);
    ck_assert_msg(cell_dump_read(in, "dump", &dump, &err) == OMEGA_OK, "line %ld: %s", err.line,
                  err.text);
    fclose(in);
    return dump;
}

/* Loads a dump, which must work, and opens the cell. */
static struct store *load(const char *text, size_t size, const char *path, enum lmdb_mode mode)
{
    const struct lmdb_options options = {.mode = mode, .map_bytes = 64 << 20};
    struct cell_dump *dump = read_dump(text, size);
    omega_error_t err = {0};
    ck_assert_msg(cell_dump_load(dump, path, &options, &err) == OMEGA_OK, "%s", err.text);
    cell_dump_destroy(dump);
    return open_cell(path);
}

static void expect_sound(struct store *store)
{
    struct store_report report;
    ck_assert_int_eq(store_check(store, &report, NULL), OMEGA_OK);
    ck_assert_msg(report.violations == 0, "%s", report.first);
}

/* The test: export, load, export, in another mode, and once more. */
static void round_trip(uint64_t seed, bool keep_jobs, enum lmdb_mode mode)
{
    size_t sizes[3];
    char *texts[3];
    struct store *stores[3];
    stores[0] = make_cell(paths[0], keep_jobs, seed, 400);
    expect_sound(stores[0]);
    texts[0] = export(stores[0], &sizes[0]);
    for (int i = 1; i < 3; i++) {
        stores[i] = load(texts[i - 1], sizes[i - 1], paths[i], i == 1 ? mode : LMDB_PWRITE);
        expect_sound(stores[i]);
        texts[i] = export(stores[i], &sizes[i]);
        ck_assert_msg(sizes[i] == sizes[0] && memcmp(texts[i], texts[0], sizes[0]) == 0,
                      "seed %llu: copy %d differs", (unsigned long long)seed, i);
    }
    for (int i = 0; i < 3; i++) {
        store_close(stores[i]);
        ck_assert_int_eq(lmdb_remove(paths[i], NULL), OMEGA_OK);
        free(texts[i]);
    }
}

START_TEST(test_round_trips)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        round_trip(seed, seed % 2 == 0, (enum lmdb_mode)(seed % 3));
    }
}
END_TEST

/* The same steps on a cell and on its copy leave both the same: sequences, versions, identities of
 * placements and incarnations went on. */
START_TEST(test_goes_on)
{
    size_t sizes[3];
    struct store *store = make_cell(paths[0], false, 7, 300);
    char *before = export(store, &sizes[0]);
    struct store *copy = load(before, sizes[0], paths[1], LMDB_FAST);
    for (int i = 0; i < 2; i++) {
        struct store *each = i == 0 ? store : copy;
        uint64_t version;
        const struct store_release_result *lost;
        uint32_t lost_count;
        uint32_t incarnation;
        for (uint32_t m = 0; m < CELL_CONTENT_MACHINES; m++) {
            const struct omega_machine_event event = {.machine = m, .kind = OMEGA_EVENT_REMOVE};
            store_machine_event(each, &event, STORE_LOST_RETURN, &lost, &lost_count, &version,
                                NULL);
        }
        ck_assert_int_eq(lmdb_join(each, 2, "service", &incarnation, NULL), OMEGA_OK);
        ck_assert_uint_eq(incarnation, 2);
        expect_sound(each);
    }
    char *first = export(store, &sizes[1]);
    char *second = export(copy, &sizes[2]);
    ck_assert(sizes[1] == sizes[2] && memcmp(first, second, sizes[1]) == 0);
    ck_assert(sizes[1] != sizes[0] || memcmp(first, before, sizes[0]) != 0);
    store_close(store);
    store_close(copy);
    free(before);
    free(first);
    free(second);
}
END_TEST

/* The content is worth the other tests. */
START_TEST(test_content)
{
    size_t sizes[2];
    struct store *store = make_cell(paths[0], false, 3, 200);
    char *before = export(store, &sizes[0]);
    struct cell_dump *dump = read_dump(before, sizes[0]);
    ck_assert_uint_gt(dump->placement_count, 0);
    ck_assert_uint_gt(dump->job_count, 5);
    ck_assert_uint_eq(dump->instance_count, 3);
    ck_assert_uint_eq(dump->machine_count, CELL_CONTENT_MACHINES);
    cell_dump_destroy(dump);
    free(before);
    store_close(store);
}
END_TEST

/* What lmdb_create() or the restoring refuses leaves no directory. */
START_TEST(test_failed_load)
{
    const struct lmdb_options options = {.map_bytes = 64 << 20};
    size_t size;
    omega_error_t err = {0};
    struct store *store = make_cell(paths[0], false, 5, 200);
    char *text = export(store, &size);
    struct cell_dump *dump = read_dump(text, size);
    store_close(store);
    ck_assert_int_eq(cell_dump_load(dump, paths[0], &options, &err), OMEGA_EINVAL);
    store_close(open_cell(paths[0])); /* what was there is there */
    dump->counters.tasks_running++;   /* no longer what the reader proved */
    dump->counters.tasks_submitted++;
    omega_error_clear(&err);
    ck_assert_int_eq(cell_dump_load(dump, paths[1], &options, &err), OMEGA_EINVAL);
    ck_assert_msg(strstr(err.text, "I: ") != NULL, "%s", err.text);
    ck_assert_int_ne(access(paths[1], F_OK), 0);
    cell_dump_destroy(dump);
    free(text);
}
END_TEST

START_TEST(test_small_map)
{
    const struct lmdb_options options = {.map_bytes = 256 << 10};
    size_t size;
    omega_error_t err = {0};
    struct store *store = make_cell(paths[0], true, 5, 4000);
    char *text = export(store, &size);
    struct cell_dump *dump = read_dump(text, size);
    store_close(store);
    ck_assert_int_ne(cell_dump_load(dump, paths[1], &options, &err), OMEGA_OK);
    ck_assert_int_ne(access(paths[1], F_OK), 0);
    cell_dump_destroy(dump);
    free(text);
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *test)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
}

static void add_cases(Suite *suite)
{
    add(suite, "round trips", test_round_trips);
    add(suite, "goes on", test_goes_on);
    add(suite, "content", test_content);
    add(suite, "failed load", test_failed_load);
    add(suite, "small map", test_small_map);
}

/* The work with OMEGA_TEST_CELL. */
START_TEST(make_cell_for_others)
{
    store_close(make_cell(getenv("OMEGA_TEST_CELL"), true, 11, 300));
}
END_TEST

/* The work with OMEGA_TEST_UNSOUND: a record that is whole but not true. */
static int make_unsound(const char *path)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi = 0;
    MDB_val key = {.mv_size = 4, .mv_data = (void *)(uintptr_t) "head"};
    MDB_val data;
    struct record_head head;
    uint8_t bytes[RECORD_HEAD_RECORD_BYTES];
    bool good = mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 32) == 0 &&
                mdb_env_set_mapsize(env, 64 << 20) == 0 && mdb_env_open(env, path, 0, 0644) == 0 &&
                mdb_txn_begin(env, NULL, 0, &txn) == 0 && mdb_dbi_open(txn, NULL, 0, &dbi) == 0 &&
                mdb_get(txn, dbi, &key, &data) == 0 &&
                record_decode_head(data.mv_data, data.mv_size, &head) == OMEGA_OK;
    if (good) {
        head.counters.tasks_submitted++;
        record_encode_head(&head, bytes);
        data = (MDB_val){.mv_size = sizeof bytes, .mv_data = bytes};
        good = mdb_put(txn, dbi, &key, &data, 0) == 0 && mdb_txn_commit(txn) == 0;
    }
    mdb_env_close(env);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Writes in a new cell until standard input ends. */
static int write_in(const char *path)
{
    struct lmdb_restore *restore = NULL;
    omega_error_t err = {0};
    if (lmdb_restore_open(path, &restore, &err) != OMEGA_OK) {
        fprintf(stderr, "%s\n", err.text);
        return EXIT_FAILURE;
    }
    puts("writing");
    fflush(stdout);
    while (getchar() != EOF) {
    }
    lmdb_restore_abort(restore);
    return EXIT_SUCCESS;
}

static int read_json(void)
{
    static char line[1 << 20];
    int lines = 0;
    for (; fgets(line, sizeof line, stdin) != NULL; lines++) {
        json_error_t error;
        json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object(object)) {
            fprintf(stderr, "line %d is no JSON object: %s\n%s", lines + 1, error.text, line);
            return EXIT_FAILURE;
        }
        json_decref(object);
    }
    return lines > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(void)
{
    const char *content = getenv("OMEGA_TEST_CELL");
    const char *writer = getenv("OMEGA_TEST_WRITER");
    if (getenv("OMEGA_TEST_JSON") != NULL) {
        return read_json();
    }
    if (getenv("OMEGA_TEST_UNSOUND") != NULL) {
        return make_unsound(getenv("OMEGA_TEST_UNSOUND"));
    }
    if (writer != NULL) {
        return write_in(writer);
    }
    Suite *suite = suite_create("cell_load");
    if (content != NULL) {
        check_case(suite, "make a cell", make_cell_for_others);
    } else {
        add_cases(suite);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
