#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compares callgrind's counts with the accepted ones.

usage: instructions.py ANNOTATED KNOWN COMPILER [--accept]
ANNOTATED is what `callgrind_annotate --inclusive=yes` printed.
"""
import re
import sys

COUNT = 4096  # as in hot.c
LIMIT = 0.02
HEAD = """# SPDX-License-Identifier: BSD-3-Clause
# Instructions of one call (of one whole removal: remove), counted by instructions.sh, which fails when a
# count differs by more than 2 %% and writes this file with --accept.
# compiler: %s
"""


def counted(path):
    """Name of each hot function: instructions of one round."""
    found = {}
    with open(path) as file:
        for line in file:
            match = re.match(r"\s*([\d,]+)\s.*:hot_(\w+)", line)
            if match and match.group(2) not in found:
                found[match.group(2)] = int(match.group(1).replace(",", "")) / COUNT
    return found


def known(path):
    with open(path) as file:
        fields = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {name: float(count) for name, count in fields}


def main():
    now = counted(sys.argv[1])
    if len(now) < 7:
        sys.exit("FAIL callgrind reported %d hot functions only: %s" % (len(now), " ".join(sorted(now))))
    if sys.argv[4:] == ["--accept"]:
        with open(sys.argv[2], "w") as file:
            file.write(HEAD % sys.argv[3])
            file.writelines("%-12s %.1f\n" % item for item in sorted(now.items()))
        print("%d counts written into %s" % (len(now), sys.argv[2]))
        return 0
    before, failed = known(sys.argv[2]), 0
    for name in sorted(set(now) | set(before)):
        if name not in now or name not in before:
            print("FAIL %s: %s" % (name, "no longer counted" if name in before else "not in instructions.txt"))
            failed += 1
            continue
        change = now[name] / before[name] - 1
        wrong = abs(change) > LIMIT
        failed += wrong
        print("%s %-12s %8.1f instructions, accepted %8.1f, %+.1f %%" % (
            "FAIL" if wrong else "ok  ", name, now[name], before[name], 100 * change))
    if failed:
        print("If the change is meant: tests/bench/instructions.sh --accept, and say why in the commit.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
