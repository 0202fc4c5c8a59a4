#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vdevctl cpumap: what it shows.

usage: cpumap.py VDEVCTL FAKEVMM
"""
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
from rig import FAKEVMM, VDEVCTL, Fake, Skip, expect, look, run, until, write  # noqa: E402,F401

NO_DEBUGFS = ("--debugfs", "/nonexistent")
VMMS = {
    "qemu": ["CPU %d/KVM", "CPU %d/TCG"],
    "cloud-hypervisor": ["vcpu%d"],
    "firecracker": ["fc_vcpu %d"],
    "crosvm": ["crosvm_vcpu%d"],
    "kvmtool": ["kvm-vcpu-%d"],
    "minivmm": ["minivmm-vcpu%d"],
}


def names_of_each_vmm():
    for vmm, patterns in VMMS.items():
        for pattern in patterns:
            # Not in order, with threads of other kinds between.
            with Fake(pattern % 2, "worker", pattern % 0, "kvm-nx-lpage-re", pattern % 11) as fake:
                seen = look(fake.pid, *NO_DEBUGFS)
                assert seen["pid"] == fake.pid and seen["provider"] == "thread-names", seen
                assert seen["vmm"] == vmm, seen
                assert [(v["vcpu"], v["tid"]) for v in seen["vcpus"]] == [
                    (0, fake.tids[2]), (2, fake.tids[0]), (11, fake.tids[4])], seen


def shape():
    with Fake("CPU 0/KVM") as fake:
        seen = look(fake.pid, *NO_DEBUGFS)
        assert list(seen) == ["pid", "provider", "vmm", "vcpus"], seen
        vcpu, = seen["vcpus"]
        assert list(vcpu) == ["vcpu", "tid", "cpu", "node", "state"], vcpu
        assert type(vcpu["cpu"]) is int and vcpu["node"] in (None, *range(1024)), vcpu
        assert vcpu["state"] in ("running", "sleeping"), vcpu


def leading_zeros():
    """QEMU writes none: whatever thread that is, it is not vCPU 1."""
    with Fake("CPU 01/KVM", "CPU 1/KVM", "CPU 00/KVM", "CPU 10/KVM") as fake:
        seen = look(fake.pid, *NO_DEBUGFS)["vcpus"]
        assert [(v["vcpu"], v["tid"]) for v in seen] == [(1, fake.tids[1]), (10, fake.tids[3])], seen


def two_of_one_name():
    """Only one of them can be the vCPU; KVM knows which."""
    with Fake("CPU 0/KVM", "CPU 1/KVM", "CPU 0/KVM") as fake, tempfile.TemporaryDirectory() as folder:
        for extra in ((), ("--json",), ("--watch", "--interval", 5)):
            done = expect(6, "cpumap", "--pid", fake.pid, *NO_DEBUGFS, *extra, say='both have the name "CPU 0/KVM"')
            assert "threads %d and %d " % (fake.tids[0], fake.tids[2]) in done.stderr, done.stderr
        debugfs_tree(folder, {"%d-15" % fake.pid: {0: fake.tids[2], 1: fake.tids[1]}})
        seen = look(fake.pid, "--debugfs", folder)["vcpus"]
        assert [(v["vcpu"], v["tid"]) for v in seen] == [(0, fake.tids[2]), (1, fake.tids[1])], seen


def state_of(pid, vcpu):
    return look(pid, *NO_DEBUGFS)["vcpus"][vcpu]["state"]


def running_and_sleeping():
    with Fake("CPU 0/KVM", "spin=CPU 1/KVM") as fake:
        until(lambda: state_of(fake.pid, 0) == "sleeping", "the first one sleeps")
        assert state_of(fake.pid, 1) == "running"


def follows_a_thread():
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise Skip("one CPU only")
    with Fake("spin=CPU 0/KVM") as fake:
        for cpu in (cpus[0], cpus[-1], cpus[0]):
            os.sched_setaffinity(fake.tids[0], {cpu})
            assert look(fake.pid, *NO_DEBUGFS)["vcpus"][0]["cpu"] == cpu


def debugfs_tree(folder, machines):
    """{"PID-FD": {vcpu: tid}}"""
    for machine, vcpus in machines.items():
        for vcpu, tid in vcpus.items():
            write("%s/kvm/%s/vcpu%s/pid" % (folder, machine, vcpu), "%s\n" % tid)
    write(folder + "/kvm/exits", "0\n")


def by_debugfs():
    """KVM knows better than names; the machine may be of a thread that is gone; others' do not count."""
    with Fake("qemu", "CPU 7/KVM", "qemu") as fake, tempfile.TemporaryDirectory() as folder:
        debugfs_tree(folder, {"1-15": {1: fake.tids[0], 0: fake.tids[2]}, "1-16": {3: os.getpid()},
                              "x-1": {9: fake.tids[1]}, "-1": {9: fake.tids[1]}, "12": {9: fake.tids[1]}})
        seen = look(fake.pid, "--debugfs", folder)
        assert seen["provider"] == "kvm-debugfs" and "vmm" not in seen, seen
        assert [(v["vcpu"], v["tid"]) for v in seen["vcpus"]] == [(0, fake.tids[2]), (1, fake.tids[0])], seen
        assert "vm" not in seen["vcpus"][0]


def several_machines():
    with Fake("a", "b", "c") as fake, tempfile.TemporaryDirectory() as folder:
        debugfs_tree(folder, {"%d-15" % fake.pid: {0: fake.tids[0], 1: fake.tids[1]},
                              "%d-9" % fake.pid: {0: fake.tids[2]}})
        seen = look(fake.pid, "--debugfs", folder)["vcpus"]
        assert [(v["vm"], v["vcpu"], v["tid"]) for v in seen] == [
            (9, 0, fake.tids[2]), (15, 0, fake.tids[0]), (15, 1, fake.tids[1])], seen
        table = expect(0, "cpumap", "--pid", fake.pid, "--debugfs", folder).stdout.splitlines()
        assert table[1].split()[:2] == ["VM", "VCPU"] and table[2].split()[:2] == ["9", "0"], table


def nonsense_in_debugfs():
    """What is no number of a thread is passed over; then the names tell."""
    with Fake("CPU 0/KVM") as fake, tempfile.TemporaryDirectory() as folder:
        debugfs_tree(folder, {"%d-15" % fake.pid: {0: 0, 1: "x", 2: "-1", 3: "99999999999999999999", 4: "", "x": 5,
                                                   "99999999999": fake.tids[0], "": fake.tids[0]}})
        seen = look(fake.pid, "--debugfs", folder)
        assert seen["provider"] == "thread-names" and len(seen["vcpus"]) == 1, seen


def a_name_that_lies():
    """Its state is not what the name says."""
    with Fake(") R 1 (", "spin=) S 1 (") as fake, tempfile.TemporaryDirectory() as folder:
        debugfs_tree(folder, {"1-15": {0: fake.tids[0], 1: fake.tids[1]}})
        until(lambda: look(fake.pid, "--debugfs", folder)["vcpus"][0]["state"] == "sleeping", "it sleeps")
        assert look(fake.pid, "--debugfs", folder)["vcpus"][1]["state"] == "running"


def names_do_not_reach_the_terminal():
    with Fake("\x1b[31m\n\\x", "b\x9bc") as fake, tempfile.TemporaryDirectory() as folder:
        debugfs_tree(folder, {"1-15": {0: fake.tids[0], 1: fake.tids[1]}})
        done = expect(0, "cpumap", "--pid", fake.pid, "--debugfs", folder)
        lines = done.stdout.splitlines()
        assert len(lines) == 4, lines
        assert lines[0] == "process %d: 2 vCPUs, by kvm-debugfs" % fake.pid, lines
        assert lines[1].split() == ["VCPU", "TID", "CPU", "NODE", "STATE", "NAME"], lines
        assert lines[2].endswith(r" \x1b[31m\x0a\x5cx"), lines
        assert lines[3].split()[:2] == ["1", str(fake.tids[1])] and "\\xc2\\x9b" in lines[3], lines
        assert all(" " <= c <= "~" or c == "\n" for c in done.stdout), done.stdout


def watch():
    with Fake("CPU 0/KVM") as fake:
        done = expect(0, "cpumap", "--pid", fake.pid, "--watch", "--interval", 5, "--count", 4, "--json", *NO_DEBUGFS)
        seen = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(seen) == 4 and all(s["pid"] == fake.pid for s in seen), done.stdout


def watch_until_it_ends():
    with Fake("CPU 0/KVM") as fake:
        watcher = subprocess.Popen([VDEVCTL, "cpumap", "-p", str(fake.pid), "-w", "-i", "10", "-j", *NO_DEBUGFS], text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # Each look is there at once, not when a buffer is full.
        assert json.loads(watcher.stdout.readline())["pid"] == fake.pid
        fake.end()
        _, err = watcher.communicate(timeout=20)
        assert watcher.returncode == 3 and "no such process (any more)" in err, (watcher.returncode, err)


def watch_while_there_is_no_machine():
    """A VMM that was seen stays one while it has no vCPU."""
    with Fake("a") as fake, tempfile.TemporaryDirectory() as folder:
        debugfs_tree(folder, {"1-15": {0: fake.tids[0]}})
        watcher = subprocess.Popen([VDEVCTL, "cpumap", "-p", str(fake.pid), "-w", "-i", "10", "-j", "--debugfs", folder],
                                   text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert len(json.loads(watcher.stdout.readline())["vcpus"]) == 1
        os.remove(folder + "/kvm/1-15/vcpu0/pid")
        until(lambda: not json.loads(watcher.stdout.readline())["vcpus"], "no vCPU is shown")
        debugfs_tree(folder, {"1-15": {0: fake.tids[0]}})
        until(lambda: json.loads(watcher.stdout.readline())["vcpus"], "it is shown again")
        fake.end()
        watcher.communicate(timeout=20)
        assert watcher.returncode == 3, watcher.returncode


def without_topology():
    with Fake("CPU 0/KVM") as fake, tempfile.TemporaryDirectory() as folder:
        done = expect(0, "cpumap", "--json", "-p", fake.pid, "--sysfs", folder, *NO_DEBUGFS, say="topology of the host")
        assert json.loads(done.stdout)["vcpus"][0]["node"] is None, done.stdout


def nothing_stays_mounted():
    with Fake("CPU 0/KVM") as fake, open("/proc/self/mountinfo") as mounts:
        before = mounts.read()
        look(fake.pid)
        mounts.seek(0)
        assert mounts.read() == before


def topology():
    with tempfile.TemporaryDirectory() as folder:
        write(folder + "/devices/system/cpu/possible", "0-1,4\n")
        write(folder + "/devices/system/cpu/online", "0-1\n")
        for cpu in (0, 1):
            write(folder + "/devices/system/cpu/cpu%d/topology/core_cpus_list" % cpu, "0-1\n")
        write(folder + "/devices/system/node/online", "0-1\n")
        write(folder + "/devices/system/node/node1/cpulist", "0-1\n")
        write(folder + "/devices/system/node/node1/distance", "21 10\n")
        seen = json.loads(expect(0, "topology", "--json", "--sysfs", folder).stdout)
        assert [list(c.values()) for c in seen["cpus"]] == [
            [0, True, 0, None, 1], [1, True, 0, None, 1], [4, False, None, None, None]], seen
        assert seen["distances"] == [{"from": 1, "to": 0, "distance": 21}, {"from": 1, "to": 1, "distance": 10}], seen
        table = [line.split() for line in expect(0, "topology", "--sysfs", folder).stdout.splitlines()]
        assert table == [["CPU", "ONLINE", "CORE", "CACHE", "NODE"], ["0", "yes", "0", "-", "1"],
                         ["1", "yes", "0", "-", "1"], ["4", "no", "-", "-", "-"]], table
        expect(0, "topology")
        write(folder + "/devices/system/node/online", "0-1024\n")
        expect(1, "topology", "--sysfs", folder, say="expected node numbers up to 1023")


if __name__ == "__main__":
    sys.exit(run([names_of_each_vmm, shape, leading_zeros, two_of_one_name, running_and_sleeping, follows_a_thread, by_debugfs, several_machines,
                  nonsense_in_debugfs, a_name_that_lies, names_do_not_reach_the_terminal, watch, watch_until_it_ends,
                  watch_while_there_is_no_machine,
                  without_topology, nothing_stays_mounted, topology]))
