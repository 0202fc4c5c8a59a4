#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""MC/DC of lib/engines and lib/core from `llvm-cov export`.

usage: mcdc.py EXPORT.json SOURCE-ROOT [--list]

A comment `MCDC: reason` waives the conditions of the decision that it stands beside, in one of its
lines or in the line above; `MCDC 2, 3: reason` those only, counted from 1 as they stand in the text.

Prints a table, what is neither covered nor waived, `MC/DC N of M, W waived`, and last the percentage of
covered or waived conditions of all (mcdc), of lib/core and of each engine. Exit code 1 when a waiver
waives nothing (stale) or a decision cannot be told from others.
"""
import json
import os
import re
import sys

FOLDERS = ("lib/engines/", "lib/core/")
WAIVER = re.compile(r"/\*(?:(?!\*/).)*?\bMCDC((?: ?\d+,?)*): *(?!\*/)\S.*?\*/", re.S)


def decisions(export, root):
    """{file: {position: [covered, ...]}}; a function compiled twice counts once."""
    found = {}
    for unit in export["data"]:
        for file in unit["files"]:
            path = os.path.relpath(os.path.realpath(file["filename"]), os.path.realpath(root))
            if not path.startswith(FOLDERS):
                continue
            places = found.setdefault(path, {})
            for record in file.get("mcdc_records", []):
                place, conditions = tuple(record[:4]), record[-1]
                old = places.get(place, [False] * len(conditions))
                places[place] = [a or b for a, b in zip(old, conditions)]
    return found


def waivers(text, places):
    """[(line, decisions that it is for, condition numbers, none: all)]"""
    found = []
    for match in WAIVER.finditer(text):
        first, last = (text.count("\n", 0, at) + 1 for at in match.span())
        beside = [p for p in places if p[0] <= last and first <= p[2]]
        numbers = {int(n) for n in re.findall(r"\d+", match.group(1))}
        found.append((first, beside or [p for p in places if p[0] == last + 1], numbers))
    return found


class File:
    """The decisions of one file; `row` counts conditions, those covered, those waived."""

    def __init__(self, root, path, places):
        with open(os.path.join(root, path)) as file:
            text = file.read()
        lines, lacking = text.splitlines(), {}
        self.faults, self.missing = [], []
        for place in [p for p in places if lines[p[0] - 1].startswith("#define")]:
            del places[place]
            self.faults.append("%s:%d: a decision in an argument cannot be told from those of other "
                               "calls; take it out: %s" % (path, place[0], lines[place[0] - 1]))
        for place, conditions in places.items():
            lacking[place] = {i + 1 for i, covered in enumerate(conditions) if not covered}
        count = sum(map(len, places.values()))
        missing = sum(map(len, lacking.values()))
        for line, beside, numbers in waivers(text, places):
            before = {place: set(lacking[place]) for place in beside}
            for place in beside:
                lacking[place] -= numbers or before[place]
            needed = set().union(*before.values())
            if not needed or not numbers <= needed:
                self.faults.append("%s:%d: stale waiver: %s is covered, or not there" % (
                    path, line, ", ".join(map(str, sorted(numbers - needed))) or "all"))
        left = sum(map(len, lacking.values()))
        for place, rest in sorted(lacking.items()):
            if rest:
                self.missing.append("%s:%d: condition %s of: %s" % (
                    path, place[0], ", ".join(map(str, sorted(rest))), lines[place[0] - 1].strip()))
        self.row = (count, count - missing, missing - left)


def main():
    with open(sys.argv[1]) as file:
        export = json.load(file)
    found = decisions(export, sys.argv[2])
    files = {path: File(sys.argv[2], path, found[path]) for path in sorted(found)}
    faults = [fault for file in files.values() for fault in file.faults]
    missing = [line for file in files.values() for line in file.missing]
    parts = {"mcdc": [0, 0, 0]}
    print("%-40s %10s %8s %7s" % ("file", "conditions", "covered", "waived"))
    for path, file in files.items():
        if file.row[0]:
            print("%-40s %10d %8d %7d" % (path, *file.row))
        for part in "mcdc", os.path.dirname(path):
            parts[part] = [a + b for a, b in zip(parts.get(part, [0, 0, 0]), file.row)]
    for line in missing if "--list" in sys.argv else missing[:40]:
        print(line)
    if len(missing) > 40 and "--list" not in sys.argv:
        print("... and %d more decisions; --list shows all" % (len(missing) - 40))
    for fault in faults:
        print(fault)
    count, covered, waived = parts["mcdc"]
    print("MC/DC %d of %d, %d waived" % (covered, count, waived))
    for part, row in parts.items():
        print("%s %.2f" % (part, 100.0 * (row[1] + row[2]) / row[0] if row[0] else 100.0))
    return 0 if count and not faults else 1


if __name__ == "__main__":
    sys.exit(main())
