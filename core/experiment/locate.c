/* SPDX-License-Identifier: MIT */
/* Lines of JSON values: see locate.h. The scanner trusts the text to be valid JSON for its answer,
 * not for its safety: it never reads beyond the end and always moves on. */
#include "core/experiment/locate.h"

#include <stdbool.h>
#include <string.h>

struct scanner {
    const char *at;
    const char *end;
    long line;
};

static void skip_blanks(struct scanner *s)
{
    while (s->at < s->end && strchr(" \t\r\n", *s->at) != NULL && *s->at != '\0') {
        s->line += *s->at == '\n';
        s->at++;
    }
}

/* Stands on a quote; leaves behind the closing one. */
static void skip_string(struct scanner *s)
{
    s->at++;
    while (s->at < s->end && *s->at != '"') {
        s->line += *s->at == '\n';
        s->at += *s->at == '\\' && s->end - s->at > 1 ? 2 : 1;
    }
    if (s->at < s->end) {
        s->at++;
    }
}

/* Passes over one value of any kind, by counting brackets. */
static void skip_value(struct scanner *s)
{
    size_t depth = 0;
    do {
        skip_blanks(s);
        if (s->at >= s->end) {
            return;
        }
        if (*s->at == '"') {
            skip_string(s);
        } else if (*s->at == '{' || *s->at == '[') {
            depth++;
            s->at++;
        } else if (*s->at == '}' || *s->at == ']') {
            if (depth == 0) {
                return;
            }
            depth--;
            s->at++;
        } else if (*s->at == ',' || *s->at == ':') {
            if (depth == 0) {
                return;
            }
            s->at++;
        } else {
            while (s->at < s->end && strchr(",:]} \t\r\n\"", *s->at) == NULL) {
                s->at++;
            }
            if (s->at < s->end && *s->at == '\0') {
                return;
            }
        }
    } while (depth > 0);
}

/* Stands behind the opening bracket of an object; moves to the value of `key`. */
static bool enter_key(struct scanner *s, const char *key)
{
    size_t length = strlen(key);
    for (;;) {
        skip_blanks(s);
        if (s->at >= s->end || *s->at != '"') {
            return false;
        }
        const char *name = s->at + 1;
        skip_string(s);
        size_t name_length = s->at - name > 0 ? (size_t)(s->at - name) - 1 : 0;
        skip_blanks(s);
        if (s->at < s->end && *s->at == ':') {
            s->at++;
        }
        skip_blanks(s);
        if (name_length == length && memcmp(name, key, length) == 0) {
            return s->at < s->end;
        }
        skip_value(s);
        skip_blanks(s);
        if (s->at >= s->end || *s->at != ',') {
            return false;
        }
        s->at++;
    }
}

static bool enter_index(struct scanner *s, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        skip_value(s);
        skip_blanks(s);
        if (s->at >= s->end || *s->at != ',') {
            return false;
        }
        s->at++;
    }
    skip_blanks(s);
    return s->at < s->end && *s->at != ']';
}

long locate_line(const char *text, size_t size, const struct locate_step *steps, size_t count,
                 size_t *found)
{
    struct scanner s = {.at = text, .end = text + size, .line = 1};
    skip_blanks(&s);
    long line = s.line;
    size_t taken = 0;
    for (; taken < count; taken++) {
        const struct locate_step *step = &steps[taken];
        if (s.at >= s.end || *s.at != (step->key != NULL ? '{' : '[')) {
            break;
        }
        s.at++;
        if (!(step->key != NULL ? enter_key(&s, step->key) : enter_index(&s, step->index))) {
            break;
        }
        line = s.line;
    }
    if (found != NULL) {
        *found = taken;
    }
    return line;
}

long locate_too_deep(const char *text, size_t size)
{
    struct scanner s = {.at = text, .end = text + size, .line = 1};
    size_t depth = 0;
    while (s.at < s.end) {
        if (*s.at == '"') {
            skip_string(&s);
            continue;
        }
        if (*s.at == '{' || *s.at == '[') {
            depth++;
            if (depth > LOCATE_DEPTH_MAX) {
                return s.line;
            }
        } else if ((*s.at == '}' || *s.at == ']') && depth > 0) {
            depth--;
        }
        s.line += *s.at == '\n';
        s.at++;
    }
    return 0;
}
