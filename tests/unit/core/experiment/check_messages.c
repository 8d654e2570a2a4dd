/* SPDX-License-Identifier: MIT */
/* Messages: control characters are printed escaped, repeated messages are counted. */
#include "core/experiment/messages.h"

#include <stdlib.h>

#include "tests/support/check_main.h"

static const char *const texts[][2] = {
    {"plain", "plain"},
    {"two\nlines\r\t", "two\\nlines\\x0d\\t"},
    {"\x1b[2J\x7f", "\\x1b[2J\\x7f"},
    {"h\xc3\xa9 \xc2\xa7", "h\xc3\xa9 \xc2\xa7"},
    {"\xc2\x9b", "\\x9b"},
    {"\xc2", "\xc2"},
    {"", ""},
};

START_TEST(test_write)
{
    char *written = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&written, &size);
    message_write(texts[_i][0], out);
    fclose(out);
    ck_assert_str_eq(written, texts[_i][1]);
    free(written);
}
END_TEST

static void tell(struct messages *messages, const char *scheduler, int level, const char *text,
                 FILE *out)
{
    if (messages_differs(messages, scheduler, level, text)) {
        messages_end(messages, out);
        messages_put(messages, scheduler, level, level == 0 ? "error" : "warning", text, out);
    }
}

START_TEST(test_repeated)
{
    char *written = NULL;
    size_t size = 0;
    struct messages messages = {0};
    FILE *out = open_memstream(&written, &size);
    messages_end(&messages, out);
    for (int i = 0; i < 1235; i++) {
        tell(&messages, "s", 1, "x\n", out);
    }
    tell(&messages, "s", 0, "x\n", out);
    tell(&messages, "s", 0, "x\n", out);
    tell(&messages, "t", 0, "x\n", out);
    tell(&messages, "t", 0, "y", out);
    messages_end(&messages, out);
    tell(&messages, "t", 0, "y", out);
    fclose(out);
    ck_assert_str_eq(written, "s: warning: x\\n\n"
                              "last message repeated 1234 times\n"
                              "s: error: x\\n\n"
                              "last message repeated 1 time\n"
                              "t: error: x\\n\n"
                              "t: error: y\n"
                              "t: error: y\n");
    free(written);
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *tcase = tcase_create("write");
    tcase_add_loop_test(tcase, test_write, 0, (int)(sizeof texts / sizeof texts[0]));
    suite_add_tcase(suite, tcase);
    check_case(suite, "repeated", test_repeated);
}

CHECK_MAIN("messages", add_cases)
