/* SPDX-License-Identifier: MIT */
/* The rules of the cell: see rules.h. */
#include "cellstate/rules.h"

#include <stdlib.h>
#include <string.h>

/* ---- one machine ---- */

static int32_t limit_of(int32_t capacity, int32_t permille)
{
    int64_t limit = (int64_t)capacity * permille / 1000;
    return limit > INT32_MAX ? INT32_MAX : (int32_t)limit;
}

static void set_capacity(struct omega_machine *machine, int32_t cpu_milli, int32_t mem_mib,
                         uint8_t gpu_devices, const struct omega_overcommit *overcommit)
{
    machine->cpu_capacity_milli = cpu_milli;
    machine->mem_capacity_mib = mem_mib;
    machine->cpu_limit_milli = limit_of(cpu_milli, overcommit->cpu_permille);
    machine->mem_limit_mib = limit_of(mem_mib, overcommit->mem_permille);
    machine->gpu_devices = gpu_devices;
    machine->gpu_limit_milli = (int16_t)limit_of(OMEGA_GPU_DEVICE_MILLI, overcommit->gpu_permille);
}

void rules_machine_init(struct omega_machine *machine, uint32_t index,
                        const struct omega_machine_spec *spec,
                        const struct omega_overcommit *overcommit)
{
    memset(machine, 0, sizeof *machine);
    machine->index = index;
    machine->state = spec->absent ? OMEGA_MACHINE_DOWN : OMEGA_MACHINE_UP;
    machine->placed_by[0] = OMEGA_INSTANCE_NONE;
    machine->placed_by[1] = OMEGA_INSTANCE_NONE;
    set_capacity(machine, spec->cpu_milli, spec->mem_mib, spec->gpu_devices, overcommit);
}

static int32_t gpu_used(const struct omega_machine *machine, uint32_t device)
{
    int32_t used = 0;
    for (int band = 0; band < OMEGA_BANDS; band++) {
        used += machine->band_gpu_milli[band][device];
    }
    return used;
}

int16_t rules_free_gpu(const struct omega_machine *machine, uint32_t device)
{
    if (!rules_takes(machine)) {
        return 0;
    }
    int32_t limit = device < machine->gpu_devices ? machine->gpu_limit_milli : 0;
    return (int16_t)(limit - gpu_used(machine, device));
}

uint32_t rules_choose_devices(const int16_t free_milli[OMEGA_GPU_DEVICES_MAX],
                              const struct omega_request *request)
{
    uint32_t mask = 0;
    uint32_t wanted = request->gpu_devices;
    if (request->gpu_milli < OMEGA_GPU_DEVICE_MILLI && wanted == 1) {
        int best = -1;
        for (int device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
            if (free_milli[device] >= request->gpu_milli &&
                (best < 0 || free_milli[device] < free_milli[best])) {
                best = device;
            }
        }
        return best < 0 ? 0 : 1u << best;
    }
    for (uint32_t device = 0; device < OMEGA_GPU_DEVICES_MAX && wanted > 0; device++) {
        if (free_milli[device] >= OMEGA_GPU_DEVICE_MILLI) {
            mask |= 1u << device;
            wanted--;
        }
    }
    return wanted == 0 ? mask : 0;
}

/* ---- the conflict rule ---- */

static int32_t device_missing(const struct omega_machine *machine, const struct omega_claim *claim,
                              uint32_t device)
{
    if (device >= machine->gpu_devices) {
        return claim->request.gpu_milli > 0 ? claim->request.gpu_milli : 1;
    }
    return gpu_used(machine, device) + claim->request.gpu_milli - machine->gpu_limit_milli;
}

/* GPU is kept out of line, here and below: it would crowd the innermost loop. */
static __attribute__((noinline)) bool gpu_fits(const struct omega_machine *machine,
                                               const struct omega_claim *claim)
{
    for (uint32_t mask = claim->devices; mask != 0; mask &= mask - 1) {
        if (device_missing(machine, claim, (uint32_t)__builtin_ctz(mask)) > 0) {
            return false;
        }
    }
    return true;
}

/* Does the claim fit, its devices apart? rules_has_room() and gpu_fits() alone say what fitting
 * means. */
static inline bool fits_plainly(const struct omega_machine *machine,
                                const struct omega_claim *claim)
{
    return rules_has_room(rules_free_cpu(machine), rules_free_mem(machine), &claim->request);
}

static inline bool fits(const struct omega_machine *machine, const struct omega_claim *claim)
{
    return fits_plainly(machine, claim) && (claim->devices == 0 || gpu_fits(machine, claim));
}

/* Which of the last two placements is the latest by somebody else. */
static int rival_of(const struct omega_machine *machine, uint16_t instance)
{
    return machine->placed_by[0] != instance ? 0 : 1;
}

/* rules_claim() for the innermost loop. */
static inline uint8_t outcome_of(const struct omega_machine *machine,
                                 const struct omega_claim *claim, uint8_t detection,
                                 uint16_t instance)
{
    if (machine->state != OMEGA_MACHINE_UP) {
        return OMEGA_REFUSED_MACHINE_DOWN;
    }
    bool stale = rules_is_stale(machine->seq, claim->seq, detection);
    if (!stale && fits(machine, claim)) {
        return OMEGA_ACCEPTED;
    }
    if (machine->placed_version[rival_of(machine, instance)] <= claim->synced) {
        return OMEGA_REFUSED_MACHINE_CHANGED;
    }
    return stale ? OMEGA_CONFLICT_SEQ_CHANGED : OMEGA_CONFLICT_NO_LONGER_FITS;
}

uint8_t rules_claim(const struct omega_machine *machine, const struct omega_claim *claim,
                    uint8_t detection, uint16_t instance)
{
    return outcome_of(machine, claim, detection, instance);
}

void rules_explain(const struct omega_machine *machine, const struct omega_claim *claim,
                   uint16_t instance, struct omega_cause *cause)
{
    *cause = (struct omega_cause){.seq_found = 0};
    if (machine == NULL) {
        return;
    }
    int64_t cpu = (int64_t)claim->request.cpu_milli - rules_left_cpu(machine);
    int64_t mem = (int64_t)claim->request.mem_mib - rules_left_mem(machine);
    int rival = rival_of(machine, instance);
    cause->seq_found = machine->seq;
    cause->missing_cpu_milli = cpu > 0 ? cpu : 0;
    cause->missing_mem_mib = mem > 0 ? mem : 0;
    for (uint32_t mask = claim->devices; mask != 0; mask &= mask - 1) {
        int32_t gpu = device_missing(machine, claim, (uint32_t)__builtin_ctz(mask));
        cause->missing_gpu_milli += gpu > 0 ? gpu : 0;
    }
    cause->above_limit = machine->may_exceed;
    /* with the latest by somebody else on top, what lies below it is the latest by a third one, or
     * by the claim's own instance, which its view has seen */
    cause->sole_rival = rival == 0 && machine->placed_version[0] > claim->synced &&
                        machine->placed_version[1] <= claim->synced;
}

/* ---- a transaction ---- */

/* A set of machines, found by hash: emptied by a new stamp. */
struct slot {
    uint32_t stamp;
    uint32_t machine;
};

struct rules_scratch {
    struct slot *broken; /* machines where a claim was refused: made when somebody asks */
    uint32_t mask;
    uint32_t stamp;
    uint32_t *group_accepted;
    uint32_t group_room;
    struct omega_claim_result *others; /* what claims get under the other detection */
    uint32_t other_room;
};

struct rules_scratch *rules_scratch_create(void)
{
    return calloc(1, sizeof(struct rules_scratch));
}

void rules_scratch_destroy(struct rules_scratch *scratch)
{
    if (scratch != NULL) {
        free(scratch->broken);
        free(scratch->group_accepted);
        free(scratch->others);
        free(scratch);
    }
}

/* Makes room for what a transaction that has refused claims needs. */
static int scratch_reserve(struct rules_scratch *scratch, const struct omega_transaction *txn)
{
    uint32_t wanted = 64;
    while (wanted < txn->claim_count * 2) {
        wanted *= 2;
    }
    if (scratch->broken == NULL || scratch->mask + 1 < wanted) {
        struct slot *broken = calloc(wanted, sizeof *broken);
        if (broken == NULL) {
            return OMEGA_ENOMEM;
        }
        free(scratch->broken);
        scratch->broken = broken;
        scratch->mask = wanted - 1;
        scratch->stamp = 0;
    }
    if (scratch->group_room < txn->group_count) {
        uint32_t *room = realloc(scratch->group_accepted, txn->group_count * sizeof *room);
        if (room == NULL) {
            return OMEGA_ENOMEM;
        }
        scratch->group_accepted = room;
        scratch->group_room = txn->group_count;
    }
    return OMEGA_OK;
}

/* Where a machine stands in the set, or the empty slot where it would. */
static struct slot *slot_of(const struct rules_scratch *scratch, uint32_t machine)
{
    uint32_t i = (machine * UINT32_C(0x9e3779b1)) >> 7 & scratch->mask;
    while (scratch->broken[i].stamp == scratch->stamp && scratch->broken[i].machine != machine) {
        i = (i + 1) & scratch->mask;
    }
    return &scratch->broken[i];
}

static bool is_broken(const struct rules_scratch *scratch, uint32_t machine)
{
    return slot_of(scratch, machine)->stamp == scratch->stamp;
}

/* What a claim names, in full or in short; one in short is of a job's only group. */
static inline uint32_t machine_of(const struct omega_transaction *txn, uint32_t i)
{
    return txn->claims != NULL ? txn->claims[i].machine : txn->machines[i];
}

static inline uint32_t group_of(const struct omega_transaction *txn, uint32_t i)
{
    return txn->claims != NULL ? txn->claims[i].group : 0;
}

/* Fills the set with the machines on which a claim was refused. */
static void find_broken(struct rules_scratch *scratch, const struct omega_transaction *txn,
                        const struct omega_claim_result *results)
{
    if (++scratch->stamp == 0) {
        memset(scratch->broken, 0, ((size_t)scratch->mask + 1) * sizeof *scratch->broken);
        scratch->stamp = 1;
    }
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        if (results[i].outcome != OMEGA_ACCEPTED) {
            uint32_t machine = machine_of(txn, i);
            *slot_of(scratch, machine) = (struct slot){
                .stamp = scratch->stamp,
                .machine = machine,
            };
        }
    }
}

static __attribute__((noinline)) void add_gpu_use(struct omega_machine *machine,
                                                  const struct omega_request *request,
                                                  uint32_t devices, enum omega_band band, int sign)
{
    for (uint32_t mask = devices; mask != 0; mask &= mask - 1) {
        int16_t *device = &machine->band_gpu_milli[band][__builtin_ctz(mask)];
        *device = (int16_t)(*device + sign * request->gpu_milli);
    }
}

/* Takes (sign 1) what a good claim asks for off its machine, for the claims behind it to see, or
 * gives it back (-1). */
static inline void lend(struct omega_machine *machine, const struct omega_claim *claim, int sign)
{
    machine->cpu_used_milli += sign * claim->request.cpu_milli;
    machine->mem_used_mib += sign * claim->request.mem_mib;
    if (claim->devices != 0) {
        add_gpu_use(machine, &claim->request, claim->devices, OMEGA_BAND_FREE, sign);
    }
}

static void explain(const struct omega_transaction *txn, const struct omega_machine *machine,
                    const struct omega_claim *claim, uint32_t index, bool by_caller,
                    struct omega_claim_result *result)
{
    uint8_t outcome = result->outcome;
    *result = (struct omega_claim_result){
        .rival = OMEGA_INSTANCE_NONE,
        .outcome = outcome,
        .other_refuses = 1,
    };
    if (txn->inquiry != NULL && txn->inquiry->causes != NULL) {
        rules_explain(machine, claim, txn->instance, &txn->inquiry->causes[index]);
    }
    if (machine == NULL) {
        return;
    }
    int rival = rival_of(machine, txn->instance);
    result->rival = machine->placed_by[rival];
    result->rival_version = machine->placed_version[rival];
    if (!by_caller) {
        uint8_t other =
            txn->detection == OMEGA_DETECT_FINE ? OMEGA_DETECT_COARSE : OMEGA_DETECT_FINE;
        result->other_refuses = rules_claim(machine, claim, other, txn->instance) != OMEGA_ACCEPTED;
    }
}

/* Enters a claim that does not hold, the transaction's by that index: for the caller's reason, if
 * it has one and the machine is up, or else as the rule says. */
static __attribute__((noinline)) void enter_refused(const struct omega_transaction *txn,
                                                    const struct omega_machine *machine,
                                                    const struct omega_claim *claim, uint32_t index,
                                                    uint8_t outcome, uint8_t reason,
                                                    struct omega_claim_result *result)
{
    bool by_caller = reason != OMEGA_ACCEPTED && outcome != OMEGA_REFUSED_MACHINE_DOWN;
    result->outcome = by_caller ? reason : outcome;
    explain(txn, machine, claim, index, by_caller, result);
}

/* Judges claims from the first on, as long as they are plain and hold: most transactions are
 * nothing else. Returns how many, whose room is lent. */
static inline uint32_t judge_plain(const struct omega_transaction *txn,
                                   struct omega_machine *const *machines,
                                   struct omega_claim_result *results)
{
    const struct omega_claim *claims = txn->claims;
    const uint32_t count = txn->claim_count;
    const uint8_t detection = txn->detection;
    uint32_t i = 0;
    for (; i < count; i++) {
        const struct omega_claim *claim = &claims[i];
        struct omega_machine *machine = machines[i];
        if (machine == NULL || claim->devices != 0 ||
            rules_is_stale(machine->seq, claim->seq, detection) || !fits_plainly(machine, claim)) {
            break;
        }
        results[i].outcome = OMEGA_ACCEPTED;
        results[i].other_refuses = 0;
        machine->cpu_used_milli += claim->request.cpu_milli;
        machine->mem_used_mib += claim->request.mem_mib;
    }
    return i;
}

/* Judges every claim in order, each after the good ones before it, whose room stays lent. Returns
 * how many are good. */
static uint32_t judge(const struct omega_transaction *txn, struct omega_machine *const *machines,
                      const uint8_t *refused, struct omega_claim_result *results)
{
    const uint8_t detection = txn->detection;
    const uint16_t instance = txn->instance;
    uint32_t good = refused == NULL ? judge_plain(txn, machines, results) : 0;
    for (uint32_t i = good; i < txn->claim_count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        uint8_t reason = refused == NULL ? OMEGA_ACCEPTED : refused[i];
        uint8_t outcome = machines[i] == NULL ? OMEGA_REFUSED_MACHINE_DOWN
                                              : outcome_of(machines[i], claim, detection, instance);
        if (outcome == OMEGA_ACCEPTED && reason == OMEGA_ACCEPTED) {
            results[i].outcome = OMEGA_ACCEPTED;
            results[i].other_refuses = 0;
            lend(machines[i], claim, 1);
            good++;
        } else {
            enter_refused(txn, machines[i], claim, i, outcome, reason, &results[i]);
        }
    }
    return good;
}

/* Lends the room of all good claims again, or gives it back. */
static void lend_all(const struct omega_transaction *txn, struct omega_machine *const *machines,
                     const struct omega_claim_result *results, int sign)
{
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        if (results[i].outcome == OMEGA_ACCEPTED) {
            lend(machines[i], &txn->claims[i], sign);
        }
    }
}

void rules_give_back(const struct omega_transaction *txn, struct omega_machine *const *machines,
                     const struct omega_claim_result *results)
{
    lend_all(txn, machines, results, -1);
}

static bool minimum_reached(const struct omega_transaction *txn, struct rules_scratch *scratch,
                            const struct omega_claim_result *results)
{
    memset(scratch->group_accepted, 0, txn->group_count * sizeof *scratch->group_accepted);
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        if (results[i].outcome == OMEGA_ACCEPTED) {
            scratch->group_accepted[group_of(txn, i)]++;
        }
    }
    for (uint32_t g = 0; g < txn->group_count; g++) {
        if (scratch->group_accepted[g] < txn->group_minimum[g]) {
            return false;
        }
    }
    return true;
}

/* Some claims were refused: do the good ones stand, as far as all of them are tied together? */
static bool stands(const struct omega_transaction *txn, uint8_t granularity,
                   struct rules_scratch *scratch, const struct omega_claim_result *results)
{
    if (granularity == OMEGA_COMMIT_ALL || granularity == OMEGA_COMMIT_GANG) {
        return false;
    }
    return granularity != OMEGA_COMMIT_AT_LEAST || minimum_reached(txn, scratch, results);
}

/* Some claims were refused: lets good ones fall with those that their granularity ties them to. */
static void abort_tied(const struct omega_transaction *txn, struct omega_machine *const *machines,
                       struct rules_scratch *scratch, struct omega_claim_result *results)
{
    bool all_fall = !stands(txn, txn->granularity, scratch, results);
    bool by_machine = txn->granularity == OMEGA_COMMIT_MACHINE;
    if (by_machine) {
        find_broken(scratch, txn, results);
    }
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        if (results[i].outcome == OMEGA_ACCEPTED &&
            (all_fall || (by_machine && is_broken(scratch, txn->claims[i].machine)))) {
            lend(machines[i], &txn->claims[i], -1);
            results[i] = (struct omega_claim_result){
                .outcome = OMEGA_ABORTED,
                .rival = OMEGA_INSTANCE_NONE,
            };
        }
    }
}

static void count(const struct omega_transaction *txn, const struct omega_claim_result *results,
                  struct omega_result *result)
{
    *result = (struct omega_result){.version = 0};
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        uint8_t outcome = results[i].outcome;
        result->accepted += outcome == OMEGA_ACCEPTED;
        result->conflicts += omega_outcome_is_conflict(outcome);
        result->aborted += outcome == OMEGA_ABORTED;
    }
    result->refused = txn->claim_count - result->accepted - result->conflicts - result->aborted;
}

/* ---- what else would have come of it ---- */

/* Good claims on machines where no claim was refused. */
static uint32_t on_whole_machines(const struct omega_transaction *txn,
                                  struct rules_scratch *scratch,
                                  const struct omega_claim_result *results)
{
    uint32_t claims = 0;
    find_broken(scratch, txn, results);
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        claims += results[i].outcome == OMEGA_ACCEPTED && !is_broken(scratch, machine_of(txn, i));
    }
    return claims;
}

/* What claims that have just been judged, `good` of them good, come to under each granularity. */
static void conclude(const struct omega_transaction *txn, uint32_t good,
                     struct rules_scratch *scratch, const struct omega_claim_result *results,
                     struct omega_judgement *judgement)
{
    uint32_t conflicts = 0;
    bool whole = good == txn->claim_count;
    for (uint32_t i = 0; !whole && i < txn->claim_count; i++) {
        conflicts += omega_outcome_is_conflict(results[i].outcome);
    }
    *judgement = (struct omega_judgement){
        .conflicts = conflicts,
        .refused = txn->claim_count - good - conflicts,
    };
    for (uint8_t g = 0; g < OMEGA_GRANULARITIES; g++) {
        uint32_t *accepted = &judgement->accepted[g];
        if (whole) {
            *accepted = good;
        } else if (g == OMEGA_COMMIT_MACHINE) {
            *accepted = on_whole_machines(txn, scratch, results);
        } else if (g != OMEGA_COMMIT_AT_LEAST || txn->granularity == OMEGA_COMMIT_AT_LEAST) {
            *accepted = stands(txn, g, scratch, results) ? good : 0;
        }
    }
}

/* Judges the claims under the detection that is not in use, with the room of those that `results`
 * accept given back meanwhile. Fine detection refuses no claim where coarse detection has refused
 * none, so most transactions are judged once. */
static int judge_otherwise(const struct omega_transaction *txn,
                           struct omega_machine *const *machines, const uint8_t *refused,
                           struct rules_scratch *scratch, const struct omega_claim_result *results,
                           bool whole, omega_error_t *err)
{
    struct omega_inquiry *inquiry = txn->inquiry;
    if (txn->detection == OMEGA_DETECT_COARSE && whole) {
        inquiry->judged[OMEGA_DETECT_FINE] = inquiry->judged[OMEGA_DETECT_COARSE];
        return OMEGA_OK;
    }
    if (scratch->other_room < txn->claim_count) {
        struct omega_claim_result *grown =
            realloc(scratch->others, txn->claim_count * sizeof *grown);
        scratch->others = grown == NULL ? scratch->others : grown;
        scratch->other_room = grown == NULL ? scratch->other_room : txn->claim_count;
    }
    if (scratch->other_room < txn->claim_count || scratch_reserve(scratch, txn) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to decide %u claims",
                               txn->claim_count);
    }
    struct omega_transaction other = *txn;
    other.inquiry = NULL;
    other.detection =
        txn->detection == OMEGA_DETECT_COARSE ? OMEGA_DETECT_FINE : OMEGA_DETECT_COARSE;
    lend_all(txn, machines, results, -1);
    uint32_t good = judge(&other, machines, refused, scratch->others);
    lend_all(&other, machines, scratch->others, -1);
    lend_all(txn, machines, results, 1);
    conclude(&other, good, scratch, scratch->others, &inquiry->judged[other.detection]);
    return OMEGA_OK;
}

void rules_conclude_whole(const struct omega_transaction *txn, struct omega_result *result)
{
    *result = (struct omega_result){.accepted = txn->claim_count};
    if (txn->inquiry != NULL) {
        txn->inquiry->answered = true;
    }
}

int rules_judgement(const struct omega_transaction *txn, uint32_t good,
                    struct rules_scratch *scratch, const struct omega_claim_result *results,
                    struct omega_judgement *judgement, omega_error_t *err)
{
    if (good < txn->claim_count && scratch_reserve(scratch, txn) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to decide %u claims",
                               txn->claim_count);
    }
    conclude(txn, good, scratch, results, judgement);
    return OMEGA_OK;
}

void rules_refuse(const struct omega_transaction *txn, const struct omega_machine *machine,
                  const struct omega_claim *claim, uint32_t index,
                  struct omega_claim_result *result, struct omega_result *total)
{
    uint8_t outcome = outcome_of(machine, claim, txn->detection, txn->instance);
    enter_refused(txn, machine, claim, index, outcome, OMEGA_ACCEPTED, result);
    total->conflicts += omega_outcome_is_conflict(outcome);
    total->refused += !omega_outcome_is_conflict(outcome);
}

void rules_conclude(const struct omega_transaction *txn, struct omega_result *total)
{
    total->accepted = txn->claim_count - total->conflicts - total->refused;
    if (txn->inquiry != NULL) {
        txn->inquiry->answered = true;
    }
}

int rules_decide(const struct omega_transaction *txn, struct omega_machine *const *machines,
                 const uint8_t *refused, struct rules_scratch *scratch,
                 struct omega_claim_result *results, struct omega_result *result,
                 omega_error_t *err)
{
    uint32_t good = judge(txn, machines, refused, results);
    if (good < txn->claim_count && scratch_reserve(scratch, txn) != OMEGA_OK) {
        rules_give_back(txn, machines, results);
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to decide %u claims",
                               txn->claim_count);
    }
    struct omega_inquiry *inquiry = txn->inquiry;
    if (inquiry != NULL && inquiry->counterfactuals) {
        conclude(txn, good, scratch, results,
                 &inquiry->judged[txn->detection == OMEGA_DETECT_COARSE]);
    }
    if (good == txn->claim_count) {
        *result = (struct omega_result){.accepted = txn->claim_count};
    } else {
        if (txn->granularity != OMEGA_COMMIT_TASK) {
            abort_tied(txn, machines, scratch, results);
        }
        count(txn, results, result);
    }
    if (inquiry == NULL) {
        return OMEGA_OK;
    }
    inquiry->answered = true;
    int rc = OMEGA_OK;
    if (inquiry->counterfactuals) {
        bool whole = good == txn->claim_count;
        rc = judge_otherwise(txn, machines, refused, scratch, results, whole, err);
    }
    if (rc != OMEGA_OK) {
        rules_give_back(txn, machines, results);
    }
    return rc;
}

/* ---- changes ---- */

static bool above_limit(const struct omega_machine *machine)
{
    if (machine->cpu_used_milli > machine->cpu_limit_milli ||
        machine->mem_used_mib > machine->mem_limit_mib) {
        return true;
    }
    for (uint32_t device = 0; device < OMEGA_GPU_DEVICES_MAX; device++) {
        int32_t limit = device < machine->gpu_devices ? machine->gpu_limit_milli : 0;
        if (gpu_used(machine, device) > limit) {
            return true;
        }
    }
    return false;
}

/* Adds (sign 1) what a placement takes to its band, or takes it away (-1). */
static void add_band(struct omega_machine *machine, const struct omega_request *request,
                     enum omega_band band, int sign)
{
    machine->band_cpu_milli[band] += sign * request->cpu_milli;
    machine->band_mem_mib[band] += sign * request->mem_mib;
}

static void enter_placer(struct omega_machine *machine, uint16_t instance, uint64_t version)
{
    if (machine->placed_by[0] != instance) {
        machine->placed_by[1] = machine->placed_by[0];
        machine->placed_version[1] = machine->placed_version[0];
    }
    machine->placed_by[0] = instance;
    machine->placed_version[0] = version;
}

void rules_install(struct omega_machine *machine, const struct omega_request *request,
                   uint32_t devices, enum omega_band band, uint16_t instance, uint64_t version)
{
    if (devices != 0) { /* lent in the free band */
        add_gpu_use(machine, request, devices, OMEGA_BAND_FREE, -1);
        add_gpu_use(machine, request, devices, band, 1);
    }
    add_band(machine, request, band, 1);
    enter_placer(machine, instance, version);
    machine->seq++;
}

void rules_place(struct omega_machine *machine, const struct omega_request *request,
                 uint32_t devices, enum omega_band band, uint16_t instance, uint64_t version)
{
    if (devices != 0) {
        add_gpu_use(machine, request, devices, band, 1);
    }
    machine->cpu_used_milli += request->cpu_milli;
    machine->mem_used_mib += request->mem_mib;
    machine->seq++;
    add_band(machine, request, band, 1);
    if (instance != OMEGA_INSTANCE_NONE) {
        enter_placer(machine, instance, version);
        return;
    }
    machine->may_exceed = above_limit(machine); /* initial state: nobody's rival */
}

void rules_release(struct omega_machine *machine, const struct omega_request *request,
                   uint32_t devices, enum omega_band band, bool raises_seq)
{
    if (devices != 0) {
        add_gpu_use(machine, request, devices, band, -1);
    }
    machine->cpu_used_milli -= request->cpu_milli;
    machine->mem_used_mib -= request->mem_mib;
    add_band(machine, request, band, -1);
    machine->releases++;
    machine->seq += raises_seq;
    if (machine->may_exceed) {
        machine->may_exceed = above_limit(machine);
    }
}

int rules_machine_event(struct omega_machine *machine, const struct omega_machine_spec *spec,
                        const struct omega_machine_event *event,
                        const struct omega_overcommit *overcommit, omega_error_t *err)
{
    if (event->kind > OMEGA_EVENT_CAPACITY) {
        return omega_error_set(err, OMEGA_EINVAL, "unknown machine event %u", event->kind);
    }
    if (event->gpu_devices > OMEGA_GPU_DEVICES_MAX || event->cpu_milli < 0 || event->mem_mib < 0) {
        return omega_error_set(
            err, OMEGA_EINVAL, "machine %u cannot have %d milli-cores, %d MiB and %u devices",
            machine->index, event->cpu_milli, event->mem_mib, event->gpu_devices);
    }
    int after = omega_machine_state_after(machine->state, event->kind);
    if (after < 0) {
        return omega_error_set(err, OMEGA_EINVAL, "machine %u is %s, so it cannot take event '%s'",
                               machine->index, omega_machine_state_name(machine->state),
                               omega_machine_event_name(event->kind));
    }
    if (event->kind == OMEGA_EVENT_ADD) {
        set_capacity(machine, event->cpu_milli != 0 ? event->cpu_milli : spec->cpu_milli,
                     event->mem_mib != 0 ? event->mem_mib : spec->mem_mib, spec->gpu_devices,
                     overcommit);
    } else if (event->kind == OMEGA_EVENT_CAPACITY) {
        set_capacity(machine, event->cpu_milli, event->mem_mib, event->gpu_devices, overcommit);
    }
    machine->state = (uint8_t)after;
    machine->may_exceed = above_limit(machine);
    machine->seq++;
    return OMEGA_OK;
}
