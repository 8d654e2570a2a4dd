#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The thread sanitizer finds races in code that uses liburcu through core/base/rcu.h, and nothing
# else: right use is silent, each planted race is reported, and each annotation is needed.
source "$(dirname "$0")/../support/shell.sh"

program=tests/data/races/races.c
sources="core/base/combine.c core/base/error.c cellstate/feed.c"
right="pointer queue combine feed"
planted="pointer-no-section pointer-no-wait pointer-no-publish queue-late-write"
planted+=" combine-unserved-write feed-kept-bytes"
export TSAN_OPTIONS="exitcode=66 atexit_sleep_ms=0"

# build COMPILER INCLUDE OUTPUT: with headers from INCLUDE before those of the tree.
build() {
    # shellcheck disable=SC2086
    "$1" -std=c11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -fsanitize=thread -I"$2" -I. \
        "$program" $sources -lurcu-bp -lurcu-common -lpthread -o "$3"
}

# silent PROGRAM CASE: no report.
silent() {
    timeout 120 "$1" "$2" >"$T/out" 2>&1 && ! grep -q ThreadSanitizer "$T/out" && return 0
    cat "$T/out"
    return 1
}

# reports PROGRAM CASE: a data race, and exits for that reason.
reports() {
    local code=0
    timeout 120 "$1" "$2" >"$T/out" 2>&1 || code=$?
    [ "$code" -eq 66 ] && grep -q '^WARNING: ThreadSanitizer: ' "$T/out" && return 0
    echo "exit code $code, expected 66 and a report"
    cat "$T/out"
    return 1
}

# without LINE: a copy of the header without the lines that contain LINE, which must be there.
without() {
    mkdir -p "$T/less/core/base"
    grep -vF -- "$1" core/base/rcu.h >"$T/less/core/base/rcu.h"
    ! cmp -s core/base/rcu.h "$T/less/core/base/rcu.h"
}

# annotation COMPILER LINE CASE: right use is reported wrongly as soon as the line is gone.
annotation() {
    without "$2" && build "$1" "$T/less" "$T/less/races" && reports "$T/less/races" "$3"
}

echo 'int main(void) { return 0; }' >"$T/probe.c"
for compiler in gcc clang; do
    if ! "$compiler" -fsanitize=thread "$T/probe.c" -o "$T/probe" >/dev/null 2>&1 ||
        ! "$T/probe" >/dev/null 2>&1; then
        skip "races, $compiler" "no $compiler with a thread sanitizer that runs here"
        continue
    fi
    races=$T/races-$compiler
    check "$compiler builds" build "$compiler" . "$races"
    for name in $right; do
        check "$compiler, $name: silent" silent "$races" "$name"
    done
    for name in $planted; do
        check "$compiler, $name: reported" reports "$races" "$name"
    done
    check "$compiler: rcu_read_unlock() needs its annotation" \
        annotation "$compiler" 'RCU_TSAN_RELEASE(&rcu_tsan_readers);' pointer
    check "$compiler: rcu_synchronize() needs its annotation" \
        annotation "$compiler" 'RCU_TSAN_ACQUIRE(&rcu_tsan_readers);' pointer
    check "$compiler: rcu_queue_push() needs its annotation" \
        annotation "$compiler" 'RCU_TSAN_RELEASE(node);' queue
    check "$compiler: what takes from a queue needs its annotation" \
        annotation "$compiler" 'RCU_TSAN_ACQUIRE(node);' queue
done
finish
