/* SPDX-License-Identifier: MIT */
/*
 * Compares a cell with what its workers wrote down (tests/support/kill_load.h): every acknowledged
 * change is there, every change in the log was meant by somebody, and commits installed what their
 * granularity allows.
 */
#ifndef OMEGA_TESTS_SUPPORT_KILL_CHECK_H
#define OMEGA_TESTS_SUPPORT_KILL_CHECK_H

#include "tests/support/kill_load.h"

struct kill_model;

struct kill_model *kill_model_create(void);
void kill_model_destroy(struct kill_model *model);

/* Folds the acts of all workers into the model, compares it with the cell, which is quiet, and
 * forgets the acts. Adds what is wrong. */
void kill_model_fold(struct kill_model *model, struct kill_load *load, struct store *store,
                     struct trouble *trouble);

/* Sends transactions of a killed worker again, as whoever takes over would: its last one that was
 * installed gets the recorded result, the one it was killed in is decided now or has been already;
 * an earlier attempt is superseded. */
void kill_model_resend(struct kill_model *model, uint32_t slot, struct store *store,
                       struct trouble *trouble);

/* Sends the last transaction of the incarnation before again: superseded. */
void kill_model_resend_old(struct kill_model *model, uint32_t slot, struct store *store,
                           struct trouble *trouble);

/* Says how much was compared: acts, changes. */
void kill_model_count(const struct kill_model *model, uint64_t *acts, uint64_t *changes,
                      uint64_t *unanswered_found);

#endif
