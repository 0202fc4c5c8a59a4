#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Plants each bug of tests/planted/ in a copy of the tree and runs the test that has to catch it. A test
# that cannot fail is a defect.
#   scripts/planted.sh [--sample N] [PATCH...]     (default: all; --sample: N of them, spread evenly)
# The head of each patch says: `Test: SUITE/NAME` (as meson lists it), `Rule: R4`, `Why: ...`.
. "$(dirname "$0")/common.sh"
cd "$root" || exit 1

sample=0
if [ "${1:-}" = --sample ]; then
  sample=${2:?--sample needs a number}
  shift 2
fi
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
  echo "a sample: $sample of ${#patches[@]} bugs"
  patches=("${chosen[@]}")
fi

copy=$(mktemp -d "${TMPDIR:-/tmp}/vdev-planted.XXXXXX")
trap 'rm -rf "$copy"' EXIT
tree=$copy/tree

copy_tree() {
  mkdir "$tree"
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files -co --exclude-standard -z | xargs -0 -I{} sh -c '[ ! -f "$1" ] || printf "%s\0" "$1"' _ {}
  else
    find . -path './build*' -prune -o -type f -print0
  fi | tar -c --null -T - | tar -x -C "$tree"
}

field() { sed -n "s/^$2: *//p;/^---/q" "$1" | head -n 1; } # PATCH NAME

run_test() { # SUITE/NAME in the copy; quiet
  local suite=${1%%/*} name=${1#*/}
  timeout 300 meson test -C "$copy/build" --no-rebuild --suite "$suite" "$name" >"$copy/test.log" 2>&1 \
    </dev/null
}

# A test that fails without a bug would "catch" everything; one that cannot run here catches nothing.
declare -A sound
look_at_test() {
  [ -z "${sound[$1]:-}" ] || return 0
  if ! run_test "$1"; then
    sound[$1]=no
  elif ! grep -q '^Ok:' "$copy/test.log"; then
    sound[$1]=none
  elif grep -qE '^Ok: +0' "$copy/test.log"; then
    sound[$1]=skipped
  else
    sound[$1]=yes
  fi
}

# Says on stdout why the planted bug was not caught; nothing when it was.
try_patch() {
  local patch=$1 test=$2
  if ! patch -d "$tree" -p1 --no-backup-if-mismatch -s <"$patch" >"$copy/patch.log" 2>&1; then
    echo "the patch no longer applies"
    # A part of it may have: take that back from the real tree.
    sed -n 's|^+++ b/\([^	]*\).*|\1|p' "$patch" | while IFS= read -r file; do
      cp -p "$root/$file" "$tree/$file"
    done
    return
  fi
  if ! ninja -C "$copy/build" >"$copy/build.log" 2>&1; then
    echo "the bug does not compile: $(grep -m1 'error:' "$copy/build.log")"
  elif run_test "$test"; then
    echo "MISSED: $test passes with the bug in"
  fi
  patch -d "$tree" -p1 -R --no-backup-if-mismatch -s <"$patch" >/dev/null || echo "cannot be taken out again"
}

copy_tree || exit 1
if ! CC=gcc root=$tree build "$copy/build" -Dtests=true -Ddocs=disabled -Dbuildtype=debug; then
  case_fail planted "the tree does not build without any bug"
  exit 1
fi
caught=0 missed=0
# First all sound tests, on the unharmed copy.
for patch in "${patches[@]}"; do
  test=$(field "$patch" Test)
  [ -z "$test" ] || look_at_test "$test"
done
for patch in "${patches[@]}"; do
  name="planted: $(basename "$patch" .patch) [$(field "$patch" Rule)]"
  test=$(field "$patch" Test)
  if [ "${sound[${test:-none}]:-}" = skipped ]; then
    case_skip "$name" "$test cannot run on this machine"
    continue
  fi
  if [ -z "$test" ] || [ -z "$(field "$patch" Why)" ]; then
    why="the patch lacks its line 'Test: SUITE/NAME' or 'Why: ...'"
  elif [ "${sound[$test]}" = none ]; then
    why="there is no test $test"
  elif [ "${sound[$test]}" = no ]; then
    why="$test fails without the bug, too"
  else
    why=$(try_patch "$patch" "$test")
  fi
  if [ -z "$why" ]; then
    caught=$((caught + 1))
    case_pass "$name, by $test"
  else
    missed=$((missed + 1))
    case_fail "$name" "$why"
  fi
done
echo "$caught caught, $missed missed"
[ "$missed" = 0 ]
