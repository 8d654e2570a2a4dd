/* SPDX-License-Identifier: MIT */
/* Which module's code this thread is in: see running.h. Nothing here may call into stdio. */
#include "core/plugin/running.h"

_Thread_local struct running running_now;

struct text {
    char *out;
    size_t size;
    size_t length;
};

static void add(struct text *text, const char *from)
{
    for (; *from != '\0' && text->length + 1 < text->size; from++) {
        char c = *from;
        text->out[text->length++] = (unsigned char)c < ' ' || c == 127 ? '?' : c;
    }
}

static void add_number(struct text *text, uint64_t number)
{
    char digits[24];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add(text, digits + at);
}

bool running_module(void)
{
    return running_now.where != NULL;
}

size_t running_describe(char *out, size_t size)
{
    struct text text = {.out = out, .size = size};
    const char *where = running_now.where;
    if (size == 0) {
        return 0;
    }
    if (where != NULL) {
        add(&text, where);
        add(&text, " of module '");
        add(&text, running_now.module);
        add(&text, "'");
        if (running_now.scheduler != NULL) {
            add(&text, " (scheduler '");
            add(&text, running_now.scheduler);
            add(&text, "')");
        }
        if (running_now.job != 0) {
            add(&text, ", job ");
            add_number(&text, running_now.job);
        }
    }
    out[text.length] = '\0';
    return text.length;
}
