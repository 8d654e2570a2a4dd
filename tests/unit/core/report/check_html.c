/* SPDX-License-Identifier: MIT */
/* Unit tests of core/report/html.c, and of what figure.c lets into a gnuplot script. */
#include <math.h>
#include <string.h>

#include "core/report/figure.h"
#include "core/report/html.h"
#include "tests/support/check_main.h"

/* What a writer leaves, for free(). */
#define WRITTEN(call)                                                                              \
    __extension__({                                                                                \
        char *text_ = NULL;                                                                        \
        size_t size_ = 0;                                                                          \
        FILE *out = open_memstream(&text_, &size_);                                                \
        call;                                                                                      \
        fclose(out);                                                                               \
        text_;                                                                                     \
    })

#define ck_written(call, expected)                                                                 \
    do {                                                                                           \
        char *written = WRITTEN(call);                                                             \
        ck_assert_str_eq(written, expected);                                                       \
        free(written);                                                                             \
    } while (0)

START_TEST(html_is_escaped)
{
    ck_written(html_text(out, "<b a=\"1\" c='2'>&amp;"),
               "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;");
    ck_written(html_text(out, "a\x01\x7f\n"), "a\xef\xbf\xbd\xef\xbf\xbd\n");
    ck_written(html_text(out, "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
               "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    /* overlong, a surrogate, cut off, alone */
    ck_written(html_text(out, "\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd");
    ck_written(html_text(out, "\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    ck_written(html_text(out, "\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd");
    ck_written(html_format(out, "%s.%s", "<", "x"), "&lt;.x");
}
END_TEST

START_TEST(base64_is_that_of_the_rfc)
{
    ck_written(html_base64(out, "", 0), "");
    ck_written(html_base64(out, "f", 1), "Zg==");
    ck_written(html_base64(out, "fo", 2), "Zm8=");
    ck_written(html_base64(out, "foo", 3), "Zm9v");
    ck_written(html_base64(out, "\xff\xfe\xfd\xfc", 4), "//79/A==");
}
END_TEST

START_TEST(numbers_are_short)
{
    ck_written(html_number(out, NAN), "-");
    ck_written(html_number(out, 0.123456), "0.1235");
    ck_written(html_number(out, 12345.6), "12346");
    ck_written(html_number(out, -2), "-2");
}
END_TEST

START_TEST(nothing_ends_a_gnuplot_string)
{
    ck_written(figure_put_text(out, "a 'b' `x` \\n \"c\" {/=9 d}\n\xc3"),
               "'a ?b? ?x? ?n \"c\" {/=9 d}?" /* no trigraph */ "?'");
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "HTML is escaped", html_is_escaped);
    check_case(suite, "base64 is that of the RFC", base64_is_that_of_the_rfc);
    check_case(suite, "numbers are short", numbers_are_short);
    check_case(suite, "nothing ends a gnuplot string", nothing_ends_a_gnuplot_string);
}

CHECK_MAIN("html", add_cases)
