/* SPDX-License-Identifier: MIT */
/* The memory store's own structures, shared by memory.c, memory_commit.c and memory_jobs.c. */
#ifndef OMEGA_CELLSTATE_MEMORY_PRIVATE_H
#define OMEGA_CELLSTATE_MEMORY_PRIVATE_H

#include "cellstate/compat.h"
#include "cellstate/jobs.h"
#include "cellstate/store_view.h"
#include "cellstate/totals.h"
#include "core/base/map.h"

/* One accepted claim that runs or ran; the rest of it stands in its block. */
struct placed {
    uint32_t machine;
    uint32_t task;
    struct omega_request request;
    uint8_t devices;
    uint8_t runs;
    uint16_t group;
};

/* The placements of one version. Freed when none runs any more. */
struct block {
    uint64_t version;
    uint64_t job;
    uint32_t count;
    uint32_t running;
    uint16_t instance;
    uint8_t band;
    bool spreads; /* its job has different_machines groups */
    struct placed placed[];
};

struct memory {
    struct store base;
    struct omega_overcommit overcommit;
    bool release_raises_seq;
    struct omega_machine_spec *specs;
    struct omega_machine *machines;
    uint32_t *platforms;
    uint32_t *domains;
    uint32_t *running;      /* per machine: its placements, so that a removal knows when to stop */
    struct store_view live; /* the arrays that live views show */
    struct store_counters counters;
    struct store_totals totals;
    struct map blocks; /* version -> struct block */
    struct map jobs;   /* id -> struct job_entry */
    /* The change feed: machines in the order they changed, a ring of feed_mask + 1 entries. A view
     * that has read up to `position` misses those since; one too far behind is copied whole. */
    uint32_t *feed;
    uint64_t feed_mask;
    uint64_t feed_end;
    /* working memory of commits */
    struct rules_scratch *rules;
    struct compat *compat; /* NULL: none */
    struct jobs_scratch scratch;
    struct store_release_result *lost;
    uint32_t lost_room;
};

static inline struct memory *memory_of(struct store *store)
{
    return (struct memory *)(void *)store;
}

/* The table's entry of a job, or NULL. */
static inline struct job_entry *memory_job(struct memory *memory, uint64_t id)
{
    return map_get(&memory->jobs, id);
}

/* Asks the cache for a record that is about to change: both lines that a commit touches. */
static inline void memory_prefetch(const struct memory *memory, uint32_t machine)
{
    const char *record = (const char *)&memory->machines[machine];
    __builtin_prefetch(record, 1);
    __builtin_prefetch(record + 64, 1);
}

/* Shows a changed machine on the live arrays and appends it to the feed. `all`: its devices or its
 * limits changed too, or whether it takes anything. */
static inline void memory_changed(struct memory *memory, uint32_t machine, bool all)
{
    const struct omega_machine *record = &memory->machines[machine];
    if (all) {
        store_view_show(&memory->live, machine, record);
    } else {
        memory->live.free_cpu_milli[machine] = rules_free_cpu(record);
        memory->live.free_mem_mib[machine] = rules_free_mem(record);
        memory->live.seq[machine] = record->seq;
        memory->live.releases[machine] = record->releases;
    }
    memory->feed[memory->feed_end++ & memory->feed_mask] = machine;
}

int memory_submit(struct store *store, const struct omega_job *job, omega_error_t *err);
int memory_abandon(struct store *store, uint64_t job, uint32_t *tasks, omega_error_t *err);
int memory_commit(struct store *store, const struct omega_transaction *txn,
                  struct omega_claim_result *results, struct omega_result *result,
                  omega_error_t *err);

/* Takes a job of which nothing is left out of the table: the entry is gone then. */
void memory_forget_if_over(struct memory *memory, struct job_entry *entry);
void memory_free_job(struct job_entry *entry);

#endif
