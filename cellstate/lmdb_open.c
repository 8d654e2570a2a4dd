/* SPDX-License-Identifier: MIT */
/*
 * The lmdb store: opening and closing a cell.
 *
 * LMDB forbids to open one environment twice in a process (closing one of the two drops the locks
 * of both), so open cells are registered by device and inode. It forbids to use one across fork();
 * a count of forks tells, without a system call for each operation.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cellstate/lmdb_private.h"
#include "core/base/large.h"

static const struct store_ops lmdb_ops;

/* ---- forks and the registry of open cells ---- */

static atomic_uint forks; /* that lie between this process and the first one */
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct lmdb *registry;

static void forked(void)
{
    atomic_fetch_add(&forks, 1);
    registry = NULL; /* the parent's */
}

static void before_fork(void)
{
    pthread_mutex_lock(&registry_lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&registry_lock);
}

static void child_after_fork(void)
{
    forked();
    pthread_mutex_unlock(&registry_lock);
}

static void watch_forks(void)
{
    (void)pthread_atfork(before_fork, after_fork, child_after_fork);
}

int lmdb_check_process(const struct lmdb *lmdb, omega_error_t *err)
{
    if (lmdb->forks == atomic_load_explicit(&forks, memory_order_relaxed)) {
        return OMEGA_OK;
    }
    return omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                              "the cell was opened before fork(), expected every process to open "
                              "it for itself");
}

static int enter_registry(struct lmdb *lmdb, omega_error_t *err)
{
    struct stat about;
    char *path = lmdb_file_path(lmdb->path, "data.mdb");
    if (path == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to open the cell");
    }
    int rc = stat(path, &about) == 0 ? OMEGA_OK : omega_error_set_errno(err, path, "cannot open");
    free(path);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (about.st_size == 0) {
        return omega_error_set_at(err, OMEGA_ECORRUPT, lmdb->path, 0,
                                  "data.mdb is empty; 'omega cell load' restores an export");
    }
    lmdb->device = about.st_dev;
    lmdb->inode = about.st_ino;
    (void)pthread_once(&fork_once, watch_forks);
    pthread_mutex_lock(&registry_lock);
    for (const struct lmdb *other = registry; other != NULL; other = other->next) {
        if (other->device == lmdb->device && other->inode == lmdb->inode) {
            rc = omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                                    "the cell is open in this process already (as '%s'), expected "
                                    "one store for all its threads",
                                    other->path);
        }
    }
    if (rc == OMEGA_OK) {
        lmdb->forks = atomic_load(&forks);
        lmdb->next = registry;
        registry = lmdb;
    } else {
        lmdb->inode = 0;
    }
    pthread_mutex_unlock(&registry_lock);
    return rc;
}

static void leave_registry(const struct lmdb *lmdb)
{
    pthread_mutex_lock(&registry_lock);
    for (struct lmdb **at = &registry; *at != NULL; at = &(*at)->next) {
        if (*at == lmdb) {
            *at = lmdb->next;
            break;
        }
    }
    pthread_mutex_unlock(&registry_lock);
}

/* ---- what the cell is ---- */

/* Opens the tables for good, reads meta, and compares it with what the cell file said. */
static int read_meta(struct lmdb *lmdb, const struct lmdb_cell_file *file, omega_error_t *err)
{
    MDB_txn *txn = NULL;
    int rc = lmdb_failed(lmdb, mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &txn), "read", err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = lmdb_tables_open(lmdb, txn, 0, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_get_meta(lmdb, txn, &lmdb->meta, err);
    }
    if (rc != OMEGA_OK) {
        mdb_txn_abort(txn);
        return rc;
    }
    char identity[33];
    lmdb_identity(lmdb, identity);
    rc = lmdb_failed(lmdb, mdb_txn_commit(txn), "read", err); /* keeps the table handles */
    if (rc == OMEGA_OK && (strcmp(identity, file->identity) != 0 || lmdb->meta.mode != file->mode ||
                           lmdb->meta.map_bytes != file->map_bytes)) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                                "'cell' and 'data.mdb' are of different cells, expected files "
                                "that were made together");
    }
    return rc;
}

/* ---- machines ---- */

static int use_config(struct lmdb *lmdb, MDB_txn *txn, const struct store_config *config,
                      omega_error_t *err)
{
    if (config->machine_count != lmdb->meta.machine_count ||
        config->release_raises_seq != lmdb->meta.release_raises_seq ||
        config->overcommit.cpu_permille != lmdb->meta.overcommit.cpu_permille ||
        config->overcommit.mem_permille != lmdb->meta.overcommit.mem_permille ||
        config->overcommit.gpu_permille != lmdb->meta.overcommit.gpu_permille) {
        return omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                                  "the cell of %u machines is another than the configuration of "
                                  "%u, expected the one it was created with",
                                  lmdb->meta.machine_count, config->machine_count);
    }
    lmdb->specs = config->machines;
    lmdb->base.catalogue = config->catalogue;
    return lmdb_specs_compare(lmdb, txn, config, err);
}

static int load_machines(struct lmdb *lmdb, const struct store_config *config, omega_error_t *err)
{
    MDB_txn *txn = NULL;
    uint32_t count = lmdb->meta.machine_count;
    lmdb->base.machine_count = count;
    lmdb->base.release_raises_seq = lmdb->meta.release_raises_seq;
    lmdb->platforms = large_calloc(count + 1u, sizeof *lmdb->platforms + sizeof *lmdb->domains);
    if (lmdb->platforms == NULL || lmdb_write_init(lmdb) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for a cell of %u machines", count);
    }
    lmdb->domains = lmdb->platforms + count;
    int rc = lmdb_read_begin(lmdb, &txn, err);
    if (rc == OMEGA_OK) {
        rc = config == NULL ? lmdb_specs_read(lmdb, txn, err) : use_config(lmdb, txn, config, err);
        lmdb_read_end(lmdb, txn);
    }
    for (uint32_t m = 0; rc == OMEGA_OK && m < count; m++) {
        lmdb->platforms[m] = lmdb->specs[m].platform;
        lmdb->domains[m] = lmdb->specs[m].domain;
    }
    return rc;
}

/* ---- opening and closing ---- */

/* Reads the cell file and refuses what should not be touched; *boot is this one. */
static int inspect(const char *path, bool recover, struct lmdb_cell_file *file,
                   char boot[LMDB_BOOT_BYTES], omega_error_t *err)
{
    int rc = lmdb_cell_file_read(path, file, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_boot_id(boot, err);
    }
    if (rc == OMEGA_OK && !recover && lmdb_cell_file_is_stale(file, boot)) {
        rc = omega_error_set_at(err, OMEGA_ECORRUPT, path, 0,
                                "the cell is in mode '%s' and was last used before the machine "
                                "was started anew, so that it may be damaged: expected 'omega "
                                "cell check --recover' first",
                                lmdb_mode_name(file->mode));
    }
    return rc;
}

static int open_gate(struct lmdb *lmdb, const char *boot, const char *module, omega_error_t *err)
{
    char *path = lmdb_file_path(lmdb->path, "writer");
    if (path == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to open the cell");
    }
    int rc = lmdb->read_only ? lmdb_gate_look(path, boot, &lmdb->gate, err)
                             : lmdb_gate_open(path, boot, module, &lmdb->gate, err);
    free(path);
    return rc;
}

/* A file that was cut would end the process that reads what is not there. The last pages in use may
 * never have been written, so only what is far too short is refused; a file that is written by a
 * map has been made long enough by LMDB. */
static int check_size(const struct lmdb *lmdb, omega_error_t *err)
{
    MDB_envinfo info;
    mdb_filehandle_t file;
    struct stat about;
    int rc = mdb_env_info(lmdb->env, &info);
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_get_fd(lmdb->env, &file);
    }
    if (rc == MDB_SUCCESS && fstat(file, &about) != 0) {
        rc = errno;
    }
    uint64_t used = (info.me_last_pgno + 1) * lmdb->page_bytes;
    if (rc == MDB_SUCCESS && (uint64_t)about.st_size < used / 2) {
        return omega_error_set_at(err, OMEGA_ECORRUPT, lmdb->path, 0,
                                  "data.mdb has %llu bytes, expected %llu: it was cut; 'omega cell "
                                  "load' restores an export",
                                  (unsigned long long)about.st_size, (unsigned long long)used);
    }
    return lmdb_failed(lmdb, rc, "open the cell", err);
}

/* Opens all that `lmdb` holds; what is open after a failure, lmdb_close() closes. */
static int open_all(struct lmdb *lmdb, const struct lmdb_use *use, enum lmdb_purpose purpose,
                    omega_error_t *err)
{
    bool recover = purpose == LMDB_TO_RECOVER;
    struct lmdb_cell_file file;
    char boot[LMDB_BOOT_BYTES];
    int rc = inspect(lmdb->path, recover, &file, boot, err);
    if (rc == OMEGA_OK) {
        rc = enter_registry(lmdb, err);
    }
    if (rc == OMEGA_OK) {
        rc = open_gate(lmdb, boot, use->module, err);
    }
    if (rc == OMEGA_OK) {
        lmdb->meta.map_bytes = file.map_bytes; /* for messages, until meta is read */
        rc = lmdb_env_open(
            lmdb, purpose == LMDB_TO_RESTORE && file.mode == LMDB_FAST ? LMDB_PWRITE : file.mode,
            file.map_bytes, err);
    }
    if (rc == OMEGA_OK && !lmdb->by_map) {
        lmdb_gate_watch(lmdb->gate);
    }
    if (rc == OMEGA_OK) {
        rc = check_size(lmdb, err);
    }
    if (rc == OMEGA_OK) {
        int dead = 0;
        rc = lmdb_failed(lmdb, mdb_reader_check(lmdb->env, &dead), "clear readers that died", err);
    }
    if (rc == OMEGA_OK) {
        rc = read_meta(lmdb, &file, err);
    }
    if (rc == OMEGA_OK) {
        rc = load_machines(lmdb, use->config, err);
    }
    if (rc == OMEGA_OK && lmdb->group) {
        rc = lmdb_group_open(lmdb, err);
    }
    if (rc == OMEGA_OK && !recover && !lmdb->read_only && strcmp(file.boot, boot) != 0) {
        memcpy(file.boot, boot, sizeof file.boot);
        rc = lmdb_cell_file_write(lmdb->path, &file, err);
    }
    return rc;
}

int lmdb_open_cell(const char *path, const struct lmdb_use *use, enum lmdb_purpose purpose,
                   struct store **store, omega_error_t *err)
{
    static const struct lmdb_use nothing = {.module = NULL};
    *store = NULL;
    use = use == NULL ? &nothing : use;
    struct lmdb *lmdb = calloc(1, sizeof *lmdb);
    if (lmdb == NULL || (lmdb->path = strdup(path)) == NULL) {
        free(lmdb);
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to open the cell");
    }
    lmdb->base.ops = &lmdb_ops;
    lmdb->blocked = use->blocked;
    lmdb->blocked_context = use->context;
    lmdb->read_only = use->read_only;
    lmdb->group = use->group && !use->read_only;
    lmdb->forks = atomic_load(&forks);
    int rc = open_all(lmdb, use, purpose, err);
    if (rc != OMEGA_OK) {
        lmdb_close(&lmdb->base);
        return rc;
    }
    *store = &lmdb->base;
    return OMEGA_OK;
}

int lmdb_open(const char *path, const struct lmdb_use *use, struct store **store,
              omega_error_t *err)
{
    return lmdb_open_cell(path, use, LMDB_TO_USE, store, err);
}

void lmdb_close(struct store *store)
{
    struct lmdb *lmdb = lmdb_of(store);
    /* In a child of the process that opened it, LMDB's part belongs to the parent. */
    if (lmdb->forks == atomic_load(&forks)) {
        lmdb_let_go_all(lmdb);
        MDB_txn *spare = atomic_exchange(&lmdb->spare, NULL);
        if (spare != NULL) {
            mdb_txn_abort(spare);
        }
        if (lmdb->env != NULL) {
            mdb_env_close(lmdb->env);
        }
        if (lmdb->inode != 0) {
            leave_registry(lmdb);
        }
    }
    lmdb_gate_close(lmdb->gate);
    lmdb_write_fini(lmdb);
    lmdb_group_close(lmdb);
    catalogue_destroy(lmdb->own_catalogue);
    large_free(lmdb->own_specs);
    large_free(lmdb->platforms);
    free(lmdb->lost);
    free(lmdb->path);
    free(lmdb);
}

static const struct store_ops lmdb_ops = {
    .name = "lmdb",
    .live_views = false,
    .submit = lmdb_submit,
    .commit = lmdb_commit,
    .release = lmdb_release,
    .machine_event = lmdb_machine_event,
    .abandon = lmdb_abandon,
    .preload = lmdb_preload,
    .view_open = lmdb_view_open,
    .view_refresh = lmdb_view_refresh,
    .view_absorb = lmdb_view_absorb,
    .view_close = lmdb_view_close,
    .machine = lmdb_machine,
    .placements = lmdb_placements,
    .counters = lmdb_counters,
    .totals = lmdb_totals,
    .hold = lmdb_hold,
    .let_go = lmdb_let_go,
    .check = lmdb_check,
    .close = lmdb_close,
};
