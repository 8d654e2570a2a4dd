/* SPDX-License-Identifier: MIT */
/*
 * Batches of the lmdb store: whoever changes the cell brings requests; inside the gate they run in
 * one LMDB transaction, in order, each seeing what those before it left. A request that is at fault
 * itself fails alone; if LMDB fails, nothing of the batch is kept and all of it fail.
 *
 * In a group the first thread that comes leads: while it waits for the gate or for the disk, others
 * queue up, and the next leader takes all of them (cellstate/README.md).
 */
#include <stddef.h>

#include "cellstate/lmdb_private.h"

#define FEED_SLOTS 1024u /* newest changes that a group keeps in memory */

/* ---- codes and texts ---- */

/* Gives a request its code and text; an error that its caller has recorded before stays. */
static void fail(struct lmdb_request *request, int code, const omega_error_t *why)
{
    request->code = code;
    if (request->err != NULL && !request->had_error) {
        *request->err = *why;
    }
}

static void begin_requests(struct lmdb_request *const *requests, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        requests[i]->code = OMEGA_OK;
        requests[i]->apart = false;
        requests[i]->had_error = requests[i]->err != NULL && requests[i]->err->code != OMEGA_OK;
    }
}

/* Nothing of a batch is kept: what was decided after a change of it was decided by what is no more,
 * refusals included. */
static void fail_all(struct lmdb_request *const *requests, uint32_t count, int code,
                     const omega_error_t *why)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!requests[i]->apart) {
            fail(requests[i], code, why);
        }
    }
}

/* ---- one batch ---- */

/* Runs requests inside the gate, in one LMDB transaction. True: something was committed. */
static bool run_batch(struct lmdb *lmdb, struct lmdb_request *const *requests, uint32_t count)
{
    struct lmdb_write *write = &lmdb->write;
    omega_error_t why;
    omega_error_clear(&why);
    begin_requests(requests, count);
    int rc = lmdb_write_begin(lmdb, &why);
    for (uint32_t i = 0; rc == OMEGA_OK && i < count; i++) {
        omega_error_t own;
        omega_error_clear(&own);
        int code = requests[i]->run(lmdb, requests[i]->arguments, &own);
        if (write->broken) {
            why = own;
            rc = code;
        } else if (code != OMEGA_OK) {
            fail(requests[i], code, &own);
            requests[i]->apart = !write->changed;
        }
    }
    bool changed = rc == OMEGA_OK && write->changed;
    if (changed) {
        rc = lmdb_write_end(lmdb, &why);
    }
    lmdb_write_abort(lmdb);
    if (rc != OMEGA_OK) {
        fail_all(requests, count, rc, &why);
    }
    return changed && rc == OMEGA_OK;
}

static int enter(struct lmdb *lmdb, uint16_t instance, omega_error_t *err)
{
    bool died = false; /* LMDB finds out by itself, and undoes what was not committed */
    return lmdb_gate_enter(lmdb->gate, instance, lmdb->blocked, lmdb->blocked_context, &died, err);
}

/* Takes the gate for a batch, unless its leader is inside. */
static void run_gated(struct lmdb *lmdb, struct lmdb_request *const *requests, uint32_t count)
{
    omega_error_t why;
    omega_error_clear(&why);
    int rc = lmdb->inside ? OMEGA_OK : enter(lmdb, requests[0]->instance, &why);
    lmdb->inside = false;
    if (rc != OMEGA_OK) {
        begin_requests(requests, count);
        fail_all(requests, count, rc, &why);
        return;
    }
    bool committed = run_batch(lmdb, requests, count);
    lmdb_gate_leave(lmdb->gate);
    if (committed && lmdb->feed != NULL) {
        lmdb_publish(lmdb);
    }
}

/* ---- a group ---- */

/* The requests of one call, in the queue of a group. */
struct bundle {
    struct combine_node node;
    struct lmdb_request *requests;
    uint32_t count;
};

static const struct bundle *bundle_of(const struct combine_node *node)
{
    return (const void *)((const char *)node - offsetof(struct bundle, node));
}

/* The leader waits for the gate before it takes what is queued: all that comes meanwhile is in its
 * batch. If it cannot have the gate, serve() tries again and tells why. */
static void lead(void *context, struct combine_node *leader)
{
    struct lmdb *lmdb = context;
    lmdb->inside = enter(lmdb, bundle_of(leader)->requests[0].instance, NULL) == OMEGA_OK;
}

/* Serves what has queued up, LMDB_BATCH_MAX requests at a time. */
static void serve(void *context, struct combine_node *const *nodes, size_t count)
{
    struct lmdb *lmdb = context;
    struct lmdb_request *batch[LMDB_BATCH_MAX];
    uint32_t filled = 0;
    for (size_t n = 0; n < count; n++) {
        const struct bundle *bundle = bundle_of(nodes[n]);
        for (uint32_t i = 0; i < bundle->count; i++) {
            batch[filled++] = &bundle->requests[i];
            if (filled == LMDB_BATCH_MAX) {
                run_gated(lmdb, batch, filled);
                filled = 0;
            }
        }
    }
    if (filled > 0) {
        run_gated(lmdb, batch, filled);
    }
}

int lmdb_group_open(struct lmdb *lmdb, omega_error_t *err)
{
    MDB_txn *txn = NULL;
    struct record_head head;
    lmdb->feed_slots = FEED_SLOTS;
    lmdb->feed = feed_create(FEED_SLOTS);
    if (lmdb->feed == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for the changes of the cell");
    }
    combine_init(&lmdb->combine, serve, lmdb);
    combine_set_before(&lmdb->combine, lead);
    lmdb->combines = true;
    int rc = lmdb_read_begin(lmdb, &txn, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_get_head(lmdb, txn, &head, err);
        if (rc == OMEGA_OK) {
            lmdb->fed = head.counters.version;
            feed_reset(lmdb->feed, lmdb->fed, mdb_txn_id(txn));
        }
        lmdb_read_end(lmdb, txn);
    }
    return rc;
}

void lmdb_group_close(struct lmdb *lmdb)
{
    if (lmdb->combines) {
        combine_fini(&lmdb->combine);
    }
    feed_destroy(lmdb->feed);
}

/* ---- requests ---- */

/* Without a group: batches of this thread's own requests. */
static void run_alone(struct lmdb *lmdb, struct lmdb_request *requests, uint32_t count)
{
    struct bundle bundle = {.requests = requests, .count = count};
    struct combine_node *nodes[] = {&bundle.node};
    serve(lmdb, nodes, 1);
}

int lmdb_execute(struct lmdb *lmdb, struct lmdb_request *requests, uint32_t count)
{
    omega_error_t why;
    omega_error_clear(&why);
    int rc = lmdb_check_process(lmdb, &why);
    if (rc == OMEGA_OK && lmdb->read_only) {
        rc = omega_error_set_at(&why, OMEGA_EINVAL, lmdb->path, 0,
                                "the cell is open for reading only");
    }
    if (rc != OMEGA_OK) {
        for (uint32_t i = 0; i < count; i++) {
            struct lmdb_request *request = &requests[i];
            begin_requests(&request, 1);
            fail(request, rc, &why);
        }
    } else if (lmdb->combines) {
        struct bundle bundle = {.requests = requests, .count = count};
        combine_run(&lmdb->combine, &bundle.node);
        feed_reclaim(lmdb->feed);
    } else {
        run_alone(lmdb, requests, count);
    }
    for (uint32_t i = 0; rc == OMEGA_OK && i < count; i++) {
        rc = requests[i].code;
    }
    return rc;
}

int lmdb_execute_one(struct lmdb *lmdb, int (*run)(struct lmdb *, void *, omega_error_t *),
                     void *arguments, uint16_t instance, omega_error_t *err)
{
    struct lmdb_request request = {
        .run = run,
        .arguments = arguments,
        .instance = instance,
        .err = err,
    };
    return lmdb_execute(lmdb, &request, 1);
}
