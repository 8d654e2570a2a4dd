/* SPDX-License-Identifier: MIT */
/* Parts: sections come back as they were written, whatever is damaged is found, and a part that is
 * not committed leaves nothing. */
#include "core/experiment/part.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "tests/support/check_main.h"

static char directory[64];
static char path[128];

static void set_up(void)
{
    snprintf(directory, sizeof directory, "/tmp/omega-part-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/000000.part", directory);
}

static void tear_down(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(directory), 0); /* nothing else is in it */
}

/* Sections "a" (3 bytes), "empty" and "big" (100,000 bytes). */
static void write_part(void)
{
    struct part_writer *part;
    ck_assert_int_eq(part_create(path, &part, NULL), 0);
    fputs("x\ny", part_section(part, "a"));
    part_section(part, "empty");
    FILE *big = part_section(part, "big");
    for (int i = 0; i < 100000; i++) {
        fputc('0' + i % 10, big);
    }
    ck_assert_int_eq(part_commit(part, json_pack("{s:i}", "point", 7), NULL), 0);
}

START_TEST(test_round_trip)
{
    struct part *part;
    char *text;
    write_part();
    ck_assert_int_eq(part_open(path, &part, NULL), 0);
    ck_assert_str_eq(part_name(part), path);
    ck_assert_int_eq(json_integer_value(json_object_get(part_about(part), "point")), 7);
    ck_assert_int_eq(part_size(part, "a"), 3);
    ck_assert_int_eq(part_size(part, "empty"), 0);
    ck_assert_int_eq(part_size(part, "big"), 100000);
    ck_assert_int_eq(part_size(part, "none"), -1);
    ck_assert_int_eq(part_text(part, "big", &text, NULL), 0);
    ck_assert_uint_eq(strlen(text), 100000);
    ck_assert_int_eq(text[99999], '9');
    free(text);
    ck_assert_int_eq(part_text(part, "a", &text, NULL), 0);
    ck_assert_str_eq(text, "x\ny");
    free(text);
    ck_assert_int_eq(part_text(part, "none", &text, NULL), 0);
    ck_assert_str_eq(text, "");
    free(text);
    part_close(part);
}
END_TEST

START_TEST(test_abort)
{
    struct part_writer *part;
    ck_assert_int_eq(part_create(path, &part, NULL), 0);
    fputs("text", part_section(part, "a"));
    ck_assert_int_ne(access(path, F_OK), 0);
    part_abort(part);
    ck_assert_int_ne(access(path, F_OK), 0);
    part_abort(NULL);
    part_close(NULL);
}
END_TEST

static int open_bytes(char *bytes, size_t size, omega_error_t *err)
{
    struct part *part;
    FILE *stream = fmemopen(bytes, size, "r");
    ck_assert_ptr_nonnull(stream);
    omega_error_clear(err);
    int rc = part_open_stream(stream, "p", &part, err);
    ck_assert_int_eq(rc == 0, part != NULL);
    part_close(part);
    return rc;
}

/* Any one byte changed, or any number of bytes missing at the end, is found. */
START_TEST(test_damage)
{
    char *bytes;
    size_t size;
    omega_error_t err = {0};
    write_part();
    ck_assert_int_eq(file_read_all(path, 1 << 20, &bytes, &size, NULL), 0);
    ck_assert_int_eq(open_bytes(bytes, size, &err), 0);
    for (size_t i = 0; i < size; i += i < size - 400 ? 997 : 1) {
        bytes[i] ^= 1;
        int rc = open_bytes(bytes, size, &err);
        ck_assert_msg(rc == OMEGA_ECORRUPT || rc == OMEGA_EVERSION, "byte %zu of %zu: %d", i, size,
                      rc);
        bytes[i] ^= 1;
    }
    for (size_t cut = 1; cut < size; cut += cut < 400 ? 1 : 997) {
        ck_assert_int_eq(open_bytes(bytes, size - cut, &err), OMEGA_ECORRUPT);
    }
    free(bytes);
}
END_TEST

START_TEST(test_messages)
{
    omega_error_t err = {0};
    struct part *part;
    char text[] = "hello";
    char version[] = "omega-part 2 00000000 0000000000000000\n";
    char zeroes[] = "omega-part 1 00000000 0000000000000000\n";
    ck_assert_int_eq(open_bytes(text, strlen(text), &err), OMEGA_ECORRUPT);
    ck_assert_str_eq(err.text, "5 bytes, expected a part of a run");
    ck_assert_int_eq(open_bytes(version, strlen(version), &err), OMEGA_EVERSION);
    ck_assert_str_eq(err.text, "is a part of version 2, expected version 1");
    ck_assert_int_eq(open_bytes(zeroes, strlen(zeroes), &err), OMEGA_ECORRUPT);
    ck_assert_str_eq(err.text, "damaged: the checksum is another one");
    omega_error_clear(&err);
    ck_assert_int_eq(part_open(path, &part, &err), OMEGA_EIO);
    ck_assert_ptr_null(part);
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *test)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
}

static void add_cases(Suite *suite)
{
    add(suite, "round trip", test_round_trip);
    add(suite, "abort", test_abort);
    add(suite, "damage", test_damage);
    add(suite, "messages", test_messages);
}

CHECK_MAIN("part", add_cases)
