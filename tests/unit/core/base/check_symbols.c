/* SPDX-License-Identifier: MIT */
/* Symbols: numbers by first appearance, texts that stay, strings that are not NUL-terminated. */
#include "core/base/symbols.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/check_main.h"

#define MANY 100000u

START_TEST(test_numbers_by_appearance)
{
    struct symbols *symbols = symbols_create();
    ck_assert_ptr_nonnull(symbols);
    ck_assert_uint_eq(symbols_count(symbols), 1);
    ck_assert_uint_eq(symbols_intern(symbols, ""), 0);
    ck_assert_uint_eq(symbols_intern(symbols, "b"), 1);
    ck_assert_uint_eq(symbols_intern(symbols, "a"), 2);
    ck_assert_uint_eq(symbols_intern(symbols, "b"), 1);
    ck_assert_uint_eq(symbols_count(symbols), 3);
    ck_assert_str_eq(symbols_text(symbols, 0), "");
    ck_assert_str_eq(symbols_text(symbols, 1), "b");
    ck_assert_str_eq(symbols_text(symbols, 3), "?");
    ck_assert_str_eq(symbols_text(symbols, SYMBOL_NONE), "?");
    symbols_destroy(symbols);
    symbols_destroy(NULL);
}
END_TEST

START_TEST(test_parts_of_strings)
{
    struct symbols *symbols = symbols_create();
    uint32_t abc = symbols_intern_n(symbols, "abcdef", 3);
    ck_assert_str_eq(symbols_text(symbols, abc), "abc");
    ck_assert_uint_eq(symbols_find(symbols, "abcdef", 3), abc);
    ck_assert_uint_eq(symbols_find(symbols, "abcdef", 6), SYMBOL_NONE);
    ck_assert_uint_eq(symbols_find(symbols, "ab", 2), SYMBOL_NONE);
    ck_assert_uint_eq(symbols_find(symbols, "abc\0d", 5), SYMBOL_NONE);
    ck_assert_uint_eq(symbols_count(symbols), 2); /* finding makes nothing */
    symbols_destroy(symbols);
}
END_TEST

START_TEST(test_many)
{
    struct symbols *symbols = symbols_create();
    char text[32];
    const char *early = symbols_text(symbols, symbols_intern(symbols, "early"));
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "machine-%u", i);
        ck_assert_uint_eq(symbols_intern(symbols, text), i + 2);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "machine-%u", i);
        ck_assert_uint_eq(symbols_find(symbols, text, strlen(text)), i + 2);
        ck_assert_str_eq(symbols_text(symbols, i + 2), text);
    }
    ck_assert_ptr_eq(early, symbols_text(symbols, 1)); /* texts do not move */
    ck_assert_str_eq(early, "early");
    symbols_destroy(symbols);
}
END_TEST

START_TEST(test_long_texts)
{
    struct symbols *symbols = symbols_create();
    size_t length = 300000;
    char *text = malloc(length + 1);
    memset(text, 'x', length);
    text[length] = '\0';
    uint32_t symbol = symbols_intern(symbols, text);
    uint32_t shorter = symbols_intern_n(symbols, text, length - 1);
    ck_assert_uint_ne(symbol, shorter);
    ck_assert_str_eq(symbols_text(symbols, symbol), text);
    ck_assert_uint_eq(strlen(symbols_text(symbols, shorter)), length - 1);
    ck_assert_uint_eq(symbols_intern(symbols, "after"), 3);
    free(text);
    symbols_destroy(symbols);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "numbers by appearance", test_numbers_by_appearance);
    check_case(suite, "parts of strings", test_parts_of_strings);
    check_case(suite, "many", test_many);
    check_case(suite, "long texts", test_long_texts);
}

CHECK_MAIN("symbols", add_cases)
