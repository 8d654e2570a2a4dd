#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# omega report: what is drawn, twice the same, all or nothing, and what is refused.
source "$(dirname "$0")/../support/shell.sh"

cat >"$T/small.json" <<'JSON'
{
  "name": "small", "horizon_s": 1800, "warmup_s": 60, "seeds": [1, 2, 3],
  "record": ["histograms", "series", "conflicts", "machines"],
  "cell": {"machines": [{"count": 60, "cpu_milli": 4000, "mem_mib": 16384}]},
  "workloads": [
    {"name": "jobs", "interarrival_s": {"type": "exponential", "mean": 2},
     "tasks": {"type": "exponential", "mean": 10},
     "duration_s": {"type": "exponential", "mean": 30},
     "cpu_milli": 1000, "mem_mib": 1024}],
  "architecture": "shared_state",
  "schedulers": [{"name": "s", "module": "batch", "instances": 4,
                  "decision": {"job_s": 1, "task_s": 0.005}}],
  "variants": [{"name": "fine"},
               {"name": "coarse", "set": {"schedulers.0.commit.detection": "coarse"}}]
}
JSON
check "a run" "$OMEGA" run "$T/small.json" --quiet --out "$T/run"
check "which leaves its experiment" test "$(sha256sum <"$T/run/experiment.json" | cut -c1-64)" = \
    "$(sed -n '1s/.*"experiment_sha256":"\([0-9a-f]*\)".*/\1/p' "$T/run/results.jsonl")"
check "that runs again" "$OMEGA" run "$T/run/experiment.json" --quiet --out "$T/again" \
    --set 'record=["histograms","series","conflicts","machines"]'
for file in results.jsonl histograms.jsonl series.csv conflicts.csv experiment.json; do
    check "to the same $file" cmp "$T/run/$file" "$T/again/$file"
done

if ! command -v gnuplot >/dev/null; then
    skip "reports" "gnuplot is missing"
    finish
    exit
fi
report=$T/run/report
check "a report" "$OMEGA" report "$T/run"
for figure in busyness conflict-fraction wait-mean wait-p90 queue-mean cpu-use waits use-time \
    queue-time busyness-time conflicts machines-claims machines-conflicts; do
    for format in pdf svg png dat gp; do
        check "$figure.$format is there" test -s "$report/figures/$figure.$format"
    done
    check "the page has $figure" grep -q "<figure id=\"fig-$figure\"" "$report/index.html"
done
check "the same, as JSON" "$OMEGA" report --json --out "$T/second" "$T/again"
cp "$T/check.out" "$T/json"
check "which counts" grep -Eq '"figures":[0-9]+,"configurations":2,"runs":6' "$T/json"
check "the same results give the same report, byte for byte" diff -rq "$report" "$T/second"
check "an earlier report is replaced" "$OMEGA" report "$T/run" --format pdf
check "by what is asked for" test -s "$report/figures/waits.pdf" -a \
    ! -e "$report/figures/waits.svg"
check "nothing is left beside it" test -z "$(find "$T/run" -maxdepth 1 -name 'report.*')"

page=$T/second/index.html
check "the page needs no other address" test -z "$(grep -oE '(https?:)?//[a-z][a-z.]+' "$page")"
check "it has no script" test "$(grep -c '<script' "$page")" -eq 0
check "each picture has a text beside it" test \
    "$(grep -c '<img alt="[^"]' "$page")" -eq "$(grep -c '<figure' "$page")"
check "it shows the experiment" grep -q '&quot;interarrival_s&quot;' "$page"
if command -v xmllint >/dev/null; then
    xmllint --html --noout "$page" 2>&1 | grep 'error' |
        grep -vE 'Tag (nav|figure|figcaption|details|summary) invalid' >"$T/xmllint"
    check "it is well-formed" test ! -s "$T/xmllint"
else
    skip "it is well-formed" "xmllint is missing"
fi

# The numbers: mean and interval of three seeds, t(0.975, 2) = 4.30265272975.
values=$(grep '"scope":"scheduler","variant":"fine"' "$T/run/results.jsonl" |
    sed 's/.*"busyness":\([0-9.e-]*\),.*/\1/' | tr '\n' ' ')
expect=$(awk '{ m = ($1 + $2 + $3) / 3
    s = sqrt((($1 - m) ^ 2 + ($2 - m) ^ 2 + ($3 - m) ^ 2) / 2)
    h = 4.30265272975 * s / sqrt(3); printf "%.7g %.7g %.7g", m, m - h, m + h }' <<<"$values")
check "means and intervals are those of the seeds" test "$(
    awk '/^#/ { next } { printf "%.7g %.7g %.7g", $3, $4, $5; exit }' \
        "$T/second/figures/busyness.dat"
)" = "$expect"
known=$(grep '"variant":"fine".*"histogram":"wait_first"' "$T/run/histograms.jsonl" |
    sed 's/.*"count":\([0-9]*\),"censored":\([0-9]*\).*/\1 \2/' |
    awk '{ n += $1; c += $2 } END { printf "%.12g", (n - c) / n }')
check "distributions end at the share of jobs that began" test "$known" = "$(
    awk '/^$/ { exit } !/^#/ { last = $2 } END { print last }' "$T/second/figures/waits.dat")"

# The interval of few seeds may begin below 0: gnuplot then forgets its upper end, unless it is cut.
cut='(\$4 > floor ? \$4 : floor):(\$5 > floor'
check "bars are cut at the lower edge" test \
    "$(grep -c -e '^floor = 0$' -e "$cut" "$T/second/figures/wait-mean.gp")" -eq 2
check "and the caption says so" grep -q 'Bars that end at the lower edge go on to 0' "$page"
check "what the y axis is stands at one place" test \
    "$(grep -c '^set label 1 .* at screen 0.0.*, screen' "$T/second/figures/queue-time.gp")" -ge 1
check "not beside its numbers" eval "! grep -l 'set ylabel' '$T'/second/figures/*.gp"

# ---- files that are not whole ----

# signed DIR: what was changed in it is what its run has written.
signed() {
    (cd "$1" && sha256sum $(sed 's/.*  //' SHA256SUMS) >"$T/sums" && mv "$T/sums" SHA256SUMS)
}
cp -r "$T/run" "$T/cut"
for file in results.jsonl histograms.jsonl series.csv conflicts.csv machines.csv; do
    sed -i '$d' "$T/cut/$file"
    check "$file, cut at the end of a line, is refused" fails_with 1 \
        "/cut/$file:$(wc -l <"$T/cut/$file"): ends here, and was cut or changed: SHA-256 .* exp" \
        "$OMEGA" report --out "$T/none" "$T/cut"
    cp "$T/run/$file" "$T/cut/$file"
done
rm "$T/cut/series.csv"
check "a file that is gone is missed" fails_with 1 \
    'series.csv: is missing, expected it: .*/cut/SHA256SUMS names it' \
    "$OMEGA" report --out "$T/none" "$T/cut"
cp "$T/run/series.csv" "$T/cut/series.csv"
sed -i '/machines.csv/d' "$T/cut/SHA256SUMS"
check "one of another run is none" fails_with 1 'machines.csv: is not of this run' \
    "$OMEGA" report --out "$T/none" "$T/cut"
rm "$T/cut/SHA256SUMS"
check "nor is one drawn that nobody knows to be whole" fails_with 1 \
    '/cut: has no SHA256SUMS, expected what omega run has left' \
    "$OMEGA" report --out "$T/none" "$T/cut"
check "nothing is written of these" test ! -e "$T/none"

# ---- what is refused ----

mkdir -p "$T/mine"
echo precious >"$T/mine/index.html"
check "somebody else's directory is left alone" \
    fails_with 1 '/mine: is there already and no report of omega: expected another --out' \
    "$OMEGA" report --out "$T/mine" "$T/run"
check "untouched" grep -q precious "$T/mine/index.html"
check "no directory" fails_with 2 'expected a directory of results' "$OMEGA" report
check "an unknown format" fails_with 2 "'pdf,gif', expected a list of pdf, svg, png" \
    "$OMEGA" report --format pdf,gif "$T/run"
check "a format without its list" fails_with 2 "option '--format' needs a value" \
    "$OMEGA" report "$T/run" --format
check "nowhere" fails_with 2 "expected a directory" "$OMEGA" report "$T/run" --out ''
check "no results" fails_with 1 'nowhere/results.jsonl: ' "$OMEGA" report "$T/nowhere"
mkdir "$T/empty-path"
check "without gnuplot it names the package" \
    fails_with 1 "cannot start 'gnuplot': .*expected it in PATH \(Debian package gnuplot-nox\)" \
    env PATH="$T/empty-path" "$OMEGA" report --out "$T/none" "$T/run"
check "and leaves nothing" test -z "$(find "$T" -maxdepth 1 -name 'none*')"

# A gnuplot that writes half a figure, as on a full disk, and one that ends when the user stops it.
mkdir "$T/half" "$T/slow"
cat >"$T/half/gnuplot" <<'SH'
#!/bin/sh
echo '<svg' >"$(basename "$5" .gp).$(echo "$4" | sed "s/format='\(.*\)'/\1/")"
SH
printf '#!/bin/sh\ntouch "%s/drawing"\nexec sleep 20\n' "$T" >"$T/slow/gnuplot"
chmod +x "$T/half/gnuplot" "$T/slow/gnuplot"
check "half a figure is none" fails_with 1 'gnuplot wrote no whole figure \(is the disk full\?\)' \
    env PATH="$T/half:$PATH" "$OMEGA" report --out "$T/none" "$T/run"
stopped() {
    local pid rc=0
    rm -f "$T/drawing"
    PATH="$T/slow:$PATH" setsid "$OMEGA" report --out "$T/none" "$T/run" &
    pid=$!
    for _ in $(seq 2000); do
        [ -e "$T/drawing" ] && break
        sleep 0.005
    done
    kill "-$1" -- "-$pid"
    wait "$pid" || rc=$?
    return "$rc"
}
for signal in INT TERM; do
    check "SIG$signal stops" fails_with 1 'omega: stopped: nothing is written$' stopped "$signal"
    check "and leaves nothing" test -z "$(find "$T" -maxdepth 1 -name 'none*')"
done
# Twice, by hand: gnuplot does not care, and omega ends at once.
printf '#!/bin/sh\ntrap "" INT TERM\ntouch "%s/drawing" half.svg\nexec sleep 20\n' "$T" \
    >"$T/slow/gnuplot"
stopped_twice() {
    local pid rc=0
    rm -f "$T/drawing"
    PATH="$T/slow:$PATH" "$OMEGA" report --out "$T/none" "$T/run" &
    pid=$!
    for _ in $(seq 2000); do
        [ -e "$T/drawing" ] && break
        sleep 0.005
    done
    while kill -TERM "$pid" 2>/dev/null; do
        sleep 0.02
    done
    wait "$pid" || rc=$?
    return "$rc"
}
check "a second signal ends it at once" eval 'code=0; stopped_twice || code=$?; [ $code -eq 143 ]'
check "and leaves nothing, either" test -z "$(find "$T" -maxdepth 1 -name 'none*')"

cp -r "$T/run" "$T/spoilt"
sed -i '2s/^fine,1,/fine,9,/' "$T/spoilt/series.csv"
signed "$T/spoilt"
check "a row of no point" fails_with 1 \
    "series.csv:2: variant 'fine' with seed 9 and these parameters is not in results.jsonl" \
    "$OMEGA" report --out "$T/none" "$T/spoilt"
cp "$T/run/series.csv" "$T/spoilt/series.csv"
echo '{}' >"$T/spoilt/experiment.json"
signed "$T/spoilt"
check "an experiment that is not that of the results" fails_with 1 \
    'experiment.json: is not the experiment of the results beside it' \
    "$OMEGA" report --out "$T/none" "$T/spoilt"
check "nothing is left of these" test -z "$(find "$T" -maxdepth 1 -name 'none*')"

# ---- not all of one run ----

check "other seeds" "$OMEGA" run "$T/small.json" --quiet --seed 9 --out "$T/nine"
check "are drawn with a warning" fails_with 0 \
    'omega: warning: the directories are of experiments that differ, in their seeds or in more' \
    "$OMEGA" report --format svg --out "$T/mixed" "$T/run" "$T/nine"
check "on the page, too" grep -q '<p class="caution">The results are of experiments that differ' \
    "$T/mixed/index.html"
check "nothing is missing in them" eval "! grep -q missing '$T/fails.err'"
cp -r "$T/run" "$T/stopped"
sed -i '/"variant":"coarse","seed":3/d' "$T/stopped/results.jsonl"
sed -i '/^coarse,3,/d' "$T/stopped"/*.csv
sed -i '/"variant":"coarse","seed":3/d' "$T/stopped/histograms.jsonl"
signed "$T/stopped"
check "points that are missing are told" fails_with 0 \
    'omega: warning: 1 of 6 points are missing: the run was stopped' \
    "$OMEGA" report --format svg --out "$T/partial" "$T/stopped"
check "on the page, too" grep -q '<p class="caution">1 of 6 points are missing' \
    "$T/partial/index.html"
check "a whole run has no cautions" test "$(grep -c 'class="caution"' "$T/second/index.html")" -eq 0

# ---- some of its configurations ----

check "a sweep" "$OMEGA" run "$T/small.json" --quiet --out "$T/sweep" --set horizon_s=300 \
    --sweep schedulers.0.instances=1..6
check "all of it" "$OMEGA" report --format svg --out "$T/all" "$T/sweep"
check "is twelve configurations, of which six show waits" grep -q \
    'Shown are 6 of 12 configurations.*--only draws others' "$T/all/index.html"
check "some of it" "$OMEGA" report --format svg --out "$T/some" --json "$T/sweep" \
    --only coarse,schedulers.0.instances=4 --only schedulers.0.instances=5
cp "$T/check.out" "$T/json"
check "are as many as were asked for" grep -q '"configurations":3,"runs":9,"missing":0' "$T/json"
waits_of() { # waits_of REPORT CONFIGURATION: its block of the data, but where its panel ends
    awk -v name="# $2:" '/^$/ { found = 0 } index($0, name) == 1 { found = 1 } found' \
        "$1/figures/waits.dat" | sed '$d'
}
check "in the order of the results" test "$(grep -o '^# [^:]*' "$T/some/figures/waits.dat" |
    tr '\n' ';')" = '# fine instances=5;# coarse instances=4;# coarse instances=5;'
check "one of them has its waits" test "$(waits_of "$T/some" 'coarse instances=4' | wc -l)" -gt 20
check "which are those that it has among all" cmp <(waits_of "$T/some" 'coarse instances=4') \
    <(waits_of "$T/all" 'coarse instances=4')
check "the page says which" grep -q 'that fit <code>coarse,schedulers.0.instances=4</code> or <co' \
    "$T/some/index.html"
check "one that there is not" fails_with 1 \
    "'fine,x=1' fits no configuration, expected VARIANT\[,PATH=VALUE\] of one of 'fine,schedulers" \
    "$OMEGA" report --out "$T/none" "$T/sweep" --only fine,x=1
check "one without a name" fails_with 2 "--only: '', expected VARIANT" "$OMEGA" report \
    "$T/sweep" --only ''

# ---- live runs ----

"$OMEGA" run --quiet --out "$T/driven" --set 'variants=[{"name":"one"}]' --set 'seeds=[1]' \
    --set warmup_s=0 --set horizon_s=10 --set 'store={"kind":"lmdb"}' --set 'live={"speedup":20}' \
    --sweep driver=sim,live "$T/small.json"
check "simulated and live runs" "$OMEGA" report --format svg "$T/driven"
check "the page says that some are live" grep -q '2 configurations, 2 runs, live ones among them;' \
    "$T/driven/report/index.html"
check "and promises no digests" grep -q 'no live run is like another' "$T/driven/report/index.html"
check "but does of simulated ones" grep -q 'runs in virtual time' "$page"

# ---- long names ----

# Two variants whose names begin alike for longer than a legend has room.
long=a-name-that-is-longer-than-the-room-of-a-legend
cp -r "$T/run" "$T/long"
sed -i "s#\"variant\":\"\(fine\|coarse\)\"#\"variant\":\"$long-\1\"#" "$T/long"/*.jsonl
sed -i "s#^\(fine\|coarse\),#$long-\1,#" "$T/long"/*.csv
signed "$T/long"
check "long names" "$OMEGA" report --out "$T/long-report" --format pdf "$T/long"
check "differ in legends" test "$(sed -n "s/.* title '\(a-name.*\)'.*/\1/p" \
    "$T/long-report/figures/use-time.gp" | tr '\n' ';')" = \
    "a-name-that-...the-room-of-a-legend-fine;a-name-that-...e-room-of-a-legend-coarse;"
check "and above panels" test "$(grep -c "^set title 'a-name.*-\(fine\|coarse\)'" \
    "$T/long-report/figures/conflicts.gp")" = 2

# ---- names of strangers ----

name='`touch hacked`<script>alert(1)</script>'
cp -r "$T/run" "$T/odd"
sed -i "s#\"variant\":\"fine\"#\"variant\":\"$name\"#" "$T/odd/results.jsonl" \
    "$T/odd/histograms.jsonl"
sed -i "s|^fine,|$name,|" "$T/odd"/*.csv
signed "$T/odd"
check "hostile names are drawn" "$OMEGA" report --out "$T/odd-report" "$T/odd"
check "and do nothing" test ! -e "$T/odd-report/figures/hacked" -a \
    "$(grep -c '<script' "$T/odd-report/index.html")" -eq 0
finish
