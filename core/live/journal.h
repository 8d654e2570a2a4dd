/* SPDX-License-Identifier: MIT */
/*
 * An executor's journal: which version of the cell it saw when, in memory that outlives it (shared,
 * or a file), so that a successor goes on counting durations where it was. A ring that forgets the
 * oldest. Each entry carries a hash over itself, its place and the boot: bytes that are damaged, or
 * of another boot, whose clock was another one, count as forgotten, and so does all before them.
 */
#ifndef OMEGA_CORE_LIVE_JOURNAL_H
#define OMEGA_CORE_LIVE_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#define JOURNAL_BYTES ((size_t)4 << 20)

struct journal; /* JOURNAL_BYTES, zeros at first */

/* How many of the newest entries it holds: one less while the oldest is being overwritten. */
uint32_t journal_entries(void);

/* What entries of a boot are told by, from its id (lmdb_boot_id()). */
uint64_t journal_boot(const char *id);

/* Notes that all changes up to a version had been seen at a time of the monotonic clock. Versions
 * and times never fall. One writer at a time. */
void journal_note(struct journal *journal, uint64_t boot, uint64_t version, int64_t clock_us);

/* The newest entries that are sound, one behind the other. */
struct journal_range {
    const struct journal *journal;
    uint64_t first;
    uint64_t end;
};

/* Looks at all of it, while nobody writes. */
void journal_read(const struct journal *journal, uint64_t boot, struct journal_range *range);

/* When a version had been seen: the time of the first entry that reaches it, which is a later one
 * where that is forgotten. -1: no entry does. */
int64_t journal_seen_us(const struct journal_range *range, uint64_t version);

#endif
