/* SPDX-License-Identifier: MIT */
/* Heat maps: see heat.h. Cells are boxes, no image: viewers of SVG and PDF blur small images. */
#include "core/report/heat.h"

#define LOG_RATIO 100.0

void heat_take(struct heat_scale *scale, double value)
{
    if (value > 0) {
        scale->least = value < scale->least ? value : scale->least;
        scale->most = value > scale->most ? value : scale->most;
    }
}

void heat_close(struct heat_scale *scale)
{
    scale->log = scale->most > LOG_RATIO * scale->least;
}

void heat_settings(const struct heat_scale *scale, const char *label, struct figure_panel *panel)
{
    panel->heat = true;
    if (scale->log) {
        fprintf(panel->settings, "set logscale cb\nset cbrange [%.12g:%.12g]\n", scale->least,
                scale->most);
    } else {
        fprintf(panel->settings, "set cbrange [0:%.12g]\n", scale->most > 0 ? scale->most : 1);
    }
    fputs("set cblabel ", panel->settings);
    figure_put_text(panel->settings, label);
    fputs(" offset 0.4,0\nset colorbox\nset cbtics scale 0.3 offset -0.6,0\n"
          "unset grid\nset style fill solid 1.0 noborder\n",
          panel->settings);
}

void heat_plot(const struct heat_scale *scale, uint32_t block, bool numbers,
               struct figure_panel *panel)
{
    fprintf(panel->plot,
            "data index %u using 1:2:(0.51):(0.51):($3 > 0 ? $3 : NaN) with boxxyerror lc palette "
            "notitle",
            block);
    if (numbers) {
        /* white on dark cells, black on light ones */
        fprintf(panel->plot,
                ", \\\n     data index %u using 1:2:(sprintf($3 < 100 ? '%%.3g' : '%%.0f', $3)):"
                "(%s > 0.5 ? 0x000000 : $3 > 0 ? 0xffffff : 0x7f7f7f) with labels "
                "tc rgb variable font small notitle",
                block,
                scale->log ? "$3 <= 0 ? 0 : log($3 / least) / log(most / least)" : "$3 / most");
    }
}
