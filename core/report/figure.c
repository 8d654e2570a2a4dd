/* SPDX-License-Identifier: MIT */
/* Figures: see figure.h. Lengths are inches, since the width of a column of a paper is given. */
#include "core/report/figure.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define NARROW_IN 3.33 /* a column of a paper of two columns */
#define WIDE_IN 7.0    /* both */
#define TITLE_IN 0.21
#define TOP_IN 0.08
#define RIGHT_IN 0.2 /* half of the last number below an axis */
#define AXIS_IN 0.09 /* from the left edge of a panel to the middle of what its y axis is called */
#define COLOUR_BOX_IN 0.82
#define KEY_LINE_IN 0.165
#define KEY_SHOWN_MAX 40 /* characters of an entry: as many as fit in a column */
#define KEY_SAMPLE_IN 0.52
#define KEY_SPARE                                                                                  \
    5 /* gnuplot takes texts for so much wider: one in five; it would make one column */
#define CHARACTER_IN 0.067 /* of 8 points, of a wide font: rather too much */

static const char *const styles[FIGURE_STYLES] = {
    /* Okabe and Ito's colours, told apart without trouble by the colour-blind; dashes and points do
     * it in grey print. Neighbours differ in lightness. */
    "lc rgb '#0072B2' dt 1 pt 7",       "lc rgb '#E69F00' dt (9,3) pt 5",
    "lc rgb '#000000' dt (3,3) pt 9",   "lc rgb '#CC79A7' dt (9,3,2,3) pt 13",
    "lc rgb '#009E73' dt (14,4) pt 11", "lc rgb '#D55E00' dt (6,2,2,2,2,2) pt 6",
    "lc rgb '#56B4E9' dt (2,2) pt 4",   "lc rgb '#7F7F7F' dt 1 pt 8",
};

/* ---- data ---- */

int figure_begin(struct figure *figure, struct pool *pool, const char *folder, const char *name,
                 omega_error_t *err)
{
    *figure = (struct figure){
        .pool = pool, .name = name, .panel_height_in = 1.45, .left_in = 0.62, .bottom_in = 0.44};
    figure->data_path = pool_format(pool, "%s/%s.dat", folder, name);
    if (figure->data_path == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    figure->data = fopen(figure->data_path, "wxe");
    if (figure->data == NULL) {
        return omega_error_set_errno(err, figure->data_path, "cannot make it");
    }
    return 0;
}

uint32_t figure_block(struct figure *figure, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    for (char *at = text; *at != '\0'; at++) {
        *at = *at < 0x20 || *at > 0x7e ? '?' : *at;
    }
    fprintf(figure->data, "%s# %s\n", figure->blocks > 0 ? "\n\n" : "", text);
    return figure->blocks++;
}

void figure_number(struct figure *figure, double value)
{
    if (isfinite(value)) {
        fprintf(figure->data, " %.12g", value);
    } else {
        fputs(" NaN", figure->data);
    }
}

/* ---- panels and legend ---- */

void figure_put_text(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text != '\0'; text++) {
        bool safe = *text >= 0x20 && *text <= 0x7e && strchr("'`\\", *text) == NULL;
        fputc(safe ? *text : '?', out);
    }
    fputc('\'', out);
}

struct figure_panel *figure_panel(struct figure *figure, const char *title, const char *axis)
{
    struct figure_panel *panel = &figure->panels[figure->panel_count];
    if (figure->panel_count == FIGURE_PANELS_MAX) {
        return NULL;
    }
    panel->settings = open_memstream(&panel->settings_text, &panel->settings_size);
    panel->plot = open_memstream(&panel->plot_text, &panel->plot_size);
    panel->axis = axis;
    figure->panel_count++;
    if (panel->settings == NULL || panel->plot == NULL) {
        return NULL;
    }
    panel->title = title == NULL || *title == '\0' ? NULL : pool_text(figure->pool, title);
    return panel;
}

/* Text of at most `room` characters; what is longer loses some behind its first third, since names
 * that begin alike differ at their ends. */
static const char *shorten(struct pool *pool, const char *text, size_t room)
{
    size_t length = strlen(text);
    size_t kept = room < 6 ? 3 : room - 3;
    size_t first = kept / 3;
    return length <= room
               ? pool_text(pool, text)
               : pool_format(pool, "%.*s...%s", (int)first, text, text + length - (kept - first));
}

void figure_key_as(struct figure *figure, const char *how, const char *text)
{
    const char *kept = shorten(figure->pool, text, KEY_SHOWN_MAX);
    char *sample = pool_text(figure->pool, how);
    if (figure->key_count < FIGURE_KEYS_MAX && kept != NULL && sample != NULL) {
        figure->keys[figure->key_count++] = (struct figure_key){.how = sample, .text = kept};
    }
}

void figure_key(struct figure *figure, const char *with, uint32_t style, const char *text)
{
    char how[64];
    snprintf(how, sizeof how, "with %s ls %u", with, style % FIGURE_STYLES + 1);
    figure_key_as(figure, how, text);
}

/* ---- the script ---- */

struct layout {
    double width;
    double height;
    double key_height;
    double cell_width; /* a panel with its labels */
    double cell_height;
    uint32_t columns;
    uint32_t key_columns;
    uint32_t key_spare; /* characters by which gnuplot takes the longest entry for too long */
};

static void lay_out_key(const struct figure *figure, struct layout *layout)
{
    size_t longest = 1;
    for (uint32_t i = 0; i < figure->key_count; i++) {
        size_t length = strlen(figure->keys[i].text);
        longest = length > longest ? length : longest;
    }
    layout->key_spare = (uint32_t)(longest / KEY_SPARE) + 1;
    double entry = KEY_SAMPLE_IN + CHARACTER_IN * (double)longest;
    layout->key_columns = layout->width > 2 * entry ? (uint32_t)(layout->width / entry) : 1;
    uint32_t rows = (figure->key_count + layout->key_columns - 1) / layout->key_columns;
    layout->key_height = rows == 0 ? 0 : KEY_LINE_IN * rows + 0.06;
}

static void lay_out(const struct figure *figure, struct layout *layout)
{
    static const uint32_t columns[] = {1, 1, 2, 3, 2, 3, 3};
    uint32_t panels = figure->panel_count;
    bool heat = panels > 0 && figure->panels[0].heat;
    bool named = panels > 0 && figure->panels[0].title != NULL;
    layout->columns = panels >= sizeof columns / sizeof columns[0] ? 3 : columns[panels];
    if (heat && layout->columns > 2) {
        layout->columns = 2;
    }
    layout->width = panels <= 1 ? NARROW_IN : WIDE_IN;
    lay_out_key(figure, layout);
    uint32_t rows = panels == 0 ? 1 : (panels + layout->columns - 1) / layout->columns;
    layout->cell_width = layout->width / layout->columns;
    layout->cell_height = figure->panel_height_in + figure->bottom_in + (named ? TITLE_IN : TOP_IN);
    layout->height = layout->key_height + rows * layout->cell_height;
}

static void put_head(const struct figure *figure, const struct layout *layout, FILE *out)
{
    fprintf(
        out,
        "# %s: gnuplot -e \"format='pdf'\" %s.gp draws %s.pdf; the same for svg and png\n"
        "if (!exists('format')) format = 'pdf'\n"
        "width = %.3f  # inches\n"
        "height = %.3f\n"
        "if (format eq 'pdf') {\n"
        "    set terminal pdfcairo noenhanced size width,height font 'Helvetica,8' fontscale 1 \\\n"
        "        linewidth 1 dashlength 0.7\n"
        "} else { if (format eq 'svg') {\n"
        "    set terminal svg noenhanced size 144*width,144*height dynamic \\\n"
        "        font 'sans-serif,16' linewidth 1.6 dashlength 0.7 background 'white'\n"
        "} else {\n"
        "    set terminal pngcairo noenhanced size 300*width,300*height font 'Helvetica,8' \\\n"
        "        fontscale 3.125 linewidth 3.5 pointscale 3.5 dashlength 0.7\n"
        "} }\n"
        "set output '%s.'.format\n"
        "data = '%s.dat'\n"
        "small = format eq 'svg' ? ',12' : ',6'  # a font of 6 points\n"
        "\n",
        figure->name, figure->name, figure->name, layout->width, layout->height, figure->name,
        figure->name);
    for (uint32_t i = 0; i < FIGURE_STYLES; i++) {
        fprintf(out, "set style line %u %s lw 1.5 ps 0.5\n", i + 1, styles[i]);
    }
    fputs("# a scale from dark to light (cividis), even to the eye and in grey\n"
          "set palette defined (0 '#00204d', 1 '#31446b', 2 '#666970', 3 '#958f78', "
          "4 '#cbba69', 5 '#ffea46')\n"
          "set tics scale 0.5 nomirror\n"
          "set grid lc rgb '#d0d0d0' lw 0.5 dt 1\n"
          "set border 3 lw 0.7\n"
          "set pointintervalbox 0.01  # a point leaves the bar through it as it is\n\n"
          "set multiplot\n",
          out);
}

static void put_key(const struct figure *figure, const struct layout *layout, FILE *out)
{
    if (figure->key_count == 0) {
        return;
    }
    fprintf(out,
            "\n# the legend, above the panels\n"
            "set lmargin at screen 0\nset rmargin at screen 1\n"
            "set bmargin at screen %.5f\nset tmargin at screen 1\n"
            "unset border; unset tics; unset grid\n"
            "set xrange [0:1]; set yrange [0:1]\n"
            "set key center center horizontal Left reverse maxcols %u samplen 2 width -%u spacing "
            "1\n"
            "plot ",
            1 - layout->key_height / layout->height, layout->key_columns, layout->key_spare);
    for (uint32_t i = 0; i < figure->key_count; i++) {
        fprintf(out, "%sNaN %s title ", i == 0 ? "" : ", \\\n     ", figure->keys[i].how);
        figure_put_text(out, figure->keys[i].text);
    }
    fputs("\nunset key\nset border 3 lw 0.7\nset tics scale 0.5 nomirror\n"
          "set grid lc rgb '#d0d0d0' lw 0.5 dt 1\n",
          out);
}

/* The title, centred above the axes and no longer than there is room on either side of that. */
static void put_title(const struct figure *figure, const char *title, double left, double right,
                      double width, FILE *out)
{
    double middle = (left + right) / 2;
    double half = middle < width - middle ? middle : width - middle;
    const char *kept =
        title == NULL ? NULL : shorten(figure->pool, title, (size_t)(2 * half / CHARACTER_IN));
    if (kept != NULL) {
        fputs("set title ", out);
        figure_put_text(out, kept);
        fputs(" offset 0,-0.6\n", out);
    }
}

/* What the y axis is, at one place whatever its numbers: gnuplot puts it beside them and takes
 * those of SVG for wider than they are, so that some of it would be cut. */
static void put_axis(const struct layout *layout, const char *axis, double left, double middle,
                     FILE *out)
{
    fputs("set label 1 ", out);
    figure_put_text(out, axis);
    fprintf(out, " at screen %.5f, screen %.5f center rotate by 90\n",
            (left + AXIS_IN) / layout->width, middle / layout->height);
}

/* Of the figure's panels, the one at this position. */
static void put_panel(const struct figure *figure, const struct layout *layout, uint32_t index,
                      FILE *out)
{
    const struct figure_panel *panel = &figure->panels[index];
    double left = index % layout->columns * layout->cell_width;
    double bottom = layout->height - layout->key_height -
                    (index / layout->columns + 1) * layout->cell_height + figure->bottom_in;
    double right = left + layout->cell_width - (panel->heat ? COLOUR_BOX_IN : RIGHT_IN);
    fprintf(out,
            "\n# panel %u\n"
            "set lmargin at screen %.5f\nset rmargin at screen %.5f\n"
            "set bmargin at screen %.5f\nset tmargin at screen %.5f\n"
            "unset title; unset logscale; unset xlabel; unset label; unset key\n"
            "set xrange [*:*]; set yrange [*:*]; set xtics autofreq nomirror; set ytics autofreq "
            "nomirror\n"
            "set format '%%g'\n",
            index + 1, (left + figure->left_in) / layout->width, right / layout->width,
            bottom / layout->height, (bottom + figure->panel_height_in) / layout->height);
    put_title(figure, panel->title, figure->left_in, right - left, layout->cell_width, out);
    put_axis(layout, panel->axis, left, bottom + figure->panel_height_in / 2, out);
    fputs(panel->settings_text, out);
    if (!panel->heat) {
        fputs("set xtics nomirror scale 0.5\nset ytics nomirror scale 0.5\n", out);
    }
    fprintf(out, "plot %s\n", panel->plot_text);
}

static int close_panels(struct figure *figure)
{
    int rc = 0;
    for (uint32_t i = 0; i < figure->panel_count; i++) {
        struct figure_panel *panel = &figure->panels[i];
        rc |= panel->settings == NULL || fclose(panel->settings) != 0;
        rc |= panel->plot == NULL || fclose(panel->plot) != 0;
        panel->settings = NULL;
        panel->plot = NULL;
    }
    return rc;
}

static void free_panels(struct figure *figure)
{
    for (uint32_t i = 0; i < figure->panel_count; i++) {
        free(figure->panels[i].settings_text);
        free(figure->panels[i].plot_text);
    }
    figure->panel_count = 0;
}

static int write_script(const struct figure *figure, const char *path, omega_error_t *err)
{
    struct layout layout;
    FILE *out = fopen(path, "wxe");
    if (out == NULL) {
        return omega_error_set_errno(err, path, "cannot make it");
    }
    lay_out(figure, &layout);
    put_head(figure, &layout, out);
    put_key(figure, &layout, out);
    for (uint32_t i = 0; i < figure->panel_count; i++) {
        put_panel(figure, &layout, i, out);
    }
    fputs("\nunset multiplot\nset output\n", out);
    bool failed = ferror(out) != 0;
    failed = fclose(out) != 0 || failed;
    return failed ? omega_error_set_errno(err, path, "cannot write") : 0;
}

int figure_end(struct figure *figure, const char *folder, omega_error_t *err)
{
    bool failed = ferror(figure->data) != 0;
    failed = fclose(figure->data) != 0 || failed;
    figure->data = NULL;
    int rc = failed ? omega_error_set_errno(err, figure->data_path, "cannot write") : 0;
    char *path = pool_format(figure->pool, "%s/%s.gp", folder, figure->name);
    if (rc == 0 && (close_panels(figure) != 0 || path == NULL)) {
        rc = omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    rc = rc == 0 ? write_script(figure, path, err) : rc;
    figure_abort(figure);
    return rc;
}

void figure_abort(struct figure *figure)
{
    if (figure->data != NULL) {
        fclose(figure->data);
        figure->data = NULL;
    }
    close_panels(figure);
    free_panels(figure);
}
