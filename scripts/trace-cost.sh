#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The trace hook, unset, costs at most 1 %: instructions (callgrind) of tests/bench/trace_cost.c with a
# library built with the hook and with one built without.
. "$(dirname "$0")/common.sh"

if ! have valgrind; then
  echo "skip: valgrind is not installed"
  exit 77
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/vdev-trace-cost.XXXXXX")
trap 'rm -rf "$work"' EXIT

count() { # true|false: prints the instructions
  local dir=$work/$1
  # Static, so that the dynamic linker's work is not in the count.
  build "$dir" -Dtrace="$1" -Dbuildtype=release -Dtests=false -Dexamples=false -Ddocs=disabled \
    -Dkvm=disabled -Db_lundef=true >&2 || return 1
  gcc -O2 -I"$root/include" -I"$dir/include" "$root/tests/bench/trace_cost.c" "$dir/lib/libvdevmgmt.a" \
    -o "$dir/trace_cost" || return 1
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$dir/trace_cost" >"$dir/out" 2>"$dir/err" || {
    cat "$dir/out" "$dir/err" >&2
    return 1
  }
  sed -n 's/.*Collected *: *//p' "$dir/err"
}

with=$(count true) && without=$(count false) || exit 1
echo "instructions: $with with the hook unset, $without without the hook"
python3 - "$with" "$without" <<'PY'
import sys
ratio = int(sys.argv[1]) / int(sys.argv[2])
print("ratio %.4f, at most 1.01" % ratio)
sys.exit(0 if ratio <= 1.01 else 1)
PY
