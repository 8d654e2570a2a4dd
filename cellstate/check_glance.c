/* SPDX-License-Identifier: MIT */
/*
 * The proof of a sound cell at a glance. To add up what runs on each machine takes memory that
 * nobody has touched yet, and a look at a machine, far away in a large cell, for each placement.
 * Instead each machine has a weight of 64 bits, from its index alone, and two sums are compared
 * that one pass over the placements and one over the machines give:
 *
 *     what each placement takes x the weight of its machine, over all placements
 *     what each machine says is taken of it x its weight, over all machines
 *
 * What is taken are CPU, memory and a place in the machine's sequence, each times a number of its
 * own. Equal machines make equal sums; unequal ones do so by chance, once in 2^50 or less often: in
 * 2^64, but that a difference of a power of two leaves as many bits less (the argument is that of
 * Freivalds, "Probabilistic machines can use less running time", 1977).
 */
#include "cellstate/check.h"

struct glance {
    const struct check_view *view;
    struct store_report *report;
    uint64_t seq_of_an_end;
    uint64_t placed;  /* the sum over placements, */
    uint64_t taken;   /* and that over machines */
    uint64_t of_jobs; /* placements that belong to a job */
    uint64_t last_id;
};

/* ---- the sums ---- */

/* Any words will do; these begin the fraction of pi, and are made odd. */
#define CPU_FACTOR UINT64_C(0x243f6a8885a308d3)
#define MEM_FACTOR UINT64_C(0x13198a2e03707345)
#define PLACEMENT_FACTOR UINT64_C(0xa4093822299f31d1)
#define INDEX_FACTOR UINT64_C(0x082efa98ec4e6c89)
#define WEIGHT_FACTOR UINT64_C(0x452821e638d01377)

/* Far from linear in the index, so that what is missing on one machine and too much on another do
 * not make up for each other. */
static inline uint64_t weight_of(uint32_t machine)
{
    uint64_t word = (machine + UINT64_C(1)) * INDEX_FACTOR;
    word ^= word >> 32;
    word *= WEIGHT_FACTOR;
    return word ^ word >> 29;
}

/* The word of what is taken: that of a sum is the sum of the words. */
static inline uint64_t word_of(int64_t cpu_milli, int64_t mem_mib, uint64_t placements)
{
    return (uint64_t)cpu_milli * CPU_FACTOR + (uint64_t)mem_mib * MEM_FACTOR +
           placements * PLACEMENT_FACTOR;
}

/* ---- placements ---- */

/* Placements that are alike and follow each other; not 0 if something is wrong with them. One on a
 * machine that is not there has a weight that no machine makes up for. */
static int add_run(void *context, const struct store_placement *first, const uint32_t *machines,
                   uint32_t count)
{
    struct glance *glance = context;
    const bool wrong =
        first->id <= glance->last_id || first->band >= OMEGA_BANDS || first->devices != 0;
    uint64_t weights = 0;
    for (uint32_t i = 0; i < count; i++) {
        weights += weight_of(machines[i]);
    }
    glance->placed += weights * word_of(first->request.cpu_milli, first->request.mem_mib, 1);
    glance->report->placements += count;
    glance->of_jobs += first->job == 0 ? 0 : count;
    glance->last_id = first->id + count - 1;
    return wrong;
}

static int add_placement(void *context, const struct store_placement *placement)
{
    return add_run(context, placement, &placement->machine, 1);
}

/* ---- machines ---- */

/* Machines that were made alike, with which nothing is wrong but perhaps what is taken of them;
 * false otherwise. */
static bool add_untouched(struct glance *glance, const struct omega_machine *made, uint32_t first,
                          uint32_t count)
{
    const struct omega_entry *entries = &glance->view->live->entry[first];
    const struct omega_room limit = {made->cpu_limit_milli, made->mem_limit_mib};
    const uint64_t whole = omega_room_word(limit);
    uint64_t other = 0;
    uint64_t lacking = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct omega_entry entry = entries[i];
        other |= omega_room_word(entry.limit) ^ whole;
        lacking |= omega_room_word(entry.room);
        glance->taken +=
            weight_of(first + i) *
            word_of((int64_t)limit.cpu_milli - entry.room.cpu_milli,
                    (int64_t)limit.mem_mib - entry.room.mem_mib,
                    omega_seq(entry.stamp) - glance->seq_of_an_end * omega_releases(entry.stamp));
    }
    return other == 0 && !omega_room_word_lacks(lacking);
}

/* A machine by its record; false if something is wrong with it, but for what is taken of it. */
static bool add_recorded(struct glance *glance, const struct omega_machine *machine)
{
    const uint64_t placements =
        machine->seq - machine->changes - glance->seq_of_an_end * machine->releases;
    glance->taken += weight_of(machine->index) *
                     word_of(machine->cpu_used_milli, machine->mem_used_mib, placements);
    check_record(machine, glance->view, glance->report);
    return glance->report->violations == 0 &&
           (machine->state != OMEGA_MACHINE_DOWN || placements == 0);
}

static bool add_machines(struct store *store, struct glance *glance)
{
    const uint32_t count = store->machine_count;
    bool sound = true;
    for (uint32_t i = 0; sound && i < count;) {
        struct omega_machine made;
        const uint32_t untouched = store->ops->untouched(store, i, count, &made);
        if (untouched > 0) {
            sound = add_untouched(glance, &made, i, untouched);
            i += untouched;
        } else {
            sound = add_recorded(glance, store->ops->kept(store, i));
            i++;
        }
    }
    return sound;
}

/* ---- both ---- */

/* Is there enough to tell by? */
static bool can_tell(const struct store *store, const struct check_view *view)
{
    const struct store_ops *ops = store->ops;
    return ops->kept != NULL && ops->untouched != NULL && ops->placements_in_runs != NULL &&
           view->live != NULL && view->live->free_gpu_milli == NULL;
}

bool check_glance(struct store *store, const struct check_view *view, struct store_report *report)
{
    if (!can_tell(store, view)) {
        return false;
    }
    struct glance glance = {
        .view = view,
        .report = report,
        .seq_of_an_end = check_seq_of_an_end(store),
    };
    if (store->ops->placements_in_runs(store, add_placement, add_run, &glance, NULL) != 0 ||
        !add_machines(store, &glance) || glance.placed != glance.taken) {
        return false;
    }
    check_tasks(store, glance.of_jobs, report);
    return report->violations == 0;
}
