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
    "  --only C           configurations that fit VARIANT[,PATH=VALUE]..., as often as you like:\n"
    "                     some figures show eight at most, here those that are asked for\n"
    "  --json             what was made, as one JSON object\n"
    "  --help             this text\n\n"
    "index.html needs no other file. Beside each figure in figures/ stand its data, NAME.dat, and\n"
    "its gnuplot script: change NAME.gp and run gnuplot -e \"format='pdf'\" NAME.gp there.\n"
    "exit codes: 0 done, 1 failed, 2 wrong usage\n";

static const struct option options[] = {
    {"out", required_argument, NULL, 'o'},
    {"format", required_argument, NULL, 'f'},
    {"title", required_argument, NULL, 't'},
    {"only", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
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
    row_count(&row, "missing", done->missing);
    row_write_json(&row, stdout);
    putchar('\n');
}

static void warn(const struct report_done *done)
{
    command_warn_mixed(done->mixed);
    if (done->missing > 0) {
        fprintf(stderr,
                "omega: warning: %u of %u points are missing: the run was stopped, or parts of it "
                "are not here\n",
                done->missing, done->points);
    }
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
        warn(&done);
        print_done(report, &done, json);
    }
    free(out);
    return rc == 0 ? COMMAND_DONE : command_failed(&err);
}

/* -1: go on; else an exit code. */
static int take_option(int code, char **argv, const char **only, struct report_options *report,
                       bool *json)
{
    switch (code) {
    case 'o':
        report->out = optarg;
        return optarg[0] != '\0' ? -1 : command_usage("report", "--out: '', expected a directory");
    case 'f':
        report->formats = parse_formats(optarg);
        return report->formats != 0
                   ? -1
                   : command_usage("report", "--format: '%.40s', expected a list of pdf, svg, png",
                                   optarg);
    case 't':
        report->title = optarg;
        return -1;
    case 'c':
        only[report->only_count++] = optarg;
        return optarg[0] != '\0'
                   ? -1
                   : command_usage("report", "--only: '', expected VARIANT[,PATH=VALUE]...");
    case 'j':
        *json = true;
        return -1;
    case 'h':
        fputs(help, stdout);
        return COMMAND_DONE;
    case ':':
        return command_usage("report", "option '%.60s' needs a value", argv[optind - 1]);
    default:
        return command_bad_option("report", argv);
    }
}

static int run_with(int argc, char **argv, const char **only)
{
    struct report_options report = {.formats = (1u << REPORT_FORMATS) - 1, .only = only};
    bool json = false;
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        int rc = take_option(code, argv, only, &report, &json);
        if (rc >= 0) {
            return rc;
        }
    }
    if (optind >= argc) {
        return command_usage("report", "expected a directory of results");
    }
    report.directories = (const char *const *)(argv + optind);
    report.count = (uint32_t)(argc - optind);
    return make(&report, json);
}

int cmd_report(int argc, char **argv)
{
    const char **only = calloc((size_t)argc, sizeof *only);
    int code = only == NULL ? COMMAND_FAILED : run_with(argc, argv, only);
    free(only);
    return code;
}
