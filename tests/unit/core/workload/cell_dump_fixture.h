/* SPDX-License-Identifier: MIT */
/* Cell dumps for tests: lines of text, and the last line that they need. */
#ifndef OMEGA_TESTS_UNIT_CORE_WORKLOAD_CELL_DUMP_FIXTURE_H
#define OMEGA_TESTS_UNIT_CORE_WORKLOAD_CELL_DUMP_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/sha256.h"
#include "core/workload/cell_dump.h"

/* One of everything that a dump can hold, a line each but for the last one. Its parts:
 *  machine 0: up, grown; 1: draining, GPUs, bytes that are no UTF-8; 2: absent and down
 *  job 7: two of three tasks run; 9: different machines, shares; 11: optional tasks, started;
 *  13: abandoned while one task runs; 15: over; 18446744073709551615: waits */
static const char *const fixture_dump[] = {
    "{\"omega_cell_dump\":1,\"version\":12,\"log_changes\":64,\"keep_jobs\":true,"
    "\"release_raises_seq\":true,\"overcommit_cpu_permille\":1500,\"overcommit_mem_permille\":1000,"
    "\"overcommit_gpu_permille\":1000,\"tasks_submitted\":23,\"tasks_pending\":5,"
    "\"tasks_running\":8,\"tasks_finished\":6,\"tasks_abandoned\":2,\"tasks_failed\":2,"
    "\"losses\":3,\"jobs\":5}",
    "{\"type\":\"machine\",\"name\":\"m0\",\"platform\":\"x86\",\"domain\":\"rack0\","
    "\"attributes\":\"ssd=;platform=x86;domain=rack0\",\"spec_cpu_milli\":4000,"
    "\"spec_mem_mib\":16384,\"spec_gpu_devices\":0,\"absent\":false,\"state\":\"up\","
    "\"cpu_milli\":8000,\"mem_mib\":16384,\"gpu_devices\":0,\"seq\":1099511627775,"
    "\"releases\":2,\"placed_by\":1,\"placed_version\":11,\"placed_before_by\":0,"
    "\"placed_before_version\":9}",
    "{\"type\":\"machine\",\"name\":{\"hex\":\"6dff\"},\"platform\":\"\",\"domain\":\"\","
    "\"attributes\":\"gpu_model=\\u00E9\",\"spec_cpu_milli\":8000,\"spec_mem_mib\":32768,"
    "\"spec_gpu_devices\":8,\"absent\":false,\"state\":\"draining\",\"cpu_milli\":8000,"
    "\"mem_mib\":32768,\"gpu_devices\":8,\"seq\":7,\"releases\":0,\"placed_by\":0,"
    "\"placed_version\":8,\"placed_before_by\":null,\"placed_before_version\":0}",
    "{\"type\":\"machine\",\"name\":\"m2\",\"platform\":\"\",\"domain\":\"\",\"attributes\":\"\","
    "\"spec_cpu_milli\":1000,\"spec_mem_mib\":1024,\"spec_gpu_devices\":0,\"absent\":true,"
    "\"state\":\"down\",\"cpu_milli\":1000,\"mem_mib\":1024,\"gpu_devices\":0,\"seq\":0,"
    "\"releases\":0,\"placed_by\":null,\"placed_version\":0,\"placed_before_by\":null,"
    "\"placed_before_version\":0}",
    /* line 5 */
    "{\"type\":\"placement\",\"id\":1048576,\"job\":0,\"task\":4294967295,\"machine\":0,"
    "\"cpu_milli\":100,\"mem_mib\":200,\"gpu_devices\":0,\"gpu_milli\":0,\"devices\":0,\"band\":3,"
    "\"instance\":null}",
    "{\"type\":\"placement\",\"id\":2097152,\"job\":7,\"task\":0,\"machine\":0,"
    "\"cpu_milli\":500,\"mem_mib\":100,\"gpu_devices\":0,\"gpu_milli\":0,\"devices\":0,\"band\":1,"
    "\"instance\":0}",
    "{\"type\":\"placement\",\"id\":2097153,\"job\":7,\"task\":2,\"machine\":1,"
    "\"cpu_milli\":500,\"mem_mib\":100,\"gpu_devices\":0,\"gpu_milli\":0,\"devices\":0,\"band\":1,"
    "\"instance\":0}",
    "{\"type\":\"placement\",\"id\":8388608,\"job\":9,\"task\":0,\"machine\":1,"
    "\"cpu_milli\":0,\"mem_mib\":0,\"gpu_devices\":1,\"gpu_milli\":500,\"devices\":4,\"band\":3,"
    "\"instance\":0}",
    "{\"type\":\"placement\",\"id\":8388609,\"job\":9,\"task\":1,\"machine\":1,"
    "\"cpu_milli\":1,\"mem_mib\":1,\"gpu_devices\":2,\"gpu_milli\":1000,\"devices\":3,\"band\":3,"
    "\"instance\":0}",
    /* line 10 */
    "{\"type\":\"placement\",\"id\":9437184,\"job\":11,\"task\":0,\"machine\":0,"
    "\"cpu_milli\":10,\"mem_mib\":10,\"gpu_devices\":0,\"gpu_milli\":0,\"devices\":0,\"band\":0,"
    "\"instance\":1}",
    "{\"type\":\"placement\",\"id\":9437185,\"job\":11,\"task\":2,\"machine\":0,"
    "\"cpu_milli\":10,\"mem_mib\":10,\"gpu_devices\":0,\"gpu_milli\":0,\"devices\":0,\"band\":0,"
    "\"instance\":1}",
    "{\"type\":\"placement\",\"id\":9437186,\"job\":11,\"task\":3,\"machine\":0,"
    "\"cpu_milli\":10,\"mem_mib\":10,\"gpu_devices\":0,\"gpu_milli\":0,\"devices\":0,\"band\":0,"
    "\"instance\":1}",
    "{\"type\":\"placement\",\"id\":11534336,\"job\":13,\"task\":1,\"machine\":0,"
    "\"cpu_milli\":10,\"mem_mib\":10,\"gpu_devices\":0,\"gpu_milli\":0,\"devices\":0,\"band\":1,"
    "\"instance\":1}",
    "{\"type\":\"job\",\"id\":7,\"submit_us\":50,\"workload\":0,\"user\":\"alice \\\"a\\\"\","
    "\"precedence\":100,\"groups\":[{\"tasks\":3,\"optional\":0,\"cpu_milli\":500,\"mem_mib\":100,"
    "\"gpu_devices\":0,\"gpu_milli\":0,\"duration_us\":null,\"constraints\":\"\"}],"
    "\"submitted\":3,\"pending\":1,\"running\":2,\"finished\":0,\"failed\":0,\"abandoned\":0,"
    "\"started\":false,\"given_up\":false,\"over\":false,\"instance\":0,\"attempt\":1,"
    "\"placed\":\"101\"}",
    /* line 15 */
    "{\"type\":\"job\",\"id\":9,\"submit_us\":-1,\"workload\":1,\"user\":\"\","
    "\"precedence\":200,\"groups\":[{\"tasks\":1,\"optional\":0,\"cpu_milli\":0,\"mem_mib\":0,"
    "\"gpu_devices\":1,\"gpu_milli\":500,\"duration_us\":1000000,\"constraints\":\"ssd?\"},"
    "{\"tasks\":6,\"optional\":0,\"cpu_milli\":1,\"mem_mib\":1,\"gpu_devices\":2,"
    "\"gpu_milli\":1000,\"duration_us\":[1,null,3,0,5,1000000000000000000],"
    "\"constraints\":\"different_machines;n<7\"}],"
    "\"submitted\":7,\"pending\":0,\"running\":2,\"finished\":4,\"failed\":1,\"abandoned\":0,"
    "\"started\":false,\"given_up\":false,\"over\":false,\"instance\":0,\"attempt\":4294967295,"
    "\"placed\":\"1111111\"}",
    "{\"type\":\"job\",\"id\":11,\"submit_us\":0,\"workload\":0,\"user\":\"bob\","
    "\"precedence\":-5,\"mapreduce\":{\"map_activities\":1,\"reduce_activities\":2,"
    "\"map_mean_us\":3,\"reduce_mean_us\":4,\"workers_asked\":5},"
    "\"groups\":[{\"tasks\":2,\"optional\":3,\"cpu_milli\":10,\"mem_mib\":10,"
    "\"gpu_devices\":0,\"gpu_milli\":0,\"duration_us\":5,\"constraints\":\"\"}],"
    "\"submitted\":4,\"pending\":0,\"running\":3,\"finished\":0,\"failed\":1,\"abandoned\":0,"
    "\"started\":true,\"told_us\":77,\"given_up\":false,\"over\":false,\"instance\":1,"
    "\"attempt\":2,"
    "\"placed\":\"11110\"}",
    "{\"type\":\"job\",\"id\":13,\"submit_us\":0,\"workload\":0,\"user\":\"bob\","
    "\"precedence\":100,\"groups\":[{\"tasks\":3,\"optional\":0,\"cpu_milli\":10,\"mem_mib\":10,"
    "\"gpu_devices\":0,\"gpu_milli\":0,\"duration_us\":5,\"constraints\":\"\"}],"
    "\"submitted\":3,\"pending\":0,\"running\":1,\"finished\":0,\"failed\":0,\"abandoned\":2,"
    "\"started\":false,\"given_up\":true,\"over\":false,\"instance\":1,\"attempt\":3,"
    "\"placed\":\"010\"}",
    "{\"type\":\"job\",\"id\":15,\"submit_us\":0,\"workload\":0,\"user\":\"bob\","
    "\"precedence\":100,\"groups\":[{\"tasks\":2,\"optional\":0,\"cpu_milli\":10,\"mem_mib\":10,"
    "\"gpu_devices\":0,\"gpu_milli\":0,\"duration_us\":5,\"constraints\":\"\"}],"
    "\"submitted\":2,\"pending\":0,\"running\":0,\"finished\":2,\"failed\":0,\"abandoned\":0,"
    "\"started\":false,\"given_up\":false,\"over\":true,\"instance\":1,\"attempt\":1,"
    "\"placed\":\"11\"}",
    "{\"type\":\"job\",\"id\":\"18446744073709551615\",\"submit_us\":0,\"workload\":0,"
    "\"user\":\"bob\",\"precedence\":100,"
    "\"groups\":[{\"tasks\":4,\"optional\":1,\"cpu_milli\":10,\"mem_mib\":10,"
    "\"gpu_devices\":0,\"gpu_milli\":0,\"duration_us\":5,\"constraints\":\"\"}],"
    "\"submitted\":4,\"pending\":4,\"running\":0,\"finished\":0,\"failed\":0,\"abandoned\":0,"
    "\"started\":false,\"given_up\":false,\"over\":false,\"instance\":null,\"attempt\":0,"
    "\"placed\":\"00000\"}",
    /* line 20 */
    "{\"type\":\"instance\",\"instance\":0,\"incarnation\":3,\"module\":\"batch\"}",
    "{\"type\":\"instance\",\"instance\":1,\"incarnation\":4294967295,\"module\":\"\"}",
};

#define FIXTURE_DUMP_LINES (sizeof fixture_dump / sizeof *fixture_dump)

/* All lines, with the last one, of which `change` has replaced `from` by `to` in line `line` (from
 * 1; 0: none). `to` NULL drops the line. The caller's to free. */
static inline char *fixture_dump_text(long line, const char *from, const char *to)
{
    static char *text; /* open_memstream() keeps where it is */
    static size_t size;
    char sha256[SHA256_HEX];
    struct sha256 sha;
    unsigned lines = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    for (size_t i = 0; i < FIXTURE_DUMP_LINES; i++) {
        const char *given = fixture_dump[i];
        if ((long)i + 1 != line) {
            fprintf(out, "%s\n", given);
            lines++;
        } else if (to != NULL) {
            const char *at = strstr(given, from);
            ck_assert_msg(at != NULL, "line %ld does not hold '%s'", line, from);
            fprintf(out, "%.*s%s%s\n", (int)(at - given), given, to, at + strlen(from));
            lines++;
        }
    }
    fflush(out);
    sha256_init(&sha);
    sha256_add(&sha, text, size);
    sha256_finish(&sha, sha256);
    fprintf(out, "{\"type\":\"end\",\"lines\":%u,\"sha256\":\"%s\"}\n", lines, sha256);
    fclose(out);
    return text;
}

/* Reads bytes as a dump named "cell.dump". */
static inline int fixture_dump_read(const char *text, size_t size, struct cell_dump **dump,
                                    omega_error_t *err)
{
    FILE *stream =
        size == 0 ? fopen("/dev/null", "r") : fmemopen((void *)(uintptr_t)text, size, "r");
    ck_assert_ptr_nonnull(stream);
    int rc = cell_dump_read(stream, "cell.dump", dump, err);
    fclose(stream);
    return rc;
}

/* The bytes of a dump; the caller's to free. */
static inline char *fixture_dump_write(const struct cell_dump *dump)
{
    static char *text;
    static size_t size;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(cell_dump_write(dump, out, NULL), OMEGA_OK);
    fclose(out);
    return text;
}

#endif
