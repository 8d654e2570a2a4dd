/* SPDX-License-Identifier: MIT */
/* Comparing a store with the second model, field by field. */
#include "tests/model/history.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn void history_fail(const struct history *h, const char *condition, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    ck_abort_msg("%s, OMEGA_SEED=%ju, step %u, %s: %s; %s", h->factory->name, (uintmax_t)h->seed,
                 h->step, h->doing, condition, text);
    abort();
}

/* One figure of a machine: a long long beside a long long. */
static void same(const struct history *h, uint32_t machine, const char *what, int64_t got,
                 int64_t want)
{
    EXPECT(h, got == want, "machine %u: %s is %jd, the model says %jd", machine, what,
           (intmax_t)got, (intmax_t)want);
}

static void compare_use(const struct history *h, uint32_t m, const struct omega_machine *got,
                        const struct model_figures *want)
{
    same(h, m, "CPU used", got->cpu_used_milli, want->cpu_used);
    same(h, m, "memory used", got->mem_used_mib, want->mem_used);
    for (uint32_t b = 0; b < OMEGA_BANDS; b++) {
        same(h, m, "CPU of a band", got->band_cpu_milli[b], want->band_cpu[b]);
        same(h, m, "memory of a band", got->band_mem_mib[b], want->band_mem[b]);
        for (uint32_t d = 0; d < OMEGA_GPU_DEVICES_MAX; d++) {
            same(h, m, "GPU of a band", got->band_gpu_milli[b][d], want->band_gpu[b][d]);
        }
    }
}

static void compare_machine(const struct history *h, uint32_t m)
{
    struct omega_machine got;
    struct model_figures want;
    omega_error_t err = {0};
    EXPECT(h, store_machine(h->store, m, &got, &err) == 0, "machine %u: %s", m, err.text);
    model_figures(h->model, m, &want);
    same(h, m, "index", got.index, m);
    same(h, m, "state", got.state, (int64_t)want.state);
    same(h, m, "seq", (int64_t)got.seq, (int64_t)want.seq);
    same(h, m, "releases", got.releases, want.releases);
    compare_use(h, m, &got, &want);
    for (int i = 0; i < 2; i++) {
        same(h, m, "placed_by", got.placed_by[i], want.placed_by[i]);
        if (want.placed_by[i] != OMEGA_INSTANCE_NONE) { /* without an instance it says nothing */
            same(h, m, "placed_version", (int64_t)got.placed_version[i],
                 (int64_t)want.placed_version[i]);
        }
    }
    if (want.state == OMEGA_MACHINE_DOWN) {
        return;
    }
    const struct model_machine *machine = &h->model->machines[m];
    same(h, m, "may_exceed", got.may_exceed, want.above_limit);
    same(h, m, "CPU limit", got.cpu_limit_milli, want.cpu_limit);
    same(h, m, "memory limit", got.mem_limit_mib, want.mem_limit);
    same(h, m, "CPU capacity", got.cpu_capacity_milli, machine->cpu_milli);
    same(h, m, "memory capacity", got.mem_capacity_mib, machine->mem_mib);
    same(h, m, "GPU devices", got.gpu_devices, want.gpu_devices);
    if (want.gpu_devices > 0) {
        same(h, m, "GPU limit", got.gpu_limit_milli, want.gpu_limit);
    }
}

static void compare_view_gpu(const struct history *h, const struct omega_view *view, uint32_t m,
                             const struct model_figures *want)
{
    uint32_t whole = 0;
    int64_t largest = 0;
    for (uint32_t d = 0; d < OMEGA_GPU_DEVICES_MAX; d++) {
        int64_t got = view->free_gpu_milli[(size_t)m * OMEGA_GPU_DEVICES_MAX + d];
        int64_t room = (d < want->gpu_devices ? want->gpu_limit : 0) - want->gpu_used[d];
        EXPECT(h, got == room || (d >= want->gpu_devices && got <= 0 && room <= 0),
               "machine %u: device %u shows %jd free, the model %jd", m, d, (intmax_t)got,
               (intmax_t)room);
        whole += room >= OMEGA_GPU_DEVICE_MILLI;
        largest = room > largest ? room : largest;
    }
    same(h, m, "gpu_whole", view->gpu_whole[m], whole);
    same(h, m, "gpu_largest", view->gpu_largest[m] > 0 ? view->gpu_largest[m] : 0, largest);
}

static void compare_view_machine(const struct history *h, const struct store_view *view, uint32_t m,
                                 const struct model_figures *want)
{
    const struct omega_view *shown = &view->shown;
    same(h, m, "seq shown", (int64_t)omega_seq(shown->entry[m].stamp), (int64_t)want->seq);
    same(h, m, "releases shown", omega_releases(shown->entry[m].stamp), want->releases);
    same(h, m, "platform shown", shown->platform[m], h->specs[m].platform);
    same(h, m, "domain shown", shown->domain[m], h->specs[m].domain);
    if (want->state != OMEGA_MACHINE_DOWN) {
        same(h, m, "CPU limit shown", shown->entry[m].limit.cpu_milli, want->cpu_limit);
        same(h, m, "memory limit shown", shown->entry[m].limit.mem_mib, want->mem_limit);
    }
    if (want->state != OMEGA_MACHINE_UP || want->above_limit) {
        EXPECT(h, shown->entry[m].room.cpu_milli < 0 && shown->entry[m].room.mem_mib < 0,
               "machine %u takes nothing, but shows room", m);
        return;
    }
    same(h, m, "free CPU shown", shown->entry[m].room.cpu_milli, want->cpu_limit - want->cpu_used);
    same(h, m, "free memory shown", shown->entry[m].room.mem_mib, want->mem_limit - want->mem_used);
    if (h->gpus) {
        compare_view_gpu(h, shown, m, want);
    }
}

void history_compare_view(const struct history *h, const struct history_instance *instance)
{
    const struct store_view *view = instance->view;
    EXPECT(h, view->shown.machine_count == h->machine_count, "view of %u machines",
           view->shown.machine_count);
    EXPECT(h, (view->shown.free_gpu_milli != NULL) == h->gpus, "GPU arrays, or none, in the view");
    for (uint32_t m = 0; m < h->machine_count; m++) {
        struct model_figures now;
        if (instance->live) {
            model_figures(h->model, m, &now);
        } else {
            same(h, m, "synced", (int64_t)store_view_synced(view, m), (int64_t)instance->synced[m]);
        }
        compare_view_machine(h, view, m, instance->live ? &now : &instance->shown[m]);
    }
}

/* A view opened now is the model's newest state. */
static void compare_fresh_view(struct history *h)
{
    struct history_instance fresh = {.id = 0};
    omega_error_t err = {0};
    int rc = store_view_open(h->store, STORE_VIEW_PRIVATE, &fresh.view, &err);
    EXPECT(h, rc == 0, "%s", err.text);
    for (uint32_t m = 0; m < h->machine_count; m++) {
        model_figures(h->model, m, &fresh.shown[m]);
        fresh.synced[m] = h->model->version;
    }
    history_compare_view(h, &fresh);
    store_view_close(h->store, fresh.view);
}

struct walk {
    const struct history *history;
    size_t at;
};

static int compare_placement(void *context, const struct store_placement *got)
{
    struct walk *walk = context;
    const struct history *h = walk->history;
    EXPECT(h, walk->at < h->model->running_count, "placement %ju runs, not in the model",
           (uintmax_t)got->id);
    const struct store_placement *want = &h->model->running[walk->at++];
    EXPECT(h, got->id == want->id, "placement %ju comes where the model has %ju",
           (uintmax_t)got->id, (uintmax_t)want->id);
    EXPECT(h,
           got->job == want->job && got->task == want->task && got->machine == want->machine &&
               got->instance == want->instance && got->devices == want->devices &&
               got->band == want->band && got->request.cpu_milli == want->request.cpu_milli &&
               got->request.mem_mib == want->request.mem_mib &&
               got->request.gpu_milli == want->request.gpu_milli &&
               got->request.gpu_devices == want->request.gpu_devices,
           "placement %ju: job %ju task %u machine %u", (uintmax_t)got->id, (uintmax_t)got->job,
           got->task, got->machine);
    return 0;
}

static void compare_counters(const struct history *h)
{
    struct store_counters got;
    struct store_counters want;
    store_counters(h->store, &got);
    model_counters(h->model, &want);
    const uint64_t pairs[][2] = {
        {got.version, want.version},
        {got.tasks_submitted, want.tasks_submitted},
        {got.tasks_pending, want.tasks_pending},
        {got.tasks_running, want.tasks_running},
        {got.tasks_finished, want.tasks_finished},
        {got.tasks_abandoned, want.tasks_abandoned},
        {got.tasks_failed, want.tasks_failed},
        {got.losses, want.losses},
        {got.jobs, want.jobs},
    };
    static const char *const names[] = {"version",   "submitted", "pending", "running", "finished",
                                        "abandoned", "failed",    "losses",  "jobs"};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        EXPECT(h, pairs[i][0] == pairs[i][1], "counter %s is %ju, the model says %ju", names[i],
               (uintmax_t)pairs[i][0], (uintmax_t)pairs[i][1]);
    }
}

static void compare_totals(const struct history *h)
{
    struct store_totals got;
    struct store_totals want;
    store_totals(h->store, &got);
    model_totals(h->model, &want);
    const int64_t pairs[][2] = {
        {got.cpu_used_milli, want.cpu_used_milli},
        {got.mem_used_mib, want.mem_used_mib},
        {got.gpu_used_milli, want.gpu_used_milli},
        {got.cpu_capacity_milli, want.cpu_capacity_milli},
        {got.mem_capacity_mib, want.mem_capacity_mib},
        {got.gpu_capacity_milli, want.gpu_capacity_milli},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        EXPECT(h, pairs[i][0] == pairs[i][1], "total %zu is %jd, the model says %jd", i,
               (intmax_t)pairs[i][0], (intmax_t)pairs[i][1]);
    }
}

static void compare_check(const struct history *h)
{
    struct store_report report = {0};
    omega_error_t err = {0};
    uint64_t above = 0;
    for (uint32_t m = 0; m < h->machine_count; m++) {
        struct model_figures figures;
        model_figures(h->model, m, &figures);
        above += figures.above_limit ? 1 : 0;
    }
    EXPECT(h, store_check(h->store, &report, &err) == 0, "%s", err.text);
    EXPECT(h, report.violations == 0, "%ju violations, first: %s", (uintmax_t)report.violations,
           report.first);
    EXPECT(h,
           report.machines == h->machine_count && report.above_limit == above &&
               report.placements == h->model->running_count,
           "report: %ju machines, %ju placements, %ju above limit (model: %ju)",
           (uintmax_t)report.machines, (uintmax_t)report.placements, (uintmax_t)report.above_limit,
           (uintmax_t)above);
}

void history_compare(struct history *h)
{
    omega_error_t err = {0};
    struct walk walk = {.history = h};
    for (uint32_t m = 0; m < h->machine_count; m++) {
        compare_machine(h, m);
    }
    EXPECT(h, store_placements(h->store, compare_placement, &walk, &err) == 0, "%s", err.text);
    EXPECT(h, walk.at == h->model->running_count, "%zu placements, the model has %zu", walk.at,
           h->model->running_count);
    compare_counters(h);
    compare_totals(h);
    compare_check(h);
    compare_fresh_view(h);
}

void history_compare_results(const struct history *h, const struct omega_transaction *txn,
                             const struct omega_claim_result *got,
                             const struct omega_claim_result *want)
{
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        EXPECT(h, got[i].outcome == want[i].outcome,
               "claim %u (machine %u, detection %u, granularity %u) is %s, the model says %s", i,
               txn->claims[i].machine, txn->detection, txn->granularity,
               omega_outcome_name(got[i].outcome), omega_outcome_name(want[i].outcome));
        if (got[i].outcome == OMEGA_ACCEPTED) {
            EXPECT(h, got[i].placement == want[i].placement, "claim %u: placement %jx, not %jx", i,
                   (uintmax_t)got[i].placement, (uintmax_t)want[i].placement);
        } else if (got[i].outcome != OMEGA_ABORTED) {
            EXPECT(
                h, got[i].rival == want[i].rival && got[i].rival_version == want[i].rival_version,
                "claim %u (%s): rival %u at %ju, the model says %u at %ju", i,
                omega_outcome_name(got[i].outcome), got[i].rival, (uintmax_t)got[i].rival_version,
                want[i].rival, (uintmax_t)want[i].rival_version);
            EXPECT(h, got[i].other_refuses == want[i].other_refuses,
                   "claim %u (%s, detection %u): other_refuses %u", i,
                   omega_outcome_name(got[i].outcome), txn->detection, got[i].other_refuses);
        }
    }
}

void history_compare_releases(const struct history *h, const struct store_release_result *got,
                              const struct store_release_result *want, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        EXPECT(h, got[i].placement == want[i].placement && got[i].released == want[i].released,
               "release %zu of %jx: released is %u, the model says %u", i,
               (uintmax_t)want[i].placement, got[i].released, want[i].released);
        EXPECT(h,
               want[i].released == 0 ||
                   (got[i].job == want[i].job && got[i].task == want[i].task &&
                    got[i].machine == want[i].machine && got[i].devices == want[i].devices &&
                    got[i].instance == want[i].instance),
               "release %zu of %jx: job %ju task %u machine %u", i, (uintmax_t)got[i].placement,
               (uintmax_t)got[i].job, got[i].task, got[i].machine);
    }
}
