#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Modified condition/decision coverage of lib/engines and lib/core, by clang 19 (gcc 12 and clang 14 have
# none). mcdc.py says what a waiver is; tests/coverage.floor has a floor for lib/core and each engine.
# A new engine is measured as soon as it is built into a library and its tests are in one of the suites.
. "$(dirname "$0")/common.sh"
cd "$root" || exit 1

for tool in clang-19 llvm-profdata-19 llvm-cov-19; do
  if ! have $tool; then
    case_skip mcdc "$tool is not installed"
    exit 0
  fi
done
dir=build-mcdc
# What runs while it is configured and built is not measured, and leaves nothing behind.
export LLVM_PROFILE_FILE=/dev/null
# All of lib/ anew: clang says only while it compiles what it does not measure.
[ ! -d $dir/lib ] || find $dir/lib -name '*.o' -delete
flags='-fprofile-instr-generate -fcoverage-mapping -fcoverage-mcdc -fprofile-update=atomic'
if ! CC=clang-19 build $dir -Dbuildtype=debug -Dtests=true -Ddocs=disabled -Dbench=disabled \
  -Dexamples=false -Db_lundef=false -Dc_args="$flags" -Dc_link_args=-fprofile-instr-generate; then
  case_fail "mcdc: build" "does not build with clang-19 (log above)"
  exit 1
fi
# A negated && or || within another one: the inner negation has to be written out.
if grep -E '^[^ ]*lib/(engines|core)/.*unsupported MC/DC' build-logs/$dir.log; then
  case_fail "mcdc: build" "decisions that clang cannot measure (list above)"
fi
rm -rf $dir/profiles && mkdir $dir/profiles
suites=()
for suite in unit oom prop traces fuzz; do
  [ "$(suite_size $dir $suite)" = 0 ] || suites+=(--suite "$suite")
done
run_tests() {
  # %m: one file for each program, which several runs of it share.
  VDEV_TEST_SLOW=1 LLVM_PROFILE_FILE=$PWD/$dir/profiles/%4m.profraw meson test -C $dir --no-rebuild --print-errorlogs \
    --timeout-multiplier 4 "${suites[@]}"
}
check "mcdc: tests" run_tests

merge() {
  llvm-profdata-19 merge -o $dir/merged.profdata $dir/profiles/*.profraw || return 1
  local objects=() object
  while IFS= read -r object; do
    objects+=(-object "$object")
  done < <(find $dir/lib $dir/tests -type f \( -name '*.so.*' -o -executable \) ! -name '*.symbols' \
    -exec sh -c 'head -c 4 "$1" | grep -q ELF' _ {} \; -print)
  llvm-cov-19 export "${objects[@]}" -instr-profile $dir/merged.profdata >$dir/mcdc.json
}
check "mcdc: report" merge || exit 1
python3 scripts/mcdc.py $dir/mcdc.json . ${1:+"$1"} | tee $dir/mcdc.txt &&
  case_pass "mcdc: waivers" || case_fail "mcdc: waivers" "stale, or not to be judged (list above)"
# Each engine has a floor of its own; one without is new and has to be whole.
while read -r part percent; do
  python3 scripts/floor.py tests/coverage.floor "$part" "$percent" && case_pass "mcdc: $part" ||
    case_fail "mcdc: $part" "conditions neither covered nor waived (list above)"
done < <(sed '1,/^MC\/DC /d' $dir/mcdc.txt)
exit 0
