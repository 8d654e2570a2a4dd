/* SPDX-License-Identifier: MIT */
/* Hash map: see map.h. */
#include "core/base/map.h"

#include <stdlib.h>

#include "core/base/error.h"

static void insert(struct map *map, uint64_t key, void *value)
{
    size_t i = map_home(map, key);
    while (map->slots[i].key != 0) {
        i = (i + 1) & map->mask;
    }
    map->slots[i] = (struct map_slot){.key = key, .value = value};
}

static int grow(struct map *map)
{
    size_t size = map->slots == NULL ? 64 : (map->mask + 1) * 2;
    struct map bigger = {.slots = calloc(size, sizeof *bigger.slots), .mask = size - 1};
    if (bigger.slots == NULL) {
        return OMEGA_ENOMEM;
    }
    for (size_t i = 0; map->slots != NULL && i <= map->mask; i++) {
        if (map->slots[i].key != 0) {
            insert(&bigger, map->slots[i].key, map->slots[i].value);
        }
    }
    free(map->slots);
    map->slots = bigger.slots;
    map->mask = bigger.mask;
    return OMEGA_OK;
}

int map_put(struct map *map, uint64_t key, void *value)
{
    if (map->slots == NULL || (map->count + 1) * 2 > map->mask + 1) {
        int rc = grow(map);
        if (rc != OMEGA_OK) {
            return rc;
        }
    }
    insert(map, key, value);
    map->count++;
    return OMEGA_OK;
}

/* Closes the gap at `hole`: moves back every later entry of the run that may stand there. */
static void shift_back(struct map *map, size_t hole)
{
    for (size_t i = (hole + 1) & map->mask; map->slots[i].key != 0; i = (i + 1) & map->mask) {
        size_t home = map_home(map, map->slots[i].key);
        if (((i - home) & map->mask) >= ((i - hole) & map->mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole] = (struct map_slot){.key = 0, .value = NULL};
}

void *map_remove(struct map *map, uint64_t key)
{
    if (map->slots == NULL) {
        return NULL;
    }
    for (size_t i = map_home(map, key); map->slots[i].key != 0; i = (i + 1) & map->mask) {
        if (map->slots[i].key == key) {
            void *value = map->slots[i].value;
            shift_back(map, i);
            map->count--;
            return value;
        }
    }
    return NULL;
}

void map_clear(struct map *map)
{
    free(map->slots);
    *map = (struct map){.slots = NULL, .mask = 0, .count = 0};
}
