#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Coverage against its floor, tests/coverage.floor, which may only rise.

usage: floor.py FLOOR-FILE NAME PERCENT      compares one number
       floor.py FLOOR-FILE --history         the floor is not below an earlier commit's
"""
import subprocess
import sys


def floors(text):
    rows = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {name: float(value) for name, value in rows}


def history(path, now):
    """The file in each earlier commit that touched it; nothing outside of a git tree."""
    log = subprocess.run(["git", "log", "--format=%H", "-n", "50", "--", path], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    faults = 0
    for commit in log.stdout.split():
        old = subprocess.run(["git", "show", "%s:%s" % (commit, path)], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        for name, value in floors(old).items():
            if now.get(name, 0.0) < value:
                faults += 1
                print("%s: the floor was %.1f in %s and is %.1f now" % (
                    name, value, commit[:12], now.get(name, 0.0)))
    return 1 if faults else 0


def main():
    with open(sys.argv[1]) as file:
        now = floors(file.read())
    if sys.argv[2] == "--history":
        return history(sys.argv[1], now)
    name, value = sys.argv[2], float(sys.argv[3])
    floor = now.get(name, 100.0)  # what is new begins whole
    print("%s coverage %.1f %%, floor %.1f %%" % (name, value, floor))
    if value >= floor + 0.2:
        print("  raise the floor of %s in %s to %.1f" % (name, sys.argv[1], int(value * 10) / 10))
    return 0 if value >= floor else 1


if __name__ == "__main__":
    sys.exit(main())
