/* SPDX-License-Identifier: MIT */
/*
 * Write transactions of the lmdb store. A batch of requests is one LMDB transaction: each request
 * sees what those before it left, in the machines at hand; every change logs what views have to
 * show; machines and head are written once, at the end. Nothing waits inside but for the disk.
 *
 * Machines stay at hand from batch to batch: what other processes have placed meanwhile is taken
 * over from the change log, and what they have changed otherwise is read again. Head and instance
 * stay only while no other process writes, which LMDB's transaction ids tell. Where a batch fails,
 * all are forgotten.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cellstate/lmdb_private.h"
#include "cellstate/lmdb_records_private.h"
#include "core/base/large.h"

/* Changes of others that are looked at, and their bytes in all: beyond that it is dearer than to
 * read the machines again, and it happens inside the gate. */
#define OTHERS_CHANGES 16u
#define OTHERS_BYTES (64u << 10)

/* ---- working memory ---- */

int lmdb_write_init(struct lmdb *lmdb)
{
    struct lmdb_write *write = &lmdb->write;
    uint32_t machines = lmdb->meta.machine_count;
    write->machines = large_calloc(machines + 1u, sizeof *write->machines);
    write->epoch = 1;
    write->instance = OMEGA_INSTANCE_NONE;
    write->rules = rules_scratch_create();
    if (write->machines == NULL || write->rules == NULL ||
        index_set_init(&write->wanted, machines) != OMEGA_OK ||
        index_set_init(&write->dirty, machines) != OMEGA_OK ||
        index_set_init(&write->listed_once, machines) != OMEGA_OK ||
        jobs_scratch_init(&write->scratch, machines) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    return OMEGA_OK;
}

void lmdb_write_fini(struct lmdb *lmdb)
{
    struct lmdb_write *write = &lmdb->write;
    large_free(write->machines);
    index_set_fini(&write->wanted);
    index_set_fini(&write->dirty);
    index_set_fini(&write->listed_once);
    free(write->listed);
    free(write->items);
    free(write->bytes);
    free(write->entry.groups);
    free(write->entry.different);
    free(write->entry.state);
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

/* ---- machines at hand ---- */

/* Where to read a machine: at a spot of its own while there are some, since it is likely to be
 * written; after that at the table's. */
static struct lmdb_spot *take_spot(struct lmdb_write *write)
{
    return write->machine_spots_taken == LMDB_MACHINE_SPOTS
               ? &write->spots[LMDB_MACHINES]
               : &write->machine_spots[write->machine_spots_taken++];
}

/* Where to write it: where it was read, if that was in this write transaction. */
static struct lmdb_spot *spot_of(struct lmdb_write *write, uint32_t index)
{
    for (uint32_t i = 0; i < write->machine_spots_taken; i++) {
        if (write->machine_spots[i].key == index) {
            return &write->machine_spots[i];
        }
    }
    return &write->spots[LMDB_MACHINES];
}

int lmdb_machine_at_hand(struct lmdb *lmdb, uint32_t index, struct omega_machine **machine,
                         omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    *machine = &write->machines[index];
    if (lmdb_is_at_hand(write, index)) {
        return OMEGA_OK;
    }
    MDB_val data;
    struct lmdb_spot *spot = take_spot(write);
    int rc = lmdb_find_at(lmdb, LMDB_MACHINES, spot, index, &data, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = data.mv_data == NULL ? OMEGA_ECORRUPT
                              : record_decode_machine(data.mv_data, data.mv_size, index, *machine);
    if (rc != OMEGA_OK) {
        (*machine)->changes = 0; /* whatever has been decoded of it */
        return lmdb_bad_record(lmdb, rc, LMDB_MACHINES, index, err);
    }
    (*machine)->changes = write->epoch;
    return OMEGA_OK;
}

int lmdb_bring_wanted(struct lmdb *lmdb, omega_error_t *err)
{
    uint32_t index;
    int rc = OMEGA_OK;
    while (rc == OMEGA_OK && index_set_take(&lmdb->write.wanted, &index)) {
        struct omega_machine *machine = NULL;
        rc = lmdb_machine_at_hand(lmdb, index, &machine, err);
    }
    index_set_clear(&lmdb->write.wanted);
    return rc;
}

static void forget_machines(struct lmdb *lmdb)
{
    struct lmdb_write *write = &lmdb->write;
    if (++write->epoch == 0) { /* after as many that no machine may keep the number of an old one */
        for (uint32_t i = 0; i < lmdb->meta.machine_count; i++) {
            if (write->machines[i].changes != 0) {
                write->machines[i].changes = 0;
            }
        }
        write->epoch = 1;
    }
}

/* Could placements have left so much free? Numbers of the log are from outside. */
static bool is_placed(const struct omega_machine *machine,
                      const struct record_change_machine *after)
{
    return after->free_cpu_milli >= 0 && after->free_cpu_milli <= rules_left_cpu(machine) &&
           after->free_mem_mib >= 0 && after->free_mem_mib <= rules_left_mem(machine);
}

/* Brings a machine at hand up to what a change by another process has made of it; false if the
 * change does not tell all of that. */
static bool follow(struct omega_machine *machine, const struct record_change *change,
                   const struct record_change_machine *after)
{
    if (change->kind != RECORD_CHANGE_COMMIT || change->instance == OMEGA_INSTANCE_NONE ||
        change->gpus || !rules_takes(machine) || !is_placed(machine, after)) {
        return false;
    }
    struct omega_request placed = {
        .cpu_milli = rules_left_cpu(machine) - after->free_cpu_milli,
        .mem_mib = rules_left_mem(machine) - after->free_mem_mib,
    };
    rules_place(machine, &placed, 0, (enum omega_band)change->detail, change->instance,
                change->version);
    machine->seq = after->seq;
    return true;
}

/* Takes one change over; false if the machines at hand cannot be told by it. */
static bool take_over(struct lmdb *lmdb, uint64_t version, const MDB_val *data)
{
    struct lmdb_write *write = &lmdb->write;
    struct record_change change;
    if (record_decode_change_shown(data->mv_data, data->mv_size, version % lmdb->meta.log_changes,
                                   &change) != OMEGA_OK ||
        change.version != version) {
        return false;
    }
    for (uint32_t i = 0; i < change.machine_count; i++) {
        struct record_change_machine after;
        record_change_machine(&change, i, &after);
        if (after.index >= lmdb->meta.machine_count) {
            return false;
        }
        struct omega_machine *machine = &write->machines[after.index];
        if (lmdb_is_at_hand(write, after.index) && !follow(machine, &change, &after)) {
            machine->changes = 0;
        }
    }
    return true;
}

/* Takes over what others have changed since this process wrote last, or forgets all machines where
 * that is much. Whatever is wrong with the log is found by those who read it. */
static void catch_up(struct lmdb *lmdb)
{
    struct lmdb_write *write = &lmdb->write;
    uint64_t newest = write->head.counters.version;
    uint64_t first = write->shown + 1;
    size_t bytes = 0;
    MDB_cursor *log = NULL;
    bool all = newest > write->shown + OTHERS_CHANGES ||
               (newest > write->shown &&
                mdb_cursor_open(write->txn, lmdb->tables[LMDB_LOG], &log) != MDB_SUCCESS);
    while (!all && write->shown < newest) {
        MDB_val data;
        uint64_t version = ++write->shown;
        all = lmdb_next_change(lmdb, log, version, version == first, &data) != MDB_SUCCESS ||
              (bytes += data.mv_size) > OTHERS_BYTES || !take_over(lmdb, version, &data);
    }
    if (log != NULL) {
        mdb_cursor_close(log);
    }
    if (all) {
        forget_machines(lmdb);
    }
    write->shown = newest;
}

/* Writes the machines that changed, by rising index, so that neighbours share a page. */
static int write_machines(struct lmdb *lmdb, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    int rc = OMEGA_OK;
    uint32_t index;
    bool several = write->dirty.count > 1;
    while (rc == OMEGA_OK && index_set_take(&write->dirty, &index)) {
        uint8_t bytes[RECORD_MACHINE_BYTES_MAX];
        size_t size = record_encode_machine(&write->machines[index], bytes);
        rc = lmdb_put_at(lmdb, LMDB_MACHINES, spot_of(write, index), several, index, bytes, size,
                         err);
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
    if (grow((void **)&write->listed, &write->listed_room, machines, sizeof *write->listed) !=
            OMEGA_OK ||
        grow((void **)&write->items, &write->item_room, items, sizeof *write->items) != OMEGA_OK) {
        return no_memory(lmdb, err);
    }
    index_set_clear(&write->listed_once);
    write->several |= items > 1;
    write->change = (struct record_change){
        .version = write->head.counters.version + 1,
        .instance = OMEGA_INSTANCE_NONE,
        .kind = (uint8_t)kind,
        .seqs = kind != RECORD_CHANGE_RELEASE || lmdb->meta.release_raises_seq,
        .releases = kind == RECORD_CHANGE_RELEASE || kind == RECORD_CHANGE_EVENT,
        .limits = kind == RECORD_CHANGE_EVENT,
        .gpus = lmdb->meta.gpus,
    };
    return OMEGA_OK;
}

void lmdb_change_machine(struct lmdb *lmdb, struct omega_machine *machine)
{
    struct lmdb_write *write = &lmdb->write;
    index_set_add(&write->dirty, machine->index);
    if (index_set_add(&write->listed_once, machine->index)) {
        write->listed[write->change.machine_count++] = machine->index;
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
        const struct omega_machine *machine = &write->machines[write->listed[i]];
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
    /* a disk that is nearly full is asked for less, but not for every record anew */
    static const uint64_t more[] = {LMDB_AHEAD_BYTES, 1 << 20, 0};
    int rc = mdb_env_get_fd(lmdb->env, &file);
    for (size_t i = 0; rc == MDB_SUCCESS && i < sizeof more / sizeof *more; i++) {
        uint64_t size = wanted + more[i] > map ? map : wanted + more[i];
        if (fallocate(file, 0, 0, (off_t)size) == 0) {
            lmdb->allocated = size;
            return OMEGA_OK;
        }
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
    if (lmdb->write.end <= lmdb->allocated) {
        return OMEGA_OK;
    }
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

/* What was not committed is not so: machines that were to be written are not as at hand. */
static void give_up(struct lmdb *lmdb)
{
    lmdb->write.committed = 0;
    forget_machines(lmdb);
    index_set_clear(&lmdb->write.dirty);
}

void lmdb_write_abort(struct lmdb *lmdb)
{
    struct lmdb_write *write = &lmdb->write;
    if (write->txn == NULL) {
        return;
    }
    uint64_t before = mdb_txn_id(write->txn) - 1;
    mdb_txn_abort(write->txn); /* closes its cursors too */
    write->txn = NULL;
    write->committed = before;
    if (write->changed || write->broken) {
        give_up(lmdb);
    }
}

/* Has nobody changed the cell since this process was inside, so that all that is at hand still
 * holds? Each transaction that is committed has the id after the one before it. */
static bool is_as_left(const struct lmdb *lmdb)
{
    const struct lmdb_write *write = &lmdb->write;
    return write->committed != 0 && mdb_txn_id(write->txn) == write->committed + 1;
}

int lmdb_write_begin(struct lmdb *lmdb, omega_error_t *err)
{
    struct lmdb_write *write = &lmdb->write;
    clear_readers(lmdb);
    write->changed = false;
    write->broken = false;
    write->several = false;
    int rc = lmdb->by_map ? allocate_ahead(lmdb, err) : OMEGA_OK;
    if (rc == OMEGA_OK) {
        rc = lmdb_failed(lmdb, mdb_txn_begin(lmdb->env, NULL, 0, &write->txn), "write", err);
    }
    if (rc != OMEGA_OK) {
        write->txn = NULL;
        return rc;
    }
    lmdb_spots_clear(write);
    if (is_as_left(lmdb)) {
        return OMEGA_OK;
    }
    write->instance = OMEGA_INSTANCE_NONE;
    rc = lmdb_head_find(lmdb, err);
    if (rc == OMEGA_OK) {
        catch_up(lmdb);
    } else {
        lmdb_write_abort(lmdb);
        write->committed = 0;
    }
    return rc;
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
    uint64_t id = mdb_txn_id(txn);
    write->txn = NULL;
    LMDB_TSAN_COMMITS(lmdb);
    rc = lmdb_failed(lmdb, mdb_txn_commit(txn), "commit", err);
    if (rc == OMEGA_OK) {
        write->shown = write->head.counters.version;
        write->committed = id;
    } else {
        give_up(lmdb);
    }
    return rc;
}
