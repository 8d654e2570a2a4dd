/* SPDX-License-Identifier: MIT */
/* store_check() proves a sound memory store at a glance: nothing that it finds machine by machine
 * passes there, and it says the same. */
#include <stdio.h>
#include <string.h>

#include "cellstate/check.h"
#include "core/base/random.h"
#include "tests/unit/cellstate/plain_fixture.h"

enum {
    MACHINES = 5000,
    JOBS = 40,
    ABSENT = 250, /* these machines start down, */
    ABSENT_END = 260,
    FULL = 190,     /* this one is above its limit, by a preload, where there is one, */
    RECORDED = 200, /* this one has had an event, */
    LARGE = 120,    /* these, up to the next, are larger */
    LARGE_END = 180,
};

static const struct omega_request request = {.cpu_milli = 100, .mem_mib = 50};
static struct catalogue *catalogue;
static struct omega_machine_spec specs[MACHINES];
static struct store *store;
static struct store_view *view;
static omega_error_t err;

/* ---- a cell ---- */

/* An event of a machine; how many tasks it loses. */
static uint32_t happen(uint32_t machine, uint8_t kind)
{
    const struct omega_machine_event event = {.machine = machine, .kind = kind};
    const struct store_release_result *lost = NULL;
    uint32_t count = 0;
    uint64_t version = 0;
    ck_assert_int_eq(
        store_machine_event(store, &event, STORE_LOST_FAIL, &lost, &count, &version, &err),
        OMEGA_OK);
    return count;
}

/* Ends all of a job, or, of every third one, some. */
static void release(uint64_t job, const struct omega_result *result)
{
    struct store_release_result released[PLAIN_TASKS_MAX];
    uint32_t ended = 0;
    uint64_t version = 0;
    const uint32_t count = job % 3 == 0 ? result->accepted / 2 : result->accepted;
    const uint64_t first = omega_placement_id(result->version, job % 3 == 0 ? 1 : 0);
    ck_assert_int_eq(
        store_release_run(store, first, count, STORE_FINISHED, released, &ended, &version, &err),
        OMEGA_OK);
    ck_assert_uint_eq(ended, count);
}

/* Jobs anywhere but on machines that are down; of every other one something ends. */
static void place_jobs(uint64_t seed)
{
    struct omega_random random;
    omega_random_init(&random, seed, "machines", 0);
    for (uint64_t job = 1; job <= JOBS; job++) {
        uint32_t machines[PLAIN_TASKS_MAX];
        const uint32_t tasks = 1 + omega_random_below(&random, 40);
        for (uint32_t t = 0; t < tasks; t++) {
            const uint32_t machine = omega_random_below(&random, MACHINES - (ABSENT_END - ABSENT));
            machines[t] = machine < ABSENT ? machine : machine + ABSENT_END - ABSENT;
        }
        plain_submit(store, job, tasks, request);
        const struct omega_result result = plain_commit(store, job, tasks, machines, 1);
        ck_assert_uint_gt(result.accepted, 0);
        if (job % 2 == 0 && result.accepted > 2) {
            release(job, &result);
        }
    }
}

static void open_cell(uint32_t machines, bool raises_seq, uint8_t gpu_devices)
{
    catalogue = catalogue_create();
    for (uint32_t m = 0; m < MACHINES; m++) {
        const bool large = m >= LARGE && m < LARGE_END;
        specs[m] = (struct omega_machine_spec){
            .name = m + 1,
            .cpu_milli = large ? 8000 : 4000,
            .mem_mib = 4096,
            .gpu_devices = gpu_devices,
            .absent = m >= ABSENT && m < ABSENT_END,
        };
    }
    const struct store_config config = {
        .catalogue = catalogue,
        .machines = specs,
        .machine_count = machines,
        .overcommit = {1500, 1000, 1000},
        .release_raises_seq = raises_seq,
    };
    ck_assert_int_eq(store_open_memory(&config, &store, &err), OMEGA_OK);
    ck_assert_int_eq(store_view_open(store, STORE_VIEW_LIVE, &view, &err), OMEGA_OK);
}

static void begin(void)
{
    open_cell(MACHINES, false, 0);
    happen(RECORDED, OMEGA_EVENT_DRAIN);
    happen(RECORDED, OMEGA_EVENT_UNDRAIN);
}

static void end(void)
{
    store_view_close(store, view);
    store_close(store);
    catalogue_destroy(catalogue);
}

/* ---- all ways ---- */

static struct store_report check(struct store *checked)
{
    struct store_report report;
    memset(&report, 0, sizeof report);
    ck_assert_int_eq(store_check_view(checked, view, &report, &err), OMEGA_OK);
    return report;
}

static void ck_assert_same(const struct store_report *report, const struct store_report *expected)
{
    ck_assert_str_eq(report->first, expected->first);
    ck_assert_uint_eq(report->violations, expected->violations);
    ck_assert_uint_eq(report->placements, expected->placements);
    ck_assert_uint_eq(report->machines, expected->machines);
    ck_assert_uint_eq(report->above_limit, expected->above_limit);
}

/* Machine by machine, whatever a glance would say, of placements in runs or one by one. */
static struct store_report check_closely(struct store *checked)
{
    const struct store_ops *ops = checked->ops;
    struct store_ops closely = *ops;
    closely.untouched = NULL;
    checked->ops = &closely;
    const struct store_report report = check(checked);
    closely.placements_in_runs = NULL;
    const struct store_report one_by_one = check(checked);
    checked->ops = ops;
    ck_assert_same(&one_by_one, &report);
    return report;
}

/* Does a glance prove it, with a live view or without? */
static bool glance_with(struct store *checked, const struct store_view *live,
                        struct store_report *report)
{
    struct store_view expected = {.mode = STORE_VIEW_PRIVATE};
    const struct check_view shown = {live, &expected};
    *report = (struct store_report){.machines = checked->machine_count};
    ck_assert_int_eq(store_view_allocate(&expected, 1, view->free_gpu_milli != NULL), OMEGA_OK);
    const bool proven = check_glance(checked, &shown, report);
    store_view_free_arrays(&expected);
    return proven;
}

static bool glance(struct store *checked, struct store_report *report)
{
    return glance_with(checked, view, report);
}

/* What is found machine by machine: the usual way says the same, and a glance proves what is sound,
 * unless something runs on devices. */
static struct store_report check_all_ways(struct store *checked)
{
    const struct store_report found = check_closely(checked);
    const struct store_report usual = check(checked);
    struct store_report glanced;
    const bool proven = glance(checked, &glanced);
    ck_assert_same(&usual, &found);
    ck_assert_int_eq(proven, found.violations == 0);
    if (proven) {
        ck_assert_same(&glanced, &found);
    }
    return found;
}

static void preload(struct store_placement placement)
{
    uint64_t version = 0;
    ck_assert_int_eq(store_preload(store, &placement, 1, &version, &err), OMEGA_OK);
}

/* A machine that the initial state puts above its limit. */
static void preload_full(void)
{
    preload((struct store_placement){.machine = FULL, .request = {7000, 10, 0, 0, 0}});
}

/* Without a view there is nothing to compare, but the cell is as sound. */
static void check_without_view(void)
{
    struct store_report report;
    struct store_report usual;
    ck_assert(glance_with(store, NULL, &report));
    ck_assert_int_eq(store_check(store, &usual, &err), OMEGA_OK);
    ck_assert_same(&usual, &report);
}

/* Machines go with what runs there, and some return. */
static void lose_machines(void)
{
    uint32_t lost = 0;
    for (uint32_t m = 0; m < LARGE_END; m++) {
        lost += happen(m, OMEGA_EVENT_REMOVE);
        if (m % 2 == 0) {
            happen(m, OMEGA_EVENT_ADD);
        }
    }
    ck_assert_uint_gt(lost, 0);
}

/* With ends that raise sequences or not, with GPUs or none. */
START_TEST(a_sound_cell_is_sound)
{
    const bool gpu = _i % 4 >= 2;
    end();
    open_cell(MACHINES, _i % 2 == 1, gpu ? 2 : 0);
    struct store_report report = check_all_ways(store);
    ck_assert_msg(report.violations == 0, "%s", report.first);
    preload_full();
    place_jobs((uint64_t)_i);
    report = check_all_ways(store);
    ck_assert_msg(report.violations == 0, "%s", report.first);
    ck_assert_uint_gt(report.placements, JOBS);
    ck_assert_uint_eq(report.machines, MACHINES);
    ck_assert_uint_eq(report.above_limit, 1);
    check_without_view();
    lose_machines();
    report = check_all_ways(store);
    ck_assert_msg(report.violations == 0, "%s", report.first);
    check_without_view();
    if (gpu) {
        preload((struct store_placement){
            .machine = 1000, .request = {100, 10, 500, 1, 0}, .devices = 1});
        report = check(store);
        ck_assert_msg(report.violations == 0, "%s", report.first);
        ck_assert(!glance(store, &report));
    }
}
END_TEST

/* What a machine of a large cell would say if so much more were taken of it is found. */
static void find_fault(uint32_t machine, int32_t cpu_milli, int32_t mem_mib, uint32_t seq)
{
    struct store_report report;
    struct omega_entry *entry = &view->entry[machine];
    const struct omega_entry was = *entry;
    entry->room.cpu_milli -= cpu_milli;
    entry->room.mem_mib -= mem_mib;
    entry->stamp += seq;
    ck_assert_msg(!glance(store, &report), "machine %u", machine);
    ck_assert_uint_gt(check(store).violations, 0);
    *entry = was;
    ck_assert(glance(store, &report));
}

START_TEST(one_fault_is_found)
{
    enum {
        MANY = 600000
    };
    struct omega_machine_spec *many = calloc(MANY, sizeof *many);
    struct omega_random random;
    ck_assert_ptr_nonnull(many);
    for (uint32_t m = 0; m < MANY; m++) {
        many[m] = (struct omega_machine_spec){.name = m + 1, .cpu_milli = 8000, .mem_mib = 32768};
    }
    end();
    catalogue = catalogue_create();
    const struct store_config config = {.catalogue = catalogue,
                                        .machines = many,
                                        .machine_count = MANY,
                                        .overcommit = {1000, 1000, 1000}};
    ck_assert_int_eq(store_open_memory(&config, &store, &err), OMEGA_OK);
    ck_assert_int_eq(store_view_open(store, STORE_VIEW_LIVE, &view, &err), OMEGA_OK);
    /* this one passes where weights may be even, in one sum for all three */
    find_fault(561427, 5044, 23365, 1765);
    omega_random_init(&random, 17, "faults", 0);
    for (int i = 0; i < 20; i++) {
        find_fault(omega_random_below(&random, MANY), (int32_t)omega_random_below(&random, 8001),
                   (int32_t)omega_random_below(&random, 32769), omega_random_below(&random, 10));
    }
    end();
    free(many);
    begin();
}
END_TEST

START_TEST(small_cells_are_sound)
{
    static const uint32_t machines[] = {0, 1, 63, 64, 65};
    end();
    open_cell(machines[_i], false, 0);
    const struct store_report report = check_all_ways(store);
    ck_assert_msg(report.violations == 0, "%s", report.first);
    ck_assert_uint_eq(report.machines, machines[_i]);
}
END_TEST

/* All machines at a time: each is told once. */
START_TEST(all_are_found)
{
    place_jobs(11);
    for (uint32_t m = 0; m < MACHINES; m++) {
        view->entry[m].limit.mem_mib++;
    }
    ck_assert_uint_ge(check_all_ways(store).violations, MACHINES);
    for (uint32_t m = 0; m < MACHINES; m++) {
        view->entry[m].limit.mem_mib--;
    }
}
END_TEST

/* What is too much on one machine does not make up for what is missing on another, nor CPU for
 * memory, nor a sequence for either. */
START_TEST(faults_do_not_make_up_for_each_other)
{
    struct omega_random random;
    omega_random_init(&random, (uint64_t)_i, "faults", 0);
    place_jobs(13);
    for (int i = 0; i < 200; i++) {
        struct store_report report;
        struct omega_entry *one = &view->entry[omega_random_below(&random, MACHINES)];
        struct omega_entry *other =
            i % 2 == 0 ? one : &view->entry[omega_random_below(&random, MACHINES)];
        const struct omega_entry was[2] = {*one, *other};
        const int32_t by = 1 << omega_random_below(&random, 8);
        one->room.cpu_milli -= _i == 0 || _i == 2 ? by : 0;
        one->room.mem_mib -= _i == 1 || _i == 3 ? by : 0;
        other->room.cpu_milli += _i == 0 || _i == 3 ? by : 0;
        other->room.mem_mib += _i == 1 || _i == 2 ? by : 0;
        one->stamp += _i == 4 ? omega_stamp((uint64_t)by, 0) : 0;
        other->stamp -= _i == 4 ? omega_stamp((uint64_t)by, 0) : 0;
        one->stamp += _i == 5 ? omega_stamp(0, 1) : 0;
        ck_assert_int_eq(glance(store, &report), memcmp(&was[0], one, sizeof *one) == 0 &&
                                                     memcmp(&was[1], other, sizeof *other) == 0);
        *other = was[1];
        *one = was[0];
        ck_assert(glance(store, &report));
    }
}
END_TEST

/* Machines that are too small for what runs there. */
START_TEST(too_much_is_found)
{
    plain_submit(store, 1, 1, request);
    ck_assert_uint_eq(plain_commit(store, 1, 1, &(uint32_t){7}, 1).accepted, 1);
    for (uint32_t m = 0; m < LARGE; m++) {
        view->entry[m].room.cpu_milli += 75 - view->entry[m].limit.cpu_milli;
        view->entry[m].limit.cpu_milli = 75;
        specs[m].cpu_milli = 50;
    }
    ck_assert_int_eq(view->entry[7].room.cpu_milli, 75 - request.cpu_milli);
    const struct store_report report = check_all_ways(store);
    ck_assert_uint_gt(report.violations, 0);
}
END_TEST

/* Which machines are untouched, and what they were made as. */
START_TEST(untouched_ones_are_those)
{
    static const struct {
        uint32_t first;
        uint32_t count;
    } runs[] = {
        {0, LARGE},
        {LARGE - 1, 1},
        {LARGE, LARGE_END - LARGE},
        {LARGE_END, RECORDED - LARGE_END},
        {RECORDED, 0},
        {RECORDED + 1, ABSENT - RECORDED - 1},
        {ABSENT, 0},
        {ABSENT_END - 1, 0},
        {ABSENT_END, MACHINES - ABSENT_END},
        {MACHINES - 1, 1},
    };
    place_jobs(7); /* which touches none */
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        struct omega_machine made;
        const uint32_t count = store->ops->untouched(store, runs[i].first, MACHINES, &made);
        ck_assert_msg(count == runs[i].count, "from %u on %u, not %u", runs[i].first, count,
                      runs[i].count);
        if (count > 0) {
            ck_assert_int_eq(made.cpu_limit_milli, runs[i].first == LARGE ? 12000 : 6000);
            ck_assert_int_eq(made.mem_limit_mib, 4096);
        }
    }
}
END_TEST

/* What a module writes to any machine's entry is found, and nothing else then. */
START_TEST(writing_is_found)
{
    static const uint32_t machines[] = {
        0, 1, 63, 64, LARGE - 1, LARGE, ABSENT, RECORDED, RECORDED + 1, 4095, 4096, MACHINES - 1};
    if (_i == 1) { /* of a cell with GPUs, which are idle */
        end();
        open_cell(MACHINES, false, 2);
        happen(RECORDED, OMEGA_EVENT_DRAIN);
        happen(RECORDED, OMEGA_EVENT_UNDRAIN);
    }
    place_jobs(3);
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        struct omega_entry *entry = &view->entry[machines[i]];
        int32_t *const fields[] = {&entry->room.cpu_milli, &entry->room.mem_mib,
                                   &entry->limit.cpu_milli, &entry->limit.mem_mib};
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
            const int32_t was = *fields[f];
            for (int32_t by = -1; by <= 1; by += 2) {
                char name[32];
                *fields[f] = was + by;
                const struct store_report report = check_all_ways(store);
                snprintf(name, sizeof name, "machine %u ", machines[i]);
                ck_assert_msg(strstr(report.first, name) != NULL, "%sfield %zu: '%s'", name, f,
                              report.first);
                *fields[f] = was;
            }
        }
        const uint64_t stamp = entry->stamp;
        entry->stamp++;
        ck_assert_uint_gt(check_all_ways(store).violations, 0);
        entry->stamp = stamp;
        const struct store_report report = check_all_ways(store);
        ck_assert_msg(report.violations == 0, "%s", report.first);
    }
}
END_TEST

/* ---- lies about runs ---- */

enum lie {
    TRUTH,
    FIRST_BEYOND,
    MACHINE_BEYOND,
    LAST_BEYOND,
    BAND_BEYOND,
    TOLD_TWICE,
    LARGER,
    HUGE,
    ELSEWHERE,
    ON_ABSENT,
    OUT_OF_ORDER,
    OVERLAPPING,
    WITH_DEVICES,
    ON_DOWN,
    DEVICES_IN_USE,
    MORE_RUNNING,
    MORE_SUBMITTED,
    LIES
};

/* The letter of the invariant that each breaks. */
static const char letters[LIES] = {
    [FIRST_BEYOND] = 'B', [LAST_BEYOND] = 'B',    [MACHINE_BEYOND] = 'B', [BAND_BEYOND] = 'B',
    [TOLD_TWICE] = 'E',   [LARGER] = 'B',         [HUGE] = 'A',           [ELSEWHERE] = 'B',
    [ON_ABSENT] = 'B',    [OUT_OF_ORDER] = 'E',   [OVERLAPPING] = 'E',    [WITH_DEVICES] = 'B',
    [ON_DOWN] = 'B',      [DEVICES_IN_USE] = 'B', [MORE_RUNNING] = 'I',   [MORE_SUBMITTED] = 'I'};

struct liar {
    struct store store; /* first, as every store begins */
    enum lie lie;
    struct omega_machine told; /* of RECORDED, by ON_DOWN and DEVICES_IN_USE */
};

struct relay {
    const struct liar *liar;
    int (*each)(void *context, const struct store_placement *placement);
    int (*run)(void *context, const struct store_placement *first, const uint32_t *machines,
               uint32_t count); /* NULL: one by one */
    void *context;
    uint32_t told;
    uint64_t last_id; /* of the last run */
};

static int pass_on(const struct relay *relay, const struct store_placement *first,
                   const uint32_t *machines, uint32_t count)
{
    if (relay->run != NULL) {
        return relay->run(relay->context, first, machines, count);
    }
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        struct store_placement placement = *first;
        placement.id += i;
        placement.machine = machines[i];
        rc = relay->each(relay->context, &placement);
    }
    return rc;
}

/* Lies about the third run. */
static int relay_run(void *context, const struct store_placement *first, const uint32_t *machines,
                     uint32_t count)
{
    struct relay *relay = context;
    struct store_placement told = *first;
    uint32_t on[PLAIN_TASKS_MAX];
    const enum lie lie = ++relay->told == 3 ? relay->liar->lie : TRUTH;
    memcpy(on, machines, count * sizeof *on);
    switch (lie) {
    case FIRST_BEYOND:
        on[0] = UINT32_MAX;
        break;
    case LAST_BEYOND:
        on[count - 1] = MACHINES;
        break;
    case MACHINE_BEYOND:
        on[count / 2] = MACHINES;
        break;
    case BAND_BEYOND:
        told.band = OMEGA_BANDS;
        break;
    case LARGER:
        told.request.mem_mib++;
        break;
    case HUGE:
        told.request.cpu_milli = INT32_MAX;
        on[count - 1] = on[0];
        break;
    case ELSEWHERE:
        on[0] = on[0] == 0 ? 1 : 0;
        break;
    case ON_ABSENT:
        on[0] = ABSENT;
        break;
    case OUT_OF_ORDER:
        told.id = 1;
        break;
    case OVERLAPPING:
        told.id = relay->last_id;
        break;
    case WITH_DEVICES:
        told.devices = 1;
        told.request.gpu_milli = 1000;
        break;
    default:
        break;
    }
    relay->last_id = first->id + count - 1;
    int rc = pass_on(relay, &told, on, count);
    return rc == 0 && lie == TOLD_TWICE ? pass_on(relay, &told, on, count) : rc;
}

static int relay_placement(void *context, const struct store_placement *placement)
{
    const struct relay *relay = context;
    return relay->each(relay->context, placement);
}

static int liar_placements_in_runs(struct store *liar,
                                   int (*each)(void *context,
                                               const struct store_placement *placement),
                                   int (*run)(void *context, const struct store_placement *first,
                                              const uint32_t *machines, uint32_t count),
                                   void *context, omega_error_t *error)
{
    struct relay relay = {(const struct liar *)(const void *)liar, each, run, context, 0, 0};
    return store->ops->placements_in_runs(store, relay_placement, relay_run, &relay, error);
}

static int liar_placements(struct store *liar,
                           int (*each)(void *context, const struct store_placement *placement),
                           void *context, omega_error_t *error)
{
    return liar_placements_in_runs(liar, each, NULL, context, error);
}

static const struct omega_machine *liar_kept(struct store *base, uint32_t index)
{
    const struct liar *liar = (const struct liar *)(const void *)base;
    const bool told = liar->lie == ON_DOWN || liar->lie == DEVICES_IN_USE;
    return told && index == RECORDED ? &liar->told : store->ops->kept(store, index);
}

static uint32_t liar_untouched(struct store *liar, uint32_t first, uint32_t end,
                               struct omega_machine *made)
{
    (void)liar;
    return store->ops->untouched(store, first, end, made);
}

static void liar_counters(struct store *liar, struct store_counters *out)
{
    store_counters(store, out);
    out->tasks_running += ((const struct liar *)(const void *)liar)->lie == MORE_RUNNING;
    out->tasks_submitted += ((const struct liar *)(const void *)liar)->lie == MORE_SUBMITTED;
}

static const struct store_ops liar_ops = {
    .name = "liar",
    .kept = liar_kept,
    .untouched = liar_untouched,
    .placements = liar_placements,
    .placements_in_runs = liar_placements_in_runs,
    .counters = liar_counters,
};

START_TEST(lies_about_runs_are_found)
{
    struct liar liar = {.store = {.ops = &liar_ops, .machine_count = MACHINES}};
    place_jobs(5);
    plain_submit(store, JOBS + 1, 1, request);
    ck_assert_uint_eq(plain_commit(store, JOBS + 1, 1, &(uint32_t){RECORDED}, 1).accepted, 1);
    const struct omega_machine recorded = *store->ops->kept(store, RECORDED);
    for (int lie = TRUTH; lie < LIES; lie++) {
        const struct omega_entry was = view->entry[RECORDED];
        liar.lie = (enum lie)lie;
        liar.told = recorded;
        if (lie == ON_DOWN) {
            liar.told.state = OMEGA_MACHINE_DOWN;
            store_view_show(view, RECORDED, &liar.told);
        } else if (lie == DEVICES_IN_USE) {
            liar.told.band_gpu_milli[0][0] = 1;
        }
        const struct store_report report = check_all_ways(&liar.store);
        struct store_report unseen;
        ck_assert_int_eq(glance_with(&liar.store, NULL, &unseen), lie == TRUTH);
        view->entry[RECORDED] = was;
        if (lie == TRUTH) {
            ck_assert_msg(report.violations == 0, "%s", report.first);
            ck_assert_uint_gt(report.placements, JOBS);
            continue;
        }
        ck_assert_msg(report.first[0] == letters[lie], "lie %d: '%s'", lie, report.first);
    }
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *tcase = tcase_create("memory_check");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_loop_test(tcase, a_sound_cell_is_sound, 0, 8);
    tcase_add_loop_test(tcase, small_cells_are_sound, 0, 5);
    tcase_add_test(tcase, one_fault_is_found);
    tcase_add_test(tcase, all_are_found);
    tcase_add_test(tcase, too_much_is_found);
    tcase_add_loop_test(tcase, faults_do_not_make_up_for_each_other, 0, 6);
    tcase_add_test(tcase, untouched_ones_are_those);
    tcase_add_loop_test(tcase, writing_is_found, 0, 2);
    tcase_add_test(tcase, lies_about_runs_are_found);
    suite_add_tcase(suite, tcase);
}

CHECK_MAIN("cellstate/memory_check", add_cases)
