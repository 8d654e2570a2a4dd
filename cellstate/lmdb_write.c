/* SPDX-License-Identifier: MIT */
/*
 * Write transactions of the lmdb store. A batch of requests is one LMDB transaction: each request
 * sees what those before it left, in the machines at hand; every change logs what views have to
 * show; machines and head are written once, at the end. Nothing waits inside but for the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cellstate/lmdb_private.h"

/* ---- working memory ---- */

int lmdb_write_init(struct lmdb *lmdb)
{
    struct lmdb_write *write = &lmdb->write;
    uint32_t machines = lmdb->meta.machine_count;
    write->slot_of = calloc(machines + 1u, sizeof *write->slot_of);
    write->rules = rules_scratch_create();
    if (write->slot_of == NULL || write->rules == NULL ||
        jobs_scratch_init(&write->scratch, machines) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    return OMEGA_OK;
}

void lmdb_write_fini(struct lmdb *lmdb)
{
    struct lmdb_write *write = &lmdb->write;
    free(write->hand);
    free(write->slot_of);
    free(write->order);
    free(write->changed_slots);
    free(write->items);
    free(write->bytes);
    jobs_entry_free_arrays(&write->entry);
    jobs_scratch_fini(&write->scratch);
    rules_scratch_destroy(write->rules);
}

/* Makes room for `wanted` elements in an array that grows: 0 or OMEGA_ENOMEM. */
static int grow(void **array, uint32_t *room, uint64_t wanted, size_t element)
{
    if (wanted <= *room) {
        return OMEGA_OK;
    }
    uint64_t more = wanted < 64 ? 64 : wanted + wanted / 2;
    void *grown = more > UINT32_MAX ? NULL : realloc(*array, more * element);
    if (grown == NULL) {
        return OMEGA_ENOMEM;
    }
    *array = grown;
    *room = (uint32_t)more;
    return OMEGA_OK;
}

static int no_memory(const struct lmdb *lmdb, omega_error_t *err)
{
    return omega_error_set_at(err, OMEGA_ENOMEM, lmdb->path, 0, "no memory to write to the cell");
}

int lmdb_reserve_bytes(struct lmdb *lmdb, size_t size, omega_error_t *err)
{
    if (size <= lmdb->write.bytes_room) {
        return OMEGA_OK;
    }
    uint8_t *bytes = realloc(lmdb->write.bytes, size * 2);
    if (bytes == NULL) {
        return no_memory(lmdb, err);
    }
    lmdb->write.bytes = bytes;
    lmdb->write.bytes_room = size * 2;
    return OMEGA_OK;
}

/* ---- tables ---- */

int lmdb_write_failed(struct lmdb *lmdb, int code, const char *doing, omega_error_t *err)
{
    if (code != MDB_SUCCESS) {
        lmdb->write.broken = true;
    }
    return lmdb_failed(lmdb, code, doing, err);
}

int lmdb_put(struct lmdb *lmdb, enum lmdb_table table, uint64_t key, const void *bytes, size_t size,
             omega_error_t *err)
{
    MDB_val where = {.mv_size = sizeof key, .mv_data = &key};
    MDB_val what = {.mv_size = size, .mv_data = (void *)(uintptr_t)bytes};
    int rc = lmdb_write_room(lmdb, size, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    lmdb->write.changed = true;
    return lmdb_write_failed(lmdb, mdb_put(lmdb->write.txn, lmdb->tables[table], &where, &what, 0),
                             "write", err);
}

int lmdb_delete(struct lmdb *lmdb, enum lmdb_table table, uint64_t key, omega_error_t *err)
{
    MDB_val where = {.mv_size = sizeof key, .mv_data = &key};
    int rc = lmdb_write_room(lmdb, 0, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    lmdb->write.changed = true;
    return lmdb_write_failed(lmdb, mdb_del(lmdb->write.txn, lmdb->tables[table], &where, NULL),
                             "write", err);
}

/* ---- machines at hand ---- */

int lmdb_reserve_machines(struct lmdb *lmdb, uint32_t count, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    uint64_t wanted = (uint64_t)write->hand_count + count;
    if (wanted > lmdb->meta.machine_count) {
        wanted = lmdb->meta.machine_count;
    }
    return grow((void **)&write->hand, &write->hand_room, wanted, sizeof *write->hand) == OMEGA_OK
               ? OMEGA_OK
               : no_memory(lmdb, err);
}

int lmdb_machine_at_hand(struct lmdb *lmdb, uint32_t index, struct lmdb_at_hand **hand,
                         omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    uint64_t slot = write->slot_of[index];
    if (slot >> 32 == write->batch) {
        *hand = &write->hand[(uint32_t)slot];
        return OMEGA_OK;
    }
    uint64_t key = index;
    MDB_val where = {.mv_size = sizeof key, .mv_data = &key};
    MDB_val data;
    int rc = mdb_cursor_get(write->machines, &where, &data, MDB_SET);
    if (rc != MDB_SUCCESS) {
        return rc == MDB_NOTFOUND ? lmdb_bad_record(lmdb, OMEGA_ECORRUPT, LMDB_MACHINES, key, err)
                                  : lmdb_write_failed(lmdb, rc, "read a machine", err);
    }
    *hand = &write->hand[write->hand_count];
    rc = record_decode_machine(data.mv_data, data.mv_size, key, &(*hand)->machine);
    if (rc != OMEGA_OK) {
        return lmdb_bad_record(lmdb, rc, LMDB_MACHINES, key, err);
    }
    (*hand)->logged = 0;
    (*hand)->dirty = false;
    write->slot_of[index] = (uint64_t)write->batch << 32 | write->hand_count++;
    return OMEGA_OK;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void lmdb_sort_order(uint64_t *order, uint32_t count)
{
    bool sorted = true; /* as machines of one transaction are when they are written */
    for (uint32_t i = 1; sorted && i < count; i++) {
        sorted = order[i - 1] <= order[i];
    }
    if (!sorted) {
        qsort(order, count, sizeof *order, compare);
    }
}

int lmdb_reserve_order(struct lmdb *lmdb, uint32_t count, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    return grow((void **)&write->order, &write->order_room, count, sizeof *write->order) == OMEGA_OK
               ? OMEGA_OK
               : no_memory(lmdb, err);
}

/* Writes the machines that changed, by rising index, so that neighbours share a page. */
static int write_machines(struct lmdb *lmdb, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    int rc = lmdb_reserve_order(lmdb, write->hand_count, err);
    if (rc != OMEGA_OK) {
        write->broken = true;
        return rc;
    }
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < write->hand_count; slot++) {
        if (write->hand[slot].dirty) {
            write->order[count++] = (uint64_t)write->hand[slot].machine.index << 32 | slot;
        }
    }
    lmdb_sort_order(write->order, count);
    for (uint32_t i = 0; rc == OMEGA_OK && i < count; i++) {
        const struct omega_machine *machine = &write->hand[(uint32_t)write->order[i]].machine;
        uint8_t bytes[RECORD_MACHINE_BYTES_MAX];
        uint64_t key = machine->index;
        MDB_val where = {.mv_size = sizeof key, .mv_data = &key};
        MDB_val what = {.mv_size = record_encode_machine(machine, bytes), .mv_data = bytes};
        rc = lmdb_write_room(lmdb, what.mv_size, err);
        if (rc == OMEGA_OK) {
            rc = lmdb_write_failed(lmdb, mdb_cursor_put(write->machines, &where, &what, 0), "write",
                                   err);
        }
    }
    return rc;
}

/* ---- changes ---- */

int lmdb_change_begin(struct lmdb *lmdb, enum record_change_kind kind, uint32_t machines,
                      uint32_t items, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    if (write->head.counters.version >= OMEGA_VERSION_MAX) {
        return omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                                  "the cell has had %llu changes, expected a new one by now",
                                  (unsigned long long)OMEGA_VERSION_MAX);
    }
    if (grow((void **)&write->changed_slots, &write->changed_room, machines,
             sizeof *write->changed_slots) != OMEGA_OK ||
        grow((void **)&write->items, &write->item_room, items, sizeof *write->items) != OMEGA_OK) {
        return no_memory(lmdb, err);
    }
    write->change = (struct record_change){
        .version = write->head.counters.version + 1,
        .instance = OMEGA_INSTANCE_NONE,
        .kind = (uint8_t)kind,
        .gpus = lmdb->meta.gpus,
        .limits = kind == RECORD_CHANGE_EVENT,
    };
    return OMEGA_OK;
}

void lmdb_change_machine(struct lmdb *lmdb, struct lmdb_at_hand *hand)
{
    struct lmdb_write *write = &lmdb->write;
    hand->dirty = true;
    if (hand->logged != write->change.version) {
        hand->logged = write->change.version;
        write->changed_slots[write->change.machine_count++] = (uint32_t)(hand - write->hand);
    }
}

void lmdb_change_item(struct lmdb *lmdb, uint64_t placement, uint32_t task, uint32_t machine,
                      uint8_t devices)
{
    struct lmdb_write *write = &lmdb->write;
    write->items[write->change.item_count++] = (struct record_change_item){
        .placement = placement,
        .task = task,
        .machine = machine,
        .devices = devices,
    };
}

/* Writes the change at hand to `bytes`. */
static void encode_change(const struct lmdb *lmdb, uint64_t key, uint8_t *bytes)
{
    const struct lmdb_write *write = &lmdb->write;
    const struct record_change *change = &write->change;
    for (uint32_t i = 0; i < change->machine_count; i++) {
        const struct omega_machine *machine = &write->hand[write->changed_slots[i]].machine;
        struct record_change_machine shown = {
            .index = machine->index,
            .free_cpu_milli = rules_free_cpu(machine),
            .free_mem_mib = rules_free_mem(machine),
            .releases = machine->releases,
            .seq = machine->seq,
            .cpu_limit_milli = machine->cpu_limit_milli,
            .mem_limit_mib = machine->mem_limit_mib,
        };
        for (uint32_t d = 0; change->gpus && d < OMEGA_GPU_DEVICES_MAX; d++) {
            shown.free_gpu_milli[d] = rules_free_gpu(machine, d);
        }
        record_put_change_machine(bytes, change, i, &shown);
    }
    for (uint32_t i = 0; i < change->item_count; i++) {
        record_put_change_item(bytes, change, i, &write->items[i]);
    }
    record_finish_change(change, key, bytes);
}

int lmdb_change_end(struct lmdb *lmdb, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    const struct record_change *change = &write->change;
    uint64_t key = change->version % lmdb->meta.log_changes;
    MDB_val where = {.mv_size = sizeof key, .mv_data = &key};
    MDB_val what = {
        .mv_size = record_change_bytes(change),
    };
    int rc = lmdb_write_room(lmdb, what.mv_size, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = mdb_put(write->txn, lmdb->tables[LMDB_LOG], &where, &what, MDB_RESERVE);
    LMDB_TSAN_WRITES(lmdb);
    write->changed = true;
    if (rc == MDB_SUCCESS) {
        encode_change(lmdb, key, what.mv_data);
        write->head.counters.version = change->version;
    }
    return lmdb_write_failed(lmdb, rc, "write", err);
}

/* ---- the transaction ---- */

/* `fast`: a page of a writable map that the disk has no room for would end the process, so room is
 * made sure of before anything is touched: some more than asked for, if there is. */
static int allocate(struct lmdb *lmdb, uint64_t wanted, omega_error_t *err)
{
    mdb_filehandle_t file;
    uint64_t map = lmdb->meta.map_bytes;
    wanted = wanted > map ? map : wanted;
    if (wanted <= lmdb->allocated) {
        return OMEGA_OK;
    }
    uint64_t generous = wanted + LMDB_AHEAD_BYTES > map ? map : wanted + LMDB_AHEAD_BYTES;
    int rc = mdb_env_get_fd(lmdb->env, &file);
    if (rc == MDB_SUCCESS && fallocate(file, 0, 0, (off_t)generous) == 0) {
        lmdb->allocated = generous;
        return OMEGA_OK;
    }
    if (rc == MDB_SUCCESS && fallocate(file, 0, 0, (off_t)wanted) == 0) {
        lmdb->allocated = wanted;
        return OMEGA_OK;
    }
    if (rc == MDB_SUCCESS && errno == EOPNOTSUPP) {
        return omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                                  "the file system cannot reserve room, which mode 'fast' needs: "
                                  "expected a cell in mode 'pwrite' here");
    }
    return lmdb_failed(lmdb, rc == MDB_SUCCESS ? errno : rc,
                       "reserve the 64 MiB and more that mode 'fast' keeps ahead", err);
}

/* Before a write transaction: 64 MiB beyond the last page in use. */
static int allocate_ahead(struct lmdb *lmdb, omega_error_t *err)
{
    MDB_envinfo info;
    (void)mdb_env_info(lmdb->env, &info);
    lmdb->write.end = (info.me_last_pgno + 1) * lmdb->page_bytes + LMDB_AHEAD_BYTES;
    return allocate(lmdb, lmdb->write.end, err);
}

int lmdb_write_room(struct lmdb *lmdb, size_t size, omega_error_t *err)
{
    if (!lmdb->by_map) {
        return OMEGA_OK;
    }
    /* the record, the page that it lies on, and one for those above, which many records share */
    lmdb->write.end += size + 2 * lmdb->page_bytes;
    int rc = allocate(lmdb, lmdb->write.end, err);
    lmdb->write.broken = lmdb->write.broken || rc != OMEGA_OK;
    return rc;
}

/* Slots of readers that died keep old pages from being used again. */
static void clear_readers(struct lmdb *lmdb)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (now.tv_sec != lmdb->readers_checked) {
        int dead = 0;
        (void)mdb_reader_check(lmdb->env, &dead);
        lmdb->readers_checked = now.tv_sec;
    }
}

void lmdb_write_abort(struct lmdb *lmdb)
{
    if (lmdb->write.txn != NULL) {
        mdb_txn_abort(lmdb->write.txn); /* closes its cursors too */
        lmdb->write.txn = NULL;
    }
}

/* Forgets the machines at hand, which belong to one LMDB transaction. */
static void empty_hands(struct lmdb *lmdb)
{
    struct lmdb_write *write = &lmdb->write;
    write->hand_count = 0;
    if (++write->batch == 0) {
        memset(write->slot_of, 0, (lmdb->meta.machine_count + 1u) * sizeof *write->slot_of);
        write->batch = 1;
    }
}

int lmdb_write_begin(struct lmdb *lmdb, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    clear_readers(lmdb);
    empty_hands(lmdb);
    write->changed = false;
    write->broken = false;
    int rc = lmdb->by_map ? allocate_ahead(lmdb, err) : OMEGA_OK;
    if (rc == OMEGA_OK) {
        rc = lmdb_failed(lmdb, mdb_txn_begin(lmdb->env, NULL, 0, &write->txn), "write", err);
    }
    if (rc != OMEGA_OK) {
        write->txn = NULL;
        return rc;
    }
    rc = mdb_cursor_open(write->txn, lmdb->tables[LMDB_MACHINES], &write->machines);
    if (rc == MDB_SUCCESS) {
        rc = mdb_cursor_open(write->txn, lmdb->tables[LMDB_PLACEMENTS], &write->placements);
    }
    rc = lmdb_failed(lmdb, rc, "write", err);
    if (rc == OMEGA_OK) {
        rc = lmdb_get_head(lmdb, write->txn, &write->head, err);
    }
    if (rc != OMEGA_OK) {
        lmdb_write_abort(lmdb);
    }
    return rc;
}

int lmdb_head_put(struct lmdb *lmdb, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    uint8_t bytes[RECORD_HEAD_RECORD_BYTES];
    MDB_val key = {.mv_size = 4, .mv_data = (char[]){"head"}};
    MDB_val data = {.mv_size = sizeof bytes, .mv_data = bytes};
    record_encode_head(&write->head, bytes);
    return lmdb_write_failed(lmdb, mdb_put(write->txn, lmdb->tables[LMDB_MAIN], &key, &data, 0),
                             "write", err);
}

int lmdb_write_end(struct lmdb *lmdb, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    int rc = write_machines(lmdb, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_head_put(lmdb, err);
    }
    if (rc != OMEGA_OK) {
        lmdb_write_abort(lmdb);
        return rc;
    }
    MDB_txn *txn = write->txn;
    write->txn = NULL;
    LMDB_TSAN_COMMITS(lmdb);
    return lmdb_failed(lmdb, mdb_txn_commit(txn), "commit", err);
}
