#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""libvdevmgmt needs nothing but a few functions of libc.

usage: purity.py ALLOW-LIST LIBRARY.so LIBRARY.a

Looks at the shipped shared library, then at the objects in the static one: core needs nothing but the
allow-list, an engine core besides, and the other parts what the library itself has.
"""
import os
import re
import subprocess
import sys


def nm(*args):
    return subprocess.run(["nm"] + list(args), check=True, stdout=subprocess.PIPE, text=True).stdout


def undefined(path):
    """What a shared library takes from others."""
    return {line.split()[-1].split("@")[0] for line in nm("-u", "-D", path).splitlines()
            if re.match(r"\s+[Uwv] ", line)}


def part_of(member):
    """`core`, `engines_removal`, `pvdev`, ... of an object, which meson names after its path."""
    words = os.path.basename(member).split("_")
    return "_".join(words[:2] if words[0] == "engines" else words[:1])


def parts(static):
    """{part: (symbols that it defines, symbols that it needs)}"""
    found = {}
    for line in nm("-A", static).splitlines():
        where, name = line.rsplit(None, 2)[0], line.split()[-1]
        kind, member = line.split()[-2], re.match(r".*\.a:([^:]+):", where + ":").group(1)
        defined, needed = found.setdefault(part_of(member), (set(), set()))
        (needed if kind in "Uwv" else defined).add(name)
    return found


def main():
    allow_list, shared, static = sys.argv[1:4]
    with open(allow_list) as lines:
        allowed = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    failed = 0

    def judge(what, names):
        nonlocal failed
        bad = sorted(names - allowed)
        failed += bool(bad)
        print("%s: %s" % (what, "FAIL, not on the allow-list: " + ", ".join(bad) if bad else
                          "needs " + (", ".join(sorted(names)) or "nothing")))

    judge("shared library", undefined(shared))
    found = parts(static)
    everything = set().union(*(defined for defined, _ in found.values()))
    if "core" not in found or not any(part.startswith("engines_") for part in found):
        print("FAIL: %s lacks core or engines: %s" % (static, ", ".join(found) or "nothing"))
        failed += 1
    for part, (defined, needed) in sorted(found.items()):
        own = defined if part == "core" else defined | found["core"][0]
        judge(part, needed - (own if part == "core" or part.startswith("engines_") else everything))
    # -z now/RELRO aside, nothing may keep state: no writable data beyond what the linker adds.
    data = [line for line in nm("--defined-only", static).splitlines()
            if len(line.split()) == 3 and line.split()[1] in "dDbBC"]
    # Tables of pointers are relocated and read-only afterwards; nm shows them as data.
    state = [line for line in data if not is_relro(static, line.split()[2])]
    if state:
        failed += 1
        print("FAIL: global state: " + ", ".join(line.split()[2] for line in state))
    return 1 if failed else 0


def is_relro(static, symbol):
    out = subprocess.run(["objdump", "-t", static], check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = [line for line in out.splitlines() if line.split()[-1:] == [symbol]]
    return any(".data.rel.ro" in row for row in rows)


if __name__ == "__main__":
    sys.exit(main())
