/* SPDX-License-Identifier: MIT */
/*
 * What the thread sanitizer is told about liblmdb, for programs whose threads share a store.
 *
 * The library is not instrumented: how it hands pages from readers to writers (reader slots in
 * shared memory, which a writer looks through before it uses a page again) is invisible to the
 * sanitizer, while its calls of memcpy() and memcmp() on those pages are seen and reported. Only
 * what is called from within liblmdb is left out: our own reads and writes stay watched.
 */
#ifndef OMEGA_TESTS_SUPPORT_TSAN_H
#define OMEGA_TESTS_SUPPORT_TSAN_H

#if defined(__SANITIZE_THREAD__)
#define TSAN_IS_ON 1 /* gcc */
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN_IS_ON 1 /* clang */
#endif
#endif

#ifdef TSAN_IS_ON
/* The sanitizer calls this by its name. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:liblmdb.so.0\n";
}
#endif

#endif
