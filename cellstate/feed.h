/* SPDX-License-Identifier: MIT */
/*
 * A feed: the newest changes of a cell, in memory, for the threads of one process.
 *
 * A ring of copies, one for each version, published under RCU. Readers take no lock and never wait;
 * each call is one read section, copies out what it wants and holds nothing afterwards. The writer
 * waits for readers only where it has to free memory itself (feed_reclaim()).
 *
 * Threads: feed_publish(), feed_advance() and feed_reset() by one thread at a time (the caller sees
 * to it, by a mutex say), outside any read section; feed_read() and feed_reclaim() by any thread at
 * any time. A process that forks may use feeds that it makes in the child.
 *
 * A caller numbers its changes: versions of a feed rise by exactly 1. A stamp is a number that the
 * feed keeps with the newest version and does not look at. A new feed is at version 0, stamp 0.
 */
#ifndef OMEGA_CELLSTATE_FEED_H
#define OMEGA_CELLSTATE_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct feed;

/* Makes a feed that holds the newest `slots` versions, a power of two. NULL: no memory, or `slots`
 * is none. */
struct feed *feed_create(uint32_t slots);
/* Frees all. Nobody may use it any more; NULL is allowed. */
void feed_destroy(struct feed *feed);

/*
 * Adds a copy of `size` bytes as version `version`, which must follow the last one published or
 * reset to. Nobody sees it before feed_advance(), but it displaces the entry `slots` versions
 * before at once. OMEGA_EINVAL for another version, OMEGA_ENOMEM; nothing has changed then, and as
 * the change that it was for has happened all the same, feed_reset() is what remains.
 */
int feed_publish(struct feed *feed, uint64_t version, const void *bytes, size_t size,
                 omega_error_t *err);

/* Makes everything up to `version` visible at once, together with `stamp`. The version has been
 * published and is not below the one visible now; the same one again gives it another stamp. Cannot
 * fail; where there is no memory it waits for a grace period. */
void feed_advance(struct feed *feed, uint64_t version, uint64_t stamp);

/* Forgets all entries and goes on from `version`, not below any published before: readers behind it
 * find the feed too short, version + 1 is published next. Cannot fail, as
 * feed_advance(). */
void feed_reset(struct feed *feed, uint64_t version, uint64_t stamp);

/*
 * Calls `each` for versions *position + 1 to the newest visible one, in order, inside one read
 * section: it copies out, does not wait, and uses no feed. Then *position is the newest version and
 * *stamp what was published with it, as a pair. Returns
 *   0  done; nothing was called if there is nothing newer. Of a position above the newest version,
 *      *position stays and *stamp is 0;
 *   1  the feed does not reach back to *position: nothing was called or changed;
 *   else what `each` returned, if it is not 0: the first that is so ends the reading, and *position
 *      and *stamp are as before.
 */
int feed_read(const struct feed *feed, uint64_t *position, uint64_t *stamp,
              int (*each)(void *context, const void *bytes, size_t size), void *context);

/* Displaced entries are freed some hundreds at a time, since each batch costs the wait for a grace
 * period: microseconds, sometimes 10 ms. This frees a batch if it is due, and costs next to nothing
 * if not. To be called now and then by anybody who holds up nobody else: not in a read section, not
 * under the writer's mutex. Where it is not called feed_publish() does it, ten times rarer. */
void feed_reclaim(struct feed *feed);

#endif
