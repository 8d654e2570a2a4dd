/* SPDX-License-Identifier: MIT */
/* A disk that loses power. */
#include "tests/support/power_disk.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 4096u
#define SECTOR_BYTES 512u
#define PAGE_SECTORS (PAGE_BYTES / SECTOR_BYTES)

enum step_kind {
    STEP_WRITE,
    STEP_WRITTEN,
    STEP_DURABLE,
    STEP_SYNC,
    STEP_MEANT,
    STEP_ANSWERED,
};

struct step {
    enum step_kind kind;
    size_t offset;
    size_t size;
    char *bytes;
};

struct power_disk {
    struct step *steps;
    size_t count;
    size_t room;
    /* as far as it was played */
    size_t at;
    uint32_t meant;
    uint32_t answered;
    char *durable;
    size_t size;
    size_t durable_room;
    size_t *pending; /* steps that were written since the last sync, in order */
    size_t pending_count;
    size_t call; /* pending of the call that is going on begin here */
};

struct power_disk *power_disk_create(void)
{
    struct power_disk *disk = calloc(1, sizeof *disk);
    ck_assert_ptr_nonnull(disk);
    return disk;
}

void power_disk_destroy(struct power_disk *disk)
{
    for (size_t i = 0; disk != NULL && i < disk->count; i++) {
        free(disk->steps[i].bytes);
    }
    if (disk != NULL) {
        free(disk->steps);
        free(disk->durable);
        free(disk->pending);
        free(disk);
    }
}

static struct step *step_add(struct power_disk *disk, enum step_kind kind)
{
    if (disk->count == disk->room) {
        disk->room = disk->room == 0 ? 4096 : 2 * disk->room;
        disk->steps = realloc(disk->steps, disk->room * sizeof *disk->steps);
        disk->pending = realloc(disk->pending, disk->room * sizeof *disk->pending);
        ck_assert(disk->steps != NULL && disk->pending != NULL);
    }
    struct step *step = &disk->steps[disk->count++];
    *step = (struct step){.kind = kind};
    return step;
}

void power_disk_event(struct power_disk *disk, const struct disk_event *event)
{
    static const enum step_kind kinds[] = {
        [DISK_WRITE] = STEP_WRITE,
        [DISK_WRITTEN] = STEP_WRITTEN,
        [DISK_DURABLE] = STEP_DURABLE,
        [DISK_SYNC] = STEP_SYNC,
    };
    struct step *step = step_add(disk, kinds[event->kind]);
    if (event->kind == DISK_WRITE) {
        step->offset = (size_t)event->offset;
        step->size = event->size;
        step->bytes = malloc(event->size);
        ck_assert_ptr_nonnull(step->bytes);
        memcpy(step->bytes, event->bytes, event->size);
    }
}

void power_disk_mark(struct power_disk *disk, bool answered)
{
    step_add(disk, answered ? STEP_ANSWERED : STEP_MEANT);
}

static bool is_sync(const struct step *step)
{
    return step->kind == STEP_SYNC || step->kind == STEP_DURABLE;
}

size_t power_disk_answer_early(struct power_disk *disk, size_t *places, size_t room)
{
    size_t count = 0;
    for (size_t i = 1; i < disk->count; i++) {
        size_t to = i;
        while (disk->steps[i].kind == STEP_ANSWERED && to > 0 &&
               disk->steps[to - 1].kind != STEP_MEANT && !is_sync(&disk->steps[to])) {
            to--;
        }
        if (to < i && is_sync(&disk->steps[to])) {
            struct step answered = disk->steps[i];
            memmove(&disk->steps[to + 1], &disk->steps[to], (i - to) * sizeof answered);
            disk->steps[to] = answered;
            if (count < room) {
                places[count++] = to + 1;
            }
        }
    }
    return count;
}

size_t power_disk_count(const struct power_disk *disk)
{
    return disk->count;
}

size_t power_disk_syncs(const struct power_disk *disk)
{
    size_t syncs = 0;
    for (size_t i = 0; i < disk->count; i++) {
        syncs += is_sync(&disk->steps[i]);
    }
    return syncs;
}

bool power_disk_pending(const struct power_disk *disk)
{
    return disk->pending_count > 0;
}

/* ---- playing ---- */

static void settle(struct power_disk *disk, const struct step *step)
{
    size_t end = step->offset + step->size;
    if (end > disk->durable_room) {
        disk->durable = realloc(disk->durable, 2 * end);
        ck_assert_ptr_nonnull(disk->durable);
        memset(disk->durable + disk->durable_room, 0, 2 * end - disk->durable_room);
        disk->durable_room = 2 * end;
    }
    memcpy(disk->durable + step->offset, step->bytes, step->size);
    disk->size = end > disk->size ? end : disk->size;
}

static bool share_page(const struct step *a, const struct step *b)
{
    size_t first = a->offset / PAGE_BYTES;
    size_t last = (a->offset + a->size - 1) / PAGE_BYTES;
    return b->offset / PAGE_BYTES <= last && (b->offset + b->size - 1) / PAGE_BYTES >= first;
}

/* The writes of one call are on the disk, with what was written to the same pages before. */
static void settle_call(struct power_disk *disk)
{
    size_t kept = 0;
    for (size_t i = 0; i < disk->pending_count; i++) {
        const struct step *step = &disk->steps[disk->pending[i]];
        bool settled = i >= disk->call;
        for (size_t j = disk->call; j < disk->pending_count && !settled; j++) {
            settled = share_page(step, &disk->steps[disk->pending[j]]);
        }
        if (settled) {
            settle(disk, step);
        } else {
            disk->pending[kept++] = disk->pending[i];
        }
    }
    disk->pending_count = kept;
}

static void play_one(struct power_disk *disk)
{
    const struct step *step = &disk->steps[disk->at];
    switch (step->kind) {
    case STEP_WRITE:
        disk->pending[disk->pending_count++] = disk->at;
        break;
    case STEP_DURABLE:
        settle_call(disk);
        disk->call = disk->pending_count;
        break;
    case STEP_SYNC:
        for (size_t i = 0; i < disk->pending_count; i++) {
            settle(disk, &disk->steps[disk->pending[i]]);
        }
        disk->pending_count = 0;
        disk->call = 0;
        break;
    case STEP_WRITTEN:
        disk->call = disk->pending_count;
        break;
    case STEP_MEANT:
        disk->meant++;
        break;
    default:
        disk->answered++;
        break;
    }
    disk->at++;
}

void power_disk_play(struct power_disk *disk, size_t cut, uint32_t *meant, uint32_t *answered)
{
    ck_assert_uint_le(disk->at, cut);
    while (disk->at < cut) {
        play_one(disk);
    }
    *meant = disk->meant;
    *answered = disk->answered;
}

/* ---- what is left ---- */

/* How many of the writes to each sector have reached the disk: all sectors of a page alike, or
 * torn. */
static void draw_sectors(struct omega_random *random, const uint32_t *writes, uint32_t *reached,
                         size_t pages)
{
    uint32_t style = omega_random_below(random, 8);
    for (size_t p = 0; p < pages; p++) {
        bool torn = style >= 2 && omega_random_below(random, 4) == 0;
        uint32_t drawn = omega_random_below(random, writes[p] + 1);
        drawn = style == 0 ? 0 : style == 1 ? writes[p] : drawn;
        for (size_t s = 0; s < PAGE_SECTORS; s++) {
            reached[p * PAGE_SECTORS + s] =
                torn ? omega_random_below(random, writes[p] + 1) : drawn;
        }
    }
}

/* Puts those sectors of a write on the image that have reached the disk; `seen` counts the writes
 * to each page. Returns the end of what it put. */
static size_t put_sectors(const struct step *step, uint32_t *seen, const uint32_t *reached,
                          char *image)
{
    size_t end = 0;
    size_t stop = step->offset + step->size;
    for (size_t p = step->offset / PAGE_BYTES; p * PAGE_BYTES < stop; p++) {
        seen[p]++;
        for (size_t s = p * PAGE_SECTORS; s < (p + 1) * PAGE_SECTORS; s++) {
            size_t from = s * SECTOR_BYTES > step->offset ? s * SECTOR_BYTES : step->offset;
            size_t to = (s + 1) * SECTOR_BYTES < stop ? (s + 1) * SECTOR_BYTES : stop;
            if (from < to && seen[p] <= reached[s]) {
                memcpy(image + from, step->bytes + (from - step->offset), to - from);
                end = to;
            }
        }
    }
    return end;
}

void power_disk_image(const struct power_disk *disk, struct omega_random *random, char **bytes,
                      size_t *size)
{
    size_t most = disk->size;
    for (size_t i = 0; i < disk->pending_count; i++) {
        const struct step *step = &disk->steps[disk->pending[i]];
        most = step->offset + step->size > most ? step->offset + step->size : most;
    }
    size_t pages = most / PAGE_BYTES + 1;
    uint32_t *writes = calloc(pages, sizeof *writes);
    uint32_t *seen = calloc(pages, sizeof *seen);
    uint32_t *reached = calloc(pages * PAGE_SECTORS, sizeof *reached);
    char *image = calloc(pages, PAGE_BYTES);
    ck_assert(writes != NULL && seen != NULL && reached != NULL && image != NULL);
    for (size_t i = 0; i < disk->pending_count; i++) {
        const struct step *step = &disk->steps[disk->pending[i]];
        for (size_t p = step->offset / PAGE_BYTES; p * PAGE_BYTES < step->offset + step->size;
             p++) {
            writes[p]++;
        }
    }
    draw_sectors(random, writes, reached, pages);
    if (disk->size > 0) {
        memcpy(image, disk->durable, disk->size);
    }
    size_t end = disk->size;
    for (size_t i = 0; i < disk->pending_count; i++) {
        size_t put = put_sectors(&disk->steps[disk->pending[i]], seen, reached, image);
        end = put > end ? put : end;
    }
    free(writes);
    free(seen);
    free(reached);
    *bytes = image;
    *size = end;
}
