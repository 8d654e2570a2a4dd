/* SPDX-License-Identifier: MIT */
/* Working memory of attempts: see driver.h. What commits of one instance after the other write and
 * read stays at hand, however many instances there are. */
#include <stdlib.h>

#include "core/driver/driver.h"
#include "core/metrics/conflicts.h"

/* The numbers from 0 on. A list that is too short stays all the same: plans may point to it. */
struct task_list {
    struct task_list *shorter;
    uint32_t count;
    uint32_t tasks[];
};

int attempt_memory_open(struct attempt_memory *memory, const struct metrics *metrics,
                        omega_error_t *err)
{
    *memory = (struct attempt_memory){.room = 0};
    if (!metrics_wants_causes(metrics)) {
        return OMEGA_OK;
    }
    memory->inquiry = calloc(1, sizeof *memory->inquiry);
    if (memory->inquiry == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for attempts");
    }
    memory->inquiry->counterfactuals = metrics_wants_counterfactuals(metrics);
    return OMEGA_OK;
}

void attempt_memory_close(struct attempt_memory *memory)
{
    while (memory->in_order != NULL) {
        struct task_list *list = memory->in_order;
        memory->in_order = list->shorter;
        free(list);
    }
    free(memory->claims);
    free(memory->results);
    free(memory->brief.others);
    if (memory->inquiry != NULL) {
        free(memory->inquiry->causes);
        free(memory->inquiry);
    }
    *memory = (struct attempt_memory){.room = 0};
}

/* Makes room for the causes of so many claims, if they are asked for. */
static int reserve_causes(struct omega_inquiry *inquiry, uint32_t claims)
{
    if (inquiry == NULL) {
        return OMEGA_OK;
    }
    struct omega_cause *causes = reallocarray(inquiry->causes, claims, sizeof *inquiry->causes);
    inquiry->causes = causes == NULL ? inquiry->causes : causes;
    return causes == NULL ? OMEGA_ENOMEM : OMEGA_OK;
}

int attempt_memory_reserve(struct attempt_memory *memory, uint32_t claims)
{
    if (claims <= memory->room) {
        return OMEGA_OK;
    }
    const uint32_t room = claims * 2;
    struct omega_claim *full = reallocarray(memory->claims, room, sizeof *full);
    memory->claims = full == NULL ? memory->claims : full;
    struct omega_claim_result *results = reallocarray(memory->results, room, sizeof *results);
    memory->results = results == NULL ? memory->results : results;
    uint32_t *others = reallocarray(memory->brief.others, room, sizeof *others);
    memory->brief.others = others == NULL ? memory->brief.others : others;
    if (full == NULL || results == NULL || others == NULL ||
        reserve_causes(memory->inquiry, room) != OMEGA_OK) {
        return OMEGA_ENOMEM;
    }
    memory->room = room;
    return OMEGA_OK;
}

const uint32_t *attempt_memory_in_order(struct attempt_memory *memory, uint32_t count)
{
    if (memory->in_order != NULL && count <= memory->in_order->count) {
        return memory->in_order->tasks;
    }
    const uint32_t room = count * 2;
    struct task_list *list = malloc(sizeof *list + room * sizeof list->tasks[0]);
    if (list == NULL) {
        return NULL;
    }
    list->shorter = memory->in_order;
    list->count = room;
    for (uint32_t t = 0; t < room; t++) {
        list->tasks[t] = t;
    }
    memory->in_order = list;
    return list->tasks;
}
