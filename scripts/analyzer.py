#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""gcc -fanalyzer on each file of the library, as a configured build compiles it.

usage: analyzer.py BUILD-DIR PROCESSES

Left to itself the analyzer gives up on half of the files and says nothing. Here it gets more room and must
say when that ends, or when its time does; then the file fails. A file with the comment
`/* ANALYZER: reason */` is looked at in the analyzer's own, smaller room; the gate prints which these are.
"""
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import time

SECONDS = 120
# Where allocation goes through hooks the analyzer is told so by attributes (lib/core/env.h).
ALWAYS = ["-fanalyzer", "-g0", "-o", "/dev/null"]
ROOM = ["-Wanalyzer-too-complex", "--param=analyzer-bb-explosion-factor=400",
        "--param=analyzer-max-enodes-per-program-point=500"]
WAIVER = re.compile(r"/\*[\s*]*ANALYZER: (.*?)\s*\*/", re.S)


def files(build):
    """Each file of the library once: its path, and the call that compiles it without the outputs."""
    calls = {}
    for entry in json.load(open(os.path.join(build, "compile_commands.json"))):
        path = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
        words = iter(shlex.split(entry["command"]))
        call = []
        for word in words:
            if word in ("-MQ", "-MF", "-o"):
                next(words)
            elif word != "-MD":
                call.append(word)
        if os.path.relpath(path).startswith("lib/"):
            calls.setdefault(path, (entry["directory"], call))
    return calls


def analyse(path, directory, call):
    """Returns a line for people and whether the file passes."""
    name = os.path.relpath(path)
    with open(path) as file:
        waiver = WAIVER.search(file.read())
    begin = time.monotonic()
    # Of the processor's time: how busy the machine is must not decide.
    done = subprocess.run(["prlimit", "--cpu=%d" % SECONDS] + call + ALWAYS + ([] if waiver else ROOM),
                          cwd=directory, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if "signal terminated program" in done.stdout:
        return "%s: not followed to the end in %d s: make it simpler, or say why not: ANALYZER" % (
            name, SECONDS), False
    text = "%s: %.0f s" % (name, time.monotonic() - begin)
    if waiver:
        text += ", in small room: " + " ".join(waiver[1].replace("*", " ").split())
    if done.returncode:
        text += "\n" + "\n".join(line[:200] for line in done.stdout.splitlines()[:20])
    return text, done.returncode == 0


def main():
    calls = files(sys.argv[1])
    with concurrent.futures.ThreadPoolExecutor(int(sys.argv[2])) as pool:
        jobs = [pool.submit(analyse, path, *call) for path, call in sorted(calls.items())]
        results = [job.result() for job in jobs]
    for text, good in results:
        if not good or "small room" in text:
            print(text)
    failed = sum(not good for _, good in results)
    print("%d files of the library, %d failed" % (len(results), failed))
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
