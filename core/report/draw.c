/* SPDX-License-Identifier: MIT */
/* Drawing with gnuplot: see draw.h. */
#include "core/report/draw.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/driver/program.h"

#define FIGURE_BYTES_MAX ((size_t)64 << 20)
#define MESSAGE_BYTES 240

const char *const report_format_names[REPORT_FORMATS] = {
    [REPORT_PDF] = "pdf",
    [REPORT_SVG] = "svg",
    [REPORT_PNG] = "png",
};

/* Makes the date of a PDF a constant one, of as many digits: nothing moves. */
static void fix_date(char *bytes, size_t size)
{
    static const char key[] = "/CreationDate (D:";
    static const char date[] = "20000101000000";
    char *at = memmem(bytes, size, key, sizeof key - 1);
    if (at != NULL && (size_t)(bytes + size - at) >= sizeof key + sizeof date) {
        memcpy(at + sizeof key - 1, date, sizeof date - 1);
    }
}

static int rewrite_date(const char *path, omega_error_t *err)
{
    char *bytes;
    size_t size;
    struct file_out *out;
    int rc = file_read_all(path, FIGURE_BYTES_MAX, &bytes, &size, err);
    if (rc != 0) {
        return rc;
    }
    fix_date(bytes, size);
    rc = file_out_open(path, &out, err);
    if (rc == 0) {
        fwrite(bytes, 1, size, file_out_stream(out));
        rc = file_out_commit(out, err);
    }
    free(bytes);
    return rc;
}

/* One line for people: what gnuplot says, without its line ends. */
static void flatten(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] <= ' ') {
        text[--length] = '\0';
    }
    for (; *text != '\0'; text++) {
        *text = *text < 0x20 || *text > 0x7e ? ' ' : *text;
    }
}

/* Is a figure there to its end? Gnuplot does not notice that a disk is full. */
static bool is_drawn(const char *path, enum report_format format)
{
    static const char *const ends[REPORT_FORMATS] = {
        [REPORT_PDF] = "%%EOF", [REPORT_SVG] = "</svg>", [REPORT_PNG] = "IEND"};
    char last[16];
    FILE *file = fopen(path, "re");
    size_t size = file != NULL && fseek(file, -(long)sizeof last, SEEK_END) == 0
                      ? fread(last, 1, sizeof last, file)
                      : 0;
    if (file != NULL) {
        fclose(file);
    }
    return memmem(last, size, ends[format], strlen(ends[format])) != NULL;
}

static int run_gnuplot(const char *folder, const char *script, enum report_format format,
                       const char *path, omega_error_t *err)
{
    char setting[32];
    char messages[MESSAGE_BYTES];
    int code = 0;
    snprintf(setting, sizeof setting, "format='%s'", report_format_names[format]);
    const char *const argv[] = {"gnuplot", "-d", "-e", setting, script, NULL};
    const char *const environment[] = {"LC_ALL=C", "TZ=UTC", "GNUTERM=dumb", NULL};
    const struct program program = {
        .argv = argv,
        .package = "gnuplot-nox",
        .directory = folder,
        .environment = environment,
    };
    int rc = program_run(&program, messages, sizeof messages, &code, err);
    if (rc != 0) {
        return rc;
    }
    flatten(messages);
    const char *says = messages[0] == '\0' ? "it says nothing" : messages;
    if (code != 0) {
        return omega_error_set_at(err, OMEGA_EIO, script, 0, "gnuplot ended with exit code %d: %s",
                                  code, says);
    }
    /* warnings, such as of fonts or of room for long names, are no reason to have no figure */
    if (!is_drawn(path, format)) {
        return omega_error_set_at(err, OMEGA_EIO, script, 0,
                                  "gnuplot wrote no whole figure (is the disk full?): %s", says);
    }
    return 0;
}

int draw_figure(const char *folder, const char *name, enum report_format format, omega_error_t *err)
{
    char *path = NULL;
    char *script = NULL;
    int rc = 0;
    if (asprintf(&path, "%s/%s.%s", folder, name, report_format_names[format]) < 0) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    if (asprintf(&script, "%s.gp", name) < 0) {
        free(path);
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    rc = run_gnuplot(folder, script, format, path, err);
    if (rc == 0 && format == REPORT_PDF) {
        rc = rewrite_date(path, err);
    }
    free(path);
    free(script);
    return rc;
}
