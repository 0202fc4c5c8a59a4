#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Sets up, builds, runs tests, and counts cases.
#   scripts/test.sh                 the suites, in about ten minutes
#   scripts/test.sh all             what CI runs
#   scripts/test.sh NAME...         some of:
#     suites      unit prop oom traces kvm bpf tools abi install model bench docs examples
#     gates       format static fuzz coverage mcdc planted
#     sanitizers  asan-gcc asan-clang tsan msan valgrind
# The last line is `N passed, N failed, N skipped`; skips are listed with their reasons.
# docs/testing.md says what each proves. VDEV_SETUP=no leaves out the look for missing packages.
. "$(dirname "$0")/common.sh"
cd "$root" || exit 1

meson_suites="unit prop oom traces examples tools abi install docs model kvm bpf bench"
gates="format static fuzz coverage mcdc planted"
by_default="format unit prop oom traces examples tools abi install docs kvm bpf"
everything="format $meson_suites fuzz static $sanitizers coverage mcdc planted"

usage() { sed -n '3,11s/^# \{0,1\}//p' "$0"; }

is_in() { # WORD LIST
  case " $2 " in *" $1 "*) return 0 ;; esac
  return 1
}

timed() { # LABEL COMMAND...
  local label=$1 begin=$SECONDS status=0
  shift
  "$@" || status=$?
  printf '   (%s: %d s)\n' "$label" $((SECONDS - begin))
  return $status
}

# run_meson DIR PREFIX PROCESSES WRAPPER SUITE...: runs suites of a build and counts their cases.
run_meson() {
  local dir=$1 prefix=$2 processes=$3 wrapper=$4 status=0 suite args=()
  shift 4
  for suite in "$@"; do args+=(--suite "$suite"); done
  VDEV_CASES=$(mktemp -d "${TMPDIR:-/tmp}/vdev-cases.XXXXXX")
  export VDEV_CASES
  # meson names the log after the wrapper.
  local log=$root/$dir/meson-logs/testlog-cmocka-cases.sh.json
  rm -f "$log"
  meson test -C "$dir" --no-rebuild --num-processes "$processes" --print-errorlogs \
    --timeout-multiplier "${VDEV_TIMEOUT_MULTIPLIER:-1}" \
    --wrapper "$root/scripts/cmocka-cases.sh $wrapper" "${args[@]}" </dev/null || status=$?
  if ! python3 scripts/testreport.py "$log" "$prefix" "$VDEV_RESULTS"; then
    case_fail "$prefix$*" "meson test ended with exit code $status and left no log"
  fi
  rm -rf "$VDEV_CASES"
}

# Suites of the ordinary build. What is timed or uses the whole machine runs alone.
run_suites() {
  local suite together=()

  say "build (gcc)"
  if ! timed build build build "${ordinary[@]}"; then
    case_fail build "the library or its tests do not build (log above)"
    return
  fi
  case_pass build
  for suite in "$@"; do
    if [ "$(suite_size build "$suite")" = 0 ]; then
      case_fail "$suite" "the build has no test of this suite"
    elif ! is_in "$suite" "kvm bpf bench"; then
      together+=("$suite")
    fi
  done
  if is_in docs "$*"; then
    if have doxygen && have dot; then
      check "docs: reference without warnings, a man page for each call" ninja -C build docs/man3
    else
      case_skip "docs: reference" "doxygen or graphviz is not installed"
    fi
  fi
  if [ "${#together[@]}" != 0 ]; then
    say "${together[*]}"
    timed "${together[*]}" run_meson build '' "$jobs" '' "${together[@]}"
  fi
  for suite in kvm bpf bench; do
    if is_in "$suite" "$*" && [ "$(suite_size build "$suite")" != 0 ]; then
      say "$suite"
      timed "$suite" run_meson build '' 1 '' "$suite"
    fi
  done
}

# run_sanitizer NAME: its own build, then the suites that make sense under it.
run_sanitizer() {
  local name=$1 why suite options wrapper suites=() candidates='unit oom prop traces fuzz examples tools' dir=build-$1

  # Not in a subshell, which would take the environment with it.
  why=$(sanitizer "$name") || { case_skip "$name" "$why"; return; }
  sanitizer "$name"
  case $name in
  asan-*) candidates="$candidates kvm bpf" ;;
  # Not bpf, whose writer is the kernel and whose tests fork with threads.
  tsan) candidates="$candidates kvm" ;;
  msan)
    case_skip "msan: mini-VMM" "json-c is not instrumented: what it writes would count as uninitialised"
    case_skip "msan: host, bpf, tools" "libnuma, libbpf, json-c and libsmartcols are not instrumented"
    ;;
  valgrind) candidates='unit oom' dir=build ;; # runs what every run builds
  esac
  if ! timed build build "$dir" "${options[@]}"; then
    case_fail "$name: build" "does not build (log above)"
    return
  fi
  for suite in $candidates; do
    [ "$(suite_size "$dir" "$suite")" = 0 ] || suites+=("$suite")
  done
  if [ "${#suites[@]}" = 0 ]; then
    case_fail "$name" "the build has no tests to run under it"
  else
    timed "$name" run_meson "$dir" "$name: " "$jobs" "$wrapper" "${suites[@]}"
  fi
}

run_gate() {
  case $1 in
  planted) scripts/planted.sh ${VDEV_PLANTED_SAMPLE:+--sample "$VDEV_PLANTED_SAMPLE"} ;;
  fuzz) scripts/fuzz.sh --seconds "${VDEV_FUZZ_SECONDS:-10}" ;;
  *) "scripts/$1.sh" ;;
  esac
  # A gate counts its own cases; one that dies before it could count is a failure.
  local status=$?
  [ "$status" = 0 ] || grep -q "^fail	$1" "$VDEV_RESULTS" ||
    case_fail "$1" "scripts/$1.sh ended with exit code $status"
}

names=()
for arg in "$@"; do
  case $arg in
  all) read -ra more <<<"$everything"; names+=("${more[@]}") ;;
  -h | --help) usage; exit 0 ;;
  *)
    if ! is_in "$arg" "$meson_suites $gates $sanitizers"; then
      echo "test: '$arg' is no suite, gate or sanitizer" >&2
      usage >&2
      exit 2
    fi
    names+=("$arg")
    ;;
  esac
done
is_all=0
is_in all "$*" && is_all=1
[ "${#names[@]}" != 0 ] || read -ra names <<<"$by_default"

# In CI a sample of the planted bugs; `scripts/test.sh planted` alone tries all of them.
[ "$is_all" = 0 ] || export VDEV_PLANTED_SAMPLE=${VDEV_PLANTED_SAMPLE:-12} VDEV_FUZZ_SECONDS=${VDEV_FUZZ_SECONDS:-6}

profile=test
for name in "${names[@]}"; do
  is_in "$name" "$meson_suites format asan-gcc tsan" && [ "$name" != bench ] || profile=all
done
if [ "${VDEV_SETUP:-yes}" != no ]; then
  scripts/setup.sh --for "$profile" ||
    echo "test: going on without the missing packages; what needs them fails or is skipped"
fi

suites=()
for name in "${names[@]}"; do
  is_in "$name" "$meson_suites" && suites+=("$name")
done
for name in "${names[@]}"; do
  if is_in "$name" "$gates"; then
    say "$name"
    timed "$name" run_gate "$name"
  elif is_in "$name" "$sanitizers"; then
    say "$name"
    # In a subshell: the environment of one sanitizer is not that of the next.
    (run_sanitizer "$name")
  elif [ "${#suites[@]}" != 0 ]; then
    run_suites "${suites[@]}"
    suites=()
  fi
done
close_report
