#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Fuzzing. Target fuzz_NAME is tests/fuzz/fuzz_NAME.c, its corpus tests/fuzz/corpus/NAME, its dictionary, if
# any, tests/fuzz/fuzz_NAME.dict.
#   scripts/fuzz.sh --seconds N [TARGET]   each target, or one, for N seconds: what CI does
#   scripts/fuzz.sh TARGET HOURS           libFuzzer for hours, then the corpus is merged and kept
#   scripts/fuzz.sh --afl TARGET HOURS     the same target under AFL++
# A crash leaves its input in build-fuzz/crashes. Make it a named test before you mend the bug: copy it to
# tests/fuzz/crashes/NAME/WHAT-WAS-WRONG and add that to fuzz_crashes in tests/fuzz/meson.build.
. "$(dirname "$0")/common.sh"
cd "$root" || exit 1

dir=build-fuzz
usage() { sed -n '5,7s/^# \{0,1\}//p' "$0"; }

targets() {
  find $dir/tests/fuzz -maxdepth 1 -type f -executable -name 'fuzz_*' ! -name '*_replay' -printf '%f\n' | sort
}

corpus_of() { echo "tests/fuzz/corpus/${1#fuzz_}"; }

libfuzzer() { # TARGET SECONDS CORPUS: into a scratch corpus first, so that CI changes no file
  local target=$1 seconds=$2 corpus=$3 dict=()
  [ ! -f "tests/fuzz/$target.dict" ] || dict=(-dict="tests/fuzz/$target.dict")
  mkdir -p $dir/crashes "$(corpus_of "$target")"
  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    "$dir/tests/fuzz/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$dir/crashes/$target-" "${dict[@]}" "$corpus" "$(corpus_of "$target")"
}

short_run() { # TARGET SECONDS
  local scratch log status=0 runs
  scratch=$(mktemp -d) log=$dir/$1.log
  libfuzzer "$1" "$2" "$scratch" >"$log" 2>&1 </dev/null || status=$?
  rm -rf "$scratch"
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  if [ $status = 0 ] && [ -n "$runs" ]; then
    case_pass "fuzz: $1, $runs executions"
  else
    tail -n 60 "$log"
    case_fail "fuzz: $1" "crash or time-out after ${runs:-?} executions; input in $dir/crashes (log above)"
  fi
}

long_run() { # TARGET HOURS
  local scratch=$dir/corpus/$1 corpus merged
  corpus=$(corpus_of "$1")
  mkdir -p "$scratch"
  libfuzzer "$1" "${VDEV_FUZZ_SECONDS:-$(($2 * 3600))}" "$scratch" || return 1
  merged=$(mktemp -d)
  "$dir/tests/fuzz/$1" -merge=1 "$merged" "$corpus" "$scratch" || return 1
  # What was there stays, under the names that it has: tests and people may refer to them.
  cp -n "$merged"/* "$corpus"/
  rm -rf "$merged"
  echo "fuzz: $corpus has $(find "$corpus" -type f | wc -l) inputs; commit the new ones"
}

afl_run() { # TARGET HOURS
  if ! have afl-clang-fast; then
    echo "fuzz: AFL++ is not installed (Debian: afl++)" >&2
    return 1
  fi
  # afl-clang-fast brings a driver for -fsanitize=fuzzer targets.
  CC=afl-clang-fast build build-afl -Dfuzz=true -Dtests=true -Dexamples=false -Ddocs=disabled \
    -Dbench=disabled -Dkvm=disabled -Db_lundef=false || return 1
  local dict=() seeds out bad runs
  seeds=$(corpus_of "$1")
  [ ! -f "tests/fuzz/$1.dict" ] || dict=(-x "tests/fuzz/$1.dict")
  if [ -z "$(ls -A "$seeds" 2>/dev/null)" ]; then
    seeds=build-afl/seeds
    mkdir -p $seeds && echo 0 >$seeds/one
  fi
  out=build-afl/out-$1
  rm -rf "$out"
  echo "fuzz: $1 under AFL++; how it goes: build-afl/$1.log, afl-whatsup $out"
  AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 \
    afl-fuzz -V "${VDEV_AFL_SECONDS:-$(($2 * 3600))}" -i "$seeds" -o "$out" "${dict[@]}" \
    -- "build-afl/tests/fuzz/$1" >"build-afl/$1.log" 2>&1 </dev/null || {
    tail -n 40 "build-afl/$1.log"
    return 1
  }
  bad=$(find "$out" -path '*crashes/id*' -o -path '*hangs/id*' | wc -l)
  runs=$(sed -n 's/^execs_done *: *//p' "$out/default/fuzzer_stats")
  echo "fuzz: $1: $runs executions under AFL++, $bad crashes and hangs in $out"
  [ "$bad" = 0 ] && [ "$runs" -gt 0 ]
}

build_targets() {
  CC=clang build $dir -Dfuzz=true -Dtests=true -Dexamples=false -Ddocs=disabled -Dbench=disabled \
    -Dkvm=disabled -Db_lundef=false
}

if ! have clang; then
  case_skip fuzz "clang is not installed"
  exit 0
fi
case ${1:-} in
--seconds)
  if ! build_targets; then
    case_fail "fuzz: build" "the targets do not build (log above)"
    exit 1
  fi
  [ -n "$(targets)" ] || case_fail fuzz "the build has no fuzz target"
  for target in ${3:-$(targets)}; do
    # As many at a time as there are processors.
    [ "$(jobs -pr | wc -l)" -lt "$jobs" ] || wait -n
    short_run "$target" "${2:-10}" &
  done
  wait
  ;;
--afl) afl_run "${2:?which target}" "${3:-1}" ;;
fuzz_*)
  build_targets && long_run "$1" "${2:?how many hours}"
  ;;
*) usage >&2; exit 2 ;;
esac
