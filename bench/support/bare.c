/* SPDX-License-Identifier: MIT */
/*
 * The machine's limit for a cell on disk: plain LMDB calls on the store's tables, with records of
 * the store's sizes. Each commit looks every machine up, compares its room, and writes machines,
 * placements, what became of the job, the log, the instance's last result and the head: what the
 * store writes. No checksums, no checks of what a scheduler sends, no gate before the write lock,
 * no batches.
 */
#include "bench/support/cell.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cellstate/lmdb_records.h"

#define LOG_CHANGES LMDB_LOG_CHANGES
#define JOB_BYTES_MAX 256
#define OUTCOMES_MAX 4096

enum table {
    MACHINES,
    SPECS,
    NAMES,
    ATTRIBUTES,
    PLACEMENTS,
    JOBS,
    STATES,
    LOG,
    INSTANCES,
    TABLES,
};

static const char *const table_names[TABLES] = {
    [MACHINES] = "machines",     [SPECS] = "specs",           [NAMES] = "names",
    [ATTRIBUTES] = "attributes", [PLACEMENTS] = "placements", [JOBS] = "jobs",
    [STATES] = "job_states",     [LOG] = "changes",           [INSTANCES] = "instances",
};

/* As large as the store's record of a machine without GPUs, with the same fields. */
struct machine {
    uint64_t head;
    uint64_t seq;
    uint64_t placed_version[2];
    uint16_t placed_by[2];
    uint8_t state;
    uint8_t gpu_devices;
    int16_t gpu_limit_milli;
    int32_t cpu_limit_milli;
    int32_t mem_limit_mib;
    uint32_t releases;
    uint32_t may_exceed;
    int32_t cpu_used_milli; /* over all bands, in the place of the first */
    int32_t band_cpu_milli[OMEGA_BANDS - 1];
    int32_t mem_used_mib;
    int32_t band_mem_mib[OMEGA_BANDS - 1];
    int32_t cpu_capacity_milli;
    int32_t mem_capacity_mib;
};
_Static_assert(sizeof(struct machine) == 104, "a machine record is 104 bytes");

struct placement {
    uint64_t head;
    uint64_t job;
    uint32_t task;
    uint32_t machine;
    struct omega_request request;
    uint32_t rest;
};
_Static_assert(sizeof(struct placement) == RECORD_PLACEMENT_BYTES, "a placement is 40 bytes");

struct head {
    uint64_t head;
    uint64_t version;
    uint64_t counts[14];
};
_Static_assert(sizeof(struct head) == RECORD_HEAD_RECORD_BYTES, "the head is 128 bytes");

struct state {
    uint64_t head;
    uint32_t running;
    uint32_t tasks;
    uint8_t rest[JOB_BYTES_MAX];
};

struct bare_cell {
    MDB_env *env;
    MDB_dbi main;
    MDB_dbi tables[TABLES];
    MDB_txn *reader;  /* reset */
    MDB_txn *batch;   /* commits go into this one until it ends; or NULL */
    struct head head; /* as the batch has left it */
    uint16_t instance;
    uint8_t *bytes; /* of changes and results: only their sizes matter */
    uint64_t sums;  /* of checksums: or the compiler would make none */
};

/* Bytes of a change of so many machines by as many placements, or ends of them. */
static size_t change_bytes(uint32_t count, bool ends)
{
    struct record_change change = {
        .machine_count = count, .item_count = count, .seqs = !ends, .releases = ends};
    return record_change_bytes(&change);
}

/* ---- making and opening ---- */

static MDB_val value_of(const void *bytes, size_t size)
{
    return (MDB_val){.mv_size = size, .mv_data = (void *)(uintptr_t)bytes};
}

static void put_with(struct bare_cell *cell, MDB_txn *txn, enum table table, uint64_t key,
                     const void *bytes, size_t size, unsigned flags)
{
    MDB_val name = value_of(&key, sizeof(key));
    MDB_val data = value_of(bytes, size);
    bench_check_mdb(mdb_put(txn, cell->tables[table], &name, &data, flags), "mdb_put");
}

static void put(struct bare_cell *cell, MDB_txn *txn, enum table table, uint64_t key,
                const void *bytes, size_t size)
{
    put_with(cell, txn, table, key, bytes, size, 0);
}

/* A key above all others of its table. */
static void append(struct bare_cell *cell, MDB_txn *txn, enum table table, uint64_t key,
                   const void *bytes, size_t size)
{
    put_with(cell, txn, table, key, bytes, size, MDB_APPEND);
}

static const void *get(struct bare_cell *cell, MDB_txn *txn, enum table table, uint64_t key)
{
    MDB_val name = value_of(&key, sizeof(key));
    MDB_val data;
    bench_check_mdb(mdb_get(txn, cell->tables[table], &name, &data), "mdb_get");
    return data.mv_data;
}

static void delete (struct bare_cell *cell, MDB_txn *txn, enum table table, uint64_t key)
{
    MDB_val name = value_of(&key, sizeof(key));
    bench_check_mdb(mdb_del(txn, cell->tables[table], &name, NULL), "mdb_del");
}

static void get_head(struct bare_cell *cell, MDB_txn *txn, struct head *head)
{
    MDB_val name = value_of("head", 4);
    MDB_val data;
    bench_check_mdb(mdb_get(txn, cell->main, &name, &data), "mdb_get head");
    memcpy(head, data.mv_data, sizeof(*head));
}

static void put_head(struct bare_cell *cell, MDB_txn *txn, const struct head *head)
{
    MDB_val name = value_of("head", 4);
    MDB_val data = value_of(head, sizeof(*head));
    bench_check_mdb(mdb_put(txn, cell->main, &name, &data, 0), "mdb_put head");
}

/* As the store opens its cell in this mode. */
static unsigned flags_of(enum lmdb_mode mode)
{
    unsigned flags = MDB_NOTLS;
    if (mode == LMDB_PWRITE) {
        flags |= MDB_NOSYNC;
    } else if (mode == LMDB_FAST) {
        flags |= MDB_NOSYNC | MDB_WRITEMAP;
    }
    return flags;
}

static struct bare_cell *open_env(const char *path, unsigned env_flags, unsigned table_flags)
{
    struct bare_cell *cell = bench_memory(calloc(1, sizeof(*cell)));
    cell->bytes = bench_memory(calloc(1, change_bytes(OUTCOMES_MAX, false) + OUTCOMES_MAX));
    bench_check_mdb(mdb_env_create(&cell->env), "mdb_env_create");
    bench_check_mdb(mdb_env_set_mapsize(cell->env, LMDB_MAP_BYTES), "mdb_env_set_mapsize");
    bench_check_mdb(mdb_env_set_maxdbs(cell->env, TABLES), "mdb_env_set_maxdbs");
    bench_check_mdb(mdb_env_open(cell->env, path, env_flags, 0644), "mdb_env_open");
    MDB_txn *txn;
    bench_check_mdb(mdb_txn_begin(cell->env, NULL, 0, &txn), "mdb_txn_begin");
    bench_check_mdb(mdb_dbi_open(txn, NULL, 0, &cell->main), "mdb_dbi_open");
    for (int t = 0; t < TABLES; t++) {
        bench_check_mdb(
            mdb_dbi_open(txn, table_names[t], table_flags | MDB_INTEGERKEY, &cell->tables[t]),
            "mdb_dbi_open");
    }
    bench_check_mdb(mdb_txn_commit(txn), "mdb_txn_commit");
    return cell;
}

static void bare_close(void *context)
{
    struct bare_cell *cell = context;
    if (cell->reader != NULL) {
        mdb_txn_abort(cell->reader);
    }
    mdb_env_close(cell->env);
    free(cell->bytes);
    free(cell);
}

void cell_create_bare(const char *path, enum lmdb_mode mode, uint32_t machines)
{
    if (mkdir(path, 0755) != 0) {
        bench_fail(path);
    }
    struct bare_cell *cell =
        open_env(path, (flags_of(mode) & MDB_WRITEMAP) | MDB_NOSYNC | MDB_NOTLS, MDB_CREATE);
    MDB_txn *txn;
    bench_check_mdb(mdb_txn_begin(cell->env, NULL, 0, &txn), "mdb_txn_begin");
    struct machine machine = {
        .placed_by = {OMEGA_INSTANCE_NONE, OMEGA_INSTANCE_NONE},
        .state = OMEGA_MACHINE_UP,
        .cpu_limit_milli = CELL_MACHINE_CPU,
        .mem_limit_mib = CELL_MACHINE_MEM,
        .cpu_capacity_milli = CELL_MACHINE_CPU,
        .mem_capacity_mib = CELL_MACHINE_MEM,
    };
    for (uint64_t m = 0; m < machines; m++) {
        append(cell, txn, MACHINES, m, &machine, sizeof(machine));
        append(cell, txn, SPECS, m, cell->bytes, RECORD_SPEC_BYTES);
    }
    struct head head = {.version = 0};
    put_head(cell, txn, &head);
    bench_check_mdb(mdb_txn_commit(txn), "mdb_txn_commit");
    bench_check_mdb(mdb_env_sync(cell->env, 1), "mdb_env_sync");
    bare_close(cell);
}

static void *bare_open(const char *path, enum lmdb_mode mode, uint16_t instance)
{
    struct bare_cell *cell = open_env(path, flags_of(mode), 0);
    cell->instance = instance;
    return cell;
}

/* ---- changes ---- */

static MDB_txn *begin(struct bare_cell *cell)
{
    MDB_txn *txn;
    bench_check_mdb(mdb_txn_begin(cell->env, NULL, 0, &txn), "mdb_txn_begin");
    return txn;
}

void cell_bare_batch_begin(void *context)
{
    struct bare_cell *cell = context;
    cell->batch = begin(cell);
    get_head(cell, cell->batch, &cell->head);
}

void cell_bare_batch_end(void *context)
{
    struct bare_cell *cell = context;
    MDB_txn *txn = cell->batch;
    cell->batch = NULL;
    put_head(cell, txn, &cell->head);
    bench_check_mdb(mdb_txn_commit(txn), "mdb_txn_commit");
}

static void bare_submit(void *context, uint64_t job, uint32_t tasks)
{
    struct bare_cell *cell = context;
    struct omega_task_group group = {.count = tasks};
    struct omega_job form = {.group_count = 1, .tasks = tasks, .slots = tasks, .groups = &group};
    const char *constraints[1] = {""};
    struct state state = {.running = 0, .tasks = tasks};
    struct head head;
    MDB_txn *txn = begin(cell);
    get_head(cell, txn, &head);
    put(cell, txn, JOBS, job, cell->bytes, record_job_bytes(&form, "", constraints));
    put(cell, txn, STATES, job, &state, record_job_state_bytes(tasks));
    put_head(cell, txn, &head);
    bench_check_mdb(mdb_txn_commit(txn), "mdb_txn_commit");
}

static void put_change(struct bare_cell *cell, MDB_txn *txn, uint64_t version, uint32_t count,
                       bool ends)
{
    put(cell, txn, LOG, version % LOG_CHANGES, cell->bytes, change_bytes(count, ends));
}

static void put_instance(struct bare_cell *cell, MDB_txn *txn, uint32_t count)
{
    static struct omega_claim_result accepted[OUTCOMES_MAX]; /* all 0: accepted */
    struct record_instance instance = {.claim_count = count, .module = "bench"};
    put(cell, txn, INSTANCES, cell->instance, cell->bytes,
        record_instance_bytes(&instance, accepted));
}

/* One claim: the machine has room, or the bench is wrong. */
static void place(struct bare_cell *cell, MDB_cursor *machines, uint64_t version,
                  const struct omega_claim *claim)
{
    struct machine machine;
    uint64_t key = claim->machine;
    MDB_val name = value_of(&key, sizeof(key));
    MDB_val data;
    bench_check_mdb(mdb_cursor_get(machines, &name, &data, MDB_SET), "mdb_cursor_get");
    memcpy(&machine, data.mv_data, sizeof(machine));
    machine.cpu_used_milli += claim->request.cpu_milli;
    machine.mem_used_mib += claim->request.mem_mib;
    if (machine.state != OMEGA_MACHINE_UP || machine.cpu_used_milli > machine.cpu_limit_milli ||
        machine.mem_used_mib > machine.mem_limit_mib) {
        bench_fail("a claim does not fit");
    }
    machine.seq++;
    machine.placed_version[0] = version;
    machine.placed_by[0] = cell->instance;
    machine.band_cpu_milli[OMEGA_BAND_BATCH - 1] += claim->request.cpu_milli;
    machine.band_mem_mib[OMEGA_BAND_BATCH - 1] += claim->request.mem_mib;
    data = value_of(&machine, sizeof(machine));
    bench_check_mdb(mdb_cursor_put(machines, &name, &data, 0), "mdb_cursor_put");
}

static int by_machine(const void *a, const void *b)
{
    const struct omega_claim *x = *(const struct omega_claim *const *)a;
    const struct omega_claim *y = *(const struct omega_claim *const *)b;
    return (x->machine > y->machine) - (x->machine < y->machine);
}

/* All claims of a commit: machines by rising index, placements by rising id, a cursor for each. */
static void place_all(struct bare_cell *cell, MDB_txn *txn, uint64_t version, uint64_t job,
                      const struct omega_claim *claims, uint32_t count, uint64_t *placements)
{
    static const struct omega_claim *order[OUTCOMES_MAX];
    MDB_cursor *machines = NULL;
    MDB_cursor *appended = NULL;
    bench_check_mdb(mdb_cursor_open(txn, cell->tables[MACHINES], &machines), "mdb_cursor_open");
    bench_check_mdb(mdb_cursor_open(txn, cell->tables[PLACEMENTS], &appended), "mdb_cursor_open");
    for (uint32_t i = 0; i < count; i++) {
        order[i] = &claims[i];
    }
    qsort(order, count, sizeof(*order), by_machine);
    for (uint32_t i = 0; i < count; i++) {
        place(cell, machines, version, order[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct placement placement = {
            .job = job,
            .task = claims[i].task,
            .machine = claims[i].machine,
            .request = claims[i].request,
        };
        placements[i] = omega_placement_id(version, i);
        MDB_val name = value_of(&placements[i], sizeof(placements[i]));
        MDB_val data = value_of(&placement, sizeof(placement));
        bench_check_mdb(mdb_cursor_put(appended, &name, &data, MDB_APPEND), "mdb_cursor_put");
    }
}

static void bare_commit(void *context, uint64_t job, uint32_t attempt,
                        const struct omega_claim *claims, uint32_t count, uint64_t *placements)
{
    (void)attempt;
    struct bare_cell *cell = context;
    MDB_txn *txn = cell->batch == NULL ? begin(cell) : cell->batch;
    struct head head = cell->head;
    if (cell->batch == NULL) {
        get_head(cell, txn, &head);
    }
    head.version++;
    get(cell, txn, INSTANCES, cell->instance);
    get(cell, txn, JOBS, job);
    struct state state;
    memcpy(&state, get(cell, txn, STATES, job), record_job_state_bytes(count));
    place_all(cell, txn, head.version, job, claims, count, placements);
    state.running += count;
    put(cell, txn, STATES, job, &state, record_job_state_bytes(count));
    put_change(cell, txn, head.version, count, false);
    put_instance(cell, txn, count);
    if (cell->batch != NULL) {
        cell->head = head;
        return;
    }
    put_head(cell, txn, &head);
    bench_check_mdb(mdb_txn_commit(txn), "mdb_txn_commit");
}

static uint64_t take_away(struct bare_cell *cell, MDB_txn *txn, uint64_t id)
{
    struct placement placement;
    struct machine machine;
    memcpy(&placement, get(cell, txn, PLACEMENTS, id), sizeof(placement));
    memcpy(&machine, get(cell, txn, MACHINES, placement.machine), sizeof(machine));
    machine.cpu_used_milli -= placement.request.cpu_milli;
    machine.mem_used_mib -= placement.request.mem_mib;
    machine.band_cpu_milli[OMEGA_BAND_BATCH - 1] -= placement.request.cpu_milli;
    machine.band_mem_mib[OMEGA_BAND_BATCH - 1] -= placement.request.mem_mib;
    machine.releases++;
    put(cell, txn, MACHINES, placement.machine, &machine, sizeof(machine));
    delete (cell, txn, PLACEMENTS, id);
    return placement.job;
}

static void bare_release(void *context, const uint64_t *placements, uint32_t count)
{
    struct bare_cell *cell = context;
    MDB_txn *txn = begin(cell);
    struct head head;
    get_head(cell, txn, &head);
    head.version++;
    uint64_t job = 0;
    for (uint32_t i = 0; i < count; i++) {
        job = take_away(cell, txn, placements[i]);
    }
    get(cell, txn, STATES, job);
    delete (cell, txn, JOBS, job); /* all its tasks have ended: it leaves the tables */
    delete (cell, txn, STATES, job);
    put_change(cell, txn, head.version, count, true);
    put_head(cell, txn, &head);
    bench_check_mdb(mdb_txn_commit(txn), "mdb_txn_commit");
}

/* The instance's record is there before the first commit, as lmdb_join() sees to. */
static void *bare_open_joined(const char *path, enum lmdb_mode mode, uint16_t instance)
{
    struct bare_cell *cell = bare_open(path, mode, instance);
    MDB_txn *txn = begin(cell);
    put_instance(cell, txn, 0);
    bench_check_mdb(mdb_txn_commit(txn), "mdb_txn_commit");
    return cell;
}

const struct cell_ops cell_bare = {
    .open = bare_open_joined,
    .submit = bare_submit,
    .commit = bare_commit,
    .release = bare_release,
    .close = bare_close,
};

/* ---- copying ---- */

static void show(struct omega_entry *entries, uint64_t index, const struct machine *machine)
{
    bool takes = machine->state == OMEGA_MACHINE_UP && machine->may_exceed == 0;
    entries[index] = (struct omega_entry){
        .room = {takes ? machine->cpu_limit_milli - machine->cpu_used_milli : -1,
                 takes ? machine->mem_limit_mib - machine->mem_used_mib : -1},
        .stamp = omega_stamp(machine->seq, machine->releases),
        .limit = {machine->cpu_limit_milli, machine->mem_limit_mib},
    };
}

void cell_bare_copy(void *context, struct omega_entry *entries, bool checksums)
{
    struct bare_cell *cell = context;
    if (cell->reader == NULL) {
        bench_check_mdb(mdb_txn_begin(cell->env, NULL, MDB_RDONLY, &cell->reader), "mdb_txn_begin");
    } else {
        bench_check_mdb(mdb_txn_renew(cell->reader), "mdb_txn_renew");
    }
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val data;
    bench_check_mdb(mdb_cursor_open(cell->reader, cell->tables[MACHINES], &cursor),
                    "mdb_cursor_open");
    int rc = mdb_cursor_get(cursor, &key, &data, MDB_FIRST);
    while (rc == MDB_SUCCESS) {
        uint64_t index;
        memcpy(&index, key.mv_data, sizeof(index));
        struct machine machine;
        memcpy(&machine, data.mv_data, sizeof(machine));
        if (checksums) {
            cell->sums += XXH3_64bits((const uint8_t *)data.mv_data + 8, 96);
        }
        show(entries, index, &machine);
        rc = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
    }
    if (rc != MDB_NOTFOUND) {
        bench_check_mdb(rc, "mdb_cursor_get");
    }
    mdb_cursor_close(cursor);
    mdb_txn_reset(cell->reader);
}
