/* SPDX-License-Identifier: MIT */
/* Whether another process is there: see process.h. */
#include "core/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum process_state process_look(int32_t pid, uint64_t *start)
{
    char path[64];
    char text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        close(fd);
    }
    if (got <= 0) { /* gone, or of another user where these see nothing of each other */
        return kill(pid, 0) == 0 || errno == EPERM ? PROCESS_HIDDEN : PROCESS_GONE;
    }
    text[got] = '\0';
    const char *name_end = strrchr(text, ')');
    char state;
    long threads;
    unsigned long long ticks;
    if (name_end == NULL || sscanf(name_end + 1,
                                   " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
                                   " %*s %*s %ld %*s %llu",
                                   &state, &threads, &ticks) != 3) {
        return PROCESS_HIDDEN;
    }
    *start = ticks;
    bool dead = (state == 'Z' || state == 'X') && threads <= 1; /* more: only main() has ended */
    return dead ? PROCESS_GONE : PROCESS_THERE;
}
