#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The run log: omega run --log writes it and changes nothing else, omega check-log proves the run
# from it. Forged records are the unit test check_check_log's.
source "$(dirname "$0")/../support/shell.sh"

experiment=tests/data/valid/eventful.json
run() { "$OMEGA" run "$experiment" --quiet "$@"; }

check "a run without a log" run --out "$T/plain"
check "the same with one" run --log --out "$T/logged"
check "and once more" run --log --out "$T/again"
for file in results.jsonl results.csv histograms.jsonl series.csv jobs.csv; do
    check "the log changes nothing of $file" cmp "$T/plain/$file" "$T/logged/$file"
done
check "there is none unless it is asked for" test ! -e "$T/plain/log"
for point in planned random; do
    check "two runs have the same log of $point" \
        cmp "$T/logged/log/$point-seed-3.omlog" "$T/again/log/$point-seed-3.omlog"
done
check "the run is proved" "$OMEGA" check-log "$T/logged"
grep -q '^proved: A .*B .*C .*E .*I ' "$T/check.out" && ok "it says what" || not_ok "it says what"
check "as JSON" "$OMEGA" check-log --json "$T/logged"
cp "$T/check.out" "$T/proof"
check "which says the same" \
    grep -q '"points":2,.*"violations":0,"proved":\["A","B","C","E","I"\]' "$T/proof"
check "a store on disk leaves the same log" run --log --out "$T/lmdb" --set store.kind=lmdb \
    --set store.mode=fast
check "byte for byte" cmp "$T/logged/log/planned-seed-3.omlog" "$T/lmdb/log/planned-seed-3.omlog"
for file in results.jsonl series.csv; do
    check "and the same $file" cmp "$T/logged/$file" "$T/lmdb/$file"
done

# ---- what is refused ----

spoil() { # spoil FILE BYTE: changes a byte of a copy of the run
    rm -rf "$T/bad"
    cp -r "$T/again" "$T/bad"
    printf '\377' | dd of="$T/bad/log/$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
size=$(stat -c %s "$T/again/log/planned-seed-3.omlog")
seed=${OMEGA_SEED:-$RANDOM}
echo "OMEGA_SEED=$seed"
RANDOM=$seed
for i in 1 2 3; do
    spoil planned-seed-3.omlog $((12 + (RANDOM * 32768 + RANDOM) % (size - 12)))
    check "a damaged log is named ($i)" \
        fails_with 1 '/log/planned-seed-3\.omlog: ' "$OMEGA" check-log "$T/bad"
done
spoil random-seed-3.omlog 8
check "a log of another version" \
    fails_with 1 'random-seed-3.omlog: is a run log of version 255, expected version 1 to 2' \
    "$OMEGA" check-log "$T/bad"
head -c $((size / 2)) "$T/again/log/planned-seed-3.omlog" >"$T/bad/log/planned-seed-3.omlog"
check "half a log" fails_with 1 'planned.*the file ends, expected more' "$OMEGA" check-log "$T/bad"
rm -rf "$T/bad"
cp -r "$T/again" "$T/bad"
sed -i '4s/"claims_accepted":[0-9]*/"claims_accepted":7/' "$T/bad/results.jsonl"
check "a changed result" fails_with 1 \
    'results.jsonl: scheduler gpu, variant planned, seed 3: claims_accepted is 7, expected [0-9]+' \
    "$OMEGA" check-log "$T/bad"
sed -i '2d' "$T/bad/results.jsonl"
check "a row that is gone" fails_with 1 'scheduler batch.*: is not there, expected a row of it' \
    "$OMEGA" check-log "$T/bad"
check "no log" fails_with 1 'plain/log: holds no log, expected the outputs of' \
    "$OMEGA" check-log "$T/plain"
rm "$T/bad/results.jsonl"
check "no results" fails_with 1 'results.jsonl: cannot open' "$OMEGA" check-log "$T/bad"
check "no directory" fails_with 2 'expected one directory, got 0' "$OMEGA" check-log
check "a wrong option" fails_with 2 'quick' "$OMEGA" check-log --quick "$T/logged"
check "help" "$OMEGA" check-log --help

# ---- files ----

check "a run without a log removes that of an earlier one" run --out "$T/again"
check "all of it" test ! -e "$T/again/log"
mkdir -p "$T/foreign/log"
echo mine >"$T/foreign/log/a.omlog"
check "a log of somebody else's is left alone" fails_with 1 'a.omlog: is there already' \
    run --log --out "$T/foreign"
check "as it was" grep -q mine "$T/foreign/log/a.omlog"
sed 's/"huge", "module"/"huge", "decision": {"job_s": 0, "task_s": 0}, "module"/
    s/"attempts": 5, "delay_s": 2/"attempts": 0, "attempts_unplaced": 0, "delay_s": 0/' \
    "$experiment" >"$T/still.json"
check "a failed run leaves no log" fails_with 1 'time stands still' "$OMEGA" run "$T/still.json" \
    --quiet --log --out "$T/failed"
check "nor a folder" test ! -e "$T/failed"

# ---- other experiments ----

for name in first unruly preset; do
    file=tests/data/valid/$name.json
    [ -e "$file" ] || file=bench/experiments/$name.json
    check "$name runs" "$OMEGA" run "$file" --quiet --log --out "$T/$name" --set horizon_s=4000
    check "and is proved" "$OMEGA" check-log "$T/$name"
done
check "load-day runs" "$OMEGA" run bench/experiments/load-day.json --quiet --log \
    --out "$T/load" --set horizon_s=600
check "and is proved" "$OMEGA" check-log "$T/load"
traces=${OMEGA_TRACES:-../shared/traces}/openb2023
if [ -e "$traces/openb_pod_list_default.csv" ]; then
    "$OMEGA" trace import --format openb --out "$T/openb.trace" \
        "$traces/openb_node_list_all_node.csv" "$traces/openb_pod_list_default.csv" >/dev/null
    for name in openb-replay openb-fill; do
        sed "s|\"[^\"]*openb\.trace\"|\"$T/openb.trace\"|g" "bench/experiments/$name.json" \
            >"$T/$name.json"
        check "$name runs" "$OMEGA" run "$T/$name.json" --quiet --log --out "$T/$name"
        check "and is proved" "$OMEGA" check-log "$T/$name"
    done
else
    skip "openb" "no openb2023/ in OMEGA_TRACES"
fi
finish
