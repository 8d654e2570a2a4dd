/* SPDX-License-Identifier: MIT */
/* Watching a cell: one status after the other (core/monitor/status.h), with the time between. */
#ifndef OMEGA_CORE_LIVE_WATCH_H
#define OMEGA_CORE_LIVE_WATCH_H

#include "core/monitor/status.h"

struct watch {
    struct status_source *source;
    struct status now;
    struct status before; /* empty before the second look */
    double between_s;     /* from `before` to `now`; 0: there is no `before` */
    int64_t now_ns;       /* of the monotonic clock */
};

/* Begins to watch the cell in the directory `path`, which is read only. Errors as of lmdb_open().
 * watch_close() takes a zeroed one, too. */
int watch_open(const char *path, struct watch *watch, omega_error_t *err);
void watch_close(struct watch *watch);

/* Takes a look: what was `now` becomes `before`. Errors as of status_take(). */
int watch_look(struct watch *watch, omega_error_t *err);

/* Seconds since the last look. */
double watch_since_s(const struct watch *watch);

/* The page of this process at the look before; NULL if it had none, or was another one's. `page`
 * itself if it may have been one of those that could not be read then: nothing is known to have
 * risen. */
const struct page_copy *watch_before(const struct watch *watch, const struct page_copy *page);

/* How much a count of all schedulers together has risen in a second; 0 without a look before. */
double watch_rate(const struct watch *watch, enum page_count which);
/* The same of one process. */
double watch_page_rate(const struct watch *watch, const struct page_copy *page,
                       enum page_count which);
/* Placements a second: the accepted claims of all schedulers. */
double watch_placements(const struct watch *watch);

/* Waits for so long, or until a signal comes. */
void watch_pause(double seconds);

#endif
