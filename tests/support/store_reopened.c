/* SPDX-License-Identifier: MIT */
/*
 * The lmdb store, closed and opened again now and then between two operations. Whoever uses it sees
 * nothing of that: its views outlive the stores that fed them, and show what they showed until they
 * are refreshed.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cellstate/store_view.h"
#include "tests/support/lmdb_cell.h"

#define REOPEN_ONE_IN 24 /* changes, and things done with views */
#define REOPEN_ONE_READ_IN 500

/* What the user holds: arrays of its own, and the view of the store behind, which is gone after
 * each reopening until the next refresh. */
struct outer {
    struct store_view view; /* first */
    struct store_view *inner;
    struct reopened *owner;
    struct outer *next;
};

struct reopened {
    struct store store; /* first */
    struct store *inner;
    struct lmdb_cell cell;
    struct lmdb_use use;
    struct outer *views;
    uint32_t *platforms;
    uint32_t *domains;
    uint32_t held; /* not to be reopened */
};

static struct reopened *reopened_of(struct store *store)
{
    return (struct reopened *)(void *)store;
}

static void forget_inner(struct reopened *r, struct outer *outer)
{
    store_view_close(r->inner, outer->inner);
    outer->inner = NULL;
}

/* The store behind, reopened before this operation or not. */
static struct store *perhaps(struct store *store, uint32_t one_in)
{
    struct reopened *r = reopened_of(store);
    if (r->held > 0 || omega_random_below(&r->cell.random, one_in) != 0) {
        return r->inner;
    }
    for (struct outer *outer = r->views; outer != NULL; outer = outer->next) {
        forget_inner(r, outer);
    }
    store_close(r->inner);
    r->inner = NULL;
    omega_error_t err = {0};
    int rc = lmdb_open(r->cell.path, &r->use, &r->inner, &err);
    ck_assert_msg(rc == 0, "not opened again: %s", err.text);
    return r->inner;
}

/* For a change or a view. */
static struct store *now(struct store *store)
{
    return perhaps(store, REOPEN_ONE_IN);
}

/* For reading. */
static struct store *for_reading(struct store *store)
{
    return perhaps(store, REOPEN_ONE_READ_IN);
}

static int reopened_submit(struct store *store, const struct omega_job *job, omega_error_t *err)
{
    return store_submit(now(store), job, err);
}

static int reopened_commit(struct store *store, const struct omega_transaction *txn,
                           struct omega_claim_result *results, struct omega_result *result,
                           omega_error_t *err)
{
    return store_commit(now(store), txn, results, result, err);
}

static int reopened_release(struct store *store, const uint64_t *placements, uint32_t count,
                            enum store_release_reason reason, struct store_release_result *results,
                            uint64_t *version, omega_error_t *err)
{
    return store_release(now(store), placements, count, reason, results, version, err);
}

static int reopened_machine_event(struct store *store, const struct omega_machine_event *event,
                                  enum store_loss_policy policy,
                                  const struct store_release_result **lost, uint32_t *lost_count,
                                  uint64_t *version, omega_error_t *err)
{
    return store_machine_event(now(store), event, policy, lost, lost_count, version, err);
}

static int reopened_abandon(struct store *store, uint64_t job, uint32_t *tasks, uint64_t *version,
                            omega_error_t *err)
{
    return store_abandon(now(store), job, tasks, version, err);
}

static int reopened_preload(struct store *store, struct store_placement *placements, uint32_t count,
                            uint64_t *version, omega_error_t *err)
{
    return store_preload(now(store), placements, count, version, err);
}

/* Everything that the view behind shows. */
static void take_over(struct outer *outer, const struct store_view *inner)
{
    struct store_view *view = &outer->view;
    store_view_copy_all(view, inner);
    view->shown.version = inner->shown.version;
    view->shown.synced_us = inner->shown.synced_us;
    for (uint32_t m = 0; m < view->shown.machine_count; m++) {
        view->absorbed[m] = store_view_synced(inner, m);
    }
}

static int reopened_view_open(struct store *store, enum store_view_mode mode,
                              struct store_view **view, omega_error_t *err)
{
    struct reopened *r = reopened_of(store);
    struct store_view *inner = NULL;
    int rc = store_view_open(now(store), mode, &inner, err);
    if (rc != 0) {
        return rc;
    }
    uint32_t machines = store->machine_count;
    struct outer *outer = calloc(1, sizeof(*outer));
    ck_assert_ptr_nonnull(outer);
    rc = store_view_allocate(&outer->view, machines, inner->free_gpu_milli != NULL);
    ck_assert_int_eq(rc, 0);
    outer->view.absorbed = calloc(machines + 1u, sizeof(*outer->view.absorbed));
    ck_assert_ptr_nonnull(outer->view.absorbed);
    ck_assert_mem_eq(inner->shown.platform, r->platforms, machines * sizeof(*r->platforms));
    ck_assert_mem_eq(inner->shown.domain, r->domains, machines * sizeof(*r->domains));
    outer->view.mode = mode;
    outer->view.shown.platform = r->platforms;
    outer->view.shown.domain = r->domains;
    outer->inner = inner;
    outer->owner = r;
    outer->next = r->views;
    r->views = outer;
    take_over(outer, inner);
    *view = &outer->view;
    return 0;
}

static void reopened_view_close(struct store_view *view)
{
    struct outer *outer = (struct outer *)(void *)view;
    struct outer **at = &outer->owner->views;
    while (*at != outer) {
        at = &(*at)->next;
    }
    *at = outer->next;
    forget_inner(outer->owner, outer);
    store_view_free_arrays(view);
    free(outer);
}

static int reopened_view_refresh(struct store *store, struct store_view *view, omega_error_t *err)
{
    struct outer *outer = (struct outer *)(void *)view;
    struct store *inner = now(store);
    int rc = outer->inner == NULL ? store_view_open(inner, view->mode, &outer->inner, err)
                                  : store_view_refresh(inner, outer->inner, err);
    if (rc == 0) {
        take_over(outer, outer->inner);
    }
    return rc;
}

/* A view whose store is gone takes these machines from a fresh one. */
static int reopened_view_absorb(struct store *store, struct store_view *view,
                                const uint32_t *machines, uint32_t count, omega_error_t *err)
{
    struct outer *outer = (struct outer *)(void *)view;
    struct store *inner = now(store);
    struct store_view *fresh = NULL;
    int rc = outer->inner == NULL ? store_view_open(inner, view->mode, &fresh, err)
                                  : store_view_absorb(inner, outer->inner, machines, count, err);
    const struct store_view *from = outer->inner == NULL ? fresh : outer->inner;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        store_view_copy_machine(view, from, machines[i]);
        view->absorbed[machines[i]] = store_view_synced(from, machines[i]);
    }
    store_view_close(inner, fresh);
    return rc;
}

static int reopened_machine(struct store *store, uint32_t index, struct omega_machine *out,
                            omega_error_t *err)
{
    return store_machine(for_reading(store), index, out, err);
}

static int reopened_placements(struct store *store,
                               int (*each)(void *context, const struct store_placement *placement),
                               void *context, omega_error_t *err)
{
    return store_placements(for_reading(store), each, context, err);
}

static void reopened_counters(struct store *store, struct store_counters *out)
{
    store_counters(for_reading(store), out);
}

static void reopened_totals(struct store *store, struct store_totals *out)
{
    store_totals(for_reading(store), out);
}

static int reopened_hold(struct store *store, omega_error_t *err)
{
    struct store *inner = for_reading(store);
    int rc = inner->ops->hold(inner, err);
    reopened_of(store)->held += rc == 0;
    return rc;
}

static void reopened_let_go(struct store *store)
{
    struct reopened *r = reopened_of(store);
    r->inner->ops->let_go(r->inner);
    r->held--;
}

static int reopened_check(struct store *store, struct store_report *report, omega_error_t *err)
{
    struct store *inner = for_reading(store);
    return inner->ops->check(inner, report, err);
}

static void reopened_close(struct store *store)
{
    struct reopened *r = reopened_of(store);
    store_close(r->inner);
    lmdb_cell_remove(&r->cell);
    free(r->platforms);
    free(r->domains);
    free(r);
}

static const struct store_ops reopened_ops = {
    .name = "lmdb-reopened",
    .submit = reopened_submit,
    .commit = reopened_commit,
    .release = reopened_release,
    .machine_event = reopened_machine_event,
    .abandon = reopened_abandon,
    .preload = reopened_preload,
    .view_open = reopened_view_open,
    .view_refresh = reopened_view_refresh,
    .view_absorb = reopened_view_absorb,
    .view_close = reopened_view_close,
    .machine = reopened_machine,
    .placements = reopened_placements,
    .counters = reopened_counters,
    .totals = reopened_totals,
    .hold = reopened_hold,
    .let_go = reopened_let_go,
    .check = reopened_check,
    .close = reopened_close,
};

static void copy_static_arrays(struct reopened *r)
{
    uint32_t machines = r->store.machine_count;
    r->platforms = calloc(machines + 1u, sizeof(*r->platforms));
    r->domains = calloc(machines + 1u, sizeof(*r->domains));
    ck_assert(r->platforms != NULL && r->domains != NULL);
    for (uint32_t m = 0; m < machines; m++) {
        r->platforms[m] = r->cell.specs[m].platform;
        r->domains[m] = r->cell.specs[m].domain;
    }
}

int store_open_lmdb_reopened(const struct store_config *config, struct store **store,
                             omega_error_t *err)
{
    struct reopened *r = calloc(1, sizeof(*r));
    ck_assert_ptr_nonnull(r);
    int rc = lmdb_cell_create(&r->cell, config, NULL, err);
    if (rc != 0) {
        free(r);
        return rc;
    }
    r->use = (struct lmdb_use){.module = "reopened", .config = &r->cell.config};
    r->use.group = omega_random_below(&r->cell.random, 4) == 0;
    rc = lmdb_open(r->cell.path, &r->use, &r->inner, err);
    if (rc != 0) {
        lmdb_cell_remove(&r->cell);
        free(r);
        return rc;
    }
    r->store = (struct store){
        .ops = &reopened_ops,
        .catalogue = r->inner->catalogue,
        .machine_count = r->inner->machine_count,
        .release_raises_seq = r->inner->release_raises_seq,
    };
    copy_static_arrays(r);
    *store = &r->store;
    return 0;
}
