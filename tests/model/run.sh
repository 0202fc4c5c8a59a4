#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Checks removal.pml with spin: the model must hold, and each of its planted bugs must be found.
#   tests/model/run.sh              half a minute
#   EVENTS=5 tests/model/run.sh     deeper: one event more in each history; two minutes
# The last line is `N passed, N failed, N skipped`. Exit code 77: spin is not there.
model=$(cd "$(dirname "$0")" && pwd)/removal.pml
events=${EVENTS:-4}
memory=${MEMLIM:-1024} # megabytes
seconds=${SECONDS_EACH:-300}
# Compiling takes longer than running, unless histories are long.
[ "$events" -gt 4 ] && optimize=-O2 || optimize=-O0

if ! command -v spin >/dev/null; then
  echo "skip: spin is not installed (Debian: spin)"
  echo "0 passed, 0 failed, 1 skipped"
  exit 77
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/vdev-model.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0 failed=0

# verify PROPERTY EVENTS DEFINES...: leaves pan's report in log; 0: it could be made and ran to its end.
# Fairness and cycles cost, so liveness gets by with one event less.
verify() {
  property=$1 options="-DEVENTS=$2"
  shift 2
  rm -f pan pan.* ./*.trail
  spin -a "$options" "$@" "$model" >spin.log 2>&1 || { cat spin.log; return 1; }
  if [ "$property" = safety ]; then
    ${CC:-cc} $optimize -w -DMEMLIM="$memory" -DSAFETY -DNOCLAIM -o pan pan.c || return 1
    timeout "$seconds" ./pan -m300000 >log 2>&1
  else
    ${CC:-cc} $optimize -w -DMEMLIM="$memory" -DNFAIR=3 -o pan pan.c || return 1
    timeout "$seconds" ./pan -m500000 -a -f -N "$property" >log 2>&1
  fi
  # Out of memory, time or depth is not an answer.
  grep -q 'errors: ' log && ! grep -qE 'max search depth too small|out of memory|reached -DMEMLIM' log
}

count() { sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' log; }

holds() { # PROPERTY EVENTS
  if verify "$1" "$2" && grep -q 'errors: 0$' log; then
    echo "ok: $1 holds: $(count) states, $2 events"
    passed=$((passed + 1))
  else
    echo "FAILED: $1 does not hold, or could not be checked"
    cat log
    [ ! -f removal.pml.trail ] || spin -t -p -g -DEVENTS="$2" "$model" 2>&1 | tail -n 120
    failed=$((failed + 1))
  fi
}

caught() { # BUG PROPERTY EVENTS
  if verify "$2" "$3" "-DBUG_$1" && ! grep -q 'errors: 0$' log; then
    echo "ok: planted bug $1 is found by $2: $(sed -n 's/^pan:1: //p' log)"
    passed=$((passed + 1))
  else
    echo "FAILED: planted bug $1 is not found by $2"
    failed=$((failed + 1))
  fi
}

holds safety "$events"
holds answered $((events - 1))
holds plugged $((events - 1))
for bug in 1 2 3 4 7 8 9; do
  caught $bug safety 4
done
for bug in 5 6; do
  caught $bug answered 3
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
