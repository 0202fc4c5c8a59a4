#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The JSON that vdev-bench prints has the form that it promises, and its table says the same.

usage: rows.py VDEV-BENCH
Runs it with --quick. Times are not judged: this machine may be busy.
"""
import json
import subprocess
import sys

KEYS = ["name", "n", "ours_ns", "peer", "peer_ns", "ratio", "goal", "runs"]
NAMES = {"removal/lookup", "removal/lookup-writer", "removal/unit", "removal/bytes",
         "removal/deadline-wheel", "removal/deadline-heap", "removal/deadline-timerfd",
         "zerocopy/pending-wheel", "zerocopy/pending-heap", "zerocopy/bytes-slot",
         "irqhint/where", "irqhint/on-cpu-lines", "irqhint/on-cpu-threads", "irqhint/event-fits",
         "migration/compare", "migration/fleet", "migration/all-differ", "migration/growth"}


def run(*args, code=0):
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=100)
    if done.returncode != code:
        sys.exit("FAIL %s: exit code %d, expected %d\n%s" % (" ".join(args), done.returncode, code, done.stderr))
    return done.stdout


def wrong(row):
    """What is wrong with a row, or an empty string."""
    for key in KEYS:
        if key not in row:
            return "%s is missing" % key
    timed = row["ours_ns"] is not None
    if not timed and "ours_bytes" not in row:
        return "neither nanoseconds nor bytes"
    pair = (row["ours_ns"], row["peer_ns"]) if timed else (row["ours_bytes"], row["peer_bytes"])
    if not all(isinstance(v, (int, float)) and v > 0 for v in pair + (row["ratio"], row["n"], row["runs"])):
        return "a number is missing or not above 0"
    if row["goal"] is not None and not row["goal"] > 0:
        return "goal is neither null nor above 0"
    return ""


def main():
    bench = sys.argv[1]
    rows = [json.loads(line) for line in run(bench, "--quick", "--json").splitlines()]
    bad = ["%s: %s" % (row.get("name"), wrong(row)) for row in rows if wrong(row)]
    missing = NAMES - {row.get("name") for row in rows}
    bad += ["no row named " + name for name in sorted(missing)]
    table = run(bench, "--quick", "removal/bytes")
    if "removal/bytes" not in table or "goal" not in table.splitlines()[0]:
        bad.append("the table lacks its head or its row:\n" + table)
    if run(bench, "--list").count("removal/") < 5:
        bad.append("--list does not show the benches")
    run(bench, "no-such-bench", code=2)
    for line in bad:
        print("FAIL " + line)
    print("%d rows, %d wrong" % (len(rows), len(bad)))
    return 1 if bad or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
