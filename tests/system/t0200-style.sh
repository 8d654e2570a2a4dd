#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The tree keeps its habits, and the check that says so can fail.
source "$(dirname "$0")/../support/shell.sh"

check "the tree keeps its habits" tests/check-style

c_file() { printf '%s\n' '/* SPDX-License-Identifier: MIT */' '/* A file. */' "$@"; }

# spoiled NAME REGEX FILE: the check complains when FILE has the content of stdin.
spoiled() {
    rm -rf "$T/tree"
    mkdir -p "$T/tree/$(dirname "$3")" "$T/tree/core/base"
    c_file 'int sound;' >"$T/tree/core/base/good.c"
    cat >"$T/tree/$3"
    if B=none tests/check-style "$T/tree" >"$T/out"; then
        not_ok "$1"
    elif grep -Eq "$2" "$T/out"; then
        ok "$1"
    else
        not_ok "$1"
        sed 's/^/    /' "$T/out"
    fi
}

# body LINES: a function of that many lines.
body() {
    printf '%s\n' 'int f(void)' '{'
    seq -f '    x(%g);' 1 "$(($1 - 3))"
    printf '%s\n' '}' ''
}

echo 'int x;' | spoiled "SPDX line" 'a.c:1: first line is no SPDX' core/base/a.c
printf '%s\n' '/* SPDX-License-Identifier: MIT */' 'int x;' |
    spoiled "purpose of a file" 'a.c:2: no purpose' core/base/a.c
c_file "int x; /* $(printf '%095d' 0) */" | spoiled "long line" 'a.c:3: 108 columns' core/base/a.c
c_file "$(printf '\tint x;')" | spoiled "tab" 'a.c:3: a tab' core/base/a.c
c_file "/* TO""DO: more */" | spoiled "leftover" 'a.c:3: a leftover' core/base/a.c
c_file "$(body 101)" | spoiled "function above 100 lines" 'a.c:3: a function of 101' core/base/a.c
c_file "$(body 61)" "$(for ((i = 0; i < 20; i++)); do body 5; done)" |
    spoiled "share of long functions" '1 of 21 functions are above 60' core/base/a.c
c_file 'void f(char *a) { strcpy(a, "b"); }' |
    spoiled "strcpy" 'a.c:3: "strcpy" is banned' core/base/a.c
c_file '/* no strcpy() */ const char *s = "strcpy("; // strcpy(' 'int f(void) { rand(); }' |
    spoiled "rand, and comments are not calls" 'a.c:4: "rand" is banned' core/base/a.c
c_file 'long f(void) { return time(0); }' | spoiled "clock" 'a.c:3: "time" is banned' core/base/a.c
c_file 'long f(void) { return time(0); }' |
    spoiled "time of day in the lmdb store" 'a.c:3: "time" is banned' cellstate/lmdb_a.c
for file in cellstate/a.c cellstate/lmdb_a.h core/base/lmdb_a.c; do
    c_file 'void f(void) { clock_gettime(0, 0); }' |
        spoiled "clock in $file" ':3: "clock_gettime" is banned.*in cellstate/lmdb_\*.c' "$file"
done
for call in pthread_create thrd_create vfork posix_spawn posix_spawnp system popen; do
    for file in cellstate/lmdb_a.c core/cli/a.c; do
        c_file "void f(void) { $call(0); }" |
            spoiled "$call in $file" ":3: \"$call\" is banned, expected threads and" "$file"
    done
done
c_file 'void f(void) { fork(); }' |
    spoiled "fork" 'a.c:3: "fork" is banned, expected processes' core/experiment/a.c
c_file 'void f(void) { exit(1); }' | spoiled "exit" 'a.c:3: "exit" is banned' core/base/a.c
c_file '' 'int f(void);' |
    spoiled "bare prototype" '1 of 1 prototypes carry no comment' core/base/a.h

# sound NAME FILE: no complaint when FILE has the content of stdin.
sound() {
    rm -rf "$T/tree"
    mkdir -p "$T/tree/$(dirname "$2")"
    cat >"$T/tree/$2"
    check "sound: $1" env B=none tests/check-style "$T/tree"
}

c_file 'long f(void) { return time(0); }' | sound "clocks in the driver" core/driver/a.c
c_file 'void f(void) { clock_gettime(0, 0); }' | sound "clock in the lmdb store" cellstate/lmdb_a.c
c_file 'void f(void) { pthread_create(0, 0, 0, 0); fork(); }' |
    sound "threads and processes in the driver" core/driver/a.c
c_file 'long f(void) { return time(0); }' | sound "clocks in the live driver" core/live/a.c
c_file 'void f(void) { pthread_create(0, 0, 0, 0); fork(); }' |
    sound "threads and processes in the live driver" core/live/a.c
c_file 'void f(void) { fork(); }' | sound "processes of the command" core/cli/a.c
c_file 'void f(void) { _exit(0); }' | sound "the end of a process of a driver" core/driver/a.c
c_file 'void f(void) { _exit(0); }' |
    spoiled "_exit" 'a.c:3: "_exit" is banned, expected library code' core/experiment/a.c
c_file 'void f(struct x *x) { x->time(0); my_exit(1); }' | sound "other names" core/base/a.c
c_file "$(body 61)" "$(for ((i = 0; i < 40; i++)); do body 5; done)" |
    sound "a few long functions" core/base/a.c
c_file '/* Does f. */' 'int f(int a,' '      int b);' 'int g(void);' '' 'int h(void); /* h */' |
    sound "documented prototypes" core/base/a.h

# A module that keeps writable data, and one that calls for more than the plainest C.
mkdir -p "$T/tree/core/base" "$T/so/schedulers"
module() {
    echo "$3" >"$T/m.c"
    ${CC:-gcc} -shared -fPIC -o "$T/so/schedulers/m.so" "$T/m.c"
    B=$T/so tests/check-style "$T/tree" >"$T/out"
    if grep -q "$2" "$T/out"; then
        ok "$1"
    else
        not_ok "$1"
    fi
}
module "module with writable data" 'has writable data "hits"' \
    'static int hits; int f(void) { return hits++; }'
module "module that reads a clock" 'needs "time"' \
    'long time(long *); long f(void) { return time(0); }'
finish
