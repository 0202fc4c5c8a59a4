#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Sums up the mini-VMM's JSON lines for people, after the VMM itself has shown each check.

usage: demoreport.py REPORT.json BACKEND EXIT-CODE [WHY-NO-KVM]

Exits 0 only when the VMM did, at least one check ran, and each check held.
"""
import json
import re
import sys
import textwrap


def say(text, indent="  "):
    print(textwrap.fill(text, 98, initial_indent=indent, subsequent_indent=indent))


def duration(ns):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return "%.3g %s" % (ns / size, unit)
    return "%d ns" % ns


def where(backend, why):
    if backend == "mock":
        return ("This ran on the mock backend. No guest was involved, because %s. The engine is the same; "
                "guest and hypervisor were played from a script." % (why or "KVM cannot be used"))
    return "This ran on /dev/kvm, with a real guest in each check and its devices under I/O."


def tell(runs):
    """What happened, as far as the numbers say it."""
    for run in runs:
        times = run.get("metrics", {}).get("request_to_end_ns", {})
        if not isinstance(times, dict):
            continue
        fast, slow = times.get("safe-under-io"), times.get("unsafe-warned")
        if fast:
            say("A device whose driver had declared that it bears surprise removal was gone %s after the "
                "request, without a word to the guest." % duration(fast["median"]))
        if slow:
            say("A device whose driver has to be warned was gone %s after the request; in that time the "
                "guest was warned, let go of it and said so." % duration(slow["median"]))


def count(number, what):
    return "%s %s%s" % (format(number, ","), what, "" if number == 1 else "s")


def tell_lent(run):
    """What became of memory that guests had lent."""
    m = run.get("metrics", {})
    if "reclaims" not in m:
        return
    say("%s that guests had lent were taken back from receivers that did not read, while the guests ran. "
        "When these read after all, %s of %s were wrong; the guests lost %s of %s." % (
            count(m["reclaims"], "block"), format(m["wrong_bytes"], ","),
            count(m["right_bytes"] + m["wrong_bytes"], "byte"), format(m["lost_updates"], ","),
            count(m["updates"], "update")))
    say("The same without the library's page replacement gave %s; without its write-protection, %s." % (
        count(m["control_wrong_bytes"], "wrong byte"), count(m["control_lost_updates"], "lost update")))


def tell_hinted(run):
    """Where interrupts went while vCPUs and events moved."""
    m = run.get("metrics", {})
    if "share_with_hints" not in m:
        return
    say("While vCPUs and events moved from CPU to CPU, %d %% of the interrupts reached a vCPU on the event's own CPU with "
        "hints, %d %% without, %d %% with a provider that lies; %d %% where the VMM chose for a guest without the "
        "driver. Of %s, %d were lost." % (m["share_with_hints"], m["share_without_hints"], m["share_of_a_liar"],
                                           m["share_host_side"], count(m["events"], "event"), m["events_lost"]))


def main():
    path, backend, status = sys.argv[1:4]
    why = sys.argv[4] if len(sys.argv) > 4 else ""
    try:
        with open(path) as lines:
            runs = [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as err:
        print("  the mini-VMM (exit code %s) left no readable report: %s" % (status, err))
        return 1
    if not runs:
        print("  nothing ran: the mini-VMM ended with exit code %s and said above why" % status)
        return 1
    checks = [check for run in runs for check in run.get("checks", [])]
    bad = [check for check in checks if not check["ok"]]
    skipped = [skip for run in runs for skip in run.get("skipped", [])]
    say(where(backend, why))
    if backend != "mock":  # its clock is simulated
        tell(runs)
    for run in runs:
        tell_lent(run)
        tell_hinted(run)
    rules = {rule for check in checks if check["ok"] for rule in check.get("rules", [])}
    print()
    for check in bad:
        say("NOT SO: %s: %s" % (check["name"], check.get("detail", "")))
    for skip in skipped:
        say("skipped: %s: %s" % (skip["name"], skip["reason"]))
    say("%d of %d checks hold. Rules that they show (docs/engines): %s." % (
        len(checks) - len(bad), len(checks),
        " ".join(sorted(rules, key=lambda r: (r[0], int(re.sub(r"\D", "", r) or 0)))) or "none"))
    if status != "0":
        say("The mini-VMM ended with exit code %s." % status)
    return 0 if status == "0" and checks and not bad else 1


if __name__ == "__main__":
    sys.exit(main())
