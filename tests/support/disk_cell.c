/* SPDX-License-Identifier: MIT */
/* Cells on disk for tests. */
#include "tests/support/disk_cell.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dirent.h>

#include "core/base/file.h"

#define DISK_FILE_MAX ((size_t)64 << 20)

/* ---- folders and files ---- */

static char folder[DISK_PATH_BYTES / 2];

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

void disk_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void folder_make(void)
{
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.80s/omega-test-XXXXXX",
             temporary == NULL ? "/tmp" : temporary);
    if (mkdtemp(folder) == NULL || chmod(folder, 0755) != 0) {
        fprintf(stderr, "no folder '%s': %s\n", folder, strerror(errno));
        exit(EXIT_FAILURE);
    }
}

static void folder_remove(void)
{
    disk_remove(folder);
}

/* Unchecked fixtures run in the parent of the test, so that they see its failure or death too. */
static TCase *case_make(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_unchecked_fixture(tcase, folder_make, folder_remove);
    tcase_set_timeout(tcase, getenv("OMEGA_SOAK") == NULL ? 300 : 3600);
    suite_add_tcase(suite, tcase);
    return tcase;
}

void disk_case(Suite *suite, const char *name, const TTest *test)
{
    tcase_add_test(case_make(suite, name), test);
}

void disk_loop_case(Suite *suite, const char *name, const TTest *test, int count)
{
    for (int i = 0; i < count; i++) { /* each in a folder of its own */
        tcase_add_loop_test(case_make(suite, name), test, i, i + 1);
    }
}

const char *disk_folder(void)
{
    return folder;
}

void disk_path(char *path, const char *in, const char *name)
{
    int length = snprintf(path, DISK_PATH_BYTES, "%s/%s", in, name);
    ck_assert_int_lt(length, DISK_PATH_BYTES);
}

void disk_write(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

char *disk_read(const char *path, size_t *size)
{
    char *bytes = NULL;
    omega_error_t err = {.code = 0};
    int rc = file_read_all(path, DISK_FILE_MAX, &bytes, size, &err);
    ck_assert_msg(rc == 0, "%s: %s", path, err.text);
    return bytes;
}

void disk_copy(const char *from, const char *to)
{
    DIR *directory = opendir(from);
    ck_assert_ptr_nonnull(directory);
    ck_assert_int_eq(mkdir(to, 0755), 0);
    const struct dirent *entry = NULL;
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char source[DISK_PATH_BYTES];
        char target[DISK_PATH_BYTES];
        size_t size = 0;
        disk_path(source, from, entry->d_name);
        disk_path(target, to, entry->d_name);
        char *bytes = disk_read(source, &size);
        disk_write(target, bytes, size);
        free(bytes);
    }
    closedir(directory);
}

/* ---- cells ---- */

void disk_describe(struct disk_cell *cell, const char *name, uint32_t machines)
{
    memset(cell, 0, sizeof *cell);
    ck_assert_uint_le(machines, DISK_MACHINES_MAX);
    disk_path(cell->path, folder, name);
    cell->catalogue = catalogue_create();
    ck_assert_ptr_nonnull(cell->catalogue);
    struct symbols *symbols = catalogue_symbols(cell->catalogue);
    for (uint32_t m = 0; m < machines; m++) {
        char text[32];
        snprintf(text, sizeof text, "m%u", m);
        cell->specs[m] = (struct omega_machine_spec){
            .name = symbols_intern(symbols, text),
            .cpu_milli = 4000,
            .mem_mib = 4096,
            .gpu_devices = 2,
        };
        omega_error_t err = {.code = 0};
        int rc = catalogue_attributes(cell->catalogue, m % 2 == 0 ? "disk=ssd" : "disk=hdd",
                                      &cell->specs[m].attributes, &err);
        ck_assert_int_eq(rc, 0);
    }
    cell->config = (struct store_config){
        .catalogue = cell->catalogue,
        .machines = cell->specs,
        .machine_count = machines,
        .overcommit = {1000, 1000, 1000},
    };
}

void disk_create(struct disk_cell *cell, const char *name, uint32_t machines,
                 const struct lmdb_options *options)
{
    static const struct lmdb_options plain = {.map_bytes = UINT64_C(1) << 30};
    omega_error_t err = {.code = 0};
    disk_describe(cell, name, machines);
    int rc = lmdb_create(cell->path, &cell->config, options == NULL ? &plain : options, &err);
    ck_assert_msg(rc == 0, "%s", disk_message(&err));
}

void disk_forget(struct disk_cell *cell)
{
    catalogue_destroy(cell->catalogue);
    cell->catalogue = NULL;
}

struct store *disk_open(const char *path, const struct lmdb_use *use)
{
    omega_error_t err = {.code = 0};
    struct store *store = NULL;
    int rc = lmdb_open(path, use, &store, &err);
    ck_assert_msg(rc == 0, "%s", disk_message(&err));
    ck_assert_ptr_nonnull(store);
    return store;
}

/* ---- changes ---- */

static const struct omega_request request = {.cpu_milli = 100, .mem_mib = 16};

int disk_submit(struct store *store, uint64_t id, uint32_t tasks, omega_error_t *err)
{
    struct omega_task_group group = {.count = tasks, .request = request, .duration_us = 1000};
    struct omega_job job = {.id = id, .precedence = 120, .group_count = 1, .groups = &group};
    omega_error_clear(err);
    int rc = omega_job_seal(&job, &group, err);
    return rc == 0 ? store_submit(store, &job, err) : rc;
}

void disk_begin(struct disk_txn *t, struct store *store, uint64_t job, uint16_t instance)
{
    memset(t, 0, sizeof *t);
    t->txn = (struct omega_transaction){
        .job = job,
        .attempt = 1,
        .instance = instance,
        .precedence = 120,
        .synced = disk_version(store),
        .group_count = 1,
        .claims = t->claims,
    };
}

struct omega_claim *disk_claim(struct disk_txn *t, uint32_t task, uint32_t machine)
{
    struct omega_claim *claim = &t->claims[t->txn.claim_count++];
    *claim = (struct omega_claim){
        .synced = t->txn.synced,
        .task = task,
        .machine = machine,
        .request = request,
    };
    return claim;
}

int disk_commit(struct disk_txn *t, struct store *store, omega_error_t *err)
{
    omega_error_clear(err);
    return store_commit(store, &t->txn, t->results, &t->result, err);
}

int disk_put(struct store *store, uint64_t job, uint32_t machine, uint64_t *placement,
             omega_error_t *err)
{
    int rc = disk_submit(store, job, 1, err);
    if (rc != 0) {
        return rc;
    }
    struct disk_txn t;
    disk_begin(&t, store, job, 1);
    disk_claim(&t, 0, machine);
    rc = disk_commit(&t, store, err);
    *placement = t.results[0].placement;
    return rc != 0 ? rc : t.result.accepted == 1 ? 0 : 1;
}

int disk_end(struct store *store, uint64_t placement, omega_error_t *err)
{
    struct store_release_result result = {.released = 0};
    uint64_t version = 0;
    omega_error_clear(err);
    int rc = store_release(store, &placement, 1, STORE_FINISHED, &result, &version, err);
    return rc != 0 ? rc : result.released != 0 ? 0 : 1;
}

/* ---- looking ---- */

uint64_t disk_version(struct store *store)
{
    struct store_counters counters;
    store_counters(store, &counters);
    return counters.version;
}

const char *disk_message(const omega_error_t *err)
{
    static char text[640];
    omega_error_format(err, text, sizeof text);
    return text;
}

void disk_check(struct store *store, struct trouble *trouble)
{
    struct store_report report = {.violations = 0};
    omega_error_t err = {.code = 0};
    int rc = store_check(store, &report, &err);
    if (TROUBLE_EXPECT(trouble, rc == 0, "store_check: %s", disk_message(&err))) {
        TROUBLE_EXPECT(trouble, report.violations == 0, "%s", report.first);
    }
}

static void prove(void *context, struct trouble *trouble)
{
    const char *path = context;
    struct store *store = NULL;
    omega_error_t err = {.code = 0};
    if (lmdb_open(path, NULL, &store, &err) != 0) {
        trouble_add(trouble, "open: %s", disk_message(&err));
        return;
    }
    uint64_t before = disk_version(store);
    uint64_t placement = 0;
    disk_check(store, trouble);
    int rc = disk_put(store, UINT64_C(999999999), store->machine_count - 1, &placement, &err);
    TROUBLE_EXPECT(trouble, rc == 0, "put is %d: %s", rc, disk_message(&err));
    rc = disk_end(store, placement, &err);
    TROUBLE_EXPECT(trouble, rc == 0, "end is %d: %s", rc, disk_message(&err));
    uint64_t after = disk_version(store);
    TROUBLE_EXPECT(trouble, after == before + 2, "version %lu after two changes to version %lu",
                   (unsigned long)after, (unsigned long)before);
    disk_check(store, trouble);
    store_close(store);
}

void disk_prove(const char *path, struct trouble *trouble)
{
    child_run(prove, (void *)(uintptr_t)path, trouble);
}
