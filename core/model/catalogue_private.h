/* SPDX-License-Identifier: MIT */
/*
 * What the two halves of the catalogue share: its tables (catalogue.c) and the parsing of texts
 * (catalogue_text.c).
 */
#ifndef OMEGA_CORE_MODEL_CATALOGUE_PRIVATE_H
#define OMEGA_CORE_MODEL_CATALOGUE_PRIVATE_H

#include "core/model/catalogue.h"

/* All sets of one kind; what `sets` points to never moves. */
struct catalogue_table {
    const char *what; /* for messages */
    uint32_t terms_max;
    struct symbols *texts; /* symbol = id */
    void **sets;
    uint32_t count;
    uint32_t room;
};

struct catalogue {
    struct symbols *symbols;
    struct catalogue_table constraints; /* of struct omega_constraint_set, its terms behind it */
    struct catalogue_table attributes; /* of struct omega_attribute_set, its attributes behind it */
};

/* Writes the normal form of `text` (see catalogue.c), owned by the caller, and how many terms it
 * has. Returns 0, OMEGA_EINVAL or OMEGA_ENOMEM. */
int catalogue_normalise(const struct catalogue_table *table, const char *text, char **normal,
                        uint32_t *terms, omega_error_t *err);

/* Parses a normal text of `count` terms into a new block: a set with its terms behind it. The block
 * is the caller's to free, also after an error. Returns as above. */
typedef int catalogue_parse(struct catalogue *catalogue, const char *normal, uint32_t count,
                            void **block, omega_error_t *err);
catalogue_parse catalogue_parse_constraints;
catalogue_parse catalogue_parse_attributes;

/* Records that there is no memory; returns OMEGA_ENOMEM. */
int catalogue_no_memory(omega_error_t *err);

#endif
