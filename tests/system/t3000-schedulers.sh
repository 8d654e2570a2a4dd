#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# omega schedulers: the shipped modules with their options, modules of one's own, precise refusals.
source "$(dirname "$0")/../support/shell.sh"
modules=$B/tests/modules

lists() { # lists REGEX ARGUMENTS...
    local regex=$1
    shift
    "$OMEGA" schedulers "$@" >"$T/list" && grep -Eq -- "$regex" "$T/list"
}
for module in batch first_fit reference service; do
    check "$module is listed with a summary" lists "^$module: .+"
done
check "options are listed with type, default, range and help" \
    lists "^ +probes +int +default 32 +1\.\.100000 +random machines"
check "a bool shows its default" lists "^ +spread +bool +default true +true\|false +"
check "choices are listed" lists "^ +mode +choice +default fair +fast\|fair\|slow +" \
    "$modules/options.so"
check "one shipped module by name" lists "^service: " service
check "the others are then left out" test "$(grep -c '^[a-z_]*: ' "$T/list")" = 1
check "--json is one array of objects" \
    lists '^\[$' --json
check "--json carries the options" lists '"name": "probes",' --json
check "--json carries the choices" lists '"choices": \[' --json "$modules/options.so"
check "the order of the list is that of names" \
    bash -c "'$OMEGA' schedulers | grep -o '^[a-z_]*: ' | LC_ALL=C sort -c"

refused() { # refused MODULE REGEX
    check "$1 is refused" fails_with 1 "^omega: .*$1.*$2" "$OMEGA" schedulers "$modules/$1.so"
}
refused bad_no_symbol "no symbol 'omega_scheduler_entry'"
refused bad_abi "scheduler ABI 48, expected 7"
refused bad_size "has [0-9]+ bytes in it, expected [0-9]+"
refused bad_no_place "place is missing"
refused bad_option "option 'beyond' is ill-formed"
check "a bad module does not keep the good ones from being listed" \
    bash -c "! '$OMEGA' schedulers '$modules/bad_abi.so' batch 2>/dev/null >'$T/out' &&
             grep -q '^batch: ' '$T/out'"
check "an unknown name lists the known ones" \
    fails_with 1 "no module 'bach', expected batch, first_fit" "$OMEGA" schedulers bach
check "an unknown path" fails_with 1 "none.so': No such file" "$OMEGA" schedulers "$T/none.so"
check "an unknown option" fails_with 2 "unknown option '--jsn'" "$OMEGA" schedulers --jsn

# A module built outside the tree, by the line that schedulers/README.md gives.
cp schedulers/first_fit.c "$T/mine.c"
root=$PWD
if command -v "${CC:-gcc}" >/dev/null; then
    check "a module builds outside the tree" \
        bash -c "cd '$T' && '${CC:-gcc}' -shared -fPIC -O2 -I'$root' mine.c -o mine.so"
    check "it is listed by its path" lists "^first_fit: " "$T/mine.so"
    check "it is found in OMEGA_MODULES" \
        env OMEGA_MODULES="/nonexistent:$T" "$OMEGA" schedulers mine
    check "it is in the list then" bash -c "OMEGA_MODULES='$T' '$OMEGA' schedulers |
                                            grep -q '$T/mine.so'"
else
    skip "a module of one's own" "no compiler"
fi
finish
