/* SPDX-License-Identifier: MIT */
/* Writing HTML: see html.h. */
#include "core/report/html.h"

#include <math.h>
#include <stdarg.h>

/* How many bytes the UTF-8 character at `at` has; 0 if it is none (RFC 3629). */
static size_t character_size(const unsigned char *at)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    uint32_t code = size == 2 ? at[0] & 0x1fu : size == 3 ? at[0] & 0x0fu : at[0] & 0x07u;
    if (size <= 1) {
        return size;
    }
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (at[i] & 0x3fu);
    }
    return code < least[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : size;
}

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void html_text(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        size_t size = character_size(at);
        const char *escaped = size == 1 ? entity((char)*at) : NULL;
        if (escaped != NULL) {
            fputs(escaped, out);
        } else if (size == 0 || (*at < 0x20 && *at != '\n') || *at == 0x7f) {
            fputs("\xef\xbf\xbd", out);
        } else {
            fwrite(at, 1, size, out);
        }
        at += size == 0 ? 1 : size;
    }
}

void html_format(FILE *out, const char *format, ...)
{
    char text[2048];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    html_text(out, text);
}

void html_base64(FILE *out, const void *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t three = (uint32_t)at[i] << 16 | (left > 1 ? (uint32_t)at[i + 1] << 8 : 0) |
                         (left > 2 ? at[i + 2] : 0u);
        fputc(digits[three >> 18], out);
        fputc(digits[three >> 12 & 63], out);
        fputc(left > 1 ? digits[three >> 6 & 63] : '=', out);
        fputc(left > 2 ? digits[three & 63] : '=', out);
    }
}

void html_number(FILE *out, double value)
{
    double size = value < 0 ? -value : value;
    if (!isfinite(value)) {
        fputs("-", out);
    } else if (size >= 1000) {
        fprintf(out, "%.0f", value);
    } else {
        fprintf(out, "%.4g", value);
    }
}
