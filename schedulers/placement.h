/* SPDX-License-Identifier: MIT */
/*
 * Placement helpers for scheduler modules: header-only, on top of the plug-in header alone.
 *
 * A `struct omega_place` is one task group's question to one view: which machine suits a task of
 * this group? The answers are random (bounded probing), first from a start (a scan in
 * vectors) and best fit. A machine index or OMEGA_NO_MACHINE comes back;
 * claiming it stays with the module. Claims change the view at once, so the same question may be
 * asked again for the next task.
 */
#ifndef OMEGA_SCHEDULERS_PLACEMENT_H
#define OMEGA_SCHEDULERS_PLACEMENT_H

#include "core/plugin/scheduler.h"

#define OMEGA_NO_MACHINE UINT32_MAX
#define OMEGA_PLACE_BLOCK 64u       /* machines scored together: a word of an eligibility bitmap */
#define OMEGA_PLACE_STRIDE 16u      /* machines that a scan looks at together */
#define OMEGA_SCORE_NONE UINT32_MAX /* the score of a machine that does not suit */
#define OMEGA_SCORE_ONE (1 << 18)   /* the score of a wholly free machine */
#define OMEGA_SCORE_GPU_SHIFT 19    /* GPU left over stands above the share left over */

/* ---- tasks to place: all required ones by group, then the optional ones by group ---- */

struct omega_tasks {
    const uint32_t *tasks; /* job-wide indices of tasks that are alike */
    uint32_t count;
    uint32_t group;
    bool optional;
    uint32_t next; /* where the iteration stands; starts at 0 */
};

/*
 * The next non-empty run of tasks that are alike; false at the end. Start with a zeroed struct:
 *     struct omega_tasks run = {0};
 *     while (omega_tasks_next(&run, pending, use_optional)) ...
 */
static inline bool omega_tasks_next(struct omega_tasks *run, const struct omega_pending *pending,
                                    bool use_optional)
{
    uint32_t groups = pending->job->group_count;
    uint32_t end = use_optional ? 2 * groups : groups;
    while (run->next < end) {
        uint32_t step = run->next++;
        run->optional = step >= groups;
        run->group = run->optional ? step - groups : step;
        const struct omega_pending_group *group = &pending->groups[run->group];
        run->tasks = group->tasks + (run->optional ? group->required : 0);
        run->count = run->optional ? group->optional : group->required;
        if (run->count > 0) {
            return true;
        }
    }
    return false;
}

/* ---- one group's question to one view ---- */

struct omega_place {
    const struct omega_view *view;
    const struct omega_entry *entry; /* of the view, at hand for the innermost loops */
    const uint64_t *eligible;        /* NULL = all machines */
    uint32_t machine_count;
    struct omega_request request;
};

/* The question of one group of the pending job. Costs nothing to make; valid during place(). */
static inline struct omega_place omega_place_group(const struct omega_pending *pending,
                                                   const struct omega_view *view, uint32_t group)
{
    struct omega_place place; /* filled field by field: C++17 has no designated initialisers */
    place.view = view;
    place.entry = view->entry;
    place.eligible = omega_view_eligible(view, group);
    place.machine_count = view->machine_count;
    place.request = pending->job->groups[group].request;
    return place;
}

/* True if the machine is eligible and one task fits it now: it may be claimed. */
static inline bool omega_place_suits(const struct omega_place *place, uint32_t machine)
{
    const struct omega_room room = place->entry[machine].room;
    if (room.cpu_milli < place->request.cpu_milli || room.mem_mib < place->request.mem_mib) {
        return false;
    }
    return omega_eligible(place->eligible, machine) &&
           (place->request.gpu_devices == 0 ||
            omega_view_fits(place->view, &place->request, machine));
}

/* ---- random probing ---- */

/* Looks at up to *probes random machines, with replacement, and counts *probes down by those it
 * looked at. May be called again with what is left of *probes. */
static inline uint32_t omega_place_probe(const struct omega_place *place,
                                         struct omega_random *random, uint32_t *probes)
{
    if (place->machine_count == 0) {
        *probes = 0;
    }
    while (*probes > 0) {
        (*probes)--;
        uint32_t machine = omega_random_below(random, place->machine_count);
        if (omega_place_suits(place, machine)) {
            return machine;
        }
    }
    return OMEGA_NO_MACHINE;
}

/* ---- first fit ---- */

/* The room of two machines, in a vector: compilers do not find it by themselves between stamps. */
typedef uint64_t omega_room_pair __attribute__((vector_size(16)));

/* What would be left of two machines: the highest bit of each says that something is missing (see
 * omega_room_word()). */
static inline omega_room_pair omega_place_pair(const struct omega_entry *entry,
                                               omega_room_pair asked)
{
    omega_room_pair left = {omega_room_word(entry[0].room), omega_room_word(entry[1].room)};
    left -= asked;
    return left | left << 32;
}

/* True if CPU and memory of any of `count` machines, a multiple of 8, suffice; without branches. */
static inline __attribute__((always_inline)) bool
omega_place_any(const struct omega_entry *entry, uint32_t count, struct omega_room asked)
{
    const uint64_t word = omega_room_word(asked);
    const omega_room_pair both = {word, word};
    omega_room_pair missing = {UINT64_MAX, UINT64_MAX}; /* on each */
    for (uint32_t i = 0; i < count; i += 8) {
        missing &= omega_place_pair(&entry[i], both) & omega_place_pair(&entry[i + 2], both) &
                   omega_place_pair(&entry[i + 4], both) & omega_place_pair(&entry[i + 6], both);
    }
    return (missing[0] & missing[1]) >> 63 == 0;
}

/* True if the `count` machines from `first`, a multiple of it, need a closer look; 8, 16, 32 or 64
 * machines. */
static inline __attribute__((always_inline)) bool
omega_place_may_suit(const struct omega_place *place, uint32_t first, uint32_t count)
{
    if (place->eligible != NULL && place->eligible[first / 64] >> first % 64 << (64 - count) == 0) {
        return false;
    }
    struct omega_room asked;
    asked.cpu_milli = place->request.cpu_milli;
    asked.mem_mib = place->request.mem_mib;
    return omega_place_any(place->entry + first, count, asked);
}

/* The first machine in [from, to) that suits. */
static inline uint32_t omega_place_first(const struct omega_place *place, uint32_t from,
                                         uint32_t to)
{
    uint32_t machine = from;
    while (machine < to) {
        if (place->eligible != NULL && place->eligible[machine / 64] >> machine % 64 == 0) {
            const uint32_t behind = 64 - machine % 64; /* up to the end of its word: none there */
            machine = to - machine > behind ? machine + behind : to;
            continue;
        }
        const uint32_t ahead = OMEGA_PLACE_STRIDE - machine % OMEGA_PLACE_STRIDE;
        const uint32_t end = to - machine > ahead ? machine + ahead : to;
        if (end - machine == OMEGA_PLACE_STRIDE &&
            !omega_place_may_suit(place, machine, OMEGA_PLACE_STRIDE)) {
            machine = end;
            continue;
        }
        for (; machine < end; machine++) {
            if (omega_place_suits(place, machine)) {
                return machine;
            }
        }
    }
    return OMEGA_NO_MACHINE;
}

/* ---- what is full, and scans ---- */

#define OMEGA_FULL_REGIONS 1024u

/* Regions of machines none of which suits a task of one group. True for as long as room in the view
 * only falls: within one place(), while tasks of the group are claimed one after the other and none
 * is given back (omega_txn_unclaim()). A scan for the next of them need not look there again. */
struct omega_full {
    uint32_t shift; /* machine >> shift is its region; 0: nothing is known yet, not even these: */
    uint64_t regions[OMEGA_FULL_REGIONS / 64];
};

/* Nothing is known, or no longer: for another group, another attempt, or room that came back. */
static inline void omega_full_forget(struct omega_full *known)
{
    known->shift = 0;
}

/* Regions for so many machines, each of 64 at least; nothing is known of any. */
static inline void omega_full_begin(struct omega_full *known, uint32_t machine_count)
{
    known->shift = 6;
    while (machine_count >> known->shift >= OMEGA_FULL_REGIONS) {
        known->shift++;
    }
    for (uint32_t i = 0; i < OMEGA_FULL_REGIONS / 64; i++) {
        known->regions[i] = 0;
    }
}

/* The same as omega_place_first(), but leaves out what is known to be full, and adds to it the
 * regions that it went through in vain from end to end. */
static inline uint32_t omega_full_first(struct omega_full *known, const struct omega_place *place,
                                        uint32_t from, uint32_t to)
{
    if (known->shift == 0) {
        omega_full_begin(known, place->machine_count);
    }
    const uint32_t size = UINT32_C(1) << known->shift;
    uint32_t at = from;
    while (at < to) {
        const uint32_t region = at / size;
        const uint32_t first = region * size;
        const uint32_t end = to - first > size ? first + size : to;
        const uint64_t bit = UINT64_C(1) << region % 64;
        if ((known->regions[region / 64] & bit) == 0) {
            uint32_t machine = omega_place_first(place, at, end);
            if (machine != OMEGA_NO_MACHINE) {
                return machine;
            }
            if (at == first && (end - first == size || end == place->machine_count)) {
                known->regions[region / 64] |= bit;
            }
        }
        at = end;
    }
    return OMEGA_NO_MACHINE;
}

/* A scan of the whole circle of machines, once around from a start. */
struct omega_scan {
    uint32_t start;
    uint32_t at; /* next machine to look at */
    bool wrapped;
    struct omega_full *known; /* the caller's; NULL: what is full is not remembered */
};

/* A scan that starts at a machine below machine_count. */
static inline struct omega_scan omega_scan_begin(uint32_t start)
{
    struct omega_scan scan;
    scan.start = start;
    scan.at = start;
    scan.wrapped = false;
    scan.known = NULL;
    return scan;
}

/* The first in [from, to) that suits, going by what is remembered. */
static inline uint32_t omega_scan_first(const struct omega_scan *scan,
                                        const struct omega_place *place, uint32_t from, uint32_t to)
{
    return scan->known == NULL ? omega_place_first(place, from, to)
                               : omega_full_first(scan->known, place, from, to);
}

/* The next machine on the circle that suits; each is given at most once. */
static inline uint32_t omega_scan_next(struct omega_scan *scan, const struct omega_place *place)
{
    if (!scan->wrapped) {
        uint32_t machine = omega_scan_first(scan, place, scan->at, place->machine_count);
        if (machine != OMEGA_NO_MACHINE) {
            scan->at = machine + 1;
            return machine;
        }
        scan->wrapped = true;
        scan->at = 0;
    }
    uint32_t machine = omega_scan_first(scan, place, scan->at, scan->start);
    scan->at = machine == OMEGA_NO_MACHINE ? scan->start : machine + 1;
    return machine;
}

/* ---- randomised first fit: probes, then a scan ---- */

/* Claims a task on one of a few random machines; false if none of them suits. */
static inline bool omega_place_by_probes(const struct omega_place *place,
                                         struct omega_random *random, uint32_t probes,
                                         struct omega_txn *txn, uint32_t group, uint32_t task)
{
    uint32_t machine = omega_place_probe(place, random, &probes);
    while (machine != OMEGA_NO_MACHINE) {
        if (omega_txn_claim(txn, group, task, machine) == 0) {
            return true;
        }
        machine = omega_place_probe(place, random, &probes);
    }
    return false;
}

/* Claims a task on the first machine that suits, once around from a random start; false if it fits
 * nowhere. */
static inline bool omega_place_by_scan(const struct omega_place *place, struct omega_random *random,
                                       struct omega_full *known, struct omega_txn *txn,
                                       uint32_t group, uint32_t task)
{
    if (place->machine_count == 0) {
        return false;
    }
    struct omega_scan scan = omega_scan_begin(omega_random_below(random, place->machine_count));
    scan.known = known;
    uint32_t machine = omega_scan_next(&scan, place);
    while (machine != OMEGA_NO_MACHINE) {
        int rc = omega_txn_claim(txn, group, task, machine);
        if (rc != OMEGA_TXN_DECLINED) {
            return rc == 0;
        }
        machine = omega_scan_next(&scan, place);
    }
    return false;
}

/* Finds a machine for each of `count` notes, 1 at least, by probes, and takes its room; ends at the
 * first for which none of them suits. Returns how many have one. Kept apart, with all at hand, so
 * that the innermost loop stays in registers. */
static inline __attribute__((always_inline)) uint32_t
omega_place_machines(const struct omega_txn_head *head, struct omega_random *random,
                     uint32_t probes, uint32_t *notes, uint32_t count, const uint64_t *eligible)
{
    struct omega_random local = *random;
    struct omega_entry *entries = head->entry;
    const struct omega_room asked = head->asked;
    const uint32_t machine_count = head->machine_count;
    uint32_t found = 0;
    uint32_t probed = 0; /* since the last one was found */
    while (probed < probes) {
        uint32_t machine = omega_random_below(&local, machine_count);
        probed++;
        if (omega_eligible(eligible, machine) && omega_room_take(&entries[machine].room, asked)) {
            notes[found++] = machine;
            if (found == count) {
                break;
            }
            probed = 0;
        }
    }
    *random = local;
    return found;
}

/* In a cell of so many machines what the view shows of one is in no cache near by: the framework's
 * CACHE_MACHINES_FAR. */
#define OMEGA_PLACE_FAR 40000u
#define OMEGA_PLACE_AHEAD 64u /* machines asked for before the first of them is looked at */

/* Draws in vain, counted so that a machine that is found costs nothing. */
struct omega_misses {
    uint32_t found; /* so many machines had been found at the last one; UINT32_MAX: none yet */
    uint32_t count; /* up to that one, since the last machine was found */
};

/* Counts a draw in vain; how many those are since the last machine was found. */
static inline uint32_t omega_place_missed(struct omega_misses *misses, uint32_t found)
{
    misses->count = misses->found == found ? misses->count + 1 : 1;
    misses->found = found;
    return misses->count;
}

/* The same in a large cell, where the processor does not see far enough ahead: machines for many
 * tasks are drawn, into the notes, before any is looked at. Each task needs one at least, so none
 * is drawn in vain, unless the search ends: then the random numbers behind the last one that was
 * looked at are taken back. */
static inline __attribute__((always_inline)) uint32_t
omega_place_ahead(const struct omega_txn_head *head, struct omega_random *random, uint32_t probes,
                  uint32_t *notes, uint32_t count, const uint64_t *eligible)
{
    struct omega_random local = *random;
    struct omega_entry *entries = head->entry;
    const struct omega_room asked = head->asked;
    const uint32_t machine_count = head->machine_count;
    struct omega_misses misses = {UINT32_MAX, 0};
    uint32_t *const all = notes + count;
    uint32_t *found = notes; /* behind the last one */
    bool goes_on = probes > 0;
    while (found < all && goes_on) {
        const struct omega_random before = local;
        const uint32_t *const first = found;
        uint32_t *const end = all - found > OMEGA_PLACE_AHEAD ? found + OMEGA_PLACE_AHEAD : all;
        for (uint32_t *next = found; next < end; next++) {
            *next = omega_random_below(&local, machine_count);
            __builtin_prefetch(&entries[*next], 1);
        }
        const uint32_t *at = first;
        while (at < end) {
            const uint32_t machine = *at++;
            *found = machine;
            if (omega_eligible(eligible, machine) &&
                omega_room_take(&entries[machine].room, asked)) {
                found++;
            } else if (omega_place_missed(&misses, (uint32_t)(found - notes)) == probes) {
                goes_on = false;
                break;
            }
        }
        if (at < end) {
            local = before;
            for (; at > first; at--) {
                omega_random_below(&local, machine_count);
            }
        }
    }
    *random = local;
    return (uint32_t)(found - notes);
}

/* The way that suits the cell. */
static inline __attribute__((always_inline)) uint32_t
omega_place_drawn(const struct omega_txn_head *head, struct omega_random *random, uint32_t probes,
                  uint32_t *notes, uint32_t count, const uint64_t *eligible)
{
    return head->machine_count >= OMEGA_PLACE_FAR
               ? omega_place_ahead(head, random, probes, notes, count, eligible)
               : omega_place_machines(head, random, probes, notes, count, eligible);
}

/* The same where any machine will do, in a loop of its own. */
static __attribute__((noinline)) uint32_t omega_place_anywhere(const struct omega_txn_head *head,
                                                               struct omega_random *random,
                                                               uint32_t probes, uint32_t *notes,
                                                               uint32_t count)
{
    return omega_place_drawn(head, random, probes, notes, count, NULL);
}

static __attribute__((noinline)) uint32_t omega_place_eligibly(const struct omega_txn_head *head,
                                                               struct omega_random *random,
                                                               uint32_t probes, uint32_t *notes,
                                                               uint32_t count)
{
    return omega_place_drawn(head, random, probes, notes, count, head->eligible);
}

/* Notes claims of the tasks [from, count) of a run, the first of which may be noted, as far as it
 * is their turn, each by probes or else by a scan: the same as claiming one after the other.
 * Returns the task that it came to; *full says that this one fits nowhere. */
static inline uint32_t omega_place_noted(const struct omega_place *place,
                                         struct omega_random *random, uint32_t probes,
                                         struct omega_txn *txn, const struct omega_tasks *run,
                                         uint32_t from, uint32_t count, struct omega_full *known,
                                         bool *full)
{
    struct omega_txn_head *head = (struct omega_txn_head *)(void *)txn;
    uint32_t first = head->note_count;
    uint32_t *notes = &head->notes[first];
    uint32_t turns = head->turn_count - first;
    uint32_t tasks = count - from < turns ? count - from : turns;
    if (run->tasks + from != head->turns + first) {
        tasks = 1; /* a list of its own, which may go on otherwise */
    }
    uint32_t placed = 0;
    while (placed < tasks && head->note_count == first + placed) {
        placed += (head->eligible == NULL ? omega_place_anywhere : omega_place_eligibly)(
            head, random, probes, notes + placed, tasks - placed);
        head->note_count = first + placed;
        if (placed < tasks) {
            *full = !omega_place_by_scan(place, random, known, txn, run->group,
                                         run->tasks[from + placed]);
            if (*full) {
                break;
            }
            placed++;
        }
    }
    return from + placed;
}

/* Claims the first `count` tasks of a run, each by probes or else by a scan. Returns how many: the
 * first that fits nowhere ends it, since the others are alike. */
static inline uint32_t omega_place_run(const struct omega_place *place, struct omega_random *random,
                                       uint32_t probes, struct omega_txn *txn,
                                       const struct omega_tasks *run, uint32_t count)
{
    uint32_t placed = 0;
    bool full = place->machine_count == 0;
    struct omega_full known; /* nowhere in this loop is room given back */
    omega_full_forget(&known);
    while (placed < count && !full) {
        uint32_t task = run->tasks[placed];
        if (omega_txn_notes(txn, run->group, task)) {
            placed =
                omega_place_noted(place, random, probes, txn, run, placed, count, &known, &full);
        } else {
            full = !omega_place_by_probes(place, random, probes, txn, run->group, task) &&
                   !omega_place_by_scan(place, random, &known, txn, run->group, task);
            placed += !full;
        }
    }
    return placed;
}

/* ---- best fit ---- */

/* The share of a limit that is left, in 0..OMEGA_SCORE_ONE; `left` >= 0. Division and conversion
 * are exact IEEE operations: the same number on every machine, and vector code in a loop. */
static inline int32_t omega_share(int32_t left, int32_t limit)
{
    int32_t whole = limit > 1 ? limit : 1;
    int32_t part = left < whole ? left : whole;
    return (int32_t)((float)part / (float)whole * (float)OMEGA_SCORE_ONE);
}

/* The larger of the shares of CPU and memory that one more task would leave on a machine; below 0
 * if there is no room. Eligibility and GPU are not looked at. */
static inline int32_t omega_place_share(const struct omega_place *place, uint32_t machine)
{
    const struct omega_room room = place->entry[machine].room;
    const struct omega_room limit = place->entry[machine].limit;
    int32_t fits =
        (room.cpu_milli >= place->request.cpu_milli) & (room.mem_mib >= place->request.mem_mib);
    /* one that does not fit goes the same way as if it were full, so that there is no branch */
    int32_t cpu_left = (room.cpu_milli - place->request.cpu_milli) & -fits;
    int32_t mem_left = (room.mem_mib - place->request.mem_mib) & -fits;
    int32_t cpu = omega_share(cpu_left, limit.cpu_milli);
    int32_t mem = omega_share(mem_left, limit.mem_mib);
    return (cpu > mem ? cpu : mem) | (fits - 1);
}

/* The same for 64 machines from `first`. */
static inline void omega_place_share_block(const struct omega_place *place, uint32_t first,
                                           int32_t shares[OMEGA_PLACE_BLOCK])
{
    const struct omega_place local = *place; /* nothing that `shares` could overlap */
    for (uint32_t i = 0; i < OMEGA_PLACE_BLOCK; i++) {
        shares[i] = omega_place_share(&local, first + i);
    }
}

/* What stays free beside a GPU task, so that the fullest device and machine come first: milli-GPU
 * on the device that a share goes to, or whole devices. For tasks without GPU: whole devices that
 * the task would leave idle beside it. The machine suits the request. */
static inline uint32_t omega_gpu_left(const struct omega_view *view,
                                      const struct omega_request *request, uint32_t machine)
{
    if (view->free_gpu_milli == NULL) {
        return 0;
    }
    if (request->gpu_devices == 0 || request->gpu_milli >= OMEGA_GPU_DEVICE_MILLI) {
        return (uint32_t)view->gpu_whole[machine] - request->gpu_devices;
    }
    const int16_t *devices = view->free_gpu_milli + (size_t)machine * OMEGA_GPU_DEVICES_MAX;
    int32_t least = INT16_MAX;
    for (int i = 0; i < OMEGA_GPU_DEVICES_MAX; i++) {
        if (devices[i] >= request->gpu_milli && devices[i] < least) {
            least = devices[i];
        }
    }
    return (uint32_t)(least - request->gpu_milli);
}

/*
 * How well a task fits a machine that suits it, less is better: first the GPU left over, then the
 * dominant share left over, the larger of the CPU and memory shares that stay free.
 */
static inline uint32_t omega_place_score(const struct omega_place *place, uint32_t machine)
{
    uint32_t gpu = omega_gpu_left(place->view, &place->request, machine);
    return gpu << OMEGA_SCORE_GPU_SHIFT | (uint32_t)omega_place_share(place, machine);
}

/* The machine with the best score, the lowest index among equals. Looks at all of them. */
static inline uint32_t omega_place_best(const struct omega_place *place)
{
    uint32_t best = OMEGA_NO_MACHINE;
    uint32_t best_score = OMEGA_SCORE_NONE;
    uint32_t machine = omega_place_first(place, 0, place->machine_count);
    while (machine != OMEGA_NO_MACHINE) {
        uint32_t score = omega_place_score(place, machine);
        if (score < best_score) {
            best = machine;
            best_score = score;
        }
        machine = omega_place_first(place, machine + 1, place->machine_count);
    }
    return best;
}

#endif
