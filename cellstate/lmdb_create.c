/* SPDX-License-Identifier: MIT */
/* Making, removing and recovering a cell in LMDB. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cellstate/lmdb_private.h"

/* ---- making ---- */

#define MAP_BYTES_MAX (UINT64_C(1) << 62)

/* Whether a name or a set of attributes fits into a record. */
static bool text_fits(const char *text)
{
    return strnlen(text, RECORD_TEXT_MAX + 1u) <= RECORD_TEXT_MAX;
}

/* What a machine that no record can hold lacks, or NULL. */
static const char *machine_lacks(const struct store_config *config, uint32_t m)
{
    const struct omega_machine_spec *spec = &config->machines[m];
    const struct symbols *symbols = catalogue_symbols(config->catalogue);
    if (spec->cpu_milli < 0 || spec->mem_mib < 0) {
        return "a capacity of 0 or more";
    }
    if (spec->gpu_devices > OMEGA_GPU_DEVICES_MAX) {
        return "at most 8 GPU devices";
    }
    if (spec->absent > 1) {
        return "absent to be 0 or 1";
    }
    if (!text_fits(symbols_text(symbols, spec->name)) ||
        !text_fits(symbols_text(symbols, spec->platform)) ||
        !text_fits(symbols_text(symbols, spec->domain)) ||
        !text_fits(catalogue_attributes_text(config->catalogue, spec->attributes))) {
        return "names and attributes of at most 1 MiB each";
    }
    return NULL;
}

static int check_machine(const struct lmdb *lmdb, const struct store_config *config, uint32_t m,
                         omega_error_t *err)
{
    const struct omega_machine_spec *spec = &config->machines[m];
    const char *lacks = machine_lacks(config, m);
    if (lacks == NULL) {
        return OMEGA_OK;
    }
    return omega_error_set_at(
        err, OMEGA_EINVAL, lmdb->path, 0,
        "machine %u, '%.40s', has %d milli-CPU, %d MiB, %u GPU devices and absent %u, expected %s",
        m, symbols_text(catalogue_symbols(config->catalogue), spec->name), spec->cpu_milli,
        spec->mem_mib, spec->gpu_devices, spec->absent, lacks);
}

/* Refuses what lmdb_open() could not read back. */
static int check_config(const struct lmdb *lmdb, const struct store_config *config,
                        const struct lmdb_options *options, omega_error_t *err)
{
    const struct omega_overcommit *over = &config->overcommit;
    int rc = OMEGA_OK;
    if (lmdb_mode_name(options->mode) == NULL || config->machine_count > OMEGA_MACHINES_MAX) {
        return omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                                  "a cell of %u machines in mode %d, expected at most %u and a "
                                  "mode that there is",
                                  config->machine_count, (int)options->mode, OMEGA_MACHINES_MAX);
    }
    if (options->map_bytes > MAP_BYTES_MAX) {
        return omega_error_set_at(
            err, OMEGA_EINVAL, lmdb->path, 0, "a map of %llu bytes, expected at most %llu",
            (unsigned long long)options->map_bytes, (unsigned long long)MAP_BYTES_MAX);
    }
    if (over->cpu_permille < 0 || over->mem_permille < 0 || over->gpu_permille < 0 ||
        over->gpu_permille > INT16_MAX) { /* which a device's limit has to fit into */
        return omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                                  "over-commit of %d (CPU), %d (memory) and %d (GPU) thousandths, "
                                  "expected 0 or more, and at most %d for GPU",
                                  over->cpu_permille, over->mem_permille, over->gpu_permille,
                                  INT16_MAX);
    }
    if (config->compat != 0) {
        return omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                                  "compatibility rules 0x%x, expected none but in memory",
                                  config->compat);
    }
    for (uint32_t m = 0; rc == OMEGA_OK && m < config->machine_count; m++) {
        rc = check_machine(lmdb, config, m, err);
    }
    return rc;
}

static int fill_meta(struct lmdb *lmdb, const struct store_config *config,
                     const struct lmdb_options *options, omega_error_t *err)
{
    lmdb->meta = (struct record_meta){
        .schema = LMDB_SCHEMA,
        .mode = (uint8_t)options->mode,
        .release_raises_seq = config->release_raises_seq,
        .keep_jobs = options->keep_jobs,
        .machine_count = config->machine_count,
        .log_changes = options->log_changes == 0 ? LMDB_LOG_CHANGES : options->log_changes,
        .map_bytes = options->map_bytes == 0 ? LMDB_MAP_BYTES : options->map_bytes,
        .overcommit = config->overcommit,
    };
    for (uint32_t m = 0; m < config->machine_count; m++) {
        lmdb->meta.gpus = lmdb->meta.gpus || config->machines[m].gpu_devices > 0;
    }
    if (getrandom(lmdb->meta.identity, sizeof lmdb->meta.identity, 0) !=
        (ssize_t)sizeof lmdb->meta.identity) {
        return omega_error_set_errno(err, lmdb->path, "draw an identity for the cell");
    }
    return OMEGA_OK;
}

static int put_named(struct lmdb *lmdb, MDB_txn *txn, const char *name, void *bytes, size_t size,
                     omega_error_t *err)
{
    MDB_val key = {.mv_size = strlen(name), .mv_data = (void *)(uintptr_t)name};
    MDB_val data = {.mv_size = size, .mv_data = bytes};
    return lmdb_failed(lmdb, mdb_put(txn, lmdb->tables[LMDB_MAIN], &key, &data, 0), "write", err);
}

/* The head of a cell at version 0. */
static struct record_head first_head(const struct store_config *config)
{
    struct record_head head = {.counters.version = 0};
    for (uint32_t m = 0; m < config->machine_count; m++) {
        const struct omega_machine_spec *spec = &config->machines[m];
        if (!spec->absent) {
            head.totals.cpu_capacity_milli += spec->cpu_milli;
            head.totals.mem_capacity_mib += spec->mem_mib;
            head.totals.gpu_capacity_milli += (int64_t)spec->gpu_devices * OMEGA_GPU_DEVICE_MILLI;
        }
    }
    return head;
}

static int write_tables(struct lmdb *lmdb, const struct store_config *config, omega_error_t *err)
{
    MDB_txn *txn = NULL;
    int rc = lmdb_failed(lmdb, mdb_txn_begin(lmdb->env, NULL, 0, &txn), "make the cell", err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = lmdb_tables_open(lmdb, txn, MDB_CREATE, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_specs_write(lmdb, txn, config, err);
    }
    if (rc == OMEGA_OK) {
        uint8_t bytes[RECORD_META_BYTES];
        record_encode_meta(&lmdb->meta, bytes);
        rc = put_named(lmdb, txn, "meta", bytes, sizeof bytes, err);
    }
    if (rc == OMEGA_OK) {
        struct record_head head = first_head(config);
        uint8_t bytes[RECORD_HEAD_RECORD_BYTES];
        record_encode_head(&head, bytes);
        rc = put_named(lmdb, txn, "head", bytes, sizeof bytes, err);
    }
    if (rc != OMEGA_OK) {
        mdb_txn_abort(txn);
        return rc;
    }
    rc = lmdb_failed(lmdb, mdb_txn_commit(txn), "make the cell", err);
    return rc == OMEGA_OK ? lmdb_failed(lmdb, mdb_env_sync(lmdb->env, 1), "make the cell", err)
                          : rc;
}

/* The first file, which of two processes that make a cell in one place only one can make. */
static int make_gate(const struct lmdb *lmdb, omega_error_t *err)
{
    char *writer = lmdb_file_path(lmdb->path, "writer");
    int rc = writer == NULL ? omega_error_set(err, OMEGA_ENOMEM, "no memory to make the cell")
                            : lmdb_gate_create(writer, err);
    free(writer);
    return rc;
}

/* Makes the other files; `cell` comes last: it makes them a cell. */
static int make_files(struct lmdb *lmdb, const struct store_config *config, omega_error_t *err)
{
    /* by system calls in every mode: a full disk is an error then, and no signal */
    int rc = lmdb_env_open(lmdb, LMDB_PWRITE, lmdb->meta.map_bytes, err);
    if (rc == OMEGA_OK) {
        rc = write_tables(lmdb, config, err);
    }
    if (lmdb->env != NULL) {
        mdb_env_close(lmdb->env);
        lmdb->env = NULL;
    }
    struct lmdb_cell_file file = {
        .schema = LMDB_SCHEMA,
        .mode = (enum lmdb_mode)lmdb->meta.mode,
        .map_bytes = lmdb->meta.map_bytes,
    };
    lmdb_identity(lmdb, file.identity);
    return rc == OMEGA_OK ? lmdb_cell_file_write(lmdb->path, &file, err) : rc;
}

int lmdb_create(const char *path, const struct store_config *config,
                const struct lmdb_options *options, omega_error_t *err)
{
    static const struct lmdb_options defaults = {.mode = LMDB_PWRITE};
    struct lmdb lmdb = {.path = strdup(path)};
    bool made = false;
    if (lmdb.path == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to make the cell");
    }
    options = options == NULL ? &defaults : options;
    int rc = check_config(&lmdb, config, options, err);
    if (rc == OMEGA_OK) {
        rc = fill_meta(&lmdb, config, options, err);
    }
    if (rc == OMEGA_OK) {
        rc = lmdb_directory_make(path, &made, err);
    }
    if (rc == OMEGA_OK) {
        rc = make_gate(&lmdb, err);
        if (rc != OMEGA_OK && made) {
            (void)rmdir(path); /* where it is empty */
        }
        if (rc == OMEGA_OK) {
            rc = make_files(&lmdb, config, err);
            if (rc != OMEGA_OK) {
                (void)lmdb_directory_remove(path, made, NULL);
            }
        }
    }
    free(lmdb.path);
    return rc;
}

int lmdb_remove(const char *path, omega_error_t *err)
{
    struct lmdb_cell_file file;
    int rc = lmdb_cell_file_read(path, &file, err);
    return rc == OMEGA_OK ? lmdb_directory_remove(path, true, err) : rc;
}

/* ---- recovering ---- */

/* Lets LMDB read every page that is in use, and count those that are not. */
static int read_pages(struct lmdb *lmdb, omega_error_t *err)
{
    int sink = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (sink < 0) {
        return omega_error_set_errno(err, "/dev/null", "open");
    }
    int rc = mdb_env_copyfd2(lmdb->env, sink, MDB_CP_COMPACT);
    close(sink);
    return lmdb_failed(lmdb, rc, "read its pages", err);
}

/* Writes this boot into the cell file, unless it stands there. */
static int mark_as_good(const char *path, omega_error_t *err)
{
    struct lmdb_cell_file file;
    char boot[LMDB_BOOT_BYTES];
    int rc = lmdb_cell_file_read(path, &file, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_boot_id(boot, err);
    }
    if (rc != OMEGA_OK || strcmp(boot, file.boot) == 0) {
        return rc;
    }
    memcpy(file.boot, boot, sizeof file.boot);
    return lmdb_cell_file_write(path, &file, err);
}

/* The file `writer` holds nothing that is needed once nobody uses the cell: where it is lost, or no
 * file of ours any more, a new one is made. */
static int renew_gate(const char *path, omega_error_t *err)
{
    struct lmdb_gate *gate = NULL;
    char boot[LMDB_BOOT_BYTES];
    char *writer = lmdb_file_path(path, "writer");
    int rc = writer == NULL ? omega_error_set(err, OMEGA_ENOMEM, "no memory to recover the cell")
                            : lmdb_boot_id(boot, err);
    if (rc == OMEGA_OK) {
        omega_error_t why = {.code = 0};
        rc = lmdb_gate_open(writer, boot, NULL, &gate, &why);
        bool lost = rc == OMEGA_EINVAL || (access(writer, F_OK) != 0 && errno == ENOENT);
        if (rc != OMEGA_OK && !lost) { /* one that others hold, or a newer omega's */
            rc = omega_error_set_at(err, rc, why.source, 0, "%s", why.text);
        } else if (rc != OMEGA_OK && unlink(writer) != 0 && errno != ENOENT) {
            rc = omega_error_set_errno(err, writer, "cannot remove");
        } else if (rc != OMEGA_OK) {
            rc = lmdb_gate_create(writer, err);
        }
    }
    lmdb_gate_close(gate);
    free(writer);
    return rc;
}

int lmdb_recover(const char *path, struct store_report *report, omega_error_t *err)
{
    struct store *store = NULL;
    struct lmdb_cell_file file;
    int rc = lmdb_cell_file_read(path, &file, err);
    if (rc == OMEGA_OK) {
        rc = renew_gate(path, err);
    }
    if (rc == OMEGA_OK) {
        rc = lmdb_open_cell(path, NULL, LMDB_TO_RECOVER, &store, err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = read_pages(lmdb_of(store), err);
    if (rc == OMEGA_OK) {
        rc = store_check(store, report, err);
    }
    store_close(store);
    if (rc == OMEGA_OK && report->violations > 0) {
        rc = omega_error_set_at(err, OMEGA_ECORRUPT, path, 0,
                                "the cell breaks %llu invariants, first %s; 'omega cell load' "
                                "restores an export",
                                (unsigned long long)report->violations, report->first);
    }
    return rc == OMEGA_OK ? mark_as_good(path, err) : rc;
}
