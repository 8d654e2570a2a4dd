/* SPDX-License-Identifier: MIT */
/*
 * A job as a JSON object: what people and messages submit. Its keys are those of a job in a cell
 * dump, without what became of it (core/workload/README.md); as strict, and as bounded.
 */
#ifndef OMEGA_CORE_WORKLOAD_JOB_JSON_H
#define OMEGA_CORE_WORKLOAD_JOB_JSON_H

#include <jansson.h>

#include "core/model/catalogue.h"
#include "core/model/job.h"

/* Reads a job, sealed, with id and times 0; its user and constraints become symbols and sets of
 * `catalogue`. *job is the caller's: free(). OMEGA_EINVAL names the key; OMEGA_ENOMEM. */
int job_from_json(const json_t *object, struct catalogue *catalogue, struct omega_job **job,
                  omega_error_t *err);

#endif
