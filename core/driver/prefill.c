/* SPDX-License-Identifier: MIT */
/*
 * Pre-fill: one-task placements by random first fit before time 0, or by an instance of a module
 * that lives as long, until the next one would bring the cell's use above its target. A draw that
 * fits no machine is left out; MISSES_MAX of them in a row are an error, since the cell would not
 * be what the experiment says. Streams: "prefill-cpu", "prefill-memory", "prefill-duration" and
 * "prefill-machine".
 */
#include <stdlib.h>

#include "core/driver/driver.h"

#define STREAM (UINT64_C(1) << 32) /* of the module's instance: above those of all schedulers */
#define PROBES 32
#define MISSES_MAX 1000
#define BATCH (1u << 16) /* placements handed to the store at a time */

struct filler {
    const struct run_config *config;
    struct store *store;
    struct metrics *metrics;
    struct store_view *view;
    struct instance *instance; /* NULL: random first fit of our own */
    struct omega_random cpu;
    struct omega_random memory;
    struct omega_random duration;
    struct omega_random machine;
    int64_t cpu_left;
    int64_t mem_left;
    uint32_t misses; /* in a row */
    struct store_placement *batch;
    int64_t *ends;
    uint32_t count;
    struct prefill_end *out;
    uint32_t out_count;
    uint32_t out_room;
};

static int32_t draw(const struct distribution *distribution, struct omega_random *random,
                    int32_t max)
{
    double value = distribution_draw(distribution, random);
    if (value >= max) {
        return max;
    }
    int32_t floor = (int32_t)value;
    int32_t rounded = value > floor ? floor + 1 : floor;
    return rounded < 1 ? 1 : rounded;
}

/* A machine with room: some probes, then a scan from a random start. */
static uint32_t find(struct filler *filler, const struct omega_request *request)
{
    const struct omega_view *view = &filler->view->shown;
    uint32_t n = view->machine_count;
    for (int i = 0; i < PROBES; i++) {
        uint32_t machine = omega_random_below(&filler->machine, n);
        if (omega_view_fits(view, request, machine)) {
            return machine;
        }
    }
    uint32_t start = omega_random_below(&filler->machine, n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t machine = start + i < n ? start + i : start + i - n;
        if (omega_view_fits(view, request, machine)) {
            return machine;
        }
    }
    return UINT32_MAX;
}

/* A machine by the module, which is given a job of one task; UINT32_MAX: it found none. */
static int ask(struct filler *filler, const struct omega_request *request, uint32_t *machine,
               omega_error_t *err)
{
    static const uint32_t task = 0;
    struct omega_task_group group = {.count = 1, .request = *request, .duration_us = OMEGA_NEVER};
    struct omega_job job = {
        .precedence = filler->config->prefill.precedence, .group_count = 1, .groups = &group};
    struct omega_pending_group left = {.required = 1, .tasks = &task};
    struct omega_pending pending = {.job = &job, .groups = &left, .attempt = 1};
    struct instance_job given = {.pending = &pending};
    const struct omega_claim *claims = NULL;
    uint32_t count = 0;
    int rc = omega_job_seal(&job, &group, err);
    if (rc == OMEGA_OK) {
        rc = instance_place(filler->instance, &given, filler->view, &claims, &count, err);
    }
    *machine = rc == OMEGA_OK && count > 0 ? claims[0].machine : UINT32_MAX;
    return rc;
}

static struct omega_claim claim_of(const struct store_placement *placement)
{
    return (struct omega_claim){.machine = placement->machine, .request = placement->request};
}

static int keep_ends(struct filler *filler)
{
    if (filler->out_count + filler->count > filler->out_room) {
        uint32_t room = (filler->out_count + filler->count) * 2;
        struct prefill_end *out = realloc(filler->out, room * sizeof *out);
        if (out == NULL) {
            return OMEGA_ENOMEM;
        }
        filler->out = out;
        filler->out_room = room;
    }
    for (uint32_t i = 0; i < filler->count; i++) {
        if (filler->ends[i] != OMEGA_NEVER) {
            filler->out[filler->out_count++] = (struct prefill_end){
                .time_us = filler->ends[i],
                .placement = filler->batch[i].id,
            };
        }
    }
    return OMEGA_OK;
}

/* Hands the batch to the store; the view then shows as used what was only taken there. */
static int flush(struct filler *filler, omega_error_t *err)
{
    if (filler->count == 0) {
        return OMEGA_OK;
    }
    for (uint32_t i = 0; i < filler->count; i++) {
        struct omega_claim claim = claim_of(&filler->batch[i]);
        store_view_give(filler->view, &claim);
    }
    uint64_t version = 0;
    int rc = store_preload(filler->store, filler->batch, filler->count, &version, err);
    if (rc == OMEGA_OK && keep_ends(filler) != OMEGA_OK) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "no memory to pre-fill the cell");
    }
    if (rc == OMEGA_OK) {
        metrics_digest_preload(filler->metrics, version, filler->batch, filler->count);
        run_log_preload(filler->config, version, filler->batch, filler->ends, filler->count);
        rc = store_view_refresh(filler->store, filler->view, err);
    }
    filler->count = 0;
    return rc;
}

/* Adds one placement to the batch, or leaves out one that fits nowhere. Returns 1, 0 when the cell
 * is full enough, or a negative error. */
static int add_one(struct filler *filler, omega_error_t *err)
{
    const struct run_prefill *prefill = &filler->config->prefill;
    struct omega_request request = {
        .cpu_milli = draw(prefill->cpu_milli, &filler->cpu, OMEGA_CPU_MILLI_MAX),
        .mem_mib = draw(prefill->mem_mib, &filler->memory, OMEGA_MEM_MIB_MAX),
    };
    if (request.cpu_milli > filler->cpu_left || request.mem_mib > filler->mem_left) {
        return 0;
    }
    uint32_t machine = UINT32_MAX;
    if (filler->instance == NULL) {
        machine = find(filler, &request);
    } else if (ask(filler, &request, &machine, err) != OMEGA_OK) {
        return err->code;
    }
    if (machine == UINT32_MAX) {
        filler->misses++;
        return 1;
    }
    filler->misses = 0;
    int64_t end_us = OMEGA_NEVER;
    if (prefill->duration_s != NULL) {
        double seconds = distribution_draw(prefill->duration_s, &filler->duration);
        end_us =
            seconds * 1e6 < (double)OMEGA_DURATION_MAX ? (int64_t)(seconds * 1e6) + 1 : OMEGA_NEVER;
    }
    filler->cpu_left -= request.cpu_milli;
    filler->mem_left -= request.mem_mib;
    filler->ends[filler->count] = end_us;
    filler->batch[filler->count] = (struct store_placement){
        .machine = machine,
        .request = request,
        .band = (uint8_t)omega_band_of(prefill->precedence),
    };
    struct omega_claim claim = claim_of(&filler->batch[filler->count++]);
    store_view_take(filler->view, &claim);
    return 1;
}

static void aim(struct filler *filler)
{
    struct store_totals totals;
    store_totals(filler->store, &totals);
    const struct run_prefill *prefill = &filler->config->prefill;
    filler->cpu_left = INT64_MAX;
    filler->mem_left = INT64_MAX;
    if (prefill->cpu_utilisation > 0) {
        filler->cpu_left = (int64_t)(prefill->cpu_utilisation * (double)totals.cpu_capacity_milli);
    }
    if (prefill->mem_utilisation > 0) {
        filler->mem_left = (int64_t)(prefill->mem_utilisation * (double)totals.mem_capacity_mib);
    }
}

/* The experiment asks for more than fits. */
static int give_up(const struct filler *filler, omega_error_t *err)
{
    struct store_totals totals;
    store_totals(filler->store, &totals);
    double cpu = totals.cpu_capacity_milli > 0
                     ? (double)totals.cpu_used_milli / (double)totals.cpu_capacity_milli
                     : 0;
    double mem = totals.mem_capacity_mib > 0
                     ? (double)totals.mem_used_mib / (double)totals.mem_capacity_mib
                     : 0;
    return omega_error_set(
        err, OMEGA_EINVAL,
        "the pre-fill stands at %.3f of CPU and %.3f of memory, and %d placements "
        "in a row fit no machine: expected a lower target or smaller placements",
        cpu, mem, MISSES_MAX);
}

static int open_filler(struct filler *filler, omega_error_t *err)
{
    const struct run_config *config = filler->config;
    struct store *store = filler->store;
    struct instance_config instance = {
        .module = config->prefill.module,
        .scheduler = "pre-fill",
        .catalogue = config->cell.catalogue,
        .seed = config->seed,
        .stream = STREAM,
        .compat = config->cell.compat,
        .machine_count = config->cell.machine_count,
    };
    omega_random_init(&filler->cpu, config->seed, "prefill-cpu", 0);
    omega_random_init(&filler->memory, config->seed, "prefill-memory", 0);
    omega_random_init(&filler->duration, config->seed, "prefill-duration", 0);
    omega_random_init(&filler->machine, config->seed, "prefill-machine", 0);
    aim(filler);
    filler->batch = malloc(BATCH * sizeof *filler->batch);
    filler->ends = malloc(BATCH * sizeof *filler->ends);
    if (filler->batch == NULL || filler->ends == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to pre-fill the cell");
    }
    int rc =
        instance.module == NULL ? OMEGA_OK : instance_create(&instance, &filler->instance, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    return store_view_open(store, store->ops->live_views ? STORE_VIEW_LIVE : STORE_VIEW_PRIVATE,
                           &filler->view, err);
}

static void close_filler(struct filler *filler)
{
    instance_destroy(filler->instance);
    store_view_close(filler->store, filler->view);
    free(filler->batch);
    free(filler->ends);
}

/* Places until the cell is full enough. */
static int fill(struct filler *filler, omega_error_t *err)
{
    int more = 1;
    int rc = OMEGA_OK;
    while (rc == OMEGA_OK && (more = add_one(filler, err)) == 1) {
        if (filler->count == BATCH || filler->misses == MISSES_MAX) {
            rc = flush(filler, err);
        }
        if (rc == OMEGA_OK && filler->misses == MISSES_MAX) {
            rc = give_up(filler, err);
        }
    }
    rc = more < 0 ? more : rc;
    return rc == OMEGA_OK ? flush(filler, err) : rc;
}

int prefill_cell(const struct run_config *config, struct store *store, struct metrics *metrics,
                 struct prefill_end **ends, uint32_t *end_count, omega_error_t *err)
{
    omega_error_t own = {0};
    struct filler filler = {.config = config, .store = store, .metrics = metrics};
    *ends = NULL;
    *end_count = 0;
    if ((config->prefill.cpu_utilisation <= 0 && config->prefill.mem_utilisation <= 0) ||
        store->machine_count == 0) {
        return OMEGA_OK;
    }
    err = err == NULL ? &own : err;
    int rc = open_filler(&filler, err);
    rc = rc == OMEGA_OK ? fill(&filler, err) : rc;
    close_filler(&filler);
    if (rc != OMEGA_OK) {
        free(filler.out);
        return rc;
    }
    *ends = filler.out;
    *end_count = filler.out_count;
    return OMEGA_OK;
}
