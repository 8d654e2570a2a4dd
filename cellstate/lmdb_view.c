/* SPDX-License-Identifier: MIT */
/*
 * Views of the lmdb store: private copies, moved forward by the change log, whose entries carry
 * what a view has to show. A view older than the log reaches is copied in full. With `group` the
 * changes are also in memory (cellstate/feed.h), where LMDB's transaction number tells whether that
 * is all. A read transaction lives as long as one refresh; planning holds none.
 */
#include <stdlib.h>
#include <string.h>

#include "cellstate/lmdb_private.h"
#include "cellstate/lmdb_records_private.h"

#define PUBLISHED_MAX 256u          /* changes at once; who is further behind reads the log */
#define PUBLISHED_BYTES (64u << 10) /* of one change, likewise: bounds the feed's memory */
#define RECORDS_AHEAD 6             /* asked for before they are needed, in a full copy */

struct lmdb_view {
    struct store_view view;
    struct lmdb *lmdb;
    MDB_cursor *log;    /* renewed for each refresh; NULL until the first */
    omega_error_t *err; /* of the refresh that goes on */
    uint64_t fed;       /* changes that it has been shown from memory */
};

static struct lmdb_view *view_of(struct store_view *view)
{
    return (struct lmdb_view *)(void *)view;
}

/* ---- one change ---- */

/* Shows what the machines of a change carry; what few changes carry in loops of their own.
 * OMEGA_ECORRUPT if the cell has no such machine. */
static int show_carried(struct store_view *view, const struct record_change *change)
{
    const uint8_t *from = change->machines;
    size_t stride = record_change_stride(change);
    const uint8_t *end = from + change->machine_count * stride;
    uint32_t machines = view->shown.machine_count;
    bool seqs = change->seqs;
    for (const uint8_t *at = from; at < end; at += stride) {
        uint32_t index = load_u32(at);
        if (index >= machines) {
            return OMEGA_ECORRUPT;
        }
        view->entry[index].room = (struct omega_room){load_i32(at + 4), load_i32(at + 8)};
        if (seqs) {
            uint64_t *stamp = &view->entry[index].stamp;
            *stamp = omega_stamp(load_u64(at + record_change_seq_at()), omega_releases(*stamp));
        }
    }
    for (const uint8_t *at = from; change->releases && at < end; at += stride) {
        uint64_t *stamp = &view->entry[load_u32(at)].stamp;
        *stamp = omega_stamp(omega_seq(*stamp), load_u32(at + record_change_releases_at(change)));
    }
    for (const uint8_t *at = from; change->limits && at < end; at += stride) {
        const uint8_t *limits = at + record_change_limits_at(change);
        view->entry[load_u32(at)].limit =
            (struct omega_room){load_i32(limits), load_i32(limits + 4)};
    }
    for (const uint8_t *at = from; change->gpus && at < end; at += stride) {
        uint32_t index = load_u32(at);
        load_i16s(view->free_gpu_milli + (size_t)index * OMEGA_GPU_DEVICES_MAX,
                  at + record_change_gpus_at(change), OMEGA_GPU_DEVICES_MAX);
        store_view_derive_gpu(view, index);
    }
    return OMEGA_OK;
}

/* Shows the change of a version; 1 if the record is of another one. */
static int show_change(struct lmdb_view *view, uint64_t version, const void *bytes, size_t size)
{
    struct record_change change;
    struct lmdb *lmdb = view->lmdb;
    uint64_t key = version % lmdb->meta.log_changes;
    int rc = record_decode_change_shown(bytes, size, key, &change);
    if (rc == OMEGA_OK && change.version != version) {
        return 1;
    }
    if (rc == OMEGA_OK) {
        rc = show_carried(&view->view, &change);
    }
    return lmdb_bad_record(lmdb, rc, LMDB_LOG, key, view->err);
}

/* ---- from the log ---- */

/* Shows the changes since view->feed up to `newest`. Returns 1 if the log has lost one of them. */
static int show_log(struct lmdb_view *view, MDB_txn *txn, uint64_t newest)
{
    struct lmdb *lmdb = view->lmdb;
    int rc = view->log == NULL ? mdb_cursor_open(txn, lmdb->tables[LMDB_LOG], &view->log)
                               : mdb_cursor_renew(txn, view->log);
    if (rc != MDB_SUCCESS) {
        return lmdb_failed(lmdb, rc, "read the change log", view->err);
    }
    rc = OMEGA_OK;
    for (uint64_t version = view->view.feed + 1; rc == OMEGA_OK && version <= newest; version++) {
        MDB_val data;
        bool first = version == view->view.feed + 1;
        int code = lmdb_next_change(lmdb, view->log, version, first, &data);
        if (code != MDB_SUCCESS) {
            rc = code == MDB_NOTFOUND ? 1 : lmdb_failed(lmdb, code, "read the log", view->err);
        } else {
            rc = show_change(view, version, data.mv_data, data.mv_size);
        }
    }
    return rc;
}

/* ---- from the machines ---- */

static inline void show_machine(struct store_view *view,
                                const struct record_change_machine *machine)
{
    uint32_t index = machine->index;
    view->entry[index] = (struct omega_entry){
        .room = {machine->free_cpu_milli, machine->free_mem_mib},
        .stamp = omega_stamp(machine->seq, machine->releases),
        .limit = {machine->cpu_limit_milli, machine->mem_limit_mib},
    };
    if (view->free_gpu_milli != NULL) {
        memcpy(view->free_gpu_milli + (size_t)index * OMEGA_GPU_DEVICES_MAX,
               machine->free_gpu_milli, sizeof machine->free_gpu_milli);
        store_view_derive_gpu(view, index);
    }
}

static inline int show_record(struct lmdb_view *view, uint32_t index, const MDB_val *data)
{
    struct record_change_machine machine;
    int rc = record_show_machine(data->mv_data, data->mv_size, index, &machine);
    if (rc != OMEGA_OK) {
        return lmdb_bad_record(view->lmdb, rc, LMDB_MACHINES, index, view->err);
    }
    show_machine(&view->view, &machine);
    return OMEGA_OK;
}

/* Shows all machines: their keys run from 0 without a gap, or their records would not fit them. */
RECORD_FLATTEN static int show_all(struct lmdb_view *view, MDB_txn *txn)
{
    struct lmdb *lmdb = view->lmdb;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val data;
    int code = mdb_cursor_open(txn, lmdb->tables[LMDB_MACHINES], &cursor);
    int rc = OMEGA_OK;
    for (uint32_t m = 0; code == MDB_SUCCESS && rc == OMEGA_OK && m < lmdb->meta.machine_count;
         m++) {
        code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT); /* at first: the first */
        if (code == MDB_SUCCESS) {
            /* records lie on their page from the last byte down */
            __builtin_prefetch((const char *)data.mv_data - RECORDS_AHEAD * RECORD_MACHINE_BYTES);
            rc = show_record(view, m, &data);
        }
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    return rc == OMEGA_OK ? lmdb_failed(lmdb, code, "read the machines", view->err) : rc;
}

/* Moves a view to what `txn` shows. */
static int catch_up(struct lmdb_view *view, MDB_txn *txn)
{
    struct lmdb *lmdb = view->lmdb;
    struct record_head head;
    int rc = lmdb_get_head(lmdb, txn, &head, view->err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    uint64_t newest = head.counters.version;
    uint64_t behind = newest - view->view.feed;
    if (behind > lmdb->meta.log_changes || behind > lmdb->meta.machine_count / 4 + 16) {
        rc = 1; /* lost, or dearer than a copy */
    } else {
        rc = show_log(view, txn, newest);
    }
    if (rc == 1) {
        rc = show_all(view, txn);
    }
    if (rc == OMEGA_OK) {
        view->view.feed = newest;
        view->view.shown.version = newest;
    }
    return rc;
}

/* ---- from memory ---- */

static int show_fed(void *context, const void *bytes, size_t size)
{
    struct lmdb_view *view = context;
    return show_change(view, view->view.feed + 1 + view->fed++, bytes, size);
}

/* Moves a view as far as the feed goes; true if that is all there is. */
static bool show_feed(struct lmdb_view *view, int *rc)
{
    struct lmdb *lmdb = view->lmdb;
    uint64_t stamp = 0;
    uint64_t position = view->view.feed;
    MDB_envinfo info;
    view->fed = 0;
    *rc = feed_read(lmdb->feed, &position, &stamp, show_fed, view);
    if (*rc != 0) {
        return *rc < 0;
    }
    view->view.feed = position;
    view->view.shown.version = position;
    (void)mdb_env_info(lmdb->env, &info);
    return stamp == info.me_last_txnid;
}

void lmdb_publish(struct lmdb *lmdb)
{
    MDB_txn *txn = NULL;
    struct record_head head = {.counters.version = 0};
    if (lmdb_read_newest(lmdb, &txn, NULL) != OMEGA_OK) {
        return; /* readers find another transaction number, and read the log themselves */
    }
    int rc = lmdb_get_head(lmdb, txn, &head, NULL);
    uint64_t newest = head.counters.version;
    bool gap = rc != OMEGA_OK || newest - lmdb->fed > PUBLISHED_MAX ||
               newest - lmdb->fed > lmdb->meta.log_changes;
    for (uint64_t version = lmdb->fed + 1; !gap && version <= newest; version++) {
        MDB_val data;
        uint64_t key = version % lmdb->meta.log_changes;
        gap = lmdb_get(lmdb, txn, LMDB_LOG, key, &data, NULL) != OMEGA_OK || data.mv_data == NULL ||
              data.mv_size > PUBLISHED_BYTES ||
              feed_publish(lmdb->feed, version, data.mv_data, data.mv_size, NULL) != OMEGA_OK;
    }
    uint64_t stamp = mdb_txn_id(txn);
    lmdb_read_end(lmdb, txn);
    if (rc != OMEGA_OK) {
        return;
    }
    if (gap) {
        feed_reset(lmdb->feed, newest, stamp);
    } else {
        feed_advance(lmdb->feed, newest, stamp);
    }
    lmdb->fed = newest;
}

/* ---- store operations ---- */

int lmdb_view_refresh(struct store *store, struct store_view *shown, omega_error_t *err)
{
    struct lmdb *lmdb = lmdb_of(store);
    struct lmdb_view *view = view_of(shown);
    MDB_txn *txn = NULL;
    int rc = lmdb_check_process(lmdb, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    view->err = err;
    if (lmdb->feed != NULL && show_feed(view, &rc)) {
        return rc;
    }
    rc = lmdb_read_newest(lmdb, &txn, err);
    if (rc == OMEGA_OK) {
        rc = catch_up(view, txn);
        lmdb_read_end(lmdb, txn);
    }
    return rc;
}

int lmdb_view_absorb(struct store *store, struct store_view *shown, const uint32_t *machines,
                     uint32_t count, omega_error_t *err)
{
    struct lmdb *lmdb = lmdb_of(store);
    struct lmdb_view *view = view_of(shown);
    MDB_txn *txn = NULL;
    struct record_head head;
    int rc = lmdb_read_newest(lmdb, &txn, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = lmdb_get_head(lmdb, txn, &head, err);
    for (uint32_t i = 0; rc == OMEGA_OK && i < count; i++) {
        MDB_val data;
        rc = lmdb_get(lmdb, txn, LMDB_MACHINES, machines[i], &data, err);
        if (rc == OMEGA_OK && data.mv_data == NULL) {
            rc = lmdb_bad_record(lmdb, OMEGA_ECORRUPT, LMDB_MACHINES, machines[i], err);
        }
        if (rc == OMEGA_OK) {
            view->err = err;
            rc = show_record(view, machines[i], &data);
        }
        if (rc == OMEGA_OK) {
            shown->absorbed[machines[i]] = head.counters.version;
        }
    }
    lmdb_read_end(lmdb, txn);
    return rc;
}

void lmdb_view_close(struct store_view *view)
{
    struct lmdb_view *closed = view_of(view);
    if (closed->log != NULL) {
        mdb_cursor_close(closed->log);
    }
    store_view_free_arrays(view);
    free(closed);
}

int lmdb_view_open(struct store *store, enum store_view_mode mode, struct store_view **view,
                   omega_error_t *err)
{
    struct lmdb *lmdb = lmdb_of(store);
    MDB_txn *txn = NULL;
    if (mode != STORE_VIEW_PRIVATE) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "the lmdb store has no live views, expected a private one");
    }
    struct lmdb_view *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for a view");
    }
    opened->lmdb = lmdb;
    opened->err = err;
    opened->view.mode = mode;
    opened->view.absorbed = calloc(store->machine_count + 1u, sizeof *opened->view.absorbed);
    int rc = OMEGA_OK;
    if (opened->view.absorbed == NULL ||
        store_view_allocate(&opened->view, store->machine_count, lmdb->meta.gpus) != OMEGA_OK) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "no memory for a view of %u machines",
                             store->machine_count);
    }
    if (rc == OMEGA_OK) {
        rc = lmdb_read_newest(lmdb, &txn, err);
    }
    if (rc == OMEGA_OK) {
        struct record_head head;
        rc = lmdb_get_head(lmdb, txn, &head, err);
        if (rc == OMEGA_OK) {
            rc = show_all(opened, txn);
            opened->view.feed = head.counters.version;
            opened->view.shown.version = head.counters.version;
        }
        lmdb_read_end(lmdb, txn);
    }
    if (rc != OMEGA_OK) {
        lmdb_view_close(&opened->view);
        return rc;
    }
    opened->view.shown.platform = lmdb->platforms;
    opened->view.shown.domain = lmdb->domains;
    *view = &opened->view;
    return OMEGA_OK;
}
