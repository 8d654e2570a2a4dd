/* SPDX-License-Identifier: MIT */
/* Jobs: checks before a transaction is decided, and tasks by what became of them. See jobs.h. */
#include "cellstate/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/large.h"

/* ---- entries and working memory ---- */

int jobs_scratch_init(struct jobs_scratch *scratch, uint32_t machine_count)
{
    *scratch = (struct jobs_scratch){.machine_count = machine_count};
    scratch->stamps = large_calloc(machine_count + 1u, sizeof *scratch->stamps);
    return scratch->stamps == NULL ? OMEGA_ENOMEM : OMEGA_OK;
}

void jobs_scratch_fini(struct jobs_scratch *scratch)
{
    free((void *)scratch->claimed);
    free(scratch->refused);
    free(scratch->taken);
    free(scratch->by_group);
    free(scratch->group_claims);
    large_free(scratch->stamps);
}

int jobs_check_job(const struct omega_job *job, const struct catalogue *catalogue,
                   omega_error_t *err)
{
    omega_error_t why;
    omega_error_clear(&why);
    int rc = job->id == 0
                 ? omega_error_set(&why, OMEGA_EINVAL, "expected an id above 0 that is new")
                 : omega_job_check(job, &why);
    for (uint32_t g = 0; rc == OMEGA_OK && g < job->group_count; g++) {
        if (job->groups[g].constraints >= catalogue_constraints_count(catalogue)) {
            rc = omega_error_set(&why, OMEGA_EINVAL,
                                 "task group %u has constraint set %u, expected one of the "
                                 "catalogue's %u",
                                 g, job->groups[g].constraints,
                                 catalogue_constraints_count(catalogue));
        }
    }
    return rc == OMEGA_OK ? rc
                          : omega_error_set(err, rc, "job %llu cannot be submitted: %s",
                                            (unsigned long long)job->id, why.text);
}

static bool asks_for_different(const struct catalogue *catalogue,
                               const struct omega_task_group *group)
{
    return catalogue_constraint_set(catalogue, group->constraints)->different_machines;
}

/* True if a group of the job asks for different machines. */
static bool spreads(const struct omega_job *job, const struct catalogue *catalogue)
{
    for (uint32_t g = 0; g < job->group_count; g++) {
        if (asks_for_different(catalogue, &job->groups[g])) {
            return true;
        }
    }
    return false;
}

/* Lays the arrays out behind the entry: those with the strictest alignment first. */
static void place_arrays(struct job_entry *entry, bool state)
{
    entry->groups = (struct omega_task_group *)(void *)(entry + 1);
    uint8_t *next = (uint8_t *)(entry->groups + entry->group_count);
    if (entry->spreads) {
        entry->machine_of = (uint32_t *)(void *)next;
        next += entry->slots * sizeof *entry->machine_of;
        entry->different = (bool *)next;
        next += entry->group_count * sizeof *entry->different;
    }
    entry->state = state ? next : NULL;
}

/* Fills in an entry, in memory of entry_bytes(). */
static void describe(struct job_entry *entry, const struct omega_job *job,
                     const struct catalogue *catalogue, bool spread, bool state)
{
    *entry = (struct job_entry){
        .id = job->id,
        .group_count = job->group_count,
        .slots = job->slots,
        .submitted = job->tasks,
        .pending = job->tasks,
        .precedence = job->precedence,
        .elastic = omega_job_is_elastic(job),
        .spreads = spread,
    };
    place_arrays(entry, state);
    if (state) {
        memset(entry->state, SLOT_UNPLACED, job->slots);
    }
    for (uint32_t g = 0; g < job->group_count; g++) {
        entry->groups[g] = job->groups[g];
        entry->groups[g].task_duration_us = NULL;
        if (spread) {
            entry->different[g] = asks_for_different(catalogue, &job->groups[g]);
        }
    }
    if (spread) {
        memset(entry->machine_of, 0xff, job->slots * sizeof *entry->machine_of);
    }
}

static size_t entry_bytes(const struct omega_job *job, bool spread, bool state)
{
    const struct job_entry *entry = NULL;
    size_t group = sizeof *entry->groups + (spread ? sizeof *entry->different : 0);
    size_t slot = (spread ? sizeof *entry->machine_of : 0) + (state ? sizeof *entry->state : 0);
    return sizeof *entry + job->group_count * group + job->slots * slot;
}

struct job_entry *jobs_entry_create(const struct omega_job *job, const struct catalogue *catalogue,
                                    struct job_spares *spares)
{
    bool spread = spreads(job, catalogue);
    bool usual = spares != NULL && job->group_count == 1 && !spread &&
                 job->groups[0].request.gpu_devices == 0 && !omega_job_is_elastic(job);
    size_t bytes = entry_bytes(job, spread, !usual);
    struct job_entry *entry = usual ? spares_take(&spares->entries, bytes) : malloc(bytes);
    if (entry != NULL) {
        describe(entry, job, catalogue, spread, !usual);
    }
    return entry;
}

/* The same as `usual` above, of what has been made by it: its states are a block of their own. */
static bool is_usual(const struct job_entry *entry, const struct job_spares *spares)
{
    return spares != NULL && jobs_is_plain(entry) && !entry->elastic;
}

void jobs_entry_destroy(struct job_entry *entry, struct job_spares *spares)
{
    if (entry != NULL && is_usual(entry, spares)) {
        spare_sizes_give(&spares->states, entry->state, entry->slots);
        spares_give(&spares->entries, entry);
    } else {
        free(entry);
    }
}

int jobs_keep_states(struct job_entry *entry, struct job_spares *spares)
{
    if (entry->state != NULL || entry->given_up) {
        return OMEGA_OK;
    }
    entry->state = spare_sizes_take(spares == NULL ? NULL : &spares->states, entry->slots);
    if (entry->state == NULL) {
        return OMEGA_ENOMEM;
    }
    memset(entry->state, SLOT_UNPLACED + (entry->pending == 0), entry->slots);
    return OMEGA_OK;
}

static int reserve_claims(struct jobs_scratch *scratch, uint32_t claims)
{
    if (claims <= scratch->claim_room) {
        return OMEGA_OK;
    }
    uint32_t room = claims < 256 ? 256 : claims * 2;
    struct omega_machine **claimed = realloc((void *)scratch->claimed, room * sizeof *claimed);
    if (claimed == NULL) {
        return OMEGA_ENOMEM;
    }
    scratch->claimed = claimed;
    uint8_t *refused = realloc(scratch->refused, room);
    if (refused == NULL) {
        return OMEGA_ENOMEM;
    }
    scratch->refused = refused;
    bool *taken = realloc(scratch->taken, room * sizeof *taken);
    if (taken == NULL) {
        return OMEGA_ENOMEM;
    }
    scratch->taken = taken;
    uint32_t *by_group = realloc(scratch->by_group, room * sizeof *by_group);
    if (by_group == NULL) {
        return OMEGA_ENOMEM;
    }
    scratch->by_group = by_group;
    scratch->claim_room = room;
    return OMEGA_OK;
}

static int reserve_groups(struct jobs_scratch *scratch, uint32_t groups)
{
    if (groups <= scratch->group_room) {
        return OMEGA_OK;
    }
    uint32_t *claims = realloc(scratch->group_claims, groups * sizeof *claims);
    if (claims == NULL) {
        return OMEGA_ENOMEM;
    }
    scratch->group_claims = claims;
    scratch->group_room = groups;
    return OMEGA_OK;
}

/* ---- what no scheduler may send ---- */

static inline bool is_request(const struct omega_request *request, const struct omega_request *of)
{
    _Static_assert(sizeof *request == 12, "a request is compared as 8 and 4 bytes");
    uint64_t a;
    uint64_t b;
    uint32_t c;
    uint32_t d;
    memcpy(&a, request, sizeof a);
    memcpy(&b, of, sizeof b);
    memcpy(&c, (const char *)request + sizeof a, sizeof c);
    memcpy(&d, (const char *)of + sizeof b, sizeof d);
    return a == b && c == d;
}

static inline bool claim_is_sound(const struct jobs_scratch *scratch, const struct job_entry *entry,
                                  const struct omega_claim *claim)
{
    if (claim->group >= entry->group_count || claim->machine >= scratch->machine_count) {
        return false;
    }
    const struct omega_task_group *group = &entry->groups[claim->group];
    return claim->task - group->first_task < group->count + group->optional &&
           is_request(&claim->request, &group->request) &&
           (claim->devices == 0 ? claim->request.gpu_devices == 0
                                : __builtin_popcount(claim->devices) == claim->request.gpu_devices);
}

static bool is_required(const struct job_entry *entry, const struct omega_claim *claim)
{
    const struct omega_task_group *group = &entry->groups[claim->group];
    return claim->task - group->first_task < group->count;
}

/* Counts the unplaced required tasks that are claimed; no task bears a mark. */
static uint32_t count_required(const struct job_entry *entry, const struct omega_transaction *txn)
{
    uint32_t required = 0;
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        required += entry->state[claim->task] == SLOT_UNPLACED && is_required(entry, claim);
    }
    return required;
}

/* Request, group and devices of a claim as two words, so that they are compared at once. */
struct asked_words {
    uint64_t sizes;
    uint64_t rest;
};

static inline struct asked_words words_of(const struct omega_claim *claim)
{
    _Static_assert(offsetof(struct omega_claim, request) + 16 == sizeof *claim,
                   "group and devices stand behind the request, and end the claim");
    struct asked_words words;
    memcpy(&words, &claim->request, sizeof words);
    return words;
}

/* Checks claims of one group without devices, from the first on, as long as their tasks rise, as
 * those of most modules do: then no task comes twice. Returns how far they are sound; *any gathers
 * the states of their tasks. */
static inline uint32_t check_rising(const struct jobs_scratch *scratch,
                                    const struct job_entry *entry,
                                    const struct omega_transaction *txn, uint8_t *any)
{
    const struct omega_claim *claims = txn->claims;
    const uint32_t count = txn->claim_count;
    const uint32_t machines = scratch->machine_count;
    const uint8_t *state = entry->state;
    uint32_t group = claims[0].group;
    if (group >= entry->group_count || entry->groups[group].request.gpu_devices != 0) {
        return 0;
    }
    const struct omega_task_group of = entry->groups[group];
    const struct omega_claim alike = {.request = of.request, .group = (uint16_t)group};
    const struct asked_words words = words_of(&alike);
    const uint32_t end = of.first_task + of.count + of.optional;
    uint32_t least = of.first_task;
    uint8_t seen = 0;
    uint32_t i = 0;
    for (; i < count; i++) {
        const struct omega_claim *claim = &claims[i];
        const struct asked_words asked = words_of(claim);
        uint32_t task = claim->task;
        if (task < least || task >= end || claim->machine >= machines ||
            asked.sizes != words.sizes || asked.rest != words.rest) {
            break;
        }
        seen |= state[task];
        least = task + 1;
    }
    *any = seen;
    return i;
}

/* The same for claims in whatever order: marks tasks meanwhile. */
static uint32_t check_marking(const struct jobs_scratch *scratch, struct job_entry *entry,
                              const struct omega_transaction *txn, uint8_t *any)
{
    uint8_t *state = entry->state;
    uint32_t checked = 0;
    *any = 0;
    for (; checked < txn->claim_count; checked++) {
        const struct omega_claim *claim = &txn->claims[checked];
        if (!claim_is_sound(scratch, entry, claim) || (state[claim->task] & SLOT_CLAIMED) != 0) {
            break;
        }
        *any |= state[claim->task];
        state[claim->task] |= SLOT_CLAIMED;
    }
    for (uint32_t i = 0; i < checked; i++) {
        state[txn->claims[i].task] &= (uint8_t)~SLOT_CLAIMED;
    }
    return checked;
}

/* Checks every claim by itself and that no task comes twice; notes what is placed already. */
static int check_claims(struct jobs_scratch *scratch, struct job_entry *entry,
                        const struct omega_transaction *txn, omega_error_t *err)
{
    uint8_t any = 0;
    uint32_t checked = check_rising(scratch, entry, txn, &any);
    if (checked < txn->claim_count) {
        checked = check_marking(scratch, entry, txn, &any);
    }
    if (checked < txn->claim_count) {
        const struct omega_claim *claim = &txn->claims[checked];
        return omega_error_set(err, OMEGA_EINVAL,
                               "claim %u of job %llu (task %u on machine %u) is not one that "
                               "this job can make",
                               checked, (unsigned long long)txn->job, claim->task, claim->machine);
    }
    scratch->any_refused = any != 0;
    for (uint32_t i = 0; (any != 0 || entry->spreads) && i < txn->claim_count; i++) {
        scratch->refused[i] = entry->state[txn->claims[i].task] != SLOT_UNPLACED
                                  ? OMEGA_REFUSED_ALREADY_PLACED
                                  : OMEGA_ACCEPTED;
    }
    return OMEGA_OK;
}

static int check_minimum(struct jobs_scratch *scratch, const struct job_entry *entry,
                         const struct omega_transaction *txn, omega_error_t *err)
{
    if (txn->group_count != entry->group_count) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "'at_least' needs a minimum for each of %u groups",
                               entry->group_count);
    }
    if (reserve_groups(scratch, txn->group_count) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u groups", txn->group_count);
    }
    memset(scratch->group_claims, 0, txn->group_count * sizeof *scratch->group_claims);
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        scratch->group_claims[txn->claims[i].group]++;
    }
    for (uint32_t g = 0; g < txn->group_count; g++) {
        if (scratch->group_claims[g] < txn->group_minimum[g]) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "group %u has %u claims, 'at_least' asks for %u", g,
                                   scratch->group_claims[g], txn->group_minimum[g]);
        }
        if (entry->elastic && txn->group_minimum[g] != entry->groups[g].count) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "group %u of a job with optional tasks has minimum %u, "
                                   "expected %u",
                                   g, txn->group_minimum[g], entry->groups[g].count);
        }
    }
    return OMEGA_OK;
}

static int check_gang(const struct job_entry *entry, const struct omega_transaction *txn,
                      omega_error_t *err)
{
    uint32_t required = count_required(entry, txn);
    return required == entry->pending
               ? OMEGA_OK
               : omega_error_set(err, OMEGA_EINVAL, "a gang claims %u of %u unplaced tasks",
                                 required, entry->pending);
}

static bool has_claims(const struct omega_transaction *txn)
{
    return txn->claim_count > 0 && txn->claim_count <= OMEGA_CLAIMS_MAX;
}

static bool is_of_job(const struct job_entry *entry, const struct omega_transaction *txn)
{
    return txn->detection <= OMEGA_DETECT_COARSE && txn->granularity <= OMEGA_COMMIT_GANG &&
           txn->instance != OMEGA_INSTANCE_NONE && txn->precedence == entry->precedence;
}

/* Orders the claims by group, those of one group as they come: groups are counted, then each claim
 * has its place. */
static int order_claims(struct jobs_scratch *scratch, const struct job_entry *entry,
                        const struct omega_transaction *txn)
{
    if (reserve_groups(scratch, entry->group_count) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    uint32_t *place = scratch->group_claims;
    memset(place, 0, entry->group_count * sizeof *place);
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        place[txn->claims[i].group]++;
    }
    uint32_t next = 0;
    for (uint32_t g = 0; g < entry->group_count; g++) {
        uint32_t claims = place[g];
        place[g] = next;
        next += claims;
    }
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        scratch->by_group[place[txn->claims[i].group]++] = i;
    }
    return OMEGA_OK;
}

bool jobs_takes_short(const struct job_entry *entry, const struct omega_transaction *txn)
{
    return entry != NULL && !entry->given_up && !entry->elastic && jobs_is_plain(entry) &&
           has_claims(txn) && is_of_job(entry, txn) && txn->granularity != OMEGA_COMMIT_AT_LEAST &&
           (txn->granularity != OMEGA_COMMIT_GANG || txn->claim_count == entry->pending);
}

int jobs_check(struct jobs_scratch *scratch, struct job_entry *entry,
               const struct omega_transaction *txn, omega_error_t *err)
{
    if (entry == NULL || entry->given_up || entry->started) {
        return omega_error_set(err, OMEGA_EINVAL, "job %llu takes no commit: it is %s",
                               (unsigned long long)txn->job,
                               entry == NULL     ? "not in the table"
                               : entry->given_up ? "abandoned"
                                                 : "started already");
    }
    if (!has_claims(txn)) {
        return omega_error_set(err, OMEGA_EINVAL, "a transaction has %u claims, expected 1 to %u",
                               txn->claim_count, OMEGA_CLAIMS_MAX);
    }
    if (!is_of_job(entry, txn)) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "a transaction of instance %u, precedence %d, detection %u and "
                               "granularity %u is none of job %llu",
                               txn->instance, txn->precedence, txn->detection, txn->granularity,
                               (unsigned long long)txn->job);
    }
    if (reserve_claims(scratch, txn->claim_count) != OMEGA_OK) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for %u claims", txn->claim_count);
    }
    int rc = check_claims(scratch, entry, txn, err);
    if (rc == OMEGA_OK && txn->granularity == OMEGA_COMMIT_AT_LEAST) {
        rc = check_minimum(scratch, entry, txn, err);
    } else if (rc == OMEGA_OK && entry->elastic) {
        rc = omega_error_set(err, OMEGA_EINVAL,
                             "job %llu has optional tasks: expected granularity 'at_least'",
                             (unsigned long long)txn->job);
    }
    if (rc == OMEGA_OK && txn->granularity == OMEGA_COMMIT_GANG) {
        rc = check_gang(entry, txn, err);
    }
    if (rc == OMEGA_OK && entry->spreads && order_claims(scratch, entry, txn) != OMEGA_OK) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "no memory for %u claims", txn->claim_count);
    }
    return rc;
}

/* ---- claims that their job refuses ---- */

/* A stamp that no machine bears. */
static uint32_t new_stamp(struct jobs_scratch *scratch)
{
    if (++scratch->last_stamp == 0) {
        memset(scratch->stamps, 0, scratch->machine_count * sizeof *scratch->stamps);
        scratch->last_stamp = 1;
    }
    return scratch->last_stamp;
}

/* Stamps the machines that tasks of a group run on. */
static void stamp_machines(struct jobs_scratch *scratch, const struct job_entry *entry,
                           uint32_t group)
{
    const struct omega_task_group *wanted = &entry->groups[group];
    uint32_t end = wanted->first_task + wanted->count + wanted->optional;
    uint32_t stamp = new_stamp(scratch);
    for (uint32_t t = wanted->first_task; t < end; t++) {
        if (entry->machine_of[t] != UINT32_MAX) {
            scratch->stamps[entry->machine_of[t]] = stamp;
        }
    }
}

void jobs_find_taken(struct jobs_scratch *scratch, const struct job_entry *entry,
                     const struct omega_transaction *txn)
{
    uint32_t group = UINT32_MAX;
    for (uint32_t at = 0; at < txn->claim_count; at++) {
        uint32_t i = scratch->by_group[at];
        const struct omega_claim *claim = &txn->claims[i];
        if (entry->different[claim->group]) {
            if (claim->group != group) {
                group = claim->group;
                stamp_machines(scratch, entry, group);
            }
            scratch->taken[i] = scratch->stamps[claim->machine] == scratch->last_stamp;
        }
    }
}

/* Refuses the claims of groups that ask for different machines on machines that one of their tasks
 * has already, or that an earlier claim of the group goes to: those bear the stamp. */
static uint8_t refuse_shared(struct jobs_scratch *scratch, const struct job_entry *entry,
                             const struct omega_transaction *txn)
{
    uint8_t any = OMEGA_ACCEPTED;
    uint32_t stamp = 0;
    uint32_t group = UINT32_MAX;
    for (uint32_t at = 0; at < txn->claim_count; at++) {
        uint32_t i = scratch->by_group[at];
        const struct omega_claim *claim = &txn->claims[i];
        if (!entry->different[claim->group]) {
            continue;
        }
        if (claim->group != group) {
            group = claim->group;
            stamp = new_stamp(scratch);
        }
        bool shared = scratch->taken[i] || scratch->stamps[claim->machine] == stamp;
        if (scratch->refused[i] == OMEGA_ACCEPTED && shared) {
            scratch->refused[i] = OMEGA_REFUSED_CONSTRAINT;
            any = OMEGA_REFUSED_CONSTRAINT;
        }
        scratch->stamps[claim->machine] = stamp;
    }
    return any;
}

bool jobs_refuse(struct jobs_scratch *scratch, const struct job_entry *entry,
                 const struct omega_transaction *txn)
{
    bool shares = entry->spreads && refuse_shared(scratch, entry, txn) != OMEGA_ACCEPTED;
    return scratch->any_refused || shares;
}

/* ---- tasks by what became of them ---- */

void jobs_submitted(const struct job_entry *entry, struct store_counters *counters)
{
    counters->jobs++;
    counters->tasks_submitted += entry->submitted;
    counters->tasks_pending += entry->pending;
}

bool jobs_place_rest(struct job_entry *entry, uint32_t accepted, struct job_spares *spares)
{
    if (accepted != entry->pending || entry->elastic || entry->machine_of != NULL) {
        return false;
    }
    if (is_usual(entry, spares)) { /* the next job that needs some finds them at hand */
        spare_sizes_give(&spares->states, entry->state, entry->slots);
        entry->state = NULL;
    } else if (entry->state != NULL) {
        memset(entry->state, SLOT_PLACED, entry->slots);
    }
    return true;
}

void jobs_place_all(struct job_entry *entry, const struct omega_transaction *txn,
                    const struct omega_claim_result *results, uint32_t accepted,
                    struct job_spares *spares)
{
    bool rest = jobs_place_rest(entry, accepted, spares);
    for (uint32_t i = 0; !rest && i < txn->claim_count; i++) {
        if (results[i].outcome == OMEGA_ACCEPTED) {
            jobs_place(entry, &txn->claims[i]);
        }
    }
}

void jobs_placed(struct job_entry *entry, struct store_counters *counters, uint32_t accepted)
{
    uint32_t from_pending = accepted < entry->pending ? accepted : entry->pending;
    entry->pending -= from_pending;
    entry->running += accepted;
    entry->submitted += accepted - from_pending;
    entry->started = entry->elastic;
    counters->tasks_pending -= from_pending;
    counters->tasks_running += accepted;
    counters->tasks_submitted += accepted - from_pending;
}

void jobs_ended(struct job_entry *entry, struct store_counters *counters, uint32_t tasks,
                enum store_release_reason reason)
{
    entry->running -= tasks;
    counters->tasks_running -= tasks;
    if (reason == STORE_FINISHED) {
        entry->finished += tasks;
        counters->tasks_finished += tasks;
    } else {
        entry->failed += tasks;
        counters->tasks_failed += tasks;
    }
}

void jobs_lost(struct job_entry *entry, struct store_counters *counters, uint32_t task,
               enum store_loss_policy policy)
{
    entry->running--;
    counters->tasks_running--;
    if (entry->machine_of != NULL) {
        entry->machine_of[task] = UINT32_MAX;
    }
    if (entry->given_up) {
        entry->abandoned++;
        counters->tasks_abandoned++;
    } else if (policy == STORE_LOST_FAIL || entry->elastic) {
        entry->failed++;
        counters->tasks_failed++;
    } else {
        entry->state[task] = SLOT_UNPLACED;
        entry->pending++;
        counters->tasks_pending++;
    }
}

uint32_t jobs_give_up(struct job_entry *entry, struct store_counters *counters)
{
    uint32_t tasks = entry->pending;
    counters->tasks_pending -= tasks;
    counters->tasks_abandoned += tasks;
    entry->abandoned += tasks;
    entry->pending = 0;
    entry->given_up = true;
    return tasks;
}

/* ---- the initial state ---- */

/* What a batch of initial placements would add to one machine. */
struct preload_sum {
    int64_t cpu_milli;
    int64_t mem_mib;
    int64_t gpu_milli[OMEGA_GPU_DEVICES_MAX];
};

static bool request_is_sound(const struct omega_request *request, uint32_t devices)
{
    bool share = request->gpu_devices == 1 && request->gpu_milli > 0 &&
                 request->gpu_milli < OMEGA_GPU_DEVICE_MILLI;
    bool whole = request->gpu_devices > 0 && request->gpu_milli == OMEGA_GPU_DEVICE_MILLI;
    bool none = request->gpu_devices == 0 && request->gpu_milli == 0;
    return request->cpu_milli >= 0 && request->mem_mib >= 0 && (share || whole || none) &&
           __builtin_popcount(devices) == request->gpu_devices;
}

/* Adds a placement to its machine's sum; false if it cannot be or the record would overflow. */
static bool add_preload(const struct omega_machine *machine,
                        const struct store_placement *placement, struct preload_sum *sum)
{
    if (placement->job != 0 || placement->band >= OMEGA_BANDS ||
        !request_is_sound(&placement->request, placement->devices)) {
        return false;
    }
    sum->cpu_milli += placement->request.cpu_milli;
    sum->mem_mib += placement->request.mem_mib;
    bool sound = machine->state == OMEGA_MACHINE_UP &&
                 placement->devices >> machine->gpu_devices == 0 &&
                 sum->cpu_milli + machine->cpu_used_milli <= INT32_MAX &&
                 sum->mem_mib + machine->mem_used_mib <= INT32_MAX;
    for (uint32_t mask = placement->devices; sound && mask != 0; mask &= mask - 1) {
        uint32_t device = (uint32_t)__builtin_ctz(mask);
        sum->gpu_milli[device] += placement->request.gpu_milli;
        int64_t used = sum->gpu_milli[device];
        for (int band = 0; band < OMEGA_BANDS; band++) {
            used += machine->band_gpu_milli[band][device];
        }
        sound = used <= INT16_MAX;
    }
    return sound;
}

int jobs_check_preload(const struct store_placement *placements, uint32_t count,
                       uint32_t machine_count,
                       const struct omega_machine *(*machine)(void *context, uint32_t index),
                       void *context, omega_error_t *err)
{
    if (count == 0 || count > OMEGA_CLAIMS_MAX) {
        return omega_error_set(err, OMEGA_EINVAL, "%u initial placements, expected 1 to %u", count,
                               OMEGA_CLAIMS_MAX);
    }
    struct preload_sum *sums = calloc(machine_count + 1u, sizeof *sums);
    if (sums == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory to check %u placements", count);
    }
    int rc = OMEGA_OK;
    for (uint32_t i = 0; rc == OMEGA_OK && i < count; i++) {
        uint32_t index = placements[i].machine;
        const struct omega_machine *record = index < machine_count ? machine(context, index) : NULL;
        if (record == NULL || !add_preload(record, &placements[i], &sums[index])) {
            rc = omega_error_set(err, OMEGA_EINVAL,
                                 "initial placement %u on machine %u cannot be: expected job 0 on "
                                 "a machine that is up, a device mask that fits request and "
                                 "machine, and use that a record can hold",
                                 i, index);
        } else if (placements[i].band != placements[0].band) {
            rc = omega_error_set(err, OMEGA_EINVAL,
                                 "initial placements of one change have bands %u and %u, "
                                 "expected one band",
                                 placements[0].band, placements[i].band);
        }
    }
    free(sums);
    return rc;
}
