#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the reference: HTML by doxygen, man pages from its XML.

usage: reference.py DOXYGEN DOXYFILE VERSION HTML-DIR MAN3-DIR HEADER=LIBRARY...

One step, because ninja looks at the time of a folder, which new contents do not change.
"""
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
import manpages  # noqa: E402


def main():
    doxygen, doxyfile, version, html, man3 = sys.argv[1:6]
    manpages.LIBRARIES.update(pair.split("=") for pair in sys.argv[6:])
    shutil.rmtree(html, ignore_errors=True)
    status = subprocess.run([doxygen, doxyfile], stdin=subprocess.DEVNULL).returncode
    if status == 0:
        status = manpages.make(os.path.join(os.path.dirname(html), "xml"), man3, version)
    if status:
        # What is half done must not look done.
        shutil.rmtree(html, ignore_errors=True)
        shutil.rmtree(man3, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
