/* SPDX-License-Identifier: MIT */
/* Writing HTML: texts from result files reach a page only through these. */
#ifndef OMEGA_CORE_REPORT_HTML_H
#define OMEGA_CORE_REPORT_HTML_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Text, also of an attribute in double quotes: what has a meaning in HTML is escaped, what is not
 * valid UTF-8 or a control character other than a line end becomes U+FFFD. */
void html_text(FILE *out, const char *text);

/* printf, then html_text(); cut to 2,047 bytes. */
void html_format(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes in base64 (RFC 4648), for a data: URI. */
void html_base64(FILE *out, const void *bytes, size_t size);

/* A number for people: at most four significant figures, no exponent from 0.001 up; "-" for NaN. */
void html_number(FILE *out, double value);

#endif
