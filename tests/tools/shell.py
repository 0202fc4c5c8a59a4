#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What is installed beside vdevctl: the man page says what the program does, bash completes it.

usage: shell.py VDEVCTL FAKEVMM
"""
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
from rig import Skip, expect, run  # noqa: E402

FOLDER = os.path.join(os.environ["VDEV_SOURCE"], "tools/vdevctl")


def manual():
    if not shutil.which("man"):
        raise Skip("man is not installed (Debian: man-db)")
    done = subprocess.run(["man", "--warnings=w", "-l", FOLDER + "/vdevctl.1"], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ, MANWIDTH="100"))
    text = re.sub(r".\x08", "", done.stdout)
    assert "warning" not in text, text
    for command in ("compare", "cpumap", "inventory", "plan", "sim", "topology"):
        for option in re.findall(r"--[a-z]+(?:-[a-z]+)*", expect(0, command, "--help").stdout):
            assert option in text or option in ("--help", "--usage", "--version"), option + " is not in the man page"
    for status in range(15):
        assert re.search(r"^ +%d +\S" % status, text, re.M), "exit status %d is not in the man page" % status


def complete(*words):
    script = '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vdevctl; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script, "bash", FOLDER + "/vdevctl.bash", "vdevctl", *words], check=True,
                          text=True, stdout=subprocess.PIPE)
    return done.stdout.split()


def completion():
    assert complete("") == ["compare", "cpumap", "inventory", "plan", "sim", "topology", "--help", "--version"]
    assert complete("c") == ["compare", "cpumap"]
    assert complete("cpumap", "--w") == ["--watch"]
    assert complete("cpumap", "--count", "") == []
    assert complete("inventory", "--from-d") == ["--from-dump"]
    assert complete("plan", "--ver") == ["--verify"]
    assert "live" in complete("plan", "--dest", "li") and "live" in complete("compare", "li")
    assert complete("sim", "irq") == ["irqhint"]
    assert complete("sim", "irqhint", "--seed", "") == []
    for command in ("compare", "cpumap", "inventory", "plan", "sim", "topology"):
        wanted = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", expect(0, command, "--help").stdout)) - {"--usage", "--version"}
        offered = set(complete(command, "--"))
        # The help text of an option may name others.
        assert offered == {o for o in wanted if o in offered} and offered >= {"--json", "--help"}, offered
        assert not {o for o in wanted - offered if re.search(r"^ +(-\w, +)?%s" % o,
                                                             expect(0, command, "--help").stdout, re.M)}, wanted - offered


if __name__ == "__main__":
    sys.exit(run([manual, completion]))
