#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# usage: diff.sh BASELINE.abi LIBRARY.so INCLUDE SUPPRESSIONS
# Any change against the baseline fails until scripts/abi-accept.sh has written a new one: additions too,
# so that the baseline never lags behind and a later removal of them is seen.
baseline=$1 library=$2 include=$3 suppressions=$4
if ! command -v abidiff >/dev/null; then
  echo "skip: abidiff is not installed (Debian: abigail-tools)"
  exit 77
fi
if [ ! -f "$baseline" ]; then
  echo "there is no baseline $baseline: run scripts/abi-accept.sh and commit what it writes"
  exit 1
fi
# The baseline describes one architecture.
if ! grep -q "architecture='elf-amd-x86_64'" "$baseline" || [ "$(uname -m)" != x86_64 ]; then
  echo "skip: the baseline is of another architecture"
  exit 77
fi
now=$(mktemp "${TMPDIR:-/tmp}/vdev-abi.XXXXXX")
trap 'rm -f "$now"' EXIT
"$(dirname "$0")/dump.sh" "$library" "$include" "$now" || exit 1
abidiff --harmless --suppressions "$suppressions" "$baseline" "$now"
status=$?
if [ $status = 0 ]; then
  echo "no difference to $(basename "$baseline")"
elif [ $((status & 8)) != 0 ]; then
  echo "INCOMPATIBLE: programs built against the baseline break. docs/abi.md says what that takes."
else
  echo "the interface changed: if that is meant, run scripts/abi-accept.sh and commit what it writes"
fi
exit $status
