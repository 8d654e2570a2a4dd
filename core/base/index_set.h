/* SPDX-License-Identifier: MIT */
/*
 * A set of indices below a bound, taken out by rising number: adding costs a few nanoseconds, and
 * taking all out does the work of a sort without one. Two levels of bits, so that a set over a
 * million indices with ten in it is emptied after a look at some 250 words at most.
 *
 * Threads: a set belongs to one thread at a time. Header-only, since it is used in inner loops.
 */
#ifndef OMEGA_CORE_BASE_INDEX_SET_H
#define OMEGA_CORE_BASE_INDEX_SET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/error.h"

struct index_set {
    uint64_t *words;   /* a bit per index */
    uint64_t *summary; /* a bit per word: it is not 0 */
    uint32_t summary_words;
    uint32_t first; /* no word of the summary before this one has a bit */
    uint32_t count;
};

/* An empty set for indices below `bound`: 0 or OMEGA_ENOMEM, and then nothing is allocated. */
static inline int index_set_init(struct index_set *set, uint32_t bound)
{
    uint32_t words = bound / 64 + 1;
    *set = (struct index_set){.summary_words = words / 64 + 1};
    set->words = calloc(words, sizeof *set->words);
    set->summary = calloc(set->summary_words, sizeof *set->summary);
    set->first = set->summary_words;
    if (set->words == NULL || set->summary == NULL) {
        free(set->words);
        free(set->summary);
        *set = (struct index_set){.words = NULL};
        return OMEGA_ENOMEM;
    }
    return OMEGA_OK;
}

/* A set of all zeros is allowed. */
static inline void index_set_fini(struct index_set *set)
{
    free(set->words);
    free(set->summary);
}

/* Adds an index below the bound; false if it is in the set already. */
static inline bool index_set_add(struct index_set *set, uint32_t index)
{
    uint64_t bit = UINT64_C(1) << index % 64;
    uint32_t word = index / 64;
    bool is_new = (set->words[word] & bit) == 0;
    set->count += is_new;
    set->words[word] |= bit;
    set->summary[word / 64] |= UINT64_C(1) << word % 64;
    set->first = word / 64 < set->first ? word / 64 : set->first;
    return is_new;
}

/* Takes the lowest index out; false if there is none. */
static inline bool index_set_take(struct index_set *set, uint32_t *index)
{
    if (set->count == 0) { /* or all of the summary would be looked through */
        set->first = set->summary_words;
        return false;
    }
    while (set->summary[set->first] == 0) {
        set->first++;
    }
    uint64_t *summary = &set->summary[set->first];
    uint32_t word = set->first * 64 + (uint32_t)__builtin_ctzll(*summary);
    *index = word * 64 + (uint32_t)__builtin_ctzll(set->words[word]);
    set->words[word] &= set->words[word] - 1;
    *summary &= set->words[word] == 0 ? *summary - 1 : UINT64_MAX;
    set->count--;
    return true;
}

/* Takes all out. */
static inline void index_set_clear(struct index_set *set)
{
    uint32_t index;
    while (index_set_take(set, &index)) {
    }
}

#endif
