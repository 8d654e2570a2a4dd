/* SPDX-License-Identifier: MIT */
/*
 * The catalogue: see catalogue.h.
 *
 * A set is found by its normal text: the terms with the blanks around them dropped, joined by ';'.
 * The texts of each kind lie in a table of symbols of their own, where the symbol of a text is the
 * id of its set; symbol 0, "", is the empty set.
 */
#include "core/model/catalogue_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int table_open(struct catalogue_table *table, const char *what, uint32_t terms_max,
                      size_t set_size)
{
    table->what = what;
    table->terms_max = terms_max;
    table->room = 16;
    table->texts = symbols_create();
    table->sets = calloc(table->room, sizeof *table->sets);
    void *empty = calloc(1, set_size);
    if (table->texts == NULL || table->sets == NULL || empty == NULL) {
        free(empty);
        return OMEGA_ENOMEM;
    }
    table->sets[0] = empty;
    table->count = 1;
    return OMEGA_OK;
}

static void table_close(struct catalogue_table *table)
{
    for (uint32_t i = 0; i < table->count; i++) {
        free(table->sets[i]);
    }
    free(table->sets);
    symbols_destroy(table->texts);
}

struct catalogue *catalogue_create(void)
{
    struct catalogue *catalogue = calloc(1, sizeof *catalogue);
    if (catalogue == NULL) {
        return NULL;
    }
    catalogue->symbols = symbols_create();
    if (catalogue->symbols == NULL ||
        table_open(&catalogue->constraints, "constraint", OMEGA_CONSTRAINT_TERMS_MAX,
                   sizeof(struct omega_constraint_set)) != OMEGA_OK ||
        table_open(&catalogue->attributes, "attribute", OMEGA_ATTRIBUTES_MAX,
                   sizeof(struct omega_attribute_set)) != OMEGA_OK) {
        catalogue_destroy(catalogue);
        return NULL;
    }
    return catalogue;
}

void catalogue_destroy(struct catalogue *catalogue)
{
    if (catalogue != NULL) {
        table_close(&catalogue->constraints);
        table_close(&catalogue->attributes);
        symbols_destroy(catalogue->symbols);
        free(catalogue);
    }
}

struct symbols *catalogue_symbols(const struct catalogue *catalogue)
{
    return catalogue->symbols;
}

/* Adds a finished set under its normal text. The table owns it on success only. */
static int table_add(struct catalogue_table *table, const char *normal, void *set, uint32_t *id,
                     omega_error_t *err)
{
    if (table->count == table->room) {
        void **sets = realloc(table->sets, (size_t)table->room * 2 * sizeof *sets);
        if (sets == NULL) {
            return catalogue_no_memory(err);
        }
        table->sets = sets;
        table->room *= 2;
    }
    uint32_t symbol = symbols_intern(table->texts, normal);
    if (symbol == SYMBOL_NONE) {
        return catalogue_no_memory(err);
    }
    assert(symbol == table->count);
    table->sets[table->count++] = set;
    *id = symbol;
    return OMEGA_OK;
}

/* The id of the set that `text` describes: known already, or parsed and added. */
static int set_of(struct catalogue *catalogue, struct catalogue_table *table,
                  catalogue_parse *parse, const char *text, uint32_t *id, omega_error_t *err)
{
    *id = symbols_find(table->texts, text, strlen(text));
    if (*id != SYMBOL_NONE) {
        return OMEGA_OK; /* in normal form, as most are */
    }
    *id = 0;
    char *normal = NULL;
    void *set = NULL;
    uint32_t terms;
    int rc = catalogue_normalise(table, text, &normal, &terms, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    uint32_t known = symbols_find(table->texts, normal, strlen(normal));
    if (known != SYMBOL_NONE) {
        *id = known;
        goto done;
    }
    rc = parse(catalogue, normal, terms, &set, err);
    if (rc == OMEGA_OK) {
        rc = table_add(table, normal, set, id, err);
    }
    if (rc != OMEGA_OK) {
        free(set);
    }
done:
    free(normal);
    return rc;
}

int catalogue_constraints(struct catalogue *catalogue, const char *text, uint32_t *id,
                          omega_error_t *err)
{
    return set_of(catalogue, &catalogue->constraints, catalogue_parse_constraints, text, id, err);
}

bool catalogue_find_constraints(const struct catalogue *catalogue, const char *text, uint32_t *id)
{
    *id = symbols_find(catalogue->constraints.texts, text, strlen(text));
    return *id != SYMBOL_NONE;
}

int catalogue_attributes(struct catalogue *catalogue, const char *text, uint32_t *id,
                         omega_error_t *err)
{
    return set_of(catalogue, &catalogue->attributes, catalogue_parse_attributes, text, id, err);
}

/* Appends ";name=value" (without the ';' to an empty text). NULL without memory. */
static char *append(char *text, const char *name, const char *value)
{
    size_t used = strlen(text);
    size_t size = used + strlen(name) + strlen(value) + 3;
    char *longer = realloc(text, size);
    if (longer == NULL) {
        free(text);
        return NULL;
    }
    char *end = longer + used;
    if (used > 0) {
        *end++ = ';';
    }
    end = stpcpy(end, name);
    *end++ = '=';
    stpcpy(end, value);
    return longer;
}

int catalogue_machine_attributes(struct catalogue *catalogue, const char *text, uint32_t platform,
                                 uint32_t domain, uint32_t *id, omega_error_t *err)
{
    const struct {
        const char *name;
        uint32_t value;
    } more[] = {{"platform", platform}, {"domain", domain}};
    *id = 0;
    char *all = NULL;
    uint32_t terms;
    int rc = catalogue_normalise(&catalogue->attributes, text, &all, &terms, err);
    for (size_t i = 0; rc == OMEGA_OK && i < sizeof more / sizeof *more; i++) {
        const char *value = symbols_text(catalogue->symbols, more[i].value);
        if (strchr(value, ';') != NULL) {
            rc = omega_error_set(err, OMEGA_EINVAL, "%s '%.60s' has a ';' in it, expected none",
                                 more[i].name, value);
        } else if (more[i].value != 0) {
            all = append(all, more[i].name, value);
            rc = all == NULL ? catalogue_no_memory(err) : OMEGA_OK;
        }
    }
    if (rc == OMEGA_OK) {
        rc = catalogue_attributes(catalogue, all, id, err);
    }
    free(all);
    return rc;
}

const struct omega_constraint_set *catalogue_constraint_set(const struct catalogue *catalogue,
                                                            uint32_t id)
{
    assert(id < catalogue->constraints.count);
    return catalogue->constraints.sets[id];
}

const struct omega_attribute_set *catalogue_attribute_set(const struct catalogue *catalogue,
                                                          uint32_t id)
{
    assert(id < catalogue->attributes.count);
    return catalogue->attributes.sets[id];
}

const char *catalogue_constraints_text(const struct catalogue *catalogue, uint32_t id)
{
    return symbols_text(catalogue->constraints.texts, id);
}

const char *catalogue_attributes_text(const struct catalogue *catalogue, uint32_t id)
{
    return symbols_text(catalogue->attributes.texts, id);
}

uint32_t catalogue_constraints_count(const struct catalogue *catalogue)
{
    return catalogue->constraints.count;
}

uint32_t catalogue_attributes_count(const struct catalogue *catalogue)
{
    return catalogue->attributes.count;
}

static bool is_one_of(const struct omega_constraint *term, uint32_t value)
{
    for (uint32_t i = 0; i < term->value_count; i++) {
        if (term->values[i] == value) {
            return true;
        }
    }
    return false;
}

/* `attribute` is the machine's attribute of the term's name, NULL if it has none. */
static bool meets_term(const struct omega_constraint *term, const struct omega_attribute *attribute)
{
    if (attribute == NULL) {
        return term->op == OMEGA_IS_NOT;
    }
    switch ((enum omega_constraint_op)term->op) {
    case OMEGA_IS:
        return is_one_of(term, attribute->value);
    case OMEGA_IS_NOT:
        return !is_one_of(term, attribute->value);
    case OMEGA_LESS:
        return attribute->number != OMEGA_NOT_A_NUMBER && attribute->number < term->number;
    case OMEGA_GREATER:
        return attribute->number != OMEGA_NOT_A_NUMBER && attribute->number > term->number;
    case OMEGA_PRESENT:
        return true;
    }
    return false;
}

bool catalogue_meets(const struct catalogue *catalogue, uint32_t constraints, uint32_t attributes)
{
    const struct omega_constraint_set *wanted = catalogue_constraint_set(catalogue, constraints);
    const struct omega_attribute_set *have = catalogue_attribute_set(catalogue, attributes);
    for (uint32_t t = 0; t < wanted->term_count; t++) {
        const struct omega_attribute *found = NULL;
        for (uint32_t a = 0; a < have->count && found == NULL; a++) {
            if (have->attributes[a].name == wanted->terms[t].attribute) {
                found = &have->attributes[a];
            }
        }
        if (!meets_term(&wanted->terms[t], found)) {
            return false;
        }
    }
    return true;
}
