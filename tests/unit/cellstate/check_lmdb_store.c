/* SPDX-License-Identifier: MIT */
/*
 * What the lmdb store promises beyond the conformance suite (cellstate/lmdb.h): making, opening and
 * removing cells, what survives, the change log, holding a version, catalogues of its own.
 */
#include "tests/unit/cellstate/raw_fixture.h"

static void write_file(const char *path, const char *name)
{
    char file[SCRATCH_PATH_MAX + 16];
    (void)snprintf(file, sizeof(file), "%s/%s", path, name);
    FILE *stream = fopen(file, "w");
    ck_assert_ptr_nonnull(stream);
    ck_assert_int_ge(fputs("mine\n", stream), 0);
    ck_assert_int_eq(fclose(stream), 0);
}

START_TEST(creates_and_removes)
{
    struct disk disk;
    disk_describe(&disk);
    omega_error_t *err = &disk.cell.err;
    disk_create(&disk);
    ck_assert_int_gt(scratch_entries(disk.path), 0);
    int entries = scratch_entries(disk.path);
    ck_assert_int_eq(lmdb_create(disk.path, &disk.cell.config, &disk.options, err), OMEGA_EINVAL);
    ck_assert(disk_is_named(&disk));
    ck_assert_int_eq(scratch_entries(disk.path), entries); /* still the first one */
    disk_start(&disk);
    disk_close(&disk);
}
END_TEST

START_TEST(creates_in_an_empty_folder_only)
{
    struct disk disk;
    disk_describe(&disk);
    omega_error_t *err = &disk.cell.err;
    scratch_path(disk.path);
    ck_assert_int_eq(lmdb_remove(disk.path, err), OMEGA_EINVAL);
    ck_assert_int_eq(mkdir(disk.path, 0700), 0);
    omega_error_clear(err);
    ck_assert_int_eq(lmdb_remove(disk.path, err), OMEGA_EINVAL);
    omega_error_clear(err);
    ck_assert_int_eq(lmdb_open(disk.path, NULL, &disk.cell.store, err), OMEGA_EINVAL);
    ck_assert(disk_is_named(&disk));
    ck_assert_int_eq(scratch_entries(disk.path), 0);
    write_file(disk.path, "notes");
    omega_error_clear(err);
    ck_assert_int_eq(lmdb_create(disk.path, &disk.cell.config, &disk.options, err), OMEGA_EINVAL);
    ck_assert_int_eq(scratch_entries(disk.path), 1);
    scratch_remove(disk.path);
    ck_assert_int_eq(mkdir(disk.path, 0700), 0);
    ck_assert_int_eq(lmdb_create(disk.path, &disk.cell.config, &disk.options, err), 0);
    write_file(disk.path, "notes"); /* is not ours to remove */
    ck_assert_int_eq(lmdb_remove(disk.path, err), 0);
    ck_assert_int_eq(scratch_entries(disk.path), 1);
    scratch_remove(disk.path);
    catalogue_destroy(disk.cell.catalogue);
}
END_TEST

START_TEST(modes_by_name)
{
    static const char *const names[] = {"pwrite", "fast", "power"};
    enum lmdb_mode mode = LMDB_PWRITE;
    for (int m = 0; m < 3; m++) {
        ck_assert_str_eq(lmdb_mode_name((enum lmdb_mode)m), names[m]);
        ck_assert(lmdb_mode_of(names[m], &mode));
        ck_assert_int_eq((int)mode, m);
    }
    ck_assert_ptr_null(lmdb_mode_name((enum lmdb_mode)3));
    ck_assert(!lmdb_mode_of("", &mode));
    ck_assert(!lmdb_mode_of("Fast", &mode));
}
END_TEST

START_TEST(tells_what_it_is)
{
    struct disk disk;
    disk_describe(&disk);
    disk.options.mode = LMDB_FAST;
    disk.options.log_changes = 100;
    disk.options.keep_jobs = true;
    disk.cell.config.overcommit.mem_permille = 1100;
    disk.cell.config.release_raises_seq = true;
    disk_create(&disk);
    disk_start(&disk);
    struct lmdb_info info = disk_info(&disk);
    ck_assert_uint_eq(strspn(info.identity, "0123456789abcdef"), 32);
    ck_assert_uint_eq(strlen(info.identity), 32);
    ck_assert_int_eq((int)info.mode, (int)LMDB_FAST);
    ck_assert_uint_eq(info.map_bytes, DISK_MAP_BYTES);
    ck_assert_uint_gt(info.used_bytes, 0);
    ck_assert_uint_lt(info.used_bytes, 1u << 20);
    ck_assert_uint_eq(info.log_changes, 100);
    ck_assert(info.keep_jobs && info.release_raises_seq);
    ck_assert_int_eq(info.overcommit.mem_permille, 1100);
    ck_assert_uint_eq(info.log_first, 0);
    cell_put(&disk.cell, 1, 0, 100, 1);
    ck_assert_uint_eq(disk_info(&disk).log_first, 1);
    disk_reopen(&disk);
    ck_assert_str_eq(disk_info(&disk).identity, info.identity);
    ck_assert_mem_eq(lmdb_machines(disk.cell.store), disk.cell.specs, sizeof(disk.cell.specs));
    ck_assert_ptr_null(lmdb_catalogue(disk.cell.store));
    struct lmdb_writer writer;
    ck_assert(!lmdb_writer_now(disk.cell.store, &writer));
    disk_close(&disk);
    struct disk other;
    disk_open(&other);
    ck_assert_str_ne(disk_info(&other).identity, info.identity);
    ck_assert_uint_eq(disk_info(&other).log_changes, LMDB_LOG_CHANGES);
    ck_assert_int_eq((int)disk_info(&other).mode, (int)LMDB_PWRITE);
    disk_close(&other);
}
END_TEST

struct listed {
    struct store_placement placements[16];
    uint32_t count;
};

static int list(void *context, const struct store_placement *placement)
{
    struct listed *listed = context;
    listed->placements[listed->count++] = *placement;
    return 0;
}

/* A bit of everything: GPUs, a machine that drains, one above its limit, a loss, releases. */
static void live_a_little(struct cell *cell)
{
    struct omega_request request = {1000, 512, 250, 1, 0};
    struct store_placement first = {.machine = 2, .request = {.cpu_milli = 4500}, .band = 1};
    uint64_t version = 0;
    ck_assert_int_eq(store_preload(cell->store, &first, 1, &version, &cell->err), 0);
    cell_submit_groups(cell, 100, 2, 3, 0, request, "different_machines");
    cell_begin(cell, 100, 1);
    for (uint32_t t = 0; t < 2; t++) {
        struct omega_claim *claim = cell_claim(cell, t, t, 1000);
        claim->request = request;
        claim->devices = 2;
    }
    cell->t.txn.group_count = 2;
    cell_commit(cell);
    CELL_OUTCOMES(cell, OMEGA_ACCEPTED, OMEGA_ACCEPTED);
    ck_assert(cell_release(cell, cell_put(cell, 101, 0, 300, 2)));
    cell_put(cell, 102, 1, 300, 3);
    cell_event(cell, 3, OMEGA_EVENT_ADD, STORE_LOST_RETURN);
    cell_put(cell, 103, 3, 300, 3);
    ck_assert_uint_eq(cell_event(cell, 3, OMEGA_EVENT_REMOVE, STORE_LOST_RETURN), 1);
    cell_event(cell, 1, OMEGA_EVENT_DRAIN, STORE_LOST_RETURN);
    uint32_t abandoned = 0;
    ck_assert_int_eq(store_abandon(cell->store, 103, &abandoned, NULL, &cell->err), 0);
    ck_assert_uint_eq(abandoned, 1);
}

/* Everything is there after closing and opening, in each mode. */
START_TEST(survives_closing)
{
    struct disk disk;
    disk_describe(&disk);
    disk.options.mode = (enum lmdb_mode)_i;
    disk_create(&disk);
    disk_start(&disk);
    struct cell *cell = &disk.cell;
    live_a_little(cell);
    struct omega_machine before[CELL_MACHINES];
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        before[m] = cell_machine(cell, m);
    }
    struct store_counters counters = cell_counters(cell);
    struct store_totals totals;
    struct store_totals totals_now;
    struct listed placements = {.count = 0};
    struct listed placements_now = {.count = 0};
    store_totals(cell->store, &totals);
    ck_assert_int_eq(store_placements(cell->store, list, &placements, &cell->err), 0);
    disk_reopen(&disk);
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        struct omega_machine now = cell_machine(cell, m);
        ck_assert_mem_eq(&now, &before[m], sizeof(now));
    }
    struct store_counters counters_now = cell_counters(cell);
    ck_assert_mem_eq(&counters_now, &counters, sizeof(counters));
    store_totals(cell->store, &totals_now);
    ck_assert_mem_eq(&totals_now, &totals, sizeof(totals));
    ck_assert_int_eq(store_placements(cell->store, list, &placements_now, &cell->err), 0);
    ck_assert_uint_eq(placements_now.count, 4);
    ck_assert_mem_eq(&placements_now, &placements, sizeof(placements));
    /* and goes on: task 0 runs on machine 0, where no second one of its group may be */
    cell_begin(cell, 100, 1);
    struct omega_claim *claim = cell_claim(cell, 2, 0, 1000);
    claim->request = (struct omega_request){1000, 512, 250, 1, 0};
    claim->devices = 1;
    cell->t.txn.group_count = 2;
    cell_commit(cell);
    CELL_OUTCOMES(cell, OMEGA_REFUSED_CONSTRAINT);
    ck_assert_uint_eq(cell->t.result.version, counters.version);
    disk_close(&disk);
}
END_TEST

START_TEST(read_only_changes_nothing)
{
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    uint64_t placement = cell_put(cell, 1, 0, 1000, 1);
    cell_submit(cell, 2, 1, 100);
    disk.use.read_only = true;
    disk_reopen(&disk);
    struct store_counters counters = cell_counters(cell);
    struct omega_task_group group = {.count = 1};
    struct omega_job job = {.id = 9, .group_count = 1, .tasks = 1, .slots = 1, .groups = &group};
    struct omega_machine_event event = {.machine = 0, .kind = OMEGA_EVENT_DRAIN};
    struct store_placement preload = {.machine = 0};
    const struct store_release_result *lost = NULL;
    struct store_release_result released;
    uint32_t number = 0;
    uint64_t version = 0;
    cell_begin(cell, 2, 1);
    cell_claim(cell, 0, 0, 100);
    ck_assert_int_eq(store_submit(cell->store, &job, NULL), OMEGA_EINVAL);
    ck_assert_int_eq(cell_try(cell), OMEGA_EINVAL);
    ck_assert_str_ne(cell->err.text, "");
    ck_assert_int_eq(
        store_release(cell->store, &placement, 1, STORE_FINISHED, &released, &version, NULL),
        OMEGA_EINVAL);
    ck_assert_int_eq(
        store_machine_event(cell->store, &event, STORE_LOST_RETURN, &lost, &number, &version, NULL),
        OMEGA_EINVAL);
    ck_assert_int_eq(store_abandon(cell->store, 2, &number, NULL, NULL), OMEGA_EINVAL);
    ck_assert_int_eq(store_preload(cell->store, &preload, 1, &version, NULL), OMEGA_EINVAL);
    ck_assert_int_eq(lmdb_join(cell->store, 1, "m", &number, NULL), OMEGA_EINVAL);
    struct store_counters now = cell_counters(cell);
    ck_assert_mem_eq(&now, &counters, sizeof(now));
    struct store_view *view = NULL;
    omega_error_clear(&cell->err);
    ck_assert_int_eq(store_view_open(cell->store, STORE_VIEW_PRIVATE, &view, &cell->err), 0);
    ck_assert_int_eq(view->shown.entry[0].room.cpu_milli, 3000);
    store_view_close(cell->store, view);
    disk_close(&disk);
}
END_TEST

/* Another configuration than the cell was made with is refused, and so is a second store. */
START_TEST(refuses_another_configuration)
{
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    struct store *second = NULL;
    ck_assert_int_eq(lmdb_open(disk.path, &disk.use, &second, &cell->err), OMEGA_EINVAL);
    ck_assert(disk_is_named(&disk));
    store_close(cell->store);
    for (int change = 0; change < 5; change++) {
        struct store_config config = cell->config;
        struct lmdb_use use = {.config = &config};
        config.machine_count -= change == 0;
        config.overcommit.cpu_permille += change == 1;
        config.overcommit.mem_permille += change == 2;
        config.overcommit.gpu_permille += change == 3;
        config.release_raises_seq = change == 4;
        omega_error_clear(&cell->err);
        ck_assert_msg(lmdb_open(disk.path, &use, &second, &cell->err) == OMEGA_EINVAL,
                      "change %d was taken", change);
        ck_assert_str_ne(cell->err.text, "");
    }
    disk_start(&disk);
    disk_close(&disk);
}
END_TEST

/* Machines that differ in whatever a spec says. */
static void differ(struct disk *disk, int way, struct omega_machine_spec *spec)
{
    struct symbols *symbols = catalogue_symbols(disk->cell.catalogue);
    spec->name = way == 0 ? symbols_intern(symbols, "other") : spec->name;
    spec->platform = way == 1 ? symbols_intern(symbols, "other") : spec->platform;
    spec->domain = way == 2 ? symbols_intern(symbols, "other") : spec->domain;
    if (way == 3) {
        ck_assert_int_eq(
            catalogue_attributes(disk->cell.catalogue, "ssd=3", &spec->attributes, &disk->cell.err),
            0);
    }
    spec->cpu_milli += way == 4;
    spec->mem_mib += way == 5;
    spec->gpu_devices = (uint8_t)(spec->gpu_devices + (way == 6));
    spec->absent = way == 7 ? !spec->absent : spec->absent;
    spec->platform = way == 8 ? 0 : spec->platform;
    spec->domain = way == 9 ? 0 : spec->domain;
}

START_TEST(refuses_other_machines)
{
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    store_close(cell->store);
    struct omega_machine_spec specs[CELL_MACHINES];
    memcpy(specs, cell->specs, sizeof(specs));
    differ(&disk, _i, &specs[CELL_MACHINES - 1]);
    struct store_config config = cell->config;
    struct lmdb_use use = {.config = &config};
    struct store *second = NULL;
    config.machines = specs;
    ck_assert_int_eq(lmdb_open(disk.path, &use, &second, &cell->err), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(cell->err.text, "machine 3"));
    disk_start(&disk);
    disk_close(&disk);
}
END_TEST

static void forget_last_spec(const char *path)
{
    struct raw raw;
    raw_open(&raw, path);
    raw_delete(&raw, "specs", CELL_MACHINES - 1);
    raw_close(&raw);
}

/* A cell that has lost the spec of a machine is none that was created with the configuration. */
START_TEST(misses_a_machine)
{
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    store_close(cell->store);
    forget_last_spec(disk.path);
    ck_assert_int_eq(lmdb_open(disk.path, &disk.use, &cell->store, &cell->err), OMEGA_ECORRUPT);
    ck_assert(disk_is_named(&disk));
    ck_assert_ptr_nonnull(strstr(cell->err.text, "specs"));
    ck_assert_int_eq(lmdb_remove(disk.path, &cell->err), 0);
    catalogue_destroy(cell->catalogue);
}
END_TEST

struct changes {
    uint64_t first;
    uint64_t last;
    uint32_t count;
};

static int count_change(void *context, const struct lmdb_change *change)
{
    struct changes *changes = context;
    changes->first = changes->count == 0 ? change->version : changes->first;
    ck_assert(changes->count == 0 || change->version == changes->last + 1);
    changes->last = change->version;
    changes->count++;
    return 0;
}

/* Views that are so many changes behind, around the length of the log: each shows the newest state
 * after a refresh, by whichever way. */
START_TEST(log_wraps)
{
    struct disk disk;
    disk_describe(&disk);
    disk.options.log_changes = 8;
    disk_create(&disk);
    disk_start(&disk);
    struct cell *cell = &disk.cell;
    uint64_t job = 0;
    for (uint32_t behind = 1; behind < 30; behind++) {
        struct store_view *view = NULL;
        ck_assert_int_eq(store_view_open(cell->store, STORE_VIEW_PRIVATE, &view, &cell->err), 0);
        uint64_t hash = store_view_hash(view);
        for (uint32_t i = 0; i < behind; i++, job++) {
            cell_put(cell, job + 1, (uint32_t)(i == 0 ? 2 : job % 2), 1, 1);
        }
        ck_assert_uint_eq(store_view_hash(view), hash);
        ck_assert_int_eq(store_view_refresh(cell->store, view, &cell->err), 0);
        struct store_view *fresh = NULL;
        ck_assert_int_eq(store_view_open(cell->store, STORE_VIEW_PRIVATE, &fresh, &cell->err), 0);
        ck_assert_msg(store_view_hash(view) == store_view_hash(fresh), "%u behind", behind);
        ck_assert_uint_eq(view->shown.version, job);
        store_view_close(cell->store, view);
        store_view_close(cell->store, fresh);
        struct changes changes = {.count = 0};
        ck_assert_int_eq(lmdb_changes(cell->store, 0, count_change, &changes, &cell->err), 0);
        ck_assert_uint_eq(changes.count, job < 8 ? job : 8);
        ck_assert_uint_eq(changes.last, job);
        ck_assert_uint_eq(disk_info(&disk).log_first, changes.first);
    }
    struct changes changes = {.count = 0};
    ck_assert_int_eq(lmdb_changes(cell->store, job - 2, count_change, &changes, &cell->err), 0);
    ck_assert_uint_eq(changes.count, 3);
    disk_close(&disk);
}
END_TEST

static void other_puts(struct disk *disk)
{
    static uint64_t job = 1000;
    cell_put(&disk->cell, job++, 0, 100, 7);
}

static void other_drains(struct disk *disk)
{
    cell_event(&disk->cell, 1, OMEGA_EVENT_DRAIN, STORE_LOST_RETURN);
}

static void (*const others[])(struct disk *) = {other_puts, other_drains};

/* What another process does is seen by all reading at once, by a view when it is refreshed. */
START_TEST(sees_other_processes)
{
    struct disk disk;
    struct disk_other other;
    disk_describe(&disk);
    disk.use.group = _i == 1;
    disk_create(&disk);
    disk_other_start(&other, &disk, others);
    disk_start(&disk);
    struct cell *cell = &disk.cell;
    struct store_view *view = NULL;
    cell_put(cell, 1, 2, 100, 1);
    ck_assert_int_eq(store_view_open(cell->store, STORE_VIEW_PRIVATE, &view, &cell->err), 0);
    disk_other_does(&other, 0);
    ck_assert_uint_eq(cell_counters(cell).version, 2);
    ck_assert_uint_eq(cell_counters(cell).tasks_running, 2);
    ck_assert_int_eq(cell_machine(cell, 0).cpu_used_milli, 100);
    ck_assert_uint_eq(cell_machine(cell, 0).placed_by[0], 7);
    struct store_totals totals;
    store_totals(cell->store, &totals);
    ck_assert_int_eq(totals.cpu_used_milli, 200);
    ck_assert_int_eq(view->shown.entry[0].room.cpu_milli, 4000);
    disk_other_does(&other, 1);
    ck_assert_int_eq(store_view_refresh(cell->store, view, &cell->err), 0);
    ck_assert_uint_eq(view->shown.version, 3);
    ck_assert_int_eq(view->shown.entry[0].room.cpu_milli, 3900);
    ck_assert_int_lt(view->shown.entry[1].room.cpu_milli, 0);
    /* mine after theirs, in one feed */
    disk_other_does(&other, 0);
    cell_put(cell, 2, 0, 100, 1);
    disk_other_does(&other, 0);
    const uint32_t machine = 0;
    ck_assert_int_eq(store_view_absorb(cell->store, view, &machine, 1, &cell->err), 0);
    ck_assert_int_eq(view->shown.entry[0].room.cpu_milli, 3600);
    ck_assert_uint_eq(store_view_synced(view, 0), 6);
    ck_assert_int_eq(store_view_refresh(cell->store, view, &cell->err), 0);
    ck_assert_int_eq(view->shown.entry[0].room.cpu_milli, 3600);
    ck_assert_uint_eq(view->shown.version, 6);
    store_view_close(cell->store, view);
    disk_other_stop(&other);
    disk_close(&disk);
}
END_TEST

/* One version while others go on. */
START_TEST(holds_a_version)
{
    struct disk disk;
    struct disk_other other;
    disk_describe(&disk);
    disk_create(&disk);
    disk_other_start(&other, &disk, others);
    disk_start(&disk);
    struct cell *cell = &disk.cell;
    cell_put(cell, 1, 0, 100, 1);
    struct store_totals totals;
    ck_assert_int_eq(lmdb_hold(cell->store, &cell->err), 0);
    for (int i = 0; i < 3; i++) {
        disk_other_does(&other, 0);
        struct listed listed = {.count = 0};
        struct changes changes = {.count = 0};
        ck_assert_uint_eq(cell_counters(cell).version, 1);
        ck_assert_int_eq(cell_machine(cell, 0).cpu_used_milli, 100);
        store_totals(cell->store, &totals);
        ck_assert_int_eq(totals.cpu_used_milli, 100);
        ck_assert_int_eq(store_placements(cell->store, list, &listed, &cell->err), 0);
        ck_assert_uint_eq(listed.count, 1);
        ck_assert_int_eq(lmdb_changes(cell->store, 0, count_change, &changes, &cell->err), 0);
        ck_assert_uint_eq(changes.count, 1);
    }
    lmdb_let_go(cell->store);
    ck_assert_uint_eq(cell_counters(cell).version, 4);
    ck_assert_int_eq(cell_machine(cell, 0).cpu_used_milli, 400);
    store_totals(cell->store, &totals);
    ck_assert_int_eq(totals.cpu_used_milli, 400);
    disk_other_stop(&other);
    disk_close(&disk);
}
END_TEST

/* Without a configuration the store brings names, attributes and machines along. */
START_TEST(brings_its_catalogue)
{
    struct disk disk;
    disk_open(&disk);
    struct cell *cell = &disk.cell;
    live_a_little(cell);
    disk.use.config = NULL;
    disk_reopen(&disk);
    const struct catalogue *catalogue = cell->store->catalogue;
    ck_assert_ptr_ne(catalogue, cell->catalogue);
    ck_assert_ptr_eq(lmdb_catalogue(cell->store), catalogue);
    ck_assert_uint_eq(cell->store->machine_count, CELL_MACHINES);
    const struct symbols *symbols = catalogue_symbols(catalogue);
    const struct symbols *theirs = catalogue_symbols(cell->catalogue);
    struct store_view *view = NULL;
    ck_assert_int_eq(store_view_open(cell->store, STORE_VIEW_PRIVATE, &view, &cell->err), 0);
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        const struct omega_machine_spec *got = &lmdb_machines(cell->store)[m];
        const struct omega_machine_spec *want = &cell->specs[m];
        ck_assert_str_eq(symbols_text(symbols, got->name), symbols_text(theirs, want->name));
        ck_assert_str_eq(symbols_text(symbols, got->platform),
                         symbols_text(theirs, want->platform));
        ck_assert_str_eq(symbols_text(symbols, got->domain), symbols_text(theirs, want->domain));
        ck_assert_str_eq(catalogue_attributes_text(catalogue, got->attributes),
                         catalogue_attributes_text(cell->catalogue, want->attributes));
        ck_assert_uint_eq(view->shown.platform[m], got->platform);
        ck_assert_uint_eq(view->shown.domain[m], got->domain);
        ck_assert_int_eq(got->cpu_milli, 4000);
        ck_assert_int_eq(got->mem_mib, 4096);
        ck_assert_uint_eq(got->gpu_devices, 2);
        ck_assert_uint_eq(got->absent, m == 3);
    }
    uint32_t wants_ssd = 0;
    ck_assert_int_eq(
        catalogue_constraints(lmdb_catalogue(cell->store), "ssd>1", &wants_ssd, &cell->err), 0);
    for (uint32_t m = 0; m < CELL_MACHINES; m++) {
        uint32_t attributes = lmdb_machines(cell->store)[m].attributes;
        ck_assert(catalogue_meets(catalogue, wants_ssd, attributes) == (m == 1));
    }
    store_view_close(cell->store, view);
    disk_close(&disk);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "creates and removes", creates_and_removes);
    check_case(suite, "empty folder", creates_in_an_empty_folder_only);
    check_case(suite, "modes", modes_by_name);
    check_case(suite, "info", tells_what_it_is);
    check_case(suite, "read only", read_only_changes_nothing);
    check_case(suite, "configuration", refuses_another_configuration);
    check_case(suite, "missing machine", misses_a_machine);
    check_case(suite, "log", log_wraps);
    check_case(suite, "hold", holds_a_version);
    check_case(suite, "catalogue", brings_its_catalogue);
    TCase *tcase = tcase_create("loops");
    tcase_add_loop_test(tcase, survives_closing, 0, 3);
    tcase_add_loop_test(tcase, sees_other_processes, 0, 2);
    tcase_add_loop_test(tcase, refuses_other_machines, 0, 10);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
}

CHECK_MAIN("cellstate/lmdb_store", add_cases)
