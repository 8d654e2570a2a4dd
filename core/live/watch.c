/* SPDX-License-Identifier: MIT */
/* Watching a cell: see watch.h. */
#include "core/live/watch.h"

#include <string.h>
#include <time.h>

int watch_open(const char *path, struct watch *watch, omega_error_t *err)
{
    *watch = (struct watch){.source = NULL};
    return status_open(path, &watch->source, err);
}

void watch_close(struct watch *watch)
{
    status_fini(&watch->now);
    status_fini(&watch->before);
    status_close(watch->source);
    watch->source = NULL;
}

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int watch_look(struct watch *watch, omega_error_t *err)
{
    struct status seen = {.queues = NULL};
    bool first = watch->now_ns == 0;
    int64_t now_ns = clock_ns();
    int rc = status_take(watch->source, &seen, err);
    if (rc != OMEGA_OK) {
        status_fini(&seen);
        return rc;
    }
    watch->between_s = first ? 0 : (double)(now_ns - watch->now_ns) / 1e9;
    watch->now_ns = now_ns;
    status_fini(&watch->before);
    watch->before = watch->now;
    watch->now = seen;
    return OMEGA_OK;
}

double watch_since_s(const struct watch *watch)
{
    return (double)(clock_ns() - watch->now_ns) / 1e9;
}

const struct page_copy *watch_before(const struct watch *watch, const struct page_copy *page)
{
    for (uint32_t i = 0; i < watch->before.process_count; i++) {
        const struct page_copy *before = &watch->before.processes[i].page;
        if (before->number == page->number) {
            bool same = before->role == page->role && before->instance == page->instance &&
                        strcmp(before->scheduler, page->scheduler) == 0 &&
                        strcmp(before->module, page->module) == 0;
            return same ? before : NULL;
        }
    }
    return watch->before.damaged > 0 ? page : NULL;
}

double watch_page_rate(const struct watch *watch, const struct page_copy *page,
                       enum page_count which)
{
    return watch->between_s > 0
               ? (double)status_rise(page, watch_before(watch, page), which) / watch->between_s
               : 0;
}

double watch_rate(const struct watch *watch, enum page_count which)
{
    double sum = 0;
    for (uint32_t i = 0; i < watch->now.process_count; i++) {
        sum += watch_page_rate(watch, &watch->now.processes[i].page, which);
    }
    return sum;
}

double watch_placements(const struct watch *watch)
{
    double sum = 0;
    for (uint32_t i = 0; watch->between_s > 0 && i < watch->now.process_count; i++) {
        const struct page_copy *page = &watch->now.processes[i].page;
        const struct page_copy *before = watch_before(watch, page);
        uint64_t base = before == NULL ? 0 : before->outcomes[OMEGA_ACCEPTED];
        uint64_t count = page->outcomes[OMEGA_ACCEPTED];
        sum += count > base ? (double)(count - base) : 0;
    }
    return watch->between_s > 0 ? sum / watch->between_s : 0;
}

void watch_pause(double seconds)
{
    struct timespec pause = {.tv_sec = (time_t)seconds};
    pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
    nanosleep(&pause, NULL);
}
