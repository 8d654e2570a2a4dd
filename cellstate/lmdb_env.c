/* SPDX-License-Identifier: MIT */
/*
 * The lmdb store: LMDB's environment, what LMDB says in our words, read transactions and what a
 * thread holds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cellstate/lmdb_private.h"

static const struct {
    const char *name;
    bool numbered; /* its keys are 8-byte integers */
} tables[LMDB_TABLES] = {
    [LMDB_MAIN] = {.name = NULL},
    [LMDB_MACHINES] = {.name = "machines", .numbered = true},
    [LMDB_SPECS] = {.name = "specs", .numbered = true},
    [LMDB_NAMES] = {.name = "names", .numbered = true},
    [LMDB_ATTRIBUTES] = {.name = "attributes", .numbered = true},
    [LMDB_PLACEMENTS] = {.name = "placements", .numbered = true},
    [LMDB_JOBS] = {.name = "jobs", .numbered = true},
    [LMDB_STATES] = {.name = "job_states", .numbered = true},
    [LMDB_DURATIONS] = {.name = "durations", .numbered = true},
    [LMDB_TASKS] = {.name = "job_tasks"},
    [LMDB_SPREAD] = {.name = "job_machines"},
    [LMDB_LOG] = {.name = "changes", .numbered = true},
    [LMDB_INSTANCES] = {.name = "instances", .numbered = true},
};

static const char *const modes[] = {
    [LMDB_PWRITE] = "pwrite",
    [LMDB_FAST] = "fast",
    [LMDB_POWER] = "power",
};

const char *lmdb_mode_name(enum lmdb_mode mode)
{
    return (unsigned)mode < sizeof modes / sizeof *modes ? modes[mode] : NULL;
}

bool lmdb_mode_of(const char *name, enum lmdb_mode *mode)
{
    for (unsigned m = 0; m < sizeof modes / sizeof *modes; m++) {
        if (strcmp(modes[m], name) == 0) {
            *mode = (enum lmdb_mode)m;
            return true;
        }
    }
    return false;
}

const char *lmdb_table_name(enum lmdb_table table)
{
    return tables[table].name == NULL ? "main" : tables[table].name;
}

void lmdb_identity(const struct lmdb *lmdb, char text[33])
{
    for (int i = 0; i < 16; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", lmdb->meta.identity[i]);
    }
}

char *lmdb_file_path(const char *directory, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

/* ---- errors ---- */

/* True where the file system of the cell has no room: LMDB reports a write that was cut short as an
 * input/output error. */
static bool disk_is_full(const struct lmdb *lmdb)
{
    struct statvfs disk;
    return statvfs(lmdb->path, &disk) == 0 && disk.f_bavail * disk.f_frsize < 1u << 20;
}

int lmdb_failure(const struct lmdb *lmdb, int code, const char *doing, omega_error_t *err)
{
    switch (code) {
    case MDB_MAP_FULL:
        return omega_error_set_at(err, OMEGA_EFULL, lmdb->path, 0,
                                  "cannot %s: the cell has used its map of %llu KiB, nothing was "
                                  "changed; 'omega cell export' and 'omega cell load --map-size' "
                                  "make a larger one",
                                  doing, (unsigned long long)(lmdb->meta.map_bytes >> 10));
    case ENOSPC:
    case EDQUOT:
        break;
    case EIO:
        if (disk_is_full(lmdb)) {
            break;
        }
        return omega_error_set_at(err, OMEGA_EIO, lmdb->path, 0, "cannot %s: %s", doing,
                                  strerror(code));
    case ENOMEM:
        return omega_error_set_at(err, OMEGA_ENOMEM, lmdb->path, 0, "cannot %s: no memory", doing);
    case MDB_VERSION_MISMATCH:
        return omega_error_set_at(err, OMEGA_EVERSION, lmdb->path, 0,
                                  "cannot %s: data.mdb is of another version of LMDB, expected %s",
                                  doing, mdb_version(NULL, NULL, NULL));
    case MDB_INVALID:
        return omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                                  "cannot %s: data.mdb is no LMDB file, expected one made by "
                                  "'omega cell init'",
                                  doing);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_CURSOR_FULL:
    case MDB_PAGE_FULL:
    case MDB_BAD_VALSIZE:
    case MDB_INCOMPATIBLE:
        return omega_error_set_at(err, OMEGA_ECORRUPT, lmdb->path, 0,
                                  "cannot %s: the cell is damaged (%s); 'omega cell load' restores "
                                  "an export",
                                  doing, mdb_strerror(code));
    case MDB_READERS_FULL:
        return omega_error_set_at(err, OMEGA_EIO, lmdb->path, 0,
                                  "cannot %s: %u readers use the cell already, expected fewer "
                                  "views and processes",
                                  doing, LMDB_READERS_MAX);
    default:
        return omega_error_set_at(err, OMEGA_EIO, lmdb->path, 0, "cannot %s: %s", doing,
                                  mdb_strerror(code));
    }
    return omega_error_set_at(err, OMEGA_EFULL, lmdb->path, 0,
                              "cannot %s: no room left on the disk, nothing was changed", doing);
}

__attribute__((cold)) static int bad_record(const struct lmdb *lmdb, int code,
                                            enum lmdb_table table, const char *key,
                                            omega_error_t *err)
{
    if (code == OMEGA_EVERSION) {
        return omega_error_set_at(err, code, lmdb->path, 0,
                                  "table '%s', key %s: the record is of a newer omega",
                                  lmdb_table_name(table), key);
    }
    return omega_error_set_at(err, code, lmdb->path, 0,
                              "table '%s', key %s: the record is damaged; 'omega cell load' "
                              "restores an export",
                              lmdb_table_name(table), key);
}

int lmdb_damage(const struct lmdb *lmdb, int code, enum lmdb_table table, uint64_t key,
                omega_error_t *err)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)key);
    return bad_record(lmdb, code, table, text, err);
}

int lmdb_bad_part(const struct lmdb *lmdb, int code, enum lmdb_table table, uint64_t job,
                  uint64_t part, omega_error_t *err)
{
    char text[48];
    if (code == OMEGA_OK) {
        return OMEGA_OK;
    }
    (void)snprintf(text, sizeof text, "%llu/%llu", (unsigned long long)job,
                   (unsigned long long)part);
    return bad_record(lmdb, code, table, text, err);
}

/* ---- reading ---- */

/* What a thread holds: its own, so that checking a cell in one thread does not age the others'
 * views. */
static _Thread_local struct {
    const struct lmdb *lmdb;
    MDB_txn *txn;
    uint32_t times;
} held;

void lmdb_hold_as(const struct lmdb *lmdb, MDB_txn *txn)
{
    held.lmdb = txn == NULL ? NULL : lmdb;
    held.txn = txn;
    held.times = txn != NULL;
}

int lmdb_read_newest(struct lmdb *lmdb, MDB_txn **txn, omega_error_t *err)
{
    int rc = lmdb_check_process(lmdb, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    *txn = atomic_exchange(&lmdb->spare, NULL);
    if (*txn != NULL) {
        rc = mdb_txn_renew(*txn);
        if (rc != MDB_SUCCESS) {
            mdb_txn_abort(*txn);
        }
    } else {
        rc = mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, txn);
    }
    LMDB_TSAN_READS(lmdb);
    return lmdb_failed(lmdb, rc, "read", err);
}

int lmdb_read_begin(struct lmdb *lmdb, MDB_txn **txn, omega_error_t *err)
{
    if (held.lmdb == lmdb) {
        *txn = held.txn;
        return lmdb_check_process(lmdb, err);
    }
    return lmdb_read_newest(lmdb, txn, err);
}

void lmdb_read_end(struct lmdb *lmdb, MDB_txn *txn)
{
    if (txn == held.txn) {
        return;
    }
    LMDB_TSAN_LEAVES(lmdb);
    mdb_txn_reset(txn);
    txn = atomic_exchange(&lmdb->spare, txn);
    if (txn != NULL) {
        mdb_txn_abort(txn);
    }
}

static int look_up(struct lmdb *lmdb, MDB_txn *txn, enum lmdb_table table, MDB_val wanted,
                   MDB_val *data, omega_error_t *err)
{
    int rc = mdb_get(txn, lmdb->tables[table], &wanted, data);
    if (rc == MDB_NOTFOUND) {
        data->mv_data = NULL;
        data->mv_size = 0;
        return OMEGA_OK;
    }
    return lmdb_failed(lmdb, rc, "read", err);
}

int lmdb_get(struct lmdb *lmdb, MDB_txn *txn, enum lmdb_table table, uint64_t key, MDB_val *data,
             omega_error_t *err)
{
    MDB_val wanted = {.mv_size = sizeof key, .mv_data = &key};
    return look_up(lmdb, txn, table, wanted, data, err);
}

int lmdb_get_part(struct lmdb *lmdb, MDB_txn *txn, enum lmdb_table table, uint64_t job,
                  uint64_t part, MDB_val *data, omega_error_t *err)
{
    struct lmdb_part_key key = lmdb_part_key(job, part);
    MDB_val wanted = {.mv_size = sizeof key, .mv_data = &key};
    return look_up(lmdb, txn, table, wanted, data, err);
}

static int get_named(struct lmdb *lmdb, MDB_txn *txn, const char *name, MDB_val *data,
                     omega_error_t *err)
{
    MDB_val key = {.mv_size = strlen(name), .mv_data = (void *)(uintptr_t)name};
    int rc = mdb_get(txn, lmdb->tables[LMDB_MAIN], &key, data);
    if (rc == MDB_NOTFOUND) {
        return omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                                  "data.mdb has no record '%s', expected a cell made by 'omega "
                                  "cell init'",
                                  name);
    }
    return lmdb_failed(lmdb, rc, "read", err);
}

int lmdb_get_head(struct lmdb *lmdb, MDB_txn *txn, struct record_head *head, omega_error_t *err)
{
    MDB_val data;
    int rc = get_named(lmdb, txn, "head", &data, err);
    return rc != OMEGA_OK
               ? rc
               : lmdb_bad_record(lmdb, record_decode_head(data.mv_data, data.mv_size, head),
                                 LMDB_MAIN, RECORD_HEAD_KEY, err);
}

int lmdb_get_meta(struct lmdb *lmdb, MDB_txn *txn, struct record_meta *meta, omega_error_t *err)
{
    MDB_val data;
    int rc = get_named(lmdb, txn, "meta", &data, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_bad_record(lmdb, record_decode_meta(data.mv_data, data.mv_size, meta), LMDB_MAIN,
                             RECORD_META_KEY, err);
    }
    if (rc == OMEGA_OK && meta->schema != LMDB_SCHEMA) {
        rc = omega_error_set_at(err, OMEGA_EVERSION, lmdb->path, 0,
                                "the cell has schema %u, expected %u: it is of %s omega",
                                meta->schema, LMDB_SCHEMA,
                                meta->schema > LMDB_SCHEMA ? "a newer" : "an older");
    }
    return rc;
}

int lmdb_walk(struct lmdb *lmdb, MDB_txn *txn, enum lmdb_table table, uint64_t first,
              int (*each)(void *context, uint64_t key, const MDB_val *data, omega_error_t *err),
              void *context, omega_error_t *err)
{
    MDB_cursor *cursor = NULL;
    int code = mdb_cursor_open(txn, lmdb->tables[table], &cursor);
    MDB_val key = {.mv_size = sizeof first, .mv_data = &first};
    MDB_val data;
    int rc = OMEGA_OK;
    if (code == MDB_SUCCESS) {
        code = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
    }
    while (code == MDB_SUCCESS && rc == OMEGA_OK) {
        uint64_t number = 0;
        memcpy(&number, key.mv_data, key.mv_size < sizeof number ? key.mv_size : sizeof number);
        rc = each(context, number, &data, err);
        if (rc == OMEGA_OK) {
            code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
        }
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    if (rc == OMEGA_OK && code != MDB_NOTFOUND) {
        rc = lmdb_failed(lmdb, code, "read", err);
    }
    return rc;
}

int lmdb_walk_parts(struct lmdb *lmdb, MDB_txn *txn, enum lmdb_table table, uint64_t job,
                    int (*each)(void *context, uint64_t job, uint64_t part, const MDB_val *data,
                                omega_error_t *err),
                    void *context, omega_error_t *err)
{
    MDB_cursor *cursor = NULL;
    struct lmdb_part_key first = lmdb_part_key(job, 0);
    MDB_val key = {.mv_size = sizeof first, .mv_data = &first};
    MDB_val data;
    int rc = OMEGA_OK;
    int code = mdb_cursor_open(txn, lmdb->tables[table], &cursor);
    if (code == MDB_SUCCESS) {
        code = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
    }
    while (code == MDB_SUCCESS && rc == OMEGA_OK) {
        uint64_t of = 0;
        uint64_t part = 0;
        bool sound = lmdb_part_key_read(&key, &of, &part);
        if (sound && job != 0 && of != job) {
            break;
        }
        rc = sound ? each(context, of, part, &data, err)
                   : lmdb_bad_record(lmdb, OMEGA_ECORRUPT, table, 0, err);
        if (rc == OMEGA_OK) {
            code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
        }
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    return rc != OMEGA_OK || code == MDB_NOTFOUND ? rc : lmdb_failed(lmdb, code, "read", err);
}

int lmdb_hold(struct store *store, omega_error_t *err)
{
    struct lmdb *lmdb = lmdb_of(store);
    MDB_txn *txn = NULL;
    struct record_head head;
    int rc = lmdb_check_process(lmdb, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (held.lmdb == lmdb) {
        held.times++;
        return OMEGA_OK;
    }
    if (held.lmdb != NULL) {
        return omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                                  "this thread holds '%s', expected one cell at a time",
                                  held.lmdb->path);
    }
    rc = lmdb_read_newest(lmdb, &txn, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    lmdb_hold_as(lmdb, txn);
    rc = lmdb_get_head(lmdb, txn, &head, err);
    if (rc != OMEGA_OK) {
        lmdb_let_go(store);
    }
    return rc;
}

void lmdb_let_go(struct store *store)
{
    struct lmdb *lmdb = lmdb_of(store);
    MDB_txn *txn = held.txn;
    if (held.lmdb == lmdb && --held.times == 0) {
        lmdb_hold_as(lmdb, NULL);
        lmdb_read_end(lmdb, txn);
    }
}

void lmdb_let_go_all(struct lmdb *lmdb)
{
    held.times = held.lmdb == lmdb;
    lmdb_let_go(&lmdb->base);
}

/* ---- the environment ---- */

int lmdb_tables_open(struct lmdb *lmdb, MDB_txn *txn, unsigned flags, omega_error_t *err)
{
    int rc = MDB_SUCCESS;
    for (int t = 0; rc == MDB_SUCCESS && t < LMDB_TABLES; t++) {
        unsigned kind = tables[t].numbered ? MDB_INTEGERKEY : 0;
        rc = mdb_dbi_open(txn, tables[t].name, flags | kind, &lmdb->tables[t]);
        if (rc == MDB_NOTFOUND) {
            return omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                                      "data.mdb has no table '%s', expected a cell made by 'omega "
                                      "cell init'",
                                      tables[t].name);
        }
    }
    return lmdb_failed(lmdb, rc, "open the tables", err);
}

/* Writes zeros where the file system cannot allocate otherwise: into a file that this process has
 * just made, and only while no other has it open in LMDB, whose users all hold this lock. */
static int write_zeros(int file)
{
    static const char zeros[4096];
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    if (fcntl(file, F_SETLK, &all) != 0) {
        return 0; /* LMDB has begun with it */
    }
    for (off_t at = 0; at < (off_t)LMDB_LOCK_BYTES; at += (off_t)sizeof zeros) {
        ssize_t put = pwrite(file, zeros, sizeof zeros, at);
        if (put != (ssize_t)sizeof zeros) {
            return put < 0 ? errno : ENOSPC;
        }
    }
    return 0;
}

/* Not posix_fallocate(): where the file system cannot, that reads and writes bytes of the file, and
 * so may undo what other processes do to the locks in it. */
static int allocate_all(int file, bool made)
{
    struct stat about;
    if (fstat(file, &about) != 0) {
        return errno;
    }
    if (about.st_size >= (off_t)LMDB_LOCK_BYTES &&
        about.st_blocks >= (blkcnt_t)(LMDB_LOCK_BYTES / 512)) {
        return 0;
    }
    int rc;
    do {
        rc = fallocate(file, 0, 0, LMDB_LOCK_BYTES) == 0 ? 0 : errno;
    } while (rc == EINTR);
    if (rc != EOPNOTSUPP) {
        return rc;
    }
    return made ? write_zeros(file) : 0;
}

/* LMDB maps lock.mdb, and to touch a page of it that a full disk has no room for would end the
 * process: all of them are allocated before. Opening and closing the file harms nobody as long as
 * this process has not opened the cell, which the registry vouches for. */
static int allocate_lock(const struct lmdb *lmdb, omega_error_t *err)
{
    char *path = lmdb_file_path(lmdb->path, "lock.mdb");
    if (path == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to open the cell");
    }
    int rc = OMEGA_OK;
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    bool made = file >= 0;
    if (!made && errno == EEXIST) {
        file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    }
    if (file < 0) {
        rc = omega_error_set_errno(err, path, "cannot open");
    } else {
        rc = lmdb_failed(lmdb, allocate_all(file, made), "open the cell", err);
        close(file);
    }
    free(path);
    return rc;
}

static int create_env(struct lmdb *lmdb, enum lmdb_mode mode, uint64_t map_bytes)
{
    unsigned flags = MDB_NOTLS;
    if (mode != LMDB_POWER) {
        flags |= MDB_NOSYNC;
    }
    lmdb->by_map = mode == LMDB_FAST && !lmdb->read_only;
    if (lmdb->by_map) {
        flags |= MDB_WRITEMAP;
    }
    if (lmdb->read_only) {
        flags |= MDB_RDONLY;
    }
    int rc = mdb_env_create(&lmdb->env);
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_set_mapsize(lmdb->env, (size_t)map_bytes);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_set_maxdbs(lmdb->env, LMDB_TABLES);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_set_maxreaders(lmdb->env, LMDB_READERS_MAX);
    }
    if (rc == MDB_SUCCESS) {
        rc = mdb_env_open(lmdb->env, lmdb->path, flags, 0666);
    }
    if (rc == MDB_SUCCESS) {
        MDB_stat about;
        rc = mdb_env_stat(lmdb->env, &about);
        lmdb->page_bytes = about.ms_psize;
    }
    return rc;
}

int lmdb_env_open(struct lmdb *lmdb, enum lmdb_mode mode, uint64_t map_bytes, omega_error_t *err)
{
    int rc = lmdb->read_only ? OMEGA_OK : allocate_lock(lmdb, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    int code = create_env(lmdb, mode, map_bytes);
    if (code == ENOMEM || code == EOVERFLOW || code == EFBIG) {
        return omega_error_set_at(err, OMEGA_ENOMEM, lmdb->path, 0,
                                  "cannot open the cell: a map of %llu MiB does not fit in, "
                                  "expected a smaller map size",
                                  (unsigned long long)(map_bytes >> 20));
    }
    if (code == EACCES && lmdb->read_only) {
        return omega_error_set_at(err, OMEGA_EIO, lmdb->path, 0,
                                  "cannot open the cell: %s; expected permission to write "
                                  "lock.mdb, also to look at it (readers register there)",
                                  strerror(code));
    }
    return lmdb_failed(lmdb, code, "open the cell", err);
}
