#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Looking at a live cell: omega top as text, JSON and on a terminal; figures for Prometheus of a
# live run and of a standing cell; damaged pages.
. "$(dirname "$0")/../support/shell.sh"

cat >"$T/busy.json" <<'JSON'
{ "name": "busy", "horizon_s": 36000,
  "cell": { "machines": [ { "count": 20, "cpu_milli": 4000, "mem_mib": 16384 } ] },
  "workloads": [
    { "name": "batch", "interarrival_s": { "type": "exponential", "mean": 1 },
      "tasks": { "type": "uniform", "min": 1, "max": 8 },
      "duration_s": { "type": "exponential", "mean": 20 }, "cpu_milli": 1000, "mem_mib": 512 } ],
  "architecture": "shared_state",
  "schedulers": [
    { "name": "batch", "module": "batch", "instances": 2,
      "decision": { "job_s": 2, "task_s": 0.02 } } ] }
JSON

# begin [OPTION...]: a live run in the background: $run, $cell, its stderr in $T/run.err. Waits
# until conflicts have been met.
begin() {
    cell=$T/cells/seed-1
    rm -rf "$T/cells"
    "$OMEGA" run --live --quiet --set live.speedup=50 --set store.kind=lmdb \
        --set store.dir="$T/cells" --out "$T/out" "$@" "$T/busy.json" 2>"$T/run.err" >/dev/null &
    run=$!
    for _ in $(seq 600); do
        if "$OMEGA" top --cell "$cell" --once --interval 0.05 2>/dev/null | grep -q no_longer_fits
        then
            return 0
        fi
        sleep 0.05
    done
    echo "no conflict was met"
    return 1
}

check "a live run with figures" begin --metrics :0
top() { "$OMEGA" top --cell "$cell" --interval 0.2 "$@"; }

# ---- top ----

text() {
    top >"$T/top.txt" && grep -q '^scheduler  ' "$T/top.txt" &&
        [ "$(grep -cE '^batch/[01] +[0-9]+ runs +1 ' "$T/top.txt")" -eq 2 ] &&
        grep -qE '^ +[0-9]+  batch/[01] +m-[0-9]+ +batch/[01] +no_longer_fits +[0-9]+\.[0-9]+$' \
            "$T/top.txt" && grep -qE '^a second [0-9.]+ commits  [0-9.]+ placements' "$T/top.txt"
}
check "as text where there is no terminal" text
check "which also --once is" top --once

json() {
    top --json --once >"$T/top.json" && [ "$(wc -l <"$T/top.json")" -eq 1 ] &&
        grep -q '"lost_by":"batch/[01]","machine":"m-' "$T/top.json" &&
        grep -q '"incarnation":1' "$T/top.json" && grep -q '"conflict_fraction":0*[.0-9]*[1-9]' \
        "$T/top.json" && grep -q '"interval_s":0\.[2-9]' "$T/top.json"
}
check "as JSON" json
lines() {
    [ "$(timeout 60 "$OMEGA" top --cell "$cell" --interval 0.05 --json | head -n 3 | wc -l)" -eq 3 ]
}
check "one object for each interval" lines

# screen COLUMNS ROWS KEYS: what a terminal of that size shows, by script(1).
screen() {
    (sleep 1; printf '%s' "$3"; sleep 0.3) | timeout 20 script -qefc \
        "stty cols $1 rows $2; TERM=vt100 '$OMEGA' top --cell '$cell' --interval 0.2" /dev/null \
        >"$T/screen" && grep -q 'scheduler    process' "$T/screen"
}
if command -v script >/dev/null; then
    check "on a terminal, until q" screen 80 24 q
    check "on one that is too small for all of it" screen 80 9 q
    check "on one with hardly any room" screen 80 6 q
    unknown() {
        TERM=nonsense script -qec "'$OMEGA' top --cell '$cell' --interval 0.1" /dev/null \
            </dev/null | grep -q '^scheduler  '
    }
    check "as text on one that is not known" unknown
    # The terminal goes, and nobody is told by SIGHUP. The text of an interval comes first.
    hung_up() {
        local i top
        rm -f "$T/pid" "$T/screen"
        script -qefc "trap '' HUP; echo \$\$ >'$T/pid'; TERM=vt100 exec '$OMEGA' top \
            --cell '$cell' --interval 0.2" /dev/null >"$T/screen" < <(sleep 20) &
        for i in $(seq 200); do
            ! grep -q 'scheduler    process' "$T/screen" || break
            sleep 0.05
        done
        top=$(cat "$T/pid") && kill -0 "$top" && kill -s KILL "$!" || return 1
        for i in $(seq 200); do
            grep -q '^State:.[^XZ]' "/proc/$top/status" 2>/dev/null || return 0
            sleep 0.05
        done
        kill -s KILL "$top"
        return 1
    }
    check "and ends where its terminal is gone" hung_up
else
    skip "on a terminal" "there is no script(1)"
fi

fits() { ! top | cut -c81- | grep -q '[^ ]'; }
check "no line is longer than a small terminal is wide" fits

# ---- figures ----

url=$(sed -n 's/^omega: figures for Prometheus at //p' "$T/run.err")
get() { curl -s -o "$T/got" -w '%{http_code}' "$@"; }
figures() {
    local pair='scheduler="batch",instance="0",rival="batch",rival_instance="1"'
    [ "$(get "$url")" = 200 ] && tests/support/check-prometheus "$T/got" &&
        grep -qE "^omega_conflicts_total\\{$pair,reason=\"no_longer_fits\"\\} [1-9]" "$T/got" &&
        grep -qE '^omega_commits_total\{.*,instance="1",result="successful"\} [1-9]' "$T/got" &&
        grep -qE '^omega_plan_seconds_count\{.*\} [1-9]' "$T/got" &&
        grep -qE '^omega_scheduler_up\{.*\} 1' "$T/got" &&
        grep -qE '^omega_jobs_submitted_total [1-9]' "$T/got" &&
        grep -qE '^omega_placements_ended_total [1-9]' "$T/got"
}
if command -v curl >/dev/null; then
    check "figures of a live run" figures
    check "no other path" test "$(get "${url%/metrics}/other")" = 404
    check "no other method" test "$(get -X DELETE "$url")" = 405
    head -c 100000 /dev/urandom >"$T/random"
    check "whatever is sent" test "$(get --data-binary "@$T/random" "$url")" = 405
    check "and the run goes on" kill -0 "$run"
    port=${url##*:}
    check "an address in use" fails_with 1 'cannot serve figures.*in use' "$OMEGA" run --live \
        --metrics ":${port%/metrics}" "$T/busy.json"
    # Whoever serves is the child of the one that keeps it, which is the run's first.
    child() { ps -o pid= --ppid "$1" | head -n 1 | tr -d ' '; }
    served_again() {
        local i rc keeper
        keeper=$(child "$run")
        kill -s KILL "$(child "$keeper")"
        for i in $(seq 200); do
            ! grep -q 'serves figures has ended; it starts again' "$T/run.err" || break
            sleep 0.05
        done
        grep -q 'it starts again' "$T/run.err" && figures && kill -s KILL "$keeper" || return 1
        for i in $(seq 100); do # now nobody has the socket, so nobody who asks waits
            rc=0
            get --max-time 20 "$url" || rc=$?
            [ "$rc" -ne 7 ] || return 0
            sleep 0.05
        done
        return 1
    }
    check "whose server that is killed is followed by another" served_again
else
    skip "figures" "there is no curl"
fi
check "no address" fails_with 2 "'9100' is no address, expected :PORT" "$OMEGA" run --live \
    --metrics 9100 "$T/busy.json"
check "nothing that is live" fails_with 1 'metrics without a live point' "$OMEGA" run --metrics :0 \
    "$T/busy.json"
check "no port" fails_with 2 "':65536' is no address" "$OMEGA" cell metrics "$cell" :65536
check "no numeric host" fails_with 2 "'nowhere:1' is no address" "$OMEGA" cell metrics "$cell" \
    nowhere:1
no_cell() {
    fails_with 1 "nothing" "$OMEGA" cell metrics "$T/nothing" :0 &&
        ! grep -q 'figures for Prometheus' "$T/fails.err"
}
check "no cell, and no address is told" no_cell

standing() {
    local rc=0 i
    "$OMEGA" cell metrics "$cell" 127.0.0.1:0 2>"$T/standing.err" &
    local server=$!
    for i in $(seq 100); do
        url=$(sed -n 's/^omega: figures for Prometheus at //p' "$T/standing.err")
        [ -z "$url" ] && sleep 0.05 || break
    done
    [ "$(get "$url")" = 200 ] && tests/support/check-prometheus "$T/got" || return 1
    kill "$server"
    wait "$server" || rc=$?
    [ "$rc" -eq 0 ]
}
! command -v curl >/dev/null || check "figures of a cell that somebody else works on" standing

# ---- what goes wrong ----

damaged() {
    printf 'nonsense' >"$cell/stats-77"
    head -c "$(stat -c %s "$cell/stats-2")" /dev/zero >"$cell/stats-78"
    ln -s /etc/passwd "$cell/stats-79"
    touch "$cell/stats-077" "$cell/stats-x"
    top >"$T/damaged" && grep -q '^damaged  3 pages' "$T/damaged" &&
        grep -qE '^batch/0 ' "$T/damaged"
}
check "damaged pages are told, and others shown" damaged

gone() {
    kill "$run"
    wait "$run"
    [ ! -e "$cell/stats-2" ] && [ ! -e "$cell/wake-2" ]
}
check "no page stays behind" gone
check "a cell without processes" top --once

# Points of a run with several are run in workers.
several() {
    local rc=0
    begin --metrics :0 --set 'seeds=[1,2]' || return 1
    url=$(sed -n 's/^omega: figures for Prometheus at //p' "$T/run.err")
    [ "$(get --max-time 20 "$url")" = 200 ] && tests/support/check-prometheus "$T/got" || rc=1
    kill "$run"
    wait "$run"
    return "$rc"
}
! command -v curl >/dev/null || check "figures of one point of several" several
# While no live point runs there is an answer, too: here a simulated one comes first, which hangs.
between() {
    local rc=0 module=$B/tests/modules/hang_place.so
    local hang='{"name":"hangs","set":{"driver":"sim","schedulers.0.module":"'$module'"}}'
    local live='{"name":"live","set":{"driver":"live","store.kind":"lmdb"}}'
    "$OMEGA" run --quiet --jobs 1 --out "$T/between" --metrics :0 --set store.kind=memory \
        --set "variants=[$hang,$live]" "$T/busy.json" 2>"$T/between.err" >/dev/null &
    run=$!
    for _ in $(seq 600); do
        url=$(sed -n 's/^omega: figures for Prometheus at //p' "$T/between.err")
        [ -z "$url" ] || break
        sleep 0.05
    done
    [ "$(get --max-time 60 "$url")" = 503 ] && grep -q 'no live point runs' "$T/got" || rc=1
    cat "$T/between.err"
    # The worker, too: the thread sanitizer holds the signal back that it gets when its parent dies.
    # shellcheck disable=SC2046
    kill -s KILL "$run" $(ps -o pid= --ppid "$run")
    wait "$run" 2>/dev/null
    return "$rc"
}
! command -v curl >/dev/null || check "between live points there is an answer" between
check "no cell at all" fails_with 1 "$T/nothing" "$OMEGA" top --cell "$T/nothing"
check "no cell is named" fails_with 2 'no cell, expected --cell DIR' "$OMEGA" top
check "no interval" fails_with 2 "'0' is no interval" "$OMEGA" top --cell "$cell" --interval 0
finish
