#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/install-packages on machines of several kinds, played by stubs in an otherwise empty PATH.
source "$(dirname "$0")/../support/shell.sh"
only_plain "installing packages" "it runs scripts only"

# machine COMMAND...: a fresh PATH with bash, env and these real commands.
machine() {
    rm -rf "$T/bin" "$T/calls"
    mkdir "$T/bin"
    : >"$T/calls"
    for command in bash env "$@"; do
        ln -s "$(command -v "$command")" "$T/bin/$command"
    done
}

# stub NAME LINE...: a command that notes how it was called and then does LINE.
stub() {
    local name=$1
    shift
    printf '%s\n' "#!$BASH" "echo \"$name \$*\" >>\"$T/calls\"" "$@" >"$T/bin/$name"
    chmod +x "$T/bin/$name"
}

# A dpkg-query that knows gcc only, and later all that apt-get installed.
debian() {
    stub dpkg-query "if [ \"\${!#}\" = gcc ]; then echo -n installed; else exit 1; fi"
    stub apt-cache 'exit 0'
    stub apt-get 'exit 0'
}

install() { PATH=$T/bin "$BASH" tests/install-packages "$@"; }
silent() { [ -z "$("$@" 2>&1)" ]; }
called() { grep -q -- "$1" "$T/calls"; }
not_called() { ! grep -q -- "$1" "$T/calls"; }

machine
debian
stub id 'echo 0'
check "nothing to do, nothing said" silent install gcc
install gcc check valgrind >"$T/said"
check "says what" grep -q '^installing Debian packages: check valgrind$' "$T/said"
check "only what is missing" called 'apt-get install .*--no-install-recommends check valgrind$'
check "does not update without need" not_called 'apt-get update'

machine
debian
stub id 'echo 0'
stub apt-cache 'exit 100'
check "a fresh image without lists" install check
check "updates first" called 'apt-get update'
check "then installs" called 'apt-get install .* check$'

machine
debian
stub id 'echo 1000'
stub sudo '"$@"'
check "a user with sudo" install check
check "calls sudo" called 'sudo env DEBIAN_FRONTEND=noninteractive apt-get install'

machine
debian
stub id 'echo 1000'
check "a user without sudo" fails_with 1 'needs root and there is no sudo.*missing: check' \
    install check

machine
check "another system without the libraries" fails_with 1 'not a Debian.*missing: libjansson-dev$' \
    install libjansson-dev

machine
stub pkg-config 'exit 0'
check "another system with the libraries" install libjansson-dev libxxhash-dev check
install check 2>"$T/said"
check "is told so" grep -q '^warning: this is not a Debian' "$T/said"

machine
debian
stub id 'echo 0'
stub apt-get 'exit 100'
check "no network" fails_with 1 'apt-get update failed.*missing: check' install check
finish
