/* SPDX-License-Identifier: MIT */
/* omega report: figures and a page from the result files of runs. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cli/command.h"
#include "core/cli/signals.h"
#include "core/experiment/row.h"
#include "core/report/report.h"

static const char help[] =
    "usage: omega report [OPTIONS] DIR...\n\n"
    "Draws what 'omega run' has left in DIR, or in several of one experiment: other seeds, parts\n"
    "of a sweep. Needs gnuplot (Debian: gnuplot-nox). The report is a pure function of the result\n"
    "files; it appears complete or not at all, and replaces an earlier report and nothing else.\n\n"
    "  --out DIR          where to (default: DIR/report, of the first DIR)\n"
    "  --format LIST      of pdf, svg and png, with commas between (default: all)\n"
    "  --title TEXT       of the page (default: the experiment's name)\n"
    "  --json             what was made, as one JSON object\n"
    "  --help             this text\n\n"
    "index.html needs no other file. Beside each figure in figures/ stand its data, NAME.dat, and\n"
    "its gnuplot script: change NAME.gp and run gnuplot -e \"format='pdf'\" NAME.gp there.\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

static const struct option options[] = {
    {"out", required_argument, NULL, 'o'},   {"format", required_argument, NULL, 'f'},
    {"title", required_argument, NULL, 't'}, {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
};

static volatile sig_atomic_t stop;

/* "pdf,svg" as bits; 0: it is no such list. */
static unsigned parse_formats(const char *list)
{
    unsigned formats = 0;
    while (true) {
        size_t length = strcspn(list, ",");
        int format = 0;
        while (format < REPORT_FORMATS &&
               (strlen(report_format_names[format]) != length ||
                memcmp(report_format_names[format], list, length) != 0)) {
            format++;
        }
        if (format == REPORT_FORMATS) {
            return 0;
        }
        formats |= 1u << format;
        if (list[length] == '\0') {
            return formats;
        }
        list += length + 1;
    }
}

static void print_done(const struct report_options *report, const struct report_done *done,
                       bool json)
{
    struct row row = {0};
    if (!json) {
        printf("%u figures of %u configurations, %u runs: %s/index.html\n", done->figures,
               done->configurations, done->runs, report->out);
        return;
    }
    row_text(&row, "out", report->out);
    row_count(&row, "figures", done->figures);
    row_count(&row, "configurations", done->configurations);
    row_count(&row, "runs", done->runs);
    row_write_json(&row, stdout);
    putchar('\n');
}

static int make(struct report_options *report, bool json)
{
    struct report_done done;
    omega_error_t err = {0};
    char *out = NULL;
    if (report->out == NULL) {
        if (asprintf(&out, "%s/report", report->directories[0]) < 0) {
            omega_error_set(&err, OMEGA_ENOMEM, "out of memory");
            return command_failed(&err);
        }
        report->out = out;
    }
    report->stop = &stop;
    signals_catch_stop(&stop);
    int rc = report_write(report, &done, &err);
    if (rc == 0) {
        print_done(report, &done, json);
    }
    free(out);
    return rc == 0 ? COMMAND_DONE : command_failed(&err);
}

int cmd_report(int argc, char **argv)
{
    struct report_options report = {.formats = (1u << REPORT_FORMATS) - 1};
    bool json = false;
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        switch (code) {
        case 'o':
            if (optarg[0] == '\0') {
                return command_usage("report", "--out: '', expected a directory");
            }
            report.out = optarg;
            break;
        case 'f':
            report.formats = parse_formats(optarg);
            if (report.formats == 0) {
                return command_usage("report",
                                     "--format: '%.40s', expected a list of pdf, svg, png", optarg);
            }
            break;
        case 't':
            report.title = optarg;
            break;
        case 'j':
            json = true;
            break;
        case 'h':
            fputs(help, stdout);
            return COMMAND_DONE;
        case ':':
            return command_usage("report", "option '%.60s' needs a value", argv[optind - 1]);
        default:
            return command_bad_option("report", argv);
        }
    }
    if (optind >= argc) {
        return command_usage("report", "expected a directory of results");
    }
    report.directories = (const char *const *)(argv + optind);
    report.count = (uint32_t)(argc - optind);
    return make(&report, json);
}
