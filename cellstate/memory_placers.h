/* SPDX-License-Identifier: MIT */
/*
 * Who placed something on each machine of a memory store: its last two placers, as its record has
 * them. Nearly all that are asked for are recent, and by one of the first few thousand instances:
 * those stand in a word of the machine's entry, which a commit has at hand (cellstate/view.h).
 * What does not fit there is kept apart, in full, from when there is such a one.
 *
 * A version is recent if it is at the base or less than PLACERS_RECENT above it. The base follows
 * the store's version in steps as wide: at each all pairs are gone through, and kept apart, which
 * takes 24 bytes a machine more from the first one on.
 */
#ifndef OMEGA_CELLSTATE_MEMORY_PLACERS_H
#define OMEGA_CELLSTATE_MEMORY_PLACERS_H

#include <stdint.h>

#include "cellstate/view.h"

#define PLACERS_VERSION_BITS 20
#define PLACERS_RECENT (UINT32_C(1) << PLACERS_VERSION_BITS)
/* Instances from this one on have their placements kept apart. */
#define PLACERS_INSTANCES ((UINT32_C(1) << (32 - PLACERS_VERSION_BITS)) - 1)

/* As in struct omega_machine: newest first, by different instances; version 0: there is none. */
struct placers_pair {
    uint64_t version[2];
    uint32_t by[2]; /* instances; in words of their own, since they are read as soon as written */
};

struct placers {
    /* The caller's, in whose `of_store` stands, of each machine, the newest in the lower half: the
     * instance, 1 added, above the version since the base. 0: see `apart`. */
    struct omega_entry *entries;
    /* Of each machine, what stands for the halves that are 0; NULL: nobody. A newest one there that
     * is older than a recent one is the one before that, unless both are of one instance: then the
     * second is. */
    struct placers_pair *apart;
    uint64_t base;
    uint32_t machine_count;
};

/* Nobody has placed anything: their words are 0. */
void placers_open(struct placers *placers, struct omega_entry *entries, uint32_t machine_count);
void placers_close(struct placers *placers);

/* Makes room for placements of an instance at a version, which is above all before. OMEGA_ENOMEM,
 * and nothing is lost. */
int placers_reserve(struct placers *placers, uint16_t instance, uint64_t version);

struct placers_pair placers_get_any(const struct placers *placers, uint32_t machine);

/* The same, in a few instructions where both stand in the word. */
static inline struct placers_pair placers_get(const struct placers *placers, uint32_t machine)
{
    const uint32_t newest = (uint32_t)placers->entries[machine].of_store;
    const uint32_t other = (uint32_t)(placers->entries[machine].of_store >> 32);
    if (newest == 0 || other == 0) {
        return placers_get_any(placers, machine);
    }
    return (struct placers_pair){
        .version = {placers->base + newest % PLACERS_RECENT,
                    placers->base + other % PLACERS_RECENT},
        .by = {(newest >> PLACERS_VERSION_BITS) - 1, (other >> PLACERS_VERSION_BITS) - 1},
    };
}

/* Each of the pair was got of this machine before, or placers_reserve() was told of it. */
void placers_put(struct placers *placers, uint32_t machine, const struct placers_pair *pair);

/* Enters a placement that room was made for. */
void placers_enter(struct placers *placers, uint32_t machine, uint16_t instance, uint64_t version);

/* The same for many: this half of a word once, then placers_enter_recent() of each machine; 0: it
 * does not fit, and each has to be entered by placers_enter(). */
uint32_t placers_half(const struct placers *placers, uint32_t instance, uint64_t version);

/* For the innermost loop of commits: without a branch, which nobody could foresee. */
static inline void placers_enter_recent(struct omega_entry *entry, uint32_t half)
{
    const uint32_t newest = (uint32_t)entry->of_store;
    uint32_t other = (uint32_t)(entry->of_store >> 32);
    if ((newest ^ half) >> PLACERS_VERSION_BITS != 0) {
        other = newest;
    }
    entry->of_store = (uint64_t)other << 32 | half;
}

#endif
