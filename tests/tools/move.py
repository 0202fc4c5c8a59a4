#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vdevctl compare and plan: verdicts, reasons, several destinations, rules, plans that come back, plans that hold no more.

usage: move.py VDEVCTL FAKEVMM
"""
import json
import os
import pty
import re
import subprocess
import sys

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
import rig  # noqa: E402
from moverig import (CAPTURE, CHANGED, DUMPS, EMULATE, REBUILD, REFUSE, SOURCE, STOP_COPY, VFS, Folder, Host,  # noqa: E402
                     as_json, plan, run, schema, schema_check, vm)

VF = VFS[0]


def one(status, a, b, *options):
    """The comparison of the first VF of two hosts: {field: what is said of it}."""
    with Folder() as folder:
        args = ("compare", folder.put("a", a), folder.put("b", b), "--device", VF) + options
        tree = as_json(status, *args, kind="compare")
        assert tree["verdict"] == tree["pairs"][0]["verdict"] and tree["verdict"] in run(status, *args)
        return {f["field"]: f for f in tree["pairs"][0]["fields"] if f["verdict"]}


def each_source():
    """A machine with itself, whatever it is read from; what cannot be known is not LIVE."""
    with Folder() as folder:
        text = rig.expect(0, "inventory", "--from-sysfs", CAPTURE, "--json").stdout
        for machine in (CAPTURE, folder.put("inventory", text), DUMPS + "/sriov.txt", DUMPS + "/nvme.txt",
                        DUMPS + "/crlf.txt", DUMPS + "/virtio.txt"):
            tree = as_json(REBUILD, "compare", machine, machine, kind="compare")
            assert tree["pairs"] and not tree["only_a"] and not tree["only_b"], tree
            for pair in tree["pairs"]:
                assert pair["a"] == pair["b"], pair
                assert {f["field"] for f in pair["fields"] if f["verdict"]} <= {"stop_copy", "pre_copy", "firmware"}, pair
        # A dump of the same machine says less, nothing else.
        for f in as_json(REBUILD, "compare", CAPTURE, folder("inventory"))["pairs"][0]["fields"]:
            assert f["a"] == f["b"], f
    if os.path.isdir("/sys/bus/pci/devices"):
        rig.vdevctl("compare", "live", "live")


def live_verdict():
    assert one(0, Host(), Host()) == {}
    tree = as_json(0, "compare", *[Folder0.put("same", Host())] * 2, "--device", "41:00.1=0000:41:00.4")
    assert [(p["a"], p["b"]) for p in tree["pairs"]] == [(VF, VFS[3])]


def each_verdict():
    d = one(STOP_COPY, Host(), Host().change(VF, vfio_migration=["stop_copy", "p2p"]))
    assert set(d) == {"pre_copy"} and (d["pre_copy"]["a"], d["pre_copy"]["b"]) == ("1", "0")
    assert d["pre_copy"]["rule"] == {"kind": "need", "file": None, "line": d["pre_copy"]["rule"]["line"],
                                     "note": d["pre_copy"]["rule"]["note"]} and "VFIO" in d["pre_copy"]["rule"]["note"]
    d = one(REBUILD, Host(), Host().firmware(VF, "7.2.0"))
    assert set(d) == {"firmware"} and (d["firmware"]["a"], d["firmware"]["b"]) == ("7.1.0", "7.2.0")
    d = one(REFUSE, Host(), Host().change(VF, **{"class": "0x020000"}))
    assert d["class"]["verdict"] == "REFUSE"
    # Not known is something else than the same.
    d = one(REBUILD, Host(), Host().change(VF, versions=[]))
    assert d["firmware"]["b"] is None


def marks():
    with Folder() as folder:
        out = run(REBUILD, "compare", folder.put("a", Host()),
                  folder.put("b", Host().firmware(VF, "7.2.0").change(VF, power_state="D0")), "--device", VF)
        lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
        assert "7.1.0" in lines["firmware"] and "!= 7.2.0" in lines["firmware"], out
        assert "exact: NVM Express" in lines["firmware"], out
        assert "~" in lines["power_state"] or "3" not in lines["power_state"], out
        assert "!=" not in lines["vendor"] and "~" not in lines["vendor"], out
        # All of both machines: only what differs.
        out = run(REBUILD, "compare", folder("a"), folder("b"))
        assert "\nvendor" not in out and "bridges left out" in out, out


def pairs():
    with Folder() as folder:
        a = folder.put("a", Host().without(VFS[3]))
        b = folder.put("b", Host().without(VFS[0], VFS[1]).change("0000:00:02.0", device="0x1000"))
        tree = as_json(REFUSE, "compare", a, b, kind="compare")  # one of A is alone
        pair = {p["a"]: p["b"] for p in tree["pairs"]}
        assert pair[VFS[2]] == VFS[2] and pair[VFS[0]] == VFS[3], pair  # the same place first, then the same card
        assert pair["0000:00:02.0"] == "0000:00:02.0"  # another model in its place
        assert tree["only_a"] == [VFS[1]] and tree["only_b"] == [], tree
        assert "0000:00:09.0" not in pair  # a bridge
        out = run(REFUSE, "compare", a, b)
        assert "only in A:\n  0000:41:00.2 NVMe" in out and "pairs, 1 device of A without a partner: REFUSE\n" in out, out
        # All that has a partner is LIVE; what B has alone does not matter, nor what is alone when one device is named.
        two, three = Host(), Host()
        two.without(*[x for x in two.device if x not in VFS[:2]])
        three.without(*[x for x in three.device if x not in VFS[:3]])
        two, three = folder.put("two", two), folder.put("three", three)
        assert as_json(0, "compare", two, three)["only_b"] == [VFS[2]]
        assert as_json(REFUSE, "compare", three, two)["only_a"] == [VFS[2]]
        run(0, "compare", three, two, "--device", VF)
        # Nothing to compare with.
        only = Host()
        only.without(*[x for x in only.device if x not in VFS])
        none = Host()
        tree = as_json(REFUSE, "compare", folder.put("c", only), folder.put("d", none.without(*none.device)))
        assert tree["pairs"] == [] and len(tree["only_a"]) == 4


def not_identified():
    """Two devices whose ids nobody knows are not the same card, wherever they are."""
    with Folder() as folder:
        for members in ({"vendor": None}, {"device": None}, {"vendor": None, "device": None},
                        {"vendor": None, "device": None, "class": None}):
            a = folder.put("a", Host().change(VF, **members))
            tree = as_json(REFUSE, "compare", a, a, kind="compare")
            assert tree["only_a"] == tree["only_b"] == [VF], tree
        # One that is known stands in the place of the other; whether it would do is for the rules.
        b = folder.put("b", Host().change(VF, device=None))
        tree = json.loads(rig.vdevctl("compare", folder.put("c", Host()), b, "--json").stdout)
        assert {p["a"]: p["b"] for p in tree["pairs"]}[VF] == VF, tree
        assert tree["verdict"] != "LIVE" and not tree["only_a"]


def colour():
    """On a terminal only."""
    with Folder() as folder:
        args = ["compare", folder.put("a", Host()), folder.put("b", Host().firmware(VF, "7.2.0"))]
        assert "\x1b[" not in run(REBUILD, *args)
        for env, wanted in ((dict(os.environ, TERM="xterm"), True), (dict(os.environ, TERM="xterm", NO_COLOR="1"), False)):
            env = env if not wanted else {k: v for k, v in env.items() if k != "NO_COLOR"}
            parent, child = pty.openpty()
            with subprocess.Popen([rig.VDEVCTL] + args, stdout=child, stdin=subprocess.DEVNULL, env=env) as process:
                os.close(child)
                out = b""
                try:
                    while True:
                        piece = os.read(parent, 65536)
                        if not piece:
                            break
                        out += piece
                except OSError:
                    pass  # its end, on Linux
                assert process.wait(20) == REBUILD
            os.close(parent)
            assert (re.search(rb"\x1b\[[0-9;]*33m", out) is not None) == wanted, out


def rules_override():
    """Later rules win; the one that judged is named, with its line."""
    b = Host().firmware(VF, "7.2.0")
    with Folder() as folder:
        rules = folder.put("my.rules", "version 1\n# ours\nclass=010802 firmware ignore # tried in the laboratory\n")
        assert one(0, Host(), b, "--rules", rules) == {}
        folder.put("my.rules", "version 1\n\nvendor=1b36 firmware exact REFUSE # never again\n")
        d = one(REFUSE, Host(), b, "--rules", rules)
        assert d["firmware"]["rule"] == {"kind": "exact", "file": rules, "line": 3, "note": "never again"}, d
        tree = plan(EMULATE, folder, vm({"address": VF, "software": True}), Host(),
                    b.without("0000:41:00.0", *VFS[1:]), options=("--rules", rules))
        assert tree["rules"]["text"].endswith("never again\n")
        assert tree["devices"][0]["why"].endswith("(%s:3: exact: never again)" % rules), tree
        # The plan takes its rules along.
        assert "never again" in run(EMULATE, "plan", "--show", folder("plan.json"))


def plans():
    with Folder() as folder:
        wanted = vm({"name": "disk0", "address": VF}, {"name": "disk1", "address": "41:00.2"})
        tree = plan(0, folder, wanted, Host(), Host())
        assert [d["destination"] for d in tree["devices"]] == VFS[:2]
        assert [d["reason"] for d in tree["devices"]] == ["FITS", "FITS"]
        steps = tree["steps"]
        commit = [s["step"] for s in steps].index("COMMIT")
        assert tree["no_return"] == commit and [s["point_of_no_return"] for s in steps].count(True) == 1
        assert steps[commit - 1]["step"] == "VERIFY" and steps[0]["step"] == "VERIFY"  # M9
        assert not [s for s in steps if s["step"] in ("BUSY", "DELETE", "RESTORE")]  # M3
        assert all(s["deadline_ns"] > 0 for s in steps)
        assert tree["blackout_ns"] == sum(s["deadline_ns"] for s in steps if s["guest_stands_still"])
        assert {s["device"] for s in steps} == {"disk0", "disk1", None}
        out = run(0, "plan", "--show", folder("plan.json"))
        assert out.count("POINT OF NO RETURN") == 1 and "stands still for at most" in out, out
        # A VM without devices goes anywhere.
        tree = plan(0, folder, vm(), Host(), Host())
        assert tree["devices"] == [] and tree["steps"]


def rebuilt_and_emulated():
    with Folder() as folder:
        b = Host()
        for address in VFS:
            b.firmware(address, "7.2.0")
        tree = plan(REBUILD, folder, vm(VF), Host(), b)
        names = [s["step"] for s in tree["steps"]]
        order = [names.index(n) for n in ("BUSY", "DESCRIBE", "DELETE", "COPY_MEMORY", "RESTORE", "COMMIT", "CLEAR_BUSY")]
        assert order == sorted(order), names  # M4, M5, M7
        assert tree["steps"][order[2]]["undo"] == "RESTORE"
        assert tree["devices"][0]["differences"][0]["field"] == "firmware"
        tree = plan(REFUSE, folder, vm({"address": VF, "rebuild": False}), Host(), b)
        assert tree["steps"] == [] and tree["no_return"] is None
        assert tree["devices"][0]["reason"] == "DIFFERS" and "7.1.0, there 7.2.0" in tree["devices"][0]["why"]
        assert "No steps" in run(REFUSE, "plan", "--show", folder("plan.json"))
        tree = plan(EMULATE, folder, vm({"address": VF, "software": True}), Host(), Host().without(*VFS))
        assert tree["devices"][0]["destination"] is None and "ATTACH" in [s["step"] for s in tree["steps"]]
        # The VM's own words on deadlines, and on when devices are quiesced.
        tree = plan(REBUILD, folder, vm(VF, quiesce_late=True, deadlines_ms={"COPY_MEMORY": 1234}), Host(), b)
        names = [s["step"] for s in tree["steps"]]
        assert names.index("COPY_MEMORY") < names.index("BUSY")
        assert tree["steps"][names.index("COPY_MEMORY")]["deadline_ns"] == 1234000000


def what_the_vmm_knows():
    """A device in use answers nobody else."""
    asked = Host().change(VF, vfio_migration=None)
    with Folder() as folder:
        plan(REBUILD, folder, vm(VF), asked, Host())
        can = {"address": VF, "vfio_migration": ["stop_copy", "p2p", "pre_copy"]}
        plan(0, folder, vm(can), asked, Host())
        assert "holds." in run(0, "plan", "--verify", folder("plan.json"), "--source", folder("a.json"))
        tree = plan(REBUILD, folder, vm({"address": VF, "vfio_migration": []}), Host(), Host())
        assert tree["devices"][0]["differences"][0]["field"] == "stop_copy"


def reasons():
    with Folder() as folder:
        taken = Host()
        for address in VFS:
            taken.change(address, vfio_open=True)
        device = plan(REFUSE, folder, vm(VF), Host(), taken)["devices"][0]
        assert device["reason"] == "TAKEN" and "in use" in device["why"], device
        tree = plan(REFUSE, folder, vm(*VFS[:3]), Host(), Host().without(*VFS[2:]))
        assert [d["reason"] for d in tree["devices"]] == ["FITS", "FITS", "CONTENDED"], tree
        device = plan(REFUSE, folder, vm("0000:00:0b.0"), Host(), Host().without("0000:00:0b.0"))["devices"][0]
        assert device["reason"] == "NOTHING", device


def destinations():
    """Best first, each loser with its reason."""
    with Folder() as folder:
        rebuilt, none = Host(), Host().without(*VFS)
        for address in VFS:
            rebuilt.firmware(address, "8")
        tree = plan(0, folder, vm(VF), Host(), none, DUMPS + "/virtio.txt", rebuilt, Host(), CAPTURE)
        ranking = tree["ranking"]
        assert [os.path.basename(r["host"]) for r in ranking][:2] == ["b3.json", "b2.json"], ranking
        assert tree["destination"] == folder("b3.json")
        assert [r["verdict"] for r in ranking] == ["LIVE", "QUIESCE_REBUILD", "QUIESCE_REBUILD", "REFUSE", "REFUSE"], ranking
        why = {r["host"]: (r["reason"], r["field"]) for r in ranking}
        assert why[folder("b2.json")] == ("DIFFERS", "firmware") and why[DUMPS + "/virtio.txt"][0] == "NOTHING"
        assert ranking[0]["counts"]["LIVE"] == 1 and ranking[3]["counts"]["REFUSE"] == 1
        out = run(0, "plan", "--vm", folder("vm.json"), "--source", folder("a.json"), "--dest", folder("b0.json"), "--dest",
                  folder("b3.json"))
        assert out.index("b3.json LIVE") < out.index("b0.json REFUSE"), out


def nodes():
    """The function on the node that the device works for, though another has a lower address."""
    with Folder() as folder:
        b = Host().change(VFS[3], numa_node=0)
        tree = plan(0, folder, vm({"address": VF, "node": 0}), Host(), b)
        assert tree["devices"][0]["destination"] == VFS[3] and tree["devices"][0]["distance"] == 10
        tree = plan(0, folder, vm({"address": VF, "node": 0}), Host(), Host())
        assert tree["devices"][0]["destination"] == VF and tree["devices"][0]["distance"] == 21
        # The nearer host wins.
        tree = plan(0, folder, vm({"address": VF, "node": 0}), Host(), Host(), b)
        assert tree["destination"] == folder("b1.json")


def round_trip():
    with Folder() as folder:
        rules = folder.put("my.rules", "version 1\nfirmware ignore # für alle\n")
        plan(0, folder, vm(VF, {"address": VFS[1], "of_tomorrow": [1.50, None]}, name="a b"), Host(), Host(), CAPTURE,
             options=("--rules", rules))
        with open(folder("plan.json"), encoding="utf-8") as file:
            text = file.read()
        assert run(0, "plan", "--show", folder("plan.json"), "--json") == text
        tree = json.loads(text)
        assert tree["vm"]["devices"][1]["of_tomorrow"] == [1.50, None]
        tree["steps"][0]["hint"] = tree["more"] = {"x": ["ü", 18446744073709551615]}
        text = json.dumps(tree, separators=(",", ":"), ensure_ascii=False) + "\n"
        folder.put("more.json", text)
        assert run(0, "plan", "--show", folder("more.json"), "--json") == text


def changed(folder, status, now, what, *options):
    """The plan of the folder against a fresh inventory: (device, change, field) of each change."""
    args = ("plan", "--verify", folder("plan.json"), "--dest", folder.put("now.json", now)) + options
    tree = as_json(status, *args, kind="verify")
    assert tree["holds"] == (status == 0)
    out = run(status, *args)
    assert ("do not commit" in out) == (status != 0), out
    assert [(c["device"], c["change"], c["field"]) for c in tree["changes"]] == what, tree
    return tree["changes"]


def verify():
    with Folder() as folder:
        plan(0, folder, vm({"name": "disk0", "address": VF}), Host(), Host())
        changed(folder, 0, Host(), [])
        changed(folder, CHANGED, Host().without(VF), [("disk0", "GONE", None)])
        busy = Host().change(VF, vfio_open=True)
        changed(folder, CHANGED, busy, [("disk0", "NOT_FREE", None)])
        # Open by the move itself, it answers nobody else.
        ours = Host().change(VF, vfio_open=True, vfio_migration=None, dma_logging=None)
        changed(folder, 0, ours, [], "--claimed", "--source", folder.put("s.json", ours))
        c = changed(folder, CHANGED, Host().firmware(VF, "9"), [("disk0", "WORSE", "firmware")])[0]
        assert (c["then"], c["now"], c["verdict"], c["side"]) == ("7.1.0", "9", "QUIESCE_REBUILD", "destination"), c
        c = changed(folder, 0, Host().change(VF, numa_node=0), [("disk0", "MOVED_NODE", "node")])[0]
        assert (c["then"], c["now"], c["stop"]) == ("1", "0", False), c
        changed(folder, 0, Host().change(VF, driver_version="1.1"), [("disk0", "OTHER_VALUE", "driver_version")])
        # The source, too.
        source = ("--source", folder.put("s.json", Host().firmware(VF, "9")))
        assert changed(folder, CHANGED, Host(), [("disk0", "WORSE", "firmware")], *source)[0]["side"] == "source"
        run(CHANGED, "plan", "--verify", folder("plan.json"), *source)
        # What refuses has nothing to commit.
        plan(REFUSE, folder, vm(VF), Host(), Host().without(*VFS))
        assert "nothing to commit" in run(CHANGED, "plan", "--verify", folder("plan.json"), "--dest", folder("a.json"))


def verify_what_nobody_asked():
    """An inventory without --vfio cannot say that nobody has it: the plan does not hold, and what to do is said."""
    with Folder() as folder:
        unasked = Host().change(VF, vfio_open=None)
        plan(0, folder, vm({"name": "disk0", "address": VF}), Host(), unasked)  # taken for free
        changed(folder, CHANGED, unasked, [("disk0", "NOT_FREE", None)])
        args = ("plan", "--verify", folder("plan.json"), "--dest")
        out = run(CHANGED, *args, folder("now.json"))
        assert out.count("Nobody knows whether %s there is in use" % VF) == 1 and "inventory --vfio --json" in out, out
        both = Host().change(VF, vfio_open=None).firmware(VF, "9")
        changed(folder, CHANGED, both, [("disk0", "NOT_FREE", None), ("disk0", "WORSE", "firmware")])
        assert run(CHANGED, *args, folder("now.json")).count("Nobody knows") == 1  # once for a device
        assert "Nobody knows" not in run(CHANGED, *args, folder.put("now.json", Host().change(VF, vfio_open=True)))
        assert "Nobody knows" not in run(CHANGED, *args, folder.put("now.json", Host().without(VF)))


def verify_with_the_rules_of_the_plan():
    with Folder() as folder:
        rules = folder.put("my.rules", "version 1\nfirmware ignore # whatever\n")
        plan(0, folder, vm(VF), Host(), Host(), options=("--rules", rules))
        os.unlink(rules)
        run(0, "plan", "--verify", folder("plan.json"), "--dest", folder.put("now", Host().firmware(VF, "9")))


def asks_vfio():
    """--vfio reaches the reader for this machine, and for no other."""
    real = os.path.dirname(os.path.realpath(rig.VDEVCTL)) + "/vdev-pci-reader"
    if not os.path.exists(real):
        raise rig.Skip("vdev-pci-reader was not built")
    with Folder() as folder:
        reader = folder.put("reader", '#!/bin/sh\necho "$1" >> %s\nexec %s sysfs:%s\n' % (folder("asked"), real, CAPTURE))
        os.chmod(reader, 0o755)
        move = ("plan", "--vm", folder.put("vm.json", vm(VF)), "--source", CAPTURE, "--dest", "live", CAPTURE)
        for args in (("compare", "live", CAPTURE), ("compare", CAPTURE, "live"), move):
            for extra, asked in (((), "live"), (("--vfio",), "live+vfio")):
                folder.put("asked", "")
                run(REBUILD, *args, "--reader", reader, *extra)
                with open(folder("asked"), encoding="utf-8") as file:
                    assert sorted(set(file.read().split())) == sorted((asked, "sysfs:" + CAPTURE)), args


def worked_examples():
    """The operators' page: its commands print what it shows."""
    with open(SOURCE + "/docs/migration-for-operators.md", encoding="utf-8") as file:
        page = file.read()
    blocks = re.findall(r"```sh\n((?:(?!```).)*)```\n\n```text\n(.*?)```", page, re.S)
    assert len(blocks) >= 6, len(blocks)
    with Folder() as folder:
        os.symlink(SOURCE + "/tests", folder("tests"))
        for commands, shown in blocks:
            commands = commands.replace("build-vdevctl/tools/vdevctl/vdevctl", '"$VDEVCTL"')
            done = subprocess.run(["bash", "-e", "-c", commands], cwd=folder.name, text=True, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  env=dict(os.environ, VDEVCTL=os.path.abspath(rig.VDEVCTL)))
            assert done.returncode == 0 and not done.stderr, (commands, done.returncode, done.stderr)
            lines = [line.rstrip() for line in done.stdout.splitlines()]  # a page has no blanks at the ends
            assert lines == shown.splitlines(), "%s\n%s\n%s" % (commands, done.stdout, shown)


def schemas():
    """A VM with all members is as the schema says; so are those of the guide, which the program takes."""
    for name in ("web-3", "db-7"):
        with open("%s/tests/inventory/operators/%s.json" % (SOURCE, name), encoding="utf-8") as file:
            schema_check(schema("vm"), json.load(file))
    schema_check(schema("vm"), vm({"address": VF, "name": "x", "software": True, "rebuild": False, "node": None,
                                   "vfio_migration": ["p2p"]}, quiesce_late=True, deadlines_ms={"COMMIT": 5}))


if __name__ == "__main__":
    with Folder() as Folder0:
        sys.exit(rig.run([each_source, live_verdict, each_verdict, marks, pairs, not_identified, colour, rules_override, plans,
                          rebuilt_and_emulated, what_the_vmm_knows, reasons, destinations, nodes, round_trip, verify,
                          verify_what_nobody_asked, verify_with_the_rules_of_the_plan, asks_vfio, worked_examples, schemas]))
