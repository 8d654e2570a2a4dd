#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The layers hold, and the check that says so can fail.
source "$(dirname "$0")/../support/shell.sh"
only_plain "the layers" "it looks at sources"

check "the tree keeps its layers" tests/check-layers

# copy FILE LINE: a copy of the tree in which FILE has LINE at its end.
copy() {
    rm -rf "$T/tree"
    mkdir -p "$T/tree/tests" "$T/tree/$(dirname "$1")"
    cp -r core cellstate schedulers "$T/tree"
    cp -r tests/support "$T/tree/tests"
    touch "$T/tree/core/driver/made_up_private.h"
    echo "$2" >>"$T/tree/$1"
}

# spoiled NAME REGEX FILE LINE: the check names FILE when LINE is put at its end in a copy.
spoiled() {
    local name=$1 regex=$2 file=$3 line=$4
    copy "$file" "$line"
    if tests/check-layers "$T/tree" >"$T/out"; then
        not_ok "$name"
    elif [ "$(wc -l <"$T/out")" -eq 1 ] && grep -Eq "^$file:[0-9]*:? ?.*$regex" "$T/out"; then
        ok "$name"
    else
        not_ok "$name"
        sed 's/^/    /' "$T/out"
    fi
}

# sound NAME FILE LINE: the check has nothing against LINE in FILE.
sound() {
    copy "$2" "$3"
    check "sound: $1" tests/check-layers "$T/tree"
}

spoiled "base may not know the model" "model/job.h' in core/base" \
    core/base/map.c '#include "core/model/job.h"'
spoiled "the cell state may not know plug-ins" "scheduler.h' in cellstate" \
    cellstate/rules.c '#include "core/plugin/scheduler.h"'
spoiled "plug-ins and metrics do not include each other" "metrics.h' in core/plugin" \
    core/plugin/module.h '#include "core/metrics/metrics.h"'
spoiled "metrics and workloads do not include each other" "workload.h' in core/metrics" \
    core/metrics/metrics.h '#include "core/workload/workload.h"'
spoiled "the driver may not know the experiment" "experiment.h' in core/driver" \
    core/driver/run.h '#include "core/experiment/experiment.h"'
spoiled "the simulator may not know the live driver" "live.h' in core/driver" \
    core/driver/run.h '#include "core/live/live.h"'
spoiled "a module sees no store" "store.h' in schedulers" \
    schedulers/made_up.c '#include "cellstate/store.h"'
spoiled "a module sees no clock" "<time.h> in a module" \
    schedulers/made_up.c '#include <time.h>'
spoiled "a private header stays in its folder" "private 'core/driver/made_up_private.h'" \
    core/experiment/made_up.c '#include "core/driver/made_up_private.h"'
spoiled "tests are not included" "check_main.h' in core/base" \
    core/base/error.c '#include "tests/support/check_main.h"'
spoiled "the cell state knows no JSON" "knows no JSON" \
    cellstate/rules.c '#include <jansson.h>'
for folder in core/model core/plugin core/workload core/metrics core/experiment core/cli; do
    spoiled "no locks in $folder" "<pthread.h> here, expected locks in core/base cellstate" \
        "$folder/made_up.c" '#include <pthread.h>'
done
spoiled "no locks in a module" "<pthread.h> in a module" schedulers/made_up.c '#include <pthread.h>'
for folder in core/base cellstate core/driver core/live; do
    sound "locks in $folder" "$folder/made_up.c" '#include <pthread.h>'
done
sound "sockets in the live driver" core/live/made_up.c '#include <sys/socket.h>'
spoiled "sockets belong to the drivers" "<sys/socket.h> here" \
    cellstate/rules.c '#include <sys/socket.h>'
spoiled "paths start at the top level" "there is no 'error.h'" \
    core/base/error.c '#include "error.h"'
spoiled "a new folder needs a layer" "'core/made_up' is no layer" \
    core/made_up/a.c '#include <stdint.h>'
spoiled "nothing new at the top level" "no place at the top level" made_up.txt ''
finish
