/* SPDX-License-Identifier: MIT */
/* The digest: the bytes that it promises to hash, over batches, and that every field counts. */
#include "core/base/digest.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "tests/support/check_main.h"

#define RECORD_BYTES 48
#define RECORDS 1000

/* Fields of a record in the order of digest_add(). */
struct fields {
    uint64_t version;
    int64_t time_us;
    enum digest_kind kind;
    uint64_t job;
    uint32_t task;
    uint32_t machine;
    uint32_t devices;
    uint32_t accepted;
};

static void add(struct digest *digest, const struct fields *f)
{
    digest_add(digest, f->version, f->time_us, f->kind, f->job, f->task, f->machine, f->devices,
               f->accepted);
}

static struct fields fields_of(uint32_t i)
{
    return (struct fields){
        .version = UINT64_C(0x0102030405060708) * (i + 1),
        .time_us = (int64_t)i - 3,
        .kind = (enum digest_kind)(1 + i % 5),
        .job = UINT64_MAX - i,
        .task = i * 7,
        .machine = i * 11,
        .devices = i % 256,
        .accepted = i % 2,
    };
}

static uint8_t *put(uint8_t *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        *at++ = (uint8_t)(value >> (8 * i));
    }
    return at;
}

/* The promised packing, byte by byte. */
static void pack(const struct fields *f, uint8_t *at)
{
    at = put(at, f->version, 8);
    at = put(at, (uint64_t)f->time_us, 8);
    at = put(at, f->job, 8);
    at = put(at, (uint64_t)f->kind, 4);
    at = put(at, f->task, 4);
    at = put(at, f->machine, 4);
    at = put(at, f->devices, 4);
    at = put(at, f->accepted, 4);
    put(at, 0, 4);
}

static void expected_text(const uint8_t *bytes, size_t size, char out[33])
{
    XXH128_canonical_t canonical; /* big-endian: the usual way to print it */
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, size));
    for (int i = 0; i < 16; i++) {
        snprintf(out + 2 * i, 3, "%02x", canonical.digest[i]);
    }
}

START_TEST(test_bytes)
{
    static uint8_t bytes[RECORDS * RECORD_BYTES];
    char expected[33];
    char got[33];
    struct digest *digest = digest_create();
    ck_assert_ptr_nonnull(digest);
    for (uint32_t i = 0; i < RECORDS; i++) {
        digest_text(digest, got); /* may be asked for at any time */
        expected_text(bytes, (size_t)i * RECORD_BYTES, expected);
        ck_assert_str_eq(got, expected);
        struct fields f = fields_of(i);
        pack(&f, bytes + (size_t)i * RECORD_BYTES);
        add(digest, &f);
    }
    digest_destroy(digest);
    digest_destroy(NULL);
}
END_TEST

START_TEST(test_batches)
{
    static uint8_t bytes[RECORDS * RECORD_BYTES];
    char expected[33];
    char got[33];
    struct digest *digest = digest_create();
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct fields f = fields_of(i);
        pack(&f, bytes + (size_t)i * RECORD_BYTES);
        add(digest, &f);
    }
    digest_text(digest, got);
    expected_text(bytes, sizeof bytes, expected);
    ck_assert_str_eq(got, expected);
    digest_text(digest, got); /* asking changes nothing */
    ck_assert_str_eq(got, expected);
    digest_destroy(digest);
}
END_TEST

static void text_of(const struct fields *f, char out[33])
{
    struct digest *digest = digest_create();
    add(digest, f);
    digest_text(digest, out);
    digest_destroy(digest);
}

START_TEST(test_every_field_counts)
{
    struct fields changed[9];
    for (int i = 0; i < 9; i++) {
        changed[i] = fields_of(1);
    }
    changed[1].version ^= 1;
    changed[2].time_us ^= 1;
    changed[3].kind = DIGEST_PRELOAD;
    changed[4].job ^= UINT64_C(1) << 63;
    changed[5].task ^= 1;
    changed[6].machine ^= 1;
    changed[7].devices ^= 1;
    changed[8].accepted ^= 1;
    char texts[9][33];
    for (int i = 0; i < 9; i++) {
        text_of(&changed[i], texts[i]);
        ck_assert_uint_eq(strlen(texts[i]), 32);
        for (int j = 0; j < i; j++) {
            ck_assert_str_ne(texts[i], texts[j]);
        }
    }
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "bytes", test_bytes);
    check_case(suite, "batches", test_batches);
    check_case(suite, "every field counts", test_every_field_counts);
}

CHECK_MAIN("digest", add_cases)
