#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# omega cell: making cells, describing them, changing machines, and wrong usage of every verb.
source "$(dirname "$0")/../support/shell.sh"
cat >"$T/machines.csv" <<END
machine,cpu_milli,mem_mib,gpu_devices,platform,domain,absent,attributes
m0,4000,16384,0,x86,rack0,0,
"m,1",8000,32768,8,,,0,gpu_model=A;ssd
m2,1000,1024,0,,,1,
7,1000,1024,0,,,0,
END

says() { # says REGEX ARGUMENTS...
    local regex=$1
    shift
    "$OMEGA" cell "$@" >"$T/says" && grep -Eq -- "$regex" "$T/says"
}
usage() { # usage NAME REGEX ARGUMENTS...
    local name=$1 regex=$2
    shift 2
    check "usage: $name" fails_with 2 "$regex" "$OMEGA" cell "$@"
}
fails() { # fails NAME REGEX ARGUMENTS...
    local name=$1 regex=$2
    shift 2
    check "$name" fails_with 1 "$regex" "$OMEGA" cell "$@"
}

# help and wrong usage
check "--help" says '^usage: omega cell VERB' --help
for verb in init load export show check drain undrain fail add; do
    check "--help names $verb" grep -Eq "^  $verb +[a-z]" <("$OMEGA" cell --help)
    check "$verb --help" says "^usage: omega cell $verb .*DIR" "$verb" --help
    usage "$verb with an unknown option" "unknown option '--fast'" "$verb" --fast
    usage "$verb without a directory" "see 'omega cell $verb --help'" "$verb"
done
usage "no verb" "^usage: omega cell VERB"
usage "unknown verb" \
    "unknown verb 'kill', expected init, load, export, show, metrics, events, check, drain" kill
usage "two directories" "2 directories, expected one" init "$T/a" "$T/b"
usage "missing value" "option '--machines' needs a value" init "$T/a" --machines
usage "machines twice" "expected one of --machines, --trace and --uniform" \
    init "$T/a" --machines "$T/machines.csv" --uniform 3 --cpu 1 --mem 1
usage "uniform alone" "--uniform alone, expected --cpu and --mem" init "$T/a" --uniform 3 --cpu 1
usage "cpu alone" "expected --uniform with it" init "$T/a" --cpu 3
for wrong in "uniform 0" "uniform x" "uniform 99999999" "cpu 1.2345" "cpu -1" "cpu 0" "cpu 0.000" \
    "cpu 99999999" "cpu ." "cpu 1." "mem 1e3" "mem 0" "mem 99999999" "gpus 9" "mode slow" \
    "map-size 16X" "map-size G" "map-size 0" "map-size 1023k" "map-size 64K" \
    "map-size 99999999999T" "log-changes 0" \
    "overcommit-cpu 0" "overcommit-mem 31" "overcommit-gpu x"; do
    usage "--$wrong" "'${wrong#* }' is not what option '--${wrong% *}' takes, expected " \
        init "$T/a" "--${wrong% *}" "${wrong#* }"
done
usage "a range is told" "'99999999' is not what .* expected 0.001 to 1073741 cores, with up to" \
    init "$T/a" --uniform 1 --cpu 99999999 --mem 1
usage "a value is told once" "^omega: 'abc' is not what option '--uniform' takes, expected 1 to" \
    init "$T/a" --uniform=abc
usage "--mode=slow" "'slow' is not what option '--mode' takes, expected pwrite" \
    init "$T/a" --mode=slow
usage "load without a file" "expected a directory and a file" load "$T/a"
usage "export to two files" "expected a directory, and a file or none" export "$T/a" b c
usage "unknown list" "unknown list 'pods', expected machines, placements, jobs" show "$T/a" pods
usage "a filter of no list" "'--limit' does not go with a cell as a whole" show "$T/a" --limit 3
usage "a filter of another list" "'--state' does not go with jobs" show "$T/a" jobs --state up
usage "which lists take a filter" "'--machine' .* it goes with machines, placements and jobs" \
    show "$T/a" changes --machine 1
usage "which list takes a filter" "'--state' .* it goes with machines$" show "$T/a" jobs --state up
usage "a list before the directory" "'machines' is a list, expected the cell's directory first" \
    show machines "$T"
usage "a machine before the directory" "'m0' is no directory but '.*' is one, expected the cell's" \
    drain m0 "$T"
usage "a file before the directory" "'x.dump' is no directory but .* the cell's directory first" \
    export x.dump "$T"
usage "a dump before the directory" "machines.csv' is a file, expected the cell's directory first" \
    load "$T/machines.csv" "$T/a"
usage "wrong state" "expected up, down or draining" show "$T/a" machines --state off
usage "wrong instance" "expected an instance's number" show "$T/a" jobs --instance 65535
usage "no machine" "expected a directory and at least one machine" drain "$T/a"
usage "wrong loss" "'keep' is not what option '--lost' takes, expected return or fail" \
    fail "$T/a" m0 --lost keep
usage "--lost of drain" "unknown option '--lost'" drain "$T/a" m0 --lost fail
check "wrong usage made nothing" test ! -e "$T/a"

# init
check "a cell of a machine file" says 'c: a cell of 4 machines, mode pwrite$' \
    init "$T/c" --machines "$T/machines.csv"
check "its machines" says '^ +1 up +0 +8000 +0 +32768 +0 +8 +0 +0  m,1$' show "$T/c" machines
check "the absent one is down" says '^ +2 down .* m2$' show "$T/c" machines
check "it is sound" says '^proved: A .*B .*E .*I ' check "$T/c"
fails "a directory that is not empty" "c: .*expected" init "$T/c" --machines "$T/machines.csv"
check "which stays as it is" says '^machines +4: 3 up, 0 draining, 1 down$' show "$T/c"
check "a cell of equal machines" "$OMEGA" cell init "$T/deep/er/u" --uniform 3 --cpu 0.5 \
    --mem 1.5 --gpus 2 --mode power --map-size 32M --log-changes 10 --keep-jobs \
    --release-raises-seq --overcommit-cpu 1.5 --overcommit-mem 1.25 --overcommit-gpu 2
check "its machines" says '^ +2 up +0 +750 +0 +1920 +0 +2 +0 +0  m2$' show "$T/deep/er/u" machines
check "its mode and map" says '^mode +power; .* of 32 MiB used$' show "$T/deep/er/u"
check "its options" says \
    'over-commit CPU 1.5, memory 1.25, GPU 2; jobs that are over are kept; a release raises' \
    show "$T/deep/er/u"
check "its change log" says '^version +0; change log for 10 changes, empty$' show "$T/deep/er/u"
mkdir "$T/made"
check "an empty cell in an empty directory" says 'a cell of 0 machines, mode fast$' \
    init "$T/made" --mode fast
check "it shows" says '^machines +0: 0 up' show "$T/made"
cat >"$T/jobs.csv" <<END
job,submit_us,workload,user,precedence,group,tasks,optional,cpu_milli,mem_mib,gpu_devices,\
gpu_milli,duration_us,constraints
7,50000000,batch,alice,100,0,3,0,100,200,0,0,1000000,
END
of_trace() {
    "$OMEGA" trace import --format csv --out "$T/a.trace" "$T/jobs.csv" "$T/machines.csv" &&
        "$OMEGA" cell init "$T/t" --trace "$T/a.trace" &&
        "$OMEGA" cell show "$T/t" machines --json >"$T/t.json" &&
        "$OMEGA" cell show "$T/c" machines --json >"$T/c.json" && cmp "$T/t.json" "$T/c.json"
}
check "a cell of a trace has the machines of the same file" of_trace
check "and no jobs" says '^jobs +0 in the table$' show "$T/t"
fails "a missing machine file" "nowhere.csv: cannot open: No such file" \
    init "$T/x" --machines "$T/nowhere.csv"
sed '4s/1000/many/' "$T/machines.csv" >"$T/bad.csv"
fails "a bad machine file" "bad.csv:4: cpu_milli 'many', expected an integer" \
    init "$T/x" --machines "$T/bad.csv"
head -1 "$T/machines.csv" >"$T/none.csv"
fails "a file without machines" "none.csv: holds no machine, expected at least one" \
    init "$T/x" --machines "$T/none.csv"
sed '2s/4000/0/' "$T/machines.csv" >"$T/bad.csv"
fails "a machine without CPU" "bad.csv: machine 'm0' has no CPU, expected CPU and memory" \
    init "$T/x" --machines "$T/bad.csv"
sed '3s/32768/0/' "$T/machines.csv" >"$T/bad.csv"
fails "a machine without memory" "bad.csv: machine 'm,1' has no memory, expected CPU and memory" \
    init "$T/x" --machines "$T/bad.csv"
fails "a file as a trace" "machines.csv: .*not a trace file" init "$T/x" --trace "$T/machines.csv"
fails "a file as a directory" "machines.csv" init "$T/machines.csv" --uniform 1 --cpu 1 --mem 1
check "failures left nothing behind" test -z "$(find "$T" -name 'x*' -o -name '*.tmp')"
"$OMEGA" cell init "$T/small" --uniform 1 --cpu 1 --mem 1 --map-size 32m >/dev/null
check "small letters are units" says '; .* of 32 MiB used$' show "$T/small"
here() { (cd "$T/here" && "$OMEGA" cell init . --uniform 1 --cpu 1 --mem 1); }
mkdir -m 750 "$T/here"
inode=$(stat -c %i "$T/here")
check "in the current directory" here
check "which stays the same one" test "$(stat -c '%i %a' "$T/here")" = "$inode 750"
check "with a cell and no more" test "$(ls "$T/here" | tr '\n' ' ')" = \
    "cell data.mdb lock.mdb writer "
ln -s "$T/nothing" "$T/link"
fails "a link that leads nowhere" "link: is a symbolic link that leads nowhere" \
    init "$T/link" --uniform 1 --cpu 1 --mem 1
ln -sfn "$T/linked" "$T/link"
mkdir "$T/linked"
check "a link to an empty directory" "$OMEGA" cell init "$T/link" --uniform 1 --cpu 1 --mem 1
check "holds the cell there" "$OMEGA" cell check "$T/linked"

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
    done
    return 1
}
# what bash starts in the background ignores SIGINT, unless it has job control
set -m
million=(init "$T/stop/new" --uniform 1000000 --cpu 4 --mem 4)
check "Ctrl-C while a cell is made" \
    interrupted "$T/stop/new.*.tmp" "$OMEGA" cell "${million[@]}"
check "leaves nothing" test -z "$(ls -A "$T/stop")"
mkdir "$T/stop/new"
check "also in a directory" interrupted "$T/stop/new/*.tmp" "$OMEGA" cell "${million[@]}"
check "which stays empty" test -z "$(ls -A "$T/stop/new")"
set +m
fails "no cell" "nowhere: there is no such directory" show "$T/nowhere"
fails "a directory that is no cell" "deep: .*expected" show "$T/deep"

# machines
check "drain by name" says '^m0 \(index 0\): draining, version 1$' drain "$T/c" m0
check "drain by index, and a name with a comma" says '^7 \(index 3\): draining, version 2$' \
    drain "$T/c" 3 m,1
check "a name of digits comes before an index" grep -q '^m,1 (index 1): draining, version 3$' \
    "$T/says"
fails "draining twice" "^omega: $T/c: machine 'm0' is draining, expected one that is up" \
    drain "$T/c" m0
check "undrain, as JSON" says \
    '^\{"machine":"m0","index":0,"event":"undrain","state":"up","version":4,"lost":\[\]\}$' \
    undrain --json "$T/c" m0
fails "an unknown machine" \
    "^omega: $T/c: there is no machine 'm9', expected the name of one of the cell's 4 machines" \
    fail "$T/c" m0 m9
fails "an index too high" "there is no machine '4'" fail "$T/c" 4
fails "a machine named twice" "machine '0' is named twice, expected once" fail "$T/c" m0 0
fails "a machine in the wrong state" "machine 'm2' is down, expected one that is up or draining" \
    fail "$T/c" m0 m2
fails "adding one that is up" "machine 'm0' is up, expected one that is down" add "$T/c" m0
fails "undraining one that is up" "machine 'm0' is up, expected one that is draining" \
    undrain "$T/c" m0
check "which changed nothing at all" says '^version +4;' show "$T/c"
check "an empty change log has no first version" grep -q '"log_first":null' \
    <("$OMEGA" cell show --json "$T/here")
check "one that is not has" grep -q '"log_first":1' <("$OMEGA" cell show --json "$T/c")
check "--help says what columns mean" says '^Columns: .*milli-cores' show --help
check "and what fail is called elsewhere" says "'remove'" fail --help
check "units are in the headers" says 'cpu_used_milli.*mem_limit_mib' show "$T/c" machines
check "fail" says '^m0 \(index 0\): down, version 5, 0 placements lost$' fail "$T/c" m0
check "add" says '^m2 \(index 2\): up, version 7$' add "$T/c" m0 m2
check "the changes are logged" says '^ +5 remove .* 1 +0$' show "$T/c" changes
check "by state" says '^ +1 draining .*m,1$' show "$T/c" machines --state draining
check "it is still sound" says '^proved: A .*B .*E .*I ' check "$T/c"

# output that cannot be written
for words in "show $T/c" "show $T/c machines" "show $T/c --json" "check $T/c" "export $T/c" \
    "undrain $T/c 1"; do
    full() {
        # shellcheck disable=SC2086
        "$OMEGA" cell $words >/dev/full
    }
    check "a full disk under cell ${words%% *}" fails_with 1 "cannot write" full
done
finish
