#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Each C block of the guides compiles by itself, and runs when it has a main().

usage: blocks.py SOURCE-ROOT CC LIBRARY-FOLDER... -- CFLAGS...

A ```text block right after a program (prose between them is fine) is what it has to print. A ```json
block has to be JSON. LIBRARY-FOLDERs hold the shared libraries of the build.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

WARN = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]


def guides(root):
    for name in sorted(os.listdir(root)):
        if name.endswith(".md"):
            yield name
    for top in ("docs", "examples", "tests"):
        for path, folders, names in os.walk(os.path.join(root, top)):
            folders.sort()
            for name in sorted(names):
                if name.endswith(".md"):
                    yield os.path.relpath(os.path.join(path, name), root)


def blocks(path):
    """(line number, language, text) of the fenced blocks."""
    with open(path) as file:
        text = file.read()
    # Indented, when they belong to an item of a list.
    for match in re.finditer(r"^([ \t]*)```(\w*)[^\n]*\n(.*?)^\1```[ \t]*$", text, re.M | re.S):
        yield text.count("\n", 0, match.start()) + 1, match.group(2), match.group(3)


def compile_and_run(cc, folders, flags, text, folder):
    """(what it printed or None without main, what went wrong)."""
    source, exe = folder + "/block.c", folder + "/block"
    with open(source, "w") as file:
        file.write(text)
    has_main = re.search(r"^int main\(", text, re.M)
    command = [cc] + WARN + flags + [source]
    if has_main:
        libs = [os.path.join(f, n) for f in folders for n in os.listdir(f) if n.endswith(".so")]
        command += ["-o", exe] + libs + ["-Wl,-rpath," + f for f in folders] + ["-pthread"]
    else:
        command += ["-c", "-o", exe + ".o"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        return None, "does not compile:\n" + done.stdout
    if not has_main:
        return None, ""
    done = subprocess.run([exe], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)
    return done.stdout, "exit code %d:\n%s" % (done.returncode, done.stdout) if done.returncode else ""


def main():
    root, cc = sys.argv[1:3]
    split = sys.argv.index("--")
    folders, flags = sys.argv[3:split], sys.argv[split + 1:]
    passed = failed = 0

    def judge(where, wrong):
        nonlocal passed, failed
        passed, failed = passed + (not wrong), failed + bool(wrong)
        print("%s %s%s" % ("FAIL" if wrong else "ok  ", where, ": " + wrong if wrong else ""))

    for guide in guides(root):
        printed = None
        for number, language, text in blocks(os.path.join(root, guide)):
            where = "%s:%d" % (guide, number)
            if language == "c":
                with tempfile.TemporaryDirectory() as folder:
                    printed, wrong = compile_and_run(cc, folders, flags, text, folder)
                judge(where, wrong)
            elif language == "text" and printed is not None:
                judge(where + " (output)", "" if text == printed else "it printed:\n" + printed)
                printed = None
            elif language == "json":
                try:
                    for line in text.splitlines() if text.count("\n{") else [text]:
                        json.loads(line)
                    judge(where, "")
                except ValueError as err:
                    judge(where, "no JSON: %s" % err)
            elif language == "":
                judge(where, "a block without a language: say c, sh, json or text")
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
