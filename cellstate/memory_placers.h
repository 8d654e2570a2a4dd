/* SPDX-License-Identifier: MIT */
/*
 * Who placed something on each machine of a memory store: its last two placers, as its record has
 * them. Nearly all that are asked for are recent, and by one of the first few thousand instances:
 * those take 8 bytes a machine together, since the cache is what limits commits in a large cell.
 * What does not fit there is kept apart, in full, from when there is such a one.
 *
 * A version is recent if it is at the base or less than PLACERS_RECENT above it. The base follows
 * the store's version in steps as wide: at each all pairs are gone through, and kept apart, which
 * takes 24 bytes a machine more from the first one on.
 */
#ifndef OMEGA_CELLSTATE_MEMORY_PLACERS_H
#define OMEGA_CELLSTATE_MEMORY_PLACERS_H

#include <stdint.h>

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
    /* Of each machine, the newest in the lower half: the instance, 1 added, above the version since
     * the base. 0: see `apart`. */
    uint64_t *recent;
    /* Of each machine, what stands for the halves that are 0; NULL: nobody. A newest one there that
     * is older than a recent one is the one before that, unless both are of one instance: then the
     * second is. */
    struct placers_pair *apart;
    uint64_t base;
    uint32_t machine_count;
};

/* All 0, and nobody has placed anything. OMEGA_ENOMEM; placers_close() in any case. */
int placers_open(struct placers *placers, uint32_t machine_count);
void placers_close(struct placers *placers);

/* Makes room for placements of an instance at a version, which is above all before. OMEGA_ENOMEM,
 * and nothing is lost. */
int placers_reserve(struct placers *placers, uint16_t instance, uint64_t version);

struct placers_pair placers_get(const struct placers *placers, uint32_t machine);
/* Each of the pair was got of this machine before, or placers_reserve() was told of it. */
void placers_put(struct placers *placers, uint32_t machine, const struct placers_pair *pair);

/* Enters a placement that room was made for. */
void placers_enter(struct placers *placers, uint32_t machine, uint16_t instance, uint64_t version);

/* The same for many: this half of a word once, then placers_enter_recent() of each machine; 0: it
 * does not fit, and each has to be entered by placers_enter(). */
uint32_t placers_half(const struct placers *placers, uint32_t instance, uint64_t version);

/* For the innermost loop of commits: without a branch, which nobody could foresee. */
static inline void placers_enter_recent(uint64_t *recent, uint32_t machine, uint32_t half)
{
    const uint64_t pair = recent[machine];
    const uint32_t newest = (uint32_t)pair;
    uint32_t other = (uint32_t)(pair >> 32);
    if ((newest ^ half) >> PLACERS_VERSION_BITS != 0) {
        other = newest;
    }
    recent[machine] = (uint64_t)other << 32 | half;
}

#endif
