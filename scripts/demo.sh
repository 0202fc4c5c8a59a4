#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Shows the library at work: a small VMM runs a real guest on /dev/kvm, takes devices away from it and memory that it
# lent to receivers that are stuck, and has interrupts go where the guest's CPUs are.
# Without a usable /dev/kvm the same runs on the mock backend, and the report says so.
#   scripts/demo.sh [SCENARIO]      (default: all)
. "$(dirname "$0")/common.sh"
cd "$root" || exit 1

case ${1:-} in
-h | --help) sed -n '3,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
scenario=${1:-all}
out=build/demo
vmm=build/examples/minivmm/minivmm

if [ "${VDEV_SETUP:-yes}" != no ]; then
  scripts/setup.sh --for build || exit 1
fi

say "build"
options=()
# A new build directory gets what the demo needs only; one that is there keeps its options.
[ -f build/build.ninja ] || options=(-Dtests=false -Ddocs=disabled -Dbench=disabled)
if ! build build "${options[@]}"; then
  echo "demo: the library or the mini-VMM does not build; the log above says why" >&2
  exit 1
fi
mkdir -p "$out"
rm -f "$out"/*.json

if why=$(kvm_usable); then
  backend=kvm
  echo "   a real guest will run on /dev/kvm"
else
  backend=mock
  printf '   %sno guest will run%s: %s\n' "$yellow" "$plain" "$why"
  echo "   the same scenarios run on the mock backend, which plays guest and hypervisor from a script"
fi

say "run ($backend)"
timeout 300 "$vmm" --backend "$backend" --scenario "$scenario" \
  --json "$out/report.json" --trace "$out/trace.json" </dev/null
status=$?

say "report"
python3 scripts/demoreport.py "$out/report.json" "$backend" "$status" "${why:-}"
good=$?
if [ -s "$out/report.json" ] && [ -s "$out/trace.json" ]; then
  printf '\nThe timeline of this run is in %s.\n' "$out/trace.json"
  echo "  look at it:     open https://ui.perfetto.dev and drop the file there (it stays in your browser)"
  echo "  as a picture:   scripts/timeline.sh $out/trace.json timeline.png"
  echo "  of one check:   scripts/timeline.sh $out/trace.json timeline.png late-and-twice"
fi
exit "$good"
