/* SPDX-License-Identifier: MIT */
/*
 * Machines: what never changes about one (its spec), what does (its record), and the events that
 * change it from outside. A machine's index is never reused; one that returns keeps index and
 * sequence.
 */
#ifndef OMEGA_CORE_MODEL_MACHINE_H
#define OMEGA_CORE_MODEL_MACHINE_H

#include "core/model/resources.h"

#define OMEGA_MACHINES_MAX (1u << 24)
#define OMEGA_INSTANCE_NONE UINT16_MAX /* not placed by a scheduler instance: initial state */

enum omega_machine_state {
    OMEGA_MACHINE_DOWN = 0, /* holds nothing, takes nothing */
    OMEGA_MACHINE_UP = 1,
    OMEGA_MACHINE_DRAINING = 2, /* runs what it has, takes nothing new */
};

/* Static facts. Names are symbols in the cell's catalogue. */
struct omega_machine_spec {
    uint32_t name;       /* external id, unique in the cell */
    uint32_t platform;   /* 0 = not given */
    uint32_t domain;     /* failure domain (rack, power row); 0 = not given */
    uint32_t attributes; /* attribute set in the catalogue; 0 = empty */
    int32_t cpu_milli;   /* capacity when added */
    int32_t mem_mib;
    uint8_t gpu_devices; /* 0..8 */
    uint8_t absent;      /* 1: starts down, an `add` event brings it */
    uint16_t reserved;
};

/*
 * One machine's share of the cell state: 192 bytes, three cache lines. What every placement and its
 * end change stands in the first, but for sequence and use; GPUs stand behind all else.
 *
 * seq rises by one with every placement and every change of capacity or state; a release does not
 * move it unless the cell's option says so. placed_by/placed_version are the last two placements by
 * *different* instances, newest first: whoever asks, one of the two is the latest by somebody else.
 */
struct omega_machine {
    uint64_t placed_version[2];
    int32_t band_cpu_milli[OMEGA_BANDS];
    int32_t band_mem_mib[OMEGA_BANDS];
    uint32_t releases; /* how often something was released here: in memory modulo 2^24, as views
                          show it; in lmdb modulo 2^32 */
    uint16_t placed_by[2];
    /* second line */
    uint64_t seq;
    int32_t cpu_used_milli; /* sum over bands */
    int32_t mem_used_mib;
    int32_t cpu_limit_milli; /* capacity x over-commit: invariant A's limit */
    int32_t mem_limit_mib;
    int32_t cpu_capacity_milli;
    int32_t mem_capacity_mib;
    uint32_t index;
    uint8_t state; /* enum omega_machine_state */
    uint8_t gpu_devices;
    int16_t gpu_limit_milli; /* per device: 1000 x over-commit */
    uint8_t may_exceed;      /* 1: a preload or machine event has left it above its limit, and it
                                     has not been below since */
    uint8_t reserved[3];
    uint32_t changes; /* for the store: the memory store counts here how often anything but a
                         placement or its end raised the sequence; the lmdb store notes here in
                         which epoch of its writer it was read */
    int16_t band_gpu_milli[OMEGA_BANDS][OMEGA_GPU_DEVICES_MAX];
};

#ifdef __cplusplus
static_assert(sizeof(struct omega_machine) == 192, "a machine record is 192 bytes");
#else
_Static_assert(sizeof(struct omega_machine) == 192, "a machine record is 192 bytes");
#endif

enum omega_machine_event_kind {
    OMEGA_EVENT_ADD = 0,      /* down -> up, with the capacity given (or the spec's where 0) */
    OMEGA_EVENT_REMOVE = 1,   /* any -> down; its tasks are lost */
    OMEGA_EVENT_DRAIN = 2,    /* up -> draining */
    OMEGA_EVENT_UNDRAIN = 3,  /* draining -> up */
    OMEGA_EVENT_CAPACITY = 4, /* new capacity; may leave the machine above its limit */
};

struct omega_machine_event {
    int64_t time_us;
    uint32_t machine;    /* index */
    uint8_t kind;        /* enum omega_machine_event_kind */
    uint8_t gpu_devices; /* for CAPACITY */
    uint16_t reserved;
    int32_t cpu_milli; /* for CAPACITY, and ADD where not 0 */
    int32_t mem_mib;
};

/* Names as in files and messages, such as "draining" and "undrain"; NULL for an unknown one. */
const char *omega_machine_state_name(uint8_t state);
const char *omega_machine_event_name(uint8_t kind);

/* The state that a machine gets by an event, or -1 where the event makes no sense in its state: add
 * when down, drain when up, undrain when draining, remove and capacity when not down. The one rule
 * about events. */
int omega_machine_state_after(uint8_t state, uint8_t kind);

#endif
