/* SPDX-License-Identifier: MIT */
/* The memory store's own structures, shared by its files. */
#ifndef OMEGA_CELLSTATE_MEMORY_PRIVATE_H
#define OMEGA_CELLSTATE_MEMORY_PRIVATE_H

#include "cellstate/compat.h"
#include "cellstate/jobs.h"
#include "cellstate/memory_placers.h"
#include "cellstate/store_view.h"
#include "cellstate/totals.h"
#include "core/base/cache.h"
#include "core/base/id_table.h"

#define PLACED_ENDED (UINT32_C(1) << 31) /* beside the task of a placement: it runs no more */
_Static_assert(OMEGA_TASKS_MAX < PLACED_ENDED, "a task and whether it runs share a word");

/* What a placement takes of its machine. */
struct asked {
    struct omega_request request;
    uint8_t devices;
};

#define MEMORY_SPARE_BITS 4u /* of the placements of the smallest blocks */
/* Sizes of blocks: four from each power of two to the next, up to the largest transaction. */
#define MEMORY_SPARES (4u * (OMEGA_PLACEMENT_POSITION_BITS - MEMORY_SPARE_BITS) + 1u)

/* The placements of one version. Spare when none runs any more. */
struct block {
    uint64_t version;
    uint64_t job;
    uint32_t count;
    uint32_t running;
    uint16_t instance;
    uint8_t band;
    bool spreads;        /* its job has different_machines groups */
    struct asked alike;  /* what each of them takes, without devices, unless: */
    struct asked *asked; /* one each, behind the tasks; NULL: all are alike */
    struct block *next;  /* of spare ones */
    uint32_t spare;      /* where it goes among them when it is forgotten */
    /* of each placement, accepted claims that run or ran */
    uint32_t *tasks; /* and PLACED_ENDED; behind the machines */
    uint32_t machines[];
};

struct memory {
    struct store base;
    struct omega_overcommit overcommit;
    const struct omega_machine_spec *specs; /* the caller's */
    struct omega_machine *machines;         /* records: see memory_record() */
    uint64_t *recorded;                     /* bits: which machines have one */
    uint64_t *alike; /* bits: whose spec makes the same machine as the one before it */
    struct omega_machine last_made;       /* the last one that was made by its spec */
    struct store_use *bands[OMEGA_BANDS]; /* per machine, as memory_sum_bands() adds up; NULL:
                                             none is in the band */
    uint64_t bands_version; /* 1 above that of the change that they stand at; 0: none yet */
    uint32_t *platforms;
    uint32_t *domains;      /* behind them */
    struct store_view live; /* the arrays that live views show */
    struct placers placers;
    bool feeds;  /* a private view has been opened: before that nobody reads the feed */
    bool closes; /* some machine has ceased to take anything new, whatever became of it */
    struct store_counters counters;
    struct store_totals totals;
    struct map blocks;                   /* version -> struct block */
    struct block *spares[MEMORY_SPARES]; /* blocks of alike placements to use again, by size */
    struct id_table jobs;                /* struct job_entry */
    struct job_spares spare_jobs;
    /* The change feed: machines in the order they changed, a ring of feed_mask + 1 entries. A view
     * that has read up to `position` misses those since; one too far behind is copied whole. */
    uint32_t *feed;
    uint64_t feed_mask;
    uint64_t feed_end;
    /* working memory of commits */
    struct rules_scratch *rules;
    struct compat *compat; /* NULL: none */
    struct jobs_scratch scratch;
    struct omega_claim *claims; /* of a transaction that came in short */
    uint32_t *short_tasks;      /* of one that came in full */
    uint32_t *short_machines;
    uint64_t *short_seqs;
    uint32_t forms_room;
    struct omega_claim_result *others; /* what claims get under the other detection */
    uint32_t others_room;
    struct store_release_result *lost;
    uint32_t lost_room;
};

static inline struct memory *memory_of(struct store *store)
{
    return (struct memory *)(void *)store;
}

/* The table's entry of a job, or NULL. */
static inline struct job_entry *memory_job(const struct memory *memory, uint64_t id)
{
    return id_table_get(&memory->jobs, id);
}

/* Does a placement of a block run? */
static inline bool block_runs(const struct block *block, uint32_t position)
{
    return (block->tasks[position] & PLACED_ENDED) == 0;
}

/* What a placement of a block takes. */
static inline const struct asked *block_asked(const struct block *block, uint32_t position)
{
    return block->asked == NULL ? &block->alike : &block->asked[position];
}

/* Shows in a record who placed something last on its machine. */
static inline void memory_put_placers(const struct memory *memory, uint32_t index,
                                      struct omega_machine *machine)
{
    const struct placers_pair pair = placers_get(&memory->placers, index);
    for (int i = 0; i < 2; i++) {
        machine->placed_by[i] = (uint16_t)pair.by[i];
        machine->placed_version[i] = pair.version[i];
    }
}

/* Brings a record up to date but for its placers, and its use by band, which no rule looks at: what
 * comes and goes without devices on a machine that takes something new enters the live arrays
 * alone. */
static inline void memory_update_use(const struct memory *memory, uint32_t index,
                                     struct omega_machine *machine)
{
    if (rules_takes(machine)) {
        machine->cpu_used_milli =
            machine->cpu_limit_milli - memory->live.entry[index].room.cpu_milli;
        machine->mem_used_mib = machine->mem_limit_mib - memory->live.entry[index].room.mem_mib;
    }
    machine->seq = omega_seq(memory->live.entry[index].stamp);
    machine->releases = omega_releases(memory->live.entry[index].stamp);
}

/* The same with its placers. */
static inline void memory_update(const struct memory *memory, uint32_t index,
                                 struct omega_machine *machine)
{
    memory_update_use(memory, index, machine);
    memory_put_placers(memory, index, machine);
}

/* Does a machine take nothing new? */
static inline bool memory_is_closed(const struct memory *memory, uint32_t machine)
{
    return memory->live.entry[machine].room.cpu_milli < 0;
}

/* Is a machine's bit set? */
static inline bool memory_bit(const uint64_t *bits, uint32_t index)
{
    return (bits[index / 64] >> index % 64 & 1) != 0;
}

/* Has a machine a record? Most in a large cell never need one: nothing happens to them but what the
 * live arrays hold. */
static inline bool memory_has_record(const struct memory *memory, uint32_t index)
{
    return memory_bit(memory->recorded, index);
}

/* Makes the record of a machine that has none. */
void memory_make_record(struct memory *memory, uint32_t index) __attribute__((cold));

/* A machine's record, up to date, to be changed. */
static inline struct omega_machine *memory_record(struct memory *memory, uint32_t index)
{
    if (!memory_has_record(memory, index)) {
        memory_make_record(memory, index);
    }
    memory_update(memory, index, &memory->machines[index]);
    return &memory->machines[index];
}

/* The same to be read: makes none, but for the one that is kept for all alike. Valid until the next
 * one is looked at or changed. */
const struct omega_machine *memory_look(struct memory *memory, uint32_t index);

/* Appends a changed machine to the feed. */
static inline void memory_feed(struct memory *memory, uint32_t machine)
{
    if (memory->feeds) {
        memory->feed[memory->feed_end++ & memory->feed_mask] = machine;
    }
}

/* Takes a changed record over into the arrays. */
static inline void memory_show(struct memory *memory, uint32_t machine)
{
    const struct omega_machine *record = &memory->machines[machine];
    const struct placers_pair pair = {
        .version = {record->placed_version[0], record->placed_version[1]},
        .by = {record->placed_by[0], record->placed_by[1]},
    };
    store_view_show(&memory->live, machine, record);
    placers_put(&memory->placers, machine, &pair);
    memory->closes = memory->closes || memory_is_closed(memory, machine);
}

/* The same, and tells who reads the feed. */
static inline void memory_changed(struct memory *memory, uint32_t machine)
{
    memory_show(memory, machine);
    memory_feed(memory, machine);
}

/* Brings memory->bands up to date: the sums of what runs on the machines. OMEGA_ENOMEM. */
int memory_sum_bands(struct memory *memory);
void memory_free_bands(struct memory *memory);
/* What they say of a machine in a band. */
struct store_use memory_use_in(const struct memory *memory, uint32_t machine, int band);

/* The block of the next version, with room for so many placements, which are to be filled in, and
 * its fields but the arrays; NULL without memory. block_forget() takes it out again. */
struct block *block_create(struct memory *memory, uint32_t count, bool alike);
void block_forget(struct memory *memory, struct block *block);
void block_free_spares(struct memory *memory);

/* Lists what runs on a machine, by rising placement id, in memory->lost. OMEGA_ENOMEM. */
int block_list_machine(struct memory *memory, uint32_t machine, uint32_t *count);

/* Calls `each` for everything that runs, as store_placements() does; or, of what comes in runs,
 * `run`, unless it is NULL: see struct store_ops. */
int memory_placements_in_runs(struct store *store,
                              int (*each)(void *context, const struct store_placement *placement),
                              int (*run)(void *context, const struct store_placement *first,
                                         const uint32_t *machines, uint32_t count),
                              void *context, omega_error_t *err);
int memory_placements(struct store *store,
                      int (*each)(void *context, const struct store_placement *placement),
                      void *context, omega_error_t *err);

/* Ends the placements in memory->lost, whose machine is removed. */
void memory_lose(struct memory *memory, uint32_t count, enum store_loss_policy policy);
int memory_release(struct store *store, const uint64_t *placements, uint32_t count,
                   enum store_release_reason reason, struct store_release_result *results,
                   uint64_t *version, omega_error_t *err);
int memory_release_run(struct store *store, uint64_t first, uint32_t count,
                       enum store_release_reason reason, struct store_release_result *results,
                       uint32_t *ended, uint64_t *version, omega_error_t *err);
struct store_place memory_job_place(struct store *store, uint64_t job);
struct store_place memory_placements_place(struct store *store, uint64_t version);

int memory_submit(struct store *store, const struct omega_job *job, omega_error_t *err);
int memory_abandon(struct store *store, uint64_t job, uint32_t *tasks, uint64_t *version,
                   omega_error_t *err);
/* True if the claims of a transaction in short are ones that its job, a plain one, can make. */
bool memory_short_is_sound(const struct memory *memory, const struct job_entry *entry,
                           const struct omega_transaction *txn);
/* Commits a transaction of a plain job, in short. *decided says whether that could be done on the
 * live arrays: if not, nothing has changed. OMEGA_ENOMEM. */
int memory_commit_plain(struct memory *memory, struct job_entry *entry,
                        const struct omega_transaction *txn, struct omega_claim_result *results,
                        struct omega_result *result, bool *decided, omega_error_t *err);

/* The block of a transaction with room for so many placements, which are still to be entered. */
struct block *memory_new_block(struct memory *memory, const struct job_entry *entry,
                               const struct omega_transaction *txn, uint32_t count, bool alike);
/* What follows when a block's placements have been entered: feed, totals, the job's counts and the
 * version. */
void memory_settle(struct memory *memory, struct job_entry *entry, const struct block *block);

int memory_commit(struct store *store, const struct omega_transaction *txn,
                  struct omega_claim_result *results, struct omega_result *result,
                  omega_error_t *err);

/* Takes a job of which nothing is left out of the table: the entry is gone then. */
void memory_forget_if_over(struct memory *memory, struct job_entry *entry);

#endif
