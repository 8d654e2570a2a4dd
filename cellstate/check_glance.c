/* SPDX-License-Identifier: MIT */
/*
 * The proof of a sound cell at a glance. To add up what runs on each machine takes memory that
 * nobody has touched yet, and a look at a machine, far away in a large cell, for each placement.
 * Instead each machine has a weight, an odd number of 64 bits that its index makes, and sums are
 * compared, modulo 2^64, that one pass over the placements and one over the machines give:
 *
 *     what each placement takes x the weight of its machine, over all placements
 *     what each machine says is taken of it x its weight, over all machines
 *
 * of CPU, of memory, and of places in the machines' sequences, each by itself. Equal machines make
 * equal sums. If one machine differs, they differ: an odd weight makes 0 of nothing but 0. If more
 * do, they pass only where differences times weights make up for each other: what is too much on
 * one machine and missing on another does if the two weights agree in their lower bits, in 64 less
 * as many as the difference has zeros at its end. So two machines pass by chance once in 2^63 where
 * it is odd, and once in 2^48 where it is 2^15 MiB. No placement does that, which counts as one in
 * the sequences, too.
 */
#include "cellstate/check.h"

/* What is taken, times weights. */
struct weighted {
    uint64_t cpu_milli;
    uint64_t mem_mib;
    uint64_t placements;
};

struct glance {
    const struct check_view *view;
    struct store_report *report;
    uint64_t seq_of_an_end;
    struct weighted placed; /* over placements, */
    struct weighted taken;  /* and over machines */
    uint64_t of_jobs;       /* placements that belong to a job */
    uint64_t last_id;
};

/* ---- the sums ---- */

/* Any odd numbers will do; these begin the fraction of pi. */
#define INDEX_FACTOR UINT64_C(0x243f6a8885a308d3)
#define WEIGHT_FACTOR UINT64_C(0xa4093822299f31d1)

/* Far from linear in the index, so that what is missing on some machines and too much on others
 * does not make up for each other. */
static inline uint64_t weight_of(uint32_t machine)
{
    uint64_t word = (machine + UINT64_C(1)) * INDEX_FACTOR;
    word ^= word >> 32;
    word *= WEIGHT_FACTOR;
    return (word ^ word >> 29) | 1;
}

static inline void add(struct weighted *sum, uint64_t weight, int64_t cpu_milli, int64_t mem_mib,
                       uint64_t placements)
{
    sum->cpu_milli += weight * (uint64_t)cpu_milli;
    sum->mem_mib += weight * (uint64_t)mem_mib;
    sum->placements += weight * placements;
}

static bool are_equal(const struct weighted *a, const struct weighted *b)
{
    return a->cpu_milli == b->cpu_milli && a->mem_mib == b->mem_mib &&
           a->placements == b->placements;
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
    add(&glance->placed, weights, first->request.cpu_milli, first->request.mem_mib, 1);
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
    struct weighted taken = glance->taken;
    uint64_t other = 0;
    int64_t lacking = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct omega_room room = entries[i].room;
        const uint64_t stamp = entries[i].stamp;
        const int64_t cpu = (int64_t)limit.cpu_milli - room.cpu_milli;
        const int64_t mem = (int64_t)limit.mem_mib - room.mem_mib;
        other |= omega_room_word(entries[i].limit) ^ omega_room_word(limit);
        lacking |= (int64_t)room.cpu_milli | room.mem_mib | cpu | mem;
        add(&taken, weight_of(first + i), cpu, mem,
            omega_seq(stamp) - glance->seq_of_an_end * omega_releases(stamp));
    }
    glance->taken = taken;
    return other == 0 && lacking >= 0;
}

/* A machine by its record; false if something is wrong with it, but for what is taken of it. There
 * are no placements on devices. */
static bool add_recorded(struct glance *glance, const struct omega_machine *machine)
{
    const uint64_t placements =
        machine->seq - machine->changes - glance->seq_of_an_end * machine->releases;
    add(&glance->taken, weight_of(machine->index), machine->cpu_used_milli, machine->mem_used_mib,
        placements);
    check_record(machine, glance->view, glance->report);
    return glance->report->violations == 0 && check_devices_are_idle(machine) &&
           (machine->state != OMEGA_MACHINE_DOWN || placements == 0);
}

/* How many machines from one on can be taken together: those of which a live view shows all. */
static uint32_t count_untouched(struct store *store, const struct glance *glance, uint32_t first,
                                struct omega_machine *made)
{
    const struct store_view *live = glance->view->live;
    return live == NULL || live->free_gpu_milli != NULL
               ? 0
               : store->ops->untouched(store, first, store->machine_count, made);
}

static bool add_machines(struct store *store, struct glance *glance)
{
    const uint32_t count = store->machine_count;
    bool sound = true;
    for (uint32_t i = 0; sound && i < count;) {
        struct omega_machine made;
        const uint32_t untouched = count_untouched(store, glance, i, &made);
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

bool check_glance(struct store *store, const struct check_view *view, struct store_report *report)
{
    const struct store_ops *ops = store->ops;
    if (ops->kept == NULL || ops->untouched == NULL || ops->placements_in_runs == NULL) {
        return false;
    }
    struct glance glance = {
        .view = view,
        .report = report,
        .seq_of_an_end = check_seq_of_an_end(store),
    };
    if (ops->placements_in_runs(store, add_placement, add_run, &glance, NULL) != 0 ||
        !add_machines(store, &glance) || !are_equal(&glance.placed, &glance.taken)) {
        return false;
    }
    check_tasks(store, glance.of_jobs, report);
    return report->violations == 0;
}
