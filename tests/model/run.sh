#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Checks a model with spin: it must hold, and each of its planted bugs must be found.
#   tests/model/run.sh removal               half a minute
#   tests/model/run.sh zerocopy
#   EVENTS=5 tests/model/run.sh removal      deeper: one event more in each history; two minutes
#   EVENTS=5 MEMLIM=6000 tests/model/run.sh zerocopy
# The last line is `N passed, N failed, N skipped`. Exit code 77: spin is not there.
name=${1:-removal}
model=$(cd "$(dirname "$0")" && pwd)/$name.pml
events=${EVENTS:-4}
memory=${MEMLIM:-1024} # megabytes
seconds=${SECONDS_EACH:-300}

if ! command -v spin >/dev/null; then
  echo "skip: spin is not installed (Debian: spin)"
  echo "0 passed, 0 failed, 1 skipped"
  exit 77
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/vdev-model.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0 failed=0
optimize=-O0 # compiling takes longer than running, unless histories are long
collapse= # smaller states, at twice the time

# verify PROPERTY EVENTS DEFINES...: leaves pan's report in log; 0: it could be made and ran to its end.
# Fairness and cycles cost, so liveness gets by with one event less.
verify() {
  property=$1 options="-DEVENTS=$2"
  shift 2
  rm -f pan pan.* ./*.trail
  spin -a "$options" "$@" "$model" >spin.log 2>&1 || { cat spin.log; return 1; }
  case $property in
    safety) with="-DSAFETY -DNOCLAIM $collapse" flags=-m300000 ;;
    ends) with="-DNP -DNOCLAIM $collapse" flags="-m500000 -l" ;; # no cycle, with progress or without
    *) with=-DNFAIR=3 flags="-m500000 -a -f -N $property" ;;
  esac
  # shellcheck disable=SC2086 # words, not files
  ${CC:-cc} $optimize -w -DMEMLIM="$memory" $with -o pan pan.c || return 1
  # shellcheck disable=SC2086
  timeout "$seconds" ./pan $flags >log 2>&1
  # Out of memory, time or depth is not an answer.
  grep -q 'errors: ' log && ! grep -qE 'max search depth too small|out of memory|reached -DMEMLIM' log
}

count() { sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' log; }

holds() { # PROPERTY EVENTS DEFINES...
  if verify "$@" && grep -q 'errors: 0$' log; then
    property=$1 n=$2
    shift 2
    echo "ok: $property holds: $(count) states, $n events${*:+, $*}"
    passed=$((passed + 1))
  else
    echo "FAILED: $* does not hold, or could not be checked"
    cat log
    [ ! -f "$name.pml.trail" ] || spin -k "$name.pml.trail" -t -p -g "$model" 2>&1 | tail -n 120
    failed=$((failed + 1))
  fi
}

caught() { # BUG PROPERTY EVENTS DEFINES...
  bug=$1 property=$2 n=$3
  shift 3
  if verify "$property" "$n" "-DBUG_$bug" "$@" && ! grep -q 'errors: 0$' log; then
    echo "ok: planted bug $bug is found by $property: $(sed -n 's/^pan:1: //p' log | cut -c1-100)"
    passed=$((passed + 1))
  else
    echo "FAILED: planted bug $bug is not found by $property"
    failed=$((failed + 1))
  fi
}

removal() {
  [ "$events" -gt 4 ] && optimize=-O2
  holds safety "$events"
  holds answered $((events - 1))
  holds plugged $((events - 1))
  for bug in 1 2 3 4 7 8; do
    caught $bug safety 4
  done
  for bug in 5 6; do
    caught $bug answered 3
  done
}

# One event in a history, as the state space is that of six threads. KINDS 9: DUPLICATE and FAILURE; 4: RESET.
zerocopy() {
  n=$((events - 3))
  [ "$events" -gt 4 ] && collapse=-DCOLLAPSE
  optimize=-O1
  holds safety "$n"
  holds safety "$n" -DSLOTS=2 -DKINDS=9
  [ "$events" -gt 4 ] && holds safety 1 -DSLOTS=2 -DKINDS=4
  holds safety "$n" -DUNTIL=1 -DKINDS=1
  holds ends 1 -DKINDS=11
  optimize=-O0
  for bug in 1 2 3 6 7 8 9 10 11 12 13 14 15 16 17; do
    caught $bug safety 1
  done
  for bug in 4 5; do
    caught $bug safety 1 -DSLOTS=2 -DKINDS=9
  done
}

case $name in
  removal | zerocopy) "$name" ;;
  *) echo "FAILED: no such model: $name" && exit 1 ;;
esac
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
