/* SPDX-License-Identifier: MIT */
/* Bytes of binary files: what is put comes back, and nothing is read beyond the end. */
#include <stdlib.h>
#include <string.h>

#include "core/base/codec.h"
#include "tests/support/check_main.h"

static const uint64_t numbers[] = {0,      1,          0x7f,      0x80,      0x3fff,
                                   0x4000, UINT32_MAX, INT64_MAX, UINT64_MAX};
static const int64_t integers[] = {0, -1, 1, -64, 64, INT32_MIN, INT64_MAX, INT64_MIN};

START_TEST(test_round_trip)
{
    struct codec_out out = {0};
    char text[8];
    codec_put_u32(&out, 0x04030201);
    codec_put_u64(&out, UINT64_C(0x0807060504030201));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        codec_put_number(&out, numbers[i]);
    }
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        codec_put_signed(&out, integers[i]);
    }
    codec_put_text(&out, "");
    codec_put_text(&out, "seven77");
    ck_assert(!out.failed);
    const uint8_t first[] = {1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8};
    ck_assert_mem_eq(out.bytes, first, sizeof first);

    struct codec_in in = {.bytes = out.bytes, .size = out.size};
    ck_assert_uint_eq(codec_u32(&in), 0x04030201);
    ck_assert_uint_eq(codec_u64(&in), UINT64_C(0x0807060504030201));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        ck_assert_uint_eq(codec_number(&in, UINT64_MAX), numbers[i]);
    }
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        ck_assert_int_eq(codec_signed(&in, INT64_MIN, INT64_MAX), integers[i]);
    }
    codec_text(&in, text, sizeof text);
    ck_assert_str_eq(text, "");
    codec_text(&in, text, sizeof text);
    ck_assert_str_eq(text, "seven77");
    ck_assert(!in.failed);
    ck_assert_uint_eq(in.at, in.size);
    codec_out_release(&out);
}
END_TEST

static struct codec_in over(const uint8_t *bytes, size_t size)
{
    return (struct codec_in){.bytes = bytes, .size = size};
}

START_TEST(test_refused)
{
    const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
    const uint8_t too_large[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    const uint8_t with_nul[] = {3, 'a', 0, 'b'};
    const uint8_t too_long[] = {9, 'a', 'b'};
    char text[16];
    struct codec_in in = over(endless, sizeof endless);
    ck_assert_uint_eq(codec_number(&in, UINT64_MAX), 0);
    ck_assert(in.failed);
    in = over(endless, 3); /* cut off */
    codec_number(&in, UINT64_MAX);
    ck_assert(in.failed);
    in = over(too_large, sizeof too_large);
    codec_number(&in, UINT64_MAX);
    ck_assert(in.failed);
    in = over(with_nul, sizeof with_nul);
    codec_text(&in, text, sizeof text);
    ck_assert(in.failed);
    ck_assert_str_eq(text, "");
    in = over(too_long, sizeof too_long);
    codec_text(&in, text, sizeof text);
    ck_assert(in.failed);
    in = over(with_nul, 3);
    codec_u32(&in);
    ck_assert(in.failed);
    ck_assert_uint_eq(in.at, 0);
}
END_TEST

START_TEST(test_range)
{
    const uint8_t five[] = {5, 5, 5};
    struct codec_in in = over(five, sizeof five);
    ck_assert_uint_eq(codec_number(&in, 5), 5);
    ck_assert_int_eq(codec_signed(&in, -3, 0), -3);
    ck_assert(!in.failed);
    ck_assert_uint_eq(codec_number(&in, 4), 0);
    ck_assert(in.failed);
    ck_assert_uint_eq(in.at, 2); /* where the bad value starts */
    ck_assert_uint_eq(codec_number(&in, 100), 0);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "round trip", test_round_trip);
    check_case(suite, "refused", test_refused);
    check_case(suite, "range", test_range);
}

CHECK_MAIN("codec", add_cases)
