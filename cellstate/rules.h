/* SPDX-License-Identifier: MIT */
/*
 * The rules of the cell: when a claim holds, and what accepted claims, releases and machine events
 * do to a machine. Pure functions over the model, existing once: every store, both drivers and the
 * log checker call these (invariant D).
 *
 * Decide, then apply: rules_decide() takes the room of the claims that it accepts, and nothing
 * else; an aborted transaction has changed nothing. Within a transaction the claims are looked at
 * in order, each after the accepted ones before it. Coarse-grained detection compares the sequence
 * that the machine had before this transaction: its own claims do not move it.
 */
#ifndef OMEGA_CELLSTATE_RULES_H
#define OMEGA_CELLSTATE_RULES_H

#include "cellstate/view.h"
#include "core/base/error.h"
#include "core/model/claim.h"

/* The one conflict rule: would this claim hold now, under this detection, by this instance? What
 * good claims of its transaction before it take has been taken off the machine. Returns an enum
 * omega_outcome. Pure. */
uint8_t rules_claim(const struct omega_machine *machine, const struct omega_claim *claim,
                    uint8_t detection, uint16_t instance);

/* Why rules_claim() does not accept a claim: what is missing, the sequence found, and whether the
 * rival is the only one. Pure; `machine` may be NULL. */
void rules_explain(const struct omega_machine *machine, const struct omega_claim *claim,
                   uint16_t instance, struct omega_cause *cause);

/* Working memory of rules_decide(), reused from call to call. */
struct rules_scratch;
struct rules_scratch *rules_scratch_create(void);          /* NULL without memory */
void rules_scratch_destroy(struct rules_scratch *scratch); /* NULL is allowed */

/*
 * Decides a transaction. machines[i] is the machine that claim i names (several may be the same);
 * a NULL entry stands for a machine that does not exist and is refused as machine_down.
 * refused[i], if `refused` is not NULL, is a reason the caller found already (such as
 * already_placed or constraint; OMEGA_ACCEPTED = none): such a claim is refused with it.
 * Claims on one machine must have one pointer. At the end each machine lacks the room of the claims
 * accepted there (of devices in the free band), and is otherwise what it was: the caller enters
 * them with rules_install(), or takes the room back with rules_give_back(). Where it fails all room
 * has been given back.
 * Fills results[i].outcome, rival, rival_version and other_refuses, and counts into *result;
 * placement ids and the version are the store's to fill in. Answers txn->inquiry, if there is one.
 * Returns 0, or OMEGA_ENOMEM.
 */
int rules_decide(const struct omega_transaction *txn, struct omega_machine *const *machines,
                 const uint8_t *refused, struct rules_scratch *scratch,
                 struct omega_claim_result *results, struct omega_result *result,
                 omega_error_t *err);

/* ---- for a store that judges claims by itself, by rules_is_stale() and omega_room_take(), each
 * after the good ones before it: what rules_decide() would say of them. The transaction may come in
 * short. ---- */

/* Of a transaction all of whose claims hold, but for counterfactuals: fills *result and answers
 * txn->inquiry. */
void rules_conclude_whole(const struct omega_transaction *txn, struct omega_result *result);

/* Of one claim that does not hold, the transaction's by that index, whose
 * machine lacks the room of the good claims before it: fills its result and its cause in
 * txn->inquiry, and counts it in *total, which is 0 before the first. */
void rules_refuse(const struct omega_transaction *txn, const struct omega_machine *machine,
                  const struct omega_claim *claim, uint32_t index,
                  struct omega_claim_result *result, struct omega_result *total);

/* Of a transaction of granularity `task` of which all such claims have been told, but for
 * counterfactuals: fills *total and answers txn->inquiry. */
void rules_conclude(const struct omega_transaction *txn, struct omega_result *total);

/* The counterfactuals of one detection, in which `good` of the claims were found good, as `results`
 * say if not all of them were: fills *judgement. OMEGA_ENOMEM. */
int rules_judgement(const struct omega_transaction *txn, uint32_t good,
                    struct rules_scratch *scratch, const struct omega_claim_result *results,
                    struct omega_judgement *judgement, omega_error_t *err);

/* Gives back the room of all claims that the results accept. */
void rules_give_back(const struct omega_transaction *txn, struct omega_machine *const *machines,
                     const struct omega_claim_result *results);

/* Enters a claim that rules_decide() has accepted and taken the room of, at `version`. */
void rules_install(struct omega_machine *machine, const struct omega_request *request,
                   uint32_t devices, enum omega_band band, uint16_t instance, uint64_t version);

/* Puts a placement on a machine, at `version`: takes its room and enters it. One of the initial
 * state has the instance OMEGA_INSTANCE_NONE and may leave the machine above its limit. */
void rules_place(struct omega_machine *machine, const struct omega_request *request,
                 uint32_t devices, enum omega_band band, uint16_t instance, uint64_t version);

/* Takes a placement off a machine. With `raises_seq` a release counts as a change. */
void rules_release(struct omega_machine *machine, const struct omega_request *request,
                   uint32_t devices, enum omega_band band, bool raises_seq);

/* Applies a machine event; what a removal loses has been released by the caller before. Returns 0,
 * or OMEGA_EINVAL if the event makes no sense in the machine's state (add when up, drain when not
 * up, undrain when not draining, remove or capacity when down). */
int rules_machine_event(struct omega_machine *machine, const struct omega_machine_spec *spec,
                        const struct omega_machine_event *event,
                        const struct omega_overcommit *overcommit, omega_error_t *err);

/* A machine as it is before anything happened to it: up, or down where the spec says absent. */
void rules_machine_init(struct omega_machine *machine, uint32_t index,
                        const struct omega_machine_spec *spec,
                        const struct omega_overcommit *overcommit);

/* True if the machine takes something new: it is up and not above its limit. */
static inline bool rules_takes(const struct omega_machine *machine)
{
    return machine->state == OMEGA_MACHINE_UP && !machine->may_exceed;
}

/* What is left of a resource below the limit; below 0 where a preload or a machine event has left
 * the machine above it. */
static inline int32_t rules_left_cpu(const struct omega_machine *machine)
{
    return machine->cpu_limit_milli - machine->cpu_used_milli;
}

/* The same for memory, in MiB. */
static inline int32_t rules_left_mem(const struct omega_machine *machine)
{
    return machine->mem_limit_mib - machine->mem_used_mib;
}

/* Free CPU as a view shows it: what is left, or -1 where nothing new is taken. */
static inline int32_t rules_free_cpu(const struct omega_machine *machine)
{
    return rules_takes(machine) ? rules_left_cpu(machine) : -1;
}

/* The same for memory, in MiB. */
static inline int32_t rules_free_mem(const struct omega_machine *machine)
{
    return rules_takes(machine) ? rules_left_mem(machine) : -1;
}

/* Has a machine that shows this sequence changed, for who goes by sequences, since a claim saw it?
 * Part of rules_claim(). */
static inline bool rules_is_stale(uint64_t seq, uint64_t seen, uint8_t detection)
{
    return detection == OMEGA_DETECT_COARSE && seq != seen;
}

/* The room that a request asks for. */
static inline struct omega_room rules_room_of(const struct omega_request *request)
{
    return (struct omega_room){request->cpu_milli, request->mem_mib};
}

/* Does a request fit in what is free as rules_free_cpu() and rules_free_mem() tell it, its devices
 * apart? What can be taken, by omega_room_take(), fits. Part of rules_claim(): a claim without
 * devices that is not stale and fits holds, and nothing else does. */
static inline bool rules_has_room(int32_t free_cpu_milli, int32_t free_mem_mib,
                                  const struct omega_request *request)
{
    struct omega_room room = {free_cpu_milli, free_mem_mib};
    return omega_room_take(&room, rules_room_of(request));
}

/* Free share of one device; 0 where nothing new is taken. */
int16_t rules_free_gpu(const struct omega_machine *machine, uint32_t device);

/* Chooses devices for a request among those with `free_milli` left: for a share the fullest device
 * that still fits, for whole devices the lowest numbers. Returns the mask, 0 if it does not fit. */
uint32_t rules_choose_devices(const int16_t free_milli[OMEGA_GPU_DEVICES_MAX],
                              const struct omega_request *request);

#endif
