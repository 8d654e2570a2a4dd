/* SPDX-License-Identifier: MIT */
/*
 * The lmdb store's own structures. A change is a request: lmdb_execute() takes the gate and an LMDB
 * write transaction, runs the request (or, with `group`, those of all threads that wait), writes
 * the machines that changed, the log and the head, commits, and publishes.
 *
 *   lmdb_open.c    opening and closing: registry, fork guard, use.config
 *   lmdb_env.c     LMDB's environment, its errors in our words, read transactions
 *   lmdb_create.c  making, removing and recovering a cell
 *   lmdb_specs.c   machines as they were given, and the names they use
 *   lmdb_batch.c   requests, batches, groups
 *   lmdb_write.c   write transactions: the machines at hand, the change log
 *   lmdb_tables.c  their records: looked up, written, taken out
 *   lmdb_job.c     a job between its records and struct job_entry
 *   lmdb_show.c    a job as those see it who list them
 *   lmdb_commit.c  transactions of schedulers, their identities and recorded results
 *   lmdb_change.c  submissions, releases, machine events, initial placements
 *   lmdb_view.c    views and the feed
 *   lmdb_read.c    reading: records, lists
 *   lmdb_check.c   what store_check() proves of this backend only
 *   lmdb_restore.c dumps back into a new cell
 */
#ifndef OMEGA_CELLSTATE_LMDB_PRIVATE_H
#define OMEGA_CELLSTATE_LMDB_PRIVATE_H

#include <endian.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/types.h>

#include "cellstate/feed.h"
#include "cellstate/jobs.h"
#include "cellstate/lmdb.h"
#include "cellstate/lmdb_directory.h"
#include "cellstate/lmdb_records.h"
#include "cellstate/lmdb_writer.h"
#include "cellstate/store_view.h"
#include "cellstate/totals.h"
#include "core/base/combine.h"
#include "core/base/index_set.h"
#include "core/base/rcu.h"

#define LMDB_READERS_MAX 1024u
#define LMDB_LOCK_BYTES (80u << 10) /* of lock.mdb: LMDB's head and 64 bytes for each reader */
#define LMDB_AHEAD_BYTES (UINT64_C(64) << 20) /* `fast`: allocated beyond the last used page */

#define LMDB_PARTS (OMEGA_TASKS_MAX / RECORD_TASKS_EACH) /* of a job's tasks */

enum lmdb_table {
    LMDB_MAIN = 0,   /* LMDB's own unnamed table: meta and head beside the other tables' roots, on
                        pages that every commit rewrites anyway */
    LMDB_MACHINES,   /* index -> record */
    LMDB_SPECS,      /* index -> record */
    LMDB_NAMES,      /* number from 1 -> text */
    LMDB_ATTRIBUTES, /* number from 1 -> text of an attribute set */
    LMDB_PLACEMENTS, /* placement id -> record */
    LMDB_JOBS,       /* job id -> record: as submitted */
    LMDB_STATES,     /* job id -> record: what became of it */
    LMDB_DURATIONS,  /* job id -> record: durations of its tasks, where groups list them */
    LMDB_TASKS,      /* (job id, part) -> record: which further tasks of a large job are placed */
    LMDB_SPREAD,     /* (job id, group << 32 | machine) -> record: the task of the group there */
    LMDB_LOG,        /* version % log_changes -> record */
    LMDB_INSTANCES,  /* instance -> record */
    LMDB_TABLES,
};

/* A cursor of the write transaction and the record that it was left on: what is looked up there is
 * written without a second search. Zeroed: none yet. */
struct lmdb_spot {
    MDB_cursor *cursor; /* NULL until it is needed */
    uint64_t key;
    bool on; /* it is on the record of that key */
};

/* Machines that have a spot of their own; more cursors than this cost what they spare. */
#define LMDB_MACHINE_SPOTS 16u

/* Working memory of the writer; whoever is inside the gate owns it. */
struct lmdb_write {
    MDB_txn *txn;
    struct lmdb_spot spots[LMDB_TABLES]; /* on what was looked up last in each table */
    struct lmdb_spot machine_spots[LMDB_MACHINE_SPOTS];
    uint32_t machine_spots_taken;
    struct record_head head;
    bool changed; /* something was written: there is something to commit */
    bool several; /* more than one placement is written: they go by a cursor */
    bool broken;  /* LMDB failed after something was written: nothing of the batch may stay */
    uint64_t end; /* `fast`: bytes of the file that may be in use when this has been committed */
    /* per machine of the cell; pages that no machine was read into stay as they are. A machine is
     * at hand, decoded, if its `changes` is `epoch`: notes of their own would lie on a third line
     * of memory, for which a commit of one claim has to wait */
    struct omega_machine *machines;
    uint64_t committed;      /* LMDB's id of the transaction that what is at hand is of; 0: none */
    uint32_t epoch;          /* a new one: no machine is at hand any more; never 0 */
    uint64_t shown;          /* version that the machines at hand show */
    struct index_set wanted; /* machines to be read */
    struct index_set dirty;  /* machines to be written at the end */
    /* the change at hand */
    struct record_change change;
    uint32_t *listed; /* its machines: change.machine_count of them */
    uint32_t listed_room;
    struct index_set listed_once;     /* which machines these are, until the next change begins */
    struct record_change_item *items; /* item_count of them */
    uint32_t item_room;
    /* the instance at hand, as it is in the table but for its claims; OMEGA_INSTANCE_NONE: none */
    uint16_t instance;
    struct record_instance instance_record;
    /* the job at hand: entry.groups and the rest have room for so much */
    struct job_entry entry;               /* machine_of: NULL */
    struct record_job_state state;        /* of entry: what struct job_entry does not carry */
    bool lists_durations;                 /* it has a record of them */
    uint64_t parts_read[LMDB_PARTS / 64]; /* bits: entry.state is filled in for this part */
    uint64_t parts_changed[LMDB_PARTS / 64];
    uint32_t group_room;
    uint32_t slot_room;
    uint8_t *bytes; /* for records whose size varies */
    size_t bytes_room;
    struct jobs_scratch scratch;
    struct rules_scratch *rules;
};

struct lmdb {
    struct store base;
    MDB_env *env;
    MDB_dbi tables[LMDB_TABLES];
    struct record_meta meta;
    char *path;
    struct lmdb_gate *gate;
    void (*blocked)(void *context, const struct lmdb_writer *writer);
    void *blocked_context;
    bool read_only;
    bool group;
    bool by_map;             /* writes go through a map */
    unsigned forks;          /* how many forks this process had come from when it was opened */
    uint64_t page_bytes;     /* LMDB's */
    uint64_t allocated;      /* `fast`: bytes of the file that are allocated for sure */
    int64_t readers_checked; /* coarse monotonic seconds */
    const struct omega_machine_spec *specs;
    struct omega_machine_spec *own_specs; /* NULL with use.config */
    struct catalogue *own_catalogue;      /* likewise */
    uint32_t *platforms;
    uint32_t *domains;        /* behind them, in one piece */
    _Atomic(MDB_txn *) spare; /* a read transaction that is reset, or NULL */
    struct lmdb_write write;
    struct combine combine; /* group */
    bool combines;          /* it has been made */
    bool inside;            /* its leader is in the gate already */
    struct feed *feed;      /* group: what readers of this process have been shown */
    uint64_t feed_slots;
    uint64_t fed;                      /* newest version in the feed; inside the gate only */
    struct store_release_result *lost; /* of the last machine event */
    uint32_t lost_room;
    /* registry of open cells in this process */
    dev_t device;
    ino_t inode;
    struct lmdb *next;
};

/* For the thread sanitizer, which sees nothing of how liblmdb hands pages over: who begins to read
 * sees what was committed before, and a page is written anew when all its readers have left. */
#define LMDB_TSAN_COMMITS(lmdb) RCU_TSAN_RELEASE(&(lmdb)->env)
#define LMDB_TSAN_READS(lmdb) RCU_TSAN_ACQUIRE(&(lmdb)->env)
#define LMDB_TSAN_LEAVES(lmdb) RCU_TSAN_RELEASE(&(lmdb)->spare)
#define LMDB_TSAN_WRITES(lmdb) RCU_TSAN_ACQUIRE(&(lmdb)->spare)

static inline struct lmdb *lmdb_of(const struct store *store)
{
    return (struct lmdb *)(void *)(uintptr_t)store;
}

/* ---- lmdb_env.c ---- */

/* Our code and text for what LMDB said (0: OMEGA_OK). `doing` as in "cannot <doing>". */
int lmdb_failure(const struct lmdb *lmdb, int code, const char *doing, omega_error_t *err)
    __attribute__((cold));
static inline int lmdb_failed(const struct lmdb *lmdb, int code, const char *doing,
                              omega_error_t *err)
{
    return code == MDB_SUCCESS ? OMEGA_OK : lmdb_failure(lmdb, code, doing, err);
}
/* A record that cannot be read: code from its decoder, which is given back (0: OMEGA_OK). */
int lmdb_damage(const struct lmdb *lmdb, int code, enum lmdb_table table, uint64_t key,
                omega_error_t *err) __attribute__((cold));
static inline int lmdb_bad_record(const struct lmdb *lmdb, int code, enum lmdb_table table,
                                  uint64_t key, omega_error_t *err)
{
    return code == OMEGA_OK ? OMEGA_OK : lmdb_damage(lmdb, code, table, key, err);
}
int lmdb_bad_part(const struct lmdb *lmdb, int code, enum lmdb_table table, uint64_t job,
                  uint64_t part, omega_error_t *err);
/* OMEGA_EINVAL where the store was opened before a fork. */
int lmdb_check_process(const struct lmdb *lmdb, omega_error_t *err);

/* What this thread's reading of the store shows from now on; NULL: the newest version. One store is
 * held in a thread at a time. */
void lmdb_hold_as(const struct lmdb *lmdb, MDB_txn *txn);
/* Gives up what this thread still holds of a store that is being closed. */
void lmdb_let_go_all(struct lmdb *lmdb);
/* A read transaction at the newest version, whatever is held. */
int lmdb_read_newest(struct lmdb *lmdb, MDB_txn **txn, omega_error_t *err);
/* The one that this thread holds, or the newest. lmdb_read_end() gives both back. */
int lmdb_read_begin(struct lmdb *lmdb, MDB_txn **txn, omega_error_t *err);
void lmdb_read_end(struct lmdb *lmdb, MDB_txn *txn);

/* The key of one of several records of a job: big-endian, so that those of one job lie together, by
 * rising part. */
struct lmdb_part_key {
    uint64_t job;
    uint64_t part;
};
static inline struct lmdb_part_key lmdb_part_key(uint64_t job, uint64_t part)
{
    return (struct lmdb_part_key){.job = htobe64(job), .part = htobe64(part)};
}
/* False: a key of another size. */
static inline bool lmdb_part_key_read(const MDB_val *key, uint64_t *job, uint64_t *part)
{
    struct lmdb_part_key read;
    if (key->mv_size != sizeof read) {
        return false;
    }
    memcpy(&read, key->mv_data, sizeof read);
    *job = be64toh(read.job);
    *part = be64toh(read.part);
    return true;
}

/* The part of LMDB_SPREAD that tells which task of a group runs on a machine. */
static inline uint64_t lmdb_spread_part(uint32_t group, uint32_t machine)
{
    return (uint64_t)group << 32 | machine;
}
static inline uint32_t lmdb_spread_group(uint64_t part)
{
    return (uint32_t)(part >> 32);
}
static inline uint32_t lmdb_spread_machine(uint64_t part)
{
    return (uint32_t)part;
}

/* Looks up; *data is NULL if the key is not there. */
int lmdb_get(struct lmdb *lmdb, MDB_txn *txn, enum lmdb_table table, uint64_t key, MDB_val *data,
             omega_error_t *err);
/* The same in a table of several records for each job. */
int lmdb_get_part(struct lmdb *lmdb, MDB_txn *txn, enum lmdb_table table, uint64_t job,
                  uint64_t part, MDB_val *data, omega_error_t *err);
int lmdb_get_head(struct lmdb *lmdb, MDB_txn *txn, struct record_head *head, omega_error_t *err);
int lmdb_get_meta(struct lmdb *lmdb, MDB_txn *txn, struct record_meta *meta, omega_error_t *err);

int lmdb_env_open(struct lmdb *lmdb, enum lmdb_mode mode, uint64_t map_bytes, omega_error_t *err);
int lmdb_tables_open(struct lmdb *lmdb, MDB_txn *txn, unsigned flags, omega_error_t *err);
/* Opens as lmdb_open() does; to recover: whatever boot it was last used in; to restore: in mode
 * `pwrite`, whatever its own, so that a full disk is an error and no signal. */
enum lmdb_purpose {
    LMDB_TO_USE,
    LMDB_TO_RECOVER,
    LMDB_TO_RESTORE,
};
int lmdb_open_cell(const char *path, const struct lmdb_use *use, enum lmdb_purpose purpose,
                   struct store **store, omega_error_t *err);
/* Puts a cursor of the log on the change of a version: the first is looked up, others follow it but
 * where the ring begins anew. LMDB's code. */
int lmdb_next_change(const struct lmdb *lmdb, MDB_cursor *cursor, uint64_t version, bool first,
                     MDB_val *data);
/* Every cursor's walk: calls each(context, key, data) for the keys of a table from `first` on. */
int lmdb_walk(struct lmdb *lmdb, MDB_txn *txn, enum lmdb_table table, uint64_t first,
              int (*each)(void *context, uint64_t key, const MDB_val *data, omega_error_t *err),
              void *context, omega_error_t *err);
/* The same over the records of one job, by rising part; job 0: of all jobs. */
int lmdb_walk_parts(struct lmdb *lmdb, MDB_txn *txn, enum lmdb_table table, uint64_t job,
                    int (*each)(void *context, uint64_t job, uint64_t part, const MDB_val *data,
                                omega_error_t *err),
                    void *context, omega_error_t *err);
const char *lmdb_table_name(enum lmdb_table table);
/* The cell's identity as text. */
void lmdb_identity(const struct lmdb *lmdb, char text[33]);
/* The path of a file in the cell's directory; free() it. NULL without memory. */
char *lmdb_file_path(const char *directory, const char *name);

/* ---- lmdb_batch.c ---- */

/* One change that waits for the writer. run() returns 0, or a code with nothing changed (its own
 * fault); a failure of LMDB goes through lmdb_write_failed() and fails the whole batch. */
struct lmdb_request {
    int (*run)(struct lmdb *lmdb, void *arguments, omega_error_t *err);
    void *arguments;
    uint16_t instance; /* on whose behalf; OMEGA_INSTANCE_NONE */
    bool apart;        /* filled in: it has failed before anything of its batch was changed */
    bool had_error;    /* filled in: its caller's holder was in use before */
    int code;
    omega_error_t *err; /* or NULL */
};

/* Runs `count` requests in order, in batches of LMDB_BATCH_MAX, each batch one LMDB transaction
 * (together with those of other threads in group mode). Fills code and err of each; returns the
 * first code that is not 0. */
int lmdb_execute(struct lmdb *lmdb, struct lmdb_request *requests, uint32_t count);
/* The same for one. */
int lmdb_execute_one(struct lmdb *lmdb, int (*run)(struct lmdb *, void *, omega_error_t *),
                     void *arguments, uint16_t instance, omega_error_t *err);
/* Makes the queue and the feed of a group; the other frees what was made of them. */
int lmdb_group_open(struct lmdb *lmdb, omega_error_t *err);
void lmdb_group_close(struct lmdb *lmdb);

/* ---- lmdb_write.c ---- */

/* The steps of a batch, inside the gate: a write transaction with the head at hand; what the
 * requests left to be written, and the commit (the transaction is over either way); giving up. */
int lmdb_write_begin(struct lmdb *lmdb, omega_error_t *err);
int lmdb_write_end(struct lmdb *lmdb, omega_error_t *err);
void lmdb_write_abort(struct lmdb *lmdb);

int lmdb_write_init(struct lmdb *lmdb); /* working memory; OMEGA_ENOMEM */
void lmdb_write_fini(struct lmdb *lmdb);

/* `fast`: makes sure of room for one more record of so many bytes before it is written. */
int lmdb_write_room(struct lmdb *lmdb, size_t size, omega_error_t *err);
/* LMDB failed inside a batch: marks it broken. */
static inline int lmdb_write_failed(struct lmdb *lmdb, int code, const char *doing,
                                    omega_error_t *err)
{
    lmdb->write.broken |= code != MDB_SUCCESS;
    return lmdb_failed(lmdb, code, doing, err);
}
/* Has a machine been read, and has nothing made it outdated since? */
static inline bool lmdb_is_at_hand(const struct lmdb_write *write, uint32_t index)
{
    return write->machines[index].changes == write->epoch;
}
/* A machine at hand: read from the table where it is not yet. The pointer stays good. */
int lmdb_machine_at_hand(struct lmdb *lmdb, uint32_t index, struct omega_machine **machine,
                         omega_error_t *err);
/* Brings the machines in write.wanted to hand, by rising index, and empties it. */
int lmdb_bring_wanted(struct lmdb *lmdb, omega_error_t *err);
/* Room in write.bytes: OMEGA_ENOMEM. */
int lmdb_reserve_bytes(struct lmdb *lmdb, size_t size, omega_error_t *err);

/* Begins the change with the next version: room for so many machines and items. OMEGA_ENOMEM,
 * OMEGA_EINVAL (no more versions). */
int lmdb_change_begin(struct lmdb *lmdb, enum record_change_kind kind, uint32_t machines,
                      uint32_t items, omega_error_t *err);
/* A machine at hand has changed: it is listed once, and written at the end of the batch. */
void lmdb_change_machine(struct lmdb *lmdb, struct omega_machine *machine);
void lmdb_change_item(struct lmdb *lmdb, uint64_t placement, uint32_t task, uint32_t machine,
                      uint8_t devices);
/* Logs the change and counts its version. */
int lmdb_change_end(struct lmdb *lmdb, omega_error_t *err);

/* ---- lmdb_tables.c ---- */

/* A new write transaction has begun: no spot has a cursor. */
void lmdb_spots_clear(struct lmdb_write *write);
/* Looks a record up in the write transaction, and leaves the table's spot on it; *data is NULL if
 * it is not there. lmdb_find_at() uses the spot given. */
int lmdb_find(struct lmdb *lmdb, enum lmdb_table table, uint64_t key, MDB_val *data,
              omega_error_t *err);
int lmdb_find_at(struct lmdb *lmdb, enum lmdb_table table, struct lmdb_spot *spot, uint64_t key,
                 MDB_val *data, omega_error_t *err);
/* Reads write.head, and writes it. */
int lmdb_head_find(struct lmdb *lmdb, omega_error_t *err);
int lmdb_head_put(struct lmdb *lmdb, omega_error_t *err);
/* Writes a record of any table but machines (which are written at the end). */
int lmdb_put(struct lmdb *lmdb, enum lmdb_table table, uint64_t key, const void *bytes, size_t size,
             omega_error_t *err);
/* The same at the spot given. by_cursor: it is one of several, so that a cursor pays, which is
 * moved to the record where it is not on it. */
int lmdb_put_at(struct lmdb *lmdb, enum lmdb_table table, struct lmdb_spot *spot, bool by_cursor,
                uint64_t key, const void *bytes, size_t size, omega_error_t *err);
/* Writes a new placement, whose id is above all others. */
int lmdb_put_placement(struct lmdb *lmdb, const struct store_placement *placement,
                       omega_error_t *err);
/* Deletes a record; one that is not there is OMEGA_ECORRUPT. */
int lmdb_delete(struct lmdb *lmdb, enum lmdb_table table, uint64_t key, omega_error_t *err);
/* The same in a table of several records for each job. lmdb_delete_parts() deletes all of one. */
int lmdb_put_part(struct lmdb *lmdb, enum lmdb_table table, uint64_t job, uint64_t part,
                  const void *bytes, size_t size, omega_error_t *err);
int lmdb_delete_part(struct lmdb *lmdb, enum lmdb_table table, uint64_t job, uint64_t part,
                     omega_error_t *err);
int lmdb_delete_parts(struct lmdb *lmdb, enum lmdb_table table, uint64_t job, omega_error_t *err);

/* ---- lmdb_job.c ---- */

/* Loads a job into write.entry; *entry is NULL if it is not in the table, or over. What has become
 * of its tasks is filled in for the first RECORD_TASKS_EACH only. */
int lmdb_entry_load(struct lmdb *lmdb, uint64_t id, struct job_entry **entry, omega_error_t *err);
/* Fills it in for the part of the tasks that `task` (one of the job's) belongs to. */
int lmdb_entry_task(struct lmdb *lmdb, uint32_t task, omega_error_t *err);
/* That of a task has changed, and is to be written. */
void lmdb_entry_task_changed(struct lmdb *lmdb, uint32_t task);
/* Which machines have tasks of groups that ask for different ones: does one of the group run there;
 * now `task` does. */
int lmdb_spread_look(struct lmdb *lmdb, uint32_t group, uint32_t machine, bool *runs,
                     omega_error_t *err);
int lmdb_spread_place(struct lmdb *lmdb, uint32_t group, uint32_t machine, uint32_t task,
                      omega_error_t *err);
/* The same when a task ends, whatever its group asks for: OMEGA_ECORRUPT unless it runs there; it
 * does so no longer. */
int lmdb_spread_expect(struct lmdb *lmdb, uint32_t task, uint32_t machine, omega_error_t *err);
int lmdb_spread_end(struct lmdb *lmdb, uint32_t task, uint32_t machine, omega_error_t *err);
/* Writes back what became of it, and takes one that is over out of the tables. */
int lmdb_entry_store(struct lmdb *lmdb, omega_error_t *err);
/* Writes what was submitted. */
int lmdb_job_put(struct lmdb *lmdb, const struct omega_job *job, const char *user,
                 const char *const *constraints, const bool *different, omega_error_t *err);
/* Writes what has become of a new job, which is submitted to an instance or to none. */
int lmdb_entry_insert(struct lmdb *lmdb, const struct job_entry *entry, uint16_t instance,
                      omega_error_t *err);
/* Reads and checks what has become of a job. */
int lmdb_state_get(struct lmdb *lmdb, MDB_txn *txn, const struct record_job *job,
                   struct record_job_state *state, omega_error_t *err);

/* ---- lmdb_show.c ---- */

/* Reads all records of a job as struct lmdb_job for `each`. */
int lmdb_job_show(struct lmdb *lmdb, MDB_txn *txn, uint64_t id, const MDB_val *job,
                  int (*each)(void *context, const struct lmdb_job *job), void *context,
                  omega_error_t *err);

/* ---- lmdb_commit.c ---- */

/* Writes what the cell is to know of an instance, with the results of its last transaction (NULL
 * where claim_count is 0), and keeps it at hand. OMEGA_ENOMEM with nothing written, or LMDB's
 * failure, which breaks the batch. */
int lmdb_put_instance(struct lmdb *lmdb, uint16_t number, const struct record_instance *instance,
                      const struct omega_claim_result *results, omega_error_t *err);

/* Puts a placement on its machine as the next item of the change at hand, and fills in its id. */
int lmdb_place(struct lmdb *lmdb, struct store_placement *placement, omega_error_t *err);

/* ---- lmdb_view.c ---- */

/* Publishes what has been committed since the last time to the readers of this process: by the
 * leader of a group, outside the gate. What cannot be published is read from the log. */
void lmdb_publish(struct lmdb *lmdb);

/* ---- lmdb_specs.c ---- */

/* Writes specs, with the names and attribute sets that they use, and machines as they begin. */
int lmdb_specs_write(struct lmdb *lmdb, MDB_txn *txn, const struct store_config *config,
                     omega_error_t *err);
/* Reads the specs and the names they use into a catalogue of the store's own. */
int lmdb_specs_read(struct lmdb *lmdb, MDB_txn *txn, omega_error_t *err);
/* OMEGA_EINVAL unless the machines are those of the configuration. */
int lmdb_specs_compare(struct lmdb *lmdb, MDB_txn *txn, const struct store_config *config,
                       omega_error_t *err);

/* ---- lmdb_check.c ---- */

/* Adds a machine's use, and its capacity unless it is down. */
void lmdb_add_totals(struct store_totals *totals, const struct omega_machine *machine);

/* ---- store operations ---- */

int lmdb_submit(struct store *store, const struct omega_job *job, omega_error_t *err);
int lmdb_commit(struct store *store, const struct omega_transaction *txn,
                struct omega_claim_result *results, struct omega_result *result,
                omega_error_t *err);
int lmdb_release(struct store *store, const uint64_t *placements, uint32_t count,
                 enum store_release_reason reason, struct store_release_result *results,
                 uint64_t *version, omega_error_t *err);
int lmdb_machine_event(struct store *store, const struct omega_machine_event *event,
                       enum store_loss_policy policy, const struct store_release_result **lost,
                       uint32_t *lost_count, uint64_t *version, omega_error_t *err);
/* record_job_state.given */
static inline uint64_t lmdb_given(bool told, int64_t duration_us)
{
    uint64_t given = (uint64_t)(duration_us > LMDB_DURATION_MAX ? LMDB_DURATION_MAX : duration_us);
    return !told ? 0 : duration_us <= 0 ? 1 : given + 2;
}
int lmdb_abandon(struct store *store, uint64_t job, uint32_t *tasks, uint64_t *version,
                 omega_error_t *err);
int lmdb_preload(struct store *store, struct store_placement *placements, uint32_t count,
                 uint64_t *version, omega_error_t *err);
int lmdb_view_open(struct store *store, enum store_view_mode mode, struct store_view **view,
                   omega_error_t *err);
int lmdb_view_refresh(struct store *store, struct store_view *view, omega_error_t *err);
int lmdb_view_absorb(struct store *store, struct store_view *view, const uint32_t *machines,
                     uint32_t count, omega_error_t *err);
void lmdb_view_close(struct store_view *view);
int lmdb_machine(struct store *store, uint32_t index, struct omega_machine *out,
                 omega_error_t *err);
int lmdb_placements(struct store *store,
                    int (*each)(void *context, const struct store_placement *placement),
                    void *context, omega_error_t *err);
void lmdb_counters(struct store *store, struct store_counters *out);
void lmdb_totals(struct store *store, struct store_totals *out);
int lmdb_check(struct store *store, struct store_report *report, omega_error_t *err);
void lmdb_close(struct store *store);

#endif
