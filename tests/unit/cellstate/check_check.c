/* SPDX-License-Identifier: MIT */
/*
 * store_check() finds what is wrong: a store that lies in one way at a time about its machines,
 * placements or counters is put in front of a sound one.
 */
#include "tests/unit/cellstate/cell_fixture.h"

enum lie {
    TRUTH,
    LIE_CPU_USED,
    LIE_MEM_USED,
    LIE_BAND_CPU,
    LIE_BAND_MEM,
    LIE_BAND_GPU,
    LIE_OTHER_BAND,
    LIE_PLACEMENT_GONE,
    LIE_PLACEMENT_LARGER,
    LIE_PLACEMENT_MOVED,
    LIE_ABOVE_LIMIT,
    LIE_DOWN,
    LIE_SUBMITTED,
    LIE_RUNNING,
    LIES,
};

/* The letter of the invariant that each breaks. */
static const char letters[LIES] = {
    [LIE_CPU_USED] = 'B',
    [LIE_MEM_USED] = 'B',
    [LIE_BAND_CPU] = 'B',
    [LIE_BAND_MEM] = 'B',
    [LIE_BAND_GPU] = 'B',
    [LIE_OTHER_BAND] = 'B',
    [LIE_PLACEMENT_GONE] = 'B',
    [LIE_PLACEMENT_LARGER] = 'B',
    [LIE_PLACEMENT_MOVED] = 'B',
    [LIE_ABOVE_LIMIT] = 'A',
    [LIE_DOWN] = '?',
    [LIE_SUBMITTED] = 'I',
    [LIE_RUNNING] = 'I',
};

struct liar {
    struct store store; /* first, as every store begins */
    struct store *truth;
    enum lie lie;
};

static int liar_machine(struct store *store, uint32_t index, struct omega_machine *out,
                        omega_error_t *err)
{
    const struct liar *liar = (const struct liar *)(const void *)store;
    int rc = store_machine(liar->truth, index, out, err);
    if (rc != 0 || index != 1) {
        return rc;
    }
    switch (liar->lie) {
    case LIE_CPU_USED:
        out->cpu_used_milli++;
        break;
    case LIE_MEM_USED:
        out->mem_used_mib--;
        break;
    case LIE_BAND_CPU:
        out->band_cpu_milli[OMEGA_BAND_PRODUCTION]--;
        break;
    case LIE_BAND_MEM:
        out->band_mem_mib[OMEGA_BAND_PRODUCTION]++;
        break;
    case LIE_BAND_GPU:
        out->band_gpu_milli[OMEGA_BAND_PRODUCTION][1]++;
        break;
    case LIE_OTHER_BAND:
        out->band_cpu_milli[OMEGA_BAND_MID] = out->band_cpu_milli[OMEGA_BAND_PRODUCTION];
        out->band_cpu_milli[OMEGA_BAND_PRODUCTION] = 0;
        break;
    case LIE_ABOVE_LIMIT:
        out->cpu_limit_milli = out->cpu_used_milli - 1;
        break;
    case LIE_DOWN:
        out->state = OMEGA_MACHINE_DOWN;
        break;
    default:
        break;
    }
    return 0;
}

struct relay {
    const struct liar *liar;
    int (*each)(void *context, const struct store_placement *placement);
    void *context;
    uint32_t seen;
};

static int relay_placement(void *context, const struct store_placement *placement)
{
    struct relay *relay = context;
    struct store_placement told = *placement;
    if (relay->seen++ == 0) {
        switch (relay->liar->lie) {
        case LIE_PLACEMENT_GONE:
            return 0;
        case LIE_PLACEMENT_LARGER:
            told.request.cpu_milli++;
            break;
        case LIE_PLACEMENT_MOVED:
            told.machine = 2;
            break;
        default:
            break;
        }
    }
    return relay->each(relay->context, &told);
}

static int liar_placements(struct store *store,
                           int (*each)(void *context, const struct store_placement *placement),
                           void *context, omega_error_t *err)
{
    const struct liar *liar = (const struct liar *)(const void *)store;
    struct relay relay = {.liar = liar, .each = each, .context = context};
    return store_placements(liar->truth, relay_placement, &relay, err);
}

static void liar_counters(struct store *store, struct store_counters *out)
{
    const struct liar *liar = (const struct liar *)(const void *)store;
    store_counters(liar->truth, out);
    out->tasks_submitted += liar->lie == LIE_SUBMITTED;
    /* a sum that is right, of which one part is not */
    out->tasks_running += liar->lie == LIE_RUNNING;
    out->tasks_pending -= liar->lie == LIE_RUNNING;
}

static void liar_totals(struct store *store, struct store_totals *out)
{
    const struct liar *liar = (const struct liar *)(const void *)store;
    store_totals(liar->truth, out);
}

static const struct omega_machine *liar_kept(struct store *store, uint32_t index)
{
    static struct omega_machine machine;
    ck_assert_int_eq(liar_machine(store, index, &machine, NULL), 0);
    return &machine;
}

static const struct store_ops liar_ops = {
    .name = "liar",
    .machine = liar_machine,
    .placements = liar_placements,
    .counters = liar_counters,
    .totals = liar_totals,
};

/* A lie about what a store without CPU and memory by band does not keep. */
static bool is_about_bands(enum lie lie)
{
    return lie == LIE_BAND_CPU || lie == LIE_BAND_MEM || lie == LIE_OTHER_BAND;
}

static void open_liar(struct cell *cell, int factory, struct liar *liar)
{
    cell_open(cell, factory);
    struct omega_request request = {1000, 512, 250, 1, 0};
    cell_submit_groups(cell, 1, 1, 3, 0, request, "");
    cell_begin(cell, 1, 1);
    for (uint32_t t = 0; t < 2; t++) {
        struct omega_claim *claim = cell_claim(cell, t, 1, 1000);
        claim->request = request;
        claim->devices = 2;
    }
    cell_commit(cell);
    CELL_OUTCOMES(cell, OMEGA_ACCEPTED, OMEGA_ACCEPTED);
    *liar = (struct liar){.truth = cell->store};
    liar->store = (struct store){
        .ops = &liar_ops,
        .catalogue = cell->catalogue,
        .machine_count = CELL_MACHINES,
    };
}

/* Tells every lie, of a store that keeps CPU and memory by band or one that does not. */
static void find_lies(int factory, bool banded)
{
    struct cell cell;
    struct liar liar;
    struct store_ops ops = liar_ops;
    ops.kept = banded ? NULL : liar_kept;
    open_liar(&cell, factory, &liar);
    liar.store.ops = &ops;
    for (int lie = TRUTH; lie < LIES; lie++) {
        struct store_report report = {0};
        liar.lie = (enum lie)lie;
        int rc = store_check(&liar.store, &report, &cell.err);
        ck_assert_msg(rc == 0, "%s", cell.err.text);
        ck_assert_uint_eq(report.machines, CELL_MACHINES);
        if (lie == TRUTH || (!banded && is_about_bands(liar.lie))) {
            ck_assert_uint_eq(report.violations, 0);
            ck_assert_uint_eq(report.placements, 2);
            ck_assert_uint_eq(report.above_limit, 0);
            ck_assert_str_eq(report.first, "");
            continue;
        }
        ck_assert_msg(report.violations > 0, "lie %d was believed", lie);
        ck_assert_msg(letters[lie] == '?' || strchr(report.first, letters[lie]) != NULL,
                      "lie %d: '%s' does not name %c", lie, report.first, letters[lie]);
    }
    cell_close(&cell);
}

START_TEST(finds_every_lie)
{
    find_lies(_i, true);
    find_lies(_i, false);
}
END_TEST

/* Above its limit by an event: allowed, listed apart. */
START_TEST(above_limit_is_no_violation)
{
    struct cell cell;
    struct liar liar;
    struct store_report report = {0};
    struct omega_machine_event shrink = {.machine = 1,
                                         .kind = OMEGA_EVENT_CAPACITY,
                                         .cpu_milli = 1999,
                                         .mem_mib = 4096,
                                         .gpu_devices = 2};
    const struct store_release_result *lost = NULL;
    uint32_t count = 0;
    uint64_t version = 0;
    open_liar(&cell, _i, &liar);
    ck_assert_int_eq(store_machine_event(cell.store, &shrink, STORE_LOST_RETURN, &lost, &count,
                                         &version, &cell.err),
                     0);
    ck_assert_int_eq(store_check(cell.store, &report, &cell.err), 0);
    ck_assert_uint_eq(report.violations, 0);
    ck_assert_uint_eq(report.above_limit, 1);
    ck_assert(cell_release(&cell, cell.t.results[0].placement));
    ck_assert_int_eq(store_check(cell.store, &report, &cell.err), 0);
    ck_assert_uint_eq(report.above_limit, 0);
    ck_assert_uint_eq(report.violations, 0);
    cell_close(&cell);
}
END_TEST

/* A module that writes to a live view is found, whichever array it was. */
START_TEST(written_view_is_found)
{
    struct cell cell;
    struct store_view *view = NULL;
    struct store_report report;
    cell_open(&cell, _i);
    if (cell.store->ops->live_views) {
        ck_assert_int_eq(store_view_open(cell.store, STORE_VIEW_LIVE, &view, &cell.err), 0);
        void *const arrays[] = {
            &view->entry[1].room.cpu_milli,
            &view->entry[1].room.mem_mib,
            &view->free_gpu_milli[9],
            &view->gpu_whole[1],
            &view->gpu_largest[1],
            &view->entry[1].stamp,
            (uint8_t *)&view->entry[1].stamp + 7,
            &view->entry[1].limit.cpu_milli,
            &view->entry[1].limit.mem_mib,
        };
        for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
            *(uint8_t *)arrays[i] ^= 1;
            ck_assert_int_eq(store_check_view(cell.store, view, &report, &cell.err), 0);
            ck_assert_msg(report.violations > 0, "array %zu was believed", i);
            *(uint8_t *)arrays[i] ^= 1;
            ck_assert_int_eq(store_check_view(cell.store, view, &report, &cell.err), 0);
            ck_assert_msg(report.violations == 0, "%s", report.first);
        }
        store_view_close(cell.store, view);
    }
    cell_close(&cell);
}
END_TEST

static void add_cases(Suite *suite)
{
    cell_case(suite, "finds every lie", finds_every_lie);
    cell_case(suite, "above limit", above_limit_is_no_violation);
    cell_case(suite, "written view", written_view_is_found);
}

CHECK_MAIN("cellstate/check", add_cases)
