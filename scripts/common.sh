# SPDX-License-Identifier: BSD-3-Clause
# Shared by the scripts of this folder: where things are, and how a case is counted.
# shellcheck shell=bash disable=SC2034
set -u -o pipefail
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc 2>/dev/null || echo 2)

# One line a case: status, name, reason. test.sh hands its own file to the scripts that it calls.
if [ -z "${VDEV_RESULTS:-}" ]; then
  VDEV_RESULTS=$(mktemp "${TMPDIR:-/tmp}/vdev-results.XXXXXX")
  trap 'rm -f "$VDEV_RESULTS"' EXIT
fi
export VDEV_RESULTS

if [ -t 1 ]; then
  bold=$'\033[1m' red=$'\033[31m' green=$'\033[32m' yellow=$'\033[33m' plain=$'\033[0m'
else
  bold='' red='' green='' yellow='' plain=''
fi

say() { printf '%s== %s%s\n' "$bold" "$*" "$plain"; }
have() { command -v "$1" >/dev/null 2>&1; }

case_pass() {
  printf 'pass\t%s\t\n' "$1" >>"$VDEV_RESULTS"
  printf '  %sok%s    %s\n' "$green" "$plain" "$1"
}

case_fail() {
  printf 'fail\t%s\t%s\n' "$1" "${2:-}" >>"$VDEV_RESULTS"
  printf '  %sFAIL%s  %s: %s\n' "$red" "$plain" "$1" "${2:-}"
}

case_skip() {
  printf 'skip\t%s\t%s\n' "$1" "$2" >>"$VDEV_RESULTS"
  printf '  %sskip%s  %s: %s\n' "$yellow" "$plain" "$1" "$2"
}

# check NAME COMMAND...: a case that passes when the command does; its output is shown when not.
check() {
  local name=$1 log status=0
  shift
  log=$(mktemp "${TMPDIR:-/tmp}/vdev-check.XXXXXX")
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" = 0 ]; then
    case_pass "$name"
  else
    tail -n 200 "$log"
    case_fail "$name" "exit code $status (log above): $*"
  fi
  rm -f "$log"
  return "$status"
}

# build DIR MESON-OPTION...: configures when needed and builds; what went wrong is shown.
build() {
  local dir=$1 log
  shift
  # Below build-logs, which git ignores like all that begins with build.
  case $dir in /*) log=$dir.log ;; *) log=build-logs/$dir.log ;; esac
  mkdir -p "$(dirname "$log")"
  if [ -f "$dir/build.ninja" ]; then
    meson configure "$dir" "$@" >"$log" 2>&1 </dev/null
  else
    rm -rf "$dir"
    meson setup "$dir" "$root" "$@" >"$log" 2>&1 </dev/null
  fi || {
    tail -n 40 "$log"
    return 1
  }
  ninja --quiet -C "$dir" >"$log" 2>&1 </dev/null || {
    # From the first failure on; without one (meson could not configure again) the end.
    if grep -q '^FAILED' "$log"; then sed -n '/^FAILED/,$p' "$log"; else tail -n 40 "$log"; fi |
      cut -c 1-400 | head -n 120
    return 1
  }
}

# What the ordinary build, in folder build, is made with.
ordinary=(-Dwerror=true -Dtests=true -Dexamples=true -Dbench=auto -Ddocs=auto)

# sanitizer NAME: compiler and environment for a build under it, `options` for meson, `wrapper` for each
# test. Says why and returns 1 when this machine cannot.
sanitizers="asan-gcc asan-clang tsan msan valgrind"
sanitizer() {
  # Little optimised, and lines for stack traces only: a good third less to wait for. Warnings are errors in
  # the ordinary builds; in these gcc warns of what the instrumentation makes possible.
  options=(-Dtests=true -Ddocs=disabled -Dbench=disabled -Db_lundef=false -Doptimization=1 -Dc_args=-g1) wrapper=''
  export CC=gcc
  case $1 in
  asan-clang | msan) CC=clang ;;&
  asan-*) options+=(-Db_sanitize=address,undefined) ;;
  tsan) options+=(-Db_sanitize=thread -Doptimization=2) ;; # at -O1 gcc 12 loses a comparison of two bits
  msan) options+=(-Db_sanitize=memory -Dexamples=false -Dhost=disabled -Dbpf=disabled -Dtools=disabled) ;;
  valgrind)
    options=("${ordinary[@]}")
    wrapper="valgrind -q --error-exitcode=99 --leak-check=full --track-origins=yes \
--suppressions=$root/tests/valgrind.supp"
    ;;
  esac
  if ! have $CC; then echo "$CC is not installed"; return 1; fi
  if [ "$1" = valgrind ] && ! have valgrind; then echo "valgrind is not installed"; return 1; fi
  # Tests with a long loop shorten it: instrumented code is 5 to 50 times slower.
  export VDEV_TEST_SLOW=1 VDEV_TIMEOUT_MULTIPLIER=6
  export ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1
  export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
}

# suite_size DIR SUITE: how many tests of a build belong to a suite.
suite_size() {
  meson introspect --tests "$1" 2>/dev/null | python3 -c '
import json, sys
print(sum(sys.argv[1] in [s.split(":")[-1] for s in t["suite"]] for t in json.load(sys.stdin)))' "$2"
}

# 1 when /dev/kvm cannot be used; says why on stdout.
kvm_usable() {
  python3 - <<'PY'
import fcntl, os, sys
try:
    fd = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    version = fcntl.ioctl(fd, 0xAE00)  # KVM_GET_API_VERSION
except FileNotFoundError:
    sys.exit(print("there is no /dev/kvm: no virtualisation, or the kvm module is not loaded") or 1)
except PermissionError:
    sys.exit(print("no permission to open /dev/kvm: join the group kvm or run as root") or 1)
except OSError as e:
    sys.exit(print("/dev/kvm does not answer as KVM does (%s)" % os.strerror(e.errno)) or 1)
if version != 12:
    sys.exit(print("KVM interface version %d instead of 12" % version) or 1)
PY
}

# The closing lines: what was skipped, what failed, and the sum as the very last line.
close_report() {
  local passed failed skipped
  passed=$(grep -c '^pass' "$VDEV_RESULTS")
  failed=$(grep -c '^fail' "$VDEV_RESULTS")
  skipped=$(grep -c '^skip' "$VDEV_RESULTS")
  if [ "$skipped" != 0 ]; then
    printf '\nSkipped, not counted as passed:\n'
    awk -F'\t' '$1 == "skip" {n[$3]++; w[$3] = $2}
      END {for (r in n) printf "  %s%s: %s\n", w[r], (n[r] > 1 ? " and " (n[r] - 1) " more" : ""), r}' \
      "$VDEV_RESULTS" | sort
  fi
  if [ "$failed" != 0 ]; then
    printf '\nFailed:\n'
    awk -F'\t' '$1 == "fail" {printf "  %s: %s\n", $2, $3}' "$VDEV_RESULTS"
  fi
  printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  [ "$failed" = 0 ] && [ "$passed" != 0 ]
}
