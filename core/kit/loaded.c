/* SPDX-License-Identifier: MIT */
/*
 * Imports and writable memory of a loaded module: see loaded.h. Both are read from what the dynamic
 * loader has accepted and mapped, not from the file.
 */
#include "core/kit/loaded.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/kit/confine.h"

/* ---- judging ---- */

struct ban {
    const char *names; /* with a blank before and behind each */
    enum loaded_judgement judgement;
    const char *why;
};

static const struct ban bans[] = {
    {" rand srand rand_r random srandom random_r drand48 erand48 lrand48 nrand48 mrand48 jrand48 "
     "srand48 getrandom getentropy arc4random arc4random_uniform arc4random_buf ",
     LOADED_FORBIDDEN, "draws random numbers that differ from run to run: use host->random"},
    {" time clock clock_gettime gettimeofday timespec_get times localtime localtime_r gmtime "
     "clock_getres ftime mktime getrusage timer_create setitimer alarm ",
     LOADED_FORBIDDEN, "reads a clock: use host->now_us(), which is experiment time"},
    {" sleep usleep nanosleep clock_nanosleep select pselect poll epoll_wait pause "
     "pthread_mutex_lock pthread_cond_wait mtx_lock cnd_wait sem_wait sched_yield ",
     LOADED_FORBIDDEN, "waits: callbacks may not block"},
    {" pthread_create thrd_create fork vfork clone system popen posix_spawn posix_spawnp execve "
     "execv execvp execl execlp ",
     LOADED_FORBIDDEN, "starts threads or processes: a callback runs on one thread"},
    {" exit _exit _Exit quick_exit atexit kill raise signal sigaction sigprocmask longjmp "
     "__longjmp_chk siglongjmp ",
     LOADED_FORBIDDEN, "ends or diverts the process: use host->fail() and return"},
    {" open open64 openat creat read write pread pwrite fopen fopen64 fread fwrite fgets fclose "
     "unlink freopen opendir readdir stat fstat lstat getline getdelim fgetc getc getchar scanf "
     "fscanf __isoc99_scanf __isoc99_fscanf __isoc23_scanf __isoc23_fscanf pipe dup2 socket "
     "connect "
     "send recv mmap mmap64 mprotect sbrk ioctl fcntl prctl syscall dlopen dlsym shm_open shmget "
     "memfd_create ",
     LOADED_FORBIDDEN,
     "reaches files, memory or other processes: what it does may depend on "
     "nothing but its arguments"},
    {" getenv secure_getenv setenv unsetenv clearenv putenv getpid getppid gettid pthread_self "
     "gethostname uname sysconf get_nprocs getpagesize environ "
     "getauxval sched_getcpu ",
     LOADED_FORBIDDEN, "looks at the host: declare an option instead"},
    {" printf __printf_chk puts putchar fprintf __fprintf_chk vprintf __vprintf_chk vfprintf "
     "__vfprintf_chk dprintf __dprintf_chk vdprintf fputs fputc putc err errx warn warnx error "
     "psignal perror stdout stderr fflush syslog ",
     LOADED_FORBIDDEN, "prints: use host->log()"},
    {" setlocale srandom_r initstate setstate chdir umask mallopt fesetround fesetenv feupdateenv "
     "feenableexcept strtok hcreate ",
     LOADED_FORBIDDEN, "changes the whole process, and with it other schedulers"},
    {" qsort qsort_r ", LOADED_DOUBTFUL,
     "which orders elements that compare equal otherwise in other C libraries"},
    {" exp exp2 expm1 log log2 log10 log1p pow sin cos tan asin acos atan atan2 sinh cosh tanh "
     "cbrt "
     "hypot erf erfc lgamma tgamma sincos exp10 expf logf powf sinf cosf tanf log2f log10f exp2f ",
     LOADED_DOUBTFUL, "of libm: its last bit differs between CPUs, and so may results"},
};

static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; (at = strstr(at, word)) != NULL; at++) {
        if (at[-1] == ' ' && at[length] == ' ') {
            return true;
        }
    }
    return false;
}

enum loaded_judgement loaded_judge(const char *function, const char **why)
{
    *why = "";
    for (size_t i = 0; function[0] != '\0' && i < sizeof bans / sizeof *bans; i++) {
        if (has_word(bans[i].names, function)) {
            *why = bans[i].why;
            return bans[i].judgement;
        }
    }
    return LOADED_FINE;
}

/* ---- imports ---- */

/* Libraries that a C or C++ compiler links to by itself. */
static const char *const compilers[] = {"libc.so", "libm.so",      "libgcc_s.so", "libstdc++.so",
                                        "libc++",  "ld-linux",     "libasan.so",  "libubsan.so",
                                        "libtsan", "libclang_rt.", "linux-vdso"};

/* A module's dynamic section, as far as it is needed. */
struct dynamic {
    const ElfW(Sym) * symbols;
    const char *strings;
    const void *tables[3]; /* RELA, REL and the one of the procedure linkage table */
    size_t sizes[3];
    bool with_addend[3];
};

/* Addresses in it: moved to where the module lies, unless the loader has done so already. */
static const void *address_of(const struct link_map *map, ElfW(Addr) value)
{
    return (const void *)(value < map->l_addr ? value + map->l_addr : value);
}

static void read_dynamic(const struct link_map *map, struct dynamic *dynamic)
{
    *dynamic = (struct dynamic){.with_addend = {true, false, true}};
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        switch (entry->d_tag) {
        case DT_SYMTAB:
            dynamic->symbols = address_of(map, entry->d_un.d_ptr);
            break;
        case DT_STRTAB:
            dynamic->strings = address_of(map, entry->d_un.d_ptr);
            break;
        case DT_RELA:
            dynamic->tables[0] = address_of(map, entry->d_un.d_ptr);
            break;
        case DT_RELASZ:
            dynamic->sizes[0] = entry->d_un.d_val;
            break;
        case DT_REL:
            dynamic->tables[1] = address_of(map, entry->d_un.d_ptr);
            break;
        case DT_RELSZ:
            dynamic->sizes[1] = entry->d_un.d_val;
            break;
        case DT_JMPREL:
            dynamic->tables[2] = address_of(map, entry->d_un.d_ptr);
            break;
        case DT_PLTRELSZ:
            dynamic->sizes[2] = entry->d_un.d_val;
            break;
        case DT_PLTREL:
            dynamic->with_addend[2] = entry->d_un.d_val == DT_RELA;
            break;
        default:
            break;
        }
    }
}

static uint32_t symbol_of(ElfW(Xword) info)
{
#if __ELF_NATIVE_CLASS == 64
    return (uint32_t)ELF64_R_SYM(info);
#else
    return (uint32_t)ELF32_R_SYM((ElfW(Word))info);
#endif
}

static const struct link_map *map_of(const struct module *module)
{
    Dl_info info;
    void *map = NULL;
    if (dladdr1(module_scheduler(module), &info, &map, RTLD_DL_LINKMAP) == 0) {
        return NULL;
    }
    return map;
}

int loaded_imports(const struct module *module, void (*each)(void *context, const char *name),
                   void *context, omega_error_t *err)
{
    const struct link_map *map = map_of(module);
    struct dynamic dynamic;
    if (map == NULL) {
        return omega_error_set(err, OMEGA_EIO, "the loader does not know the module");
    }
    read_dynamic(map, &dynamic);
    for (int t = 0; dynamic.symbols != NULL && dynamic.strings != NULL && t < 3; t++) {
        size_t step = dynamic.with_addend[t] ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
        for (size_t at = 0; dynamic.tables[t] != NULL && at + step <= dynamic.sizes[t];
             at += step) {
            ElfW(Rel) entry; /* what both kinds begin with */
            memcpy(&entry, (const char *)dynamic.tables[t] + at, sizeof entry);
            const ElfW(Sym) *symbol = &dynamic.symbols[symbol_of(entry.r_info)];
            if (symbol->st_shndx == SHN_UNDEF && symbol->st_name != 0) {
                each(context, dynamic.strings + symbol->st_name);
            }
        }
    }
    return OMEGA_OK;
}

static bool is_compilers(const char *library)
{
    bool is = false;
    for (size_t i = 0; i < sizeof compilers / sizeof *compilers; i++) {
        is = is || strncmp(library, compilers[i], strlen(compilers[i])) == 0;
    }
    return is;
}

int loaded_libraries(const struct module *module, void (*each)(void *context, const char *name),
                     void *context, omega_error_t *err)
{
    const struct link_map *map = map_of(module);
    struct dynamic dynamic;
    if (map == NULL) {
        return omega_error_set(err, OMEGA_EIO, "the loader does not know the module");
    }
    read_dynamic(map, &dynamic);
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
        const char *name = dynamic.strings + entry->d_un.d_val;
        if (entry->d_tag == DT_NEEDED && !is_compilers(name)) {
            each(context, name);
        }
    }
    return OMEGA_OK;
}

/* ---- writable memory ---- */

struct loaded_data {
    const char *base;  /* where offset 0 of the module lies */
    const char *first; /* its writable memory, but for what the loader has made read-only */
    size_t size;
    char bytes[];
};

struct search {
    const struct link_map *map;
    ElfW(Addr) first;
    ElfW(Addr) end;
};

/* Finds the writable segment of the module; a part at its front may have been sealed. */
static int find_data(struct dl_phdr_info *info, size_t size, void *context)
{
    struct search *search = context;
    ElfW(Addr) sealed = 0;
    (void)size;
    if (info->dlpi_addr != search->map->l_addr) {
        return 0;
    }
    for (ElfW(Half) i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        ElfW(Addr) end = segment->p_vaddr + segment->p_memsz;
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W) != 0) {
            search->first = segment->p_vaddr;
            search->end = end;
        } else if (segment->p_type == PT_GNU_RELRO) {
            sealed = end;
        }
    }
    search->first = sealed > search->first && sealed <= search->end ? sealed : search->first;
    return 1;
}

bool loaded_data_visible(void)
{
    return !confine_sanitized(); /* it guards the gaps between variables */
}

struct loaded_data *loaded_data_keep(const struct module *module)
{
    struct search search = {.map = map_of(module)};
    if (!loaded_data_visible() || search.map == NULL || dl_iterate_phdr(find_data, &search) == 0 ||
        search.first == search.end) {
        return NULL;
    }
    size_t size = search.end - search.first;
    struct loaded_data *data = malloc(sizeof *data + size);
    if (data != NULL) {
        data->base = (const char *)search.map->l_addr;
        data->first = data->base + search.first;
        data->size = size;
        memcpy(data->bytes, data->first, size);
    }
    return data;
}

void loaded_data_free(struct loaded_data *data)
{
    free(data);
}

bool loaded_data_changed(const struct loaded_data *data, size_t *offset, size_t *bytes)
{
    *bytes = 0;
    for (size_t i = data == NULL ? 0 : data->size; i > 0; i--) {
        if (data->first[i - 1] != data->bytes[i - 1]) {
            *offset = (size_t)(data->first - data->base) + i - 1;
            (*bytes)++;
        }
    }
    return *bytes > 0;
}

struct thread_data {
    const struct link_map *map;
    const char *now;   /* of this thread; NULL = never used */
    const char *image; /* what it begins with; zeros behind it */
    size_t image_size;
    size_t size;
};

static int find_thread_data(struct dl_phdr_info *info, size_t size, void *context)
{
    struct thread_data *data = context;
    (void)size;
    if (info->dlpi_addr != data->map->l_addr) {
        return 0;
    }
    for (ElfW(Half) i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_TLS) {
            data->now = info->dlpi_tls_data;
            data->image = (const char *)(info->dlpi_addr + segment->p_vaddr);
            data->image_size = segment->p_filesz;
            data->size = segment->p_memsz;
        }
    }
    return 1;
}

bool loaded_thread_data_changed(const struct module *module)
{
    struct thread_data data = {.map = map_of(module)};
    if (data.map == NULL || dl_iterate_phdr(find_thread_data, &data) == 0 || data.now == NULL) {
        return false;
    }
    bool changed = memcmp(data.now, data.image, data.image_size) != 0;
    for (size_t i = data.image_size; i < data.size; i++) {
        changed = changed || data.now[i] != 0;
    }
    return changed;
}
