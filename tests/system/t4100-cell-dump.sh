#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# omega cell export and load: round trips across modes and places, and bad dumps leave nothing.
source "$(dirname "$0")/../support/shell.sh"
helper=$B/tests/unit/core/workload/check_cell_load
small=tests/fuzz/corpus/cell_dump/whole # one of everything, by hand

fails() { # fails NAME REGEX ARGUMENTS...
    local name=$1 regex=$2
    shift 2
    check "$name" fails_with 1 "$regex" "$OMEGA" cell "$@"
}
says() { # says REGEX ARGUMENTS...
    local regex=$1
    shift
    "$OMEGA" cell "$@" >"$T/says" && grep -Eq -- "$regex" "$T/says"
}
check "a cell with real content" env OMEGA_TEST_CELL="$T/real" "$helper"
check "it is exported" "$OMEGA" cell export "$T/real" "$T/real.dump"
check "an export is as readable as other files" \
    test "$(stat -c %a "$T/real.dump")" = "$(touch "$T/f" && stat -c %a "$T/f")"
check "the same to standard output" cmp "$T/real.dump" <("$OMEGA" cell export "$T/real")
check "and to -" cmp "$T/real.dump" <("$OMEGA" cell export "$T/real" -)
check "an export over an export" "$OMEGA" cell export "$T/real" "$T/real.dump"
for mode in pwrite fast power; do
    counts='12 machines, [0-9]+ placements, [0-9]+ jobs, 3 instances, version [0-9]+'
    check "load, mode $mode" says "^$T/$mode: $counts, mode $mode\$" \
        load --mode "$mode" --map-size 32M "$T/$mode" "$T/real.dump"
    check "it exports the same bytes" cmp "$T/real.dump" <("$OMEGA" cell export "$T/$mode")
    check "it is sound" says '^proved: A .*B .*E .*I ' check "$T/$mode"
    check "it has that mode and map" says "^mode +$mode; .* of 32 MiB used\$" show "$T/$mode"
    for list in machines placements jobs; do
        check "its $list are the same" cmp <("$OMEGA" cell show "$T/real" $list --json) \
            <("$OMEGA" cell show "$T/$mode" $list --json)
    done
done
identity() { "$OMEGA" cell show "$1" | grep '^cell '; }
check "a copy is another cell" test "$(identity "$T/real")" != "$(identity "$T/fast")"
check "what was by hand comes out by hand" says '^.*: 3 machines, 9 placements, 6 jobs' \
    load "$T/deep/er/small/" "$small"
check "with the same bytes" cmp "$small" <("$OMEGA" cell export "$T/deep/er/small")
check "nothing is left beside it" test "$(ls "$T/deep/er")" = small
piped() { "$OMEGA" cell export "$T/real" | "$OMEGA" cell load "$T/piped" -; }
check "through a pipe" piped
check "with the same bytes" cmp "$T/real.dump" <("$OMEGA" cell export "$T/piped")
cp "$T/real.dump" "$T/piped.dump"
machines() { "$OMEGA" cell fail "$1" m1 m2 >/dev/null && "$OMEGA" cell add "$1" m1 >/dev/null; }
goes_on() { machines "$T/real" && machines "$T/fast"; }
check "a copy goes on as the cell does" goes_on
check "with the same result" cmp <("$OMEGA" cell export "$T/real") <("$OMEGA" cell export "$T/fast")
check "and stays sound" says '^proved' check "$T/fast"

# where a cell may be made
mkdir "$T/empty" "$T/full"
echo keep >"$T/full/file"
check "in an empty directory" "$OMEGA" cell load "$T/empty" "$small"
fails "in a directory with something in it" "full: .*expected" load "$T/full" "$small"
check "which is left alone" grep -q keep "$T/full/file"
fails "in a cell" "real: is a cell of 12 machines, expected a directory that does not exist" \
    load "$T/real" "$small"
"$OMEGA" cell init "$T/init" --mode fast --map-size 16M >/dev/null
check "in an empty cell, with its mode" says 'version 12, mode fast$' load "$T/init" "$small"
check "and its map" says ' of 16 MiB used$' show "$T/init"
check "with the same bytes" cmp "$small" <("$OMEGA" cell export "$T/init")
"$OMEGA" cell init "$T/init2" --mode fast >/dev/null
check "in an empty cell, with another mode" says 'version 12, mode power$' \
    load --mode power "$T/init2" "$small"
"$OMEGA" cell init "$T/init3" --map-size 1M --log-changes 5 >/dev/null
"$OMEGA" cell init "$T/many" --uniform 100000 --cpu 4 --mem 4 >/dev/null
"$OMEGA" cell export "$T/many" "$T/many.dump"
fails "in an empty cell that is too small" "^omega: $T/init3: .*--map-size" \
    load "$T/init3" --map-size 1M "$T/many.dump"
check "which is an empty cell again" says '^machines +0:' show "$T/init3"
check "with its options" says 'change log for 5 changes' show "$T/init3"
check "and nothing else" test "$(ls "$T/init3" | tr '\n' ' ')" = "cell data.mdb lock.mdb writer "

# interrupted LOOK COMMAND...: ends it by SIGINT once something matches the pattern LOOK, and tries
# again if it was too late.
interrupted() {
    local look=$1 pid
    shift
    for _ in 1 2 3 4 5; do
        "$@" >/dev/null 2>&1 &
        pid=$!
        until compgen -G "$look" >/dev/null || ! kill -0 $pid 2>/dev/null; do :; done
        kill -INT $pid 2>/dev/null
        wait $pid
        [ $? = 130 ] && return
        rm -rf --one-file-system "$T/stop"
        mkdir "$T/stop"
    done
    return 1
}
mkdir "$T/stop"
set -m # what bash starts in the background ignores SIGINT, unless it has job control
check "Ctrl-C under load" interrupted "$T/stop/new.*.tmp" \
    "$OMEGA" cell load "$T/stop/new" "$T/many.dump"
check "leaves nothing" test -z "$(ls -A "$T/stop")"
check "Ctrl-C under load in an empty cell" interrupted "$T/init3/*.tmp" \
    "$OMEGA" cell load --map-size 1G "$T/init3" "$T/many.dump"
check "leaves that" says 'change log for 5 changes' show "$T/init3"
check "and nothing else" test "$(ls "$T/init3" | tr '\n' ' ')" = "cell data.mdb lock.mdb writer "
if nm "$OMEGA" 2>/dev/null | grep -q ' __tsan_init$'; then
    skip "Ctrl-C under export" "the thread sanitizer holds signals back there"
else
    check "Ctrl-C under export" interrupted "$T/stop/x.dump.*.tmp" \
        "$OMEGA" cell export "$T/many" "$T/stop/x.dump"
    gone() {
        for _ in $(seq 200); do
            [ -z "$(ls -A "$T/stop")" ] && return
            sleep 0.05
        done
        return 1
    }
    check "leaves no file" gone
fi
set +m
check "and may be filled" "$OMEGA" cell load "$T/init3" --map-size 1M "$T/real.dump"

# bad dumps
head -n -1 "$small" >"$T/cut.dump"
fails "a dump without its end" "cut.dump:22: the file ends here, expected further lines: it is" \
    load "$T/x" "$T/cut.dump"
head -c -10 "$small" >"$T/cut.dump"
fails "a dump with half an end" "cut.dump:22: the file ends within this line" \
    load "$T/x" "$T/cut.dump"
sed '3s/"seq":7/"seq":8/' "$small" >"$T/changed.dump"
fails "a changed dump" "changed.dump:22: .*another checksum" load "$T/x" "$T/changed.dump"
sed '5d' "$small" >"$T/missing.dump"
fails "a dump without a line" "missing.dump:21: the dump had 21 lines before this one" \
    load "$T/x" "$T/missing.dump"
sed '1s/_dump":1/_dump":9/' "$small" >"$T/new.dump"
fails "a newer dump" "new.dump:1: is a cell dump of version 9, expected version 1" \
    load "$T/x" "$T/new.dump"
sed '6s/"machine":0/"machine":99/' "$small" >"$T/range.dump"
fails "a value out of range" "range.dump:6: placement 2097152 is on machine 99, expected one of" \
    load "$T/x" "$T/range.dump"
fails "another file" "t4100-cell-dump.sh:1: is no JSON" load "$T/x" "$0"
fails "a folder" "cannot read: Is a directory" load "$T/x" "$T"
fails "no file" "nowhere: cannot open: No such file" load "$T/x" "$T/nowhere"
fails "nothing at all" "/dev/null:1: the file is empty, expected a cell dump" load "$T/x" /dev/null
fails "standard input is named" "standard input:1: the file is empty" load "$T/x" - </dev/null
fails "a map that is too small" "^omega: $T/x: .*--map-size" \
    load --map-size 1M "$T/x" "$T/many.dump"
check "failures left nothing behind" test -z "$(find "$T" -name 'x*' -o -name '*.tmp')"
fails "no cell to export" "nowhere: there is no such directory" export "$T/nowhere" "$T/x.dump"
fails "no folder to export to" "cannot create a file in this directory" export "$T/real" "$T/no/x"
check "a failed export leaves no file" test ! -e "$T/x.dump"

# a file among those of the cell
own() { # own NAME FILE: as seen from the folder of the cell
    check "$1" fails_with 1 "^omega: .*: lies in the cell's own directory, expected a file else" \
        env -C "$T/piped" "$OMEGA" cell export "${3:-.}" "$2"
}
ln -s piped "$T/by-link"
own "an export over the cell" "$T/piped/data.mdb"
own "by a name without a directory" data.mdb
own "over the cell's lock" ./lock.mdb "$T/piped"
own "through a link" "$T/by-link/writer"
own "a new file in the cell" "$T/piped/new.dump"
check "the cell is as it was" cmp "$T/piped.dump" <("$OMEGA" cell export "$T/piped")
check "with no other file" test "$(ls "$T/piped" | tr '\n' ' ')" = "cell data.mdb lock.mdb writer "

# a cell that is not sound
cp -r "$T/piped" "$T/wrong"
check "a counter is wrong" env OMEGA_TEST_UNSOUND="$T/wrong" "$helper"
fails "it is not exported" "^omega: $T/wrong: is not sound, so .*--force .* the first: " \
    export "$T/wrong" "$T/wrong.dump"
check "no file is left" test ! -e "$T/wrong.dump"
check "but with --force" "$OMEGA" cell export --force "$T/wrong" "$T/wrong.dump"
fails "load would refuse it" "wrong.dump:[0-9]*: .*tasks" load "$T/x" "$T/wrong.dump"

# RLIMIT_FSIZE stands for a full disk: 2 blocks of 1024 bytes, and SIGXFSZ ignored
full_disk() {
    (
        trap '' XFSZ
        ulimit -f 2
        "$OMEGA" cell export "$T/piped" "$T/x.dump" 2>"$T/full.err"
        test $? = 1 && grep -q 'x\.dump: cannot write: File too large' "$T/full.err" &&
            test -z "$(find "$T" -name 'x.dump*')"
    )
}
check "a full disk under an export" full_disk
finish
