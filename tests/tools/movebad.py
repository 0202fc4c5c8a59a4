#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vdevctl compare and plan: what is wrong is said, and where; damaged files, changed plans, wrong usage.

usage: movebad.py VDEVCTL FAKEVMM
"""
import json
import os
import random
import sys

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
import rig  # noqa: E402
from moverig import CAPTURE, CHANGED, DAMAGED, DUMPS, NO_DEVICE, NO_FILE, REFUSE, VFS, Folder, Host, plan, run, vm  # noqa: E402
from rig import expect, vdevctl  # noqa: E402

VF = VFS[0]
SLOW = bool(os.environ.get("VDEV_TEST_SLOW"))


def usage():
    for args, say in (
            (("compare",), "expected two machines"), (("compare", "a"), "expected two machines"),
            (("compare", "a", "b", "c"), '"c" is one too many'),
            (("compare", "a", "b", "--device", "x"), '--device is "x", expected an address such as 3b:00.1'),
            (("compare", "a", "b", "--device", "3b:00.8"), "--device is"), (("compare", "a", "b", "--device", ""), "--device is"),
            (("compare", "a", "b", "--device", "3b:00.1="), "--device is"), (("compare", "a", "b", "--device", "3b:20.1"), "--device"),
            (("compare", "a", "b", "--device", "3b:00.1 "), "--device is"),
            (("compare", "a", "b", "--device", "3b:00.1", "--device", "3b:00.2"), '--device is given twice, "3b:00.1" and "3b:00.2"'),
            (("compare", "a", "b", "--rules", "r", "--rules", "q"), "--rules is given twice"),
            (("compare", "a", "b", "--rules", ""), '--rules is ""'),
            (("plan", "--vm", "v", "--vm", "w"), '--vm is given twice, "v" and "w", expected one'),
            (("plan", "--source", "v", "--source", "w"), "--source is given twice"),
            (("plan", "--show", "v", "--show", "w"), "--show is given twice"),
            (("plan", "--verify", "v", "--verify", "w"), "--verify is given twice"),
            (("compare", "a", "b", "--vfio"), "--vfio asks devices of this machine: neither is live"),
            (("plan", "--vm", "v", "--source", "s", "--dest", "d", "--vfio"), "--vfio asks devices of this machine: no machine is live"),
            (("plan", "--verify", "p", "--dest", "d", "--vfio"), "--vfio asks devices of this machine: no machine is live"),
            (("plan", "--show", "p", "--vfio"), "--vfio asks devices, and --show looks at none"),
            (("plan",), "expected --vm, --source and --dest"), (("plan", "a"), '"a": machines follow --dest'),
            (("plan", "--vm", "v", "--source", "s"), "expected --vm, --source and --dest"),
            (("plan", "--show", "p", "--verify", "p"), "exclude each other"),
            (("plan", "--show", "p", "--dest", "b"), "--show goes with --json only"),
            (("plan", "--verify", "p"), "--verify needs --dest, --source, or both"),
            (("plan", "--verify", "p", "--dest", "b", "c"), "--verify needs"),
            (("plan", "--verify", "p", "--dest", "b", "--rules", "r"), "--verify takes VM and rules from the plan"),
            (("plan", "--vm", "v", "--source", "s", "--dest", "d", "--claimed"), "--claimed needs --verify"),
            (("plan", "--vm", "v", "--source", "s", "--dest") + ("d",) * 1025, "more than 1024 destinations")):
        expect(2, *args, say=say)


def machines():
    with Folder() as folder:
        for name, status, say in (("none", NO_FILE, "expected a dump, a captured folder, an inventory, or live"),
                                  (folder.put("empty", ""), DAMAGED, "neither an inventory (JSON begins with {) nor a dump"),
                                  (folder.put("text", "hello: world\n1.2.3.4\n"), DAMAGED, "neither an inventory"),
                                  (folder.put("list", "[]"), DAMAGED, "neither an inventory"),
                                  (folder.put("vm", vm(VF)), DAMAGED, 'format: "vdev-vm", expected "vdev-inventory"'),
                                  (folder.put("cut", "{"), DAMAGED, ":1: no JSON"),
                                  (folder.put("cut2", "3b:00.0 x\n00: 86 80 zz\n"), DAMAGED, "cut2:2:"),
                                  ("/dev/null", DAMAGED, "neither a plain file nor a folder"),
                                  (folder.name, NO_FILE, "expected a tree that vdevctl inventory --capture made")):
            for args in ((name, CAPTURE), (CAPTURE, name)):
                done = expect(status, "compare", *args, say=say)
                assert name in done.stderr, done.stderr
        os.mkfifo(folder("pipe"))
        expect(DAMAGED, "compare", CAPTURE, folder("pipe"), say="neither a plain file nor a folder")
        # Only the name is special.
        folder.put("live", "x")
        expect(DAMAGED, "compare", folder("live"), CAPTURE, say="neither an inventory")


def devices_that_are_not_there():
    for device, missing in (("3b:00.0", "0000:3b:00.0"), ("41:00.1=41:00.7", "0000:41:00.7"), ("0001:41:00.1", "0001:41:00.1")):
        expect(NO_DEVICE, "compare", CAPTURE, CAPTURE, "--device", device, say="there is no device " + missing)
    with Folder() as folder:
        expect(NO_DEVICE, "plan", "--vm", folder.put("vm", vm(VF, "3b:00.0")), "--source", CAPTURE, "--dest", CAPTURE,
               say="devices[1].address: %s has no device 0000:3b:00.0" % CAPTURE)


def rules():
    with Folder() as folder:
        for text, say in (("firmware exact\n", ":1:"), ("version 2\n", ":1:"), ("version 1\nnonsense exact REFUSE\n", ":2:1: \"nonsense\""),
                          ("firmware ignore # \udcff\n", "not UTF-8"), ("version 2\n", ':1:9: "2" is a version that this library does not know, expected 1\n'),
                          ("vendor=15b3 firmware exact SOMETIMES\n", "verdicts: LIVE_STOP_COPY_ONLY, QUIESCE_REBUILD, EMULATE, REFUSE; fields: "),
                          ("nonsense ignore\n", "; fields: class, vendor, device, "), ("firmware usually\n", "kinds: exact, at-least, need, ignore;"),
                          ("firmware ignore\n" * 5000, "too many rules, expected at most 4096 with those built in"),
                          ("# a note\n\n" + json.dumps(vm(VF)), "; this is no rules file\n"), ("3b:00.0 Ethernet controller: x\n00: 86 80\n", "; this is no rules file\n"),
                          ("#!/bin/sh\necho hello; exit\n", ':2:1: "echo" is no field\n'),
                          ("a\xc2\x9b\udcff ignore\n", ':1:1: "aÂ??" is no field'), ("x" * 39 + "é ignore\n", '"%s?" is no field' % ("x" * 39)), ("x" * (1 << 20) + "x", "larger than 1 MiB")):
            with open(folder("r"), "w", errors="surrogateescape") as file:
                file.write(text)
            done = expect(DAMAGED, "compare", CAPTURE, CAPTURE, "--rules", folder("r"), say=say)
            assert folder("r") in done.stderr, done.stderr
        expect(NO_FILE, "compare", CAPTURE, CAPTURE, "--rules", folder("none"), say="No such file")


def no_controls():
    """What a terminal would obey is ?, wherever a text of a file is shown."""
    with Folder() as folder:
        for name, shown in (("\x9b31m", "?31m"), ("\x7f", "?"), ("\x1b[0m", "?[0m"), ("é" * 40, "é" * 14 + '..."')):
            done = expect(DAMAGED, "plan", "--vm", folder.put("vm", vm(VF, deadlines_ms={name: 5})), "--source", CAPTURE, "--dest", CAPTURE,
                          say='deadlines_ms: "%s' % shown)
            assert "\x9b" not in done.stderr and "\x1b" not in done.stderr, done.stderr
        rules = folder.put("r", "firmware exact REFUSE # a\x9b31m b " + "é" * 40 + "\n")
        for say, other in (("a?31m b éé", Host().firmware(VF, "8")), ("a?31m b éé", Host().firmware(VF, "9"))):
            args = ("--rules", rules)
            out = run(REFUSE, "compare", folder.put("a.json", Host()), folder.put("b.json", other), "--device", VF, *args)
            assert say in out and "\x9b" not in out and "\ufffd" not in out, out
            out = run(REFUSE, "plan", "--vm", folder.put("vm", vm(VF)), "--source", folder("a.json"), "--dest",
                      folder.put("b.json", other.without(*VFS[1:])), *args)
            assert say in out and "\x9b" not in out and "\ufffd" not in out, out


def damaged_vms():
    def device(**members):
        return vm(dict({"address": VF}, **members))

    cases = (
        ("", ":1: no JSON"), ("{", ":1: no JSON"), ("[]", "expected an object"), ("5", "vm: 5, expected an object that describes a VM"),
        ("{}", 'format: missing or null, expected "vdev-vm"'),
        (vm(VF, format="x"), 'format: "x", expected'), (vm(VF, version=2), "version: 2, expected 1"), (vm(VF, version="1"), 'version: "1", expected 1'),
        (vm(VF, name=5), "name: 5, expected"), (vm(VF, name="a\nb"), "name: "), (vm(VF, name="x" * 64), 'x..., expected 1 to 63'),
        (vm(VF, quiesce_late=1), "quiesce_late: 1, expected"), (vm(VF, deadlines_ms=5), "deadlines_ms: 5, expected an object"),
        (vm(VF, deadlines_ms={"X": 1}), 'deadlines_ms: "X" is no step, expected one such as COPY_MEMORY; vdevctl plan shows them'),
        (vm(VF, deadlines_ms={"COMMIT": 0}), "deadlines_ms.COMMIT: 0, expected milliseconds, 1 to 86400000"),
        (vm(VF, deadlines_ms={"COMMIT": 1 << 70}), "deadlines_ms.COMMIT"), (vm(VF, devices=None), "devices: missing or null, expected a list"),
        (vm(*[{"address": "00:%02x.0" % i} for i in range(32)] * 3), "devices: a list of 96, expected a list of at most 64"),
        (vm(VF, devices=[5]), "devices[0]: 5, expected an object"), (vm({}), "devices[0].address: missing or null, expected"), (vm("41:00"), "devices[0].address"),
        (vm("41:00.1\0"), "devices[0].address"), (vm(VF, "41:00.1"), "devices[1].address: 0000:41:00.1 is that of devices[0], too"),
        (device(name=""), 'devices[0].name: "", expected'), (device(software="yes"), 'devices[0].software: "yes", expected true'),
        (device(rebuild=1), "devices[0].rebuild: 1, expected"), (device(node=1024), "devices[0].node: 1024, expected a NUMA node"),
        (device(node=-1), "devices[0].node"), (device(vfio_migration="p2p"), 'devices[0].vfio_migration: "p2p", expected a list of stop_copy, p2p, pre_copy'),
        (device(vfio_migration=["x"]), 'devices[0].vfio_migration: "x", expected stop_copy, p2p, pre_copy'), (device(vfio_migration=["bit5"]), "devices[0].vfio_migration"),
        (vm(VF, more="x" * (1 << 20)), "larger than 1 MiB"),
    )
    with Folder() as folder:
        args = ("--source", CAPTURE, "--dest", CAPTURE)
        for what, say in cases:
            done = expect(DAMAGED, "plan", "--vm", folder.put("vm", what), *args, say=say)
            assert folder("vm") in done.stderr, done.stderr
        expect(NO_FILE, "plan", "--vm", folder("none"), *args, say="No such file")
        expect(NO_FILE, "plan", "--vm", folder.name, *args, say="a directory, expected a file")


def a_plan(folder):
    return plan(0, folder, vm({"name": "disk0", "address": VF}), Host(), Host())


def damaged_plans():
    with Folder() as folder:
        good = a_plan(folder)

        def changed(change):
            tree = json.loads(json.dumps(good))
            change(tree)
            return tree

        cases = (
            ("{", ":1: no JSON"), ("[]", "this is no plan"), ("5", "this is no plan"),
            ("{}", 'format: missing or null, expected "vdev-plan"'),
            (changed(lambda t: t.update(version=2)), "reads version 1"), (changed(lambda t: t.update(source="\n")), 'source: "\\n", expected'),
            (changed(lambda t: t.update(ranking=5)), "ranking: 5, expected a list"), (changed(lambda t: t.pop("vm")), "vm: missing or null, expected an object"),
            (changed(lambda t: t["vm"].update(devices=[])), "vm.devices: the image has 1"),
            (changed(lambda t: t["vm"]["devices"][0].update(address="41:00.2")), "vm.devices[0].address: the image has another"),
            (changed(lambda t: t["vm"]["devices"][0].update(name="x")), "devices[0].name: not what the image says"),
            (changed(lambda t: t.update(rules=5)), "rules: 5, expected null"),
            (changed(lambda t: t.update(rules={"file": "f", "text": "x"})), "rules.text: wrong"),
            (changed(lambda t: t.update(image="")), "image: damaged"), (changed(lambda t: t.update(image="0")), "image: damaged"),
            (changed(lambda t: t.update(image=good["image"][:-2])), "image: damaged"),
            (changed(lambda t: t.update(image="zz" + good["image"][2:])), "image: damaged"),
            (changed(lambda t: t.pop("image")), "image: damaged"),
            (changed(lambda t: t.update(verdict="REFUSE")), "verdict: not what the image says: the file was changed"),
            (changed(lambda t: t["devices"][0].update(destination=VFS[3])), "devices[0].destination: not what the image says"),
            (changed(lambda t: t["steps"].pop()), "steps: not what the image says"),
            (changed(lambda t: t["steps"][3].update(undo=None)), "steps[3].undo: not what the image says"),
            (changed(lambda t: t["steps"].reverse()), "steps[0]"),
            (changed(lambda t: t.pop("no_return")), "no_return: not what the image says"),
        )
        for what, say in cases:
            for args in (("--show", folder.put("p", what)), ("--verify", folder("p"), "--dest", CAPTURE)):
                done = expect(DAMAGED, "plan", *args, say=say)
                assert folder("p") in done.stderr, done.stderr
        expect(NO_FILE, "plan", "--show", folder("none"), say="No such file")


def changed_facts():
    """What the VM's file and the rules said is what the plan was made with."""
    with Folder() as folder:
        rules = folder.put("my.rules", "version 1\nserial ignore # ours\n")
        can = {"name": "disk0", "address": VF, "software": True, "node": 1, "vfio_migration": ["stop_copy", "p2p", "pre_copy"]}
        good = plan(0, folder, vm(can, deadlines_ms={"COPY_MEMORY": 1234, "BUSY": 5}), Host(), Host(), options=("--rules", rules))
        plain = a_plan(folder)

        def changed(tree, change):
            tree = json.loads(json.dumps(tree))
            change(tree)
            return tree

        def device(tree, **members):
            return changed(tree, lambda t: t["vm"]["devices"][0].update(members))

        facts = ("facts: vm (name, quiesce_late, deadlines_ms, what it says of devices) or rules.text are not those of the plan: "
                 "the file was changed")
        for tree, say in (
                (changed(good, lambda t: t["vm"].update(quiesce_late=True)), "vm.quiesce_late: not what the image says"),
                (changed(good, lambda t: t["vm"]["deadlines_ms"].update(COPY_MEMORY=5)), "vm.deadlines_ms.COPY_MEMORY: not what"),
                (changed(plain, lambda t: t["vm"].update(deadlines_ms={"PAUSE": 5})), "vm.deadlines_ms.PAUSE: not what the image"),
                (changed(good, lambda t: t["vm"]["deadlines_ms"].update(BUSY=6)), facts),  # a step that is not in this plan
                (changed(good, lambda t: t["vm"].pop("deadlines_ms")), facts),
                (changed(good, lambda t: t["vm"].update(name="x")), facts),
                (device(good, software=False), facts), (device(good, rebuild=False), facts), (device(good, node=0), facts),
                (device(good, vfio_migration=["stop_copy"]), "vm.devices[0].vfio_migration: not what the image says"),
                (device(good, vfio_migration=None), facts), (device(plain, vfio_migration=can["vfio_migration"]), facts),
                (changed(good, lambda t: t["rules"].update(text="version 1\n")), facts),
                (changed(good, lambda t: t.update(rules=None)), facts),
                (changed(plain, lambda t: t.update(rules={"file": "f", "text": "version 1\n"})), facts),
                (changed(good, lambda t: t.pop("facts")), "facts: expected a checksum"),
                (changed(good, lambda t: t.update(facts=5)), "facts: expected"),
                (changed(good, lambda t: t.update(facts="0" * 16)), facts)):
            for args in (("--show", folder.put("p", tree)), ("--verify", folder("p"), "--dest", CAPTURE)):
                expect(DAMAGED, "plan", *args, say=folder("p") + ": " + say)
        # How it is written does not matter, nor what this version does not know.
        same = changed(good, lambda t: t["vm"].update(of_tomorrow=1.5, quiesce_late=False))
        same["vm"]["devices"][0]["rebuild"] = True
        folder.put("p", json.dumps(same, indent=2, sort_keys=True))
        run(0, "plan", "--show", folder("p"))


def broken_at_random():
    """Bytes that are something else, files that are cut: shown, or a clear error."""
    generator = random.Random(7)
    with Folder() as folder:
        a_plan(folder)
        for name, args in (("plan.json", ("plan", "--show")), ("vm.json", ("plan", "--source", CAPTURE, "--dest", CAPTURE, "--vm"))):
            with open(folder(name), "rb") as file:
                whole = file.read()
            for i in range(20 if SLOW else 100):
                text = bytearray(whole)
                if i % 2:
                    del text[generator.randrange(len(text)):]
                else:
                    text[generator.randrange(len(text))] = generator.randrange(256)
                with open(folder("bad"), "wb") as file:
                    file.write(text)
                done = vdevctl(*args, folder("bad"))
                assert done.returncode in (0, 11, DAMAGED, NO_DEVICE), (done.returncode, done.stderr)
                assert done.returncode in (0, 11) or folder("bad") in done.stderr, done.stderr


def images_of_others():
    """An image whose checksum is right, but that another plan made."""
    with Folder() as folder:
        one = a_plan(folder)
        other = plan(0, folder, vm({"name": "disk0", "address": VF}), Host(), Host().without(VF))
        expect(DAMAGED, "plan", "--show", folder.put("p", dict(one, image=other["image"])), say="devices[0].destination: not what")


def nothing_to_write_to():
    with Folder() as folder, open("/dev/full", "w") as full:
        a_plan(folder)
        for args in (("compare", CAPTURE, CAPTURE), ("plan", "--show", folder("plan.json")),
                     ("plan", "--verify", folder("plan.json"), "--dest", folder("a.json"))):
            for extra in ((), ("--json",)):
                done = vdevctl(*args, *extra, stdout=full)
                assert done.returncode == 1 and "cannot write the result" in done.stderr, (done.returncode, done.stderr)


def names_of_files():
    """What a terminal would obey is escaped."""
    with Folder() as folder:
        name = folder.put("a\x1b[31m\n", Host())
        out = run(0, "compare", name, name, "--device", VF)
        assert "\x1b" not in out and r"a\x1b[31m\x0a" in out, out
        a_plan(folder)
        os.rename(folder("a.json"), folder("\x1b.json"))
        run(CHANGED, "plan", "--verify", folder("plan.json"), "--dest", DUMPS + "/virtio.txt", "--source", folder("\x1b.json"))


if __name__ == "__main__":
    sys.exit(rig.run([usage, machines, devices_that_are_not_there, rules, no_controls, damaged_vms, damaged_plans, changed_facts, broken_at_random,
                      images_of_others, nothing_to_write_to, names_of_files]))
