#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# omega test-scheduler: good modules pass, and every way to be wrong is found by the check that is
# about it, and named.
source "$(dirname "$0")/../support/shell.sh"
modules=$B/tests/modules

suite() { "$OMEGA" test-scheduler --quick --timeout 1 "$@"; }

good="batch first_fit service reference mapreduce"
for module in $good "$modules"/{elastic,random_one,stateful,talker}.so; do
    suite "$module" >"$T/good"
    code=$?
    check "$(basename "$module" .so) does nothing wrong" test "$code" -eq 0
    [ "$code" -eq 0 ] || grep FAILED "$T/good" | sed 's/^/    /'
done
check "each check is told" test "$(grep -cE '^[a-z]+ +(ok|skipped)' "$T/good")" = \
    "$("$OMEGA" test-scheduler --list | wc -l)"

# finds MODULE CHECK REGEX [OPTIONS]: CHECK is the first that fails, with a text that matches.
finds() {
    local module=$1 name=$2 regex=$3 options=${4:-{\}} code=0
    suite --first --options "$options" "$modules/$module.so" >"$T/bad" 2>"$T/bad.err" || code=$?
    check "$module is caught by '$name'${4:+ ($4)}" bash -c "
        [ $code -eq 1 ] && [ ! -s '$T/bad.err' ] && grep -m 1 FAILED '$T/bad' |
        grep -E '^$name +FAILED: ' | grep -E -- \"$regex\" ||
        { cat '$T/bad' '$T/bad.err'; false; }"
}
# A sanitizer ends the process itself where there would be a signal, and has the memory.
crash="crash, signal [0-9]+"
sanitized=no
if "$OMEGA" test-scheduler first_fit --only memory --jobs 4 | grep -q "skipped: .*sanitizer"; then
    crash="$crash|ended the process, with exit code 1"
    sanitized=yes
fi
finds bad_no_symbol loads "no symbol 'omega_scheduler_entry'"
finds bad_abi loads "scheduler ABI 48, expected 7"
finds bad_size loads "has [0-9]+ bytes in it, expected [0-9]+"
finds bad_no_name loads "name is missing"
finds bad_no_place loads "place is missing"
finds bad_option_range loads "the default is out of its own range"
case $(uname -m) in
x86_64 | aarch64) finds wrong_rounding loads "changes how the whole process rounds" ;;
*) skip "wrong_rounding is caught" "it does nothing on this kind of processor" ;;
esac
finds wrong_load loads "crash, signal [0-9]+, in the loading of module"
finds wrong_random imports "uses getrandom, which draws random numbers .*: use host->random"
finds wrong_clock imports "uses time, which reads a clock: use host->now_us"
finds wrong_print imports "puts"
finds exit_place imports "uses exit, which ends"
finds bad_init starts "init refused: this module never starts"
finds crash_init starts "crash, signal [0-9]+, in init\(\) of module 'crash_init'"
finds crash_place tasks "crash, signal [0-9]+, in place\(\) of module 'crash_place'.*, job 1"
finds hang_place tasks "has not returned for [0-9]+ s, in place\(\) of module 'hang_place'"
finds wrong_end tasks "ended the process, with exit code 0, after [0-9]+ calls"
finds gives_up tasks "gave up"
finds wrong_host tasks "job 1: wrote to the struct of the host"
finds wrong_last tasks "$crash"
finds breach_machine tasks "claimed machine 40 of 40"
finds wrong_twice tasks "job 1: claimed task 0, which is claimed already, attempt 1"
finds wrong_retry tasks "which is placed already, attempt 2"
finds wrong_room claims "where the view shows no room for task"
finds wrong_eligible constraints "which is not eligible for group"
finds wrong_declined constraints "has not returned"
finds wrong_devices devices "where the view shows no room for task"
finds wrong_started optional "started\(\) returned 0 us, expected 1 to 10*, or OMEGA_NEVER"
finds wrong_late optional "claimed task [0-9]+ outside place\(\)"
finds wrong_late optional "took back task 0, which is not claimed" '{"what": "unclaims"}'
finds wrong_late optional "gave up: no model of such a job" '{"what": "fails"}'
finds wrong_late optional "started\(\) returned 9223372036854775806 us" \
    '{"what": "returns_too_much"}'
finds wrong_model optional "$crash"
finds wrong_view lent "wrote to view->entry, in place\(\) of module 'wrong_view'"
finds wrong_sorts lent "wrote to pending->groups\[\].tasks"
finds wrong_keeps kept "used after the call that lent it: view->entry"
finds wrong_keeps_job kept "used after the call that lent it: pending->job"
finds wrong_full full "$crash"
finds wrong_unsigned changes "where the view shows no room"
finds wrong_one one "$crash"
finds wrong_empty empty "$crash"
finds wrong_huge huge "$crash"
finds wrong_grows grows "$crash"
finds wrong_option options "with every at 0: ($crash)"
for of in state code stack; do
    finds wrong_address repeats "the first job placed otherwise in a (second|third) process" \
        "{\"of\": \"$of\"}"
done
finds wrong_thread_local statics "writes to thread-local data"
finds wrong_shared instances "the first job placed otherwise beside another instance"
finds counters quiet "counter '.*' is ignored"
finds wrong_names quiet "counter 'job_[0-9]+' is ignored: expected at most 64 names"
if [ "$sanitized" = yes ]; then
    skip "leaks, static data and fresh memory are found" "a sanitizer has the memory"
else
    # what the first one finds in its memory is left there by others: it may be as in one of the two
    finds wrong_fresh repeats "the first job placed otherwise in a (second|third) process"
    finds wrong_static statics "writes to static data, at 0x[0-9a-f]+ of the file"
    finds wrong_leaks memory "leaks: about 0\.[0-9]* bytes a job"
    finds wrong_leaks memory "leaks: about 0\.[0-9]* bytes a job" '{"in_started": true}'
    finds wrong_fini memory "leaks: fini\(\) leaves about [0-9]+ bytes of each instance"
    finds wrong_hoard memory "no memory|crash|killed"
fi
check "what is printed is told even where nothing else is looked at" \
    bash -c "'$OMEGA' test-scheduler --only quiet '$modules/wrong_print.so' |
             grep -q \"FAILED: prints 'placing a job'\""
check "a module that places nothing is no fault, but told" \
    bash -c "'$OMEGA' test-scheduler --only places '$modules/options.so' |
             grep -Eq '^places +ok: note: places 0 of [0-9]+ tasks'"

if command -v cc >/dev/null; then
    check "a module that links to a library is told so" bash -c "
        cc -shared -fPIC -I. tests/modules/wrong_last.c -Wl,--no-as-needed -ljansson -lm \
            -o '$T/links.so' &&
        '$OMEGA' test-scheduler --only imports '$T/links.so' |
        grep -Eq '^imports +ok: links to libjansson.so[.0-9]*, which has to be there'"
    sed -e 's/(void)state;/dprintf(2, "that was all"), _exit(3);/' \
        -e '1i #include <stdio.h>' -e '1i #include <unistd.h>' \
        tests/modules/wrong_last.c >"$T/ends.c"
    check "what a process prints before it ends is told" bash -c "
        cc -shared -fPIC -I. '$T/ends.c' -o '$T/ends.so' &&
        '$OMEGA' test-scheduler --only tasks '$T/ends.so' |
        grep -Eq 'ended the process, with exit code 3, after [0-9]+ calls: that was all'"
    asan=$(cc -print-file-name=libasan.so)
    if [ -e "$asan" ] && [ "$sanitized" = no ]; then
        check "a module with a sanitizer of its own" bash -c "
            cc -shared -fPIC -I. -fsanitize=address tests/modules/wrong_static.c \
                -o '$T/own.so' &&
            LD_PRELOAD='$asan' ASAN_OPTIONS=detect_leaks=0 '$OMEGA' test-scheduler --quick \
                '$T/own.so' >'$T/own'"
        check "but for what that has is tried out as others are" bash -c "
            grep -q ' ok, 0 failed, 2 skipped$' '$T/own'"
    else
        skip "a module with a sanitizer of its own" "there is none, or omega has one"
    fi
else
    skip "modules that are built here" "there is no cc"
fi

# The command.
check "a file here needs no './'" \
    bash -c "cd '$modules' && '$OMEGA' test-scheduler --only loads stateful.so"
check "--options reaches the module" \
    bash -c "'$OMEGA' test-scheduler --only lent --options '{\"array\": \"gpu\"}' \
             '$modules/cheat.so' | grep -q 'wrote to view->free_gpu_milli'"
check "--only runs one check" \
    bash -c "'$OMEGA' test-scheduler --only claims batch | grep -qx '1 ok, 0 failed, 0 skipped'"
check "--json is an array of objects" \
    bash -c "'$OMEGA' test-scheduler --json --only claims batch | grep -q '\"outcome\": \"ok\"'"
check "--list --json" \
    bash -c "'$OMEGA' test-scheduler --list --json | grep -q '\"check\": \"loads\"'"
check "two runs tell the same" bash -c "
    '$OMEGA' test-scheduler --quick '$modules/wrong_keeps.so' | grep -v '^memory' >'$T/1'
    '$OMEGA' test-scheduler --quick '$modules/wrong_keeps.so' | grep -v '^memory' | cmp '$T/1' -"
check "an unknown check lists the known ones" \
    fails_with 1 "no check 'clams', expected one of: loads," \
    "$OMEGA" test-scheduler --only clams batch
check "options that the module does not have" \
    fails_with 1 "module 'batch' has no option 'x', expected one of: probes," \
    "$OMEGA" test-scheduler --options '{"x": 1}' batch
check "--first stops there" test "$("$OMEGA" test-scheduler --first "$modules/wrong_room.so" |
    grep -c '^[a-z]* *\(FAILED\|ok\)')" = 5
check "options that are no JSON" fails_with 2 "is no JSON object" \
    "$OMEGA" test-scheduler --options '{x' batch
check "no module" fails_with 2 "expected one module, got 0" "$OMEGA" test-scheduler
check "a bad number" fails_with 2 "'-3', expected a whole number" \
    "$OMEGA" test-scheduler --jobs=-3 batch
check "a file that is not there" bash -c "! '$OMEGA' test-scheduler ./none.so >'$T/none' &&
    grep -q 'No such file' '$T/none' && grep -q 'skipped: the module cannot be loaded' '$T/none'"
finish
