/* SPDX-License-Identifier: MIT */
/* SHA-256 against the test vectors of FIPS 180-4 and of NIST's examples. */
#include "core/base/sha256.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/check_main.h"

static const struct vector {
    const char *message;
    const char *digest;
} vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnop"
     "qrsmnopqrstnopqrstu",
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
};

START_TEST(test_vectors)
{
    const struct vector *vector = &vectors[_i];
    struct sha256 sha;
    char digest[SHA256_HEX];
    sha256_init(&sha);
    sha256_add(&sha, vector->message, strlen(vector->message));
    sha256_finish(&sha, digest);
    ck_assert_str_eq(digest, vector->digest);
}
END_TEST

/* A million times 'a', added in pieces of every length from 0 to 200. */
START_TEST(test_million_in_pieces)
{
    char piece[200];
    struct sha256 sha;
    char digest[SHA256_HEX];
    size_t left = 1000000;
    memset(piece, 'a', sizeof piece);
    sha256_init(&sha);
    for (size_t n = 0; left > 0; n = (n + 1) % (sizeof piece + 1)) {
        size_t take = n < left ? n : left;
        sha256_add(&sha, piece, take);
        left -= take;
    }
    sha256_finish(&sha, digest);
    ck_assert_str_eq(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

START_TEST(test_file)
{
    char path[] = "/tmp/omega-sha256-XXXXXX";
    char digest[SHA256_HEX];
    omega_error_t err = {0};
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "abc", 3), 3);
    close(fd);
    ck_assert_int_eq(sha256_file(path, digest, &err), 0);
    ck_assert_str_eq(digest, vectors[1].digest);
    unlink(path);
    ck_assert_int_eq(sha256_file(path, digest, &err), OMEGA_EIO);
    ck_assert_str_eq(err.source, path);
    ck_assert_str_eq(err.text, "cannot open: No such file or directory");
}
END_TEST

START_TEST(test_directory_is_no_file)
{
    char digest[SHA256_HEX];
    omega_error_t err = {0};
    ck_assert_int_eq(sha256_file("/tmp", digest, &err), OMEGA_EIO);
    ck_assert_str_eq(err.text, "cannot read: Is a directory");
}
END_TEST

static void add_cases(Suite *suite)
{
    TCase *tcase = tcase_create("vectors");
    tcase_add_loop_test(tcase, test_vectors, 0, (int)(sizeof vectors / sizeof vectors[0]));
    suite_add_tcase(suite, tcase);
    check_case(suite, "million", test_million_in_pieces);
    check_case(suite, "file", test_file);
    check_case(suite, "directory", test_directory_is_no_file);
}

CHECK_MAIN("sha256", add_cases)
