/* SPDX-License-Identifier: MIT */
/* Views: what they show, how they move, and that taking claims back restores them exactly. */
#include "tests/unit/cellstate/cell_fixture.h"

static struct store_view *open_view(struct cell *cell, enum store_view_mode mode)
{
    struct store_view *view = NULL;
    int rc = store_view_open(cell->store, mode, &view, &cell->err);
    ck_assert_msg(rc == 0, "%s", cell->err.text);
    ck_assert_ptr_nonnull(view);
    ck_assert_int_eq((int)view->mode, (int)mode);
    return view;
}

START_TEST(shows_the_cell)
{
    struct cell cell;
    cell_describe(&cell);
    cell.config.overcommit = (struct omega_overcommit){1500, 1000, 1200};
    cell_start(&cell, _i);
    cell_put(&cell, 1, 0, 1000, 1);
    cell_event(&cell, 1, OMEGA_EVENT_DRAIN, STORE_LOST_RETURN);
    struct store_view *view = open_view(&cell, STORE_VIEW_PRIVATE);
    const struct omega_view *shown = &view->shown;
    ck_assert_uint_eq(shown->machine_count, CELL_MACHINES);
    ck_assert_uint_eq(shown->version, 2);
    ck_assert_int_eq(shown->entry[0].room.cpu_milli, 5000);
    ck_assert_int_eq(shown->entry[0].room.mem_mib, 4095);
    ck_assert_int_eq(shown->entry[0].limit.cpu_milli, 6000);
    ck_assert_int_eq(shown->entry[0].limit.mem_mib, 4096);
    ck_assert_uint_eq(omega_seq(shown->entry[0].stamp), 1);
    ck_assert_uint_eq(omega_seq(shown->entry[1].stamp), 1);
    ck_assert_uint_eq(omega_seq(shown->entry[2].stamp), 0);
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        ck_assert_uint_eq(shown->platform[m], 10 + m);
        ck_assert_uint_eq(shown->domain[m], 20 + m);
        ck_assert_uint_eq(omega_releases(shown->entry[m].stamp), 0);
        ck_assert_uint_eq(store_view_synced(view, m), 2);
    }
    ck_assert_int_eq(shown->free_gpu_milli[2 * OMEGA_GPU_DEVICES_MAX + 1], 1200);
    ck_assert_int_le(shown->free_gpu_milli[2 * OMEGA_GPU_DEVICES_MAX + 2], 0);
    ck_assert_uint_eq(shown->gpu_whole[2], 2);
    ck_assert_int_eq(shown->gpu_largest[2], 1200);
    /* draining and down: no request fits, not even an empty one */
    struct omega_request nothing = {0};
    ck_assert(omega_view_fits(shown, &nothing, 0));
    ck_assert(!omega_view_fits(shown, &nothing, 1));
    ck_assert(!omega_view_fits(shown, &nothing, 3));
    store_view_close(cell.store, view);
    store_view_close(cell.store, NULL);
    cell_close(&cell);
}
END_TEST

START_TEST(no_gpu_no_arrays)
{
    struct cell cell;
    cell_describe(&cell);
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        cell.specs[m].gpu_devices = 0;
    }
    cell_start(&cell, _i);
    struct store_view *view = open_view(&cell, STORE_VIEW_PRIVATE);
    struct omega_request share = {.gpu_milli = 1, .gpu_devices = 1};
    ck_assert_ptr_null(view->shown.free_gpu_milli);
    ck_assert_ptr_null(view->shown.gpu_whole);
    ck_assert_ptr_null(view->shown.gpu_largest);
    ck_assert(!omega_view_fits(&view->shown, &share, 0));
    uint64_t hash = store_view_hash(view);
    struct omega_claim claim = {.machine = 1, .request = {.cpu_milli = 1}};
    store_view_take(view, &claim);
    ck_assert_uint_ne(store_view_hash(view), hash);
    store_view_give(view, &claim);
    ck_assert_uint_eq(store_view_hash(view), hash);
    store_view_close(cell.store, view);
    cell_close(&cell);
}
END_TEST

START_TEST(private_view_waits_for_refresh)
{
    struct cell cell;
    cell_open(&cell, _i);
    struct store_view *view = open_view(&cell, STORE_VIEW_PRIVATE);
    uint64_t hash = store_view_hash(view);
    uint64_t placement = cell_put(&cell, 1, 0, 1000, 1);
    cell_put(&cell, 2, 1, 500, 1);
    cell_event(&cell, 2, OMEGA_EVENT_DRAIN, STORE_LOST_RETURN);
    ck_assert(cell_release(&cell, placement));
    ck_assert_uint_eq(store_view_hash(view), hash);
    ck_assert_uint_eq(view->shown.version, 0);
    ck_assert_int_eq(view->shown.entry[1].room.cpu_milli, 4000);
    ck_assert_int_eq(store_view_refresh(cell.store, view, &cell.err), 0);
    ck_assert_uint_eq(view->shown.version, 4);
    ck_assert_int_eq(view->shown.entry[0].room.cpu_milli, 4000);
    ck_assert_uint_eq(omega_releases(view->shown.entry[0].stamp), 1);
    ck_assert_uint_eq(omega_seq(view->shown.entry[0].stamp), 1);
    ck_assert_int_eq(view->shown.entry[1].room.cpu_milli, 3500);
    ck_assert_int_lt(view->shown.entry[2].room.cpu_milli, 0);
    ck_assert_int_lt(view->shown.entry[2].room.mem_mib, 0);
    ck_assert_uint_eq(store_view_synced(view, 3), 4);
    store_view_close(cell.store, view);
    cell_close(&cell);
}
END_TEST

/* However far behind: a view that slept through thousands of changes shows the newest state (E). */
START_TEST(refresh_after_a_long_sleep)
{
    struct cell cell;
    cell_open(&cell, _i);
    struct store_view *asleep = open_view(&cell, STORE_VIEW_PRIVATE);
    struct store_view *awake = open_view(&cell, STORE_VIEW_PRIVATE);
    for (uint64_t job = 1; job <= cell_loops(_i, 20000); job++) {
        uint64_t placement = cell_put(&cell, job, (uint32_t)(job % 3), 100, (uint16_t)(job % 2));
        if (job % 1000 != 0) {
            ck_assert(cell_release(&cell, placement));
        }
        if (job % 7 == 0) {
            ck_assert_int_eq(store_view_refresh(cell.store, awake, &cell.err), 0);
        }
    }
    ck_assert_int_eq(store_view_refresh(cell.store, asleep, &cell.err), 0);
    ck_assert_int_eq(store_view_refresh(cell.store, awake, &cell.err), 0);
    struct store_view *fresh = open_view(&cell, STORE_VIEW_PRIVATE);
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        struct omega_machine machine = cell_machine(&cell, m);
        struct store_view *views[] = {asleep, awake, fresh};
        for (int v = 0; v < 3; v++) {
            const struct omega_view *shown = &views[v]->shown;
            ck_assert_uint_eq(shown->version, cell_counters(&cell).version);
            ck_assert_uint_eq(omega_seq(shown->entry[m].stamp), machine.seq);
            ck_assert_uint_eq(omega_releases(shown->entry[m].stamp), machine.releases);
            ck_assert(m == 3 || shown->entry[m].room.cpu_milli ==
                                    machine.cpu_limit_milli - machine.cpu_used_milli);
        }
    }
    store_view_close(cell.store, asleep);
    store_view_close(cell.store, awake);
    store_view_close(cell.store, fresh);
    cell_close(&cell);
}
END_TEST

/* Changes machine 0 so often, by placements and their ends; the last one may keep running. */
static void churn(struct cell *cell, uint64_t *job, uint32_t changes)
{
    for (uint32_t i = 0; i < changes; i += 2) {
        uint64_t placement = cell_put(cell, ++*job, 0, 1, 1);
        ck_assert(i + 1 == changes || cell_release(cell, placement));
    }
}

/* A change is not overlooked, however many came after it: none, about as many as a feed may keep
 * (which is likely to be near a power of two), and many more. */
START_TEST(refresh_finds_one_old_change)
{
    struct cell cell;
    uint64_t job = 0;
    cell_open(&cell, _i);
    struct store_view *view = open_view(&cell, STORE_VIEW_PRIVATE);
    for (uint32_t feed = 16; feed <= cell_loops(_i, 8192); feed *= 2) {
        for (uint32_t around = feed - 3; around <= feed + 3; around++) {
            cell_put(&cell, ++job, 2, 1, 1);
            churn(&cell, &job, around);
            ck_assert_int_eq(store_view_refresh(cell.store, view, &cell.err), 0);
            for (uint32_t m = 0; m < 3; m += 2) {
                struct omega_machine machine = cell_machine(&cell, m);
                ck_assert_msg(omega_seq(view->shown.entry[m].stamp) == machine.seq,
                              "machine %u, %u changes: sequence %ju, not %ju", m, around,
                              (uintmax_t)omega_seq(view->shown.entry[m].stamp),
                              (uintmax_t)machine.seq);
                ck_assert_int_eq(view->shown.entry[m].room.cpu_milli,
                                 4000 - machine.cpu_used_milli);
            }
        }
    }
    store_view_close(cell.store, view);
    cell_close(&cell);
}
END_TEST

START_TEST(absorb_shows_these_machines_only)
{
    struct cell cell;
    cell_open(&cell, _i);
    cell_put(&cell, 1, 2, 10, 1);
    struct store_view *view = open_view(&cell, STORE_VIEW_PRIVATE);
    cell_put(&cell, 2, 0, 1000, 1);
    cell_put(&cell, 3, 1, 500, 1);
    const uint32_t machines[] = {1, 1};
    ck_assert_int_eq(store_view_absorb(cell.store, view, machines, 2, &cell.err), 0);
    ck_assert_uint_eq(view->shown.version, 1);
    ck_assert_int_eq(view->shown.entry[0].room.cpu_milli, 4000);
    ck_assert_uint_eq(omega_seq(view->shown.entry[0].stamp), 0);
    ck_assert_uint_eq(store_view_synced(view, 0), 1);
    ck_assert_int_eq(view->shown.entry[1].room.cpu_milli, 3500);
    ck_assert_uint_eq(omega_seq(view->shown.entry[1].stamp), 1);
    ck_assert_uint_eq(store_view_synced(view, 1), 3);
    ck_assert_int_eq(store_view_refresh(cell.store, view, &cell.err), 0);
    ck_assert_int_eq(view->shown.entry[0].room.cpu_milli, 3000);
    ck_assert_int_eq(view->shown.entry[1].room.cpu_milli, 3500);
    ck_assert_uint_eq(store_view_synced(view, 0), 3);
    ck_assert_uint_eq(store_view_synced(view, 1), 3);
    store_view_close(cell.store, view);
    cell_close(&cell);
}
END_TEST

START_TEST(live_view_is_always_newest)
{
    struct cell cell;
    cell_open(&cell, _i);
    struct store_view *view = NULL;
    if (!store_factory_at(_i)->live_views) {
        ck_assert_int_eq(store_view_open(cell.store, STORE_VIEW_LIVE, &view, &cell.err),
                         OMEGA_EINVAL);
        cell_close(&cell);
        return;
    }
    view = open_view(&cell, STORE_VIEW_LIVE);
    cell_put(&cell, 1, 0, 1000, 1);
    ck_assert_int_eq(view->shown.entry[0].room.cpu_milli, 3000);
    ck_assert_uint_eq(omega_seq(view->shown.entry[0].stamp), 1);
    ck_assert_int_eq(store_view_refresh(cell.store, view, &cell.err), 0);
    ck_assert_uint_eq(view->shown.version, 1);
    ck_assert_uint_eq(store_view_synced(view, 0), 1);
    uint64_t hash = store_view_hash(view);
    const uint32_t machine = 0;
    ck_assert_int_eq(store_view_absorb(cell.store, view, &machine, 1, &cell.err), 0);
    ck_assert_uint_eq(store_view_hash(view), hash);
    /* claims on it are seen by nobody else once they are taken back */
    struct omega_claim claim = {.machine = 0, .request = {100, 1, 300, 1, 0}, .devices = 1};
    store_view_take(view, &claim);
    ck_assert_int_eq(view->shown.entry[0].room.cpu_milli, 2900);
    store_view_give(view, &claim);
    ck_assert_uint_eq(store_view_hash(view), hash);
    struct store_view *fresh = open_view(&cell, STORE_VIEW_PRIVATE);
    ck_assert_int_eq(fresh->shown.entry[0].room.cpu_milli, 3000);
    store_view_close(cell.store, fresh);
    store_view_close(cell.store, view);
    cell_close(&cell);
}
END_TEST

START_TEST(take_and_give)
{
    struct cell cell;
    cell_open(&cell, _i);
    struct store_view *view = open_view(&cell, STORE_VIEW_PRIVATE);
    uint64_t hash = store_view_hash(view);
    struct omega_claim claims[] = {
        {.machine = 1, .request = {1000, 100, 300, 1, 0}, .devices = 2},
        {.machine = 1, .request = {3000, 3996, 0, 0, 0}},
        {.machine = 2, .request = {0, 0, 1000, 2, 0}, .devices = 3},
    };
    for (int i = 0; i < 3; i++) {
        store_view_take(view, &claims[i]);
    }
    ck_assert_int_eq(view->shown.entry[1].room.cpu_milli, 0);
    ck_assert_int_eq(view->shown.entry[1].room.mem_mib, 0);
    ck_assert_int_eq(view->shown.free_gpu_milli[OMEGA_GPU_DEVICES_MAX + 1], 700);
    ck_assert_uint_eq(view->shown.gpu_whole[1], 1);
    ck_assert_int_eq(view->shown.gpu_largest[1], 1000);
    ck_assert_uint_eq(view->shown.gpu_whole[2], 0);
    ck_assert_int_eq(view->shown.gpu_largest[2], 0);
    ck_assert_uint_eq(omega_seq(view->shown.entry[1].stamp), 0); /* not moved by claims */
    ck_assert_uint_ne(store_view_hash(view), hash);
    store_view_give(view, &claims[1]); /* in any order */
    store_view_give(view, &claims[2]);
    store_view_give(view, &claims[0]);
    ck_assert_uint_eq(store_view_hash(view), hash);
    ck_assert_uint_eq(view->shown.gpu_whole[2], 2);
    store_view_close(cell.store, view);
    cell_close(&cell);
}
END_TEST

/* The hash looks at every array. */
START_TEST(hash_sees_everything)
{
    struct cell cell;
    cell_open(&cell, _i);
    struct store_view *view = open_view(&cell, STORE_VIEW_PRIVATE);
    uint64_t hash = store_view_hash(view);
    void *const arrays[] = {
        &view->entry[3].room.cpu_milli,
        &view->entry[3].room.mem_mib,
        &view->free_gpu_milli[31],
        &view->gpu_whole[3],
        &view->gpu_largest[3],
        &view->entry[3].stamp,
        (uint8_t *)&view->entry[3].stamp + 7,
        &view->entry[3].limit.cpu_milli,
        &view->entry[3].limit.mem_mib,
    };
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        *(uint8_t *)arrays[i] ^= 1;
        ck_assert_msg(store_view_hash(view) != hash, "array %zu is not in the hash", i);
        *(uint8_t *)arrays[i] ^= 1;
        ck_assert_uint_eq(store_view_hash(view), hash);
    }
    store_view_close(cell.store, view);
    cell_close(&cell);
}
END_TEST

START_TEST(fits)
{
    struct cell cell;
    cell_open(&cell, _i);
    struct store_view *view = open_view(&cell, STORE_VIEW_PRIVATE);
    struct omega_claim used = {.machine = 0, .request = {0, 0, 600, 1, 0}, .devices = 1};
    store_view_take(view, &used);
    static const struct {
        struct omega_request request;
        bool fits;
    } rows[] = {
        {{4000, 4096, 0, 0, 0}, true}, {{4001, 0, 0, 0, 0}, false}, {{0, 4097, 0, 0, 0}, false},
        {{0, 0, 999, 1, 0}, true},     {{0, 0, 1000, 1, 0}, true},  {{0, 0, 1000, 2, 0}, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_msg(omega_view_fits(&view->shown, &rows[i].request, 0) == rows[i].fits, "row %zu",
                      i);
    }
    const uint64_t some[] = {4, 1};
    ck_assert(omega_eligible(NULL, 0));
    ck_assert(!omega_eligible(some, 0));
    ck_assert(omega_eligible(some, 2));
    ck_assert(omega_eligible(some, 64));
    store_view_give(view, &used);
    store_view_close(cell.store, view);
    cell_close(&cell);
}
END_TEST

/* CPU and memory are looked at in one word: neither may be taken for the other. */
START_TEST(takes_room)
{
    static const struct {
        struct omega_room room;
        struct omega_room asked;
        bool taken;
    } rows[] = {
        {{10, 20}, {10, 20}, true},
        {{10, 20}, {11, 0}, false},
        {{10, 20}, {0, 21}, false},
        {{0, 20}, {1, 1}, false},
        {{0, 0}, {0, 0}, true},
        {{-1, -1}, {0, 0}, false},
        {{-1, INT32_MAX}, {0, 1}, false},
        {{INT32_MAX, -1}, {1, 0}, false},
        {{-1, -1}, {INT32_MAX, INT32_MAX}, false},
        {{INT32_MAX, INT32_MAX}, {INT32_MAX, INT32_MAX}, true},
        {{0, INT32_MAX}, {INT32_MAX, 0}, false},
        {{INT32_MAX, 0}, {0, INT32_MAX}, false},
    };
    (void)_i;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct omega_room room = rows[i].room;
        int32_t times = rows[i].taken;
        ck_assert_msg(omega_room_take(&room, rows[i].asked) == rows[i].taken, "row %zu", i);
        ck_assert_int_eq(room.cpu_milli, rows[i].room.cpu_milli - times * rows[i].asked.cpu_milli);
        ck_assert_int_eq(room.mem_mib, rows[i].room.mem_mib - times * rows[i].asked.mem_mib);
        if (rows[i].taken) {
            omega_room_give(&room, rows[i].asked);
        }
        ck_assert_mem_eq(&room, &rows[i].room, sizeof room);
        bool lacks = room.cpu_milli < 0 || room.mem_mib < 0;
        ck_assert(omega_room_word_lacks(omega_room_word(room)) == lacks);
    }
}
END_TEST

/* Sequence and ends count apart from each other. */
START_TEST(stamps)
{
    const uint32_t last = (uint32_t)(OMEGA_RELEASES_MODULUS - 1);
    const uint64_t stamp = omega_stamp(OMEGA_SEQ_MAX, last);
    (void)_i;
    ck_assert_uint_eq(omega_seq(stamp), OMEGA_SEQ_MAX);
    ck_assert_uint_eq(omega_releases(stamp), last);
    ck_assert_uint_eq(stamp + omega_stamp(0, 1), OMEGA_SEQ_MAX); /* ends start again */
    ck_assert_uint_eq(omega_stamp(7, last + 1), omega_stamp(7, 0));
    ck_assert_uint_eq(omega_stamp(7, 3) + omega_stamp(1, 1), omega_stamp(8, 4));
}
END_TEST

static void add_cases(Suite *suite)
{
    cell_case(suite, "shows", shows_the_cell);
    cell_case(suite, "no GPU", no_gpu_no_arrays);
    cell_case(suite, "private", private_view_waits_for_refresh);
    cell_case(suite, "long sleep", refresh_after_a_long_sleep);
    cell_case(suite, "old change", refresh_finds_one_old_change);
    cell_case(suite, "absorb", absorb_shows_these_machines_only);
    cell_case(suite, "live", live_view_is_always_newest);
    cell_case(suite, "take and give", take_and_give);
    cell_case(suite, "hash", hash_sees_everything);
    cell_case(suite, "fits", fits);
    cell_case(suite, "takes room", takes_room);
    cell_case(suite, "stamps", stamps);
}

CHECK_MAIN("cellstate/view", add_cases)
