/* SPDX-License-Identifier: MIT */
/*
 * A map from ids that are given out one after the other, 0 not among them, to pointers. Neighbours
 * lie together, a page of ids behind a hash map: whoever takes them in turn finds them in the same
 * cache lines, which a hash of each id would scatter. An id that stands alone costs a page.
 */
#ifndef OMEGA_CORE_BASE_ID_TABLE_H
#define OMEGA_CORE_BASE_ID_TABLE_H

#include "core/base/map.h"

#define ID_PAGE 64u

struct id_page {
    void *values[ID_PAGE]; /* NULL: none */
    uint32_t count;
};

/* All 0: empty. */
struct id_table {
    struct map pages;      /* struct id_page, by 1 + id / ID_PAGE */
    struct id_page *spare; /* an empty one, for the next that is needed, or NULL */
};

/* The value of an id, or NULL. */
static inline void *id_table_get(const struct id_table *table, uint64_t id)
{
    const struct id_page *page = map_get(&table->pages, 1 + id / ID_PAGE);
    return page == NULL ? NULL : page->values[id % ID_PAGE];
}

/* Where an id's value is, or NULL, until the page is gone: for hints. */
static inline const void *id_table_place(const struct id_table *table, uint64_t id)
{
    const struct id_page *page = map_get(&table->pages, 1 + id / ID_PAGE);
    return page == NULL ? NULL : &page->values[id % ID_PAGE];
}

/* Sets an id that has no value to one other than NULL. Returns 0 or OMEGA_ENOMEM. */
int id_table_put(struct id_table *table, uint64_t id, void *value);

/* Takes an id out that has a value. */
void id_table_remove(struct id_table *table, uint64_t id);

/* Goes through all values, in no defined order: the next one and, in *at, 0 at first, how far that
 * is; NULL at the end. */
void *id_table_next(const struct id_table *table, size_t *at);

/* Frees the table (not the values) and makes it empty. */
void id_table_clear(struct id_table *table);

#endif
