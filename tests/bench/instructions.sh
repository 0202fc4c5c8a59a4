#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Instructions of the hot calls (hot.c), counted by callgrind in a release build, compared with
# instructions.txt: more or fewer by 2 % fail. Counts do not depend on how busy the machine is.
#   tests/bench/instructions.sh [--accept]
# --accept writes the counts into instructions.txt. Do so in the commit that changes them on purpose, and
# say there why; a lower count is accepted the same way, so that it cannot rise again unseen.
. "$(dirname "$0")/../../scripts/common.sh"

here=$root/tests/bench
known=$here/instructions.txt
if ! have valgrind; then
  echo "skip: valgrind is not installed"
  exit 77
fi
compiler=$(gcc -dumpfullversion)-$(gcc -dumpmachine)
if [ "${1:-}" != --accept ] && ! grep -q "^# compiler: $compiler\$" "$known"; then
  echo "skip: $(sed -n 's/^# compiler: /counted with gcc /p' "$known"), this is $compiler"
  exit 77
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/vdev-instructions.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Static, so that the dynamic linker's work is not in the count.
CC=gcc build "$work/build" -Dbuildtype=release -Dtests=false -Dexamples=false -Ddocs=disabled \
  -Dkvm=disabled -Db_lundef=true >"$work/log" 2>&1 || {
  cat "$work/log" >&2
  exit 1
}
gcc -O2 -g -I"$root/include" -I"$work/build/include" -I"$root/lib/core" "$here/hot.c" \
  "$work/build/lib/libvdevmgmt.a" -o "$work/hot" || exit 1
valgrind --tool=callgrind --callgrind-out-file="$work/counts" "$work/hot" >"$work/log" 2>&1 || {
  cat "$work/log" >&2
  exit 1
}
callgrind_annotate --inclusive=yes --threshold=100 "$work/counts" >"$work/annotated" || exit 1
exec python3 "$here/instructions.py" "$work/annotated" "$known" "$compiler" "${1:-}"
