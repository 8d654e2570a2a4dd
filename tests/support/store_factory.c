/* SPDX-License-Identifier: MIT */
/* The table of stores under test. */
#include "tests/support/store_factory.h"

#include <string.h>

static const struct store_factory factories[] = {
    {.name = "memory", .live_views = true, .open = store_open_memory},
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
