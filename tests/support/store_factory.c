/* SPDX-License-Identifier: MIT */
/* The table of stores under test. */
#include "tests/support/store_factory.h"

#include <string.h>

#include "tests/support/lmdb_cell.h"

static const struct store_factory factories[] = {
    {.name = "memory", .live_views = true, .open = store_open_memory},
    {.name = "lmdb", .open = store_open_lmdb},
    {.name = "lmdb-fast", .open = store_open_lmdb_fast},
    {.name = "lmdb-group", .open = store_open_lmdb_group},
    {.name = "lmdb-reopened", .slow = true, .open = store_open_lmdb_reopened},
    {.name = "lmdb-processes", .slow = true, .open = store_open_lmdb_processes},
};

int store_factory_count(void)
{
    return (int)(sizeof(factories) / sizeof(factories[0]));
}

const struct store_factory *store_factory_at(int index)
{
    return &factories[index];
}

const struct store_factory *store_factory_find(const char *name)
{
    for (int i = 0; i < store_factory_count(); i++) {
        if (strcmp(factories[i].name, name) == 0) {
            return &factories[i];
        }
    }
    return NULL;
}
