/* SPDX-License-Identifier: MIT */
/* A map from ids: see id_table.h. */
#include "core/base/id_table.h"

#include <stdlib.h>

#include "core/base/error.h"

static struct id_page *take_page(struct id_table *table)
{
    struct id_page *page = table->spare;
    table->spare = NULL;
    return page == NULL ? calloc(1, sizeof *page) : page;
}

int id_table_put(struct id_table *table, uint64_t id, void *value)
{
    const uint64_t key = 1 + id / ID_PAGE;
    struct id_page *page = map_get(&table->pages, key);
    if (page == NULL) {
        page = take_page(table);
        if (page == NULL || map_put(&table->pages, key, page) != OMEGA_OK) {
            free(page);
            return OMEGA_ENOMEM;
        }
    }
    page->values[id % ID_PAGE] = value;
    page->count++;
    return OMEGA_OK;
}

void id_table_remove(struct id_table *table, uint64_t id)
{
    const uint64_t key = 1 + id / ID_PAGE;
    struct id_page *page = map_get(&table->pages, key);
    page->values[id % ID_PAGE] = NULL;
    if (--page->count == 0) {
        map_remove(&table->pages, key);
        free(table->spare);
        table->spare = page; /* where few are in the table, each may be alone on its page */
    }
}

void *id_table_next(const struct id_table *table, size_t *at)
{
    const struct map *pages = &table->pages;
    while (pages->slots != NULL && *at / ID_PAGE <= pages->mask) {
        const struct id_page *page = pages->slots[*at / ID_PAGE].value;
        if (page == NULL) {
            *at += ID_PAGE;
            continue;
        }
        void *value = page->values[(*at)++ % ID_PAGE];
        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}

void id_table_clear(struct id_table *table)
{
    for (size_t i = 0; table->pages.slots != NULL && i <= table->pages.mask; i++) {
        free(table->pages.slots[i].value);
    }
    map_clear(&table->pages);
    free(table->spare);
    table->spare = NULL;
}
