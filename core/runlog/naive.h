/* SPDX-License-Identifier: MIT */
/*
 * A second cell, as simple as can be, to hold a run log against. It keeps lists and adds them up
 * anew for every question: what runs on each machine, and all that ever changed there. It shares
 * nothing with the stores, and its rule is written anew from the sentences of cellstate/README.md.
 */
#ifndef OMEGA_CORE_RUNLOG_NAIVE_H
#define OMEGA_CORE_RUNLOG_NAIVE_H

#include "core/runlog/runlog.h"

/* One placement that runs. */
struct naive_placement {
    uint64_t id; /* 0: taken for the time being, while a transaction is decided */
    uint64_t job;
    uint32_t task;
    uint32_t group;
    struct omega_request request;
    uint16_t instance;
    uint8_t devices;
    uint8_t band;
    int64_t due_us; /* when it ends; OMEGA_NEVER: not */
};

/* Something that moved a machine's sequence, or was placed there. */
struct naive_change {
    uint64_t version;
    uint64_t seq;      /* behind it */
    uint32_t other;    /* the last placement before it by another instance, from 1; 0: none */
    uint16_t instance; /* that placed something; OMEGA_INSTANCE_NONE: none did */
};

struct naive_machine {
    int32_t cpu_milli; /* capacity */
    int32_t mem_mib;
    uint8_t gpu_devices;
    uint8_t state; /* enum omega_machine_state */
    uint64_t seq;
    struct naive_placement *running; /* in no order */
    uint32_t running_count;
    uint32_t running_room;
    struct naive_change *changes; /* all of them */
    uint32_t change_count;
    uint32_t change_room;
    uint32_t placed_last; /* the change that is the last placement by an instance, from 1 */
};

/* Where the placements of a version went; UINT32_MAX: it runs no more. */
struct naive_version {
    uint32_t count;
    uint32_t running;
    uint32_t machines[];
};

struct naive_cell {
    const struct runlog_opening *opening;
    struct naive_machine *machines;
    uint64_t version;
    struct naive_version **versions; /* by version; NULL: placed nothing, or nothing that runs */
    uint64_t version_room;
    struct store_totals totals; /* kept as it goes; naive_totals() adds anew */
};

/* What is used on a machine, or of a cell. */
struct naive_use {
    int64_t cpu_milli;
    int64_t mem_mib;
    int64_t gpu_milli[OMEGA_GPU_DEVICES_MAX];
};

/* The cell that the opening describes; OMEGA_ENOMEM. naive_fini() takes a zeroed one, too. */
int naive_init(struct naive_cell *cell, const struct runlog_opening *opening);
void naive_fini(struct naive_cell *cell);

/* Begins the version behind the current one, with so many placements. OMEGA_ENOMEM. */
int naive_begin(struct naive_cell *cell, uint32_t placements);

/* Puts the placement at a position of the current version on a machine; its id is filled in.
 * OMEGA_ENOMEM. */
int naive_place(struct naive_cell *cell, uint32_t machine, uint32_t position,
                const struct naive_placement *placement);

/* The machine that a placement runs on; UINT32_MAX: it does not run, or never was. */
uint32_t naive_find(const struct naive_cell *cell, uint64_t placement);

/* Takes a placement that runs off its machine. OMEGA_ENOMEM. */
int naive_end(struct naive_cell *cell, uint64_t placement, struct naive_placement *ended);

/* Applies a machine event, as the current version, to a machine whose placements are gone if it is
 * removed. OMEGA_EINVAL if it makes no sense there; OMEGA_ENOMEM. */
int naive_event(struct naive_cell *cell, const struct omega_machine_event *event);

/* Raises the sequence of a machine and nothing else: compat-seq-leak. OMEGA_ENOMEM. */
int naive_leak(struct naive_cell *cell, uint32_t machine);

/* What runs on a machine, added up; is it within the machine's limits? */
struct naive_use naive_used(const struct naive_machine *machine);
bool naive_within(const struct naive_cell *cell, const struct naive_machine *machine,
                  const struct naive_use *use);

/* Capacity and use of the whole cell, added up anew. */
struct store_totals naive_totals(const struct naive_cell *cell);

/* The sequence that a machine had at a version. */
uint64_t naive_seq_at(const struct naive_machine *machine, uint64_t version);

/* The latest placement on a machine by another instance than this one; NULL: there is none. */
const struct naive_change *naive_rival(const struct naive_machine *machine, uint16_t instance);

/* The record of a machine as the pure rule wants it. */
void naive_record(const struct naive_cell *cell, uint32_t index, struct omega_machine *record);

/* Working memory of naive_decide(): a mark for each machine. */
struct naive_scratch {
    uint32_t *claims; /* per machine: claims of the transaction so far */
    bool *broken;     /* per machine: one of them was refused */
    uint32_t *good;   /* per group */
};
int naive_scratch_init(struct naive_scratch *scratch, uint32_t machines); /* 0, OMEGA_ENOMEM */
void naive_scratch_fini(struct naive_scratch *scratch);

/* The naive rule: what becomes of each claim. Their requests are filled in, their machines exist;
 * refused[i] is what its job has against claim i, OMEGA_ACCEPTED for nothing. The cell is as before
 * when it returns. OMEGA_ENOMEM. */
int naive_decide(struct naive_cell *cell, struct naive_scratch *scratch,
                 const struct omega_transaction *txn, const uint8_t *refused, uint8_t *outcomes);

#endif
