/* SPDX-License-Identifier: MIT */
/* Making a cell of a dump. */
#include "core/workload/cell_dump.h"

static int restore_all(const struct cell_dump *dump, struct lmdb_restore *restore,
                       omega_error_t *err)
{
    int rc = OMEGA_OK;
    for (size_t i = 0; rc == OMEGA_OK && i < dump->machine_count; i++) {
        rc = lmdb_restore_machine(restore, &dump->machines[i], err);
    }
    for (size_t i = 0; rc == OMEGA_OK && i < dump->placement_count; i++) {
        rc = lmdb_restore_placement(restore, &dump->placements[i], err);
    }
    for (size_t i = 0; rc == OMEGA_OK && i < dump->job_count; i++) {
        rc = lmdb_restore_job(restore, &dump->jobs[i], err);
    }
    for (size_t i = 0; rc == OMEGA_OK && i < dump->instance_count; i++) {
        const struct cell_dump_instance *instance = &dump->instances[i];
        rc = lmdb_restore_instance(restore, instance->instance, instance->incarnation,
                                   instance->module, err);
    }
    return rc;
}

static int fill(const struct cell_dump *dump, const char *path, omega_error_t *err)
{
    struct lmdb_restore *restore = NULL;
    int rc = lmdb_restore_open(path, &restore, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = restore_all(dump, restore, err);
    if (rc != OMEGA_OK) {
        lmdb_restore_abort(restore);
        return rc;
    }
    return lmdb_restore_commit(restore, &dump->counters, err);
}

int cell_dump_load(const struct cell_dump *dump, const char *path,
                   const struct lmdb_options *options, omega_error_t *err)
{
    struct lmdb_options all = *options;
    struct store_config config = {
        .catalogue = dump->catalogue,
        .machines = dump->specs,
        .machine_count = (uint32_t)dump->machine_count,
        .overcommit = dump->overcommit,
        .release_raises_seq = dump->release_raises_seq,
    };
    all.log_changes = dump->log_changes;
    all.keep_jobs = dump->keep_jobs;
    int rc = lmdb_create(path, &config, &all, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = fill(dump, path, err);
    if (rc != OMEGA_OK) {
        lmdb_remove(path, NULL); /* the error that counts is the first */
    }
    return rc;
}
