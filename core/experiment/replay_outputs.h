/* SPDX-License-Identifier: MIT */
/* The predicted results of a replay, as files like those of a run (outputs.h). */
#ifndef OMEGA_CORE_EXPERIMENT_REPLAY_OUTPUTS_H
#define OMEGA_CORE_EXPERIMENT_REPLAY_OUTPUTS_H

#include "core/experiment/outputs.h"

struct replay_outputs;

/* Opens the directory and begins the files of the experiment, checked by experiment_check(), which
 * outlives them. Errors of outputs_open(). */
int replay_outputs_open(const char *directory, const struct experiment *experiment,
                        struct replay_outputs **outputs, omega_error_t *err);

/* Before the metrics of a point are made, and when it has run. */
int replay_outputs_begin(struct replay_outputs *outputs, struct point *point, omega_error_t *err);
int replay_outputs_end(struct replay_outputs *outputs, const struct point_result *result,
                       omega_error_t *err);

/* Names all files; `argv` is the command line. Frees `outputs` either way. */
int replay_outputs_commit(struct replay_outputs *outputs, int argc, char *const *argv,
                          omega_error_t *err);

/* Drops everything; NULL is allowed. */
void replay_outputs_abort(struct replay_outputs *outputs);

#endif
