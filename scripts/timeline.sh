#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Draws a trace (trace-event JSON, as the mini-VMM writes it) as a picture.
#   scripts/timeline.sh TRACE.json OUT.png [PROCESS...]     PROCESS: name or pid, default the first two
. "$(dirname "$0")/common.sh"

if [ $# -lt 2 ]; then
  sed -n '3,4s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
if ! have gnuplot; then
  echo "timeline: gnuplot is needed (Debian: gnuplot-nox); or open the trace in https://ui.perfetto.dev" >&2
  exit 1
fi
python3 "$root/scripts/timeline.py" "$@" | gnuplot || exit 1
echo "timeline: wrote $2"
