/* SPDX-License-Identifier: MIT */
/* A process that tries a module out: see confine.h. Handlers are async-signal-safe. */
#include "core/kit/confine.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/kit/lend.h"
#include "core/plugin/running.h"

#define STACK_BYTES (64u << 10)      /* of the handlers: a module may have used up its own */
#define MEMORY_MAX ((rlim_t)4 << 30) /* addresses of the process, in bytes */

static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

static char handler_stack[STACK_BYTES];
static struct finding *told;
static struct confine_limits allowed;
static uint32_t seconds;    /* since the beginning */
static uint32_t unanswered; /* seconds that the present call has taken */
static uint64_t calls;      /* as of the last second */
static volatile sig_atomic_t enough;

static void add(char *text, const char *more)
{
    size_t used = strlen(text);
    size_t length = strlen(more);
    if (used + length < sizeof told->text) {
        memcpy(text + used, more, length + 1);
    }
}

static void add_number(char *text, uint32_t number)
{
    char digits[12];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add(text, digits + at);
}

/* "in place() of module 'x' (scheduler 'y'), job 7", or where it is if not in the module. */
static void add_where(char *text)
{
    char where[256];
    if (running_describe(where, sizeof where) > 0) {
        add(text, " in ");
        add(text, where);
    } else {
        add(text, " between two calls: the module has damaged memory that is not its own");
    }
}

static void on_fatal(int number, siginfo_t *info, void *context)
{
    const char *what;
    const char *name;
    (void)context;
    if (!told->wrong) {
        bool lent =
            (number == SIGSEGV || number == SIGBUS) && lend_explain(info->si_addr, &what, &name);
        if (lent) {
            add(told->text, what);
            add(told->text, name);
            add(told->text, ",");
        } else {
            add(told->text, "crash, signal ");
            add_number(told->text, (uint32_t)number);
            add(told->text, ",");
        }
        add_where(told->text);
        told->wrong = true;
    }
    signal(number, SIG_DFL);
    raise(number);
}

/* Once a second. */
static void on_second(int number)
{
    (void)number;
    seconds++;
    unanswered = running_module() && calls == told->calls ? unanswered + 1 : 0;
    calls = told->calls;
    enough = enough || seconds >= allowed.total_s;
    if (unanswered > allowed.call_s && !told->wrong) {
        add(told->text, "has not returned for ");
        add_number(told->text, unanswered);
        add(told->text, " s,");
        add_where(told->text);
        told->wrong = true;
        raise(SIGKILL);
    }
}

/* exit() runs this first, before other handlers of the process. */
static void on_exit_in_module(void)
{
    if (running_module() && !told->wrong) {
        add(told->text, "called exit()");
        add_where(told->text);
        told->wrong = true;
    }
    running_leave(); /* so that nobody else tells of it */
}

static void catch_signals(void)
{
    stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof handler_stack};
    struct sigaction action = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction second = {.sa_handler = on_second, .sa_flags = SA_RESTART | SA_ONSTACK};
    struct itimerval every = {.it_interval = {.tv_sec = 1}, .it_value = {.tv_sec = 1}};
    sigaltstack(&stack, NULL);
    sigemptyset(&action.sa_mask);
    sigemptyset(&second.sa_mask);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) {
        sigaction(fatal[i], &action, NULL);
    }
    sigaction(SIGALRM, &second, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
}

static void limit(__rlimit_resource_t resource, rlim_t most)
{
    struct rlimit now;
    if (getrlimit(resource, &now) == 0 && (now.rlim_cur == RLIM_INFINITY || now.rlim_cur > most)) {
        now.rlim_cur = most;
        setrlimit(resource, &now);
    }
}

void confine(struct finding *finding, const struct confine_limits *limits)
{
    told = finding;
    allowed = *limits;
    catch_signals();
    atexit(on_exit_in_module);
    limit(RLIMIT_CORE, 0);
    if (!confine_sanitized()) { /* sanitizers reserve more addresses than there is memory */
        limit(RLIMIT_AS, MEMORY_MAX);
    }
    if (limits->output >= 0) {
        dup2(limits->output, STDOUT_FILENO);
        dup2(limits->output, STDERR_FILENO);
    }
}

bool confine_sanitized(void)
{
#ifdef OMEGA_DEBUG
    return true;
#else
    return dlsym(RTLD_DEFAULT, "__asan_init") != NULL || dlsym(RTLD_DEFAULT, "__tsan_init") != NULL;
#endif
}

bool confine_enough(void)
{
    return enough != 0;
}
