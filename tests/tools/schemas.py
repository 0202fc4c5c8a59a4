#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The published schemas, by a validator that others made: the examples of the guide and what vdevctl writes are as they say.

usage: schemas.py VDEVCTL FAKEVMM
"""
import glob
import json
import os
import sys

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
try:
    import jsonschema
except ImportError:
    print("skip: python3-jsonschema is not installed")
    sys.exit(77)
import rig  # noqa: E402
from moverig import CAPTURE, DUMPS, REBUILD, REFUSE, SOURCE, VFS, Folder, Host, run, schema, vm  # noqa: E402
from rig import expect, vdevctl  # noqa: E402

KINDS = {"vdev-" + kind: kind for kind in ("compare", "inventory", "plan", "verify", "vm")}


def check(tree, what):
    kind = KINDS[tree["format"]]
    wrong = [e.message for e in jsonschema.Draft202012Validator(schema(kind)).iter_errors(tree)]
    assert not wrong, (what, wrong[:5])
    return kind


def they_are_schemas():
    files = glob.glob(SOURCE + "/docs/schema/*.json")
    assert len(files) == len(KINDS), files
    for name in KINDS.values():
        jsonschema.Draft202012Validator.check_schema(schema(name))


def files_of_the_repository():
    """Each is as its schema says, and the program takes it."""
    files = sorted(glob.glob(SOURCE + "/tests/inventory/**/*.json", recursive=True))
    assert files
    for path in files:
        with open(path, encoding="utf-8") as file:
            if check(json.load(file), path) == "inventory":
                expect(0, "inventory", "--from-json", path)


def inventories():
    for source in [("--from-dump", path) for path in sorted(glob.glob(DUMPS + "/*.txt"))] + [("--from-sysfs", CAPTURE)]:
        check(json.loads(expect(0, "inventory", "--json", *source).stdout), source)


def what_the_reader_needs():
    """No more is required than that: without any other member a file is read, without one of these it is not."""
    with Folder() as folder:
        least = {"format": "vdev-inventory", "version": 1, "source": "sysfs", "devices": [{"address": "0000:3b:00.0", "bars": [{}, None] * 3 + [{}]}]}
        check(least, "the least")
        expect(0, "inventory", "--from-json", folder.put("j", least))
        for name in least:
            tree = {k: v for k, v in least.items() if k != name}
            expect(7, "inventory", "--from-json", folder.put("j", tree), say=name + ": missing or null, expected")
            assert not jsonschema.Draft202012Validator(schema("inventory")).is_valid(tree), name


def moves():
    with Folder() as folder:
        a, b = folder.put("a", Host()), folder.put("b", Host().firmware(VFS[0], "8").without(VFS[1]))
        check(json.loads(run(REFUSE, "compare", a, b, "--json")), "compare")
        check(json.loads(run(REBUILD, "compare", a, b, "--device", VFS[0], "--json")), "compare --device")
        asked = vm({"address": VFS[0], "name": "disk0", "software": True, "node": None}, deadlines_ms={"COMMIT": 5}, quiesce_late=True)
        check(asked, "vm")
        for extra in ((), ("--rules", SOURCE + "/tests/inventory/operators/our.rules")):
            plan = run(0, "plan", "--vm", folder.put("vm", asked), "--source", a, "--dest", b, a, "--json", *extra)
            check(json.loads(plan), "plan")
            for other in (a, b, CAPTURE):
                done = vdevctl("plan", "--verify", folder.put("p", plan), "--dest", other, "--source", a, "--json")
                check(json.loads(done.stdout), "plan --verify")


if __name__ == "__main__":
    if not os.path.exists(os.path.dirname(os.path.realpath(sys.argv[1])) + "/vdev-pci-reader"):
        print("skip: vdev-pci-reader was not built (meson option inventory, libpci)")
        sys.exit(77)
    sys.exit(rig.run([they_are_schemas, files_of_the_repository, inventories, what_the_reader_needs, moves]))
