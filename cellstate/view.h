/* SPDX-License-Identifier: MIT */
/*
 * The view: what a scheduler module sees of the cell while it plans one job.
 *
 * Arrays by machine index; what is looked at and changed together stands together in one
 * entry, so that a probe in a large cell meets one cache line. A machine that takes nothing new
 * (down, draining) shows room of CPU and memory below 0, so that no request fits it. A module never
 * writes them: only omega_txn_claim and omega_txn_unclaim (core/plugin/scheduler.h) change what the
 * view shows. Everything is valid during place() only. A module may cache what it derives from a
 * machine by (machine, stamp), which name what the view shows of it for ever (but see
 * OMEGA_RELEASES_MODULUS), except while its own claims of the same attempt change it.
 */
#ifndef OMEGA_CELLSTATE_VIEW_H
#define OMEGA_CELLSTATE_VIEW_H

#include <stddef.h>
#include <string.h>

#include "core/model/job.h"

/* What a machine has free: limit - use, for the job's precedence. */
struct omega_room {
    int32_t cpu_milli;
    int32_t mem_mib;
};

/* CPU and memory side by side in one word, so that they are added, taken and looked at together: in
 * what is not below 0 neither reaches into the other. */
static inline uint64_t omega_room_word(struct omega_room room)
{
    uint64_t word;
    memcpy(&word, &room, sizeof word);
    return word;
}

/* True if one of them is below 0. */
static inline bool omega_room_word_lacks(uint64_t word)
{
    return (word & (UINT64_C(1) << 63 | UINT64_C(1) << 31)) != 0;
}

/* Takes what is asked for, which is not below 0, if there is so much; false, and nothing has
 * happened, if not. */
static inline bool omega_room_take(struct omega_room *room, struct omega_room asked)
{
    uint64_t left = omega_room_word(*room) - omega_room_word(asked);
    if (omega_room_word_lacks(left)) {
        return false;
    }
    memcpy(room, &left, sizeof left);
    return true;
}

/* Gives back what has been taken of a room, of which nothing is below 0. */
static inline void omega_room_give(struct omega_room *room, struct omega_room taken)
{
    uint64_t left = omega_room_word(*room) + omega_room_word(taken);
    memcpy(room, &left, sizeof left);
}

/* A machine: all that is looked at, or changed, when something is placed on it or ends there, side
 * by side, so that planning, committing and releasing meet one cache line each. */
struct omega_entry {
    struct omega_room room;
    uint64_t stamp;          /* names this state of the machine: omega_seq() and omega_releases() */
    uint64_t of_store;       /* the store's own; nothing of it is promised */
    struct omega_room limit; /* what the machine may hold in all */
};

#ifdef __cplusplus
static_assert(sizeof(struct omega_entry) == 32, "no entry lies on two cache lines");
#else
_Static_assert(sizeof(struct omega_entry) == 32, "no entry lies on two cache lines");
#endif

/* The lower bits of a stamp are the sequence: a machine would have to change a million times a
 * second for twelve days to get beyond them. The upper ones count ends, from 0 again after 16
 * million: a stamp comes back only if so many placements end on a machine and nothing is placed
 * there meanwhile. */
#define OMEGA_SEQ_BITS 40
#define OMEGA_SEQ_MAX ((UINT64_C(1) << OMEGA_SEQ_BITS) - 1)
#define OMEGA_RELEASES_MODULUS (UINT64_C(1) << (64 - OMEGA_SEQ_BITS))

/* A machine's sequence, which counts placements and other changes (and ends, where the cell is set
 * so): claims carry it. */
static inline uint64_t omega_seq(uint64_t stamp)
{
    return stamp & OMEGA_SEQ_MAX;
}

/* How many placements have ended on the machine, modulo OMEGA_RELEASES_MODULUS. */
static inline uint32_t omega_releases(uint64_t stamp)
{
    return (uint32_t)(stamp >> OMEGA_SEQ_BITS);
}

/* The stamp of both; `seq` is OMEGA_SEQ_MAX at most. */
static inline uint64_t omega_stamp(uint64_t seq, uint32_t releases)
{
    return (uint64_t)releases << OMEGA_SEQ_BITS | seq;
}

struct omega_view {
    uint32_t machine_count;
    uint32_t group_count;            /* of the job being planned */
    const struct omega_entry *entry; /* [machine] */
    const int16_t *free_gpu_milli;   /* [machine * OMEGA_GPU_DEVICES_MAX + device]; NULL if the cell
                                        has no GPU, and so the two below */
    const uint8_t *gpu_whole;        /* devices with at least OMEGA_GPU_DEVICE_MILLI free */
    const int16_t *gpu_largest;      /* the largest free share on any one device */
    const uint32_t *platform;        /* symbol; 0 = not given */
    const uint32_t *domain;          /* failure domain, symbol; 0 = not given */
    uint64_t version;                /* of the cell state that the view shows */
    int64_t synced_us;               /* experiment time of that sync */
    const uint64_t *const *eligible; /* by group: see omega_view_eligible */
};

/* The machines that a group's tasks may use, as a bitmap of machine_count bits from constraints,
 * pickiness and partition; NULL = all. */
static inline const uint64_t *omega_view_eligible(const struct omega_view *view, uint32_t group)
{
    return view->eligible == NULL ? NULL : view->eligible[group];
}

/* True if the machine is in the bitmap, or the bitmap is NULL. */
static inline bool omega_eligible(const uint64_t *eligible, uint32_t machine)
{
    return eligible == NULL || (eligible[machine / 64] >> (machine % 64) & 1) != 0;
}

/* True if one task with this request fits the machine, as the view shows it now. Eligibility is
 * not looked at. */
static inline bool omega_view_fits(const struct omega_view *view,
                                   const struct omega_request *request, uint32_t machine)
{
    const struct omega_room room = view->entry[machine].room;
    if (room.cpu_milli < request->cpu_milli || room.mem_mib < request->mem_mib) {
        return false;
    }
    if (request->gpu_devices == 0) {
        return true;
    }
    if (view->free_gpu_milli == NULL) {
        return false;
    }
    if (request->gpu_milli < OMEGA_GPU_DEVICE_MILLI) {
        return view->gpu_largest[machine] >= request->gpu_milli;
    }
    return view->gpu_whole[machine] >= request->gpu_devices;
}

#endif
