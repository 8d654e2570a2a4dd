/* SPDX-License-Identifier: MIT */
/*
 * Proves invariants A, B and I of a store from what it shows: its machines, its placements and its
 * counters; E of one that has kept(); and whatever else its backend can prove. It adds placements
 * up by itself and shares nothing with the rules. A live view is compared with what the records
 * show, machine by machine; what check_glance() proves in less time needs none of it.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cellstate/check.h"
#include "core/base/large.h"

/* What the placements of one machine take of its devices. */
struct gpu_sums {
    int64_t milli[OMEGA_BANDS][OMEGA_GPU_DEVICES_MAX];
};

struct checker {
    struct store_report *report;
    bool banded; /* CPU and memory by band; otherwise all stand in the first */
    struct store_use *uses[OMEGA_BANDS]; /* per machine; NULL: no placement is in the band so far */
    struct gpu_sums *gpu;                /* NULL: no placement has devices so far */
    struct check_view view;
    bool no_memory;
    uint32_t machine_count;
    uint64_t of_jobs; /* placements that belong to a job */
    uint64_t last_id;
};

void store_violated(struct store_report *report, const char *format, ...)
{
    if (report->violations++ == 0) {
        va_list args;
        va_start(args, format);
        vsnprintf(report->first, sizeof report->first, format, args);
        va_end(args);
    }
}

/* The sums in which a placement of a band is added up; NULL without memory. */
static struct store_use *sums_of(struct checker *checker, uint8_t band)
{
    struct store_use **uses = &checker->uses[checker->banded ? band : 0];
    if (*uses == NULL) {
        *uses = large_calloc(checker->machine_count, sizeof **uses);
        checker->no_memory = checker->no_memory || *uses == NULL;
    }
    return *uses;
}

/* Adds a placement to what its machine has in its band. */
static void add_use(struct checker *checker, struct store_use *use,
                    const struct store_placement *placement)
{
    use->placements++;
    bool cpu =
        __builtin_add_overflow(use->cpu_milli, placement->request.cpu_milli, &use->cpu_milli);
    bool mem = __builtin_add_overflow(use->mem_mib, placement->request.mem_mib, &use->mem_mib);
    if (cpu || mem) {
        store_violated(checker->report, "A: machine %u, band %u: no machine holds so much",
                       placement->machine, placement->band);
    }
}

static void add_devices(struct checker *checker, const struct store_placement *placement)
{
    if (checker->gpu == NULL) {
        checker->gpu = large_calloc(checker->machine_count, sizeof *checker->gpu);
    }
    checker->no_memory = checker->no_memory || checker->gpu == NULL;
    for (int device = 0; !checker->no_memory && device < OMEGA_GPU_DEVICES_MAX; device++) {
        if ((placement->devices >> device & 1) != 0) {
            checker->gpu[placement->machine].milli[placement->band][device] +=
                placement->request.gpu_milli;
        }
    }
}

static int add_placement(void *context, const struct store_placement *placement)
{
    struct checker *checker = context;
    checker->report->placements++;
    if (placement->machine >= checker->machine_count || placement->band >= OMEGA_BANDS) {
        store_violated(checker->report, "B: placement %" PRIu64 " is on machine %u of %u",
                       placement->id, placement->machine, checker->machine_count);
        return 0;
    }
    if (placement->id <= checker->last_id) {
        store_violated(checker->report, "E: placement %" PRIu64 " does not follow %" PRIu64,
                       placement->id, checker->last_id);
    }
    checker->last_id = placement->id;
    checker->of_jobs += placement->job != 0;
    struct store_use *uses = sums_of(checker, placement->band);
    if (uses != NULL) {
        add_use(checker, &uses[placement->machine], placement);
    }
    if (placement->devices != 0) {
        add_devices(checker, placement);
    }
    return checker->no_memory;
}

/* The same for placements that are alike but for their machines, and follow each other. */
static int add_run(void *context, const struct store_placement *first, const uint32_t *machines,
                   uint32_t count)
{
    struct store_placement placement = *first;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        placement.id = first->id + i;
        placement.machine = machines[i];
        rc = add_placement(context, &placement);
    }
    return rc;
}

bool check_devices_are_idle(const struct omega_machine *machine)
{
    uint64_t any = 0;
    uint64_t words[2];
    _Static_assert(sizeof words == sizeof machine->band_gpu_milli[0], "two words a band");
    for (int band = 0; band < OMEGA_BANDS; band++) {
        memcpy(words, machine->band_gpu_milli[band], sizeof words);
        any |= words[0] | words[1];
    }
    return any == 0;
}

/* What the placements of a machine come to in a band. */
static struct store_use use_in(const struct checker *checker, uint32_t machine, int band)
{
    const struct store_use *uses = checker->uses[band];
    return uses == NULL ? (struct store_use){.placements = 0} : uses[machine];
}

/* Is what is used of a machine's devices in a band the sum of its placements? */
static bool devices_add_up(const struct checker *checker, const struct omega_machine *machine,
                           int band)
{
    static const struct gpu_sums none;
    const int64_t *milli =
        (checker->gpu == NULL ? &none : &checker->gpu[machine->index])->milli[band];
    bool equal = true;
    for (int device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
        equal = equal && machine->band_gpu_milli[band][device] == milli[device];
    }
    return equal;
}

/* Does a band of a machine add up, as far as the store keeps it? */
static bool band_adds_up(const struct checker *checker, const struct omega_machine *machine,
                         int band, bool devices)
{
    const struct store_use use = use_in(checker, machine->index, band);
    return (!checker->banded || (machine->band_cpu_milli[band] == use.cpu_milli &&
                                 machine->band_mem_mib[band] == use.mem_mib)) &&
           (!devices || devices_add_up(checker, machine, band));
}

static void check_bands(const struct checker *checker, const struct omega_machine *machine,
                        bool idle)
{
    const bool devices = checker->gpu != NULL || !idle;
    for (int band = 0; (checker->banded || devices) && band < OMEGA_BANDS; band++) {
        if (!band_adds_up(checker, machine, band, devices)) {
            store_violated(checker->report,
                           "B: machine %u, band %d: what is used is not the sum of its placements",
                           machine->index, band);
        }
    }
}

/* E: has a machine's sequence counted what has happened to it? Of stores that have kept(); the
 * others prove it by themselves. A record tells ends modulo as many as it can. */
static void check_sequence(const struct store *store, const struct omega_machine *machine,
                           uint64_t placements, struct store_report *report)
{
    const uint64_t each = check_seq_of_an_end(store);
    const uint64_t wanted = placements + machine->changes + each * machine->releases;
    if (machine->seq < wanted || (machine->seq - wanted) % (each * OMEGA_RELEASES_MODULUS) != 0) {
        store_violated(report,
                       "E: machine %u has sequence %" PRIu64 ", what happened to it makes %" PRIu64,
                       machine->index, machine->seq, wanted);
    }
}

/* B of a machine, and E. */
static void check_sums(const struct store *store, const struct checker *checker,
                       const struct omega_machine *machine)
{
    struct store_report *report = checker->report;
    int64_t cpu = 0;
    int64_t mem = 0;
    uint64_t placements = 0;
    for (int band = 0; band < (checker->banded ? OMEGA_BANDS : 1); band++) {
        const struct store_use use = use_in(checker, machine->index, band);
        cpu += use.cpu_milli;
        mem += use.mem_mib;
        placements += use.placements;
    }
    check_bands(checker, machine, check_devices_are_idle(machine));
    if (machine->cpu_used_milli != cpu || machine->mem_used_mib != mem) {
        store_violated(report,
                       "B: machine %u uses %d milli-cores and %d MiB, its placements %" PRId64
                       " and %" PRId64 "%s",
                       machine->index, machine->cpu_used_milli, machine->mem_used_mib, cpu, mem,
                       checker->view.live == NULL ? "" : ": a module has written to its view");
    }
    if (machine->state == OMEGA_MACHINE_DOWN && placements > 0) {
        store_violated(report, "B: machine %u is down and holds placements", machine->index);
    }
    if (store->ops->kept != NULL) {
        check_sequence(store, machine, placements, report);
    }
}

static bool above_limit(const struct omega_machine *machine, bool idle)
{
    if (machine->cpu_used_milli > machine->cpu_limit_milli ||
        machine->mem_used_mib > machine->mem_limit_mib) {
        return true;
    }
    if (idle) {
        return false;
    }
    for (int device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
        int32_t used = 0;
        for (int band = 0; band < OMEGA_BANDS; band++) {
            used += machine->band_gpu_milli[band][device];
        }
        if (used > (device < machine->gpu_devices ? machine->gpu_limit_milli : 0)) {
            return true;
        }
    }
    return false;
}

/* A: no machine is above its limit, but for those that a preload or a machine event may have put
 * there, which the store marks in the record. */
static void check_limit(struct store_report *report, const struct omega_machine *machine, bool idle)
{
    if (!above_limit(machine, idle)) {
        return;
    }
    if (machine->may_exceed) {
        report->above_limit++;
    } else {
        store_violated(report, "A: machine %u is above its limit", machine->index);
    }
}

void check_tasks(struct store *store, uint64_t of_jobs, struct store_report *report)
{
    struct store_counters c;
    store_counters(store, &c);
    uint64_t sum =
        c.tasks_pending + c.tasks_running + c.tasks_finished + c.tasks_abandoned + c.tasks_failed;
    if (c.tasks_submitted != sum) {
        store_violated(report, "I: %" PRIu64 " tasks submitted, %" PRIu64 " accounted for",
                       c.tasks_submitted, sum);
    }
    if (c.tasks_running != of_jobs) {
        store_violated(report, "I: %" PRIu64 " tasks running, %" PRIu64 " placements of jobs",
                       c.tasks_running, of_jobs);
    }
}

/* A machine, as the store keeps it, or read into *room; *rc says whether it could be. */
static const struct omega_machine *fetch(struct store *store, uint32_t index,
                                         struct omega_machine *room, int *rc, omega_error_t *err)
{
    if (store->ops->kept != NULL) {
        return store->ops->kept(store, index);
    }
    *rc = store->ops->machine(store, index, room, err);
    return room;
}

void check_record(const struct omega_machine *machine, const struct check_view *view,
                  struct store_report *report)
{
    check_limit(report, machine, check_devices_are_idle(machine));
    if (view->live != NULL) {
        store_view_show(view->expected, 0, machine);
        if (!store_view_shows(view->live, machine->index, view->expected)) {
            store_violated(report,
                           "B: machine %u differs from a view: a module has written to its view",
                           machine->index);
        }
    }
}

/* A, B and E of all machines, and whether the view shows them. */
static int check_machines(struct store *store, const struct checker *checker, omega_error_t *err)
{
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < store->machine_count; i++) {
        struct omega_machine room;
        const struct omega_machine *machine = fetch(store, i, &room, &rc, err);
        if (rc == OMEGA_OK) {
            check_sums(store, checker, machine);
            check_record(machine, &checker->view, checker->report);
        }
    }
    return rc;
}

/* A, B, E and I of what the store shows, machine by machine: tells what is wrong. */
static int check_closely(struct store *store, struct checker *checker, omega_error_t *err)
{
    int rc = store->ops->placements_in_runs == NULL
                 ? store_placements(store, add_placement, checker, err)
                 : store->ops->placements_in_runs(store, add_placement, add_run, checker, err);
    if (checker->no_memory) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "no memory to check %u machines",
                             store->machine_count);
    }
    if (rc == OMEGA_OK) {
        rc = check_machines(store, checker, err);
    }
    if (rc == OMEGA_OK) {
        check_tasks(store, checker->of_jobs, checker->report);
    }
    for (int band = 0; band < OMEGA_BANDS; band++) {
        large_free(checker->uses[band]);
    }
    large_free(checker->gpu);
    return rc;
}

/* All there is to prove of one version, and what the backend proves of itself. */
static int check(struct store *store, const struct check_view *view, struct store_report *report,
                 omega_error_t *err)
{
    int rc = store->ops->hold == NULL ? OMEGA_OK : store->ops->hold(store, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    *report = (struct store_report){.machines = store->machine_count};
    if (!check_glance(store, view, report)) {
        struct checker checker = {
            .report = report,
            .banded = store->ops->kept == NULL,
            .view = *view,
            .machine_count = store->machine_count,
        };
        *report = (struct store_report){.machines = store->machine_count};
        rc = check_closely(store, &checker, err);
    }
    if (rc == OMEGA_OK && store->ops->check != NULL) {
        rc = store->ops->check(store, report, err);
    }
    if (store->ops->let_go != NULL) {
        store->ops->let_go(store);
    }
    return rc;
}

int store_check(struct store *store, struct store_report *report, omega_error_t *err)
{
    const struct check_view none = {NULL, NULL};
    return check(store, &none, report, err);
}

int store_check_view(struct store *store, const struct store_view *view,
                     struct store_report *report, omega_error_t *err)
{
    assert(view->mode == STORE_VIEW_LIVE);
    struct store_view expected = {.mode = STORE_VIEW_PRIVATE}; /* of one machine after the other */
    if (store_view_allocate(&expected, 1, view->free_gpu_milli != NULL) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to check a view");
    }
    const struct check_view shown = {view, &expected};
    int rc = check(store, &shown, report, err);
    store_view_free_arrays(&expected);
    return rc;
}
