#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""libvdevmgmt needs nothing but a few functions of libc.

usage: purity.py ALLOW-LIST LIBRARY.so LIBRARY.a

Looks at the shipped shared library, and at each object in the static one, where engines must not
lean on anything that another object does not define.
"""
import re
import subprocess
import sys


def nm(*args):
    return subprocess.run(["nm"] + list(args), check=True, stdout=subprocess.PIPE, text=True).stdout


def undefined(path, *options):
    return {line.split()[-1].split("@")[0] for line in nm("-u", *options, path).splitlines()
            if re.match(r"\s+[Uwv] ", line)}


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

    judge("shared library", undefined(shared, "-D"))
    own = {line.split()[-1] for line in nm("--defined-only", static).splitlines()
           if len(line.split()) == 3}
    judge("objects of the static library", undefined(static) - own)
    if not own:
        print("FAIL: nothing is defined in %s" % static)
        failed += 1
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
