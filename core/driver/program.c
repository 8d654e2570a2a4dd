/* SPDX-License-Identifier: MIT */
/* Another program, run to its end: see program.h. */
#include "core/driver/program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Reads all there is and keeps what fits. */
static void collect(int fd, char *messages, size_t size)
{
    size_t length = 0;
    char block[4096];
    ssize_t got;
    while ((got = read(fd, block, sizeof block)) > 0 || (got < 0 && errno == EINTR)) {
        size_t room = size - 1 - length;
        size_t kept = got < 0 ? 0 : (size_t)got < room ? (size_t)got : room;
        memcpy(messages + length, block, kept);
        length += kept;
    }
    messages[length] = '\0';
}

static int wait_for(pid_t process, int *code, omega_error_t *err)
{
    int status = 0;
    while (waitpid(process, &status, 0) < 0) {
        if (errno != EINTR) {
            return omega_error_set_errno(err, NULL, "cannot wait for a process");
        }
    }
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 0;
}

/* The program's environment: its own entries, then ours, of which the first one of a name counts.
 * The list is owned by the caller. */
static char **environment_of(const struct program *program)
{
    size_t own = 0;
    size_t ours = 0;
    while (program->environment[own] != NULL) {
        own++;
    }
    while (environ[ours] != NULL) {
        ours++;
    }
    char **list = calloc(own + ours + 1, sizeof *list);
    size_t count = 0;
    for (size_t i = 0; list != NULL && i < own; i++) {
        list[count++] = (char *)(uintptr_t)program->environment[i];
    }
    for (size_t i = 0; list != NULL && i < ours; i++) {
        size_t name = strcspn(environ[i], "=");
        size_t k = 0;
        while (k < own && strncmp(environ[i], list[k], name + 1) != 0) {
            k++;
        }
        if (k == own) {
            list[count++] = environ[i];
        }
    }
    return list;
}

static int spawn(const struct program *program, char **environment, int out, pid_t *process)
{
    posix_spawn_file_actions_t actions;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0) {
        return rc;
    }
    rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    rc = rc == 0 ? posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) : rc;
    rc = rc == 0 ? posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO) : rc;
    rc = rc == 0 ? posix_spawn_file_actions_addchdir_np(&actions, program->directory) : rc;
    if (rc == 0) {
        rc = posix_spawnp(process, program->argv[0], &actions, NULL,
                          (char *const *)(uintptr_t)program->argv, environment);
    }
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

int program_run(const struct program *program, char *messages, size_t size, int *code,
                omega_error_t *err)
{
    int ends[2];
    pid_t process = 0;
    char **environment = environment_of(program);
    if (environment == NULL) {
        return omega_error_set(err, OMEGA_ENOMEM, "out of memory");
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        free(environment);
        return omega_error_set_errno(err, NULL, "cannot make a pipe");
    }
    int rc = spawn(program, environment, ends[1], &process);
    close(ends[1]);
    free(environment);
    if (rc != 0) {
        close(ends[0]);
        return omega_error_set(err, OMEGA_EIO,
                               "cannot start '%s': %s, expected it in PATH (Debian package %s)",
                               program->argv[0], strerror(rc), program->package);
    }
    collect(ends[0], messages, size);
    close(ends[0]);
    return wait_for(process, code, err);
}
