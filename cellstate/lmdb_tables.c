/* SPDX-License-Identifier: MIT */
/*
 * Records of a write transaction: looked up, written, taken out. Whoever looks a record up leaves a
 * cursor on it (a spot), so that writing it needs no second search of its table.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "cellstate/lmdb_private.h"

/* ---- spots ---- */

void lmdb_spots_clear(struct lmdb_write *write)
{
    memset(write->spots, 0, sizeof write->spots);
    memset(write->machine_spots, 0, write->machine_spots_taken * sizeof *write->machine_spots);
    write->machine_spots_taken = 0;
}

/* Opens a spot's cursor where it has none: that costs as much as looking one record up, so who
 * needs no more goes without. */
static int open_cursor(struct lmdb *lmdb, enum lmdb_table table, struct lmdb_spot *spot,
                       omega_error_t *err)
{
    if (spot->cursor != NULL) {
        return OMEGA_OK;
    }
    return lmdb_write_failed(
        lmdb, mdb_cursor_open(lmdb->write.txn, lmdb->tables[table], &spot->cursor), "write", err);
}

/* Is the spot on this record? Debug builds ask the cursor, too. */
static bool is_on(const struct lmdb_spot *spot, uint64_t key)
{
    bool on = spot->on && spot->key == key;
#ifdef OMEGA_DEBUG
    MDB_val there;
    MDB_val data;
    uint64_t found = 0;
    int code = on ? mdb_cursor_get(spot->cursor, &there, &data, MDB_GET_CURRENT) : MDB_SUCCESS;
    assert(code != EINVAL && code != MDB_NOTFOUND); /* others: LMDB fails, now or before */
    if (on && code == MDB_SUCCESS) {
        memcpy(&found, there.mv_data, there.mv_size < sizeof found ? there.mv_size : sizeof found);
        assert(there.mv_size != sizeof found || found == key); /* but the head's */
    }
#endif
    return on;
}

int lmdb_find_at(struct lmdb *lmdb, enum lmdb_table table, struct lmdb_spot *spot, uint64_t key,
                 MDB_val *data, omega_error_t *err)
{
    MDB_val where = {.mv_size = sizeof key, .mv_data = &key};
    *data = (MDB_val){.mv_size = 0};
    spot->on = false;
    int rc = open_cursor(lmdb, table, spot, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    int code = mdb_cursor_get(spot->cursor, &where, data, MDB_SET);
    spot->on = code == MDB_SUCCESS;
    spot->key = key;
    return code == MDB_NOTFOUND ? OMEGA_OK : lmdb_write_failed(lmdb, code, "read", err);
}

int lmdb_find(struct lmdb *lmdb, enum lmdb_table table, uint64_t key, MDB_val *data,
              omega_error_t *err)
{
    return lmdb_find_at(lmdb, table, &lmdb->write.spots[table], key, data, err);
}

/* ---- writing ---- */

/* Writes a record, by a cursor of the table's if there is one. */
static int put_by(struct lmdb *lmdb, enum lmdb_table table, MDB_cursor *cursor, MDB_val *where,
                  const void *bytes, size_t size, unsigned flags, omega_error_t *err)
{
    MDB_val what = {.mv_size = size, .mv_data = (void *)(uintptr_t)bytes};
    int rc = lmdb_write_room(lmdb, size, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    lmdb->write.changed = true;
    rc = cursor != NULL ? mdb_cursor_put(cursor, where, &what, flags)
                        : mdb_put(lmdb->write.txn, lmdb->tables[table], where, &what, flags);
    return lmdb_write_failed(lmdb, rc, "write", err);
}

int lmdb_put_at(struct lmdb *lmdb, enum lmdb_table table, struct lmdb_spot *spot, bool by_cursor,
                uint64_t key, const void *bytes, size_t size, omega_error_t *err)
{
    MDB_val where = {.mv_size = sizeof key, .mv_data = &key};
    if (is_on(spot, key)) {
        return put_by(lmdb, table, spot->cursor, &where, bytes, size, MDB_CURRENT, err);
    }
    spot->on = false; /* where it is may move */
    int rc = by_cursor ? open_cursor(lmdb, table, spot, err) : OMEGA_OK;
    return rc != OMEGA_OK
               ? rc
               : put_by(lmdb, table, by_cursor ? spot->cursor : NULL, &where, bytes, size, 0, err);
}

int lmdb_put(struct lmdb *lmdb, enum lmdb_table table, uint64_t key, const void *bytes, size_t size,
             omega_error_t *err)
{
    return lmdb_put_at(lmdb, table, &lmdb->write.spots[table], false, key, bytes, size, err);
}

int lmdb_put_placement(struct lmdb *lmdb, const struct store_placement *placement,
                       omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    struct lmdb_spot *spot = &write->spots[LMDB_PLACEMENTS];
    uint8_t bytes[RECORD_PLACEMENT_BYTES];
    uint64_t key = placement->id;
    MDB_val where = {.mv_size = sizeof key, .mv_data = &key};
    record_encode_placement(placement, bytes);
    int rc = write->several ? open_cursor(lmdb, LMDB_PLACEMENTS, spot, err) : OMEGA_OK;
    write->several = true; /* of the batch this was the first */
    spot->on = false;
    return rc != OMEGA_OK ? rc
                          : put_by(lmdb, LMDB_PLACEMENTS, spot->cursor, &where, bytes, sizeof bytes,
                                   MDB_APPEND, err);
}

int lmdb_put_part(struct lmdb *lmdb, enum lmdb_table table, uint64_t job, uint64_t part,
                  const void *bytes, size_t size, omega_error_t *err)
{
    struct lmdb_part_key key = lmdb_part_key(job, part);
    return put_by(lmdb, table, NULL, &(MDB_val){.mv_size = sizeof key, .mv_data = &key}, bytes,
                  size, 0, err);
}

/* ---- taking out ---- */

/* Takes a record out of a table, by a cursor that is on it or NULL; *found: it was there. */
static int take_out(struct lmdb *lmdb, enum lmdb_table table, MDB_cursor *cursor, MDB_val *where,
                    bool *found, omega_error_t *err)
{
    *found = true;
    int rc = lmdb_write_room(lmdb, 0, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    int code = cursor != NULL ? mdb_cursor_del(cursor, 0)
                              : mdb_del(lmdb->write.txn, lmdb->tables[table], where, NULL);
    *found = code != MDB_NOTFOUND;
    lmdb->write.changed = true;
    return *found ? lmdb_write_failed(lmdb, code, "write", err) : OMEGA_OK;
}

int lmdb_delete(struct lmdb *lmdb, enum lmdb_table table, uint64_t key, omega_error_t *err)
{
    bool found;
    struct lmdb_spot *spot = &lmdb->write.spots[table];
    MDB_cursor *cursor = is_on(spot, key) ? spot->cursor : NULL;
    spot->on = false;
    int rc = take_out(lmdb, table, cursor, &(MDB_val){.mv_size = sizeof key, .mv_data = &key},
                      &found, err);
    lmdb->write.broken = lmdb->write.broken || !found;
    return found ? rc : lmdb_bad_record(lmdb, OMEGA_ECORRUPT, table, key, err);
}

int lmdb_delete_part(struct lmdb *lmdb, enum lmdb_table table, uint64_t job, uint64_t part,
                     omega_error_t *err)
{
    bool found;
    struct lmdb_part_key key = lmdb_part_key(job, part);
    int rc = take_out(lmdb, table, NULL, &(MDB_val){.mv_size = sizeof key, .mv_data = &key}, &found,
                      err);
    lmdb->write.broken = lmdb->write.broken || !found;
    return found ? rc : lmdb_bad_part(lmdb, OMEGA_ECORRUPT, table, job, part, err);
}

int lmdb_delete_parts(struct lmdb *lmdb, enum lmdb_table table, uint64_t job, omega_error_t *err)
{
    MDB_cursor *cursor = NULL;
    struct lmdb_part_key first = lmdb_part_key(job, 0);
    MDB_val key = {.mv_size = sizeof first, .mv_data = &first};
    MDB_val data;
    int code = mdb_cursor_open(lmdb->write.txn, lmdb->tables[table], &cursor);
    if (code == MDB_SUCCESS) {
        code = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
    }
    uint64_t of = 0;
    uint64_t part = 0;
    int rc = OMEGA_OK;
    while (code == MDB_SUCCESS && lmdb_part_key_read(&key, &of, &part) && of == job) {
        rc = lmdb_write_room(lmdb, 0, err);
        if (rc != OMEGA_OK) {
            break;
        }
        lmdb->write.changed = true;
        code = mdb_cursor_del(cursor, 0);
        if (code == MDB_SUCCESS) {
            code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT); /* the one after it */
        }
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    return rc != OMEGA_OK || code == MDB_NOTFOUND ? rc
                                                  : lmdb_write_failed(lmdb, code, "write", err);
}

/* ---- the head ---- */

static MDB_val head_key(void)
{
    static char name[] = "head";
    return (MDB_val){.mv_size = sizeof name - 1, .mv_data = name};
}

int lmdb_head_find(struct lmdb *lmdb, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    struct lmdb_spot *spot = &write->spots[LMDB_MAIN];
    MDB_val key = head_key();
    MDB_val data;
    int rc = open_cursor(lmdb, LMDB_MAIN, spot, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    if (mdb_cursor_get(spot->cursor, &key, &data, MDB_SET) != MDB_SUCCESS) {
        return lmdb_get_head(lmdb, write->txn, &write->head, err); /* which says what is wrong */
    }
    spot->on = true;
    spot->key = RECORD_HEAD_KEY;
    return lmdb_bad_record(lmdb, record_decode_head(data.mv_data, data.mv_size, &write->head),
                           LMDB_MAIN, RECORD_HEAD_KEY, err);
}

int lmdb_head_put(struct lmdb *lmdb, omega_error_t *err)
{
    struct lmdb_spot *spot = &lmdb->write.spots[LMDB_MAIN];
    bool on = is_on(spot, RECORD_HEAD_KEY);
    uint8_t bytes[RECORD_HEAD_RECORD_BYTES];
    MDB_val key = head_key();
    record_encode_head(&lmdb->write.head, bytes);
    return put_by(lmdb, LMDB_MAIN, on ? spot->cursor : NULL, &key, bytes, sizeof bytes,
                  on ? MDB_CURRENT : 0, err);
}
