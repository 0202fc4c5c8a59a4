#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Static analysis: a clang build without warnings, clang-tidy, cppcheck, gcc -fanalyzer. Suppressions and
# their reasons: .clang-tidy, scripts/cppcheck.suppr, comments in the code.
#   scripts/static.sh [clang|tidy|cppcheck|analyzer]...     (default: all)
. "$(dirname "$0")/common.sh"
cd "$root" || exit 1

# Compiled files of lib and examples, from a build's list of compiler calls.
analysed() {
  python3 - "$1" <<'PY'
import json, os, sys
root = os.getcwd()
calls = json.load(open(os.path.join(sys.argv[1], "compile_commands.json")))
paths = {os.path.relpath(os.path.join(c["directory"], c["file"]), root) for c in calls}
print("\n".join(sorted(p for p in paths if p.startswith(("lib/", "examples/", "tools/")) and p.endswith(".c"))))
PY
}

tidy() {
  local list
  list=$(analysed build-clang) || return 1
  [ -n "$list" ] || return 1
  # Here the findings; in build-clang/tidy.txt how it came to them.
  echo "$list" | xargs -P "$jobs" -n 2 clang-tidy -p build-clang --quiet >build-clang/tidy.txt 2>/dev/null &&
    return 0
  grep -E ': (error|warning): ' build-clang/tidy.txt | sed "s|^$PWD/build-clang/../||" | sort -u
  return 1
}

run_cppcheck() {
  cppcheck --enable=warning,performance,portability --std=c11 --inline-suppr --error-exitcode=1 --quiet \
    --suppressions-list=scripts/cppcheck.suppr -j "$jobs" -Iinclude -Ilib -Ilib/core -Ibuild-clang/include \
    -D__x86_64__ -DVDEV_TRACE=1 -UVDEV_BUILD lib
}

analyzer() {
  # Configured, for the list of compiler calls and the generated header; the analyzer's own run does not link.
  [ -f build-analyzer/build.ninja ] ||
    CC=gcc meson setup build-analyzer -Dwerror=true -Dtests=false -Dexamples=false -Ddocs=disabled \
      -Dbuildtype=debugoptimized || return 1
  python3 scripts/analyzer.py build-analyzer "$jobs"
}

wanted() {
  case " $chosen " in *" $1 "*) return 0 ;; esac
  return 1
}

chosen=${*:-clang tidy cppcheck analyzer}
if wanted clang || wanted tidy; then
  if have clang; then
    # clang-tidy needs to know how each file is compiled.
    # Unoptimised: what clang warns of does not depend on it.
    clang_build() { CC=clang build build-clang -Dwerror=true -Dtests=true -Ddocs=disabled -Dbuildtype=debug; }
    check "static: clang build without warnings" clang_build
  else
    case_skip "static: clang build" "clang is not installed"
  fi
fi
if wanted tidy; then
  if have clang && have clang-tidy; then
    check "static: clang-tidy" tidy
  else
    case_skip "static: clang-tidy" "clang or clang-tidy is not installed"
  fi
fi
if wanted cppcheck; then
  if have cppcheck; then
    check "static: cppcheck" run_cppcheck
  else
    case_skip "static: cppcheck" "cppcheck is not installed"
  fi
fi
if wanted analyzer; then
  check "static: gcc -fanalyzer" analyzer
fi
exit 0
