/* SPDX-License-Identifier: MIT */
/* Counting conflicts: see conflicts.h. Only transactions with a refused claim are looked into. */
#include "core/metrics/conflicts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/large.h"
#include "core/base/map.h"
#include "core/metrics/metrics_private.h"

#define ROOM_FIRST 64u
/* Up to so many instances a pair's block is found in a table, of some half a MiB. */
#define TABLE_INSTANCES 256u

/* What conflicts of a scheduler or workload come to. */
struct conflict_scope {
    struct metrics_conflicts figures;
    struct histogram *view_age;
    struct histogram *view_age_versions;
};

/* An entry of the matrix, and what the transaction at hand adds to it. */
struct block {
    struct metrics_block figures;
    uint32_t claims; /* in conflict, of the transaction at hand */
};

struct conflicts {
    struct conflict_scope *scopes; /* of schedulers, then of workloads */
    uint32_t *first_instance;      /* per scheduler, and how many there are at the end */
    uint32_t instances;
    struct block **blocks; /* by instance and rival once the run has ended */
    uint32_t block_count;
    uint32_t block_room;
    struct block **table;  /* [instance][rival, or `instances`: nobody]; NULL: too many */
    struct map block_of;   /* what is not in the table: instance and rival -> block */
    struct block **raised; /* by the transaction at hand */
    uint32_t raised_count;
    uint32_t raised_room;
    uint32_t machine_count;
    uint32_t *conflicting;            /* per machine, UINT32_MAX for more; NULL: no conflict yet */
    uint32_t last;                    /* machine whose newest conflict is not counted there yet */
    struct metrics_machine *machines; /* NULL: not asked for */
    metrics_refused_sink *refused;    /* NULL: not asked for */
    void *refused_context;
    bool counterfactuals;
    struct metrics_would *would; /* [scheduler][detection][granularity] */
};

/* ---- making ---- */

static int init_scopes(struct conflicts *conflicts, uint32_t count)
{
    conflicts->scopes = calloc(count + 1u, sizeof *conflicts->scopes);
    for (uint32_t i = 0; conflicts->scopes != NULL && i < count; i++) {
        struct conflict_scope *scope = &conflicts->scopes[i];
        scope->view_age = histogram_create();
        scope->view_age_versions = histogram_create();
        if (scope->view_age == NULL || scope->view_age_versions == NULL) {
            return OMEGA_ENOMEM;
        }
        scope->figures.view_age = scope->view_age;
        scope->figures.view_age_versions = scope->view_age_versions;
    }
    return conflicts->scopes == NULL ? OMEGA_ENOMEM : OMEGA_OK;
}

static int init_options(struct conflicts *conflicts, const struct metrics_config *config)
{
    size_t modes = (size_t)config->scheduler_count * OMEGA_DETECTIONS * OMEGA_GRANULARITIES;
    conflicts->machine_count = config->machine_count;
    conflicts->refused = config->refused;
    conflicts->refused_context = config->refused_context;
    conflicts->counterfactuals = config->counterfactuals;
    if (config->machines) {
        conflicts->machines = large_calloc(config->machine_count + 1u, sizeof *conflicts->machines);
    }
    if (config->counterfactuals) {
        conflicts->would = calloc(modes + 1, sizeof *conflicts->would);
    }
    return (config->machines && conflicts->machines == NULL) ||
                   (config->counterfactuals && conflicts->would == NULL)
               ? OMEGA_ENOMEM
               : OMEGA_OK;
}

int conflicts_init(struct metrics *metrics, const struct metrics_config *config)
{
    if (!config->conflicts) {
        return OMEGA_OK;
    }
    struct conflicts *conflicts = calloc(1, sizeof *conflicts);
    metrics->conflicts = conflicts;
    if (conflicts == NULL) {
        return OMEGA_ENOMEM;
    }
    conflicts->first_instance =
        calloc(config->scheduler_count + 1u, sizeof *conflicts->first_instance);
    if (conflicts->first_instance == NULL ||
        init_scopes(conflicts, config->scheduler_count + config->workload_count) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    for (uint32_t s = 0; s < config->scheduler_count; s++) {
        conflicts->first_instance[s] = conflicts->instances;
        conflicts->instances += config->instances[s];
    }
    conflicts->first_instance[config->scheduler_count] = conflicts->instances;
    if (conflicts->instances <= TABLE_INSTANCES) {
        size_t entries = conflicts->instances * (conflicts->instances + (size_t)1);
        conflicts->table = calloc(entries + 1, sizeof *conflicts->table);
        if (conflicts->table == NULL) {
            return OMEGA_ENOMEM;
        }
    }
    return init_options(conflicts, config);
}

void conflicts_release(struct metrics *metrics)
{
    struct conflicts *conflicts = metrics->conflicts;
    if (conflicts == NULL) {
        return;
    }
    uint32_t scopes = metrics->scheduler_count + metrics->workload_count;
    for (uint32_t i = 0; conflicts->scopes != NULL && i < scopes; i++) {
        histogram_destroy(conflicts->scopes[i].view_age);
        histogram_destroy(conflicts->scopes[i].view_age_versions);
    }
    for (uint32_t i = 0; i < conflicts->block_count; i++) {
        free(conflicts->blocks[i]);
    }
    free(conflicts->table);
    map_clear(&conflicts->block_of);
    free(conflicts->scopes);
    free(conflicts->first_instance);
    free(conflicts->blocks);
    free(conflicts->raised);
    large_free(conflicts->conflicting);
    large_free(conflicts->machines);
    free(conflicts->would);
    free(conflicts);
}

bool metrics_wants_causes(const struct metrics *metrics)
{
    return metrics->conflicts != NULL;
}

bool metrics_wants_counterfactuals(const struct metrics *metrics)
{
    return metrics->conflicts != NULL && metrics->conflicts->counterfactuals;
}

/* ---- the matrix ---- */

/* Makes room for one more in an array of pointers. */
static int reserve(struct block ***blocks, uint32_t count, uint32_t *room)
{
    if (count < *room) {
        return OMEGA_OK;
    }
    uint32_t wanted = *room == 0 ? ROOM_FIRST : *room * 2;
    struct block **grown = reallocarray(*blocks, wanted, sizeof(struct block *));
    if (grown == NULL) {
        return OMEGA_ENOMEM;
    }
    *blocks = grown;
    *room = wanted;
    return OMEGA_OK;
}

static uint64_t key_of(uint16_t instance, uint16_t rival)
{
    return ((uint64_t)instance << 16 | rival) + 1;
}

/* Where the table has a pair's block; NULL: it has not. On a cell that others use, too, instances
 * are numbered among all. */
static struct block **place_of(const struct conflicts *conflicts, uint16_t instance, uint16_t rival)
{
    const uint32_t count = conflicts->instances;
    const bool there = conflicts->table != NULL && instance < count &&
                       (rival < count || rival == OMEGA_INSTANCE_NONE);
    const uint32_t column = rival < count ? rival : count;
    return there ? &conflicts->table[instance * (count + (size_t)1) + column] : NULL;
}

static struct block *block_of(struct conflicts *conflicts, uint16_t instance, uint16_t rival)
{
    struct block **place = place_of(conflicts, instance, rival);
    struct block *block =
        place != NULL ? *place : map_get(&conflicts->block_of, key_of(instance, rival));
    if (block != NULL) {
        return block;
    }
    block = calloc(1, sizeof *block);
    if (block == NULL ||
        reserve(&conflicts->blocks, conflicts->block_count, &conflicts->block_room) != OMEGA_OK ||
        (place == NULL &&
         map_put(&conflicts->block_of, key_of(instance, rival), block) != OMEGA_OK)) {
        free(block);
        return NULL;
    }
    if (place != NULL) {
        *place = block;
    }
    block->figures.instance = instance;
    block->figures.rival = rival;
    conflicts->blocks[conflicts->block_count++] = block;
    return block;
}

static bool is_spurious(const struct omega_claim_result *result)
{
    return result->outcome == OMEGA_CONFLICT_SEQ_CHANGED && result->other_refuses == 0;
}

/* Notes that the transaction at hand has one more claim that this rival put into conflict. */
static struct block *raise_block(struct conflicts *conflicts, uint16_t instance, uint16_t rival)
{
    struct block *block = block_of(conflicts, instance, rival);
    if (block == NULL) {
        return NULL;
    }
    if (block->claims++ == 0) {
        if (reserve(&conflicts->raised, conflicts->raised_count, &conflicts->raised_room) !=
            OMEGA_OK) {
            block->claims = 0;
            return NULL;
        }
        conflicts->raised[conflicts->raised_count++] = block;
    }
    return block;
}

static void count_claim(struct metrics_block *figures, const struct omega_claim_result *result,
                        const struct omega_cause *cause)
{
    figures->claims++;
    figures->claims_no_longer_fits += result->outcome == OMEGA_CONFLICT_NO_LONGER_FITS;
    figures->claims_seq_changed += result->outcome == OMEGA_CONFLICT_SEQ_CHANGED;
    figures->claims_spurious += is_spurious(result);
    if (cause != NULL) {
        figures->claims_sole_rival += cause->sole_rival;
        figures->claims_short_cpu += cause->missing_cpu_milli > 0;
        figures->claims_short_mem += cause->missing_mem_mib > 0;
        figures->claims_short_gpu += cause->missing_gpu_milli > 0;
    }
}

static int by_rival(const void *a, const void *b)
{
    const struct block *x = *(const struct block *const *)a;
    const struct block *y = *(const struct block *const *)b;
    if (x->figures.instance != y->figures.instance) {
        return x->figures.instance < y->figures.instance ? -1 : 1;
    }
    return (x->figures.rival > y->figures.rival) - (x->figures.rival < y->figures.rival);
}

/* Shares the attempt's time out among its rivals in proportion to the claims that they put into
 * conflict, in whole microseconds that add up: each gets what is due up to it in the order of
 * instances, rounded down, less what those before it got. */
static void share_time(struct conflicts *conflicts, uint32_t claims, int64_t busy_us, bool counted)
{
    __extension__ typedef __int128 wide;
    uint64_t before = 0;
    int64_t given_us = 0;
    if (conflicts->raised_count > 1) {
        qsort((void *)conflicts->raised, conflicts->raised_count, sizeof(struct block *), by_rival);
    }
    for (uint32_t i = 0; i < conflicts->raised_count; i++) {
        struct block *block = conflicts->raised[i];
        before += block->claims;
        int64_t due_us = (int64_t)((wide)busy_us * (wide)before / claims);
        block->figures.lost_us += due_us - given_us;
        block->figures.transactions += counted;
        block->claims = 0;
        given_us = due_us;
    }
    conflicts->raised_count = 0;
}

/* ---- scopes ---- */

static void add_age(struct metrics *metrics, struct conflict_scope *scope,
                    const struct metrics_attempt *attempt)
{
    if (metrics->histograms &&
        (histogram_add(scope->view_age, attempt->view_age_us) != 0 ||
         histogram_add(scope->view_age_versions, (int64_t)attempt->view_age_versions) != 0)) {
        metrics->status = OMEGA_ENOMEM;
    }
}

static void add_to_scope(struct metrics *metrics, struct conflict_scope *scope,
                         const struct metrics_attempt *attempt, const struct metrics_block *sum)
{
    struct metrics_conflicts *figures = &scope->figures;
    figures->claims_no_longer_fits += sum->claims_no_longer_fits;
    figures->claims_seq_changed += sum->claims_seq_changed;
    figures->claims_spurious += sum->claims_spurious;
    figures->claims_sole_rival += sum->claims_sole_rival;
    if (!attempt->enough) {
        figures->transactions_spurious += sum->claims_spurious == sum->claims;
        add_age(metrics, scope, attempt);
    }
}

/* ---- machines ---- */

static void count_hot(struct metrics *metrics, uint32_t machine)
{
    struct conflicts *conflicts = metrics->conflicts;
    if (conflicts->machines != NULL || machine >= conflicts->machine_count) {
        return;
    }
    if (conflicts->conflicting == NULL) {
        conflicts->conflicting =
            large_calloc(conflicts->machine_count + 1u, sizeof *conflicts->conflicting);
        if (conflicts->conflicting == NULL) {
            metrics->status = OMEGA_ENOMEM;
            return;
        }
        conflicts->last = conflicts->machine_count; /* nobody's */
    }
    /* mostly far: at hand when the next one comes */
    __builtin_prefetch(&conflicts->conflicting[machine], 1);
    uint32_t *counted = &conflicts->conflicting[conflicts->last];
    *counted += *counted < UINT32_MAX;
    conflicts->last = machine;
}

static void count_machines(struct conflicts *conflicts, const struct omega_transaction *txn,
                           const struct omega_claim_result *results)
{
    uint32_t other = 0;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        bool is_other = omega_is_other(txn, results, i, &other);
        uint8_t outcome = is_other ? results[i].outcome : (uint8_t)OMEGA_ACCEPTED;
        uint32_t index = omega_transaction_claim(txn, i).machine;
        assert(index < conflicts->machine_count);
        struct metrics_machine *machine = &conflicts->machines[index];
        machine->accepted += outcome == OMEGA_ACCEPTED;
        machine->conflicting += omega_outcome_is_conflict(outcome);
        machine->spurious += is_other && is_spurious(&results[i]);
        machine->refused += omega_outcome_is_refusal(outcome);
        machine->aborted += outcome == OMEGA_ABORTED;
    }
}

/* ---- conflicts ---- */

static const struct omega_cause *cause_of(const struct omega_transaction *txn, uint32_t i)
{
    const struct omega_inquiry *inquiry = txn->inquiry;
    return inquiry == NULL || inquiry->causes == NULL || !inquiry->answered ? NULL
                                                                            : &inquiry->causes[i];
}

/* Whom a conflict is put down to. Under compat-seq-leak a sequence can move without a placement:
 * then the last one to place there did so before the view was synced, and nobody is to blame. */
static uint16_t blocker(const struct omega_claim *claim, const struct omega_claim_result *result)
{
    return result->rival_version > claim->synced ? result->rival : OMEGA_INSTANCE_NONE;
}

/* A transaction with claims in conflict. One that began in the warm-up only costs time; one that
 * got enough has lost claims, but no time. */
static void count_conflicts(struct metrics *metrics, const struct metrics_attempt *attempt,
                            const struct metrics_commit *commit, bool counted)
{
    struct conflicts *conflicts = metrics->conflicts;
    const struct omega_transaction *txn = commit->txn;
    const struct omega_claim_result *results = commit->results;
    const uint32_t others = omega_others(txn);
    struct metrics_block sum = {.claims = 0};
    for (uint32_t k = 0; k < others; k++) {
        const uint32_t i = omega_other(txn, k);
        const struct omega_claim_result *result = &results[i];
        if (!omega_outcome_is_conflict(result->outcome)) {
            continue;
        }
        const struct omega_claim claim = omega_transaction_claim(txn, i);
        struct block *block = raise_block(conflicts, txn->instance, blocker(&claim, result));
        if (block == NULL) {
            metrics->status = OMEGA_ENOMEM;
            continue;
        }
        count_claim(&sum, result, cause_of(txn, i));
        if (counted) {
            count_claim(&block->figures, result, cause_of(txn, i));
            count_hot(metrics, claim.machine);
        }
    }
    int64_t busy_us =
        metrics_clamp(metrics, attempt->end_us) - metrics_clamp(metrics, attempt->start_us);
    share_time(conflicts, (uint32_t)sum.claims, attempt->enough ? 0 : busy_us,
               counted && !attempt->enough);
    if (counted) {
        add_to_scope(metrics, &conflicts->scopes[attempt->scheduler], attempt, &sum);
        add_to_scope(metrics, &conflicts->scopes[metrics->scheduler_count + attempt->workload],
                     attempt, &sum);
    }
}

/* ---- refused claims ---- */

static void tell_refused(struct metrics *metrics, const struct metrics_attempt *attempt,
                         const struct metrics_commit *commit)
{
    const struct conflicts *conflicts = metrics->conflicts;
    const struct omega_transaction *txn = commit->txn;
    for (uint32_t k = 0; k < omega_others(txn); k++) {
        const uint32_t i = omega_other(txn, k);
        const struct omega_claim claim = omega_transaction_claim(txn, i);
        const struct omega_claim_result *result = &commit->results[i];
        if (!omega_outcome_is_conflict(result->outcome) &&
            !omega_outcome_is_refusal(result->outcome)) {
            continue;
        }
        const struct omega_cause *cause = cause_of(txn, i);
        struct metrics_refused refused = {
            .time_us = attempt->end_us,
            .version = attempt->result.version - (attempt->result.accepted > 0),
            .job = txn->job,
            .synced = claim.synced,
            .seq_seen = claim.seq,
            .rival_version = result->rival_version,
            .view_age_us = attempt->view_age_us,
            .attempt = txn->attempt,
            .task = claim.task,
            .machine = claim.machine,
            .instance = txn->instance,
            .rival = result->rival,
            .detection = txn->detection,
            .outcome = result->outcome,
            .other_refuses = result->other_refuses,
        };
        if (cause != NULL) {
            refused.cause = *cause;
        }
        conflicts->refused(conflicts->refused_context, metrics, &refused);
    }
}

/* ---- counterfactuals ---- */

static void add_would(struct metrics_would *would, const struct omega_transaction *txn,
                      const struct omega_judgement *judgement, uint8_t granularity, bool elastic)
{
    would->transactions++;
    would->conflicting +=
        judgement->conflicts > 0 && !(elastic && judgement->accepted[granularity]);
    would->claims += txn->claim_count;
    would->claims_conflicting += judgement->conflicts;
    would->claims_accepted += judgement->accepted[granularity];
}

/* What the commit would have got in each mode. */
static void count_would(struct conflicts *conflicts, uint32_t scheduler,
                        const struct metrics_commit *commit)
{
    const struct omega_transaction *txn = commit->txn;
    for (uint32_t d = 0; d < OMEGA_DETECTIONS; d++) {
        const struct omega_judgement *judgement = &txn->inquiry->judged[d];
        struct metrics_would *row =
            &conflicts->would[((size_t)scheduler * OMEGA_DETECTIONS + d) * OMEGA_GRANULARITIES];
        for (uint8_t g = 0; g < OMEGA_GRANULARITIES; g++) {
            if (commit->elastic) { /* commits at least its required tasks in every mode */
                add_would(&row[g], txn, judgement, OMEGA_COMMIT_AT_LEAST, true);
            } else if (g == OMEGA_COMMIT_AT_LEAST && txn->granularity != OMEGA_COMMIT_AT_LEAST) {
                row[g].unknown++;
            } else if (g != OMEGA_COMMIT_GANG || commit->whole) {
                add_would(&row[g], txn, judgement, g, false);
            }
        }
    }
}

bool metrics_looks_into(const struct metrics *metrics, const struct metrics_attempt *attempt)
{
    const struct conflicts *conflicts = metrics->conflicts;
    return conflicts != NULL && (attempt->result.conflicts + attempt->result.refused > 0 ||
                                 conflicts->machines != NULL || conflicts->counterfactuals);
}

void metrics_commit(struct metrics *metrics, const struct metrics_attempt *attempt,
                    const struct metrics_commit *commit)
{
    struct conflicts *conflicts = metrics->conflicts;
    if (conflicts == NULL) {
        return;
    }
    bool counted = attempt->start_us >= metrics->warmup_us;
    const struct omega_inquiry *inquiry = commit->txn->inquiry;
    if (counted && conflicts->counterfactuals && inquiry != NULL && inquiry->answered) {
        count_would(conflicts, attempt->scheduler, commit);
    }
    if (counted && conflicts->machines != NULL) {
        count_machines(conflicts, commit->txn, commit->results);
    }
    if (attempt->result.conflicts > 0) {
        count_conflicts(metrics, attempt, commit, counted);
    }
    if (counted && conflicts->refused != NULL &&
        attempt->result.conflicts + attempt->result.refused > 0) {
        tell_refused(metrics, attempt, commit);
    }
}

void conflicts_finish(struct metrics *metrics)
{
    struct conflicts *conflicts = metrics->conflicts;
    if (conflicts != NULL && conflicts->block_count > 1) {
        qsort((void *)conflicts->blocks, conflicts->block_count, sizeof(struct block *), by_rival);
    }
}

/* ---- reading ---- */

static void read_scope(const struct metrics *metrics, uint32_t scope, struct metrics_conflicts *out)
{
    *out = metrics->conflicts == NULL ? (struct metrics_conflicts){0}
                                      : metrics->conflicts->scopes[scope].figures;
}

void metrics_read_scheduler_conflicts(const struct metrics *metrics, uint32_t scheduler,
                                      struct metrics_conflicts *out)
{
    assert(scheduler < metrics->scheduler_count);
    read_scope(metrics, scheduler, out);
}

void metrics_read_workload_conflicts(const struct metrics *metrics, uint32_t workload,
                                     struct metrics_conflicts *out)
{
    assert(workload < metrics->workload_count);
    read_scope(metrics, metrics->scheduler_count + workload, out);
}

const struct metrics_block *metrics_read_block(const struct metrics *metrics, uint32_t index)
{
    const struct conflicts *conflicts = metrics->conflicts;
    return conflicts == NULL || index >= conflicts->block_count
               ? NULL
               : &conflicts->blocks[index]->figures;
}

void metrics_instance(const struct metrics *metrics, uint16_t instance, uint32_t *scheduler,
                      uint32_t *number)
{
    const uint32_t *first = metrics->conflicts->first_instance;
    *scheduler = 0;
    assert(instance < metrics->conflicts->instances);
    while (first[*scheduler + 1] <= instance) {
        ++*scheduler;
    }
    *number = instance - first[*scheduler];
}

void metrics_read_machine(const struct metrics *metrics, uint32_t machine,
                          struct metrics_machine *out)
{
    const struct conflicts *conflicts = metrics->conflicts;
    *out = (struct metrics_machine){0};
    if (conflicts != NULL && machine < conflicts->machine_count) {
        if (conflicts->machines != NULL) {
            *out = conflicts->machines[machine];
        } else if (conflicts->conflicting != NULL) {
            out->conflicting = conflicts->conflicting[machine];
            out->conflicting += machine == conflicts->last;
        }
    }
}

uint32_t metrics_hottest(const struct metrics *metrics, uint32_t *machines, uint32_t count)
{
    uint32_t found = 0;
    uint32_t all = metrics->conflicts == NULL ? 0 : metrics->conflicts->machine_count;
    for (uint32_t m = 0; m < all; m++) {
        struct metrics_machine machine;
        metrics_read_machine(metrics, m, &machine);
        uint32_t at = found;
        while (machine.conflicting > 0 && at > 0) {
            struct metrics_machine other;
            metrics_read_machine(metrics, machines[at - 1], &other);
            if (other.conflicting >= machine.conflicting) {
                break;
            }
            at--;
        }
        if (machine.conflicting > 0 && at < count) {
            found += found < count;
            memmove(&machines[at + 1], &machines[at], (found - at - 1) * sizeof *machines);
            machines[at] = m;
        }
    }
    return found;
}

void metrics_read_scheduler_would(const struct metrics *metrics, uint32_t scheduler,
                                  uint8_t detection, uint8_t granularity, struct metrics_would *out)
{
    assert(scheduler < metrics->scheduler_count && detection < OMEGA_DETECTIONS &&
           granularity < OMEGA_GRANULARITIES);
    *out = (struct metrics_would){0};
    if (metrics_wants_counterfactuals(metrics)) {
        *out =
            metrics->conflicts
                ->would[((size_t)scheduler * OMEGA_DETECTIONS + detection) * OMEGA_GRANULARITIES +
                        granularity];
    }
}
