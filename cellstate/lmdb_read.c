/* SPDX-License-Identifier: MIT */
/* Reading the lmdb store: records, figures and lists, each call in its own read transaction. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cellstate/lmdb_private.h"

/* ---- store operations ---- */

int lmdb_machine(struct store *store, uint32_t index, struct omega_machine *out, omega_error_t *err)
{
    struct lmdb *lmdb = lmdb_of(store);
    MDB_txn *txn = NULL;
    if (index >= store->machine_count) {
        return omega_error_set(err, OMEGA_EINVAL, "machine %u is not in the cell of %u machines",
                               index, store->machine_count);
    }
    int rc = lmdb_read_begin(lmdb, &txn, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    MDB_val data;
    rc = lmdb_get(lmdb, txn, LMDB_MACHINES, index, &data, err);
    if (rc == OMEGA_OK) {
        rc = data.mv_data == NULL ? OMEGA_ECORRUPT
                                  : record_decode_machine(data.mv_data, data.mv_size, index, out);
        rc = lmdb_bad_record(lmdb, rc, LMDB_MACHINES, index, err);
    }
    lmdb_read_end(lmdb, txn);
    return rc;
}

struct placement_list {
    struct lmdb *lmdb;
    int (*each)(void *context, const struct store_placement *placement);
    void *context;
};

static int tell_placement(void *context, uint64_t key, const MDB_val *data, omega_error_t *err)
{
    const struct placement_list *list = context;
    struct store_placement placement;
    int rc = record_decode_placement(data->mv_data, data->mv_size, key, &placement);
    return rc == OMEGA_OK ? list->each(list->context, &placement)
                          : lmdb_bad_record(list->lmdb, rc, LMDB_PLACEMENTS, key, err);
}

/* Walks over a table in a read transaction. */
static int list_table(struct lmdb *lmdb, enum lmdb_table table, uint64_t first,
                      int (*each)(void *, uint64_t, const MDB_val *, omega_error_t *),
                      void *context, omega_error_t *err)
{
    MDB_txn *txn = NULL;
    int rc = lmdb_read_begin(lmdb, &txn, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_walk(lmdb, txn, table, first, each, context, err);
        lmdb_read_end(lmdb, txn);
    }
    return rc;
}

int lmdb_placements(struct store *store,
                    int (*each)(void *context, const struct store_placement *placement),
                    void *context, omega_error_t *err)
{
    struct placement_list list = {.lmdb = lmdb_of(store), .each = each, .context = context};
    return list_table(list.lmdb, LMDB_PLACEMENTS, 0, tell_placement, &list, err);
}

/* The head now; all 0 where it cannot be read, which every other call will tell. */
static struct record_head head_of(struct lmdb *lmdb)
{
    struct record_head head = {.counters.version = 0};
    MDB_txn *txn = NULL;
    if (lmdb_read_begin(lmdb, &txn, NULL) == OMEGA_OK) {
        if (lmdb_get_head(lmdb, txn, &head, NULL) != OMEGA_OK) {
            head = (struct record_head){.counters.version = 0};
        }
        lmdb_read_end(lmdb, txn);
    }
    return head;
}

void lmdb_counters(struct store *store, struct store_counters *out)
{
    *out = head_of(lmdb_of(store)).counters;
}

void lmdb_totals(struct store *store, struct store_totals *out)
{
    *out = head_of(lmdb_of(store)).totals;
}

/* ---- what only a cell on disk has ---- */

const struct omega_machine_spec *lmdb_machines(const struct store *store)
{
    return lmdb_of(store)->specs;
}

struct catalogue *lmdb_catalogue(struct store *store)
{
    return lmdb_of(store)->own_catalogue;
}

void lmdb_give_way(struct store *store, int64_t *since_us)
{
    lmdb_gate_give_way(lmdb_of(store)->gate, since_us);
}

bool lmdb_writer_now(struct store *store, struct lmdb_writer *writer)
{
    return lmdb_gate_writer(lmdb_of(store)->gate, writer);
}

struct readers {
    uint32_t count;
    uint64_t oldest; /* LMDB transaction; 0: none */
};

/* A line of mdb_reader_list(): "pid thread txnid", with "-" where a reader looks at nothing now;
 * the first line is a heading, or "(no active readers)". */
static int note_reader(const char *line, void *context)
{
    struct readers *readers = context;
    unsigned long pid = 0;
    unsigned long long txn = 0;
    int found = sscanf(line, "%lu %*x %llu", &pid, &txn);
    readers->count += found >= 1;
    if (found == 2 && (readers->oldest == 0 || txn < readers->oldest)) {
        readers->oldest = txn;
    }
    return 0;
}

/* The oldest version of which the log holds the change; 0 if it is empty. */
static uint64_t log_first(struct lmdb *lmdb, MDB_txn *txn, uint64_t newest)
{
    MDB_stat about;
    if (mdb_stat(txn, lmdb->tables[LMDB_LOG], &about) != MDB_SUCCESS || about.ms_entries == 0) {
        return 0;
    }
    return newest + 1 - about.ms_entries;
}

/* How far the oldest reader is behind. Others may have committed since `newest` was read, so that
 * the oldest reader is even younger. */
static uint64_t behind(const struct readers *readers, uint64_t newest)
{
    return readers->oldest == 0 || readers->oldest > newest ? 0 : newest - readers->oldest;
}

int lmdb_info(struct store *store, struct lmdb_info *info, omega_error_t *err)
{
    struct lmdb *lmdb = lmdb_of(store);
    MDB_envinfo env;
    MDB_txn *txn = NULL;
    struct record_head head;
    int rc = lmdb_read_begin(lmdb, &txn, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = lmdb_get_head(lmdb, txn, &head, err);
    uint64_t first = rc == OMEGA_OK ? log_first(lmdb, txn, head.counters.version) : 0;
    lmdb_read_end(lmdb, txn);
    if (rc == OMEGA_OK) {
        rc = lmdb_failed(lmdb, mdb_env_info(lmdb->env, &env), "describe the cell", err);
    }
    if (rc != OMEGA_OK) {
        return rc;
    }
    struct readers readers = {.count = 0};
    (void)mdb_reader_list(lmdb->env, note_reader, &readers);
    *info = (struct lmdb_info){
        .mode = (enum lmdb_mode)lmdb->meta.mode,
        .map_bytes = lmdb->meta.map_bytes,
        .used_bytes = (env.me_last_pgno + 1) * lmdb->page_bytes,
        .log_changes = lmdb->meta.log_changes,
        .keep_jobs = lmdb->meta.keep_jobs,
        .release_raises_seq = lmdb->meta.release_raises_seq,
        .overcommit = lmdb->meta.overcommit,
        .readers = readers.count,
        .oldest_reader = behind(&readers, env.me_last_txnid),
        .log_first = first,
    };
    lmdb_identity(lmdb, info->identity);
    return OMEGA_OK;
}

struct job_list {
    struct lmdb *lmdb;
    MDB_txn *txn;
    int (*each)(void *context, const struct lmdb_job *job);
    void *context;
};

static int tell_job(void *context, uint64_t key, const MDB_val *data, omega_error_t *err)
{
    const struct job_list *list = context;
    return lmdb_job_show(list->lmdb, list->txn, key, data, list->each, list->context, err);
}

int lmdb_jobs_from(struct store *store, uint64_t first,
                   int (*each)(void *context, const struct lmdb_job *job), void *context,
                   omega_error_t *err)
{
    struct job_list list = {.lmdb = lmdb_of(store), .each = each, .context = context};
    int rc = lmdb_read_begin(list.lmdb, &list.txn, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_walk(list.lmdb, list.txn, LMDB_JOBS, first, tell_job, &list, err);
        lmdb_read_end(list.lmdb, list.txn);
    }
    return rc;
}

int lmdb_jobs(struct store *store, int (*each)(void *context, const struct lmdb_job *job),
              void *context, omega_error_t *err)
{
    return lmdb_jobs_from(store, 0, each, context, err);
}

struct queue {
    struct job_list list;
    uint16_t instance;
    uint64_t *next;
};

/* Of most jobs, which are other instances', only the state is looked at. */
static int tell_queued(void *context, uint64_t key, const MDB_val *data, omega_error_t *err)
{
    struct queue *queue = context;
    const struct job_list *list = &queue->list;
    struct record_job_state state;
    int rc = record_decode_job_state(data->mv_data, data->mv_size, key, &state);
    if (rc != OMEGA_OK) {
        return lmdb_bad_record(list->lmdb, rc, LMDB_STATES, key, err);
    }
    *queue->next = key + 1;
    if (state.instance != queue->instance || state.pending == 0 || state.given_up) {
        return OMEGA_OK;
    }
    MDB_val job;
    rc = lmdb_get(list->lmdb, list->txn, LMDB_JOBS, key, &job, err);
    if (rc == OMEGA_OK && job.mv_data == NULL) {
        rc = lmdb_bad_record(list->lmdb, OMEGA_ECORRUPT, LMDB_JOBS, key, err);
    }
    return rc == OMEGA_OK ? tell_job(&queue->list, key, &job, err) : rc;
}

int lmdb_queue(struct store *store, uint16_t instance, uint64_t *next,
               int (*each)(void *context, const struct lmdb_job *job), void *context,
               omega_error_t *err)
{
    struct queue queue = {.list = {.lmdb = lmdb_of(store), .each = each, .context = context},
                          .instance = instance,
                          .next = next};
    int rc = lmdb_read_begin(queue.list.lmdb, &queue.list.txn, err);
    if (rc == OMEGA_OK) {
        rc = lmdb_walk(queue.list.lmdb, queue.list.txn, LMDB_STATES, *next, tell_queued, &queue,
                       err);
        lmdb_read_end(queue.list.lmdb, queue.list.txn);
    }
    return rc;
}

int lmdb_find_job(struct store *store, uint64_t id,
                  int (*each)(void *context, const struct lmdb_job *job), void *context,
                  omega_error_t *err)
{
    struct job_list list = {.lmdb = lmdb_of(store), .each = each, .context = context};
    int rc = lmdb_read_begin(list.lmdb, &list.txn, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    MDB_val data;
    rc = lmdb_get(list.lmdb, list.txn, LMDB_JOBS, id, &data, err);
    if (rc == OMEGA_OK) {
        rc = data.mv_data == NULL ? 1 : tell_job(&list, id, &data, err);
    }
    lmdb_read_end(list.lmdb, list.txn);
    return rc;
}

struct instance_list {
    struct lmdb *lmdb;
    int (*each)(void *context, const struct lmdb_instance *instance);
    void *context;
};

static int tell_instance(void *context, uint64_t key, const MDB_val *data, omega_error_t *err)
{
    const struct instance_list *list = context;
    struct record_instance record;
    int rc = record_decode_instance(data->mv_data, data->mv_size, key, &record);
    if (rc == OMEGA_OK && key >= OMEGA_INSTANCE_NONE) {
        rc = OMEGA_ECORRUPT;
    }
    if (rc != OMEGA_OK) {
        return lmdb_bad_record(list->lmdb, rc, LMDB_INSTANCES, key, err);
    }
    struct lmdb_instance instance = {
        .instance = (uint16_t)key,
        .incarnation = record.incarnation,
        .module = record.module,
        .job = record.job,
        .attempt = record.attempt,
        .result = record.result,
    };
    return list->each(list->context, &instance);
}

int lmdb_instances(struct store *store,
                   int (*each)(void *context, const struct lmdb_instance *instance), void *context,
                   omega_error_t *err)
{
    struct instance_list list = {.lmdb = lmdb_of(store), .each = each, .context = context};
    return list_table(list.lmdb, LMDB_INSTANCES, 0, tell_instance, &list, err);
}

void lmdb_change_placement(const struct lmdb_change *change, uint32_t index,
                           struct lmdb_change_placement *placement)
{
    struct record_change_item item;
    record_change_item(change->record, index, &item);
    *placement = (struct lmdb_change_placement){.id = item.placement, .task = item.task};
}

int lmdb_next_change(const struct lmdb *lmdb, MDB_cursor *cursor, uint64_t version, bool first,
                     MDB_val *data)
{
    uint64_t key = version % lmdb->meta.log_changes;
    MDB_val where = {.mv_size = sizeof key, .mv_data = &key};
    if (first || key == 0) {
        return mdb_cursor_get(cursor, &where, data, MDB_SET);
    }
    int code = mdb_cursor_get(cursor, &where, data, MDB_NEXT);
    bool follows = code == MDB_SUCCESS && where.mv_size == sizeof key &&
                   memcmp(where.mv_data, &key, sizeof key) == 0;
    return code == MDB_SUCCESS && !follows ? MDB_NOTFOUND : code;
}

static int tell_change(struct lmdb *lmdb, MDB_txn *txn, uint64_t version,
                       int (*each)(void *context, const struct lmdb_change *change), void *context,
                       omega_error_t *err)
{
    MDB_val data;
    uint64_t key = version % lmdb->meta.log_changes;
    struct record_change record;
    int rc = lmdb_get(lmdb, txn, LMDB_LOG, key, &data, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = data.mv_data == NULL ? OMEGA_ECORRUPT
                              : record_decode_change(data.mv_data, data.mv_size, key, &record);
    if (rc == OMEGA_OK && record.version != version) {
        rc = OMEGA_ECORRUPT;
    }
    if (rc != OMEGA_OK) {
        return lmdb_bad_record(lmdb, rc, LMDB_LOG, key, err);
    }
    struct lmdb_change change = {
        .version = version,
        .kind = record.kind,
        .detail = record.detail,
        .instance = record.instance,
        .incarnation = record.incarnation,
        .attempt = record.attempt,
        .job = record.job,
        .machines = record.machine_count,
        .items = record.item_count,
        .record = &record,
    };
    return each(context, &change);
}

int lmdb_changes(struct store *store, uint64_t from,
                 int (*each)(void *context, const struct lmdb_change *change), void *context,
                 omega_error_t *err)
{
    struct lmdb *lmdb = lmdb_of(store);
    MDB_txn *txn = NULL;
    struct record_head head;
    int rc = lmdb_read_begin(lmdb, &txn, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    rc = lmdb_get_head(lmdb, txn, &head, err);
    uint64_t newest = rc == OMEGA_OK ? head.counters.version : 0;
    uint64_t first = rc == OMEGA_OK ? log_first(lmdb, txn, newest) : 0;
    uint64_t version = from > first ? from : first;
    for (; rc == OMEGA_OK && first > 0 && version <= newest; version++) {
        rc = tell_change(lmdb, txn, version, each, context, err);
    }
    lmdb_read_end(lmdb, txn);
    return rc;
}

struct omega_job *lmdb_job_translate(const struct lmdb_job *said, const struct catalogue *catalogue)
{
    struct omega_job job = *said->job;
    struct omega_task_group *groups = malloc(job.group_count * sizeof *groups);
    bool known = groups != NULL;
    for (uint32_t g = 0; known && g < job.group_count; g++) {
        groups[g] = job.groups[g];
        known = catalogue_find_constraints(catalogue, said->constraints[g], &groups[g].constraints);
    }
    job.groups = groups;
    job.user = symbols_find(catalogue_symbols(catalogue), said->user, strlen(said->user));
    job.user = job.user == SYMBOL_NONE ? 0 : job.user;
    struct omega_job *copy = known ? omega_job_copy(&job) : NULL;
    free(groups);
    return copy;
}
