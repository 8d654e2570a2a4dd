/* SPDX-License-Identifier: MIT */
/* The last placers of each machine: see memory_placers.h. */
#include "cellstate/memory_placers.h"

#include <assert.h>
#include <stdbool.h>

#include "core/base/error.h"
#include "core/base/large.h"
#include "core/model/machine.h"

static const struct placers_pair nobody = {
    .by = {OMEGA_INSTANCE_NONE, OMEGA_INSTANCE_NONE},
};

void placers_open(struct placers *placers, struct omega_entry *entries, uint32_t machine_count)
{
    *placers = (struct placers){.entries = entries, .machine_count = machine_count};
}

void placers_close(struct placers *placers)
{
    large_free(placers->apart);
}

/* ---- one placer ---- */

/* Nobody's does not fit, as nobody has no number that low. */
uint32_t placers_half(const struct placers *placers, uint32_t instance, uint64_t version)
{
    const uint64_t since = version - placers->base; /* beyond all bounds for one before the base */
    const bool fits = instance < PLACERS_INSTANCES && since < PLACERS_RECENT;
    return fits ? (instance + 1) << PLACERS_VERSION_BITS | (uint32_t)since : 0;
}

static uint64_t word_of(const struct placers *placers, const struct placers_pair *pair)
{
    return placers_half(placers, pair->by[0], pair->version[0]) |
           (uint64_t)placers_half(placers, pair->by[1], pair->version[1]) << 32;
}

static void read_half(const struct placers *placers, uint32_t half, struct placers_pair *pair,
                      int i)
{
    pair->by[i] = (half >> PLACERS_VERSION_BITS) - 1;
    pair->version[i] = placers->base + half % PLACERS_RECENT;
}

/* ---- pairs ---- */

struct placers_pair placers_get_any(const struct placers *placers, uint32_t machine)
{
    const uint64_t word = placers->entries[machine].of_store;
    const uint32_t newest = (uint32_t)word;
    const uint32_t other = (uint32_t)(word >> 32);
    struct placers_pair pair = nobody;
    if (placers->apart != NULL && (newest == 0 || other == 0)) {
        pair = placers->apart[machine];
    }
    if (newest != 0) {
        const struct placers_pair apart = pair;
        read_half(placers, newest, &pair, 0);
        const int second = apart.by[0] == pair.by[0];
        pair.by[1] = apart.by[second];
        pair.version[1] = apart.version[second];
    }
    if (other != 0) {
        read_half(placers, other, &pair, 1);
    }
    return pair;
}

void placers_put(struct placers *placers, uint32_t machine, const struct placers_pair *pair)
{
    const uint64_t word = word_of(placers, pair);
    assert(placers->apart != NULL || ((word & UINT32_MAX) != 0) == (pair->version[0] != 0));
    assert(placers->apart != NULL || (word >> 32 != 0) == (pair->version[1] != 0));
    placers->entries[machine].of_store = word;
    if (placers->apart != NULL) {
        placers->apart[machine] = *pair;
    }
}

void placers_enter(struct placers *placers, uint32_t machine, uint16_t instance, uint64_t version)
{
    struct placers_pair pair = placers_get(placers, machine);
    if (pair.by[0] != instance) {
        pair.by[1] = pair.by[0];
        pair.version[1] = pair.version[0];
    }
    pair.by[0] = instance;
    pair.version[0] = version;
    placers_put(placers, machine, &pair);
}

/* ---- keeping some apart ---- */

/* From now on each pair can be kept apart. */
static int keep_apart(struct placers *placers)
{
    if (placers->apart != NULL) {
        return OMEGA_OK;
    }
    struct placers_pair *apart =
        large_calloc(placers->machine_count == 0 ? 1 : placers->machine_count, sizeof *apart);
    if (apart == NULL) {
        return OMEGA_ENOMEM;
    }
    for (uint32_t m = 0; m < placers->machine_count; m++) {
        apart[m] = nobody;
    }
    placers->apart = apart;
    return OMEGA_OK;
}

/* Makes a version the base: all there are are older, and kept apart from now on. */
static void move_base(struct placers *placers, uint64_t base)
{
    for (uint32_t m = 0; m < placers->machine_count; m++) {
        placers->apart[m] = placers_get(placers, m);
        placers->entries[m].of_store = 0;
    }
    placers->base = base;
}

int placers_reserve(struct placers *placers, uint16_t instance, uint64_t version)
{
    const bool recent = version - placers->base < PLACERS_RECENT;
    if (recent && instance < PLACERS_INSTANCES) {
        return OMEGA_OK;
    }
    if (keep_apart(placers) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    if (!recent) {
        move_base(placers, version);
    }
    return OMEGA_OK;
}
