#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vdevctl: each exit status, with what it says to people.

usage: exits.py VDEVCTL FAKEVMM
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
from rig import VDEVCTL, Fake, Skip, expect, run, until, vdevctl, write  # noqa: E402

NO_DEBUGFS = ("--debugfs", "/nonexistent")
NOBODY = 65534


def usage():
    for args, say in (
            ((), "a command is missing"),
            (("cpumpa",), '"cpumpa" is no command, expected compare, cpumap, inventory, plan, sim or topology'),
            (("cpumap",), "--pid is missing"),
            (("cpumap", "--pid"), "requires an argument"),
            (("cpumap", "--pid", "x"), '--pid is "x", expected the number of a process, 1 to 4194304'),
            (("cpumap", "--pid", ""), '--pid is ""'),
            (("cpumap", "--pid", "0"), '--pid is "0"'),
            (("cpumap", "--pid", "-1"), '--pid is "-1"'),
            (("cpumap", "--pid", "1 "), '--pid is "1 "'),
            (("cpumap", "--pid", "4194305"), '--pid is "4194305"'),
            (("cpumap", "--pid", "18446744073709551617"), "--pid is"),
            (("cpumap", "--pid", "1", "--interval", "0", "--watch"), '--interval is "0", expected milliseconds'),
            (("cpumap", "--pid", "1", "--count", "x", "--watch"), '--count is "x"'),
            (("cpumap", "--pid", "1", "--count", "2"), "need --watch"),
            (("cpumap", "--pid", "1", "--interval", "2"), "need --watch"),
            (("cpumap", "1"), "such as --pid 1"),
            (("cpumap", "--nonsense"), "unrecognized option"),
            (("cpumap", "--pid", "1", "--pid", "2"), '--pid is given twice, 1 and "2", expected one'),
            (("cpumap", "--pid", "1", "--proc", "a", "--proc", "b"), "--proc is given twice"),
            (("topology", "--sysfs", "a", "--sysfs", "b"), "--sysfs is given twice"),
            (("topology", "x"), "only options"),
            (("inventory", "--nonsense"), "unrecognized option"),
            (("--nonsense",), "unrecognized option")):
        expect(2, *args, say=say)


def help_and_version():
    for args in (("--help",), ("compare", "--help"), ("cpumap", "--help"), ("inventory", "--help"), ("plan", "--help"),
                 ("sim", "--help"), ("topology", "--help"), ("--version",)):
        assert "vdevctl" in expect(0, *args).stdout
    assert "Exit status" in expect(0, "cpumap", "--help").stdout


def no_such_process():
    with Fake() as fake:
        fake.end()
        expect(3, "cpumap", "--pid", fake.pid, say="process %d: there is no such process" % fake.pid)


def a_zombie():
    child = subprocess.Popen(["true"])
    until(lambda: open("/proc/%d/stat" % child.pid).read().split(") ")[1][0] == "Z", "it ends")
    expect(3, "cpumap", "--pid", child.pid, say="no such process")
    child.wait()


def not_a_vmm():
    with Fake("worker", "CPU", "vcpu", "kvm-nx-lpage-re") as fake:
        expect(5, "cpumap", "--pid", fake.pid, *NO_DEBUGFS, say="not a VMM")
    expect(5, "cpumap", "--pid", os.getpid(), say="not a VMM")


def a_vmm_with_nameless_threads():
    with Fake("main=qemu-system-x86", "qemu-system-x86") as fake:
        expect(6, "cpumap", "--pid", fake.pid, *NO_DEBUGFS, say="debug-threads=on")


def as_nobody(folder):
    """Arguments for vdevctl(), which runs from a copy in a folder that everybody can reach."""
    if os.geteuid() != 0:
        raise Skip("only root can become another user")
    os.chmod(folder, 0o755)
    loaded = subprocess.run(["ldd", VDEVCTL], stdout=subprocess.PIPE, text=True, check=True).stdout
    for path in [VDEVCTL] + re.findall(r"=> (\S*/libvdevmgmt\S*)", loaded):
        shutil.copy(path, folder)
    options = {"program": os.path.join(folder, os.path.basename(VDEVCTL)), "user": NOBODY, "group": NOBODY,
               "extra_groups": [], "env": dict(os.environ, LD_LIBRARY_PATH=folder)}
    try:
        if vdevctl("--version", **options).returncode == 0:
            return options
    except OSError:
        pass
    raise Skip("user %d cannot run %s" % (NOBODY, options["program"]))


def denied():
    """Another user's process, of which only its descriptors would tell what it is."""
    with tempfile.TemporaryDirectory() as folder:
        options = as_nobody(folder)
        with Fake("worker") as fake:
            expect(4, "cpumap", "--pid", fake.pid, *NO_DEBUGFS, say="not permitted", **options)
        # What everybody may see needs no permission.
        with Fake("CPU 0/KVM") as fake:
            expect(0, "cpumap", "--pid", fake.pid, **options)


def a_denied_recording():
    with tempfile.TemporaryDirectory() as folder:
        options = as_nobody(folder)
        write(folder + "/r", "cpus 1\nvcpus 1\n0 0 0 R\n")
        os.chmod(folder + "/r", 0)
        expect(8, "sim", "irqhint", "--recording", folder + "/r", say="/r: Permission denied", **options)


def denied_by_hidepid():
    # A procfs of its own, in a mount namespace of its own.
    script = ("mount -t proc -o hidepid=1 proc /proc || exit 77; exec setpriv --reuid %d --regid %d --clear-groups"
              ' "$0" cpumap --pid "$1"' % (NOBODY, NOBODY))
    with tempfile.TemporaryDirectory() as folder, Fake("CPU 0/KVM") as fake:
        options = as_nobody(folder)
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, options["program"], str(fake.pid)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=options["env"])
        if done.returncode in (1, 77) and "vdevctl" not in done.stderr:
            raise Skip("no private procfs here: " + done.stderr.strip())
        assert done.returncode == 4 and "hidepid" in done.stderr, (done.returncode, done.stderr)


def output_fails():
    with Fake("CPU 0/KVM") as fake, open("/dev/full", "w") as full:
        for extra in ((), ("--json",)):
            for args in (("cpumap", "--pid", fake.pid), ("topology",)):
                done = vdevctl(*args, *extra, stdout=full)
                assert done.returncode == 1 and "cannot write" in done.stderr, (done.returncode, done.stderr)


def a_broken_proc():
    with tempfile.TemporaryDirectory() as folder:
        write(folder + "/5/task/5/stat", "5 (CPU 0/KVM) S nonsense\n")
        expect(1, "cpumap", "--pid", 5, "--proc", folder, *NO_DEBUGFS, say="cannot be read from")
        expect(3, "cpumap", "--pid", 6, "--proc", folder, *NO_DEBUGFS, say="process 6")


def a_captured_proc():
    with tempfile.TemporaryDirectory() as folder:
        fields = ["1"] * 35 + ["3"] + ["0"] * 13
        write(folder + "/5/task/5/stat", "5 (CPU 0/KVM) T %s\n" % " ".join(fields))
        done = expect(0, "cpumap", "-j", "--pid", 5, "--proc", folder, "--sysfs", folder, *NO_DEBUGFS)
        assert '"cpu":3,"node":null,"state":"stopped"' in done.stdout, done.stdout


if __name__ == "__main__":
    sys.exit(run([usage, help_and_version, no_such_process, a_zombie, not_a_vmm, a_vmm_with_nameless_threads, denied,
                  a_denied_recording, denied_by_hidepid, output_fails, a_broken_proc, a_captured_proc]))
