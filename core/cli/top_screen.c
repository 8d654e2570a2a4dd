/* SPDX-License-Identifier: MIT */
/* omega top on a terminal: the lines of top_text(), drawn by ncurses. */
#include <ncurses.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cli/top_private.h"

#define SLICE_MS 100 /* how soon a request to stop is seen */

struct screen {
    struct watch *watch;
    uint32_t first; /* scheduler shown */
};

static int no_memory(omega_error_t *err)
{
    return omega_error_set(err, OMEGA_ENOMEM, "no memory to draw");
}

/* Draws the last look. */
static int draw(struct screen *screen, omega_error_t *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return no_memory(err);
    }
    /* the last column stays free: a letter there would move the cursor to the next line */
    uint32_t columns = COLS > 1 ? (uint32_t)COLS : 2;
    uint32_t rows = LINES > 0 ? (uint32_t)LINES : 1;
    screen->first = top_text(screen->watch, columns, rows, screen->first, out);
    if (fclose(out) != 0) {
        free(text);
        return no_memory(err);
    }
    erase();
    int row = 0;
    for (const char *at = text; *at != '\0' && row < LINES; row++) {
        size_t length = strcspn(at, "\n");
        mvaddnstr(row, 0, at, (int)length);
        at += length + (at[length] == '\n');
    }
    refresh();
    free(text);
    return OMEGA_OK;
}

/* The next key, ERR if none comes in this time. 'q' where the terminal is gone: it stays readable,
 * and there is never a key. */
static int next_key(int wait_ms)
{
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
    int key = getch();
    if (key == ERR && poll(&keys, 1, wait_ms) > 0) {
        key = getch();
        return key == ERR ? 'q' : key;
    }
    return key;
}

/* Takes in keys until the interval is over: false to end. */
static bool take_keys(struct screen *screen, double interval_s, const volatile sig_atomic_t *stop,
                      omega_error_t *err)
{
    double left_ms;
    timeout(0);
    while (*stop == 0 && (left_ms = (interval_s - watch_since_s(screen->watch)) * 1000) > 0) {
        int key = next_key(left_ms < SLICE_MS ? (int)left_ms + 1 : SLICE_MS);
        switch (key) {
        case 'q':
        case 'Q':
            return false;
        case KEY_DOWN:
            screen->first++; /* as far as there are any: draw() */
            break;
        case KEY_UP:
            screen->first -= screen->first > 0;
            break;
        case KEY_RESIZE:
            break;
        default:
            continue;
        }
        if (draw(screen, err) != OMEGA_OK) {
            return false;
        }
    }
    return *stop == 0;
}

int top_screen(struct watch *watch, double interval_s, const volatile sig_atomic_t *stop,
               omega_error_t *err)
{
    struct screen screen = {.watch = watch};
    omega_error_t own = {0};
    SCREEN *terminal = newterm(NULL, stdout, stdin);
    if (terminal == NULL) {
        return 1;
    }
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, TRUE);
    int rc = OMEGA_OK;
    do {
        rc = watch_look(watch, &own);
        rc = rc == OMEGA_OK ? draw(&screen, &own) : rc;
    } while (rc == OMEGA_OK && take_keys(&screen, interval_s, stop, &own));
    endwin();
    delscreen(terminal);
    if (own.code != OMEGA_OK && err != NULL) {
        *err = own;
    }
    return own.code;
}
