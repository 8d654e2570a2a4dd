/* SPDX-License-Identifier: MIT */
/* Lines of values in JSON text. */
#include "core/experiment/locate.h"

#include <string.h>

#include "tests/support/check_main.h"

static const char text[] = "\n"
                           "{ \"a\": 1,\n"                        /* 2 */
                           "  \"b\": [ 10, {\"x\": \"]}\\\"\",\n" /* 3 */
                           "           \"y\": [ ]\n"              /* 4 */
                           "  }, -1.5e3 ,\n"                      /* 5 */
                           "    true],\n"                         /* 6 */
                           "  \"c\": {\"a\":\n"                   /* 7 */
                           "   null}\n"                           /* 8 */
                           "}\n";

#define KEY(name)                                                                                  \
    {                                                                                              \
        .key = name                                                                                \
    }
#define ENTRY(number)                                                                              \
    {                                                                                              \
        .index = number                                                                            \
    }

static const struct sample {
    struct locate_step steps[3];
    size_t count;
    long line;
    size_t found;
} samples[] = {
    {{KEY("a")}, 0, 2, 0},
    {{KEY("a")}, 1, 2, 1},
    {{KEY("b")}, 1, 3, 1},
    {{KEY("b"), ENTRY(0)}, 2, 3, 2},
    {{KEY("b"), ENTRY(1), KEY("x")}, 3, 3, 3},
    {{KEY("b"), ENTRY(1), KEY("y")}, 3, 4, 3},
    {{KEY("b"), ENTRY(2)}, 2, 5, 2},
    {{KEY("b"), ENTRY(3)}, 2, 6, 2},
    {{KEY("c")}, 1, 7, 1},
    {{KEY("c"), KEY("a")}, 2, 8, 2},
    /* what is not there: the last value on the way */
    {{KEY("d")}, 1, 2, 0},
    {{KEY("b"), ENTRY(4)}, 2, 3, 1},
    {{KEY("b"), ENTRY(1), KEY("z")}, 3, 3, 2},
    {{KEY("a"), KEY("b")}, 2, 2, 1},
    {{KEY("c"), ENTRY(0)}, 2, 7, 1},
    {{ENTRY(0)}, 1, 2, 0},
};

START_TEST(test_line)
{
    const struct sample *sample = &samples[_i];
    size_t found = 99;
    ck_assert_int_eq(locate_line(text, strlen(text), sample->steps, sample->count, &found),
                     sample->line);
    ck_assert_uint_eq(found, sample->found);
}
END_TEST

/* Any text and any cut of it ends, without reading beyond the end (sanitizers look). */
START_TEST(test_cut_text)
{
    static const struct locate_step steps[] = {KEY("b"), ENTRY(1), KEY("y")};
    static const struct locate_step other[] = {KEY("zz"), ENTRY(7)};
    for (size_t size = 0; size <= strlen(text); size++) {
        char *copy = malloc(size + 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text, size);
        long line = locate_line(copy, size, steps, 3, NULL);
        ck_assert_int_ge(line, 1);
        ck_assert_int_le(line, 10);
        ck_assert_int_ge(locate_line(copy, size, other, 2, NULL), 1);
        ck_assert_int_eq(locate_too_deep(copy, size), 0);
        free(copy);
    }
}
END_TEST

START_TEST(test_no_json)
{
    static const struct locate_step steps[] = {ENTRY(3), KEY("a")};
    static const char *const texts[] = {"[[[[", "[,,,,", "[\"", "[\"\\",    "{\"a",
                                        "[}]}", "]",     "[:",  "[1 2 3 4]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ck_assert_int_eq(locate_line(texts[i], strlen(texts[i]), steps, 2, NULL), 1);
    }
    ck_assert_int_eq(locate_line("[\0\0,", 4, steps, 2, NULL), 1);
}
END_TEST

START_TEST(test_depth)
{
    char deep[2 * LOCATE_DEPTH_MAX + 3];
    memset(deep, '[', LOCATE_DEPTH_MAX);
    memset(deep + LOCATE_DEPTH_MAX, ']', LOCATE_DEPTH_MAX);
    ck_assert_int_eq(locate_too_deep(deep, 2 * LOCATE_DEPTH_MAX), 0);
    memset(deep, '[', LOCATE_DEPTH_MAX + 1);
    ck_assert_int_eq(locate_too_deep(deep, sizeof deep), 1);
    deep[1] = '\n';
    deep[LOCATE_DEPTH_MAX + 1] = '[';
    ck_assert_int_eq(locate_too_deep(deep, sizeof deep), 2);
    /* brackets in strings do not count */
    memset(deep, '[', sizeof deep);
    deep[0] = '"';
    deep[sizeof deep - 1] = '"';
    ck_assert_int_eq(locate_too_deep(deep, sizeof deep), 0);
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *tcase = tcase_create("lines");
    tcase_add_loop_test(tcase, test_line, 0, (int)(sizeof samples / sizeof samples[0]));
    suite_add_tcase(suite, tcase);
    check_case(suite, "cut", test_cut_text);
    check_case(suite, "no json", test_no_json);
    check_case(suite, "depth", test_depth);
}

CHECK_MAIN("locate", add_cases)
