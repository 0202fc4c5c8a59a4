#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each call of the headers has a man page with the full text of its comment, which man formats without a
complaint; none is a stub that leads to another page.

usage: man.py MAN3-FOLDER INCLUDE
"""
import os
import re
import shutil
import subprocess
import sys

# One long line a paragraph: no word is broken.
ENVIRONMENT = dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="2000", MANROFFOPT="-ww")


def comments(include):
    """(call, text of the comment above its declaration)"""
    for name in sorted(os.listdir(os.path.join(include, "vdev"))):
        if name.endswith(".h"):
            with open(os.path.join(include, "vdev", name)) as file:
                for match in re.finditer(r"/\*\*((?:(?!\*/).)*)\*/\s*VDEV_API\b[^;]*?\b(vdev_\w+)\s*\(",
                                         file.read(), re.S):
                    yield match.group(2), match.group(1)


def calls(include):
    """Calls by the declarations alone, whatever stands above them."""
    for name in sorted(os.listdir(os.path.join(include, "vdev"))):
        if name.endswith(".h"):
            with open(os.path.join(include, "vdev", name)) as file:
                yield from re.findall(r"^VDEV_API\b[^;]*?\b(vdev_\w+)\s*\(", file.read(), re.M)


def words(text):
    text = re.sub(r"@(?:param(?:\[\w+\])?|returns?|retval|ref|p|c|code|endcode|note|see|par)\b", " ", text)
    return set(re.findall(r"[A-Za-z_][A-Za-z0-9_]{3,}", text))


def text_of(call, found):
    """The comment with what it copies from others."""
    copied = re.sub(r"@copydoc\s+(vdev_\w+)(?:\(\))?", lambda m: text_of(m.group(1), found), found[call])
    return re.sub(r"@copy(?:brief|details)\s+vdev_\w+(?:\(\))?", " ", copied)


def faults(page, wanted):
    if not os.path.isfile(page) or not os.path.getsize(page):
        yield "there is no page"
        return
    with open(page) as file:
        if re.search(r"^\.so ", file.read(), re.M):
            yield "a stub"
    done = subprocess.run(["man", "--warnings=w", "-l", page], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    text = re.sub(r".\x08", "", done.stdout)
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION"):
        if not re.search(r"^%s$" % section, text, re.M):
            yield "no section " + section
    yield from re.findall(r"^.*warning:.*$", text, re.M)
    missing = sorted(wanted - words(text))
    if missing:
        yield "words of the header that are not in the page: " + " ".join(missing)


def main():
    pages, include = sys.argv[1:3]
    if not shutil.which("man"):
        print("skip: man is not installed (Debian: man-db)")
        return 77
    if not os.path.isdir(pages):
        print("skip: the man pages have not been built (ninja -C build docs/man3)")
        return 77
    found = dict(comments(include))
    wanted = {call: words(text_of(call, found)) for call in found}
    failed = [(call, "no comment above it") for call in calls(include) if call not in wanted]
    for name in sorted(wanted):
        failed += [(name, fault) for fault in faults(os.path.join(pages, name + ".3"), wanted[name])]
    for name, fault in failed:
        print("FAIL %s: %s" % (name, fault))
    print("%d pages, %d faults" % (len(wanted), len(failed)))
    return 1 if failed or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
