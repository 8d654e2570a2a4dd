/* SPDX-License-Identifier: MIT */
/* omega cell drain, undrain, fail, add: machine events by hand. Each machine is a change of its
 * own; before the first of them all are looked at, so that a wrong name changes nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/cli/cell_private.h"
#include "core/experiment/messages.h"
#include "core/experiment/row.h"

#define MACHINES                                                                                   \
    "MACHINE is a name or an index. Each machine is a change of its own with its own version, "    \
    "but\n"                                                                                        \
    "nothing is changed at all if one of them is unknown or cannot take it. Another process may\n" \
    "change a machine in between: then those before it are changed, and the error says how "       \
    "many.\n\n"

#define OPTIONS                                                                                    \
    "  --json             one JSON object a line instead of text\n"                                \
    "  --help             this text\n\n"                                                           \
    "exit codes: 0 done, 1 failed, 2 wrong usage\n"

static const char drain_help[] =
    "usage: omega cell drain [OPTIONS] DIR MACHINE...\n\n"
    "Lets machines that are up take nothing new; what runs there runs on.\n" MACHINES OPTIONS;

static const char undrain_help[] =
    "usage: omega cell undrain [OPTIONS] DIR MACHINE...\n\n"
    "Lets machines that are draining take tasks again.\n" MACHINES OPTIONS;

static const char fail_help[] =
    "usage: omega cell fail [OPTIONS] DIR MACHINE...\n\n"
    "Takes machines out that are up or draining: they are down, and the tasks that ran there are\n"
    "lost. 'omega cell add' brings them back. The change log and --json call this event "
    "'remove'.\n" MACHINES "  --lost return      the tasks wait to be placed again (the default)\n"
    "  --lost fail        the tasks have failed\n" OPTIONS;

static const char add_help[] =
    "usage: omega cell add [OPTIONS] DIR MACHINE...\n\n"
    "Brings machines back that are down, with the capacity that the cell was made with.\n" MACHINES
        OPTIONS;

static const struct option options[] = {
    CELL_OPTION_JSON,
    CELL_OPTION_HELP,
    CELL_OPTION_END,
};

static const struct option fail_options[] = {
    {"lost", required_argument, NULL, 'L'},
    CELL_OPTION_JSON,
    CELL_OPTION_HELP,
    CELL_OPTION_END,
};

/* What one change did, as its line says it. */
struct done {
    const struct store *store;
    uint32_t machine;
    uint8_t kind;
    uint8_t state;
    uint64_t version;
    const struct store_release_result *lost;
    uint32_t lost_count;
};

static void print_text(const struct done *done)
{
    message_write(cell_machine_name(done->store, done->machine), stdout);
    printf(" (index %" PRIu32 "): %s, version %" PRIu64, done->machine,
           omega_machine_state_name(done->state), done->version);
    if (done->kind == OMEGA_EVENT_REMOVE) {
        printf(", %" PRIu32 " placements lost", done->lost_count);
    }
    putchar('\n');
    for (uint32_t i = 0; i < done->lost_count; i++) {
        const struct store_release_result *lost = &done->lost[i];
        printf("  placement %" PRIu64 ": task %" PRIu32 " of job %" PRIu64 "\n", lost->placement,
               lost->task, lost->job);
    }
}

static void print_json(const struct done *done)
{
    struct symbols *kept = symbols_create();
    struct row row = {0};
    const char *name = cell_machine_name(done->store, done->machine);
    row_text(&row, "machine", kept == NULL ? "?" : cell_json_text(kept, name));
    row_count(&row, "index", done->machine);
    row_text(&row, "event", omega_machine_event_name(done->kind));
    row_text(&row, "state", omega_machine_state_name(done->state));
    row_count(&row, "version", done->version);
    row_begin_json(&row, stdout);
    symbols_destroy(kept);
    fputs(",\"lost\":[", stdout);
    for (uint32_t i = 0; i < done->lost_count; i++) {
        struct row lost = {0};
        row_count(&lost, "placement", done->lost[i].placement);
        row_count(&lost, "job", done->lost[i].job);
        row_count(&lost, "task", done->lost[i].task);
        fputs(i == 0 ? "" : ",", stdout);
        row_write_json(&lost, stdout);
    }
    fputs("]}\n", stdout);
}

/* In which states a machine takes the event. */
static const char *states_before(uint8_t kind)
{
    return kind == OMEGA_EVENT_ADD       ? "down"
           : kind == OMEGA_EVENT_DRAIN   ? "up"
           : kind == OMEGA_EVENT_UNDRAIN ? "draining"
                                         : "up or draining";
}

/* Which machines the words name; each must be there, able to take the event, and named once. */
static int find_machines(struct store *store, const struct cell_arguments *a, uint8_t kind,
                         uint32_t *machines, omega_error_t *err)
{
    uint8_t *named = calloc(store->machine_count + 1u, 1);
    int rc =
        named == NULL ? omega_error_set(err, OMEGA_ENOMEM, "no memory for the machines") : OMEGA_OK;
    for (int i = 1; rc == OMEGA_OK && i < a->word_count; i++) {
        struct omega_machine machine;
        uint32_t *index = &machines[i - 1];
        rc = cell_find_machine(store, a->words[0], a->words[i], index, err);
        rc = rc != OMEGA_OK ? rc : store_machine(store, *index, &machine, err);
        if (rc == OMEGA_OK && omega_machine_state_after(machine.state, kind) < 0) {
            rc = omega_error_set_at(err, OMEGA_EINVAL, a->words[0], 0,
                                    "machine '%.80s' is %s, expected one that is %s", a->words[i],
                                    omega_machine_state_name(machine.state), states_before(kind));
        } else if (rc == OMEGA_OK && named[*index]++ != 0) {
            rc = omega_error_set_at(err, OMEGA_EINVAL, a->words[0], 0,
                                    "machine '%.80s' is named twice, expected once", a->words[i]);
        }
    }
    free(named);
    return rc;
}

static int change_machine(struct store *store, const struct cell_arguments *a, uint8_t kind,
                          uint32_t machine, omega_error_t *err)
{
    const struct omega_machine_event event = {.machine = machine, .kind = kind};
    struct done done = {.store = store, .machine = machine, .kind = kind};
    int rc = store_machine_event(store, &event, a->lost, &done.lost, &done.lost_count,
                                 &done.version, err);
    if (rc != OMEGA_OK) {
        return rc;
    }
    done.state = kind == OMEGA_EVENT_REMOVE  ? OMEGA_MACHINE_DOWN
                 : kind == OMEGA_EVENT_DRAIN ? OMEGA_MACHINE_DRAINING
                                             : OMEGA_MACHINE_UP;
    (a->json ? print_json : print_text)(&done);
    return OMEGA_OK;
}

/* The error of a change that failed behind others: names the cell and says what has happened. */
static int tell_changed(const struct cell_arguments *a, int changed, const omega_error_t *cause,
                        omega_error_t *err)
{
    char text[sizeof *cause];
    omega_error_format(cause, text, sizeof text);
    const char *source = cause->source[0] == '\0' ? a->words[0] : "";
    return omega_error_set_at(err, cause->code, source, 0, "%s; %d of %d machines were changed",
                              text, changed, a->word_count - 1);
}

static int change_found(struct store *store, const struct cell_arguments *a, uint8_t kind,
                        const uint32_t *machines, omega_error_t *err)
{
    omega_error_t cause = {0};
    int done = 0;
    while (done + 1 < a->word_count &&
           change_machine(store, a, kind, machines[done], &cause) == OMEGA_OK) {
        done++;
    }
    return cause.code == OMEGA_OK ? OMEGA_OK : tell_changed(a, done, &cause, err);
}

static int change_machines(const struct cell_arguments *a, uint8_t kind, omega_error_t *err)
{
    struct store *store = NULL;
    uint32_t *machines = calloc((size_t)a->word_count, sizeof *machines);
    if (machines == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for the machines");
    }
    int rc = cell_open(a->words[0], false, &store, err);
    if (rc == OMEGA_OK) {
        rc = find_machines(store, a, kind, machines, err);
    }
    if (rc == OMEGA_OK) {
        rc = change_found(store, a, kind, machines, err);
    }
    store_close(store);
    free(machines);
    return rc;
}

static int change_by_verb(const struct cell_arguments *a, uint8_t kind)
{
    omega_error_t err = {0};
    return change_machines(a, kind, &err) == OMEGA_OK ? COMMAND_DONE : command_failed(&err);
}

static int drain(const struct cell_arguments *a)
{
    return change_by_verb(a, OMEGA_EVENT_DRAIN);
}

static int undrain(const struct cell_arguments *a)
{
    return change_by_verb(a, OMEGA_EVENT_UNDRAIN);
}

static int take_out(const struct cell_arguments *a)
{
    return change_by_verb(a, OMEGA_EVENT_REMOVE);
}

static int bring_back(const struct cell_arguments *a)
{
    return change_by_verb(a, OMEGA_EVENT_ADD);
}

static int run(const char *verb, const char *help, const struct option *taken,
               int (*work)(const struct cell_arguments *a), int argc, char **argv)
{
    struct cell_arguments a;
    int code = cell_read_arguments(verb, help, argc, argv, taken, &a);
    if (code != COMMAND_DONE || a.help) {
        return code;
    }
    if (a.word_count < 2) {
        return command_usage(verb, "expected a directory and at least one machine");
    }
    code = cell_check_order(&a);
    return code == COMMAND_DONE ? cell_isolated(&a, work, CELL_SEE_CHECK) : code;
}

int cell_drain(int argc, char **argv)
{
    return run("cell drain", drain_help, options, drain, argc, argv);
}

int cell_undrain(int argc, char **argv)
{
    return run("cell undrain", undrain_help, options, undrain, argc, argv);
}

int cell_fail(int argc, char **argv)
{
    return run("cell fail", fail_help, fail_options, take_out, argc, argv);
}

int cell_add(int argc, char **argv)
{
    return run("cell add", add_help, options, bring_back, argc, argv);
}
