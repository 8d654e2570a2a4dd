/* SPDX-License-Identifier: MIT */
/* The texts of the catalogue's sets: normal form and parsing; the grammar is in catalogue.h. */
#include <stdlib.h>
#include <string.h>

#include "core/model/catalogue_private.h"

#define SET_TEXT_MAX 16384 /* bytes of a set's text */
#define MESSAGE_TEXT 60    /* bytes of a term that a message shows */

/* Part of a text that is being parsed. */
struct span {
    const char *text;
    size_t length;
};

int catalogue_no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory for the cell's catalogue");
}

/* An error about one term: what is wrong with it, and what was expected. */
static int bad_term(const struct catalogue_table *table, struct span term, const char *problem,
                    omega_error_t *err)
{
    int shown = term.length < MESSAGE_TEXT ? (int)term.length : MESSAGE_TEXT;
    return omega_error_set(err, OMEGA_EINVAL, "%s '%.*s' %s", table->what, shown, term.text,
                           problem);
}

/* Takes the next part up to `separator` off `rest`; false when there is none left. */
static bool next_part(struct span *rest, char separator, struct span *part)
{
    if (rest->text == NULL) {
        return false;
    }
    const char *end = memchr(rest->text, separator, rest->length);
    *part = *rest;
    if (end == NULL) {
        *rest = (struct span){.text = NULL, .length = 0};
    } else {
        part->length = (size_t)(end - rest->text);
        rest->text = end + 1;
        rest->length -= part->length + 1;
    }
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trim(struct span part)
{
    while (part.length > 0 && is_blank(part.text[0])) {
        part.text++;
        part.length--;
    }
    while (part.length > 0 && is_blank(part.text[part.length - 1])) {
        part.length--;
    }
    return part;
}

static int check_bytes(const struct catalogue_table *table, struct span term, uint32_t number,
                       omega_error_t *err)
{
    if (term.length == 0) {
        return omega_error_set(err, OMEGA_EINVAL,
                               "%s %u is empty, expected terms with a ';' between them",
                               table->what, number);
    }
    for (size_t i = 0; i < term.length; i++) {
        unsigned char byte = (unsigned char)term.text[i];
        if (byte < 0x20 || byte == 0x7f) {
            return omega_error_set(err, OMEGA_EINVAL,
                                   "%s %u holds the control character 0x%02x, expected none",
                                   table->what, number, byte);
        }
    }
    return OMEGA_OK;
}

int catalogue_normalise(const struct catalogue_table *table, const char *text, char **normal,
                        uint32_t *terms, omega_error_t *err)
{
    size_t length = strlen(text);
    *terms = 0;
    if (length > SET_TEXT_MAX) {
        return omega_error_set(err, OMEGA_EINVAL, "%ss of %zu bytes, expected at most %d",
                               table->what, length, SET_TEXT_MAX);
    }
    char *out = malloc(length + 2);
    if (out == NULL) {
        return catalogue_no_memory(err);
    }
    size_t used = 0;
    struct span rest = trim((struct span){.text = text, .length = length});
    struct span term;
    while (rest.length + *terms > 0 && next_part(&rest, ';', &term)) {
        term = trim(term);
        ++*terms;
        int rc = check_bytes(table, term, *terms, err);
        if (rc == OMEGA_OK && *terms > table->terms_max) {
            rc = omega_error_set(err, OMEGA_EINVAL, "more than %u %ss in one set", table->terms_max,
                                 table->what);
        }
        if (rc != OMEGA_OK) {
            free(out);
            return rc;
        }
        memcpy(out + used, term.text, term.length);
        used += term.length;
        out[used++] = ';';
    }
    out[used > 0 ? used - 1 : 0] = '\0';
    *normal = out;
    return OMEGA_OK;
}

/* The text as a decimal integer, or OMEGA_NOT_A_NUMBER. */
static int64_t number_of(struct span text)
{
    bool negative = text.length > 0 && text.text[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == text.length) {
        return OMEGA_NOT_A_NUMBER;
    }
    int64_t number = 0;
    for (; i < text.length; i++) {
        int digit = text.text[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, digit, &number)) {
            return OMEGA_NOT_A_NUMBER;
        }
    }
    return negative ? -number : number;
}

/* Interns the name that ends where the operator starts. */
static int parse_name(struct catalogue *catalogue, const struct catalogue_table *table,
                      struct span term, size_t length, uint32_t *name, omega_error_t *err)
{
    if (length == 0) {
        return bad_term(table, term, "has no name, expected name=value", err);
    }
    for (size_t i = 0; i < length; i++) {
        if (strchr(" |=!<>?", term.text[i]) != NULL) {
            return bad_term(table, term, "has a name with a blank or one of |=!<>? in it", err);
        }
    }
    *name = symbols_intern_n(catalogue->symbols, term.text, length);
    return *name == SYMBOL_NONE ? catalogue_no_memory(err) : OMEGA_OK;
}

static int parse_values(struct catalogue *catalogue, struct span term, struct span values,
                        struct omega_constraint *out, omega_error_t *err)
{
    struct span value;
    while (next_part(&values, '|', &value)) {
        if (out->value_count == OMEGA_CONSTRAINT_VALUES_MAX) {
            return bad_term(&catalogue->constraints, term, "has more than 16 values", err);
        }
        uint32_t symbol = symbols_intern_n(catalogue->symbols, value.text, value.length);
        if (symbol == SYMBOL_NONE) {
            return catalogue_no_memory(err);
        }
        out->values[out->value_count++] = symbol;
    }
    return OMEGA_OK;
}

_Static_assert(OMEGA_CONSTRAINT_VALUES_MAX == 16, "a message says so");

/* What stands behind the operator of a constraint. */
static int parse_operand(struct catalogue *catalogue, struct span term, struct span operand,
                         struct omega_constraint *out, omega_error_t *err)
{
    switch (out->op) {
    case OMEGA_PRESENT:
        return operand.length == 0 ? OMEGA_OK
                                   : bad_term(&catalogue->constraints, term,
                                              "has something behind its '?', expected name?", err);
    case OMEGA_LESS:
    case OMEGA_GREATER:
        out->number = number_of(operand);
        return out->number != OMEGA_NOT_A_NUMBER
                   ? OMEGA_OK
                   : bad_term(&catalogue->constraints, term,
                              "compares with something else than a decimal integer", err);
    default:
        return parse_values(catalogue, term, operand, out, err);
    }
}

/* Finds the operator: its place, and how long it is. False if there is none. */
static bool find_operator(struct span term, size_t *at, size_t *length, uint8_t *op)
{
    static const struct {
        char text[3];
        uint8_t op;
    } operators[] = {
        {"=", OMEGA_IS},      {"!=", OMEGA_IS_NOT}, {"<", OMEGA_LESS},
        {">", OMEGA_GREATER}, {"?", OMEGA_PRESENT},
    };
    for (*at = 0; *at < term.length; ++*at) {
        for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
            *length = strlen(operators[i].text);
            *op = operators[i].op;
            if (term.length - *at >= *length &&
                memcmp(term.text + *at, operators[i].text, *length) == 0) {
                return true;
            }
        }
    }
    return false;
}

static int parse_constraint(struct catalogue *catalogue, struct span term,
                            struct omega_constraint_set *set, struct omega_constraint *terms,
                            omega_error_t *err)
{
    static const char different[] = "different_machines";
    if (term.length == sizeof different - 1 && memcmp(term.text, different, term.length) == 0) {
        set->different_machines = true;
        return OMEGA_OK;
    }
    size_t at;
    size_t length;
    uint8_t op;
    if (!find_operator(term, &at, &length, &op)) {
        return bad_term(&catalogue->constraints, term,
                        "has no operator, expected name=a|b, name!=a|b, name<7, name>7, name? or "
                        "different_machines",
                        err);
    }
    struct omega_constraint *out = &terms[set->term_count];
    out->op = op;
    int rc = parse_name(catalogue, &catalogue->constraints, term, at, &out->attribute, err);
    if (rc == OMEGA_OK) {
        struct span operand = {.text = term.text + at + length,
                               .length = term.length - at - length};
        rc = parse_operand(catalogue, term, operand, out, err);
    }
    set->term_count++;
    return rc;
}

static int parse_attribute(struct catalogue *catalogue, struct span term,
                           struct omega_attribute_set *set, struct omega_attribute *attributes,
                           omega_error_t *err)
{
    const struct catalogue_table *table = &catalogue->attributes;
    struct omega_attribute *out = &attributes[set->count];
    const char *equals = memchr(term.text, '=', term.length);
    size_t at = equals == NULL ? term.length : (size_t)(equals - term.text);
    int rc = parse_name(catalogue, table, term, at, &out->name, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        if (attributes[i].name == out->name) {
            return bad_term(table, term, "has a name that comes twice, expected each name once",
                            err);
        }
    }
    struct span value = {.text = "", .length = 0};
    if (equals != NULL) {
        value = (struct span){.text = equals + 1, .length = term.length - at - 1};
    }
    if (memchr(value.text, '|', value.length) != NULL) {
        return bad_term(table, term, "has a '|' in its value, expected one value", err);
    }
    out->value = symbols_intern_n(catalogue->symbols, value.text, value.length);
    out->number = number_of(value);
    set->count++;
    return out->value == SYMBOL_NONE ? catalogue_no_memory(err) : OMEGA_OK;
}

int catalogue_parse_constraints(struct catalogue *catalogue, const char *normal, uint32_t count,
                                void **block, omega_error_t *err)
{
    struct omega_constraint_set *set =
        calloc(1, sizeof *set + count * sizeof(struct omega_constraint));
    if (set == NULL) {
        return catalogue_no_memory(err);
    }
    struct omega_constraint *terms = (struct omega_constraint *)(set + 1);
    struct span rest = {.text = normal, .length = strlen(normal)};
    struct span term;
    int rc = OMEGA_OK;
    set->terms = terms;
    while (rc == OMEGA_OK && next_part(&rest, ';', &term)) {
        rc = parse_constraint(catalogue, term, set, terms, err);
    }
    *block = set;
    return rc;
}

int catalogue_parse_attributes(struct catalogue *catalogue, const char *normal, uint32_t count,
                               void **block, omega_error_t *err)
{
    struct omega_attribute_set *set =
        calloc(1, sizeof *set + count * sizeof(struct omega_attribute));
    if (set == NULL) {
        return catalogue_no_memory(err);
    }
    struct omega_attribute *attributes = (struct omega_attribute *)(set + 1);
    struct span rest = {.text = normal, .length = strlen(normal)};
    struct span term;
    int rc = OMEGA_OK;
    set->attributes = attributes;
    while (rc == OMEGA_OK && next_part(&rest, ';', &term)) {
        rc = parse_attribute(catalogue, term, set, attributes, err);
    }
    *block = set;
    return rc;
}
