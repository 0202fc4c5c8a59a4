#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Header declarations = version map = exported symbols.

usage: symbols.py INCLUDE GENERATED-INCLUDE MAP LIBRARY.so HEADER...
"""
import os
import subprocess
import sys

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
import api  # noqa: E402


def exported(library):
    out = subprocess.run(["nm", "-D", "--defined-only", library], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    rows = [line.split() for line in out.splitlines()]
    # The version node itself is an absolute symbol.
    return {row[-1].split("@")[0] for row in rows if row[-2] != "A"}


def main():
    include, generated, version_map, library = sys.argv[1:5]
    paths = [os.path.join(generated if name == "version.h" else include, "vdev", name) for name in sys.argv[5:]]
    declared, failed = set(), 0
    for path in paths:
        declared |= set(api.functions(path))
        for stray in api.strays(path):
            failed += 1
            print("FAIL %s: declared without VDEV_API: %s" % (path, " ".join(stray.split())))
    sets = {"headers": declared, "version map": api.map_symbols(version_map),
            "library": exported(library)}
    if not all(sets.values()):
        print("FAIL: nothing found in: %s" % ", ".join(k for k in sets if not sets[k]))
        failed += 1
    for name in sorted(set().union(*sets.values())):
        lacking = [k for k in sets if name not in sets[k]]
        if lacking:
            failed += 1
            print("FAIL %s is not in: %s" % (name, ", ".join(lacking)))
    print("%d symbols are the same in headers, map and %s" % (
        len(set.intersection(*sets.values())), os.path.basename(library)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
