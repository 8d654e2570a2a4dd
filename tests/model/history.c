/* SPDX-License-Identifier: MIT */
/* The steps of a random history: setting up a cell, jobs, releases, machine events. */
#include "tests/model/history.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define RELEASES_MAX 5u
#define PRELOADS_MAX 4u

static const int32_t precedences[] = {0, 100, 116, 120, 360};

/* An amount that makes machines fill up exactly as well as nearly: often a multiple of 250. */
static int32_t amount(struct history *h, uint32_t max)
{
    uint32_t units = history_below(h, max / 250 + 1) * 250;
    return (int32_t)(history_chance(h, 75) ? units : history_below(h, max + 1));
}

static void random_spec(struct history *h, uint32_t m)
{
    h->specs[m] = (struct omega_machine_spec){
        .name = m + 1,
        .platform = history_below(h, 3),
        .domain = history_below(h, 4),
        .cpu_milli = 1000 + amount(h, 5000),
        .mem_mib = 1000 + amount(h, 5000),
        .absent = history_chance(h, 10),
    };
    if (h->gpus && history_chance(h, 70)) {
        h->specs[m].gpu_devices = (uint8_t)history_below(h, OMEGA_GPU_DEVICES_MAX + 1);
    }
}

static struct omega_request random_request(struct history *h)
{
    struct omega_request request = {.cpu_milli = amount(h, 1500), .mem_mib = amount(h, 1500)};
    if (h->gpus && history_chance(h, 50)) {
        bool share = history_chance(h, 60);
        request.gpu_devices = share ? 1 : (uint8_t)(1 + history_below(h, 3));
        int16_t some = (int16_t)(history_chance(h, 60) ? 250 * (1 + history_below(h, 3))
                                                       : 1 + history_below(h, 999));
        request.gpu_milli = share ? some : OMEGA_GPU_DEVICE_MILLI;
    }
    return request;
}

static void preload(struct history *h)
{
    h->doing = "preload";
    struct store_placement mine[PRELOADS_MAX] = {{0}};
    struct store_placement theirs[PRELOADS_MAX];
    uint32_t count = history_below(h, PRELOADS_MAX + 1);
    uint8_t band = (uint8_t)history_below(h, OMEGA_BANDS);
    omega_error_t err = {0};
    for (uint32_t i = 0; i < count; i++) {
        mine[i].machine = history_below(h, h->machine_count);
        mine[i].request = (struct omega_request){.cpu_milli = amount(h, 3000)};
        mine[i].request.mem_mib = amount(h, 3000);
        mine[i].band = band;
        if (h->specs[mine[i].machine].gpu_devices > 0) {
            mine[i].request.gpu_devices = 1;
            mine[i].request.gpu_milli = 700;
            mine[i].devices = 1;
        }
    }
    memcpy(theirs, mine, sizeof(theirs));
    uint64_t got_version = 0;
    uint64_t want_version = 0;
    int want = model_preload(h->model, mine, count, &want_version);
    int rc = store_preload(h->store, theirs, count, &got_version, &err);
    EXPECT(h, rc == want, "store says %d '%s', model %d", rc, err.text, want);
    EXPECT(h, got_version == want_version, "version %ju", (uintmax_t)got_version);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        EXPECT(h, mine[i].id == theirs[i].id && theirs[i].instance == OMEGA_INSTANCE_NONE,
               "preloaded %jx, not %jx", (uintmax_t)theirs[i].id, (uintmax_t)mine[i].id);
    }
    history_compare(h);
}

static void open_cell(struct history *h)
{
    h->doing = "open";
    struct omega_overcommit overcommit = {1000, 1000, 1000};
    if (history_chance(h, 50)) {
        overcommit.cpu_permille = 800 + (int32_t)history_below(h, 800);
        overcommit.mem_permille = 800 + (int32_t)history_below(h, 800);
        overcommit.gpu_permille = 1000 + 250 * (int32_t)history_below(h, 5);
    }
    h->gpus = history_chance(h, 60);
    h->machine_count = 2 + history_below(h, HISTORY_MACHINES_MAX - 1);
    bool any_gpu = false;
    for (uint32_t m = 0; m < h->machine_count; m++) {
        random_spec(h, m);
        any_gpu = any_gpu || h->specs[m].gpu_devices > 0;
    }
    h->gpus = any_gpu;
    h->catalogue = catalogue_create();
    ck_assert_ptr_nonnull(h->catalogue);
    omega_error_t err = {0};
    ck_assert_int_eq(
        catalogue_constraints(h->catalogue, "different_machines", &h->different_machines, &err), 0);
    struct store_config config = {.catalogue = h->catalogue, .machines = h->specs};
    config.machine_count = h->machine_count;
    config.overcommit = overcommit;
    config.release_raises_seq = history_chance(h, 30);
    h->model = model_create(&config);
    EXPECT(h, h->factory->open(&config, &h->store, &err) == 0, "%s", err.text);
}

static void open_views(struct history *h)
{
    static const uint32_t refresh[HISTORY_INSTANCES] = {100, 70, 30, 10, 3};
    for (uint32_t i = 0; i < HISTORY_INSTANCES; i++) {
        struct history_instance *instance = &h->instances[i];
        omega_error_t err = {0};
        instance->id = (uint16_t)(i % 3 == 2 ? 60000 + i : i * 7); /* few bits hold the others */
        instance->live = i == 0 && h->factory->live_views;
        instance->refresh_percent = refresh[i];
        enum store_view_mode mode = instance->live ? STORE_VIEW_LIVE : STORE_VIEW_PRIVATE;
        int rc = store_view_open(h->store, mode, &instance->view, &err);
        EXPECT(h, rc == 0, "%s", err.text);
        for (uint32_t m = 0; m < h->machine_count; m++) {
            model_figures(h->model, m, &instance->shown[m]);
            instance->synced[m] = h->model->version;
        }
    }
}

static void submit_both(struct history *h, const struct omega_job *job)
{
    omega_error_t err = {0};
    int want = model_submit(h->model, job);
    int rc = store_submit(h->store, job, &err);
    EXPECT(h, rc == want, "job %ju: store says %d '%s', model %d", (uintmax_t)job->id, rc, err.text,
           want);
}

/* How many tasks more than usual a group has: none, mostly. */
static uint32_t draw_more(struct history *h)
{
    if (!h->large_jobs || omega_random_below(&h->sizes, 12) != 0) {
        return 0;
    }
    return HISTORY_LARGE + omega_random_below(&h->sizes, 3000);
}

static void submit(struct history *h)
{
    h->doing = "submit";
    struct history_job *made = &h->kept[(h->jobs + 1) % HISTORY_JOBS_KEPT];
    memset(made, 0, sizeof(*made));
    struct omega_job *job = &made->job;
    job->id = ++h->jobs;
    job->precedence = precedences[history_below(h, 5)];
    job->group_count = 1 + history_below(h, HISTORY_GROUPS_MAX);
    job->groups = made->groups;
    bool elastic = history_chance(h, 20);
    for (uint32_t g = 0; g < job->group_count; g++) {
        struct omega_task_group *group = &made->groups[g];
        group->first_task = job->slots;
        group->optional = elastic ? history_below(h, 4) : 0;
        group->count = history_below(h, 7);
        if (g == 0 || group->optional == 0) {
            group->count++;
        }
        *(elastic ? &group->optional : &group->count) += draw_more(h);
        group->constraints = history_chance(h, 25) ? h->different_machines : 0;
        group->request = random_request(h);
        group->duration_us = 1000000;
        job->tasks += group->count;
        job->slots += group->count + group->optional;
    }
    submit_both(h, job);
    if (history_chance(h, 10)) { /* again: in the table, so refused */
        submit_both(h, job);
    }
    if (history_chance(h, 5)) {
        struct omega_job nameless = *job;
        nameless.id = 0;
        submit_both(h, &nameless);
    }
}

static void remember_ended(struct history *h, uint64_t placement)
{
    h->ended[h->ended_count++ % HISTORY_ENDED_KEPT] = placement;
}

/* A placement that runs, mostly; else one that ended, or never was. */
static uint64_t random_placement(struct history *h)
{
    if (h->model->running_count > 0 && history_chance(h, 85)) {
        return h->model->running[history_below(h, (uint32_t)h->model->running_count)].id;
    }
    uint32_t kept = h->ended_count < HISTORY_ENDED_KEPT ? h->ended_count : HISTORY_ENDED_KEPT;
    if (kept > 0 && history_chance(h, 70)) {
        return h->ended[history_below(h, kept)];
    }
    return omega_placement_id(history_below(h, (uint32_t)h->model->version + 3),
                              history_below(h, 4));
}

/* Ends placements that lie one behind the other, where the store has a call for that. */
static void release_run(struct history *h, uint64_t first, uint32_t count)
{
    uint64_t placements[RELEASES_MAX];
    struct store_release_result want[RELEASES_MAX];
    uint64_t got_version = 0;
    uint64_t want_version = 0;
    uint32_t got_ended = 0;
    uint32_t want_ended = 0;
    omega_error_t err = {0};
    for (uint32_t i = 0; i < count; i++) {
        placements[i] = first + i;
    }
    (void)model_release(h->model, placements, count, STORE_FINISHED, want, &want_version);
    for (uint32_t i = 0; i < count; i++) {
        want_ended += want[i].released;
        remember_ended(h, placements[i]);
    }
    struct store_release_result got[RELEASES_MAX];
    bool each = h->step % 2 == 0;
    int rc = store_release_run(h->store, first, count, STORE_FINISHED, each ? got : NULL,
                               &got_ended, &got_version, &err);
    EXPECT(h, rc == 0, "%s", err.text);
    if (each) {
        history_compare_releases(h, got, want, count);
    }
    EXPECT(h, got_version == want_version && got_ended == want_ended,
           "version %ju, %u ended, the model says %ju, %u", (uintmax_t)got_version, got_ended,
           (uintmax_t)want_version, want_ended);
}

static void release(struct history *h)
{
    h->doing = "release";
    uint64_t placements[RELEASES_MAX];
    struct store_release_result got[RELEASES_MAX];
    struct store_release_result want[RELEASES_MAX];
    uint64_t got_version = 0;
    uint64_t want_version = 0;
    omega_error_t err = {0};
    uint32_t count = 1 + history_below(h, RELEASES_MAX);
    enum store_release_reason reason = history_chance(h, 80) ? STORE_FINISHED : STORE_FAILED;
    if (h->step % 3 == 0 && store_releases_runs(h->store)) {
        release_run(h, random_placement(h), count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        placements[i] = random_placement(h);
    }
    (void)model_release(h->model, placements, count, reason, want, &want_version);
    int rc = store_release(h->store, placements, count, reason, got, &got_version, &err);
    EXPECT(h, rc == 0, "%s", err.text);
    EXPECT(h, got_version == want_version, "version %ju, the model says %ju",
           (uintmax_t)got_version, (uintmax_t)want_version);
    history_compare_releases(h, got, want, count);
    for (uint32_t i = 0; i < count; i++) {
        remember_ended(h, placements[i]);
    }
}

/* An event that brings back what is down or draining more often than it takes away; now and then
 * one that makes no sense. */
static struct omega_machine_event random_event(struct history *h)
{
    static const uint8_t to_up[] = {OMEGA_EVENT_DRAIN, OMEGA_EVENT_REMOVE, OMEGA_EVENT_CAPACITY,
                                    OMEGA_EVENT_CAPACITY};
    struct omega_machine_event event = {.time_us = h->step};
    event.machine = history_below(h, h->machine_count + (history_chance(h, 3) ? 1 : 0));
    event.kind = (uint8_t)history_below(h, OMEGA_EVENT_CAPACITY + 2);
    if (event.machine < h->machine_count && history_chance(h, 80)) {
        switch (h->model->machines[event.machine].state) {
        case OMEGA_MACHINE_DOWN:
            event.kind = OMEGA_EVENT_ADD;
            break;
        case OMEGA_MACHINE_DRAINING:
            event.kind = history_chance(h, 60) ? OMEGA_EVENT_UNDRAIN : OMEGA_EVENT_REMOVE;
            break;
        default:
            event.kind = to_up[history_below(h, sizeof(to_up))];
            break;
        }
    }
    if (event.kind == OMEGA_EVENT_CAPACITY) {
        event.cpu_milli = 500 + amount(h, 6000);
        event.mem_mib = 500 + amount(h, 6000);
        event.gpu_devices = (uint8_t)history_below(h, OMEGA_GPU_DEVICES_MAX + 1);
    } else if (event.kind == OMEGA_EVENT_ADD && history_chance(h, 50)) {
        event.cpu_milli = amount(h, 6000);
        event.mem_mib = amount(h, 6000);
    }
    return event;
}

static void machine_event(struct history *h)
{
    h->doing = "machine event";
    struct omega_machine_event event = random_event(h);
    enum store_loss_policy policy = history_chance(h, 70) ? STORE_LOST_RETURN : STORE_LOST_FAIL;
    const struct store_release_result *lost = NULL;
    uint32_t lost_count = 0;
    uint64_t got_version = 0;
    uint64_t want_version = 0;
    omega_error_t err = {0};
    int want = model_machine_event(h->model, &event, policy, &want_version);
    int rc = store_machine_event(h->store, &event, policy, &lost, &lost_count, &got_version, &err);
    EXPECT(h, rc == want, "kind %u: store says %d '%s', model %d", event.kind, rc, err.text, want);
    if (rc != 0) {
        history_compare(h);
        return;
    }
    EXPECT(h, got_version == want_version && lost_count == h->model->lost_count,
           "version %ju with %u lost, the model says %ju with %zu", (uintmax_t)got_version,
           lost_count, (uintmax_t)want_version, h->model->lost_count);
    history_compare_releases(h, lost, h->model->lost, lost_count);
    for (uint32_t i = 0; i < lost_count; i++) {
        remember_ended(h, lost[i].placement);
    }
}

static void abandon(struct history *h)
{
    h->doing = "abandon";
    uint32_t got = 0;
    uint32_t want = 0;
    uint64_t version = 0;
    omega_error_t err = {0};
    uint64_t newest = h->jobs < HISTORY_JOBS_KEPT ? h->jobs : HISTORY_JOBS_KEPT;
    uint64_t job = h->jobs + 1 - history_below(h, (uint32_t)newest + 1);
    int want_rc = model_abandon(h->model, job, &want);
    int rc = store_abandon(h->store, job, &got, &version, &err);
    EXPECT(h, rc == want_rc && (rc != 0 || (got == want && version == h->model->version)),
           "job %ju: store says %d '%s' %u tasks, model %d %u", (uintmax_t)job, rc, err.text, got,
           want_rc, want);
}

static void step(struct history *h)
{
    struct history_instance *instance = &h->instances[history_below(h, HISTORY_INSTANCES)];
    uint32_t dice = history_below(h, 100);
    if (dice < 12 || h->jobs == 0) {
        submit(h);
    } else if (dice < 76) {
        if (instance->planned) {
            history_commit(h, instance);
        } else {
            history_plan(h, instance);
        }
    } else if (dice < 88) {
        release(h);
    } else if (dice < 93) {
        machine_event(h);
    } else if (dice < 95) {
        abandon(h);
    } else {
        h->doing = "compare";
        history_refresh(h, instance);
        history_compare_view(h, instance);
        history_compare(h);
    }
}

static void close_all(struct history *h)
{
    for (uint32_t i = 0; i < HISTORY_INSTANCES; i++) {
        store_view_close(h->store, h->instances[i].view);
    }
    store_view_close(h->store, NULL);
    store_close(h->store);
    store_close(NULL);
    model_destroy(h->model);
    catalogue_destroy(h->catalogue);
}

void history_run(uint64_t seed, uint32_t steps, const struct store_factory *factory,
                 uint64_t outcomes[OMEGA_OUTCOMES])
{
    struct history *h = calloc(1, sizeof(*h));
    ck_assert_ptr_nonnull(h);
    h->seed = seed;
    h->factory = factory;
    omega_random_init(&h->random, seed, "history", 0);
    omega_random_init(&h->sizes, seed, "history sizes", 0);
    h->large_jobs = omega_random_below(&h->sizes, 4) == 0;
    open_cell(h);
    for (uint32_t i = history_below(h, 4); i > 0; i--) {
        preload(h);
    }
    open_views(h);
    history_compare(h);
    for (h->step = 1; h->step <= steps; h->step++) {
        step(h);
    }
    history_compare(h);
    for (uint32_t o = 0; o < OMEGA_OUTCOMES; o++) {
        outcomes[o] += h->outcomes[o];
    }
    close_all(h);
    free(h);
}
