/* SPDX-License-Identifier: MIT */
/*
 * The catalogue of a cell: names, attribute sets and constraint sets, each as a small integer.
 *
 * Attribute sets are written `name=value;name=value` (a name alone has the value ""), constraint
 * sets `term;term;...` with the terms
 *     name=a|b     the attribute is one of the values        (missing: not met)
 *     name!=a|b    the attribute is none of the values       (missing: met)
 *     name<7       the attribute is an integer below         (missing or no integer: not met)
 *     name>7       the attribute is an integer above         (missing or no integer: not met)
 *     name?        the attribute is present
 *     different_machines   no two tasks of the group on one machine
 * Values may hold any byte but ; | and control characters; there are no quotes. The same parser
 * serves the CSV trace, the experiment file and every importer. `gpu_model`, `platform` and
 * `domain` are attributes like others; catalogue_machine_attributes() adds the last two.
 */
#ifndef OMEGA_CORE_MODEL_CATALOGUE_H
#define OMEGA_CORE_MODEL_CATALOGUE_H

#include "core/base/error.h"
#include "core/base/symbols.h"
#include "core/model/machine.h"

#define OMEGA_CONSTRAINT_VALUES_MAX 16 /* alternatives in one term */
#define OMEGA_CONSTRAINT_TERMS_MAX 16  /* terms in one set, attributes in one set: 64 */
#define OMEGA_ATTRIBUTES_MAX 64
#define OMEGA_NOT_A_NUMBER INT64_MIN

enum omega_constraint_op {
    OMEGA_IS = 0,
    OMEGA_IS_NOT = 1,
    OMEGA_LESS = 2,
    OMEGA_GREATER = 3,
    OMEGA_PRESENT = 4,
};

struct omega_attribute {
    uint32_t name;  /* symbol */
    uint32_t value; /* symbol of the text */
    int64_t number; /* the text as a decimal integer, or OMEGA_NOT_A_NUMBER */
};

struct omega_constraint {
    uint32_t attribute; /* symbol of the name */
    uint8_t op;         /* enum omega_constraint_op */
    uint8_t value_count;
    uint16_t reserved;
    int64_t number;                               /* for LESS and GREATER */
    uint32_t values[OMEGA_CONSTRAINT_VALUES_MAX]; /* symbols, for IS and IS_NOT */
};

struct omega_constraint_set {
    bool different_machines;
    uint32_t term_count;
    const struct omega_constraint *terms;
};

struct omega_attribute_set {
    uint32_t count;
    const struct omega_attribute *attributes;
};

struct catalogue;

/* NULL without memory. catalogue_destroy(NULL) is allowed. Not thread-safe while it is added to. */
struct catalogue *catalogue_create(void);
void catalogue_destroy(struct catalogue *catalogue);

/* The table of names: machines, users, platforms, attribute names and values. */
struct symbols *catalogue_symbols(const struct catalogue *catalogue);

/* Parses and interns a set; the same text (after dropping blanks around terms) gives the same id,
 * and "" gives 0. Returns 0 or OMEGA_EINVAL (what is wrong, what was expected), OMEGA_ENOMEM. */
int catalogue_constraints(struct catalogue *catalogue, const char *text, uint32_t *id,
                          omega_error_t *err);
int catalogue_attributes(struct catalogue *catalogue, const char *text, uint32_t *id,
                         omega_error_t *err);

/* The id of a constraint set that is known by this text, as catalogue_constraints_text() gives it;
 * false if there is none. */
bool catalogue_find_constraints(const struct catalogue *catalogue, const char *text, uint32_t *id);

/* The attribute set of a machine: `text` plus platform=... and domain=... where those symbols are
 * not 0. Errors as above; naming platform or domain in `text` too is an error. */
int catalogue_machine_attributes(struct catalogue *catalogue, const char *text, uint32_t platform,
                                 uint32_t domain, uint32_t *id, omega_error_t *err);

/* The parsed set of an id, owned by the catalogue and stable for its life. */
const struct omega_constraint_set *catalogue_constraint_set(const struct catalogue *catalogue,
                                                            uint32_t id);
const struct omega_attribute_set *catalogue_attribute_set(const struct catalogue *catalogue,
                                                          uint32_t id);

/* The text of a set as it was first written (blanks dropped), for export. */
const char *catalogue_constraints_text(const struct catalogue *catalogue, uint32_t id);
const char *catalogue_attributes_text(const struct catalogue *catalogue, uint32_t id);

/* How many sets there are, the empty one included. */
uint32_t catalogue_constraints_count(const struct catalogue *catalogue);
uint32_t catalogue_attributes_count(const struct catalogue *catalogue);

/* True if a machine with this attribute set meets all terms (different_machines is not a term).
 * Pure: the one rule about constraints. */
bool catalogue_meets(const struct catalogue *catalogue, uint32_t constraints, uint32_t attributes);

#endif
