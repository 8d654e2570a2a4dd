/* SPDX-License-Identifier: MIT */
/*
 * The second model of a cell: the same answers as a store, found the slow and obvious way.
 *
 * It keeps a list of the placements that run, a list of who placed something where and when, and
 * the state of every task, and adds up everything else each time it is asked. It shares no code
 * with cellstate/, so that a store and the model agree only if both mean what the headers say.
 * Functions answer like those of cellstate/store.h; they abort() where memory ends.
 */
#ifndef OMEGA_TESTS_MODEL_MODEL_H
#define OMEGA_TESTS_MODEL_MODEL_H

#include "cellstate/store.h"

enum model_task {
    MODEL_OPTIONAL = 0, /* may be placed, is not asked for, and counts nowhere */
    MODEL_PENDING,
    MODEL_RUNNING,
    MODEL_FINISHED,
    MODEL_FAILED,
    MODEL_ABANDONED,
    MODEL_TASK_STATES,
};

struct model_job {
    uint64_t id;
    uint32_t group_count;
    uint32_t slots;
    struct omega_task_group *groups;
    uint8_t *tasks; /* enum model_task, by index */
    bool elastic;
    bool started; /* elastic only: its one commit held */
    bool abandoned;
};

struct model_machine {
    struct omega_machine_spec spec;
    enum omega_machine_state state;
    uint64_t seq;
    uint32_t releases;
    int32_t cpu_milli; /* capacity now */
    int32_t mem_mib;
    uint32_t gpu_devices;
};

/* Who placed something on a machine, and when: never shortened. */
struct model_placed {
    uint64_t version;
    uint32_t machine;
    uint16_t instance;
};

struct model {
    const struct catalogue *catalogue;
    struct omega_overcommit overcommit;
    bool release_raises_seq;
    uint64_t version;
    uint64_t losses;
    uint32_t machine_count;
    struct model_machine *machines;
    size_t job_count;
    struct model_job *jobs; /* by submission; one that is over stays */
    size_t running_count;
    struct store_placement *running; /* by rising id */
    size_t placed_count;
    struct model_placed *placed;
    size_t lost_count;
    struct store_release_result *lost; /* of the last machine event */
};

/* What a machine should show, added up from the placements that run. */
struct model_figures {
    enum omega_machine_state state;
    uint64_t seq;
    uint32_t releases;
    uint32_t gpu_devices;
    int64_t cpu_limit;
    int64_t mem_limit;
    int64_t gpu_limit; /* per device */
    int64_t cpu_used;
    int64_t mem_used;
    int64_t gpu_used[OMEGA_GPU_DEVICES_MAX];
    int64_t band_cpu[OMEGA_BANDS];
    int64_t band_mem[OMEGA_BANDS];
    int64_t band_gpu[OMEGA_BANDS][OMEGA_GPU_DEVICES_MAX];
    uint16_t placed_by[2]; /* the last two instances that placed something, newest first */
    uint64_t placed_version[2];
    bool above_limit;
};

struct model *model_create(const struct store_config *config);
void model_destroy(struct model *model);

/* As in cellstate/store.h: 0, or OMEGA_EINVAL and nothing has changed. */
int model_submit(struct model *model, const struct omega_job *job);
int model_commit(struct model *model, const struct omega_transaction *txn,
                 struct omega_claim_result *results, struct omega_result *result);
int model_release(struct model *model, const uint64_t *placements, uint32_t count,
                  enum store_release_reason reason, struct store_release_result *results,
                  uint64_t *version);
/* What a removal lost is in model->lost. */
int model_machine_event(struct model *model, const struct omega_machine_event *event,
                        enum store_loss_policy policy, uint64_t *version);
int model_abandon(struct model *model, uint64_t job, uint32_t *tasks);
int model_preload(struct model *model, struct store_placement *placements, uint32_t count,
                  uint64_t *version);

void model_figures(const struct model *model, uint32_t machine, struct model_figures *out);
void model_counters(const struct model *model, struct store_counters *out);
void model_totals(const struct model *model, struct store_totals *out);

/* A job in the table (something of it is pending or runs), or NULL. */
struct model_job *model_job(const struct model *model, uint64_t id);

/* The latest placement on a machine by an instance other than this one: its version, 0 if there is
 * none, and the instance in *rival. */
uint64_t model_rival(const struct model *model, uint32_t machine, uint16_t instance,
                     uint16_t *rival);

/* For model_commit.c: one more placement runs. */
void model_place(struct model *model, const struct store_placement *placement);

#endif
