#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Who may include what: the dependency rules of docs/architecture.md.

usage: includes.py SOURCE-ROOT HEADER...

The headers are those of the libraries that are not pure.
"""
import os
import re
import sys

PURE = ("lib/core", "lib/engines", "lib/pvdev", "lib/mock")
# Freestanding headers and the few of libc that need no operating system.
LIBC = {"assert.h", "errno.h", "inttypes.h", "limits.h", "stdalign.h", "stdarg.h", "stdatomic.h",
        "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h"}
BACKENDS = {"vdev/backend.h", "vdev/mock.h", "vdev/pvdev.h"}
SYSTEM = {"vdev/" + name for name in sys.argv[2:]}


def sources(root, folder):
    for path, _, names in os.walk(os.path.join(root, folder)):
        for name in sorted(names):
            if name.endswith((".c", ".h", ".S")):
                yield os.path.relpath(os.path.join(path, name), root)


def includes(root, path):
    with open(os.path.join(root, path)) as file:
        for number, line in enumerate(file, 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if match:
                yield number, match.group(1) == "<", match.group(2)


def resolve(root, path, name):
    """Path below root of a quoted include, None when it is not found beside the file or in core."""
    for base in (os.path.dirname(path), "lib", "lib/core", "."):
        found = os.path.normpath(os.path.join(base, name))
        if os.path.isfile(os.path.join(root, found)):
            return found
    return None


def engine_of(path):
    match = re.match(r"lib/engines/([^/]+)/", path)
    return match.group(1) if match else None


def pure_fault(path, angled, name, found):
    if angled and not name.startswith("vdev/"):
        return None if name in LIBC else "a pure part must not need <%s>" % name
    target = found or name
    if target.startswith(("lib/linux/", "lib/host/", "lib/bpf/")) or name in SYSTEM:
        return "a pure part must not know the parts that make system calls"
    if path.startswith("lib/core/") and re.match(r"lib/(engines|pvdev|mock)/", target):
        return "core must not know what is built on it"
    engine = engine_of(path)
    if engine is None:
        return None
    other = engine_of(target)
    if other not in (None, engine):
        return "an engine must not include another engine"
    if name in BACKENDS or re.match(r"lib/(pvdev|mock)/", target):
        return "an engine must not include a backend"
    public = re.match(r"vdev/(\w+)\.h", name)
    if angled and public and public.group(1) not in (engine, "base", "error", "version"):
        return "an engine includes its own public header and base.h only"
    return None


def outside_fault(path, angled, name, found):
    if found and found.startswith("lib/"):
        return "tools and examples use public headers only"
    if angled or found:
        return None
    return "found neither beside the file nor below the root"


def main():
    root = sys.argv[1]
    failed = seen = 0
    for folders, fault in ((PURE, pure_fault), (("tools", "examples"), outside_fault)):
        for folder in folders:
            for path in sources(root, folder):
                seen += 1
                for number, angled, name in includes(root, path):
                    found = None if angled else resolve(root, path, name)
                    why = fault(path, angled, name, found)
                    if why:
                        failed += 1
                        print("%s:%d: %s: %s" % (path, number, name, why))
    print("%d files looked at, %d broken rules" % (seen, failed))
    return 1 if failed or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
