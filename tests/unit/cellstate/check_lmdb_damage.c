/* SPDX-License-Identifier: MIT */
/*
 * Damaged records: one flipped bit, or a record of another size, in every table of a cell. It is
 * reported with table and key, nothing crashes, and what does not need the record goes on.
 */
#include "tests/support/check_main.h"

#include <lmdb.h>
#include <stdio.h>
#include <string.h>

#include "cellstate/store_view.h"
#include "core/base/random.h"
#include "tests/support/disk_cell.h"

#define JOBS 12u
#define TABLES_MAX 24u
#define NAME_BYTES 48

static struct disk_cell cell;
static struct trouble *trouble;

/* ---- a cell with something in every table ---- */

/* Job j has tasks on machines j and j + 12, and one that is pending; its instance is j % 3. */
static void populate(struct store *store)
{
    omega_error_t err = {.code = 0};
    uint32_t incarnation = 0;
    for (uint16_t i = 0; i < 3; i++) {
        ck_assert_int_eq(lmdb_join(store, i, "module", &incarnation, &err), 0);
    }
    for (uint64_t j = 1; j <= JOBS; j++) {
        struct disk_txn t;
        ck_assert_int_eq(disk_submit(store, j, 3, &err), 0);
        disk_begin(&t, store, j, (uint16_t)(j % 3));
        t.txn.incarnation = incarnation;
        disk_claim(&t, 0, (uint32_t)j);
        disk_claim(&t, 1, (uint32_t)j + JOBS);
        ck_assert_int_eq(disk_commit(&t, store, &err), 0);
        ck_assert_uint_eq(t.result.accepted, 2);
    }
}

static void open_test(void)
{
    trouble = shared_memory(sizeof *trouble);
    disk_create(&cell, "cell", 50, NULL);
    struct store *store = disk_open(cell.path, NULL);
    populate(store);
    store_close(store);
}

static void close_test(void)
{
    disk_prove(cell.path, trouble);
    ck_assert_msg(trouble->count == 0, "%s", trouble->first);
    shared_memory_free(trouble, sizeof *trouble);
    disk_forget(&cell);
}

/* ---- the tables, by LMDB's own calls ---- */

struct raw {
    MDB_env *env;
    MDB_txn *txn;
};

static void raw_open(struct raw *raw)
{
    ck_assert_int_eq(mdb_env_create(&raw->env), 0);
    ck_assert_int_eq(mdb_env_set_mapsize(raw->env, (size_t)1 << 30), 0);
    ck_assert_int_eq(mdb_env_set_maxdbs(raw->env, TABLES_MAX), 0);
    ck_assert_int_eq(mdb_env_open(raw->env, cell.path, 0, 0644), 0);
    ck_assert_int_eq(mdb_txn_begin(raw->env, NULL, 0, &raw->txn), 0);
}

static void raw_close(struct raw *raw)
{
    ck_assert_int_eq(mdb_txn_commit(raw->txn), 0);
    mdb_env_close(raw->env);
}

/* The name that a key of the main table gives to a table, or "". */
static void table_name(const struct raw *raw, const MDB_val *key, char name[NAME_BYTES])
{
    MDB_dbi dbi;
    name[0] = '\0';
    if (key->mv_size > 0 && key->mv_size < NAME_BYTES &&
        memchr(key->mv_data, '\0', key->mv_size) == NULL) {
        memcpy(name, key->mv_data, key->mv_size);
        name[key->mv_size] = '\0';
        if (mdb_dbi_open(raw->txn, name, 0, &dbi) != 0) {
            name[0] = '\0';
        }
    }
}

/* Names of all tables; the main one, with the records beside the tables, is "". */
static uint32_t list_tables(char names[TABLES_MAX][NAME_BYTES])
{
    struct raw raw;
    MDB_dbi dbi;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val data;
    uint32_t count = 1;
    names[0][0] = '\0';
    raw_open(&raw);
    ck_assert_int_eq(mdb_dbi_open(raw.txn, NULL, 0, &dbi), 0);
    ck_assert_int_eq(mdb_cursor_open(raw.txn, dbi, &cursor), 0);
    while (mdb_cursor_get(cursor, &key, &data, MDB_NEXT) == 0) {
        ck_assert_uint_lt(count, TABLES_MAX);
        table_name(&raw, &key, names[count]);
        count += names[count][0] != '\0';
    }
    mdb_cursor_close(cursor);
    raw_close(&raw);
    return count;
}

struct damage {
    char table[NAME_BYTES];
    uint64_t key; /* found: of the record, as a number */
    char raw_key[64];
    size_t raw_size;
    size_t size;    /* found: of the record */
    uint32_t which; /* record number, from 0 */
    size_t offset;  /* of the byte to flip, modulo the size */
    uint8_t mask;
    int resize; /* bytes to add (with 0) or to take, instead */
};

/* Moves to record number `which` of a table; false if there are fewer. */
static bool seek(struct raw *raw, MDB_cursor *cursor, const char *table, uint32_t which,
                 MDB_val *key, MDB_val *data)
{
    char name[NAME_BYTES];
    uint32_t at = 0;
    while (mdb_cursor_get(cursor, key, data, MDB_NEXT) == 0) {
        name[0] = '\0';
        if (table[0] == '\0') {
            table_name(raw, key, name);
        }
        if (name[0] == '\0' && at++ == which) {
            return true;
        }
    }
    return false;
}

/* Does the damage; *before is what was there, for undo(). False: there is no such record. */
static bool do_damage(struct damage *damage, char **before)
{
    struct raw raw;
    MDB_dbi dbi;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val data;
    raw_open(&raw);
    const char *name = damage->table[0] == '\0' ? NULL : damage->table;
    ck_assert_int_eq(mdb_dbi_open(raw.txn, name, 0, &dbi), 0);
    ck_assert_int_eq(mdb_cursor_open(raw.txn, dbi, &cursor), 0);
    bool found = seek(&raw, cursor, damage->table, damage->which, &key, &data);
    if (found) {
        ck_assert_uint_le(key.mv_size, sizeof damage->raw_key);
        memcpy(damage->raw_key, key.mv_data, key.mv_size);
        damage->raw_size = key.mv_size;
        memcpy(&damage->key, key.mv_data, key.mv_size < 8 ? key.mv_size : 8);
        damage->size = data.mv_size;
        *before = malloc(data.mv_size);
        char *bytes = calloc(1, data.mv_size + 64);
        ck_assert(*before != NULL && bytes != NULL);
        memcpy(*before, data.mv_data, data.mv_size);
        memcpy(bytes, data.mv_data, data.mv_size);
        if (damage->resize == 0) {
            char *byte = bytes + damage->offset % data.mv_size;
            *byte = (char)(*byte ^ (char)damage->mask);
        }
        key.mv_data = damage->raw_key;
        data.mv_data = bytes;
        data.mv_size = (size_t)((long)data.mv_size + damage->resize);
        ck_assert_int_eq(mdb_cursor_put(cursor, &key, &data, 0), 0);
        free(bytes);
    }
    mdb_cursor_close(cursor);
    raw_close(&raw);
    return found;
}

static void undo(const struct damage *damage, char *before)
{
    struct raw raw;
    MDB_dbi dbi;
    MDB_cursor *cursor = NULL;
    MDB_val key;
    MDB_val data;
    raw_open(&raw);
    const char *name = damage->table[0] == '\0' ? NULL : damage->table;
    ck_assert_int_eq(mdb_dbi_open(raw.txn, name, 0, &dbi), 0);
    ck_assert_int_eq(mdb_cursor_open(raw.txn, dbi, &cursor), 0);
    key = (MDB_val){.mv_data = (void *)(uintptr_t)damage->raw_key, .mv_size = damage->raw_size};
    data = (MDB_val){.mv_data = before, .mv_size = damage->size};
    ck_assert_int_eq(mdb_cursor_put(cursor, &key, &data, 0), 0);
    mdb_cursor_close(cursor);
    raw_close(&raw);
    free(before);
}

/* ---- somebody looks ---- */

static int any_job(void *context, const struct lmdb_job *job)
{
    (void)context;
    (void)job;
    return 0;
}

static int any_instance(void *context, const struct lmdb_instance *instance)
{
    (void)context;
    (void)instance;
    return 0;
}

static int any_change(void *context, const struct lmdb_change *change)
{
    (void)context;
    (void)change;
    return 0;
}

/* Adds an error; it has to be about a damaged record. */
static void report(struct trouble *found, int rc, omega_error_t *err)
{
    if (rc != 0) {
        trouble_add(found, "%s%s", rc == OMEGA_ECORRUPT ? "" : "wrong code: ", disk_message(err));
    }
    omega_error_clear(err);
}

/* Looks at everything; what it is told of goes to the trouble. */
static void look(void *context, struct trouble *found)
{
    (void)context;
    omega_error_t err = {.code = 0};
    struct store *store = NULL;
    struct store_view *view = NULL;
    struct store_report checked = {.violations = 0};
    int rc = lmdb_open(cell.path, NULL, &store, &err);
    report(found, rc, &err);
    if (rc != 0) {
        return;
    }
    rc = store_check(store, &checked, &err);
    report(found, rc, &err);
    if (checked.violations > 0) {
        trouble_add(found, "%s", checked.first);
    }
    report(found, lmdb_jobs(store, any_job, NULL, &err), &err);
    report(found, lmdb_instances(store, any_instance, NULL, &err), &err);
    report(found, lmdb_changes(store, 1, any_change, NULL, &err), &err);
    rc = store_view_open(store, STORE_VIEW_PRIVATE, &view, &err);
    report(found, rc, &err);
    if (rc == 0) {
        store_view_close(store, view);
    }
    store_close(store);
}

/* A number as a word of its own. */
static bool names_key(const char *text, uint64_t key)
{
    char number[32];
    int length = snprintf(number, sizeof number, "%lu", (unsigned long)key);
    for (const char *at = strstr(text, number); at != NULL; at = strstr(at + 1, number)) {
        bool begins = at == text || at[-1] < '0' || at[-1] > '9';
        if (begins && (at[length] < '0' || at[length] > '9')) {
            return true;
        }
    }
    return false;
}

/* Damages, has a child look, puts back. */
static void damage_once(struct damage *damage)
{
    char *before = NULL;
    if (!do_damage(damage, &before)) {
        return;
    }
    struct trouble *found = shared_memory(sizeof *found);
    int how = child_wait(child_start(look, NULL, found));
    const char *text = found->first;
    ck_assert_msg(how == 0, "'%s' key %lu offset %zu: looking ended with %d", damage->table,
                  (unsigned long)damage->key, damage->offset, how);
    ck_assert_msg(found->count > 0, "'%s' key %lu offset %zu mask %u resize %d: nobody noticed",
                  damage->table, (unsigned long)damage->key, damage->offset, damage->mask,
                  damage->resize);
    ck_assert_msg(strstr(text, "wrong code") == NULL, "'%s' key %lu offset %zu: %s", damage->table,
                  (unsigned long)damage->key, damage->offset, text);
    if (damage->table[0] == '\0') { /* the two records there have no number that a user knows */
        ck_assert_msg(strstr(text, cell.path) != NULL, "%s", text);
    } else {
        ck_assert_msg(strstr(text, damage->table) != NULL && names_key(text, damage->key),
                      "no table '%s' and key %lu in '%s'", damage->table,
                      (unsigned long)damage->key, text);
    }
    shared_memory_free(found, sizeof *found);
    undo(damage, before);
}

START_TEST(every_table)
{
    static char names[TABLES_MAX][NAME_BYTES];
    static const size_t offsets[] = {0, 3, 4, 5, 6, 8, 15, 40, 61};
    struct omega_random random;
    omega_random_init(&random, 5, "damage", 0);
    open_test();
    uint32_t count = list_tables(names);
    ck_assert_uint_ge(count, 9);
    for (uint32_t t = 0; t < count; t++) {
        struct damage damage = {.which = 0};
        memcpy(damage.table, names[t], NAME_BYTES);
        for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
            damage.which = t == 0 ? (uint32_t)i % 2 : omega_random_below(&random, 2);
            damage.offset = offsets[i] + 8 * omega_random_below(&random, 3);
            damage.mask = (uint8_t)(1u << omega_random_below(&random, 8));
            damage_once(&damage);
        }
        damage.resize = -8;
        damage_once(&damage);
        damage.resize = 8;
        damage_once(&damage);
    }
    close_test();
}
END_TEST

/* ---- what does not need it goes on ---- */

static void damage_record(const char *table, uint32_t which, struct damage *damage, char **before)
{
    *damage = (struct damage){.which = which, .offset = 12, .mask = 4};
    snprintf(damage->table, sizeof damage->table, "%s", table);
    ck_assert_msg(do_damage(damage, before), "no record %u in '%s'", which, table);
}

/* A commit of the pending task of a job, on a machine. */
static int place(struct store *store, uint64_t job, uint32_t machine, uint32_t incarnation,
                 omega_error_t *err)
{
    struct disk_txn t;
    disk_begin(&t, store, job, (uint16_t)(job % 3));
    t.txn.attempt = 2;
    t.txn.incarnation = incarnation;
    disk_claim(&t, 2, machine);
    int rc = disk_commit(&t, store, err);
    return rc != 0 ? rc : t.result.accepted == 1 ? 0 : 1;
}

/* This fails for the damaged record, which it names, and changes nothing. */
static void expect_corrupt(struct store *store, int rc, const omega_error_t *err,
                           const struct damage *damage, uint64_t version)
{
    ck_assert_msg(rc == OMEGA_ECORRUPT, "code %d, expected damage to be seen: %s", rc,
                  disk_message(err));
    ck_assert_msg(strstr(disk_message(err), damage->table) != NULL &&
                      names_key(disk_message(err), damage->key),
                  "no '%s' and %lu in '%s'", damage->table, (unsigned long)damage->key,
                  disk_message(err));
    ck_assert_uint_eq(disk_version(store), version);
}

START_TEST(other_machines_work)
{
    struct damage damage;
    char *before = NULL;
    omega_error_t err = {.code = 0};
    struct omega_machine machine;
    open_test();
    damage_record("machines", 5, &damage, &before);
    struct store *store = disk_open(cell.path, NULL);
    ck_assert_int_eq(place(store, 1, 6, 1, &err), 0);
    uint64_t version = disk_version(store);
    expect_corrupt(store, place(store, 2, 5, 1, &err), &err, &damage, version);
    omega_error_clear(&err);
    expect_corrupt(store, store_machine(store, 5, &machine, &err), &err, &damage, version);
    ck_assert_int_eq(store_machine(store, 6, &machine, &err), 0);
    ck_assert_int_eq(place(store, 2, 7, 1, &err), 0);
    store_close(store);
    undo(&damage, before);
    close_test();
}
END_TEST

START_TEST(other_jobs_work)
{
    static const char *const tables[] = {"jobs", "job_states"};
    struct damage damage;
    char *before = NULL;
    omega_error_t err = {.code = 0};
    open_test();
    damage_record(tables[_i], 3, &damage, &before);
    ck_assert_uint_eq(damage.key, 4);
    struct store *store = disk_open(cell.path, NULL);
    ck_assert_int_eq(place(store, 3, 6, 1, &err), 0);
    uint64_t version = disk_version(store);
    expect_corrupt(store, place(store, 4, 7, 1, &err), &err, &damage, version);
    ck_assert_int_eq(disk_submit(store, 100, 1, &err), 0);
    ck_assert_int_eq(place(store, 5, 7, 1, &err), 0);
    store_close(store);
    undo(&damage, before);
    close_test();
}
END_TEST

START_TEST(other_placements_end)
{
    struct damage damage;
    char *before = NULL;
    omega_error_t err = {.code = 0};
    open_test();
    damage_record("placements", 4, &damage, &before);
    struct store *store = disk_open(cell.path, NULL);
    ck_assert_uint_eq(damage.key, omega_placement_id(3, 0));
    ck_assert_int_eq(disk_end(store, omega_placement_id(2, 0), &err), 0);
    uint64_t version = disk_version(store);
    expect_corrupt(store, disk_end(store, damage.key, &err), &err, &damage, version);
    uint64_t both[] = {omega_placement_id(2, 1), damage.key};
    struct store_release_result results[2];
    omega_error_clear(&err);
    int rc = store_release(store, both, 2, STORE_FINISHED, results, &version, &err);
    expect_corrupt(store, rc, &err, &damage, disk_version(store));
    ck_assert_int_eq(disk_end(store, both[0], &err), 0); /* the batch changed nothing */
    store_close(store);
    undo(&damage, before);
    close_test();
}
END_TEST

START_TEST(other_instances_commit)
{
    struct damage damage;
    char *before = NULL;
    omega_error_t err = {.code = 0};
    open_test();
    damage_record("instances", 1, &damage, &before);
    struct store *store = disk_open(cell.path, NULL);
    ck_assert_int_eq(place(store, 2, 6, 1, &err), 0); /* instance 2 */
    uint64_t version = disk_version(store);
    expect_corrupt(store, place(store, 1, 7, 1, &err), &err, &damage, version); /* instance 1 */
    store_close(store);
    undo(&damage, before);
    close_test();
}
END_TEST

/* A damaged log stops no commit, and no view that was told of it shows anything wrong: it says so,
 * or copies the cell. */
START_TEST(log_is_not_needed)
{
    struct damage damage;
    char *before = NULL;
    omega_error_t err = {.code = 0};
    struct store_view *view = NULL;
    open_test();
    damage_record("changes", 8, &damage, &before);
    struct store *store = disk_open(cell.path, NULL);
    ck_assert_int_eq(place(store, 1, 6, 1, &err), 0);
    ck_assert_int_eq(store_view_open(store, STORE_VIEW_PRIVATE, &view, &err), 0);
    ck_assert_int_eq(place(store, 2, 7, 1, &err), 0);
    ck_assert_int_eq(store_view_refresh(store, view, &err), 0);
    ck_assert_uint_eq(view->shown.version, disk_version(store));
    store_view_close(store, view);
    store_close(store);
    undo(&damage, before);
    close_test();
}
END_TEST

static void add_cases(Suite *suite)
{
    disk_case(suite, "every table", every_table);
    disk_case(suite, "other machines", other_machines_work);
    disk_loop_case(suite, "other jobs", other_jobs_work, 2);
    disk_case(suite, "other placements", other_placements_end);
    disk_case(suite, "other instances", other_instances_commit);
    disk_case(suite, "log", log_is_not_needed);
}

CHECK_MAIN("lmdb damage", add_cases)
