/* SPDX-License-Identifier: MIT */
/* omega cell check: proves a cell. */
#include <inttypes.h>
#include <stdio.h>

#include "core/cli/cell_private.h"
#include "core/experiment/messages.h"
#include "core/experiment/row.h"

static const char help[] =
    "usage: omega cell check [OPTIONS] DIR\n\n"
    "Reads everything in a cell and proves its invariants: A no commit made a machine exceed its\n"
    "limit, B what machines use is the sum of their placements, E every change has one version "
    "and\n"
    "the change log leads to the newest state, I every task submitted is accounted for.\n\n"
    "  --recover          of a cell that was last used before this machine was started anew, and\n"
    "                     that the other verbs refuse: if it is sound, mark it as good\n"
    "  --json             one JSON object instead of text\n"
    "  --help             this text\n\n"
    "exit codes: 0 sound, 1 failed or not sound, 2 wrong usage\n";

static const struct option options[] = {
    {"recover", no_argument, NULL, 'R'},
    CELL_OPTION_JSON,
    CELL_OPTION_HELP,
    CELL_OPTION_END,
};

static void print_json(const char *path, const struct store_report *report)
{
    struct row row = {0};
    struct symbols *kept = symbols_create();
    row_text(&row, "cell", kept == NULL ? "?" : cell_json_text(kept, path));
    row_count(&row, "machines", report->machines);
    row_count(&row, "placements", report->placements);
    row_count(&row, "above_limit", report->above_limit);
    row_count(&row, "violations", report->violations);
    row_text(&row, "first", report->first);
    row_json(&row, "proved", report->violations == 0 ? "[\"A\",\"B\",\"E\",\"I\"]" : "[]");
    row_write_json(&row, stdout);
    putchar('\n');
    symbols_destroy(kept);
}

static void print_text(const char *path, const struct store_report *report)
{
    printf("%s: %" PRIu64 " machines, %" PRIu64 " placements\n", path, report->machines,
           report->placements);
    if (report->above_limit > 0) {
        printf("above their limit by a preload or a machine event, as is allowed: %" PRIu64
               " machines\n",
               report->above_limit);
    }
    if (report->violations == 0) {
        puts("proved: A (limits), B (use is the sum of placements), E (versions and change log), "
             "I (tasks)");
        return;
    }
    printf("violations: %" PRIu64 ", the first: ", report->violations);
    message_write(report->first, stdout);
    putchar('\n');
}

static int check(const struct cell_arguments *a, struct store_report *report, omega_error_t *err)
{
    struct store *store = NULL;
    if (a->recover) {
        return lmdb_recover(a->words[0], report, err);
    }
    int rc = cell_open(a->words[0], true, &store, err);
    if (rc == OMEGA_OK) {
        rc = store_check(store, report, err);
    }
    store_close(store);
    return rc;
}

/* All of the work: what the copy of this process does. */
static int check_and_print(const struct cell_arguments *a)
{
    struct store_report report = {0};
    omega_error_t err = {0};
    int rc = check(a, &report, &err);
    if (rc != OMEGA_OK && report.violations == 0) {
        return command_failed(&err);
    }
    (a->json ? print_json : print_text)(a->words[0], &report);
    if (report.violations == 0) {
        return COMMAND_DONE;
    }
    omega_error_clear(&err);
    omega_error_set_at(&err, OMEGA_ECORRUPT, a->words[0], 0,
                       "%" PRIu64 " violations, expected none; the first: %s", report.violations,
                       report.first);
    return command_failed(&err);
}

int cell_check(int argc, char **argv)
{
    struct cell_arguments a;
    int code = cell_read_arguments("cell check", help, argc, argv, options, &a);
    if (code != COMMAND_DONE || a.help) {
        return code;
    }
    if (a.word_count != 1) {
        return command_usage(a.verb, "%d directories, expected one", a.word_count);
    }
    return cell_isolated(&a, check_and_print, "restore it with 'omega cell load' from an export");
}
