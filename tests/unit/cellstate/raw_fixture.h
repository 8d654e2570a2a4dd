/* SPDX-License-Identifier: MIT */
/*
 * The tables of a cell on disk that nobody has open, by LMDB's own calls: for tests that damage it.
 */
#ifndef OMEGA_TESTS_UNIT_CELLSTATE_RAW_FIXTURE_H
#define OMEGA_TESTS_UNIT_CELLSTATE_RAW_FIXTURE_H

#include <lmdb.h>

#include "tests/unit/cellstate/disk_fixture.h"

#define RAW_TABLES_MAX 16

struct raw {
    MDB_env *env;
    MDB_txn *txn;
};

/* Begins a change of the cell in a directory; raw_close() commits it. */
static inline void raw_open(struct raw *raw, const char *path)
{
    ck_assert_int_eq(mdb_env_create(&raw->env), 0);
    ck_assert_int_eq(mdb_env_set_mapsize(raw->env, DISK_MAP_BYTES), 0);
    ck_assert_int_eq(mdb_env_set_maxdbs(raw->env, RAW_TABLES_MAX), 0);
    ck_assert_int_eq(mdb_env_open(raw->env, path, 0, 0644), 0);
    ck_assert_int_eq(mdb_txn_begin(raw->env, NULL, 0, &raw->txn), 0);
}

static inline void raw_close(struct raw *raw)
{
    ck_assert_int_eq(mdb_txn_commit(raw->txn), 0);
    mdb_env_close(raw->env);
}

/* A table whose keys are numbers. */
static inline MDB_dbi raw_table(struct raw *raw, const char *table)
{
    MDB_dbi dbi = 0;
    ck_assert_int_eq(mdb_dbi_open(raw->txn, table, MDB_INTEGERKEY, &dbi), 0);
    return dbi;
}

static inline void raw_put(struct raw *raw, const char *table, uint64_t id, void *bytes,
                           size_t size)
{
    MDB_val key = {.mv_size = sizeof(id), .mv_data = &id};
    MDB_val data = {.mv_size = size, .mv_data = bytes};
    ck_assert_int_eq(mdb_put(raw->txn, raw_table(raw, table), &key, &data, 0), 0);
}

/* Takes a record out, which is there. */
static inline void raw_delete(struct raw *raw, const char *table, uint64_t id)
{
    MDB_val key = {.mv_size = sizeof(id), .mv_data = &id};
    ck_assert_int_eq(mdb_del(raw->txn, raw_table(raw, table), &key, NULL), 0);
}

#endif
