#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Line and branch coverage of lib/ with gcovr, against the floor in tests/coverage.floor.
# Details: build-coverage/coverage/index.html
. "$(dirname "$0")/common.sh"
cd "$root" || exit 1

if ! have gcovr; then
  case_skip coverage "gcovr is not installed"
  exit 0
fi
say "coverage: build and run"
# Atomic counters: those of the stress tests' threads would end below zero, which gcovr refuses.
if ! CC=gcc build build-coverage -Db_coverage=true -Dc_args=-fprofile-update=atomic -Dbuildtype=debug \
  -Dtests=true -Ddocs=disabled -Dbench=disabled; then
  case_fail "coverage: build" "does not build (log above)"
  exit 1
fi
find build-coverage -name '*.gcda' -delete
# What random events reach, few of them reach as well.
suites=()
for suite in unit oom prop traces fuzz examples tools kvm bpf; do # the others build elsewhere what they run
  [ "$(suite_size build-coverage "$suite")" = 0 ] || suites+=(--suite "$suite")
done
run_tests() {
  VDEV_TEST_SLOW=1 meson test -C build-coverage --no-rebuild --print-errorlogs --timeout-multiplier 4 "${suites[@]}"
}
check "coverage: tests" run_tests

mkdir -p build-coverage/coverage
report() {
  gcovr --root . --object-directory build-coverage --filter 'lib/' --exclude-unreachable-branches \
    --exclude-throw-branches --txt build-coverage/coverage.txt \
    --json-summary build-coverage/coverage.json --html-details build-coverage/coverage/index.html \
    build-coverage
}
check "coverage: report" report || exit 1
cat build-coverage/coverage.txt
# number line|branch[:FOLDER]: its percentage.
number() {
  python3 - "$1" <<'PY'
import json, sys
kind, _, folder = sys.argv[1].partition(":")
# A program of its own, with floors of its own: what only devices and kernels that are not here would reach.
program = "lib/host/reader/"
files = [f for f in json.load(open("build-coverage/coverage.json"))["files"]
         if f["filename"].startswith(folder) and
         f["filename"].startswith(program) == (folder + "/").startswith(program)]
total = sum(f[kind + "_total"] for f in files)
print("%.2f" % (100.0 * sum(f[kind + "_covered"] for f in files) / total if total else 0))
PY
}
no_kvm=$(kvm_usable)
# Why the tests of lib/bpf could not run; they say it themselves.
no_bpf='libvdevmgmt-bpf is not built'
bpf_test=build-coverage/tests/bpf/test_bpfsource_failing
[ ! -x $bpf_test ] || no_bpf=$($bpf_test 2>/dev/null | sed -n 's/^skip: //p')
for name in $(grep -oE '^(line|branch)[^ ]*' tests/coverage.floor); do
  case $name in
  *:lib/core | *:lib/engines/* | *:lib/pvdev | *:lib/mock | *:lib/host | *:lib/host/reader) ;;
  *:lib/bpf)
    if [ -n "$no_bpf" ]; then
      case_skip "coverage: $name" "$no_bpf"
      continue
    fi
    ;;
  *) # holds code that only tests with /dev/kvm reach
    if [ -n "$no_kvm" ]; then
      case_skip "coverage: $name" "$no_kvm"
      continue
    fi
    ;;
  esac
  python3 scripts/floor.py tests/coverage.floor "$name" "$(number "$name")" &&
    case_pass "coverage: $name" || case_fail "coverage: $name" "below the floor of tests/coverage.floor"
done
check "coverage: the floor only rises" python3 scripts/floor.py tests/coverage.floor --history
exit 0
