/* SPDX-License-Identifier: MIT */
/* The catalogue: normal texts and ids, each operator, hostile texts and what is said about them. */
#include "core/model/catalogue.h"

#include <stdio.h>
#include <string.h>

#include "core/base/random.h"
#include "tests/support/check_main.h"

#define SEED UINT64_C(2011)

static struct catalogue *catalogue;
static omega_error_t err;

static void open_catalogue(void)
{
    catalogue = catalogue_create();
    ck_assert_ptr_nonnull(catalogue);
    omega_error_clear(&err);
}

static uint32_t constraints(const char *text)
{
    uint32_t id = UINT32_MAX;
    int rc = catalogue_constraints(catalogue, text, &id, &err);
    ck_assert_msg(rc == OMEGA_OK, "'%s': %s", text, err.text);
    return id;
}

static uint32_t attributes(const char *text)
{
    uint32_t id = UINT32_MAX;
    int rc = catalogue_attributes(catalogue, text, &id, &err);
    ck_assert_msg(rc == OMEGA_OK, "'%s': %s", text, err.text);
    return id;
}

static bool meets(const char *wanted, const char *have)
{
    return catalogue_meets(catalogue, constraints(wanted), attributes(have));
}

START_TEST(known_constraints_are_found)
{
    struct catalogue *own = catalogue_create();
    uint32_t id = 0;
    uint32_t found = 7;
    ck_assert_int_eq(catalogue_constraints(own, " a=1 ; b? ", &id, NULL), 0);
    ck_assert(catalogue_find_constraints(own, catalogue_constraints_text(own, id), &found));
    ck_assert_uint_eq(found, id);
    ck_assert(catalogue_find_constraints(own, "", &found));
    ck_assert_uint_eq(found, 0);
    ck_assert(!catalogue_find_constraints(own, "c?", &found));
    catalogue_destroy(own);
}
END_TEST

START_TEST(test_ids)
{
    open_catalogue();
    ck_assert_uint_eq(constraints(""), 0);
    ck_assert_uint_eq(constraints("  \t "), 0);
    ck_assert_uint_eq(attributes(""), 0);
    ck_assert_uint_eq(constraints("a=1;b?"), 1);
    ck_assert_uint_eq(constraints(" a=1 ; b? "), 1);
    ck_assert_uint_eq(constraints("b?;a=1"), 2);
    ck_assert_uint_eq(attributes("a=1"), 1);
    ck_assert_uint_eq(catalogue_constraints_count(catalogue), 3);
    ck_assert_uint_eq(catalogue_attributes_count(catalogue), 2);
    ck_assert_uint_eq(constraints("\tc=d "), 3);
    catalogue_destroy(catalogue);
    catalogue_destroy(NULL);
}
END_TEST

START_TEST(test_texts)
{
    open_catalogue();
    uint32_t id = constraints(" gpu_model=V100 M32|T4 ;different_machines; n<-7 ");
    ck_assert_str_eq(catalogue_constraints_text(catalogue, id),
                     "gpu_model=V100 M32|T4;different_machines;n<-7");
    ck_assert_uint_eq(constraints(catalogue_constraints_text(catalogue, id)), id);
    const struct omega_constraint_set *set = catalogue_constraint_set(catalogue, id);
    const struct symbols *symbols = catalogue_symbols(catalogue);
    ck_assert(set->different_machines);
    ck_assert_uint_eq(set->term_count, 2);
    ck_assert_str_eq(symbols_text(symbols, set->terms[0].attribute), "gpu_model");
    ck_assert_int_eq(set->terms[0].op, OMEGA_IS);
    ck_assert_uint_eq(set->terms[0].value_count, 2);
    ck_assert_str_eq(symbols_text(symbols, set->terms[0].values[0]), "V100 M32");
    ck_assert_str_eq(symbols_text(symbols, set->terms[0].values[1]), "T4");
    ck_assert_int_eq(set->terms[1].op, OMEGA_LESS);
    ck_assert_int_eq(set->terms[1].number, -7);

    id = attributes("ssd ; kernel=510;x==y");
    ck_assert_str_eq(catalogue_attributes_text(catalogue, id), "ssd;kernel=510;x==y");
    const struct omega_attribute_set *have = catalogue_attribute_set(catalogue, id);
    ck_assert_uint_eq(have->count, 3);
    ck_assert_uint_eq(have->attributes[0].value, 0);
    ck_assert_int_eq(have->attributes[0].number, OMEGA_NOT_A_NUMBER);
    ck_assert_int_eq(have->attributes[1].number, 510);
    ck_assert_str_eq(symbols_text(symbols, have->attributes[2].value), "=y");
    catalogue_destroy(catalogue);
}
END_TEST

START_TEST(test_meets)
{
    static const struct {
        const char *wanted;
        const char *have;
        bool met;
    } cases[] = {
        {"", "", true},
        {"", "a=1", true},
        {"a=1", "", false},
        {"a=1", "a=1", true},
        {"a=1", "a=2", false},
        {"a=1|2|3", "b=9;a=3", true},
        {"a=1|2|3", "a=4", false},
        {"a=", "a", true},
        {"a!=1", "", true},
        {"a!=1", "a=1", false},
        {"a!=1|2", "a=2", false},
        {"a!=1|2", "a=3", true},
        {"a<7", "a=6", true},
        {"a<7", "a=7", false},
        {"a<7", "", false},
        {"a<7", "a=x", false},
        {"a<7", "a", false},
        {"a<7", "a=-9223372036854775807", true},
        {"a<7", "a=-9223372036854775808", false}, /* out of range: no number */
        {"a>7", "a=8", true},
        {"a>7", "a=7", false},
        {"a>7", "a=9223372036854775807", true},
        {"a>7", "a=9223372036854775808", false},
        {"a>-3", "a=-2", true},
        {"a>7", "a=8.5", false},
        {"a?", "a", true},
        {"a?", "a=0", true},
        {"a?", "b", false},
        {"a=1;b=2", "a=1;b=2", true},
        {"a=1;b=2", "a=1;b=3", false},
        {"a>1;a<5;a!=3", "a=4", true},
        {"a>1;a<5;a!=3", "a=3", false},
        {"different_machines", "", true},
        {"different_machines;a?", "", false},
        {"a=07", "a=7", false}, /* IS compares texts */
        {"a>6", "a=07", true},
    };
    open_catalogue();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(meets(cases[i].wanted, cases[i].have) == cases[i].met,
                      "'%s' on '%s', expected %d", cases[i].wanted, cases[i].have, cases[i].met);
    }
    catalogue_destroy(catalogue);
}
END_TEST

START_TEST(test_machine_attributes)
{
    open_catalogue();
    struct symbols *symbols = catalogue_symbols(catalogue);
    uint32_t platform = symbols_intern(symbols, "A100");
    uint32_t domain = symbols_intern(symbols, "rack 7");
    uint32_t bad = symbols_intern(symbols, "x;y");
    uint32_t id;
    ck_assert_int_eq(catalogue_machine_attributes(catalogue, " ssd ", platform, domain, &id, &err),
                     OMEGA_OK);
    ck_assert_str_eq(catalogue_attributes_text(catalogue, id), "ssd;platform=A100;domain=rack 7");
    ck_assert(catalogue_meets(catalogue, constraints("domain=rack 7;platform?"), id));
    ck_assert_int_eq(catalogue_machine_attributes(catalogue, "", platform, 0, &id, &err), OMEGA_OK);
    ck_assert_str_eq(catalogue_attributes_text(catalogue, id), "platform=A100");
    ck_assert_int_eq(catalogue_machine_attributes(catalogue, "", 0, 0, &id, &err), OMEGA_OK);
    ck_assert_uint_eq(id, 0);
    ck_assert_int_eq(catalogue_machine_attributes(catalogue, "platform=B", platform, 0, &id, &err),
                     OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "attribute 'platform=A100' has a name that comes twice, expected "
                               "each name once");
    ck_assert_uint_eq(id, 0);
    omega_error_clear(&err);
    ck_assert_int_eq(catalogue_machine_attributes(catalogue, "", 0, bad, &id, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, "domain 'x;y' has a ';' in it, expected none");
    catalogue_destroy(catalogue);
}
END_TEST

static void constraints_refused(const char *text, const char *message)
{
    uint32_t id = UINT32_MAX;
    omega_error_clear(&err);
    ck_assert_int_eq(catalogue_constraints(catalogue, text, &id, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, message);
    ck_assert_uint_eq(id, 0);
}

static void attributes_refused(const char *text, const char *message)
{
    uint32_t id = UINT32_MAX;
    omega_error_clear(&err);
    ck_assert_int_eq(catalogue_attributes(catalogue, text, &id, &err), OMEGA_EINVAL);
    ck_assert_str_eq(err.text, message);
    ck_assert_uint_eq(id, 0);
}

START_TEST(test_bad_constraints)
{
    open_catalogue();
    constraints_refused("a", "constraint 'a' has no operator, expected name=a|b, name!=a|b, "
                             "name<7, name>7, name? or different_machines");
    constraints_refused("=1", "constraint '=1' has no name, expected name=value");
    constraints_refused("a b=1",
                        "constraint 'a b=1' has a name with a blank or one of |=!<>? in it");
    constraints_refused("a!b=1",
                        "constraint 'a!b=1' has a name with a blank or one of |=!<>? in it");
    constraints_refused("a<x", "constraint 'a<x' compares with something else than a decimal "
                               "integer");
    constraints_refused("a<", "constraint 'a<' compares with something else than a decimal "
                              "integer");
    constraints_refused("a<=7", "constraint 'a<=7' compares with something else than a decimal "
                                "integer");
    constraints_refused("a>-", "constraint 'a>-' compares with something else than a decimal "
                               "integer");
    constraints_refused("a?b", "constraint 'a?b' has something behind its '?', expected name?");
    constraints_refused("a=1;", "constraint 2 is empty, expected terms with a ';' between them");
    constraints_refused(";", "constraint 1 is empty, expected terms with a ';' between them");
    constraints_refused("a=1;b=\x01", "constraint 2 holds the control character 0x01, expected "
                                      "none");
    constraints_refused("a=1\n", "constraint 1 holds the control character 0x0a, expected none");
    constraints_refused("a=1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16|17",
                        "constraint 'a=1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16|17' has more than "
                        "16 values");
    constraints_refused("a?;a?;a?;a?;a?;a?;a?;a?;a?;a?;a?;a?;a?;a?;a?;a?;a?",
                        "more than 16 constraints in one set");
    ck_assert_uint_eq(catalogue_constraints_count(catalogue), 1); /* none of them stayed */
    constraints("a=1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16");
    constraints("a?;a?;a?;a?;a?;a?;a?;a?;a?;a?;a?;a?;a?;a?;a?;a?");
    catalogue_destroy(catalogue);
}
END_TEST

START_TEST(test_bad_attributes)
{
    char text[20000];
    open_catalogue();
    attributes_refused("=1", "attribute '=1' has no name, expected name=value");
    attributes_refused("a=1|2", "attribute 'a=1|2' has a '|' in its value, expected one value");
    attributes_refused("a<1", "attribute 'a<1' has a name with a blank or one of |=!<>? in it");
    attributes_refused("a=1;b;a=2", "attribute 'a=2' has a name that comes twice, expected each "
                                    "name once");
    attributes_refused("a;;b", "attribute 2 is empty, expected terms with a ';' between them");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    attributes_refused(text, "attributes of 19999 bytes, expected at most 16384");
    text[0] = '=';
    text[100] = '\0';
    attributes_refused(text,
                       "attribute '=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                       "x' has no name, expected name=value");
    size_t used = 0;
    for (int i = 0; i <= OMEGA_ATTRIBUTES_MAX; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%sa%d", i == 0 ? "" : ";", i);
    }
    attributes_refused(text, "more than 64 attributes in one set");
    *strrchr(text, ';') = '\0';
    ck_assert_uint_eq(catalogue_attribute_set(catalogue, attributes(text))->count, 64);
    catalogue_destroy(catalogue);
}
END_TEST

/* Random texts of telling characters: parsed or refused, and what is parsed has a stable text. */
START_TEST(test_random_texts)
{
    static const char letters[] = "ab1-=!<>?;| \t\x01\xc3";
    struct omega_random random;
    uint32_t parsed = 0;
    open_catalogue();
    printf("catalogue: seed %llu\n", (unsigned long long)SEED);
    omega_random_init(&random, SEED, "texts", 0);
    for (int i = 0; i < 100000; i++) {
        char text[24];
        uint32_t length = omega_random_below(&random, sizeof text);
        for (uint32_t j = 0; j < length; j++) {
            text[j] = letters[omega_random_below(&random, sizeof letters - 1)];
        }
        text[length] = '\0';
        uint32_t id;
        omega_error_clear(&err);
        if (catalogue_constraints(catalogue, text, &id, &err) == OMEGA_OK) {
            ck_assert_uint_eq(constraints(catalogue_constraints_text(catalogue, id)), id);
            parsed++;
        } else {
            ck_assert_int_eq(err.code, OMEGA_EINVAL);
        }
        omega_error_clear(&err);
        if (catalogue_attributes(catalogue, text, &id, &err) == OMEGA_OK) {
            ck_assert_uint_eq(attributes(catalogue_attributes_text(catalogue, id)), id);
            parsed++;
        }
    }
    ck_assert_uint_gt(parsed, 1000);
    catalogue_destroy(catalogue);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "known constraints", known_constraints_are_found);
    check_case(suite, "ids", test_ids);
    check_case(suite, "texts", test_texts);
    check_case(suite, "meets", test_meets);
    check_case(suite, "machine attributes", test_machine_attributes);
    check_case(suite, "bad constraints", test_bad_constraints);
    check_case(suite, "bad attributes", test_bad_attributes);
    check_case(suite, "random texts", test_random_texts);
}

CHECK_MAIN("catalogue", add_cases)
