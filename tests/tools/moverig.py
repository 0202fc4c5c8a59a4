# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of vdevctl compare and plan share: hosts made from the captured one, VMs, runs."""
import functools
import json
import os
import tempfile

from rig import expect, vdevctl, write

SOURCE = os.environ["VDEV_SOURCE"]
DUMPS = SOURCE + "/tests/inventory/dumps"
CAPTURE = SOURCE + "/tests/inventory/qemu-sriov"
DAMAGED, NO_FILE, NO_DEVICE = 7, 8, 9
STOP_COPY, REBUILD, EMULATE, REFUSE, CHANGED = 10, 11, 12, 13, 14
VFS = ["0000:41:00.%d" % i for i in (1, 2, 3, 4)]


def schema_check(schema, value, root=None, where="$"):
    """The part of JSON Schema that the published schemas use; nothing is there that they do not name."""
    root = root or schema
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int}
    wanted = schema.get("type", [])
    wanted = [wanted] if isinstance(wanted, str) else wanted
    assert any(isinstance(value, kinds[k]) and (k == "boolean" or not isinstance(value, bool)) for k in wanted) or not wanted, (
        where, value, wanted)
    assert value == schema.get("const", value), (where, value)
    assert value in schema.get("enum", [value]), (where, value)
    if isinstance(value, list):
        for i, item in enumerate(value):
            schema_check(schema["items"], item, root, "%s[%d]" % (where, i))
    if isinstance(value, dict):
        assert not set(schema["required"]) - set(value), (where, set(schema["required"]) - set(value))
        for name, item in value.items():
            if "properties" in schema:
                assert name in schema["properties"], "%s.%s is not in the schema" % (where, name)
                schema_check(schema["properties"][name], item, root, "%s.%s" % (where, name))


def schema(name):
    with open("%s/docs/schema/%s-1.json" % (SOURCE, name), encoding="utf-8") as file:
        return json.load(file)


@functools.lru_cache(maxsize=None)
def captured():
    return expect(0, "inventory", "--from-sysfs", CAPTURE, "--json").stdout


class Host:
    """The captured machine, with VFs that can migrate."""

    def __init__(self):
        self.tree = json.loads(captured())
        self.device = {d["address"]: d for d in self.tree["devices"]}
        for address in VFS:
            self.device[address].update(
                driver="nvme-vfio-pci", driver_version="1.0", bound=True, vfio_open=False, dma_logging=True,
                vfio_migration=["stop_copy", "p2p", "pre_copy"], versions=[{"name": "fw", "value": "7.1.0"}])

    def change(self, address, **members):
        self.device[address].update(members)
        return self

    def firmware(self, address, value):
        return self.change(address, versions=[{"name": "fw", "value": value}])

    def without(self, *addresses):
        self.tree["devices"] = [d for d in self.tree["devices"] if d["address"] not in addresses]
        return self


class Folder(tempfile.TemporaryDirectory):
    """Files of a case."""

    def __enter__(self):
        super().__enter__()
        return self

    def __call__(self, name):
        return "%s/%s" % (self.name, name)

    def put(self, name, what):
        """A host, a tree or a text as a file; its path."""
        what = what.tree if isinstance(what, Host) else what
        write(self(name), what if isinstance(what, str) else json.dumps(what))
        return self(name)


def vm(*devices, **members):
    """Addresses, or whole devices."""
    return dict({"format": "vdev-vm", "version": 1, "name": "web-3",
                 "devices": [d if isinstance(d, dict) else {"address": d} for d in devices]}, **members)


def run(status, *args):
    """It ends with that status, a verdict among them; what it printed."""
    done = vdevctl(*args)
    assert done.returncode == status, "exit status %d instead of %d: %s%s" % (
        done.returncode, status, done.stdout, done.stderr)
    assert not done.stderr, done.stderr
    return done.stdout


def as_json(status, *args, kind=None):
    tree = json.loads(run(status, *args, "--json"))
    if kind:
        schema_check(schema(kind), tree)
    return tree


def plan(status, folder, wanted, source, *destinations, options=()):
    """A plan, as a tree; it is left in the file plan.json, too."""
    args = ["plan", "--vm", folder.put("vm.json", wanted), "--source", folder.put("a.json", source), "--dest"]
    args += [d if isinstance(d, str) else folder.put("b%d.json" % i, d) for i, d in enumerate(destinations)]
    tree = as_json(status, *args, *options, kind="plan")
    write(folder("plan.json"), json.dumps(tree, separators=(",", ":"), ensure_ascii=False) + "\n")
    text = run(status, *args, *options)  # people are told the same
    assert tree["verdict"] in text.splitlines()[0], text
    return tree
