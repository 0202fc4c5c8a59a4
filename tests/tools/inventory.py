#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vdevctl inventory: sources, JSON that comes back byte for byte, captures, damaged input, exit statuses.

usage: inventory.py VDEVCTL FAKEVMM
"""
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # no __pycache__ in the source tree
from rig import Skip, expect, run, vdevctl, write  # noqa: E402

SOURCE = os.environ["VDEV_SOURCE"]
DUMPS = SOURCE + "/tests/inventory/dumps"
CAPTURE = SOURCE + "/tests/inventory/qemu-sriov"
SLOW = bool(os.environ.get("VDEV_TEST_SLOW"))
DAMAGED, NO_FILE = 7, 8


def dump(name):
    return "%s/%s.txt" % (DUMPS, name)


def names():
    return sorted(f[:-4] for f in os.listdir(DUMPS))


def as_json(*args):
    return json.loads(expect(0, "inventory", "--json", *args).stdout)


def schema_check(schema, value, where="$"):
    """The part of JSON Schema that the published schema uses."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    wanted = schema.get("type", [])
    wanted = [wanted] if isinstance(wanted, str) else wanted
    ok = any((isinstance(value, int) and not isinstance(value, bool)) if k == "integer" else isinstance(value, kinds[k])
             for k in wanted)
    assert ok or not wanted, "%s: %r is no %s" % (where, value, wanted)
    if "const" in schema:
        assert value == schema["const"], "%s: %r" % (where, value)
    if "enum" in schema:
        assert value in schema["enum"], "%s: %r" % (where, value)
    if isinstance(value, str) and "pattern" in schema:
        import re
        assert re.search(schema["pattern"], value), "%s: %r" % (where, value)
    if isinstance(value, int) and not isinstance(value, bool):
        assert schema.get("minimum", value) <= value <= schema.get("maximum", value), "%s: %r" % (where, value)
    if isinstance(value, list):
        assert schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1 << 30), where
        for i, item in enumerate(value):
            schema_check(schema["items"], item, "%s[%d]" % (where, i))
    if isinstance(value, dict):
        for name in schema["required"]:
            assert name in value, "%s.%s is missing" % (where, name)
        for name, item in value.items():
            assert name in schema["properties"], "%s.%s is not in the schema" % (where, name)
            schema_check(schema["properties"][name], item, "%s.%s" % (where, name))


with open(SOURCE + "/docs/schema/inventory-1.json", encoding="utf-8") as schema_file:
    SCHEMA = json.load(schema_file)


def schema():
    """Each member is in the published schema, and each of the schema's in the output."""
    for source in [("--from-dump", dump(n)) for n in names()] + [("--from-sysfs", CAPTURE)]:
        tree = as_json(*source)
        schema_check(SCHEMA, tree)
        device = SCHEMA["$defs"]["device"]
        assert set(tree["devices"][0]) == set(device["properties"]) and device["required"] == ["address"]


def dumps_are_those_of_make():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, SOURCE + "/tests/inventory/make.py", folder], check=True)
        for name in names():
            with open(dump(name), "rb") as a, open("%s/%s.txt" % (folder, name), "rb") as b:
                assert a.read() == b.read(), name


def round_trips():
    with tempfile.TemporaryDirectory() as folder:
        for source in [("--from-dump", dump(n)) for n in names()] + [("--from-sysfs", CAPTURE), ()]:
            done = vdevctl("inventory", "--json", *source)
            if not source and done.returncode == NO_FILE:
                continue  # no PCI bus here
            assert done.returncode == 0, (source, done.stderr)
            write(folder + "/a", done.stdout)
            again = expect(0, "inventory", "--from-json", folder + "/a", "--json").stdout
            assert again == done.stdout, source
            # What people see is the same, too.
            assert (expect(0, "inventory", "--from-json", folder + "/a").stdout ==
                    expect(0, "inventory", *source).stdout), source


def unknown_members_are_kept():
    tree = as_json("--from-dump", dump("sriov"))
    tree["of_tomorrow"] = {"a": [1, 2.50, "ü/\\", None, 18446744073709551615, -3]}
    tree["devices"][1]["nobody_knows"] = True
    tree["devices"][1]["bars"][0]["kind"] = "x"
    tree["devices"][2]["bars"][3] = None
    del tree["devices"][2]["vendor"], tree["devices"][2]["capabilities"], tree["kernel"]
    with tempfile.TemporaryDirectory() as folder:
        write(folder + "/a", json.dumps(tree, separators=(",", ":"), ensure_ascii=False) + "\n")
        out = expect(0, "inventory", "--from-json", folder + "/a", "--json").stdout
        assert json.loads(out) == tree
        write(folder + "/b", out)
        assert expect(0, "inventory", "--from-json", folder + "/b", "--json").stdout == out


def not_known_is_null():
    d = as_json("--from-dump", dump("short"))["devices"]
    assert d[0]["msix_vectors"] is None and d[1]["msix_vectors"] == 33
    assert d[1]["total_vfs"] is None and d[1]["reset"] is None and d[1]["bound"] is None
    assert "no_ext_caps" in d[1]["flags"] and "no_caps" in d[0]["flags"]
    assert as_json("--from-dump", dump("nvme"))["devices"][0]["total_vfs"] == 0


def vfs():
    d = as_json("--from-dump", dump("sriov"))["devices"]
    assert [x["vf_index"] for x in d] == [None, 0, 1, 2, 3]
    assert d[1]["pf"] == "0000:3b:00.0" and d[1]["vendor"] == "0x8086" and d[1]["device"] == "0x154c"
    assert d[0]["device_serial"] == "0x3cfdfeffff123456"


def a_table():
    out = expect(0, "inventory", "--from-sysfs", CAPTURE).stdout
    assert "SR-IOV" in out and "PF, 4 of 4" in out and out.count("VF of 41:00.0") == 4 and "vfio-pci" in out, out


def a_table_of_what_is_not_known():
    """- for what nobody told; a PF in another domain has its whole address."""
    tree = as_json("--from-dump", dump("sriov"))
    pf, vf = tree["devices"][:2]
    with tempfile.TemporaryDirectory() as folder:
        for count, most, say in ((None, None, "PF, - of -"), (None, 64, "PF, - of 64"), (4, None, "PF, 4 of -"), (0, 0, "PF, 0 of 0")):
            pf.update(num_vfs=count, total_vfs=most)
            write(folder + "/j", json.dumps(tree))
            out = expect(0, "inventory", "--from-json", folder + "/j").stdout
            assert say in out and "4294967295" not in out, out
        vf["pf"] = "10001:3b:00.0"
        # Nothing but an address.
        tree["devices"].append({"address": "0000:ff:1f.7"})
        tree["devices"].append({"address": "0000:ff:1f.6", "flags": ["pf", "vf"]})
        tree["devices"].sort(key=lambda d: d["address"])
        write(folder + "/j", json.dumps(tree))
        out = expect(0, "inventory", "--from-json", folder + "/j").stdout
        assert "VF of 10001:3b:00.0" in out and out.count("VF of 3b:00.0") == 3, out
        assert "4294967295" not in out and "ffff" not in out, out
        for extra in ((), ("--device", "ff:1f.7"), ("--device", "ff:1f.6")):
            for other in (folder + "/j", dump("sriov")):
                done = vdevctl("compare", folder + "/j", other, *(() if other != folder + "/j" else extra))
                assert done.returncode in (0, 11, 13) and "4294967295" not in done.stdout, done.stdout + done.stderr


def no_controls():
    """What a terminal would obey is ?, and a character is whole or not there."""
    good = json.dumps(as_json("--from-dump", dump("nvme")))
    with tempfile.TemporaryDirectory() as folder:
        for text, shown in (("\x7f", '"?"'), ("\x9b31m", '"?31m"'), ("\u00a0ü€𝄞", '"\u00a0ü€𝄞"'), ("\x1b", '"\\u001b"'),
                            ("é" * 100, '"%s...,' % ("é" * 19)),
                            ("x" + "é" * 100, '"x%s...,' % ("é" * 19)), ("€" * 100, '"%s...,' % ("€" * 13))):
            for member in ("vendor", "driver", "address", "pf", "power_state", "device_serial"):
                tree = json.loads(good)
                tree["devices"][0][member] = text
                write(folder + "/j", json.dumps(tree, ensure_ascii=False))
                expect(DAMAGED, "inventory", "--from-json", folder + "/j", say="devices[0].%s: %s" % (member, shown))


def live_and_captured():
    if not os.path.isdir("/sys/bus/pci/devices"):
        raise Skip("this machine has no PCI bus")
    with tempfile.TemporaryDirectory() as folder:
        shown = expect(0, "inventory", "--capture", folder + "/c", "--json").stdout
        assert expect(0, "inventory", "--from-sysfs", folder + "/c", "--json").stdout == shown
        live = expect(0, "inventory", "--json").stdout
        assert json.loads(live)["devices"] == json.loads(shown)["devices"]
        assert live == shown
        assert (expect(0, "topology", "--json", "--sysfs", folder + "/c").stdout == expect(0, "topology", "--json").stdout)


def capture_again():
    with tempfile.TemporaryDirectory() as folder:
        shown = expect(0, "inventory", "--from-sysfs", CAPTURE, "--capture", folder + "/c", "--json").stdout
        assert shown == expect(0, "inventory", "--from-sysfs", CAPTURE, "--json").stdout
        expect(NO_FILE, "inventory", "--from-sysfs", CAPTURE, "--capture", folder + "/c", say="is not empty")
        expect(NO_FILE, "inventory", "--from-sysfs", CAPTURE, "--capture", "/proc/nothing/c", say="/proc/nothing/c")


def usage():
    for args, say in ((("--from-dump", "a", "--from-json", "b"), "exclude each other"),
                      (("--from-dump", "a", "--capture", "b"), "--capture copies sysfs"),
                      (("--from-json", "a", "--capture", "b"), "--capture copies sysfs"),
                      (("--from-sysfs", "a", "--vfio"), "--vfio asks devices of this machine"),
                      (("--from-dump", ""), "not a name"), (("--from-json", ""), '--from-json is "": not a name, expected FILE'),
                      (("--from-dump", "A", "--from-dump", "B"), '--from-dump is given twice, "A" and "B", expected one'),
                      (("--from-json", "A", "--from-json", "A"), "--from-json is given twice"),
                      (("--from-sysfs", "A", "--from-sysfs", "B"), "--from-sysfs is given twice"),
                      (("--capture", "A", "--capture", "B"), "--capture is given twice"),
                      (("--reader", "A", "--reader", "B"), "--reader is given twice"), (("x",), "such as --from-dump x")):
        expect(2, "inventory", *args, say=say)


def missing_files():
    with tempfile.TemporaryDirectory() as folder:
        for option in ("--from-dump", "--from-sysfs", "--from-json"):
            done = expect(NO_FILE, "inventory", option, folder + "/none", say=folder + "/none")
            assert "No such file" in done.stderr, done.stderr
        expect(NO_FILE, "inventory", "--from-dump", folder, say="a directory, expected a file")
        expect(NO_FILE, "inventory", "--from-json", folder, say="a directory, expected a file")
        write(folder + "/file", "")
        expect(NO_FILE, "inventory", "--from-sysfs", folder + "/file", say="Not a directory")
        expect(DAMAGED, "inventory", "--from-dump", folder + "/file", say=folder + "/file:1: no device so far")
        expect(DAMAGED, "inventory", "--from-json", folder + "/file", say="the file ends too early")
        os.mkfifo(folder + "/pipe")
        expect(DAMAGED, "inventory", "--from-dump", folder + "/pipe", say="not a plain file")
        expect(DAMAGED, "inventory", "--from-json", folder + "/pipe", say="not a plain file")
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(folder + "/socket")
            expect(DAMAGED, "inventory", "--from-dump", folder + "/socket", say="not a plain file")


def no_permission():
    if os.geteuid() != 0:
        raise Skip("only root can become another user")
    from exits import as_nobody
    with tempfile.TemporaryDirectory() as folder:
        options = as_nobody(folder)
        shutil.copy(os.path.dirname(os.path.realpath(sys.argv[1])) + "/vdev-pci-reader", folder)
        for name in ("dump", "json"):
            write("%s/%s" % (folder, name), "x")
            os.chmod("%s/%s" % (folder, name), 0)
            expect(NO_FILE, "inventory", "--from-" + name, "%s/%s" % (folder, name), say="Permission denied", **options)


def a_reader_that_is_none():
    expect(1, "inventory", "--reader", "/nonexistent", say="it is not installed")
    expect(DAMAGED, "inventory", "--reader", "/bin/true", say="ended too early")
    expect(1, "inventory", "--reader", "/bin/echo", "--from-dump", dump("nvme"), say="is none, or of another version")


def truncated(name, steps, folder):
    with open(dump(name), "rb") as file:
        whole = file.read()
    good = bad = 0
    for i in range(steps):
        path = folder + "/cut"
        with open(path, "wb") as file:
            file.write(whole[:len(whole) * i // steps])
        done = vdevctl("inventory", "--json", "--from-dump", path)
        assert done.returncode in (0, DAMAGED), (name, i, done.returncode, done.stderr)
        if done.returncode:
            assert done.stderr.startswith("vdevctl: %s:" % path) and not done.stdout, done.stderr
            assert done.stderr.split(":")[2].isdigit(), done.stderr  # the line
            bad += 1
        else:
            json.loads(done.stdout)
            good += 1
    return good, bad


def truncations():
    with tempfile.TemporaryDirectory() as folder:
        for name in ("sriov", "comments", "crlf"):
            good, bad = truncated(name, 20 if SLOW else 200, folder)
            print("%s: %d shown, %d refused" % (name, good, bad))
            assert bad > good / 2


def damaged_dumps():
    """Bytes that are something else: an inventory or a clear error, in time."""
    with open(dump("virtio"), "rb") as file:
        whole = bytearray(file.read())
    seed = 1
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(20 if SLOW else 150):
            text = bytearray(whole)
            for _ in range(3):
                seed = (seed * 6364136223846793005 + 1442695040888963407) % (1 << 64)
                text[(seed >> 33) % len(text)] = seed >> 25 & 0xff
            path = folder + "/bad"
            with open(path, "wb") as file:
                file.write(text)
            done = vdevctl("inventory", "--from-dump", path)
            assert done.returncode in (0, DAMAGED), (done.returncode, done.stderr)
            assert not done.returncode or ("%s:" % path) in done.stderr, done.stderr


def odd_dumps():
    hexline = "00: " + " ".join(["86", "80"] * 8) + "\n"
    with tempfile.TemporaryDirectory() as folder:
        for text, say in ((hexline, ":1: hexadecimal bytes, but no address"),
                          ("\x00" * 100, ":1: a byte that is 0"),
                          ("\xff\xfe0\x000\x00:\x001\x00", ":1: a byte that is 0"),
                          ("x" * 1000000, ":1: no device so far"),
                          (lspci("0000:00:00.0", (1, 2)) + lspci("ffffffff:00:01.0", (1, 2)), ":19: domain ffffffff, expected one below"),
                          ("00:00.0 x\n00: 86 80 " + "00 " * 100000 + "\n", ":2: more than 4096 bytes")):
            write(folder + "/d", text)
            expect(DAMAGED, "inventory", "--from-dump", folder + "/d", say=folder + "/d" + say)


def lspci(address, ids, size=256):
    """A device of a dump: vendor and device id, zeros."""
    config = struct.pack("<HH", *ids) + bytes(size - 4)
    return "%s Ethernet controller: x\n%s\n" % (address, "".join(
        "%02x: %s\n" % (i, config[i:i + 16].hex(" ")) for i in range(0, size, 16)))


def long_domains():
    """Each device has its own configuration space, whatever its domain (libpci's dumps have 16 bits of it)."""
    domains = ("0000", "8000", "ffff", "10000", "18000", "7fffffff", "80000000", "fffffffe")
    with tempfile.TemporaryDirectory() as folder:
        write(folder + "/d", "".join(lspci(d + ":00:01.0", (0x8086, 0x1000 + i)) for i, d in enumerate(domains)))
        seen = {d["address"]: d["device"] for d in as_json("--from-dump", folder + "/d")["devices"]}
        assert seen == {d + ":00:01.0": "0x%04x" % (0x1000 + i) for i, d in enumerate(domains)}, seen
        # More than the buses of one domain.
        many = ["%04x:%02x:%02x.%x" % (i >> 10, i >> 5 & 31, i & 31, i >> 3 & 7) for i in range(2000)]
        write(folder + "/d", "".join(lspci(a, (0x8086, i), 64) for i, a in enumerate(many)))
        seen = {d["address"]: d["device"] for d in as_json("--from-dump", folder + "/d")["devices"]}
        assert seen == {a: "0x%04x" % i for i, a in enumerate(many)}


def one_address_twice():
    """Of one device the longer block counts; two devices at one address are two machines."""
    short, long = lspci("3b:00.0", (0x8086, 0x1521), 64), lspci("3b:00.0", (0x8086, 0x1521))
    other = lspci("3b:00.0", (0x15b3, 0x101e))
    with tempfile.TemporaryDirectory() as folder:
        for text in (short + long, long + short, long + long):
            write(folder + "/d", text)
            assert [d["config_bytes"] for d in as_json("--from-dump", folder + "/d")["devices"]] == [256]
        asleep = "3b:00.0 x\n" + "".join("%02x:%s\n" % (i, " ff" * 16) for i in range(0, 256, 16))
        for text in (short + asleep, asleep + short):
            write(folder + "/d", text)
            assert [(d["device"], d["config_bytes"]) for d in as_json("--from-dump", folder + "/d")["devices"]] == [("0x1521", 64)]
        board = long.replace("20: " + "00 " * 12 + "00 00", "20: " + "00 " * 12 + "28 10")
        for text, say in ((long + other, ":19: 0000:3b:00.0 is 15b3:101e class 000000 rev 00 type 00 subsystem 0000:0000 here, in line 1 it is "
                                         "8086:1521 class 000000 rev 00 type 00 subsystem 0000:0000; expected the dump of one machine"),
                          (other + short + lspci("3b:00.1", (1, 2)), ":19: 0000:3b:00.0 is 8086:1521 class "),
                          (long + board, ":19: 0000:3b:00.0 is 8086:1521 class 000000 rev 00 type 00 subsystem 1028:0000 here, in line 1 ")):
            write(folder + "/d", text)
            expect(DAMAGED, "inventory", "--from-dump", folder + "/d", say=folder + "/d" + say)


def paths_and_no_access():
    """What lspci -PP and -P write, and a device at the end that gave no bytes."""
    root, card = lspci("00:1c.0", (0x8086, 0x1901)), lspci("00:1c.0/05:00.0", (0x8086, 0x1521))
    with tempfile.TemporaryDirectory() as folder:
        write(folder + "/d", root + card + "00:1f.0 x\n\t<access denied>\n")
        done = expect(0, "inventory", "--json", "--from-dump", folder + "/d", say="a device without hexadecimal lines, which is left out: 00:1f.0")
        assert [d["address"] for d in json.loads(done.stdout)["devices"]] == ["0000:00:1c.0", "0000:05:00.0"]
        write(folder + "/d", root + card.replace("05:", ""))
        expect(DAMAGED, "inventory", "--from-dump", folder + "/d", say=folder + "/d:19: a path without the buses, written by lspci -P")


def broken_json():
    good = as_json("--from-dump", dump("nvme"))

    def changed(change):
        tree = json.loads(json.dumps(good))
        change(tree, tree["devices"][0])
        return json.dumps(tree, indent=1)

    cases = (
        ("{", ":1: no JSON"), ("{}x", ":1: no JSON"), ("[]", "j: a list of 0, expected an object"), ("nul", ":1: no JSON"), ("{}", "format"),
        ("\n\n{,", ":3: no JSON"), ('{"a":"\xff"}'.encode("latin-1").decode("latin-1"), "format"),
        ("[" * 100, ":1: no JSON"), ("5", "j: 5, expected an object"), ("-1.5e3", "j: -1.5e3, expected an object"), ("5\n", "j: 5, expected an object"),
        ('"x"', 'j: "x", expected an object'), ("null", "j: missing or null, expected an object"), ('{"a":5', ":1: no JSON: the file ends too early"),
        ('"x', ":1: no JSON: the file ends too early"), ("-", ":1: no JSON"), ("tru", ":1: no JSON"),
        (changed(lambda t, d: t.update(version=2)), "version: 2, expected 1: this program reads version 1 only"),
        (changed(lambda t, d: t.update(source="x")), 'source: "x", expected "sysfs" or "dump"'),
        (changed(lambda t, d: t.update(kernel=5)), "kernel: 5, expected 1 to 63"),
        (changed(lambda t, d: t.update(devices=None)), "devices: missing or null, expected a list of at most 16384"),
        (changed(lambda t, d: t.pop("devices")), "devices: missing or null, expected a list of at most 16384"),
        (changed(lambda t, d: t.update(devices={})), "devices: an object, expected a list"),
        (changed(lambda t, d: t.update(devices=[1])), "devices[0]: 1, expected an object with an address"),
        (changed(lambda t, d: t.update(distances=[[10], [20]])), "distances[0]: a list of 1, expected a list of 2 numbers"),
        (changed(lambda t, d: t.update(distances=[])), "distances: a list of 0, expected"),
        (changed(lambda t, d: t.update(distances=[[0]])), "distances[0][0]: 0, expected 1 to 255"),
        (changed(lambda t, d: t["devices"].append(d)), "devices[1].address: %s is that of devices[0], too; expected each once" % good["devices"][0]["address"]),
        (changed(lambda t, d: t["devices"].append(dict(d, address="0000:00:00.0"))),
         "devices[1].address: 0000:00:00.0 comes after %s of devices[0]; expected devices in order" % good["devices"][0]["address"]),
        (changed(lambda t, d: d.update(address="00:1f.3")), 'devices[0].address: "00'),
        (changed(lambda t, d: d.update(address="0000:00:20.0")), 'devices[0].address: "00'),
        (changed(lambda t, d: d.update(pf=5)), "devices[0].pf: 5, expected an address"),
        (changed(lambda t, d: d.update(device_serial="x")), 'device_serial: "x", expected "0x" and 1 to 16'),
        (changed(lambda t, d: d.update(vendor="0x10000")), 'devices[0].vendor: "0x10000", expected "0x" and 1 to 4 hexadecimal digits'),
        (changed(lambda t, d: d.update(vendor=5)), "devices[0].vendor: 5, expected"),
        (changed(lambda t, d: d.update(vendor="8086")), "devices[0].vendor"),
        (changed(lambda t, d: d.update(msix_vectors=2049)), "msix_vectors: 2049, expected a number, 0 to 2048, or null"),
        (changed(lambda t, d: d.update(msix_vectors=-1)), "msix_vectors: -1"),
        (changed(lambda t, d: d.update(msix_vectors=1.5)), "msix_vectors: 1.5"),
        (changed(lambda t, d: d.update(flr=1)), "flr: 1, expected true, false or null"),
        (changed(lambda t, d: d.update(reset=["flr", "no such way"])), 'reset: "no such way", expected flr, af_flr, pm, bus, device_specific, acpi, cxl_bus, some'),
        (changed(lambda t, d: d.update(power_state="D9")), 'power_state: "D9", expected D0, D1, D2, D3hot, D3cold or null'),
        (changed(lambda t, d: d.update(flags=["x"])), 'flags: "x", expected pf, vf, pcie, from_pf, dead, no_caps, no_ext_caps, bad_caps, more'),
        (changed(lambda t, d: d.update(flags="pf")), 'flags: "pf", expected a list of pf, vf'),
        (changed(lambda t, d: d.update(flags=["bit9"])), 'flags: "bit9", expected pf'),
        (changed(lambda t, d: d.update(vfio_migration=["x"])), '"x", expected stop_copy, p2p, pre_copy, bit3 to bit15'),
        (changed(lambda t, d: d.update(driver="a\nb")), 'driver: "'),
        (changed(lambda t, d: d.update(driver="")), 'driver: "'),
        (changed(lambda t, d: d.update(driver="x" * 64)), 'driver: "'),
        (changed(lambda t, d: d.update(bars=[])), "bars: a list of 0, expected a list of 7"),
        (changed(lambda t, d: d["bars"][2].update(size=-1)), "bars[2].size: -1, expected a number of bytes"),
        (changed(lambda t, d: d["bars"][2].update(flags=["x"])), 'bars[2].flags: "x", expected io, memory, 64bit, prefetch'),
        (changed(lambda t, d: d["bars"].__setitem__(2, "16K")), 'devices[0].bars[2]: "16K", expected an object'),
        (changed(lambda t, d: d["bars"].__setitem__(6, 16384)), "devices[0].bars[6]: 16384, expected an object"),
        (changed(lambda t, d: d["vf_bars"].__setitem__(0, [])), "devices[0].vf_bars[0]: a list of 0, expected an object"),
        (changed(lambda t, d: d.update(capabilities=[5])), "capabilities[0]: 5, expected an object"),
        (changed(lambda t, d: d["capabilities"][1].update(id="0x12345")), 'devices[0].capabilities[1].id: "0x12345", expected "0x" and 1 to 4'),
        (changed(lambda t, d: d["capabilities"][1].update(version=256)), 'devices[0].capabilities[1].version: 256, expected a number, 0 to 255'),
        (changed(lambda t, d: d["capabilities"][1].update(offset=64)), 'devices[0].capabilities[1].offset: 64, expected "0x" and 1 to 3'),
        (changed(lambda t, d: d["capabilities"][1].update(extended=None)), 'devices[0].capabilities[1].extended: missing or null, expected true or false'),
        (changed(lambda t, d: d.update(capabilities=d["capabilities"] * 50)), "expected a list of at most 96"),
        (changed(lambda t, d: d.update(versions=[{"name": "fw"}])), "versions[0].value: missing or null, expected a short text"),
        (changed(lambda t, d: d.update(versions=[{"name": "fw", "value": ""}] * 17)), "versions: a list of 17, expected a list of at most 16"),
    )
    with tempfile.TemporaryDirectory() as folder:
        for text, say in cases:
            write(folder + "/j", text)
            done = expect(DAMAGED, "inventory", "--from-json", folder + "/j", say=say)
            assert done.stderr.startswith("vdevctl: %s:" % folder + "/j"[:2]) or folder in done.stderr, done.stderr


def attr(kind, data):
    return struct.pack("HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def devlink_answer(address, running, stored):
    """As the kernel writes it; see include/uapi/linux/devlink.h."""
    body = struct.pack("BBH", 51, 1, 0) + attr(1, b"pci\0") + attr(2, address.encode() + b"\0")
    for kind, value in ((101, running), (102, stored)):
        body += attr(kind | 0x8000, attr(103, b"fw\0") + attr(104, value.encode() + b"\0"))
    return struct.pack("IHHII", 16 + len(body), 0x15, 2, 2, 1) + body


def recorded_answers():
    with tempfile.TemporaryDirectory() as folder:
        tree = folder + "/c"
        shutil.copytree(CAPTURE, tree, symlinks=True)
        devices = as_json("--from-sysfs", tree)["devices"]
        pf = [d for d in devices if "pf" in d["flags"]][0]["address"]
        vf = [d for d in devices if "vf" in d["flags"]][0]["address"]
        with open(tree + "/vdev-capture/devlink", "wb") as file:
            file.write(devlink_answer(pf, "16.35.2000", "16.99.1"))
        os.mkdir(tree + "/vdev-capture/vfio")
        with open(tree + "/vdev-capture/vfio/" + vf, "wb") as file:
            file.write(struct.pack("IIQII", 16, 0x10001, 5, 6, 0))
        seen = {d["address"]: d for d in as_json("--from-sysfs", tree)["devices"]}
        for address in (pf, vf):  # firmware is that of the card
            assert seen[address]["versions"] == [{"name": "fw", "value": "16.35.2000"}], seen[address]
        assert seen[vf]["vfio_migration"] == ["stop_copy", "pre_copy"] and seen[vf]["dma_logging"] is True
        assert seen[pf]["vfio_migration"] is None
        out = expect(0, "inventory", "--from-sysfs", tree).stdout
        assert "pre-copy" in out and "16.35.2000" in out, out
        copied = expect(0, "inventory", "--from-sysfs", tree, "--capture", folder + "/d", "--json").stdout
        assert copied == expect(0, "inventory", "--from-sysfs", tree, "--json").stdout
        with open(tree + "/vdev-capture/vfio/" + vf, "wb") as file:
            file.write(b"x")
        expect(DAMAGED, "inventory", "--from-sysfs", tree, say="vdev-capture/vfio/%s: no answer of VFIO" % vf)
        os.unlink(tree + "/vdev-capture/vfio/" + vf)
        with open(tree + "/vdev-capture/devlink", "wb") as file:
            file.write(b"x" * 40)
        expect(DAMAGED, "inventory", "--from-sysfs", tree, say="vdev-capture/devlink: no answer of devlink")


def vpd_and_versions():
    vpd = b"\x90\x1a\0PN\x04K123SN\x03AB1V0\x09FFV20.5.1" + b"\x78"
    vpd = b"\x90" + struct.pack("<H", len(vpd) - 4) + vpd[3:]
    with tempfile.TemporaryDirectory() as folder:
        tree = folder + "/c"
        shutil.copytree(CAPTURE, tree, symlinks=True)
        at = tree + "/bus/pci/devices/0000:41:00.0/"
        with open(at + "vpd", "wb") as file:
            file.write(vpd)
        write(tree + "/bus/pci/drivers/nvme/module/version", "1.0\n")
        d = [x for x in as_json("--from-sysfs", tree)["devices"] if x["address"] == "0000:41:00.0"][0]
        assert (d["vpd_part"], d["vpd_serial"], d["vpd_firmware"]) == ("K123", "AB1", "FFV20.5.1"), d
        assert d["driver_version"] == "1.0"
        for size in range(0, len(vpd), 5 if SLOW else 1):  # a card whose VPD cannot be read to its end
            with open(at + "vpd", "wb") as file:
                file.write(vpd[:size])
            expect(0, "inventory", "--from-sysfs", tree)


def damaged_trees():
    at = "bus/pci/devices/0000:41:00.0/"

    def replace(path, text):
        def change(tree):
            os.path.lexists(tree + path) and os.unlink(tree + path)
            write(tree + path, text)
        return change

    def link(path, to):
        def change(tree):
            os.path.lexists(tree + path) and os.unlink(tree + path)
            os.symlink(to, tree + path)
        return change

    def fifo(path):
        def change(tree):
            os.unlink(tree + path)
            os.mkfifo(tree + path)
        return change

    cases = (
        (replace(at + "vendor", "nonsense\n"), at + 'vendor: "nonsense", expected a number'),
        (replace(at + "vendor", "0x12345\n"), at + "vendor"),
        (replace(at + "numa_node", "99999\n"), at + "numa_node"),
        (replace(at + "class", "x" * 100000), at + "class: no text, or too long"),
        (replace(at + "resource", "0x0 0x0\n"), at + "resource: not lines of start"),
        (replace(at + "power_state", "a\0b"), at + "power_state: no text"),
        (fifo(at + "config"), at + "config: not a plain file"),
        (fifo(at + "numa_node"), at + "numa_node: not a plain file"),
        (link(at + "vendor", "/dev/zero"), at + "vendor: not a plain file"),
        (link(at + "vendor", "vendor"), at + "vendor: links that lead in a circle"),
        (link(at + "iommu_group", "../x"), at + "iommu_group: no number"),
        (link(at + "physfn", "../x"), at + "physfn: no address"),
        (link(at + "driver", ".."), at + "driver: a link to"),
        (replace(at + "driver", "x"), at + "driver: not a link"),
        (replace("bus/pci/devices/what", "x"), "bus/pci/devices/what: not the address"),
    )
    with tempfile.TemporaryDirectory() as folder:
        for n, (change, say) in enumerate(cases):
            tree = "%s/%d/" % (folder, n)
            shutil.copytree(CAPTURE, tree, symlinks=True)
            change(tree)
            expect(DAMAGED, "inventory", "--from-sysfs", tree, say=say)
        for name in ("config", "resource", "reset_method", "power_state", "numa_node", "iommu_group"):
            tree = "%s/without-%s/" % (folder, name)
            shutil.copytree(CAPTURE, tree, symlinks=True)
            os.unlink(tree + at + name)
            expect(0, "inventory", "--from-sysfs", tree)


def output_fails():
    with open("/dev/full", "w") as full:
        for extra in ((), ("--json",)):
            done = vdevctl("inventory", "--from-dump", dump("nvme"), *extra, stdout=full)
            assert done.returncode == 1 and "cannot write" in done.stderr, (done.returncode, done.stderr)


if __name__ == "__main__":
    if not os.path.exists(os.path.dirname(os.path.realpath(sys.argv[1])) + "/vdev-pci-reader"):
        print("skip: vdev-pci-reader was not built (meson option inventory, libpci)")
        sys.exit(77)
    sys.exit(run([schema, dumps_are_those_of_make, round_trips, unknown_members_are_kept, not_known_is_null, vfs, a_table, a_table_of_what_is_not_known, no_controls,
                  live_and_captured, capture_again, usage, missing_files, no_permission, a_reader_that_is_none, truncations,
                  damaged_dumps, odd_dumps, long_domains, one_address_twice, paths_and_no_access, broken_json, recorded_answers, vpd_and_versions,
                  damaged_trees, output_fails]))
