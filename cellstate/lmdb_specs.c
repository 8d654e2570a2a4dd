/* SPDX-License-Identifier: MIT */
/*
 * The machines of a cell as they were given: specs, and the names and attribute sets that they use.
 * Symbols are numbers of one process's catalogue; in the cell names are numbered anew from 1, in
 * order of first use.
 */
#include <stdlib.h>
#include <string.h>

#include "cellstate/lmdb_private.h"
#include "core/base/large.h"

/* ---- writing ---- */

struct numbering {
    struct lmdb *lmdb;
    MDB_txn *txn;
    uint32_t *numbers; /* symbol or set -> number in the cell; 0: none yet */
    uint32_t room;
    uint32_t last;
    enum lmdb_table table;
};

static int put(struct lmdb *lmdb, MDB_txn *txn, enum lmdb_table table, uint64_t key,
               const void *bytes, size_t size, omega_error_t *err)
{
    MDB_val where = {.mv_size = sizeof key, .mv_data = &key};
    MDB_val what = {.mv_size = size, .mv_data = (void *)(uintptr_t)bytes};
    return lmdb_failed(lmdb, mdb_put(txn, lmdb->tables[table], &where, &what, MDB_APPEND), "write",
                       err);
}

/* Turns a symbol or set into its number, and writes its text when it is new. */
static int number(struct numbering *numbering, uint32_t *symbol, const char *text,
                  omega_error_t *err)
{
    if (*symbol == 0) {
        return OMEGA_OK;
    }
    if (*symbol >= numbering->room) {
        uint32_t room = *symbol < 512 ? 1024 : *symbol * 2;
        uint32_t *numbers = realloc(numbering->numbers, room * sizeof *numbers);
        if (numbers == NULL) {
            return omega_error_set(err, OMEGA_ENOMEM, "no memory for the names of the cell");
        }
        memset(numbers + numbering->room, 0, (room - numbering->room) * sizeof *numbers);
        numbering->numbers = numbers;
        numbering->room = room;
    }
    if (numbering->numbers[*symbol] != 0) {
        *symbol = numbering->numbers[*symbol];
        return OMEGA_OK;
    }
    size_t length = strlen(text);
    uint8_t *bytes = malloc(record_text_bytes(length));
    if (bytes == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for the names of the cell");
    }
    numbering->numbers[*symbol] = ++numbering->last;
    *symbol = numbering->last;
    record_encode_text(text, length, *symbol, bytes);
    int rc = put(numbering->lmdb, numbering->txn, numbering->table, *symbol, bytes,
                 record_text_bytes(length), err);
    free(bytes);
    return rc;
}

/* A machine's spec with the cell's numbers, and its record as it begins. */
static int write_machine(struct numbering *names, struct numbering *sets,
                         const struct store_config *config, uint32_t index, omega_error_t *err)
{
    const struct symbols *symbols = catalogue_symbols(config->catalogue);
    struct omega_machine_spec spec = config->machines[index];
    int rc = number(names, &spec.name, symbols_text(symbols, spec.name), err);
    if (rc == OMEGA_OK) {
        rc = number(names, &spec.platform, symbols_text(symbols, spec.platform), err);
    }
    if (rc == OMEGA_OK) {
        rc = number(names, &spec.domain, symbols_text(symbols, spec.domain), err);
    }
    if (rc == OMEGA_OK && spec.attributes != 0) {
        rc = number(sets, &spec.attributes,
                    catalogue_attributes_text(config->catalogue, spec.attributes), err);
    }
    uint8_t bytes[RECORD_MACHINE_BYTES_MAX];
    if (rc == OMEGA_OK) {
        record_encode_spec(&spec, index, bytes);
        rc = put(names->lmdb, names->txn, LMDB_SPECS, index, bytes, RECORD_SPEC_BYTES, err);
    }
    if (rc == OMEGA_OK) {
        struct omega_machine machine;
        rules_machine_init(&machine, index, &config->machines[index], &config->overcommit);
        size_t size = record_encode_machine(&machine, bytes);
        rc = put(names->lmdb, names->txn, LMDB_MACHINES, index, bytes, size, err);
    }
    return rc;
}

int lmdb_specs_write(struct lmdb *lmdb, MDB_txn *txn, const struct store_config *config,
                     omega_error_t *err)
{
    struct numbering names = {.lmdb = lmdb, .txn = txn, .table = LMDB_NAMES};
    struct numbering sets = {.lmdb = lmdb, .txn = txn, .table = LMDB_ATTRIBUTES};
    int rc = OMEGA_OK;
    for (uint32_t m = 0; rc == OMEGA_OK && m < config->machine_count; m++) {
        rc = write_machine(&names, &sets, config, m, err);
    }
    free(names.numbers);
    free(sets.numbers);
    return rc;
}

/* ---- reading ---- */

struct loader {
    struct lmdb *lmdb;
    uint32_t *symbols; /* number in the cell -> symbol */
    uint32_t *sets;
    uint64_t next; /* key expected */
    uint32_t room;
};

/* Keys run from 1 without a gap; makes room for this one's number. */
static int expect_number(struct loader *loader, enum lmdb_table table, uint64_t key,
                         uint32_t **numbers, omega_error_t *err)
{
    if (key != loader->next || key >= UINT32_MAX) {
        return lmdb_bad_record(loader->lmdb, OMEGA_ECORRUPT, table, key, err);
    }
    if (key >= loader->room) {
        uint32_t room = loader->room == 0 ? 256 : loader->room * 2;
        uint32_t *grown = realloc(*numbers, room * sizeof *grown);
        if (grown == NULL) {
            return omega_error_set(err, OMEGA_ENOMEM, "no memory for the names of the cell");
        }
        *numbers = grown;
        (*numbers)[0] = 0;
        loader->room = room;
    }
    loader->next++;
    return OMEGA_OK;
}

static int load_name(void *context, uint64_t key, const MDB_val *data, omega_error_t *err)
{
    struct loader *loader = context;
    const char *text = NULL;
    size_t length = 0;
    int rc = lmdb_bad_record(loader->lmdb,
                             record_decode_text(data->mv_data, data->mv_size, key, &text, &length),
                             LMDB_NAMES, key, err);
    if (rc == OMEGA_OK) {
        rc = expect_number(loader, LMDB_NAMES, key, &loader->symbols, err);
    }
    if (rc == OMEGA_OK) {
        struct symbols *symbols = catalogue_symbols(loader->lmdb->own_catalogue);
        loader->symbols[key] = symbols_intern_n(symbols, text, length);
        if (loader->symbols[key] == SYMBOL_NONE) {
            rc = omega_error_set(err, OMEGA_ENOMEM, "no memory for the names of the cell");
        }
    }
    return rc;
}

static int load_attributes(void *context, uint64_t key, const MDB_val *data, omega_error_t *err)
{
    struct loader *loader = context;
    const char *text = NULL;
    size_t length = 0;
    int rc = lmdb_bad_record(loader->lmdb,
                             record_decode_text(data->mv_data, data->mv_size, key, &text, &length),
                             LMDB_ATTRIBUTES, key, err);
    if (rc == OMEGA_OK) {
        rc = expect_number(loader, LMDB_ATTRIBUTES, key, &loader->sets, err);
    }
    char *copy = rc == OMEGA_OK ? strndup(text, length) : NULL;
    if (rc == OMEGA_OK && copy == NULL) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "no memory for the names of the cell");
    }
    if (rc == OMEGA_OK) {
        rc = catalogue_attributes(loader->lmdb->own_catalogue, copy, &loader->sets[key], err);
    }
    free(copy);
    return rc;
}

static int load_spec(void *context, uint64_t key, const MDB_val *data, omega_error_t *err)
{
    struct loader *loader = context;
    struct lmdb *lmdb = loader->lmdb;
    if (key != loader->next || key >= lmdb->meta.machine_count) {
        return lmdb_bad_record(lmdb, OMEGA_ECORRUPT, LMDB_SPECS, key, err);
    }
    struct omega_machine_spec *spec = &lmdb->own_specs[loader->next++];
    return lmdb_bad_record(lmdb, record_decode_spec(data->mv_data, data->mv_size, key, spec),
                           LMDB_SPECS, key, err);
}

/* Numbers of the cell become symbols and sets of the catalogue. */
static int translate(struct lmdb *lmdb, const struct loader *loader, uint64_t names, uint64_t sets,
                     omega_error_t *err)
{
    for (uint32_t m = 0; m < lmdb->meta.machine_count; m++) {
        struct omega_machine_spec *spec = &lmdb->own_specs[m];
        if (spec->name >= names || spec->platform >= names || spec->domain >= names ||
            spec->attributes >= sets) {
            return lmdb_bad_record(lmdb, OMEGA_ECORRUPT, LMDB_SPECS, m, err);
        }
        spec->name = spec->name == 0 ? 0 : loader->symbols[spec->name];
        spec->platform = spec->platform == 0 ? 0 : loader->symbols[spec->platform];
        spec->domain = spec->domain == 0 ? 0 : loader->symbols[spec->domain];
        spec->attributes = spec->attributes == 0 ? 0 : loader->sets[spec->attributes];
    }
    return OMEGA_OK;
}

int lmdb_specs_read(struct lmdb *lmdb, MDB_txn *txn, omega_error_t *err)
{
    lmdb->own_catalogue = catalogue_create();
    lmdb->own_specs = large_calloc(lmdb->meta.machine_count + 1u, sizeof *lmdb->own_specs);
    if (lmdb->own_catalogue == NULL || lmdb->own_specs == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "no memory for a cell of %u machines",
                               lmdb->meta.machine_count);
    }
    struct loader loader = {.lmdb = lmdb, .next = 1};
    uint64_t names = 0;
    uint64_t sets = 0;
    int rc = lmdb_walk(lmdb, txn, LMDB_NAMES, 0, load_name, &loader, err);
    names = loader.next;
    loader.next = 1;
    loader.room = 0;
    if (rc == OMEGA_OK) {
        rc = lmdb_walk(lmdb, txn, LMDB_ATTRIBUTES, 0, load_attributes, &loader, err);
    }
    sets = loader.next;
    loader.next = 0;
    if (rc == OMEGA_OK) {
        rc = lmdb_walk(lmdb, txn, LMDB_SPECS, 0, load_spec, &loader, err);
    }
    if (rc == OMEGA_OK && loader.next != lmdb->meta.machine_count) {
        rc = lmdb_bad_record(lmdb, OMEGA_ECORRUPT, LMDB_SPECS, loader.next, err);
    }
    if (rc == OMEGA_OK) {
        rc = translate(lmdb, &loader, names, sets, err);
    }
    free(loader.symbols);
    free(loader.sets);
    lmdb->specs = lmdb->own_specs;
    lmdb->base.catalogue = lmdb->own_catalogue;
    return rc;
}

/* ---- comparing ---- */

struct comparison {
    struct lmdb *lmdb;
    MDB_txn *txn;
    const struct store_config *config;
    uint64_t next; /* key expected */
};

/* Clears *same unless a number in the cell stands for this text. */
static int compare_text(const struct comparison *comparison, enum lmdb_table table, uint32_t number,
                        const char *text, bool *same, omega_error_t *err)
{
    MDB_val data;
    const char *stored = "";
    size_t length = 0;
    int rc = OMEGA_OK;
    if (number != 0) {
        rc = lmdb_get(comparison->lmdb, comparison->txn, table, number, &data, err);
    }
    if (number != 0 && rc == OMEGA_OK) {
        rc = data.mv_data == NULL
                 ? OMEGA_ECORRUPT
                 : record_decode_text(data.mv_data, data.mv_size, number, &stored, &length);
        rc = lmdb_bad_record(comparison->lmdb, rc, table, number, err);
    }
    *same = *same && rc == OMEGA_OK && strlen(text) == length && memcmp(text, stored, length) == 0;
    return rc;
}

static int compare_machine(const struct comparison *comparison,
                           const struct omega_machine_spec *stored,
                           const struct omega_machine_spec *given, bool *same, omega_error_t *err)
{
    const struct catalogue *catalogue = comparison->config->catalogue;
    const struct symbols *symbols = catalogue_symbols(catalogue);
    const struct {
        enum lmdb_table table;
        uint32_t number;
        const char *text;
    } texts[] = {
        {LMDB_NAMES, stored->name, symbols_text(symbols, given->name)},
        {LMDB_NAMES, stored->platform, symbols_text(symbols, given->platform)},
        {LMDB_NAMES, stored->domain, symbols_text(symbols, given->domain)},
        {LMDB_ATTRIBUTES, stored->attributes,
         catalogue_attributes_text(catalogue, given->attributes)},
    };
    int rc = OMEGA_OK;
    *same = stored->cpu_milli == given->cpu_milli && stored->mem_mib == given->mem_mib &&
            stored->gpu_devices == given->gpu_devices && stored->absent == given->absent;
    for (size_t i = 0; rc == OMEGA_OK && i < sizeof texts / sizeof texts[0]; i++) {
        rc = compare_text(comparison, texts[i].table, texts[i].number, texts[i].text, same, err);
    }
    return rc;
}

static int compare_spec(void *context, uint64_t key, const MDB_val *data, omega_error_t *err)
{
    struct comparison *comparison = context;
    struct lmdb *lmdb = comparison->lmdb;
    struct omega_machine_spec stored;
    bool same = false;
    int rc = key == comparison->next && key < comparison->config->machine_count
                 ? record_decode_spec(data->mv_data, data->mv_size, key, &stored)
                 : OMEGA_ECORRUPT;
    if (rc != OMEGA_OK) {
        return lmdb_bad_record(lmdb, rc, LMDB_SPECS, key, err);
    }
    comparison->next++;
    rc = compare_machine(comparison, &stored, &comparison->config->machines[key], &same, err);
    if (rc == OMEGA_OK && !same) {
        rc = omega_error_set_at(err, OMEGA_EINVAL, lmdb->path, 0,
                                "machine %llu of the cell is another than the configuration's, "
                                "expected the one it was created with",
                                (unsigned long long)key);
    }
    return rc;
}

int lmdb_specs_compare(struct lmdb *lmdb, MDB_txn *txn, const struct store_config *config,
                       omega_error_t *err)
{
    struct comparison comparison = {.lmdb = lmdb, .txn = txn, .config = config};
    int rc = lmdb_walk(lmdb, txn, LMDB_SPECS, 0, compare_spec, &comparison, err);
    if (rc == OMEGA_OK && comparison.next != config->machine_count) {
        rc = lmdb_bad_record(lmdb, OMEGA_ECORRUPT, LMDB_SPECS, comparison.next, err);
    }
    return rc;
}
