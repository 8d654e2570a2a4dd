/* SPDX-License-Identifier: MIT */
/* Planning and committing: what scheduler instances do, well or badly, to a cell. */
#include "tests/model/history.h"

#include <stddef.h>
#include <string.h>

void history_refresh(struct history *h, struct history_instance *instance)
{
    omega_error_t err = {0};
    int rc = store_view_refresh(h->store, instance->view, &err);
    EXPECT(h, rc == 0, "%s", err.text);
    EXPECT(h, instance->view->shown.version == h->model->version, "view at %ju, model at %ju",
           (uintmax_t)instance->view->shown.version, (uintmax_t)h->model->version);
    for (uint32_t m = 0; m < h->machine_count; m++) {
        model_figures(h->model, m, &instance->shown[m]);
        instance->synced[m] = h->model->version;
    }
}

/* Devices at random among the first `devices`: those that have room, or any if `room` is NULL. */
static uint8_t random_devices(struct history *h, const struct omega_request *request,
                              const int16_t *room, uint32_t devices)
{
    uint32_t mask = 0;
    for (uint32_t need = request->gpu_devices; need > 0;) {
        uint32_t device = history_below(h, devices);
        bool takes = room == NULL || room[device] >= request->gpu_milli;
        if ((mask >> device & 1) == 0 && takes) {
            mask |= 1u << device;
            need--;
        }
    }
    return (uint8_t)mask;
}

/* A machine for the claim: one that the view shows with room, or now and then any. *taken says
 * whether the claim fits the view, and is to be shown there. */
static bool choose_machine(struct history *h, struct history_instance *instance,
                           struct omega_claim *claim, bool *taken)
{
    const struct omega_view *shown = &instance->view->shown;
    *taken = false;
    for (uint32_t probe = 0; probe < 6 && !*taken; probe++) {
        claim->machine = history_below(h, h->machine_count);
        *taken = omega_view_fits(shown, &claim->request, claim->machine);
    }
    bool blind = history_chance(h, *taken ? 10 : 30);
    if (!*taken && !blind) {
        return false;
    }
    *taken = *taken && !blind;
    const int16_t *room = NULL;
    uint32_t devices = OMEGA_GPU_DEVICES_MAX;
    if (*taken && claim->request.gpu_devices > 0) {
        room = shown->free_gpu_milli + (size_t)claim->machine * OMEGA_GPU_DEVICES_MAX;
    } else if (h->specs[claim->machine].gpu_devices >= claim->request.gpu_devices &&
               history_chance(h, 80)) { /* without looking, but mostly ones that are there */
        devices = h->specs[claim->machine].gpu_devices;
    }
    claim->devices = random_devices(h, &claim->request, room, devices);
    claim->seq = omega_seq(shown->entry[claim->machine].stamp);
    claim->synced = store_view_synced(instance->view, claim->machine);
    return true;
}

/* Is this task one that the plan should name? Mostly those that are not placed. */
static bool wants_task(struct history *h, const struct model_job *job, uint32_t task, bool whole)
{
    uint8_t state = job == NULL ? MODEL_PENDING : job->tasks[task];
    switch (state) {
    case MODEL_PENDING:
        return whole || history_chance(h, 90);
    case MODEL_OPTIONAL:
        return history_chance(h, 60);
    default:
        return history_chance(h, 4);
    }
}

/* The task of a group to look at after its `t`th: the next one, or one somewhere behind it in a
 * large group, often the first or the last one of those that a store may keep together. */
static uint32_t next_task(struct history *h, const struct omega_task_group *group, uint32_t t)
{
    uint32_t slots = group->count + group->optional;
    if (slots < HISTORY_LARGE || (group->optional > 0 && t + 1 < group->count)) {
        return t + 1;
    }
    uint32_t next = t + 1 + omega_random_below(&h->sizes, slots / 6);
    uint32_t border = (group->first_task + next) / 2048 * 2048 - omega_random_below(&h->sizes, 2);
    bool snaps = border > group->first_task + t && border < group->first_task + slots &&
                 omega_random_below(&h->sizes, 2) == 0;
    return snaps ? border - group->first_task : next;
}

static void claim_tasks(struct history *h, struct history_instance *instance,
                        const struct history_job *planned)
{
    const struct model_job *job = model_job(h->model, planned->job.id);
    struct omega_transaction *txn = &instance->txn;
    bool whole = txn->granularity >= OMEGA_COMMIT_AT_LEAST;
    bool taken[HISTORY_CLAIMS_MAX];
    for (uint16_t g = 0; g < planned->job.group_count; g++) {
        const struct omega_task_group *group = &planned->groups[g];
        uint32_t slots = group->count + group->optional;
        /* room for the groups behind this one, unless they are large */
        uint32_t most = HISTORY_CLAIMS_MAX - HISTORY_SLOTS_MAX * (HISTORY_GROUPS_MAX - g);
        for (uint32_t t = 0; t < slots && txn->claim_count < most; t = next_task(h, group, t)) {
            struct omega_claim claim = {.task = group->first_task + t, .group = g};
            claim.request = group->request;
            if (wants_task(h, job, claim.task, whole) &&
                choose_machine(h, instance, &claim, &taken[txn->claim_count])) {
                if (taken[txn->claim_count]) {
                    store_view_take(instance->view, &claim);
                }
                instance->claims[txn->claim_count++] = claim;
            }
        }
    }
    /* Taken back in another order than they were made in. */
    for (uint32_t i = 0; i < txn->claim_count; i++) {
        uint32_t at = i % 2 == 0 ? i / 2 : txn->claim_count - 1 - i / 2;
        if (taken[at]) {
            store_view_give(instance->view, &instance->claims[at]);
        }
    }
}

static void shuffle(struct history *h, struct omega_claim *claims, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t other = history_below(h, i);
        struct omega_claim claim = claims[i - 1];
        claims[i - 1] = claims[other];
        claims[other] = claim;
    }
}

static void choose_minimum(struct history *h, struct history_instance *instance,
                           const struct history_job *planned)
{
    bool elastic = omega_job_is_elastic(&planned->job);
    for (uint32_t g = 0; g < planned->job.group_count; g++) {
        uint32_t claims = 0;
        for (uint32_t i = 0; i < instance->txn.claim_count; i++) {
            claims += instance->claims[i].group == g;
        }
        instance->minimum[g] = elastic ? planned->groups[g].count : history_below(h, claims + 1);
    }
}

/* Breaks the plan in one way that no scheduler may; sometimes it stays sound, the model knows. */
static void corrupt(struct history *h, struct history_instance *instance)
{
    struct omega_transaction *txn = &instance->txn;
    struct omega_claim *claim = &instance->claims[0];
    switch (history_below(h, 12)) {
    case 0:
        txn->job = UINT64_C(1) << 40;
        break;
    case 1:
        claim->task += 1u << 18;
        break;
    case 2:
        claim->group = (uint16_t)txn->group_count;
        break;
    case 3:
        claim->group = (uint16_t)((claim->group + 1u) % txn->group_count);
        break;
    case 4:
        claim->request.cpu_milli++;
        break;
    case 5:
        claim->devices ^= 4;
        break;
    case 6:
        instance->claims[txn->claim_count++] = *claim;
        break;
    case 7:
        claim->machine = h->machine_count;
        break;
    case 8:
        txn->claim_count = 0;
        break;
    case 9:
        txn->granularity = OMEGA_COMMIT_GANG;
        txn->claim_count--;
        break;
    case 10:
        txn->granularity = OMEGA_COMMIT_AT_LEAST;
        instance->minimum[claim->group] += 2;
        break;
    default:
        claim->request.gpu_milli++;
        break;
    }
}

/* A job in the table, mostly; else one that is over. */
static const struct history_job *choose_job(struct history *h)
{
    const struct history_job *job = NULL;
    for (int probe = 0; probe < 5; probe++) {
        job = &h->kept[h->jobs < HISTORY_JOBS_KEPT ? 1 + history_below(h, (uint32_t)h->jobs)
                                                   : history_below(h, HISTORY_JOBS_KEPT)];
        if (model_job(h->model, job->job.id) != NULL) {
            break;
        }
    }
    return job;
}

void history_plan(struct history *h, struct history_instance *instance)
{
    h->doing = "plan";
    const struct history_job *planned = choose_job(h);
    if (instance->live || history_chance(h, instance->refresh_percent)) {
        history_refresh(h, instance);
    }
    history_compare_view(h, instance);
    uint64_t hash = store_view_hash(instance->view);
    instance->txn = (struct omega_transaction){
        .job = planned->job.id,
        .attempt = h->step,
        .incarnation = 1,
        .instance = instance->id,
        .detection = (uint8_t)history_below(h, 2),
        .granularity = (uint8_t)history_below(h, 5),
        .precedence = planned->job.precedence,
        .synced = instance->view->shown.version,
        .group_minimum = instance->minimum,
        .group_count = planned->job.group_count,
        .claims = instance->claims,
    };
    if (omega_job_is_elastic(&planned->job) && history_chance(h, 95)) {
        instance->txn.granularity = OMEGA_COMMIT_AT_LEAST;
    }
    claim_tasks(h, instance, planned);
    EXPECT(h, hash == store_view_hash(instance->view), "instance %u: claims not taken back exactly",
           instance->id);
    choose_minimum(h, instance, planned);
    if (history_chance(h, 50)) {
        shuffle(h, instance->claims, instance->txn.claim_count);
    }
    if (instance->txn.claim_count > 0 && history_chance(h, 6)) {
        corrupt(h, instance);
    }
    instance->planned = instance->txn.claim_count > 0 || history_chance(h, 10);
}

/* The newest state of the claimed machines enters the view, as the driver does after a commit. */
static void absorb(struct history *h, struct history_instance *instance)
{
    omega_error_t err = {0};
    uint32_t machines[HISTORY_CLAIMS_MAX];
    for (uint32_t i = 0; i < instance->txn.claim_count; i++) {
        machines[i] = instance->claims[i].machine;
        if (!instance->live) {
            model_figures(h->model, machines[i], &instance->shown[machines[i]]);
            instance->synced[machines[i]] = h->model->version;
        }
    }
    int rc = store_view_absorb(h->store, instance->view, machines, instance->txn.claim_count, &err);
    EXPECT(h, rc == 0, "absorb: %s", err.text);
    history_compare_view(h, instance);
}

/* True if nothing of a transaction is lost when it is sent in short. */
static bool fits_in_short(const struct history *h, const struct omega_transaction *txn)
{
    const struct omega_job *job = &h->kept[txn->job % HISTORY_JOBS_KEPT].job;
    if (!store_takes_short(h->store) || txn->job != job->id || job->group_count != 1) {
        return false;
    }
    const struct omega_task_group *group = &job->groups[0];
    bool fits = group->request.gpu_devices == 0 && group->constraints == 0;
    for (uint32_t i = 0; fits && i < txn->claim_count; i++) {
        const struct omega_claim *claim = &txn->claims[i];
        fits = claim->group == 0 && claim->devices == 0 && claim->synced == txn->synced &&
               memcmp(&claim->request, &group->request, sizeof claim->request) == 0;
    }
    return fits;
}

/* Sends a transaction, every second one that can be in short. */
static int send(const struct history *h, const struct omega_transaction *txn,
                struct omega_brief *brief, struct omega_claim_result *results,
                struct omega_result *result, omega_error_t *err)
{
    uint32_t tasks[HISTORY_CLAIMS_MAX];
    uint32_t machines[HISTORY_CLAIMS_MAX];
    uint64_t seqs[HISTORY_CLAIMS_MAX];
    struct omega_transaction sent = *txn;
    sent.brief = brief;
    if (h->step / 2 % 2 == 0 && fits_in_short(h, txn)) {
        for (uint32_t i = 0; i < txn->claim_count; i++) {
            tasks[i] = txn->claims[i].task;
            machines[i] = txn->claims[i].machine;
            seqs[i] = txn->claims[i].seq;
        }
        sent.claims = NULL;
        sent.tasks = tasks;
        sent.machines = machines;
        sent.proven =
            omega_tasks_rise(tasks, txn->claim_count,
                             h->kept[txn->job % HISTORY_JOBS_KEPT].job.slots) &&
            omega_machines_exist(machines, txn->claim_count, h->machine_count) == txn->claim_count;
        sent.seqs = seqs;
    }
    return store_commit(h->store, &sent, results, result, err);
}

/* Fills in the results that a brief commit may leave out: those of claims that are not listed. */
static void fill_in(const struct history *h, const struct omega_brief *brief, uint32_t claims,
                    uint64_t version, struct omega_claim_result *results)
{
    uint32_t k = 0;
    EXPECT(h, brief->count <= claims, "%u of %u claims listed", brief->count, claims);
    for (uint32_t i = 0; i < claims; i++) {
        if (k < brief->count && brief->others[k] == i) {
            EXPECT(h, results[i].outcome != OMEGA_ACCEPTED, "claim %u listed, but accepted", i);
            k++;
        } else {
            results[i] = omega_claim_accepted(version, i - k);
        }
    }
    EXPECT(h, k == brief->count, "%u claims listed, %u of them in order", brief->count, k);
}

void history_commit(struct history *h, struct history_instance *instance)
{
    h->doing = "commit";
    struct omega_claim_result got[HISTORY_CLAIMS_MAX];
    struct omega_claim_result want[HISTORY_CLAIMS_MAX];
    struct omega_result result = {0};
    struct omega_result expected = {0};
    omega_error_t err = {0};
    instance->planned = false;
    int want_rc = model_commit(h->model, &instance->txn, want, &expected);
    uint32_t others[HISTORY_CLAIMS_MAX];
    struct omega_brief brief = {others, UINT32_MAX};
    bool is_brief = h->step % 2 == 0;
    int rc = send(h, &instance->txn, is_brief ? &brief : NULL, got, &result, &err);
    EXPECT(h, rc == want_rc, "store says %d '%s', model %d", rc, err.text, want_rc);
    if (rc != 0) {
        EXPECT(h, err.code == rc && err.text[0] != '\0', "error holder: code %d", err.code);
        history_compare(h);
        return;
    }
    if (is_brief) {
        fill_in(h, &brief, instance->txn.claim_count, result.version, got);
    }
    history_compare_results(h, &instance->txn, got, want);
    EXPECT(h, memcmp(&result, &expected, sizeof(result)) == 0,
           "store: version %ju, %u + %u + %u + %u; model: version %ju, %u + %u + %u + %u",
           (uintmax_t)result.version, result.accepted, result.conflicts, result.refused,
           result.aborted, (uintmax_t)expected.version, expected.accepted, expected.conflicts,
           expected.refused, expected.aborted);
    for (uint32_t i = 0; i < instance->txn.claim_count; i++) {
        h->outcomes[got[i].outcome]++;
    }
    if (history_chance(h, 90)) {
        absorb(h, instance);
    }
}
