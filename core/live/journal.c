/* SPDX-License-Identifier: MIT */
/* An executor's journal: see journal.h. */
#include "core/live/journal.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <xxhash.h>

struct entry {
    uint64_t version;
    int64_t clock_us;
    uint64_t hash;
};

struct journal {
    atomic_uint_fast64_t count; /* of entries ever made */
    struct entry entries[];     /* a ring */
};

#define ENTRIES ((JOURNAL_BYTES - sizeof(struct journal)) / sizeof(struct entry))

uint32_t journal_entries(void)
{
    return ENTRIES - 1;
}

uint64_t journal_boot(const char *id)
{
    return XXH3_64bits(id, strlen(id));
}

static uint64_t hash_of(const struct entry *entry, uint64_t number, uint64_t boot)
{
    const uint64_t words[] = {entry->version, (uint64_t)entry->clock_us, number};
    return XXH3_64bits_withSeed(words, sizeof words, boot);
}

void journal_note(struct journal *journal, uint64_t boot, uint64_t version, int64_t clock_us)
{
    uint64_t count = atomic_load(&journal->count);
    struct entry entry = {.version = version, .clock_us = clock_us};
    entry.hash = hash_of(&entry, count, boot);
    journal->entries[count % ENTRIES] = entry;
    atomic_store(&journal->count, count + 1);
}

/* Is the entry of a number there, and not later than the one behind it? */
static bool is_sound(const struct journal *journal, uint64_t boot, uint64_t number,
                     const struct entry *next)
{
    const struct entry *entry = &journal->entries[number % ENTRIES];
    return entry->hash == hash_of(entry, number, boot) && entry->clock_us >= 0 &&
           entry->version <= next->version && entry->clock_us <= next->clock_us;
}

void journal_read(const struct journal *journal, uint64_t boot, struct journal_range *range)
{
    struct entry next = {.version = UINT64_MAX, .clock_us = INT64_MAX};
    uint64_t end = atomic_load(&journal->count);
    /* the oldest one of a full ring may be half overwritten */
    uint64_t low = end < ENTRIES ? 0 : end - ENTRIES + 1;
    uint64_t first = end;
    while (first > low && is_sound(journal, boot, first - 1, &next)) {
        next = journal->entries[--first % ENTRIES];
    }
    *range = (struct journal_range){.journal = journal, .first = first, .end = end};
}

int64_t journal_seen_us(const struct journal_range *range, uint64_t version)
{
    const struct entry *entries = range->journal->entries;
    uint64_t low = range->first;
    uint64_t high = range->end;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (entries[middle % ENTRIES].version < version) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == range->end ? -1 : entries[low % ENTRIES].clock_us;
}
