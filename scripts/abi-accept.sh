#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Accepts the interface as it is now: writes the ABI baseline and the layout table of tests/abi.
#   scripts/abi-accept.sh             after a change that docs/abi.md allows; commit what it writes
#   scripts/abi-accept.sh --freeze    also keeps a copy of the headers for old consumers, at a release
. "$(dirname "$0")/common.sh"
cd "$root" || exit 1

freeze=0
case ${1:-} in
--freeze) freeze=1 ;;
'') ;;
*) sed -n '3,5s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
if ! have abidw; then
  echo "abi-accept: abidw is not installed (Debian: abigail-tools; scripts/setup.sh installs it)" >&2
  exit 1
fi

# A build of its own: gcc, ordinary options, so that the baseline does not depend on whose build it was.
dir=build-abi
CC=gcc build $dir -Dtests=false -Dexamples=false -Ddocs=disabled -Dbuildtype=debugoptimized || exit 1

mkdir -p tests/abi/baseline
for name in vdevmgmt vdevmgmt-linux vdevmgmt-host vdevmgmt-bpf; do
  library=$(find $dir/lib -name "lib$name.so.*.*.*" ! -name '*.symbols' -type f | head -n 1)
  tests/abi/dump.sh "$library" include "tests/abi/baseline/$name.abi" || exit 1
done
{
  echo "# SPDX-License-Identifier: BSD-3-Clause"
  echo "# Sizes and offsets of the public structs; written by scripts/abi-accept.sh."
  python3 tests/abi/layout.py print include $dir/include gcc || exit 1
} >tests/abi/layout.txt.new && mv tests/abi/layout.txt.new tests/abi/layout.txt

if [ "$freeze" = 1 ]; then
  version=$(sed -n "s/^ *version: '\([0-9]*\.[0-9]*\)\..*/\1/p" meson.build | head -n 1)
  old=tests/abi/old/$version
  rm -rf "$old/include"
  mkdir -p "$old/include/vdev"
  cp include/vdev/*.h $dir/include/vdev/version.h "$old/include/vdev/"
  echo "abi-accept: froze the headers in $old/include"
fi
git status --short tests/abi 2>/dev/null
echo "abi-accept: look at the difference (git diff tests/abi), then commit it with the change that made it"
