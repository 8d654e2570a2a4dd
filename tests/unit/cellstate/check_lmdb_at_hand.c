/* SPDX-License-Identifier: MIT */
/*
 * Two processes that change the same machines in turn: whatever one of them remembers of a machine,
 * it decides by what the other has made of it since, be that nothing, one change or a hundred,
 * small or large, and also after a batch that failed. A third process, which remembers nothing,
 * looks at the cell after each step and compares it with a plain list.
 */
#include <lmdb.h>

#include "cellstate/lmdb_private.h"
#include "core/base/random.h"
#include "tests/support/child.h"
#include "tests/unit/cellstate/disk_fixture.h"

#define CPU 30000  /* of a machine, in the beginning */
#define PROBE 1000 /* what a task of job 2 asks for: more than 60 of them fit nowhere */
#define PROBES 60u
#define LARGE 5000u  /* claims of a commit whose change is larger than 64 KiB */
#define MANY 150000u /* claims of a commit that the cell has no room for */
#define MAP (UINT64_C(8) << 20)
#define UP_MACHINES 3u
#define LIST_MAX 60000u
#define IDS_MAX LARGE
#define SEED UINT64_C(20241128)

enum job {
    SMALL_JOB = 1,
    PROBE_JOB = 2,
    EMPTY_JOB = 3
};
enum operation {
    COMMIT,
    RELEASE,
    EVENT,
    FAIL
};

/* What one of the two is asked to do, and its answer: in memory that all share. */
struct asked {
    enum operation operation;
    uint64_t job;
    uint32_t first_task;
    uint32_t count;
    uint32_t machine; /* UP_MACHINES: each in turn */
    uint64_t seq;
    uint8_t detection;
    struct omega_machine_event event;
    enum store_loss_policy policy;
    uint64_t ids[IDS_MAX]; /* to release, or of what was accepted */
    uint32_t accepted;     /* or released, or lost */
};
static struct asked *asked;

static bool is_slow(void)
{
    return getenv("OMEGA_SLOW") != NULL;
}

/* ---- in the two processes ---- */

static struct omega_claim claims[MANY];
static struct omega_claim_result results[MANY];

static struct omega_request request_of(uint64_t job)
{
    return (struct omega_request){.cpu_milli = job == SMALL_JOB   ? 1
                                               : job == PROBE_JOB ? PROBE
                                                                  : 0,
                                  .mem_mib = job == EMPTY_JOB ? 0 : 1};
}

static struct omega_transaction make_txn(struct disk *disk, uint64_t job, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        claims[i] = (struct omega_claim){
            .seq = asked->seq,
            .synced = cell_counters(&disk->cell).version,
            .task = asked->first_task + i,
            .machine = asked->machine < UP_MACHINES ? asked->machine : i % UP_MACHINES,
            .request = request_of(job),
        };
    }
    return (struct omega_transaction){
        .job = job,
        .attempt = 1,
        .instance = (uint16_t)(getpid() % 1000),
        .detection = asked->detection,
        .precedence = 120,
        .group_count = 1,
        .claims = claims,
        .claim_count = count,
    };
}

static void commit(struct disk *disk)
{
    struct omega_transaction txn = make_txn(disk, asked->job, asked->count);
    struct omega_result result;
    int rc = store_commit(disk->cell.store, &txn, results, &result, &disk->cell.err);
    ck_assert_msg(rc == 0, "%s", disk->cell.err.text);
    asked->accepted = 0;
    for (uint32_t i = 0; i < asked->count; i++) {
        if (results[i].outcome == OMEGA_ACCEPTED) {
            asked->ids[asked->accepted++] = results[i].placement;
        }
    }
    ck_assert_uint_eq(asked->accepted, result.accepted);
}

static void release(struct disk *disk)
{
    static struct store_release_result released[IDS_MAX];
    uint64_t version = 0;
    int rc = store_release(disk->cell.store, asked->ids, asked->count, STORE_FINISHED, released,
                           &version, &disk->cell.err);
    ck_assert_msg(rc == 0, "%s", disk->cell.err.text);
    asked->accepted = 0;
    for (uint32_t i = 0; i < asked->count; i++) {
        asked->accepted += released[i].released;
    }
}

static void change_machine(struct disk *disk)
{
    const struct store_release_result *lost = NULL;
    uint64_t version = 0;
    int rc = store_machine_event(disk->cell.store, &asked->event, asked->policy, &lost,
                                 &asked->accepted, &version, &disk->cell.err);
    ck_assert_msg(rc == 0, "%s", disk->cell.err.text);
}

/* A batch that takes some room on machines before it fails. */
static void commit_too_many(struct disk *disk)
{
    struct omega_claim few[UP_MACHINES];
    struct omega_claim_result few_results[UP_MACHINES];
    struct omega_transaction txns[2];
    struct lmdb_commit commits[2];
    uint32_t machine = asked->machine;
    asked->machine = UP_MACHINES;
    txns[0] = make_txn(disk, PROBE_JOB, UP_MACHINES);
    memcpy(few, claims, sizeof(few));
    txns[0].claims = few;
    asked->first_task = 0;
    asked->machine = machine;
    txns[1] = make_txn(disk, EMPTY_JOB, MANY);
    commits[0] = (struct lmdb_commit){.txn = &txns[0], .results = few_results};
    commits[1] = (struct lmdb_commit){.txn = &txns[1], .results = results};
    omega_error_clear(&disk->cell.err);
    int rc = lmdb_commit_all(disk->cell.store, commits, 2, &disk->cell.err);
    ck_assert_msg(rc == OMEGA_EFULL, "%d: %s", rc, disk->cell.err.text);
    omega_error_clear(&disk->cell.err);
}

static void do_asked(struct disk *disk)
{
    static void (*const operations[])(struct disk *) = {commit, release, change_machine,
                                                        commit_too_many};
    operations[asked->operation](disk);
}
static void (*const changes[])(struct disk *) = {do_asked};

/* ---- the one that asks, and its list ---- */

struct listed {
    uint64_t id;
    uint32_t machine;
    int32_t cpu_milli;
};

struct expected_machine {
    uint64_t seq;
    uint32_t releases;
    uint8_t state;
    int32_t limit;
    int32_t used;
    int32_t tasks;
};

struct asking {
    struct disk disk;
    struct disk_other others[2];
    struct omega_random random;
    uint32_t next_task[4]; /* by job */
    struct expected_machine machines[UP_MACHINES];
    struct listed list[LIST_MAX];
    uint32_t count;
    uint64_t version; /* as of the last look */
};

static void submit(struct disk *disk, uint64_t id, uint32_t tasks)
{
    cell_submit_groups(&disk->cell, id, 1, tasks, 0, request_of(id), "");
}

/* variant: how the two have the cell open, and whether it has devices: what others place on those
 * is not told by the log, and is looked up. */
static void begin(struct asking *asking, int variant)
{
    struct disk *disk = &asking->disk;
    asked = shared_memory(sizeof(*asked));
    disk_describe(disk);
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        disk->cell.specs[m].cpu_milli = CPU;
        disk->cell.specs[m].mem_mib = 1000000;
        if (variant % 2 == 0) {
            disk->cell.specs[m].gpu_devices = 0;
        }
    }
    for (uint32_t m = 0; m < UP_MACHINES; m++) {
        asking->machines[m] = (struct expected_machine){.state = OMEGA_MACHINE_UP, .limit = CPU};
    }
    omega_random_init(&asking->random, SEED, "at hand", (uint64_t)variant);
    disk->options.map_bytes = MAP;
    static const uint32_t logs[] = {64, 3, 8};
    disk->options.log_changes = logs[variant % 3];
    disk_create(disk);
    disk->use.group = variant % 3 == 1;
    disk_other_start(&asking->others[0], disk, changes);
    disk->use.group = false;
    disk_other_start(&asking->others[1], disk, changes);
    disk_start(disk);
    submit(disk, SMALL_JOB, 200000);
    submit(disk, PROBE_JOB, 100000);
    submit(disk, EMPTY_JOB, MANY);
    store_close(disk->cell.store);
}

static void end(struct asking *asking)
{
    disk_other_stop(&asking->others[1]); /* it has an end of the first one's socket, too */
    disk_other_stop(&asking->others[0]);
    disk_start(&asking->disk);
    disk_close(&asking->disk);
    shared_memory_free(asked, sizeof(*asked));
}

/* ---- looking ---- */

struct sums {
    int64_t cpu[CELL_MACHINES];
    int64_t mem[CELL_MACHINES];
    uint32_t count;
};

static int add_placement(void *context, const struct store_placement *placement)
{
    struct sums *sums = context;
    sums->cpu[placement->machine] += placement->request.cpu_milli;
    sums->mem[placement->machine] += placement->request.mem_mib;
    sums->count++;
    return 0;
}

/* In a store that has just been opened: all invariants hold, and machines are what the placements
 * add up to, and what the list says. */
static void look(struct asking *asking)
{
    struct cell *cell = &asking->disk.cell;
    struct store_report report = {0};
    struct sums sums = {.count = 0};
    disk_start(&asking->disk);
    ck_assert_int_eq(store_check(cell->store, &report, &cell->err), 0);
    ck_assert_msg(report.violations == 0, "%s", report.first);
    ck_assert_int_eq(store_placements(cell->store, add_placement, &sums, &cell->err), 0);
    ck_assert_uint_eq(sums.count, asking->count);
    for (uint32_t m = 0; m < UP_MACHINES; m++) {
        const struct expected_machine *want = &asking->machines[m];
        struct omega_machine machine = cell_machine(cell, m);
        ck_assert_int_eq(machine.cpu_used_milli, sums.cpu[m]);
        ck_assert_int_eq(machine.mem_used_mib, sums.mem[m]);
        ck_assert_int_eq(machine.band_cpu_milli[OMEGA_BAND_PRODUCTION], sums.cpu[m]);
        ck_assert_int_eq(machine.cpu_used_milli, want->used);
        ck_assert_int_eq(machine.mem_used_mib, want->tasks);
        ck_assert_uint_eq(machine.seq, want->seq);
        ck_assert_uint_eq(machine.releases, want->releases);
        ck_assert_uint_eq(machine.state, want->state);
        ck_assert(want->state == OMEGA_MACHINE_DOWN || machine.cpu_limit_milli == want->limit);
    }
    asking->version = cell_counters(cell).version;
    store_close(cell->store);
}

/* ---- asking ---- */

static void ask(struct asking *asking, int who)
{
    disk_other_does(&asking->others[who], 0);
}

static void list_accepted(struct asking *asking, uint32_t i, uint32_t machine)
{
    struct expected_machine *to = &asking->machines[machine];
    int32_t cpu = request_of(asked->job).cpu_milli;
    ck_assert_uint_lt(asking->count, LIST_MAX);
    asking->list[asking->count++] = (struct listed){asked->ids[i], machine, cpu};
    to->used += cpu;
    to->tasks++;
    to->seq++;
}

static void unlist(struct asking *asking, uint32_t at)
{
    struct expected_machine *from = &asking->machines[asking->list[at].machine];
    from->used -= asking->list[at].cpu_milli;
    from->tasks--;
    from->releases++;
    asking->list[at] = asking->list[--asking->count];
}

static void begin_commit(struct asking *asking, uint64_t job, uint32_t count)
{
    asked->operation = COMMIT;
    asked->job = job;
    asked->first_task = asking->next_task[job];
    asked->count = count;
    asking->next_task[job] += count;
}

/* Claims more than a machine has room for: exactly what fits is accepted. Coarse or fine, with the
 * sequence that the machine has. */
static void probe_unseen(struct asking *asking, int who, uint32_t m)
{
    const struct expected_machine *machine = &asking->machines[m];
    int32_t room = machine->state == OMEGA_MACHINE_UP ? machine->limit - machine->used : 0;
    uint32_t fits = room < 0 ? 0 : (uint32_t)room / PROBE;
    begin_commit(asking, PROBE_JOB, PROBES);
    asked->machine = m;
    asked->seq = machine->seq;
    asked->detection = (uint8_t)omega_random_below(&asking->random, 2);
    ask(asking, who);
    ck_assert_msg(asked->accepted == fits,
                  "process %d placed %u on machine %u, which has room for %u", who, asked->accepted,
                  m, fits);
    for (uint32_t i = 0; i < fits; i++) {
        list_accepted(asking, i, m);
    }
}

static void probe(struct asking *asking, int who, uint32_t m)
{
    probe_unseen(asking, who, m);
    look(asking);
}

/* A few tasks on one machine; only what fits. */
static void place(struct asking *asking, int who, uint32_t m)
{
    const struct expected_machine *machine = &asking->machines[m];
    bool fits = machine->state == OMEGA_MACHINE_UP && machine->limit - machine->used >= 3;
    begin_commit(asking, SMALL_JOB, 3);
    asked->machine = m;
    asked->detection = OMEGA_DETECT_FINE;
    ask(asking, who);
    ck_assert_uint_le(asked->accepted, 3);
    ck_assert(!fits || asked->accepted == 3);
    for (uint32_t i = 0; i < asked->accepted; i++) {
        list_accepted(asking, i, m);
    }
    look(asking);
}

/* A change of more than 64 KiB, where all machines have room for it. */
static bool place_many(struct asking *asking, int who)
{
    for (uint32_t m = 0; m < UP_MACHINES; m++) {
        const struct expected_machine *machine = &asking->machines[m];
        if (machine->state != OMEGA_MACHINE_UP ||
            machine->limit - machine->used < (int)LARGE / 3 + 1) {
            return false;
        }
    }
    begin_commit(asking, SMALL_JOB, LARGE);
    asked->machine = UP_MACHINES;
    asked->detection = OMEGA_DETECT_FINE;
    ask(asking, who);
    ck_assert_uint_eq(asked->accepted, LARGE);
    for (uint32_t i = 0; i < LARGE; i++) {
        list_accepted(asking, i, i % UP_MACHINES);
    }
    look(asking);
    return true;
}

/* Ends the newest `count` of the list at most. */
static void end_some(struct asking *asking, int who, uint32_t count)
{
    count = count < asking->count ? count : asking->count;
    if (count == 0) {
        return;
    }
    asked->operation = RELEASE;
    asked->count = count;
    for (uint32_t i = 0; i < count; i++) {
        asked->ids[i] = asking->list[asking->count - 1].id;
        unlist(asking, asking->count - 1);
    }
    ask(asking, who);
    ck_assert_uint_eq(asked->accepted, count);
    look(asking);
}

static uint8_t draw_event(struct asking *asking, uint8_t state)
{
    static const uint8_t of_up[] = {OMEGA_EVENT_DRAIN, OMEGA_EVENT_REMOVE, OMEGA_EVENT_CAPACITY};
    if (state == OMEGA_MACHINE_DOWN) {
        return OMEGA_EVENT_ADD;
    }
    return state == OMEGA_MACHINE_UP ? of_up[omega_random_below(&asking->random, 3)]
                                     : (uint8_t)OMEGA_EVENT_UNDRAIN;
}

static void event(struct asking *asking, int who, uint32_t m, uint8_t kind)
{
    struct expected_machine *machine = &asking->machines[m];
    uint32_t lost = 0;
    asked->operation = EVENT;
    asked->policy =
        omega_random_below(&asking->random, 2) == 0 ? STORE_LOST_RETURN : STORE_LOST_FAIL;
    asked->event = (struct omega_machine_event){.machine = m, .kind = kind};
    machine->seq++;
    machine->state = (uint8_t)omega_machine_state_after(machine->state, kind);
    if (kind == OMEGA_EVENT_CAPACITY) {
        machine->limit = 10000 + (int32_t)omega_random_below(&asking->random, 30000);
        asked->event.cpu_milli = machine->limit;
        asked->event.mem_mib = 1000000;
    } else if (kind == OMEGA_EVENT_ADD) {
        machine->limit = CPU;
    }
    for (uint32_t at = asking->count; kind == OMEGA_EVENT_REMOVE && at-- > 0;) {
        if (asking->list[at].machine == m) {
            unlist(asking, at);
            lost++;
        }
    }
    ask(asking, who);
    ck_assert_uint_eq(asked->accepted, lost);
    look(asking);
}

/* On a machine that takes them; there is nothing to fail where none does. */
static void fail_batch(struct asking *asking, int who)
{
    uint32_t m = 0;
    while (m < UP_MACHINES && (asking->machines[m].state != OMEGA_MACHINE_UP ||
                               asking->machines[m].used > asking->machines[m].limit)) {
        m++;
    }
    if (m == UP_MACHINES) {
        return;
    }
    asked->operation = FAIL;
    asked->machine = m;
    asked->first_task = asking->next_task[PROBE_JOB];
    asked->detection = OMEGA_DETECT_FINE;
    ask(asking, who);
    look(asking);
}

/* ---- gaps ---- */

static void any_change(struct asking *asking, int who)
{
    uint32_t m = omega_random_below(&asking->random, UP_MACHINES);
    uint32_t dice = omega_random_below(&asking->random, 10);
    if (dice < 4) {
        place(asking, who, m);
    } else if (dice < 6 && asking->count > 0) {
        end_some(asking, who, 1 + omega_random_below(&asking->random, 5));
    } else if (dice < 7) {
        probe(asking, who, m);
    } else {
        event(asking, who, m, draw_event(asking, asking->machines[m].state));
    }
}

static void all_up(struct asking *asking, int who)
{
    for (uint32_t m = 0; m < UP_MACHINES; m++) {
        while (asking->machines[m].state != OMEGA_MACHINE_UP) {
            event(asking, who, m, draw_event(asking, asking->machines[m].state));
        }
    }
}

/* Makes every machine known to a process, and leaves room on it. */
static void touch_all(struct asking *asking, int who)
{
    end_some(asking, who, LARGE);
    all_up(asking, who);
    for (uint32_t m = 0; m < UP_MACHINES; m++) {
        place(asking, who, m);
    }
}

/* One change of machine 0: of kind 0 to 2, each made by exactly one version. */
static void change_first(struct asking *asking, int who, int kind)
{
    if (kind == 0) {
        event(asking, who, 0, OMEGA_EVENT_CAPACITY);
    } else if (kind == 1) {
        place(asking, who, 0);
    } else {
        uint32_t at = 0;
        while (asking->list[at].machine != 0) {
            at++;
            ck_assert_uint_lt(at, asking->count);
        }
        struct listed newest = asking->list[asking->count - 1];
        asking->list[asking->count - 1] = asking->list[at];
        asking->list[at] = newest;
        end_some(asking, who, 1);
    }
}

/* One makes all machines known to itself; of the exactly `gap` changes that the other makes then,
 * number `at` is the only one of machine 0; and the first one decides there. */
static void exact_gap(struct asking *asking, int who, uint32_t gap, uint32_t at, int kind)
{
    int other = 1 - who;
    touch_all(asking, who);
    uint64_t version = asking->version;
    for (uint32_t i = 0; i < gap; i++) {
        if (i == at) {
            change_first(asking, other, kind);
        } else {
            place(asking, other, 1 + i % 2);
        }
    }
    ck_assert_uint_eq(asking->version, version + gap);
    probe(asking, who, 0);
}

static const uint32_t gaps[] = {0, 1, 8, 15, 16, 17, 100}; /* others are followed up to 16 */
#define GAPS ((int)(sizeof(gaps) / sizeof(gaps[0])))
enum {
    NO_LARGE,
    LARGE_FIRST,
    LARGE_LAST,
    LARGES
};
enum {
    NO_FAILURE,
    FAILS_BEFORE,
    FAILS_AFTER,
    FAILURES
};

/* One changes all machines; the other makes so many changes, some of them large; then the first one
 * decides. A change that nothing came of, as the machine was down, makes the gap a smaller one. */
static void one_gap(struct asking *asking, int who, uint32_t gap, int large, int failure)
{
    int other = 1 - who;
    touch_all(asking, who);
    if (failure == FAILS_BEFORE) {
        fail_batch(asking, who);
    }
    if (large == LARGE_FIRST) {
        event(asking, other, 0, OMEGA_EVENT_REMOVE);
        event(asking, other, 0, OMEGA_EVENT_ADD);
        place_many(asking, other);
    }
    for (uint32_t i = 0; i < gap; i++) {
        any_change(asking, other);
    }
    if (large == LARGE_LAST && !place_many(asking, other)) {
        end_some(asking, other, LARGE);
    }
    if (failure == FAILS_AFTER) {
        all_up(asking, other);
        fail_batch(asking, who);
    }
    for (uint32_t m = 0; m < UP_MACHINES; m++) {
        probe(asking, who, m);
        probe(asking, other, m);
    }
    end_some(asking, other, 7);
    for (uint32_t m = 0; m < UP_MACHINES; m++) {
        probe(asking, who, m);
    }
}

START_TEST(gaps_of_the_other)
{
    struct asking *asking = calloc(1, sizeof(*asking));
    ck_assert_ptr_nonnull(asking);
    begin(asking, _i);
    for (int failure = is_slow() ? FAILS_AFTER : 0; failure < FAILURES; failure++) {
        int who = (failure + _i) % 2;
        one_gap(asking, who, gaps[_i % GAPS], _i / GAPS, failure);
    }
    end(asking);
    free(asking);
}
END_TEST

/* _i: the kind of change, and how the two have the cell open. */
START_TEST(exact_gaps)
{
    struct asking *asking = calloc(1, sizeof(*asking));
    ck_assert_ptr_nonnull(asking);
    begin(asking, _i / 3);
    for (int g = 1; g < GAPS; g++) {
        const uint32_t at[] = {0, gaps[g] / 2, gaps[g] - 1};
        for (int a = 0; a < (gaps[g] < 10 || _i % 3 == 0 ? 3 : 0); a++) {
            exact_gap(asking, (g + a) % 2, gaps[g], at[a], _i % 3);
        }
    }
    end(asking);
    free(asking);
}
END_TEST

/* A change as it lies in the log. */
struct logged {
    size_t size;
    uint8_t bytes[4096];
};

/* Writes a version's change, unless `change` is NULL, and gives back what was there. */
static void exchange(const struct asking *asking, uint64_t version, const struct logged *change,
                     struct logged *was)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi log;
    MDB_val data;
    uint64_t key = version % asking->disk.options.log_changes;
    MDB_val where = {.mv_size = sizeof(key), .mv_data = &key};
    ck_assert_int_eq(mdb_env_create(&env), 0);
    ck_assert_int_eq(mdb_env_set_mapsize(env, MAP), 0);
    ck_assert_int_eq(mdb_env_set_maxdbs(env, 1), 0);
    ck_assert_int_eq(mdb_env_open(env, asking->disk.path, MDB_NOSYNC, 0644), 0);
    ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    ck_assert_int_eq(mdb_dbi_open(txn, "changes", MDB_INTEGERKEY, &log), 0);
    ck_assert_int_eq(mdb_get(txn, log, &where, &data), 0);
    ck_assert_uint_le(data.mv_size, sizeof(was->bytes));
    was->size = data.mv_size;
    memcpy(was->bytes, data.mv_data, data.mv_size);
    if (change != NULL) {
        data = (MDB_val){.mv_size = change->size, .mv_data = (void *)(uintptr_t)change->bytes};
        ck_assert_int_eq(mdb_put(txn, log, &where, &data, 0), 0);
    }
    ck_assert_int_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

/* A change as it is, checksums and all, but for the free room that it shows. */
static void forge(const struct asking *asking, uint64_t version, const struct logged *honest,
                  int32_t cpu_milli, int32_t mem_mib, struct logged *forged)
{
    struct record_change change;
    uint64_t key = version % asking->disk.options.log_changes;
    ck_assert_int_eq(record_decode_change(honest->bytes, honest->size, key, &change), 0);
    ck_assert_uint_eq(change.version, version);
    for (uint32_t i = 0; i < change.machine_count; i++) {
        struct record_change_machine machine;
        record_change_machine(&change, i, &machine);
        machine.free_cpu_milli = cpu_milli;
        machine.free_mem_mib = mem_mib;
        record_put_change_machine(forged->bytes, &change, i, &machine);
    }
    for (uint32_t i = 0; i < change.item_count; i++) {
        struct record_change_item item;
        record_change_item(&change, i, &item);
        record_put_change_item(forged->bytes, &change, i, &item);
    }
    record_finish_change(&change, key, forged->bytes);
    forged->size = honest->size;
}

/* The log tells of free room that no placement can have left: the machine is looked up. */
START_TEST(forged_room)
{
    static const int32_t rooms[][2] = {{INT32_MAX, 1000}, {CPU + 1, 1000}, {-2, 1000},
                                       {INT32_MIN, 1000}, {1000, -2},      {1000, INT32_MIN},
                                       {1000, INT32_MAX}, {-1, -1}};
    static struct logged honest;
    static struct logged forged;
    struct asking *asking = calloc(1, sizeof(*asking));
    ck_assert_ptr_nonnull(asking);
    begin(asking, 2 * _i);
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        touch_all(asking, 0);
        place(asking, 1, 0);
        uint64_t version = asking->version;
        exchange(asking, version, NULL, &honest);
        forge(asking, version, &honest, rooms[i][0], rooms[i][1], &forged);
        exchange(asking, version, &forged, &honest);
        probe_unseen(asking, 0, 0);
        exchange(asking, version, &honest, &forged); /* the check finds it */
        look(asking);
    }
    end(asking);
    free(asking);
}
END_TEST

/* Each single change of the other one, alone and right after this one has decided. */
START_TEST(single_changes)
{
    struct asking *asking = calloc(1, sizeof(*asking));
    ck_assert_ptr_nonnull(asking);
    begin(asking, _i);
    for (int who = 0; who < 2; who++) {
        int other = 1 - who;
        for (uint32_t m = 0; m < UP_MACHINES; m++) {
            touch_all(asking, who);
            probe(asking, who, m);
            end_some(asking, other, 4);
            probe(asking, who, m);
            event(asking, other, m, OMEGA_EVENT_CAPACITY);
            probe(asking, who, m);
            event(asking, other, m, OMEGA_EVENT_DRAIN);
            probe(asking, who, m);
            event(asking, other, m, OMEGA_EVENT_UNDRAIN);
            end_some(asking, who, 9);
            probe(asking, other, m);
            probe(asking, who, m);
            event(asking, other, m, OMEGA_EVENT_REMOVE);
            probe(asking, who, m);
            event(asking, other, m, OMEGA_EVENT_ADD);
            probe(asking, who, m);
            end_some(asking, other, asking->count); /* all */
            probe(asking, who, m);
        }
        touch_all(asking, who);
        end_some(asking, other, LARGE);
        ck_assert(place_many(asking, other)); /* a large commit, and a large release */
        probe(asking, who, 1);
        end_some(asking, who, 60);
        end_some(asking, other, LARGE);
        probe(asking, who, 0);
        probe(asking, who, 1);
    }
    end(asking);
    free(asking);
}
END_TEST

START_TEST(any_turns)
{
    struct asking *asking = calloc(1, sizeof(*asking));
    ck_assert_ptr_nonnull(asking);
    printf("machines at hand: seed %ju, %d\n", (uintmax_t)SEED, _i);
    begin(asking, _i);
    for (int step = 0; step < (is_slow() ? 30 : 300); step++) {
        int who = (int)omega_random_below(&asking->random, 2);
        uint32_t dice = omega_random_below(&asking->random, 60);
        if (dice == 0) {
            fail_batch(asking, who);
        } else if (dice == 1 && !place_many(asking, who)) {
            end_some(asking, who, LARGE);
        } else {
            any_change(asking, who);
        }
    }
    end(asking);
    free(asking);
}
END_TEST

/* ---- a number that comes round ---- */

/* More changes than anybody goes through, which leave 500 of machine 0. */
static void fill(struct disk *disk)
{
    for (uint64_t i = 0; i < 20; i++) {
        (void)cell_put(&disk->cell, 100 + i, 0, 150, 2);
    }
}

/* Machines at hand are told by a number that counts how often all were forgotten: one that was read
 * under it before it came round is not taken for one at hand. */
START_TEST(forgotten_so_often)
{
    static void (*const fills[])(struct disk *disk) = {fill};
    struct disk disk;
    struct disk_other other;
    disk_describe(&disk);
    disk_create(&disk);
    disk_other_start(&other, &disk, fills);
    disk_start(&disk);
    struct lmdb_write *write = &lmdb_of(disk.cell.store)->write;
    (void)cell_put(&disk.cell, 1, 0, 500, 1);
    ck_assert_uint_eq(write->machines[0].changes, 1);
    write->epoch = UINT32_MAX;
    disk_other_does(&other, 0);
    cell_submit(&disk.cell, 2, 1, 1000); /* forgets all, 500 of 4000 being left */
    ck_assert_uint_eq(write->epoch, 1);
    cell_begin(&disk.cell, 2, 1);
    cell_claim(&disk.cell, 0, 0, 1000);
    cell_commit(&disk.cell);
    CELL_OUTCOMES(&disk.cell, OMEGA_REFUSED_MACHINE_CHANGED); /* no room, and no rival since */
    disk_other_stop(&other);
    disk_close(&disk);
}
END_TEST

static void loop_case(Suite *suite, const char *name, const TTest *test, int count)
{
    TCase *tcase = tcase_create(name);
    tcase_add_loop_test(tcase, test, 0, count);
    tcase_set_timeout(tcase, 600);
    suite_add_tcase(suite, tcase);
}

static void add_cases(Suite *suite)
{
    loop_case(suite, "single changes", single_changes, 3);
    loop_case(suite, "forged room", forged_room, 3);
    loop_case(suite, "exact gaps", exact_gaps, 9);
    loop_case(suite, "gaps", gaps_of_the_other, GAPS * LARGES);
    loop_case(suite, "any turns", any_turns, 3);
    check_case(suite, "forgotten", forgotten_so_often);
}

CHECK_MAIN("cellstate/lmdb_at_hand", add_cases)
