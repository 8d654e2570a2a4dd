#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# make install, and what a new user does with it in an empty folder: new-scheduler, make, make test,
# make run; then make uninstall.
source "$(dirname "$0")/../support/shell.sh"
unset MAKEFLAGS MAKELEVEL MFLAGS PKG_CONFIG_PATH
tree=$PWD
P=$T/usr

# The build is there already: the script alone, as 'make install' calls it.
B=$B PREFIX=$P DESTDIR= core/kit/install >"$T/said"
check "install says where, and what is missing in PATH" \
    bash -c "grep -q 'installed omega in $P' '$T/said' && grep -q 'export PATH=' '$T/said'"
check "make install and make uninstall call it" \
    bash -c "make -n install uninstall PREFIX=/x DESTDIR=/y |
             grep -c \"PREFIX='/x' DESTDIR='/y'.*core/kit/install\" | grep -qx 2"
check "a relative PREFIX is refused" fails_with 1 "PREFIX is 'here', expected an absolute path" \
    env B="$B" PREFIX=here core/kit/install

# What is there.
export PATH=$P/bin:$PATH
modules=$(find schedulers -maxdepth 1 -name '*.c' | wc -l)
check "the command finds its modules" \
    bash -c "[ \"\$(omega schedulers | grep -c '^[a-z_]*: ')\" = $modules ]"
check "they are the installed ones" \
    bash -c "omega schedulers --json | grep -q '$P/.*lib/omega/schedulers/batch.so'"
check "omega config names the installed headers" \
    bash -c "[ \"\$(omega config --cflags)\" = '-I$P/include/omega' ]"
check "omega config --json" \
    bash -c "omega config --json | grep -q '\"modules\": \"$P/lib/omega/schedulers\"'"
check "omega config takes one option" \
    fails_with 2 "expected one option" omega config --cflags --json
if command -v pkg-config >/dev/null; then
    check "pkg-config knows the headers" bash -c "
        cd \"\$(PKG_CONFIG_PATH=$P/lib/pkgconfig pkg-config --variable=includedir omega)\" &&
        [ \"\$(pwd -P)\" = \"\$(realpath '$P/include/omega')\" ]"
    check "pkg-config knows the version" bash -c "
        version=\$(PKG_CONFIG_PATH=$P/lib/pkgconfig pkg-config --modversion omega) &&
        [ \"omega \$version\" = \"\$(omega --version)\" ]"
else
    skip "pkg-config" "there is none"
fi
check "an installed experiment runs" omega run "$P/share/omega/experiments/first.json" --quiet \
    --set horizon_s=3900 --out "$T/first"
check "the documents are there" bash -c "
    test -s \"\$(omega config --documents)/schedulers/TUTORIAL.md\""
links_hold() { # links_hold: each file that a document links to is there
    cd "$P/share/doc/omega" && find . -name '*.md' | while read -r document; do
        grep -oE '\]\([^)#:]+' "$document" | cut -c3- | while read -r link; do
            [ -e "$(dirname "$document")/$link" ] || { echo "$document: $link"; exit 1; }
        done || exit 1
    done
}
check "and what they link to" links_hold
cp -r "$P" "$T/moved"
check "all of it may be moved" bash -c "cd '$T/moved' &&
    [ \"\$(bin/omega config --headers)\" = \"\$(pwd -P)/include/omega\" ] &&
    bin/omega schedulers --json | grep -q \"\$(pwd -P)/.*batch.so\""

# Each header alone, and no header of the tree.
compiler=$(command -v "${CC:-gcc}" || command -v gcc || command -v clang || true)
cxx=$(command -v g++ || command -v clang++ || true)
headers_compile() { # headers_compile COMPILER OPTIONS...
    (cd "$P/include/omega" && find . -name '*.h') | while read -r header; do
        echo "#include \"${header#./}\"" | (cd "$T" && "$@" -Wall -Wextra -pedantic -Werror \
            -I"$P/include/omega" -fsyntax-only -) || exit 1
    done
}
[ -z "$compiler" ] ||
    check "each header compiles alone as C11" headers_compile "$compiler" -std=c11 -xc
[ -z "$cxx" ] ||
    check "each header compiles alone as C++17" headers_compile "$cxx" -std=c++17 -xc++

# A new user in an empty folder.
mkdir "$T/empty"
cd "$T/empty" || exit 1
check "new-scheduler" bash -c "omega new-scheduler mine >'$T/said'"
check "says what to do next" grep -q '^next: cd mine && make' "$T/said"
check "it leaves no trace of the template" bash -c "! grep -rq 'my_scheduler\|SPDX' mine"
if command -v make >/dev/null && command -v cc >/dev/null; then
    check "make" bash -c "make -C mine >'$T/said'"
    check "it was built against the installed omega" grep -q "I$P/include/omega" "$T/said"
    check "nothing of the tree is used" bash -c "! grep -q '$tree/' mine/mine.d"
    check "make test" make -C mine test
    check "make run" make -C mine run
    check "the comparison has all variants" bash -c "
        [ \"\$(grep '\"scope\":\"scheduler\"' mine/omega-out/mine/results.jsonl |
             grep -o '\"variant\":\"[a-z0-9-]*\"' | sort -u | wc -l)\" = 3 ]"
    check "make clean leaves what was written at first" bash -c "make -C mine clean &&
        [ \"\$(ls -A mine | LC_ALL=C sort | tr '\n' ' ')\" = \
          'Makefile README.md experiment.json mine.c test.sh ' ]"
    sed -i 's/placed < run.count &&/placed <= run.count \&\&/' mine/mine.c
    check "a broken module fails make test" bash -c "! make -C mine test >broken 2>&1 &&
        grep -q '^tasks .*FAILED' broken"
    check "without omega it is said what to do" \
        fails_with 2 "there is no 'omega': put omega into PATH" env PATH=/usr/bin:/bin make -C mine
    check "make OMEGA=..." env PATH=/usr/bin:/bin make -C mine -B OMEGA="$P/bin/omega"
else
    skip "building a new module" "there is no make or no cc"
fi

# Names and folders.
check "a folder that is there is not touched" fails_with 1 "^omega: mine: .*File exists" \
    omega new-scheduler mine
check "a folder of another name" \
    bash -c "omega new-scheduler --dir other.dir yours && [ -s other.dir/yours.c ]"
check "no such place" fails_with 1 "No such file" omega new-scheduler --dir no/such yours
for name in "" Batch 1st a-b ../x "$(printf 'x%.0s' {1..41})"; do
    check "'$name' is no name" fails_with 1 "is no name for a module, expected 1 to 40" \
        omega new-scheduler -- "$name"
done
check "a shipped module's name" fails_with 1 "'batch' is the name of a shipped module" \
    omega new-scheduler batch
check "a word of C" bash -c "omega new-scheduler int && make -C int"
check "no name" fails_with 2 "expected one name, got 0" omega new-scheduler

# Uninstalling.
cd "$tree" || exit 1
touch "$P/lib/theirs"
check "uninstall" env PREFIX="$P" core/kit/install --remove
check "leaves what others have put there, and nothing else" \
    bash -c "[ \"\$(find '$P' | sort | tr '\n' ' ')\" = '$P $P/lib $P/lib/theirs ' ]"
check "a second time there is nothing" fails_with 1 "nothing has been installed there" \
    env PREFIX="$P" core/kit/install --remove
check "into a stage" env B="$B" PREFIX=/usr DESTDIR="$T/stage" core/kit/install
check "it lies there" test -x "$T/stage/usr/bin/omega"
echo "f lib/omega/old" >>"$T/stage/usr/lib/omega/manifest"
touch "$T/stage/usr/lib/omega/old"
check "installing again" env B="$B" PREFIX=/usr DESTDIR="$T/stage" core/kit/install
check "takes away what is not installed any more" test ! -e "$T/stage/usr/lib/omega/old"
check "uninstall from the stage" env PREFIX=/usr DESTDIR="$T/stage" core/kit/install --remove
check "leaves nothing" test ! -e "$T/stage"
(umask 077 && B=$B PREFIX="$T/some where/else" core/kit/install >/dev/null)
check "others may use it, whatever the umask" test -z "$(find "$T/some where" -not -perm -a+r)"
if command -v make >/dev/null && command -v cc >/dev/null; then
    check "a path with blanks will do" bash -c "cd '$T' && rm -rf blank &&
        '$T/some where/else/bin/omega' new-scheduler blank &&
        make -C blank run OMEGA='$T/some where/else/bin/omega'"
fi
check "uninstall from there" env PREFIX="$T/some where/else" core/kit/install --remove
check "leaves no folder above the prefix" test ! -e "$T/some where"
mkdir -p "$T/half/share/doc"
touch "$T/half/share/doc/omega"
check "an installation that fails" bash -c "! PREFIX='$T/half' B='$B' core/kit/install"
check "can be removed" env PREFIX="$T/half" core/kit/install --remove
check "and leaves what was there" bash -c "
    [ \"\$(find '$T/half' -type f)\" = '$T/half/share/doc/omega' ] && [ ! -e '$T/half/bin' ]"
check "a build without its command" bash -c "! PREFIX='$T/none' B='$T' core/kit/install"
check "is not called installed" bash -c "! grep -q 'installed omega' '$T/check.out'"
finish
