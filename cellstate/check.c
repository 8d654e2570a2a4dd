/* SPDX-License-Identifier: MIT */
/*
 * Proves invariants A, B and I of a store from what it shows: its machines, its placements and its
 * counters, and whatever else its backend can prove. It adds placements up by itself and shares
 * nothing with the rules. A live view is compared with what the records show, machine by machine.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cellstate/store_view.h"
#include "core/base/large.h"

/* What the placements of one machine come to in a band. */
struct sums {
    int32_t cpu_milli;
    int32_t mem_mib;
    uint32_t placements;
};

/* The same of its devices, in all bands. */
struct gpu_sums {
    int64_t milli[OMEGA_BANDS][OMEGA_GPU_DEVICES_MAX];
};

struct checker {
    struct store_report *report;
    struct sums *sums[OMEGA_BANDS]; /* per machine; NULL: no placement is in the band so far */
    struct gpu_sums *gpu;           /* NULL: no placement has devices so far */
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

/* Adds a placement to what its machine has in its band. */
static void add_use(struct checker *checker, const struct store_placement *placement)
{
    struct sums **band = &checker->sums[placement->band];
    if (*band == NULL) {
        *band = large_calloc(checker->machine_count, sizeof **band);
    }
    if (*band == NULL) {
        checker->no_memory = true;
        return;
    }
    struct sums *sums = &(*band)[placement->machine];
    sums->placements++;
    bool cpu =
        __builtin_add_overflow(sums->cpu_milli, placement->request.cpu_milli, &sums->cpu_milli);
    bool mem = __builtin_add_overflow(sums->mem_mib, placement->request.mem_mib, &sums->mem_mib);
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
    add_use(checker, placement);
    if (placement->devices != 0) {
        add_devices(checker, placement);
    }
    return checker->no_memory;
}

/* True if nothing is used of a machine's devices: there is nothing to add up, as in most cells. */
static bool devices_are_idle(const struct omega_machine *machine)
{
    static const int16_t none[OMEGA_BANDS][OMEGA_GPU_DEVICES_MAX];
    return memcmp(machine->band_gpu_milli, none, sizeof none) == 0;
}

/* Is what is used of a machine's devices in a band the sum of its placements? */
static bool devices_add_up(const struct checker *checker, const struct omega_machine *machine,
                           int band)
{
    static const int16_t none[OMEGA_GPU_DEVICES_MAX];
    if (checker->gpu == NULL) {
        return memcmp(machine->band_gpu_milli[band], none, sizeof none) == 0;
    }
    const int64_t *milli = checker->gpu[machine->index].milli[band];
    bool equal = true;
    for (int device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
        equal = equal && machine->band_gpu_milli[band][device] == milli[device];
    }
    return equal;
}

static void check_sums(const struct checker *checker, const struct omega_machine *machine)
{
    struct store_report *report = checker->report;
    int64_t cpu = 0;
    int64_t mem = 0;
    uint64_t placements = 0;
    for (int band = 0; band < OMEGA_BANDS; band++) {
        static const struct sums none;
        const struct sums *sums =
            checker->sums[band] == NULL ? &none : &checker->sums[band][machine->index];
        cpu += sums->cpu_milli;
        mem += sums->mem_mib;
        placements += sums->placements;
        bool equal = machine->band_cpu_milli[band] == sums->cpu_milli &&
                     machine->band_mem_mib[band] == sums->mem_mib &&
                     devices_add_up(checker, machine, band);
        if (!equal) {
            store_violated(report,
                           "B: machine %u, band %d: what is used is not the sum of its placements",
                           machine->index, band);
        }
    }
    if (machine->cpu_used_milli != cpu || machine->mem_used_mib != mem) {
        store_violated(report,
                       "B: machine %u uses %d milli-cores and %d MiB, its placements %" PRId64
                       " and %" PRId64,
                       machine->index, machine->cpu_used_milli, machine->mem_used_mib, cpu, mem);
    }
    if (machine->state == OMEGA_MACHINE_DOWN && placements > 0) {
        store_violated(report, "B: machine %u is down and holds placements", machine->index);
    }
}

static bool above_limit(const struct omega_machine *machine)
{
    if (machine->cpu_used_milli > machine->cpu_limit_milli ||
        machine->mem_used_mib > machine->mem_limit_mib) {
        return true;
    }
    for (int device = 0; !devices_are_idle(machine) && device < OMEGA_GPU_DEVICES_MAX; device++) {
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
static void check_limit(struct store_report *report, const struct omega_machine *machine)
{
    if (!above_limit(machine)) {
        return;
    }
    if (machine->may_exceed) {
        report->above_limit++;
    } else {
        store_violated(report, "A: machine %u is above its limit", machine->index);
    }
}

static void check_tasks(struct store *store, const struct checker *checker)
{
    struct store_counters c;
    store_counters(store, &c);
    uint64_t sum =
        c.tasks_pending + c.tasks_running + c.tasks_finished + c.tasks_abandoned + c.tasks_failed;
    if (c.tasks_submitted != sum) {
        store_violated(checker->report, "I: %" PRIu64 " tasks submitted, %" PRIu64 " accounted for",
                       c.tasks_submitted, sum);
    }
    if (c.tasks_running != checker->of_jobs) {
        store_violated(checker->report,
                       "I: %" PRIu64 " tasks running, %" PRIu64 " placements of jobs",
                       c.tasks_running, checker->of_jobs);
    }
}

/* A, B and I of what the store shows. */
static int check_shown(struct store *store, struct store_report *report, omega_error_t *err)
{
    *report = (struct store_report){.machines = store->machine_count};
    struct checker checker = {.report = report, .machine_count = store->machine_count};
    int rc = store_placements(store, add_placement, &checker, err);
    if (checker.no_memory) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "no memory to check %u machines",
                             store->machine_count);
    }
    for (uint32_t i = 0; rc == OMEGA_OK && i < store->machine_count; i++) {
        struct omega_machine machine;
        rc = store_machine(store, i, &machine, err);
        if (rc == OMEGA_OK) {
            check_sums(&checker, &machine);
            check_limit(report, &machine);
        }
    }
    if (rc == OMEGA_OK) {
        check_tasks(store, &checker);
    }
    for (int band = 0; band < OMEGA_BANDS; band++) {
        large_free(checker.sums[band]);
    }
    large_free(checker.gpu);
    return rc;
}

int store_check(struct store *store, struct store_report *report, omega_error_t *err)
{
    int rc = store->ops->hold == NULL ? OMEGA_OK : store->ops->hold(store, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = check_shown(store, report, err);
    if (rc == OMEGA_OK && store->ops->check != NULL) {
        rc = store->ops->check(store, report, err);
    }
    if (store->ops->let_go != NULL) {
        store->ops->let_go(store);
    }
    return rc;
}

int store_check_view(struct store *store, const struct store_view *view,
                     struct store_report *report, omega_error_t *err)
{
    if (view->mode != STORE_VIEW_LIVE) {
        return OMEGA_OK;
    }
    struct store_view expected = {.mode = STORE_VIEW_PRIVATE}; /* of one machine after the other */
    if (store_view_allocate(&expected, 1, view->free_gpu_milli != NULL) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to check a view");
    }
    int rc = OMEGA_OK;
    bool same = true;
    for (uint32_t i = 0; rc == OMEGA_OK && i < store->machine_count; i++) {
        struct omega_machine machine;
        rc = store_machine(store, i, &machine, err);
        if (rc == OMEGA_OK) {
            store_view_show(&expected, 0, &machine);
            same = same && store_view_shows(view, i, &expected);
        }
    }
    if (rc == OMEGA_OK && !same) {
        store_violated(report,
                       "B: a view differs from the machines: a module has written to its view");
    }
    store_view_free_arrays(&expected);
    return rc;
}
