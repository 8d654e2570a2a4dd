#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# omega cell on cells that are damaged, from another boot, read-only, or not ours: clear messages,
# and what was sound stays so.
source "$(dirname "$0")/../support/shell.sh"
helper=$B/tests/unit/core/workload/check_cell_load
check "a cell with real content" env OMEGA_TEST_CELL="$T/cell" "$helper"
"$OMEGA" cell export "$T/cell" "$T/cell.dump"

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

# a byte of a record: each module's name stands once in the instances' records
spoil() { # spoil DIR OFFSET BYTES
    printf '%b' "$3" | dd of="$1/data.mdb" bs=1 seek="$2" conv=notrunc status=none
}
cp -r "$T/cell" "$T/byte"
offset=$(grep -obaF service "$T/byte/data.mdb" | tail -1 | cut -d: -f1)
for at in $(grep -obaF service "$T/byte/data.mdb" | cut -d: -f1); do
    spoil "$T/byte" "$at" S
done
check "there was a byte to spoil" test -n "$offset"
fails "a flipped byte is found by check" "byte.*instance" check "$T/byte"
fails "by show" "byte.*instance" show "$T/byte"
fails "by export, which leaves no file" "byte.*instance" export "$T/byte" "$T/byte.dump"
check "no file is left" test ! -e "$T/byte.dump"

# pages of garbage may end the process that reads them
cp -r "$T/cell" "$T/pages"
size=$(stat -c %s "$T/pages/data.mdb")
head -c $((size - 8192)) /dev/zero | tr '\0' '\377' |
    dd of="$T/pages/data.mdb" bs=4096 seek=2 conv=notrunc status=none
fails "garbage is a message, not a crash" "pages: .*damaged.*omega cell load" check "$T/pages"
fails "also with --recover" "pages: .*damaged.*omega cell load" check --recover "$T/pages"
cp -r "$T/cell" "$T/short"
truncate -s 16384 "$T/short/data.mdb"
for recover in "" --recover; do # a sanitizer makes an exit code of the signal
    # shellcheck disable=SC2086
    fails "so is a file that is cut off, check $recover" \
        "short: .*(damaged|cut).*'omega cell load'|ERROR: .*Sanitizer" \
        check $recover "$T/short"
done

# Page by page: node pointers that lead beyond the file. Whatever reads it ends with one message and
# exit code 1, or does not need the page; some of it dies and is survived.
cp -r "$T/cell" "$T/page"
beyond() {
    local page verb rc died=0
    for ((page = size / 4096 - 1; page > size / 4096 - 16 && page > 2; page--)); do
        cp "$T/cell/data.mdb" "$T/page/data.mdb"
        spoil "$T/page" $((page * 4096 + 16)) '\0377\0377\0377\0377\0377\0377\0377\0377'
        for verb in show "show --json" export drain check; do
            rc=0
            # shellcheck disable=SC2046,SC2086
            "$OMEGA" cell $verb "$T/page" $([ "$verb" = drain ] && echo m1) \
                >"$T/page.out" 2>"$T/page.err" || rc=$?
            grep -q Sanitizer "$T/page.err" && died=1 && continue
            if [ $rc -gt 1 ] || [ "$(wc -l <"$T/page.err")" -ne $rc ]; then
                echo "page $page, $verb: exit code $rc"
                cat "$T/page.err"
                return 1
            fi
            grep -Eq "^omega: $T/page: the cell is damaged beyond reading; (see|restore it)" \
                "$T/page.err" && died=1
        done
    done
    [ $died = 1 ] || echo "nothing died"
    [ $died = 1 ]
}
check "pages that lead beyond the file end no verb by a signal" beyond
fails "a cell that is cut off cannot be shown" "short: |Sanitizer" show "$T/short"
fails "nor drained" "short: |Sanitizer" drain "$T/short" m1
fails "nor exported" "short: |Sanitizer" export "$T/short" "$T/short.dump"
check "which leaves no file" test -z "$(find "$T" -name 'short.dump*')"

# another boot
other() { OMEGA_BOOT_ID=another "$OMEGA" cell "$@"; }
check "another boot is refused" fails_with 1 "cell: .*omega cell check --recover" \
    other show "$T/cell"
check "by check as well" fails_with 1 "check --recover" other check "$T/cell"
recovers() { other check --recover "$T/cell" >"$T/recover.out"; }
check "check --recover proves it" recovers
check "and says so" grep -Eq '^proved: A .*B .*E .*I ' "$T/recover.out"
check "it is open in that boot" other show "$T/cell"
check "and holds what it held" cmp "$T/cell.dump" <(other export "$T/cell")
check "a cell that needs none may be recovered" other check --recover "$T/cell"
json() { other check --recover "$T/cell" --json | OMEGA_TEST_JSON=1 "$helper"; }
check "also as JSON" json
check "a damaged one is not recovered" fails_with 1 "byte.*instance" \
    other check --recover "$T/byte"
check "and stays refused" fails_with 1 "check --recover" other show "$T/byte"
"$OMEGA" cell load --mode power "$T/power" "$T/cell.dump" >/dev/null
check "mode power outlives a boot" other show "$T/power"

# not ours, newer, gone
mkdir "$T/foreign"
echo "hello" >"$T/foreign/cell"
fails "a foreign file" "foreign/cell" show "$T/foreign"
cp -r "$T/power" "$T/newer"
sed -i "1s/[0-9]*$/999/" "$T/newer/cell"
fails "a newer schema is refused by its number" "999" show "$T/newer"

# read-only: root may write anywhere, so it is dropped
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
    as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
    chmod 755 "$T"
    if as_nobody "$OMEGA" --version >/dev/null 2>&1; then
        chmod -R a-w,a+rX "$T/power"
        check "a cell that may not be written cannot be changed" fails_with 1 "power.*denied" \
            as_nobody "$OMEGA" cell drain "$T/power" m1
        check "nor made in such a directory" fails_with 1 "denied" \
            as_nobody "$OMEGA" cell init "$T/power/x" --uniform 1 --cpu 1 --mem 1
        check "and is as it was" cmp "$T/cell.dump" <("$OMEGA" cell export "$T/power")
    else
        skip "read-only cells" "nobody may not run the command where it is"
    fi
else
    skip "read-only cells" "needs root to drop, and setpriv"
fi

# a full disk: a small tmpfs of its own
mkdir "$T/disk"
trap 'umount "$T/disk" 2>/dev/null; rm -rf --one-file-system "$T"' EXIT
if mount -t tmpfs -o size=1m tmpfs "$T/disk" 2>/dev/null; then
    head -c 960K /dev/zero >"$T/disk/fill"
    for mode in pwrite fast power; do
        fails "a full disk while a cell is loaded, mode $mode" "[Nn]o space|no room|full" \
            load --map-size 16M --mode $mode "$T/disk/x" "$T/cell.dump"
    done
    head -c 10M /dev/zero >>"$T/disk/fill" 2>/dev/null
    fails "a full disk while a cell is made" "[Nn]o space|no room|full" \
        init "$T/disk/x" --uniform 1000 --cpu 1 --mem 1
    fails "a full disk under an export" "[Nn]o space" export "$T/power" "$T/disk/x.dump"
    check "nothing is left of them" test "$(ls "$T/disk")" = fill
    umount "$T/disk"
else
    skip "a full disk" "needs the right to mount"
fi
finish
