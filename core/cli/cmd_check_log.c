/* SPDX-License-Identifier: MIT */
/* omega check-log: proves a run from its logs. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/cli/command.h"
#include "core/experiment/check_log.h"
#include "core/experiment/output_tables.h"
#include "core/experiment/row.h"

#define LIST_BYTES 256 /* all names of tables, with room to spare */
#define SHOWN 10       /* violations of each point */

static const char help[] =
    "usage: omega check-log [OPTIONS] DIR\n\n"
    "Proves the run that 'omega run --log' has left in DIR, from its logs alone: that A no commit\n"
    "made a machine exceed its limit, B whatever ended ran, C each transaction installed what its\n"
    "granularity says and gangs are whole, E each change has one version and none is left out, I\n"
    "every task is accounted for; that each claim saw its machine as it was, and got the answer\n"
    "that two rules give: cellstate/rules.h, and a naive one of the checker's own. Then counts\n"
    "digest and figures again, and holds every field of results.jsonl and of all tables against\n"
    "them; a table that the run recorded and that is not there is missed, too.\n\n"
    "A log of a live run may be cut, since its processes can be killed: versions that are missing\n"
    "are taken from the cell, if it is given and its change log still holds them. What stays\n"
    "missing is named, and the log is incomplete: not all is proved, and nothing breaks a rule. A\n"
    "log that breaks a rule is illegal. Where the run itself was killed, what its processes had\n"
    "told until then lies in DIR/points, and is looked for there.\n\n"
    "  --cell DIR         the cell that the run has left, or the folder of its cells (store.dir)\n"
    "  --json             one JSON object instead of text\n"
    "  --help             this text\n\n"
    "What is wrong is told on stderr, the first 10 of each point: FILE: record K (version V): ...\n"
    "exit codes: 0 proved, 1 illegal, incomplete or failed, 2 wrong usage\n";

static const struct option options[] = {
    {"cell", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* The names of the tables that were compared, each between quotes. */
static void list_tables(const struct check_log_report *report, const char *between,
                        const char *quote, char list[LIST_BYTES])
{
    size_t length = 0;
    list[0] = '\0';
    for (int file = 0; file < OUTPUT_FILES; file++) {
        if ((report->tables >> file & 1) != 0) {
            length += (size_t)snprintf(list + length, LIST_BYTES - length, "%s%s%s%s",
                                       length > 0 ? between : "", quote,
                                       output_name((enum output_file)file), quote);
        }
    }
}

static const char *verdict(const struct check_log_report *report)
{
    return report->violations > 0 ? "illegal" : report->incomplete ? "incomplete" : "proved";
}

static void print_json(const struct check_log_report *report)
{
    struct row row = {0};
    char list[LIST_BYTES];
    char json[LIST_BYTES + 2];
    list_tables(report, ",", "\"", list);
    snprintf(json, sizeof json, "[%s]", list);
    row_count(&row, "points", report->points);
    row_count(&row, "segments", report->segments);
    row_count(&row, "records", report->records);
    row_count(&row, "transactions", report->transactions);
    row_count(&row, "claims", report->claims);
    row_count(&row, "fields", report->fields);
    row_json(&row, "tables", json);
    row_bool(&row, "recorded", report->recorded);
    row_count(&row, "violations", report->violations);
    bool proved = report->violations == 0 && !report->incomplete;
    row_json(&row, "proved", proved ? "[\"A\",\"B\",\"C\",\"E\",\"I\"]" : "[]");
    row_count(&row, "segments_cut", report->cut);
    row_count(&row, "versions_repaired", report->repaired);
    row_count(&row, "submissions_repaired", report->submissions);
    row_count(&row, "versions_missing", report->missing);
    row_text(&row, "verdict", verdict(report));
    row_bool(&row, "unfinished", report->unfinished);
    row_write_json(&row, stdout);
    putchar('\n');
}

static void print_text(const struct check_log_report *report)
{
    printf("%" PRIu64 " points, %" PRIu64 " segments: %" PRIu64 " records, %" PRIu64
           " transactions, %" PRIu64 " claims; %" PRIu64 " fields of results compared\n",
           report->points, report->segments, report->records, report->transactions, report->claims,
           report->fields);
    if (report->tables != 0) {
        char list[LIST_BYTES];
        list_tables(report, ", ", "", list);
        printf("compared, too: %s\n", list);
    }
    if (report->unfinished) {
        puts("the run was ended before it was whole: there are no results to compare");
    }
    if (!report->recorded) {
        puts("not recorded: which tables there should be and the steps of series.csv, in logs of "
             "version 1");
    }
    if (report->cut + report->repaired + report->submissions > 0) {
        printf("segments cut: %" PRIu64 ", so results are not compared; repaired from the cell: "
               "%" PRIu64 " versions, %" PRIu64 " submissions\n",
               report->cut, report->repaired, report->submissions);
    }
    if (report->violations > 0) {
        printf("illegal: violations: %" PRIu64 "\n", report->violations);
    } else if (report->incomplete) {
        printf("incomplete: versions missing: %" PRIu64 "; what is there breaks no rule\n",
               report->missing);
    } else if (report->cut > 0 || report->unfinished) {
        puts("proved: A (limits), B (use), C (granularity, gangs), E (versions), I (tasks), both "
             "rules and views, of all versions");
    } else {
        puts("proved: A (limits), B (use), C (granularity, gangs), E (versions), I (tasks), both "
             "rules, views, digest and results");
    }
}

static int check(const char *directory, const char *cells, bool json)
{
    struct check_log_report report;
    omega_error_t err = {0};
    if (check_log(directory, cells, SHOWN, stderr, &report, &err) != OMEGA_OK) {
        return command_failed(&err);
    }
    (json ? print_json : print_text)(&report);
    return report.violations == 0 && !report.incomplete ? COMMAND_DONE : COMMAND_FAILED;
}

int cmd_check_log(int argc, char **argv)
{
    const char *cells = NULL;
    bool json = false;
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        switch (code) {
        case 'c':
            cells = optarg;
            break;
        case 'j':
            json = true;
            break;
        case 'h':
            fputs(help, stdout);
            return COMMAND_DONE;
        case ':':
            return command_usage("check-log", "option '%.60s' needs a value", argv[optind - 1]);
        default:
            return command_bad_option("check-log", argv);
        }
    }
    if (optind != argc - 1) {
        return command_usage("check-log", "expected one directory, got %d", argc - optind);
    }
    return check(argv[optind], cells, json);
}
