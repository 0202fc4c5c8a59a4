#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Counts the cases of a `meson test` run.

usage: testreport.py testlog.json PREFIX RESULTS

Appends one line a case to RESULTS: status, name, reason. Of each meson test the cases come from the
first of these that it has: cmocka's XML files (scripts/cmocka-cases.sh says where), a line
`N passed, N failed, N skipped` of its output, itself.
"""
import glob
import json
import os
import re
import sys
import xml.etree.ElementTree as ET

SUM = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)
GOOD = ("OK", "EXPECTEDFAIL")


def cmocka_cases(stdout):
    """Cases in the XML files of a test: (status, name, reason)."""
    match = re.search(r"^vdev-cases: (.*)$", stdout, re.M)
    cases = []
    for path in sorted(glob.glob(glob.escape(match.group(1)) + "*.xml")) if match else []:
        try:
            suites = ET.parse(path).getroot().iter("testcase")
        except ET.ParseError as err:
            cases.append(("fail", os.path.basename(path), "cmocka's report is broken: %s" % err))
            continue
        for case in suites:
            name = case.get("name")
            failure = case.find("failure")
            if failure is None:
                failure = case.find("error")
            if failure is not None:
                text = " ".join((failure.text or "").split())
                cases.append(("fail", name, text[:200] or "see the log"))
            elif case.find("skipped") is not None:
                cases.append(("skip", name, None))
            else:
                cases.append(("pass", name, ""))
    return cases


def skip_reasons(text):
    """What a test says about its skips, in the order in which it says it."""
    return re.findall(r"^\s*skip(?:ped)?: *(.*)$", text, re.M | re.I)


def summed_cases(text, reasons):
    """Cases of a test that prints its own sum."""
    found = SUM.findall(text)
    if not found:
        return []
    passed, failed, skipped = (int(n) for n in found[-1])
    cases = [("pass", "", "")] * passed + [("fail", "", "see the log")] * failed
    return cases + [("skip", "", None)] * skipped


def cases_of(test):
    out = test.get("stdout", "")
    text = out + "\n" + test.get("stderr", "")
    reasons = skip_reasons(text)
    result = test["result"]
    cases = cmocka_cases(out) or summed_cases(text, reasons)
    if result == "SKIP" and not any(status == "skip" for status, _, _ in cases):
        cases = [case for case in cases if case[0] == "fail"] + [("skip", "", None)]
    elif result not in GOOD + ("SKIP",) and not any(status == "fail" for status, _, _ in cases):
        why = "%s, exit code %s" % (result.lower(), test.get("returncode"))
        cases.append(("fail", "", why))
    elif not cases:
        cases = [("pass", "", "")]
    for status, name, reason in cases:
        if reason is None:
            reason = (reasons.pop(0) if len(reasons) > 1 else reasons[0]) if reasons else "no reason given"
        yield status, name, reason


def main():
    log, prefix, results = sys.argv[1:4]
    if not os.path.exists(log):
        return 1
    with open(log) as lines, open(results, "a") as out:
        for line in lines:
            test = json.loads(line)
            title = test["name"].replace("libvdevmgmt:", "").replace(" / ", "/")
            for status, name, reason in cases_of(test):
                full = prefix + title + ("/" + name if name else "")
                out.write("%s\t%s\t%s\n" % (status, full, " ".join(reason.split())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
