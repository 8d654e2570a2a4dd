/* SPDX-License-Identifier: MIT */
/* Cells on disk, and the lmdb store in its plain forms. See lmdb_cell.h. */
#include "tests/support/lmdb_cell.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MAP_BYTES (UINT64_C(256) << 20)

/* Equal for equal machines, whatever lies in the padding. */
static uint64_t seed_of(const struct store_config *config)
{
    uint64_t seed = config->machine_count;
    for (uint32_t m = 0; m < config->machine_count; m++) {
        const struct omega_machine_spec *spec = &config->machines[m];
        seed ^= (uint64_t)spec->cpu_milli << 32 | (uint32_t)spec->mem_mib;
        seed ^= spec->gpu_devices;
        seed = omega_random_mix(&seed);
    }
    return seed;
}

static void draw_options(struct omega_random *random, struct lmdb_options *options)
{
    static const uint32_t logs[] = {0, 8, 0, 40};
    options->mode = omega_random_below(random, 2) == 0 ? LMDB_PWRITE : LMDB_FAST;
    options->log_changes = logs[omega_random_below(random, 4)];
    options->keep_jobs = omega_random_below(random, 3) == 0;
}

int lmdb_cell_create(struct lmdb_cell *cell, const struct store_config *config,
                     const struct lmdb_options *options, omega_error_t *err)
{
    struct lmdb_options drawn = {.map_bytes = MAP_BYTES};
    omega_random_init(&cell->random, seed_of(config), "lmdb cell", 0);
    if (options == NULL) {
        draw_options(&cell->random, &drawn);
    } else {
        drawn = *options;
        drawn.map_bytes = MAP_BYTES;
    }
    cell->config = *config;
    cell->specs = calloc(config->machine_count + 1u, sizeof(*cell->specs));
    ck_assert_ptr_nonnull(cell->specs);
    memcpy(cell->specs, config->machines, config->machine_count * sizeof(*cell->specs));
    cell->config.machines = cell->specs;
    scratch_path(cell->path);
    int rc = lmdb_create(cell->path, &cell->config, &drawn, err);
    if (rc != 0) {
        ck_assert_int_eq(scratch_entries(cell->path), -1);
        free(cell->specs);
    }
    return rc;
}

void lmdb_cell_remove(struct lmdb_cell *cell)
{
    omega_error_t err = {0};
    ck_assert_msg(lmdb_remove(cell->path, &err) == 0, "%s", err.text);
    ck_assert_msg(scratch_entries(cell->path) == -1, "'%s' is still there", cell->path);
    free(cell->specs);
}

/* The plain forms are the lmdb store itself with another name and another end: its own table of
 * functions with two of them replaced. */
struct plain {
    struct store_ops ops; /* first: store->ops leads back here */
    const struct store_ops *real;
    struct lmdb_cell cell;
};

static void close_plain(struct store *store)
{
    struct plain *plain = (struct plain *)(uintptr_t)store->ops;
    store->ops = plain->real;
    store_close(store);
    lmdb_cell_remove(&plain->cell);
    free(plain);
}

static int open_plain(const char *name, const struct store_config *config,
                      const struct lmdb_options *options, bool group, struct store **store,
                      omega_error_t *err)
{
    struct plain *plain = calloc(1, sizeof(*plain));
    ck_assert_ptr_nonnull(plain);
    int rc = lmdb_cell_create(&plain->cell, config, options, err);
    if (rc != 0) {
        free(plain);
        return rc;
    }
    struct lmdb_use use = {.module = name, .group = group, .config = &plain->cell.config};
    rc = lmdb_open(plain->cell.path, &use, store, err);
    if (rc != 0) {
        lmdb_cell_remove(&plain->cell);
        free(plain);
        return rc;
    }
    plain->real = (*store)->ops;
    plain->ops = *plain->real;
    plain->ops.name = name;
    plain->ops.close = close_plain;
    (*store)->ops = &plain->ops;
    return 0;
}

int store_open_lmdb(const struct store_config *config, struct store **store, omega_error_t *err)
{
    struct lmdb_options options = {.mode = LMDB_PWRITE};
    return open_plain("lmdb", config, &options, false, store, err);
}

int store_open_lmdb_fast(const struct store_config *config, struct store **store,
                         omega_error_t *err)
{
    struct lmdb_options options = {.mode = LMDB_FAST, .log_changes = 256};
    return open_plain("lmdb-fast", config, &options, false, store, err);
}

int store_open_lmdb_group(const struct store_config *config, struct store **store,
                          omega_error_t *err)
{
    struct lmdb_options options = {.mode = LMDB_FAST};
    return open_plain("lmdb-group", config, &options, true, store, err);
}
