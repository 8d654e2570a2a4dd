/* SPDX-License-Identifier: MIT */
/*
 * Fields: strict, typed reading of an experiment's JSON. A field is a value and where it stands, so
 * that every error can say `file:line: schedulers[0].retry.delay_s: what is wrong, expected what`.
 *
 * Objects are read by tables: each key's type, range and place in a C struct. A key that is not in
 * the table is an error; one that is absent leaves the struct's field as it is, its default.
 * `err` is never NULL in this layer: functions return err->code.
 */
#ifndef OMEGA_CORE_EXPERIMENT_FIELD_H
#define OMEGA_CORE_EXPERIMENT_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"

#define FIELD_DEPTH_MAX 16 /* fields within each other, as far as paths in messages go */
#define FIELD_NAME_MAX 64  /* bytes of a name of a workload, scheduler, variant or experiment */

/* A key of a variant's "set" that is a path, as it stands there and with dots only. */
struct field_key {
    const char *key;
    const char *path;
};

/* A field that a sweep has changed, and where its value stands. */
struct field_swept {
    const char *path; /* dots only */
    const char *key;  /* of "sweep", or of an entry of it */
    long entry;       /* -1: "sweep" is no list */
    long index;       /* of the value; -1: it comes from a range */
};

/* The text that a document was read from, for lines. */
struct field_source {
    const char *file; /* for messages */
    const char *text;
    size_t size;
    int variant; /* -1: the base; else the document is the base patched with variants[i].set */
    const char *variant_name;
    const char *const *sets; /* paths given with --set, such as "schedulers.0.instances" */
    uint32_t set_count;
    const struct field_key *keys; /* of the variant, in the order of the file */
    uint32_t key_count;
    const struct field_swept *swept; /* came last of all */
    uint32_t swept_count;
};

struct field {
    const struct field_source *source;
    const struct field *parent; /* NULL: the document itself */
    const char *key;            /* NULL for an entry of an array */
    size_t index;
    json_t *value; /* NULL: absent */
};

enum field_type {
    FIELD_TIME,   /* int64_t microseconds, from seconds rounded to the nearest */
    FIELD_REAL,   /* double */
    FIELD_INT64,  /* int64_t */
    FIELD_INT32,  /* int32_t */
    FIELD_UINT32, /* uint32_t */
    FIELD_BOOL,   /* bool */
    FIELD_TEXT,   /* const char *, owned by the document; control characters are refused */
    FIELD_NAME,   /* the same, 1 to FIELD_NAME_MAX letters, digits and . _ - + : */
    FIELD_CHOICE, /* int: index into `choices` */
    FIELD_VALUE,  /* json_t *, borrowed: read by the caller */
};

struct field_spec {
    const char *key; /* NULL ends a table */
    enum field_type type;
    size_t offset;
    bool required;
    double min; /* numbers: the smallest and largest allowed (times: in seconds) */
    double max;
    const char *const *choices; /* NULL at the end */
};

/* A member of an object (value NULL if it is absent or the field is no object) or an entry of an
 * array. The result refers to `field`, which must outlive it. */
struct field field_member(const struct field *field, const char *key);
struct field field_entry(const struct field *field, size_t index);

/* Reads an object by a table into the struct at `out`. */
int field_read(const struct field *field, const struct field_spec *specs, void *out,
               omega_error_t *err);

/* Checks that a field is an array of min..max entries and gives its length. */
int field_array(const struct field *field, size_t min, size_t max, size_t *count,
                omega_error_t *err);

/* A number, whole or not, within a range. */
int field_real(const struct field *field, double min, double max, double *out, omega_error_t *err);

/* A string; `name`: one that FIELD_NAME allows. */
int field_text(const struct field *field, bool name, const char **out, omega_error_t *err);

/* Index of a string among choices, NULL at the end. */
int field_choice(const struct field *field, const char *const *choices, int *out,
                 omega_error_t *err);

/* Seconds to microseconds, rounded to the nearest. */
int64_t field_microseconds(double seconds);

/* Records an OMEGA_EINVAL error about this field. */
int field_fail(const struct field *field, omega_error_t *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Records an error that came from elsewhere while this field's value was used. One about another
 * file keeps that place and names the field behind it. */
int field_fail_with(const struct field *field, const omega_error_t *cause, omega_error_t *err);

/* What is there, for messages: "an object", "a number" ... */
const char *field_kind(const json_t *value);

#endif
