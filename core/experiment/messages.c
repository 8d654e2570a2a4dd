/* SPDX-License-Identifier: MIT */
/* Messages for people: see messages.h. */
#include "core/experiment/messages.h"

#include <inttypes.h>
#include <string.h>

void message_write(const char *text, FILE *out)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at == '\n') {
            fputs("\\n", out);
        } else if (*at == '\t') {
            fputs("\\t", out);
        } else if (*at < ' ' || *at == 127) {
            fprintf(out, "\\x%02x", *at);
        } else if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) { /* U+0080 .. U+009F */
            fprintf(out, "\\x%02x", at[1]);
            at++;
        } else {
            fputc(*at, out);
        }
    }
}

bool messages_differs(struct messages *messages, const char *scheduler, int level, const char *text)
{
    if (messages->any && messages->level == level &&
        strncmp(messages->scheduler, scheduler, sizeof messages->scheduler - 1) == 0 &&
        strncmp(messages->text, text, sizeof messages->text - 1) == 0) {
        messages->repeated++;
        return false;
    }
    return true;
}

void messages_put(struct messages *messages, const char *scheduler, int level, const char *name,
                  const char *text, FILE *out)
{
    fprintf(out, "%s: %s: ", scheduler, name);
    message_write(text, out);
    fputc('\n', out);
    snprintf(messages->scheduler, sizeof messages->scheduler, "%s", scheduler);
    snprintf(messages->text, sizeof messages->text, "%s", text);
    messages->level = level;
    messages->any = true;
}

void messages_end(struct messages *messages, FILE *out)
{
    if (messages->repeated > 0) {
        fprintf(out, "last message repeated %" PRIu64 " time%s\n", messages->repeated,
                messages->repeated == 1 ? "" : "s");
    }
    messages->repeated = 0;
    messages->any = false;
}
