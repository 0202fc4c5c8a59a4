#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Plants each bug of tests/planted/ in a copy of the tree and runs the test that has to catch it. A test
# that cannot fail is a defect.
#   scripts/planted.sh [--sample N] [PATCH...]     (default: all; --sample: N of them, spread evenly, and
#                                                   the twins of lock-free claims, lockfree-*.patch)
# The head of each patch says, before its first line of ---:
#   Test: SUITE/NAME          as meson lists it, or gate/SCRIPT ARGUMENT...: a script of this folder
#   Rule: R4                  of docs/engines, or `gates`
#   Why: ...                  what is wrong
#   Build: asan-gcc           optional: the test runs in a build under this sanitizer
#   Shows: torn [1-9]         optional: what (grep -E) the failing test's output has to show
. "$(dirname "$0")/common.sh"
cd "$root" || exit 1

sample=0
if [ "${1:-}" = --sample ]; then
  sample=${2:?--sample needs a number}
  shift 2
fi
some=$(($# + sample))
if [ $# != 0 ]; then patches=("$@"); else patches=(tests/planted/*.patch); fi
if [ ! -f "${patches[0]}" ]; then
  case_fail planted "tests/planted has no patches"
  exit 1
fi
if [ "$sample" -gt 0 ] && [ "$sample" -lt "${#patches[@]}" ]; then
  chosen=()
  for ((i = 0; i < sample; i++)); do
    chosen+=("${patches[i * ${#patches[@]} / sample]}")
  done
  for patch in "${patches[@]}"; do
    case " ${chosen[*]} " in *" $patch "*) continue ;; esac
    case $patch in */lockfree-*) chosen+=("$patch") ;; esac
  done
  echo "a sample: ${#chosen[@]} of ${#patches[@]} bugs"
  patches=("${chosen[@]}")
fi

copy=$(mktemp -d "${TMPDIR:-/tmp}/vdev-planted.XXXXXX")
trap 'rm -rf "$copy"' EXIT
tree=$copy/tree

copy_tree() {
  mkdir "$tree"
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files -co --exclude-standard -z | xargs -0 -I{} sh -c '{ [ ! -f "$1" ] && [ ! -L "$1" ]; } || printf "%s\0" "$1"' _ {}
  else
    find . -path './build*' -prune -o -type f -print0
  fi | tar -c --null -T - | tar -x -C "$tree"
}

field() { sed -n "s/^$2: *//p;/^---/q" "$1" | head -n 1; } # PATCH NAME

dir_of() { echo "$copy/build${1:+-$1}"; } # sanitizer or nothing

# build_copy SANITIZER TEST: what the test says it needs; everything, where it says nothing.
build_copy() {
  local dir targets
  dir=$(dir_of "$1")
  mapfile -t targets < <(meson introspect --targets --tests "$dir" | python3 -c '
import json, os, sys
top, (suite, name) = os.path.realpath(sys.argv[1]), sys.argv[2].split("/", 1)
seen = json.load(sys.stdin)
files = {t["id"]: t["filename"] for t in seen["targets"]}
for t in seen["tests"]:
    if t["name"] == name and any(s.split(":")[-1] == suite for s in t["suite"]):
        print("\n".join(os.path.relpath(f, top) for d in t["depends"] for f in files[d]))' "$dir" "$2")
  [ -n "${targets[*]}" ] || targets=()
  ninja -C "$dir" "${targets[@]}" >"$copy/build.log" 2>&1
}

run_gate() { # SCRIPT ARGUMENT...; its cases are judged apart from ours
  : >"$copy/results"
  (
    cd "$tree" && VDEV_RESULTS=$copy/results VDEV_SETUP=no timeout 900 "scripts/$1.sh" "${@:2}"
  ) >"$copy/test.log" 2>&1 </dev/null || return 1
  ! grep -q '^fail' "$copy/results"
}

run_test() { # SUITE/NAME or gate/SCRIPT ARGUMENT..., SANITIZER; quiet
  local suite=${1%%/*} name=${1#*/} options wrapper=''
  if [ "$suite" = gate ]; then
    # shellcheck disable=SC2086
    run_gate $name
    return
  fi
  (
    [ -z "$2" ] || sanitizer "$2"
    timeout 300 meson test -C "$(dir_of "$2")" --no-rebuild --print-errorlogs ${wrapper:+--wrapper "$wrapper"} \
      --timeout-multiplier "${VDEV_TIMEOUT_MULTIPLIER:-1}" --suite "$suite" "$name" >"$copy/test.log" 2>&1 </dev/null
  )
}

# set_up SANITIZER or nothing: its build of the copy.
set_up() {
  local options=(-Dtests=true -Ddocs=disabled -Dbuildtype=debug)
  (
    export CC=gcc
    [ -z "$1" ] || sanitizer "$1" >/dev/null
    meson setup "$(dir_of "$1")" "$tree" "${options[@]}" >"$copy/build.log" 2>&1
  )
}

# A test that fails without a bug would "catch" everything; one that cannot run here catches nothing.
declare -A sound
look_at_test() { # TEST SANITIZER
  local key=$1:$2
  [ -z "${sound[$key]:-}" ] || return 0
  if [ -n "$2" ] && ! (sanitizer "$2" >/dev/null); then
    sound[$key]=skipped
  elif [ "${1%%/*}" != gate ] && ! { { [ -d "$(dir_of "$2")" ] || set_up "$2"; } && build_copy "$2" "$1"; }; then
    sound[$key]=no
  elif ! run_test "$1" "$2"; then
    sound[$key]=no
  elif [ "${1%%/*}" = gate ]; then
    # What it left out for want of a tool cannot be told apart from what it looked at.
    if grep -q '^skip' "$copy/results"; then sound[$key]=skipped; else sound[$key]=yes; fi
  elif ! grep -q '^Ok:' "$copy/test.log"; then
    sound[$key]=none
  elif grep -qE '^Ok: +0' "$copy/test.log"; then
    sound[$key]=skipped
  else
    sound[$key]=yes
  fi
}

# Says on stdout why the planted bug was not caught; nothing when it was.
try_patch() { # PATCH TEST SANITIZER
  local patch=$1 test=$2 shows
  shows=$(field "$patch" Shows)
  if ! patch -d "$tree" -p1 --no-backup-if-mismatch -s <"$patch" >"$copy/patch.log" 2>&1; then
    echo "the patch no longer applies"
    # A part of it may have: take that back from the real tree.
    sed -n 's|^+++ b/\([^	]*\).*|\1|p' "$patch" | while IFS= read -r file; do
      cp -p "$root/$file" "$tree/$file"
    done
    return
  fi
  # What a gate builds is its own affair: that it does not build may be what it finds.
  if [ "${test%%/*}" != gate ] && ! build_copy "$3" "$test"; then
    echo "the bug does not compile: $(grep -m1 'error:' "$copy/build.log")"
  elif run_test "$test" "$3"; then
    echo "MISSED: $test passes with the bug in"
  elif [ -n "$shows" ] && ! grep -qE "$shows" "$copy/test.log"; then
    echo "$test fails, but does not show '$shows'"
  fi
  patch -d "$tree" -p1 -R --no-backup-if-mismatch -s <"$patch" >/dev/null || echo "cannot be taken out again"
}

copy_tree || exit 1
if ! set_up ''; then
  tail -n 40 "$copy/build.log"
  case_fail planted "the tree cannot be built without any bug"
  exit 1
fi
caught=0 missed=0
# First all sound tests, on the unharmed copy.
for patch in "${patches[@]}"; do
  test=$(field "$patch" Test)
  [ -z "$test" ] || look_at_test "$test" "$(field "$patch" Build)"
done
for patch in "${patches[@]}"; do
  name="planted: $(basename "$patch" .patch) [$(field "$patch" Rule)]"
  test=$(field "$patch" Test) under=$(field "$patch" Build)
  state=${sound[$test:$under]:-}
  if [ "$state" = skipped ]; then
    case_skip "$name" "$test cannot run on this machine"
    continue
  fi
  if [ -z "$test" ] || [ -z "$(field "$patch" Why)" ]; then
    why="the patch lacks its line 'Test: SUITE/NAME' or 'Why: ...'"
  elif [ "$state" = none ]; then
    why="there is no test $test"
  elif [ "$state" = no ]; then
    why="$test fails without the bug, too"
  else
    why=$(try_patch "$patch" "$test" "$under")
  fi
  if [ -z "$why" ]; then
    caught=$((caught + 1))
    case_pass "$name, by $test${under:+ under $under}"
  else
    missed=$((missed + 1))
    case_fail "$name" "$why"
  fi
done
# Asked for all, each suite has to have one that it catches.
[ "$some" != 0 ] || while IFS= read -r suite; do
  grep -qE "^Test: $suite/" "${patches[@]}" && continue
  missed=$((missed + 1))
  case_fail "planted: suite $suite" "no bug is planted for it: nobody knows whether it can fail"
done < <(meson introspect --tests "$copy/build" | python3 -c '
import json, sys
print("\n".join(sorted({s.split(":")[-1] for t in json.load(sys.stdin) for s in t["suite"]})))')
echo "$caught caught, $missed missed"
[ "$missed" = 0 ]
