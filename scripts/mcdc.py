#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""MC/DC of lib/engines and lib/core from `llvm-cov export`.

usage: mcdc.py EXPORT.json SOURCE-ROOT [--list]

A condition counts as waived when a comment `MCDC: reason` stands in a line of its decision or in the
line above. Prints a table, what is neither covered nor waived, and as last line the percentage of
covered or waived conditions.
"""
import json
import os
import re
import sys

FOLDERS = ("lib/engines/", "lib/core/")


def decisions(export, root):
    """{(file, position): [covered, ...]}; a function compiled twice counts once."""
    found = {}
    for unit in export["data"]:
        for file in unit["files"]:
            path = os.path.relpath(os.path.realpath(file["filename"]), os.path.realpath(root))
            if not path.startswith(FOLDERS):
                continue
            for record in file.get("mcdc_records", []):
                key, conditions = (path, tuple(record[:4])), record[-1]
                old = found.setdefault(key, [False] * len(conditions))
                found[key] = [a or b for a, b in zip(old, conditions)]
    return found


def waiver(lines, first, last):
    """The reason beside a decision, None without one."""
    for line in lines[max(0, first - 2):last]:
        match = re.search(r"MCDC: *(\S.*?) *(\*/|$)", line)
        if match:
            return match.group(1)
    return None


def main():
    with open(sys.argv[1]) as file:
        export = json.load(file)
    root = sys.argv[2]
    totals, missing = {}, []
    for (path, place), conditions in sorted(decisions(export, root).items()):
        with open(os.path.join(root, path)) as file:
            lines = file.read().splitlines()
        reason = waiver(lines, place[0], place[2])
        row = totals.setdefault(path, [0, 0, 0])
        row[0] += len(conditions)
        row[1] += sum(conditions)
        lacking = [i + 1 for i, covered in enumerate(conditions) if not covered]
        if lacking and reason:
            row[2] += len(lacking)
        elif lacking:
            missing.append("%s:%d: condition %s of: %s" % (
                path, place[0], ", ".join(map(str, lacking)), lines[place[0] - 1].strip()))
    print("%-40s %10s %8s %7s" % ("file", "conditions", "covered", "waived"))
    for path, row in sorted(totals.items()):
        print("%-40s %10d %8d %7d" % (path, *row))
    for line in missing if "--list" in sys.argv else missing[:40]:
        print(line)
    if len(missing) > 40 and "--list" not in sys.argv:
        print("... and %d more decisions; --list shows all" % (len(missing) - 40))
    count, covered, waived = (sum(row[i] for row in totals.values()) for i in range(3))
    print("%d conditions, %d covered, %d waived" % (count, covered, waived))
    print("%.2f" % (100.0 * (covered + waived) / count if count else 0.0))
    return 0 if count else 1


if __name__ == "__main__":
    sys.exit(main())
