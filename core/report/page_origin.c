/* SPDX-License-Identifier: MIT */
/* Where results come from, on the page: the experiment, its inputs, how to run it again. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/analysis/lines.h"
#include "core/experiment/outputs.h"
#include "core/report/html.h"
#include "core/report/page_private.h"

#define SEEDS_SHOWN 50u

/* ---- the experiment ---- */

static void put_indented(const char *text, FILE *out)
{
    json_t *object = json_loads(text, 0, NULL);
    char *indented = object == NULL ? NULL : json_dumps(object, JSON_INDENT(2) | JSON_SORT_KEYS);
    fputs("<pre>", out);
    html_text(out, indented == NULL ? text : indented);
    fputs("</pre>\n", out);
    free(indented);
    json_decref(object);
}

static bool says_live(const json_t *object)
{
    const char *driver = json_string_value(json_object_get(object, "driver"));
    return driver != NULL && strcmp(driver, "live") == 0;
}

/* Of the experiment itself, or of one of its variants. */
static bool is_live(const char *text)
{
    json_t *experiment = json_loads(text, 0, NULL);
    json_t *variants = json_object_get(experiment, "variants");
    bool live = says_live(experiment);
    for (size_t i = 0; !live && i < json_array_size(variants); i++) {
        live = says_live(json_object_get(json_array_get(variants, i), "set"));
    }
    json_decref(experiment);
    return live;
}

bool page_tells_live(const struct report *report)
{
    for (uint32_t i = 0; result_set_source(report->set, i) != NULL; i++) {
        if (report->experiments[i] != NULL && is_live(report->experiments[i])) {
            return true;
        }
    }
    for (uint32_t c = 0; c < report->configuration_count; c++) {
        const struct result_configuration *of = result_set_configuration(report->set, c);
        for (uint32_t i = 0; i < of->parameter_count; i++) {
            const struct result_parameter *parameter = &of->parameter_list[i];
            if (strcmp(parameter->path, "driver") == 0 &&
                strcmp(parameter->value, "\"live\"") == 0) {
                return true;
            }
        }
    }
    return false;
}

static void put_experiments(const struct report *report, FILE *out)
{
    const struct result_source *source;
    fputs("<h2 id=\"configuration\">Configuration</h2>\n"
          "<p>The experiment after <code>--set</code> and <code>--seed</code>, normalised: keys "
          "sorted, without description and what is recorded; keys that are missing have their "
          "defaults.</p>\n",
          out);
    for (uint32_t i = 0; (source = result_set_source(report->set, i)) != NULL; i++) {
        if (report_is_known(report, i)) {
            continue;
        }
        fputs("<details open><summary>SHA-256 <code>", out);
        html_text(out, source->sha256);
        fputs("</code></summary>\n", out);
        if (report->experiments[i] != NULL) {
            put_indented(report->experiments[i], out);
        } else {
            fputs("<p>Its text is not among the result files.</p>\n", out);
        }
        fputs("</details>\n", out);
    }
}

/* ---- how to reproduce it ---- */

static void put_inputs(const struct result_source *source, FILE *out)
{
    FILE *stream = fopen(source->file, "re");
    struct lines lines = {.stream = stream,
                          .file = source->file,
                          .of = "the head of results",
                          .max = RESULT_LINE_BYTES_MAX};
    json_t *head = stream != NULL && lines_next(&lines, NULL) == 1
                       ? json_loadb(lines.line, lines.size, 0, NULL)
                       : NULL;
    const json_t *inputs = json_object_get(head, "inputs");
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *input = json_array_get(inputs, i);
        const char *path = json_string_value(json_object_get(input, "path"));
        const char *sha256 = json_string_value(json_object_get(input, "sha256"));
        if (path != NULL && sha256 != NULL) {
            fputs("<li>input <code>", out);
            html_text(out, path);
            fputs("</code>, SHA-256 <code>", out);
            html_text(out, sha256);
            fputs("</code></li>\n", out);
        }
    }
    json_decref(head);
    lines_release(&lines);
    if (stream != NULL) {
        fclose(stream);
    }
}

static void put_seeds(const struct report *report, FILE *out)
{
    const struct result_configuration *first = result_set_configuration(report->set, 0);
    bool same = true;
    for (uint32_t c = 1; c < report->configuration_count; c++) {
        const struct result_configuration *other = result_set_configuration(report->set, c);
        same = same && other->seed_count == first->seed_count &&
               memcmp(other->seeds, first->seeds, first->seed_count * sizeof *first->seeds) == 0;
    }
    fprintf(out, "<li>%u seed%s%s: <code>", first->seed_count, first->seed_count == 1 ? "" : "s",
            same ? "" : " of the first configuration (others have others)");
    for (uint32_t i = 0; i < first->seed_count && i < SEEDS_SHOWN; i++) {
        fprintf(out, "%s%" PRIu64, i > 0 ? ", " : "", first->seeds[i]);
    }
    fprintf(out, "%s</code></li>\n", first->seed_count > SEEDS_SHOWN ? ", ..." : "");
}

static void put_commands(const struct report *report, FILE *out)
{
    bool log = false;
    for (uint32_t i = 0; result_set_source(report->set, i) != NULL; i++) {
        log = log || report_has_file(report, i, "log");
    }
    fputs("<pre>", out);
    if (report->experiments[0] != NULL) {
        fprintf(out, "omega run " OUTPUT_EXPERIMENT_NAME " --out again     # the one above%s\n",
                page_tells_live(report) ? "; no live run is like another" : ": the same digests");
    }
    fprintf(out,
            "omega report again                   # this page\n"
            "%s</pre>\n",
            log ? "omega check-log DIR                  # proves the results from the run's log\n"
                : "");
}

static void put_digests(const struct report *report, FILE *out)
{
    fputs("<details><summary>Digests: two runs with the same digest did the same</summary>\n"
          "<div class=\"scroll\"><table>\n<thead><tr><th class=\"l\">configuration</th>"
          "<th>seed</th><th class=\"l\">digest</th><th class=\"l\">check</th></tr></thead>\n"
          "<tbody>\n",
          out);
    for (uint32_t c = 0; c < report->configuration_count; c++) {
        const struct result_configuration *of = result_set_configuration(report->set, c);
        for (uint32_t i = 0; i < of->seed_count; i++) {
            const struct result_row *row = result_set_row(report->set, c, i, RESULT_CELL, "cell");
            const char *digest = row == NULL ? NULL : result_row_text(report->set, row, "digest");
            const char *check = row == NULL ? NULL : result_row_text(report->set, row, "check");
            fputs("<tr><td class=\"l\">", out);
            html_text(out, report->labels[c]);
            fprintf(out, "</td><td>%" PRIu64 "</td><td class=\"l\"><code>", of->seeds[i]);
            html_text(out, digest == NULL ? "-" : digest);
            fputs("</code></td><td class=\"l\">", out);
            html_text(out, check == NULL ? "-" : check);
            fputs("</td></tr>\n", out);
        }
    }
    fputs("</tbody></table></div></details>\n", out);
}

void page_origin(const struct report *report, FILE *out)
{
    const struct result_source *source;
    put_experiments(report, out);
    fputs("<h2 id=\"reproduce\">How to reproduce it</h2>\n", out);
    put_commands(report, out);
    fputs("<ul>\n<li>omega version <code>", out);
    html_text(out, result_set_source(report->set, 0)->omega);
    fputs("</code></li>\n", out);
    put_seeds(report, out);
    for (uint32_t i = 0; (source = result_set_source(report->set, i)) != NULL; i++) {
        if (!report_is_known(report, i)) {
            fputs("<li>experiment, SHA-256 <code>", out);
            html_text(out, source->sha256);
            fputs("</code></li>\n", out);
            put_inputs(source, out);
        }
    }
    fputs("</ul>\n", out);
    put_digests(report, out);
}
