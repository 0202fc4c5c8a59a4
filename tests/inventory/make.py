#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the dumps of dumps/ from what the devices in them are said to be: machines of our own making.

usage: make.py [FOLDER]      (default: dumps, beside this file)
"""
import os
import sys


class Config:
    """Configuration space."""

    def __init__(self, vendor, device, class_code, size=256, header=0, revision=1, subsystem=(0x1af4, 0x1100)):
        self.size = size
        self.b = bytearray(size)
        self.last = None
        self.last_ext = None
        self.put(0, vendor, 2).put(2, device, 2).put(4, 0x0507, 2).put(8, revision, 1)
        self.put(9, class_code & 0xff, 1).put(10, class_code >> 8, 2).put(0xe, header, 1)
        if header & 0x7f == 0:
            self.put(0x2c, subsystem[0], 2).put(0x2e, subsystem[1], 2)

    def put(self, at, value, size):
        self.b[at:at + size] = value.to_bytes(size, "little")
        return self

    def cap(self, number, at, *fields):
        """A capability at the end of the first list; fields: (offset, value, size)."""
        self.put(6, self.b[6] | 0x10, 1)
        self.put(0x34 if self.last is None else self.last + 1, at, 1)
        self.put(at, number, 1)
        for offset, value, size in fields:
            self.put(at + offset, value, size)
        self.last = at
        return self

    def ext(self, number, version, at, *fields):
        """An extended one; the first has to be at 0x100."""
        if self.last_ext is not None:
            self.put(self.last_ext + 2, self.b[self.last_ext + 2] & 0xf | (at & 0xf) << 4, 1)
            self.put(self.last_ext + 3, at >> 4, 1)
        self.put(at, number | version << 16, 4)
        for offset, value, size in fields:
            self.put(at + offset, value, size)
        self.last_ext = at
        return self

    def power(self, at=0x40):
        return self.cap(0x01, at, (2, 0xc803, 2), (4, 0x0008, 2))

    def msix(self, at, size):
        return self.cap(0x11, at, (2, size - 1, 2), (4, 3, 4), (8, 0x2003, 4))

    def express(self, at, kind, flr=True, speed=3, width=8, slot=None):
        self.cap(0x10, at, (2, 2 | kind << 4 | (0x100 if slot else 0), 2), (4, 0x10008fe2 if flr else 0x8001, 4),
                 (0xc, speed | width << 4, 4))
        if slot:
            caps, control, status = slot
            self.put(at + 0x14, caps, 4).put(at + 0x18, control, 2).put(at + 0x1a, status, 2)
        return self

    def sriov(self, at, total, enabled, offset, stride, device):
        return self.ext(0x10, 1, at, (8, 1 if enabled else 0, 2), (0xc, total, 2), (0xe, total, 2),
                        (0x10, enabled, 2), (0x14, offset, 2), (0x16, stride, 2), (0x1a, device, 2))

    def lines(self, end="\n"):
        for at in range(0, min(self.size, len(self.b)), 16):
            yield "%02x: %s%s" % (at, " ".join("%02x" % x for x in self.b[at:at + 16]), end)


def text(devices, end="\n"):
    out = []
    for address, name, more, config in devices:
        out.append("%s %s%s" % (address, name, end))
        out += ["\t%s%s" % (line, end) for line in more]
        out += config.lines(end)
        out.append(end)
    return "".join(out)


def network_pf():
    c = Config(0x8086, 0x1572, 0x020000, 4096, revision=2, subsystem=(0x8086, 0x0006))
    c.put(0x10, 0xd000000c, 4).put(0x1c, 0xd180000c, 4)
    c.power().cap(0x05, 0x50, (2, 0x0180, 2)).msix(0x70, 129).express(0xa0, 0).cap(0x03, 0xe0)
    c.ext(0x01, 2, 0x100).ext(0x03, 1, 0x140, (4, 0xff123456, 4), (8, 0x3cfdfeff, 4)).ext(0x0e, 1, 0x150)
    return c.sriov(0x160, 64, 4, 16, 1, 0x154c).ext(0x0d, 1, 0x1b0)


def network_vf():
    """As SR-IOV 1.1 has it: vendor and device read as ones."""
    c = Config(0xffff, 0xffff, 0x020000, 4096, revision=2, subsystem=(0x8086, 0x0000))
    return c.msix(0x70, 5).express(0xa0, 0).ext(0x01, 2, 0x100).ext(0x0e, 1, 0x150)


def nvme(size=4096):
    c = Config(0x144d, 0xa808, 0x010802, size, subsystem=(0x144d, 0xa801))
    c.put(0x10, 0xd0000004, 4)
    c.power().cap(0x05, 0x50, (2, 0x008a, 2)).express(0x70, 0, speed=3, width=4).msix(0xb0, 33)
    return c if size < 4096 else c.ext(0x01, 2, 0x100).ext(0x03, 1, 0x148).ext(0x19, 1, 0x168).ext(0x1e, 1, 0x190)


def virtio(kind, device):
    c = Config(0x1af4, device, kind, 256, subsystem=(0x1af4, 0x1100))
    c.put(0x10, 0xc041, 4).put(0x14, 0xfebd1000, 4).put(0x20, 0xfe00000c, 4)
    c.msix(0x98, 3)
    for at in (0x84, 0x70, 0x60, 0x50, 0x40):
        c.cap(0x09, at, (2, 0x10, 1), (3, 1, 1))
    return c


def port(slot_control, slot_status, secondary):
    c = Config(0x1b36, 0x000c, 0x060400, 4096, header=0x81)
    c.put(0x18, 0, 1).put(0x19, secondary, 1).put(0x1a, secondary, 1)
    c.power().express(0x54, 4, flr=False, slot=(0x0018005b, slot_control, slot_status))
    c.cap(0x0d, 0x48, (4, 0x1b36, 2), (6, 0, 2)).ext(0x01, 2, 0x100)
    return c


def sriov():
    out = [("0000:3b:00.0", "Ethernet controller: Intel Corporation Ethernet Controller X710 for 10GbE SFP+ (rev 02)",
            ["Subsystem: Intel Corporation Ethernet 10G 2P X710 Adapter", "Control: I/O- Mem+ BusMaster+ SpecCycle-",
             "Latency: 0, Cache Line Size: 32 bytes", "NUMA node: 1", "IOMMU group: 41",
             "Region 0: Memory at d0000000 (64-bit, prefetchable) [size=8M]",
             "Region 3: Memory at d1800000 (64-bit, prefetchable) [size=32K]",
             "Expansion ROM at d1f80000 [disabled] [size=512K]",
             "Capabilities: [40] Power Management version 3", "\tStatus: D0 NoSoftRst+ PME-Enable- DSel=0 DScale=1 PME-",
             "Kernel driver in use: i40e", "Kernel modules: i40e"], network_pf())]
    for n in range(4):
        out.append(("0000:3b:02.%d" % n, "Ethernet controller: Intel Corporation Ethernet Virtual Function 700 Series "
                    "(rev 02)", ["NUMA node: 1", "Kernel driver in use: %s" % ("vfio-pci" if n else "iavf")], network_vf()))
    return text(out)


def loops():
    one = Config(0x8086, 0x1000, 0x020000).cap(0x01, 0x40).cap(0x05, 0x50)
    one.put(0x51, 0x40, 1)  # back to the first
    two = Config(0x8086, 0x1001, 0x020000).cap(0x01, 0x40)
    two.put(0x41, 0x20, 1)  # into the header
    three = Config(0x8086, 0x1002, 0x020000, 4096).express(0x40, 0).ext(0x01, 1, 0x100).ext(0x03, 1, 0x140)
    three.put(0x142, 0x01, 1).put(0x143, 0x14, 1)  # to itself
    four = Config(0x8086, 0x1003, 0x020000, 4096).express(0x40, 0).ext(0x01, 1, 0x100)
    four.put(0x102, 0x01, 1).put(0x103, 0x04, 1)  # to 0x40, out of the extended space
    five = Config(0x8086, 0x1004, 0x020000).cap(0xff, 0x40)
    return text([("00:0%d.0" % n, "Ethernet controller: loop", [], c)
                 for n, c in enumerate((one, two, three, four, five))])


def many():
    c = Config(0x8086, 0x1005, 0x020000, 4096).express(0x40, 0)
    for at in range(0x100, 0x100 + 4 * 120, 4):
        c.ext(0x0b, 1, at)
    return text([("00:00.0", "Ethernet controller: more capabilities than have room", [], c)])


def dead():
    c = Config(0xffff, 0xffff, 0xffffff)
    c.b = bytearray(b"\xff" * 64)
    return text([("00:00.0", "Host bridge: alive", [], Config(0x8086, 0x1237, 0x060000, 64)),
                 ("00:03.0", "Ethernet controller: fell off the bus (rev ff) (prog-if ff)",
                  ["!!! Unknown header type 7f"], c)])


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "dumps")
    bridge = [("00:02.0", "PCI bridge: Red Hat, Inc. QEMU PCIe Root port", ["Physical Slot: 3"], port(0x11c0, 0x40, 1)),
              ("00:02.1", "PCI bridge: Red Hat, Inc. QEMU PCIe Root port", ["Physical Slot: 3"], port(0x17c0, 0, 2)),
              ("01:00.0", "Non-Volatile memory controller: Samsung (prog-if 02 [NVM Express])", [], nvme())]
    vm = [("00:00.0", "Host bridge: Intel Corporation 440FX", [], Config(0x8086, 0x1237, 0x060000)),
          ("00:03.0", "Ethernet controller: Red Hat, Inc. Virtio network device",
           ["Kernel driver in use: virtio-pci"], virtio(0x020000, 0x1000)),
          ("00:04.0", "SCSI storage controller: Red Hat, Inc. Virtio block device", [], virtio(0x010000, 0x1001))]
    dumps = {
        "sriov": sriov(),
        "bridge": text(bridge),
        "nvme": text([("03:00.0", "Non-Volatile memory controller: Samsung", [], nvme())]),
        "virtio": text(vm),
        "crlf": text(vm, "\r\n"),
        "short": text([("03:00.0", "Non-Volatile memory controller: lspci -x", [], nvme(64)),
                       ("04:00.0", "Non-Volatile memory controller: lspci -xxx", [], nvme(256))]),
        "vmd": text([("10000:e0:1d.0", "PCI bridge: behind a volume management device", [], port(0, 0, 0xe1)),
                     ("10000:e1:00.0", "Non-Volatile memory controller: there", [], nvme())]),
        "comments": "# lspci; lspci -xxxx\n# of a machine in the corner\n\n00:03.0 Ethernet controller: listed only\n"
                    "00:09.0 Ethernet controller: listed only, and nowhere else\n\n" + text(vm) +
                    "-[0000:00]-+-00.0  Intel Corporation 440FX\n           \\-04.0  Virtio block device\n",
        "twice": text([("03:00.0", "Non-Volatile memory controller: lspci -x", [], nvme(64))]) +
                 text([("0000:03:00.0", "Non-Volatile memory controller: lspci -xxxx", [], nvme())]) +
                 text([("03:00.0", "Non-Volatile memory controller: lspci -x again", [], nvme(64))]),
        "long-lines": text([("03:00.0", "Non-Volatile memory controller: " + "x" * 3000,
                             ["Kernel modules: " + ", ".join("module%d" % n for n in range(400))], nvme())]),
        "loops": loops(), "many": many(), "dead": dead(),
    }
    os.makedirs(folder, exist_ok=True)
    for name, content in dumps.items():
        with open(os.path.join(folder, name + ".txt"), "w", newline="") as file:
            file.write(content)


if __name__ == "__main__":
    main()
