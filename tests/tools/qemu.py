#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vdevctl against Debian's QEMU, without an accelerator and, where there is one, on /dev/kvm: a vCPU is moved by taskset and followed.

usage: qemu.py VDEVCTL FAKEVMM
"""
import json
import os
import select
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
from rig import SECONDS, VDEVCTL, Skip, expect, look, run, until, vdevctl  # noqa: E402

# Firmware without anything to boot: the first vCPU wakes up for the clock, the second one waits.
QEMU = ["qemu-system-x86_64", "-smp", "2", "-m", "32", "-display", "none", "-nodefaults"]
TCG = ["-accel", "tcg,thread=multi"]
KVM = ["-accel", "kvm"]


class Machine:
    def __init__(self, *args, accelerator=TCG):
        if not shutil.which(QEMU[0]):
            raise Skip("qemu-system-x86_64 is not installed (Debian: qemu-system-x86)")
        self.process = subprocess.Popen(QEMU + accelerator + list(args), stdin=subprocess.DEVNULL)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=SECONDS)


def ready(pid):
    return vdevctl("cpumap", "--json", "--pid", pid).stdout.count('"tid"') == 2


def threads():
    with Machine("-name", "x,debug-threads=on") as vm:
        until(lambda: ready(vm.pid), "QEMU starts its vCPUs")
        seen = look(vm.pid)
        assert seen["provider"] == "thread-names" and seen["vmm"] == "qemu", seen
        for number, vcpu in enumerate(seen["vcpus"]):
            with open("/proc/%d/task/%d/comm" % (vm.pid, vcpu["tid"])) as comm:
                assert comm.read() == "CPU %d/TCG\n" % number
        assert [v["vcpu"] for v in seen["vcpus"]] == [0, 1]


def nameless_threads():
    with Machine("-S") as vm:
        until(lambda: len(os.listdir("/proc/%d/task" % vm.pid)) > 2, "QEMU starts its vCPUs")
        expect(6, "cpumap", "--pid", vm.pid, say="debug-threads=on")


def seen_on(watcher, cpu):
    """Reads until a look shows the first vCPU there; how many looks that took."""
    end, looks = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        if select.select([watcher.stdout], [], [], 1)[0]:
            looks += 1
            vcpu = json.loads(watcher.stdout.readline())["vcpus"][0]
            if vcpu["vcpu"] == 0 and vcpu["cpu"] == cpu:
                return looks
    raise AssertionError("vCPU 0 was never seen on CPU %d" % cpu)


def follow(accelerator):
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise Skip("one CPU only")
    with Machine("-name", "x,debug-threads=on", accelerator=accelerator) as vm:
        until(lambda: ready(vm.pid), "QEMU starts its vCPUs")
        tid = look(vm.pid)["vcpus"][0]["tid"]
        # Unbuffered: select() must see what is left in the pipe.
        watcher = subprocess.Popen([VDEVCTL, "cpumap", "--pid", str(vm.pid), "--watch", "--interval", "20", "--json"],
                                   bufsize=0, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        try:
            for cpu in (cpus[0], cpus[1], cpus[0], cpus[1]):
                subprocess.run(["taskset", "-pc", str(cpu), str(tid)], check=True, stdout=subprocess.DEVNULL)
                print("vCPU 0 seen on CPU %d in look %d after it was moved" % (cpu, seen_on(watcher, cpu)))
        finally:
            watcher.terminate()
            watcher.wait(timeout=SECONDS)
            watcher.stdout.close()


def follows():
    follow(TCG)


def follows_on_kvm():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        raise Skip("/dev/kvm cannot be used")
    follow(KVM)


def kvm_debugfs():
    """KVM itself says which threads are vCPUs: no thread has a name."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK) or os.geteuid():
        raise Skip("/dev/kvm cannot be used, or its debugfs is not for this user")
    with Machine(accelerator=KVM) as vm:
        until(lambda: ready(vm.pid), "QEMU starts its vCPUs")
        seen = look(vm.pid)
        assert seen["provider"] == "kvm-debugfs", seen
        assert [v["vcpu"] for v in seen["vcpus"]] == [0, 1]


if __name__ == "__main__":
    sys.exit(run([threads, nameless_threads, follows, follows_on_kvm, kvm_debugfs]))
