/* SPDX-License-Identifier: MIT */
/*
 * Loss of power: everything that liblmdb writes and syncs is recorded beside what was acknowledged,
 * and for many cuts in that sequence a cell is opened on what may be left of its file: all that was
 * synced, and any part of the rest. Then cells that were last used in another boot.
 */
#include "tests/support/check_main.h"

#include <stdio.h>
#include <string.h>

#include "cellstate/lmdb_directory.h"
#include "tests/support/disk_hooks.h"
#include "tests/support/kill_check.h"
#include "tests/support/power_disk.h"

#define OTHER_BOOT "0a0b0c0d-0000-4000-8000-00000000cafe"

/* ---- recording ---- */

struct record {
    struct disk_cell cell;
    struct power_disk *disk;
    struct kill_load *load;
    uint32_t slot;
    uint32_t acts; /* answered before it stops */
    uint32_t answered;
    size_t created; /* events before the cell was complete */
};

static struct record *recording;

static void record_event(const struct disk_event *event)
{
    power_disk_event(recording->disk, event);
}

static void record_mark(struct kill_load *load, bool answered)
{
    power_disk_mark(recording->disk, answered);
    recording->answered += answered;
    if (recording->answered >= recording->acts) {
        atomic_store(&load->stop, true);
    }
}

/* Loads a new cell with so many acts from one process, and records them. */
static void record_open(struct record *record, enum lmdb_mode mode, uint32_t slot, uint32_t acts)
{
    struct lmdb_options options = {
        .mode = mode,
        .map_bytes = UINT64_C(1) << 30,
        .log_changes = 65536,
        .keep_jobs = slot == 0,
    };
    memset(record, 0, sizeof *record);
    record->disk = power_disk_create();
    record->load = shared_memory(sizeof *record->load);
    record->slot = slot;
    record->acts = acts;
    recording = record;
    disk_hook_no_sync = true;
    disk_hook = record_event;
    disk_create(&record->cell, "cell", KILL_MACHINES, &options);
    record->created = power_disk_count(record->disk);
    record->load->path = record->cell.path;
    record->load->noted = record_mark;
    record->load->group = true; /* of workers 2 and 3 */
    record->load->workers[slot].next_job = 1;
    struct kill_start start = {.load = record->load, .slot = slot, .seed = 1 + slot};
    kill_work(&start, NULL);
    disk_hook = NULL;
    ck_assert_msg(record->load->trouble.count == 0, "%s", record->load->trouble.first);
    ck_assert_uint_ge(record->answered, acts);
}

static void record_close(struct record *record)
{
    power_disk_destroy(record->disk);
    shared_memory_free(record->load, sizeof *record->load);
    disk_forget(&record->cell);
}

/* ---- cutting ---- */

enum verdict {
    INTACT,  /* and everything acknowledged is there */
    LOST,    /* sound, but something acknowledged is missing */
    REFUSED, /* damaged, and it says so */
    DIED,    /* damaged, and reading it ended the process */
    UNSOUND, /* taken for good, and it is not */
    VERDICTS,
};

struct trial {
    const char *path;
    struct record *record;
    bool recover; /* prove it first: the mode does not outlive a boot */
    uint32_t meant;
    uint32_t answered;
    enum verdict verdict; /* written by the child */
    struct trouble trouble;
};

/* Shows the comparison only the acts before the cut: they are meant, and answered, in order. */
static void hide_later_acts(const struct trial *trial)
{
    struct kill_worker *worker = &trial->record->load->workers[trial->record->slot];
    atomic_store(&worker->act_count, trial->meant);
    for (uint32_t i = 0; i < trial->meant; i++) {
        atomic_store(&worker->acts[i].answered, i < trial->answered);
    }
}

static void look_after_cut(void *context, struct trouble *trouble)
{
    struct trial *trial = context;
    struct store *store = NULL;
    struct store_report report = {.violations = 0};
    omega_error_t err = {.code = 0};
    setenv("OMEGA_BOOT_ID", OTHER_BOOT, 1);
    trial->verdict = DIED;
    if (trial->recover && lmdb_recover(trial->path, &report, &err) != 0) {
        trouble_add(trouble, "%s", disk_message(&err));
        trial->verdict = REFUSED;
        return;
    }
    if (report.violations > 0 || lmdb_open(trial->path, NULL, &store, &err) != 0) {
        trouble_add(trouble, "%s%s", report.first, disk_message(&err));
        trial->verdict = REFUSED;
        return;
    }
    struct trouble sound = {.count = 0};
    disk_check(store, &sound);
    if (sound.count > 0) {
        trouble_add(trouble, "%s", sound.first);
        trial->verdict = UNSOUND;
        return;
    }
    hide_later_acts(trial);
    struct kill_model *model = kill_model_create();
    kill_model_fold(model, trial->record->load, store, trouble);
    trial->verdict = trouble->count == 0 ? INTACT : LOST;
    kill_model_destroy(model);
    store_close(store);
}

/* Cuts the power once, not before the last cut; what is left is looked at in a child. */
static void cut_once(struct trial *trial, size_t cut, struct omega_random *random)
{
    struct record *record = trial->record;
    char *bytes = NULL;
    size_t size = 0;
    char data[DISK_PATH_BYTES];
    power_disk_play(record->disk, cut, &trial->meant, &trial->answered);
    power_disk_image(record->disk, random, &bytes, &size);
    disk_remove(trial->path);
    disk_copy(record->cell.path, trial->path);
    disk_path(data, trial->path, "data.mdb");
    disk_write(data, bytes, size);
    free(bytes);
    memset(&trial->trouble, 0, sizeof trial->trouble);
    trial->verdict = DIED;
    child_wait(child_start(look_after_cut, trial, &trial->trouble));
    if (trial->verdict == DIED) {
        trouble_add(&trial->trouble, "reading it ended the process");
    }
}

static int compare_cut(const void *a, const void *b)
{
    size_t x = *(const size_t *)a;
    size_t y = *(const size_t *)b;
    return (x > y) - (x < y);
}

#define CUTS_MAX 4096u
static size_t places[CUTS_MAX];

/* Cuts at `places`, in rising order, and counts the verdicts. `strict` fails on the first that is
 * not INTACT. */
static void cut_at_places(struct record *record, size_t cuts, bool recover, bool strict,
                          uint32_t verdicts[VERDICTS])
{
    struct omega_random random;
    char path[DISK_PATH_BYTES];
    struct trial *trial = shared_memory(sizeof *trial);
    omega_random_init(&random, 1 + record->slot, "power", cuts);
    disk_path(path, disk_folder(), "left");
    *trial = (struct trial){.path = path, .record = record, .recover = recover};
    for (size_t i = 0; i < cuts; i++) {
        cut_once(trial, places[i], &random);
        verdicts[trial->verdict]++;
        ck_assert_msg(trial->verdict != UNSOUND, "cut %zu: %s", places[i], trial->trouble.first);
        ck_assert_msg(!strict || trial->verdict == INTACT,
                      "cut %zu of %zu, %u acts answered: verdict %d, %s", places[i],
                      power_disk_count(record->disk), trial->answered, trial->verdict,
                      trial->trouble.first);
    }
    shared_memory_free(trial, sizeof *trial);
}

/* The same at random places. */
static void cut_often(struct record *record, uint32_t cuts, bool recover, bool strict,
                      uint32_t verdicts[VERDICTS])
{
    struct omega_random random;
    uint32_t span = (uint32_t)(power_disk_count(record->disk) - record->created);
    omega_random_init(&random, 1 + record->slot, "places", cuts);
    for (uint32_t i = 0; i < cuts; i++) {
        places[i] = record->created + omega_random_below(&random, span + 1);
    }
    qsort(places, cuts, sizeof places[0], compare_cut);
    cut_at_places(record, cuts, recover, strict, verdicts);
}

static uint32_t often(uint32_t usually)
{
    if (getenv("OMEGA_SLOW") != NULL) {
        return usually / 20;
    }
    return getenv("OMEGA_SOAK") != NULL ? 10 * usually : usually;
}

static void print(const char *what, const struct record *record, const uint32_t *verdicts)
{
    printf("%s: %u acts, %zu syncs; after a cut intact %u, lost %u, refused %u, died %u\n", what,
           record->answered, power_disk_syncs(record->disk), verdicts[INTACT], verdicts[LOST],
           verdicts[REFUSED], verdicts[DIED]);
}

/* _i = 1: with `group` */
START_TEST(power_loses_nothing)
{
    static struct record record;
    uint32_t verdicts[VERDICTS] = {0};
    record_open(&record, LMDB_POWER, _i == 0 ? 0 : 2, 300);
    cut_often(&record, often(200), false, true, verdicts);
    print("power", &record, verdicts);
    ck_assert_uint_gt(verdicts[INTACT], 0);
    record_close(&record);
}
END_TEST

/* The harness can fail: answers before the sync are caught. */
START_TEST(early_answers_are_caught)
{
    static struct record record;
    uint32_t verdicts[VERDICTS] = {0};
    record_open(&record, LMDB_POWER, 0, 100);
    size_t cuts = power_disk_answer_early(record.disk, places, 60);
    cut_at_places(&record, cuts, false, false, verdicts);
    print("power, answered too early", &record, verdicts);
    ck_assert_uint_gt(verdicts[LOST], 0);
    ck_assert_uint_eq(verdicts[REFUSED] + verdicts[DIED], 0);
    record_close(&record);
}
END_TEST

/* The harness can fail: a mode that does not sync loses what it acknowledged, or the cell. What is
 * not provably sound is not taken back. */
START_TEST(pwrite_does_not_outlive_it)
{
    static struct record record;
    uint32_t verdicts[VERDICTS] = {0};
    uint32_t cuts = often(100);
    record_open(&record, LMDB_PWRITE, 0, 300);
    cut_often(&record, cuts, true, false, verdicts);
    print("pwrite", &record, verdicts);
    ck_assert_uint_gt(verdicts[LOST] + verdicts[REFUSED] + verdicts[DIED], cuts / 2);
    record_close(&record);
}
END_TEST

/* ---- another boot ---- */

struct boot_test {
    struct disk_cell cell;
    struct trouble *trouble;
};

static void boot_open(struct boot_test *test, enum lmdb_mode mode)
{
    struct lmdb_options options = {.mode = mode, .map_bytes = UINT64_C(1) << 30};
    omega_error_t err = {.code = 0};
    uint64_t placement = 0;
    memset(test, 0, sizeof *test);
    test->trouble = shared_memory(sizeof *test->trouble);
    disk_create(&test->cell, "cell", 50, &options);
    struct store *store = disk_open(test->cell.path, NULL);
    for (uint32_t i = 0; i < 20; i++) {
        int rc = disk_put(store, 1 + i, i, &placement, &err);
        ck_assert_msg(rc == 0, "%s", disk_message(&err));
    }
    store_close(store);
    setenv("OMEGA_BOOT_ID", OTHER_BOOT, 1);
}

static void boot_close(struct boot_test *test)
{
    ck_assert_msg(test->trouble->count == 0, "%s", test->trouble->first);
    shared_memory_free(test->trouble, sizeof *test->trouble);
    disk_forget(&test->cell);
}

static void recover(void *context, struct trouble *trouble)
{
    struct store_report report = {.violations = 0};
    omega_error_t err = {.code = 0};
    int rc = lmdb_recover(context, &report, &err);
    TROUBLE_EXPECT(trouble, rc == 0, "%s", disk_message(&err));
    TROUBLE_EXPECT(trouble,
                   rc != 0 ||
                       (report.violations == 0 && report.machines == 50 && report.placements == 20),
                   "%s", report.first);
}

/* Opening fails as that of a cell of another boot should. */
static void expect_stale(const char *path)
{
    struct store *store = NULL;
    omega_error_t err = {.code = 0};
    ck_assert_int_eq(lmdb_open(path, NULL, &store, &err), OMEGA_ECORRUPT);
    ck_assert_ptr_null(store);
    const char *message = disk_message(&err);
    ck_assert_msg(strstr(message, path) != NULL, "%s", message);
    ck_assert_msg(strstr(message, "omega cell check --recover") != NULL, "%s", message);
    struct lmdb_use use = {.read_only = true};
    omega_error_clear(&err);
    ck_assert_int_eq(lmdb_open(path, &use, &store, &err), OMEGA_ECORRUPT);
}

static const enum lmdb_mode modes[] = {LMDB_PWRITE, LMDB_FAST, LMDB_POWER};

START_TEST(another_boot)
{
    static struct boot_test test;
    boot_open(&test, modes[_i]);
    if (modes[_i] != LMDB_POWER) {
        expect_stale(test.cell.path);
        child_run(recover, test.cell.path, test.trouble);
        ck_assert_msg(test.trouble->count == 0, "%s", test.trouble->first);
    }
    disk_prove(test.cell.path, test.trouble);
    /* what needs no recovery is checked likewise */
    child_run(recover, test.cell.path, test.trouble);
    disk_prove(test.cell.path, test.trouble);
    boot_close(&test);
}
END_TEST

/* Writes zeros over the half of the pages, or cuts the file. */
static void damage(const char *path, bool cut)
{
    char data[DISK_PATH_BYTES];
    size_t size = 0;
    disk_path(data, path, "data.mdb");
    char *bytes = disk_read(data, &size);
    for (size_t p = 2; p < size / 4096 && !cut; p += 2) {
        memset(bytes + p * 4096, 0, 4096);
    }
    disk_write(data, bytes, cut ? size / 8192 * 4096 : size);
    free(bytes);
}

/* A damaged one is not taken back, by its error or by its death, and is refused as before. */
START_TEST(damaged_in_another_boot)
{
    static struct boot_test test;
    boot_open(&test, LMDB_PWRITE);
    damage(test.cell.path, _i == 1);
    struct trouble *damaged = shared_memory(sizeof *damaged);
    child_run(recover, test.cell.path, damaged);
    ck_assert_uint_gt(damaged->count, 0);
    printf("damaged: %s\n", damaged->first);
    shared_memory_free(damaged, sizeof *damaged);
    expect_stale(test.cell.path);
    boot_close(&test);
}
END_TEST

static void add_cases(Suite *suite)
{
    disk_loop_case(suite, "power loses nothing", power_loses_nothing, 2);
    disk_case(suite, "early answers are caught", early_answers_are_caught);
    disk_case(suite, "pwrite does not outlive it", pwrite_does_not_outlive_it);
    disk_loop_case(suite, "another boot", another_boot, 3);
    disk_loop_case(suite, "damaged in another boot", damaged_in_another_boot, 2);
}

CHECK_MAIN("lmdb power", add_cases)
