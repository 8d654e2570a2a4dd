/* SPDX-License-Identifier: MIT */
/*
 * A disk that loses power: the sequence of writes, syncs and marks of a file, and what may be on
 * the disk after a cut at any place in it. What was synced is there; of each page written since,
 * any of its states since, or single sectors of them.
 */
#ifndef OMEGA_TESTS_SUPPORT_POWER_DISK_H
#define OMEGA_TESTS_SUPPORT_POWER_DISK_H

#include <stdbool.h>

#include "core/base/random.h"
#include "tests/support/disk_event.h"

struct power_disk;

struct power_disk *power_disk_create(void);
void power_disk_destroy(struct power_disk *disk);

/* Adds an event (its bytes are copied), or a mark of the caller's: `answered` or not. */
void power_disk_event(struct power_disk *disk, const struct disk_event *event);
void power_disk_mark(struct power_disk *disk, bool answered);

/* Spoils the sequence on purpose: every answer comes before the last sync that it waited for. Fills
 * `places` with up to `room` cuts right behind such answers; returns how many. */
size_t power_disk_answer_early(struct power_disk *disk, size_t *places, size_t room);

/* How many events and marks there are; how many of them are syncs of either kind. */
size_t power_disk_count(const struct power_disk *disk);
size_t power_disk_syncs(const struct power_disk *disk);

/* Plays on up to `cut` (never back); *meant and *answered count the marks before it. */
void power_disk_play(struct power_disk *disk, size_t cut, uint32_t *meant, uint32_t *answered);
/* Draws what is on the disk after a cut there: *bytes is the caller's to free. */
void power_disk_image(const struct power_disk *disk, struct omega_random *random, char **bytes,
                      size_t *size);
/* True if something was written and not synced there. */
bool power_disk_pending(const struct power_disk *disk);

#endif
