/* SPDX-License-Identifier: MIT */
/*
 * The records of a cell on disk, byte by byte: pure functions between structs and bytes.
 *
 * Little-endian, fields written one by one, so that no compiler's padding reaches the disk. Every
 * record begins with 8 bytes: checksum (u32: of the record's key, the other 4 of these bytes and,
 * by the low half of XXH3-64, all that follows; of a change all that views read), format (u8:
 * RECORD_FORMAT), kind (u8: enum record_kind), flags (u16, its meaning is the kind's). Sizes are
 * multiples of 8. Decoders take bytes from outside: they read nothing beyond `size`, check
 * checksum, format, kind, sizes and ranges, and give back OMEGA_ECORRUPT or OMEGA_EVERSION (a newer
 * format) without a text: callers know table and key and say so.
 */
#ifndef OMEGA_CELLSTATE_LMDB_RECORDS_H
#define OMEGA_CELLSTATE_LMDB_RECORDS_H

#include "cellstate/store.h"

#define RECORD_FORMAT 1
#define RECORD_HEAD_BYTES 8u

enum record_kind {
    RECORD_META = 1,
    RECORD_HEAD = 2,
    RECORD_MACHINE = 3,
    RECORD_SPEC = 4,
    RECORD_TEXT = 5,
    RECORD_PLACEMENT = 6,
    RECORD_JOB = 7,
    RECORD_JOB_STATE = 8,
    RECORD_CHANGE = 9,
    RECORD_INSTANCE = 10,
    RECORD_DURATIONS = 11,
    RECORD_TASKS = 12,
    RECORD_TASK_MACHINE = 13,
};

/* Keys of the two records in the main table, for their checksums. */
#define RECORD_META_KEY UINT64_C(1)
#define RECORD_HEAD_KEY UINT64_C(2)

/* Some tables have several records for each job, numbered: the key for their checksums. */
static inline uint64_t record_part_key(uint64_t job, uint64_t part)
{
    return job * UINT64_C(0xd6e8feb86659fd93) + part;
}

/* ---- meta: what is fixed when the cell is made ---- */

struct record_meta {
    uint32_t schema;
    uint8_t mode; /* enum lmdb_mode */
    bool release_raises_seq;
    bool keep_jobs;
    bool gpus; /* some machine's spec has GPUs: changes carry them */
    uint32_t machine_count;
    uint32_t log_changes;
    uint64_t map_bytes;
    struct omega_overcommit overcommit;
    uint8_t identity[16];
};
#define RECORD_META_BYTES 64u
void record_encode_meta(const struct record_meta *meta, uint8_t bytes[RECORD_META_BYTES]);
/* A newer schema is OMEGA_EVERSION, too; meta->schema tells which. */
int record_decode_meta(const void *bytes, size_t size, struct record_meta *meta);

/* ---- head: where the cell stands; rewritten with every change ---- */

struct record_head {
    struct store_counters counters;
    struct store_totals totals;
};
#define RECORD_HEAD_RECORD_BYTES 128u
void record_encode_head(const struct record_head *head, uint8_t bytes[RECORD_HEAD_RECORD_BYTES]);
int record_decode_head(const void *bytes, size_t size, struct record_head *head);

/* ---- machines: key = index ---- */

/* 104 bytes, or 184 for a machine that has GPU devices or use on any. */
#define RECORD_MACHINE_BYTES_MAX 184u
size_t record_encode_machine(const struct omega_machine *machine,
                             uint8_t bytes[RECORD_MACHINE_BYTES_MAX]);
/* `index` is the key; the record does not repeat it. cpu_used_milli and mem_used_mib are the sums
 * over bands, and not stored. A limit, capacity or use below 0 is OMEGA_ECORRUPT. */
int record_decode_machine(const void *bytes, size_t size, uint64_t index,
                          struct omega_machine *machine);
/* ---- specs: key = index; names are keys of the names and attribute sets tables ---- */

#define RECORD_SPEC_BYTES 40u
void record_encode_spec(const struct omega_machine_spec *spec, uint64_t index,
                        uint8_t bytes[RECORD_SPEC_BYTES]);
int record_decode_spec(const void *bytes, size_t size, uint64_t index,
                       struct omega_machine_spec *spec);

/* ---- texts: names (key = symbol) and attribute sets (key = set), from 1 ---- */

#define RECORD_TEXT_MAX (1u << 20)
/* Bytes that a text of `length` bytes (without the NUL) takes. */
size_t record_text_bytes(size_t length);
void record_encode_text(const char *text, size_t length, uint64_t key, uint8_t *bytes);
/* *text points into `bytes`; it is not terminated and holds no NUL. */
int record_decode_text(const void *bytes, size_t size, uint64_t key, const char **text,
                       size_t *length);

/* ---- placements: key = placement id ---- */

#define RECORD_PLACEMENT_BYTES 40u
void record_encode_placement(const struct store_placement *placement,
                             uint8_t bytes[RECORD_PLACEMENT_BYTES]);
int record_decode_placement(const void *bytes, size_t size, uint64_t id,
                            struct store_placement *placement);

/* ---- jobs: key = id; as submitted, never changed ---- */

/* Bytes of a job whose user is `user` and whose group g asks for constraints[g]: texts of at most
 * RECORD_TEXT_MAX bytes, never NULL. */
size_t record_job_bytes(const struct omega_job *job, const char *user,
                        const char *const *constraints);
/* different[g]: group g asks for different machines. */
void record_encode_job(const struct omega_job *job, const char *user,
                       const char *const *constraints, const bool *different, uint8_t *bytes);

/* A decoded job points into its bytes; groups are read one by one. */
struct record_job {
    struct omega_job job; /* groups: NULL; user: 0 */
    const char *user;     /* not terminated, no NUL inside */
    uint32_t user_length;
    const uint8_t *groups;    /* for record_job_group() */
    const uint8_t *durations; /* NULL: to be pointed at those of record_decode_durations() */
    const char *texts;
    size_t listed; /* tasks of groups with a duration per task */
    bool spreads;  /* some group asks for different machines */
};
struct record_group {
    struct omega_task_group group; /* constraints: 0; task_duration_us: NULL */
    bool different;
    const char *constraints; /* not terminated, no NUL inside */
    uint32_t constraints_length;
    bool listed;              /* it has a duration per task */
    const uint8_t *durations; /* those, count + optional little-endian int64, if job->durations */
};
/* Checks the whole record, every group included. */
int record_decode_job(const void *bytes, size_t size, uint64_t id, struct record_job *job);
/* Group `index` < job->job.group_count, of a job that was decoded; cannot fail. *cursor carries
 * what lies before this group from call to call: groups are read in order, from 0, with *cursor =
 * {0}. */
struct record_group_cursor {
    size_t durations;
    size_t texts;
    uint32_t first_task;
};
void record_job_group(const struct record_job *job, uint32_t index,
                      struct record_group_cursor *cursor, struct record_group *group);
/* The duration of the i-th task of a group that has durations. */
int64_t record_group_duration(const struct record_group *group, uint32_t i);

/* ---- durations of a job's tasks, where groups list them: key = job id; never changed ---- */

/* Read only by who shows a job: no commit asks how long a task lasts. */
size_t record_durations_bytes(size_t listed);
/* Those of all groups that list them; returns how many. `bytes` may be NULL. */
size_t record_encode_durations(const struct omega_job *job, uint8_t *bytes);
/* *durations: `listed` little-endian int64, in `bytes`. */
int record_decode_durations(const void *bytes, size_t size, uint64_t id, size_t listed,
                            const uint8_t **durations);

/* ---- what became of a job: key = id; rewritten by commits, releases, losses ---- */

/* Which tasks are placed is a bit each: of the first RECORD_TASKS_EACH in this record, of as many
 * more in each record of a table of their own, so that a commit to the largest job reads and writes
 * no more of it than it claims. */
#define RECORD_TASKS_EACH 2048u

#define RECORD_GIVEN_MAX ((UINT64_C(1) << 48) - 1)
struct record_job_state {
    uint32_t slots;
    uint32_t submitted;
    uint32_t pending;
    uint32_t running;
    uint32_t finished;
    uint32_t failed;
    uint32_t abandoned;
    bool started;
    bool given_up;
    bool over;
    uint16_t instance;
    uint32_t attempt;
    uint64_t given; /* how long its tasks run, once it has started: 0 not told, 1 as submitted, else
                       us + 2, at most RECORD_GIVEN_MAX */
    const uint8_t *placed; /* bitmap of the first tasks */
};
/* Tasks that record `part` of a job has the bits of; 0: the job has no such record. */
static inline uint32_t record_tasks_in(uint32_t slots, uint32_t part)
{
    uint32_t before = part * RECORD_TASKS_EACH;
    uint32_t left = slots > before ? slots - before : 0;
    return left < RECORD_TASKS_EACH ? left : RECORD_TASKS_EACH;
}
/* placed: one byte per task, 0 or 1, of the first tasks. The pointer in *state is not looked at. */
size_t record_job_state_bytes(uint32_t slots);
void record_encode_job_state(const struct record_job_state *state, const uint8_t *placed,
                             uint64_t id, uint8_t *bytes);
int record_decode_job_state(const void *bytes, size_t size, uint64_t id,
                            struct record_job_state *state);
/* Spreads the bitmap of the first tasks into bytes. */
void record_job_state_placed(const struct record_job_state *state, uint8_t *placed);

/* ---- further tasks of a job: key = job id, part from 1; no record: none of them is placed ---- */

#define RECORD_TASKS_BYTES (RECORD_HEAD_BYTES + RECORD_TASKS_EACH / 8)
/* placed: one byte per task of this part, 0 or 1. `tasks`: record_tasks_in(). */
void record_encode_tasks(const uint8_t *placed, uint32_t tasks, uint64_t key,
                         uint8_t bytes[RECORD_TASKS_BYTES]);
int record_decode_tasks(const void *bytes, size_t size, uint64_t key, uint32_t tasks,
                        uint8_t *placed);

/* ---- machines of tasks that ask for different ones: key = job id, group << 32 | machine ---- */

#define RECORD_TASK_MACHINE_BYTES 16u
/* The task of the group that runs on the machine. */
void record_encode_task_machine(uint32_t task, uint64_t key,
                                uint8_t bytes[RECORD_TASK_MACHINE_BYTES]);
int record_decode_task_machine(const void *bytes, size_t size, uint64_t key, uint32_t *task);

/* ---- the change log: key = version % log_changes ---- */

enum record_change_kind {
    RECORD_CHANGE_COMMIT = 0,
    RECORD_CHANGE_RELEASE = 1,
    RECORD_CHANGE_EVENT = 2,
    RECORD_CHANGE_PRELOAD = 3,
    RECORD_CHANGE_KINDS,
};

/* Of each machine a change carries what it may have changed, as it is afterwards: free room always,
 * the rest as the change says. What views show of machines lies in front, with the checksum at the
 * head of the record; who did what lies behind it, with a checksum of its own: whoever shows many
 * changes in a row reads no further than that. */
struct record_change {
    uint64_t version;
    uint64_t job; /* of a commit; else 0 */
    uint16_t instance;
    uint8_t kind;
    uint8_t detail;
    uint32_t incarnation;
    uint32_t attempt;
    uint32_t machine_count;
    uint32_t item_count;
    bool seqs;               /* machines carry their sequences */
    bool releases;           /* their release counts */
    bool limits;             /* their limits, which only machine events change */
    bool gpus;               /* their devices */
    const uint8_t *machines; /* decoded: for record_change_machine() */
    const uint8_t *items;
};
/* What a view shows of a machine after the change; what is not carried is read as 0. */
struct record_change_machine {
    uint32_t index;
    int32_t free_cpu_milli; /* rules_free_cpu() */
    int32_t free_mem_mib;
    uint32_t releases;
    uint64_t seq;
    int32_t cpu_limit_milli;
    int32_t mem_limit_mib;
    int16_t free_gpu_milli[OMEGA_GPU_DEVICES_MAX];
};
/* A placement that the change made (its id is version and position) or ended. */
struct record_change_item {
    uint64_t placement;
    uint32_t task;
    uint32_t machine;
    uint8_t devices;
};
#define RECORD_CHANGE_BYTES 48u         /* with nothing in it */
#define RECORD_CHANGE_MACHINE_BYTES 12u /* index and free room */
#define RECORD_CHANGE_SEQ_BYTES 8u      /* more per machine, with `seqs` */
#define RECORD_CHANGE_RELEASE_BYTES 4u  /* with `releases` */
#define RECORD_CHANGE_LIMIT_BYTES 8u    /* with `limits` */
#define RECORD_CHANGE_GPU_BYTES 16u     /* with `gpus` */
#define RECORD_CHANGE_ITEM_BYTES 16u
/* Bytes of a change with so many machines and items. */
size_t record_change_bytes(const struct record_change *change);
/* Encoding goes in three steps: machines and items in any order, in place, then the rest with the
 * checksums over all. */
void record_put_change_machine(uint8_t *bytes, const struct record_change *change, uint32_t i,
                               const struct record_change_machine *machine);
void record_put_change_item(uint8_t *bytes, const struct record_change *change, uint32_t i,
                            const struct record_change_item *item);
void record_finish_change(const struct record_change *change, uint64_t key, uint8_t *bytes);
/* Machine indices are not compared with the cell's: readers do that. */
int record_decode_change(const void *bytes, size_t size, uint64_t key,
                         struct record_change *change);
void record_change_machine(const struct record_change *change, uint32_t i,
                           struct record_change_machine *machine);
void record_change_item(const struct record_change *change, uint32_t i,
                        struct record_change_item *item);

/* ---- scheduler instances: key = instance ---- */

#define RECORD_MODULE_MAX 63u
struct record_instance {
    uint32_t incarnation;
    uint32_t attempt;
    uint64_t job; /* of the last result; 0: none */
    struct omega_result result;
    uint32_t claim_count;
    char module[RECORD_MODULE_MAX + 1];
    const uint8_t *outcomes; /* decoded: for record_instance_results() */
    const uint8_t *rivals;
    uint32_t rival_count;
};
/* Bytes of an instance with these results, none of which has the version of a rival above
 * OMEGA_VERSION_MAX; NULL where claim_count is 0. */
size_t record_instance_bytes(const struct record_instance *instance,
                             const struct omega_claim_result *results);
void record_encode_instance(const struct record_instance *instance,
                            const struct omega_claim_result *results, uint64_t key, uint8_t *bytes);
int record_decode_instance(const void *bytes, size_t size, uint64_t key,
                           struct record_instance *instance);
/* The results as they were: outcomes as stored, rivals where refused, placement ids from the
 * version and the order of accepted claims. */
void record_instance_results(const struct record_instance *instance,
                             struct omega_claim_result *results);

#endif
