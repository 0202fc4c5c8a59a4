#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Records where the vCPUs of a VMM are, for `vdevctl sim irqhint --recording`.

usage: irq-recording.py VDEVCTL PID SECONDS > FILE

Looks each millisecond by `vdevctl cpumap --watch --json`; what happens between two looks is not seen. A line for each change,
with the time at which it was seen. vCPUs are numbered in the order in which vdevctl shows them.
"""
import json
import os
import subprocess
import sys
import time


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    program, pid, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    moves, last, looks, start = [], {}, 0, None
    with subprocess.Popen([program, "cpumap", "--pid", pid, "--watch", "--interval", "1", "--json"], text=True,
                          stdout=subprocess.PIPE) as watch:
        for line in watch.stdout:
            now = time.monotonic()
            start = start or now
            looks += 1
            for number, vcpu in enumerate(json.loads(line)["vcpus"]):
                place = (vcpu["cpu"], "R" if vcpu["state"] == "running" else "S")
                if last.get(number) != place:
                    last[number] = place
                    moves.append((now - start, number) + place)
            if now - start >= seconds:
                watch.terminate()
                break
    print("# SPDX-License-Identifier: BSD-3-Clause")
    print("# Made by scripts/irq-recording.py: %d looks in %g s. Milliseconds, vCPU, CPU, R(uns or waits) or S(leeps)."
          % (looks, seconds))
    print("cpus %d\nvcpus %d" % (max(os.sched_getaffinity(0)) + 1, len(last)))
    for move in moves:
        print("%.3f %d %d %s" % (move[0] * 1000, *move[1:]))


if __name__ == "__main__":
    main()
