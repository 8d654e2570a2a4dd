/* SPDX-License-Identifier: MIT */
/*
 * A hash map from non-zero uint64 keys to pointers: open addressing, linear probing, deletion by
 * shifting back, at most half full. Iteration order is not defined: nothing that reaches a result
 * may depend on it.
 */
#ifndef OMEGA_CORE_BASE_MAP_H
#define OMEGA_CORE_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot {
    uint64_t key; /* 0 = empty */
    void *value;
};

struct map {
    struct map_slot *slots;
    size_t mask; /* slots - 1; 0 before the first insertion */
    size_t count;
};

/* Multiplicative (Fibonacci) hash: spreads runs of consecutive keys over the table. */
static inline size_t map_home(const struct map *map, uint64_t key)
{
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & map->mask;
}

/* Where a key mostly is, or would be, until the map grows: for hints. */
static inline const void *map_place(const struct map *map, uint64_t key)
{
    return map->slots == NULL ? NULL : &map->slots[map_home(map, key)];
}

/* The value of a key, or NULL. */
static inline void *map_get(const struct map *map, uint64_t key)
{
    if (map->slots == NULL) {
        return NULL;
    }
    for (size_t i = map_home(map, key);; i = (i + 1) & map->mask) {
        if (map->slots[i].key == key) {
            return map->slots[i].value;
        }
        if (map->slots[i].key == 0) {
            return NULL;
        }
    }
}

/* Sets a key that is not in the map. Returns 0 or OMEGA_ENOMEM. */
int map_put(struct map *map, uint64_t key, void *value);

/* Removes a key and returns its value, or NULL if it is not there. */
void *map_remove(struct map *map, uint64_t key);

/* Frees the table (not the values) and makes the map empty. */
void map_clear(struct map *map);

#endif
