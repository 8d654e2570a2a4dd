#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a newcomer asks first: make help, omega help, and what the README names exists.
source "$(dirname "$0")/../support/shell.sh"
unset MAKEFLAGS MAKELEVEL MFLAGS

make -s help >"$T/help"
for target in all run install uninstall test test-full test-soak bench-sim bench-store \
    bench-conflicts bench-mapreduce bench-sweep bench-reference bench-live-agreement figures \
    check-style fuzz clean help; do
    check "make $target exists" grep -Eq "^$target:|^\.PHONY:.* $target( |\$)" Makefile
    if [ "$target" != all ]; then
        check "make help tells of $target" grep -Eq "^  make $target " "$T/help"
    fi
done
check "an unknown sanitizer is refused" fails_with 2 "unknown SANITIZER 'magic', expected address" \
    make -s SANITIZER=magic help

check "omega --help" "$OMEGA" --help
check "omega --version" "$OMEGA" --version
for command in run merge validate statistics compare find report trace schedulers cell \
    new-scheduler test-scheduler config; do
    check "omega --help names $command" grep -q "$command" <("$OMEGA" --help)
    check "omega $command --help" "$OMEGA" "$command" --help
done
check "an unknown command is a usage error" fails_with 2 "'frobnicate'" "$OMEGA" frobnicate

# Every path in a code span or link of the documents that looks like one of ours is there.
documents=$(find . -path ./build -prune -o -path ./.git -prune -o -name '*.md' -print)
for document in $documents; do
    missing=$(grep -oE '(`|\()(core|cellstate|schedulers|bench|tests|\.ci)/[A-Za-z0-9_./-]*(`|\))' \
        "$document" | tr -d '`()' | grep -v NAME | sort -u | while read -r path; do
        [ -e "$path" ] || [ -e "$(dirname "$document")/$path" ] || echo "$path"
    done)
    if [ -z "$missing" ]; then
        ok "$document names only what exists"
    else
        not_ok "$document names only what exists"
        printf '    %s\n' $missing
    fi
done
finish
